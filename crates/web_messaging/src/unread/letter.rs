//! What the mail about unread messages says, in English and French, or in a template's words.
//!
//! A template is HTML in which `{{name}}` stands for a value, escaped, and `{{{name}}}` for one that is HTML already: the
//! messages and the two links. Anything else between braces is refused when the template is saved.

use frontdesk_conversations::visitors::Unread;
use frontdesk_model::Timestamp;

use super::templates::Template;

/// Characters of a subject.
pub(crate) const SUBJECT_CHARACTERS_MAX: usize = 200;
/// Of one message so many characters are told.
const MESSAGE_CHARACTERS_MAX: usize = 2_000;
/// Of a name.
const NAME_CHARACTERS_MAX: usize = 80;

/// The languages that there are words in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    French,
}

impl Language {
    /// French for those who read it, English for all others.
    pub(crate) fn of(locale: &str) -> Language {
        let code = locale.split(['-', '_']).next().unwrap_or_default();
        if code.eq_ignore_ascii_case("fr") { Language::French } else { Language::English }
    }

    /// Its code.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::French => "fr",
        }
    }
}

/// What is said besides the messages.
pub(crate) struct Words {
    subject: &'static str,
    hello: &'static str,
    waiting: &'static str,
    back: &'static str,
    why: &'static str,
    pub(crate) unsubscribe: &'static str,
    pub(crate) unsubscribe_question: &'static str,
    pub(crate) unsubscribed: &'static str,
    pub(crate) subscribe_again: &'static str,
}

/// In a language.
pub(crate) fn words(language: Language) -> &'static Words {
    match language {
        Language::English => &Words {
            subject: "New messages from",
            hello: "Hello",
            waiting: "you have messages that you have not read yet:",
            back: "Go back to the conversation",
            why: "You get this mail because you gave this address in a conversation.",
            unsubscribe: "Send me no more of these mails",
            unsubscribe_question: "No more mails about unread messages?",
            unsubscribed: "You get no more mails about unread messages.",
            subscribe_again: "Send me these mails again",
        },
        Language::French => &Words {
            subject: "Nouveaux messages de",
            hello: "Bonjour",
            waiting: "vous avez des messages que vous n’avez pas encore lus :",
            back: "Revenir à la conversation",
            why: "Vous recevez cet e-mail parce que vous avez donné cette adresse dans une conversation.",
            unsubscribe: "Ne plus recevoir ces e-mails",
            unsubscribe_question: "Ne plus recevoir d’e-mails au sujet des messages non lus ?",
            unsubscribed: "Vous ne recevrez plus d’e-mails au sujet des messages non lus.",
            subscribe_again: "Recevoir de nouveau ces e-mails",
        },
    }
}

/// What a mail is made of.
pub(crate) struct Letter<'a> {
    pub(crate) locale: &'a str,
    pub(crate) source_name: &'a str,
    pub(crate) screenname: &'a str,
    pub(crate) messages: &'a [Unread],
    /// Safe to stand in HTML.
    pub(crate) back_url: &'a str,
    /// The same.
    pub(crate) unsubscribe_url: &'a str,
}

/// A mail's words.
pub(crate) struct Written {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

/// What `{{…}}` may name.
pub(crate) const NAMES: [&str; 7] =
    ["screenname", "agent_name", "source_name", "messages_count", "messages", "back_to_chat_link", "unsubscribe_link"];
/// What `{{{…}}}` may name: HTML, or safe in it.
const RAW_NAMES: [&str; 3] = ["messages", "back_to_chat_link", "unsubscribe_link"];

impl Letter<'_> {
    /// As a template says it; none: as we do.
    pub(crate) fn written(&self, template: Option<&Template>) -> Written {
        let text = self.text();
        match template {
            Some(template) => {
                let html = filled(&template.html, |name, raw| match raw {
                    true => self.raw(name),
                    false => escaped(&self.value(name)),
                });
                let subject = filled(&template.subject, |name, _| self.value(name));
                Written { subject, text, html }
            }
            None => Written { subject: self.subject(), text, html: self.html() },
        }
    }

