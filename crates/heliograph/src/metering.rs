//! The meter as the program runs it: our tables, whom we ask, and what depends on them; made from the settings, and changed
//! by a reload without losing what was counted.

use std::sync::Arc;

use meter::client::Client;
use meter::meter::Meter;
use meter::service::policy::Rules;
use meter::tables::Tables;
use mta::inbound::rates::{Chosen, Rates};
use net::{Random, Registry};

use crate::settings::Settings;
use crate::settings::sections::meter::login_tables::{ACCOUNTS, ADDRESSES};

/// The meter and what depends on it. Cheap to clone.
#[derive(Clone)]
pub struct Metering {
    /// Our own tables.
    pub tables: Arc<Tables>,
    /// Where everybody here asks: our tables, or those of another server.
    pub meter: Meter,
    /// What policy delegation counts.
    pub rules: Arc<Rules>,
    /// What incoming sessions count.
    pub rates: Arc<Rates>,
}

impl Metering {
    /// From the settings. Must be called within tokio.
    pub fn new(settings: &Settings, random: &Arc<dyn Random>, registry: &Registry) -> Metering {
        let tables = Arc::new(Tables::new(settings.meter.tables.clone(), registry));
        let meter = match &settings.meter.client {
            Some(client) => Meter::There(Client::start(client.clone(), Arc::clone(random), registry)),
            None => Meter::Here(Arc::clone(&tables)),
        };
        let rules = Arc::new(Rules::new(settings.meter.rules.clone()));
        let rates = Arc::new(Rates::new(meter.clone(), chosen(settings)));
        Metering { tables, meter, rules, rates }
    }

    /// Whether another server counts.
    pub fn asks_elsewhere(&self) -> bool {
        matches!(self.meter, Meter::There(_))
    }

    /// Takes new settings. What counts failed logins stays as it is, because those who refuse logins by these counts take
    /// new bounds only at a restart: a table that counts less far than they wait for would refuse nobody.
    pub fn reload(&self, settings: &Settings) {
        let mut fresh = settings.meter.tables.clone();
        let is_of_logins = |name: &str| [ADDRESSES, ACCOUNTS].contains(&name);
        let kept = self.tables.overview().into_iter().filter(|table| is_of_logins(&table.name));
        fresh.extend(kept.map(|table| (table.name, table.settings)));
        for table in self.tables.configure(fresh) {
            tracing::warn!(
                table,
                "a table of the meter begins empty: it is of another type or its keys count otherwise now"
            );
        }
        self.rules.replace(settings.meter.rules.clone());
        self.rates.choose(chosen(settings));
    }
}

fn chosen(settings: &Settings) -> Chosen {
    Chosen {
        connections: settings.smtp.connection_rate.is_some(),
        messages: settings.smtp.submission_messages.is_some(),
        recipients: settings.smtp.submission_recipients.is_some(),
    }
}
