//! The second factor: a code that an app on somebody's phone shows, or one of ten recovery codes when the phone is lost.

mod totp;

use frontdesk_model::{Env, Id, Result, Secret, error, hex};
use frontdesk_rest::{Call, NoParameters, Operation};
use frontdesk_store::{Seal, Tx, args};
use http::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use qrcode::QrCode;
use qrcode::render::svg;
use ring::hmac;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::sessions::{self, attempts};
use crate::settings::Settings;
use crate::{events, users};

/// Recovery codes that are given at once.
const RECOVERY_CODES: usize = 10;
/// Letters and digits of a recovery code: 50 bits.
const RECOVERY_CHARACTERS: usize = 10;

/// The keys under which factors are kept.
#[derive(Clone)]
pub(crate) struct Keys {
    seal: Seal,
    recovery: hmac::Key,
}

impl Keys {
    pub(crate) fn new(seal: &Seal) -> Keys {
        let recovery = hmac::Key::new(hmac::HMAC_SHA256, &seal.derive("recovery codes"));
        Keys { seal: seal.clone(), recovery }
    }

    /// The hash of a recovery code, which is too short to be hashed without a key.
    fn hash(&self, code: &str) -> Vec<u8> {
        let plain: String = code.chars().filter(|c| c.is_ascii_alphanumeric()).collect::<String>().to_lowercase();
        hmac::sign(&self.recovery, plain.as_bytes()).as_ref().to_vec()
    }
}

fn purpose(user_id: Id) -> String {
    format!("second factor:{user_id}")
}

/// How a user stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// They have none.
    None,
    /// One was begun and never confirmed.
    Begun,
    /// Codes are asked for.
    Confirmed,
}

pub(crate) fn standing(tx: &mut dyn Tx, user_id: Id) -> Result<Standing> {
    let row = tx.first("SELECT confirmed_at IS NOT NULL FROM second_factors WHERE user_id = $1", args![&user_id])?;
    Ok(match row.map(|row| row.get::<bool>(0)).transpose()? {
        None => Standing::None,
        Some(false) => Standing::Begun,
        Some(true) => Standing::Confirmed,
    })
}

pub(crate) fn recovery_codes_left(tx: &mut dyn Tx, user_id: Id) -> Result<i64> {
    tx.one("SELECT count(*) FROM recovery_codes WHERE user_id = $1", args![&user_id])?.get(0)
}

/// What an app needs.
#[derive(Serialize)]
pub(crate) struct Enrolment {
    /// To be typed.
    secret: String,
    /// To be opened.
    uri: String,
    /// To be scanned.
    qr_svg: String,
}

/// Begins: a secret that counts once a code of it was given. 409 when there is one that counts.
pub(crate) fn begin(tx: &mut dyn Tx, env: &Env, keys: &Keys, settings: &Settings, user_id: Id) -> Result<Enrolment> {
    if standing(tx, user_id)? == Standing::Confirmed {
        let message = "There is a second factor already: remove it first.";
        return Err(sessions::refused(StatusCode::CONFLICT, "second_factor_exists", message));
    }
    let secret: [u8; 20] = env.random();
    let sealed = keys.seal.seal(&purpose(user_id), &Secret::new(hex::encode(secret)))?;
    tx.execute(
        "INSERT INTO second_factors (user_id, secret, last_step, created_at) VALUES ($1, $2, 0, $3)
         ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, last_step = 0, created_at = excluded.created_at",
        args![&user_id, &sealed, env.now()],
    )?;
    let email: String = tx.one("SELECT email FROM users WHERE id = $1", args![&user_id])?.get(0)?;
    let (issuer, email) =
        (utf8_percent_encode(&settings.name, NON_ALPHANUMERIC), utf8_percent_encode(&email, NON_ALPHANUMERIC));
    let secret = totp::base32(&secret);
    let uri =
        format!("otpauth://totp/{issuer}:{email}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30");
    Ok(Enrolment { qr_svg: picture(&uri)?, secret, uri })
}

fn picture(uri: &str) -> Result<String> {
    let code = QrCode::new(uri).map_err(|trouble| error::broken(format!("a QR code: {trouble}")))?;
    let picture = code.render::<svg::Color>().min_dimensions(220, 220).build();
    // Without the prologue of a file: it goes into a page.
    Ok(picture.find("<svg").map_or_else(String::new, |start| picture[start..].to_owned()))
}

