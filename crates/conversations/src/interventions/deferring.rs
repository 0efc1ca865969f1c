//! Deferring: an intervention is out of sight until its time comes, or until the customer writes again.

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id, Permission, Result, Timestamp, error};
use frontdesk_people::settings;
use frontdesk_rest::Call;
use frontdesk_store::{Tx, args};

use super::{Intervention, SELECT, by_id, find, intervention, payload};
use crate::{events, moments, pace};

/// At most this far ahead, whatever the account's setting says: a year.
const SECONDS_MAX: i64 = 366 * 24 * 60 * 60;

/// Until when.
pub(super) enum Until {
    /// A time, as the caller wrote it.
    Time(String),
    /// So many seconds from now.
    Seconds(i64),
}

/// Puts an open intervention off, or one that is put off already until another time.
pub(super) fn defer(call: &Call, id: Id, until: &Until, tx: &mut dyn Tx) -> Result<Intervention> {
    let found = changeable(call, id, tx)?;
    if found.closed_at.is_some() {
        return Err(error::forbidden("The intervention is closed; only an open one can be deferred."));
    }
    let now = call.env.now();
    let seconds_max = match settings::load(tx)?.intervention_defer_threshold {
        0 => SECONDS_MAX,
        threshold => threshold.min(SECONDS_MAX),
    };
    let at = match until {
        Until::Time(text) => moments::future("deferred_at", text, now, seconds_max)?,
        Until::Seconds(seconds) => moments::within("rate", now.plus_seconds(*seconds), now, seconds_max)?,
    };
    if found.deferred_at == Some(at) {
        return Ok(found);
    }
    tx.execute("UPDATE interventions SET deferred_at = $2, updated_at = $3 WHERE id = $1", args![&id, at, now])?;
    let deferred = by_id(tx, id)?.ok_or_else(|| error::not_found("intervention"))?;
    pace::check(call, deferred.thread_id, "intervention.deferred", tx)?;
    let mut told = payload(tx, &deferred)?;
    told["deferred_duration"] = at.seconds_since(now).into();
    tx.append(events::by(call, "intervention.deferred", id, Some(deferred.thread_id), told));
    Ok(deferred)
}

/// Brings a deferred intervention back before its time.
pub(super) fn reactivate(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<Intervention> {
    let found = changeable(call, id, tx)?;
    if found.deferred_at.is_none() {
        return Err(error::forbidden("The intervention is not deferred."));
    }
    end(tx, &call.env, Some(call.caller.user_id), &found)?;
    by_id(tx, id)?.ok_or_else(|| error::not_found("intervention"))
}

fn changeable(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<Intervention> {
    let found = find(tx, &call.caller, id)?;
    if found.user_id == Some(call.caller.user_id) {
        call.caller.require_any(&[Permission::UpdateOwnIntervention, Permission::UpdateIntervention])?;
    } else {
        call.caller.require_any(&[Permission::UpdateIntervention])?;
    }
    Ok(found)
}

/// A deferral is over: by its time or the customer (no user), or by a user.
pub(super) fn end(tx: &mut dyn Tx, env: &Env, user_id: Option<Id>, deferred: &Intervention) -> Result<()> {
    tx.execute(
        "UPDATE interventions SET deferred_at = NULL, updated_at = $2 WHERE id = $1",
        args![&deferred.id, env.now()],
    )?;
    let told = payload(tx, &Intervention { deferred_at: None, ..deferred.clone() })?;
    let thread_id = Some(deferred.thread_id);
    tx.append(NewEvent::new(env, user_id, "intervention.reactivated", deferred.id, thread_id, told));
    Ok(())
}

/// Whether the time of any deferred intervention has come.
pub(crate) fn any_due(tx: &mut dyn Tx, now: Timestamp) -> Result<bool> {
    Ok(tx.first("SELECT 1 FROM interventions WHERE deferred_at <= $1 LIMIT 1", args![now])?.is_some())
}

/// Brings back those whose time has come, the longest due first, at most `limit`. Returns how many.
pub(crate) fn reactivate_due(tx: &mut dyn Tx, env: &Env, limit: i64) -> Result<u64> {
    let sql = format!("{SELECT} WHERE deferred_at <= $1 ORDER BY deferred_at, id LIMIT $2");
    let rows = tx.query(&sql, args![env.now(), limit])?;
    for row in &rows {
        end(tx, env, None, &intervention(row)?)?;
    }
    Ok(rows.len() as u64)
}
