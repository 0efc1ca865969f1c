//! Wiring, start and stop of the server.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use frontdesk_conversations::agent_mails::AgentMails;
use frontdesk_conversations::attachments::{self, Files};
use frontdesk_conversations::automatic_answers::AutomaticAnswers;
use frontdesk_conversations::calling::Calling;
use frontdesk_conversations::contents::indexing;
use frontdesk_conversations::delivery::Delivery;
use frontdesk_conversations::ingest_many::Gathering;
use frontdesk_conversations::service_levels::Watching;
use frontdesk_conversations::{
    Conversations, channel_events, handover, polling, profiles, send_api, stream, timers, typing_calls,
};
use frontdesk_model::{Env, Secret, error};
use frontdesk_net::{AddressPolicy, InboundLimits, Outbound, PeerAddress};
use frontdesk_people::mails::{Letters, Sending};
use frontdesk_people::password_links::Links;
use frontdesk_people::sessions::SignIn;
use frontdesk_people::setup::{self, FirstSignIn};
use frontdesk_rest::{Api, Authenticator, ClientAddress, Limits, Operation, Patience, Rest, Streams};
use frontdesk_routing::tasks::{self, Following};
use frontdesk_store::consumer::{self, Consumer};
use frontdesk_store::{Dialect, Migration, Store, Tail, args};
use frontdesk_web_messaging::WebMessaging;
use frontdesk_webhooks::mcp;
use http::StatusCode;
use ipnet::IpNet;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinSet};

use crate::admin::Admin;
use crate::data_dir::{self, DataDir};
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::{backup, control, demo, housekeeping, shop};

/// A server that cannot reach its store within this time is not ready.
const READY_DEADLINE: Duration = Duration::from_secs(2);

/// Opens the store that the settings name and brings its schema up to the last of these migrations.
pub(crate) fn open_store(settings: &Settings, directory: &DataDir, migrations: &[Migration]) -> Result<Store, String> {
    let opened = match &settings.database_url {
        Some(url) => Store::open_postgres(url, migrations),
        None => Store::open_sqlite(&directory.database(), migrations),
    };
    opened.map_err(|error| error.to_string())
}

/// Every operation, in the order of the documentation.
pub(crate) fn operations(app: &Arc<Conversations>) -> Vec<Operation> {
    let mut operations = frontdesk_conversations::operations(app);
    operations.extend(frontdesk_people::operations(&app.seal, &app.outbound, &app.public_url, app.sends_mails));
    operations.extend(frontdesk_routing::operations());
    operations.extend(frontdesk_webhooks::operations(app));
    operations.extend(frontdesk_web_messaging::operations(app));
    operations
}

/// What the operations and workers need.
pub(crate) async fn application(
    settings: &Settings,
    directory: &DataDir,
    store: &Store,
    env: &Env,
) -> Result<Arc<Conversations>, String> {
    Ok(Arc::new(Conversations {
        store: store.clone(),
        tail: Tail::new(store.clone()),
        env: env.clone(),
        seal: data_dir::seal(store, env, &settings.secret_key_file).await?,
        files: Files::open(&directory.attachments()).map_err(|error| format!("data: attachments: {error}"))?,
        outbound: Outbound::new(AddressPolicy { allowed: settings.allow_outbound.clone() })?,
        channels: Default::default(),
        calling: Calling::new(settings.stand_ins.clone()),
        poll_interval_seconds: settings.poll_interval.into(),
        typing_calls: Default::default(),
        channel_events: Default::default(),
        notifications: Default::default(),
        stream: Default::default(),
        gathering: (store.dialect() == Dialect::Postgres).then(|| Gathering::start(store.clone(), env.clone())),
        typing: Default::default(),
        queue_updates: Default::default(),
        visitor_hints: Default::default(),
        furnish: frontdesk_web_messaging::furnish,
        node_id: directory.node_id(env)?,
        public_url: settings.public_url.clone(),
        sends_mails: settings.mailer.is_some(),
    }))
}

