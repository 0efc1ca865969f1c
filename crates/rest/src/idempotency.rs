//! `Idempotency-Key`: a creating request that is sent twice happens once. Key and answer are stored in the transaction
//! of what they answer for; a refusal rolls its key back. An answer is told again to who may still see it.

use axum::http::{HeaderMap, StatusCode};
use frontdesk_model::{Id, Result, Secret, Timestamp, error};
use frontdesk_store::{Seal, Tx, args};
use serde_json::{Map, Value};

/// At most this many characters in a key.
pub const KEY_CHARACTERS_MAX: usize = 255;
/// Seconds for which a key answers for its request.
pub const KEY_KEPT_SECONDS: i64 = 24 * 60 * 60;

/// A key together with what it was sent with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    key: String,
    request_hash: [u8; 32],
}

/// A stored answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

/// The header's value; 400 when it cannot be a key.
pub(crate) fn key_of(headers: &HeaderMap) -> Result<Option<&str>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= KEY_CHARACTERS_MAX => Ok(Some(key)),
        _ => Err(error::bad_request(format!(
            "Idempotency-Key: must be 1 to {KEY_CHARACTERS_MAX} visible ASCII characters, such as a UUID."
        ))),
    }
}

impl Attempt {
    /// What makes two requests the same: path, parameters after coercion, and the file's bytes.
    pub(crate) fn new(
        key: &str,
        path: &[(&str, String)],
        values: &Map<String, Value>,
        extended: bool,
        file: Option<&[u8; 32]>,
    ) -> Attempt {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        for (name, value) in path {
            for text in [*name, value] {
                context.update(&(text.len() as u64).to_be_bytes());
                context.update(text.as_bytes());
            }
        }
        context.update(&[u8::from(extended)]);
        context.update(&serde_json::to_vec(values).unwrap_or_default());
        if let Some(sha256) = file {
            context.update(sha256);
        }
        let mut request_hash = [0; 32];
        request_hash.copy_from_slice(context.finish().as_ref());
        Attempt { key: key.to_owned(), request_hash }
    }

    /// The same with a hash that nobody can compute without the key of this installation.
    pub(crate) fn keyed(self, seal: &Seal) -> Attempt {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &seal.derive("hashes of requests with secrets"));
        let mut request_hash = [0; 32];
        request_hash.copy_from_slice(ring::hmac::sign(&key, &self.request_hash).as_ref());
        Attempt { request_hash, ..self }
    }

    /// Takes the key for this request, or returns the answer that it stands for. 422 when it stands for another request.
    /// Of two at once, the second waits here until the first has committed, and then finds its answer.
    pub(crate) fn begin(
        &self,
        tx: &mut dyn Tx,
        user_id: Id,
        operation: &str,
        now: Timestamp,
        seal: &Seal,
    ) -> Result<Option<Stored>> {
        let taken = tx.execute(
            "INSERT INTO idempotency_keys (user_id, operation, key, request_hash, status, answer, created_at) \
             VALUES ($1, $2, $3, $4, 0, $7, $5) \
             ON CONFLICT (user_id, operation, key) DO UPDATE \
             SET request_hash = excluded.request_hash, status = 0, answer = excluded.answer, created_at = excluded.created_at \
             WHERE idempotency_keys.created_at <= $6",
            args![&user_id, operation, &self.key, &self.request_hash[..], now, now.plus_seconds(-KEY_KEPT_SECONDS), &b""[..]],
        )?;
        if taken > 0 {
            return Ok(None);
        }
        let row = tx.one(
            "SELECT request_hash, status, answer FROM idempotency_keys WHERE user_id = $1 AND operation = $2 AND key = $3",
            args![&user_id, operation, &self.key],
        )?;
        if row.get::<Vec<u8>>(0)? != self.request_hash {
            return Err(error::unprocessable(
                "idempotency_key_reused",
                "Idempotency-Key: this key was used for another request. Use a new key for every new request.",
            ));
        }
        let status = u16::try_from(row.get::<i64>(1)?).ok().and_then(|status| StatusCode::from_u16(status).ok());
        let status = status.ok_or_else(|| error::broken("an idempotency key has no answer"))?;
        let answer = seal.open(&self.purpose(user_id, operation), &row.get::<Vec<u8>>(2)?)?;
        Ok(Some(Stored { status, body: answer.reveal().as_bytes().to_vec() }))
    }

    fn purpose(&self, user_id: Id, operation: &str) -> String {
        format!("idempotency:{user_id}:{operation}:{}", self.key)
    }

    /// Stores the answer.
    pub(crate) fn finish(
        &self,
        tx: &mut dyn Tx,
        user_id: Id,
        operation: &str,
        status: StatusCode,
        body: &[u8],
        seal: &Seal,
    ) -> Result<()> {
        let answer = std::str::from_utf8(body).map_err(|_| error::broken("an answer is not UTF-8"))?;
        // Some answers hold secrets that are shown once.
        let answer = seal.seal(&self.purpose(user_id, operation), &Secret::new(answer))?;
        tx.execute(
            "UPDATE idempotency_keys SET status = $4, answer = $5 WHERE user_id = $1 AND operation = $2 AND key = $3",
            args![&user_id, operation, &self.key, i64::from(status.as_u16()), &answer],
        )?;
        Ok(())
    }
}

/// Removes keys that were first used before a time, at the latest [`KEY_KEPT_SECONDS`] ago; at most `limit` of them, so
/// that nobody waits long behind it. Returns how many went.
pub fn forget_idempotency_keys(tx: &mut dyn Tx, before: Timestamp, limit: i64) -> Result<u64> {
    tx.execute(
        "DELETE FROM idempotency_keys WHERE (user_id, operation, key) IN (
           SELECT user_id, operation, key FROM idempotency_keys WHERE created_at < $1 ORDER BY created_at LIMIT $2)",
        args![before, limit],
    )
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_is_visible_ascii_of_bounded_length() {
        let with = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert("idempotency-key", HeaderValue::from_bytes(value).unwrap());
            key_of(&headers).map(|key| key.map(str::to_owned))
        };
        assert_eq!(key_of(&HeaderMap::new()).unwrap(), None);
        assert_eq!(with(b"8e03978e").unwrap().as_deref(), Some("8e03978e"));
        assert!(with(&[b'k'; KEY_CHARACTERS_MAX]).is_ok());
        assert!(with(&[b'k'; KEY_CHARACTERS_MAX + 1]).is_err());
        assert!(with(b"").is_err());
        assert!(with("clé".as_bytes()).is_err());
    }

    #[test]
    fn requests_differ_by_path_parameters_and_file() {
        let attempt = |id: &str, values: Value, file: Option<&[u8; 32]>| {
            let Value::Object(values) = values else { panic!("a bag") };
            Attempt::new("k", &[("taskId", id.to_owned())], &values, false, file)
        };
        let first = attempt("1", json!({"a": "b"}), None);
        assert_eq!(first, attempt("1", json!({"a": "b"}), None));
        assert_ne!(first, attempt("2", json!({"a": "b"}), None));
        assert_ne!(first, attempt("1", json!({"a": "c"}), None));
        assert_ne!(first, attempt("1", json!({"a": "b"}), Some(&[0; 32])));
    }
}
