//! X as a source, against its stand-in: what comes by webhook in both envelopes, answers and direct messages, who may be
//! answered, and tokens that are good for once.

use std::sync::OnceLock;

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::{Connection, Request, encode};
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::server::Launch;
use frontdesk_tests::{Cast, Engine, Fake, Person, eventually};
use serde_json::{Value, json};

on_both_engines![
    the_address_proves_that_it_knows_the_secret,
    nobody_has_a_delivery_signed_by_asking,
    who_sends_slowly_keeps_nobody_out,
    posts_and_messages_come_in_both_envelopes,
    what_is_not_signed_by_x_is_refused,
    what_is_told_many_times_is_here_once,
    answers_go_out_and_come_back_as_ours,
    pictures_go_both_ways,
    an_agent_writes_first_to_everybody_and_to_one,
    who_may_not_be_answered_is_told_before_anybody_types,
    tokens_change_with_every_use,
    who_began_lets_the_account_in_and_nobody_else,
    faults_are_told_in_words_and_pass,
    one_that_cannot_be_read_takes_no_other_with_it,
    what_is_odd_is_contained,
];

const SECRET: &str = "consumer-secret";

struct World {
    fake: Fake,
    cast: Cast,
}

impl World {
    fn shared(engine: Engine) -> &'static World {
        static WORLDS: [OnceLock<World>; 2] = [OnceLock::new(), OnceLock::new()];
        WORLDS[engine as usize].get_or_init(|| {
            let fake = Fake::start("x");
            World { cast: fake.cast(engine), fake }
        })
    }

    /// A connected account, and the address that X posts to.
    fn account(&'static self, settings: &Value) -> Account {
        let otto = &self.cast.otto;
        let number = unique("77");
        let community = otto.post("/1.0/communities", &json!({ "type": "twtr", "name": unique("Community ") })).ok();
        let mut source = json!({
            "type": "twtr", "name": unique("X "), "community_id": community["id"], "x_user_id": number,
            "x_consumer_secret": SECRET, "x_client_id": "client", "x_refresh_token": format!("refresh-{number}"),
        });
        for (name, value) in settings.as_object().into_iter().flatten() {
            source[name] = value.clone();
        }
        let source = id(&otto.post("/1.0/content_sources", &source).ok());
        let account = Account { world: self, source, id: number };
        account.set(&json!({ "callback": account.callback(), "secret": SECRET }));
        account
    }
}

struct Account {
    world: &'static World,
    source: String,
    id: String,
}

impl Account {
    fn otto(&self) -> &Person {
        &self.world.cast.otto
    }

    fn callback(&self) -> String {
        format!("http://{}/channels/twtr/{}", self.world.cast.server.address(), self.source)
    }

    fn set(&self, what: &Value) {
        self.world.fake.send("PUT", &format!("/_fake/accounts/{}", self.id), what);
    }

    fn there(&self) -> Value {
        self.world.fake.send("GET", &format!("/_fake/accounts/{}", self.id), &json!({})).json()
    }

    fn is_valid(&self) -> bool {
        let told = self.world.fake.send("POST", &format!("/_fake/accounts/{}/check", self.id), &json!({})).json();
        told["valid"] == true
    }

    /// Sends deliveries; returns what each was answered.
    fn send(&self, what: &Value) -> Vec<i64> {
        let told = self.world.fake.send("POST", &format!("/_fake/accounts/{}/events", self.id), what).json();
        told["statuses"].as_array().expect("a list").iter().filter_map(Value::as_i64).collect()
    }

    fn tell(&self, deliveries: Vec<Value>) {
        let count = deliveries.len();
        assert_eq!(self.send(&json!({ "deliveries": deliveries })), vec![200; count]);
    }

    /// A delivery of the Activity API.
    fn activity(&self, kind: &str, payload: Value) -> Value {
        json!({ "data": { "event_uuid": unique("uuid-"), "event_type": kind, "filter": { "user_id": self.id }, "tag": "t",
            "payload": payload, "includes": { "users": [{ "id": "2", "name": "Vera", "username": "vera" }] } } })
    }

    /// A post that mentions us.
    fn mention(&self, post: &str, text: &str) -> Value {
        self.activity(
            "post.mention.create",
            json!({ "id": post, "text": text, "author_id": "2", "conversation_id": post, "lang": "en",
                "created_at": "2026-01-15T10:00:00.000Z", "entities": { "mentions": [{ "id": self.id }] } }),
        )
    }

