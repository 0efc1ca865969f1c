//! Answering, writing first, ignoring, categorising, and sending again.

use frontdesk_model::{Id, Result, SourceRight, Timestamp, error};
use frontdesk_rest::Call;
use frontdesk_sources::inbound::{BodyFormat, ContentObject, InboundAuthor};
use frontdesk_sources::outbound::Formats;
use frontdesk_store::{Tx, args};
use serde_json::{Map, Value, json};

use super::waiting::{self, Approval, Hold, Matter};
use super::{Content, NewContent, WrittenAs, automation, body, find, refreshing, states, structured};
use crate::categories::{self, Object};
use crate::sources::{self, Channel};
use crate::{Conversations, attachments, events, identities, interventions, pace, reply_assistant, threads};

/// At most this many characters in a body (Channel SDK, objects page).
const BODY_CHARACTERS_MAX: usize = 20_000;
const TITLE_CHARACTERS_MAX: usize = 1_000;
const FOREIGN_ID_CHARACTERS_MAX: usize = 255;

/// What an agent or a bot writes.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) author_id: Option<String>,
    pub(super) body: String,
    pub(super) body_format: WrittenAs,
    pub(super) in_reply_to_id: Option<String>,
    pub(super) private: bool,
    pub(super) source_id: Option<String>,
    pub(super) attachment_ids: Vec<Id>,
    pub(super) auto_submitted: bool,
    pub(super) title: Option<String>,
    pub(super) to: Option<Value>,
    /// Parameters of kinds of sources that there are none of, with who takes them, and whether they are given: refused.
    pub(super) addressing: Vec<(&'static str, &'static str, bool)>,
    pub(super) structured_content: Option<Map<String, Value>>,
    pub(super) disable_text_input_on_thread: Option<bool>,
    pub(super) approval: Approval,
    pub(super) scheduled_at: Option<String>,
    /// Of the reply assistant, where it was written with its help.
    pub(super) reply_assistant_version_ids: Vec<Id>,
}

/// Where and how a draft goes out.
pub(super) struct Route {
    pub(super) channel: Channel,
    pub(super) object: ContentObject,
    thread_id: Id,
    is_new_thread: bool,
    in_reply_to_id: Option<Id>,
    recipient_id: Option<Id>,
    intervention: Option<interventions::Intervention>,
}

