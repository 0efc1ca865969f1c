//! Structured messages: buttons, links, cards and lists, from agents and bots to channels, and what customers pick.

use frontdesk_tests::cast::unique;
use frontdesk_tests::clock::after;
use frontdesk_tests::http::Request;
use frontdesk_tests::pages::{id, ids};
use frontdesk_tests::{Cast, Engine, FakeChannel, Person, Source, eventually};
use serde_json::{Value, json};

use crate::attachments::{PNG, target, upload};

on_both_engines![
    the_public_samples_are_taken_as_they_stand,
    a_channel_without_such_a_type_gets_a_text,
    messaging_takes_more_than_others,
    what_a_customer_picks_comes_back,
    a_source_says_what_it_takes,
    what_is_wrong_is_named_and_leaves_nothing_behind,
    a_picture_is_ones_own_upload_or_a_copy_of_what_one_may_read,
    a_structured_message_that_waits_goes_out_whole,
];

/// A source of the Channel SDK that takes structured messages, its channel, and a customer's question.
fn view(cast: &Cast) -> (Source, FakeChannel, String) {
    let channel = FakeChannel::start();
    let options = json!({ "options": ["view.messaging", "messages.attachments"] });
    let source = Source::create(&cast.otto, &channel.base_uri(), &options);
    source.has_voice("desk");
    source.says("vera", "t", "What have you got?");
    let question = id(&source.contents(&cast.otto, "t")[0]);
    (source, channel, question)
}

fn messaging(otto: &Person) -> String {
    let community = json!({ "type": "mobile_messaging", "name": unique("Messaging ") });
    let community = otto.post("/1.0/communities", &community).ok();
    let source = json!({ "type": "mobile_messaging", "name": unique("App "), "community_id": community["id"] });
    id(&otto.post("/1.0/content_sources", &source).ok())
}

/// What the channel got of a content.
#[track_caller]
fn pushed(channel: &FakeChannel, content: &Value) -> Value {
    eventually("the content is pushed", || {
        let pushes = channel.pushes().into_iter().map(|push| push.params());
        pushes.into_iter().find(|params| params["content_id"] == content["id"])
    })
}

fn picture(person: &Person, private: Option<&str>) -> String {
    id(&upload(person, "kettle.png", PNG, private).ok())
}

/// Bodies of the public pages, with ids in the place of what stands between < and >.
fn samples(question: &str, picture: &str) -> Vec<Value> {
    let text = r#"[
    {"in_reply_to_id":"{in_reply_to_id}","body":"Hi, what do you want to buy?","structured_content":{"center_items":false,
      "disable_text_input":false,"type":"select","items":[{"title":"Laptop"},{"title":"Desktop PC"},
      {"title":"Mobile phone"},{"title":"Webcamera"},{"title":"Notebook"},{"title":"Pocket PC"},{"title":"iWatch"},
      {"title":"Other watch"}]}},
    {"in_reply_to_id":"{in_reply_to_id}","body":"What do you wish?","structured_content":{"type":"select","items":[
      {"title":"Option 1","payload":"first_option"},{"title":"Option 2","payload":"second_option"},
      {"title":"Option 3"}]}},
    {"in_reply_to_id":"{in_reply_to_id}","structured_content":{"type":"rich_link","attachment_id":"<attachment_id>",
      "attachment_fallback_id":"<attachment_id>","title":"Ringcentral, Inc.","subtitle":"Cloud Business Communications",
      "url":"github://github.com/ringcentral","url_fallback":"https://github.com/ringcentral","url_text":"Github"}},
    {"in_reply_to_id":"{in_reply_to_id}","structured_content":{"type":"template","attachment_id":"<attachment_id>",
      "attachment_fallback_id":"<attachment_id>","title":"Ringcentral, Inc.","subtitle":"Cloud Business Communications.",
      "url":"github://github.com/ringcentral","url_fallback":"https://github.com/ringcentral","url_text":"Github",
      "items":[{"title":"Go to website","type":"url","url":"github://github.com/ringcentral",
      "url_fallback":"https://github.com/ringcentral"},{"title":"Ok","type":"reply"},
      {"title":"Give me more","type":"reply","payload":"more"}]}},
    {"in_reply_to_id":"{in_reply_to_id}","structured_content":{"type":"carousel","items":[
      {"attachment_id":"<attachment_id>","attachment_fallback_id":"<attachment_id>","title":"Ringcentral, Inc.",
      "subtitle":"Cloud Business Communications.","items":[{"title":"Go to website","type":"url",
      "url":"github://github.com/ringcentral","url_fallback":"https://github.com/ringcentral"},
      {"title":"Ok","type":"reply"},{"title":"Give me more","type":"reply","payload":"more"}]},
      {"attachment_id":"<attachment_id>","title":"Ringcentral, Inc.","url":"github://github.com/ringcentral",
      "url_fallback":"https://github.com/ringcentral","url_text":"Github","items":[{"title":"Go to website","type":"url",
      "url":"https://github.com/ringcentral"},{"title":"Ok","type":"reply"},
      {"title":"Give me more","type":"reply","payload":"more"}]}]}},
    {"in_reply_to_id":"{in_reply_to_id}","structured_content":{"type":"list","title":"List title","items":[
      {"title":"Option 1","payload":"first_option"},{"title":"Option 2","payload":"second_option"},
      {"title":"Option 3"}]}}]"#;
    let text = text.replace("{in_reply_to_id}", question).replace("<attachment_id>", picture);
    serde_json::from_str(&text).expect("samples")
}