    /// A delivery of the Account Activity API with a direct message.
    fn message(&self, message: &str, from: &str, to: &str, text: &str) -> Value {
        json!({ "for_user_id": self.id, "users": { "2": { "id": "2", "name": "Vera", "screen_name": "vera" } },
            "direct_message_events": [{ "type": "message_create", "id": message, "created_timestamp": "1768471200000",
                "message_create": { "target": { "recipient_id": to }, "sender_id": from, "message_data": { "text": text } } }] })
    }

    fn contents(&self) -> Vec<Value> {
        let q = encode(&format!("source:{} order:created_at.asc", self.source));
        records(&self.otto().get(&format!("/1.0/contents?extended=true&limit=150&q={q}")).ok()).to_vec()
    }

    fn here(&self, foreign_id: &str) -> Value {
        eventually(&format!("{foreign_id} is here"), || {
            self.contents().into_iter().find(|content| content["foreign_id"] == foreign_id)
        })
    }

    fn settled(&self, content: &str) -> Value {
        eventually("it has settled", || {
            let content = self.otto().get(&format!("/1.0/contents/{content}?extended=true")).ok();
            (content["synchronization_status"] != "export_pending").then_some(content)
        })
    }

    fn reply(&self, content: &Value, text: &str) -> String {
        id(&self.otto().reply(content["id"].as_str().expect("an id"), text))
    }
}

fn the_address_proves_that_it_knows_the_secret(engine: Engine) {
    let account = World::shared(engine).account(&json!({}));
    assert!(account.is_valid());
    account.set(&json!({ "secret": "another" }));
    assert!(!account.is_valid(), "who knows another secret is not X");
    let server = &account.world.cast.server;
    let path = format!("/channels/twtr/{}", account.source);
    assert_eq!(server.send(&Request::new("GET", &path)).status, 403, "without a question");
    assert_eq!(server.send(&Request::new("GET", "/channels/twtr/0123456789abcdef01234567?crc_token=x")).status, 404);
    assert_eq!(
        server.send(&Request::new("GET", &format!("/channels/youtube/{}?crc_token=x", account.source))).status,
        404
    );
}

fn nobody_has_a_delivery_signed_by_asking(engine: Engine) {
    let account = World::shared(engine).account(&json!({}));
    let server = &account.world.cast.server;
    let path = format!("/channels/twtr/{}", account.source);
    let ask = |token: &str| server.send(&Request::new("GET", &format!("{path}?crc_token={}", encode(token))));
    let post = |body: &str, signature: &str| {
        let request = Request::new("POST", &path).header("x-twitter-webhooks-signature", signature);
        server.send(&request.body("application/json", body))
    };
    let webhook = || {
        let told = account.otto().get(&format!("/1.0/content_sources/{}/connection", account.source)).ok();
        let steps = told["steps"].as_array().expect("steps").clone();
        steps.iter().find(|step| step["name"] == "webhook").expect("a step")["done"].clone()
    };
    let forged = account.mention("901", "@us Forged by Mallory").to_string();
    ask(&forged).refused(403);
    // A short question is answered, but its answer opens nothing.
    let told = ask("question").json();
    post("question", told["response_token"].as_str().expect("a signature")).refused(403);
    assert_eq!(webhook(), false, "anybody can ask");
    account.tell(vec![account.mention("902", "@us By Vera")]);
    account.here("902");
    assert_eq!(webhook(), true);
    assert!(account.contents().iter().all(|content| content["foreign_id"] != "901"));
}

fn who_sends_slowly_keeps_nobody_out(engine: Engine) {
    let account = World::shared(engine).account(&json!({}));
    let server = &account.world.cast.server;
    let begun =
        format!("POST /channels/twtr/{} HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n{{", account.source);
    let strangers: Vec<_> = (0..300)
        .map(|_| {
            let mut stranger = Connection::open(server.address()).expect("a connection");
            stranger.write(begun.as_bytes()).expect("a beginning");
            stranger
        })
        .collect();
    account.tell(vec![account.mention("911", "@us Through all of them")]);
    account.here("911");
    drop(strangers);
}

