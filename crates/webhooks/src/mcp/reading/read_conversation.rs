//! Reading a conversation.

use std::collections::HashMap;
use std::fmt::Write;

use frontdesk_model::error::Error;
use frontdesk_model::{Id, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::search_threads::Thread;
use super::{NAME_CHARACTERS_MAX, NOTES_CHARACTERS_MAX, window};
use crate::mcp::text::{Fence, cut, row};
use crate::mcp::tools::{Desk, Page, Told, id};

const CONTENTS_DEFAULT: i64 = 20;
const CONTENTS_MAX: i64 = 50;
/// The texts of a page of contents together; each gets an equal share.
const PAGE_CHARACTERS_MAX: usize = 40_000;
const INTERVENTIONS_MAX: i64 = 20;
const COMMENTS_MAX: i64 = 20;
/// So many customers of one page are named.
const NAMES_MAX: usize = 10;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Read {
    /// The thread.
    thread_id: String,
    /// How many of its contents to skip, from the oldest; when absent, so many that the latest are shown.
    #[schemars(range(min = 0))]
    offset: Option<i64>,
    /// How many contents to return: 20 when absent, at most 50.
    #[schemars(range(min = 1, max = CONTENTS_MAX))]
    limit: Option<i64>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Conversation {
    thread: Thread,
    /// How many contents the thread has.
    contents_count: i64,
    offset: i64,
    /// Oldest first.
    contents: Vec<Shown>,
    /// The tickets of the thread, latest first: at most 20.
    interventions: Vec<Intervention>,
    /// What colleagues noted on them, latest first: at most 20. Customers never see it.
    comments: Vec<Comment>,
}

/// One message.
#[derive(Serialize, JsonSchema)]
struct Shown {
    id: Id,
    created_at: String,
    by: By,
    /// The customer's identity, or the one that was written as.
    identity_id: Option<Id>,
    /// The customer's name, as they give it.
    untrusted_name: Option<String>,
    /// The user who wrote it.
    user_id: Option<Id>,
    /// new, assigned, forwarded, replied, user_reply, user_initiated or ignored.
    status: String,
    /// The ticket that it belongs to.
    intervention_id: Option<Id>,
    /// Whether it waits for a person's approval and has not been sent.
    approval_required: bool,
    /// success, export_pending (not sent yet), export_failure or export_aborted (never sent).
    synchronization_status: String,
    /// Names of the files that came with it.
    untrusted_attachments: Vec<String>,
    /// What it says.
    untrusted_text: String,
    /// How many characters of it are left out here.
    characters_left_out: usize,
}

#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum By {
    /// A customer, or somebody else outside.
    Customer,
    /// A user of this account.
    Agent,
    /// A program of this account.
    Program,
}

#[derive(Deserialize)]
struct Content {
    id: Id,
    created_at: String,
    author_id: Option<Id>,
    creator_id: Option<Id>,
    status: String,
    intervention_id: Option<Id>,
    auto_submitted: bool,
    approval_required: bool,
    synchronization_status: String,
    attachments: Vec<Attachment>,
    body_formatted: Formatted,
}

#[derive(Deserialize)]
struct Attachment {
    filename: Option<String>,
}

#[derive(Deserialize)]
struct Formatted {
    text: String,
}

impl Content {
    fn by(&self) -> By {
        let is_ours = self.creator_id.is_some() || self.status.starts_with("user_");
        match (self.auto_submitted && is_ours, is_ours) {
            (true, _) => By::Program,
            (false, true) => By::Agent,
            (false, false) => By::Customer,
        }
    }

    fn shown(self, names: &HashMap<Id, String>, characters_max: usize) -> Shown {
        let by = self.by();
        let (untrusted_text, characters_left_out) = cut(&self.body_formatted.text, characters_max);
        let name =
            |attachment: &Attachment| cut(attachment.filename.as_deref().unwrap_or("file"), NAME_CHARACTERS_MAX).0;
        Shown {
            id: self.id,
            created_at: self.created_at,
            by,
            identity_id: self.author_id,
            untrusted_name: self.author_id.and_then(|id| names.get(&id).cloned()),
            user_id: self.creator_id,
            status: self.status,
            intervention_id: self.intervention_id,
            approval_required: self.approval_required,
            synchronization_status: self.synchronization_status,
            untrusted_attachments: self.attachments.iter().map(name).collect(),
            untrusted_text,
            characters_left_out,
        }
    }
}

/// A ticket.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Intervention {
    id: Id,
    identity_id: Id,
    /// Whose it is; nobody's while it waits for an agent.
    user_id: Option<Id>,
    /// A label in the account's language.
    status: String,
    closed: bool,
    category_ids: Vec<Id>,
    created_at: String,
}

/// A note of a colleague.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Comment {
    id: Id,
    intervention_id: Id,
    user_id: Id,
    body: String,
    created_at: String,
}

#[derive(Deserialize)]
struct Named {
    display_name: Option<String>,
}

