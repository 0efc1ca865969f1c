use frontdesk_model::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::limits::{
    ATTACHMENTS_MAX, CONTEXT_FIELDS_MAX, EXTENSIONS, ID_CHARACTERS_MAX, LIST_ITEMS_MAX, SHORT_TEXT_CHARACTERS_MAX,
};
use super::*;
use crate::inbound::InboundAttachment;

const MESSAGING: &[&str] = &["view.messaging"];

fn parse(request: &Value, options: Option<&[&str]>) -> Result<Inbound, SendApiError> {
    let options: Option<Vec<String>> = options.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
    parse_send_api(request.to_string().as_bytes(), options.as_deref())
}

fn parse_content(request: &Value, options: Option<&[&str]>) -> InboundContent {
    match parse(request, options) {
        Ok(Inbound::Content(content)) => *content,
        other => panic!("expected a content from {request}, got {other:?}"),
    }
}

fn author() -> Value {
    json!({"id": "666", "created_at": "06/11/2017", "screenname": "John Doe"})
}

fn message() -> Value {
    json!({"action": "messages.create", "params": {"id": "890", "author": author(), "body": "Hello", "thread_id": "42"}})
}

fn private_message() -> Value {
    let params = json!({"id": "890", "author": author(), "recipient": {"id": 7, "created_at": 0, "screenname": "Ada"}, "body": "Hi"});
    json!({"action": "private_messages.create", "params": params})
}

fn thread() -> Value {
    json!({"action": "threads.create", "params": {"id": "42", "author": author(), "body": "Post", "title": "T"}})
}

fn user() -> Value {
    json!({"action": "users.create", "params": author()})
}

/// The request with one field changed; `place` is a JSON pointer below `params` to an object that exists.
fn with(mut request: Value, place: &str, name: &str, value: Value) -> Value {
    request.pointer_mut(&format!("/params{place}")).unwrap()[name] = value;
    request
}

fn without(mut request: Value, place: &str, name: &str) -> Value {
    request.pointer_mut(&format!("/params{place}")).unwrap().as_object_mut().unwrap().remove(name);
    request
}

fn day(text: &str) -> Option<Timestamp> {
    Timestamp::parse_iso(text)
}

#[test]
fn a_full_message_is_read_whole() {
    let request = json!({"action": "messages.create", "extra": 1, "params": {
        "id": 890, "thread_id": 42, "in_reply_to_id": "889", "body": "<b>Hé</b>", "format": "text", "language": "fr",
        "created_at": "2012-02-10", "updated_at": "2012-10-01T17:18:40Z", "display_url": "https://a.example/890",
        "categories": ["TV", null, "Internet"], "actions": ["show", "reply"], "ip": "1.2.3.4", "unknown": {"a": []},
        "context_data": {"country": "Germany", "age_2": 34, "vip-x": true, "fruits": ["Apple", "Pear"], "none": null},
        "structured_reply": {"payload": "P"},
        "attachments": [{"url": "https://a.example/song.mp4", "type": "audio"}, {"content": "aGk=", "filename": "hi.txt"}],
        "author": {"id": "666", "screenname": "Jo", "firstname": "J", "lastname": "O", "avatar_url": "https://a.example/j.png",
            "email": "jo@a.example", "home_phone": 331, "mobile_phone": "+336", "gender": "woman", "puppetizable": "true",
            "created_at": "06/11/2017", "updated_at": 1_509_926_400_000_i64, "context_data": {"k": "v"}}}});
    let content = parse_content(&request, Some(&[]));
    let context = json!({"country": "Germany", "age_2": 34, "vip-x": true, "fruits": ["Apple", "Pear"]});
    let expected = InboundContent {
        author: Some(InboundAuthor {
            firstname: Some("J".into()),
            lastname: Some("O".into()),
            avatar_url: Some("https://a.example/j.png".into()),
            email: Some("jo@a.example".into()),
            home_phone: Some("331".into()),
            mobile_phone: Some("+336".into()),
            gender: Some(Gender::Woman),
            puppetizable: true,
            created_at: day("2017-11-06"),
            updated_at: day("2017-11-06"),
            context_data: json!({"k": "v"}).as_object().cloned().unwrap(),
            ..InboundAuthor::new("666", "Jo")
        }),
        thread_foreign_id: Some("42".into()),
        in_reply_to: Some("889".into()),
        body: "<b>Hé</b>".into(),
        format: BodyFormat::Text,
        created_at: day("2012-02-10"),
        updated_at: day("2012-10-01T17:18:40Z"),
        language: Some("fr".into()),
        source_url: Some("https://a.example/890".into()),
        foreign_categories: vec!["TV".into(), "Internet".into()],
        context_data: context.as_object().cloned().unwrap(),
        attachments: vec![
            InboundAttachment::Url {
                url: "https://a.example/song.mp4".into(),
                kind_hint: Some("audio".into()),
                filename: None,
            },
            InboundAttachment::Content { bytes: b"hi".to_vec(), filename: "hi.txt".into(), kind_hint: None },
        ],
        actions: vec!["show".into(), "reply".into()],
        ip: Some("1.2.3.4".into()),
        structured_reply: Some(json!({"payload": "P"})),
        ..InboundContent::new(ContentObject::Message, "890")
    };
    assert_eq!(content, expected);
}

