//! How a source looks and behaves to its visitors (public page "Configuring the Source").

use frontdesk_model::error::AttributeError;
use frontdesk_model::event::NewEvent;
use frontdesk_model::{Id, Permission, Result, SourceRight, error};
use frontdesk_rest::{Call, NoParameters, Operation};
use frontdesk_store::{Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use url::Url;

use crate::{durations, theme};

const SITES_MAX: usize = 100;
const WELCOMES_MAX: usize = 10;
const WELCOME_CHARACTERS_MAX: usize = 1_000;
const URL_CHARACTERS_MAX: usize = 2_000;
/// All translations, as JSON.
const TRANSLATIONS_BYTES_MAX: usize = 256 * 1024;
/// Nobody waits longer for an agent of a live chat.
const IMPOSSIBLE_SECONDS_MAX: i64 = 7 * 24 * 3_600;
const IMPOSSIBLE_CHARACTERS_MAX: usize = 50;
/// Of the queuing factor: nobody counts with more (`people::presence`).
pub(crate) const FACTOR_MAX: f64 = 10.0;

/// Who may configure what visitors see.
pub(crate) const PERMISSIONS: &[Permission] = &[Permission::ManageMessaging, Permission::ManageChat];

/// The settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Settings {
    /// The sites that may show the chat, such as `https://shop.example`; `https://*.example` stands for all below. An empty
    /// list lets every site.
    pub(crate) allowed_sites: Vec<String>,
    /// Language of the texts where the page's is not known.
    pub(crate) locale: String,
    /// A picture in the window's header: http or https.
    pub(crate) avatar_url: Option<String>,
    /// Shown in a new conversation, one after the other.
    pub(crate) welcome_messages: Vec<String>,
    /// Texts by language, over those that the chat has.
    pub(crate) translations: Map<String, Value>,
    /// How many more conversations may wait than agents can hold: 0.25 is a quarter more.
    pub(crate) queuing_factor: f64,
    /// Whether pages that a visitor sees are noted in the conversation.
    pub(crate) navigation_contents: bool,
    /// Live Chat: after so long without an agent the visitor is told that nobody is there, and the conversation is over:
    /// `8m`, `2m 25s`; 0 for never.
    pub(crate) impossible_delay: String,
    /// Messaging: whether visitors are asked for their e-mail address after their first message, where it is not known.
    pub(crate) email_request: bool,
    /// Messaging: where the mail about unread messages leads; none: to the page that the visitor saw last.
    pub(crate) back_to_chat_url: Option<String>,
    /// Which Google Analytics of its own a page is to be told of the chat by: `classic` (ga.js) or `universal` (analytics.js);
    /// none: by none.
    pub(crate) analytics: Option<String>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            allowed_sites: Vec::new(),
            locale: "en".into(),
            avatar_url: None,
            welcome_messages: Vec::new(),
            translations: Map::new(),
            queuing_factor: 0.0,
            navigation_contents: true,
            impossible_delay: "8m".into(),
            email_request: false,
            back_to_chat_url: None,
            analytics: None,
        }
    }
}

/// Those of a source.
pub(crate) fn of(tx: &mut dyn Tx, source_id: Id) -> Result<Settings> {
    let row = tx.first("SELECT settings FROM messaging_settings WHERE source_id = $1", args![&source_id])?;
    parse(row.map(|row| row.get::<String>(0)).transpose()?.as_deref())
}

/// As they are stored; none: those of a new source.
pub(crate) fn parse(stored: Option<&str>) -> Result<Settings> {
    let Some(text) = stored else { return Ok(Settings::default()) };
    serde_json::from_str(text).map_err(|trouble| error::broken(format!("messaging_settings: {trouble}")))
}

impl Settings {
    /// After how many seconds nobody is there; 0 for never.
    pub(crate) fn impossible_seconds(&self) -> i64 {
        durations::seconds(&self.impossible_delay, IMPOSSIBLE_SECONDS_MAX).unwrap_or_default()
    }

    /// Whether pages of this origin may show the chat and talk to us.
    pub(crate) fn allows(&self, origin: &str) -> bool {
        self.allowed_sites.is_empty() || self.allowed_sites.iter().any(|site| is_of(origin, site))
    }

