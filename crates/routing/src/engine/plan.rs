//! A topology as the engine follows it: steps that say who may answer, for how long, and what comes next.
//! `topologies` reads and checks the document that people write; here names have become places in a list.

use frontdesk_model::Id;
use frontdesk_model::languages::speaks;

use super::Task;

/// How long a task rings at an agent where the step does not say, in seconds.
pub const RING_SECONDS_DEFAULT: i64 = 30;

/// A whole topology. Its steps lead forward only, so that every task comes to an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where a new task begins.
    pub start: usize,
    /// The steps.
    pub steps: Vec<Step>,
    /// Queues whose tasks are offered to nobody: people put them there, and take them out by transferring.
    pub queues: Vec<Queue>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name: a task keeps it when the topology changes.
    pub name: String,
    /// Which tasks it is for; others go on to the next one at once.
    pub when: When,
    /// Who may answer.
    pub agents: Who,
    /// To how many it is offered at once.
    pub offer: Offer,
    /// How long it rings.
    pub ring_seconds: i64,
    /// How long a task stays; none: until somebody takes it.
    pub for_seconds: Option<i64>,
    /// The next step; none: the undelivered queue.
    pub next: Option<usize>,
}

/// Which tasks a step is for. What is empty asks for nothing; of a list, any one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct When {
    /// Of these channels.
    pub channel_ids: Vec<Id>,
    /// Of these sources.
    pub source_ids: Vec<Id>,
    /// With one of these categories.
    pub category_ids: Vec<Id>,
    /// In one of these languages.
    pub languages: Vec<String>,
    /// With a higher priority than this.
    pub priority_over: Option<i64>,
}

/// Who may answer in a step: all that it asks for must be true of an agent, beside their right to reply on the source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    /// Who had this customer last.
    pub last_agent: bool,
    /// Members of one of these teams; empty: of any or none.
    pub team_ids: Vec<Id>,
    /// These users; empty: anybody.
    pub agent_ids: Vec<Id>,
    /// Who has one of the task's categories, if it has any.
    pub category_match: bool,
    /// Who speaks the task's language, if it is known.
    pub language_match: bool,
}

/// To how many agents a task is offered at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Offer {
    /// To the one who comes first.
    #[default]
    One,
    /// To all who are free; the first to accept has it.
    All,
}

/// A special queue, such as triage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// The step at which a task goes on when it leaves; none: the start.
    pub next: Option<usize>,
}

impl Plan {
    /// What is followed while no topology is active: one agent after the other who may reply on the source and, if the
    /// task has categories, shares one; without an end.
    pub fn built_in() -> Plan {
        let step = Step {
            name: "everyone".into(),
            when: When::default(),
            agents: Who { category_match: true, ..Who::default() },
            offer: Offer::One,
            ring_seconds: RING_SECONDS_DEFAULT,
            for_seconds: None,
            next: None,
        };
        Plan { start: 0, steps: vec![step], queues: Vec::new() }
    }

    /// The place of a step by its name.
    pub fn step(&self, name: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.name == name)
    }

    /// Where it names a channel, as the document calls the place.
    pub fn names_channel(&self, id: Id) -> Option<String> {
        let step = self.steps.iter().position(|step| step.when.channel_ids.contains(&id))?;
        Some(format!("steps[{step}].when.channel_ids"))
    }

    /// A special queue by its name.
    pub fn queue(&self, name: &str) -> Option<&Queue> {
        self.queues.iter().find(|queue| queue.name == name)
    }

    /// The name of the step at which a task goes on that leaves its special queue; none: the start.
    pub fn queue_next(&self, task: &Task) -> Option<String> {
        let next = self.queue(task.queue.as_deref()?)?.next?;
        self.steps.get(next).map(|step| step.name.clone())
    }

    /// The first step from `place` on that is for this task; none: undelivered.
    pub fn first_for(&self, task: &Task, place: Option<usize>) -> Option<usize> {
        let mut place = place;
        // A plan leads forward; a bound anyway, so that a wrong one cannot hang.
        for _ in 0..=self.steps.len() {
            let at = place?;
            let step = self.steps.get(at)?;
            if step.when.holds_for(task) {
                return Some(at);
            }
            place = step.next;
        }
        None
    }
}

impl When {
    fn holds_for(&self, task: &Task) -> bool {
        let any = |wanted: &[Id], has: &dyn Fn(&Id) -> bool| wanted.is_empty() || wanted.iter().any(has);
        any(&self.channel_ids, &|id| *id == task.channel_id)
            && any(&self.source_ids, &|id| *id == task.source_id)
            && any(&self.category_ids, &|id| task.category_ids.contains(id))
            && (self.languages.is_empty()
                || task.language.as_ref().is_some_and(|own| self.languages.iter().any(|one| speaks(one, own))))
            && self.priority_over.is_none_or(|bound| task.priority > bound)
    }
}
