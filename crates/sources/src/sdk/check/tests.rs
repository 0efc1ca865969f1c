use proptest::prelude::*;
use serde_json::json;

use super::*;

fn answer(status: u16, body: &str) -> PolledAnswer<'_> {
    PolledAnswer { status, body: body.as_bytes(), truncated: false, signature_fits: Some(true) }
}

fn message(id: &str, day: u8) -> Value {
    let author = json!({"id": "vera", "screenname": "Vera", "created_at": "2026-01-15"});
    let at = format!("2026-02-{day:02}");
    json!({"id": id, "thread_id": "t", "author": author, "body": "Hello", "created_at": at, "actions": ["reply", "delete"]})
}

fn implementation(told: &Value) -> Implementation {
    Implementation::read(told).unwrap()
}

fn forum() -> Implementation {
    implementation(&json!({"objects": {"messages": ["list", "create", "delete"]}}))
}

/// What is not as it should be, as the rule's first words and the reason.
fn troubles(findings: Vec<Finding>) -> Vec<(String, char, String)> {
    let told = findings.into_iter().filter_map(|Finding { rule, verdict }| match verdict {
        Verdict::Passed => None,
        Verdict::Warned(why) => Some((rule, '!', why)),
        Verdict::Failed(why) => Some((rule, 'x', why)),
        Verdict::Skipped(why) => Some((rule, '-', why)),
    });
    told.collect()
}

#[track_caller]
fn assert_troubles(findings: Vec<Finding>, expected: &[(char, &str)]) {
    let found = troubles(findings);
    let fits = found.len() == expected.len()
        && found.iter().zip(expected).all(|((_, mark, why), (wanted, words))| mark == wanted && why.contains(words));
    assert!(fits, "{found:?} instead of {expected:?}");
}

#[test]
fn manners_are_judged_by_the_first_answer() {
    let good = answer(200, "{}");
    assert_troubles(manners(&good, Some("application/json; charset=utf-8"), None), &[]);
    let unsigned = PolledAnswer { signature_fits: None, ..answer(200, "{}") };
    assert_troubles(manners(&unsigned, None, None), &[('!', "no Content-Type"), ('!', "no X-SMCCSDK-SIGNATURE")]);
    let forged = PolledAnswer { signature_fits: Some(false), ..answer(200, "{}") };
    assert_troubles(manners(&forged, Some("Text/HTML"), None), &[('!', "text/html"), ('x', "exact bytes")]);
    let moved = answer(302, "");
    assert_troubles(manners(&moved, None, Some("https://b.example")), &[('x', "redirects to https://b.example")]);
    assert_troubles(manners(&answer(401, "Invalid signature"), None, None), &[]);
}

