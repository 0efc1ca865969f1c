//! YouTube as a source, against its stand-in: comments and answers, moderation, what is edited or deleted there, and the
//! units of a day.

use std::sync::OnceLock;

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::{Request, encode};
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::{Cast, Engine, Fake, Person, eventually};
use serde_json::{Value, json};

on_both_engines![
    comments_and_their_answers_become_threads,
    an_answer_stands_under_its_comment_and_is_here_once,
    an_answer_that_cannot_be_sent_is_refused_before_it_is_written,
    comments_are_held_published_and_rejected,
    what_waits_for_review_cannot_be_answered_yet,
    what_is_taken_for_spam_waits_for_nobody_and_can_be_published,
    threads_are_called_after_their_videos,
    what_is_edited_or_deleted_there_is_followed,
    units_are_planned_shown_and_never_passed,
    faults_are_told_in_words_and_pass,
    the_wrong_account_is_told_by_its_name,
    who_began_lets_the_channel_in_and_nobody_else,
    history_is_imported_as_far_as_it_is_wanted,
    a_new_video_is_looked_at_at_once,
    what_is_odd_is_contained,
];

/// A server that is led to the stand-in.
struct World {
    fake: Fake,
    cast: Cast,
}

impl World {
    fn shared(engine: Engine) -> &'static World {
        static WORLDS: [OnceLock<World>; 2] = [OnceLock::new(), OnceLock::new()];
        WORLDS[engine as usize].get_or_init(|| {
            let fake = Fake::start("youtube");
            World { cast: fake.cast(engine), fake }
        })
    }

    /// A connected channel.
    fn channel(&'static self, settings: &Value) -> Channel {
        let channel = unique("UCkettles");
        let source = self.source(&channel, &channel, settings);
        Channel { world: self, source: id(&source), id: channel }
    }

    fn source(&self, channel: &str, account: &str, settings: &Value) -> Value {
        let otto = &self.cast.otto;
        let community = otto.post("/1.0/communities", &json!({ "type": "youtube", "name": unique("Community ") })).ok();
        let mut source = json!({
            "type": "youtube", "name": unique("YouTube "), "community_id": community["id"],
            "youtube_channel_id": channel, "youtube_client_id": "client", "youtube_client_secret": "open-sesame",
            "youtube_refresh_token": format!("refresh-{account}"),
        });
        for (name, value) in settings.as_object().into_iter().flatten() {
            source[name] = value.clone();
        }
        otto.post("/1.0/content_sources", &source).ok()
    }
}

/// A channel on the stand-in, and the source that it is here.
struct Channel {
    world: &'static World,
    source: String,
    id: String,
}

impl Channel {
    fn otto(&self) -> &Person {
        &self.world.cast.otto
    }

    /// What the stand-in knows of it.
    fn there(&self) -> Value {
        self.world.fake.send("GET", &format!("/_fake/channels/{}", self.id), &json!({})).json()
    }

    /// Somebody writes there; returns the comment's id.
    fn write(&self, written: &Value) -> String {
        let answer = self.world.fake.send("POST", &format!("/_fake/channels/{}/comments", self.id), written);
        answer.json()["id"].as_str().expect("an id").to_owned()
    }

    fn comment(&self, text: &str) -> String {
        self.write(&json!({ "text": text }))
    }

    fn edit(&self, comment: &str, change: &Value) {
        self.world.fake.send("PUT", &format!("/_fake/channels/{}/comments/{comment}", self.id), change);
    }

    fn delete(&self, comment: &str) {
        self.world.fake.send("DELETE", &format!("/_fake/channels/{}/comments/{comment}", self.id), &json!({}));
    }

    fn fault(&self, mut fault: Value) {
        fault["account"] = json!(self.id);
        self.world.fake.fault(&fault);
    }

    /// The source as its administrator sees it.
    fn shown(&self) -> Value {
        self.otto().get(&format!("/1.0/content_sources/{}?extended=true", self.source)).ok()
    }

