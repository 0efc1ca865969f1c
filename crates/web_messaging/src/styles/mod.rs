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
use std::sync::mpsc;
use std::time::Duration;

use frontdesk_model::{Error, Result, error};
use serde::{Deserialize, Serialize};

/// Bytes of a style sheet that somebody writes.
pub(crate) const SCSS_BYTES_MAX: usize = 64 * 1024;
/// Bytes that become of it.
pub(crate) const CSS_BYTES_MAX: usize = 128 * 1024;
/// Bytes that the process may answer: all items of a source.
const ANSWER_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// The process ends after this time also when it has not had its share of the processor: somebody waits for it.
pub(crate) const SECONDS_MAX: u64 = 10;
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

/// Compiles sheets, each for itself, in one process. Blocks until that has ended: at most for [`SECONDS_MAX`], after which
/// it is 503, because the machine is too busy to say whether the sheets are right.
pub(crate) fn compile(sheets: &[Sheet]) -> Result<Vec<Compiled>> {
    if sheets.is_empty() {
        return Ok(Vec::new());
    }
    let mut command = Command::new(program().map_err(failed)?);
    command.arg(SUBCOMMAND).env_clear();
    ask(&mut command, sheets, Duration::from_secs(SECONDS_MAX))
}

fn failed(trouble: std::io::Error) -> Error {
    error::broken(format!("styles could not be compiled: {trouble}"))
}

/// Has a process compile sheets, and ends it when it has not done so in time.
fn ask(command: &mut Command, sheets: &[Sheet], patience: Duration) -> Result<Vec<Compiled>> {
    let question = serde_json::to_vec(sheets).map_err(|trouble| error::broken(trouble.to_string()))?;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(failed)?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (done, answered) = mpsc::channel();
    std::thread::spawn(move || {
        // It reads all before it writes. One that has ended early says so by its answer.
        if let Some(mut stdin) = stdin {
            let _ = stdin.write_all(&question);
        }
        let mut answer = Vec::new();
        if let Some(stdout) = stdout {
            let _ = stdout.take(ANSWER_BYTES_MAX).read_to_end(&mut answer);
        }
        let _ = done.send(answer);
    });
    let answer = answered.recv_timeout(patience);
    if answer.is_err() {
        child.kill().map_err(failed)?;
    }
    let ended = child.wait().map_err(failed)?;
    let answer = answer.map_err(|_| Error::Unavailable("styles were not compiled in time: try again later".into()))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_does_not_answer_in_time_is_ended() {
        let mut idle = Command::new("sleep");
        let asked = ask(idle.arg("60"), &[theme("")], Duration::from_millis(50));
        assert!(matches!(asked, Err(Error::Unavailable(_))), "{asked:?}");
        // One that ends without an answer has taken more than its share.
        let asked = ask(&mut Command::new("true"), &[theme("")], Duration::from_secs(60));
        assert_eq!(asked.expect("a refusal"), [Compiled::Wrong(worker::exhausted())]);
    }
}
