//! The names and pictures of customers, where their service tells them only when it is asked. A row of `channel_profiles`
//! says who is to be asked about; a worker asks. Whoever stays unknown is shown by what is known: nothing waits for it.

use std::sync::Arc;
use std::time::Duration;

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id, Result, Timestamp};
use frontdesk_sources::outbound::{Class, Failure};
use frontdesk_sources::profiles::{Profile, Profiles};
use frontdesk_store::{Row, Tx, args};
use serde_json::json;
use tokio::sync::watch;

use crate::questions::{ANSWER_BYTES_MAX, DEADLINE, Questions};
use crate::sources::Channel;
use crate::{Conversations, calling, quotas};

/// A question that was not answered is asked again after so many seconds, and so often in all.
const PAUSE_SECONDS: i64 = 60;
const ATTEMPTS_MAX: i64 = 3;
const QUESTIONS: Questions = Questions {
    table: "channel_profiles",
    columns: "attempts",
    pause_seconds: PAUSE_SECONDS,
    ahead_seconds_max: quotas::PAUSE_SECONDS_MAX,
    look_every: Duration::from_secs(1),
};
/// Pictures change, and their addresses end: whoever writes so many seconds later is asked about again.
const KNOWN_SECONDS: i64 = 7 * 86_400;

/// Somebody wrote: they are asked about, unless that was done not long ago.
pub(crate) fn want(tx: &mut dyn Tx, source_id: Id, customer: &str, now: Timestamp) -> Result<()> {
    let sql =
        "SELECT 1 FROM channel_profiles WHERE source_id = $1 AND foreign_id = $2 AND asked_at > $3 AND asked_at <= $4";
    if tx.first(sql, args![&source_id, customer, now.plus_seconds(-KNOWN_SECONDS), now])?.is_some() {
        return Ok(());
    }
    tx.execute(
        "INSERT INTO channel_profiles (source_id, foreign_id, asked_at, attempts, due_at) VALUES ($1, $2, $3, 0, $3)
         ON CONFLICT (source_id, foreign_id) DO UPDATE SET asked_at = $3, attempts = 0, due_at = $3",
        args![&source_id, customer, now],
    )?;
    Ok(())
}

/// Asks about whom it is wanted until `stop` changes.
pub async fn run(app: Arc<Conversations>, stop: watch::Receiver<bool>) {
    QUESTIONS.run(app, stop, ask).await;
}

async fn ask(app: Arc<Conversations>, question: Row) -> Result<()> {
    let (source_id, customer, attempts): (Id, String, i64) = (question.get(0)?, question.get(1)?, question.get(2)?);
    let channel = app.channels.reload(&app.store, &app.seal, source_id).await?;
    let told = match channel.as_ref().and_then(|channel| Some((channel, channel.kind.profiles.as_ref()?))) {
        Some((channel, profiles)) if channel.active => match (profiles.request)(&channel.settings, &customer) {
            Some(request) => match app.call(channel, request, DEADLINE, ANSWER_BYTES_MAX).await? {
                Ok(answer) => (profiles.read)(&calling::answer_of(&answer, app.env.now())),
                Err(failure) => Err(failure),
            },
            None => Err(Failure::new(Class::Invalid, "The source has no token.")),
        },
        _ => Ok(Profile::default()),
    };
    let env = app.env.clone();
    let noting = move |tx: &mut dyn Tx| {
        let due_at = match &told {
            Ok(_) => None,
            Err(Failure { class: Class::Throttled { until }, .. }) => Some(*until),
            // Such as that the app has no right to it: that is no trouble of the source, and nobody waits.
            Err(failure) if failure.class.is_final() || attempts + 1 >= ATTEMPTS_MAX => {
                tracing::info!(%source_id, why = failure.message, "a customer stays unknown");
                None
            }
            Err(_) => Some(env.now().plus_seconds(PAUSE_SECONDS)),
        };
        let sql = "UPDATE channel_profiles SET due_at = $3 WHERE source_id = $1 AND foreign_id = $2";
        tx.execute(sql, args![&source_id, &customer, due_at])?;
        match (&told, &channel) {
            (Ok(profile), Some(channel)) => apply(tx, &env, channel, &customer, profile),
            _ => Ok(()),
        }
    };
    app.store.write(noting).await
}

/// Takes over what was told, except over names that somebody has given.
fn apply(tx: &mut dyn Tx, env: &Env, channel: &Channel, customer: &str, profile: &Profile) -> Result<()> {
    let (Some(Profiles { nobody, .. }), false) = (&channel.kind.profiles, *profile == Profile::default()) else {
        return Ok(());
    };
    let sql = "SELECT id, screenname, firstname, lastname, avatar_url FROM identities
               WHERE community_id = $1 AND foreign_id = $2 AND NOT controlled";
    let Some(row) = tx.first(sql, args![&channel.community_id, customer])? else { return Ok(()) };
    let id: Id = row.get(0)?;
    let known: [Option<String>; 4] = [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?];
    let screenname = known[0].clone().filter(|name| name != nobody).or_else(|| profile.screenname());
    let told = [
        screenname.or_else(|| known[0].clone()),
        known[1].clone().or_else(|| profile.firstname.clone()),
        known[2].clone().or_else(|| profile.lastname.clone()),
        profile.avatar_url.clone().or_else(|| known[3].clone()),
    ];
    if told == known {
        return Ok(());
    }
    let [screenname, firstname, lastname, avatar_url] = &told;
    tx.execute(
        "UPDATE identities SET screenname = $2, firstname = $3, lastname = $4, avatar_url = $5, updated_at = $6
         WHERE id = $1",
        args![&id, screenname, firstname, lastname, avatar_url, env.now()],
    )?;
    let payload = json!({ "community_id": channel.community_id });
    tx.append(NewEvent::new(env, None, "identity.updated", id, None, payload));
    Ok(())
}
