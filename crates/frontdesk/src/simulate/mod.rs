//! `frontdesk simulate`: a generated past. Messages arrive and agents answer through the product's own commands, only
//! the clock and the people are made up; so everything is left as real ones would have left it: counters, words, keys,
//! events. Many of them share a transaction, which makes it fast.

mod check;
mod script;
mod words;

use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use frontdesk_conversations::simulation::{self, Origin, Received};
use frontdesk_conversations::{Conversations, sources};
use frontdesk_model::{Caller, Env, Id, Permissions, Result, SourceRight, SourceRights, Timestamp, error, hex};
use frontdesk_people::users::NewUser;
use frontdesk_people::{callers, roles, setup, users};
use frontdesk_rest::{Call, Operation};
use frontdesk_store::consumer::{self, Consumer};
use frontdesk_store::{Store, Tx, args, log};
use serde_json::{Map, Value, json};

use crate::data_dir::DataDir;
use crate::settings::Settings;
use crate::{backup, serve};
use script::{AGENTS, Message, PLACES, Plan, Script, Step, TOPICS};
use words::Dice;

/// More contents than this are not made at once.
pub(crate) const CONTENTS_MAX: u64 = 100_000_000;
/// So many contents share a transaction.
const CONTENTS_PER_COMMIT: u64 = 2_048;
/// Entries of the log that are forgotten after each commit: more than one adds.
const FORGOTTEN_EVENTS_MAX: i64 = 20_000;
const SECONDS_PER_DAY: i64 = 86_400;
/// What customers send along.
const FILE: (&str, &[u8]) = ("receipt.txt", b"Kettle & Co.\n1 kettle, blue\nTotal 39.90 EUR\n");

/// Fills an installation; returns what was made. Everything but secrets follows from `seed` and the time of day.
pub(crate) async fn fill(
    settings: &Settings,
    directory: &DataDir,
    store: &Store,
    env: &Env,
    contents: u64,
    seed: u64,
) -> std::result::Result<String, String> {
    let said = |trouble: frontdesk_model::Error| trouble.to_string();
    backup::refuse_unfinished(store).await?;
    let app = serve::application(settings, directory, store, env).await?;
    if let Some(first) = serve::first_start(store, env).await? {
        crate::print(&serve::shown_once(settings, &first))?;
    }
    let (consumers, _) = serve::consumers(&app, &Arc::default());
    let of_start = consumers.clone();
    let waiting = store.write(move |tx| waiting(tx, &of_start)).await.map_err(said)?;
    if let Some(name) = waiting {
        return Err(format!("the consumer {name} has not handled the log yet: let the server run for a moment first"));
    }

    let mut script = Script::new(seed, contents, env.now());
    let clock = Arc::new(AtomicI64::new(script.begins().micros()));
    let past = environment(clock.clone(), seed);
    let kept = app.files.write(FILE.1).map_err(|error| format!("data: attachments: {error}"))?;
    let (staged, setting) = (app.clone(), past.clone());
    let stage = store.write(move |tx| Stage::set(tx, &staged, &setting, kept)).await.map_err(said)?;
    let stage = Arc::new(stage);

    let mut progress = Progress::new(contents);
    let mut written = 0;
    while written < contents {
        let plan = script.plan(written, CONTENTS_PER_COMMIT.min(contents - written));
        let (stage, past, clock, consumers) = (stage.clone(), past.clone(), clock.clone(), consumers.clone());
        let log_days = i64::from(settings.log_days);
        let act = move |tx: &mut dyn Tx| {
            let written = stage.play(tx, &past, &clock, &plan)?;
            // Nobody is to be told of this past; as time passes, its log is kept no longer than any other.
            consumers.iter().try_for_each(|consumer| consumer::skip(tx, consumer.as_ref()))?;
            log::forget(tx, past.now().plus_seconds(-log_days * SECONDS_PER_DAY), FORGOTTEN_EVENTS_MAX)?;
            Ok(written)
        };
        written += store.write(act).await.map_err(said)?;
        progress.show(written);
    }
    store
        .write(move |tx| consumers.iter().try_for_each(|consumer| consumer::skip(tx, consumer.as_ref())))
        .await
        .map_err(said)?;
    let wrong = store.read(check::wrong).await.map_err(said)?;
    if !wrong.is_empty() {
        return Err(format!("the store does not agree with itself: {}", wrong.join("; ")));
    }
    Ok(format!("{written} contents on {} new sources; every counter agrees", PLACES.len()))
}

