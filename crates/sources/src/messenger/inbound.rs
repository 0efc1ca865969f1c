//! What customers, the page and other apps do in Messenger, made into the words of every channel.

use serde_json::{Map, Value, json};

use super::handover;
use super::outbound::echoed;
use crate::Settings;
use crate::graph::limits::{FILES_MAX, PAYLOAD_CHARACTERS_MAX};
use crate::graph::{self, settings};
use crate::inbound::{BodyFormat, ContentObject, InboundAttachment, InboundContent};
use crate::ingress::{Control, Happening, Read, key_of};

/// The stickers of a thumb, small, medium and large (public).
const THUMBS: [&str; 3] = ["369239263222822", "369239343222814", "369239383222810"];

/// Reads one event: nothing where its kind is not known.
pub(super) fn read(known: &Settings, payload: &str) -> Read {
    let payload: Value = serde_json::from_str(payload).map_err(|_| "It is not JSON.")?;
    let (item, list) = (&payload["item"], payload["list"].as_str().unwrap_or_default());
    if !matches!(list, "messaging" | "standby") {
        return Ok(None);
    }
    if !item.is_object() {
        return Err("It is no object.".into());
    }
    let is = |part: &str| item.get(part).is_some();
    let mut happenings = if is("message") {
        message(known, item)?
    } else if is("postback") {
        vec![Happening::Content(Box::new(postback(known, item)?))]
    } else if is("message_edit") {
        vec![Happening::Edited(Box::new(edit(known, item)?))]
    } else if is("reaction") {
        vec![reaction(&item["reaction"])?]
    } else if is("read") {
        let at = graph::time_of(&item["read"]["watermark"]).ok_or("The read mark has no time.")?;
        vec![Happening::ReadUpTo { author_foreign_id: sender(item)?, at }]
    } else if is("delivery") {
        let mids = item["delivery"]["mids"].as_array().into_iter().flatten();
        vec![Happening::Arrived { foreign_ids: mids.filter_map(graph::id_of).take(FILES_MAX).collect() }]
    } else if is("referral") {
        // Somebody came back over a link: it is told with what they write next.
        Vec::new()
    } else {
        match handover::read(item)? {
            Some(control) => vec![control],
            None => return Ok(None),
        }
    };
    if list == "standby" {
        for happening in &mut happenings {
            if let Happening::Content(content) = happening {
                content.elsewhere = true;
            }
        }
        let author_foreign_id = happenings.iter().find_map(customer_of);
        happenings.extend(
            author_foreign_id
                .map(|author_foreign_id| Happening::Control { author_foreign_id, change: Control::Elsewhere }),
        );
        happenings.reverse();
    }
    Ok(Some(happenings))
}

/// Whose conversation something happened in.
fn customer_of(happening: &Happening) -> Option<String> {
    let Happening::Content(content) = happening else { return None };
    let (author, recipient) = (content.author.as_ref()?, content.recipient.as_ref());
    let customer = if author.puppetizable { recipient? } else { author };
    Some(customer.foreign_id.clone())
}

fn sender(item: &Value) -> Result<String, String> {
    graph::id_of(&item["sender"]["id"]).ok_or_else(|| "It has no sender.".into())
}

fn message(known: &Settings, item: &Value) -> Result<Vec<Happening>, String> {
    let message = &item["message"];
    let foreign_id = graph::id_of(&message["mid"]).ok_or("The message has no id.")?;
    if message["is_deleted"] == true {
        return Ok(vec![Happening::Removed { foreign_id }]);
    }
    if message["is_echo"] == true
        && let Some((content_id, part)) = message["metadata"].as_str().and_then(echoed)
    {
        return Ok(vec![Happening::Echo { content_id, part, foreign_id }]);
    }
    let mut content = from(known, item, foreign_id)?;
    content.in_reply_to = graph::id_of(&message["reply_to"]["mid"]);
    content.structured_reply = reply(&message["quick_reply"]["payload"]);
    content.context_data = referral(&message["referral"]);
    let thumb = graph::id_of(&message["sticker_id"]).is_some_and(|id| THUMBS.contains(&id.as_str()));
    let mut lines: Vec<String> = graph::text_of(&message["text"]).into_iter().collect();
    if thumb {
        lines.push("👍".into());
    } else {
        for attachment in message["attachments"].as_array().into_iter().flatten().take(FILES_MAX) {
            match file(attachment) {
                Ok(file) => content.attachments.push(file),
                Err(line) => lines.push(line),
            }
        }
    }
    if message["is_unsupported"] == true || (lines.is_empty() && content.attachments.is_empty()) {
        lines.push("[Messenger does not let apps see this message.]".into());
    }
    content.body = lines.join("\n");
    Ok(vec![Happening::Content(Box::new(content))])
}

