//! What an operator does: start, stop, look after, sign in.

use std::os::unix::fs::PermissionsExt;

use frontdesk_tests::http::Request;
use frontdesk_tests::pages::{ids, records};
use frontdesk_tests::processes::{folder, free_port, run, spawn_bound};
use frontdesk_tests::server::{Launch, collect, fails, frontdesk};
use frontdesk_tests::{CANARY, Cast, Engine, Person, Server, Source, eventually};
use serde_json::{Value, json};

on_both_engines![
    a_first_start_makes_everything_and_shows_once_how_to_sign_in,
    a_second_start_changes_nothing,
    a_token_is_made_on_the_command_line_while_the_server_runs_and_while_it_does_not,
    the_server_says_whether_it_lives_and_whether_it_can_serve,
    metrics_count_what_was_asked,
    the_log_is_structured_and_holds_neither_tokens_nor_bodies,
    a_server_that_is_told_to_stop_finishes_what_it_is_at,
    two_servers_never_open_one_data_directory,
    secrets_are_sealed_in_the_store,
    what_is_stored_is_private_even_in_a_directory_that_others_may_read,
    a_fresh_start_gives_no_warning,
    the_log_names_the_client_behind_a_trusted_proxy,
];

fn a_first_start_makes_everything_and_shows_once_how_to_sign_in(engine: Engine) {
    let server = Server::start(engine, &[]);
    let first = server.first_sign_in();
    assert_eq!(first.email, "admin@frontdesk.local");
    assert!(first.password.len() >= 12 && first.token.len() >= 32, "{first:?}");
    let place = format!("Frontdesk is at http://localhost:{}", server.address().port());
    assert!(server.output().starts_with(&place), "{}", server.output());
    let me = Person::with_token(&server, &first.token).get("/1.0/users/me").ok();
    assert_eq!(me["email"], "admin@frontdesk.local");
    let mode = |name: &str| server.data().join(name).metadata().expect(name).permissions().mode() & 0o777;
    assert_eq!(mode(""), 0o700);
    assert_eq!(mode("secret.key"), 0o600);
    assert_eq!(mode("control.sock"), 0o600);
    // An empty installation has no example conversations.
    let otto = Person::with_token(&server, &first.token);
    assert_eq!(otto.get("/1.0/content_threads").ok()["count"], 0);
    assert_eq!(otto.get("/1.0/users").ok()["count"], 1);
}

fn a_second_start_changes_nothing(engine: Engine) {
    let mut cast = Cast::start(engine, &[]);
    let lists = ["users", "roles", "communities", "content_sources", "content_threads", "contents", "access_tokens"];
    let look = |otto: &Person| -> Vec<Value> {
        lists.iter().map(|list| otto.get(&format!("/1.0/{list}?limit=150")).ok()).collect()
    };
    let before = look(&cast.otto);
    let key = std::fs::read(cast.server.data().join("secret.key")).unwrap();
    cast.server.stop();
    cast.server.restart();
    assert_eq!(look(&cast.otto), before);
    assert_eq!(std::fs::read(cast.server.data().join("secret.key")).unwrap(), key);
    assert!(!cast.server.output().contains("Password"), "{}", cast.server.output());
    assert!(!cast.server.output().contains("token"), "{}", cast.server.output());
}

fn a_token_is_made_on_the_command_line_while_the_server_runs_and_while_it_does_not(engine: Engine) {
    let mut cast = Cast::start(engine, &[]);
    let running = cast.server.make_token("ada@frontdesk.local", "made while it runs");
    assert_eq!(Person::with_token(&cast.server, &running).user_id, cast.ada.user_id);
    // Nothing but the token is printed.
    let mut command = cast.server.command(&["token", "create"]);
    let printed = run(command.args(["--user", "ADA@frontdesk.local", "--label", "x"]));
    assert_eq!(printed.trim_end().len(), 64);
    assert_eq!(printed, format!("{}\n", printed.trim()));

    cast.server.stop();
    let stopped = cast.server.make_token("ada@frontdesk.local", "made while it is stopped");
    assert_ne!(stopped, running);
    cast.server.restart();
    assert_eq!(Person::with_token(&cast.server, &stopped).user_id, cast.ada.user_id);

    let mut unknown = cast.server.command(&["token", "create"]);
    let output = fails(unknown.args(["--user", "nobody@frontdesk.local", "--label", "x"]));
    assert!(String::from_utf8_lossy(&output.stderr).contains("e-mail"), "{output:?}");
    assert!(output.stdout.is_empty());
    let mut blank = cast.server.command(&["token", "create"]);
    fails(blank.args(["--user", "ada@frontdesk.local", "--label", ""]));
}

