//! Many tasks: those that are over are kept for a while and in nobody's way, and who asks for one more gets the right one
//! of however many wait.

use frontdesk_tests::cast::unique;
use frontdesk_tests::pages::id;
use frontdesk_tests::{Cast, Engine, eventually};
use serde_json::json;

use super::{AGENT, Desk, connects, path, workbin};

on_both_engines![
    what_has_been_over_for_long_goes_with_its_trace,
    what_is_asked_often_does_not_walk_through_the_history,
    the_most_urgent_of_what_fits_is_found_on_request,
];

fn what_has_been_over_for_long_goes_with_its_trace(engine: Engine) {
    const DAY_MICROSECONDS: i64 = 86_400_000_000;
    let mut cast = Cast::start(engine, &["--task-days", "30"]);
    let (agent_bin, [old, young, open]) = {
        let desk = Desk::open(&cast, json!({}));
        let ada = desk.agent();
        let tasks = [(); 3].map(|()| desk.accepted_by(&ada));
        for task in &tasks[..2] {
            ada.reply(task["content_id"].as_str().unwrap(), "Done.");
            eventually("it can be completed", || {
                (ada.post(&format!("{}/complete", path(task)), &json!({})).status == 200).then_some(())
            });
        }
        (workbin(&ada), tasks)
    };
    // Everything is old, but for what was over yesterday and what is not over.
    let age = |days: i64, which: &str| {
        let micros = days * DAY_MICROSECONDS;
        cast.server.sql(&format!(
            "UPDATE tasks SET created_at = created_at - {micros}, waiting_since = waiting_since - {micros},
               completed_at = completed_at - {micros} WHERE {which}"
        ));
    };
    age(29, "TRUE");
    let first = "completed_at = (SELECT min(completed_at) FROM tasks WHERE completed_at IS NOT NULL)";
    age(2, first);
    let count = |cast: &Cast, queue: &str| cast.otto.get(&format!("/1.0/tasks?queue={queue}")).ok()["count"].clone();
    assert_eq!(count(&cast, "history"), 2, "not yet: it is looked now and then");
    cast.server.stop();
    cast.server.restart();
    eventually("the old one goes", || (count(&cast, "history") == 1).then_some(()));
    cast.otto.get(&path(&old)).refused(404);
    cast.otto.get(&format!("{}/trace", path(&old))).refused(404);
    let trace = cast.otto.get(&format!("{}/trace", path(&young))).ok();
    assert!(trace["entries"].as_array().unwrap().len() > 2, "{trace}");
    assert_eq!(count(&cast, &agent_bin), 1);
    cast.otto.get(&path(&open)).ok();
    cast.server.look_through_the_log();
}