    /// For `frame-ancestors` of a content security policy.
    pub(crate) fn ancestors(&self) -> String {
        if self.allowed_sites.is_empty() { "*".to_owned() } else { format!("'self' {}", self.allowed_sites.join(" ")) }
    }
}

/// Whether an origin is that of a site, or of one below it.
fn is_of(origin: &str, site: &str) -> bool {
    let origin = origin.to_ascii_lowercase();
    match site.split_once("://*.") {
        None => origin == site,
        Some((scheme, host)) => origin
            .strip_prefix(scheme)
            .and_then(|rest| rest.strip_prefix("://"))
            .is_some_and(|rest| rest.strip_suffix(host).is_some_and(|below| below.len() > 1 && below.ends_with('.'))),
    }
}

/// An origin as browsers write it, or one with `*.` before its host; none for anything else. It stands in headers.
fn site(text: &str) -> Option<String> {
    let (plain, any_below) = match text.split_once("://*.") {
        Some((scheme, host)) => (format!("{scheme}://{host}"), true),
        None => (text.to_owned(), false),
    };
    let url = Url::parse(&plain).ok().filter(|url| matches!(url.scheme(), "http" | "https" | "capacitor" | "ionic"))?;
    let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    if !is_bare || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    let host = url.host_str()?.to_ascii_lowercase();
    let is_plain =
        host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'[' | b']' | b':'));
    let below = if any_below { "*." } else { "" };
    is_plain.then(|| format!("{}://{below}{host}{port}", url.scheme()))
}

/// The settings as REST shows them.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MessagingSettings")]
struct Answer {
    #[serde(flatten)]
    settings: Settings,
    /// The window's own style sheet, as SCSS.
    custom_css: String,
}

fn answer(tx: &mut dyn Tx, source_id: Id) -> Result<Answer> {
    Ok(Answer { settings: of(tx, source_id)?, custom_css: theme::of(tx, source_id)?.custom_css })
}

/// Parameters of `updateMessagingSettings`: what is left out stays.
#[derive(Deserialize, JsonSchema)]
struct Update {
    /// The sites that may show the chat; an empty list lets every site.
    #[schemars(length(max = SITES_MAX))]
    allowed_sites: Option<Vec<String>>,
    /// Language of the texts where the page's is not known.
    locale: Option<String>,
    /// A picture in the window's header: http or https; empty for none.
    avatar_url: Option<String>,
    /// Shown in a new conversation.
    #[schemars(length(max = WELCOMES_MAX))]
    welcome_messages: Option<Vec<String>>,
    /// Texts by language; all of them, in place of those before.
    translations: Option<Map<String, Value>>,
    /// How many more conversations may wait than agents can hold, 0 to 10.
    queuing_factor: Option<f64>,
    /// Whether pages that a visitor sees are noted in the conversation.
    navigation_contents: Option<bool>,
    /// Live Chat: after so long without an agent it is over, such as `8m` or `2m 25s`, at most 7 days; 0 for never.
    impossible_delay: Option<String>,
    /// Messaging: whether visitors are asked for their e-mail address after their first message.
    email_request: Option<bool>,
    /// Messaging: where the mail about unread messages leads, http or https; empty for the page that was seen last.
    back_to_chat_url: Option<String>,
    /// Which Google Analytics of its own a page is to be told of the chat by: classic (ga.js) or universal (analytics.js);
    /// empty: by none.
    analytics: Option<String>,
    /// The window's own style sheet, as SCSS, with the published variables; the items of the catalogue know its variables,
    /// too. It fetches nothing: no @import, and url() holds data:image only.
    custom_css: Option<String>,
}

pub(crate) fn operations() -> Vec<Operation> {
    let (tag, path) = ("Web Messaging", "/content_sources/{sourceId}/messaging");
    vec![
        Operation::read("getMessagingSettings", Method::GET, path, |call, _: NoParameters, tx| {
            let channel = source(call, tx, "source")?;
            answer(tx, channel.source_id)
        })
        .tag(tag)
        .summary("Reads how a messaging source looks and behaves to its visitors.")
        .permissions(PERMISSIONS)
        .extension(),
        Operation::write("updateMessagingSettings", Method::PUT, path, update)
            .tag(tag)
            .summary("Changes how a messaging source looks and behaves to its visitors.")
            .permissions(PERMISSIONS)
            .prepare_from("custom_css", theme::gather, theme::work)
            .extension(),
    ]
}

