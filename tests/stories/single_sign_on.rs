//! Single sign-on by JWT: who another system vouches for, and who only says so.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use frontdesk_tests::browser::somebody;
use frontdesk_tests::cast::unique;
use frontdesk_tests::clock::seconds_after;
use frontdesk_tests::http::{Request, encode};
use frontdesk_tests::pages::records;
use frontdesk_tests::{Answer, Browser, Cast, Engine};
use ring::hmac;
use serde_json::{Value, json};

on_both_engines![
    who_is_known_elsewhere_comes_in,
    what_is_wrong_with_a_token_is_told_to_the_other_system,
    forged_tokens_let_nobody_in,
    the_modes_are_kept_and_nobody_is_locked_out_by_accident,
    only_who_may_everything_sets_it,
    external_ids_are_an_administrators_once_they_let_people_in,
];

const SECRET: &str = "a shared secret of the two systems";
const LOGIN: &str = "https://id.example.com/login?tenant=7";

fn token_of(algorithm: &str, payload: &Value, secret: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({ "typ": "JWT", "alg": algorithm })), part(payload));
    let kind = match algorithm {
        "HS384" => hmac::HMAC_SHA384,
        "HS512" => hmac::HMAC_SHA512,
        _ => hmac::HMAC_SHA256,
    };
    let tag = hmac::sign(&hmac::Key::new(kind, secret.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn token(external_id: &str) -> String {
    let payload = json!({ "iat": seconds_after(0), "jti": unique("jti-"), "external_id": external_id });
    token_of("HS256", &payload, SECRET)
}

/// Opens the callback as a browser does that another site has sent.
#[track_caller]
fn open(browser: &mut Browser, token: &str, more: &str) -> Answer {
    let request = Request::new("GET", &format!("/users/auth/jwt/callback?jwt={token}{more}"));
    let answer = browser.send_as_any_page(request.header("Sec-Fetch-Site", "cross-site"));
    if let Some(cookie) = answer.header("set-cookie") {
        browser.cookie = cookie.split(';').next().expect("a pair").to_owned();
    }
    answer
}

#[track_caller]
fn error_of(answer: &Answer) -> String {
    assert_eq!((answer.status, answer.header("set-cookie")), (303, None), "{}", answer.text());
    let to = answer.header("location").expect("a place");
    assert!(to.starts_with(&format!("{LOGIN}&error=")), "{to}");
    to.rsplit('=').next().expect("an error").to_owned()
}

fn with_jwt(engine: Engine) -> Cast {
    let cast = Cast::start(engine, &[]);
    let settings = json!({ "enabled": true, "shared_secret": SECRET, "remote_login_url": LOGIN,
        "remote_logout_url": "https://id.example.com/logout" });
    let shown = cast.otto.put("/1.0/single_sign_on/jwt", &settings).ok();
    assert_eq!((&shown["has_shared_secret"], &shown["enabled"]), (&json!(true), &json!(true)));
    assert!(!shown.to_string().contains(SECRET));
    let endpoint = shown["endpoint_url"].as_str().expect("an address");
    assert!(endpoint.starts_with("http://localhost:") && endpoint.ends_with("/users/auth/jwt/callback"), "{endpoint}");
    cast
}

fn external_ids_are_an_administrators_once_they_let_people_in(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let mallory = cast.hire(&["create_user", "read_user", "update_user"]);
    let nina = cast.hire(&[]);
    let role = cast.otto.get(&format!("/1.0/users/{}", nina.user_id)).ok()["role_id"].clone();
    let path = format!("/1.0/users/{}", nina.user_id);
    let create = || {
        let user = json!({ "email": format!("{}@example.com", unique("new")), "firstname": "New", "lastname": "One",
            "role_id": role, "no_password": true, "external_id": unique("external-") });
        mallory.post("/1.0/users", &user)
    };
    mallory.put(&path, &json!({ "external_id": unique("external-") })).ok();
    create().ok();
    cast.otto
        .put("/1.0/single_sign_on/jwt", &json!({ "enabled": true, "shared_secret": SECRET, "remote_login_url": LOGIN }))
        .ok();
    mallory.put(&path, &json!({ "external_id": unique("external-") })).refused(403);
    create().refused(403);
    // What they are known by already may be told again, and all else may be changed.
    let known = cast.otto.get(&path).ok()["external_id"].clone();
    mallory.put(&path, &json!({ "external_id": known, "firstname": "Nina" })).ok();
    cast.otto.put(&path, &json!({ "external_id": unique("external-") })).ok();
}

/// A user with an external id.
fn known(cast: &Cast) -> (String, String) {
    let (person, external_id) = (cast.hire(&["read_community"]), unique("external-"));
    cast.otto.put(&format!("/1.0/users/{}", person.user_id), &json!({ "external_id": external_id })).ok();
    (person.user_id, external_id)
}

fn who_is_known_elsewhere_comes_in(engine: Engine) {
    let cast = with_jwt(engine);
    let (user_id, external_id) = known(&cast);
    let mut browser = Browser::at(&cast.server);
    let options = browser.get("/session/options").ok();
    assert_eq!(
        options["single_sign_on"],
        json!([{ "kind": "jwt", "name": "id.example.com", "start": "/session/jwt" }])
    );
    // Times that a token need not have count when it has them.
    for (name, seconds, error) in [("exp", -60, "token_expired"), ("nbf", 60, "token_invalid")] {
        let mut payload = json!({ "iat": seconds_after(0), "jti": unique("jti-"), "external_id": external_id });
        payload[name] = json!(seconds_after(seconds));
        let back = open(&mut Browser::at(&cast.server), &token_of("HS256", &payload, SECRET), "");
        assert_eq!(error_of(&back), error, "{name}");
    }
    // From here to the other system, and back.
    let away = browser.send_as_any_page(Request::new("GET", "/session/jwt?return_to=%2Fthreads%2F7%3Fa%3Db"));
    let own = format!("http://localhost:{}", cast.server.address().port());
    let wanted = encode(&format!("{own}/threads/7?a=b"));
    assert_eq!((away.status, away.header("location")), (303, Some(format!("{LOGIN}&return_to={wanted}").as_str())));
    let back = open(&mut browser, &token(&external_id), &format!("&return_to={wanted}"));
    assert_eq!((back.status, back.header("location")), (303, Some("/threads/7?a=b")));
    let cookie = back.header("set-cookie").expect("a cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert_eq!(browser.get("/1.0/users/me").ok()["id"], user_id.as_str());
    assert_eq!(browser.get("/session").ok()["session"]["method"], "jwt");
    let events = cast.otto.search("/1.0/events", &format!("user:{user_id} name_in:session.created"));
    assert_eq!(events["count"], 1);
    assert_eq!(records(&events)[0]["extra_infos"]["authentication_strategy"], "jwt");
    // Who came that way leaves that way.
    assert_eq!(browser.delete("/session").ok()["logout_url"], "https://id.example.com/logout");

    for algorithm in ["HS384", "HS512"] {
        let payload = json!({ "iat": seconds_after(0), "jti": unique("jti-"), "external_id": external_id });
        let back = open(&mut Browser::at(&cast.server), &token_of(algorithm, &payload, SECRET), "");
        assert_eq!((back.status, back.header("location")), (303, Some("/")), "{algorithm}");
    }
    // A user may have both, and nobody one of another's, in whichever place.
    let (other_id, of_other) = known(&cast);
    let (path, own) = (format!("/1.0/users/{other_id}/jwt_external_id"), unique("jwt-"));
    assert_eq!(cast.otto.put(&path, &json!({ "jwt_external_id": own })).ok()["jwt_external_id"], own);
    assert_eq!(cast.otto.get(&path).ok()["jwt_external_id"], own);
    for id in [&own, &of_other] {
        open(&mut browser, &token(id), "");
        assert_eq!(browser.get("/1.0/users/me").ok()["id"], other_id.as_str());
    }
    let (user, taken) = (format!("/1.0/users/{user_id}"), format!("/1.0/users/{user_id}/jwt_external_id"));
    for id in [&own, &of_other] {
        assert_eq!(cast.otto.put(&taken, &json!({ "jwt_external_id": id })).invalid(), ["jwt_external_id"]);
        assert_eq!(cast.otto.put(&user, &json!({ "external_id": id })).invalid(), ["external_id"]);
    }
    assert_eq!(cast.otto.put(&path, &json!({ "jwt_external_id": external_id })).invalid(), ["jwt_external_id"]);
    cast.otto.put(&path, &json!({ "jwt_external_id": of_other })).ok();
    cast.otto.put(&path, &json!({ "jwt_external_id": "" })).ok();
    open(&mut browser, &token(&external_id), "");
    assert_eq!(browser.get("/1.0/users/me").ok()["id"], user_id.as_str());
    // A password has nothing to do with it, and its sessions do not leave through the other system.
    let (_, email) = somebody(&cast, &[], "correct horse battery");
    browser.sign_in(&email, "correct horse battery").ok();
    assert_eq!(browser.delete("/session").ok()["logout_url"], Value::Null);
}

fn what_is_wrong_with_a_token_is_told_to_the_other_system(engine: Engine) {
    let cast = with_jwt(engine);
    let (user_id, external_id) = known(&cast);
    let mut browser = Browser::at(&cast.server);
    let mut said = |payload: Value| error_of(&open(&mut browser, &token_of("HS256", &payload, SECRET), ""));
    let (now, id) = (seconds_after(0), external_id.as_str());
    assert_eq!(said(json!({ "iat": now - 320, "jti": unique("j"), "external_id": id })), "token_expired");
    assert_eq!(said(json!({ "iat": now + 60, "jti": unique("j"), "external_id": id })), "token_invalid");
    for missing in ["iat", "jti", "external_id"] {
        let mut payload = json!({ "iat": now, "jti": unique("j"), "external_id": id });
        payload[missing] = json!("");
        assert_eq!(said(payload.clone()), "token_missing_attribute", "{missing}");
        payload.as_object_mut().expect("an object").remove(missing);
        assert_eq!(said(payload), "token_missing_attribute", "{missing}");
    }
    assert_eq!(said(json!({ "iat": now, "jti": unique("j"), "external_id": "nobody" })), "user_not_found");
    // The same again, also with another user in it, and many at once.
    let once = token(id);
    assert_eq!(open(&mut Browser::at(&cast.server), &once, "").header("location"), Some("/"));
    assert_eq!(error_of(&open(&mut Browser::at(&cast.server), &once, "")), "token_replay");
    let jti = unique("jti-");
    let tries: Vec<_> = (0..8)
        .map(|_| {
            let payload = json!({ "iat": now, "jti": jti, "external_id": id });
            let (mut browser, token) = (Browser::at(&cast.server), token_of("HS256", &payload, SECRET));
            std::thread::spawn(move || open(&mut browser, &token, "").header("set-cookie").is_some())
        })
        .collect();
    assert_eq!(tries.into_iter().map(|one| usize::from(one.join().expect("an answer"))).sum::<usize>(), 1);
    // Who is disabled or deleted is nobody.
    let path = format!("/1.0/users/{user_id}");
    cast.otto.put(&path, &json!({ "enabled": false })).ok();
    assert_eq!(error_of(&open(&mut Browser::at(&cast.server), &token(id), "")), "user_not_found");
}

fn forged_tokens_let_nobody_in(engine: Engine) {
    let cast = with_jwt(engine);
    let (_, external_id) = known(&cast);
    let payload = json!({ "iat": seconds_after(0), "jti": unique("jti-"), "external_id": external_id });
    let right = token_of("HS256", &payload, SECRET);
    let (signed, _) = right.rsplit_once('.').expect("a signature");
    let other =
        URL_SAFE_NO_PAD.encode(json!({ "iat": seconds_after(0), "jti": "x", "external_id": "admin" }).to_string());
    let mut parts: Vec<&str> = right.split('.').collect();
    parts[1] = &other;
    for forged in [
        String::new(),
        "x".into(),
        signed.to_owned(),
        format!("{signed}."),
        format!("{right}x"),
        parts.join("."),
        token_of("none", &payload, ""),
        token_of("None", &payload, SECRET),
        token_of("RS256", &payload, SECRET),
        token_of("ES256", &payload, SECRET),
        token_of("HS256", &payload, ""),
        token_of("HS256", &payload, "another secret, also long enough"),
        "a".repeat(5_000),
    ] {
        assert_eq!(error_of(&open(&mut Browser::at(&cast.server), &forged, "")), "token_invalid", "{forged:.60}");
    }
    open(&mut Browser::at(&cast.server), "%00", "").refused(400);
    let none = token_of("none", &payload, "");
    let unsigned = format!("{}.", none.rsplit_once('.').expect("a signature").0);
    assert_eq!(error_of(&open(&mut Browser::at(&cast.server), &unsigned, "")), "token_invalid");
    // Nobody is sent to other places, not even with a right token.
    for place in [
        "https://evil.example.net/",
        "//evil.example.net",
        "/\\evil.example.net",
        "javascript:alert(1)",
        "/%09/evil.example.net",
    ] {
        let back = open(&mut Browser::at(&cast.server), &token(&external_id), &format!("&return_to={}", encode(place)));
        let to = back.header("location").expect("a place");
        assert!(to == "/" || to.starts_with("/%09/"), "{place}: {to}");
        let away = Browser::at(&cast.server)
            .send_as_any_page(Request::new("GET", &format!("/session/jwt?return_to={}", encode(place))));
        assert!(
            !away.header("location").expect("a place").contains("evil.example.net") || place.contains("%09"),
            "{place}"
        );
    }
    // And the other system signs nobody in once it is off.
    cast.otto.put("/1.0/single_sign_on/jwt", &json!({ "enabled": false })).ok();
    open(&mut Browser::at(&cast.server), &token(&external_id), "").refused(404);
    Browser::at(&cast.server).send_as_any_page(Request::new("GET", "/session/jwt")).refused(404);
}

fn the_modes_are_kept_and_nobody_is_locked_out_by_accident(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let otto = &cast.otto;
    let path = "/1.0/single_sign_on/jwt";
    assert_eq!(otto.get(path).ok()["enabled"], false);
    assert_eq!(otto.put(path, &json!({ "enabled": true })).invalid(), ["shared_secret"]);
    assert_eq!(otto.put(path, &json!({ "shared_secret": "secret" })).invalid(), ["shared_secret"]);
    let both = json!({ "non_sso_login": false, "default_authentication": true });
    assert_eq!(otto.put(path, &both).invalid(), ["non_sso_login", "default_authentication"]);
    for wrong in
        ["javascript:alert(1)", "ftp://id.example.com", "id.example.com", "https://", "https://a:b@id.example.com"]
    {
        assert_eq!(otto.put(path, &json!({ "remote_login_url": wrong })).invalid(), ["remote_login_url"], "{wrong}");
    }
    let (_, email) = somebody(&cast, &[], "correct horse battery");
    let sign_in = || Browser::at(&cast.server).sign_in(&email, "correct horse battery");
    // Set, and still off: passwords work.
    let all = json!({ "shared_secret": SECRET, "remote_login_url": LOGIN, "non_sso_login": false, "default_authentication": true });
    otto.put(path, &all).ok();
    sign_in().ok();
    assert_eq!(Browser::at(&cast.server).get("/session/options").ok()["default"], Value::Null);
    otto.put(path, &json!({ "enabled": true })).ok();
    assert_eq!(sign_in().refused(403)["error"], "single_sign_on_only");
    // Nor is anybody told whether a password is right.
    let guess = json!({ "email": email, "password": "correct horse battery" });
    let told = Browser::at(&cast.server).post("/session/second_factor", &guess).refused(403);
    assert_eq!(told["error"], "single_sign_on_only");
    let options = Browser::at(&cast.server).get("/session/options").ok();
    assert_eq!((&options["password"], &options["default"]), (&json!(false), &json!("jwt")));
    assert_eq!(
        otto.put(path, &json!({ "remote_login_url": "" })).invalid(),
        ["non_sso_login", "default_authentication"]
    );
    // A token of an administrator is the way back when the other system is away.
    otto.put(path, &json!({ "non_sso_login": true })).ok();
    sign_in().ok();
    let events = otto.search("/1.0/events", "name_in:security.updated");
    assert_eq!(events["count"], 3);
    // While it lets people in it needs its secret; once it is off, the secret can go.
    assert_eq!(otto.put(path, &json!({ "shared_secret": "" })).invalid(), ["shared_secret"]);
    assert_eq!(otto.get(path).ok()["has_shared_secret"], true);
    assert!(!records(&events).iter().any(|event| event.to_string().contains(SECRET)));
    // Without a place to send them to, people learn here what is wrong.
    otto.put(path, &json!({ "remote_login_url": "", "default_authentication": false })).ok();
    let back = open(&mut Browser::at(&cast.server), "x.y.z", "");
    assert_eq!((back.status, back.header("location")), (303, Some("/?error=token_invalid")));
    let gone = otto.put(path, &json!({ "enabled": false, "shared_secret": "" })).ok();
    assert_eq!(gone["has_shared_secret"], false);
    assert_eq!(otto.put(path, &json!({ "enabled": true })).invalid(), ["shared_secret"]);
}

fn only_who_may_everything_sets_it(engine: Engine) {
    let cast = Cast::shared(engine);
    let mallory = cast.hire(&["update_settings", "update_user"]);
    mallory.get("/1.0/single_sign_on/jwt").ok();
    let own = json!({ "enabled": true, "shared_secret": "a secret that mallory knows" });
    mallory.put("/1.0/single_sign_on/jwt", &own).refused(403);
    let otto = format!("/1.0/users/{}/jwt_external_id", cast.otto.user_id);
    mallory.put(&otto, &json!({ "jwt_external_id": "mallory" })).refused(403);
    mallory.get(&otto).refused(403);
    mallory.put("/1.0/users/nonsense/jwt_external_id", &json!({ "jwt_external_id": "x" })).refused(404);
    // Nor may they say who they are themselves, or who anybody lesser is: that one may rise.
    for user in [&mallory.user_id, &cast.hire(&[]).user_id] {
        let path = format!("/1.0/users/{user}/jwt_external_id");
        mallory.put(&path, &json!({ "jwt_external_id": unique("mallory-") })).refused(403);
        cast.otto.put(&path, &json!({ "jwt_external_id": unique("known-") })).ok();
    }
}
