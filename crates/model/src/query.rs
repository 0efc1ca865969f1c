//! The search language of `q`: `key:value`, `key:"quoted value"`, bare words, `-key:value`, `order:field.asc`
//! (public page basics/pagination). A noun that is searched has one table of its keywords, a [`Language`]; from it come
//! reading, refusing and the documentation. What a keyword means for the rows is the noun's own affair.
//!
//! All terms must hold. A keyword that is repeated means any of its values; negated and repeated, none of them. Words
//! of text must all be there.

use crate::{Id, Result, Timestamp, error};

/// At most this many characters in a query, so that parsing and matching stay cheap.
pub const QUERY_CHARACTERS_MAX: usize = 8_000;
/// At most this many terms in a query.
pub const QUERY_TERMS_MAX: usize = 200;
/// At most this many conditions: each may look at every row. A repeated keyword is one.
pub const CONDITIONS_MAX: usize = 16;

/// What the value of a keyword is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// An id.
    Id,
    /// true, 1, on, yes or false, 0, off, no.
    Boolean,
    /// A moment.
    Date,
    /// One of these names.
    Name(&'static [&'static str]),
    /// Any text, compared as it is.
    Text,
}

/// One row of a noun's table: a keyword, what it takes, and in one line what it finds.
#[derive(Clone, Copy, Debug)]
pub struct Keyword<M: 'static> {
    /// As it is written before the colon.
    pub name: &'static str,
    /// What its value is.
    pub takes: Takes,
    /// Whether a minus may stand before it.
    pub negatable: bool,
    /// In one line: what it finds.
    pub finds: &'static str,
    /// What it means for the noun.
    pub means: M,
}

impl<M> Keyword<M> {
    /// A keyword.
    pub const fn new(name: &'static str, takes: Takes, means: M, finds: &'static str) -> Keyword<M> {
        Keyword { name, takes, negatable: true, finds, means }
    }

    /// A keyword that takes no minus.
    pub const fn positive(name: &'static str, takes: Takes, means: M, finds: &'static str) -> Keyword<M> {
        Keyword { name, takes, negatable: false, finds, means }
    }
}

impl<M> Condition<M> {
    /// Its values that are ids.
    pub fn ids(&self) -> Vec<Id> {
        self.values.iter().filter_map(|value| if let Value::Id(id) = value { Some(*id) } else { None }).collect()
    }

    /// Its values that are texts or names.
    pub fn texts(&self) -> Vec<&str> {
        let text = |value| match value {
            &Value::Name(name) => Some(name),
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        };
        self.values.iter().filter_map(text).collect()
    }
}

/// The keywords of a noun, beside `text` and `order`.
#[derive(Clone, Copy, Debug)]
pub struct Language<M: 'static> {
    /// The noun in plural, as refusals name it.
    pub noun: &'static str,
    /// Its keywords.
    pub keywords: &'static [Keyword<M>],
    /// Whether it has text to search.
    pub has_text: bool,
    /// What its rows can be ordered by; the first is the default, descending.
    pub orders: &'static [&'static str],
}

/// A query as its noun reads it.
#[derive(Clone, Debug)]
pub struct Query<M> {
    /// What must hold.
    pub conditions: Vec<Condition<M>>,
    /// Words that must all be in the text, separated by spaces; empty: none.
    pub text: String,
    /// What to order by.
    pub order: &'static str,
    /// Whether the smallest comes first.
    pub ascending: bool,
}

/// One keyword of a query with all its values: any of them, or, negated, none of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition<M> {
    /// What it means.
    pub means: M,
    /// Whether none of the values may hold.
    pub negated: bool,
    /// Its values, at least one.
    pub values: Vec<Value>,
}

/// A value, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Of [`Takes::Id`].
    Id(Id),
    /// Of [`Takes::Boolean`].
    Boolean(bool),
    /// Of [`Takes::Date`].
    Date(Timestamp),
    /// Of [`Takes::Name`].
    Name(&'static str),
    /// Of [`Takes::Text`].
    Text(String),
}

