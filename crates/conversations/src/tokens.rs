//! Tokens that let sources in at their services, as all nodes share them. One at a time asks for the next, because what it
//! is asked for with may be good for once; the others wait and take what that one got. A row of `channel_tokens` holds the
//! token, sealed, and who asks now.

use frontdesk_model::{Id, Result, Secret, Timestamp, error};
use frontdesk_sources::SignIn;
use frontdesk_sources::oauth::Granted;
use frontdesk_store::{Seal, Tx, args};

use crate::sources::{self, Channel};

/// Whoever asks has so long, seconds: longer than asking and writing down take. Then another may.
const HOLD_SECONDS: i64 = 20;

/// What is to be done for a token.
pub(crate) enum Taken {
    /// Nothing: it is here, for this version of the source.
    Here(i64, Granted),
    /// To wait: another one asks.
    Busy,
    /// To ask for it, as this claim.
    Ours(Box<Claim>),
}

/// The right to ask for a source's next token. Its number tells it from those before and after it.
pub(crate) struct Claim {
    pub(crate) number: i64,
    /// The source as it is: a copy in memory may hold a token that was used.
    pub(crate) channel: Channel,
}

/// Takes a source's token, or the right to ask for one. `worn`: the one that does not hold, as the service has just said.
pub(crate) fn take(
    tx: &mut dyn Tx,
    seal: &Seal,
    source_id: Id,
    worn: Option<&Secret>,
    now: Timestamp,
) -> Result<Taken> {
    let channel = Channel::load(tx, seal, source_id)?.ok_or_else(|| error::not_found("source"))?;
    let sql = "SELECT number, held_until, version, token, until FROM channel_tokens WHERE source_id = $1";
    let mut number = 1;
    if let Some(row) = tx.first(sql, args![&source_id])? {
        number = row.get::<i64>(0)? + 1;
        let (held_until, until): (Option<Timestamp>, Option<Timestamp>) = (row.get(1)?, row.get(4)?);
        if let (true, Some(sealed), Some(until)) =
            (row.get::<i64>(2)? == channel.version, row.get::<Option<Vec<u8>>>(3)?, until.filter(|until| *until > now))
        {
            let token = seal.open(&purpose(source_id), &sealed)?;
            if worn.is_none_or(|worn| *worn != token) {
                return Ok(Taken::Here(channel.version, Granted { token, until, refresh_token: None }));
            }
        }
        // A claim that ends later was made before the clock was set back.
        if held_until.is_some_and(|until| until > now && until <= now.plus_seconds(HOLD_SECONDS)) {
            return Ok(Taken::Busy);
        }
    }
    tx.execute(
        "INSERT INTO channel_tokens (source_id, number, held_until, version) VALUES ($1, $2, $3, 0)
         ON CONFLICT (source_id) DO UPDATE SET number = $2, held_until = $3",
        args![&source_id, number, now.plus_seconds(HOLD_SECONDS)],
    )?;
    Ok(Taken::Ours(Box::new(Claim { number, channel })))
}

/// Keeps what was given out, for all. Returns the source's version from then on.
pub(crate) fn keep(tx: &mut dyn Tx, seal: &Seal, claim: &Claim, sign_in: &SignIn, granted: &Granted) -> Result<i64> {
    let (source_id, used) = (claim.channel.source_id, &claim.channel.settings);
    let Some(current) = Channel::load(tx, seal, source_id)? else { return Ok(claim.channel.version) };
    let mut version = current.version;
    if let (Some(name), Some(next)) = (sign_in.refresh_token, &granted.refresh_token) {
        // Where somebody has connected the account anew meanwhile, theirs is the one that holds.
        if current.settings.secret(name) != used.secret(name) {
            return Ok(version);
        }
        version = sources::keep_secret(tx, seal, source_id, name, next)?;
    }
    // What was asked for with other settings is not given out under these.
    if current.version != claim.channel.version {
        give_up(tx, source_id, claim.number)?;
        return Ok(version);
    }
    let token = seal.seal(&purpose(source_id), &granted.token)?;
    tx.execute(
        "UPDATE channel_tokens SET held_until = NULL, version = $3, token = $4, until = $5
         WHERE source_id = $1 AND number = $2",
        args![&source_id, claim.number, version, &token, granted.until],
    )?;
    Ok(version)
}

/// Nothing was given out: another may ask.
pub(crate) fn give_up(tx: &mut dyn Tx, source_id: Id, number: i64) -> Result<()> {
    let sql = "UPDATE channel_tokens SET held_until = NULL WHERE source_id = $1 AND number = $2";
    tx.execute(sql, args![&source_id, number]).map(drop)
}

fn purpose(source_id: Id) -> String {
    format!("channel-token:{source_id}")
}