    /// Asks for a run and waits until one that began afterwards has ended. Then the next one is a look away.
    fn synchronized(&self) -> Value {
        self.otto().post(&format!("/1.0/content_sources/{}/synchronize", self.source), &json!({})).ok();
        eventually("the run has ended", || {
            let shown = self.shown();
            let synchronization = &shown["synchronization"];
            let (last, next) = (seconds(&synchronization["last_run_at"])?, seconds(&synchronization["next_run_at"])?);
            let is_over =
                synchronization["running"] == false && (50..=2_000).contains(&(next - last).rem_euclid(86_400));
            is_over.then_some(shown)
        })
    }

    fn contents(&self) -> Vec<Value> {
        let q = encode(&format!("source:{} order:created_at.asc", self.source));
        records(&self.otto().get(&format!("/1.0/contents?extended=true&limit=150&q={q}")).ok()).to_vec()
    }

    /// The content that a comment is here.
    fn content(&self, comment: &str) -> Option<Value> {
        self.contents().into_iter().find(|content| content["foreign_id"] == comment)
    }

    fn here(&self, comment: &str) -> Value {
        eventually(&format!("{comment} is here"), || self.content(comment))
    }

    /// A content once nothing of it is on its way.
    fn settled(&self, content: &str) -> Value {
        eventually("it has settled", || {
            let content = self.otto().get(&format!("/1.0/contents/{content}?extended=true")).ok();
            (content["synchronization_status"] != "export_pending").then_some(content)
        })
    }

    fn act(&self, content: &str, action: &str) -> Value {
        match action {
            "delete" => self.otto().delete(&format!("/1.0/contents/{content}")).ok(),
            action => self.otto().put(&format!("/1.0/contents/{content}/{action}"), &json!({})).ok(),
        };
        self.settled(content)
    }
}

/// Seconds of the day of a time.
fn seconds(time: &Value) -> Option<i64> {
    let clock = time.as_str()?.split('T').nth(1)?;
    let mut parts = clock.trim_end_matches('Z').split(':').map(|part| part.parse::<i64>().ok());
    Some((parts.next()?? * 60 + parts.next()??) * 60 + parts.next()??)
}

fn texts(contents: &[Value]) -> Vec<&str> {
    contents.iter().filter_map(|content| content["body"].as_str()).collect()
}

fn comments_and_their_answers_become_threads(engine: Engine) {
    let channel = World::shared(engine).channel(&json!({}));
    let first = channel.comment("Does the red one whistle?");
    for number in 0..7 {
        channel.write(&json!({ "text": format!("Answer {number}"), "author": "bob", "parent_id": first }));
    }
    channel.write(&json!({ "text": "It does", "author": channel.id, "parent_id": first }));
    let second = channel.write(&json!({ "text": "Nice <b>", "author": "carla", "video_id": "video-2" }));
    let shown = channel.synchronized();
    assert_eq!((&shown["status"], &shown["synchronization"]["error"]), (&json!("ok"), &Value::Null), "{shown}");
    let contents = channel.contents();
    assert_eq!(contents.len(), 10, "all answers, also those that did not come along");
    let question = channel.content(&first).unwrap();
    assert_eq!((&question["type"], &question["source_type"]), (&json!("comment"), &json!("youtube")));
    assert_eq!(question["body"], "Does the red one whistle?");
    assert_eq!(question["status"], "new");
    assert_eq!(question["context_data"]["video_id"], "video-1");
    assert_eq!(question["source_url"], format!("https://www.youtube.com/watch?v=video-1&lc={first}"));
    assert_eq!(question["channel_actions"], json!(["reply", "publish", "unpublish", "delete"]));
    let own = contents.iter().find(|content| content["body"] == "It does").unwrap();
    assert_eq!((&own["status"], &own["in_reply_to_id"]), (&json!("user_reply"), &question["id"]));
    assert_eq!(own["thread_id"], question["thread_id"]);
    assert_ne!(channel.content(&second).unwrap()["thread_id"], question["thread_id"]);
    let author = question["author_id"].as_str().unwrap();
    let author = channel.otto().get(&format!("/1.0/identities/{author}")).ok();
    assert_eq!((&author["screenname"], &author["foreign_id"]), (&json!("@vera"), &json!("vera")));
    // Told once more, nothing changes.
    let imported = channel.synchronized()["synchronization"]["imported"].clone();
    assert_eq!((channel.contents(), imported), (contents, json!(10)));
}