impl<M: Copy + PartialEq> Language<M> {
    /// Reads a query. `date` reads what [`Takes::Date`] takes; none: it is not a date. Unknown keywords and values that
    /// cannot be read are 400 with their place.
    pub fn read(&self, terms: &[Term], date: impl Fn(&str) -> Option<Timestamp>) -> Result<Query<M>> {
        let order = self.orders.first().copied().unwrap_or_default();
        let mut query = Query { conditions: Vec::new(), text: String::new(), order, ascending: false };
        for term in terms {
            match term.key.as_str() {
                "text" if self.has_text => {
                    if term.negated {
                        return Err(term.refuse(
                            "words cannot be negated: leave the minus out, or put quotes around what begins with one.",
                        ));
                    }
                    query.text.push_str(&term.value);
                    query.text.push(' ');
                }
                "order" => (query.order, query.ascending) = self.order(term)?,
                _ => self.add(term, &date, &mut query.conditions)?,
            }
        }
        Ok(query)
    }

    /// Whether any of these terms takes a date.
    pub fn takes_dates(&self, terms: &[Term]) -> bool {
        let dates = self.keywords.iter().filter(|keyword| keyword.takes == Takes::Date);
        dates.into_iter().any(|keyword| terms.iter().any(|term| term.key == keyword.name))
    }

    fn add(
        &self,
        term: &Term,
        date: &impl Fn(&str) -> Option<Timestamp>,
        conditions: &mut Vec<Condition<M>>,
    ) -> Result<()> {
        let keyword = self.keywords.iter().find(|keyword| keyword.name == term.key);
        let keyword = keyword.ok_or_else(|| {
            let names: Vec<&str> = self.keywords.iter().map(|keyword| keyword.name).collect();
            let text = if self.has_text { "text, " } else { "" };
            term.refuse(&format!("{} are searched by {}, {text}order.", self.noun, names.join(", ")))
        })?;
        if term.negated && !keyword.negatable {
            return Err(term.refuse("this keyword cannot be negated."));
        }
        let value = match keyword.takes {
            Takes::Id => {
                Value::Id(term.value.parse().map_err(|_| term.refuse("the value must be an id, 24 hex digits."))?)
            }
            Takes::Boolean => {
                let value = boolean(&term.value).ok_or_else(|| term.refuse("the value must be true or false."))?;
                Value::Boolean(value)
            }
            Takes::Date => Value::Date(date(&term.value).ok_or_else(|| {
                term.refuse(
                    "the value must be a date such as 2026-01-31, 2026-01-31T17:00:00Z, yesterday, \"2 hours ago\", \
                     \"last friday at 20:00\" or \"6 business hours ago\"; put quotes around more than one word.",
                )
            })?),
            Takes::Name(names) => {
                let name = names.iter().copied().find(|name| *name == term.value);
                let reason = || match names.len() {
                    ..=16 => term.refuse(&format!("the value must be one of {}.", names.join(", "))),
                    _ => term.refuse(&unknown_name(names, &term.value)),
                };
                Value::Name(name.ok_or_else(reason)?)
            }
            Takes::Text => Value::Text(term.value.clone()),
        };
        let same = |known: &&mut Condition<M>| known.means == keyword.means && known.negated == term.negated;
        if let Some(known) = conditions.iter_mut().find(same) {
            known.values.push(value);
            return Ok(());
        }
        if conditions.len() == CONDITIONS_MAX {
            return Err(term.refuse(&format!("a search has at most {CONDITIONS_MAX} conditions; use fewer.")));
        }
        conditions.push(Condition { means: keyword.means, negated: term.negated, values: vec![value] });
        Ok(())
    }

    fn order(&self, term: &Term) -> Result<(&'static str, bool)> {
        let (field, ascending) = match term.value.rsplit_once('.') {
            Some((field, "asc")) => (field, true),
            Some((field, "desc")) => (field, false),
            _ => (term.value.as_str(), false),
        };
        let known = self.orders.iter().copied().find(|order| *order == field && !term.negated);
        let reason = || term.refuse(&format!("order is {}, with .asc or .desc.", self.orders.join(" or ")));
        Ok((known.ok_or_else(reason)?, ascending))
    }

