//! The search language over threads (public page basics/pagination).

use std::sync::LazyLock;

use frontdesk_model::query::{Condition, Keyword, Language, Query, Takes, Value};
use frontdesk_model::{Id, Result, Timestamp};
use frontdesk_store::{Dialect, Filter, Order, Owned, Piece, Route, Tx};

use crate::contents::{STATUSES, words};
use crate::service_levels::NEVER;

/// What a keyword asks of a thread.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Means {
    Source,
    Foreign,
    Identity,
    IdentityGroup,
    Language,
    Status,
    /// Some content is in this state.
    Content(&'static str),
    /// Nothing is yet as it asks.
    Nothing,
    /// At least one category, the thread's own or an intervention's.
    Categorised,
    CategorisedIn(Whose),
    NotCategorisedIn,
    /// Some forwarded content has such a category.
    ForwardedInto(Whose),
    Assigned(Which, Whom),
    /// How what was promised stands.
    ServiceLevel,
    /// A column is compared with a moment.
    Moment(&'static str, &'static str),
}

/// Of which categories.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Whose {
    /// The named ones.
    Any,
    /// Those of the caller.
    Mine,
    /// Those of the caller that are the named ones or below them.
    MineOf,
}

/// Which interventions count.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Which {
    /// Open or closed.
    All,
    /// Open, deferred or not.
    Opened,
    /// Open and not deferred.
    Active,
}

/// Whose interventions count.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Whom {
    Anybody,
    User,
    Me,
    Team,
    DisabledAgents,
}

use Takes::{Boolean, Date, Id as AnId, Name, Text};
use Which::{Active, All, Opened};

pub(super) const LANGUAGE: Language<Means> = Language {
    noun: "threads",
    has_text: true,
    orders: &["last_content_at", "created_at", "sla_due_at"],
    keywords: &[
        Keyword::new("source", AnId, Means::Source, "On this source."),
        Keyword::positive("foreign", Text, Means::Foreign, "With this foreign_id."),
        Keyword::positive("identity", AnId, Means::Identity, "With a content by this identity."),
        Keyword::positive("identity_group", AnId, Means::IdentityGroup, "With a content by an identity of this group."),
        Keyword::new("language", Text, Means::Language, "With a content in this language, such as en."),
        Keyword::new("status_in", Name(STATUSES), Means::Status, "With a content in this state."),
        Keyword::new(
            "scheduled",
            Boolean,
            Means::Content("contents.scheduled_at IS NOT NULL"),
            "With a content that is to be sent later.",
        ),
        Keyword::new(
            "not_published",
            Boolean,
            Means::Content("NOT contents.published"),
            "With a content that is not published.",
        ),
        Keyword::new(
            "approval_required",
            Boolean,
            Means::Content("contents.approval_required"),
            "With a content that needs approval.",
        ),
        Keyword::new(
            "needs_manual_categorization",
            Boolean,
            Means::Nothing,
            "With a content that a classifier left to people; Frontdesk has no classifier, so none is.",
        ),
        Keyword::new("categorized", Boolean, Means::Categorised, "With a category, its own or an intervention's."),
        Keyword::new(
            "categorized_in",
            AnId,
            Means::CategorisedIn(Whose::Any),
            "With this category, its own or an intervention's.",
        ),
        Keyword::new("not_categorized_in", AnId, Means::NotCategorisedIn, "Without this category."),
        Keyword::new("categorized_in_mine", Boolean, Means::CategorisedIn(Whose::Mine), "With a category of yours."),
        Keyword::positive(
            "categorized_in_mine_of",
            AnId,
            Means::CategorisedIn(Whose::MineOf),
            "With a category of yours that is this one or below it.",
        ),
        Keyword::new(
            "forwarded_into",
            AnId,
            Means::ForwardedInto(Whose::Any),
            "With a forwarded content in this category.",
        ),
        Keyword::new(
            "forwarded_into_mine",
            Boolean,
            Means::ForwardedInto(Whose::Mine),
            "With a forwarded content in a category of yours.",
        ),
        Keyword::positive(
            "forwarded_into_mine_of",
            AnId,
            Means::ForwardedInto(Whose::MineOf),
            "With a forwarded content in a category of yours that is this one or below it.",
        ),
        Keyword::new("assigned", Boolean, Means::Assigned(All, Whom::Anybody), "With an intervention, open or closed."),
        Keyword::new("assigned_to", AnId, Means::Assigned(All, Whom::User), "With an intervention of this user."),
        Keyword::new("assigned_to_me", Boolean, Means::Assigned(All, Whom::Me), "With an intervention of yours."),
        Keyword::new("assigned_to_team", AnId, Means::Assigned(All, Whom::Team), "With an intervention of this team."),
        Keyword::new(
            "opened_and_assigned",
            Boolean,
            Means::Assigned(Opened, Whom::Anybody),
            "With an open intervention that is somebody's.",
        ),
        Keyword::new(
            "opened_and_assigned_to",
            AnId,
            Means::Assigned(Opened, Whom::User),
            "With an open intervention of this user.",
        ),
        Keyword::new(
            "opened_and_assigned_to_me",
            Boolean,
            Means::Assigned(Opened, Whom::Me),
            "With an open intervention of yours.",
        ),
        Keyword::new(
            "opened_and_assigned_to_team",
            AnId,
            Means::Assigned(Opened, Whom::Team),
            "With an open intervention of this team.",
        ),
        Keyword::new(
            "opened_and_assigned_to_disabled_agents",
            Boolean,
            Means::Assigned(Opened, Whom::DisabledAgents),
            "With an open intervention of a user who is disabled.",
        ),
        Keyword::new(
            "active_and_assigned",
            Boolean,
            Means::Assigned(Active, Whom::Anybody),
            "With an open intervention that is somebody's and not deferred.",
        ),
        Keyword::new(
            "active_and_assigned_to",
            AnId,
            Means::Assigned(Active, Whom::User),
            "With an open intervention of this user that is not deferred.",
        ),
        Keyword::new(
            "active_and_assigned_to_me",
            Boolean,
            Means::Assigned(Active, Whom::Me),
            "With an open intervention of yours that is not deferred.",
        ),
        Keyword::new(
            "active_and_assigned_to_team",
            AnId,
            Means::Assigned(Active, Whom::Team),
            "With an open intervention of this team that is not deferred.",
        ),
        Keyword::new(
            "active_and_assigned_to_disabled_agents",
            Boolean,
            Means::Assigned(Active, Whom::DisabledAgents),
            "With an open intervention of a disabled user that is not deferred.",
        ),
        Keyword::new(
            "sla",
            Takes::Name(&["none", "ok", "warning", "expired"]),
            Means::ServiceLevel,
            "Whose customers' first promised answer is in time, nearly due or overdue; none: nothing was promised.",
        ),
        Keyword::positive(
            "first_content_after",
            Date,
            Means::Moment("threads.first_content_at", ">="),
            "Whose first content is of this moment or later.",
        ),
        Keyword::positive(
            "first_content_before",
            Date,
            Means::Moment("threads.first_content_at", "<"),
            "Whose first content is older.",
        ),
        Keyword::positive(
            "last_content_after",
            Date,
            Means::Moment("threads.last_content_at", ">="),
            "Whose latest content is of this moment or later.",
        ),
        Keyword::positive(
            "last_content_before",
            Date,
            Means::Moment("threads.last_content_at", "<"),
            "Whose latest content is older.",
        ),
    ],
};

