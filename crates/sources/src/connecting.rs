//! How an account is connected: what an administrator does, in order, and what is tried to see whether it was done.

use frontdesk_model::Secret;

use crate::Settings;
use crate::outbound::{Answer, Request};

/// How a kind of source is connected.
#[derive(Debug)]
pub struct Connecting {
    /// What is to be done, one after the other.
    pub steps: &'static [Step],
    /// What is tried then.
    pub trials: &'static [Trial],
    /// How people let us in at the service; none where a token is entered by hand.
    pub sign_in: Option<SignIn>,
}

/// How people let us in at a service (RFC 6749, section 4.1), at its own fixed addresses.
#[derive(Debug)]
pub struct SignIn {
    /// Where they do that, or what is missing before they can.
    pub dialog: fn(&Settings, trip: &Trip, state: &str) -> Result<String, String>,
    /// What is called then, one after the other: each with what the one before gave, the first with the code.
    pub exchanges: &'static [Exchange],
    /// The setting that keeps what the last one gave.
    pub setting: &'static str,
}

/// One way to a service and back.
#[derive(Debug)]
pub struct Trip {
    /// Where the service sends people back to.
    pub redirect_uri: String,
    /// What only we know, and the service is told of in the end (RFC 7636): 64 hex digits.
    pub verifier: Secret,
}

/// A call that gives one secret for another.
#[derive(Debug)]
pub struct Exchange {
    /// The call; none while a setting is missing.
    pub request: fn(&Settings, trip: &Trip, given: &Secret) -> Option<Request>,
    /// What it gave, or what is wrong, in a sentence for people.
    pub read: fn(&Settings, given: &Secret, &Answer) -> Result<Secret, String>,
}

/// Something that an administrator does.
#[derive(Debug)]
pub struct Step {
    /// One word.
    pub name: &'static str,
    /// For people: what to do.
    pub doc: &'static str,
    /// The settings that say that it was done; where there are none, the service's question for the address does.
    pub settings: &'static [&'static str],
}

impl Step {
    /// Whether it was done, as far as settings tell.
    pub fn is_done(&self, settings: &Settings) -> bool {
        let is_set = |name: &&str| settings.text(name).is_some() || settings.secret(name).is_some();
        self.settings.iter().all(is_set)
    }
}

/// A call that shows whether something works.
#[derive(Debug)]
pub struct Trial {
    /// One word.
    pub name: &'static str,
    /// The call; none while a setting is missing.
    pub request: fn(&Settings) -> Option<Request>,
    /// What is wrong, in a sentence for people.
    pub judge: fn(&Settings, &Answer) -> Result<(), String>,
}
