//! Style sheets that administrators write, as SCSS: compiled when they are saved.
//!
//! SCSS is a language in which a few lines run for ever, take all memory or nest until the stack ends, and its compiler
//! aborts the program for it. Leaving words out does not help: doubling a text forty times, or nesting `a, b` in itself,
//! needs none. So compiling happens in a process of its own (this program again, see [`worker`]), which the system ends
//! when it takes more than its share; all else goes on.

pub(crate) mod safe;
pub(crate) mod worker;

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use frontdesk_model::{Error, Result, error};
use serde::{Deserialize, Serialize};

/// Bytes of a style sheet that somebody writes.
pub(crate) const SCSS_BYTES_MAX: usize = 64 * 1024;
/// Bytes that become of it.
pub(crate) const CSS_BYTES_MAX: usize = 128 * 1024;
/// Bytes that the process may answer: all items of a source.
const ANSWER_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// The subcommand of this program that compiles.
pub(crate) const SUBCOMMAND: &str = "compile-styles";

/// What is compiled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sheet {
    /// What stands before and behind what was written: no line of it is anybody's mistake.
    pub(crate) before: String,
    pub(crate) written: String,
    pub(crate) after: String,
    /// What comes of `before` is not of interest: it gives its variables only.
    pub(crate) only_written: bool,
}

/// What became of a sheet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Compiled {
    Css(String),
    Wrong(Fault),
}

/// Why a sheet is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fault {
    /// Where in what was written, from 1; none for the whole.
    pub(crate) place: Option<(usize, usize)>,
    /// A stable word.
    pub(crate) kind: String,
    pub(crate) why: String,
}

impl Fault {
    /// As a refusal of a parameter.
    pub(crate) fn of(&self, attribute: &str) -> Error {
        let place = self.place.map_or(String::new(), |(line, column)| format!("line {line}, column {column}: "));
        error::invalid(attribute, &self.kind, format!("{attribute}: {place}{}", self.why))
    }
}

/// The window's own variables, with a source's words over them.
pub(crate) fn theme(written: &str) -> Sheet {
    Sheet {
        before: include_str!("../../../../web/widget/chat/theme/before.scss").into(),
        written: written.into(),
        after: include_str!("../../../../web/widget/chat/theme/after.scss").into(),
        only_written: false,
    }
}

/// An item's, which knows the variables of its source's theme. The theme's rules are not in it: they are the window's, and
/// an item stands in somebody's page.
pub(crate) fn item(theme: &str, written: &str) -> Sheet {
    let colours = include_str!("../../../../web/widget/chat/theme/before.scss");
    let before = format!(
        "{colours}\n$highlight-color: #53cca4;\n$higlight-color: $highlight-color;\n{theme}\n\
         @if $higlight-color != #53cca4 {{ $highlight-color: $higlight-color !global; }}\n"
    );
    Sheet { before, written: written.into(), after: String::new(), only_written: true }
}

/// Compiles sheets, each for itself, in one process. Blocks until that has ended: at most for the seconds of processor time
/// that it has.
pub(crate) fn compile(sheets: &[Sheet]) -> Result<Vec<Compiled>> {
    if sheets.is_empty() {
        return Ok(Vec::new());
    }
    let question = serde_json::to_vec(sheets).map_err(|trouble| error::broken(trouble.to_string()))?;
    let failed = |trouble: std::io::Error| error::broken(format!("styles could not be compiled: {trouble}"));
    let mut child = Command::new(program().map_err(failed)?)
        .arg(SUBCOMMAND)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    // It reads all before it writes. One that has ended early says so by its answer.
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(&question);
    }
    let mut answer = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let _ = stdout.take(ANSWER_BYTES_MAX).read_to_end(&mut answer);
    }
    let ended = child.wait().map_err(failed)?;
    let compiled: Option<Vec<Compiled>> = serde_json::from_slice(&answer).ok();
    Ok(match compiled {
        Some(compiled) if ended.success() && compiled.len() == sheets.len() => compiled,
        _ => vec![Compiled::Wrong(worker::exhausted()); sheets.len()],
    })
}

/// This program, also where its file was replaced by a newer one since it was started.
fn program() -> std::io::Result<PathBuf> {
    let own = PathBuf::from("/proc/self/exe");
    if own.exists() { Ok(own) } else { std::env::current_exe() }
}
