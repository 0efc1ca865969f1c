//! Notifications: what Vera's phone is told while her app is away.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::Request;
use frontdesk_tests::pages::id;
use frontdesk_tests::{Answered, CANARY, Cast, Engine, FakePush, Notified, Transport, eventually};
use serde_json::{Value, json};

use crate::web_messaging::{KEY, Site, Vera, in_hours, signed, thread_of};

on_both_engines![
    an_answer_reaches_every_phone,
    a_notification_says_what_it_may,
    a_token_serves_until_it_ends,
    a_device_that_is_gone_is_forgotten,
    wrong_credentials_show_on_the_source,
    a_credential_is_told_of_never_shown_and_removed,
    a_slow_service_delays_no_other,
    what_was_not_told_is_told_after_a_kill,
    a_pause_that_is_asked_for_is_kept,
    a_phone_is_its_last_persons,
    who_looks_is_not_disturbed,
    devices_are_checked_and_bounded,
    pages_above_a_conversation_have_their_script,
    what_answers_by_itself_is_heard_too,
];

fn shared(engine: Engine) -> &'static Cast {
    static CASTS: [OnceLock<Cast>; 2] = [OnceLock::new(), OnceLock::new()];
    CASTS[engine as usize].get_or_init(|| Cast::start(engine, &["--trusted-proxy", "127.0.0.1/32"]))
}

/// An app's source that notifies by these services.
fn app<'c>(cast: &'c Cast, push: &FakePush) -> Site<'c> {
    let site = Site::new(cast, "mobile_messaging");
    site.mode("reject");
    set(&site, &push.settings());
    site
}

fn set(site: &Site<'_>, settings: &Value) -> Value {
    site.cast.otto.put(&format!("/1.0/content_sources/{}?extended=true", site.source_id), settings).ok()
}

/// A device's token that nobody else has.
fn device_token(platform: &str) -> String {
    match platform {
        "apns" => format!("{:064x}", unique("").parse::<u64>().expect("a number")),
        _ => unique(&format!("{CANARY}:{platform}-")),
    }
}

/// Registers a device; its token.
#[track_caller]
fn registers(vera: &Vera<'_>, id: &str, platform: &str, locale: Option<&str>) -> String {
    let push_token = device_token(platform);
    let device = json!({ "platform": platform, "push_token": push_token, "locale": locale });
    assert_eq!(vera.send("PUT", &format!("devices/{id}"), &device).status, 204);
    push_token
}

#[track_caller]
fn hears(push: &FakePush, device: &str, count: usize) -> Vec<Notified> {
    eventually(&format!("{device} hears {count}"), || Some(push.on(device)).filter(|heard| heard.len() >= count))
}

fn an_answer_reaches_every_phone(engine: Engine) {
    let (cast, push) = (shared(engine), FakePush::start());
    let site = app(cast, &push);
    let vera = site.vera(&json!({}));
    let devices = ["fcm", "apns", "huawei"].map(|platform| (platform, registers(&vera, platform, platform, None)));
    let asked = vera.writes(None, "Where is my parcel?");
    let reply = cast.otto.reply(&id(&asked), "On its way.");
    for (platform, device) in &devices {
        let heard = hears(&push, device, 1).remove(0);
        assert_eq!((heard.service, heard.body.as_str()), (*platform, "On its way."));
        assert_eq!((heard.content_id, heard.reply), (id(&reply), true));
        assert!(!heard.title.is_empty());
        let told = heard.whole.to_string();
        assert!(told.contains(&thread_of(&asked)), "{told}");
    }
    assert_eq!(push.on(&devices[1].1)[0].whole["aps"]["badge"], 1);
    let structured = json!({
        "in_reply_to_id": id(&asked), "body": "Which one?",
        "structured_content": { "type": "select", "disable_text_input": true, "items": [{ "title": "This", "payload": "1" }, { "title": "That", "payload": "2" }] },
    });
    cast.otto.post("/1.0/contents", &structured).ok();
    let heard = hears(&push, &devices[0].1, 2).remove(1);
    assert_eq!((heard.body.as_str(), heard.reply), ("Which one?", false));
    let heard = hears(&push, &devices[1].1, 2).remove(1);
    assert_eq!(
        (&heard.whole["aps"]["category"], &heard.whole["aps"]["badge"]),
        (&json!("frontdesk.message"), &json!(2))
    );
    push.require_no_faults();
}

