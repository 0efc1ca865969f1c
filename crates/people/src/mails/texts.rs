//! What mails say, in English and French. Names were chosen by others: they come in as plain words, from which no mail
//! program makes a link.

use frontdesk_model::Id;

/// Of a name this much is said.
const NAME_CHARACTERS_MAX: usize = 80;
/// Of a reason this much is said.
const REASON_CHARACTERS_MAX: usize = 300;
/// The longest name of a host (RFC 1035).
const HOST_CHARACTERS_MAX: usize = 253;

/// The languages of mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    English,
    French,
}

impl Language {
    /// French for those who read it, English for all others.
    pub(super) fn of(locale: &str) -> Language {
        if locale.split('-').next() == Some("fr") { Language::French } else { Language::English }
    }
}

/// A mail's words.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) subject: String,
    pub(crate) text: String,
}

/// Somebody a mail speaks of.
pub(super) struct Person<'a> {
    pub(super) name: &'a str,
    pub(super) email: &'a str,
}

impl Person<'_> {
    /// Their name; "?" when it holds no word.
    fn name(&self) -> String {
        let name = words(self.name, NAME_CHARACTERS_MAX);
        if name.is_empty() { "?".into() } else { name }
    }
}

/// An account was made for somebody. `link`: where they choose their password.
pub(super) fn invitation(language: Language, inviter: Option<Person>, public_url: &str, link: &str) -> Letter {
    let inviter = inviter.map(|person| format!("{} ({})", person.name(), person.email));
    match language {
        Language::English => Letter {
            subject: "Your account on Frontdesk".into(),
            text: format!(
                "Hello,\n\n\
                 {} made an account for you on Frontdesk, at\n\n\
                 {public_url}\n\n\
                 It goes by this e-mail address. Choose your password here, within three days:\n\n\
                 {link}\n\n\
                 The link works once. If you did not expect this mail, there is nothing for you to do.\n",
                inviter.unwrap_or_else(|| "An administrator".into())
            ),
        },
        Language::French => Letter {
            subject: "Votre compte Frontdesk".into(),
            text: format!(
                "Bonjour,\n\n\
                 {} a créé un compte pour vous sur Frontdesk, à l'adresse\n\n\
                 {public_url}\n\n\
                 Votre adresse e-mail en est l'identifiant. Choisissez votre mot de passe ici, sous trois jours :\n\n\
                 {link}\n\n\
                 Ce lien ne sert qu'une fois. Si vous n'attendiez pas ce message, vous n'avez rien à faire.\n",
                inviter.unwrap_or_else(|| "Un administrateur".into())
            ),
        },
    }
}

/// Somebody has forgotten their password, or says so. `link`: where they choose another.
pub(super) fn recovery(language: Language, link: &str) -> Letter {
    match language {
        Language::English => Letter {
            subject: "A new password for Frontdesk".into(),
            text: format!(
                "Hello,\n\n\
                 somebody, you most likely, wants a new password for your account on Frontdesk. Choose it here, within an \
                 hour:\n\n\
                 {link}\n\n\
                 The link works once, and signs you out wherever you are signed in. If it was not you, there is nothing \
                 for you to do: your password stays as it is.\n"
            ),
        },
        Language::French => Letter {
            subject: "Un nouveau mot de passe pour Frontdesk".into(),
            text: format!(
                "Bonjour,\n\n\
                 quelqu'un, sans doute vous-même, demande un nouveau mot de passe pour votre compte Frontdesk. \
                 Choisissez-le ici, dans l'heure :\n\n\
                 {link}\n\n\
                 Ce lien ne sert qu'une fois et ferme toutes vos sessions. Si ce n'était pas vous, vous n'avez rien à \
                 faire : votre mot de passe reste le même.\n"
            ),
        },
    }
}

/// A webhook that a mail speaks of.
pub(super) struct Webhook<'a> {
    pub(super) id: Id,
    pub(super) name: &'a str,
    pub(super) host: &'a str,
    /// Why, in words that others may have chosen: told only where there is no stable word.
    pub(super) reason: &'a str,
    /// Why, as a stable word.
    pub(super) reason_code: &'a str,
    /// The status of an answer, where that is why.
    pub(super) reason_status: u64,
    pub(super) public_url: &'a str,
}

