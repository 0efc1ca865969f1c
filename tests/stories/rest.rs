//! What holds for every operation: tokens, parameters, lists, errors, limits.

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::{Request, encode};
use frontdesk_tests::pages::{ids, records};
use frontdesk_tests::server::Launch;
use frontdesk_tests::{Answer, Cast, Connection, Engine};
use serde_json::{Value, json};

on_both_engines![
    a_token_is_taken_from_the_header_the_query_or_the_form,
    every_carrier_of_parameters_is_equal,
    what_cannot_be_read_is_a_400_that_names_it,
    windows_are_cut_to_what_is_allowed,
    unknown_paths_and_methods_are_a_json_404,
    doubled_slashes_and_any_host_are_served,
    every_wrong_attribute_is_told_at_once,
    unknown_parameters_are_ignored,
    throttling_is_per_token_and_spares_the_send_api,
    without_a_limit_nobody_is_throttled,
    answers_carry_the_documented_headers,
    bodies_that_are_too_large_are_refused,
    connections_stay_open_between_requests,
];

fn a_token_is_taken_from_the_header_the_query_or_the_form(engine: Engine) {
    let cast = Cast::shared(engine);
    let token = cast.ada.token.as_str();
    let me = |request: Request| cast.server.send(&request);
    let expected = cast.ada.get("/1.0/users/me").ok();
    assert_eq!(me(Request::new("GET", &format!("/1.0/users/me?access_token={token}"))).ok(), expected);
    assert_eq!(me(Request::new("GET", "/1.0/users/me").form(&[("access_token", token)])).ok(), expected);
    let category = |request: Request| cast.server.send(&request.header("Accept", "*/*")).ok();
    let name = unique("By form ");
    let by_form = Request::new("POST", "/1.0/categories").form(&[("name", &name), ("access_token", &cast.otto.token)]);
    assert_eq!(category(by_form)["name"], name.as_str());
    let body = json!({ "name": name, "access_token": cast.otto.token });
    assert_eq!(category(Request::new("POST", "/1.0/categories").json(&body))["name"], name.as_str());
    // The header wins, so a setting of that name can be told from the token.
    let both = Request::new("GET", &format!("/1.0/users/me?access_token={}", cast.otto.token)).token(token);
    assert_eq!(me(both).ok(), expected);
    me(Request::new("GET", "/1.0/users/me?access_token=")).refused(401);
    me(Request::new("GET", "/1.0/users/me?access_token[]=x")).refused(401);
}