pub(super) async fn read_conversation(desk: Desk, asked: Read) -> Result<Conversation> {
    let thread_id = id(&asked.thread_id, "thread")?;
    let path = thread_id.to_string();
    let thread: Thread = desk.run("getThread", &[("threadId", &path)], json!({})).await?;
    let (_, limit) = window(None, asked.limit, CONTENTS_DEFAULT, CONTENTS_MAX);
    let offset = asked.offset.unwrap_or(thread.contents_count - limit).max(0);
    let q = format!("thread:{path} order:created_at.asc");
    let page: Page<Content> =
        desk.run("getAllContents", &[], json!({ "q": q, "offset": offset, "limit": limit })).await?;
    let of_thread = |limit: i64| json!({ "thread_id": path, "limit": limit });
    let interventions: Page<Intervention> = desk.run("getAllInterventions", &[], of_thread(INTERVENTIONS_MAX)).await?;
    let comments: Page<Comment> = desk.run("getAllInterventionComments", &[], of_thread(COMMENTS_MAX)).await?;
    let names = names(&desk, &page.records).await?;
    let characters_max = PAGE_CHARACTERS_MAX / page.records.len().max(1);
    let shorten = |mut comment: Comment| {
        comment.body = cut(&comment.body, NOTES_CHARACTERS_MAX).0;
        comment
    };
    Ok(Conversation {
        thread: thread.shortened(),
        contents_count: page.count,
        offset,
        contents: page.records.into_iter().map(|content| content.shown(&names, characters_max)).collect(),
        interventions: interventions.records,
        comments: comments.records.into_iter().map(shorten).collect(),
    })
}

/// What the authors of these contents call themselves.
async fn names(desk: &Desk, contents: &[Content]) -> Result<HashMap<Id, String>> {
    let mut ids: Vec<Id> = contents.iter().filter_map(|content| content.author_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut names = HashMap::new();
    for id in ids.into_iter().take(NAMES_MAX) {
        match desk.run("getIdentity", &[("identityId", &id.to_string())], json!({})).await {
            Ok(Named { display_name: Some(name) }) => drop(names.insert(id, cut(&name, NAME_CHARACTERS_MAX).0)),
            Ok(Named { display_name: None }) => {}
            // Gone since.
            Err(Error::Refused(refusal)) if refusal.status == 404 => {}
            Err(error) => return Err(error),
        }
    }
    Ok(names)
}

impl Told for Conversation {
    fn tell(&self, fence: &Fence) -> String {
        let mut text = fence.explain() + &self.thread.tell(fence);
        let end = self.offset.saturating_add(i64::try_from(self.contents.len()).unwrap_or(0));
        let _ = writeln!(
            text,
            "\nContents {} to {end} of {}, oldest first:",
            self.offset.saturating_add(1),
            self.contents_count
        );
        for content in &self.contents {
            text.push_str(&content.tell(fence));
        }
        if !self.interventions.is_empty() {
            text.push_str("\nInterventions:\n");
        }
        for Intervention { id, identity_id, user_id, status, closed, category_ids, .. } in &self.interventions {
            let whose = user_id.map_or("nobody".into(), |id| format!("user {id}"));
            let state = if *closed { "closed" } else { "open" };
            let categories = row(category_ids);
            let _ = writeln!(
                text,
                "Intervention {id}: {state} ({status}), of {whose}, for identity {identity_id}, categories {categories}"
            );
        }
        if !self.comments.is_empty() {
            text.push_str("\nComments of colleagues, which customers never see:\n");
        }
        for Comment { intervention_id, user_id, body, created_at, .. } in &self.comments {
            let _ = writeln!(text, "{created_at} user {user_id} on intervention {intervention_id}:");
            text.push_str(&fence.around(body));
        }
        text
    }
}

impl Shown {
    fn tell(&self, fence: &Fence) -> String {
        let who = match (self.by, self.user_id) {
            (By::Customer, _) => "customer".to_owned(),
            (By::Agent, Some(id)) => format!("agent (user {id})"),
            (By::Agent, None) => "agent".to_owned(),
            (By::Program, _) => "program".to_owned(),
        };
        let mut text = format!("Content {} at {} by {who}", self.id, self.created_at);
        if let Some(id) = self.identity_id {
            let _ = write!(text, ", identity {id}");
        }
        if let Some(id) = self.intervention_id {
            let _ = write!(text, ", intervention {id}");
        }
        let _ = write!(text, ", status {}", self.status);
        match self.synchronization_status.as_str() {
            _ if self.approval_required => text.push_str(", NOT SENT: waits for a person's approval"),
            "success" => {}
            "export_pending" => text.push_str(", not sent yet"),
            other => {
                let _ = write!(text, ", NOT SENT: {other}");
            }
        }
        text.push('\n');
        let mut words = String::new();
        if let Some(name) = &self.untrusted_name {
            let _ = writeln!(words, "From: {name}");
        }
        if !self.untrusted_attachments.is_empty() {
            let _ = writeln!(words, "Files: {}", row(&self.untrusted_attachments));
        }
        words.push_str(&self.untrusted_text);
        text.push_str(&fence.around(&words));
        if self.characters_left_out > 0 {
            let _ = writeln!(text, "({} more characters are left out.)", self.characters_left_out);
        }
        text
    }
}
