//! Backups: one point in time, made while the server works, restored on the same or on the other engine.

use frontdesk_tests::http::Request;
use frontdesk_tests::pages::id;
use frontdesk_tests::server::{Launch, fails};
use frontdesk_tests::{Cast, Engine, Person, processes};
use serde_json::{Value, json};

on_both_engines![
    a_backup_of_a_running_server_holds_everything_but_the_key,
    a_backup_moves_to_the_other_engine,
    a_backup_or_a_directory_that_will_not_do_is_refused,
];

const LISTS: [&str; 9] = [
    "users",
    "roles",
    "communities",
    "content_sources",
    "content_threads",
    "contents",
    "identities",
    "categories",
    "interventions",
];

/// The address by which the installation is known, wherever it runs: it stands in the links to files.
const PUBLIC_URL: [&str; 2] = ["--public-url", "https://desk.example"];

fn look(otto: &Person) -> Vec<Value> {
    let look = |list: &&str| {
        let mut page = otto.get(&format!("/1.0/{list}?limit=150&extended=true")).ok();
        for record in page["records"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            // How its channel answers now: that goes on on either side.
            record.retain(|name, _| *list != "content_sources" || !NOW.contains(&name.as_str()));
        }
        page
    };
    LISTS.iter().map(look).collect()
}

const NOW: [&str; 4] = ["status", "error_message", "synchronization", "implementation"];

/// Sends a file to Vera and returns the path of its download.
fn with_a_file(cast: &Cast) -> String {
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let file =
        "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nsafe and sound\r\n--XX--\r\n";
    let upload = Request::new("POST", "/1.0/attachments").body("multipart/form-data; boundary=XX", file);
    let file = cast.otto.send(upload).ok();
    let content = id(&source.contents(&cast.otto, "t")[0]);
    let reply = json!({ "in_reply_to_id": content, "body": "See below", "attachment_ids": [file["id"]] });
    let reply = cast.otto.post("/1.0/contents", &reply).ok();
    frontdesk_tests::eventually("the reply is sent", || {
        (cast.otto.content(&id(&reply))["synchronization_status"] == "success").then_some(())
    });
    format!("/attachments/{}", id(&file))
}

fn moved(engine: Engine, to: Engine) {
    let cast = Cast::start(engine, &PUBLIC_URL);
    let download = with_a_file(&cast);
    let before = look(&cast.otto);
    let file = processes::folder("backup").join("desk.backup");
    processes::run(cast.server.command(&["backup"]).arg(&file));
    // What comes later is not in it.
    cast.shop.says("vera", "too-late", "After the backup");

    let fresh = Launch::new(to);
    let data = processes::folder("restored").join("data");
    let fresh = fresh.data(&data);
    let key = std::fs::read_to_string(cast.server.data().join("secret.key")).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    assert!(
        !bytes.windows(key.trim().len()).any(|window| window == key.trim().as_bytes()),
        "the key is backed up apart"
    );
    let said = processes::run(fresh.command(&["restore"]).arg(&file));
    assert!(said.contains("secret.key"), "{said}");
    processes::write_private(&data.join("secret.key"), &key);
    let restored = fresh.with(&["--demo"]).with(&PUBLIC_URL).start();
    assert!(!restored.output().contains("Password"), "{}", restored.output());
    let otto = Person::with_token(&restored, &cast.otto.token);
    let after = look(&otto);
    for ((list, before), after) in LISTS.iter().zip(&before).zip(&after) {
        assert_eq!(after, before, "{list}");
    }
    assert_eq!(otto.get(&download).text(), "safe and sound");
    // It works on: what was told before is still known, and words are still found.
    let found = otto.search("/1.0/contents", "text:kettle");
    assert_eq!(found, cast.otto.search("/1.0/contents", "text:kettle"));
    assert!(found["count"].as_u64() > Some(0));
}

fn a_backup_of_a_running_server_holds_everything_but_the_key(engine: Engine) {
    moved(engine, engine);
}

fn a_backup_moves_to_the_other_engine(engine: Engine) {
    moved(engine, if engine == Engine::Sqlite { Engine::Postgres } else { Engine::Sqlite });
}

fn a_backup_or_a_directory_that_will_not_do_is_refused(engine: Engine) {
    let mut cast = Cast::start(engine, &[]);
    let file = processes::folder("backup").join("desk.backup");
    cast.server.stop();
    // A stopped server is backed up as well, and a file is never overwritten.
    processes::run(cast.server.command(&["backup"]).arg(&file));
    fails(cast.server.command(&["backup"]).arg(&file));
    let whole = std::fs::read(&file).unwrap();
    let restore = |launch: &Launch, bytes: &[u8]| {
        let copy = processes::folder("backup").join("copy.backup");
        std::fs::write(&copy, bytes).unwrap();
        fails(launch.command(&["restore"]).arg(&copy))
    };
    // Not over an installation, and not from what is cut, changed or something else.
    let occupied = Launch::new(engine).data(cast.server.data());
    restore(&occupied, &whole);
    for bytes in [&whole[..whole.len() / 2], b"something else", b""] {
        let fresh = Launch::new(engine);
        let output = restore(&fresh, bytes);
        assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"), "{output:?}");
        assert!(!fresh.data_path().join("frontdesk.db").exists(), "a failed restore leaves nothing that looks whole");
    }
    let output = fails(Launch::new(engine).command(&["restore"]).arg("/does/not/exist"));
    assert!(!output.stderr.is_empty());
    cast.server.restart();
    assert!(cast.otto.get("/1.0/content_threads").ok()["count"].as_u64() > Some(0));
}
