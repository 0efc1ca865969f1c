//! The search language over contents: id, intervention, identity, identity_group, source, status_in, thread, text and
//! order (operation getAllContents). A repeated keyword means any of its values.

use std::collections::BTreeMap;

use frontdesk_model::query;
use frontdesk_model::{Id, Result};
use frontdesk_store::{Filter, Tx, search};

use super::STATUSES;

/// Keywords whose value is an id, and the column that they look at.
const ID_KEYWORDS: &[(&str, &str)] = &[
    ("id", "contents.id"),
    ("intervention", "contents.intervention_id"),
    ("identity", "contents.author_id"),
    ("source", "contents.source_id"),
    ("thread", "contents.thread_id"),
];

/// A parsed search.
#[derive(Default)]
pub(super) struct Search {
    /// Per column: the wanted ids and the unwanted ones. A malformed id matches nothing, so it adds none.
    ids: BTreeMap<&'static str, (Option<Vec<Id>>, Vec<Id>)>,
    statuses: Option<Vec<&'static str>>,
    statuses_not: Vec<&'static str>,
    words: Vec<String>,
    nothing: bool,
    ascending: bool,
}

impl Search {
    pub(super) fn parse(text: &str) -> Result<Search> {
        let mut search = Search::default();
        for term in query::parse(text)? {
            let id_column = ID_KEYWORDS.iter().find(|(key, _)| *key == term.key).map(|(_, column)| *column);
            match (id_column, term.key.as_str()) {
                (Some("contents.author_id"), _) if term.negated => {
                    return Err(term.refuse("this keyword cannot be negated."));
                }
                (Some(column), _) => {
                    let (wanted, unwanted) = search.ids.entry(column).or_default();
                    if term.negated {
                        unwanted.extend(term.value.parse::<Id>());
                    } else {
                        wanted.get_or_insert_default().extend(term.value.parse::<Id>());
                    }
                }
                (None, "identity_group") if term.negated => {
                    return Err(term.refuse("this keyword cannot be negated."));
                }
                // No identity belongs to a group yet.
                (None, "identity_group") => search.nothing = true,
                (None, "status_in") => {
                    let status = STATUSES.iter().copied().find(|status| *status == term.value);
                    let reason = || term.refuse(&format!("the value must be one of {}.", STATUSES.join(", ")));
                    let status = status.ok_or_else(reason)?;
                    if term.negated {
                        search.statuses_not.push(status);
                    } else {
                        search.statuses.get_or_insert_default().push(status);
                    }
                }
                (None, "text") if term.negated => return Err(term.refuse("text cannot be negated.")),
                (None, "text") => search.words.push(term.value),
                (None, "order") => match term.value.as_str() {
                    "created_at.asc" => search.ascending = true,
                    "created_at" | "created_at.desc" => search.ascending = false,
                    _ => return Err(term.refuse("order is created_at.asc or created_at.desc.")),
                },
                _ => {
                    return Err(term.refuse(
                        "contents are searched by id, intervention, identity, identity_group, source, status_in, \
                         thread, text and order.",
                    ));
                }
            }
        }
        Ok(search)
    }

    pub(super) fn order(&self) -> &'static str {
        if self.ascending { "contents.created_at, contents.id" } else { "contents.created_at DESC, contents.id DESC" }
    }

    /// The one thread that the search is about, when it is about nothing else: its own counter tells the count.
    pub(super) fn only_thread(&self) -> Option<Id> {
        let mut columns = self.ids.iter();
        let (Some((&"contents.thread_id", (Some(wanted), unwanted))), None) = (columns.next(), columns.next()) else {
            return None;
        };
        let nothing_else = unwanted.is_empty() && self.has_no_other_terms();
        if nothing_else && wanted.len() == 1 { wanted.first().copied() } else { None }
    }

    /// Whether the search leaves nothing out.
    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.has_no_other_terms()
    }

    fn has_no_other_terms(&self) -> bool {
        self.statuses.is_none() && self.statuses_not.is_empty() && self.words.is_empty() && !self.nothing
    }

    /// Adds the conditions to a filter.
    pub(super) fn apply<'a>(&'a self, tx: &dyn Tx, filter: &mut Filter<'a>) {
        if self.nothing {
            filter.and("FALSE");
        }
        for (column, (wanted, unwanted)) in &self.ids {
            match wanted.as_deref() {
                None => {}
                Some([]) => filter.and("FALSE"),
                Some([id]) => filter.and_equal(column, id),
                Some(ids) => filter.and_in(tx, column, ids),
            }
            if !unwanted.is_empty() {
                let list = filter.list(tx, column, unwanted);
                filter.and(format!("({column} IS NULL OR NOT {list})"));
            }
        }
        if let Some(statuses) = &self.statuses {
            let places: Vec<String> = statuses.iter().map(|status| filter.bind(*status)).collect();
            filter.and(format!("contents.status IN ({})", places.join(", ")));
        }
        for status in &self.statuses_not {
            let place = filter.bind(*status);
            filter.and(format!("contents.status <> {place}"));
        }
        if !self.words.is_empty() {
            match search::matching(tx.dialect(), &self.words.join(" ")) {
                Some(expression) => {
                    let number = filter.bind_owned(expression);
                    filter.and(search::condition(tx.dialect(), "contents", number));
                }
                None => filter.and("FALSE"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_are_read_or_refused_with_the_place() {
        let thread = "000000000000000000000001";
        assert_eq!(Search::parse(&format!("thread:\"{thread}\"")).unwrap().only_thread(), thread.parse().ok());
        assert_eq!(Search::parse(&format!("thread:{thread} status_in:new")).unwrap().only_thread(), None);
        assert!(Search::parse("").unwrap().is_empty());
        assert!(!Search::parse("hello").unwrap().is_empty());
        for (text, place) in [
            ("hello assigned_to_me:true", "character 7"),
            ("status_in:old", "character 1"),
            ("-text:x", "character 1"),
            ("order:id.asc", "character 1"),
        ] {
            let Err(frontdesk_model::Error::Refused(refusal)) = Search::parse(text) else { panic!("{text}") };
            assert!(refusal.status == 400 && refusal.message.contains(place), "{}", refusal.message);
        }
    }
}
