//! Passwords are kept as Argon2id hashes, stronger than the OWASP minimum of 19 MiB and two passes.

use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use frontdesk_model::error::AttributeError;
use frontdesk_model::{Env, Result, Secret, error};

use crate::settings::Settings;

/// Longer passwords are refused before any hashing, so that nobody can keep the processor busy with them.
pub const PASSWORD_CHARACTERS_MAX: usize = 256;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

fn argon2id() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)
        .map_err(|trouble| error::broken(format!("Argon2 parameters: {trouble}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The hash of a password, with a salt of its own, in PHC form.
pub fn hash(env: &Env, password: &Secret) -> Result<String> {
    if password.reveal().chars().count() > PASSWORD_CHARACTERS_MAX {
        let message = format!("A password has at most {PASSWORD_CHARACTERS_MAX} characters.");
        return Err(error::invalid("password", "too_long", message));
    }
    let salt: [u8; 16] = env.random();
    let hash = argon2id()?
        .hash_password_with_salt(password.reveal().as_bytes(), &salt)
        .map_err(|trouble| error::broken(format!("Argon2: {trouble}")))?;
    Ok(hash.to_string())
}

/// 422 with everything that the account's rules miss in a new password. They do not touch older ones.
pub fn check(password: &Secret, rules: &Settings) -> Result<()> {
    check_as("password", password, rules)
}

/// The same for a parameter of another name.
pub(crate) fn check_as(attribute: &str, password: &Secret, rules: &Settings) -> Result<()> {
    let text = password.reveal();
    let least = usize::try_from(rules.password_min_length).unwrap_or(PASSWORD_CHARACTERS_MAX);
    let mut errors = Vec::new();
    let mut missing = |kind: &str, message: String| {
        errors.push(AttributeError { attribute: attribute.into(), kind: kind.into(), message });
    };
    if text.chars().count() < least {
        missing("too_short", format!("{attribute} must have at least {least} characters."));
    }
    if text.chars().count() > PASSWORD_CHARACTERS_MAX {
        missing("too_long", format!("{attribute} has at most {PASSWORD_CHARACTERS_MAX} characters."));
    }
    if rules.password_numbers && !text.chars().any(char::is_numeric) {
        missing("no_digit", format!("{attribute} must contain a digit."));
    }
    if rules.password_non_word && text.chars().all(char::is_alphanumeric) {
        missing("no_symbol", format!("{attribute} must contain a character that is neither letter nor digit."));
    }
    if errors.is_empty() { Ok(()) } else { Err(error::invalid_all(errors)) }
}

/// Whether this is the password of this hash.
pub fn matches(password: &Secret, hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    let Ok(argon2id) = argon2id() else { return false };
    password.reveal().chars().count() <= PASSWORD_CHARACTERS_MAX
        && argon2id.verify_password(password.reveal().as_bytes(), &hash).is_ok()
}

/// The same; without a hash it never is, and takes as long, so that the time does not tell.
pub(crate) fn matches_or_none(password: &Secret, hash: Option<&str>) -> bool {
    matches(password, hash.unwrap_or(NOBODYS)) && hash.is_some()
}

/// A hash of the usual strength that no password is known for.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A fresh password that can be typed: four groups of five letters and digits, some 97 bits.
pub fn generate(env: &Env) -> Secret {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let random: [u8; 20] = env.random();
    let letters: Vec<char> = random.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
    let groups: Vec<String> = letters.chunks(5).map(|group| group.iter().collect()).collect();
    Secret::new(groups.join("-"))
}

#[cfg(test)]
mod tests {
    use frontdesk_model::Timestamp;

    use super::*;

    #[test]
    fn a_password_matches_its_own_hash_only() {
        let env = Env::new(|| Timestamp::from_micros(0), |bytes| bytes.fill(9));
        let hashed = hash(&env, &Secret::new("correct horse")).unwrap();
        assert!(hashed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hashed}");
        assert!(matches(&Secret::new("correct horse"), &hashed));
        assert!(!matches(&Secret::new("correct horsf"), &hashed));
        assert!(!matches(&Secret::new("correct horse"), ""));
        assert!(hash(&env, &Secret::new("x".repeat(257))).is_err());
    }

    #[test]
    fn a_new_password_follows_the_accounts_rules() {
        let first = Settings { password_min_length: 8, ..Settings::default() };
        let strict = Settings { password_numbers: true, password_non_word: true, ..first.clone() };
        for (password, rules, missing) in [
            ("abcdefgh", &first, &[][..]),
            ("abcdefg", &first, &["too_short"]),
            ("pässwörd", &first, &[]),
            ("abcdefgh", &strict, &["no_digit", "no_symbol"]),
            ("abcdefg7", &strict, &["no_symbol"]),
            ("abcdef-7", &strict, &[]),
            ("abcde fgh", &strict, &["no_digit"]),
            ("", &strict, &["too_short", "no_digit", "no_symbol"]),
        ] {
            let found: Vec<String> = match check(&Secret::new(password), rules) {
                Ok(()) => Vec::new(),
                Err(error::Error::Refused(refusal)) => refusal.errors.into_iter().map(|error| error.kind).collect(),
                Err(other) => panic!("{other:?}"),
            };
            assert_eq!(found, missing, "{password}");
        }
        assert!(check(&Secret::new("x".repeat(257)), &first).is_err());
    }
}
