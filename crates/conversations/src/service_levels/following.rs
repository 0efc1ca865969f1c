//! From the log to promises to customers: what they write makes one, an answer ends it. A consumer, so that taking a
//! message in costs nothing more where nobody promised.

use std::collections::BTreeSet;
use std::sync::Arc;

use frontdesk_model::event::id_in;
use frontdesk_model::{Env, Event, Id, Result, Timestamp};
use frontdesk_store::consumer::Consumer;
use frontdesk_store::{Tx, args};

use super::{Promise, Target, begin, customers, end, end_all, moments, target_seconds};
use crate::{Conversations, interventions, sources, work};

/// Nobody waits any more for what was written so long ago: when a new version meets an old log.
const AGE_SECONDS_MAX: i64 = 24 * 3_600;

/// When a thread gets other categories, so many of its customers are looked at; the others when they write again.
const CUSTOMERS_MAX: i64 = 1_000;

/// What is followed.
const KINDS: [&str; 18] = [
    "content.anonymized",
    "content.auto_ignored",
    "content.destroyed",
    "content.handed_over",
    "content.ignored",
    "content.imported",
    "content.recategorized",
    "content.replied",
    "content_thread.destroyed",
    "content_thread.recategorized",
    "intervention.assigned",
    "intervention.canceled",
    "intervention.closed",
    "intervention.deferred",
    "intervention.opened",
    "intervention.reactivated",
    "intervention.recategorized",
    "intervention.reopened",
];

/// The consumer.
pub struct Watching {
    env: Env,
}

impl Watching {
    /// It starts where it was before.
    pub fn new(app: &Conversations) -> Arc<Watching> {
        Arc::new(Watching { env: app.env.clone() })
    }
}

impl Consumer for Watching {
    fn name(&self) -> &'static str {
        "service_levels"
    }

    fn wants(&self, kind: &str) -> bool {
        KINDS.binary_search(&kind).is_ok()
    }

    fn is_choosy(&self) -> bool {
        true
    }

    /// What happens on sources that promise something, or in threads where something was promised: most is neither.
    fn choose(&self, tx: &mut dyn Tx, events: Vec<Event>) -> Result<Vec<Event>> {
        let promising = promising(tx)?;
        let oldest = self.env.now().plus_seconds(-AGE_SECONDS_MAX);
        let mut chosen = Vec::new();
        for event in events {
            let Some(thread_id) = event.thread_id else { continue };
            let is_promising = id_in(&event.told(), "source_id").is_some_and(|id| promising.contains(&id));
            if event.at >= oldest && (is_promising || any_in(tx, thread_id)?) {
                chosen.push(event);
            }
        }
        Ok(chosen)
    }

    fn handle(&self, tx: &mut dyn Tx, events: &[Event]) -> Result<()> {
        for event in events {
            let Some(thread_id) = event.thread_id else { continue };
            if event.kind == "content_thread.destroyed" {
                end_all(tx, thread_id)?;
                continue;
            }
            let told = event.told();
            let named = id_in(&told, "identity_id").or(match event.kind.as_str() {
                "content.imported" => id_in(&told, "author_id"),
                _ => author(tx, event.object_id)?,
            });
            let mut waiting: BTreeSet<Id> = customers(tx, thread_id)?.into_iter().chain(named).collect();
            if event.kind == "content_thread.recategorized" {
                waiting.extend(authors(tx, thread_id)?);
            }
            for identity_id in waiting {
                refresh(tx, &self.env, thread_id, identity_id)?;
            }
        }
        Ok(())
    }
}

/// The sources that promise their customers an answer.
fn promising(tx: &mut dyn Tx) -> Result<BTreeSet<Id>> {
    let texts = [1, 2, 3, 4, 5, 6, 7, 8, 9].map(|digit| format!("\"sla_response\":{digit}"));
    let found = sources::with_settings(tx, &texts.each_ref().map(String::as_str), |_| false)?;
    Ok(found.into_iter().map(|source| source.id).collect())
}

fn any_in(tx: &mut dyn Tx, thread_id: Id) -> Result<bool> {
    Ok(tx.first("SELECT 1 FROM service_levels WHERE thread_id = $1 LIMIT 1", args![&thread_id])?.is_some())
}

fn author(tx: &mut dyn Tx, content_id: Id) -> Result<Option<Id>> {
    let row = tx.first("SELECT author_id FROM contents WHERE id = $1 AND creator_id IS NULL", args![&content_id])?;
    Ok(row.map(|row| row.get(0)).transpose()?.flatten())
}

/// The customers who wait in a thread.
fn authors(tx: &mut dyn Tx, thread_id: Id) -> Result<Vec<Id>> {
    let sql = "SELECT DISTINCT author_id FROM contents WHERE thread_id = $1 AND creator_id IS NULL
                 AND status IN ('new', 'assigned') AND author_id IS NOT NULL ORDER BY author_id LIMIT $2";
    tx.query(sql, args![&thread_id, CUSTOMERS_MAX])?.iter().map(|row| row.get(0)).collect()
}

/// Brings what is promised to a customer up to date with what waits.
fn refresh(tx: &mut dyn Tx, env: &Env, thread_id: Id, identity_id: Id) -> Result<()> {
    let Some((source_id, content_id, since)) = waiting(tx, thread_id, identity_id)? else {
        return end(tx, Target::Customer, thread_id, identity_id);
    };
    let settings = sources::by_id(tx, source_id)?.filter(|source| source.active).map(|source| source.stored.common);
    let category_ids = work::categories_of(tx, thread_id, content_id)?;
    let promised =
        settings.and_then(|settings| Some((target_seconds(&settings, &category_ids)?, settings.sla_threshold)));
    let moments = match promised {
        Some((seconds, percent)) => moments(tx, source_id, since, seconds, percent)?,
        None => None,
    };
    match moments {
        Some(moments) => {
            let promise = Promise { thread_id, identity_id, source_id, task_id: None, user_id: None, since };
            begin(tx, env, Target::Customer, &promise, moments)
        }
        None => end(tx, Target::Customer, thread_id, identity_id),
    }
}

/// The first content of a customer that nobody has answered: its source, itself, and when it was written. None while their
/// case is closed or put off.
fn waiting(tx: &mut dyn Tx, thread_id: Id, identity_id: Id) -> Result<Option<(Id, Id, Timestamp)>> {
    let is_over = interventions::of_customer(tx, thread_id, identity_id)?
        .is_some_and(|found| found.closed_at.is_some() || found.deferred_at.is_some());
    if is_over {
        return Ok(None);
    }
    let row = tx.first(
        "SELECT source_id, id, created_at FROM contents
         WHERE thread_id = $1 AND author_id = $2 AND creator_id IS NULL AND status IN ('new', 'assigned')
         ORDER BY created_at, id LIMIT 1",
        args![&thread_id, &identity_id],
    )?;
    row.map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_found_by_halving() {
        assert!(KINDS.is_sorted());
    }
}
