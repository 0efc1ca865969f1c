//! One-time passwords by the clock (RFC 6238 over RFC 4226): six digits, SHA-1, thirty seconds, as all apps know them.

use ring::hmac;

/// A code holds for so long.
const STEP_SECONDS: i64 = 30;
/// Codes of so many steps before and after now are taken: clocks differ, and typing takes time.
const STEPS_AROUND: i64 = 1;
const DIGITS: u32 = 6;

/// The code of a step.
fn code(secret: &[u8], step: i64) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let start = usize::from(tag[tag.len() - 1] & 0x0f);
    let word = [tag[start] & 0x7f, tag[start + 1], tag[start + 2], tag[start + 3]];
    u32::from_be_bytes(word) % 10_u32.pow(DIGITS)
}

/// The step whose code this is, if it may be taken at this time (in seconds since 1970): one after the last that was.
pub(super) fn step_of(given: &str, secret: &[u8], now_seconds: i64, last_step: i64) -> Option<i64> {
    let digits: String = given.chars().filter(|c| !c.is_whitespace()).collect();
    if digits.len() != DIGITS as usize || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let given: u32 = digits.parse().ok()?;
    let now = now_seconds.div_euclid(STEP_SECONDS);
    // All are computed, so that the time does not tell which fits.
    let mut found = None;
    for step in now - STEPS_AROUND..=now + STEPS_AROUND {
        if code(secret, step) == given && step > last_step {
            found = found.or(Some(step));
        }
    }
    found
}

/// A secret as apps take it (RFC 4648, base32 without padding).
pub(super) fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let letter = |group: &[u8]| {
        let value = (0..5).fold(0, |value, at| value << 1 | group.get(at).copied().unwrap_or(0));
        char::from(LETTERS[usize::from(value)])
    };
    bits.chunks(5).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    /// RFC 6238, appendix B, the last six of its eight digits; and RFC 4226, appendix D, which counts steps.
    #[test]
    fn the_codes_are_those_of_the_standards() {
        for (seconds, expected) in [
            (59, 287_082),
            (1_111_111_109, 81_804),
            (1_111_111_111, 50_471),
            (1_234_567_890, 5_924),
            (2_000_000_000, 279_037),
            (20_000_000_000, 353_130),
        ] {
            assert_eq!(code(SECRET, seconds / STEP_SECONDS), expected, "{seconds}");
        }
        let counted = [755_224, 287_082, 359_152, 969_429, 338_314, 254_676, 287_922, 162_583, 399_871, 520_489];
        for (step, expected) in (0..).zip(counted) {
            assert_eq!(code(SECRET, step), expected, "{step}");
        }
    }

    #[test]
    fn a_code_is_taken_around_its_time_and_once() {
        let at = |seconds| step_of("005924", SECRET, seconds, 0);
        let step = 1_234_567_890 / 30;
        assert_eq!(at(1_234_567_890), Some(step));
        assert_eq!(step_of(" 005 924 ", SECRET, 1_234_567_890, step - 1), Some(step));
        assert_eq!((at(step * 30 - 30), at(step * 30 + 59)), (Some(step), Some(step)));
        assert_eq!((at(step * 30 - 31), at(step * 30 + 60)), (None, None));
        assert_eq!(step_of("005924", SECRET, 1_234_567_890, step), None, "a second time");
        for wrong in ["", "5924", "0005924", "00592a", "+05924", "٠٠٥٩٢٤", "005925"] {
            assert_eq!(step_of(wrong, SECRET, 1_234_567_890, 0), None, "{wrong}");
        }
    }

    /// RFC 4648, section 10.
    #[test]
    fn secrets_are_written_as_apps_read_them() {
        for (bytes, text) in
            [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("foobar", "MZXW6YTBOI")]
        {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
    }
}
