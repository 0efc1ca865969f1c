//! Channels that are asked: what they can do, what is new, and what becomes of it when they answer badly.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use frontdesk_tests::cast::unique;
use frontdesk_tests::server::Launch;
use frontdesk_tests::{Cast, Engine, FakeChannel, Person, Push, Reply, Server, Source, eventually};
use serde_json::{Value, json};

on_both_engines![
    a_channel_tells_what_it_can_do_at_every_save,
    old_messages_are_imported_slice_by_slice_and_only_once,
    lists_are_asked_in_order_with_the_last_id_of_each,
    what_the_real_time_half_told_is_not_imported_again,
    an_answer_on_its_way_is_not_imported_as_somebody_elses,
    objects_that_lack_something_are_left_out_and_counted,
    an_answer_to_something_unknown_is_imported_without_its_place,
    whatever_a_channel_answers_is_shown_and_the_next_run_recovers,
    no_bytes_of_a_channel_harm_more_than_their_own_run,
    an_answer_that_comes_byte_by_byte_is_cut_off,
    what_is_odd_in_a_list_is_imported_once_and_within_reason,
    a_channel_that_only_writes_is_no_failure,
    a_channel_that_does_not_answer_holds_up_no_other,
    an_import_that_was_killed_goes_on_where_it_was,
    every_option_is_kept_and_shown,
    the_channels_options_hold_unless_the_source_has_its_own,
    only_active_channels_are_asked,
    a_channel_without_an_address_only_posts,
    every_list_is_judged_alike,
    an_id_is_the_same_as_a_number_and_another_in_capitals,
    what_is_told_both_ways_at_once_is_here_once,
    what_the_channel_tells_of_an_answer_of_ours_says_that_it_has_it,
    an_import_stops_with_its_source_and_goes_on_where_it_was,
    objects_without_ids_are_shown,
];

/// What the source shows of itself to its administrator.
fn extended(otto: &Person, source: &Source) -> Value {
    otto.get(&format!("/1.0/content_sources/{}?extended=true", source.id)).ok()
}

fn synchronize(otto: &Person, source: &Source) {
    otto.post(&format!("/1.0/content_sources/{}/synchronize", source.id), &json!({})).ok();
}

/// Asks for a run and waits until one that began afterwards has ended.
fn synchronized(otto: &Person, source: &Source, channel: &FakeChannel) -> Value {
    let before = channel.asked().iter().filter(|push| push.action() == "implementation.info").count();
    synchronize(otto, source);
    eventually("the run has ended", || {
        let asked = channel.asked().iter().filter(|push| push.action() == "implementation.info").count();
        let shown = extended(otto, source);
        let ended = asked > before && shown["synchronization"]["running"] == false;
        (ended && shown["synchronization"]["last_run_at"].is_string()).then_some(shown)
    })
}

/// A channel whose messages are these, from the oldest; of a list it tells at most `page` after the id it is asked for.
fn library(channel: &FakeChannel, messages: &Arc<Mutex<Vec<Value>>>, page: usize) {
    channel.describe(Reply::json(&json!({ "objects": { "messages": ["list", "create"] }, "options": [] })));
    let messages = messages.clone();
    channel.answer(move |push| match push.action().as_str() {
        "messages.list" => Reply::json(&slice(&messages.lock().unwrap(), push, page)),
        _ => Reply::json(&json!({ "id": format!("foreign-{}", push.number) })),
    });
}

fn slice(messages: &[Value], push: &Push, page: usize) -> Value {
    let since = push.params()["since_id"].clone();
    let known = messages.iter().position(|message| since.is_string() && message["id"] == since);
    let start = known.map_or(0, |at| at + 1);
    let mut slice: Vec<Value> = messages[start..].iter().take(page).cloned().collect();
    slice.reverse();
    slice.into()
}

/// A source whose channel has so many messages, `m0` being the oldest.
fn with_library(cast: &Cast, count: usize, page: usize) -> (Source, FakeChannel, Arc<Mutex<Vec<Value>>>) {
    let channel = FakeChannel::start();
    let messages: Arc<Mutex<Vec<Value>>> = Arc::default();
    library(&channel, &messages, page);
    let source = Source::create(&cast.otto, &channel.base_uri(), &json!({ "active": false }));
    *messages.lock().unwrap() = (0..count)
        .map(|at| source.message(&format!("m{at}"), &format!("t{}", at % 3), "vera", &format!("Old {at}")))
        .collect();
    cast.otto.put(&format!("/1.0/content_sources/{}", source.id), &json!({ "active": true })).ok();
    (source, channel, messages)
}

fn wait_for_contents(otto: &Person, source: &Source, count: usize) -> Vec<Value> {
    eventually(&format!("{count} contents"), || {
        Some(source.all_contents(otto)).filter(|contents| contents.len() >= count)
    })
}

fn lists_of(channel: &FakeChannel, action: &str) -> Vec<Push> {
    channel.asked().into_iter().filter(|push| push.action() == action).collect()
}

