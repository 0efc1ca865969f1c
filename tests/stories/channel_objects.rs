//! What a channel's objects hold, in both directions, and what its options change: one table for each rule of the
//! public pages.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use frontdesk_tests::cast::unique;
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::{Cast, Engine, FakeChannel, Person, Push, Reply, Source, eventually};
use serde_json::{Value, json};

use crate::attachments::{PNG, upload};

on_both_engines![
    a_body_leaves_as_its_channel_takes_it,
    an_answer_in_html_leaves_where_its_channel_takes_that,
    files_leave_only_where_the_channel_takes_them,
    a_thread_that_is_only_a_title_is_not_written,
    options_that_contradict_each_other_are_remarked,
    what_may_be_done_next_is_taken_over_from_answers,
    context_data_belongs_to_contents_and_customers,
    foreign_categories_are_kept_as_they_are,
    private_messages_need_a_recipient_and_have_no_threads,
    every_documented_type_of_file_is_taken,
    unknown_fields_change_nothing,
    an_author_becomes_one_of_the_desks_when_the_channel_says_so,
    objects_of_every_kind_that_lack_something_are_left_out,
];

const OBJECTS: [&str; 3] = ["messages", "private_messages", "threads"];

/// A source whose channel can be told of everything and has these options; Vera has asked something.
fn with_options(cast: &Cast, options: &Value) -> (Source, FakeChannel, String) {
    let channel = FakeChannel::start();
    let objects: serde_json::Map<_, _> = OBJECTS.iter().map(|name| ((*name).into(), json!(["create"]))).collect();
    channel.describe(Reply::json(&json!({ "objects": objects, "options": options })));
    let source = Source::create(&cast.otto, &channel.base_uri(), &json!({}));
    source.has_voice("desk");
    source.says("vera", "t", "Hello?");
    source.has_described_itself(&cast.otto);
    let question = id(&source.contents(&cast.otto, "t")[0]);
    (source, channel, question)
}

/// A message, a private message and a thread, in the order of [`OBJECTS`].
fn of_every_kind(source: &Source, question: &str, body: &str) -> [Value; 3] {
    [
        json!({ "in_reply_to_id": question, "body": body }),
        json!({ "source_id": source.id, "to": "vera", "body": body }),
        json!({ "source_id": source.id, "body": body }),
    ]
}

/// The push of a content.
#[track_caller]
fn pushed(channel: &FakeChannel, content: &Value) -> Push {
    eventually("the content is pushed", || {
        channel.pushes().into_iter().find(|push| push.params()["content_id"] == content["id"])
    })
}

fn settled(otto: &Person, content: &str) -> Value {
    eventually("it has been pushed", || {
        Some(otto.content(content)).filter(|content| content["synchronization_status"] == "success")
    })
}

/// The parameters of an object of this kind, written by Vera.
fn told(source: &Source, object: &str) -> Value {
    let mut fields = source.message(&unique("object-"), "t", "vera", "Hello?");
    if object == "private_messages" {
        fields["recipient"] = json!({ "id": "desk", "screenname": "desk", "created_at": "2026-01-15" });
    }
    fields
}

/// The content that the channel knows under this id.
#[track_caller]
fn known(otto: &Person, source: &Source, foreign_id: &Value) -> Value {
    let all = source.all_contents(otto);
    all.into_iter().find(|content| content["foreign_id"] == *foreign_id).unwrap_or_else(|| panic!("no {foreign_id}"))
}

#[track_caller]
fn malformed(source: &Source, action: &str, params: &Value) {
    let answer = source.post(action, params);
    assert_eq!(answer.status, 422, "{action} {params}");
    assert_eq!(answer.json()["message"], "Invalid resource format", "{action} {params}");
}