#[test]
fn what_a_channel_tells_of_itself_is_looked_through() {
    for (told, expected) in [
        (json!({"objects": {"messages": ["list"]}}), vec![]),
        (json!({"objects": ["message.list"], "options": {}, "locales": []}), vec![]),
        (
            json!({"objects": {"messages": ["list", "spam"]}, "options": ["view.messaging", "messaging.typing_indicator"],
                "locales": {"default": {"spam": "Mark as spam"}}}),
            vec![],
        ),
        (json!({"objects": {"postcards": ["list"], "messages": []}}), vec![('!', "postcards")]),
        (json!({"objects": {"messages": ["list"]}, "options": "all"}), vec![('!', "a list of texts")]),
        (json!({"objects": {"messages": ["list"]}, "options": ["messages.colour"]}), vec![('!', "messages.colour")]),
        (
            json!({"objects": {"messages": ["list"]}, "options": ["messaging.typing_indicator"]}),
            vec![('!', "view.messaging")],
        ),
        (
            json!({"objects": {"messages": ["list"], "private_messages": ["list"]}, "options": ["view.messaging"]}),
            vec![('!', "not both")],
        ),
        (json!({"objects": {"messages": ["list"]}, "locales": {"fr": {"spam": "x"}}}), vec![('!', "spam")]),
        (json!({"objects": {"messages": ["list"]}, "locales": {"fr": "x"}}), vec![('!', "locale fr")]),
        (json!({"objects": {"messages": ["list"]}, "locales": "fr"}), vec![('!', "a map of languages")]),
    ] {
        let text = told.to_string();
        let (read, findings) = info(&answer(200, &text));
        assert!(read.is_some(), "{told}");
        assert_troubles(findings, &expected);
    }
    for (status, body, expected) in [
        (422, "Invalid action", ('!', "does not know the question")),
        (200, "<html>", ('x', "not JSON")),
        (500, "Oops", ('x', "the channel answered 500: Oops")),
        (200, r#"{"objects":{}}"#, ('x', "no objects")),
    ] {
        let (read, findings) = info(&answer(status, body));
        assert!(read.is_none(), "{body}");
        assert_troubles(findings, &[expected]);
    }
}

#[test]
fn refusals_are_refusals() {
    for (status, body, expected) in [
        (422, "Invalid signature", vec![]),
        (200, r#"{"error":{"fatal":true,"message":"No."}}"#, vec![]),
        (200, r#"{"error":{"message":"No."}}"#, vec![]),
        (200, r#"{"error":"No."}"#, vec![('!', "errors look like")]),
        (200, r#"{"error":{"fatal":"yes","message":"No."}}"#, vec![('!', "errors look like")]),
        (200, r#"{"id":"1"}"#, vec![('x', "it was taken: the status is 200")]),
        (204, "", vec![('x', "204")]),
        (302, "", vec![('x', "redirect")]),
        (500, "Traceback", vec![('!', "500")]),
        (403, " ", vec![('!', "does not say why")]),
    ] {
        assert_troubles(vec![refused("x", &answer(status, body))], &expected);
    }
}

#[test]
fn lists_are_judged_by_themselves() {
    let dateless = {
        let mut message = message("0", 1);
        message["created_at"] = Value::Null;
        message["actions"] = json!(["spam"]);
        message
    };
    for (listed, expected) in [
        (json!([]), vec![]),
        (json!([message("3", 3), message("2", 2), message("1", 2)]), vec![]),
        (json!([message("1", 1), message("2", 2)]), vec![('x', "2 of 2026-02-02T00:00:00Z comes after 1")]),
        (json!([message("1", 1), message("1", 1)]), vec![('x', "more than once")]),
        (
            json!([message("1", 1), {"id": "2"}, 5]),
            vec![('x', "2 of its objects would be left out: messages[1].author")],
        ),
        (json!([dateless]), vec![('!', "1 have no created_at"), ('!', "0 has the action of its own spam")]),
    ] {
        let text = listed.to_string();
        let (page, findings) = list(&answer(200, &text), ContentObject::Message, &forum());
        assert!(page.is_some());
        assert_troubles(findings, &expected);
    }
    let (page, findings) = list(&answer(200, r#"{"id":"1"}"#), ContentObject::Message, &forum());
    assert!(page.is_none());
    assert_troubles(findings, &[('x', "the answer is no list")]);
    // Threads that are titles have neither dates nor authors.
    let titles = implementation(&json!({"objects": {"threads": ["list"]}, "options": ["threads.no_content"]}));
    let (page, findings) =
        list(&answer(200, r#"[{"id":"2"},{"id":"1","title":"One"}]"#), ContentObject::Thread, &titles);
    assert_eq!(page.unwrap().ids().collect::<Vec<_>>(), ["2", "1"]);
    assert_troubles(findings, &[]);
}

fn page(ids: &[&str]) -> Page {
    let listed = Value::from(ids.iter().map(|id| message(id, 1)).collect::<Vec<_>>()).to_string();
    list(&answer(200, &listed), ContentObject::Message, &forum()).0.unwrap()
}

#[test]
fn since_id_means_what_comes_next() {
    let known = page(&["4", "3", "2", "1"]);
    for (since, told, expected) in [
        ("4", &[][..], vec![]),
        ("4", &["6", "5"], vec![]),
        ("4", &["5", "4"], vec![('x', "after 4 it tells 4 again")]),
        ("4", &["1"], vec![('x', "it tells 1 again")]),
        ("1", &["4", "3", "2"], vec![]),
        ("1", &["2"], vec![]),
        ("1", &["4", "3"], vec![('x', "it does not tell 2")]),
        ("1", &[], vec![('x', "it does not tell 2")]),
        ("2", &["3", "1"], vec![('x', "it tells 1 again")]),
        ("9", &["9"], vec![('-', "9 was not told before")]),
    ] {
        assert_troubles(vec![after("messages.list", since, &known, &page(told))], &expected);
    }
}

#[test]
fn what_was_created_is_known_by_its_id() {
    let (id, finding) = created("x", &answer(200, r#"{"id":7}"#));
    assert_eq!((id.as_deref(), finding.verdict), (Some("7"), Verdict::Passed));
    assert_troubles(vec![created("x", &answer(204, "")).1], &[('!', "no id")]);
    assert_troubles(vec![created("x", &answer(500, "Down")).1], &[('x', "500: Down")]);
    for (body, expected) in [
        (r#"{"id":"7"}"#, vec![]),
        (r#"{"id":"8"}"#, vec![('x', "it is there twice")]),
        ("{}", vec![('x', "no id")]),
        (r#"{"error":{"message":"Known"}}"#, vec![('x', "Known")]),
    ] {
        assert_troubles(vec![repeated("x", "7", &answer(200, body))], &expected);
    }
    let seven = message("7", 1).to_string();
    for (id, body, expected) in [
        ("7", seven.as_str(), vec![]),
        ("8", &seven, vec![('x', "it tells 7")]),
        ("7", r#"{"id":"7"}"#, vec![('x', "author is missing")]),
        ("7", "[]", vec![('x', "no object")]),
    ] {
        assert_troubles(vec![shown("x", ContentObject::Message, id, &[], &answer(200, body))], &expected);
    }
    assert_troubles(vec![taken("x", &answer(200, ""))], &[]);
    assert_troubles(vec![taken("x", &answer(404, "Gone"))], &[('x', "404: Gone")]);
}

proptest! {
    #[test]
    fn any_answer_is_judged(status in any::<u16>(), body in prop::collection::vec(any::<u8>(), 0..200), kind in any::<String>()) {
        let answer = PolledAnswer { status, body: &body, truncated: false, signature_fits: None };
        let _ = manners(&answer, Some(&kind), Some(&kind));
        let _ = info(&answer);
        let _ = refused("x", &answer);
        let _ = list(&answer, ContentObject::Message, &forum());
        let _ = created("x", &answer);
        let _ = shown("x", ContentObject::PrivateMessage, "1", &[], &answer);
    }

    #[test]
    fn whatever_json_a_channel_tells_of_itself_is_judged(objects in "[a-z.]{0,9}", options in any::<Vec<String>>(), label in any::<String>()) {
        let told = json!({"objects": {objects: ["list"]}, "options": options, "locales": {label.clone(): {label: 1}}}).to_string();
        let _ = info(&answer(200, &told));
    }
}