#[test]
fn each_action_makes_its_own_value_in_plural_and_singular() {
    for (request, singular) in
        [(message(), "message"), (private_message(), "private_message"), (thread(), "thread"), (user(), "user")]
    {
        let mut renamed = request.clone();
        renamed["action"] = format!("{singular}.create").into();
        let read = parse(&request, None).unwrap();
        assert_eq!(parse(&renamed, None).unwrap(), read);
        match read {
            Inbound::Content(content) => assert_eq!(content.object.as_str(), singular),
            Inbound::Identity(identity) => assert_eq!((singular, identity.screenname.as_str()), ("user", "John Doe")),
            other => panic!("{other:?}"),
        }
    }
    let mark = json!({"action": "status.mark_as_read", "params": {"id": 890}});
    assert_eq!(parse(&mark, Some(&[])), Ok(Inbound::ReadMark { foreign_id: "890".into() }));
    let (thread_foreign_id, in_reply_to) = (Some("42".to_owned()), Some("890".to_owned()));
    let start =
        json!({"action": "typing.start", "params": {"thread_id": "42", "in_reply_to_id": "890", "preview": "He"}});
    let (thread, reply) = (thread_foreign_id.clone(), in_reply_to.clone());
    let typing = Inbound::TypingStart { thread_foreign_id: thread, in_reply_to: reply, preview: "He".into() };
    assert_eq!(parse(&start, Some(&["view.messaging", "messaging.typing_indicator"])), Ok(typing.clone()));
    for one in [&["messaging.typing_indicator"][..], &["view.messaging"], &[]] {
        assert!(matches!(parse(&start, Some(one)), Err(SendApiError::InvalidAction(_))), "{one:?}");
    }
    assert_eq!(parse(&start, None), Ok(typing), "typing is let through while the options are unknown");
    let stop = json!({"action": "typing.stop", "params": {"thread_id": null, "in_reply_to_id": "890"}});
    assert_eq!(parse(&stop, None), Ok(Inbound::TypingStop { thread_foreign_id: None, in_reply_to }));
}

#[test]
fn private_messages_have_a_recipient_and_no_thread() {
    let content = parse_content(&with(private_message(), "", "thread_id", json!("42")), None);
    assert_eq!(content.thread_foreign_id, None);
    let recipient = content.recipient.unwrap();
    assert_eq!((recipient.foreign_id.as_str(), recipient.screenname.as_str()), ("7", "Ada"));
}

#[test]
fn a_thread_reads_only_what_threads_have() {
    let mut request = with(thread(), "", "attachments", json!("unread"));
    request["params"]["in_reply_to_id"] = json!("1");
    let content = parse_content(&request, Some(&[]));
    assert_eq!((content.title.as_deref(), content.body.as_str()), (Some("T"), "Post"));
    assert_eq!((content.in_reply_to, content.thread_foreign_id, content.attachments.len()), (None, None, 0));
}

#[test]
fn a_thread_without_content_reads_its_id_and_title_alone() {
    let request =
        json!({"action": "threads.create", "params": {"id": "42", "title": "T", "author": "unread", "body": 1}});
    let content = parse_content(&request, Some(&["threads.no_content"]));
    let expected = InboundContent { title: Some("T".into()), ..InboundContent::new(ContentObject::Thread, "42") };
    assert_eq!(content, expected);
    assert!(parse(&request, None).is_err() && parse(&request, Some(&[])).is_err());
}