impl Webhook<'_> {
    fn name(&self) -> String {
        let name = words(self.name, NAME_CHARACTERS_MAX);
        if name.is_empty() { self.id.hex() } else { name }
    }

    fn host(&self) -> String {
        let is_of_host = |c: &char| c.is_alphanumeric() || ".-:[]".contains(*c);
        self.host.chars().filter(is_of_host).take(HOST_CHARACTERS_MAX).collect()
    }

    /// The reason as a paragraph of its own; nothing when there is none.
    fn reason(&self, language: Language) -> String {
        let in_both = match self.reason_code {
            "status" => {
                ["Its answer had the status {status} and not 200.", "Sa réponse avait le statut {status} et non 200."]
            }
            "challenge" => [
                "It did not answer the challenge with exactly the value that it was sent.",
                "Il n'a pas répondu à la demande de validation par la valeur exacte qui lui a été envoyée.",
            ],
            "timeout" => ["It gave no complete answer in time.", "Il n'a pas répondu complètement à temps."],
            "connection" => ["There was no connection to it.", "Aucune connexion n'a pu être établie."],
            "tls" => [
                "There was no secure connection to it: its certificate or the handshake failed.",
                "Aucune connexion sécurisée n'a pu être établie : son certificat ou la négociation a échoué.",
            ],
            "protocol" => ["What it answered was no valid HTTP.", "Sa réponse n'était pas du HTTP valide."],
            "forbidden" => [
                "Its address is not one that the server may call.",
                "Son adresse n'est pas de celles que le serveur a le droit d'appeler.",
            ],
            "url" => ["Its URL cannot be called.", "Son URL ne peut pas être appelée."],
            "trouble" => [
                "The server could not make the request; its log says why.",
                "Le serveur n'a pas pu faire la requête ; son journal dit pourquoi.",
            ],
            _ => {
                let text = words(self.reason, REASON_CHARACTERS_MAX);
                return if text.is_empty() { text } else { format!("{text}\n\n") };
            }
        };
        let text = match language {
            Language::English => in_both[0],
            Language::French => in_both[1],
        };
        format!("{}\n\n", text.replace("{status}", &self.reason_status.to_string()))
    }

    fn place(&self) -> String {
        format!("{}/1.0/webhooks/{}", self.public_url, self.id)
    }
}

/// Its receiver does not answer: events wait and are tried again by themselves.
pub(super) fn suspended(language: Language, webhook: &Webhook) -> Letter {
    let (name, host, reason, place) = (webhook.name(), webhook.host(), webhook.reason(language), webhook.place());
    match language {
        Language::English => Letter {
            subject: format!("Webhook suspended: {name}"),
            text: format!(
                "Hello,\n\n\
                 Your webhook \"{name}\" is suspended, because {host} does not take its events:\n\n\
                 {reason}\
                 Nothing is lost. Events wait, the address is tried again every minute, and everything is sent as soon as \
                 it answers. How it stands:\n\n\
                 {place}\n"
            ),
        },
        Language::French => Letter {
            subject: format!("Webhook suspendu : {name}"),
            text: format!(
                "Bonjour,\n\n\
                 Votre webhook « {name} » est suspendu, car {host} n'accepte pas ses événements :\n\n\
                 {reason}\
                 Rien n'est perdu. Les événements attendent, l'adresse est essayée à nouveau chaque minute, et tout sera \
                 envoyé dès qu'elle répondra. Son état :\n\n\
                 {place}\n"
            ),
        },
    }
}

/// Nothing is sent any more, until somebody makes it active again.
pub(super) fn disabled(language: Language, webhook: &Webhook) -> Letter {
    let (name, host, reason, place) = (webhook.name(), webhook.host(), webhook.reason(language), webhook.place());
    match language {
        Language::English => Letter {
            subject: format!("Webhook disabled: {name}"),
            text: format!(
                "Hello,\n\n\
                 Your webhook \"{name}\" is disabled: nothing is sent to {host} any more.\n\n\
                 {reason}\
                 When its receiver is ready again, make the webhook active again:\n\n\
                 {place}\n"
            ),
        },
        Language::French => Letter {
            subject: format!("Webhook désactivé : {name}"),
            text: format!(
                "Bonjour,\n\n\
                 Votre webhook « {name} » est désactivé : plus rien n'est envoyé à {host}.\n\n\
                 {reason}\
                 Quand son destinataire sera prêt, réactivez le webhook :\n\n\
                 {place}\n"
            ),
        },
    }
}

/// Its receiver answers again.
pub(super) fn restored(language: Language, webhook: &Webhook) -> Letter {
    let (name, host, place) = (webhook.name(), webhook.host(), webhook.place());
    match language {
        Language::English => Letter {
            subject: format!("Webhook restored: {name}"),
            text: format!(
                "Hello,\n\n\
                 Your webhook \"{name}\" works again: {host} takes its events, and what waited is sent to it.\n\n\
                 {place}\n"
            ),
        },
        Language::French => Letter {
            subject: format!("Webhook rétabli : {name}"),
            text: format!(
                "Bonjour,\n\n\
                 Votre webhook « {name} » fonctionne à nouveau : {host} accepte ses événements, et ceux qui attendaient \
                 lui sont envoyés.\n\n\
                 {place}\n"
            ),
        },
    }
}

