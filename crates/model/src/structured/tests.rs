use std::cell::Cell;

use proptest::prelude::*;
use serde_json::json;

use super::adapt::{cut, each};
use super::channels::{Rule, Unit};
use super::*;
use crate::{Error, Result};

const PUBLIC: &str = "0123456789abcdef00000001";
const PRIVATE: &str = "0123456789abcdef00000002";
const BITMAP: &str = "0123456789abcdef00000003";
const VIDEO: &str = "0123456789abcdef00000004";
const HUGE: &str = "0123456789abcdef00000005";
const GIF: &str = "0123456789abcdef00000006";
const UNKNOWN: &str = "0123456789abcdef00000009";

fn file(id: Id) -> Option<File> {
    let file = |extension: &str, bytes: u64, public| Some(File { extension: extension.into(), bytes, public });
    match id.hex().as_str() {
        PUBLIC => file("png", 5 * 1024 * 1024, true),
        PRIVATE => file("jpg", 1, false),
        BITMAP => file("bmp", 1, true),
        VIDEO => file("mp4", 1, true),
        HUGE => file("png", 5 * 1024 * 1024 + 1, true),
        GIF => file("gif", 1, true),
        _ => None,
    }
}

fn read(given: &Value, channel: Option<Channel>) -> Result<Structured> {
    parse(given.as_object().expect("an object"), channel)
}

fn fit(structured: &Structured, channel: Channel) -> Result<Structured> {
    let count = Cell::new(0);
    let payload = || {
        count.set(count.get() + 1);
        format!("made-{}", count.get())
    };
    structured.adapt(channel, &Surroundings { file: &file, payload: &payload })
}

fn fitted(given: &Value, channel: Channel) -> Value {
    let read = read(given, Some(channel)).unwrap_or_else(|error| panic!("{given}: {error}"));
    fit(&read, channel).unwrap_or_else(|error| panic!("{channel:?} {given}: {error}")).into_value()
}