#[test]
fn an_unthreaded_message_ignores_its_thread() {
    let options = Some(["messages.unthreaded"].as_slice());
    assert_eq!(parse_content(&message(), options).thread_foreign_id, None);
    assert_eq!(parse_content(&without(message(), "", "thread_id"), options).thread_foreign_id, None);
}

#[test]
fn null_and_empty_are_the_same_as_absent() {
    let plain = parse_content(&message(), None);
    let optional = [
        "attachments",
        "actions",
        "categories",
        "context_data",
        "created_at",
        "display_url",
        "format",
        "in_reply_to_id",
        "ip",
        "language",
        "structured_content",
        "structured_reply",
        "updated_at",
    ];
    for name in optional {
        for nothing in [json!(null), json!(""), json!([]), json!({})] {
            assert_eq!(parse_content(&with(message(), "", name, nothing.clone()), None), plain, "{name} {nothing}");
        }
    }
    for name in
        ["firstname", "avatar_url", "email", "gender", "mobile_phone", "updated_at", "puppetizable", "context_data"]
    {
        for nothing in [json!(null), json!(""), json!([]), json!({})] {
            assert_eq!(parse_content(&with(message(), "/author", name, nothing), None), plain, "{name}");
        }
    }
}

#[test]
fn requests_that_are_not_json_are_bad_requests() {
    let deep = format!("{{\"action\":\"messages.create\",\"params\":{}1{}}}", "[".repeat(200), "]".repeat(200));
    let many =
        format!("{{\"action\":\"messages.create\",\"params\":{{\"x\":[{}1]}}}}", "1,".repeat(REQUEST_VALUES_MAX));
    for body in [
        b"".as_slice(),
        b"hello",
        b"{\"action\":",
        b"{\"action\":\"messages.create\",\"params\":{}} x",
        br#"{"action":"messages.create","params":{"id":"\ud800"}}"#,
        b"{\"action\":\"messages.create\",\"params\":{\"id\":\"\xff\"}}",
        b"{\"action\":\"messages.create\",\"params\":{\"id\":1e999}}",
        deep.as_bytes(),
        many.as_bytes(),
    ] {
        let error = parse_send_api(body, None).unwrap_err();
        assert!(matches!(error, SendApiError::BadRequest(_)), "{error:?}");
        assert_eq!((error.status(), error.message().as_ref()), (400, "Bad request"));
    }
}

#[test]
fn many_commas_inside_a_text_are_not_many_values() {
    let request = with(message(), "", "unknown", json!("\",[{:\\".repeat(REQUEST_VALUES_MAX)));
    assert!(parse(&request, None).is_ok());
}

#[test]
fn requests_without_action_or_params_have_an_invalid_format() {
    for (body, detail) in [
        (json!([]), "the body must be an object with action and params"),
        (json!("x"), "the body must be an object with action and params"),
        (json!(null), "the body must be an object with action and params"),
        (json!({}), "action is missing"),
        (json!({"action": "", "params": {}}), "action is missing"),
        (json!({"action": null, "params": {}}), "action is missing"),
        (json!({"action": 1, "params": {}}), "action must be text"),
        (json!({"action": "messages.create"}), "params is missing"),
        (json!({"action": "messages.create", "params": null}), "params is missing"),
        (json!({"action": "messages.create", "params": []}), "params must be an object"),
        (json!({"action": "dance", "params": "x"}), "params must be an object"),
    ] {
        assert_eq!(parse(&body, None), Err(SendApiError::InvalidRequestFormat(detail)), "{body}");
    }
}

#[test]
fn a_request_over_the_limit_is_too_large() {
    let body = vec![b' '; REQUEST_BYTES_MAX + 1];
    assert_eq!(parse_send_api(&body, None), Err(SendApiError::TooLarge));
    assert!(matches!(parse_send_api(&body[1..], None), Err(SendApiError::BadRequest(_))));
}

#[test]
fn other_actions_are_invalid_and_so_is_typing_without_its_option() {
    for action in
        ["messages.delete", "Messages.create", "users.list", "status.mark_as_unread", "typing", "implementation.info"]
    {
        let error = parse(&json!({"action": action, "params": {"id": "1"}}), None).unwrap_err();
        assert_eq!((error.status(), error.message().as_ref()), (422, "Invalid action"), "{action}");
        assert!(error.detail().contains(action));
    }
    for action in ["typing.start", "typing.stop"] {
        let request = json!({"action": action, "params": {"thread_id": "1", "preview": "x"}});
        assert!(matches!(parse(&request, Some(MESSAGING)), Err(SendApiError::InvalidAction(_))));
    }
}

