//! The Send API: what a channel may tell, and what it is told when that is wrong.

use std::time::Duration;

use frontdesk_tests::http::{Connection, Request};
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::signature::sign;
use frontdesk_tests::{Answer, Cast, Engine, Source};
use serde_json::{Value, json};

on_both_engines![
    every_documented_error_has_its_status_and_text,
    a_refused_request_leaves_nothing_behind,
    the_signature_stands_in_the_header_or_in_the_address,
    a_body_that_nobody_signed_is_not_waited_for,
    bodies_may_be_as_large_as_documented_and_no_larger,
    the_body_is_json_whatever_its_type_says,
    typing_is_limited_and_a_stop_starts_afresh,
    a_read_mark_is_kept,
    an_author_is_told_alone,
    dates_come_in_many_forms,
    absent_null_and_empty_are_the_same,
    a_changed_secret_counts_at_once,
    a_channel_without_threads_keeps_one_thread_per_customer,
    what_agents_wrote_on_the_channel_itself_is_theirs,
];

#[track_caller]
fn refused(answer: &Answer, status: u16, message: &str) {
    let body = answer.refused(status);
    assert_eq!(body["message"], message, "{body}");
}

fn a_body_that_nobody_signed_is_not_waited_for(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let (path, large) = (source.path(), 1 << 20);
    let begin = |more: &str| {
        let mut connection = Connection::open(cast.server.address()).expect("a connection");
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {large}\r\n{more}\r\n");
        connection.write(head.as_bytes()).expect("a write");
        connection
    };
    // Not a byte of these bodies ever comes.
    for unsigned in ["", "X-SMCCSDK-SIGNATURE: \r\n", "X-SMCCSDK-SIGNATURE: nonsense\r\n"] {
        refused(&begin(unsigned).answer().expect("an answer"), 422, "Invalid signature");
    }
    // One that shows a signature is read to its end, and then looked at.
    let mut signed = begin(&format!("X-SMCCSDK-SIGNATURE: {}\r\n", "ab".repeat(64)));
    signed.write(&vec![b' '; large]).expect("a write");
    refused(&signed.answer().expect("an answer"), 422, "Invalid signature");
}

