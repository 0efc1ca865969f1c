//! Presence: who is there to take tasks, and how a bot asks before it hands over.

use frontdesk_tests::cast::{Person, unique};
use frontdesk_tests::pages::{id, ids};
use frontdesk_tests::{Cast, Engine, FakeChannel, Source, eventually};
use serde_json::{Value, json};

on_both_engines![
    an_agent_connects_is_away_and_leaves,
    a_silent_agent_has_gone_and_may_come_back,
    a_forged_sign_of_life_keeps_nobody_there,
    a_silence_while_nobody_listened_is_forgiven,
    a_sign_of_life_mends_a_time_in_the_future,
    a_status_is_ones_own_or_seen_by_who_monitors,
    the_agents_are_filtered,
    a_wrong_change_of_a_status_is_refused,
    a_presence_status_is_a_reason_to_be_away,
    a_bot_asks_who_is_there,
    a_disabled_agent_is_not_there,
];

const NOBODY: &str = "0123456789abcdef01234567";

/// A source in a channel of its own, and the channel's id.
struct Desk {
    source: Source,
    channel_id: String,
    _channel: FakeChannel,
}

impl Desk {
    fn open(cast: &Cast) -> Desk {
        let (source, channel) = cast.new_source();
        let parameters = json!({
            "name": unique("Desk "), "source_ids": [source.id], "soft_capability": 2, "hard_capability": 4,
        });
        let channel_id = id(&cast.otto.post("/1.0/channels", &parameters).ok());
        Desk { source, channel_id, _channel: channel }
    }

    /// Somebody new who may answer here and take tasks.
    fn hire(&self, cast: &Cast, permissions: &[&str]) -> Person {
        let person = cast.hire(&[&["receive_tasks"], permissions].concat());
        let rights = json!({ (self.source.id.as_str()): "read,reply" });
        cast.otto.put(&format!("/1.0/users/{}/sources_permissions", person.user_id), &rights).ok();
        person
    }

    fn status_of<'v>(&self, agent: &'v Value) -> &'v Value {
        let channels = agent["channels"].as_array().expect("channels");
        channels.iter().find(|channel| channel["id"] == json!(self.channel_id)).expect("the channel")
    }
}

fn connect(person: &Person) -> Value {
    person.post("/1.0/status/me/connect", &json!({})).ok()
}

fn own(person: &Person) -> String {
    format!("/1.0/status/{}", person.user_id)
}

/// How often events of a kind tell of somebody.
fn told(cast: &Cast, kind: &str, person: &Person) -> usize {
    let found = cast.otto.search("/1.0/events", &format!("name_in:push_agent.{kind} user:{}", person.user_id));
    found["count"].as_u64().expect("a count") as usize
}

fn an_agent_connects_is_away_and_leaves(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast);
    let mia = desk.hire(&cast, &[]);
    assert_eq!(mia.get(&own(&mia)).refused(404)["error"], "disconnected");
    assert_eq!(mia.post("/1.0/status/me/heartbeat", &json!({})).refused(404)["error"], "disconnected");
    let status = connect(&mia);
    assert_eq!((&status["agent_id"], &status["custom_status"]), (&json!(mia.user_id), &Value::Null));
    let here = desk.status_of(&status);
    assert_eq!((&here["status"], &here["busyness"]), (&json!("available"), &json!("unoccupied")));
    // Where they may not reply they are not connected.
    let elsewhere = Desk::open(&cast);
    assert_eq!(elsewhere.status_of(&mia.get(&own(&mia)).ok())["status"], Value::Null);
    connect(&mia);
    mia.post("/1.0/status/me/heartbeat", &json!({})).ok();
    assert_eq!(told(&cast, "connected", &mia), 1, "once connected, nothing changes");

    let away = json!({ "status": { (desk.channel_id.as_str()): "away" } });
    assert_eq!(desk.status_of(&mia.put(&own(&mia), &away).ok())["status"], "away");
    mia.put(&own(&mia), &away).ok();
    assert_eq!(told(&cast, "availability_change", &mia), 1);
    assert_eq!(desk.status_of(&mia.get(&own(&mia)).ok())["status"], "away");
    let gone = mia.post("/1.0/status/me/disconnect", &json!({})).ok();
    assert_eq!(desk.status_of(&gone)["status"], Value::Null);
    mia.post("/1.0/status/me/disconnect", &json!({})).ok();
    assert_eq!(told(&cast, "disconnected", &mia), 1);
    mia.get(&own(&mia)).refused(404);
    // Who left by themselves begins anew.
    assert_eq!(desk.status_of(&connect(&mia))["status"], "available");
    assert_eq!(told(&cast, "connected", &mia), 2);
}

