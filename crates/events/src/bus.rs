//! The bus: commits go in, signals come out, and a slow listener costs nobody anything.
//!
//! Each subscription holds a bounded set of what has changed since it last looked. A hundred changes of one mailbox are
//! one entry; more different ones than fit are [`Signal::Everything`]. Publishing takes short locks and never waits.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::AccountId;
use storage::{Notice, Observer};
use tokio::sync::Notify;

/// Different changes that a subscription remembers before it gives up telling them apart.
pub const UNREAD_CHANGES: usize = 64;

/// What a subscription wants to hear of. `None` means all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of one account.
    pub account: Option<AccountId>,
    /// Of one topic.
    pub topic: Option<u8>,
}

/// What a subscription hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// This collection has come at least as far as the notice says.
    Changed(Notice),
    /// More changed than could be remembered: look at everything.
    Everything,
}

/// The bus. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Bus {
    listeners: Arc<Mutex<Listeners>>,
}

#[derive(Debug, Default)]
struct Listeners {
    next: u64,
    by_account: HashMap<AccountId, BTreeMap<u64, Listener>>,
    of_all_accounts: BTreeMap<u64, Listener>,
}

#[derive(Debug)]
struct Listener {
    topic: Option<u8>,
    inbox: Arc<Inbox>,
}

/// What has changed since the subscriber last looked.
#[derive(Debug, Default)]
struct Inbox {
    unread: Mutex<Unread>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Unread {
    /// How far each (account, topic, collection) has come.
    changes: BTreeMap<(AccountId, u8, u32), u64>,
    overflown: bool,
}

/// One listener's end. Dropping it ends the subscription.
#[derive(Debug)]
pub struct Subscription {
    /// Under which numbers it listens, and to which accounts.
    ids: Vec<(u64, Option<AccountId>)>,
    inbox: Arc<Inbox>,
    bus: Bus,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Bus {
    /// A bus on which nobody listens.
    pub fn new() -> Bus {
        Bus::default()
    }

    /// Begins to listen: every change committed from now on is heard of.
    pub fn subscribe(&self, filter: Filter) -> Subscription {
        self.listen(&[filter.account], filter.topic)
    }

    /// As [`Bus::subscribe`], to several accounts.
    pub fn subscribe_to(&self, accounts: &[AccountId], topic: Option<u8>) -> Subscription {
        let accounts: Vec<Option<AccountId>> = accounts.iter().copied().map(Some).collect();
        self.listen(&accounts, topic)
    }

    fn listen(&self, accounts: &[Option<AccountId>], topic: Option<u8>) -> Subscription {
        let inbox = Arc::new(Inbox::default());
        let mut listeners = lock(&self.listeners);
        let mut ids = Vec::with_capacity(accounts.len());
        for account in accounts {
            let id = listeners.next;
            listeners.next += 1;
            let listener = Listener { topic, inbox: Arc::clone(&inbox) };
            match account {
                Some(account) => listeners.by_account.entry(*account).or_default().insert(id, listener),
                None => listeners.of_all_accounts.insert(id, listener),
            };
            ids.push((id, *account));
        }
        Subscription { ids, inbox, bus: self.clone() }
    }

    /// Tells everybody concerned.
    pub fn publish(&self, notices: &[Notice]) {
        let listeners = lock(&self.listeners);
        for notice in notices {
            let of_account = listeners.by_account.get(&notice.account).into_iter().flatten();
            for (_, listener) in of_account.chain(&listeners.of_all_accounts) {
                if listener.topic.is_none_or(|topic| topic == notice.topic) {
                    listener.inbox.put(*notice);
                }
            }
        }
    }

    /// How many listen.
    pub fn listeners(&self) -> usize {
        let listeners = lock(&self.listeners);
        listeners.of_all_accounts.len() + listeners.by_account.values().map(BTreeMap::len).sum::<usize>()
    }
}

impl Observer for Bus {
    fn committed(&self, notices: &[Notice]) {
        self.publish(notices);
    }
}

impl Inbox {
    fn put(&self, notice: Notice) {
        lock(&self.unread).put(notice);
        self.arrived.notify_one();
    }
}

impl Unread {
    fn put(&mut self, notice: Notice) {
        if self.overflown {
            return;
        }
        let key = (notice.account, notice.topic, notice.collection);
        if self.changes.len() >= UNREAD_CHANGES && !self.changes.contains_key(&key) {
            self.changes = BTreeMap::new();
            self.overflown = true;
            return;
        }
        let sequence = self.changes.entry(key).or_default();
        *sequence = notice.sequence.max(*sequence);
    }

    fn take(&mut self) -> Option<Signal> {
        if std::mem::take(&mut self.overflown) {
            return Some(Signal::Everything);
        }
        let ((account, topic, collection), sequence) = self.changes.pop_first()?;
        Some(Signal::Changed(Notice { account, topic, collection, sequence }))
    }
}

impl Subscription {
    /// The next signal, waiting for it. Safe to cancel: nothing is lost.
    pub async fn next(&mut self) -> Signal {
        loop {
            if let Some(signal) = self.try_next() {
                return signal;
            }
            self.inbox.arrived.notified().await;
        }
    }

    /// The next signal, if there is one already.
    pub fn try_next(&mut self) -> Option<Signal> {
        lock(&self.inbox.unread).take()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut listeners = lock(&self.bus.listeners);
        for (id, account) in &self.ids {
            let Some(account) = account else {
                listeners.of_all_accounts.remove(id);
                continue;
            };
            if let Some(of_account) = listeners.by_account.get_mut(account) {
                of_account.remove(id);
                if of_account.is_empty() {
                    listeners.by_account.remove(account);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