/// Writes a content: an answer when it names what it answers, else a new discussion. It is stored now and pushed to its
/// channel later. Returns its id.
pub(super) fn create(app: &Conversations, call: &Call, draft: &Draft, tx: &mut dyn Tx) -> Result<Id> {
    check(draft)?;
    let route = match draft.in_reply_to_id.as_deref().filter(|id| !id.is_empty()) {
        Some(parent) => reply_route(app, call, draft, parent, tx)?,
        None => initiate_route(app, call, draft, tx)?,
    };
    check_against(draft, &route.channel)?;
    if let Some(fault) = (route.channel.kind.body_fault)(route.object, &draft.body) {
        return Err(error::invalid("body", "too_long", format!("body {fault}.")));
    }
    check_title(draft, &route)?;
    check_files(draft, &route)?;
    let mut format = body_format(call, draft, &route)?;
    let channel = &route.channel;
    let author_id = author(call, draft, channel, tx)?;
    let (id, now) = (call.env.id(), call.env.now());
    let mut attachments_count = attachments::use_files(tx, call, channel, id, &draft.attachment_ids)?;
    let mut extras = Map::new();
    let mut body = draft.body.as_str();
    let fitted = draft.structured_content.as_ref().map(|given| structured::fit(call, &route, given, body, id, tx));
    let fitted = fitted.transpose()?;
    match &fitted {
        Some(structured::Fitted::Message { content, files }) => {
            extras.insert(structured::KEY.into(), content.clone());
            attachments_count += files;
        }
        Some(structured::Fitted::Text(text)) => (body, format) = (text, BodyFormat::Text),
        None => {}
    }
    let is_reply = route.in_reply_to_id.is_some();
    let status = if is_reply { "user_reply" } else { "user_initiated" };
    let matter = Matter {
        source_id: channel.source_id,
        thread_id: is_reply.then_some(route.thread_id),
        recipient_id: route.recipient_id,
        at: now,
    };
    let hold = Hold::of(call, &app.seal, matter, draft.approval, draft.scheduled_at.as_deref(), tx)?;
    let goes_out = hold.is_on() || channel.kind.delivery.is_some();
    let synchronization_status = if goes_out { "export_pending" } else { "success" };
    let private = route.object == ContentObject::PrivateMessage;
    let intervention_id = route.intervention.as_ref().map(|intervention| intervention.id);
    if hold.approval {
        extras.extend(waiting::hand(call));
    }
    let language = if is_reply { language_of(tx, channel, route.thread_id)? } else { None };
    let extras = Some(extras).filter(|extras| !extras.is_empty()).map(|extras| Value::Object(extras).to_string());
    let new = NewContent {
        id,
        source_id: channel.source_id,
        thread_id: route.thread_id,
        is_new_thread: route.is_new_thread,
        first_in_thread: route.is_new_thread,
        author_id,
        creator_id: Some(call.caller.user_id),
        recipient_id: route.recipient_id,
        intervention_id,
        in_reply_to_id: route.in_reply_to_id,
        foreign_id: None,
        object: route.object,
        private,
        status,
        title: draft.title.as_deref(),
        body,
        format,
        language: language.as_deref(),
        created_from: "api",
        source_url: None,
        approval_required: hold.approval,
        auto_submitted: draft.auto_submitted,
        published: true,
        attachments_count,
        synchronization_status,
        scheduled_at: hold.until,
        extras: extras.as_deref(),
        created_at: now,
    };
    super::insert(tx, &new, now)?;
    if let Some(disabled) = draft.disable_text_input_on_thread {
        threads::switch_text_input(call, route.thread_id, channel.source_id, disabled, tx)?;
    }
    if let Some(intervention) = route.intervention.as_ref().filter(|_| !hold.is_on()) {
        interventions::count_reply(tx, intervention, id, now)?;
    }
    tell(call, &new, tx)?;
    let version_ids = &draft.reply_assistant_version_ids;
    reply_assistant::used(call, version_ids, id, route.thread_id, channel.source_id, tx)?;
    Ok(id)
}

/// The language of an answer. A conversation with a visitor is in that of the trigger that it began with.
fn language_of(tx: &mut dyn Tx, channel: &Channel, thread_id: Id) -> Result<Option<String>> {
    if !channel.kind.is_messaging {
        return Ok(None);
    }
    let sql = "SELECT language FROM contents WHERE thread_id = $1 ORDER BY created_at, id LIMIT 1";
    Ok(tx.first(sql, args![&thread_id])?.map(|row| row.get(0)).transpose()?.flatten())
}

/// Appends that the caller has written a content, and that it waits for approval if it does.
fn tell(call: &Call, new: &NewContent, tx: &mut dyn Tx) -> Result<()> {
    let payload = json!({
        "source_id": new.source_id, "author_id": new.author_id, "intervention_id": new.intervention_id,
        "in_reply_to_id": new.in_reply_to_id, "status": new.status, "type": new.object.as_str(),
        "first_in_thread": new.first_in_thread, "private": new.private, "approval_required": new.approval_required,
        "category_ids": categories::told(tx, None, new.intervention_id, new.thread_id)?,
    });
    let kind = match new.scheduled_at {
        Some(_) => "content.discussion_planned",
        None => waiting::written(new.in_reply_to_id.is_some()),
    };
    tx.append(events::by(call, kind, new.id, Some(new.thread_id), payload.clone()));
    if new.approval_required {
        tx.append(events::by(call, "content.approval_requested", new.id, Some(new.thread_id), payload));
    }
    Ok(())
}

