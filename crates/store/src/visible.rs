//! What a text is found by: what people see of it.

use std::borrow::Cow;

/// The text to index of something with a title and a body in `format` (text or html).
pub fn text<'a>(title: Option<&str>, body: &'a str, format: &str) -> Cow<'a, str> {
    let body = visible(body, format);
    match title {
        Some(title) => Cow::Owned(format!("{title}\n{body}")),
        None => body,
    }
}

/// The words of a body that people see, for the index: no tags, no addresses of links. It need not be beautiful, but it
/// must be cheap: every message pays for it.
fn visible<'a>(body: &'a str, format: &str) -> Cow<'a, str> {
    if format != "html" || !body.contains(['<', '&']) {
        return Cow::Borrowed(body);
    }
    let mut text = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.find(['<', '&']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        rest = match rest.as_bytes()[0] {
            b'<' => skip_tag(rest, &mut text),
            _ => read_entity(rest, &mut text),
        };
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// Elements that begin and end within a word.
const WITHIN_WORDS: [&str; 15] =
    ["a", "abbr", "b", "code", "em", "font", "i", "mark", "s", "small", "span", "strong", "sub", "sup", "u"];
/// Elements whose content nobody sees.
const UNSEEN: [&str; 4] = ["script", "style", "head", "title"];

/// What follows the tag at the beginning of `html`.
fn skip_tag<'a>(html: &'a str, text: &mut String) -> &'a str {
    let inside = &html[1..];
    if inside.starts_with("!--") {
        text.push(' ');
        return inside.find("-->").map_or("", |end| &inside[end + 3..]);
    }
    let (is_end, named) = inside.strip_prefix('/').map_or((false, inside), |named| (true, named));
    let name = named.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    if name.is_empty() && !inside.starts_with(['!', '?', '/']) {
        text.push('<');
        return inside;
    }
    let is_named = |other: &&str| other.eq_ignore_ascii_case(name);
    if !WITHIN_WORDS.iter().any(is_named) && !name.eq_ignore_ascii_case("wbr") {
        text.push(' ');
    }
    let rest = inside.find('>').map_or("", |end| &inside[end + 1..]);
    match UNSEEN.iter().find(|other| is_named(other)).filter(|_| !is_end) {
        Some(name) => {
            let is_end = |at: &usize| {
                let end = rest.as_bytes().get(at + 2..at + 2 + name.len());
                end.is_some_and(|end| end.eq_ignore_ascii_case(name.as_bytes()))
            };
            rest.match_indices("</").map(|(at, _)| at).find(is_end).map_or("", |end| &rest[end..])
        }
        None => rest,
    }
}

/// What follows the entity at the beginning of `html`; one that is not known stands for itself.
fn read_entity<'a>(html: &'a str, text: &mut String) -> &'a str {
    let inside = &html[1..];
    let end = inside.bytes().take(10).position(|byte| byte == b';');
    let character = end.and_then(|end| match &inside[..end] {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        number => {
            let number = number.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    });
    match (character, end) {
        (Some(character), Some(end)) => {
            text.push(character);
            &inside[end + 1..]
        }
        _ => {
            text.push('&');
            inside
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_see_is_indexed() {
        for (body, text) in [
            ("plain", "plain"),
            ("a < b & c", "a < b & c"),
            ("<p>One</p><p>Tw<b>o</b></p>", " One  Two "),
            ("x<br/>y<!-- z -->", "x y "),
            ("<style>p{}</style>a<script>if (1 </ 2) x</SCRIPT>b<script>c", " a b "),
            ("R&amp;D &#233;t&#xE9; &eacute; &nbsp;&", "R&D été &eacute;  &"),
            ("<a href=\"https://x\">link</a><", "link<"),
            ("<p unclosed", " "),
        ] {
            let shown = visible(body, "html");
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(words(&shown), words(text), "{body}");
        }
        assert_eq!(visible("<b>", "text"), "<b>");
    }

    proptest::proptest! {
        #[test]
        fn any_body_has_visible_words(body in "[<>/&;#!a-zé -]{0,40}") {
            let _ = visible(&body, "html");
        }
    }
}
