//! Channels: groups of sources whose work is shared out together. A channel says how many tasks an
//! agent takes of it at once, and how long one may take.
//!
//! A source is in one channel or in none, and of none nothing is routed. Which one, is a column of the source's row.

use frontdesk_conversations::work;
use frontdesk_model::error::AttributeError;
use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id, Permission, Result, SourceRight, Timestamp, error};
use frontdesk_people::checked;
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_store::{Filter, Row, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{events, topologies};

/// Every agent's status tells of every channel.
const CHANNELS_MAX: i64 = 300;
/// Sources in one request.
const SOURCES_MAX: usize = 1_000;
/// Tasks of one agent in one channel; nobody answers more at once.
pub(crate) const CAPABILITY_MAX: i64 = 1_000;
/// Time limits of tasks: 30 days. What takes longer is set aside by deferring.
const SECONDS_MAX: i64 = 30 * 24 * 60 * 60;
const CATEGORIES_MAX: usize = 50;

/// What a new channel has unless it says otherwise: a person can follow three conversations at once, and five in a rush.
const SOFT_DEFAULT: i64 = 3;
const HARD_DEFAULT: i64 = 5;

/// The categories that nobody has deleted.
const CATEGORIES: &str = "(SELECT id FROM categories
    WHERE NOT EXISTS (SELECT 1 FROM category_jobs WHERE category_id = categories.id)) AS live";

/// A channel as REST shows it.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Channel")]
struct Answer {
    id: Id,
    /// The name again, as older clients read it.
    label: String,
    name: String,
    /// Those that the caller may read.
    source_ids: Vec<Id>,
    /// Tasks at which an agent is busy: no more are offered.
    soft_capability: i64,
    /// Tasks at which an agent is full: they cannot ask for more either.
    hard_capability: i64,
    /// 0: tasks are never taken back.
    task_timeout_seconds: i64,
    /// 0: none.
    agent_sla: i64,
    /// Percent of `agent_sla`; 0: no warning.
    agent_sla_threshold: i64,
    /// 0: tasks never complete by themselves.
    task_auto_complete_seconds: i64,
    auto_complete_category_ids: Vec<Id>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// What routing goes by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Channel {
    /// The channel.
    pub id: Id,
    /// Tasks at which an agent is busy.
    pub soft_capability: i64,
    /// Tasks at which an agent is full.
    pub hard_capability: i64,
    /// After so many seconds an accepted task is taken back; none: never.
    pub task_timeout_seconds: Option<i64>,
    /// Within so many seconds an agent is to answer what they have accepted; none: nobody promised.
    pub agent_sla_seconds: Option<i64>,
    /// At how many percent of that to warn; 0: never.
    pub agent_sla_warning_percent: i64,
    /// After so many seconds an accepted task completes by itself; none: never.
    pub auto_complete_after_seconds: Option<i64>,
    /// What it is categorised as then.
    pub auto_complete_category_ids: Vec<Id>,
}

const COLUMNS: &str =
    "id, name, soft_capability, hard_capability, task_timeout_seconds, agent_sla, agent_sla_threshold,
    task_auto_complete_seconds, auto_complete_category_ids, created_at, updated_at";

fn answer(row: &Row) -> Result<Answer> {
    let (name, categories): (String, String) = (row.get(1)?, row.get(8)?);
    Ok(Answer {
        id: row.get(0)?,
        label: name.clone(),
        name,
        source_ids: Vec::new(),
        soft_capability: row.get(2)?,
        hard_capability: row.get(3)?,
        task_timeout_seconds: row.get(4)?,
        agent_sla: row.get(5)?,
        agent_sla_threshold: row.get(6)?,
        task_auto_complete_seconds: row.get(7)?,
        auto_complete_category_ids: serde_json::from_str(&categories)
            .map_err(|trouble| error::broken(format!("channels.auto_complete_category_ids: {trouble}")))?,
        created_at: row.get(9)?,
        updated_at: row.get(10)?,
    })
}

