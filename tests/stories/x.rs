//! X as a source, against its stand-in: what comes by webhook in both envelopes, answers and direct messages, who may be
//! answered, and tokens that are good for once.

use std::sync::OnceLock;

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::{Request, encode};
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::server::Launch;
use frontdesk_tests::{Cast, Engine, Fake, Person, eventually};
use serde_json::{Value, json};

on_both_engines![
    the_address_proves_that_it_knows_the_secret,
    posts_and_messages_come_in_both_envelopes,
    what_is_not_signed_by_x_is_refused,
    what_is_told_many_times_is_here_once,
    answers_go_out_and_come_back_as_ours,
    who_may_not_be_answered_is_told_before_anybody_types,
    tokens_change_with_every_use,
    who_began_lets_the_account_in_and_nobody_else,
    faults_are_told_in_words_and_pass,
    one_that_cannot_be_read_takes_no_other_with_it,
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
        ["&state=", "&code_challenge="].map(|name| url.split(name).nth(1).unwrap().split('&').next().unwrap().to_owned())
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