fn a_channel_tells_what_it_can_do_at_every_save(engine: Engine) {
    let cast = Cast::shared(engine);
    let channel = FakeChannel::start();
    let told = json!({
        "objects": ["messages.create", "messages.spam"], "options": ["messages.no_title"],
        "locales": { "fr": { "spam": "Indésirable" } },
    });
    channel.describe(Reply::json(&told));
    let source = Source::create(&cast.otto, &channel.base_uri(), &json!({}));
    let known = eventually("it has told", || {
        Some(extended(&cast.otto, &source)["implementation"].clone()).filter(Value::is_object)
    });
    let expected = json!({
        "objects": { "messages": ["create", "spam"] }, "options": ["messages.no_title"],
        "locales": { "fr": { "spam": "Indésirable" } },
    });
    assert_eq!(known, expected);
    let question = channel.asked().remove(0);
    assert!(question.is_signed_by(&source.secret));
    assert_eq!(question.json().as_object().unwrap().keys().collect::<Vec<_>>(), ["action", "time"]);
    // Without a list, nothing else is asked.
    assert!(channel.asked().iter().all(|push| push.action() == "implementation.info"));
    assert!(source.shown(&cast.otto).get("implementation").is_none(), "only when it is asked for");
    // Saved without a change, it is asked again.
    let now = json!({ "objects": { "messages": ["create", "show"] } });
    channel.describe(Reply::json(&now));
    cast.otto.put(&format!("/1.0/content_sources/{}", source.id), &json!({})).ok();
    eventually("it has told again", || {
        Some(extended(&cast.otto, &source)).filter(|shown| shown["implementation"]["objects"] == now["objects"])
    });
}

fn old_messages_are_imported_slice_by_slice_and_only_once(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel, messages) = with_library(&cast, 70, 30);
    let contents = wait_for_contents(&cast.otto, &source, 70);
    let shown = synchronized(&cast.otto, &source, &channel);
    assert_eq!(shown["synchronization"]["imported"], 70);
    assert_eq!((&shown["status"], &shown["synchronization"]["error"]), (&json!("ok"), &Value::Null));
    assert_eq!(contents.len(), 70);
    assert!(contents.iter().all(|content| content["created_from"] == "synchronizer" && content["status"] == "new"));
    let asked: Vec<Value> =
        lists_of(&channel, "messages.list").iter().map(|push| push.params()["since_id"].clone()).take(4).collect();
    assert_eq!(asked, [Value::Null, json!("m29"), json!("m59"), json!("m69")]);
    assert!(lists_of(&channel, "messages.list")[0].json()["params"].is_object(), "an object even when it is empty");
    // Oldest first, within each thread too.
    let texts: Vec<String> =
        source.contents(&cast.otto, "t1").iter().map(|content| content["body"].as_str().unwrap().to_owned()).collect();
    assert_eq!(texts, (0..70).filter(|at| at % 3 == 1).map(|at| format!("Old {at}")).collect::<Vec<_>>());
    // Something new, and nothing old again, although the channel tells it.
    messages.lock().unwrap().push(source.message("m70", "t0", "vera", "New"));
    let everything = messages.lock().unwrap().clone();
    channel.answer(move |push| Reply::json(&slice(&everything, &Push { body: b"{}".to_vec(), ..push.clone() }, 1_000)));
    synchronize(&cast.otto, &source);
    wait_for_contents(&cast.otto, &source, 71);
    let shown = synchronized(&cast.otto, &source, &channel);
    assert_eq!((source.all_contents(&cast.otto).len(), &shown["synchronization"]["imported"]), (71, &json!(71)));
}

fn lists_are_asked_in_order_with_the_last_id_of_each(engine: Engine) {
    let cast = Cast::shared(engine);
    let channel = FakeChannel::start();
    let lists = ["list"];
    let info = json!({ "objects": { "private_messages": lists, "messages": lists, "threads": lists } });
    let source = Source::create(&cast.otto, &channel.base_uri(), &json!({ "active": false }));
    let writer = json!({ "id": "vera", "screenname": "Vera", "created_at": "2026-01-15" });
    let thread = json!({ "id": "T", "title": "Kettles", "author": writer, "body": "Which one?" });
    let message = source.message("M", "T", "bob", "The red one");
    let mut private = source.message("P", "", "vera", "Psst");
    private["recipient"] = json!({ "id": "desk", "screenname": "Desk", "created_at": "2026-01-15" });
    channel.describe(Reply::json(&info));
    channel.answer(move |push| {
        let listed = match push.action().as_str() {
            "threads.list" => &thread,
            "messages.list" => &message,
            _ => &private,
        };
        let known = push.params()["since_id"] == listed["id"];
        Reply::json(&if known { json!([]) } else { json!([listed]) })
    });
    cast.otto.put(&format!("/1.0/content_sources/{}", source.id), &json!({ "active": true })).ok();
    wait_for_contents(&cast.otto, &source, 3);
    let shown = synchronized(&cast.otto, &source, &channel);
    assert_eq!((&shown["synchronization"]["skipped"], &shown["status"]), (&json!(0), &json!("ok")));
    let asked: Vec<(String, Value)> = channel
        .asked()
        .iter()
        .filter(|push| push.action() != "implementation.info")
        .map(|push| (push.action(), push.params()["since_id"].clone()))
        .take(6)
        .collect();
    let expected = [("threads", "T"), ("messages", "M"), ("private_messages", "P")];
    let expected: Vec<_> = expected
        .iter()
        .flat_map(|(object, id)| [(format!("{object}.list"), Value::Null), (format!("{object}.list"), json!(id))])
        .collect();
    assert_eq!(asked, expected);
    assert_eq!(source.thread(&cast.otto, "T")["contents_count"], 2);
}

fn what_the_real_time_half_told_is_not_imported_again(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel, messages) = with_library(&cast, 3, 100);
    wait_for_contents(&cast.otto, &source, 3);
    let told = source.says("vera", "t0", "In real time");
    messages.lock().unwrap().push(source.message(&told, "t0", "vera", "In real time"));
    synchronized(&cast.otto, &source, &channel);
    assert_eq!(source.all_contents(&cast.otto).len(), 4);
    // And the other way round.
    source.tells("messages.create", &source.message("m1", "t1", "vera", "Old 1"));
    assert_eq!(source.all_contents(&cast.otto).len(), 4);
}