    fn value(&self, name: &str) -> String {
        match name {
            "screenname" => short(self.screenname),
            "agent_name" => short(self.messages.last().map_or("", |message| &message.author)),
            "source_name" => short(self.source_name),
            "messages_count" => self.messages.len().to_string(),
            "messages" => self.plain_messages(),
            "back_to_chat_link" => self.back_url.to_owned(),
            "unsubscribe_link" => self.unsubscribe_url.to_owned(),
            _ => String::new(),
        }
    }

    fn raw(&self, name: &str) -> String {
        match name {
            "messages" => self.html_messages(),
            other => self.value(other),
        }
    }

    fn subject(&self) -> String {
        format!("{} {}", words(Language::of(self.locale)).subject, short(self.source_name))
    }

    fn plain_messages(&self) -> String {
        let line =
            |message: &Unread| format!("{} ({})\n{}\n", short(&message.author), minute(message.at), cut(&message.text));
        self.messages.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    fn html_messages(&self) -> String {
        let block = |message: &Unread| {
            format!(
                "<div style=\"margin:0 0 16px;padding:12px 16px;background:#ecf0f6;border-radius:8px\">\
                 <strong>{}</strong> <span style=\"color:#757575\">{}</span><br>{}</div>\n",
                escaped(&short(&message.author)),
                minute(message.at),
                escaped(&cut(&message.text)).replace('\n', "<br>")
            )
        };
        self.messages.iter().map(block).collect()
    }

    fn text(&self) -> String {
        let words = words(Language::of(self.locale));
        format!(
            "{} {},\n\n{}\n\n{}\n{}:\n{}\n\n-- \n{}\n{}:\n{}\n",
            words.hello,
            short(self.screenname),
            words.waiting,
            self.plain_messages(),
            words.back,
            self.back_url,
            words.why,
            words.unsubscribe,
            self.unsubscribe_url
        )
    }

    fn html(&self) -> String {
        let language = Language::of(self.locale);
        let words = words(language);
        format!(
            "<!doctype html>\n<html lang=\"{}\">\n<body style=\"margin:0;padding:24px;font-family:sans-serif;\
             font-size:16px;line-height:1.5;color:#212121;background:#ffffff\">\n\
             <div style=\"max-width:560px;margin:0 auto\">\n<p>{} {},</p>\n<p>{}</p>\n{}\
             <p><a href=\"{}\" style=\"display:inline-block;padding:12px 20px;background:#2f5fb3;color:#ffffff;\
             border-radius:8px;text-decoration:none\">{}</a></p>\n\
             <p style=\"color:#616161;font-size:13px\">{}<br><a href=\"{}\" style=\"color:#616161\">{}</a></p>\n\
             </div>\n</body>\n</html>\n",
            language.code(),
            words.hello,
            escaped(&short(self.screenname)),
            words.waiting,
            self.html_messages(),
            self.back_url.replace('&', "&amp;"),
            words.back,
            words.why,
            self.unsubscribe_url.replace('&', "&amp;"),
            words.unsubscribe
        )
    }
}

/// The markup that a new template may begin with: that of our own mail.
pub(crate) const EXAMPLE: &str = "<!doctype html>
<html lang=\"en\">
<body style=\"margin:0;padding:24px;font-family:sans-serif;font-size:16px;line-height:1.5;color:#212121;background:#ffffff\">
<div style=\"max-width:560px;margin:0 auto\">
<p>Hello {{screenname}},</p>
<p>you have messages that you have not read yet:</p>
{{{messages}}}
<p><a href=\"{{{back_to_chat_link}}}\">Go back to the conversation</a></p>
<p style=\"color:#616161;font-size:13px\"><a href=\"{{{unsubscribe_link}}}\">Send me no more of these mails</a></p>
</div>
</body>
</html>
";

/// A text with what stands between braces put in. `value`: of a name, raw or not.
fn filled(text: &str, value: impl Fn(&str, bool) -> String) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find("{{") {
        filled.push_str(&rest[..begin]);
        let raw = rest[begin..].starts_with("{{{");
        let (open, close) = if raw { ("{{{", "}}}") } else { ("{{", "}}") };
        let inner = &rest[begin + open.len()..];
        let Some(end) = inner.find(close) else {
            rest = &rest[begin..];
            break;
        };
        filled.push_str(&value(inner[..end].trim(), raw));
        rest = &inner[end + close.len()..];
    }
    filled.push_str(rest);
    filled
}