fn the_public_samples_are_taken_as_they_stand(engine: Engine) {
    let cast = Cast::shared(engine);
    let (_source, channel, question) = view(&cast);
    let samples = samples(&question, &picture(&cast.otto, None));
    let sent: Vec<Value> = samples.iter().map(|sample| cast.otto.post("/1.0/contents", sample).ok()).collect();
    let got: Vec<Value> = sent.iter().map(|content| pushed(&channel, content)).collect();
    assert_eq!(got[0]["body"], "Hi, what do you want to buy?");
    assert_eq!(
        got[0]["structured_content"],
        json!({ "type": "select", "items": samples[0]["structured_content"]["items"] })
    );
    assert_eq!(got[1]["structured_content"], samples[1]["structured_content"]);
    // The channel gets links that open, and pictures that it can fetch without a token.
    let mut link = got[2]["structured_content"].clone();
    let url = link.as_object_mut().unwrap().remove("attachment_url").expect("a link");
    let fetched = cast.server.send(&Request::new("GET", &target(url.as_str().unwrap())));
    assert_eq!((fetched.status, fetched.body.as_slice()), (200, PNG));
    assert_eq!(
        link,
        json!({ "type": "rich_link", "title": "Ringcentral, Inc.", "subtitle": "Cloud Business Communications",
        "url": "https://github.com/ringcentral", "url_text": "Github" })
    );
    let template = &got[3]["structured_content"];
    assert!(template["attachment_url"].is_string() && got[3].get("attachments").is_none(), "{}", got[3]);
    assert_eq!(
        template["items"],
        json!([
            { "type": "url", "title": "Go to website", "url": "https://github.com/ringcentral" },
            { "type": "reply", "title": "Ok" },
            { "type": "reply", "title": "Give me more", "payload": "more" },
        ])
    );
    let cards = got[4]["structured_content"]["items"].as_array().unwrap();
    assert!(cards.iter().all(|card| card["attachment_url"].is_string() && card.get("attachment_id").is_none()));
    // Where no text is asked for a link, its host is.
    assert_eq!((cards[0].get("url_text"), &cards[1]["url_text"]), (None, &json!("Github")));
    // There are no lists there.
    assert_eq!(
        (got[5]["body"].as_str(), got[5].get("structured_content")),
        (Some("List title\n- Option 1\n- Option 2\n- Option 3"), None)
    );
    // REST shows what went out, with the picture among the attachments.
    let shown = cast.otto.content(&id(&sent[3]));
    assert_eq!((&shown["body"], &shown["attachments_count"]), (&json!(""), &json!(1)));
    assert_eq!(shown["structured_content"]["attachment_id"], shown["attachments"][0]["id"]);
    eventually("all have arrived", || {
        let mut states = sent.iter().map(|content| cast.otto.content(&id(content))["synchronization_status"].clone());
        states.all(|state| state == "success").then_some(())
    });
}