fn a_body_leaves_as_its_channel_takes_it(engine: Engine) {
    let cast = Cast::shared(engine);
    let written = "Yes & no\nBye";
    let (text, html) = ((written, "text"), ("<p>Yes &amp; no<br>\nBye</p>", "html"));
    for (options, expected) in [
        (json!([]), [html, html, html]),
        (json!(["messages.text"]), [text, html, html]),
        (json!(["messages.html", "private_messages.text"]), [html, text, html]),
        (json!(["messages.text", "messages.html", "threads.text"]), [text, html, text]),
        (json!(["view.messaging"]), [text, text, html]),
    ] {
        let (source, channel, question) = with_options(&cast, &options);
        let contents = of_every_kind(&source, &question, written);
        for ((content, object), (body, format)) in contents.iter().zip(OBJECTS).zip(expected) {
            let content = cast.otto.post("/1.0/contents", content).ok();
            assert_eq!(content["body"], written, "what an agent wrote is kept");
            let push = pushed(&channel, &content);
            assert_eq!(push.action(), format!("{object}.create"));
            let params = push.params();
            assert_eq!((&params["body"], &params["format"]), (&json!(body), &json!(format)), "{object} {options}");
        }
    }
}

fn an_answer_in_html_leaves_where_its_channel_takes_that(engine: Engine) {
    let cast = Cast::shared(engine);
    let written = "<p>Dear <b>Vera</b><script>alert(1)</script></p>";
    for (options, takes) in [(json!(["messages.text", "messages.html"]), true), (json!(["messages.text"]), false)] {
        let (source, channel, question) = with_options(&cast, &options);
        let shown = cast.otto.get(&format!("/1.0/contents/{question}?extended=true")).ok();
        assert_eq!(shown["reply_options"]["html"], takes);
        let answer = json!({ "in_reply_to_id": question, "body": written, "body_format": "html" });
        if !takes {
            assert_eq!(cast.otto.post("/1.0/contents", &answer).invalid(), ["body_format"]);
            continue;
        }
        let content = cast.otto.post("/1.0/contents", &answer).ok();
        assert_eq!(content["body_input_format"], "html");
        assert!(content["body_formatted"]["text"].as_str().unwrap().contains("Vera"));
        let params = pushed(&channel, &content).params();
        assert_eq!((&params["body"], &params["format"]), (&json!("<p>Dear <b>Vera</b></p>"), &json!("html")));
        // It says nothing, it is no format, and it takes a right of its own.
        let blank = json!({ "in_reply_to_id": question, "body": "<p> </p>", "body_format": "html" });
        assert_eq!(cast.otto.post("/1.0/contents", &blank).invalid(), ["body"]);
        let wax = json!({ "in_reply_to_id": question, "body": "x", "body_format": "wax" });
        cast.otto.post("/1.0/contents", &wax).refused(400);
        let ada = cast.hire(&[]);
        let rights = format!("/1.0/users/{}/sources_permissions", ada.user_id);
        cast.otto.put(&rights, &json!({ &source.id: "read,reply" })).ok();
        ada.post("/1.0/contents", &answer).refused(403);
        cast.otto.put(&rights, &json!({ &source.id: "read,reply,reply_with_html" })).ok();
        ada.post("/1.0/contents", &answer).ok();
    }
}

fn files_leave_only_where_the_channel_takes_them(engine: Engine) {
    let cast = Cast::shared(engine);
    for taking in OBJECTS {
        let (source, channel, question) =
            with_options(&cast, &json!(["messages.text", format!("{taking}.attachments")]));
        let file = upload(&cast.otto, "kettle.png", PNG, None).ok();
        let mut contents: Vec<(Value, &str)> =
            of_every_kind(&source, &question, "See below").into_iter().zip(OBJECTS).collect();
        // The one that is taken comes last: what was refused has used no file.
        contents.sort_by_key(|(_, object)| *object == taking);
        for (mut content, object) in contents {
            content["attachment_ids"] = json!([file["id"]]);
            let answer = cast.otto.post("/1.0/contents", &content);
            if object == taking {
                let pushed = pushed(&channel, &answer.ok());
                assert_eq!(pushed.params()["attachments"][0]["filename"], "kettle.png", "{object}");
            } else {
                assert_eq!(answer.invalid(), ["attachment_ids"], "{object}");
                assert!(answer.text().contains(&format!("{object}.attachments")), "{}", answer.text());
            }
        }
        assert_eq!(channel.pushes().len(), 1);
    }
}

