//! The OpenAPI document, and the page on which people read it and try operations. Everything comes from this server:
//! no foreign script, style or font.

use axum::Router;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue};
use axum::routing::get;
use bytes::Bytes;
use serde_json::Value;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `/openapi.json`, `/docs` and what the page loads. The document is written once.
pub(crate) fn router(document: &Value) -> Router {
    let document = Bytes::from(serde_json::to_vec(document).unwrap_or_default());
    let page = Bytes::from_static(include_bytes!("docs/index.html"));
    let script = Bytes::from_static(include_bytes!("docs/app.js"));
    let style = Bytes::from_static(include_bytes!("docs/style.css"));
    Router::new()
        .route("/openapi.json", file("application/json; charset=utf-8", document))
        .route("/docs", file("text/html; charset=utf-8", page.clone()))
        .route("/docs/", file("text/html; charset=utf-8", page))
        .route("/docs/app.js", file("text/javascript; charset=utf-8", script))
        .route("/docs/style.css", file("text/css; charset=utf-8", style))
}

fn file(content_type: &'static str, content: Bytes) -> axum::routing::MethodRouter {
    let headers: [(HeaderName, HeaderValue); 5] = [
        (CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        // The files change with the server's version, under the same names.
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    get(move || {
        let answer = (headers.clone(), content.clone());
        async move { answer }
    })
}
