//! Sessions: a secret stands for a visitor at a source. Who they are is what they are on their own, what their website says
//! of them, or what it has signed.

use frontdesk_conversations::Conversations;
use frontdesk_conversations::visitors::{self, ANONYMOUS, Claims, Place, Visitor};
use frontdesk_model::error::{Error, Refusal};
use frontdesk_model::{Env, Id, Result, Timestamp, error, hex};
use frontdesk_people::access_tokens;
use frontdesk_store::{Row, Seal, Tx, args};
use ring::digest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::devices;
use crate::fields::Fields;
use crate::jwt::Token;
use crate::signing::{self, Mode};
use crate::unread;

/// Begins every session's secret.
pub(crate) const PREFIX: &str = "fds_";
/// A session that was not signed ends after so long without use.
const UNUSED_SECONDS_MAX: i64 = 365 * 24 * 60 * 60;
/// Its end is moved at most this often: that costs a write.
const MOVED_SECONDS_MIN: i64 = 24 * 60 * 60;
/// What is signed holds at least so long when it is first shown.
const AHEAD_SECONDS_MIN: i64 = 60 * 60;
/// A session that was signed ends after so long, however far ahead its token ends: then its website signs again.
const SIGNED_SECONDS_MAX: i64 = 31 * 24 * 60 * 60;
/// Clocks differ.
pub(crate) const LEEWAY_SECONDS: i64 = 10;

/// Where a visitor is, and what the page says of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Context {
    pub(crate) locale: Option<String>,
    pub(crate) trigger_id: Option<Id>,
    pub(crate) url: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) custom: Map<String, Value>,
}

/// A visitor's session, as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) id: Id,
    pub(crate) uuid: String,
    pub(crate) signed: bool,
    pub(crate) claims: Claims,
    pub(crate) context: Context,
    pub(crate) expires_at: Timestamp,
}

impl Session {
    pub(crate) fn visitor<'a>(&'a self, place: &'a Place) -> Visitor<'a> {
        Visitor { place, uuid: &self.uuid }
    }

    pub(crate) fn is_anonymous(&self) -> bool {
        self.uuid.starts_with(ANONYMOUS)
    }
}

/// What a visitor, or their website, says at the beginning.
pub(crate) struct Given {
    pub(crate) session: Option<String>,
    pub(crate) jwt: Option<String>,
    pub(crate) identity: Option<(Claims, Option<String>)>,
    pub(crate) context: Context,
}

impl Given {
    /// What of it may prove who somebody is.
    pub(crate) fn proof(&self) -> Given {
        let (session, jwt) = (self.session.clone(), self.jwt.clone());
        Given { session, jwt, identity: None, context: Context::default() }
    }
}

/// A session that has begun.
pub(crate) struct Begun {
    pub(crate) session: Session,
    /// The secret, when it is a new one.
    pub(crate) secret: Option<String>,
    /// The session in whose place it is.
    pub(crate) ended: Option<Id>,
}

pub(crate) fn refused(status: u16, code: &'static str, message: &str) -> Error {
    let message = message.to_owned();
    Refusal { status, code: code.into(), message, errors: Vec::new(), retry_after_seconds: None }.into()
}

pub(crate) fn unknown_session() -> Error {
    refused(401, "invalid_session", "There is no such session, or it has ended: begin a new one.")
}

fn expired() -> Error {
    refused(401, "identity_expired", "What signed this visitor has expired: load the page again.")
}

const COLUMNS: &str = "id, uuid, signed, claims, context, expires_at";

fn session(row: &Row) -> Result<Session> {
    let broken = |trouble: serde_json::Error| error::broken(format!("visitor_sessions: {trouble}"));
    Ok(Session {
        id: row.get(0)?,
        uuid: row.get(1)?,
        signed: row.get(2)?,
        claims: serde_json::from_str(&row.get::<String>(3)?).map_err(broken)?,
        context: serde_json::from_str(&row.get::<String>(4)?).map_err(broken)?,
        expires_at: row.get(5)?,
    })
}

/// The session that a secret stands for at this source. 401 for any other.
pub(crate) fn find(tx: &mut dyn Tx, env: &Env, place: &Place, secret: &str) -> Result<Session> {
    let found = find_ended(tx, place, secret)?;
    require_unsigned(tx, place.community_id(), &found.uuid, found.signed)?;
    let leeway = if found.signed { LEEWAY_SECONDS } else { 0 };
    match env.now() > found.expires_at.plus_seconds(leeway) {
        true if found.signed => Err(expired()),
        true => Err(unknown_session()),
        false => Ok(found),
    }
}

