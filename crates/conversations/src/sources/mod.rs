//! Sources: configured connections to third-party places. A source has a kind, which says what it can do.

mod channel;
mod rest;
mod settings;

use std::sync::Arc;

use frontdesk_model::{Caller, Id, Result, SourceRight, Timestamp, error};
use frontdesk_rest::{Call, Operation};
use frontdesk_sources::SourceKind;
use frontdesk_store::{Filter, Piece, Route, Row, Tx, args};

use crate::{Conversations, events};

pub use frontdesk_people::sources_permissions::grant;

pub use channel::Channels;
pub(crate) use channel::{Channel, keep_secret};
pub(crate) use settings::{AutoResponseTrigger, CommonSettings};

/// A source as the store keeps it.
pub(crate) struct Source {
    pub(crate) id: Id,
    pub(crate) kind: &'static SourceKind,
    pub(crate) community_id: Id,
    pub(crate) name: String,
    pub(crate) active: bool,
    pub(crate) stored: StoredSettings,
    pub(crate) error_message: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    /// The routing group that it belongs to.
    pub(crate) channel_id: Option<Id>,
}

/// What the column `settings` holds.
#[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct StoredSettings {
    /// The documented ones that every source has.
    pub(crate) common: CommonSettings,
    /// Those of its kind, without secrets.
    pub(crate) own: serde_json::Map<String, serde_json::Value>,
}

pub(crate) const COLUMNS: &str = "sources.id, type, community_id, name, active, settings, coalesce((SELECT error FROM polls WHERE polls.source_id = sources.id), error_message,
    (SELECT min(message) FROM source_troubles WHERE source_troubles.source_id = sources.id)), created_at, updated_at, channel_id";

pub(crate) fn source(row: &Row) -> Result<Source> {
    let (kind, settings): (String, String) = (row.get(1)?, row.get(5)?);
    Ok(Source {
        id: row.get(0)?,
        kind: kind_of(&kind)?,
        community_id: row.get(2)?,
        name: row.get(3)?,
        active: row.get(4)?,
        stored: serde_json::from_str(&settings)
            .map_err(|trouble| error::broken(format!("sources.settings: {trouble}")))?,
        error_message: row.get(6)?,
        created_at: row.get(7)?,
        updated_at: row.get(8)?,
        channel_id: row.get(9)?,
    })
}

/// The condition that a source is one that visitors write on.
pub const IS_MESSAGING: &str = "sources.type IN ('chat', 'mobile_messaging')";

/// The kind of a stored source; one that this version does not know is a broken store.
pub(crate) fn kind_of(name: &str) -> Result<&'static SourceKind> {
    frontdesk_sources::kind(name).ok_or_else(|| error::broken(format!("a source has the unknown type {name}")))
}

/// The sources that a list is about, and how much is on them.
pub(crate) struct Reach {
    pub(crate) source_ids: Vec<Id>,
    pub(crate) threads: i64,
    pub(crate) contents: i64,
    pub(crate) all_threads: i64,
    pub(crate) all_contents: i64,
    /// Whether these are all sources that there are.
    is_everything: bool,
}

/// Less than one in so many rows: then a list starts from the sources instead of passing over the rows of all others.
const RARE: i64 = 50;

impl Reach {
    /// The sources that the caller may read, as far as a search asks for them: each of `asked` is a list of ids, of which
    /// any or, negated, none is wanted.
    pub(crate) fn of(tx: &mut dyn Tx, caller: &Caller, asked: impl Iterator<Item = (Vec<Id>, bool)>) -> Result<Reach> {
        let mut source_ids = caller.sources_with(SourceRight::Read);
        for (ids, negated) in asked {
            source_ids.retain(|id| ids.contains(id) != negated);
        }
        let rows = tx.query("SELECT source_id, threads, contents FROM source_counters", args![])?;
        let is_everything = rows.len() == source_ids.len();
        let mut reach = Reach { source_ids, threads: 0, contents: 0, all_threads: 0, all_contents: 0, is_everything };
        for row in rows {
            let (threads, contents): (i64, i64) = (row.get(1)?, row.get(2)?);
            reach.all_threads += threads;
            reach.all_contents += contents;
            // They are in order.
            if reach.source_ids.binary_search(&row.get(0)?).is_ok() {
                reach.threads += threads;
                reach.contents += contents;
            }
        }
        Ok(reach)
    }

    /// Only threads on these sources.
    pub(crate) fn limit_threads(&self, tx: &dyn Tx, filter: &mut Filter) {
        if self.is_everything {
            return;
        }
        let all = Piece::one_of(tx.dialect(), "source_id", &self.source_ids).within("SELECT id FROM threads WHERE {}");
        let one = Piece::one_of(tx.dialect(), &tx.unindexed("threads.source_id"), &self.source_ids);
        limit(filter, all, one, self.threads < self.all_threads / RARE);
    }

    /// Only contents on these sources.
    pub(crate) fn limit_contents(&self, tx: &dyn Tx, filter: &mut Filter) {
        if self.is_everything {
            return;
        }
        let all = Piece::one_of(tx.dialect(), "threads.source_id", &self.source_ids)
            .within("SELECT contents.id AS id FROM threads JOIN contents ON contents.thread_id = threads.id WHERE {}");
        let one = Piece::one_of(tx.dialect(), "contents.source_id", &self.source_ids);
        limit(filter, all, one, self.contents < self.all_contents / RARE);
    }
}

fn limit(filter: &mut Filter, all: Piece, one: Piece, is_rare: bool) {
    match is_rare {
        true => filter.and_any(vec![Route::plain(all, one)], true),
        false => filter.and_piece(one),
    }
}

