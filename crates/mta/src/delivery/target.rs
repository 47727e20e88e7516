//! How a message goes to one account, whether it is filed at once or out of the queue.

use account::owner::Owner;
use account::rights::Asker;
use directory::resolve::LocalTarget;
use mail::deliver::{Quota, Target};
use mail::flags::Flags;
use model::{Address, QueueId};

/// How the message of `sender` goes to an account; `delivery` marks it, so that the queue files nothing twice.
pub fn target(sender: Option<&Address>, local: &LocalTarget, delivery: Option<(QueueId, u32)>) -> Target {
    let poster = sender.map(ToString::to_string);
    let is_own = poster.as_ref().is_some_and(|poster| poster.eq_ignore_ascii_case(&local.account.address));
    let asker = Asker { address: poster.unwrap_or_default(), groups: Vec::new() };
    Target {
        owner: Owner::new(local.account.account_id(), local.account.partition.clone()),
        mailbox: local.detail.clone(),
        // Without any grants the owner's own subaddresses work for everybody, as the address asks for.
        poster: (!is_own && !local.is_direct).then_some(asker),
        flags: Flags::default(),
        quota: quota(local),
        delivery,
    }
}

/// How much an account may keep.
pub fn quota(target: &LocalTarget) -> Quota {
    Quota { octets: target.account.quota_octets, messages: target.account.quota_messages }
}
