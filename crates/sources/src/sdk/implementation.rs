//! What a channel tells of itself in answer to `implementation.info`.

use std::collections::BTreeMap;

use frontdesk_model::invisible;
use frontdesk_model::lists::each_once;
use serde_json::{Map, Value};

use super::limits::{
    ACTIONS_MAX, LIST_ITEMS_MAX, LOCALE_LABELS_MAX, LOCALES_MAX, OBJECTS_MAX, SHORT_TEXT_CHARACTERS_MAX,
};
use crate::inbound::ContentObject;
use crate::outbound::ContentAction;

/// The objects that are listed, in the order in which they are asked for.
const LISTED: [ContentObject; 3] = [ContentObject::Thread, ContentObject::Message, ContentObject::PrivateMessage];

/// Those that have a meaning of their own; any other is the channel's.
const STANDARD_ACTIONS: [&str; 9] =
    ["create", "delete", "destroy", "info", "list", "publish", "reply", "show", "unpublish"];

/// What a channel can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Implementation {
    /// The actions of each object, under the objects' plural names.
    objects: BTreeMap<String, Vec<String>>,
    /// The options that are on, also such as no page knows.
    options: Vec<String>,
    /// Names for its actions: by language, then by action.
    locales: BTreeMap<String, BTreeMap<String, String>>,
}

impl Implementation {
    /// Reads the answer, whose objects are a map of lists or one list of names such as `messages.list`. What is wrong
    /// with it otherwise is told in a sentence for people. A text that is too long or no text is left out; so is a name
    /// that does not show as it is.
    pub fn read(answer: &Value) -> Result<Implementation, String> {
        let Value::Object(answer) = answer else { return Err("the answer is no object".into()) };
        let mut implementation = Implementation::default();
        match answer.get("objects") {
            Some(Value::Object(objects)) => {
                for (object, actions) in objects.iter().take(OBJECTS_MAX) {
                    for action in texts(Some(actions), ACTIONS_MAX) {
                        implementation.add(object, action);
                    }
                }
            }
            names @ Some(Value::Array(_)) => {
                for name in texts(names, OBJECTS_MAX * ACTIONS_MAX) {
                    if let Some((object, action)) = name.split_once('.') {
                        implementation.add(object, action);
                    }
                }
            }
            _ => {}
        }
        if implementation.objects.is_empty() {
            return Err("the answer has no objects, such as {\"messages\": [\"list\", \"create\"]}".into());
        }
        implementation.options = texts(answer.get("options"), LIST_ITEMS_MAX).map(str::to_owned).collect();
        for (language, labels) in map(answer.get("locales")).take(LOCALES_MAX) {
            let labels = map(Some(labels)).filter_map(|(action, text)| Some((action.clone(), label(text)?)));
            implementation.locales.insert(language.clone(), labels.take(LOCALE_LABELS_MAX).collect());
        }
        Ok(implementation)
    }

    /// One that is known beforehand: the actions of each object under its plural name, the options, and the labels of
    /// actions by language.
    pub(crate) fn fixed(
        objects: &[(&str, &[&str])],
        options: &[&str],
        locales: &[(&str, &[(&str, &str)])],
    ) -> Implementation {
        let mut implementation = Implementation::default();
        for (object, actions) in objects {
            for action in *actions {
                implementation.add(object, action);
            }
        }
        implementation.options = options.iter().map(|option| (*option).to_owned()).collect();
        for (language, labels) in locales {
            let labels = labels.iter().map(|(action, label)| ((*action).to_owned(), (*label).to_owned())).collect();
            implementation.locales.insert((*language).to_owned(), labels);
        }
        implementation
    }

    /// The same in one shape, to be stored and shown; [`Implementation::read`] reads it back.
    pub fn json(&self) -> Value {
        let list = |texts: &[String]| Value::from(texts.to_vec());
        let objects: Map<String, Value> = self.objects.iter().map(|(name, all)| (name.clone(), list(all))).collect();
        let labels = |labels: &BTreeMap<String, String>| -> Value {
            labels.iter().map(|(action, label)| (action.clone(), label.as_str().into())).collect::<Map<_, _>>().into()
        };
        let locales: Map<String, Value> = self.locales.iter().map(|(name, all)| (name.clone(), labels(all))).collect();
        let mut json = Map::new();
        json.insert("objects".into(), objects.into());
        json.insert("options".into(), list(&self.options));
        json.insert("locales".into(), locales.into());
        json.into()
    }

