//! Fuzz targets as plain functions: any bytes go in, and a broken promise is a panic. `tests/replay.rs` feeds them the
//! seed corpora and thousands of mutations on stable Rust; `cargo-fuzz/` hands them to libFuzzer.
//!
//! An input is text where it can be, so that a seed can be read and written by hand: its first lines are the small
//! arguments, the rest is the body.

use frontdesk_model::business_time::{BusinessHours, Hours};
use frontdesk_model::dates::{CHARACTERS_MAX, Context, Weekday, parse, parse_day};
use frontdesk_model::query::{self, CONDITIONS_MAX, Keyword, Language, QUERY_CHARACTERS_MAX, Takes};
use frontdesk_model::{Error, Timestamp, structured, time_zones};
use frontdesk_rest::{NAME_LEVELS_MAX, parameters as read_parameters, parse_pairs};
use frontdesk_routing::topologies::config;
use frontdesk_sources::inbound::{ContentObject, Inbound, InboundContent};
use frontdesk_sources::ingress::Happening;
use frontdesk_sources::outbound::{Answer, Failure};
use frontdesk_sources::sdk::{Implementation, Info, PolledAnswer, limits, parse_send_api, read_info, read_list};
use frontdesk_sources::youtube;
use serde_json::Value;

/// The parameter parser. Input: the query string, a line with the content type (empty: none), the body.
pub fn parameters(data: &[u8]) {
    let (query, rest) = line(data);
    let (content_type, body) = line(rest);
    let content_type = std::str::from_utf8(content_type).ok().filter(|text| !text.is_empty());

    let from_query = parse_pairs(query);
    if let Ok(bag) = &from_query {
        for (name, value) in bag {
            require_plain(name);
            walk(value, 1);
        }
    }
    match read_parameters(query, content_type, body) {
        Ok(bag) => {
            let from_query = from_query.as_ref().expect("a bag was read from a query that is unreadable alone");
            // The body wins, name by name; what it does not name is as the query gave it.
            let is_form = content_type == Some("application/x-www-form-urlencoded");
            if body.is_empty() {
                assert_eq!(&bag, from_query);
            } else if is_form {
                let from_body = parse_pairs(body).expect("a bag was read from a form that is unreadable alone");
                for (name, value) in &bag {
                    assert_eq!(Some(value), from_body.get(name).or_else(|| from_query.get(name)), "{name}");
                }
                assert!(from_body.keys().chain(from_query.keys()).all(|name| bag.contains_key(name)));
            }
        }
        Err(error) => require_refusal(&error),
    }
    if let Err(error) = &from_query {
        require_refusal(error);
    }
}

/// What Facebook sends by itself. Input: the body of a webhook. Whatever it is, it is cut into events with keys, and each
/// is read within the limits or refused with a sentence.
pub fn hooks(data: &[u8]) {
    require_told("facebook", data);
}

/// The same of X.
pub fn posts(data: &[u8]) {
    require_told("twtr", data);
}

/// What YouTube answers and what its hub tells. Input: a line with the status, a line with what was asked (`threads`,
/// `replies`, `account`; else it is the hub), the body.
pub fn comments(data: &[u8]) {
    let (status, rest) = line(data);
    let (asked, body) = line(rest);
    let status = std::str::from_utf8(status).ok().and_then(|status| status.parse().ok()).unwrap_or(200);
    let now = Timestamp::from_micros(1_800_000_000_000_000);
    let answer = Answer { status, headers: Vec::new(), body, truncated: false, now };
    let require_failure = |failure: &Failure| require_sentence(&failure.message);
    let require_comment = |content: &InboundContent| {
        require_happening(&Happening::Content(Box::new(content.clone())));
        assert!(
            content.thread_foreign_id.is_some() && content.source_url.iter().all(|url| url.starts_with("https://"))
        );
    };
    match asked {
        b"threads" => match youtube::read_threads(&answer, "UCus", None) {
            Ok(page) => {
                assert!(page.items.len() + page.skipped.len() <= youtube::limits::COMMENTS_PER_PAGE);
                page.skipped.iter().for_each(|why| require_sentence(why));
                for thread in &page.items {
                    assert!(thread.replies.len() <= youtube::limits::COMMENTS_PER_PAGE && thread.replies_count >= 0);
                    std::iter::once(&thread.first).chain(&thread.replies).for_each(require_comment);
                }
            }
            Err(failure) => require_failure(&failure),
        },
        b"replies" => {
            let first = InboundContent::new(ContentObject::Comment, "Ug1");
            match youtube::read_comments(&answer, &first, "UCus") {
                Ok(page) => page.items.iter().for_each(require_comment),
                Err(failure) => require_failure(&failure),
            }
        }
        b"account" => match youtube::read_account(&answer) {
            Ok(account) => account.iter().for_each(|account| {
                require_plain(&account.id);
                require_plain(&account.title);
            }),
            Err(failure) => require_failure(&failure),
        },
        _ => require_told("youtube", body),
    }
}

