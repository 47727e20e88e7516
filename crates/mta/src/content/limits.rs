//! Every bound of the treatment of content, with its unit and its reason.

use std::time::Duration;

/// Fragments that a message is split into: what other systems put together.
pub const MADE_MAX: usize = 1000;

/// Locks that keep fragments of one message apart; messages share them by chance.
pub const LOCKS: usize = 256;

/// How long a fragment waits for another one of its message that is being examined. Filters have a minute by default; a
/// client waits for ten at the end of data (RFC 5321 §4.5.3.2.6).
pub const LOCK_WAIT: Duration = Duration::from_secs(60);