fn a_notification_says_what_it_may(engine: Engine) {
    let (cast, push) = (shared(engine), FakePush::start());
    let site = app(cast, &push);
    let vera = site.vera(&json!({}));
    let [english, french] = [Some("en-GB"), Some("fr")].map(|locale| registers(&vera, &unique("d"), "fcm", locale));
    let asked = vera.writes(None, "Hello");
    let hidden = json!({ "disable_notification_body_display": true });
    assert_eq!(set(&site, &hidden)["disable_notification_body_display"], true);
    cast.otto.reply(&id(&asked), &format!("Between us: {CANARY}"));
    for (device, text) in [(&english, "You have a new message."), (&french, "Vous avez un nouveau message.")] {
        let heard = hears(&push, device, 1).remove(0);
        assert_eq!(heard.body, text);
        assert!(!heard.whole["message"]["notification"].to_string().contains("Between us"), "{}", heard.whole);
        assert!(!heard.whole["message"]["data"].to_string().contains("Between us"), "{}", heard.whole);
    }
    set(&site, &json!({ "notification_generic_message": "News from the shop" }));
    cast.otto.reply(&id(&asked), "More between us");
    assert_eq!(hears(&push, &french, 2).remove(1).body, "News from the shop");
    // No answer may be typed where none is taken.
    set(&site, &json!({ "disable_notification_body_display": false }));
    let path = format!("/1.0/content_threads/{}/disable_text_input", thread_of(&asked));
    cast.otto.put(&path, &json!({})).ok();
    cast.otto.reply(&id(&asked), "Choose");
    let heard = hears(&push, &french, 3).remove(2);
    assert_eq!((heard.body.as_str(), heard.reply), ("Choose", false));
    push.require_no_faults();
}

fn a_token_serves_until_it_ends(engine: Engine) {
    let (cast, push) = (shared(engine), FakePush::start());
    let site = app(cast, &push);
    let vera = site.vera(&json!({}));
    let [google, huawei] = ["fcm", "huawei"].map(|platform| registers(&vera, platform, platform, None));
    let asked = vera.writes(None, "Hello");
    for (count, text) in [(1, "One"), (2, "Two")] {
        cast.otto.reply(&id(&asked), text);
        hears(&push, &google, count);
        hears(&push, &huawei, count);
    }
    assert_eq!((push.asked("fcm"), push.asked("huawei")), (1, 1));
    // The service throws the token away before its end: another one is got, and the notification arrives.
    let first = push.on(&google)[0].bearer.clone();
    push.answer(move |notified| match notified.bearer == first {
        true => Answered::new(401, json!({ "error": { "code": 401, "status": "UNAUTHENTICATED" } })),
        false => Answered::taken(notified.service),
    });
    cast.otto.reply(&id(&asked), "Three");
    let heard = hears(&push, &google, 4);
    assert_ne!(heard[2].bearer, heard[3].bearer);
    assert_eq!((heard[3].body.as_str(), push.asked("fcm")), ("Three", 2));
    push.require_no_faults();
}

fn a_device_that_is_gone_is_forgotten(engine: Engine) {
    let (cast, push) = (shared(engine), FakePush::start());
    let site = app(cast, &push);
    let vera = site.vera(&json!({}));
    for platform in ["fcm", "apns", "huawei"] {
        let [gone, there] =
            ["old", "new"].map(|which| registers(&vera, &format!("{platform}-{which}"), platform, None));
        let asked = vera.writes(None, "Hello");
        let missing = gone.clone();
        push.answer(move |notified| match notified.device == missing {
            true => Answered::gone(notified.service),
            false => Answered::taken(notified.service),
        });
        cast.otto.reply(&id(&asked), "One");
        hears(&push, &gone, 1);
        hears(&push, &there, 1);
        // Until it is written down that it is gone.
        std::thread::sleep(Duration::from_millis(300));
        for count in 2..5 {
            cast.otto.reply(&id(&asked), "Again");
            hears(&push, &there, count);
        }
        let heard = push.on(&gone).len();
        assert!(heard < 3, "{platform} was called {heard} times");
    }
    assert_eq!(cast.otto.get(&format!("/1.0/content_sources/{}", site.source_id)).ok()["status"], "ok");
    push.require_no_faults();
}

