//! Why a receiver is thought to be away.

use frontdesk_net::OutboundError;
use serde_json::{Value, json};

/// What went wrong: in words for whoever looks at the webhook, and as a stable word for mails, which are written in
/// several languages and hold nothing that a receiver said.
#[derive(Clone, Debug)]
pub(crate) struct Reason {
    pub(crate) text: String,
    code: &'static str,
    /// Of an answer with another status than 200.
    status: Option<u16>,
}

impl Reason {
    /// It answered, and not with 200.
    pub(crate) fn status(text: String, status: u16) -> Reason {
        Reason { text, code: "status", status: Some(status) }
    }

    /// It answered the challenge with something else.
    pub(crate) fn challenge(text: String) -> Reason {
        Reason { text, code: "challenge", status: None }
    }

    /// It could not be asked, or its answer not be read. `text` tells of `trouble`.
    pub(crate) fn outbound(text: String, trouble: &OutboundError) -> Reason {
        let code = match trouble {
            OutboundError::Forbidden(_) => "forbidden",
            OutboundError::Url(_) => "url",
            OutboundError::Timeout => "timeout",
            OutboundError::Connect(_) => "connection",
            OutboundError::Tls(_) => "tls",
            OutboundError::Protocol(_) => "protocol",
            OutboundError::Status(_) | OutboundError::TooLarge(_) | OutboundError::File(_) => "trouble",
        };
        Reason { text, code, status: None }
    }

    /// It is not the receiver's fault.
    pub(crate) fn trouble(text: &str) -> Reason {
        Reason { text: text.into(), code: "trouble", status: None }
    }

    /// Puts it into an event.
    pub(crate) fn tell(reason: Option<&Reason>, told: &mut Value) {
        told["reason"] = json!(reason.map(|reason| &reason.text));
        if let Some(reason) = reason {
            told["reason_code"] = json!(reason.code);
            told["reason_status"] = json!(reason.status);
        }
    }
}
