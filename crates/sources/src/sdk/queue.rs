//! Telling a channel how long a customer still waits (public page sdks/source-sdk/action-details).

use frontdesk_model::Timestamp;
use serde_json::Map;

use super::outbound::action_request;
use crate::Settings;
use crate::outbound::Request;

/// The option with which a channel asks for it.
const OPTION: &str = "messaging.queuing_update";

/// A customer's place in a queue, in the channel's own ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuePlace {
    /// How long they will wait, about.
    pub wait_seconds: u32,
    /// 1 is next.
    pub position: u32,
    /// Their thread; none where the channel has no threads.
    pub thread_foreign_id: Option<String>,
    /// Their last content there.
    pub in_reply_to: Option<String>,
}

/// Whether a channel with these options wants to be told.
pub(super) fn is_wanted(options: &[String]) -> bool {
    options.iter().any(|option| option == OPTION)
}

/// The signed request that tells it; none while the source has no address or no token.
pub(super) fn request(settings: &Settings, place: &QueuePlace, now: Timestamp) -> Option<Request> {
    let mut params = Map::new();
    params.insert("estimated_wait_time".into(), place.wait_seconds.into());
    params.insert("position".into(), place.position.into());
    for (name, id) in [("thread_id", &place.thread_foreign_id), ("in_reply_to_id", &place.in_reply_to)] {
        if let Some(id) = id {
            params.insert(name.into(), id.as_str().into());
        }
    }
    action_request(settings, OPTION, Some(params), now)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_place_is_told_as_the_page_shows_it() {
        let given = json!({"base_uri": "https://a.example/sdk", "access_token": "open sesame"});
        let settings = crate::validate_settings(crate::kind("sdk").unwrap(), given.as_object().unwrap()).unwrap();
        let now = Timestamp::from_micros(1_349_111_920_000_000);
        let place = |thread: Option<&str>, content: Option<&str>| QueuePlace {
            wait_seconds: 30,
            position: 1,
            thread_foreign_id: thread.map(str::to_owned),
            in_reply_to: content.map(str::to_owned),
        };
        for (place, ids) in [
            (place(Some("1"), Some("10")), r#","thread_id":"1","in_reply_to_id":"10""#),
            (place(None, Some("10")), r#","in_reply_to_id":"10""#),
            (place(Some("1"), None), r#","thread_id":"1""#),
        ] {
            let body = String::from_utf8(request(&settings, &place, now).unwrap().body).unwrap();
            let params = format!(r#"{{"estimated_wait_time":30,"position":1{ids}}}"#);
            let action = "messaging.queuing_update";
            let expected = format!(r#"{{"action":"{action}","params":{params},"time":"2012-10-01T17:18:40Z"}}"#);
            assert_eq!(body, expected);
        }
        assert!(request(&Settings::default(), &place(None, None), now).is_none());
        assert!(!is_wanted(&[]) && is_wanted(&["view.messaging".into(), OPTION.into()]));
    }
}