/// A source that the caller may read; anything else is missing.
pub(crate) fn find(tx: &mut dyn Tx, caller: &Caller, id: Id) -> Result<Source> {
    if !caller.may_on(id, SourceRight::Read) {
        return Err(error::not_found("source"));
    }
    by_id(tx, id)?.ok_or_else(|| error::not_found("source"))
}

/// An id in an answer that was kept.
pub(crate) fn told_id(answer: &serde_json::Value, name: &str) -> Result<Id> {
    let id = answer[name].as_str().and_then(|id| id.parse().ok());
    id.ok_or_else(|| error::broken(format!("a kept answer has no {name}")))
}

/// 404 unless the caller may still read the source that a kept answer is about.
pub fn still_readable(call: &Call, answer: &serde_json::Value, tx: &mut dyn Tx) -> Result<()> {
    find(tx, &call.caller, told_id(answer, "source_id")?).map(drop)
}

pub(crate) fn by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Source>> {
    let row = tx.first(&format!("SELECT {COLUMNS} FROM sources WHERE id = $1"), args![&id])?;
    row.map(|row| source(&row)).transpose()
}

/// The sources whose settings, as they are stored, hold one of these texts, and those of these kinds. Few do, and reading
/// settings takes longer than looking for a text.
pub(crate) fn with_settings(tx: &mut dyn Tx, texts: &[&str], kinds: fn(&SourceKind) -> bool) -> Result<Vec<Source>> {
    let texts = texts.iter().map(|text| format!("settings LIKE '%{text}%'"));
    let kinds = frontdesk_sources::kinds().iter().filter(|kind| kinds(kind));
    let kinds = kinds.map(|kind| format!("type = '{}'", kind.type_name));
    let any = texts.chain(kinds).collect::<Vec<_>>().join(" OR ");
    let rows = tx.query(&format!("SELECT {COLUMNS} FROM sources WHERE {any} ORDER BY id"), args![])?;
    rows.iter().map(source).collect()
}

/// Shows on the source why its channel cannot be reached, or that it can again.
pub(crate) fn set_error(tx: &mut dyn Tx, id: Id, message: Option<&str>) -> Result<()> {
    tx.execute(
        "UPDATE sources SET error_message = $2 WHERE id = $1 AND coalesce(error_message, '') <> coalesce($2, '')",
        args![&id, message],
    )?;
    Ok(())
}

/// Shows on the source what is wrong with a part of it that has nothing to do with its channel, or that it works again.
/// False when that was known.
pub fn set_trouble(tx: &mut dyn Tx, source_id: Id, part: &str, message: Option<&str>, now: Timestamp) -> Result<bool> {
    let key = args![&source_id, part];
    let known = tx.first("SELECT message FROM source_troubles WHERE source_id = $1 AND part = $2", key)?;
    let known: Option<String> = known.map(|row| row.get(0)).transpose()?;
    if known.as_deref() == message {
        return Ok(false);
    }
    match message {
        Some(message) => tx.execute(
            "INSERT INTO source_troubles (source_id, part, message, since) VALUES ($1, $2, $3, $4)
             ON CONFLICT (source_id, part) DO UPDATE SET message = excluded.message, since = excluded.since",
            args![&source_id, part, message, now],
        )?,
        None => {
            tx.execute("DELETE FROM source_troubles WHERE source_id = $1 AND part = $2", args![&source_id, part])?
        }
    };
    Ok(true)
}

/// Forgets what was wrong with parts of a source.
fn forget_troubles(tx: &mut dyn Tx, source_id: Id) -> Result<()> {
    tx.execute("DELETE FROM source_troubles WHERE source_id = $1", args![&source_id])?;
    Ok(())
}

/// Puts another category in the place of one that goes, in the settings of every source, or takes it out.
pub(crate) fn replace_category(call: &Call, id: Id, heir_id: Option<Id>, tx: &mut dyn Tx) -> Result<()> {
    for row in tx.query("SELECT id, settings FROM sources ORDER BY id", args![])? {
        let (source_id, settings): (Id, String) = (row.get(0)?, row.get(1)?);
        let mut stored: StoredSettings =
            serde_json::from_str(&settings).map_err(|trouble| error::broken(format!("sources.settings: {trouble}")))?;
        let common = &mut stored.common;
        let lists = [
            &mut common.default_category_ids,
            &mut common.user_thread_default_category_ids,
            &mut common.sla_filtering_category_ids,
        ];
        let mut is_changed = false;
        for list in lists.into_iter().filter(|list| list.contains(&id)) {
            is_changed = true;
            let heir_id = heir_id.filter(|heir_id| !list.contains(heir_id));
            *list = list.iter().filter_map(|one| if *one == id { heir_id } else { Some(*one) }).collect();
        }
        if is_changed {
            let settings = serde_json::to_string(&stored).map_err(|trouble| error::broken(trouble.to_string()))?;
            tx.execute(
                "UPDATE sources SET settings = $2, version = version + 1, updated_at = $3 WHERE id = $1",
                args![&source_id, &settings, call.env.now()],
            )?;
            let payload = serde_json::json!({ "source_id": source_id });
            tx.append(events::by(call, "content_source.updated", source_id, None, payload));
        }
    }
    Ok(())
}

pub(crate) fn operations(app: &Arc<Conversations>) -> Vec<Operation> {
    rest::operations(app)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messaging_sources_are_those_of_the_messaging_kinds() {
        let kinds = frontdesk_sources::kinds().iter().filter(|kind| kind.is_messaging);
        let mut names: Vec<String> = kinds.map(|kind| format!("'{}'", kind.type_name)).collect();
        names.sort_unstable();
        assert_eq!(IS_MESSAGING, format!("sources.type IN ({})", names.join(", ")));
    }
}