fn what_is_asked_often_does_not_walk_through_the_history(engine: Engine) {
    // Of its own: what PostgreSQL learns of the rows of other stories in the meantime changes its plans.
    let cast = Cast::start(engine, &[]);
    let waits =
        "place = 'global' AND state = 'waiting' AND NOT held AND channel_id = (SELECT id FROM channels LIMIT 1)";
    let mine = "owner_id = (SELECT id FROM users LIMIT 1)";
    let listed = "ORDER BY priority DESC, created_at DESC, id DESC LIMIT 30";
    for (sql, index) in [
        ("SELECT * FROM tasks WHERE completed_at IS NULL AND state <> 'undelivered'".to_owned(), "tasks_live tasks_active"),
        (
            "SELECT * FROM tasks WHERE completed_at IS NULL AND state <> 'accepted' AND NOT EXISTS
               (SELECT 1 FROM sources WHERE sources.id = tasks.source_id AND sources.active
                  AND sources.channel_id = tasks.channel_id) ORDER BY source_id, id LIMIT 100"
                .into(),
            "tasks_live",
        ),
        ("SELECT DISTINCT queue FROM tasks WHERE queue IS NOT NULL".into(), "tasks_special"),
        ("SELECT * FROM tasks WHERE queue = 'triage' ORDER BY id LIMIT 100".into(), "tasks_special"),
        (format!("SELECT * FROM tasks WHERE {waits} ORDER BY priority DESC, waiting_since, id LIMIT 500"), "tasks_next"),
        (format!("SELECT 1 FROM tasks WHERE {waits} LIMIT 10000"), "tasks_next tasks_lines"),
        // From one line to the next, and the first task of a line.
        (
            format!("SELECT line FROM tasks WHERE {waits} AND line > (SELECT id FROM users LIMIT 1) ORDER BY line LIMIT 1"),
            "tasks_lines",
        ),
        (
            format!(
                "SELECT id FROM tasks WHERE {waits} AND line = (SELECT id FROM users LIMIT 1)
                 ORDER BY priority DESC, waiting_since, id LIMIT 1"
            ),
            "tasks_lines",
        ),
        (format!("SELECT * FROM tasks WHERE place = 'history' AND completed_at IS NOT NULL AND {mine} {listed}"), "tasks_owner"),
        (
            format!(
                "SELECT * FROM tasks WHERE place = 'history' AND completed_at IS NOT NULL
                   AND channel_id = (SELECT id FROM channels LIMIT 1) {listed}"
            ),
            // PostgreSQL takes either while there are few.
            "tasks_history tasks_place",
        ),
        (format!("SELECT * FROM tasks WHERE place = 'history' AND completed_at IS NOT NULL {listed}"), "tasks_place"),
        (
            format!("SELECT * FROM tasks WHERE place = 'history' AND completed_at IS NOT NULL AND step = 'x' {listed}"),
            "tasks_step",
        ),
        (
            "SELECT id FROM tasks WHERE completed_at IS NOT NULL AND completed_at < 5 ORDER BY completed_at, id LIMIT 50"
                .into(),
            "tasks_over",
        ),
    ] {
        let plan = cast.server.plan(&sql);
        assert!(index.split(' ').any(|index| plan.contains(index)), "{sql}:\n{plan}");
        assert!(!plan.contains("TEMP B-TREE") && !plan.contains("Sort"), "{sql}:\n{plan}");
    }
}

fn the_most_urgent_of_what_fits_is_found_on_request(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast, json!({ "soft_capability": 1, "hard_capability": 9 }));
    let [robots, people, others] = [(); 3].map(|()| id(&cast.otto.create_category(&json!({ "multiple": true }))));
    let (ada, bo) = (desk.hires(AGENT), desk.hires(AGENT));
    for (agent, categories) in [(&ada, json!([people, others])), (&bo, json!([robots]))] {
        cast.otto.put(&format!("/1.0/users/{}", agent.user_id), &json!({ "category_ids": categories })).ok();
    }
    let asked = |customer: &str, category: &str, priority: i64| {
        let default = json!({ "default_category_ids": [category], "default_task_priority": priority });
        cast.otto.put(&format!("/1.0/content_sources/{}", desk.source.id), &default).ok();
        desk.asked(&unique(customer))
    };
    let first = asked("vera", &people, 0);
    connects(&ada);
    // As many as are offered to her; then what Bo could answer, who is not there.
    desk.rings_at(&first, &ada);
    ada.post(&format!("{}/accept", path(&first)), &json!({})).ok();
    for _ in 0..3 {
        asked("robot", &robots, 9);
    }
    let request = || ada.post("/1.0/tasks/request", &json!({}));
    request().refused(404);
    let expected = {
        let old = asked("old", &people, 1);
        let young = asked("young", &people, 1);
        let urgent = asked("urgent", &others, 5);
        [id(&urgent), id(&old), id(&young)]
    };
    let taken = [(); 3].map(|()| id(&request().ok()));
    assert_eq!(taken, expected);
    request().refused(404);
    assert_eq!(desk.queue("global").len(), 3);
}