fn a_channel_without_such_a_type_gets_a_text(engine: Engine) {
    let cast = Cast::shared(engine);
    let (_source, channel, question) = view(&cast);
    let time = json!({ "type": "time_select", "timeslots": [
        { "duration": 3600, "start_time": "2020-04-26T08:00+0200", "identifier": "1" }] });
    let form = json!({ "type": "form", "title": "Report a product issue", "first_page_id": "1", "pages": [
        { "page_id": "1", "type": "input", "title": "Tell us", "submit_form": true }] });
    for (body, content, text) in [
        (Some("Choose your appointment"), &time, "Choose your appointment"),
        (None, &form, "Report a product issue"),
        (Some("A form"), &form, "A form"),
        (Some("Please log in"), &json!({ "type": "authenticate" }), "Please log in"),
    ] {
        let written = json!({ "in_reply_to_id": question, "body": body, "structured_content": content });
        let written = cast.otto.post("/1.0/contents", &written).ok();
        assert_eq!((&written["body"], written.get("structured_content")), (&json!(text), None));
        let got = pushed(&channel, &written);
        assert_eq!((&got["body"], got.get("structured_content")), (&json!(text), None));
    }
    // What is sent as a text has to be right all the same.
    let wrong = json!({ "in_reply_to_id": question, "structured_content": { "type": "list", "title": "T" } });
    assert_eq!(cast.otto.post("/1.0/contents", &wrong).invalid(), ["structured_content[items]"]);
    let silent = json!({ "in_reply_to_id": question, "structured_content": time });
    assert_eq!(cast.otto.post("/1.0/contents", &silent).invalid(), ["body"]);
}

fn messaging_takes_more_than_others(engine: Engine) {
    let cast = Cast::shared(engine);
    let source = messaging(&cast.otto);
    let (private, gif) = (picture(&cast.otto, Some("true")), id(&upload(&cast.otto, "a.gif", b"GIF89a", None).ok()));
    let write = |content: Value| {
        let written =
            json!({ "source_id": source, "to": unique("visitor-"), "body": "Look", "structured_content": content });
        cast.otto.post("/1.0/contents", &written)
    };
    let select =
        json!({ "type": "select", "center_items": true, "disable_text_input": "true", "items": [{ "title": "Yes" }] });
    let shown = write(select).ok();
    assert_eq!(
        shown["structured_content"],
        json!({
        "type": "select", "center_items": true, "disable_text_input": true, "items": [{ "title": "Yes" }] })
    );
    assert_eq!(shown["capabilities_supported"], json!(["select", "rich_link", "template", "carousel"]));
    let link = json!({ "type": "rich_link", "title": "T", "url": "github://github.com/x", "attachment_id": private,
        "target": "webview", "webview_height": "tall" });
    assert_eq!(
        write(link.clone()).ok()["structured_content"],
        json!({ "type": "rich_link", "attachment_id": private,
        "title": "T", "url": "github://github.com/x", "url_text": "github.com", "target": "webview", "webview_height": "tall" })
    );
    // Whoever clicks sees one host and would get to another.
    for (name, url) in
        [("url", "http://github.com:pw@example.net/"), ("url_fallback", "https://github.com@example.net")]
    {
        let mut link = link.clone();
        link[name] = json!(url);
        assert_eq!(write(link).invalid(), [format!("structured_content[{name}]")]);
    }
    let moving = json!({ "type": "template", "title": "T", "attachment_id": gif, "items": [{ "type": "reply", "title": "Ok" }] });
    assert_eq!(write(moving.clone()).ok()["structured_content"], {
        json!({ "type": "template", "attachment_id": gif, "title": "T", "items": [{ "type": "reply", "title": "Ok" }] })
    });
    // A channel of one's own takes neither, unless there are fallbacks.
    let (_source, channel, question) = view(&cast);
    let answer = |content: &Value| {
        cast.otto.post("/1.0/contents", &json!({ "in_reply_to_id": question, "structured_content": content }))
    };
    assert_eq!(answer(&link).invalid(), ["structured_content[url]"]);
    let mut link = link;
    link["url_fallback"] = json!("https://github.com/x");
    assert_eq!(answer(&link).invalid(), ["structured_content[attachment_id]"]);
    assert_eq!(answer(&moving).invalid(), ["structured_content[attachment_id]"]);
    link["attachment_fallback_id"] = picture(&cast.otto, None).into();
    let written = answer(&link).ok();
    assert_eq!(
        written["structured_content"],
        json!({ "type": "rich_link", "attachment_id": link["attachment_fallback_id"],
        "title": "T", "url": "https://github.com/x", "url_text": "github.com" })
    );
    assert!(pushed(&channel, &written)["structured_content"]["attachment_url"].is_string());
}

