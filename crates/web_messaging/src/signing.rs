//! Signed identities of a community: whether its visitors have to be signed, and the keys of the websites that do (public
//! page "Configuring the Community").

use std::sync::Arc;

use frontdesk_conversations::{Conversations, communities};
use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id, Permission, Result, Secret, Timestamp, error};
use frontdesk_rest::{Call, NoParameters, Operation};
use frontdesk_store::{Seal, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::jwt::{self, Algorithm};
use crate::sessions;

/// Keys of one community.
const KEYS_MAX: i64 = 20;
const KEY_ID_CHARACTERS_MAX: usize = 64;
/// A public key in PEM.
const KEY_CHARACTERS_MAX: usize = 4_000;

/// What visitors have to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// Whoever is known is signed.
    Require,
    /// Nobody is.
    Reject,
}

/// What a community asks of its visitors.
pub(crate) fn mode(tx: &mut dyn Tx, community_id: Id) -> Result<Mode> {
    let row = tx.one("SELECT signed_identities FROM communities WHERE id = $1", args![&community_id])?;
    Ok(if row.get::<Option<String>>(0)?.as_deref() == Some("reject") { Mode::Reject } else { Mode::Require })
}

/// The key with this id.
pub(crate) fn key(tx: &mut dyn Tx, seal: &Seal, community_id: Id, key_id: &str) -> Result<Option<(Algorithm, Secret)>> {
    if key_id.contains('\0') {
        return Ok(None);
    }
    let sql = "SELECT algorithm, key FROM jwt_keys WHERE community_id = $1 AND key_id = $2";
    let Some(row) = tx.first(sql, args![&community_id, key_id])? else { return Ok(None) };
    let algorithm = Algorithm::named(&row.get::<String>(0)?);
    let algorithm = algorithm.ok_or_else(|| error::broken("a JWT key has an unknown algorithm"))?;
    Ok(Some((algorithm, seal.open(&purpose(community_id, key_id), &row.get::<Vec<u8>>(1)?)?)))
}

fn purpose(community_id: Id, key_id: &str) -> String {
    format!("jwt key:{community_id}:{key_id}")
}

/// Whether somebody was signed once.
pub(crate) fn was_signed(tx: &mut dyn Tx, community_id: Id, uuid: &str) -> Result<bool> {
    let sql = "SELECT 1 FROM signed_visitors WHERE community_id = $1 AND uuid = $2";
    Ok(tx.first(sql, args![&community_id, uuid])?.is_some())
}

/// Keeps for ever that somebody was signed.
pub(crate) fn note_signed(tx: &mut dyn Tx, env: &Env, community_id: Id, uuid: &str) -> Result<()> {
    tx.execute(
        "INSERT INTO signed_visitors (community_id, uuid, signed_at) VALUES ($1, $2, $3)
         ON CONFLICT (community_id, uuid) DO NOTHING",
        args![&community_id, uuid, env.now()],
    )?;
    Ok(())
}

/// How a community knows its visitors.
#[derive(Serialize, JsonSchema)]
struct SignedIdentities {
    /// `require`: whoever is known is signed by their website, which is how a community begins. `reject`: nobody is.
    mode: Mode,
    /// The websites' keys, oldest first, without the keys themselves.
    keys: Vec<JwtKey>,
}

/// A key by which a website signs.
#[derive(Serialize, JsonSchema)]
struct JwtKey {
    /// What tokens name as `kid`.
    key_id: String,
    /// HS256 or RS256. A key id stands for one of them.
    algorithm: String,
    created_at: Timestamp,
}

/// Parameters of `updateSignedIdentities`.
#[derive(Deserialize, JsonSchema)]
struct Update {
    /// `require` or `reject`.
    mode: Mode,
}

/// Parameters of `createJwtKey`.
#[derive(Deserialize, JsonSchema)]
struct Create {
    /// What tokens will name as `kid`: a-z, 0-9 and _.
    #[schemars(length(min = 1, max = KEY_ID_CHARACTERS_MAX))]
    key_id: String,
    /// HS256 or RS256.
    algorithm: String,
    /// For HS256 the shared secret, 24 characters from 0-9 and a-f; for RS256 the public key in PEM, 2048 bits or more.
    #[schemars(length(max = KEY_CHARACTERS_MAX))]
    key: String,
}

pub(crate) fn operations(app: &Arc<Conversations>) -> Vec<Operation> {
    let tag = "Web Messaging";
    let path = "/communities/{communityId}/signed_identities";
    let seal = app.seal.clone();
    vec![
        Operation::read("getSignedIdentities", Method::GET, path, |call, _: NoParameters, tx| {
            let id = community(call, tx)?;
            answer(tx, id)
        })
        .tag(tag)
        .summary("Reads whether a community's visitors are signed, and by which keys.")
        .permissions(&[Permission::ReadCommunity])
        .extension(),
        Operation::write("updateSignedIdentities", Method::PUT, path, update)
            .tag(tag)
            .summary("Has a community's visitors signed by their websites, or not.")
            .notes("Who was signed once is never met without a signature again, whatever the mode.")
            .permissions(&[Permission::UpdateCommunity])
            .extension(),
        Operation::write(
            "createJwtKey",
            Method::POST,
            "/communities/{communityId}/jwt_keys",
            move |call, given, tx| create(&seal, call, &given, tx),
        )
        .tag(tag)
        .summary("Gives a website a key to sign its visitors with.")
        .notes("To change a key, add the new one, let the website use it, then delete the old one.")
        .permissions(&[Permission::UpdateCommunity])
        .extension(),
        Operation::write(
            "deleteJwtKey",
            Method::DELETE,
            "/communities/{communityId}/jwt_keys/{keyId}",
            |call, _: NoParameters, tx| delete(call, tx),
        )
        .tag(tag)
        .summary("Deletes a key: what was signed with it is refused from now on, and sessions that began so end.")
        .permissions(&[Permission::UpdateCommunity])
        .extension(),
    ]
}

