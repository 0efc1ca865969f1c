//! Proves that the reference runs the statements that the product runs: SQLite itself tells which, in both.
#![expect(unsafe_code, reason = "SQLite's own trace is the only witness that cannot be wrong about what it ran")]

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use frontdesk_conversations::attachments::{self, Files};
use frontdesk_conversations::{Conversations, send_api};
use frontdesk_model::{Env, Timestamp};
use frontdesk_net::{AddressPolicy, Outbound};
use frontdesk_people::sessions::SignIn;
use frontdesk_people::setup;
use frontdesk_rest::{Api, Limits, Patience, Streams};
use frontdesk_store::{Migration, Seal, Store};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use rusqlite::{Connection, ffi};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::messages::{Dice, Message, SIGNATURE_HEADER, Signer, bodies};
use crate::statements::{Inbound, MIGRATIONS, Writer, create};

/// The thread on which either side's writer runs.
const WRITER: &str = "store-write";

static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// SQLite calls this for every statement that begins; those that the full-text index runs inside come as comments.
unsafe extern "C" fn begun(_: c_uint, _: *mut c_void, _: *mut c_void, sql: *mut c_void) -> c_int {
    // SAFETY: for SQLITE_TRACE_STMT the last argument is a text that ends in a zero byte.
    let sql = unsafe { CStr::from_ptr(sql.cast::<c_char>()) }.to_string_lossy();
    if std::thread::current().name() == Some(WRITER) && !sql.starts_with("--") {
        let words: Vec<&str> = sql.split_whitespace().collect();
        SEEN.lock().unwrap_or_else(PoisonError::into_inner).push(words.join(" "));
    }
    0
}

/// SQLite calls this for every connection that is opened.
unsafe extern "C" fn opened(db: *mut ffi::sqlite3, _: *mut *mut c_char, _: *const ffi::sqlite3_api_routines) -> c_int {
    // SAFETY: the connection has just been opened, and the callback needs no context.
    unsafe { ffi::sqlite3_trace_v2(db, ffi::SQLITE_TRACE_STMT, Some(begun), std::ptr::null_mut()) }
}

fn seen() -> Vec<String> {
    std::mem::take(&mut *SEEN.lock().unwrap_or_else(PoisonError::into_inner))
}

#[test]
fn the_reference_runs_the_statements_of_the_product_in_their_order() {
    // SAFETY: the function lives as long as the process.
    assert_eq!(unsafe { ffi::sqlite3_auto_extension(Some(opened)) }, ffi::SQLITE_OK);
    let dir = tempfile::tempdir().unwrap();
    let bodies = bodies();
    let mut dice = Dice::new(3);
    // A new customer, their second message, another new one, and an old one again.
    let messages = [1, 1, 2, 1].map(|customer| Message::from(customer, &mut dice, &bodies));
    let product = of_product(dir.path(), &messages);
    let reference = of_reference(&dir.path().join("reference.db"), &messages);
    assert_eq!(product, reference, "src/statements.rs has to follow the product");
    assert_eq!(product[1].len(), 16, "{:#?}", product[1]);
}

/// The statements of each message.
fn of_product(dir: &Path, messages: &[Message]) -> Vec<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let migrations: Vec<Migration> = MIGRATIONS
            .iter()
            .zip(1..)
            .map(|((name, sql), number)| Migration { number, name, sqlite: sql, postgres: "" })
            .collect();
        let store = Store::open_sqlite(&dir.join("product.db"), &migrations).unwrap();
        let (router, token) = product(dir, &store).await;
        let community = json!({ "type": "sdk", "name": "x" });
        let community = post(&router, "/1.0/communities", &token, community).await;
        let secret = "a secret that is long enough for a source";
        let source = json!({ "type": "sdk", "name": "x", "community_id": community["id"],
            "base_uri": "http://127.0.0.1:9/", "access_token": secret });
        let source = post(&router, "/1.0/content_sources", &token, source).await;
        let signer = Signer::new(source["id"].as_str().unwrap(), secret);
        let mut statements = Vec::new();
        for message in messages {
            seen();
            let (path, signature, body) = signer.sign(message);
            let request = Request::post(path).header(SIGNATURE_HEADER, signature).body(Body::from(body)).unwrap();
            assert_eq!(router.clone().oneshot(request).await.unwrap().status(), StatusCode::OK);
            statements.push(seen());
        }
        store.close();
        statements
    })
}

