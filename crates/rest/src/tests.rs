//! The way of a request from bytes to bytes, over a real store and a table made up for the purpose.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response};
use frontdesk_model::{Caller, Env, Id, Permission, Result, Timestamp, error};
use frontdesk_store::{Migration, Seal, Store, Tx, args};
use http_body_util::BodyExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt;

use crate::{
    Api, Authenticator, Call, Coming, Credential, Feed, Limits, Message, NoParameters, Operation, Page, Paging, Reader,
    Rest, Streams, forget_idempotency_keys,
};

const LOG: &str =
    concat!(include_str!("../../../migrations/0001_log.sql"), "ALTER TABLE log ADD COLUMN source_id BYTEA;");
const NOTES: &str = "CREATE TABLE notes (id BYTEA PRIMARY KEY, text TEXT NOT NULL)";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const PARTS: (&str, &str) = ("content-type", "multipart/form-data; boundary=XX");
const ADA: (&str, &str) = ("authorization", "Bearer ada");

#[derive(Serialize, JsonSchema)]
struct Note {
    id: Id,
    text: String,
}

#[derive(Deserialize, JsonSchema)]
struct CreateNote {
    /// What it says.
    text: String,
}

#[derive(Deserialize, JsonSchema)]
struct ListNotes {
    #[serde(flatten)]
    paging: Paging,
}

fn create(call: &Call, note: CreateNote, tx: &mut dyn Tx) -> Result<Note> {
    let id = call.env.id();
    tx.execute("INSERT INTO notes (id, text) VALUES ($1, $2)", args![&id, &note.text])?;
    if note.text == "forbidden" {
        return Err(error::forbidden("Not this text."));
    }
    Ok(Note { id, text: note.text })
}

fn show(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<Note> {
    let id = call.id("noteId", "note")?;
    let row = tx.first("SELECT text FROM notes WHERE id = $1", args![&id])?.ok_or_else(|| error::not_found("note"))?;
    let text: String = row.get(0)?;
    Ok(Note { id, text: if call.extended { text.to_uppercase() } else { text } })
}

fn all(_: &Call, list: ListNotes, tx: &mut dyn Tx) -> Result<Page<String>> {
    let paging = list.paging;
    let rows = tx.query("SELECT text FROM notes ORDER BY id LIMIT $1 OFFSET $2", args![paging.limit, paging.offset])?;
    let count = tx.one("SELECT count(*) FROM notes", args![])?.get(0)?;
    Ok(Page::new(count, paging, rows.iter().map(|row| row.get(0)).collect::<Result<_>>()?))
}

fn upload(call: &Call, _: NoParameters, _: &mut dyn Tx) -> Result<Value> {
    let file = call.file()?;
    let bytes = std::fs::read(file.path()).map_err(|reason| error::broken(reason.to_string()))?;
    Ok(json!({ "name": file.file_name, "bytes": bytes.len(), "caller": call.caller.user_id }))
}

#[derive(Deserialize, JsonSchema)]
struct CountParameters {
    /// Where it goes on.
    #[schemars(range(min = 0))]
    after: Option<i64>,
}

/// Counts to three, and then ends or waits.
struct Count {
    passed: i64,
    ends: bool,
}

impl Feed for Count {
    fn next(&mut self) -> Coming<'_> {
        Box::pin(async {
            match (self.passed, self.ends) {
                (3, true) => Err(error::forbidden("No further than three.")),
                (3, false) => std::future::pending().await,
                _ => {
                    self.passed += 1;
                    Ok(vec![Message { seq: self.passed, text: format!("\"number {}\"", self.passed).into() }])
                }
            }
        })
    }

    fn passed(&self) -> i64 {
        self.passed
    }
}

fn count(call: &Call, reader: Reader, count: CountParameters, tx: &mut dyn Tx) -> Result<Box<dyn Feed>> {
    assert_eq!(reader.caller(tx)?.user_id, call.caller.user_id);
    Ok(Box::new(Count { passed: count.after.unwrap_or(0), ends: call.extended }))
}

