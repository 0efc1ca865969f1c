//! Who customers are, where their service tells it only when it is asked.

use crate::Settings;
use crate::outbound::{Answer, Failure, Request};

/// How a service is asked who somebody is.
#[derive(Debug)]
pub struct Profiles {
    /// The question about the customer with this id; none while there is no token.
    pub request: fn(&Settings, customer: &str) -> Option<Request>,
    /// Reads the answer.
    pub read: fn(&Answer) -> Result<Profile, Failure>,
    /// The name of those of whom nothing is known.
    pub nobody: &'static str,
}

/// What a service told of somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// First name.
    pub firstname: Option<String>,
    /// Last name.
    pub lastname: Option<String>,
    /// A picture: http or https.
    pub avatar_url: Option<String>,
}

impl Profile {
    /// The name that is shown; none where nothing is known.
    pub fn screenname(&self) -> Option<String> {
        let names: Vec<&str> = self.firstname.iter().chain(&self.lastname).map(String::as_str).collect();
        Some(names.join(" ")).filter(|name| !name.is_empty())
    }
}
