//! Users: created, invited, changed, deleted, and what nobody can do with that.

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::Request;
use frontdesk_tests::pages::{id, ids, records};
use frontdesk_tests::{Cast, Engine, Person};
use serde_json::{Value, json};

on_both_engines![
    everybody_may_read_themselves,
    users_are_listed_and_filtered,
    a_user_is_created_with_all_that_is_known_of_them,
    everything_wrong_with_a_user_is_told_at_once,
    a_user_follows_the_accounts_rules_for_passwords,
    who_is_invited_has_no_password_yet,
    a_user_is_changed_and_the_log_knows_what,
    a_deleted_user_is_gone_and_their_work_stays,
    skills_follow_their_categories,
    the_journal_tells_which_skills_came_and_went,
    somebody_elses_customer_is_nobodys_voice,
    a_leader_sees_and_changes_their_teams_only,
    a_leader_hires_into_their_teams_only,
    mallory_does_not_become_stronger,
    mallory_does_not_touch_the_stronger,
    the_last_administrator_stays,
    two_administrators_do_not_dismiss_each_other,
];

const NOBODY: &str = "0123456789abcdef01234567";

/// What a new user needs at least, in Ada's role.
fn newcomer(cast: &Cast) -> Value {
    let name = unique("newcomer");
    let role = cast.ada.get("/1.0/users/me").ok()["role_id"].clone();
    json!({
        "email": format!("{name}@example.com"), "firstname": "New", "lastname": name, "password": "correct-horse-7",
        "role_id": role,
    })
}

fn path(person: &Value) -> String {
    format!("/1.0/users/{}", id(person))
}

fn but(user: &Value, fields: Value) -> Value {
    let mut user = user.clone();
    for (name, value) in fields.as_object().unwrap() {
        user[name] = value.clone();
    }
    user
}

fn everybody_may_read_themselves(engine: Engine) {
    let cast = Cast::shared(engine);
    for person in [&cast.otto, &cast.ada, &cast.bo, &cast.rita] {
        let me = person.get("/1.0/users/me").ok();
        assert_eq!(person.get(&format!("/1.0/users/{}", id(&me))).ok(), me);
        assert_eq!(me["enabled"], true);
    }
    cast.otto.get("/1.0/users/0123456789abcdef01234567").refused(404);
    cast.otto.get("/1.0/users/nonsense").refused(404);
}