fn every_carrier_of_parameters_is_equal(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let path = format!("/1.0/content_sources/{}", source.id);
    let name = unique("Name & more + ");
    let pairs = [
        ("name", name.as_str()),
        ("content_languages[]", "en"),
        ("content_languages[]", "fr"),
        ("hidden_from_stats", "true"),
        ("color", "4"),
        ("auto_response_trigger_enabled[first_message_from_user]", "1"),
        ("signatures[][language]", "en"),
        ("signatures[][body]", "Yours"),
        ("signatures[][language]", "fr"),
        ("signatures[][body]", "A vous"),
    ];
    let query = frontdesk_tests::http::query(&pairs);
    let raw = query.replace("%5B", "[").replace("%5D", "]").replace("%20", "+");
    let mut parts = String::new();
    for (name, value) in pairs {
        parts += &format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    parts += "--XX--\r\n";
    let body = json!({
        "name": name, "content_languages": ["en", "fr"], "hidden_from_stats": true, "color": 4,
        "auto_response_trigger_enabled": { "first_message_from_user": true },
        "signatures": [{ "language": "en", "body": "Yours" }, { "language": "fr", "body": "A vous" }],
    });
    let reset = || {
        let plain = json!({ "name": "x", "content_languages": [], "hidden_from_stats": false, "color": 0, "signatures": [],
            "auto_response_trigger_enabled": { "first_message_from_user": false } });
        cast.otto.put(&path, &plain).ok();
    };
    let look = |answer: Answer| {
        let answer = answer.ok();
        ["name", "content_languages", "hidden_from_stats", "color", "auto_response_trigger_enabled", "signatures"]
            .map(|name| answer[name].clone())
    };
    let put = |target: &str| Request::new("PUT", target);
    let form = "application/x-www-form-urlencoded";
    let expected = look(cast.otto.put(&path, &body));
    assert_eq!(expected[5].as_array().map(Vec::len), Some(2));
    for request in [
        put(&format!("{path}?{query}")),
        put(&format!("{path}?&&{raw}&")),
        put(&path).body(form, query.clone()),
        put(&path).body(&format!("{form}; charset=UTF-8"), raw.clone()),
        put(&path).body("multipart/form-data; boundary=XX", parts.clone()),
        put(&path).body("multipart/form-data; boundary=\"XX\"", parts),
        put(&path).body("application/json; charset=utf-8", body.to_string()),
        put(&path).body("application/vnd.api+json", body.to_string()),
        // Numbers and booleans may be written as text, in JSON as well.
        put(&path).json(&json!({
            "name": name, "content_languages": ["en", "fr"], "hidden_from_stats": "true", "color": "4",
            "auto_response_trigger_enabled": { "first_message_from_user": "1" },
            "signatures": [{ "language": "en", "body": "Yours" }, { "language": "fr", "body": "A vous" }],
        })),
        // The body wins over the query.
        put(&format!("{path}?name=other&color=9")).json(&body),
    ] {
        reset();
        let shown = format!("{} {:?}", request.target, request.headers);
        assert_eq!(look(cast.otto.send(request)), expected, "{shown}");
    }
    // An empty body is legal under any type.
    for kind in ["application/json", "multipart/form-data", "application/x-www-form-urlencoded", "image/png", ""] {
        let request = put(&format!("{path}?color=1")).body(kind, "");
        assert_eq!(cast.otto.send(request).ok()["color"], 1, "{kind:?}");
    }
    // A GET may carry its parameters in a body as well.
    let page = cast.otto.send(Request::new("GET", "/1.0/users").json(&json!({ "limit": 1 }))).ok();
    assert_eq!((&page["limit"], ids(&page).len()), (&json!(1), 1));
}

fn what_cannot_be_read_is_a_400_that_names_it(engine: Engine) {
    let cast = Cast::shared(engine);
    let get = |target: &str| cast.otto.get(target).refused(400);
    for (target, named) in [
        ("/1.0/users?limit=many", "limit"),
        ("/1.0/users?offset=1.5", "offset"),
        ("/1.0/users?limit[]=1", "limit"),
        ("/1.0/users?limit[x]=1", "limit"),
        ("/1.0/users?email[]=x", "email"),
        ("/1.0/content_threads?q[]=x", "q"),
        ("/1.0/users?email=%ff", ""),
        ("/1.0/users?email=%00", "email"),
        ("/1.0/users?a[b]=1&a=2", "a"),
        ("/1.0/users?extended=perhaps", "extended"),
    ] {
        let refused = get(target);
        assert!(refused["message"].as_str().unwrap().contains(named), "{target}: {refused}");
    }
    let post = |kind: &str, body: &str| cast.otto.send(Request::new("POST", "/1.0/categories").body(kind, body));
    for (kind, body) in [
        ("application/json", "{"),
        ("application/json", "[]"),
        ("application/json", "\"x\""),
        ("application/json", "null"),
        ("application/json", "{\"name\":\"\\ud800\"}"),
        ("application/json", "{\"name\":\"a\\u0000b\"}"),
        ("text/plain", "name=x"),
        ("text/xml", "<name/>"),
        ("", "name=x"),
        ("multipart/form-data", "x"),
        ("multipart/form-data; boundary=XX", "--XX\r\nContent-"),
        ("application/x-www-form-urlencoded", "name=%ff"),
        ("application/json", "{\"name\":{\"a\":1}}"),
        ("application/json", "{\"name\":[\"a\"]}"),
    ] {
        post(kind, body).refused(400);
    }
    let deep = format!("{{\"name\":{}{}}}", "[".repeat(50_000), "]".repeat(50_000));
    post("application/json", &deep).refused(400);
    post("application/x-www-form-urlencoded", &format!("{}=x", "a[b]".repeat(5_000))).refused(400);
    post("application/x-www-form-urlencoded", &"a=1&".repeat(100_000)).refused(400);
}

fn windows_are_cut_to_what_is_allowed(engine: Engine) {
    let cast = Cast::shared(engine);
    for list in [
        "users",
        "roles",
        "communities",
        "content_sources",
        "content_threads",
        "contents",
        "identities",
        "interventions",
        "categories",
        "attachments",
        "access_tokens",
    ] {
        let window = |query: &str| {
            let page = cast.otto.get(&format!("/1.0/{list}?{query}")).ok();
            let keys: Vec<_> = page.as_object().unwrap().keys().cloned().collect();
            assert_eq!(keys, ["count", "offset", "limit", "records"]);
            assert!(page["count"].as_u64().is_some());
            assert!(records(&page).len() as u64 <= page["limit"].as_u64().unwrap());
            (page["offset"].as_u64().unwrap(), page["limit"].as_u64().unwrap())
        };
        assert_eq!(window(""), (0, 30), "{list}");
        assert_eq!(window("offset=2&limit=3"), (2, 3), "{list}");
        assert_eq!(window("limit=1000"), (0, 150), "{list}");
        assert_eq!(window("limit=0&offset=-7"), (0, 0), "{list}");
        assert_eq!(window("limit=-1"), (0, 0), "{list}");
        assert_eq!(window("offset=9223372036854775807"), (9_007_199_254_740_991, 30), "{list}");
        assert_eq!(window("offset=&limit="), (0, 30), "{list}");
    }
    // The windows of a list put together are the list.
    let all = ids(&cast.otto.get("/1.0/users?limit=150").ok());
    let mut put_together = Vec::new();
    for offset in 0..all.len() {
        put_together.extend(ids(&cast.otto.get(&format!("/1.0/users?limit=1&offset={offset}")).ok()));
    }
    assert_eq!(put_together, all);
}

fn unknown_paths_and_methods_are_a_json_404(engine: Engine) {
    let cast = Cast::shared(engine);
    for target in [
        "/1.0",
        "/1.0/",
        "/1.0/nonsense",
        "/1.0/users/me/more",
        "/1.0/Users",
        "/2.0/users",
        "/1.0/users/%ff",
        "/nowhere",
        "/1.0/../1.0/nonsense",
        "/1.0/%75sers/x/y",
        "/1.0/content_threads/%2e%2e",
    ] {
        for person in [Some(&cast.otto), None] {
            let request = Request::new("GET", target);
            let request = person.map_or(request.clone(), |person| request.token(&person.token));
            let answer = cast.server.send(&request);
            assert!(
                matches!(answer.status, 404) || (person.is_none() && answer.status == 401),
                "{target}: {}",
                answer.status
            );
            answer.refused(answer.status);
        }
    }
    for (method, target) in [
        ("PATCH", "/1.0/users/me"),
        ("POST", "/1.0/users/me"),
        ("DELETE", "/1.0/users"),
        ("PUT", "/1.0/contents"),
        ("BREW", "/1.0/users"),
        ("OPTIONS", "/1.0/users"),
    ] {
        cast.otto.send(Request::new(method, target)).refused(404);
    }
}

fn doubled_slashes_and_any_host_are_served(engine: Engine) {
    let cast = Cast::shared(engine);
    let me = cast.otto.get("/1.0/users/me").ok();
    for target in ["//1.0/users/me", "/1.0//users/me", "/1.0/users//me", "//1.0//users//me", "/1.0/users/me/"] {
        assert_eq!(cast.otto.get(target).ok(), me, "{target}");
    }
    for host in ["kettle.api.digital.example", "localhost", "127.0.0.1:1", "[::1]", "x"] {
        assert_eq!(cast.otto.send(Request::new("GET", "/1.0/users/me").header("Host", host)).ok(), me, "{host}");
    }
}

fn every_wrong_attribute_is_told_at_once(engine: Engine) {
    let cast = Cast::shared(engine);
    let answer = cast.otto.post("/1.0/content_sources", &json!({ "name": "x" }));
    let body = answer.refused(422);
    assert_eq!(body["error"], "validation_error");
    let mut named = answer.invalid();
    named.sort_unstable();
    assert_eq!(named, ["community_id", "type"]);
    for error in body["errors"].as_array().unwrap() {
        let keys: Vec<_> = error.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["attribute", "type", "message"]);
        assert!(body["message"].as_str().unwrap().contains(error["message"].as_str().unwrap()), "{body}");
    }
    let keys: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["error", "message", "status", "errors"]);
    let plain = cast.otto.get("/1.0/users/nonsense").refused(404);
    let keys: Vec<_> = plain.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["error", "message", "status"]);
}

