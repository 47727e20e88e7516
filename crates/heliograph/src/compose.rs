//! From settings to services, from the ground to the roof: straight code, every dependency an argument. One file for each
//! floor; what faces a wire is made from these services in `serve`.

pub mod certificates;
pub mod ground;
mod judge;
mod keeps;
pub mod network;
mod people;
pub mod private;
pub mod store;
mod transfer;

use std::sync::Arc;

use directory::embedded::Embedded;
use directory::login::Logins;
use events::Bus;
use mail::store::Mail;
use mta::authentication::service::Authentication;
use mta::channels::service::Channels;
use mta::content::service::Content;
use mta::filter::service::Filters;
use mta::judge::court::Judge;
use mta::scripts::service::Scripts;
use net::{ClientTls, Clock, Random, Registry, Resolver, ServerTls};
use queue::queue::Queue;

use crate::compose::ground::Ground;
use crate::compose::network::Network;
use crate::compose::store::Store;
use crate::failure::Failure;
use crate::greylisting::Greylisting;
use crate::metering::Metering;
use crate::settings::Settings;

/// Everything that doors and operator verbs work with.
#[derive(Clone)]
pub struct Services {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Random octets.
    pub random: Arc<dyn Random>,
    /// What is counted.
    pub registry: Registry,
    /// The partitions.
    pub store: Store,
    /// Who there is.
    pub directory: Embedded,
    /// Who may log in.
    pub logins: Logins,
    /// The mailboxes.
    pub mail: Mail,
    /// Where mail for others waits.
    pub queue: Queue,
    /// Who judges whole messages.
    pub filters: Filters,
    /// This server's name.
    pub host: String,
    /// What is counted of whom.
    pub metering: Metering,
    /// What runs when mail is filed.
    pub scripts: Arc<Scripts>,
    /// What is done to the content of mail.
    pub content: Arc<Content>,
    /// Channels that the operator named.
    pub channels: Arc<Channels>,
    /// Which deliveries have to come again.
    pub greylisting: Greylisting,
    /// Who knows names.
    pub resolver: Arc<dyn Resolver>,
    /// The policy.
    pub judge: Arc<Judge>,
    /// Who really sent a message, and how others can tell that we did.
    pub authentication: Arc<Authentication>,
    /// TLS for those who connect to us.
    pub server_tls: ServerTls,
    /// TLS for those to whom we connect.
    pub client_tls: ClientTls,
}

/// Opens and joins everything below the doors. Must be called within tokio.
///
/// # Errors
/// What could not be opened.
pub fn compose(settings: &Settings) -> Result<Services, Failure> {
    let ground = Ground::new();
    let Network { server_tls, client_tls, resolver } = network::open(settings, &ground.registry)?;
    let store = store::open(settings)?;
    let bus = Bus::new();
    store.system.subscribe(Arc::new(bus.clone()));

    let directory = people::directory(settings, &ground, &store.system)?;
    let metering = Metering::new(settings, &ground.random, &ground.registry);
    let logins = people::logins(settings, &ground, &directory, &metering)?;
    let mail = keeps::mail(settings, &store, bus)?;
    let queue = keeps::queue(settings, &store, &ground)?;

    let filters = Filters::new(settings.filters.clone(), Arc::clone(&resolver), &ground.registry);
    let scripts = Arc::new(transfer::scripts(settings, &ground, &directory, &mail)?);
    let content = transfer::content(settings, &ground)?;
    let asked = (Arc::clone(&resolver), Arc::clone(&ground.clock));
    let greylisting = Greylisting::new(settings, store.layout.data(), asked, &ground.registry);
    let judge = judge::judge(settings, &ground, &resolver, &directory, &metering, &greylisting);
    let judge = Arc::new(judge.with_scripts(Arc::clone(&scripts)));
    let channels = transfer::channels(settings, &ground, &judge)?;
    let authentication = transfer::authentication(settings, &ground, &resolver, &client_tls, &store.system)?;

    let Ground { clock, random, registry } = ground;
    Ok(Services {
        metering,
        greylisting,
        clock,
        random,
        registry,
        authentication: Arc::new(authentication),
        store,
        directory,
        logins,
        mail,
        queue,
        filters,
        host: settings.server.host.to_string(),
        scripts,
        content: Arc::new(content),
        channels: Arc::new(channels),
        resolver,
        judge,
        server_tls,
        client_tls,
    })
}
