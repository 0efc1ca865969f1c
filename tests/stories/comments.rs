//! Comments: what agents tell each other about an intervention.

use frontdesk_tests::http::Request;
use frontdesk_tests::pages::{id, ids, records};
use frontdesk_tests::{Cast, Engine};
use serde_json::{Value, json};

on_both_engines![
    agents_comment_on_an_intervention,
    comments_are_listed_newest_first_under_every_filter,
    a_wrong_comment_is_refused,
    commenting_for_somebody_else_takes_the_right_to_act_as_them,
    comments_go_with_what_they_are_about,
];

const LIST: &str = "/1.0/intervention_comments";

fn about(intervention: &Value, body: &str) -> Value {
    json!({ "intervention_id": intervention["id"], "body": body })
}

fn agents_comment_on_an_intervention(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let content = source.contents(&cast.otto, "t").remove(0);
    let intervention = cast.otto.engage(&id(&content));
    let comment = cast.otto.post(LIST, &about(&intervention, "She is a good customer")).ok();
    assert_eq!(comment["body"], "She is a good customer");
    assert_eq!(comment["intervention_id"], intervention["id"]);
    assert_eq!(comment["thread_id"], intervention["thread_id"]);
    assert_eq!(comment["videntity_id"], intervention["identity_id"]);
    assert_eq!(comment["user_id"], cast.otto.user_id.as_str());
    assert_eq!(comment.get("identity_id"), None);
    let one = format!("{LIST}/{}", id(&comment));
    assert_eq!(cast.otto.get(&one).ok(), comment);
    assert_eq!(cast.otto.get(&format!("{one}?extended=true")).ok()["identity_id"], intervention["identity_id"]);
    let path = format!("/1.0/interventions/{}", id(&intervention));
    assert_eq!(cast.otto.get(&path).ok()["comments_count"], 1);
    // Who may not read the source knows nothing of it.
    cast.ada.get(&one).refused(404);
    cast.ada.delete(&one).refused(404);
    cast.ada.post(LIST, &about(&intervention, "Hm")).refused(404);
    assert_eq!(cast.ada.get(&format!("{LIST}?intervention_id={}", id(&intervention))).ok()["count"], 0);
    assert_eq!(cast.otto.delete(&one).ok(), comment);
    cast.otto.get(&one).refused(404);
    cast.otto.delete(&one).refused(404);
    assert_eq!(cast.otto.get(&path).ok()["comments_count"], 0);
}

fn comments_are_listed_newest_first_under_every_filter(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let engaged = ["vera", "marc"].map(|author| {
        source.says(author, author, "Hello?");
        cast.otto.engage(&id(&source.contents(&cast.otto, author)[0]))
    });
    let made: Vec<String> = [0, 1, 0]
        .map(|which| id(&cast.otto.post(LIST, &about(&engaged[which], &format!("Number {which}"))).ok()))
        .to_vec();
    let list = |filter: &str| ids(&cast.otto.get(&format!("{LIST}?{filter}")).ok());
    for (filter, of) in [("intervention_id", "id"), ("thread_id", "thread_id"), ("identity_id", "identity_id")] {
        let value = engaged[0][of].as_str().unwrap();
        assert_eq!(list(&format!("{filter}={value}")), [made[2].as_str(), &made[0]], "{filter}");
        assert_eq!(list(&format!("{filter}=nonsense")), [""; 0], "{filter}");
        assert_eq!(list(&format!("{filter}=0123456789abcdef01234567")), [""; 0], "{filter}");
    }
    let of_otto = list(&format!("user_id={}&limit=3", cast.otto.user_id));
    assert_eq!(of_otto.len(), 3);
    let both = format!("user_id={}&intervention_id={}", cast.otto.user_id, id(&engaged[1]));
    assert_eq!(list(&both), [made[1].as_str()]);
    assert_eq!(list(&format!("user_id={}&intervention_id={}", cast.ada.user_id, id(&engaged[1]))), [""; 0]);
    let page = cast.otto.get(&format!("{LIST}?intervention_id={}&offset=1&limit=1", id(&engaged[0]))).ok();
    assert_eq!((&page["count"], records(&page)[0]["id"].as_str()), (&json!(2), Some(made[0].as_str())));
}

