//! Comments as the service tells them, made into the words of every channel. What cannot be read is left out, alone.

use std::collections::HashMap;

use frontdesk_model::{Timestamp, urls};
use serde_json::{Map, Value};

use super::asking::{List, seen_at};
use super::limits::{BODY_CHARACTERS_MAX, COMMENTS_PER_PAGE, ID_CHARACTERS_MAX, NAME_CHARACTERS_MAX};
use super::outbound::ACTIONS;
use super::{errors, limits};
use crate::inbound::{BodyFormat, ContentObject, InboundAuthor, InboundContent};
use crate::outbound::{Answer, Class, Failure};

/// What people read where they cannot answer.
const HELD: &str = "The comment is held for review: publish it to answer it.";
const SPAM: &str = "YouTube takes the comment for spam: publish it to answer it.";
const CLOSED: &str = "YouTube takes no answers to this comment.";

/// Who the account is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The channel's id.
    pub id: String,
    /// What the channel is called.
    pub title: String,
    /// Its picture.
    pub avatar_url: Option<String>,
}

impl Account {
    /// Whether it is the channel with this id; else what to do, in a sentence for people.
    pub fn is(&self, channel_id: &str) -> Result<(), String> {
        if self.id == channel_id {
            return Ok(());
        }
        Err(format!(
            "The connected account is the channel {} ({}), not {channel_id}: connect the account of that channel, or set \
             youtube_channel_id.",
            self.title, self.id
        ))
    }
}

/// A comment with the answers that came along.
#[derive(Clone, Debug, PartialEq)]
pub struct CommentThread {
    /// The first comment.
    pub first: InboundContent,
    /// Answers to it, the oldest first; perhaps not all.
    pub replies: Vec<InboundContent>,
    /// How many answers there are.
    pub replies_count: i64,
}

impl CommentThread {
    /// Whether all answers came along.
    pub fn is_whole(&self) -> bool {
        i64::try_from(self.replies.len()).is_ok_and(|count| count >= self.replies_count)
    }
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// What it holds.
    pub items: Vec<T>,
    /// Where the next part is; none after the last.
    pub next: Option<String>,
    /// What was left out, and why: one sentence each.
    pub skipped: Vec<String>,
}

/// A part of the answers to a comment.
pub type Comments = Page<InboundContent>;

/// Reads whose the account is; none when it has no channel.
pub fn read_account(answer: &Answer) -> Result<Option<Account>, Failure> {
    let told = whole(answer)?;
    let item = &told["items"][0];
    let Some(id) = id(&item["id"]) else { return Ok(None) };
    let title = name(&item["snippet"]["title"]).unwrap_or_else(|| id.clone());
    Ok(Some(Account { id, title, avatar_url: web_url(&item["snippet"]["thumbnails"]["default"]["url"]) }))
}

/// Reads what videos are called, by their ids.
pub fn read_videos(answer: &Answer) -> Result<HashMap<String, String>, Failure> {
    let told = whole(answer)?;
    let items = list_of(&told["items"]).take(limits::VIDEOS_PER_CALL);
    Ok(items.filter_map(|item| Some((id(&item["id"])?, name(&item["snippet"]["title"])?))).collect())
}

/// Reads a page of threads. `us` is the channel's own id: what it wrote is ours. `list` is none where they were asked for
/// by name.
pub fn read_threads(answer: &Answer, us: &str, list: Option<List>) -> Result<Page<CommentThread>, Failure> {
    read_page(answer, |item| {
        let snippet = &item["snippet"];
        let first = &snippet["topLevelComment"];
        if is_rejected(&first["snippet"]) {
            return Ok(None);
        }
        let is_spam = list == Some(List::Spam) || first["snippet"]["moderationStatus"] == "likelySpam";
        let held = is_spam || list == Some(List::Held) || is_held(&first["snippet"]);
        let may_reply = snippet["canReply"].as_bool().unwrap_or(true) && !held;
        let thread_id = id(&first["id"]).ok_or("the first comment has no id")?;
        let context = context(&snippet["videoId"], &snippet["channelId"]);
        let mut first = comment(first, &thread_id, &context, us, held, may_reply)?;
        if is_spam {
            first.unanswerable = Some(SPAM.into());
            first.elsewhere = true;
        }
        let mut replies = Vec::new();
        for item in list_of(&item["replies"]["comments"]).take(COMMENTS_PER_PAGE) {
            let held = is_held(&item["snippet"]);
            let reply = comment(item, &thread_id, &context, us, held, may_reply && !held);
            replies.extend(reply.ok().filter(|_| !is_rejected(&item["snippet"])));
        }
        replies.sort_by_key(|reply| reply.created_at);
        let replies_count = snippet["totalReplyCount"].as_i64().unwrap_or(0).max(0);
        Ok(Some(CommentThread { first, replies, replies_count }))
    })
}