fn an_answer_stands_under_its_comment_and_is_here_once(engine: Engine) {
    let channel = World::shared(engine).channel(&json!({}));
    let first = channel.comment("Where is my kettle?");
    let under = channel.write(&json!({ "text": "Mine, too", "author": "bob", "parent_id": first }));
    channel.synchronized();
    let question = channel.here(&under);
    let reply = channel.otto().reply(question["id"].as_str().unwrap(), "On its way & warm");
    let sent = channel.settled(&id(&reply));
    assert_eq!((&sent["synchronization_status"], &sent["type"]), (&json!("success"), &json!("comment")), "{sent}");
    let there = channel.there()["threads"][0]["replies"]["comments"][0].clone();
    assert_eq!(there["id"], sent["foreign_id"]);
    assert_eq!(there["snippet"]["textOriginal"], "On its way & warm");
    assert_eq!(there["snippet"]["parentId"], json!(first), "YouTube knows two levels");
    // It comes back as what it is.
    channel.synchronized();
    let contents = channel.contents();
    assert_eq!(contents.len(), 3);
    let author = sent["author_id"].as_str().unwrap();
    let author = channel.otto().get(&format!("/1.0/identities/{author}")).ok();
    assert_eq!(
        (&author["foreign_id"], &author["screenname"]),
        (&json!(channel.id), &json!(format!("Channel {}", channel.id)))
    );
    assert_eq!(channel.settled(question["id"].as_str().unwrap())["status"], "replied");
    // Ours is deleted by its author, which is the channel.
    let deleted = channel.act(&id(&reply), "delete");
    assert_eq!(deleted["remotely_deleted"], true, "{deleted}");
    assert_eq!(channel.there()["threads"][0]["replies"]["comments"].as_array().unwrap().len(), 1);
}

fn an_answer_that_cannot_be_sent_is_refused_before_it_is_written(engine: Engine) {
    let channel = World::shared(engine).channel(&json!({}));
    let first = channel.comment("Hello?");
    channel.synchronized();
    let question = id(&channel.here(&first));
    let write = |fields: Value| {
        let mut draft = json!({ "in_reply_to_id": question, "body": "Hello" });
        for (name, value) in fields.as_object().into_iter().flatten() {
            draft[name] = value.clone();
        }
        channel.otto().post("/1.0/contents", &draft)
    };
    for (fields, attribute) in [
        (json!({ "body": "x".repeat(10_001) }), "body"),
        (json!({ "private": true }), "private"),
        (json!({ "body_format": "html" }), "body_format"),
        (json!({ "title": "T" }), "title"),
        (json!({ "author_id": channel.content(&first).unwrap()["author_id"] }), "author_id"),
    ] {
        assert_eq!(write(fields).invalid(), [attribute]);
    }
    let unasked = json!({ "source_id": channel.source, "body": "Hello, everybody" });
    let refusal = channel.otto().post("/1.0/contents", &unasked).refused(422);
    assert!(refusal.to_string().contains("only answer"), "{refusal}");
    let options = channel.content(&first).unwrap()["reply_options"].clone();
    assert_eq!(options, json!({ "private": false, "html": false, "private_html": false }));
    write(json!({})).ok();
}

fn comments_are_held_published_and_rejected(engine: Engine) {
    let channel = World::shared(engine).channel(&json!({}));
    let first = channel.comment("Buy pills");
    channel.synchronized();
    let content = id(&channel.here(&first));
    let status = || channel.there()["threads"][0]["snippet"]["topLevelComment"]["snippet"]["moderationStatus"].clone();
    let held = channel.act(&content, "unpublish");
    assert_eq!((&held["published"], status()), (&json!(false), json!("heldForReview")), "{held}");
    let published = channel.act(&content, "publish");
    assert_eq!((&published["published"], status()), (&json!(true), Value::Null), "{published}");
    let rejected = channel.act(&content, "delete");
    assert_eq!((&rejected["remotely_deleted"], status()), (&json!(true), json!("rejected")), "{rejected}");
    assert_eq!(rejected["channel_actions"], json!([]));
    channel.synchronized();
    assert_eq!(channel.content(&first).unwrap()["remotely_deleted"], true, "a rejected comment does not come back");
}