/// The messaging source that a call is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Channel {
    pub(crate) source_id: Id,
    pub(crate) is_live_chat: bool,
}

/// The messaging source that a call names; 404 for one that the caller may not read, 422 for one of another kind, 403 for
/// who configures the other kind only. `noun`: what of it is asked for.
pub(crate) fn source(call: &Call, tx: &mut dyn Tx, noun: &str) -> Result<Channel> {
    let source_id = call.id("sourceId", noun)?;
    if !call.caller.may_on(source_id, SourceRight::Read) {
        return Err(error::not_found(noun));
    }
    let row = tx.first("SELECT type FROM sources WHERE id = $1", args![&source_id])?;
    let kind: String = row.ok_or_else(|| error::not_found(noun))?.get(0)?;
    let permission = match kind.as_str() {
        "chat" => Permission::ManageChat,
        "mobile_messaging" => Permission::ManageMessaging,
        _ => {
            let message = format!("Sources of type {kind} have no visitors.");
            return Err(error::unprocessable("no_messaging_source", message));
        }
    };
    call.caller.require_any(&[permission])?;
    Ok(Channel { source_id, is_live_chat: is_live_chat(&kind) })
}

/// Whether sources of this type are live chats.
pub(crate) fn is_live_chat(type_name: &str) -> bool {
    frontdesk_sources::kind(type_name).is_some_and(|kind| kind.is_live_chat)
}

fn update(call: &Call, mut given: Update, tx: &mut dyn Tx) -> Result<Answer> {
    let channel = source(call, tx, "source")?;
    let source_id = channel.source_id;
    let custom_css = given.custom_css.take();
    let before = of(tx, source_id)?;
    let after = given.apply(before.clone())?;
    let is_restyled = match custom_css {
        Some(custom_css) => theme::change(call, tx, channel, &custom_css)?,
        None => false,
    };
    if after == before && !is_restyled {
        return answer(tx, source_id);
    }
    let text = serde_json::to_string(&after).map_err(|trouble| error::broken(trouble.to_string()))?;
    tx.execute(
        "INSERT INTO messaging_settings (source_id, settings, updated_at) VALUES ($1, $2, $3)
         ON CONFLICT (source_id) DO UPDATE SET settings = excluded.settings, updated_at = excluded.updated_at",
        args![&source_id, &text, call.env.now()],
    )?;
    let payload = json!({ "source_id": source_id });
    let by = Some(call.caller.user_id);
    tx.append(NewEvent::new(&call.env, by, "content_source.updated", source_id, None, payload));
    answer(tx, source_id)
}

