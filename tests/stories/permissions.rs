//! Who may see and do what: rights on sources, permissions of roles, acting as somebody else.

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::{Request, encode};
use frontdesk_tests::pages::{id, ids, records};
use frontdesk_tests::{Cast, Engine};
use serde_json::json;

on_both_engines![
    who_may_only_read_does_not_answer,
    what_one_may_not_read_is_not_there,
    a_role_decides_about_what_is_nobodys_source,
    acting_as_somebody_else_gives_their_rights_and_their_name,
    acting_as_somebody_else_is_refused_where_it_is_not_allowed,
];

fn who_may_only_read_does_not_answer(engine: Engine) {
    let cast = Cast::shared(engine);
    let borrowed = cast.borrow_shop();
    let thread = unique("permissions-");
    borrowed.shop.says("vera", &thread, "Hello?");
    let content = id(&borrowed.shop.contents(&cast.rita, &thread)[0]);
    cast.rita.get(&format!("/1.0/contents/{content}")).ok();
    let reply = json!({ "in_reply_to_id": content, "body": "Hello" });
    cast.rita.post("/1.0/contents", &reply).refused(403);
    let first = json!({ "source_id": borrowed.shop.id, "body": "News" });
    cast.rita.post("/1.0/contents", &first).refused(403);
    // Bo may answer and not write first; Ada may both.
    cast.bo.post("/1.0/contents", &first).refused(403);
    cast.ada.post("/1.0/contents", &first).ok();
    assert_eq!(cast.otto.content(&content)["intervention_id"], json!(null), "a refused reply has engaged nobody");
    cast.bo.post("/1.0/contents", &reply).ok();
    let failed = cast.bo.reply(&content, "Hello again");
    cast.rita.put(&format!("/1.0/contents/{}/export", id(&failed)), &json!({})).refused(403);
}

fn what_one_may_not_read_is_not_there(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("stranger", "t", "Hidden kettle");
    let content = source.contents(&cast.otto, "t").remove(0);
    let intervention = cast.otto.engage(&id(&content));
    let category = json!({ "category_ids": [] });
    let (thread_id, content_id) = (content["thread_id"].as_str().unwrap(), id(&content));
    let (identity_id, intervention_id) = (content["author_id"].as_str().unwrap(), id(&intervention));
    for path in [
        format!("/1.0/content_sources/{}", source.id),
        format!("/1.0/content_threads/{thread_id}"),
        format!("/1.0/content_threads/{thread_id}/open"),
        format!("/1.0/contents/{content_id}"),
        format!("/1.0/identities/{identity_id}"),
        format!("/1.0/interventions/{intervention_id}"),
    ] {
        let hidden = cast.ada.get(&path).refused(404);
        // Unreadable equals absent: the answer is the same but for the id.
        let absent = path.rsplit_once('/').unwrap();
        let absent = match absent.1 {
            "open" => path.replace(thread_id, "0123456789abcdef01234567"),
            _ => format!("{}/0123456789abcdef01234567", absent.0),
        };
        assert_eq!(cast.ada.get(&absent).refused(404), hidden, "{path}");
        assert!(cast.otto.get(&path).status != 404, "{path}");
    }
    for (path, body) in [
        (format!("/1.0/content_threads/{thread_id}/close"), json!({})),
        (format!("/1.0/content_threads/{thread_id}/update_categories"), json!({ "thread_category_ids": [] })),
        (format!("/1.0/contents/{content_id}/ignore"), json!({})),
        (format!("/1.0/contents/{content_id}/update_categories"), category.clone()),
        (format!("/1.0/contents/{content_id}/export"), json!({})),
        (format!("/1.0/interventions/{intervention_id}"), json!({})),
        (format!("/1.0/interventions/{intervention_id}/close"), json!({})),
        (format!("/1.0/interventions/{intervention_id}/update_categories"), category),
    ] {
        cast.ada.put(&path, &body).refused(404);
    }
    cast.ada.delete(&format!("/1.0/interventions/{intervention_id}/cancel")).refused(404);
    assert_eq!(cast.ada.post("/1.0/interventions", &json!({ "content_id": content_id })).invalid(), ["content_id"]);
    let reply = json!({ "in_reply_to_id": content_id, "body": "Hello" });
    assert_eq!(cast.ada.post("/1.0/contents", &reply).invalid(), ["in_reply_to_id"]);

    // Neither in lists nor in counts, however one asks.
    let q = encode(&format!("source:{}", source.id));
    for list in [
        format!("/1.0/content_threads?q={q}"),
        format!("/1.0/content_threads?q={}", encode("text:hidden")),
        format!("/1.0/contents?q={q}"),
        format!("/1.0/contents?q={}", encode(&format!("thread:{thread_id}"))),
        format!("/1.0/contents?q={}", encode(&format!("id:{content_id}"))),
        format!("/1.0/contents?q={}", encode(&format!("intervention:{intervention_id}"))),
        format!("/1.0/interventions?thread_id={thread_id}"),
        format!("/1.0/interventions?identity_id={identity_id}"),
        format!("/1.0/identities?community_id={}", source.community_id),
        format!("/1.0/identities?source_id={}", source.id),
        "/1.0/identities?foreign_id=stranger".to_owned(),
    ] {
        let page = cast.ada.get(&list).ok();
        assert_eq!((&page["count"], records(&page).len()), (&json!(0), 0), "{list}");
        assert_ne!(cast.otto.get(&list).ok()["count"], 0, "{list}");
    }
    let sources = ids(&cast.ada.get("/1.0/content_sources?limit=150").ok());
    // Other stories may give her more.
    assert!(sources.contains(&cast.shop.id) && !sources.contains(&source.id), "{sources:?}");
    for list in ["content_threads", "contents"] {
        let page = cast.ada.get(&format!("/1.0/{list}?limit=150")).ok();
        assert!(records(&page).iter().all(|record| record["source_id"] != source.id.as_str()), "{list}");
    }
}

