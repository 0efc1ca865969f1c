//! A provider of OpenID Connect on a port of this machine. It speaks the wire format, checks what it is asked, and lies when it
//! is told to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::digest;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

use crate::cast::unique;
use crate::clock::seconds_after;
use crate::http::decode_pairs;

/// By what the provider knows Frontdesk.
pub const CLIENT_ID: &str = "desk & co";
/// And by what Frontdesk shows it who it is.
pub const CLIENT_SECRET: &str = "a secret: with/marks+in it";
const BODY_BYTES_MAX: usize = 64 * 1024;

/// What is said of somebody, made wrong on the way.
type Lie = Arc<dyn Fn(&mut Value) + Send + Sync>;
/// A token as it is sent in place of the right one.
type Forgery = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// The parameters with which somebody was sent here, and who they are.
type Asked = (HashMap<String, String>, Value);

struct Shared {
    issuer: String,
    key: Mutex<(String, EcdsaKeyPair)>,
    /// What was asked when somebody signed in, by the code that they got.
    codes: Mutex<HashMap<String, Asked>>,
    metadata: Mutex<Value>,
    userinfo: Mutex<HashMap<String, Value>>,
    lie: Mutex<Option<Lie>>,
    forgery: Mutex<Option<Forgery>>,
    asked: Mutex<Vec<String>>,
    faults: Mutex<Vec<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The provider.
pub struct FakeProvider {
    shared: Arc<Shared>,
    _running: tokio::runtime::Runtime,
}

impl FakeProvider {
    /// One that says the truth.
    #[expect(clippy::disallowed_methods, reason = "this is a stand-in for servers of others, in tests")]
    pub fn start() -> FakeProvider {
        let running = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let running = running.expect("a runtime");
        let listener = running.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        let issuer = format!("http://{address}/realm");
        let metadata = json!({
            "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize?tenant=7"),
            "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/keys"),
            "userinfo_endpoint": format!("{issuer}/userinfo"), "end_session_endpoint": format!("{issuer}/logout"),
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        });
        let shared = Arc::new(Shared {
            issuer,
            key: Mutex::new(fresh_key()),
            codes: Mutex::default(),
            metadata: Mutex::new(metadata),
            userinfo: Mutex::default(),
            lie: Mutex::default(),
            forgery: Mutex::default(),
            asked: Mutex::default(),
            faults: Mutex::default(),
        });
        let router = Router::new().fallback(serve).with_state(shared.clone());
        running.spawn(async move { axum::serve(listener, router).await });
        FakeProvider { shared, _running: running }
    }

    /// Its issuer.
    pub fn issuer(&self) -> &str {
        &self.shared.issuer
    }

    /// Somebody signs in where Frontdesk has sent them, and is sent back: the path and query of the callback.
    #[track_caller]
    pub fn sign_in(&self, sent_to: &str, person: &Value) -> String {
        let (place, query) = sent_to.split_once('?').expect("parameters");
        assert_eq!(place, format!("{}/authorize", self.issuer()));
        let asked: HashMap<String, String> = decode_pairs(query).into_iter().collect();
        let of = |name: &str| asked.get(name).map(String::as_str);
        assert_eq!((of("tenant"), of("response_type"), of("client_id")), (Some("7"), Some("code"), Some(CLIENT_ID)));
        assert_eq!(of("code_challenge_method"), Some("S256"));
        assert!(of("scope").is_some_and(|scope| scope.split(' ').any(|one| one == "openid")), "{asked:?}");
        for name in ["state", "nonce", "code_challenge"] {
            assert!(of(name).is_some_and(|text| text.len() >= 43), "{name}: {asked:?}");
        }
        let back = of("redirect_uri").expect("a place to send them back to");
        let path = back.splitn(4, '/').nth(3).expect("a path").to_owned();
        let (code, state) = (unique("code-"), of("state").expect("a state").to_owned());
        lock(&self.shared.codes).insert(code.clone(), (asked.clone(), person.clone()));
        format!("/{path}?code={code}&state={state}")
    }

    /// Signs with another key from now on.
    pub fn rotate(&self) {
        *lock(&self.shared.key) = fresh_key();
    }

    /// Makes every token's claims wrong in this way, or right again.
    pub fn lie(&self, lie: Option<Lie>) {
        *lock(&self.shared.lie) = lie;
    }

    /// Sends something else in place of every token, or the right ones again.
    pub fn forge(&self, forgery: Option<Forgery>) {
        *lock(&self.shared.forgery) = forgery;
    }

    /// Says this of itself too from now on; null: not any more.
    pub fn describe(&self, name: &str, value: Value) {
        lock(&self.shared.metadata)[name] = value;
    }

    /// A token as it signs it.
    pub fn sign(&self, header: &Value, payload: &Value) -> String {
        sign(&lock(&self.shared.key).1, header, payload)
    }

    /// The paths that it was asked for, below its issuer.
    pub fn asked(&self) -> Vec<String> {
        lock(&self.shared.asked).clone()
    }

    /// Fails when something was not as it is documented.
    #[track_caller]
    pub fn require_no_faults(&self) {
        let faults = lock(&self.shared.faults).clone();
        assert!(faults.is_empty(), "{faults:?}");
    }
}

