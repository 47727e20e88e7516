//! Counts operations and the time that each took, and prints the result as one JSON object.

use serde::Serialize;
use std::time::{Duration, Instant};

/// What one run found.
#[derive(Serialize)]
pub struct Report {
    /// The operation, such as `deliver lmtp 4096`.
    pub operation: String,
    /// How many were done.
    pub count: usize,
    /// How many failed.
    pub failed: usize,
    /// Wall time of the whole run.
    pub seconds: f64,
    /// Operations a second.
    pub rate: f64,
    /// Milliseconds that half of the operations stayed under.
    pub p50_ms: f64,
    /// Milliseconds that 99 of 100 operations stayed under.
    pub p99_ms: f64,
}

/// Collects the durations of one task; tasks are merged at the end.
#[derive(Default)]
pub struct Samples {
    durations: Vec<Duration>,
    failed: usize,
}

impl Samples {
    /// Notes an operation that began at `start` and has just succeeded.
    pub fn done(&mut self, start: Instant) {
        self.durations.push(start.elapsed());
    }

    /// Notes an operation that failed.
    pub fn failed(&mut self) {
        self.failed += 1;
    }

    /// Takes over what another task collected.
    pub fn merge(&mut self, other: Samples) {
        self.durations.extend(other.durations);
        self.failed += other.failed;
    }

    /// The report of a run whose single operations are too short to be timed one by one.
    pub fn report_of(self, operation: String, count: usize, elapsed: Duration) -> Report {
        let rate = count as f64 / elapsed.as_secs_f64().max(1e-9);
        Report { operation, count, failed: self.failed, seconds: elapsed.as_secs_f64(), rate, p50_ms: 0.0, p99_ms: 0.0 }
    }

    /// The report of everything collected in a run that took `elapsed`.
    pub fn report(mut self, operation: String, elapsed: Duration) -> Report {
        self.durations.sort_unstable();
        let at = |share: f64| {
            let index = (self.durations.len() as f64 * share) as usize;
            self.durations.get(index.min(self.durations.len().saturating_sub(1))).map_or(0.0, |d| d.as_secs_f64() * 1e3)
        };
        Report {
            operation,
            count: self.durations.len(),
            failed: self.failed,
            seconds: elapsed.as_secs_f64(),
            rate: self.durations.len() as f64 / elapsed.as_secs_f64().max(1e-9),
            p50_ms: at(0.5),
            p99_ms: at(0.99),
        }
    }
}

/// Prints `value` as the one JSON line that the runner reads.
#[expect(clippy::print_stdout, reason = "standard output is this program's result")]
pub fn print(value: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(value)?);
    Ok(())
}
