//! How much one call may carry. Those of the service's pages are marked so; the others are ours.

/// Weight of a post (public): most letters weigh 1, others and emoji 2, every address 23.
pub const POST_WEIGHT_MAX: usize = 280;
/// What an address weighs (public).
pub const ADDRESS_WEIGHT: usize = 23;
/// Characters of a direct message (public).
pub const MESSAGE_CHARACTERS_MAX: usize = 10_000;
/// Characters that are kept of what somebody wrote.
pub const BODY_CHARACTERS_MAX: usize = 20_000;
/// Digits of an id.
pub const ID_DIGITS_MAX: usize = 20;
/// Characters of a name.
pub const NAME_CHARACTERS_MAX: usize = 255;
/// Events in one delivery that are looked at.
pub const EVENTS_MAX: usize = 1_000;
/// Pictures of one post of ours (public); a direct message takes one.
pub const PICTURES_MAX: usize = 4;
/// Bytes of a picture of ours (public).
pub const PICTURE_BYTES_MAX: i64 = 5 << 20;
/// Pictures and films of one post.
pub const MEDIA_MAX: usize = 10;
