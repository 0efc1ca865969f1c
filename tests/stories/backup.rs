//! Backups: one point in time, made while the server works, restored on the same or on the other engine.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use frontdesk_tests::http::Request;
use frontdesk_tests::pages::id;
use frontdesk_tests::random::Random;
use frontdesk_tests::server::{Launch, fails};
use frontdesk_tests::{Cast, Engine, Person, processes};
use serde_json::{Value, json};

on_both_engines![
    a_backup_of_a_running_server_holds_everything_but_the_key,
    a_backup_moves_to_the_other_engine,
    a_backup_or_a_directory_that_will_not_do_is_refused,
    a_restore_that_was_killed_is_known_and_done_again_with_the_key_in_its_place,
    whatever_a_killed_restore_left_is_no_installation,
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

/// An installation with a file too large for any buffer between a backup and who reads it, its backup, and its key.
fn backed_up(engine: Engine) -> (Cast, Vec<u8>, String) {
    let mut cast = Cast::start(engine, &PUBLIC_URL);
    let mut random = Random::new(1);
    let noise: String = (0..40_000).map(|_| format!("{:08x}", random.bits() as u32)).collect();
    let upload = format!(
        "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"noise.txt\"\r\n\r\n{noise}\r\n--XX--\r\n"
    );
    cast.otto.send(Request::new("POST", "/1.0/attachments").body("multipart/form-data; boundary=XX", upload)).ok();
    let file = processes::folder("backup").join("desk.backup");
    processes::run(cast.server.command(&["backup"]).arg(&file));
    let key = fs::read_to_string(cast.server.data().join("secret.key")).unwrap();
    cast.server.stop();
    (cast, fs::read(file).unwrap(), key)
}

/// A new directory with the key in it, and a symbolic link by which it is named: as a volume of a container is.
fn volume(key: &str) -> (PathBuf, PathBuf) {
    let folder = processes::folder("volume");
    let (volume, link) = (folder.join("volume"), folder.join("data"));
    fs::create_dir(&volume).unwrap();
    std::os::unix::fs::symlink(&volume, &link).unwrap();
    processes::write_private(&volume.join("secret.key"), key);
    (volume, link)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// What a command that has to fail says.
fn refused(command: &mut Command) -> String {
    String::from_utf8(fails(command).stderr).unwrap()
}

fn a_restore_that_was_killed_is_known_and_done_again_with_the_key_in_its_place(engine: Engine) {
    let (cast, backup, key) = backed_up(engine);
    let (volume, link) = volume(&key);
    let launch = Launch::new(engine).data(&link).with(&PUBLIC_URL);
    let is_the_same = {
        let inode = fs::metadata(&volume).unwrap().ino();
        let key_inode = fs::metadata(volume.join("secret.key")).unwrap().ino();
        let (volume, key, link) = (volume.clone(), key.clone(), link.clone());
        move || {
            // Nothing was moved, so that a mount, a link and whoever holds the key open see what they saw.
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
            assert_eq!(fs::metadata(&volume).unwrap().ino(), inode);
            assert_eq!(fs::metadata(volume.join("secret.key")).unwrap().ino(), key_inode);
            assert_eq!(fs::read_to_string(volume.join("secret.key")).unwrap(), key);
            assert_eq!(names(volume.parent().unwrap()), ["data", "volume"]);
        }
    };

    // The backup comes by a pipe, so that the story says how far the restore gets: once for what it says of itself …
    let pipe = processes::folder("backup").join("pipe");
    processes::run(Command::new("mkfifo").arg(&pipe));
    let mut restoring = processes::spawn_bound(launch.command(&["restore"]).arg(&pipe), "KILL").unwrap();
    let send = |bytes: &[u8]| {
        let mut pipe = OpenOptions::new().write(true).open(&pipe).unwrap();
        // It may have read enough.
        let _ = pipe.write_all(bytes);
        pipe
    };
    drop(send(&backup));
    frontdesk_tests::eventually("the restore has begun", || volume.join("restoring").exists().then_some(()));
    // … and then for all, of which the end is missing: the rows are in the database.
    let held = send(&backup[..backup.len() - 1]);
    for command in [&["serve"] as &[&str], &["token", "create", "--user", "a@b.example", "--label", "x"]] {
        let said = refused(&mut launch.command(command));
        assert!(said.contains("in use by another frontdesk process"), "{said}");
    }
    is_the_same();
    restoring.kill().unwrap();
    restoring.wait().unwrap();
    drop(held);

    // Nobody takes it for an empty installation, from no directory.
    let elsewhere = launch.clone().data(processes::folder("elsewhere").join("data"));
    let copy = processes::folder("backup").join("desk.backup");
    fs::write(&copy, &backup).unwrap();
    for _ in 0..2 {
        for command in [&["serve", "--listen", "127.0.0.1:0"] as &[&str], &["backup", "/tmp/never"]] {
            let said = refused(&mut launch.command(command));
            assert!(said.contains("interrupted") && said.contains("frontdesk restore"), "{said}");
        }
        is_the_same();
        if engine == Engine::Postgres {
            let said = refused(&mut elsewhere.command(&["serve", "--listen", "127.0.0.1:0"]));
            assert!(said.contains("empty the database and restore again"), "{said}");
            // The database is not the directory's to empty, and says so again.
            let said = refused(launch.command(&["restore"]).arg(&copy));
            assert!(said.contains("empty the database"), "{said}");
            break;
        }
    }
    is_the_same();

    // Its recovery is what the words say. The other directory has been opened by a server that refused.
    let mut again = vec![launch];
    if engine == Engine::Postgres {
        again = [again.remove(0), elsewhere].map(|launch| launch.database(Launch::new(engine).database_url())).into();
    }
    for launch in again {
        let said = processes::run(launch.command(&["restore"]).arg(&copy));
        assert!(said.contains("1 attachments"), "{said}");
        let has_the_key = !said.contains("secret.key");
        assert_eq!(has_the_key, launch.data_path() == link, "{said}");
        if has_the_key {
            is_the_same();
        } else {
            processes::write_private(&launch.data_path().join("secret.key"), &key);
        }
        let restored = launch.start();
        let said = refused(restored.command(&["restore"]).arg(&copy));
        assert!(said.contains("in use") || said.contains("not empty"), "{said}");
        assert_eq!(look(&Person::with_token(&restored, &cast.otto.token)).len(), LISTS.len());
    }
    assert_eq!(fs::read_to_string(volume.join("secret.key")).unwrap(), key);
}

/// The steps at which a restore can be cut off, as what they leave in the directory. Each leaves the key where it is.
const STEPS: [&[&str]; 5] = [
    &["restoring"],
    &["restoring", "frontdesk.db", "frontdesk.db-wal", "frontdesk.db-shm"],
    &["restoring", "frontdesk.db", "frontdesk.db-wal", "frontdesk.db-shm", "attachments/ab/cd"],
    &["restoring", "frontdesk.db", "attachments/ab/cd"],
    &["restoring", "attachments/tmp/restored"],
];

fn whatever_a_killed_restore_left_is_no_installation(engine: Engine) {
    let (cast, backup, key) = backed_up(engine);
    let file = processes::folder("backup").join("desk.backup");
    fs::write(&file, backup).unwrap();
    for step in STEPS {
        let (volume, _) = volume(&key);
        for name in step {
            fs::create_dir_all(volume.join(name).parent().unwrap()).unwrap();
            fs::write(volume.join(name), "half").unwrap();
        }
        let launch = Launch::new(engine).data(&volume).with(&PUBLIC_URL);
        // What is not a restore's stops it, before anything is changed.
        fs::write(volume.join("precious"), "mine").unwrap();
        fs::write(volume.join("lock"), "").unwrap();
        let before = names(&volume);
        assert!(refused(launch.command(&["restore"]).arg(&file)).contains("it holds precious"));
        assert_eq!(names(&volume), before, "{step:?}");
        fs::remove_file(volume.join("precious")).unwrap();

        let said = refused(&mut launch.command(&["serve", "--listen", "127.0.0.1:0"]));
        assert!(said.contains("interrupted") && said.contains("frontdesk restore"), "{step:?}: {said}");
        // A backup that will not do leaves the mark or an empty directory, and the key.
        refused(launch.command(&["restore"]).arg("/does/not/exist"));
        assert_eq!(fs::read_to_string(volume.join("secret.key")).unwrap(), key);
        processes::run(launch.command(&["restore"]).arg(&file));
        assert_eq!(fs::read_to_string(volume.join("secret.key")).unwrap(), key);
        assert!(!volume.join("attachments/ab/cd").exists(), "{step:?}");
        let restored = launch.start();
        assert!(Person::with_token(&restored, &cast.otto.token).get("/1.0/users/me").ok()["id"].is_string());
    }
}
