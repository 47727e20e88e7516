//! What the operator chooses for the greylister.

use std::path::PathBuf;
use std::time::Duration;

use model::Network;

use crate::greylist::check::Check;
use crate::greylist::tally::Thresholds;
use crate::greylist::triplet::Mask;

/// How the greylister judges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a new triplet has to wait.
    pub grey_delay: Duration,
    /// How much suspicion has which consequence.
    pub thresholds: Thresholds,
    /// What is told to those who have to come again.
    pub grey_reason: String,
    /// What is told to those who are refused.
    pub block_reason: String,
    /// How many bits of an address count.
    pub mask: Mask,
    /// The lists that are asked; none makes everybody come twice.
    pub checks: Vec<Check>,
    /// How long a query waits for the lists.
    pub query_timelimit: Duration,
    /// Questions that are under way at one time.
    pub lookups_max: usize,
    /// How long an answer of a list is remembered.
    pub answers_kept: Duration,
    /// Whether triplets are remembered whatever the verdict, not only when they have to come again or have done so.
    pub update_always: bool,
    /// Whether a triplet that has come before is let in without asking the lists; a block is then no longer seen.
    pub match_shortcut: bool,
    /// Whether verdicts are only logged and counted, and everybody is let in.
    pub dry_run: bool,
    /// Clients that are let in unseen.
    pub exempt_networks: Vec<Network>,
    /// Recipients who are always reachable: local parts or whole addresses.
    pub exempt_recipients: Vec<String>,
    /// How long a generation of triplets lasts.
    pub rotate_interval: Duration,
    /// How many generations are remembered.
    pub number_buffers: u32,
    /// How long proven domains and contacts are remembered.
    pub known_kept: Duration,
    /// Triplets that are remembered, and as many proven domains and contacts.
    pub entries_max: usize,
    /// Decisions that are kept for people.
    pub decisions_kept: usize,
    /// Where the memory is kept over restarts; nothing keeps it in memory alone.
    pub state_file: Option<PathBuf>,
    /// How often it is written, when something has changed.
    pub save_every: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            grey_delay: Duration::from_secs(180),
            thresholds: Thresholds { block: 0, grey: 1 },
            grey_reason: "Please try again later.".to_owned(),
            block_reason: "Bad reputation".to_owned(),
            mask: Mask { v4_bits: 24, v6_bits: 64 },
            checks: Vec::new(),
            query_timelimit: Duration::from_secs(5),
            lookups_max: 10_000,
            answers_kept: Duration::from_secs(60),
            update_always: false,
            match_shortcut: false,
            dry_run: false,
            exempt_networks: Vec::new(),
            exempt_recipients: vec!["postmaster".to_owned(), "abuse".to_owned()],
            rotate_interval: Duration::from_secs(3_600),
            number_buffers: 8,
            known_kept: Duration::from_secs(60 * 86_400),
            entries_max: 1_000_000,
            decisions_kept: 2_000,
            state_file: None,
            save_every: Duration::from_secs(60),
        }
    }
}