/// The channel shows an answer in its list before it has said under which id it took it.
fn an_answer_on_its_way_is_not_imported_as_somebody_elses(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel, messages) = with_library(&cast, 1, 100);
    source.has_voice("desk");
    let asked = wait_for_contents(&cast.otto, &source, 1).remove(0);
    synchronized(&cast.otto, &source, &channel);
    let listed = messages.clone();
    let (taken, to) = (messages.clone(), source.clone());
    channel.answer(move |push| match push.action().as_str() {
        "messages.list" => Reply::json(&slice(&listed.lock().unwrap(), push, 100)),
        _ => {
            let author = push.params()["author_id"].as_str().unwrap_or_default().to_owned();
            taken.lock().unwrap().push(to.message("ours", "t0", &author, &push.text()));
            Reply::json(&json!({ "id": "ours" })).after(Duration::from_secs(2))
        }
    });
    let reply = cast.otto.reply(asked["id"].as_str().unwrap(), "On its way");
    // As HTML, since it has no option that says otherwise.
    channel.push_of("<p>On its way</p>");
    synchronized(&cast.otto, &source, &channel);
    eventually("it is delivered", || {
        let content = cast.otto.content(reply["id"].as_str().unwrap());
        (content["synchronization_status"] == "success").then_some(content)
    });
    synchronized(&cast.otto, &source, &channel);
    let contents = source.all_contents(&cast.otto);
    assert_eq!(contents.len(), 2, "{contents:?}");
    assert_eq!(contents[1]["foreign_id"], "ours");
}

fn objects_that_lack_something_are_left_out_and_counted(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel, messages) = with_library(&cast, 0, 100);
    *messages.lock().unwrap() = vec![
        source.message("m0", "t0", "vera", "First"),
        json!({ "id": "nobody", "thread_id": "t0", "body": "Whose?" }),
        json!(null),
        source.message("m1", "t0", "vera", "Second"),
    ];
    synchronize(&cast.otto, &source);
    wait_for_contents(&cast.otto, &source, 2);
    let shown = synchronized(&cast.otto, &source, &channel);
    let run = &shown["synchronization"];
    assert_eq!((&run["imported"], &run["skipped"], &shown["status"]), (&json!(2), &json!(2), &json!("ok")), "{run}");
    assert!(run["last_skipped"].as_str().unwrap().starts_with("messages["), "{run}");
}

fn an_answer_to_something_unknown_is_imported_without_its_place(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel, messages) = with_library(&cast, 0, 100);
    let answer = |id: &str, to: &str| {
        let mut message = source.message(id, "t", "vera", id);
        message["in_reply_to_id"] = to.into();
        message
    };
    let first = source.message("m0", "t", "vera", "m0");
    *messages.lock().unwrap() = vec![first, answer("m1", "long-gone"), answer("m2", "m0")];
    synchronize(&cast.otto, &source);
    let contents = wait_for_contents(&cast.otto, &source, 3);
    let of = |id: &str| contents.iter().find(|content| content["foreign_id"] == id).unwrap();
    assert_eq!(of("m1")["in_reply_to_id"], Value::Null);
    assert_eq!(of("m2")["in_reply_to_id"], of("m0")["id"]);
}

fn whatever_a_channel_answers_is_shown_and_the_next_run_recovers(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel, messages) = with_library(&cast, 2, 100);
    wait_for_contents(&cast.otto, &source, 2);
    let shown_error = |told: &str| {
        synchronize(&cast.otto, &source);
        let shown = eventually(&format!("the source tells: {told}"), || {
            let shown = source.shown(&cast.otto);
            shown["error_message"].as_str().is_some_and(|error| error.contains(told)).then_some(shown)
        });
        assert_eq!(shown["status"], "error");
        assert_eq!(source.all_contents(&cast.otto).len(), 2, "{told}");
    };
    let many: Vec<Value> = (0..1_001).map(|at| source.message(&format!("x{at}"), "t0", "vera", "x")).collect();
    let list = json!([source.message("forged", "t0", "vera", "Forged")]);
    for (reply, told) in [
        (Reply::status(200, "%$garbage"), "messages.list: the answer is not JSON: %$garbage"),
        (Reply::status(200, "<html>Sign in</html>"), "<html>Sign in</html>"),
        (Reply::status(200, ""), "messages.list: the answer is empty"),
        (Reply::status(302, ""), "messages.list: the channel answered 302"),
        (Reply::status(503, "Out of order"), "the channel answered 503: Out of order"),
        (Reply::status(200, "{\"id\": 1}"), "the answer is no list"),
        (Reply::json(&json!({ "error": { "message": "Locked out" } })), "Locked out"),
        (Reply::json(&list).signed("another secret"), "signature"),
        (Reply::json(&many.into()), "1001 objects"),
        (Reply::status(200, &" ".repeat(21_000_000)), "more than 20971520 bytes"),
    ] {
        channel.answer(move |_| reply.clone());
        shown_error(told);
    }
    // What it says of itself may be as bad.
    for (reply, told) in [
        (Reply::json(&json!({ "id": "1" })), "implementation.info: the answer has no objects"),
        (Reply::status(500, "Boom"), "implementation.info: the channel answered 500: Boom"),
    ] {
        channel.describe(reply);
        shown_error(told);
    }
    let failures = extended(&cast.otto, &source)["synchronization"]["failures"].as_i64().unwrap();
    assert!(failures >= 12, "{failures}");
    // Nobody has to do anything but the channel, and what it signs is verified. Asking now only saves the pause.
    messages.lock().unwrap().push(source.message("m2", "t2", "vera", "Back again"));
    let (all, secret) = (messages.clone(), source.secret.clone());
    channel.describe(Reply::json(&json!({ "objects": { "messages": ["list"] } })).signed(&source.secret));
    channel.answer(move |push| Reply::json(&slice(&all.lock().unwrap(), push, 100)).signed(&secret));
    let shown = synchronized(&cast.otto, &source, &channel);
    assert_eq!((&shown["status"], &shown["error_message"]), (&json!("ok"), &Value::Null));
    assert_eq!(source.all_contents(&cast.otto).len(), 3);
}

