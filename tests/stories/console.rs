//! The console's document and files, as the server gives them. What they do is tried in a browser: `web/test/console/`.

use frontdesk_tests::http::Request;
use frontdesk_tests::{Cast, Engine};

on_both_engines![the_console_is_served_at_the_address_of_each_screen,];

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
    for screen in ["/inbox", "/inbox/mine", "/inbox/mine/no-such-thread", "/customers/nobody"] {
        let found = get(screen);
        assert_eq!((found.status, found.text()), (200, html.clone()), "{screen}");
    }
    // What is no screen is missing as before, in words that programs read.
    for path in ["/nothing", "/1.0/nothing", "/assets/nothing.js"] {
        assert_eq!(get(path).status, 404, "{path}");
    }
}
