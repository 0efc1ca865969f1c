//! News of videos, where it is asked for (WebSub): a hub posts a feed, signed with our secret, when a video is new, is
//! changed or goes. A notice says when to look, and comments are looked for as always: so one that is lost, late or
//! doubled does no harm.

use frontdesk_model::Secret;
use ring::hmac;
use serde_json::json;

use super::HUB;
use super::limits::{NOTICE_BYTES_MAX, VIDEOS_PER_NOTICE_MAX};
use super::settings::{CHANNEL_ID, LEASE_DAYS, WEBSUB_SECRET};
use crate::Settings;
use crate::ingress::{Challenge, Received, is_same_secret, key_of};
use crate::outbound::Request;

/// The header that holds the hub's signature.
pub const SIGNATURE_HEADER: &str = "x-hub-signature";
/// Bytes of a question.
const CHALLENGE_BYTES_MAX: usize = 1_000;
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// What the hub is asked about; none while the settings do not say whose videos.
fn topic(settings: &Settings) -> Option<String> {
    Some(format!("https://www.youtube.com/feeds/videos.xml?channel_id={}", settings.text(CHANNEL_ID)?))
}

/// Asks the hub for news, or for no more of it; none where the settings do not want any.
pub fn lease_request(settings: &Settings, callback: &str) -> Option<Request> {
    let seconds = (settings.integer(LEASE_DAYS)? * DAY_SECONDS).to_string();
    let topic = topic(settings)?;
    let fields = [
        ("hub.mode", "subscribe"),
        ("hub.topic", topic.as_str()),
        ("hub.callback", callback),
        ("hub.verify", "async"),
        ("hub.secret", settings.secret(WEBSUB_SECRET)?.reveal()),
        ("hub.lease_seconds", &seconds),
    ];
    Some(Request::form(format!("{HUB}/subscribe"), &fields))
}

/// The hub asks back whether we want that.
pub(super) fn challenge(settings: &Settings, query: &[(String, String)]) -> Option<Challenge> {
    let field = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let is_wanted = settings.integer(LEASE_DAYS).is_some() && field("hub.topic") == topic(settings).as_deref();
    let challenge = field("hub.challenge").filter(|text| text.len() <= CHALLENGE_BYTES_MAX);
    let is_asked = field("hub.mode") == Some("subscribe") && is_wanted;
    Some(Challenge {
        content_type: "text/plain",
        body: challenge.filter(|_| is_asked)?.to_owned(),
        asker_is_known: false,
    })
}

/// The hub signs with SHA-1 and nothing else; what it tells makes us look, and is believed for nothing more.
pub(super) fn verify(settings: &Settings, header: &dyn Fn(&str) -> Option<String>, body: &[u8]) -> bool {
    let secret = settings.secret(WEBSUB_SECRET).map(Secret::reveal).filter(|secret| !secret.is_empty());
    match (secret, header(SIGNATURE_HEADER)) {
        (Some(secret), Some(given)) => is_same_secret(&signature(secret, body), &given.to_lowercase()),
        _ => false,
    }
}

/// The signature of a notice with this secret, as the hub sends it.
pub fn signature(secret: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
    let signed = hmac::sign(&key, body);
    let hex: String = signed.as_ref().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    format!("sha1={hex}")
}

/// Takes a notice apart: one event for each video that is new, was changed, or is gone.
pub(super) fn split(body: &[u8]) -> Vec<Received> {
    let text = String::from_utf8_lossy(&body[..body.len().min(NOTICE_BYTES_MAX)]);
    let accounts: Vec<String> = channel_id(&text).into_iter().collect();
    let videos = text.split("<yt:videoId>").skip(1).filter_map(|rest| name(rest.split('<').next()?));
    let videos = videos.map(|id| ("video", id));
    let gone = text.split("<at:deleted-entry").skip(1).filter_map(|rest| {
        let tag = rest.split('>').next()?;
        name(tag.split("yt:video:").nth(1)?.split(['"', '\'']).next()?)
    });
    let about: Vec<_> = videos.chain(gone.map(|id| ("video gone", id))).take(VIDEOS_PER_NOTICE_MAX).collect();
    if about.is_empty() {
        return vec![Received::unreadable(super::KIND.type_name, body)];
    }
    // A video that changes twice is told of twice: a repeat is the whole notice once more.
    let whole = key_of(&text);
    let event = |(what, video): (&str, String)| {
        let payload = json!({ "video_id": video, "what": what, "notice": whole });
        Received::new(super::KIND.type_name, accounts.clone(), what.to_owned(), &payload)
    };
    about.into_iter().map(event).collect()
}

