//! The questions: who we are, what is new, what has become of what we know.

use url::Url;

use super::limits::{COMMENTS_PER_PAGE, THREADS_PER_CALL, VIDEOS_PER_CALL};
use super::settings::{CHANNEL_ID, CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN};
use super::{API, TOKENS};
use crate::Settings;
use crate::oauth::{self, Granted};
use crate::outbound::{Answer, Failure, Method, Request};

/// Which of a channel's comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Those that everybody sees.
    Published,
    /// Those that wait for somebody to let them through.
    Held,
    /// Those that the service itself takes for spam.
    Spam,
}

impl List {
    fn as_str(self) -> &'static str {
        match self {
            List::Published => "published",
            List::Held => "heldForReview",
            List::Spam => "likelySpam",
        }
    }
}

/// Asks for an access token (RFC 6749, section 6).
pub(super) fn token(settings: &Settings) -> Result<Request, String> {
    let refresh_token = settings.secret(REFRESH_TOKEN).ok_or_else(|| missing(REFRESH_TOKEN))?;
    token_request(settings, &[("grant_type", "refresh_token"), ("refresh_token", refresh_token.reveal())])
}

/// A question to the token endpoint, as the project's client.
pub(super) fn token_request(settings: &Settings, fields: &[(&str, &str)]) -> Result<Request, String> {
    let client_id = settings.text(CLIENT_ID).ok_or_else(|| missing(CLIENT_ID))?;
    let secret = settings.secret(CLIENT_SECRET).ok_or_else(|| missing(CLIENT_SECRET))?;
    let mut all = fields.to_vec();
    all.extend([("client_id", client_id), ("client_secret", secret.reveal())]);
    Ok(Request::form(format!("{TOKENS}/token"), &all))
}

fn missing(name: &str) -> String {
    format!("YouTube cannot be asked: {name} is not set. Connect the channel's account.")
}

pub(super) fn read_token(answer: &Answer) -> Result<Granted, Failure> {
    oauth::read("YouTube", answer)
}

/// An address of the API with these parameters.
pub(super) fn address(path: &str, parameters: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("{API}/youtube/v3/{path}?{query}")
}

fn ask(path: &str, parameters: &[(&str, &str)]) -> Request {
    Request::bare(Method::Get, address(path, parameters))
}

/// Whose the account is.
pub fn account() -> Request {
    ask("channels", &[("part", "snippet"), ("mine", "true")])
}

/// A page of the channel's comments, the newest first; none while the settings do not say whose.
pub fn comments(settings: &Settings, list: List, page_token: Option<&str>) -> Option<Request> {
    let per_page = COMMENTS_PER_PAGE.to_string();
    let mut parameters = vec![
        ("part", "snippet,replies"),
        ("allThreadsRelatedToChannelId", settings.text(CHANNEL_ID)?),
        ("moderationStatus", list.as_str()),
        ("order", "time"),
        ("textFormat", "html"),
        ("maxResults", &per_page),
    ];
    if let Some(page_token) = page_token {
        parameters.push(("pageToken", page_token));
    }
    Some(ask("commentThreads", &parameters))
}

/// The threads with these ids, as far as they are still there. At most [`THREADS_PER_CALL`].
pub fn threads_named(ids: &[String]) -> Request {
    let ids = ids.iter().take(THREADS_PER_CALL).map(String::as_str).collect::<Vec<_>>().join(",");
    ask("commentThreads", &[("part", "snippet,replies"), ("textFormat", "html"), ("id", &ids)])
}

/// What these videos are called. At most [`VIDEOS_PER_CALL`].
pub fn videos(ids: &[String]) -> Request {
    let ids = ids.iter().take(VIDEOS_PER_CALL).map(String::as_str).collect::<Vec<_>>().join(",");
    ask("videos", &[("part", "snippet"), ("id", &ids)])
}

/// A page of the answers to a comment.
pub fn replies(parent_id: &str, page_token: Option<&str>) -> Request {
    let per_page = COMMENTS_PER_PAGE.to_string();
    let mut parameters =
        vec![("part", "snippet"), ("textFormat", "html"), ("parentId", parent_id), ("maxResults", &per_page)];
    if let Some(page_token) = page_token {
        parameters.push(("pageToken", page_token));
    }
    ask("comments", &parameters)
}

/// Where people see a comment.
pub(super) fn seen_at(video_id: Option<&str>, channel_id: Option<&str>, comment_id: &str) -> Option<String> {
    let address = match (video_id, channel_id) {
        (Some(video_id), _) => {
            Url::parse_with_params("https://www.youtube.com/watch", [("v", video_id), ("lc", comment_id)])
        }
        (None, Some(channel_id)) => Url::parse_with_params(
            &format!("https://www.youtube.com/channel/{channel_id}/community"),
            [("lc", comment_id)],
        ),
        (None, None) => return None,
    };
    address.ok().map(String::from)
}
