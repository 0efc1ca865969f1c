//! Who wants no more mails: a signed link for one address and one source. A GET only asks, as programs look at links
//! before people do; a POST does it at once (RFC 8058), and takes it back.

use axum::response::{IntoResponse, Response};
use frontdesk_conversations::Conversations;
use frontdesk_model::{Id, Result, Timestamp, error, hex};
use frontdesk_net::{link_signature, verify_link_signature};
use frontdesk_store::{Tx, args};
use http::{HeaderMap, StatusCode, header};
use ring::digest;

use super::letter::{self, Language};

/// What an address is known by.
pub(crate) type Hash = [u8; 32];

const PURPOSE: &str = "unsubscribing";

/// Of an address, whose domain knows no case.
pub(crate) fn hash(email: &str) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, email.trim().to_lowercase().as_bytes()).as_ref());
    hash
}

/// The link for an address.
pub(crate) fn link(tx: &mut dyn Tx, app: &Conversations, source_id: Id, hash: &Hash) -> Result<String> {
    let row = tx.one("SELECT widget_token FROM sources WHERE id = $1", args![&source_id])?;
    let token: Option<String> = row.get(0)?;
    let token = token.unwrap_or_else(|| source_id.hex());
    let address = hex::encode(hash);
    let key = app.seal.derive(PURPOSE);
    let signature = link_signature(&key, &[PURPOSE, &source_id.hex(), &address]);
    Ok(format!("{}/chat/{token}/unsubscribe?address={address}&signature={signature}", app.public_url))
}

/// The address that a link is for, if it is one of ours, and its source. The source may be off by now.
pub(crate) fn linked(
    tx: &mut dyn Tx,
    app: &Conversations,
    token: &str,
    address: &str,
    signature: &str,
) -> Result<(Id, Hash)> {
    let missing = || error::not_found("page");
    let mut row = tx.first("SELECT id FROM sources WHERE widget_token = $1", args![token])?;
    if row.is_none()
        && let Ok(id) = token.parse::<Id>()
    {
        row = tx.first("SELECT id FROM sources WHERE id = $1 AND widget_token IS NULL", args![&id])?;
    }
    let source_id: Id = row.ok_or_else(missing)?.get(0)?;
    let hash = hex::decode(address).ok_or_else(missing)?;
    let key = app.seal.derive(PURPOSE);
    match verify_link_signature(&key, &[PURPOSE, &source_id.hex(), address], signature) {
        true => Ok((source_id, hash)),
        false => Err(missing()),
    }
}

/// Whether an address wants no mails.
pub(crate) fn is_unsubscribed(tx: &mut dyn Tx, source_id: Id, hash: &Hash) -> Result<bool> {
    let sql = "SELECT 1 FROM unsubscribed_addresses WHERE source_id = $1 AND address_hash = $2";
    Ok(tx.first(sql, args![&source_id, &hash[..]])?.is_some())
}

/// Notes what somebody wants.
pub(crate) fn set(tx: &mut dyn Tx, source_id: Id, hash: &Hash, unsubscribed: bool, now: Timestamp) -> Result<()> {
    if unsubscribed {
        tx.execute(
            "INSERT INTO unsubscribed_addresses (source_id, address_hash, created_at) VALUES ($1, $2, $3)
             ON CONFLICT DO NOTHING",
            args![&source_id, &hash[..], now],
        )?;
    } else {
        let sql = "DELETE FROM unsubscribed_addresses WHERE source_id = $1 AND address_hash = $2";
        tx.execute(sql, args![&source_id, &hash[..]])?;
    }
    Ok(())
}

/// The page of a link, in the reader's language: what is so now, and the button that changes it.
pub(crate) fn page(headers: &HeaderMap, unsubscribed: bool) -> Response {
    let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let language = Language::of(wanted.split([',', ';']).next().unwrap_or_default().trim());
    let words = letter::words(language);
    let (title, button, again) = match unsubscribed {
        true => (words.unsubscribed, words.subscribe_again, "<input type=\"hidden\" name=\"again\" value=\"1\">\n"),
        false => (words.unsubscribe_question, words.unsubscribe, ""),
    };
    let text = format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n</head>\n<body>\n<h1>{title}</h1>\n\
         <form method=\"post\">\n{again}<button>{button}</button>\n</form>\n</body>\n</html>\n",
        language.code()
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (StatusCode::OK, headers, text).into_response()
}
