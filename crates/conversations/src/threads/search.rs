//! The search language over threads (public page basics/pagination).

use frontdesk_model::query::{self, Term};
use frontdesk_model::{Caller, Id, Result, Timestamp, error};
use frontdesk_store::{Filter, Tx, search};

use crate::contents::STATUSES;

/// Each condition may look at every thread, so their number is bounded.
const CONDITIONS_MAX: usize = 16;

/// A parsed search: terms grouped by meaning, ready to become conditions.
pub(super) struct Search {
    conditions: Vec<Condition>,
    order: &'static str,
}

enum Condition {
    Sources {
        ids: Vec<Id>,
        negated: bool,
    },
    Statuses {
        names: Vec<&'static str>,
        negated: bool,
    },
    Identities(Vec<Id>),
    Foreign(Vec<String>),
    Categories {
        ids: Vec<Id>,
        negated: bool,
    },
    Categorised(bool),
    Assigned {
        open: Open,
        user: Option<Id>,
        holds: bool,
    },
    Moment {
        column: &'static str,
        comparison: &'static str,
        at: Timestamp,
    },
    Text(String),
    /// Some content of the thread is in this language.
    Language {
        language: String,
        negated: bool,
    },
    /// Some content of the thread is in this state.
    Content {
        state: &'static str,
        holds: bool,
    },
    /// An intervention of a user who cannot work any more.
    AssignedToDisabled {
        open: Open,
        holds: bool,
    },
    /// A value that names nothing, such as a malformed id, or a state that no thread can be in yet.
    Nothing {
        negated: bool,
    },
}

/// Which interventions count.
#[derive(Clone, Copy)]
enum Open {
    /// Open or closed.
    Any,
    /// Open, deferred or not.
    Opened,
    /// Open and not deferred.
    Active,
}

impl Open {
    fn condition(self) -> &'static str {
        match self {
            Open::Any => "",
            Open::Opened => " AND interventions.closed_at IS NULL",
            Open::Active => " AND interventions.closed_at IS NULL AND interventions.deferred_at IS NULL",
        }
    }
}

impl Search {
    pub(super) fn parse(text: &str, caller: &Caller) -> Result<Search> {
        let mut search = Search { conditions: Vec::new(), order: "threads.last_content_at DESC, threads.id DESC" };
        let mut words = Vec::new();
        for term in query::parse(text)? {
            match term.key.as_str() {
                "text" => {
                    if term.negated {
                        return Err(term.refuse("text cannot be negated."));
                    }
                    words.push(term.value);
                }
                "order" => search.order = order(&term)?,
                _ => search.add(&term, caller)?,
            }
        }
        if !words.is_empty() {
            search.conditions.push(Condition::Text(words.join(" ")));
        }
        Ok(search)
    }

    /// Adds a term: a repeated keyword means any of its values.
    fn add(&mut self, term: &Term, caller: &Caller) -> Result<()> {
        let new = condition(term, caller)?;
        for known in &mut self.conditions {
            match (known, &new) {
                (Condition::Sources { ids, negated: false }, Condition::Sources { ids: more, negated: false })
                | (Condition::Identities(ids), Condition::Identities(more))
                | (
                    Condition::Categories { ids, negated: false },
                    Condition::Categories { ids: more, negated: false },
                ) => {
                    ids.extend(more);
                    return Ok(());
                }
                (
                    Condition::Statuses { names, negated: false },
                    Condition::Statuses { names: more, negated: false },
                ) => {
                    names.extend(more);
                    return Ok(());
                }
                (Condition::Foreign(known), Condition::Foreign(more)) => {
                    known.extend(more.iter().cloned());
                    return Ok(());
                }
                _ => {}
            }
        }
        if self.conditions.len() == CONDITIONS_MAX {
            return Err(term.refuse(&format!("a search has at most {CONDITIONS_MAX} conditions; use fewer.")));
        }
        self.conditions.push(new);
        Ok(())
    }

    pub(super) fn order(&self) -> &'static str {
        self.order
    }

    /// Adds the conditions to a filter; returns whether there were any.
    pub(super) fn apply<'a>(&'a self, tx: &dyn Tx, filter: &mut Filter<'a>) -> bool {
        for condition in &self.conditions {
            apply(condition, tx, filter);
        }
        !self.conditions.is_empty()
    }
}

