//! The operations on interventions.

use std::collections::HashMap;
use std::sync::Arc;

use frontdesk_model::{Id, Result, SourceRight, Timestamp, error};
use frontdesk_people::{custom_fields, settings};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging, Unfilled, given};
use frontdesk_store::{Filter, Tx};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::deferring::{self, Until};
use super::{Intervention, SELECT, commands, find, handing, intervention};
use crate::service_levels::{self, Target};
use crate::{Conversations, categories, sources};

/// An intervention as REST shows it. Times to reply are in seconds; `_bh` counts business hours only.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Intervention")]
pub struct Answer {
    id: Id,
    source_id: Id,
    thread_id: Id,
    content_id: Id,
    identity_id: Id,
    identity_group_id: Option<Id>,
    /// Whose it is; null when it was handed over and waits for somebody to take it.
    user_id: Option<Id>,
    /// A label in the account's language: Opened, Reopened, Deferred or Closed; in French Ouverte, Rouverte, Reportée or
    /// Fermée. To decide anything, use closed and deferred_at.
    status: String,
    closed: bool,
    closed_at: Option<Timestamp>,
    deferred_at: Option<Timestamp>,
    category_ids: Vec<Id>,
    custom_fields: Map<String, Value>,
    comments_count: i64,
    user_replies_count: i64,
    first_user_reply_id: Option<Id>,
    first_user_reply_in: Option<i64>,
    first_user_reply_in_bh: Option<i64>,
    last_user_reply_in: Option<i64>,
    last_user_reply_in_bh: Option<i64>,
    user_reply_in_average: Option<i64>,
    user_reply_in_average_bh: Option<i64>,
    user_reply_in_average_count: i64,
    /// The language of its first content, as it was detected; null, as is the next: nothing is translated in this version.
    detected_language: Unfilled<String>,
    translation_enabled: Unfilled<bool>,
    /// What the customer thought of it; null, as are the next four: nobody is asked in this version.
    satisfaction_grade: Unfilled<i64>,
    satisfaction_answered_at: Unfilled<Timestamp>,
    satisfaction_sent_at: Unfilled<Timestamp>,
    survey_id: Unfilled<String>,
    survey_response_id: Unfilled<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// Whether the customer is answered in time: none, ok, warning or expired (`extended=true`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    sla_state: Option<&'static str>,
    /// When they are to be answered; absent when they do not wait, or nothing was promised (`extended=true`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    sla_due_at: Option<Timestamp>,
    /// Seconds for which deferring it is offered to people: the setting intervention_defer_rates. Any other time up to
    /// intervention_defer_threshold may be asked for as well. Absent once it is closed (`extended=true`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    defer_rates: Option<Vec<i64>>,
}

