//! What a turn decides, and why: what is carried out, told, and kept as a task's trace.

use std::collections::{BTreeMap, HashMap};

use frontdesk_model::{Id, Timestamp};

use super::{Agent, Demand, Plan, Task, Why};

/// At most so many of those who were passed over are named with each offer; all are counted.
pub const NAMED_MAX: usize = 10;

/// What became of one task in a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The version of the task that was decided about.
    pub base_version: i64,
    /// The task as it is to be.
    pub task: Task,
    /// What was decided, in order.
    pub decisions: Vec<Decision>,
}

/// One thing that was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It entered a step.
    Entered {
        /// The name of the step.
        step: String,
    },
    /// It is offered.
    Offered {
        /// To these.
        agent_ids: Vec<Id>,
        /// Until then.
        until: Timestamp,
        /// Who was passed over.
        considered: Considered,
    },
    /// Nobody answered in time.
    Missed {
        /// These let it ring.
        agent_ids: Vec<Id>,
    },
    /// Its time in a step is over.
    StepExpired {
        /// The name of the step.
        step: String,
    },
    /// Nobody that there is could answer it in one step after the other.
    NobodyCould {
        /// The names of the steps, and why nobody; of the first one some are named.
        steps: Vec<(String, Considered)>,
    },
    /// The topology has ended.
    Undelivered,
    /// It was taken back from a workbin.
    TakenBack {
        /// Whose.
        agent_id: Id,
    },
    /// Those whom it was transferred to did not take it.
    TransferOver,
    /// Its priority is another.
    Reprioritised {
        /// From this one.
        from: i64,
    },
    /// It was answered, and the customer has been silent for long.
    Completed,
}

/// Who was thought of, and why not they.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Considered {
    /// How many for each reason.
    pub counts: BTreeMap<Why, usize>,
    /// Some of those who are at work and may answer on the source, at most [`NAMED_MAX`].
    pub named: Vec<(Id, Why)>,
}

/// Why each of these agents is not chosen for what a task asks. `load`: how many tasks of its channel they have.
pub fn consider<'a>(
    plan: &Plan,
    demand: &Demand,
    agents: impl Iterator<Item = &'a Agent>,
    load: &dyn Fn(Id) -> i64,
    chosen: &[Id],
) -> Considered {
    let mut considered = Considered::default();
    for agent in agents.filter(|agent| !chosen.contains(&agent.id)) {
        let why = why(plan, demand, agent, load);
        *considered.counts.entry(why).or_default() += 1;
        // Who may not see the source at all is no news.
        if agent.connected && why != Why::NoRight && considered.named.len() < NAMED_MAX {
            considered.named.push((agent.id, why));
        }
    }
    considered
}

fn why(plan: &Plan, demand: &Demand, agent: &Agent, load: &dyn Fn(Id) -> i64) -> Why {
    if let Some(why) = demand.bars(agent, plan) {
        return why;
    }
    if !agent.connected {
        return Why::Disconnected;
    }
    let Some(seat) = agent.seat(demand.channel_id).filter(|seat| seat.available) else { return Why::Away };
    if demand.was_asked(agent.id) {
        return Why::Asked;
    }
    if load(agent.id) >= seat.soft { Why::Busy } else { Why::Later }
}

/// Adds a decision to those about a task. Steps that it passes over at once are one.
pub(super) fn note(decisions: &mut Vec<Decision>, decision: Decision) {
    let goes_on = matches!(decisions[..], [.., Decision::NobodyCould { .. }, Decision::Entered { .. }]);
    match decision {
        Decision::NobodyCould { steps } if goes_on => {
            decisions.pop();
            if let Some(Decision::NobodyCould { steps: before }) = decisions.last_mut() {
                before.extend(
                    steps.into_iter().map(|(step, considered)| (step, Considered { named: Vec::new(), ..considered })),
                );
            }
        }
        decision => decisions.push(decision),
    }
}

/// What a turn has decided so far.
#[derive(Default)]
pub(super) struct Turn {
    pub(super) outcomes: Vec<Outcome>,
    /// By task: which of them is its.
    pub(super) places: HashMap<Id, usize>,
}
