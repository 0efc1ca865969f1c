//! X: posts that mention, answer or quote an account, and its direct messages. They come by webhook, in the envelope of the
//! Activity API or in the older one of the Account Activity API; README.md in this folder tells both, the limits and the
//! errors.

mod connecting;
mod errors;
mod inbound;
pub mod limits;
mod outbound;
mod settings;
mod signing;
mod text;

pub use signing::{SIGNATURE_HEADER, signature};

use crate::inbound::ContentObject;
use crate::ingress::{Challenge, Ingress};
use crate::outbound::Formats;
use crate::{Delivery, Settings, SignIn, SourceKind, Uploading, sdk};

/// Where posts are written, and tokens given out.
pub const API: &str = "https://api.x.com";
/// Where files of direct messages are.
pub const FILES: &str = "https://ton.twitter.com";

/// The kind of source that an account is.
pub(crate) static KIND: SourceKind = SourceKind {
    type_name: "twtr",
    community_type: "twtr",
    display_name: "X",
    threads_can_be_closed: false,
    is_messaging: false,
    is_live_chat: false,
    can_initiate: true,
    has_bare_resource_types: false,
    public_object: ContentObject::Tweet,
    account: |known| known.text(settings::USER_ID),
    implementation: Some(implementation),
    polling: None,
    quota: None,
    body_fault: text::fault,
    structured: |_| None,
    settings: settings::SETTINGS,
    delivery: Some(Delivery {
        request: outbound::request,
        act: outbound::act,
        refuse: outbound::refuse,
        parts: outbound::parts,
        read_answer: outbound::read_answer,
        uploading: Some(Uploading { request: outbound::upload, read: outbound::read_upload }),
        sign_in: Some(SignIn {
            request: outbound::token,
            read: outbound::read_token,
            refresh_token: Some(settings::REFRESH_TOKEN),
        }),
        read_content: |_, _, _, _| None,
        read_actions: |_, _| Vec::new(),
        formats: |_, _| Formats::Text,
        missing_for_files: |_, _| None,
        respelled: None,
    }),
    connecting: Some(&connecting::ACCOUNT),
    handover: None,
    private_thread: Some(|known, customer| Some(inbound::thread_of(known.text(settings::USER_ID)?, customer))),
    is_own_file: inbound::is_own_file,
    profiles: None,
    typing: None,
    queues: None,
    ingress: Some(Ingress {
        // An app has one address, whichever of its accounts something happens to.
        family: &["twtr"],
        challenge,
        verify: |known, header, body| {
            header(SIGNATURE_HEADER).is_some_and(|signature| signing::verify(known, &signature, body))
        },
        split: inbound::split,
        read: inbound::read,
    }),
};

/// Proves to X that we know the app's secret (its challenge-response check).
fn challenge(settings: &Settings, query: &[(String, String)]) -> Option<Challenge> {
    let (_, crc_token) = query.iter().find(|(name, _)| name == "crc_token")?;
    let body = serde_json::json!({ "response_token": signing::response_token(settings, crc_token)? }).to_string();
    Some(Challenge { content_type: "application/json", body, asker_is_known: false })
}

/// What can be done: posts are written and answered, answers to us hidden and shown, ours deleted; direct messages are written and
/// answered.
fn implementation() -> sdk::Implementation {
    sdk::Implementation::fixed(
        &[
            ("tweets", &["create", "reply", "publish", "unpublish", "delete"]),
            ("private_messages", &["create", "reply"]),
        ],
        &[
            "tweets.text",
            "tweets.no_title",
            "tweets.attachments",
            "private_messages.text",
            "private_messages.no_title",
            "private_messages.attachments",
        ],
        &[],
    )
}
