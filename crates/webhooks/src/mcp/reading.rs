//! Tools that read.

use std::collections::HashMap;
use std::fmt::Write;

use frontdesk_model::error::Error;
use frontdesk_model::{Id, Result};
use frontdesk_rest::Rest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::text::{Fence, cut, row};
use super::tools::{Desk, Effect, Page, Told, Tool, id};

const THREADS_DEFAULT: i64 = 10;
const THREADS_MAX: i64 = 25;
const CONTENTS_DEFAULT: i64 = 20;
const CONTENTS_MAX: i64 = 50;
/// The texts of a page of contents together; each gets an equal share.
const PAGE_CHARACTERS_MAX: usize = 40_000;
const INTERVENTIONS_MAX: i64 = 20;
const COMMENTS_MAX: i64 = 20;
/// So many customers of one page are named.
const NAMES_MAX: usize = 10;
const NAME_CHARACTERS_MAX: usize = 200;
/// Of notes, extra values and custom fields each.
const NOTES_CHARACTERS_MAX: usize = 4_000;
const TAGS_MAX: usize = 50;
const CATEGORIES_MAX: i64 = 150;

pub(super) fn tools(rest: &Rest) -> Vec<Tool> {
    let language = rest.operation("getAllThreads").map(|operation| operation.notes).unwrap_or_default();
    vec![
        Tool::new(
            "search_threads",
            "Search threads",
            "Finds conversations on the sources that you may read, the latest first. Without q it lists all of them.",
            Effect::Reads,
            |_| true,
            search_threads,
        )
        .explain("q", &format!(" {language}")),
        Tool::new(
            "read_conversation",
            "Read a conversation",
            "Reads a thread: its contents oldest first, its interventions and the comments on them. Without offset it \
             shows the latest contents; go back with a smaller offset. Long texts are cut: ask for fewer contents at \
             once to see more of each.",
            Effect::Reads,
            |_| true,
            read_conversation,
        ),
        Tool::new(
            "read_identity",
            "Read a customer",
            "Reads what is known about a customer: their identity on one channel, and the group of all their \
             identities, with notes, tags and custom fields.",
            Effect::Reads,
            |_| true,
            read_identity,
        ),
        Tool::new(
            "list_categories",
            "List categories",
            "Lists the categories into which threads and interventions are sorted. They make trees: parent_id says what \
             is above.",
            Effect::Reads,
            |_| true,
            list_categories,
        ),
    ]
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Search {
    /// What to look for.
    q: Option<String>,
    /// How many threads to skip.
    #[schemars(range(min = 0))]
    offset: Option<i64>,
    /// How many threads to return: 10 when absent, at most 25.
    #[schemars(range(min = 1, max = THREADS_MAX))]
    limit: Option<i64>,
}

#[derive(Serialize, JsonSchema)]
struct Threads {
    /// How many there are; of very many, at least so many.
    count: i64,
    offset: i64,
    threads: Vec<Thread>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Thread {
    id: Id,
    source_id: Id,
    /// Its title: often the customer's words.
    #[serde(rename(serialize = "untrusted_title"))]
    title: Option<String>,
    /// Whether nobody can reply any more.
    closed: bool,
    contents_count: i64,
    interventions_count: i64,
    /// Those of the thread and of its interventions.
    category_ids: Vec<Id>,
    /// Those of the thread alone.
    thread_category_ids: Vec<Id>,
    created_at: String,
    updated_at: String,
}

impl Thread {
    fn shortened(mut self) -> Thread {
        self.title = self.title.map(|title| cut(&title, NAME_CHARACTERS_MAX).0);
        self
    }

    fn tell(&self, fence: &Fence) -> String {
        let Thread { id, source_id, contents_count, interventions_count, category_ids, updated_at, .. } = self;
        let closed = if self.closed { ", closed" } else { "" };
        let mut text = format!(
            "Thread {id} on source {source_id}: {contents_count} contents, {interventions_count} interventions{closed}, \
             changed {updated_at}, categories {}\n",
            row(category_ids)
        );
        if let Some(title) = &self.title {
            text.push_str(&fence.around(title));
        }
        text
    }
}

impl Told for Threads {
    fn tell(&self, fence: &Fence) -> String {
        let mut text = format!("{} threads in all, shown from number {}.\n", self.count, self.offset);
        text.push_str(&fence.explain());
        self.threads.iter().for_each(|thread| text.push_str(&thread.tell(fence)));
        text
    }
}

async fn search_threads(desk: Desk, asked: Search) -> Result<Threads> {
    let (offset, limit) = window(asked.offset, asked.limit, THREADS_DEFAULT, THREADS_MAX);
    let parameters = json!({ "q": asked.q.unwrap_or_default(), "offset": offset, "limit": limit });
    let page: Page<Thread> = desk.run("getAllThreads", &[], parameters).await?;
    let threads = page.records.into_iter().map(Thread::shortened).collect();
    Ok(Threads { count: page.count, offset, threads })
}

fn window(offset: Option<i64>, limit: Option<i64>, default: i64, max: i64) -> (i64, i64) {
    (offset.unwrap_or(0).max(0), limit.unwrap_or(default).clamp(1, max))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Read {
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
struct Conversation {
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

async fn read_conversation(desk: Desk, asked: Read) -> Result<Conversation> {
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

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Who {
    /// The identity, such as the identity_id of a customer's content.
    identity_id: String,
}

/// What is known about a customer.
#[derive(Serialize, JsonSchema)]
struct Customer {
    identity_id: Id,
    community_id: Id,
    /// What the customer and their channel tell about them, and what colleagues noted: fields that are not set are absent.
    untrusted_identity: Map<String, Value>,
    /// All their identities together; absent while nobody has joined this one with others.
    identity_group_id: Option<Id>,
    /// What is known about the person, beyond this identity.
    untrusted_group: Map<String, Value>,
    /// Names of the group's tags.
    tags: Vec<String>,
    /// Values of the group's custom fields, by key.
    untrusted_custom_fields: Map<String, Value>,
}

const OF_IDENTITY: [&str; 12] = [
    "type",
    "foreign_id",
    "display_name",
    "screenname",
    "firstname",
    "lastname",
    "company",
    "email",
    "home_phone",
    "mobile_phone",
    "gender",
    "extra_values",
];
const OF_GROUP: [&str; 9] =
    ["firstname", "lastname", "company", "gender", "notes", "emails", "home_phones", "mobile_phones", "identity_ids"];

#[derive(Deserialize)]
struct Tag {
    name: String,
}

async fn read_identity(desk: Desk, asked: Who) -> Result<Customer> {
    let identity_id = id(&asked.identity_id, "identity")?;
    let path = identity_id.to_string();
    let mut identity: Map<String, Value> = desk.run("getIdentity", &[("identityId", &path)], json!({})).await?;
    let read_id = |value: Option<&Value>| value.and_then(Value::as_str).and_then(|text| text.parse::<Id>().ok());
    let identity_group_id = read_id(identity.get("identity_group_id"));
    let community_id = read_id(identity.get("community_id")).unwrap_or_default();
    let mut group = Map::new();
    if let Some(id) = identity_group_id {
        group = desk.run("getIdentityGroup", &[("identityGroupId", &id.to_string())], json!({})).await?;
    }
    let tag_ids = group.get("tag_ids").and_then(Value::as_array).into_iter().flatten();
    let tag_ids: Vec<&str> = tag_ids.filter_map(Value::as_str).take(TAGS_MAX).collect();
    let mut tags = Vec::new();
    if !tag_ids.is_empty() {
        let page: Page<Tag> =
            desk.run("getAllTags", &[], json!({ "ids": tag_ids.join(","), "limit": TAGS_MAX })).await?;
        tags = page.records.into_iter().map(|tag| tag.name).collect();
    }
    let untrusted_custom_fields = match group.remove("custom_field_values").map(shorten) {
        Some(Value::Object(values)) => values,
        Some(cut) => Map::from_iter([("cut".into(), cut)]),
        None => Map::new(),
    };
    Ok(Customer {
        identity_id,
        community_id,
        untrusted_identity: chosen(&mut identity, &OF_IDENTITY),
        identity_group_id,
        untrusted_group: chosen(&mut group, &OF_GROUP),
        tags,
        untrusted_custom_fields,
    })
}

/// The named values that say something.
fn chosen(all: &mut Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    let says = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(items) => !items.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    };
    let take = |name: &&str| all.remove(*name).filter(says).map(|value| ((*name).to_owned(), shorten(value)));
    names.iter().filter_map(take).collect()
}

/// A value, or the beginning of its text when that is long.
fn shorten(value: Value) -> Value {
    let text = match &value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match cut(&text, NOTES_CHARACTERS_MAX) {
        (_, 0) => value,
        (begun, left) => format!("{begun} ({left} more characters are left out)").into(),
    }
}

impl Told for Customer {
    fn tell(&self, fence: &Fence) -> String {
        let list = |values: &Map<String, Value>| {
            let line = |(name, value): (&String, &Value)| match value {
                Value::String(text) => format!("{name}: {text}\n"),
                other => format!("{name}: {other}\n"),
            };
            values.iter().map(line).collect::<String>().trim_end().to_owned()
        };
        let mut text = fence.explain();
        let _ = writeln!(text, "Identity {} in community {}:", self.identity_id, self.community_id);
        text.push_str(&fence.around(&list(&self.untrusted_identity)));
        let Some(id) = self.identity_group_id else { return text };
        let _ = writeln!(text, "Identity group {id}, tags {}:", row(&self.tags));
        text.push_str(&fence.around(&list(&self.untrusted_group)));
        if !self.untrusted_custom_fields.is_empty() {
            text.push_str("Its custom fields:\n");
            text.push_str(&fence.around(&list(&self.untrusted_custom_fields)));
        }
        text
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Categories {
    /// Only the categories right below this one.
    parent_id: Option<String>,
    /// How many to skip.
    #[schemars(range(min = 0))]
    offset: Option<i64>,
}

#[derive(Serialize, JsonSchema)]
struct CategoryList {
    /// How many there are.
    count: i64,
    offset: i64,
    /// At most 150.
    categories: Vec<Category>,
}

/// Something into which threads and interventions are sorted.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Category {
    id: Id,
    name: String,
    /// The category above.
    parent_id: Option<Id>,
    /// Whether an object may carry several categories below this root.
    multiple: bool,
    /// Whether this root itself cannot be chosen.
    unselectable: bool,
    /// Where this root and what is below it are offered; empty: everywhere.
    source_ids: Vec<Id>,
}

async fn list_categories(desk: Desk, asked: Categories) -> Result<CategoryList> {
    let (offset, limit) = window(asked.offset, None, CATEGORIES_MAX, CATEGORIES_MAX);
    let mut parameters = json!({ "offset": offset, "limit": limit });
    if let Some(parent_id) = asked.parent_id.filter(|id| !id.is_empty()) {
        parameters["parent_id"] = parent_id.into();
    }
    let page: Page<Category> = desk.run("getAllCategories", &[], parameters).await?;
    Ok(CategoryList { count: page.count, offset, categories: page.records })
}

impl Told for CategoryList {
    fn tell(&self, _: &Fence) -> String {
        let mut text = format!("{} categories in all, shown from number {}.\n", self.count, self.offset);
        for Category { id, name, parent_id, unselectable, source_ids, .. } in &self.categories {
            let _ = write!(text, "{id}: {name}");
            if let Some(parent_id) = parent_id {
                let _ = write!(text, ", below {parent_id}");
            }
            if *unselectable {
                text.push_str(", cannot be chosen itself");
            }
            if !source_ids.is_empty() {
                let _ = write!(text, ", on sources {}", row(source_ids));
            }
            text.push('\n');
        }
        text
    }
}