#[test]
fn a_refused_field_is_named_with_its_place() {
    let long = |characters: usize| json!("é".repeat(characters + 1));
    let cases = [
        (without(message(), "", "id"), "params.id is missing"),
        (without(message(), "", "author"), "params.author is missing"),
        (without(message(), "", "thread_id"), "params.thread_id is missing"),
        (without(message(), "", "body"), "params.body is missing"),
        (without(message(), "/author", "id"), "params.author.id is missing"),
        (without(message(), "/author", "screenname"), "params.author.screenname is missing"),
        (without(message(), "/author", "created_at"), "params.author.created_at is missing"),
        (without(private_message(), "", "recipient"), "params.recipient is missing"),
        (without(private_message(), "/recipient", "screenname"), "params.recipient.screenname is missing"),
        (without(private_message(), "", "body"), "params.body is missing"),
        (without(thread(), "", "body"), "params.body is missing"),
        (without(thread(), "", "author"), "params.author is missing"),
        (without(user(), "", "screenname"), "params.screenname is missing"),
        (without(user(), "", "created_at"), "params.created_at is missing"),
        (json!({"action": "status.mark_as_read", "params": {}}), "params.id is missing"),
        (json!({"action": "typing.start", "params": {"thread_id": "1"}}), "params.preview is missing"),
        (json!({"action": "typing.start", "params": {"preview": "x"}}), "params.thread_id is missing"),
        (json!({"action": "typing.stop", "params": {}}), "params.thread_id is missing"),
        (with(message(), "", "id", json!(1.5)), "params.id must be text or a whole number"),
        (with(message(), "", "id", json!(true)), "params.id must be text or a whole number"),
        (with(message(), "", "id", long(ID_CHARACTERS_MAX)), "params.id may have at most 255 characters"),
        (with(message(), "", "id", json!("a\u{0}")), "params.id must not hold the character U+0000"),
        (with(message(), "", "author", json!("Jo")), "params.author must be an object"),
        (with(message(), "", "body", json!(5)), "params.body must be text"),
        (with(message(), "", "body", json!("a\u{0}")), "params.body must not hold the character U+0000"),
        (with(message(), "", "body", long(BODY_CHARACTERS_MAX)), "params.body may have at most 20000 characters"),
        (with(thread(), "", "title", long(TITLE_CHARACTERS_MAX)), "params.title may have at most 1000 characters"),
        (with(message(), "", "format", json!("markdown")), "params.format must be html or text"),
        (with(message(), "", "created_at", json!("yesterday")), "params.created_at is not a date: write 2012-02-10"),
        (with(message(), "/author", "created_at", json!("13/13/2017")), "params.author.created_at is not a date"),
        (with(message(), "/author", "updated_at", json!([1])), "params.author.updated_at is not a date"),
        (
            with(message(), "", "display_url", json!("javascript:x")),
            "params.display_url must be a complete http or https",
        ),
        (with(message(), "/author", "avatar_url", json!("/a.png")), "params.author.avatar_url must be a complete http"),
        (with(message(), "/author", "gender", json!("x")), "params.author.gender must be man or woman"),
        (
            with(message(), "/author", "puppetizable", json!("perhaps")),
            "params.author.puppetizable must be true or false",
        ),
        (
            with(message(), "/author", "screenname", long(SHORT_TEXT_CHARACTERS_MAX)),
            "params.author.screenname may have at most 255 characters",
        ),
        (with(message(), "", "categories", json!("TV")), "params.categories must be a list"),
        (with(message(), "", "categories", json!([1])), "params.categories must be a list of texts"),
        (
            with(message(), "", "categories", json!(vec!["x"; LIST_ITEMS_MAX + 1])),
            "params.categories may have at most 100",
        ),
        (with(message(), "", "actions", json!({"a": 1})), "params.actions must be a list"),
        (with(message(), "", "structured_reply", json!("x")), "params.structured_reply must be an object"),
        (with(message(), "", "structured_reply", json!({"a": ["\u{0}"]})), "params.structured_reply must not hold"),
        (
            with(message(), "", "structured_reply", json!({"payload": "x".repeat(STRUCTURED_REPLY_BYTES_MAX)})),
            "params.structured_reply may have at most 16384 bytes",
        ),
        (with(message(), "", "structured_content", json!("x")), "params.structured_content must be an object"),
        (
            json!({"action": "typing.start", "params": {"thread_id": "1", "preview": "x".repeat(BODY_CHARACTERS_MAX + 1)}}),
            "params.preview may have at most 20000 characters",
        ),
    ];
    for (request, detail) in cases {
        let error = parse(&request, None).unwrap_err();
        assert_eq!((error.status(), error.message().as_ref()), (422, "Invalid resource format"), "{detail}");
        assert!(error.detail().starts_with(detail), "expected {detail:?}, got {:?}", error.detail());
    }
}

