//! What a notification says, in the language of its device.

use frontdesk_conversations::visitors::UnreadAnswer;
use frontdesk_sources::Settings as SourceSettings;
use frontdesk_sources::push::{GENERIC_MESSAGE, HIDES_BODY};
use serde_json::Value;

use crate::settings::Settings;

/// Characters of a title and of a body: more is not seen, and services take 4,096 bytes in all.
const TITLE_CHARACTERS_MAX: usize = 80;
const BODY_CHARACTERS_MAX: usize = 240;

/// A sentence that we have to say ourselves.
#[derive(Clone, Copy)]
enum Sentence {
    /// In place of what was written.
    NewMessage,
    /// Where nothing was written.
    File,
}

/// By language, in the order of [`Sentence`]. A source's translations may have others under `notification`.
const SENTENCES: [(&str, [&str; 2]); 7] = [
    ("en", ["You have a new message.", "Sent you a file."]),
    ("de", ["Sie haben eine neue Nachricht.", "Hat Ihnen eine Datei geschickt."]),
    ("es", ["Tiene un mensaje nuevo.", "Le ha enviado un archivo."]),
    ("fr", ["Vous avez un nouveau message.", "Vous a envoyé un fichier."]),
    ("it", ["Ha un nuovo messaggio.", "Le ha inviato un file."]),
    ("nl", ["U hebt een nieuw bericht.", "Heeft u een bestand gestuurd."]),
    ("pt", ["Tem uma mensagem nova.", "Enviou-lhe um ficheiro."]),
];

impl Sentence {
    /// In the first of these languages in which it is known.
    fn said(self, languages: &[&str], settings: &Settings) -> String {
        let (index, key) = match self {
            Sentence::NewMessage => (0, "new_message"),
            Sentence::File => (1, "file"),
        };
        for language in languages {
            let plain = language.split(['-', '_']).next().unwrap_or_default();
            let of_source = [language, plain].into_iter().find_map(|name| {
                let text = settings.translations.get(name)?.get("notification")?.get(key).and_then(Value::as_str)?;
                (!text.trim().is_empty()).then(|| text.to_owned())
            });
            let ours = SENTENCES.iter().find(|(name, _)| name.eq_ignore_ascii_case(plain));
            if let Some(text) = of_source.or_else(|| ours.map(|(_, texts)| texts[index].to_owned())) {
                return text;
            }
        }
        SENTENCES[0].1[index].to_owned()
    }
}

/// Title and body of what is told. `locale`: the device's.
pub(super) fn of(
    notice: &UnreadAnswer,
    locale: Option<&str>,
    source: &SourceSettings,
    settings: &Settings,
) -> (String, String) {
    let languages: Vec<&str> = locale.into_iter().chain([settings.locale.as_str()]).collect();
    let generic = || match source.text(GENERIC_MESSAGE) {
        Some(text) => text.to_owned(),
        None => Sentence::NewMessage.said(&languages, settings),
    };
    let hides = source.boolean(HIDES_BODY).unwrap_or(false);
    let body = match notice.text.trim() {
        _ if hides => generic(),
        "" => Sentence::File.said(&languages, settings),
        text => text.to_owned(),
    };
    let title = notice.from.as_deref().unwrap_or_default();
    (cut(title, TITLE_CHARACTERS_MAX), cut(&body, BODY_CHARACTERS_MAX))
}

/// One line of at most so many characters.
fn cut(text: &str, most: usize) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    if line.chars().count() <= most {
        return line;
    }
    let mut kept: String = line.chars().take(most - 1).collect();
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use frontdesk_model::Id;
    use serde_json::json;

    use super::*;

    fn source(given: &Value) -> SourceSettings {
        let kind = frontdesk_sources::kind("mobile_messaging").unwrap();
        frontdesk_sources::validate_settings(kind, given.as_object().unwrap()).unwrap()
    }

    fn notice(text: &str) -> UnreadAnswer {
        let id = Id::from_parts(1, 1);
        UnreadAnswer { thread_id: id, from: Some("Alicia".into()), text: text.into(), may_reply: true, unread: 1 }
    }

    #[test]
    fn it_says_what_was_written_or_that_something_was() {
        let settings = Settings { locale: "nl".into(), ..Settings::default() };
        let say =
            |text: &str, locale: Option<&str>, given: Value| of(&notice(text), locale, &source(&given), &settings).1;
        let hidden = json!({ "disable_notification_body_display": true });
        for (said, expected) in [
            (say("Hello\n  there\u{7}", None, json!({})), "Hello there"),
            (say("Hello", None, json!({ "notification_generic_message": "News." })), "Hello"),
            (say("Hello", Some("fr-CA"), hidden.clone()), "Vous avez un nouveau message."),
            (say("Hello", Some("eo"), hidden.clone()), "U hebt een nieuw bericht."),
            (
                say(
                    "Hello",
                    Some("fr"),
                    json!({ "disable_notification_body_display": true, "notification_generic_message": "News." }),
                ),
                "News.",
            ),
            (say(" ", Some("de"), json!({})), "Hat Ihnen eine Datei geschickt."),
        ] {
            assert_eq!(said, expected);
        }
        let long = say(&"é".repeat(BODY_CHARACTERS_MAX + 1), None, json!({}));
        assert_eq!((long.chars().count(), long.chars().last()), (BODY_CHARACTERS_MAX, Some('…')));
    }

    #[test]
    fn a_source_may_say_it_otherwise() {
        let translations = json!({ "fr": { "notification": { "new_message": "Du courrier !" } } });
        let translations = translations.as_object().cloned().unwrap();
        let settings = Settings { translations, ..Settings::default() };
        let hidden = source(&json!({ "disable_notification_body_display": true }));
        assert_eq!(of(&notice("x"), Some("fr-BE"), &hidden, &settings).1, "Du courrier !");
        assert_eq!(of(&notice(""), Some("fr-BE"), &source(&json!({})), &settings).1, "Vous a envoyé un fichier.");
    }
}
