//! Folders: kept searches of threads, shared or one's own.

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::Request;
use frontdesk_tests::pages::{id, ids};
use frontdesk_tests::{Cast, Engine, Person};
use serde_json::{Value, json};

on_both_engines![
    folders_are_kept_in_their_order,
    a_folder_is_seen_by_whom_its_restrictions_let_through,
    ones_own_folder_is_nobody_elses,
    a_folder_counts_what_its_reader_finds,
    a_wrong_folder_is_refused,
    folders_form_a_tree_without_circles,
];

fn make(person: &Person, fields: &Value) -> Value {
    let mut folder = json!({ "label": unique("Folder ") });
    for (name, value) in fields.as_object().into_iter().flatten() {
        folder[name] = value.clone();
    }
    person.post("/1.0/folders", &folder).ok()
}

fn path(folder: &Value) -> String {
    format!("/1.0/folders/{}", id(folder))
}

/// The folders that somebody sees, of these.
fn seen(person: &Person, of: &[&Value]) -> Vec<String> {
    let of: Vec<String> = of.iter().map(|folder| id(folder)).collect();
    // Other stories make and delete theirs meanwhile: one page holds them all.
    let page = person.get("/1.0/folders?limit=150").ok();
    assert!(page["count"].as_u64().unwrap() <= 150);
    let mut all = ids(&page);
    all.retain(|id| of.contains(id));
    all
}

fn folders_are_kept_in_their_order(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let query = "active_and_assigned_to_me:true order:created_at.asc";
    let first = make(otto, &json!({ "query": query, "position": 7, "render_threads_count": true }));
    assert_eq!((&first["query"], &first["position"]), (&json!(query), &json!(7)));
    assert_eq!((&first["render_threads_count"], &first["user_id"]), (&json!(true), &json!(null)));
    assert_eq!((&first["role_restriction"], &first["parent_id"]), (&json!({ "only": [] }), &json!(null)));
    let [second, third] = [(); 2].map(|()| make(otto, &json!({ "parent_id": first["id"] })));
    assert_eq!((&second["position"], &third["position"]), (&json!(0), &json!(1)));
    assert_eq!(seen(otto, &[&first, &second, &third]), [id(&second), id(&third), id(&first)]);
    otto.put(&path(&second), &json!({ "position": 9, "label": "  Later " })).ok();
    let second = otto.get(&path(&second)).ok();
    assert_eq!((&second["label"], &second["parent_id"]), (&json!("Later"), &first["id"]));
    assert_eq!(seen(otto, &[&first, &second, &third]), [id(&third), id(&first), id(&second)]);
    // Those below a folder that goes move up.
    assert_eq!(otto.delete(&path(&first)).ok()["id"], first["id"]);
    assert_eq!(otto.get(&path(&second)).ok()["parent_id"], json!(null));
    otto.get(&path(&first)).refused(404);
    otto.delete(&path(&first)).refused(404);
    otto.put("/1.0/folders/nonsense", &json!({})).refused(404);
}

fn a_folder_is_seen_by_whom_its_restrictions_let_through(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let role = otto.get(&format!("/1.0/users/{}", cast.ada.user_id)).ok()["role_id"].clone();
    let team = otto.post(
        "/1.0/teams",
        &json!({ "name": unique("Team "), "user_ids": [cast.ada.user_id],
        "leader_ids": [cast.bo.user_id] }),
    );
    let team = team.ok();
    let own_role = otto.get("/1.0/users/me").ok()["role_id"].clone();
    let open = make(otto, &json!({}));
    let of_role = make(otto, &json!({ "role_restriction": { "only": [role] } }));
    let of_others = make(otto, &json!({ "role_restriction": { "only": [own_role] } }));
    let of_team = make(otto, &json!({ "team_restriction": { "only": [team["id"]] } }));
    let of_user = make(otto, &json!({ "user_restriction": { "only": [cast.bo.user_id] } }));
    let of_both = make(
        otto,
        &json!({
            "team_restriction": { "only": [team["id"]] }, "user_restriction": { "only": [cast.ada.user_id] },
        }),
    );
    let all = [&open, &of_role, &of_others, &of_team, &of_user, &of_both];
    let these = |folders: &[&Value]| folders.iter().map(|folder| id(folder)).collect::<Vec<_>>();
    assert_eq!(seen(otto, &all), these(&all), "who manages folders sees all");
    assert_eq!(seen(&cast.ada, &all), these(&[&open, &of_role, &of_team, &of_both]));
    assert_eq!(seen(&cast.bo, &all), these(&[&open, &of_role, &of_team, &of_user]), "a leader belongs to the team");
    cast.ada.get(&path(&of_user)).refused(404);
    cast.ada.get(&format!("{}/count", path(&of_user))).refused(404);
    cast.ada.put(&path(&of_user), &json!({ "label": "Mine" })).refused(404);
    cast.ada.put(&path(&open), &json!({ "label": "Mine" })).refused(403);
    cast.ada.delete(&path(&open)).refused(403);
    cast.ada.post("/1.0/folders", &json!({ "label": "Mine" })).refused(403);
    // The documented spelling, in a form; an empty list lifts it.
    let form = |name: &str, value: &str| otto.send(Request::new("PUT", &path(&of_user)).form(&[(name, value)]));
    let after = form("user_restriction[only][]", &cast.ada.user_id).ok();
    assert_eq!(after["user_restriction"], json!({ "only": [cast.ada.user_id] }));
    assert_eq!(form("user_restriction[only][]", "").ok()["user_restriction"], json!({ "only": [] }));
    assert_eq!(seen(&cast.rita, &[&of_user]), [id(&of_user)]);
}

