//! The guest books of `examples/channel/`: real channels, in two languages, that were written for the public contract.

use std::time::Duration;

use frontdesk_tests::cast::unique;
use frontdesk_tests::guestbook::Language;
use frontdesk_tests::http::Request;
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::{Cast, Engine, FakeChannel, Guestbook, LANGUAGES, Person, Reply, Source, eventually};
use serde_json::{Value, json};

use crate::attachments::PNG;

on_both_engines![
    a_guest_book_is_imported_answered_and_moderated,
    a_guest_book_makes_its_source_and_tells_at_once,
    what_was_written_while_nobody_listened_arrives_later,
];

/// A secret of the length that sources have.
fn secret() -> String {
    format!("{:0>64}", unique("secret"))
}

/// A guest book that is only asked, and its source.
fn polled(cast: &Cast, language: Language) -> (Guestbook, Source) {
    let secret = secret();
    let book = Guestbook::open(language, &[("CHANNEL_SECRET", &secret)]);
    let source = Source::create(&cast.otto, &book.base_uri(), &json!({ "access_token": secret, "active": false }));
    (book, source)
}

fn with_text(otto: &Person, source: &Source, text: &str) -> Value {
    eventually(&format!("Frontdesk has \"{text}\""), || {
        source.all_contents(otto).into_iter().find(|content| content["body"] == text)
    })
}

/// The source that a guest book made for itself.
fn own_source(otto: &Person, book: &Guestbook) -> Source {
    let all = otto.get("/1.0/content_sources?extended=true&limit=150").ok();
    let own = records(&all).iter().find(|source| source["base_uri"] == book.base_uri()).cloned();
    Source::shown_as(otto, &own.expect("the guest book's source"))
}

fn is_shown(book: &Guestbook, text: &str) -> bool {
    book.entries("anybody").iter().any(|entry| entry["body"] == text)
}

fn a_guest_book_is_imported_answered_and_moderated(engine: Engine) {
    let cast = Cast::shared(engine);
    for language in LANGUAGES {
        let (mut book, source) = polled(&cast, language);
        // More than it tells at once.
        for number in 0..103 {
            book.writes("vera", &format!("Entry {number}"), &json!({}));
        }
        let question = book.writes("vera", "Is the blue one back?", &json!({}));
        let gone = book.writes("mallory", "Cheap pills", &json!({ "thread": question }));
        cast.otto.put(&format!("/1.0/content_sources/{}", source.id), &json!({ "active": true })).ok();
        eventually("everything is imported", || {
            let thread = source.threads(&cast.otto, &question);
            (thread.len() == 1 && source.all_contents(&cast.otto).len() == 105).then_some(())
        });
        assert_eq!(source.thread(&cast.otto, &question)["title"], "Is the blue one back?");
        let contents = source.contents(&cast.otto, &question);
        let told: Vec<&Value> = contents.iter().map(|content| &content["foreign_id"]).collect();
        assert_eq!(told, [&json!(question), &json!(gone)]);

        let answer = cast.otto.reply(&id(&contents[0]), "Yes, since this morning.");
        let shown = book.shows("vera", "Yes, since this morning.");
        assert_eq!((&shown["desk"], &shown["thread"]), (&json!(true), &json!(question)));
        eventually("the answer's id is known", || {
            (cast.otto.content(&id(&answer))["foreign_id"] == shown["id"]).then_some(())
        });

        let pills = format!("/1.0/contents/{}", id(&contents[1]));
        cast.otto.put(&format!("{pills}/unpublish"), &json!({})).ok();
        eventually("it is hidden", || (!is_shown(&book, "Cheap pills")).then_some(()));
        book.is_killed_and_opened();
        assert!(
            !is_shown(&book, "Cheap pills") && is_shown(&book, "Yes, since this morning."),
            "it is kept in the file"
        );
        eventually("the desk knows", || (cast.otto.get(&pills).ok()["published"] == false).then_some(()));
        cast.otto.put(&format!("{pills}/publish"), &json!({})).ok();
        eventually("it is seen", || is_shown(&book, "Cheap pills").then_some(()));
        eventually("the desk knows", || (cast.otto.get(&pills).ok()["published"] == true).then_some(()));
        cast.otto.delete(&pills).ok();
        eventually("it is gone", || (!is_shown(&book, "Cheap pills")).then_some(()));
        // What is gone keeps its place in the list.
        let since = json!({ "since_id": gone });
        assert_eq!(book.asked(&source.secret, "messages.list", &since), json!([]));
        assert_eq!(book.asked(&source.secret, "messages.list", &json!({})).as_array().unwrap().len(), 100);

        // Hints are shown until they are old or somebody answers.
        let place = json!({ "thread_id": question, "position": 2, "estimated_wait_time": 30 });
        assert_eq!(book.asked(&source.secret, "messaging.queuing_update", &place), json!({}));
        assert_eq!(book.asked(&source.secret, "typing.start", &json!({ "in_reply_to_id": question })), json!({}));
        let hints = book.view("vera");
        assert_eq!(hints["waiting"][&question], json!({ "position": 2, "seconds": 30 }));
        assert_eq!(hints["typing"][&question], true);
        cast.otto.reply(&id(&contents[0]), "And the red one too.");
        book.shows("vera", "And the red one too.");
        assert_eq!((&book.view("vera")["waiting"], &book.view("vera")["typing"]), (&json!({}), &json!({})));

        // An action of its own, a button at the desk, puts an entry on top.
        let path = format!("/1.0/contents/{}", id(&contents[0]));
        let button = json!([{ "name": "highlight", "label": "Put on top" }]);
        assert_eq!(cast.otto.get(&format!("{path}?extended=true")).ok()["custom_actions"], button);
        cast.otto.post(&format!("{path}/actions"), &json!({ "name": "highlight" })).ok();
        eventually("it is on top", || {
            let first = book.threads("vera").remove(0);
            (first["top"] == true && first["id"] == question.as_str()).then_some(())
        });
        eventually("the desk knows", || {
            let shown = cast.otto.content(&id(&contents[0]));
            assert_eq!(shown["synchronization_error"], Value::Null);
            (shown["synchronization_status"] == "success").then_some(())
        });
        assert_eq!(cast.otto.content(&id(&contents[0]))["body"], "Is the blue one back?");
        assert_eq!(book.complaints(), "");
    }
}