fn what_waits_for_review_cannot_be_answered_yet(engine: Engine) {
    let channel = World::shared(engine).channel(&json!({}));
    let first = channel.write(&json!({ "text": "First!", "status": "heldForReview" }));
    channel.synchronized();
    let held = channel.here(&first);
    assert_eq!(
        (&held["published"], &held["channel_actions"]),
        (&json!(false), &json!(["publish", "unpublish", "delete"]))
    );
    let why = held["unanswerable"].as_str().expect("the reason").to_owned();
    let reply = json!({ "in_reply_to_id": held["id"], "body": "Welcome" });
    let refusal = channel.otto().post("/1.0/contents", &reply).refused(422);
    assert!(refusal.to_string().contains(&why), "{refusal}");
    let published = channel.act(&id(&held), "publish");
    assert_eq!((&published["published"], published.get("unanswerable")), (&json!(true), None));
    let sent = channel.otto().post("/1.0/contents", &reply).ok();
    assert_eq!(channel.settled(&id(&sent))["synchronization_status"], "success");
    // What somebody else publishes there is seen, too.
    let other = channel.write(&json!({ "text": "Second!", "status": "heldForReview" }));
    channel.synchronized();
    assert_eq!(channel.here(&other)["published"], false);
    channel.edit(&other, &json!({ "status": "published" }));
    channel.synchronized();
    let seen = channel.here(&other);
    assert_eq!((&seen["published"], seen.get("unanswerable")), (&json!(true), None), "{seen}");
}

fn what_is_taken_for_spam_waits_for_nobody_and_can_be_published(engine: Engine) {
    let channel = World::shared(engine).channel(&json!({}));
    let spam = channel.write(&json!({ "text": "Buy gold", "status": "likelySpam" }));
    channel.synchronized();
    let held = channel.here(&spam);
    assert_eq!((&held["status"], &held["published"]), (&json!("ignored"), &json!(false)), "{held}");
    assert!(held["unanswerable"].as_str().unwrap_or_default().contains("takes the comment for spam"), "{held}");
    assert_eq!(held["channel_actions"], json!(["publish", "unpublish", "delete"]));
    // It was none: who lets it through can answer it.
    let published = channel.act(&id(&held), "publish");
    assert_eq!((&published["published"], published.get("unanswerable")), (&json!(true), None), "{published}");
    let there = channel.there();
    assert_eq!(there["threads"][0]["snippet"]["topLevelComment"]["snippet"].get("moderationStatus"), None, "{there}");
    let answer = channel.otto().reply(&id(&held), "Thank you");
    assert_eq!(channel.settled(&id(&answer))["synchronization_status"], "success");
}

fn threads_are_called_after_their_videos(engine: Engine) {
    let channel = World::shared(engine).channel(&json!({}));
    let first = channel.write(&json!({ "text": "Nice", "video_id": "kettles" }));
    let second = channel.write(&json!({ "text": "Fine", "video_id": "pots" }));
    channel.synchronized();
    for (comment, title) in [(&first, "About kettles"), (&second, "About pots")] {
        let thread = channel.here(comment)["thread_id"].as_str().unwrap().to_owned();
        eventually("it has a title", || {
            (channel.otto().get(&format!("/1.0/content_threads/{thread}")).ok()["title"] == title).then_some(())
        });
    }
    // What is known is not asked for again.
    let asked = || {
        let all = channel.world.fake.asked("/youtube/v3/videos?");
        all.iter().filter(|request| request["headers"].to_string().contains(&format!("access-{}-", channel.id))).count()
    };
    let before = asked();
    assert!(before > 0);
    channel.synchronized();
    assert_eq!(asked(), before);
}

