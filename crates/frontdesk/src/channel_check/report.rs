//! What is printed of a check. The secret never is, not even where the channel tells it.

use std::collections::HashSet;

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
        let why = why.map(|why| hidden(&why, secret));
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
    let first = hidden(&format!("POST {}", exchange.url), secret);
    Shown { first, headers, body: body(&exchange.body, false, secret) }
}

fn answer(exchange: &Exchange, secret: &str) -> Shown {
    let milliseconds = exchange.took.as_millis();
    match &exchange.answer {
        Err(why) => {
            let first = format!("none after {milliseconds} ms: {why}");
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
        Some((shown.to_owned(), hidden(&visible(&value), secret)))
    });
    found.collect()
}

fn body(bytes: &[u8], truncated: bool, secret: &str) -> String {
    // Hidden before it is cut: half of a secret is one too.
    let mut text = hidden(&visible(&String::from_utf8_lossy(bytes)), secret);
    if text.len() > SHOWN_BYTES_MAX {
        let end = (0..=SHOWN_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        let more = if truncated { " or more" } else { "" };
        text += &format!("… ({} bytes{more} in all)", bytes.len());
    }
    text
}

fn hidden(text: &str, secret: &str) -> String {
    text.replace(secret, HIDDEN)
}

/// Without what would make a terminal do something.
fn visible(text: &str) -> String {
    let escape = |c: char| if c.is_control() && c != '\n' { c.escape_default().to_string() } else { c.to_string() };
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
