//! Characters that show nothing themselves, and may make what is shown look like something else.

/// Whether a character is a control character, turns the direction of the text, parts lines that are meant to be one, or
/// takes no room (Unicode TR 36, section 2.5 and 3). A text that a stranger wrote is shown without these.
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A text on one line, with a space for each white space and without what is invisible. What joins or parts the letters
/// beside it stays: Persian and compound emoji are written with it.
pub fn shown(text: &str) -> String {
    let spaced = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    spaced.filter(|c| !is_invisible(*c) || matches!(c, '\u{200c}' | '\u{200d}')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_nothing_goes_and_what_writes_words_stays() {
        for (given, seen) in [
            ("plain", "plain"),
            ("two\nlines\u{2028}or three", "two lines or three"),
            ("\u{202e}live\u{202c}", "live"),
            ("\u{2066}a\u{2069}\u{200b}\u{feff}b\u{7}\u{1b}[31m", "ab[31m"),
            ("m\u{200c}n \u{1f469}\u{200d}\u{1f52c}", "m\u{200c}n \u{1f469}\u{200d}\u{1f52c}"),
            ("عربي", "عربي"),
        ] {
            assert_eq!(shown(given), seen, "{given:?}");
        }
    }
}
