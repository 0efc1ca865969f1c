//! From the log to tasks: what customers write makes them, what agents do with interventions ends them, and who leaves
//! gives theirs back. A consumer: each event is followed once, also after a kill.
//!
//! A customer waits once in a thread: what they write while a task of theirs is in the queues or in a workbin belongs to
//! it. Nothing of a source that belongs to no channel is routed, and nothing at all while `push_enabled` is off.

use frontdesk_conversations::Conversations;
use frontdesk_conversations::service_levels::{self, Target};
use frontdesk_conversations::work::{self, ContentWork, InterventionWork, SourceWork};
use frontdesk_model::event::id_in;
use frontdesk_model::{Env, Event, Id, Result, Timestamp};
use frontdesk_people::settings;
use frontdesk_store::consumer::Consumer;
use frontdesk_store::{Tx, args};
use serde_json::{Map, Value, json};

use std::sync::Arc;

use super::commands::{hold_seconds, note};
use super::store::{self, SELECT, active, insert, latest, save, task, tell};
use super::trace;
use crate::engine::priority::{Missed, Urgency};
use crate::engine::{Life, Task};
use crate::{agents, channels};

/// Nobody waits any more for an answer to what they wrote so long ago: when a new version meets an old log.
const AGE_SECONDS_MAX: i64 = 24 * 3_600;

/// What is followed.
const KINDS: [&str; 23] = [
    "category.destroyed",
    "content.auto_ignored",
    "content.handed_over",
    "content.ignored",
    "content.imported",
    "content.recategorized",
    "content.replied",
    "content.thread_auto_closed",
    "content.thread_closed",
    "content_thread.destroyed",
    "content_thread.recategorized",
    "intervention.assigned",
    "intervention.canceled",
    "intervention.closed",
    "intervention.deferred",
    "intervention.opened",
    "intervention.reactivated",
    "intervention.reopened",
    "intervention.user_updated",
    "push_agent.disconnected",
    "role.updated",
    "user.destroyed",
    "user.updated",
];

/// The consumer.
pub struct Following {
    env: Env,
}

impl Following {
    /// It starts where it was before.
    pub fn new(app: &Conversations) -> Arc<Following> {
        Arc::new(Following { env: app.env.clone() })
    }
}

impl Consumer for Following {
    fn name(&self) -> &'static str {
        "routing"
    }

    fn wants(&self, kind: &str) -> bool {
        KINDS.binary_search(&kind).is_ok()
    }

    fn is_choosy(&self) -> bool {
        true
    }

    /// Of what happens to conversations, only what happens on sources of channels, or where a task is.
    fn choose(&self, tx: &mut dyn Tx, events: Vec<Event>) -> Result<Vec<Event>> {
        let routed = work::routed_sources(tx)?;
        let oldest = self.env.now().plus_seconds(-AGE_SECONDS_MAX);
        let mut chosen = Vec::new();
        for event in events {
            let is_routed = id_in(&event.told(), "source_id").is_some_and(|id| routed.contains_key(&id));
            let is_for_us = match (event.kind.as_str(), event.thread_id) {
                ("content.imported", _) => is_routed && event.at >= oldest,
                // Tasks end also where none are made any more.
                (_, Some(thread_id)) => is_routed || store::any_in(tx, thread_id)?,
                (_, None) => true,
            };
            if is_for_us {
                chosen.push(event);
            }
        }
        Ok(chosen)
    }

    fn handle(&self, tx: &mut dyn Tx, events: &[Event]) -> Result<()> {
        for event in events {
            self.follow(tx, event)?;
        }
        Ok(())
    }
}

/// Whether a task's customer is somebody's: they have the open intervention.
fn is_theirs(tx: &mut dyn Tx, task: &Task, user_id: Id) -> Result<bool> {
    let found = work::intervention_of(tx, task.thread_id, task.identity_id)?;
    Ok(found.is_some_and(|found| found.closed_at.is_none() && found.user_id == Some(user_id)))
}

