//! The search language over contents (operation getAllContents).

use std::sync::LazyLock;

use frontdesk_model::query::{Condition, Keyword, Language, Query, Takes};
use frontdesk_model::{Id, Result};
use frontdesk_store::{Dialect, Filter, Order, Piece, Route, Tx, search};

use super::STATUSES;

/// What a keyword asks of a content.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Means {
    Source,
    /// A column holds the id.
    Column(&'static str),
    IdentityGroup,
    Status,
}

const THREAD: Means = Means::Column("contents.thread_id");

pub(super) const LANGUAGE: Language<Means> = Language {
    noun: "contents",
    has_text: true,
    orders: &["created_at"],
    keywords: &[
        Keyword::new("id", Takes::Id, Means::Column("contents.id"), "The one with this id."),
        Keyword::new(
            "intervention",
            Takes::Id,
            Means::Column("contents.intervention_id"),
            "Handled by this intervention.",
        ),
        Keyword::positive("identity", Takes::Id, Means::Column("contents.author_id"), "Written by this identity."),
        Keyword::positive("identity_group", Takes::Id, Means::IdentityGroup, "Written by an identity of this group."),
        Keyword::new("source", Takes::Id, Means::Source, "On this source."),
        Keyword::new("status_in", Takes::Name(STATUSES), Means::Status, "In this state."),
        Keyword::new("thread", Takes::Id, THREAD, "In this thread."),
    ],
};

/// What the documentation of the operation says about `q`.
pub(super) static DESCRIPTION: LazyLock<String> = LazyLock::new(|| LANGUAGE.describe());

/// The order of the list.
pub(super) fn order(query: &Query<Means>) -> Order {
    Order { moment: "contents.created_at", id: "contents.id", ascending: query.ascending }
}

/// The one thread that the query is about, when it is about nothing else: its own counter tells the count.
pub(super) fn only_thread(query: &Query<Means>) -> Option<Id> {
    match (&query.conditions[..], query.text.is_empty()) {
        ([condition], true) if condition.means == THREAD && !condition.negated => match condition.ids()[..] {
            [id] => Some(id),
            _ => None,
        },
        _ => None,
    }
}

/// Adds what the query asks beside its sources; returns whether that was anything.
pub(super) fn apply(query: &Query<Means>, tx: &mut dyn Tx, filter: &mut Filter) -> Result<bool> {
    let mut is_any = false;
    for condition in query.conditions.iter().filter(|condition| condition.means != Means::Source) {
        is_any = true;
        let piece = piece(condition, tx.dialect());
        match condition.means {
            Means::Column(_) | Means::IdentityGroup if !condition.negated => {
                let all = piece.clone().within("SELECT contents.id AS id FROM contents WHERE {}");
                filter.and_own(Route::plain(all, piece));
            }
            _ => filter.and_piece(piece),
        }
    }
    if !query.text.is_empty() {
        is_any = true;
        filter.and_any(words(tx, "contents.id", "contents.id", &query.text)?, true);
    }
    Ok(is_any)
}

/// Through the words of contents to the rows of a list whose `column` holds the same as their `key`.
pub(crate) fn words(tx: &mut dyn Tx, key: &str, column: &str, text: &str) -> Result<Vec<Route>> {
    let columns = "contents.title, contents.body, contents.body_format";
    let first = if key == column { "contents.number" } else { "threads.first_number" };
    let indexed = search::Indexed { table: "contents", key, column, first, text: columns };
    Ok(search::route(tx, &indexed, text)?.into_iter().collect())
}

fn piece(condition: &Condition<Means>, dialect: Dialect) -> Piece {
    let ids = condition.ids();
    match (condition.means, condition.negated) {
        (Means::Column(column), false) => Piece::one_of(dialect, column, &ids),
        (Means::Column(column), true) => {
            Piece::one_of(dialect, column, &ids).within(&format!("({column} IS NULL OR NOT ({{}}))"))
        }
        (Means::IdentityGroup, _) => Piece::one_of(dialect, "identity_group_id", &ids)
            .within("contents.author_id IN (SELECT id FROM identities WHERE {})"),
        (Means::Source | Means::Status, negated) => {
            let names = condition.texts();
            let places = vec!["?"; names.len()].join(", ");
            let values = names.into_iter().map(|name| name.to_owned().into()).collect();
            // None of these names is not something that an index can be read by.
            let not = if negated { "NOT " } else { "" };
            Piece::new(format!("contents.status {not}IN ({places})"), values)
        }
    }
}

#[cfg(test)]
mod tests {
    use frontdesk_model::{Timestamp, query};

    use super::*;

    #[test]
    fn a_search_for_one_thread_is_recognised() {
        let read = |text: &str| LANGUAGE.read(&query::parse(text).unwrap(), Timestamp::parse_iso).unwrap();
        let thread = "000000000000000000000001";
        assert_eq!(only_thread(&read(&format!("thread:\"{thread}\" order:created_at.asc"))), thread.parse().ok());
        for other in
            ["thread:{} status_in:new", "-thread:{}", "thread:{} thread:000000000000000000000002", "thread:{} x"]
        {
            assert_eq!(only_thread(&read(&other.replace("{}", thread))), None, "{other}");
        }
    }
}