fn a_role_decides_about_what_is_nobodys_source(engine: Engine) {
    let cast = Cast::shared(engine);
    let community = json!({ "type": "sdk", "name": "Mine" });
    for answer in [
        cast.ada.post("/1.0/communities", &community),
        cast.ada.post("/1.0/content_sources", &json!({ "type": "sdk", "name": "Mine", "community_id": cast.shop.community_id, "base_uri": "http://x.example" })),
        cast.ada.put(&format!("/1.0/content_sources/{}", cast.shop.id), &json!({ "name": "Mine" })),
        cast.ada.delete(&format!("/1.0/content_sources/{}", cast.shop.id)),
        cast.ada.post("/1.0/categories", &json!({ "name": "Mine" })),
        cast.ada.get("/1.0/access_tokens"),
        cast.ada.post("/1.0/access_tokens", &json!({ "label": "Mine" })),
        cast.ada.get(&format!("/1.0/roles/{}", id(&records(&cast.otto.get("/1.0/roles").ok())[0]))),
    ] {
        let refused = answer.refused(403);
        assert_eq!(refused["error"], "forbidden");
    }
    // The shared secret is for those who may change sources.
    let shown = cast.ada.get(&format!("/1.0/content_sources/{}?extended=true", cast.shop.id)).ok();
    assert!(shown.get("base_uri").is_some() && shown.get("access_token").is_none(), "{shown}");
    // Lacking the permission is told before anything about the parameters is.
    cast.ada.post("/1.0/categories", &json!({})).refused(403);
}

fn acting_as_somebody_else_gives_their_rights_and_their_name(engine: Engine) {
    let cast = Cast::shared(engine);
    let borrowed = cast.borrow_shop();
    let thread = unique("impersonation-");
    borrowed.shop.says("vera", &thread, "Hello?");
    let content = id(&borrowed.shop.contents(&cast.otto, &thread)[0]);
    let as_ada = |request: Request| cast.otto.send(request);
    let by_query = as_ada(Request::new("GET", &format!("/1.0/users/me?impersonated_user_id={}", cast.ada.user_id)));
    assert_eq!(by_query.ok()["email"], "ada@frontdesk.local");
    let reply = json!({ "in_reply_to_id": content, "body": "From Ada", "impersonated_user_id": cast.ada.user_id });
    let reply = cast.otto.post("/1.0/contents", &reply).ok();
    assert_eq!(reply["creator_id"], cast.ada.user_id.as_str());
    let intervention =
        cast.otto.get(&format!("/1.0/interventions/{}", reply["intervention_id"].as_str().unwrap())).ok();
    assert_eq!(intervention["user_id"], cast.ada.user_id.as_str());
    assert_eq!(borrowed.channel.push_of("From Ada").params()["sender_name"], "Ada Agent");
    // The journal says so, once for all that he did.
    let journal = format!("name_in:user.impersonated user:{}", cast.otto.user_id);
    let told = |journal: &str| {
        let found = cast.otto.search("/1.0/events", journal);
        records(&found).iter().filter(|event| event["extra_infos"]["user_id"] == cast.ada.user_id.as_str()).count()
    };
    assert_eq!(told(&journal), 1);
    let note = json!({ "body": "Hm", "intervention_id": intervention["id"], "impersonated_user_id": cast.ada.user_id });
    cast.otto.post("/1.0/intervention_comments", &note).ok();
    assert_eq!(told(&journal), 1);
    // Otto sees every source; as Ada he sees hers.
    let (source, _channel) = cast.new_source();
    let path = format!("/1.0/content_sources/{}?impersonated_user_id={}", source.id, cast.ada.user_id);
    cast.otto.get(&path).refused(404);
    let rita = json!({ "in_reply_to_id": content, "body": "Hello", "impersonated_user_id": cast.rita.user_id });
    cast.otto.post("/1.0/contents", &rita).refused(403);
    // Acting as oneself is no acting.
    cast.ada.get(&format!("/1.0/users/me?impersonated_user_id={}", cast.ada.user_id)).ok();
}

fn acting_as_somebody_else_is_refused_where_it_is_not_allowed(engine: Engine) {
    let cast = Cast::shared(engine);
    for who in [&cast.otto.user_id, &cast.bo.user_id] {
        cast.ada.get(&format!("/1.0/users/me?impersonated_user_id={who}")).refused(400);
        cast.ada.post("/1.0/categories", &json!({ "name": "x", "impersonated_user_id": who })).refused(400);
    }
    for nobody in ["0123456789abcdef01234567", "nonsense", "..", "%00"] {
        cast.otto.get(&format!("/1.0/users/me?impersonated_user_id={nobody}")).refused(400);
    }
    cast.otto.get("/1.0/users/me?impersonated_user_id[]=x").refused(400);
    // Without a token there is nobody to act as somebody.
    let stranger = Request::new("GET", &format!("/1.0/users/me?impersonated_user_id={}", cast.ada.user_id));
    cast.server.send(&stranger).refused(401);
}