/// The customer's task that an event of an intervention is about.
fn of_intervention(tx: &mut dyn Tx, event: &Event, told: &Map<String, Value>) -> Result<Option<Task>> {
    match (event.thread_id, id_in(told, "identity_id")) {
        (Some(thread_id), Some(identity_id)) => active(tx, thread_id, identity_id),
        _ => Ok(None),
    }
}

impl Following {
    fn follow(&self, tx: &mut dyn Tx, event: &Event) -> Result<()> {
        let told = event.told();
        match event.kind.as_str() {
            "category.destroyed" => {
                let heir_id = id_in(&told, "take_over_category_id");
                channels::replace_category(tx, &self.env, event.user_id, event.object_id, heir_id)
            }
            // What a program had is agents' from then on.
            "content.imported" | "content.handed_over" => self.imported(tx, event),
            "content.ignored" | "content.auto_ignored" => self.ignored(tx, event),
            "content.recategorized" => match work::content(tx, event.object_id)? {
                Some(content) => self.recategorised(tx, content.thread_id, event.user_id),
                None => Ok(()),
            },
            "content_thread.recategorized" => self.recategorised(tx, event.object_id, event.user_id),
            "content_thread.destroyed" => self.thread_gone(tx, event),
            "content.thread_auto_closed" | "content.thread_closed" => self.thread_closed(tx, event),
            "content.replied" => self.replied(tx, event),
            "intervention.opened" | "intervention.assigned" | "intervention.user_updated" => {
                self.somebody_has_it(tx, event, &told)
            }
            "intervention.reopened" => match event.user_id {
                // Who opens it again is told of next, as the one who has it.
                Some(_) => Ok(()),
                None => self.waits_again(tx, event, &told, true),
            },
            "intervention.reactivated" => self.waits_again(tx, event, &told, false),
            "intervention.canceled" => self.cancelled(tx, event, &told),
            "intervention.closed" => self.ended(tx, event, &told, "closed"),
            "intervention.deferred" => self.ended(tx, event, &told, "deferred"),
            "push_agent.disconnected" => self.left(tx, event.object_id),
            "user.updated" | "user.destroyed" => self.rights_changed(tx, event.object_id),
            "role.updated" => store::holders(tx)?.into_iter().try_for_each(|user_id| self.rights_changed(tx, user_id)),
            _ => Ok(()),
        }
    }

    /// Writes a changed task with an event.
    fn write(
        &self,
        tx: &mut dyn Tx,
        before: &Task,
        mut task: Task,
        by: Option<Id>,
        kind: &'static str,
        more: Value,
    ) -> Result<()> {
        if save(tx, &self.env, before, &mut task)? {
            tell(tx, &self.env, by, kind, before, &task, more);
        }
        Ok(())
    }

    /// Something changed that only those who follow tasks closely need to know.
    fn write_quietly(&self, tx: &mut dyn Tx, before: &Task, task: Task) -> Result<()> {
        if task == *before {
            return Ok(());
        }
        self.write(tx, before, task, None, "task.updated", json!({}))
    }

    fn imported(&self, tx: &mut dyn Tx, event: &Event) -> Result<()> {
        let Some(content) = work::content(tx, event.object_id)?.filter(ContentWork::waits) else { return Ok(()) };
        let Some(identity_id) = content.identity_id else { return Ok(()) };
        if let Some(before) = active(tx, content.thread_id, identity_id)? {
            let mut task = before.clone();
            if before.state == Life::Undelivered {
                // Another message, another chance.
                task.reopen(content.id, event.at);
                note(tx, &self.env, task.id, "reopened", json!({ "priority": task.priority }))?;
                return self.write(tx, &before, task, None, "task.enqueued", json!({}));
            }
            // They go on: nothing completes by itself under their words, and the agent's turn begins.
            store::promise(tx, &self.env, &before, event.at)?;
            task.completes_at = None;
            return self.write_quietly(tx, &before, task);
        }
        if !settings::load(tx)?.push_enabled {
            return Ok(());
        }
        let Some(source) = work::source(tx, content.source_id)? else { return Ok(()) };
        match work::intervention_of(tx, content.thread_id, identity_id)?.filter(|found| found.closed_at.is_none()) {
            None => self.create(tx, &content, &source, None, event.at, false),
            // Handed over and nobody's.
            Some(found) if found.user_id.is_none() => self.create(tx, &content, &source, Some(&found), event.at, false),
            // Somebody who works without tasks is at it.
            Some(_) => Ok(()),
        }
    }