/// Who only said who they are goes on while nobody has to be signed, and nobody was signed as that person. 401 otherwise.
fn require_unsigned(tx: &mut dyn Tx, community_id: Id, uuid: &str, signed: bool) -> Result<()> {
    if signed || uuid.starts_with(ANONYMOUS) {
        return Ok(());
    }
    match signing::mode(tx, community_id)? == Mode::Require || signing::was_signed(tx, community_id, uuid)? {
        true => Err(unknown_session()),
        false => Ok(()),
    }
}

/// Whether a session that was found before is still one, but for its time. 401 when it is not.
pub(crate) fn require_going_on(tx: &mut dyn Tx, session_id: Id) -> Result<()> {
    let row = tx.first(
        "SELECT sources.community_id, visitor_sessions.uuid, visitor_sessions.signed FROM visitor_sessions
         JOIN sources ON sources.id = visitor_sessions.source_id WHERE visitor_sessions.id = $1",
        args![&session_id],
    )?;
    let row = row.ok_or_else(unknown_session)?;
    require_unsigned(tx, row.get(0)?, &row.get::<String>(1)?, row.get(2)?)
}

/// Ends sessions of a community that were signed: all, or those by one key, and those of which the key is not known. The
/// devices that they registered are told of nothing more.
pub(crate) fn end_signed(tx: &mut dyn Tx, community_id: Id, key_id: Option<&str>) -> Result<()> {
    let ended = tx.query(
        "DELETE FROM visitor_sessions
         WHERE signed AND (jwt_key = $2 OR jwt_key IS NULL OR $2 IS NULL)
           AND source_id IN (SELECT id FROM sources WHERE community_id = $1) RETURNING id",
        args![&community_id, key_id],
    )?;
    for row in &ended {
        devices::forget_of(tx, row.get(0)?)?;
    }
    Ok(())
}

/// The same whether or not it has run out: who signs out may be late.
pub(crate) fn find_ended(tx: &mut dyn Tx, place: &Place, secret: &str) -> Result<Session> {
    let row = tx.first(
        &format!("SELECT {COLUMNS} FROM visitor_sessions WHERE hash = $1 AND source_id = $2"),
        args![&access_tokens::hash(secret)[..], &place.source_id()],
    )?;
    session(&row.ok_or_else(unknown_session)?)
}

/// Begins a session, or goes on with one.
pub(crate) fn begin(tx: &mut dyn Tx, env: &Env, seal: &Seal, place: &Place, given: &Given) -> Result<Begun> {
    let old = match &given.session {
        Some(secret) => match find(tx, env, place, secret) {
            Ok(session) => Some(session),
            // Who comes back too late begins anew.
            Err(Error::Refused(_)) => None,
            Err(other) => return Err(other),
        },
        None => None,
    };
    let mode = signing::mode(tx, place.community_id())?;
    if let Some(jwt) = &given.jwt {
        let signed = verified(tx, env, seal, place, mode, jwt)?;
        let visitor = Visitor { place, uuid: &signed.uuid };
        if let Some(old) = old.as_ref().filter(|old| old.is_anonymous()) {
            visitors::merge(tx, env, old.visitor(place), visitor, &signed.claims)?;
        }
        visitors::identify(tx, env, visitor, &signed.claims)?;
        let replaced = old.filter(|old| old.is_anonymous() || old.uuid == signed.uuid);
        if let Some(old) = &replaced {
            end(tx, old.id)?;
        }
        let begun = create(tx, env, place, signed, &given.context, replaced.map(|old| old.id))?;
        if let Some(ended) = begun.ended {
            devices::follow(tx, ended, &begun.session)?;
        }
        return Ok(begun);
    }
    if given.identity.is_some() && mode == Mode::Require {
        return Err(refused(403, "signed_identity_required", "This website signs its visitors: show a jwt."));
    }
    let (claims, uuid) = given.identity.clone().unwrap_or_default();
    match (old, uuid) {
        (Some(old), uuid) if uuid.as_ref().is_none_or(|uuid| *uuid == old.uuid) => {
            if old.signed && given.identity.is_some() {
                return Err(refused(403, "signed_identity_required", "This visitor is signed: show a jwt."));
            }
            let session = change(tx, env, place, old, claims, &given.context)?;
            Ok(Begun { session, secret: None, ended: None })
        }
        (_, Some(uuid)) => {
            if signing::was_signed(tx, place.community_id(), &uuid)? {
                return Err(refused(403, "signed_identity_required", "This visitor was signed before: show a jwt."));
            }
            let visitor = Visitor { place, uuid: &uuid };
            visitors::identify(tx, env, visitor, &claims)?;
            create(tx, env, place, Proven::unsigned(env, uuid, claims), &given.context, None)
        }
        (_, None) => {
            let uuid = format!("{ANONYMOUS}{}", hex::encode(env.random::<16>()));
            create(tx, env, place, Proven::unsigned(env, uuid, claims), &given.context, None)
        }
    }
}