fn a_thread_that_is_only_a_title_is_not_written(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel, question) = with_options(&cast, &json!(["messages.text", "threads.no_content"]));
    let [message, private, thread] = of_every_kind(&source, &question, "Hello");
    let refused = cast.otto.post("/1.0/contents", &thread);
    assert!(refused.status == 422 && refused.text().contains("compose_disabled_on_source"), "{}", refused.text());
    for content in [message, private] {
        pushed(&channel, &cast.otto.post("/1.0/contents", &content).ok());
    }
    assert_eq!(channel.pushes().len(), 2);
}

fn options_that_contradict_each_other_are_remarked(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel, question) = with_options(&cast, &json!(["view.messaging", "messages.html"]));
    let shown = || cast.otto.get(&format!("/1.0/content_sources/{}?extended=true", source.id)).ok();
    let before = shown();
    let remarks: Vec<&str> = before["synchronization"]["remarks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|remark| remark.as_str().unwrap())
        .collect();
    assert!(remarks.len() == 2 && remarks[0].contains("not both") && remarks[1].contains("text only"), "{remarks:?}");
    // It goes on as it can.
    assert_eq!(before["status"], "ok");
    let reply = cast.otto.reply(&question, "Hello");
    assert_eq!(pushed(&channel, &reply).params()["format"], "text");
    channel.describe(Reply::json(&json!({ "objects": { "messages": ["create"] }, "options": ["view.messaging"] })));
    cast.otto.put(&format!("/1.0/content_sources/{}", source.id), &json!({})).ok();
    eventually("there is no remark any more", || (shown()["synchronization"]["remarks"] == json!([])).then_some(()));
    // Nobody can be answered privately there any more: refused at once, where it would wait for ever.
    let private = json!({ "in_reply_to_id": question, "body": "Between us", "private": true });
    assert_eq!(cast.otto.post("/1.0/contents", &private).invalid(), ["private"]);
    let asked = cast.otto.get(&format!("/1.0/contents/{question}?extended=true")).ok();
    assert_eq!(asked["reply_options"]["private"], false, "nor is it offered");
}

fn what_may_be_done_next_is_taken_over_from_answers(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel, question) = with_options(&cast, &json!(["messages.text"]));
    channel.describe(Reply::json(&json!({
        "objects": { "messages": ["create", "publish", "unpublish", "delete", "pin"] }, "options": ["messages.text"]
    })));
    cast.otto.put(&format!("/1.0/content_sources/{}", source.id), &json!({})).ok();
    eventually("it has told what it can do", || {
        let shown = cast.otto.get(&format!("/1.0/content_sources/{}?extended=true", source.id)).ok();
        (shown["implementation"]["objects"]["messages"][4] == "pin").then_some(())
    });
    channel.answer(|push| {
        let foreign_id = push.params()["id"].clone();
        Reply::json(&match push.action().as_str() {
            "messages.create" => json!({ "id": "ours", "actions": ["delete", "pin"] }),
            "messages.unpublish" => json!({ "id": foreign_id, "actions": ["publish"] }),
            // Of another content, and so of none.
            "messages.publish" => json!({ "id": "another", "actions": ["unpublish", "pin"] }),
            _ => json!({}),
        })
    });
    let buttons =
        |content: &str| cast.otto.get(&format!("/1.0/contents/{content}?extended=true")).ok()["custom_actions"].clone();
    let act = |content: &str, action: &str| cast.otto.put(&format!("/1.0/contents/{content}/{action}"), &json!({}));
    let pin = json!([{ "name": "pin", "label": "Pin" }]);

    let ours = id(&cast.otto.reply(&question, "Hello"));
    settled(&cast.otto, &ours);
    assert_eq!(buttons(&ours), pin);
    act(&ours, "unpublish").refused(422);
    cast.otto.delete(&format!("/1.0/contents/{ours}")).ok();
    assert_eq!(settled(&cast.otto, &ours)["remotely_deleted"], true);

    let mut message = source.message("hers", "t", "vera", "For all to see");
    message["actions"] = json!(["unpublish", "pin"]);
    source.tells("messages.create", &message);
    let hers = id(&known(&cast.otto, &source, &json!("hers")));
    assert_eq!(buttons(&hers), pin);
    act(&hers, "unpublish").ok();
    assert_eq!(settled(&cast.otto, &hers)["published"], false);
    assert_eq!(buttons(&hers), json!([]));
    act(&hers, "publish").ok();
    assert_eq!(settled(&cast.otto, &hers)["published"], true);
    assert_eq!(buttons(&hers), json!([]));
    act(&hers, "unpublish").refused(422);
    assert_eq!(cast.otto.content(&hers)["body"], "For all to see");
}

