//! What a run is asked to do.

use std::hash::{BuildHasher, Hasher, RandomState};

use frontdesk_tests::Engine;

/// Kills of a run that names no number.
const KILLS_DEFAULT: usize = 100;

/// Short lives, so that many kills meet the server at its work.
const LIFE_DEFAULT: usize = 490;

/// How to call it.
pub(crate) const USAGE: &str = "\
usage: chaos [--mode kill|power-loss] [--engine sqlite|postgres] [--kills N] [--life MS] [--seed N]
       chaos --control early-answer|weak-sync [--kills N] [--seed N]
FRONTDESK_BIN names the binary under test; power-loss and the controls need builds with these features:
power-loss; early-answer; power-loss and weak-sync.";

/// What a kill takes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The process: what it has written survives in the system's memory.
    Kill,
    /// The process and everything that it never synced.
    PowerLoss,
}

/// A build that is known to be wrong: the run must notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// Answers before COMMIT.
    EarlyAnswer,
    /// Commits without waiting for the disk.
    WeakSync,
}

/// One run.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) mode: Mode,
    pub(crate) engine: Engine,
    pub(crate) control: Option<Control>,
    pub(crate) kills: usize,
    /// How long a server lives between its start and its kill, on the average, in milliseconds.
    pub(crate) life: usize,
    pub(crate) seed: u64,
}

impl Options {
    /// Reads the command line; the error says what is wrong with it.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
        // A fresh hasher's keys are random, and the seed is printed: any run can be had again.
        let seed = RandomState::new().build_hasher().finish() >> 16;
        let mut options = Options {
            mode: Mode::Kill,
            engine: Engine::Sqlite,
            control: None,
            kills: KILLS_DEFAULT,
            life: LIFE_DEFAULT,
            seed,
        };
        while let Some(word) = words.next() {
            let value = words.next().unwrap_or_default();
            let number = || value.parse().map_err(|_| format!("{word}: {value:?} is not a number"));
            match (word.as_str(), value.as_str()) {
                ("--mode", "kill") => options.mode = Mode::Kill,
                ("--mode", "power-loss") => options.mode = Mode::PowerLoss,
                ("--engine", "sqlite") => options.engine = Engine::Sqlite,
                ("--engine", "postgres") => options.engine = Engine::Postgres,
                ("--control", "early-answer") => options.control = Some(Control::EarlyAnswer),
                ("--control", "weak-sync") => {
                    options.control = Some(Control::WeakSync);
                    options.mode = Mode::PowerLoss;
                }
                ("--kills", _) => options.kills = number()? as usize,
                ("--life", _) => options.life = number()? as usize,
                ("--seed", _) => options.seed = number()?,
                _ => return Err(format!("{word} {value}: unknown")),
            }
        }
        if options.kills == 0 {
            return Err("--kills: at least 1".into());
        }
        if options.engine == Engine::Postgres && (options.mode == Mode::PowerLoss || options.control.is_some()) {
            return Err("power loss and the controls are about the embedded database".into());
        }
        Ok(options)
    }

    /// The run in a few words.
    pub(crate) fn title(&self) -> String {
        let engine = match self.engine {
            Engine::Sqlite => "SQLite",
            Engine::Postgres => "PostgreSQL",
        };
        let mode = match self.mode {
            Mode::Kill => "kill -9",
            Mode::PowerLoss => "kill -9 that forgets what was not synced",
        };
        match self.control {
            None => format!("{mode}, {engine}"),
            Some(Control::EarlyAnswer) => format!("{mode}, {engine}, control: answers before COMMIT"),
            Some(Control::WeakSync) => format!("{mode}, {engine}, control: synchronous=NORMAL"),
        }
    }
}