/// Changes what is known of a visitor whose session goes on.
pub(crate) fn update(
    tx: &mut dyn Tx,
    env: &Env,
    seal: &Seal,
    place: &Place,
    mut old: Session,
    given: &Given,
) -> Result<Session> {
    let other = || refused(409, "other_identity", "This is somebody else: begin a new session.");
    let mode = signing::mode(tx, place.community_id())?;
    if let Some(jwt) = &given.jwt {
        let signed = verified(tx, env, seal, place, mode, jwt)?;
        if !old.signed || old.uuid != signed.uuid {
            return Err(other());
        }
        old.expires_at = signed.expires_at;
        let sql = "UPDATE visitor_sessions SET expires_at = $2, jwt_hash = $3, jwt_key = $4 WHERE id = $1";
        tx.execute(
            sql,
            args![&old.id, signed.expires_at, &signed.jwt_hash.unwrap_or_default(), signed.jwt_key.as_deref()],
        )?;
        return change(tx, env, place, old, signed.claims, &given.context);
    }
    let (claims, uuid) = given.identity.clone().unwrap_or_default();
    if given.identity.is_some() && (mode == Mode::Require || old.signed) {
        return Err(refused(403, "signed_identity_required", "This website signs its visitors: show a jwt."));
    }
    if uuid.is_some_and(|uuid| uuid != old.uuid) {
        return Err(other());
    }
    change(tx, env, place, old, claims, &given.context)
}

fn change(
    tx: &mut dyn Tx,
    env: &Env,
    place: &Place,
    mut session: Session,
    claims: Claims,
    told: &Context,
) -> Result<Session> {
    let before = (session.claims.clone(), session.context.clone());
    session.claims = session.claims.completed(claims);
    session.context = later(session.context, told);
    let until = env.now().plus_seconds(UNUSED_SECONDS_MAX);
    let moves = !session.signed && until.seconds_since(session.expires_at) >= MOVED_SECONDS_MIN;
    if moves {
        session.expires_at = until;
    }
    if moves || before != (session.claims.clone(), session.context.clone()) {
        tx.execute(
            "UPDATE visitor_sessions SET claims = $2, context = $3, expires_at = $4 WHERE id = $1",
            args![&session.id, &json(&session.claims)?, &json(&session.context)?, session.expires_at],
        )?;
    }
    if before.0 != session.claims {
        visitors::identify(tx, env, session.visitor(place), &session.claims)?;
    }
    Ok(session)
}

fn later(before: Context, told: &Context) -> Context {
    let mut custom = before.custom;
    custom.extend(told.custom.clone());
    // Names that pages made up one after the other must not fill the store.
    let custom = custom.into_iter().take(crate::fields::NAMES_MAX).collect();
    Context {
        locale: told.locale.clone().or(before.locale),
        trigger_id: told.trigger_id.or(before.trigger_id),
        url: told.url.clone().or(before.url),
        title: told.title.clone().or(before.title),
        custom,
    }
}

/// Keeps where the visitor is, and what they added to what is known of them.
pub(crate) fn note(
    tx: &mut dyn Tx,
    env: &Env,
    place: &Place,
    session: Session,
    claims: Claims,
    told: &Context,
) -> Result<Session> {
    change(tx, env, place, session, claims, told)
}

/// Who somebody is.
struct Proven {
    uuid: String,
    claims: Claims,
    signed: bool,
    jwt_hash: Option<Vec<u8>>,
    jwt_key: Option<String>,
    expires_at: Timestamp,
}

