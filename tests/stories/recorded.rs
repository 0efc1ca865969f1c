//! What the services of social channels really sent, as other projects have recorded it, replayed through the ways in. The
//! recordings are not part of this repository: the setting `CHANNEL_PAYLOADS` says where they are, else they are looked for
//! beside the workspace; where there are none, these stories say so.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use frontdesk_tests::cast::unique;
use frontdesk_tests::http::{Request, encode};
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::{Cast, Engine, Fake, eventually, signature};
use serde_json::{Value, json};

on_both_engines![
    what_facebook_and_messenger_sent_is_read_once,
    what_x_sent_is_read_once_and_its_vectors_fit,
    what_youtube_answered_is_read_once,
];

const SECRET: &str = "app-secret";

/// A recording, and how it is to be read.
struct Recording {
    name: String,
    body: Vec<u8>,
    expected: Value,
}

/// The recordings of a channel, in the order of their names; none where they are not here.
fn recordings(channel: &str) -> Option<Vec<Recording>> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/channels");
    let folder = std::env::var_os("CHANNEL_PAYLOADS").map_or(beside, PathBuf::from).join(channel);
    let Ok(index) = std::fs::read_to_string(folder.join("INDEX.md")) else {
        println!("not run: the recordings of {channel} are not here");
        return None;
    };
    let sections = index.split("\n## ").skip(1);
    let recording = |section: &str| {
        let name = section.lines().next().expect("a name").trim().to_owned();
        let expected = section.split("```json").nth(1).and_then(|rest| rest.split("```").next()).expect("expectations");
        let body = std::fs::read(folder.join(&name)).expect("the recording");
        Recording { name, body, expected: serde_json::from_str(expected).expect("JSON") }
    };
    let all: Vec<_> = sections.map(recording).collect();
    assert!(!all.is_empty(), "{channel}");
    Some(all)
}

/// A source for each account that was recorded.
struct Sources<'c> {
    cast: &'c Cast,
    known: BTreeMap<(&'static str, String), String>,
}

impl Sources<'_> {
    fn of(&mut self, kind: &'static str, account: &str, settings: &Value) -> String {
        let otto = &self.cast.otto;
        let key = (kind, account.to_owned());
        self.known
            .entry(key)
            .or_insert_with(|| {
                let name = unique("Community ");
                let community = otto.post("/1.0/communities", &json!({ "type": kind, "name": name })).ok();
                let mut source = json!({ "type": kind, "name": unique("Source "), "community_id": community["id"] });
                for (name, value) in settings.as_object().expect("settings") {
                    source[name] = value.clone();
                }
                id(&otto.post("/1.0/content_sources", &source).ok())
            })
            .clone()
    }
}

fn contents(cast: &Cast, source: &str) -> Vec<Value> {
    let q = encode(&format!("source:{source}"));
    records(&cast.otto.get(&format!("/1.0/contents?extended=true&limit=150&q={q}")).ok()).to_vec()
}

/// The content is there as it is expected to be.
fn require(cast: &Cast, source: &str, name: &str, expected: &Value) {
    let Some(foreign_id) = expected["content_id"].as_str() else { return };
    let content = eventually(&format!("{name}: {foreign_id} is here"), || {
        contents(cast, source).into_iter().find(|content| content["foreign_id"] == foreign_id)
    });
    if let Some(text) = expected["text"].as_str() {
        assert_eq!(content["body"], text, "{name}");
    }
    if let Some(at) = expected["sent_at"].as_str() {
        assert_eq!(content["created_at"].as_str().expect("a time")[..19], at[..19], "{name}");
    }
    if let Some(author_id) = expected["author_id"].as_str() {
        let author = cast.otto.get(&format!("/1.0/identities/{}", content["author_id"].as_str().expect("an id"))).ok();
        assert_eq!(author["foreign_id"], author_id, "{name}");
        // Two recordings of X are of one person, by two names.
        let shown = expected["author_name"].as_str().filter(|_| content["source_type"] != "twtr");
        assert!(shown.is_none_or(|shown| author["screenname"] == shown), "{name}: {author}");
    }
    if let Some(private) = expected["private"].as_bool().filter(|private| *private && content["type"] != "message") {
        assert_eq!(content["private_message"], private, "{name}");
    }
    if let Some(direction) = expected["direction"].as_str() {
        let is_ours = ["user_reply", "user_initiated"].iter().any(|status| content["status"] == *status);
        assert_eq!(is_ours, direction == "out", "{name}: {content}");
    }
}

