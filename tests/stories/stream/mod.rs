//! The live stream: events as they happen, over both transports.

mod mirror;

use std::time::{Duration, Instant};

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::Request;
use frontdesk_tests::pages::id;
use frontdesk_tests::{Cast, Engine, Heard, SOON, Source, Stream, TRANSPORTS, Transport, eventually};
use serde_json::{Value, json};

on_both_engines![
    events_come_as_they_happen,
    filters_let_through_what_they_name,
    who_may_read_a_thread_sees_a_customer_type,
    who_may_read_a_thread_sees_which_colleagues_are_in_it,
    a_lost_stream_goes_on_where_it_was,
    what_is_wrong_is_refused_before_it_begins,
    nobody_is_told_of_what_they_may_not_read,
    changed_rights_hold_at_once,
    who_sees_less_or_more_than_before_is_told_so,
    who_watches_a_team_hears_of_whoever_joins_it,
    a_disabled_token_ends_the_stream,
    a_page_of_another_site_needs_the_token_itself,
    a_stream_beats_and_says_where_it_is,
    a_missed_part_of_the_log_is_told,
    the_server_ends_streams_when_it_stops,
    a_token_has_only_so_many_streams,
    a_reader_that_does_not_read_is_cut_and_can_resume,
];

/// So long nothing comes that should not come.
const QUIET: Duration = Duration::from_millis(700);

fn events_come_as_they_happen(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    for transport in TRANSPORTS {
        let mut stream = cast.otto.stream(transport, &format!("source_ids[]={}", source.id));
        let began = stream.heartbeat();
        let thread = unique("thread-");
        source.says("Vera", &thread, "Hello");
        let told = stream.event_named("content.imported");
        let content = source.contents(&cast.otto, &thread).remove(0);
        assert!(told["seq"].as_i64().unwrap() > began);
        assert_eq!(told["resource"]["id"], content["id"]);
        assert_eq!(told["resource"]["type"], "sdk/message");
        assert_eq!(told["resource"]["metadata"]["body"], "Hello");
        assert!(told["issued_at"].as_str().is_some_and(|at| at.ends_with('Z')) && told.get("user_id").is_none());
        let answer = cast.otto.reply(&id(&content), "Good day");
        let told = stream.event_named("content.replied");
        assert_eq!((&told["user_id"], &told["resource"]["id"]), (&json!(cast.otto.user_id), &answer["id"]));
    }
}

fn who_may_read_a_thread_sees_a_customer_type(engine: Engine) {
    let cast = Cast::shared(engine);
    let (_, channel) = cast.new_source();
    let options = json!({ "options": ["view.messaging", "messaging.typing_indicator"] });
    let source = Source::create(&cast.otto, &channel.base_uri(), &options);
    for transport in TRANSPORTS {
        let name = unique("thread-");
        source.says("Vera", &name, "Hello");
        let thread = source.thread(&cast.otto, &name)["id"].clone();
        let mut stream = cast.otto.stream(transport, "types[]=typing.*");
        let mut elsewhere = cast.otto.stream(transport, &format!("source_ids[]={}", cast.shop.id));
        let mut stranger = cast.hire(&[]).stream(transport, "");
        let mut asks_for_others = cast.otto.stream(transport, "types[]=content.replied");
        let began = stream.heartbeat();
        for other in [&mut elsewhere, &mut stranger, &mut asks_for_others] {
            other.heartbeat();
        }
        source.tells("typing.start", &json!({ "thread_id": name, "preview": "Where is my k".repeat(200) }));
        let told = stream.event_named("typing.started");
        assert_eq!((&told["resource"]["type"], &told["resource"]["id"]), (&json!("content_thread"), &thread));
        assert_eq!(told["resource"]["metadata"]["source_id"], json!(source.id));
        let preview = told["resource"]["metadata"]["preview"].as_str().unwrap();
        assert!(preview.starts_with("Where is my kWhere") && preview.len() == 1_000, "{preview}");
        assert!(told["seq"].as_i64().unwrap() >= began && told.get("id").is_none());
        source.tells("typing.stop", &json!({ "thread_id": name }));
        let told = stream.event_named("typing.stopped");
        assert_eq!((&told["resource"]["id"], &told["resource"]["metadata"]["preview"]), (&thread, &Value::Null));
        source.tells("typing.stop", &json!({ "thread_id": name }));
        source.says("Vera", &name, "Where is my kettle?");
        for other in [&mut elsewhere, &mut stranger, &mut asks_for_others] {
            while let Heard::Message(message) = other.hear(QUIET) {
                assert!(!message["type"].as_str().unwrap().starts_with("typing."), "{message}");
            }
        }
        assert_eq!(stream.hear(QUIET), Heard::Silence, "it had stopped already");
    }
}

