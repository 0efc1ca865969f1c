//! What became of the assistant's answers: which of them were sent.

use frontdesk_model::{Id, Result, error};
use frontdesk_rest::Call;
use frontdesk_store::{Tx, args};
use serde_json::json;

use crate::events;

/// At most this many versions in one content.
const VERSIONS_PER_CONTENT_MAX: usize = 20;

/// Puts into the log that a content was written with these versions. What has been deleted since it was put into the
/// answer must not keep that from going out, so such are left out.
pub(crate) fn used(
    call: &Call,
    version_ids: &[Id],
    content_id: Id,
    thread_id: Id,
    source_id: Id,
    tx: &mut dyn Tx,
) -> Result<()> {
    if version_ids.len() > VERSIONS_PER_CONTENT_MAX {
        let message = format!("reply_assistant_version_ids: at most {VERSIONS_PER_CONTENT_MAX} versions.");
        return Err(error::invalid("reply_assistant_version_ids", "too_long", message));
    }
    if version_ids.is_empty() {
        return Ok(());
    }
    let sql = format!("SELECT id, entry_id FROM reply_assistant_versions WHERE {} ORDER BY id", tx.in_list("id", 1));
    for row in tx.query(&sql, args![version_ids])? {
        let (version_id, entry_id): (Id, Id) = (row.get(0)?, row.get(1)?);
        let payload = json!({ "source_id": source_id, "entry_id": entry_id, "version_id": version_id });
        tx.append(events::by(call, "content.reply_assistant_used", content_id, Some(thread_id), payload));
    }
    Ok(())
}