fn a_guest_book_makes_its_source_and_tells_at_once(engine: Engine) {
    let cast = Cast::shared(engine);
    let url = format!("http://{}", cast.server.address());
    for language in LANGUAGES {
        let settings = [("FRONTDESK_URL", url.as_str()), ("FRONTDESK_TOKEN", cast.server.token())];
        let mut book = Guestbook::open(language, &settings);
        let source = own_source(&cast.otto, &book);
        source.has_described_itself(&cast.otto);
        let base64 = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, PNG);
        let file = json!({ "name": "kettle.png", "content": base64 });
        let question = book.writes("vera", "Which one \u{1F600} is this?\u{7}", &json!({ "file": file }));
        let content = with_text(&cast.otto, &source, "Which one \u{1F600} is this?");
        assert_eq!(content["foreign_id"], question.as_str());
        eventually("the picture is here", || {
            let known = cast.otto.content(&id(&content));
            (known["attachments"][0]["filename"] == "kettle.png").then_some(())
        });

        // Buttons, and what was picked.
        let select = json!({
            "in_reply_to_id": content["id"], "body": "Which size?",
            "structured_content": { "type": "select", "items": [
                { "title": "One litre", "payload": "one" }, { "title": "Two litres", "payload": "two" },
            ] },
        });
        let asked = cast.otto.post("/1.0/contents", &select).ok();
        let shown = book.shows("vera", "Which size?");
        let picked = &shown["structured"]["items"][1];
        assert_eq!(picked, &json!({ "title": "Two litres", "payload": "two" }));
        let more = json!({ "thread": question, "reply_to": shown["id"], "payload": picked["payload"] });
        book.writes("vera", "Two litres", &more);
        let reply = with_text(&cast.otto, &source, "Two litres");
        assert_eq!(reply["structured_reply"], json!({ "payload": "two" }));
        assert_eq!(reply["in_reply_to_id"], asked["id"]);

        // Seen by whom it is for, and known to the desk.
        let tells = |path: &str, what: &Value| {
            let answer = book.send(Request::new("POST", path).json(what), "vera");
            assert_eq!(answer.status, 200, "{path} {what}: {}", answer.text());
        };
        tells("/seen", &json!({ "id": shown["id"] }));
        eventually("the desk knows that it was read", || {
            cast.otto.get(&format!("/1.0/contents/{}?extended=true", id(&asked))).ok()["read_at"]
                .is_string()
                .then_some(())
        });
        tells("/typing", &json!({ "thread": question, "text": "And in" }));
        tells("/typing", &json!({ "thread": question, "text": "" }));
        // Opened again it goes on with its source.
        book.is_killed_and_opened();
        book.writes("vera", "And in red?", &json!({ "thread": question }));
        with_text(&cast.otto, &source, "And in red?");
        assert_eq!(book.complaints(), "");
        // Whoever asks for nonsense is told.
        for (entry, words) in [
            (json!({ "name": "", "body": "x" }), "name"),
            (json!({ "name": "x", "body": " " }), "something"),
            (json!({ "name": "x", "body": "x", "thread": "none" }), "thread"),
            (json!({ "name": "x", "body": "x", "file": { "name": "x.exe", "content": "eA==" } }), "types"),
        ] {
            let answer = book.send(Request::new("POST", "/book").json(&entry), "mallory");
            let message = answer.json()["message"].as_str().unwrap_or_default().to_owned();
            assert!(answer.status == 422 && message.contains(words), "{entry}: {} {message}", answer.status);
        }
    }
}