#[test]
fn texts_as_long_as_the_limit_are_taken() {
    let request = with(message(), "", "body", json!("é".repeat(BODY_CHARACTERS_MAX)));
    let request = with(request, "", "id", json!("é".repeat(ID_CHARACTERS_MAX)));
    assert_eq!(parse_content(&request, None).body.chars().count(), BODY_CHARACTERS_MAX);
}

#[test]
fn context_data_takes_plain_keys_and_flat_values() {
    let many: serde_json::Map<_, _> = (0..=CONTEXT_FIELDS_MAX).map(|at| (format!("k{at}"), json!(1))).collect();
    for (context, detail) in [
        (json!({"a b": "x"}), "params.context_data has a key"),
        (json!({"": "x"}), "params.context_data has a key"),
        (json!({"é": "x"}), "params.context_data has a key"),
        (json!({"a": {"b": "c"}}), "params.context_data.a must be text, a number"),
        (json!({"a": ["b", {"c": 1}]}), "params.context_data.a must be a list of texts"),
        (json!({"a": "\u{0}"}), "params.context_data.a must not hold"),
        (json!({"a": "x".repeat(5_001)}), "params.context_data.a may have at most 5000"),
        (json!({"a": vec!["x"; LIST_ITEMS_MAX + 1]}), "params.context_data.a must be text, a number"),
        (json!(many), "params.context_data may have at most 100 fields"),
        (json!("x"), "params.context_data must be an object"),
    ] {
        for place in ["", "/author"] {
            let error = parse(&with(message(), place, "context_data", context.clone()), None).unwrap_err();
            let expected = detail.replace("params", &format!("params{}", place.replace('/', ".")));
            assert!(error.detail().starts_with(&expected), "{}", error.detail());
        }
    }
}

#[test]
fn attachments_are_taken_by_url_or_with_their_content() {
    let url = |url: &str, filename: Option<&str>| InboundAttachment::Url {
        url: url.into(),
        kind_hint: None,
        filename: filename.map(str::to_owned),
    };
    let file = |bytes: &[u8], filename: &str| InboundAttachment::Content {
        bytes: bytes.to_vec(),
        filename: filename.into(),
        kind_hint: None,
    };
    for (given, expected) in [
        (json!({"url": "https://a.example/brand.png"}), url("https://a.example/brand.png", None)),
        (json!({"url": "http://a.example/BRAND.PNG?x=.exe#.exe"}), url("http://a.example/BRAND.PNG?x=.exe#.exe", None)),
        (json!({"url": "https://a.example/v1.2/42"}), url("https://a.example/v1.2/42", None)),
        (
            json!({"url": "https://a.example/get.php", "filename": "a.pdf"}),
            url("https://a.example/get.php", Some("a.pdf")),
        ),
        (json!({"url": "https://a.example/42", "filename": "photo"}), url("https://a.example/42", Some("photo"))),
        (json!({"content": "aGk=", "filename": "hi.txt"}), file(b"hi", "hi.txt")),
        (json!({"content": "aGk", "filename": "hi.TXT"}), file(b"hi", "hi.TXT")),
        (json!({"content": "aG\r\nk=\n", "filename": "C:\\fake/hi.txt"}), file(b"hi", "hi.txt")),
        (json!({"content": "aGl=", "filename": "hi.txt"}), file(b"hi", "hi.txt")),
        (json!({"content": "data:text/plain;charset=utf-8;base64,aGk=", "filename": "hi.txt"}), file(b"hi", "hi.txt")),
        (json!({"content": "-_8=", "filename": "hi.txt"}), file(b"\xfb\xff", "hi.txt")),
        (json!({"content": "+/8", "filename": "hi.txt"}), file(b"\xfb\xff", "hi.txt")),
        (json!({"content": "AA", "filename": "hi.txt"}), file(b"\0", "hi.txt")),
        (json!({"content": "AAAA", "filename": "hi.txt"}), file(b"\0\0\0", "hi.txt")),
        (json!({"content": "AAAAAA==", "filename": "hi.txt"}), file(b"\0\0\0\0", "hi.txt")),
        (json!({"content": "aGk=", "filename": "hi.txt", "url": "https://a.example/x.png"}), file(b"hi", "hi.txt")),
    ] {
        let request = without(with(message(), "", "attachments", json!([given, null, {}])), "", "body");
        assert_eq!(parse_content(&request, None).attachments, [expected]);
    }
}

