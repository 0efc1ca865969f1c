//! What each type of structured message holds, with the limits that hold on every channel. Where the public pages give
//! none, the limit is ours and marked so: nothing unbounded is stored. Lengths are in characters.

use super::limits::{
    BUTTON_TITLE_CHARACTERS_MAX, BUTTONS_MAX, CAROUSEL_ITEMS_MAX, PAYLOAD_CHARACTERS_MAX, SELECT_ITEMS_MAX,
    SUBTITLE_CHARACTERS_MAX, TITLE_CHARACTERS_MAX,
};
use super::{Channel, Kind};

/// One attribute.
pub(super) struct Attribute {
    pub(super) name: &'static str,
    /// Another name that the public pages give it in places.
    pub(super) other_name: Option<&'static str>,
    pub(super) shape: Shape,
    pub(super) required: bool,
    /// It counts only beside another attribute, if that has one of these values where there are any; else it is ignored.
    pub(super) beside: Option<(&'static str, &'static [&'static str])>,
    /// The channels that know it; the others ignore it. None: all.
    pub(super) only: Option<&'static [Channel]>,
}

/// What an attribute's value is.
pub(super) enum Shape {
    /// Text of at most so many characters.
    Text(usize),
    /// Text of ASCII characters, at most so many.
    Ascii(usize),
    /// One of these words.
    Word(&'static [&'static str]),
    /// Any complete address, also one that opens an app; `?…` beside a `bid`.
    Link,
    /// A complete http or https address.
    WebUrl,
    /// The id of an attachment.
    File,
    /// True or false.
    Flag,
    /// A whole number between two others, both included.
    Whole(i64, i64),
    /// A number between two others, both included.
    Number(i64, i64),
    /// A time such as `2020-04-26T08:00+0200`.
    Time,
    /// A date such as `2020-04-26`.
    Date,
    /// An amount of money such as `5.00`.
    Amount,
    /// So many capital letters.
    Code(usize),
    /// At most so many texts of at most so many characters.
    Texts(usize, usize),
    /// An object whose inside is a third party's affair, of at most so many bytes as JSON.
    Opaque(usize),
    /// An object.
    Object(&'static [Attribute]),
    /// At most so many objects.
    List(usize, &'static [Attribute]),
}

/// Characters of what no page limits: ours.
pub(super) const OUR_TEXT_CHARACTERS_MAX: usize = 1_000;
/// Characters of the body of a sign-in's answer, which is a message's body: ours.
const RESPONSE_BODY_CHARACTERS_MAX: usize = 20_000;
/// Characters of an app's icon in Base64: ours.
const ICON_CHARACTERS_MAX: usize = 100_000;
/// Entries of lists that no page limits: ours.
const OUR_ITEMS_MAX: usize = 100;
/// Bytes of a payment session as JSON: ours.
const SESSION_BYTES_MAX: usize = 16_384;
/// A place's radius in metres, and an appointment's seconds: a year of them; ours.
const OUR_NUMBER_MAX: i64 = 31_622_400;

const APPLE: &[Channel] = &[Channel::Apple];
const MESSAGING: &[Channel] = &[Channel::Messaging];
const MESSENGER: &[Channel] = &[Channel::Messenger];
const WHATSAPP: &[Channel] = &[Channel::WhatsApp];

const fn attribute(name: &'static str, required: bool, shape: Shape) -> Attribute {
    Attribute { name, other_name: None, shape, required, beside: None, only: None }
}

const fn must(name: &'static str, shape: Shape) -> Attribute {
    attribute(name, true, shape)
}

const fn may(name: &'static str, shape: Shape) -> Attribute {
    attribute(name, false, shape)
}

impl Attribute {
    const fn or(mut self, other_name: &'static str) -> Attribute {
        self.other_name = Some(other_name);
        self
    }

    const fn beside(mut self, name: &'static str, values: &'static [&'static str]) -> Attribute {
        self.beside = Some((name, values));
        self
    }

    const fn only(mut self, channels: &'static [Channel]) -> Attribute {
        self.only = Some(channels);
        self
    }
}

/// The attributes of a type, beside `type`.
pub(super) const fn of(kind: Kind) -> &'static [Attribute] {
    match kind {
        Kind::Select => SELECT,
        Kind::RichLink => RICH_LINK,
        Kind::Template => TEMPLATE,
        Kind::Carousel => CAROUSEL,
        Kind::List => LIST,
        Kind::TimeSelect => TIME_SELECT,
        Kind::Form => FORM,
        Kind::ApplePay => APPLE_PAY,
        Kind::Authenticate => AUTHENTICATE,
    }
}

const ATTACHMENT: Attribute = may("attachment_id", Shape::File);
const ATTACHMENT_FALLBACK: Attribute = may("attachment_fallback_id", Shape::File).beside("attachment_id", &[]);
const URL_FALLBACK: Attribute = may("url_fallback", Shape::WebUrl).beside("url", &[]);
const URL_TEXT: Attribute = may("url_text", Shape::Text(BUTTON_TITLE_CHARACTERS_MAX)).beside("url", &[]);
const TARGET: Attribute =
    may("target", Shape::Word(&["webview", "open", "current"])).beside("url", &[]).only(MESSAGING);
const WEBVIEW_HEIGHT: Attribute =
    may("webview_height", Shape::Word(&["full", "tall", "compact"])).beside("target", &["webview"]).only(MESSAGING);

static SELECT: &[Attribute] = &[
    may("center_items", Shape::Flag).only(MESSAGING),
    may("disable_text_input", Shape::Flag).only(MESSAGING),
    must("items", Shape::List(SELECT_ITEMS_MAX, SELECT_ITEM)),
];

static SELECT_ITEM: &[Attribute] = &[
    must("title", Shape::Text(BUTTON_TITLE_CHARACTERS_MAX)),
    may("payload", Shape::Ascii(PAYLOAD_CHARACTERS_MAX)),
    may("attachment_id", Shape::File).only(MESSENGER),
    may("attachment_fallback_id", Shape::File).beside("attachment_id", &[]).only(MESSENGER),
];

static RICH_LINK: &[Attribute] = &[
    ATTACHMENT,
    ATTACHMENT_FALLBACK,
    must("title", Shape::Text(TITLE_CHARACTERS_MAX)),
    may("subtitle", Shape::Text(SUBTITLE_CHARACTERS_MAX)),
    must("url", Shape::Link),
    URL_FALLBACK,
    URL_TEXT,
    TARGET,
    WEBVIEW_HEIGHT,
    may("bid", Shape::Text(OUR_TEXT_CHARACTERS_MAX)).only(APPLE),
    may("app_id", Shape::Text(OUR_TEXT_CHARACTERS_MAX)).beside("bid", &[]).only(APPLE),
    may("app_name", Shape::Text(OUR_TEXT_CHARACTERS_MAX)).beside("bid", &[]).only(APPLE),
    may("app_icon", Shape::Ascii(ICON_CHARACTERS_MAX)).beside("bid", &[]).only(APPLE),
    may("use_live_layout", Shape::Flag).beside("bid", &[]).only(APPLE),
];

static TEMPLATE: &[Attribute] = &[
    ATTACHMENT,
    ATTACHMENT_FALLBACK,
    must("title", Shape::Text(TITLE_CHARACTERS_MAX)),
    may("subtitle", Shape::Text(SUBTITLE_CHARACTERS_MAX)),
    may("url", Shape::Link),
    URL_FALLBACK,
    URL_TEXT,
    TARGET,
    WEBVIEW_HEIGHT,
    may("footer", Shape::Text(OUR_TEXT_CHARACTERS_MAX)).only(WHATSAPP),
    must("items", Shape::List(BUTTONS_MAX, BUTTON)),
];

static CAROUSEL: &[Attribute] = &[must("items", Shape::List(CAROUSEL_ITEMS_MAX, CARD))];

static CARD: &[Attribute] = &[
    ATTACHMENT,
    ATTACHMENT_FALLBACK,
    must("title", Shape::Text(TITLE_CHARACTERS_MAX)),
    may("subtitle", Shape::Text(SUBTITLE_CHARACTERS_MAX)),
    may("url", Shape::Link),
    URL_FALLBACK,
    URL_TEXT,
    TARGET,
    WEBVIEW_HEIGHT,
    must("items", Shape::List(BUTTONS_MAX, BUTTON)),
];

static BUTTON: &[Attribute] = &[
    must("type", Shape::Word(&["url", "reply"])),
    must("title", Shape::Text(BUTTON_TITLE_CHARACTERS_MAX)),
    may("payload", Shape::Ascii(PAYLOAD_CHARACTERS_MAX)).beside("type", &["reply"]),
    must("url", Shape::Link).beside("type", &["url"]),
    URL_FALLBACK,
    TARGET,
    WEBVIEW_HEIGHT,
];

static LIST: &[Attribute] = &[
    may("attachment_id", Shape::File).only(APPLE),
    may("attachment_fallback_id", Shape::File).beside("attachment_id", &[]).only(APPLE),
    may("header", Shape::Text(OUR_TEXT_CHARACTERS_MAX)).only(WHATSAPP),
    must("title", Shape::Text(1_024)),
    may("subtitle", Shape::Text(512)),
    may("button", Shape::Text(OUR_TEXT_CHARACTERS_MAX)).only(WHATSAPP),
    may("sections", Shape::List(10, SECTION)),
    must("items", Shape::List(10, LIST_ITEM)),
];

static SECTION: &[Attribute] = &[
    may("title", Shape::Text(24)),
    must("identifier", Shape::Text(200)),
    may("multiple_selection", Shape::Flag).or("multiple_section").only(APPLE),
];

static LIST_ITEM: &[Attribute] = &[
    must("title", Shape::Text(80)),
    may("subtitle", Shape::Text(100)).or("description"),
    may("payload", Shape::Ascii(200)),
    may("section_identifier", Shape::Text(200)),
    may("attachment_id", Shape::File).only(APPLE),
    may("attachment_fallback_id", Shape::File).beside("attachment_id", &[]).only(APPLE),
];

static TIME_SELECT: &[Attribute] =
    &[ATTACHMENT, may("location", Shape::Object(LOCATION)), must("timeslots", Shape::List(OUR_ITEMS_MAX, TIMESLOT))];

static LOCATION: &[Attribute] = &[
    must("latitude", Shape::Number(-90, 90)),
    must("longitude", Shape::Number(-180, 180)),
    may("radius", Shape::Whole(0, OUR_NUMBER_MAX)),
    may("title", Shape::Text(OUR_TEXT_CHARACTERS_MAX)),
];

static TIMESLOT: &[Attribute] = &[
    must("duration", Shape::Whole(1, OUR_NUMBER_MAX)),
    must("start_time", Shape::Time),
    must("identifier", Shape::Text(200)),
];

static FORM: &[Attribute] = &[
    ATTACHMENT,
    ATTACHMENT_FALLBACK,
    must("title", Shape::Text(OUR_TEXT_CHARACTERS_MAX)),
    may("subtitle", Shape::Text(OUR_TEXT_CHARACTERS_MAX)),
    may("first_page_id", Shape::Text(200)),
    may("private", Shape::Flag),
    may("show_summary", Shape::Flag),
    may("splash", Shape::Object(SPLASH)),
    may("pages", Shape::List(OUR_ITEMS_MAX, PAGE)),
];

static SPLASH: &[Attribute] = &[
    may("header", Shape::Text(OUR_TEXT_CHARACTERS_MAX)),
    may("text", Shape::Text(OUR_TEXT_CHARACTERS_MAX)),
    may("button_title", Shape::Text(OUR_TEXT_CHARACTERS_MAX)),
    ATTACHMENT,
    ATTACHMENT_FALLBACK,
];

static PAGE: &[Attribute] = &[
    must("page_id", Shape::Text(200)),
    must("type", Shape::Word(&["select", "picker", "datePicker", "input"])),
    may("header", Shape::Text(OUR_TEXT_CHARACTERS_MAX)),
    must("title", Shape::Text(OUR_TEXT_CHARACTERS_MAX)),
    ATTACHMENT,
    ATTACHMENT_FALLBACK,
    may("next_page_id", Shape::Text(200)),
    may("submit_form", Shape::Flag),
    may("multiple_selection", Shape::Flag).beside("type", &["select"]),
    may("picker_title", Shape::Text(OUR_TEXT_CHARACTERS_MAX)).beside("type", &["picker"]),
    may("selected_item_index", Shape::Whole(0, OUR_ITEMS_MAX as i64 - 1)).beside("type", &["picker"]),
    may("hint_text", Shape::Text(OUR_TEXT_CHARACTERS_MAX)).beside("type", &["datePicker", "input"]),
    must("items", Shape::List(OUR_ITEMS_MAX, PAGE_ITEM)).beside("type", &["select", "picker"]),
    may("options", Shape::Object(DATE_OPTIONS)).beside("type", &["datePicker"]),
    may("options", Shape::Object(INPUT_OPTIONS)).beside("type", &["input"]),
];

static PAGE_ITEM: &[Attribute] = &[
    must("id", Shape::Text(200)),
    must("title", Shape::Text(OUR_TEXT_CHARACTERS_MAX)),
    may("value", Shape::Text(OUR_TEXT_CHARACTERS_MAX)),
    may("next_page_id", Shape::Text(200)),
    ATTACHMENT,
    ATTACHMENT_FALLBACK,
];

static DATE_OPTIONS: &[Attribute] = &[
    may("date_format", Shape::Text(100)),
    may("start_date", Shape::Date),
    may("maximum_date", Shape::Date),
    may("minimum_date", Shape::Date),
    may("label_text", Shape::Text(OUR_TEXT_CHARACTERS_MAX)),
];

static INPUT_OPTIONS: &[Attribute] = &[
    may("regex", Shape::Text(OUR_TEXT_CHARACTERS_MAX)),
    may("placeholder", Shape::Text(OUR_TEXT_CHARACTERS_MAX)),
    may("required", Shape::Flag),
    may("input_type", Shape::Word(&["singleline", "multiline"])),
    may("prefix_text", Shape::Text(OUR_TEXT_CHARACTERS_MAX)),
    may("max_character_count", Shape::Whole(1, 20_000)),
    may("keyboard_type", Shape::Word(KEYBOARDS)),
    may("text_content_type", Shape::Word(TEXT_CONTENTS)),
];

#[rustfmt::skip]
const KEYBOARDS: &[&str] = &[
    "default", "asciiCapable", "numbersAndPunctuation", "numberPad", "phonePad", "namePhonePad", "emailAddress",
    "decimalPad", "UIKeyboardTypeTwitter", "webSearch",
];

#[rustfmt::skip]
const TEXT_CONTENTS: &[&str] = &[
    "name", "namePrefix", "givenName", "middleName", "familyName", "nameSuffix", "nickname", "jobTitle",
    "organizationName", "location", "fullStreetAddress", "streetAddressLine1", "streetAddressLine2", "addressCity",
    "addressState", "addressCityAndState", "sublocality", "countryName", "postalCode", "telephoneNumber",
    "emailAddress", "URL", "creditCardNumber", "username", "password", "newPassword", "oneTimeCode",
];

static APPLE_PAY: &[Attribute] = &[
    ATTACHMENT,
    must("payment_gateway_url", Shape::WebUrl),
    must("merchant_session", Shape::Opaque(SESSION_BYTES_MAX)),
    must("merchant_identifier", Shape::Text(OUR_TEXT_CHARACTERS_MAX)),
    must("merchant_capabilities", Shape::Texts(OUR_ITEMS_MAX, 100)),
    must("supported_networks", Shape::Texts(OUR_ITEMS_MAX, 100)),
    must("merchant_name", Shape::Text(OUR_TEXT_CHARACTERS_MAX)),
    must("country_code", Shape::Code(2)),
    must("currency_code", Shape::Code(3)),
    may("items", Shape::List(OUR_ITEMS_MAX, PRICE)),
    must("total", Shape::Object(PRICE)),
];

static PRICE: &[Attribute] = &[
    must("amount", Shape::Amount),
    must("label", Shape::Text(OUR_TEXT_CHARACTERS_MAX)),
    must("type", Shape::Word(&["final"])),
];

static AUTHENTICATE: &[Attribute] = &[ATTACHMENT, may("response_body", Shape::Text(RESPONSE_BODY_CHARACTERS_MAX))];
