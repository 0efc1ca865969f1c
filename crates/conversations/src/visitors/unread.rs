//! What a visitor has not read, for whoever tells them elsewhere.

use frontdesk_model::{Id, Result, Timestamp, error};
use frontdesk_store::{Tx, args};
use serde_json::{Map, Value};

use super::view::{self, SHOWN};
use crate::sources::IS_MESSAGING;
use crate::{Conversations, categories};

/// Where somebody can be written to: the address of the identity, else the first of their person, whom agents may know from
/// elsewhere. Over `identities`.
pub(crate) const EMAIL: &str = "coalesce(nullif(identities.email, ''), (SELECT value FROM identity_group_contacts
    WHERE group_id = identities.identity_group_id AND kind = 'email' ORDER BY position LIMIT 1))";

/// The visitor of a conversation.
#[derive(Clone, Debug)]
pub struct Correspondent {
    /// The source.
    pub source_id: Id,
    /// Its community.
    pub community_id: Id,
    /// Its name.
    pub source_name: String,
    /// Whether the source is on, and a Messaging one.
    pub is_served: bool,
    /// Who they are.
    pub uuid: String,
    /// Their name.
    pub screenname: String,
    /// Their e-mail address.
    pub email: Option<String>,
    /// The page that they saw last while they were in the conversation.
    pub page_url: Option<String>,
    /// The conversation's categories.
    pub category_ids: Vec<Id>,
}

/// The visitor of a thread; none for threads of other kinds of sources.
pub fn correspondent(tx: &mut dyn Tx, thread_id: Id) -> Result<Option<Correspondent>> {
    let row = tx.first(
        &format!(
            "SELECT threads.source_id, sources.name, sources.active AND sources.type = 'mobile_messaging',
           identities.foreign_id, identities.screenname, {EMAIL}, threads.extra_data, sources.community_id
         FROM threads JOIN sources ON sources.id = threads.source_id JOIN identities ON identities.id = threads.author_id
         WHERE threads.id = $1 AND {IS_MESSAGING}"
        ),
        args![&thread_id],
    )?;
    let Some(row) = row else { return Ok(None) };
    let data: Map<String, Value> = serde_json::from_str(&row.get::<String>(6)?)
        .map_err(|trouble| error::broken(format!("threads.extra_data: {trouble}")))?;
    Ok(Some(Correspondent {
        source_id: row.get(0)?,
        community_id: row.get(7)?,
        source_name: row.get(1)?,
        is_served: row.get(2)?,
        uuid: row.get(3)?,
        screenname: row.get::<Option<String>>(4)?.unwrap_or_else(|| super::NAMELESS.to_owned()),
        email: row.get::<Option<String>>(5)?.filter(|email| !email.is_empty()),
        page_url: data.get("page_url").and_then(Value::as_str).map(str::to_owned),
        category_ids: categories::of(tx, thread_id)?,
    }))
}

/// A message that nobody has read.
#[derive(Clone, Debug)]
pub struct Unread {
    /// The content.
    pub id: Id,
    /// When it was written.
    pub at: Timestamp,
    /// Who wrote it, as the visitor sees them.
    pub author: String,
    /// What it says, or the names of its files.
    pub text: String,
}

/// What agents wrote after this place and the visitor has not read, the oldest first, at most so many.
pub fn unread_messages(
    tx: &mut dyn Tx,
    app: &Conversations,
    thread_id: Id,
    after: (Timestamp, Id),
    limit: i64,
) -> Result<Vec<Unread>> {
    let ids = tx.query(
        &format!(
            "SELECT id FROM contents WHERE thread_id = $1 AND (created_at, id) > ($2, $3) AND read_at IS NULL
               AND creator_id IS NOT NULL AND anonymized_at IS NULL AND {SHOWN} ORDER BY created_at, id LIMIT $4"
        ),
        args![&thread_id, after.0, &after.1, limit],
    )?;
    let ids = ids.iter().map(|row| row.get(0)).collect::<Result<Vec<Id>>>()?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut contents: Vec<_> = view::some(tx, app, &ids)?.into_values().collect();
    contents.sort_by_key(view::Content::place);
    Ok(contents.iter().map(view::Content::told).collect())
}