/// Makes an agent silent for so many seconds more; for less than none, they were heard of in the future.
fn silence(cast: &Cast, person: &Person, seconds: i64) {
    let id = match cast.server.database_url() {
        None => format!("x'{}'", person.user_id),
        Some(_) => format!("decode('{}', 'hex')", person.user_id),
    };
    let micros = seconds * 1_000_000;
    let sql = format!("UPDATE agent_presences SET last_seen_at = last_seen_at - {micros} WHERE user_id = {id}");
    cast.server.sql(&sql);
}

fn wait_until_gone(cast: &Cast, person: &Person) {
    eventually("the silent agent is disconnected", || (cast.otto.get(&own(person)).status == 404).then_some(()));
}

fn a_silent_agent_has_gone_and_may_come_back(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast);
    let mia = desk.hire(&cast, &[]);
    connect(&mia);
    mia.put(&own(&mia), &json!({ "status": { (desk.channel_id.as_str()): "away" } })).ok();
    silence(&cast, &mia, 61);
    wait_until_gone(&cast, &mia);
    mia.post("/1.0/status/me/heartbeat", &json!({})).refused(404);
    // Within the grace everything is as they left it.
    assert_eq!(desk.status_of(&connect(&mia))["status"], "away");
    assert_eq!((told(&cast, "connected", &mia), told(&cast, "disconnected", &mia)), (1, 0), "nobody disconnected them");
    silence(&cast, &mia, 61);
    wait_until_gone(&cast, &mia);
    silence(&cast, &mia, 5 * 60);
    assert_eq!(desk.status_of(&connect(&mia))["status"], "available");
    assert_eq!(told(&cast, "connected", &mia), 2);
}

/// Whoever says that somebody else is there is not believed.
fn a_forged_sign_of_life_keeps_nobody_there(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast);
    let (mia, leo) = (desk.hire(&cast, &[]), desk.hire(&cast, &["monitor_tasks"]));
    connect(&mia);
    connect(&leo);
    silence(&cast, &mia, 50);
    for forged in [
        json!({ "agent_id": mia.user_id }),
        json!({ "user_id": mia.user_id }),
        json!({ "agentId": mia.user_id, "status": "available", "last_seen_at": "2100-01-01T00:00:00Z" }),
    ] {
        let answer = leo.post("/1.0/status/me/heartbeat", &forged).ok();
        assert_eq!(answer["agent_id"], leo.user_id.as_str(), "{forged}");
        leo.post("/1.0/status/me/connect", &forged).ok();
    }
    for verb in ["heartbeat", "connect", "disconnect"] {
        let forged = leo.post(&format!("{}/{verb}", own(&mia)), &json!({})).status;
        assert!(matches!(forged, 404 | 405), "{verb}: {forged}");
        let acting = json!({ "impersonated_user_id": mia.user_id });
        leo.post(&format!("/1.0/status/me/{verb}"), &acting).refused(400);
    }
    cast.otto.get(&own(&mia)).ok();
    silence(&cast, &mia, 11);
    wait_until_gone(&cast, &mia);
    leo.post("/1.0/status/me/heartbeat", &json!({})).ok();
}

fn a_silence_while_nobody_listened_is_forgiven(engine: Engine) {
    let mut cast = Cast::start(engine, &[]);
    let desk = Desk::open(&cast);
    let (mia, leo) = (desk.hire(&cast, &[]), desk.hire(&cast, &[]));
    connect(&mia);
    connect(&leo);
    // Nobody could be heard for ten minutes.
    cast.server.kill();
    for person in [&mia, &leo] {
        silence(&cast, person, 600);
    }
    cast.server.restart();
    // Who is silent from now on goes, which is when the others, silent for longer, would have gone before.
    eventually("a silent agent is disconnected", || {
        silence(&cast, &leo, 61);
        (cast.otto.get(&own(&leo)).status == 404).then_some(())
    });
    cast.otto.get(&own(&mia)).ok();
    mia.post("/1.0/status/me/heartbeat", &json!({})).ok();
    assert_eq!(told(&cast, "connected", &mia), 1);
    cast.server.look_through_the_log();
}

fn a_sign_of_life_mends_a_time_in_the_future(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast);
    let mia = desk.hire(&cast, &[]);
    connect(&mia);
    // As after a clock that was an hour ahead.
    silence(&cast, &mia, -3_600);
    mia.post("/1.0/status/me/heartbeat", &json!({})).ok();
    silence(&cast, &mia, 61);
    wait_until_gone(&cast, &mia);
}