fn posts_and_messages_come_in_both_envelopes(engine: Engine) {
    let account = World::shared(engine).account(&json!({}));
    let us = account.id.clone();
    let answer = json!({ "id": "102", "text": "@us &amp; more", "author_id": "2", "conversation_id": "101",
        "referenced_tweets": [{ "type": "replied_to", "id": "101" }], "in_reply_to_user_id": us,
        "created_at": "2026-01-15T10:05:00.000Z" });
    let old = json!({ "for_user_id": us, "tweet_create_events": [{ "id": 103, "id_str": "103",
        "created_at": "Thu Jan 15 10:06:00 +0000 2026", "text": "@us Old", "in_reply_to_user_id_str": us,
        "in_reply_to_status_id_str": "102", "user": { "id": 3, "name": "Carl", "screen_name": "carl" } }] });
    account.tell(vec![account.mention("101", "@us Hello"), account.activity("post.reply.create", answer), old]);
    account.tell(vec![account.message("201", "2", &us, "Psst")]);
    let last = account.here("103");
    let first = account.here("101");
    let second = account.here("102");
    assert_eq!((&first["type"], &first["source_type"]), (&json!("tweet"), &json!("twtr")));
    assert_eq!((&second["body"], &second["in_reply_to_id"]), (&json!("@us & more"), &first["id"]));
    assert_eq!((&last["in_reply_to_id"], &last["thread_id"]), (&second["id"], &first["thread_id"]), "one conversation");
    assert_eq!(first["source_url"], "https://x.com/vera/status/101");
    assert_eq!(first["channel_actions"], json!(["reply"]));
    assert_eq!(second["channel_actions"], json!(["reply", "publish", "unpublish"]), "an answer to us can be hidden");
    let message = account.here("201");
    assert_eq!((&message["type"], &message["private_message"]), (&json!("private_message"), &json!(true)));
    let thread = account.otto().get(&format!("/1.0/content_threads/{}", message["thread_id"].as_str().unwrap())).ok();
    assert_eq!(thread["foreign_id"], format!("2-{us}"));
    let author = account.otto().get(&format!("/1.0/identities/{}", first["author_id"].as_str().unwrap())).ok();
    assert_eq!((&author["screenname"], &author["foreign_id"]), (&json!("vera"), &json!("2")));
    // What goes there is gone here, too.
    account.tell(vec![account.activity("post.delete", json!({ "id": "103" }))]);
    eventually("it is gone", || (account.here("103")["remotely_deleted"] == true).then_some(()));
}

fn what_is_not_signed_by_x_is_refused(engine: Engine) {
    let account = World::shared(engine).account(&json!({}));
    for signature in ["wrong", "sha1", "none"] {
        let sent = json!({ "deliveries": [account.mention("301", "@us Forged")], "signature": signature });
        assert_eq!(account.send(&sent), [403], "{signature}");
    }
    // The same that is signed is taken.
    account.tell(vec![account.mention("302", "@us Real")]);
    account.here("302");
    assert_eq!(account.contents().len(), 1);
    // What is for another account of the app is nobody's here.
    let mut foreign = account.mention("303", "@them");
    foreign["data"]["filter"]["user_id"] = json!("424242");
    account.tell(vec![foreign, account.mention("304", "@us Again")]);
    account.here("304");
    assert_eq!(account.contents().len(), 2);
}

fn what_is_told_many_times_is_here_once(engine: Engine) {
    let account = World::shared(engine).account(&json!({}));
    let told = json!({ "deliveries": [account.mention("401", "@us Once")], "times": 200 });
    assert_eq!(account.send(&told), vec![200; 200]);
    account.here("401");
    // By another name of what happened, and against the order.
    let reply = account.activity("post.reply.create", json!({ "id": "401", "text": "@us Once", "author_id": "2" }));
    let order = json!({ "deliveries": [account.mention("402", "@us First"), account.mention("403", "@us Then"), reply],
                        "reversed": true });
    assert_eq!(account.send(&order), [200, 200, 200]);
    account.here("402");
    account.here("403");
    assert_eq!(account.contents().len(), 3);
}