/// Every consumer of the log, and the workers that push what one of them notes. `mails`: told when mails were queued.
pub(crate) fn consumers(app: &Arc<Conversations>, mails: &Arc<Notify>) -> (Vec<Arc<dyn Consumer>>, Arc<Delivery>) {
    let (outbox, delivery) = Delivery::new(app);
    let visitors = frontdesk_web_messaging::Following::new(app);
    let links = Links::new(&app.seal, &app.public_url);
    let letters = Letters::new(&app.env, links, mails);
    let agents = AgentMails::new(app, mails);
    let consumers: Vec<Arc<dyn Consumer>> =
        vec![outbox, AutomaticAnswers::new(app), letters, agents, Watching::new(app), Following::new(app), visitors];
    (consumers, delivery)
}

/// Runs until the process is told to stop.
pub(crate) async fn run(settings: Settings, directory: DataDir, store: Store, env: Env) -> Result<(), String> {
    backup::refuse_unfinished(&store).await?;
    // Before anything is set up: a first start that cannot listen must not use up what is shown once.
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(|error| format!("listen: {}: {error}; choose another with --listen", settings.listen))?;
    let app = application(&settings, &directory, &store, &env).await?;
    let first = first_start(&store, &env).await?;
    let sign_in = SignIn::new(&store, &env, &app.seal, &app.outbound, &settings.public_url, app.sends_mails);
    demo::retire(&store, &env, &settings).await.map_err(|error| format!("demo: {error}"))?;
    let example = demo::example_sign_in(&settings, &env);
    if settings.demo {
        // The examples are not to be throttled.
        let unthrottled = Settings { rate_limit: 0, ..settings.clone() };
        let unseen = Metrics::new(app.clone(), Streams::new(0, Patience::default(), watch::channel(false).1));
        let visitors = WebMessaging::new(&app, unseen.streams(), None);
        let router = router(&unthrottled, &app, &unseen, &visitors, &sign_in);
        let filled = demo::fill(&app, router, &example.1).await;
        filled.map_err(|error| format!("demo: {error}"))?;
    }

    let (stop, stopping) = watch::channel(false);
    let mails = Arc::new(Notify::new());
    let (consumers, delivery) = consumers(&app, &mails);
    delivery.release_claims().await.map_err(|error| error.to_string())?;
    consumer::require_distinct(&consumers).map_err(|error| error.to_string())?;
    let mut workers = JoinSet::new();
    workers.spawn(app.tail.clone().run(stopping.clone()));
    workers.spawn(stream::run(app.clone(), stopping.clone()));
    for consumer in consumers {
        workers.spawn(consumer::run(store.clone(), app.tail.clone(), consumer, stopping.clone()));
    }
    workers.spawn(delivery.run(stopping.clone()));
    workers.spawn(channel_events::run(app.clone(), stopping.clone()));
    workers.spawn(handover::run(app.clone(), stopping.clone()));
    workers.spawn(profiles::run(app.clone(), stopping.clone()));
    workers.spawn(typing_calls::run(app.clone(), stopping.clone()));
    let domain_id = store.read(frontdesk_webhooks::domain_id).await.map_err(|error| error.to_string())?;
    let webhooks = frontdesk_webhooks::Sender::new(&app, domain_id, settings.log_days);
    workers.spawn(webhooks.run(stopping.clone()));
    workers.spawn(frontdesk_webhooks::replay::run(app.clone(), stopping.clone()));
    let mailing = settings.mailer.as_ref().map(|_| mails.clone());
    let links = Links::new(&app.seal, &app.public_url);
    let sending = Sending::new(store.clone(), env.clone(), settings.mailer.clone(), links.clone(), mails);
    workers.spawn(sending.run(stopping.clone()));
    workers.spawn(timers::run(app.clone(), stopping.clone()));
    workers.spawn(tasks::run(app.clone(), stopping.clone()));
    workers.spawn(tasks::positions::run(app.clone(), stopping.clone()));
    // Streams have no end of their own: they are told first that it is over, or the listener would wait for them.
    let (close, closing) = watch::channel(false);
    let unread = Duration::from_secs(settings.unread_timeout);
    let heartbeat = Duration::from_secs(settings.stream_heartbeat);
    let patience = Patience { heartbeat, send: unread / 3 };
    let metrics = Metrics::new(app.clone(), Streams::new(settings.streams_max, patience, closing));
    let visitors = WebMessaging::new(&app, metrics.streams(), mailing);
    workers.spawn(visitors.clone().run(stopping.clone()));
    let observer = metrics.poll_observer();
    workers.spawn(polling::run(app.clone(), settings.poll_interval, observer, stopping.clone()));
    workers.spawn(attachments::fetching::run(app.clone(), stopping.clone()));
    workers.spawn(indexing::catch_up(store.clone(), stopping.clone()));
    let days = housekeeping::Days { log: settings.log_days, tasks: settings.task_days };
    workers.spawn(housekeeping::run(store.clone(), env.clone(), days, stopping.clone()));
    workers.spawn(sign_in.clone().run(stopping.clone()));

    let address = listener.local_addr().map_err(|error| format!("listen: {error}"))?;
    let admin = Arc::new(Admin { store: store.clone(), env: env.clone(), files: app.files.clone(), links });
    control::listen(&directory.socket(), admin)?;
    greet(&settings, first.as_ref(), &example);
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "serving");

    let connections_max = settings.connections_max;
    let limits = InboundLimits { connections_max, write_stall: unread, ..InboundLimits::default() };
    let told = async move {
        told_to_stop().await;
        let _ = close.send(true);
    };
    let router = router(&settings, &app, &metrics, &visitors, &sign_in);
    let broken = tokio::select! {
        () = frontdesk_net::serve(listener, router, limits, settings.trusted_proxy.clone(), told) => None,
        panic = first_panic(&mut workers) => Some(format!("a part of the server broke: {panic}")),
    };
    tracing::info!("stopping");
    let _ = stop.send(true);
    while workers.join_next().await.is_some() {}
    let _ = std::fs::remove_file(directory.socket());
    drop((app, metrics, visitors, sign_in));
    tokio::task::spawn_blocking(move || store.close()).await.map_err(|error| error.to_string())?;
    broken.map_or(Ok(()), Err)
}