    fn create(
        &self,
        tx: &mut dyn Tx,
        content: &ContentWork,
        source: &SourceWork,
        intervention: Option<&InterventionWork>,
        since: Timestamp,
        held: bool,
    ) -> Result<()> {
        let Some(identity_id) = content.identity_id else { return Ok(()) };
        let now = self.env.now();
        let before = latest(tx, content.thread_id, identity_id)?;
        let intervention_id = intervention.map(|found| found.id);
        let segment =
            before.as_ref().filter(|task| intervention_id.is_some() && task.intervention_id == intervention_id);
        let last_agent_id = intervention.and_then(|found| found.user_id);
        let last_agent_id = last_agent_id.or(before.as_ref().and_then(|task| task.owner_id));
        let category_ids = work::categories_of(tx, content.thread_id, content.id)?;
        let urgency = urgency(tx, source, &category_ids, intervention.is_some(), since)?;
        let id = self.env.id();
        let mut task = Task {
            content_id: content.id,
            thread_id: content.thread_id,
            identity_id,
            intervention_id,
            held,
            category_ids,
            language: content.language.clone(),
            last_agent_id,
            urgency,
            segment_index: segment.map_or(1, |task| task.segment_index),
            waiting_since: since,
            ..Task::new(id, content.source_id, source.channel_id, now)
        };
        task.update_priority(now);
        insert(tx, &task)?;
        tell(tx, &self.env, None, "task.created", &task, &task, json!({}));
        note(tx, &self.env, id, "created", json!({ "priority": task.priority, "channel_id": task.channel_id }))
    }

    /// The customer waits under their intervention again: they wrote, its time has come, or it was handed over. The task
    /// of a closed one waits anew; after a deferral there is a new one, as documented.
    fn waits_again(&self, tx: &mut dyn Tx, event: &Event, told: &Map<String, Value>, may_reopen: bool) -> Result<()> {
        let (Some(thread_id), Some(identity_id)) = (event.thread_id, id_in(told, "identity_id")) else { return Ok(()) };
        if active(tx, thread_id, identity_id)?.is_some() || !settings::load(tx)?.push_enabled {
            return Ok(());
        }
        let Some(found) = work::intervention(tx, event.object_id)?.filter(|found| found.closed_at.is_none()) else {
            return Ok(());
        };
        let Some(content) = work::latest_content(tx, thread_id, identity_id)? else { return Ok(()) };
        let Some(source) = work::source(tx, content.source_id)? else { return Ok(()) };
        // A program, or somebody who works from folders, goes on with it by themselves.
        let held = match found.user_id {
            Some(user_id) => works_without_tasks(tx, user_id)?,
            None => false,
        };
        let before = latest(tx, thread_id, identity_id)?
            .filter(|task| may_reopen && task.state == Life::Completed && task.intervention_id == Some(found.id));
        let Some(before) = before else {
            return self.create(tx, &content, &source, Some(&found), event.at, held);
        };
        let mut task = before.clone();
        task.category_ids = work::categories_of(tx, thread_id, content.id)?;
        let urgency = urgency(tx, &source, &task.category_ids, true, event.at)?;
        task.urgency = Urgency { transfer: before.urgency.transfer, ..urgency };
        task.channel_id = source.channel_id;
        task.reopen(content.id, event.at);
        task.update_priority(self.env.now());
        task.held = held;
        note(tx, &self.env, task.id, "reopened", json!({ "priority": task.priority }))?;
        self.write(tx, &before, task, None, "task.enqueued", json!({}))
    }