fn require_told(kind: &str, data: &[u8]) {
    let settings = frontdesk_sources::Settings::default();
    let ingress_of = |kind: &str| frontdesk_sources::kind(kind).and_then(|kind| kind.ingress.as_ref());
    let split = ingress_of(kind).expect("it is told").split;
    for event in split(data) {
        assert!((1..=64).contains(&event.key.len()) && event.name.len() <= 200, "{}", event.name);
        require_plain(&event.key);
        require_plain(&event.name);
        require_plain(&event.payload);
        event.accounts.iter().for_each(|account| require_plain(account));
        let read = ingress_of(event.kind).expect("events are for kinds that are told").read;
        match read(&settings, &event.payload) {
            Ok(happenings) => happenings.iter().flatten().for_each(require_happening),
            Err(why) => assert!(why.ends_with('.') && !why.contains('\n'), "{why}"),
        }
    }
}

fn require_happening(happening: &Happening) {
    let (Happening::Content(content) | Happening::Edited(content)) = happening else { return };
    assert!(content.foreign_id.len() <= 500 && !content.foreign_id.is_empty(), "{}", content.foreign_id);
    assert!(content.body.chars().count() <= 100_000 && content.attachments.len() <= 40, "{}", content.foreign_id);
    require_plain(&content.foreign_id);
    require_plain(&content.body);
    let author = content.author.as_ref().expect("somebody wrote it");
    require_plain(&author.foreign_id);
    require_plain(&author.screenname);
}

/// Nothing that a store would refuse gets through, and brackets nest only so deep.
fn walk(value: &Value, level: usize) {
    assert!(level <= NAME_LEVELS_MAX, "deeper than {NAME_LEVELS_MAX} levels");
    match value {
        Value::String(text) => require_plain(text),
        Value::Array(list) => list.iter().for_each(|value| walk(value, level + 1)),
        Value::Object(map) => map.iter().for_each(|(name, value)| {
            require_plain(name);
            walk(value, level + 1);
        }),
        other => assert!(other.is_null(), "pairs made {other}"),
    }
}

fn require_plain(text: &str) {
    assert!(!text.contains('\0'), "U+0000 in {text:?}");
}

fn require_refusal(error: &Error) {
    let Error::Refused(refusal) = error else { panic!("not a refusal: {error:?}") };
    assert!(matches!(refusal.status, 400 | 413 | 415 | 422), "{refusal:?}");
    assert!(!refusal.message.is_empty(), "{refusal:?}");
}

/// The Send API body. Input: a line with the source's options, separated by commas (a single hyphen: not known), then
/// the body.
pub fn send_api(data: &[u8]) {
    let (options, body) = line(data);
    let options = String::from_utf8_lossy(options);
    let list: Vec<String> = options.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let options = (options != "-").then_some(&list[..]);
    match parse_send_api(body, options) {
        Ok(Inbound::Content(content)) => require_bounded(&content),
        Ok(Inbound::Identity(author)) => require_id(&author.foreign_id),
        Ok(Inbound::ReadMark { foreign_id }) => require_id(&foreign_id),
        Ok(Inbound::TypingStart { thread_foreign_id, in_reply_to, .. })
        | Ok(Inbound::TypingStop { thread_foreign_id, in_reply_to }) => {
            thread_foreign_id.iter().chain(&in_reply_to).for_each(|id| require_id(id));
            assert!(thread_foreign_id.is_some() || in_reply_to.is_some(), "typing nowhere");
        }
        Err(error) => {
            assert!(matches!(error.status(), 400 | 413 | 422), "{error:?}");
            assert!(!error.message().is_empty() && !error.detail().is_empty(), "{error:?}");
        }
    }
}

fn require_bounded(content: &InboundContent) {
    require_id(&content.foreign_id);
    content.author.iter().chain(&content.recipient).for_each(|author| require_id(&author.foreign_id));
    content.thread_foreign_id.iter().chain(&content.in_reply_to).for_each(|id| require_id(id));
    require_plain(&content.body);
    assert!(content.body.chars().count() <= limits::BODY_CHARACTERS_MAX);
    assert!(content.title.iter().all(|title| title.chars().count() <= limits::TITLE_CHARACTERS_MAX));
    assert!(content.attachments.len() <= limits::ATTACHMENTS_MAX);
    assert!(
        content.actions.len() <= limits::LIST_ITEMS_MAX && content.foreign_categories.len() <= limits::LIST_ITEMS_MAX
    );
    assert!(content.context_data.len() <= limits::CONTEXT_FIELDS_MAX);
    assert!(content.structured_reply.iter().all(|reply| reply.to_string().len() <= limits::STRUCTURED_REPLY_BYTES_MAX));
}

