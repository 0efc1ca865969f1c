//! Links by which somebody chooses a password: the invited, who has forgotten theirs, and whom an operator lets in. Each
//! works once and for a while, and a newer one for the same purpose takes its place.
//!
//! The secret in a link is made from its id and a key that is not in the store. So mails can wait in the store without it,
//! and neither the store nor a backup opens anybody's account.

use frontdesk_model::{Env, Id, Result, Secret, hex};
use frontdesk_store::{Seal, Tx, args};
use ring::hmac;
use serde::Serialize;

use crate::access_tokens::hash;
use crate::callers;

const HOUR_SECONDS: i64 = 3_600;

/// Why somebody chooses a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// They were invited: three days.
    Invitation,
    /// They have forgotten theirs: one hour.
    Recovery,
    /// An operator lets them in: one day.
    Setup,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Purpose::Invitation => "invitation",
            Purpose::Recovery => "recovery",
            Purpose::Setup => "setup",
        }
    }

    fn named(name: &str) -> Option<Purpose> {
        [Purpose::Invitation, Purpose::Recovery, Purpose::Setup].into_iter().find(|one| one.as_str() == name)
    }

    /// For how many hours its link works.
    pub const fn hours(self) -> i64 {
        match self {
            Purpose::Invitation => 72,
            Purpose::Recovery => 1,
            Purpose::Setup => 24,
        }
    }
}

/// Makes the secrets of links, and their addresses.
#[derive(Clone)]
pub struct Links {
    key: hmac::Key,
    public_url: String,
}

impl Links {
    /// `public_url`: where browsers reach this server, without a slash at the end.
    pub fn new(seal: &Seal, public_url: &str) -> Links {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &seal.derive("links to choose a password"));
        Links { key, public_url: public_url.to_owned() }
    }

    fn secret(&self, id: Id) -> Secret {
        let tag = hmac::sign(&self.key, id.hex().as_bytes());
        Secret::new(hex::encode(tag))
    }

    /// Makes a link, in place of the one that the user has for the same purpose: what anybody may ask for, a mail for a
    /// forgotten password, ends neither an invitation nor what an operator gave. `made_by`: the user who is handed the
    /// link to pass it on; none where it goes to the user by mail, and when an operator makes it.
    pub fn create(&self, tx: &mut dyn Tx, env: &Env, user_id: Id, purpose: Purpose, made_by: Option<Id>) -> Result<Id> {
        tx.execute(
            "DELETE FROM password_links WHERE user_id = $1 AND purpose = $2",
            args![&user_id, purpose.as_str()],
        )?;
        let (id, now) = (env.id(), env.now());
        tx.execute(
            "INSERT INTO password_links (id, user_id, hash, purpose, created_at, ends_at, made_by)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            args![
                &id,
                &user_id,
                &hash(self.secret(id).reveal())[..],
                purpose.as_str(),
                now,
                now.plus_seconds(purpose.hours() * HOUR_SECONDS),
                &made_by
            ],
        )?;
        Ok(id)
    }

    /// The address that a browser opens. The secret is behind a #, so that no server, log or other page gets to see it.
    pub fn url(&self, id: Id) -> Secret {
        Secret::new(format!("{}/password#{}", self.public_url, self.secret(id).reveal()))
    }

    /// A text with the addresses of its links, and of this server, in place of their marks.
    pub fn fill(&self, text: &str) -> String {
        let text = text.replace(HOME, &self.public_url);
        let mut parts = text.split(MARK);
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            match part.split_once('}').and_then(|(id, rest)| Some((id.parse::<Id>().ok()?, rest))) {
                Some((id, rest)) => {
                    filled += self.url(id).reveal();
                    filled += rest;
                }
                None => {
                    filled += MARK;
                    filled += part;
                }
            }
        }
        filled
    }
}

/// No name and no address can hold this: it has a colon between braces.
pub(crate) const MARK: &str = "{link:";

/// What stands for the address of this server in a mail that waits: it may be another one when the mail goes out.
pub(crate) const HOME: &str = "{home:}";

