//! What arrives from a channel, in the same words for every channel. Ingest consumes these values; it need not know
//! which channel they came from. Bodies are as the channel sent them: cleaning HTML is the reader's business.

use frontdesk_model::Timestamp;
use serde_json::{Map, Value};

/// One thing that a channel tells us.
#[derive(Clone, Debug, PartialEq)]
pub enum Inbound {
    /// A content, with its author.
    Content(Box<InboundContent>),
    /// An identity alone, so that agents can write to it or as it.
    Identity(Box<InboundAuthor>),
    /// The customer has read one of our contents.
    ReadMark {
        /// The channel's id of the content that was read.
        foreign_id: String,
    },
    /// The customer is typing: a hint, never stored.
    TypingStart {
        /// The channel's id of the thread; wins over `in_reply_to`.
        thread_foreign_id: Option<String>,
        /// The channel's id of a content of the thread.
        in_reply_to: Option<String>,
        /// What they have typed so far.
        preview: String,
    },
    /// The customer has stopped typing.
    TypingStop {
        /// The channel's id of the thread; wins over `in_reply_to`.
        thread_foreign_id: Option<String>,
        /// The channel's id of a content of the thread.
        in_reply_to: Option<String>,
    },
}

/// The kind of a content: the wire's content `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentObject {
    /// Readable by everybody on the channel.
    Message,
    /// Between the author and the recipient.
    PrivateMessage,
    /// The first content of a thread, which carries the thread's own id.
    Thread,
    /// What somebody wrote under something: a post, a video.
    Comment,
    /// What a page or its visitors put up for everybody.
    Post,
    /// What somebody thinks of a page, with stars or without.
    Review,
    /// A post on X.
    Tweet,
}

impl ContentObject {
    /// The one with this name.
    pub fn named(name: &str) -> Option<ContentObject> {
        ContentObject::ALL.into_iter().find(|object| object.as_str() == name)
    }

    /// Every one. A channel's ids are told apart by them: the same id may be a message's and a thread's.
    pub const ALL: [ContentObject; 7] = [
        ContentObject::Message,
        ContentObject::PrivateMessage,
        ContentObject::Thread,
        ContentObject::Comment,
        ContentObject::Post,
        ContentObject::Review,
        ContentObject::Tweet,
    ];

    /// `message`, `private_message`, `thread`, `comment`, `post`, `review` or `tweet`.
    pub fn as_str(self) -> &'static str {
        match self {
            ContentObject::Message => "message",
            ContentObject::PrivateMessage => "private_message",
            ContentObject::Thread => "thread",
            ContentObject::Comment => "comment",
            ContentObject::Post => "post",
            ContentObject::Review => "review",
            ContentObject::Tweet => "tweet",
        }
    }
}

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyFormat {
    /// Plain text.
    Text,
    /// HTML, not cleaned.
    Html,
}

impl BodyFormat {
    /// `text` or `html`.
    pub fn as_str(self) -> &'static str {
        match self {
            BodyFormat::Text => "text",
            BodyFormat::Html => "html",
        }
    }
}

/// A content as its channel tells it. Ids are the channel's own.
#[derive(Clone, Debug, PartialEq)]
pub struct InboundContent {
    /// Message, private message or thread.
    pub object: ContentObject,
    /// The channel's id of this content; for a thread also the id of the thread itself.
    pub foreign_id: String,
    /// Who wrote it; none only for a thread that has a title and no content.
    pub author: Option<InboundAuthor>,
    /// To whom: private messages only.
    pub recipient: Option<InboundAuthor>,
    /// The channel's id of the thread, where the channel has threads; never set for a thread itself.
    pub thread_foreign_id: Option<String>,
    /// The channel's id of the content that this one answers.
    pub in_reply_to: Option<String>,
    /// The title: threads only.
    pub title: Option<String>,
    /// The body, raw; empty when attachments or a structured content stand for it.
    pub body: String,
    /// How the body is written.
    pub format: BodyFormat,
    /// When it was written, as the channel says.
    pub created_at: Option<Timestamp>,
    /// When it was last changed, as the channel says.
    pub updated_at: Option<Timestamp>,
    /// Language code such as `en`.
    pub language: Option<String>,
    /// Where anybody can see this content: http or https.
    pub source_url: Option<String>,
    /// The channel's own categories, case kept.
    pub foreign_categories: Vec<String>,
    /// Facts about the conversation: keys `[A-Za-z0-9_-]`, values text, number, boolean or a list of texts.
    pub context_data: Map<String, Value>,
    /// Files.
    pub attachments: Vec<InboundAttachment>,
    /// What may be done with this content on the channel, such as `reply`.
    pub actions: Vec<String>,
    /// How many stars a review gives.
    pub rating: Option<i64>,
    /// Why it cannot be answered, as a sentence for people; none where it can, or where nobody knows.
    pub unanswerable: Option<String>,
    /// Whether everybody on the channel sees it; false while it is held back or hidden there. None where the channel does
    /// not tell, which counts as true.
    pub published: Option<bool>,
    /// Whether another program has the conversation: it is kept and counted, and waits for nobody here.
    pub elsewhere: bool,
    /// The author's network address, as the channel says it.
    pub ip: Option<String>,
    /// Buttons, links and the like: checked, known attributes only.
    pub structured_content: Option<Value>,
    /// What the customer picked from a structured content: an object.
    pub structured_reply: Option<Value>,
}