fn users_are_listed_and_filtered(engine: Engine) {
    let cast = Cast::shared(engine);
    let list = |filter: &str| ids(&cast.otto.get(&format!("/1.0/users?{filter}")).ok());
    let made = cast.otto.get("/1.0/users?limit=150").ok();
    let times: Vec<_> = records(&made).iter().map(|user| user["created_at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|one, next| one >= next), "newest first: {times:?}");
    // The first user of all comes last, behind those of other stories.
    let pages = 0..=made["count"].as_i64().unwrap() / 150;
    let mut all = pages.flat_map(|page| list(&format!("limit=150&offset={}", page * 150)));
    assert!(all.any(|user_id| user_id == cast.otto.user_id));
    assert_eq!(list("email=ADA@frontdesk.local"), [cast.ada.user_id.as_str()]);
    assert_eq!(list("email=nobody@frontdesk.local"), [""; 0]);
    assert!(list("email=&external_id=&role_id=").len() > 1, "empty is not given");
    let role = cast.ada.get("/1.0/users/me").ok()["role_id"].as_str().unwrap().to_owned();
    assert!(list(&format!("role_id={role}&limit=150")).len() >= 3);
    assert_eq!(list("role_id=nonsense"), [""; 0]);
    assert_eq!(list("team_id=0123456789abcdef01234567"), [""; 0]);
    assert_eq!(list("external_id=x"), [""; 0]);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let reply = cast.otto.reply(&id(&source.contents(&cast.otto, "t")[0]), "Hello");
    let author = reply["author_id"].as_str().unwrap();
    assert_eq!(list(&format!("identity_id={author}")), [cast.otto.user_id.as_str()]);
    let identities = cast.otto.get("/1.0/users/me").ok()["identity_ids"].clone();
    assert!(identities.as_array().unwrap().contains(&json!(author)));
}

fn a_user_is_created_with_all_that_is_known_of_them(engine: Engine) {
    let cast = Cast::shared(engine);
    let team = id(&cast.otto.post("/1.0/teams", &json!({ "name": unique("Team ") })).ok());
    let category = id(&cast.otto.create_category(&json!({})));
    let (source, _channel) = cast.new_source();
    let voice = id(&records(&cast.otto.get(&format!("/1.0/identities?source_id={}", source.id)).ok())[0]);
    let external_id = unique("external-");
    let given = json!({
        "nickname": " Nic ", "gender": "woman", "locale": "fr", "timezone": "Europe/Paris", "external_id": external_id,
        "spoken_languages": ["fr", "en", "fr"], "team_ids": [team], "category_ids": [category], "identity_ids": [voice],
        "enabled": "true",
    });
    let user = cast.otto.post("/1.0/users", &but(&newcomer(&cast), given)).ok();
    for (name, value) in [
        ("nickname", json!("Nic")),
        ("gender", json!("woman")),
        ("locale", json!("fr")),
        ("timezone", json!("Europe/Paris")),
        ("external_id", json!(external_id)),
        ("spoken_languages", json!(["fr", "en"])),
        ("team_ids", json!([team])),
        ("category_ids", json!([category])),
        ("identity_ids", json!([voice])),
        ("enabled", json!(true)),
        ("no_password", json!(false)),
        ("invitation_pending", json!(false)),
        ("user_capacity_id", Value::Null),
    ] {
        assert_eq!(user[name], value, "{name}: {user}");
    }
    assert!(user.get("password").is_none() && !user.to_string().contains("horse"), "{user}");
    assert_eq!(cast.otto.get(&path(&user)).ok(), user);
    for filter in [
        format!("external_id={external_id}"),
        format!("team_id={team}"),
        format!("category_id={category}"),
        format!("identity_id={voice}"),
    ] {
        assert_eq!(ids(&cast.otto.get(&format!("/1.0/users?{filter}")).ok()), [id(&user)], "{filter}");
    }
    // A form does as well, and a repeat with its key happens once.
    let other = newcomer(&cast);
    let text = |name: &str| other[name].as_str().unwrap().to_owned();
    let (email, lastname, role) = (text("email"), text("lastname"), text("role_id"));
    let fields = [
        ("email", email.as_str()),
        ("firstname", "New"),
        ("lastname", &lastname),
        ("password", "correct-horse-7"),
        ("role_id", &role),
        ("team_ids[]", &team),
    ];
    let request = Request::new("POST", "/1.0/users").form(&fields).header("Idempotency-Key", &unique("key-"));
    let first = cast.otto.send(request.clone()).ok();
    assert_eq!(first["team_ids"], json!([team]));
    assert_eq!(cast.otto.send(request).ok(), first);
    // Who signs in without a password needs none, and one that a client had to send is not kept.
    for fields in [json!({ "password": "" }), json!({ "password": "correct-horse-7" })] {
        let user = but(&newcomer(&cast), but(&fields, json!({ "no_password": true })));
        assert_eq!(cast.otto.post("/1.0/users", &user).ok()["no_password"], true);
    }
}

fn everything_wrong_with_a_user_is_told_at_once(engine: Engine) {
    let cast = Cast::shared(engine);
    let good = newcomer(&cast);
    let taken = json!({ "external_id": unique("external-") });
    let known = cast.otto.post("/1.0/users", &but(&newcomer(&cast), taken.clone())).ok();
    for (fields, wrong) in [
        (json!({ "email": " " }), "email"),
        (json!({ "email": "nonsense" }), "email"),
        (json!({ "email": format!("{}@example.com", "x".repeat(250)) }), "email"),
        (json!({ "email": "ADA@frontdesk.local" }), "email"),
        (json!({ "firstname": "" }), "firstname"),
        (json!({ "lastname": "x".repeat(256) }), "lastname"),
        (json!({ "nickname": "x".repeat(256) }), "nickname"),
        (json!({ "password": "" }), "password"),
        (json!({ "password": "x".repeat(257) }), "password"),
        (json!({ "role_id": "" }), "role_id"),
        (json!({ "role_id": NOBODY }), "role_id"),
        (taken, "external_id"),
        (json!({ "locale": "xx" }), "locale"),
        (json!({ "timezone": "Mars/Olympus" }), "timezone"),
        (json!({ "spoken_languages": ["fr", "xx"] }), "spoken_languages"),
        (json!({ "category_ids": [NOBODY] }), "category_ids"),
        (json!({ "team_ids": [NOBODY] }), "team_ids"),
        (json!({ "identity_ids": [NOBODY] }), "identity_ids"),
        (json!({ "user_capacity_id": NOBODY }), "user_capacity_id"),
    ] {
        assert_eq!(cast.otto.post("/1.0/users", &but(&good, fields.clone())).invalid(), [wrong], "{fields}");
    }
    let all = json!({ "email": "x", "nickname": "x".repeat(256), "locale": "xx", "team_ids": [NOBODY] });
    let wrong = cast.otto.post("/1.0/users", &but(&good, all)).invalid();
    assert_eq!(wrong, ["email", "nickname", "locale", "team_ids"]);
    assert_eq!(cast.otto.post("/1.0/users", &json!({})).invalid(), ["email", "firstname", "lastname", "role_id"]);
    for fields in [json!({ "gender": "robot" }), json!({ "team_ids": ["x"] }), json!({ "enabled": "maybe" })] {
        cast.otto.post("/1.0/users", &but(&good, fields.clone())).refused(400);
    }
    // Nothing that a request says of read-only fields is taken.
    let fields =
        json!({ "id": NOBODY, "created_at": "2012-05-21T01:15:28Z", "invitation_pending": true, "password_hash": "x" });
    let user = cast.otto.post("/1.0/users", &but(&good, fields)).ok();
    assert!(
        user["id"] != NOBODY && user["invitation_pending"] == false && user["created_at"] != "2012-05-21T01:15:28Z"
    );
    assert_eq!(cast.otto.put(&path(&user), &json!({ "external_id": known["external_id"] })).invalid(), ["external_id"]);
    assert_eq!(cast.otto.put(&path(&user), &json!({ "email": "" })).invalid(), ["email"]);
}

fn a_user_follows_the_accounts_rules_for_passwords(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let strict = json!({ "password_min_length": 12, "password_numbers": true, "password_non_word": true });
    cast.otto.put("/1.0/settings", &strict).ok();
    let user = newcomer(&cast);
    for password in ["short-7", "correct-horses", "correcthorse77"] {
        assert_eq!(cast.otto.post("/1.0/users", &but(&user, json!({ "password": password }))).invalid(), ["password"]);
    }
    let user = cast.otto.post("/1.0/users", &but(&user, json!({ "password": "correct-horse-7" }))).ok();
    assert_eq!(cast.otto.put(&path(&user), &json!({ "password": "short-7" })).invalid(), ["password"]);
    cast.otto.put(&path(&user), &json!({ "password": "other-horse-77" })).ok();
}

fn who_is_invited_has_no_password_yet(engine: Engine) {
    let cast = Cast::shared(engine);
    let invited = cast.otto.post("/1.0/users/invite", &but(&newcomer(&cast), json!({ "password": null }))).ok();
    assert_eq!((&invited["invitation_pending"], &invited["no_password"]), (&json!(true), &json!(false)));
    let named = cast.otto.put(&path(&invited), &json!({ "firstname": "Nina" })).ok();
    assert_eq!((&named["firstname"], &named["invitation_pending"]), (&json!("Nina"), &json!(true)));
    let chosen = cast.otto.put(&path(&invited), &json!({ "password": "correct-horse-7" })).ok();
    assert_eq!(chosen["invitation_pending"], false);
    // Without a password, then with one again.
    assert_eq!(cast.otto.put(&path(&invited), &json!({ "no_password": true })).ok()["no_password"], true);
    assert_eq!(cast.otto.put(&path(&invited), &json!({ "no_password": false })).invalid(), ["password"]);
    assert_eq!(cast.otto.put(&path(&invited), &json!({ "password": "correct-horse-7" })).ok()["no_password"], false);
    assert_eq!(
        cast.otto.post("/1.0/users/invite", &json!({})).invalid(),
        ["email", "firstname", "lastname", "role_id"]
    );
}

fn a_user_is_changed_and_the_log_knows_what(engine: Engine) {
    let cast = Cast::shared(engine);
    let user = cast.otto.post("/1.0/users", &newcomer(&cast)).ok();
    let given = json!({ "nickname": "Nic", "gender": "man", "locale": "fr", "timezone": "Asia/Tokyo", "spoken_languages": ["ja"] });
    let changed = cast.otto.put(&path(&user), &given).ok();
    assert_eq!(but(&user, but(&given, json!({ "updated_at": changed["updated_at"] }))), changed);
    let emptied = json!({ "nickname": "", "gender": "", "locale": "", "timezone": "", "spoken_languages": [] });
    let emptied = cast.otto.put(&path(&user), &emptied).ok();
    assert_eq!(but(&user, json!({ "updated_at": emptied["updated_at"] })), emptied);
    let email = user["email"].as_str().unwrap().to_uppercase();
    assert_eq!(cast.otto.put(&path(&user), &json!({ "email": email })).ok()["email"], email, "their own, written anew");
    cast.ada.put(&path(&user), &json!({ "nickname": "x" })).refused(403);
    cast.ada.delete(&path(&user)).refused(403);
    cast.ada.post("/1.0/users", &newcomer(&cast)).refused(403);
    cast.ada.post("/1.0/users/invite", &newcomer(&cast)).refused(403);
    cast.otto.put(&format!("/1.0/users/{NOBODY}"), &json!({})).refused(404);
    // Who is disabled does nothing more.
    let token = cast.otto.post("/1.0/access_tokens", &json!({ "label": "x", "user_id": user["id"] })).ok();
    let person = cast.ada.but_with(token["token"].as_str().unwrap());
    person.get("/1.0/users/me").ok();
    cast.otto.put(&path(&user), &json!({ "enabled": false })).ok();
    person.get("/1.0/users/me").refused(401);
    cast.otto.get(&format!("/1.0/users/me?impersonated_user_id={}", id(&user))).refused(400);
    cast.otto.put(&path(&user), &json!({ "enabled": true })).ok();
    person.get("/1.0/users/me").ok();
}

fn a_deleted_user_is_gone_and_their_work_stays(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    let made = newcomer(&cast);
    let user = cast.otto.post("/1.0/users", &but(&made, json!({ "external_id": made["lastname"] }))).ok();
    let rights = json!({ &source.id: "read,reply" });
    cast.otto.put(&format!("{}/sources_permissions", path(&user)), &rights).ok();
    let token = cast.otto.post("/1.0/access_tokens", &json!({ "label": "x", "user_id": user["id"] })).ok();
    let person = cast.ada.but_with(token["token"].as_str().unwrap());
    let team = cast
        .otto
        .post("/1.0/teams", &json!({ "name": unique("T"), "user_ids": [user["id"]], "leader_ids": [user["id"]] }))
        .ok();
    person.post(&format!("{}/signatures", path(&user)), &json!({ "body": "Yours" })).ok();
    source.says("vera", "t", "Hello?");
    let reply = person.reply(&id(&source.contents(&cast.otto, "t")[0]), "Hello, I am new");
    channel.push_of("Hello, I am new");
    let user = cast.otto.get(&path(&user)).ok();
    assert!(user["identity_ids"].as_array().is_some_and(|ids| !ids.is_empty()));

    assert_eq!(cast.otto.delete(&path(&user)).ok(), user);
    person.get("/1.0/users/me").refused(401);
    cast.otto.get(&path(&user)).refused(404);
    cast.otto.put(&path(&user), &json!({ "enabled": true })).refused(404);
    cast.otto.delete(&path(&user)).refused(404);
    cast.otto.get(&format!("{}/sources_permissions", path(&user))).refused(404);
    cast.otto.get(&format!("{}/signatures", path(&user))).refused(404);
    cast.otto.get(&format!("/1.0/users/me?impersonated_user_id={}", id(&user))).refused(400);
    assert_eq!(
        cast.otto.post("/1.0/access_tokens", &json!({ "label": "x", "user_id": user["id"] })).invalid(),
        ["user_id"]
    );
    assert_eq!(cast.otto.post("/1.0/teams", &json!({ "name": "x", "user_ids": [user["id"]] })).invalid(), ["user_ids"]);
    let team = cast.otto.get(&format!("/1.0/teams/{}", id(&team))).ok();
    assert_eq!((&team["user_ids"], &team["leader_ids"]), (&json!([]), &json!([])));
    let email = made["email"].as_str().unwrap();
    assert_eq!(ids(&cast.otto.get(&format!("/1.0/users?email={email}")).ok()), [""; 0]);

    let kept = cast.otto.content(&id(&reply));
    assert_eq!((&kept["creator_id"], &kept["body"]), (&user["id"], &json!("Hello, I am new")));
    let intervention = format!("/1.0/interventions/{}", reply["intervention_id"].as_str().unwrap());
    assert_eq!(cast.otto.get(&intervention).ok()["user_id"], user["id"], "still theirs, until somebody takes it over");
    let waiting = cast
        .otto
        .search("/1.0/content_threads", &format!("source:{} opened_and_assigned_to_disabled_agents:true", source.id));
    assert_eq!(waiting["count"], 1, "{waiting}");
    assert_eq!(
        cast.otto.put(&format!("{intervention}/reassign"), &json!({ "user_id": user["id"] })).invalid(),
        ["user_id"]
    );
    cast.otto.put(&format!("{intervention}/reassign"), &json!({ "user_id": cast.otto.user_id })).ok();

    // E-mail and external id are free again.
    let again = cast.otto.post("/1.0/users", &but(&made, json!({ "external_id": made["lastname"] }))).ok();
    assert_ne!(again["id"], user["id"]);
    cast.otto.delete(&path(&again)).ok();
}

fn skills_follow_their_categories(engine: Engine) {
    let cast = Cast::shared(engine);
    let [first, second] = [(); 2].map(|()| id(&cast.otto.create_category(&json!({}))));
    let one = cast.otto.post("/1.0/users", &but(&newcomer(&cast), json!({ "category_ids": [first, second] }))).ok();
    let other = cast.otto.post("/1.0/users", &but(&newcomer(&cast), json!({ "category_ids": [first] }))).ok();
    cast.otto.delete(&format!("/1.0/categories/{first}?take_over_category_id={second}")).ok();
    for user in [&one, &other] {
        assert_eq!(cast.otto.get(&path(user)).ok()["category_ids"], json!([second]));
    }
    cast.otto.delete(&format!("/1.0/categories/{second}")).ok();
    assert_eq!(cast.otto.get(&path(&one)).ok()["category_ids"], json!([]));
}

fn the_journal_tells_which_skills_came_and_went(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let category = id(&cast.otto.create_category(&json!({})));
    let user = cast.otto.post("/1.0/users", &newcomer(&cast)).ok();
    cast.otto.put(&path(&user), &json!({ "category_ids": [category] })).ok();
    cast.otto.put(&path(&user), &json!({ "category_ids": [] })).ok();
    for name in ["user.categories_added", "user.categories_removed"] {
        let told = cast.otto.search("/1.0/events", &format!("name_in:{name}"));
        let infos = &records(&told)[0]["extra_infos"];
        assert_eq!((&told["count"], &infos["category_ids"]), (&json!(1), &json!([category])), "{name}");
        assert_eq!(infos["user_id"], user["id"], "{name}");
    }
}

fn somebody_elses_customer_is_nobodys_voice(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let customer = source.contents(&cast.otto, "t")[0]["author_id"].clone();
    let user = cast.otto.post("/1.0/users", &newcomer(&cast)).ok();
    assert_eq!(cast.otto.put(&path(&user), &json!({ "identity_ids": [customer] })).invalid(), ["identity_ids"]);
    let everywhere = records(&cast.otto.get(&format!("/1.0/identities?source_id={}", source.id)).ok()).to_vec();
    let voice = everywhere.iter().find(|identity| identity["foreign_id"] == "desk").unwrap()["id"].clone();
    // Who may not read the source does not find its identities.
    let mallory = cast.hire(&["read_user", "update_user"]);
    let fields = json!({ "identity_ids": [voice] });
    assert_eq!(mallory.put(&format!("/1.0/users/{}", mallory.user_id), &fields).invalid(), ["identity_ids"]);
    assert_eq!(cast.otto.put(&path(&user), &fields).ok()["identity_ids"], json!([voice]));
}

fn a_leader_sees_and_changes_their_teams_only(engine: Engine) {
    let cast = Cast::shared(engine);
    for permissions in [
        &["manage_users_of_my_teams"][..],
        &["manage_users_of_my_teams", "read_user", "update_user", "impersonate_user"],
    ] {
        let leader = cast.hire(permissions);
        let role = leader.get("/1.0/users/me").ok()["role_id"].as_str().unwrap().to_owned();
        let member = cast.hire_as(&role);
        let stranger = cast.hire_as(&role);
        let page = |person: &Person| ids(&person.get("/1.0/users?limit=150").ok());
        assert_eq!(page(&leader), [""; 0], "who leads nobody sees nobody");
        let other = id(&cast.otto.post("/1.0/teams", &json!({ "name": unique("Other ") })).ok());
        let team = json!({ "name": unique("Team "), "leader_ids": [leader.user_id], "user_ids": [member.user_id, cast.otto.user_id] });
        let team = id(&cast.otto.post("/1.0/teams", &team).ok());
        assert_eq!(page(&leader), [member.user_id.as_str(), &cast.otto.user_id]);
        assert_eq!(ids(&leader.get(&format!("/1.0/users?email={}", "ada@frontdesk.local")).ok()), [""; 0]);
        let path = |person: &Person| format!("/1.0/users/{}", person.user_id);
        leader.get(&path(&member)).ok();
        leader.get(&path(&leader)).ok();
        leader.get(&path(&stranger)).refused(404);
        leader.get(&format!("{}/signatures", path(&stranger))).refused(404);
        leader.post(&format!("{}/signatures", path(&stranger)), &json!({ "body": "Mine" })).refused(404);
        leader.get(&format!("{}/sources_permissions", path(&stranger))).refused(404);
        for wanted in [path(&stranger), path(&cast.ada)] {
            leader.put(&wanted, &json!({ "nickname": "x" })).refused(404);
            leader.put(&format!("{wanted}/sources_permissions"), &json!({})).refused(404);
            leader.delete(&wanted).refused(404);
        }
        // They lead the administrator, and are not stronger for it.
        leader.put(&path(&cast.otto), &json!({ "email": unique("x@") })).refused(403);
        leader.delete(&path(&cast.otto)).refused(403);
        leader.put(&path(&leader), &json!({ "nickname": "x" })).refused(403);
        assert_eq!(leader.put(&path(&member), &json!({ "nickname": "Mem" })).ok()["nickname"], "Mem");
        // Of teams they add and take away theirs only.
        cast.otto.put(&path(&member), &json!({ "team_ids": [team, other] })).ok();
        leader.put(&path(&member), &json!({ "team_ids": [team, other] })).ok();
        assert_eq!(
            leader.put(&path(&member), &json!({ "team_ids": [team] })).ok()["team_ids"].as_array().unwrap().len(),
            2
        );
        cast.otto.put(&path(&member), &json!({ "team_ids": [team] })).ok();
        leader.put(&path(&member), &json!({ "team_ids": [team, other] })).refused(403);
        let acting = |person: &Person| leader.get(&format!("/1.0/users/me?impersonated_user_id={}", person.user_id));
        if permissions.contains(&"impersonate_user") {
            acting(&member).ok();
        } else {
            acting(&member).refused(400);
        }
        acting(&stranger).refused(400);
        leader.delete(&path(&member)).ok();
        assert_eq!(page(&leader), [cast.otto.user_id.as_str()]);
        cast.otto.delete(&format!("/1.0/teams/{team}")).ok();
    }
}

fn a_leader_hires_into_their_teams_only(engine: Engine) {
    let cast = Cast::shared(engine);
    let leader = cast.hire(&["manage_users_of_my_teams", "invite_user", "create_user"]);
    let role = leader.get("/1.0/users/me").ok()["role_id"].clone();
    let team = json!({ "name": unique("Team "), "leader_ids": [leader.user_id] });
    let team = id(&cast.otto.post("/1.0/teams", &team).ok());
    let other = id(&cast.otto.post("/1.0/teams", &json!({ "name": unique("Other ") })).ok());
    for place in ["/1.0/users", "/1.0/users/invite"] {
        let new = || but(&newcomer(&cast), json!({ "role_id": role }));
        assert_eq!(leader.post(place, &new()).invalid(), ["team_ids"]);
        leader.post(place, &but(&new(), json!({ "team_ids": [team, other] }))).refused(403);
        // Ada's role sees everybody; the leader's does not.
        leader.post(place, &but(&newcomer(&cast), json!({ "team_ids": [team] }))).refused(403);
        assert_eq!(leader.post(place, &but(&new(), json!({ "team_ids": [team] }))).ok()["team_ids"], json!([team]));
    }
}

fn mallory_does_not_become_stronger(engine: Engine) {
    let cast = Cast::shared(engine);
    let mallory =
        cast.hire(&["read_user", "update_user", "create_user", "invite_user", "manage_roles", "manage_teams"]);
    let own = format!("/1.0/users/{}", mallory.user_id);
    let roles = cast.otto.get("/1.0/roles?limit=150").ok();
    let administrator = id(records(&roles).iter().find(|role| role["label"] == "Administrator").unwrap());
    let role = mallory.get("/1.0/users/me").ok()["role_id"].as_str().unwrap().to_owned();
    // Into a stronger role, alone or by a friend.
    mallory.put(&own, &json!({ "role_id": administrator })).refused(403);
    mallory.post("/1.0/users", &but(&newcomer(&cast), json!({ "role_id": administrator }))).refused(403);
    mallory.post("/1.0/users/invite", &but(&newcomer(&cast), json!({ "role_id": administrator }))).refused(403);
    // By making the own role stronger: skipped, and the rest is done.
    let fields = json!({ "impersonate_user": true, "manage_api_access_tokens": true, "read_user": true, "label": unique("Quiet ") });
    let changed = mallory.put(&format!("/1.0/roles/{role}"), &fields).ok();
    assert_eq!((&changed["impersonate_user"], &changed["manage_api_access_tokens"]), (&json!(false), &json!(false)));
    assert_eq!(changed["label"], fields["label"]);
    let made = mallory
        .post("/1.0/roles", &json!({ "label": unique("Made "), "read_user": true, "update_settings": true }))
        .ok();
    assert_eq!((&made["read_user"], &made["update_settings"]), (&json!(true), &json!(false)));
    mallory.put(&format!("/1.0/roles/{administrator}"), &json!({ "label": "Mine" })).refused(403);
    // By what nobody may set.
    let before = mallory.get(&own).ok();
    let full = but(
        &before,
        json!({ "id": cast.otto.user_id, "permissions": "*", "rc_user_id": "x", "created_at": "2012-05-21T01:15:28Z" }),
    );
    let after = mallory.put(&own, &full).ok();
    assert_eq!(after, before);
    mallory.get(&format!("/1.0/users/me?impersonated_user_id={}", cast.otto.user_id)).refused(400);
}

fn mallory_does_not_touch_the_stronger(engine: Engine) {
    let cast = Cast::shared(engine);
    let mallory = cast.hire(&["read_user", "update_user", "manage_teams", "manage_users_of_my_teams"]);
    let team = json!({ "name": unique("Trap "), "leader_ids": [mallory.user_id], "user_ids": [cast.otto.user_id] });
    mallory.post("/1.0/teams", &team).ok();
    let otto = format!("/1.0/users/{}", cast.otto.user_id);
    for fields in [
        json!({ "email": "mallory@example.com" }),
        json!({ "password": "correct-horse-7" }),
        json!({ "enabled": false }),
        json!({ "no_password": true }),
        json!({ "role_id": mallory.get("/1.0/users/me").ok()["role_id"] }),
        json!({ "nickname": "x" }),
    ] {
        mallory.put(&otto, &fields).refused(403);
    }
    mallory.delete(&otto).refused(403);
    mallory.put(&format!("{otto}/sources_permissions"), &json!({ &cast.shop.id: "" })).refused(403);
    mallory.post(&format!("{otto}/signatures"), &json!({ "body": "x" })).refused(403);
    assert_eq!(cast.otto.get("/1.0/users/me").ok()["email"], "admin@frontdesk.local");
}

fn the_last_administrator_stays(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let otto = format!("/1.0/users/{}", cast.otto.user_id);
    let role = cast.otto.get(&otto).ok()["role_id"].as_str().unwrap().to_owned();
    let agent = cast.ada.get("/1.0/users/me").ok()["role_id"].clone();
    let role_path = format!("/1.0/roles/{role}");
    let refuse_all = || {
        cast.otto.put(&otto, &json!({ "enabled": false })).refused(403);
        cast.otto.put(&otto, &json!({ "role_id": agent })).refused(403);
        cast.otto.delete(&otto).refused(403);
        cast.otto.put(&role_path, &json!({ "use_emoji": false })).refused(403);
    };
    refuse_all();
    let second = but(&newcomer(&cast), json!({ "role_id": role, "enabled": false }));
    let second = cast.otto.post("/1.0/users", &second).ok();
    refuse_all();
    cast.otto.put(&path(&second), &json!({ "enabled": true })).ok();
    cast.otto.put(&role_path, &json!({ "use_emoji": false })).refused(403);
    cast.otto.put(&otto, &json!({ "role_id": agent })).ok();
    cast.otto.get("/1.0/access_tokens").refused(403);
}

fn two_administrators_do_not_dismiss_each_other(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let role = cast.otto.get("/1.0/users/me").ok()["role_id"].as_str().unwrap().to_owned();
    for _ in 0..5 {
        let second = cast.hire_as(&role);
        let dismiss = |who: &Person, whom: &Person| {
            let (who, target) = (who.clone(), format!("/1.0/users/{}", whom.user_id));
            std::thread::spawn(move || who.put(&target, &json!({ "enabled": false })).status)
        };
        let both = [dismiss(&cast.otto, &second), dismiss(&second, &cast.otto)].map(|one| one.join().unwrap());
        // The one who was first is there; the other was disabled before (401), or would have been the last (403).
        let stayed = [&cast.otto, &second].into_iter().filter(|person| person.get("/1.0/users/me").status == 200);
        assert_eq!(stayed.count(), 1, "{both:?}");
        assert!(both.contains(&200) && both.iter().any(|status| matches!(status, 401 | 403)), "{both:?}");
        if both[1] == 200 {
            let back = second.put(&format!("/1.0/users/{}", cast.otto.user_id), &json!({ "enabled": true }));
            back.ok();
            cast.otto.put(&format!("/1.0/users/{}", second.user_id), &json!({ "enabled": false })).ok();
        }
    }
}