fn answers_go_out_and_come_back_as_ours(engine: Engine) {
    let account = World::shared(engine).account(&json!({}));
    account
        .tell(vec![account.mention("501", "@us Where is it?"), account.message("502", "2", &account.id, "In private")]);
    let (post, message) = (account.here("501"), account.here("502"));
    let answer = account.settled(&account.reply(&post, "On its way"));
    assert_eq!((&answer["synchronization_status"], &answer["type"]), (&json!("success"), &json!("tweet")), "{answer}");
    let private = account.settled(&account.reply(&message, "Between us"));
    assert_eq!((&private["synchronization_status"], &private["private_message"]), (&json!("success"), &json!(true)));
    let there = account.there();
    assert_eq!(there["posts"][0]["reply"], json!({ "in_reply_to_tweet_id": "501" }));
    assert_eq!((&there["posts"][0]["id"], &there["posts"][0]["text"]), (&answer["foreign_id"], &json!("On its way")));
    let sent = json!([{ "id": private["foreign_id"], "to": "2", "text": "Between us" }]);
    assert_eq!(there["messages"], sent);
    // X tells of what we wrote, too: it is known. What the owner wrote there is ours as well.
    let echo = private["foreign_id"].as_str().unwrap();
    let own = account.message("59900", &account.id, "2", "From my phone");
    account.tell(vec![account.message(echo, &account.id, "2", "Between us"), own]);
    let own = account.here("59900");
    assert_eq!((&own["status"], &own["thread_id"]), (&json!("user_reply"), &message["thread_id"]));
    assert_eq!(account.contents().len(), 5);
    // Ours can be deleted there.
    account.otto().delete(&format!("/1.0/contents/{}", id(&answer))).ok();
    assert_eq!(account.settled(&id(&answer))["remotely_deleted"], true);
    assert_eq!(account.there()["posts"], json!([]));
}

fn pictures_go_both_ways(engine: Engine) {
    let account = World::shared(engine).account(&json!({}));
    // What came along in a direct message only the account itself may fetch.
    let file = "https://ton.twitter.com/1.1/ton/data/dm/511/a.png";
    let mut shown = account.message("511", "2", &account.id, "Look");
    shown["direct_message_events"][0]["message_create"]["message_data"]["attachment"] =
        json!({ "type": "media", "media": { "id": "8", "media_url_https": file } });
    let mut led_away = account.message("512", "2", &account.id, "And here");
    led_away["direct_message_events"][0]["message_create"]["message_data"]["attachment"] = json!({ "type": "media", "media": { "id": "9", "media_url_https": "https://ton.twitter.com.evil.example/a.png" } });
    account.tell(vec![shown, led_away, account.mention("513", "@us Hello")]);
    let (message, bare, post) = (account.here("511"), account.here("512"), account.here("513"));
    assert_eq!(bare["attachments"], json!([]), "{bare}");
    let fetched = eventually("it is fetched", || {
        let files = account.otto().content(&id(&message))["attachments"].clone();
        files.as_array().and_then(|files| files.first()).filter(|file| file["size"] == 8).cloned()
    });
    assert_eq!(fetched["content_type"], "image/png");
    let asked = account.world.fake.asked("/1.1/ton/data/dm/511/");
    let with_token =
        |request: &Value| request["headers"].to_string().contains(&format!("Bearer access-{}-", account.id));
    assert!(asked.iter().any(with_token), "{asked:?}");
    // Ours are given to X first, and are in what is posted then.
    let file = |name: &str, kind: &str, bytes: &[u8]| {
        let mut body = format!(
            "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\ncontent-type: {kind}\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n--b--\r\n");
        let upload = Request::new("POST", "/1.0/attachments").body("multipart/form-data; boundary=b", body);
        id(&upload.token(&account.otto().token).send(account.otto().address()).expect("an answer").json())
    };
    let picture =
        |number: u8| file(&format!("{number}.png"), "image/png", &[&b"\x89PNG\r\n\x1a\n"[..], &[number][..]].concat());
    let reply = |to: &Value, files: Vec<String>| {
        let reply = json!({ "in_reply_to_id": to["id"], "body": "See", "attachment_ids": files });
        account.settled(&id(&account.otto().post("/1.0/contents", &reply).ok()))
    };
    let answer = reply(&post, vec![picture(1), picture(2)]);
    assert_eq!(answer["synchronization_status"], "success", "{answer}");
    let private = reply(&message, vec![picture(3), picture(4)]);
    assert_eq!(private["synchronization_status"], "success", "{private}");
    let there = account.there();
    assert_eq!(there["posts"][0]["media"]["media_ids"].as_array().map(Vec::len), Some(2), "{there}");
    let sent = there["messages"].as_array().expect("messages");
    assert_eq!((sent.len(), &sent[0]["text"], &sent[1]["text"]), (2, &json!("See"), &Value::Null), "{there}");
    assert!(sent.iter().all(|message| message["attachments"][0]["media_id"].is_string()), "{there}");
    // What X does not take is said, and nothing is posted.
    let refused = reply(&post, vec![file("a.txt", "text/plain", b"words")]);
    let why = refused["synchronization_error"].as_str().unwrap_or_default();
    assert!(refused["synchronization_status"] == "export_failure" && why.contains("a.txt is none"), "{refused}");
    assert_eq!(account.there()["posts"].as_array().map(Vec::len), Some(1));
}

