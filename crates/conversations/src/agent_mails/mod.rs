//! Mails to agents about what they want to hear of. A consumer of the log: it queues a mail for each user whose
//! switch is on, who may read where it happened, and who did not do it themselves.
//!
//! A mail names the source and leads to the conversation; it repeats nothing that was said, which could not be erased any
//! more. Of one occasion in one thread (for new messages of a source: on the source) one mail waits at a time, and the next
//! comes after a pause.

mod texts;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use frontdesk_model::event::id_in;
use frontdesk_model::{Caller, Env, Event, Id, Permission, Result, SourceRight};
use frontdesk_people::mails::{self, NewMail};
use frontdesk_people::user_notifications::{self, Occasion};
use frontdesk_people::{callers, users};
use frontdesk_store::consumer::Consumer;
use frontdesk_store::{Tx, args};
use serde_json::{Map, Value};
use tokio::sync::Notify;

use crate::Conversations;

/// Nobody wants to hear now what happened long ago: older events are passed over.
const AGE_SECONDS_MAX: i64 = 86_400;
/// Between two mails about one occasion in one thread.
const PAUSE_SECONDS: i64 = 900;
/// At most so many mails wait for a user; what happens beyond is not told.
const WAITING_MAX: i64 = 20;

/// The consumer.
pub struct AgentMails {
    env: Env,
    /// Where browsers reach this server, without a slash at the end.
    public_url: String,
    wake: Arc<Notify>,
}

impl AgentMails {
    /// It starts where it was before. `wake`: told when mails were queued.
    pub fn new(app: &Conversations, wake: &Arc<Notify>) -> Arc<AgentMails> {
        Arc::new(AgentMails { env: app.env.clone(), public_url: app.public_url.clone(), wake: wake.clone() })
    }
}

