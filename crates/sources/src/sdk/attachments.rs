//! Attachments: fetched later from a url, or carried as base64.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use url::Url;

use super::fields::{Fields, Read};
use super::limits::{ATTACHMENTS_MAX, EXTENSIONS};
use crate::inbound::InboundAttachment;

/// Padding is optional and leftover bits are ignored: encoders differ in both, and neither changes the file.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Reads `attachments`; none when absent.
pub(super) fn read(params: &mut Fields) -> Read<Vec<InboundAttachment>> {
    params.objects("attachments", ATTACHMENTS_MAX)?.into_iter().map(attachment).collect()
}

fn attachment(mut fields: Fields) -> Read<InboundAttachment> {
    let kind_hint = fields.short_text("type")?;
    let filename = filename(&mut fields)?;
    if let Some(content) = fields.take("content") {
        let filename = filename.ok_or_else(|| fields.refuse("filename", "is missing"))?;
        if !extension(&filename).is_some_and(is_taken) {
            return Err(refuse_extension(&fields, "filename"));
        }
        let bytes = content.as_str().and_then(decode);
        let bytes = bytes.ok_or_else(|| fields.refuse("content", "must be the file as base64"))?;
        return Ok(InboundAttachment::Content { bytes, filename, kind_hint });
    }
    let Some(url) = fields.web_url("url")? else {
        return Err(fields.refuse("url", "is missing: send url, or content and filename"));
    };
    // The name says more than the address, which may be that of a script.
    let (place, extension) = match filename.as_deref().and_then(extension) {
        Some(extension) => ("filename", Some(extension.to_owned())),
        None => ("url", Url::parse(&url).ok().and_then(|url| extension(last_part(url.path())).map(str::to_owned))),
    };
    if extension.is_some_and(|extension| !is_taken(&extension)) {
        return Err(refuse_extension(&fields, place));
    }
    Ok(InboundAttachment::Url { url, kind_hint, filename })
}

/// The name without the folders that some senders put before it.
fn filename(fields: &mut Fields) -> Read<Option<String>> {
    let Some(filename) = fields.short_text("filename")? else { return Ok(None) };
    if filename.chars().any(char::is_control) {
        return Err(fields.refuse("filename", "must not hold control characters"));
    }
    Ok(Some(last_part(&filename).to_owned()).filter(|name| !name.is_empty()))
}

fn last_part(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or_default()
}

fn extension(filename: &str) -> Option<&str> {
    filename.rsplit_once('.').map(|(_, extension)| extension).filter(|extension| !extension.is_empty())
}

fn is_taken(extension: &str) -> bool {
    EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str())
}

fn refuse_extension(fields: &Fields, name: &str) -> super::SendApiError {
    fields.refuse(name, format_args!("must end with one of the extensions {}", EXTENSIONS.join(", ")))
}

/// Line breaks and spaces are skipped: many encoders wrap their output. Browsers put the type before it, as in a data URL,
/// and some encoders write the letters that are safe in addresses.
fn decode(text: &str) -> Option<Vec<u8>> {
    let text = match text.strip_prefix("data:") {
        Some(url) => url.split_once(";base64,")?.1,
        None => text,
    };
    let is_plain = |byte: u8| !byte.is_ascii_whitespace() && !matches!(byte, b'-' | b'_');
    let bytes = if text.bytes().all(is_plain) {
        BASE64.decode(text)
    } else {
        let standard = |byte: u8| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => other,
        };
        BASE64.decode(text.bytes().filter(|byte| !byte.is_ascii_whitespace()).map(standard).collect::<Vec<u8>>())
    };
    bytes.ok().filter(|bytes| !bytes.is_empty())
}