fn what_is_edited_or_deleted_there_is_followed(engine: Engine) {
    let channel = World::shared(engine).channel(&json!({}));
    let (edited, gone, kept) = (channel.comment("Wrong"), channel.comment("Gone soon"), channel.comment("Stays"));
    let mut replies = Vec::new();
    for number in 0..7 {
        replies.push(channel.write(&json!({ "text": format!("Reply {number}"), "author": "bob", "parent_id": kept })));
    }
    channel.synchronized();
    let answered = channel.otto().reply(channel.here(&kept)["id"].as_str().unwrap(), "Ours stays, too");
    channel.settled(&id(&answered));
    channel.edit(&edited, &json!({ "text": "Right" }));
    channel.edit(&replies[0], &json!({ "text": "Edited reply" }));
    channel.delete(&gone);
    channel.delete(&replies[1]);
    // Long enough ago for threads to be looked at again.
    let due = "UPDATE watched_threads SET due_at = 0";
    channel.world.cast.server.sql(due);
    let shown = channel.synchronized();
    assert_eq!(shown["synchronization"]["error"], Value::Null);
    let body = |comment: &str| channel.content(comment).unwrap()["body"].clone();
    assert_eq!((body(&edited), body(&replies[0])), (json!("Right"), json!("Edited reply")));
    let is_gone = |comment: &str| channel.content(comment).unwrap()["remotely_deleted"] == true;
    let are_gone = [&gone, &replies[1], &kept, &replies[2], &edited].map(|comment| is_gone(comment));
    assert_eq!(are_gone, [true, true, false, false, false]);
    assert_eq!(channel.content(&gone).unwrap()["status"], "ignored", "nobody waits for an answer to it");
    assert_eq!(channel.settled(&id(&answered))["remotely_deleted"], false);
    // A new answer to an old comment is found in its thread.
    let late = channel.write(&json!({ "text": "Late", "author": "carla", "parent_id": edited }));
    channel.world.cast.server.sql(due);
    channel.synchronized();
    assert_eq!(channel.here(&late)["in_reply_to_id"], channel.here(&edited)["id"]);
}

fn units_are_planned_shown_and_never_passed(engine: Engine) {
    let channel = World::shared(engine).channel(&json!({
        "youtube_units_per_day": 110, "youtube_units_for_answers": 100,
    }));
    channel.world.fake.send("PUT", &format!("/_fake/channels/{}", channel.id), &json!({ "units": 110 }));
    let first = channel.comment("How much?");
    let shown = channel.synchronized();
    let quota = &shown["quota"];
    assert_eq!((&quota["units_per_day"], &quota["units_for_answers"]), (&json!(110), &json!(100)), "{quota}");
    assert_eq!((&quota["answers_left"], &quota["used_by_answers"]), (&json!(2), &json!(0)), "{quota}");
    assert!(quota["used_by_reading"].as_i64().unwrap() >= 3 && quota["resets_at"].is_string(), "{quota}");
    assert!(quota["looks_every_seconds"].as_i64().unwrap() > 900, "few units are looked at seldom: {quota}");
    let question = channel.here(&first);
    // Who asks and asks uses up what is for reading, and nothing of what is for answers.
    let refused = eventually("the units for reading are used up", || {
        let shown = channel.synchronized();
        shown["synchronization"]["error"].as_str().map(str::to_owned)
    });
    assert!(refused.contains("used up for today"), "{refused}");
    for number in 0..2 {
        let sent = channel.otto().reply(question["id"].as_str().unwrap(), &format!("Answer {number}"));
        assert_eq!(channel.settled(&id(&sent))["synchronization_status"], "success");
    }
    let third = id(&channel.otto().reply(question["id"].as_str().unwrap(), "Too much for today"));
    let told = eventually("it is told why it waits", || {
        let content = channel.otto().content(&third);
        content["synchronization_error"].as_str().map(str::to_owned)
    });
    assert!(told.contains("waits until"), "{told}");
    assert_eq!(channel.otto().content(&third)["synchronization_status"], "export_pending", "it goes out tomorrow");
    assert_eq!(channel.there()["used"], 110);
}

