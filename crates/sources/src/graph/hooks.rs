//! The webhook of an app. One address is told of a page's feed and of its Messenger, so each event says whose it is.

use frontdesk_model::Timestamp;
use serde_json::{Value, json};

use super::{id_of, settings, time_of};
use crate::Settings;
use crate::ingress::{Challenge, EVENTS_MAX, Header, Query, Received, is_hmac_sha256_hex, is_same_secret};

/// The kinds that one app tells of.
pub(crate) const FAMILY: &[&str] = &["facebook", "messenger"];

/// Longer questions are not the service's.
const CHALLENGE_BYTES_MAX: usize = 1_000;

/// Answers with the bare challenge to who knows the source's token.
pub(crate) fn challenge(settings: &Settings, query: &Query) -> Option<Challenge> {
    let given = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let expected = settings.secret(settings::VERIFY_TOKEN)?;
    let body = given("hub.challenge").filter(|text| text.len() <= CHALLENGE_BYTES_MAX)?;
    let is_asked =
        given("hub.mode") == Some("subscribe") && is_same_secret(expected.reveal(), given("hub.verify_token")?);
    is_asked.then(|| Challenge {
        content_type: "text/plain; charset=utf-8",
        body: body.to_owned(),
        asker_is_known: true,
    })
}

/// Only the SHA-256 signature counts: the older one alone is refused.
pub(crate) fn verify(settings: &Settings, header: &Header<'_>, body: &[u8]) -> bool {
    let Some(secret) = settings.secret(settings::APP_SECRET) else { return false };
    let given = header("x-hub-signature-256");
    let given = given.as_deref().and_then(|given| given.strip_prefix("sha256="));
    given.is_some_and(|given| is_hmac_sha256_hex(secret.reveal().as_bytes(), body, given))
}

/// Cuts a body into its changes and messages.
pub(crate) fn split(body: &[u8]) -> Vec<Received> {
    let told: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(entries) = told["entry"].as_array().filter(|_| told["object"] == "page") else {
        return vec![Received::unreadable(FAMILY[0], body)];
    };
    let mut events = Vec::new();
    for entry in entries {
        let page_id = id_of(&entry["id"]);
        let items = [("changes", "facebook"), ("messaging", "messenger"), ("standby", "messenger")];
        let before = events.len();
        for (list, kind) in items {
            for item in entry[list].as_array().into_iter().flatten().take(EVENTS_MAX.saturating_sub(events.len())) {
                let recipient = id_of(&item["recipient"]["id"]).filter(|_| kind == "messenger");
                let accounts = page_id.clone().into_iter().chain(recipient).collect();
                // A change is told with its entry's time alone; a message has its own, and the entry's differs when it is
                // told again.
                let time = if list == "changes" { &entry["time"] } else { &Value::Null };
                let payload = json!({ "page": page_id, "list": list, "time": time, "item": item });
                events.push(Received::new(kind, accounts, name(list, item), &payload));
            }
        }
        if events.len() == before && events.len() < EVENTS_MAX {
            let payload = json!({ "page": page_id, "list": "", "time": entry["time"], "item": entry });
            events.push(Received::new(FAMILY[0], page_id.into_iter().collect(), "entry".into(), &payload));
        }
    }
    events
}

/// What an event says it is.
fn name(list: &str, item: &Value) -> String {
    /// The parts of a message's event that say what it is.
    const PARTS: [&str; 14] = [
        "message",
        "message_edit",
        "postback",
        "reaction",
        "read",
        "delivery",
        "pass_thread_control",
        "take_thread_control",
        "request_thread_control",
        "app_roles",
        "referral",
        "optin",
        "account_linking",
        "policy_enforcement",
    ];
    let word = |value: &Value| -> Option<String> {
        let text: String =
            value.as_str()?.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(40).collect();
        Some(text).filter(|text| !text.is_empty())
    };
    let words = match list {
        "changes" => {
            [&item["field"], &item["value"]["item"], &item["value"]["verb"]].into_iter().filter_map(word).collect()
        }
        _ => {
            let part = PARTS.into_iter().find(|part| item.get(*part).is_some());
            [list, part.unwrap_or_default()].map(str::to_owned).to_vec()
        }
    };
    words.join(" ").trim().to_owned()
}

