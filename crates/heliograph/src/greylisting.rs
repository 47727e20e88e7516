//! The greylister as the program runs it: made from the settings, its memory read at the start and written at the end.

use std::path::Path;
use std::sync::Arc;

use meter::greylist::judge::Greylist;
use meter::greylist::replica::sender::{self, Peer};
use meter::greylist::state;
use meter::secret::Secret;
use net::{Clock, Random, Registry, Resolver, ShutdownToken};
use smtp::server::Kind;
use tokio::task::JoinSet;

use crate::failure::Failure;
use crate::roles::Protocol;
use crate::settings::Settings;
use crate::settings::sections::listeners::Listener;

/// The greylister and what belongs to it. Cheap to clone.
#[derive(Clone)]
pub struct Greylisting {
    /// Who judges.
    pub greylist: Arc<Greylist>,
    /// Whether our own listeners for strangers ask it.
    enabled: bool,
    /// Whether they do, or others through a listener of ours.
    is_used: bool,
    /// Whether the settings have it at all, so that rules and mapping tables can ask it.
    is_set_up: bool,
    /// What the nodes share.
    pub secret: Option<Secret>,
    peer: Option<Peer>,
}

impl Greylisting {
    /// From the settings; nothing is read yet. `data` is the folder in which the memory lies unless it is said otherwise.
    pub fn new(
        settings: &Settings,
        data: &Path,
        (resolver, clock): (Arc<dyn Resolver>, Arc<dyn Clock>),
        registry: &Registry,
    ) -> Greylisting {
        let chosen = &settings.greylist;
        let mut judge = chosen.judge.clone();
        judge.state_file = Some(chosen.state_file.clone().unwrap_or_else(|| data.join("greylist.state")));
        let peer = chosen.peer.zip(chosen.secret.clone()).map(|(address, secret)| Peer { address, secret });
        Greylisting {
            greylist: Greylist::new(judge, resolver, clock, registry),
            enabled: chosen.enabled,
            is_set_up: settings.written.keys().any(|path| path.starts_with("greylist.")),
            is_used: chosen.enabled || settings.listeners.iter().any(asks),
            secret: chosen.secret.clone(),
            peer,
        }
    }

    /// Whom a listener of our own asks, or tells to whom our users write.
    pub fn of(&self, kind: Kind) -> Option<Arc<Greylist>> {
        let is_asked = match kind {
            Kind::Smtp => self.enabled,
            Kind::Submission => self.is_used || self.is_set_up,
            Kind::Lmtp => false,
        };
        is_asked.then(|| Arc::clone(&self.greylist))
    }

    /// Whom rules and mapping tables ask: anybody may who sets it up, whether or not listeners ask it too.
    pub fn for_rules(&self) -> Option<Arc<Greylist>> {
        self.is_set_up.then(|| Arc::clone(&self.greylist))
    }

    /// Reads the memory and begins to look after it. Must be called within tokio.
    ///
    /// # Errors
    /// The file of the memory cannot be read or put aside.
    pub fn start(
        &self,
        random: &Arc<dyn Random>,
        tasks: &mut JoinSet<()>,
        token: impl Fn() -> ShutdownToken,
    ) -> Result<(), Failure> {
        let failed = |error| Failure::failed("cannot read the greylister's memory").because(error);
        state::load(&self.greylist).map_err(failed)?;
        tasks.spawn(state::keep(Arc::clone(&self.greylist), token()));
        if let Some(peer) = &self.peer {
            let (greylist, random) = (Arc::clone(&self.greylist), Arc::clone(random));
            tasks.spawn(sender::run(greylist, peer.clone(), random, token()));
        }
        Ok(())
    }

    /// Writes down what the last connections brought. Blocks.
    pub fn finish(&self) {
        if self.greylist.take_dirty() {
            // What went wrong is counted and logged where it happens.
            let _logged = state::save(&self.greylist);
        }
    }
}

/// Whether others ask the greylister through this listener.
fn asks(listener: &Listener) -> bool {
    matches!(listener.protocol, Protocol::Milter | Protocol::Gross) || listener.answers.greylist
}

#[cfg(test)]
mod tests {
    use super::*;
    use net::SystemClock;
    use net::resolver::table::{Table, TableResolver};

    #[test]
    fn submission_notes_contacts_where_rules_alone_ask() {
        let greylisting = |text| {
            let settings = Settings::parse(Path::new("heliograph.toml"), text).expect("it is right");
            let parts: (Arc<dyn Resolver>, Arc<dyn Clock>) =
                (Arc::new(TableResolver::new(Table::default())), Arc::new(SystemClock));
            Greylisting::new(&settings, Path::new("data"), parts, &Registry::new())
        };
        let by_rules = greylisting("greylist.grey_delay = '1m'");
        assert!(by_rules.for_rules().is_some() && by_rules.of(Kind::Submission).is_some());
        assert!(by_rules.of(Kind::Smtp).is_none(), "listeners ask only where it is enabled");
        assert!(greylisting("").of(Kind::Submission).is_none());
    }
}