fn table() -> Vec<Operation> {
    vec![
        Operation::write("createNote", Method::POST, "/notes", create),
        Operation::read("getAllNotes", Method::GET, "/notes", all),
        Operation::read("getNote", Method::GET, "/notes/{noteId}", show).alias(Method::PUT, "/notes/{noteId}"),
        Operation::write("importNote", Method::POST, "/notes/import", create).created(),
        Operation::read("getSecret", Method::GET, "/secret", |_, _: NoParameters, _| Ok(true))
            .permissions(&[Permission::ManageChat]),
        Operation::read("getTrouble", Method::GET, "/trouble", |_, _: NoParameters, _| {
            Err::<bool, _>(error::broken("a hidden detail"))
        }),
        Operation::upload("createFile", Method::POST, "/files", upload),
        Operation::stream::<CountParameters, Value>("openCount", "/count", count),
    ]
}

/// Ada and Bo have tokens; Ada may act as Bo.
struct Names;

fn user(name: &str) -> Option<Id> {
    ["ada", "bo"].iter().position(|known| *known == name).map(|at| Id([at as u8 + 1; 12]))
}

impl Authenticator for Names {
    fn caller(&self, _: &mut dyn Tx, credential: &Credential, impersonated_user_id: Option<&str>) -> Result<Caller> {
        let token = credential.secret();
        let mut user_id = user(token).ok_or_else(|| error::unauthorized("This token is unknown."))?;
        if let Some(other) = impersonated_user_id {
            let allowed = token == "ada" && other == user("bo").unwrap().hex();
            user_id = if allowed { user("bo").unwrap() } else { return Err(error::bad_request("Not that one.")) };
        }
        Ok(Caller {
            user_id,
            owner_id: user_id,
            token_id: None,
            session_id: None,
            permissions: Default::default(),
            sources: Arc::default(),
        })
    }
}

struct Desk {
    rest: Rest,
    router: Router,
    store: Store,
    seconds: Arc<AtomicI64>,
    seen: Arc<std::sync::Mutex<Vec<(&'static str, u16)>>>,
    folder: tempfile::TempDir,
    closing: watch::Sender<bool>,
}

impl Desk {
    fn new(limits: Limits) -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let step = |number, name, text| Migration { number, name, sqlite: text, postgres: text };
        let migrations = [step(1, "log", LOG), step(2, "notes", NOTES)];
        let store = Store::open_sqlite(&folder.path().join("desk.sqlite"), &migrations).unwrap();
        let seconds = Arc::new(AtomicI64::new(1_700_000_000));
        let (clock, next) = (seconds.clone(), AtomicU64::new(0));
        let env = Env::new(
            move || Timestamp::from_micros(clock.load(Ordering::Relaxed) * 1_000_000),
            move |bytes| {
                let number = next.fetch_add(1, Ordering::Relaxed).to_le_bytes();
                bytes.iter_mut().zip(number.iter().cycle()).for_each(|(byte, random)| *byte = *random);
            },
        );
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let observed = seen.clone();
        let (closing, closed) = watch::channel(false);
        let rest = Rest::new(Api {
            operations: table(),
            store: store.clone(),
            seal: Seal::new(&[7; 32], env.clone()).unwrap(),
            env,
            authenticator: Arc::new(Names),
            limits,
            uploads_dir: folder.path().join("uploads"),
            keep_upload: Arc::new(|_| Ok(())),
            public_url: String::new(),
            observer: Arc::new(move |operation, status, _| observed.lock().unwrap().push((operation, status))),
            streams: Streams::new(1, crate::Patience::default(), closed),
        });
        Desk { router: rest.router(), rest, store, seconds, seen, folder, closing }
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        if response.status() != 304 {
            assert!(response.headers().contains_key("content-type"), "{method} {path}");
        }
        response
    }

    /// Status and JSON, of which every error's number is checked.
    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> (u16, Value) {
        let response = self.send(method, path, headers, body).await;
        let status = response.status().as_u16();
        assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
        assert_eq!(response.headers()["x-request-id"].len(), 24);
        let value: Value = serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap();
        if status >= 400 {
            assert_eq!(value["status"], status);
        }
        (status, value)
    }

    async fn notes(&self) -> i64 {
        self.ask("GET", "/1.0/notes", &[ADA], "").await.1["count"].as_i64().unwrap()
    }

    fn uploads(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("uploads")).map_or(0, Iterator::count)
    }
}

fn desk() -> Desk {
    Desk::new(Limits::default())
}

