//! Bodies as they are shown: the one place where a channel's HTML becomes safe HTML and plain text.
//!
//! Bodies are stored as they came and cleaned when they are read, so that a better cleaner also helps old messages.

use std::borrow::Cow;

use frontdesk_sources::inbound::BodyFormat;
use frontdesk_sources::outbound::Formats;
use frontdesk_store::Text;
use schemars::JsonSchema;
use serde::Serialize;

/// Lines are broken here when HTML becomes plain text: wide enough to leave paragraphs whole.
const TEXT_COLUMNS: usize = 10_000;

/// Cleaning takes time that grows with the square of the nesting: a body nested deeper is shown as the text that it is.
const NESTING_MAX: usize = 256;
/// So is one with more tags than this for each level: every line of a text repeats the marks of all quotes around it.
const TAGS_BY_LEVELS_MAX: usize = 100_000;
/// And one whose tags, for each style that stays open, are more than this: a parser opens all such styles again in every
/// paragraph, so 20 KB would become a page of 400,000 elements.
const TAGS_BY_STYLES_MAX: usize = 10_000;
/// Elements without an end.
const NEVER_CLOSED: [&str; 8] = ["br", "hr", "img", "input", "meta", "link", "col", "wbr"];

/// Elements that a parser opens again behind the end of what they are in.
const STYLES: [&str; 14] =
    ["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];

/// Elements that end where the next of their kind begins.
const SELF_ENDING: [&str; 8] = ["li", "p", "td", "th", "tr", "dt", "dd", "option"];

/// Both forms of a body; always both.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ContentBodyFormatted")]
pub(crate) struct Formatted {
    pub(crate) text: Text,
    pub(crate) html: String,
}

/// The forms of a body that was written in `format` (text or html).
pub(crate) fn formatted(body: &Text, format: &str) -> Formatted {
    // Most HTML bodies hold no markup at all, and cleaning is slow.
    if format == "html" && body.contains(['<', '&']) && Shape::of(body).is_harmless() {
        let html = ammonia::clean(body);
        let text = html2text::from_read(html.as_bytes(), TEXT_COLUMNS).unwrap_or_default();
        return Formatted { text: text.trim_end().into(), html };
    }
    Formatted { text: body.clone(), html: paragraphs(body) }
}

/// The bare words of a body, or of a piece of one, that was written in `format` (text or html).
pub(crate) fn text<'b>(body: &'b str, format: &str) -> Cow<'b, str> {
    if format == "html" && body.contains(['<', '&']) && Shape::of(body).is_harmless() {
        let plain = html2text::config::plain_no_decorate();
        return plain.string_from_read(ammonia::clean(body).as_bytes(), TEXT_COLUMNS).unwrap_or_default().into();
    }
    body.into()
}

/// A body that was written in `format` (text or html) as a channel takes it: HTML is cleaned, text becomes paragraphs
/// for a channel that takes HTML only, and HTML becomes text for one that takes text only.
pub(crate) fn outgoing(body: Text, format: &str, formats: Formats) -> (String, BodyFormat) {
    match formats {
        Formats::Both if format != "html" => (body.to_string(), BodyFormat::Text),
        Formats::Text => (formatted(&body, format).text.to_string(), BodyFormat::Text),
        Formats::Html | Formats::Both => (formatted(&body, format).html, BodyFormat::Html),
    }
}

/// Attributes that a fragment may have everywhere. Pages are styled by classes; what reads them aloud needs the rest.
const ATTRIBUTES: [&str; 11] = [
    "aria-hidden",
    "aria-label",
    "aria-labelledby",
    "class",
    "dir",
    "id",
    "lang",
    "role",
    "style",
    "tabindex",
    "title",
];
/// Shapes of inline SVG. None of them holds text, HTML, other documents or anything that moves: that is where cleaners are
/// deceived.
const SHAPES: [&str; 9] = ["svg", "g", "path", "circle", "ellipse", "rect", "line", "polyline", "polygon"];
/// What shapes have, under the names that a parser gives them.
const SHAPE_ATTRIBUTES: [&str; 27] = [
    "viewBox",
    "width",
    "height",
    "d",
    "cx",
    "cy",
    "r",
    "rx",
    "ry",
    "x",
    "y",
    "x1",
    "y1",
    "x2",
    "y2",
    "points",
    "transform",
    "fill",
    "fill-rule",
    "clip-rule",
    "fill-opacity",
    "stroke",
    "stroke-width",
    "stroke-linecap",
    "stroke-linejoin",
    "opacity",
    "focusable",
];

