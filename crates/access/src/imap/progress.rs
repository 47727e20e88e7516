//! A sign of life during long work (RFC 9585).

use crate::imap::session::Session;
use std::time::Instant;

/// Tells how far a command has come, now and then.
pub(crate) struct Progress {
    last: Instant,
    tag: String,
}

impl Progress {
    /// Of the command at hand.
    pub fn of(session: &Session<'_>) -> Progress {
        Progress { last: Instant::now(), tag: session.tag_string() }
    }

    /// Tells, when it is time. Called from where blocking is allowed.
    pub fn step(&mut self, session: &mut Session<'_>, done: usize, total: usize) {
        if self.last.elapsed() < session.service.settings.progress_every {
            return;
        }
        self.last = Instant::now();
        session.say(&format!("* OK [INPROGRESS ({} {done} {total})] still at it\r\n", self.tag));
        // Whoever went away is noticed at the end of the command.
        let _told = tokio::runtime::Handle::current().block_on(session.flush());
    }
}
