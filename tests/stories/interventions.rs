//! Interventions: opened by engaging, open until resolved.

use frontdesk_tests::pages::{id, ids, records};
use frontdesk_tests::{Cast, Engine};
use serde_json::{Value, json};

on_both_engines![
    one_customer_has_one_intervention_in_a_thread,
    a_closed_intervention_refuses_replies_until_it_is_opened_again,
    a_new_message_opens_a_closed_intervention_again,
    an_intervention_is_closed_only_with_a_reply_and_by_who_may,
    what_a_customer_writes_while_somebody_closes_is_not_closed_away,
    an_intervention_without_replies_is_cancelled_and_its_contents_are_new_again,
    an_intervention_goes_to_another_user_who_may_read_it,
    an_intervention_is_let_go_and_waits_for_whoever_takes_it,
    lists_are_filtered_and_sorted,
    reply_times_count_from_the_first_message_that_waits,
    of_two_agents_at_once_one_engages,
    what_an_agent_wrote_cannot_be_engaged,
    unknown_custom_fields_are_refused,
];

fn path(intervention: &Value) -> String {
    format!("/1.0/interventions/{}", id(intervention))
}

fn one_customer_has_one_intervention_in_a_thread(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "One");
    source.says("vera", "t", "Two");
    source.says("marc", "t", "Me too");
    let contents = source.contents(&cast.otto, "t");
    let first = cast.otto.engage(&id(&contents[1]));
    // All that waits of this customer is engaged with it, and nobody else's.
    let contents = source.contents(&cast.otto, "t");
    let statuses: Vec<_> = contents.iter().map(|content| content["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["assigned", "assigned", "new"]);
    assert_eq!((&contents[0]["intervention_id"], &contents[2]["intervention_id"]), (&first["id"], &Value::Null));
    let again = cast.otto.post("/1.0/interventions", &json!({ "content_id": contents[0]["id"] }));
    assert_eq!(again.invalid(), ["content_id"]);
    let second = cast.otto.engage(&id(&contents[2]));
    assert_ne!(first["id"], second["id"]);
    assert_eq!(source.thread(&cast.otto, "t")["interventions_count"], 2);
    // What comes later belongs to it at once.
    source.says("vera", "t", "Three");
    let latest = source.contents(&cast.otto, "t").pop().unwrap();
    assert_eq!((&latest["status"], &latest["intervention_id"]), (&json!("assigned"), &first["id"]));
}

fn a_closed_intervention_refuses_replies_until_it_is_opened_again(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let content = id(&source.contents(&cast.otto, "t")[0]);
    cast.otto.reply(&content, "Hello");
    let intervention =
        records(&cast.otto.get(&format!("/1.0/interventions?thread_id={}", id(&source.thread(&cast.otto, "t")))).ok())
            [0]
        .clone();
    cast.otto.put(&format!("{}/close", path(&intervention)), &json!({})).ok();
    let refused = cast.otto.post("/1.0/contents", &json!({ "in_reply_to_id": content, "body": "One more thing" }));
    assert_eq!(refused.invalid(), ["in_reply_to_id"]);
    assert_eq!(source.contents(&cast.otto, "t").len(), 2);
    // Engaging again opens the same one, with its figures.
    let opened = cast.otto.engage(&content);
    assert_eq!((&opened["id"], &opened["status"]), (&intervention["id"], &json!("Reopened")));
    assert_eq!((&opened["closed"], &opened["closed_at"]), (&json!(false), &Value::Null));
    assert_eq!(opened["user_replies_count"], 1);
    cast.otto.reply(&content, "One more thing");
    assert_eq!(cast.otto.get(&path(&intervention)).ok()["user_replies_count"], 2);
}

fn a_new_message_opens_a_closed_intervention_again(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let content = id(&source.contents(&cast.otto, "t")[0]);
    let reply = cast.otto.reply(&content, "Hello");
    let path = format!("/1.0/interventions/{}", reply["intervention_id"].as_str().unwrap());
    cast.otto.put(&format!("{path}/close"), &json!({})).ok();
    source.says("marc", "t", "I am somebody else");
    assert_eq!(cast.otto.get(&path).ok()["closed"], true, "another customer's message does not open it");
    source.says("vera", "t", "It came back");
    let reopened = cast.otto.get(&path).ok();
    assert_eq!((&reopened["status"], &reopened["closed"]), (&json!("Reopened"), &json!(false)));
    assert_eq!((&reopened["user_replies_count"], &reopened["user_id"]), (&json!(1), &json!(cast.otto.user_id)));
    let latest = source.contents(&cast.otto, "t").pop().unwrap();
    assert_eq!((&latest["status"], &latest["intervention_id"]), (&json!("assigned"), &reopened["id"]));
}

fn an_intervention_is_closed_only_with_a_reply_and_by_who_may(engine: Engine) {
    let cast = Cast::shared(engine);
    let borrowed = cast.borrow_shop();
    let thread = frontdesk_tests::cast::unique("close-");
    borrowed.shop.says("vera", &thread, "Hello?");
    let content = id(&borrowed.shop.contents(&cast.ada, &thread)[0]);
    let intervention = cast.ada.engage(&content);
    let close = format!("{}/close", path(&intervention));
    let why = cast.ada.put(&close, &json!({})).refused(403);
    assert!(why["message"].as_str().unwrap().contains("reply"), "{why}");
    cast.ada.reply(&content, "Hello");
    // Bo may read it, yet it is Ada's and his role may not edit all.
    cast.bo.put(&close, &json!({})).refused(403);
    assert_eq!(cast.ada.put(&close, &json!({})).ok()["closed"], true);
    cast.ada.put(&close, &json!({})).refused(403);
    // Otto's role may close anybody's.
    cast.ada.engage(&content);
    assert_eq!(cast.otto.put(&close, &json!({})).ok()["closed"], true);
}

fn what_a_customer_writes_while_somebody_closes_is_not_closed_away(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let asked = id(&source.contents(&cast.otto, "t")[0]);
    let reply = cast.otto.reply(&asked, "Hello");
    let thread = format!("/1.0/content_threads/{}", id(&source.thread(&cast.otto, "t")));
    let waits = || cast.otto.get(&format!("{thread}?extended=true")).ok()["waiting_since"].clone();
    let path = format!("/1.0/interventions/{}", reply["intervention_id"].as_str().unwrap());
    let (close, archive) = (format!("{path}/close"), format!("{thread}/ignore"));
    let seen = |content: &str| json!({ "seen_content_id": content });
    source.says("vera", "t", "It came back");
    for over in [&close, &archive] {
        let refused = cast.otto.put(over, &seen(&id(&reply))).refused(409);
        assert_eq!(refused["error"], "unseen_content", "{refused}");
        for unknown in ["nonsense", "64b7d3c2e1a0f9b8c7d6e5f4"] {
            assert_eq!(cast.otto.put(over, &seen(unknown)).invalid(), ["seen_content_id"]);
        }
    }
    let latest = source.contents(&cast.otto, "t").pop().unwrap();
    assert_eq!((&latest["status"], cast.otto.get(&path).ok()["closed"].clone()), (&json!("assigned"), json!(false)));
    assert_eq!(waits(), latest["created_at"]);
    // Who has read it closes; nobody waits any more then, though it has no answer.
    assert_eq!(cast.otto.put(&close, &seen(&id(&latest))).ok()["closed"], true);
    assert_eq!(waits(), Value::Null);
    // A content of another thread says nothing of this one.
    source.says("vera", "u", "Elsewhere");
    let elsewhere = id(&source.contents(&cast.otto, "u")[0]);
    assert_eq!(cast.otto.put(&archive, &seen(&elsewhere)).invalid(), ["seen_content_id"]);
    cast.otto.put(&archive, &seen(&id(&latest))).ok();
}

fn an_intervention_without_replies_is_cancelled_and_its_contents_are_new_again(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let content = id(&source.contents(&cast.otto, "t")[0]);
    let intervention = cast.otto.engage(&content);
    let cancelled = cast.otto.delete(&format!("{}/cancel", path(&intervention))).ok();
    assert_eq!(cancelled["id"], intervention["id"]);
    cast.otto.get(&path(&intervention)).refused(404);
    let content = cast.otto.content(&content);
    assert_eq!((&content["status"], &content["intervention_id"]), (&json!("new"), &Value::Null));
    assert_eq!(source.thread(&cast.otto, "t")["interventions_count"], 0);
    cast.otto.delete(&format!("{}/cancel", path(&intervention))).refused(404);

    let replied = cast.otto.reply(&id(&content), "Hello");
    let path = format!("/1.0/interventions/{}", replied["intervention_id"].as_str().unwrap());
    cast.otto.delete(&format!("{path}/cancel")).refused(403);
    cast.otto.put(&format!("{path}/close"), &json!({})).ok();
    cast.otto.delete(&format!("{path}/cancel")).refused(403);
}

fn an_intervention_goes_to_another_user_who_may_read_it(engine: Engine) {
    let cast = Cast::shared(engine);
    let borrowed = cast.borrow_shop();
    let thread = frontdesk_tests::cast::unique("reassign-");
    borrowed.shop.says("vera", &thread, "Hello?");
    let content = id(&borrowed.shop.contents(&cast.ada, &thread)[0]);
    let intervention = cast.ada.engage(&content);
    let reassign = format!("{}/reassign", path(&intervention));
    let given = cast.ada.put(&reassign, &json!({ "user_id": cast.bo.user_id })).ok();
    assert_eq!((&given["user_id"], &given["id"]), (&json!(cast.bo.user_id), &intervention["id"]));
    for nobody in ["", "nobody", "0123456789abcdef01234567"] {
        assert_eq!(cast.bo.put(&reassign, &json!({ "user_id": nobody })).invalid(), ["user_id"], "{nobody:?}");
    }
    cast.bo.put(&reassign, &json!({})).refused(422);
    // On a source that Ada cannot read she cannot be given anything.
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let hidden = cast.otto.engage(&id(&source.contents(&cast.otto, "t")[0]));
    let refused = cast.otto.put(&format!("{}/reassign", path(&hidden)), &json!({ "user_id": cast.ada.user_id }));
    assert_eq!(refused.invalid(), ["user_id"]);
    cast.ada.put(&format!("{}/reassign", path(&hidden)), &json!({ "user_id": cast.ada.user_id })).refused(404);
}

fn an_intervention_is_let_go_and_waits_for_whoever_takes_it(engine: Engine) {
    let cast = Cast::shared(engine);
    let borrowed = cast.borrow_shop();
    let thread = frontdesk_tests::cast::unique("released-");
    borrowed.shop.says("vera", &thread, "Hello?");
    let content = id(&borrowed.shop.contents(&cast.ada, &thread)[0]);
    let intervention = cast.ada.engage(&content);
    let release = format!("{}/release", path(&intervention));
    let status = || cast.ada.get(&format!("/1.0/contents/{content}")).ok()["status"].clone();
    assert_eq!(status(), "assigned");
    // Only who might give it to somebody else.
    let stranger = cast.hire(&[]);
    let rights = json!({ &borrowed.shop.id: "read,reply" });
    cast.otto.put(&format!("/1.0/users/{}/sources_permissions", stranger.user_id), &rights).ok();
    stranger.put(&release, &json!({})).refused(403);
    let later = json!({ "rate": 3600 });
    cast.ada.put(&format!("{}/defer", path(&intervention)), &later).ok();
    let released = cast.ada.put(&release, &json!({})).ok();
    assert_eq!(
        (&released["user_id"], &released["closed"], &released["deferred_at"], &released["id"]),
        (&json!(null), &json!(false), &json!(null), &intervention["id"])
    );
    assert_eq!(status(), "new");
    assert_eq!(cast.otto.put(&release, &json!({})).ok(), released, "it waits already");
    // Whoever answers has it.
    cast.bo.reply(&content, "Hello, Vera.");
    assert_eq!(cast.ada.get(&path(&intervention)).ok()["user_id"], json!(cast.bo.user_id));
    cast.otto.put(&format!("{}/close", path(&intervention)), &json!({})).ok();
    cast.otto.put(&release, &json!({})).refused(403);
}

fn lists_are_filtered_and_sorted(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let mut interventions = Vec::new();
    for author in ["vera", "marc", "yuki"] {
        source.says(author, author, "Hello?");
        interventions.push(cast.otto.engage(&id(&source.contents(&cast.otto, author)[0])));
    }
    let [vera, marc, yuki] = [0, 1, 2].map(|at: usize| id(&interventions[at]));
    cast.otto.reply(interventions[0]["content_id"].as_str().unwrap(), "Hello");
    cast.otto.put(&format!("/1.0/interventions/{vera}/close"), &json!({})).ok();
    // The shared server holds other stories' interventions: look at these three customers.
    let who: Vec<String> =
        interventions.iter().map(|one| format!("identity_id[]={}", one["identity_id"].as_str().unwrap())).collect();
    let who = who.join("&");
    let list = |filter: &str| ids(&cast.otto.get(&format!("/1.0/interventions?{who}{filter}")).ok());
    assert_eq!(list(""), [yuki.as_str(), &marc, &vera], "newest first");
    assert_eq!(list("&sort=updated_at")[0], vera);
    assert_eq!(list("&status=closed"), [vera.as_str()]);
    assert_eq!(list("&status=active"), [yuki.as_str(), &marc]);
    assert_eq!(list("&status=opened"), [yuki.as_str(), &marc]);
    assert_eq!(list("&status=deferred"), [""; 0]);
    assert_eq!(list("&limit=1&offset=1"), [marc.as_str()]);
    assert_eq!(list(&format!("&user_id={}", cast.otto.user_id)).len(), 3);
    assert_eq!(list(&format!("&user_id={}", cast.ada.user_id)), [""; 0]);
    assert_eq!(list(&format!("&thread_id={}", interventions[1]["thread_id"].as_str().unwrap())), [marc.as_str()]);
    assert_eq!(list("&thread_id=nonsense"), [""; 0]);
    assert_eq!(list("&thread_id=&user_id=&identity_group_id=&identity_id[]="), list(""), "empty is not given");
    let one = interventions[1]["identity_id"].as_str().unwrap();
    assert_eq!(ids(&cast.otto.get(&format!("/1.0/interventions?identity_id={one}")).ok()), [marc.as_str()]);
    source.says("vera", "vera", "Still there?");
    assert_eq!(list("&status=reopened"), [vera.as_str()]);
    assert_eq!(list("&status=opened"), [yuki.as_str(), &marc]);
    cast.otto.get(&format!("/1.0/interventions?{who}&status=sleeping")).refused(400);
}

fn reply_times_count_from_the_first_message_that_waits(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Where is it?");
    let now = source.contents(&cast.otto, "t")[0]["created_at"].as_str().unwrap().to_owned();
    // The same clock ten minutes further east: ten minutes ago.
    let earlier = now.replace('Z', "+00:10");
    let mut message = source.message("old", "u", "vera", "I wrote earlier");
    message["created_at"] = json!(earlier);
    source.tells("messages.create", &message);
    let content = source.contents(&cast.otto, "u").remove(0);
    assert!(content["created_at"].as_str().unwrap() < now.as_str(), "{content}");
    let first = cast.otto.reply(&id(&content), "Here I am");
    let path = format!("/1.0/interventions/{}", first["intervention_id"].as_str().unwrap());
    let figures = cast.otto.get(&path).ok();
    for figure in ["first_user_reply_in", "last_user_reply_in", "user_reply_in_average"] {
        let seconds = figures[figure].as_i64().unwrap();
        assert!((600..720).contains(&seconds), "{figure}: {figures}");
    }
    for empty in [
        "detected_language",
        "translation_enabled",
        "satisfaction_grade",
        "satisfaction_answered_at",
        "satisfaction_sent_at",
        "survey_id",
        "survey_response_id",
    ] {
        assert_eq!(figures.get(empty), Some(&Value::Null), "{empty}: {figures}");
    }
    assert_eq!((&figures["first_user_reply_id"], &figures["user_reply_in_average_count"]), (&first["id"], &json!(1)));
    // A second reply without a new question answers nothing: it counts as a reply and not into the average.
    cast.otto.reply(&id(&content), "And another thing");
    let figures = cast.otto.get(&path).ok();
    assert_eq!((&figures["user_replies_count"], &figures["user_reply_in_average_count"]), (&json!(2), &json!(1)));
    assert_eq!(figures["first_user_reply_id"], first["id"]);
    // The next question is answered at once: the average falls.
    source.says("vera", "u", "Thank you. And the lid?");
    let question = source.contents(&cast.otto, "u").pop().unwrap();
    cast.otto.reply(&id(&question), "Here");
    let figures = cast.otto.get(&path).ok();
    let average = figures["user_reply_in_average"].as_i64().unwrap();
    assert!((300..360).contains(&average) && figures["user_reply_in_average_count"] == 2, "{figures}");
}

fn what_an_agent_wrote_cannot_be_engaged(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let reply = cast.otto.reply(&id(&source.contents(&cast.otto, "t")[0]), "Hello");
    for content_id in [reply["id"].clone(), json!(""), json!("nonsense"), json!("0123456789abcdef01234567")] {
        let refused = cast.otto.post("/1.0/interventions", &json!({ "content_id": content_id }));
        assert_eq!(refused.invalid(), ["content_id"], "{content_id}");
    }
    assert_eq!(cast.otto.post("/1.0/interventions", &json!({})).invalid(), ["content_id"]);
}

fn unknown_custom_fields_are_refused(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let intervention = cast.otto.engage(&id(&source.contents(&cast.otto, "t")[0]));
    let updated = cast.otto.put(&path(&intervention), &json!({})).ok();
    assert_eq!(updated["custom_fields"], json!({}));
    let wrong = json!({ "custom_field_values": { "colour": "blue" } });
    assert_eq!(cast.otto.put(&path(&intervention), &wrong).invalid(), ["custom_field_values[colour]"]);
    cast.otto.put(&path(&intervention), &json!({ "custom_field_values": "blue" })).refused(400);
}

fn of_two_agents_at_once_one_engages(engine: Engine) {
    let cast = Cast::shared(engine);
    let borrowed = cast.borrow_shop();
    for _ in 0..5 {
        let thread = frontdesk_tests::cast::unique("race-");
        borrowed.shop.says("vera", &thread, "Hello?");
        let content = id(&borrowed.shop.contents(&cast.ada, &thread)[0]);
        let body = json!({ "content_id": content });
        let start = std::sync::Barrier::new(2);
        let engage = |person: &frontdesk_tests::Person| {
            start.wait();
            person.post("/1.0/interventions", &body).status
        };
        let (ada, bo) = std::thread::scope(|scope| {
            let bo = scope.spawn(|| engage(&cast.bo));
            (engage(&cast.ada), bo.join().expect("Bo"))
        });
        assert!(matches!((ada, bo), (200, 422) | (422, 200)), "{ada} {bo}");
        assert_eq!(borrowed.shop.thread(&cast.ada, &thread)["interventions_count"], 1);
    }
}
