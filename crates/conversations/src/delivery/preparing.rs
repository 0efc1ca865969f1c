//! What is sent: a content as its channel gets it, or what it is asked to do with one that it has.

use frontdesk_model::event::id_in;
use frontdesk_model::{Id, Result, Timestamp, error, structured as messages};
use frontdesk_sources::Delivery;
use frontdesk_sources::inbound::{BodyFormat, ContentObject};
use frontdesk_sources::outbound::{
    Class, ContentAction, Deed, Formats, OutboundAttachment, OutboundContent, Outcome, Request,
};
use frontdesk_store::{Row, Text, Tx, args, log};
use serde_json::Value;

use super::claims::Claim;
use super::outbox::Task;
use crate::contents::{body, structured};
use crate::sources::Channel;
use crate::{Conversations, attachments};

/// The channel's action that tells a content once more.
pub(crate) const SHOW: &str = "show";
const NO_ADDRESS: &str = "The source has no address to send to: set base_uri.";
/// The same where an account is connected.
const NOT_CONNECTED: &str = "The source is not connected: go through the steps of its connection.";

/// What leaves.
pub(super) enum Outgoing {
    /// A content that the channel does not have.
    Create(Box<OutboundContent>),
    /// What is done with one that it has, under the channel's id.
    Act { object: ContentObject, action: ContentAction, foreign_id: String, is_own: bool },
    /// What the channel is asked about one that it has, perhaps in the name of one of its users; it answers with the
    /// content.
    Ask { object: ContentObject, name: String, foreign_id: String, user_id: Option<String> },
}

impl Outgoing {
    /// It goes out once more.
    pub(super) fn is_repeat(&mut self) {
        if let Outgoing::Create(content) = self {
            content.retry = true;
        }
    }

    pub(super) fn request(&self, channel: &Channel, delivery: &Delivery, now: Timestamp) -> Result<Request, Outcome> {
        let request = match self {
            Outgoing::Create(content) => (delivery.request)(&channel.settings, content, now),
            Outgoing::Act { object, action, foreign_id, is_own } => {
                let Some(name) = offered(channel, *object, *action) else {
                    let message = format!("The channel no longer says that it can {} it.", action.as_str());
                    return Err(Outcome::failed(Class::Invalid, message));
                };
                let deed = Deed { object: *object, name, foreign_id, user_id: None, is_own: *is_own };
                (delivery.act)(&channel.settings, &deed, now)
            }
            Outgoing::Ask { object, name, foreign_id, user_id } => {
                let user_id = user_id.as_deref();
                let deed = Deed { object: *object, name, foreign_id, user_id, is_own: false };
                (delivery.act)(&channel.settings, &deed, now)
            }
        };
        request.ok_or_else(|| Outcome::failed(Class::Invalid, nowhere(channel)))
    }
}

