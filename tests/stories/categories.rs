//! Categories: a tree whose roots say how what is below them may be chosen.

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::Request;
use frontdesk_tests::pages::{id, ids};
use frontdesk_tests::{Cast, Engine, eventually};
use serde_json::json;

on_both_engines![
    categories_form_a_tree,
    roots_say_how_many_may_be_chosen,
    a_wrong_category_is_refused,
    another_category_takes_over,
    settings_of_sources_follow_their_categories,
    a_category_on_much_goes_step_by_step,
    a_category_limited_to_sources_is_chosen_on_those_only,
];

fn categories_form_a_tree(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let root =
        otto.create_category(&json!({ "color": 2, "mandatory": true, "post_qualification": true, "multiple": true }));
    assert_eq!((&root["parent_id"], &root["color"], &root["mandatory"]), (&json!(null), &json!(2), &json!(true)));
    let one = otto.create_category(&json!({ "parent_id": root["id"] }));
    let two = otto.create_category(&json!({ "parent_id": root["id"], "mandatory": true }));
    assert_eq!(two["mandatory"], false, "it counts on roots only");
    let list = |filter: String| ids(&otto.get(&format!("/1.0/categories?{filter}")).ok());
    assert_eq!(list(format!("parent_id={}", id(&root))), [id(&one), id(&two)]);
    assert_eq!(list(format!("ids={},{}", id(&two), id(&root))), [id(&root), id(&two)], "oldest first");
    assert_eq!(list(format!("ids={},nonsense", id(&two))), [id(&two)]);
    assert_eq!(list("parent_id=nonsense".into()), [""; 0]);
    assert_eq!(otto.get(&format!("/1.0/categories/{}", id(&one))).ok(), one);
    let name = unique("Renamed ");
    let renamed = otto.put(&format!("/1.0/categories/{}", id(&one)), &json!({ "name": name, "parent_id": "" })).ok();
    assert_eq!((&renamed["name"], &renamed["parent_id"]), (&json!(name), &json!(null)));
    assert_eq!(list(format!("parent_id={}", id(&root))), [id(&two)]);
    otto.delete(&format!("/1.0/categories/{}", id(&root))).refused(422);
    assert_eq!(otto.delete(&format!("/1.0/categories/{}", id(&two))).ok()["id"], two["id"]);
    otto.delete(&format!("/1.0/categories/{}", id(&root))).ok();
    otto.get(&format!("/1.0/categories/{}", id(&root))).refused(404);
    otto.delete(&format!("/1.0/categories/{}", id(&root))).refused(404);
    cast.ada.get("/1.0/categories").ok();
}

fn roots_say_how_many_may_be_chosen(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let content = format!("/1.0/contents/{}/update_categories", id(&source.contents(&cast.otto, "t")[0]));
    let set = |chosen: &[&serde_json::Value]| {
        let chosen: Vec<_> = chosen.iter().map(|category| category["id"].clone()).collect();
        cast.otto.put(&content, &json!({ "category_ids": chosen }))
    };
    let below = |root: &serde_json::Value| cast.otto.create_category(&json!({ "parent_id": root["id"] }));
    let single = cast.otto.create_category(&json!({}));
    let several = cast.otto.create_category(&json!({ "multiple": true }));
    let heading = cast.otto.create_category(&json!({ "unselectable": true }));
    let (one, other) = (below(&single), below(&single));
    let (many, more) = (below(&several), below(&several));
    set(&[&one, &many, &more]).ok();
    assert_eq!(set(&[&one, &other]).invalid(), ["category_ids"]);
    assert_eq!(set(&[&heading]).invalid(), ["category_ids"]);
    set(&[&below(&heading), &single]).ok();
    // The same one twice is once.
    assert_eq!(set(&[&many, &many]).ok()["category_ids"], json!([many["id"]]));
}

fn a_wrong_category_is_refused(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let (root, other) = (otto.create_category(&json!({})), otto.create_category(&json!({})));
    let child = otto.create_category(&json!({ "parent_id": root["id"] }));
    for (name, value) in [
        ("name", json!("")),
        ("name", json!("x".repeat(256))),
        ("color", json!(7)),
        ("color", json!(-1)),
        ("parent_id", json!("0123456789abcdef01234567")),
        ("source_ids", json!(["0123456789abcdef01234567"])),
    ] {
        let mut body = json!({ "name": "x" });
        body[name] = value.clone();
        assert_eq!(otto.post("/1.0/categories", &body).invalid(), [name], "{name}: {value}");
    }
    assert_eq!(otto.post("/1.0/categories", &json!({})).invalid(), ["name"]);
    // No category is below itself, however long the way.
    for parent in [&root, &child] {
        let path = format!("/1.0/categories/{}", id(&root));
        assert_eq!(otto.put(&path, &json!({ "parent_id": parent["id"] })).invalid(), ["parent_id"]);
    }
    otto.put(&format!("/1.0/categories/{}", id(&child)), &json!({ "parent_id": other["id"] })).ok();
    otto.put("/1.0/categories/nonsense", &json!({ "name": "x" })).refused(404);
}

