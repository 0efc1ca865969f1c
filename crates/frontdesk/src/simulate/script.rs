//! Who does what when: customers who write, threads that grow, agents who answer. Nothing here touches the store.

use std::collections::VecDeque;
use std::sync::Arc;

use frontdesk_model::Timestamp;
use frontdesk_sources::inbound::{BodyFormat, ContentObject, InboundAuthor, InboundContent};

use super::words::{self, Dice};

/// Where customers write: a shop's chat in three countries, and a forum that everybody reads.
pub(super) const PLACES: [&str; 4] = ["Shop messages", "Boutique messages", "Laden messages", "Forum"];
const FORUM: usize = 3;
/// People who answer.
pub(super) const AGENTS: usize = 50;
/// What interventions and threads are about.
pub(super) const TOPICS: [&str; 8] =
    ["Delivery", "Refund", "Product", "Invoice", "Account", "Complaint", "Praise", "Wholesale"];
/// So fast time passes: the past grows with the number of contents, its density does not.
const MICROS_PER_CONTENT: i64 = 86_400_000_000 / 10_000;
/// A customer writes this often, on average.
const CONTENTS_PER_CUSTOMER: u64 = 8;
/// Threads of the forum at the beginning.
const FORUM_THREADS: usize = 20;
const CONTENTS_PER_FORUM_THREAD: u64 = 100;
/// One in so many customers, and threads of the forum, is met far more often than the others.
const REGULAR_CUSTOMERS: usize = 200;
const REGULAR_THREADS: usize = 20;
/// The share of messages that these have.
const REGULAR_SHARE: f64 = 0.3;
/// Whoever is older than so many others is not met any more.
const RECENT: usize = 100_000;
/// Messages between two looks of the agents.
pub(super) const ROUND_MESSAGES: u64 = 128;
/// Agents close this many rounds after they answered.
const CLOSE_AFTER_ROUNDS: usize = 3;

/// A message, and what the desk makes of it.
#[derive(Clone)]
pub(super) struct Message {
    /// Which of [`PLACES`].
    pub(super) place: usize,
    pub(super) content: Arc<InboundContent>,
    pub(super) has_file: bool,
}

/// What happens next.
pub(super) enum Step {
    /// Messages arrive.
    Arrive(Vec<Message>),
    /// An agent answers a message, if it waits for an answer.
    Answer { agent: usize, message: Message, body: String, foreign_id: String },
    /// An agent finds a message not worth an answer.
    Ignore { agent: usize, message: Message },
    /// The intervention of a message ends, if it is open: about this topic.
    Close { message: Message, topic: usize },
}

/// The steps, and when each happens.
pub(super) type Plan = Vec<(Timestamp, Step)>;

/// Makes plans, one after another.
pub(super) struct Script {
    dice: Dice,
    /// Contents in all.
    total: u64,
    begins: Timestamp,
    /// How far time has come: it never steps back, also when planned answers were not given.
    now: Timestamp,
    /// Messages that have been planned, answers among them: names the next one.
    planned: u64,
    /// For each customer: the number of their thread.
    customers: Vec<u32>,
    /// For each thread of the forum: the last message.
    forum: Vec<Option<u64>>,
    /// What is to be closed, by rounds.
    closing: VecDeque<Vec<Message>>,
}

impl Script {
    /// A script of `total` contents that ends at `ends`.
    pub(super) fn new(seed: u64, total: u64, ends: Timestamp) -> Script {
        let many = |each: u64| usize::try_from(total / each).unwrap_or(usize::MAX).max(20);
        let begins = Timestamp::from_micros(ends.micros() - total as i64 * MICROS_PER_CONTENT);
        Script {
            dice: Dice::new(seed),
            total,
            begins,
            now: begins,
            planned: 0,
            customers: vec![0; many(CONTENTS_PER_CUSTOMER)],
            forum: vec![None; FORUM_THREADS],
            closing: VecDeque::from(vec![Vec::new(); CLOSE_AFTER_ROUNDS]),
        }
    }

    /// The time at which it begins.
    pub(super) fn begins(&self) -> Timestamp {
        self.begins
    }

    /// Plans rounds with at most `contents` contents, answers included. `written` is how many there are so far.
    pub(super) fn plan(&mut self, written: u64, contents: u64) -> Plan {
        let mut plan = Plan::new();
        let mut left = contents;
        while left > 0 {
            let arriving = left.min(ROUND_MESSAGES);
            left -= arriving;
            let done = written + contents - left;
            let messages: Vec<Message> = (0..arriving).map(|number| self.message(done - arriving + number)).collect();
            let at = self.now;
            let mut answered = Vec::new();
            let mut steps = vec![Step::Arrive(messages.clone())];
            for message in messages.iter().filter(|message| message.content.author.as_ref().is_some_and(is_customer)) {
                let agent = self.dice.below(AGENTS);
                if self.dice.hits(0.05) && left > 0 {
                    left -= 1;
                    let body = words::body(&mut self.dice, words::language(agent), self.total);
                    let foreign_id = self.next_id();
                    answered.push(message.clone());
                    steps.push(Step::Answer { agent, message: message.clone(), body, foreign_id });
                } else if self.dice.hits(0.02) {
                    steps.push(Step::Ignore { agent, message: message.clone() });
                }
            }
            for message in self.closing.pop_front().unwrap_or_default() {
                // Some stay open for ever.
                if self.dice.hits(0.85) {
                    let topic = self.dice.rank(TOPICS.len(), 2.0);
                    steps.push(Step::Close { message, topic });
                }
            }
            self.closing.push_back(answered);
            plan.extend(steps.into_iter().map(|step| (at, step)));
        }
        plan
    }

