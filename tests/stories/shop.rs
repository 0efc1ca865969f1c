//! The demo shop: a website that is served beside the example conversations, and signs its customers.

use frontdesk_tests::eventually;
use frontdesk_tests::http::Request;
use frontdesk_tests::{Answer, Cast, Engine, Server};
use serde_json::{Value, json};

on_both_engines![
    a_shop_is_there_with_the_demo,
    what_agents_answer_to_the_examples_arrives_at_the_shop,
    a_customer_signs_in_and_is_known_to_the_chat,
];

const PAGES: [&str; 8] = ["", "kettles", "product/heron", "cart", "checkout", "account", "help", "nowhere"];

fn get(server: &Server, path: &str, cookie: &str) -> Answer {
    let request = Request::new("GET", path);
    server.send(&if cookie.is_empty() { request } else { request.header("Cookie", cookie) })
}

fn a_shop_is_there_with_the_demo(engine: Engine) {
    let cast = Cast::shared(engine);
    let sources = cast.otto.get("/1.0/content_sources?extended=true&limit=150").ok();
    let sources = sources["records"].as_array().expect("records");
    let website = sources.iter().find(|source| source["name"] == "Kettle shop website").expect("a source");
    let token = website["widget_token"].as_str().expect("a token");
    for path in PAGES {
        let page = get(&cast.server, &format!("/shop/{path}"), "");
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")), "{path}");
        assert!(page.text().contains(&format!("/chat/{token}/loader.js")), "{path}");
        assert!(!page.text().contains("_setSignedIdentity"), "nobody has signed in");
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'self';"), "{policy}");
    }
    for file in ["shop.js", "shop.css", "icon.svg"] {
        assert_eq!(get(&cast.server, &format!("/shop/{file}"), "").status, 200, "{file}");
    }
    assert!(get(&cast.server, &format!("/chat/{token}/loader.js"), "").text().contains(token));
    assert_eq!(get(&cast.server, "/shop", "").status, 308);
    // Without the demo there is no shop.
    let bare = Server::start(engine, &[]);
    assert_eq!(get(&bare, "/shop/", "").status, 404);
}

fn what_agents_answer_to_the_examples_arrives_at_the_shop(engine: Engine) {
    // Its own: elsewhere, stories lend this source channels of theirs.
    let cast = Cast::start(engine, &[]);
    let asked = cast.otto.get("/1.0/contents?q=text:%22quietest%20kettle%22").ok();
    let id = asked["records"][0]["id"].as_str().expect("an example message");
    let reply = cast.otto.post("/1.0/contents", &json!({ "in_reply_to_id": id, "body": "Thank you!" })).ok();
    let path = format!("/1.0/contents/{}", reply["id"].as_str().expect("an id"));
    let sent = eventually("the shop has it", || {
        let sent = cast.otto.get(&path).ok();
        (sent["synchronization_status"] != "export_pending").then_some(sent)
    });
    assert_eq!(sent["synchronization_error"], Value::Null, "{sent}");
    assert_eq!(sent["foreign_id"], format!("shop-{}", reply["id"].as_str().unwrap()), "{sent}");
    let garbage = Request::new("POST", "/shop/messages").body("application/json", b"[[".to_vec());
    assert_eq!(cast.server.send(&garbage).status, 400);
}

fn a_customer_signs_in_and_is_known_to_the_chat(engine: Engine) {
    let cast = Cast::shared(engine);
    let enter = |customer: &str| {
        let form = Request::new("POST", "/shop/account").form(&[("customer", customer)]);
        let answer = cast.server.send(&form);
        assert_eq!((answer.status, answer.header("location")), (303, Some("/shop/account")));
        let cookie = answer.header("set-cookie").expect("a cookie").to_owned();
        assert!(cookie.contains("HttpOnly; SameSite=Lax"), "{cookie}");
        cookie.split(';').next().unwrap_or_default().to_owned()
    };
    let cookie = enter("vera");
    let page = get(&cast.server, "/shop/cart", &cookie).text();
    let jwt = page.split("_setSignedIdentity', '").nth(1).and_then(|rest| rest.split('\'').next()).expect("a jwt");
    let token = page.split("/chat/").nth(1).and_then(|rest| rest.split('/').next()).expect("a token");
    let begun = Request::new("POST", &format!("/chat/{token}/session")).json(&json!({ "jwt": jwt }));
    let begun: Value = cast.server.send(&begun).json();
    assert_eq!((&begun["identity"]["uuid"], &begun["identity"]["signed"]), (&json!("vera"), &json!(true)), "{begun}");
    // Nobody else is known, and who signs out is nobody.
    for cookie in [enter("mallory"), enter(""), "kettle_customer=admin".to_owned()] {
        assert!(!get(&cast.server, "/shop/", &cookie).text().contains("_setSignedIdentity"), "{cookie}");
    }
    for (path, body) in [("/shop/account", "customer=vera".repeat(200)), ("/shop/cart", "customer=vera".into())] {
        let refused = Request::new("POST", path).body("application/x-www-form-urlencoded", body);
        let status = cast.server.send(&refused).status;
        assert!(matches!(status, 400 | 404), "{path}: {status}");
    }
}
