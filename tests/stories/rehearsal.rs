//! Rehearsals: what another topology would have made of what happened.

use frontdesk_tests::cast::unique;
use frontdesk_tests::clock;
use frontdesk_tests::{Cast, Engine, eventually};
use serde_json::json;

on_both_engines![what_happened_is_led_by_another_topology];

const EVERYONE: &str =
    r#"{ "version": 1, "start": "all", "steps": [{ "name": "all", "agents": { "everyone": true } }] }"#;

fn what_happened_is_led_by_another_topology(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let otto = &cast.otto;
    let (source, _channel) = cast.new_source();
    let group = json!({ "name": unique("Group "), "source_ids": [source.id] });
    otto.post("/1.0/channels", &group).ok();
    let agent = cast.hire(&["receive_tasks", "update_own_intervention"]);
    let rights = json!({ &source.id: "read,reply" });
    otto.put(&format!("/1.0/users/{}/sources_permissions", agent.user_id), &rights).ok();
    agent.post("/1.0/status/me/connect", &json!({})).ok();
    let since = clock::after(-3_600);
    let path = "/1.0/topologies/rehearse";
    let ask = json!({ "json_config": EVERYONE, "since": since });
    // The example conversations are tasks too.
    let count = |name: &str| otto.get(&format!("/1.0/tasks?limit=0&queue={name}")).ok()["count"].as_i64().unwrap();
    let mut before = 0;
    eventually("the examples are tasks", || {
        let known = std::mem::replace(&mut before, count("global"));
        (before > 0 && known == before).then_some(())
    });
    for _ in 0..3 {
        source.says(&unique("vera"), &unique("thread-"), "Hello?");
    }
    let report = eventually("three more tasks", || {
        let report = otto.post(path, &ask).ok();
        (report["tasks"] == before + 3).then_some(report)
    });
    // Nobody accepted; in the rehearsal there was no time to either, or somebody did.
    assert_eq!((&report["happened"]["accepted"], &report["happened"]["waiting"]), (&json!(0), &report["tasks"]));
    let file = std::env::temp_dir().join(unique("topology-"));
    std::fs::write(&file, EVERYONE).unwrap();
    let words = ["routing", "rehearse", "--topology", file.to_str().unwrap(), "--since", &since];
    let printed = cast.server.command(&words).output().unwrap();
    let (said, failed) = (String::from_utf8_lossy(&printed.stdout), String::from_utf8_lossy(&printed.stderr));
    assert!(printed.status.success() && said.starts_with(&format!("{} tasks from ", before + 3)), "{said} {failed}");
    assert!(said.contains("wait p90, seconds"), "{said}");
    std::fs::write(&file, "{}").unwrap();
    let refused = cast.server.command(&words).output().unwrap();
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("json_config"));
    std::fs::remove_file(&file).unwrap();

    for (wrong, attribute) in [
        (json!({ "json_config": EVERYONE, "since": clock::after(3_600) }), "since"),
        (json!({ "json_config": EVERYONE, "since": "2001-01-01" }), "since"),
        (json!({ "json_config": EVERYONE, "since": "soon" }), "since"),
        (json!({ "json_config": "{", "since": since }), "json_config"),
        (json!({ "json_config": r#"{"version":1,"steps":[]}"#, "since": since }), "json_config"),
    ] {
        assert!(otto.post(path, &wrong).invalid().contains(&attribute.to_owned()), "{wrong}");
    }
    agent.post(path, &ask).refused(403);
}
