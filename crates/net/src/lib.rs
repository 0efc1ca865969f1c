//! Everything that crosses the network: the guarded client for calls going out, mail going out, the listener for calls
//! coming in, whose address a request has, and the signatures that both sides check.

pub mod guard;
pub mod inbound;
pub mod mail;
pub mod outbound;
pub mod proxy;
pub mod signature;

pub use guard::{AddressPolicy, Forbidden};
pub use inbound::{InboundLimits, PeerAddress, WRITE_STALL_SECONDS_MAX, serve};
pub use mail::{Mail, MailError, MailSender, MailServer, Mailer};
pub use outbound::{Download, DownloadRequest, Outbound, OutboundAnswer, OutboundError, OutboundRequest};
pub use proxy::client_address;
pub use signature::{
    is_sdk_signature, link_signature, sdk_signature, verify_link_signature, verify_sdk_signature, webhook_signature,
};