    /// An intervention has become somebody's, or nobody's.
    fn somebody_has_it(&self, tx: &mut dyn Tx, event: &Event, told: &Map<String, Value>) -> Result<()> {
        let Some(before) = of_intervention(tx, event, told)? else {
            return match id_in(told, "user_id") {
                None => self.waits_again(tx, event, told, true),
                Some(_) => Ok(()),
            };
        };
        let mut task = before.clone();
        task.intervention_id = Some(event.object_id);
        match id_in(told, "user_id") {
            // At whom it rings has begun to answer it: they have accepted it, whatever button they pressed.
            Some(user_id) if before.rings_at(user_id) => self.accepted(tx, &before, task, user_id),
            // Whose it is, or was when this happened: they may have given it back meanwhile.
            Some(user_id)
                if before.owner_id == Some(user_id)
                    && (before.state == Life::Accepted || before.was_left_since(user_id, event.at)) =>
            {
                self.write_quietly(tx, &before, task)
            }
            Some(user_id) => {
                task.hold_off(self.env.now());
                note(tx, &self.env, task.id, "held", json!({ "user_id": user_id }))?;
                self.write_quietly(tx, &before, task)
            }
            None => {
                let is_free = !before.held && matches!(before.state, Life::Waiting | Life::Ringing);
                if !is_free {
                    task.give_back(self.env.now());
                    task.restart(self.env.now());
                    task.held = false;
                    note(tx, &self.env, task.id, "handed_over", json!({}))?;
                }
                match is_free {
                    true => self.write_quietly(tx, &before, task),
                    false => self.write(tx, &before, task, None, "task.enqueued", json!({})),
                }
            }
        }
    }

    /// It rang at somebody who went on without the button.
    fn accepted(&self, tx: &mut dyn Tx, before: &Task, mut task: Task, user_id: Id) -> Result<()> {
        let hold = hold_seconds(tx, task.channel_id)?;
        task.give(user_id, self.env.now(), hold);
        note(tx, &self.env, task.id, "accepted", json!({ "agent_id": user_id }))?;
        self.write(tx, before, task, Some(user_id), "task.taken", json!({ "type": "ring" }))
    }

    fn cancelled(&self, tx: &mut dyn Tx, event: &Event, told: &Map<String, Value>) -> Result<()> {
        let Some(before) = of_intervention(tx, event, told)? else { return Ok(()) };
        let mut task = before.clone();
        task.intervention_id = None;
        task.held = false;
        if before.held {
            task.restart(self.env.now());
        }
        self.write_quietly(tx, &before, task)
    }

    /// The case is closed or put off: in a workbin the task is done, elsewhere it is of no use any more.
    fn ended(&self, tx: &mut dyn Tx, event: &Event, told: &Map<String, Value>, action: &str) -> Result<()> {
        let Some(before) = of_intervention(tx, event, told)? else { return Ok(()) };
        // Open again by now, as when its task was resumed at once: the task that there is came after this.
        if action == "closed" && work::intervention(tx, event.object_id)?.is_some_and(|found| found.closed_at.is_none())
        {
            return Ok(());
        }
        let now = self.env.now();
        let mut task = before.clone();
        task.intervention_id = Some(event.object_id);
        let (kind, more) = match task.complete(now) {
            Ok(()) => ("task.completed", json!({ "action": action })),
            Err(_) => {
                task.destroy(now);
                ("task.destroyed", json!({}))
            }
        };
        note(tx, &self.env, task.id, kind.trim_start_matches("task."), json!({ "action": action }))?;
        self.write(tx, &before, task, event.user_id, kind, more)
    }

