//! Trying out a source's connection: somebody asks for it, a worker calls the service, and what was found can be read.

use std::sync::Arc;
use std::time::Duration;

use frontdesk_model::{Id, Result, Timestamp};
use frontdesk_sources::connecting::Trial;
use frontdesk_sources::quota::Purpose;
use frontdesk_store::{Due, Tx, args};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::signing_in;
use crate::sources::Channel;
use crate::{Conversations, calling, quotas};

/// For one call.
pub(super) const DEADLINE: Duration = Duration::from_secs(15);
/// Of its answer, this much is read.
pub(super) const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Connections to be tried are looked for this often.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A connection whose trial was cut off is tried again after so many seconds.
const AGAIN_SECONDS: i64 = 120;

/// What was found.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Finding {
    /// What was tried.
    pub(super) name: String,
    /// Whether it works.
    pub(super) ok: bool,
    /// What is wrong, and what to do.
    pub(super) message: Option<String>,
}

/// Has a source's connection tried.
pub(super) fn ask(tx: &mut dyn Tx, source_id: Id, now: Timestamp) -> Result<()> {
    tx.execute(
        "INSERT INTO channel_health (source_id, received, unknown, failed, test_due_at) VALUES ($1, 0, 0, 0, $2)
         ON CONFLICT (source_id) DO UPDATE SET test_due_at = $2",
        args![&source_id, now],
    )?;
    Ok(())
}

/// Tries what is to be tried until `stop` changes.
pub(super) async fn run(app: Arc<Conversations>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        match take(&app).await {
            Ok(Some(source_id)) => {
                if let Err(trouble) = try_out(&app, source_id).await {
                    tracing::error!(%source_id, ?trouble, "a connection could not be tried");
                }
                continue;
            }
            Ok(None) => {}
            Err(trouble) => tracing::error!(?trouble, "connections to be tried cannot be read"),
        }
        tokio::select! {
            _ = stop.changed() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn take(app: &Conversations) -> Result<Option<Id>> {
    const DUE: &str = "SELECT source_id FROM channel_health WHERE test_due_at <= $1 ORDER BY test_due_at LIMIT 1";
    const TRIED: Due<'static> =
        Due { table: "channel_health", column: "test_due_at", condition: "TRUE", ahead_seconds_max: 2 * AGAIN_SECONDS };
    let now = app.env.now();
    let any = move |tx: &mut dyn Tx| Ok(tx.first(DUE, args![now])?.is_some() || TRIED.any_astray(tx, now)?);
    if !app.store.read(any).await? {
        return Ok(None);
    }
    let taking = move |tx: &mut dyn Tx| {
        TRIED.bring_back(tx, now)?;
        let Some(row) = tx.first(DUE, args![now])? else { return Ok(None) };
        let source_id: Id = row.get(0)?;
        let sql = "UPDATE channel_health SET test_due_at = $2 WHERE source_id = $1";
        tx.execute(sql, args![&source_id, now.plus_seconds(AGAIN_SECONDS)])?;
        Ok(Some(source_id))
    };
    app.store.write(taking).await
}

async fn try_out(app: &Arc<Conversations>, source_id: Id) -> Result<()> {
    let mut findings = Vec::new();
    if let Some(channel) = app.channels.reload(&app.store, &app.seal, source_id).await?
        && let Some(outcome) = signing_in::exchange(app, &channel).await?
    {
        let message = outcome.err();
        findings.push(Finding { name: "sign_in".into(), ok: message.is_none(), message });
    }
    let channel = match findings.iter().all(|finding| finding.ok) {
        true => app.channels.reload(&app.store, &app.seal, source_id).await?,
        // What comes after would fail for the same reason.
        false => None,
    };
    if let Some(channel) = channel {
        for trial in channel.kind.connecting.map_or(&[][..], |connecting| connecting.trials) {
            let message = attempt(app, &channel, trial).await?.err();
            let ok = message.is_none();
            findings.push(Finding { name: trial.name.into(), ok, message });
            if !ok {
                break;
            }
        }
    }
    let (told, now) = (serde_json::to_string(&findings).unwrap_or_default(), app.env.now());
    let wrong = findings.into_iter().find_map(|finding| finding.message);
    let noting = move |tx: &mut dyn Tx| {
        let sql = "UPDATE channel_health SET test_due_at = NULL, tested_at = $2, findings = $3 WHERE source_id = $1";
        tx.execute(sql, args![&source_id, now, &told])?;
        crate::sources::set_error(tx, source_id, wrong.as_deref())
    };
    app.store.write(noting).await
}

async fn attempt(app: &Conversations, channel: &Channel, trial: &Trial) -> Result<Result<(), String>> {
    let Some(request) = (trial.request)(&channel.settings) else {
        return Ok(Err("A setting is missing: go through the steps in their order.".into()));
    };
    if let Some(failure) = quotas::pay(app, channel, Purpose::News).await? {
        return Ok(Err(failure.message));
    }
    Ok(match app.call(channel, request, DEADLINE, ANSWER_BYTES_MAX).await? {
        Ok(answer) => (trial.judge)(&channel.settings, &calling::answer_of(&answer, app.env.now())),
        Err(failure) => Err(failure.message),
    })
}
