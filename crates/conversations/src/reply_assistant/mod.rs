//! The reply assistant (area 16): answers that are kept ready. An entry is one of them; it has versions, by language and
//! source, and is in at most one group. Who manages the assistant writes them; who answers on a source is offered what
//! fits there, with its variables filled in.

mod entries;
mod groups;
mod suggesting;
mod using;
mod variables;
mod versions;

use std::sync::Arc;

use frontdesk_model::{Id, Result, SourceRight, error};
use frontdesk_people::checked;
use frontdesk_rest::{Call, Operation};
use frontdesk_store::{Tx, args};
use serde::de::DeserializeOwned;

use crate::Conversations;

pub(crate) use entries::replace_category;
pub(crate) use using::used;
pub(crate) use versions::is_offered_on;

/// At most this many entries.
const ENTRIES_MAX: i64 = 5_000;
/// At most this many groups.
const GROUPS_MAX: i64 = 500;
/// At most this many versions of all entries.
const VERSIONS_MAX: i64 = 10_000;
/// At most this many versions of one entry.
const VERSIONS_PER_ENTRY_MAX: i64 = 100;
/// At most this many sources or categories of one entry or version.
const IDS_MAX: usize = 1_000;

pub(crate) fn operations(app: &Arc<Conversations>) -> Vec<Operation> {
    let mut operations = entries::operations();
    operations.extend(groups::operations());
    operations.extend(versions::operations(app));
    operations.extend(suggesting::operations(app));
    operations
}

/// Refuses one more row than there may be in `table`.
fn require_room(tx: &mut dyn Tx, table: &str, max: i64, noun: &str) -> Result<()> {
    let count: i64 = tx.one(&format!("SELECT count(*) FROM {table}"), args![])?.get(0)?;
    if count >= max {
        let message = format!("The reply assistant has at most {max} {noun}.");
        return Err(error::unprocessable("too_many", message));
    }
    Ok(())
}

/// Sources that may be named: those that the caller may read, and those that somebody else named before.
fn sources(call: &Call, before: &[Id], given: Vec<Id>) -> Result<Vec<Id>> {
    let ids = checked::distinct("source_ids", given, IDS_MAX)?;
    let may_name = |id: &Id| before.contains(id) || call.caller.may_on(*id, SourceRight::Read);
    checked::nameable_sources(&ids, may_name)?;
    Ok(ids)
}

/// A list as the store keeps it.
fn stored<T: DeserializeOwned>(text: &str) -> Result<Vec<T>> {
    serde_json::from_str(text).map_err(|trouble| error::broken(format!("a list of the reply assistant: {trouble}")))
}

/// Whether what names these sources is offered on this one.
fn is_offered(source_ids: &[Id], source_id: Id) -> bool {
    source_ids.is_empty() || source_ids.contains(&source_id)
}