fn who_may_read_a_thread_sees_which_colleagues_are_in_it(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let name = unique("thread-");
    source.says("Vera", &name, "Hello");
    let thread = id(&source.thread(&cast.otto, &name));
    let path = format!("/1.0/content_threads/{thread}/presence");
    for transport in TRANSPORTS {
        let mut stream = cast.otto.stream(transport, "");
        let mut stranger = cast.hire(&[]).stream(transport, "types[]=colleague.*");
        stream.heartbeat();
        stranger.heartbeat();
        for (state, kind) in [
            (json!({}), "colleague.reading"),
            (json!({ "state": "writing" }), "colleague.writing"),
            (json!({ "state": "left" }), "colleague.left"),
        ] {
            assert_eq!(cast.otto.post(&path, &state).ok()["id"], thread);
            let told = stream.event_named(kind);
            assert_eq!((&told["resource"]["id"], &told["user_id"]), (&json!(thread), &json!(cast.otto.user_id)));
            assert_eq!(told["resource"]["metadata"]["source_id"], json!(source.id));
        }
        assert_eq!(stranger.hear(QUIET), Heard::Silence);
    }
    cast.otto.post(&path, &json!({ "state": "asleep" })).refused(400);
    cast.hire(&[]).post(&path, &json!({})).refused(404);
}

fn filters_let_through_what_they_name(engine: Engine) {
    let cast = Cast::shared(engine);
    let ((here, _one), (there, _other)) = (cast.new_source(), cast.new_source());
    for transport in TRANSPORTS {
        let (mine, other) = (unique("thread-"), unique("thread-"));
        here.says("Vera", &mine, "first");
        here.says("Vera", &other, "first");
        let thread_id = id(&here.thread(&cast.otto, &mine));
        let mut of_thread = cast.otto.stream(transport, &format!("thread_ids[]={thread_id}"));
        let query = format!("types[]=intervention.*&types[]=content.replied&source_ids[]={}", here.id);
        let mut of_types = cast.otto.stream(transport, &query);
        of_thread.heartbeat();
        of_types.heartbeat();
        there.says("Vera", &mine, "elsewhere");
        here.says("Vera", &other, "second");
        here.says("Vera", &mine, "second");
        // What other stories do to the rights of sources is told to everybody.
        let told = of_thread.event_named("content.imported");
        assert_eq!(told["resource"]["metadata"]["body"], "second");
        let first = id(&here.contents(&cast.otto, &mine)[0]);
        cast.otto.reply(&first, "Good day");
        let told: Vec<Value> = (0..3).map(|_| of_types.event()["type"].clone()).collect();
        assert_eq!(told, ["intervention.opened", "intervention.assigned", "content.replied"]);
        assert_eq!(of_types.next(QUIET), Heard::Silence);
    }
}

fn a_lost_stream_goes_on_where_it_was(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let thread = unique("thread-");
    let filter = format!("source_ids[]={}&types[]=content.imported", source.id);
    for transport in TRANSPORTS {
        let mut stream = cast.otto.stream(transport, &filter);
        stream.heartbeat();
        source.says("Vera", &thread, "seen");
        let seen = stream.event()["seq"].as_i64().unwrap();
        drop(stream);
        for text in ["one", "two", "three"] {
            source.says("Vera", &thread, text);
        }
        let texts = |stream: &mut Stream| -> Vec<Value> {
            (0..3).map(|_| stream.event()["resource"]["metadata"]["body"].clone()).collect()
        };
        let mut again = cast.otto.stream(transport, &format!("{filter}&after={seen}"));
        assert_eq!(again.heartbeat(), seen);
        assert_eq!(texts(&mut again), ["one", "two", "three"]);
        // A browser comes back to the address that it came from, and says in a header what it saw last.
        let token = format!("Bearer {}", cast.otto.token);
        let (place, old) = (seen.to_string(), format!("{filter}&after=0"));
        let headers = [("Authorization", token.as_str()), ("Last-Event-ID", place.as_str())];
        let mut browser = Stream::open(cast.server.address(), transport, &old, &headers).unwrap().unwrap();
        assert_eq!(texts(&mut browser), ["one", "two", "three"]);
        assert_eq!(browser.next(QUIET), Heard::Silence);
    }
}

