//! A Facebook page: its posts, what others post there, comments and reviews. Facebook tells of them by its webhook;
//! answers and what is done with them are calls of the Graph API. README.md in `graph` tells the wire's facts.

mod inbound;
mod outbound;

use crate::graph::{self, limits, settings};
use crate::inbound::ContentObject;
use crate::ingress::Ingress;
use crate::outbound::Formats;
use crate::{Delivery, Setting, SourceKind, sdk};

/// The kind of source that a page is.
pub(crate) static KIND: SourceKind = SourceKind {
    type_name: "facebook",
    community_type: "facebook",
    display_name: "Facebook page",
    threads_can_be_closed: false,
    is_messaging: false,
    is_live_chat: false,
    can_initiate: false,
    public_object: ContentObject::Comment,
    account: |known| known.text(settings::PAGE_ID),
    implementation: Some(implementation),
    polling: None,
    quota: None,
    body_fault: |_, body| graph::too_long(body, limits::COMMENT_CHARACTERS_MAX),
    has_bare_resource_types: false,
    structured: |_| None,
    settings: SETTINGS,
    delivery: Some(Delivery {
        request: outbound::request,
        act: outbound::act,
        refuse: outbound::refuse,
        parts: |_| 1,
        read_answer: graph::outcome,
        uploading: None,
        sign_in: None,
        read_content: |_, _, _, _| None,
        read_actions: |_, _| Vec::new(),
        formats: |_, _| Formats::Text,
        missing_for_files: |object, _| {
            (object != ContentObject::Comment).then(|| format!("{}s.attachments", object.as_str()))
        },
        respelled: None,
    }),
    typing: None,
    queues: None,
    connecting: Some(&graph::connecting::PAGE),
    handover: None,
    private_thread: None,
    is_own_file: |_| false,
    profiles: None,
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
];

/// What may be done with comments and posts that are there.
const ACTIONS: [&str; 5] = ["reply", "publish", "unpublish", "delete", "like"];

/// What can be done on a page. Comments may also be answered in private, once each.
fn implementation() -> sdk::Implementation {
    sdk::Implementation::fixed(
        &[
            ("comments", &["create", "reply", "publish", "unpublish", "delete", "like"]),
            ("posts", &["reply", "publish", "unpublish", "delete", "like"]),
            ("reviews", &["reply"]),
            ("private_messages", &["create"]),
        ],
        &["comments.text", "comments.no_title", "comments.attachments", "private_messages.no_title"],
        &[("default", &[("like", "Like")]), ("fr", &[("like", "J’aime")])],
    )
}
