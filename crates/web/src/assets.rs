//! The files of the chat and the console, which `build.rs` puts into the binary. What is below `/assets/` has a hash in
//! its name and never changes.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};

/// A file that browsers get.
pub struct File {
    /// What it is for: `loader`, `manager` and so on.
    pub part: &'static str,
    /// Where it is.
    pub path: &'static str,
    /// Its bytes.
    pub bytes: &'static [u8],
    /// The same, packed with gzip.
    pub packed: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The file of a part.
pub fn part(name: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.part == name)
}

/// The addresses of the parts whose names begin so.
pub(crate) fn addresses(beginning: &str) -> impl Iterator<Item = &'static str> {
    FILES.iter().filter(move |file| file.part.starts_with(beginning)).map(|file| file.path)
}

/// The address of a part; empty where this build has none.
pub fn address(name: &str) -> &'static str {
    part(name).map_or("", |file| file.path)
}

/// Answers with the file at this path.
pub(crate) fn answer(path: &str, headers: &HeaderMap) -> Response {
    let file = FILES.iter().find(|file| file.path == path && path.starts_with("/assets/"));
    let Some(file) = file else { return StatusCode::NOT_FOUND.into_response() };
    let kind = match path.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("woff2") => "font/woff2",
        Some("svg") => "image/svg+xml",
        Some("webmanifest") => "application/manifest+json",
        _ => "text/javascript; charset=utf-8",
    };
    let takes_gzip = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let takes_gzip = takes_gzip.is_some_and(|value| value.split(',').any(|one| one.trim().starts_with("gzip")));
    let packed = file.packed.filter(|_| takes_gzip);
    let mut response = Response::new(Body::from(packed.unwrap_or(file.bytes)));
    let told = response.headers_mut();
    if packed.is_some() {
        told.insert(header::CONTENT_ENCODING, http::HeaderValue::from_static("gzip"));
    }
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::VARY, "Accept-Encoding"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        told.insert(name, http::HeaderValue::from_static(value));
    }
    response
}
