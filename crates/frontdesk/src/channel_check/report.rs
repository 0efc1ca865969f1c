//! What is printed of a check. The secret never is, not even where the channel tells it.

use std::collections::{BTreeSet, HashSet};

use frontdesk_model::invisible::is_invisible;
use frontdesk_sources::sdk::SIGNATURE_HEADER;
use frontdesk_sources::sdk::check::{Finding, Verdict};
use http::HeaderMap;
use http::header::{CONTENT_TYPE, LOCATION};
use serde_json::{Map, Value, json};

use super::asking::Exchange;
use crate::print;

/// Bytes that are shown of a request's or an answer's body.
const SHOWN_BYTES_MAX: usize = 4_000;
/// What stands in the secret's place.
const HIDDEN: &str = "[the secret]";
/// So much of the secret's beginning, where a text was cut off, is hidden too.
const CUT_CHARACTERS_MIN: usize = 4;
/// Before a character that is escaped: once, or again as a part of another JSON.
const BACKSLASHES_MAX: usize = 3;

/// What was found so far.
pub(super) struct Report {
    as_json: bool,
    checks: Vec<Value>,
    /// The rules that are broken.
    failures: HashSet<String>,
    passed: usize,
    warned: usize,
    failed: usize,
    skipped: usize,
}

impl Report {
    pub(super) fn new(as_json: bool) -> Report {
        Report { as_json, checks: Vec::new(), failures: HashSet::new(), passed: 0, warned: 0, failed: 0, skipped: 0 }
    }

    /// Writes one thing down; prints it at once, unless all of it becomes JSON.
    pub(super) fn tell(&mut self, finding: Finding, exchange: Option<&Exchange>, secret: &str) -> Result<(), String> {
        let Finding { rule, verdict } = finding;
        if matches!(verdict, Verdict::Failed(_)) && !self.failures.insert(rule.clone()) {
            // Told already, with the first answer that broke it.
            return Ok(());
        }
        let (count, mark, name, why) = match verdict {
            Verdict::Passed => (&mut self.passed, '✓', "passed", None),
            Verdict::Warned(why) => (&mut self.warned, '!', "warning", Some(why)),
            Verdict::Failed(why) => (&mut self.failed, '✗', "failed", Some(why)),
            Verdict::Skipped(why) => (&mut self.skipped, '-', "skipped", Some(why)),
        };
        *count += 1;
        let why = why.map(|why| visible(&hidden(&why, secret)));
        let shown =
            exchange.filter(|_| mark == '✗').map(|exchange| (request(exchange, secret), answer(exchange, secret)));
        if self.as_json {
            let mut check = Map::new();
            check.insert("check".into(), rule.into());
            check.insert("result".into(), name.into());
            if let Some(why) = why {
                check.insert("reason".into(), why.into());
            }
            if let Some((request, answer)) = shown {
                check.insert("request".into(), request.json());
                check.insert("answer".into(), answer.json());
            }
            self.checks.push(check.into());
            return Ok(());
        }
        let mut lines = format!("{mark} {rule}\n");
        if let Some(why) = why {
            lines += &format!("    {why}\n");
        }
        if let Some((request, answer)) = shown {
            lines += &request.lines('>');
            lines += &answer.lines('<');
        }
        print(&lines)
    }

    /// Prints the end of it. Whether nothing failed.
    pub(super) fn finish(self, url: &str, secret: &str) -> Result<bool, String> {
        let Report { as_json, checks, passed, warned, failed, skipped, .. } = self;
        if as_json {
            let report = json!({
                "url": hidden(url, secret), "passed": passed, "warnings": warned, "failed": failed, "skipped": skipped, "checks": checks,
            });
            print(&format!("{report:#}\n"))?;
        } else {
            print(&format!("\n{passed} passed, {failed} failed, {warned} with a remark, {skipped} not checked\n"))?;
        }
        Ok(failed == 0)
    }
}

/// One side of an exchange, ready to be seen.
struct Shown {
    first: String,
    headers: Vec<(String, String)>,
    body: String,
}

fn request(exchange: &Exchange, secret: &str) -> Shown {
    let mut headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    if let Some(signature) = &exchange.signature {
        headers.push((SIGNATURE_HEADER.into(), signature.clone()));
    }
    let first = visible(&hidden(&format!("POST {}", exchange.url), secret));
    Shown { first, headers, body: body(&exchange.body, false, secret) }
}

fn answer(exchange: &Exchange, secret: &str) -> Shown {
    let milliseconds = exchange.took.as_millis();
    match &exchange.answer {
        Err(why) => {
            let first = format!("none after {milliseconds} ms: {}", visible(&hidden(&why.to_string(), secret)));
            Shown { first, headers: Vec::new(), body: String::new() }
        }
        Ok(answer) => Shown {
            first: format!("{} after {milliseconds} ms", answer.status),
            headers: headers(&answer.headers, secret),
            body: body(&answer.body, answer.truncated, secret),
        },
    }
}

/// Those that matter here: others may be meant for nobody's eyes, such as cookies.
fn headers(headers: &HeaderMap, secret: &str) -> Vec<(String, String)> {
    let named = [
        (CONTENT_TYPE.as_str(), "Content-Type"),
        (LOCATION.as_str(), "Location"),
        (SIGNATURE_HEADER, SIGNATURE_HEADER),
    ];
    let found = named.into_iter().filter_map(|(name, shown)| {
        let value = String::from_utf8_lossy(headers.get(name)?.as_bytes()).into_owned();
        Some((shown.to_owned(), visible(&hidden(&value, secret))))
    });
    found.collect()
}

