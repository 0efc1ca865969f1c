//! What people write: bodies of realistic length in several languages, with codes, addresses and emoji in them. The same
//! dice make the same texts.

use std::fmt::Write;

/// Splitmix64: cheap, and the same on every machine.
#[derive(Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0xd134_2543_de82_ef95))
    }

    pub(super) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Evenly below `bound`, which is not 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.roll() % bound as u64) as usize
    }

    /// Evenly between 0 and 1.
    pub(super) fn share(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with this probability.
    pub(super) fn hits(&mut self, probability: f64) -> bool {
        self.share() < probability
    }

    /// Below `bound` by Zipf's law: a rank is met about as often as its inverse. `flat` ranks at the head are about
    /// equally frequent.
    pub(super) fn rank(&mut self, bound: usize, flat: f64) -> usize {
        let rank = flat * ((bound as f64 / flat + 1.0).powf(self.share()) - 1.0);
        (rank as usize).min(bound.saturating_sub(1))
    }

    /// Exponentially distributed.
    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.share()).ln()
    }
}

/// A language that customers write in.
pub(super) struct Language {
    pub(super) code: &'static str,
    /// The words met most often.
    common: &'static [&'static str],
    /// What the rarer words are made of.
    syllables: &'static [&'static str],
    /// What stands between words.
    space: &'static str,
    stop: &'static str,
}

/// The languages, those first that more people write in.
pub(super) const LANGUAGES: [Language; 5] = [
    Language {
        code: "en",
        common: &[
            "the", "to", "and", "my", "order", "is", "not", "you", "delivery", "have", "for", "it", "please", "refund",
            "when", "arrived", "with", "can", "parcel", "but", "invoice", "address", "still", "thanks", "kettle",
            "broken", "customer", "number", "waiting", "again", "password", "account", "changed", "week", "help",
        ],
        syllables: &[
            "ba", "con", "der", "fi", "gra", "ing", "ket", "lo", "ment", "ner", "per", "qui", "ra", "ster", "tion",
            "ver",
        ],
        space: " ",
        stop: ". ",
    },
    Language {
        code: "fr",
        common: &[
            "de",
            "la",
            "le",
            "et",
            "je",
            "ma",
            "commande",
            "est",
            "pas",
            "vous",
            "livraison",
            "reçu",
            "pour",
            "à",
            "été",
            "remboursement",
            "quand",
            "avec",
            "colis",
            "où",
            "facture",
            "adresse",
            "toujours",
            "merci",
            "bouilloire",
            "cassée",
            "numéro",
            "déjà",
            "mot",
            "passe",
            "compte",
            "changé",
            "semaine",
            "aidez",
            "ça",
        ],
        syllables: &[
            "ba", "ché", "des", "fi", "gra", "ille", "lè", "ment", "né", "ou", "par", "que", "ré", "sœur", "tion",
            "veau",
        ],
        space: " ",
        stop: ". ",
    },
    Language {
        code: "de",
        common: &[
            "die",
            "und",
            "ich",
            "der",
            "Bestellung",
            "ist",
            "nicht",
            "Sie",
            "Lieferung",
            "habe",
            "für",
            "bitte",
            "Rückgabe",
            "wann",
            "mit",
            "Paket",
            "aber",
            "Rechnung",
            "Adresse",
            "noch",
            "danke",
            "Wasserkocher",
            "kaputt",
            "Kunde",
            "Nummer",
            "warte",
            "wieder",
            "Passwort",
            "Konto",
            "geändert",
            "Woche",
            "Straße",
        ],
        syllables: &[
            "auf", "ben", "der", "eis", "fü", "ge", "heit", "kö", "lich", "mä", "nung", "ra", "schen", "tig", "ver",
            "zeu",
        ],
        space: " ",
        stop: ". ",
    },
    Language {
        code: "ja",
        common: &[
            "注文",
            "の",
            "を",
            "は",
            "に",
            "が",
            "です",
            "ます",
            "届",
            "荷物",
            "返金",
            "お願い",
            "まだ",
            "確認",
            "住所",
        ],
        syllables: &["電", "気", "会", "社", "商", "品", "番", "号", "連", "絡", "交", "換", "配", "送", "店", "人"],
        space: "",
        stop: "。",
    },
    Language {
        code: "zh",
        common: &[
            "的", "我", "订单", "了", "没有", "收到", "请", "退款", "什么", "时候", "地址", "谢谢", "客服", "快递",
        ],
        syllables: &["电", "器", "公", "司", "产", "品", "编", "号", "联", "系", "更", "换", "发", "货", "商", "店"],
        space: "",
        stop: "。",
    },
];

