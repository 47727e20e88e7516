//! Telling filters what people move into and out of Junk: what goes in is spam, what comes out is not. Best effort: what cannot
//! be told is counted and logged, never tried for ever, and a mailbox never waits for it. Messages that wait when the program
//! ends are forgotten.

use crate::filter::limits::{TRAINING_MESSAGES_MAX, TRAINING_WAITING_MAX};
use crate::filter::service::Filters;
use crate::filter::settings::Protocol;
use mail::change::Place;
use mail::moves::{Moved, Mover};
use mail::record::SpecialUse;
use mail::store::Mail;
use net::{Counter, Registry, ShutdownToken};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// Takes what the mail store tells of moves.
pub struct Training {
    filters: Filters,
    waiting: mpsc::Sender<Moved>,
    inbox: Mutex<Option<mpsc::Receiver<Moved>>>,
    dropped: Counter,
}

impl Training {
    /// Training of these filters. Nothing is told before [`Training::run`] runs.
    pub fn new(filters: Filters, registry: &Registry) -> Training {
        let (waiting, inbox) = mpsc::channel(TRAINING_WAITING_MAX);
        let help = "Moves into or out of Junk of which filters were not told because too many waited.";
        let dropped = registry.counter("heliograph_filter_training_dropped_total", help, &[]);
        Training { filters, waiting, inbox: Mutex::new(Some(inbox)), dropped }
    }

    /// Tells the filters until the program ends.
    pub async fn run(self: Arc<Self>, mail: Mail, token: ShutdownToken) {
        let inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut inbox) = inbox else { return };
        loop {
            let moved = tokio::select! {
                () = token.draining() => return,
                moved = inbox.recv() => moved,
            };
            let Some(moved) = moved else { return };
            let telling = self.tell(&mail, &moved);
            tokio::select! {
                () = token.draining() => return,
                () = telling => {}
            }
        }
    }

    async fn tell(&self, mail: &Mail, moved: &Moved) {
        let is_spam = match tokio::task::block_in_place(|| lesson(mail, moved)) {
            Ok(Some(is_spam)) => is_spam,
            Ok(None) => return,
            Err(error) => return tracing::info!(reason = %error, "no filter was taught with what was moved"),
        };
        let place = Place { owner: moved.to.0.clone(), mailbox: moved.to.1 };
        for uid in moved.uids.iter().take(TRAINING_MESSAGES_MAX) {
            // It may have gone on meanwhile.
            let read = || {
                let row = mail.message(&place, *uid)?;
                row.map(|row| mail.body(&place.owner, &row.blob)).transpose()
            };
            let Ok(Some(message)) = tokio::task::block_in_place(read) else { continue };
            for engine in self.filters.engines().iter().filter(|engine| engine.filter.learns) {
                match engine.learn(is_spam, &message).await {
                    Ok(()) => engine.signals.learned(is_spam),
                    Err(failure) => engine.signals.not_learned(&failure.to_string()),
                }
            }
        }
    }
}

/// Whether what was moved is spam, or is not; `None` when the move teaches nothing: not to or from Junk, or thrown away.
fn lesson(mail: &Mail, moved: &Moved) -> Result<Option<bool>, mail::error::Error> {
    let special_use = |(owner, mailbox): &(account::owner::Owner, model::MailboxId)| {
        mail.mailbox(owner, *mailbox).map(|found| found.and_then(|found| found.row.special_use))
    };
    Ok(match (special_use(&moved.from)?, special_use(&moved.to)?) {
        (Some(SpecialUse::Junk), Some(SpecialUse::Junk | SpecialUse::Trash)) => None,
        (_, Some(SpecialUse::Junk)) => Some(true),
        (Some(SpecialUse::Junk), _) => Some(false),
        _ => None,
    })
}

impl Mover for Training {
    fn moved(&self, moved: Moved) {
        let learns = |protocol| matches!(protocol, Protocol::Rspamd | Protocol::Spamd);
        let engines = self.filters.engines();
        if !engines.iter().any(|engine| engine.filter.learns && learns(engine.filter.protocol)) {
            return;
        }
        if self.waiting.try_send(moved).is_err() {
            self.dropped.add(1);
        }
    }
}