fn another_category_takes_over(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let thread = format!("/1.0/content_threads/{}", id(&source.thread(&cast.otto, "t")));
    let [old, kept, heir] = [(); 3].map(|()| cast.otto.create_category(&json!({})));
    let set = json!({ "thread_category_ids": [old["id"], kept["id"]] });
    cast.otto.put(&format!("{thread}/update_categories"), &set).ok();
    let path = format!("/1.0/categories/{}", id(&old));
    let take_over =
        |heir: &str| cast.otto.send(Request::new("DELETE", &format!("{path}?take_over_category_id={heir}")));
    assert_eq!(take_over(&id(&old)).invalid(), ["take_over_category_id"]);
    assert_eq!(take_over("0123456789abcdef01234567").invalid(), ["take_over_category_id"]);
    take_over(&id(&heir)).ok();
    assert_eq!(cast.otto.get(&thread).ok()["thread_category_ids"], json!([heir["id"], kept["id"]]));
    cast.otto.delete(&format!("/1.0/categories/{}", id(&kept))).ok();
    assert_eq!(cast.otto.get(&thread).ok()["thread_category_ids"], json!([heir["id"]]));
}

fn settings_of_sources_follow_their_categories(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let (source, _channel) = cast.new_source();
    let path = format!("/1.0/content_sources/{}", source.id);
    let [old, gone, heir] = [(); 3].map(|()| otto.create_category(&json!({})));
    let ids = [old["id"].clone(), gone["id"].clone()];
    let settings = json!({ "default_category_ids": ids, "user_thread_default_category_ids": ids,
        "sla_filtering_category_ids": ids });
    otto.put(&path, &settings).ok();
    let take_over = format!("/1.0/categories/{}?take_over_category_id={}", id(&old), id(&heir));
    otto.delete(&take_over).ok();
    otto.delete(&format!("/1.0/categories/{}", id(&gone))).ok();
    let shown = otto.get(&path).ok();
    for name in settings.as_object().unwrap().keys() {
        assert_eq!(shown[name], json!([heir["id"]]), "{name}");
    }
    source.says("vera", "t", "Hello?");
    assert_eq!(source.thread(otto, "t")["thread_category_ids"], json!([heir["id"]]));
    // What was told can be said again.
    otto.put(&path, &json!({ "default_category_ids": shown["default_category_ids"] })).ok();
}

fn a_category_on_much_goes_step_by_step(engine: Engine) {
    const OBJECTS: usize = 20_000;
    let mut cast = Cast::start(engine, &[]);
    let otto = cast.otto.clone();
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let thread = format!("/1.0/content_threads/{}", id(&source.thread(&otto, "t")));
    let root = otto.create_category(&json!({}));
    let old = otto.create_category(&json!({ "parent_id": root["id"] }));
    let [heir, last] = [(); 2].map(|()| otto.create_category(&json!({})));
    let update = format!("{thread}/update_categories");
    otto.put(&update, &json!({ "thread_category_ids": [old["id"]] })).ok();
    // Before the thread, in the order of their ids.
    let old_id = id(&old);
    cast.server.sql(&match engine {
        Engine::Sqlite => format!(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {OBJECTS})
             INSERT INTO categorisations (object_id, category_id, position, object)
             SELECT unhex(printf('%024x', n)), x'{old_id}', 0, 'content' FROM numbers"
        ),
        Engine::Postgres => format!(
            "INSERT INTO categorisations (object_id, category_id, position, object)
             SELECT decode(lpad(to_hex(n), 24, '0'), 'hex'), decode('{old_id}', 'hex'), 0, 'content'
             FROM generate_series(1, {OBJECTS}) AS n"
        ),
    });
    let path = |category: &serde_json::Value| format!("/1.0/categories/{}", id(category));
    let take_over = |category, heir| {
        otto.send(Request::new("DELETE", &format!("{}?take_over_category_id={}", path(category), id(heir)))).ok();
    };
    take_over(&old, &heir);
    cast.server.kill();
    cast.server.restart();
    // At once it is nowhere to be found, and nothing can be put below it or into it.
    otto.get(&path(&old)).refused(404);
    otto.delete(&path(&old)).refused(404);
    assert!(!ids(&otto.get(&format!("/1.0/categories?ids={old_id}")).ok()).contains(&old_id));
    assert_eq!(
        otto.put(&update, &json!({ "thread_category_ids": [old["id"], last["id"]] })).invalid(),
        ["thread_category_ids"]
    );
    assert_eq!(otto.put(&path(&last), &json!({ "parent_id": old["id"] })).invalid(), ["parent_id"]);
    let settings = json!({ "default_category_ids": [old["id"]] });
    otto.put(&format!("/1.0/content_sources/{}", source.id), &settings).refused(422);
    otto.delete(&path(&root)).ok();
    // The heir goes before it has inherited everything.
    take_over(&heir, &last);
    eventually("the last heir has it", || {
        (otto.get(&thread).ok()["thread_category_ids"] == json!([last["id"]])).then_some(())
    });
    otto.delete(&path(&last)).ok();
    eventually("nothing is left", || (otto.get(&thread).ok()["thread_category_ids"] == json!([])).then_some(()));
}

