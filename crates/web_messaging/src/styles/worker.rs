//! What compiles style sheets: it runs in a process that ends when it takes too much.

use std::io::{Read, Write};
use std::path::Path;

use grass::{Fs, Options, OutputStyle};
use rustix::process::{Resource, Rlimit, setrlimit};

use super::safe;
use super::{CSS_BYTES_MAX, Compiled, Fault, Sheet};

/// Seconds of processor time for all sheets of one change: a usual one takes a thousandth.
pub(crate) const CPU_SECONDS_MAX: u64 = 3;
/// Memory, addresses that are only reserved included.
const MEMORY_BYTES_MAX: u64 = 768 * 1024 * 1024;
/// Functions that call each other end here.
const STACK_BYTES: usize = 32 * 1024 * 1024;
/// Stands between what gives its variables only, and the rest. The compiler keeps such comments.
const MARK: &str = "/*! frontdesk */";

/// The whole life of the process: sheets as JSON from standard input, what became of them to standard output.
pub(crate) fn run() -> Result<(), String> {
    for (resource, most) in
        [(Resource::Cpu, CPU_SECONDS_MAX), (Resource::As, MEMORY_BYTES_MAX), (Resource::Core, 0), (Resource::Fsize, 0)]
    {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }).map_err(|error| error.to_string())?;
    }
    let work = || -> Result<(), String> {
        let mut question = Vec::new();
        std::io::stdin().read_to_end(&mut question).map_err(|error| error.to_string())?;
        let sheets: Vec<Sheet> = serde_json::from_slice(&question).map_err(|error| error.to_string())?;
        let compiled: Vec<Compiled> = sheets.iter().map(compile).collect();
        let answer = serde_json::to_vec(&compiled).map_err(|error| error.to_string())?;
        std::io::stdout().write_all(&answer).map_err(|error| error.to_string())
    };
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work);
    let ended = thread.map_err(|error| error.to_string())?.join();
    ended.unwrap_or_else(|_| Err("it gave up".into()))
}

/// What takes too much.
pub(crate) fn exhausted() -> Fault {
    let why = format!(
        "it takes more than {CPU_SECONDS_MAX} seconds or {} MiB to compile, or is nested too deeply.",
        MEMORY_BYTES_MAX / 1024 / 1024
    );
    Fault { place: None, kind: "too_complex".into(), why }
}

/// No file is there: a sheet is whole, and nothing is imported.
#[derive(Debug)]
struct NoFiles;

impl Fs for NoFiles {
    fn is_dir(&self, _: &Path) -> bool {
        false
    }

    fn is_file(&self, _: &Path) -> bool {
        false
    }

    fn read(&self, _: &Path) -> std::io::Result<Vec<u8>> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

/// Compiles one sheet, and looks at what came of it. May not return: see [`super`].
pub(crate) fn compile(sheet: &Sheet) -> Compiled {
    let mark = if sheet.only_written { MARK } else { "" };
    let before = format!("{}\n{mark}\n", sheet.before);
    let text = format!("{before}{}\n{}", sheet.written, sheet.after);
    let options = Options::default().fs(&NoFiles).style(OutputStyle::Compressed).allows_charset(false).quiet(true);
    let css = match grass::from_string(text, &options) {
        Ok(css) => css,
        Err(trouble) => return Compiled::Wrong(fault(&trouble.kind(), before.matches('\n').count(), &sheet.written)),
    };
    // As a whole: an import is moved to the front.
    if let Some(why) = safe::fault(&css) {
        return Compiled::Wrong(Fault { place: None, kind: "forbidden".into(), why });
    }
    let css = match sheet.only_written {
        true => css.split_once(MARK).map_or("", |(_, own)| own),
        false => &css,
    };
    if css.len() > CSS_BYTES_MAX {
        let why = format!("it becomes more than {} KiB of CSS.", CSS_BYTES_MAX / 1024);
        return Compiled::Wrong(Fault { place: None, kind: "too_long".into(), why });
    }
    Compiled::Css(css.trim().to_owned())
}

/// The compiler's words, and their place in what was written.
fn fault(kind: &grass::ErrorKind, lines_before: usize, written: &str) -> Fault {
    match kind {
        grass::ErrorKind::ParseError { message, loc, .. } => {
            let lines = written.matches('\n').count() + 1;
            let line = (loc.begin.line + 1).saturating_sub(lines_before);
            // What is not closed is found missing behind the end.
            let place = match line {
                0 => None,
                line if line > lines => Some((lines, written.lines().last().unwrap_or_default().chars().count() + 1)),
                line => Some((line, loc.begin.column + 1)),
            };
            Fault { place, kind: "invalid".into(), why: message.trim_end_matches('.').to_owned() + "." }
        }
        other => Fault { place: None, kind: "invalid".into(), why: format!("{other:?}.") },
    }
}

#[cfg(test)]
mod tests {
    use super::super::{item, theme};
    use super::*;

    fn css(sheet: &Sheet) -> String {
        match compile(sheet) {
            Compiled::Css(css) => css,
            Compiled::Wrong(fault) => panic!("{fault:?}"),
        }
    }

    #[test]
    fn a_theme_changes_what_it_names() {
        assert_eq!(css(&theme("")), "");
        assert_eq!(css(&theme("$highlight-color: #b5179e;")), ":root{--highlight-color: #b5179e}");
        // As the published table spells it.
        assert_eq!(css(&theme("$higlight-color: #b5179e;")), ":root{--highlight-color: #b5179e}");
        assert_eq!(css(&theme(".message { color: $gray700; }")), ".message{color:#a1a1a1}");
        assert!(css(&theme("$background-color: #000;")).contains("--background-color: #000"));
    }

    #[test]
    fn an_item_knows_the_themes_variables_and_none_of_its_rules() {
        let own = "$highlight-color: #53cca4 !default;\n.a { color: $highlight-color; .b { margin: 0 } }";
        assert_eq!(css(&item("", own)), ".a{color:#53cca4}.a .b{margin:0}");
        let theme = "$highlight-color: #b5179e;\nbody { display: none }";
        assert_eq!(css(&item(theme, own)), ".a{color:#b5179e}.a .b{margin:0}");
        assert_eq!(css(&item("$higlight-color: #b5179e;", ".a { color: $highlight-color }")), ".a{color:#b5179e}");
        assert_eq!(css(&item("", "")), "");
    }

    #[test]
    fn mistakes_have_their_place_in_what_was_written() {
        for (written, place, word) in [
            ("a { b: $c }", Some((1, 8)), "Undefined variable"),
            (".a { color: red }\n.b { color: $nothing }", Some((2, 13)), "Undefined variable"),
            (".a { color: red", Some((1, 16)), "expected"),
            ("@import 'other';", Some((1, 9)), "import"),
            ("@use '/etc/passwd';", Some((1, 1)), ""),
        ] {
            for sheet in [theme(written), item("$x: 1;", written)] {
                let Compiled::Wrong(fault) = compile(&sheet) else { panic!("{written}") };
                assert_eq!((fault.place, fault.kind.as_str()), (place, "invalid"), "{written} {}", fault.why);
                assert!(fault.why.contains(word), "{written}: {}", fault.why);
            }
        }
    }

    #[test]
    fn what_would_call_others_is_refused() {
        let wrong =
            |written: &str| matches!(compile(&theme(written)), Compiled::Wrong(fault) if fault.kind == "forbidden");
        assert!(wrong("@import url(https://evil.example/a.css);"));
        assert!(wrong("$a: 'https://evil.example/'; .a { background: url($a) }"));
        assert!(!wrong(".a { background: url(data:image/png;base64,AAAA) }"));
    }
}