/// Sends every recording twice, the last one first, and waits until all of it was read.
fn replay(cast: &Cast, sent: &[(String, &Recording, (&str, String))], sources: &[String]) {
    for (path, recording, (header, signature)) in sent.iter().rev().chain(sent) {
        let request =
            Request::new("POST", path).body("application/json", recording.body.clone()).header(header, signature);
        let answer = request.send(cast.otto.address()).expect("an answer");
        assert_eq!(answer.status, 200, "{}: {}", recording.name, answer.text());
    }
    for source in sources {
        let waiting = format!("/1.0/content_sources/{source}/channel_events?state=waiting");
        eventually("all of it is read", || (cast.otto.get(&waiting).ok()["count"] == 0).then_some(()));
        let failed = cast.otto.get(&format!("/1.0/content_sources/{source}/channel_events?state=failed")).ok();
        assert_eq!(failed["count"], 0, "{failed}");
    }
}

fn what_facebook_and_messenger_sent_is_read_once(engine: Engine) {
    let shared = Cast::shared(engine);
    let cast: &Cast = &shared;
    let mut sources = Sources { cast, known: BTreeMap::new() };
    for (kind, folder) in [("facebook", "facebook-page"), ("messenger", "messenger")] {
        let Some(all) = recordings(folder) else { return };
        let mut sent = Vec::new();
        let mut expected = Vec::new();
        for recording in &all {
            let told: Value = serde_json::from_slice(&recording.body).expect("JSON");
            let Some(entry) = told["entry"].get(0) else { continue };
            // Some were made unreadable by hand, and name two pages.
            let account = [&recording.expected["source_key"], &entry["messaging"][0]["recipient"]["id"], &entry["id"]];
            let account = account.into_iter().find(|id| !id.is_null()).expect("a page");
            let account = account.as_str().map_or_else(|| account.to_string(), str::to_owned);
            let settings = json!({ "facebook_page_id": account, "facebook_app_secret": SECRET });
            let source = sources.of(kind, &account, &settings);
            let signed = format!("sha256={}", signature::sha256(SECRET, &recording.body));
            sent.push((format!("/channels/{kind}/{source}"), recording, ("X-Hub-Signature-256", signed)));
            expected.push((source, recording));
        }
        let of_kind: Vec<String> =
            sources.known.iter().filter(|((known, _), _)| *known == kind).map(|(_, source)| source.clone()).collect();
        replay(cast, &sent, &of_kind);
        let mut count = 0;
        for (source, recording) in &expected {
            let is_content = recording.expected["event"] == "content.create";
            if is_content {
                require(cast, source, &recording.name, &recording.expected);
            }
            count += usize::from(is_content);
        }
        // Some were recorded of the same message: what it says there is what the last one said.
        let here: usize = of_kind.iter().map(|source| contents(cast, source).len()).sum();
        assert!(here > 0 && here <= count, "{folder}: {here} of {count}");
    }
}

