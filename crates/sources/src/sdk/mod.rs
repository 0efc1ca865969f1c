//! The Channel SDK: a third party connects its own channel with two signed JSON calls, one in each direction.
//! README.md in this folder tells the actions, limits and errors.

mod attachments;
pub mod check;
pub mod dates;
mod errors;
mod fields;
mod implementation;
mod inbound;
pub mod limits;
mod options;
mod outbound;
mod polling;
mod queue;
mod settings;
mod structured;

pub use errors::SendApiError;
pub use implementation::Implementation;
pub use inbound::parse_send_api;
pub use options::formats;
pub use outbound::{escaped, push, read_answer};
pub use polling::{Info, PolledAnswer, Slice, info_request, list_action, list_request, read_info, read_list};
pub use queue::QueuePlace;
pub use settings::{ACCESS_TOKEN, BASE_URI, OPTION_NAMES, OPTIONS};

use frontdesk_model::structured as messages;

use crate::inbound::ContentObject;
use crate::{Delivery, Queues, SourceKind};

/// The header that holds the lower-case hex HMAC-SHA512 of the body, in both directions.
pub const SIGNATURE_HEADER: &str = "X-SMCCSDK-SIGNATURE";

/// The kind of source that the Channel SDK makes.
pub(crate) static KIND: SourceKind = SourceKind {
    type_name: "sdk",
    community_type: "sdk",
    display_name: "Channel SDK",
    threads_can_be_closed: false,
    is_messaging: false,
    is_live_chat: false,
    can_initiate: true,
    has_bare_resource_types: false,
    public_object: ContentObject::Message,
    account: |_| None,
    implementation: None,
    polling: Some(crate::Polling::Sdk),
    quota: None,
    body_fault: |_, _| None,
    structured: |options| {
        let has_view = options.is_some_and(|options| options.iter().any(|option| option == "view.messaging"));
        has_view.then_some(messages::Channel::Sdk)
    },
    settings: settings::SETTINGS,
    delivery: Some(Delivery {
        request: outbound::request,
        act: outbound::act,
        refuse: |_, _, _| None,
        parts: |_| 1,
        read_answer: outbound::outcome,
        uploading: None,
        sign_in: None,
        read_content: outbound::read_content,
        read_actions: outbound::read_actions,
        formats: options::formats,
        missing_for_files: options::missing_for_files,
        respelled: Some(escaped),
    }),
    typing: None,
    queues: Some(Queues { wanted: queue::is_wanted, request: queue::request }),
    connecting: None,
    handover: None,
    private_thread: None,
    is_own_file: |_| false,
    profiles: None,
    ingress: None,
};