fn context_data_belongs_to_contents_and_customers(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let mapping = json!({ "extra_value_mappings": [{ "key": "shop", "field": "company" }] });
    cast.otto.put(&format!("/1.0/communities/{}", source.community_id), &mapping).ok();
    for object in OBJECTS {
        let author = unique("vera-");
        let mut fields = told(&source, object);
        fields["context_data"] = json!({ "country": "Germany", "age": "34", "fruits": ["Apple", "Pear"] });
        fields["author"] = json!({
            "id": author, "screenname": "Vera", "created_at": "2026-01-15",
            "context_data": { "shop": "Kettles", "tier": "gold" },
        });
        source.tells(&format!("{object}.create"), &fields);
        let content = known(&cast.otto, &source, &fields["id"]);
        assert_eq!(content["context_data"], fields["context_data"], "{object}");
        let identity = cast.otto.get(&format!("/1.0/identities/{}", content["author_id"].as_str().unwrap())).ok();
        assert_eq!(identity["extra_values"], fields["author"]["context_data"], "{object}");
        let group = identity["identity_group_id"].as_str().unwrap();
        assert_eq!(cast.otto.get(&format!("/1.0/identity_groups/{group}")).ok()["company"], "Kettles", "{object}");
        // What is told of the customer later is added; another content has data of its own.
        let mut next = told(&source, object);
        next["author"] = json!({
            "id": author, "screenname": "Vera", "created_at": "2026-01-15", "context_data": { "tier": "silver" },
        });
        source.tells(&format!("{object}.create"), &next);
        assert!(known(&cast.otto, &source, &next["id"]).get("context_data").is_none(), "{object}");
        let identity = cast.otto.get(&format!("/1.0/identities/{}", id(&identity))).ok();
        assert_eq!(identity["extra_values"], json!({ "shop": "Kettles", "tier": "silver" }), "{object}");
    }
}

fn foreign_categories_are_kept_as_they_are(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    for object in OBJECTS {
        let mut fields = told(&source, object);
        fields["categories"] = json!(["TV", "Internet", "tv", "h\u{e9}"]);
        source.tells(&format!("{object}.create"), &fields);
        let content = known(&cast.otto, &source, &fields["id"]);
        assert_eq!(content["foreign_categories"], fields["categories"], "{object}");
        assert_eq!(content["category_ids"], json!([]), "{object}: they are no categories of ours");
    }
}

fn private_messages_need_a_recipient_and_have_no_threads(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let mut first = told(&source, "private_messages");
    for nobody in [json!(null), json!({}), json!("desk"), json!({ "id": "desk" })] {
        first["recipient"] = nobody;
        malformed(&source, "private_messages.create", &first);
    }
    assert!(source.all_contents(&cast.otto).is_empty());
    let mut first = told(&source, "private_messages");
    let mut second = told(&source, "private_messages");
    (first["thread_id"], second["thread_id"]) = (json!("one"), json!("another"));
    second["in_reply_to_id"] = first["id"].clone();
    for fields in [&first, &second] {
        source.tells("private_messages.create", fields);
    }
    let [first, second] = [&first, &second].map(|fields| known(&cast.otto, &source, &fields["id"]));
    assert_eq!((&first["thread_id"], &first["id"]), (&second["thread_id"], &second["in_reply_to_id"]));
    assert!(source.threads(&cast.otto, "one").is_empty() && source.threads(&cast.otto, "another").is_empty());
}

