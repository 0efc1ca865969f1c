//! Topologies: how a task finds its agent.

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::Request;
use frontdesk_tests::pages::{id, ids};
use frontdesk_tests::{Cast, Engine};
use serde_json::{Value, json};

on_both_engines![
    a_topology_is_kept_changed_and_activated,
    a_wrong_document_is_refused_with_place_and_reason,
    a_topology_is_checked_again_when_it_is_activated,
];

const NOBODY: &str = "0123456789abcdef01234567";

/// A document with one step for these agents.
fn document(agents: &Value) -> Value {
    json!({ "version": 1, "steps": [{ "name": "team", "agents": agents }] })
}

fn topology(config: &Value) -> Value {
    json!({ "name": unique("Topology "), "json_config": config.to_string() })
}

fn a_topology_is_kept_changed_and_activated(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let otto = &cast.otto;
    let everyone = document(&json!({ "everyone": true }));
    let first = otto.post("/1.0/topologies", &topology(&everyone)).ok();
    assert_eq!(first["config"], everyone);
    let own = format!("/1.0/topologies/{}", id(&first));
    assert!(first.get("active").is_none(), "only the documented properties");
    let shown = |path: &str| {
        let shown = otto.get(&format!("{path}?extended=true")).ok();
        (shown["active"].clone(), shown["version"].clone())
    };
    assert_eq!(shown(&own), (json!(false), json!(1)));
    // As a form, as the public file says.
    let ada = document(&json!({ "agent_ids": [cast.ada.user_id] }));
    let form = Request::new("PUT", &own).form(&[("name", "Ada"), ("json_config", &ada.to_string())]);
    let changed = otto.send(form).ok();
    assert_eq!((&changed["name"], &changed["config"]), (&json!("Ada"), &ada));
    assert_eq!(otto.put(&own, &json!({ "name": "Ada", "json_config": ada.to_string() })).ok(), changed);
    assert_eq!(shown(&own), (json!(false), json!(2)));

    let activate = format!("{own}/activate");
    assert_eq!(otto.put(&activate, &json!({})).ok()["id"], first["id"]);
    otto.put(&activate, &json!({})).ok();
    assert_eq!(shown(&own), (json!(true), json!(2)));
    otto.put(&own, &json!({ "name": "Other" })).refused(403);
    let second = otto.post("/1.0/topologies", &topology(&everyone)).ok();
    let other = format!("/1.0/topologies/{}", id(&second));
    otto.put(&format!("{other}/activate"), &json!({})).ok();
    assert_eq!((shown(&own).0, shown(&other).0), (json!(false), json!(true)), "one at a time");
    otto.put(&own, &json!({ "name": "Zoe" })).ok();
    assert_eq!(ids(&otto.get("/1.0/topologies").ok()), [id(&second), id(&first)], "by name");
    assert_eq!(ids(&otto.get("/1.0/topologies?limit=1&offset=1").ok()), [id(&first)]);
    otto.delete(&other).ok();
    otto.delete(&own).ok();
    otto.get(&own).refused(404);
    for (kind, count) in [("created", 2), ("updated", 2), ("activated", 2), ("destroyed", 2)] {
        let found = otto.search("/1.0/events", &format!("name_in:topology.{kind}"));
        assert_eq!(found["count"], count, "{kind}: {found}");
    }
}

fn a_wrong_document_is_refused_with_place_and_reason(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let team = id(&otto.post("/1.0/teams", &json!({ "name": unique("Empty ") })).ok());
    let all = json!({ "everyone": true });
    let step = |name: &str, next: Value| json!({ "name": name, "agents": all, "for": 60, "next": next });
    for (config, told) in [
        (json!({ "version": 1, "steps": [step("a", json!("a"))] }), "steps[0].next leads back"),
        (json!({ "version": 1, "steps": [step("a", json!("b"))] }), "steps[0].next names no step"),
        (json!({ "version": 1, "steps": [step("a", json!(null)), step("b", json!(null))] }), "steps[1] is unreachable"),
        (document(&json!({ "agent_ids": [NOBODY] })), "steps[0].agents.agent_ids[0] names no user"),
        (document(&json!({ "team_ids": [NOBODY] })), "steps[0].agents.team_ids[0] names no team"),
        (document(&json!({ "team_ids": [team] })), "steps[0].agents is starved"),
        (json!([]), "must be an object"),
    ] {
        let answer = otto.post("/1.0/topologies", &topology(&config));
        assert_eq!(answer.invalid(), ["json_config"], "{config}");
        assert!(answer.text().contains(told), "{told}: {}", answer.text());
    }
    for text in ["", "{", "{\"version\":1", &"[".repeat(100_000), &" ".repeat(300_000)] {
        let wrong = json!({ "name": unique("Wrong "), "json_config": text });
        assert_eq!(otto.post("/1.0/topologies", &wrong).invalid(), ["json_config"]);
    }
    let name = unique("Taken ");
    let good = json!({ "name": name, "json_config": document(&all).to_string() });
    otto.post("/1.0/topologies", &good).ok();
    assert_eq!(otto.post("/1.0/topologies", &good).invalid(), ["name"]);
    assert_eq!(otto.post("/1.0/topologies", &json!({ "json_config": document(&all).to_string() })).invalid(), ["name"]);
    assert_eq!(otto.post("/1.0/topologies", &json!({ "name": unique("None ") })).invalid(), ["json_config"]);
}

fn a_topology_is_checked_again_when_it_is_activated(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let otto = &cast.otto;
    let team = json!({ "name": unique("Team "), "user_ids": [cast.ada.user_id] });
    let team = id(&otto.post("/1.0/teams", &team).ok());
    let made = otto.post("/1.0/topologies", &topology(&document(&json!({ "team_ids": [team] })))).ok();
    let activate = format!("/1.0/topologies/{}/activate", id(&made));
    otto.put(&format!("/1.0/teams/{team}"), &json!({ "user_ids": [] })).ok();
    assert_eq!(otto.put(&activate, &json!({})).invalid(), ["json_config"]);
    otto.put(&format!("/1.0/teams/{team}"), &json!({ "user_ids": [cast.ada.user_id] })).ok();
    otto.put(&activate, &json!({})).ok();
    cast.ada.put(&activate, &json!({})).refused(403);
}