#[tokio::test]
async fn a_record_is_created_and_read_however_its_parameters_travel() {
    let desk = desk();
    let parts = "--XX\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nhello\r\n--XX--\r\n";
    let json = ("content-type", "application/json; charset=utf-8");
    for (path, headers, body) in [
        ("/1.0/notes?text=hello", vec![ADA], ""),
        ("/1.0/notes?text=hello&access_token=ada", vec![json], ""),
        ("//1.0//notes/", vec![ADA, FORM], "text=hello"),
        ("/1.0/notes?text=lost", vec![("authorization", "bearer  ada"), FORM], "&&text=hello"),
        ("/1.0/notes", vec![FORM], "access_token=ada&text=hello"),
        ("/1.0/notes", vec![json], r#"{"access_token":"ada","text":"hello","unknown":[1]}"#),
        ("/1.0/notes", vec![ADA, PARTS], parts),
    ] {
        let (status, note) = desk.ask("POST", path, &headers, body).await;
        assert_eq!((status, &note["text"]), (200, &json!("hello")), "{path} {note}");
        let id = note["id"].as_str().unwrap();
        assert_eq!(desk.ask("GET", &format!("/1.0/notes/{id}"), &[ADA], "").await, (200, note.clone()));
        assert_eq!(desk.ask("PUT", &format!("/1.0/notes/{id}?extended=1"), &[ADA], "").await.1["text"], "HELLO");
    }
    assert_eq!(desk.ask("POST", "/1.0/notes/import?text=x", &[ADA], "").await.0, 201);
    let (status, page) = desk.ask("GET", "/1.0/notes?offset=-1&limit=99999999999999999999", &[ADA], "").await;
    assert_eq!((status, &page["count"], &page["offset"], &page["limit"]), (200, &json!(8), &json!(0), &json!(150)));
    assert_eq!(desk.ask("GET", "/1.0/notes?limit=0", &[ADA], "").await.1["records"], json!([]));
}

#[tokio::test]
async fn every_refusal_has_its_status() {
    let desk = desk();
    let bo = user("bo").unwrap().hex();
    let impersonating_bo = format!("/1.0/notes?impersonated_user_id={bo}");
    for (expected, method, path, headers, body) in [
        (404, "GET", "/1.0/nothing", vec![], ""),
        (404, "GET", "/1.0", vec![], ""),
        (404, "DELETE", "/1.0/notes", vec![ADA], ""),
        (404, "PATCH", "/1.0/notes", vec![ADA], ""),
        (404, "GET", "/1.0/notes/xyz", vec![ADA], ""),
        (404, "GET", "/1.0/notes/000000000000000000000000", vec![ADA], ""),
        (401, "GET", "/1.0/notes", vec![], ""),
        (401, "GET", "/1.0/notes", vec![("authorization", "Basic ada")], ""),
        (401, "GET", "/1.0/notes?access_token[]=ada", vec![], ""),
        (401, "GET", "/1.0/notes?access_token=mallory", vec![], ""),
        // What a stranger sends is not commented on.
        (401, "POST", "/1.0/notes", vec![], ""),
        (401, "POST", "/1.0/notes", vec![("content-type", "application/json")], "{"),
        (401, "GET", "/1.0/secret?limit=x", vec![("authorization", "Bearer mallory")], ""),
        (403, "GET", "/1.0/secret", vec![ADA], ""),
        (200, "GET", impersonating_bo.as_str(), vec![ADA], ""),
        (200, "GET", "/1.0/notes?impersonated_user_id=", vec![ADA], ""),
        (400, "GET", impersonating_bo.as_str(), vec![("authorization", "Bearer bo")], ""),
        (400, "GET", "/1.0/notes?impersonated_user_id[]=1", vec![ADA], ""),
        (400, "GET", "/1.0/notes?limit=x", vec![ADA], ""),
        (400, "GET", "/1.0/notes?extended=x", vec![ADA], ""),
        (400, "GET", "/1.0/notes?a=%ff", vec![ADA], ""),
        (400, "POST", "/1.0/notes", vec![ADA, ("content-type", "application/json")], "{"),
        (400, "POST", "/1.0/notes?access_token=ada", vec![("content-type", "text/csv")], "a"),
        (422, "POST", "/1.0/notes", vec![ADA], ""),
        (422, "POST", "/1.0/files", vec![ADA], ""),
        (500, "GET", "/1.0/trouble", vec![ADA], ""),
    ] {
        let (status, answer) = desk.ask(method, path, &headers, body).await;
        assert_eq!(status, expected, "{method} {path} {headers:?} {body}: {answer}");
        assert!(!answer.to_string().contains("hidden"));
    }
    let (_, answer) = desk.ask("POST", "/1.0/notes", &[ADA], "").await;
    let errors = json!([{"attribute": "text", "type": "blank", "message": "text can't be blank."}]);
    assert_eq!((&answer["error"], &answer["errors"]), (&json!("validation_error"), &errors));
    assert!(desk.send("GET", "/1.0/notes", &[], "").await.headers().contains_key("www-authenticate"));
}

#[tokio::test]
async fn a_refused_write_leaves_nothing() {
    let desk = desk();
    assert_eq!(desk.ask("POST", "/1.0/notes?text=forbidden", &[ADA], "").await.0, 403);
    assert_eq!(desk.notes().await, 0);
}

#[tokio::test]
async fn a_head_request_answers_like_get_without_a_body() {
    let desk = desk();
    let response = desk.send("HEAD", "/1.0/notes", &[ADA], "").await;
    assert_eq!(response.status(), 200);
    let length: usize = response.headers()["content-length"].to_str().unwrap().parse().unwrap();
    assert!(length > 10 && response.into_body().collect().await.unwrap().to_bytes().is_empty());
}

#[tokio::test]
async fn a_repeated_key_happens_once() {
    let desk = desk();
    let send = |path: &'static str, token: &'static str, key: &'static str| {
        let desk = &desk;
        async move {
            let headers = [("authorization", token), ("idempotency-key", key)];
            let response = desk.send("POST", path, &headers, "").await;
            let (status, replayed) =
                (response.status().as_u16(), response.headers().contains_key("idempotency-replayed"));
            (status, replayed, response.into_body().collect().await.unwrap().to_bytes())
        }
    };
    let first = send("/1.0/notes?text=a", "Bearer ada", "k1").await;
    assert_eq!((first.0, first.1), (200, false));
    assert_eq!(send("/1.0/notes?text=a", "Bearer ada", "k1").await, (200, true, first.2.clone()));
    assert_eq!(desk.notes().await, 1);
    assert_eq!(send("/1.0/notes?text=b", "Bearer ada", "k1").await.0, 422);
    // Another key, another person, another operation: another request.
    for (path, token, key) in [
        ("/1.0/notes?text=a", "Bearer ada", "k2"),
        ("/1.0/notes?text=a", "Bearer bo", "k1"),
        ("/1.0/notes/import?text=a", "Bearer ada", "k1"),
    ] {
        assert!(!send(path, token, key).await.1);
    }
    assert_eq!(send("/1.0/notes/import?text=a", "Bearer ada", "k1").await.0, 201);
    assert_eq!(desk.notes().await, 4);

    // A refusal frees its key.
    assert_eq!(send("/1.0/notes?text=forbidden", "Bearer ada", "k3").await.0, 403);
    assert_eq!(send("/1.0/notes?text=c", "Bearer ada", "k3").await.0, 200);

    // After a day the key is as new.
    desk.seconds.fetch_add(24 * 3600, Ordering::Relaxed);
    assert_eq!((send("/1.0/notes?text=z", "Bearer ada", "k1").await.0, desk.notes().await), (200, 6));
    let before = Timestamp::from_micros((desk.seconds.load(Ordering::Relaxed) - 60) * 1_000_000);
    assert_eq!(desk.store.write(move |tx| forget_idempotency_keys(tx, before, 100)).await.unwrap(), 4);
    assert!(send("/1.0/notes?text=z", "Bearer ada", "k1").await.1);
    assert_eq!(send("/1.0/notes?text=z", "Bearer ada", "").await.0, 400);
}