/// The first consumer that has something left to do.
fn waiting(tx: &mut dyn Tx, consumers: &[Arc<dyn Consumer>]) -> Result<Option<&'static str>> {
    for consumer in consumers {
        if consumer::is_waiting(tx, consumer.as_ref())? {
            return Ok(Some(consumer.name()));
        }
    }
    Ok(None)
}

/// A clock that is set by hand, and ids that the seed decides. No secret is made of them.
fn environment(clock: Arc<AtomicI64>, seed: u64) -> Env {
    let dice = Mutex::new(Dice::new(seed ^ 0x5eed));
    Env::new(
        move || Timestamp::from_micros(clock.load(Ordering::Relaxed)),
        move |bytes| {
            let mut dice = dice.lock().unwrap_or_else(PoisonError::into_inner);
            bytes.fill_with(|| dice.roll() as u8);
        },
    )
}

/// The people and places of the play.
struct Stage {
    operations: HashMap<&'static str, Operation>,
    agents: Vec<Caller>,
    origins: Vec<Origin>,
    topics: Vec<Id>,
    /// The hash of [`FILE`], which is kept on disk.
    file: [u8; 32],
}

impl Stage {
    fn set(tx: &mut dyn Tx, app: &Arc<Conversations>, env: &Env, file: [u8; 32]) -> Result<Stage> {
        let operations = serve::operations(app).into_iter().map(|operation| (operation.id, operation)).collect();
        let mut stage = Stage { operations, agents: Vec::new(), origins: Vec::new(), topics: Vec::new(), file };
        let director = director_of(tx)?;
        let community = json!({ "type": "sdk", "name": "Simulated customers" });
        let community = stage.make(tx, &director, env, "createCommunity", community)?;
        let mut source_ids = Vec::new();
        for name in PLACES {
            // Nobody is there, and nobody knows the secret.
            let secret = hex::encode(app.env.random::<32>());
            let source = json!({
                "type": "sdk", "name": name, "community_id": community, "access_token": secret,
            });
            // Their rights grow with each source that they make.
            let director = director_of(tx)?;
            let id = stage.make(tx, &director, env, "createSource", source)?;
            stage.origins.push(Origin::load(tx, &app.seal, id)?);
            source_ids.push(id);
        }
        let topic = stage.make(tx, &director, env, "createCategory", json!({ "name": "Topic", "multiple": true }))?;
        for name in TOPICS {
            let category = json!({ "name": name, "parent_id": topic });
            let id = stage.make(tx, &director, env, "createCategory", category)?;
            stage.topics.push(id);
        }
        let rights: SourceRights =
            [SourceRight::Read, SourceRight::Reply, SourceRight::InitiateDiscussion].into_iter().collect();
        let role_id = agent_role(tx, env)?;
        for number in 1..=AGENTS {
            let email = format!("agent{number:02}@simulated.example");
            let user_id = match users::id_by_email(tx, &email)? {
                Some(id) => id,
                None => {
                    let (firstname, lastname) = ("Agent", format!("{number:02}"));
                    let new = NewUser { email: &email, firstname, lastname: &lastname, role_id, password_hash: None };
                    users::create(tx, env, &new)?
                }
            };
            source_ids.iter().try_for_each(|source_id| sources::grant(tx, user_id, *source_id, rights))?;
            stage.agents.push(callers::user(tx, user_id)?);
        }
        Ok(stage)
    }