    /// A content needs no answer: neither does the customer, if nothing else of theirs waits.
    fn ignored(&self, tx: &mut dyn Tx, event: &Event) -> Result<()> {
        let Some(content) = work::content(tx, event.object_id)? else { return Ok(()) };
        let Some(identity_id) = content.identity_id else { return Ok(()) };
        let Some(before) = active(tx, content.thread_id, identity_id)? else { return Ok(()) };
        let waiting = work::latest_content(tx, content.thread_id, identity_id)?.filter(ContentWork::waits);
        let mut task = before.clone();
        match waiting {
            Some(_) if before.content_id != content.id => Ok(()),
            Some(other) => {
                task.content_id = other.id;
                self.write_quietly(tx, &before, task)
            }
            None => {
                task.destroy(self.env.now());
                note(tx, &self.env, task.id, "destroyed", json!({ "action": "ignored" }))?;
                self.write(tx, &before, task, event.user_id, "task.destroyed", json!({}))
            }
        }
    }

    fn thread_gone(&self, tx: &mut dyn Tx, event: &Event) -> Result<()> {
        // Remarks go with their conversation.
        trace::forget(tx, event.object_id)?;
        for before in of_thread(tx, event.object_id)? {
            let mut task = before.clone();
            task.destroy(self.env.now());
            note(tx, &self.env, task.id, "destroyed", json!({ "action": "thread_destroyed" }))?;
            self.write(tx, &before, task, event.user_id, "task.destroyed", json!({}))?;
        }
        Ok(())
    }

    /// Nobody can answer in a closed thread: what is in no workbin is of no use any more. Whoever has it ends it.
    fn thread_closed(&self, tx: &mut dyn Tx, event: &Event) -> Result<()> {
        if !work::is_closed(tx, event.object_id)? {
            return Ok(());
        }
        for before in of_thread(tx, event.object_id)?.into_iter().filter(|task| task.state != Life::Accepted) {
            let mut task = before.clone();
            task.destroy(self.env.now());
            note(tx, &self.env, task.id, "destroyed", json!({ "action": "thread_closed" }))?;
            self.write(tx, &before, task, event.user_id, "task.destroyed", json!({}))?;
        }
        Ok(())
    }

    fn recategorised(&self, tx: &mut dyn Tx, thread_id: Id, by: Option<Id>) -> Result<()> {
        for before in of_thread(tx, thread_id)? {
            let category_ids = work::categories_of(tx, thread_id, before.content_id)?;
            if category_ids == before.category_ids {
                continue;
            }
            let Some(source) = work::source(tx, before.source_id)? else { continue };
            let mut task = before.clone();
            let promise = source.promise(tx, &category_ids, before.waiting_since)?;
            task.urgency.warns_at = promise.map(|promise| promise.warns_at);
            task.urgency.due_at = promise.map(|promise| promise.due_at);
            task.recategorise(category_ids, self.env.now());
            task.update_priority(self.env.now());
            if before.held && self.has_given_it_away(tx, &task, by)? {
                task.held = false;
                note(tx, &self.env, task.id, "handed_over", json!({ "user_id": by }))?;
            }
            note(tx, &self.env, task.id, "recategorized", json!({ "category_ids": task.category_ids }))?;
            // Documented to name no user, whoever did it.
            self.write(tx, &before, task, None, "task.recategorized", json!({}))?;
        }
        Ok(())
    }

    /// Whether a bot has moved its own conversation out of its categories, into people's: the documented way of handing over
    /// without a handover. A bot without categories only sorts.
    fn has_given_it_away(&self, tx: &mut dyn Tx, task: &Task, by: Option<Id>) -> Result<bool> {
        let Some(bot_id) = by else { return Ok(false) };
        if !is_theirs(tx, task, bot_id)? || !works_without_tasks(tx, bot_id)? {
            return Ok(false);
        }
        let rows = tx.query("SELECT category_id FROM user_categories WHERE user_id = $1", args![&bot_id])?;
        let own = rows.iter().map(|row| row.get(0)).collect::<Result<Vec<Id>>>()?;
        Ok(!own.is_empty() && !task.category_ids.is_empty() && !task.category_ids.iter().any(|id| own.contains(id)))
    }