/// HTML that stands in the page of a website: markup that administrators write for their visitors. Scripts, handlers,
/// forms, frames, style sheets and everything that is not known go. None when it would cost too much to clean.
pub fn fragment(html: &str) -> Option<String> {
    if !Shape::of(html).is_harmless() {
        return None;
    }
    let mut cleaner = ammonia::Builder::default();
    cleaner.add_tags(SHAPES.iter().chain(&["button", "section", "picture"]));
    cleaner.add_generic_attributes(ATTRIBUTES);
    cleaner.add_tag_attributes("button", ["type"]);
    for shape in SHAPES {
        cleaner.add_tag_attributes(shape, SHAPE_ATTRIBUTES);
    }
    cleaner.url_schemes(["http", "https", "mailto", "tel"].into());
    cleaner.attribute_filter(|element, name, value| match (element, name) {
        (_, "style") => is_plain_style(value).then_some(value.into()),
        // A button of a page's own form must not send it.
        ("button", "type") => Some("button".into()),
        // A paint that is an address.
        (_, "fill" | "stroke" | "transform") if value.contains("url") || value.contains('\\') => None,
        _ => Some(value.into()),
    });
    // Cleaning again must change nothing, or a parser took the first result for something else.
    let clean = cleaner.clean(html).to_string();
    (cleaner.clean(&clean).to_string() == clean).then_some(clean)
}

/// Whether a style names colours and sizes only, and nothing that is fetched or hidden from being seen.
fn is_plain_style(style: &str) -> bool {
    let style = style.to_ascii_lowercase();
    let odd = ["\\", "/*", "@", "<", "url", "src", "image", "expression", "behavior", "binding", "script"];
    !odd.iter().any(|word| style.contains(word))
}

/// What cleaning a body costs.
#[derive(Default)]
struct Shape {
    /// Tags that begin an element.
    tags: usize,
    /// How deep they are nested at most, as a parser would see it: an end closes the nearest element of its name and all
    /// in it, or nothing; items, cells and paragraphs end where the next of their kind begins.
    deepest: usize,
    /// How many styles are open at most. The end of what they are in does not close them.
    styles: usize,
}

impl Shape {
    fn of(body: &str) -> Shape {
        let mut shape = Shape::default();
        let (mut open, mut styles): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
        for tag in body.split('<').skip(1) {
            let (tag, is_end) = tag.strip_prefix('/').map_or((tag, false), |end| (end, true));
            let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
            let is_named = |other: &&str| other.eq_ignore_ascii_case(name);
            if name.is_empty() {
                continue;
            }
            if is_end {
                if let Some(at) = open.iter().rposition(is_named) {
                    open.truncate(at);
                }
                if let Some(at) = styles.iter().rposition(is_named) {
                    styles.remove(at);
                }
                continue;
            }
            shape.tags += 1;
            if NEVER_CLOSED.iter().any(is_named) {
                continue;
            }
            if STYLES.iter().any(is_named) {
                styles.push(name);
            }
            let ends_the_last = SELF_ENDING.iter().any(is_named) && open.last().is_some_and(is_named);
            if !ends_the_last {
                open.push(name);
            }
            shape.deepest = shape.deepest.max(open.len());
            shape.styles = shape.styles.max(styles.len());
            if !shape.is_harmless() {
                break;
            }
        }
        shape
    }

