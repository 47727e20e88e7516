//! `heliograph serve`: everything joined, listening, until somebody says stop.
//!
//! Start: settings, log, services, all addresses bound, doors opened, `ready`. Stop: listeners closed, connections
//! asked to finish, cut off when time is up, store closed.

mod alone;
pub mod demo;
pub mod doors;
mod listening;
pub mod manner;
pub mod running;
mod server_doors;
mod upkeep;

use std::sync::Arc;
use std::time::Duration;

use mail::moves::Mover;
use mta::filter::training::Training;
use net::{ListenAddress, Listener, ListenerSettings, Shutdown, TlsUse};
use storage::Layout;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;

use crate::compose::{self, Services};
use crate::context::Context;
use crate::control::door::Control;
use crate::control::request;
use crate::failure::Failure;
use crate::logging;
use crate::notify;
use crate::operations::Operations;
use crate::roles::Role;
use crate::serve::doors::Doors;
use crate::serve::listening::{Listening, bind};
use crate::serve::manner::Manner;
use crate::serve::running::{Reloadable, Running, Stop};
use crate::settings::Settings;
use crate::terminal::print;

/// Runs the server until it is told to end.
///
/// # Errors
/// Why it could not start.
pub fn serve(context: &Context, roles: &[String]) -> Result<(), Failure> {
    let file = context.settings_file();
    let mut settings = Settings::load(&file)?;
    if let Some(data) = &context.data {
        settings.server.data = std::path::absolute(data).unwrap_or_else(|_| data.clone());
    }
    if !roles.is_empty() {
        settings.keep_roles(&parse_roles(roles)?);
    }
    logging::start(&settings.log)?;
    let runtime = runtime(&settings)?;
    if alone::is_meant(&settings) {
        return runtime.block_on(alone::run(Running::new(file, settings)));
    }
    runtime.block_on(run(Running::new(file, settings), Manner::Service, |_| Ok(())))
}

fn parse_roles(names: &[String]) -> Result<Vec<Role>, Failure> {
    let unknown = |name: &String| Failure::usage(format!("{name} is no role; there are {}", Role::NAMES.join(", ")));
    names.iter().map(|name| Role::from_name(name).ok_or_else(|| unknown(name))).collect()
}

/// Threads to serve with.
fn runtime(settings: &Settings) -> Result<tokio::runtime::Runtime, Failure> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if settings.server.threads > 0 {
        builder.worker_threads(settings.server.threads);
    }
    builder.enable_all().build().map_err(|error| Failure::failed("cannot start threads").because(error))
}

/// Serves. `announce` is called when all addresses are taken and printed, before anybody is let in.
async fn run(
    running: Arc<Running>,
    manner: Manner,
    announce: impl FnOnce(&Bound<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let settings = running.settings();
    let shutdown = Shutdown::new();
    let mut signals = Signals::new()?;
    let services = compose::compose(&settings)?;
    let listeners = bind(&settings, Some(&services.server_tls)).await?;
    let bound = listeners.iter().map(|listener| (listener.name(), listener.address().clone())).collect();
    let (server_tls, metering) = (Some(services.server_tls.clone()), services.metering.clone());
    let (filters, judge) = (Some(services.filters.clone()), Some(Arc::clone(&services.judge)));
    running.started(services.clock.now(), bound, Reloadable { server_tls, metering, filters, judge });

    let control = bind_control(&services.store.layout).await?;
    let operations =
        Operations { services: services.clone(), running: Some(Arc::clone(&running)), settings: Arc::clone(&settings) };
    let operated = Control::new(Arc::new(move |request, tell| request::perform(&operations, request, tell)));
    let doors = Doors::new(&settings, &services, &running, manner);
    let mut tasks = JoinSet::new();
    for listener in &listeners {
        print(&format!("listening {} {}\n", listener.name(), listener.address()))?;
    }
    announce(&Bound { services: &services, settings: &settings, listeners: &listeners })?;
    services.greylisting.start(&services.random, &mut tasks, || shutdown.token())?;
    for listener in listeners {
        if let Some(served) = doors.of(listener.protocol, listener.answers) {
            listener.run(served, &mut tasks, &services.random, &services.registry, shutdown.token());
        }
    }
    let (random, registry, token) = (Arc::clone(&services.random), services.registry.clone(), shutdown.token());
    tasks.spawn(async move { control.run(Arc::new(operated), random, &registry, token).await });
    let training = Arc::new(Training::new(services.filters.clone(), &services.registry));
    services.mail.tell_moves(Arc::clone(&training) as Arc<dyn Mover>);
    tasks.spawn(training.run(services.mail.clone(), shutdown.token()));
    let (authentication, queue) = (Arc::clone(&services.authentication), services.queue.clone());
    tasks.spawn(mta::authentication::daily::run(authentication, queue, shutdown.token()));
    tasks.spawn(mta::delivery::start(agents(&settings, &services), shutdown.token()));
    let grace = Duration::from_secs(settings.directory.deleted_kept_secs);
    tasks.spawn(Arc::clone(&services.scripts).watch(shutdown.token()));
    tasks.spawn(upkeep::run(services.clone(), grace, shutdown.token()));
    print("ready\n")?;
    notify::tell("READY=1");
    tracing::info!("ready");

    signals.wait(&running).await;
    end(&running, &shutdown, tasks, &mut signals).await;
    tokio::task::block_in_place(|| services.greylisting.finish());
    if let Err(error) = services.queue.write_notes().await {
        tracing::warn!(reason = %error, "the last events of messages could not be written");
    }
    services.store.close();
    Ok(())
}

/// What is known when all addresses are taken.
pub struct Bound<'a> {
    /// The services.
    pub services: &'a Services,
    /// The settings.
    pub settings: &'a Settings,
    /// The listeners.
    pub listeners: &'a [Listening],
}

