//! What happens by itself when its time comes. A timer is a row with a time in it: workers look for those that are due and
//! do what is to be done in bounded transactions. Nothing is kept in memory, so a restart forgets nothing, and of several
//! nodes the first one does it.

use std::sync::Arc;
use std::time::Duration;

use frontdesk_model::{Result, Timestamp};
use frontdesk_people::presence;
use frontdesk_store::Tx;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::{Conversations, categories, contents, interventions, service_levels, sweeping, threads, visitors};

/// At most this many rows in one transaction: everybody else waits behind it.
const ROWS_MAX: i64 = 100;

struct Timer {
    name: &'static str,
    /// How often to look.
    period: Duration,
    /// Whether there is anything to do. Most looks find nothing and need not bother the writer.
    any_due: fn(&mut dyn Tx, Timestamp) -> Result<bool>,
    /// Does it for at most so many rows; returns how many there were.
    run: fn(&mut dyn Tx, &Conversations, i64) -> Result<u64>,
    /// Done first where nobody looked for a while: at the start, and after a stop or a failure that took long.
    after_absence: Option<AfterAbsence>,
}

type AfterAbsence = fn(&mut dyn Tx, Timestamp) -> Result<u64>;

/// Whoever did not look for longer than this was away; the clock may have been set, too.
const ABSENCE_SECONDS: i64 = 10;
/// How late people notice.
const SOON: Duration = Duration::from_millis(500);
/// How late nobody notices.
const LATER: Duration = Duration::from_secs(2);

const TIMERS: &[Timer] = &[
    Timer {
        name: "deferred interventions",
        period: SOON,
        any_due: interventions::deferring::any_due,
        run: |tx, app, limit| interventions::deferring::reactivate_due(tx, &app.env, limit),
        after_absence: None,
    },
    Timer {
        name: "erasures",
        period: SOON,
        any_due: contents::anonymise::any_due,
        run: |tx, app, limit| contents::anonymise::advance(tx, &app.env, limit),
        after_absence: None,
    },
    Timer {
        name: "long threads",
        period: SOON,
        any_due: threads::jobs::any_due,
        run: |tx, app, limit| threads::jobs::advance(tx, &app.env, limit),
        after_absence: None,
    },
    Timer {
        name: "much used categories",
        period: SOON,
        any_due: categories::jobs::any_due,
        run: |tx, app, limit| categories::jobs::advance(tx, &app.env, limit),
        after_absence: None,
    },
    Timer {
        name: "scheduled contents",
        period: SOON,
        any_due: contents::waiting::any_due,
        run: |tx, app, limit| contents::waiting::release_due(tx, &app.env, &app.seal, limit),
        after_absence: None,
    },
    Timer {
        name: "service levels",
        period: SOON,
        any_due: service_levels::any_due,
        run: |tx, app, limit| service_levels::tell_due(tx, &app.env, limit),
        after_absence: None,
    },
    Timer {
        name: "silent agents",
        period: SOON,
        any_due: presence::any_silent,
        run: |tx, app, limit| presence::disconnect_silent(tx, &app.env, limit),
        after_absence: Some(presence::forgive_silence),
    },
    Timer {
        name: "unanswered chats",
        period: SOON,
        any_due: visitors::waiting::any_due,
        run: |tx, app, limit| visitors::waiting::end_due(tx, &app.env, limit),
        after_absence: None,
    },
    Timer {
        name: "old contents and silent threads",
        period: LATER,
        any_due: sweeping::any_due,
        run: |tx, app, limit| sweeping::advance(tx, &app.env, limit),
        after_absence: None,
    },
];

/// Runs every timer until `stop` changes.
pub async fn run(app: Arc<Conversations>, stop: watch::Receiver<bool>) {
    let mut running = JoinSet::new();
    for timer in TIMERS {
        running.spawn(run_one(app.clone(), timer, stop.clone()));
    }
    while running.join_next().await.is_some() {}
}

async fn run_one(app: Arc<Conversations>, timer: &'static Timer, mut stop: watch::Receiver<bool>) {
    let mut looked_at: Option<Timestamp> = None;
    while !*stop.borrow() {
        let now = app.env.now();
        let done = look(&app, timer, was_away(looked_at, now)).await;
        if done.is_ok() {
            looked_at = Some(now);
        }
        match done {
            Ok(0) => {}
            Ok(rows) => {
                tracing::debug!(timer = timer.name, rows, "due");
                continue;
            }
            Err(trouble) => tracing::warn!(timer = timer.name, ?trouble, "a timer failed and will try again"),
        }
        tokio::select! {
            _ = stop.changed() => return,
            () = tokio::time::sleep(timer.period) => {}
        }
    }
}

/// Whether what nobody noticed meanwhile says nothing: nobody looked, or time jumped.
fn was_away(looked_at: Option<Timestamp>, now: Timestamp) -> bool {
    looked_at.is_none_or(|at| now.seconds_since(at).max(at.seconds_since(now)) > ABSENCE_SECONDS)
}

/// One transaction's worth of what is due. 0: nothing is left for now.
async fn look(app: &Arc<Conversations>, timer: &'static Timer, was_away: bool) -> Result<u64> {
    let now = app.env.now();
    if let Some(first) = timer.after_absence.filter(|_| was_away) {
        app.store.write(move |tx| first(tx, now)).await?;
    }
    if !app.store.read(move |tx| (timer.any_due)(tx, now)).await? {
        return Ok(0);
    }
    let run_in = app.clone();
    app.store.write(move |tx| (timer.run)(tx, &run_in, ROWS_MAX)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_did_not_look_for_long_was_away() {
        let now = Timestamp::from_micros(0).plus_seconds(1_000);
        for (looked_before_seconds, expected) in
            [(None, true), (Some(0), false), (Some(10), false), (Some(11), true), (Some(-10), false), (Some(-11), true)]
        {
            let looked_at = looked_before_seconds.map(|seconds: i64| now.plus_seconds(-seconds));
            assert_eq!(was_away(looked_at, now), expected, "{looked_before_seconds:?}");
        }
    }
}
