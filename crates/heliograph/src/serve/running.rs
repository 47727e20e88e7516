//! The running server as its operators see it: what it runs on, since when, where; how to reload it and end it.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use model::Timestamp;
use mta::filter::service::Filters;
use mta::judge::court::Judge;
use net::{ListenAddress, ServerTls};
use tokio::sync::Notify;

use crate::compose::certificates;
use crate::metering::Metering;
use crate::settings::{Changes, Settings};

/// The running server.
pub struct Running {
    file: PathBuf,
    settings: RwLock<Arc<Settings>>,
    started: OnceLock<Started>,
    stop: Notify,
}

/// What is known once it has started.
struct Started {
    at: Timestamp,
    listeners: Vec<(&'static str, ListenAddress)>,
    reloadable: Reloadable,
}

/// What a reload changes while it runs.
pub struct Reloadable {
    /// The certificates; `None` when nothing here speaks TLS.
    pub server_tls: Option<ServerTls>,
    /// The meter.
    pub metering: Metering,
    /// The policy; `None` when nothing here takes mail.
    pub judge: Option<Arc<Judge>>,
    /// Who judges whole messages; `None` where no mail comes in.
    pub filters: Option<Filters>,
}

/// Somebody asked the server to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop;

impl Running {
    /// A server about to start with settings from `file`.
    pub fn new(file: PathBuf, settings: Settings) -> Arc<Running> {
        Arc::new(Running {
            file,
            settings: RwLock::new(Arc::new(settings)),
            started: OnceLock::new(),
            stop: Notify::new(),
        })
    }

    /// Notes that it has started.
    pub fn started(&self, at: Timestamp, listeners: Vec<(&'static str, ListenAddress)>, reloadable: Reloadable) {
        let _once = self.started.set(Started { at, listeners, reloadable });
    }

    /// The settings that hold now.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes what the file says now for what holds: the program itself has just written its ports there.
    pub fn file_was_rewritten(&self) {
        let Ok(fresh) = Settings::load(&self.file) else { return };
        let mut settings = Settings::clone(&self.settings());
        settings.written = fresh.written;
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// Since when it runs.
    pub fn since(&self) -> Option<Timestamp> {
        self.started.get().map(|started| started.at)
    }

    /// What listens where.
    pub fn listeners(&self) -> &[(&'static str, ListenAddress)] {
        self.started.get().map_or(&[], |started| &started.listeners)
    }

    /// Reads the settings and certificates again. Connections stay. What cannot be used changes nothing.
    ///
    /// # Errors
    /// What is wrong with the new settings or certificates; the old ones hold.
    pub fn reload(&self) -> Result<Changes, String> {
        let reloaded = self.try_reload();
        match &reloaded {
            Ok(changes) if changes.need_restart.is_empty() => {
                tracing::info!(applied = changes.applied.len(), "settings and certificates reloaded");
            }
            Ok(changes) => {
                let waiting = changes.need_restart.iter().cloned().collect::<Vec<_>>().join(", ");
                tracing::warn!(waiting, "settings reloaded; these changes need a restart");
            }
            Err(why) => tracing::error!("nothing was reloaded, the old settings hold: {why}"),
        }
        reloaded
    }

    fn try_reload(&self) -> Result<Changes, String> {
        let old = self.settings();
        let mut fresh = Settings::load(&self.file).map_err(|failure| failure.to_string())?;
        // The data folder cannot move under a running server, and --data may have said another one.
        fresh.server.data.clone_from(&old.server.data);
        let changes = old.changes(&fresh);
        if let Some(started) = self.started.get() {
            if let Some(server_tls) = &started.reloadable.server_tls {
                let certificates = certificates::load(&fresh).map_err(|failure| failure.to_string())?;
                server_tls.replace(certificates).map_err(|error| error.to_string())?;
            }
            started.reloadable.metering.reload(&fresh);
            if let Some(judge) = &started.reloadable.judge {
                // The files that the settings name may have changed without them.
                judge.replace(fresh.policy.compiled(), fresh.policy.manner.clone());
            }
            if let Some(filters) = &started.reloadable.filters {
                filters.replace(fresh.filters.clone());
            }
        }
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
        Ok(changes)
    }

    /// Asks the server to end.
    pub fn ask_to_stop(&self) {
        self.stop.notify_one();
    }

    /// Returns when the server was asked to end.
    pub async fn stop_asked(&self) -> Stop {
        self.stop.notified().await;
        Stop
    }
}
