//! Approval: what an agent writes waits until somebody else has approved it.

use frontdesk_tests::clock::after;
use frontdesk_tests::pages::{id, ids, records};
use frontdesk_tests::{Cast, Engine, FakeChannel, Person, Source, eventually};
use serde_json::{Value, json};

on_both_engines![
    an_answer_goes_out_once_somebody_else_approves_it,
    an_answer_that_is_not_approved_does_not_go_out,
    authors_change_and_withdraw_what_waits,
    an_answer_waits_through_a_crash,
    authors_ask_for_approval_where_they_may,
    what_waits_for_nothing_is_left_alone,
    a_refused_answer_is_sent_by_nobody_else,
    who_changes_a_text_leaves_its_approval_to_somebody_else,
    who_may_not_reply_any_more_sends_nothing_that_waits,
    nobody_approves_their_own_in_the_name_of_somebody_else,
    to_try_again_draws_the_same,
    an_approval_is_for_what_was_seen,
];

/// How long a push would have taken if one came.
const AWHILE: std::time::Duration = std::time::Duration::from_millis(700);

/// Ada works on a source where her answers need approval; Otto approves.
struct Scene {
    source: Source,
    channel: FakeChannel,
    question: String,
}

fn scene(cast: &Cast, rights: &str) -> Scene {
    let (source, channel) = cast.new_source();
    let path = format!("/1.0/users/{}/sources_permissions", cast.ada.user_id);
    cast.otto.put(&path, &json!({ (source.id.as_str()): rights })).ok();
    source.says("vera", "t", "Hello?");
    let question = id(&source.contents(&cast.otto, "t")[0]);
    Scene { source, channel, question }
}

fn act(person: &Person, content: &Value, verb: &str, body: &Value) -> frontdesk_tests::Answer {
    person.put(&format!("/1.0/contents/{}/{verb}", id(content)), body)
}

fn intervention_of(person: &Person, content: &Value) -> Value {
    person.get(&format!("/1.0/interventions/{}", content["intervention_id"].as_str().unwrap())).ok()
}

fn has_threads_to_approve(cast: &Cast, source: &Source) -> bool {
    let found = cast.otto.search("/1.0/content_threads", &format!("source:{} approval_required:true", source.id));
    !ids(&found).is_empty()
}

fn an_answer_goes_out_once_somebody_else_approves_it(engine: Engine) {
    let cast = Cast::shared(engine);
    let Scene { source, channel, question } = scene(&cast, "read,reply,approval_required");
    let reply = cast.ada.reply(&question, "Please approve");
    assert_eq!((&reply["approval_required"], &reply["status"]), (&json!(true), &json!("user_reply")));
    assert_eq!(reply["synchronization_status"], "export_pending");
    assert!(has_threads_to_approve(&cast, &source));
    // It is no reply yet: the customer still waits.
    assert_eq!(intervention_of(&cast.ada, &reply)["user_replies_count"], 0);
    assert_eq!(cast.otto.content(&question)["status"], "assigned");
    let cancel = format!("/1.0/interventions/{}/cancel", reply["intervention_id"].as_str().unwrap());
    cast.otto.delete(&cancel).refused(403);
    std::thread::sleep(AWHILE);
    assert!(channel.pushes().is_empty(), "{:?}", channel.pushes());
    // Her role may not approve; and what cannot be read does not exist.
    act(&cast.ada, &reply, "approve", &json!({})).refused(403);
    act(&cast.bo, &reply, "withdraw", &json!({})).refused(404);
    let approved = act(&cast.otto, &reply, "approve", &json!({})).ok();
    assert_eq!((&approved["id"], &approved["approval_required"]), (&reply["id"], &json!(false)));
    let push = channel.push_of("Please approve");
    assert_eq!(push.params()["content_id"], reply["id"]);
    eventually("it is sent", || (cast.otto.content(&id(&reply))["synchronization_status"] == "success").then_some(()));
    assert_eq!(intervention_of(&cast.ada, &reply)["user_replies_count"], 1);
    assert_eq!(cast.otto.content(&question)["status"], "replied");
    assert!(!has_threads_to_approve(&cast, &source));
    act(&cast.otto, &reply, "approve", &json!({})).refused(403);
    // Otto's own answers need nobody's approval.
    assert_eq!(cast.otto.reply(&question, "Mine")["approval_required"], false);
    channel.push_of("Mine");
}

