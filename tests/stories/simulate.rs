//! A generated past: what it leaves is what real conversations would have left.

use frontdesk_tests::pages::records;
use frontdesk_tests::processes::run;
use frontdesk_tests::server::{Launch, fails};
use frontdesk_tests::{Cast, Engine, Person};

on_both_engines![a_generated_past_can_be_listed_searched_and_backed_up, a_past_is_not_generated_under_a_running_server,];

fn a_generated_past_can_be_listed_searched_and_backed_up(engine: Engine) {
    let launch = Launch::new(engine);
    let output = launch.command(&["simulate"]).args(["--fill", "10000", "--seed", "7"]).output().unwrap();
    let (printed, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    // What grows with the store makes each message slower than the one before.
    assert!(!said.contains("walked far"), "{said}");
    assert!(printed.contains("10000 contents") && printed.contains("every counter agrees"), "{printed}");
    let server = launch.start();
    let token = server.make_token("admin@frontdesk.local", "to look around");
    let otto = Person::with_token(&server, &token);
    let list = |path: &str| otto.get(path).ok();
    assert_eq!(list("/1.0/contents?limit=1")["count"], 10_000);
    let count = |path: &str| list(path)["count"].as_i64().unwrap();
    let contents_of = |state: &str| count(&format!("/1.0/contents?limit=1&q=status_in:{state}"));
    for state in ["new", "replied", "user_reply", "ignored"] {
        assert!(contents_of(state) > 0, "{state}");
    }
    for state in ["closed", "active"] {
        assert!(count(&format!("/1.0/interventions?limit=1&status={state}")) > 0, "{state}");
    }
    // Every thread counts what it holds, and no content is in none.
    let threads = list("/1.0/content_threads?limit=150");
    for thread in records(&threads).iter().take(30) {
        let path = format!("/1.0/contents?limit=1&q=thread:{}", thread["id"].as_str().unwrap());
        assert_eq!(list(&path)["count"], thread["contents_count"]);
    }
    // A coupon is in about a thousand messages, at most in one of twenty.
    let coupon = count("/1.0/contents?limit=1&q=save00000");
    assert!((300..1_000).contains(&coupon), "{coupon}");
    assert!(count("/1.0/attachments?limit=1") > 0);

    // Nothing of it is delivered again, and the store can be backed up.
    let file = frontdesk_tests::processes::folder("simulated").join("desk.backup");
    let summary = run(server.command(&["backup"]).arg(&file));
    assert!(summary.contains("rows"), "{summary}");
    for content in records(&list("/1.0/contents?limit=150&q=status_in:user_reply")) {
        assert_eq!(content["synchronization_status"], "success");
    }
}

fn a_past_is_not_generated_under_a_running_server(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let output = fails(cast.server.command(&["simulate"]).args(["--fill", "10"]));
    assert!(String::from_utf8_lossy(&output.stderr).contains("in use by another frontdesk process"), "{output:?}");
}
