//! A task and its life: who may do what with it when. Pure: the commands load a row, let it change here and write it back,
//! and so do the engine's turns, the tests over random histories, and rehearsals.

use frontdesk_model::languages::speaks;
use frontdesk_model::{Id, Timestamp};
use serde::{Deserialize, Serialize};

use super::agent::{Agent, shares};
use super::priority::Urgency;

/// Who refused a task, or let it ring, is not asked again for so long, in seconds.
pub const ASKED_SECONDS: i64 = 60;
/// At most so many who were asked are remembered; the oldest are forgotten first.
pub const ASKED_MAX: usize = 50;
/// After a transfer, a task waits so long for those whom it is for, in seconds; then it is anybody's again.
pub const TRANSFER_SECONDS: i64 = 300;
/// At most so many agents hear one task at once.
pub const RINGING_MAX: usize = 100;

/// Where a task is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// In a queue.
    Waiting,
    /// Offered to agents, who have not answered yet.
    Ringing,
    /// In somebody's workbin.
    Accepted,
    /// In the undelivered queue: nobody could or would.
    Undelivered,
    /// Done, by closing or deferring.
    Completed,
    /// Of no use any more.
    Destroyed,
}

impl State {
    /// As the store keeps it.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Ringing => "ringing",
            State::Accepted => "accepted",
            State::Undelivered => "undelivered",
            State::Completed => "completed",
            State::Destroyed => "destroyed",
        }
    }

    /// From what the store keeps.
    pub fn parse(text: &str) -> Option<State> {
        [State::Waiting, State::Ringing, State::Accepted, State::Undelivered, State::Completed, State::Destroyed]
            .into_iter()
            .find(|state| state.as_str() == text)
    }

    /// Whether it is over: in the history.
    pub fn is_over(self) -> bool {
        matches!(self, State::Completed | State::Destroyed)
    }
}

/// Whom a transfer is for: all of it must be true of an agent, of each list any one. What is empty asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Wishes {
    /// These users.
    pub agent_ids: Vec<Id>,
    /// Members of one of these teams.
    pub team_ids: Vec<Id>,
    /// Users with one of these categories.
    pub category_ids: Vec<Id>,
    /// Users who speak this.
    pub language: Option<String>,
}

impl Wishes {
    /// Whether it asks for anything.
    pub fn is_empty(&self) -> bool {
        *self == Wishes::default()
    }

    pub(super) fn admit(&self, agent: &Agent) -> bool {
        (self.agent_ids.is_empty() || self.agent_ids.contains(&agent.id))
            && (self.team_ids.is_empty() || shares(&self.team_ids, &agent.team_ids))
            && (self.category_ids.is_empty() || shares(&self.category_ids, &agent.category_ids))
            && self.language.as_ref().is_none_or(|wanted| agent.languages.iter().any(|own| speaks(own, wanted)))
    }
}

/// A task: one customer's waiting content, on its way to one agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its id.
    pub id: Id,
    /// The content that waits.
    pub content_id: Id,
    /// Its thread.
    pub thread_id: Id,
    /// Its source.
    pub source_id: Id,
    /// The channel of that source.
    pub channel_id: Id,
    /// The customer.
    pub identity_id: Id,
    /// Their intervention, if there is one.
    pub intervention_id: Option<Id>,
    /// Where it is in its life.
    pub state: State,
    /// The special queue that it waits in.
    pub queue: Option<String>,
    /// Somebody outside of the queues is at it: it is offered to nobody meanwhile.
    pub held: bool,
    /// The step of the topology by its name; none before the first.
    pub step: Option<String>,
    /// Since when it is in that step.
    pub step_entered_at: Timestamp,
    /// At whom it rings.
    pub agent_ids: Vec<Id>,
    /// In whose workbin it is, or was last.
    pub owner_id: Option<Id>,
    /// Its categories, in order of their ids.
    pub category_ids: Vec<Id>,
    /// The customer's language, if it is known.
    pub language: Option<String>,
    /// Who had this customer before.
    pub last_agent_id: Option<Id>,
    /// Whom it was transferred to, until when.
    pub wishes: Option<Wishes>,
    /// Until when the wishes hold.
    pub wishes_until: Option<Timestamp>,
    /// Who was asked and did not want it, and until when they are not asked again.
    pub asked: Vec<(Id, Timestamp)>,
    /// What its priority is made of.
    pub urgency: Urgency,
    /// Its priority.
    pub priority: i64,
    /// Which piece of the conversation it is, from 1.
    pub segment_index: i64,
    /// Since when the customer waits: its age in queues.
    pub waiting_since: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When somebody accepted it last.
    pub accepted_at: Option<Timestamp>,
    /// When it was done.
    pub completed_at: Option<Timestamp>,
    /// When the ringing ends, or it is taken back from the workbin.
    pub expires_at: Option<Timestamp>,
    /// Since when it rings.
    pub locked_at: Option<Timestamp>,
    /// When it was last transferred.
    pub transferred_at: Option<Timestamp>,
    /// When it completes by itself, unless the customer writes.
    pub completes_at: Option<Timestamp>,
    /// Grows with every change: who read an older one may not write.
    pub version: i64,
}