/// What to send where; None when the content is gone. A content that lacks something is broken, and so becomes visible.
pub(super) fn prepare(app: &Conversations, tx: &mut dyn Tx, claim: &Claim) -> Result<Option<(Channel, Outgoing)>> {
    let row = tx.first(
        "SELECT contents.type, contents.body, contents.body_format, contents.title, contents.created_at,
                contents.updated_at, authors.foreign_id, parents.foreign_id, threads.foreign_id, recipients.foreign_id,
                users.firstname, users.lastname, contents.foreign_id, contents.extras,
                COALESCE(authors.controlled, FALSE), customers.foreign_id, threads.id, threads.author_id
         FROM contents
         LEFT JOIN identities AS authors ON authors.id = contents.author_id
         JOIN threads ON threads.id = contents.thread_id
         LEFT JOIN identities AS customers ON customers.id = threads.author_id
         LEFT JOIN contents AS parents ON parents.id = contents.in_reply_to_id
         LEFT JOIN identities AS recipients ON recipients.id = contents.recipient_id
         LEFT JOIN users ON users.id = contents.creator_id
         WHERE contents.id = $1",
        args![&claim.content_id],
    )?;
    let Some(row) = row else { return Ok(None) };
    let Some(channel) = Channel::load(tx, &app.seal, claim.source_id)? else { return Ok(None) };
    let (r#type, format): (String, String) = (row.get(0)?, row.get(2)?);
    let object = ContentObject::named(&r#type)
        .ok_or_else(|| error::broken(format!("a content has the unknown type {type}", r#type = r#type)))?;
    let foreign_id = |row: &Row| row.get::<String>(12);
    match claim.task {
        Task::Create => {}
        Task::Act(action) => {
            let is_own = row.get::<bool>(14)?;
            return Ok(Some((channel, Outgoing::Act { object, action, foreign_id: foreign_id(&row)?, is_own })));
        }
        Task::Show => {
            let ask = Outgoing::Ask { object, name: SHOW.into(), foreign_id: foreign_id(&row)?, user_id: None };
            return Ok(Some((channel, ask)));
        }
        Task::Custom => {
            let (name, user_id) = custom_action(tx, claim)?;
            let ask = Outgoing::Ask { object, name, foreign_id: foreign_id(&row)?, user_id: Some(user_id) };
            return Ok(Some((channel, ask)));
        }
    }
    let mut files = attachments::outbound_of(tx, app, claim.content_id, app.env.now())?;
    let structured = structured_content(row.get(13)?, &mut files)?;
    let (body, format) = body_of(&channel, object, row.get(1)?, &format);
    let customer_wrote_at = match channel.kind.ingress {
        Some(_) => wrote_at(tx, row.get(16)?, row.get(17)?)?,
        None => None,
    };
    let content = OutboundContent {
        object,
        content_id: claim.content_id,
        author_foreign_id: row.get(6)?,
        body,
        format,
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
        in_reply_to_foreign_id: row.get(7)?,
        thread_foreign_id: row.get(8)?,
        recipient_foreign_id: row.get(9)?,
        title: row.get(3)?,
        sender_name: Some(sender_name(&channel, row.get(10)?, row.get(11)?)).filter(|name| !name.is_empty()),
        retry: claim.started_before,
        attachments: files.into_iter().map(|(_, file)| file).collect(),
        structured_content: structured,
        customer_foreign_id: row.get(15)?,
        customer_wrote_at,
        part: usize::try_from(claim.parts_done).unwrap_or(0),
    };
    Ok(Some((channel, Outgoing::Create(Box::new(content)))))
}

/// When somebody wrote last in a thread.
fn wrote_at(tx: &mut dyn Tx, thread_id: Id, author_id: Option<Id>) -> Result<Option<Timestamp>> {
    let sql =
        "SELECT created_at FROM contents WHERE thread_id = $1 AND author_id = $2 ORDER BY created_at DESC LIMIT 1";
    let row = tx.first(sql, args![&thread_id, &author_id])?;
    row.map(|row| row.get(0)).transpose()
}

/// The custom action that was asked for, and the channel's id of the identity in whose name.
fn custom_action(tx: &mut dyn Tx, claim: &Claim) -> Result<(String, String)> {
    let gone = || error::broken(format!("the log no longer says which action was asked for in {}", claim.seq));
    let event = log::some(tx, &[claim.seq])?.pop().ok_or_else(gone)?;
    let told = event.told();
    let name = told.get("action").and_then(Value::as_str).ok_or_else(gone)?;
    let author_id = id_in(&told, "author_id").ok_or_else(gone)?;
    let row = tx.one("SELECT foreign_id FROM identities WHERE id = $1", args![&author_id])?;
    Ok((name.to_owned(), row.get(0)?))
}

/// The channel's own name for something that it says it can do with a content of this kind.
pub(crate) fn offered(channel: &Channel, object: ContentObject, action: ContentAction) -> Option<&'static str> {
    channel.kind.delivery.as_ref()?;
    channel.implementation.as_ref()?.act(object, action, channel.options().unwrap_or_default())
}

/// Why there is nowhere to send something.
pub(super) fn nowhere(channel: &Channel) -> &'static str {
    if channel.kind.connecting.is_some() { NOT_CONNECTED } else { NO_ADDRESS }
}

/// A body that was written in `format` (text or html) as it is sent to this channel.
pub(crate) fn body_of(channel: &Channel, object: ContentObject, body: Text, format: &str) -> (String, BodyFormat) {
    let formats = channel.kind.delivery.as_ref().map(|delivery| (delivery.formats)(object, channel.options()));
    body::outgoing(body, format, formats.unwrap_or(Formats::Both))
}

/// A content's structured message, with links to its files, which are sent in it and not beside it.
pub(crate) fn structured_content(
    extras: Option<String>,
    files: &mut Vec<(Id, OutboundAttachment)>,
) -> Result<Option<Value>> {
    let Some(extras) = extras else { return Ok(None) };
    let extras: Value =
        serde_json::from_str(&extras).map_err(|trouble| error::broken(format!("contents.extras: {trouble}")))?;
    let Some(content) = extras.get(structured::KEY) else { return Ok(None) };
    let link = |id: Id| files.iter().find(|(file_id, _)| *file_id == id).map(|(_, file)| file.url.clone());
    let linked = messages::with_links(content, &link);
    let used = messages::files_of(content);
    files.retain(|(id, _)| !used.contains(id));
    Ok(Some(linked))
}

/// What customers see as the sender: the source's template, or the agent's name.
fn sender_name(channel: &Channel, firstname: Option<String>, lastname: Option<String>) -> String {
    sender_name_by(channel.common.from_name.as_deref(), firstname, lastname)
}

/// The same for readers that come to us.
pub(crate) fn sender_name_by(template: Option<&str>, firstname: Option<String>, lastname: Option<String>) -> String {
    let (firstname, lastname) = (firstname.unwrap_or_default(), lastname.unwrap_or_default());
    let template = template.unwrap_or("{{firstname}} {{lastname}}");
    template.replace("{{firstname}}", &firstname).replace("{{lastname}}", &lastname).trim().to_owned()
}
