//! What browsers load: the loader with its configuration, and the document of the chat's window.

use std::fmt::Write as _;

use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use frontdesk_conversations::visitors::Place;
use frontdesk_model::{Id, Result, hex};
use frontdesk_web as assets;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use ring::digest;
use serde_json::{Map, Value, json};

use crate::attachments::{EXTENSIONS, FILE_BYTES_MAX};
use crate::settings::Settings;

/// What a page gets for a source that is off, or that there is not: nothing happens.
const INERT: &str = "/* There is no chat here. */\n";

/// On a page of a site that may not show the chat, a button would lead to nothing: there whoever builds the page is told, and
/// nothing is loaded. It is the parameter of what a browser runs before the loader, with the sites.
const ELSEWHERE: &str = "const own=new URL(document.currentScript.src).origin,here=location.origin;\
    if(here===own||sites.some(site=>{const[scheme,host]=site.split('*.');\
    return host?here.startsWith(scheme)&&here.endsWith('.'+host):here===site}))return true;\
    console.warn(`Frontdesk: there is no chat here, as ${here} is none of the source's allowed_sites.`)";

/// The loader of a source; inert where there is none.
pub(crate) fn loader(source: Option<&(Value, Settings)>, headers: &HeaderMap) -> Result<Response> {
    let code = |part| assets::part(part).map_or("", |file| std::str::from_utf8(file.bytes).unwrap_or(""));
    let text = match source {
        Some((config, Settings { allowed_sites, analytics, .. })) => {
            let allowed = match allowed_sites.is_empty() {
                true => String::new(),
                false => format!("(sites=>{{{ELSEWHERE}}})({})&&", script_safe(&json!(allowed_sites))),
            };
            let told = analytics.as_ref().map_or(String::new(), |kind| {
                format!("(analytics=>{{{}\n}})({});\n", code("analytics"), script_safe(&json!(kind)))
            });
            format!("{allowed}(frontdesk=>{{{}\n}})({});\n{told}", code("loader"), script_safe(config))
        }
        None => INERT.to_owned(),
    };
    Ok(script(text, "public, max-age=60", headers))
}

/// The script for pages that are shown above a conversation.
pub(crate) fn webview(headers: &HeaderMap) -> Response {
    let code = assets::part("webview").map_or("", |file| std::str::from_utf8(file.bytes).unwrap_or(""));
    script(code.to_owned(), "public, max-age=3600", headers)
}

/// A script under a name that stays, for pages of every site.
fn script(text: String, kept: &str, headers: &HeaderMap) -> Response {
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    let tag = format!("\"{}\"", hex::encode(&hash.as_ref()[..12]));
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let is_known = known.is_some_and(|known| known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag));
    let mut response = Response::new(if is_known { Body::empty() } else { Body::from(text) });
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let told = response.headers_mut();
    put(told, header::CONTENT_TYPE, "text/javascript; charset=utf-8");
    put(told, header::CACHE_CONTROL, kept);
    put(told, header::ETAG, &tag);
    put(told, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(told, HeaderName::from_static("cross-origin-resource-policy"), "cross-origin");
    response
}

/// The configuration of a source's loader. `parts`: its variables, triggers and items.
pub(crate) fn configuration(place: &Place, token: &str, parts: Map<String, Value>) -> Value {
    let mut config = json!({
        "token": token,
        "active": true,
        "mode": mode(place),
        "assets": {
            "manager": assets::address("manager"),
            "launcher": assets::address("launcher"),
            "debug": assets::address("debug"),
            "window": format!("/chat/{token}/window"),
        },
    });
    for (name, value) in parts {
        config[name] = value;
    }
    config
}

fn mode(place: &Place) -> &'static str {
    if place.is_live_chat() { "chat" } else { "messaging" }
}

/// The document of the window. `name`: the source's. `standalone`: what a frame of a website begins with by itself. `theme`: the address of the
/// source's own style sheet.
pub(crate) fn window(
    place: &Place,
    token: &str,
    name: &str,
    settings: &Settings,
    public_url: &str,
    standalone: Option<Value>,
    theme: Option<&str>,
) -> Response {
    let data = json!({
        "token": token,
        "mode": mode(place),
        "locale": settings.locale,
        "translations": settings.translations,
        "avatar_url": settings.avatar_url,
        "welcome_messages": settings.welcome_messages,
        "attachments": { "size_max": FILE_BYTES_MAX, "extensions": EXTENSIONS },
        "standalone": standalone,
    });
    let mut style = String::new();
    for address in [assets::address("style"), theme.unwrap_or_default()].iter().filter(|address| !address.is_empty()) {
        let _ = writeln!(style, "<link rel=\"stylesheet\" href=\"{address}\">");
    }
    let body = format!(
        "<script type=\"application/json\" id=\"settings\">{}</script>\n<script src=\"{}\"></script>",
        script_safe(&data),
        assets::address("chat")
    );
    document(StatusCode::OK, name, settings, public_url, &style, &body)
}

