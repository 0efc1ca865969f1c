//! Channels: one module per kind of source, plain values in and out. Nothing here knows a store, REST or the network:
//! bytes of a channel become [`inbound`] values, [`outbound`] values become bytes for a channel.

use frontdesk_model::{Timestamp, structured};

mod chat;
pub mod connecting;
mod facebook;
mod graph;
pub mod inbound;
pub mod ingress;
mod messenger;
mod mobile_messaging;
pub mod oauth;
pub mod outbound;
pub mod profiles;
pub mod push;
pub mod quota;
pub mod sdk;
pub mod settings;
pub mod x;
pub mod youtube;

use inbound::ContentObject;

pub use graph::API as FACEBOOK_API;
pub use settings::{Setting, SettingKind, Settings, validate_settings};

/// What a kind of source is and can do, whichever source of that kind it is.
#[derive(Debug)]
pub struct SourceKind {
    /// The wire's `type` of its sources, and `source_type` of their contents.
    pub type_name: &'static str,
    /// The wire's `type` of the communities that its identities live in.
    pub community_type: &'static str,
    /// For people.
    pub display_name: &'static str,
    /// Whether its threads can be closed and opened; otherwise the attempt is a 403.
    pub threads_can_be_closed: bool,
    /// Whether the customer's text input can be switched off; otherwise the attempt is a 404.
    pub is_messaging: bool,
    /// Whether its conversations are held at once and end: one for each visitor at a time.
    pub is_live_chat: bool,
    /// Whether an agent can write first; otherwise the attempt is a 422.
    pub can_initiate: bool,
    /// What an answer that everybody sees is there.
    pub public_object: ContentObject,
    /// Who we are there, by the service's own id: agents write as this one, and what it wrote is ours. None where every
    /// agent has an identity of their own, or where the settings do not say yet.
    pub account: fn(&Settings) -> Option<&str>,
    /// What can be done there, where that is known of all sources of this kind; none where each channel tells it.
    pub implementation: Option<fn() -> sdk::Implementation>,
    /// How it is asked for what is new; none where what is new comes by itself.
    pub polling: Option<Polling>,
    /// How the calls of a day are shared out, where the service counts them; `interval_seconds`: how often the operator
    /// wants it asked.
    pub quota: Option<fn(&Settings, interval_seconds: i64) -> quota::Plan>,
    /// Why it takes no such body in a content of this kind, as the end of a sentence; none where it does.
    pub body_fault: fn(ContentObject, body: &str) -> Option<String>,
    /// Whether webhooks name its contents without the source's type: `message` instead of `sdk/message`.
    pub has_bare_resource_types: bool,
    /// What it takes of structured messages, by the options of the source, which nobody may have told; none where it
    /// takes none.
    pub structured: fn(Option<&[String]>) -> Option<structured::Channel>,
    /// What an administrator sets for each source of this kind, in the order of the form.
    pub settings: &'static [Setting],
    /// How contents leave through it; none when no channel is called, because its readers come to us.
    pub delivery: Option<Delivery>,
    /// Shows a customer that somebody types to them, or has stopped; none where that cannot be shown by a call.
    pub typing: Option<ShowTyping>,
    /// How a channel is told where a customer stands in a queue; none where none is.
    pub queues: Option<Queues>,
    /// How an account is connected, step by step; none where the settings are all.
    pub connecting: Option<&'static connecting::Connecting>,
    /// How conversations pass between apps there; none where they do not.
    pub handover: Option<Handover>,
    /// The channel's own id of the one conversation with a customer in private, where it follows from who they are.
    pub private_thread: Option<fn(&Settings, customer: &str) -> Option<String>>,
    /// Which files of customers only the account itself may fetch, by their addresses.
    pub is_own_file: fn(url: &str) -> bool,
    /// How its service is asked who customers are; none where it tells that with what they write.
    pub profiles: Option<profiles::Profiles>,
    /// How its service tells us what happens; none where it is asked, or where others come to us.
    pub ingress: Option<ingress::Ingress>,
}

/// Makes the request that shows a customer that somebody types, or has stopped.
pub type ShowTyping = fn(&Settings, customer: &str, typing: bool) -> Option<outbound::Request>;

/// Telling a channel where a customer stands in a queue.
#[derive(Debug)]
pub struct Queues {
    /// Whether a channel with these options wants to hear of it.
    pub wanted: fn(options: &[String]) -> bool,
    /// The request that tells it; none while the settings do not say where to or how.
    pub request: fn(&Settings, &sdk::QueuePlace, now: Timestamp) -> Option<outbound::Request>,
}

/// How a conversation that several apps take part in becomes ours, and another's.
#[derive(Debug)]
pub struct Handover {
    /// Our app's id there, if the settings tell it.
    pub app_id: fn(&Settings) -> Option<&str>,
    /// Whether our app leads, so that it takes a conversation; else it asks for it.
    pub leads: fn(&Settings) -> bool,
    /// Makes the conversation with this customer ours.
    pub ask: fn(&Settings, customer: &str) -> Option<outbound::Request>,
    /// Gives it to this app, or to whom the service says.
    pub give: fn(&Settings, customer: &str, app_id: Option<&str>) -> Option<outbound::Request>,
    /// Why neither was done; none where it was.
    pub read: fn(&outbound::Answer) -> Option<outbound::Failure>,
    /// Whether an answer says that another app has the conversation, so that nothing can be sent.
    pub is_elsewhere: fn(&outbound::Answer) -> bool,
}

/// How a channel is asked for what is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polling {
    /// List by list, as the Channel SDK has them.
    Sdk,
    /// Page by page, within the units of a day.
    YouTube,
}