fn an_answer_that_is_not_approved_does_not_go_out(engine: Engine) {
    let cast = Cast::shared(engine);
    let Scene { source, channel, question } = scene(&cast, "read,reply,approval_threshold_100");
    let reply = cast.ada.reply(&question, "Rude");
    assert_eq!(reply["approval_required"], true);
    let long = "x".repeat(1_001);
    assert_eq!(act(&cast.otto, &reply, "reject", &json!({ "reason": long })).invalid(), ["reason"]);
    let rejected = act(&cast.otto, &reply, "reject", &json!({ "reason": "Be kind" })).ok();
    assert_eq!(
        (&rejected["synchronization_status"], &rejected["synchronization_error"], &rejected["approval_required"]),
        (&json!("export_aborted"), &json!("Be kind"), &json!(false))
    );
    assert!(!has_threads_to_approve(&cast, &source));
    act(&cast.otto, &reply, "approve", &json!({})).refused(403);
    // Sending it again is no way around.
    let again = act(&cast.ada, &reply, "export", &json!({})).ok();
    assert_eq!(
        (&again["approval_required"], &again["synchronization_status"]),
        (&json!(true), &json!("export_pending"))
    );
    std::thread::sleep(AWHILE);
    assert!(channel.pushes().is_empty());
    act(&cast.otto, &reply, "reject", &json!({})).ok();
    // A threshold of nought lets everything through, also where the right stands.
    let Scene { channel, question, .. } = scene(&cast, "read,reply,approval_threshold_0");
    assert_eq!(cast.ada.reply(&question, "Kind")["approval_required"], false);
    channel.push_of("Kind");
}

fn authors_change_and_withdraw_what_waits(engine: Engine) {
    let cast = Cast::shared(engine);
    let Scene { source, channel, question } = scene(&cast, "read,reply,approval_required");
    let reply = cast.ada.reply(&question, "Tpyo penguin");
    let path = format!("/1.0/contents/{}", id(&reply));
    assert_eq!(cast.ada.put(&path, &json!({ "body": " " })).invalid(), ["body"]);
    assert_eq!(cast.ada.put(&path, &json!({ "body": "x".repeat(20_001) })).invalid(), ["body"]);
    assert_eq!(cast.ada.put(&path, &json!({ "body": "Typo walrus" })).ok()["body"], "Typo walrus");
    let found = |word: &str| ids(&cast.otto.search("/1.0/contents", &format!("source:{} {word}", source.id))).len();
    assert_eq!((found("penguin"), found("walrus")), (0, 1));
    cast.ada.put(&path, &json!({ "body": "?!" })).ok();
    assert_eq!(found("walrus"), 0);
    // Who approves may mend it too.
    assert_eq!(cast.otto.put(&path, &json!({ "body": "No typo" })).ok()["creator_id"], cast.ada.user_id.as_str());
    let reader = approver(&cast, &source, "read");
    let colleague = with_rights(&cast, cast.hire(&[]), &source, "read,reply");
    act(&colleague, &reply, "withdraw", &json!({})).refused(403);
    let other = cast.ada.reply(&question, "Another");
    assert_eq!(act(&reader, &other, "withdraw", &json!({})).ok()["synchronization_status"], "export_aborted");
    assert_eq!(act(&cast.ada, &reply, "withdraw", &json!({})).ok()["synchronization_status"], "export_aborted");
    act(&cast.otto, &reply, "approve", &json!({})).refused(403);
    cast.ada.put(&path, &json!({ "body": "Too late" })).refused(403);
    std::thread::sleep(AWHILE);
    assert!(channel.pushes().is_empty());
    // Nothing of hers waits, so the intervention can be cancelled.
    let cancel = format!("/1.0/interventions/{}/cancel", reply["intervention_id"].as_str().unwrap());
    cast.otto.delete(&cancel).ok();
}

