//! The names and pictures of customers, where their service tells them only when it is asked. A row of `channel_profiles`
//! says who is to be asked about; a worker asks. Whoever stays unknown is shown by what is known: nothing waits for it.

use std::sync::Arc;
use std::time::Duration;

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id, Result, Timestamp};
use frontdesk_sources::outbound::{Class, Failure};
use frontdesk_sources::profiles::{Profile, Profiles};
use frontdesk_store::{Tx, args};
use serde_json::json;
use tokio::sync::watch;

use crate::sources::Channel;
use crate::{Conversations, calling};

/// For one question.
const DEADLINE: Duration = Duration::from_secs(15);
/// Of its answer, this much is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// At most so many questions in one go.
const ASKED_MAX: i64 = 16;
/// Questions are looked for this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A question that was not answered is asked again after so many seconds, and so often in all.
const PAUSE_SECONDS: i64 = 60;
const ATTEMPTS_MAX: i64 = 3;
/// Pictures change, and their addresses end: whoever writes so many seconds later is asked about again.
const KNOWN_SECONDS: i64 = 7 * 86_400;

/// Somebody wrote: they are asked about, unless that was done not long ago.
pub(crate) fn want(tx: &mut dyn Tx, source_id: Id, customer: &str, now: Timestamp) -> Result<()> {
    let sql = "SELECT 1 FROM channel_profiles WHERE source_id = $1 AND foreign_id = $2 AND asked_at > $3";
    if tx.first(sql, args![&source_id, customer, now.plus_seconds(-KNOWN_SECONDS)])?.is_some() {
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
pub async fn run(app: Arc<Conversations>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let found = take(&app).await.unwrap_or_else(|trouble| {
            tracing::error!(?trouble, "wanted profiles cannot be read");
            Vec::new()
        });
        for (source_id, customer, attempts) in &found {
            if let Err(trouble) = ask(&app, *source_id, customer, *attempts).await {
                tracing::error!(%source_id, ?trouble, "a profile");
            }
        }
        if found.is_empty() {
            tokio::select! {
                _ = stop.changed() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }
}

const DUE: &str = "SELECT source_id, foreign_id, attempts FROM channel_profiles
                   WHERE due_at <= $1 ORDER BY due_at LIMIT $2";

/// Who is to be asked about now. Each is again later, should nobody write down the answer.
async fn take(app: &Conversations) -> Result<Vec<(Id, String, i64)>> {
    let now = app.env.now();
    if app.store.read(move |tx| Ok(tx.query(DUE, args![now, 1_i64])?.is_empty())).await? {
        return Ok(Vec::new());
    }
    let taking = move |tx: &mut dyn Tx| {
        let mut found = Vec::new();
        for row in tx.query(DUE, args![now, ASKED_MAX])? {
            let one: (Id, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            tx.execute(
                "UPDATE channel_profiles SET attempts = attempts + 1, due_at = $3
                 WHERE source_id = $1 AND foreign_id = $2",
                args![&one.0, &one.1, now.plus_seconds(PAUSE_SECONDS)],
            )?;
            found.push(one);
        }
        Ok(found)
    };
    app.store.write(taking).await
}

async fn ask(app: &Arc<Conversations>, source_id: Id, customer: &str, attempts: i64) -> Result<()> {
    let channel = app.channels.reload(&app.store, &app.seal, source_id).await?;
    let told = match channel.as_ref().and_then(|channel| Some((channel, channel.kind.profiles.as_ref()?))) {
        Some((channel, profiles)) if channel.active => match (profiles.request)(&channel.settings, customer) {
            Some(request) => match app.call(channel, request, DEADLINE, ANSWER_BYTES_MAX).await? {
                Ok(answer) => (profiles.read)(&calling::answer_of(&answer, app.env.now())),
                Err(failure) => Err(failure),
            },
            None => Err(Failure::new(Class::Invalid, "The source has no token.")),
        },
        _ => Ok(Profile::default()),
    };
    let (env, customer) = (app.env.clone(), customer.to_owned());
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
