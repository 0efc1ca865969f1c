//! Signatures: what a user puts below their answers.

use frontdesk_model::{Id, Result, SourceRight, error};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_store::{Row, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{checked, events, users};

/// At most this many signatures of one user.
const SIGNATURES_MAX: i64 = 200;
const BODY_CHARACTERS_MAX: usize = 10_000;
/// At most this many sources of one signature.
const SOURCES_MAX: usize = 1_000;

/// A signature as REST shows it.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
struct UserSignature {
    id: Id,
    body: String,
    name: Option<String>,
    /// Two letters.
    language: Option<String>,
    /// Where it is offered; empty: everywhere.
    source_ids: Vec<Id>,
}

const COLUMNS: &str = "id, body, name, language, source_ids";

fn signature(row: &Row) -> Result<UserSignature> {
    let source_ids: String = row.get(4)?;
    Ok(UserSignature {
        id: row.get(0)?,
        body: row.get(1)?,
        name: row.get(2)?,
        language: row.get(3)?,
        source_ids: serde_json::from_str(&source_ids)
            .map_err(|trouble| error::broken(format!("user_signatures.source_ids: {trouble}")))?,
    })
}

/// Parameters of `createUserSignature`.
#[derive(Deserialize, JsonSchema)]
struct Create {
    /// The text.
    #[schemars(length(max = BODY_CHARACTERS_MAX))]
    body: String,
    #[serde(flatten)]
    attributes: Attributes,
}

/// Parameters of `updateUserSignature`.
#[derive(Deserialize, JsonSchema)]
struct Update {
    /// The text; not empty.
    #[schemars(length(max = BODY_CHARACTERS_MAX))]
    body: Option<String>,
    #[serde(flatten)]
    attributes: Attributes,
}

/// What a signature is made of beside its text.
#[derive(Deserialize, JsonSchema)]
struct Attributes {
    /// The sources where it is offered, of those that the caller may read; empty: everywhere.
    source_ids: Option<Vec<Id>>,
    /// The two-letter code of its language; empty: none.
    language: Option<String>,
    /// What people call it; empty: nothing.
    name: Option<String>,
}

pub(crate) fn operations() -> Vec<Operation> {
    let tag = "User Signatures";
    let (all, one) = ("/users/{userId}/signatures", "/users/{userId}/signatures/{signatureId}");
    let read = "One's own; those of others need read_user, or a team of theirs that one leads.";
    let write = "One's own; those of others need update_user, or a team of theirs that one leads, and a role that holds \
                 all that theirs does.";
    vec![
        Operation::read("getAllUserSignatures", Method::GET, all, list)
            .tag(tag)
            .summary("Lists a user's signatures, newest first.")
            .notes(read),
        Operation::read("getUserSignature", Method::GET, one, |call, _: NoParameters, tx| show(call, tx))
            .tag(tag)
            .summary("Reads a user's signature.")
            .notes(read),
        Operation::write("createUserSignature", Method::POST, all, create)
            .tag(tag)
            .summary("Creates a signature for a user.")
            .notes(write),
        Operation::write("updateUserSignature", Method::PUT, one, update)
            .tag(tag)
            .summary("Updates a user's signature.")
            .notes(write),
        Operation::write("deleteUserSignature", Method::DELETE, one, delete)
            .tag(tag)
            .summary("Deletes a user's signature.")
            .notes(write),
    ]
}

/// The user of the path, if the caller may read them.
fn owner(call: &Call, tx: &mut dyn Tx) -> Result<Id> {
    let id = call.id("userId", "user")?;
    users::find(tx, &call.caller, id)?;
    Ok(id)
}

/// The user of the path, if it is the caller or somebody whom they may change.
fn owner_to_change(call: &Call, tx: &mut dyn Tx) -> Result<Id> {
    let id = call.id("userId", "user")?;
    if id != call.caller.user_id {
        users::find_to_change(tx, &call.caller, id)?;
    }
    Ok(id)
}

fn list(call: &Call, paging: Paging, tx: &mut dyn Tx) -> Result<Page<UserSignature>> {
    let owner = owner(call, tx)?;
    let count = tx.one("SELECT count(*) FROM user_signatures WHERE user_id = $1", args![&owner])?.get(0)?;
    let rows = tx.query(
        &format!(
            "SELECT {COLUMNS} FROM user_signatures WHERE user_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3"
        ),
        args![&owner, paging.limit, paging.offset],
    )?;
    Ok(Page::new(count, paging, rows.iter().map(signature).collect::<Result<_>>()?))
}

fn show(call: &Call, tx: &mut dyn Tx) -> Result<UserSignature> {
    let owner = owner(call, tx)?;
    find(call, owner, tx)
}

fn find(call: &Call, owner: Id, tx: &mut dyn Tx) -> Result<UserSignature> {
    let row = tx.first(
        &format!("SELECT {COLUMNS} FROM user_signatures WHERE id = $1 AND user_id = $2"),
        args![&call.id("signatureId", "signature")?, &owner],
    )?;
    signature(&row.ok_or_else(|| error::not_found("signature"))?)
}

fn create(call: &Call, parameters: Create, tx: &mut dyn Tx) -> Result<UserSignature> {
    let owner = owner_to_change(call, tx)?;
    let count: i64 = tx.one("SELECT count(*) FROM user_signatures WHERE user_id = $1", args![&owner])?.get(0)?;
    if count >= SIGNATURES_MAX {
        let message = format!("A user has at most {SIGNATURES_MAX} signatures.");
        return Err(error::unprocessable("too_many_signatures", message));
    }
    let blank =
        UserSignature { id: call.env.id(), body: String::new(), name: None, language: None, source_ids: Vec::new() };
    let signature = changed(call, &blank, Some(parameters.body), parameters.attributes)?;
    tx.execute(
        "INSERT INTO user_signatures (id, user_id, body, name, language, source_ids, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        args![
            &signature.id,
            &owner,
            &signature.body,
            &signature.name,
            &signature.language,
            &json!(signature.source_ids).to_string(),
            call.env.now()
        ],
    )?;
    announce(call, owner, tx);
    Ok(signature)
}

