//! The document of the console. Which screen an address means is read in the browser, so that an address can be shared
//! and survives a reload; one that means nothing says so there.

use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use http::{HeaderValue, header};

use crate::assets::{address, addresses};

/// Where addresses of the console begin, `/` apart. `web/console/src/routes.ts` reads what follows.
pub(crate) const SCREENS: [&str; 10] =
    ["inbox", "customers", "admin", "account", "login", "tasks", "home", "content_threads", "contents", "supervision"];

/// Scripts and styles are ours alone. Pictures of messages come from anywhere, but only into a frame that was asked to
/// show them (`web/console/src/conversation/letter.tsx`), and what such a frame shows has this policy too.
/// Who may put the console into a frame is added to it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob: https:; \
    media-src 'self' blob:; font-src 'self'; connect-src 'self'; frame-src 'self' blob:; manifest-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors";

/// Whether other sites may show the console within theirs, as the account has it at the moment.
pub type Framing = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

const MISSING: &str = "<main><h1>Frontdesk</h1><p>The console is not in this build of the server: run <code>make \
    web</code> and build again. The API is served: <a href=\"/docs\">its documentation</a>.</p></main>";

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| {
    let mut head = String::new();
    let script = address("console");
    let style = address("console.css");
    if !style.is_empty() {
        let _ = writeln!(head, "<link rel=\"stylesheet\" href=\"{style}\">");
    }
    let icon = address("console.icon");
    if !icon.is_empty() {
        let _ = writeln!(head, "<link rel=\"icon\" type=\"image/svg+xml\" href=\"{icon}\">");
    }
    let app = address("console.app");
    if !app.is_empty() {
        let _ = writeln!(head, "<link rel=\"manifest\" href=\"{app}\">");
    }
    let body = if script.is_empty() {
        MISSING.to_owned()
    } else {
        // All at once, not one after the other.
        for part in addresses("console.begin/") {
            let _ = writeln!(head, "<link rel=\"modulepreload\" href=\"{part}\">");
        }
        let _ = writeln!(head, "<script type=\"module\" src=\"{script}\"></script>");
        "<div id=\"console\"></div>\n<noscript>The console needs JavaScript.</noscript>".to_owned()
    };
    Bytes::from(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Frontdesk</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1, interactive-widget=resizes-content\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         {head}</head>\n<body>\n{body}\n</body>\n</html>\n"
    ))
});

/// The document. It names the files of this version, so a browser asks again each time.
pub(crate) async fn document(State(framing): State<Framing>) -> Response {
    let framed = framing().await;
    let ancestors = if framed { "*" } else { "'none'" };
    let policy = format!("{POLICY} {ancestors}");
    let mut response = Response::new(Body::from(DOCUMENT.clone()));
    let told = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        told.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::try_from(policy) {
        told.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if !framed {
        told.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    response
}
