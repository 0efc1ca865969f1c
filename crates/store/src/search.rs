//! Full text. Text is folded and split here, once, so that both engines index the same words and find the same hits.
//!
//! A text is a row of *units*: a word of letters and digits; in scripts that write without spaces, one character; one
//! emoji. Two units with no white space between them are *joined*: `AB-1234`, `vera@example.com`, `东京`. A text is
//! indexed by its units and by its joined pairs. A search asks for the joined pairs of what is joined in it, and for the
//! units that stand alone; so a code is found whole, in any part, and not where its parts lie scattered.

use frontdesk_model::{Id, Result};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{decompose_canonical, is_combining_mark};

use crate::args;
use crate::filter::{FIRST, LATEST_ENTRIES, Latest, Piece, Route};
use crate::tx::{Dialect, Tx};
pub use crate::visible::text;

/// At most this many characters of a text are indexed.
const TEXT_CHARACTERS_MAX: usize = 40_000;
/// So many different words of a search are looked for; with more, the others narrow it no further.
const WORDS_MAX: usize = 30;
/// Longer words are cut, in texts and in searches alike: PostgreSQL refuses words of over 2,046 bytes, pairs included.
const WORD_BYTES_MAX: usize = 200;
/// Stands between the units of a pair; no unit holds it.
const JOINT: char = '·';

/// What a text is indexed by: its units and joined pairs, separated by single spaces.
pub fn words(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    split(text, &mut |unit, before| {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(unit);
        if let Some(before) = before {
            words.extend([" ", before]);
            words.push(JOINT);
            words.push_str(unit);
        }
    });
    words
}

/// The words of a text, without case and accents, separated by single spaces.
pub fn fold(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    split(text, &mut |unit, _| {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(unit);
    });
    words
}

/// What a search looks for: every word must be there.
pub fn sought(text: &str) -> Vec<String> {
    let mut sought: Vec<String> = Vec::new();
    // Each word costs a walk over all that hold it: saying one twice asks for nothing more.
    let mut seek = |word: String| {
        if sought.len() < WORDS_MAX && !sought.contains(&word) {
            sought.push(word);
        }
    };
    let mut alone: Option<String> = None;
    split(text, &mut |unit, before| match before {
        Some(before) => {
            alone = None;
            seek(format!("{before}{JOINT}{unit}"));
        }
        None => {
            if let Some(unit) = alone.replace(unit.to_owned()) {
                seek(unit);
            }
        }
    });
    if let Some(unit) = alone {
        seek(unit);
    }
    sought
}

/// What a character is to a text.
enum Part {
    /// Of a word.
    Letter,
    /// A unit by itself.
    Unit,
    /// Not seen: accents, invisible marks, shades of emoji.
    Nothing,
    /// Parts units.
    Space,
    /// Parts units, and joins them.
    Punctuation,
}

fn part(character: char) -> Part {
    match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' => Part::Letter,
        _ if character.is_whitespace() => Part::Space,
        _ if is_unseen(character) => Part::Nothing,
        _ if is_emoji(character) => Part::Unit,
        _ if character.is_alphanumeric() || is_combining_mark(character) => {
            if is_written_without_spaces(character) {
                Part::Unit
            } else {
                Part::Letter
            }
        }
        _ => Part::Punctuation,
    }
}

/// Calls `take` with every unit, folded, and with the one before it if they are joined.
fn split(text: &str, take: &mut dyn FnMut(&str, Option<&str>)) {
    let characters = text.chars().take(TEXT_CHARACTERS_MAX);
    match text.is_ascii() {
        // It is its own normal form, and looking for that takes most of the time.
        true => split_normal(characters, take),
        false => split_normal(characters.nfkc(), take),
    }
}