fn what_a_customer_picks_comes_back(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel, question) = view(&cast);
    let receiver = FakeChannel::start();
    let webhook = json!({ "url": receiver.hook_url(), "registered_events": ["content.imported", "content.replied"],
        "source_filter": "only", "source_ids": [source.id] });
    let webhook = id(&cast.otto.post("/1.0/webhooks", &webhook).ok());
    eventually("the webhook works", || {
        let webhook = cast.otto.get(&format!("/1.0/webhooks/{webhook}")).ok();
        (webhook["webhook_status"] == "enabled").then_some(())
    });
    let select = json!({ "type": "select", "items": [{ "title": "Blue", "payload": "blue" }, { "title": "Red" }] });
    let offer = json!({ "in_reply_to_id": question, "body": "Which?", "structured_content": select });
    let offer = cast.otto.post("/1.0/contents", &offer).ok();
    assert_eq!(pushed(&channel, &offer)["structured_content"]["items"][0]["payload"], "blue");
    let foreign = eventually("the offer is on the channel", || {
        cast.otto.content(&id(&offer))["foreign_id"].as_str().map(str::to_owned)
    });
    let mut choice = source.message(&unique("choice-"), "t", "vera", "Blue");
    choice["in_reply_to_id"] = foreign.into();
    choice["structured_reply"] = json!({ "payload": "blue" });
    source.tells("messages.create", &choice);
    let chosen = source.contents(&cast.otto, "t").pop().unwrap();
    assert_eq!((&chosen["structured_reply"], &chosen["in_reply_to_id"]), (&json!({ "payload": "blue" }), &offer["id"]));
    let told = |kind: &str, content: &Value| {
        eventually(kind, || {
            let events = receiver.events().into_iter().filter(|event| event["type"] == kind);
            let mut of_content = events.filter(|event| event["resource"]["id"] == content["id"]);
            of_content.next().map(|event| event["resource"]["metadata"].clone())
        })
    };
    let (imported, replied) = (told("content.imported", &chosen), told("content.replied", &offer));
    assert_eq!(
        (&imported["structured_reply"], imported.get("structured_content")),
        (&json!({ "payload": "blue" }), None)
    );
    assert_eq!(replied["structured_content"], select);
    for metadata in [&imported, &replied] {
        assert_eq!(metadata["structured_content_supported"], true);
        assert_eq!(metadata["capabilities_supported"], json!(["select", "rich_link", "template", "carousel"]));
    }
}