/// What of a template cannot be put in; none: all is right.
pub(crate) fn unknown(text: &str) -> Option<String> {
    let found = std::cell::RefCell::new(None);
    let rest = filled(text, |name, raw| {
        let known: &[&str] = if raw { &RAW_NAMES } else { &NAMES };
        if !known.contains(&name) {
            found.borrow_mut().get_or_insert_with(|| name.chars().take(NAME_CHARACTERS_MAX).collect::<String>());
        }
        String::new()
    });
    let open = rest.contains("{{").then(|| "{{".to_owned());
    found.into_inner().or(open)
}

/// A name, as plain words on one line.
fn short(name: &str) -> String {
    let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
    name.trim().chars().map(plain).take(NAME_CHARACTERS_MAX).collect()
}

fn cut(text: &str) -> String {
    let mut cut: String = text.chars().take(MESSAGE_CHARACTERS_MAX).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

/// To the minute, in UTC.
fn minute(at: Timestamp) -> String {
    let text = at.rest();
    format!("{} UTC", text.get(..16).unwrap_or(&text).replace('T', " "))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_stands_between_braces() {
        for (text, expected) in [
            ("plain { brace }", None),
            ("{{screenname}} {{ messages_count }} {{{messages}}}", None),
            ("{{{back_to_chat_link}}} {{{unsubscribe_link}}} {{unsubscribe_link}}", None),
            ("{{{screenname}}}", Some("screenname")),
            ("{{password}}", Some("password")),
            ("{{}}", Some("")),
            ("{{screenname", Some("{{")),
            ("{{{messages}}", Some("{{")),
            ("{{{messages}}}}}", None),
        ] {
            assert_eq!(unknown(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn strangers_words_stay_words() {
        let message = Unread {
            id: frontdesk_model::Id::default(),
            at: Timestamp::from_micros(0),
            author: "<i>Ada</i>\r\nBcc: x".into(),
            text: "1 < 2 & \"three\"\n<script>alert(1)</script> {{{unsubscribe_link}}}".into(),
        };
        let letter = Letter {
            locale: "fr-CA",
            source_name: "Shop <b>",
            screenname: "{{{messages}}}<img src=x>",
            messages: &[message],
            back_url: "https://shop.example/?a=1&b=2",
            unsubscribe_url: "https://desk.example/u?a=1&s=2",
        };
        let template = Template {
            subject: "{{messages_count}} for {{screenname}}".into(),
            html: EXAMPLE.replace("Hello", "Hi {{agent_name}} {{source_name}}"),
        };
        for written in [letter.written(None), letter.written(Some(&template))] {
            let html = &written.html;
            assert!(!html.contains("<script") && !html.contains("<i>") && !html.contains("<img"), "{html}");
            assert!(html.contains("&lt;script&gt;") && html.contains("1 &lt; 2 &amp; &quot;three&quot;<br>"), "{html}");
            assert!(html.contains("{{{messages}}}&lt;img"), "a value is not looked into: {html}");
            assert!(!written.subject.contains('\n') && !written.text.contains("\r"), "{}", written.subject);
            assert!(written.text.contains("https://shop.example/?a=1&b=2\n") && written.text.contains("u?a=1&s=2\n"));
        }
        assert!(letter.written(None).text.starts_with("Bonjour "));
        assert_eq!(letter.written(Some(&template)).subject, "1 for {{{messages}}}<img src=x>");
    }
}