#[test]
fn other_attachments_are_refused() {
    let cases = [
        (json!(["https://a.example/x.png"]), "params.attachments[0] must be an object"),
        (json!("x"), "params.attachments must be a list"),
        (json!([{"filename": "x.png"}]), "params.attachments[0].url is missing"),
        (json!([{"url": "ftp://a.example/x.png"}]), "params.attachments[0].url must be a complete http"),
        (
            json!([{"url": format!("https://a.example/{}", "x".repeat(2_048))}]),
            "params.attachments[0].url may have at most",
        ),
        (json!([{"url": "https://a.example/x.exe"}]), "params.attachments[0].url must end with one of"),
        (json!([{"url": "https://a.example/x", "filename": "x.exe"}]), "params.attachments[0].filename must end with"),
        (json!([{"content": "aGk="}]), "params.attachments[0].filename is missing"),
        (json!([{"content": "aGk=", "filename": "a/"}]), "params.attachments[0].filename is missing"),
        (json!([{"content": "aGk=", "filename": "hi"}]), "params.attachments[0].filename must end with"),
        (json!([{"content": "aGk=", "filename": "hi."}]), "params.attachments[0].filename must end with"),
        (json!([{"content": "aGk=", "filename": "hi.txt.exe"}]), "params.attachments[0].filename must end with"),
        (json!([{"content": "aGk=", "filename": "h\ni.txt"}]), "params.attachments[0].filename must not hold control"),
        (json!([{"content": "*", "filename": "hi.txt"}]), "params.attachments[0].content must be the file as base64"),
        (json!([{"content": "A", "filename": "hi.txt"}]), "params.attachments[0].content must be the file as base64"),
        (
            json!([{"content": "AAAAA", "filename": "hi.txt"}]),
            "params.attachments[0].content must be the file as base64",
        ),
        (json!([{"content": "=", "filename": "hi.txt"}]), "params.attachments[0].content must be the file as base64"),
        (
            json!([{"content": "data:text/plain,hi", "filename": "hi.txt"}]),
            "params.attachments[0].content must be the file as base64",
        ),
        (json!([{"content": " \n", "filename": "hi.txt"}]), "params.attachments[0].content must be the file as base64"),
        (json!([{"content": 5, "filename": "hi.txt"}]), "params.attachments[0].content must be the file as base64"),
        (
            json!(vec![json!({"url": "https://a.example/x.png"}); ATTACHMENTS_MAX + 1]),
            "params.attachments may have at most 20 items",
        ),
        (json!([{"url": "https://a.example/x.png", "type": 1}]), "params.attachments[0].type must be text"),
    ];
    for (attachments, detail) in cases {
        let error = parse(&with(message(), "", "attachments", attachments), None).unwrap_err();
        assert_eq!(error.message(), "Invalid resource format");
        assert!(error.detail().starts_with(detail), "expected {detail:?}, got {:?}", error.detail());
    }
}

#[test]
fn every_documented_extension_is_taken() {
    let documented = "aac mp3 ogg m4a xls xlsm xlsx xlc xlt xltm xltx bmp gif jpg jpeg png svg webp eml msg pdf key odp otp \
        pps ppt pptx pot numbers ods ots csv txt log avi flv m4v mkv mov mp4 mpg mpeg4 qt wmv doc docm docx dotm dotx pages \
        odt ott rtf amr dms vcard tif tiff mpeg";
    let mut documented: Vec<_> = documented.split_whitespace().collect();
    let mut taken = EXTENSIONS.to_vec();
    documented.sort_unstable();
    taken.sort_unstable();
    assert_eq!(taken, documented);
}

fn structured(content: Value) -> Value {
    with(with(message(), "", "structured_content", content), "/author", "puppetizable", json!(true))
}

