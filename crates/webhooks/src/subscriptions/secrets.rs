//! What only a webhook's receiver may know, beside the administrators of the webhook.

use base64::Engine;
use frontdesk_model::{Env, Id, Result, Secret, error};
use frontdesk_store::Seal;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::Webhook;

/// What stands in the place of a secret in what a receiver answered.
const HIDDEN: &str = "[secret]";

/// The secrets of one webhook.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Secrets {
    /// Told in the challenge.
    pub(crate) verify_token: String,
    /// The header `X-Dimelo-Secret`; none without one.
    pub(crate) secret: Option<String>,
    /// What requests are signed with, the newest first.
    pub(crate) signing: Vec<SigningSecret>,
}

/// A secret of the Standard Webhooks signature.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SigningSecret {
    /// `whsec_` and the base64 of 32 bytes.
    pub(crate) text: String,
    /// Replaced: microseconds since 1970 until which it still signs.
    pub(crate) until: Option<i64>,
}

impl SigningSecret {
    /// A fresh one.
    pub(super) fn new(env: &Env) -> SigningSecret {
        let key: [u8; 32] = env.random();
        let text = format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode(key));
        SigningSecret { text, until: None }
    }
}

impl Webhook {
    /// Opens its secrets.
    pub(crate) fn secrets(&self, seal: &Seal) -> Result<Secrets> {
        let opened = seal.open(&purpose(self.id), &self.sealed)?;
        serde_json::from_str(opened.reveal()).map_err(|trouble| error::broken(format!("webhooks.secrets: {trouble}")))
    }
}

fn purpose(id: Id) -> String {
    format!("webhook:{id}")
}

impl Secrets {
    /// As the store keeps them.
    pub(super) fn sealed(&self, seal: &Seal, id: Id) -> Result<Vec<u8>> {
        let text = serde_json::to_string(self).map_err(|trouble| error::broken(trouble.to_string()))?;
        seal.seal(&purpose(id), &Secret::new(text))
    }

    /// What a receiver said, without these: it may send back what it was sent, and what it said is kept and shown to more
    /// people than may know them. They are found as they are and as URLs and JSON write them.
    pub(crate) fn hide(&self, text: &str) -> String {
        let mut forms = self.forms();
        // The longest first, so that nothing is left of one that begins with another.
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        let mut hidden = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let taken = match forms.iter().find(|form| rest.starts_with(form.as_str())) {
                Some(form) => {
                    hidden.push_str(HIDDEN);
                    form.len()
                }
                None => {
                    hidden.push(next);
                    next.len_utf8()
                }
            };
            rest = &rest[taken..];
        }
        hidden
    }

    fn forms(&self) -> Vec<String> {
        let signing = self.signing.iter().flat_map(|secret| {
            let key = secret.text.strip_prefix("whsec_").unwrap_or(&secret.text);
            [secret.text.as_str(), key]
        });
        let all = [self.verify_token.as_str()].into_iter().chain(self.secret.as_deref()).chain(signing);
        all.filter(|secret| !secret.is_empty())
            .flat_map(|secret| {
                let in_form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
                let in_url = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
                let quoted = serde_json::Value::from(secret).to_string();
                let in_json = quoted[1..quoted.len() - 1].to_owned();
                [secret.to_owned(), in_form, in_url, in_json]
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secrets(verify_token: &str, secret: &str) -> Secrets {
        let signing = vec![SigningSecret { text: "whsec_bm90aGluZw==".into(), until: Some(1) }];
        Secrets { verify_token: verify_token.into(), secret: Some(secret.into()), signing }
    }

    #[test]
    fn secrets_are_hidden_however_they_are_written() {
        let secrets = secrets("are you there?", "open \"sesame\"");
        for (said, shown) in [
            ("fine", "fine"),
            ("you sent open \"sesame\".", "you sent [secret]."),
            (r#"{"X-Dimelo-Secret":"open \"sesame\""}"#, r#"{"X-Dimelo-Secret":"[secret]"}"#),
            ("?hub.verify_token=are+you+there%3F&x", "?hub.verify_token=[secret]&x"),
            ("?hub.verify_token=are%20you%20there%3F", "?hub.verify_token=[secret]"),
            ("whsec_bm90aGluZw== bm90aGluZw==", "[secret] [secret]"),
            ("are you thereare you there?", "are you there[secret]"),
            ("", ""),
        ] {
            assert_eq!(secrets.hide(said), shown);
        }
        assert_eq!(self::secrets("abc", "abcd").hide("abcde"), "[secret]e");
        assert_eq!(Secrets::default().hide("nothing to hide"), "nothing to hide");
    }

    proptest! {
        #[test]
        fn nothing_shown_holds_a_secret(before in "\\PC{0,9}", secret in "\\PC{9,20}", after in "\\PC{0,9}") {
            let shown = secrets("v", &secret).hide(&format!("{before}{secret}{after}"));
            prop_assert!(!shown.contains(&secret));
        }
    }
}
