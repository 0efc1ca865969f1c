//! What happens on a page, as Facebook tells it, made into the words of every channel.

use serde_json::Value;

use super::ACTIONS;
use crate::Settings;
use crate::graph::limits::FILES_MAX;
use crate::graph::{self, settings};
use crate::inbound::{BodyFormat, ContentObject, InboundAttachment, InboundContent};
use crate::ingress::{Happening, Read};

/// What the page or its visitors put up; Facebook has many words for it.
const POSTS: [&str; 9] = ["post", "status", "photo", "video", "share", "link", "album", "note", "story"];

/// Reads one event: nothing where its kind is not known.
pub(super) fn read(known: &Settings, payload: &str) -> Read {
    let payload: Value = serde_json::from_str(payload).map_err(|_| "It is not JSON.")?;
    let (item, list) = (&payload["item"], payload["list"].as_str().unwrap_or_default());
    if list != "changes" {
        return Ok(None);
    }
    let value = &item["value"];
    let field = item["field"].as_str().ok_or("It does not say which field changed.")?;
    if !matches!(field, "feed" | "mention" | "ratings") {
        return Ok(None);
    }
    if !value.is_object() {
        return Err("It has no value.".into());
    }
    let what = value["item"].as_str().ok_or("It does not say what changed.")?;
    let object = match what {
        "comment" => ContentObject::Comment,
        "rating" => ContentObject::Review,
        what if POSTS.contains(&what) => ContentObject::Post,
        // Known, and nothing that anybody wrote.
        "reaction" | "like" => return Ok(Some(Vec::new())),
        _ => return Ok(None),
    };
    let foreign_id = id(object, value).ok_or_else(|| format!("The {} has no id.", object.as_str()))?;
    let happening = match value["verb"].as_str().ok_or("It does not say what happened.")? {
        "add" => Happening::Content(Box::new(content(known, object, foreign_id, value, &payload))),
        "edit" | "edited" | "update" => {
            Happening::Edited(Box::new(content(known, object, foreign_id, value, &payload)))
        }
        "remove" | "delete" => Happening::Removed { foreign_id },
        "hide" => Happening::Shown { foreign_id, published: false },
        "unhide" => Happening::Shown { foreign_id, published: true },
        _ => return Ok(None),
    };
    Ok(Some(vec![happening]))
}

fn id(object: ContentObject, value: &Value) -> Option<String> {
    match object {
        ContentObject::Comment => graph::id_of(&value["comment_id"]),
        ContentObject::Review => {
            graph::id_of(&value["open_graph_story_id"]).or_else(|| graph::id_of(&value["review_id"]))
        }
        _ => graph::id_of(&value["post_id"]).or_else(|| graph::id_of(&value["photo_id"])),
    }
}

fn content(
    known: &Settings,
    object: ContentObject,
    foreign_id: String,
    value: &Value,
    payload: &Value,
) -> InboundContent {
    let mut content = InboundContent::new(object, foreign_id);
    let page_id = known.text(settings::PAGE_ID);
    let (from, names) = (&value["from"], ["sender_name", "reviewer_name"]);
    let author_id = [&from["id"], &value["sender_id"], &value["reviewer_id"]].into_iter().find_map(graph::id_of);
    let name = graph::name_of(&from["name"]).or_else(|| names.iter().find_map(|name| graph::name_of(&value[*name])));
    // Facebook does not name everybody to an app: what they wrote is there all the same.
    let author_id = author_id.unwrap_or_else(|| format!("unknown-{}", content.foreign_id));
    content.author = Some(graph::author(author_id, name, page_id));
    content.format = BodyFormat::Text;
    content.body = match object {
        ContentObject::Review => review(value),
        _ => graph::text_of(&value["message"]).unwrap_or_default(),
    };
    content.rating = stars(value).filter(|_| object == ContentObject::Review);
    let post_id = ["post_id", "open_graph_story_id"].iter().find_map(|name| graph::id_of(&value[*name]));
    content.thread_foreign_id = match object {
        ContentObject::Comment => post_id.or_else(|| graph::id_of(&value["parent_id"])),
        _ => Some(content.foreign_id.clone()),
    };
    let parent_id = graph::id_of(&value["parent_id"]).filter(|_| object == ContentObject::Comment);
    content.in_reply_to = parent_id.filter(|id| *id != content.foreign_id);
    content.created_at = graph::time_of(&value["created_time"]).or_else(|| graph::entry_time(payload));
    content.source_url = Some(seen_at(value, &content.foreign_id));
    content.attachments = files(value);
    if content.body.is_empty() && content.attachments.is_empty() {
        content.body = graph::url_of(&value["link"]).unwrap_or_default();
    }
    let told = |name: &str| value[name].as_bool().or_else(|| Some(value[name].as_i64()? != 0));
    content.published = match (told("is_hidden"), told("published")) {
        (None, None) => None,
        (hidden, published) => Some(hidden != Some(true) && published != Some(false)),
    };
    content.actions = match object {
        ContentObject::Review => vec!["reply".into()],
        _ => ACTIONS.map(str::to_owned).to_vec(),
    };
    content
}