fn the_server_says_whether_it_lives_and_whether_it_can_serve(engine: Engine) {
    let cast = Cast::shared(engine);
    for path in ["/healthz", "/readyz"] {
        let answer = cast.server.send(&Request::new("GET", path));
        assert_eq!(answer.status, 200, "{path}");
    }
}

fn metrics_count_what_was_asked(engine: Engine) {
    let cast = Cast::shared(engine);
    cast.otto.get("/1.0/roles").ok();
    let (source, _channel) = cast.new_source();
    source.has_described_itself(&cast.otto);
    let metrics = cast.server.send(&Request::new("GET", "/metrics"));
    assert_eq!(metrics.status, 200);
    assert!(metrics.header("content-type").unwrap().contains("openmetrics-text"));
    let text = metrics.text();
    assert!(text.ends_with("# EOF\n"), "{text}");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        assert!(name.starts_with("frontdesk_") && value.parse::<f64>().is_ok(), "{line}");
    }
    assert!(text.contains(r#"frontdesk_requests_total{operation="getAllRoles",status="200"}"#), "{text}");
    assert!(text.contains(r#"frontdesk_consumer_lag{consumer="delivery"}"#), "{text}");
    assert!(text.contains(r#"frontdesk_polls_total{result="ok"}"#), "{text}");
    assert!(text.contains("frontdesk_poll_duration_seconds_count"), "{text}");
}

fn the_log_is_structured_and_holds_neither_tokens_nor_bodies(engine: Engine) {
    let cast = Cast::at(Launch::new(engine).with(&["--demo"]).log("debug").start());
    let (source, channel) = cast.new_source();
    source.says("vera", "t", &format!("Hello {CANARY}"));
    let content = source.contents(&cast.otto, "t").remove(0);
    cast.otto.reply(content["id"].as_str().unwrap(), &format!("Good day {CANARY}"));
    channel.push_of(&format!("Good day {CANARY}"));
    // Mistakes are logged no more freely than successes.
    let mut unsigned = source.request("messages.create", &json!({ "id": CANARY }));
    unsigned.headers.clear();
    assert_eq!(unsigned.send(cast.server.address()).unwrap().status, 422);
    let target = format!("/1.0/users/me?access_token={}&x={CANARY}", cast.otto.token);
    cast.server.send(&Request::new("GET", &target)).ok();
    cast.server.send(&Request::new("GET", &format!("/1.0/{CANARY}?access_token={}", cast.ada.token))).refused(404);
    cast.otto.post("/1.0/contents", &json!({ "body": CANARY })).refused(422);
    // A channel at which nobody answers is told of, with the reason.
    let silent = Source::create(&cast.otto, "http://127.0.0.1:9/", &json!({}));
    cast.otto.post(&format!("/1.0/content_sources/{}/synchronize", silent.id), &json!({})).ok();
    cast.server.logged("a channel was not asked to the end");
    let answer = cast.otto.get("/1.0/roles");
    let request_id = answer.header("x-request-id").expect("a request id").to_owned();

    let lines = eventually("the request is logged", || {
        let lines = cast.server.log();
        lines.iter().any(|line| line.contains(&request_id)).then_some(lines)
    });
    for line in &lines {
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|trouble| panic!("{trouble}: {line}"));
        assert!(entry["level"].is_string() && entry["timestamp"].is_string(), "{line}");
        assert_eq!(line.matches("\"message\":").count(), 1, "each key once: {line}");
        for secret in [CANARY, &cast.otto.token, &cast.ada.token, &source.secret] {
            assert!(!line.contains(secret), "{line}");
        }
    }
    let request = lines.iter().find(|line| line.contains(&request_id)).unwrap();
    let request: Value = serde_json::from_str(request).unwrap();
    assert_eq!((&request["operation"], &request["status"]), (&json!("getAllRoles"), &json!(200)));
    assert_eq!(request["user_id"], cast.otto.user_id.as_str());
}

fn a_server_that_is_told_to_stop_finishes_what_it_is_at(engine: Engine) {
    let mut cast = Cast::start(engine, &[]);
    let (source, channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let content = source.contents(&cast.otto, "t").remove(0);
    channel.answer(|_| {
        frontdesk_tests::Reply::json(&json!({ "id": "late" })).after(std::time::Duration::from_millis(700))
    });
    let reply = cast.otto.reply(content["id"].as_str().unwrap(), "Just before the end");
    channel.push_of("Just before the end");
    cast.server.stop();
    assert!(!cast.server.data().join("control.sock").exists());
    cast.server.restart();
    let sent = cast.otto.content(reply["id"].as_str().unwrap());
    assert_eq!((&sent["synchronization_status"], &sent["foreign_id"]), (&json!("success"), &json!("late")));
    assert_eq!(channel.pushes().len(), 1);
}

fn two_servers_never_open_one_data_directory(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut second = server.command(&["serve"]);
    let port = frontdesk_tests::processes::free_port();
    let output = fails(second.args(["--listen", &format!("127.0.0.1:{port}")]));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("data:") && said.contains("in use"), "{said}");
}

fn secrets_are_sealed_in_the_store(engine: Engine) {
    let mut cast = Cast::start(engine, &[]);
    let secret = "shared-secret-of-the-channel";
    let source = frontdesk_tests::Source::create(&cast.otto, "http://127.0.0.1:9/", &json!({ "access_token": secret }));
    assert_eq!(source.secret, secret);
    cast.server.stop();
    let stored = match cast.server.database_url() {
        Some(url) => {
            let tables = ["sources", "access_tokens", "users", "events", "meta"];
            let sql = |table: &&str| frontdesk_tests::postgres::shared().sql(url, &format!("SELECT * FROM {table}"));
            let exists = |table: &&&str| {
                let known = format!("SELECT to_regclass('{table}')");
                !frontdesk_tests::postgres::shared().sql(url, &known).trim().is_empty()
            };
            tables.iter().filter(exists).map(sql).collect::<String>().into_bytes()
        }
        None => {
            let files = std::fs::read_dir(cast.server.data()).unwrap().flatten();
            let files = files.filter(|file| file.file_name().to_string_lossy().starts_with("frontdesk.db"));
            files.flat_map(|file| std::fs::read(file.path()).unwrap()).collect()
        }
    };
    let holds = |text: &str| stored.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds(&source.id) || engine == Engine::Sqlite, "the dump shows the source");
    let password = cast.server.first_sign_in().password.clone();
    for secret in [secret, &cast.otto.token, &password] {
        assert!(!holds(secret), "a secret stands in the store in clear");
    }
    // The key that opens them cannot be exchanged or lost unnoticed.
    let key = cast.server.data().join("secret.key");
    let good = std::fs::read_to_string(&key).unwrap();
    frontdesk_tests::processes::write_private(&key, &"0".repeat(64));
    let output = fails(&mut cast.server.command(&["serve"]));
    assert!(String::from_utf8_lossy(&output.stderr).contains("secret-key-file"), "{output:?}");
    std::fs::remove_file(&key).unwrap();
    let output = fails(&mut cast.server.command(&["serve"]));
    assert!(String::from_utf8_lossy(&output.stderr).contains("secret-key-file"), "{output:?}");
    frontdesk_tests::processes::write_private(&key, &good);
    cast.server.restart();
    let sources = cast.otto.get("/1.0/content_sources?extended=true&limit=150").ok();
    assert!(ids(&sources).contains(&source.id));
    assert!(records(&sources).iter().any(|source| source["access_token"] == secret));
}

fn what_is_stored_is_private_even_in_a_directory_that_others_may_read(engine: Engine) {
    let data = frontdesk_tests::processes::folder("open");
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();
    let server = Launch::new(engine).data(&data).start();
    let is_closed = data.metadata().unwrap().permissions().mode() & 0o077 == 0;
    for file in std::fs::read_dir(server.data()).unwrap().flatten() {
        let metadata = file.metadata().unwrap();
        let is_private = metadata.permissions().mode() & 0o077 == 0;
        assert!(is_closed || is_private, "{:?} is open to others", file.file_name());
    }
}

fn a_fresh_start_gives_no_warning(engine: Engine) {
    let mut server = Launch::new(engine).with(&["--demo"]).start();
    server.stop();
    assert_eq!(server.log(), [""; 0]);
}

fn the_log_names_the_client_behind_a_trusted_proxy(engine: Engine) {
    for (trusted, expected) in [(&["--trusted-proxy", "127.0.0.0/8"][..], "203.0.113.7"), (&[], "127.0.0.1")] {
        let server = Launch::new(engine).with(trusted).log("info").start();
        let request = Request::new("GET", "/1.0/roles").token(server.token());
        server.send(&request.header("X-Forwarded-For", "198.51.100.1, 203.0.113.7")).ok();
        let line =
            eventually("the request is logged", || server.log().into_iter().find(|line| line.contains("getAllRoles")));
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["client"], expected, "{line}");
    }
}

/// What else than a slow search takes as long as one likes: waiting for who holds a table.
#[test]
fn a_list_that_takes_too_long_is_refused_with_what_to_do() {
    let cast = Cast::start(Engine::Postgres, &[]);
    let url = cast.server.database_url().expect("a database");
    let cluster = frontdesk_tests::postgres::shared();
    cast.otto.get("/1.0/tags").ok();
    cluster.sql(url, "CREATE TABLE the_story_is_over (at BIGINT)");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            cluster.sql(
                url,
                "BEGIN; LOCK TABLE tags; DO $$ BEGIN
                   WHILE NOT EXISTS (SELECT 1 FROM the_story_is_over) LOOP PERFORM pg_sleep(0.1); END LOOP;
                 END $$; COMMIT",
            )
        });
        let held = "SELECT count(*) FROM pg_locks WHERE relation = 'tags'::regclass AND mode = 'AccessExclusiveLock'";
        eventually("the table is held", || (cluster.sql(url, held).trim() == "1").then_some(()));
        let answer = cast.otto.get("/1.0/tags");
        // Also where the next line fails the story, nobody waits for ever.
        cluster.sql(url, "INSERT INTO the_story_is_over VALUES (0)");
        let refused = answer.refused(422);
        assert_eq!(refused["error"], "too_broad");
        assert!(refused["message"].as_str().unwrap().contains("narrow"), "{refused}");
    });
    cast.otto.get("/1.0/tags").ok();
}