/// What is wrong with a draft wherever it goes.
fn check(draft: &Draft) -> Result<()> {
    check_body(&draft.body, !draft.attachment_ids.is_empty() || draft.structured_content.is_some())?;
    if draft.title.as_ref().is_some_and(|title| title.chars().count() > TITLE_CHARACTERS_MAX) {
        return Err(error::invalid(
            "title",
            "too_long",
            format!("title has at most {TITLE_CHARACTERS_MAX} characters."),
        ));
    }
    Ok(())
}

/// What is wrong with a body; it may be empty beside something else.
pub(super) fn check_body(body: &str, has_more: bool) -> Result<()> {
    if body.trim().is_empty() && !has_more {
        return Err(error::invalid("body", "blank", "body must not be empty."));
    }
    if body.chars().count() > BODY_CHARACTERS_MAX {
        return Err(error::invalid("body", "too_long", format!("body has at most {BODY_CHARACTERS_MAX} characters.")));
    }
    Ok(())
}

/// What this kind of source does not take: refused, never ignored.
fn check_against(draft: &Draft, channel: &Channel) -> Result<()> {
    let refuse = |name: &str, what: &str| {
        let message = match channel.kind.implementation {
            None if name == "private" && !channel.kind.is_messaging => {
                format!("{name}: the channel takes no {what}: it does not tell private_messages.create.")
            }
            _ => format!("{name}: sources of type {} take no {what}.", channel.kind.type_name),
        };
        Err(error::invalid(name, "not_supported", message))
    };
    let only = |name: &str, takers: &str| {
        let message = format!("{name}: only {takers} take it; this source is of type {}.", channel.kind.type_name);
        Err(error::invalid(name, "not_supported", message))
    };
    if let Some((name, takers, _)) = draft.addressing.iter().find(|(.., given)| *given) {
        return only(name, takers);
    }
    if draft.disable_text_input_on_thread.is_some() && !channel.kind.is_messaging {
        return only("disable_text_input_on_thread", "messaging sources");
    }
    if draft.private && (channel.kind.is_messaging || !takes_private(channel)) {
        return refuse("private", "private messages");
    }
    Ok(())
}

/// Whether there are private messages there, as far as the channel has told yet.
pub(super) fn takes_private(channel: &Channel) -> bool {
    channel.implementation.as_ref().is_none_or(|told| told.can(ContentObject::PrivateMessage, "create"))
}

/// A title that the channel would not show is refused: the options messages.no_title and private_messages.no_title.
fn check_title(draft: &Draft, route: &Route) -> Result<()> {
    if route.object == ContentObject::Thread {
        return Ok(());
    }
    let option = format!("{}s.no_title", route.object.as_str());
    let has_none = route.channel.options().is_some_and(|options| options.contains(&option));
    if draft.title.is_some() && has_none {
        let message = format!("title: the channel shows none (its option {option}); leave it out.");
        return Err(error::invalid("title", "not_supported", message));
    }
    Ok(())
}

/// Files that the channel does not take are refused, never left out: the options such as messages.attachments. Those of
/// a structured message go in it as links, whatever the options are.
fn check_files(draft: &Draft, route: &Route) -> Result<()> {
    let Some(delivery) = route.channel.kind.delivery.as_ref().filter(|_| !draft.attachment_ids.is_empty()) else {
        return Ok(());
    };
    match (delivery.missing_for_files)(route.object, route.channel.options()) {
        None => Ok(()),
        Some(option) => {
            let message = format!("attachment_ids: the channel takes no files here (it has no option {option}).");
            Err(error::invalid("attachment_ids", "not_supported", message))
        }
    }
}

/// How the body is written. HTML needs a right of its own, and a channel that takes it.
fn body_format(call: &Call, draft: &Draft, route: &Route) -> Result<BodyFormat> {
    if let WrittenAs::Text = draft.body_format {
        return Ok(BodyFormat::Text);
    }
    if !call.caller.may_on(route.channel.source_id, SourceRight::ReplyWithHtml) {
        return Err(error::forbidden("You may not write HTML on this source."));
    }
    if !takes_html(&route.channel, route.object) {
        let message = "body_format: the channel takes plain text only here.";
        return Err(error::invalid("body_format", "not_supported", message));
    }
    let has_more = !draft.attachment_ids.is_empty() || draft.structured_content.is_some();
    check_body(&body::text(&draft.body, BodyFormat::Html.as_str()), has_more)?;
    Ok(BodyFormat::Html)
}

