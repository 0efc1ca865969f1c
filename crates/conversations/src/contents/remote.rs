//! What is done with a content that its channel has: publishing, unpublishing and deleting it, asking for it again, and
//! the channel's own actions (public page sdks/source-sdk/actions). A channel says in
//! `implementation.info` what it can do, and with each content what it lets be done with that one; the delivery pushes
//! it.

use frontdesk_model::{Error, Id, Result, SourceRight, error};
use frontdesk_people::users;
use frontdesk_rest::Call;
use frontdesk_sources::inbound::ContentObject;
use frontdesk_sources::outbound::ContentAction;
use frontdesk_store::{Tx, args};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Content, find};
use crate::sources::Channel;
use crate::{Conversations, delivery, events, identities};

/// An action that only the channel knows, as a button.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CustomAction")]
pub(super) struct CustomAction {
    /// What to send back to do it.
    name: String,
    /// What stands on the button, in the caller's language.
    label: String,
}

/// The language in which the caller reads buttons; asked for only when there are some.
#[derive(Default)]
pub(super) struct Language(Option<String>);

impl Language {
    fn of(&mut self, call: &Call, tx: &mut dyn Tx) -> Result<&str> {
        if self.0.is_none() {
            self.0 = Some(users::language(tx, call.caller.user_id)?);
        }
        Ok(self.0.as_deref().unwrap_or_default())
    }
}