#[test]
fn a_first_start_whose_greeting_nobody_reads_serves_and_says_how_to_come_in() {
    let (data, port) = (folder("unread").join("data"), free_port());
    let mut command = frontdesk();
    command.args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--data"]).arg(&data);
    let mut child = spawn_bound(&command, "KILL").expect("a process");
    drop(child.stdout.take());
    let log = collect(child.stderr.take().expect("a pipe"));
    let told = eventually("the log says how to come in", || {
        log.all().into_iter().find(|line| line.contains("could not be shown"))
    });
    assert!(told.contains("frontdesk user password --data") && told.contains("admin@frontdesk.local"), "{told}");
    let address = ([127, 0, 0, 1], port).into();
    let lives = || Request::new("GET", "/healthz").send(address).is_ok_and(|answer| answer.status == 200);
    eventually("it serves", || lives().then_some(()));
    let mut ask = frontdesk();
    ask.args(["user", "password", "--user", "admin@frontdesk.local", "--data"]).arg(&data);
    assert!(run(&mut ask).contains("/password#"));
    // A server that has ended cannot say where it was reached: the environment does.
    child.kill().and_then(|()| child.wait()).expect("it ends");
    let link = run(ask.env("FRONTDESK_PUBLIC_URL", "https://desk.example.com"));
    assert!(link.starts_with("https://desk.example.com/password#"), "{link}");
    assert!(!log.text().contains("panicked"), "{}", log.text());
}

