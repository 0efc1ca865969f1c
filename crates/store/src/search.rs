//! Full text. Text is folded and split here, once, so that both engines index the same words and find the same hits.

use frontdesk_model::{Id, Result};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::args;
use crate::tx::{Dialect, Tx};

/// At most this many characters of a text are indexed.
const TEXT_CHARACTERS_MAX: usize = 40_000;
/// So many different words of a search are looked for; with more, the others narrow it no further.
const WORDS_MAX: usize = 30;
/// Longer words are cut, in texts and in searches alike: PostgreSQL refuses words of over 2,046 bytes.
const WORD_CHARACTERS_MAX: usize = 100;

/// The words of a text, without case and accents, separated by single spaces.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut word_characters = 0;
    for character in text.chars().take(TEXT_CHARACTERS_MAX).nfkd() {
        if is_combining_mark(character) {
            continue;
        }
        if character.is_alphanumeric() {
            word_characters += 1;
            if word_characters <= WORD_CHARACTERS_MAX {
                folded.extend(character.to_lowercase().filter(|lower| !is_combining_mark(*lower)));
            }
            continue;
        }
        word_characters = 0;
        if !folded.ends_with(' ') {
            folded.push(' ');
        }
    }
    folded.trim().to_owned()
}

/// Indexes the text of a row of `table`, in the transaction that writes the row. `{table}_search` is the index: on
/// SQLite by the row's `number`, on PostgreSQL by its `id`.
pub fn index(tx: &mut dyn Tx, table: &str, id: Id, text: &str) -> Result<()> {
    let words = fold(text);
    if words.is_empty() {
        return Ok(());
    }
    let sql = match tx.dialect() {
        Dialect::Sqlite => {
            format!("INSERT INTO {table}_search (rowid, words) VALUES ((SELECT number FROM {table} WHERE id = $1), $2)")
        }
        Dialect::Postgres => {
            format!("INSERT INTO {table}_search (id, words) VALUES ($1, array_to_tsvector(string_to_array($2, ' ')))")
        }
    };
    tx.execute(&sql, args![&id, &words])?;
    Ok(())
}

/// The condition that a row of `table` holds all words bound to `$number` by [`matching`].
pub fn condition(dialect: Dialect, table: &str, number: usize) -> String {
    match dialect {
        Dialect::Sqlite => {
            format!("{table}.number IN (SELECT rowid FROM {table}_search WHERE {table}_search MATCH ${number})")
        }
        Dialect::Postgres => {
            format!(
                "{table}.id IN (SELECT id FROM {table}_search WHERE words @@ CAST(CAST(${number} AS text) AS tsquery))"
            )
        }
    }
}

/// The value to bind for a search of these words; none when there is no word to look for.
pub fn matching(dialect: Dialect, text: &str) -> Option<String> {
    let folded = fold(text);
    let mut words: Vec<&str> = Vec::new();
    for word in folded.split(' ').filter(|word| !word.is_empty()) {
        // Each word costs a walk over all that hold it: saying one twice asks for nothing more.
        if words.len() < WORDS_MAX && !words.contains(&word) {
            words.push(word);
        }
    }
    if words.is_empty() {
        return None;
    }
    // Words are letters and digits only, so quoting them needs no escapes.
    Some(match dialect {
        Dialect::Sqlite => words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" "),
        Dialect::Postgres => words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" & "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_folded_to_bare_words() {
        for (text, words) in [
            ("Où est l'ÉTÉ ?", "ou est l ete"),
            ("  Straße—№ 5 ", "straße no 5"),
            ("vera@example.com", "vera example com"),
            ("…", ""),
        ] {
            assert_eq!(fold(text), words, "{text}");
        }
        assert_eq!(matching(Dialect::Sqlite, "Été 10'; DROP").unwrap(), r#""ete" "10" "drop""#);
        assert_eq!(matching(Dialect::Postgres, "Été 10").unwrap(), "'ete' & '10'");
        assert_eq!(matching(Dialect::Postgres, "?!"), None);
    }
}