    /// The table as text for the documentation of the operation that searches.
    pub fn describe(&self) -> String {
        let mut lines = format!(
            "`q` holds `keyword:value` terms, all of which must hold. A repeated keyword means any of its values, \
             `\"quotes\"` hold values with spaces, a minus before a keyword negates it where that makes sense, and \
             `order:` takes {} with `.asc` or `.desc`.\n",
            self.orders.join(" or ")
        );
        if self.has_text {
            lines += "\n- `text` (words; not negatable; bare words are text): all these words are in one content.";
        }
        for keyword in self.keywords {
            let takes = match keyword.takes {
                Takes::Id => "id".to_owned(),
                Takes::Boolean => "true or false".to_owned(),
                Takes::Date => "date".to_owned(),
                Takes::Name(names @ [_, ..]) if names.len() <= 16 => names.join(", "),
                Takes::Name(_) => "name".to_owned(),
                Takes::Text => "text".to_owned(),
            };
            let negatable = if keyword.negatable { "" } else { "; not negatable" };
            lines += &format!("\n- `{}` ({takes}{negatable}): {}", keyword.name, keyword.finds);
        }
        lines
    }
}

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

/// Splits a query into its terms, in order. 400 with its place for a quote that is not closed.
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
        let term = rest.term()?;
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

    fn term(&mut self) -> Result<Term> {
        let position = self.at + 1;
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
            return self.valued(Term { key, value: String::new(), negated, position });
        }
        // A minus with no word behind it is a dash.
        self.at = key_start;
        let dashes = self.characters[key_start..].iter().take_while(|c| !c.is_whitespace());
        let negated = negated && dashes.into_iter().any(|c| c.is_alphanumeric() || *c == '"');
        if !negated {
            self.at = position - 1;
        }
        self.valued(Term { key: "text".into(), value: String::new(), negated, position })
    }

    fn valued(&mut self, term: Term) -> Result<Term> {
        match self.value() {
            Some(value) => Ok(Term { value, ..term }),
            None => Err(term.refuse("its quote is not closed: put another one behind the value.")),
        }
    }

    /// None when a quote is not closed.
    fn value(&mut self) -> Option<String> {
        if self.peek() == Some('"') {
            self.at += 1;
            let start = self.at;
            while self.peek()? != '"' {
                self.at += 1;
            }
            self.at += 1;
            return Some(self.characters[start..self.at - 1].iter().collect());
        }
        let start = self.at;
        while self.peek().is_some_and(|c| !c.is_whitespace()) {
            self.at += 1;
        }
        Some(self.characters[start..self.at].iter().collect())
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

/// Names of this many are told to whoever has given another.
const NAMES_TOLD_MAX: usize = 12;

/// What to say about a name that is none of many: those that look like it.
fn unknown_name(names: &[&str], given: &str) -> String {
    let stem = |name: &str| name.split(['.', '_']).next().unwrap_or_default().to_lowercase();
    let wanted = stem(given);
    let mut alike: Vec<&str> = names.iter().copied().filter(|name| stem(name) == wanted).collect();
    if alike.is_empty() {
        let firsts: std::collections::BTreeSet<String> = names.iter().map(|name| stem(name)).collect();
        return format!("there is no such name; names begin with {}.", Vec::from_iter(firsts).join(", "));
    }
    let more = if alike.len() > NAMES_TOLD_MAX { ", and more" } else { "" };
    alike.truncate(NAMES_TOLD_MAX);
    format!("there is no such name; there are {}{more}.", alike.join(", "))
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
            ("at 10:30 -5", vec![term("text", "at", false), term("text", "10:30", false), term("text", "5", true)]),
            (
                r#""two words" "-5" id:"""#,
                vec![term("text", "two words", false), term("text", "-5", false), term("id", "", false)],
            ),
            (r#"-"two words" -ébène"#, vec![term("text", "two words", true), term("text", "ébène", true)]),
            (
                "tea - kettle -- t-shirt",
                vec![
                    term("text", "tea", false),
                    term("text", "-", false),
                    term("text", "kettle", false),
                    term("text", "--", false),
                    term("text", "t-shirt", false),
                ],
            ),
            ("12\" pan", vec![term("text", "12\"", false), term("text", "pan", false)]),
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

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Means {
        Colour,
        Heavy,
        Owner,
        Made,
    }

    const THINGS: Language<Means> = Language {
        noun: "things",
        keywords: &[
            Keyword::new("colour", Takes::Name(&["red", "blue"]), Means::Colour, "Of this colour."),
            Keyword::new("heavy", Takes::Boolean, Means::Heavy, "Over a ton."),
            Keyword::new("owner", Takes::Id, Means::Owner, "Theirs."),
            Keyword::positive("made_after", Takes::Date, Means::Made, "Made since then."),
        ],
        has_text: true,
        orders: &["made_at", "weight"],
    };

    fn things(text: &str) -> Result<Query<Means>> {
        THINGS.read(&parse(text)?, Timestamp::parse_iso)
    }

    #[test]
    fn a_table_reads_a_query() {
        let query = things("two words colour:red -colour:blue colour:blue -heavy:yes order:weight.asc").unwrap();
        let condition = |means, negated, values| Condition { means, negated, values };
        assert_eq!(
            query.conditions,
            [
                condition(Means::Colour, false, vec![Value::Name("red"), Value::Name("blue")]),
                condition(Means::Colour, true, vec![Value::Name("blue")]),
                condition(Means::Heavy, true, vec![Value::Boolean(true)]),
            ]
        );
        assert_eq!((query.text.as_str(), query.order, query.ascending), ("two words ", "weight", true));
        let query = things("").unwrap();
        assert_eq!((query.conditions.len(), query.order, query.ascending), (0, "made_at", false));
        let described = THINGS.describe();
        assert!(described.contains("`made_after` (date; not negatable): Made since then."), "{described}");
    }

    #[test]
    fn what_a_table_does_not_read_is_refused_with_its_place() {
        for (text, place, reason) in [
            ("a size:1", "character 3", "things are searched by colour, heavy, owner, made_after, text, order."),
            ("colour:green", "character 1", "one of red, blue"),
            ("heavy:perhaps", "character 1", "true or false"),
            ("owner:me", "character 1", "24 hex digits"),
            ("made_after:soon", "character 1", "a date"),
            ("-made_after:2026-01-01", "character 1", "cannot be negated"),
            ("-text:x", "character 1", "words cannot be negated"),
            ("théière -bleue", "character 9", "words cannot be negated: leave the minus out"),
            ("-bleue", "character 1", "words cannot be negated"),
            ("a -\"two words\"", "character 3", "words cannot be negated"),
            ("text:\"unclosed", "character 1", "its quote is not closed"),
            ("a \"", "character 3", "its quote is not closed"),
            ("owner:\"0123", "character 1", "its quote is not closed"),
            ("order:colour", "character 1", "order is made_at or weight"),
            ("-order:weight", "character 1", "order is made_at or weight"),
        ] {
            let Err(error::Error::Refused(refusal)) = things(text) else { panic!("{text}") };
            let message = &refusal.message;
            assert!(refusal.status == 400 && message.contains(place) && message.contains(reason), "{message}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_split_or_refused(text in ".*") {
            let _ = things(&text);
        }

        #[test]
        fn bare_words_keep_every_character(words in prop::collection::hash_set("[a-z0-9é]{1,8}", 0..20)) {
            let words: Vec<String> = words.into_iter().collect();
            let values: Vec<_> = parse(&words.join(" ")).unwrap().into_iter().map(|term| term.value).collect();
            prop_assert_eq!(values, words);
        }
    }
}