/// What the documentation of the operation says about `q`.
pub(super) static DESCRIPTION: LazyLock<String> = LazyLock::new(|| LANGUAGE.describe());

/// The order of the list.
pub(super) fn order(query: &Query<Means>) -> Order {
    let moment = match query.order {
        "created_at" => "threads.created_at",
        "sla_due_at" => "threads.sla_due_at",
        _ => "threads.last_content_at",
    };
    Order { moment, id: "threads.id", ascending: query.ascending }
}

/// Adds what the query asks beside its sources; returns whether that was anything.
pub(super) fn apply(
    query: &Query<Means>,
    caller_id: Id,
    now: Timestamp,
    tx: &mut dyn Tx,
    filter: &mut Filter,
) -> Result<bool> {
    let mut is_any = false;
    for condition in query.conditions.iter().filter(|condition| condition.means != Means::Source) {
        is_any = true;
        add(condition, caller_id, now, tx.dialect(), filter);
    }
    if !query.text.is_empty() {
        is_any = true;
        filter.and_any(words(tx, "contents.thread_id", "threads.id", &query.text)?, true);
    }
    Ok(is_any)
}

fn add(condition: &Condition<Means>, caller_id: Id, now: Timestamp, dialect: Dialect, filter: &mut Filter) {
    let ids = condition.ids();
    let mut holds = !condition.negated;
    let all = |piece: Piece| vec![contents(piece)];
    let routes = match condition.means {
        Means::Source => return,
        Means::Moment(..) => return filter.and_piece(plain(condition)),
        Means::Foreign => {
            let piece = plain(condition);
            let all = piece.clone().within("SELECT threads.id AS id FROM threads WHERE {}");
            return filter.and_own(Route::plain(all, piece));
        }
        Means::Assigned(Which::All, Whom::Anybody) => {
            return each(condition, filter, |holds, filter| {
                let counted = if holds { "threads.interventions_count > 0" } else { "threads.interventions_count = 0" };
                filter.and(counted);
            });
        }
        Means::Nothing => return each(condition, filter, |holds, filter| filter.and_any(Vec::new(), holds)),
        Means::Identity => all(Piece::one_of(dialect, "contents.author_id", &ids)),
        Means::IdentityGroup => {
            let of_group = Piece::one_of(dialect, "identity_group_id", &ids);
            all(of_group.within("contents.author_id IN (SELECT id FROM identities WHERE {})"))
        }
        Means::Language => all(in_texts("contents.language", &condition.texts())),
        Means::ServiceLevel => {
            let piece = service_levels(&condition.texts(), now);
            let all = piece.clone().within("SELECT threads.id AS id FROM threads WHERE {}");
            vec![Route::plain(all, piece)]
        }
        Means::Status => all(in_texts("contents.status", &condition.texts())),
        Means::CategorisedIn(Whose::Any) => categorised(&Piece::one_of(dialect, "category_id", &ids)),
        Means::NotCategorisedIn => {
            holds = !holds;
            categorised(&Piece::one_of(dialect, "category_id", &ids))
        }
        Means::CategorisedIn(Whose::MineOf) => categorised(&mine_of(dialect, caller_id, &ids)),
        Means::ForwardedInto(Whose::Any) => forwarded(Piece::one_of(dialect, "category_id", &ids)),
        Means::ForwardedInto(Whose::MineOf) => forwarded(mine_of(dialect, caller_id, &ids)),
        Means::Assigned(which, Whom::User) => assigned(which, Piece::one_of(dialect, "interventions.user_id", &ids)),
        Means::Assigned(which, Whom::Team) => {
            let of_team = Piece::one_of(dialect, "team_id", &ids);
            assigned(which, of_team.within("interventions.user_id IN (SELECT user_id FROM team_users WHERE {})"))
        }
        // The rest is true or false.
        Means::Content(state) => return when(condition, filter, || all(Piece::new(state, Vec::new()))),
        Means::Categorised => return when(condition, filter, || categorised(&Piece::new("TRUE", Vec::new()))),
        Means::CategorisedIn(Whose::Mine) => return when(condition, filter, || categorised(&mine(caller_id))),
        Means::ForwardedInto(Whose::Mine) => return when(condition, filter, || forwarded(mine(caller_id))),
        Means::Assigned(which, Whom::Anybody) => {
            return when(condition, filter, || {
                assigned(which, Piece::new("interventions.user_id IS NOT NULL", Vec::new()))
            });
        }
        Means::Assigned(which, Whom::Me) => {
            let of_caller = || Piece::new("interventions.user_id = ?", vec![caller_id.into()]);
            return when(condition, filter, || assigned(which, of_caller()));
        }
        Means::Assigned(which, Whom::DisabledAgents) => {
            let of_disabled = "interventions.user_id IN (SELECT id FROM users WHERE NOT enabled)";
            return when(condition, filter, || assigned(which, Piece::new(of_disabled, Vec::new())));
        }
    };
    filter.and_any(routes, holds);
}