fn what_x_sent_is_read_once_and_its_vectors_fit(engine: Engine) {
    let shared = Cast::shared(engine);
    let cast: &Cast = &shared;
    let Some(all) = recordings("twitter") else { return };
    let mut sources = Sources { cast, known: BTreeMap::new() };
    let source = sources.of("twtr", "1", &json!({ "x_user_id": "1", "x_consumer_secret": SECRET }));
    let mut sent = Vec::new();
    for recording in all.iter().filter(|recording| recording.expected["event"].is_string()) {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
        let signed = format!("sha256={}", STANDARD.encode(ring::hmac::sign(&key, &recording.body)));
        sent.push((format!("/channels/twtr/{source}"), recording, ("x-twitter-webhooks-signature", signed)));
    }
    replay(cast, &sent, std::slice::from_ref(&source));
    for (_, recording, _) in &sent {
        require(cast, &source, &recording.name, &recording.expected);
    }
    assert_eq!(contents(cast, &source).len(), sent.len());
    let vectors = all.iter().find(|recording| recording.name.contains("vectors")).expect("vectors");
    let vectors: Value = serde_json::from_slice(&vectors.body).expect("JSON");
    let text = |name: &str| vectors[name].as_str().expect("a text").to_owned();
    let source = sources.of("twtr", "2", &json!({ "x_user_id": "2", "x_consumer_secret": text("consumer_secret") }));
    let path = format!("/channels/twtr/{source}");
    let asked = cast.server.send(&Request::new("GET", &format!("{path}?crc_token={}", encode(&text("crc_token")))));
    assert_eq!(asked.json()["response_token"], vectors["response_token"]);
    let post = |body: &str| {
        let request = Request::new("POST", &path).body("application/json", body.as_bytes());
        request.header("x-twitter-webhooks-signature", &text("x-twitter-webhooks-signature"))
    };
    let address = cast.otto.address();
    assert_eq!(post(&text("body")).send(address).expect("an answer").status, 200);
    assert_eq!(post(&text("body").replace("1", "2")).send(address).expect("an answer").status, 403);
}

fn what_youtube_answered_is_read_once(engine: Engine) {
    let Some(all) = recordings("youtube") else { return };
    let fake = Fake::start("youtube");
    let cast = fake.cast(engine);
    let mut sources = Sources { cast: &cast, known: BTreeMap::new() };
    for recording in &all {
        let told: Value = serde_json::from_slice(&recording.body).unwrap_or_default();
        let events = match (&recording.expected["events"], &recording.expected["content_ids"]) {
            (Value::Array(events), _) => events.clone(),
            (_, Value::Array(ids)) if recording.name.contains("threads") => {
                ids.iter().map(|id| json!({ "content_id": id })).collect()
            }
            _ => continue,
        };
        let answer = if told["items"].is_array() { told } else { json!({ "items": [told] }) };
        let channel = unique("UCrecorded");
        // The first question is the one for the newest comments.
        fake.fault(
            &json!({ "fault": "answer", "operation": "commentThreads.list", "account": channel, "body": answer }),
        );
        let settings = json!({
            "youtube_channel_id": channel, "youtube_client_id": "client", "youtube_client_secret": "open-sesame",
            "youtube_refresh_token": format!("refresh-{channel}"), "youtube_history_days": 3_650,
        });
        let source = sources.of("youtube", &channel, &settings);
        for expected in &events {
            require(&cast, &source, &recording.name, expected);
        }
        let told = &answer["items"];
        let replies = |item: &Value| item["replies"]["comments"].as_array().map_or(0, Vec::len);
        let count: usize = told.as_array().expect("items").iter().map(|item| 1 + replies(item)).sum();
        assert_eq!(contents(&cast, &source).len(), count, "{}", recording.name);
    }
    // The hub's notice of a video that is gone makes us look, once.
    let notice = all.iter().find(|recording| recording.name.contains("websub")).expect("a notice");
    let text = String::from_utf8_lossy(&notice.body);
    let channel = text.split("/channel/").nth(1).and_then(|rest| rest.split('<').next()).expect("a channel");
    let settings = json!({
        "youtube_channel_id": channel, "youtube_client_id": "client", "youtube_client_secret": "open-sesame",
        "youtube_refresh_token": format!("refresh-{channel}"), "youtube_video_news_secret": SECRET,
    });
    let source = sources.of("youtube", channel, &settings);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET.as_bytes());
    let signed = ring::hmac::sign(&key, &notice.body);
    let signed = format!("sha1={}", signed.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let sent = [(format!("/channels/youtube/{source}"), notice, ("X-Hub-Signature", signed))];
    replay(&cast, &sent, std::slice::from_ref(&source));
    let connection = cast.otto.get(&format!("/1.0/content_sources/{source}/connection")).ok();
    assert_eq!((&connection["events_received"], &connection["events_failed"]), (&json!(1), &json!(0)), "{connection}");
}