/// Whether a channel takes HTML in contents of this kind.
pub(super) fn takes_html(channel: &Channel, object: ContentObject) -> bool {
    let delivery = channel.kind.delivery.as_ref();
    delivery.is_some_and(|delivery| (delivery.formats)(object, channel.options()) != Formats::Text)
}

fn unknown(attribute: &str, noun: &str) -> error::Error {
    error::invalid(attribute, "unknown", format!("{attribute}: there is no such {noun}, or you may not read it."))
}

fn reply_route(app: &Conversations, call: &Call, draft: &Draft, parent: &str, tx: &mut dyn Tx) -> Result<Route> {
    let parent_id = parent.parse().map_err(|_| unknown("in_reply_to_id", "content"))?;
    let parent =
        find(tx, &call.caller, parent_id).map_err(|e| e.or_missing(|| unknown("in_reply_to_id", "content")))?;
    call.caller.require_to_reply(parent.source_id)?;
    if draft.to.is_some() {
        let message = "to: a reply goes to whom it answers; leave it out, or leave out in_reply_to_id.";
        return Err(error::invalid("to", "not_supported", message));
    }
    let channel = channel(app, parent.source_id, tx)?;
    let thread = threads::find(tx, &call.caller, parent.thread_id)?;
    if thread.closed {
        return Err(error::forbidden("The thread is closed: open it to reply."));
    }
    // Something may be done with a customer's content at the moment; it is on its channel all the same.
    if parent.synchronization_status != "success" && parent.is_ours() {
        let message = "in_reply_to_id: this content is not on its channel yet; wait until it is.";
        return Err(error::invalid("in_reply_to_id", "not_synchronized", message));
    }
    if channel.kind.implementation.is_some()
        && let Some(why) = refreshing::unanswerable(tx, parent.id)?
    {
        return Err(error::invalid("in_reply_to_id", "not_answerable", format!("in_reply_to_id: {why}")));
    }
    automation::check(call, &thread, &parent, tx)?;
    let intervention = interventions::open_for_reply(call, &parent, tx)?;
    let private = draft.private || parent.private;
    // Answering what an agent or the source itself wrote goes to whom they wrote.
    let recipient_id = if parent.is_ours() { parent.recipient_id } else { parent.author_id };
    Ok(Route {
        object: if private { ContentObject::PrivateMessage } else { channel.kind.public_object },
        channel,
        thread_id: thread.id,
        is_new_thread: false,
        in_reply_to_id: Some(parent.id),
        recipient_id: recipient_id.filter(|_| private),
        intervention,
    })
}

