//! Messaging on the web and in apps: its visitors come to us, so no channel is called. What is set here is how apps are
//! notified.

use frontdesk_model::structured;

use crate::inbound::ContentObject;
use crate::{SourceKind, push};

/// The kind whose threads can be closed and whose text input can be switched off.
pub(crate) static KIND: SourceKind = SourceKind { settings: push::SETTINGS, ..MESSAGING };

/// What both kinds of messaging are.
pub(crate) const MESSAGING: SourceKind = SourceKind {
    type_name: "mobile_messaging",
    community_type: "mobile_messaging",
    display_name: "Messaging",
    threads_can_be_closed: true,
    is_messaging: true,
    is_live_chat: false,
    can_initiate: true,
    has_bare_resource_types: true,
    public_object: ContentObject::Message,
    account: |_| None,
    implementation: None,
    polling: None,
    quota: None,
    body_fault: |_, _| None,
    structured: |_| Some(structured::Channel::Messaging),
    settings: &[],
    delivery: None,
    typing: None,
    queues: None,
    connecting: None,
    handover: None,
    private_thread: None,
    is_own_file: |_| false,
    profiles: None,
    ingress: None,
};
