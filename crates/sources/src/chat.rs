//! Live Chat: the messaging window in which visitor and agent are there at the same time, one conversation each.

use crate::{SourceKind, mobile_messaging};

/// Like Messaging in all that agents do with it. Its visitors live in the same communities, so that who chats here and
/// writes there is one.
pub(crate) static KIND: SourceKind =
    SourceKind { type_name: "chat", display_name: "Live Chat", is_live_chat: true, ..mobile_messaging::MESSAGING };