/// Whose videos a notice is about: of one that is gone only its author's address says it.
fn channel_id(text: &str) -> Option<String> {
    let told = text.split("<yt:channelId>").nth(1).and_then(|rest| rest.split('<').next());
    let address = || text.split("/channel/").nth(1).and_then(|rest| rest.split(['<', '"', '\'', '?', '/']).next());
    let topic = || text.split("channel_id=").nth(1).and_then(|rest| rest.split(['<', '"', '\'', '&']).next());
    told.or_else(address).or_else(topic).and_then(name)
}

fn name(text: &str) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let text = text.trim();
    ((1..=64).contains(&text.len()) && text.bytes().all(fits)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settings() -> Settings {
        let given = json!({"youtube_channel_id": "UC1", "youtube_video_news_days": 5, "youtube_video_news_secret": "open sesame"});
        crate::validate_settings(&super::super::KIND, given.as_object().unwrap()).unwrap()
    }

    #[test]
    fn notices_tell_what_is_new_and_what_is_gone() {
        let feed = "<feed><entry><id>yt:video:abc-_1</id><yt:videoId>abc-_1</yt:videoId><yt:channelId>UC1</yt:channelId></entry>\
                    <entry><yt:videoId>a b</yt:videoId></entry></feed>";
        let told = split(feed.as_bytes());
        assert_eq!(
            (told.len(), told[0].name.as_str(), told[0].accounts.as_slice()),
            (1, "video", &["UC1".to_owned()][..])
        );
        assert_eq!(split(feed.as_bytes())[0].key, told[0].key, "a repeat");
        let feed = "<feed><at:deleted-entry ref=\"yt:video:JE8\" when=\"2019-12-02T11:00:00.1+00:00\"><at:by>\
                    <uri>https://www.youtube.com/channel/UC2</uri></at:by></at:deleted-entry></feed>";
        let told = split(feed.as_bytes());
        assert_eq!((told[0].name.as_str(), told[0].accounts.as_slice()), ("video gone", &["UC2".to_owned()][..]));
        assert_eq!(split(b"<html>")[0].name, "unreadable");
    }

    #[test]
    fn the_hub_is_answered_about_our_topic_and_believed_by_our_secret() {
        let settings = settings();
        let question = |topic: &str| {
            let pairs = [("hub.mode", "subscribe"), ("hub.topic", topic), ("hub.challenge", "c")];
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
        };
        let ours = "https://www.youtube.com/feeds/videos.xml?channel_id=UC1";
        assert_eq!(challenge(&settings, &question(ours)).unwrap().body, "c");
        assert!(challenge(&settings, &question("https://www.youtube.com/feeds/videos.xml?channel_id=UC2")).is_none());
        let signed = signature("open sesame", b"x");
        let header = |text: &str| {
            let text = text.to_owned();
            move |_: &str| Some(text.clone())
        };
        assert!(verify(&settings, &header(&signed), b"x"));
        assert!(!verify(&settings, &header(&signed), b"y") && !verify(&settings, &header("sha1="), b"x"));
        assert!(!verify(&settings, &|_: &str| None, b"x"));
        assert!(!verify(&Settings::default(), &header(&signature("", b"x")), b"x"));
    }

    proptest! {
        #[test]
        fn any_notice_is_taken_apart(body in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(!split(&body).is_empty());
        }
    }
}
