//! Several servers on one PostgreSQL: agents at one, customers at another, and one of them dies.

use std::collections::BTreeMap;

use frontdesk_tests::cast::unique;
use frontdesk_tests::pages::id;
use frontdesk_tests::server::Launch;
use frontdesk_tests::{Cast, Engine, Person, eventually};
use serde_json::{Value, json};

use super::{Desk, path, workbin};

#[test]
fn work_finds_its_agent_whichever_node_is_left() {
    const TASKS: usize = 12;
    let mut cast = Cast::start(Engine::Postgres, &[]);
    let key = cast.server.data().join("secret.key");
    let flags = ["--secret-key-file", key.to_str().expect("a path")];
    let launch = Launch::new(Engine::Postgres).database(cast.server.database_url().map(str::to_owned));
    let other = launch.with(&flags).start();
    // Ada is connected at one node, Bo at the other; Otto looks at the other one.
    let (source, channel_id, ada, bo) = {
        let desk = Desk::open(&cast, json!({ "soft_capability": 3, "hard_capability": 3 }));
        let (ada, bo) = (desk.agent(), desk.hires(super::AGENT).at(&other));
        super::connects(&bo);
        (desk.source.clone(), desk.channel_id.clone(), ada, bo)
    };
    let otto = cast.otto.at(&other);
    let slots = |otto: &Person| {
        let target = format!("/1.0/availability?source_id={}", source.id);
        let shown = otto.get(&target).ok();
        ["agents", "slots", "taken", "waiting"].map(|name| shown[name].as_i64().unwrap())
    };
    assert_eq!((slots(&cast.otto), slots(&otto)), ([2, 6, 0, 0], [2, 6, 0, 0]));

    // Customers write at both; both nodes decide, and what they decide is the same.
    for number in 0..TASKS {
        let source = if number % 2 == 0 { source.clone() } else { source.at(&other) };
        source.says(&unique("vera"), &unique("thread-"), "Hello?");
    }
    let tasks = |otto: &Person, queue: &str| -> Vec<Value> {
        let target = format!("/1.0/tasks?limit=150&queue={queue}&channel_id={channel_id}");
        frontdesk_tests::pages::records(&otto.get(&target).ok()).to_vec()
    };
    let ringing = |otto: &Person| {
        let mut rings: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for task in tasks(otto, "global") {
            let [agent] = &task["agent_ids"].as_array().unwrap()[..] else { continue };
            rings.entry(agent.as_str().unwrap().to_owned()).or_default().push(task);
        }
        rings
    };
    let shared_out = eventually("as much rings at each as they take", || {
        let rings = ringing(&otto);
        (rings.len() == 2 && rings.values().all(|tasks| tasks.len() == 3)).then_some(rings)
    });
    eventually("the others wait", || (slots(&otto) == [0, 6, 6, TASKS as i64 - 6]).then_some(()));
    assert_eq!(slots(&cast.otto), slots(&otto));
    // What rang by one node is accepted at the other, once.
    for (agent, elsewhere) in [(&ada, ada.at(&other)), (&bo, bo.at(&cast.server))] {
        let task = &shared_out[&agent.user_id][0];
        elsewhere.post(&format!("{}/accept", path(task)), &json!({})).ok();
        agent.post(&format!("{}/accept", path(task)), &json!({})).refused(409);
    }

    // The node dies at which Ada was; she finds the other one, and everything is as it was.
    cast.server.kill();
    let ada = ada.at(&other);
    ada.post("/1.0/status/me/heartbeat", &json!({})).ok();
    assert_eq!(slots(&otto), [0, 6, 6, TASKS as i64 - 6]);
    let own = &shared_out[&ada.user_id];
    assert_eq!(tasks(&ada, &workbin(&ada)).iter().map(id).collect::<Vec<_>>(), [id(&own[0])]);
    for task in &own[1..] {
        ada.post(&format!("{}/accept", path(task)), &json!({})).ok();
    }
    // Bo gives back what he has: it comes to who has room, by the node that is left.
    let content = own[1]["content_id"].as_str().unwrap();
    ada.reply(content, "Done.");
    eventually("it is completed", || {
        (ada.post(&format!("{}/complete", path(&own[1])), &json!({})).status == 200).then_some(())
    });
    eventually("the next one rings", || ringing(&otto).get(&ada.user_id).map(drop));
    bo.post("/1.0/status/me/disconnect", &json!({})).ok();
    eventually("his go back", || {
        let rings = ringing(&otto);
        (!rings.contains_key(&bo.user_id) && tasks(&otto, &workbin(&bo)).is_empty()).then_some(())
    });
    // New ones come by it, too, and nothing was lost: all but what is done.
    source.at(&other).says(&unique("vera"), &unique("thread-"), "Hello?");
    let all = || tasks(&otto, "global").len() + tasks(&otto, "workbins").len();
    eventually("every message has its task", || (all() == TASKS).then_some(()));
    other.look_through_the_log();
}