/// `extended`: with our own properties, as they are at this moment.
fn answers(tx: &mut dyn Tx, interventions: Vec<Intervention>, extended: Option<Timestamp>) -> Result<Vec<Answer>> {
    let promises = match extended {
        Some(_) => {
            let ids: Vec<Id> = interventions.iter().map(|intervention| intervention.thread_id).collect();
            service_levels::of_threads(tx, &ids)?
        }
        None => HashMap::new(),
    };
    let ids: Vec<Id> = interventions.iter().map(|intervention| intervention.id).collect();
    let mut categories = categories::of_many(tx, &ids)?;
    let fields = match interventions.iter().any(|intervention| intervention.custom_fields != "{}") {
        true => custom_fields::of(tx, custom_fields::Owner::Intervention)?,
        false => Vec::new(),
    };
    let settings = settings::load(tx)?;
    let (french, rates) = (settings.speaks_french(), settings.defer_rates());
    interventions
        .into_iter()
        .map(|intervention| {
            let count = intervention.replies_timed;
            let key = (intervention.thread_id, intervention.identity_id, Target::Customer);
            let promise = promises.get(&key).copied().filter(|_| intervention.closed_at.is_none());
            let average = |sum: i64| (count > 0).then(|| sum / count);
            Ok(Answer {
                id: intervention.id,
                source_id: intervention.source_id,
                thread_id: intervention.thread_id,
                content_id: intervention.content_id,
                identity_id: intervention.identity_id,
                identity_group_id: intervention.identity_group_id,
                user_id: intervention.user_id,
                status: intervention.state().label(french).into(),
                closed: intervention.closed_at.is_some(),
                closed_at: intervention.closed_at,
                deferred_at: intervention.deferred_at,
                category_ids: categories.remove(&intervention.id).unwrap_or_default(),
                custom_fields: custom_fields::shown(&fields, &intervention.custom_fields)?,
                comments_count: intervention.comments_count,
                user_replies_count: intervention.user_replies_count,
                first_user_reply_id: intervention.first_user_reply_id,
                first_user_reply_in: intervention.first_user_reply_in,
                first_user_reply_in_bh: intervention.first_user_reply_in_bh,
                last_user_reply_in: intervention.last_user_reply_in,
                last_user_reply_in_bh: intervention.last_user_reply_in_bh,
                user_reply_in_average: average(intervention.reply_seconds),
                user_reply_in_average_bh: average(intervention.reply_seconds_bh),
                user_reply_in_average_count: count,
                detected_language: Unfilled::default(),
                translation_enabled: Unfilled::default(),
                satisfaction_grade: Unfilled::default(),
                satisfaction_answered_at: Unfilled::default(),
                satisfaction_sent_at: Unfilled::default(),
                survey_id: Unfilled::default(),
                survey_response_id: Unfilled::default(),
                created_at: intervention.created_at,
                updated_at: intervention.updated_at,
                sla_state: extended.map(|now| service_levels::state(promise, now)),
                sla_due_at: promise.map(|promise| promise.due_at),
                defer_rates: extended.filter(|_| intervention.closed_at.is_none()).map(|_| rates.clone()),
            })
        })
        .collect()
}

/// An intervention as REST shows it.
pub fn answer(tx: &mut dyn Tx, intervention: Intervention) -> Result<Answer> {
    answers(tx, vec![intervention], None)?.pop().ok_or_else(|| error::not_found("intervention"))
}

fn extended(call: &Call) -> Option<Timestamp> {
    call.extended.then(|| call.env.now())
}

/// The same, with our own properties if the caller asks for them.
fn shown(call: &Call, tx: &mut dyn Tx, intervention: Intervention) -> Result<Answer> {
    answers(tx, vec![intervention], extended(call))?.pop().ok_or_else(|| error::not_found("intervention"))
}

