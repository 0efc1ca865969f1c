//! Mails to agents about their work: of what they want to hear, and of nothing else.

use std::time::Duration;

use frontdesk_tests::cast::unique;
use frontdesk_tests::mail::{FakeMailServer, Fault, Moment};
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::processes::run;
use frontdesk_tests::server::Launch;
use frontdesk_tests::{Cast, Engine, Person, Source, eventually};
use serde_json::{Value, json};

on_both_engines![
    agents_choose_of_what_they_get_a_mail,
    each_switch_tells_of_its_occasion,
    nobody_is_told_of_what_they_may_not_read_or_did_themselves,
    a_flood_of_messages_is_one_mail,
    an_address_that_takes_no_mail_is_asked_no_more,
];

const SWITCHES: [&str; 7] = [
    "content_imported_in_identity_tags",
    "content_imported_in_my_interventions",
    "content_imported_in_my_sources",
    "content_requiring_approval",
    "content_thread_categorized_in_my_categories",
    "intervention_assigned",
    "intervention_reactivated",
];

const ADA: &str = "ada@frontdesk.local";
const OTTO: &str = "admin@frontdesk.local";

/// How long a mail would have taken if one came.
const AWHILE: Duration = Duration::from_millis(1_500);

fn start(engine: Engine, mails: &FakeMailServer) -> Cast {
    let launch = Launch::new(engine).with(&["--demo", "--mail-from", "desk@example.com"]);
    Cast::at(launch.env("FRONTDESK_SMTP_URL", &mails.url()).start())
}

fn path(person: &Person) -> String {
    format!("/1.0/users/{}/notifications", person.user_id)
}

#[track_caller]
fn wants(otto: &Person, person: &Person, switch: &str) {
    otto.put(&path(person), &json!({ switch: true })).ok();
}

/// A source where Ada may read and reply.
fn adas_source(cast: &Cast) -> Source {
    let (source, _channel) = cast.new_source();
    let rights = format!("/1.0/users/{}/sources_permissions", cast.ada.user_id);
    cast.otto.put(&rights, &json!({ (source.id.as_str()): "read,reply" })).ok();
    source
}

/// The newest mail to an address, when there are so many.
#[track_caller]
fn newest(mails: &FakeMailServer, to: &str, count: usize) -> (String, String) {
    let letter = mails.wait_for(to, count).pop().expect("a mail");
    (letter.header("Subject"), letter.text())
}

fn agents_choose_of_what_they_get_a_mail(engine: Engine) {
    let cast = Cast::shared(engine);
    let nina = cast.hire(&["manage_own_notifications"]);
    let at_first = nina.get(&path(&nina)).ok();
    assert_eq!(at_first.as_object().unwrap().keys().collect::<Vec<_>>(), SWITCHES);
    assert!(SWITCHES.iter().all(|switch| at_first[switch] == false), "{at_first}");
    let chosen = nina.put(&path(&nina), &json!({ "intervention_assigned": true, "content_requiring_approval": "1" }));
    let chosen = chosen.ok();
    assert_eq!((&chosen["intervention_assigned"], &chosen["content_requiring_approval"]), (&json!(true), &json!(true)));
    assert_eq!(chosen["intervention_reactivated"], false);
    // What is not named stays; what changes nothing is no event.
    nina.put(&path(&nina), &json!({ "content_requiring_approval": false })).ok();
    nina.put(&path(&nina), &json!({ "intervention_assigned": true })).ok();
    let shown = cast.otto.get(&path(&nina)).ok();
    assert_eq!((&shown["intervention_assigned"], &shown["content_requiring_approval"]), (&json!(true), &json!(false)));
    let told = cast.otto.search("/1.0/events", &format!("name_in:user.notifications_updated user:{}", nina.user_id));
    assert_eq!((&told["count"], &records(&told)[0]["extra_infos"]["user_id"]), (&json!(2), &json!(nina.user_id)));
    nina.put(&path(&nina), &json!({ "intervention_assigned": "perhaps" })).refused(400);
    // Somebody who may not, and nobody for others.
    let rhea = cast.hire(&["read_user"]);
    rhea.get(&path(&rhea)).ok();
    rhea.put(&path(&rhea), &json!({ "intervention_assigned": true })).refused(403);
    rhea.get(&path(&nina)).ok();
    nina.get(&path(&rhea)).refused(403);
    nina.put(&path(&rhea), &json!({ "intervention_assigned": true })).refused(403);
    cast.otto.put("/1.0/users/0123456789abcdef01234567/notifications", &json!({})).refused(404);
}