fn an_answer_waits_through_a_crash(engine: Engine) {
    let mut cast = Cast::start(engine, &[]);
    let Scene { channel, question, .. } = scene(&cast, "read,reply,approval_required");
    let reply = cast.ada.reply(&question, "Patient");
    cast.server.kill();
    cast.server.restart();
    std::thread::sleep(AWHILE);
    assert!(channel.pushes().is_empty());
    act(&cast.otto, &reply, "approve", &json!({})).ok();
    cast.server.kill();
    cast.server.restart();
    channel.push_of("Patient");
}

fn authors_ask_for_approval_where_they_may(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let Scene { source, channel, question } = scene(&cast, "read,reply");
    let draft = json!({ "in_reply_to_id": question, "body": "Is this right?", "approval_required": true });
    cast.ada.post("/1.0/contents", &draft).refused(403);
    cast.otto.put("/1.0/settings", &json!({ "self_approval_required": true })).ok();
    let reply = cast.ada.post("/1.0/contents", &draft).ok();
    assert_eq!(reply["approval_required"], true);
    assert_eq!(records(&cast.otto.search("/1.0/contents", &format!("source:{}", source.id))).len(), 2);
    act(&cast.otto, &reply, "approve", &json!({})).ok();
    channel.push_of("Is this right?");
    // Nobody approves what they wrote, whatever their role.
    let own = cast.otto.post("/1.0/contents", &draft).ok();
    act(&cast.otto, &own, "approve", &json!({})).refused(403);
    act(&cast.otto, &own, "reject", &json!({})).refused(403);
}

fn what_waits_for_nothing_is_left_alone(engine: Engine) {
    let cast = Cast::shared(engine);
    let Scene { channel, question, .. } = scene(&cast, "read,reply");
    let reply = cast.ada.reply(&question, "At once");
    assert_eq!(reply["approval_required"], false);
    channel.push_of("At once");
    let asked = cast.otto.content(&question);
    for content in [&reply, &asked] {
        for verb in ["approve", "reject", "withdraw"] {
            act(&cast.otto, content, verb, &json!({})).refused(403);
        }
        cast.otto.put(&format!("/1.0/contents/{}", id(content)), &json!({ "body": "Forged" })).refused(403);
    }
    cast.otto.put("/1.0/contents/0123456789abcdef01234567/approve", &json!({})).refused(404);
}

/// Somebody who may approve, with these rights on the source.
fn approver(cast: &Cast, source: &Source, rights: &str) -> Person {
    with_rights(cast, cast.hire(&["approve_content"]), source, rights)
}

fn with_rights(cast: &Cast, person: Person, source: &Source, rights: &str) -> Person {
    let path = format!("/1.0/users/{}/sources_permissions", person.user_id);
    cast.otto.put(&path, &json!({ (source.id.as_str()): rights })).ok();
    person
}