impl Proven {
    fn unsigned(env: &Env, uuid: String, claims: Claims) -> Proven {
        let expires_at = env.now().plus_seconds(UNUSED_SECONDS_MAX);
        Proven { uuid, claims, signed: false, jwt_hash: None, jwt_key: None, expires_at }
    }
}

/// What a token proves.
fn verified(tx: &mut dyn Tx, env: &Env, seal: &Seal, place: &Place, mode: Mode, jwt: &str) -> Result<Proven> {
    let community_id = place.community_id();
    if mode == Mode::Reject {
        return Err(refused(403, "signed_identity_rejected", "This website does not sign its visitors."));
    }
    let mut proven = believed(tx, env, seal, community_id, jwt)?;
    let (hash, now) = (proven.jwt_hash.clone().unwrap_or_default(), env.now());
    if now.plus_seconds(AHEAD_SECONDS_MIN) > proven.expires_at {
        let known = tx.first(
            "SELECT 1 FROM visitor_sessions WHERE source_id = $1 AND uuid = $2 AND jwt_hash = $3",
            args![&place.source_id(), &proven.uuid, &hash],
        )?;
        if known.is_none() {
            return Err(invalid("exp must be at least an hour ahead."));
        }
    }
    signing::note_signed(tx, env, community_id, &proven.uuid)?;
    proven.expires_at = proven.expires_at.min(now.plus_seconds(SIGNED_SECONDS_MAX));
    Ok(proven)
}

fn invalid(why: &str) -> Error {
    refused(401, "invalid_identity", &format!("The jwt is not accepted: {why}"))
}

/// Checks signature, claims and end of a token.
fn believed(tx: &mut dyn Tx, env: &Env, seal: &Seal, community_id: Id, jwt: &str) -> Result<Proven> {
    let token = Token::parse(jwt).ok_or_else(|| invalid("it is malformed."))?;
    let key = signing::key(tx, seal, community_id, &token.key_id)?;
    let (algorithm, key) = key.ok_or_else(|| invalid("its kid names no key."))?;
    let jwt_key = Some(token.key_id.clone());
    let payload = token.verified(algorithm, key.reveal()).ok_or_else(|| invalid("its signature is wrong."))?;
    let expires = payload.get("exp").and_then(Value::as_i64).ok_or_else(|| invalid("exp is missing."))?;
    if !(0..=253_402_300_799).contains(&expires) {
        return Err(invalid("exp must be seconds since 1970."));
    }
    let fields = Fields::of(payload, "jwt").map_err(|_| invalid("a claim is wrong."))?;
    let (claims, uuid) = fields.claims().map_err(|wrong| invalid(&wrong.to_string()))?;
    let uuid = uuid.ok_or_else(|| invalid("uuid is missing."))?;
    let expires_at = Timestamp::from_micros(expires * 1_000_000);
    if env.now() > expires_at.plus_seconds(LEEWAY_SECONDS) {
        return Err(expired());
    }
    let jwt_hash = digest::digest(&digest::SHA256, jwt.as_bytes()).as_ref().to_vec();
    Ok(Proven { uuid, claims, signed: true, jwt_hash: Some(jwt_hash), jwt_key, expires_at })
}

/// Who a visitor may be, without changing anything: none for what proves nothing.
pub(crate) fn guess(tx: &mut dyn Tx, env: &Env, seal: &Seal, place: &Place, given: &Given) -> Result<Option<String>> {
    let mode = signing::mode(tx, place.community_id())?;
    let known = |result: Result<String>| match result {
        Ok(uuid) => Ok(Some(uuid)),
        Err(Error::Refused(_)) => Ok(None),
        Err(other) => Err(other),
    };
    if let Some(jwt) = given.jwt.as_ref().filter(|_| mode == Mode::Require) {
        return known(believed(tx, env, seal, place.community_id(), jwt).map(|proven| proven.uuid));
    }
    if let Some(secret) = &given.session {
        return known(find(tx, env, place, secret).map(|session| session.uuid));
    }
    let uuid = given.identity.as_ref().and_then(|(_, uuid)| uuid.clone()).filter(|_| mode == Mode::Reject);
    match uuid {
        Some(uuid) if !signing::was_signed(tx, place.community_id(), &uuid)? => Ok(Some(uuid)),
        _ => Ok(None),
    }
}