fn a_status_is_ones_own_or_seen_by_who_monitors(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast);
    let (mia, leo) = (desk.hire(&cast, &[]), desk.hire(&cast, &[]));
    let (monitor, leader) = (cast.hire(&["monitor_tasks"]), cast.hire(&["monitor_team_tasks"]));
    let team = json!({ "name": unique("Team "), "leader_ids": [leader.user_id], "user_ids": [mia.user_id] });
    cast.otto.post("/1.0/teams", &team).ok();
    connect(&mia);
    connect(&leo);
    leo.get(&own(&mia)).refused(403);
    leo.get("/1.0/status").refused(403);
    leo.put(&own(&mia), &json!({ "status": {} })).refused(403);
    let agents = |person: &Person| {
        let found = person.get("/1.0/status").ok();
        let agents: Vec<String> = found
            .as_array()
            .expect("an array")
            .iter()
            .map(|agent| agent["agent_id"].as_str().unwrap().into())
            .collect();
        agents
    };
    assert!(agents(&monitor).contains(&mia.user_id) && agents(&monitor).contains(&leo.user_id));
    assert_eq!(agents(&leader), std::slice::from_ref(&mia.user_id));
    monitor.get(&own(&leo)).ok();
    leader.get(&own(&mia)).ok();
    for missing in [own(&leo), format!("/1.0/status/{NOBODY}"), "/1.0/status/nonsense".into()] {
        assert_eq!(leader.get(&missing).refused(404)["error"], "not_found", "{missing}");
    }
    let away = json!({ "status": { (desk.channel_id.as_str()): "away" } });
    assert_eq!(desk.status_of(&monitor.put(&own(&mia), &away).ok())["status"], "away");
    assert_eq!(told(&cast, "availability_change", &monitor), 1, "told of who caused it");
    // Nobody is connected by somebody else.
    cast.hire(&[]).post("/1.0/status/me/connect", &json!({ "agent_id": mia.user_id })).refused(403);
}

fn the_agents_are_filtered(engine: Engine) {
    let cast = Cast::shared(engine);
    let (desk, other) = (Desk::open(&cast), Desk::open(&cast));
    let (mia, leo) = (desk.hire(&cast, &[]), other.hire(&cast, &[]));
    let category = id(&cast.otto.create_category(&json!({ "name": unique("Skill ") })));
    let team = id(&cast.otto.post("/1.0/teams", &json!({ "name": unique("Team "), "user_ids": [mia.user_id] })).ok());
    let skills = json!({ "category_ids": [category], "spoken_languages": ["it", "fr"] });
    cast.otto.put(&format!("/1.0/users/{}", mia.user_id), &skills).ok();
    connect(&mia);
    connect(&leo);
    let found = |query: &str| {
        let found = cast.otto.get(&format!("/1.0/status?{query}")).ok();
        let of =
            |person: &Person| found.as_array().unwrap().iter().any(|agent| agent["agent_id"] == json!(person.user_id));
        (of(&mia), of(&leo))
    };
    let (mine, its) = (&desk.source.id, &other.source.id);
    for (query, expected) in [
        ("".to_owned(), (true, true)),
        (format!("source_ids[]={mine}"), (true, false)),
        (format!("source_ids[]={mine}&source_ids[]={its}"), (true, true)),
        (format!("category_ids[]={category}"), (true, false)),
        (format!("team_ids[]={team}"), (true, false)),
        ("spoken_languages[]=it".into(), (true, false)),
        ("spoken_languages[]=it&spoken_languages[]=xx".into(), (true, false)),
        (format!("spoken_languages[]=it&source_ids[]={its}"), (false, false)),
        (format!("team_ids[]={NOBODY}"), (false, false)),
    ] {
        assert_eq!(found(&query), expected, "{query}");
    }
}

fn a_wrong_change_of_a_status_is_refused(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast);
    let second = json!({ "name": unique("Second "), "source_ids": [] });
    let second = id(&cast.otto.post("/1.0/channels", &second).ok());
    let mia = desk.hire(&cast, &[]);
    let before = connect(&mia);
    let here = desk.channel_id.as_str();
    // Other stories make channels meanwhile.
    let own_channels = |status: &Value| {
        let mut status = status.clone();
        status["channels"]
            .as_array_mut()
            .unwrap()
            .retain(|channel| channel["id"] == here || channel["id"] == second.as_str());
        status
    };
    for (change, attribute) in [
        (json!({}), "status"),
        (json!({ "status": {} }), "status"),
        (json!({ "status": { (second.as_str()): "away" } }), "status"),
        (json!({ "status": { (here): "away", (NOBODY): "away" } }), "status"),
        (json!({ "status": { (here): "asleep" } }), "status"),
        (json!({ "custom_status_id": NOBODY }), "custom_status_id"),
        (json!({ "custom_status_id": "nonsense" }), "custom_status_id"),
    ] {
        assert_eq!(mia.put(&own(&mia), &change).invalid(), [attribute], "{change}");
    }
    assert_eq!(own_channels(&mia.get(&own(&mia)).ok()), own_channels(&before));
    mia.put(&own(&mia), &json!({ "status": { (here): "away", (second.as_str()): "away" } })).ok();
}

