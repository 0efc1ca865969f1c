//! What services send us by themselves: how a request is verified over its raw bytes, cut into single events, and how one
//! of these is read later, by itself. An event that cannot be read never takes others with it.

use frontdesk_model::{Id, Timestamp, hex};
use ring::{digest, hmac};
use serde_json::Value;

use crate::Settings;
use crate::inbound::InboundContent;

/// At most this many bytes of a body that holds events.
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// At most this many events of one body; a body of that size holds fewer of every service.
pub const EVENTS_MAX: usize = 10_000;
/// What is kept of a body that cannot be read, bytes.
const UNREADABLE_BYTES_MAX: usize = 16 << 10;

/// How a kind of source is told what happens at its service.
#[derive(Debug)]
pub struct Ingress {
    /// The kinds whose events come to one and the same address, because the service has one for each app.
    pub family: &'static [&'static str],
    /// Answers the service's question whether the address is ours; none where it is not ours to answer.
    pub challenge: fn(&Settings, &Query) -> Option<Challenge>,
    /// Whether a body is the service's own: looked at before anything is parsed. `header` finds a header by its
    /// lower-case name.
    pub verify: fn(&Settings, header: &Header<'_>, body: &[u8]) -> bool,
    /// Cuts a body into events. What is no event is told, too.
    pub split: fn(&[u8]) -> Vec<Received>,
    /// Reads one event: what happened, nothing where its kind is not known, or why it cannot be read.
    pub read: fn(&Settings, payload: &str) -> Read,
}

/// The pairs of a query string.
pub type Query = [(String, String)];

/// Finds a header by its lower-case name.
pub type Header<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// What happened; none where the event's kind is not known; or why it cannot be read, in a sentence for people.
pub type Read = Result<Option<Vec<Happening>>, String>;

/// The answer to the question whether an address is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The body's media type.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
    /// Whether only the service can have asked: the question held a secret.
    pub asker_is_known: bool,
}

/// One event as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The kind of source that it is for.
    pub kind: &'static str,
    /// Whose it is, by the service's ids of accounts: the first that a source is connected with.
    pub accounts: Vec<String>,
    /// The same for every repeat, at most 64 characters.
    pub key: String,
    /// What it says it is, for people: `feed comment add`.
    pub name: String,
    /// All that reading it needs.
    pub payload: String,
}

impl Received {
    /// An event that is known by all that it holds.
    pub fn new(kind: &'static str, accounts: Vec<String>, name: String, payload: &Value) -> Received {
        let payload = payload.to_string();
        Received { kind, accounts, key: key_of(&payload), name, payload }
    }

    /// A body that is not what the service sends.
    pub fn unreadable(kind: &'static str, body: &[u8]) -> Received {
        let text = String::from_utf8_lossy(&body[..body.len().min(UNREADABLE_BYTES_MAX)]).replace('\0', "\u{fffd}");
        let key = hex::encode(digest::digest(&digest::SHA256, body).as_ref());
        Received { kind, accounts: Vec::new(), key, name: "unreadable".into(), payload: text }
    }
}

/// What tells an event from all others: the hash of what it holds, as 64 hex digits.
pub fn key_of(text: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

/// Something that happened at a service, in the same words for every channel. Ids are the service's own.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// Somebody wrote something. It may be known already.
    Content(Box<InboundContent>),
    /// Something was written that an app of ours sent: the content with this id of ours.
    Echo {
        /// Our id.
        content_id: Id,
        /// Which of its messages, where it took several.
        part: usize,
        /// The service's id.
        foreign_id: String,
    },
    /// Something has another text now.
    Edited(Box<InboundContent>),
    /// Something is there no more.
    Removed {
        /// What.
        foreign_id: String,
    },
    /// Everybody sees something again, or nobody any more.
    Shown {
        /// What.
        foreign_id: String,
        /// Whether it is seen.
        published: bool,
    },
    /// Somebody has read what we wrote to them up to then.
    ReadUpTo {
        /// Who.
        author_foreign_id: String,
        /// When what they read had been written, at the latest.
        at: Timestamp,
    },
    /// Somebody's device has what we wrote to them.
    Arrived {
        /// What.
        foreign_ids: Vec<String>,
    },
    /// Somebody reacted to something, or takes that back.
    Reaction {
        /// To what.
        foreign_id: String,
        /// With what: an emoji or a word; none when it is taken back.
        reaction: Option<String>,
    },
    /// A conversation is another app's now, or an app asks for it.
    Control {
        /// Whose conversation.
        author_foreign_id: String,
        /// What happened to it.
        change: Control,
    },
    /// There is something new that has to be asked for.
    AskSoon,
}

/// What happens to a conversation that several apps take part in, each by its id at the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// It was given to this app.
    Passed {
        /// Which; none where nobody has it then.
        to_app_id: Option<String>,
    },
    /// It was taken from the one that had it.
    Taken {
        /// By whom; none where the service does not say, which means by the one that leads.
        by_app_id: Option<String>,
    },
    /// An app asks for it.
    Requested {
        /// Which.
        by_app_id: Option<String>,
    },
    /// Another app has it: what was written is only told to us.
    Elsewhere,
}

/// Whether `given` is the lower- or upper-case hex HMAC-SHA256 of the body; takes the same time wherever they differ. An
/// empty secret verifies nothing.
pub fn is_hmac_sha256_hex(secret: &[u8], body: &[u8], given: &str) -> bool {
    let Some(given) = hex::decode::<32>(given) else { return false };
    !secret.is_empty() && hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret), body, &given).is_ok()
}

/// The lower-case hex HMAC-SHA256 of the body.
pub fn hmac_sha256_hex(secret: &[u8], body: &[u8]) -> String {
    hex::encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), body).as_ref())
}

/// Whether two texts are the same; takes the same time wherever they differ.
pub fn is_same_secret(one: &str, other: &str) -> bool {
    // Comparing hashes under a key of the moment tells nothing about the texts.
    let key = hmac::Key::new(hmac::HMAC_SHA256, one.as_bytes());
    let tag = hmac::sign(&key, other.as_bytes());
    hmac::verify(&key, one.as_bytes(), tag.as_ref()).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn signatures_are_checked_over_the_raw_bytes() {
        // RFC 4231, test case 2.
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hmac_sha256_hex(b"Jefe", b"what do ya want for nothing?"), expected);
        assert!(is_hmac_sha256_hex(b"Jefe", b"what do ya want for nothing?", expected));
        assert!(is_hmac_sha256_hex(b"Jefe", b"what do ya want for nothing?", &expected.to_uppercase()));
        for given in ["", "5b", &expected[2..], &format!("{expected}00"), &"é".repeat(32)] {
            assert!(!is_hmac_sha256_hex(b"Jefe", b"what do ya want for nothing?", given), "{given}");
        }
        assert!(!is_hmac_sha256_hex(b"", b"x", &hmac_sha256_hex(b"", b"x")));
    }

    proptest! {
        #[test]
        fn secrets_are_compared(one: String, other: String) {
            prop_assert_eq!(is_same_secret(&one, &other), one == other);
            prop_assert!(is_same_secret(&one, &one));
        }

        #[test]
        fn any_body_is_kept(body: Vec<u8>) {
            let kept = Received::unreadable("x", &body);
            prop_assert_eq!(kept.key.len(), 64);
            prop_assert!(!kept.payload.contains('\0'));
        }
    }
}