    /// The options that are on.
    pub fn options(&self) -> &[String] {
        &self.options
    }

    /// What is to be listed, in order. `options` are those that hold for the source: without threads there are none to
    /// list.
    pub fn lists(&self, options: &[String]) -> Vec<ContentObject> {
        let unthreaded = options.iter().any(|option| option == "messages.unthreaded");
        let listed =
            |object: &ContentObject| self.can(*object, "list") && !(unthreaded && *object == ContentObject::Thread);
        LISTED.into_iter().filter(listed).collect()
    }

    /// The channel's own name for what may be done with a content of this kind; none when it cannot.
    pub fn act(&self, object: ContentObject, action: ContentAction, options: &[String]) -> Option<&'static str> {
        if object == ContentObject::Thread && is_without_threads(options) {
            return None;
        }
        action.names().iter().copied().find(|name| self.can(object, name))
    }

    /// The custom actions that may be done with a content of this kind which came with these `actions`: those that the
    /// channel tells both of the kind and of the content, in the content's order.
    pub fn custom_actions<'a>(&self, object: ContentObject, actions: &'a [String], options: &[String]) -> Vec<&'a str> {
        if object == ContentObject::Thread && is_without_threads(options) {
            return Vec::new();
        }
        let is_custom = |name: &&str| !STANDARD_ACTIONS.contains(name) && self.can(object, name);
        each_once(actions.iter().map(String::as_str).filter(is_custom))
    }

    /// The standard actions that may be done with a content of this kind which came with these `actions`, in a fixed order.
    /// Of contents that were posted to it (`ours`) a channel need not tell any. Where `reply` is not
    /// told of the kind it is not asked for: then everything can be answered.
    pub fn standard_actions(
        &self,
        object: ContentObject,
        actions: &[String],
        ours: bool,
        options: &[String],
    ) -> Vec<&'static str> {
        let lets = |name: &str| actions.iter().any(|told| told == name);
        let mut standard = Vec::new();
        if !self.can(object, "reply") || lets("reply") || ours {
            standard.push("reply");
        }
        if self.can(object, "show") {
            standard.push("show");
        }
        for action in [ContentAction::Publish, ContentAction::Unpublish, ContentAction::Delete] {
            let is_let = ours && actions.is_empty() || action.names().iter().any(|name| lets(name));
            if is_let && self.act(object, action, options).is_some() {
                standard.push(action.as_str());
            }
        }
        standard
    }

    /// What people read on the button of a custom action: its label in this language, such as `fr-CA` or
    /// then `fr`, else the default one, else the name as words.
    pub fn label(&self, action: &str, language: &str) -> String {
        let primary = language.split('-').next().unwrap_or(language);
        let label = |name: &str| self.locales.get(name).and_then(|labels| labels.get(action));
        let label = label(language).or_else(|| label(primary)).or_else(|| label("default"));
        label.cloned().or_else(|| humanised(action)).unwrap_or_else(|| action.to_owned())
    }

    /// Whether the channel has this action for this kind of content.
    pub fn can(&self, object: ContentObject, action: &str) -> bool {
        let actions = self.objects.get(&format!("{}s", object.as_str()));
        actions.is_some_and(|actions| actions.iter().any(|known| known == action))
    }

    fn add(&mut self, object: &str, action: &str) {
        // Some write them in the singular.
        let object = match object {
            "message" => "messages",
            "private_message" => "private_messages",
            "thread" => "threads",
            "user" => "users",
            other => other,
        };
        if !is_name(object)
            || action.is_empty()
            || (self.objects.len() >= OBJECTS_MAX && !self.objects.contains_key(object))
        {
            return;
        }
        let actions = self.objects.entry(object.into()).or_default();
        if actions.len() < ACTIONS_MAX && !actions.iter().any(|known| known == action) {
            actions.push(action.into());
        }
    }
}

/// Threads that are only titles, and those that there are not, can have nothing done with them.
fn is_without_threads(options: &[String]) -> bool {
    options.iter().any(|option| option == "messages.unthreaded" || option == "threads.no_content")
}

