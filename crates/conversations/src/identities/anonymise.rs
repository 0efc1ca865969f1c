//! The right to be forgotten: what is known of a customer goes, their place in conversations stays.

use frontdesk_model::{Id, Result};
use frontdesk_rest::Call;
use frontdesk_store::{Tx, args};
use serde_json::json;

use super::require_readable;
use crate::{contents, events, identity_groups, visitors};

/// What is shown in place of the name.
const NAME: &str = "Anonymized";

/// Forgets who an identity is: names, addresses, numbers, picture, extra values and the id that its channel knows it by, so
/// that a later message of the same person makes a new identity. It leaves its lists and its group, which forgets what it has
/// from this identity and goes with its last one. A repeat changes nothing.
pub(super) fn anonymise(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<()> {
    require_readable(tx, &call.caller, id)?;
    let sql = "SELECT 1 FROM identities WHERE id = $1 AND anonymized_at IS NULL";
    if tx.first(sql, args![&id])?.is_none() {
        return Ok(());
    }
    // While it still says what the group has from it.
    identity_groups::forget(call, id, tx)?;
    visitors::forget(tx, id)?;
    // Nobody can have taken this name before.
    let foreign_id = format!("anonymized-{id}-{}", call.env.id());
    tx.execute(
        "UPDATE identities SET screenname = $2, foreign_id = $3, firstname = NULL, lastname = NULL, company = NULL,
           email = NULL, home_phone = NULL, mobile_phone = NULL, gender = NULL, avatar_url = NULL, uuid = NULL,
           extra_values = '{}', fingerprint = 0, anonymized_at = $4, updated_at = $4
         WHERE id = $1",
        args![&id, NAME, &foreign_id, call.env.now()],
    )?;
    tx.execute("DELETE FROM identity_list_members WHERE identity_id = $1", args![&id])?;
    contents::anonymise::begin(tx, &call.env, call.caller.user_id, id)?;
    tx.append(events::by(call, "identity.anonymized", id, None, json!({})));
    Ok(())
}