fn what_is_wrong_is_refused_before_it_begins(engine: Engine) {
    let cast = Cast::shared(engine);
    for transport in TRANSPORTS {
        let refused = |query: &str| match cast.otto.try_stream(transport, query) {
            Ok(_) => panic!("{query} is not refused"),
            Err(answer) => answer,
        };
        let beyond = refused("after=9007199254740990");
        assert_eq!(beyond.invalid(), ["after"]);
        assert!(beyond.json()["message"].as_str().unwrap().contains("the log ends at "));
        refused("after=-1");
        refused("after=soon");
        assert_eq!(refused("types[]=content.imported&types[]=content.boiled").invalid(), ["types"]);
        for wrong in ["types[]=*", "types[]=content*", "types[]=.*", "types[]=bogus.*"] {
            assert_eq!(refused(wrong).invalid(), ["types"], "{wrong}");
        }
        refused("source_ids[]=0123456789abcdef01234567").refused(404);
        refused("thread_ids[]=0123456789abcdef01234567").refused(404);
        assert!((400..500).contains(&refused("source_ids[]=nonsense").status));
        let many: Vec<String> = (0..101).map(|_| format!("source_ids[]={}", cast.shop.id)).collect();
        assert!((400..500).contains(&refused(&many.join("&")).status));
        let open = |query: &str, headers: &[(&str, &str)]| {
            Stream::open(cast.server.address(), transport, query, headers).unwrap().err().expect("a refusal")
        };
        open("", &[]).refused(401);
        open("access_token=nonsense", &[]).refused(401);
        let token = format!("Bearer {}", cast.otto.token);
        let answer = open("", &[("Authorization", &token), ("Last-Event-ID", "x")]);
        assert!((400..500).contains(&answer.status), "{}", answer.status);
    }
    // A half-made upgrade is no upgrade.
    let broken = Request::new("GET", "/1.0/stream").token(&cast.otto.token).header("Upgrade", "websocket");
    let answer = broken.send(cast.server.address()).unwrap();
    answer.refused(400);
}

fn nobody_is_told_of_what_they_may_not_read(engine: Engine) {
    let cast = Cast::shared(engine);
    let (hidden, _channel) = cast.new_source();
    let thread = unique("thread-");
    hidden.says("Vera", &thread, "Only for Otto");
    let thread_id = id(&hidden.thread(&cast.otto, &thread));
    for transport in TRANSPORTS {
        // Ada reads the shop alone.
        let mut ada = cast.ada.stream(transport, "after=0");
        let mut otto = cast.otto.stream(transport, &format!("source_ids[]={}", hidden.id));
        ada.heartbeat();
        otto.heartbeat();
        hidden.says("Vera", &thread, "Only for Otto");
        assert_eq!(otto.event()["resource"]["metadata"]["thread_id"], thread_id.as_str());
        let here = unique("thread-");
        cast.shop.says("Vera", &here, "For everybody");
        let mut told = Vec::new();
        loop {
            let message = ada.event();
            let is_last = message["resource"]["metadata"]["body"] == "For everybody";
            told.push(message);
            if is_last {
                break;
            }
        }
        for message in told {
            let text = message.to_string();
            assert!(
                !text.contains("Only for Otto") && !text.contains(&hidden.id) && !text.contains(&thread_id),
                "{text}"
            );
            let account = ["user.", "role.", "api_access_token.", "team.", "settings."];
            assert!(!account.iter().any(|kind| message["type"].as_str().unwrap().starts_with(kind)), "{text}");
        }
        for query in [format!("source_ids[]={}", hidden.id), format!("thread_ids[]={thread_id}")] {
            cast.ada.try_stream(transport, &query).err().expect("a refusal").refused(404);
            // Acting as somebody shows what they may see, and no more.
            let as_ada = format!("{query}&impersonated_user_id={}", cast.ada.user_id);
            cast.otto.try_stream(transport, &as_ada).err().expect("a refusal").refused(404);
        }
        let as_ada = format!("impersonated_user_id={}&types[]=content.imported", cast.ada.user_id);
        let mut as_ada = cast.otto.stream(transport, &as_ada);
        as_ada.heartbeat();
        hidden.says("Vera", &thread, "Only for Otto");
        cast.shop.says("Vera", &here, "Once more");
        let told = loop {
            let told = as_ada.event();
            assert!(!told.to_string().contains("Only for Otto"), "{told}");
            if told["resource"]["metadata"]["body"] == "Once more" {
                break told;
            }
        };
        assert_eq!(told["resource"]["metadata"]["source_id"], cast.shop.id.as_str());
        let as_otto = format!("impersonated_user_id={}", cast.otto.user_id);
        cast.ada.try_stream(transport, &as_otto).err().expect("a refusal").refused(400);
    }
}

