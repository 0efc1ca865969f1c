use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use ring::rand::SystemRandom;
use ring::signature::{self, KeyPair};

use super::*;
use crate::{kind, validate_settings};

const RSA: &str = include_str!("rsa.test.pem");
const P256: &str = include_str!("p256.test.pem");
const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

fn account() -> Value {
    json!({
        "type": "service_account", "project_id": "purple-shop", "private_key_id": "k1", "private_key": RSA,
        "client_email": "push@purple-shop.iam.example", "token_uri": "https://oauth2.example/token",
    })
}

fn settings(given: &Value) -> Settings {
    validate_settings(kind("mobile_messaging").unwrap(), given.as_object().unwrap()).unwrap()
}

fn all() -> Value {
    json!({
        "fcm_service_account": account().to_string(),
        "apns_key": P256, "apns_key_id": "ABC1234567", "apns_team_id": "TEAM123456", "apns_topic": "com.example.shop",
        "huawei_application_id": "104", "huawei_client_secret": "of the app",
    })
}

fn access(service: Service) -> Box<dyn Access> {
    service.access(&settings(&all())).unwrap()
}

fn told() -> Notification {
    Notification {
        title: "Alicia".into(),
        body: "Hello!".into(),
        unread: 2,
        content_id: Id::from_parts(1, 1),
        thread_id: Id::from_parts(2, 2),
        may_reply: true,
        until: NOW.plus_seconds(KEPT_SECONDS),
    }
}

fn token(text: &str) -> Token {
    Token { text: Secret::new(text), until: NOW }
}

fn parts(token: &str) -> (Value, Value, String, Vec<u8>) {
    let mut parts = token.split('.');
    let mut part = || parts.next().unwrap().to_owned();
    let (header, claims, signature) = (part(), part(), part());
    let json = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    (json(&header), json(&claims), format!("{header}.{claims}"), URL_SAFE_NO_PAD.decode(signature).unwrap())
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

fn header<'r>(request: &'r Request, name: &str) -> &'r str {
    request.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.reveal()).unwrap_or("")
}

#[expect(clippy::disallowed_methods, reason = "ring's keys take its own source of chance and no other")]
fn p256() -> signature::EcdsaKeyPair {
    let der: String = P256.lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(der).unwrap();
    let algorithm = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    signature::EcdsaKeyPair::from_pkcs8(algorithm, &der, &SystemRandom::new()).unwrap()
}

#[test]
fn firebase_is_asked_for_a_token_with_a_signature() {
    let Ok(SignIn::Asked(request)) = access(Service::Fcm).sign_in(NOW) else { panic!("a request") };
    assert_eq!(request.url, "https://oauth2.example/token");
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&request.body).into_owned().collect();
    assert_eq!(form[0], ("grant_type".into(), "urn:ietf:params:oauth:grant-type:jwt-bearer".into()));
    let (header, claims, signed, signature) = parts(&form[1].1);
    assert_eq!(header, json!({ "alg": "RS256", "typ": "JWT", "kid": "k1" }));
    let expected = json!({
        "iss": "push@purple-shop.iam.example", "scope": "https://www.googleapis.com/auth/firebase.messaging",
        "aud": "https://oauth2.example/token", "iat": 1_800_000_000, "exp": 1_800_003_600,
    });
    assert_eq!(claims, expected);
    let der: String = RSA.lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(der).unwrap();
    let public = signature::RsaKeyPair::from_pkcs8(&der).unwrap().public().as_ref().to_vec();
    let key = signature::UnparsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, public);
    key.verify(signed.as_bytes(), &signature).unwrap();
}

#[test]
fn apple_gets_a_token_of_our_own() {
    let Ok(SignIn::Made(made)) = access(Service::Apns).sign_in(NOW) else { panic!("a token") };
    assert_eq!(made.until, NOW.plus_seconds(2_400));
    let (header, claims, signed, signature) = parts(made.text.reveal());
    assert_eq!(header, json!({ "alg": "ES256", "kid": "ABC1234567" }));
    assert_eq!(claims, json!({ "iss": "TEAM123456", "iat": 1_800_000_000 }));
    let key =
        signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, p256().public_key().as_ref().to_vec());
    key.verify(signed.as_bytes(), &signature).unwrap();
}

#[test]
fn huawei_takes_the_apps_own_id_unless_there_is_another() {
    for (more, id) in [(json!({}), "104"), (json!({ "huawei_client_id": "7" }), "7")] {
        let mut given = all();
        given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let Ok(SignIn::Asked(request)) = Service::Huawei.access(&settings(&given)).unwrap().sign_in(NOW) else {
            panic!()
        };
        assert_eq!(request.url, "https://oauth-login.cloud.huawei.com/oauth2/v3/token");
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret=of+the+app");
        assert_eq!(String::from_utf8(request.body).unwrap(), form);
    }
}