fn a_wrong_comment_is_refused(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let intervention = cast.otto.engage(&id(&source.contents(&cast.otto, "t")[0]));
    let otto = &cast.otto;
    assert_eq!(otto.post(LIST, &json!({})).invalid(), ["body", "intervention_id"]);
    assert_eq!(otto.post(LIST, &about(&intervention, " ")).invalid(), ["body"]);
    assert_eq!(otto.post(LIST, &about(&intervention, &"x".repeat(20_001))).invalid(), ["body"]);
    for wrong in ["nonsense", "0123456789abcdef01234567"] {
        otto.post(LIST, &json!({ "intervention_id": wrong, "body": "x" })).refused(404);
        let mut comment = about(&intervention, "x");
        comment["user_id"] = json!(wrong);
        assert_eq!(otto.post(LIST, &comment).invalid(), ["user_id"]);
    }
    let body = json!({ "intervention_id": intervention["id"], "body": "<b>é\u{1f600}</b>" });
    assert_eq!(otto.post(LIST, &body).ok()["body"], body["body"]);
}

fn commenting_for_somebody_else_takes_the_right_to_act_as_them(engine: Engine) {
    let cast = Cast::shared(engine);
    let borrowed = cast.borrow_shop();
    let thread = frontdesk_tests::cast::unique("comments-");
    borrowed.shop.says("vera", &thread, "Hello?");
    let intervention = cast.ada.engage(&id(&borrowed.shop.contents(&cast.ada, &thread)[0]));
    let mut comment = about(&intervention, "As agreed");
    comment["user_id"] = json!(cast.bo.user_id);
    assert_eq!(cast.otto.post(LIST, &comment).ok()["user_id"], cast.bo.user_id.as_str());
    // Ada's role does not let her act as anybody but herself.
    assert_eq!(cast.ada.post(LIST, &comment).invalid(), ["user_id"]);
    comment["user_id"] = json!(cast.ada.user_id);
    assert_eq!(cast.ada.post(LIST, &comment).ok()["user_id"], cast.ada.user_id.as_str());
    let acting = Request::new("POST", &format!("{LIST}?impersonated_user_id={}", cast.ada.user_id));
    let acted = cast.otto.send(acting.json(&about(&intervention, "In her name"))).ok();
    assert_eq!(acted["user_id"], cast.ada.user_id.as_str());
    // Nobody writes in the name of somebody who could not read it.
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let hidden = cast.otto.engage(&id(&source.contents(&cast.otto, "t")[0]));
    let mut comment = about(&hidden, "x");
    comment["user_id"] = json!(cast.ada.user_id);
    assert_eq!(cast.otto.post(LIST, &comment).invalid(), ["user_id"]);
    // Who may only read the source may comment, too.
    cast.rita.post(LIST, &about(&intervention, "I saw it")).ok();
}

fn comments_go_with_what_they_are_about(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let content = id(&source.contents(&cast.otto, "t")[0]);
    let intervention = cast.otto.engage(&content);
    let comment = format!("{LIST}/{}", id(&cast.otto.post(LIST, &about(&intervention, "x")).ok()));
    cast.otto.delete(&format!("/1.0/interventions/{}/cancel", id(&intervention))).ok();
    cast.otto.get(&comment).refused(404);
    let intervention = cast.otto.engage(&content);
    let comment = format!("{LIST}/{}", id(&cast.otto.post(LIST, &about(&intervention, "x")).ok()));
    cast.otto.delete(&format!("/1.0/content_threads/{}", intervention["thread_id"].as_str().unwrap())).ok();
    cast.otto.get(&comment).refused(404);
}
