//! The lengths and numbers of the types that every kind of channel has, in both directions.
//! Characters are Unicode code points.

/// Items of a select.
pub const SELECT_ITEMS_MAX: usize = 13;
/// Cards of a carousel.
pub const CAROUSEL_ITEMS_MAX: usize = 10;
/// Buttons of a template or a card.
pub const BUTTONS_MAX: usize = 4;
/// Characters of an item's or a button's title, and of the text that stands for a link.
pub const BUTTON_TITLE_CHARACTERS_MAX: usize = 80;
/// Characters of what a picked item sends back.
pub const PAYLOAD_CHARACTERS_MAX: usize = 1_000;
/// Characters of the title of a rich link, a template or a card.
pub const TITLE_CHARACTERS_MAX: usize = 350;
/// Characters of the subtitle of a rich link, a template or a card.
pub const SUBTITLE_CHARACTERS_MAX: usize = 1_000;
