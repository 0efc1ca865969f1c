//! What these mails say, in English and French. The source's name was chosen by others: it comes in as plain words.

use frontdesk_model::Id;
use frontdesk_people::mails::words;
use frontdesk_people::user_notifications::Occasion;

/// Of a source's name this much is said.
const NAME_CHARACTERS_MAX: usize = 80;

/// Subject and text, in a language of `/locales`. `public_url`: without a slash at the end.
pub(super) fn letter(
    locale: &str,
    occasion: Occasion,
    source: &str,
    public_url: &str,
    thread_id: Id,
) -> (String, String) {
    let source = words(source, NAME_CHARACTERS_MAX);
    let is_french = locale.split('-').next() == Some("fr");
    let (subject, sentence) = match (occasion, is_french) {
        (Occasion::TaggedCustomer, false) => ("A customer with a tag wrote", "A customer who has a tag wrote"),
        (Occasion::TaggedCustomer, true) => ("Un client étiqueté a écrit", "Un client qui porte une étiquette a écrit"),
        (Occasion::OwnIntervention, false) => {
            ("A customer of yours wrote", "A customer wrote in a conversation of yours")
        }
        (Occasion::OwnIntervention, true) => {
            ("Un de vos clients a écrit", "Un client a écrit dans une de vos conversations")
        }
        (Occasion::ReadableSource, false) => ("New messages", "There are new messages"),
        (Occasion::ReadableSource, true) => ("Nouveaux messages", "Il y a de nouveaux messages"),
        (Occasion::Approval, false) => ("An answer waits for approval", "An answer waits for somebody to approve it"),
        (Occasion::Approval, true) => {
            ("Une réponse attend une approbation", "Une réponse attend que quelqu'un l'approuve")
        }
        (Occasion::OwnCategory, false) => {
            ("A conversation in your categories", "A conversation got a category of yours")
        }
        (Occasion::OwnCategory, true) => {
            ("Une conversation dans vos catégories", "Une conversation a reçu une de vos catégories")
        }
        (Occasion::Assigned, false) => ("A conversation is yours", "A conversation was assigned to you"),
        (Occasion::Assigned, true) => ("Une conversation est à vous", "Une conversation vous a été attribuée"),
        (Occasion::Reactivated, false) => {
            ("A conversation is back", "A conversation that was deferred is active again")
        }
        (Occasion::Reactivated, true) => {
            ("Une conversation est de retour", "Une conversation reportée est de nouveau active")
        }
    };
    let place = format!("{public_url}/inbox/all/{thread_id}");
    let text = if is_french {
        format!(
            "Bonjour,\n\n{sentence}, sur {source} :\n\n{place}\n\n\
             Vous recevez ce message parce que vous l'avez demandé. Vous pouvez changer d'avis ici :\n\n\
             {public_url}/account\n"
        )
    } else {
        format!(
            "Hello,\n\n{sentence}, on {source}:\n\n{place}\n\n\
             You get this mail because you asked for it. You can change your mind here:\n\n\
             {public_url}/account\n"
        )
    };
    (format!("{subject}{} {source}", if is_french { " :" } else { ":" }), text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_occasion_is_told_in_both_languages() {
        let thread_id = Id::from_parts(1, 2);
        let mut told = BTreeSet::new();
        for (locale, hello) in [("en", "Hello,"), ("de", "Hello,"), ("fr-CH", "Bonjour,")] {
            for occasion in Occasion::ALL {
                let source = "Shop\r\nBcc: x@evil.example.net";
                let (subject, text) = letter(locale, occasion, source, "https://desk.example.com", thread_id);
                assert!(text.starts_with(hello) && text.ends_with("/account\n"), "{text}");
                assert!(text.contains(&format!("\n\nhttps://desk.example.com/inbox/all/{thread_id}\n\n")), "{text}");
                assert!(subject.ends_with(" Shop Bcc x evil example net"), "{subject}");
                assert!(!subject.contains('\n') && !text.contains("evil.example"), "{subject} {text}");
                told.insert(subject);
            }
        }
        assert_eq!(told.len(), 2 * Occasion::ALL.len());
    }
}
