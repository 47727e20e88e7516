//! Every bound of the greylister that is no setting, with its unit and its reason.

use std::time::Duration;

/// Octets of a sender, recipient or name of a client that are looked at and kept; RFC 5321 §4.5.3.1.3 allows 256 for an
/// address. What is longer is cut for people, and counts whole in the digest.
pub const SHOWN_OCTETS: usize = 320;
/// Lists that may be configured: each is a question for every delivery.
pub const CHECKS_MAX: usize = 32;
/// The most entries that settings may allow in each of the two memories: 430 MB.
pub const ENTRIES_MAX: usize = 20_000_000;
/// Answers of lists that are remembered.
pub const ANSWERS_MAX: usize = 65_536;
/// How long a list that did not answer is not asked the same again.
pub const FAILURE_KEPT: Duration = Duration::from_secs(5);
/// Octets of a name in the name service (RFC 1035 §2.3.4).
pub const NAME_OCTETS: usize = 253;
/// Locks over which the memory is spread, so that queries seldom wait for each other.
pub const SHARDS: usize = 64;
/// How often generations that are over are given up.
pub const SWEEP_EVERY: Duration = Duration::from_secs(30);
/// After this time a client of the datagram protocol is told that the verdict takes longer; it would wait for two seconds.
pub const PENDING_AFTER: Duration = Duration::from_secs(1);
/// How long a client of the policy or milter protocol may be silent. Postfix keeps connections for 300 seconds.
pub const IDLE: Duration = Duration::from_secs(600);
/// How long a client may take to accept an answer.
pub const SEND: Duration = Duration::from_secs(10);
/// Entries of one frame between replicas.
pub const FRAME_ENTRIES: usize = 2_000;
/// Octets of one frame between replicas, with its kind and its seal.
pub const FRAME_OCTETS: usize = 64 * 1024;
/// Changes that wait for the peer. When there are more, the whole state is sent instead.
pub const BACKLOG_ENTRIES: usize = 65_536;
/// How often a replica says that it is there.
pub const HEARTBEAT_EVERY: Duration = Duration::from_secs(2);
/// How long a replica waits for anything from its peer.
pub const PEER_SILENCE: Duration = Duration::from_secs(15);
/// The first pause before a replica connects again; it doubles up to [`RECONNECT_MAX`].
pub const RECONNECT_MIN: Duration = Duration::from_millis(250);
/// The longest pause before a replica connects again.
pub const RECONNECT_MAX: Duration = Duration::from_secs(15);
/// How far ahead of ours a peer's clock may be; what it saw later than that is taken to be seen now.
pub const CLOCK_AHEAD: Duration = Duration::from_secs(60);
/// How long the first words between replicas may take.
pub const GREETING: Duration = Duration::from_secs(10);