fn an_agent_writes_first_to_everybody_and_to_one(engine: Engine) {
    let account = World::shared(engine).account(&json!({}));
    let otto = account.otto();
    let write = |more: &Value| {
        let mut first = json!({ "source_id": account.source, "body": "We are open on Sunday" });
        for (name, value) in more.as_object().unwrap() {
            first[name] = value.clone();
        }
        otto.post("/1.0/contents", &first)
    };
    let post = account.settled(&id(&write(&json!({})).ok()));
    assert_eq!((&post["type"], &post["synchronization_status"]), (&json!("tweet"), &json!("success")), "{post}");
    assert_eq!(account.there()["posts"][0]["text"], "We are open on Sunday");
    // Who answers it is in its thread.
    let there = post["foreign_id"].as_str().expect("an id");
    let answer = json!({ "id": "521", "text": "@us Great", "author_id": "2", "conversation_id": there,
        "referenced_tweets": [{ "type": "replied_to", "id": there }], "in_reply_to_user_id": account.id });
    account.tell(vec![account.activity("post.reply.create", answer)]);
    let answer = account.here("521");
    assert_eq!((&answer["thread_id"], &answer["in_reply_to_id"]), (&post["thread_id"], &post["id"]));
    // To one who is known, in the one conversation of the two; what they answer is there, too.
    let message = account.settled(&id(&write(&json!({ "to": "2" })).ok()));
    assert_eq!((&message["type"], &message["synchronization_status"]), (&json!("private_message"), &json!("success")));
    assert_eq!(account.there()["messages"][0]["to"], "2");
    account.tell(vec![account.message("522", "2", &account.id, "Thank you")]);
    assert_eq!(account.here("522")["thread_id"], message["thread_id"]);
    let again = account.settled(&id(&write(&json!({ "to": "2" })).ok()));
    assert_eq!(again["thread_id"], message["thread_id"]);
    // Not to strangers; and whom X does not let us write to is told in words.
    assert_eq!(write(&json!({ "to": "424242" })).invalid(), ["to"]);
    let gone = json!({ "fault": "recipient_gone", "account": account.id, "operation": "dm.create" });
    account.world.fake.fault(&gone);
    let refused = account.settled(&id(&write(&json!({ "to": "2" })).ok()));
    let why = refused["synchronization_error"].as_str().unwrap_or_default();
    assert!(why.contains("does not let us write to this person"), "{refused}");
    // Only who may write first does.
    let ada = account.world.cast.hire(&[]);
    let rights = json!({ (account.source.as_str()): "read,reply" });
    otto.put(&format!("/1.0/users/{}/sources_permissions", ada.user_id), &rights).ok();
    let first = json!({ "source_id": account.source, "body": "Hello" });
    ada.post("/1.0/contents", &first).refused(403);
}