/// Waits until a worker panics. One that ends has done its work. Without it the server would go on half: better that it
/// ends and is started again.
async fn first_panic(workers: &mut JoinSet<()>) -> JoinError {
    loop {
        match workers.join_next().await {
            Some(Err(trouble)) if trouble.is_panic() => return trouble,
            Some(_) => {}
            None => std::future::pending().await,
        }
    }
}

/// Whether other sites may show the console in a frame. Not while that cannot be read.
fn framing(store: Store) -> frontdesk_web::Framing {
    Arc::new(move || {
        let store = store.clone();
        Box::pin(async move {
            let denied = store.read(|tx| Ok(frontdesk_people::settings::load(tx)?.deny_iframe_integration)).await;
            denied.is_ok_and(|denied| !denied)
        })
    })
}

fn router(
    settings: &Settings,
    app: &Arc<Conversations>,
    metrics: &Arc<Metrics>,
    visitors: &Arc<WebMessaging>,
    sign_in: &Arc<SignIn>,
) -> Router {
    let authenticator: Arc<dyn Authenticator> = sign_in.clone();
    let api = Api {
        operations: operations(app),
        store: app.store.clone(),
        env: app.env.clone(),
        seal: app.seal.clone(),
        authenticator: authenticator.clone(),
        limits: Limits { requests_per_minute: settings.rate_limit, ..Limits::default() },
        uploads_dir: app.files.temp_dir().to_owned(),
        keep_upload: attachments::keep_upload(app.files.clone()),
        public_url: settings.public_url.clone(),
        observer: metrics.observer(),
        streams: metrics.streams().clone(),
    };
    let rest = Rest::new(api);
    let shop = if settings.demo { shop::router(app) } else { Router::new() };
    let unknown = app.env.clone();
    let trusted: Arc<[IpNet]> = settings.trusted_proxy.clone().into();
    Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .with_state(app.store.clone())
        .merge(metrics.router())
        .merge(sign_in.router())
        .merge(send_api::router(app))
        .merge(channel_events::router(app))
        .merge(visitors.router())
        .merge(shop)
        .merge(frontdesk_web::router(framing(app.store.clone())))
        .merge(attachments::router(app, authenticator))
        .merge(mcp::router(&rest, &settings.public_url))
        .merge(rest.router())
        .fallback(move || {
            let request_id = unknown.id();
            async move { frontdesk_rest::refuse(&error::not_found("page"), request_id) }
        })
        .layer(axum::middleware::map_request(move |request| note_client(request, trusted.clone())))
}