/// A text as words: letters, digits and what stands between them in names. A dot stays at the end of a word only, so that
/// nothing looks like an address; what is invisible or turns the direction of the text goes.
pub fn words(text: &str, characters_max: usize) -> String {
    let mut plain = String::new();
    let mut characters = text.chars().take(characters_max).peekable();
    while let Some(c) = characters.next() {
        let ends_word = characters.peek().is_none_or(|next| next.is_whitespace());
        let stays = c.is_alphanumeric() || "'’-_&,()+#".contains(c) || c == '.' && ends_word;
        plain.push(if stays { c } else { ' ' });
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_and_never_links() {
        for (name, said) in [
            ("Otto  Operator", "Otto Operator"),
            ("J. P. O'Neil-Smith, Jr.", "J. P. O'Neil-Smith, Jr."),
            ("Élodie 北京", "Élodie 北京"),
            ("Win at https://evil.example.com/x?a=b now", "Win at https evil example com x a b now"),
            ("evil@example.com", "evil example com"),
            ("a\r\nBcc: x@y.z\r\n\r\nbody", "a Bcc x y z body"),
            ("\u{202e}live\u{200b}", "live"),
            ("", ""),
        ] {
            assert_eq!(words(name, NAME_CHARACTERS_MAX), said, "{name:?}");
        }
        assert_eq!(words(&"é".repeat(500), NAME_CHARACTERS_MAX).chars().count(), NAME_CHARACTERS_MAX);
    }

    #[test]
    fn every_letter_is_written_in_both_languages() {
        let webhook = Webhook {
            id: Id::from_parts(1, 2),
            name: "Orders\r\n",
            host: "hooks.example.com\n",
            reason: "80 of 100 attempts failed:\r\n500\u{202e} see https://evil.example.net/x",
            reason_code: "",
            reason_status: 0,
            public_url: "https://desk.example.com",
        };
        assert_eq!(Language::of("fr-CA"), Language::French);
        assert_eq!(Language::of("frx"), Language::English);
        for (language, hello) in [(Language::English, "Hello,"), (Language::French, "Bonjour,")] {
            let inviter = || Person { name: "Otto Operator", email: "otto@example.com" };
            let about_webhooks = [suspended, disabled, restored].map(|write| write(language, &webhook));
            for letter in &about_webhooks {
                assert!(letter.text.contains("hooks.example.com") && letter.subject.ends_with("Orders"), "{letter:?}");
                assert!(letter.text.contains(&webhook.place()), "{letter:?}");
            }
            let invitations = [Some(inviter()), None]
                .map(|inviter| invitation(language, inviter, "https://desk.example.com", "LINK"));
            assert!(invitations[0].text.contains("Otto Operator (otto@example.com)"));
            let recovery = [recovery(language, "LINK")];
            assert!(invitations.iter().chain(&recovery).all(|letter| letter.text.contains("\n\nLINK\n\n")));
            for letter in about_webhooks.iter().chain(&invitations).chain(&recovery) {
                assert!(letter.text.starts_with(hello) && letter.text.ends_with('\n'), "{letter:?}");
                let is_plain = |c: char| c == '\n' || !(c.is_control() || c == '\u{202e}');
                assert!(letter.text.chars().all(is_plain) && !letter.text.contains("  "), "{letter:?}");
                assert!(!letter.subject.contains('\n'), "{letter:?}");
            }
            assert!(
                about_webhooks[0].text.contains("80 of 100 attempts failed 500 see https evil example net x\n\n"),
                "{}",
                about_webhooks[0].text
            );
        }
    }

    #[test]
    fn reasons_are_told_in_the_readers_language_and_in_nobody_elses_words() {
        let codes = ["status", "challenge", "timeout", "connection", "tls", "protocol", "forbidden", "url", "trouble"];
        let mut told = std::collections::BTreeSet::new();
        for code in codes {
            let webhook = Webhook {
                id: Id::from_parts(1, 2),
                name: "Orders",
                host: "hooks.example.com",
                reason: "The receiver says https://evil.example.net/",
                reason_code: code,
                reason_status: 503,
                public_url: "https://desk.example.com",
            };
            for language in [Language::English, Language::French] {
                let reason = webhook.reason(language);
                assert_eq!(reason.contains("503"), code == "status", "{reason}");
                assert!(!reason.contains("evil") && reason.ends_with(".\n\n"), "{reason}");
                assert!(suspended(language, &webhook).text.contains(&reason));
                told.insert(reason);
            }
        }
        assert_eq!(told.len(), 2 * codes.len());
    }
}
