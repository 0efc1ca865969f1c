//! Signed links: whoever holds one may fetch one attachment until it expires. Channels get them, because they have no
//! access token.

use frontdesk_model::{Id, Timestamp};
use frontdesk_net::{link_signature, verify_link_signature};

use crate::Conversations;

/// A link that was handed out works for this many seconds: channels fetch late and try again.
const LINK_SECONDS_MAX: i64 = 7 * 24 * 60 * 60;

/// A link to an attachment. It ends in the file's name, because some channels judge files by that.
pub(super) fn signed_url(app: &Conversations, id: Id, filename: &str, now: Timestamp) -> String {
    let expires = (now.plus_seconds(LINK_SECONDS_MAX).micros() / 1_000_000).to_string();
    let signature = link_signature(&key(app), &parts(&id.hex(), &expires));
    let name = percent_encoded(filename);
    format!("{}/attachments/{id}/{name}?expires={expires}&signature={signature}", app.public_url)
}

/// Whether this link was handed out and still holds.
pub(super) fn is_valid(app: &Conversations, id: Id, expires: &str, signature: &str, now: Timestamp) -> bool {
    holds(expires, now) && verify_link_signature(&key(app), &parts(&id.hex(), expires), signature)
}

fn key(app: &Conversations) -> [u8; 32] {
    app.seal.derive("attachment links")
}

/// The name is not signed: it only decorates.
fn parts<'a>(id: &'a str, expires: &'a str) -> [&'a str; 3] {
    ["attachment", id, expires]
}

fn holds(expires: &str, now: Timestamp) -> bool {
    expires.parse::<i64>().is_ok_and(|expires| now.micros() / 1_000_000 <= expires)
}

/// Everything but unreserved characters as `%XX`: fit for a path and for a header's extended value (RFC 8187).
pub(super) fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_holds_until_its_last_second() {
        let now = Timestamp::from_micros(100_900_000);
        for (expires, expected) in
            [("100", true), ("101", true), ("99", false), ("", false), ("x", false), ("1e9", false)]
        {
            assert_eq!(holds(expires, now), expected, "{expires}");
        }
    }

    #[test]
    fn names_are_encoded_for_paths_and_headers() {
        assert_eq!(percent_encoded("a b/é?\"%~.pdf"), "a%20b%2F%C3%A9%3F%22%25~.pdf");
    }
}