fn split_normal(characters: impl Iterator<Item = char>, take: &mut dyn FnMut(&str, Option<&str>)) {
    let (mut unit, mut before) = (String::new(), String::new());
    let mut end = |unit: &mut String, before: &mut String| {
        if !unit.is_empty() {
            take(unit, Some(before.as_str()).filter(|before| !before.is_empty()));
            std::mem::swap(unit, before);
            unit.clear();
        }
    };
    for character in characters {
        match part(character) {
            Part::Letter => {
                if unit.len() < WORD_BYTES_MAX {
                    push_folded(character, &mut unit);
                }
            }
            Part::Unit => {
                end(&mut unit, &mut before);
                unit.push(character);
                end(&mut unit, &mut before);
            }
            Part::Nothing => {}
            Part::Space => {
                end(&mut unit, &mut before);
                before.clear();
            }
            Part::Punctuation => end(&mut unit, &mut before),
        }
    }
    end(&mut unit, &mut before);
}

/// Appends a letter without case and accents.
fn push_folded(letter: char, unit: &mut String) {
    if letter.is_ascii() {
        unit.push(letter.to_ascii_lowercase());
        return;
    }
    decompose_canonical(letter, |bare| {
        if is_unseen(bare) {
            return;
        }
        for lower in bare.to_lowercase().filter(|lower| !is_unseen(*lower)) {
            match lower {
                'ß' => unit.push_str("ss"),
                'æ' => unit.push_str("ae"),
                'œ' => unit.push_str("oe"),
                'þ' => unit.push_str("th"),
                'ø' => unit.push('o'),
                'ł' => unit.push('l'),
                'đ' | 'ð' => unit.push('d'),
                'ı' => unit.push('i'),
                'ς' => unit.push('σ'),
                other => unit.push(other),
            }
        }
    });
}

/// Accents of the alphabets (the vowel signs of other scripts are letters), and what nobody sees.
fn is_unseen(character: char) -> bool {
    matches!(u32::from(character),
        0x0300..=0x036f | 0x0483..=0x0487 | 0x0591..=0x05bd | 0x05bf | 0x05c1..=0x05c2 | 0x05c4..=0x05c5 | 0x05c7
        | 0x0610..=0x061a | 0x0640 | 0x064b..=0x065f | 0x0670 | 0x06d6..=0x06dc | 0x06df..=0x06e4 | 0x06e7..=0x06e8
        | 0x06ea..=0x06ed | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x20d0..=0x20ff | 0xfe20..=0xfe2f
        // Soft hyphens, joiners, directions, variation selectors, tags, shades of skin.
        | 0x00ad | 0x061c | 0x180e | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0xfe00..=0xfe0f | 0xfeff
        | 0xe0000..=0xe0fff | 0x1f3fb..=0x1f3ff)
}

fn is_emoji(character: char) -> bool {
    matches!(u32::from(character), 0x2300..=0x23ff | 0x2600..=0x27bf | 0x2b00..=0x2bff | 0x1f000..=0x1faff)
}

/// Thai, Lao, Myanmar, Khmer, kana, Han, and Korean, whose words carry their endings.
fn is_written_without_spaces(character: char) -> bool {
    matches!(u32::from(character),
        0x0e00..=0x0eff | 0x1000..=0x109f | 0x1780..=0x17ff | 0x19e0..=0x19ff | 0x3005..=0x3007 | 0x3040..=0x312f
        | 0x31a0..=0x31bf | 0x31f0..=0x31ff | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xa9e0..=0xa9ff | 0xaa60..=0xaa7f
        | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0x20000..=0x3ffff)
}

/// Indexes the text of a row of `table` in place of what it was indexed by, in the transaction that writes the row.
/// `{table}_search` is the index: on SQLite by the row's `number`, on PostgreSQL by its `id`.
pub fn index(tx: &mut dyn Tx, table: &str, id: Id, text: &str) -> Result<()> {
    let words = words(text);
    if words.is_empty() {
        return forget(tx, table, id);
    }
    let sql = match tx.dialect() {
        Dialect::Sqlite => format!(
            "INSERT OR REPLACE INTO {table}_search (rowid, words) VALUES ((SELECT number FROM {table} WHERE id = $1), $2)"
        ),
        Dialect::Postgres => format!(
            "INSERT INTO {table}_search (id, words) VALUES ($1, array_to_tsvector(string_to_array($2, ' ')))
             ON CONFLICT (id) DO UPDATE SET words = excluded.words"
        ),
    };
    tx.execute(&sql, args![&id, &words])?;
    Ok(())
}

