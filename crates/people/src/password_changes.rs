//! What goes with a new password, whoever sets it: the old one is remembered as far as the settings want it, open links
//! to choose one are over, and the journal tells.

use frontdesk_model::{Env, Id, Result};
use frontdesk_store::{Tx, args};
use serde_json::json;

use crate::settings::{self, Settings};
use crate::{events, mails, password_links, sessions};

/// Call it in the transaction of the change, before the new hash is written.
pub(crate) fn note(tx: &mut dyn Tx, env: &Env, by: Option<Id>, user_id: Id) -> Result<()> {
    let settings = settings::load(tx)?;
    let row = tx.first("SELECT password_hash FROM users WHERE id = $1", args![&user_id])?;
    let before: Option<String> = row.map(|row| row.get(0)).transpose()?.flatten();
    if let Some(before) = before.filter(|_| settings.password_archivable_enabled) {
        tx.execute(
            "INSERT INTO former_passwords (id, user_id, hash, created_at) VALUES ($1, $2, $3, $4)",
            args![&env.id(), &user_id, &before, env.now()],
        )?;
    }
    let kept = if settings.password_archivable_enabled { settings.password_archivable_size } else { 0 };
    tx.execute(
        "DELETE FROM former_passwords WHERE user_id = $1 AND id NOT IN
           (SELECT id FROM former_passwords WHERE user_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2)",
        args![&user_id, kept],
    )?;
    password_links::forget(tx, user_id)?;
    mails::end_links(tx, user_id)?;
    tx.execute("UPDATE users SET password_changed_at = $2 WHERE id = $1", args![&user_id, env.now()])?;
    tx.append(events::of(by, env, "password.updated", user_id, json!({ "user_id": user_id })));
    Ok(())
}

/// Sets a user's own new password; their other sessions end.
pub(crate) fn set(tx: &mut dyn Tx, env: &Env, user_id: Id, hash: &str, but: Option<Id>) -> Result<()> {
    note(tx, env, Some(user_id), user_id)?;
    tx.execute(
        "UPDATE users SET password_hash = $2, invitation_pending = FALSE, updated_at = $3 WHERE id = $1",
        args![&user_id, hash, env.now()],
    )?;
    sessions::end_all(tx, env, Some(user_id), user_id, but)
}

/// The hashes of the passwords that a user may not take: theirs, and those before as far as the settings want it.
pub(crate) fn former(tx: &mut dyn Tx, settings: &Settings, user_id: Id) -> Result<Vec<String>> {
    if !settings.password_archivable_enabled {
        return Ok(Vec::new());
    }
    let rows = tx.query(
        "SELECT password_hash FROM users WHERE id = $1 AND password_hash IS NOT NULL
         UNION ALL SELECT hash FROM (SELECT hash FROM former_passwords WHERE user_id = $1
           ORDER BY created_at DESC, id DESC LIMIT $2) AS former",
        args![&user_id, settings.password_archivable_size],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Whether a user has to choose another password.
pub(crate) fn is_expired(tx: &mut dyn Tx, env: &Env, settings: &Settings, user_id: Id) -> Result<bool> {
    if !settings.expire_password_enabled {
        return Ok(false);
    }
    let sql = "SELECT coalesce(password_changed_at, created_at) FROM users WHERE id = $1";
    let changed_at: frontdesk_model::Timestamp = tx.one(sql, args![&user_id])?.get(0)?;
    Ok(changed_at.plus_seconds(settings.expire_password_after) <= env.now())
}
