//! Bodies as they are shown: the one place where a channel's HTML becomes safe HTML and plain text.
//!
//! Bodies are stored as they came and cleaned when they are read, so that a better cleaner also helps old messages.

use std::borrow::Cow;

use frontdesk_store::Text;
use schemars::JsonSchema;
use serde::Serialize;

/// Lines are broken here when HTML becomes plain text: wide enough to leave paragraphs whole.
const TEXT_COLUMNS: usize = 10_000;

/// Cleaning takes time that grows with the square of the nesting: a body nested deeper is shown as the text that it is.
const NESTING_MAX: usize = 256;
/// Elements without an end.
const NEVER_CLOSED: [&str; 8] = ["br", "hr", "img", "input", "meta", "link", "col", "wbr"];

/// Elements that end where the next of their kind begins.
const SELF_ENDING: [&str; 8] = ["li", "p", "td", "th", "tr", "dt", "dd", "option"];

/// Both forms of a body; always both.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ContentBodyFormatted")]
pub(super) struct Formatted {
    text: Text,
    html: String,
}

/// The forms of a body that was written in `format` (text or html).
pub(super) fn formatted(body: &Text, format: &str) -> Formatted {
    // Most HTML bodies hold no markup at all, and cleaning is slow.
    if format == "html" && body.contains(['<', '&']) && nesting(body) <= NESTING_MAX {
        let html = ammonia::clean(body);
        let text = html2text::from_read(html.as_bytes(), TEXT_COLUMNS).unwrap_or_default();
        return Formatted { text: text.trim_end().into(), html };
    }
    Formatted { text: body.clone(), html: paragraphs(body) }
}

/// How deep the tags of a body are nested at most, as a parser would see it: an end closes the nearest element of its
/// name and all in it, or nothing; items, cells and paragraphs end where the next of their kind begins.
fn nesting(body: &str) -> usize {
    let mut open: Vec<&str> = Vec::new();
    let mut deepest = 0;
    for tag in body.split('<').skip(1) {
        let (tag, is_end) = tag.strip_prefix('/').map_or((tag, false), |end| (end, true));
        let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        let is_named = |other: &&str| other.eq_ignore_ascii_case(name);
        if name.is_empty() || NEVER_CLOSED.iter().any(is_named) {
            continue;
        }
        if is_end {
            if let Some(at) = open.iter().rposition(is_named) {
                open.truncate(at);
            }
            continue;
        }
        let ends_the_last = SELF_ENDING.iter().any(is_named) && open.last().is_some_and(is_named);
        if !ends_the_last {
            open.push(name);
            deepest = deepest.max(open.len());
        }
        if deepest > NESTING_MAX {
            break;
        }
    }
    deepest
}

/// Plain text as HTML: blank lines part paragraphs, other line ends stay line ends.
fn paragraphs(text: &str) -> String {
    let normal = if text.contains('\r') { text.replace("\r\n", "\n").into() } else { Cow::Borrowed(text) };
    let paragraphs = normal.split("\n\n").map(|paragraph| paragraph.trim_matches('\n')).filter(|p| !p.is_empty());
    let mut html = String::with_capacity(text.len() + 16);
    for paragraph in paragraphs {
        if !html.is_empty() {
            html.push_str("\n\n");
        }
        html.push_str("<p>");
        push_escaped(&mut html, paragraph);
        html.push_str("</p>");
    }
    html
}

/// Appends text as HTML, copying what needs no escape in one go.
fn push_escaped(html: &mut String, text: &str) {
    let mut rest = text;
    // By bytes: all of these are ASCII, and looking at characters takes three times as long.
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'' | b'\n')) {
        let (plain, special) = rest.split_at(at);
        html.push_str(plain);
        html.push_str(match special.as_bytes()[0] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            b'\'' => "&#39;",
            _ => "<br>\n",
        });
        rest = &special[1..];
    }
    html.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_paragraphs() {
        let body = "Hello,\n\nHow to unlock my <nokia> & 3210?\nThanks!\n\n\n";
        let shown = formatted(&body.into(), "text");
        assert_eq!(shown.html, "<p>Hello,</p>\n\n<p>How to unlock my &lt;nokia&gt; &amp; 3210?<br>\nThanks!</p>");
        assert_eq!(shown.text, body);
    }

    #[test]
    fn hostile_html_becomes_harmless() {
        for hostile in [
            "<script>alert(1)</script>hello",
            "<img src=x onerror=alert(1)>hello",
            "<svg onload=alert(1)>hello</svg>",
            "<a href=\"javascript:alert(1)\">hello</a>",
            "<iframe src=//evil.example></iframe>hello",
            "<style>*{background:url(//evil.example)}</style>hello",
            "<scr<script>ipt>alert(1)</script>hello",
        ] {
            let shown = formatted(&hostile.into(), "html");
            for danger in ["<script", "onerror", "onload", "javascript:", "<iframe", "<style", "<svg"] {
                assert!(!shown.html.contains(danger), "{hostile} → {}", shown.html);
            }
            assert!(shown.text.contains("hello") || hostile.contains("<svg"), "{hostile} → {}", shown.text);
        }
    }

    #[test]
    fn absurdly_nested_html_is_shown_as_text() {
        let shown = formatted(&"<ul><li>".repeat(2_500).into(), "html");
        assert!(shown.html.starts_with("<p>&lt;ul&gt;"), "{}", &shown.html[..40]);
        for (body, depth) in [
            ("<div><p>one<br>two</p><p>three</p></div>".to_owned(), 2),
            ("<br>".repeat(1_000), 0),
            ("<p>one".repeat(1_000), 1),
            (format!("<ul>{}</ul>", "<li>item".repeat(1_000)), 2),
        ] {
            assert_eq!(nesting(&body), depth, "{}", &body[..20]);
        }
        // Ends that close nothing make nothing flatter.
        for deep in ["<ul></z><li></z>", "<dl></z>", "<DIV>"] {
            assert!(nesting(&deep.repeat(1_000)) > NESTING_MAX, "{deep}");
        }
    }

    #[test]
    fn html_without_markup_is_its_own_text() {
        let shown = formatted(&"Plain".into(), "html");
        assert_eq!((shown.text.as_str(), shown.html.as_str()), ("Plain", "<p>Plain</p>"));
        assert_eq!(formatted(&"<b>Bold</b> &amp; plain".into(), "html").html, "<b>Bold</b> &amp; plain");
    }
}
