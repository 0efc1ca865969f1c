//! What an administrator sets for one source: the schema that each kind declares, and the values that fit it.

use std::collections::BTreeMap;

use frontdesk_model::error::{self, AttributeError};
use frontdesk_model::{Env, Error, Secret, hex, query};
use serde_json::{Map, Value};

use crate::{SourceKind, push};
use frontdesk_model::urls::{URL_CHARACTERS_MAX, is_web_url};

/// Shorter secrets can be guessed.
pub const SECRET_CHARACTERS_MIN: usize = 8;
/// At most this many characters in a text or a secret.
pub const SETTING_CHARACTERS_MAX: usize = 1_000;

/// At most this many characters in an id that others gave.
pub const NAME_CHARACTERS_MAX: usize = 200;
/// At most this many characters in a credential: a service account's file has some 2,400.
pub const CREDENTIAL_CHARACTERS_MAX: usize = 10_000;

/// One thing to set for each source of a kind.
#[derive(Debug)]
pub struct Setting {
    /// The parameter's name.
    pub name: &'static str,
    /// What it holds.
    pub kind: SettingKind,
    /// Whether a source cannot be without it.
    pub required: bool,
    /// For people: one sentence.
    pub doc: &'static str,
    /// Whether a source made without it gets 32 random bytes as 64 hex digits.
    pub generated_when_absent: bool,
}

/// What a setting holds.
#[derive(Clone, Copy, Debug)]
pub enum SettingKind {
    /// Text of at most [`SETTING_CHARACTERS_MAX`].
    Text,
    /// Letters, digits, dots, hyphens and underscores, at most [`NAME_CHARACTERS_MAX`]: an id that others gave.
    Name,
    /// A complete http or https address of at most 2,048 characters.
    Url,
    /// Text of at least [`SECRET_CHARACTERS_MIN`] that is sealed at rest and never shown in lists or logs.
    Secret,
    /// A secret that others gave, over several lines perhaps, of at most [`CREDENTIAL_CHARACTERS_MAX`]. It is sealed at
    /// rest and shown to nobody again.
    Credential {
        /// Why a text is none, as the end of a sentence.
        fault: fn(&Secret) -> Option<&'static str>,
    },
    /// True or false.
    Boolean,
    /// A whole number.
    Integer {
        /// The smallest allowed.
        min: i64,
        /// The greatest allowed.
        max: i64,
    },
    /// Some of a fixed set of names, each at most once.
    List {
        /// The names.
        choices: &'static [&'static str],
    },
}

/// A value that fits its setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingValue {
    /// Of a text or an address.
    Text(String),
    /// Of a secret.
    Secret(Secret),
    /// Of a boolean.
    Boolean(bool),
    /// Of an integer.
    Integer(i64),
    /// Of a list.
    List(Vec<String>),
}

/// The settings of one source. What was never set is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<&'static str, SettingValue>);

/// The settings of a new source. Parameters that the kind does not know are ignored; null and the empty text count as
/// absent. 422 names each setting that is missing or wrong. Call [`Settings::generate_missing`] on the result.
pub fn validate_settings(kind: &SourceKind, given: &Map<String, Value>) -> Result<Settings, Error> {
    Settings::default().changed(kind, given)
}

impl Settings {
    /// These settings with the given ones in their place: those not given stay, null and the empty text unset.
    /// 422 names each setting that is missing or wrong.
    pub fn changed(&self, kind: &SourceKind, given: &Map<String, Value>) -> Result<Settings, Error> {
        let mut settings = self.clone();
        let mut errors = Vec::new();
        for setting in kind.settings {
            match given.get(setting.name) {
                Some(value) if !is_blank(value) => match read(setting.kind, value) {
                    Ok(value) => {
                        settings.0.insert(setting.name, value);
                    }
                    Err((kind, why)) => errors.push(wrong(setting.name, kind, format!("{} {why}.", setting.name))),
                },
                blank_or_not_given => {
                    // A secret is not shown, so a form that is sent back has nothing in its place.
                    if blank_or_not_given.is_some() && !setting.generated_when_absent {
                        settings.0.remove(setting.name);
                    }
                    let may_be_absent = !setting.required || setting.generated_when_absent;
                    if !may_be_absent && !settings.0.contains_key(setting.name) {
                        let message = format!("{} is missing: {}", setting.name, setting.doc);
                        errors.push(wrong(setting.name, "blank", message));
                    }
                }
            }
        }
        // A credential that is never shown must not be had by whoever names another address for it.
        for (address, credential) in push::ADDRESSED {
            let is_moved = settings.0.get(address).is_some_and(|to| self.0.get(address) != Some(to));
            let is_kept = settings.0.contains_key(credential) && given.get(credential).is_none_or(is_blank);
            if is_moved && is_kept {
                let message = format!("{credential} must be given again with another {address}: it is sent there.");
                errors.push(wrong(credential, "blank", message));
            }
        }
        if errors.is_empty() { Ok(settings) } else { Err(error::invalid_all(errors)) }
    }

