//! News of videos, where it is asked for (WebSub): a hub posts a feed, signed with our secret, when a video is new, is
//! changed or goes. A notice says when to look, and comments are looked for as always: so one that is lost, late or
//! doubled does no harm.

use super::HUB;
use super::limits::{NOTICE_BYTES_MAX, VIDEOS_PER_NOTICE_MAX};
use super::settings::{CHANNEL_ID, LEASE_DAYS, WEBSUB_SECRET};
use crate::Settings;
use crate::outbound::Request;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// What a notice tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Videos that are new or were changed.
    pub videos: Vec<String>,
    /// Videos that are gone.
    pub gone: Vec<String>,
}

/// What the hub is asked about; none while the settings do not say whose videos.
pub fn topic(settings: &Settings) -> Option<String> {
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

/// Reads a notice whose signature was verified. What it cannot read, it leaves out.
pub fn read_notice(body: &[u8]) -> Told {
    let body = String::from_utf8_lossy(&body[..body.len().min(NOTICE_BYTES_MAX)]);
    let videos = body.split("<yt:videoId>").skip(1).filter_map(|rest| video_id(rest.split('<').next()?));
    let gone = body.split("<at:deleted-entry").skip(1).filter_map(|rest| {
        let tag = rest.split('>').next()?;
        video_id(tag.split("yt:video:").nth(1)?.split(['"', '\'']).next()?)
    });
    Told { videos: videos.take(VIDEOS_PER_NOTICE_MAX).collect(), gone: gone.take(VIDEOS_PER_NOTICE_MAX).collect() }
}

fn video_id(text: &str) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let text = text.trim();
    ((1..=64).contains(&text.len()) && text.bytes().all(fits)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn notices_tell_what_is_new_and_what_is_gone() {
        let feed = "<feed><entry><id>yt:video:abc-_1</id><yt:videoId>abc-_1</yt:videoId></entry>\
                    <entry><yt:videoId>a b</yt:videoId></entry></feed>";
        let told = read_notice(feed.as_bytes());
        assert_eq!((told.videos, told.gone), (vec!["abc-_1".to_owned()], vec![]));
        let feed = "<feed><at:deleted-entry ref=\"yt:video:JE8\" when=\"2019-12-02T11:00:00.1+00:00\"></at:deleted-entry></feed>";
        assert_eq!(read_notice(feed.as_bytes()).gone, ["JE8"]);
    }

    proptest! {
        #[test]
        fn any_notice_is_read(body in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_notice(&body);
        }
    }
}
