//! Figures for Prometheus at `/metrics`: what was asked, how long it took, what waits.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use frontdesk_conversations::{Conversations, delivery, polling};
use frontdesk_people::mails;
use frontdesk_rest::{Observer, Streams};
use frontdesk_store::consumer;
use http::{StatusCode, header};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Request {
    operation: &'static str,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ConsumerName {
    consumer: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Transport {
    transport: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Poll {
    result: &'static str,
}

/// What is counted while requests are served, and what is looked up when somebody asks.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    durations: Histogram,
    polls: Family<Poll, Counter>,
    poll_durations: Histogram,
    waiting_writes: Gauge,
    waiting_deliveries: Gauge,
    waiting_webhooks: Gauge,
    waiting_mails: Gauge,
    failed_mails: Gauge,
    lags: Family<ConsumerName, Gauge>,
    open_streams: Family<Transport, Gauge>,
    stream_messages: Counter,
    cut_streams: Counter,
    untold_events: Counter,
    app: Arc<Conversations>,
    streams: Arc<Streams>,
}

impl Metrics {
    pub(crate) fn new(app: Arc<Conversations>, streams: Arc<Streams>) -> Arc<Metrics> {
        let mut metrics = Metrics {
            registry: Registry::with_prefix("frontdesk"),
            requests: Family::default(),
            // From 0.1 ms to some 3 s.
            durations: Histogram::new(exponential_buckets(0.000_1, 2.0, 16)),
            polls: Family::default(),
            // From 1 ms to some 5 minutes, which is how long a run may take.
            poll_durations: Histogram::new(exponential_buckets(0.001, 3.5, 12)),
            waiting_writes: Gauge::default(),
            waiting_deliveries: Gauge::default(),
            waiting_webhooks: Gauge::default(),
            waiting_mails: Gauge::default(),
            failed_mails: Gauge::default(),
            lags: Family::default(),
            open_streams: Family::default(),
            stream_messages: Counter::default(),
            cut_streams: Counter::default(),
            untold_events: Counter::default(),
            app,
            streams,
        };
        let registry = &mut metrics.registry;
        registry.register("requests", "REST requests answered", metrics.requests.clone());
        registry.register("request_duration_seconds", "Time to answer a REST request", metrics.durations.clone());
        registry.register("polls", "Runs that asked a channel for what is new", metrics.polls.clone());
        let durations = metrics.poll_durations.clone();
        registry.register("poll_duration_seconds", "Time that such a run took", durations);
        registry.register("store_waiting_writes", "Writes that wait for the store", metrics.waiting_writes.clone());
        registry.register("waiting_deliveries", "Contents that wait to be pushed", metrics.waiting_deliveries.clone());
        let waiting = metrics.waiting_webhooks.clone();
        registry.register("waiting_webhook_deliveries", "Requests to webhooks that wait for another attempt", waiting);
        registry.register("waiting_mails", "Mails that wait to be sent", metrics.waiting_mails.clone());
        registry.register("failed_mails", "Mails given up in the last 30 days", metrics.failed_mails.clone());
        registry.register("consumer_lag", "Log entries that a consumer has not passed yet", metrics.lags.clone());
        registry.register("streams", "Live streams that are open", metrics.open_streams.clone());
        registry.register("stream_messages", "Messages sent on live streams", metrics.stream_messages.clone());
        registry.register("streams_cut", "WebSockets cut, as nobody read or answered", metrics.cut_streams.clone());
        let untold = metrics.untold_events.clone();
        registry.register(
            "untold_events",
            "Events that webhooks and streams were not told of, as they are broken",
            untold,
        );
        Arc::new(metrics)
    }

    /// Counts REST requests.
    pub(crate) fn observer(self: &Arc<Self>) -> Observer {
        let metrics = self.clone();
        Arc::new(move |operation: &'static str, status: u16, duration: Duration| {
            metrics.requests.get_or_create(&Request { operation, status }).inc();
            metrics.durations.observe(duration.as_secs_f64());
        })
    }

    /// Counts runs that ask channels.
    pub(crate) fn poll_observer(self: &Arc<Self>) -> polling::Observer {
        let metrics = self.clone();
        Arc::new(move |result: &'static str, duration: Duration| {
            metrics.polls.get_or_create(&Poll { result }).inc();
            metrics.poll_durations.observe(duration.as_secs_f64());
        })
    }

    /// The live streams that it counts.
    pub(crate) fn streams(&self) -> &Arc<Streams> {
        &self.streams
    }

    pub(crate) fn router(self: &Arc<Self>) -> Router {
        Router::new().route("/metrics", get(show)).with_state(self.clone())
    }
}

async fn show(State(metrics): State<Arc<Metrics>>) -> Response {
    let looking = metrics.app.store.read(|tx| {
        let webhooks = frontdesk_webhooks::deliveries::waiting(tx)?;
        Ok((delivery::waiting(tx)?, webhooks, mails::waiting(tx)?, mails::failed(tx)?, consumer::lags(tx)?))
    });
    let looked_up = looking.await;
    metrics.waiting_writes.set(metrics.app.store.waiting_writes() as i64);
    match looked_up {
        Ok((deliveries, webhooks, waiting_mails, failed_mails, lags)) => {
            metrics.waiting_webhooks.set(webhooks);
            metrics.waiting_deliveries.set(deliveries);
            metrics.waiting_mails.set(waiting_mails);
            metrics.failed_mails.set(failed_mails);
            for (consumer, lag) in lags {
                metrics.lags.get_or_create(&ConsumerName { consumer }).set(lag);
            }
        }
        // The counters are worth showing while the store is away.
        Err(error) => tracing::warn!(?error, "metrics from the store"),
    }
    let figures = metrics.streams.figures();
    for (transport, open) in [("sse", figures.server_sent_events), ("websocket", figures.websockets)] {
        metrics.open_streams.get_or_create(&Transport { transport }).set(open);
    }
    // They are counted elsewhere and only ever grow.
    metrics.stream_messages.inner().store(figures.messages, Relaxed);
    metrics.cut_streams.inner().store(figures.cut, Relaxed);
    metrics.untold_events.inner().store(metrics.app.notifications.untold(), Relaxed);
    let mut text = String::new();
    if encode(&mut text, &metrics.registry).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