#[test]
fn structured_contents_of_the_four_types_are_kept() {
    let buttons = json!([
        {"type": "url", "title": "Go", "url": "github://github.com/example", "url_fallback": "https://a.example"},
        {"type": "reply", "title": "Ok"},
        {"type": "reply", "title": "More", "payload": "more"}
    ]);
    let template =
        json!({"title": "T", "subtitle": "S", "attachment_url": "https://a.example/l.png", "items": buttons});
    let mut alone = template.clone();
    alone["type"] = json!("template");
    for content in [
        json!({"type": "select", "items": [{"title": "One", "payload": "1"}, {"title": "Two"}]}),
        json!({"type": "rich_link", "url": "https://a.example", "title": "T", "url_text": "A"}),
        alone,
        json!({"type": "carousel", "items": [template]}),
    ] {
        assert_eq!(parse_content(&structured(content.clone()), Some(MESSAGING)).structured_content, Some(content));
    }
    let request =
        without(structured(json!({"type": "rich_link", "url": "tel:+331", "title": "T", "x": {"0": 1}})), "", "body");
    let kept = parse_content(&request, Some(MESSAGING));
    let expected = json!({"type": "rich_link", "url": "tel:+331", "title": "T"});
    assert_eq!((kept.body.as_str(), kept.structured_content), ("", Some(expected)));
}

#[test]
fn structured_contents_that_do_not_fit_are_refused_with_the_documented_texts() {
    let select = || json!({"type": "select", "items": [{"title": "One"}]});
    let template = |items: Value| json!({"type": "template", "title": "T", "items": items});
    let button = || json!({"type": "reply", "title": "Ok"});
    let card = || json!({"title": "T", "items": [button()]});
    let cases = [
        (
            json!({"items": [{"title": "One"}]}),
            "Type is required for structured contents",
            "params.structured_content.type",
        ),
        (json!({"type": "", "items": []}), "Type is required for structured contents", ""),
        (json!({"type": "list"}), "Source doesn't support this type of structured content", ""),
        (json!({"type": 5}), "Source doesn't support this type of structured content", ""),
        (
            json!({"type": "select"}),
            "structured_content: \"items\" must not be empty",
            "params.structured_content.items",
        ),
        (json!({"type": "select", "items": [{}]}), "structured_content: \"items\" must not be empty", ""),
        (
            json!({"type": "select", "items": [{"payload": "x"}]}),
            "structured_content: \"title\" must not be empty",
            "params.structured_content.items[0].title is missing",
        ),
        (json!({"type": "rich_link", "title": "T"}), "structured_content: \"url\" must not be empty", ""),
        (
            json!({"type": "rich_link", "url": "https://a.example"}),
            "structured_content: \"title\" must not be empty",
            "",
        ),
        (json!({"type": "template", "items": [button()]}), "structured_content: \"title\" must not be empty", ""),
        (json!({"type": "template", "title": "T"}), "structured_content: \"items\" must not be empty", ""),
        (template(json!([{"title": "T"}])), "structured_content: \"type\" must not be empty", ""),
        (template(json!([{"type": "reply"}])), "structured_content: \"title\" must not be empty", ""),
        (template(json!([{"type": "url", "title": "T"}])), "structured_content: \"url\" must not be empty", ""),
        (
            json!({"type": "carousel", "items": [card(), {"title": "T"}]}),
            "structured_content: \"items\" must not be empty",
            "params.structured_content.items[1].items is missing",
        ),
        (
            template(json!([{"type": "jump", "title": "T"}])),
            "Invalid resource format",
            "params.structured_content.items[0].type",
        ),
        (
            template(json!(vec![button(); 5])),
            "Invalid resource format",
            "params.structured_content.items may have at most 4",
        ),
        (
            json!({"type": "select", "items": vec![button(); 14]}),
            "Invalid resource format",
            "params.structured_content.items",
        ),
        (
            json!({"type": "carousel", "items": vec![card(); 11]}),
            "Invalid resource format",
            "params.structured_content.items",
        ),
        (
            json!({"type": "rich_link", "url": "javascript:x", "title": "T"}),
            "Invalid resource format",
            "params.structured_content.url must be a complete address",
        ),
        (
            json!({"type": "rich_link", "url": "https://a.example", "title": "x".repeat(351)}),
            "Invalid resource format",
            "params.structured_content.title may have at most 350",
        ),
        (
            json!({"type": "select", "items": [{"title": "One", "payload": "x".repeat(1_001)}]}),
            "Invalid resource format",
            "params.structured_content.items[0].payload may have at most 1000",
        ),
    ];
    for (content, message, detail) in cases {
        let error = parse(&structured(content), Some(MESSAGING)).unwrap_err();
        assert_eq!((error.status(), error.message().as_ref()), (422, message));
        assert!(error.detail().starts_with(detail), "expected {detail:?}, got {:?}", error.detail());
    }
    let unsupported = Err(SendApiError::StructuredContentUnsupported);
    assert_eq!(parse(&structured(select()), None), unsupported);
    assert_eq!(parse(&structured(select()), Some(&["messages.text"])), unsupported);
    let foreign = with(message(), "", "structured_content", select());
    assert_eq!(parse(&foreign, Some(MESSAGING)), Err(SendApiError::AuthorNotPuppetizable));
    let silent = parse(&without(structured(select()), "", "body"), Some(MESSAGING)).unwrap_err();
    assert_eq!(silent.detail(), "params.body is missing: a select needs one");
}