#[expect(clippy::disallowed_methods, reason = "ring's keys take its own source of chance and no other")]
fn fresh_key() -> (String, EcdsaKeyPair) {
    let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
    let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
    (unique("key-"), EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random).expect("a key"))
}

#[expect(clippy::disallowed_methods, reason = "ring's keys take its own source of chance and no other")]
fn sign(key: &EcdsaKeyPair, header: &Value, payload: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(payload));
    let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

async fn serve(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default();
    let path = parts.uri.path().strip_prefix("/realm").unwrap_or_default().to_owned();
    lock(&shared.asked).push(path.clone());
    let authorization = parts.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    match (parts.method.as_str(), path.as_str()) {
        ("GET", "/.well-known/openid-configuration") => answer(200, &lock(&shared.metadata).clone()),
        ("GET", "/keys") => {
            let key = lock(&shared.key);
            let point = key.1.public_key().as_ref();
            let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
            // Real sets hold keys that only others can read.
            let strange = json!({ "kty": "AKP", "alg": "ML-DSA-44", "kid": "strange", "pub": "AAAA" });
            let mine = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": key.0, "use": "sig" });
            answer(200, &json!({ "keys": [strange, mine] }))
        }
        ("POST", "/token") => match redeem(&shared, &String::from_utf8_lossy(&body), authorization) {
            Ok(tokens) => answer(200, &tokens),
            Err(fault) => {
                lock(&shared.faults).push(fault.clone());
                answer(400, &json!({ "error": "invalid_grant", "error_description": fault }))
            }
        },
        ("GET", "/userinfo") => {
            let token = authorization.strip_prefix("Bearer ").unwrap_or_default();
            match lock(&shared.userinfo).get(token) {
                Some(person) => answer(200, person),
                None => answer(401, &json!({ "error": "invalid_token" })),
            }
        }
        _ => answer(404, &json!({ "error": "not_found" })),
    }
}

/// The tokens for a code, which is good once.
fn redeem(shared: &Shared, form: &str, authorization: &str) -> Result<Value, String> {
    let form: HashMap<String, String> = decode_pairs(form).into_iter().collect();
    let of = |name: &str| form.get(name).cloned().unwrap_or_default();
    if of("grant_type") != "authorization_code" {
        return Err("grant_type".into());
    }
    let encode = |text: &str| crate::http::encode(text);
    let basic = format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(CLIENT_ID), encode(CLIENT_SECRET))));
    let plus = format!(
        "Basic {}",
        STANDARD.encode(format!(
            "{}:{}",
            encode(CLIENT_ID).replace("%20", "+"),
            encode(CLIENT_SECRET).replace("%20", "+")
        ))
    );
    let by_body = (of("client_id"), of("client_secret")) == (CLIENT_ID.to_owned(), CLIENT_SECRET.to_owned());
    let takes = lock(&shared.metadata)["token_endpoint_auth_methods_supported"].to_string();
    let is_client =
        if takes.contains("client_secret_post") { by_body } else { [basic, plus].contains(&authorization.to_owned()) };
    if !is_client {
        return Err("the client does not show who it is".into());
    }
    let (asked, person) = lock(&shared.codes).remove(&of("code")).ok_or("no such code")?;
    let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, of("code_verifier").as_bytes()));
    if asked.get("code_challenge") != Some(&challenge) {
        return Err("the verifier is another's".into());
    }
    if asked.get("redirect_uri") != Some(&of("redirect_uri")) {
        return Err("redirect_uri".into());
    }
    let now = seconds_after(0);
    let mut payload =
        json!({ "iss": shared.issuer, "aud": CLIENT_ID, "exp": now + 300, "iat": now, "nonce": asked["nonce"] });
    let access_token = unique("access-");
    // What is said of a person below `userinfo` is told there only.
    for (name, value) in person.as_object().into_iter().flatten().filter(|(name, _)| *name != "userinfo") {
        payload[name] = value.clone();
    }
    if let Some(told) = person.get("userinfo") {
        lock(&shared.userinfo).insert(access_token.clone(), told.clone());
    }
    if let Some(lie) = lock(&shared.lie).clone() {
        lie(&mut payload);
    }
    let key = lock(&shared.key);
    let token = sign(&key.1, &json!({ "alg": "ES256", "typ": "JWT", "kid": key.0 }), &payload);
    let token = lock(&shared.forgery).clone().map_or(token.clone(), |forge| forge(&token));
    Ok(json!({ "access_token": access_token, "token_type": "Bearer", "expires_in": 300, "id_token": token }))
}

fn answer(status: u16, body: &Value) -> Response {
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(Body::from(body.to_string())).expect("an answer")
}
