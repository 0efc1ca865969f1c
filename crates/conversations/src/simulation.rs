//! What `frontdesk simulate` needs beside the operations: many messages of channels in one transaction, and channels that
//! take what agents write. Everything goes the way that real messages go, so it leaves what real ones would have left.

use std::sync::Arc;

use frontdesk_model::{Env, Id, Result, error};
use frontdesk_sources::inbound::InboundContent;
use frontdesk_store::{Dialect, Seal, Tx, args};

use crate::attachments::{InboundFile, StoredInbound};
use crate::ingest::{self, Ingested};
use crate::sources::Channel;
use crate::{delivery, ingest_many};

/// A source that messages come from.
#[derive(Clone)]
pub struct Origin(Arc<Channel>);

impl Origin {
    /// The source with this id.
    pub fn load(tx: &mut dyn Tx, seal: &Seal, source_id: Id) -> Result<Origin> {
        let channel = Channel::load(tx, seal, source_id)?.ok_or_else(|| error::not_found("source"))?;
        Ok(Origin(Arc::new(channel)))
    }
}

/// A message of a channel, and the file that it carries.
#[derive(Clone)]
pub struct Received {
    /// Where it comes from.
    pub origin: Origin,
    /// What the channel tells.
    pub content: Arc<InboundContent>,
    /// The name, the hash and the size of a file that is kept already.
    pub file: Option<(String, [u8; 32], u64)>,
}

/// Takes messages in. Each must be new.
pub fn take_in(tx: &mut dyn Tx, env: &Env, messages: &[Received]) -> Result<()> {
    let mut taken = vec![false; messages.len()];
    if tx.dialect() == Dialect::Postgres {
        let plain = |message: &&Received| message.file.is_none() && ingest_many::Gathering::suits(&message.content);
        let many: Vec<_> =
            messages.iter().filter(plain).map(|message| (message.origin.0.clone(), message.content.clone())).collect();
        let mut of_many = ingest_many::write(tx, env, &many)?.into_iter();
        for (message, taken) in messages.iter().zip(&mut taken) {
            *taken = plain(&message) && of_many.next().flatten() == Some(Ingested::Created);
        }
    }
    for (message, _) in messages.iter().zip(taken).filter(|(_, taken)| !taken) {
        let files: Vec<StoredInbound> = message
            .file
            .iter()
            .map(|(name, sha256, size)| StoredInbound {
                filename: name.clone(),
                kind_hint: None,
                file: InboundFile::Stored { sha256: *sha256, size: *size },
            })
            .collect();
        if ingest::content(tx, env, &message.origin.0, &message.content, &files)? != Ingested::Created {
            return Err(error::broken(format!("the message {} was not taken in", message.content.foreign_id)));
        }
    }
    Ok(())
}

/// The content that a message became, its state and its intervention.
pub fn content_of(tx: &mut dyn Tx, message: &Received) -> Result<(Id, String, Option<Id>)> {
    let row = tx.one(
        "SELECT contents.id, contents.status, contents.intervention_id
         FROM content_keys JOIN contents ON contents.id = content_keys.content_id
         WHERE content_keys.source_id = $1 AND content_keys.object = $2 AND content_keys.foreign_id = $3",
        args![&message.origin.0.source_id, message.content.object.as_str(), &message.content.foreign_id],
    )?;
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

/// The channel has taken a content that an agent wrote, under this id of its own.
pub fn deliver(tx: &mut dyn Tx, env: &Env, message: &Received, content_id: Id, foreign_id: &str) -> Result<()> {
    delivery::succeed(tx, env, content_id, message.origin.0.source_id, foreign_id)
}
