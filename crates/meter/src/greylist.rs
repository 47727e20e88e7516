//! Greylisting in the manner of Gross: only deliveries that look suspicious have to come again later.
//!
//! A delivery is a triplet of client network, sender and recipient. Lists in the name service say how suspicious the client
//! is; whoever is suspicious enough is told to come again, and whoever comes again is let in. Without any lists everybody
//! has to come twice, as greylisters of old had it.
//!
//! | file | holds |
//! |---|---|
//! | `triplet` | what is asked about, its mask and its digest |
//! | `memory` | which digests were seen, and when: exact, bounded, forgetting by whole generations |
//! | `check` | one list: the name to ask for, which answers count, its weight |
//! | `tally` | from answers to a verdict: pure arithmetic |
//! | `lookups` | asking the lists, each name once at a time, with a short memory |
//! | `exemption` | who is never asked about |
//! | `judge` | [`judge::Greylist`]: all of it joined, in process |
//! | `recent` | the last decisions, for people |
//! | `state` | the memory in a file, over restarts |
//! | `backlog` | what the peer has not heard yet |
//! | `replica` | the memory of two nodes, kept the same |
//! | `policy`, `datagram`, `milter` | other mail servers that ask |
//! | `settings`, `limits`, `signals`, `fuzz` | what the operator chooses, every bound, every fact that is logged, entry points |

pub mod backlog;
pub mod check;
pub mod datagram;
pub mod exemption;
pub mod fuzz;
pub mod judge;
pub mod limits;
pub mod lookups;
pub mod memory;
pub mod milter;
pub mod policy;
pub mod recent;
pub mod replica;
pub mod settings;
pub mod signals;
pub mod state;
pub mod tally;
pub mod triplet;
