//! Muting a customer: what they write arrives ignored.

use frontdesk_model::{Id, Result};
use frontdesk_rest::Call;
use frontdesk_store::{Tx, args};
use serde_json::json;

use crate::events;

/// Mutes an identity or ends that; the caller has made sure that it may be seen. A repeat changes nothing.
pub(super) fn set_muted(call: &Call, id: Id, community_id: Id, muted: bool, tx: &mut dyn Tx) -> Result<()> {
    let changed = tx.execute(
        "UPDATE identities SET muted = $2, updated_at = $3 WHERE id = $1 AND muted <> $2",
        args![&id, muted, call.env.now()],
    )?;
    if changed > 0 {
        let kind = if muted { "identity.muted" } else { "identity.unmuted" };
        tx.append(events::by(call, kind, id, None, json!({ "community_id": community_id })));
    }
    Ok(())
}
