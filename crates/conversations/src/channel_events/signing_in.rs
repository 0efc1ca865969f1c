//! Letting us in at a service: somebody begins, goes to the service's own page, comes back with a code, and hands it on as
//! who began. Nothing that only came along with a browser ends it: the state and the code have to be handed on by the same
//! session or token, so that nobody can be led to connect their account to somebody else's source.

use std::sync::{Arc, LazyLock};

use axum::extract::RawQuery;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use frontdesk_model::{Id, Result, Secret, Timestamp, error, hex};
use frontdesk_rest::Call;
use frontdesk_sources::connecting::{SignIn, Trip};
use frontdesk_sources::ingress::key_of;
use frontdesk_store::{Tx, args};
use http::header;
use ring::digest;

use super::trying;
use crate::sources::{self, Channel, Source};
use crate::{Conversations, calling};

/// How long somebody may take, seconds.
const SECONDS_MAX: i64 = 15 * 60;
/// Of one source, so many may be on their way.
const WAITING_MAX: i64 = 20;
/// Characters of a code.
const CODE_CHARACTERS_MAX: usize = 4_000;

/// Where a service sends people back to.
pub(super) fn redirect_uri(app: &Conversations) -> String {
    format!("{}/channels/return", app.public_url)
}

/// The way of whoever has this state, by its hash. What only we know of it is made of our key, and kept nowhere.
fn trip(app: &Conversations, state_hash: &str) -> Trip {
    let verifier = app.seal.derive(&format!("sign-in-verifier:{state_hash}"));
    let verifier = Secret::new(hex::encode(verifier));
    Trip { redirect_uri: redirect_uri(app), verifier }
}

fn of(source: &Source) -> Result<&'static SignIn> {
    let sign_in = source.kind.connecting.and_then(|connecting| connecting.sign_in.as_ref());
    sign_in.ok_or_else(|| {
        let message = format!("Sources of type {} are connected by their settings alone.", source.kind.type_name);
        error::unprocessable("no_sign_in", message)
    })
}

/// Begins: where to go, and until when.
pub(super) fn begin(app: &Conversations, call: &Call, source: &Source, tx: &mut dyn Tx) -> Result<(String, Timestamp)> {
    let (sign_in, now) = (of(source)?, call.env.now());
    let channel = Channel::load(tx, &app.seal, source.id)?.ok_or_else(|| error::not_found("source"))?;
    let state = format!("{}.{}", source.id, hex::encode(call.env.random::<32>()));
    let hash = key_of(&state);
    let url = (sign_in.dialog)(&channel.settings, &trip(app, &hash), &state)
        .map_err(|missing| error::unprocessable("not_ready", missing))?;
    tx.execute("DELETE FROM channel_sign_ins WHERE expires_at < $1", args![now])?;
    let waiting = tx.one("SELECT count(*) FROM channel_sign_ins WHERE source_id = $1", args![&source.id])?;
    if waiting.get::<i64>(0)? >= WAITING_MAX {
        return Err(error::unprocessable(
            "too_many",
            "Too many are on their way to connect this source: wait a while.",
        ));
    }
    let expires_at = now.plus_seconds(SECONDS_MAX);
    tx.execute(
        "INSERT INTO channel_sign_ins (state_hash, source_id, user_id, token_id, session_id, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        args![
            hash.as_bytes(),
            &source.id,
            &call.caller.user_id,
            &call.caller.token_id,
            &call.caller.session_id,
            expires_at
        ],
    )?;
    Ok((url, expires_at))
}

/// Ends: the code is exchanged soon, once. 422 unless the caller began it, by the same session or token.
pub(super) fn end(
    app: &Conversations,
    call: &Call,
    source: &Source,
    state: &str,
    code: &str,
    tx: &mut dyn Tx,
) -> Result<()> {
    of(source)?;
    if code.is_empty() || code.len() > CODE_CHARACTERS_MAX || !code.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(error::invalid("code", "invalid", "code: hand on what the service sent back, as it is."));
    }
    let hash = key_of(state);
    let row = tx.first(
        "SELECT token_id, session_id FROM channel_sign_ins
         WHERE state_hash = $1 AND source_id = $2 AND user_id = $3 AND expires_at >= $4 AND code IS NULL",
        args![hash.as_bytes(), &source.id, &call.caller.user_id, call.env.now()],
    )?;
    let by = (call.caller.token_id, call.caller.session_id);
    let is_own = match row {
        Some(row) => (row.get::<Option<Id>>(0)?, row.get::<Option<Id>>(1)?) == by,
        None => false,
    };
    if !is_own {
        let message = "state: nobody began this here, or it took too long: authorize the connection again.";
        return Err(error::invalid("state", "unknown", message));
    }
    let sealed = app.seal.seal(&purpose(source.id), &Secret::new(code))?;
    tx.execute("UPDATE channel_sign_ins SET code = $2 WHERE state_hash = $1", args![hash.as_bytes(), &sealed])?;
    trying::ask(tx, source.id, call.env.now())
}

