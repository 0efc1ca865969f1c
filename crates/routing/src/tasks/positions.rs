//! Where waiting customers stand in their queue, and about how long they still wait: asked for a task, and told
//! to the channels that want to know and to visitors in Live Chats.
//!
//! The tasks of one channel compete for the same agents' room, so a task's position is its place among those that wait
//! there, 1 being next. How long it takes follows from what was finished lately: see [`estimate`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use frontdesk_conversations::Conversations;
use frontdesk_conversations::queue_updates::{self, Ear};
use frontdesk_model::{Id, Result, Timestamp};
use frontdesk_people::presence;
use frontdesk_store::{Tx, args, lease};
use futures_util::StreamExt;
use futures_util::stream;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::watch;

use super::store::WAITS;
use crate::engine::{Life, Task};

/// What was finished in so many seconds before tells how fast it goes.
const WINDOW_SECONDS: i64 = 15 * 60;
/// How long a conversation takes where none was finished in that time, in seconds.
const HANDLING_SECONDS: i64 = 300;
/// Estimates are rounded up to whole multiples of this: nobody knows it better.
const ROUNDED_SECONDS: i64 = 10;
/// Nobody is told of a longer wait, in seconds.
const WAIT_SECONDS_MAX: i64 = 4 * 3_600;
/// Positions are counted up to this; behind it all are told this one.
const POSITION_MAX: i64 = 10_000;
/// How often it is looked at who is to be told.
const PERIOD: Duration = Duration::from_secs(5);
/// Visitors are told again what has not changed, after so long.
const REPEAT_SECONDS: i64 = 10;
/// Which node tells channels.
const LEASE: &str = "queue updates";
/// So long another waits for the one that did.
const LEASE_SECONDS: i64 = 20;
/// Of each channel so many customers, the first ones, are told where they stand.
const TOLD_MAX: i64 = 500;
/// At most so many are told at once.
const TELLING_MAX: usize = 16;

/// Where a task stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "TaskPosition")]
pub(super) struct Position {
    id: Id,
    /// Its place among the tasks that wait on its channel, 1 being next, at most 10,000; null when it does not wait.
    position: Option<i64>,
    /// How many wait there, at most 10,000.
    waiting: i64,
    /// About how many seconds until somebody is asked to take it, rounded up to tens; null when nobody is there, or it
    /// does not wait.
    estimated_wait_time: Option<i64>,
    /// How many tasks the agents who are available there take.
    slots: i64,
    /// How many of these are free.
    free: i64,
}

/// What there is to take the tasks of a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Room {
    slots: i64,
    free: i64,
    /// Tasks that were completed lately.
    completed: i64,
}

/// About how many seconds the task at a position still waits. Those for whom a slot is free wait no time. The others wait
/// until as many tasks are finished as stand before them and have no free slot: at the pace of the last
/// [`WINDOW_SECONDS`], or, if nothing was finished then, as if each slot took [`HANDLING_SECONDS`] for one. None: there
/// are no slots.
fn estimate(position: i64, room: Room) -> Option<i64> {
    let Room { slots, free, completed } = room;
    if slots <= 0 {
        return None;
    }
    let before = (position - free.max(0)).max(0);
    // Of so many parts, each so long.
    let (parts, each) = if completed == 0 { (slots, HANDLING_SECONDS) } else { (completed, WINDOW_SECONDS) };
    let seconds = before.saturating_mul(each).saturating_add(parts - 1) / parts;
    let rounded = seconds.saturating_add(ROUNDED_SECONDS - 1) / ROUNDED_SECONDS * ROUNDED_SECONDS;
    Some(rounded.min(WAIT_SECONDS_MAX))
}

