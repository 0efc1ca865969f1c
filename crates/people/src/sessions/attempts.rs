//! How often somebody may try to sign in. An attempt counts before it is looked at, so that many at once are no more than
//! the limit; one that succeeds is taken back. Accounts that do not exist are counted alike.

use frontdesk_model::{Error, Id, Result, Timestamp, error};
use frontdesk_rest::ClientAddress;
use frontdesk_store::{Tx, args};
use ring::digest;

/// Failed attempts are forgotten after this many seconds.
pub(crate) const WINDOW_SECONDS: i64 = 900;
/// Within that time: attempts on one account from one address.
const ON_ACCOUNT_FROM_ADDRESS_MAX: i64 = 10;
/// Attempts on one account from everywhere: more, so that a stranger does not easily lock its owner out.
const ON_ACCOUNT_MAX: i64 = 50;
/// Attempts from one address on all accounts: a whole office may be behind it.
const FROM_ADDRESS_MAX: i64 = 100;
/// Codes of a second factor on one account: there are only a million of them.
const CODES_MAX: i64 = 10;

/// What one attempt counts against.
#[derive(Clone)]
pub(crate) struct Attempt {
    both: [u8; 32],
    account: [u8; 32],
    address: [u8; 32],
}

impl Attempt {
    /// `account`: an e-mail, or what else names one. `address`: where the browser is; empty when it is not known.
    pub(crate) fn new(account: &str, address: &str) -> Attempt {
        let (account, address) = (account.trim().to_lowercase(), network(address));
        Attempt {
            both: key(&["both", &account, &address]),
            account: key(&["account", &account]),
            address: key(&["address", &address]),
        }
    }

    /// Counts it; 429 when there were too many.
    pub(crate) fn count(&self, tx: &mut dyn Tx, now: Timestamp) -> Result<()> {
        count(tx, now, &self.both, ON_ACCOUNT_FROM_ADDRESS_MAX)?;
        count(tx, now, &self.account, ON_ACCOUNT_MAX)?;
        count(tx, now, &self.address, FROM_ADDRESS_MAX)
    }

    /// It was no failure.
    pub(crate) fn take_back(&self, tx: &mut dyn Tx) -> Result<()> {
        for key in [&self.both, &self.account, &self.address] {
            tx.execute("UPDATE sign_in_attempts SET count = count - 1 WHERE key = $1 AND count > 0", args![&key[..]])?;
        }
        Ok(())
    }

    /// It succeeded: the failures before it were the owner's own, or are over.
    pub(crate) fn succeed(&self, tx: &mut dyn Tx) -> Result<()> {
        self.take_back(tx)?;
        for key in [&self.both, &self.account] {
            tx.execute("DELETE FROM sign_in_attempts WHERE key = $1", args![&key[..]])?;
        }
        Ok(())
    }
}

/// Counts a code of somebody's second factor; 429 when there were too many.
pub(crate) fn count_code(tx: &mut dyn Tx, now: Timestamp, user_id: Id) -> Result<()> {
    count(tx, now, &key(&["code", &user_id.hex()]), CODES_MAX)
}

/// The code was right.
pub(crate) fn forget_codes(tx: &mut dyn Tx, user_id: Id) -> Result<()> {
    tx.execute("DELETE FROM sign_in_attempts WHERE key = $1", args![&key(&["code", &user_id.hex()])[..]])?;
    Ok(())
}

/// Counts something else, such as mails that somebody has others get; 429 past `most`.
pub(crate) fn count_as(tx: &mut dyn Tx, now: Timestamp, what: &str, whose: &str, most: i64) -> Result<()> {
    count(tx, now, &key(&[what, whose]), most)
}

/// Counts something, and says whether it is within the limit.
pub(crate) fn is_within(tx: &mut dyn Tx, now: Timestamp, what: &str, whose: &str, most: i64) -> Result<bool> {
    match count(tx, now, &key(&[what, whose]), most) {
        Ok(()) => Ok(true),
        Err(Error::Refused(_)) => Ok(false),
        Err(trouble) => Err(trouble),
    }
}

fn count(tx: &mut dyn Tx, now: Timestamp, key: &[u8; 32], most: i64) -> Result<()> {
    let over = now.plus_seconds(-WINDOW_SECONDS);
    tx.execute(
        "INSERT INTO sign_in_attempts (key, count, since) VALUES ($1, 1, $2)
         ON CONFLICT (key) DO UPDATE SET
           count = CASE WHEN sign_in_attempts.since <= $3 THEN 1 ELSE sign_in_attempts.count + 1 END,
           since = CASE WHEN sign_in_attempts.since <= $3 THEN $2 ELSE sign_in_attempts.since END",
        args![&key[..], now, over],
    )?;
    let row = tx.one("SELECT count, since FROM sign_in_attempts WHERE key = $1", args![&key[..]])?;
    if row.get::<i64>(0)? <= most {
        return Ok(());
    }
    let wait = row.get::<Timestamp>(1)?.plus_seconds(WINDOW_SECONDS).seconds_since(now).max(1);
    Err(error::too_many("There were too many attempts. Wait a while before the next one.", wait.unsigned_abs()))
}

fn key(parts: &[&str]) -> [u8; 32] {
    let mut key = [0; 32];
    key.copy_from_slice(digest::digest(&digest::SHA256, parts.join("\0").as_bytes()).as_ref());
    key
}

/// The network of an address, as everything counts it.
pub(crate) fn network(address: &str) -> String {
    address.parse().map_or_else(|_| address.to_owned(), |address| ClientAddress(address).network())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_told_apart_without_regard_to_case_and_networks_by_their_first_half() {
        let one = Attempt::new("Ada@example.com ", "2001:db8::1");
        let same = Attempt::new("ada@example.com", "2001:db8:0:0:ffff::2");
        assert!(one.both == same.both && one.account == same.account && one.address == same.address);
        let other = Attempt::new("bo@example.com", "192.0.2.1");
        assert!(one.both != other.both && one.account != other.account && one.address != other.address);
        assert!(Attempt::new("", "192.0.2.1").address != Attempt::new("", "192.0.2.2").address);
    }
}
