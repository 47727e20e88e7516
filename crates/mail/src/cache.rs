//! The open mailboxes: one newest view each, caught up from the rows when somebody asks, dropped when long unused.

use crate::limits::IDLE_VIEW_MESSAGES_MAX;
use crate::view::View;
use account::owner::Owner;
use model::{AccountId, MailboxId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Views by partition, account and mailbox.
#[derive(Default)]
pub(crate) struct Cache {
    views: Mutex<Views>,
}

#[derive(Default)]
struct Views {
    by_place: HashMap<(String, AccountId, MailboxId), Slot>,
    clock: u64,
    trim_at: u64,
}

/// One mailbox. Its lock is held while it catches up, so that one session works and the others take the result.
#[derive(Clone, Default)]
struct Slot {
    view: Arc<Mutex<Option<Arc<View>>>>,
    used: u64,
}

impl Cache {
    pub fn slot(&self, owner: &Owner, mailbox: MailboxId) -> Arc<Mutex<Option<Arc<View>>>> {
        let mut views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        views.clock += 1;
        let now = views.clock;
        let key = (owner.partition.clone(), owner.account, mailbox);
        let slot = views.by_place.entry(key).or_default();
        slot.used = now;
        slot.view.clone()
    }

    /// Drops the least recently used views that no session holds once too many messages are held for nobody.
    pub fn trim(&self) {
        let mut views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        let mut idle: Vec<(u64, usize, (String, AccountId, MailboxId))> = Vec::new();
        // Looking at all of them costs as much as there are: so it is done once in as many calls.
        if views.clock < views.trim_at {
            return;
        }
        views.trim_at = views.clock + (views.by_place.len() as u64).max(64);
        for (key, slot) in &views.by_place {
            // Whoever holds the lock is using it.
            let Ok(held) = slot.view.try_lock() else { continue };
            match held.as_ref() {
                Some(view) if Arc::strong_count(view) == 1 => idle.push((slot.used, view.len() + 64, key.clone())),
                None if Arc::strong_count(&slot.view) == 1 => idle.push((0, 0, key.clone())),
                _ => {}
            }
        }
        idle.sort_unstable_by_key(|(used, ..)| std::cmp::Reverse(*used));
        let mut kept = 0;
        for (_, messages, key) in idle {
            kept += messages;
            if messages == 0 || kept > IDLE_VIEW_MESSAGES_MAX {
                views.by_place.remove(&key);
            }
        }
    }
}
