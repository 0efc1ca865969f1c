//! Topologies: how a task finds its agent.

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::Request;
use frontdesk_tests::pages::{id, ids, records};
use frontdesk_tests::{Cast, Engine, eventually};
use serde_json::{Value, json};

on_both_engines![
    a_topology_is_kept_changed_and_activated,
    a_wrong_document_is_refused_with_place_and_reason,
    a_topology_is_checked_again_when_it_is_activated,
    what_an_active_topology_names_may_go,
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

fn what_an_active_topology_names_may_go(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let otto = &cast.otto;
    let [(shop, _first), (other, _second)] = [(); 2].map(|()| cast.new_source());
    let group = json!({ "name": unique("Live "), "source_ids": [shop.id, other.id] });
    let channel = id(&otto.post("/1.0/channels", &group).ok());
    let [bo, cleo] = [(); 2].map(|()| {
        let agent = cast.hire(&["receive_tasks"]);
        let rights = json!({ &shop.id: "read,reply", &other.id: "read,reply" });
        otto.put(&format!("/1.0/users/{}/sources_permissions", agent.user_id), &rights).ok();
        agent
    });
    let team = id(&otto.post("/1.0/teams", &json!({ "name": unique("Team "), "user_ids": [bo.user_id] })).ok());
    let category = id(&otto.create_category(&json!({})));
    let all = json!({ "everyone": true });
    let step = |name: &str, next: &str, when: Value, agents: Value| json!({ "name": name, "when": when, "agents": agents, "for": "1d", "next": next });
    let config = json!({ "version": 1, "steps": [
        step("team", "person", json!({}), json!({ "team_ids": [team] })),
        step("person", "sorted", json!({}), json!({ "agent_ids": [bo.user_id] })),
        step("sorted", "there", json!({ "category_ids": [category] }), all.clone()),
        step("there", "here", json!({ "source_ids": [other.id] }), all.clone()),
        { "name": "here", "when": { "channel_ids": [channel] }, "agents": all },
    ] });
    let own = format!("/1.0/topologies/{}", id(&otto.post("/1.0/topologies", &topology(&config)).ok()));
    otto.put(&format!("{own}/activate"), &json!({})).ok();
    let shown = format!("{own}?extended=true");
    assert_eq!(otto.get(&shown).ok()["faults"], json!([]));

    let refused = otto.delete(&format!("/1.0/channels/{channel}"));
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("steps[4].when.channel_ids"), "{}", refused.text());
    for gone in [
        format!("teams/{team}"),
        format!("users/{}", bo.user_id),
        format!("categories/{category}"),
        format!("content_sources/{}", other.id),
    ] {
        otto.delete(&format!("/1.0/{gone}")).ok();
    }
    let told = otto.get(&shown).ok();
    let places = ["[0].agents.team_ids", "[1].agents.agent_ids", "[2].when.category_ids", "[3].when.source_ids"];
    let faults: Vec<&str> = told["faults"].as_array().unwrap().iter().map(|fault| fault.as_str().unwrap()).collect();
    assert_eq!(faults.len(), places.len(), "{faults:?}");
    for (fault, place) in faults.iter().zip(places) {
        assert!(fault.starts_with(&format!("steps{place}[0] names no ")), "{fault}");
    }

    // It leads on: tasks pass over the steps that nobody fits any more.
    cleo.post("/1.0/status/me/connect", &json!({})).ok();
    let thread = unique("thread-");
    shop.says("vera", &thread, "Hello?");
    let task = eventually("it rings at who is left", || {
        let found = otto.get(&format!("/1.0/tasks?channel_id={channel}")).ok();
        records(&found).iter().find(|task| task["agent_ids"] == json!([cleo.user_id])).cloned()
    });
    assert_eq!(task["step"], "here");
    // Once it does not lead any more it does not come back, and the channel can go.
    let next = topology(&document(&json!({ "agent_ids": [cleo.user_id] })));
    let next = format!("/1.0/topologies/{}/activate", id(&otto.post("/1.0/topologies", &next).ok()));
    otto.put(&next, &json!({})).ok();
    assert_eq!(otto.put(&format!("{own}/activate"), &json!({})).invalid().len(), places.len());
    otto.delete(&format!("/1.0/channels/{channel}")).ok();
}
