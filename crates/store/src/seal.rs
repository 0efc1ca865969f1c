//! Secrets at rest: sealed with AES-256-GCM under a key that lives outside of the store and of its backups.

use frontdesk_model::{Env, Result, Secret, error};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;

const NONCE_BYTES: usize = 12;
const VERSION: u8 = 1;

/// The key of one installation.
#[derive(Clone)]
pub struct Seal {
    key: std::sync::Arc<LessSafeKey>,
    derivation: hmac::Key,
    env: Env,
}

impl Seal {
    /// From 32 secret bytes.
    pub fn new(key: &[u8; 32], env: Env) -> Result<Seal> {
        let unbound = UnboundKey::new(&AES_256_GCM, key).map_err(|_| error::broken("the sealing key is unusable"))?;
        let derivation = hmac::Key::new(hmac::HMAC_SHA256, key);
        Ok(Seal { key: std::sync::Arc::new(LessSafeKey::new(unbound)), derivation, env })
    }

    /// Seals a secret for one purpose, such as `source:<id>`: it opens for the same purpose only.
    pub fn seal(&self, purpose: &str, secret: &Secret) -> Result<Vec<u8>> {
        let nonce: [u8; NONCE_BYTES] = self.env.random();
        let mut sealed = secret.reveal().as_bytes().to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(purpose), &mut sealed)
            .map_err(|_| error::broken("a secret cannot be sealed"))?;
        let mut whole = vec![VERSION];
        whole.extend(nonce);
        whole.extend(sealed);
        Ok(whole)
    }

    /// Opens what [`Seal::seal`] made. Fails when the key or the purpose is another one: nothing ever fails open.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Secret> {
        let unreadable = || error::broken("a sealed secret does not open with this key");
        let (version, rest) = sealed.split_first().ok_or_else(unreadable)?;
        let (nonce, text) = rest.split_at_checked(NONCE_BYTES).ok_or_else(unreadable)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| unreadable())?;
        if *version != VERSION {
            return Err(unreadable());
        }
        let mut text = text.to_vec();
        let opened = self.key.open_in_place(nonce, Aad::from(purpose), &mut text).map_err(|_| unreadable())?;
        String::from_utf8(opened.to_vec()).map(Secret::new).map_err(|_| unreadable())
    }

    /// A key of its own for another use, such as signing links.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut key = [0; 32];
        key.copy_from_slice(hmac::sign(&self.derivation, purpose.as_bytes()).as_ref());
        key
    }
}

#[cfg(test)]
mod tests {
    use frontdesk_model::Timestamp;

    use super::*;

    fn seal(byte: u8) -> Seal {
        Seal::new(&[byte; 32], Env::new(|| Timestamp::from_micros(0), |bytes| bytes.fill(3))).unwrap()
    }

    #[test]
    fn a_secret_opens_with_its_key_and_purpose_only() {
        let sealed = seal(1).seal("source:1", &Secret::new("hunter2")).unwrap();
        assert!(!sealed.windows(7).any(|window| window == b"hunter2"));
        assert_eq!(seal(1).open("source:1", &sealed).unwrap().reveal(), "hunter2");
        assert!(seal(1).open("source:2", &sealed).is_err());
        assert!(seal(2).open("source:1", &sealed).is_err());
        for cut in 0..sealed.len() {
            assert!(seal(1).open("source:1", &sealed[..cut]).is_err());
        }
    }
}