fn order(term: &Term) -> Result<&'static str> {
    match term.value.as_str() {
        "created_at.asc" => Ok("threads.created_at, threads.id"),
        "created_at" | "created_at.desc" => Ok("threads.created_at DESC, threads.id DESC"),
        "last_content_at.asc" => Ok("threads.last_content_at, threads.id"),
        "last_content_at" | "last_content_at.desc" => Ok("threads.last_content_at DESC, threads.id DESC"),
        _ => Err(term.refuse("order is created_at or last_content_at, with .asc or .desc.")),
    }
}

fn condition(term: &Term, caller: &Caller) -> Result<Condition> {
    let boolean = || {
        let value = query::boolean(&term.value).ok_or_else(|| term.refuse("the value must be true or false."))?;
        Ok::<bool, error::Error>(value != term.negated)
    };
    let id = || term.value.parse::<Id>().ok();
    let positive = |condition: Condition| {
        if term.negated { Err(term.refuse("this keyword cannot be negated.")) } else { Ok(condition) }
    };
    let moment = |column, comparison| {
        let at = Timestamp::parse_iso(&term.value)
            .ok_or_else(|| term.refuse("the value must be a date such as 2026-01-31 or 2026-01-31T17:00:00Z."))?;
        positive(Condition::Moment { column, comparison, at })
    };
    let assigned_to = |open| match id() {
        Some(user) => Condition::Assigned { open, user: Some(user), holds: !term.negated },
        None => Condition::Nothing { negated: term.negated },
    };
    Ok(match term.key.as_str() {
        "source" => id().map_or(Condition::Nothing { negated: term.negated }, |id| Condition::Sources {
            ids: vec![id],
            negated: term.negated,
        }),
        "identity" => {
            positive(id().map_or(Condition::Nothing { negated: term.negated }, |id| Condition::Identities(vec![id])))?
        }
        "foreign" => positive(Condition::Foreign(vec![term.value.clone()]))?,
        "status_in" => {
            let name = STATUSES.iter().find(|status| **status == term.value);
            let reason = || term.refuse(&format!("the value must be one of {}.", STATUSES.join(", ")));
            Condition::Statuses { names: vec![name.ok_or_else(reason)?], negated: term.negated }
        }
        "categorized_in" => id().map_or(Condition::Nothing { negated: term.negated }, |id| Condition::Categories {
            ids: vec![id],
            negated: term.negated,
        }),
        "not_categorized_in" => id().map_or(Condition::Nothing { negated: term.negated }, |id| Condition::Categories {
            ids: vec![id],
            negated: !term.negated,
        }),
        "categorized" => Condition::Categorised(boolean()?),
        "assigned" => Condition::Assigned { open: Open::Any, user: None, holds: boolean()? },
        "opened_and_assigned" => Condition::Assigned { open: Open::Opened, user: None, holds: boolean()? },
        "active_and_assigned" => Condition::Assigned { open: Open::Active, user: None, holds: boolean()? },
        "assigned_to" => assigned_to(Open::Any),
        "opened_and_assigned_to" => assigned_to(Open::Opened),
        "active_and_assigned_to" => assigned_to(Open::Active),
        "assigned_to_me" => Condition::Assigned { open: Open::Any, user: Some(caller.user_id), holds: boolean()? },
        "opened_and_assigned_to_me" => {
            Condition::Assigned { open: Open::Opened, user: Some(caller.user_id), holds: boolean()? }
        }
        "active_and_assigned_to_me" => {
            Condition::Assigned { open: Open::Active, user: Some(caller.user_id), holds: boolean()? }
        }
        "first_content_after" => moment("threads.first_content_at", ">=")?,
        "first_content_before" => moment("threads.first_content_at", "<")?,
        "last_content_after" => moment("threads.last_content_at", ">=")?,
        "last_content_before" => moment("threads.last_content_at", "<")?,
        "language" => Condition::Language { language: term.value.clone(), negated: term.negated },
        "approval_required" => Condition::Content { state: "contents.approval_required", holds: boolean()? },
        "not_published" => Condition::Content { state: "NOT contents.published", holds: boolean()? },
        "opened_and_assigned_to_disabled_agents" => {
            Condition::AssignedToDisabled { open: Open::Opened, holds: boolean()? }
        }
        "active_and_assigned_to_disabled_agents" => {
            Condition::AssignedToDisabled { open: Open::Active, holds: boolean()? }
        }
        // No content can be scheduled, forwarded or left to a person by a classifier, and no user has categories, yet.
        "scheduled" | "needs_manual_categorization" | "categorized_in_mine" | "forwarded_into_mine" => {
            Condition::Nothing { negated: !boolean()? }
        }
        "forwarded_into" => Condition::Nothing { negated: term.negated },
        // Nor are there identity groups and teams.
        "assigned_to_team" | "opened_and_assigned_to_team" | "active_and_assigned_to_team" => {
            Condition::Nothing { negated: term.negated }
        }
        "identity_group" | "categorized_in_mine_of" | "forwarded_into_mine_of" => {
            positive(Condition::Nothing { negated: false })?
        }
        _ => return Err(term.refuse("there is no such keyword for threads.")),
    })
}

