//! A stand-in for YouTube: tokens, comment threads and comments of any number of channels, moderation, units of a day, and
//! the hub that tells of videos. A channel is there once somebody has asked for it: `refresh-ID` is its refresh token, and
//! so is `refresh-ID.anything`.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post, put};
use frontdesk_model::Timestamp;
use frontdesk_net::{AddressPolicy, Outbound, OutboundRequest};
use frontdesk_sources::{quota, youtube};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Desk, Fault, answer, lock, nothing};

/// The services' own places, which this one stands in for.
pub(super) const ORIGINS: [&str; 3] = [youtube::API, youtube::TOKENS, youtube::HUB];
/// Answers that come along with a thread.
const INLINE_REPLIES: usize = 5;
/// Comments on a page, at most.
const PAGE_MAX: usize = 100;
/// The units of a new channel's project.
const UNITS: i64 = 10_000;
/// For telling a subscriber.
const TELL_DEADLINE: Duration = Duration::from_secs(10);

type Parameters = Query<HashMap<String, String>>;

/// The stand-in.
struct YouTube {
    desk: Arc<Desk>,
    channels: Mutex<HashMap<String, Channel>>,
    outbound: Option<Outbound>,
}

#[derive(Default)]
struct Channel {
    title: String,
    /// The first comments with their answers, the oldest first.
    threads: Vec<Thread>,
    units: i64,
    day: i64,
    used: i64,
    /// How many access tokens were given out; the last is good.
    tokens: u32,
    comments: u32,
    subscriber: Option<Subscriber>,
}

#[derive(Clone)]
struct Subscriber {
    callback: String,
    secret: String,
    topic: String,
}

struct Thread {
    video_id: String,
    first: Comment,
    replies: Vec<Comment>,
}

#[derive(Clone)]
struct Comment {
    id: String,
    author_id: String,
    author_name: String,
    text: String,
    status: String,
    published_at: Timestamp,
    updated_at: Timestamp,
}

pub(super) fn router(desk: &Arc<Desk>) -> Router {
    let outbound = Outbound::new(AddressPolicy::everywhere()).ok();
    let state = Arc::new(YouTube { desk: desk.clone(), channels: Mutex::default(), outbound });
    Router::new()
        .route("/token", post(token))
        .route("/youtube/v3/channels", get(own_channel))
        .route("/youtube/v3/videos", get(videos))
        .route("/youtube/v3/commentThreads", get(threads))
        .route("/youtube/v3/comments", get(replies).post(insert).delete(remove))
        .route("/youtube/v3/comments/setModerationStatus", post(moderate))
        .route("/subscribe", post(subscribe))
        .route("/_fake/channels/{channel}", get(shown).put(set))
        .route("/_fake/channels/{channel}/comments", post(write))
        .route("/_fake/channels/{channel}/comments/{comment}", put(edit).delete(erase))
        .route("/_fake/channels/{channel}/videos", post(tell))
        .fallback(any(|method: Method, uri: http::Uri| async move { nothing(&method, uri.path()) }))
        .with_state(state)
}

impl YouTube {
    fn with<T>(&self, id: &str, work: impl FnOnce(&mut Channel) -> T) -> T {
        let mut channels = lock(&self.channels);
        let channel = channels.entry(id.to_owned()).or_insert_with(|| Channel {
            title: format!("Channel {id}"),
            units: UNITS,
            ..Channel::default()
        });
        work(channel)
    }

    /// Whose channel a call is for, once it is paid for; else the refusal.
    async fn admit(&self, operation: &str, units: i64, headers: &HeaderMap) -> Result<String, Response> {
        let token = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let parts = token.strip_prefix("Bearer access-").and_then(|rest| rest.rsplit_once('-'));
        let Some((id, number)) = parts else { return Err(refuse(401, "authError", "Invalid Credentials")) };
        let fault = self.desk.fault(operation, id).await;
        let now = self.desk.env.now();
        let is_good = self.with(id, |channel| number == channel.tokens.to_string());
        if !is_good {
            return Err(refuse(401, "authError", "Invalid Credentials"));
        }
        let fits = self.with(id, |channel| {
            let today = quota::day(now);
            if channel.day != today {
                (channel.day, channel.used) = (today, 0);
            }
            let fits = channel.used + units <= channel.units;
            // What fails costs one.
            channel.used += if fits && fault.is_none() { units } else { 1 };
            fits
        });
        if let Some(fault) = fault {
            return Err(self.fail(&fault, id));
        }
        if !fits {
            return Err(refuse(
                403,
                "quotaExceeded",
                "The request cannot be completed because you have exceeded your quota.",
            ));
        }
        Ok(id.to_owned())
    }

