//! How much one call may carry. Those of the service's pages are marked so; the others are ours.

/// Comments on one page (public).
pub const COMMENTS_PER_PAGE: usize = 100;
/// Threads that are asked for by name at once (public).
pub const THREADS_PER_CALL: usize = 50;
/// Videos that are asked for by name at once (public).
pub const VIDEOS_PER_CALL: usize = 50;
/// Characters of an answer (public); longer ones are refused before they cost anything.
pub const TEXT_CHARACTERS_MAX: usize = 10_000;
/// Characters that are kept of what somebody wrote.
pub const BODY_CHARACTERS_MAX: usize = 20_000;
/// Characters of an id.
pub const ID_CHARACTERS_MAX: usize = 255;
/// Characters of a name.
pub const NAME_CHARACTERS_MAX: usize = 255;
/// Bytes of an answer that are read.
pub const ANSWER_BYTES_MAX: usize = 4 << 20;
/// Bytes of a notice about videos.
pub const NOTICE_BYTES_MAX: usize = 1 << 20;
/// Videos in one notice that are looked at.
pub const VIDEOS_PER_NOTICE_MAX: usize = 50;