/// A server that answers `implementation.info` as it should, and all else with these bytes.
struct RawChannel {
    address: SocketAddr,
    answer: Arc<Mutex<RawAnswer>>,
}

type RawAnswer = Arc<dyn Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync>;

impl RawChannel {
    fn start() -> RawChannel {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let nothing: RawAnswer = Arc::new(|_| Ok(()));
        let answer = Arc::new(Mutex::new(nothing));
        let answers = answer.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answers = answers.clone();
                std::thread::spawn(move || RawChannel::serve(stream, &answers));
            }
        });
        RawChannel { address, answer }
    }

    fn serve(mut stream: TcpStream, answers: &Mutex<RawAnswer>) {
        let mut request = Vec::new();
        // Every request of these stories is small and ends with the time.
        while !request.ends_with(b"\"}") {
            let mut some = [0; 4096];
            match stream.read(&mut some) {
                Ok(read) if read > 0 => request.extend_from_slice(&some[..read]),
                _ => return,
            }
        }
        if String::from_utf8_lossy(&request).contains("implementation.info") {
            let _ = stream.write_all(&http(br#"{"objects":{"messages":["list"]}}"#));
            return;
        }
        let answer = answers.lock().unwrap().clone();
        // Whoever is cut off has nothing to complain about.
        let _ = answer(&mut stream);
    }

    fn answers(&self, answer: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static) {
        *self.answer.lock().unwrap() = Arc::new(answer);
    }

    fn source(&self, otto: &Person) -> Source {
        Source::create(otto, &format!("http://{}/", self.address), &json!({}))
    }
}

fn http(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn no_bytes_of_a_channel_harm_more_than_their_own_run(engine: Engine) {
    let cast = Cast::shared(engine);
    let raw = RawChannel::start();
    let source = raw.source(&cast.otto);
    let (other, other_channel, _) = with_library(&cast, 2, 100);
    wait_for_contents(&cast.otto, &other, 2);
    let deep = "[".repeat(200_000);
    let number =
        r#"[{"id":"a","thread_id":1e400,"author":{"id":"v","screenname":"V","created_at":"2026-01-15"},"body":"x"}]"#;
    let many = format!("[{}]", vec!["0"; 600_000].join(","));
    let header = format!("HTTP/1.1 200 OK\r\nx-long: {}\r\ncontent-length: 2\r\n\r\n[]", "y".repeat(2_000_000));
    let headers = format!("HTTP/1.1 200 OK\r\n{}content-length: 2\r\n\r\n[]", "x-more: y\r\n".repeat(20_000));
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n[{".to_vec();
    let elsewhere = b"HTTP/1.1 301 Moved\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".to_vec();
    for (failures, (what, bytes, told)) in (1_i64..).zip([
        ("nothing", vec![], ""),
        ("no HTTP", b"%%%%\r\n\r\n".to_vec(), ""),
        ("half an answer", cut, ""),
        ("a long header", header.into_bytes(), ""),
        ("many headers", headers.into_bytes(), ""),
        ("a redirect", elsewhere, "the channel answered 301"),
        ("no UTF-8", http(b"[{\"id\": \"\xff\xfe\", \"body\": \"\xc3\"}]"), "not JSON"),
        ("deep nesting", http(deep.as_bytes()), "not JSON"),
        ("a number out of reach", http(number.as_bytes()), "not JSON"),
        ("many values", http(many.as_bytes()), "more than 500000 values"),
        ("half a pair", http(br#"[{"id": "\ud800"}]"#), "not JSON"),
    ]) {
        raw.answers(move |stream| stream.write_all(&bytes));
        synchronize(&cast.otto, &source);
        let shown = eventually(&format!("the source tells of {what}"), || {
            let shown = extended(&cast.otto, &source);
            (shown["synchronization"]["failures"].as_i64() >= Some(failures)).then_some(shown)
        });
        let error = shown["error_message"].as_str().unwrap_or_default();
        assert!(error.starts_with("messages.list: ") && error.contains(told), "{what}: {error}");
        assert!(error.chars().count() < 700 && !error.chars().any(char::is_control), "{what}: {error}");
        assert_eq!(shown["status"], "error", "{what}");
        assert!(source.all_contents(&cast.otto).is_empty(), "{what}");
    }
    // Nobody else has noticed, and the channel itself only needs to answer well.
    assert_eq!(synchronized(&cast.otto, &other, &other_channel)["status"], "ok");
    let good = http(json!([source.message("m", "t", "vera", "Here I am")]).to_string().as_bytes());
    raw.answers(move |stream| stream.write_all(&good));
    synchronize(&cast.otto, &source);
    wait_for_contents(&cast.otto, &source, 1);
    eventually("the source is well", || (source.shown(&cast.otto)["status"] == "ok").then_some(()));
}

fn an_answer_that_comes_byte_by_byte_is_cut_off(engine: Engine) {
    let cast = Cast::shared(engine);
    let raw = RawChannel::start();
    let source = raw.source(&cast.otto);
    let trickle = http(&[b' '; 600]);
    raw.answers(move |stream| {
        for byte in &trickle {
            stream.write_all(&[*byte])?;
            std::thread::sleep(Duration::from_millis(500));
        }
        Ok(())
    });
    let began = Instant::now();
    synchronize(&cast.otto, &source);
    // All of it would take minutes.
    let error = loop {
        assert!(began.elapsed() < Duration::from_secs(120), "it is still read");
        let shown = source.shown(&cast.otto);
        match shown["error_message"].as_str() {
            Some(error) => break error.to_owned(),
            None => std::thread::sleep(Duration::from_millis(300)),
        }
    };
    assert!(error.starts_with("messages.list: "), "{error}");
    assert!(began.elapsed() > Duration::from_secs(25), "an answer has 30 seconds");
}

fn what_is_odd_in_a_list_is_imported_once_and_within_reason(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel, messages) = with_library(&cast, 0, 100);
    let first = source.message("m0", "t", "vera", "First");
    let mut again = first.clone();
    again["body"] = "Not the first".into();
    let mut late = source.message("m1", "t", "vera", "Late");
    late["created_at"] = "9999-12-30T12:00:00Z".into();
    let mut early = source.message("m2", "t", "vera", "Early");
    early["created_at"] = "0001-01-01".into();
    let mut never = source.message("m3", "t", "vera", "Never");
    never["created_at"] = "99999-01-01".into();
    let mut numbered = source.message("m4", "t", "vera", "Numbered");
    numbered["id"] = json!(u64::MAX);
    *messages.lock().unwrap() = vec![first.clone(), again.clone(), late, early, never, first, again, numbered];
    synchronize(&cast.otto, &source);
    let shown = synchronized(&cast.otto, &source, &channel);
    let contents = source.all_contents(&cast.otto);
    assert_eq!(
        (&shown["status"], &shown["synchronization"]["imported"]),
        (&json!("ok"), &json!(4)),
        "{}",
        shown["synchronization"]
    );
    assert_eq!(shown["synchronization"]["skipped"], 1, "{shown}");
    assert_eq!(source.all_contents(&cast.otto).len(), 4);
    let of = |id: &str| contents.iter().find(|content| content["foreign_id"] == id).expect(id);
    assert_eq!(of("m0")["body"], "First");
    assert_eq!(of("18446744073709551615")["body"], "Numbered");
    assert!(of("m2")["created_at"].as_str().unwrap().starts_with("0001-01-01"));
    // Nothing was written in the future.
    assert!(of("m1")["created_at"].as_str().unwrap() < "9999", "{}", of("m1")["created_at"]);
}

fn a_channel_that_only_writes_is_no_failure(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    channel.describe(Reply::status(422, "Invalid action"));
    let shown = synchronized(&cast.otto, &source, &channel);
    assert_eq!((&shown["status"], &shown["implementation"]), (&json!("ok"), &Value::Null));
    source.says("vera", "t", "Hello?");
    assert_eq!(source.all_contents(&cast.otto).len(), 1);
    // It is asked less often than one with lists.
    let next = |shown: &Value| {
        let time =
            |name: &str| -> jiff::Timestamp { shown["synchronization"][name].as_str().unwrap().parse().unwrap() };
        time("next_run_at").duration_since(time("last_run_at")).as_secs()
    };
    // A run that was asked for while another one was going on follows it at once.
    let settles = |source: &Source, seconds: i64| {
        eventually("its next run is when it should be", || {
            (next(&extended(&cast.otto, source)) == seconds).then_some(())
        });
    };
    settles(&source, 180);
    let (source, channel, _) = with_library(&cast, 1, 1);
    synchronized(&cast.otto, &source, &channel);
    settles(&source, 60);
}

fn a_channel_that_does_not_answer_holds_up_no_other(engine: Engine) {
    let cast = Cast::shared(engine);
    let (slow, slow_channel, _) = with_library(&cast, 1, 1);
    slow_channel.answer(|_| Reply::json(&json!([])).after(Duration::from_secs(60)));
    synchronize(&cast.otto, &slow);
    eventually("it is being asked", || (!lists_of(&slow_channel, "messages.list").is_empty()).then_some(()));
    let (quick, _channel, _) = with_library(&cast, 5, 2);
    wait_for_contents(&cast.otto, &quick, 5);
    assert!(extended(&cast.otto, &quick)["synchronization"]["error"].is_null());
}

fn an_import_that_was_killed_goes_on_where_it_was(engine: Engine) {
    let mut cast = Cast::at(Server::start(engine, &["--demo", "--poll-interval", "1"]));
    let (source, channel, messages) = with_library(&cast, 0, 20);
    *messages.lock().unwrap() =
        (0..140).map(|at| source.message(&format!("m{at}"), "t", &unique("v"), &format!("Old {at}"))).collect();
    let all = messages.clone();
    channel.answer(move |push| Reply::json(&slice(&all.lock().unwrap(), push, 20)).after(Duration::from_millis(100)));
    wait_for_contents(&cast.otto, &source, 40);
    cast.server.kill();
    let asked = lists_of(&channel, "messages.list").len();
    cast.server.restart();
    wait_for_contents(&cast.otto, &source, 140);
    let next = lists_of(&channel, "messages.list")[asked].params()["since_id"].clone();
    assert!(next.as_str().is_some_and(|id| id != "m139"), "it went on, and did not begin anew: {next}");
    std::thread::sleep(Duration::from_millis(1_500));
    let contents = source.all_contents(&cast.otto);
    assert_eq!(contents.len(), 140);
    let mut ids: Vec<&str> = contents.iter().map(|content| content["foreign_id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 140);
}

fn every_option_is_kept_and_shown(engine: Engine) {
    let cast = Cast::shared(engine);
    let mut options = vec!["view.messaging".to_owned(), "messaging.typing_indicator".into()];
    options.extend(["messages.unthreaded", "messages.allow_survey", "messages.no_title"].map(str::to_owned));
    options.extend(["private_messages.no_title", "threads.no_content", "messaging.queuing_update"].map(str::to_owned));
    for object in ["messages", "private_messages", "threads"] {
        options.extend(["text", "html", "attachments"].map(|what| format!("{object}.{what}")));
    }
    assert_eq!(options.len(), 17);
    let channel = FakeChannel::start();
    let info = json!({ "objects": { "messages": ["create"], "private_messages": ["create"] }, "options": options });
    channel.describe(Reply::json(&info));
    let source = Source::create(&cast.otto, &channel.base_uri(), &json!({}));
    source.has_described_itself(&cast.otto);
    assert_eq!(extended(&cast.otto, &source)["implementation"]["options"], info["options"]);
    // Each of them can be set by an administrator as well.
    cast.otto.put(&format!("/1.0/content_sources/{}", source.id), &json!({ "options": options })).ok();
    assert_eq!(extended(&cast.otto, &source)["options"], info["options"]);
    // A title that nobody would see is refused, a reply without one goes out.
    source.has_voice("desk");
    let mut message = source.message("m", "", "vera", "Hello?");
    message["thread_id"] = Value::Null;
    source.tells("messages.create", &message);
    let content = source.all_contents(&cast.otto).remove(0);
    let mut reply = json!({ "in_reply_to_id": content["id"], "body": "Hello", "title": "A title" });
    assert_eq!(cast.otto.post("/1.0/contents", &reply).invalid(), ["title"]);
    reply["title"] = "".into();
    cast.otto.post("/1.0/contents", &reply).ok();
    assert_eq!(channel.push_of("Hello").params().get("title"), None);
}

fn the_channels_options_hold_unless_the_source_has_its_own(engine: Engine) {
    let cast = Cast::shared(engine);
    let channel = FakeChannel::start();
    let unthreaded = json!({ "objects": { "messages": ["create"] }, "options": ["messages.unthreaded"] });
    channel.describe(Reply::json(&unthreaded));
    let create = |settings: &Value| {
        let source = Source::create(&cast.otto, &channel.base_uri(), settings);
        eventually("it has told", || extended(&cast.otto, &source)["implementation"].is_object().then_some(()));
        let mut message = source.message(&unique("m"), "", "vera", "Hello");
        message["thread_id"] = Value::Null;
        source.post("messages.create", &message).status
    };
    assert_eq!(create(&json!({})), 200, "the channel has no threads");
    assert_eq!(create(&json!({ "options": [] })), 422, "the administrator says that it has");
}

fn only_active_channels_are_asked(engine: Engine) {
    let cast = Cast::at(Launch::new(engine).with(&["--demo", "--poll-interval", "1"]).start());
    let (source, channel, _) = with_library(&cast, 1, 1);
    let path = format!("/1.0/content_sources/{}", source.id);
    let rhythm = |count| lists_of(&channel, "messages.list").len() >= count;
    eventually("it is asked again and again", || rhythm(4).then_some(()));
    cast.otto.put(&path, &json!({ "active": false })).ok();
    std::thread::sleep(Duration::from_millis(700));
    let asked = channel.asked().len();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(channel.asked().len(), asked);
    cast.otto.post(&format!("{path}/synchronize"), &json!({})).refused(422);
    let community = json!({ "type": "mobile_messaging", "name": unique("Community ") });
    let community = cast.otto.post("/1.0/communities", &community).ok();
    let other = json!({ "type": "mobile_messaging", "name": unique("App "), "community_id": community["id"] });
    let other = cast.otto.post("/1.0/content_sources", &other).ok();
    let other = format!("/1.0/content_sources/{}/synchronize", other["id"].as_str().unwrap());
    cast.otto.post(&other, &json!({})).refused(422);
}

fn a_channel_without_an_address_only_posts(engine: Engine) {
    let cast = Cast::shared(engine);
    let community = cast.otto.post("/1.0/communities", &json!({ "type": "sdk", "name": unique("Community ") })).ok();
    let source = json!({ "type": "sdk", "name": unique("Log "), "community_id": community["id"] });
    let source = Source::shown_as(&cast.otto, &cast.otto.post("/1.0/content_sources", &source).ok());
    source.has_voice("desk");
    synchronize(&cast.otto, &source);
    let shown = eventually("it was its turn", || {
        let shown = extended(&cast.otto, &source);
        (shown["synchronization"]["last_run_at"].is_string()).then_some(shown)
    });
    assert_eq!((&shown["status"], &shown["error_message"]), (&json!("ok"), &Value::Null));
    assert_eq!((&shown["implementation"], &shown["base_uri"]), (&Value::Null, &Value::Null));
    source.says("vera", "t", "Hello?");
    let reply = cast.otto.reply(source.all_contents(&cast.otto)[0]["id"].as_str().unwrap(), "Hello");
    let reply = eventually("it has failed at once", || {
        let content = cast.otto.content(reply["id"].as_str().unwrap());
        (content["synchronization_status"] == "export_failure").then_some(content)
    });
    assert!(reply["synchronization_error"].as_str().unwrap().contains("base_uri"), "{reply}");
}

/// Bad answers, and what is told of them.
fn bad_answers() -> Vec<(Reply, &'static str)> {
    let refused = |status: u16| (Reply::status(status, "Go away"), "Go away");
    let mut answers: Vec<_> = [400, 401, 403, 404, 422, 429, 500].map(refused).into();
    answers.extend([
        (Reply::status(200, "%$garbage"), "not JSON: %$garbage"),
        (Reply::status(200, "<html>Sign in</html>"), "not JSON: <html>"),
        (Reply::status(200, ""), "the answer is empty"),
        (Reply::status(200, "7"), "the answer is no list"),
        (Reply::status(302, ""), "the channel answered 302"),
        (Reply::json(&json!({ "error": { "fatal": true, "message": "Locked out" } })), "Locked out"),
        (Reply::json(&json!([{ "id": "1" }])).signed("another secret"), "signature"),
        (Reply::json(&json!(vec![0; 1_001])), "1001 objects"),
    ]);
    answers
}

fn every_list_is_judged_alike(engine: Engine) {
    let cast = Cast::shared(engine);
    let mut asked = Vec::new();
    for object in ["threads", "messages", "private_messages"] {
        for (reply, told) in bad_answers() {
            let channel = FakeChannel::start();
            channel.describe(Reply::json(&json!({ "objects": { (object): ["list"] } })));
            channel.answer(move |_| reply.clone());
            let source = Source::create(&cast.otto, &channel.base_uri(), &json!({}));
            asked.push((object, told, source, channel));
        }
    }
    for (object, told, source, _channel) in &asked {
        let error = eventually(&format!("{object}: {told}"), || {
            source.shown(&cast.otto)["error_message"].as_str().map(str::to_owned)
        });
        assert!(error.starts_with(&format!("{object}.list: ")) && error.contains(told), "{error}");
        assert!(source.all_contents(&cast.otto).is_empty(), "{object}: {told}");
        // What it writes itself is taken in all the same.
        source.says("vera", "t", "Hello?");
    }
}

fn an_id_is_the_same_as_a_number_and_another_in_capitals(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel, messages) = with_library(&cast, 0, 100);
    let of = |message: Value, thread: Value, author: Value| {
        let mut fields = source.message("", "", "vera", &message.to_string());
        (fields["id"], fields["thread_id"], fields["author"]["id"]) = (message, thread, author);
        fields
    };
    let told = vec![
        of(json!("7"), json!("t"), json!("1")),
        of(json!(7), json!("t"), json!(1)),
        of(json!("07"), json!(12), json!("vera")),
        of(json!("a"), json!("12"), json!("VERA")),
        of(json!("A"), json!("T"), json!("vera")),
        of(json!("\u{e9}"), json!("T"), json!("vera")),
        of(json!("e\u{301}"), json!("T"), json!("vera")),
    ];
    *messages.lock().unwrap() = told.clone();
    let shown = synchronized(&cast.otto, &source, &channel);
    assert_eq!((&shown["status"], &shown["synchronization"]["imported"]), (&json!("ok"), &json!(6)), "{shown}");
    for fields in &told {
        source.tells("messages.create", fields);
    }
    let contents = source.all_contents(&cast.otto);
    let distinct = |name: &str| {
        let mut values: Vec<String> = contents.iter().map(|content| content[name].to_string()).collect();
        values.sort_unstable();
        values.dedup();
        values.len()
    };
    assert_eq!((contents.len(), distinct("foreign_id"), distinct("thread_id"), distinct("author_id")), (6, 6, 3, 3));
    synchronized(&cast.otto, &source, &channel);
    assert_eq!(source.all_contents(&cast.otto).len(), 6);
}

/// The channel posts each message when it is written, and tells it in its list at the same time.
fn what_is_told_both_ways_at_once_is_here_once(engine: Engine) {
    const MESSAGES: usize = 90;
    let cast = Cast::shared(engine);
    let (source, channel, messages) = with_library(&cast, 0, 7);
    let told: Vec<Value> = (0..MESSAGES)
        .map(|at| source.message(&format!("m{at}"), &format!("t{}", at % 4), &format!("v{}", at % 5), &format!("{at}")))
        .collect();
    *messages.lock().unwrap() = told.clone();
    synchronize(&cast.otto, &source);
    std::thread::scope(|scope| {
        for part in told.chunks(MESSAGES / 3) {
            let source = &source;
            scope.spawn(move || part.iter().rev().for_each(|fields| source.tells("messages.create", fields)));
        }
    });
    let shown = synchronized(&cast.otto, &source, &channel);
    assert_eq!((&shown["status"], &shown["synchronization"]["skipped"]), (&json!("ok"), &json!(0)));
    let contents = source.all_contents(&cast.otto);
    assert_eq!(contents.len(), MESSAGES);
    for (thread, count) in [("t0", 23), ("t1", 23), ("t2", 22), ("t3", 22)] {
        assert_eq!(source.thread(&cast.otto, thread)["contents_count"], count, "{thread}");
        let firsts = source.contents(&cast.otto, thread).iter().filter(|one| one["first_in_thread"] == true).count();
        assert_eq!(firsts, 1, "{thread}");
    }
}

/// It posts what we gave it back to us before it has answered; or it answers badly, and lists it.
fn what_the_channel_tells_of_an_answer_of_ours_says_that_it_has_it(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel, messages) = with_library(&cast, 1, 100);
    source.has_voice("desk");
    let asked = wait_for_contents(&cast.otto, &source, 1).remove(0);
    synchronized(&cast.otto, &source, &channel);
    let (listed, to) = (messages.clone(), source.clone());
    channel.answer(move |push| {
        if push.action() == "messages.list" {
            return Reply::json(&slice(&listed.lock().unwrap(), push, 100));
        }
        let params = push.params();
        let author = params["author_id"].as_str().unwrap_or_default();
        let mut told = to.message(&format!("ours-{}", push.number), "t0", author, &push.text());
        if push.text().contains("echoed") {
            to.tells("messages.create", &told);
            return Reply::json(&json!({ "id": told["id"] })).after(Duration::from_millis(300));
        }
        told["actions"] = json!(["delete"]);
        listed.lock().unwrap().push(told);
        Reply::status(500, "I forgot what I was about to say")
    });
    let delivered = |text: &str, how: &dyn Fn()| {
        let reply = cast.otto.reply(asked["id"].as_str().unwrap(), text);
        let push = channel.push_of(&format!("<p>{text}</p>"));
        how();
        let content = eventually("it is delivered", || {
            let content = cast.otto.content(reply["id"].as_str().unwrap());
            (content["synchronization_status"] == "success").then_some(content)
        });
        assert_eq!(content["foreign_id"], format!("ours-{}", push.number), "{text}");
        assert_eq!(content["synchronization_error"], Value::Null);
    };
    delivered("This is echoed", &|| {});
    delivered("This is listed", &|| {
        eventually("the error is shown", || (source.shown(&cast.otto)["status"] == "error").then_some(()));
        assert_eq!(synchronized(&cast.otto, &source, &channel)["status"], "ok");
    });
    assert_eq!(source.all_contents(&cast.otto).len(), 3);
    assert_eq!(channel.pushes().iter().filter(|push| push.action() == "messages.create").count(), 2);
    // What a customer writes is theirs, whatever it says; and what an agent writes there, when nothing is on its way.
    source.says("vera", "t0", "<p>This is echoed</p>");
    source.says("desk", "t0", "<p>This is echoed</p>");
    assert_eq!(source.all_contents(&cast.otto).len(), 5);
}

fn an_import_stops_with_its_source_and_goes_on_where_it_was(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel, messages) = with_library(&cast, 60, 5);
    let all = messages.clone();
    let answer =
        move |push: &Push| Reply::json(&slice(&all.lock().unwrap(), push, 5)).after(Duration::from_millis(100));
    channel.answer(answer);
    let path = format!("/1.0/content_sources/{}", source.id);
    wait_for_contents(&cast.otto, &source, 10);
    cast.otto.put(&path, &json!({ "active": false })).ok();
    eventually("the run has ended", || {
        (extended(&cast.otto, &source)["synchronization"]["running"] == false).then_some(())
    });
    let imported = source.all_contents(&cast.otto).len();
    assert!((10..60).contains(&imported), "{imported}");
    let asked = lists_of(&channel, "messages.list").len();
    cast.otto.put(&path, &json!({ "active": true })).ok();
    wait_for_contents(&cast.otto, &source, 60);
    assert_ne!(lists_of(&channel, "messages.list")[asked].params()["since_id"], Value::Null);
    let mut ids: Vec<String> =
        source.all_contents(&cast.otto).iter().map(|content| content["foreign_id"].to_string()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 60);
    // Of one that goes while it is asked, nothing stays.
    let (gone, channel, messages) = with_library(&cast, 0, 5);
    *messages.lock().unwrap() = vec![gone.message("m", "t", "vera", "Too late")];
    let late = messages.clone();
    channel.answer(move |push| Reply::json(&slice(&late.lock().unwrap(), push, 5)).after(Duration::from_millis(700)));
    synchronize(&cast.otto, &gone);
    eventually("it is being asked", || (!lists_of(&channel, "messages.list").is_empty()).then_some(()));
    cast.otto.delete(&format!("/1.0/content_sources/{}", gone.id)).ok();
    cast.otto.get(&format!("/1.0/content_sources/{}", gone.id)).refused(404);
    let found = cast.otto.get(&format!("/1.0/identities?community_id={}", gone.community_id)).ok();
    assert_eq!(found["count"], 0);
}

fn objects_without_ids_are_shown(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel, messages) = with_library(&cast, 0, 100);
    let mut nameless = source.message("", "t", "vera", "Who am I?");
    nameless["id"] = Value::Null;
    *messages.lock().unwrap() = vec![nameless.clone(), nameless];
    for _ in 0..2 {
        synchronized(&cast.otto, &source, &channel);
        let shown = synchronized(&cast.otto, &source, &channel);
        let run = &shown["synchronization"];
        assert_eq!(run["last_skipped"], "messages[0].id is missing", "{run}");
        // They are told every time, and so are not counted.
        assert_eq!((&run["skipped"], &run["error"]), (&json!(0), &Value::Null));
    }
}

/// Two nodes of one store, and sources with old messages and new ones: each is asked by one of them.
#[test]
fn two_nodes_ask_each_source_once_and_import_nothing_twice() {
    let flags = ["--demo", "--poll-interval", "1"];
    let cast = Cast::at(Launch::new(Engine::Postgres).with(&flags).start());
    let key = cast.server.data().join("secret.key");
    let key = ["--poll-interval", "1", "--secret-key-file", key.to_str().expect("a path")];
    let database = cast.server.database_url().map(str::to_owned);
    let _other = Launch::new(Engine::Postgres).database(database).with(&key).start();
    let sources: Vec<_> = (0..4).map(|_| with_library(&cast, 60, 20)).collect();
    for (source, channel, messages) in &sources {
        wait_for_contents(&cast.otto, source, 60);
        messages.lock().unwrap().push(source.message("m60", "t0", "vera", "New"));
        wait_for_contents(&cast.otto, source, 61);
        let asked = lists_of(channel, "messages.list");
        let of = |since: &Value| asked.iter().filter(|push| push.params()["since_id"] == *since).count();
        assert_eq!((of(&Value::Null), of(&json!("m19")), of(&json!("m39"))), (1, 1, 1));
        let shown = extended(&cast.otto, source);
        assert_eq!((&shown["status"], &shown["synchronization"]["imported"]), (&json!("ok"), &json!(61)));
        assert_eq!(source.all_contents(&cast.otto).len(), 61);
    }
}
