//! Asking a meter elsewhere. Every wait has an end, and whatever goes wrong means "nobody is held back": a mail server must
//! not stand still because its meter does.
//!
//! One task owns the connection; questions reach it through a bounded channel. Servers are asked in their order: the next
//! one while those before it cannot be reached. After a failure a server is left alone for a while.

mod link;
mod opening;
pub mod question;
pub mod settings;

use std::net::SocketAddr;
use std::sync::Arc;

use net::{Random, Registry};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::call::{Call, Outcome};
use crate::client::link::Link;
use crate::client::question::{Asked, Unavailable};
use crate::client::settings::ClientSettings;
use crate::signals::ClientSignals;
use crate::wire::answer::Answer;
use crate::wire::call;

/// The way to a meter elsewhere. Cheap to clone; the connection closes when the last clone is gone.
#[derive(Clone, Debug)]
pub struct Client {
    calls: mpsc::Sender<Asked>,
    settings: Arc<ClientSettings>,
    signals: Arc<ClientSignals>,
}

impl Client {
    /// A client that connects when it is first asked. Must be called within tokio.
    pub fn start(settings: ClientSettings, random: Arc<dyn Random>, registry: &Registry) -> Client {
        let (calls, asked) = mpsc::channel(settings.outstanding_max.max(1));
        let (settings, signals) = (Arc::new(settings), Arc::new(ClientSignals::new(registry)));
        let link = Link::new(Arc::clone(&settings), random, Arc::clone(&signals), asked);
        tokio::spawn(link.run());
        Client { calls, settings, signals }
    }

    /// Where it asks.
    pub fn servers(&self) -> &[SocketAddr] {
        &self.settings.servers
    }

    /// Asks, and waits for the connection and the answer as long as the settings say.
    ///
    /// # Errors
    /// [`Unavailable`]; it is counted.
    pub async fn ask(&self, call: &Call<'_>) -> Result<Outcome, Unavailable> {
        let answer = self.answer(call).await;
        match answer {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(why)) => {
                self.signals.refused(&why);
                Err(Unavailable::Refused(why))
            }
            Err(unavailable) => {
                self.signals.unavailable();
                Err(unavailable)
            }
        }
    }

    async fn answer(&self, call: &Call<'_>) -> Result<Answer, Unavailable> {
        let begun = Instant::now();
        let for_a_place = begun + self.settings.connect_wait;
        let for_all = for_a_place + self.settings.read_wait;
        let mut frame = Vec::with_capacity(64);
        call::put(&mut frame, 0, call);
        let (reply, answer) = oneshot::channel();
        let place = tokio::time::timeout_at(for_a_place, self.calls.reserve()).await;
        let place = place.map_err(|_| Unavailable::Crowded)?.map_err(|_| Unavailable::Broken)?;
        place.send(Asked { frame, reply });
        match tokio::time::timeout_at(for_all, answer).await {
            Ok(Ok(answered)) => answered,
            Ok(Err(_)) => Err(Unavailable::Broken),
            Err(_) => Err(Unavailable::TimedOut),
        }
    }
}

#[cfg(test)]
mod tests;
