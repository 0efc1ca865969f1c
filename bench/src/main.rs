//! Measures the server against what the machine allows: the same statements without a server around them, the same
//! bytes from a bare HTTP server, the same disk, the same store when it was small. Reference and product take turns, so
//! that noise hits both; what counts is their ratio. See README.md.

mod arrivals;
mod client;
mod desk;
mod disk;
mod hooks;
mod limits;
mod looks;
mod messages;
mod polling;
mod reference_server;
mod routing;
mod server;
mod social;
mod statements;
mod store_loop;
mod stores;
mod streams;
mod table;
#[cfg(test)]
mod trace;
mod visitors;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// Connections of every load, and producers of the bare store loop.
const CONNECTIONS: usize = 64;

/// Measures a release build of Frontdesk and prints tables. Exits with 1 when a bar is missed.
#[derive(Parser)]
#[command(name = "bench", max_term_width = 100)]
struct Settings {
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand)]
enum Part {
    /// What the product takes of what the machine allows: three minutes
    Limits(Limits),
    /// What lists and searches take in large stores; the first run fills them, which takes most of an hour
    Stores(Stores),
    /// What open streams cost: memory of each, and the time until everybody was told; three minutes
    Streams(streams::Streams),
    /// How soon and how fast webhooks are told, also beside receivers that hang, drip or flood: a minute
    Webhooks(Webhooks),
    /// How fast a source's old messages are imported, what others notice of it, and what sources cost that have nothing
    /// new; ten minutes
    Polling(polling::Polling),
    /// How soon agents see what a service's webhook tells, and what others notice of a year of comments that is imported:
    /// three minutes
    Social(social::Social),
    /// What routing costs: a decision with 20,000 tasks waiting, its growth, and a task's whole way; two minutes
    Routing(routing::Routing),
    /// Serve answers of these sizes, as the reference does for the load
    #[command(hide = true)]
    Answers {
        #[arg(value_delimiter = ',')]
        sizes: Vec<usize>,
    },
}

#[derive(Args)]
struct Limits {
    /// How long a round lasts
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// How many rounds each line gets; the median counts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=15))]
    rounds: u64,
    /// The server to measure
    #[arg(long, value_name = "FILE", default_value = "target/release/frontdesk")]
    server: PathBuf,
    /// Where the databases lie while it runs: a directory on the disk to measure; what is in it is removed
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    dir: PathBuf,
}

#[derive(Args)]
struct Stores {
    /// How many contents the small store and the large one have
    #[arg(long, value_name = "N,N", value_delimiter = ',', default_values_t = [1_000_000, 5_000_000])]
    sizes: Vec<u64>,
    /// Which engines
    #[arg(long, value_delimiter = ',', default_values_t = [stores::Engine::Sqlite, stores::Engine::Postgres])]
    engines: Vec<stores::Engine>,
    /// How long agents work while messages arrive
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(5..=600))]
    seconds: u64,
    /// The server to measure
    #[arg(long, value_name = "FILE", default_value = "target/release/frontdesk")]
    server: PathBuf,
    /// Where the filled stores are kept for the next run: 15 GB
    #[arg(long, value_name = "DIR", default_value = "target/bench-stores")]
    dir: PathBuf,
}

#[derive(Args)]
struct Webhooks {
    /// How long messages arrive, for each of the two measurements
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(5..=600))]
    seconds: u64,
    /// The server to measure
    #[arg(long, value_name = "FILE", default_value = "target/release/frontdesk")]
    server: PathBuf,
    /// Where the databases lie while it runs: a directory on the disk to measure; what is in it is removed
    #[arg(long, value_name = "DIR", default_value = "target/bench-webhooks")]
    dir: PathBuf,
}

fn main() -> ExitCode {
    let outcome = match Settings::parse().part {
        Part::Limits(settings) => limits::measure(&settings),
        Part::Stores(settings) => stores::measure(&settings),
        Part::Streams(settings) => streams::measure(&settings),
        Part::Webhooks(settings) => hooks::measure(&settings),
        Part::Polling(settings) => polling::measure(&settings),
        Part::Social(settings) => social::measure(&settings),
        Part::Routing(settings) => routing::measure(&settings),
        Part::Answers { sizes } => reference_server::run(&sizes).map(|()| true),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("bench: {message}");
            ExitCode::FAILURE
        }
    }
}

/// An empty directory.
fn fresh(dir: &Path) -> Result<(), String> {
    if dir.exists() {
        std::fs::remove_dir_all(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    }
    std::fs::create_dir_all(dir).map_err(|error| format!("{}: {error}", dir.display()))
}

/// What the figures were measured on.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model =
        cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim()));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load: Vec<String> = read("/proc/loadavg").split_whitespace().take(3).map(str::to_owned).collect();
    format!(
        "{}, {cores} cores, Linux {}, load before {}",
        model.unwrap_or("unknown processor"),
        read("/proc/sys/kernel/osrelease").trim(),
        load.join(" ")
    )
}
