//! Changing what a channel already has: publishing, unpublishing and deleting single contents (row 4.26; public page
//! sdks/source-sdk/actions). A channel says in `implementation.info` what it can do, and with each content what it lets
//! be done with that one; the delivery pushes it.

use frontdesk_model::{Id, Result, SourceRight, error};
use frontdesk_rest::Call;
use frontdesk_sources::inbound::ContentObject;
use frontdesk_sources::outbound::ContentAction;
use frontdesk_store::{Tx, args};
use serde_json::{Value, json};

use super::find;
use crate::sources::Channel;
use crate::{Conversations, delivery, events};

/// Asks the channel to do it. Nothing when it is so already. 403 without the right, 409 while something else of the
/// content is on its way, 422 when the channel does not offer it.
pub(super) fn act(app: &Conversations, call: &Call, id: Id, action: ContentAction, tx: &mut dyn Tx) -> Result<()> {
    let content = find(tx, &call.caller, id)?;
    if action == ContentAction::Delete && !call.caller.may_on(content.source_id, SourceRight::Destroy) {
        return Err(error::forbidden("You may not delete on this source."));
    }
    let sql = "SELECT type, foreign_id, published, remotely_deleted, extras FROM contents WHERE id = $1";
    let row = tx.one(sql, args![&id])?;
    let (r#type, foreign_id): (String, Option<String>) = (row.get(0)?, row.get(1)?);
    let (published, deleted): (bool, bool) = (row.get(2)?, row.get(3)?);
    if content.synchronization_status == "export_pending" {
        return Err(error::conflict(
            "Something of this content is on its way to its channel; wait until that has ended.",
        ));
    }
    let is_so = match action {
        ContentAction::Publish => published && !deleted,
        ContentAction::Unpublish => !published && !deleted,
        ContentAction::Delete => deleted,
    };
    if is_so {
        return Ok(());
    }
    let channel = Channel::load(tx, &app.seal, content.source_id)?.ok_or_else(|| error::not_found("source"))?;
    let refuse = |why: String| Err(error::unprocessable("action_not_available", why));
    if !channel.active {
        return refuse("The source is inactive: activate it first.".into());
    }
    if foreign_id.is_none() || deleted {
        return refuse("This content is not on its channel.".into());
    }
    let object = ContentObject::named(&r#type)
        .ok_or_else(|| error::broken(format!("a content has the unknown type {type}", r#type = r#type)))?;
    if delivery::offered(&channel, object, action).is_none() {
        return refuse(format!("The channel does not say that it can {} a {}.", action.as_str(), r#type));
    }
    if !content.is_ours() && !lets_be_done(row.get(4)?, action) {
        return refuse(format!("The channel does not say that it lets this content be {}.", action.done()));
    }
    tx.execute(
        "UPDATE contents SET synchronization_status = 'export_pending', synchronization_error = NULL, updated_at = $2
         WHERE id = $1",
        args![&id, call.env.now()],
    )?;
    let kind = match action {
        ContentAction::Publish => "content.published",
        ContentAction::Unpublish => "content.unpublished",
        ContentAction::Delete => "content.destroyed",
    };
    let payload = json!({ "source_id": content.source_id, "status": content.status });
    tx.append(events::by(call, kind, id, Some(content.thread_id), payload));
    Ok(())
}

/// Whether the channel told the action with the content itself.
fn lets_be_done(extras: Option<String>, action: ContentAction) -> bool {
    let extras: Value = extras.and_then(|extras| serde_json::from_str(&extras).ok()).unwrap_or_default();
    let told = extras["actions"].as_array().into_iter().flatten().filter_map(Value::as_str);
    told.into_iter().any(|told| action.names().contains(&told))
}
