//! The meter and the greylister alone: no store is opened and no mail is handled; the data folder holds the administration
//! socket and the greylister's memory. What the meter counts lives in memory, as it does everywhere.

use std::sync::Arc;

use net::http::Web;
use net::http::administration::Administration;
use net::{Clock, Door, Random, Registry, Shutdown, SystemClock, SystemRandom};
use storage::Layout;
use tokio::task::JoinSet;

use crate::compose::network;
use crate::compose::private::make_private;
use crate::control::door::Control;
use crate::control::request::Request;
use crate::failure::Failure;
use crate::greylisting::Greylisting;
use crate::metering::Metering;
use crate::notify;
use crate::roles::{Protocol, Role};
use crate::serve::listening::{Served, bind};
use crate::serve::running::{Reloadable, Running};
use crate::serve::server_doors::ServerDoors;
use crate::serve::{Signals, bind_control, end};
use crate::settings::Settings;
use crate::terminal::print;
use crate::verbs;

/// Whether nothing but what other servers ask runs here.
pub fn is_meant(settings: &Settings) -> bool {
    let roles = &settings.server.roles;
    !roles.is_empty() && roles.iter().all(|role| matches!(role, Role::Meter | Role::Greylist))
}

/// Serves both until somebody says stop.
///
/// # Errors
/// Why it could not start.
pub async fn run(running: Arc<Running>) -> Result<(), Failure> {
    let settings = running.settings();
    let shutdown = Shutdown::new();
    let mut signals = Signals::new()?;
    let (clock, random): (Arc<dyn Clock>, Arc<dyn Random>) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let registry = Registry::new();
    let metering = Metering::new(&settings, &random, &registry);
    let layout = Layout::new(&settings.server.data);
    let asked = (network::resolver(&settings, &registry)?, Arc::clone(&clock));
    let greylisting = Greylisting::new(&settings, layout.data(), asked, &registry);
    for folder in [layout.data().to_owned(), layout.run()] {
        make_private(&folder)?;
    }
    let listeners = bind(&settings, None).await?;
    let bound = listeners.iter().map(|listener| (listener.name(), listener.address().clone())).collect();
    let reloadable = Reloadable { server_tls: None, metering: metering.clone(), filters: None, judge: None };
    running.started(clock.now(), bound, reloadable);

    let control = bind_control(&layout).await?;
    let doors = ServerDoors::new(&settings, metering.clone(), greylisting.clone(), &random, &registry);
    let administration = Arc::new(Web::new(Administration::new(registry.clone(), Arc::new(Vec::new))));
    let mut tasks = JoinSet::new();
    for listener in &listeners {
        print(&format!("listening {} {}\n", listener.name(), listener.address()))?;
    }
    greylisting.start(&random, &mut tasks, || shutdown.token())?;
    for listener in listeners {
        let served = match listener.protocol {
            Protocol::Admin => Some(Served::Stream(Arc::clone(&administration) as Arc<dyn Door>)),
            protocol => doors.of(protocol, listener.answers),
        };
        if let Some(served) = served {
            listener.run(served, &mut tasks, &random, &registry, shutdown.token());
        }
    }
    let door = control_door(&running, metering, greylisting.clone());
    let (random, registry, token) = (random, registry, shutdown.token());
    tasks.spawn(async move { control.run(Arc::new(door), random, &registry, token).await });
    print("ready\n")?;
    notify::tell("READY=1");
    tracing::info!("ready");

    signals.wait(&running).await;
    end(&running, &shutdown, tasks, &mut signals).await;
    tokio::task::block_in_place(|| greylisting.finish());
    Ok(())
}

/// Of what operators can ask, this is what makes sense without a store.
fn control_door(running: &Arc<Running>, metering: Metering, greylisting: Greylisting) -> Control {
    let running = Arc::clone(running);
    Control::new(Arc::new(move |request, _tell| match request {
        Request::Meter(request) => verbs::meter::perform(&metering, request),
        Request::Greylist(request) => verbs::greylist::perform(&greylisting.greylist, request),
        Request::Server(request) => verbs::server::perform_without_store(&running, request),
        _ => Err(Failure::failed(
            "only the meter and the greylister run here: there is no mail, no queue and no account",
        )),
    }))
}