fn faults_are_told_in_words_and_pass(engine: Engine) {
    let channel = World::shared(engine).channel(&json!({}));
    let first = channel.comment("Hello?");
    channel.synchronized();
    let question = channel.here(&first);
    let reply = |text: &str| id(&channel.otto().reply(question["id"].as_str().unwrap(), text));
    // A token that has ended is changed for another, and nobody notices.
    channel.fault(json!({ "fault": "expired_token", "operation": "comments.insert" }));
    assert_eq!(channel.settled(&reply("One"))["synchronization_status"], "success");
    // What will never be taken is told, and not tried again.
    channel.fault(json!({ "fault": "comments_disabled", "operation": "comments.insert" }));
    let refused = channel.settled(&reply("Two"));
    assert_eq!(refused["synchronization_status"], "export_failure");
    assert_eq!(refused["synchronization_error"], "Comments are turned off for this video.");
    // A pause that the service wants is kept by everything that the source sends, and costs no attempt.
    channel.fault(json!({ "fault": "rate_limited", "operation": "comments.insert", "seconds": 1 }));
    let paused = reply("Three");
    eventually("it is told", || channel.otto().content(&paused)["synchronization_error"].as_str().map(|_| ()));
    assert_eq!(channel.settled(&paused)["synchronization_status"], "success");
    for (fault, words) in [
        (json!({ "fault": "not_json", "operation": "commentThreads.list" }), "not JSON"),
        (json!({ "fault": "server_error", "operation": "commentThreads.list" }), "500 backendError"),
        (json!({ "fault": "reason:keyInvalid", "operation": "commentThreads.list" }), "turn on the YouTube Data API"),
    ] {
        channel.fault(fault);
        let shown = channel.synchronized();
        let error = shown["synchronization"]["error"].as_str().unwrap_or_default().to_owned();
        assert!(error.contains(words), "{words}: {error}");
        assert_eq!(shown["error_message"], json!(error));
    }
    // Nobody but an administrator can help an account that is not let in any more.
    channel.fault(json!({ "fault": "revoked", "operation": "token" }));
    channel.fault(json!({ "fault": "expired_token", "operation": "commentThreads.list" }));
    let error = channel.synchronized()["synchronization"]["error"].as_str().unwrap_or_default().to_owned();
    assert!(error.contains("connect the account again") && error.contains("revoked"), "{error}");
    let token = json!({ "youtube_refresh_token": format!("refresh-{}.new", channel.id) });
    channel.otto().put(&format!("/1.0/content_sources/{}", channel.source), &token).ok();
    assert_eq!(channel.synchronized()["synchronization"]["error"], Value::Null);
}

fn the_wrong_account_is_told_by_its_name(engine: Engine) {
    let world = World::shared(engine);
    let (wanted, other) = (unique("UCwanted"), unique("UCother"));
    let shown = world.source(&wanted, &other, &json!({}));
    assert!(shown.get("youtube_client_secret").is_none() && shown.get("youtube_refresh_token").is_none(), "{shown}");
    let channel = Channel { world, source: id(&shown), id: other.clone() };
    channel.comment("Not yours");
    let error = channel.synchronized()["synchronization"]["error"].as_str().unwrap_or_default().to_owned();
    assert!(error.contains(&format!("Channel {other} ({other}), not {wanted}")), "{error}");
    assert!(channel.contents().is_empty());
    let bare = world.source(&unique("UCbare"), &other, &json!({ "youtube_refresh_token": null }));
    let bare = Channel { world, source: id(&bare), id: other };
    let error = bare.synchronized()["synchronization"]["error"].as_str().unwrap_or_default().to_owned();
    assert!(error.contains("youtube_refresh_token is not set"), "{error}");
}

