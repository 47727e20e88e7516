//! The meter alone: no store is opened and no mail is handled; only the data folder's `run` holds the administration
//! socket. What it counts lives in memory, as it does everywhere.

use std::sync::Arc;

use net::http::Administration;
use net::{Clock, Door, Listener, Random, Registry, Shutdown, SystemClock, SystemRandom};
use storage::Layout;
use tokio::task::JoinSet;

use crate::compose;
use crate::control::door::Control;
use crate::control::request::Request;
use crate::failure::Failure;
use crate::metering::Metering;
use crate::notify;
use crate::roles::{Protocol, Role};
use crate::serve::meter_doors::MeterDoors;
use crate::serve::running::{Reloadable, Running};
use crate::serve::{Signals, bind, bind_control, end};
use crate::settings::Settings;
use crate::terminal::print;
use crate::verbs;

/// Whether nothing but the meter runs here.
pub fn is_meant(settings: &Settings) -> bool {
    settings.server.roles == [Role::Meter]
}

/// Serves the meter until somebody says stop.
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
    for folder in [layout.data().to_owned(), layout.run()] {
        compose::make_private(&folder)?;
    }
    let listeners = bind(&settings, None).await?;
    let bound = listeners.iter().map(|listener| (listener.protocol(), listener.address().clone())).collect();
    let reloadable = Reloadable { server_tls: None, metering: metering.clone(), filters: None };
    running.started(clock.now(), bound, reloadable);

    let control = bind_control(&layout).await?;
    let doors = MeterDoors::new(&settings, &metering, &random, &registry);
    let administration = Arc::new(Administration::new(registry.clone(), Arc::new(Vec::new)));
    let mut tasks = JoinSet::new();
    for listener in &listeners {
        print(&format!("listening {} {}\n", listener.protocol(), listener.address()))?;
    }
    for listener in listeners {
        if let Some(door) = door(&doors, &administration, &listener) {
            let (random, registry, token) = (Arc::clone(&random), registry.clone(), shutdown.token());
            tasks.spawn(async move { listener.run(door, random, &registry, token).await });
        }
    }
    let door = control_door(&running, metering);
    let (random, registry, token) = (random, registry, shutdown.token());
    tasks.spawn(async move { control.run(Arc::new(door), random, &registry, token).await });
    print("ready\n")?;
    notify::tell("READY=1");
    tracing::info!("ready");

    signals.wait(&running).await;
    end(&running, &shutdown, tasks, &mut signals).await;
    Ok(())
}

fn door(doors: &MeterDoors, administration: &Arc<Administration>, listener: &Listener) -> Option<Arc<dyn Door>> {
    match Protocol::from_name(listener.protocol())? {
        Protocol::Meter => doors.meter.clone(),
        Protocol::Policy => Some(Arc::clone(&doors.policy)),
        Protocol::Admin => Some(Arc::clone(administration) as Arc<dyn Door>),
        _ => None,
    }
}

/// Of what operators can ask, this is what makes sense without a store.
fn control_door(running: &Arc<Running>, metering: Metering) -> Control {
    let running = Arc::clone(running);
    Control::new(Arc::new(move |request, _tell| match request {
        Request::Meter(request) => verbs::meter::perform(&metering, request),
        Request::Server(request) => verbs::server::perform_without_store(&running, request),
        _ => Err(Failure::failed("only the meter runs here: there is no mail, no queue and no account")),
    }))
}