fn a_presence_status_is_a_reason_to_be_away(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast);
    let monitor = cast.hire(&["monitor_tasks"]);
    let name = unique("Lunch ");
    let lunch = monitor.post("/1.0/presence_status", &json!({ "name": format!(" {name} ") })).ok();
    assert_eq!(lunch["name"], json!(name));
    assert_eq!(monitor.post("/1.0/presence_status", &json!({ "name": name.to_uppercase() })).invalid(), ["name"]);
    assert_eq!(monitor.post("/1.0/presence_status", &json!({})).invalid(), ["name"]);
    let one = format!("/1.0/presence_status/{}", id(&lunch));
    let renamed = unique("Break ");
    assert_eq!(monitor.put(&one, &json!({ "name": renamed })).ok()["name"], json!(renamed));
    assert!(ids(&cast.rita.get("/1.0/presence_status?limit=150").ok()).contains(&id(&lunch)));
    cast.rita.get(&one).refused(403);

    let mia = desk.hire(&cast, &[]);
    connect(&mia);
    let custom = mia.put(&own(&mia), &json!({ "custom_status_id": id(&lunch) })).ok();
    assert_eq!(
        (&custom["custom_status"], &desk.status_of(&custom)["status"]),
        (&json!({ "id": id(&lunch) }), &json!("away"))
    );
    // Of both, the channels count.
    let both = json!({ "custom_status_id": id(&lunch), "status": { (desk.channel_id.as_str()): "available" } });
    let available = mia.put(&own(&mia), &both).ok();
    assert_eq!(
        (&available["custom_status"], &desk.status_of(&available)["status"]),
        (&Value::Null, &json!("available"))
    );
    mia.put(&own(&mia), &json!({ "custom_status_id": id(&lunch) })).ok();
    monitor.delete(&one).ok();
    monitor.get(&one).refused(404);
    let after = mia.get(&own(&mia)).ok();
    assert_eq!((&after["custom_status"], &desk.status_of(&after)["status"]), (&Value::Null, &json!("away")));
}

fn a_bot_asks_who_is_there(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast);
    let bot = desk.hire(&cast, &[]);
    let ask = |more: &str| bot.get(&format!("/1.0/availability?source_id={}{more}", desk.source.id)).ok();
    let nobody = json!({ "available": false, "agents": 0, "slots": 0, "taken": 0, "waiting": 0 });
    assert_eq!(ask(""), nobody);
    let mia = desk.hire(&cast, &[]);
    let category = id(&cast.otto.create_category(&json!({ "name": unique("Skill ") })));
    let skills = json!({ "category_ids": [category], "spoken_languages": ["fr"] });
    cast.otto.put(&format!("/1.0/users/{}", mia.user_id), &skills).ok();
    connect(&mia);
    let somebody = json!({ "available": true, "agents": 1, "slots": 2, "taken": 0, "waiting": 0 });
    assert_eq!(ask(""), somebody);
    assert_eq!(ask(&format!("&category_ids[]={category}&language=fr")), somebody);
    assert_eq!(ask("&language=fr-CH"), somebody, "as routing takes it");
    assert_eq!(ask("&language=de"), nobody);
    assert_eq!(ask(&format!("&category_ids[]={NOBODY}")), nobody);
    assert_eq!(ask("&queue_factor=0.5")["slots"], 3);
    mia.put(&own(&mia), &json!({ "status": { (desk.channel_id.as_str()): "away" } })).ok();
    assert_eq!(ask(""), nobody);
    for wrong in ["-1", "11", "NaN"] {
        let answer = bot.get(&format!("/1.0/availability?source_id={}&queue_factor={wrong}", desk.source.id));
        assert!([400, 422].contains(&answer.status), "{wrong}: {}", answer.text());
    }
    assert_eq!(cast.rita.get(&format!("/1.0/availability?source_id={}", desk.source.id)).invalid(), ["source_id"]);
    // A source of no channel has nobody.
    let (lonely, _channel) = cast.new_source();
    assert_eq!(cast.otto.get(&format!("/1.0/availability?source_id={}", lonely.id)).ok(), nobody);
}

fn a_disabled_agent_is_not_there(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast);
    let mia = desk.hire(&cast, &[]);
    connect(&mia);
    cast.otto.put(&format!("/1.0/users/{}", mia.user_id), &json!({ "enabled": false })).ok();
    let found = cast.otto.get(&format!("/1.0/status?source_ids[]={}", desk.source.id)).ok();
    assert_eq!(found, json!([]));
    wait_until_gone(&cast, &mia);
}