/// Where a task stands now.
pub(super) fn of(tx: &mut dyn Tx, task: &Task, now: Timestamp) -> Result<Position> {
    let agents = presence::agents(tx, None)?;
    let room = room(tx, &agents, task.channel_id, now)?;
    let waiting =
        count(tx, &format!("SELECT 1 FROM tasks WHERE {WAITS} LIMIT $2"), args![&task.channel_id, POSITION_MAX])?;
    let position = match task.state {
        // Somebody is being asked already.
        Life::Ringing => Some(0),
        Life::Waiting if task.is_on_offer() => {
            let sql = format!(
                "SELECT 1 FROM tasks WHERE {WAITS} AND (priority > $3 OR priority = $3 AND (waiting_since < $4
                   OR waiting_since = $4 AND id < $5)) LIMIT $2"
            );
            let values = args![&task.channel_id, POSITION_MAX - 1, task.priority, task.waiting_since, &task.id];
            Some(count(tx, &sql, values)? + 1)
        }
        _ => None,
    };
    Ok(Position {
        id: task.id,
        // What rings is next, whatever else waits.
        position: position.map(|position| position.max(1)),
        waiting,
        estimated_wait_time: position.and_then(|position| estimate(position, room)),
        slots: room.slots,
        free: room.free,
    })
}

fn count(tx: &mut dyn Tx, select: &str, values: &[frontdesk_store::Arg]) -> Result<i64> {
    tx.one(&format!("SELECT count(*) FROM ({select}) AS found"), values)?.get(0)
}

fn room(tx: &mut dyn Tx, agents: &[presence::Agent], channel_id: Id, now: Timestamp) -> Result<Room> {
    let mut room = Room::default();
    for agent in agents {
        for seat in agent.channels.iter().filter(|seat| seat.channel_id == channel_id && seat.available) {
            room.slots += seat.soft;
            room.free += (seat.soft - seat.load).max(0);
        }
    }
    let sql = "SELECT 1 FROM tasks WHERE channel_id = $1 AND completed_at >= $3 AND state = 'completed' LIMIT $2";
    room.completed = count(tx, sql, args![&channel_id, POSITION_MAX, now.plus_seconds(-WINDOW_SECONDS)])?;
    Ok(room)
}

/// What a customer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    position: u32,
    wait_seconds: u32,
    ear: Ear,
}

/// What was told of a thread, and when.
type Told = HashMap<Id, (Place, Timestamp)>;