/// Whether a token is one that a frame of a website may begin with.
pub(crate) fn check(tx: &mut dyn Tx, env: &Env, seal: &Seal, place: &Place, jwt: &str) -> Result<()> {
    if signing::mode(tx, place.community_id())? == Mode::Reject {
        return Err(refused(403, "signed_identity_rejected", "This website does not sign its visitors."));
    }
    believed(tx, env, seal, place.community_id(), jwt).map(drop)
}

fn create(
    tx: &mut dyn Tx,
    env: &Env,
    place: &Place,
    proven: Proven,
    context: &Context,
    ended: Option<Id>,
) -> Result<Begun> {
    // One that agents write as is refused here, before anybody speaks with its voice.
    Visitor { place, uuid: &proven.uuid }.identity_id(tx)?;
    let secret = format!("{PREFIX}{}", hex::encode(env.random::<32>()));
    let Proven { uuid, claims, signed, jwt_hash, jwt_key, expires_at } = proven;
    let session = Session { id: env.id(), uuid, signed, claims, context: context.clone(), expires_at };
    tx.execute(
        "INSERT INTO visitor_sessions (id, hash, source_id, uuid, signed, jwt_hash, claims, context, expires_at, created_at, jwt_key)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        args![
            &session.id,
            &access_tokens::hash(&secret)[..],
            &place.source_id(),
            &session.uuid,
            signed,
            jwt_hash.as_ref().map_or(frontdesk_store::Arg::Null, Into::into),
            &json(&session.claims)?,
            &json(&session.context)?,
            expires_at,
            env.now(),
            jwt_key.as_deref()
        ],
    )?;
    Ok(Begun { session, secret: Some(secret), ended })
}

/// Ends a session.
pub(crate) fn end(tx: &mut dyn Tx, id: Id) -> Result<()> {
    tx.execute("DELETE FROM visitor_sessions WHERE id = $1", args![&id])?;
    Ok(())
}

/// Forgets sessions that have ended and uploads that nobody sent, at most so many of each. Returns the files, by their
/// hashes, that nothing names any more.
pub(crate) fn sweep(tx: &mut dyn Tx, now: Timestamp, most: i64) -> Result<Vec<[u8; 32]>> {
    tx.execute(
        // One that registered a device is kept, so that its person can still sign out.
        "DELETE FROM visitor_sessions WHERE id IN (
           SELECT id FROM visitor_sessions WHERE expires_at < $1
             AND NOT EXISTS (SELECT 1 FROM visitor_devices WHERE session_id = visitor_sessions.id) LIMIT $2)",
        args![now.plus_seconds(-AHEAD_SECONDS_MIN), most],
    )?;
    let unsent = tx.query(
        "DELETE FROM visitor_uploads WHERE id IN (SELECT id FROM visitor_uploads WHERE created_at < $1 LIMIT $2)
         RETURNING sha256",
        args![now.plus_seconds(-crate::attachments::KEPT_SECONDS), most],
    )?;
    let mut nameless = Vec::new();
    for row in &unsent {
        let sha256: Vec<u8> = row.get(0)?;
        let named =
            "SELECT 1 FROM attachments WHERE sha256 = $1 UNION ALL SELECT 1 FROM visitor_uploads WHERE sha256 = $1";
        if tx.first(named, args![&sha256[..]])?.is_none() {
            nameless.push(sha256.try_into().map_err(|_| error::broken("an upload has no hash"))?);
        }
    }
    unread::sweep(tx, now, most)?;
    devices::sweep(tx, now, most)?;
    Ok(nameless)
}

/// What a session is opened with.
pub(crate) fn store_of(app: &Conversations) -> (Env, Seal) {
    (app.env.clone(), app.seal.clone())
}

/// The language of the texts that a visitor saw last.
pub(crate) fn locale(tx: &mut dyn Tx, source_id: Id, uuid: &str) -> Result<Option<String>> {
    let rows = tx.query(
        "SELECT context FROM visitor_sessions WHERE source_id = $1 AND uuid = $2 ORDER BY id DESC LIMIT 10",
        args![&source_id, uuid],
    )?;
    for row in &rows {
        let context: Context = serde_json::from_str(&row.get::<String>(0)?)
            .map_err(|trouble| error::broken(format!("visitor_sessions: {trouble}")))?;
        if context.locale.is_some() {
            return Ok(context.locale);
        }
    }
    Ok(None)
}

fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|trouble| error::broken(trouble.to_string()))
}