fn wrong_credentials_show_on_the_source(engine: Engine) {
    let (cast, push) = (shared(engine), FakePush::start());
    let site = app(cast, &push);
    let path = format!("/1.0/content_sources/{}", site.source_id);
    let shown = cast.otto.get(&format!("{path}?extended=true")).ok();
    assert_eq!(shown["push_services"], json!(["fcm", "apns", "huawei"]));
    for secret in ["fcm_service_account", "apns_key", "huawei_client_secret"] {
        assert!(shown.get(secret).is_none(), "{secret} is shown");
    }
    assert!(!shown.to_string().contains("PRIVATE KEY"), "a key is shown");
    let wrong = json!({ "fcm_service_account": "{}", "apns_key": "x", "huawei_application_id": "a b" });
    let refused = cast.otto.put(&path, &wrong);
    assert_eq!((refused.status, refused.json()["errors"].as_array().map(Vec::len)), (422, Some(3)));

    push.refuse_tokens(true);
    let vera = site.vera(&json!({}));
    let device = registers(&vera, "phone", "fcm", None);
    let asked = vera.writes(None, "Hello");
    cast.otto.reply(&id(&asked), "Hello!");
    let source = eventually("the source says what is wrong", || {
        Some(cast.otto.get(&path).ok()).filter(|source| source["status"] == "error")
    });
    let message = source["error_message"].as_str().expect("a message");
    assert!(message.contains("Firebase Cloud Messaging") && message.contains("Account not found"), "{message}");
    // Another answer by the same source does not hide it.
    cast.otto.reply(&id(&asked), "Still there?");
    assert_eq!(cast.otto.get(&path).ok()["status"], "error");
    // Once they are right, what waits is told.
    push.refuse_tokens(false);
    set(&site, &json!({ "notification_generic_message": "A message" }));
    hears(&push, &device, 2);
    // What was on its way with the old ones may have said so a moment later; what comes after it says that all is well.
    eventually("the source is well", || (cast.otto.get(&path).ok()["status"] == "ok").then_some(()));
    push.require_no_faults();
}

fn a_credential_is_told_of_never_shown_and_removed(engine: Engine) {
    let (cast, push) = (shared(engine), FakePush::start());
    let site = app(cast, &push);
    let (there, gone) = (json!(true), json!(false));
    let shown = set(&site, &json!({}));
    assert_eq!((&shown["has_fcm_service_account"], &shown["has_apns_key"]), (&there, &there));
    let after = set(&site, &json!({ "apns_key": "" }));
    assert_eq!((&after["has_fcm_service_account"], &after["has_apns_key"]), (&there, &gone));
    assert_eq!(after["push_services"], json!(["fcm", "huawei"]));
    // What no form sends stays.
    assert_eq!(set(&site, &json!({ "from_name": "Shop" }))["has_huawei_client_secret"], true);
    // Nor does it leave for an address that somebody else names.
    let source = format!("/1.0/content_sources/{}", site.source_id);
    for (address, credential) in [
        ("huawei_token_url", "huawei_client_secret"),
        ("huawei_url", "huawei_client_secret"),
        ("fcm_url", "fcm_service_account"),
    ] {
        let moved = json!({ address: "https://elsewhere.example/" });
        assert_eq!(cast.otto.put(&source, &moved).invalid(), [credential], "{address}");
    }
    let with_both =
        json!({ "huawei_token_url": "https://elsewhere.example/", "huawei_client_secret": "another secret" });
    cast.otto.put(&source, &with_both).ok();
    // Who only reads the source is not told.
    let reader = cast.hire(&[]);
    let path = format!("/1.0/users/{}/sources_permissions", reader.user_id);
    cast.otto.put(&path, &json!({ site.source_id.as_str(): "read" })).ok();
    let read = reader.get(&format!("/1.0/content_sources/{}?extended=true", site.source_id)).ok();
    assert_eq!(read["has_fcm_service_account"], Value::Null);
}