const EMOJI: [&str; 8] = ["🙂", "😡", "👍", "🙏", "❤️", "👩‍💻", "🎉", "🤔"];
/// So many different words has each language.
const WORDS: usize = 20_000;
/// Words in a usual message, and in a long one.
const USUAL_WORDS: f64 = 20.0;
const LONG_WORDS: f64 = 150.0;
const LONG_SHARE: f64 = 0.04;
/// A body stops growing here.
const BODY_WORDS_MAX: usize = 2_000;
/// So many messages mention each coupon, however many messages there are: searches with equally many hits can be
/// compared between small and large stores.
pub(super) const MESSAGES_PER_COUPON: u64 = 1_000;
const COUPON_SHARE: f64 = 0.05;

/// The language of a customer.
pub(super) fn language(customer: usize) -> &'static Language {
    match Dice::new(customer as u64).below(100) {
        0..55 => &LANGUAGES[0],
        55..75 => &LANGUAGES[1],
        75..90 => &LANGUAGES[2],
        90..96 => &LANGUAGES[3],
        _ => &LANGUAGES[4],
    }
}

/// One message's text; `contents` are written in all.
pub(super) fn body(dice: &mut Dice, language: &Language, contents: u64) -> String {
    let mean = if dice.hits(LONG_SHARE) { LONG_WORDS } else { USUAL_WORDS };
    let words = (1 + dice.exponential(mean) as usize).min(BODY_WORDS_MAX);
    let mut text = String::with_capacity(words * 7);
    for number in 1..=words {
        word(dice, language, &mut text);
        if number == words || dice.hits(0.1) {
            text.push_str(language.stop);
        } else {
            text.push_str(language.space);
        }
    }
    let mut say = |what: std::fmt::Arguments| {
        // Writing to memory cannot fail.
        let _ = write!(text, " {what}");
    };
    if dice.hits(0.1) {
        say(format_args!("ORD-{:08}", dice.below(100_000_000)));
    }
    if dice.hits(COUPON_SHARE) {
        let coupons = (contents as f64 * COUPON_SHARE / MESSAGES_PER_COUPON as f64).ceil().max(1.0);
        say(format_args!("SAVE{:05}", dice.below(coupons as usize)));
    }
    if dice.hits(0.03) {
        say(format_args!("{}.{}@example.com", LANGUAGES[0].common[dice.below(30)], dice.below(10_000)));
    }
    if dice.hits(0.08) {
        say(format_args!("{}", EMOJI[dice.below(EMOJI.len())]));
    }
    text.truncate(text.trim_end().len());
    text
}

/// Appends a word: few are frequent, most are rare, as in any language.
fn word(dice: &mut Dice, language: &Language, text: &mut String) {
    let rank = dice.rank(WORDS, 3.0);
    if let Some(common) = language.common.get(rank) {
        text.push_str(common);
        return;
    }
    // The digits of the rank in syllables: every rank is a word of its own.
    let mut rest = rank;
    while rest > 0 {
        text.push_str(language.syllables[rest % language.syllables.len()]);
        rest /= language.syllables.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_dice_write_the_same_text() {
        let texts = |seed| {
            let mut dice = Dice::new(seed);
            (0..500).map(|customer| body(&mut dice, language(customer), 1_000)).collect::<Vec<_>>()
        };
        assert_eq!(texts(1), texts(1));
        assert_ne!(texts(1), texts(2));
        assert!(texts(1).iter().all(|text| !text.is_empty() && text.trim() == text));
        let all = texts(1).concat();
        assert!(all.contains("SAVE00000") && all.contains("@example.com") && all.contains("ORD-") && all.contains('é'));
        assert!(all.contains('。') && EMOJI.iter().any(|emoji| all.contains(emoji)));
    }

    #[test]
    fn few_ranks_are_frequent_and_most_are_rare() {
        let mut dice = Dice::new(3);
        let ranks: Vec<usize> = (0..20_000).map(|_| dice.rank(1_000, 3.0)).collect();
        let below = |bound: usize| ranks.iter().filter(|rank| **rank < bound).count();
        assert!(below(10) > 20_000 / 5 && below(10) < 20_000 / 2, "{}", below(10));
        assert!(below(1_000) == 20_000 && below(900) < 20_000);
    }
}