/// Reads a page of answers to the first comment of a thread.
pub fn read_comments(answer: &Answer, first: &InboundContent, us: &str) -> Result<Comments, Failure> {
    let may_reply = first.actions.iter().any(|action| action == "reply");
    let context = Context {
        video_id: first.context_data.get("video_id").and_then(id),
        channel_id: first.context_data.get("channel_id").and_then(id),
    };
    read_page(answer, |item| {
        if is_rejected(&item["snippet"]) {
            return Ok(None);
        }
        let held = is_held(&item["snippet"]);
        comment(item, &first.foreign_id, &context, us, held, may_reply && !held).map(Some)
    })
}

fn read_page<T>(answer: &Answer, read: impl Fn(&Value) -> Result<Option<T>, &'static str>) -> Result<Page<T>, Failure> {
    let told = whole(answer)?;
    let mut page = Page { items: Vec::new(), next: None, skipped: Vec::new() };
    for (at, item) in list_of(&told["items"]).take(COMMENTS_PER_PAGE).enumerate() {
        match read(item) {
            Ok(read) => page.items.extend(read),
            Err(why) => page.skipped.push(format!("A comment was left out (number {at} of its page): {why}.")),
        }
    }
    let is_token = |text: &&str| !text.is_empty() && text.len() <= 1_000 && text.bytes().all(|b| b.is_ascii_graphic());
    page.next = told["nextPageToken"].as_str().filter(is_token).map(str::to_owned);
    Ok(page)
}

/// The body of a good answer.
fn whole(answer: &Answer) -> Result<Value, Failure> {
    if !answer.is_success() {
        return Err(errors::failure(answer));
    }
    if answer.truncated {
        let message = format!("YouTube answered more than {} bytes.", limits::ANSWER_BYTES_MAX);
        return Err(Failure::new(Class::Retry, message));
    }
    match answer.json() {
        told @ Value::Object(_) => Ok(told),
        _ => Err(Failure::new(Class::Retry, "YouTube answered something that is not JSON.")),
    }
}

/// What a thread is about.
struct Context {
    video_id: Option<String>,
    channel_id: Option<String>,
}

fn context(video_id: &Value, channel_id: &Value) -> Context {
    Context { video_id: id(video_id), channel_id: id(channel_id) }
}

fn is_held(snippet: &Value) -> bool {
    snippet["moderationStatus"].as_str().is_some_and(|status| status != "published")
}

/// For good: to everybody it is as if it had been deleted.
fn is_rejected(snippet: &Value) -> bool {
    snippet["moderationStatus"] == "rejected"
}

