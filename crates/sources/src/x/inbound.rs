//! What X tells, in the envelope of the Activity API (one event with a payload) or in the older one of the Account Activity
//! API (lists of events), made into the words of every channel. Posts come in the shape of either version of the API.

use frontdesk_model::{Timestamp, urls};
use serde_json::{Value, json};

use super::FILES;
use super::limits::{BODY_CHARACTERS_MAX, EVENTS_MAX, ID_DIGITS_MAX, MEDIA_MAX, NAME_CHARACTERS_MAX};
use super::settings::{ANSWERS_EVERYBODY, USER_ID};
use crate::Settings;
use crate::inbound::{BodyFormat, ContentObject, InboundAttachment, InboundAuthor, InboundContent};
use crate::ingress::{Happening, Received};

/// What people read where they cannot answer.
const NOT_MENTIONED: &str = "X lets us answer only who mentioned or quoted the account: this post does neither.";
/// What people read when the account's owner took our access back.
const REVOKED: &str = "The owner of the account took our access back: connect the account again.";
/// What stands for a message that only its two ends can read.
const UNREADABLE: &str = "(An encrypted message: it can be read in X only.)";
/// Where X keeps pictures and films that everybody may see.
const MEDIA_HOSTS: [&str; 2] = ["https://pbs.twimg.com/", "https://video.twimg.com/"];
/// Ids from about 2010 on hold their time, milliseconds since then.
const ID_EPOCH_MILLISECONDS: i64 = 1_288_834_974_657;
/// Smaller ids hold none.
const ID_WITH_TIME_MIN: u64 = 1 << 50;

/// The kind of the sources that these are.
const KIND: &str = "twtr";
/// Characters of what an event says it is.
const EVENT_NAME_CHARACTERS_MAX: usize = 50;
/// Characters of a key.
const KEY_CHARACTERS_MAX: usize = 64;

/// Takes a delivery apart.
pub(super) fn split(body: &[u8]) -> Vec<Received> {
    let told: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(whole) = told.as_object() else { return vec![Received::unreadable(KIND, body)] };
    if let Some(data) = whole.get("data").filter(|data| data.is_object()) {
        let name = data["event_type"].as_str().unwrap_or("event");
        return vec![received(name, &data["filter"]["user_id"], activity_id(data), data.clone())];
    }
    let for_user = whole.get("for_user_id").cloned().unwrap_or_default();
    let users = whole.get("users").cloned().unwrap_or_default();
    let mut events = Vec::new();
    for (name, list) in whole {
        let Some(list) = list.as_array().filter(|_| name.ends_with("_events")) else { continue };
        for event in list.iter().take(EVENTS_MAX - events.len()) {
            let id = [&event["id_str"], &event["id"], &event["status"]["id"]].into_iter().find_map(id);
            let mut payload = json!({ "event_type": name, "for_user_id": for_user, "event": event });
            if name.starts_with("direct_message") {
                payload["users"] = users.clone();
            }
            events.push(received(name, &for_user, id, payload));
        }
    }
    // Such as that the app was revoked: one object, and no list of events.
    if events.is_empty() {
        let name = if whole.contains_key("user_event") { "user_event" } else { "other" };
        let whose = if for_user.is_null() { &told["user_event"]["revoke"]["source"]["user_id"] } else { &for_user };
        events.push(received(name, whose, None, json!({ "event_type": name, "event": told })));
    }
    events
}

/// An event under a key that every repeat has: what it is about, else all that it holds.
fn received(told: &str, account: &Value, about: Option<String>, payload: Value) -> Received {
    let name = told.chars().filter(|character| !character.is_control()).take(EVENT_NAME_CHARACTERS_MAX).collect();
    let event = Received::new(KIND, id(account).into_iter().collect(), name, &payload);
    match about.map(|id| format!("{}:{id}", event.name)).filter(|key| key.len() <= KEY_CHARACTERS_MAX) {
        Some(key) => Received { key, ..event },
        None => event,
    }
}