/// A content between the page and its customer, without what it says.
fn from(known: &Settings, item: &Value, foreign_id: String) -> Result<InboundContent, String> {
    let page_id = known.text(settings::PAGE_ID);
    let mut content = InboundContent::new(ContentObject::Message, foreign_id);
    let author = graph::author(sender(item)?, None, page_id);
    let recipient = graph::id_of(&item["recipient"]["id"]);
    if author.puppetizable {
        let recipient = recipient.ok_or("What the page wrote has no recipient.")?;
        content.recipient = Some(graph::author(recipient, None, page_id));
    }
    content.author = Some(author);
    content.format = BodyFormat::Text;
    content.created_at = graph::time_of(&item["timestamp"]);
    Ok(content)
}

fn reply(payload: &Value) -> Option<Value> {
    let payload: String = payload.as_str()?.chars().filter(|c| *c != '\0').take(PAYLOAD_CHARACTERS_MAX).collect();
    Some(json!({ "payload": payload }))
}

fn referral(referral: &Value) -> Map<String, Value> {
    let mut context = Map::new();
    for name in ["ref", "source", "type", "ad_id"] {
        if let Some(text) = graph::name_of(&referral[name]) {
            context.insert(format!("referral_{name}"), text.into());
        }
    }
    context
}

/// What was picked of a button or a menu. Older ones have no id: they are known by whom, when and what.
fn postback(known: &Settings, item: &Value) -> Result<InboundContent, String> {
    let postback = &item["postback"];
    let payload = postback["payload"].as_str().unwrap_or_default();
    let foreign_id = graph::id_of(&postback["mid"]).unwrap_or_else(|| {
        let told = [&item["recipient"]["id"], &item["sender"]["id"], &item["timestamp"]].map(Value::to_string);
        format!("postback-{}", key_of(&format!("{} {payload}", told.join(" "))))
    });
    let mut content = from(known, item, foreign_id)?;
    let title = graph::text_of(&postback["title"]).or_else(|| graph::text_of(&postback["payload"]));
    content.body = title.ok_or("The postback says nothing.")?;
    content.structured_reply = reply(&postback["payload"]);
    content.context_data = referral(&postback["referral"]);
    Ok(content)
}

fn edit(known: &Settings, item: &Value) -> Result<InboundContent, String> {
    let edit = &item["message_edit"];
    let foreign_id = graph::id_of(&edit["mid"]).ok_or("The edited message has no id.")?;
    let mut content = from(known, item, foreign_id)?;
    content.body = graph::text_of(&edit["text"]).ok_or("The edited message has no text.")?;
    Ok(content)
}

fn reaction(reaction: &Value) -> Result<Happening, String> {
    let foreign_id = graph::id_of(&reaction["mid"]).ok_or("The reaction is to nothing.")?;
    let word = graph::name_of(&reaction["emoji"]).or_else(|| graph::name_of(&reaction["reaction"]));
    Ok(Happening::Reaction { foreign_id, reaction: word.filter(|_| reaction["action"] != "unreact") })
}