    fn fail(&self, fault: &Fault, id: &str) -> Response {
        match fault.fault.as_str() {
            // What a call was answered elsewhere.
            "answer" => answer(200, &fault.body),
            "quota_exceeded" => refuse(403, "quotaExceeded", "You have exceeded your quota."),
            "rate_limited" => {
                let mut response = refuse(429, "rateLimitExceeded", "Too many requests.");
                let seconds = HeaderValue::from_str(&format!("{}", fault.seconds.ceil() as u64));
                if let Ok(seconds) = seconds {
                    response.headers_mut().insert("retry-after", seconds);
                }
                response
            }
            "expired_token" => {
                self.with(id, |channel| channel.tokens += 1);
                refuse(401, "authError", "Invalid Credentials")
            }
            "comments_disabled" => refuse(403, "commentsDisabled", "The video has disabled comments."),
            "not_json" => (StatusCode::OK, "<html>Oops</html>").into_response(),
            reason if reason.starts_with("reason:") => refuse(400, &reason["reason:".len()..], "As it was asked for."),
            _ => refuse(500, "backendError", "Backend Error"),
        }
    }
}

/// An error as the service tells it.
fn refuse(status: u16, reason: &str, message: &str) -> Response {
    let errors = json!([{ "domain": "youtube", "reason": reason, "message": message }]);
    answer(status, &json!({ "error": { "code": status, "message": message, "errors": errors } }))
}

async fn token(State(state): State<Arc<YouTube>>, body: Bytes) -> Response {
    let form: HashMap<String, String> = url_pairs(&body);
    let code = form.get("code").and_then(|code| code.strip_prefix("code-"));
    let of = code.or_else(|| form.get("refresh_token").and_then(|token| token.strip_prefix("refresh-")));
    // What follows a dot makes another token of the same channel.
    let of = of.and_then(|of| of.split('.').next()).filter(|id| !id.is_empty());
    let Some(id) = of else {
        return answer(400, &json!({ "error": "invalid_grant", "error_description": "Bad Request" }));
    };
    if let Some(fault) = state.desk.fault("token", id).await {
        return match fault.fault.as_str() {
            "revoked" => {
                let told = "Token has been expired or revoked.";
                answer(400, &json!({ "error": "invalid_grant", "error_description": told }))
            }
            _ => answer(503, &json!({})),
        };
    }
    let number = state.with(id, |channel| {
        channel.tokens += 1;
        channel.tokens
    });
    let token = format!("access-{id}-{number}");
    let mut told = json!({ "access_token": token, "expires_in": 3599, "token_type": "Bearer" });
    if code.is_some() {
        told["refresh_token"] = json!(format!("refresh-{id}.connected"));
        // Somebody may leave out what was asked for.
        let is_whole = !code.is_some_and(|code| code.ends_with(".narrow"));
        told["scope"] = json!(if is_whole { "https://www.googleapis.com/auth/youtube.force-ssl" } else { "openid" });
    }
    answer(200, &told)
}

fn url_pairs(body: &[u8]) -> HashMap<String, String> {
    let pairs = frontdesk_rest::parse_pairs(body).unwrap_or_default();
    pairs.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect()
}

async fn own_channel(State(state): State<Arc<YouTube>>, headers: HeaderMap) -> Response {
    let id = match state.admit("channels.list", 1, &headers).await {
        Ok(id) => id,
        Err(refusal) => return refusal,
    };
    let title = state.with(&id, |channel| channel.title.clone());
    let thumbnails = json!({ "default": { "url": "https://yt3.ggpht.com/own=s88" } });
    let item = json!({ "kind": "youtube#channel", "id": id, "snippet": { "title": title, "thumbnails": thumbnails } });
    answer(200, &json!({ "kind": "youtube#channelListResponse", "items": [item] }))
}

/// Every video is there, and called after its id.
async fn videos(State(state): State<Arc<YouTube>>, Query(asked): Parameters, headers: HeaderMap) -> Response {
    if let Err(refusal) = state.admit("videos.list", 1, &headers).await {
        return refusal;
    }
    let ids = asked.get("id").map_or("", String::as_str).split(',').filter(|id| !id.is_empty());
    let item = |id: &str| json!({ "kind": "youtube#video", "id": id, "snippet": { "title": format!("About {id}") } });
    answer(200, &json!({ "kind": "youtube#videoListResponse", "items": ids.map(item).collect::<Vec<_>>() }))
}