impl InboundContent {
    /// A content with nothing but its id; everything else is empty and the format is HTML.
    pub fn new(object: ContentObject, foreign_id: impl Into<String>) -> InboundContent {
        InboundContent {
            object,
            foreign_id: foreign_id.into(),
            author: None,
            recipient: None,
            thread_foreign_id: None,
            in_reply_to: None,
            title: None,
            body: String::new(),
            format: BodyFormat::Html,
            created_at: None,
            updated_at: None,
            language: None,
            source_url: None,
            foreign_categories: Vec::new(),
            context_data: Map::new(),
            attachments: Vec::new(),
            actions: Vec::new(),
            rating: None,
            unanswerable: None,
            published: None,
            elsewhere: false,
            ip: None,
            structured_content: None,
            structured_reply: None,
        }
    }
}

/// An identity as its channel tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct InboundAuthor {
    /// The channel's id: the same id is the same identity.
    pub foreign_id: String,
    /// The name that is shown.
    pub screenname: String,
    /// First name.
    pub firstname: Option<String>,
    /// Last name.
    pub lastname: Option<String>,
    /// A picture: http or https.
    pub avatar_url: Option<String>,
    /// E-mail address, as the channel says it.
    pub email: Option<String>,
    /// Phone number at home.
    pub home_phone: Option<String>,
    /// Mobile phone number.
    pub mobile_phone: Option<String>,
    /// Gender.
    pub gender: Option<Gender>,
    /// When they joined the channel.
    pub created_at: Option<Timestamp>,
    /// When the channel's record last changed.
    pub updated_at: Option<Timestamp>,
    /// Whether agents may write as this identity.
    pub puppetizable: bool,
    /// Facts about the person, shaped as those of a content.
    pub context_data: Map<String, Value>,
}

impl InboundAuthor {
    /// An identity with nothing but its id and its name.
    pub fn new(foreign_id: impl Into<String>, screenname: impl Into<String>) -> InboundAuthor {
        InboundAuthor {
            foreign_id: foreign_id.into(),
            screenname: screenname.into(),
            firstname: None,
            lastname: None,
            avatar_url: None,
            email: None,
            home_phone: None,
            mobile_phone: None,
            gender: None,
            created_at: None,
            updated_at: None,
            puppetizable: false,
            context_data: Map::new(),
        }
    }
}

/// The genders that the wire knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gender {
    /// `man`.
    Man,
    /// `woman`.
    Woman,
}

impl Gender {
    /// `man` or `woman`.
    pub fn as_str(self) -> &'static str {
        match self {
            Gender::Man => "man",
            Gender::Woman => "woman",
        }
    }
}

/// A file of a content.
#[derive(Clone, Debug, PartialEq)]
pub enum InboundAttachment {
    /// To be fetched, through the guarded client.
    Url {
        /// Where it is: http or https.
        url: String,
        /// What it is where the file's type leaves it open: `audio` or `video` for mp4.
        kind_hint: Option<String>,
        /// Its name, without folders.
        filename: Option<String>,
    },
    /// Came with the content.
    Content {
        /// The file.
        bytes: Vec<u8>,
        /// Its name, without folders.
        filename: String,
        /// What it is where the file's type leaves it open: `audio` or `video` for mp4.
        kind_hint: Option<String>,
    },
}