fn who_began_lets_the_channel_in_and_nobody_else(engine: Engine) {
    let world = World::shared(engine);
    let channel = world.channel(&json!({ "youtube_refresh_token": null }));
    let otto = &world.cast.otto;
    let path = format!("/1.0/content_sources/{}/connection", channel.source);
    let begin = || {
        let begun = otto.post(&format!("{path}/authorize"), &json!({})).ok();
        let url = begun["url"].as_str().expect("an address").to_owned();
        assert!(url.starts_with("https://accounts.google.com/o/oauth2/v2/auth?client_id=client&"), "{url}");
        assert!(url.contains("access_type=offline") && url.contains("youtube.force-ssl"), "{url}");
        url.split("&state=").nth(1).unwrap().split('&').next().unwrap().to_owned()
    };
    let end = |person: &Person, state: &str, code: &str| {
        person.post(&format!("{path}/complete"), &json!({ "state": state, "code": code }))
    };
    let tried = || eventually("it was tried", || Some(otto.get(&path).ok()).filter(|told| told["trying"] == false));
    let steps = |told: &Value| -> Vec<(String, bool)> {
        let step = |step: &Value| (step["name"].as_str().unwrap().to_owned(), step["done"] == true);
        told["steps"].as_array().unwrap().iter().map(step).collect()
    };
    let open = [("project", true), ("channel", true), ("token", false)].map(|(name, done)| (name.to_owned(), done));
    assert_eq!(steps(&otto.get(&path).ok()), open);
    let (state, code) = (begin(), format!("code-{}", channel.id));
    let other = world.cast.hire(&["update_content_source"]);
    let rights = json!({ (channel.source.as_str()): "read" });
    otto.put(&format!("/1.0/users/{}/sources_permissions", other.user_id), &rights).ok();
    assert_eq!(end(&other, &state, &code).invalid(), ["state"], "somebody else did not begin it");
    // Who leaves out the right, or is another channel, does not let us in.
    for (code, words) in [(format!("{code}.narrow"), "left out the right"), ("code-UCother".into(), "UCother")] {
        end(otto, &begin(), &code).ok();
        let told = tried();
        assert!(told["findings"][0]["message"].as_str().unwrap().contains(words), "{told}");
        assert_eq!(steps(&told), open);
    }
    end(otto, &state, &code).ok();
    let told = tried();
    assert!(told["findings"].as_array().unwrap().iter().all(|finding| finding["ok"] == true), "{told}");
    assert!(steps(&told).iter().all(|(_, done)| *done), "{told}");
    assert_eq!(end(otto, &state, &code).invalid(), ["state"], "it is good for once");
    let comment = channel.comment("Open on Sunday?");
    channel.synchronized();
    channel.here(&comment);
}

fn history_is_imported_as_far_as_it_is_wanted(engine: Engine) {
    let channel = World::shared(engine).channel(&json!({ "active": false, "youtube_history_days": 2 }));
    channel.write(&json!({ "text": "Old", "author": "ann", "count": 250, "seconds_ago": 86_400 }));
    channel.write(&json!({ "text": "Too old", "count": 20, "seconds_ago": 3 * 86_400 }));
    let new = channel.comment("New");
    channel.otto().put(&format!("/1.0/content_sources/{}", channel.source), &json!({ "active": true })).ok();
    let shown = channel.synchronized();
    assert_eq!(shown["synchronization"]["imported"], 251, "{}", shown["synchronization"]);
    let contents = channel.contents();
    assert!(texts(&contents).iter().all(|text| text.starts_with("Old")), "the oldest come first");
    let newest = format!("source:{} order:created_at.desc", channel.source);
    let newest = records(&channel.otto().search("/1.0/contents", &newest))[0].clone();
    assert_eq!((&newest["body"], &newest["foreign_id"]), (&json!("New"), &json!(new)));
    // Each page of a hundred was asked for once, and the newest again when it was asked for.
    let asked = channel.world.fake.asked(&format!("allThreadsRelatedToChannelId={}", channel.id));
    let pages = asked.iter().filter(|request| request["target"].as_str().unwrap_or_default().contains("pageToken"));
    assert_eq!(pages.count(), 2);
}