fn changed_rights_hold_at_once(engine: Engine) {
    let cast = Cast::shared(engine);
    let ((source, _channel), (always, _other)) = (cast.new_source(), cast.new_source());
    for transport in TRANSPORTS {
        let mallory = cast.hire(&[]);
        let path = format!("/1.0/users/{}/sources_permissions", mallory.user_id);
        let give = |rights: &str| {
            let rights = json!({ (source.id.as_str()): rights, (always.id.as_str()): "read" });
            cast.otto.put(&path, &rights).ok();
        };
        give("");
        let mut stream = mallory.stream(transport, "types[]=content.imported");
        stream.heartbeat();
        let (thread, other) = (unique("thread-"), unique("thread-"));
        let mut heard = || stream.event()["resource"]["metadata"]["body"].clone();
        // What is told shows that what came before it has been decided.
        let bodies = [("", "a", "b"), ("read", "c", "d"), ("", "e", "f"), ("read", "g", "h")];
        for (rights, hidden, seen) in bodies {
            give(rights);
            source.says("Vera", &thread, hidden);
            always.says("Vera", &other, seen);
            if rights == "read" {
                assert_eq!(heard(), hidden);
            }
            assert_eq!(heard(), seen);
        }
    }
}

fn who_sees_less_or_more_than_before_is_told_so(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    for transport in TRANSPORTS {
        let mallory = cast.hire(&[]);
        let path = format!("/1.0/users/{}/sources_permissions", mallory.user_id);
        let give = |rights: &str| drop(cast.otto.put(&path, &json!({ (source.id.as_str()): rights })).ok());
        let (mut stream, mut filtered) =
            (mallory.stream(transport, ""), mallory.stream(transport, "types[]=content.*"));
        stream.heartbeat();
        filtered.heartbeat();
        for rights in ["read", "read,reply", ""] {
            give(rights);
            let told = stream.event();
            assert_eq!((&told["type"], told["seq"].is_i64()), (&json!("rights"), true), "{told}");
        }
        // What changes nothing for them is not told, nor to whom asked for other things.
        give("");
        cast.otto.put(&format!("/1.0/users/{}", mallory.user_id), &json!({ "firstname": "Mal" })).ok();
        assert_eq!(stream.next(QUIET), Heard::Silence);
        assert_eq!(filtered.next(QUIET), Heard::Silence);
    }
}

