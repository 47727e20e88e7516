//! IDLE (RFC 9051 §6.3.13): changes are told as they happen.

use crate::imap::session::{Done, Outcome, Session, changed};
use crate::line::WhenDraining;
use events::Filter;
use mail::store::TOPIC;

impl Session<'_> {
    pub async fn idle(&mut self) -> Done {
        let filter = match self.selected.as_ref() {
            Some(selected) => Filter { account: Some(selected.place.owner.account), topic: Some(TOPIC) },
            None => Filter { account: Some(self.user()?.owner.account), topic: Some(TOPIC) },
        };
        // First listen, then look: what happens in between is seen.
        let mut changes = self.service.mail.bus().subscribe(filter);
        self.say("+ idling\r\n");
        self.catch_up(true)?;
        self.flush().await?;
        self.line.rest();
        let timeout = self.service.settings.idle_timeout;
        let mut watch = self.watch.take();
        loop {
            if let Some(line) = self.line_ready()? {
                self.watch = watch;
                return Ok(if line.eq_ignore_ascii_case("DONE") {
                    Outcome::ok("no longer idle")
                } else {
                    Outcome::bad("DONE was expected")
                });
            }
            tokio::select! {
                received = self.line.receive(timeout, WhenDraining::Ends) => received?,
                _changed = changes.next() => {
                    self.catch_up(true)?;
                    self.flush().await?;
                }
                () = changed(watch.as_deref_mut()) => {
                    self.watch = watch.take();
                    Box::pin(self.tell_watched()).await?;
                    watch = self.watch.take();
                    self.flush().await?;
                }
            }
        }
    }
}