fn a_new_video_is_looked_at_at_once(engine: Engine) {
    let world = World::shared(engine);
    let channel = world.channel(&json!({ "youtube_video_news_days": 5 }));
    channel.synchronized();
    eventually("the hub has asked back", || channel.there()["subscriber"].is_object().then_some(()));
    let callback = channel.there()["subscriber"]["callback"].as_str().unwrap().to_owned();
    assert!(callback.ends_with(&format!("/channels/youtube/{}", channel.source)), "{callback}");
    // The hub gets no token of the channel.
    let asked = world.fake.asked("POST /subscribe");
    assert!(!asked.is_empty() && asked.iter().all(|request| !request["headers"].to_string().contains("Bearer")));
    let first = channel.write(&json!({ "text": "First under it", "video_id": "video-new" }));
    let videos = format!("/_fake/channels/{}/videos", channel.id);
    let forged = world.fake.send("POST", &videos, &json!({ "video_id": "video-new", "forged": true })).json();
    assert_eq!(forged["status"], 403, "signed by somebody else");
    assert!(channel.content(&first).is_none());
    let told = world.fake.send("POST", &videos, &json!({ "video_id": "video-new" })).json();
    assert_eq!(told["status"], 200);
    assert_eq!(channel.here(&first)["context_data"]["video_id"], "video-new", "nobody asked for a run");
    // Another topic is not ours to confirm.
    let path = format!("/channels/youtube/{}?hub.mode=subscribe&hub.challenge=c&hub.topic=", channel.source);
    let question = |topic: &str| Request::new("GET", &format!("{path}{}", encode(topic)));
    let topic = "https://www.youtube.com/feeds/videos.xml?channel_id=";
    assert_eq!(world.cast.server.send(&question(&format!("{topic}UCother"))).status, 403);
    assert_eq!(world.cast.server.send(&question(&format!("{topic}{}", channel.id))).text(), "c");
}

fn what_is_odd_is_contained(engine: Engine) {
    let channel = World::shared(engine).channel(&json!({}));
    channel.synchronized();
    let thread = |comment: &str, more: Value| {
        let mut snippet = json!({ "authorDisplayName": "@vera", "authorChannelId": { "value": "vera" }, "textOriginal": "Hi",
            "publishedAt": "2026-11-01T10:00:00Z", "updatedAt": "2026-11-01T10:00:00Z" });
        for (name, value) in more.as_object().unwrap() {
            snippet[name] = value.clone();
        }
        json!({ "id": comment, "snippet": { "videoId": "v", "topLevelComment": { "id": comment, "snippet": snippet } } })
    };
    let odd = json!({ "authorDisplayName": "@<img src=x onerror=alert(1)>", "publishedAt": "2999-01-01T00:00:00Z",
        "updatedAt": "2999-01-01T00:00:00Z", "authorProfileImageUrl": "javascript:alert(1)",
        "textOriginal": "<script>alert(1)</script>\u{0}" });
    let items = [
        thread("UgOdd", odd),
        thread(&"U".repeat(300), json!({})),
        thread("Ug with spaces", json!({})),
        json!(5),
        thread("UgGood", json!({})),
    ];
    channel.fault(json!({ "fault": "answer", "operation": "commentThreads.list", "body": { "items": items } }));
    let shown = channel.synchronized();
    let (odd, _) = (channel.here("UgOdd"), channel.here("UgGood"));
    assert!(odd["created_at"].as_str().unwrap() < "2100", "{odd}");
    assert_eq!(odd["body"], "<script>alert(1)</script>");
    let author = channel.otto().get(&format!("/1.0/identities/{}", odd["author_id"].as_str().unwrap())).ok();
    assert_eq!((&author["screenname"], &author["avatar_url"]), (&json!("@<img src=x onerror=alert(1)>"), &Value::Null));
    assert_eq!((channel.contents().len(), &shown["synchronization"]["skipped"]), (2, &json!(3)), "{shown}");
    // A notice that somebody sends once more, or has forged, makes nothing of it.
    let path = format!("/channels/youtube/{}", channel.source);
    for query in ["", "?hub.mode=subscribe&hub.challenge=1", "?hub.mode=unsubscribe&hub.challenge=1&hub.topic=x"] {
        let asked = Request::new("GET", &format!("{path}{query}"));
        assert_eq!(channel.world.cast.server.send(&asked).status, 403, "{query}");
    }
}
