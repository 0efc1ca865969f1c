//! How much one message may carry. Those of Meta's pages are marked so; the others are ours.

/// Bytes of an id: those of messages grow long.
pub(crate) const ID_BYTES_MAX: usize = 400;
/// Characters of a name.
pub(crate) const NAME_CHARACTERS_MAX: usize = 255;
/// Characters that are kept of what somebody wrote.
pub(crate) const BODY_CHARACTERS_MAX: usize = 20_000;
/// Characters of a comment (public).
pub(crate) const COMMENT_CHARACTERS_MAX: usize = 8_000;
/// Characters of a message (public).
pub(crate) const MESSAGE_CHARACTERS_MAX: usize = 2_000;
/// Files of one content that comes in.
pub(crate) const FILES_MAX: usize = 30;
/// Bytes of a payload that a button gives back (public).
pub(crate) const PAYLOAD_CHARACTERS_MAX: usize = 1_000;
/// How long after a customer wrote they may be answered, seconds (public).
pub(crate) const WINDOW_SECONDS: i64 = 24 * 60 * 60;
/// How long with the human-agent tag, seconds (public).
pub(crate) const AGENT_WINDOW_SECONDS: i64 = 7 * 24 * 60 * 60;