fn a_slow_service_delays_no_other(engine: Engine) {
    let (cast, push) = (shared(engine), FakePush::start());
    let site = app(cast, &push);
    push.answer(|notified| Answered {
        delay: if notified.service == "fcm" { Duration::from_secs(9) } else { Duration::ZERO },
        ..Answered::taken(notified.service)
    });
    let vera = site.vera(&json!({}));
    for _ in 0..9 {
        registers(&vera, &unique("d"), "fcm", None);
    }
    let asked = vera.writes(None, "Hello");
    let quick = registers(&vera, "quick", "apns", None);
    cast.otto.reply(&id(&asked), "Hello!");
    hears(&push, &quick, 1);
    let slow = push.notified().iter().filter(|one| one.service == "fcm").count();
    assert!(slow <= 8, "one source asks {slow} times at once");
    push.require_no_faults();
}

fn what_was_not_told_is_told_after_a_kill(engine: Engine) {
    let push = FakePush::start();
    let mut cast = Cast::start(engine, &["--trusted-proxy", "127.0.0.1/32"]);
    let away = |notified: &Notified| match notified.service {
        "apns" => Answered::new(503, json!({ "reason": "ServiceUnavailable" })),
        service => Answered::taken(service),
    };
    push.answer(away);
    let (device, reply) = {
        let site = app(&cast, &push);
        let vera = site.vera(&json!({}));
        let device = registers(&vera, "phone", "apns", None);
        let asked = vera.writes(None, "Hello");
        let reply = cast.otto.reply(&id(&asked), "Hello!");
        hears(&push, &device, 1);
        (device, id(&reply))
    };
    cast.server.kill();
    push.answer(|notified| Answered::taken(notified.service));
    let before = push.on(&device).len();
    cast.server.restart();
    // Under the id of its message: on the screen it is one.
    let heard = hears(&push, &device, before + 1);
    assert!(heard.iter().all(|one| one.content_id == reply), "{heard:?}");
    push.require_no_faults();
}

fn a_pause_that_is_asked_for_is_kept(engine: Engine) {
    let (cast, push) = (shared(engine), FakePush::start());
    let site = app(cast, &push);
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    push.answer(|notified| match notified.body.as_str() {
        "Later" if ASKED.fetch_add(1, Ordering::SeqCst) < 10 => {
            let busy = json!({ "error": { "code": 429, "details": [{ "errorCode": "QUOTA_EXCEEDED" }] } });
            Answered { retry_after: Some(3_600), ..Answered::new(429, busy) }
        }
        _ => Answered::taken(notified.service),
    });
    let vera = site.vera(&json!({}));
    let device = registers(&vera, "phone", "fcm", None);
    let asked = vera.writes(None, "Hello");
    cast.otto.reply(&id(&asked), "Later");
    hears(&push, &device, 1);
    // Longer than the pause that would be made without being asked for.
    std::thread::sleep(Duration::from_secs(8));
    cast.otto.reply(&id(&asked), "Now");
    let heard = eventually("the next one arrives", || {
        Some(push.on(&device)).filter(|all| all.iter().any(|one| one.body == "Now"))
    });
    assert_eq!(heard.iter().filter(|one| one.body == "Later").count(), 1);
    push.require_no_faults();
}

