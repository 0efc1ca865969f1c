//! What a browser sends along: its cookie, and by what it is known that a page of ours asks. A browser adds the cookie to
//! whatever any page asks for, also to an image or a form of another site; so the cookie alone is worth nothing.

use axum::http::header::{COOKIE, HOST, ORIGIN, UPGRADE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};

/// A page of another site can send this header only after asking for leave (CORS), which nobody gets here; forms, images
/// and links cannot send it at all.
pub(crate) const CONSOLE: HeaderName = HeaderName::from_static("x-frontdesk-console");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// How browsers keep the secrets of this server.
#[derive(Clone, Copy)]
pub(crate) struct Cookies {
    is_secure: bool,
}

impl Cookies {
    /// For a server that browsers reach at this address.
    pub(crate) fn of(public_url: &str) -> Cookies {
        Cookies { is_secure: public_url.starts_with("https:") }
    }

    /// With the prefix a browser takes the cookie from this very host only, and over TLS (RFC 6265bis, section 4.1.3).
    fn name(self) -> &'static str {
        if self.is_secure { "__Host-frontdesk" } else { "frontdesk" }
    }

    /// The session's secret.
    pub(crate) fn secret(self, headers: &HeaderMap) -> Option<&str> {
        find(headers, self.name())
    }

    /// Gives the secret to the browser, for so long.
    pub(crate) fn give(self, secret: &str, seconds: i64) -> Option<HeaderValue> {
        let secure = if self.is_secure { "; Secure" } else { "" };
        let name = self.name();
        let mut value = HeaderValue::from_str(&format!(
            "{name}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
        ))
        .ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Has the browser keep something of a sign-in that goes through another site, for one page of ours: `Lax`, so that it
    /// comes along when that site sends people back.
    pub(crate) fn keep_for(self, path: &str, name: &str, text: &str, seconds: i64) -> Option<HeaderValue> {
        let secure = if self.is_secure { "; Secure" } else { "" };
        let name = self.name_kept(name);
        let text = format!("{name}={text}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// What was kept so.
    pub(crate) fn kept_for<'h>(self, headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
        find(headers, &self.name_kept(name))
    }

    fn name_kept(self, name: &str) -> String {
        format!("{}frontdesk-{name}", if self.is_secure { "__Secure-" } else { "" })
    }

    /// Takes the secret away again.
    pub(crate) fn take(self) -> Option<HeaderValue> {
        self.give("", 0)
    }
}

fn find<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value).filter(|value| !value.is_empty())
}

/// Whether a page of ours asks, so that the cookie counts.
pub(crate) fn is_console(parts: &Parts, public_url: &str) -> bool {
    if is_from_elsewhere(parts, public_url) {
        return false;
    }
    if parts.headers.get(CONSOLE).is_some_and(|value| value.as_bytes() == b"1") {
        return true;
    }
    // A page cannot give headers to its WebSocket, and any page can open one: but the browser says whose page it is.
    let upgrade = parts.headers.get(UPGRADE);
    let is_websocket = upgrade.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    is_websocket && parts.method == Method::GET && parts.headers.contains_key(ORIGIN)
}

/// Whether the browser says that another site asks.
pub(crate) fn is_from_elsewhere(parts: &Parts, public_url: &str) -> bool {
    let headers = &parts.headers;
    let site = headers.get(FETCH_SITE).map(HeaderValue::as_bytes);
    if matches!(site, Some(b"cross-site" | b"same-site")) {
        return true;
    }
    headers.get_all(ORIGIN).iter().any(|origin| !origin.to_str().is_ok_and(|origin| is_own(origin, parts, public_url)))
}

/// The address that the operator names, or the one that this request was sent to: cookies do not tell ports apart, and
/// so the host and its port must be the same.
fn is_own(origin: &str, parts: &Parts, public_url: &str) -> bool {
    if origin == public_url {
        return true;
    }
    let asked = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    let asked = asked.or_else(|| parts.uri.authority().map(axum::http::uri::Authority::as_str));
    let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    host.is_some() && host == asked
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn parts(method: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri("/1.0/users/me");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn the_cookie_counts_only_where_a_page_of_ours_asks() {
        let console = ("x-frontdesk-console", "1");
        let (host, upgrade) = (("host", "localhost:8080"), ("upgrade", "websocket"));
        for (method, headers, counts) in [
            ("GET", vec![console], true),
            ("POST", vec![console, ("origin", "https://desk.example.com")], true),
            ("POST", vec![console, host, ("origin", "http://localhost:8080")], true),
            ("POST", vec![console, host, ("origin", "http://localhost:8081")], false),
            ("POST", vec![console, ("origin", "https://desk.example.com.evil.net")], false),
            ("POST", vec![console, ("origin", "https://evil.net"), ("host", "desk.example.com")], false),
            ("POST", vec![console, ("origin", "null")], false),
            ("POST", vec![console, ("origin", "")], false),
            ("GET", vec![console, ("sec-fetch-site", "cross-site")], false),
            ("GET", vec![console, ("sec-fetch-site", "same-site")], false),
            ("GET", vec![console, ("sec-fetch-site", "same-origin")], true),
            ("GET", vec![("x-frontdesk-console", "0")], false),
            ("GET", vec![], false),
            ("GET", vec![("sec-fetch-site", "same-origin")], false),
            ("POST", vec![("origin", "https://desk.example.com")], false),
            ("GET", vec![upgrade, ("origin", "https://desk.example.com")], true),
            ("GET", vec![upgrade, host, ("origin", "http://localhost:8080")], true),
            ("GET", vec![upgrade], false),
            ("GET", vec![upgrade, ("origin", "null")], false),
            ("GET", vec![upgrade, ("origin", "https://evil.net")], false),
            ("POST", vec![upgrade, ("origin", "https://desk.example.com")], false),
        ] {
            let parts = parts(method, &headers);
            assert_eq!(is_console(&parts, "https://desk.example.com"), counts, "{method} {headers:?}");
        }
    }

    #[test]
    fn the_secret_is_found_among_the_cookies() {
        let (secure, plain) = (Cookies::of("https://desk.example.com"), Cookies::of("http://localhost:8080"));
        let cookies = parts("GET", &[("cookie", "a=b; frontdesk=one"), ("cookie", "__Host-frontdesk=two;x")]).headers;
        assert_eq!((plain.secret(&cookies), secure.secret(&cookies)), (Some("one"), Some("two")));
        let none = parts("GET", &[("cookie", "frontdesk=; xfrontdesk=one; Frontdesk=two; frontdesk")]).headers;
        assert_eq!(plain.secret(&none), None);
        assert_eq!(
            secure.give("abc", 60).unwrap().to_str().unwrap(),
            "__Host-frontdesk=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure"
        );
        let kept = parts("GET", &[("cookie", "frontdesk-abc=one; __Secure-frontdesk-abc=two")]).headers;
        assert_eq!((plain.kept_for(&kept, "abc"), secure.kept_for(&kept, "abc")), (Some("one"), Some("two")));
        assert_eq!(plain.kept_for(&kept, "abd"), None);
        assert_eq!(
            secure.keep_for("/back", "abc", "text", 60).unwrap().to_str().unwrap(),
            "__Secure-frontdesk-abc=text; Path=/back; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(plain.take().unwrap().to_str().unwrap(), "frontdesk=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    }
}
