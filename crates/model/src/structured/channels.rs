//! Which channel takes which types of structured messages, and what it takes of them: the whole public grid and every
//! documented limit as data. A new channel is one column of the grid and its rows.

use super::{Kind, is_given};
use serde_json::{Map, Value};

use Kind::{ApplePay, Authenticate, Carousel, Form, List, RichLink, Select, Template, TimeSelect};

/// A kind of channel, as far as structured messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// Apple Messages for Business.
    Apple,
    /// Facebook Messenger.
    Messenger,
    /// Messaging on the web, on iOS and on Android.
    Messaging,
    /// Google Business Messages.
    Google,
    /// A channel of one's own, with the option `view.messaging`.
    Sdk,
    /// Twitter Direct Messages.
    Twitter,
    /// Viber.
    Viber,
    /// WhatsApp.
    WhatsApp,
    /// Instagram Messaging.
    Instagram,
}

impl Channel {
    /// Every channel, in the order of the public grid.
    pub const ALL: [Channel; 9] = [
        Channel::Apple,
        Channel::Messenger,
        Channel::Messaging,
        Channel::Google,
        Channel::Sdk,
        Channel::Twitter,
        Channel::Viber,
        Channel::WhatsApp,
        Channel::Instagram,
    ];

    /// The types that it takes; of others it gets the text.
    pub const fn capabilities(self) -> &'static [Kind] {
        match self {
            Channel::Apple => &[Select, RichLink, List, TimeSelect, Form, ApplePay, Authenticate],
            Channel::Messenger | Channel::Messaging | Channel::Google | Channel::Sdk | Channel::Instagram => {
                &[Select, RichLink, Template, Carousel]
            }
            Channel::WhatsApp => &[Template, List],
            Channel::Twitter | Channel::Viber => &[],
        }
    }

    /// Whether it takes this type.
    pub fn takes(self, kind: Kind) -> bool {
        self.capabilities().contains(&kind)
    }

    /// Whether its links may open apps; elsewhere they are http and https, or their fallback is.
    pub(super) const fn opens_apps(self) -> bool {
        matches!(self, Channel::Messaging)
    }

    /// The files that it takes with a type.
    pub(super) fn files(self, kind: Kind) -> &'static Files {
        let fits = |row: &&FileRow| row.channel == self && row.kind.is_none_or(|one| one == kind);
        FILES.iter().find(fits).map_or(&ANY_FILES, |row| &row.files)
    }

    /// What it takes of a type, in the order in which it is applied.
    pub(super) fn limits(self, kind: Kind) -> impl Iterator<Item = &'static Limit> {
        LIMITS.iter().filter(move |limit| limit.channels.contains(&self) && limit.kinds.contains(&kind))
    }
}

/// What a channel takes of an attribute.
pub(super) struct Limit {
    pub(super) channels: &'static [Channel],
    pub(super) kinds: &'static [Kind],
    /// Where the attribute stands: `items.title` is the title of each item.
    pub(super) path: &'static str,
    pub(super) when: When,
    pub(super) rule: Rule,
}

/// What is done about a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// A longer text is cut to this length, its ellipsis included.
    Cut(usize, Unit),
    /// A longer text is refused: what comes back to its sender cannot be cut.
    Refuse(usize),
    /// Items after the first so many are dropped.
    Keep(usize),
    /// Items of other types are dropped; it is refused if none remains.
    Only(&'static str),
    /// The attribute is dropped.
    Ignore,
    /// A blank one becomes random hex digits; not on buttons that open a link, which send nothing back.
    Payload,
    /// A blank one becomes this text.
    Default(&'static str),
}

/// What a length is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Unicode code points.
    Characters,
    /// UTF-16 code units.
    Utf16,
}

/// When a limit holds: some channels show one type in several ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Always,
    WithSubtitle,
    WithoutSubtitle,
    WithAttachment,
    /// It is shown as buttons beneath a title: without subtitle and attachment.
    Bare,
    NotBare,
    /// A rich link that opens an iMessage app.
    App,
    NotApp,
}

