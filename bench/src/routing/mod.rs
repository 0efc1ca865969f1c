//! Routing: what a decision of the engine costs, how that grows with what waits, and what a task costs on its whole way
//! through a server and its store.

mod engine;
mod whole;

use std::path::PathBuf;

use clap::Args;

use crate::table::{Line, table};

#[derive(Args)]
pub(crate) struct Routing {
    /// How many tasks wait in the measurement that has a bar; growth is measured from a quarter of them to twice as many
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(400..=200_000))]
    waiting: u64,
    /// How many agents there are
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(10..=10_000))]
    agents: u64,
    /// How long 200 tasks come in each second, in the engine's time
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// How many rounds each line gets; the median counts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=15))]
    rounds: u64,
    /// The server to measure
    #[arg(long, value_name = "FILE", default_value = "target/release/frontdesk")]
    server: PathBuf,
    /// Where the database lies while it runs: a directory on the disk to measure; what is in it is removed
    #[arg(long, value_name = "DIR", default_value = "target/bench-routing")]
    dir: PathBuf,
}

/// Measures and prints the table. Whether every bar is met.
pub(crate) fn measure(settings: &Routing) -> Result<bool, String> {
    println!(
        "{}; {} rounds, {} agents, {} new tasks/s\n",
        crate::machine(),
        settings.rounds,
        settings.agents,
        engine::TASKS_PER_SECOND
    );
    let mut lines = engine::measure(settings)?;
    lines.extend(whole::measure(settings)?);
    println!("{}", table(&lines));
    Ok(!lines.iter().any(Line::is_missed))
}