/// Notes for the access logs whose request it is, proxies seen through where they are trusted.
async fn note_client(mut request: Request, trusted: Arc<[IpNet]>) -> Request {
    if let Some(PeerAddress(peer)) = request.extensions().get() {
        let client = frontdesk_net::client_address(peer.ip(), request.headers(), &trusted);
        request.extensions_mut().insert(ClientAddress(client));
    }
    request
}

/// Whether the store takes a write now.
async fn ready(State(store): State<Store>) -> Response {
    let probe = store.write(|tx| tx.one("SELECT seq FROM log_head", args![])?.get::<i64>(0));
    match tokio::time::timeout(READY_DEADLINE, probe).await {
        Ok(Ok(_)) => "ready".into_response(),
        Ok(Err(_)) | Err(_) => {
            let body = json!({ "error": "unavailable", "message": "The store cannot serve now.", "status": 503 });
            let headers = [("content-type", "application/json; charset=utf-8"), ("retry-after", "5")];
            (StatusCode::SERVICE_UNAVAILABLE, headers, body.to_string()).into_response()
        }
    }
}

/// Sets up a fresh installation. Looks first, because hashing a password takes time that later starts need not spend.
pub(crate) async fn first_start(store: &Store, env: &Env) -> Result<Option<FirstSignIn>, String> {
    let is_fresh = store.read(|tx| Ok(tx.first("SELECT 1 FROM users LIMIT 1", args![])?.is_none()));
    if !is_fresh.await.map_err(|error| error.to_string())? {
        return Ok(None);
    }
    let (password, hash) = setup::first_password(env).map_err(|error| error.to_string())?;
    let env = env.clone();
    store.write(move |tx| setup::first_start(tx, &env, &password, &hash)).await.map_err(|error| error.to_string())
}

/// Says once where to go and how to sign in. A server whose greeting nobody reads serves all the same, and its log says
/// how to come to what was lost.
fn greet(settings: &Settings, first: Option<&FirstSignIn>, (email, password): &(&str, Secret)) {
    let mut told = format!("Frontdesk is at {}\n", settings.public_url);
    if settings.demo {
        told += &format!("A shop with the chat in it is at {}/shop/\n", settings.public_url);
    }
    if let Some(first) = first {
        told += &shown_once(settings, first);
        if settings.demo {
            told += &format!("\nOr look around as an example agent: {email}, password {}\n", password.reveal());
        }
    }
    let written = std::io::stdout().write_all(told.as_bytes()).and_then(|()| std::io::stdout().flush());
    if let (Err(trouble), Some(first)) = (written, first) {
        let (data, email) = (settings.data.display(), first.email);
        tracing::warn!(
            %trouble,
            "the first password could not be shown: choose one with frontdesk user password --data {data} --user {email}"
        );
    }
}

/// How to sign in for the first time.
pub(crate) fn shown_once(settings: &Settings, first: &FirstSignIn) -> String {
    let (data, email) = (settings.data.display(), first.email);
    let (password, token) = (first.password.reveal(), first.token.reveal());
    format!(
        "
  Administrator  {email}
  Password       {password}
  Access token   {token}

These are shown this once. Make another token, or choose another password, with:
  frontdesk token create --data {data} --user {email} --label NAME
  frontdesk user password --data {data} --user {email}
"
    )
}

async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_worker_that_has_done_its_work_ends_nothing_and_one_that_panics_does() {
        let mut workers = JoinSet::new();
        workers.spawn(async {});
        assert!(tokio::time::timeout(Duration::from_millis(50), first_panic(&mut workers)).await.is_err());
        workers.spawn(async { panic!("a mistake of ours") });
        assert!(first_panic(&mut workers).await.to_string().contains("a mistake of ours"));
    }
}
