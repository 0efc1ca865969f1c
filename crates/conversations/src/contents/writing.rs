//! The row of a new content, with what follows from it: its words are found, and it is counted.

use frontdesk_model::{Id, Result, Timestamp};
use frontdesk_sources::inbound::{BodyFormat, ContentObject};
use frontdesk_store::{Tx, args};

use super::indexing;
use crate::{ingest, threads};

/// A content to be written.
pub(crate) struct NewContent<'a> {
    pub(crate) id: Id,
    pub(crate) source_id: Id,
    pub(crate) thread_id: Id,
    /// Whether its thread is not counted yet.
    pub(crate) is_new_thread: bool,
    pub(crate) first_in_thread: bool,
    pub(crate) author_id: Id,
    /// The user who wrote it here.
    pub(crate) creator_id: Option<Id>,
    pub(crate) recipient_id: Option<Id>,
    pub(crate) intervention_id: Option<Id>,
    pub(crate) in_reply_to_id: Option<Id>,
    pub(crate) foreign_id: Option<&'a str>,
    pub(crate) object: ContentObject,
    pub(crate) private: bool,
    pub(crate) status: &'a str,
    pub(crate) title: Option<&'a str>,
    pub(crate) body: &'a str,
    pub(crate) format: BodyFormat,
    pub(crate) language: Option<&'a str>,
    pub(crate) created_from: &'a str,
    pub(crate) source_url: Option<&'a str>,
    pub(crate) approval_required: bool,
    pub(crate) auto_submitted: bool,
    pub(crate) published: bool,
    pub(crate) attachments_count: i64,
    pub(crate) synchronization_status: &'a str,
    pub(crate) scheduled_at: Option<Timestamp>,
    /// Attributes that few contents have, as JSON.
    pub(crate) extras: Option<&'a str>,
    pub(crate) created_at: Timestamp,
}

/// Writes a new content, now.
pub(crate) fn insert(tx: &mut dyn Tx, new: &NewContent, now: Timestamp) -> Result<()> {
    tx.execute(
        "INSERT INTO contents (id, source_id, thread_id, first_in_thread, author_id, creator_id, recipient_id,
           intervention_id, in_reply_to_id, foreign_id, type, private, status, title, body, body_format, language,
           created_from, source_url, approval_required, auto_submitted, published, remotely_deleted, attachments_count,
           synchronization_status, scheduled_at, extras, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, FALSE,
           $23, $24, $25, $26, $27, $28)",
        args![
            &new.id,
            &new.source_id,
            &new.thread_id,
            new.first_in_thread,
            &new.author_id,
            &new.creator_id,
            &new.recipient_id,
            &new.intervention_id,
            &new.in_reply_to_id,
            new.foreign_id,
            new.object.as_str(),
            new.private,
            new.status,
            new.title,
            new.body,
            new.format.as_str(),
            new.language,
            new.created_from,
            new.source_url,
            new.approval_required,
            new.auto_submitted,
            new.published,
            new.attachments_count,
            new.synchronization_status,
            new.scheduled_at,
            new.extras,
            new.created_at,
            now
        ],
    )?;
    indexing::index(tx, new.id, new.title, new.body, new.format.as_str())?;
    threads::count_content(tx, new.thread_id, new.created_at, now)?;
    ingest::count(tx, new.source_id, i64::from(new.is_new_thread), 1)
}