/// A file, or the line that stands for what is none.
fn file(attachment: &Value) -> Result<InboundAttachment, String> {
    let (kind, payload) = (attachment["type"].as_str().unwrap_or("attachment"), &attachment["payload"]);
    let url = graph::url_of(&payload["url"]);
    let title = graph::name_of(&attachment["title"]).or_else(|| graph::name_of(&payload["title"]));
    let kind: String = kind.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(40).collect();
    match (kind.as_str(), url) {
        ("image" | "file", Some(url)) => Ok(InboundAttachment::Url { url, kind_hint: None, filename: None }),
        ("audio" | "video", Some(url)) => Ok(InboundAttachment::Url { url, kind_hint: Some(kind), filename: None }),
        ("location", _) => {
            let at = |name: &str| payload["coordinates"][name].as_f64();
            let place = at("lat").zip(at("long")).map(|(lat, long)| format!("{lat}, {long}"));
            let words = [title, place].into_iter().flatten().collect::<Vec<_>>().join(": ");
            Err(if words.is_empty() { "[location]".into() } else { format!("[location] {words}") })
        }
        (_, url) => {
            let url = url.or_else(|| graph::url_of(&attachment["url"]));
            let words: Vec<String> = title.into_iter().chain(url).collect();
            Err(if words.is_empty() { format!("[{kind}]") } else { words.join(" ") })
        }
    }
}

#[cfg(test)]
mod tests {
    use frontdesk_model::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::{kind, validate_settings};

    fn page() -> Settings {
        let given = json!({"facebook_page_id": "12"});
        validate_settings(kind("messenger").unwrap(), given.as_object().unwrap()).unwrap()
    }

    fn told(list: &str, part: Value) -> Read {
        let mut item = json!({"sender": {"id": 9}, "recipient": {"id": "12"}, "timestamp": 1_457_764_197_627_i64});
        if let (Some(item), Some(part)) = (item.as_object_mut(), part.as_object()) {
            item.extend(part.clone());
        }
        read(&page(), &json!({"page": "12", "list": list, "time": null, "item": item}).to_string())
    }

