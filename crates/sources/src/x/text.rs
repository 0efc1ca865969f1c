//! How long a post may be: letters weigh differently there.

use frontdesk_model::urls;

use super::limits::{ADDRESS_WEIGHT, MESSAGE_CHARACTERS_MAX, POST_WEIGHT_MAX};
use crate::inbound::ContentObject;

/// Why a body cannot be sent, as the end of a sentence.
pub(super) fn fault(object: ContentObject, body: &str) -> Option<String> {
    if object == ContentObject::PrivateMessage {
        let is_too_long = body.chars().nth(MESSAGE_CHARACTERS_MAX).is_some();
        return is_too_long.then(|| format!("has at most {MESSAGE_CHARACTERS_MAX} characters in a direct message"));
    }
    let weight = weight(body);
    (weight > POST_WEIGHT_MAX).then(|| {
        format!(
            "weighs {weight} on X, which takes {POST_WEIGHT_MAX}: letters of most alphabets weigh 1, others and emoji 2, \
             every address {ADDRESS_WEIGHT}"
        )
    })
}

/// What a post weighs.
fn weight(body: &str) -> usize {
    let is_address = |word: &&str| urls::is_web_url(word);
    let words = body.split_whitespace();
    let (addresses, address_characters) =
        words.filter(is_address).fold((0, 0), |(count, sum), word| (count + 1, sum + characters(word)));
    characters(body) - address_characters + addresses * ADDRESS_WEIGHT
}

fn characters(text: &str) -> usize {
    let mut weight = 0;
    let mut is_joined = false;
    for character in text.chars() {
        // What only changes or joins the emoji before it makes no other one.
        let is_modifier = matches!(u32::from(character), 0xFE00..=0xFE0F | 0x1F3FB..=0x1F3FF);
        if character == '\u{200d}' {
            is_joined = weight > 0;
            continue;
        }
        if !is_modifier && !std::mem::take(&mut is_joined) {
            weight += one(character);
        }
    }
    weight
}

fn one(character: char) -> usize {
    match u32::from(character) {
        0..=0x10FF | 0x2000..=0x200D | 0x2010..=0x201F | 0x2032..=0x2037 => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn posts_weigh_what_the_pages_say() {
        for (body, expected) in [
            ("", 0),
            ("Hello", 5),
            ("Größe “x”", 9),
            ("日本", 4),
            ("👍", 2),
            ("👍🏽", 2),
            ("👨\u{200d}👩\u{200d}👧", 2),
            ("see https://a.example/a/very/long/address/that/weighs/little now", 4 + 23 + 4),
        ] {
            assert_eq!(weight(body), expected, "{body}");
        }
        assert!(fault(ContentObject::Tweet, &"x".repeat(280)).is_none());
        assert!(fault(ContentObject::Tweet, &"x".repeat(281)).is_some());
        assert!(fault(ContentObject::Tweet, &"日".repeat(141)).is_some());
        assert!(fault(ContentObject::PrivateMessage, &"x".repeat(10_000)).is_none());
        assert!(fault(ContentObject::PrivateMessage, &"x".repeat(10_001)).is_some());
    }

    proptest! {
        #[test]
        fn everything_has_a_weight(body in any::<String>()) {
            let _ = weight(&body);
        }
    }
}