/// Indexes the texts of new rows, as [`index`] does for one.
pub fn index_new(tx: &mut dyn Tx, table: &str, texts: &[(Id, String)]) -> Result<()> {
    if tx.dialect() == Dialect::Sqlite {
        return texts.iter().try_for_each(|(id, text)| index(tx, table, *id, text));
    }
    // A journey for each would take longer than the words.
    let records: Vec<_> = texts
        .iter()
        .map(|(id, text)| (id, words(text)))
        .filter(|(_, words)| !words.is_empty())
        .map(|(id, words)| serde_json::json!({ "id": id.hex(), "words": words }))
        .collect();
    let sql = format!(
        "INSERT INTO {table}_search (id, words)
         SELECT decode(id, 'hex'), array_to_tsvector(string_to_array(words, ' '))
         FROM json_to_recordset($1::text::json) AS texts (id TEXT, words TEXT)"
    );
    tx.execute(&sql, args![&serde_json::Value::Array(records).to_string()])?;
    Ok(())
}

/// Takes the text of a row out of the index: before the row goes, or when its text has been erased.
pub fn forget(tx: &mut dyn Tx, table: &str, id: Id) -> Result<()> {
    let sql = match tx.dialect() {
        Dialect::Sqlite => {
            format!("DELETE FROM {table}_search WHERE rowid = (SELECT number FROM {table} WHERE id = $1)")
        }
        Dialect::Postgres => format!("DELETE FROM {table}_search WHERE id = $1"),
    };
    tx.execute(&sql, args![&id])?;
    Ok(())
}

/// What the words of a search are looked for in.
pub struct Indexed<'s> {
    /// The table whose rows hold texts.
    pub table: &'s str,
    /// Its column that names the row of the list.
    pub key: &'s str,
    /// The column of the list that holds the same.
    pub column: &'s str,
    /// The column of the list with the lowest number of a row's texts, on SQLite: the index of the list's order holds it.
    pub first: &'s str,
    /// Its columns with the title, the body and the body's format, which [`text`] is made of.
    pub text: &'s str,
}

/// So many texts are read rather than found by the index.
const READ_TEXTS_MAX: i64 = 2_000;

/// The way from the words of a text to the rows of a list. None when there is no word to look for.
pub fn route(tx: &mut dyn Tx, indexed: &Indexed, text: &str) -> Result<Option<Route>> {
    let sought = sought(text);
    if sought.is_empty() {
        return Ok(None);
    }
    let Indexed { table, key, column, first, text } = indexed;
    let index = format!("{table}_search");
    if tx.dialect() == Dialect::Postgres {
        // Words hold neither quotes nor backslashes, so quoting them needs no escapes.
        let expression = sought.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" & ");
        let values = || vec![expression.clone().into()];
        let hit = format!("{index}.words @@ CAST(CAST(? AS text) AS tsquery)");
        let all = format!("SELECT {key} AS id FROM {index} JOIN {table} ON {index}.id = {table}.id WHERE {hit}");
        let one = match key == column {
            true => format!("SELECT TRUE FROM {index} WHERE {index}.id = {key} AND {hit}"),
            false => format!(
                "SELECT TRUE FROM {table} JOIN {index} ON {index}.id = {table}.id WHERE {key} = {column} AND {hit}"
            ),
        };
        let entries = format!("SELECT 1 FROM {index} WHERE {hit}");
        let pieces = [entries, all, one].map(|sql| Piece::new(sql, values()));
        let [entries, all, one] = pieces;
        return Ok(Some(Route::new(entries, all, &one)));
    }
    let rarest = rarest(tx, &index, &sought)?;
    let expression = match rarest {
        Some(word) => format!("\"{word}\""),
        None => sought.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" "),
    };
    let hit = Piece::new(format!("{index} MATCH ?"), vec![expression.into()]);
    // Asking the index about one row takes a quarter of a millisecond; reading the row's text takes microseconds.
    let has_words = Piece::new(format!("{HAS_WORDS}({text}, ?)"), vec![sought.join(" ").into()]);
    let entries = hit.clone().within(&format!("SELECT 1 FROM {index} WHERE {{}}"));
    // SQLite keeps the order of a cross join: from the words to the rows.
    let rows = hit.clone().within(&format!("{index} CROSS JOIN {table} WHERE {{}} AND {index}.rowid = {table}.number"));
    let is_of_one = rarest.is_some() && sought.len() > 1;
    let rows = if is_of_one { rows.and(has_words.clone()) } else { rows };
    let all = rows.clone().within(&format!("SELECT {key} AS id FROM {{}}"));
    let of_row = format!("SELECT TRUE FROM {table} WHERE {key} = {column} AND {{}}");
    let route = match key == column {
        true => Route::of_row(entries, all, has_words.clone()).with_rows(rows),
        false => Route::new(entries, all, &has_words.clone().within(&of_row)),
    };
    if is_of_one {
        return Ok(Some(route));
    }
    let latest = hit.within(&format!(
        "SELECT latest.rowid, {key} FROM (
           SELECT rowid FROM {index} WHERE {{}} ORDER BY rowid DESC LIMIT {LATEST_ENTRIES}) AS latest
         CROSS JOIN {table} WHERE {table}.number = latest.rowid"
    ));
    // The plus: the rows' numbers are no way to them here.
    let older = Piece::new(format!("+{table}.number < ?"), Vec::new()).and(has_words);
    let older = match key == column {
        true => older.within("({})"),
        false => older.within(&of_row).within(FIRST),
    };
    Ok(Some(route.with_latest(Latest {
        entries: latest,
        column: (*column).to_owned(),
        first: (*first).to_owned(),
        older,
    })))
}

