//! Work that keeps a processor busy: long work goes where sessions that only talk do not wait for it.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Messages from here on are worked on aside. For smaller ones another thread would cost more than the work.
const LARGE_OCTETS: usize = 64 * 1024;

/// Whether work on so many octets is done aside.
pub fn is_large(octets: usize) -> bool {
    octets >= LARGE_OCTETS
}

/// Works on so many octets, where nobody else waits for it if they are many.
pub fn aside<T>(octets: usize, work: impl FnOnce() -> T) -> T {
    let has_others = || Handle::try_current().is_ok_and(|now| now.runtime_flavor() != RuntimeFlavor::CurrentThread);
    if is_large(octets) && has_others() { tokio::task::block_in_place(work) } else { work() }
}