async fn threads(State(state): State<Arc<YouTube>>, Query(asked): Parameters, headers: HeaderMap) -> Response {
    let id = match state.admit("commentThreads.list", 1, &headers).await {
        Ok(id) => id,
        Err(refusal) => return refusal,
    };
    let ids: Option<HashSet<&str>> = asked.get("id").map(|ids| ids.split(',').collect());
    if ids.is_none() && asked.get("allThreadsRelatedToChannelId") != Some(&id) {
        return refuse(403, "forbidden", "The comment threads of this channel cannot be retrieved.");
    }
    let wanted = asked.get("moderationStatus").map_or("published", String::as_str);
    let start: usize = match asked.get("pageToken").map(|token| token.strip_prefix("after-").unwrap_or("?").parse()) {
        None => 0,
        Some(Ok(start)) => start,
        Some(Err(_)) => return refuse(400, "invalidPageToken", "The specified page token is not valid."),
    };
    let size = asked.get("maxResults").and_then(|size| size.parse().ok()).unwrap_or(20).clamp(1, PAGE_MAX);
    let told = state.with(&id, |channel| {
        let fits = |thread: &&Thread| match &ids {
            Some(ids) => ids.contains(thread.first.id.as_str()),
            None => thread.first.status == wanted,
        };
        // From a place in the list, counted from its end, so that what is new does not move it.
        let all: Vec<&Thread> = channel.threads.iter().filter(fits).collect();
        let end = if start == 0 { all.len() } else { start.min(all.len()) };
        let page: Vec<Value> = all[..end].iter().rev().take(size).map(|thread| told_thread(&id, thread)).collect();
        let left = end.saturating_sub(page.len());
        let next = (left > 0 && ids.is_none()).then(|| format!("after-{left}"));
        (page, next)
    });
    let (items, next) = told;
    let mut told = json!({ "kind": "youtube#commentThreadListResponse", "items": items });
    if let Some(next) = next {
        told["nextPageToken"] = json!(next);
    }
    answer(200, &told)
}

fn told_thread(channel_id: &str, thread: &Thread) -> Value {
    let published: Vec<&Comment> = thread.replies.iter().filter(|reply| reply.status == "published").collect();
    let mut told = json!({
        "kind": "youtube#commentThread", "id": thread.first.id,
        "snippet": {
            "channelId": channel_id, "videoId": thread.video_id,
            "topLevelComment": told_comment(&thread.first, None), "canReply": true,
            "totalReplyCount": published.len(), "isPublic": true,
        },
    });
    if !published.is_empty() {
        let inline =
            published.iter().rev().take(INLINE_REPLIES).map(|reply| told_comment(reply, Some(&thread.first.id)));
        told["replies"] = json!({ "comments": inline.collect::<Vec<_>>() });
    }
    told
}

fn told_comment(comment: &Comment, parent_id: Option<&str>) -> Value {
    let html = comment.text.replace('&', "&amp;").replace('<', "&lt;");
    let mut snippet = json!({
        "authorDisplayName": comment.author_name, "authorChannelId": { "value": comment.author_id },
        "authorProfileImageUrl": "https://yt3.ggpht.com/a=s48", "textDisplay": html, "textOriginal": comment.text,
        "canRate": true, "viewerRating": "none", "likeCount": 0,
        "publishedAt": comment.published_at.with_milliseconds(), "updatedAt": comment.updated_at.with_milliseconds(),
    });
    if comment.status != "published" {
        snippet["moderationStatus"] = json!(comment.status);
    }
    if let Some(parent_id) = parent_id {
        snippet["parentId"] = json!(parent_id);
    }
    json!({ "kind": "youtube#comment", "id": comment.id, "snippet": snippet })
}