fn require_id(id: &str) {
    require_plain(id);
    assert!(!id.is_empty() && id.chars().count() <= limits::ID_CHARACTERS_MAX, "{id:?}");
}

/// What a channel answers to `implementation.info`. Input: a line with the status, the body.
pub fn info(data: &[u8]) {
    let (status, body) = line(data);
    match read_info(&answer(status, body)) {
        Ok(Info::Told(told)) => {
            let shown = told.json();
            assert_eq!(Implementation::read(&shown).as_ref(), Ok(&told), "{shown}");
            let actions = shown["objects"]["messages"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let actions: Vec<String> = actions.map(str::to_owned).collect();
            for custom in told.custom_actions(ContentObject::Message, &actions, told.options()) {
                assert!(told.can(ContentObject::Message, custom) && !told.label(custom, "fr-CA").is_empty(), "{shown}");
            }
        }
        Ok(Info::NotImplemented) => {}
        Err(why) => require_sentence(&why),
    }
}

/// What a channel answers to a list action. Input: a line with the status, a line with the object, a line with the
/// source's options separated by commas, the body.
pub fn lists(data: &[u8]) {
    let (status, rest) = line(data);
    let (object, rest) = line(rest);
    let (options, body) = line(rest);
    let object = std::str::from_utf8(object).ok().and_then(ContentObject::named).unwrap_or(ContentObject::Message);
    let options = String::from_utf8_lossy(options);
    let options: Vec<String> = options.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    match read_list(&answer(status, body), object, &options) {
        Ok(slice) => {
            assert!(slice.contents.len() + slice.skipped.len() <= limits::LIST_OBJECTS_MAX);
            slice.newest_id.iter().for_each(|id| require_id(id));
            slice.skipped.iter().for_each(|why| assert!(!why.is_empty()));
            for content in &slice.contents {
                assert_eq!(content.object, object);
                require_bounded(content);
            }
        }
        Err(why) => require_sentence(&why),
    }
}

fn answer<'a>(status: &[u8], body: &'a [u8]) -> PolledAnswer<'a> {
    let status = std::str::from_utf8(status).ok().and_then(|status| status.parse().ok()).unwrap_or(200);
    PolledAnswer { status, body, truncated: false, signature_fits: None }
}

/// What people read of a failure: on one line, and not the whole answer.
fn require_sentence(text: &str) {
    assert!(!text.is_empty() && text.chars().count() <= limits::EXPLANATION_CHARACTERS_MAX + 100, "{text:?}");
    assert!(!text.chars().any(char::is_control), "{text:?}");
}

/// Structured messages. Input: JSON.
pub fn structured(data: &[u8]) {
    let Ok(Value::Object(given)) = serde_json::from_slice(data) else { return };
    let pictures = |_| Some(structured::File { extension: "png".into(), bytes: 1_000, public: true });
    let surroundings = structured::Surroundings { file: &pictures, payload: &|| "cafe".into() };
    for channel in structured::Channel::ALL {
        let read = match structured::parse(&given, Some(channel)) {
            Ok(read) => read,
            Err(refusal) => {
                require_refusal(&refusal);
                continue;
            }
        };
        let again = |one: &structured::Structured| {
            let Value::Object(fields) = one.clone().into_value() else { panic!("no object") };
            structured::parse(&fields, Some(channel)).expect("what was read is read again")
        };
        assert_eq!(again(&read), read);
        let _ = read.text();
        match read.adapt(channel, &surroundings) {
            Ok(fitted) => assert_eq!(again(&fitted), fitted, "{channel:?}"),
            Err(refusal) => require_refusal(&refusal),
        }
    }
}

