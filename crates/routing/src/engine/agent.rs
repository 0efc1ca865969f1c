//! An agent as the engine sees them, and whether they may have a task.

use frontdesk_model::languages::speaks;
use frontdesk_model::{Id, Timestamp};

use super::plan::Plan;
use super::{Task, Wishes};

/// Everybody who might ever answer, present or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agent {
    /// The user.
    pub id: Id,
    /// Whether they are at work now.
    pub connected: bool,
    /// The sources on which they may reply, in order.
    pub source_ids: Vec<Id>,
    /// Their categories, in order.
    pub category_ids: Vec<Id>,
    /// The teams that they belong to, in order.
    pub team_ids: Vec<Id>,
    /// What they speak.
    pub languages: Vec<String>,
    /// Since when nothing new came to them: among equals the longest idle comes first.
    pub idle_since: Timestamp,
    /// Their places at the channels.
    pub seats: Vec<Seat>,
}

/// An agent at one channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seat {
    /// The channel.
    pub channel_id: Id,
    /// Whether they take tasks of it now.
    pub available: bool,
    /// So many tasks are offered to them without their asking.
    pub soft: i64,
    /// So many they may have at all.
    pub hard: i64,
}

/// Why somebody was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// They may not reply on the task's source.
    NoRight,
    /// The transfer names others.
    NotWished,
    /// They have none of the task's categories.
    Category,
    /// They do not speak its language.
    Language,
    /// They are in none of the step's teams.
    Team,
    /// The step is for others.
    NotNamed,
    /// The step is for who had the customer last.
    NotLast,
    /// They are not at work.
    Disconnected,
    /// They are away.
    Away,
    /// They have as many tasks as are offered to them.
    Busy,
    /// They refused it, or let it ring.
    Asked,
    /// Somebody else had less to do, or had waited longer.
    Later,
}

impl Why {
    /// Its name in traces.
    pub fn as_str(self) -> &'static str {
        match self {
            Why::NoRight => "no_right",
            Why::NotWished => "not_wished",
            Why::Category => "category",
            Why::Language => "language",
            Why::Team => "team",
            Why::NotNamed => "not_named",
            Why::NotLast => "not_last_agent",
            Why::Disconnected => "disconnected",
            Why::Away => "away",
            Why::Busy => "busy",
            Why::Asked => "asked_before",
            Why::Later => "later_in_line",
        }
    }
}

/// What a task asks of an agent: tasks that ask for the same wait in one line.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Demand {
    pub(super) step: usize,
    pub(super) channel_id: Id,
    source_id: Id,
    categories: Vec<Id>,
    language: Option<String>,
    last_agent: Option<Id>,
    wishes: Option<Wishes>,
    /// Who was asked lately, in order.
    asked: Vec<Id>,
}

impl Demand {
    /// What a task in this step asks for.
    pub fn of(task: &Task, plan: &Plan, step: usize, now: Timestamp) -> Demand {
        let wishes = task.wishes.clone();
        let asks = plan.steps.get(step).map(|step| &step.agents);
        // Under a transfer the step waits: only the wishes count.
        let asks = asks.filter(|_| wishes.is_none());
        let mut asked: Vec<Id> = task.asked.iter().filter(|(_, until)| *until > now).map(|(id, _)| *id).collect();
        asked.sort_unstable();
        asked.dedup();
        Demand {
            step,
            channel_id: task.channel_id,
            source_id: task.source_id,
            categories: asks.filter(|asks| asks.category_match).map_or(Vec::new(), |_| task.category_ids.clone()),
            language: asks.filter(|asks| asks.language_match).and_then(|_| task.language.clone()),
            last_agent: asks.filter(|asks| asks.last_agent).and(task.last_agent_id),
            wishes,
            asked,
        }
    }

    /// Why this agent could never have such a task, whatever they do; none when they could.
    pub fn bars(&self, agent: &Agent, plan: &Plan) -> Option<Why> {
        if agent.source_ids.binary_search(&self.source_id).is_err() {
            return Some(Why::NoRight);
        }
        if let Some(wishes) = &self.wishes {
            return (!wishes.admit(agent)).then_some(Why::NotWished);
        }
        let asks = &plan.steps.get(self.step)?.agents;
        if asks.last_agent && self.last_agent != Some(agent.id) {
            return Some(Why::NotLast);
        }
        if !asks.agent_ids.is_empty() && !asks.agent_ids.contains(&agent.id) {
            return Some(Why::NotNamed);
        }
        if !asks.team_ids.is_empty() && !shares(&asks.team_ids, &agent.team_ids) {
            return Some(Why::Team);
        }
        if asks.category_match && !self.categories.is_empty() && !shares(&self.categories, &agent.category_ids) {
            return Some(Why::Category);
        }
        if let Some(wanted) = &self.language
            && !agent.languages.iter().any(|spoken| speaks(spoken, wanted))
        {
            return Some(Why::Language);
        }
        None
    }

    /// Whether this agent was asked lately and did not want it.
    pub fn was_asked(&self, agent_id: Id) -> bool {
        self.asked.binary_search(&agent_id).is_ok()
    }
}

/// Whether an ordered list holds one of these.
pub(crate) fn shares(some: &[Id], ordered: &[Id]) -> bool {
    some.iter().any(|id| ordered.binary_search(id).is_ok())
}

impl Agent {
    /// Their place at a channel.
    pub fn seat(&self, channel_id: Id) -> Option<&Seat> {
        self.seats.iter().find(|seat| seat.channel_id == channel_id)
    }
}
