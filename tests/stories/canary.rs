//! Whatever takes an address takes none that leads home: every parameter that the description calls a URL is tried with
//! a server of this machine, when the object is made and when it is changed, and that server is never called. Where
//! the operator allows it, the same steps reach it by every way.

use std::collections::BTreeSet;

use frontdesk_tests::cast::unique;
use frontdesk_tests::description::Description;
use frontdesk_tests::http::Request;
use frontdesk_tests::pages::id;
use frontdesk_tests::server::Launch;
use frontdesk_tests::{Browser, Cast, Engine, FakeChannel, FakePush, Source, eventually};
use serde_json::{Value, json};

use crate::web_messaging::Site;

on_both_engines![every_address_that_somebody_gives_is_guarded, an_address_that_is_allowed_is_called];

/// Every such parameter there is.
const ADDRESSES: [(&str, &str); 16] = [
    ("createWebhook", "url"),
    ("updateWebhook", "url"),
    ("createSource", "base_uri"),
    ("updateSource", "base_uri"),
    // Where browsers are sent to sign in and out.
    ("updateJwtSingleSignOn", "remote_login_url"),
    ("updateJwtSingleSignOn", "remote_logout_url"),
    ("createSource", "fcm_url"),
    ("createSource", "apns_url"),
    ("createSource", "huawei_url"),
    ("createSource", "huawei_token_url"),
    ("updateSource", "fcm_url"),
    ("updateSource", "apns_url"),
    ("updateSource", "huawei_url"),
    ("updateSource", "huawei_token_url"),
    // A picture that visitors' browsers load.
    ("updateMessagingSettings", "avatar_url"),
    // Where a mail leads.
    ("updateMessagingSettings", "back_to_chat_url"),
];

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
        try_everything(&cast, &format!("http://{host}:{port}"));
    }
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert!(canary.touches().is_empty(), "{:?}", canary.touches());
}

fn an_address_that_is_allowed_is_called(engine: Engine) {
    let cast = Cast::shared(engine);
    let canary = FakeChannel::start();
    try_everything(&cast, &format!("http://{}", canary.address()));
    let ways = [
        "made/hook",
        "changed/hook",
        "made/channel",
        "changed/channel",
        "made/file",
        "changed/file",
        "made/fcm-token",
        "made/huawei-token",
        "made/issuer",
    ];
    eventually("it is called by every way", || {
        let touches = canary.touches();
        ways.iter().all(|way| touches.iter().any(|touch| touch.contains(way))).then_some(())
    });
}

/// Everything that takes an address is made with one at this root, and changed to one.
fn try_everything(cast: &Cast, root: &str) {
    let made = json!({ "url": format!("{root}/made/hook"), "registered_events": ["content.imported"] });
    let made = cast.otto.post("/1.0/webhooks", &made);
    assert!(matches!(made.status, 200 | 422), "{}", made.text());
    let url = format!("https://example.com/{}", unique("hook-"));
    let other = json!({ "url": url, "registered_events": ["content.imported"], "active": false });
    let other = id(&cast.otto.post("/1.0/webhooks", &other).ok());
    let changed = json!({ "url": format!("{root}/changed/hook"), "active": true });
    let changed = cast.otto.put(&format!("/1.0/webhooks/{other}"), &changed);
    assert!(matches!(changed.status, 200 | 422), "{}", changed.text());

    try_picture(cast, &format!("{root}/picture"));
    let places = json!({ "remote_login_url": root, "remote_logout_url": root });
    assert!(matches!(cast.otto.put("/1.0/single_sign_on/jwt", &places).status, 200 | 422));
    try_provider(cast, root);
    try_push(cast, root);

    let source = |base_uri: &str| {
        let community = json!({ "type": "sdk", "name": unique("Community ") });
        let community = cast.otto.post("/1.0/communities", &community).ok();
        let source =
            json!({ "type": "sdk", "name": unique("Source "), "community_id": community["id"], "base_uri": base_uri });
        cast.otto.post("/1.0/content_sources", &source)
    };
    let made = source(&format!("{root}/made/channel"));
    if made.status != 422 {
        use_source(cast, &made.ok(), &format!("{root}/made/file"));
    }
    let other = source("https://example.com/channel").ok();
    let changed = json!({ "base_uri": format!("{root}/changed/channel") });
    let changed = cast.otto.put(&format!("/1.0/content_sources/{}", id(&other)), &changed);
    assert!(matches!(changed.status, 200 | 422), "{}", changed.text());
    if changed.status == 200 {
        use_source(cast, &other, &format!("{root}/changed/file"));
    }
}

/// A provider is asked what it is when somebody goes to sign in there.
fn try_provider(cast: &Cast, root: &str) {
    let provider = json!({ "enabled": true, "issuer": format!("{root}/made/issuer"), "client_id": "desk" });
    assert!(matches!(cast.otto.put("/1.0/single_sign_on/openid", &provider).status, 200 | 422));
    Browser::at(&cast.server).send_as_any_page(Request::new("GET", "/session/openid"));
    cast.otto.put("/1.0/single_sign_on/openid", &json!({ "enabled": false })).ok();
}

/// A source of apps calls push services when somebody is answered; only where they are is set here.
fn try_push(cast: &Cast, root: &str) {
    let push = FakePush::start();
    let mut account = push.service_account();
    account["token_uri"] = json!(format!("{root}/made/fcm-token"));
    let mut settings = push.settings();
    settings["fcm_service_account"] = json!(account.to_string());
    settings["huawei_token_url"] = json!(format!("{root}/made/huawei-token"));
    for name in ["fcm_url", "apns_url", "huawei_url"] {
        settings[name] = json!(format!("{root}/made/{name}"));
    }
    let site = Site::new(cast, "mobile_messaging");
    site.mode("reject");
    let saved = cast.otto.put(&format!("/1.0/content_sources/{}", site.source_id), &settings);
    assert!(matches!(saved.status, 200 | 422), "{}", saved.text());
    let vera = site.vera(&json!({}));
    for platform in ["fcm", "apns", "huawei"] {
        let device = json!({ "platform": platform, "push_token": format!("{:016x}", unique("").parse::<u64>().expect("a number")) });
        assert_eq!(vera.send("PUT", &format!("devices/{platform}"), &device).status, 204);
    }
    cast.otto.reply(&id(&vera.writes(None, "Hello")), "Hello!");
    let path = format!("/1.0/content_sources/{}", site.source_id);
    // No stand-in speaks these here: either it is forbidden, or its answer makes no sense. Both are said.
    eventually("the source says so", || (cast.otto.get(&path).ok()["status"] == "error").then_some(()));
}

/// The settings of a chat on websites hold a picture's address.
fn try_picture(cast: &Cast, url: &str) {
    let community = json!({ "type": "mobile_messaging", "name": unique("Community ") });
    let community = cast.otto.post("/1.0/communities", &community).ok();
    let source = json!({ "type": "mobile_messaging", "name": unique("Source "), "community_id": community["id"] });
    let source = cast.otto.post("/1.0/content_sources", &source).ok();
    let path = format!("/1.0/content_sources/{}/messaging", id(&source));
    let changed = cast.otto.put(&path, &json!({ "avatar_url": url, "back_to_chat_url": url }));
    assert!(matches!(changed.status, 200 | 422), "{}", changed.text());
}

/// A source is called when an agent answers, and an attachment's address when a message has one.
fn use_source(cast: &Cast, shown: &Value, url: &str) {
    let source = Source::shown_as(&cast.otto, shown);
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