fn who_watches_a_team_hears_of_whoever_joins_it(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let otto = &cast.otto;
    let group = json!({
        "name": unique("Group "), "source_ids": [source.id], "soft_capability": 9, "hard_capability": 9,
    });
    let channel_id = id(&otto.post("/1.0/channels", &group).ok());
    let (leader, agent) = (cast.hire(&["monitor_team_tasks"]), cast.hire(&["receive_tasks"]));
    for (person, rights) in [(&leader, "read"), (&agent, "read,reply")] {
        let rights = json!({ (source.id.as_str()): rights });
        otto.put(&format!("/1.0/users/{}/sources_permissions", person.user_id), &rights).ok();
    }
    agent.post("/1.0/status/me/connect", &json!({})).ok();
    let team = json!({ "name": unique("Team "), "leader_ids": [leader.user_id], "user_ids": [] });
    let team = id(&otto.post("/1.0/teams", &team).ok());
    let belongs = |team_ids: Value| {
        otto.put(&format!("/1.0/users/{}", agent.user_id), &json!({ "team_ids": team_ids })).ok();
    };
    let rings = |thread: &str| -> Value {
        source.says("Vera", thread, "Hello?");
        let thread_id = source.thread(otto, thread)["id"].clone();
        eventually("it rings", || {
            let tasks = otto.get(&format!("/1.0/tasks?channel_id={channel_id}&limit=150")).ok();
            let task = frontdesk_tests::pages::records(&tasks).iter().find(|task| task["thread_id"] == thread_id);
            task.filter(|task| task["agent_ids"] == json!([agent.user_id])).map(drop)
        });
        thread_id
    };
    for transport in TRANSPORTS {
        belongs(json!([]));
        let mut stream = leader.stream(transport, "types[]=task.assigned");
        stream.heartbeat();
        // What is told shows that what came before it has been decided.
        for _ in 0..2 {
            rings(&unique("thread-"));
            belongs(json!([team]));
            let thread_id = rings(&unique("thread-"));
            assert_eq!(stream.event()["resource"]["metadata"]["thread_id"], thread_id);
            belongs(json!([]));
        }
    }
    // How the members of a team are doing is told to who leads it, as `/status` shows it to them.
    for transport in TRANSPORTS {
        let mut stream = leader.stream(transport, "types[]=push_agent.availability_change");
        stream.heartbeat();
        let is = |status: &str| {
            let path = format!("/1.0/status/{}", agent.user_id);
            let channels = agent.get(&path).ok()["channels"].as_array().expect("channels").clone();
            let on_it = channels.iter().filter(|channel| !channel["status"].is_null());
            let wanted: serde_json::Map<_, _> = on_it.map(|channel| (id(channel), json!(status))).collect();
            agent.put(&path, &json!({ "status": wanted })).ok();
        };
        is("away");
        belongs(json!([team]));
        is("available");
        let told = stream.event();
        assert_eq!(told["resource"]["id"], json!(agent.user_id));
        let channels = told["resource"]["metadata"]["channels"].as_array().expect("channels").clone();
        let here = channels.iter().find(|channel| channel["id"] == json!(channel_id)).expect("the channel");
        assert_eq!(here["status"], "available");
        belongs(json!([]));
    }
    agent.post("/1.0/status/me/disconnect", &json!({})).ok();
}

fn a_disabled_token_ends_the_stream(engine: Engine) {
    let cast = Cast::shared(engine);
    for transport in TRANSPORTS {
        for disable_user in [false, true] {
            let mallory = cast.hire(&[]);
            let label = unique("x");
            let made =
                cast.otto.post("/1.0/access_tokens", &json!({ "label": label, "user_id": mallory.user_id })).ok();
            let reader = mallory.but_with(made["token"].as_str().unwrap());
            let mut stream = reader.stream(transport, "");
            let mut unharmed = mallory.stream(transport, "");
            stream.heartbeat();
            unharmed.heartbeat();
            if disable_user {
                cast.otto.put(&format!("/1.0/users/{}", mallory.user_id), &json!({ "enabled": false })).ok();
            } else {
                cast.otto.put(&format!("/1.0/access_tokens/{}", id(&made)), &json!({ "enabled": false })).ok();
            }
            let end = stream.event();
            assert_eq!((&end["type"], &end["error"]), (&json!("end"), &json!("invalid_access_token")), "{end}");
            let code = (transport == Transport::WebSocket).then_some(1008);
            assert_eq!(stream.hear(SOON), Heard::Closed(code));
            match disable_user {
                true => assert_eq!(unharmed.event()["type"], "end"),
                false => assert_eq!(unharmed.next(QUIET), Heard::Silence),
            }
        }
    }
}

fn a_page_of_another_site_needs_the_token_itself(engine: Engine) {
    let cast = Cast::shared(engine);
    let with_token = format!("access_token={}", cast.otto.token);
    for transport in TRANSPORTS {
        for origin in ["https://evil.example", "null", "https://desk.example.evil.example"] {
            let open = |query: &str, headers: &[(&str, &str)]| {
                Stream::open(cast.server.address(), transport, query, headers).unwrap()
            };
            // Whatever a browser adds by itself opens nothing.
            let cookie = format!("access_token={0}; token={0}", cast.otto.token);
            let by_itself = [("Origin", origin), ("Cookie", cookie.as_str())];
            open("", &by_itself).err().expect("a refusal").refused(401);
            assert!(open(&with_token, &[("Origin", origin)]).is_ok());
        }
    }
}

