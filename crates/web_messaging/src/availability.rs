//! Whether a visitor who is offered a chat now would find somebody (rows 14.19, 14.20).

use frontdesk_conversations::visitors::Place;
use frontdesk_model::{Id, Result, error};
use frontdesk_people::presence;
use frontdesk_store::{Tx, args};
use serde_json::{Map, Value, json};

use crate::{catalogue, settings};

/// Triggers in one question.
const TRIGGERS_MAX: usize = 50;
/// Seconds after which to ask again for what was refused.
const RETRY_SECONDS: i64 = 60;

/// The probability with which to execute each of these triggers.
pub(crate) fn of(tx: &mut dyn Tx, place: &Place, ids: &str) -> Result<Value> {
    let ids: Vec<&str> = ids.split(',').filter(|id| !id.is_empty()).collect();
    if ids.len() > TRIGGERS_MAX {
        let message = format!("trigger_ids has at most {TRIGGERS_MAX} ids.");
        return Err(error::invalid("trigger_ids", "too_long", message));
    }
    let source_id = place.source_id();
    let factor = settings::of(tx, source_id)?.queuing_factor;
    let (capacity, held) = load(tx, source_id)?;
    let mut triggers = Map::new();
    let mut refuses = false;
    for id in ids {
        let Ok(parsed) = id.parse::<Id>() else { continue };
        let Some(own) = catalogue::factor(tx, source_id, parsed)? else { continue };
        let is_free = held < slots(capacity, own.unwrap_or(factor));
        refuses |= !is_free;
        triggers.insert(id.to_owned(), i64::from(is_free).into());
    }
    let mut told = json!({ "triggers": triggers });
    if refuses {
        told["retry_after"] = RETRY_SECONDS.into();
    }
    Ok(told)
}

/// How many conversations there may be, rounded down.
fn slots(capacity: i64, factor: f64) -> i64 {
    // A hair more, so that what is exact on paper is not lost to binary fractions.
    (capacity as f64 * (1.0 + factor) + 1e-9).floor() as i64
}

/// What the agents who are there can hold, and what they hold or what waits for them.
fn load(tx: &mut dyn Tx, source_id: Id) -> Result<(i64, i64)> {
    let row = tx.one("SELECT channel_id FROM sources WHERE id = $1", args![&source_id])?;
    let Some(channel_id) = row.get::<Option<Id>>(0)? else { return Ok((0, 0)) };
    let (mut capacity, mut held) = (0, 0);
    for agent in presence::agents(tx, None)? {
        for channel in agent.channels.iter().filter(|channel| channel.channel_id == channel_id) {
            if channel.available {
                capacity += channel.soft;
            }
            held += channel.load;
        }
    }
    let waiting = tx.one(
        "SELECT count(DISTINCT contents.thread_id) FROM threads JOIN contents ON contents.thread_id = threads.id
         WHERE threads.source_id = $1 AND NOT threads.closed AND contents.status = 'new'",
        args![&source_id],
    )?;
    Ok((capacity, held + waiting.get::<i64>(0)?))
}

#[cfg(test)]
mod tests {
    #[test]
    fn slots_are_those_of_the_public_page() {
        for (agents, soft, factor, expected) in
            [(4, 2, 0.25, 10), (4, 2, 0.0, 8), (0, 2, 1.0, 0), (1, 1, 0.9, 1), (10, 1, 0.1, 11)]
        {
            assert_eq!(super::slots(agents * soft, factor), expected, "{agents} {soft} {factor}");
        }
    }
}