/// Tells who wants to know where customers stand, until `stop` changes. Hints: nothing of them is stored or logged, and
/// only what has changed is told. Channels are told by one node at a time, visitors by each, as they listen on any.
pub async fn run(app: Arc<Conversations>, mut stop: watch::Receiver<bool>) {
    let mut told = Told::new();
    while !*stop.borrow() {
        if let Err(trouble) = tell(&app, &mut told).await {
            tracing::debug!(?trouble, "customers were not told where they stand");
        }
        tokio::select! {
            _ = stop.changed() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

async fn tell(app: &Arc<Conversations>, told: &mut Told) -> Result<()> {
    let (reading, now) = (app.clone(), app.env.now());
    let visitors: Vec<Id> =
        told.iter().filter(|(_, (place, _))| place.ear == Ear::Visitor).map(|(id, _)| *id).collect();
    let (places, gone) = app
        .store
        .read(move |tx| {
            let places = places(tx, &reading, now)?;
            let gone = gone(tx, &visitors, &places)?;
            Ok((places, gone))
        })
        .await?;
    let is_due = |thread_id: &Id, place: &Place| match (told.get(thread_id), place.ear) {
        (None, _) => true,
        // Who has just opened a window hears it then.
        (Some((_, at)), Ear::Visitor) if now.seconds_since(*at) >= REPEAT_SECONDS => true,
        (Some((before, _)), _) => before != place,
    };
    let mut due: Vec<(Id, Place)> =
        places.iter().filter(|(id, place)| is_due(id, place)).map(|(id, place)| (*id, *place)).collect();
    // Who waits no more is forgotten: what is kept is what is waiting.
    told.retain(|thread_id, (place, _)| {
        let rings = place.ear == Ear::Visitor && !gone.contains(thread_id);
        places.contains_key(thread_id) || rings
    });
    for thread_id in gone {
        queue_updates::visitor_update(app, thread_id, None).await?;
    }
    if due.iter().any(|(_, place)| place.ear == Ear::Channel) {
        let node = app.node_id;
        if !app.store.write(move |tx| lease::take(tx, LEASE, node, now, LEASE_SECONDS)).await? {
            due.retain(|(_, place)| place.ear == Ear::Visitor);
        }
    }
    let telling = due.into_iter().map(|(thread_id, place)| async move {
        let Place { position, wait_seconds, ear } = place;
        // What was left out is tried again next time.
        let is_told = match ear {
            Ear::Visitor => {
                queue_updates::visitor_update(app, thread_id, Some((position, wait_seconds))).await.map(|_| true)
            }
            Ear::Channel => {
                let outcome = queue_updates::queue_update(app, thread_id, position, wait_seconds).await;
                outcome.map(|outcome| outcome != queue_updates::QueueUpdate::LeftOut)
            }
        };
        (thread_id, place, is_told)
    });
    let mut outcomes = stream::iter(telling).buffer_unordered(TELLING_MAX);
    while let Some((thread_id, place, is_told)) = outcomes.next().await {
        if is_told? {
            told.insert(thread_id, (place, now));
        }
    }
    Ok(())
}

/// Where the first customers of each channel stand, by thread, where somebody is told.
fn places(tx: &mut dyn Tx, app: &Conversations, now: Timestamp) -> Result<HashMap<Id, Place>> {
    let mut places = HashMap::new();
    let wanting = queue_updates::wanting(app, tx)?;
    let mut channel_ids: Vec<Id> = wanting.values().map(|(channel_id, _)| *channel_id).collect();
    channel_ids.sort_unstable();
    channel_ids.dedup();
    if channel_ids.is_empty() {
        return Ok(places);
    }
    let agents = presence::agents(tx, None)?;
    for channel_id in channel_ids {
        let room = room(tx, &agents, channel_id, now)?;
        let sql = format!(
            "SELECT thread_id, source_id FROM tasks WHERE {WAITS} ORDER BY priority DESC, waiting_since, id LIMIT $2"
        );
        for (row, position) in tx.query(&sql, args![&channel_id, TOLD_MAX])?.iter().zip(1_i64..) {
            let (thread_id, source_id): (Id, Id) = (row.get(0)?, row.get(1)?);
            let (Some(seconds), Some((_, ear))) = (estimate(position, room), wanting.get(&source_id)) else { continue };
            let [position, wait_seconds] = [position, seconds].map(|number| u32::try_from(number).unwrap_or(u32::MAX));
            places.entry(thread_id).or_insert(Place { position, wait_seconds, ear: *ear });
        }
    }
    Ok(places)
}

/// Those of these threads in whose queue nobody waits any more: what rings may come back.
fn gone(tx: &mut dyn Tx, thread_ids: &[Id], places: &HashMap<Id, Place>) -> Result<Vec<Id>> {
    let mut gone = Vec::new();
    for thread_id in thread_ids.iter().filter(|id| !places.contains_key(id)) {
        let sql = "SELECT 1 FROM tasks WHERE thread_id = $1 AND completed_at IS NULL AND place = 'global' AND NOT held
                   LIMIT 1";
        if tx.first(sql, args![thread_id])?.is_none() {
            gone.push(*thread_id);
        }
    }
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_estimate() {
        for (position, slots, free, completed, expected) in [
            // Nobody is there.
            (1, 0, 0, 0, None),
            (1, 0, 0, 100, None),
            // There is room.
            (1, 3, 1, 0, Some(0)),
            (3, 3, 3, 9, Some(0)),
            // Nothing was finished lately: 300 s for each, by so many slots.
            (1, 3, 0, 0, Some(100)),
            (2, 3, 1, 0, Some(100)),
            (4, 7, 0, 0, Some(180)),
            // Thirty in a quarter of an hour: one every 30 s.
            (1, 3, 0, 30, Some(30)),
            (5, 3, 2, 30, Some(90)),
            // Rounded up to tens.
            (1, 3, 0, 1_000, Some(10)),
            (1, 3, -2, 30, Some(30)),
            (10_000, 1, 0, 0, Some(WAIT_SECONDS_MAX)),
            (i64::MAX, 1, 0, 1, Some(WAIT_SECONDS_MAX)),
        ] {
            let room = Room { slots, free, completed };
            assert_eq!(estimate(position, room), expected, "{position} {room:?}");
        }
    }
}