/// Parameters of `getAllInterventions`.
#[derive(Deserialize, JsonSchema)]
struct List {
    /// Only those of this thread.
    thread_id: Option<String>,
    /// Only those of this user.
    user_id: Option<String>,
    /// Only those of the identities of this group.
    identity_group_id: Option<String>,
    /// Only those of this identity, or of these.
    identity_id: Option<Vec<String>>,
    /// active is open and not deferred; opened is open and never closed before.
    status: Option<Status>,
    /// By which time to sort, newest first; created_at when absent.
    sort: Option<Sort>,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Status {
    Active,
    Closed,
    Deferred,
    Opened,
    Reopened,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Sort {
    CreatedAt,
    UpdatedAt,
}

/// Parameters of `createIntervention`.
#[derive(Deserialize, JsonSchema)]
struct Create {
    /// The content to engage.
    content_id: String,
}

/// Parameters of `updateIntervention`.
#[derive(Deserialize, JsonSchema)]
struct Update {
    /// Values of custom fields, by key: a list where the field is multiple or multiple_choice; empty unsets.
    #[serde(default)]
    custom_field_values: Map<String, Value>,
}

/// Parameters of `closeIntervention`.
#[derive(Deserialize, JsonSchema)]
struct Close {
    /// Ours: the last content that the caller has seen. Where a customer wrote after it what nobody has answered, nothing
    /// is closed: 409 `unseen_content`.
    seen_content_id: Option<String>,
}

/// Parameters of `reassignIntervention`.
#[derive(Deserialize, JsonSchema)]
struct Reassign {
    /// The user who takes over.
    user_id: String,
}

/// Parameters of `deferIntervention`: one of the two.
#[derive(Deserialize, JsonSchema)]
struct Defer {
    /// When it comes back: a time in the future, at most a year ahead.
    deferred_at: Option<String>,
    /// After how many seconds it comes back.
    rate: Option<i64>,
}

impl Defer {
    fn until(self) -> Result<Until> {
        match (self.deferred_at.filter(|text| !text.is_empty()), self.rate) {
            (Some(text), None) => Ok(Until::Time(text)),
            (None, Some(seconds)) => Ok(Until::Seconds(seconds)),
            (None, None) => {
                let message =
                    "deferred_at must not be empty: tell when it comes back, or in how many seconds with rate.";
                Err(error::invalid("deferred_at", "blank", message))
            }
            (Some(_), Some(_)) => {
                let message = "rate: deferred_at tells already when it comes back; leave one of them out.";
                Err(error::invalid("rate", "invalid", message))
            }
        }
    }
}

/// Parameters of `categorizeIntervention`.
#[derive(Deserialize, JsonSchema)]
struct Categorise {
    /// The new categories; an empty list removes all.
    category_ids: Vec<Id>,
}

pub(super) fn operations(_: &Arc<Conversations>) -> Vec<Operation> {
    let tag = "Interventions";
    let path = "/interventions/{interventionId}";
    let id = |call: &Call| call.id("interventionId", "intervention");
    vec![
        Operation::read("getAllInterventions", Method::GET, "/interventions", list)
            .tag(tag)
            .summary("Lists the interventions of sources that the caller may read, newest first."),
        Operation::write("createIntervention", Method::POST, "/interventions", |call, parameters: Create, tx| {
            let opened = commands::open(call, &parameters.content_id, tx)?;
            shown(call, tx, opened)
        })
        .tag(tag)
        .summary("Engages a customer's content: opens an intervention for the caller, or re-opens the closed one.")
        .replay(sources::still_readable),
        Operation::read("getIntervention", Method::GET, path, move |call, _: NoParameters, tx| {
            let found = find(tx, &call.caller, id(call)?)?;
            shown(call, tx, found)
        })
        .tag(tag)
        .summary("Reads an intervention."),
        Operation::write("updateIntervention", Method::PUT, path, move |call, parameters: Update, tx| {
            let updated = commands::set_custom_fields(call, id(call)?, &parameters.custom_field_values, tx)?;
            shown(call, tx, updated)
        })
        .tag(tag)
        .summary("Sets values of custom fields.")
        .notes("The owner needs update_own_intervention, others update_intervention."),
        Operation::write(
            "cancelIntervention",
            Method::DELETE,
            "/interventions/{interventionId}/cancel",
            move |call, _: NoParameters, tx| {
                let intervention = find(tx, &call.caller, id(call)?)?;
                let before = shown(call, tx, intervention)?;
                commands::cancel(call, before.id, tx)?;
                Ok(before)
            },
        )
        .tag(tag)
        .summary("Removes an open intervention without agent's replies. Answers it as it was."),
        Operation::write(
            "closeIntervention",
            Method::PUT,
            "/interventions/{interventionId}/close",
            move |call, parameters: Close, tx| {
                let closed = commands::close(call, id(call)?, parameters.seen_content_id.as_deref(), tx)?;
                shown(call, tx, closed)
            },
        )
        .tag(tag)
        .summary("Closes an intervention: the issue is resolved.")
        .notes("It must be open and have an agent's reply. Others than its owner need update_intervention."),
        Operation::write(
            "reassignIntervention",
            Method::PUT,
            "/interventions/{interventionId}/reassign",
            move |call, parameters: Reassign, tx| {
                let user_id = parameters.user_id.parse().map_err(|_| unknown("user_id", "user"))?;
                let reassigned = commands::reassign(call, id(call)?, user_id, tx)?;
                shown(call, tx, reassigned)
            },
        )
        .tag(tag)
        .summary("Gives an intervention to another user.")
        .notes("Needs update_intervention or assign_intervention; the owner update_own_intervention."),
        Operation::write(
            "releaseIntervention",
            Method::PUT,
            "/interventions/{interventionId}/release",
            move |call, _: NoParameters, tx| {
                let released = handing::release(call, id(call)?, tx)?;
                shown(call, tx, released)
            },
        )
        .tag(tag)
        .summary("Makes an open intervention nobody's: it waits for whoever takes it.")
        .notes("Needs update_intervention or assign_intervention; the owner update_own_intervention.")
        .extension(),
        Operation::write(
            "categorizeIntervention",
            Method::PUT,
            "/interventions/{interventionId}/update_categories",
            move |call, parameters: Categorise, tx| {
                let categorised = commands::categorise(call, id(call)?, &parameters.category_ids, tx)?;
                shown(call, tx, categorised)
            },
        )
        .tag(tag)
        .summary("Replaces the categories of an intervention, its disposition among them."),
        Operation::write(
            "deferIntervention",
            Method::PUT,
            "/interventions/{interventionId}/defer",
            move |call, parameters: Defer, tx| {
                let deferred = deferring::defer(call, id(call)?, &parameters.until()?, tx)?;
                shown(call, tx, deferred)
            },
        )
        .tag(tag)
        .summary("Puts an open intervention off: it is not active until then, or until the customer writes again.")
        .notes(
            "The owner needs update_own_intervention, others update_intervention. Of a deferred one, changes the time.",
        )
        .extension(),
        Operation::write(
            "reactivateIntervention",
            Method::PUT,
            "/interventions/{interventionId}/reactivate",
            move |call, _: NoParameters, tx| {
                let active = deferring::reactivate(call, id(call)?, tx)?;
                shown(call, tx, active)
            },
        )
        .tag(tag)
        .summary("Brings a deferred intervention back before its time.")
        .notes("The owner needs update_own_intervention, others update_intervention.")
        .extension(),
    ]
}

fn unknown(attribute: &str, noun: &str) -> error::Error {
    error::invalid(attribute, "unknown", format!("{attribute}: there is no such {noun}."))
}

fn list(call: &Call, parameters: List, tx: &mut dyn Tx) -> Result<Page<Answer>> {
    let readable = call.caller.sources_with(SourceRight::Read);
    let Paging { offset, limit } = parameters.paging;
    let nothing = Page::new(0, parameters.paging, Vec::new());
    let (Ok(thread), Ok(user), Ok(group)) = (
        given::id(parameters.thread_id.as_deref()),
        given::id(parameters.user_id.as_deref()),
        given::id(parameters.identity_group_id.as_deref()),
    ) else {
        return Ok(nothing);
    };
    let mut asked = parameters.identity_id.unwrap_or_default();
    asked.retain(|text| !text.is_empty());
    let identities: Vec<Id> = asked.iter().filter_map(|text| text.parse().ok()).collect();
    if !asked.is_empty() && identities.is_empty() {
        return Ok(nothing);
    }
    let mut filter = Filter::default();
    filter.and_in(tx, "source_id", &readable);
    if let Some(thread) = &thread {
        filter.and_equal("thread_id", thread);
    }
    if let Some(user) = &user {
        filter.and_equal("user_id", user);
    }
    if !identities.is_empty() {
        filter.and_in(tx, "identity_id", &identities);
    }
    if let Some(group) = &group {
        let group = filter.bind(group);
        filter.and(format!("identity_id IN (SELECT id FROM identities WHERE identity_group_id = {group})"));
    }
    match parameters.status {
        None => {}
        Some(Status::Active) => filter.and("closed_at IS NULL AND deferred_at IS NULL"),
        Some(Status::Closed) => filter.and("closed_at IS NOT NULL"),
        Some(Status::Deferred) => filter.and("closed_at IS NULL AND deferred_at IS NOT NULL"),
        Some(Status::Opened) => filter.and("closed_at IS NULL AND NOT reopened"),
        Some(Status::Reopened) => filter.and("closed_at IS NULL AND reopened"),
    }
    let order = match parameters.sort {
        None | Some(Sort::CreatedAt) => "created_at DESC, id DESC",
        Some(Sort::UpdatedAt) => "updated_at DESC, id DESC",
    };
    let count = filter.count(tx, "interventions", offset, limit)?;
    let rows = filter.page(tx, SELECT, order, offset, limit)?;
    let interventions = rows.iter().map(intervention).collect::<Result<Vec<_>>>()?;
    Ok(Page::new(count, parameters.paging, answers(tx, interventions, extended(call))?))
}
