//! Whether a plan fits the account: all that it names is there, and of every step somebody can answer its tasks.

use std::collections::{HashMap, HashSet};

use frontdesk_model::languages::speaks;
use frontdesk_model::{Id, Result};
use frontdesk_store::{Tx, args};

use super::config::{Fault, Faults};
use crate::agents;
use crate::engine::plan::{Plan, Step, When};
use crate::engine::{Agent, shares};

/// What the store knows, as far as plans name it.
#[derive(Default)]
pub(super) struct Account {
    channels: HashSet<Id>,
    source_ids: HashSet<Id>,
    /// The channels of sources.
    channel_of: HashMap<Id, Id>,
    categories: HashSet<Id>,
    teams: HashSet<Id>,
    users: HashSet<Id>,
    /// Who may take tasks.
    agents: Vec<Agent>,
}

impl Account {
    /// As it is now.
    pub(super) fn load(tx: &mut dyn Tx) -> Result<Account> {
        let ids = |tx: &mut dyn Tx, sql: &str| -> Result<HashSet<Id>> {
            tx.query(sql, args![])?.iter().map(|row| row.get(0)).collect()
        };
        let channels = tx.query("SELECT id, channel_id FROM sources WHERE channel_id IS NOT NULL", args![])?;
        Ok(Account {
            channels: ids(tx, "SELECT id FROM channels")?,
            source_ids: ids(tx, "SELECT id FROM sources")?,
            channel_of: channels.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect::<Result<_>>()?,
            categories: ids(
                tx,
                "SELECT id FROM categories
                 WHERE NOT EXISTS (SELECT 1 FROM category_jobs WHERE category_id = categories.id)",
            )?,
            teams: ids(tx, "SELECT id FROM teams")?,
            users: ids(tx, "SELECT id FROM users WHERE deleted_at IS NULL")?,
            agents: agents::facts(tx, None)?,
        })
    }

    /// The sources whose tasks meet a condition: those of channels.
    fn routed(&self, when: &When) -> HashSet<Id> {
        let any = |wanted: &[Id], id: &Id| wanted.is_empty() || wanted.contains(id);
        let meets = |(source_id, channel_id): &(&Id, &Id)| {
            any(&when.channel_ids, channel_id) && any(&when.source_ids, source_id)
        };
        self.channel_of.iter().filter(meets).map(|(source_id, _)| *source_id).collect()
    }
}

/// All in a plan that does not fit the account.
pub(super) fn check(plan: &Plan, account: &Account) -> Vec<Fault> {
    let mut faults = Faults::default();
    for (number, step) in plan.steps.iter().enumerate() {
        let (when, who) = (&step.when, &step.agents);
        for (name, noun, ids, known) in [
            ("when.channel_ids", "channel", &when.channel_ids, &account.channels),
            ("when.source_ids", "source", &when.source_ids, &account.source_ids),
            ("when.category_ids", "category", &when.category_ids, &account.categories),
            ("agents.team_ids", "team", &who.team_ids, &account.teams),
            ("agents.agent_ids", "user", &who.agent_ids, &account.users),
        ] {
            for (place, id) in ids.iter().enumerate().filter(|(_, id)| !known.contains(id)) {
                let place = format!("steps[{number}].{name}[{place}]");
                faults.add(place, "unknown", format!("names no {noun}: {id}."));
            }
        }
    }
    if faults.0.is_empty() {
        for (number, step) in plan.steps.iter().enumerate() {
            let source_ids = account.routed(&step.when);
            if !account.agents.iter().any(|agent| could_answer(agent, step, &source_ids)) {
                let reason = "is starved: nobody fits it who may take tasks and may reply on a source of its channels.";
                faults.add(format!("steps[{number}].agents"), "starving", reason);
            }
        }
    }
    faults.0
}