/// Text without U+0000, of at least one character.
fn text(characters_max: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(any::<char>().prop_filter("not U+0000", |c| *c != '\0'), 1..=characters_max)
        .prop_map(|characters| characters.into_iter().collect())
}

/// JSON of any shape, under the names that the parser looks for.
fn any_params() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(vec![
        "id",
        "author",
        "recipient",
        "thread_id",
        "in_reply_to_id",
        "body",
        "attachments",
        "url",
        "content",
        "filename",
        "screenname",
        "created_at",
        "categories",
        "context_data",
        "structured_content",
        "structured_reply",
        "type",
        "items",
        "title",
        "payload",
        "puppetizable",
        "preview",
        "other",
    ]);
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec![
            "select",
            "template",
            "carousel",
            "url",
            "reply",
            "a.png",
            "aGk=",
            "https://a.example/b.png"
        ])
        .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..8)
                .prop_map(|fields| fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse_send_api(&body, None);
    }

    #[test]
    fn any_json_is_read_or_refused(
        action in prop::sample::select(vec!["messages.create", "private_messages.create", "threads.create", "users.create",
            "status.mark_as_read", "typing.start", "typing.stop"]),
        params in any_params(),
        messaging in any::<bool>(),
    ) {
        let options = if messaging { Some(["view.messaging", "messaging.typing_indicator"].as_slice()) } else { None };
        let in_place = parse(&json!({"action": action, "params": params}), options);
        if let Err(error) = in_place {
            prop_assert!((400..500).contains(&error.status()) && !error.detail().is_empty());
        }
        // The same values as fields of a message that is otherwise good reach the deeper rules.
        if let Value::Object(fields) = params {
            let mut request = structured(json!({"type": "select", "items": [{"title": "One"}]}));
            for (name, value) in fields {
                request["params"][name] = value;
            }
            let _ = parse(&request, options);
        }
    }

    #[test]
    fn a_valid_message_is_read_as_it_was_written(
        id in text(ID_CHARACTERS_MAX), thread in any::<i64>(), body in text(300), screenname in text(60),
        categories in prop::collection::vec(text(20), 0..5), key in "[A-Za-z0-9_-]{1,20}", fact in text(50),
        bytes in prop::collection::vec(any::<u8>(), 1..100), milliseconds in 100_000_000_000_i64..4_000_000_000_000_i64,
    ) {
        let content = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &bytes);
        let mut author = author();
        author["screenname"] = json!(screenname);
        let request = json!({"action": "messages.create", "params": {
            "id": id, "author": author, "thread_id": thread, "body": body, "categories": categories, "created_at": milliseconds,
            "context_data": {key.clone(): fact}, "attachments": [{"content": content, "filename": "f.pdf"}]}});
        let read = parse_content(&request, Some(&[]));
        prop_assert_eq!(read.foreign_id, id);
        prop_assert_eq!(read.thread_foreign_id, Some(thread.to_string()));
        prop_assert_eq!(read.body, body);
        prop_assert_eq!(read.author.map(|author| author.screenname), Some(screenname));
        prop_assert_eq!(read.foreign_categories, categories);
        prop_assert_eq!(read.created_at, Some(Timestamp::from_micros(milliseconds * 1_000)));
        prop_assert_eq!(read.context_data.get(&key), Some(&json!(fact)));
        let file = InboundAttachment::Content { bytes, filename: "f.pdf".into(), kind_hint: None };
        prop_assert_eq!(read.attachments, [file]);
    }
}
