//! The three threads of a partition: one runs closures, one writes and synchronises the log, one applies to the index.
//!
//! ```text
//! write() -> JobQueue -> executor -> log writer -> index applier -> observers, then the waiters
//! ```
//! While one group is being synchronised the next is being run, and the one before applied. A group goes forward only
//! if all before it did. Where there is only one and nothing waits, the executor takes it through all three itself.

pub mod applier;
pub mod executor;
pub mod group;
pub mod job;
pub mod stages;
pub mod state;
pub mod writer;
