//! What the assistant offers to who answers in a thread: the entries that fit there, in the version that fits best, with
//! their variables filled in.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use frontdesk_model::{Id, Result, error};
use frontdesk_rest::{Call, Operation, Page, Paging, given};
use frontdesk_store::search::fold;
use frontdesk_store::{Row, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::variables::{Values, filled};
use super::{is_offered, stored};
use crate::attachments::{self, ContentAttachment};
use crate::contents::{self, body};
use crate::identities::display_name;
use crate::threads::{self, Thread};
use crate::{Conversations, categories};

/// Characters of what is searched.
const SOUGHT_CHARACTERS_MAX: usize = 255;
/// Each word costs a walk over all versions.
const WORDS_MAX: usize = 8;

/// An answer that is kept ready, as it would be sent in this thread.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ReplySuggestion")]
struct Suggestion {
    /// The entry.
    id: Id,
    version_id: Id,
    label: String,
    shortcuts: Vec<String>,
    /// The group that it is in.
    group: Option<String>,
    language: Option<String>,
    /// As plain text, with what is known in place of its variables.
    body: String,
    /// The same as HTML that does nothing; null: it was written as plain text.
    body_html: Option<String>,
    /// Variables that nothing is known for; they stand in the text as they are.
    unfilled: Vec<&'static str>,
    /// The files that go out with it, to be named in `attachment_ids` of `createContent`.
    attachments: Vec<ContentAttachment>,
}

/// Parameters of `getReplySuggestions`.
#[derive(Deserialize, JsonSchema)]
struct Search {
    /// The content that is answered: its categories decide what is offered, and its author fills in the variables. The
    /// thread's categories and customer do when absent.
    in_reply_to_id: Option<String>,
    /// Words that name, shortcuts or text must hold, or their beginnings.
    #[schemars(length(max = SOUGHT_CHARACTERS_MAX))]
    words: Option<String>,
    /// The beginning of a shortcut, or of a name in a group with autocomplete.
    #[schemars(length(max = SOUGHT_CHARACTERS_MAX))]
    shortcut: Option<String>,
    /// The two-letter code of the language that is wanted; that of the content when absent.
    language: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

pub(super) fn operations(app: &Arc<Conversations>) -> Vec<Operation> {
    let path = "/content_threads/{threadId}/reply_suggestions";
    let app = app.clone();
    let search = move |call: &Call, parameters, tx: &mut dyn Tx| search(&app, call, parameters, tx);
    vec![
        Operation::read("getReplySuggestions", Method::GET, path, search)
            .tag("Reply Assistant Entries")
            .summary("Offers answers that are kept ready, as they would be sent in a thread.")
            .notes(
                "Entries and versions for other sources and other categories are left out. Of an entry it is the version \
                 in the wanted language, else one without a language, else any; one for this source before one for all. \
                 Ordered by how well they fit what is searched, then by group and name. Needs the right reply on the \
                 source.",
            )
            .extension(),
    ]
}

/// What is answered.
#[derive(Default)]
struct Occasion {
    category_ids: Vec<Id>,
    customer_id: Option<Id>,
    language: Option<String>,
}

impl Occasion {
    fn of(call: &Call, thread: &Thread, in_reply_to_id: Option<String>, tx: &mut dyn Tx) -> Result<Occasion> {
        let Some(id) = given::text(in_reply_to_id) else {
            let sql = "SELECT author_id, language FROM contents WHERE thread_id = $1 AND creator_id IS NULL
                       ORDER BY created_at DESC, id DESC LIMIT 1";
            let (customer_id, language) = match tx.first(sql, args![&thread.id])? {
                Some(row) => (row.get(0)?, row.get(1)?),
                None => (None, None),
            };
            return Ok(Occasion { category_ids: categories::of(tx, thread.id)?, customer_id, language });
        };
        let unknown = || {
            let message = "in_reply_to_id: there is no such content in this thread.";
            error::invalid("in_reply_to_id", "unknown", message)
        };
        let id: Id = id.parse().map_err(|_| unknown())?;
        let content = contents::find(tx, &call.caller, id).map_err(|e| e.or_missing(unknown))?;
        if content.thread_id != thread.id {
            return Err(unknown());
        }
        let language = tx.one("SELECT language FROM contents WHERE id = $1", args![&id])?.get(0)?;
        Ok(Occasion {
            category_ids: categories::told(tx, Some(id), content.intervention_id, thread.id)?,
            customer_id: if content.is_ours() { content.recipient_id } else { content.author_id },
            language,
        })
    }
}

/// An entry that is offered.
struct Candidate {
    id: Id,
    label: String,
    shortcuts: Vec<String>,
    group: Option<String>,
    version_id: Id,
    /// The lowest first: how well it fits, where its group stands, its name.
    place: (u8, i64, String),
}

fn search(app: &Conversations, call: &Call, parameters: Search, tx: &mut dyn Tx) -> Result<Page<Suggestion>> {
    let thread = threads::find(tx, &call.caller, call.id("threadId", "thread")?)?;
    call.caller.require_to_reply(thread.source_id)?;
    for (name, text) in [("words", &parameters.words), ("shortcut", &parameters.shortcut)] {
        if text.as_ref().is_some_and(|text| text.chars().count() > SOUGHT_CHARACTERS_MAX) {
            let message = format!("{name} has at most {SOUGHT_CHARACTERS_MAX} characters.");
            return Err(error::invalid(name, "too_long", message));
        }
    }
    let occasion = Occasion::of(call, &thread, parameters.in_reply_to_id, tx)?;
    let language = given::text(parameters.language).or(occasion.language);
    let sought = Sought::new(parameters.words.as_deref(), parameters.shortcut.as_deref(), tx)?;
    let mut candidates = candidates(tx, thread.source_id, &occasion.category_ids, language.as_deref(), &sought)?;
    candidates.sort_by(|one, other| (&one.place, one.id).cmp(&(&other.place, other.id)));
    let paging = parameters.paging;
    let count = i64::try_from(candidates.len()).unwrap_or(i64::MAX);
    let begin = usize::try_from(paging.offset).unwrap_or(usize::MAX).min(candidates.len());
    let length = usize::try_from(paging.limit).unwrap_or(0);
    let shown: Vec<Candidate> = candidates.into_iter().skip(begin).take(length).collect();
    let values = values(call, &thread, occasion.customer_id, tx)?;
    Ok(Page::new(count, paging, suggestions(tx, &app.public_url, shown, &values)?))
}

/// What somebody looks for.
struct Sought {
    words: Vec<String>,
    /// Entries with the word of this place in one of their texts.
    in_texts: Vec<HashSet<Id>>,
    /// Without case and accents.
    shortcut: Option<String>,
}

impl Sought {
    fn new(words: Option<&str>, shortcut: Option<&str>, tx: &mut dyn Tx) -> Result<Sought> {
        let words: Vec<String> =
            fold(words.unwrap_or_default()).split_whitespace().take(WORDS_MAX).map(str::to_owned).collect();
        let mut in_texts = Vec::with_capacity(words.len());
        for word in &words {
            // Nothing that LIKE would read otherwise is part of a word.
            let sql = "SELECT DISTINCT entry_id FROM reply_assistant_versions WHERE words LIKE $1 OR words LIKE $2";
            let rows = tx.query(sql, args![&format!("{word}%"), &format!("% {word}%")])?;
            in_texts.push(rows.iter().map(|row| row.get(0)).collect::<Result<_>>()?);
        }
        let shortcut = shortcut.map(|text| text.trim().trim_start_matches('/').to_lowercase());
        Ok(Sought { words, in_texts, shortcut })
    }

    /// How well an entry fits, 0 best; none: not at all.
    fn rank(&self, id: Id, label: &str, shortcuts: &[String], is_completed_by_name: bool) -> Option<u8> {
        let label = fold(label);
        if let Some(shortcut) = &self.shortcut {
            let mut keys = shortcuts.iter().map(|key| key.to_lowercase());
            if keys.clone().any(|key| key == *shortcut) {
                return Some(0);
            }
            if keys.any(|key| key.starts_with(shortcut.as_str())) {
                return Some(1);
            }
            return (is_completed_by_name && has_beginning(&label, &fold(shortcut))).then_some(2);
        }
        let mut rank = 0;
        for (word, texts) in self.words.iter().zip(&self.in_texts) {
            let named = has_beginning(&label, word) || shortcuts.iter().any(|key| fold(key).starts_with(word.as_str()));
            match named {
                true => {}
                false if texts.contains(&id) => rank = 1,
                false => return None,
            }
        }
        Some(rank)
    }
}

/// Whether one of these words begins so.
fn has_beginning(words: &str, beginning: &str) -> bool {
    words.starts_with(beginning) || words.contains(&format!(" {beginning}"))
}

fn candidates(
    tx: &mut dyn Tx,
    source_id: Id,
    category_ids: &[Id],
    language: Option<&str>,
    sought: &Sought,
) -> Result<Vec<Candidate>> {
    let versions = best_versions(tx, source_id, language)?;
    let rows = tx.query(
        "SELECT entries.id, entries.label, entries.shortcuts, entries.category_ids, entries.source_ids, own.name,
           own.position, own.autocomplete
         FROM reply_assistant_entries AS entries
         LEFT JOIN reply_assistant_groups AS own ON own.id = entries.group_id",
        args![],
    )?;
    let mut found = Vec::new();
    for row in &rows {
        let id: Id = row.get(0)?;
        let Some(version) = versions.get(&id) else { continue };
        let label: String = row.get(1)?;
        let shortcuts: Vec<String> = stored(&row.get::<String>(2)?)?;
        let Some(rank) = sought.rank(id, &label, &shortcuts, row.get::<Option<bool>>(7)?.unwrap_or(false)) else {
            continue;
        };
        let categories: Vec<Id> = stored(&row.get::<String>(3)?)?;
        if !categories.is_empty() && !categories.iter().any(|id| category_ids.contains(id)) {
            continue;
        }
        if !is_offered(&stored::<Id>(&row.get::<String>(4)?)?, source_id) {
            continue;
        }
        // What is in no group stands behind the groups.
        let position: Option<i64> = row.get(6)?;
        let place = (rank, position.unwrap_or(i64::MAX), fold(&label));
        found.push(Candidate { id, label, shortcuts, group: row.get(5)?, version_id: version.id, place });
    }
    Ok(found)
}

/// A version, and how well it fits: the lowest first.
struct Fitting {
    id: Id,
    rank: (u8, bool),
}

/// Of each entry the version that fits a source and a language best, the oldest of several.
fn best_versions(tx: &mut dyn Tx, source_id: Id, language: Option<&str>) -> Result<HashMap<Id, Fitting>> {
    let rows = tx.query(
        "SELECT id, entry_id, language, source_ids FROM reply_assistant_versions ORDER BY created_at, id",
        args![],
    )?;
    let mut best: HashMap<Id, Fitting> = HashMap::new();
    for row in &rows {
        let source_ids: Vec<Id> = stored(&row.get::<String>(3)?)?;
        if !is_offered(&source_ids, source_id) {
            continue;
        }
        let fits = match (row.get::<Option<String>>(2)?, language) {
            (Some(own), Some(wanted)) if frontdesk_model::languages::speaks(&own, wanted) => 0,
            (None, _) => 1,
            (Some(_), _) => 2,
        };
        let rank = (fits, source_ids.is_empty());
        let (id, entry_id): (Id, Id) = (row.get(0)?, row.get(1)?);
        match best.get(&entry_id) {
            Some(other) if other.rank <= rank => {}
            _ => {
                best.insert(entry_id, Fitting { id, rank });
            }
        }
    }
    Ok(best)
}

/// With their texts and files.
fn suggestions(
    tx: &mut dyn Tx,
    public_url: &str,
    candidates: Vec<Candidate>,
    values: &Values,
) -> Result<Vec<Suggestion>> {
    let ids: Vec<Id> = candidates.iter().map(|candidate| candidate.version_id).collect();
    let sql =
        format!("SELECT id, body, body_format, language FROM reply_assistant_versions WHERE {}", tx.in_list("id", 1));
    let rows = tx.query(&sql, args![&ids])?;
    let texts = rows.iter().map(|row| Ok((row.get::<Id>(0)?, row))).collect::<Result<HashMap<Id, &Row>>>()?;
    let mut files = attachments::of_versions(tx, public_url, &ids)?;
    let suggestion = |candidate: Candidate| {
        let row = texts.get(&candidate.version_id).ok_or_else(|| error::broken("a version without a text"))?;
        let (text, format): (String, String) = (row.get(1)?, row.get(2)?);
        let is_html = format == "html";
        let filled = filled(&text, values, is_html);
        let (body, body_html) = match is_html {
            true => {
                let shown = body::formatted(&filled.body.as_str().into(), &format);
                (shown.text.to_string(), Some(shown.html))
            }
            false => (filled.body, None),
        };
        Ok(Suggestion {
            id: candidate.id,
            version_id: candidate.version_id,
            label: candidate.label,
            shortcuts: candidate.shortcuts,
            group: candidate.group,
            language: row.get(3)?,
            body,
            body_html,
            unfilled: filled.unfilled,
            attachments: files.remove(&candidate.version_id).unwrap_or_default(),
        })
    };
    candidates.into_iter().map(suggestion).collect()
}

/// What variables stand for in this thread. What colleagues know of a customer counts before what their channel tells.
fn values(call: &Call, thread: &Thread, customer_id: Option<Id>, tx: &mut dyn Tx) -> Result<Values> {
    let customer = match customer_id {
        Some(id) => tx.first(
            "SELECT COALESCE(known.firstname, people.firstname), COALESCE(known.lastname, people.lastname),
               people.screenname, people.email
             FROM identities AS people LEFT JOIN identity_groups AS known ON known.id = people.identity_group_id
             WHERE people.id = $1",
            args![&id],
        )?,
        None => None,
    };
    let [firstname, lastname, screenname, email] = match customer {
        Some(row) => [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?],
        None => [const { None::<String> }; 4],
    };
    let agent = tx.one("SELECT firstname, lastname, nickname FROM users WHERE id = $1", args![&call.caller.user_id])?;
    let [agent_firstname, agent_lastname, nickname]: [Option<String>; 3] =
        [agent.get(0)?, agent.get(1)?, agent.get(2)?];
    let full_name = display_name(agent_firstname.as_deref(), agent_lastname.as_deref(), None);
    let agent_name = nickname.or(full_name);
    let source_name = tx.one("SELECT name FROM sources WHERE id = $1", args![&thread.source_id])?.get(0)?;
    Ok(Values([
        display_name(firstname.as_deref(), lastname.as_deref(), screenname.as_deref()),
        firstname,
        lastname,
        email,
        agent_name,
        agent_firstname,
        agent_lastname,
        source_name,
        thread.title.clone(),
    ]))
}