/// Takes a code of the app, and of a confirmed factor also a recovery code; each is taken once. 429 when there were too
/// many wrong ones.
pub(crate) fn take(tx: &mut dyn Tx, env: &Env, keys: &Keys, user_id: Id, code: &str) -> Result<bool> {
    attempts::count_code(tx, env.now(), user_id)?;
    let sql = "SELECT secret, last_step, confirmed_at IS NOT NULL FROM second_factors WHERE user_id = $1";
    let Some(row) = tx.first(sql, args![&user_id])? else { return Ok(false) };
    let secret = keys.seal.open(&purpose(user_id), &row.get::<Vec<u8>>(0)?)?;
    let secret: [u8; 20] =
        hex::decode(secret.reveal()).ok_or_else(|| error::broken("the secret of a second factor cannot be read"))?;
    let seconds = env.now().micros().div_euclid(1_000_000);
    let taken = match totp::step_of(code, &secret, seconds, row.get(1)?) {
        Some(step) => {
            tx.execute("UPDATE second_factors SET last_step = $2 WHERE user_id = $1", args![&user_id, step])?;
            true
        }
        None if row.get(2)? => {
            let sql = "DELETE FROM recovery_codes WHERE user_id = $1 AND hash = $2";
            tx.execute(sql, args![&user_id, &keys.hash(code)])? > 0
        }
        None => false,
    };
    if taken {
        attempts::forget_codes(tx, user_id)?;
    }
    Ok(taken)
}

/// From now on codes are asked for. Returns the recovery codes, which are shown this once.
pub(crate) fn confirm(tx: &mut dyn Tx, env: &Env, keys: &Keys, user_id: Id) -> Result<Vec<String>> {
    let now = env.now();
    tx.execute("UPDATE second_factors SET confirmed_at = $2 WHERE user_id = $1", args![&user_id, now])?;
    tx.execute("DELETE FROM recovery_codes WHERE user_id = $1", args![&user_id])?;
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| recovery_code(env)).collect();
    for code in &codes {
        let sql = "INSERT INTO recovery_codes (user_id, hash) VALUES ($1, $2) ON CONFLICT (user_id, hash) DO NOTHING";
        tx.execute(sql, args![&user_id, &keys.hash(code)])?;
    }
    tell(tx, env, Some(user_id), user_id);
    Ok(codes)
}

fn recovery_code(env: &Env) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let random: [u8; RECOVERY_CHARACTERS] = env.random();
    let code: String = random.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
    format!("{}-{}", &code[..RECOVERY_CHARACTERS / 2], &code[RECOVERY_CHARACTERS / 2..])
}

/// Removes it. False when there was none.
pub fn remove(tx: &mut dyn Tx, env: &Env, by: Option<Id>, user_id: Id) -> Result<bool> {
    tx.execute("DELETE FROM recovery_codes WHERE user_id = $1", args![&user_id])?;
    let removed = tx.execute("DELETE FROM second_factors WHERE user_id = $1", args![&user_id])? > 0;
    if removed {
        tell(tx, env, by, user_id);
    }
    Ok(removed)
}

fn tell(tx: &mut dyn Tx, env: &Env, by: Option<Id>, user_id: Id) {
    tx.append(events::of(by, env, "user.updated", user_id, json!({ "changed": ["second_factor"] })));
}

/// Whose second factor was removed.
#[derive(Serialize, JsonSchema)]
struct Removed {
    user_id: Id,
    /// Whether there was one.
    removed: bool,
}

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        Operation::write("deleteUserSecondFactor", Method::DELETE, "/users/{userId}/second_factor", reset)
            .tag("Users")
            .summary("Removes a user's second factor, for who has lost their phone and their recovery codes.")
            .notes(
                "Their sessions end. The caller must be able to do all that the user can. Where the account asks for a \
                 second factor, the user sets up another one at the next sign-in.",
            )
            .permissions(&[frontdesk_model::Permission::UpdateUser, frontdesk_model::Permission::ManageUsersOfMyTeams])
            .extension(),
    ]
}

fn reset(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<Removed> {
    let user_id = call.id("userId", "user")?;
    users::require_may_sign_in_as(call, user_id, tx)?;
    let removed = remove(tx, &call.env, Some(call.caller.user_id), user_id)?;
    if removed {
        sessions::end_all(tx, &call.env, Some(call.caller.user_id), user_id, call.caller.session_id)?;
    }
    Ok(Removed { user_id, removed })
}