/// A condition that is true or false: it may be any of the values, or, negated, none of them. Every thread is either.
fn each(condition: &Condition<Means>, filter: &mut Filter, add: impl FnOnce(bool, &mut Filter)) {
    let may_be = |wanted| condition.values.contains(&Value::Boolean(wanted)) != condition.negated;
    match (may_be(true), may_be(false)) {
        (true, true) => {}
        (false, false) => filter.and("FALSE"),
        (holds, _) => add(holds, filter),
    }
}

fn when(condition: &Condition<Means>, filter: &mut Filter, routes: impl FnOnce() -> Vec<Route>) {
    each(condition, filter, |holds, filter| filter.and_any(routes(), holds));
}

/// A condition on the thread's own columns.
fn plain(condition: &Condition<Means>) -> Piece {
    let Means::Moment(column, comparison) = condition.means else {
        return in_texts("threads.foreign_id", &condition.texts());
    };
    let moments = condition.values.iter().filter_map(|value| match value {
        Value::Date(at) => Some(Owned::Int(at.micros())),
        _ => None,
    });
    let moments: Vec<Owned> = moments.collect();
    Piece::new(vec![format!("{column} {comparison} ?"); moments.len()].join(" OR "), moments).within("({})")
}

/// Threads whose promise stands in one of these ways.
fn service_levels(states: &[&str], now: Timestamp) -> Piece {
    let (now, never) = (Owned::Int(now.micros()), Owned::Int(NEVER.micros()));
    let mut values = Vec::new();
    let mut any = Vec::new();
    for state in states {
        any.push(match *state {
            "expired" => "threads.sla_due_at <= ?",
            "warning" => "(threads.sla_due_at > ? AND threads.sla_warns_at <= ?)",
            "ok" => "(threads.sla_warns_at > ? AND threads.sla_due_at < ?)",
            _ => "threads.sla_due_at = ?",
        });
        values.extend(match *state {
            "expired" => vec![now.clone()],
            "warning" => vec![now.clone(), now.clone()],
            "ok" => vec![now.clone(), never.clone()],
            _ => vec![never.clone()],
        });
    }
    Piece::new(any.join(" OR "), values).within("({})")
}