#[tokio::test]
async fn the_throttle_counts_each_token_for_itself() {
    let desk = Desk::new(Limits { requests_per_minute: 2, ..Limits::default() });
    for path in ["/1.0/notes?access_token=ada", "/1.0/notes?limit=x&access_token=ada"] {
        desk.ask("GET", path, &[], "").await;
    }
    let (status, answer) = desk.ask("GET", "/1.0/notes", &[ADA], "").await;
    assert_eq!(status, 429);
    assert_eq!(answer, json!({"error": "rate_limit_exceeded", "message": "Rate limit exceeded", "status": 429}));
    // A token in the body is counted too, whatever the query says.
    let (status, _) = desk.ask("POST", "/1.0/notes?access_token=bo", &[FORM], "access_token=ada&text=x").await;
    assert_eq!(status, 429);
    let wait = desk.send("GET", "/1.0/notes", &[ADA], "").await.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse::<i64>()
        .unwrap();
    desk.seconds.fetch_add(wait, Ordering::Relaxed);
    assert_eq!(desk.ask("GET", "/1.0/notes", &[ADA], "").await.0, 200);
}

#[tokio::test]
async fn large_and_slow_bodies_are_refused() {
    let limits = Limits { body_bytes_max: 20, body_timeout: Duration::from_millis(30), ..Limits::default() };
    let desk = Desk::new(limits);
    assert_eq!(desk.ask("POST", "/1.0/notes", &[ADA, FORM], "text=23456789012345678901").await.0, 413);
    let stalled = Body::from_stream(futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
    assert_eq!(desk.ask("POST", "/1.0/notes", &[ADA, FORM], stalled).await.0, 400);
}

#[tokio::test]
async fn files_are_received_from_those_who_may_send_them() {
    let desk = Desk::new(Limits { upload_bytes_max: 10, ..Limits::default() });
    let file = |bytes: &str| {
        format!("--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n{bytes}\r\n")
    };
    let token = "--XX\r\nContent-Disposition: form-data; name=\"access_token\"\r\n\r\nbo\r\n";
    let end = "--XX--\r\n";
    let (ada, bo) = (user("ada").unwrap(), user("bo").unwrap());
    for (headers, body, expected) in [
        (
            vec![ADA, PARTS],
            format!("{}{end}", file("12345")),
            (200, json!({"name": "a.txt", "bytes": 5, "caller": ada})),
        ),
        (vec![PARTS], format!("{token}{}{end}", file("")), (200, json!({"name": "a.txt", "bytes": 0, "caller": bo}))),
    ] {
        assert_eq!(desk.ask("POST", "/1.0/files", &headers, body).await, expected);
    }
    let mallory = ("authorization", "Bearer mallory");
    for (status, headers, body) in [
        (401, vec![PARTS], format!("{}{token}{end}", file("12345"))),
        (401, vec![mallory, PARTS], format!("{}{end}", file("12345"))),
        (413, vec![ADA, PARTS], format!("{}{end}", file("12345678901"))),
        (422, vec![ADA, PARTS], end.to_owned()),
        (422, vec![ADA, FORM], "file=x".to_owned()),
        (400, vec![ADA, PARTS], file("12345")),
    ] {
        assert_eq!(desk.ask("POST", "/1.0/files", &headers, body.clone()).await.0, status, "{body}");
    }
    assert_eq!(desk.uploads(), 0, "temporary files are gone");
}

#[tokio::test]
async fn requests_are_observed_and_the_documentation_is_served() {
    let desk = desk();
    desk.ask("GET", "/1.0/notes", &[ADA], "").await;
    desk.ask("GET", "/1.0/nothing", &[], "").await;
    assert_eq!(*desk.seen.lock().unwrap(), [("getAllNotes", 200), ("none", 404)]);
    for (path, content_type) in [
        ("/openapi.json", "application/json; charset=utf-8"),
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/app.js", "text/javascript; charset=utf-8"),
        ("/docs/style.css", "text/css; charset=utf-8"),
    ] {
        let response = desk.send("GET", path, &[], "").await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], content_type);
        assert!(response.headers().contains_key("content-security-policy"));
    }
}