    /// Makes the secrets that a source of this kind gets by itself, where they are absent.
    pub fn generate_missing(&mut self, kind: &SourceKind, env: &Env) {
        for setting in kind.settings.iter().filter(|setting| setting.generated_when_absent) {
            self.0
                .entry(setting.name)
                .or_insert_with(|| SettingValue::Secret(Secret::new(hex::encode(env.random::<32>()))));
        }
    }

    /// Reads back what [`Settings::public`] and [`Settings::secrets`] gave. What this version does not know, or would
    /// no longer accept, is left out: an old source must not stop the server.
    pub fn from_stored(kind: &SourceKind, public: &Map<String, Value>, secrets: &[(String, Secret)]) -> Settings {
        let value = |setting: &Setting| match setting.kind {
            SettingKind::Secret | SettingKind::Credential { .. } => {
                let secret = secrets.iter().find(|(name, _)| name == setting.name)?;
                Some(SettingValue::Secret(secret.1.clone()))
            }
            kind => read(kind, public.get(setting.name)?).ok(),
        };
        Settings(kind.settings.iter().filter_map(|setting| Some((setting.name, value(setting)?))).collect())
    }

    /// Everything but the secrets, as JSON.
    pub fn public(&self) -> Map<String, Value> {
        let json = |value: &SettingValue| match value {
            SettingValue::Secret(_) => None,
            SettingValue::Text(text) => Some(Value::from(text.as_str())),
            SettingValue::Boolean(flag) => Some(Value::from(*flag)),
            SettingValue::Integer(number) => Some(Value::from(*number)),
            SettingValue::List(names) => Some(Value::from(names.as_slice())),
        };
        self.0.iter().filter_map(|(name, value)| Some(((*name).to_owned(), json(value)?))).collect()
    }

    /// The secrets, to be sealed before they are stored.
    pub fn secrets(&self) -> Vec<(&'static str, &Secret)> {
        let secrets = self.0.keys().filter_map(|name| Some((*name, self.secret(name)?)));
        secrets.collect()
    }

    /// Those that whoever may change the source is shown: the other side needs them, too.
    pub fn shown_secrets(&self, kind: &SourceKind) -> Vec<(&'static str, &Secret)> {
        let is_shown = |name: &str| {
            kind.settings.iter().any(|setting| setting.name == name && matches!(setting.kind, SettingKind::Secret))
        };
        self.secrets().into_iter().filter(|(name, _)| is_shown(name)).collect()
    }

    /// The credentials that this kind of source has, and whether there is one: themselves they are shown to nobody.
    pub fn credentials(&self, kind: &SourceKind) -> Vec<(&'static str, bool)> {
        let credentials = kind.settings.iter().filter(|setting| matches!(setting.kind, SettingKind::Credential { .. }));
        credentials.map(|setting| (setting.name, self.0.contains_key(setting.name))).collect()
    }

    /// A text or an address.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            SettingValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A secret.
    pub fn secret(&self, name: &str) -> Option<&Secret> {
        match self.0.get(name)? {
            SettingValue::Secret(secret) => Some(secret),
            _ => None,
        }
    }

    /// A boolean.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        match self.0.get(name)? {
            SettingValue::Boolean(flag) => Some(*flag),
            _ => None,
        }
    }

    /// A whole number.
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.0.get(name)? {
            SettingValue::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// A list. Absent is not empty: absent says that nobody has told, empty that there are none.
    pub fn list(&self, name: &str) -> Option<&[String]> {
        match self.0.get(name)? {
            SettingValue::List(names) => Some(names),
            _ => None,
        }
    }
}

fn wrong(name: &str, kind: &str, message: String) -> AttributeError {
    AttributeError { attribute: name.into(), kind: kind.into(), message }
}

fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty)
}

