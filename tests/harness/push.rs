//! The push services: Firebase, Apple and Huawei on one port of this machine. They check what they are sent against what
//! is documented of them, write it down, and answer as they are told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, Version};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{self, KeyPair};
use serde_json::{Value, json};

const ACCOUNT_KEY: &str = include_str!("push_account.pem");
const TEAM_KEY: &str = include_str!("push_key.pem");
const SECRET: &str = "of-the-app";
const BODY_BYTES_MAX: usize = 64 * 1024;
/// No service takes more.
const NOTIFICATION_BYTES_MAX: usize = 4_096;

/// A notification that arrived.
#[derive(Clone, Debug)]
pub struct Notified {
    /// `fcm`, `apns` or `huawei`.
    pub service: &'static str,
    /// The device's token.
    pub device: String,
    /// What is seen.
    pub title: String,
    /// What is seen.
    pub body: String,
    /// The message that it is about; a repeat with the same one is not seen.
    pub content_id: String,
    /// Whether it offers to answer.
    pub reply: bool,
    /// All of it.
    pub whole: Value,
    /// What signed it.
    pub bearer: String,
}

/// What a service answers.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Value,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u32>,
    /// How long it takes.
    pub delay: Duration,
}

impl Answered {
    /// This, at once.
    pub fn new(status: u16, body: Value) -> Answered {
        Answered { status, body, retry_after: None, delay: Duration::ZERO }
    }

    /// As the service says that it has taken it.
    pub fn taken(service: &str) -> Answered {
        Answered::new(
            200,
            match service {
                "huawei" => json!({ "code": "80000000", "msg": "Success", "requestId": "1" }),
                "fcm" => json!({ "name": "projects/purple-shop/messages/1" }),
                _ => Value::Null,
            },
        )
    }

    /// As the service says that there is no such device.
    pub fn gone(service: &str) -> Answered {
        match service {
            "huawei" => Answered::new(200, json!({ "code": "80300007", "msg": "All tokens are invalid." })),
            "fcm" => {
                Answered::new(404, json!({ "error": { "code": 404, "details": [{ "errorCode": "UNREGISTERED" }] } }))
            }
            _ => Answered::new(410, json!({ "reason": "Unregistered" })),
        }
    }
}

type Script = Arc<dyn Fn(&Notified) -> Answered + Send + Sync>;

#[derive(Default)]
struct Written {
    notified: Vec<Notified>,
    /// Who asked for a token.
    asked: Vec<&'static str>,
    /// What was not as it is documented.
    faults: Vec<String>,
    /// Whether tokens are refused.
    refuses: bool,
}

struct Shared {
    written: Mutex<Written>,
    script: Mutex<Script>,
}

/// The services.
pub struct FakePush {
    address: SocketAddr,
    shared: Arc<Shared>,
    _running: tokio::runtime::Runtime,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn der(pem: &str) -> Vec<u8> {
    STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).expect("a key")
}

impl FakePush {
    /// Services that take everything.
    #[expect(clippy::disallowed_methods, reason = "this is a stand-in for servers of others, in tests")]
    pub fn start() -> FakePush {
        let running = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let running = running.expect("a runtime");
        let script: Script = Arc::new(|notified| Answered::taken(notified.service));
        let shared = Arc::new(Shared { written: Mutex::default(), script: Mutex::new(script) });
        let router = Router::new().fallback(serve).with_state(shared.clone());
        let listener = running.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        running.spawn(async move { axum::serve(listener, router).await });
        FakePush { address, shared, _running: running }
    }

