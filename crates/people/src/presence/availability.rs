//! Availability: whether somebody is there to answer on a source, as web messaging and bots ask before they offer a
//! person.

use frontdesk_model::{Id, Result, SourceRight, error};
use frontdesk_rest::{Call, Operation};
use frontdesk_store::{Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Agent, agents, matching, repliers, speakers};

/// The greatest queue factor: nobody waits behind eleven others for each agent.
const QUEUE_FACTOR_MAX: f64 = 10.0;
/// Waiting tasks are counted to this number: no desk has so many slots.
const WAITING_MAX: i64 = 10_000;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only agents who have one of these categories; none: any agent.
    pub category_ids: Vec<Id>,
    /// Only agents who speak this language: `fr` and `fr-CH` understand each other.
    pub language: Option<String>,
    /// By how much more than the agents' soft limits may be asked of them: the share of slots that may wait.
    pub queue_factor: f64,
}

/// Who is there.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
pub struct Availability {
    /// Whether fewer than `slots` are taken or wait: a customer who begins now is answered now or soon.
    pub available: bool,
    /// Agents who are available on the source's channel and not full: one of them can be handed a conversation.
    pub agents: i64,
    /// Conversations that the agents who are available take, at their soft limits and with the queue factor.
    pub slots: i64,
    /// Tasks that these agents have, ringing or accepted.
    pub taken: i64,
    /// Tasks of the source's channel that wait for an agent, counted to 10,000: for any of its agents, whatever was asked
    /// for. What a bot is at, and what was put into a special queue, waits for nobody.
    pub waiting: i64,
}

/// Who is there to answer on a source. A source without a channel has nobody.
pub fn availability(tx: &mut dyn Tx, source_id: Id, wanted: &Wanted) -> Result<Availability> {
    let row = tx.first("SELECT channel_id FROM sources WHERE id = $1", args![&source_id])?;
    let Some(channel_id) = row.map(|row| row.get::<Option<Id>>(0)).transpose()?.flatten() else {
        return Ok(count(&[], None, 0, wanted.queue_factor));
    };
    let mut agents = agents(tx, None)?;
    let may_reply = repliers(tx, &[source_id])?;
    agents.retain(|agent| may_reply.contains(&agent.user_id));
    if !wanted.category_ids.is_empty() {
        let skilled = matching(tx, "user_categories", "category_id", &wanted.category_ids)?;
        agents.retain(|agent| skilled.contains(&agent.user_id));
    }
    if let Some(language) = &wanted.language {
        let speakers = speakers(tx, std::slice::from_ref(language))?;
        agents.retain(|agent| speakers.contains(&agent.user_id));
    }
    Ok(count(&agents, Some(channel_id), waiting(tx, channel_id)?, wanted.queue_factor))
}

/// How many wait in a channel. The rows are routing's; the index `tasks_next` answers this alone.
fn waiting(tx: &mut dyn Tx, channel_id: Id) -> Result<i64> {
    let sql = "SELECT count(*) FROM (SELECT 1 FROM tasks
         WHERE channel_id = $1 AND place = 'global' AND state = 'waiting' AND NOT held LIMIT $2) AS counted";
    tx.one(sql, args![&channel_id, WAITING_MAX])?.get(0)
}

/// Slots are agents, times their soft limits, times one and the factor: 4 agents of 2 with 0.25 make 10. There
/// is one left while fewer are taken or waited for.
fn count(agents: &[Agent], channel_id: Option<Id>, waiting: i64, queue_factor: f64) -> Availability {
    let channels = agents.iter().flat_map(|agent| &agent.channels);
    let there = channels.filter(|channel| channel.available && Some(channel.channel_id) == channel_id);
    let (mut agents, mut soft, mut taken) = (0, 0, 0);
    for channel in there {
        agents += i64::from(channel.load < channel.hard);
        soft += channel.soft;
        taken += channel.load;
    }
    // At most 10,000 agents of 1,000 tasks, times eleven: exact but for the factor, as 0.15 is a little less than that. A
    // hair more makes 115 of 100, as on paper.
    let slots = (soft as f64 * (1.0 + queue_factor.clamp(0.0, QUEUE_FACTOR_MAX)) + 1e-6).floor() as i64;
    Availability { available: taken + waiting < slots, agents, slots, taken, waiting }
}

