//! What the options say of contents that leave (public page sdks/source-sdk/options).

use super::Implementation;
use crate::inbound::ContentObject;
use crate::outbound::Formats;

/// How bodies may be written: as text or HTML by the object's options, HTML when neither is there, and always text in
/// the messaging view. While nobody has told any options, nothing is known to be wrong with what was written.
pub fn formats(object: ContentObject, options: Option<&[String]>) -> Formats {
    let Some(options) = options else { return Formats::Both };
    if object != ContentObject::Thread && has(options, "view.messaging") {
        return Formats::Text;
    }
    match (has(options, &of(object, "text")), has(options, &of(object, "html"))) {
        (true, true) => Formats::Both,
        (true, false) => Formats::Text,
        (false, _) => Formats::Html,
    }
}

/// The option without which no files go with contents of this kind; none when they may. While nobody has told any
/// options they may.
pub(super) fn missing_for_files(object: ContentObject, options: Option<&[String]>) -> Option<String> {
    let option = of(object, "attachments");
    options.filter(|options| !has(options, &option)).map(|_| option)
}

impl Implementation {
    /// Options that contradict each other or what the channel takes, one sentence each. They stop nothing: the pages
    /// say only that such options cannot be used together.
    pub fn remarks(&self) -> Vec<&'static str> {
        let options = self.options();
        let view = has(options, "view.messaging");
        let takes = |object| self.can(object, "create") || self.can(object, "list");
        let mut remarks = Vec::new();
        if view && takes(ContentObject::Message) && takes(ContentObject::PrivateMessage) {
            remarks.push("view.messaging is for channels with messages or private messages, not both");
        }
        if view && (has(options, "messages.html") || has(options, "private_messages.html")) {
            remarks.push("view.messaging is for text only: messages.html and private_messages.html have no effect");
        }
        if has(options, "messaging.typing_indicator") && !view {
            remarks.push("messaging.typing_indicator needs view.messaging");
        }
        remarks
    }
}

fn of(object: ContentObject, what: &str) -> String {
    format!("{}s.{what}", object.as_str())
}

fn has(options: &[String], name: &str) -> bool {
    options.iter().any(|option| option == name)
}

#[cfg(test)]
mod tests {
    use ContentObject::{Message, PrivateMessage, Thread};
    use serde_json::json;

    use super::*;

    fn list(options: &[&str]) -> Vec<String> {
        options.iter().map(|option| (*option).to_owned()).collect()
    }

    #[test]
    fn each_kind_has_its_own_format_and_html_is_the_default() {
        for (options, expected) in [
            (&[][..], [Formats::Html, Formats::Html, Formats::Html]),
            (&["messages.text"], [Formats::Text, Formats::Html, Formats::Html]),
            (&["messages.html", "private_messages.text"], [Formats::Html, Formats::Text, Formats::Html]),
            (&["messages.text", "messages.html", "threads.text"], [Formats::Both, Formats::Html, Formats::Text]),
            (&["view.messaging"], [Formats::Text, Formats::Text, Formats::Html]),
            (&["view.messaging", "messages.html", "threads.html"], [Formats::Text, Formats::Text, Formats::Html]),
        ] {
            let told = [Message, PrivateMessage, Thread].map(|object| formats(object, Some(&list(options))));
            assert_eq!(told, expected, "{options:?}");
        }
        assert_eq!(formats(Message, None), Formats::Both);
    }

    #[test]
    fn files_need_the_option_of_their_kind() {
        let options = list(&["messages.attachments", "threads.attachments"]);
        let missing = |object| missing_for_files(object, Some(&options));
        assert_eq!((missing(Message), missing(Thread)), (None, None));
        assert_eq!(missing(PrivateMessage).as_deref(), Some("private_messages.attachments"));
        assert_eq!(missing_for_files(PrivateMessage, None), None);
    }

    #[test]
    fn what_contradicts_itself_is_remarked() {
        for (objects, options, expected) in [
            (json!({"messages": ["list"]}), json!(["view.messaging", "messages.text"]), vec![]),
            (json!({"messages": ["list"], "private_messages": ["show"]}), json!(["view.messaging"]), vec![]),
            (json!({"messages": ["list"], "private_messages": ["create"]}), json!([]), vec![]),
            (
                json!({"messages": ["list"], "private_messages": ["create"]}),
                json!(["view.messaging"]),
                vec!["not both"],
            ),
            (json!({"messages": ["list"]}), json!(["view.messaging", "messages.html"]), vec!["text only"]),
            (json!({"messages": ["list"]}), json!(["messaging.typing_indicator"]), vec!["needs view.messaging"]),
        ] {
            let told = Implementation::read(&json!({"objects": objects, "options": options})).unwrap();
            let remarks = told.remarks();
            assert_eq!(remarks.len(), expected.len(), "{objects} {options} {remarks:?}");
            assert!(remarks.iter().zip(expected).all(|(remark, words)| remark.contains(words)), "{remarks:?}");
        }
    }
}