fn a_source_says_what_it_takes(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let content = id(&source.contents(&cast.otto, "t")[0]);
    let supported = || cast.otto.content(&content)["capabilities_supported"].clone();
    let select = json!({ "in_reply_to_id": content, "body": "Which?",
        "structured_content": { "type": "select", "items": [{ "title": "Blue" }] } });
    assert_eq!(supported(), json!([]));
    assert_eq!(cast.otto.post("/1.0/contents", &select).invalid(), ["structured_content"]);
    let path = format!("/1.0/content_sources/{}", source.id);
    cast.otto.put(&path, &json!({ "options": ["view.messaging"] })).ok();
    assert_eq!(supported(), json!(["select", "rich_link", "template", "carousel"]));
    // An object with nothing in it is none, as forms send it.
    let mut plain = select.clone();
    plain["structured_content"] = json!({});
    assert!(cast.otto.post("/1.0/contents", &plain).ok().get("structured_content").is_none());
    assert_eq!(cast.otto.post("/1.0/contents", &select).ok()["structured_content"], select["structured_content"]);
    // A form can say it, too.
    let form = format!(
        "in_reply_to_id={content}&body=Which&structured_content[type]=select\
         &structured_content[items][][title]=Blue&structured_content[items][][title]=Red"
    );
    let form = Request::new("POST", "/1.0/contents").body("application/x-www-form-urlencoded", form);
    let items = json!([{ "title": "Blue" }, { "title": "Red" }]);
    assert_eq!(cast.otto.send(form).ok()["structured_content"]["items"], items);
    cast.otto.put(&path, &json!({ "options": ["messages.text"] })).ok();
    assert_eq!(supported(), json!([]));
    assert_eq!(cast.otto.post("/1.0/contents", &select).invalid(), ["structured_content"]);
    // A thread begins with a text.
    cast.otto.put(&path, &json!({ "options": ["view.messaging"] })).ok();
    let mut first =
        json!({ "source_id": source.id, "body": "Which?", "structured_content": select["structured_content"] });
    assert_eq!(cast.otto.post("/1.0/contents", &first).invalid(), ["structured_content"]);
    first["to"] = json!("vera");
    assert_eq!(cast.otto.post("/1.0/contents", &first).ok()["structured_content"], select["structured_content"]);
}

fn what_is_wrong_is_named_and_leaves_nothing_behind(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel, question) = view(&cast);
    let file = picture(&cast.otto, None);
    let write = |content: Value| {
        cast.otto
            .post("/1.0/contents", &json!({ "in_reply_to_id": question, "body": "Hi", "structured_content": content }))
    };
    let select = |item: Value| json!({ "type": "select", "items": [{ "title": "A" }, { "title": "B" }, item] });
    let carousel = json!({ "type": "carousel", "items": [
        { "title": "T", "attachment_id": file, "items": [{ "type": "reply", "title": "Ok" }] },
        { "title": "T", "items": [{ "type": "reply", "title": "Ok" }] }] });
    for (content, attributes) in [
        (json!({ "items": [] }), vec!["structured_content[type]"]),
        (json!({ "type": "dance" }), vec!["structured_content[type]"]),
        (select(json!({ "title": "x".repeat(81) })), vec!["structured_content[items][2][title]"]),
        (select(json!({})), vec!["structured_content[items][2][title]"]),
        (select(json!({ "title": "C", "payload": "\u{e9}" })), vec!["structured_content[items][2][payload]"]),
        (
            json!({ "type": "rich_link", "subtitle": ["x"] }),
            vec!["structured_content[title]", "structured_content[subtitle]", "structured_content[url]"],
        ),
        (carousel, vec!["structured_content[items][1][attachment_id]"]),
        (
            json!({ "type": "rich_link", "title": "T", "url": "https://a.example", "attachment_id": "0123456789abcdef01234567" }),
            vec!["structured_content[attachment_id]"],
        ),
    ] {
        assert_eq!(write(content.clone()).invalid(), attributes, "{content}");
    }
    for odd in [json!("select"), json!([1]), json!(5)] {
        let answer = write(odd);
        assert!(matches!(answer.status, 400 | 422), "{}", answer.status);
    }
    assert_eq!(source.all_contents(&cast.otto).len(), 1);
    // The upload is still unused.
    let link = json!({ "type": "rich_link", "title": "T", "url": "https://a.example", "attachment_id": file });
    assert_eq!(write(link).ok()["structured_content"]["attachment_id"], file.as_str());
}