fn a_stream_beats_and_says_where_it_is(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let (silent, _channel) = cast.new_source();
    let nothing = format!("types[]=task.created&source_ids[]={}", silent.id);
    let mut streams: Vec<Stream> = TRANSPORTS.iter().map(|transport| cast.otto.stream(*transport, &nothing)).collect();
    let mut began: Vec<i64> = streams.iter_mut().map(Stream::heartbeat).collect();
    let started = Instant::now();
    source.says("Vera", &unique("thread-"), "Not for them");
    for (stream, began) in streams.iter_mut().zip(&mut began) {
        let Heard::Message(beat) = stream.hear(Duration::from_secs(17)) else { panic!("no heartbeat") };
        assert_eq!(beat["type"], "heartbeat");
        let place = beat["seq"].as_i64().unwrap();
        assert!(place > *began, "what a filter holds back is passed as well");
        *began = place;
    }
    assert!(started.elapsed() >= Duration::from_secs(14), "{:?}", started.elapsed());
    let again = cast.otto.stream(Transport::WebSocket, &format!("after={}", began[0])).heartbeat();
    assert_eq!(again, began[0]);
}

fn a_missed_part_of_the_log_is_told(engine: Engine) {
    let mut cast = Cast::start(engine, &[]);
    let (source, _channel) = cast.new_source();
    let thread = unique("thread-");
    for number in 0..5 {
        source.says("Vera", &thread, &format!("message {number}"));
    }
    let last = cast.otto.stream(Transport::Events, "").heartbeat();
    cast.server.stop();
    cast.server.sql(&format!("DELETE FROM log WHERE seq <= {}", last - 3));
    cast.server.restart();
    for transport in TRANSPORTS {
        for after in [0, 1, last - 4] {
            let mut stream = cast.otto.stream(transport, &format!("after={after}&types[]=content.imported"));
            assert_eq!(stream.heartbeat(), after);
            let told = stream.event();
            assert_eq!(told["type"], "resync", "{told}");
            assert_eq!((&told["after"], &told["oldest"]), (&json!(after), &json!(last - 2)), "{told}");
            let goes_on = told["seq"].as_i64().unwrap();
            assert!(goes_on >= last);
            source.says("Vera", &thread, "after all");
            let event = stream.event();
            assert!(event["type"] == "content.imported" && event["seq"].as_i64().unwrap() > goes_on, "{event}");
        }
        // What is still there is no gap.
        let mut stream = cast.otto.stream(transport, &format!("after={}", last - 3));
        assert_eq!(stream.event()["seq"], last - 2);
    }
    // Also when nothing is left.
    cast.server.stop();
    cast.server.sql("DELETE FROM log");
    cast.server.restart();
    let mut stream = cast.otto.stream(Transport::Events, "after=7");
    let told = stream.event();
    assert_eq!((&told["type"], &told["oldest"]), (&json!("resync"), &Value::Null));
}

fn the_server_ends_streams_when_it_stops(engine: Engine) {
    let mut cast = Cast::start(engine, &[]);
    let mut streams: Vec<_> =
        TRANSPORTS.iter().map(|transport| (*transport, cast.ada.stream(*transport, ""))).collect();
    for (_, stream) in &mut streams {
        stream.heartbeat();
    }
    let started = Instant::now();
    cast.server.stop();
    assert!(started.elapsed() < Duration::from_secs(8), "streams do not hold the server up: {:?}", started.elapsed());
    for (transport, mut stream) in streams {
        let code = (transport == Transport::WebSocket).then_some(1001);
        assert_eq!(stream.next(SOON), Heard::Closed(code));
    }
}

fn a_token_has_only_so_many_streams(engine: Engine) {
    let cast = Cast::start(engine, &["--streams-max", "103"]);
    let mut streams: Vec<Stream> = (0..100).map(|number| cast.ada.stream(TRANSPORTS[number % 2], "")).collect();
    for transport in TRANSPORTS {
        let refused = cast.ada.try_stream(transport, "").err().expect("a refusal");
        assert_eq!(refused.refused(429)["error"], "too_many_streams");
        assert!(refused.header("retry-after").is_some());
    }
    let _others: Vec<Stream> = (0..3).map(|number| cast.bo.stream(TRANSPORTS[number % 2], "")).collect();
    let refused = cast.rita.try_stream(Transport::WebSocket, "").err().expect("a refusal");
    assert!(refused.refused(429)["message"].as_str().unwrap().contains("This server"));
    let metrics = || cast.server.send(&Request::new("GET", "/metrics")).text();
    let shown = metrics();
    assert!(shown.contains("frontdesk_streams{transport=\"sse\"} 52"), "{shown}");
    assert!(shown.contains("frontdesk_streams{transport=\"websocket\"} 51"), "{shown}");
    // Whoever goes leaves a place, whether or not they say so.
    streams.truncate(96);
    eventually("places are given back", || metrics().contains("frontdesk_streams{transport=\"sse\"} 50").then_some(()));
    let mut again = eventually("a place", || cast.ada.try_stream(Transport::WebSocket, "").ok());
    again.heartbeat();
}

