//! The Send API: what a channel's server posts to us, made into the words of every channel.

use frontdesk_model::invisible;
use serde_json::Value;

use super::errors::SendApiError;
use super::fields::{Fields, Read, holds_too_many_values};
use super::limits::{
    BODY_CHARACTERS_MAX, REQUEST_BYTES_MAX, REQUEST_VALUES_MAX, STRUCTURED_REPLY_BYTES_MAX, TITLE_CHARACTERS_MAX,
};
use super::{attachments, structured};
use crate::inbound::{BodyFormat, ContentObject, Gender, Inbound, InboundAuthor, InboundContent};

/// Reads one Send API request whose signature has been verified. `options` are those of the source; none when they
/// are not known yet, which counts as the defaults, except that typing is let through. Bodies stay raw.
pub fn parse_send_api(body: &[u8], options: Option<&[String]>) -> Result<Inbound, SendApiError> {
    let (action, params) = envelope(body)?;
    let options = Options(options);
    match action.as_str() {
        "messages.create" | "message.create" => content(ContentObject::Message, params, options),
        "private_messages.create" | "private_message.create" => content(ContentObject::PrivateMessage, params, options),
        "threads.create" | "thread.create" => content(ContentObject::Thread, params, options),
        "users.create" | "user.create" => Ok(Inbound::Identity(Box::new(author(params)?))),
        "status.mark_as_read" => read_mark(params),
        "typing.start" | "typing.stop" if !options.allow_typing() => Err(SendApiError::InvalidAction(
            "typing needs the options view.messaging and messaging.typing_indicator in the answer to \
             implementation.info"
                .into(),
        )),
        "typing.start" => typing_start(params),
        "typing.stop" => typing_stop(params),
        _ => Err(SendApiError::InvalidAction(unknown_action(&action))),
    }
}

#[derive(Clone, Copy)]
pub(super) struct Options<'a>(pub(super) Option<&'a [String]>);

impl Options<'_> {
    fn has(self, name: &str) -> bool {
        self.0.is_some_and(|options| options.iter().any(|option| option == name))
    }

    fn allow_typing(self) -> bool {
        self.0.is_none() || (self.has("messaging.typing_indicator") && self.has("view.messaging"))
    }
}

fn envelope(body: &[u8]) -> Read<(String, Fields)> {
    if body.len() > REQUEST_BYTES_MAX {
        return Err(SendApiError::TooLarge);
    }
    if holds_too_many_values(body) {
        return Err(SendApiError::BadRequest(format!("more than {REQUEST_VALUES_MAX} values")));
    }
    let request = serde_json::from_slice(body).map_err(|error| SendApiError::BadRequest(error.to_string()))?;
    let Value::Object(mut request) = request else {
        return Err(SendApiError::InvalidRequestFormat("the body must be an object with action and params"));
    };
    let action = match request.remove("action") {
        Some(Value::String(action)) if !action.is_empty() => action,
        None | Some(Value::Null | Value::String(_)) => {
            return Err(SendApiError::InvalidRequestFormat("action is missing"));
        }
        Some(_) => return Err(SendApiError::InvalidRequestFormat("action must be text")),
    };
    match request.remove("params") {
        Some(Value::Object(params)) => Ok((action, Fields::new(params, "params"))),
        None | Some(Value::Null) => Err(SendApiError::InvalidRequestFormat("params is missing")),
        Some(_) => Err(SendApiError::InvalidRequestFormat("params must be an object")),
    }
}

fn unknown_action(action: &str) -> String {
    let shown: String = invisible::shown(action).chars().take(60).collect();
    format!(
        "there is no action {shown}: send messages.create, private_messages.create, threads.create, users.create, \
         status.mark_as_read, typing.start or typing.stop"
    )
}

fn content(object: ContentObject, params: Fields, options: Options) -> Read<Inbound> {
    read_content(object, params, options).map(|content| Inbound::Content(Box::new(content)))
}