async fn replies(State(state): State<Arc<YouTube>>, Query(asked): Parameters, headers: HeaderMap) -> Response {
    let id = match state.admit("comments.list", 1, &headers).await {
        Ok(id) => id,
        Err(refusal) => return refusal,
    };
    let parent_id = asked.get("parentId").cloned().unwrap_or_default();
    let start: usize = asked.get("pageToken").and_then(|token| token.parse().ok()).unwrap_or(0);
    let size = asked.get("maxResults").and_then(|size| size.parse().ok()).unwrap_or(20).clamp(1, PAGE_MAX);
    let told = state.with(&id, |channel| {
        let thread = channel.threads.iter().find(|thread| thread.first.id == parent_id)?;
        let all: Vec<&Comment> = thread.replies.iter().filter(|reply| reply.status == "published").collect();
        let page: Vec<Value> =
            all.iter().skip(start).take(size).map(|reply| told_comment(reply, Some(&parent_id))).collect();
        Some((page, start + size < all.len()))
    });
    let Some((items, has_more)) = told else {
        return refuse(404, "commentNotFound", "The specified comment could not be found.");
    };
    let mut told = json!({ "kind": "youtube#commentListResponse", "items": items });
    if has_more {
        told["nextPageToken"] = json!((start + size).to_string());
    }
    answer(200, &told)
}

async fn insert(State(state): State<Arc<YouTube>>, headers: HeaderMap, body: Bytes) -> Response {
    let id = match state.admit("comments.insert", 50, &headers).await {
        Ok(id) => id,
        Err(refusal) => return refusal,
    };
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (parent_id, text) = (asked["snippet"]["parentId"].as_str(), asked["snippet"]["textOriginal"].as_str());
    let (Some(parent_id), Some(text)) = (parent_id, text.filter(|text| !text.trim().is_empty())) else {
        return refuse(400, "commentTextRequired", "The text is required.");
    };
    let now = state.desk.env.now();
    let told = state.with(&id, |channel| {
        let title = channel.title.clone();
        channel.reply(parent_id, &id, &title, text, "published", now).map(|reply| told_comment(&reply, Some(parent_id)))
    });
    match told {
        Some(told) => answer(200, &told),
        None => refuse(404, "parentCommentNotFound", "The specified parent comment could not be found."),
    }
}

impl Channel {
    fn begin(&mut self, video_id: &str, author: &str, text: &str, status: &str, at: Timestamp) -> Comment {
        self.comments += 1;
        let first = Comment {
            id: format!("Ug{:08}AaABAg", self.comments),
            author_id: author.to_owned(),
            author_name: format!("@{author}"),
            text: text.to_owned(),
            status: status.to_owned(),
            published_at: at,
            updated_at: at,
        };
        let thread = Thread { video_id: video_id.to_owned(), first: first.clone(), replies: Vec::new() };
        let place = self.threads.partition_point(|known| known.first.published_at <= at);
        self.threads.insert(place, thread);
        first
    }

    fn reply(
        &mut self,
        parent_id: &str,
        author: &str,
        name: &str,
        text: &str,
        status: &str,
        at: Timestamp,
    ) -> Option<Comment> {
        self.comments += 1;
        let number = self.comments;
        let thread = self.threads.iter_mut().find(|thread| thread.first.id == parent_id)?;
        let reply = Comment {
            id: format!("{parent_id}.{number:08}"),
            author_id: author.to_owned(),
            author_name: name.to_owned(),
            text: text.to_owned(),
            status: status.to_owned(),
            published_at: at,
            updated_at: at,
        };
        thread.replies.push(reply.clone());
        Some(reply)
    }

    fn comment(&mut self, id: &str) -> Option<&mut Comment> {
        self.threads
            .iter_mut()
            .flat_map(|thread| std::iter::once(&mut thread.first).chain(&mut thread.replies))
            .find(|comment| comment.id == id)
    }

    fn erase(&mut self, id: &str) -> bool {
        let before: usize = self.threads.iter().map(|thread| 1 + thread.replies.len()).sum();
        self.threads.retain(|thread| thread.first.id != id);
        for thread in &mut self.threads {
            thread.replies.retain(|reply| reply.id != id);
        }
        before != self.threads.iter().map(|thread| 1 + thread.replies.len()).sum::<usize>()
    }
}

async fn moderate(State(state): State<Arc<YouTube>>, Query(asked): Parameters, headers: HeaderMap) -> Response {
    let id = match state.admit("comments.setModerationStatus", 50, &headers).await {
        Ok(id) => id,
        Err(refusal) => return refusal,
    };
    let status = asked.get("moderationStatus").map_or("", String::as_str);
    if !["heldForReview", "published", "rejected"].contains(&status) {
        return refuse(400, "invalidModerationStatus", "The moderation status is not valid.");
    }
    let comment_id = asked.get("id").map_or("", String::as_str);
    let is_there =
        state.with(&id, |channel| channel.comment(comment_id).map(|it| it.status = status.to_owned()).is_some());
    if is_there { StatusCode::NO_CONTENT.into_response() } else { refuse(404, "commentNotFound", "No such comment.") }
}