/// The extensions of the public list.
const EXTENSIONS: &str = "aac mp3 ogg m4a xls xlsm xlsx xlc xlt xltm xltx bmp gif jpg jpeg png svg webp eml msg pdf key \
    odp otp pps ppt pptx pot numbers ods ots csv txt log avi flv m4v mkv mov mp4 mpg mpeg4 qt wmv doc docm docx dotm dotx \
    pages odt ott rtf amr dms vcard tif tiff mpeg";

fn every_documented_type_of_file_is_taken(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    let names: Vec<String> = EXTENSIONS.split_whitespace().map(|extension| format!("file.{extension}")).collect();
    assert_eq!(names.len(), 59);
    let carried = |name: &str| json!({ "content": BASE64.encode(name), "filename": name });
    let fetched = |name: &str| json!({ "url": channel.offer(&format!("/{name}"), "application/octet-stream", PNG) });
    for (way, file) in [("carried", &carried as &dyn Fn(&str) -> Value), ("fetched", &fetched)] {
        for (number, names) in names.chunks(20).enumerate() {
            let mut message = source.message(&format!("{way}-{number}"), "t", "vera", "");
            message["attachments"] = names.iter().map(|name| file(name)).collect();
            source.tells("messages.create", &message);
            let shown = known(&cast.otto, &source, &message["id"])["attachments"].clone();
            let shown: Vec<&str> =
                shown.as_array().unwrap().iter().map(|file| file["filename"].as_str().unwrap()).collect();
            assert_eq!(shown, names, "{way}");
        }
    }
    let mut message = source.message("refused", "t", "vera", "See below");
    for refused in [
        carried("file.exe"),
        carried("file"),
        fetched("file.exe"),
        json!({ "url": "https://a.example/script.php", "filename": "file.html" }),
        json!({ "content": BASE64.encode("x") }),
        json!({ "content": "no base64!", "filename": "file.txt" }),
        json!({ "filename": "file.txt" }),
        json!({ "url": "ftp://a.example/file.txt" }),
    ] {
        message["attachments"] = json!([carried("file.txt"), refused]);
        malformed(&source, "messages.create", &message);
    }
    assert_eq!(source.all_contents(&cast.otto).len(), 6);
}

fn unknown_fields_change_nothing(engine: Engine) {
    let cast = Cast::shared(engine);
    let channel = FakeChannel::start();
    let options = json!({ "options": ["view.messaging", "messaging.typing_indicator"] });
    let source = Source::create(&cast.otto, &channel.base_uri(), &options);
    let first = source.says("vera", "t", "Hello?");
    let mut expected = vec![json!(first)];
    let odd = json!({ "deep": [{ "status": "replied" }] });
    for (action, mut fields) in [
        ("messages.create", told(&source, "messages")),
        ("private_messages.create", told(&source, "private_messages")),
        ("threads.create", told(&source, "threads")),
        ("users.create", json!({ "id": "marc", "screenname": "marc", "created_at": "2026-01-15" })),
        ("status.mark_as_read", json!({ "id": first })),
        ("typing.start", json!({ "thread_id": "t", "preview": "And" })),
        ("typing.stop", json!({ "thread_id": "t" })),
    ] {
        for name in ["unheard_of", "status", "", "recipient_id", "0"] {
            fields[name] = odd.clone();
        }
        if fields["author"].is_object() {
            fields["author"]["unheard_of"] = odd.clone();
            expected.push(fields["id"].clone());
        }
        source.tells(action, &fields);
    }
    let contents = source.all_contents(&cast.otto);
    let mut shown: Vec<Value> = contents.iter().map(|content| content["foreign_id"].clone()).collect();
    shown.sort_by_key(Value::to_string);
    expected.sort_by_key(Value::to_string);
    assert_eq!(shown, expected);
    for content in &contents {
        assert_eq!((&content["status"], content.get("unheard_of")), (&json!("new"), None), "{content}");
    }
}