    fn is_harmless(&self) -> bool {
        self.deepest <= NESTING_MAX
            && self.tags * self.deepest <= TAGS_BY_LEVELS_MAX
            && self.tags * self.styles <= TAGS_BY_STYLES_MAX
    }
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
    fn fragments_keep_what_is_published_and_lose_what_acts() {
        for (html, expected) in [
            (
                r#"<button type="submit" class="a dimelo_chat_item_action" id="b" onclick="x()">Go</button>"#,
                r#"<button type="button" class="a dimelo_chat_item_action" id="b">Go</button>"#,
            ),
            ("<p>a<script>alert(1)</script></p>", "<p>a</p>"),
            ("<style>body{display:none}</style>b", "b"),
            ("<form action=/x><input name=y>c</form>", "c"),
            ("<iframe src=//evil.example></iframe><object data=x></object>d", "d"),
            (r#"<a href="javascript:alert(1)">e</a>"#, r#"<a rel="noopener noreferrer">e</a>"#),
            (r#"<img src="https://shop.example/a.png" onerror="x()">"#, r#"<img src="https://shop.example/a.png">"#),
            (r#"<img src="data:text/html,x">"#, "<img>"),
            (
                r#"<svg viewBox="0 0 1 1" onload="x()"><path d="M0 0" fill="url(//evil.example)"/><use href="//evil.example#a"/></svg>"#,
                r#"<svg viewBox="0 0 1 1"><path d="M0 0"></path></svg>"#,
            ),
            (r#"<p style="color: red">f</p>"#, r#"<p style="color: red">f</p>"#),
            (r#"<p style="background: url(//evil.example)">g</p>"#, "<p>g</p>"),
            (r#"<p style="background: \75rl(//evil.example)">g</p>"#, "<p>g</p>"),
        ] {
            assert_eq!(fragment(html).as_deref(), Some(expected), "{html}");
        }
        assert_eq!(fragment(&"<div>".repeat(1_000)), None);
    }

    #[test]
    fn no_fragment_smuggles_a_script() {
        for html in [
            "<svg><style><img src=x onerror=alert(1)></style></svg>",
            "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">",
            "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
            "<svg><foreignObject><div><script>alert(1)</script></div></foreignObject></svg>",
            "<svg><title><img src=x onerror=alert(1)></title></svg>",
            "<svg><desc><style><img src=x onerror=alert(1)>",
            "<svg><a xlink:href=\"javascript:alert(1)\"><circle r=1 /></a></svg>",
            "<svg><animate attributeName=href values=\"javascript:alert(1)\" /></svg>",
            "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
            "<form><math><mtext></form><form><mglyph><svg><mtext><textarea><path id=\"</textarea><img onerror=alert(1) src=1>\">",
            "<button formaction=\"javascript:alert(1)\">x</button>",
            "<a href=\" &#14; javascript:alert(1)\">x</a>",
        ] {
            let clean = fragment(html).unwrap_or_default();
            let outside: String = clean.split('"').step_by(2).collect();
            for word in ["script", "onerror", "onload", "javascript", "formaction", "<style"] {
                assert!(!outside.contains(word), "{html} -> {clean}");
            }
            assert!(!clean.contains("javascript:"), "{html} -> {clean}");
        }
    }

    #[test]
    fn text_becomes_paragraphs() {
        let body = "Hello,\n\nHow to unlock my <nokia> & 3210?\nThanks!\n\n\n";
        let shown = formatted(&body.into(), "text");
        assert_eq!(shown.html, "<p>Hello,</p>\n\n<p>How to unlock my &lt;nokia&gt; &amp; 3210?<br>\nThanks!</p>");
        assert_eq!(shown.text, body);
    }

    #[test]
    fn a_body_leaves_as_its_channel_takes_it() {
        use BodyFormat::{Html, Text};
        let (plain, rich) = ("Yes & no\nBye", "<p>Yes <b>no</b></p><script>x</script>");
        for (body, format, formats, expected) in [
            (plain, "text", Formats::Both, (plain, Text)),
            (plain, "text", Formats::Text, (plain, Text)),
            (plain, "text", Formats::Html, ("<p>Yes &amp; no<br>\nBye</p>", Html)),
            ("", "text", Formats::Html, ("", Html)),
            (rich, "html", Formats::Both, ("<p>Yes <b>no</b></p>", Html)),
            (rich, "html", Formats::Html, ("<p>Yes <b>no</b></p>", Html)),
            (rich, "html", Formats::Text, ("Yes **no**", Text)),
        ] {
            let (body, format) = outgoing(body.into(), format, formats);
            assert_eq!((body.as_str(), format), expected);
        }
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
    fn html_that_would_take_too_long_is_shown_as_text() {
        let styles: String = (0..200).map(|number| format!("<b a={number}>")).collect();
        for absurd in [
            "<ul><li>".repeat(2_500),
            format!("<p>{styles}</p>{}", "<p>x</p>".repeat(2_000)),
            format!("{}{}", "<blockquote>".repeat(250), "<br>x".repeat(3_000)),
        ] {
            let shown = formatted(&absurd.as_str().into(), "html");
            assert!(shown.html.starts_with("<p>&lt;"), "{}", &shown.html[..40]);
            assert!(shown.html.len() < 10 * absurd.len());
        }
        for (body, depth) in [
            ("<div><p>one<br>two</p><p>three</p></div>".to_owned(), 2),
            ("<br>".repeat(1_000), 0),
            ("<p>one".repeat(1_000), 1),
            (format!("<ul>{}</ul>", "<li>item".repeat(1_000)), 2),
        ] {
            assert_eq!(Shape::of(&body).deepest, depth, "{}", &body[..20]);
        }
        // Ends that close nothing make nothing flatter.
        for deep in ["<ul></z><li></z>", "<dl></z>", "<DIV>"] {
            assert!(!Shape::of(&deep.repeat(1_000)).is_harmless(), "{deep}");
        }
    }

    #[test]
    fn a_long_letter_is_shown_as_it_was_written() {
        let row = "<tr><td><p><b>Kettle</b>, <i>blue</i> <a href=\"https://shop.example\">more</a></p></td></tr>";
        let letter = format!("<html><body><div><table>{}</table></div></body></html>", row.repeat(500));
        assert!(Shape::of(&letter).is_harmless());
        assert!(formatted(&letter.as_str().into(), "html").html.contains("<b>Kettle</b>"));
    }

    #[test]
    fn html_without_markup_is_its_own_text() {
        let shown = formatted(&"Plain".into(), "html");
        assert_eq!((shown.text.as_str(), shown.html.as_str()), ("Plain", "<p>Plain</p>"));
        assert_eq!(formatted(&"<b>Bold</b> &amp; plain".into(), "html").html, "<b>Bold</b> &amp; plain");
    }
}