/// Reads a content, however it came.
pub(super) fn read_content(object: ContentObject, mut params: Fields, options: Options) -> Read<InboundContent> {
    let mut content = InboundContent::new(object, params.required("id", Fields::id)?);
    if object == ContentObject::Thread && options.has("threads.no_content") {
        content.title = params.text("title", TITLE_CHARACTERS_MAX)?;
        return Ok(content);
    }
    let author_fields = params.required("author", Fields::object)?;
    content.author = Some(author(author_fields)?);
    content.body = params.text("body", BODY_CHARACTERS_MAX)?.unwrap_or_default();
    content.format = format(&mut params)?;
    content.created_at = params.date("created_at")?;
    content.updated_at = params.date("updated_at")?;
    content.source_url = params.web_url("display_url")?;
    content.foreign_categories = params.texts("categories")?;
    content.context_data = params.context("context_data")?;
    content.actions = params.texts("actions")?;
    content.ip = params.short_text("ip")?;
    match object {
        ContentObject::Thread => {
            content.title = params.text("title", TITLE_CHARACTERS_MAX)?;
            if content.body.is_empty() {
                return Err(params.refuse("body", "is missing"));
            }
        }
        ContentObject::PrivateMessage => {
            let recipient_fields = params.required("recipient", Fields::object)?;
            content.recipient = Some(author(recipient_fields)?);
            message_parts(&mut content, &mut params, options)?;
        }
        // Messages; what other kinds of sources have is not read here.
        _ => {
            if !options.has("messages.unthreaded") {
                content.thread_foreign_id = Some(params.required("thread_id", Fields::id)?);
            }
            message_parts(&mut content, &mut params, options)?;
        }
    }
    Ok(content)
}

/// What messages and private messages have and threads do not.
fn message_parts(content: &mut InboundContent, params: &mut Fields, options: Options) -> Read<()> {
    content.in_reply_to = params.id("in_reply_to_id")?;
    content.language = params.short_text("language")?;
    content.attachments = attachments::read(params)?;
    content.structured_reply = params.kept_object("structured_reply", STRUCTURED_REPLY_BYTES_MAX)?;
    if let Some(fields) = params.object("structured_content")? {
        if !options.has("view.messaging") {
            return Err(SendApiError::StructuredContentUnsupported);
        }
        content.structured_content = Some(structured::read(fields, !content.body.is_empty())?);
        if !content.author.as_ref().is_some_and(|author| author.puppetizable) {
            return Err(SendApiError::AuthorNotPuppetizable);
        }
    }
    if content.body.is_empty() && content.attachments.is_empty() && content.structured_content.is_none() {
        return Err(params.refuse("body", "is missing: send body, attachments or both"));
    }
    Ok(())
}

fn author(mut fields: Fields) -> Read<InboundAuthor> {
    let foreign_id = fields.required("id", Fields::id)?;
    let screenname = fields.required("screenname", Fields::short_text)?;
    let created_at = fields.required("created_at", Fields::date)?;
    Ok(InboundAuthor {
        foreign_id,
        screenname,
        firstname: fields.short_text("firstname")?,
        lastname: fields.short_text("lastname")?,
        avatar_url: fields.web_url("avatar_url")?,
        email: fields.short_text("email")?,
        home_phone: fields.id("home_phone")?,
        mobile_phone: fields.id("mobile_phone")?,
        gender: gender(&mut fields)?,
        created_at: Some(created_at),
        updated_at: fields.date("updated_at")?,
        puppetizable: fields.flag("puppetizable")?,
        context_data: fields.context("context_data")?,
    })
}

fn format(params: &mut Fields) -> Read<BodyFormat> {
    match params.short_text("format")?.as_deref() {
        None | Some("html") => Ok(BodyFormat::Html),
        Some("text") => Ok(BodyFormat::Text),
        Some(_) => Err(params.refuse("format", "must be html or text")),
    }
}

fn gender(fields: &mut Fields) -> Read<Option<Gender>> {
    match fields.short_text("gender")?.as_deref() {
        None => Ok(None),
        Some("man") => Ok(Some(Gender::Man)),
        Some("woman") => Ok(Some(Gender::Woman)),
        Some(_) => Err(fields.refuse("gender", "must be man or woman")),
    }
}

fn read_mark(mut params: Fields) -> Read<Inbound> {
    Ok(Inbound::ReadMark { foreign_id: params.required("id", Fields::id)? })
}

fn typing_start(mut params: Fields) -> Read<Inbound> {
    let (thread_foreign_id, in_reply_to) = typing_place(&mut params)?;
    let preview = params.required("preview", |params, name| params.text(name, BODY_CHARACTERS_MAX))?;
    Ok(Inbound::TypingStart { thread_foreign_id, in_reply_to, preview })
}

fn typing_stop(mut params: Fields) -> Read<Inbound> {
    let (thread_foreign_id, in_reply_to) = typing_place(&mut params)?;
    Ok(Inbound::TypingStop { thread_foreign_id, in_reply_to })
}

fn typing_place(params: &mut Fields) -> Read<(Option<String>, Option<String>)> {
    let place = (params.id("thread_id")?, params.id("in_reply_to_id")?);
    match place {
        (None, None) => Err(params.refuse("thread_id", "is missing: send thread_id or in_reply_to_id")),
        place => Ok(place),
    }
}

#[cfg(test)]
mod tests;