impl Update {
    fn apply(self, mut settings: Settings) -> Result<Settings> {
        let mut errors = Vec::new();
        let mut wrong = |attribute: &str, kind: &str, message: String| {
            errors.push(AttributeError { attribute: attribute.into(), kind: kind.into(), message });
        };
        if let Some(given) = self.allowed_sites {
            let sites: Option<Vec<String>> = given.iter().map(|text| site(text)).collect();
            match sites.filter(|sites| sites.len() <= SITES_MAX) {
                Some(sites) => settings.allowed_sites = sites,
                None => wrong(
                    "allowed_sites",
                    "invalid",
                    format!("allowed_sites holds at most {SITES_MAX} origins, such as https://shop.example."),
                ),
            }
        }
        if let Some(locale) = self.locale {
            let is_code = (2..=20).contains(&locale.len())
                && locale.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            match is_code {
                true => settings.locale = locale,
                false => wrong("locale", "invalid", "locale must be a language code, such as en.".into()),
            }
        }
        if let Some(url) = self.avatar_url {
            match (url.is_empty(), is_web(&url)) {
                (true, _) => settings.avatar_url = None,
                (_, true) => settings.avatar_url = Some(url),
                _ => wrong("avatar_url", "invalid", "avatar_url must be an http or https address.".into()),
            }
        }
        if let Some(texts) = self.welcome_messages {
            let is_short = |text: &String| text.chars().count() <= WELCOME_CHARACTERS_MAX && !text.trim().is_empty();
            match texts.len() <= WELCOMES_MAX && texts.iter().all(is_short) {
                true => settings.welcome_messages = texts,
                false => wrong(
                    "welcome_messages",
                    "invalid",
                    format!(
                        "welcome_messages has at most {WELCOMES_MAX} texts of 1 to {WELCOME_CHARACTERS_MAX} characters."
                    ),
                ),
            }
        }
        if let Some(translations) = self.translations {
            let is_right = translations.values().all(is_texts)
                && serde_json::to_string(&translations).is_ok_and(|text| text.len() <= TRANSLATIONS_BYTES_MAX);
            match is_right {
                true => settings.translations = translations,
                false => wrong(
                    "translations",
                    "invalid",
                    format!("translations holds texts by language, at most {TRANSLATIONS_BYTES_MAX} bytes of JSON."),
                ),
            }
        }
        if let Some(factor) = self.queuing_factor {
            match (0.0..=FACTOR_MAX).contains(&factor) {
                true => settings.queuing_factor = factor,
                false => wrong("queuing_factor", "out_of_range", format!("queuing_factor is 0 to {FACTOR_MAX}.")),
            }
        }
        if let Some(text) = self.impossible_delay {
            let is_short = text.len() <= IMPOSSIBLE_CHARACTERS_MAX;
            match is_short && durations::seconds(&text, IMPOSSIBLE_SECONDS_MAX).is_some() {
                true => settings.impossible_delay = text.trim().to_owned(),
                false => wrong(
                    "impossible_delay",
                    "invalid",
                    "impossible_delay must be a duration of at most 7 days, such as 2m 25s; 0 for never.".into(),
                ),
            }
        }
        settings.email_request = self.email_request.unwrap_or(settings.email_request);
        if let Some(url) = self.back_to_chat_url {
            match (url.is_empty(), is_web(&url)) {
                (true, _) => settings.back_to_chat_url = None,
                (_, true) => settings.back_to_chat_url = Some(url),
                _ => wrong("back_to_chat_url", "invalid", "back_to_chat_url must be an http or https address.".into()),
            }
        }
        if let Some(analytics) = self.analytics {
            match analytics.as_str() {
                "" => settings.analytics = None,
                "classic" | "universal" => settings.analytics = Some(analytics),
                _ => wrong("analytics", "inclusion", "analytics must be classic, universal or empty.".into()),
            }
        }
        settings.navigation_contents = self.navigation_contents.unwrap_or(settings.navigation_contents);
        if errors.is_empty() { Ok(settings) } else { Err(error::invalid_all(errors)) }
    }
}

/// An address that a browser may be led to.
pub(crate) fn is_web(text: &str) -> bool {
    text.len() <= URL_CHARACTERS_MAX
        && Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// Texts in objects, a few levels deep.
fn is_texts(value: &Value) -> bool {
    fn within(value: &Value, levels: usize) -> bool {
        match value {
            Value::String(_) => true,
            Value::Array(items) => items.iter().all(Value::is_string),
            Value::Object(fields) => levels > 0 && fields.values().all(|value| within(value, levels - 1)),
            _ => false,
        }
    }
    value.is_object() && within(value, 6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_origins() {
        for (text, expected) in [
            ("https://shop.example", Some("https://shop.example")),
            ("https://Shop.example/", Some("https://shop.example")),
            ("http://localhost:8080", Some("http://localhost:8080")),
            ("https://*.shop.example", Some("https://*.shop.example")),
            ("capacitor://localhost", Some("capacitor://localhost")),
            ("shop.example", None),
            ("https://shop.example/path", None),
            ("https://user@shop.example", None),
            ("https://shop.example; script-src *", None),
            ("https://shop.example\r\nX: y", None),
            ("javascript:alert(1)", None),
            ("*", None),
            ("", None),
        ] {
            assert_eq!(site(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn an_origin_is_of_a_site_or_below_it() {
        for (origin, site, expected) in [
            ("https://shop.example", "https://shop.example", true),
            ("https://SHOP.example", "https://shop.example", true),
            ("http://shop.example", "https://shop.example", false),
            ("https://shop.example.evil", "https://shop.example", false),
            ("https://a.shop.example", "https://shop.example", false),
            ("https://a.shop.example", "https://*.shop.example", true),
            ("https://a.b.shop.example", "https://*.shop.example", true),
            ("https://shop.example", "https://*.shop.example", false),
            ("https://.shop.example", "https://*.shop.example", false),
            ("https://evilshop.example", "https://*.shop.example", false),
            ("null", "https://shop.example", false),
        ] {
            assert_eq!(is_of(origin, site), expected, "{origin} {site}");
        }
    }
}