/// The product without its binary: REST to set up, the Send API to measure, no consumers.
async fn product(dir: &Path, store: &Store) -> (Router, String) {
    let ticks = Arc::new(std::sync::atomic::AtomicI64::new(1_767_323_045_000_000));
    let clock = move || Timestamp::from_micros(ticks.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    let dice = Mutex::new(Dice::new(9));
    let env = Env::new(clock, move |bytes| {
        let mut dice = dice.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.fill_with(|| dice.roll() as u8);
    });
    let seal = Seal::new(&[1; 32], env.clone()).unwrap();
    let app = Arc::new(Conversations {
        store: store.clone(),
        tail: frontdesk_store::Tail::new(store.clone()),
        env: env.clone(),
        seal: seal.clone(),
        files: Files::open(&dir.join("attachments")).unwrap(),
        outbound: Outbound::new(AddressPolicy { allowed: Vec::new() }).unwrap(),
        channels: Default::default(),
        calling: Default::default(),
        poll_interval_seconds: 60,
        typing_calls: Default::default(),
        channel_events: Default::default(),
        notifications: Default::default(),
        stream: Default::default(),
        typing: Default::default(),
        queue_updates: Default::default(),
        visitor_hints: Default::default(),
        gathering: Default::default(),
        node_id: env.id(),
        public_url: "http://localhost".into(),
        sends_mails: false,
        furnish: |_, _, _, _, _| Ok(()),
    });
    let (password, hash) = setup::first_password(&env).unwrap();
    let setting_up = env.clone();
    let first = store.write(move |tx| setup::first_start(tx, &setting_up, &password, &hash)).await.unwrap().unwrap();
    let api = Api {
        operations: frontdesk_conversations::operations(&app),
        store: store.clone(),
        env,
        authenticator: SignIn::new(store, &app.env, &app.seal, &app.outbound, &app.public_url, false),
        seal,
        limits: Limits::default(),
        uploads_dir: app.files.temp_dir().to_owned(),
        keep_upload: attachments::keep_upload(app.files.clone()),
        public_url: String::new(),
        observer: Arc::new(|_, _, _| {}),
        streams: Streams::new(0, Patience::default(), tokio::sync::watch::channel(false).1),
    };
    (send_api::router(&app).merge(frontdesk_rest::Rest::new(api).router()), first.token.reveal().to_owned())
}

async fn post(router: &Router, path: &str, token: &str, body: Value) -> Value {
    let request = Request::post(path)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let answer = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&answer).unwrap()
}

fn of_reference(path: &Path, messages: &[Message]) -> Vec<Vec<String>> {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    create(&connection).unwrap();
    let inbound: Vec<Inbound> = messages.iter().map(Inbound::from).collect();
    let writer = std::thread::Builder::new().name(WRITER.into());
    let statements = writer.spawn(move || {
        let mut writer = Writer::new(connection);
        inbound
            .iter()
            .map(|inbound| {
                seen();
                writer.begin().unwrap();
                writer.ingest(inbound).unwrap();
                writer.commit().unwrap();
                seen()
            })
            .collect()
    });
    statements.unwrap().join().unwrap()
}

#[test]
fn the_reference_has_every_migration() {
    let mut files: Vec<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".sql") && !name.ends_with(".postgres.sql"))
        .collect();
    files.sort();
    assert_eq!(files, MIGRATIONS.map(|(name, _)| name));
}
