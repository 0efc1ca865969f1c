//! How much one call of the channel may carry. Those of the public pages are marked so; the others are ours, so that
//! nothing unbounded reaches the store. Characters are Unicode code points.

/// Bytes of a request to us (public).
pub const REQUEST_BYTES_MAX: usize = 20_971_520;
/// JSON values in a request: more would cost far more memory than the bytes that were sent.
pub const REQUEST_VALUES_MAX: usize = 100_000;
/// Bytes of an answer to a question of ours.
pub const LIST_BYTES_MAX: usize = 20_971_520;
/// Objects in the answer to a list action.
pub const LIST_OBJECTS_MAX: usize = 1_000;
/// JSON values in the answer to a list action.
pub const LIST_VALUES_MAX: usize = 500_000;
/// Objects in the answer to `implementation.info`.
pub const OBJECTS_MAX: usize = 50;
/// Actions of one object there.
pub const ACTIONS_MAX: usize = 100;
/// Languages there.
pub const LOCALES_MAX: usize = 100;
/// Labels of one language there.
pub const LOCALE_LABELS_MAX: usize = 200;
/// Characters of a body (public), and of a typing preview.
pub const BODY_CHARACTERS_MAX: usize = 20_000;
/// Characters of an id.
pub const ID_CHARACTERS_MAX: usize = 255;
/// Characters of a name, an address, a phone number, a language, an action, a category or a file's name.
pub const SHORT_TEXT_CHARACTERS_MAX: usize = 255;
/// Characters of a thread's title.
pub const TITLE_CHARACTERS_MAX: usize = 1_000;
/// Entries of `categories`, `actions` and of one list of context data.
pub const LIST_ITEMS_MAX: usize = 100;
/// Fields of context data.
pub const CONTEXT_FIELDS_MAX: usize = 100;
/// Characters of one text of context data.
pub const CONTEXT_TEXT_CHARACTERS_MAX: usize = 5_000;
/// Attachments of one content.
pub const ATTACHMENTS_MAX: usize = 20;
/// Bytes of a structured reply as JSON.
pub const STRUCTURED_REPLY_BYTES_MAX: usize = 16_384;
/// Seconds between two `typing.start` for one thread; `typing.stop` starts afresh (public).
pub const TYPING_SECONDS_MIN: i64 = 2;
/// Characters of the explanation that is kept of a failed delivery.
pub const EXPLANATION_CHARACTERS_MAX: usize = 500;

/// File name extensions that are taken, lower case (public).
#[rustfmt::skip]
pub const EXTENSIONS: [&str; 59] = [
    "aac", "m4a", "mp3", "ogg",
    "xlc", "xls", "xlsm", "xlsx", "xlt", "xltm", "xltx",
    "bmp", "gif", "jpeg", "jpg", "png", "svg", "webp",
    "eml", "msg",
    "pdf",
    "key", "odp", "otp", "pot", "pps", "ppt", "pptx",
    "numbers", "ods", "ots",
    "csv", "log", "txt",
    "avi", "flv", "m4v", "mkv", "mov", "mp4", "mpeg4", "mpg", "qt", "wmv",
    "doc", "docm", "docx", "dotm", "dotx", "odt", "ott", "pages", "rtf",
    "amr", "dms", "mpeg", "tif", "tiff", "vcard",
];