fn who_may_not_be_answered_is_told_before_anybody_types(engine: Engine) {
    let account = World::shared(engine).account(&json!({}));
    let about = |post: &str, kind: &str| {
        account.activity(kind, json!({ "id": post, "text": "About us", "author_id": "2", "conversation_id": post }))
    };
    account.tell(vec![about("601", "post.create"), about("602", "post.quote.create")]);
    let (stranger, quoting) = (account.here("601"), account.here("602"));
    let why = stranger["unanswerable"].as_str().expect("the reason");
    assert_eq!(stranger["channel_actions"], json!([]));
    let refusal = account.otto().post("/1.0/contents", &json!({ "in_reply_to_id": stranger["id"], "body": "Hi" }));
    assert!(refusal.refused(422).to_string().contains(why));
    assert_eq!((&quoting["channel_actions"], quoting.get("unanswerable")), (&json!(["reply"]), None));
    // Letters of other alphabets weigh more.
    let long = json!({ "in_reply_to_id": quoting["id"], "body": "日".repeat(141) });
    assert_eq!(account.otto().post("/1.0/contents", &long).invalid(), ["body"]);
    let fitting = json!({ "in_reply_to_id": quoting["id"], "body": "日".repeat(140) });
    account.settled(&id(&account.otto().post("/1.0/contents", &fitting).ok()));
    let anybody = account.world.account(&json!({ "x_answers_everybody": true }));
    anybody.tell(vec![anybody.activity("post.create", json!({ "id": "603", "text": "About us", "author_id": "2" }))]);
    assert_eq!(anybody.here("603")["channel_actions"], json!(["reply"]));
}

fn tokens_change_with_every_use(engine: Engine) {
    let account = World::shared(engine).account(&json!({}));
    account.tell(vec![account.mention("701", "@us Hello")]);
    let post = account.here("701");
    for number in 0..3 {
        let sent = account.settled(&account.reply(&post, &format!("Answer {number}")));
        assert_eq!(sent["synchronization_status"], "success", "{number}: {sent}");
        account.world.fake.fault(&json!({ "fault": "expired_token", "account": account.id }));
    }
    let asked: Vec<String> = account
        .world
        .fake
        .asked("/2/oauth2/token")
        .iter()
        .filter_map(|request| request["body"].as_str())
        .filter(|body| body.contains(&format!("refresh-{}", account.id)))
        .map(|body| body.split("refresh_token=refresh-").nth(1).unwrap().split('&').next().unwrap().to_owned())
        .collect();
    let expected: Vec<String> = ["", ".1", ".2"].iter().map(|end| format!("{}{end}", account.id)).collect();
    assert_eq!(asked, expected, "each is used once");
    let shown = account.otto().get(&format!("/1.0/content_sources/{}?extended=true", account.source)).ok();
    assert!(!shown.to_string().contains("refresh-"), "{shown}");
}

fn who_began_lets_the_account_in_and_nobody_else(engine: Engine) {
    let account = World::shared(engine).account(&json!({ "x_refresh_token": null }));
    let path = format!("/1.0/content_sources/{}/connection", account.source);
    let begin = || account.otto().post(&format!("{path}/authorize"), &json!({})).ok();
    // What the way to X tells: the state, and the hash of what only the server knows.
    let told = |begun: &Value| -> [String; 2] {
        let url = begun["url"].as_str().expect("an address");
        assert!(url.starts_with("https://x.com/i/oauth2/authorize?"), "{url}");
        assert!(url.contains("offline.access") && url.contains("code_challenge_method=S256"), "{url}");
        ["&state=", "&code_challenge="]
            .map(|name| url.split(name).nth(1).unwrap().split('&').next().unwrap().to_owned())
    };
    let end = |person: &Person, state: &str, code: &str| {
        person.post(&format!("{path}/complete"), &json!({ "state": state, "code": code }))
    };
    let tried =
        || eventually("it was tried", || Some(account.otto().get(&path).ok()).filter(|told| told["trying"] == false));
    let token_step = || {
        let steps = account.otto().get(&path).ok()["steps"].clone();
        steps.as_array().unwrap().iter().find(|step| step["name"] == "token").unwrap()["done"] == true
    };
    let begun = begin();
    assert!(begun["redirect_uri"].as_str().unwrap().ends_with("/channels/return"), "{begun}");
    let [state, challenge] = told(&begun);
    let code = format!("code-{}.{challenge}", account.id);
    let other = account.world.cast.hire(&["update_content_source"]);
    let rights = json!({ (account.source.as_str()): "read" });
    account.otto().put(&format!("/1.0/users/{}/sources_permissions", other.user_id), &rights).ok();
    assert_eq!(end(&other, &state, &code).invalid(), ["state"], "somebody else did not begin it");
    assert_eq!(end(account.otto(), "guessed", &code).invalid(), ["state"]);
    // A code that somebody else's way gave is worth nothing on this one.
    let [fresh, _] = told(&begin());
    end(account.otto(), &fresh, &code).ok();
    assert!(tried()["findings"][0]["message"].as_str().unwrap().contains("code verifier"));
    // Another account than the source's is not kept.
    let [fresh, of_fresh] = told(&begin());
    end(account.otto(), &fresh, &format!("code-99{}.{of_fresh}", account.id)).ok();
    let message = tried()["findings"][0]["message"].clone();
    assert!(message.as_str().unwrap().contains(&format!("of the account 99{}", account.id)), "{message}");
    assert!(!token_step());
    end(account.otto(), &state, &code).ok();
    let findings = tried()["findings"].clone();
    assert!(findings.as_array().unwrap().iter().all(|finding| finding["ok"] == true), "{findings}");
    assert_eq!((&findings[0]["name"], &findings[1]["name"]), (&json!("sign_in"), &json!("account")));
    assert!(token_step());
    assert_eq!(end(account.otto(), &state, &code).invalid(), ["state"], "it is good for once");
    account.tell(vec![account.mention("751", "@us Hello")]);
    let answer = account.settled(&account.reply(&account.here("751"), "Connected"));
    assert_eq!(answer["synchronization_status"], "success", "{answer}");
}

