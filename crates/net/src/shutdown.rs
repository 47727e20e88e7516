//! Ending well: first everybody is asked to finish what they are doing, then whoever is left is cut off.

use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Running,
    Draining,
    Stopped,
}

/// The hand on the switch. Dropping it stops everything.
#[derive(Debug)]
pub struct Shutdown {
    phase: watch::Sender<Phase>,
}

/// What everybody who must end in time holds.
#[derive(Clone, Debug)]
pub struct ShutdownToken {
    /// `None` in a token that no switch belongs to.
    phase: Option<watch::Receiver<Phase>>,
}

impl Shutdown {
    /// A switch that stands on "running".
    pub fn new() -> Shutdown {
        Shutdown { phase: watch::Sender::new(Phase::Running) }
    }

    /// A token of this switch.
    pub fn token(&self) -> ShutdownToken {
        ShutdownToken { phase: Some(self.phase.subscribe()) }
    }

    /// Asks everybody to finish the transaction at hand, say goodbye and close.
    pub fn drain(&self) {
        self.advance(Phase::Draining);
    }

    /// Cuts off whoever is left.
    pub fn stop(&self) {
        self.advance(Phase::Stopped);
    }

    fn advance(&self, to: Phase) {
        self.phase.send_if_modified(|phase| {
            let moves = *phase < to;
            *phase = (*phase).max(to);
            moves
        });
    }
}

impl Default for Shutdown {
    fn default() -> Shutdown {
        Shutdown::new()
    }
}

impl ShutdownToken {
    /// A token that never asks for anything (tests, one-off tools).
    pub fn never() -> ShutdownToken {
        ShutdownToken { phase: None }
    }

    /// Whether everybody has been asked to finish.
    pub fn is_draining(&self) -> bool {
        self.reached(Phase::Draining)
    }

    /// Whether time is up.
    pub fn is_stopped(&self) -> bool {
        self.reached(Phase::Stopped)
    }

    /// Returns when everybody has been asked to finish. Safe to cancel.
    pub async fn draining(&self) {
        self.wait(Phase::Draining).await;
    }

    /// Returns when time is up. Safe to cancel.
    pub async fn stopped(&self) {
        self.wait(Phase::Stopped).await;
    }

    fn reached(&self, phase: Phase) -> bool {
        self.phase.as_ref().is_some_and(|now| *now.borrow() >= phase || now.has_changed().is_err())
    }

    async fn wait(&self, phase: Phase) {
        let Some(now) = &self.phase else { return std::future::pending().await };
        let mut now = now.clone();
        // An error means that the switch is gone, which counts as stopped.
        let _reached = now.wait_for(|now| *now >= phase).await.is_ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn phases_only_go_forward() {
        let shutdown = Shutdown::new();
        let token = shutdown.token();
        assert!(!token.is_draining());
        shutdown.stop();
        shutdown.drain();
        token.draining().await;
        token.stopped().await;
        assert!(token.is_stopped());
    }

    #[tokio::test]
    async fn a_dropped_switch_stops() {
        let token = Shutdown::new().token();
        token.stopped().await;
        assert!(token.is_stopped());
    }
}