fn a_phone_is_its_last_persons(engine: Engine) {
    let (cast, push) = (shared(engine), FakePush::start());
    let site = Site::new(cast, "mobile_messaging");
    set(&site, &push.settings());
    site.key("one", "HS256", KEY);
    let jwt = |uuid: &str| signed("one", KEY, &json!({ "uuid": uuid, "exp": in_hours(2) }));
    let (vera, walter) = (unique("customer-"), unique("customer-"));
    // She was nobody when she installed the app, and her phone comes along when she signs in.
    let nobody = site.vera(&json!({}));
    let phone = registers(&nobody, "phone", "fcm", None);
    let vera = site.vera(&json!({ "jwt": jwt(&vera), "session": nobody.session }));
    let asked = vera.writes(None, "It is me");
    cast.otto.reply(&id(&asked), "One");
    hears(&push, &phone, 1);
    // Somebody else signs in on the same phone: what is for her is not told there any more.
    let tablet = registers(&vera, "tablet", "fcm", None);
    let walter = site.vera(&json!({ "jwt": jwt(&walter) }));
    let device = json!({ "platform": "fcm", "push_token": phone });
    assert_eq!(walter.send("PUT", "devices/phone", &device).status, 204);
    cast.otto.reply(&id(&asked), "Two");
    hears(&push, &tablet, 1);
    let other = walter.writes(None, "It is Walter");
    cast.otto.reply(&id(&other), "For Walter");
    assert_eq!(hears(&push, &phone, 2)[1].body, "For Walter");
    // One device is forgotten by its name, all of a session with it.
    assert_eq!(vera.send("DELETE", "devices/tablet", &Value::Null).status, 204);
    assert_eq!(vera.send("DELETE", "devices/tablet", &Value::Null).status, 204);
    let tablet_again = registers(&vera, "tablet-2", "fcm", None);
    cast.otto.reply(&id(&asked), "Three");
    assert_eq!(hears(&push, &tablet_again, 1)[0].body, "Three");
    assert_eq!(walter.send("DELETE", "session", &Value::Null).status, 204);
    cast.otto.reply(&id(&other), "Walter is gone");
    cast.otto.reply(&id(&asked), "Four");
    hears(&push, &tablet_again, 2);
    assert_eq!((push.on(&phone).len(), push.on(&tablet).len()), (2, 1));
    push.require_no_faults();
}

fn who_looks_is_not_disturbed(engine: Engine) {
    let (cast, push) = (shared(engine), FakePush::start());
    let site = app(cast, &push);
    let uuid = unique("customer-");
    let identity = json!({ "identity": { "uuid": uuid, "screenname": "Vera" } });
    let (phone, watch) = (site.vera(&identity), site.vera(&identity));
    let looked_at = registers(&phone, "phone", "fcm", None);
    let away = registers(&watch, "watch", "fcm", None);
    let asked = phone.writes(None, "Hello");
    let mut stream = phone.listens(Transport::WebSocket, None);
    stream.heartbeat();
    let first = cast.otto.reply(&id(&asked), "While she looks");
    assert_eq!(stream.event_named("content")["content"]["id"], first["id"]);
    hears(&push, &away, 1);
    let read = json!({ "content_id": first["id"] });
    assert_eq!(phone.send("POST", &format!("threads/{}/read", thread_of(&asked)), &read).status, 204);
    drop(stream);
    // Once it is known that the stream has ended, she is told.
    let heard = eventually("the phone is told again", || {
        cast.otto.reply(&id(&asked), "When she looks away");
        std::thread::sleep(Duration::from_millis(500));
        Some(push.on(&looked_at)).filter(|heard| !heard.is_empty())
    });
    assert!(heard.iter().all(|one| one.body == "When she looks away"), "{heard:?}");
    push.require_no_faults();
}