fn ones_own_folder_is_nobody_elses(engine: Engine) {
    let cast = Cast::shared(engine);
    let own = make(&cast.ada, &json!({ "own": true, "query": "assigned_to_me:true" }));
    assert_eq!(own["user_id"], cast.ada.user_id.as_str());
    assert_eq!(seen(&cast.ada, &[&own]), [id(&own)]);
    for other in [&cast.otto, &cast.bo] {
        assert_eq!(seen(other, &[&own]), [""; 0]);
        other.get(&path(&own)).refused(404);
        other.put(&path(&own), &json!({ "label": "x" })).refused(404);
        other.delete(&path(&own)).refused(404);
    }
    let below = json!({ "label": "x", "parent_id": own["id"] });
    assert_eq!(cast.otto.post("/1.0/folders", &below).invalid(), ["parent_id"]);
    // Below a shared one it stays one's own; a shared one cannot be below one's own.
    let shared = make(&cast.otto, &json!({}));
    let moved = cast.ada.put(&path(&own), &json!({ "parent_id": shared["id"], "query": "" })).ok();
    assert_eq!((&moved["parent_id"], &moved["query"]), (&shared["id"], &json!("")));
    let ottos = make(&cast.otto, &json!({ "own": true }));
    assert_eq!(cast.otto.put(&path(&shared), &json!({ "parent_id": ottos["id"] })).invalid(), ["parent_id"]);
    cast.otto.delete(&path(&shared)).ok();
    assert_eq!(cast.ada.get(&path(&own)).ok()["parent_id"], json!(null));
    cast.ada.delete(&path(&own)).ok();
}

fn a_folder_counts_what_its_reader_finds(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    for thread in ["a", "b"] {
        source.says("vera", thread, "Hello?");
    }
    let folder = make(&cast.otto, &json!({ "query": format!("source:{} status_in:new", source.id) }));
    let count = |person: &Person| person.get(&format!("{}/count", path(&folder))).ok()["count"].clone();
    assert_eq!((count(&cast.otto), count(&cast.ada)), (json!(2), json!(0)));
    cast.otto.engage(&id(&source.contents(&cast.otto, "a")[0]));
    assert_eq!(count(&cast.otto), 1);
}

fn a_wrong_folder_is_refused(engine: Engine) {
    let cast = Cast::shared(engine);
    let some = "0123456789abcdef01234567";
    let with = |name: &str, value: Value| {
        let mut folder = json!({ "label": "x" });
        folder[name] = value;
        cast.otto.post("/1.0/folders", &folder)
    };
    assert_eq!(cast.otto.post("/1.0/folders", &json!({})).invalid(), ["label"]);
    for (name, value) in [
        ("label", json!(" ")),
        ("label", json!("x".repeat(256))),
        ("parent_id", json!(some)),
        ("position", json!(2_147_483_648_i64)),
        ("query", json!("colour:blue")),
        ("query", json!("hello status_in:sleeping")),
        ("query", json!("x".repeat(8_001))),
        ("role_restriction", json!({ "only": [some] })),
        ("team_restriction", json!({ "only": [some] })),
        ("user_restriction", json!({ "only": [some] })),
        ("user_restriction", json!({ "only": (0..101).map(|number| format!("{number:024x}")).collect::<Vec<_>>() })),
    ] {
        assert_eq!(with(name, value.clone()).invalid(), [name], "{name}: {value}");
    }
    let refused = with("query", json!("hello status_in:sleeping")).refused(422);
    assert!(refused["message"].as_str().unwrap().contains("character 7"), "{refused}");
    for name in ["role_restriction", "team_restriction", "user_restriction"] {
        for value in [json!(some), json!([some]), json!({ "except": [some] }), json!({ "only": ["x"] }), json!({})] {
            with(name, value).refused(400);
        }
    }
    for (name, value) in [("position", json!("first")), ("render_threads_count", json!("maybe")), ("own", json!("x"))] {
        with(name, value).refused(400);
    }
    let folder = make(&cast.otto, &json!({ "query": "assigned:true" }));
    assert_eq!(cast.otto.put(&path(&folder), &json!({ "query": "order:title" })).invalid(), ["query"]);
    assert_eq!(cast.otto.get(&path(&folder)).ok(), folder, "nothing of a refused change stays");
}

fn folders_form_a_tree_without_circles(engine: Engine) {
    let cast = Cast::shared(engine);
    let root = make(&cast.otto, &json!({}));
    let mut chain = vec![root.clone()];
    for _ in 1..10 {
        chain.push(make(&cast.otto, &json!({ "parent_id": chain.last().unwrap()["id"] })));
    }
    let below = json!({ "label": "x", "parent_id": chain[9]["id"] });
    assert_eq!(cast.otto.post("/1.0/folders", &below).invalid(), ["parent_id"], "ten levels are enough");
    for parent in [&chain[0], &chain[1], &chain[9]] {
        assert_eq!(cast.otto.put(&path(&root), &json!({ "parent_id": parent["id"] })).invalid(), ["parent_id"]);
    }
    let other = make(&cast.otto, &json!({}));
    assert_eq!(cast.otto.put(&path(&root), &json!({ "parent_id": other["id"] })).invalid(), ["parent_id"]);
    cast.otto.put(&path(&chain[5]), &json!({ "parent_id": other["id"] })).ok();
    assert_eq!(cast.otto.put(&path(&chain[5]), &json!({ "parent_id": "" })).ok()["parent_id"], json!(null));
}
