//! Searches that nobody thought of, over a past that nobody wrote: both stores find the same in the same order, and where
//! a plain model says what that is, just that.

use std::collections::BTreeMap;

use frontdesk_tests::http::encode;
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::random::Random;
use frontdesk_tests::{Cast, Engine, FakeChannel, Source};
use serde_json::{Value, json};

/// Another one makes another past and other searches.
const SEED: u64 = 2026;
const MESSAGES: usize = 100;
const THREADS: usize = 18;
const AUTHORS: usize = 7;
const CATEGORIES: usize = 3;
const DEEDS: usize = 70;
const SEARCHES_OF_EACH: usize = 130;

const WORDS: [&str; 8] = ["kettle", "blue", "leaks", "order", "refund", "lid", "steam", "spout"];
const LANGUAGES: [&str; 3] = ["en", "fr", "de"];
const STATUSES: [&str; 5] = ["new", "assigned", "replied", "user_reply", "ignored"];
const EVENTS: [&str; 5] =
    ["content.imported", "content.replied", "content.ignored", "intervention.opened", "intervention.closed"];

/// One store with the past, and what its ids are called on both.
struct Desk {
    cast: Cast,
    sources: Vec<(Source, FakeChannel)>,
    ids: BTreeMap<String, String>,
    names: BTreeMap<String, String>,
}

/// A content as the model knows it.
#[derive(Clone, Debug)]
struct Told {
    name: String,
    thread: usize,
    /// None: what an agent wrote.
    author: Option<usize>,
    words: Vec<&'static str>,
    /// Minutes of the past; what agents write is later than all of it.
    at: usize,
}

/// A search: its terms, which name things as both stores do.
struct Asked {
    path: &'static str,
    terms: Vec<(bool, &'static str, String)>,
}

/// The moment of a minute of the past.
fn moment(minute: usize) -> String {
    format!("2026-01-{:02}T{:02}:{:02}:00Z", 1 + minute / 1_440, minute / 60 % 24, minute % 60)
}

fn words(random: &mut Random) -> Vec<&'static str> {
    (0..1 + random.below(3)).map(|_| *random.pick(&WORDS)).collect()
}

impl Desk {
    fn new(engine: Engine) -> Desk {
        let cast = Cast::start(engine, &[]);
        let sources: Vec<_> = [(); 2].map(|()| cast.new_source()).into();
        let mut desk = Desk { cast, sources, ids: BTreeMap::new(), names: BTreeMap::new() };
        for number in 0..2 {
            desk.call(&format!("source{number}"), desk.sources[number].0.id.clone());
        }
        for number in 0..CATEGORIES {
            let category = id(&desk.cast.otto.create_category(&json!({})));
            desk.call(&format!("category{number}"), category);
        }
        desk.call("otto", desk.cast.otto.user_id.clone());
        desk.call("ada", desk.cast.ada.user_id.clone());
        desk
    }

    fn call(&mut self, name: &str, id: String) {
        self.names.insert(id.clone(), name.to_owned());
        self.ids.insert(name.to_owned(), id);
    }

    /// A customer writes.
    fn hear(&mut self, told: &Told, language: &str) {
        let source = self.sources[told.thread % 2].0.clone();
        let (thread, author) = (format!("thread{}", told.thread), format!("author{}", told.author.unwrap_or_default()));
        let mut message = source.message(&told.name, &thread, &author, &told.words.join(" "));
        message["created_at"] = json!(moment(told.at));
        message["language"] = json!(language);
        source.tells("messages.create", &message);
    }

    /// Gives everything that came from the channels its name.
    fn learn(&mut self) {
        for number in 0..2 {
            let source = self.sources[number].0.clone();
            for content in source.all_contents(&self.cast.otto) {
                let text = |name: &str| content[name].as_str().expect("a text").to_owned();
                self.call(&text("foreign_id"), text("id"));
            }
            for thread in 0..THREADS {
                for found in source.threads(&self.cast.otto, &format!("thread{thread}")) {
                    self.call(&format!("thread{thread}"), id(&found));
                }
            }
            let people = self.cast.otto.get(&format!("/1.0/identities?limit=150&source_id={}", source.id)).ok();
            for identity in records(&people) {
                let name = format!("{}of{number}", identity["foreign_id"].as_str().expect("a name"));
                self.call(&name, id(identity));
            }
        }
    }