fn devices_are_checked_and_bounded(engine: Engine) {
    let (cast, push) = (shared(engine), FakePush::start());
    let site = app(cast, &push);
    let vera = site.vera(&json!({}));
    let right = json!({ "platform": "fcm", "push_token": "a-token-of-a-device", "locale": "en" });
    let with = |name: &str, value: Value| {
        let mut device = right.clone();
        device[name] = value;
        device
    };
    for (device, name) in [
        (with("platform", json!("telex")), "platform"),
        (with("platform", Value::Null), "platform"),
        (with("push_token", json!("")), "push_token"),
        (with("push_token", json!("two words and more")), "push_token"),
        (with("push_token", json!("x".repeat(1_001))), "push_token"),
        (json!({ "platform": "apns", "push_token": "../../elsewhere" }), "push_token"),
        (with("locale", json!(7)), "locale"),
    ] {
        let refused = vera.send("PUT", "devices/phone", &device);
        assert_eq!((refused.status, &refused.json()["errors"][0]["attribute"]), (422, &json!(name)), "{device}");
    }
    for id in ["%20", "a.b", &"x".repeat(65)] {
        assert_eq!(vera.send("PUT", &format!("devices/{id}"), &right).status, 422, "{id}");
        assert_eq!(vera.send("DELETE", &format!("devices/{id}"), &Value::Null).status, 422, "{id}");
    }
    let target = site.path("devices/phone");
    let stranger = Request::new("PUT", &target).json(&right).send(cast.server.address()).expect("an answer");
    assert_eq!((stranger.status, &stranger.json()["error"]), (401, &json!("invalid_session")));
    let chat = Site::new(cast, "chat");
    chat.mode("reject");
    assert_eq!(chat.vera(&json!({})).send("PUT", "devices/phone", &right).status, 403);
    // One more than there may be takes the place of the oldest.
    let first = registers(&vera, "d0", "fcm", None);
    let others: Vec<_> = (1..=10).map(|number| registers(&vera, &format!("d{number}"), "fcm", None)).collect();
    let asked = vera.writes(None, "Hello");
    cast.otto.reply(&id(&asked), "Hello!");
    for device in &others {
        hears(&push, device, 1);
    }
    assert!(push.on(&first).is_empty());
    // A source that does not want Android's phones to be told.
    cast.otto.put(&format!("/1.0/content_sources/{}", site.source_id), &json!({ "enable_android": false })).ok();
    let apple = registers(&vera, "d1", "apns", None);
    let replaced = &others[1];
    cast.otto.reply(&id(&asked), "Again");
    hears(&push, &apple, 1);
    assert_eq!(push.on(replaced).len(), 1);
    push.require_no_faults();
}

fn pages_above_a_conversation_have_their_script(engine: Engine) {
    let cast = shared(engine);
    let script = Request::new("GET", "/webview/sdk.js").send(cast.server.address()).expect("an answer");
    assert_eq!(script.status, 200);
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    // Pages of every site load it.
    assert_eq!(script.header("cross-origin-resource-policy"), Some("cross-origin"));
    // A server that was built without the pages says so instead.
    let text = script.text();
    assert!(text.contains("rcedWebviewSdkLoaded") || text.contains("make web"), "{text:.200}");
    let tag = script.header("etag").expect("a tag").to_owned();
    let again = Request::new("GET", "/webview/sdk.js").header("If-None-Match", &tag);
    assert_eq!(again.send(cast.server.address()).expect("an answer").status, 304);
}

fn what_answers_by_itself_is_heard_too(engine: Engine) {
    let (cast, push) = (shared(engine), FakePush::start());
    let site = app(cast, &push);
    let texts = json!([{ "language": "en", "created_from_trigger": "first_message_from_user", "body": "We have it." }]);
    set(
        &site,
        &json!({ "auto_response_triggers": texts, "auto_response_trigger_enabled": { "first_message_from_user": true } }),
    );
    let vera = site.vera(&json!({}));
    let phone = registers(&vera, "phone", "fcm", None);
    let asked = vera.writes(None, "Where is my parcel?");
    assert_eq!(hears(&push, &phone, 1)[0].body, "We have it.");
    let rights = json!({ (site.source_id.as_str()): "read,reply" });
    cast.otto.put(&format!("/1.0/users/{}/sources_permissions", cast.bo.user_id), &rights).ok();
    cast.bo.reply(&id(&asked), "In Quimper.");
    assert_eq!(hears(&push, &phone, 2)[1].body, "In Quimper.");
    push.require_no_faults();
}