/// Why a task does not do what somebody asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is not offered to them, or no longer.
    NotOffered,
    /// It is in somebody else's workbin, or in none.
    NotTheirs,
    /// It is over.
    Over,
    /// It is not over.
    NotOver,
    /// It is in nobody's workbin.
    InNoWorkbin,
}

impl Task {
    /// One that has just come up and waits.
    pub fn new(id: Id, source_id: Id, channel_id: Id, now: Timestamp) -> Task {
        Task {
            id,
            content_id: Id::default(),
            thread_id: Id::default(),
            source_id,
            channel_id,
            identity_id: Id::default(),
            intervention_id: None,
            state: State::Waiting,
            queue: None,
            held: false,
            step: None,
            step_entered_at: now,
            agent_ids: Vec::new(),
            owner_id: None,
            category_ids: Vec::new(),
            language: None,
            last_agent_id: None,
            wishes: None,
            wishes_until: None,
            asked: Vec::new(),
            urgency: Urgency::default(),
            priority: 0,
            segment_index: 1,
            waiting_since: now,
            created_at: now,
            updated_at: now,
            accepted_at: None,
            completed_at: None,
            expires_at: None,
            locked_at: None,
            transferred_at: None,
            completes_at: None,
            version: 0,
        }
    }

    /// Whether the engine may offer it.
    pub fn is_on_offer(&self) -> bool {
        self.state == State::Waiting && self.queue.is_none() && !self.held
    }

    /// Whether it rings at somebody.
    pub fn rings_at(&self, agent_id: Id) -> bool {
        self.state == State::Ringing && self.agent_ids.contains(&agent_id)
    }

    /// Whether somebody has given it back or handed it on since: what they did before that says nothing of now.
    pub fn was_left_since(&self, agent_id: Id, at: Timestamp) -> bool {
        let gave_back = |(id, until): &(Id, Timestamp)| *id == agent_id && until.plus_seconds(-ASKED_SECONDS) >= at;
        self.asked.iter().any(gave_back) || self.transferred_at.is_some_and(|moved_at| moved_at >= at)
    }

