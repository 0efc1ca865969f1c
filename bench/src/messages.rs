//! What the customers send: the same for the server and for the reference loop.

use ring::hmac;

/// Each customer has a thread of their own.
pub(crate) const CUSTOMERS: usize = 10_000;
/// The first customers write this many more messages before anything is measured, so that lists of 30 are full.
pub(crate) const BUSY_CUSTOMERS: usize = 100;
pub(crate) const BUSY_MESSAGES: usize = 40;
/// Bodies grow by words until they reach this size.
const BODY_BYTES_MIN: usize = 195;
/// How many different bodies are sent.
const BODIES: usize = 2_000;
/// How many different words they are made of; the first ones come most often, as in any language.
const WORDS: u64 = 4_000;

/// Splitmix64: cheap, and the same in every run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0xd134_2543_de82_ef95))
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.roll() % bound as u64) as usize
    }
}

/// The bodies that customers choose from: lower-case words, so that folding them for the full-text index leaves them as
/// they are.
pub(crate) fn bodies() -> Vec<String> {
    let mut dice = Dice::new(7);
    (0..BODIES).map(|_| body(&mut dice)).collect()
}

fn body(dice: &mut Dice) -> String {
    let mut body = String::new();
    while body.len() < BODY_BYTES_MIN {
        if !body.is_empty() {
            body.push(' ');
        }
        // The cube of an even chance: few words are frequent, most are rare.
        let chance = (dice.roll() >> 11) as f64 / (1_u64 << 53) as f64;
        body.push_str(&word((chance.powi(3) * WORDS as f64) as u64));
    }
    body
}

fn word(number: u64) -> String {
    const SYLLABLES: [&str; 16] =
        ["ka", "to", "mi", "ren", "sol", "va", "du", "pel", "or", "in", "ges", "lu", "tam", "be", "fi", "no"];
    let mut dice = Dice::new(number + 100);
    let syllables = 2 + dice.below(3);
    // The last two make words of the same dice different.
    let ends = [SYLLABLES[number as usize % 16], SYLLABLES[number as usize / 16 % 16]];
    (0..syllables).map(|_| SYLLABLES[dice.below(16)]).chain(ends).collect()
}

/// One message.
pub(crate) struct Message<'a> {
    pub(crate) customer: usize,
    /// The channel's id of it. Random, which is the worst that can happen to an index.
    pub(crate) foreign_id: String,
    pub(crate) body: &'a str,
}

impl<'a> Message<'a> {
    pub(crate) fn from_anybody(dice: &mut Dice, bodies: &'a [String]) -> Message<'a> {
        let customer = dice.below(CUSTOMERS);
        Message::from(customer, dice, bodies)
    }

    pub(crate) fn from(customer: usize, dice: &mut Dice, bodies: &'a [String]) -> Message<'a> {
        let foreign_id = format!("{:016x}{:016x}", dice.roll(), dice.roll());
        Message { customer, foreign_id, body: &bodies[dice.below(bodies.len())] }
    }

    /// The channel's id of the author.
    pub(crate) fn author(&self) -> String {
        format!("customer-{}", self.customer)
    }

    /// The name of the author.
    pub(crate) fn screenname(&self) -> String {
        format!("Customer {}", self.customer)
    }

    /// The channel's id of the thread.
    pub(crate) fn thread(&self) -> String {
        format!("thread-{}", self.customer)
    }
}

/// The customers whose messages fill both stores before the measurements, in order.
pub(crate) fn first_authors() -> impl Iterator<Item = usize> {
    let busy = (0..BUSY_MESSAGES).flat_map(|_| 0..BUSY_CUSTOMERS);
    (0..CUSTOMERS).chain(busy)
}

/// Makes signed requests of the Send API.
#[derive(Clone)]
pub(crate) struct Signer {
    path: String,
    key: hmac::Key,
}

impl Signer {
    pub(crate) fn new(source_id: &str, secret: &str) -> Signer {
        Signer { path: format!("/realtime/sdk/{source_id}"), key: hmac::Key::new(hmac::HMAC_SHA512, secret.as_bytes()) }
    }

    /// The path, the value of `X-SMCCSDK-SIGNATURE`, and the body.
    pub(crate) fn sign(&self, message: &Message) -> (&str, String, String) {
        let body = format!(
            r#"{{"action":"messages.create","params":{{"id":"{}","thread_id":"{}","body":"{}","format":"text","author":{{"id":"{}","screenname":"{}","created_at":"2026-01-02T03:04:05Z"}}}}}}"#,
            message.foreign_id,
            message.thread(),
            message.body,
            message.author(),
            message.screenname(),
        );
        let tag = hmac::sign(&self.key, body.as_bytes());
        let mut signature = String::with_capacity(128);
        for byte in tag.as_ref() {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            signature.push(DIGITS[usize::from(byte >> 4)].into());
            signature.push(DIGITS[usize::from(byte & 15)].into());
        }
        (&self.path, signature, body)
    }

    /// Appends the whole request of HTTP/1.1.
    pub(crate) fn request(&self, message: &Message, request: &mut Vec<u8>) {
        use std::io::Write;
        let (path, signature, body) = self.sign(message);
        // Writing to memory cannot fail.
        let _ = write!(
            request,
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             {SIGNATURE_HEADER}: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
    }
}

/// The header of a signed request.
pub(crate) const SIGNATURE_HEADER: &str = "X-SMCCSDK-SIGNATURE";

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn bodies_are_about_200_bytes_of_bare_words() {
        let bodies = bodies();
        assert!(bodies.iter().all(|body| (195..225).contains(&body.len())));
        assert!(bodies.iter().all(|body| body.bytes().all(|byte| byte == b' ' || byte.is_ascii_lowercase())));
        let words: HashSet<&str> = bodies.iter().flat_map(|body| body.split(' ')).collect();
        assert!(words.len() > 2_000, "{}", words.len());
    }

    #[test]
    fn ids_do_not_repeat() {
        let (mut dice, bodies) = (Dice::new(1), bodies());
        let ids: HashSet<String> = (0..10_000).map(|_| Message::from_anybody(&mut dice, &bodies).foreign_id).collect();
        assert_eq!(ids.len(), 10_000);
    }
}