    /// Somebody has answered. If it is in their workbin they are alive, and the customer's turn begins; if it rings at
    /// them they have accepted it; if it waits, though the customer is theirs, nobody else is asked.
    fn replied(&self, tx: &mut dyn Tx, event: &Event) -> Result<()> {
        let (Some(thread_id), Some(user_id)) = (event.thread_id, event.user_id) else { return Ok(()) };
        for before in of_thread(tx, thread_id)? {
            let mut task = before.clone();
            if before.rings_at(user_id) {
                self.accepted(tx, &before, task, user_id)?;
            } else if before.state == Life::Accepted {
                let Some(channel) = channels::find(tx, before.channel_id)?.filter(|_| before.owner_id == Some(user_id))
                else {
                    continue;
                };
                service_levels::end(tx, Target::Agent, before.thread_id, before.identity_id)?;
                let now = self.env.now();
                task.hold(now, channel.task_timeout_seconds);
                task.completes_at = channel.auto_complete_after_seconds.map(|seconds| now.plus_seconds(seconds));
                self.write_quietly(tx, &before, task)?;
            } else if !before.held && !before.was_left_since(user_id, event.at) && is_theirs(tx, &before, user_id)? {
                task.hold_off(self.env.now());
                note(tx, &self.env, task.id, "held", json!({ "user_id": user_id }))?;
                self.write_quietly(tx, &before, task)?;
            }
        }
        Ok(())
    }

    /// An agent has gone: what they had is given back, what rang at them rings at them no more.
    fn left(&self, tx: &mut dyn Tx, user_id: Id) -> Result<()> {
        store::held_by(tx, user_id)?.into_iter().try_for_each(|task| self.take_from(tx, task, user_id))
    }

    /// What an agent has and may not answer any more is given back.
    fn rights_changed(&self, tx: &mut dyn Tx, user_id: Id) -> Result<()> {
        let source_ids = agents::one(tx, user_id)?.map(|agent| agent.source_ids).unwrap_or_default();
        let may_not = |task: &Task| source_ids.binary_search(&task.source_id).is_err();
        let held = store::held_by(tx, user_id)?;
        held.into_iter().filter(may_not).try_for_each(|task| self.take_from(tx, task, user_id))
    }

    fn take_from(&self, tx: &mut dyn Tx, before: Task, user_id: Id) -> Result<()> {
        let mut task = before.clone();
        if before.state == Life::Accepted {
            task.give_back(self.env.now());
            note(tx, &self.env, task.id, "given_back", json!({ "agent_id": user_id }))?;
            let more = json!({ "agent_ids": [user_id] });
            return self.write(tx, &before, task, None, "task.expired_from_workbin", more);
        }
        task.hush(user_id);
        note(tx, &self.env, task.id, "left", json!({ "agent_id": user_id }))?;
        self.write_quietly(tx, &before, task)
    }
}

fn of_thread(tx: &mut dyn Tx, thread_id: Id) -> Result<Vec<Task>> {
    let sql = format!("{SELECT} WHERE thread_id = $1 AND completed_at IS NULL ORDER BY id");
    tx.query(&sql, args![&thread_id])?.iter().map(task).collect()
}

/// Whether an enabled user answers without receiving tasks, as bots do.
fn works_without_tasks(tx: &mut dyn Tx, user_id: Id) -> Result<bool> {
    let is_enabled = tx.first("SELECT 1 FROM users WHERE id = $1 AND enabled", args![&user_id])?.is_some();
    Ok(is_enabled && agents::one(tx, user_id)?.is_none())
}

fn urgency(
    tx: &mut dyn Tx,
    source: &SourceWork,
    category_ids: &[Id],
    has_intervention: bool,
    since: Timestamp,
) -> Result<Urgency> {
    let promise = source.promise(tx, category_ids, since)?;
    Ok(Urgency {
        default: source.default_priority(),
        intervention: if has_intervention { source.intervention_boost() } else { 0 },
        transfer: 0,
        warns_at: promise.map(|promise| promise.warns_at),
        due_at: promise.map(|promise| promise.due_at),
        missed: match source.expired_strategy() {
            "half" => Missed::Half,
            "base" => Missed::Base,
            _ => Missed::Max,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_found_by_halving() {
        assert!(KINDS.is_sorted());
    }
}