    fn one(part: Value) -> InboundContent {
        match told("messaging", part).unwrap().unwrap().remove(0) {
            Happening::Content(content) | Happening::Edited(content) => *content,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn messages_are_read_with_what_they_carry() {
        let message = one(json!({"message": {"mid": "m1", "text": "Red", "quick_reply": {"payload": "RED"},
            "reply_to": {"mid": "m0"}}}));
        assert_eq!((message.foreign_id.as_str(), message.body.as_str()), ("m1", "Red"));
        assert_eq!(message.structured_reply, Some(json!({"payload": "RED"})));
        assert_eq!((message.in_reply_to.as_deref(), message.author.unwrap().foreign_id.as_str()), (Some("m0"), "9"));
        assert_eq!(message.created_at, Some(Timestamp::from_micros(1_457_764_197_627_000)));
        for (attachment, body, files) in [
            (json!({"type": "image", "payload": {"url": "https://cdn.example/a.jpg"}}), "", 1),
            (json!({"type": "image", "payload": {"url": "IMAGE_URL"}}), "[image]", 0),
            (
                json!({"type": "location", "title": "Home", "payload": {"coordinates": {"lat": 1.5, "long": -2.0}}}),
                "[location] Home: 1.5, -2",
                0,
            ),
            (
                json!({"type": "fallback", "title": "T", "url": "https://a.example/", "payload": "BLOB"}),
                "T https://a.example/",
                0,
            ),
            (json!({"type": "hologram"}), "[hologram]", 0),
            (json!(5), "[attachment]", 0),
        ] {
            let message = one(json!({"message": {"mid": "m", "attachments": [attachment]}}));
            assert_eq!((message.body.as_str(), message.attachments.len()), (body, files));
        }
        let thumb = one(json!({"message": {"mid": "m", "sticker_id": 369_239_263_222_822_i64,
            "attachments": [{"type": "image", "payload": {"url": "https://a.example/t.png"}}]}}));
        assert_eq!((thumb.body.as_str(), thumb.attachments.len()), ("👍", 0));
        assert!(one(json!({"message": {"mid": "m"}})).body.starts_with('['));
    }

    #[test]
    fn what_the_page_wrote_elsewhere_is_the_pages_and_our_own_is_known_by_its_mark() {
        let echo = |metadata: &str| {
            told(
                "messaging",
                json!({"sender": {"id": "12"}, "recipient": {"id": "9"},
                "message": {"mid": "m", "is_echo": true, "text": "Hello", "metadata": metadata}}),
            )
            .unwrap()
            .unwrap()
            .remove(0)
        };
        let content_id = "013a1d5e4e80000000000001";
        assert_eq!(
            echo(&format!("frontdesk:{content_id}:2")),
            Happening::Echo { content_id: content_id.parse().unwrap(), part: 2, foreign_id: "m".into() }
        );
        let Happening::Content(other) = echo("of another app") else { panic!() };
        assert!(other.author.unwrap().puppetizable && other.recipient.unwrap().foreign_id == "9");
    }

    #[test]
    fn a_postback_without_an_id_is_the_same_each_time() {
        let old = json!({"postback": {"payload": "GO", "referral": {"ref": "r", "source": "SHORTLINK", "type": "OPEN_THREAD"}}});
        let first = one(old.clone());
        assert_eq!((first.body.as_str(), &first.foreign_id), ("GO", &one(old).foreign_id));
        assert_eq!(first.context_data["referral_ref"], "r");
        let new = one(json!({"postback": {"mid": "m", "title": "Start", "payload": "GO"}}));
        assert_eq!((new.body.as_str(), new.structured_reply), ("Start", Some(json!({"payload": "GO"}))));
        assert!(told("messaging", json!({"postback": {}})).is_err());
    }

    #[test]
    fn marks_changes_and_control_are_told() {
        let told = |part: Value| told("messaging", part).unwrap().unwrap().remove(0);
        let author_foreign_id = || "9".to_owned();
        assert_eq!(
            told(json!({"message": {"mid": "m", "is_deleted": true}})),
            Happening::Removed { foreign_id: "m".into() }
        );
        assert!(matches!(told(json!({"message_edit": {"mid": "m", "text": "New"}})), Happening::Edited(_)));
        assert_eq!(
            told(json!({"reaction": {"mid": "m", "action": "react", "emoji": "❤"}})),
            Happening::Reaction { foreign_id: "m".into(), reaction: Some("❤".into()) }
        );
        assert_eq!(
            told(json!({"reaction": {"mid": "m", "action": "unreact", "emoji": "❤"}})),
            Happening::Reaction { foreign_id: "m".into(), reaction: None }
        );
        assert!(matches!(told(json!({"read": {"watermark": 1_458_668_856_253_i64}})), Happening::ReadUpTo { .. }));
        assert_eq!(told(json!({"delivery": {"mids": ["m"]}})), Happening::Arrived { foreign_ids: vec!["m".into()] });
        assert_eq!(
            told(json!({"pass_thread_control": {"new_owner_app_id": 77}})),
            Happening::Control {
                author_foreign_id: author_foreign_id(),
                change: Control::Passed { to_app_id: Some("77".into()) }
            }
        );
    }

    #[test]
    fn what_others_answer_is_marked_so_before_it_is_taken_in() {
        let read = told("standby", json!({"message": {"mid": "m", "text": "x"}})).unwrap().unwrap();
        assert!(matches!(read[0], Happening::Control { change: Control::Elsewhere, .. }));
        assert!(matches!(read[1], Happening::Content(_)));
        assert_eq!(told("messaging", json!({"optin": {}})), Ok(None));
        assert!(told("messaging", json!({"message": {}})).is_err());
        assert!(told("messaging", json!({"sender": {}, "message": {"mid": "m"}})).is_err());
    }

    proptest! {
        #[test]
        fn any_payload_is_read(id in any::<String>(), text in any::<String>(), at in any::<i64>()) {
            let _ = told("messaging", json!({"message": {"mid": id, "text": text, "attachments": [{"type": text, "title": id,
                "payload": {"url": text, "coordinates": {"lat": at}}}]}}));
            let _ = told("standby", json!({"timestamp": at, "sender": {"id": text}, "postback": {"payload": id}}));
            let _ = told("messaging", json!({"read": {"watermark": at}, "recipient": id}));
            let _ = read(&page(), &text);
        }
    }
}
