//! `frontdesk channel check`: what it says of a channel that is as it should be, and of others.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use frontdesk_tests::server::{collect, fails, frontdesk};
use frontdesk_tests::{FakeChannel, Guestbook, LANGUAGES, Push, Reply, eventually, processes};
use serde_json::{Value, json};

const SECRET: &str = "5e1f0c6cbb0e4a6f9a0a4cf3a9b6a1ab";

fn check(url: &str, flags: &[&str]) -> Command {
    let mut command = frontdesk();
    command
        .args(["channel", "check", url, "--allow-outbound", "127.0.0.0/8"])
        .args(flags)
        .env("CHANNEL_SECRET", SECRET);
    command
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// The report of a check that finds something.
#[track_caller]
fn report(url: &str, flags: &[&str]) -> Value {
    let output = fails(&mut check(url, &[&["--json"], flags].concat()));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// What did not pass: the rule and its reason.
fn failures(report: &Value) -> Vec<(&str, &str)> {
    let checks = report["checks"].as_array().expect("checks");
    let failed = checks.iter().filter(|check| check["result"] == "failed");
    failed.map(|check| (check["check"].as_str().unwrap(), check["reason"].as_str().unwrap())).collect()
}

#[track_caller]
fn assert_failures(report: &Value, expected: &[(&str, &str)]) {
    let found = failures(report);
    for (rule, why) in expected {
        assert!(found.iter().any(|(known, told)| known == rule && told.contains(why)), "{rule}: {why}\n{found:#?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[test]
fn the_guest_books_pass() {
    for language in LANGUAGES {
        let book = Guestbook::open(language, &[("CHANNEL_SECRET", SECRET)]);
        // Nothing to judge the lists by is no failure.
        let told = processes::run(&mut check(&book.base_uri(), &["--write"]));
        assert!(told.contains("- messages.list takes a since_id\n    the list is empty"), "{told}");
        let first = book.writes("vera", "One", &json!({}));
        book.writes("vera", "Two", &json!({ "thread": first }));
        book.writes("rita", "Three", &json!({}));
        let told = processes::run(&mut check(&book.base_uri(), &[]));
        assert!(told.contains(" 0 failed, 0 with a remark, 0 not checked"), "{told}");
        assert!(told.contains("✓ messages.list tells what comes next after an older since_id"), "{told}");
        assert!(!told.contains("messages.create"), "nothing is written unless it is asked for: {told}");
        assert_eq!(book.entries("vera").len(), 3);
        let told = processes::run(&mut check(&book.base_uri(), &["--write"]));
        assert!(told.contains("✓ the same messages.create with retry gives the same id"), "{told}");
        assert!(told.contains("✓ messages.delete is taken"), "{told}");
        assert_eq!(book.entries("vera").len(), 3, "it takes back what it wrote");
        // With another secret nothing is right, and neither of them is told.
        let another = SECRET.replace('5', "6");
        let output = fails(check(&book.base_uri(), &[]).env("CHANNEL_SECRET", &another));
        let told = text(&output);
        assert!(told.contains("✗ implementation.info tells what the channel can do"), "{told}");
        assert!(told.contains("< Invalid signature"), "{told}");
        assert!(!told.contains(&another) && !told.contains(SECRET), "{told}");
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn the_least_channel_passes() {
    let port = processes::free_port().to_string();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join("examples/channel");
    let mut command = Command::new("python3");
    command.arg("-B").arg(examples.join("channel.py")).arg(&port).env("CHANNEL_SECRET", SECRET);
    let mut process = processes::spawn_bound(&command, "KILL").expect("it starts");
    let out = collect(process.stdout.take().expect("a pipe"));
    eventually("it listens", || out.text().contains("The channel listens").then_some(()));
    let told = processes::run(&mut check(&format!("http://127.0.0.1:{port}/"), &["--write"]));
    assert!(told.contains(" 0 failed, "), "{told}");
    let _ = process.kill();
    let _ = process.wait();
}

fn message(id: &str, at: &str) -> Value {
    let author = json!({ "id": "vera", "screenname": "Vera", "created_at": "2026-01-15" });
    json!({ "id": id, "thread_id": "t", "body": "Hello", "author": author, "created_at": at, "actions": ["delete", "spam"] })
}

/// A channel that does most things wrong: it checks no signature, takes everything, and lists the oldest first.
fn sloppy(push: &Push) -> Reply {
    match push.action().as_str() {
        "messages.list" => {
            let incomplete = json!({ "id": "m0", "thread_id": "t", "body": "Nobody's" });
            Reply::json(&json!([message("m1", "2026-02-01"), message("m2", "2026-02-02"), incomplete]))
        }
        "threads.list" => Reply::status(200, "<html>Please sign in</html>"),
        "private_messages.list" => {
            let many: Vec<Value> = (0..1_001).map(|at| message(&format!("p{at}"), "2026-02-01")).collect();
            Reply::json(&many.into())
        }
        "messages.show" => Reply::json(&message("m7", "2026-02-01")),
        "messages.delete" => Reply::status(500, &format!("Traceback: SECRET = {SECRET}\u{1b}[31m")),
        _ => Reply::json(&json!({ "id": format!("new-{}", push.number) })),
    }
}

#[test]
fn what_is_wrong_is_told_with_its_request_and_answer() {
    let channel = FakeChannel::start();
    channel.describe(Reply::json(&json!({
        "objects": {
            "messages": ["list", "show", "create", "delete"], "threads": ["list"], "private_messages": ["list"],
            "postcards": ["list"],
        },
        "options": ["messages.colour"],
    })));
    channel.answer(sloppy);
    let report = report(&channel.base_uri(), &["--write"]);
    assert_failures(
        &report,
        &[
            ("a request without a signature is refused", "it was taken"),
            ("a signature made with another secret is refused", "it was taken"),
            ("a signature of another body is refused", "it was taken"),
            ("a signature that is none is refused", "it was taken"),
            ("a wrong signature in the address is refused", "it was taken"),
            ("a body that is not JSON is refused", "it was taken"),
            ("a body that is no object is refused", "it was taken"),
            ("a request without an action is refused", "it was taken"),
            ("an unknown action is refused", "it was taken"),
            ("objects of messages.list have what they must have", "messages[2].author is missing"),
            ("messages.list tells the newest first", "m2 of 2026-02-02"),
            ("messages.list tells what comes next after an older since_id", "m2"),
            ("messages.list tells only what is new after the newest since_id", "m1"),
            ("messages.list comes to an end", "told before"),
            ("private_messages.list answers a list of at most 1,000 objects and 20 MB", "1001 objects"),
            ("threads.list answers a list of at most 1,000 objects and 20 MB", "not JSON: <html>Please sign in"),
            ("messages.show tells the content", "it tells m7, and m1 was asked for"),
            ("messages.show of an id that is not there is refused", "it was taken"),
            ("the same messages.create with retry gives the same id", "it is there twice"),
            ("messages.create without anything in it is refused", "it was taken"),
            ("messages.delete is taken", "The channel answered 500"),
        ],
    );
}

#[test]
fn the_request_and_the_answer_are_told_as_they_were() {
    let channel = FakeChannel::start();
    channel.describe(Reply::json(&json!({ "objects": { "messages": ["list", "create", "delete"] } })));
    channel.answer(sloppy);
    let told = text(&fails(&mut check(&channel.base_uri(), &["--write"])));
    let after = |rule: &str| {
        let from = told.find(&format!("✗ {rule}\n")).unwrap_or_else(|| panic!("{rule}: {told}"));
        told[from..].split("\n✓").next().unwrap_or_default().to_owned()
    };
    let deletion = after("messages.delete is taken");
    let [request] =
        &channel.pushes().into_iter().filter(|push| push.action() == "messages.delete").collect::<Vec<_>>()[..]
    else {
        panic!("one deletion")
    };
    let signature = request.header("X-SMCCSDK-SIGNATURE").unwrap();
    assert!(request.is_signed_by(SECRET));
    for line in [
        format!("    > POST {}", channel.base_uri()),
        format!("    > X-SMCCSDK-SIGNATURE: {signature}"),
        format!("    > {}", String::from_utf8_lossy(&request.body)),
        "    < 500 Internal Server Error after".to_owned(),
        // What the channel tells does nothing to a terminal, and the secret stays one.
        "    < Traceback: SECRET = [the secret]\\u{1b}[31m".to_owned(),
    ] {
        assert!(deletion.contains(&line), "{line}\n{deletion}");
    }
    assert!(!told.contains(SECRET));
    let whole = report(&channel.base_uri(), &["--write"]);
    let failed = whole["checks"].as_array().unwrap().iter().find(|check| check["check"] == "messages.delete is taken");
    assert!(failed.unwrap()["request"]["body"].as_str().unwrap().contains("messages.delete"));
    assert_eq!(failed.unwrap()["answer"]["body"], "Traceback: SECRET = [the secret]\\u{1b}[31m");
    assert_eq!(whole["failed"], failures(&whole).len());
    // What is odd and does no harm is told too.
    assert!(told.contains("! answers are signed\n    there is no X-SMCCSDK-SIGNATURE"), "{told}");
}

#[test]
fn a_channel_that_cannot_be_asked_is_told_as_one() {
    let channel = FakeChannel::start();
    for (reply, expected) in [
        (
            Reply::status(302, ""),
            vec![
                ("the address answers itself, without a redirect", "redirects are not followed"),
                ("implementation.info tells what the channel can do", "the channel answered 302"),
            ],
        ),
        (
            Reply::json(&json!({})).after(Duration::from_secs(20)),
            vec![("the channel answers", "no complete answer in time")],
        ),
    ] {
        channel.describe(reply);
        let report = report(&channel.base_uri(), &["--timeout", "2"]);
        assert_failures(&report, &expected);
    }
    let nobody = format!("http://127.0.0.1:{}/", processes::free_port());
    assert_failures(&report(&nobody, &[]), &[("the channel answers", "no connection")]);
    // Like a server, it calls no private address that nobody named.
    let mut command = frontdesk();
    let output = fails(command.args(["channel", "check", &nobody]).env("CHANNEL_SECRET", SECRET));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--allow-outbound 127.0.0.0/8"));
    let mut command = frontdesk();
    let output = fails(command.args(["channel", "check", &nobody]).env_remove("CHANNEL_SECRET"));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--secret"));
    for (url, secret, words) in
        [(nobody.as_str(), "", "--secret"), ("ftp://a.example", SECRET, "url"), (&nobody, "x", "--secret:")]
    {
        let output = fails(check(url, &[]).env("CHANNEL_SECRET", secret));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains(words) && output.stdout.is_empty(), "{told}");
    }
}
