//! Signatures made with a shared secret: those of the channel SDK, and those of links that the server hands out.

use base64::Engine;
use frontdesk_model::hex;
use ring::hmac;

/// The signature of a channel SDK request or answer: HMAC-SHA512 over the raw body, as lower-case hex (128 characters).
pub fn sdk_signature(secret: &[u8], body: &[u8]) -> String {
    hex::encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, secret), body).as_ref())
}

/// Whether this can be the signature of a request of the Channel SDK, of whatever body.
pub fn is_sdk_signature(given: &str) -> bool {
    hex::decode::<64>(given).is_some()
}

/// Whether `given` is the signature of `body`, in upper- or lower-case hex; takes the same time wherever they differ.
/// An empty secret verifies nothing: a source whose secret got lost must not accept everybody.
pub fn verify_sdk_signature(secret: &[u8], body: &[u8], given: &str) -> bool {
    let Some(given) = hex::decode::<64>(given) else { return false };
    !secret.is_empty() && hmac::verify(&hmac::Key::new(hmac::HMAC_SHA512, secret), body, &given).is_ok()
}

/// One signature of the Standard Webhooks specification: `v1,` and the base64 of HMAC-SHA256 over id, seconds since 1970
/// and body, joined by dots. A request carries one for each secret that is valid now, separated by spaces.
pub fn webhook_signature(key: &[u8], id: &str, seconds: i64, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    context.update(format!("{id}.{seconds}.").as_bytes());
    context.update(body);
    format!("v1,{}", base64::engine::general_purpose::STANDARD.encode(context.sign()))
}

/// The signature of a link: HMAC-SHA256 over its parts, as lower-case hex (64 characters). Each part goes in with its
/// length, so that no two lists of parts share a signature. Let the first part say what the link is for, and another
/// one when it ends.
pub fn link_signature(key: &[u8], parts: &[&str]) -> String {
    hex::encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), &joined(parts)).as_ref())
}

/// Whether `given` is the signature of these parts; as strict as [`verify_sdk_signature`].
pub fn verify_link_signature(key: &[u8], parts: &[&str], given: &str) -> bool {
    let Some(given) = hex::decode::<32>(given) else { return false };
    !key.is_empty() && hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, key), &joined(parts), &given).is_ok()
}

fn joined(parts: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &[u8] = b"3YJZzqMJ5Ec7i2JGvnt8TgvleD7dtpwpmag4S6MuRA2GQdfvV4STIsxDRJ4fEjO8";
    const BODY: &[u8] = br#"{"action":"implementation.info","time":"2012-10-01T17:18:40Z"}"#;
    const SIGNATURE: &str = "826b61e7939505b2e773ef43a2aad53ec0385dd9d783fbd1c8fea00d0e2a3e2f\
                             b0ae0a5b2eb342356b61c41b5f19baec4c1f7e7e37a5b486fe9b593942017ff9";

    #[test]
    fn the_public_test_vector_holds() {
        assert_eq!(sdk_signature(SECRET, BODY), SIGNATURE);
        assert!(verify_sdk_signature(SECRET, BODY, SIGNATURE));
        assert!(verify_sdk_signature(SECRET, BODY, &SIGNATURE.to_uppercase()));
    }

    #[test]
    fn the_vector_of_the_standard_webhooks_specification_holds() {
        let key = base64::engine::general_purpose::STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64");
        let body = br#"{"test": 2432232314}"#;
        assert_eq!(
            webhook_signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn malformed_signatures_are_refused() {
        let spaced = format!(" {}", &SIGNATURE[1..]);
        let signed = format!("+{}", &SIGNATURE[1..]);
        let wide = "é".repeat(64);
        for given in ["", "82", &SIGNATURE[..126], &format!("{SIGNATURE}00"), &spaced, &signed, &wide] {
            assert!(!verify_sdk_signature(SECRET, BODY, given), "{given}");
        }
    }

    #[test]
    fn an_empty_secret_verifies_nothing() {
        assert!(!verify_sdk_signature(b"", BODY, &sdk_signature(b"", BODY)));
        assert!(!verify_link_signature(b"", &["file"], &link_signature(b"", &["file"])));
    }

    #[test]
    fn links_with_differently_cut_parts_have_different_signatures() {
        let lists: [&[&str]; 6] = [&[], &[""], &["", ""], &["ab", "c"], &["a", "bc"], &["abc"]];
        let mut signatures: Vec<_> = lists.iter().map(|parts| link_signature(b"key", parts)).collect();
        signatures.sort_unstable();
        signatures.dedup();
        assert_eq!(signatures.len(), lists.len());
    }

    fn flip(signature: &str, bit: usize) -> String {
        let mut bytes: [u8; 64] = hex::decode(signature).expect("a signature");
        bytes[bit / 8] ^= 1 << (bit % 8);
        hex::encode(bytes)
    }

    proptest! {
        #[test]
        fn what_was_signed_is_verified(secret in prop::collection::vec(any::<u8>(), 1..200), body: Vec<u8>) {
            prop_assert!(verify_sdk_signature(&secret, &body, &sdk_signature(&secret, &body)));
        }

        #[test]
        fn flipping_any_bit_fails(
            secret in prop::collection::vec(any::<u8>(), 1..100),
            body in prop::collection::vec(any::<u8>(), 1..100),
            signature_bit in 0_usize..512,
            place: prop::sample::Index,
            bit in 0_u8..8,
        ) {
            let signature = sdk_signature(&secret, &body);
            prop_assert!(!verify_sdk_signature(&secret, &body, &flip(&signature, signature_bit)));
            let mut other_body = body.clone();
            other_body[place.index(body.len())] ^= 1 << bit;
            prop_assert!(!verify_sdk_signature(&secret, &other_body, &signature));
            let mut other_secret = secret.clone();
            other_secret[place.index(secret.len())] ^= 1 << bit;
            prop_assert!(!verify_sdk_signature(&other_secret, &body, &signature));
        }

        #[test]
        fn any_text_is_verified_without_a_panic(secret: Vec<u8>, body: Vec<u8>, given in ".{0,140}") {
            prop_assert!(!verify_sdk_signature(&secret, &body, &given));
            prop_assert!(!verify_link_signature(&secret, &[&given], &given));
        }

        #[test]
        fn links_are_verified_by_their_parts(key in prop::collection::vec(any::<u8>(), 1..64),
                                             parts in prop::collection::vec(".{0,12}", 1..5), place: prop::sample::Index) {
            let borrowed: Vec<&str> = parts.iter().map(String::as_str).collect();
            let signature = link_signature(&key, &borrowed);
            prop_assert!(verify_link_signature(&key, &borrowed, &signature));
            prop_assert!(verify_link_signature(&key, &borrowed, &signature.to_uppercase()));
            let mut changed = parts.clone();
            changed[place.index(parts.len())].push('x');
            let changed: Vec<&str> = changed.iter().map(String::as_str).collect();
            prop_assert!(!verify_link_signature(&key, &changed, &signature));
        }
    }
}
