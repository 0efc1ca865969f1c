//! Single sign-on by OpenID Connect: whom a provider vouches for, in the browser that began, and nobody else.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use frontdesk_tests::browser::somebody;
use frontdesk_tests::cast::unique;
use frontdesk_tests::clock::seconds_after;
use frontdesk_tests::http::{Request, encode};
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::provider::{CLIENT_ID, CLIENT_SECRET};
use frontdesk_tests::{Answer, Browser, Cast, Engine, FakeProvider};
use serde_json::{Value, json};

on_both_engines![
    who_a_provider_vouches_for_comes_in_and_leaves_there_too,
    only_what_the_provider_signed_for_this_sign_in_is_believed,
    a_sign_in_counts_in_the_browser_that_began_it_and_once,
    users_are_linked_and_made_only_where_that_is_allowed,
    a_provider_in_trouble_is_asked_once_for_all,
    how_it_is_set_is_checked,
];

/// What is sent in place of a token.
type Forgery = Box<dyn Fn(&str) -> String + Send + Sync>;

const PATH: &str = "/1.0/single_sign_on/openid";

fn with_provider(engine: Engine) -> (Cast, FakeProvider) {
    let cast = Cast::start(engine, &["--allow-outbound", "127.0.0.0/8"]);
    let provider = FakeProvider::start();
    let settings = json!({ "enabled": true, "issuer": provider.issuer(), "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET, "name": "The company" });
    let shown = cast.otto.put(PATH, &settings).ok();
    assert_eq!((&shown["enabled"], &shown["has_client_secret"]), (&json!(true), &json!(true)));
    assert!(!shown.to_string().contains("with/marks"), "{shown}");
    (cast, provider)
}

/// A browser on its way: where it was sent, and the cookie of its sign-in.
struct OnTheWay {
    sent_to: String,
    cookie: String,
}

#[track_caller]
fn begin(cast: &Cast, return_to: &str) -> OnTheWay {
    let target = format!("/session/openid?return_to={}", encode(return_to));
    let away = Browser::at(&cast.server).send_as_any_page(Request::new("GET", &target));
    assert_eq!(away.status, 303, "{}", away.text());
    let cookie = away.header("set-cookie").expect("a cookie");
    assert!(cookie.contains("Path=/users/auth/openid/callback; Max-Age=600; HttpOnly; SameSite=Lax"), "{cookie}");
    let sent_to = away.header("location").expect("a place").to_owned();
    OnTheWay { sent_to, cookie: cookie.split(';').next().expect("a pair").to_owned() }
}

/// Opens what the provider has sent the browser to, with the cookie that it has.
#[track_caller]
fn come_back(cast: &Cast, cookie: &str, target: &str) -> Answer {
    let mut browser = Browser::at(&cast.server);
    cookie.clone_into(&mut browser.cookie);
    browser.send_as_any_page(Request::new("GET", target).header("Sec-Fetch-Site", "cross-site"))
}

/// The session that was given.
fn session_of(cast: &Cast, answer: &Answer) -> Option<Browser> {
    let given = answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    let cookie = given
        .map(|(_, value)| value.split(';').next().expect("a pair"))
        .find(|pair| pair.starts_with("frontdesk=") && *pair != "frontdesk=")?;
    let mut browser = Browser::at(&cast.server);
    cookie.clone_into(&mut browser.cookie);
    Some(browser)
}

/// Somebody signs in at the provider, and comes back.
#[track_caller]
fn sign_in(cast: &Cast, provider: &FakeProvider, person: &Value) -> Answer {
    let way = begin(cast, "/");
    let back = provider.sign_in(&way.sent_to, person);
    come_back(cast, &way.cookie, &back)
}

#[track_caller]
fn fault_of(cast: &Cast, answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.text());
    assert!(session_of(cast, answer).is_none(), "{:?}", answer.headers);
    let to = answer.header("location").expect("a place");
    to.strip_prefix("/?error=").unwrap_or_else(|| panic!("no fault: {to}")).to_owned()
}

/// A user whom the provider knows.
fn known(cast: &Cast) -> (String, Value) {
    let (person, subject) = (cast.hire(&["read_community"]), unique("subject-"));
    let path = format!("/1.0/users/{}/openid_subject", person.user_id);
    let set = cast.otto.put(&path, &json!({ "openid_subject": subject })).ok();
    assert_eq!(set["openid_subject"], subject.as_str());
    assert_eq!(cast.otto.get(&path).ok(), set);
    (person.user_id, json!({ "sub": subject }))
}

fn who_a_provider_vouches_for_comes_in_and_leaves_there_too(engine: Engine) {
    let (cast, provider) = with_provider(engine);
    let (user_id, person) = known(&cast);
    let options = Browser::at(&cast.server).get("/session/options").ok();
    let way = json!([{ "kind": "openid", "name": "The company", "start": "/session/openid" }]);
    assert_eq!((&options["single_sign_on"], &options["password"]), (&way, &json!(true)));
    let way = begin(&cast, "/threads/7?a=b");
    let back = provider.sign_in(&way.sent_to, &person);
    let answer = come_back(&cast, &way.cookie, &back);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/threads/7?a=b")), "{}", answer.text());
    let mut browser = session_of(&cast, &answer).expect("a session");
    assert_eq!(browser.get("/1.0/users/me").ok()["id"], user_id.as_str());
    assert_eq!(browser.get("/session").ok()["session"]["method"], "openid");
    let events = cast.otto.search("/1.0/events", &format!("user:{user_id} name_in:session.created"));
    assert_eq!(events["count"], 1);
    // What the provider said of itself is kept.
    sign_in(&cast, &provider, &person);
    let asked = provider.asked();
    assert_eq!(asked, ["/.well-known/openid-configuration", "/token", "/keys", "/userinfo", "/token", "/userinfo"]);
    // Who came that way leaves here, and there only where that is wanted.
    assert_eq!(browser.delete("/session").ok()["logout_url"], Value::Null);
    cast.otto.put(PATH, &json!({ "sign_out_there": true })).ok();
    let mut browser = session_of(&cast, &sign_in(&cast, &provider, &person)).expect("a session");
    let logout = browser.delete("/session").ok()["logout_url"].as_str().expect("a place").to_owned();
    let own = format!("http://localhost:{}/login", cast.server.address().port());
    assert_eq!(
        logout,
        format!("{}/logout?client_id=desk+%26+co&post_logout_redirect_uri={}", provider.issuer(), encode(&own))
    );
    // A client whose secret goes into the form, and keys that are changed while it runs.
    provider.describe("token_endpoint_auth_methods_supported", json!(["client_secret_post"]));
    provider.rotate();
    let port = cast.server.address().port();
    let again = Cast::start(engine, &["--allow-outbound", "127.0.0.0/8"]);
    assert_ne!(port, again.server.address().port());
    let settings =
        json!({ "enabled": true, "issuer": provider.issuer(), "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET });
    again.otto.put(PATH, &settings).ok();
    let (_, other) = known(&again);
    assert!(session_of(&again, &sign_in(&again, &provider, &other)).is_some());
    provider.rotate();
    assert!(session_of(&again, &sign_in(&again, &provider, &other)).is_some(), "the new key is asked for");
    provider.require_no_faults();
    // The sessions of who is disabled end, and no others begin.
    cast.otto.put(&format!("/1.0/users/{user_id}"), &json!({ "enabled": false })).ok();
    provider.describe("token_endpoint_auth_methods_supported", Value::Null);
    assert_eq!(fault_of(&cast, &sign_in(&cast, &provider, &person)), "user_not_found");
    // Off, it is not there.
    cast.otto.put(PATH, &json!({ "enabled": false })).ok();
    Browser::at(&cast.server).send_as_any_page(Request::new("GET", "/session/openid")).refused(404);
}

fn only_what_the_provider_signed_for_this_sign_in_is_believed(engine: Engine) {
    let (cast, provider) = with_provider(engine);
    let (_, person) = known(&cast);
    assert!(session_of(&cast, &sign_in(&cast, &provider, &person)).is_some());
    let now = seconds_after(0);
    for (name, value, fault) in [
        ("iss", json!("http://127.0.0.1:1/realm"), "token_invalid"),
        ("iss", json!(null), "token_invalid"),
        ("aud", json!("another"), "token_invalid"),
        ("aud", json!([CLIENT_ID, "another"]), "token_invalid"),
        ("azp", json!("another"), "token_invalid"),
        ("nonce", json!("another"), "token_invalid"),
        ("nonce", json!(null), "token_invalid"),
        ("iat", json!(now + 120), "token_invalid"),
        ("exp", json!(now - 60), "token_expired"),
        ("sub", json!(""), "token_invalid"),
    ] {
        let told = value.clone();
        provider.lie(Some(Arc::new(move |payload: &mut Value| payload[name] = told.clone())));
        assert_eq!(fault_of(&cast, &sign_in(&cast, &provider, &person)), fault, "{name} {value}");
    }
    provider.lie(None);
    let payload_of = |token: &str| token.split('.').nth(1).expect("a payload").to_owned();
    let header = |header: &Value| URL_SAFE_NO_PAD.encode(header.to_string());
    let none = header(&json!({ "alg": "none" }));
    let shared = header(&json!({ "alg": "HS256" }));
    let stranger = FakeProvider::start();
    let forgeries: [(&str, Forgery); 5] = [
        ("none", Box::new(move |token| format!("{none}.{}.", payload_of(token)))),
        (
            "a shared secret",
            Box::new(move |token| {
                let signed = format!("{shared}.{}", payload_of(token));
                let tag = ring::hmac::sign(
                    &ring::hmac::Key::new(ring::hmac::HMAC_SHA256, CLIENT_SECRET.as_bytes()),
                    signed.as_bytes(),
                );
                format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
            }),
        ),
        (
            "another key",
            Box::new(move |token| {
                let read = |at: usize| {
                    let part = URL_SAFE_NO_PAD.decode(token.split('.').nth(at).expect("a part")).expect("base64");
                    serde_json::from_slice::<Value>(&part).expect("JSON")
                };
                stranger.sign(&read(0), &read(1))
            }),
        ),
        ("cut", Box::new(|token| token.rsplit_once('.').expect("a signature").0.to_owned())),
        ("no token", Box::new(|_| "x".repeat(20_000))),
    ];
    for (name, forgery) in forgeries {
        provider.forge(Some(Arc::from(forgery)));
        assert_eq!(fault_of(&cast, &sign_in(&cast, &provider, &person)), "token_invalid", "{name}");
    }
    provider.forge(None);
    assert!(session_of(&cast, &sign_in(&cast, &provider, &person)).is_some());
}

fn a_sign_in_counts_in_the_browser_that_began_it_and_once(engine: Engine) {
    let (cast, provider) = with_provider(engine);
    let (user_id, person) = known(&cast);
    let (way, other) = (begin(&cast, "/"), begin(&cast, "/"));
    assert_ne!(way.cookie, other.cookie);
    let back = provider.sign_in(&way.sent_to, &person);
    let (head, state) = back.split_once("&state=").expect("a state");
    let others = format!(
        "{}={}",
        way.cookie.split_once('=').expect("a name").0,
        other.cookie.split_once('=').expect("a value").1
    );
    for (cookie, target) in [
        // Another browser, another sign-in of this browser, and none of ours.
        (String::new(), back.clone()),
        (other.cookie.clone(), back.clone()),
        (others, back.clone()),
        (format!("{}x", way.cookie), back.clone()),
        (way.cookie.clone(), head.to_owned()),
        (way.cookie.clone(), format!("{head}&state=")),
        (way.cookie.clone(), format!("{head}&state={state}x")),
        (way.cookie.clone(), format!("{head}&state=%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9")),
        (way.cookie.clone(), format!("{head}&state={}", &state[..8])),
    ] {
        assert_eq!(fault_of(&cast, &come_back(&cast, &cookie, &target)), "sign_in_expired", "{target}");
    }
    assert!(!provider.asked().contains(&"/token".to_owned()), "no code is spent on what is not ours");
    let done = come_back(&cast, &way.cookie, &back);
    let mut browser = session_of(&cast, &done).expect("a session");
    assert_eq!(browser.get("/1.0/users/me").ok()["id"], user_id.as_str());
    let gone = done.headers.iter().any(|(_, value)| value.contains("Max-Age=0") && value.contains("openid/callback"));
    assert!(gone, "{:?}", done.headers);
    assert_eq!(fault_of(&cast, &come_back(&cast, &way.cookie, &back)), "sign_in_expired", "once");
    // Codes of other sign-ins, of other providers, and refusals.
    let code = provider.sign_in(&begin(&cast, "/").sent_to, &person);
    let code = code.split_once("&state=").expect("a state").0;
    let state = |way: &OnTheWay| {
        let text = way.sent_to.split_once("state=").expect("a state").1;
        text.split('&').next().expect("a state").to_owned()
    };
    let injected = begin(&cast, "/");
    let target = format!("{code}&state={}", state(&injected));
    assert_eq!(fault_of(&cast, &come_back(&cast, &injected.cookie, &target)), "sign_in_refused");
    for (more, fault) in [
        ("code=x&iss=https%3A%2F%2Fevil.example.net", "token_invalid"),
        ("error=access_denied", "sign_in_refused"),
        ("code=", "sign_in_refused"),
        ("code=unknown", "sign_in_refused"),
    ] {
        let way = begin(&cast, "/");
        let target = format!("/users/auth/openid/callback?{more}&state={}", state(&way));
        assert_eq!(fault_of(&cast, &come_back(&cast, &way.cookie, &target)), fault, "{more}");
    }
    // Nobody is sent to other places.
    for place in ["https://evil.example.net/", "//evil.example.net", "/\\evil.example.net", "javascript:alert(1)"] {
        let way = begin(&cast, place);
        let back = provider.sign_in(&way.sent_to, &person);
        assert_eq!(come_back(&cast, &way.cookie, &back).header("location"), Some("/"), "{place}");
    }
}

fn users_are_linked_and_made_only_where_that_is_allowed(engine: Engine) {
    let (cast, provider) = with_provider(engine);
    let (user_id, email) = somebody(&cast, &[], "correct horse battery");
    let claims = |email: &str, verified: bool| json!({ "sub": unique("subject-"), "email": email, "email_verified": verified, "given_name": "Grace", "family_name": "Hopper" });
    let ada = claims(&email, true);
    assert_eq!(fault_of(&cast, &sign_in(&cast, &provider, &ada)), "user_not_found");
    cast.otto.put(PATH, &json!({ "match_by_email": true })).ok();
    assert_eq!(fault_of(&cast, &sign_in(&cast, &provider, &claims(&email, false))), "user_not_found");
    let mut browser = session_of(&cast, &sign_in(&cast, &provider, &ada)).expect("a session");
    assert_eq!(browser.get("/1.0/users/me").ok()["id"], user_id.as_str());
    // From then on the subject counts: not a new owner of the address, nor another address of theirs.
    assert_eq!(fault_of(&cast, &sign_in(&cast, &provider, &claims(&email, true))), "user_not_found");
    let moved = json!({ "sub": ada["sub"], "email": "moved@example.com", "email_verified": true });
    assert!(session_of(&cast, &sign_in(&cast, &provider, &moved)).is_some());
    let events = cast.otto.search("/1.0/events", &format!("user:{user_id} name_in:user.updated"));
    assert_eq!(events["count"], 1);

    let role = cast.otto.post("/1.0/roles", &json!({ "label": unique("Newcomer "), "search_contents": true })).ok();
    assert_eq!(cast.otto.put(PATH, &json!({ "create_users": true })).invalid(), ["role_id"]);
    assert_eq!(cast.otto.put(PATH, &json!({ "role_id": user_id })).invalid(), ["role_id"]);
    let newcomer = claims(&format!("{}@Example.com", unique("grace-")), true);
    assert_eq!(fault_of(&cast, &sign_in(&cast, &provider, &newcomer)), "user_not_found");
    let allowed = json!({ "create_users": true, "role_id": role["id"], "email_domains": ["example.com"] });
    cast.otto.put(PATH, &allowed).ok();
    for stranger in [claims("grace@example.org", true), claims("grace@example.com", false), json!({ "sub": "7" })] {
        assert_eq!(fault_of(&cast, &sign_in(&cast, &provider, &stranger)), "user_not_found", "{stranger}");
    }
    let mut browser = session_of(&cast, &sign_in(&cast, &provider, &newcomer)).expect("a session");
    let me = browser.get("/1.0/users/me").ok();
    assert_eq!((&me["firstname"], &me["lastname"], &me["role_id"]), (&json!("Grace"), &json!("Hopper"), &role["id"]));
    assert_eq!((&me["email"], &me["no_password"]), (&newcomer["email"], &json!(true)));
    // The same person again is no other, also when many come at once.
    let tries: Vec<Answer> = std::thread::scope(|scope| {
        let once = claims(&format!("{}@example.com", unique("many-")), true);
        let one = |_| {
            let (cast, provider, once) = (&cast, &provider, once.clone());
            scope.spawn(move || sign_in(cast, provider, &once))
        };
        let running: Vec<_> = (0..4).map(one).collect();
        running.into_iter().map(|one| one.join().expect("an answer")).collect()
    });
    let ids: Vec<Value> = tries
        .iter()
        .filter_map(|answer| session_of(&cast, answer))
        .map(|mut browser| browser.get("/1.0/users/me").ok()["id"].clone())
        .collect();
    assert!(ids.len() == 4 && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    // What the token does not say, the provider is asked; about whom it was not, it does not count.
    let quiet = json!({ "sub": unique("subject-"), "userinfo": null });
    let with = |told: Value| {
        let mut quiet = quiet.clone();
        quiet["userinfo"] = told;
        quiet
    };
    let told =
        json!({ "sub": "somebody else", "email": "quiet@example.com", "email_verified": true, "name": "Quiet Person" });
    assert_eq!(fault_of(&cast, &sign_in(&cast, &provider, &with(told.clone()))), "token_invalid");
    let mut right = told;
    right["sub"] = quiet["sub"].clone();
    let mut browser = session_of(&cast, &sign_in(&cast, &provider, &with(right))).expect("a session");
    assert_eq!(browser.get("/1.0/users/me").ok()["lastname"], "Person");
    // Their subject is free again when they are deleted.
    let gone = id(&browser.get("/1.0/users/me").ok());
    cast.otto.delete(&format!("/1.0/users/{gone}")).ok();
    assert_eq!(browser.get("/session").status, 401);
}

fn a_provider_in_trouble_is_asked_once_for_all(engine: Engine) {
    let (cast, provider) = with_provider(engine);
    let issuer = provider.issuer().to_owned();
    let asked = || provider.asked().iter().filter(|path| path.contains("openid-configuration")).count();
    let begin = || Browser::at(&cast.server).send_as_any_page(Request::new("GET", "/session/openid"));
    provider.describe("issuer", json!("https://another.example"));
    let before = asked();
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..8).map(|_| scope.spawn(begin)).collect();
        for one in started {
            assert_eq!(fault_of(&cast, &one.join().expect("an answer")), "provider_unreachable");
        }
    });
    // Whoever comes within seconds of the failure shares it; a slow machine may have asked again after those.
    assert!((1..=2).contains(&(asked() - before)), "{:?}", provider.asked());
    // Nobody has to do anything when it is well again.
    provider.describe("issuer", json!(issuer));
    frontdesk_tests::eventually("people are sent to it again", || {
        begin().header("location").is_some_and(|to| to.starts_with(&issuer)).then_some(())
    });
}

fn how_it_is_set_is_checked(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let otto = &cast.otto;
    let shown = otto.get(PATH).ok();
    assert!(shown["redirect_uri"].as_str().expect("an address").ends_with("/users/auth/openid/callback"));
    assert_eq!(otto.put(PATH, &json!({ "enabled": true })).invalid(), ["issuer", "client_id"]);
    for wrong in [
        "http://id.example.com",
        "https://a:b@id.example.com",
        "https://id.example.com?x=1",
        "https://10.0.0.1",
        "ftp://id.example.com",
        "id.example.com",
        "javascript:alert(1)",
    ] {
        assert_eq!(otto.put(PATH, &json!({ "issuer": wrong })).invalid(), ["issuer"], "{wrong}");
    }
    for wrong in [json!(["example.com/"]), json!(["a@example.com"]), json!(["*"])] {
        assert_eq!(otto.put(PATH, &json!({ "email_domains": wrong })).invalid(), ["email_domains"], "{wrong}");
    }
    // One kind is taken at once; passwords are off as soon as one says so, and an administrator's token is the way back.
    let jwt = json!({ "remote_login_url": "https://id.example.com/login", "default_authentication": true });
    otto.put("/1.0/single_sign_on/jwt", &jwt).ok();
    assert_eq!(otto.put(PATH, &json!({ "default_authentication": true })).invalid(), ["default_authentication"]);
    otto.put("/1.0/single_sign_on/jwt", &json!({ "default_authentication": false })).ok();
    let set = json!({ "enabled": true, "issuer": "https://id.invalid", "client_id": "desk", "non_sso_login": false, "default_authentication": true });
    // Whoever came in by a password is out then, but for who decides it.
    let (_, email) = somebody(&cast, &[], "correct horse battery");
    let mut others = Browser::at(&cast.server);
    others.sign_in(&email, "correct horse battery").ok();
    let first = cast.server.first_sign_in();
    let mut own = Browser::at(&cast.server);
    own.sign_in(&first.email, &first.password).ok();
    own.send(Request::new("PUT", PATH).json(&set)).ok();
    assert_eq!((others.get("/session").status, own.get("/session").status), (401, 200));
    let taken = otto.put("/1.0/single_sign_on/jwt", &json!({ "default_authentication": true })).invalid();
    assert_eq!(taken, ["default_authentication"]);
    let options = Browser::at(&cast.server).get("/session/options").ok();
    assert_eq!((&options["default"], &options["password"]), (&json!("openid"), &json!(false)));
    assert_eq!(
        Browser::at(&cast.server).sign_in(&email, "correct horse battery").refused(403)["error"],
        "single_sign_on_only"
    );
    // A provider that cannot be asked: people are told so.
    let away = Browser::at(&cast.server).send_as_any_page(Request::new("GET", "/session/openid"));
    assert_eq!(fault_of(&cast, &away), "provider_unreachable");
    otto.put(PATH, &json!({ "non_sso_login": true })).ok();
    Browser::at(&cast.server).sign_in(&email, "correct horse battery").ok();
    assert!(records(&otto.search("/1.0/events", "name_in:security.updated")).len() >= 4);
    // Whoever names the provider can become anybody.
    let mallory = cast.hire(&["update_settings", "update_user"]);
    mallory.get(PATH).ok();
    mallory.put(PATH, &json!({ "issuer": "https://evil.example.net" })).refused(403);
    let path = format!("/1.0/users/{}/openid_subject", cast.otto.user_id);
    mallory.put(&path, &json!({ "openid_subject": "mallory" })).refused(403);
    mallory.get(&path).refused(403);
    let own = format!("/1.0/users/{}/openid_subject", mallory.user_id);
    mallory.put(&own, &json!({ "openid_subject": "the boss" })).refused(403);
    let (ada, bo) = (cast.hire(&[]), cast.hire(&[]));
    let of = |user: &str| format!("/1.0/users/{user}/openid_subject");
    otto.put(&of(&ada.user_id), &json!({ "openid_subject": "7" })).ok();
    assert_eq!(otto.put(&of(&bo.user_id), &json!({ "openid_subject": "7" })).invalid(), ["openid_subject"]);
    assert_eq!(otto.put(&of(&bo.user_id), &json!({ "openid_subject": "é" })).invalid(), ["openid_subject"]);
    otto.put(&of(&ada.user_id), &json!({ "openid_subject": "" })).ok();
    otto.put(&of(&bo.user_id), &json!({ "openid_subject": "7" })).ok();
}