/// Parameters of `getAvailability`.
#[derive(Deserialize, JsonSchema)]
struct Asked {
    /// The source on which somebody would answer.
    source_id: Id,
    /// Only agents who have one of these categories.
    category_ids: Option<Vec<Id>>,
    /// Only agents who speak this language: `fr` and `fr-CH` understand each other.
    language: Option<String>,
    /// The share of slots that may wait beyond the agents' soft limits, 0 to 10; 0 when absent.
    queue_factor: Option<f64>,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::read("getAvailability", Method::GET, "/availability", show)
            .tag("Agent Status")
            .summary("Tells whether somebody is there to answer on a source: ask before you offer a person.")
            .notes("Numbers only, so that it takes no more than the right to read the source.")
            .extension(),
    ]
}

fn show(call: &Call, asked: Asked, tx: &mut dyn Tx) -> Result<Availability> {
    if !call.caller.may_on(asked.source_id, SourceRight::Read) {
        let message = "source_id: there is no such source, or you may not read it.";
        return Err(error::invalid("source_id", "unknown", message));
    }
    let queue_factor = asked.queue_factor.unwrap_or_default();
    if !(0.0..=QUEUE_FACTOR_MAX).contains(&queue_factor) {
        let message = format!("queue_factor must be between 0 and {QUEUE_FACTOR_MAX}.");
        return Err(error::invalid("queue_factor", "out_of_range", message));
    }
    let wanted =
        Wanted { category_ids: asked.category_ids.unwrap_or_default(), language: asked.language, queue_factor };
    availability(tx, asked.source_id, &wanted)
}

#[cfg(test)]
mod tests {
    use super::super::AgentChannel;
    use super::*;

    #[test]
    fn slots_are_agents_times_soft_limits_times_one_and_the_factor() {
        let channel_id = Id::from_parts(1, 1);
        let agent = |load: i64, available: bool| Agent {
            user_id: Id::from_parts(1, 2),
            connected: true,
            idle_since: Default::default(),
            channels: vec![AgentChannel {
                channel_id,
                available,
                load,
                soft: 2,
                hard: 3,
                name: "Live".into(),
                is_on_it: true,
            }],
            custom_status_id: None,
        };
        let busy = [2, 2, 2, 2].map(|load| agent(load, true));
        for (agents, waiting, factor, expected) in [
            // The documentation's own example: two may wait.
            (&busy[..], 0, 0.25, (true, 4, 10, 8)),
            (&busy[..], 1, 0.25, (true, 4, 10, 8)),
            (&busy[..], 2, 0.25, (false, 4, 10, 8)),
            (&busy[..], 0, 0.0, (false, 4, 8, 8)),
            (&busy[..1], 0, 0.25, (false, 1, 2, 2)),
            (&[agent(3, true), agent(0, true)][..], 0, 0.0, (true, 1, 4, 3)),
            (&[agent(3, true), agent(0, true)][..], 1, 0.0, (false, 1, 4, 3)),
            (&[agent(0, false)][..], 0, 1.0, (false, 0, 0, 0)),
            (&[][..], 3, 1.0, (false, 0, 0, 0)),
            (&vec![agent(0, true); 50][..], 114, 0.15, (true, 50, 115, 0)),
        ] {
            let found = count(agents, Some(channel_id), waiting, factor);
            assert_eq!((found.available, found.agents, found.slots, found.taken), expected);
            assert_eq!(found.waiting, waiting);
            assert_eq!(count(agents, None, 0, factor).slots, 0);
        }
    }
}
