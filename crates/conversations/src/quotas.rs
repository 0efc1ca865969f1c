//! What services count: the units of a day that a source has used, and until when it pauses because its service wants no
//! more. A row of `channel_quotas` holds both; the kind of source says how the units of a day are shared out.

use frontdesk_model::{Id, Result, Timestamp};
use frontdesk_sources::outbound::{Class, Failure};
use frontdesk_sources::quota::{self, Plan, Purpose, Used};
use frontdesk_sources::{Settings, SourceKind};
use frontdesk_store::{Tx, args};
use serde_json::{Value, json};

use crate::Conversations;
use crate::sources::Channel;

/// No pause is longer, seconds: one that ends later was written before the clock was set back.
pub(crate) const PAUSE_SECONDS_MAX: i64 = 26 * 60 * 60;

/// What is known of a source today.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Today {
    pub(crate) used: Used,
    pub(crate) paused_until: Option<Timestamp>,
}

/// Reads what a source has used today, and whether it pauses.
pub(crate) fn today(tx: &mut dyn Tx, source_id: Id, now: Timestamp) -> Result<Today> {
    let row = tx.first(
        "SELECT day, answers, reading, paused_until FROM channel_quotas WHERE source_id = $1",
        args![&source_id],
    )?;
    let Some(row) = row else { return Ok(Today::default()) };
    let is_today = row.get::<i64>(0)? == quota::day(now);
    let used = Used { answers: row.get(1)?, reading: row.get(2)? };
    let paused_until: Option<Timestamp> = row.get(3)?;
    let latest = now.plus_seconds(PAUSE_SECONDS_MAX);
    Ok(Today {
        used: if is_today { used } else { Used::default() },
        paused_until: paused_until.filter(|until| *until > now && *until <= latest),
    })
}

/// Whether a call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It may: its units are counted now, because the service counts also what fails.
    Yes,
    /// Not before then: the service wants a pause.
    Paused(Timestamp),
    /// Not for this purpose, with what is left today.
    UsedUp,
}

/// Takes the units of one call.
pub(crate) fn take(
    tx: &mut dyn Tx,
    source_id: Id,
    plan: Option<&Plan>,
    purpose: Purpose,
    now: Timestamp,
) -> Result<Taken> {
    let Today { mut used, paused_until } = today(tx, source_id, now)?;
    if let Some(until) = paused_until {
        return Ok(Taken::Paused(until));
    }
    let Some(plan) = plan else { return Ok(Taken::Yes) };
    if !plan.allows(purpose, used, quota::resets_at(now).seconds_since(now)) {
        return Ok(Taken::UsedUp);
    }
    match purpose {
        Purpose::Answers => used.answers += purpose.units(),
        Purpose::News | Purpose::Changes | Purpose::History => used.reading += purpose.units(),
    }
    tx.execute(
        "INSERT INTO channel_quotas (source_id, day, answers, reading) VALUES ($1, $2, $3, $4)
         ON CONFLICT (source_id) DO UPDATE SET day = $2, answers = $3, reading = $4",
        args![&source_id, quota::day(now), used.answers, used.reading],
    )?;
    Ok(Taken::Yes)
}

/// Pays for one call. Why it may not be made now: the service wants a pause, or counts calls and there is none left today
/// for this.
pub(crate) async fn pay(app: &Conversations, channel: &Channel, purpose: Purpose) -> Result<Option<Failure>> {
    let Some(plan) = channel.kind.quota.map(|plan| plan(&channel.settings, app.poll_interval_seconds)) else {
        return Ok(None);
    };
    let (source_id, now) = (channel.source_id, app.env.now());
    let taking = move |tx: &mut dyn Tx| take(tx, source_id, Some(&plan), purpose, now);
    let until = match app.store.write(taking).await? {
        Taken::Yes => return Ok(None),
        Taken::Paused(until) => until,
        Taken::UsedUp => quota::resets_at(now),
    };
    let message =
        format!("{}: no more calls may be made now, this waits until {}.", channel.kind.display_name, until.rest());
    Ok(Some(Failure::new(Class::Throttled { until }, message)))
}

/// Makes a source pause until then: nothing is sent and nothing is asked.
pub(crate) fn pause(tx: &mut dyn Tx, source_id: Id, until: Timestamp, now: Timestamp) -> Result<()> {
    tx.execute(
        "INSERT INTO channel_quotas (source_id, day, answers, reading, paused_until) VALUES ($1, $2, 0, 0, $3)
         ON CONFLICT (source_id) DO UPDATE SET paused_until = $3",
        args![&source_id, quota::day(now), until],
    )?;
    Ok(())
}

/// Ends a source's pause: whoever saves it has looked after what was wrong.
pub(crate) fn resume(tx: &mut dyn Tx, source_id: Id) -> Result<()> {
    tx.execute("UPDATE channel_quotas SET paused_until = NULL WHERE source_id = $1", args![&source_id])?;
    Ok(())
}

/// Forgets a source that goes.
pub(crate) fn forget(tx: &mut dyn Tx, source_id: Id) -> Result<()> {
    tx.execute("DELETE FROM channel_quotas WHERE source_id = $1", args![&source_id])?;
    Ok(())
}

/// What people see of it: the plan, what was used, and what is left. Null where nobody counts.
pub(crate) fn shown(
    tx: &mut dyn Tx,
    source_id: Id,
    kind: &SourceKind,
    settings: &Settings,
    interval_seconds: i64,
    now: Timestamp,
) -> Result<Option<Value>> {
    let Today { used, paused_until } = today(tx, source_id, now)?;
    let Some(plan) = kind.quota.map(|plan| plan(settings, interval_seconds)) else {
        return Ok(paused_until.map(|until| json!({ "paused_until": until })));
    };
    let resets_at = quota::resets_at(now);
    let left = plan.left(Purpose::Answers, used, resets_at.seconds_since(now));
    Ok(Some(json!({
        "units_per_day": plan.units_per_day, "units_for_answers": plan.for_answers,
        "looks_every_seconds": plan.look_every_seconds,
        "used_by_answers": used.answers, "used_by_reading": used.reading,
        "answers_left": left / Purpose::Answers.units(), "resets_at": resets_at, "paused_until": paused_until,
    })))
}