fn apply<'a>(condition: &'a Condition, tx: &dyn Tx, filter: &mut Filter<'a>) {
    let not = |negated: bool| if negated { "NOT " } else { "" };
    match condition {
        Condition::Nothing { negated } => filter.and(format!("{}FALSE", not(*negated))),
        Condition::Language { language, negated } => {
            let place = filter.bind(language);
            filter.and(format!(
                "{}EXISTS (SELECT 1 FROM contents WHERE contents.thread_id = threads.id AND contents.language = {place})",
                not(*negated)
            ));
        }
        Condition::Content { state, holds } => filter.and(format!(
            "{}EXISTS (SELECT 1 FROM contents WHERE contents.thread_id = threads.id AND {state})",
            not(!holds)
        )),
        Condition::AssignedToDisabled { open, holds } => filter.and(format!(
            "{}EXISTS (SELECT 1 FROM interventions JOIN users ON users.id = interventions.user_id
               WHERE interventions.thread_id = threads.id AND NOT users.enabled{})",
            not(!holds),
            open.condition()
        )),
        Condition::Sources { ids, negated } => {
            let list = filter.list(tx, "threads.source_id", ids);
            filter.and(format!("{}{list}", not(*negated)));
        }
        Condition::Statuses { names, negated } => {
            let places: Vec<String> = names.iter().map(|name| filter.bind(*name)).collect();
            filter.and(format!(
                "{}EXISTS (SELECT 1 FROM contents WHERE contents.thread_id = threads.id AND contents.status IN ({}))",
                not(*negated),
                places.join(", ")
            ));
        }
        Condition::Identities(ids) => {
            let list = filter.list(tx, "contents.author_id", ids);
            filter.and(format!("threads.id IN (SELECT contents.thread_id FROM contents WHERE {list})"));
        }
        Condition::Foreign(foreign_ids) => {
            let places: Vec<String> = foreign_ids.iter().map(|foreign_id| filter.bind(foreign_id)).collect();
            filter.and(format!("threads.foreign_id IN ({})", places.join(", ")));
        }
        Condition::Categories { ids, negated } => {
            let list = filter.list(tx, "category_id", ids);
            filter.and(format!(
                "{}(threads.id IN (SELECT object_id FROM categorisations WHERE {list}) OR threads.id IN (
                   SELECT interventions.thread_id FROM categorisations
                   JOIN interventions ON interventions.id = categorisations.object_id WHERE {list}))",
                not(*negated)
            ));
        }
        Condition::Categorised(categorised) => filter.and(format!(
            "{}(EXISTS (SELECT 1 FROM categorisations WHERE object_id = threads.id) OR EXISTS (
               SELECT 1 FROM interventions JOIN categorisations ON categorisations.object_id = interventions.id
               WHERE interventions.thread_id = threads.id))",
            not(!categorised)
        )),
        Condition::Assigned { open, user, holds } => {
            let mut which = String::new();
            if let Some(user) = user {
                let place = filter.bind(user);
                which += &format!(" AND interventions.user_id = {place}");
            }
            which += open.condition();
            filter.and(format!(
                "{}EXISTS (SELECT 1 FROM interventions WHERE interventions.thread_id = threads.id{which})",
                not(!holds)
            ));
        }
        Condition::Moment { column, comparison, at } => {
            let place = filter.bind(*at);
            filter.and(format!("{column} {comparison} {place}"));
        }
        Condition::Text(words) => match search::matching(tx.dialect(), words) {
            Some(expression) => {
                let number = filter.bind_owned(expression);
                let hit = search::condition(tx.dialect(), "contents", number);
                filter.and(format!("threads.id IN (SELECT contents.thread_id FROM contents WHERE {hit})"));
            }
            None => filter.and("FALSE"),
        },
    }
}
