//! Structured messages in Messenger's words. They come already cut to what it takes.

use serde_json::{Value, json};

/// A structured message; `body` stands where it needs a text beside it.
pub(super) fn message(structured: &Value, body: &str) -> Value {
    match structured["type"].as_str() {
        Some("select") => {
            let quick_reply = |item: &Value| {
                let mut reply = json!({ "content_type": "text", "title": item["title"], "payload": item["payload"] });
                if item["attachment_url"].is_string() {
                    reply["image_url"] = item["attachment_url"].clone();
                }
                reply
            };
            json!({ "text": body, "quick_replies": items(structured).map(quick_reply).collect::<Vec<_>>() })
        }
        Some("template") if !structured["subtitle"].is_string() && !structured["attachment_url"].is_string() => {
            button_template(&structured["title"], items(structured).map(button).collect())
        }
        Some("template") => generic(vec![element(structured)]),
        Some("carousel") => generic(items(structured).map(element).collect()),
        Some("rich_link") => {
            let link = json!({ "type": "web_url", "url": structured["url"], "title": link_title(structured) });
            if structured["subtitle"].is_string() || structured["attachment_url"].is_string() {
                generic(vec![element(structured)])
            } else {
                button_template(&structured["title"], vec![link])
            }
        }
        _ => json!({ "text": body }),
    }
}

fn items(structured: &Value) -> impl Iterator<Item = &Value> {
    structured["items"].as_array().into_iter().flatten()
}

fn link_title(structured: &Value) -> Value {
    let host = || structured["url"].as_str().and_then(|url| Some(url::Url::parse(url).ok()?.host_str()?.to_owned()));
    match &structured["url_text"] {
        Value::String(text) => text.as_str().into(),
        _ => host().unwrap_or_default().chars().take(20).collect::<String>().into(),
    }
}

fn button(item: &Value) -> Value {
    if item["type"] == "url" {
        json!({ "type": "web_url", "url": item["url"], "title": item["title"] })
    } else {
        json!({ "type": "postback", "title": item["title"], "payload": item["payload"] })
    }
}

fn button_template(title: &Value, buttons: Vec<Value>) -> Value {
    let payload = json!({ "template_type": "button", "text": title, "buttons": buttons });
    json!({ "attachment": { "type": "template", "payload": payload } })
}

fn generic(elements: Vec<Value>) -> Value {
    let payload = json!({ "template_type": "generic", "elements": elements });
    json!({ "attachment": { "type": "template", "payload": payload } })
}

fn element(item: &Value) -> Value {
    let mut element = json!({ "title": item["title"] });
    if item["subtitle"].is_string() {
        element["subtitle"] = item["subtitle"].clone();
    }
    if item["attachment_url"].is_string() {
        element["image_url"] = item["attachment_url"].clone();
    }
    if item["url"].is_string() {
        element["default_action"] = json!({ "type": "web_url", "url": item["url"] });
    }
    let buttons: Vec<Value> = items(item).map(button).collect();
    if !buttons.is_empty() {
        element["buttons"] = buttons.into();
    }
    element
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_its_place() {
        let select = json!({"type": "select", "items": [{"title": "Red", "payload": "R"}]});
        assert_eq!(
            message(&select, "Which?"),
            json!({"text": "Which?", "quick_replies": [{"content_type": "text", "title": "Red", "payload": "R"}]})
        );
        let buttons = json!([{"type": "url", "title": "Go", "url": "https://a.example"}, {"type": "reply", "title": "No", "payload": "N"}]);
        let bare = message(&json!({"type": "template", "title": "T", "items": buttons}), "");
        assert_eq!(bare["attachment"]["payload"]["template_type"], "button");
        assert_eq!(bare["attachment"]["payload"]["buttons"][1]["payload"], "N");
        let full = message(
            &json!({"type": "template", "title": "T", "subtitle": "S", "url": "https://a.example", "items": buttons}),
            "",
        );
        let element = &full["attachment"]["payload"]["elements"][0];
        assert_eq!((&element["subtitle"], &element["default_action"]["type"]), (&json!("S"), &json!("web_url")));
        let carousel =
            message(&json!({"type": "carousel", "items": [{"title": "A", "items": buttons}, {"title": "B"}]}), "");
        assert_eq!(carousel["attachment"]["payload"]["elements"].as_array().unwrap().len(), 2);
        let link = message(&json!({"type": "rich_link", "title": "T", "url": "https://a.example/x"}), "");
        assert_eq!(link["attachment"]["payload"]["buttons"][0]["title"], "a.example");
        assert_eq!(message(&json!({"type": "hologram"}), "Text"), json!({"text": "Text"}));
    }
}
