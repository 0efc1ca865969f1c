//! Devices: where a visitor's app is told of answers while it is away.
//!
//! One stays registered when the session that registered it has run out, because that is when it is needed; it is
//! forgotten when the person signs out (`DELETE session`), when the push service says that it is gone, and after a year
//! without a word from the app.

use frontdesk_conversations::visitors::Place;
use frontdesk_model::{Env, Id, Result, Timestamp, error};
use frontdesk_sources::push::Service;
use frontdesk_store::{Tx, args};

use crate::fields::Fields;
use crate::sessions::Session;

/// Devices of one visitor at a source; one more takes the place of the one not heard of for longest.
pub(crate) const DEVICES_MAX: i64 = 10;
/// One that its app does not register again for so long is forgotten.
const UNHEARD_SECONDS_MAX: i64 = 365 * 24 * 60 * 60;
/// Characters of an app's name for its device.
const ID_CHARACTERS_MAX: usize = 64;

/// What an app says of its device.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    device_id: String,
    service: Service,
    push_token: String,
    locale: Option<String>,
}

impl Device {
    /// Reads what an app says of the device that it calls so.
    pub(crate) fn read(device_id: &str, fields: &Fields) -> Result<Device> {
        let service = fields.text("platform", 20)?;
        let Some(service) = service.as_deref().and_then(Service::named) else {
            return fields.wrong("platform", "inclusion", "must be fcm, apns or huawei.");
        };
        let push_token = fields.text("push_token", 1_000)?.unwrap_or_default();
        if !service.takes(&push_token) {
            return fields.wrong("push_token", "invalid", "must be a token as the push service gave it to the app.");
        }
        let locale = fields.text("locale", 20)?.filter(|locale| !locale.is_empty());
        Ok(Device { device_id: id(device_id)?.to_owned(), service, push_token, locale })
    }
}

/// An app's name for its device.
pub(crate) fn id(text: &str) -> Result<&str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    match (1..=ID_CHARACTERS_MAX).contains(&text.len()) && text.bytes().all(fits) {
        true => Ok(text),
        false => {
            let message = format!("id has 1 to {ID_CHARACTERS_MAX} of A-Za-z0-9_-.");
            Err(error::invalid("id", "invalid", message))
        }
    }
}

/// Registers a device of the session's visitor, or what is new about it.
pub(crate) fn register(tx: &mut dyn Tx, env: &Env, place: &Place, session: &Session, device: &Device) -> Result<()> {
    if place.is_live_chat() {
        return Err(error::forbidden("Nobody is notified of a live chat: both sides are there."));
    }
    let (source_id, uuid) = (place.source_id(), session.uuid.as_str());
    // Whoever signs in on a phone takes it over from the person before.
    tx.execute(
        "DELETE FROM visitor_devices WHERE source_id = $1 AND service = $2 AND push_token = $3
           AND NOT (uuid = $4 AND device_id = $5)",
        args![&source_id, device.service.as_str(), &device.push_token, uuid, &device.device_id],
    )?;
    tx.execute(
        "INSERT INTO visitor_devices (id, source_id, uuid, device_id, session_id, service, push_token, locale, registered_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (source_id, uuid, device_id) DO UPDATE SET session_id = excluded.session_id,
           service = excluded.service, push_token = excluded.push_token, locale = excluded.locale,
           registered_at = excluded.registered_at",
        args![
            &env.id(),
            &source_id,
            uuid,
            &device.device_id,
            &session.id,
            device.service.as_str(),
            &device.push_token,
            &device.locale,
            env.now()
        ],
    )?;
    tx.execute(
        "DELETE FROM visitor_devices WHERE id IN (
           SELECT id FROM visitor_devices WHERE source_id = $1 AND uuid = $2 AND device_id <> $3
           ORDER BY registered_at DESC, id DESC LIMIT 1000 OFFSET $4)",
        args![&source_id, uuid, &device.device_id, DEVICES_MAX - 1],
    )?;
    Ok(())
}

/// Forgets a device of the session's visitor, if there is one.
pub(crate) fn forget(tx: &mut dyn Tx, place: &Place, session: &Session, device_id: &str) -> Result<()> {
    tx.execute(
        "DELETE FROM visitor_devices WHERE source_id = $1 AND uuid = $2 AND device_id = $3",
        args![&place.source_id(), &session.uuid, device_id],
    )?;
    Ok(())
}

/// Forgets those that a session registered last: its person has signed out.
pub(crate) fn forget_of(tx: &mut dyn Tx, session_id: Id) -> Result<()> {
    tx.execute("DELETE FROM visitor_devices WHERE session_id = $1", args![&session_id])?;
    Ok(())
}

/// A session took the place of another: its devices come along, also to who was anonymous before.
pub(crate) fn follow(tx: &mut dyn Tx, from: Id, to: &Session) -> Result<()> {
    tx.execute(
        "DELETE FROM visitor_devices WHERE uuid = $2 AND session_id <> $1
           AND device_id IN (SELECT moved.device_id FROM visitor_devices AS moved
                             WHERE moved.session_id = $1 AND moved.source_id = visitor_devices.source_id)",
        args![&from, &to.uuid],
    )?;
    tx.execute(
        "UPDATE visitor_devices SET session_id = $2, uuid = $3 WHERE session_id = $1",
        args![&from, &to.id, &to.uuid],
    )?;
    Ok(())
}

/// Forgets devices that nobody has heard of for long, at most so many.
pub(crate) fn sweep(tx: &mut dyn Tx, now: Timestamp, most: i64) -> Result<()> {
    tx.execute(
        "DELETE FROM visitor_devices
         WHERE id IN (SELECT id FROM visitor_devices WHERE registered_at < $1 LIMIT $2)",
        args![now.plus_seconds(-UNHEARD_SECONDS_MAX), most],
    )?;
    Ok(())
}
