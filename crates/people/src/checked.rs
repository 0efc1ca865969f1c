//! Values that nouns share, checked: 422 for what cannot be.

use frontdesk_model::{Id, Result, error};
use frontdesk_store::{Tx, args};

/// Names and labels are for people: this many characters are enough.
pub const NAME_CHARACTERS_MAX: usize = 255;

/// A name without spaces around it: neither blank nor too long.
pub fn name(attribute: &str, text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(error::invalid(attribute, "blank", format!("{attribute} can't be blank.")));
    }
    bounded(attribute, text)
}

/// A text that may be absent: blank is none.
pub fn optional(attribute: &str, text: &str) -> Result<Option<String>> {
    let text = text.trim();
    if text.is_empty() { Ok(None) } else { bounded(attribute, text).map(Some) }
}

fn bounded(attribute: &str, text: &str) -> Result<String> {
    if text.chars().any(is_disguise) {
        let message =
            format!("{attribute}: line breaks, control characters and marks that turn its direction are not allowed.");
        return Err(error::invalid(attribute, "invalid", message));
    }
    if text.chars().count() > NAME_CHARACTERS_MAX {
        let message = format!("{attribute} has at most {NAME_CHARACTERS_MAX} characters.");
        return Err(error::invalid(attribute, "too_long", message));
    }
    Ok(text.to_owned())
}

/// What makes a name look like something else where it is shown: it breaks the line, or turns the direction of what
/// follows (Unicode TR 36, section 2.5). Marks that only say how a word of another script is read are fine.
fn is_disguise(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// At most this many characters in an e-mail address (RFC 5321, section 4.5.3.1.3, without its angle brackets).
pub const EMAIL_CHARACTERS_MAX: usize = 254;

/// Whether a text can be somebody's address: something on both sides of one @, nothing invisible, and nothing that would
/// make it two. Only mail that arrives proves more.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !"@<>(),;:\"[]\\".contains(c);
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    text.chars().count() <= EMAIL_CHARACTERS_MAX
        && (1..=64).contains(&local.len())
        && local.chars().all(is_plain)
        && domain.split('.').all(is_label)
}

/// The code of a language, of two letters; empty is none.
pub fn language(attribute: &str, code: &str) -> Result<Option<String>> {
    let code = code.trim();
    match code.len() {
        0 => Ok(None),
        2 if code.bytes().all(|byte| byte.is_ascii_lowercase()) => Ok(Some(code.to_owned())),
        _ => {
            let message = format!("{attribute}: must be a code of two letters, such as en.");
            Err(error::invalid(attribute, "invalid", message))
        }
    }
}

/// A list of ids in order, none twice, at most `max`.
pub fn distinct(attribute: &str, mut ids: Vec<Id>, max: usize) -> Result<Vec<Id>> {
    ids.sort_unstable();
    ids.dedup();
    if ids.len() > max {
        return Err(error::invalid(attribute, "too_long", format!("{attribute} has at most {max} elements.")));
    }
    Ok(ids)
}

/// 422 on `source_ids` for one that may not be named.
pub fn nameable_sources(ids: &[Id], may_name: impl Fn(&Id) -> bool) -> Result<()> {
    match ids.iter().find(|id| !may_name(id)) {
        None => Ok(()),
        Some(unknown) => {
            let message = format!("source_ids: there is no source {unknown}, or you may not read it.");
            Err(error::invalid("source_ids", "unknown", message))
        }
    }
}

/// 422 unless every id of a list without repetitions is in `table`.
pub fn known(tx: &mut dyn Tx, table: &str, ids: &[Id], attribute: &str, noun: &str) -> Result<()> {
    let condition = tx.in_list("id", 1);
    let found: Vec<Id> = tx
        .query(&format!("SELECT id FROM {table} WHERE {condition}"), args![ids])?
        .iter()
        .map(|row| row.get(0))
        .collect::<Result<_>>()?;
    match ids.iter().find(|id| !found.contains(id)) {
        Some(unknown) => {
            Err(error::invalid(attribute, "unknown", format!("{attribute}: there is no {noun} {unknown}.")))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(name("name", "  Orders ").unwrap(), "Orders");
        assert!(name("name", &"é".repeat(NAME_CHARACTERS_MAX)).is_ok());
        for wrong in ["", " \t", &"é".repeat(NAME_CHARACTERS_MAX + 1)] {
            assert!(name("name", wrong).is_err(), "{wrong:?}");
        }
        for wrong in ["a\r\nb", "a\tb", "a\u{0}b", "a\u{85}b", "a\u{2028}b", "txt\u{202e}exe", "\u{2066}a\u{2069}"] {
            assert!(name("name", wrong).is_err(), "{wrong:?}");
            assert!(optional("name", wrong).is_err(), "{wrong:?}");
        }
        for fine in ["O'Neil & Söhne", "می‌خواهم", "שלום\u{200f}!", "👩‍💻 desk"] {
            assert_eq!(name("name", fine).unwrap(), fine);
        }
    }

    #[test]
    fn addresses_are_told_from_other_texts() {
        for text in
            ["a@b", "ada@frontdesk.local", "o'neil+x@ex-ample.co", "vera.v+tag@mail.example.co.uk", "véra@exämple.com"]
        {
            assert!(is_email(text), "{text}");
        }
        for text in [
            "",
            "@",
            "a",
            "a@",
            "@b",
            "a b@c",
            "a@b c",
            "a@b@c",
            "a@.b",
            "a@b.",
            "a@b..c",
            "a@-b",
            "<a@b>",
            "Vera <vera@example.com>",
            "a@b,c@d",
            "a\u{7}@b",
            "vera@example.com\nBcc: x@example.com",
        ] {
            assert!(!is_email(text), "{text}");
        }
        assert!(!is_email(&format!("{}@example.com", "v".repeat(65))));
        assert!(!is_email(&format!("v@{}.com", "e".repeat(250))));
    }
}