/// The id of what an event of the Activity API is about.
fn activity_id(data: &Value) -> Option<String> {
    let payload = &data["payload"];
    let message = &payload["direct_message_events"][0]["id"];
    [&payload["id_str"], &payload["id"], message, &payload["post"]["id"], &payload["tweet"]["id"]]
        .into_iter()
        .find_map(id)
}

/// Reads one event of [`split`].
pub(super) fn read(settings: &Settings, payload: &str) -> Result<Option<Vec<Happening>>, String> {
    let event: Value = serde_json::from_str(payload).map_err(|_| "It is no JSON.")?;
    let us = settings.text(USER_ID).unwrap_or_default();
    let reader = Reader { us, answers_everybody: settings.boolean(ANSWERS_EVERYBODY).unwrap_or(false) };
    let kind = event["event_type"].as_str().unwrap_or_default();
    let payload = &event["payload"];
    // Names had capitals instead of dots before March 2026.
    let happened = match kind.to_lowercase().replace('.', "").as_str() {
        "postmentioncreate" | "postreplycreate" | "postquotecreate" | "postcreate" => {
            let posts = [&payload["post"], &payload["tweet"]];
            let post = posts.into_iter().find(|post| post.is_object()).unwrap_or(payload);
            reader.post(post, &event["includes"], kind.to_lowercase().contains("quote"))?
        }
        "postdelete" => vec![removed(activity_id(&event))?],
        "dmreceived" | "dmsent" => {
            let all = payload["direct_message_events"].as_array().map_or(&[][..], Vec::as_slice);
            let mut happened = Vec::new();
            for message in all.iter().take(EVENTS_MAX) {
                happened.extend(reader.message(message, &payload["users"])?);
            }
            happened
        }
        "chatreceived" => vec![reader.unreadable(payload)?],
        "oauthrevoke" | "user_event" => return Err(REVOKED.into()),
        "tweet_create_events" => reader.post(&event["event"], &Value::Null, false)?,
        "tweet_delete_events" => vec![removed(id(&event["event"]["status"]["id"]))?],
        "direct_message_events" => reader.message(&event["event"], &event["users"])?,
        _ => return Ok(None),
    };
    Ok(Some(happened))
}

fn removed(foreign_id: Option<String>) -> Result<Happening, String> {
    let foreign_id = foreign_id.ok_or("The deleted post has no id.")?;
    Ok(Happening::Removed { foreign_id })
}

struct Reader<'a> {
    us: &'a str,
    answers_everybody: bool,
}