async fn remove(State(state): State<Arc<YouTube>>, Query(asked): Parameters, headers: HeaderMap) -> Response {
    let id = match state.admit("comments.delete", 50, &headers).await {
        Ok(id) => id,
        Err(refusal) => return refusal,
    };
    let comment_id = asked.get("id").map_or("", String::as_str);
    let author = state.with(&id, |channel| channel.comment(comment_id).map(|comment| comment.author_id.clone()));
    match author {
        None => refuse(404, "commentNotFound", "No such comment."),
        Some(author) if author != id => refuse(403, "forbidden", "Only its author can delete a comment."),
        Some(_) => {
            state.with(&id, |channel| channel.erase(comment_id));
            StatusCode::NO_CONTENT.into_response()
        }
    }
}

async fn subscribe(State(state): State<Arc<YouTube>>, body: Bytes) -> Response {
    let form = url_pairs(&body);
    let field = |name: &str| form.get(name).cloned().unwrap_or_default();
    let (topic, callback, secret) = (field("hub.topic"), field("hub.callback"), field("hub.secret"));
    let Some(id) = topic.rsplit_once("channel_id=").map(|(_, id)| id.to_owned()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    if let Some(fault) = state.desk.fault("subscribe", &id).await {
        return (StatusCode::SERVICE_UNAVAILABLE, fault.fault).into_response();
    }
    let lease = field("hub.lease_seconds");
    // The subscriber is asked back whether it wants that; only then is it told anything.
    tokio::spawn(async move {
        let challenge = format!("challenge-{id}");
        let query = [
            ("hub.mode", "subscribe"),
            ("hub.topic", &topic),
            ("hub.challenge", &challenge),
            ("hub.lease_seconds", &lease),
        ];
        let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let separator = if callback.contains('?') { '&' } else { '?' };
        let url = format!("{callback}{separator}{}", query.join("&"));
        let answered = state.send(Method::GET, url, Vec::new(), Bytes::new()).await;
        if answered.is_some_and(|(status, body)| status == 200 && body == challenge.as_bytes()) {
            state.with(&id, |channel| channel.subscriber = Some(Subscriber { callback, secret, topic }));
        }
    });
    StatusCode::ACCEPTED.into_response()
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

impl YouTube {
    async fn send(
        &self,
        method: Method,
        url: String,
        headers: Vec<(HeaderName, HeaderValue)>,
        body: Bytes,
    ) -> Option<(u16, Bytes)> {
        let request = OutboundRequest {
            method,
            url,
            headers,
            body,
            deadline: TELL_DEADLINE,
            answer_bytes_max: 64 * 1024,
            verify_tls: true,
            http2: false,
        };
        let answer = self.outbound.as_ref()?.send(request).await.ok()?;
        Some((answer.status.as_u16(), answer.body))
    }
}

/// What a channel is to be: every field may be absent.
#[derive(Deserialize)]
struct Set {
    title: Option<String>,
    units: Option<i64>,
}

async fn set(State(state): State<Arc<YouTube>>, Path(id): Path<String>, axum::Json(set): axum::Json<Set>) -> Response {
    state.with(&id, |channel| {
        channel.title = set.title.unwrap_or_else(|| channel.title.clone());
        channel.units = set.units.unwrap_or(channel.units);
    });
    StatusCode::NO_CONTENT.into_response()
}

async fn shown(State(state): State<Arc<YouTube>>, Path(id): Path<String>) -> Response {
    let told = state.with(&id, |channel| {
        let threads: Vec<Value> = channel.threads.iter().map(|thread| told_thread(&id, thread)).collect();
        let subscriber = channel.subscriber.as_ref().map(|subscriber| json!({ "callback": subscriber.callback }));
        json!({ "title": channel.title, "units": channel.units, "used": channel.used, "threads": threads,
                "subscriber": subscriber })
    });
    answer(200, &told)
}

/// What somebody writes.
#[derive(Deserialize)]
struct Written {
    text: String,
    #[serde(default = "somebody")]
    author: String,
    #[serde(default = "some_video")]
    video_id: String,
    /// Under which comment.
    parent_id: Option<String>,
    #[serde(default = "published")]
    status: String,
    /// How many seconds ago.
    #[serde(default)]
    seconds_ago: i64,
    /// How many comments like this.
    #[serde(default = "one")]
    count: u32,
    /// How much older each is than the next.
    #[serde(default = "one")]
    seconds_apart: u32,
}

fn somebody() -> String {
    "vera".into()
}

fn some_video() -> String {
    "video-1".into()
}

fn published() -> String {
    "published".into()
}

fn one() -> u32 {
    1
}

async fn write(
    State(state): State<Arc<YouTube>>,
    Path(id): Path<String>,
    axum::Json(written): axum::Json<Written>,
) -> Response {
    let now = state.desk.env.now();
    let told = state.with(&id, |channel| {
        let mut last = None;
        for number in (0..written.count).rev() {
            let at = now.plus_seconds(-written.seconds_ago - i64::from(number) * i64::from(written.seconds_apart));
            let text = if written.count > 1 { format!("{} {number}", written.text) } else { written.text.clone() };
            last = match &written.parent_id {
                Some(parent_id) => {
                    let name = format!("@{}", written.author);
                    channel.reply(parent_id, &written.author, &name, &text, &written.status, at)
                }
                None => Some(channel.begin(&written.video_id, &written.author, &text, &written.status, at)),
            };
        }
        last
    });
    match told {
        Some(comment) => answer(200, &json!({ "id": comment.id })),
        None => answer(404, &json!({ "error": "there is no such comment" })),
    }
}

/// What somebody changes.
#[derive(Deserialize)]
struct Edited {
    text: Option<String>,
    status: Option<String>,
}

async fn edit(
    State(state): State<Arc<YouTube>>,
    Path((id, comment_id)): Path<(String, String)>,
    axum::Json(edited): axum::Json<Edited>,
) -> Response {
    let now = state.desk.env.now();
    let is_there = state.with(&id, |channel| {
        let Some(comment) = channel.comment(&comment_id) else { return false };
        comment.updated_at = now;
        comment.text = edited.text.unwrap_or_else(|| comment.text.clone());
        comment.status = edited.status.unwrap_or_else(|| comment.status.clone());
        true
    });
    if is_there { StatusCode::NO_CONTENT.into_response() } else { StatusCode::NOT_FOUND.into_response() }
}

async fn erase(State(state): State<Arc<YouTube>>, Path((id, comment_id)): Path<(String, String)>) -> Response {
    let was_there = state.with(&id, |channel| channel.erase(&comment_id));
    if was_there { StatusCode::NO_CONTENT.into_response() } else { StatusCode::NOT_FOUND.into_response() }
}

/// A video that is new, or gone.
#[derive(Deserialize)]
struct Video {
    video_id: String,
    #[serde(default)]
    gone: bool,
    /// Signed with another secret, as somebody else would.
    #[serde(default)]
    forged: bool,
}

async fn tell(
    State(state): State<Arc<YouTube>>,
    Path(id): Path<String>,
    axum::Json(video): axum::Json<Video>,
) -> Response {
    let Some(subscriber) = state.with(&id, |channel| channel.subscriber.clone()) else {
        return StatusCode::CONFLICT.into_response();
    };
    let entry = match video.gone {
        true => format!(r#"<at:deleted-entry ref="yt:video:{}"/>"#, video.video_id),
        false => format!("<entry><yt:videoId>{}</yt:videoId><yt:channelId>{id}</yt:channelId></entry>", video.video_id),
    };
    let body = format!(
        r#"<?xml version='1.0' encoding='UTF-8'?><feed xmlns:yt="http://www.youtube.com/xml/schemas/2015" xmlns:at="http://purl.org/atompub/tombstones/1.0" xmlns="http://www.w3.org/2005/Atom"><link rel="self" href="{}"/>{entry}</feed>"#,
        subscriber.topic
    );
    let secret = if video.forged { "somebody else's" } else { subscriber.secret.as_str() };
    let Ok(signature) = HeaderValue::from_str(&youtube::signature(secret, body.as_bytes())) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let headers = vec![
        (HeaderName::from_static(youtube::SIGNATURE_HEADER), signature),
        (http::header::CONTENT_TYPE, HeaderValue::from_static("application/atom+xml")),
    ];
    match state.send(Method::POST, subscriber.callback, headers, body.into()).await {
        Some((status, _)) => answer(200, &json!({ "status": status })),
        None => StatusCode::BAD_GATEWAY.into_response(),
    }
}