impl From<Answer> for Channel {
    fn from(answer: Answer) -> Channel {
        let some = |seconds: i64| (seconds > 0).then_some(seconds);
        Channel {
            id: answer.id,
            soft_capability: answer.soft_capability,
            hard_capability: answer.hard_capability,
            task_timeout_seconds: some(answer.task_timeout_seconds),
            agent_sla_seconds: some(answer.agent_sla),
            agent_sla_warning_percent: answer.agent_sla_threshold,
            auto_complete_after_seconds: some(answer.task_auto_complete_seconds),
            auto_complete_category_ids: answer.auto_complete_category_ids,
        }
    }
}

/// Every channel, oldest first; there are at most 300.
pub fn all(tx: &mut dyn Tx) -> Result<Vec<Channel>> {
    let rows = tx.query(&format!("SELECT {COLUMNS} FROM channels ORDER BY id"), args![])?;
    rows.iter().map(|row| answer(row).map(Channel::from)).collect()
}

/// A channel, for whoever it is.
pub fn find(tx: &mut dyn Tx, id: Id) -> Result<Option<Channel>> {
    let row = tx.first(&format!("SELECT {COLUMNS} FROM channels WHERE id = $1"), args![&id])?;
    row.as_ref().map(|row| answer(row).map(Channel::from)).transpose()
}

/// Parameters of `createChannel` and `updateChannel`.
#[derive(Deserialize, JsonSchema)]
struct Attributes {
    /// What people and bots call it; unique without regard to case.
    #[schemars(length(max = checked::NAME_CHARACTERS_MAX))]
    name: Option<String>,
    /// Its sources; given, it replaces those that the caller may read. A source leaves the channel that it was in.
    source_ids: Option<Vec<Id>>,
    /// Tasks at which an agent is busy, and is offered no more; at least 1.
    soft_capability: Option<i64>,
    /// Tasks at which an agent is full; at least `soft_capability`, at most 1,000.
    hard_capability: Option<i64>,
    /// Seconds after which an accepted task is taken back, at most 30 days; 0: never.
    task_timeout_seconds: Option<i64>,
    /// Seconds within which an agent should answer, at most 30 days; 0: none.
    agent_sla: Option<i64>,
    /// Percent of `agent_sla` at which to warn, 1 to 99; 0: never.
    agent_sla_threshold: Option<i64>,
    /// Seconds after which an accepted task completes by itself, at most 30 days; 0: never.
    task_auto_complete_seconds: Option<i64>,
    /// What a task is categorised as when it completes by itself.
    auto_complete_category_ids: Option<Vec<Id>>,
}

pub(crate) fn operations() -> Vec<Operation> {
    let (tag, path) = ("Channels", "/channels/{channelId}");
    let permissions = &[Permission::ManageTopologies];
    vec![
        Operation::read("getAllChannels", Method::GET, "/channels", list)
            .tag(tag)
            .summary("Lists channels, oldest first."),
        Operation::read("getChannel", Method::GET, path, |call, _: NoParameters, tx| read(call, tx))
            .tag(tag)
            .summary("Reads a channel."),
        Operation::write("createChannel", Method::POST, "/channels", create)
            .tag(tag)
            .summary("Creates a channel.")
            .notes("Its name is needed; an agent is busy at 3 tasks and full at 5 unless it says otherwise.")
            .permissions(permissions)
            .extension(),
        Operation::write("updateChannel", Method::PUT, path, update)
            .tag(tag)
            .summary("Changes a channel: its name, its sources, its limits.")
            .permissions(permissions),
        Operation::write("deleteChannel", Method::DELETE, path, delete)
            .tag(tag)
            .summary("Deletes a channel; nothing of its sources is routed any more.")
            .notes("422 `channel_in_use` while the active topology names it.")
            .permissions(permissions)
            .extension(),
    ]
}

fn list(call: &Call, paging: Paging, tx: &mut dyn Tx) -> Result<Page<Answer>> {
    let filter = Filter::default();
    let count = filter.count(tx, "channels", paging.offset, paging.limit)?;
    let sql = format!("SELECT {COLUMNS} FROM channels");
    let rows = filter.page(tx, &sql, "created_at, id", paging.offset, paging.limit)?;
    let mut channels = rows.iter().map(answer).collect::<Result<Vec<_>>>()?;
    for channel in &mut channels {
        channel.source_ids = readable_sources(call, channel.id, tx)?;
    }
    Ok(Page::new(count, paging, channels))
}