/// Two nodes of one store, and many answers to a service whose tokens for the next are good for once, that is slow in
/// giving them out and ends them early: one node asks at a time, and what it got is there for both.
#[test]
fn two_nodes_that_renew_at_once_lose_no_token() {
    let fake = Fake::start("x");
    let cast = fake.cast(Engine::Postgres);
    let key = cast.server.data().join("secret.key");
    let mut flags = fake.flags();
    flags.extend(["--secret-key-file", key.to_str().expect("a path")]);
    let database = cast.server.database_url().map(str::to_owned);
    let _other = Launch::new(Engine::Postgres).database(database).with(&flags).start();
    let world: &'static World = Box::leak(Box::new(World { fake, cast }));
    let account = world.account(&json!({}));
    let posts: Vec<String> = (0..16).map(|number| format!("76{number:02}")).collect();
    account.tell(posts.iter().map(|post| account.mention(post, "@us Hello")).collect());
    let posts: Vec<Value> = posts.iter().map(|post| account.here(post)).collect();
    for round in 0..3 {
        // Both have work at once: one takes half of it and waits for its token, the other finds the rest.
        world.fake.fault(&json!({ "fault": "slow", "operation": "token", "account": account.id, "seconds": 2.5 }));
        let answers: Vec<String> = posts.iter().map(|post| account.reply(post, &format!("Answer {round}"))).collect();
        for answer in answers {
            let sent = account.settled(&answer);
            assert_eq!(sent["synchronization_status"], "success", "{round}: {sent}");
        }
        world.fake.fault(&json!({ "fault": "expired_token", "account": account.id }));
    }
    let body = |request: &Value| request["body"].as_str().unwrap_or_default().to_owned();
    let mut asked: Vec<String> = world.fake.asked("/2/oauth2/token").iter().map(body).collect();
    let count = asked.len();
    asked.sort();
    asked.dedup();
    assert_eq!((asked.len(), count), (3, 3), "each is used once: {asked:?}");
}

fn faults_are_told_in_words_and_pass(engine: Engine) {
    let account = World::shared(engine).account(&json!({}));
    account.tell(vec![account.mention("801", "@us Hello"), account.message("802", "2", &account.id, "Hello")]);
    let (post, message) = (account.here("801"), account.here("802"));
    let (posting, writing) = ("tweets.create", "dm.create");
    for (fault, operation, answered, words) in [
        ("not_mentioned", posting, &post, "only who mentioned or quoted us"),
        ("hidden_error", posting, &post, "Could not find post"),
        ("recipient_gone", writing, &message, "does not let us write to this person"),
    ] {
        account.world.fake.fault(&json!({ "fault": fault, "account": account.id, "operation": operation }));
        let failed = account.settled(&account.reply(answered, fault));
        assert_eq!(failed["synchronization_status"], "export_failure", "{failed}");
        let told = failed["synchronization_error"].as_str().unwrap_or_default();
        assert!(told.contains(words), "{fault}: {told}");
    }
    // Too many calls: everything that the source sends waits until X takes it again.
    let fault = json!({ "fault": "rate_limited", "account": account.id, "operation": posting, "seconds": 1 });
    account.world.fake.fault(&fault);
    let waiting = account.reply(&post, "Later");
    let told = eventually("it is told", || {
        account.otto().content(&waiting)["synchronization_error"].as_str().map(str::to_owned)
    });
    assert!(told.contains("X wants a pause until"), "{told}");
    assert_eq!(account.settled(&waiting)["synchronization_status"], "success");
}