/// When an event's entry says that it happened.
pub(crate) fn entry_time(payload: &Value) -> Option<Timestamp> {
    time_of(&payload["time"])
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use frontdesk_model::{Env, error};
    use proptest::prelude::*;
    use serde_json::Map;

    use super::*;
    use crate::ingress::hmac_sha256_hex;
    use crate::{kind, validate_settings};

    fn settings(given: Value) -> Settings {
        let given: Map<String, Value> = given.as_object().cloned().unwrap_or_default();
        let read: Result<Settings, error::Error> = validate_settings(kind("facebook").unwrap(), &given);
        let mut settings = read.unwrap();
        settings.generate_missing(
            kind("facebook").unwrap(),
            &Env::new(|| Timestamp::from_micros(0), |bytes| bytes.fill(7)),
        );
        settings
    }

    #[test]
    fn only_the_newer_signature_counts() {
        let settings = settings(json!({"facebook_page_id": "1", "facebook_app_secret": "secret"}));
        let right = format!("sha256={}", hmac_sha256_hex(b"secret", b"body"));
        let check = |headers: &[(&str, &str)]| {
            let headers: HashMap<String, String> =
                headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            verify(&settings, &|name| headers.get(name).cloned(), b"body")
        };
        assert!(check(&[("x-hub-signature-256", &right)]));
        assert!(!check(&[]));
        assert!(!check(&[("x-hub-signature", "sha1=0123456789012345678901234567890123456789")]));
        assert!(!check(&[("x-hub-signature-256", &right["sha256=".len()..])]));
        assert!(!check(&[("x-hub-signature-256", &format!("sha256={}", hmac_sha256_hex(b"other", b"body")))]));
        let without = self::settings(json!({"facebook_page_id": "1"}));
        assert!(!verify(&without, &|_| Some(format!("sha256={}", hmac_sha256_hex(b"", b"body"))), b"body"));
    }

    #[test]
    fn who_knows_the_token_gets_the_challenge() {
        let settings = settings(json!({"facebook_page_id": "1", "facebook_verify_token": "open sesame"}));
        let ask = |mode: &str, token: &str| {
            let query = [("hub.mode", mode), ("hub.verify_token", token), ("hub.challenge", "<1158201444>")];
            challenge(&settings, &query.map(|(name, value)| (name.to_owned(), value.to_owned())))
        };
        assert_eq!(ask("subscribe", "open sesame").unwrap().body, "<1158201444>");
        assert_eq!((ask("subscribe", "open"), ask("unsubscribe", "open sesame")), (None, None));
    }

    #[test]
    fn a_body_is_cut_into_events_that_repeats_share_a_key_with() {
        let message = json!({"sender": {"id": 5}, "recipient": {"id": 12}, "timestamp": 7, "message": {"mid": "m"}});
        let body = |time: i64| {
            json!({"object": "page", "entry": [
                {"id": 12, "time": time, "messaging": [message, 5]},
                {"id": "12", "time": 3, "changes": [{"field": "feed", "value": {"item": "comment", "verb": "add"}}]},
                {"id": "12", "time": 3},
            ]})
            .to_string()
        };
        let events = split(body(1).as_bytes());
        let told: Vec<_> =
            events.iter().map(|event| (event.kind, event.name.as_str(), event.accounts.join(","))).collect();
        assert_eq!(
            told,
            [
                ("messenger", "messaging message", "12,12".to_owned()),
                ("messenger", "messaging", "12".to_owned()),
                ("facebook", "feed comment add", "12".to_owned()),
                ("facebook", "entry", "12".to_owned()),
            ]
        );
        let keys: Vec<_> = events.into_iter().map(|event| event.key).collect();
        assert_eq!(split(body(2).as_bytes()).into_iter().map(|event| event.key).collect::<Vec<_>>(), keys);
        for unreadable in ["", "[]", "{\"object\":\"user\",\"entry\":[]}", "\u{0}"] {
            assert_eq!(split(unreadable.as_bytes())[0].name, "unreadable");
        }
    }

    proptest! {
        #[test]
        fn any_body_is_cut(body: Vec<u8>) {
            let _ = split(&body);
        }
    }
}