fn every_documented_error_has_its_status_and_text(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    let address = cast.server.address();
    let send = |request: Request| request.send(address).expect("an answer");
    let good = source.message("m", "t", "vera", "Hello?");

    for body in ["", "{", "nonsense", "{\"action\":}", "[1,]"] {
        refused(&send(source.request_of(body.as_bytes())), 400, "Bad request");
    }
    for body in [
        json!([]),
        json!("x"),
        json!(null),
        json!({}),
        json!({ "action": "messages.create" }),
        json!({ "params": good }),
        json!({ "action": 1, "params": good }),
        json!({ "action": "messages.create", "params": [] }),
        json!({ "action": "", "params": good }),
        json!({ "action": "messages.create", "params": null }),
    ] {
        refused(&send(source.request_of(body.to_string().as_bytes())), 400, "Invalid request format");
    }
    for action in ["messages.destroy", "messages", "create", "nonsense", "messages.create ", "users.delete"] {
        refused(&source.post(action, &good), 422, "Invalid action");
    }
    for unknown in ["0123456789abcdef01234567", "nonsense", &"9".repeat(24), "%00", "..%2f..", "%ff"] {
        let request = source.request("messages.create", &good);
        let request = Request { target: format!("/realtime/sdk/{unknown}"), ..request };
        refused(&send(request), 422, "Source not found");
    }
    let unsigned = Request { headers: Vec::new(), ..source.request("messages.create", &good) };
    refused(&send(unsigned), 422, "Invalid signature");
    for missing in ["id", "author", "body", "thread_id"] {
        let mut message = good.clone();
        message.as_object_mut().unwrap().remove(missing);
        let answer = source.post("messages.create", &message);
        refused(&answer, 422, "Invalid resource format");
        assert!(answer.text().contains(&format!("params.{missing}")), "{}", answer.text());
    }
    for (place, wrong) in [
        ("/body", json!(5)),
        ("/body", json!("x".repeat(20_001))),
        ("/id", json!("x".repeat(256))),
        ("/id", json!(1.5)),
        ("/author", json!("vera")),
        ("/author/id", json!(null)),
        ("/author/screenname", json!("")),
        ("/author/created_at", json!("soon")),
        ("/format", json!("markdown")),
        ("/display_url", json!("javascript:x")),
        ("/in_reply_to_id", json!("nobody-knows")),
        ("/categories", json!("x")),
        ("/context_data", json!([1])),
        ("/attachments", json!([{ "url": "ftp://x/y.png" }])),
        ("/attachments", json!([{ "content": "!", "filename": "a.txt" }])),
        ("/attachments", json!([{ "content": "aGVsbG8=", "filename": "a.exe" }])),
        ("/attachments", json!([{ "content": "aGVsbG8=" }])),
        ("/author/gender", json!("yes")),
        ("/body", json!("a\u{0}b")),
    ] {
        let mut message = good.clone();
        match message.pointer_mut(place) {
            Some(value) => *value = wrong.clone(),
            None => {
                let (parent, name) = place.rsplit_once('/').unwrap();
                message.pointer_mut(parent).unwrap()[name] = wrong.clone();
            }
        }
        refused(&source.post("messages.create", &message), 422, "Invalid resource format");
    }
    let structured = |content: Value| {
        let mut message = good.clone();
        message["structured_content"] = content;
        message
    };
    let select = json!({ "type": "select", "items": [{ "title": "Yes" }] });
    refused(
        &source.post("messages.create", &structured(select.clone())),
        422,
        "Source doesn't support structured contents",
    );
    let messaging = Source::create(&cast.otto, &channel.base_uri(), &json!({ "options": ["view.messaging"] }));
    for (content, message) in [
        (json!({ "items": [] }), "Type is required for structured contents"),
        (json!({ "type": "dance" }), "Source doesn't support this type of structured content"),
        (json!({ "type": "select", "items": [] }), "structured_content: \"items\" must not be empty"),
        (json!({ "type": "rich_link" }), "structured_content: \"url\" must not be empty"),
        (select, "The author must be puppetizable"),
    ] {
        refused(&messaging.post("messages.create", &structured(content)), 422, message);
    }
    assert!(source.all_contents(&cast.otto).is_empty() && messaging.all_contents(&cast.otto).is_empty());
    // Other methods and paths are not the Send API.
    let address = |method: &str, target: &str| cast.server.send(&Request::new(method, target)).status;
    assert!(matches!(address("GET", &source.path()), 404 | 405));
    assert_eq!(address("POST", "/realtime/sdk"), 404);
}

fn a_refused_request_leaves_nothing_behind(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    // The author is fine and new; what is answered does not exist.
    let mut message = source.message("m", "t", "newcomer", "Hello?");
    message["in_reply_to_id"] = json!("nobody-knows");
    assert_eq!(source.post("messages.create", &message).status, 422);
    let known =
        cast.otto.get(&format!("/1.0/identities?community_id={}&foreign_id=newcomer", source.community_id)).ok();
    assert_eq!(known["count"], 0);
    assert!(source.threads(&cast.otto, "t").is_empty());
    // So the same id can be told again when what it answers is there.
    source.tells("messages.create", &source.message("nobody-knows", "t", "vera", "First"));
    source.tells("messages.create", &message);
    let contents = source.contents(&cast.otto, "t");
    assert_eq!(contents[1]["in_reply_to_id"], contents[0]["id"]);
    assert_eq!(contents[1]["in_reply_to_author_id"], contents[0]["author_id"]);
}