fn comment(
    item: &Value,
    thread_id: &str,
    context: &Context,
    us: &str,
    held: bool,
    may_reply: bool,
) -> Result<InboundContent, &'static str> {
    let foreign_id = id(&item["id"]).ok_or("it has no id")?;
    let snippet = item["snippet"].as_object().ok_or("it has no snippet")?;
    let field = |name: &str| snippet.get(name).unwrap_or(&Value::Null);
    let author_id = id(&field("authorChannelId")["value"]);
    let screenname = name(field("authorDisplayName"));
    let mut content = InboundContent::new(ContentObject::Comment, foreign_id);
    // Deleted accounts have no id: what they wrote stays.
    let author_id = author_id.unwrap_or_else(|| format!("unknown-{}", content.foreign_id));
    let mut author = InboundAuthor::new(author_id, screenname.unwrap_or_else(|| "YouTube user".into()));
    author.avatar_url = web_url(field("authorProfileImageUrl"));
    author.puppetizable = author.foreign_id == us;
    content.author = Some(author);
    (content.body, content.format) = match (field("textOriginal").as_str(), field("textDisplay").as_str()) {
        (Some(text), _) if !text.is_empty() => (text.to_owned(), BodyFormat::Text),
        (_, Some(html)) => (html.to_owned(), BodyFormat::Html),
        _ => return Err("it has no text"),
    };
    content.body.retain(|character| character != '\0');
    if let Some((at, _)) = content.body.char_indices().nth(BODY_CHARACTERS_MAX) {
        content.body.truncate(at);
    }
    content.created_at = time(field("publishedAt"));
    content.updated_at = time(field("updatedAt"));
    content.thread_foreign_id = Some(thread_id.to_owned());
    content.in_reply_to = (content.foreign_id != thread_id).then(|| thread_id.to_owned());
    content.source_url = seen_at(context.video_id.as_deref(), context.channel_id.as_deref(), &content.foreign_id);
    content.context_data = Map::new();
    for (name, id) in [("video_id", &context.video_id), ("channel_id", &context.channel_id)] {
        if let Some(id) = id {
            content.context_data.insert(name.into(), id.as_str().into());
        }
    }
    content.published = Some(!held);
    content.unanswerable = match (held, may_reply) {
        (true, _) => Some(HELD.into()),
        (false, false) => Some(CLOSED.into()),
        (false, true) => None,
    };
    content.actions = ACTIONS.iter().filter(|name| may_reply || **name != "reply").map(|name| (*name).into()).collect();
    Ok(content)
}