/// Topologies. Input: the document as JSON.
pub fn topologies(data: &[u8]) {
    let Ok(document) = serde_json::from_slice::<Value>(data) else { return };
    let read = config::parse(&document);
    assert_eq!(config::parse(&document), read, "the same");
    match read {
        Ok(plan) => {
            assert!(!plan.steps.is_empty() && plan.steps.len() <= config::STEPS_MAX && plan.start < plan.steps.len());
            assert!(plan.queues.len() <= config::QUEUES_MAX);
            for (number, step) in plan.steps.iter().enumerate() {
                assert_eq!(plan.step(&step.name), Some(number), "a name leads to its step");
                assert!(step.ring_seconds > 0 && step.for_seconds.is_none_or(|stay| stay >= step.ring_seconds));
                let (mut at, mut passed) = (Some(number), 0);
                while let Some(place) = at {
                    passed += 1;
                    assert!(passed <= plan.steps.len(), "tasks go round in circles");
                    at = plan.steps[place].next;
                }
            }
            assert!(plan.queues.iter().all(|queue| queue.next.is_none_or(|next| next < plan.steps.len())));
        }
        Err(faults) => {
            assert!((1..=config::FAULTS_MAX).contains(&faults.len()));
            for fault in faults {
                let told = fault.to_string();
                assert!(!fault.kind.is_empty() && !told.trim().is_empty());
                assert!(!told.chars().any(char::is_control), "{told:?}");
            }
        }
    }
}

/// The signature check. Input: a line with the secret, a line with the signature, the body.
pub fn signature(data: &[u8]) {
    let (secret, rest) = line(data);
    let (given, body) = line(rest);
    let given = String::from_utf8_lossy(given);
    let right = frontdesk_net::sdk_signature(secret, body);
    let accepted = frontdesk_net::verify_sdk_signature(secret, body, &given);
    assert_eq!(accepted, !secret.is_empty() && given.to_ascii_lowercase() == right, "{given:?}");
    if !secret.is_empty() {
        assert!(frontdesk_net::verify_sdk_signature(secret, body, &right));
        assert!(!frontdesk_net::verify_sdk_signature(secret, &[body, b" "].concat(), &right));
        assert!(!frontdesk_net::verify_sdk_signature(&[secret, b"x"].concat(), body, &right));
    }
}

/// Dates as people write them. Input: a line with the present in microseconds, a line with the locale, the text.
pub fn dates(data: &[u8]) {
    let (now, rest) = line(data);
    let (locale, text) = line(rest);
    let now = std::str::from_utf8(now).ok().and_then(|now| now.parse().ok()).unwrap_or(1_800_000_000_000_000);
    let (locale, text) = (String::from_utf8_lossy(locale), String::from_utf8_lossy(text));
    let office = Hours::parse("32400-43200,50400-64800").unwrap_or_default();
    let zone = time_zones::find("Europe/Paris").expect("a zone");
    let hours = BusinessHours::new(zone.clone(), std::array::from_fn(|_| office.clone()), []);
    let context = Context {
        now: Timestamp::from_micros(now),
        locale: &locale,
        time_zone: zone,
        first_weekday: Weekday::Monday,
        business: Some(&hours),
    };
    if let Some(at) = parse(&text, &context) {
        assert!(text.trim().chars().count() <= CHARACTERS_MAX, "{text}");
        // The same text means the same, and a meaning can be shown.
        assert_eq!(parse(&text, &context), Some(at));
        assert!(!at.rest().is_empty());
    }
    if let Some(day) = parse_day(&text, &locale) {
        assert_eq!(parse_day(&day.to_string(), &locale), Some(day), "{text}");
    }
}

/// A language with a keyword of every kind, for [`searches`].
const THINGS: Language<u8> = Language {
    noun: "things",
    has_text: true,
    orders: &["created_at", "size"],
    keywords: &[
        Keyword::new("id", Takes::Id, 0, "The one with this id."),
        Keyword::new("open", Takes::Boolean, 1, "Open ones."),
        Keyword::positive("after", Takes::Date, 2, "Later ones."),
        Keyword::new("state", Takes::Name(&["new", "old"]), 3, "In this state."),
        Keyword::positive("name", Takes::Text, 4, "With this name."),
    ],
};

/// Searches. Input: the text of `q`.
pub fn searches(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let read = || query::parse(&text).and_then(|terms| THINGS.read(&terms, Timestamp::parse_iso));
    match read() {
        Ok(found) => {
            assert!(text.chars().count() <= QUERY_CHARACTERS_MAX && found.conditions.len() <= CONDITIONS_MAX);
            assert!(THINGS.orders.contains(&found.order));
            for condition in &found.conditions {
                let keyword = &THINGS.keywords[usize::from(condition.means)];
                assert!(!condition.values.is_empty() && (keyword.negatable || !condition.negated), "{text:?}");
            }
            assert_eq!(read().expect("the same").conditions, found.conditions);
        }
        Err(Error::Refused(refusal)) => {
            assert!(refusal.status == 400 && refusal.message.starts_with("q: "), "{text:?}")
        }
        Err(other) => panic!("{text:?}: {other:?}"),
    }
}

/// The first line without its end, and what follows it.
fn line(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[]),
    }
}