/// What stands for a link in a mail that waits.
pub fn mark(id: Id) -> String {
    format!("{MARK}{}}}", id.hex())
}

/// The link that is marked in a text.
pub(crate) fn marked(text: &str) -> Option<Id> {
    text.split_once(MARK)?.1.split_once('}')?.0.parse().ok()
}

/// Whether a link still works.
pub(crate) fn works(tx: &mut dyn Tx, env: &Env, id: Id) -> Result<bool> {
    let sql = "SELECT 1 FROM password_links WHERE id = $1 AND ends_at > $2";
    Ok(tx.first(sql, args![&id, env.now()])?.is_some())
}

/// A link that works.
pub(crate) struct Link {
    pub(crate) user_id: Id,
    pub(crate) email: String,
    pub(crate) purpose: Purpose,
}

/// The link with this secret; none when it was used, is too old or never was, and when its user may not sign in. None
/// either once whoever made it for them could not do so any more: the user may have risen since, or its maker fallen.
pub(crate) fn find(tx: &mut dyn Tx, env: &Env, secret: &str) -> Result<Option<Link>> {
    let row = tx.first(
        "SELECT users.id, users.email, password_links.purpose, password_links.made_by FROM password_links
         JOIN users ON users.id = password_links.user_id
         WHERE password_links.hash = $1 AND password_links.ends_at > $2 AND users.enabled AND NOT users.no_password",
        args![&hash(secret)[..], env.now()],
    )?;
    let Some(row) = row else { return Ok(None) };
    let purpose = Purpose::named(&row.get::<String>(2)?);
    let purpose = purpose.ok_or_else(|| frontdesk_model::error::broken("a link has no known purpose"))?;
    let link = Link { user_id: row.get(0)?, email: row.get(1)?, purpose };
    if let Some(maker) = row.get::<Option<Id>>(3)?
        && !callers::is_covered(tx, link.user_id, maker)?
    {
        return Ok(None);
    }
    Ok(Some(link))
}

/// Whether the user has a link for this purpose that works.
pub(crate) fn is_alive(tx: &mut dyn Tx, env: &Env, user_id: Id, purpose: Purpose) -> Result<bool> {
    let sql = "SELECT 1 FROM password_links WHERE user_id = $1 AND purpose = $2 AND ends_at > $3";
    Ok(tx.first(sql, args![&user_id, purpose.as_str(), env.now()])?.is_some())
}

/// From now on the links of a user do not work.
pub(crate) fn forget(tx: &mut dyn Tx, user_id: Id) -> Result<()> {
    tx.execute("DELETE FROM password_links WHERE user_id = $1", args![&user_id])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use frontdesk_model::Timestamp;

    use super::*;

    #[test]
    fn a_text_holds_links_only_once_it_is_sent() {
        let env = Env::new(|| Timestamp::from_micros(0), |bytes| bytes.fill(3));
        let links = |byte| Links::new(&Seal::new(&[byte; 32], env.clone()).unwrap(), "https://desk.example.com");
        let (one, other) = (Id::from_parts(1, 1), Id::from_parts(1, 2));
        let text = format!("Open\n\n{}\n\nor {}. {{link:x}} {{link:", mark(one), mark(other));
        let filled = links(1).fill(&text);
        let url = links(1).url(one).reveal().to_owned();
        assert!(url.starts_with("https://desk.example.com/password#") && url.len() == 34 + 64, "{url}");
        assert!(filled.contains(&format!("\n\n{url}\n\nor {}", links(1).url(other).reveal())), "{filled}");
        assert!(filled.ends_with(". {link:x} {link:"), "{filled}");
        assert_eq!((marked(&text), marked("Open {link:x} {link:")), (Some(one), None));
        assert_eq!(links(1).fill("at\n\n{home:}\n"), "at\n\nhttps://desk.example.com\n");
        assert_ne!(links(1).url(one).reveal(), links(1).url(other).reveal());
        assert_ne!(links(1).url(one).reveal(), links(2).url(one).reveal());
    }
}