/// Why a value does not fit: a stable word, and the end of a sentence that begins with the setting's name.
type Misfit = (&'static str, String);

/// Booleans and numbers may also come as text: query strings and forms have nothing else.
fn read(kind: SettingKind, value: &Value) -> Result<SettingValue, Misfit> {
    match kind {
        SettingKind::Text => Ok(SettingValue::Text(short_text(value)?)),
        SettingKind::Name => {
            let text = value.as_str().ok_or_else(|| invalid("must be text"))?;
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
            if text.len() > NAME_CHARACTERS_MAX || !text.bytes().all(fits) {
                let why = format!("has at most {NAME_CHARACTERS_MAX} letters, digits, dots, hyphens and underscores");
                return Err(invalid(why));
            }
            Ok(SettingValue::Text(text.into()))
        }
        SettingKind::Credential { fault } => {
            let text = value.as_str().ok_or_else(|| invalid("must be text"))?;
            if text.len() > CREDENTIAL_CHARACTERS_MAX {
                return Err(("too_long", format!("may have at most {CREDENTIAL_CHARACTERS_MAX} characters")));
            }
            if text.contains('\0') {
                return Err(invalid("must not hold U+0000"));
            }
            let secret = Secret::new(text);
            match fault(&secret) {
                Some(why) => Err(invalid(why)),
                None => Ok(SettingValue::Secret(secret)),
            }
        }
        SettingKind::Secret => {
            let text = short_text(value)?;
            if text.chars().count() < SECRET_CHARACTERS_MIN {
                let why = format!("must have at least {SECRET_CHARACTERS_MIN} characters; 32 or more are safe");
                return Err(("too_short", why));
            }
            Ok(SettingValue::Secret(Secret::new(text)))
        }
        SettingKind::Url => match value.as_str() {
            Some(text) if is_web_url(text) => Ok(SettingValue::Text(text.into())),
            _ => Err(invalid(format!("must be an http or https address of at most {URL_CHARACTERS_MAX} characters"))),
        },
        SettingKind::Boolean => {
            let flag = value.as_bool().or_else(|| value.as_str().and_then(query::boolean));
            flag.map(SettingValue::Boolean).ok_or_else(|| invalid("must be true or false"))
        }
        SettingKind::Integer { min, max } => {
            let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
            let number = number.filter(|number| (min..=max).contains(number));
            number
                .map(SettingValue::Integer)
                .ok_or_else(|| invalid(format!("must be a whole number from {min} to {max}")))
        }
        SettingKind::List { choices } => {
            let items = value.as_array().ok_or_else(|| invalid("must be a list"))?;
            let mut names: Vec<String> = Vec::new();
            for item in items {
                let Some(name) = item.as_str().filter(|name| choices.contains(name)) else {
                    return Err(("inclusion", format!("may only hold {}", choices.join(", "))));
                };
                if !names.iter().any(|known| known == name) {
                    names.push(name.into());
                }
            }
            Ok(SettingValue::List(names))
        }
    }
}

fn invalid(why: impl Into<String>) -> Misfit {
    ("invalid", why.into())
}

fn short_text(value: &Value) -> Result<String, Misfit> {
    let text = value.as_str().ok_or_else(|| invalid("must be text"))?;
    if text.chars().count() > SETTING_CHARACTERS_MAX {
        return Err(("too_long", format!("may have at most {SETTING_CHARACTERS_MAX} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(invalid("must not hold control characters"));
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use frontdesk_model::Timestamp;
    use serde_json::json;

    use super::*;

    const fn setting(name: &'static str, kind: SettingKind) -> Setting {
        Setting { name, kind, required: false, doc: "For a test.", generated_when_absent: false }
    }

    static KIND: SourceKind = SourceKind {
        type_name: "test",
        community_type: "test",
        display_name: "Test",
        threads_can_be_closed: false,
        is_messaging: false,
        is_live_chat: false,
        can_initiate: false,
        has_bare_resource_types: false,
        public_object: crate::inbound::ContentObject::Message,
        account: |_| None,
        implementation: None,
        polling: None,
        quota: None,
        body_fault: |_, _| None,
        structured: |_| None,
        settings: &[
            Setting { required: true, ..setting("address", SettingKind::Url) },
            setting("label", SettingKind::Text),
            Setting { generated_when_absent: true, ..setting("token", SettingKind::Secret) },
            setting("strict", SettingKind::Boolean),
            setting("minutes", SettingKind::Integer { min: 1, max: 60 }),
            setting("features", SettingKind::List { choices: &["a", "b"] }),
        ],
        delivery: None,
        typing: None,
        queues: None,
        connecting: None,
        handover: None,
        private_thread: None,
        is_own_file: |_| false,
        profiles: None,
        ingress: None,
    };

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    fn wrong_attributes(result: Result<Settings, Error>) -> Vec<(String, String)> {
        match result {
            Err(Error::Refused(refusal)) if refusal.status == 422 => {
                refusal.errors.into_iter().map(|error| (error.attribute, error.kind)).collect()
            }
            other => panic!("expected a refusal, got {other:?}"),
        }
    }

    #[test]
    fn good_settings_are_read_also_when_everything_is_text() {
        for given in [
            json!({"address": "https://a.example/x", "label": "L", "token": "long enough", "strict": true, "minutes": 5, "features": ["b", "a", "b"], "other": 1}),
            json!({"address": "https://a.example/x", "label": "L", "token": "long enough", "strict": "1", "minutes": "5", "features": ["b", "a"]}),
        ] {
            let settings = validate_settings(&KIND, &map(given)).unwrap();
            assert_eq!(settings.text("address"), Some("https://a.example/x"));
            assert_eq!(settings.text("label"), Some("L"));
            assert_eq!(settings.secret("token").map(Secret::reveal), Some("long enough"));
            assert_eq!(settings.boolean("strict"), Some(true));
            assert_eq!(settings.integer("minutes"), Some(5));
            assert_eq!(settings.list("features"), Some(["b".to_owned(), "a".to_owned()].as_slice()));
            assert_eq!(settings.text("token"), None, "a secret is not read as a text");
        }
    }

    #[test]
    fn every_wrong_setting_is_named_at_once() {
        let given = json!({"address": "ftp://a.example", "label": "x".repeat(SETTING_CHARACTERS_MAX + 1), "token": "a\u{0}",
            "strict": "maybe", "minutes": 61, "features": ["a", "c"]});
        let expected = [
            ("address", "invalid"),
            ("label", "too_long"),
            ("token", "invalid"),
            ("strict", "invalid"),
            ("minutes", "invalid"),
            ("features", "inclusion"),
        ];
        let expected: Vec<_> = expected.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect();
        assert_eq!(wrong_attributes(validate_settings(&KIND, &map(given))), expected);
    }

    #[test]
    fn a_required_setting_that_is_absent_null_or_empty_is_blank() {
        for given in [json!({}), json!({"address": null}), json!({"address": ""})] {
            assert_eq!(wrong_attributes(validate_settings(&KIND, &map(given))), [("address".into(), "blank".into())]);
        }
    }

    #[test]
    fn a_change_keeps_what_is_not_given_and_unsets_what_is_emptied() {
        let before =
            validate_settings(&KIND, &map(json!({"address": "https://a.example", "label": "L", "features": []})))
                .unwrap();
        assert_eq!(before.list("features"), Some([].as_slice()));
        let after = before.changed(&KIND, &map(json!({"label": "", "minutes": 7}))).unwrap();
        assert_eq!(after.public(), map(json!({"address": "https://a.example", "features": [], "minutes": 7})));
        assert_eq!(
            wrong_attributes(before.changed(&KIND, &map(json!({"address": null})))),
            [("address".into(), "blank".into())]
        );
    }

    #[test]
    fn an_absent_secret_is_generated_and_a_given_one_stays() {
        let env = Env::new(|| Timestamp::from_micros(0), |bytes| bytes.fill(0x0a));
        let mut settings = validate_settings(&KIND, &map(json!({"address": "https://a.example"}))).unwrap();
        settings.generate_missing(&KIND, &env);
        assert_eq!(settings.secret("token").map(Secret::reveal), Some("0a".repeat(32).as_str()));
        let mut given =
            validate_settings(&KIND, &map(json!({"address": "https://a.example", "token": "of my own"}))).unwrap();
        given.generate_missing(&KIND, &env);
        assert_eq!(given.secret("token").map(Secret::reveal), Some("of my own"));
    }

    #[test]
    fn settings_survive_being_stored_and_secrets_stay_apart() {
        let given = json!({"address": "https://a.example", "token": "open sesame", "strict": false, "minutes": 5, "features": ["a"]});
        let settings = validate_settings(&KIND, &map(given)).unwrap();
        let secrets: Vec<_> =
            settings.secrets().into_iter().map(|(name, secret)| (name.to_owned(), secret.clone())).collect();
        assert_eq!(Settings::from_stored(&KIND, &settings.public(), &secrets), settings);
        assert!(!format!("{settings:?} {:?}", settings.public()).contains("open sesame"));
        let of_another_version = map(json!({"minutes": 600, "unknown": true, "label": "L"}));
        assert_eq!(Settings::from_stored(&KIND, &of_another_version, &[]).public(), map(json!({"label": "L"})));
    }
}
