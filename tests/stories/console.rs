//! The console's document and files, as the server gives them. What they do is tried in a browser: `web/test/console/`.

use frontdesk_tests::http::Request;
use frontdesk_tests::{Cast, Engine};
use serde_json::json;

on_both_engines![
    the_console_is_served_at_the_address_of_each_screen,
    other_sites_show_the_console_only_where_the_account_lets_them,
];

fn the_console_is_served_at_the_address_of_each_screen(engine: Engine) {
    let cast = Cast::shared(engine);
    let get = |path: &str| cast.server.send(&Request::new("GET", path));
    let root = get("/");
    assert_eq!(root.status, 200);
    assert!(root.header("content-type").unwrap().starts_with("text/html"));
    // Another version has other files: only what has a hash in its name is kept.
    assert_eq!(root.header("cache-control"), Some("no-cache"));
    let policy = root.header("content-security-policy").unwrap();
    for part in ["default-src 'none'", "script-src 'self';", "style-src 'self';", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    let html = root.text();
    for attribute in ["src=\"", "href=\""] {
        for place in html.split(attribute).skip(1) {
            let place = place.split('"').next().unwrap();
            assert!(place.starts_with('/') && !place.starts_with("//"), "{place}");
            assert_eq!(get(place).status, 200, "{place}");
        }
    }
    for screen in [
        "/inbox",
        "/inbox/mine",
        "/inbox/mine/no-such-thread",
        "/customers/nobody",
        "/home?view=no-header",
        "/tasks",
        "/content_threads/some?view=permalink",
    ] {
        let found = get(screen);
        assert_eq!((found.status, found.text()), (200, html.clone()), "{screen}");
    }
    // What is no screen is missing as before, in words that programs read.
    for path in ["/nothing", "/1.0/nothing", "/assets/nothing.js"] {
        assert_eq!(get(path).status, 404, "{path}");
    }
}

fn other_sites_show_the_console_only_where_the_account_lets_them(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let get = |path: &str| cast.server.send(&Request::new("GET", path));
    let ancestors = |path: &str| {
        let answer = get(path);
        let policy = answer.header("content-security-policy").unwrap().to_owned();
        let (_, ancestors) = policy.split_once("frame-ancestors ").unwrap();
        (ancestors.to_owned(), answer.header("x-frame-options").map(str::to_owned))
    };
    let refused = ("'none'".to_owned(), Some("DENY".to_owned()));
    assert_eq!(ancestors("/"), refused);
    let set = |denied: bool| cast.otto.put("/1.0/settings", &json!({ "deny_iframe_integration": denied })).ok();
    set(false);
    for screen in ["/", "/home?view=no-header", "/content_threads/some?view=permalink"] {
        assert_eq!(ancestors(screen), ("*".to_owned(), None), "{screen}");
    }
    set(true);
    assert_eq!(ancestors("/home"), refused);
}
