//! Every refusal of the Send API, with its documented status and text.

use std::borrow::Cow;

/// Why a Send API request is refused. Nothing of it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendApiError {
    /// 400: the body is not JSON; the text says where.
    BadRequest(String),
    /// 400: `action` or `params` is missing or of the wrong type; the text says which.
    InvalidRequestFormat(&'static str),
    /// 413: more bytes than the limit.
    TooLarge,
    /// 422: no source has this id, or it is not one of this kind.
    SourceNotFound,
    /// 422: the signature does not fit the body.
    InvalidSignature,
    /// 422: there is no such action, or the source's options do not allow it.
    InvalidAction(String),
    /// 422: a field of `params` is missing or wrong; the text says which and how.
    InvalidResourceFormat(String),
    /// 422: the source does not have the option `view.messaging`, or has not told its options yet.
    StructuredContentUnsupported,
    /// 422: a structured content without a type.
    StructuredTypeMissing,
    /// 422: a structured content of another type than those of the channel.
    StructuredTypeUnsupported,
    /// 422: a structured content lacks something.
    StructuredAttributeEmpty {
        /// The attribute's name.
        attribute: &'static str,
        /// Where it is missing, such as `params.structured_content.items[0]`.
        place: String,
    },
    /// 422: structured contents are written by agents and bots, so their author must be an identity they may use.
    AuthorNotPuppetizable,
    /// 429: `typing.start` again too soon.
    TooManyTyping,
}

impl SendApiError {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            SendApiError::BadRequest(_) | SendApiError::InvalidRequestFormat(_) => 400,
            SendApiError::TooLarge => 413,
            SendApiError::TooManyTyping => 429,
            _ => 422,
        }
    }

    /// The documented text, exactly: programs compare it.
    pub fn message(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            SendApiError::BadRequest(_) => "Bad request",
            SendApiError::InvalidRequestFormat(_) => "Invalid request format",
            SendApiError::TooLarge => "Invalid request size (max: 20971520 bytes)",
            SendApiError::SourceNotFound => "Source not found",
            SendApiError::InvalidSignature => "Invalid signature",
            SendApiError::InvalidAction(_) => "Invalid action",
            SendApiError::InvalidResourceFormat(_) => "Invalid resource format",
            SendApiError::StructuredContentUnsupported => "Source doesn't support structured contents",
            SendApiError::StructuredTypeMissing => "Type is required for structured contents",
            SendApiError::StructuredTypeUnsupported => "Source doesn't support this type of structured content",
            SendApiError::StructuredAttributeEmpty { attribute, .. } => {
                return format!("structured_content: \"{attribute}\" must not be empty").into();
            }
            SendApiError::AuthorNotPuppetizable => "The author must be puppetizable",
            SendApiError::TooManyTyping => "too many typing requests, please try again in a few seconds",
        })
    }

    /// What to change, such as `params.author.screenname is missing`.
    pub fn detail(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            SendApiError::BadRequest(why) => return format!("the body is not readable JSON: {why}").into(),
            SendApiError::InvalidAction(why) | SendApiError::InvalidResourceFormat(why) => why,
            SendApiError::InvalidRequestFormat(why) => why,
            SendApiError::TooLarge => "send fewer bytes, for instance attachments by url",
            SendApiError::SourceNotFound => "the id in the address is not that of an active Channel SDK source",
            SendApiError::InvalidSignature => {
                "send the lower-case hex HMAC-SHA512 of the exact body, keyed with the source's access token, in the \
                 header X-SMCCSDK-SIGNATURE or the parameter signature"
            }
            SendApiError::StructuredContentUnsupported => {
                "params.structured_content needs the option view.messaging in the answer to implementation.info"
            }
            SendApiError::StructuredTypeMissing => "params.structured_content.type is missing",
            SendApiError::StructuredTypeUnsupported => {
                "params.structured_content.type must be select, rich_link, template or carousel"
            }
            SendApiError::StructuredAttributeEmpty { attribute, place } => {
                return format!("{place}.{attribute} is missing").into();
            }
            SendApiError::AuthorNotPuppetizable => "params.author.puppetizable must be true with a structured content",
            SendApiError::TooManyTyping => "send typing.start at most every 2 seconds for one thread",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::{REQUEST_BYTES_MAX, TYPING_SECONDS_MIN};
    use super::*;

    #[test]
    fn statuses_and_texts_are_the_documented_ones() {
        let attribute = SendApiError::StructuredAttributeEmpty { attribute: "items", place: "params.x".into() };
        for (error, status, message) in [
            (SendApiError::BadRequest("x".into()), 400, "Bad request"),
            (SendApiError::InvalidRequestFormat("x"), 400, "Invalid request format"),
            (SendApiError::TooLarge, 413, "Invalid request size (max: 20971520 bytes)"),
            (SendApiError::SourceNotFound, 422, "Source not found"),
            (SendApiError::InvalidSignature, 422, "Invalid signature"),
            (SendApiError::InvalidAction("x".into()), 422, "Invalid action"),
            (SendApiError::InvalidResourceFormat("x".into()), 422, "Invalid resource format"),
            (SendApiError::StructuredContentUnsupported, 422, "Source doesn't support structured contents"),
            (SendApiError::StructuredTypeMissing, 422, "Type is required for structured contents"),
            (SendApiError::StructuredTypeUnsupported, 422, "Source doesn't support this type of structured content"),
            (attribute, 422, "structured_content: \"items\" must not be empty"),
            (SendApiError::AuthorNotPuppetizable, 422, "The author must be puppetizable"),
            (SendApiError::TooManyTyping, 429, "too many typing requests, please try again in a few seconds"),
        ] {
            assert_eq!((error.status(), error.message().as_ref()), (status, message));
            assert!(!error.detail().is_empty());
        }
    }

    #[test]
    fn texts_that_name_a_limit_name_the_real_one() {
        assert!(SendApiError::TooLarge.message().contains(&format!("{REQUEST_BYTES_MAX} bytes")));
        assert!(SendApiError::TooManyTyping.detail().contains(&format!("every {TYPING_SECONDS_MIN} seconds")));
    }
}