/// The word that the fewest texts have, if those are so few that looking for the others in the texts costs less than
/// having SQLite walk along all texts that have these.
fn rarest<'w>(tx: &mut dyn Tx, index: &str, sought: &'w [String]) -> Result<Option<&'w String>> {
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {index} WHERE {index} MATCH $1 LIMIT $2) AS entries");
    let (mut found, mut most) = (None, READ_TEXTS_MAX + 1);
    for word in sought {
        let count: i64 = tx.one(&sql, args![&format!("\"{word}\""), most])?.get(0)?;
        if count < most {
            (found, most) = (Some(word), count);
        }
    }
    Ok(found)
}

/// SQLite's name for [`Words::are_in`]: takes title, body, format, and words with single spaces between them.
pub(crate) const HAS_WORDS: &str = "has_words";

/// Units and joined pairs to look for in a text, without an index.
pub(crate) struct Words(Vec<(Option<String>, String)>);

impl Words {
    /// What [`sought`] gives, with single spaces between.
    pub(crate) fn parse(sought: &str) -> Words {
        let word = |word: &str| match word.split_once(JOINT) {
            Some((before, unit)) => (Some(before.to_owned()), unit.to_owned()),
            None => (None, word.to_owned()),
        };
        Words(sought.split(' ').map(word).collect())
    }

    /// Whether a text has all of them.
    pub(crate) fn are_in(&self, text: &str) -> bool {
        // Most texts have them not even as letters in a row, and that is seen twenty times as fast.
        if text.is_ascii() {
            let lower = text.to_ascii_lowercase();
            if self.0.iter().any(|(_, unit)| !lower.contains(unit.as_str())) {
                return false;
            }
        }
        let mut is_missing = vec![true; self.0.len()];
        split(text, &mut |unit, before| {
            for ((pair, word), is_missing) in self.0.iter().zip(&mut is_missing) {
                if word == unit && pair.as_deref().is_none_or(|pair| Some(pair) == before) {
                    *is_missing = false;
                }
            }
        });
        !is_missing.contains(&true)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_index_and_the_text_agree(text in "([abAB .@]|[abé\u{301} .@東京🎉]){0,30}", search in "[abé .@東京🎉]{1,6}") {
            let sought = sought(&search);
            if !sought.is_empty() {
                let words = words(&text);
                let is_indexed = sought.iter().all(|word| words.split(' ').any(|other| other == word));
                prop_assert_eq!(Words::parse(&sought.join(" ")).are_in(&text), is_indexed);
            }
        }
    }