/// The agents that take mail from the queue.
fn agents(settings: &Settings, services: &Services) -> Arc<mta::delivery::Service> {
    let parts = mta::delivery::Parts {
        queue: services.queue.clone(),
        mail: services.mail.clone(),
        scripts: Arc::clone(&services.scripts),
        directory: Arc::new(services.directory.clone()),
        resolver: Arc::clone(&services.resolver),
        tls: services.client_tls.clone(),
        content: Arc::clone(&services.content),
        channels: Arc::clone(&services.channels),
        authentication: Arc::clone(&services.authentication),
        random: Arc::clone(&services.random),
    };
    let queue = &settings.queue;
    let chosen = mta::delivery::settings::Settings {
        agents: queue.channels.iter().map(|(channel, choice)| (*channel, choice.agents)).collect(),
        message_octets_max: queue
            .channels
            .iter()
            .map(|(channel, choice)| (*channel, choice.message_octets_max))
            .collect(),
        destination_agents: queue.destination_agents,
        rules: queue.rules.clone(),
        source_v4: queue.source_v4,
        source_v6: queue.source_v6,
        connect_timeout: queue.connect_timeout,
        idle_kept: queue.idle_kept,
        connection_messages: queue.connection_messages,
        ..mta::delivery::settings::Settings::new(settings.server.host.as_str())
    };
    Arc::new(mta::delivery::Service::new(chosen, parts, &services.registry))
}

/// The administration socket: for the owner of the data only.
async fn bind_control(layout: &Layout) -> Result<Listener, Failure> {
    let address = ListenAddress::Unix(layout.admin_socket());
    let settings = ListenerSettings { unix_mode: 0o600, ..ListenerSettings::new("control", address, TlsUse::Never) };
    Listener::bind(settings).await.map_err(|error| Failure::failed("cannot start").because(error))
}

/// Asks everybody to finish, waits, and cuts off who is left.
async fn end(running: &Running, shutdown: &Shutdown, mut tasks: JoinSet<()>, signals: &mut Signals) {
    let grace = running.settings().server.shutdown_grace;
    notify::tell("STOPPING=1");
    tracing::info!(grace_seconds = grace.as_secs(), "ending: connections may finish");
    shutdown.drain();
    let finished = async { while tasks.join_next().await.is_some() {} };
    let mut finished = std::pin::pin!(finished);
    tokio::select! {
        () = finished.as_mut() => return,
        () = tokio::time::sleep(grace) => {}
        () = signals.hurry() => tracing::info!("asked again to end: not waiting any longer"),
    }
    shutdown.stop();
    // Cutting off is quick; a task that hangs nevertheless must not keep the store open.
    let _hung = tokio::time::timeout(CUT_OFF, finished).await;
}

/// Time for connections that are cut off to vanish.
const CUT_OFF: Duration = Duration::from_secs(5);

/// The signals that we heed.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> Result<Signals, Failure> {
        let listen = |kind| signal(kind).map_err(|error| Failure::failed("cannot hear signals").because(error));
        Ok(Signals {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// Returns when the server shall end; reloads when it shall reload.
    async fn wait(&mut self, running: &Arc<Running>) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
                Stop = running.stop_asked() => return,
                _ = self.hang_up.recv() => {
                    notify::tell("RELOADING=1");
                    // What came of it is in the log.
                    let _told = running.reload();
                    notify::tell("READY=1");
                }
            }
        }
    }

    /// Returns when somebody asks a second time.
    async fn hurry(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
