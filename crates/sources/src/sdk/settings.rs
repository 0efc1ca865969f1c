//! What an administrator sets for one source of the Channel SDK.

use crate::{Setting, SettingKind};

/// The setting that says where our requests go.
pub const BASE_URI: &str = "base_uri";
/// The setting that signs in both directions.
pub const ACCESS_TOKEN: &str = "access_token";
/// The setting that says which options are on, until the channel tells them itself.
pub const OPTIONS: &str = "options";

/// Every option of the public page.
pub const OPTION_NAMES: [&str; 17] = [
    "messages.unthreaded",
    "messages.no_title",
    "private_messages.no_title",
    "threads.no_content",
    "messages.text",
    "messages.html",
    "messages.attachments",
    "private_messages.text",
    "private_messages.html",
    "private_messages.attachments",
    "threads.text",
    "threads.html",
    "threads.attachments",
    "messages.allow_survey",
    "view.messaging",
    "messaging.typing_indicator",
    "messaging.queuing_update",
];

/// The form.
pub(super) static SETTINGS: &[Setting] = &[
    Setting {
        name: BASE_URI,
        kind: SettingKind::Url,
        required: false,
        doc: "Where the channel's server receives our signed requests: an http or https address. Without one it only \
              posts to us: nothing is asked, and nothing can be sent.",
        generated_when_absent: false,
    },
    Setting {
        name: ACCESS_TOKEN,
        kind: SettingKind::Secret,
        required: false,
        doc: "The key that signs requests in both directions; made for you when left empty.",
        generated_when_absent: true,
    },
    Setting {
        name: OPTIONS,
        kind: SettingKind::List { choices: &OPTION_NAMES },
        required: false,
        doc: "Options of the channel, when they should not be asked from its server.",
        generated_when_absent: false,
    },
];

#[cfg(test)]
mod tests {
    use frontdesk_model::Error;
    use serde_json::json;

    use crate::{kind, validate_settings};

    #[test]
    fn a_source_may_have_an_address_and_knows_only_documented_options() {
        let sdk = kind("sdk").unwrap();
        for (given, wrong) in [
            (json!({"base_uri": "https://a.example/sdk"}), vec![]),
            (json!({"base_uri": "http://localhost:8080", "options": super::OPTION_NAMES}), vec![]),
            (json!({}), vec![]),
            (
                json!({"base_uri": "ftp://a.example", "options": ["messages.colour"], "access_token": 5}),
                vec!["base_uri", "access_token", "options"],
            ),
        ] {
            let named: Vec<String> = match validate_settings(sdk, given.as_object().unwrap()) {
                Ok(_) => vec![],
                Err(Error::Refused(refusal)) => refusal.errors.into_iter().map(|error| error.attribute).collect(),
                Err(other) => panic!("{other:?}"),
            };
            assert_eq!(named, wrong, "{given}");
        }
    }
}