impl Reader<'_> {
    /// A post in the shape of either version.
    fn post(&self, post: &Value, includes: &Value, is_quote: bool) -> Result<Vec<Happening>, String> {
        let post_id = id(&post["id_str"]).or_else(|| id(&post["id"])).ok_or("The post has no id.")?;
        let author = self.author_of(post, includes)?;
        let referenced = |kind: &str| {
            let all = post["referenced_tweets"].as_array().into_iter().flatten();
            all.filter(|one| one["type"] == kind).find_map(|one| id(&one["id"]))
        };
        if referenced("retweeted").is_some() || post["retweeted_status"].is_object() {
            // It says nothing of its own.
            return Ok(Vec::new());
        }
        let answered = referenced("replied_to").or_else(|| id(&post["in_reply_to_status_id_str"]));
        let answered = answered.or_else(|| id(&post["in_reply_to_status_id"]));
        let quoted = referenced("quoted").or_else(|| id(&post["quoted_status_id_str"]));
        let mut content = InboundContent::new(ContentObject::Tweet, post_id.clone());
        let is_own = author.foreign_id == self.us;
        let username = author.screenname.clone();
        content.author = Some(author);
        content.body = body(
            [&post["note_tweet"]["text"], &post["extended_tweet"]["full_text"], &post["full_text"], &post["text"]]
                .into_iter()
                .find_map(Value::as_str)
                .unwrap_or_default(),
        );
        content.format = BodyFormat::Text;
        content.created_at = time(&post["created_at"]).or_else(|| time_of_id(&post_id));
        content.language = post["lang"].as_str().filter(|lang| *lang != "und").and_then(language);
        content.source_url = Some(format!("https://x.com/{username}/status/{post_id}"));
        // The older shape does not say where a conversation began: an answer joins what it answers.
        let conversation = id(&post["conversation_id"]).or_else(|| id(&post["conversation_id_str"]));
        content.thread_foreign_id = match (conversation, &answered) {
            (Some(conversation), _) => Some(conversation),
            (None, None) => Some(post_id),
            (None, Some(_)) => None,
        };
        content.in_reply_to = answered;
        if let Some(quoted) = &quoted {
            content.context_data.insert("quoted_post".into(), quoted.as_str().into());
        }
        content.attachments = media(post, includes);
        let is_to_us = id(&post["in_reply_to_user_id"]).or_else(|| id(&post["in_reply_to_user_id_str"]));
        let is_to_us = is_to_us.as_deref() == Some(self.us);
        let may_answer = self.answers_everybody || is_quote || is_to_us || self.is_mentioned(post);
        content.actions = match is_own {
            true => vec!["reply".into(), "delete".into()],
            false => [("reply", may_answer), ("publish", is_to_us), ("unpublish", is_to_us)]
                .into_iter()
                .filter(|(_, is_let)| *is_let)
                .map(|(name, _)| name.to_owned())
                .collect(),
        };
        content.unanswerable = (!is_own && !may_answer).then(|| NOT_MENTIONED.to_owned());
        Ok(vec![Happening::Content(Box::new(content))])
    }

    fn is_mentioned(&self, post: &Value) -> bool {
        let entities = [&post["extended_tweet"]["entities"], &post["entities"]];
        let lists = entities.into_iter().flat_map(|entities| [&entities["user_mentions"], &entities["mentions"]]);
        lists
            .flat_map(|list| list.as_array().into_iter().flatten())
            .any(|one| [&one["id_str"], &one["id"]].into_iter().find_map(id).as_deref() == Some(self.us))
    }

    fn author_of(&self, post: &Value, includes: &Value) -> Result<InboundAuthor, String> {
        let author_id = id(&post["author_id"])
            .or_else(|| id(&post["user"]["id_str"]))
            .or_else(|| id(&post["user"]["id"]))
            .ok_or("The post has no author.")?;
        let included = includes["users"].as_array().into_iter().flatten();
        let mut included = included.filter(|user| id(&user["id"]).as_deref() == Some(author_id.as_str()));
        let user = if post["user"].is_object() { Some(&post["user"]) } else { included.next() };
        Ok(self.person(author_id, user.unwrap_or(&Value::Null)))
    }

    /// Somebody, by what is told of them.
    fn person(&self, foreign_id: String, user: &Value) -> InboundAuthor {
        // In direct messages they may be wrapped once more.
        let user = if user["data"].is_object() { &user["data"] } else { user };
        let username = name(&user["username"]).or_else(|| name(&user["screen_name"]));
        let shown = name(&user["name"]);
        let screenname = username.or_else(|| shown.clone()).unwrap_or_else(|| foreign_id.clone());
        let puppetizable = foreign_id == self.us;
        let mut person = InboundAuthor { puppetizable, firstname: shown, ..InboundAuthor::new(foreign_id, screenname) };
        let picture = [&user["profile_image_url_https"], &user["profile_image_url"]];
        person.avatar_url = picture.into_iter().filter_map(Value::as_str).find(|url| is_media(url)).map(str::to_owned);
        person
    }

    /// A direct message.
    fn message(&self, message: &Value, users: &Value) -> Result<Vec<Happening>, String> {
        let message_id = id(&message["id"]).ok_or("The message has no id.")?;
        let told = &message["message_create"];
        if message["type"].as_str().is_some_and(|kind| kind != "message_create") || !told.is_object() {
            return Ok(Vec::new());
        }
        let sender = id(&told["sender_id"]).ok_or("The message has no sender.")?;
        let recipient = id(&told["target"]["recipient_id"]).ok_or("The message has no recipient.")?;
        let data = &told["message_data"];
        let mut content = InboundContent::new(ContentObject::PrivateMessage, message_id.clone());
        content.body = body(data["text"].as_str().unwrap_or_default());
        content.format = BodyFormat::Text;
        let milliseconds = message["created_timestamp"].as_str().and_then(|text| text.parse::<i64>().ok());
        content.created_at = milliseconds.and_then(from_milliseconds).or_else(|| time_of_id(&message_id));
        if let Some(kind) = text(&data["attachment"]["type"]) {
            content.context_data.insert("attachment".into(), kind.into());
            content.attachments = own_files(&data["attachment"]);
            if content.body.is_empty() && content.attachments.is_empty() {
                content.body = "(An attachment: it can be seen in X only.)".into();
            }
        }
        self.between(&mut content, sender, recipient, users);
        Ok(vec![Happening::Content(Box::new(content))])
    }

    /// A message that is encrypted from end to end.
    fn unreadable(&self, payload: &Value) -> Result<Happening, String> {
        let message_id = id(&payload["id"]).ok_or("The message has no id.")?;
        let sender = id(&payload["sender_id"]).ok_or("The message has no sender.")?;
        let mut content = InboundContent::new(ContentObject::PrivateMessage, message_id.clone());
        content.body = UNREADABLE.into();
        content.format = BodyFormat::Text;
        content.created_at = time(&payload["created_at"]).or_else(|| time_of_id(&message_id));
        self.between(&mut content, sender, self.us.to_owned(), &Value::Null);
        content.actions.clear();
        content.unanswerable = Some("The message is encrypted: it can be answered in X only.".into());
        Ok(Happening::Content(Box::new(content)))
    }

    /// Who wrote to whom, and the one thread of the two.
    fn between(&self, content: &mut InboundContent, sender: String, recipient: String, users: &Value) {
        content.thread_foreign_id = Some(thread_of(&sender, &recipient));
        content.actions = vec!["reply".into()];
        content.author = Some(self.person(sender.clone(), &users[sender.as_str()]));
        content.recipient = Some(self.person(recipient.clone(), &users[recipient.as_str()]));
    }
}