impl When {
    pub(super) fn holds(self, fields: &Map<String, Value>) -> bool {
        let is_bare = || !is_given(fields, "subtitle") && !is_given(fields, "attachment_id");
        match self {
            When::Always => true,
            When::WithSubtitle => is_given(fields, "subtitle"),
            When::WithoutSubtitle => !is_given(fields, "subtitle"),
            When::WithAttachment => is_given(fields, "subtitle") && is_given(fields, "attachment_id"),
            When::Bare => is_bare(),
            When::NotBare => !is_bare(),
            When::App => is_given(fields, "bid"),
            When::NotApp => !is_given(fields, "bid"),
        }
    }
}

const APPLE: &[Channel] = &[Channel::Apple];
const MESSENGER: &[Channel] = &[Channel::Messenger];
const INSTAGRAM: &[Channel] = &[Channel::Instagram];
const META: &[Channel] = &[Channel::Messenger, Channel::Instagram];
const GOOGLE: &[Channel] = &[Channel::Google];
const WHATSAPP: &[Channel] = &[Channel::WhatsApp];
const GENERATING: &[Channel] = &[Channel::Messenger, Channel::Google, Channel::Instagram];

const fn limit(
    channels: &'static [Channel],
    kinds: &'static [Kind],
    path: &'static str,
    when: When,
    rule: Rule,
) -> Limit {
    Limit { channels, kinds, path, when, rule }
}

use Rule::{Cut, Default, Ignore, Keep, Only, Payload, Refuse};
use Unit::{Characters, Utf16};
use When::{Always, App, Bare, NotApp, NotBare, WithAttachment, WithSubtitle, WithoutSubtitle};

/// Every documented limit of a channel. Where it is wider than the one of `schema.rs`, it holds in its place.
#[rustfmt::skip]
static LIMITS: &[Limit] = &[
    // What one gets back for an item that was picked.
    limit(GENERATING, &[Select, Template], "items.payload", Always, Payload),
    limit(GENERATING, &[Carousel], "items.items.payload", Always, Payload),
    limit(WHATSAPP, &[Template, List], "items.payload", Always, Payload),
    limit(APPLE, &[List], "items.payload", Always, Payload),

    // Messenger and Instagram.
    limit(META, &[Select], "items.title", Always, Cut(20, Characters)),
    limit(META, &[Template], "items", Always, Keep(3)),
    limit(META, &[Carousel], "items.items", Always, Keep(3)),
    limit(META, &[Template], "items.title", Always, Cut(20, Characters)),
    limit(META, &[Carousel], "items.items.title", Always, Cut(20, Characters)),
    limit(META, &[RichLink], "title", Always, Cut(80, Characters)),
    limit(META, &[RichLink], "subtitle", Always, Cut(80, Characters)),
    limit(MESSENGER, &[Template], "title", Bare, Cut(640, Characters)),
    limit(MESSENGER, &[Template], "title", NotBare, Cut(80, Characters)),
    limit(INSTAGRAM, &[Template], "title", Always, Cut(80, Characters)),
    limit(META, &[Template], "subtitle", Always, Cut(80, Characters)),
    limit(META, &[Carousel], "items.title", Always, Cut(80, Characters)),
    limit(META, &[Carousel], "items.subtitle", Always, Cut(80, Characters)),
    limit(MESSENGER, &[RichLink], "url_text", Bare, Cut(20, Characters)),
    limit(MESSENGER, &[RichLink], "url_text", NotBare, Ignore),
    // Its layout has no place for it.
    limit(INSTAGRAM, &[RichLink], "url_text", Always, Ignore),
    limit(META, &[Template], "url_text", Always, Ignore),
    limit(META, &[Carousel], "items.url_text", Always, Ignore),

    // Google.
    limit(GOOGLE, &[Select, Template], "items.title", Always, Cut(25, Characters)),
    limit(GOOGLE, &[Carousel], "items.items.title", Always, Cut(25, Characters)),
    limit(GOOGLE, &[RichLink, Template], "title", Always, Cut(200, Characters)),
    limit(GOOGLE, &[Carousel], "items.title", Always, Cut(200, Characters)),
    limit(GOOGLE, &[RichLink], "url_text", Always, Cut(25, Characters)),
    limit(GOOGLE, &[Template], "url", Always, Ignore),
    limit(GOOGLE, &[Template], "url_text", Always, Ignore),
    limit(GOOGLE, &[Carousel], "items.url", Always, Ignore),
    limit(GOOGLE, &[Carousel], "items.url_text", Always, Ignore),

    // WhatsApp.
    limit(WHATSAPP, &[List], "button", Always, Default("See options")),
    limit(WHATSAPP, &[List], "button", Always, Cut(20, Utf16)),
    limit(WHATSAPP, &[List], "header", Always, Cut(60, Utf16)),
    limit(WHATSAPP, &[List], "subtitle", Always, Cut(60, Utf16)),
    limit(WHATSAPP, &[List], "sections.title", Always, Cut(24, Utf16)),
    limit(WHATSAPP, &[List], "items.title", Always, Cut(24, Utf16)),
    limit(WHATSAPP, &[List], "items.subtitle", Always, Cut(72, Utf16)),
    limit(WHATSAPP, &[Template], "items", Always, Only("reply")),
    limit(WHATSAPP, &[Template], "items", Always, Keep(3)),
    limit(WHATSAPP, &[Template], "items.title", Always, Cut(20, Utf16)),
    limit(WHATSAPP, &[Template], "items.payload", Always, Refuse(256)),
    limit(WHATSAPP, &[Template], "title", WithSubtitle, Cut(60, Utf16)),
    limit(WHATSAPP, &[Template], "title", WithoutSubtitle, Cut(1_000, Utf16)),
    limit(WHATSAPP, &[Template], "subtitle", WithAttachment, Cut(963, Utf16)),
    limit(WHATSAPP, &[Template], "footer", Always, Cut(60, Utf16)),
    limit(WHATSAPP, &[Template], "url", Always, Ignore),
    limit(WHATSAPP, &[Template], "url_text", Always, Ignore),

    // Apple.
    limit(APPLE, &[List], "title", Always, Cut(512, Utf16)),
    limit(APPLE, &[List], "subtitle", Always, Cut(512, Utf16)),
    limit(APPLE, &[List], "items.subtitle", Always, Cut(512, Characters)),
    limit(APPLE, &[RichLink], "title", Always, Cut(200, Characters)),
    limit(APPLE, &[RichLink], "url_text", Always, Ignore),
    limit(APPLE, &[RichLink], "subtitle", NotApp, Ignore),
    limit(APPLE, &[RichLink], "attachment_id", App, Ignore),
];