fn an_author_becomes_one_of_the_desks_when_the_channel_says_so(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let question = id(&source.contents(&cast.otto, "t")[0]);
    let mut elliot = json!({ "id": "1234", "screenname": "Mr. Robot", "created_at": "06/11/2017" });
    source.tells("users.create", &elliot);
    let query = format!("/1.0/identities?community_id={}&foreign_id=1234", source.community_id);
    let author = id(&records(&cast.otto.get(&query).ok())[0]);
    let answer = json!({ "in_reply_to_id": question, "body": "Hello, friend", "author_id": author });
    for puppetizable in [json!(null), json!(false), json!("")] {
        elliot["puppetizable"] = puppetizable;
        source.tells("users.create", &elliot);
        assert_eq!(cast.otto.post("/1.0/contents", &answer).invalid(), ["author_id"]);
    }
    elliot["puppetizable"] = json!(true);
    source.tells("users.create", &elliot);
    cast.otto.post("/1.0/contents", &answer).ok();
    assert_eq!(channel.push_of("Hello, friend").params()["author_id"], "1234");
    // What they write on the channel itself is an agent's.
    let written = source.says("1234", "t", "Written elsewhere");
    assert_eq!(known(&cast.otto, &source, &json!(written))["status"], "user_reply");
}

fn objects_of_every_kind_that_lack_something_are_left_out(engine: Engine) {
    let cast = Cast::shared(engine);
    let channel = FakeChannel::start();
    let source = Source::create(&cast.otto, &channel.base_uri(), &json!({ "active": false }));
    let without = |object: &str, pointers: &[&str]| {
        let mut fields = told(&source, object);
        for pointer in pointers {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            fields.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        }
        fields
    };
    let lists = [
        vec![
            without("messages", &[]),
            without("messages", &["/id"]),
            without("messages", &["/author"]),
            without("messages", &["/author/id"]),
            without("messages", &["/author/screenname"]),
            without("messages", &["/author/created_at"]),
            without("messages", &["/thread_id"]),
            without("messages", &["/body"]),
            json!("?"),
        ],
        vec![
            without("private_messages", &["/thread_id"]),
            without("private_messages", &["/recipient"]),
            without("private_messages", &["/recipient/screenname"]),
        ],
        vec![without("threads", &["/thread_id"]), without("threads", &["/body"]), without("threads", &["/author"])],
    ];
    let mut expected: Vec<Value> = lists.iter().map(|list| list[0]["id"].clone()).collect();
    let skipped: usize = lists.iter().map(|list| list.len() - 1).sum();
    let objects: serde_json::Map<_, _> = OBJECTS.iter().map(|name| ((*name).into(), json!(["list"]))).collect();
    channel.describe(Reply::json(&json!({ "objects": objects })));
    channel.answer(move |push| {
        let at = OBJECTS.iter().position(|name| push.action() == format!("{name}.list"));
        let is_first = push.params()["since_id"].is_null();
        Reply::json(&at.filter(|_| is_first).map_or(json!([]), |at| json!(lists[at])))
    });
    cast.otto.put(&format!("/1.0/content_sources/{}", source.id), &json!({ "active": true })).ok();
    let run = eventually("the run has ended", || {
        let shown = cast.otto.get(&format!("/1.0/content_sources/{}?extended=true", source.id)).ok();
        assert_eq!(shown["status"], "ok");
        Some(shown["synchronization"].clone()).filter(|run| run["imported"] == 3 && run["last_run_at"].is_string())
    });
    assert_eq!((&run["skipped"], &run["error"]), (&json!(skipped), &Value::Null), "{run}");
    let mut shown: Vec<Value> =
        source.all_contents(&cast.otto).iter().map(|content| content["foreign_id"].clone()).collect();
    shown.sort_by_key(Value::to_string);
    expected.sort_by_key(Value::to_string);
    assert_eq!(shown, expected);
}