fn stars(value: &Value) -> Option<i64> {
    value["rating"].as_i64().filter(|stars| (1..=5).contains(stars))
}

/// What somebody thinks of the page: with stars formerly, with a recommendation today.
fn review(value: &Value) -> String {
    let text = graph::text_of(&value["review_text"]).unwrap_or_default();
    let recommends = value["recommendation_type"].as_str().map(str::to_ascii_lowercase);
    let verdict = match (stars(value), recommends.as_deref()) {
        (Some(stars), _) => format!("{stars}/5"),
        (_, Some("positive")) => "👍".into(),
        (_, Some("negative")) => "👎".into(),
        _ => return text,
    };
    if text.is_empty() { verdict } else { format!("{verdict} {text}") }
}

fn seen_at(value: &Value, foreign_id: &str) -> String {
    let told = [&value["permalink_url"], &value["post"]["permalink_url"]].into_iter().find_map(graph::url_of);
    let is_facebook = |url: &String| url.starts_with("https://www.facebook.com/");
    told.filter(is_facebook).unwrap_or_else(|| {
        let mut url = String::from("https://www.facebook.com/");
        url.extend(foreign_id.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')));
        url
    })
}

/// Pictures and videos. Those that have no address are not there to be fetched.
fn files(value: &Value) -> Vec<InboundAttachment> {
    let photos = value["photos"].as_array().into_iter().flatten();
    let one = |url: String, hint: Option<&str>| InboundAttachment::Url {
        url,
        kind_hint: hint.map(str::to_owned),
        filename: None,
    };
    let mut files: Vec<_> = photos.filter_map(graph::url_of).take(FILES_MAX).map(|url| one(url, None)).collect();
    if files.is_empty() {
        // A picture's address is in `photo` of comments and in `link` of posts.
        let is_picture = value["item"] == "photo";
        let link = graph::url_of(&value["link"]).filter(|_| is_picture);
        files.extend(graph::url_of(&value["photo"]).or(link).map(|url| one(url, None)));
    }
    files.extend(graph::url_of(&value["video"]).map(|url| one(url, Some("video"))));
    files
}

#[cfg(test)]
mod tests {
    use frontdesk_model::Timestamp;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{kind, validate_settings};

    fn payload(time: i64, item: &Value) -> String {
        json!({ "page": "12", "list": "changes", "time": time, "item": item }).to_string()
    }

    fn page() -> Settings {
        let given = json!({"facebook_page_id": "12"});
        validate_settings(kind("facebook").unwrap(), given.as_object().unwrap()).unwrap()
    }

    fn feed(value: Value) -> Read {
        read(&page(), &payload(1_449_135_003, &json!({"field": "feed", "value": value})))
    }

    fn one(value: Value) -> InboundContent {
        match feed(value).unwrap().unwrap().remove(0) {
            Happening::Content(content) | Happening::Edited(content) => *content,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_comment_is_in_its_posts_thread_under_what_it_answers() {
        let comment =
            one(json!({"item": "comment", "verb": "add", "comment_id": "5_7", "post_id": "12_5", "parent_id": "5_6",
            "from": {"id": "9", "name": "<b>Vera</b>"}, "created_time": 1_449_135_000, "message": "Hello\u{0}",
            "photo": "https://cdn.example/a.jpg"}));
        assert_eq!((comment.foreign_id.as_str(), comment.object), ("5_7", ContentObject::Comment));
        assert_eq!(comment.thread_foreign_id.as_deref(), Some("12_5"));
        assert_eq!((comment.in_reply_to.as_deref(), comment.body.as_str()), (Some("5_6"), "Hello"));
        assert_eq!(comment.created_at, Some(Timestamp::from_micros(1_449_135_000_000_000)));
        assert_eq!(comment.attachments.len(), 1);
        let author = comment.author.unwrap();
        assert_eq!((author.foreign_id.as_str(), author.puppetizable), ("9", false));
    }

    #[test]
    fn what_the_page_wrote_is_ours_and_who_is_not_named_still_wrote() {
        let own =
            one(json!({"item": "comment", "verb": "add", "comment_id": "5_7", "post_id": "12_5", "sender_id": 12}));
        assert!(own.author.unwrap().puppetizable);
        let unnamed = one(json!({"item": "post", "verb": "add", "post_id": "12_5", "message": "x"}));
        assert_eq!(unnamed.author.unwrap().foreign_id, "unknown-12_5");
        assert_eq!(unnamed.created_at, Some(Timestamp::from_micros(1_449_135_003_000_000)), "the entry's time");
        assert_eq!(unnamed.thread_foreign_id.as_deref(), Some("12_5"));
    }

    #[test]
    fn reviews_show_the_verdict_with_the_text() {
        for (value, body, rating) in [
            (json!({"recommendation_type": "NEGATIVE", "review_text": "Bad"}), "👎 Bad", None),
            (json!({"rating": 4, "review_text": "Good"}), "4/5 Good", Some(4)),
            (json!({"rating": 9, "review_text": "Good"}), "Good", None),
            (json!({"recommendation_type": "positive"}), "👍", None),
        ] {
            let mut value = value;
            value["item"] = "rating".into();
            value["verb"] = "add".into();
            value["open_graph_story_id"] = 77.into();
            value["reviewer_id"] = "9".into();
            let review = one(value);
            assert_eq!((review.body.as_str(), review.object, review.actions.len()), (body, ContentObject::Review, 1));
            assert_eq!(review.rating, rating);
        }
    }

    #[test]
    fn changes_name_what_they_change_and_the_rest_is_told_apart() {
        let comment =
            |verb: &str| feed(json!({"item": "comment", "verb": verb, "comment_id": "5_7", "post_id": "12_5"}));
        let told = |verb: &str| comment(verb).unwrap().unwrap().remove(0);
        let foreign_id = || "5_7".to_owned();
        assert_eq!(told("remove"), Happening::Removed { foreign_id: foreign_id() });
        assert_eq!(told("hide"), Happening::Shown { foreign_id: foreign_id(), published: false });
        assert_eq!(told("unhide"), Happening::Shown { foreign_id: foreign_id(), published: true });
        assert!(matches!(told("edited"), Happening::Edited(_)));
        assert_eq!(comment("dance"), Ok(None));
        assert_eq!(feed(json!({"item": "reaction", "verb": "add"})), Ok(Some(Vec::new())));
        assert_eq!(feed(json!({"item": "event", "verb": "add"})), Ok(None));
        for unreadable in
            [json!(5), json!({}), json!({"item": "comment", "verb": "add"}), json!({"item": "post", "post_id": "1"})]
        {
            assert!(feed(unreadable.clone()).is_err(), "{unreadable}");
        }
        assert_eq!(read(&page(), &payload(0, &json!({"field": "name", "value": "x"}))), Ok(None));
        assert!(read(&page(), "nonsense").is_err());
    }

    proptest! {
        #[test]
        fn any_payload_is_read(id in any::<String>(), text in any::<String>(), time in any::<i64>()) {
            let value = json!({"item": "comment", "verb": "add", "comment_id": id, "message": text, "created_time": time,
                "from": {"id": text, "name": id}, "photo": text, "post_id": time});
            let _ = feed(value);
            let _ = read(&page(), &text);
        }
    }
}
