//! What the mail store wants done now and then: giving up what was expunged long ago, and the like.

use std::time::Duration;

use account::owner::Owner;
use directory::entry::Status;
use model::Timestamp;
use net::ShutdownToken;

use crate::compose::Services;

/// How often.
const EVERY: Duration = Duration::from_secs(3600);

/// Looks after every partition until the program ends. A failure waits for the next time, and is logged.
pub async fn run(services: Services, grace: Duration, token: ShutdownToken) {
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = token.draining() => return,
        }
        if let Err(error) = forget_accounts(&services, grace).await {
            tracing::warn!(reason = %error, "deleted accounts could not be forgotten");
        }
        for (nick, _) in services.store.partitions.iter() {
            match services.mail.upkeep(nick, services.clock.now()).await {
                Ok(done) => tracing::debug!(partition = nick, ?done, "upkeep of the mail store"),
                Err(error) => tracing::warn!(partition = nick, reason = %error, "upkeep of the mail store failed"),
            }
        }
    }
}

/// Forgets the accounts whose grace period is over, with all their mail.
async fn forget_accounts(services: &Services, grace: Duration) -> Result<(), Box<dyn std::error::Error>> {
    let before = services.clock.now().minus(grace);
    for account in services.directory.accounts()? {
        let Status::Deleted { at } = account.status else { continue };
        if Timestamp(at) > before {
            continue;
        }
        let owner = Owner::new(account.account_id(), account.partition.clone());
        // First the mail: an account without it is found again, mail without its account is not.
        services.mail.remove_account(&owner).await?;
        services.directory.forget_account(&account.address.parse()?).await?;
        tracing::info!(account = account.address, "a deleted account was forgotten: its grace period is over");
    }
    Ok(())
}