/// The one thread of two.
pub(super) fn thread_of(one: &str, other: &str) -> String {
    let number = |id: &str| id.parse::<u128>().unwrap_or(0);
    let (low, high) = if number(one) <= number(other) { (one, other) } else { (other, one) };
    format!("{low}-{high}")
}

/// Files of a direct message: one, or a list; the largest film of several.
fn own_files(attachment: &Value) -> Vec<InboundAttachment> {
    let media = &attachment["media"];
    let all = media.as_array().map_or_else(|| std::slice::from_ref(media), Vec::as_slice);
    let address = |one: &Value| {
        let films = one["video_info"]["variants"].as_array().into_iter().flatten();
        let film = films.filter(|film| film["content_type"] == "video/mp4").max_by_key(|film| film["bitrate"].as_u64());
        let film = film.map_or(&Value::Null, |film| &film["url"]);
        let all = [film, &one["media_url_https"], &one["url"]];
        all.into_iter().filter_map(Value::as_str).find(|url| is_own_file(url) || is_media(url)).map(str::to_owned)
    };
    let attachment = |url| InboundAttachment::Url { url, kind_hint: None, filename: None };
    all.iter().filter_map(address).take(MEDIA_MAX).map(attachment).collect()
}

/// Whether a file is one that only the account itself may fetch.
pub(super) fn is_own_file(url: &str) -> bool {
    urls::is_web_url(url) && url.strip_prefix(FILES).is_some_and(|rest| rest.starts_with('/'))
}

/// Pictures and films of a post, as far as everybody may see them.
fn media(post: &Value, includes: &Value) -> Vec<InboundAttachment> {
    let lists = [
        &post["extended_tweet"]["extended_entities"]["media"],
        &post["extended_entities"]["media"],
        &includes["media"],
    ];
    let list = lists.into_iter().find_map(Value::as_array).into_iter().flatten();
    let address = |one: &Value| {
        let all = [&one["media_url_https"], &one["url"]];
        all.into_iter().filter_map(Value::as_str).find(|url| is_media(url)).map(str::to_owned)
    };
    let attachment = |url| InboundAttachment::Url { url, kind_hint: None, filename: None };
    list.filter_map(address).take(MEDIA_MAX).map(attachment).collect()
}