impl Consumer for AgentMails {
    fn name(&self) -> &'static str {
        "agent_mails"
    }

    fn wants(&self, kind: &str) -> bool {
        !occasions(kind).is_empty()
    }

    fn is_choosy(&self) -> bool {
        true
    }

    /// What somebody wants to hear of: most accounts are told of little by mail.
    fn choose(&self, tx: &mut dyn Tx, events: Vec<Event>) -> Result<Vec<Event>> {
        let wanted = user_notifications::wanted(tx)?;
        let oldest = self.env.now().plus_seconds(-AGE_SECONDS_MAX);
        let is_wanted = |event: &Event| occasions(&event.kind).iter().any(|occasion| wanted.contains(occasion));
        Ok(events.into_iter().filter(|event| event.at >= oldest && is_wanted(event)).collect())
    }

    fn handle(&self, tx: &mut dyn Tx, events: &[Event]) -> Result<()> {
        let mut known = Known::default();
        for event in events {
            let payload = event.told();
            let (Some(source_id), Some(thread_id)) = (id_in(&payload, "source_id"), event.thread_id) else { continue };
            for occasion in occasions(&event.kind) {
                let happened = Happened { occasion: *occasion, source_id, thread_id };
                for user_id in concerned(tx, *occasion, event, &payload, &mut known)? {
                    if event.user_id != Some(user_id) && known.may_be_told(tx, user_id, &happened)? {
                        self.tell(tx, user_id, &happened)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn handled(&self) {
        self.wake.notify_one();
    }
}

/// What an event may be to somebody.
fn occasions(kind: &str) -> &'static [Occasion] {
    match kind {
        "content.imported" => &[Occasion::TaggedCustomer, Occasion::OwnIntervention, Occasion::ReadableSource],
        "content.approval_requested" => &[Occasion::Approval],
        "content_thread.recategorized" => &[Occasion::OwnCategory],
        "intervention.assigned" | "intervention.user_updated" => &[Occasion::Assigned],
        "intervention.reactivated" => &[Occasion::Reactivated],
        _ => &[],
    }
}

/// Something that a mail tells of.
struct Happened {
    occasion: Occasion,
    source_id: Id,
    thread_id: Id,
}

/// Whom an event is such an occasion to, of those whose switch is on; what they may read is asked later.
fn concerned(
    tx: &mut dyn Tx,
    occasion: Occasion,
    event: &Event,
    payload: &Map<String, Value>,
    known: &mut Known,
) -> Result<Vec<Id>> {
    let listeners = known.listeners(tx, occasion)?;
    // What a customer writes while they are muted, or what is of an old history, waits for nobody.
    let waits = event.kind != "content.imported"
        || matches!(payload.get("status").and_then(Value::as_str), Some("new" | "assigned"));
    if listeners.is_empty() || !waits {
        return Ok(Vec::new());
    }
    let only = |user_id: Option<Id>| user_id.filter(|user_id| listeners.contains(user_id)).into_iter().collect();
    Ok(match occasion {
        Occasion::ReadableSource => listeners,
        Occasion::TaggedCustomer => {
            let author_id = id_in(payload, "author_id");
            let sql = "SELECT 1 FROM identities JOIN identity_group_tags ON group_id = identity_group_id
                 WHERE identities.id = $1 LIMIT 1";
            if tx.first(sql, args![&author_id])?.is_some() { listeners } else { Vec::new() }
        }
        Occasion::OwnIntervention => {
            let sql = "SELECT user_id FROM interventions WHERE id = $1 AND closed_at IS NULL";
            let row = tx.first(sql, args![&id_in(payload, "intervention_id")])?;
            only(row.map(|row| row.get(0)).transpose()?.flatten())
        }
        Occasion::Approval => {
            // Nobody approves what they wrote.
            let row = tx.first("SELECT creator_id FROM contents WHERE id = $1", args![&event.object_id])?;
            let author: Option<Id> = row.map(|row| row.get(0)).transpose()?.flatten();
            listeners.into_iter().filter(|user_id| Some(*user_id) != author).collect()
        }
        Occasion::OwnCategory => {
            let categories = payload.get("category_ids").and_then(Value::as_array);
            let categories: Vec<Id> =
                categories.into_iter().flatten().filter_map(|id| id.as_str()?.parse().ok()).collect();
            let mut theirs = Vec::new();
            for user_id in listeners {
                let rows = tx.query("SELECT category_id FROM user_categories WHERE user_id = $1", args![&user_id])?;
                let held = rows.iter().map(|row| row.get(0)).collect::<Result<Vec<Id>>>()?;
                if held.iter().any(|id| categories.contains(id)) {
                    theirs.push(user_id);
                }
            }
            theirs
        }
        Occasion::Assigned | Occasion::Reactivated => only(id_in(payload, "user_id")),
    })
}

/// What is looked up once for all events of a turn.
#[derive(Default)]
struct Known {
    listeners: HashMap<Occasion, Vec<Id>>,
    callers: HashMap<Id, Option<Caller>>,
}

impl Known {
    fn listeners(&mut self, tx: &mut dyn Tx, occasion: Occasion) -> Result<Vec<Id>> {
        Ok(match self.listeners.entry(occasion) {
            Entry::Occupied(entry) => entry.get().clone(),
            Entry::Vacant(entry) => entry.insert(user_notifications::listeners(tx, occasion)?).clone(),
        })
    }

    /// Whether they could have seen it for themselves.
    fn may_be_told(&mut self, tx: &mut dyn Tx, user_id: Id, happened: &Happened) -> Result<bool> {
        let caller = match self.callers.entry(user_id) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(callers::enabled(tx, user_id)?),
        };
        Ok(caller.as_ref().is_some_and(|caller| {
            let may = happened.occasion != Occasion::Approval || caller.may(Permission::ApproveContent);
            may && caller.may_on(happened.source_id, SourceRight::Read)
        }))
    }
}

impl AgentMails {
    fn tell(&self, tx: &mut dyn Tx, user_id: Id, happened: &Happened) -> Result<()> {
        let Happened { occasion, source_id, thread_id } = happened;
        let about = if *occasion == Occasion::ReadableSource { source_id } else { thread_id };
        let key = format!("{}{} {user_id} {about}", user_notifications::MAIL_KEY, occasion.name());
        if mails::is_waiting(tx, &key)? {
            return Ok(());
        }
        let source = tx.first("SELECT name FROM sources WHERE id = $1", args![source_id])?;
        let Some(source) = source.map(|row| row.get::<String>(0)).transpose()? else { return Ok(()) };
        if mails::waiting_for(tx, user_id)? >= WAITING_MAX {
            return Ok(());
        }
        let locale = users::language(tx, user_id)?;
        let (subject, text) = texts::letter(&locale, *occasion, &source, &self.public_url, *thread_id);
        let mail = NewMail::plain(&key, user_id, &subject, &text, PAUSE_SECONDS);
        if !mails::queue(tx, &self.env, &mail)? {
            tracing::warn!(%user_id, "too many mails wait: one more was not queued");
        }
        Ok(())
    }
}