fn initiate_route(app: &Conversations, call: &Call, draft: &Draft, tx: &mut dyn Tx) -> Result<Route> {
    let Some(source_id) = draft.source_id.as_deref().filter(|id| !id.is_empty()) else {
        let message = "source_id must not be empty unless in_reply_to_id says what is answered.";
        return Err(error::invalid("source_id", "blank", message));
    };
    let source_id = source_id.parse().map_err(|_| unknown("source_id", "source"))?;
    let source =
        sources::find(tx, &call.caller, source_id).map_err(|e| e.or_missing(|| unknown("source_id", "source")))?;
    if !call.caller.may_on(source_id, SourceRight::InitiateDiscussion) {
        return Err(error::forbidden("You may not initiate discussions on this source."));
    }
    if !source.kind.can_initiate {
        let message =
            format!("Sources of type {} only answer: name what you answer in in_reply_to_id.", source.kind.type_name);
        return Err(error::unprocessable("compose_disabled_on_source", message));
    }
    let channel = channel(app, source_id, tx)?;
    let recipient_id = match &draft.to {
        None => None,
        Some(to) => Some(recipient(call, &channel, to, tx)?),
    };
    if recipient_id.is_none() && (draft.private || channel.kind.is_messaging) {
        let message = "to must not be empty: on this source a message goes to somebody; name their foreign_id.";
        return Err(error::invalid("to", "blank", message));
    }
    pace::check_discussion(call, source_id, recipient_id, tx)?;
    let has = |name: &str| channel.options().is_some_and(|options| options.iter().any(|option| option == name));
    let unthreaded = has("messages.unthreaded");
    let object = match recipient_id {
        _ if channel.kind.is_messaging => ContentObject::Message,
        Some(_) => ContentObject::PrivateMessage,
        None if unthreaded || channel.kind.public_object != ContentObject::Message => channel.kind.public_object,
        None => ContentObject::Thread,
    };
    if object == ContentObject::Thread && has("threads.no_content") {
        let message = "Threads of this source are only titles (its option threads.no_content): name what you answer in \
                       in_reply_to_id, or in to whom you write to.";
        return Err(error::unprocessable("compose_disabled_on_source", message));
    }
    let now: Timestamp = call.env.now();
    // Where there is one conversation with each customer, this goes on with it.
    let customer = draft.to.as_ref().and_then(Value::as_str);
    let foreign_id = channel.kind.private_thread.zip(customer).and_then(|(of, with)| of(&channel.settings, with));
    let sql = "SELECT id FROM threads WHERE source_id = $1 AND foreign_id = $2";
    let known = foreign_id.as_ref().map(|id| tx.first(sql, args![&source_id, id])).transpose()?.flatten();
    if let Some(row) = known {
        return Ok(Route {
            channel,
            object,
            thread_id: row.get(0)?,
            is_new_thread: false,
            in_reply_to_id: None,
            recipient_id,
            intervention: None,
        });
    }
    let new = threads::NewThread {
        source_id,
        foreign_id: foreign_id.as_deref(),
        title: draft.title.as_deref(),
        author_id: recipient_id,
    };
    let thread_id = threads::create(tx, &call.env, &new, now)?;
    let defaults = &channel.common.user_thread_default_category_ids;
    categories::assign_defaults(tx, Object::Thread, thread_id, source_id, defaults)?;
    Ok(Route {
        channel,
        object,
        thread_id,
        is_new_thread: true,
        in_reply_to_id: None,
        recipient_id,
        intervention: None,
    })
}

fn channel(app: &Conversations, source_id: Id, tx: &mut dyn Tx) -> Result<Channel> {
    let channel = Channel::load(tx, &app.seal, source_id)?.ok_or_else(|| error::not_found("source"))?;
    if !channel.active {
        return Err(error::invalid("source_id", "inactive", "The source is inactive: activate it to write on it."));
    }
    Ok(channel)
}

/// The identity that `to` names by the channel's own id. On a channel it must have been imported; in
/// messaging the website chooses its visitors' ids, so one who has not written yet is as good.
fn recipient(call: &Call, channel: &Channel, to: &Value, tx: &mut dyn Tx) -> Result<Id> {
    let Some(foreign_id) = to.as_str() else {
        let message = "to: name one identity by its foreign_id; lists of addresses are for e-mail sources.";
        return Err(error::invalid("to", "invalid", message));
    };
    let row = tx.first(
        "SELECT id FROM identities WHERE community_id = $1 AND foreign_id = $2",
        args![&channel.community_id, foreign_id],
    )?;
    if row.is_none() && channel.kind.is_messaging {
        if foreign_id.chars().count() > FOREIGN_ID_CHARACTERS_MAX {
            let message = format!("to has at most {FOREIGN_ID_CHARACTERS_MAX} characters.");
            return Err(error::invalid("to", "too_long", message));
        }
        let visitor = InboundAuthor::new(foreign_id, foreign_id);
        let community_type = channel.kind.community_type;
        return Ok(identities::store_author(
            tx,
            &call.env,
            channel.community_id,
            community_type,
            &visitor,
            &channel.mappings,
        )?
        .id);
    }
    let message = "to: no identity of the source's community has this foreign_id; it must have been imported before.";
    row.ok_or_else(|| error::invalid("to", "unknown", message))?.get(0)
}