#[tokio::test]
async fn a_stream_tells_where_it_is_then_what_there_is_then_why_it_ends() {
    let desk = desk();
    let response = desk.send("GET", "/1.0/count?after=1&extended=true", &[ADA], "").await;
    assert_eq!(
        (response.status().as_u16(), response.headers()["content-type"].as_bytes()),
        (200, &b"text/event-stream"[..])
    );
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert!(response.headers().contains_key("x-request-id"));
    let text = response.into_body().collect().await.unwrap().to_bytes();
    let end = r#"{"type":"end","seq":3,"error":"forbidden","message":"No further than three."}"#;
    let expected = format!(
        "retry: 1000\nevent: heartbeat\nid: 1\ndata: {{\"type\":\"heartbeat\",\"seq\":1}}\n\n\
         id: 2\ndata: \"number 2\"\n\nid: 3\ndata: \"number 3\"\n\nid: 3\ndata: {end}\n\n"
    );
    assert_eq!(text, expected);

    // A browser's header wins over the address that it comes back to; the place of the stream before is free again.
    let headers = [ADA, ("last-event-id", "2")];
    let response = desk.send("GET", "/1.0/count?after=1&extended=true", &headers, "").await;
    let text = response.into_body().collect().await.unwrap().to_bytes();
    assert!(text.starts_with(b"retry: 1000\nevent: heartbeat\nid: 2\n"), "{text:?}");
}