fn update(call: &Call, parameters: Update, tx: &mut dyn Tx) -> Result<UserSignature> {
    let owner = owner_to_change(call, tx)?;
    let before = find(call, owner, tx)?;
    let signature = changed(call, &before, parameters.body, parameters.attributes)?;
    if signature == before {
        return Ok(before);
    }
    tx.execute(
        "UPDATE user_signatures SET body = $2, name = $3, language = $4, source_ids = $5 WHERE id = $1",
        args![
            &signature.id,
            &signature.body,
            &signature.name,
            &signature.language,
            &json!(signature.source_ids).to_string()
        ],
    )?;
    announce(call, owner, tx);
    Ok(signature)
}

fn delete(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<UserSignature> {
    let owner = owner_to_change(call, tx)?;
    let signature = find(call, owner, tx)?;
    tx.execute("DELETE FROM user_signatures WHERE id = $1", args![&signature.id])?;
    announce(call, owner, tx);
    Ok(signature)
}

/// The journal has no name of its own for signatures: they are the user's.
fn announce(call: &Call, owner: Id, tx: &mut dyn Tx) {
    tx.append(events::by(call, "user.updated", owner, json!({ "changed": ["signatures"] })));
}

fn changed(call: &Call, before: &UserSignature, body: Option<String>, given: Attributes) -> Result<UserSignature> {
    let mut signature = before.clone();
    if let Some(body) = body {
        if body.trim().is_empty() {
            return Err(error::invalid("body", "blank", "body can't be blank."));
        }
        signature.body = body;
    }
    if let Some(name) = given.name {
        signature.name = checked::optional("name", &name)?;
    }
    if let Some(language) = given.language {
        signature.language = checked::language("language", &language)?;
    }
    if let Some(ids) = given.source_ids {
        let ids = checked::distinct("source_ids", ids, SOURCES_MAX)?;
        let may_name = |id: &Id| before.source_ids.contains(id) || call.caller.may_on(*id, SourceRight::Read);
        checked::nameable_sources(&ids, may_name)?;
        signature.source_ids = ids;
    }
    Ok(signature)
}
