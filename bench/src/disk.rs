//! How long the disk takes: 4 KiB appended and synced every 2 ms.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

const BLOCK_BYTES: usize = 4096;
const PERIOD: Duration = Duration::from_millis(2);

/// The median and the 99th percentile of a sync.
pub(crate) struct SyncTimes {
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// Measures for this long, in a file that is removed at the end.
pub(crate) fn sync_times(path: &Path, duration: Duration) -> Result<SyncTimes, String> {
    let times = measure(path, duration).map_err(|error| format!("{}: {error}", path.display()))?;
    let at = |share: f64| times.get(((times.len() - 1) as f64 * share) as usize).copied().unwrap_or_default();
    Ok(SyncTimes { p50: at(0.5), p99: at(0.99) })
}

fn measure(path: &Path, duration: Duration) -> std::io::Result<Vec<Duration>> {
    let mut file = File::create(path)?;
    let block = [b'x'; BLOCK_BYTES];
    let began = Instant::now();
    let mut times = Vec::new();
    while times.is_empty() || began.elapsed() < duration {
        let at = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(at.elapsed());
        std::thread::sleep(PERIOD.saturating_sub(at.elapsed()));
    }
    std::fs::remove_file(path)?;
    times.sort_unstable();
    Ok(times)
}
