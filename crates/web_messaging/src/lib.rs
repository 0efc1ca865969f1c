//! Web Messaging: visitors of websites and users of apps talk with agents. The published protocol, the pages that browsers
//! load, who a visitor is, and when to offer the chat.

mod attachments;
mod availability;
mod catalogue;
mod devices;
mod durations;
mod fields;
mod following;
mod http;
mod jwt;
mod pages;
mod push;
mod sessions;
mod settings;
mod signing;
mod stream;
mod styles;
mod theme;
mod unread;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
pub use following::Following;
use frontdesk_conversations::Conversations;
use frontdesk_model::{Env, Id, Result};
use frontdesk_rest::{Operation, RateLimiter, Streams};
use frontdesk_sources::push::Service;
use frontdesk_store::{Tx, consumer};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;

/// Messages of one visitor a minute, and from one network.
const MESSAGES_PER_MINUTE: u32 = 30;
const MESSAGES_OF_NETWORK_PER_MINUTE: u32 = 300;
/// Files of one visitor a minute, and from one network.
const FILES_PER_MINUTE: u32 = 10;
const FILES_OF_NETWORK_PER_MINUTE: u32 = 60;
/// Whatever else one visitor does a minute: pages, what was read, an address, a device, who they are.
const COMMANDS_PER_MINUTE: u32 = 120;
/// Hints of one visitor that they type: one in three seconds.
const TYPING_PER_MINUTE: u32 = 20;
/// Sessions begun from one network a minute by visitors who are not known yet.
const SESSIONS_PER_MINUTE: u32 = 20;
/// Questions before a chat from one network a minute.
const QUESTIONS_PER_MINUTE: u32 = 120;
/// Requests of all kinds from one network a minute: a whole company may be behind it.
const REQUESTS_PER_MINUTE: u32 = 1_200;
/// Files that are received at once.
const UPLOADS_AT_ONCE_MAX: usize = 32;
/// Ended sessions are forgotten this often.
const SWEEP_PERIOD: Duration = Duration::from_secs(60);
/// So many at once: others write, too.
const SWEPT_MAX: i64 = 500;

/// What serving visitors needs.
pub struct WebMessaging {
    desk: Arc<Conversations>,
    hub: Arc<stream::Hub>,
    streams: Arc<Streams>,
    limits: Limits,
    uploading: Semaphore,
    /// Told when mails to visitors were queued; none: this server sends no mails.
    mails: Option<Arc<Notify>>,
}

struct Limits {
    messages: RateLimiter,
    files: RateLimiter,
    commands: RateLimiter,
    typing: RateLimiter,
    of_network: OfNetwork,
}

/// What strangers may do, by the network they come from.
struct OfNetwork {
    messages: RateLimiter,
    files: RateLimiter,
    sessions: RateLimiter,
    questions: RateLimiter,
    requests: RateLimiter,
}

impl WebMessaging {
    /// `streams`: those of the whole server. `mails`: told when mails were queued; none where no mail is sent.
    pub fn new(desk: &Arc<Conversations>, streams: &Arc<Streams>, mails: Option<Arc<Notify>>) -> Arc<WebMessaging> {
        Arc::new(WebMessaging {
            desk: desk.clone(),
            hub: Arc::default(),
            streams: streams.clone(),
            limits: Limits {
                messages: RateLimiter::new(MESSAGES_PER_MINUTE),
                files: RateLimiter::new(FILES_PER_MINUTE),
                commands: RateLimiter::new(COMMANDS_PER_MINUTE),
                typing: RateLimiter::new(TYPING_PER_MINUTE),
                of_network: OfNetwork {
                    messages: RateLimiter::new(MESSAGES_OF_NETWORK_PER_MINUTE),
                    files: RateLimiter::new(FILES_OF_NETWORK_PER_MINUTE),
                    sessions: RateLimiter::new(SESSIONS_PER_MINUTE),
                    questions: RateLimiter::new(QUESTIONS_PER_MINUTE),
                    requests: RateLimiter::new(REQUESTS_PER_MINUTE),
                },
            },
            uploading: Semaphore::new(UPLOADS_AT_ONCE_MAX),
            mails,
        })
    }

    /// The routes.
    pub fn router(self: &Arc<Self>) -> Router {
        http::router(self)
    }

    /// Tells visitors what happens, on their streams and by their phones, until `stop` changes.
    pub async fn run(self: Arc<Self>, stop: watch::Receiver<bool>) {
        let sweeping = self.desk.clone();
        let mut stopping = stop.clone();
        let sweep = async move {
            loop {
                let env = sweeping.env.clone();
                match sweeping.store.write(move |tx| sessions::sweep(tx, env.now(), SWEPT_MAX)).await {
                    Ok(nameless) => attachments::discard(&sweeping, nameless).await,
                    Err(trouble) => {
                        tracing::error!(?trouble, "ended sessions could not be forgotten and will be later")
                    }
                }
                tokio::select! {
                    _ = stopping.changed() => return,
                    () = tokio::time::sleep(SWEEP_PERIOD) => {}
                }
            }
        };
        let mailing = async {
            if let Some(wake) = &self.mails {
                unread::run(self.desk.clone(), self.hub.clone(), wake.clone(), stop.clone()).await;
            }
        };
        let senders: Vec<_> = Service::ALL
            .into_iter()
            .map(|service| {
                let wake = Arc::new(Notify::new());
                (push::Sending::new(&self.desk, service, wake.clone()), wake)
            })
            .collect();
        let wake = senders.iter().map(|(_, wake)| wake.clone()).collect();
        let noting = Arc::new(push::Noting { desk: self.desk.clone(), hub: self.hub.clone(), wake });
        let noting = consumer::run(self.desk.store.clone(), self.desk.tail.clone(), noting, stop.clone());
        let mut sending = JoinSet::new();
        for (sender, _) in senders {
            sending.spawn(sender.run(stop.clone()));
        }
        tokio::join!(
            stream::run(self.desk.clone(), self.hub.clone(), stop.clone()),
            sweep,
            mailing,
            noting,
            sending.join_all()
        );
    }
}

/// The items that a new messaging source begins with, for [`frontdesk_conversations::Conversations::furnish`].
pub fn furnish(tx: &mut dyn Tx, env: &Env, user_id: Id, source_id: Id, is_live_chat: bool) -> Result<()> {
    catalogue::defaults::make(tx, env, user_id, settings::Channel { source_id, is_live_chat })
}

/// The subcommand of the program that compiles style sheets in a process of its own, and what it does.
pub const COMPILE_STYLES: &str = styles::SUBCOMMAND;

/// Compiles what stands on standard input, within limits that end the process.
///
/// # Errors
///
/// What cannot be read or written; what is wrong with a style sheet is part of the answer.
pub fn compile_styles() -> std::result::Result<(), String> {
    styles::worker::run()
}

/// The operations of this crate.
pub fn operations(app: &Arc<Conversations>) -> Vec<Operation> {
    let mut operations = settings::operations();
    operations.extend(catalogue::operations());
    operations.extend(signing::operations(app));
    operations.extend(unread::templates::operations(app));
    operations
}
