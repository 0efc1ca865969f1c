//! What leaves towards a channel, in the same words for every channel, and what became of it.

use frontdesk_model::{Id, Secret, Timestamp};
use serde_json::Value;

use crate::inbound::{BodyFormat, ContentObject};

/// A content to be created on a channel. Foreign ids are the channel's own.
#[derive(Clone, Debug)]
pub struct OutboundContent {
    /// Message, private message or thread.
    pub object: ContentObject,
    /// Our id: the same on every try, so that the channel can recognise a repeat.
    pub content_id: Id,
    /// The identity that the agent writes as.
    pub author_foreign_id: String,
    /// The body.
    pub body: String,
    /// How the body is written.
    pub format: BodyFormat,
    /// When the agent wrote it.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The content that it answers.
    pub in_reply_to_foreign_id: Option<String>,
    /// Its thread; none where the channel has no threads.
    pub thread_foreign_id: Option<String>,
    /// To whom: private messages only.
    pub recipient_foreign_id: Option<String>,
    /// The title, where there is one.
    pub title: Option<String>,
    /// The agent's name as customers may see it.
    pub sender_name: Option<String>,
    /// Whether an earlier try was made, which may have arrived.
    pub retry: bool,
    /// Files.
    pub attachments: Vec<OutboundAttachment>,
    /// Buttons, links and the like, already fit for the channel.
    pub structured_content: Option<Value>,
}

/// A file of a content that leaves.
#[derive(Clone, Debug)]
pub struct OutboundAttachment {
    /// Where the channel can fetch it.
    pub url: String,
    /// `image`, `video`, `audio`, `file` or another kind of the attachment table.
    pub kind: &'static str,
    /// Its name.
    pub filename: String,
}

/// How a channel takes bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formats {
    /// As plain text only.
    Text,
    /// As HTML only.
    Html,
    /// As they were written.
    Both,
}

/// What is done with a content that its channel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentAction {
    /// Let everybody on the channel see it.
    Publish,
    /// Let nobody see it.
    Unpublish,
    /// Remove it.
    Delete,
}

impl ContentAction {
    /// Every one.
    pub const ALL: [ContentAction; 3] = [ContentAction::Publish, ContentAction::Unpublish, ContentAction::Delete];

    /// `publish`, `unpublish` or `delete`.
    pub fn as_str(self) -> &'static str {
        self.names()[0]
    }

    /// Every name that channels have for it, the usual one first (reading D22).
    pub fn names(self) -> &'static [&'static str] {
        match self {
            ContentAction::Publish => &["publish"],
            ContentAction::Unpublish => &["unpublish"],
            ContentAction::Delete => &["delete", "destroy"],
        }
    }

    /// For sentences: `published` and the like.
    pub fn done(self) -> &'static str {
        match self {
            ContentAction::Publish => "published",
            ContentAction::Unpublish => "unpublished",
            ContentAction::Delete => "deleted",
        }
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<ContentAction> {
        ContentAction::ALL.into_iter().find(|action| action.as_str() == name)
    }
}

/// A POST that the caller makes on the adapter's behalf, through the guarded client.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where to.
    pub url: String,
    /// The body's media type.
    pub content_type: &'static str,
    /// The body, to be sent byte for byte.
    pub body: Vec<u8>,
    /// How to sign the body; none when the channel wants no signature.
    pub signature: Option<Signature>,
}

/// A request header that holds the lower-case hex HMAC-SHA512 of the body.
#[derive(Clone, Debug)]
pub struct Signature {
    /// The header's name.
    pub header: &'static str,
    /// The key.
    pub key: Secret,
}

/// What the channel's answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The content is on the channel.
    Delivered {
        /// The channel's id of it, when the answer tells one.
        foreign_id: Option<String>,
    },
    /// It is not.
    Failed {
        /// Whether trying again is pointless.
        fatal: bool,
        /// For people: what the channel said.
        message: String,
    },
}