    /// Who has it on their hands: it counts for their limits.
    pub fn holders(&self) -> Vec<Id> {
        match self.state {
            State::Ringing => self.agent_ids.clone(),
            State::Accepted => self.owner_id.into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// The name of the queue that it is in, as the wire has it.
    pub fn queue_name(&self) -> String {
        match (self.state, &self.queue, self.owner_id) {
            (State::Waiting, Some(name), _) => name.clone(),
            (State::Waiting | State::Ringing, _, _) => "global".into(),
            (State::Accepted, _, Some(owner_id)) => format!("workbin_{owner_id}"),
            (State::Accepted, _, None) => "workbins".into(),
            (State::Undelivered, _, _) => "undelivered".into(),
            (State::Completed | State::Destroyed, _, _) => "history".into(),
        }
    }

    /// Rings at agents until then.
    pub fn offer(&mut self, agent_ids: Vec<Id>, until: Timestamp, now: Timestamp) {
        self.state = State::Ringing;
        self.agent_ids = agent_ids;
        self.expires_at = Some(until);
        self.locked_at = Some(now);
    }

    /// Somebody takes what rings at them.
    pub fn accept(&mut self, agent_id: Id, now: Timestamp, hold_seconds: Option<i64>) -> Result<(), Refusal> {
        if self.state.is_over() {
            return Err(Refusal::Over);
        }
        if !self.rings_at(agent_id) {
            return Err(Refusal::NotOffered);
        }
        self.give(agent_id, now, hold_seconds);
        Ok(())
    }

    /// Puts it into a workbin, wherever it is now.
    pub fn give(&mut self, agent_id: Id, now: Timestamp, hold_seconds: Option<i64>) {
        if self.owner_id.is_some_and(|owner_id| owner_id != agent_id) {
            self.segment_index += 1;
        }
        self.state = State::Accepted;
        self.queue = None;
        self.held = false;
        self.agent_ids = Vec::new();
        self.owner_id = Some(agent_id);
        self.last_agent_id = Some(agent_id);
        self.wishes = None;
        self.wishes_until = None;
        self.asked = Vec::new();
        self.accepted_at = Some(now);
        self.completed_at = None;
        self.locked_at = None;
        self.hold(now, hold_seconds);
    }

    /// The owner has given a sign of life: the time after which it is taken back begins anew.
    pub fn hold(&mut self, now: Timestamp, hold_seconds: Option<i64>) {
        self.expires_at = hold_seconds.map(|seconds| now.plus_seconds(seconds));
    }

    /// Somebody does not want what rings at them. Rings on at the others, if there are any.
    pub fn refuse(&mut self, agent_id: Id, now: Timestamp) -> Result<(), Refusal> {
        if !self.rings_at(agent_id) {
            return Err(if self.state.is_over() { Refusal::Over } else { Refusal::NotOffered });
        }
        self.note_asked(agent_id, now);
        self.hush(agent_id);
        Ok(())
    }

    /// Stops ringing at somebody, such as one who left.
    pub fn hush(&mut self, agent_id: Id) {
        if self.state != State::Ringing {
            return;
        }
        self.agent_ids.retain(|id| *id != agent_id);
        if self.agent_ids.is_empty() {
            self.wait();
        }
    }

    /// Nobody answered in time.
    pub fn miss(&mut self, now: Timestamp) -> Vec<Id> {
        let missed = std::mem::take(&mut self.agent_ids);
        for agent_id in &missed {
            self.note_asked(*agent_id, now);
        }
        self.wait();
        missed
    }

    fn note_asked(&mut self, agent_id: Id, now: Timestamp) {
        self.asked.retain(|(id, until)| *id != agent_id && *until > now);
        self.asked.push((agent_id, now.plus_seconds(ASKED_SECONDS)));
        let excess = self.asked.len().saturating_sub(ASKED_MAX);
        self.asked.drain(..excess);
    }

    fn wait(&mut self) {
        self.state = State::Waiting;
        self.agent_ids = Vec::new();
        self.expires_at = None;
        self.locked_at = None;
        self.completes_at = None;
    }

    /// Back into the queue, where it has the place of its age. From a workbin: the step begins anew.
    pub fn give_back(&mut self, now: Timestamp) {
        if self.state == State::Accepted {
            self.restart(now);
        }
        self.wait();
    }

    /// Its owner gives it back, and is not asked again for a while.
    pub fn release(&mut self, agent_id: Id, now: Timestamp) -> Result<(), Refusal> {
        if self.state.is_over() {
            return Err(Refusal::Over);
        }
        if self.state != State::Accepted || self.owner_id != Some(agent_id) {
            return Err(Refusal::NotTheirs);
        }
        self.give_back(now);
        self.note_asked(agent_id, now);
        Ok(())
    }

    /// Begins the topology anew.
    pub fn restart(&mut self, now: Timestamp) {
        self.step = None;
        self.step_entered_at = now;
    }

    /// Into a step.
    pub fn enter(&mut self, step: &str, now: Timestamp) {
        self.wait();
        self.step = Some(step.to_owned());
        self.step_entered_at = now;
    }

    /// The topology has ended, or somebody moved it there.
    pub fn undeliver(&mut self) {
        self.wait();
        self.state = State::Undelivered;
        self.queue = None;
        self.wishes = None;
        self.wishes_until = None;
    }

    /// Into a special queue.
    pub fn set_aside(&mut self, queue: &str, now: Timestamp) {
        self.wait();
        self.restart(now);
        self.queue = Some(queue.to_owned());
        self.wishes = None;
        self.wishes_until = None;
    }

    /// Out of a special queue that there is no more.
    pub fn leave_queue(&mut self, now: Timestamp) {
        self.queue = None;
        self.restart(now);
    }

    /// What began in the future began by a clock that was wrong, and would end as much too late: it ends as long after
    /// now as it was to last.
    pub fn forget_future(&mut self, now: Timestamp) {
        let began = match self.state {
            State::Ringing => self.locked_at,
            State::Accepted => self.accepted_at,
            _ => None,
        };
        let ahead = began.map_or(0, |began| began.seconds_since(now));
        if ahead > 0 {
            self.expires_at = self.expires_at.map(|at| at.plus_seconds(-ahead));
            self.completes_at = self.completes_at.map(|at| at.plus_seconds(-ahead));
        }
        self.step_entered_at = self.step_entered_at.min(now);
        self.wishes_until = self.wishes_until.map(|at| at.min(now.plus_seconds(TRANSFER_SECONDS)));
        for (_, until) in &mut self.asked {
            *until = (*until).min(now.plus_seconds(ASKED_SECONDS));
        }
    }

    /// On to somebody else, who fits the wishes; anybody, if there are none.
    pub fn transfer(&mut self, wishes: Wishes, boost: i64, now: Timestamp) -> Result<(), Refusal> {
        if self.state.is_over() {
            return Err(Refusal::Over);
        }
        self.wait();
        self.restart(now);
        self.queue = None;
        self.held = false;
        self.asked = Vec::new();
        self.wishes_until = (!wishes.is_empty()).then(|| now.plus_seconds(TRANSFER_SECONDS));
        self.wishes = Some(wishes).filter(|wishes| !wishes.is_empty());
        self.mark_transferred(boost, now);
        Ok(())
    }

    /// It was transferred, by whichever way.
    pub fn mark_transferred(&mut self, boost: i64, now: Timestamp) {
        self.transferred_at = Some(now);
        self.urgency.transfer = boost;
        self.update_priority(now);
    }

    /// Those whom it was for did not take it.
    pub fn forget_wishes(&mut self, now: Timestamp) {
        self.wait();
        self.restart(now);
        self.asked = Vec::new();
        self.wishes = None;
        self.wishes_until = None;
    }

    /// Other categories: it is routed anew, unless somebody has it already. One that nobody took has another chance.
    pub fn recategorise(&mut self, mut category_ids: Vec<Id>, now: Timestamp) {
        category_ids.sort_unstable();
        category_ids.dedup();
        self.category_ids = category_ids;
        if matches!(self.state, State::Waiting | State::Ringing | State::Undelivered) {
            self.wait();
            self.restart(now);
            self.asked = Vec::new();
        }
    }

    /// Somebody outside of the queues is at it.
    pub fn hold_off(&mut self, now: Timestamp) {
        if !self.state.is_over() {
            self.give_back(now);
            self.held = true;
            self.wishes = None;
            self.wishes_until = None;
        }
    }

    /// It waits again for whoever fits, since now: the customer wrote, or it was handed over.
    pub fn reopen(&mut self, content_id: Id, now: Timestamp) {
        self.wait();
        self.restart(now);
        self.content_id = content_id;
        self.queue = None;
        self.held = false;
        self.asked = Vec::new();
        self.wishes = None;
        self.wishes_until = None;
        self.completed_at = None;
        self.waiting_since = now;
        self.update_priority(now);
    }

    /// Done.
    pub fn complete(&mut self, now: Timestamp) -> Result<(), Refusal> {
        match self.state {
            State::Completed | State::Destroyed => return Err(Refusal::Over),
            State::Accepted => {}
            _ => return Err(Refusal::InNoWorkbin),
        }
        self.wait();
        self.state = State::Completed;
        self.completed_at = Some(now);
        self.segment_index += 1;
        Ok(())
    }

    /// Of no use any more.
    pub fn destroy(&mut self, now: Timestamp) {
        self.wait();
        self.state = State::Destroyed;
        self.queue = None;
        self.held = false;
        self.wishes = None;
        self.wishes_until = None;
        self.completed_at = Some(now);
    }

    /// Out of the history, into a workbin.
    pub fn resume(&mut self, agent_id: Id, now: Timestamp, hold_seconds: Option<i64>) -> Result<(), Refusal> {
        if self.state != State::Completed {
            return Err(if self.state == State::Destroyed { Refusal::Over } else { Refusal::NotOver });
        }
        self.give(agent_id, now, hold_seconds);
        Ok(())
    }

    /// Brings the priority up to date; whether that changed it.
    pub fn update_priority(&mut self, now: Timestamp) -> bool {
        let before = self.priority;
        self.priority = self.urgency.priority(now);
        self.priority != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_before_a_task_was_given_away_is_told_from_what_came_after() {
        let (id, at) = (|number| Id::from_parts(1, number), |seconds: i64| Timestamp::from_micros(seconds * 1_000_000));
        let (ada, bo) = (id(1), id(2));
        let mut task = Task::new(id(3), id(4), id(5), at(0));
        task.give(ada, at(10), None);
        assert!(!task.was_left_since(ada, at(20)), "it is hers");
        task.release(ada, at(30)).unwrap();
        let left = |task: &Task, seconds| task.was_left_since(ada, at(seconds));
        assert!(left(&task, 20) && left(&task, 30) && !left(&task, 31));
        assert!(!task.was_left_since(bo, at(20)));
        task.transferred_at = Some(at(40));
        assert!(left(&task, 35) && !left(&task, 41));
    }
}