/// The buttons of a content of this type that came with these actions; none where its channel has no such thing.
pub(super) fn buttons(
    channel: &Channel,
    r#type: &str,
    actions: Option<&Value>,
    language: &mut Language,
    call: &Call,
    tx: &mut dyn Tx,
) -> Result<Vec<CustomAction>> {
    let (Some(implementation), Some(object)) = (&channel.implementation, ContentObject::named(r#type)) else {
        return Ok(Vec::new());
    };
    let told = names(actions);
    let custom = implementation.custom_actions(object, &told, channel.options().unwrap_or_default());
    let mut buttons = Vec::with_capacity(custom.len());
    for name in custom {
        let label = implementation.label(name, language.of(call, tx)?);
        buttons.push(CustomAction { name: name.to_owned(), label });
    }
    Ok(buttons)
}

/// The standard actions that its channel lets be done with a content of this type that came with these actions, or was
/// posted to it; none as long as it has told nothing.
pub(super) fn standard_actions(
    channel: &Channel,
    r#type: &str,
    actions: Option<&Value>,
    ours: bool,
) -> Option<Vec<&'static str>> {
    let (Some(implementation), Some(object)) = (&channel.implementation, ContentObject::named(r#type)) else {
        return None;
    };
    Some(implementation.standard_actions(object, &names(actions), ours, channel.options().unwrap_or_default()))
}

fn names(actions: Option<&Value>) -> Vec<String> {
    let told = actions.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    told.map(str::to_owned).collect()
}

/// A content with what decides whether something may be done with it on its channel.
struct Remote {
    content: Content,
    r#type: String,
    is_there: bool,
    published: bool,
    deleted: bool,
    /// What the channel lets be done with it.
    actions: Vec<String>,
}

impl Remote {
    /// 404 for who may not read it, 409 while something of it is on its way.
    fn find(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<Remote> {
        let content = find(tx, &call.caller, id)?;
        let sql = "SELECT type, foreign_id, published, remotely_deleted, extras FROM contents WHERE id = $1";
        let row = tx.one(sql, args![&id])?;
        let extras: Option<String> = row.get(4)?;
        let extras: Value = extras.and_then(|extras| serde_json::from_str(&extras).ok()).unwrap_or_default();
        Ok(Remote {
            content,
            r#type: row.get(0)?,
            is_there: row.get::<Option<String>>(1)?.is_some(),
            published: row.get(2)?,
            deleted: row.get(3)?,
            actions: names(extras.get("actions")),
        })
    }

    fn require_idle(&self) -> Result<()> {
        if self.content.synchronization_status == "export_pending" {
            let message = "Something of this content is on its way to its channel; wait until that has ended.";
            return Err(error::conflict(message));
        }
        Ok(())
    }

    /// Its channel and its kind; 422 when nothing can be done with it there.
    fn channel(&self, app: &Conversations, tx: &mut dyn Tx) -> Result<(Channel, ContentObject)> {
        let channel =
            Channel::load(tx, &app.seal, self.content.source_id)?.ok_or_else(|| error::not_found("source"))?;
        if !channel.active {
            return Err(not_available("The source is inactive: activate it first."));
        }
        if !self.is_there || self.deleted {
            return Err(not_available("This content is not on its channel."));
        }
        let object = ContentObject::named(&self.r#type)
            .ok_or_else(|| error::broken(format!("a content has the unknown type {}", self.r#type)))?;
        Ok((channel, object))
    }

    /// It is on its way from now on, and the log says what.
    fn send(&self, call: &Call, kind: &'static str, mut payload: Value, tx: &mut dyn Tx) -> Result<()> {
        let content = &self.content;
        tx.execute(
            "UPDATE contents SET synchronization_status = 'export_pending', synchronization_error = NULL,
                                 updated_at = $2
             WHERE id = $1",
            args![&content.id, call.env.now()],
        )?;
        payload["source_id"] = json!(content.source_id);
        payload["status"] = json!(content.status);
        tx.append(events::by(call, kind, content.id, Some(content.thread_id), payload));
        Ok(())
    }
}

fn not_available(why: impl Into<String>) -> Error {
    error::unprocessable("action_not_available", why.into())
}

/// Asks the channel to do it. Nothing when it is so already. 403 without the right, 409 while something else of the
/// content is on its way, 422 when the channel does not offer it.
pub(super) fn act(app: &Conversations, call: &Call, id: Id, action: ContentAction, tx: &mut dyn Tx) -> Result<()> {
    let remote = Remote::find(call, id, tx)?;
    if action == ContentAction::Delete && !call.caller.may_on(remote.content.source_id, SourceRight::Destroy) {
        return Err(error::forbidden("You may not delete on this source."));
    }
    remote.require_idle()?;
    let is_so = match action {
        ContentAction::Publish => remote.published && !remote.deleted,
        ContentAction::Unpublish => !remote.published && !remote.deleted,
        ContentAction::Delete => remote.deleted,
    };
    if is_so {
        return Ok(());
    }
    let (channel, object) = remote.channel(app, tx)?;
    if delivery::offered(&channel, object, action).is_none() {
        let why = format!("The channel does not say that it can {} a {}.", action.as_str(), remote.r#type);
        return Err(not_available(why));
    }
    // Of what we posted a channel need not tell any.
    let is_let = remote.content.is_ours() && remote.actions.is_empty()
        || remote.actions.iter().any(|told| action.names().contains(&told.as_str()));
    if !is_let {
        let why = format!("The channel does not say that it lets this content be {}.", action.done());
        return Err(not_available(why));
    }
    let kind = match action {
        ContentAction::Publish => "content.published",
        ContentAction::Unpublish => "content.unpublished",
        ContentAction::Delete => "content.destroyed",
    };
    remote.send(call, kind, json!({}), tx)
}

/// Asks the channel to do something that only it knows, in the name of the identity that the caller would write as. 403
/// without the right to reply, 409 while something else of the content is on its way, 422 when the channel does not
/// offer it.
pub(super) fn perform(app: &Conversations, call: &Call, id: Id, name: &str, tx: &mut dyn Tx) -> Result<()> {
    let remote = Remote::find(call, id, tx)?;
    call.caller.require_to_reply(remote.content.source_id)?;
    remote.require_idle()?;
    let (channel, object) = remote.channel(app, tx)?;
    let custom = channel.implementation.as_ref().map(|told| {
        let options = channel.options().unwrap_or_default();
        told.custom_actions(object, &remote.actions, options)
    });
    if !custom.unwrap_or_default().contains(&name) {
        let message = "name: the channel does not say that it has such an action for this content; with extended=true \
                       the content shows its custom_actions.";
        return Err(error::invalid("name", "action_not_available", message));
    }
    let author_id = identities::writer(tx, call, &channel)?;
    remote.send(call, "content.action_requested", json!({ "action": name, "author_id": author_id }), tx)
}

/// Asks the channel for the content once more. 403 without the right to reply, 409 while something else of it is on its
/// way, 422 when the channel does not show single contents.
pub(super) fn refresh(app: &Conversations, call: &Call, id: Id, tx: &mut dyn Tx) -> Result<()> {
    let remote = Remote::find(call, id, tx)?;
    call.caller.require_to_reply(remote.content.source_id)?;
    remote.require_idle()?;
    let (channel, object) = remote.channel(app, tx)?;
    // Not among the content's own actions: what holds for a kind is told of the kind alone.
    if !channel.implementation.as_ref().is_some_and(|told| told.can(object, delivery::SHOW)) {
        return Err(not_available(format!("The channel does not say that it can show a {}.", remote.r#type)));
    }
    remote.send(call, "content.refresh_requested", json!({}), tx)
}