    #[test]
    fn text_is_split_into_units_and_joined_pairs() {
        for (text, expected) in [
            ("Où est l'ÉTÉ ?", "ou est l ete l·ete"),
            ("  Straße — № 5 ", "strasse no 5"),
            ("STRASSE İstanbul ISPARTA ısparta", "strasse istanbul isparta isparta"),
            ("ΟΔΟΣ οδός", "οδοσ οδοσ"),
            ("Ｆｕｌｌ－Ｗｉｄｔｈ ｶﾞ", "full width full·width ガ"),
            ("vera@example.com", "vera example vera·example com example·com"),
            ("AB-1234, ok", "ab 1234 ab·1234 ok"),
            ("东京 塔", "东 京 东·京 塔"),
            ("주문을", "주 문 주·문 을 문·을"),
            ("ที่", "ท ี ท·ี ่ ี·่"),
            ("हिन्दी", "हिन्दी"),
            ("great 👍🏽👍!", "great 👍 👍 👍·👍"),
            ("ket\u{ad}tle \u{200b}pot", "kettle pot"),
            ("Sørensen Łódź", "sorensen lodz"),
            ("…", ""),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
        assert!(words(&"ж".repeat(5_000)).len() == 200);
    }

    #[test]
    fn searches_ask_for_pairs_of_what_is_joined() {
        let of = |text: &str| sought(text).join(" ");
        assert_eq!(of("kettle AB-1234 kettle"), "kettle ab·1234");
        assert_eq!(of("東京都 x"), "東·京 京·都 x");
        assert_eq!(of("(猫)"), "猫");
        assert_eq!(of("?!"), "");
        assert_eq!(sought(&(0..50).map(|n| format!("{n} ")).collect::<String>()).len(), WORDS_MAX);
    }

    proptest! {
        #[test]
        fn a_text_is_found_by_every_part_that_spaces_bound(parts in prop::collection::vec("[a-zéß0-9@.·東京👍 -]{0,12}", 1..6)) {
            let text = parts.join(" ");
            let indexed: Vec<String> = words(&text).split(' ').map(str::to_owned).collect();
            for part in parts {
                for word in sought(&part) {
                    prop_assert!(indexed.contains(&word), "{} lacks {}", text, word);
                }
            }
        }

        #[test]
        fn words_are_safe_to_quote(text in ".*") {
            for word in words(&text).split(' ') {
                prop_assert!(!word.contains(['\'', '"', '\\', '\0']));
                prop_assert!(word.len() <= 2_046);
            }
        }
    }

    const TEXTS: i64 = 24_000;
    const TEXTS_PER_THREAD: i64 = 3;
    const SCHEMA: &str = "CREATE TABLE log_head (seq BIGINT NOT NULL);
        INSERT INTO log_head (seq) VALUES (0);
        CREATE TABLE threads (id BYTEA PRIMARY KEY, at BIGINT NOT NULL, first_number INTEGER NOT NULL);
        CREATE INDEX threads_at ON threads (at, id, first_number);
        CREATE TABLE texts (number INTEGER PRIMARY KEY, id BYTEA NOT NULL UNIQUE, thread_id BYTEA NOT NULL,
          at BIGINT NOT NULL, title TEXT, body TEXT NOT NULL, format TEXT NOT NULL);
        CREATE INDEX texts_at ON texts (at, id);
        CREATE INDEX texts_thread ON texts (thread_id, at, id);
        CREATE VIRTUAL TABLE texts_search USING fts5
          (words, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii');";

    /// When the text of this number was written: some were taken in late, some tell of a day to come.
    fn written_at(number: i64) -> i64 {
        match number % 7 {
            0 => number - 9_000,
            1 => number + 9_000,
            _ => number,
        }
    }

    /// The thread of a text: a third goes on a conversation from long ago.
    fn thread_of(number: i64) -> i64 {
        if number % TEXTS_PER_THREAD == 0 { number / 4 } else { number }
    }

    /// Most texts have it, but for the latest; a few of those before them do.
    fn has(number: i64, word: &str) -> bool {
        match word {
            "bulk" => number < TEXTS / 2 && number % 5 != 0,
            "tail" => number % 2 == 0 && number < TEXTS - 3_000,
            "late" => number > TEXTS - 8_000,
            _ => number % 50 == 3,
        }
    }

    #[tokio::test]
    async fn what_came_last_is_found_whatever_the_order_of_the_list() {
        use crate::filter::{Filter, Order, Searched};
        use crate::{Migration, Store, args};
        let folder = tempfile::tempdir().unwrap();
        let migration = Migration { number: 1, name: "texts", sqlite: SCHEMA, postgres: "" };
        let store = Store::open_sqlite(&folder.path().join("texts.db"), &[migration]).unwrap();
        let id = |number: i64| Id::from_parts(number as u64, 0);
        let words_of = |number| ["bulk", "tail", "late", "rare"].into_iter().filter(move |word| has(number, word));
        let mut threads: HashMap<i64, Vec<i64>> = HashMap::new();
        (0..TEXTS).for_each(|number| threads.entry(thread_of(number)).or_default().push(number));
        let moved = |texts: &[i64]| texts.iter().copied().map(written_at).max().unwrap_or(0);
        // SQLite numbers the texts from 1.
        let first = |texts: &[i64]| texts.iter().min().map_or(i64::MAX, |text| text + 1);
        let stored: Vec<(i64, i64, i64)> =
            threads.iter().map(|(thread, texts)| (*thread, moved(texts), first(texts))).collect();
        let fill = move |tx: &mut dyn Tx| {
            for (thread, at, first) in &stored {
                tx.execute("INSERT INTO threads VALUES ($1, $2, $3)", args![&id(*thread), *at, *first])?;
            }
            for number in 0..TEXTS {
                let body: String = words_of(number).collect::<Vec<_>>().join(" ");
                let sql = "INSERT INTO texts (id, thread_id, at, body, format) VALUES ($1, $2, $3, $4, 'text')";
                tx.execute(sql, args![&id(number), &id(thread_of(number)), written_at(number), &body])?;
                index(tx, "texts", id(number), &body)?;
            }
            Ok(())
        };
        store.write(fill).await.unwrap();
        let compare = move |tx: &mut dyn Tx| {
            let searches = ["bulk", "tail", "late", "rare", "bulk tail", "late tail", "bulk late", "bulk rare"];
            for (search, of_threads, ascending) in searches.iter().flat_map(|search| {
                [(search, true, false), (search, false, false), (search, false, true), (search, true, true)]
            }) {
                let has_all = |number: &i64| search.split(' ').all(|word| has(*number, word));
                let mut expected: Vec<(i64, Id)> = match of_threads {
                    true => threads
                        .iter()
                        .filter(|(_, texts)| texts.iter().any(has_all))
                        .map(|(thread, texts)| (moved(texts), id(*thread)))
                        .collect(),
                    false => (0..TEXTS).filter(has_all).map(|number| (written_at(number), id(number))).collect(),
                };
                expected.sort_unstable();
                if !ascending {
                    expected.reverse();
                }
                let (table, moment, key, column, first) = match of_threads {
                    true => ("threads", "threads.at", "texts.thread_id", "threads.id", "threads.first_number"),
                    false => ("texts", "texts.at", "texts.id", "texts.id", "texts.number"),
                };
                for (offset, limit) in [(0, 30), (90, 30), (2_000, 10)] {
                    let text = "texts.title, texts.body, texts.format";
                    let indexed = Indexed { table: "texts", key, column, first, text };
                    let mut filter = Filter::default();
                    filter.and_any(route(tx, &indexed, search)?.into_iter().collect(), true);
                    let order = Order { moment, id: column, ascending };
                    let select = format!("SELECT {column} FROM {table}");
                    let list = Searched { table, select: &select, order, rows: TEXTS, count: None };
                    let (count, rows) = filter.search(tx, &list, offset, limit)?;
                    let found = rows.iter().map(|row| row.get(0)).collect::<Result<Vec<Id>>>()?;
                    let page = expected.iter().skip(offset as usize).take(limit as usize);
                    assert_eq!(found, page.map(|(_, id)| *id).collect::<Vec<_>>(), "{search} {table} {offset}");
                    let (all, end) = (expected.len() as i64, offset + limit);
                    assert!(count <= all && (count > end || count == all), "{search} {offset}: {count} of {all}");
                }
            }
            Ok(())
        };
        store.read(compare).await.unwrap();
    }
}