fn is_media(url: &str) -> bool {
    urls::is_web_url(url) && MEDIA_HOSTS.iter().any(|host| url.starts_with(host))
}

/// A body, without the characters that nothing keeps. The service writes `&`, `<` and `>` as HTML does.
fn body(told: &str) -> String {
    let plain = told.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    plain.chars().filter(|character| *character != '\0').take(BODY_CHARACTERS_MAX).collect()
}

fn id(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_u64() => number.to_string(),
        _ => return None,
    };
    let fits = (1..=ID_DIGITS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then_some(text)
}

fn text(value: &Value) -> Option<String> {
    name(value)
}

fn name(value: &Value) -> Option<String> {
    let text: String = value.as_str()?.chars().filter(|c| !c.is_control()).take(NAME_CHARACTERS_MAX).collect();
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn language(told: &str) -> Option<String> {
    let fits = (2..=8).contains(&told.len()) && told.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    fits.then(|| told.to_owned())
}

/// A time in either version's spelling: ISO 8601, or `Wed Feb 05 08:39:31 +0000 2020`.
fn time(value: &Value) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = value.as_str()?;
    if let Some(read) = Timestamp::parse_iso(text) {
        return Some(read);
    }
    let parts: Vec<&str> = text.split_whitespace().collect();
    let [_, month, day, clock, "+0000", year] = parts[..] else { return None };
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    Timestamp::parse_iso(&format!("{year}-{month:02}-{day:0>2}T{clock}Z"))
}

fn time_of_id(id: &str) -> Option<Timestamp> {
    let number: u64 = id.parse().ok().filter(|number| *number >= ID_WITH_TIME_MIN)?;
    from_milliseconds(i64::try_from(number >> 22).ok()? + ID_EPOCH_MILLISECONDS)
}