fn one_that_cannot_be_read_takes_no_other_with_it(engine: Engine) {
    let account = World::shared(engine).account(&json!({}));
    let mut delivery = account.message("901", "2", &account.id, "Good");
    let good = delivery["direct_message_events"][0].clone();
    let mut broken = good.clone();
    (broken["id"], broken["message_create"]["sender_id"]) = (json!("902"), Value::Null);
    let mut last = good.clone();
    last["id"] = json!("903");
    delivery["direct_message_events"] = json!([good, broken, last]);
    let noise = json!({ "for_user_id": account.id, "favorite_events": [{ "id": "f1" }] });
    account.tell(vec![delivery, noise]);
    account.here("901");
    account.here("903");
    assert_eq!(account.contents().len(), 2);
    let events = format!("/1.0/content_sources/{}/channel_events", account.source);
    for (state, words) in [("failed", "has no sender"), ("unknown", "favorite_events")] {
        eventually(&format!("{state}: {words}"), || {
            let told = account.otto().get(&format!("{events}?state={state}")).ok();
            (records(&told).len() == 1 && told.to_string().contains(words)).then_some(())
        });
    }
}

fn what_is_odd_is_contained(engine: Engine) {
    let account = World::shared(engine).account(&json!({}));
    // A check that somebody sends once more is answered as before, and changes nothing.
    let path = format!("/channels/twtr/{}?crc_token=bm9uY2Ux", account.source);
    let answers = [0, 1].map(|_| account.world.cast.server.send(&Request::new("GET", &path)).json());
    assert_eq!(answers[0], answers[1]);
    let connection = || account.otto().get(&format!("/1.0/content_sources/{}/connection", account.source)).ok();
    assert_eq!(connection()["events_received"], 0);
    // Names are texts, times to come are not believed, pictures that are inside are not looked at.
    let mut odd = account.mention("951", "@us <script>alert(1)</script>\u{0}");
    odd["data"]["payload"]["created_at"] = json!("2999-01-01T00:00:00.000Z");
    odd["data"]["payload"]["author_id"] = json!("5");
    odd["data"]["includes"]["users"][0] = json!({ "id": "5", "name": "Vera <img src=x onerror=alert(1)>\u{202e}",
        "username": "vera", "profile_image_url": "http://169.254.169.254/latest/meta-data" });
    odd["data"]["payload"]["extended_entities"] =
        json!({ "media": [{ "media_url_https": "http://169.254.169.254/latest/meta-data" }] });
    // Ids that do not fit, and names of events that no store would keep.
    let long = account.mention(&"9".repeat(21), "@us Too long an id");
    let mut nameless = account.message("952", "2", &account.id, "x");
    nameless[format!("{}\u{0}_events", "x".repeat(500))] = json!([{ "id": 1 }]);
    account.tell(vec![odd, long, nameless, account.mention("953", "@us Still here")]);
    let (odd, _) = (account.here("951"), account.here("953"));
    assert!(odd["created_at"].as_str().unwrap() < "2100", "{odd}");
    assert_eq!((&odd["body"], &odd["attachments"]), (&json!("@us <script>alert(1)</script>"), &json!([])));
    let author = account.otto().get(&format!("/1.0/identities/{}", odd["author_id"].as_str().unwrap())).ok();
    assert!(author["firstname"].as_str().unwrap().starts_with("Vera <img src=x"), "{author}");
    assert_eq!(author["avatar_url"], Value::Null);
    account.here("952");
    let events = format!("/1.0/content_sources/{}/channel_events", account.source);
    eventually("what cannot be read is shown", || {
        (account.otto().get(&format!("{events}?state=failed")).ok()["count"] == 1).then_some(())
    });
    let unknown = account.otto().get(&format!("{events}?state=unknown")).ok();
    let name = records(&unknown)[0]["name"].as_str().expect("a name").to_owned();
    assert!(name.len() <= 50 && name.starts_with("xxx"), "{name}");
}