    /// Lets time pass to the moment when this many contents are written.
    fn pass(&mut self, written: u64) -> Timestamp {
        self.now = self.now.max(Timestamp::from_micros(self.begins.micros() + written as i64 * MICROS_PER_CONTENT));
        self.now
    }

    fn next_id(&mut self) -> String {
        self.planned += 1;
        format!("m{:09}", self.planned)
    }

    /// One of `known` ones, the latest most often, and regulars. However long the past is, none grows beyond measure.
    fn recent(&mut self, known: usize, flat: f64, regular: usize) -> usize {
        let one = known - 1 - self.dice.rank(known.min(RECENT), flat);
        if self.dice.hits(REGULAR_SHARE) { one - one % regular } else { one }
    }

    fn message(&mut self, written: u64) -> Message {
        // New customers come all the time.
        let known = (self.customers.len() as f64 * (written + 1) as f64 / self.total as f64) as usize;
        let customer = self.recent(known.clamp(20, self.customers.len()), 50.0, REGULAR_CUSTOMERS);
        let mut content = InboundContent::new(ContentObject::Message, self.next_id());
        let in_forum = self.dice.hits(0.1);
        let place = if in_forum {
            if self.dice.hits(1.0 / CONTENTS_PER_FORUM_THREAD as f64) {
                self.forum.push(None);
            }
            let thread = self.recent(self.forum.len(), 3.0, REGULAR_THREADS);
            let last = self.forum[thread].replace(self.planned);
            content.in_reply_to = last.filter(|_| self.dice.hits(0.5)).map(|number| format!("m{number:09}"));
            content.thread_foreign_id = Some(format!("forum-{thread}"));
            FORUM
        } else {
            if self.dice.hits(0.15) {
                self.customers[customer] += 1;
            }
            content.thread_foreign_id = Some(format!("c{customer}-{}", self.customers[customer]));
            Dice::new(customer as u64 + 1).below(FORUM)
        };
        let language = words::language(customer);
        content.format = BodyFormat::Text;
        content.language = Some(language.code.into());
        content.body = words::body(&mut self.dice, language, self.total);
        content.created_at = Some(self.pass(written + 1));
        // Some answers are written on the channel itself.
        let author = if self.dice.hits(0.08) { house() } else { author(customer) };
        content.author = Some(author);
        let has_file = self.dice.hits(0.01);
        Message { place, content: Arc::new(content), has_file }
    }
}

fn is_customer(author: &InboundAuthor) -> bool {
    !author.puppetizable
}

fn house() -> InboundAuthor {
    InboundAuthor { puppetizable: true, ..InboundAuthor::new("house", "Kettle & Co.") }
}

fn author(customer: usize) -> InboundAuthor {
    const FIRST: [&str; 8] = ["Vera", "Marc", "Yuki", "Omar", "Zoé", "Jürgen", "Ana", "李"];
    const LAST: [&str; 8] = ["Martin", "Tanaka", "Haddad", "Müller", "Dubois", "García", "Smith", "王"];
    let mut dice = Dice::new(customer as u64 + 7);
    let (first, last) = (FIRST[dice.below(FIRST.len())], LAST[dice.below(LAST.len())]);
    let mut author = InboundAuthor::new(format!("c{customer}"), format!("{first} {customer}"));
    author.firstname = Some(first.into());
    author.lastname = Some(last.into());
    author.email = dice.hits(0.6).then(|| format!("c{customer}@example.com"));
    author.mobile_phone = dice.hits(0.2).then(|| format!("+336{customer:08}"));
    author
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(plan: &Plan) -> u64 {
        plan.iter()
            .map(|(_, step)| match step {
                Step::Arrive(messages) => messages.len() as u64,
                Step::Answer { .. } => 1,
                Step::Ignore { .. } | Step::Close { .. } => 0,
            })
            .sum()
    }

    #[test]
    fn plans_have_what_was_asked_for_in_order_of_time() {
        let ends = Timestamp::from_micros(1_800_000_000_000_000);
        let mut script = Script::new(1, 5_000, ends);
        let (mut written, mut last) = (0, script.begins());
        let mut closed = 0;
        while written < 5_000 {
            let plan = script.plan(written, 2_000.min(5_000 - written));
            for (at, step) in &plan {
                assert!(last <= *at && *at <= ends);
                last = *at;
                if let Step::Arrive(messages) = step {
                    assert!(messages.iter().all(|message| message.content.created_at.is_some_and(|made| made <= *at)));
                }
                closed += u64::from(matches!(step, Step::Close { .. }));
            }
            let planned = contents(&plan);
            assert!(planned > 0 && planned <= 2_000);
            written += planned;
        }
        assert_eq!((written, last), (5_000, ends));
        assert!((100..400).contains(&closed), "{closed}");
    }

    #[test]
    fn the_same_seed_plans_the_same() {
        let bodies = |seed| {
            let plan = Script::new(seed, 500, Timestamp::from_micros(0)).plan(0, 500);
            plan.into_iter()
                .filter_map(|(_, step)| match step {
                    Step::Arrive(messages) => Some(messages),
                    _ => None,
                })
                .flatten()
                .map(|message| (message.place, message.content.body.clone(), message.content.author.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(bodies(5), bodies(5));
        assert_ne!(bodies(5), bodies(6));
    }
}