#[test]
fn a_log_for_people_has_no_colours_in_a_file() {
    let server = Launch::new(Engine::Sqlite).only(&["--log-format", "text"]).log("info").start();
    server.send(&Request::new("GET", "/1.0/users/me").token(server.token())).ok();
    let lines = eventually("lines", || Some(server.log()).filter(|lines| !lines.is_empty()));
    assert!(lines.iter().all(|line| !line.contains('\u{1b}')), "{lines:?}");
}

#[test]
fn a_database_that_is_away_is_said_so_and_is_used_again_when_it_is_back() {
    let cast = Cast::start(Engine::Postgres, &[]);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Before");
    let url = cast.server.database_url().unwrap().to_owned();
    let cluster = frontdesk_tests::postgres::shared();
    cluster.set_reachable(&url, false);
    let status = |path: &str| cast.server.send(&Request::new("GET", path)).status;
    eventually("the server says that it is not ready", || (status("/readyz") == 503).then_some(()));
    assert_eq!(status("/healthz"), 200);
    assert_eq!(status("/metrics"), 200);
    let refused = cast.otto.get("/1.0/users/me");
    refused.refused(503);
    assert!(refused.header("retry-after").is_some());
    let message = source.message("during", "t", "vera", "During");
    let refused = source.post("messages.create", &message);
    refused.refused(503);
    assert!(refused.header("retry-after").is_some());
    cluster.set_reachable(&url, true);
    eventually("the server is ready again", || (status("/readyz") == 200).then_some(()));
    eventually("the message is taken", || (source.post("messages.create", &message).status == 200).then_some(()));
    let bodies: Vec<_> = source.contents(&cast.otto, "t").iter().map(|content| content["body"].clone()).collect();
    assert_eq!(bodies, [json!("Before"), json!("During")]);
}