#[test]
fn requests_are_what_the_services_document() {
    let (content, thread) = (told().content_id.hex(), told().thread_id.hex());
    let data = json!({ "thread_id": thread, "content_id": content, "reply": "true" });
    let aps = json!({
        "alert": { "title": "Alicia", "body": "Hello!" }, "badge": 2, "sound": "default", "thread-id": thread,
        "category": "frontdesk.reply",
    });

    let request = access(Service::Fcm).request(&token("t"), "device:1", &told());
    assert_eq!(request.url, "https://fcm.googleapis.com/v1/projects/purple-shop/messages:send");
    assert_eq!((header(&request, "authorization"), request.http2), ("Bearer t", false));
    let message = &body(&request)["message"];
    assert_eq!(message["token"], "device:1");
    assert_eq!(message["notification"], json!({ "title": "Alicia", "body": "Hello!" }));
    assert_eq!(message["data"], data);
    assert_eq!(message["android"], json!({ "priority": "HIGH", "ttl": "86400s", "notification": { "tag": content } }));
    assert_eq!(message["apns"]["headers"]["apns-collapse-id"], content.as_str());
    assert_eq!(message["apns"]["payload"]["aps"], aps);

    let request = access(Service::Apns).request(&token("t"), "abcdef0123456789", &told());
    assert_eq!(request.url, "https://api.push.apple.com/3/device/abcdef0123456789");
    assert!(request.http2);
    for (name, value) in [
        ("authorization", "Bearer t"),
        ("apns-topic", "com.example.shop"),
        ("apns-push-type", "alert"),
        ("apns-priority", "10"),
        ("apns-expiration", "1800086400"),
        ("apns-collapse-id", &content),
    ] {
        assert_eq!(header(&request, name), value, "{name}");
    }
    let mut expected = data.clone();
    expected["aps"] = aps;
    assert_eq!(body(&request), expected);

    let request = access(Service::Huawei).request(&token("t"), "device", &told());
    assert_eq!(request.url, "https://push-api.cloud.huawei.com/v1/104/messages:send");
    let message = &body(&request)["message"];
    assert_eq!(message["token"], json!(["device"]));
    assert_eq!(message["android"]["notification"]["tag"], content.as_str());
    assert_eq!(message["android"]["notification"]["click_action"], json!({ "type": 3 }));
    assert_eq!(serde_json::from_str::<Value>(message["data"].as_str().unwrap()).unwrap(), data);

    let silent = Notification { may_reply: false, ..told() };
    let request = access(Service::Apns).request(&token("t"), "abcdef0123456789", &silent);
    assert_eq!(
        (&body(&request)["reply"], &body(&request)["aps"]["category"]),
        (&json!("false"), &json!("frontdesk.message"))
    );
}

#[test]
fn the_sandbox_and_other_addresses_are_settings() {
    let mut given = all();
    given["apns_sandbox"] = true.into();
    let request = Service::Apns.access(&settings(&given)).unwrap().request(&token("t"), "abcdef01", &told());
    assert!(request.url.starts_with("https://api.sandbox.push.apple.com/3/device/"), "{}", request.url);
    for (service, name) in [(Service::Fcm, "fcm_url"), (Service::Apns, "apns_url"), (Service::Huawei, "huawei_url")] {
        given[name] = "http://127.0.0.1:9/".into();
        let request = service.access(&settings(&given)).unwrap().request(&token("t"), "abcdef01", &told());
        assert!(request.url.starts_with("http://127.0.0.1:9/"), "{}", request.url);
        assert!(!request.url.contains("9//"), "{}", request.url);
    }
}

