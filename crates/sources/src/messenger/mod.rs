//! Messenger: what a page and its customers write to each other. Facebook tells of it by the webhook that tells of the
//! page, too; README.md in `graph` has the wire's facts.

mod handover;
mod inbound;
mod outbound;
mod profiles;
mod templates;

use frontdesk_model::structured as messages;

use crate::graph::{self, limits, settings};
use crate::inbound::ContentObject;
use crate::ingress::Ingress;
use crate::outbound::Formats;
use crate::profiles::Profiles;
use crate::{Delivery, Handover, Setting, SourceKind, sdk};

/// The kind of source that a page's Messenger is.
pub(crate) static KIND: SourceKind = SourceKind {
    type_name: "messenger",
    community_type: "messenger",
    display_name: "Messenger",
    threads_can_be_closed: true,
    is_messaging: false,
    is_live_chat: false,
    can_initiate: false,
    public_object: ContentObject::Message,
    account: |known| known.text(settings::PAGE_ID),
    implementation: Some(implementation),
    polling: None,
    quota: None,
    body_fault: |_, body| graph::too_long(body, limits::MESSAGE_CHARACTERS_MAX),
    has_bare_resource_types: false,
    structured: |_| Some(messages::Channel::Messenger),
    settings: SETTINGS,
    delivery: Some(Delivery {
        request: outbound::request,
        act: |_, _, _| None,
        refuse: outbound::refuse,
        parts: outbound::parts,
        read_answer: graph::outcome,
        uploading: None,
        sign_in: None,
        read_content: |_, _, _, _| None,
        read_actions: |_, _| Vec::new(),
        formats: |_, _| Formats::Text,
        missing_for_files: |_, _| None,
        respelled: None,
    }),
    typing: Some(outbound::typing),
    queues: None,
    connecting: Some(&graph::connecting::PAGE),
    handover: Some(Handover {
        app_id: |known| known.text(settings::APP_ID),
        leads: |known| known.boolean(settings::IS_PRIMARY) == Some(true),
        ask: handover::ask,
        give: handover::give,
        read: graph::fault,
        is_elsewhere: graph::is_elsewhere,
    }),
    private_thread: None,
    is_own_file: |_| false,
    profiles: Some(Profiles { request: profiles::request, read: profiles::read, nobody: graph::UNKNOWN }),
    ingress: Some(Ingress {
        family: graph::FAMILY,
        challenge: graph::challenge,
        verify: graph::verify,
        split: graph::split,
        read: inbound::read,
    }),
};

static SETTINGS: &[Setting] = &[
    settings::OF_PAGE_ID,
    settings::OF_APP_ID,
    settings::OF_APP_SECRET,
    settings::OF_TOKEN,
    settings::OF_VERIFY_TOKEN,
    settings::OF_VERSION,
    settings::OF_HUMAN_AGENT,
    settings::OF_IS_PRIMARY,
];

fn implementation() -> sdk::Implementation {
    sdk::Implementation::fixed(
        &[("messages", &["create"])],
        &["messages.text", "messages.no_title", "messages.attachments", "messages.unthreaded"],
        &[],
    )
}