fn each_switch_tells_of_its_occasion(engine: Engine) {
    let mails = FakeMailServer::start();
    let cast = start(engine, &mails);
    let source = adas_source(&cast);
    let category = cast.otto.create_category(&json!({}));
    let ada = format!("/1.0/users/{}", cast.ada.user_id);
    cast.otto.put(&ada, &json!({ "category_ids": [category["id"]], "locale": "fr" })).ok();
    source.says("vera", "t", "Hello?");
    let thread = id(&source.thread(&cast.otto, "t"));
    let content = source.contents(&cast.otto, "t").remove(0);
    let place = format!("/inbox/all/{thread}\n");

    wants(&cast.otto, &cast.ada, "content_thread_categorized_in_my_categories");
    let categories = json!({ "thread_category_ids": [category["id"]] });
    cast.otto.put(&format!("/1.0/content_threads/{thread}/update_categories"), &categories).ok();
    let (subject, text) = newest(&mails, ADA, 1);
    assert!(
        subject.starts_with("Une conversation dans vos catégories : ") && text.contains(&place),
        "{subject} {text}"
    );
    assert!(text.starts_with("Bonjour,") && text.contains("/account\n") && !text.contains("Hello?"), "{text}");

    wants(&cast.otto, &cast.ada, "intervention_assigned");
    let intervention = cast.otto.engage(&id(&content));
    let given = json!({ "user_id": cast.ada.user_id });
    cast.otto.put(&format!("/1.0/interventions/{}/reassign", id(&intervention)), &given).ok();
    let (subject, text) = newest(&mails, ADA, 2);
    assert!(subject.starts_with("Une conversation est à vous : ") && text.contains(&place), "{subject} {text}");

    wants(&cast.otto, &cast.ada, "intervention_reactivated");
    cast.ada.put(&format!("/1.0/interventions/{}/defer", id(&intervention)), &json!({ "rate": 1 })).ok();
    let (subject, _) = newest(&mails, ADA, 3);
    assert!(subject.starts_with("Une conversation est de retour : "), "{subject}");

    wants(&cast.otto, &cast.ada, "content_imported_in_my_interventions");
    source.says("vera", "t", "And?");
    let (subject, _) = newest(&mails, ADA, 4);
    assert!(subject.starts_with("Un de vos clients a écrit : "), "{subject}");

    wants(&cast.otto, &cast.ada, "content_imported_in_my_sources");
    source.says("marc", "u", "Me too");
    let (subject, text) = newest(&mails, ADA, 5);
    assert!(subject.starts_with("Nouveaux messages : ") && !text.contains(&thread), "{subject} {text}");

    wants(&cast.otto, &cast.otto, "content_requiring_approval");
    let rights = json!({ (source.id.as_str()): "read,reply,approval_required" });
    cast.otto.put(&format!("{ada}/sources_permissions"), &rights).ok();
    cast.ada.reply(&id(&content), "Please approve");
    let (subject, text) = newest(&mails, OTTO, 1);
    assert!(subject.starts_with("An answer waits for approval: ") && !text.contains("Please"), "{subject} {text}");

    wants(&cast.otto, &cast.otto, "content_imported_in_identity_tags");
    let tag = cast.otto.post("/1.0/tags", &json!({ "name": unique("VIP") })).ok();
    let vera = content["author_id"].as_str().unwrap();
    cast.otto.put(&format!("/1.0/identities/{vera}/identity_group"), &json!({ "tag_ids": [tag["id"]] })).ok();
    source.says("marc", "u", "Still me");
    source.says("vera", "t", "It is I");
    let (subject, text) = newest(&mails, OTTO, 2);
    assert!(subject.starts_with("A customer with a tag wrote: ") && text.contains(&place), "{subject} {text}");
}

fn nobody_is_told_of_what_they_may_not_read_or_did_themselves(engine: Engine) {
    let mails = FakeMailServer::start();
    let cast = start(engine, &mails);
    let everything: Value = SWITCHES.iter().map(|switch| ((*switch).to_owned(), json!(true))).collect();
    for person in [&cast.ada, &cast.bo] {
        cast.otto.put(&path(person), &everything).ok();
    }
    // Ada may read this one, and Bo may not; she takes the conversation herself, and her answer is her own.
    let source = adas_source(&cast);
    let muted = source.message("muted", "m", "marc", "Advertising");
    source.tells("messages.create", &muted);
    mails.wait_for(ADA, 1);
    let (hidden, _channel) = cast.new_source();
    hidden.says("vera", "h", "Hello?");
    let content = id(&source.contents(&cast.otto, "m")[0]);
    cast.ada.reply(&content, "Mine");
    // Who is gone or has switched it off hears no more.
    let seen = adas_source(&cast);
    cast.otto.put(&path(&cast.ada), &json!({ "content_imported_in_my_sources": false })).ok();
    seen.says("vera", "s", "Hello?");
    std::thread::sleep(AWHILE);
    let to: Vec<_> = mails.letters().into_iter().flat_map(|letter| letter.to).collect();
    assert_eq!(to, [ADA]);
}

fn a_flood_of_messages_is_one_mail(engine: Engine) {
    let mails = FakeMailServer::start();
    let cast = start(engine, &mails);
    let source = adas_source(&cast);
    wants(&cast.otto, &cast.ada, "content_imported_in_my_sources");
    for number in 0..30 {
        source.says("vera", &format!("t{number}"), "Hello?");
    }
    mails.wait_for(ADA, 1);
    let waiting = || run(&mut cast.server.command(&["mail", "list"])).lines().count();
    std::thread::sleep(AWHILE);
    // Of what comes after it one mail waits, and no more than one.
    for number in 30..60 {
        source.says("vera", &format!("t{number}"), "Hello?");
    }
    eventually("one waits", || (waiting() == 1).then_some(()));
    std::thread::sleep(AWHILE);
    assert_eq!((waiting(), mails.letters().len()), (1, 1));
    cast.server.sql("UPDATE mails SET due_at = 0, tried_at = NULL WHERE status = 'waiting'");
    mails.wait_for(ADA, 2);
}

fn an_address_that_takes_no_mail_is_asked_no_more(engine: Engine) {
    let mails = FakeMailServer::start();
    let cast = start(engine, &mails);
    let source = adas_source(&cast);
    wants(&cast.otto, &cast.ada, "content_imported_in_my_sources");
    mails.fail(Moment::Recipient, Fault::Says("550 no such user here"));
    source.says("vera", "t", "Hello?");
    eventually("the switch is off", || {
        (cast.otto.get(&path(&cast.ada)).ok()["content_imported_in_my_sources"] == false).then_some(())
    });
    let told = cast.otto.search("/1.0/events", "name_in:user.notifications_auto_disabled");
    assert_eq!(records(&told)[0]["extra_infos"]["user_id"], cast.ada.user_id.as_str());
}