#[tokio::test]
async fn a_stream_is_refused_as_any_operation_is_and_ends_with_the_server() {
    let desk = desk();
    for (path, headers, status) in [
        ("/1.0/count", &[][..], 401),
        ("/1.0/count?after=x", &[ADA], 400),
        ("/1.0/count?after=-1", &[ADA], 422),
        ("/1.0/count", &[ADA, ("last-event-id", "x")], 400),
        ("/1.0/count", &[ADA, ("upgrade", "websocket")], 400),
    ] {
        assert_eq!(desk.ask("GET", path, headers, "").await.0, status, "{path} {headers:?}");
    }
    let head = desk.send("HEAD", "/1.0/count", &[ADA], "").await;
    assert!(head.into_body().collect().await.unwrap().to_bytes().is_empty());
    let open = desk.send("GET", "/1.0/count", &[ADA], "").await;
    assert_eq!(desk.ask("GET", "/1.0/count", &[ADA], "").await.1["error"], "too_many_streams");
    desk.closing.send_replace(true);
    let text = open.into_body().collect().await.unwrap().to_bytes();
    assert!(text.starts_with(b"retry: 1000\n"), "{text:?}");
}

#[tokio::test]
async fn what_comes_another_way_is_checked_the_same() {
    let desk = Desk::new(Limits { requests_per_minute: 2, ..Limits::default() });
    let status = |error: error::Error| match error {
        error::Error::Refused(refusal) => refusal.status,
        _ => 500,
    };
    let run = async |token: &str, id: &str, path: &[(&'static str, String)], parameters: Value| {
        let Value::Object(parameters) = parameters else { panic!("no object") };
        desk.rest.run(token, Id::default(), id, path, parameters).await.map_err(status)
    };
    assert_eq!(desk.rest.admit("ada").await.unwrap().user_id, user("ada").unwrap());
    assert_eq!(desk.rest.admit("mallory").await.map_err(status).unwrap_err(), 401);
    let note = run("ada", "createNote", &[], json!({ "text": "penguin" })).await.unwrap();
    let path = [("noteId", note["id"].as_str().unwrap().to_owned())];
    assert_eq!(run("ada", "getNote", &path, json!({})).await.unwrap()["text"], "penguin");
    for (token, id, path, parameters, refused) in [
        ("mallory", "getNote", path[0].1.clone(), json!({}), 401),
        ("bo", "getNote", format!("../notes/{}", path[0].1), json!({}), 404),
        ("bo", "getSecret", String::new(), json!({}), 403),
        ("bo", "getAllNotes", String::new(), json!({ "limit": "x" }), 400),
        ("bo", "createNote", String::new(), json!({ "text": "\0" }), 400),
        ("bo", "createFile", String::new(), json!({}), 422),
        ("bo", "openCount", String::new(), json!({}), 500),
        ("bo", "getNothing", String::new(), json!({}), 500),
    ] {
        assert_eq!(run(token, id, &[("noteId", path)], parameters).await.unwrap_err(), refused, "{token} {id}");
    }
    // Whoever is let in once may run what they came for; the next time counts.
    assert!(desk.rest.admit("ada").await.is_ok());
    assert_eq!(desk.rest.admit("ada").await.map_err(status).unwrap_err(), 429);
    assert_eq!(desk.ask("GET", "/1.0/notes", &[ADA], "").await.0, 429);
}