fn a_category_limited_to_sources_is_chosen_on_those_only(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let ((here, _here), (there, _there)) = (cast.new_source(), cast.new_source());
    let root = otto.create_category(&json!({ "source_ids": [here.id], "multiple": true }));
    let (one, two) = (
        otto.create_category(&json!({ "parent_id": root["id"] })),
        otto.create_category(&json!({ "parent_id": root["id"] })),
    );
    let anywhere = otto.create_category(&json!({}));
    let objects = |source: &frontdesk_tests::Source| {
        source.says("vera", "t", "Hello?");
        let content = source.contents(otto, "t").remove(0);
        let intervention = otto.engage(&id(&content));
        let thread = content["thread_id"].as_str().unwrap().to_owned();
        [
            (format!("/1.0/contents/{}/update_categories", id(&content)), "category_ids"),
            (format!("/1.0/interventions/{}/update_categories", id(&intervention)), "category_ids"),
            (format!("/1.0/content_threads/{thread}/update_categories"), "thread_category_ids"),
        ]
    };
    let give = |path: &str, name: &str, chosen: &[&serde_json::Value]| {
        let chosen: Vec<_> = chosen.iter().map(|category| category["id"].clone()).collect();
        otto.put(path, &json!({ name: chosen }))
    };
    let (ours, theirs) = (objects(&here), objects(&there));
    for (path, name) in &ours {
        give(path, name, &[&one, &anywhere]).ok();
    }
    for (path, name) in &theirs {
        for chosen in [&root, &one] {
            let refused = give(path, name, &[&anywhere, chosen]);
            assert_eq!(refused.invalid(), [*name], "{path}");
            assert_eq!(refused.refused(422)["errors"][0]["type"], "not_offered");
        }
        assert_eq!(give(path, name, &[&anywhere]).ok()[*name], json!([anywhere["id"]]));
    }
    // What a new thread inherits from its source is held against the same rule.
    let defaults = json!({ "default_category_ids": [one["id"], anywhere["id"]] });
    for (source, expected) in [(&here, json!([one["id"], anywhere["id"]])), (&there, json!([anywhere["id"]]))] {
        otto.put(&format!("/1.0/content_sources/{}", source.id), &defaults).ok();
        source.says("vera", "another", "Hello?");
        assert_eq!(source.thread(otto, "another")["thread_category_ids"], expected);
    }
    // Nobody takes over who is not offered wherever the other one is.
    let take_over = |gone: &serde_json::Value, heir: &serde_json::Value| {
        otto.delete(&format!("/1.0/categories/{}?take_over_category_id={}", id(gone), id(heir)))
    };
    assert_eq!(take_over(&anywhere, &one).invalid(), ["take_over_category_id"]);
    // Limited further, it stays where it is and goes nowhere new.
    otto.put(&format!("/1.0/categories/{}", id(&root)), &json!({ "source_ids": [there.id] })).ok();
    let (path, name) = &ours[0];
    assert_eq!(give(path, name, &[&one]).ok()[*name], json!([one["id"]]));
    assert_eq!(give(path, name, &[&one, &two]).invalid(), [*name]);
    take_over(&two, &one).ok();
}