/// Which files a channel takes.
pub(super) struct Files {
    pub(super) extensions: &'static [&'static str],
    pub(super) bytes_max: u64,
    /// Whether also those that were uploaded as private.
    pub(super) private: bool,
}

struct FileRow {
    channel: Channel,
    /// None: all types that no row above names.
    kind: Option<Kind>,
    files: Files,
}

const MEGABYTE: u64 = 1024 * 1024;
const PICTURES: &[&str] = &["jpg", "jpeg", "png"];
const MORE_PICTURES: &[&str] = &["bmp", "gif", "jpg", "jpeg", "png"];
const PICTURES_AND_VIDEOS: &[&str] = &["jpg", "jpeg", "png", "mp4"];

/// What every channel takes, and what a fallback must be.
pub(super) static ANY_FILES: Files = Files { extensions: PICTURES, bytes_max: 5 * MEGABYTE, private: false };

const fn files(
    channel: Channel,
    kind: Option<Kind>,
    extensions: &'static [&'static str],
    megabytes_max: u64,
) -> FileRow {
    FileRow { channel, kind, files: Files { extensions, bytes_max: megabytes_max * MEGABYTE, private: true } }
}

#[rustfmt::skip]
static FILES: &[FileRow] = &[
    files(Channel::Apple, Some(RichLink), PICTURES_AND_VIDEOS, 300),
    files(Channel::Apple, None, PICTURES, 5),
    files(Channel::Messenger, None, MORE_PICTURES, 5),
    // Bitmaps on rich links only.
    files(Channel::Messaging, Some(RichLink), MORE_PICTURES, 5),
    files(Channel::Messaging, None, &["gif", "jpg", "jpeg", "png"], 5),
    files(Channel::Google, None, PICTURES, 5),
    files(Channel::WhatsApp, None, PICTURES_AND_VIDEOS, 64),
    files(Channel::Instagram, None, MORE_PICTURES, 5),
];
