//! Whatever takes an address takes none that leads home: every parameter that the description calls a URL is tried with
//! a server of this machine, and that server is never called.

use std::collections::BTreeSet;

use frontdesk_tests::cast::unique;
use frontdesk_tests::description::Description;
use frontdesk_tests::pages::id;
use frontdesk_tests::server::Launch;
use frontdesk_tests::{Cast, Engine, FakeChannel, Person, Source};
use serde_json::{Value, json};

on_both_engines![every_address_that_somebody_gives_is_guarded];

/// Every such parameter there is.
const ADDRESSES: [(&str, &str); 4] =
    [("createWebhook", "url"), ("updateWebhook", "url"), ("createSource", "base_uri"), ("updateSource", "base_uri")];
fn every_address_that_somebody_gives_is_guarded(engine: Engine) {
    let cast = Cast::at(Launch::new(engine).only(&["--rate-limit", "0", "--demo"]).start());
    let canary = FakeChannel::start();
    let known: BTreeSet<(String, String)> =
        ADDRESSES.iter().map(|(operation, name)| ((*operation).to_owned(), (*name).to_owned())).collect();
    let found = addresses(&Description::of(cast.server.address()));
    let unlike: Vec<_> = found.symmetric_difference(&known).collect();
    assert!(unlike.is_empty(), "say whether the server calls these, and try them here: {unlike:?}");

    let port = canary.address().port();
    let hosts = ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "①②⑦.0.0.1", "127.1"];
    for host in hosts {
        let url = format!("http://{host}:{port}/canary");
        tries_webhook(&cast.otto, &url);
        tries_source(&cast, &url);
    }
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert!(canary.pushes().is_empty() && canary.challenges().is_empty(), "{:?}", canary.pushes());
}

fn tries_webhook(otto: &Person, url: &str) {
    let webhook = json!({ "url": url, "registered_events": ["content.imported"] });
    let answer = otto.post("/1.0/webhooks", &webhook);
    assert!(matches!(answer.status, 200 | 422), "{}", answer.text());
}

fn tries_source(cast: &Cast, url: &str) {
    let community = json!({ "type": "sdk", "name": unique("Community ") });
    let community = cast.otto.post("/1.0/communities", &community).ok();
    let mut source = json!({ "type": "sdk", "name": unique("Source "), "community_id": community["id"] });
    source["base_uri"] = json!(url);
    let answer = cast.otto.post("/1.0/content_sources", &source);
    if answer.status == 422 {
        return;
    }
    // What was taken is called when an agent answers, and an attachment's address when a message has one.
    let source = Source::shown_as(&cast.otto, &answer.ok());
    source.has_voice("desk");
    let mut message = source.message(&unique("m"), "t", "vera", "Look");
    message["attachments"] = json!([{ "url": url, "filename": "a.txt", "content_type": "text/plain" }]);
    message["author"]["avatar_url"] = json!(url);
    source.tells("messages.create", &message);
    cast.otto.reply(&id(&source.contents(&cast.otto, "t")[0]), "Hello");
}

/// Every parameter that is an address by its name, with its operation.
fn addresses(description: &Description) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    let document = description.document();
    for operation in description.operations() {
        let body = &operation.entry["requestBody"]["content"]["application/json"]["schema"];
        let pointer = body["$ref"].as_str().map(|reference| reference.trim_start_matches('#').to_owned());
        let body: &Value = pointer.and_then(|pointer| document.pointer(&pointer)).unwrap_or(body);
        let in_body = body["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone());
        let in_query = operation.entry["parameters"].as_array().into_iter().flatten();
        let in_query = in_query.filter_map(|parameter| parameter["name"].as_str().map(str::to_owned));
        for name in in_body.chain(in_query) {
            if ["url", "uri", "href", "link", "endpoint"].iter().any(|word| name.split('_').any(|part| part == *word)) {
                found.insert((operation.id().to_owned(), name));
            }
        }
    }
    found
}