/// What is wrong, as attribute and kind.
fn wrong<T: std::fmt::Debug>(refused: Result<T>) -> Vec<(String, String)> {
    match refused {
        Err(Error::Refused(refusal)) => {
            assert_eq!(refusal.status, 422);
            refusal.errors.into_iter().map(|error| (error.attribute, error.kind)).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn refused(given: &Value) -> Vec<(String, String)> {
    wrong(read(given, None))
}

fn reply() -> Value {
    json!({ "type": "reply", "title": "Ok" })
}

/// A small one of each type.
fn least(kind: Kind) -> Value {
    let pages = json!([{ "page_id": "p", "type": "input", "title": "T", "submit_form": true }]);
    match kind {
        Kind::Select => json!({ "type": "select", "items": [{ "title": "One" }] }),
        Kind::RichLink => json!({ "type": "rich_link", "title": "T", "url": "https://a.example/x" }),
        Kind::Template => json!({ "type": "template", "title": "T", "items": [reply()] }),
        Kind::Carousel => json!({ "type": "carousel", "items": [{ "title": "T", "items": [reply()] }] }),
        Kind::List => json!({ "type": "list", "title": "T", "items": [{ "title": "One", "payload": "1" }] }),
        Kind::TimeSelect => json!({ "type": "time_select", "timeslots": [
            { "duration": 3600, "start_time": "2020-04-26T08:00+0200", "identifier": "1" }] }),
        Kind::Form => json!({ "type": "form", "title": "T", "first_page_id": "p", "pages": pages }),
        Kind::ApplePay => json!({ "type": "apple_pay", "payment_gateway_url": "https://a.example",
            "merchant_session": { "x": 1 }, "merchant_identifier": "m", "merchant_capabilities": ["supports3DS"],
            "supported_networks": ["visa"], "merchant_name": "M", "country_code": "FR", "currency_code": "EUR",
            "total": { "amount": "9.00", "label": "Basket", "type": "final" } }),
        Kind::Authenticate => json!({ "type": "authenticate", "response_body": "Done" }),
    }
}

/// The same with another value at a JSON pointer, whose last part may be new.
fn with(mut given: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    match given.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}")) {
        Value::Array(list) => match name.parse::<usize>() {
            Ok(at) if at < list.len() => list[at] = value,
            _ => list.push(value),
        },
        parent => parent[name] = value,
    }
    given
}

#[test]
fn the_grid_is_the_public_one() {
    use Channel::*;
    #[rustfmt::skip]
    let grid = [
        // select, rich_link, template, carousel, list, time_select, form, apple_pay, authenticate
        (Apple,     [1, 1, 0, 0, 1, 1, 1, 1, 1]),
        (Messenger, [1, 1, 1, 1, 0, 0, 0, 0, 0]),
        (Messaging, [1, 1, 1, 1, 0, 0, 0, 0, 0]),
        (Google,    [1, 1, 1, 1, 0, 0, 0, 0, 0]),
        (Sdk,       [1, 1, 1, 1, 0, 0, 0, 0, 0]),
        (Twitter,   [0, 0, 0, 0, 0, 0, 0, 0, 0]),
        (Viber,     [0, 0, 0, 0, 0, 0, 0, 0, 0]),
        (WhatsApp,  [0, 0, 1, 0, 1, 0, 0, 0, 0]),
        (Instagram, [1, 1, 1, 1, 0, 0, 0, 0, 0]),
    ];
    assert_eq!(grid.map(|(channel, _)| channel), Channel::ALL);
    for (channel, row) in grid {
        for (kind, takes) in Kind::ALL.into_iter().zip(row) {
            assert_eq!(channel.takes(kind), takes == 1, "{channel:?} {kind:?}");
            let read = read(&least(kind), Some(channel)).unwrap();
            assert_eq!(fit(&read, channel).is_ok(), takes == 1, "{channel:?} {kind:?}");
        }
        assert_eq!(channel.capabilities().len(), row.iter().sum::<i32>() as usize);
    }
}

#[test]
fn every_text_has_the_public_limit() {
    let card = |mut given: Value| {
        given["url"] = json!("https://a.example");
        given
    };
    for (given, pointer, max) in [
        (least(Kind::Select), "/items/0/title", 80),
        (least(Kind::Select), "/items/0/payload", 1_000),
        (least(Kind::RichLink), "/title", 350),
        (least(Kind::RichLink), "/subtitle", 1_000),
        (least(Kind::RichLink), "/url_text", 80),
        (least(Kind::Template), "/title", 350),
        (least(Kind::Template), "/subtitle", 1_000),
        (card(least(Kind::Template)), "/url_text", 80),
        (least(Kind::Template), "/items/0/title", 80),
        (least(Kind::Template), "/items/0/payload", 1_000),
        (least(Kind::Carousel), "/items/0/title", 350),
        (least(Kind::Carousel), "/items/0/subtitle", 1_000),
        (with(least(Kind::Carousel), "/items/0/url", json!("https://a.example")), "/items/0/url_text", 80),
        (least(Kind::Carousel), "/items/0/items/0/title", 80),
        (least(Kind::Carousel), "/items/0/items/0/payload", 1_000),
        (least(Kind::List), "/title", 1_024),
        (least(Kind::List), "/subtitle", 512),
        (least(Kind::List), "/items/0/title", 80),
        (least(Kind::List), "/items/0/subtitle", 100),
        (least(Kind::List), "/items/0/payload", 200),
    ] {
        let name = pointer[1..].split('/').map(|part| format!("[{part}]")).collect::<String>();
        let attribute = format!("structured_content{name}");
        let ascii = pointer.ends_with("payload");
        let letter = if ascii { "x" } else { "\u{e9}" };
        let kept = read(&with(given.clone(), pointer, letter.repeat(max).into()), None).unwrap().into_value();
        assert_eq!(kept.pointer(pointer), Some(&json!(letter.repeat(max))));
        let long = with(given.clone(), pointer, letter.repeat(max + 1).into());
        assert_eq!(refused(&long), [(attribute.clone(), "too_long".into())], "{pointer}");
        for odd in [json!(5), json!(["x"]), json!({ "x": 1 }), json!(true), json!("a\u{0}b")] {
            assert_eq!(refused(&with(given.clone(), pointer, odd)), [(attribute.clone(), "invalid".into())]);
        }
        if ascii {
            assert_eq!(refused(&with(given, pointer, json!("\u{e9}"))), [(attribute, "invalid".into())]);
        }
    }
}

#[test]
fn lists_have_the_public_limits() {
    let cards = least(Kind::Carousel)["items"][0].clone();
    let slot = least(Kind::TimeSelect)["timeslots"][0].clone();
    for (given, pointer, item, max) in [
        (least(Kind::Select), "/items", json!({ "title": "T" }), 13),
        (least(Kind::Template), "/items", reply(), 4),
        (least(Kind::Carousel), "/items", cards, 10),
        (least(Kind::Carousel), "/items/0/items", reply(), 4),
        (least(Kind::List), "/items", json!({ "title": "T" }), 10),
        (least(Kind::TimeSelect), "/timeslots", slot, 100),
    ] {
        let name = pointer[1..].split('/').map(|part| format!("[{part}]")).collect::<String>();
        let attribute = format!("structured_content{name}");
        let full = |count: usize| with(given.clone(), pointer, vec![item.clone(); count].into());
        assert!(read(&full(max), None).is_ok(), "{pointer}");
        assert_eq!(refused(&full(max + 1)), [(attribute.clone(), "too_many".into())]);
        for blank in [json!([]), json!(null), json!("")] {
            assert_eq!(refused(&with(given.clone(), pointer, blank)), [(attribute.clone(), "blank".into())]);
        }
        for odd in [json!("x"), json!({ "0": item }), json!(7)] {
            assert_eq!(refused(&with(given.clone(), pointer, odd)), [(attribute.clone(), "invalid".into())]);
        }
        let place = format!("{attribute}[0]");
        assert_eq!(refused(&with(given.clone(), pointer, json!(["x"]))), [(place, "invalid".into())]);
    }
    let sections = |count: usize| {
        let section = |at: usize| json!({ "title": "S", "identifier": at.to_string() });
        let item = |at: usize| json!({ "title": "T", "section_identifier": at.to_string() });
        let (sections, items): (Vec<Value>, Vec<Value>) = (0..count).map(|at| (section(at), item(at))).unzip();
        json!({ "type": "list", "title": "T", "sections": sections, "items": items })
    };
    assert!(read(&sections(10), None).is_ok());
    assert_eq!(refused(&sections(11))[0], ("structured_content[sections]".into(), "too_many".into()));
    for (name, max) in [("title", 24), ("identifier", 200)] {
        let long = "x".repeat(max + 1);
        let given = with(sections(2), &format!("/sections/1/{name}"), long.into());
        assert_eq!(refused(&given), [(format!("structured_content[sections][1][{name}]"), "too_long".into())]);
    }
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let template = |item: Value| json!({ "type": "template", "title": "T", "items": [reply(), item] });
    let list =
        |sections: Value, items: Value| json!({ "type": "list", "title": "T", "sections": sections, "items": items });
    let section = |id: &str| json!({ "title": "S", "identifier": id });
    let form = |pages: Value| json!({ "type": "form", "title": "T", "first_page_id": "a", "pages": pages });
    let url = |url: &str| with(least(Kind::RichLink), "/url", url.into());
    let pick = json!([{ "id": "1", "title": "One", "next_page_id": "b" }]);
    #[rustfmt::skip]
    let table = [
        (json!({}), "[type]", "blank"),
        (json!({ "type": "" }), "[type]", "blank"),
        (json!({ "type": "dance" }), "[type]", "invalid"),
        (json!({ "type": ["select"] }), "[type]", "invalid"),
        (json!({ "type": "select" }), "[items]", "blank"),
        (json!({ "type": "select", "items": [{ "title": "One" }, { "title": " " }] }), "[items][1][title]", "blank"),
        (json!({ "type": "rich_link", "title": "T" }), "[url]", "blank"),
        (json!({ "type": "rich_link", "url": "https://a.example" }), "[title]", "blank"),
        (url("example.com"), "[url]", "invalid"),
        (url("javascript:alert(1)"), "[url]", "invalid"),
        (url("data:text/html,x"), "[url]", "invalid"),
        (url("?data"), "[url]", "invalid"),
        (url(&format!("https://a.example/{}", "x".repeat(2_048))), "[url]", "too_long"),
        (with(least(Kind::RichLink), "/url_fallback", json!("github://x")), "[url_fallback]", "invalid"),
        (with(least(Kind::RichLink), "/target", json!("nowhere")), "[target]", "invalid"),
        (with(least(Kind::RichLink), "/attachment_id", json!("picture")), "[attachment_id]", "unknown"),
        (template(json!({ "title": "T" })), "[items][1][type]", "blank"),
        (template(json!({ "title": "T", "type": "call" })), "[items][1][type]", "invalid"),
        (template(json!({ "title": "T", "type": "url" })), "[items][1][url]", "blank"),
        (template(json!({ "type": "reply" })), "[items][1][title]", "blank"),
        (json!({ "type": "carousel", "items": [{ "title": "T" }] }), "[items][0][items]", "blank"),
        (with(with(least(Kind::Carousel), "/items/0/attachment_id", json!(PUBLIC)), "/items/1",
            json!({ "title": "T", "items": [reply()] })), "[items][1][attachment_id]", "blank"),
        (list(json!([section("a")]), json!([{ "title": "T" }])), "[sections][0][identifier]", "unused"),
        (list(json!([section("a"), section("b")]), json!([{ "title": "T", "section_identifier": "a" }])),
            "[sections][1][identifier]", "unused"),
        (list(json!([section("a"), section("a")]), json!([{ "title": "T", "section_identifier": "a" }])),
            "[sections][1][identifier]", "taken"),
        (list(json!([section("a")]), json!([{ "title": "T", "section_identifier": "a" },
            { "title": "T", "section_identifier": "x" }])), "[items][1][section_identifier]", "unknown"),
        (list(json!([{ "identifier": "a" }, section("b")]), json!([{ "title": "T", "section_identifier": "a" },
            { "title": "T", "section_identifier": "b" }])), "[sections][0][title]", "blank"),
        (with(least(Kind::TimeSelect), "/timeslots/0/start_time", json!("tomorrow")), "[timeslots][0][start_time]", "invalid"),
        (with(least(Kind::TimeSelect), "/timeslots/0/start_time", json!("2020-02-30T08:00Z")), "[timeslots][0][start_time]", "invalid"),
        (with(least(Kind::TimeSelect), "/timeslots/0/duration", json!(0)), "[timeslots][0][duration]", "invalid"),
        (with(least(Kind::TimeSelect), "/location", json!({ "latitude": 91, "longitude": 0 })), "[location][latitude]", "invalid"),
        (form(json!([])), "[first_page_id]", "unknown"),
        (form(json!([{ "page_id": "a", "type": "input", "title": "T" }])), "[pages][0][next_page_id]", "blank"),
        (form(json!([{ "page_id": "a", "type": "input", "title": "T", "next_page_id": "b" }])), "[pages][0][next_page_id]", "unknown"),
        (form(json!([{ "page_id": "a", "type": "chat", "title": "T" }])), "[pages][0][type]", "invalid"),
        (form(json!([{ "page_id": "a", "type": "picker", "title": "T", "submit_form": true }])), "[pages][0][items]", "blank"),
        (form(json!([{ "page_id": "a", "type": "select", "title": "T", "items": pick }])),
            "[pages][0][items][0][next_page_id]", "unknown"),
        (form(json!([{ "page_id": "a", "type": "select", "title": "T", "items": [{ "id": "1", "title": "One" }] }])),
            "[pages][0][items][0][next_page_id]", "blank"),
        (form(json!([{ "page_id": "a", "type": "input", "title": "T", "submit_form": true, "options": { "input_type": "x" } }])),
            "[pages][0][options][input_type]", "invalid"),
        (with(least(Kind::ApplePay), "/country_code", json!("France")), "[country_code]", "invalid"),
        (with(least(Kind::ApplePay), "/total/type", json!("pending")), "[total][type]", "invalid"),
        (with(least(Kind::ApplePay), "/total/amount", json!("a lot")), "[total][amount]", "invalid"),
        (with(least(Kind::ApplePay), "/merchant_session", json!({ "x": "x".repeat(17_000) })), "[merchant_session]", "too_long"),
    ];
    for (given, attribute, kind) in table {
        let expected = (format!("structured_content{attribute}"), kind.to_owned());
        assert!(refused(&given).contains(&expected), "{given}: {:?}", refused(&given));
    }
    // All mistakes at once.
    let both = json!({ "type": "rich_link", "subtitle": 5 });
    assert_eq!(refused(&both).len(), 3);
}

#[test]
fn what_nobody_knows_or_what_does_not_count_is_ignored() {
    for (given, kept) in [
        (
            json!({ "type": "select", "colour": "red", "items": [{ "title": "T", "x": { "0": 1 } }] }),
            least(Kind::Select),
        ),
        (
            json!({ "type": "template", "title": "T", "url_fallback": 5, "url_text": 5, "webview_height": 5, "items": [
                { "type": "reply", "title": "Ok", "url": 5, "url_fallback": 5, "target": 5 }] }),
            least(Kind::Template),
        ),
        (
            json!({ "type": "list", "title": "T", "items": [{ "title": "One", "payload": "1", "section_identifier": "x" }] }),
            least(Kind::List),
        ),
        (
            json!({ "type": "authenticate", "response_body": "Done", "attachment_fallback_id": 5 }),
            least(Kind::Authenticate),
        ),
    ] {
        let mut expected = kept;
        if let Some(title) =
            expected.pointer_mut("/items/0/title").filter(|title| **title == "One" && given["type"] == "select")
        {
            *title = json!("T");
        }
        assert_eq!(read(&given, None).unwrap().into_value(), expected, "{given}");
    }
    let url = json!({ "type": "url", "title": "Go", "payload": "\u{e9}", "url": "https://a.example" });
    let kept = read(&json!({ "type": "template", "title": "T", "items": [url] }), None).unwrap().into_value();
    assert_eq!(kept["items"][0], json!({ "type": "url", "title": "Go", "url": "https://a.example" }));
}

#[test]
fn both_spellings_are_read() {
    let given = json!({ "type": "list", "title": "T",
        "sections": [{ "identifier": "a", "multiple_section": true }],
        "items": [{ "title": "One", "description": "First", "section_identifier": "a" }] });
    let kept = read(&given, None).unwrap().into_value();
    assert_eq!(
        (&kept["sections"][0]["multiple_selection"], &kept["items"][0]["subtitle"]),
        (&json!(true), &json!("First"))
    );
    // Forms have texts only.
    let form =
        json!({ "type": "select", "center_items": "true", "disable_text_input": "0", "items": [{ "title": "T" }] });
    let kept = read(&form, None).unwrap().into_value();
    assert_eq!((&kept["center_items"], &kept["disable_text_input"]), (&json!(true), &json!(false)));
}

#[test]
fn a_channel_takes_what_its_page_says() {
    use Channel::*;
    let rich = |more: Value| {
        let mut given = least(Kind::RichLink);
        more.as_object().unwrap().iter().for_each(|(name, value)| given[name] = value.clone());
        given
    };
    let in_section = with(least(Kind::List), "/items/0/section_identifier", json!("s"));
    let sections = with(in_section, "/sections", json!([{ "identifier": "s" }]));
    let subtitled = with(least(Kind::Template), "/subtitle", json!("S"));
    let pictured = with(subtitled.clone(), "/attachment_id", json!(PUBLIC));
    let card = with(least(Kind::Carousel), "/items/0/subtitle", json!("S"));
    let picture = |given: &Value| with(given.clone(), "/attachment_id", json!(PUBLIC));
    // Channels, type, attribute, its length there, in UTF-16 code units or not.
    #[rustfmt::skip]
    let table: Vec<(&[Channel], Value, &str, usize, bool)> = vec![
        (&[Messenger, Instagram], least(Kind::Select), "/items/0/title", 20, false),
        (&[Google], least(Kind::Select), "/items/0/title", 25, false),
        (&[Messenger, Instagram], least(Kind::RichLink), "/title", 80, false),
        (&[Messenger, Instagram], least(Kind::RichLink), "/subtitle", 80, false),
        (&[Messenger], least(Kind::RichLink), "/url_text", 20, false),
        (&[Google], least(Kind::RichLink), "/title", 200, false),
        (&[Google], least(Kind::RichLink), "/url_text", 25, false),
        (&[Apple], least(Kind::RichLink), "/title", 200, false),
        (&[Messenger, Instagram], subtitled.clone(), "/title", 80, false),
        (&[Messenger], picture(&least(Kind::Template)), "/title", 80, false),
        (&[Messenger, Instagram], subtitled.clone(), "/subtitle", 80, false),
        (&[Messenger, Instagram], least(Kind::Template), "/items/0/title", 20, false),
        (&[Google], least(Kind::Template), "/title", 200, false),
        (&[Google], least(Kind::Template), "/items/0/title", 25, false),
        (&[WhatsApp], subtitled.clone(), "/title", 60, true),
        (&[WhatsApp], pictured, "/subtitle", 963, true),
        (&[WhatsApp], least(Kind::Template), "/footer", 60, true),
        (&[WhatsApp], least(Kind::Template), "/items/0/title", 20, true),
        (&[Messenger, Instagram], card.clone(), "/items/0/title", 80, false),
        (&[Messenger, Instagram], card, "/items/0/subtitle", 80, false),
        (&[Messenger, Instagram], least(Kind::Carousel), "/items/0/items/0/title", 20, false),
        (&[Google], least(Kind::Carousel), "/items/0/title", 200, false),
        (&[Google], least(Kind::Carousel), "/items/0/items/0/title", 25, false),
        (&[WhatsApp], least(Kind::List), "/button", 20, true),
        (&[WhatsApp], least(Kind::List), "/header", 60, true),
        (&[WhatsApp], least(Kind::List), "/subtitle", 60, true),
        (&[WhatsApp], sections, "/sections/0/title", 24, true),
        (&[WhatsApp], least(Kind::List), "/items/0/title", 24, true),
        (&[WhatsApp], least(Kind::List), "/items/0/subtitle", 72, true),
        (&[Apple], least(Kind::List), "/title", 512, true),
        (&[Apple], least(Kind::List), "/subtitle", 512, true),
    ];
    let generic = |given: &Value, pointer: &str| {
        // The longest that may be sent at all.
        [1_000, 1_024, 512, 350, 100, 80, 24].into_iter().find(|length| {
            *length <= 1_024 && read(&with(given.clone(), pointer, "x".repeat(*length).into()), None).is_ok()
        })
    };
    for (channels, given, pointer, max, utf16) in table {
        for channel in channels {
            let text_of = |text: &str| {
                let out = fitted(&with(given.clone(), pointer, text.into()), *channel);
                out.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
            };
            let longest = generic(&given, pointer).unwrap();
            let what = format!("{channel:?} {} {pointer}", given["type"]);
            let plain = "x".repeat(max.min(longest));
            assert_eq!(text_of(&plain), plain, "{what}");
            // An emoji is one character and two UTF-16 code units: it is never halved.
            for letter in ["x", "\u{e9}", "\u{1f600}"] {
                let short = text_of(&letter.repeat(longest));
                let length = if utf16 { short.encode_utf16().count() } else { short.chars().count() };
                let whole = if utf16 { letter.repeat(longest).encode_utf16().count() } else { longest };
                if whole > max {
                    assert!(short.ends_with('…') && (max - 1..=max).contains(&length), "{what}: {length} {short}");
                } else {
                    assert_eq!(short, letter.repeat(longest), "{what}");
                }
            }
        }
    }
    // Wider than elsewhere: beyond the general limit, and refused beyond this one.
    for (channel, given, pointer, max) in [
        (Messenger, least(Kind::Template), "/title", 640),
        (WhatsApp, least(Kind::Template), "/title", 1_000),
        (Apple, least(Kind::List), "/items/0/subtitle", 512),
    ] {
        let of = |length: usize| with(given.clone(), pointer, "x".repeat(length).into());
        assert_eq!(fitted(&of(max), channel).pointer(pointer), Some(&json!("x".repeat(max))));
        assert_eq!(wrong(read(&of(max + 1), Some(channel)))[0].1, "too_long");
        assert_eq!(wrong(read(&of(max), None))[0].1, "too_long");
    }
    // What others do not look at.
    let linked = with(least(Kind::Template), "/url", json!("https://a.example"));
    let linked_card = with(least(Kind::Carousel), "/items/0/url", json!("https://a.example"));
    let full = rich(json!({ "subtitle": "S", "attachment_id": PUBLIC, "target": "webview", "webview_height": "tall" }));
    let footed = with(least(Kind::Template), "/footer", json!("F"));
    for (given, pointer, kept) in [
        (with(least(Kind::Select), "/center_items", json!(true)), "/center_items", vec![Messaging]),
        (with(least(Kind::Select), "/disable_text_input", json!(true)), "/disable_text_input", vec![Messaging]),
        (with(least(Kind::Select), "/items/0/attachment_id", json!(PUBLIC)), "/items/0/attachment_id", vec![Messenger]),
        (full.clone(), "/target", vec![Messaging]),
        (full.clone(), "/webview_height", vec![Messaging]),
        (full.clone(), "/subtitle", vec![Messenger, Messaging, Google, Sdk, Instagram]),
        (full.clone(), "/url_text", vec![Messaging, Google, Sdk]),
        (full, "/attachment_id", vec![Apple, Messenger, Messaging, Google, Sdk, Instagram]),
        (least(Kind::RichLink), "/url_text", vec![Messenger, Messaging, Google, Sdk]),
        (linked.clone(), "/url", vec![Messenger, Messaging, Sdk, Instagram]),
        (linked, "/url_text", vec![Messaging, Sdk]),
        (linked_card.clone(), "/items/0/url", vec![Messenger, Messaging, Sdk, Instagram]),
        (linked_card, "/items/0/url_text", vec![Messaging, Sdk]),
        (footed, "/footer", vec![WhatsApp]),
        (least(Kind::Select), "/items/0/payload", vec![Messenger, Google, Instagram]),
        (least(Kind::Template), "/items/0/payload", vec![Messenger, Google, WhatsApp, Instagram]),
        (least(Kind::Carousel), "/items/0/items/0/payload", vec![Messenger, Google, Instagram]),
        (with(least(Kind::List), "/items/0", json!({ "title": "T" })), "/items/0/payload", vec![Apple, WhatsApp]),
        (least(Kind::List), "/button", vec![WhatsApp]),
        (with(least(Kind::List), "/header", json!("H")), "/header", vec![WhatsApp]),
        (with(least(Kind::List), "/attachment_id", json!(PUBLIC)), "/attachment_id", vec![Apple]),
    ] {
        let read = read(&given, None).unwrap();
        for channel in Channel::ALL.into_iter().filter(|channel| channel.takes(read.kind())) {
            let out = fitted(&given, channel);
            assert_eq!(out.pointer(pointer).is_some(), kept.contains(&channel), "{channel:?} {pointer} {out}");
        }
    }
}

#[test]
fn more_items_than_a_channel_takes_are_dropped() {
    use Channel::*;
    let item = |at: usize| json!({ "type": "reply", "title": format!("{at}"), "payload": "p" });
    let buttons: Vec<Value> = (0..4).map(item).collect();
    let card = json!({ "title": "T", "items": buttons });
    for (channel, most) in [(Messenger, 3), (Messaging, 4), (Google, 4), (Sdk, 4), (WhatsApp, 3), (Instagram, 3)] {
        let out = fitted(&json!({ "type": "template", "title": "T", "items": buttons }), channel);
        assert_eq!(out["items"], Value::from(buttons[..most].to_vec()), "{channel:?}");
        if channel.takes(Kind::Carousel) {
            let out = fitted(&json!({ "type": "carousel", "items": vec![card.clone(); 10] }), channel);
            assert_eq!(out["items"].as_array().unwrap().len(), 10);
            assert_eq!(out["items"][9]["items"], Value::from(buttons[..most].to_vec()), "{channel:?}");
        }
    }
    // WhatsApp's buttons send something back.
    let url = json!({ "type": "url", "title": "Go", "url": "github://x" });
    let mixed = json!({ "type": "template", "title": "T", "items": [url, buttons[0], buttons[1], buttons[2]] });
    assert_eq!(fitted(&mixed, WhatsApp)["items"], Value::from(buttons[..3].to_vec()));
    let none = read(&json!({ "type": "template", "title": "T", "items": [url] }), None).unwrap();
    assert_eq!(wrong(fit(&none, WhatsApp)), [("structured_content[items]".into(), "not_supported".into())]);
    let long = with(least(Kind::Template), "/items/0/payload", "x".repeat(257).into());
    let long = read(&long, None).unwrap();
    assert_eq!(wrong(fit(&long, WhatsApp)), [("structured_content[items][0][payload]".into(), "too_long".into())]);
}

#[test]
fn values_that_a_channel_demands_are_made() {
    let out = fitted(
        &json!({ "type": "select", "items": [{ "title": "A" }, { "title": "B", "payload": "b" }, { "title": "C" }] }),
        Channel::Google,
    );
    let payloads: Vec<&Value> = out["items"].as_array().unwrap().iter().map(|item| &item["payload"]).collect();
    assert_eq!(payloads, [&json!("made-1"), &json!("b"), &json!("made-2")]);
    let url = json!({ "type": "url", "title": "Go", "url": "https://a.example" });
    let out = fitted(&json!({ "type": "template", "title": "T", "items": [url] }), Channel::Google);
    assert!(out["items"][0].get("payload").is_none());
    for (url, text) in [
        ("https://shop.example:8080/a?b", Some("shop.example")),
        ("github://github.com/x", Some("github.com")),
        ("tel:+33123", None),
    ] {
        let out = fitted(&with(least(Kind::RichLink), "/url", url.into()), Channel::Messaging);
        assert_eq!(out.get("url_text").and_then(Value::as_str), text, "{url}");
    }
    assert_eq!(fitted(&least(Kind::List), Channel::WhatsApp)["button"], "See options");
}

#[test]
fn links_that_open_apps_need_a_fallback_where_they_do_not_work() {
    let deep = with(least(Kind::RichLink), "/url", json!("github://github.com/x"));
    let both = with(deep.clone(), "/url_fallback", json!("https://github.com/x"));
    for channel in Channel::ALL.into_iter().filter(|channel| channel.takes(Kind::RichLink)) {
        let out = fitted(&both, channel);
        assert!(out.get("url_fallback").is_none(), "{out}");
        let alone = fit(&read(&deep, None).unwrap(), channel);
        if channel == Channel::Messaging {
            assert_eq!((&out["url"], alone.is_ok()), (&json!("github://github.com/x"), true));
        } else {
            assert_eq!(out["url"], "https://github.com/x", "{channel:?}");
            assert_eq!(wrong(alone), [("structured_content[url]".into(), "not_supported".into())]);
        }
    }
    let button =
        json!({ "type": "template", "title": "T", "items": [{ "type": "url", "title": "Go", "url": "github://x" }] });
    let refused = wrong(fit(&read(&button, None).unwrap(), Channel::Sdk));
    assert_eq!(refused, [("structured_content[items][0][url]".into(), "not_supported".into())]);
    // An app of Apple's messages has data in place of an address.
    let app = json!({ "type": "rich_link", "title": "T", "url": "?x=1", "subtitle": "S", "app_id": "1", "app_name": "A",
        "app_icon": "aGk=", "bid": "com.apple.messages.MSMessageExtensionBalloonPlugin:x", "attachment_id": PUBLIC });
    let out = fitted(&app, Channel::Apple);
    assert_eq!((&out["url"], &out["subtitle"], out.get("attachment_id")), (&json!("?x=1"), &json!("S"), None));
    assert_eq!(refused_by(&app, Channel::Messaging), "structured_content[url]");
    assert_eq!(refused_by_reading(&with(app.clone(), "/bid", json!("x"))), "structured_content[bid]");
    assert_eq!(refused_by_reading(&with(app, "/app_id", json!(null))), "structured_content[app_id]");
}

fn refused_by(given: &Value, channel: Channel) -> String {
    wrong(fit(&read(given, Some(channel)).unwrap(), channel)).remove(0).0
}

fn refused_by_reading(given: &Value) -> String {
    refused(given).remove(0).0
}

#[test]
fn files_that_a_channel_does_not_take_need_a_fallback() {
    use Channel::*;
    for (kind, id, takers) in [
        (Kind::RichLink, PUBLIC, vec![Apple, Messenger, Messaging, Google, Sdk, Instagram]),
        (Kind::RichLink, PRIVATE, vec![Apple, Messenger, Messaging, Google, Instagram]),
        (Kind::RichLink, BITMAP, vec![Messenger, Messaging, Instagram]),
        (Kind::RichLink, GIF, vec![Messenger, Messaging, Instagram]),
        (Kind::RichLink, VIDEO, vec![Apple]),
        (Kind::RichLink, HUGE, vec![Apple]),
        (Kind::RichLink, UNKNOWN, vec![]),
        (Kind::Template, PUBLIC, vec![Messenger, Messaging, Google, Sdk, WhatsApp, Instagram]),
        (Kind::Template, PRIVATE, vec![Messenger, Messaging, Google, WhatsApp, Instagram]),
        (Kind::Template, BITMAP, vec![Messenger, Instagram]),
        (Kind::Template, GIF, vec![Messenger, Messaging, Instagram]),
        (Kind::Template, VIDEO, vec![WhatsApp]),
        (Kind::Template, HUGE, vec![WhatsApp]),
        (Kind::TimeSelect, PRIVATE, vec![Apple]),
        (Kind::TimeSelect, GIF, vec![]),
    ] {
        let own = with(least(kind), "/attachment_id", id.into());
        let both = with(own.clone(), "/attachment_fallback_id", json!(PUBLIC));
        for channel in Channel::ALL.into_iter().filter(|channel| channel.takes(kind)) {
            let what = format!("{channel:?} {kind:?} {id}");
            let alone = fit(&read(&own, None).unwrap(), channel);
            assert_eq!(alone.is_ok(), takers.contains(&channel), "{what}: {alone:?}");
            if kind != Kind::TimeSelect {
                let out = fitted(&both, channel);
                let expected = if takers.contains(&channel) { id } else { PUBLIC };
                assert_eq!(
                    (&out["attachment_id"], out.get("attachment_fallback_id")),
                    (&json!(expected), None),
                    "{what}"
                );
            }
        }
    }
    // A fallback has to be good on every channel.
    for bad in [PRIVATE, BITMAP, GIF, VIDEO, HUGE, UNKNOWN] {
        let given =
            with(with(least(Kind::RichLink), "/attachment_id", json!(PUBLIC)), "/attachment_fallback_id", bad.into());
        assert_eq!(refused_by(&given, Messaging), "structured_content[attachment_fallback_id]", "{bad}");
    }
    let given = json!({ "type": "carousel", "items": [{ "title": "T", "attachment_id": GIF, "items": [reply()] }] });
    assert_eq!(refused_by(&given, Sdk), "structured_content[items][0][attachment_id]");
}

#[test]
fn a_file_has_the_length_that_its_channel_takes() {
    use Channel::*;
    const MEGABYTE: u64 = 1024 * 1024;
    for (kind, channels, extension, megabytes) in [
        (Kind::RichLink, &[Apple][..], "mp4", 300),
        (Kind::RichLink, &[Apple], "png", 300),
        (Kind::RichLink, &[Messenger, Messaging, Google, Sdk, Instagram], "png", 5),
        (Kind::Template, &[WhatsApp], "mp4", 64),
        (Kind::Template, &[WhatsApp], "png", 64),
        (Kind::Template, &[Messenger, Messaging, Google, Sdk, Instagram], "jpeg", 5),
        (Kind::List, &[Apple], "png", 5),
        (Kind::TimeSelect, &[Apple], "png", 5),
    ] {
        let read = read(&with(least(kind), "/attachment_id", PUBLIC.into()), None).unwrap();
        for channel in channels {
            for (bytes, fits) in [(megabytes * MEGABYTE, true), (megabytes * MEGABYTE + 1, false)] {
                let file = |_| Some(File { extension: extension.into(), bytes, public: true });
                let fitted = read.adapt(*channel, &Surroundings { file: &file, payload: &String::new });
                assert_eq!(fitted.is_ok(), fits, "{channel:?} {kind:?} {extension} {bytes}");
            }
        }
    }
}

#[test]
fn files_are_listed_renamed_and_linked() {
    let card =
        |id: &str| json!({ "attachment_id": id, "attachment_fallback_id": PUBLIC, "title": "T", "items": [reply()] });
    let mut read = read(&json!({ "type": "carousel", "items": [card(GIF), card(GIF), card(BITMAP)] }), None).unwrap();
    let hex = |ids: Vec<Id>| ids.iter().map(Id::hex).collect::<Vec<_>>();
    assert_eq!(hex(read.files()), [GIF, PUBLIC, BITMAP]);
    read.rename_files(&|id| if id.hex() == GIF { PRIVATE.parse().unwrap() } else { id });
    assert_eq!(hex(read.files()), [PRIVATE, PUBLIC, BITMAP]);
    let fitted = fit(&read, Channel::Messenger).unwrap().into_value();
    assert_eq!(hex(files_of(&fitted)), [PRIVATE, PRIVATE, BITMAP]);
    let linked = with_links(&fitted, &|id| (id.hex() == PRIVATE).then(|| "https://x/1".to_owned()));
    assert_eq!(linked["items"][0]["attachment_url"], "https://x/1");
    assert!(linked["items"].as_array().unwrap().iter().all(|card| card.get("attachment_id").is_none()));
    assert!(linked["items"][2].get("attachment_url").is_none());
}

#[test]
fn every_type_has_a_text() {
    let list = json!({ "type": "list", "title": "Pick", "items": [{ "title": "One" }, { "title": "Two" }] });
    let deep = with(with(least(Kind::RichLink), "/url", json!("x://y")), "/url_fallback", json!("https://y.example"));
    for (given, text) in [
        (list, "Pick\n- One\n- Two"),
        (least(Kind::RichLink), "https://a.example/x"),
        (deep, "https://y.example"),
        (least(Kind::Template), "T"),
        (least(Kind::Carousel), "T"),
        (least(Kind::Form), "T"),
    ] {
        assert_eq!(read(&given, None).unwrap().text(), text);
    }
    for kind in Kind::ALL {
        assert_eq!(read(&least(kind), None).unwrap().text().is_empty(), kind.needs_body(), "{kind:?}");
    }
}

#[test]
fn times_dates_and_amounts_are_read_as_documented() {
    for (time, fits) in [
        ("2020-04-26T08:00+0200", true),
        ("2020-04-26T08:00:30+02:00", true),
        ("2020-04-26T08:00Z", true),
        ("2020-04-26T24:00Z", false),
        ("2020-04-26T08:00", false),
        ("2020-04-26", false),
        ("2020-04-26T8:0+0200", false),
        ("2020-04-26T08:00+é00", false),
        ("2020-04-26T08:00+", false),
    ] {
        let given = with(least(Kind::TimeSelect), "/timeslots/0/start_time", time.into());
        assert_eq!(read(&given, None).is_ok(), fits, "{time}");
    }
    for (amount, fits) in [("5.00", true), ("-5", true), ("5.", false), (".5", false), ("1e3", false), ("", false)] {
        let given = with(least(Kind::ApplePay), "/total/amount", amount.into());
        assert_eq!(read(&given, None).is_ok(), fits, "{amount}");
    }
}

/// Anything that a caller may send, often with names that mean something.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,30}".prop_map(Value::from),
        prop::sample::select(vec!["url", "reply", "select", PUBLIC, GIF, "https://a.example", "x://y", "2020-04-26"])
            .prop_map(Value::from),
        (0..2_000_usize).prop_map(|length| "\u{1f600}".repeat(length / 2).into()),
    ];
    let name = prop::sample::select(vec![
        "type",
        "items",
        "title",
        "subtitle",
        "payload",
        "url",
        "url_fallback",
        "url_text",
        "attachment_id",
        "attachment_fallback_id",
        "sections",
        "identifier",
        "section_identifier",
        "timeslots",
        "pages",
        "location",
        "options",
        "page_id",
        "splash",
        "total",
        "bid",
        "target",
        "0",
    ]);
    leaf.prop_recursive(4, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..6)
                .prop_map(|fields| fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

fn text(longest: usize) -> impl Strategy<Value = String> {
    (prop::sample::select(vec!["x", "\u{e9}", "\u{1f600}", "a b "]), 1..=longest).prop_map(move |(piece, length)| {
        let text: String = piece.repeat(length).chars().take(length).collect();
        text
    })
}

fn optional(strategy: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    prop_oneof![Just(Value::Null), strategy]
}

/// A good one with texts of any length that may be.
fn good() -> impl Strategy<Value = Value> {
    let url = || prop::sample::select(vec!["https://shop.example/a", "github://x.example/y"]).prop_map(Value::from);
    let fallback = || Just(json!("https://fallback.example"));
    let file = || prop::sample::select(vec![PUBLIC, PRIVATE, BITMAP, GIF, VIDEO]).prop_map(Value::from);
    let payload = || optional((1..300_usize).prop_map(|length| "p".repeat(length).into()));
    let button = move || {
        (any::<bool>(), text(80), payload(), url()).prop_map(|(is_url, title, payload, url)| match is_url {
            true => json!({ "type": "url", "title": title, "url": url, "url_fallback": "https://fallback.example" }),
            false => json!({ "type": "reply", "title": title, "payload": payload }),
        })
    };
    let card = move || {
        let texts = (text(350), optional(text(1_000).prop_map(Value::from)), optional(text(80).prop_map(Value::from)));
        let rest = (optional(url()), fallback(), file(), prop::collection::vec(button(), 1..=4));
        (texts, rest).prop_map(|((title, subtitle, url_text), (url, fallback, file, items))| {
            json!({ "title": title, "subtitle": subtitle, "url": url, "url_fallback": fallback, "url_text": url_text,
                "attachment_id": file, "attachment_fallback_id": PUBLIC, "items": items })
        })
    };
    let typed = |kind: Kind, mut given: Value| {
        given["type"] = kind.as_str().into();
        given
    };
    prop_oneof![
        prop::collection::vec((text(80), payload()), 1..=13).prop_map(|items| {
            let item = |(title, payload)| json!({ "title": title, "payload": payload });
            json!({ "type": "select", "center_items": true, "items": items.into_iter().map(item).collect::<Vec<_>>() })
        }),
        (card(), url()).prop_map(move |(mut card, url)| {
            card["url"] = url;
            typed(Kind::RichLink, card)
        }),
        card().prop_map(move |card| typed(Kind::Template, card)),
        prop::collection::vec(card(), 1..=10).prop_map(|cards| json!({ "type": "carousel", "items": cards })),
        (text(1_024), text(512), prop::collection::vec((text(80), text(100)), 1..=10)).prop_map(|(title, subtitle, items)| {
            let item = |(title, subtitle)| json!({ "title": title, "subtitle": subtitle, "section_identifier": "s" });
            let items: Vec<Value> = items.into_iter().map(item).collect();
            json!({ "type": "list", "title": title, "subtitle": subtitle, "header": subtitle, "button": title.chars().take(100).collect::<String>(),
                "sections": [{ "identifier": "s" }], "items": items })
        }),
    ]
}

/// What a channel would not take.
fn violations(structured: &Structured, channel: Channel) -> Vec<String> {
    let mut found = Vec::new();
    let mut fields = structured.fields.clone();
    for limit in channel.limits(structured.kind).filter(|limit| limit.when.holds(&structured.fields)) {
        each(&mut fields, limit.path, "", &mut |holder, name, place| {
            let value = holder.get(name);
            let text = value.and_then(Value::as_str).unwrap_or_default();
            let fits = match limit.rule {
                Rule::Cut(max, unit) => unit.length(text) <= max,
                Rule::Refuse(max) => text.chars().count() <= max,
                Rule::Keep(max) => value.and_then(Value::as_array).is_none_or(|items| items.len() <= max),
                Rule::Only(kind) => {
                    value.and_then(Value::as_array).into_iter().flatten().all(|item| item["type"] == kind)
                }
                Rule::Ignore => value.is_none(),
                Rule::Payload => !text.is_empty() || holder.get("type") == Some(&json!("url")),
                Rule::Default(_) => !text.is_empty(),
            };
            if !fits {
                found.push(format!("{place} {:?}", limit.rule));
            }
        });
    }
    found
}

proptest! {
    #[test]
    fn any_json_is_read_or_refused(given in json(), kind in prop::sample::select(Kind::ALL.to_vec())) {
        let mut given = given;
        if let Value::Object(fields) = &mut given {
            fields.insert("type".into(), kind.as_str().into());
            for channel in Channel::ALL {
                if let Ok(read) = parse(fields, Some(channel)) {
                    let _ = fit(&read, channel);
                    read.text();
                }
            }
        }
    }

    #[test]
    fn what_was_fitted_is_within_the_limits_and_stays_as_it_is(given in good()) {
        for channel in Channel::ALL {
            let read = read(&given, Some(channel)).unwrap();
            prop_assert_eq!(&parse(&read.fields, Some(channel)).unwrap(), &read);
            let Ok(fitted) = fit(&read, channel) else {
                // A payload that is too long, or no button that sends something back.
                prop_assert!(!channel.takes(read.kind()) || channel == Channel::WhatsApp);
                continue;
            };
            prop_assert_eq!(violations(&fitted, channel), Vec::<String>::new());
            prop_assert_eq!(&fit(&fitted, channel).unwrap(), &fitted);
            prop_assert_eq!(&parse(&fitted.fields, Some(channel)).unwrap(), &fitted);
        }
    }

    #[test]
    fn a_cut_text_is_its_own_beginning(text in ".{0,60}", max in 1..50_usize) {
        for unit in [Unit::Characters, Unit::Utf16] {
            let short = cut(&text, max, unit);
            prop_assert!(unit.length(&short) <= max);
            prop_assert!(short == text || text.starts_with(short.strip_suffix('…').unwrap()));
        }
    }
}