    /// Runs an operation as a user.
    fn perform(
        &self,
        tx: &mut dyn Tx,
        caller: &Caller,
        env: &Env,
        operation: &str,
        path: Vec<(&'static str, String)>,
        values: Value,
    ) -> Result<Vec<u8>> {
        let found = self.operations.get(operation);
        let found = found.ok_or_else(|| error::broken(format!("there is no operation {operation}")))?;
        let values: Map<String, Value> = values.as_object().cloned().unwrap_or_default();
        found.perform(&Call::from_within(caller.clone(), env.clone(), path), &values, tx)
    }

    /// Creates something; returns its id.
    fn make(&self, tx: &mut dyn Tx, caller: &Caller, env: &Env, operation: &str, values: Value) -> Result<Id> {
        let answer = self.perform(tx, caller, env, operation, Vec::new(), values)?;
        let answer: Value = serde_json::from_slice(&answer).map_err(|trouble| error::broken(trouble.to_string()))?;
        let id = answer["id"].as_str().and_then(|id| id.parse().ok());
        id.ok_or_else(|| error::broken(format!("{operation} answers no id")))
    }

    /// Plays a plan; returns how many contents were written.
    fn play(&self, tx: &mut dyn Tx, env: &Env, clock: &AtomicI64, plan: &Plan) -> Result<u64> {
        let mut written = 0;
        for (at, step) in plan {
            clock.store(at.micros(), Ordering::Relaxed);
            match step {
                Step::Arrive(messages) => {
                    let messages: Vec<Received> = messages.iter().map(|message| self.received(message)).collect();
                    simulation::take_in(tx, env, &messages)?;
                    written += messages.len() as u64;
                }
                Step::Answer { agent, message, body, foreign_id } => {
                    let message = self.received(message);
                    let (content_id, status, _) = simulation::content_of(tx, &message)?;
                    if !matches!(status.as_str(), "new" | "assigned") {
                        continue;
                    }
                    let values = json!({ "in_reply_to_id": content_id, "body": body });
                    let id = self.make(tx, &self.agents[*agent], env, "createContent", values)?;
                    simulation::deliver(tx, env, &message, id, foreign_id)?;
                    written += 1;
                }
                Step::Ignore { agent, message } => {
                    let (content_id, status, _) = simulation::content_of(tx, &self.received(message))?;
                    if status == "new" {
                        let path = vec![("contentId", content_id.hex())];
                        self.perform(tx, &self.agents[*agent], env, "ignoreContent", path, json!({}))?;
                    }
                }
                Step::Close { message, topic } => self.close(tx, env, message, *topic)?,
            }
        }
        Ok(written)
    }

    fn close(&self, tx: &mut dyn Tx, env: &Env, message: &Message, topic: usize) -> Result<()> {
        let (_, _, Some(id)) = simulation::content_of(tx, &self.received(message))? else { return Ok(()) };
        let sql = "SELECT user_id FROM interventions WHERE id = $1 AND closed_at IS NULL AND user_replies_count > 0";
        let Some(row) = tx.first(sql, args![&id])? else { return Ok(()) };
        let user_id: Option<Id> = row.get(0)?;
        let Some(owner) = self.agents.iter().find(|agent| Some(agent.user_id) == user_id) else { return Ok(()) };
        let path = || vec![("interventionId", id.hex())];
        let topics = json!({ "category_ids": [self.topics[topic]] });
        self.perform(tx, owner, env, "categorizeIntervention", path(), topics)?;
        self.perform(tx, owner, env, "closeIntervention", path(), json!({})).map(drop)
    }

    fn received(&self, message: &Message) -> Received {
        Received {
            origin: self.origins[message.place].clone(),
            content: message.content.clone(),
            file: message.has_file.then(|| (FILE.0.to_owned(), self.file, FILE.1.len() as u64)),
        }
    }
}

/// Somebody who may set everything up.
fn director_of(tx: &mut dyn Tx) -> Result<Caller> {
    let sql = "SELECT users.id, roles.permissions FROM users JOIN roles ON roles.id = users.role_id
               WHERE users.enabled ORDER BY users.created_at, users.id";
    for row in tx.query(sql, args![])? {
        if Permissions::from_text(&row.get::<String>(1)?) == Permissions::ALL {
            return callers::user(tx, row.get(0)?);
        }
    }
    Err(error::forbidden("No enabled user has every permission: an administrator is needed."))
}

fn agent_role(tx: &mut dyn Tx, env: &Env) -> Result<Id> {
    const LABEL: &str = "Simulated agent";
    match tx.first("SELECT id FROM roles WHERE label = $1", args![LABEL])? {
        Some(row) => row.get(0),
        None => roles::create(tx, env, LABEL, setup::agent()),
    }
}

/// Tells people how far it is: a line that grows on a terminal, a line each tenth elsewhere.
struct Progress {
    total: u64,
    tenths: u64,
    on_terminal: bool,
}

impl Progress {
    fn new(total: u64) -> Progress {
        Progress { total, tenths: 0, on_terminal: std::io::stderr().is_terminal() }
    }

    fn show(&mut self, written: u64) {
        const WIDTH: u64 = 40;
        let share = |whole: u64| (u128::from(written) * u128::from(whole) / u128::from(self.total)) as u64;
        if self.on_terminal {
            let done = share(WIDTH) as usize;
            let bar = "=".repeat(done) + &" ".repeat(WIDTH as usize - done);
            let end = if written == self.total { "\n" } else { "" };
            // Somebody who no longer listens is no reason to stop.
            let _ = write!(std::io::stderr(), "\r[{bar}] {written} of {} contents{end}", self.total);
        } else if share(10) > self.tenths {
            self.tenths = share(10);
            let _ = writeln!(std::io::stderr(), "{written} of {} contents", self.total);
        }
    }
}