/// A name as words, by the rule that the public page names: `mark_as_spam` is read as `Mark as spam`.
fn humanised(action: &str) -> Option<String> {
    let words = action.trim_start_matches('_');
    let words = words.strip_suffix("_id").unwrap_or(words).replace('_', " ").to_lowercase();
    let mut characters = words.chars();
    let first: String = characters.next()?.to_uppercase().collect();
    Some(first + characters.as_str())
}

/// The fields of an object; none of anything else. PHP writes an empty map as a list.
fn map(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    let fields = value.and_then(Value::as_object).into_iter().flatten();
    fields.filter(|(name, _)| is_name(name))
}

/// The names in a list; none of anything else.
fn texts(value: Option<&Value>, items_max: usize) -> impl Iterator<Item = &str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(text).take(items_max)
}

fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| is_name(text))
}

/// What people read on a button, without what would make it look like another.
fn label(value: &Value) -> Option<String> {
    value.as_str().map(invisible::shown).filter(|text| is_short(text))
}

fn is_name(text: &str) -> bool {
    is_short(text) && !text.chars().any(invisible::is_invisible)
}

fn is_short(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= SHORT_TEXT_CHARACTERS_MAX
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_published_shape_is_read() {
        use ContentObject::{Message, PrivateMessage, Thread};
        for (answer, lists, shown) in [
            (
                json!({"objects": {"messages": ["list", "create"], "threads": ["list"]}, "options": ["view.messaging"]}),
                vec![Thread, Message],
                json!({"messages": ["list", "create"], "threads": ["list"]}),
            ),
            (
                json!({"objects": ["messages.list", "private_messages.list", "messages.show", "odd"], "options": {}}),
                vec![Message, PrivateMessage],
                json!({"messages": ["list", "show"], "private_messages": ["list"]}),
            ),
            (
                json!({"objects": {"message": ["list", "list", 5, null], "messages": ["show"], "status": null}}),
                vec![Message],
                json!({"messages": ["list", "show"]}),
            ),
            (
                json!({"objects": {"threads": ["list"], "messages": ["create"]}, "options": ["messages.unthreaded"]}),
                vec![],
                json!({"messages": ["create"], "threads": ["list"]}),
            ),
        ] {
            let read = Implementation::read(&answer).unwrap();
            assert_eq!(read.lists(read.options()), lists, "{answer}");
            assert_eq!(read.json()["objects"], shown, "{answer}");
            assert_eq!(Implementation::read(&read.json()), Ok(read), "{answer}");
        }
    }

    #[test]
    fn what_can_be_done_has_the_channels_own_name() {
        let objects = json!({"messages": ["destroy", "publish"], "private_messages": ["destroy", "delete"], "threads": ["delete"]});
        let read = Implementation::read(&json!({ "objects": objects })).unwrap();
        let titles = ["threads.no_content".to_owned()];
        for (object, action, options, expected) in [
            (ContentObject::Message, ContentAction::Delete, &[][..], Some("destroy")),
            (ContentObject::Message, ContentAction::Publish, &[], Some("publish")),
            (ContentObject::Message, ContentAction::Unpublish, &[], None),
            (ContentObject::PrivateMessage, ContentAction::Delete, &[], Some("delete")),
            (ContentObject::Thread, ContentAction::Delete, &[], Some("delete")),
            (ContentObject::Thread, ContentAction::Delete, &titles, None),
        ] {
            assert_eq!(read.act(object, action, options), expected, "{object:?} {action:?}");
        }
    }

    #[test]
    fn translations_are_kept() {
        let locales = json!({"default": {"spam": "Mark as spam"}, "fr": {"spam": "Indésirable", "odd": 5}, "xx": []});
        let read = Implementation::read(&json!({"objects": {"messages": ["spam"]}, "locales": locales})).unwrap();
        let kept = json!({"default": {"spam": "Mark as spam"}, "fr": {"spam": "Indésirable"}, "xx": {}});
        assert_eq!(read.json()["locales"], kept);
        assert!(read.can(ContentObject::Message, "spam") && !read.can(ContentObject::Thread, "spam"));
    }

    #[test]
    fn no_name_or_label_looks_like_another() {
        let objects = json!({"messages": ["list", "ban\u{202e}", "\u{200b}list", "spam"], "\u{2066}users": ["x"]});
        let labels = json!({"spam": "\u{202e}maps\u{202c} kraM\u{7}\u{feff}", "ban": "\u{2069}", "\u{ad}x": "y"});
        let read = Implementation::read(&json!({"objects": objects, "locales": {"default": labels}})).unwrap();
        let kept = json!({"objects": {"messages": ["list", "spam"]}, "options": [], "locales": {"default": {"spam": "maps kraM"}}});
        assert_eq!(read.json(), kept);
        assert_eq!(read.label("spam", "en"), "maps kraM");
    }

    #[test]
    fn what_is_told_of_a_kind_and_of_a_content_is_a_button() {
        let objects = json!({"messages": ["list", "create", "reply", "spam", "un_spam", "info"], "threads": ["pin"]});
        let read = Implementation::read(&json!({ "objects": objects })).unwrap();
        let unthreaded = ["messages.unthreaded".to_owned()];
        let all = ["show", "reply", "un_spam", "spam", "spam", "destroy", "unknown", "pin"].map(str::to_owned);
        for (object, options, expected) in [
            (ContentObject::Message, &[][..], vec!["un_spam", "spam"]),
            (ContentObject::PrivateMessage, &[], vec![]),
            (ContentObject::Thread, &[], vec!["pin"]),
            (ContentObject::Thread, &unthreaded, vec![]),
        ] {
            assert_eq!(read.custom_actions(object, &all, options), expected, "{object:?}");
        }
        assert!(read.custom_actions(ContentObject::Message, &[], &[]).is_empty());
    }

    #[test]
    fn what_is_standard_may_be_done_where_the_content_says_so() {
        let objects = json!({"messages": ["list", "create", "reply", "show", "unpublish", "destroy"], "private_messages": ["create"]});
        let read = Implementation::read(&json!({ "objects": objects })).unwrap();
        for (object, actions, ours, expected) in [
            (
                ContentObject::Message,
                &["reply", "delete", "publish", "spam"][..],
                false,
                vec!["reply", "show", "delete"],
            ),
            (ContentObject::Message, &["unpublish"], false, vec!["show", "unpublish"]),
            (ContentObject::Message, &[], false, vec!["show"]),
            (ContentObject::Message, &[], true, vec!["reply", "show", "unpublish", "delete"]),
            (ContentObject::Message, &["destroy"], true, vec!["reply", "show", "delete"]),
            (ContentObject::PrivateMessage, &["delete"], false, vec!["reply"]),
        ] {
            let actions: Vec<String> = actions.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(read.standard_actions(object, &actions, ours, &[]), expected, "{object:?} {actions:?} {ours}");
        }
    }

    #[test]
    fn a_button_is_named_in_the_readers_language_or_the_default_or_by_its_name() {
        let locales = json!({"default": {"spam": "Mark as spam"}, "fr": {"spam": "Indésirable", "pin": "Épingler"}});
        let read = Implementation::read(&json!({"objects": {"messages": ["spam"]}, "locales": locales})).unwrap();
        for (action, language, label) in [
            ("spam", "fr", "Indésirable"),
            ("spam", "fr-CA", "Indésirable"),
            ("spam", "de", "Mark as spam"),
            ("pin", "fr", "Épingler"),
            ("pin", "en", "Pin"),
            ("mark_as_spam", "en", "Mark as spam"),
            ("_parent_id", "en", "Parent"),
            ("WARN_Author", "fr", "Warn author"),
            ("écarter", "en", "Écarter"),
            ("_", "en", "_"),
        ] {
            assert_eq!(read.label(action, language), label, "{action} {language}");
        }
    }

    #[test]
    fn anything_else_is_no_description_of_a_channel() {
        for answer in [
            json!(null),
            json!([]),
            json!("ok"),
            json!({}),
            json!({"id": "1"}),
            json!({"objects": {}}),
            json!({"objects": {"messages": [5]}}),
        ] {
            assert!(Implementation::read(&answer).is_err(), "{answer}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(objects in prop::collection::btree_map("[a-z_.]{0,9}", prop::collection::vec("[a-z]{0,4}", 0..4), 1..6),
            options in prop::collection::vec(any::<String>(), 0..4)) {
            if let Ok(read) = Implementation::read(&json!({"objects": objects, "options": options})) {
                prop_assert_eq!(Implementation::read(&read.json()), Ok(read));
            }
        }
    }
}
