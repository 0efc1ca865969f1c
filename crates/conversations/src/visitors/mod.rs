//! Visitors: the customers of messaging sources, who come to us themselves. What they may do with their conversations,
//! and what they see of them; who a visitor is, and how they talk to us, is the business of `frontdesk-web-messaging`.
//!
//! A visitor is a uuid in the community of a source. Their identity is made with their first message, so that who only
//! looks leaves nothing behind.

mod commands;
mod hints;
pub mod notices;
pub(crate) mod pages;
mod telling;
mod unread;
mod unread_answer;
mod view;
pub(crate) mod waiting;

use std::sync::Arc;

use frontdesk_model::{Id, Result, error};
use frontdesk_sources::inbound::InboundAuthor;
use frontdesk_store::{Tx, args};
use serde_json::{Map, Value};

use crate::Conversations;
use crate::sources::Channel;

pub use commands::{File, Message, Written, close, identify, mark_read, merge, types_in, write};
pub use hints::{Hint, Hints};
pub(crate) use hints::{agent_types, queued};
pub use pages::{Seen, visit};
pub use telling::{Told, tell};
pub(crate) use unread::EMAIL;
pub use unread::{Correspondent, Unread, correspondent, unread_messages};
pub use unread_answer::{UnreadAnswer, answered, unread_answer};
pub use view::{Content, Thread, content, contents, thread, threads, unread};
pub use waiting::wait;

/// The name of who has not told one.
const NAMELESS: &str = "Visitor";
/// Begins the uuid of who has not told one. No website may give such a uuid to anybody.
pub const ANONYMOUS: &str = "anonymous-";

/// A messaging source, as its visitors meet it.
pub struct Place {
    channel: Channel,
}

impl Place {
    /// A messaging source that is switched on; anything else is missing.
    pub fn find(tx: &mut dyn Tx, app: &Conversations, source_id: Id) -> Result<Place> {
        let channel = Channel::load(tx, &app.seal, source_id)?;
        let channel = channel.filter(|channel| channel.active && channel.kind.is_messaging);
        channel.map(|channel| Place { channel }).ok_or_else(|| error::not_found("source"))
    }

    /// The same by the token that websites know.
    pub fn of_token(tx: &mut dyn Tx, app: &Conversations, token: &str) -> Result<Place> {
        let mut row = tx.first("SELECT id FROM sources WHERE widget_token = $1", args![token])?;
        if row.is_none()
            && let Ok(id) = token.parse::<Id>()
        {
            row = tx.first("SELECT id FROM sources WHERE id = $1 AND widget_token IS NULL", args![&id])?;
        }
        let id = row.ok_or_else(|| error::not_found("source"))?.get(0)?;
        Place::find(tx, app, id)
    }

    /// The source.
    pub fn source_id(&self) -> Id {
        self.channel.source_id
    }

    /// What the source is called, also before its visitors.
    pub fn name(&self, tx: &mut dyn Tx) -> Result<String> {
        tx.one("SELECT name FROM sources WHERE id = $1", args![&self.channel.source_id])?.get(0)
    }

    /// The community that its visitors live in.
    pub fn community_id(&self) -> Id {
        self.channel.community_id
    }

    /// Whether it is a live chat: one conversation, which ends.
    pub fn is_live_chat(&self) -> bool {
        self.channel.kind.is_live_chat
    }

    /// Whether the web is switched on for it.
    pub fn serves_web(&self) -> bool {
        self.channel.common.enable_web
    }
}

/// What is known of a visitor, told by their website or by themselves. Texts are checked by whoever reads them.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Claims {
    /// The name that is shown.
    pub screenname: Option<String>,
    /// First name.
    pub firstname: Option<String>,
    /// Last name.
    pub lastname: Option<String>,
    /// Company.
    pub company: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// A picture: http or https.
    pub avatar_url: Option<String>,
    /// Whatever else the website says.
    pub extra_values: Map<String, Value>,
}

impl Claims {
    /// These, completed by what is told later.
    pub fn completed(mut self, later: Claims) -> Claims {
        for (place, told) in [
            (&mut self.screenname, later.screenname),
            (&mut self.firstname, later.firstname),
            (&mut self.lastname, later.lastname),
            (&mut self.company, later.company),
            (&mut self.email, later.email),
            (&mut self.avatar_url, later.avatar_url),
        ] {
            if told.is_some() {
                *place = told;
            }
        }
        self.extra_values.extend(later.extra_values);
        self
    }

    fn author(&self, uuid: &str) -> InboundAuthor {
        InboundAuthor {
            firstname: self.firstname.clone(),
            lastname: self.lastname.clone(),
            avatar_url: self.avatar_url.clone(),
            email: self.email.clone(),
            context_data: self.extra_values.clone(),
            ..InboundAuthor::new(uuid, self.screenname.as_deref().unwrap_or(NAMELESS))
        }
    }
}

/// A visitor at a source.
#[derive(Clone, Copy)]
pub struct Visitor<'a> {
    /// The source.
    pub place: &'a Place,
    /// Who they are in its community.
    pub uuid: &'a str,
}

impl Visitor<'_> {
    /// Their identity, if they have one. One that agents write as is nobody's who visits.
    pub fn identity_id(&self, tx: &mut dyn Tx) -> Result<Option<Id>> {
        let row = tx.first(
            "SELECT id, controlled FROM identities WHERE community_id = $1 AND foreign_id = $2",
            args![&self.place.channel.community_id, self.uuid],
        )?;
        match row {
            Some(row) if row.get::<bool>(1)? => {
                let message = "uuid: this one is taken by somebody who answers here; choose another.";
                Err(error::invalid("uuid", "taken", message))
            }
            Some(row) => Ok(Some(row.get(0)?)),
            None => Ok(None),
        }
    }
}

/// Forgets what visitors' own tables say of an identity that is being forgotten: sessions with names and pages, phones, files
/// that were not sent.
pub(crate) fn forget(tx: &mut dyn Tx, identity_id: Id) -> Result<()> {
    for table in ["visitor_sessions", "visitor_devices", "visitor_uploads"] {
        let sql = format!(
            "DELETE FROM {table} WHERE uuid = (SELECT foreign_id FROM identities WHERE id = $1)
               AND source_id IN (SELECT sources.id FROM sources JOIN identities
                 ON identities.community_id = sources.community_id WHERE identities.id = $1)"
        );
        tx.execute(&sql, args![&identity_id])?;
    }
    Ok(())
}

/// Tells agents that a visitor types, or has stopped.
pub(crate) fn hint_typing(app: &Arc<Conversations>, source_id: Id, thread_id: Id, preview: Option<&str>) {
    app.stream.hint(crate::stream::Hint::typing(source_id, thread_id, preview));
}
