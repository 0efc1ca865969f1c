//! Signing in at the console, and who else would like to: fixed, stolen, forged and guessed sessions.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use frontdesk_tests::browser::somebody;
use frontdesk_tests::http::Request;
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::server::Launch;
use frontdesk_tests::{Browser, Cast, Engine, Heard, Stream, TRANSPORTS, Transport, eventually};
use serde_json::{Value, json};

on_both_engines![
    somebody_signs_in_works_and_signs_out,
    a_cookie_alone_is_worth_nothing,
    a_websocket_is_opened_by_pages_of_this_server_only,
    a_session_ends_with_what_it_was_begun_by,
    a_sign_in_never_takes_over_what_the_browser_brought,
    guesses_are_limited_and_tell_nothing,
    a_session_ends_when_it_is_idle_and_when_it_is_old,
    own_sessions_are_listed_and_ended,
    what_cannot_be_read_is_refused,
    over_tls_the_cookie_is_for_this_host_alone,
];

const PASSWORD: &str = "correct horse battery";

fn somebody_signs_in_works_and_signs_out(engine: Engine) {
    let cast = Cast::shared(engine);
    let (user_id, email) = somebody(&cast, &["read_community"], PASSWORD);
    let mut browser = Browser::at(&cast.server);
    browser.get("/session").refused(401);
    let options = browser.get("/session/options").ok();
    assert_eq!(options["signed_in"], false);
    assert_eq!((&options["password"], &options["password_rules"]["min_length"]), (&json!(true), &json!(8)));
    let answer = browser.sign_in(&email.to_uppercase(), PASSWORD);
    let told = answer.ok();
    assert_eq!((&told["user"]["id"], &told["user"]["email"]), (&json!(user_id), &json!(email)));
    assert_eq!((&told["session"]["method"], &told["session"]["current"]), (&json!("password"), &json!(true)));
    let cookie = answer.header("set-cookie").expect("a cookie").to_owned();
    for part in ["frontdesk=", "; Path=/; ", "; HttpOnly", "; SameSite=Strict"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    let secret = browser.cookie.split_once('=').expect("a secret").1.to_owned();
    assert!(secret.len() == 64 && !answer.text().contains(&secret), "{}", answer.text());

    assert_eq!(browser.get("/session").ok()["user"], told["user"]);
    assert_eq!(browser.get("/session/options").ok()["signed_in"], true);
    assert_eq!(browser.get("/1.0/users/me").ok()["id"], user_id.as_str());
    browser.get("/1.0/communities").ok();
    browser.get("/1.0/users").refused(403);
    // What they do is theirs, in the journal too.
    let events = cast.otto.search("/1.0/events", &format!("user:{user_id} name_in:session.created")).clone();
    let told = &records(&events)[0]["extra_infos"];
    let expected = json!({ "authentication_strategy": "password", "request_ip": "127.0.0.1", "user_id": user_id });
    assert_eq!(told, &expected);

    let mut stolen = browser.clone();
    assert_eq!(browser.delete("/session").ok(), json!({ "logout_url": null }));
    assert!(browser.cookie.is_empty());
    browser.get("/session").refused(401);
    assert_eq!(stolen.get("/session/options").ok()["signed_in"], false);
    browser.delete("/session").ok();
    for path in ["/session", "/1.0/users/me"] {
        stolen.clone().get(path).refused(401);
    }
    let events = cast.otto.search("/1.0/events", &format!("user:{user_id} name_in:session.destroyed"));
    assert_eq!(records(&events).len(), 1);
    // The secret of a session is no access token.
    let mut browser = Browser::at(&cast.server);
    browser.sign_in(&email, PASSWORD).ok();
    let secret = browser.cookie.split_once('=').expect("a secret").1;
    cast.server.send(&Request::new("GET", "/1.0/users/me").token(secret)).refused(401);
    cast.server.send(&Request::new("GET", &format!("/1.0/users/me?access_token={secret}"))).refused(401);
    // A token that comes along wins.
    let mine = browser.send(Request::new("GET", "/1.0/users/me").token(&cast.ada.token));
    assert_eq!(mine.ok()["id"], cast.ada.user_id.as_str());
}

fn a_cookie_alone_is_worth_nothing(engine: Engine) {
    let cast = Cast::shared(engine);
    let (user_id, email) = somebody(&cast, &["create_community", "read_community", "impersonate_user"], PASSWORD);
    let mut browser = Browser::at(&cast.server);
    browser.sign_in(&email, PASSWORD).ok();
    let community = json!({ "type": "sdk", "name": "Made here" });
    browser.post("/1.0/communities", &community).ok();
    let count = |cast: &Cast| cast.otto.get("/1.0/communities").ok()["count"].clone();
    let before = count(&cast);

    // A form, an image, a link, a script of another site: each brings the cookie.
    let form = Request::new("POST", "/1.0/communities").form(&[("type", "sdk"), ("name", "Forged")]);
    browser.send_as_any_page(form.clone()).refused(401);
    browser.send_as_any_page(form.header("Origin", "https://evil.example.net")).refused(401);
    let plain = Request::new("POST", "/1.0/communities").body("text/plain", community.to_string());
    browser.send_as_any_page(plain).refused(401);
    browser.send_as_any_page(Request::new("GET", "/1.0/users/me")).refused(401);
    browser.send_as_any_page(Request::new("GET", "/1.0/users/me?X-Frontdesk-Console=1")).refused(401);
    for (name, value) in [
        ("Origin", "https://evil.example.net"),
        ("Origin", "null"),
        ("Origin", "http://desk.example.evil.example.net"),
        ("Origin", "http://desk.example:81"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ] {
        let forged = Request::new("POST", "/1.0/communities").json(&community).header(name, value);
        browser.send(forged).refused(401);
    }
    // Files as well.
    let file = "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nHello\r\n--XX--\r\n";
    let upload = Request::new("POST", "/1.0/attachments").body("multipart/form-data; boundary=XX", file);
    browser.send_as_any_page(upload.clone()).refused(401);
    let path = format!("/attachments/{}", id(&browser.send(upload).ok()));
    assert_eq!(browser.get(&path).text(), "Hello");
    browser.send_as_any_page(Request::new("GET", &path)).refused(401);
    // Nobody gets leave to send the header from elsewhere.
    let preflight = Request::new("OPTIONS", "/1.0/communities")
        .header("Origin", "https://evil.example.net")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "x-frontdesk-console");
    let preflight = browser.send_as_any_page(preflight);
    assert!(preflight.header("access-control-allow-origin").is_none() && preflight.status >= 400, "{preflight:?}");
    assert_eq!(count(&cast), before);

    // Signing others in and out is no matter of other sites either.
    let body = json!({ "email": email, "password": PASSWORD });
    for request in [
        Request::new("POST", "/session").json(&body),
        Request::new("POST", "/session").body("text/plain", body.to_string()),
        Request::new("DELETE", "/session"),
    ] {
        browser.send_as_any_page(request.clone()).refused(403);
        browser.send(request.header("Origin", "https://evil.example.net")).refused(403);
    }
    browser.send(Request::new("POST", "/session").body("text/plain", body.to_string())).refused(415);
    assert_eq!(browser.get("/1.0/users/me").ok()["id"], user_id.as_str());
    // From a page of ours it works.
    let own = Request::new("POST", "/1.0/communities").json(&community).header("Origin", "http://desk.example");
    browser.send(own).ok();
}

fn a_websocket_is_opened_by_pages_of_this_server_only(engine: Engine) {
    let cast = Cast::shared(engine);
    let (_, email) = somebody(&cast, &[], PASSWORD);
    let mut browser = Browser::at(&cast.server);
    browser.sign_in(&email, PASSWORD).ok();
    let (address, cookie) = (cast.server.address(), ("Cookie", browser.cookie.as_str()));
    let open = |transport, headers: &[(&str, &str)]| {
        Stream::open(address, transport, "", &[&[cookie], headers].concat()).expect("an answer")
    };
    let own = format!("http://localhost:{}", address.port());
    for origin in [own.as_str(), "http://desk.example"] {
        let mut stream = open(Transport::WebSocket, &[("Origin", origin)]).expect("a stream");
        assert!(matches!(stream.hear(Duration::from_secs(20)), Heard::Message(_)));
    }
    for origin in [
        "https://evil.example.net",
        "null",
        "",
        "http://desk.example.evil.example.net",
        "http://evil-desk.example",
        "http://desk.example:8080",
        "file://",
    ] {
        let refusal = open(Transport::WebSocket, &[("Origin", origin)]).err().expect(origin);
        assert_eq!(refusal.status, 401, "{origin}");
    }
    assert_eq!(open(Transport::WebSocket, &[]).err().expect("no origin").status, 401);
    // Server-sent events, by a script that can send headers.
    assert!(open(Transport::Events, &[("X-Frontdesk-Console", "1")]).is_ok());
    assert_eq!(open(Transport::Events, &[("Origin", &own)]).err().expect("no header").status, 401);
}

fn a_session_ends_with_what_it_was_begun_by(engine: Engine) {
    let cast = Cast::shared(engine);
    type Change = fn(&Cast, &str);
    let changes: [(&str, Change); 4] = [
        ("another password", |cast, path| {
            cast.otto.put(path, &json!({ "password": "another horse" })).ok();
        }),
        ("no password", |cast, path| {
            cast.otto.put(path, &json!({ "no_password": true })).ok();
        }),
        ("disabled", |cast, path| {
            cast.otto.put(path, &json!({ "enabled": false })).ok();
            cast.otto.put(path, &json!({ "enabled": true })).ok();
        }),
        ("deleted", |cast, path| {
            cast.otto.delete(path).ok();
        }),
    ];
    for (what, change) in changes {
        let (user_id, email) = somebody(&cast, &[], PASSWORD);
        let mut browser = Browser::at(&cast.server);
        browser.sign_in(&email, PASSWORD).ok();
        let mut streams: Vec<Stream> = TRANSPORTS
            .iter()
            .map(|transport| {
                let headers = [
                    ("Cookie", browser.cookie.as_str()),
                    ("X-Frontdesk-Console", "1"),
                    ("Origin", "http://desk.example"),
                ];
                Stream::open(cast.server.address(), *transport, "", &headers).expect("an answer").expect("a stream")
            })
            .collect();
        let path = format!("/1.0/users/{user_id}");
        cast.otto.put(&path, &json!({ "firstname": "Other" })).ok();
        browser.get("/1.0/users/me").ok();
        change(&cast, &path);
        browser.get("/1.0/users/me").refused(401);
        browser.get("/session").refused(401);
        for stream in &mut streams {
            let deadline = Instant::now() + Duration::from_secs(20);
            loop {
                assert!(Instant::now() < deadline, "{what}: the stream goes on");
                match stream.hear(Duration::from_secs(5)) {
                    Heard::Message(message) if message["type"] == "end" => {
                        assert_eq!(message["error"], "invalid_access_token", "{what}");
                        break;
                    }
                    Heard::Closed(_) => break,
                    _ => {}
                }
            }
        }
    }
}

fn a_sign_in_never_takes_over_what_the_browser_brought(engine: Engine) {
    let cast = Cast::shared(engine);
    let (_, email) = somebody(&cast, &[], PASSWORD);
    let planted = format!("frontdesk={}", "ab".repeat(32));
    let mut browser = Browser::at(&cast.server);
    browser.cookie = planted.clone();
    browser.sign_in(&email, PASSWORD).ok();
    assert_ne!(browser.cookie, planted);
    let mut mallory = Browser::at(&cast.server);
    mallory.cookie = planted;
    mallory.get("/1.0/users/me").refused(401);
    // The session from before ends when its browser begins another.
    let mut before = browser.clone();
    browser.sign_in(&email, PASSWORD).ok();
    assert_ne!(browser.cookie, before.cookie);
    before.get("/1.0/users/me").refused(401);
    browser.get("/1.0/users/me").ok();
    assert_eq!(browser.get("/1.0/sessions").ok()["count"], 1);
}

fn guesses_are_limited_and_tell_nothing(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let (ada_id, ada) = somebody(&cast, &[], PASSWORD);
    let (disabled_id, disabled) = somebody(&cast, &[], PASSWORD);
    cast.otto.put(&format!("/1.0/users/{disabled_id}"), &json!({ "enabled": false })).ok();
    let without = cast.hire(&[]);
    let without = cast.otto.get(&format!("/1.0/users/{}", without.user_id)).ok()["email"].clone();
    let without = without.as_str().expect("an e-mail").to_owned();

    // Everything that is wrong looks the same, and takes as long.
    let mut fastest: BTreeMap<&str, Duration> = BTreeMap::new();
    let mut answers = Vec::new();
    for _ in 0..5 {
        for email in [ada.as_str(), "nobody@example.com", disabled.as_str(), without.as_str()] {
            let started = Instant::now();
            let answer = Browser::at(&cast.server).sign_in(email, "a wrong guess");
            let took = started.elapsed();
            answers.push(answer.refused(401));
            let best = fastest.entry(if email == ada { "known" } else { email }).or_insert(took);
            *best = took.min(*best);
        }
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let known = fastest["known"];
    for (who, took) in &fastest {
        // Hashing takes fifty times as long as the rest: whoever left it out would answer far sooner, on any machine.
        assert!(*took * 10 > known, "{who}: {took:?}, a known account {known:?}");
    }
    // The right password of who may not sign in tells no more.
    assert_eq!(Browser::at(&cast.server).sign_in(&disabled, PASSWORD).refused(401), answers[0]);

    // Many at once are not more than the limit. Five were counted above, and what succeeds wipes them out.
    Browser::at(&cast.server).sign_in(&ada, PASSWORD).ok();
    let refused = || {
        let q = "name_in:session.created";
        cast.otto.search("/1.0/events", q)["count"].clone()
    };
    let begun = refused();
    let guesses: Vec<_> = (0..40)
        .map(|number| {
            let (mut browser, email) = (Browser::at(&cast.server), ada.clone());
            std::thread::spawn(move || browser.sign_in(&email, &format!("guess {number}")).status)
        })
        .collect();
    let statuses: Vec<u16> = guesses.into_iter().map(|guess| guess.join().expect("an answer")).collect();
    let evaluated = statuses.iter().filter(|status| **status == 401).count();
    assert_eq!((evaluated, statuses.iter().filter(|status| **status == 429).count()), (10, 30), "{statuses:?}");
    assert_eq!(refused(), begun);
    let answer = Browser::at(&cast.server).sign_in(&ada, PASSWORD);
    assert_eq!(answer.refused(429)["error"], "rate_limit_exceeded");
    let wait: u64 = answer.header("retry-after").expect("a time").parse().expect("seconds");
    assert!((1..=900).contains(&wait));
    // An account that does not exist is limited alike, and others are free.
    let statuses: Vec<u16> =
        (0..12).map(|_| Browser::at(&cast.server).sign_in("nobody2@example.com", "guess").status).collect();
    assert_eq!(statuses, [[401; 10].as_slice(), &[429; 2]].concat());
    let (_, bo) = somebody(&cast, &[], PASSWORD);
    Browser::at(&cast.server).sign_in(&bo, PASSWORD).ok();
    // After a while it begins anew.
    cast.server.sql("UPDATE sign_in_attempts SET since = since - 901000000");
    Browser::at(&cast.server).sign_in(&ada, PASSWORD).ok();
    // Of one address, too many on ever new accounts.
    let statuses: Vec<u16> = (0..101)
        .map(|number| Browser::at(&cast.server).sign_in(&format!("new{number}@example.com"), "guess").status)
        .collect();
    assert_eq!(statuses, [[401; 100].as_slice(), &[429]].concat());
    let log = cast.otto.search("/1.0/events", &format!("user:{ada_id}"));
    assert!(!log.to_string().contains("guess"));
}

fn a_session_ends_when_it_is_idle_and_when_it_is_old(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let (_, email) = somebody(&cast, &[], PASSWORD);
    let settings = json!({ "session_timeout": 5, "session_lifetime": 60 });
    let set = cast.otto.put("/1.0/settings?extended=true", &settings).ok();
    assert_eq!(set["session_lifetime"], 60);
    let none = cast.otto.put("/1.0/settings", &json!({ "session_lifetime": 0 }));
    assert_eq!(none.invalid(), ["session_lifetime"]);
    let moved = |column: &str, seconds: i64| {
        cast.server.sql(&format!("UPDATE sessions SET {column} = {column} - {}", seconds * 1_000_000));
    };
    let begin = || {
        let mut browser = Browser::at(&cast.server);
        let answer = browser.sign_in(&email, PASSWORD);
        assert!(answer.header("set-cookie").expect("a cookie").contains("Max-Age=3600;"));
        browser
    };
    let mut idle = begin();
    moved("seen_at", 299);
    idle.get("/1.0/users/me").ok();
    let mut idle = begin();
    moved("seen_at", 301);
    idle.get("/1.0/users/me").refused(401);
    idle.get("/session").refused(401);
    // Being used helps against the one, not against the other.
    let mut old = begin();
    old.get("/1.0/users/me").ok();
    moved("created_at", 3_599);
    old.get("/1.0/users/me").ok();
    moved("created_at", 2);
    old.get("/1.0/users/me").refused(401);
    // They go by themselves.
    let ended = "name_in:session.destroyed";
    eventually("sessions end by themselves", || {
        (cast.otto.search("/1.0/events", ended)["count"].as_i64()? >= 2).then_some(())
    });
}

fn own_sessions_are_listed_and_ended(engine: Engine) {
    let cast = Cast::shared(engine);
    let (_, email) = somebody(&cast, &[], PASSWORD);
    let (mut desk, mut phone) = (Browser::at(&cast.server), Browser::at(&cast.server));
    desk.sign_in(&email, PASSWORD).ok();
    let request = Request::new("POST", "/session").json(&json!({ "email": email, "password": PASSWORD }));
    phone.send(request.header("User-Agent", "Phone\u{9} 1.0")).ok();
    let list = desk.get("/1.0/sessions").ok();
    let listed: Vec<(bool, &str)> = records(&list)
        .iter()
        .map(|one| (one["current"] == true, one["browser"].as_str().expect("a browser")))
        .collect();
    assert_eq!(listed, [(false, "Phone 1.0"), (true, "")]);
    assert_eq!(records(&list)[0]["address"], "127.0.0.1");
    let path = format!("/1.0/sessions/{}", id(&records(&list)[0]));
    // Nobody else reaches it.
    let mut other = Browser::at(&cast.server);
    let (_, mallory) = somebody(&cast, &["update_user"], PASSWORD);
    other.sign_in(&mallory, PASSWORD).ok();
    other.delete(&path).refused(404);
    assert_eq!(other.get("/1.0/sessions").ok()["count"], 1);
    cast.otto.delete(&path).refused(404);
    desk.delete(&path).ok();
    desk.delete(&path).refused(404);
    phone.get("/1.0/users/me").refused(401);
    desk.get("/1.0/users/me").ok();
    // There is an end to how many one may have.
    let mut first = desk;
    for _ in 0..20 {
        Browser::at(&cast.server).sign_in(&email, PASSWORD).ok();
    }
    first.get("/1.0/users/me").refused(401);
}

fn what_cannot_be_read_is_refused(engine: Engine) {
    let cast = Cast::shared(engine);
    let mut browser = Browser::at(&cast.server);
    for (body, status) in [
        (json!({}), 400),
        (json!([]), 400),
        (json!({ "email": 1, "password": "x" }), 400),
        (json!({ "email": "a@b.c" }), 400),
        (json!({ "email": ["a"], "password": { "x": 1 } }), 400),
        (json!({ "email": "", "password": "" }), 401),
        (json!({ "email": "a\u{0}@b.c", "password": "\u{0}" }), 401),
        (json!({ "email": "a@b.c", "password": "x".repeat(10_000) }), 401),
        (json!({ "email": "x".repeat(10_000), "password": "x" }), 401),
        (json!({ "email": "a@b.c", "password": "x".repeat(20_000) }), 413),
    ] {
        let answer = browser.post("/session", &body);
        assert_eq!(answer.status, status, "{:.80} {}", body.to_string(), answer.text());
        assert!(!answer.text().contains("xxxx"));
    }
    for body in ["", "{", "null", "\u{0}", "{\"email\":\"\\ud800\"}"] {
        browser.send(Request::new("POST", "/session").body("application/json", body)).refused(400);
    }
    browser.put("/session", &json!({})).refused(404);
    browser.get("/session/nothing").refused(404);
    for cookie in
        ["frontdesk=", "frontdesk=zz", "frontdesk=\u{e9}", "=;;=;", &format!("frontdesk={}", "a".repeat(5_000))]
    {
        let mut odd = Browser::at(&cast.server);
        odd.cookie = cookie.into();
        odd.get("/1.0/users/me").refused(401);
        odd.get("/session").refused(401);
        odd.delete("/session").ok();
    }
    let _: Value = browser.get("/session/options").ok();
}

fn over_tls_the_cookie_is_for_this_host_alone(engine: Engine) {
    let server = Launch::new(engine).with(&["--public-url", "https://desk.example.com"]).start();
    let first = server.first_sign_in().clone();
    let mut browser = Browser::at(&server);
    let answer = browser.sign_in(&first.email, &first.password);
    answer.ok();
    let cookie = answer.header("set-cookie").expect("a cookie");
    assert!(cookie.starts_with("__Host-frontdesk=") && cookie.ends_with("; SameSite=Strict; Secure"), "{cookie}");
    browser.send(Request::new("GET", "/1.0/users/me").header("Origin", "https://desk.example.com")).ok();
    // The name that needs no TLS is nothing here.
    browser.cookie = browser.cookie.replace("__Host-", "");
    browser.get("/1.0/users/me").refused(401);
}