/// Whether there can be a task of this step, which is for tasks of these sources, that the agent could answer.
fn could_answer(agent: &Agent, step: &Step, source_ids: &HashSet<Id>) -> bool {
    let (when, who) = (&step.when, &step.agents);
    let any = |wanted: &[Id], own: &[Id]| wanted.is_empty() || shares(wanted, own);
    let may_reply = agent.source_ids.iter().any(|source_id| source_ids.contains(source_id));
    let speaks = |language: &String| agent.languages.iter().any(|own| speaks(own, language));
    may_reply
        && any(&who.team_ids, &agent.team_ids)
        && any(&who.agent_ids, &[agent.id])
        && (!who.category_match || any(&when.category_ids, &agent.category_ids))
        && (!who.language_match || when.languages.is_empty() || when.languages.iter().any(speaks))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::config::parse;
    use super::*;

    fn id(number: u64) -> Id {
        Id::from_parts(1, number)
    }

    /// One channel with one source, one more source without; Ada of the team answers there, in French, with a category.
    fn account() -> Account {
        Account {
            channels: HashSet::from([id(1), id(2)]),
            source_ids: HashSet::from([id(11), id(12)]),
            channel_of: HashMap::from([(id(11), id(1))]),
            categories: HashSet::from([id(21), id(22)]),
            teams: HashSet::from([id(31), id(32)]),
            users: HashSet::from([id(41), id(42)]),
            agents: vec![Agent {
                id: id(41),
                team_ids: vec![id(31)],
                category_ids: vec![id(21)],
                languages: vec!["fr".into()],
                source_ids: vec![id(11), id(12)],
                ..Agent::default()
            }],
        }
    }

    fn faults(when: Value, agents: Value) -> Vec<(String, &'static str)> {
        let document = json!({ "version": 1, "steps": [{ "name": "one", "when": when, "agents": agents }] });
        let plan = parse(&document).unwrap();
        check(&plan, &account()).into_iter().map(|fault| (fault.place, fault.kind)).collect()
    }

    #[test]
    fn what_is_not_there_is_named() {
        let nothing = id(99);
        for (when, agents, place) in [
            (json!({ "channel_ids": [id(1), nothing] }), json!({ "everyone": true }), "when.channel_ids[1]"),
            (json!({ "source_ids": [nothing] }), json!({ "everyone": true }), "when.source_ids[0]"),
            (json!({ "category_ids": [nothing] }), json!({ "everyone": true }), "when.category_ids[0]"),
            (json!({}), json!({ "team_ids": [nothing] }), "agents.team_ids[0]"),
            (json!({}), json!({ "agent_ids": [id(41), id(42), nothing] }), "agents.agent_ids[2]"),
        ] {
            assert_eq!(faults(when, agents), [(format!("steps[0].{place}"), "unknown")]);
        }
    }

    #[test]
    fn a_step_that_nobody_can_answer_is_refused() {
        let starving = [("steps[0].agents".to_owned(), "starving")];
        for (when, agents, is_starving) in [
            (json!({}), json!({ "everyone": true }), false),
            (json!({ "channel_ids": [id(1)] }), json!({ "everyone": true }), false),
            (json!({ "channel_ids": [id(2)] }), json!({ "everyone": true }), true),
            (json!({ "source_ids": [id(11)] }), json!({ "last_agent": true }), false),
            // What is in no channel is not routed.
            (json!({ "source_ids": [id(12)] }), json!({ "everyone": true }), true),
            (json!({}), json!({ "team_ids": [id(31), id(32)] }), false),
            (json!({}), json!({ "team_ids": [id(32)] }), true),
            (json!({}), json!({ "agent_ids": [id(42)] }), true),
            (json!({}), json!({ "agent_ids": [id(41)], "team_ids": [id(32)] }), true),
            (json!({ "category_ids": [id(22)] }), json!({ "everyone": true }), false),
            (json!({ "category_ids": [id(22)] }), json!({ "everyone": true, "category_match": true }), true),
            (json!({ "category_ids": [id(21)] }), json!({ "everyone": true, "category_match": true }), false),
            (json!({ "languages": ["de"] }), json!({ "everyone": true, "language_match": true }), true),
            (json!({ "languages": ["de", "fr"] }), json!({ "everyone": true, "language_match": true }), false),
        ] {
            let told = format!("{when} {agents}");
            let expected = if is_starving { &starving[..] } else { &[] };
            assert_eq!(faults(when, agents), expected, "{told}");
        }
    }
}