fn from_milliseconds(milliseconds: i64) -> Option<Timestamp> {
    milliseconds.checked_mul(1_000).map(Timestamp::from_micros)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::validate_settings;

    fn settings(more: Value) -> Settings {
        let mut given = json!({"x_user_id": "1"});
        for (name, value) in more.as_object().unwrap() {
            given[name] = value.clone();
        }
        validate_settings(&super::super::KIND, given.as_object().unwrap()).unwrap()
    }

    fn one(settings: &Settings, delivery: &Value) -> (String, Result<Option<Vec<Happening>>, String>) {
        let mut events = split(delivery.to_string().as_bytes());
        assert_eq!(events.len(), 1, "{events:?}");
        let event = events.remove(0);
        (event.key, read(settings, &event.payload))
    }

    fn written(settings: &Settings, delivery: &Value) -> (String, InboundContent) {
        let (key, happened) = one(settings, delivery);
        let Happening::Content(content) = happened.unwrap().unwrap().remove(0) else { panic!("{delivery}") };
        (key, *content)
    }

    #[test]
    fn the_older_envelope_tells_of_messages() {
        let delivery = json!({
            "for_user_id": "1",
            "direct_message_events": [{"type": "message_create", "id": "123", "created_timestamp": "1700000000123",
                "message_create": {"target": {"recipient_id": "1"}, "sender_id": "2", "message_data": {"text": "Blue &amp; Bird"}}}],
            "users": {"2": {"id": "2", "name": "Vera", "screen_name": "vera", "profile_image_url_https": "https://pbs.twimg.com/a.png"}},
        });
        let (key, content) = written(&settings(json!({})), &delivery);
        assert_eq!((key.as_str(), content.object), ("direct_message_events:123", ContentObject::PrivateMessage));
        assert_eq!((content.thread_foreign_id.as_deref(), content.body.as_str()), (Some("1-2"), "Blue & Bird"));
        assert_eq!(content.created_at, Some(Timestamp::from_micros(1_700_000_000_123_000)));
        let author = content.author.unwrap();
        assert_eq!(
            (author.foreign_id.as_str(), author.screenname.as_str(), author.firstname.as_deref()),
            ("2", "vera", Some("Vera"))
        );
        assert!(!author.puppetizable && content.recipient.unwrap().puppetizable);
    }

    #[test]
    fn the_older_envelope_tells_of_posts() {
        let post = |more: Value| {
            let mut post = json!({"id": 1, "id_str": "11", "created_at": "Wed Feb 05 08:39:31 +0000 2020", "text": "@us Hi…",
                "truncated": true, "extended_tweet": {"full_text": "@us Hi there"}, "user": {"id": 2, "name": "Vera", "screen_name": "vera"}});
            for (name, value) in more.as_object().unwrap() {
                post[name] = value.clone();
            }
            json!({"for_user_id": "1", "tweet_create_events": [post]})
        };
        let us = settings(json!({}));
        let (_, content) = written(&us, &post(json!({"in_reply_to_user_id": 1, "in_reply_to_status_id": null})));
        assert_eq!((content.thread_foreign_id.as_deref(), content.in_reply_to.as_deref()), (Some("11"), None));
        assert_eq!(
            (content.body.as_str(), content.created_at.unwrap().rest().as_str()),
            ("@us Hi there", "2020-02-05T08:39:31Z")
        );
        assert_eq!(content.source_url.as_deref(), Some("https://x.com/vera/status/11"));
        assert_eq!(content.actions, ["reply", "publish", "unpublish"]);
        let (_, content) = written(&us, &post(json!({"in_reply_to_status_id_str": "7"})));
        assert_eq!((content.thread_foreign_id, content.in_reply_to.as_deref()), (None, Some("7")));
        assert!(content.unanswerable.is_some() && content.actions.is_empty(), "neither mentioned nor quoted");
        let (_, content) = written(&settings(json!({"x_answers_everybody": true})), &post(json!({})));
        assert!(content.unanswerable.is_none());
        let (_, happened) = one(&us, &post(json!({"retweeted_status": {}})));
        assert_eq!(happened, Ok(Some(vec![])), "a retweet");
    }

    fn activity(kind: &str, payload: Value) -> Value {
        json!({"data": {"event_uuid": "u", "event_type": kind, "filter": {"user_id": "1"}, "payload": payload,
            "includes": {"users": [{"id": "2", "name": "Vera", "username": "vera"}]}}})
    }

    #[test]
    fn the_activity_envelope_tells_of_both() {
        let us = settings(json!({}));
        let post = json!({"id": "1445880548472328192", "text": "@us Hello", "author_id": "2", "conversation_id": "90",
            "created_at": "2026-01-15T10:00:00.000Z", "lang": "en", "referenced_tweets": [{"type": "replied_to", "id": "91"}],
            "entities": {"mentions": [{"id": "1", "username": "us"}]}});
        let (key, content) = written(&us, &activity("post.mention.create", post.clone()));
        assert_eq!(key, "post.mention.create:1445880548472328192");
        assert_eq!((content.thread_foreign_id.as_deref(), content.in_reply_to.as_deref()), (Some("90"), Some("91")));
        assert_eq!((content.language.as_deref(), content.actions.as_slice()), (Some("en"), &["reply".to_owned()][..]));
        assert_eq!(content.author.unwrap().screenname, "vera");
        assert_eq!(written(&us, &activity("PostMentionCreate", post)).1.body, "@us Hello");
        let message = json!({"direct_message_events": [{"id": "5", "message_create": {"target": {"recipient_id": "1"},
            "sender_id": "20", "message_data": {"text": "", "attachment": {"type": "media"}}}}],
            "users": {"20": {"data": {"name": "Vera", "username": "vera"}}}});
        let (_, content) = written(&us, &activity("dm.received", message));
        assert_eq!(content.thread_foreign_id.as_deref(), Some("1-20"), "as numbers, not as texts");
        assert!(!content.body.is_empty() && content.author.unwrap().screenname == "vera");
        let (_, happened) = one(&us, &activity("post.delete", json!({"id": "7"})));
        assert_eq!(happened, Ok(Some(vec![Happening::Removed { foreign_id: "7".into() }])));
        assert!(one(&us, &activity("oauth.revoke", json!({}))).1.unwrap_err().contains("connect"));
        let older =
            json!({"user_event": {"revoke": {"date_time": "2026-01-15T10:00:00Z", "source": {"user_id": "1"}}}});
        assert_eq!(split(older.to_string().as_bytes())[0].accounts, ["1"]);
        assert!(one(&us, &older).1.unwrap_err().contains("connect"));
        assert_eq!(one(&us, &activity("dm.indicate_typing", json!({}))).1, Ok(None));
        let secret = written(&us, &activity("chat.received", json!({"id": "6", "sender_id": "2"}))).1;
        assert!(secret.unanswerable.is_some() && secret.actions.is_empty());
    }

    #[test]
    fn what_lacks_something_is_refused_alone() {
        let us = settings(json!({}));
        for (delivery, words) in [
            (activity("post.mention.create", json!({"text": "x"})), "no id"),
            (activity("post.mention.create", json!({"id": "7", "text": "x"})), "no author"),
            (activity("post.delete", json!({})), "no id"),
        ] {
            let told = one(&us, &delivery).1.unwrap_err();
            assert!(told.contains(words), "{told}");
        }
        for body in [&b"[]"[..], b"<html>"] {
            assert_eq!(split(body)[0].name, "unreadable");
        }
        let mut foreign = activity("post.create", json!({"id": "7"}));
        foreign["data"]["filter"]["user_id"] = json!("99");
        assert_eq!(split(foreign.to_string().as_bytes())[0].accounts, ["99"], "it is for another source of the app");
    }

    #[test]
    fn pictures_come_from_where_x_keeps_them_and_from_nowhere_else() {
        let us = settings(json!({}));
        let mut post = json!({"id": "7", "text": "x", "author_id": "2"});
        post["extended_entities"] = json!({"media": [{"media_url_https": "https://pbs.twimg.com/media/a.jpg"},
            {"media_url_https": "http://169.254.169.254/latest"}, {"media_url_https": "https://pbs.twimg.com.evil.example/a"}]});
        let (_, content) = written(&us, &activity("post.create", post));
        assert_eq!(content.attachments.len(), 1);
        for (media, count) in [
            (json!({"media_url_https": "https://ton.twitter.com/1.1/ton/data/dm/5/8/a.jpg"}), 1),
            (json!([{"media_url_https": "https://pbs.twimg.com/dm/a.jpg"}, {"url": "https://t.co/x"}]), 1),
            (json!({"media_url_https": "https://ton.twitter.com.evil.example/a.jpg"}), 0),
            (json!({"media_url_https": "https://x@ton.twitter.com/a.jpg"}), 0),
            (
                json!({"media_url_https": "https://t.co/a", "video_info": {"variants": [
                {"content_type": "video/mp4", "bitrate": 1, "url": "https://video.twimg.com/dm_video/1.mp4"},
                {"content_type": "video/mp4", "bitrate": 2, "url": "https://video.twimg.com/dm_video/2.mp4"}]}}),
                1,
            ),
        ] {
            let message = json!({"direct_message_events": [{"id": "5", "message_create": {"target": {"recipient_id": "1"},
                "sender_id": "20", "message_data": {"text": "", "attachment": {"type": "media", "media": media}}}}]});
            let (_, content) = written(&us, &activity("dm.received", message));
            assert_eq!((content.attachments.len(), content.body.is_empty()), (count, count > 0), "{media}");
        }
    }

    proptest! {
        #[test]
        fn any_delivery_is_taken_apart(body in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = split(&body);
        }

        #[test]
        fn any_event_is_read(kind in "[a-z._]{0,30}", id in any::<String>(), text in any::<String>(), number in any::<i64>()) {
            let payload = json!({"id": id, "text": text, "author_id": id, "created_at": text, "conversation_id": number,
                "direct_message_events": [{"id": number, "created_timestamp": text, "message_create": {"sender_id": id}}]});
            for kind in [kind.as_str(), "post.create", "dm.received", "chat.received", "tweet_create_events", "direct_message_events"] {
                let event = json!({"event_type": kind, "payload": payload, "event": payload});
                let _ = read(&settings(json!({})), &event.to_string());
            }
        }
    }
}