    /// What agents do; whether they could.
    fn act(&mut self, deed: usize, told: &Told, choice: usize, category: usize, text: &str) -> bool {
        let (otto, ids) = (&self.cast.otto, &self.ids);
        let (content, thread) = (&ids[&told.name], &ids[&format!("thread{}", told.thread)]);
        let category = &ids[&format!("category{category}")];
        let answer = match choice {
            0 => otto.put(&format!("/1.0/contents/{content}/ignore"), &json!({})),
            1 => otto.post("/1.0/interventions", &json!({ "content_id": content })),
            2 => {
                let intervention = otto.content(content)["intervention_id"].clone();
                let Some(intervention) = intervention.as_str() else { return false };
                otto.put(&format!("/1.0/interventions/{intervention}/close"), &json!({}))
            }
            3 => {
                otto.put(&format!("/1.0/contents/{content}/update_categories"), &json!({ "category_ids": [category] }))
            }
            4 => {
                let path = format!("/1.0/content_threads/{thread}/update_categories");
                otto.put(&path, &json!({ "thread_category_ids": [category] }))
            }
            _ => otto.post("/1.0/contents", &json!({ "in_reply_to_id": content, "body": text })),
        };
        if answer.status < 300 && choice > 4 {
            self.call(&format!("reply{deed}"), id(&answer.json()));
        }
        answer.status < 300
    }

    /// What is found: names in their order, and how many there are; or the status of a refusal.
    fn found(&self, asked: &Asked) -> Result<(Vec<String>, Value), u16> {
        let answer = self.cast.otto.get(&format!("/1.0{}?limit=150&q={}", asked.path, encode(&self.q(asked))));
        if answer.status != 200 {
            return Err(answer.status);
        }
        let page = answer.json();
        let called = |id: &Value| {
            let id = id.as_str().unwrap_or_default();
            self.names.get(id).cloned().unwrap_or_else(|| if id.is_empty() { String::new() } else { "?".into() })
        };
        let name = |record: &Value| match record["name"].as_str() {
            Some(event) if asked.path == "/events" => {
                let infos = &record["extra_infos"];
                format!("{event} of {} in {}", called(&infos["content_id"]), called(&infos["content_thread_id"]))
            }
            _ => called(&record["id"]),
        };
        Ok((records(&page).iter().map(name).collect(), page["count"].clone()))
    }

    /// The search as this store is asked it.
    fn q(&self, asked: &Asked) -> String {
        let mut q = String::new();
        if asked.path != "/events" {
            q = format!("source:{} source:{} ", self.ids["source0"], self.ids["source1"]);
        }
        for (negated, keyword, value) in &asked.terms {
            let value = self.ids.get(value.trim_matches('"')).filter(|_| *keyword != "foreign").unwrap_or(value);
            let sign = if *negated { "-" } else { "" };
            let colon = if keyword.is_empty() { "" } else { ":" };
            q += &format!("{sign}{keyword}{colon}{value} ");
        }
        q
    }
}