fn the_signature_stands_in_the_header_or_in_the_address(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let address = cast.server.address();
    let body = |number: u32| {
        let message = source.message(&format!("m{number}"), "t", "vera", "Hello / <b>\u{e9}\u{1f600}</b>");
        // Spaces and order are the sender's: the signature is over the bytes.
        format!("{{ \"params\" : {message} ,\n \"action\":\"messages.create\" }}").into_bytes()
    };
    let post = |target: String, body: &[u8]| Request::new("POST", &target).body("application/json", body);
    let header = |number: u32, signature: &str| {
        post(source.path(), &body(number)).header("X-SMCCSDK-SIGNATURE", signature).send(address).unwrap().status
    };
    let query = |number: u32, signature: &str| {
        post(format!("{}?x=1&signature={signature}", source.path()), &body(number)).send(address).unwrap().status
    };
    let signed = |number: u32| sign(&source.secret, &body(number));
    assert_eq!(header(1, &signed(1)), 200);
    assert_eq!(header(2, &signed(2).to_uppercase()), 200);
    assert_eq!(query(3, &signed(3)), 200);
    assert_eq!(source.contents(&cast.otto, "t").len(), 3);
    for wrong in [
        sign("another secret", &body(4)),
        sign(&source.secret, b"another body"),
        String::new(),
        "0".repeat(128),
        signed(4)[..127].to_owned(),
        format!("{}00", signed(4)),
        format!("{} ", &signed(4)[..64]),
    ] {
        assert_eq!(header(4, &wrong), 422, "{wrong}");
        assert_eq!(query(4, wrong.trim()), 422, "{wrong}");
    }
    // Another source's secret signs nothing here.
    let (other, _channel) = cast.new_source();
    assert_eq!(header(5, &sign(&other.secret, &body(5))), 422);
    assert_eq!(source.contents(&cast.otto, "t").len(), 3);
}