fn a_refused_answer_is_sent_by_nobody_else(engine: Engine) {
    let cast = Cast::shared(engine);
    let Scene { source, channel, question } = scene(&cast, "read,reply,approval_required");
    let free = cast.hire(&[]);
    let rights = |person: &Person, rights: &str| {
        let path = format!("/1.0/users/{}/sources_permissions", person.user_id);
        cast.otto.put(&path, &json!({ (source.id.as_str()): rights })).ok();
    };
    rights(&free, "read,reply");
    let reply = cast.ada.reply(&question, "Rude");
    act(&cast.otto, &reply, "reject", &json!({})).ok();
    // Somebody whose own contents need no approval.
    act(&free, &reply, "export", &json!({})).refused(403);
    // It waits again, whoever asks.
    let nina = approver(&cast, &source, "read,reply");
    assert_eq!(act(&nina, &reply, "export", &json!({})).ok()["approval_required"], true);
    act(&cast.otto, &reply, "reject", &json!({})).ok();
    rights(&cast.ada, "read,reply");
    assert_eq!(act(&cast.ada, &reply, "export", &json!({})).ok()["approval_required"], true);
    std::thread::sleep(AWHILE);
    assert!(channel.pushes().is_empty(), "{:?}", channel.pushes());
    act(&nina, &reply, "approve", &json!({})).ok();
    channel.push_of("Rude");
}

fn who_changes_a_text_leaves_its_approval_to_somebody_else(engine: Engine) {
    let cast = Cast::shared(engine);
    let Scene { source, channel, question } = scene(&cast, "read,reply,approval_required");
    let nina = approver(&cast, &source, "read,reply,approval_required");
    let reply = cast.ada.reply(&question, "Dear customer");
    let path = format!("/1.0/contents/{}", id(&reply));
    nina.put(&path, &json!({ "body": "Dear Vera" })).ok();
    act(&nina, &reply, "approve", &json!({})).refused(403);
    // Nor after it was refused and taken up again.
    act(&nina, &reply, "reject", &json!({})).ok();
    act(&cast.ada, &reply, "export", &json!({})).ok();
    act(&nina, &reply, "approve", &json!({})).refused(403);
    assert!(channel.pushes().is_empty(), "{:?}", channel.pushes());
    // It is Ada's own text again.
    cast.ada.put(&path, &json!({ "body": "Hello Vera" })).ok();
    act(&nina, &reply, "approve", &json!({})).ok();
    channel.push_of("Hello Vera");
    let other = cast.ada.reply(&question, "Bye");
    nina.put(&format!("/1.0/contents/{}", id(&other)), &json!({ "body": "Good bye" })).ok();
    act(&cast.otto, &other, "approve", &json!({})).ok();
    channel.push_of("Good bye");
}

fn who_may_not_reply_any_more_sends_nothing_that_waits(engine: Engine) {
    let cast = Cast::shared(engine);
    let Scene { source, channel, question } = scene(&cast, "read");
    let nina = with_rights(&cast, cast.hire(&["delay_export_content"]), &source, "read,reply");
    let later = |text: &str| {
        let draft = json!({ "in_reply_to_id": question, "body": text, "scheduled_at": after(3_600) });
        nina.post("/1.0/contents", &draft).ok()
    };
    let (reply, undone) = (later("Later"), later("Undone"));
    let path = format!("/1.0/contents/{}", id(&reply));
    nina.put(&path, &json!({ "body": "Later, then" })).ok();
    let nina = with_rights(&cast, nina, &source, "read");
    nina.put(&path, &json!({ "body": "Now" })).refused(403);
    nina.put(&path, &json!({ "scheduled_at": "" })).refused(403);
    act(&nina, &undone, "withdraw", &json!({})).ok();
    act(&nina, &undone, "export", &json!({})).refused(403);
    // Who needs approval by now gets it before it goes out, whenever it was written.
    let nina = with_rights(&cast, nina, &source, "read,reply,approval_required");
    assert_eq!(nina.put(&path, &json!({ "scheduled_at": "" })).ok()["approval_required"], true);
    std::thread::sleep(AWHILE);
    assert!(channel.pushes().is_empty(), "{:?}", channel.pushes());
    act(&cast.otto, &reply, "approve", &json!({})).ok();
    channel.push_of("Later, then");
}