/// A community that can have visitors.
fn community(call: &Call, tx: &mut dyn Tx) -> Result<Id> {
    let id = call.id("communityId", "community")?;
    let row = tx.first("SELECT type FROM communities WHERE id = $1", args![&id])?;
    let kind: String = row.ok_or_else(|| error::not_found("community"))?.get(0)?;
    if kind != "mobile_messaging" {
        let message = format!("Communities of type {kind} have no visitors.");
        return Err(error::unprocessable("no_messaging_community", message));
    }
    Ok(id)
}

/// One whose customers the caller may read wherever they write: whoever holds a key can be any of them.
fn readable_community(call: &Call, tx: &mut dyn Tx) -> Result<Id> {
    let id = community(call, tx)?;
    communities::require_to_read(call, tx, id)?;
    Ok(id)
}

fn answer(tx: &mut dyn Tx, id: Id) -> Result<SignedIdentities> {
    let sql = "SELECT key_id, algorithm, created_at FROM jwt_keys WHERE community_id = $1 ORDER BY created_at, key_id";
    let rows = tx.query(sql, args![&id])?;
    let keys =
        rows.iter().map(|row| Ok(JwtKey { key_id: row.get(0)?, algorithm: row.get(1)?, created_at: row.get(2)? }));
    Ok(SignedIdentities { keys: keys.collect::<Result<_>>()?, mode: mode(tx, id)? })
}

fn changed(call: &Call, id: Id, what: &str, tx: &mut dyn Tx) -> Result<SignedIdentities> {
    let payload = json!({ "changed": [what] });
    tx.append(NewEvent::new(&call.env, Some(call.caller.user_id), "community.updated", id, None, payload));
    answer(tx, id)
}

fn update(call: &Call, given: Update, tx: &mut dyn Tx) -> Result<SignedIdentities> {
    let id = readable_community(call, tx)?;
    if mode(tx, id)? == given.mode {
        return answer(tx, id);
    }
    let mode = if given.mode == Mode::Reject { "reject" } else { "require" };
    let sql = "UPDATE communities SET signed_identities = $2, updated_at = $3 WHERE id = $1";
    tx.execute(sql, args![&id, mode, call.env.now()])?;
    if given.mode == Mode::Reject {
        sessions::end_signed(tx, id, None)?;
    }
    changed(call, id, "signed_identities", tx)
}

fn create(seal: &Seal, call: &Call, given: &Create, tx: &mut dyn Tx) -> Result<SignedIdentities> {
    let id = readable_community(call, tx)?;
    let key_id = given.key_id.as_str();
    let is_named = key_id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if !is_named || key_id.is_empty() || key_id.len() > KEY_ID_CHARACTERS_MAX {
        let message = format!("key_id has 1 to {KEY_ID_CHARACTERS_MAX} characters from a-z, 0-9 and _.");
        return Err(error::invalid("key_id", "invalid", message));
    }
    let Some(algorithm) = Algorithm::named(&given.algorithm) else {
        return Err(error::invalid("algorithm", "inclusion", "algorithm must be HS256 or RS256."));
    };
    if given.key.len() > KEY_CHARACTERS_MAX {
        return Err(error::invalid("key", "too_long", format!("key has at most {KEY_CHARACTERS_MAX} characters.")));
    }
    if let Some(fault) = jwt::fault(algorithm, &given.key) {
        return Err(error::invalid("key", "invalid", fault));
    }
    let count: i64 = tx.one("SELECT count(*) FROM jwt_keys WHERE community_id = $1", args![&id])?.get(0)?;
    if count >= KEYS_MAX {
        let message = format!("A community has at most {KEYS_MAX} keys: delete one that is no longer used.");
        return Err(error::unprocessable("too_many_jwt_keys", message));
    }
    let sealed = seal.seal(&purpose(id, key_id), &Secret::new(given.key.clone()))?;
    let inserted = tx.execute(
        "INSERT INTO jwt_keys (community_id, key_id, algorithm, key, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (community_id, key_id) DO NOTHING",
        args![&id, key_id, algorithm.as_str(), &sealed, call.env.now()],
    )?;
    if inserted == 0 {
        return Err(error::invalid("key_id", "taken", "key_id: there is such a key; choose another id."));
    }
    changed(call, id, "jwt_keys", tx)
}

fn delete(call: &Call, tx: &mut dyn Tx) -> Result<SignedIdentities> {
    let id = readable_community(call, tx)?;
    let key_id = call.path("keyId")?;
    let deleted = tx.execute("DELETE FROM jwt_keys WHERE community_id = $1 AND key_id = $2", args![&id, key_id])?;
    if deleted == 0 {
        return Err(error::not_found("JWT key"));
    }
    sessions::end_signed(tx, id, Some(key_id))?;
    changed(call, id, "jwt_keys", tx)
}
