//! YouTube: the comments under a channel's videos. Nobody tells us of comments: they are asked for, page by page, within
//! a number of units a day (public page youtube.googleapis.com, Data API v3). README.md in this folder tells what is
//! asked when, the limits and the errors.

mod asking;
mod connecting;
mod errors;
mod inbound;
pub mod limits;
mod outbound;
mod settings;
mod videos;
mod watching;

pub use asking::{List, account, comments, replies, threads_named, videos};
pub use inbound::{Account, CommentThread, Comments, Page, read_account, read_comments, read_threads, read_videos};
pub use settings::{CHANNEL_ID, HISTORY_DAYS, LEASE_DAYS, WEBSUB_SECRET};
pub use videos::{SIGNATURE_HEADER, lease_request, signature};
pub use watching::{Look, look};

use crate::inbound::ContentObject;
use crate::ingress::{Happening, Ingress};
use crate::outbound::{Answer, Failure, Formats};
use crate::{Delivery, Polling, Settings, SignIn, SourceKind, quota, sdk};

/// Where comments are read and written.
pub const API: &str = "https://www.googleapis.com";
/// Where tokens are given out.
pub const TOKENS: &str = "https://oauth2.googleapis.com";
/// Where news of videos is asked for.
pub const HUB: &str = "https://pubsubhubbub.appspot.com";

/// The kind of source that a channel's comments are.
pub(crate) static KIND: SourceKind = SourceKind {
    type_name: "youtube",
    community_type: "youtube",
    display_name: "YouTube",
    threads_can_be_closed: false,
    is_messaging: false,
    is_live_chat: false,
    can_initiate: false,
    has_bare_resource_types: false,
    public_object: ContentObject::Comment,
    account: |settings| settings.text(CHANNEL_ID),
    implementation: Some(implementation),
    polling: Some(Polling::YouTube),
    quota: Some(plan),
    body_fault: |_, body| outbound::fault(body),
    structured: |_| None,
    settings: settings::SETTINGS,
    delivery: Some(Delivery {
        request: outbound::request,
        act: outbound::act,
        refuse: |_, _, _| None,
        parts: |_| 1,
        read_answer: outbound::read_answer,
        uploading: None,
        sign_in: Some(SignIn { request: asking::token, read: asking::read_token, refresh_token: None }),
        read_content: |_, _, _, _| None,
        read_actions: |_, _| outbound::ACTIONS.map(str::to_owned).to_vec(),
        formats: |_, _| Formats::Text,
        missing_for_files: |_, _| Some("comments.attachments".into()),
        respelled: None,
    }),
    typing: None,
    queues: None,
    connecting: Some(&connecting::CHANNEL),
    handover: None,
    private_thread: None,
    is_own_file: |_| false,
    profiles: None,
    ingress: Some(Ingress {
        family: &["youtube"],
        challenge: videos::challenge,
        verify: videos::verify,
        split: videos::split,
        read: |_, _| Ok(Some(vec![Happening::AskSoon])),
    }),
};

/// What can be done with comments: answered, held back, let through, and rejected or, if they are ours, deleted.
fn implementation() -> sdk::Implementation {
    sdk::Implementation::fixed(
        &[("comments", &["create", "reply", "publish", "unpublish", "delete"])],
        &["comments.text", "comments.no_title"],
        &[],
    )
}

/// What an answer that is no success means.
pub fn failure(answer: &Answer) -> Failure {
    errors::failure(answer)
}

/// The units of a new project a day (public).
const UNITS: i64 = 10_000;

/// How the units of a source's project are shared out.
fn plan(settings: &Settings, interval_seconds: i64) -> quota::Plan {
    let units = settings.integer(settings::UNITS_PER_DAY).unwrap_or(UNITS);
    let for_answers = settings.integer(settings::UNITS_FOR_ANSWERS).unwrap_or(units * 2 / 5);
    quota::Plan::new(units, for_answers, interval_seconds)
}
