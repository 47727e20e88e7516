//! What the mail store wants done now and then: giving up what was expunged long ago, and the like.

use std::time::Duration;

use net::ShutdownToken;

use crate::compose::Services;

/// How often.
const EVERY: Duration = Duration::from_secs(3600);

/// Looks after every partition until the program ends. A failure waits for the next time, and is logged.
pub async fn run(services: Services, token: ShutdownToken) {
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = token.draining() => return,
        }
        for (nick, _) in services.store.partitions.iter() {
            match services.mail.upkeep(nick, services.clock.now()).await {
                Ok(done) => tracing::debug!(partition = nick, ?done, "upkeep of the mail store"),
                Err(error) => tracing::warn!(partition = nick, reason = %error, "upkeep of the mail store failed"),
            }
        }
    }
}