/// How contents are delivered to a channel: make a request, send it elsewhere, read the answer.
#[derive(Debug)]
pub struct Delivery {
    /// The request that creates this content on the channel; none while the source's settings do not say where.
    pub request: fn(&Settings, &outbound::OutboundContent, now: Timestamp) -> Option<outbound::Request>,
    /// The request that does something with a content that the channel has; none while the settings do not say where.
    pub act: Act,
    /// Why the channel would not take this content, where that is known before it is sent.
    pub refuse: fn(&Settings, &outbound::OutboundContent, now: Timestamp) -> Option<outbound::Failure>,
    /// How many calls creating this content takes: one after the other, each for its part of it.
    pub parts: fn(&outbound::OutboundContent) -> usize,
    /// Reads the answer.
    pub read_answer: fn(&outbound::Answer) -> outbound::Outcome,
    /// How the channel is given files before the content that they belong to; none where it fetches them.
    pub uploading: Option<Uploading>,
    /// How a token is come by that lets requests in; none where requests bring what they need.
    pub sign_in: Option<SignIn>,
    /// The content with this id as an answer tells it, by the source's options; none when it tells no whole content.
    pub read_content: ReadContent,
    /// What may be done with the content with this id, as an answer tells it; nothing when it tells nothing of it.
    pub read_actions: fn(foreign_id: &str, body: &[u8]) -> Vec<String>,
    /// How bodies of contents of this kind may be written, by the source's options, which nobody may have told.
    pub formats: fn(inbound::ContentObject, Option<&[String]>) -> outbound::Formats,
    /// The option that files beside contents of this kind need and the source does not have; none when they may go.
    pub missing_for_files: fn(inbound::ContentObject, Option<&[String]>) -> Option<String>,
    /// The same body in another spelling, for channels that verify signatures over that one and answer 422 to ours.
    pub respelled: Option<Respell>,
}

/// How a channel is given files before the content that they belong to.
#[derive(Debug)]
pub struct Uploading {
    /// The request that gives it a file.
    pub request: fn(&outbound::OutboundContent, &outbound::OutboundAttachment, bytes: &[u8]) -> outbound::Request,
    /// Reads the channel's id of it.
    pub read: fn(&outbound::Answer) -> Result<String, outbound::Failure>,
}

/// How a token is come by that lets requests in for a while.
#[derive(Debug)]
pub struct SignIn {
    /// The request that asks for one; what is missing is told in a sentence for people.
    pub request: fn(&Settings) -> Result<outbound::Request, String>,
    /// Reads the answer.
    pub read: fn(&outbound::Answer) -> Result<oauth::Granted, outbound::Failure>,
    /// The setting that keeps what the next token is asked for with, where each is good for one.
    pub refresh_token: Option<&'static str>,
}

/// Makes the request that does something with a content.
pub type Act = fn(&Settings, &outbound::Deed, now: Timestamp) -> Option<outbound::Request>;

/// Reads the content that an answer tells.
pub type ReadContent = fn(
    inbound::ContentObject,
    foreign_id: &str,
    body: &[u8],
    options: Option<&[String]>,
) -> Option<inbound::InboundContent>;

/// Writes the same JSON in another spelling.
pub type Respell = fn(body: &[u8]) -> Vec<u8>;

impl SourceKind {
    /// The name that webhooks give to a content of this kind, such as `sdk/private_message`.
    pub fn resource_type(&self, content_type: &str) -> String {
        if self.has_bare_resource_types { content_type.into() } else { format!("{}/{content_type}", self.type_name) }
    }
}

/// Every kind: a new channel is one more line.
static KINDS: &[&SourceKind] =
    &[&chat::KIND, &facebook::KIND, &messenger::KIND, &mobile_messaging::KIND, &sdk::KIND, &x::KIND, &youtube::KIND];

/// Every kind of source, by type name.
pub fn kinds() -> &'static [&'static SourceKind] {
    KINDS
}

/// The kind with this type name.
pub fn kind(type_name: &str) -> Option<&'static SourceKind> {
    KINDS.iter().copied().find(|kind| kind.type_name == type_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_found_by_their_type_and_are_distinct() {
        for one in kinds() {
            assert!(std::ptr::eq(kind(one.type_name).unwrap(), *one));
        }
        assert!(kinds().windows(2).all(|pair| pair[0].type_name < pair[1].type_name));
        assert!(kind("carrier_pigeon").is_none());
    }

    #[test]
    fn kinds_can_what_the_public_pages_say() {
        let (sdk, messaging) = (kind("sdk").unwrap(), kind("mobile_messaging").unwrap());
        assert!(!sdk.threads_can_be_closed && !sdk.is_messaging && sdk.can_initiate);
        assert!(messaging.threads_can_be_closed && messaging.is_messaging && messaging.can_initiate);
        let options = ["view.messaging".to_owned()];
        assert_eq!((messaging.structured)(None), Some(structured::Channel::Messaging));
        assert_eq!((sdk.structured)(Some(&options)), Some(structured::Channel::Sdk));
        assert_eq!(((sdk.structured)(None), (sdk.structured)(Some(&[]))), (None, None));
        assert_eq!(sdk.resource_type("private_message"), "sdk/private_message");
        assert_eq!(messaging.resource_type("message"), "message");
        let chat = kind("chat").unwrap();
        assert!(chat.is_messaging && chat.is_live_chat && !messaging.is_live_chat);
        assert_eq!(chat.community_type, messaging.community_type);
    }

    #[test]
    fn settings_have_distinct_names_and_secrets_alone_are_generated() {
        for kind in kinds() {
            let mut names: Vec<_> = kind.settings.iter().map(|setting| setting.name).collect();
            names.sort_unstable();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
            for setting in kind.settings.iter().filter(|setting| setting.generated_when_absent) {
                assert!(matches!(setting.kind, SettingKind::Secret));
            }
        }
    }
}
