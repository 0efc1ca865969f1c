//! Whether a visitor who is offered a chat now would find somebody: counted as for everybody who asks,
//! with the queuing factor of the trigger. A source that is in no channel has nobody.

use frontdesk_conversations::visitors::Place;
use frontdesk_model::{Id, Result, error};
use frontdesk_people::presence::{self, Wanted};
use frontdesk_store::Tx;
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
    // Most triggers have the factor of the source: each factor is counted once.
    let mut counted: Vec<(f64, bool)> = Vec::new();
    let mut triggers = Map::new();
    let mut refuses = false;
    for id in ids {
        let Ok(parsed) = id.parse::<Id>() else { continue };
        let Some(own) = catalogue::factor(tx, source_id, parsed)? else { continue };
        let queue_factor = own.unwrap_or(factor);
        let known = counted.iter().find(|(other, _)| other.to_bits() == queue_factor.to_bits());
        let is_free = match known {
            Some((_, is_free)) => *is_free,
            None => {
                let wanted = Wanted { queue_factor, ..Wanted::default() };
                let is_free = presence::availability(tx, source_id, &wanted)?.available;
                counted.push((queue_factor, is_free));
                is_free
            }
        };
        refuses |= !is_free;
        triggers.insert(id.to_owned(), i64::from(is_free).into());
    }
    let mut told = json!({ "triggers": triggers });
    if refuses {
        told["retry_after"] = RETRY_SECONDS.into();
    }
    Ok(told)
}