fn body(bytes: &[u8], truncated: bool, secret: &str) -> String {
    // Hidden before it is cut: half of a secret is one too.
    let mut text = visible(&hidden(&String::from_utf8_lossy(bytes), secret));
    if text.len() > SHOWN_BYTES_MAX {
        let end = (0..=SHOWN_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        let more = if truncated { " or more" } else { "" };
        text += &format!("… ({} bytes{more} in all)", bytes.len());
    }
    text
}

/// A text without the secret, also where it is written in other characters: escaped once or twice as JSON does, in an
/// address, or in HTML; and where what was cut off ends with the beginning of it.
fn hidden(text: &str, secret: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        match secret_at(rest, secret) {
            Some(length) => {
                shown.push_str(HIDDEN);
                rest = rest.get(length..).unwrap_or_default();
            }
            None => {
                shown.push(first);
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
            }
        }
    }
    shown
}

/// How much of the beginning of a text is the secret.
fn secret_at(text: &str, secret: &str) -> Option<usize> {
    // A character may be written in several ways at once: a backslash before it may be its own or the one before.
    let mut ends = BTreeSet::from([0]);
    for (matched, c) in secret.chars().enumerate() {
        let next: BTreeSet<usize> = ends.iter().flat_map(|at| written(c, text, *at)).collect();
        if next.is_empty() {
            let is_cut = matched >= CUT_CHARACTERS_MIN && ends.contains(&text.len());
            return is_cut.then_some(text.len());
        }
        ends = next;
    }
    ends.last().copied().filter(|end| *end > 0)
}

/// Where a character ends that is written at a place of a text, in any way.
fn written(c: char, text: &str, at: usize) -> Vec<usize> {
    let Some(rest) = text.get(at..) else { return Vec::new() };
    let is_next = |form: &str, skipped: usize| {
        let found = rest.as_bytes().get(skipped..skipped + form.len())?;
        found.eq_ignore_ascii_case(form.as_bytes()).then_some(at + skipped + form.len())
    };
    let mut bytes = [0; 4];
    let plain = c.encode_utf8(&mut bytes);
    let mut ends: Vec<usize> = rest.starts_with(&*plain).then_some(at + plain.len()).into_iter().collect();
    let percent: String = plain.bytes().map(|byte| format!("%{byte:02x}")).collect();
    ends.extend(is_next(&percent, 0));
    let html = match c {
        '"' => &["&quot;", "&#34;"][..],
        '&' => &["&amp;"],
        '\'' => &["&#39;", "&apos;"],
        '<' => &["&lt;"],
        '>' => &["&gt;"],
        _ => &[],
    };
    ends.extend(html.iter().filter_map(|form| is_next(form, 0)));
    let backslashes = rest.bytes().take(BACKSLASHES_MAX).take_while(|byte| *byte == b'\\').count();
    for skipped in 1..=backslashes {
        let short = match c {
            '"' | '\\' | '/' | '\'' => Some(&*plain),
            '\t' => Some("t"),
            '\n' => Some("n"),
            '\r' => Some("r"),
            _ => None,
        };
        ends.extend(short.and_then(|form| is_next(form, skipped)));
        let mut units = [0; 2];
        let mut units = c.encode_utf16(&mut units).iter().map(|unit| format!("u{unit:04x}"));
        let slashes = rest.get(..skipped).unwrap_or_default();
        let first = units.next().unwrap_or_default();
        let escaped = units.fold(first, |written, unit| written + slashes + &unit);
        ends.extend(is_next(&escaped, skipped));
    }
    ends
}

/// Without what would make a terminal do something, or show something else than what is there.
fn visible(text: &str) -> String {
    let escape = |c: char| if is_invisible(c) && c != '\n' { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escape).collect()
}

impl Shown {
    fn lines(&self, mark: char) -> String {
        let mut lines = format!("    {mark} {}\n", self.first);
        for (name, value) in &self.headers {
            lines += &format!("    {mark} {name}: {value}\n");
        }
        for line in self.body.lines() {
            lines += &format!("    {mark} {line}\n");
        }
        lines
    }

    fn json(&self) -> Value {
        let headers: Map<String, Value> =
            self.headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
        json!({ "line": self.first, "headers": headers, "body": self.body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_however_it_is_written() {
        for secret in
            ["plain-secret", "a\"quo\\te/and<b>'&", "clé ünï \u{1F600} ключ", "tab\tand\u{202e}turn", "\\\\\\\\\"\""]
        {
            let once = json!({ "told": secret }).to_string();
            let twice = json!({ "told": once }).to_string();
            let ascii: String = once
                .chars()
                .map(|c| match c {
                    ' '..='~' => c.to_string(),
                    _ => {
                        let mut units = [0; 2];
                        c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04X}")).collect()
                    }
                })
                .collect();
            let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
            for text in [format!("<{secret}> and {secret}"), once, twice, ascii, percent] {
                let shown = visible(&hidden(&text, secret));
                assert!(shown.contains(HIDDEN), "{secret:?}: {text:?} is shown as {shown:?}");
                let left = shown.replace(HIDDEN, "");
                assert!(left.len() <= 26, "{secret:?}: {text:?} is shown as {shown:?}");
            }
        }
        assert_eq!(hidden("it said: plain-sec", "plain-secret"), format!("it said: {HIDDEN}"), "cut off");
        assert_eq!(hidden("a plain answer", "plain-secret"), "a plain answer");
        assert_eq!(hidden("anything", ""), "anything");
    }

    #[test]
    fn nothing_turns_the_direction_of_the_terminal_or_moves_its_cursor() {
        let shown = visible("a\u{1b}[2Jb\u{202e}c\u{2066}\u{200b}\u{7}\u{9b}\r\nend");
        assert_eq!(shown, "a\\u{1b}[2Jb\\u{202e}c\\u{2066}\\u{200b}\\u{7}\\u{9b}\\r\nend");
    }
}