fn unknown_parameters_are_ignored(engine: Engine) {
    let cast = Cast::shared(engine);
    let me = cast.otto.get("/1.0/users/me").ok();
    for target in [
        "/1.0/users/me?colour=blue",
        "/1.0/users/me?x[]=1&x[]=2&y[z][w]=3",
        "/1.0/users/me?&&=&=x&x",
        "/1.0/users/me?[]=1",
        "/1.0/users/me?_=1&callback=alert",
    ] {
        assert_eq!(cast.otto.get(target).ok(), me, "{target}");
    }
}

fn throttling_is_per_token_and_spares_the_send_api(engine: Engine) {
    let server = Launch::new(engine).only(&["--demo", "--rate-limit", "5"]).start();
    let me = Request::new("GET", "/1.0/users/me").token(server.token());
    let shop = Request::new("GET", "/1.0/content_sources?extended=true").token(server.token());
    let shop = records(&server.send(&shop).ok())[0].clone();
    for _ in 0..4 {
        server.send(&me).ok();
    }
    let throttled = server.send(&me);
    let expected = json!({ "error": "rate_limit_exceeded", "message": "Rate limit exceeded", "status": 429 });
    assert_eq!(throttled.refused(429), expected);
    let wait: u64 = throttled.header("retry-after").expect("Retry-After").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    // However the token is given, it is the same token.
    let by_query = Request::new("GET", &format!("/1.0/users/me?access_token={}", server.token()));
    server.send(&by_query).refused(429);
    let by_form = Request::new("POST", "/1.0/categories").form(&[("access_token", server.token()), ("name", "x")]);
    server.send(&by_form).refused(429);
    // Another token, wrong ones included, has a minute of its own.
    let other = server.make_token("ada@frontdesk.local", "another");
    server.send(&Request::new("GET", "/1.0/users/me").token(&other)).ok();
    server.send(&Request::new("GET", "/1.0/users/me").token("nonsense")).refused(401);
    // The Send API, health and metrics are apart.
    for number in 0..10 {
        let message = json!({
            "id": number, "thread_id": "t", "body": "Hello?",
            "author": { "id": "v", "screenname": "v", "created_at": "2026-01-15" },
        });
        let body = json!({ "action": "messages.create", "params": message }).to_string();
        let signature = frontdesk_tests::signature::sign(shop["access_token"].as_str().unwrap(), body.as_bytes());
        let path = format!("/realtime/sdk/{}", shop["id"].as_str().unwrap());
        let request =
            Request::new("POST", &path).header("X-SMCCSDK-SIGNATURE", &signature).body("application/json", body);
        assert_eq!(server.send(&request).status, 200);
        assert_eq!(server.send(&Request::new("GET", "/readyz")).status, 200);
    }
}