fn author(call: &Call, draft: &Draft, channel: &Channel, tx: &mut dyn Tx) -> Result<Id> {
    let user_id = call.caller.user_id;
    if let Some(account) = (channel.kind.account)(&channel.settings) {
        let account_id = identities::account(tx, &call.env, channel, account)?;
        if draft.author_id.as_deref().is_some_and(|id| !id.is_empty() && id != account_id.hex()) {
            let message = "author_id: on this source everybody writes as the connected account; leave it out.";
            return Err(error::invalid("author_id", "not_supported", message));
        }
        return Ok(account_id);
    }
    match draft.author_id.as_deref().filter(|id| !id.is_empty()) {
        Some(id) => {
            let id = id.parse().map_err(|_| unknown("author_id", "identity"))?;
            identities::require_usable_author(tx, user_id, id, channel.community_id)?;
            Ok(id)
        }
        None => identities::writer(tx, call, channel),
    }
}

/// Marks a content as not worth an answer.
pub(super) fn ignore(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<()> {
    let content = find(tx, &call.caller, id)?;
    if content.is_ours() {
        let message = "This content is an agent's or the source's own; only customers' contents can be ignored.";
        return Err(error::forbidden(message));
    }
    if content.status != "ignored" {
        states::ignore(tx, &[id], call.env.now())?;
        let payload = json!({ "source_id": content.source_id, "status": "ignored" });
        tx.append(events::by(call, "content.ignored", id, Some(content.thread_id), payload));
    }
    Ok(())
}

/// Replaces a content's own categories.
pub(super) fn categorise(call: &Call, id: Id, category_ids: &[Id], tx: &mut dyn Tx) -> Result<()> {
    let content = find(tx, &call.caller, id)?;
    if categories::set(tx, Object::Content, id, content.source_id, category_ids, "category_ids")? {
        tx.execute("UPDATE contents SET updated_at = $2 WHERE id = $1", args![&id, call.env.now()])?;
        pace::check(call, content.thread_id, "content.recategorized", tx)?;
        let shown = categories::told(tx, Some(id), content.intervention_id, content.thread_id)?;
        let payload = json!({ "source_id": content.source_id, "category_ids": shown });
        tx.append(events::by(call, "content.recategorized", id, Some(content.thread_id), payload));
    }
    Ok(())
}

/// Sends a content again that its channel did not take.
pub(super) fn export_again(app: &Conversations, call: &Call, id: Id, tx: &mut dyn Tx) -> Result<()> {
    let content: Content = find(tx, &call.caller, id)?;
    waiting::require_right(call, content.source_id, content.status != "user_initiated")?;
    if !matches!(content.synchronization_status.as_str(), "export_failure" | "export_aborted") {
        return Err(error::forbidden(format!(
            "Only a content that could not be sent can be sent again; this one is {}.",
            content.synchronization_status
        )));
    }
    if tx.first("SELECT 1 FROM contents WHERE id = $1 AND anonymized_at IS NOT NULL", args![&id])?.is_some() {
        return Err(error::forbidden("The content was anonymized: there is nothing to send."));
    }
    if threads::find(tx, &call.caller, content.thread_id)?.closed {
        return Err(error::forbidden("The thread is closed: open it to send the content."));
    }
    tx.execute(
        "UPDATE contents SET synchronization_status = 'export_pending', synchronization_error = NULL, updated_at = $2
         WHERE id = $1",
        args![&id, call.env.now()],
    )?;
    // What was taken back before it went out has not been a reply yet.
    if waiting::resume(call, &app.seal, &content, tx)? {
        return Ok(());
    }
    let payload = json!({ "source_id": content.source_id });
    tx.append(events::by(call, "content.retried_synchronization", id, Some(content.thread_id), payload));
    Ok(())
}