/// Fills in what the address says of custom variables, and shows why each trigger fires or does not.
const DEMO_SCRIPT: &str = "window._chatq=[];\
    for(const[name,value]of new URLSearchParams(location.search))if(name.startsWith('custom_'))_chatq.push(['_fillCustomVariable',name,value]);\
    addEventListener('load',()=>window.Dimelo?.Messaging?.Debug.start());";
const DEMO_STYLE: &str = "body{margin:0 auto;max-width:720px;padding:40px 28px;font:16px/1.6 system-ui,sans-serif;color:#28323c;\
    background:#fff}h1{font-size:24px}p{color:#5a6672}hr{height:90px;border:0;border-radius:12px;margin:18px 0;background:#eef1f4}";

/// A page that stands for one of the website, whatever its address says after `/demo`, for who sets up when the chat is
/// offered: the loader is asked for afresh each time. Only pages of ours may show it.
pub(crate) fn demo(token: &str, locale: &str, is_on: bool, fresh: Id) -> Response {
    let (title, lead, off) = match locale.starts_with("fr") {
        true => (
            "Page de démonstration",
            "Elle tient lieu d’une page de votre site : ce que proposent les déclencheurs s’y voit.",
            "La source est désactivée : rien ne s’affiche.",
        ),
        false => (
            "Demo page",
            "It stands for a page of your website: what triggers offer is seen here.",
            "The source is off: nothing is shown.",
        ),
    };
    let lead = if is_on { lead } else { off };
    let text = format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<style>{DEMO_STYLE}</style>\n\
         <script>{DEMO_SCRIPT}</script>\n<script async src=\"/chat/{token}/loader.js?{fresh}\"></script>\n</head>\n\
         <body>\n<h1>{title}</h1>\n<p>{lead}</p>\n<hr>\n<hr>\n</body>\n</html>\n",
        if locale.starts_with("fr") { "fr" } else { "en" }
    );
    let hash = STANDARD.encode(digest::digest(&digest::SHA256, DEMO_SCRIPT.as_bytes()));
    let policy = format!(
        "default-src 'none'; script-src 'self' 'sha256-{hash}'; style-src 'self' 'unsafe-inline'; \
         img-src 'self' data: https:; media-src 'self'; font-src 'self'; connect-src 'self'; frame-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    );
    let mut response = Response::new(Body::from(text));
    let told = response.headers_mut();
    put(told, header::CONTENT_TYPE, "text/html; charset=utf-8");
    put(told, header::CONTENT_SECURITY_POLICY, &policy);
    put(told, header::CACHE_CONTROL, "no-store");
    put(told, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(told, HeaderName::from_static("x-robots-tag"), "noindex");
    response
}

/// A window that says why there is no chat.
pub(crate) fn refusal(status: u16, name: &str, settings: &Settings, public_url: &str, message: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
    document(status, name, settings, public_url, "", &format!("<p role=\"alert\">{}</p>", escaped(message)))
}

/// A text between tags.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// `name`: what stands on a tab of the browser.
fn document(status: StatusCode, name: &str, settings: &Settings, public_url: &str, head: &str, body: &str) -> Response {
    let title = escaped(name);
    let text = format!(
        "<!doctype html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1, interactive-widget=resizes-content\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n{head}</head>\n<body>\n{body}\n</body>\n</html>\n"
    );
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' {} data: blob: https:; \
         media-src 'self' https:; font-src 'self'; connect-src 'self' {}; frame-src http: https:; base-uri 'none'; form-action 'none'; \
         frame-ancestors {}",
        // Files are there, also for who came to us by another name.
        origin(public_url),
        socket_origin(public_url),
        settings.ancestors()
    );
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let told = response.headers_mut();
    put(told, header::CONTENT_TYPE, "text/html; charset=utf-8");
    put(told, header::CONTENT_SECURITY_POLICY, &policy);
    // It holds what an administrator set a moment ago, and perhaps a token.
    put(told, header::CACHE_CONTROL, "no-store");
    put(told, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(told, header::REFERRER_POLICY, "no-referrer");
    put(told, HeaderName::from_static("cross-origin-resource-policy"), "cross-origin");
    response
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// This server, by the name that it has for all.
fn origin(public_url: &str) -> &str {
    let end = public_url.split_once("://").and_then(|(scheme, rest)| Some(scheme.len() + 3 + rest.find('/')?));
    &public_url[..end.unwrap_or(public_url.len())]
}

/// The same for a WebSocket: not every browser takes it for the same one.
fn socket_origin(public_url: &str) -> String {
    origin(public_url).replacen("http", "ws", 1)
}

/// JSON that can stand in a script of any document.
fn script_safe(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_in_a_script_ends_no_script() {
        let told = script_safe(&json!({ "a": "</script><!--\u{2028}" }));
        assert_eq!(told, r#"{"a":"\u003c/script>\u003c!--\u2028"}"#);
        assert_eq!(origin("https://desk.example/base"), "https://desk.example");
        assert_eq!(socket_origin("https://desk.example/base"), "wss://desk.example");
        assert_eq!(socket_origin("http://localhost:8080"), "ws://localhost:8080");
        assert_eq!(serde_json::from_str::<Value>(&told).unwrap()["a"], "</script><!--\u{2028}");
    }
}
