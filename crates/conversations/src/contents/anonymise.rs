//! Erasing what contents say: the text, title, files and all that a channel told beside them go, also from the
//! full-text index; that somebody wrote at that time stays.

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id, Result, Timestamp};
use frontdesk_rest::Call;
use frontdesk_store::{Tx, args, search};
use serde_json::json;

use super::find;
use crate::{attachments, visitors};

/// What is shown in place of the text.
const TEXT: &str = "Anonymized";

/// Erases one content. A repeat changes nothing.
pub(super) fn anonymise_one(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<()> {
    find(tx, &call.caller, id)?;
    anonymise(tx, &call.env, Some(call.caller.user_id), &[id])
}

/// Erases contents; those that are erased already stay as they are.
pub(crate) fn anonymise(tx: &mut dyn Tx, env: &Env, user_id: Option<Id>, ids: &[Id]) -> Result<()> {
    let listed = tx.in_list("id", 1);
    let rows = tx.query(
        &format!("SELECT id, thread_id, source_id FROM contents WHERE {listed} AND anonymized_at IS NULL"),
        args![ids],
    )?;
    let mut erased: Vec<Id> = Vec::with_capacity(rows.len());
    for row in &rows {
        let (id, thread_id, source_id): (Id, Id, Id) = (row.get(0)?, row.get(1)?, row.get(2)?);
        search::forget(tx, "contents", id)?;
        let payload = json!({ "source_id": source_id });
        tx.append(NewEvent::new(env, user_id, "content.anonymized", id, Some(thread_id), payload));
        erased.push(id);
    }
    if erased.is_empty() {
        return Ok(());
    }
    attachments::remove_of_contents(tx, &erased)?;
    // What would still be sent is not.
    tx.execute(
        &format!("DELETE FROM deliveries WHERE action = 'create' AND {}", tx.in_list("content_id", 1)),
        args![&erased],
    )?;
    // A content that opened a titled thread gave it its title.
    tx.execute(
        &format!(
            "UPDATE threads SET title = NULL
             WHERE id IN (SELECT thread_id FROM contents WHERE {listed} AND type = 'thread')"
        ),
        args![&erased],
    )?;
    tx.execute(
        &format!(
            "UPDATE contents SET body = $2, body_format = 'text', title = NULL, source_url = NULL, extras = NULL,
               synchronization_error = NULL,
               synchronization_status = CASE WHEN synchronization_status = 'export_pending' AND foreign_id IS NULL THEN 'export_aborted'
                 ELSE synchronization_status END, approval_required = FALSE, scheduled_at = NULL,
               attachments_count = 0, anonymized_at = $3, updated_at = $3
             WHERE {listed}"
        ),
        args![&erased, TEXT, env.now()],
    )?;
    Ok(())
}

/// Asks for everything that an identity wrote to be erased: by and by, so that nobody waits behind it.
pub(crate) fn begin(tx: &mut dyn Tx, env: &Env, user_id: Id, identity_id: Id) -> Result<()> {
    tx.execute(
        "INSERT INTO erasures (identity_id, user_id, created_at) VALUES ($1, $2, $3)
         ON CONFLICT (identity_id) DO NOTHING",
        args![&identity_id, &user_id, env.now()],
    )?;
    Ok(())
}

/// Whether something waits to be erased.
pub(crate) fn any_due(tx: &mut dyn Tx, _: Timestamp) -> Result<bool> {
    Ok(tx.first("SELECT 1 FROM erasures LIMIT 1", args![])?.is_some())
}

/// Erases the next contents of the identity that waits longest.
pub(crate) fn advance(tx: &mut dyn Tx, env: &Env, rows_max: i64) -> Result<u64> {
    let next =
        tx.first("SELECT identity_id, user_id FROM erasures ORDER BY created_at, identity_id LIMIT 1", args![])?;
    let Some(next) = next else { return Ok(0) };
    let (identity_id, user_id): (Id, Option<Id>) = (next.get(0)?, next.get(1)?);
    let rows = tx.query(
        "SELECT id FROM contents WHERE author_id = $1 AND anonymized_at IS NULL ORDER BY created_at LIMIT $2",
        args![&identity_id, rows_max],
    )?;
    let ids = rows.iter().map(|row| row.get(0)).collect::<Result<Vec<Id>>>()?;
    if ids.is_empty() {
        let rows = visitors::pages::forget(tx, identity_id, rows_max)?;
        if rows > 0 {
            return Ok(rows);
        }
        tx.execute("DELETE FROM erasures WHERE identity_id = $1", args![&identity_id])?;
        return Ok(1);
    }
    anonymise(tx, env, user_id, &ids)?;
    Ok(ids.len() as u64)
}
