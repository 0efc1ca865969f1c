//! The search language of `q`: `key:value`, `key:"quoted value"`, bare words, `-key:value`, `order:field.asc`
//! (public page basics/pagination). What a keyword means is decided by the noun that is searched.

use crate::{Result, error};

/// At most this many characters in a query, so that parsing and matching stay cheap.
pub const QUERY_CHARACTERS_MAX: usize = 8_000;
/// At most this many terms in a query.
pub const QUERY_TERMS_MAX: usize = 200;

/// One `key:value` of a query; bare words have the key `text`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The keyword, lower case.
    pub key: String,
    /// The value without its quotes.
    pub value: String,
    /// Whether a minus stood before the keyword.
    pub negated: bool,
    /// Where the term begins, in characters from 1: errors point at it.
    pub position: usize,
}

impl Term {
    /// 400 that names this term's place.
    pub fn refuse(&self, reason: &str) -> error::Error {
        error::bad_request(format!("q: \"{}\" at character {}: {reason}", self.key, self.position))
    }
}

/// Splits a query into its terms, in order. An unclosed quote ends at the end of the query.
pub fn parse(text: &str) -> Result<Vec<Term>> {
    if text.chars().count() > QUERY_CHARACTERS_MAX {
        return Err(error::bad_request(format!("q: longer than {QUERY_CHARACTERS_MAX} characters; shorten it.")));
    }
    let mut terms: Vec<Term> = Vec::new();
    let mut rest = Reader { characters: text.chars().collect(), at: 0 };
    while rest.skip_spaces() {
        if terms.len() == QUERY_TERMS_MAX {
            return Err(error::bad_request(format!("q: more than {QUERY_TERMS_MAX} terms; use fewer.")));
        }
        let term = rest.term();
        let is_known =
            |known: &Term| (&known.key, &known.value, known.negated) == (&term.key, &term.value, term.negated);
        // Saying the same twice asks for nothing more.
        if !terms.iter().any(is_known) {
            terms.push(term);
        }
    }
    Ok(terms)
}

struct Reader {
    characters: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    /// Whether anything but spaces is left.
    fn skip_spaces(&mut self) -> bool {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
        self.peek().is_some()
    }

    fn term(&mut self) -> Term {
        let position = self.at + 1;
        let start = self.at;
        let negated = self.peek() == Some('-');
        if negated {
            self.at += 1;
        }
        let key_start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
            self.at += 1;
        }
        // A colon makes a keyword only after a letter: "10:30" and "12:00" are words.
        if self.at > key_start && self.peek() == Some(':') && self.characters[key_start].is_ascii_alphabetic() {
            let key = self.characters[key_start..self.at].iter().collect::<String>().to_ascii_lowercase();
            self.at += 1;
            return Term { key, value: self.value(), negated, position };
        }
        self.at = start;
        Term { key: "text".into(), value: self.value(), negated: false, position }
    }

    fn value(&mut self) -> String {
        if self.peek() == Some('"') {
            self.at += 1;
            let start = self.at;
            while self.peek().is_some_and(|c| c != '"') {
                self.at += 1;
            }
            let value = self.characters[start..self.at].iter().collect();
            self.at = (self.at + 1).min(self.characters.len());
            return value;
        }
        let start = self.at;
        while self.peek().is_some_and(|c| !c.is_whitespace()) {
            self.at += 1;
        }
        self.characters[start..self.at].iter().collect()
    }
}

/// Reads a boolean of the search language: true, 1, on, yes or false, 0, off, no.
pub fn boolean(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "on" | "yes" => Some(true),
        "false" | "0" | "off" | "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn terms(text: &str) -> Vec<(String, String, bool)> {
        parse(text).expect("a query").into_iter().map(|term| (term.key, term.value, term.negated)).collect()
    }

    #[test]
    fn queries_are_split_as_the_page_says() {
        let term = |key: &str, value: &str, negated| (key.to_owned(), value.to_owned(), negated);
        for (text, expected) in [
            ("", vec![]),
            ("source:1 source:2", vec![term("source", "1", false), term("source", "2", false)]),
            (r#"thread:"9c99 03" hello"#, vec![term("thread", "9c99 03", false), term("text", "hello", false)]),
            ("-status_in:new", vec![term("status_in", "new", true)]),
            ("order:created_at.desc", vec![term("order", "created_at.desc", false)]),
            ("at 10:30 -5", vec![term("text", "at", false), term("text", "10:30", false), term("text", "-5", false)]),
            (r#""two words" id:"open"#, vec![term("text", "two words", false), term("id", "open", false)]),
            ("Source:X", vec![term("source", "X", false)]),
        ] {
            assert_eq!(terms(text), expected, "{text}");
        }
    }

    #[test]
    fn long_queries_are_refused() {
        assert!(parse(&"a".repeat(QUERY_CHARACTERS_MAX + 1)).is_err());
        let many: String = (0..=QUERY_TERMS_MAX).map(|number| format!("{number} ")).collect();
        assert!(parse(&many).is_err());
        assert_eq!(parse(&"a ".repeat(QUERY_TERMS_MAX + 1)).map(|terms| terms.len()).ok(), Some(1));
    }

    proptest! {
        #[test]
        fn any_text_is_split_or_refused(text in ".*") {
            let _ = parse(&text);
        }

        #[test]
        fn bare_words_keep_every_character(words in prop::collection::hash_set("[a-z0-9é]{1,8}", 0..20)) {
            let words: Vec<String> = words.into_iter().collect();
            let values: Vec<_> = parse(&words.join(" ")).unwrap().into_iter().map(|term| term.value).collect();
            prop_assert_eq!(values, words);
        }
    }
}
