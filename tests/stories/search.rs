//! Full text finds the same on both stores, and what a person would expect.

use std::collections::BTreeSet;

use frontdesk_tests::http::encode;
use frontdesk_tests::pages::records;
use frontdesk_tests::random::Random;
use frontdesk_tests::{Cast, Engine, Source};

/// What people write, and what it is made of without case and accents: words, single characters of scripts without
/// spaces, emoji. Written down by hand, apart from the product.
const WRITTEN: &[(&str, &[&str])] = &[
    ("Crème", &["creme"]),
    ("CRÈME", &["creme"]),
    ("cre\u{300}me", &["creme"]),
    ("naïve", &["naive"]),
    ("Straße", &["strasse"]),
    ("STRASSE", &["strasse"]),
    ("Σίσυφος", &["sisyphos"]),
    ("ΣΊΣΥΦΟΣ", &["sisyphos"]),
    ("Ｆｕｌｌ", &["full"]),
    ("full", &["full"]),
    ("kettle", &["kettle"]),
    ("Kettle,", &["kettle"]),
    ("kettles", &["kettles"]),
    ("AB-1234", &["ab", "1234"]),
    ("ab", &["ab"]),
    ("1234", &["1234"]),
    ("AB-1234-X", &["ab", "1234", "x"]),
    ("X-1234-AB", &["x", "1234", "ab"]),
    ("vera@example.com", &["vera", "example", "com"]),
    ("vera@other.example", &["vera", "other", "example"]),
    ("example.com", &["example", "com"]),
    ("10:30", &["10", "30"]),
    ("l'été", &["l", "ete"]),
    ("été", &["ete"]),
    ("寿司", &["寿", "司"]),
    ("司寿", &["司", "寿"]),
    ("注文番号", &["注", "文", "番", "号"]),
    ("番号", &["番", "号"]),
    ("注文", &["注", "文"]),
    ("文番", &["文", "番"]),
    ("号", &["号"]),
    ("한국어", &["hangugeo"]),
    ("🎉", &["🎉"]),
    ("party🎉", &["party", "🎉"]),
    ("🎉🎂", &["🎉", "🎂"]),
    ("привет", &["privet"]),
    ("ПРИВЕТ!", &["privet"]),
    ("مرحبا", &["marhaba"]),
];

/// What is searched beside the written words themselves: parts, and what nobody wrote.
const ASKED: &[(&str, &[&str])] = &[
    ("com", &["com"]),
    ("teapot", &["teapot"]),
    ("寿", &["寿"]),
    ("1234-AB", &["1234", "ab"]),
    ("other.example", &["other", "example"]),
    ("🎂", &["🎂"]),
];

const MESSAGES: usize = 250;

/// Whether what was asked stands, together, in what was written.
fn stands_in(asked: &[&str], written: &[&str]) -> bool {
    written.windows(asked.len()).any(|window| window == asked)
}

fn found(cast: &Cast, source: &Source, q: &str) -> BTreeSet<String> {
    let q = encode(&format!("source:{} {q}", source.id));
    let mut all = BTreeSet::new();
    loop {
        let page = cast.otto.get(&format!("/1.0/contents?limit=150&offset={}&q={q}", all.len())).ok();
        all.extend(records(&page).iter().map(|content| content["foreign_id"].as_str().unwrap().to_owned()));
        if records(&page).len() < 150 {
            assert_eq!(page["count"], all.len(), "{q}");
            return all;
        }
    }
}

#[test]
fn both_stores_find_what_a_person_would() {
    let casts = [Engine::Sqlite, Engine::Postgres].map(Cast::shared);
    let sources = [&casts[0], &casts[1]].map(|cast| cast.new_source());
    let mut random = Random::new(2026);
    let mut messages: Vec<Vec<usize>> = Vec::new();
    for number in 0..MESSAGES {
        let words: Vec<usize> = (0..1 + random.below(5)).map(|_| random.below(WRITTEN.len())).collect();
        let text: Vec<&str> = words.iter().map(|word| WRITTEN[*word].0).collect();
        for (source, _) in &sources {
            let message = source.message(&number.to_string(), "t", "vera", &text.join(" "));
            source.tells("messages.create", &message);
        }
        messages.push(words);
    }
    let terms: Vec<&(&str, &[&str])> = WRITTEN.iter().chain(ASKED).collect();
    let mut queries: Vec<Vec<usize>> = (0..terms.len()).map(|term| vec![term]).collect();
    queries.extend((0..60).map(|_| vec![random.below(terms.len()), random.below(terms.len())]));
    let mut hits = 0;
    for query in queries {
        let holds = |words: &[usize]| {
            query.iter().all(|term| words.iter().any(|word| stands_in(terms[*term].1, WRITTEN[*word].1)))
        };
        let expected: BTreeSet<String> =
            (0..MESSAGES).filter(|number| holds(&messages[*number])).map(|number| number.to_string()).collect();
        let q: Vec<String> = query.iter().map(|term| format!("text:\"{}\"", terms[*term].0)).collect();
        let q = q.join(" ");
        for (cast, (source, _)) in casts.iter().zip(&sources) {
            let found = found(cast, source, &q);
            let missed: Vec<_> = expected.difference(&found).collect();
            let surplus: Vec<_> = found.difference(&expected).collect();
            assert!(missed.is_empty() && surplus.is_empty(), "{q}: missed {missed:?}, too much {surplus:?}");
        }
        hits += expected.len();
    }
    assert!(hits > 1_000, "{hits} hits are no test");
}