fn in_texts(column: &str, texts: &[&str]) -> Piece {
    let places = vec!["?"; texts.len()].join(", ");
    Piece::new(format!("{column} IN ({places})"), texts.iter().map(|text| (*text).to_owned().into()).collect())
}

/// Through a content.
fn contents(condition: Piece) -> Route {
    Route::through("contents", "contents.thread_id", "threads.id", &condition)
}

/// Through a category, the thread's own or that of an intervention.
fn categorised(condition: &Piece) -> Vec<Route> {
    let own = condition.clone().within("object = 'thread' AND {}");
    let of_intervention = "categorisations JOIN interventions ON interventions.id = categorisations.object_id";
    vec![
        Route::through("categorisations", "object_id", "threads.id", &own),
        Route::through(of_intervention, "interventions.thread_id", "threads.id", condition),
    ]
}

/// Through a category of a forwarded content.
fn forwarded(condition: Piece) -> Vec<Route> {
    let of_content = "contents JOIN categorisations ON categorisations.object_id = contents.id";
    let condition = condition.within("contents.status = 'forwarded' AND {}");
    vec![Route::through(of_content, "contents.thread_id", "threads.id", &condition)]
}

/// Through an intervention.
fn assigned(which: Which, condition: Piece) -> Vec<Route> {
    let condition = condition.within(match which {
        Which::All => "{}",
        Which::Opened => "interventions.closed_at IS NULL AND {}",
        Which::Active => "interventions.closed_at IS NULL AND interventions.deferred_at IS NULL AND {}",
    });
    vec![Route::through("interventions", "interventions.thread_id", "threads.id", &condition)]
}

fn mine(caller_id: Id) -> Piece {
    Piece::new("category_id IN (SELECT category_id FROM user_categories WHERE user_id = ?)", vec![caller_id.into()])
}

/// Categories of the caller that are one of `ids` or below one.
fn mine_of(dialect: Dialect, caller_id: Id, ids: &[Id]) -> Piece {
    let below = Piece::one_of(dialect, "id", ids).within(
        "category_id IN (WITH RECURSIVE below (id) AS (
           SELECT id FROM categories WHERE {}
           UNION SELECT categories.id FROM categories JOIN below ON categories.parent_id = below.id)
         SELECT id FROM below)",
    );
    below.and(mine(caller_id))
}

#[cfg(test)]
mod tests {
    use frontdesk_model::query;

    use super::*;

    #[test]
    fn every_documented_keyword_is_there_with_its_rule_about_negation() {
        // With text: 37, and sla, which is ours.
        assert_eq!(LANGUAGE.keywords.len() + 1, 38);
        let positive: Vec<&str> =
            LANGUAGE.keywords.iter().filter(|keyword| !keyword.negatable).map(|keyword| keyword.name).collect();
        // Row 7.12, and text.
        assert_eq!(
            positive,
            [
                "foreign",
                "identity",
                "identity_group",
                "categorized_in_mine_of",
                "forwarded_into_mine_of",
                "first_content_after",
                "first_content_before",
                "last_content_after",
                "last_content_before"
            ]
        );
        for keyword in LANGUAGE.keywords {
            let same = LANGUAGE.keywords.iter().filter(|other| other.name == keyword.name).count();
            assert_eq!(same, 1, "{}", keyword.name);
        }
    }

    #[test]
    fn the_default_order_is_the_latest_content_first() {
        let read = |text| LANGUAGE.read(&query::parse(text).unwrap(), Timestamp::parse_iso).unwrap();
        assert_eq!(order(&read("")).to_string(), "threads.last_content_at DESC, threads.id DESC");
        assert_eq!(order(&read("order:created_at.asc")).to_string(), "threads.created_at, threads.id");
        assert_eq!(order(&read("order:sla_due_at.asc")).to_string(), "threads.sla_due_at, threads.id");
    }
}