/// Four bytes a character: as many bytes as a content may have.
const LONG: &str = "\u{1f600}";

fn figure(cast: &Cast, name: &str) -> u64 {
    let text = cast.server.send(&Request::new("GET", "/metrics")).text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in {text}"))
}

fn a_reader_that_does_not_read_is_cut_and_can_resume(engine: Engine) {
    let cast = Cast::start(engine, &["--unread-timeout", "6"]);
    reads_nothing(&cast, Transport::WebSocket);
}

/// What the listener does to every connection that takes nothing: one engine shows it.
#[test]
fn a_reader_of_server_sent_events_that_does_not_read_is_cut_and_can_resume() {
    let cast = Cast::start(Engine::Sqlite, &["--unread-timeout", "3"]);
    reads_nothing(&cast, Transport::Events);
}

fn reads_nothing(cast: &Cast, transport: Transport) {
    let (source, _channel) = cast.new_source();
    let filter = format!("source_ids[]={}&types[]=content.imported", source.id);
    let mut slow = cast.otto.stream(transport, &filter);
    let mut quick = cast.otto.stream(transport, &filter);
    let began = slow.heartbeat();
    quick.heartbeat();
    // Of the other kind the listener cuts the connection, and counts none.
    let (name, cut) = if transport == Transport::WebSocket { ("websocket", 1) } else { ("sse", 0) };
    let open = format!("frontdesk_streams{{transport=\"{name}\"}}");
    assert_eq!((figure(cast, &open), figure(cast, "frontdesk_streams_cut_total")), (2, 0));
    // More than the sockets of both sides hold: 4 MiB where it is sent, and the first window of who reads nothing.
    let (messages, thread) = (120, unique("thread-"));
    for number in 0..messages {
        source.says("Vera", &thread, &format!("{number} {}", LONG.repeat(19_900)));
        let told = quick.event();
        let text = told["resource"]["metadata"]["body"].as_str().unwrap();
        assert!(text.starts_with(&format!("{number} ")), "somebody else's slowness is not felt");
    }
    let started = Instant::now();
    while figure(cast, &open) == 2 {
        assert!(started.elapsed() < SOON, "it is not cut");
        assert_eq!(quick.next(Duration::from_millis(200)), Heard::Silence);
    }
    assert_eq!((figure(cast, &open), figure(cast, "frontdesk_streams_cut_total")), (1, cut));
    // Nobody reads it from here on: it would be cut, too.
    drop(quick);
    // What was on its way is still there, and then the end.
    let mut heard = 0;
    while let Heard::Message(_) = slow.next(SOON) {
        heard += 1;
    }
    assert!((1..messages).contains(&heard), "{heard}");
    let mut again = cast.otto.stream(transport, &format!("{filter}&after={}", slow.passed()));
    let after: Vec<i64> = (heard..messages).map(|_| again.event()["seq"].as_i64().unwrap()).collect();
    assert!(after[0] > slow.passed() && slow.passed() > began);
    assert_eq!(again.next(QUIET), Heard::Silence);
}

/// How readers are cut is the transport's own: one engine shows it.
#[test]
fn a_reader_that_answers_no_ping_is_gone() {
    let cast = Cast::start(Engine::Sqlite, &["--stream-heartbeat", "2"]);
    let mut silent = cast.ada.stream(Transport::WebSocket, "");
    let mut alive = cast.ada.stream(Transport::WebSocket, "");
    silent.ignore_pings();
    let started = Instant::now();
    while !matches!(silent.next(Duration::from_millis(100)), Heard::Closed(_)) {
        assert!(started.elapsed() < SOON, "it is not cut");
        assert_eq!(alive.next(Duration::from_millis(100)), Heard::Silence);
    }
    // Two pings were left unanswered.
    assert!(started.elapsed() > Duration::from_secs(4), "{:?}", started.elapsed());
    assert_eq!(figure(&cast, "frontdesk_streams_cut_total"), 1);
    cast.shop.says("Vera", &unique("thread-"), "Still there?");
    assert_eq!(alive.event_named("content.imported")["resource"]["metadata"]["body"], "Still there?");
}
