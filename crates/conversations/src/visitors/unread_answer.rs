//! What a visitor's app is told of an answer while it is away.

use frontdesk_model::{Id, Result};
use frontdesk_sources::Settings;
use frontdesk_sources::push::Service;
use frontdesk_store::{Tx, args};

use super::view::{self, OURS, SHOWN};
use super::{Place, Visitor};
use crate::Conversations;

/// An answer that its visitor has not read.
#[derive(Clone, Debug)]
pub struct UnreadAnswer {
    /// Its conversation.
    pub thread_id: Id,
    /// As whom it was written.
    pub from: Option<String>,
    /// What was written; the title of a structured message without a text. Empty when there are files only.
    pub text: String,
    /// Whether the conversation takes typed messages now, and this one does not ask to choose.
    pub may_reply: bool,
    /// How many answers they have not read, in all conversations.
    pub unread: i64,
}

impl Place {
    /// Whether apps on devices of this service are told of answers.
    pub fn notifies(&self, service: Service) -> bool {
        match service {
            Service::Fcm | Service::Huawei => self.channel.common.enable_android,
            Service::Apns => self.channel.common.enable_ios,
        }
    }

    /// The settings of its kind, secrets opened.
    pub fn settings(&self) -> &Settings {
        &self.channel.settings
    }

    /// Another one whenever something about it was changed.
    pub fn version(&self) -> i64 {
        self.channel.version
    }
}

/// The source and the visitor that an answer is for; none for what is no answer on Messaging, or cannot be seen.
pub fn answered(tx: &mut dyn Tx, content_id: Id) -> Result<Option<(Id, String)>> {
    let row = tx.first(
        &format!(
            "SELECT contents.source_id, identities.foreign_id FROM contents
             JOIN sources ON sources.id = contents.source_id AND sources.type = 'mobile_messaging'
             JOIN threads ON threads.id = contents.thread_id JOIN identities ON identities.id = threads.author_id
             WHERE contents.id = $1 AND {OURS} AND {SHOWN}"
        ),
        args![&content_id],
    )?;
    row.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
}

/// What to tell of an answer; none when it is gone, or was read meanwhile.
pub fn unread_answer(
    tx: &mut dyn Tx,
    app: &Conversations,
    visitor: Visitor<'_>,
    content_id: Id,
) -> Result<Option<UnreadAnswer>> {
    let waits = tx.first("SELECT 1 FROM contents WHERE id = $1 AND read_at IS NULL", args![&content_id])?.is_some();
    let Some(content) = view::some(tx, app, &[content_id])?.remove(&content_id).filter(|_| waits) else {
        return Ok(None);
    };
    let Some(thread) = view::any_thread(tx, app, content.thread_id)?.filter(|_| !content.anonymized) else {
        return Ok(None);
    };
    let structured = content.structured_content.as_ref();
    let asks_to_choose = structured.is_some_and(|told| told["disable_text_input"] == true);
    let title = structured.and_then(|told| told["title"].as_str()).unwrap_or_default();
    let (_, unread) = view::unread(tx, visitor)?;
    Ok(Some(UnreadAnswer {
        thread_id: content.thread_id,
        from: content.author.screenname,
        text: if content.body.trim().is_empty() { title.to_owned() } else { content.body },
        may_reply: thread.text_input && !asks_to_choose,
        unread,
    }))
}