fn nobody_approves_their_own_in_the_name_of_somebody_else(engine: Engine) {
    let cast = Cast::shared(engine);
    let Scene { source, channel, question } = scene(&cast, "read");
    let rights = "read,reply,approval_required";
    let puppet = approver(&cast, &source, rights);
    let mallory = cast.hire(&["approve_content", "impersonate_user"]);
    let mallory = with_rights(&cast, mallory, &source, rights);
    let as_puppet = json!({ "impersonated_user_id": puppet.user_id });
    let own = mallory.reply(&question, "Mine");
    act(&mallory, &own, "approve", &as_puppet).refused(403);
    act(&mallory, &own, "reject", &as_puppet).refused(403);
    let mut draft = json!({ "in_reply_to_id": question, "body": "The puppet's" });
    draft["impersonated_user_id"] = puppet.user_id.as_str().into();
    let puppets = mallory.post("/1.0/contents", &draft).ok();
    assert_eq!(puppets["creator_id"], puppet.user_id.as_str());
    act(&mallory, &puppets, "approve", &json!({})).refused(403);
    // Nor a text that they gave to somebody else's answer.
    let ours = puppet.reply(&question, "Ours");
    let mut edit = as_puppet.clone();
    edit["body"] = "Theirs".into();
    mallory.put(&format!("/1.0/contents/{}", id(&ours)), &edit).ok();
    act(&mallory, &ours, "approve", &json!({})).refused(403);
    assert!(channel.pushes().is_empty(), "{:?}", channel.pushes());
    act(&puppet, &own, "approve", &json!({})).ok();
    channel.push_of("Mine");
    for (content, text) in [(&puppets, "The puppet's"), (&ours, "Theirs")] {
        act(&cast.otto, content, "approve", &json!({})).ok();
        channel.push_of(text);
    }
}

fn to_try_again_draws_the_same(engine: Engine) {
    let cast = Cast::shared(engine);
    let Scene { source, .. } = scene(&cast, "read");
    let nina = with_rights(&cast, cast.hire(&["delay_export_content"]), &source, "read,reply,approval_threshold_50");
    let mut drawn = Vec::new();
    for thread in 0..20 {
        let thread = format!("thread {thread}");
        source.says("vera", &thread, "Hello?");
        let question = id(&source.contents(&cast.otto, &thread)[0]);
        let verdicts: Vec<bool> = (0..4)
            .map(|time| {
                let draft =
                    json!({ "in_reply_to_id": question, "body": format!("{time}"), "scheduled_at": after(3_600) });
                let reply = nina.post("/1.0/contents", &draft).ok();
                let edited = nina.put(&format!("/1.0/contents/{}", id(&reply)), &json!({ "body": "Again" })).ok();
                assert_eq!(edited["approval_required"], reply["approval_required"]);
                act(&nina, &reply, "withdraw", &json!({})).ok();
                reply["approval_required"].as_bool().unwrap()
            })
            .collect();
        assert!(verdicts.iter().all(|verdict| *verdict == verdicts[0]), "{verdicts:?}");
        drawn.push(verdicts[0]);
    }
    assert!(drawn.contains(&true) && drawn.contains(&false), "{drawn:?}");
}

fn an_approval_is_for_what_was_seen(engine: Engine) {
    let cast = Cast::shared(engine);
    let Scene { channel, question, .. } = scene(&cast, "read,reply,approval_required");
    let reply = cast.ada.reply(&question, "Seen");
    let seen = json!({ "updated_at": reply["updated_at"] });
    let changed = cast.ada.put(&format!("/1.0/contents/{}", id(&reply)), &json!({ "body": "Unseen" })).ok();
    act(&cast.otto, &reply, "approve", &seen).refused(409);
    act(&cast.otto, &reply, "approve", &json!({ "updated_at": "just now" })).refused(400);
    std::thread::sleep(AWHILE);
    assert!(channel.pushes().is_empty(), "{:?}", channel.pushes());
    act(&cast.otto, &reply, "approve", &json!({ "updated_at": changed["updated_at"] })).ok();
    channel.push_of("Unseen");
}