fn read(call: &Call, tx: &mut dyn Tx) -> Result<Answer> {
    by_id(call, call.id("channelId", "channel")?, tx)
}

fn by_id(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<Answer> {
    let row = tx.first(&format!("SELECT {COLUMNS} FROM channels WHERE id = $1"), args![&id])?;
    let channel = answer(&row.ok_or_else(|| error::not_found("channel"))?)?;
    Ok(Answer { source_ids: readable_sources(call, id, tx)?, ..channel })
}

/// The sources of a channel that the caller may know of, in order.
fn readable_sources(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<Vec<Id>> {
    let rows = tx.query("SELECT id FROM sources WHERE channel_id = $1 ORDER BY id", args![&id])?;
    let mut ids = rows.iter().map(|row| row.get(0)).collect::<Result<Vec<Id>>>()?;
    ids.retain(|id| call.caller.may_on(*id, SourceRight::Read));
    Ok(ids)
}

fn create(call: &Call, parameters: Attributes, tx: &mut dyn Tx) -> Result<Answer> {
    let (id, now) = (call.env.id(), call.env.now());
    if tx.one("SELECT count(*) FROM channels", args![])?.get::<i64>(0)? >= CHANNELS_MAX {
        let message = format!("There are {CHANNELS_MAX} channels, and there can be no more: delete one first.");
        return Err(error::unprocessable("too_many_channels", message));
    }
    let blank = Answer {
        id,
        label: String::new(),
        name: String::new(),
        source_ids: Vec::new(),
        soft_capability: SOFT_DEFAULT.min(parameters.hard_capability.unwrap_or(HARD_DEFAULT)).max(1),
        hard_capability: HARD_DEFAULT.max(parameters.soft_capability.unwrap_or(SOFT_DEFAULT)),
        task_timeout_seconds: 0,
        agent_sla: 0,
        agent_sla_threshold: 0,
        task_auto_complete_seconds: 0,
        auto_complete_category_ids: Vec::new(),
        created_at: now,
        updated_at: now,
    };
    let given = Attributes { name: Some(parameters.name.unwrap_or_default()), ..parameters };
    let channel = changed(call, &blank, given, tx)?;
    tx.execute(
        &format!(
            "INSERT INTO channels ({COLUMNS}, name_key) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11)"
        ),
        args![
            &id,
            &channel.name,
            channel.soft_capability,
            channel.hard_capability,
            channel.task_timeout_seconds,
            channel.agent_sla,
            channel.agent_sla_threshold,
            channel.task_auto_complete_seconds,
            &json!(channel.auto_complete_category_ids).to_string(),
            now,
            key(&channel.name).as_bytes()
        ],
    )?;
    take_sources(call, &blank, &channel.source_ids, tx)?;
    tx.append(events::by(call, "channel.created", id, json!({})));
    Ok(channel)
}

fn update(call: &Call, parameters: Attributes, tx: &mut dyn Tx) -> Result<Answer> {
    let before = read(call, tx)?;
    let after = changed(call, &before, parameters, tx)?;
    let fields: Vec<&str> = [
        ("name", before.name != after.name),
        ("source_ids", before.source_ids != after.source_ids),
        ("soft_capability", before.soft_capability != after.soft_capability),
        ("hard_capability", before.hard_capability != after.hard_capability),
        ("task_timeout_seconds", before.task_timeout_seconds != after.task_timeout_seconds),
        ("agent_sla", before.agent_sla != after.agent_sla),
        ("agent_sla_threshold", before.agent_sla_threshold != after.agent_sla_threshold),
        ("task_auto_complete_seconds", before.task_auto_complete_seconds != after.task_auto_complete_seconds),
        ("auto_complete_category_ids", before.auto_complete_category_ids != after.auto_complete_category_ids),
    ]
    .into_iter()
    .filter_map(|(field, is_changed)| is_changed.then_some(field))
    .collect();
    if fields.is_empty() {
        return Ok(before);
    }
    let channel = Answer { updated_at: call.env.now(), ..after };
    tx.execute(
        "UPDATE channels SET name = $2, name_key = $3, soft_capability = $4, hard_capability = $5,
                             task_timeout_seconds = $6, agent_sla = $7, agent_sla_threshold = $8,
                             task_auto_complete_seconds = $9, auto_complete_category_ids = $10, updated_at = $11
         WHERE id = $1",
        args![
            &channel.id,
            &channel.name,
            key(&channel.name).as_bytes(),
            channel.soft_capability,
            channel.hard_capability,
            channel.task_timeout_seconds,
            channel.agent_sla,
            channel.agent_sla_threshold,
            channel.task_auto_complete_seconds,
            &json!(channel.auto_complete_category_ids).to_string(),
            channel.updated_at
        ],
    )?;
    take_sources(call, &before, &channel.source_ids, tx)?;
    tx.append(events::by(call, "channel.updated", channel.id, json!({ "changed": fields })));
    Ok(channel)
}

fn delete(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<Answer> {
    let gone = read(call, tx)?;
    if let Some(place) = topologies::active(tx)?.and_then(|plan| plan.names_channel(gone.id)) {
        let message = format!("The active topology names the channel at {place}: activate one that does not.");
        return Err(error::unprocessable("channel_in_use", message));
    }
    let rows = tx.query("SELECT id FROM sources WHERE channel_id = $1 ORDER BY id", args![&gone.id])?;
    for row in rows {
        work::put_into_channel(call, tx, row.get(0)?, None)?;
    }
    tx.execute("DELETE FROM channels WHERE id = $1", args![&gone.id])?;
    tx.append(events::by(call, "channel.destroyed", gone.id, json!({})));
    Ok(gone)
}

/// A category has gone: what completes by itself gets the one that took over, if there is one.
pub(crate) fn replace_category(
    tx: &mut dyn Tx,
    env: &Env,
    by: Option<Id>,
    gone: Id,
    heir_id: Option<Id>,
) -> Result<()> {
    for mut channel in all(tx)? {
        let ids = &mut channel.auto_complete_category_ids;
        let Some(place) = ids.iter().position(|id| *id == gone) else { continue };
        match heir_id.filter(|heir_id| !ids.contains(heir_id)) {
            Some(heir_id) => ids[place] = heir_id,
            None => drop(ids.remove(place)),
        }
        tx.execute(
            "UPDATE channels SET auto_complete_category_ids = $2, updated_at = $3 WHERE id = $1",
            args![&channel.id, &json!(ids).to_string(), env.now()],
        )?;
        let changed = json!({ "changed": ["auto_complete_category_ids"] });
        tx.append(NewEvent::new(env, by, "channel.updated", channel.id, None, changed));
    }
    Ok(())
}

/// The channel with what was given in it; 422 tells everything that is wrong at once.
fn changed(call: &Call, before: &Answer, given: Attributes, tx: &mut dyn Tx) -> Result<Answer> {
    let mut channel = before.clone();
    if let Some(name) = given.name {
        channel.name = checked::name("name", &name)?;
        channel.label = channel.name.clone();
        let sql = "SELECT 1 FROM channels WHERE name_key = $1 AND id <> $2";
        if tx.first(sql, args![key(&channel.name).as_bytes(), &channel.id])?.is_some() {
            return Err(error::invalid("name", "taken", "name: there is a channel with this name already."));
        }
    }
    for (place, value) in [
        (&mut channel.soft_capability, given.soft_capability),
        (&mut channel.hard_capability, given.hard_capability),
        (&mut channel.task_timeout_seconds, given.task_timeout_seconds),
        (&mut channel.agent_sla, given.agent_sla),
        (&mut channel.agent_sla_threshold, given.agent_sla_threshold),
        (&mut channel.task_auto_complete_seconds, given.task_auto_complete_seconds),
    ] {
        *place = value.unwrap_or(*place);
    }
    let faults = faults(&channel);
    if !faults.is_empty() {
        return Err(error::invalid_all(faults));
    }
    if let Some(ids) = given.auto_complete_category_ids {
        channel.auto_complete_category_ids = checked::distinct("auto_complete_category_ids", ids, CATEGORIES_MAX)?;
        checked::known(tx, CATEGORIES, &channel.auto_complete_category_ids, "auto_complete_category_ids", "category")?;
    }
    if let Some(ids) = given.source_ids {
        channel.source_ids = checked::distinct("source_ids", ids, SOURCES_MAX)?;
        checked::nameable_sources(&channel.source_ids, |id| call.caller.may_on(*id, SourceRight::Read))?;
    }
    Ok(channel)
}

/// What is wrong with the numbers of a channel.
fn faults(channel: &Answer) -> Vec<AttributeError> {
    let mut faults = Vec::new();
    for (attribute, value, least, most) in [
        ("soft_capability", channel.soft_capability, 1, CAPABILITY_MAX),
        ("hard_capability", channel.hard_capability, 1, CAPABILITY_MAX),
        ("task_timeout_seconds", channel.task_timeout_seconds, 0, SECONDS_MAX),
        ("agent_sla", channel.agent_sla, 0, SECONDS_MAX),
        ("agent_sla_threshold", channel.agent_sla_threshold, 0, 99),
        ("task_auto_complete_seconds", channel.task_auto_complete_seconds, 0, SECONDS_MAX),
    ] {
        if !(least..=most).contains(&value) {
            let message = format!("{attribute} must be between {least} and {most}.");
            faults.push(AttributeError { attribute: attribute.into(), kind: "out_of_range".into(), message });
        }
    }
    if faults.is_empty() && channel.hard_capability < channel.soft_capability {
        let message = "hard_capability must be at least soft_capability.".into();
        faults.push(AttributeError { attribute: "hard_capability".into(), kind: "too_small".into(), message });
    }
    faults
}

/// Makes these the sources of a channel, of all that the caller may read.
fn take_sources(call: &Call, before: &Answer, source_ids: &[Id], tx: &mut dyn Tx) -> Result<()> {
    for id in before.source_ids.iter().filter(|id| !source_ids.contains(id)) {
        work::put_into_channel(call, tx, *id, None)?;
    }
    for id in source_ids.iter().filter(|id| !before.source_ids.contains(id)) {
        work::put_into_channel(call, tx, *id, Some(before.id))?;
    }
    Ok(())
}

fn key(name: &str) -> String {
    name.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_cannot_be_are_told_all_at_once() {
        let at = Timestamp::default();
        let channel = Answer {
            id: Id::from_parts(1, 1),
            label: "Live".into(),
            name: "Live".into(),
            source_ids: Vec::new(),
            soft_capability: 1,
            hard_capability: 1,
            task_timeout_seconds: 0,
            agent_sla: 0,
            agent_sla_threshold: 0,
            task_auto_complete_seconds: 0,
            auto_complete_category_ids: Vec::new(),
            created_at: at,
            updated_at: at,
        };
        let wrong = |change: &dyn Fn(&mut Answer)| {
            let mut channel = channel.clone();
            change(&mut channel);
            faults(&channel).into_iter().map(|fault| fault.attribute).collect::<Vec<_>>()
        };
        assert_eq!(wrong(&|_| {}), [""; 0]);
        assert_eq!(wrong(&|channel| (channel.soft_capability, channel.hard_capability) = (1_000, 1_000)), [""; 0]);
        assert_eq!(wrong(&|channel| channel.soft_capability = 2), ["hard_capability"]);
        assert_eq!(wrong(&|channel| channel.soft_capability = 0), ["soft_capability"]);
        assert_eq!(wrong(&|channel| channel.hard_capability = 1_001), ["hard_capability"]);
        assert_eq!(wrong(&|channel| channel.task_timeout_seconds = -1), ["task_timeout_seconds"]);
        assert_eq!(wrong(&|channel| channel.task_timeout_seconds = SECONDS_MAX + 1), ["task_timeout_seconds"]);
        assert_eq!(
            wrong(&|channel| (channel.agent_sla, channel.agent_sla_threshold) = (-1, 100)),
            ["agent_sla", "agent_sla_threshold"]
        );
        assert_eq!(wrong(&|channel| channel.task_auto_complete_seconds = i64::MAX), ["task_auto_complete_seconds"]);
    }
}