fn purpose(source_id: Id) -> String {
    format!("sign-in:{source_id}")
}

/// Exchanges the code that somebody handed on, if somebody did, and keeps what it was good for. What is wrong is told in a
/// sentence for people; none where there was nothing to exchange.
pub(super) async fn exchange(app: &Arc<Conversations>, channel: &Channel) -> Result<Option<Result<(), String>>> {
    let source_id = channel.source_id;
    let taking = move |tx: &mut dyn Tx| {
        let sql = "SELECT state_hash, code FROM channel_sign_ins WHERE source_id = $1 AND code IS NOT NULL LIMIT 1";
        let Some(row) = tx.first(sql, args![&source_id])? else { return Ok(None) };
        let (hash, code): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
        // A code is good for once.
        tx.execute("DELETE FROM channel_sign_ins WHERE state_hash = $1", args![&hash])?;
        Ok(Some((hash, code)))
    };
    let sign_in = channel.kind.connecting.and_then(|connecting| connecting.sign_in.as_ref());
    let Some((sign_in, (hash, sealed))) = sign_in.zip(app.store.write(taking).await?) else { return Ok(None) };
    let trip = trip(app, &String::from_utf8_lossy(&hash));
    let mut given = app.seal.open(&purpose(source_id), &sealed)?;
    for exchange in sign_in.exchanges {
        let Some(request) = (exchange.request)(&channel.settings, &trip, &given) else {
            return Ok(Some(Err("A setting is missing: go through the steps in their order.".into())));
        };
        let told = match app.ask(request, trying::DEADLINE, trying::ANSWER_BYTES_MAX).await? {
            Ok(answer) => (exchange.read)(&channel.settings, &given, &calling::answer_of(&answer, app.env.now())),
            Err(failure) => Err(failure.message),
        };
        match told {
            Ok(next) => given = next,
            Err(why) => return Ok(Some(Err(why))),
        }
    }
    let (seal, name) = (app.seal.clone(), sign_in.setting);
    app.store.write(move |tx| sources::keep_secret(tx, &seal, source_id, name, &given).map(drop)).await?;
    Ok(Some(Ok(())))
}

/// Tells a console in the same browser what the service sent back: the one that has begun this hands it on, with its own
/// session.
const TELL: &str = "new BroadcastChannel('frontdesk-connection').postMessage(Object.fromEntries(new \
                    URLSearchParams(location.search)))";
/// That script runs on the page, and no other.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(digest::digest(&digest::SHA256, TELL.as_bytes()));
    format!("default-src 'none'; script-src 'sha256-{hash}'; frame-ancestors 'none'")
});

/// The page that a service sends people back to. It shows what is to be handed on, and ends nothing by itself.
pub(super) async fn back(RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let given = |name: &str| {
        let found = url::form_urlencoded::parse(query.as_bytes()).take(20).find(|(known, _)| known == name);
        found.map(|(_, value)| escaped(&value)).unwrap_or_default()
    };
    let (state, code) = (given("state"), given("code"));
    let said = if code.is_empty() {
        let why = [given("error_description"), given("error")].into_iter().find(|why| !why.is_empty());
        format!("<p>The service did not let Frontdesk in. {}</p>", why.unwrap_or_default())
    } else {
        format!(
            "<p>The service lets Frontdesk in. Where the console has begun this in the same browser, it goes on there by \
             itself, and you may close this page. Else complete the connection within 15 minutes, as who began it, with \
             <code>POST /1.0/content_sources/{{sourceId}}/connection/complete</code> and these:</p>\
             <dl><dt>state</dt><dd><code>{state}</code></dd><dt>code</dt><dd><code>{code}</code></dd></dl>"
        )
    };
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>Frontdesk</title><h1>Connecting</h1>{said}\
         <script>{TELL}</script></html>"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY.as_str()),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, page).into_response()
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars().take(CODE_CHARACTERS_MAX) {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}
