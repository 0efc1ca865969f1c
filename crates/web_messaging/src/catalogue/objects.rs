//! How triggers, items, custom variables and themes are stored: one row each, its definition as JSON.

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id, Result, Timestamp, error, journal};
use frontdesk_rest::Call;
use frontdesk_store::{Row, Tx, args};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::settings::Channel;

/// A kind of object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Trigger,
    Item,
    Variable,
    Theme,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Kind::Trigger => "trigger",
            Kind::Item => "item",
            Kind::Variable => "variable",
            Kind::Theme => "theme",
        }
    }

    /// In sentences.
    fn noun(self) -> &'static str {
        match self {
            Kind::Trigger => "trigger",
            Kind::Item => "catalog item",
            Kind::Variable => "custom variable",
            Kind::Theme => "theme",
        }
    }

    /// Objects of one source.
    fn most(self) -> usize {
        match self {
            Kind::Trigger => super::triggers::TRIGGERS_MAX,
            Kind::Item => super::items::ITEMS_MAX,
            Kind::Variable => super::variables::VARIABLES_MAX,
            Kind::Theme => 1,
        }
    }
}

/// One object.
#[derive(Clone, Debug)]
pub(crate) struct Object<D> {
    pub(crate) id: Id,
    pub(crate) definition: D,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

const COLUMNS: &str = "id, definition, created_at, updated_at";

fn object<D: DeserializeOwned>(row: &Row) -> Result<Object<D>> {
    let definition = serde_json::from_str(&row.get::<String>(1)?)
        .map_err(|trouble| error::broken(format!("messaging_objects: {trouble}")))?;
    Ok(Object { id: row.get(0)?, definition, created_at: row.get(2)?, updated_at: row.get(3)? })
}

/// All of a source, in their order.
pub(crate) fn all<D: DeserializeOwned>(tx: &mut dyn Tx, source_id: Id, kind: Kind) -> Result<Vec<Object<D>>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM messaging_objects WHERE source_id = $1 AND kind = $2 ORDER BY position, created_at, id"
    );
    tx.query(&sql, args![&source_id, kind.as_str()])?.iter().map(object).collect()
}

/// One of a source, if it has it.
pub(crate) fn get<D: DeserializeOwned>(
    tx: &mut dyn Tx,
    source_id: Id,
    kind: Kind,
    id: Id,
) -> Result<Option<Object<D>>> {
    let sql = format!("SELECT {COLUMNS} FROM messaging_objects WHERE id = $1 AND source_id = $2 AND kind = $3");
    tx.first(&sql, args![&id, &source_id, kind.as_str()])?.as_ref().map(object).transpose()
}

/// The one that a path names; another source's is missing.
pub(crate) fn find<D: DeserializeOwned>(
    call: &Call,
    tx: &mut dyn Tx,
    channel: Channel,
    kind: Kind,
    parameter: &str,
) -> Result<Object<D>> {
    let id = call.id(parameter, kind.noun())?;
    get(tx, channel.source_id, kind, id)?.ok_or_else(|| error::not_found(kind.noun()))
}

fn text<D: Serialize>(definition: &D) -> Result<String> {
    serde_json::to_string(definition).map_err(|trouble| error::broken(trouble.to_string()))
}

/// Puts one behind the others. 422 when there are too many.
pub(crate) fn insert<D: Serialize>(
    tx: &mut dyn Tx,
    env: &Env,
    source_id: Id,
    kind: Kind,
    definition: &D,
) -> Result<Id> {
    let row = tx.one(
        "SELECT count(*), max(position) FROM messaging_objects WHERE source_id = $1 AND kind = $2",
        args![&source_id, kind.as_str()],
    )?;
    let (count, last): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
    if usize::try_from(count).is_ok_and(|count| count >= kind.most()) {
        let message = format!("A source has at most {} {}s: delete one first.", kind.most(), kind.noun());
        return Err(error::unprocessable("too_many", message));
    }
    let id = env.id();
    tx.execute(
        "INSERT INTO messaging_objects (id, source_id, kind, position, definition, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6)",
        args![&id, &source_id, kind.as_str(), last.unwrap_or(0) + 1, &text(definition)?, env.now()],
    )?;
    Ok(id)
}

/// Changes one.
pub(crate) fn save<D: Serialize>(tx: &mut dyn Tx, env: &Env, id: Id, definition: &D) -> Result<()> {
    tx.execute(
        "UPDATE messaging_objects SET definition = $2, updated_at = $3 WHERE id = $1",
        args![&id, &text(definition)?, env.now()],
    )?;
    Ok(())
}

/// Takes one away.
pub(crate) fn remove(tx: &mut dyn Tx, id: Id) -> Result<()> {
    tx.execute("DELETE FROM messaging_objects WHERE id = $1", args![&id])?;
    Ok(())
}

/// Puts one at a place among the others of its kind, from 1; whether that changed anything.
pub(crate) fn place(tx: &mut dyn Tx, source_id: Id, kind: Kind, id: Id, position: usize) -> Result<bool> {
    let sql = "SELECT id FROM messaging_objects WHERE source_id = $1 AND kind = $2 ORDER BY position, created_at, id";
    let rows = tx.query(sql, args![&source_id, kind.as_str()])?;
    let before = rows.iter().map(|row| row.get(0)).collect::<Result<Vec<Id>>>()?;
    let mut after: Vec<Id> = before.iter().copied().filter(|other| *other != id).collect();
    after.insert((position - 1).min(after.len()), id);
    if after == before {
        return Ok(false);
    }
    for (place, id) in (1_i64..).zip(&after) {
        tx.execute("UPDATE messaging_objects SET position = $2 WHERE id = $1", args![id, place])?;
    }
    Ok(true)
}

/// Tells of a change. `subject`: as the journal's names have it, between the source's type and the verb.
pub(crate) fn tell(call: &Call, tx: &mut dyn Tx, channel: Channel, subject: &str, verb: &str, id: Id) -> Result<()> {
    let by = Some(call.caller.user_id);
    tx.append(event(&call.env, by, channel, subject, verb, id)?);
    Ok(())
}

/// An event of the journal.
pub(crate) fn event(
    env: &Env,
    by: Option<Id>,
    channel: Channel,
    subject: &str,
    verb: &str,
    id: Id,
) -> Result<NewEvent> {
    let family = if channel.is_live_chat { "chat" } else { "mobile_messaging" };
    let name = format!("{family}.{subject}.{verb}");
    let kind = journal::JOURNAL.iter().find(|known| **known == name);
    let kind = kind.ok_or_else(|| error::broken(format!("{name} is in no row of the table of events")))?;
    Ok(NewEvent::new(env, by, kind, id, None, json!({ "source_id": channel.source_id })))
}