fn list_of(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn id(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let fits = (1..=ID_CHARACTERS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| text.to_owned())
}

fn name(value: &Value) -> Option<String> {
    let text: String = value.as_str()?.chars().filter(|c| !c.is_control()).take(NAME_CHARACTERS_MAX).collect();
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn web_url(value: &Value) -> Option<String> {
    value.as_str().filter(|text| urls::is_web_url(text)).map(str::to_owned)
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str().and_then(Timestamp::parse_iso)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn answer(status: u16, body: &[u8]) -> Answer<'_> {
        Answer { status, headers: Vec::new(), body, truncated: false, now: NOW }
    }

    fn item(id: &str, author: &str, text: &str, parent: Option<&str>) -> Value {
        let mut snippet = json!({
            "authorDisplayName": format!("@{author}"), "authorChannelId": {"value": author},
            "authorProfileImageUrl": "https://yt3.ggpht.com/a=s48", "textDisplay": format!("<b>{text}</b>"),
            "textOriginal": text, "publishedAt": "2026-01-15T10:00:00Z", "updatedAt": "2026-01-15T11:00:00.5Z",
        });
        if let Some(parent) = parent {
            snippet["parentId"] = json!(parent);
        }
        json!({"kind": "youtube#comment", "id": id, "snippet": snippet})
    }

    fn thread(id: &str, replies: Vec<Value>, total: usize) -> Value {
        json!({"id": id, "snippet": {"videoId": "v1", "topLevelComment": item(id, "vera", "Hello", None),
            "canReply": true, "totalReplyCount": total}, "replies": {"comments": replies}})
    }

    #[test]
    fn threads_are_read_with_their_answers() {
        let body = json!({"nextPageToken": "T", "items": [
            thread("a", vec![item("a.1", "UCus", "Thanks", Some("a"))], 3), {"id": "b"}, 5,
        ]});
        let page = read_threads(&answer(200, body.to_string().as_bytes()), "UCus", Some(List::Published)).unwrap();
        assert_eq!((page.next.as_deref(), page.items.len(), page.skipped.len()), (Some("T"), 1, 2));
        let CommentThread { first, replies, replies_count } = &page.items[0];
        assert_eq!(
            (first.body.as_str(), first.format, first.in_reply_to.as_deref()),
            ("Hello", BodyFormat::Text, None)
        );
        assert_eq!(first.source_url.as_deref(), Some("https://www.youtube.com/watch?v=v1&lc=a"));
        assert_eq!((first.published, first.actions.len(), *replies_count), (Some(true), 4, 3));
        let author = first.author.as_ref().unwrap();
        assert_eq!(
            (author.foreign_id.as_str(), author.screenname.as_str(), author.puppetizable),
            ("vera", "@vera", false)
        );
        assert_eq!(
            (replies[0].thread_foreign_id.as_deref(), replies[0].in_reply_to.as_deref()),
            (Some("a"), Some("a"))
        );
        assert!(replies[0].author.as_ref().unwrap().puppetizable, "the channel itself");
        assert!(!page.items[0].is_whole());
    }

    #[test]
    fn held_comments_cannot_be_answered_until_they_are_published() {
        let body = json!({"items": [thread("a", vec![], 0)]}).to_string();
        let page = read_threads(&answer(200, body.as_bytes()), "us", Some(List::Held)).unwrap();
        let first = &page.items[0].first;
        assert!(
            first.unanswerable.is_some()
                && first.published == Some(false)
                && first.actions == ["publish", "unpublish", "delete"]
        );
    }

    #[test]
    fn what_is_taken_for_spam_waits_for_nobody() {
        let body = json!({"items": [thread("a", vec![], 0)]}).to_string();
        let page = read_threads(&answer(200, body.as_bytes()), "us", Some(List::Spam)).unwrap();
        let first = &page.items[0].first;
        assert!(first.elsewhere && first.published == Some(false), "{first:?}");
        assert!(first.unanswerable.as_ref().unwrap().contains("spam"));
        let body = br#"{"items":[{"id":"v1","snippet":{"title":" Kettles "}},{"id":"v2"},5]}"#;
        let titles = read_videos(&answer(200, body)).unwrap();
        assert_eq!((titles.len(), titles["v1"].as_str()), (1, "Kettles"));
    }

    #[test]
    fn who_has_gone_still_wrote_it_and_html_stands_in_for_the_text() {
        let mut told = item("a", "vera", "x", None);
        told["snippet"].as_object_mut().unwrap().remove("authorChannelId");
        told["snippet"].as_object_mut().unwrap().remove("textOriginal");
        told["snippet"]["authorDisplayName"] = json!("");
        let body = json!({"items": [{"snippet": {"channelId": "UC9", "topLevelComment": told}}]}).to_string();
        let page = read_threads(&answer(200, body.as_bytes()), "us", None).unwrap();
        let first = &page.items[0].first;
        assert_eq!(first.author.as_ref().unwrap().foreign_id, "unknown-a");
        assert_eq!((first.body.as_str(), first.format), ("<b>x</b>", BodyFormat::Html));
        assert_eq!(first.source_url.as_deref(), Some("https://www.youtube.com/channel/UC9/community?lc=a"));
    }

    #[test]
    fn bad_answers_are_told_as_they_are() {
        for (status, body) in [(200, "<html>"), (200, "[]"), (500, ""), (403, "{}")] {
            assert!(read_threads(&answer(status, body.as_bytes()), "us", None).is_err(), "{status} {body}");
        }
        assert_eq!(read_account(&answer(200, b"{}")).unwrap(), None);
        let body = br#"{"items":[{"id":"UC1","snippet":{"title":"Kettles"}}]}"#;
        assert_eq!(read_account(&answer(200, body)).unwrap().unwrap().title, "Kettles");
    }

    proptest! {
        #[test]
        fn any_answer_is_read(status in any::<u16>(), body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_threads(&answer(status, &body), "us", None);
            let _ = read_account(&answer(status, &body));
        }

        #[test]
        fn any_item_is_read(id in any::<String>(), text in any::<String>(), when in any::<String>()) {
            let told = json!({"items": [{"snippet": {"videoId": id, "topLevelComment": {"id": id, "snippet":
                {"textDisplay": text, "authorDisplayName": text, "authorChannelId": {"value": id}, "publishedAt": when}}}}]});
            let _ = read_threads(&answer(200, told.to_string().as_bytes()), "us", None);
        }
    }
}
