//! The doors for other servers: the meter's own protocol for those who know the secret, policy delegation, and what else the
//! greylister is asked in.

use std::sync::Arc;

use meter::greylist::datagram::Datagrams;
use meter::greylist::milter::Milter;
use meter::greylist::replica::receiver::Receiver;
use meter::service::policy::Rules;
use meter::service::{policy, tcp};
use net::{Door, Random, Registry};

use crate::greylisting::Greylisting;
use crate::metering::Metering;
use crate::roles::Protocol;
use crate::serve::listening::Served;
use crate::settings::Settings;
use crate::settings::sections::listeners::Answers;

/// The doors for other servers.
pub struct ServerDoors {
    meter: Option<Arc<dyn Door>>,
    milter: Arc<dyn Door>,
    datagrams: Arc<Datagrams>,
    peer: Option<Arc<dyn Door>>,
    metering: Metering,
    greylisting: Greylisting,
    registry: Registry,
}

impl ServerDoors {
    /// Makes them.
    pub fn new(
        settings: &Settings,
        metering: Metering,
        greylisting: Greylisting,
        random: &Arc<dyn Random>,
        registry: &Registry,
    ) -> ServerDoors {
        let greylist = || Arc::clone(&greylisting.greylist);
        let meter = settings.meter.secret.clone().map(|secret| {
            let tables = Arc::clone(&metering.tables);
            Arc::new(tcp::Service::new(tables, secret, Arc::clone(random), registry)) as Arc<dyn Door>
        });
        let peer = greylisting
            .secret
            .clone()
            .map(|secret| Arc::new(Receiver::new(greylist(), secret, Arc::clone(random))) as Arc<dyn Door>);
        ServerDoors {
            meter,
            milter: Arc::new(Milter::new(greylist())),
            datagrams: Arc::new(Datagrams::new(greylist())),
            peer,
            metering,
            greylisting,
            registry: registry.clone(),
        }
    }

    /// Who serves a protocol; `None` without the secret that it needs, and for what only other doors serve.
    pub fn of(&self, protocol: Protocol, answers: Answers) -> Option<Served> {
        Some(match protocol {
            Protocol::Meter => Served::Stream(self.meter.clone()?),
            Protocol::Policy => Served::Stream(Arc::new(self.policy(answers))),
            Protocol::Milter => Served::Stream(Arc::clone(&self.milter)),
            Protocol::Gross => Served::Datagrams(self.datagrams.clone()),
            Protocol::GreylistPeer => Served::Stream(self.peer.clone()?),
            _ => return None,
        })
    }

    fn policy(&self, answers: Answers) -> policy::Service {
        let rules = if answers.meter { Arc::clone(&self.metering.rules) } else { Arc::new(Rules::default()) };
        let service = policy::Service::new(self.metering.meter.clone(), rules, &self.registry);
        match answers.greylist {
            true => service.with_greylist(Arc::clone(&self.greylisting.greylist)),
            false => service,
        }
    }
}