/// A search of threads, contents or events.
fn search(random: &mut Random, path: &'static str, replies: &[String]) -> Asked {
    let mut terms: Vec<(bool, &'static str, String)> = Vec::new();
    let thread = |random: &mut Random| format!("thread{}", random.below(THREADS));
    let content = |random: &mut Random| match random.below(4) {
        0 if !replies.is_empty() => random.pick(replies).clone(),
        _ => format!("content{}", random.below(MESSAGES)),
    };
    // Of all events only those of a few threads are compared.
    if path == "/events" {
        terms.extend((0..1 + random.below(3)).map(|_| (false, "content_thread", thread(random))));
    }
    for _ in 0..1 + random.below(4) {
        let negated = random.below(4) == 0;
        let boolean = |random: &mut Random| (*random.pick(&["true", "false", "yes", "0"])).to_owned();
        let user = |random: &mut Random| (*random.pick(&["otto", "ada"])).to_owned();
        let date = |random: &mut Random| match random.below(5) {
            0 => "yesterday".to_owned(),
            1 => "\"2 hours ago\"".to_owned(),
            _ => moment(random.below(8_000)),
        };
        let category = |random: &mut Random| format!("category{}", random.below(CATEGORIES));
        let author = |random: &mut Random| format!("author{}of{}", random.below(AUTHORS), random.below(2));
        let text = |random: &mut Random| match random.below(4) {
            0 => format!("\"{}\"", words(random).join(" ")),
            1 => random.pick(&WORDS).to_uppercase(),
            _ => (*random.pick(&WORDS)).to_owned(),
        };
        terms.push(match (path, random.below(16)) {
            ("/events", 0..=4) => (negated, "name_in", (*random.pick(&EVENTS)).to_owned()),
            ("/events", 5..=7) => (negated, "content", content(random)),
            ("/events", 8..=10) => (negated, "user", user(random)),
            ("/events", 11 | 12) => (false, *random.pick(&["created_after", "created_before"]), date(random)),
            ("/events", _) => (false, "order", format!("created_at.{}", random.pick(&["asc", "desc"]))),
            (_, 0 | 1) => (false, "text", text(random)),
            (_, 2) => (false, "", text(random)),
            (_, 3) => (negated, "source", format!("source{}", random.below(2))),
            (_, 4) => (negated, "status_in", (*random.pick(&STATUSES)).to_owned()),
            ("/contents", 5 | 6) => (negated, "thread", format!("\"{}\"", thread(random))),
            ("/contents", 7 | 8) => (negated, "identity", author(random)),
            ("/contents", 9) => (negated, "id", content(random)),
            ("/contents", 10..=12) => (negated, "thread", thread(random)),
            ("/contents", _) => (false, "order", format!("created_at.{}", random.pick(&["asc", "desc"]))),
            (_, 5) => (negated, "identity", author(random)),
            (_, 6) => (negated, "language", (*random.pick(&LANGUAGES)).to_owned()),
            (_, 7) => (negated, "categorized_in", category(random)),
            (_, 8) => (negated, "not_categorized_in", category(random)),
            (_, 9) => (negated, *random.pick(&["categorized", "assigned", "opened_and_assigned"]), boolean(random)),
            (_, 10) => (negated, *random.pick(&["active_and_assigned", "approval_required"]), boolean(random)),
            (_, 11) => (negated, *random.pick(&["assigned_to", "opened_and_assigned_to"]), user(random)),
            (_, 12) => (false, *random.pick(&["first_content_after", "last_content_after"]), date(random)),
            (_, 13) => (false, *random.pick(&["first_content_before", "last_content_before"]), date(random)),
            (_, 14) => (false, "foreign", format!("\"{}\"", thread(random))),
            _ => {
                let by = random.pick(&["created_at", "last_content_at"]);
                (false, "order", format!("{by}.{}", random.pick(&["asc", "desc"])))
            }
        });
    }
    // Of several orders the last would count, of those that are the same the first.
    let orders = terms.iter().filter(|(_, keyword, _)| *keyword == "order").count();
    if orders > 1 {
        terms.retain(|(_, keyword, _)| *keyword != "order");
    }
    Asked { path, terms }
}

/// What a search of contents finds, by the model; None where it asks for more than the model knows.
fn expected(asked: &Asked, told: &[Told]) -> Option<Vec<String>> {
    let mut ascending = false;
    // All values of a keyword, with and without a minus.
    let mut wanted: BTreeMap<(&str, bool), Vec<&str>> = BTreeMap::new();
    for (negated, keyword, value) in &asked.terms {
        let keyword = if keyword.is_empty() { "text" } else { keyword };
        match keyword {
            "order" => ascending = value.ends_with("asc"),
            "text" | "source" | "thread" | "identity" | "id" => {
                wanted.entry((keyword, *negated)).or_default().push(value.trim_matches('"'));
            }
            _ => return None,
        }
    }
    // The search as a whole names both sources.
    wanted.entry(("source", false)).or_default().extend(["source0", "source1"]);
    let is = |told: &Told, keyword: &str, value: &str| match keyword {
        "source" => value == format!("source{}", told.thread % 2),
        "thread" => value == format!("thread{}", told.thread),
        "id" => value == told.name,
        _ => told.author.is_some_and(|author| value == format!("author{author}of{}", told.thread % 2)),
    };
    let holds = |told: &&Told| {
        wanted.iter().all(|((keyword, negated), values)| match *keyword {
            "text" => {
                let mut words = values.iter().flat_map(|value| value.split(' ')).map(str::to_lowercase);
                words.all(|word| told.words.contains(&word.as_str()))
            }
            keyword => values.iter().any(|value| is(told, keyword, value)) != *negated,
        })
    };
    let mut found: Vec<(usize, usize, &Told)> =
        told.iter().filter(holds).enumerate().map(|(at, told)| (told.at, at, told)).collect();
    found.sort_by_key(|(at, place, _)| (*at, *place));
    if !ascending {
        found.reverse();
    }
    Some(found.into_iter().map(|(_, _, told)| told.name.clone()).collect())
}

#[test]
fn generated_searches_find_the_same_on_both_stores() {
    let mut random = Random::new(SEED);
    let mut desks = [Engine::Sqlite, Engine::Postgres].map(Desk::new);
    let mut told: Vec<Told> = Vec::new();
    for number in 0..MESSAGES {
        // Several messages have the same moment, and none are told in the order of their moments.
        let at = number / 3 * 97 % 8_000;
        let (thread, author) = (random.below(THREADS), Some(random.below(AUTHORS)));
        told.push(Told { name: format!("content{number}"), thread, author, words: words(&mut random), at });
        let language = random.pick(&LANGUAGES);
        desks.iter_mut().for_each(|desk| desk.hear(&told[number], language));
    }
    desks.iter_mut().for_each(Desk::learn);
    let mut replies = Vec::new();
    for deed in 0..DEEDS {
        let (about, choice) = (told[random.below(MESSAGES)].clone(), random.below(8));
        let (category, words) = (random.below(CATEGORIES), words(&mut random));
        let done = desks.each_mut().map(|desk| desk.act(deed, &about, choice, category, &words.join(" ")));
        assert_eq!(done[0], done[1], "seed {SEED}: deed {deed}, {choice} about {}", about.name);
        if done[0] && choice > 4 {
            let name = format!("reply{deed}");
            replies.push(name.clone());
            told.push(Told { name, author: None, words, at: 100_000 + deed, ..about });
        }
    }
    let (mut hits, mut by_model) = (0, 0);
    for number in 0..3 * SEARCHES_OF_EACH {
        let asked = search(&mut random, ["/content_threads", "/contents", "/events"][number % 3], &replies);
        let [sqlite, postgres] = desks.each_ref().map(|desk| desk.found(&asked));
        let q = format!("seed {SEED}, search {number} of {}: {}", asked.path, desks[0].q(&asked));
        assert_eq!(sqlite, postgres, "{q}");
        let Ok((found, count)) = sqlite else { continue };
        assert_eq!(count, found.len(), "{q}");
        if asked.path == "/contents"
            && let Some(expected) = expected(&asked, &told)
        {
            assert_eq!(found, expected, "{q}");
            by_model += 1;
        }
        hits += usize::from(!found.is_empty());
    }
    assert!(hits > SEARCHES_OF_EACH && by_model > 40, "{hits} searches found something, {by_model} were modelled");
}