fn bodies_may_be_as_large_as_documented_and_no_larger(engine: Engine) {
    const BYTES_MAX: usize = 20_971_520;
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let padded = |bytes: usize, message_id: &str| {
        let mut body =
            json!({ "action": "messages.create", "params": source.message(message_id, "t", "vera", "Hello?") })
                .to_string()
                .into_bytes();
        body.resize(bytes, b' ');
        source.request_of(&body)
    };
    let told = "Invalid request size (max: 20971520 bytes)";
    assert_eq!(cast.server.send(&padded(BYTES_MAX, "fits")).status, 200);
    refused(&cast.server.send(&padded(BYTES_MAX + 1, "does-not")), 413, told);
    // Announced or not: a body in chunks is counted as it comes.
    let request = padded(BYTES_MAX + 1, "does-not").header("Transfer-Encoding", "chunked");
    let mut chunked = format!("{:x}\r\n", request.body.len()).into_bytes();
    chunked.extend_from_slice(&request.body);
    chunked.extend_from_slice(b"\r\n0\r\n\r\n");
    refused(&cast.server.send(&Request { body: chunked, ..request }), 413, told);
    assert_eq!(source.all_contents(&cast.otto).len(), 1);
    // Many small values cost more memory than they have bytes.
    let many = format!("{{\"action\":\"messages.create\",\"params\":{{\"x\":[{}0]}}}}", "0,".repeat(200_000));
    refused(&cast.server.send(&source.request_of(many.as_bytes())), 400, "Bad request");
    let deep = format!("{{\"action\":\"messages.create\",\"params\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    refused(&cast.server.send(&source.request_of(deep.as_bytes())), 400, "Bad request");
}

fn the_body_is_json_whatever_its_type_says(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    for (number, kind) in
        ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", ""].iter().enumerate()
    {
        let mut request =
            source.request("messages.create", &source.message(&number.to_string(), "t", "vera", "Hello?"));
        request.headers.retain(|(name, _)| name != "Content-Type");
        let answer = cast.server.send(&request.header("Content-Type", kind));
        assert_eq!((answer.status, answer.text().as_str()), (200, "ok"), "{kind}");
    }
    assert_eq!(source.contents(&cast.otto, "t").len(), 4);
}

fn typing_is_limited_and_a_stop_starts_afresh(engine: Engine) {
    let cast = Cast::shared(engine);
    let (_, channel) = cast.new_source();
    let typist = Source::create(
        &cast.otto,
        &channel.base_uri(),
        &json!({ "options": ["view.messaging", "messaging.typing_indicator"] }),
    );
    let message = typist.says("vera", "t", "Hello?");
    typist.says("marc", "u", "Hello?");
    let start = |thread: &str| typist.post("typing.start", &json!({ "thread_id": thread, "preview": "Where is" }));
    assert_eq!(start("t").status, 200);
    let again = start("t");
    refused(&again, 429, "too many typing requests, please try again in a few seconds");
    assert!(again.header("retry-after").is_some());
    assert_eq!(start("u").status, 200, "another thread has its own limit");
    typist.tells("typing.stop", &json!({ "thread_id": "t" }));
    assert_eq!(start("t").status, 200);
    // The thread is also found by one of its contents.
    let by_content = typist.post("typing.start", &json!({ "in_reply_to_id": message, "preview": "x" }));
    assert_eq!(by_content.status, 429);
    std::thread::sleep(Duration::from_millis(2_100));
    assert_eq!(start("t").status, 200);
    for wrong in
        [json!({ "preview": "x" }), json!({ "thread_id": "t" }), json!({ "thread_id": "unknown", "preview": "x" })]
    {
        refused(&typist.post("typing.start", &wrong), 422, "Invalid resource format");
    }
    assert_eq!(typist.contents(&cast.otto, "t").len(), 1, "typing is a hint and leaves nothing");
    // A source whose options lack one of the two has no typing.
    for option in ["view.messaging", "messaging.typing_indicator"] {
        let silent = Source::create(&cast.otto, &channel.base_uri(), &json!({ "options": [option] }));
        silent.says("vera", "t", "Hello?");
        refused(&silent.post("typing.start", &json!({ "thread_id": "t", "preview": "x" })), 422, "Invalid action");
    }
}

fn a_read_mark_is_kept(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let reply = id(&cast.otto.reply(&id(&source.contents(&cast.otto, "t")[0]), "Hello"));
    channel.push_of("Hello");
    let foreign_id = frontdesk_tests::eventually("the reply is sent", || {
        cast.otto.content(&reply)["foreign_id"].as_str().map(str::to_owned)
    });
    source.tells("status.mark_as_read", &json!({ "id": foreign_id }));
    assert!(cast.otto.content(&reply).get("read_at").is_none(), "our own property needs extended=true");
    let extended = cast.otto.get(&format!("/1.0/contents/{reply}?extended=true")).ok();
    assert!(extended["read_at"].is_string(), "{extended}");
    refused(&source.post("status.mark_as_read", &json!({ "id": "unknown" })), 422, "Invalid resource format");
    refused(&source.post("status.mark_as_read", &json!({})), 422, "Invalid resource format");
}

fn an_author_is_told_alone(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let author = json!({
        "id": 7, "screenname": "vera", "created_at": "06/11/2017", "firstname": "Vera", "lastname": "Visitor",
        "email": "vera@example.com", "gender": "woman", "mobile_phone": "+33612345678", "home_phone": "",
        "avatar_url": "https://example.com/v.png", "context_data": { "vip": true },
    });
    source.tells("users.create", &author);
    source.tells("user.create", &author);
    let query = format!("/1.0/identities?source_id={}&foreign_id=7", source.id);
    let found = cast.otto.get(&query).ok();
    assert_eq!(found["count"], 1);
    let identity = &records(&found)[0];
    assert_eq!((&identity["display_name"], &identity["gender"]), (&json!("Vera Visitor"), &json!("woman")));
    assert_eq!((&identity["mobile_phone"], &identity["home_phone"]), (&json!("+33612345678"), &Value::Null));
    assert_eq!((&identity["extra_values"], &identity["type"]), (&json!({ "vip": true }), &json!("sdk")));
    assert!(source.all_contents(&cast.otto).is_empty());
    refused(&source.post("users.create", &json!({ "id": "8" })), 422, "Invalid resource format");
}

fn dates_come_in_many_forms(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    for (number, (date, shown)) in [
        (json!("2021-05-21T01:15:28Z"), "2021-05-21T01:15:28Z"),
        (json!("2021-05-21T03:15:28+02:00"), "2021-05-21T01:15:28Z"),
        (json!("2021-05-21T01:15:28.987Z"), "2021-05-21T01:15:28Z"),
        (json!("2021-05-21"), "2021-05-21T00:00:00Z"),
        (json!("06/11/2017"), "2017-11-06T00:00:00Z"),
        (json!(1_621_559_728_000_u64), "2021-05-21T01:15:28Z"),
        (json!(1_621_559_728.5), "2021-05-21T01:15:28Z"),
        (json!("2021-05-21 03:15:28 +0200"), "2021-05-21T01:15:28Z"),
        (json!("06/11/2017 10:30"), "2017-11-06T10:30:00Z"),
    ]
    .into_iter()
    .enumerate()
    {
        let thread = format!("t{number}");
        let mut message = source.message(&number.to_string(), &thread, "vera", "Hello?");
        message["created_at"] = date;
        source.tells("messages.create", &message);
        assert_eq!(source.contents(&cast.otto, &thread)[0]["created_at"], shown);
    }
    // Nothing was written in the future.
    let mut message = source.message("future", "future", "vera", "Hello?");
    message["created_at"] = json!("2999-01-01T00:00:00Z");
    source.tells("messages.create", &message);
    let content = &source.contents(&cast.otto, "future")[0];
    assert!(content["created_at"].as_str().unwrap() < "2999", "{content}");
}

fn absent_null_and_empty_are_the_same(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    for (number, empty) in [json!(null), json!(""), json!([]), json!({})].into_iter().enumerate() {
        let mut message = source.message(&number.to_string(), "t", "vera", "Hello?");
        for name in [
            "attachments",
            "categories",
            "context_data",
            "language",
            "in_reply_to_id",
            "updated_at",
            "actions",
            "structured_reply",
        ] {
            message[name] = empty.clone();
        }
        message["author"]["email"] = empty;
        source.tells("messages.create", &message);
    }
    let contents = source.contents(&cast.otto, "t");
    assert_eq!(contents.len(), 4);
    assert!(contents.iter().all(|content| content["language"].is_null() && content["attachments"] == json!([])));
}

fn a_changed_secret_counts_at_once(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let secret = frontdesk_tests::cast::unique("another-long-secret-");
    cast.otto.put(&format!("/1.0/content_sources/{}", source.id), &json!({ "access_token": secret })).ok();
    let message = source.message("m2", "t", "vera", "Still me?");
    refused(&source.post("messages.create", &message), 422, "Invalid signature");
    let renewed = source.but_signed_with(&secret);
    renewed.tells("messages.create", &message);
    assert_eq!(renewed.contents(&cast.otto, "t").len(), 2);
}

fn a_channel_without_threads_keeps_one_thread_per_customer(engine: Engine) {
    let cast = Cast::shared(engine);
    let options = json!({ "options": ["messages.unthreaded"] });
    let source = Source::create(&cast.otto, "http://127.0.0.1:9/", &options);
    let say = |number: u32, author: &str, parent: Option<&str>| {
        let mut message = source.message(&format!("m{number}"), "", author, "Hello?");
        message.as_object_mut().unwrap().remove("thread_id");
        if let Some(parent) = parent {
            message["in_reply_to_id"] = json!(parent);
        }
        source.tells("messages.create", &message);
    };
    say(1, "vera", None);
    say(2, "vera", None);
    say(3, "marc", None);
    say(4, "marc", Some("m1"));
    let contents = source.all_contents(&cast.otto);
    let threads: Vec<_> = contents.iter().map(|content| content["thread_id"].clone()).collect();
    assert_eq!(threads[0], threads[1]);
    assert_ne!(threads[0], threads[2]);
    assert_eq!(threads[3], threads[0], "an answer joins what it answers");
    assert_eq!(cast.otto.search("/1.0/content_threads", &format!("source:{}", source.id))["count"], 2);
}

fn what_agents_wrote_on_the_channel_itself_is_theirs(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    source.says("desk", "t", "We answered on the channel itself");
    let contents = source.contents(&cast.otto, "t");
    assert_eq!((&contents[0]["status"], &contents[1]["status"]), (&json!("new"), &json!("user_reply")));
    cast.otto.post("/1.0/interventions", &json!({ "content_id": contents[1]["id"] })).refused(422);
    std::thread::sleep(Duration::from_millis(200));
    assert!(channel.pushes().is_empty(), "what came from the channel does not go back to it");
}