    /// Where they are.
    pub fn root(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The service account of the app.
    pub fn service_account(&self) -> Value {
        json!({
            "type": "service_account", "project_id": "purple-shop", "private_key_id": "k1", "private_key": ACCOUNT_KEY,
            "client_email": "push@purple-shop.iam.example", "token_uri": format!("{}/token", self.root()),
        })
    }

    /// Settings of a source that lead here, for all three.
    pub fn settings(&self) -> Value {
        json!({
            "fcm_service_account": self.service_account().to_string(), "fcm_url": self.root(),
            "apns_key": TEAM_KEY, "apns_key_id": "ABC1234567", "apns_team_id": "TEAM123456",
            "apns_topic": "com.example.shop", "apns_url": self.root(),
            "huawei_application_id": "104", "huawei_client_secret": SECRET, "huawei_url": self.root(),
            "huawei_token_url": format!("{}/oauth2/v3/token", self.root()),
        })
    }

    /// Answers as this says from now on.
    pub fn answer(&self, script: impl Fn(&Notified) -> Answered + Send + Sync + 'static) {
        *lock(&self.shared.script) = Arc::new(script);
    }

    /// Refuses, or not any more, whoever asks for a token.
    pub fn refuse_tokens(&self, refuses: bool) {
        lock(&self.shared.written).refuses = refuses;
    }

    /// What arrived so far.
    pub fn notified(&self) -> Vec<Notified> {
        lock(&self.shared.written).notified.clone()
    }

    /// The notifications for a device.
    pub fn on(&self, device: &str) -> Vec<Notified> {
        self.notified().into_iter().filter(|one| one.device == device).collect()
    }

    /// How often this service was asked for a token.
    pub fn asked(&self, service: &str) -> usize {
        lock(&self.shared.written).asked.iter().filter(|one| **one == service).count()
    }

    /// Fails when something was not as the services document it.
    #[track_caller]
    pub fn require_no_faults(&self) {
        let faults = lock(&self.shared.written).faults.clone();
        assert!(faults.is_empty(), "{faults:?}");
    }
}

async fn serve(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let body = to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default();
    let header =
        |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let fault = |what: String| {
        lock(&shared.written).faults.push(format!("{path}: {what}"));
        answer(Answered::new(400, json!({ "fault": what })))
    };
    let service = match (parts.method.as_str(), segments.as_slice()) {
        ("POST", ["token"]) => return grant(&shared, "fcm", assertion_fault(&body)),
        ("POST", ["oauth2", "v3", "token"]) => {
            let expected = format!("grant_type=client_credentials&client_id=104&client_secret={SECRET}");
            return grant(&shared, "huawei", (body != expected.as_bytes()).then(|| "not the app's".into()));
        }
        ("POST", ["v1", "projects", "purple-shop", "messages:send"]) => "fcm",
        ("POST", ["v1", "104", "messages:send"]) => "huawei",
        ("POST", ["3", "device", _]) => "apns",
        (method, _) => return fault(format!("{method} leads nowhere")),
    };
    let bearer = header("authorization").strip_prefix("Bearer ").unwrap_or_default().to_owned();
    let Ok(whole) = serde_json::from_slice::<Value>(&body) else { return fault("no JSON".into()) };
    if body.len() > NOTIFICATION_BYTES_MAX {
        return fault(format!("{} bytes", body.len()));
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (device, seen, data, shown_as) = match service {
        "fcm" => {
            let message = &whole["message"];
            let tag = text(&message["android"]["notification"]["tag"]);
            (text(&message["token"]), message["notification"].clone(), message["data"].clone(), tag)
        }
        "huawei" => {
            let message = &whole["message"];
            let data = serde_json::from_str(message["data"].as_str().unwrap_or_default()).unwrap_or_default();
            let tag = text(&message["android"]["notification"]["tag"]);
            if message["android"]["notification"]["click_action"]["type"] != 3 {
                return fault("nothing happens on a click".into());
            }
            (text(&message["token"][0]), message["notification"].clone(), data, tag)
        }
        _ => {
            if parts.version != Version::HTTP_2 {
                return fault(format!("{:?}", parts.version));
            }
            if let Some(wrong) = provider_fault(&bearer) {
                return fault(wrong);
            }
            if (header("apns-topic"), header("apns-push-type")) != ("com.example.shop".into(), "alert".into()) {
                return fault(format!("topic {}, type {}", header("apns-topic"), header("apns-push-type")));
            }
            (segments[2].to_owned(), whole["aps"]["alert"].clone(), whole.clone(), header("apns-collapse-id"))
        }
    };
    if service != "apns" && !bearer.starts_with(service) {
        return answer(match service {
            "fcm" => Answered::new(401, json!({ "error": { "code": 401, "status": "UNAUTHENTICATED" } })),
            _ => Answered::new(200, json!({ "code": "80200003", "msg": "The token has expired." })),
        });
    }
    let content_id = text(&data["content_id"]);
    if content_id.is_empty() || content_id != shown_as || text(&data["thread_id"]).is_empty() {
        return fault(format!("about {content_id:?}, shown as {shown_as:?}"));
    }
    let notified = Notified {
        service,
        device,
        title: text(&seen["title"]),
        body: text(&seen["body"]),
        content_id,
        reply: data["reply"] == "true",
        whole,
        bearer,
    };
    let script = lock(&shared.script).clone();
    let answered = script(&notified);
    lock(&shared.written).notified.push(notified);
    tokio::time::sleep(answered.delay).await;
    answer(answered)
}

fn grant(shared: &Shared, service: &'static str, fault: Option<String>) -> Response {
    let mut written = lock(&shared.written);
    written.asked.push(service);
    if let Some(fault) = fault {
        written.faults.push(format!("{service} token: {fault}"));
        return answer(Answered::new(400, json!({ "error": "invalid_grant" })));
    }
    if written.refuses {
        return answer(Answered::new(
            400,
            json!({ "error": "invalid_grant", "error_description": "Account not found" }),
        ));
    }
    let token = format!("{service}-{}", written.asked.len());
    answer(Answered::new(200, json!({ "access_token": token, "expires_in": 3600, "token_type": "Bearer" })))
}

fn answer(answered: Answered) -> Response {
    let body = if answered.body.is_null() { Body::empty() } else { Body::from(answered.body.to_string()) };
    let mut response = Response::builder().status(StatusCode::from_u16(answered.status).expect("a status"));
    if let Some(seconds) = answered.retry_after {
        response = response.header("Retry-After", seconds);
    }
    response.body(body).expect("an answer")
}

/// Header and claims, if the signature is right.
fn verified(
    token: &str,
    algorithm: &'static dyn signature::VerificationAlgorithm,
    key: &[u8],
) -> Option<(Value, Value)> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let key = signature::UnparsedPublicKey::new(algorithm, key);
    key.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
    let json = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    Some((json(header)?, json(claims)?))
}

/// What is wrong with a request of Firebase's token (RFC 7523).
fn assertion_fault(body: &[u8]) -> Option<String> {
    let body = String::from_utf8_lossy(body).into_owned();
    let assertion = body.strip_prefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=");
    let Some(assertion) = assertion else { return Some(body) };
    let public = signature::RsaKeyPair::from_pkcs8(&der(ACCOUNT_KEY)).expect("a key").public().as_ref().to_vec();
    match verified(assertion, &signature::RSA_PKCS1_2048_8192_SHA256, &public) {
        Some((header, claims)) => {
            let is_right = header["alg"] == "RS256"
                && claims["iss"] == "push@purple-shop.iam.example"
                && claims["scope"] == "https://www.googleapis.com/auth/firebase.messaging"
                && claims["aud"].as_str().is_some_and(|aud| aud.ends_with("/token"))
                && claims["exp"].as_i64().zip(claims["iat"].as_i64()).is_some_and(|(exp, iat)| exp - iat == 3_600);
            (!is_right).then(|| format!("{header} {claims}"))
        }
        None => Some("not signed by the account".into()),
    }
}

/// What is wrong with a token for Apple.
#[expect(clippy::disallowed_methods, reason = "ring's keys take its own source of chance and no other")]
fn provider_fault(token: &str) -> Option<String> {
    let algorithm = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    let key = signature::EcdsaKeyPair::from_pkcs8(algorithm, &der(TEAM_KEY), &SystemRandom::new()).expect("a key");
    match verified(token, &signature::ECDSA_P256_SHA256_FIXED, key.public_key().as_ref()) {
        Some((header, claims)) => {
            let is_right = header["kid"] == "ABC1234567" && claims["iss"] == "TEAM123456" && claims["iat"].is_i64();
            (!is_right).then(|| format!("{header} {claims}"))
        }
        None => Some("not signed by the team's key".into()),
    }
}