fn without_a_limit_nobody_is_throttled(engine: Engine) {
    let cast = Cast::shared(engine);
    let mut connection = Connection::open(cast.server.address()).unwrap();
    let request = Request::new("GET", "/1.0/users/me").token(&cast.otto.token);
    for _ in 0..550 {
        assert_eq!(connection.send(&request).unwrap().status, 200);
    }
}

fn answers_carry_the_documented_headers(engine: Engine) {
    let cast = Cast::shared(engine);
    let answer = cast.otto.get("/1.0/users/me");
    answer.ok();
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let other = cast.otto.get("/1.0/nonsense");
    let request_id = |answer: &Answer| answer.header("x-request-id").expect("a request id").to_owned();
    assert_ne!(request_id(&answer), request_id(&other));
    // HEAD answers as GET does, without the body: the connection serves the next request at once.
    let mut connection = Connection::open(cast.server.address()).unwrap();
    let head = connection.send(&Request::new("HEAD", "/1.0/users/me").token(&cast.otto.token)).unwrap();
    assert_eq!((head.status, head.header("content-length")), (200, answer.header("content-length")));
    assert_eq!(connection.send(&Request::new("GET", "/healthz")).unwrap().text(), "ok");
}

fn bodies_that_are_too_large_are_refused(engine: Engine) {
    let cast = Cast::shared(engine);
    let large = json!({ "name": "x".repeat(1_100_000) });
    let refused = cast.otto.post("/1.0/categories", &large).refused(413);
    assert_eq!(refused["error"], "request_too_large");
    let chunked = Request::new("POST", "/1.0/categories").body("application/json", {
        let body = large.to_string();
        format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
    });
    cast.otto.send(chunked.header("Transfer-Encoding", "chunked")).refused(413);
    let long = format!("/1.0/users?email={}", "x".repeat(200_000));
    let answer = Request::new("GET", &long).token(&cast.otto.token).send(cast.server.address()).unwrap();
    assert!((400..500).contains(&answer.status), "{}", answer.status);
}

fn connections_stay_open_between_requests(engine: Engine) {
    let cast = Cast::shared(engine);
    let mut connection = Connection::open(cast.server.address()).unwrap();
    let send = |connection: &mut Connection, request: Request| {
        connection.send(&request.token(&cast.otto.token)).expect("the connection is still open")
    };
    send(&mut connection, Request::new("GET", "/1.0/users/me")).ok();
    send(&mut connection, Request::new("GET", "/1.0/nonsense")).refused(404);
    send(&mut connection, Request::new("POST", "/1.0/categories").json(&json!({}))).refused(422);
    send(&mut connection, Request::new("GET", &format!("/1.0/content_threads?q={}", encode("colour:blue"))))
        .refused(400);
    let last: Value = send(&mut connection, Request::new("GET", "/1.0/users/me")).ok();
    assert_eq!(last["email"], "admin@frontdesk.local");
}
