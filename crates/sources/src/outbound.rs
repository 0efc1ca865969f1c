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
    /// Whose thread it is in.
    pub customer_foreign_id: Option<String>,
    /// When they wrote last; none where that does not matter there.
    pub customer_wrote_at: Option<Timestamp>,
    /// Which of its parts is meant, where it takes several calls.
    pub part: usize,
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
    /// Its media type.
    pub content_type: String,
    /// Its size in bytes.
    pub bytes: i64,
    /// The channel's own id of it, once it was given it: see [`crate::Uploading`].
    pub foreign_id: Option<String>,
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

    /// Every name that channels have for it, the usual one first.
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

/// Something that is done with a content that its channel has.
#[derive(Clone, Copy, Debug)]
pub struct Deed<'a> {
    /// What the content is.
    pub object: ContentObject,
    /// The channel's own name for what is done.
    pub name: &'a str,
    /// The channel's id of the content.
    pub foreign_id: &'a str,
    /// In whose name, by the channel's id of them; none where it does not matter.
    pub user_id: Option<&'a str>,
    /// Whether it was written by the account itself.
    pub is_own: bool,
}

/// How a request is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates, or does something.
    #[default]
    Post,
    /// Puts in the place of what was there.
    Put,
    /// Removes.
    Delete,
}

/// A call that the caller makes on the adapter's behalf, through the guarded client.
#[derive(Clone, Debug)]
pub struct Request {
    /// How.
    pub method: Method,
    /// Where to.
    pub url: String,
    /// Headers beside the media type, with lower-case names.
    pub headers: Vec<(&'static str, Secret)>,
    /// The body's media type.
    pub content_type: &'static str,
    /// The body, to be sent byte for byte.
    pub body: Vec<u8>,
    /// How to sign the body; none when the channel wants no signature.
    pub signature: Option<Signature>,
}

impl Request {
    /// A request without a body.
    pub fn bare(method: Method, url: String) -> Request {
        Request {
            method,
            url,
            headers: Vec::new(),
            content_type: "application/json",
            body: Vec::new(),
            signature: None,
        }
    }

    /// A request with JSON in it.
    pub fn json(method: Method, url: String, body: &Value) -> Request {
        Request { body: body.to_string().into_bytes(), ..Request::bare(method, url) }
    }

    /// A POST of a form.
    pub fn form(url: String, fields: &[(&str, &str)]) -> Request {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let content_type = "application/x-www-form-urlencoded";
        Request { content_type, body: body.into_bytes(), ..Request::bare(Method::Post, url) }
    }

    /// The same, in the name of whoever this token was given to.
    #[must_use]
    pub fn with_bearer(mut self, token: &Secret) -> Request {
        self.headers.push(("authorization", Secret::new(format!("Bearer {}", token.reveal()))));
        self
    }
}

/// A request header that holds the lower-case hex HMAC-SHA512 of the body.
#[derive(Clone, Debug)]
pub struct Signature {
    /// The header's name.
    pub header: &'static str,
    /// The key.
    pub key: Secret,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The headers, with lower-case names.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: &'a [u8],
    /// Whether there was more of it than may be read.
    pub truncated: bool,
    /// When it came.
    pub now: Timestamp,
}

impl Answer<'_> {
    /// Whether the status says that it was done.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first header of this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(self.body).unwrap_or_default()
    }
}

/// What kind of failure it is, which says what happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It passes: it is tried again after a while.
    Retry,
    /// The service wants no more from this account until then: everything that the source sends waits, and no attempt is
    /// counted.
    Throttled {
        /// When it takes calls again.
        until: Timestamp,
    },
    /// The account's access does not hold: an administrator has to connect it again.
    Auth,
    /// The time within which the customer may be answered is over.
    WindowClosed,
    /// The customer cannot be reached any more.
    RecipientGone,
    /// The service will never take this.
    Invalid,
    /// Nothing is known of it: it is tried as often as what passes.
    Unknown,
}

impl Class {
    /// Whether trying again by itself is pointless.
    pub fn is_final(self) -> bool {
        match self {
            Class::Retry | Class::Throttled { .. } | Class::Unknown => false,
            Class::Auth | Class::WindowClosed | Class::RecipientGone | Class::Invalid => true,
        }
    }
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What happens next.
    pub class: Class,
    /// For people: what the channel said.
    pub message: String,
}

impl Failure {
    /// A failure of this class.
    pub fn new(class: Class, message: impl Into<String>) -> Failure {
        Failure { class, message: message.into() }
    }
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
    Failed(Failure),
}

impl Outcome {
    /// It was not done.
    pub fn failed(class: Class, message: impl Into<String>) -> Outcome {
        Outcome::Failed(Failure::new(class, message))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A content without anything but a text.
    pub(crate) fn content(object: ContentObject, body: &str) -> OutboundContent {
        OutboundContent {
            object,
            content_id: Id::from_parts(1_700_000_000_000, 1),
            author_foreign_id: "us".into(),
            body: body.into(),
            format: BodyFormat::Text,
            created_at: Timestamp::from_micros(0),
            updated_at: Timestamp::from_micros(0),
            in_reply_to_foreign_id: None,
            thread_foreign_id: None,
            recipient_foreign_id: None,
            title: None,
            sender_name: None,
            retry: false,
            attachments: Vec::new(),
            structured_content: None,
            customer_foreign_id: None,
            customer_wrote_at: None,
            part: 0,
        }
    }
}