fn what_was_written_while_nobody_listened_arrives_later(engine: Engine) {
    let mut cast = Cast::start(engine, &["--poll-interval", "3600"]);
    let url = format!("http://{}", cast.server.address());
    let settings = [("FRONTDESK_URL", url.as_str()), ("FRONTDESK_TOKEN", cast.server.token())];
    let mut books = LANGUAGES.map(|language| Guestbook::open(language, &settings));
    let sources = books.each_ref().map(|book| own_source(&cast.otto, book));
    for source in &sources {
        source.has_described_itself(&cast.otto);
    }
    cast.server.stop();
    for book in &mut books {
        let first = book.writes("vera", "Is anybody there?", &json!({}));
        book.writes("vera", "Hello?", &json!({ "thread": first }));
        eventually("it could not be told", || book.complaints().contains("did not arrive").then_some(()));
        book.is_killed_and_opened();
    }
    cast.server.restart();
    for source in &sources {
        let told = eventually("both arrive, in their order", || {
            Some(source.all_contents(&cast.otto)).filter(|contents| contents.len() == 2)
        });
        assert_eq!((&told[0]["body"], &told[1]["body"]), (&json!("Is anybody there?"), &json!("Hello?")));
        assert_eq!(told[1]["in_reply_to_id"], told[0]["id"]);
    }
}

/// In the place of Frontdesk, which refuses for a while; and a guest book that tells it.
fn beside_a_desk(language: Language) -> (FakeChannel, Guestbook) {
    let desk = FakeChannel::start();
    let url = format!("http://{}", desk.address());
    let settings = [("FRONTDESK_URL", url.as_str()), ("CHANNEL_SECRET", "s"), ("SOURCE_ID", "5")];
    (desk, Guestbook::open(language, &settings))
}

#[test]
fn what_is_refused_for_now_is_told_again_until_it_is_taken() {
    let books = LANGUAGES.map(|language| {
        let (desk, book) = beside_a_desk(language);
        // More often than what is refused for itself is tried, and for reasons that pass.
        desk.answer(|push| match push.number {
            0..4 => Reply::status(429, "slow down").retry_after(1),
            4..6 => Reply::status(401, "the secret is wrong").retry_after(1),
            _ if push.text().contains("Never") => Reply::status(422, "no").retry_after(1),
            _ => Reply::status(200, "ok"),
        });
        book.writes("vera", "Is anybody there?", &json!({}));
        book.writes("vera", "Never", &json!({}));
        book.writes("vera", "And after that", &json!({}));
        (desk, book)
    });
    for (desk, book) in books {
        let told = desk.wait_for_text("And after that", 1);
        assert_eq!(told[0].params()["body"], "And after that");
        let bodies: Vec<Value> = desk.pushes().iter().map(|push| push.params()["body"].clone()).collect();
        let count = |body: &str| bodies.iter().filter(|told| *told == body).count();
        assert_eq!((count("Is anybody there?"), count("Never")), (7, 5), "{}", book.complaints());
    }
}

#[test]
fn a_visitors_cookie_is_nobody_elses_to_know() {
    for language in LANGUAGES {
        let (desk, book) = beside_a_desk(language);
        book.writes("vera", "Hello", &json!({}));
        book.writes("vera", "Again", &json!({}));
        book.writes("mallory", "Me too", &json!({}));
        let authors = ["Hello", "Again", "Me too"].map(|text| {
            let push = desk.push_of(text);
            push.params()["author"]["id"].as_str().expect("an id").to_owned()
        });
        assert!(authors[0] == authors[1] && authors[1] != authors[2], "{authors:?}");
        assert!(!authors.iter().any(|id| id.contains("vera") || id.contains("mallory")), "{authors:?}");
        // Whoever takes an author's id for their cookie is somebody else.
        let entries = book.entries(&authors[0]);
        assert!(entries.len() == 3 && entries.iter().all(|entry| entry["mine"] == false), "{entries:?}");
        assert!(book.entries("vera").iter().any(|entry| entry["mine"] == true));
    }
}

#[test]
fn hints_of_typing_wait_in_a_short_line() {
    for language in LANGUAGES {
        let (desk, book) = beside_a_desk(language);
        let thread = book.writes("vera", "Hello", &json!({}));
        desk.push_of("Hello");
        desk.answer(|_| Reply::status(200, "ok").after(Duration::from_millis(100)));
        for number in 0..100 {
            let text = format!("And so on {number}");
            let hint = Request::new("POST", "/typing").json(&json!({ "thread": thread, "text": text }));
            assert_eq!(book.send(hint, "vera").status, 200);
        }
        // What is written is told all the same, and at once.
        book.writes("vera", "Sent", &json!({ "thread": thread }));
        desk.push_of("Sent");
        let hints = || desk.pushes().iter().filter(|push| push.action() == "typing.start").count();
        eventually("the line is done", || {
            let before = hints();
            std::thread::sleep(Duration::from_millis(400));
            (before > 0 && hints() == before).then_some(())
        });
        assert!(hints() < 60, "{language:?}: {}", hints());
    }
}

#[test]
fn both_guest_books_have_the_same_page() {
    let pages = LANGUAGES.map(|language| {
        let book = Guestbook::open(language, &[("CHANNEL_SECRET", "s")]);
        book.send(Request::new("GET", "/"), "vera").text()
    });
    assert!(pages[0].contains("<title>Guest book</title>"));
    assert_eq!(pages[0], pages[1]);
}