#[test]
fn answers_mean_what_the_services_document() {
    let fcm = |status: u16, code: &str| {
        let detail = json!({ "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code });
        json!({ "error": { "code": status, "message": "no", "details": [detail] } })
    };
    let field = |name: &str| {
        let mut told = fcm(400, "INVALID_ARGUMENT");
        let violations = json!({ "fieldViolations": [{ "field": name, "description": "no" }] });
        told["error"]["details"].as_array_mut().unwrap().push(violations);
        told
    };
    let apns = |reason: &str| json!({ "reason": reason });
    let huawei = |code: &str| json!({ "code": code, "msg": "no", "requestId": "1" });
    let gone_since = json!({ "reason": "Unregistered", "timestamp": 1_500_000_000_000_i64 });
    for (service, status, body, expected) in [
        (Service::Fcm, 200, json!({ "name": "projects/purple-shop/messages/1" }), "taken"),
        (Service::Fcm, 404, fcm(404, "UNREGISTERED"), "gone"),
        (Service::Fcm, 400, fcm(400, "INVALID_ARGUMENT"), "gone"),
        (Service::Fcm, 400, field("message.token"), "gone"),
        (Service::Fcm, 400, field("message.data"), "refused"),
        (Service::Fcm, 401, json!({ "error": { "status": "UNAUTHENTICATED" } }), "signed out"),
        (Service::Fcm, 401, fcm(401, "THIRD_PARTY_AUTH_ERROR"), "misconfigured"),
        (Service::Fcm, 403, fcm(403, "SENDER_ID_MISMATCH"), "misconfigured"),
        (Service::Fcm, 404, json!({}), "misconfigured"),
        (Service::Fcm, 429, fcm(429, "QUOTA_EXCEEDED"), "later"),
        (Service::Fcm, 503, fcm(503, "UNAVAILABLE"), "later"),
        (Service::Apns, 200, json!(null), "taken"),
        (Service::Apns, 410, gone_since, "gone"),
        (Service::Apns, 400, apns("BadDeviceToken"), "gone"),
        (Service::Apns, 400, apns("DeviceTokenNotForTopic"), "misconfigured"),
        (Service::Apns, 403, apns("ExpiredProviderToken"), "signed out"),
        (Service::Apns, 403, apns("InvalidProviderToken"), "misconfigured"),
        (Service::Apns, 413, apns("PayloadTooLarge"), "refused"),
        (Service::Apns, 429, apns("TooManyRequests"), "later"),
        (Service::Apns, 500, apns("InternalServerError"), "later"),
        (Service::Huawei, 200, huawei("80000000"), "taken"),
        (Service::Huawei, 200, huawei("80100000"), "gone"),
        (Service::Huawei, 200, huawei("80300007"), "gone"),
        (Service::Huawei, 200, huawei("80200001"), "signed out"),
        (Service::Huawei, 200, huawei("80200003"), "signed out"),
        (Service::Huawei, 200, huawei("80300002"), "misconfigured"),
        (Service::Huawei, 200, huawei("80300008"), "refused"),
        (Service::Huawei, 503, json!({}), "later"),
        (Service::Huawei, 200, json!({}), "refused"),
    ] {
        let outcome = access(service).read_answer(status, body.to_string().as_bytes());
        let name = match &outcome {
            Outcome::Taken => "taken",
            Outcome::Gone(_) => "gone",
            Outcome::SignedOut(_) => "signed out",
            Outcome::Misconfigured(_) => "misconfigured",
            Outcome::Refused(_) => "refused",
            Outcome::Later(_) => "later",
        };
        assert_eq!(name, expected, "{service:?} {status} {body}");
    }
    let since = access(Service::Apns).read_answer(410, br#"{"reason":"Unregistered","timestamp":1500000000000}"#);
    assert_eq!(since, Outcome::Gone(Some(Timestamp::from_micros(1_500_000_000_000_000))));
}

#[test]
fn a_token_is_used_until_shortly_before_its_end() {
    let fcm = access(Service::Fcm);
    let granted = fcm.read_token(200, br#"{"access_token":"a","expires_in":3600}"#, NOW).unwrap();
    assert_eq!((granted.text.reveal(), granted.until), ("a", NOW.plus_seconds(3_540)));
    let refused =
        fcm.read_token(400, br#"{"error":"invalid_grant","error_description":"Not a\nkey."}"#, NOW).unwrap_err();
    assert_eq!(refused, Outcome::Misconfigured("signing in was refused (status 400): Not a key.".into()));
    assert!(matches!(fcm.read_token(503, b"", NOW), Err(Outcome::Later(_))));
    assert!(matches!(fcm.read_token(200, br#"{"access_token":"a\nb"}"#, NOW), Err(Outcome::Misconfigured(_))));
}

#[test]
fn credentials_are_checked_when_they_are_saved() {
    let without = |name: &str| {
        let mut account = account();
        account.as_object_mut().unwrap().remove(name);
        account.to_string()
    };
    for (name, value) in [
        ("fcm_service_account", "{}".to_owned()),
        ("fcm_service_account", "purple-shop".into()),
        ("fcm_service_account", without("project_id")),
        ("fcm_service_account", without("client_email")),
        ("fcm_service_account", without("token_uri")),
        ("fcm_service_account", without("private_key")),
        ("fcm_service_account", account().to_string().replace("purple-shop", "../other")),
        ("apns_key", RSA.into()),
        ("apns_key", "-----BEGIN PRIVATE KEY-----".into()),
        ("apns_topic", "com.example/../".into()),
        ("huawei_application_id", "1 2".into()),
    ] {
        let given = json!({ name: value });
        let refused = validate_settings(kind("mobile_messaging").unwrap(), given.as_object().unwrap());
        assert!(refused.is_err(), "{given}");
    }
    for service in Service::ALL {
        assert!(service.access(&settings(&json!({}))).is_none());
        assert_eq!(Service::named(service.as_str()), Some(service));
    }
}

#[test]
fn a_token_of_a_device_stands_in_an_address() {
    for (service, text, expected) in [
        (Service::Apns, "0123456789abcdefABCDEF", true),
        (Service::Apns, "../../3/device/x", false),
        (Service::Apns, "abc", false),
        (Service::Fcm, "cKd:APA91b-_x", true),
        (Service::Fcm, "a token", false),
        (Service::Huawei, "AAAA\nBBBB", false),
    ] {
        assert_eq!(service.takes(text), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn no_answer_makes_them_panic(status in 100_u16..600, body in proptest::collection::vec(any::<u8>(), 0..200)) {
        for service in Service::ALL {
            let access = access(service);
            let _ = access.read_answer(status, &body);
            let _ = access.read_token(status, &body, NOW);
        }
    }
}
