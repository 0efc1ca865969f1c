//! Conversations: communities, sources, identities, threads, contents, attachments, categories and interventions; how
//! a customer's message comes in, and how an answer goes out.

pub mod agent_mails;
pub mod attachments;
pub mod audience;
pub mod automatic_answers;
pub mod calling;
pub mod categories;
pub mod channel_events;
pub mod communities;
pub mod contents;
pub mod delivery;
mod events;
pub mod folders;
pub mod handover;
pub mod identities;
pub mod identity_groups;
mod identity_lists;
pub mod ingest;
pub mod ingest_many;
pub mod interventions;
mod journal;
mod moments;
pub mod notifications;
pub mod pace;
pub mod polling;
pub mod profiles;
mod questions;
pub mod queue_updates;
mod quotas;
mod reply_assistant;
mod search_dates;
pub mod send_api;
pub mod service_levels;
pub mod simulation;
pub mod sources;
pub mod stream;
mod sweeping;
pub mod threads;
pub mod timers;
mod timing;
mod tokens;
pub mod typing_calls;
pub mod visitors;
pub mod work;

use std::sync::Arc;

use frontdesk_model::{Env, Id, Result};
use frontdesk_net::Outbound;
use frontdesk_rest::Operation;
use frontdesk_store::{Seal, Store, Tail, Tx};

use attachments::Files;

/// What the operations and workers of this crate need.
pub struct Conversations {
    /// The store.
    pub store: Store,
    /// The end of its log, in memory for all who follow it.
    pub tail: Tail,
    /// Clock, chance and ids.
    pub env: Env,
    /// Opens and makes sealed secrets.
    pub seal: Seal,
    /// Where attachments' files lie.
    pub files: Files,
    /// Calls channels and fetches attachments.
    pub outbound: Outbound,
    /// Sources' settings and secrets, kept at hand.
    pub channels: sources::Channels,
    /// What calls to services need beside the source.
    pub calling: calling::Calling,
    /// How often the operator wants channels to be asked for what is new.
    pub poll_interval_seconds: i64,
    /// Which customers of services are to be shown that somebody types.
    pub typing_calls: typing_calls::TypingCalls,
    /// Told when services have sent something.
    pub channel_events: tokio::sync::Notify,
    /// What subscribers are told of the latest events, kept at hand.
    pub notifications: notifications::Notifications,
    /// What all readers of the live stream share.
    pub stream: stream::Stream,
    /// Takes messages in by many at once, where the store gains by it.
    pub gathering: Option<ingest_many::Gathering>,
    /// Who is typing now.
    pub typing: send_api::Typing,
    /// What channels were told last of their customers' places in queues.
    pub queue_updates: queue_updates::QueueUpdates,
    /// What visitors are told of the moment.
    pub visitor_hints: visitors::Hints,
    /// What a new messaging source begins with.
    pub furnish: Furnish,
    /// This node: the same after every start of one installation's data directory.
    pub node_id: Id,
    /// Where browsers and channels reach this server, without a slash at the end.
    pub public_url: String,
    /// Whether there is a mail server.
    pub sends_mails: bool,
}

/// Puts into a new messaging source what it begins with, in the transaction that makes it. By whom, which source, whether
/// it is a live chat.
pub type Furnish = fn(&mut dyn Tx, &Env, Id, Id, bool) -> Result<()>;

/// The operations of this crate.
pub fn operations(app: &Arc<Conversations>) -> Vec<Operation> {
    let mut operations = sources::operations(app);
    operations.extend(channel_events::operations(app));
    operations.extend(communities::operations(app));
    operations.extend(threads::operations(app));
    operations.extend(visitors::pages::operations());
    operations.extend(contents::operations(app));
    operations.extend(identities::operations(app));
    operations.extend(identity_groups::operations(app));
    operations.extend(identity_lists::operations());
    operations.extend(interventions::operations(app));
    operations.extend(interventions::comments::operations(app));
    operations.extend(categories::operations(app));
    operations.extend(folders::operations(app));
    operations.extend(reply_assistant::operations(app));
    operations.extend(journal::operations(app));
    operations.extend(stream::operations(app));
    operations.extend(attachments::operations(app));
    operations
}