fn a_picture_is_ones_own_upload_or_a_copy_of_what_one_may_read(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel, question) = view(&cast);
    let may = json!({ (source.id.as_str()): "read,reply" });
    cast.otto.put(&format!("/1.0/users/{}/sources_permissions", cast.ada.user_id), &may).ok();
    let file = picture(&cast.otto, None);
    let link = |id: &str| {
        json!({ "in_reply_to_id": question, "structured_content":
        { "type": "rich_link", "title": "T", "url": "https://a.example", "attachment_id": id } })
    };
    // It is nobody else's while it is unused.
    assert_eq!(cast.ada.post("/1.0/contents", &link(&file)).invalid(), ["structured_content[attachment_id]"]);
    let first = cast.otto.post("/1.0/contents", &link(&file)).ok();
    assert_eq!(first["structured_content"]["attachment_id"], file.as_str());
    // On a content it can be used again, by all who may read it.
    let second = cast.ada.post("/1.0/contents", &link(&file)).ok();
    let copy = second["structured_content"]["attachment_id"].as_str().unwrap().to_owned();
    assert!(copy != file && second["attachments"][0]["id"] == copy.as_str(), "{second}");
    cast.otto.put(&format!("/1.0/contents/{}/anonymize", id(&first)), &json!({})).ok();
    assert!(cast.otto.content(&id(&first)).get("structured_content").is_none());
    cast.otto.get(&format!("/1.0/attachments/{file}")).refused(404);
    let bytes = cast.ada.get(&target(second["attachments"][0]["url"].as_str().unwrap()));
    assert_eq!((bytes.status, bytes.body.as_slice()), (200, PNG));
    // What one may not read one cannot show to others.
    let (_other, _channel, elsewhere) = view(&cast);
    let mut hidden = link(&picture(&cast.otto, None));
    hidden["in_reply_to_id"] = elsewhere.into();
    let hidden = cast.otto.post("/1.0/contents", &hidden).ok();
    let hidden = hidden["structured_content"]["attachment_id"].as_str().unwrap();
    assert_eq!(cast.ada.post("/1.0/contents", &link(hidden)).invalid(), ["structured_content[attachment_id]"]);
    // A picture beside a file: the one in the card, the other beside it.
    let (beside, inside) = (id(&upload(&cast.otto, "manual.pdf", b"%PDF-1.4", None).ok()), picture(&cast.otto, None));
    let mut both = link(&inside);
    both["attachment_ids"] = json!([beside]);
    let both = cast.otto.post("/1.0/contents", &both).ok();
    assert_eq!(
        (&both["attachments_count"], ids(&json!({ "records": both["attachments"] }))),
        (&json!(2), vec![beside, inside])
    );
}

fn a_structured_message_that_waits_goes_out_whole(engine: Engine) {
    let cast = Cast::shared(engine);
    let (_source, channel, question) = view(&cast);
    let select = json!({ "type": "select", "items": [{ "title": "Blue" }] });
    let later = json!({ "in_reply_to_id": question, "body": "Which?", "structured_content": select, "scheduled_at": after(60) });
    let waiting = cast.otto.post("/1.0/contents", &later).ok();
    let path = format!("/1.0/contents/{}", id(&waiting));
    // A select stands beneath a text.
    assert_eq!(cast.otto.put(&path, &json!({ "body": "" })).invalid(), ["body"]);
    cast.otto.put(&path, &json!({ "body": "Which one?" })).ok();
    cast.otto.put(&path, &json!({ "scheduled_at": "" })).ok();
    let got = pushed(&channel, &waiting);
    assert_eq!((&got["body"], &got["structured_content"]), (&json!("Which one?"), &select));
    let card = json!({ "type": "rich_link", "title": "T", "url": "https://a.example" });
    let later =
        json!({ "in_reply_to_id": question, "body": "Look", "structured_content": card, "scheduled_at": after(60) });
    let waiting = cast.otto.post("/1.0/contents", &later).ok();
    cast.otto.put(&format!("/1.0/contents/{}", id(&waiting)), &json!({ "body": "" })).ok();
    let withdrawn = cast.otto.put(&format!("/1.0/contents/{}/withdraw", id(&waiting)), &json!({})).ok();
    assert_eq!(withdrawn["structured_content"]["title"], "T");
    cast.otto.put(&format!("/1.0/contents/{}/export", id(&waiting)), &json!({})).ok();
    let got = pushed(&channel, &waiting);
    assert_eq!((&got["body"], &got["structured_content"]["url_text"]), (&json!(""), &json!("a.example")));
}
