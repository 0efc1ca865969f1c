//! The operations on contents.

use std::collections::HashMap;
use std::sync::Arc;

use frontdesk_model::{Id, Permission, Result, SourceRight, Timestamp, error, query};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging, Unfilled};
use frontdesk_sources::inbound::ContentObject;
use frontdesk_sources::outbound::ContentAction;
use frontdesk_store::{Filter, Row, Searched, Text, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::anonymise;
use super::body::{Formatted, formatted};
use super::remote::{CustomAction, Language};
use super::waiting::Approval;
use super::{WrittenAs, commands, remote, search, waiting};
use crate::attachments::ContentAttachment;
use crate::sources::{Channel, Reach};
use crate::{Conversations, attachments, categories, delivery, identities, sources};

/// A content as REST shows it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Content")]
struct Answer {
    id: Id,
    source_id: Id,
    source_type: &'static str,
    source_url: Option<Text>,
    thread_id: Id,
    author_id: Option<Id>,
    creator_id: Option<Id>,
    /// The group of its author; null while they are in none.
    identity_group_id: Option<Id>,
    foreign_id: Option<Text>,
    r#type: Text,
    created_from: Text,
    private_message: bool,
    /// new, assigned, forwarded, replied, user_reply, user_initiated or ignored.
    status: Text,
    intervention_id: Option<Id>,
    in_reply_to_id: Option<Id>,
    in_reply_to_author_id: Option<Id>,
    first_in_thread: bool,
    language: Option<Text>,
    title: Option<Text>,
    body: Text,
    body_formatted: Formatted,
    /// text or html.
    #[schemars(extend("enum" = ["text", "html"]))]
    body_input_format: Text,
    /// The body before it was translated; null: nothing is translated in this version.
    original_body: Unfilled<String>,
    source_language: Unfilled<String>,
    target_language: Unfilled<String>,
    translated_body: Unfilled<String>,
    translation_error: Unfilled<String>,
    #[schemars(extend("enum" = ["pending", "success", "error", null]))]
    translation_status: Unfilled<String>,
    attachments_count: i64,
    attachments: Vec<ContentAttachment>,
    /// Its own; if it has none, its intervention's; if that has none, its thread's.
    category_ids: Vec<Id>,
    approval_required: bool,
    auto_submitted: bool,
    published: bool,
    remotely_deleted: bool,
    /// success, export_pending, export_failure or export_aborted.
    synchronization_status: Text,
    synchronization_error: Option<Text>,
    /// When it is tried again, after an attempt that failed; a time that has passed: it is being tried (`extended=true`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    next_attempt_at: Option<Timestamp>,
    /// Types of structured messages that a reply may use.
    capabilities_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context_data: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    foreign_categories: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    structured_content: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    structured_reply: Option<Value>,
    /// How many stars a review gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    rating: Option<i64>,
    /// What a visitor thought of an answer; null: the window does not ask in this version.
    #[schemars(extend("enum" = ["THUMBS_UP", "THUMBS_DOWN", null]))]
    rated_with: Unfilled<String>,
    rating_reason: Unfilled<String>,
    /// When the customer's side said that it was read (`extended=true`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    read_at: Option<Timestamp>,
    /// When it goes out, while it waits for that (`extended=true`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    scheduled_at: Option<Timestamp>,
    /// What only its channel knows and can do with it: buttons (`extended=true`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    custom_actions: Option<Vec<CustomAction>>,
    /// How the caller may answer it (`extended=true`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    reply_options: Option<ReplyOptions>,
    /// What its channel lets be done with it, of reply, show, publish, unpublish and delete; absent as long as the channel
    /// has not told what it can (`extended=true`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    channel_actions: Option<Vec<&'static str>>,
    /// Why it cannot be answered, for people; with extended=true, and only where that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    unanswerable: Option<Value>,
    /// What the channel lets be done with it.
    #[serde(skip)]
    actions: Option<Value>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// How a content may be answered.
#[derive(Serialize, JsonSchema)]
struct ReplyOptions {
    /// Whether an answer can be private to a public content; one to a private content always is.
    private: bool,
    /// Whether it can be written in HTML, publicly or as privately as the content is.
    html: bool,
    /// Whether a private one can be.
    private_html: bool,
}

impl ReplyOptions {
    fn of(call: &Call, channel: &Channel, private: bool, r#type: &str) -> ReplyOptions {
        let writes_html = call.caller.may_on(channel.source_id, SourceRight::ReplyWithHtml);
        let html = |object| writes_html && commands::takes_html(channel, object);
        let private_html = html(ContentObject::PrivateMessage);
        // Everybody reads what is said to one.
        let is_review = r#type == ContentObject::Review.as_str();
        ReplyOptions {
            private: !private && !is_review && !channel.kind.is_messaging && commands::takes_private(channel),
            html: if private { private_html } else { html(channel.kind.public_object) },
            private_html,
        }
    }
}

const SELECT: &str = "SELECT contents.id, contents.source_id, contents.source_url, contents.thread_id,
    contents.author_id, contents.creator_id, contents.foreign_id, contents.type, contents.created_from,
    contents.private, contents.status, contents.intervention_id, contents.in_reply_to_id,
    contents.first_in_thread, contents.language, contents.title, contents.body, contents.body_format,
    contents.attachments_count, contents.approval_required, contents.auto_submitted, contents.published,
    contents.remotely_deleted, contents.synchronization_status, contents.synchronization_error, contents.extras,
    contents.read_at, contents.created_at, contents.updated_at, contents.scheduled_at
    FROM contents";

fn answer(row: &Row, extended: bool) -> Result<Answer> {
    let (body, body_input_format): (Text, Text) = (row.get(16)?, row.get(17)?);
    let mut extras: Map<String, Value> = match row.get::<Option<Text>>(25)? {
        Some(text) => {
            serde_json::from_str(&text).map_err(|trouble| error::broken(format!("contents.extras: {trouble}")))?
        }
        None => Map::new(),
    };
    Ok(Answer {
        id: row.get(0)?,
        source_id: row.get(1)?,
        source_type: "",
        source_url: row.get(2)?,
        thread_id: row.get(3)?,
        author_id: row.get(4)?,
        creator_id: row.get(5)?,
        identity_group_id: None,
        foreign_id: row.get(6)?,
        r#type: row.get(7)?,
        created_from: row.get(8)?,
        private_message: row.get(9)?,
        status: row.get(10)?,
        intervention_id: row.get(11)?,
        in_reply_to_id: row.get(12)?,
        in_reply_to_author_id: None,
        first_in_thread: row.get(13)?,
        language: row.get(14)?,
        title: row.get(15)?,
        body_formatted: formatted(&body, &body_input_format),
        body,
        body_input_format,
        original_body: Unfilled::default(),
        source_language: Unfilled::default(),
        target_language: Unfilled::default(),
        translated_body: Unfilled::default(),
        translation_error: Unfilled::default(),
        translation_status: Unfilled::default(),
        attachments_count: row.get(18)?,
        attachments: Vec::new(),
        category_ids: Vec::new(),
        approval_required: row.get(19)?,
        auto_submitted: row.get(20)?,
        published: row.get(21)?,
        remotely_deleted: row.get(22)?,
        synchronization_status: row.get(23)?,
        synchronization_error: row.get(24)?,
        next_attempt_at: None,
        capabilities_supported: Vec::new(),
        context_data: extras.remove("context_data"),
        foreign_categories: extras.remove("foreign_categories"),
        structured_content: extras.remove("structured_content"),
        structured_reply: extras.remove("structured_reply"),
        rating: extras.remove("rating").and_then(|stars| stars.as_i64()),
        rated_with: Unfilled::default(),
        rating_reason: Unfilled::default(),
        read_at: row.get::<Option<Timestamp>>(26)?.filter(|_| extended),
        scheduled_at: row.get::<Option<Timestamp>>(29)?.filter(|_| extended),
        custom_actions: None,
        reply_options: None,
        channel_actions: None,
        unanswerable: extras.remove("unanswerable").filter(|_| extended),
        actions: extras.remove("actions"),
        created_at: row.get(27)?,
        updated_at: row.get(28)?,
    })
}

/// The authors of these contents and of those that they answer. Most of what is answered is in the same window, so looking
/// it up row by row would read twice what is there already.
fn authors_with_parents(tx: &mut dyn Tx, answers: &[Answer]) -> Result<HashMap<Id, Option<Id>>> {
    let mut authors: HashMap<Id, Option<Id>> = answers.iter().map(|content| (content.id, content.author_id)).collect();
    let mut others: Vec<Id> = answers.iter().filter_map(|content| content.in_reply_to_id).collect();
    others.retain(|parent| !authors.contains_key(parent));
    others.sort_unstable();
    others.dedup();
    if !others.is_empty() {
        let sql = format!("SELECT id, author_id FROM {} CROSS JOIN contents WHERE id = wanted.value", tx.wanted(1));
        for row in tx.query(&sql, args![&others])? {
            authors.insert(row.get(0)?, row.get(1)?);
        }
    }
    Ok(authors)
}

/// Rows as answers, with their attachments, categories and authors' groups: a statement each for the whole window.
fn answers(app: &Conversations, call: &Call, rows: &[Row], tx: &mut dyn Tx) -> Result<Vec<Answer>> {
    let mut answers = rows.iter().map(|row| answer(row, call.extended)).collect::<Result<Vec<_>>>()?;
    let with_files: Vec<Id> = answers.iter().filter(|c| c.attachments_count > 0).map(|c| c.id).collect();
    let mut files: HashMap<Id, Vec<ContentAttachment>> = match with_files.is_empty() {
        true => HashMap::new(),
        false => attachments::of_contents(tx, &app.public_url, &with_files)?,
    };
    let mut objects: Vec<Id> = Vec::with_capacity(answers.len() * 3);
    for content in &answers {
        objects.extend([content.id, content.thread_id]);
        objects.extend(content.intervention_id);
    }
    objects.sort_unstable();
    objects.dedup();
    let categories = categories::of_many(tx, &objects)?;
    let mut authors: Vec<Id> = answers.iter().filter_map(|content| content.author_id).collect();
    authors.sort_unstable();
    authors.dedup();
    let groups = identities::groups_of(tx, &authors)?;
    let authors = authors_with_parents(tx, &answers)?;
    let mut source_ids: Vec<Id> = answers.iter().map(|content| content.source_id).collect();
    source_ids.sort_unstable();
    source_ids.dedup();
    let channels = app.channels.current(tx, &app.seal, &source_ids)?;
    let failing = |content: &Answer| {
        &*content.synchronization_status == "export_pending" && content.synchronization_error.is_some()
    };
    let failing: Vec<Id> = answers.iter().filter(|content| call.extended && failing(content)).map(|c| c.id).collect();
    let mut attempts = delivery::next_attempts(tx, &failing, call.env.now())?;
    let mut language = Language::default();
    for content in &mut answers {
        content.next_attempt_at = attempts.remove(&content.id);
        content.identity_group_id = content.author_id.and_then(|author| groups.get(&author).copied());
        content.in_reply_to_author_id =
            content.in_reply_to_id.and_then(|parent| authors.get(&parent).copied()).flatten();
        if let Some(channel) = channels.get(&content.source_id) {
            content.source_type = channel.kind.type_name;
            content.capabilities_supported = channel.capabilities();
            if call.extended {
                // What is gone from its channel can have nothing done with it.
                let actions = content.actions.as_ref().filter(|_| !content.remotely_deleted);
                let buttons = remote::buttons(channel, &content.r#type, actions, &mut language, call, tx)?;
                content.custom_actions = Some(buttons);
                content.reply_options = Some(ReplyOptions::of(call, channel, content.private_message, &content.r#type));
                let is_there = content.foreign_id.is_some() && !content.remotely_deleted;
                let ours = super::is_ours(content.creator_id, &content.status);
                let standard = remote::standard_actions(channel, &content.r#type, content.actions.as_ref(), ours);
                content.channel_actions = standard.map(|all| if is_there { all } else { Vec::new() });
            }
        }
        content.attachments = files.remove(&content.id).unwrap_or_default();
        let sources = [Some(content.id), content.intervention_id, Some(content.thread_id)];
        content.category_ids =
            sources.into_iter().flatten().find_map(|id| categories.get(&id).cloned()).unwrap_or_default();
    }
    Ok(answers)
}

/// Parameters of `getAllContents`.
#[derive(Deserialize, JsonSchema)]
struct List {
    /// A search, such as `thread:"id" order:created_at.asc`: see above.
    q: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

/// Parameters of `createContent`.
#[derive(Deserialize, JsonSchema)]
struct Create {
    /// The identity to write as; the caller's first identity on the source when absent.
    author_id: Option<String>,
    /// The text. It may be missing when there are attachments or a structured content.
    #[serde(default)]
    body: Option<String>,
    /// Ours: text (when absent) or html, where the channel takes it. HTML needs the right reply_with_html too.
    body_format: Option<WrittenAs>,
    /// The content to answer. When absent, a discussion is initiated on source_id.
    in_reply_to_id: Option<String>,
    /// Whether only the recipient reads it, where the source knows private messages.
    private: Option<bool>,
    /// The source to write on; not needed for an answer.
    source_id: Option<String>,
    /// Uploaded attachments to send along.
    attachment_ids: Option<Vec<Id>>,
    /// Whether a program wrote it.
    auto_submitted: Option<bool>,
    /// A title, for a new thread.
    title: Option<String>,
    /// The recipient of a new discussion: on a Channel SDK source, an identity's foreign_id.
    to: Option<Value>,
    /// E-mail sources only.
    cc: Option<Vec<String>>,
    /// E-mail sources only.
    bcc: Option<Vec<String>>,
    /// WhatsApp sources only.
    template_name: Option<String>,
    /// WhatsApp sources only.
    template_language: Option<String>,
    /// A structured message, on sources whose contents show capabilities_supported; its type and what belongs to it. On a
    /// source that has no such type, its text is sent. See the page on structured messages.
    structured_content: Option<Map<String, Value>>,
    /// Messaging sources only: true stops the customer from typing, false lets them.
    disable_text_input_on_thread: Option<bool>,
    /// Ours: true asks for approval before it goes out, where the setting self_approval_required allows that.
    approval_required: Option<bool>,
    /// Ours: when it goes out, at most a year ahead; at once when absent. Needs delay_export_content.
    scheduled_at: Option<String>,
    /// Ours: the versions of the reply assistant that it was written with, for the journal. One that has been deleted is
    /// left out.
    reply_assistant_version_ids: Option<Vec<Id>>,
}

/// Parameters of `draftContent`.
#[derive(Deserialize, JsonSchema)]
struct Suggest {
    /// The content that it answers.
    in_reply_to_id: String,
    /// The text.
    body: String,
}

/// Parameters of `updateContent`.
#[derive(Deserialize, JsonSchema)]
struct Update {
    /// Another text.
    body: Option<String>,
    /// Another time to go out; empty: as soon as it may. Needs delay_export_content.
    scheduled_at: Option<String>,
}

/// Parameters of `approveContent`.
#[derive(Deserialize, JsonSchema)]
struct Approve {
    /// The content's updated_at as it was shown: the approval is for that state and no other.
    updated_at: Option<String>,
}

fn seen_at(parameters: Approve) -> Result<Option<Timestamp>> {
    let text = parameters.updated_at.filter(|text| !text.is_empty());
    let parse = |text: String| {
        Timestamp::parse_iso(&text).ok_or_else(|| error::bad_request("updated_at: must be a time as it is shown."))
    };
    text.map(parse).transpose()
}

/// Parameters of `rejectContent`.
#[derive(Deserialize, JsonSchema)]
struct Reject {
    /// Why, for its author.
    reason: Option<String>,
}

/// Parameters of `performContentAction`.
#[derive(Deserialize, JsonSchema)]
struct Perform {
    /// The name of one of the content's custom_actions.
    name: String,
}

/// Parameters of `categorizeContent`.
#[derive(Deserialize, JsonSchema)]
struct Categorise {
    /// The new categories; an empty list removes all.
    category_ids: Vec<Id>,
}

/// Parameters of `updateCustomScore`.
#[derive(Deserialize, JsonSchema)]
struct Score {
    /// The score. It has to be there: 400 without it, as documented.
    custom_score: Option<f64>,
}

pub(super) fn operations(app: &Arc<Conversations>) -> Vec<Operation> {
    let tag = "Contents";
    let id = |call: &Call| call.id("contentId", "content");
    let [for_list, for_show, for_create, for_ignore, for_categorise, for_export, for_anonymise] =
        std::array::from_fn(|_| app.clone());
    vec![
        Operation::read("getAllContents", Method::GET, "/contents", move |call, parameters, tx| {
            list(&for_list, call, parameters, tx)
        })
        .tag(tag)
        .summary("Lists the contents of sources that the caller may read, newest first.")
        .notes(&search::DESCRIPTION),
        Operation::write("createContent", Method::POST, "/contents", move |call, parameters, tx| {
            let id = commands::create(&for_create, call, &draft(parameters), tx)?;
            show(&for_create, call, id, tx)
        })
        .tag(tag)
        .summary("Answers a content, or initiates a discussion.")
        .notes(
            "The content is stored now and pushed to its channel later: synchronization_status tells. An answer to a \
             content that nobody has engaged opens an intervention for the caller; under a closed intervention it is \
             422. Needs the right reply or initiate_discussion on the source.",
        )
        .replay(sources::still_readable),
        Operation::read("getContent", Method::GET, "/contents/{contentId}", move |call, _: NoParameters, tx| {
            show(&for_show, call, id(call)?, tx)
        })
        .tag(tag)
        .summary("Reads a content."),
        Operation::write(
            "ignoreContent",
            Method::PUT,
            "/contents/{contentId}/ignore",
            move |call, _: NoParameters, tx| {
                commands::ignore(call, id(call)?, tx)?;
                show(&for_ignore, call, id(call)?, tx)
            },
        )
        .tag(tag)
        .summary("Marks a customer's content as not worth an answer."),
        Operation::write(
            "categorizeContent",
            Method::PUT,
            "/contents/{contentId}/update_categories",
            move |call, parameters: Categorise, tx| {
                commands::categorise(call, id(call)?, &parameters.category_ids, tx)?;
                show(&for_categorise, call, id(call)?, tx)
            },
        )
        .tag(tag)
        .summary("Replaces the categories of a content."),
        Operation::write(
            "updateCustomScore",
            Method::PUT,
            "/contents/{contentId}/update_custom_score",
            move |call, parameters: Score, tx| -> Result<Answer> {
                if parameters.custom_score.is_none() {
                    return Err(error::bad_request("custom_score: must be a number."));
                }
                crate::contents::find(tx, &call.caller, id(call)?)?;
                Err(error::not_found("configuration of custom scores"))
            },
        )
        .tag(tag)
        .summary("Sets the custom score of a content.")
        .notes("Custom scores cannot be configured here, which is always 404."),
        Operation::write(
            "anonymizeContent",
            Method::PUT,
            "/contents/{contentId}/anonymize",
            move |call, _: NoParameters, tx| {
                anonymise::anonymise_one(call, id(call)?, tx)?;
                show(&for_anonymise, call, id(call)?, tx)
            },
        )
        .tag(tag)
        .summary("Erases what a content says: text, title, files and what its channel told; there is no way back.")
        .notes("Its files are served no more; their bytes stay in the data directory, where other contents may share them.")
        .permissions(&[Permission::AnonymizeIdentity])
        .extension(),
        Operation::write(
            "exportContentAgain",
            Method::PUT,
            "/contents/{contentId}/export",
            move |call, _: NoParameters, tx| {
                commands::export_again(&for_export, call, id(call)?, tx)?;
                show(&for_export, call, id(call)?, tx)
            },
        )
        .tag(tag)
        .summary("Sends a content again that its channel did not take.")
        .notes(
            "Only in the states export_failure and export_aborted. Needs the right reply on the source, or \
             initiate_discussion for the first words of a discussion. What was withdrawn or not approved is sent again by its author or by who may approve it; it waits for approval again \
             if it waited for that, or if the caller's contents may need it. 403 while the thread is closed, 422 while \
             the intervention is.",
        )
        .extension(),
    ]
    .into_iter()
    .chain(waiting_operations(app))
    .chain(remote_operations(app))
    .collect()
}

/// What can be done with a content that its channel has.
fn remote_operations(app: &Arc<Conversations>) -> Vec<Operation> {
    let act = |action: ContentAction| {
        let app = app.clone();
        move |call: &Call, _: NoParameters, tx: &mut dyn Tx| -> Result<Answer> {
            let id = call.id("contentId", "content")?;
            remote::act(&app, call, id, action, tx)?;
            show(&app, call, id, tx)
        }
    };
    let (publish, unpublish) = ("/contents/{contentId}/publish", "/contents/{contentId}/unpublish");
    let operations = [
        Operation::write("publishContent", Method::PUT, publish, act(ContentAction::Publish))
            .summary("Lets everybody on the channel see a content.")
            .permissions(&[Permission::PublishContent]),
        Operation::write("unpublishContent", Method::PUT, unpublish, act(ContentAction::Unpublish))
            .summary("Lets nobody on the channel see a content any longer.")
            .permissions(&[Permission::PublishContent]),
        Operation::write("deleteContent", Method::DELETE, "/contents/{contentId}", act(ContentAction::Delete))
            .summary("Deletes a content on its channel; here it stays, with remotely_deleted."),
    ];
    let notes = "Only where the channel says in implementation.info that it can, and of a customer's content also with \
                 the content itself (actions): otherwise 422. It is pushed to the channel later: until then \
                 synchronization_status is export_pending, and asking for more is a 409. When the channel refuses in \
                 the end, the content stays as it was and synchronization_error tells why. Deleting needs the right \
                 destroy on the source.";
    let mut operations: Vec<Operation> = operations.into_iter().map(|operation| operation.notes(notes)).collect();
    let (for_perform, for_refresh) = (app.clone(), app.clone());
    operations.push(
        Operation::write(
            "performContentAction",
            Method::POST,
            "/contents/{contentId}/actions",
            move |call, parameters: Perform, tx| {
                let id = call.id("contentId", "content")?;
                remote::perform(&for_perform, call, id, &parameters.name, tx)?;
                show(&for_perform, call, id, tx)
            },
        )
        .summary("Lets the channel do something with a content that only it knows: one of its custom_actions.")
        .notes(
            "The channel is asked later, and once: until then synchronization_status is export_pending, and asking for \
             more is a 409. What it answers of the content is taken over; when it refuses, synchronization_error tells \
             why. Needs the right reply on the source.",
        )
        .replay(sources::still_readable),
    );
    operations.push(
        Operation::write(
            "refreshContent",
            Method::PUT,
            "/contents/{contentId}/refresh",
            move |call, _: NoParameters, tx| {
                let id = call.id("contentId", "content")?;
                remote::refresh(&for_refresh, call, id, tx)?;
                show(&for_refresh, call, id, tx)
            },
        )
        .summary("Asks the channel for a content once more, and takes over what has changed.")
        .notes(
            "Only where the channel says in implementation.info that it can show contents: otherwise 422. It is asked \
             later: until then synchronization_status is export_pending, and asking for more is a 409. Of contents that \
             were written here the text stays as it was written. Needs the right reply on the source.",
        ),
    );
    operations.into_iter().map(|operation| operation.tag("Contents").extension()).collect()
}

/// What can be done with a content that has not gone out yet.
fn waiting_operations(app: &Arc<Conversations>) -> Vec<Operation> {
    let tag = "Contents";
    let id = |call: &Call| call.id("contentId", "content");
    let [for_draft, for_approve, for_reject, for_withdraw, for_update] = std::array::from_fn(|_| app.clone());
    vec![
        Operation::write("draftContent", Method::POST, "/contents/draft", move |call, parameters: Suggest, tx| {
            let id = commands::create(&for_draft, call, &suggested(parameters)?, tx)?;
            show(&for_draft, call, id, tx)
        })
        .tag(tag)
        .summary("Drafts an answer to a content: it waits until somebody else has approved it.")
        .notes(
            "For programs that suggest what people send. As createContent, but whatever the author's rights and the \
             setting self_approval_required say, it goes out only after approveContent. Needs the right reply on the \
             source.",
        )
        .extension()
        .replay(sources::still_readable),
        Operation::write(
            "approveContent",
            Method::PUT,
            "/contents/{contentId}/approve",
            move |call, parameters: Approve, tx| {
                waiting::approve(call, id(call)?, seen_at(parameters)?, tx)?;
                show(&for_approve, call, id(call)?, tx)
            },
        )
        .tag(tag)
        .summary("Approves a content that waits for that: it goes out, or waits for its time.")
        .notes(
            "Needs the right reply on the source. Nobody approves what they wrote, or whose text they \
             changed last, nor in the name of somebody else. With updated_at, 409 when the content has changed since.",
        )
        .permissions(&[Permission::ApproveContent])
        .extension(),
        Operation::write(
            "rejectContent",
            Method::PUT,
            "/contents/{contentId}/reject",
            move |call, parameters: Reject, tx| {
                waiting::reject(call, id(call)?, parameters.reason.as_deref(), tx)?;
                show(&for_reject, call, id(call)?, tx)
            },
        )
        .tag(tag)
        .summary("Refuses a content that waits for approval: it is export_aborted, with the reason as its error.")
        .notes("Needs the right reply on the source.")
        .permissions(&[Permission::ApproveContent])
        .extension(),
        Operation::write(
            "withdrawContent",
            Method::PUT,
            "/contents/{contentId}/withdraw",
            move |call, _: NoParameters, tx| {
                waiting::withdraw(call, id(call)?, tx)?;
                show(&for_withdraw, call, id(call)?, tx)
            },
        )
        .tag(tag)
        .summary("Takes a content back that waits for approval or for its time: it is export_aborted.")
        .notes(
            "Its author can, and who holds update_intervention or approve_content. A content that is scheduled some \
             seconds ahead can so be undone.",
        )
        .extension(),
        Operation::write("updateContent", Method::PUT, "/contents/{contentId}", move |call, parameters: Update, tx| {
            let edit = waiting::Edit { body: parameters.body, scheduled_at: parameters.scheduled_at };
            waiting::edit(call, &for_update.seal, id(call)?, &edit, tx)?;
            show(&for_update, call, id(call)?, tx)
        })
        .tag(tag)
        .summary("Changes a content that waits for approval or for its time.")
        .notes(
            "Its author can who may still write such a content, and who may approve it; who changes the text leaves the \
             approval to somebody else. A text that was approved already needs approval again.",
        )
        .extension(),
    ]
}

fn draft(parameters: Create) -> commands::Draft {
    commands::Draft {
        author_id: parameters.author_id,
        body: parameters.body.unwrap_or_default(),
        body_format: parameters.body_format.unwrap_or_default(),
        in_reply_to_id: parameters.in_reply_to_id,
        private: parameters.private.unwrap_or(false),
        source_id: parameters.source_id,
        attachment_ids: parameters.attachment_ids.unwrap_or_default(),
        auto_submitted: parameters.auto_submitted.unwrap_or(false),
        title: parameters.title.filter(|title| !title.is_empty()),
        to: parameters.to.filter(|to| !to.is_null() && to.as_str() != Some("")),
        addressing: vec![
            ("cc", "e-mail sources", parameters.cc.is_some_and(|cc| !cc.is_empty())),
            ("bcc", "e-mail sources", parameters.bcc.is_some_and(|bcc| !bcc.is_empty())),
            ("template_name", "WhatsApp sources", parameters.template_name.is_some_and(|name| !name.is_empty())),
            (
                "template_language",
                "WhatsApp sources",
                parameters.template_language.is_some_and(|language| !language.is_empty()),
            ),
        ],
        structured_content: parameters.structured_content.filter(|given| !given.is_empty()),
        disable_text_input_on_thread: parameters.disable_text_input_on_thread,
        approval: match parameters.approval_required {
            Some(true) => Approval::Asked,
            Some(false) | None => Approval::ByRights,
        },
        scheduled_at: parameters.scheduled_at.filter(|text| !text.is_empty()),
        reply_assistant_version_ids: parameters.reply_assistant_version_ids.unwrap_or_default(),
    }
}

fn suggested(parameters: Suggest) -> Result<commands::Draft> {
    if parameters.in_reply_to_id.is_empty() {
        let message = "in_reply_to_id must not be empty: a draft answers a content.";
        return Err(error::invalid("in_reply_to_id", "blank", message));
    }
    Ok(commands::Draft {
        body: parameters.body,
        in_reply_to_id: Some(parameters.in_reply_to_id),
        approval: Approval::Draft,
        ..commands::Draft::default()
    })
}

fn show(app: &Conversations, call: &Call, id: Id, tx: &mut dyn Tx) -> Result<Answer> {
    let rows = tx.query(&format!("{SELECT} WHERE contents.id = $1"), args![&id])?;
    let readable = |content: &Answer| call.caller.may_on(content.source_id, SourceRight::Read);
    answers(app, call, &rows, tx)?.pop().filter(readable).ok_or_else(|| error::not_found("content"))
}

fn list(app: &Conversations, call: &Call, parameters: List, tx: &mut dyn Tx) -> Result<Page<Answer>> {
    let terms = query::parse(parameters.q.as_deref().unwrap_or(""))?;
    let query = search::LANGUAGE.read(&terms, Timestamp::parse_iso)?;
    let Paging { offset, limit } = parameters.paging;
    let asked = query.conditions.iter().filter(|condition| condition.means == search::Means::Source);
    let reach = Reach::of(tx, &call.caller, asked.map(|condition| (condition.ids(), condition.negated)))?;
    let mut filter = Filter::default();
    reach.limit_contents(tx, &mut filter);
    let is_filtered = search::apply(&query, tx, &mut filter)?;
    // Maintained counters tell the two commonest counts.
    let count = match search::only_thread(&query) {
        Some(thread_id) => {
            let row = tx.first("SELECT contents_count, source_id FROM threads WHERE id = $1", args![&thread_id])?;
            match row {
                Some(row) if reach.source_ids.contains(&row.get(1)?) => Some(row.get(0)?),
                _ => Some(0),
            }
        }
        None => (!is_filtered).then_some(reach.contents),
    };
    let (order, rows) = (search::order(&query), reach.all_contents);
    let list = Searched { table: "contents", select: SELECT, order, rows, count };
    let (count, rows) = filter.search(tx, &list, offset, limit)?;
    Ok(Page::new(count, parameters.paging, answers(app, call, &rows, tx)?))
}
