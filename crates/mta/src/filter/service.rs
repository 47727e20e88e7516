//! The filters that hold now, asked about one message side by side.

use crate::filter::action;
use crate::filter::concern;
use crate::filter::engine::{Answer, Engine};
use crate::filter::failure::Failure;
use crate::filter::original::Original;
use crate::filter::settings::{Filter, Protocol, SpamdCommand};
use crate::filter::wildcard;
use net::{Registry, Resolver};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::task::JoinSet;

/// All filters. Cheap to clone; every clone sees what is replaced.
#[derive(Clone)]
pub struct Filters {
    inner: Arc<Inner>,
}

struct Inner {
    engines: RwLock<Arc<Vec<Arc<Engine>>>>,
    resolver: Arc<dyn Resolver>,
    registry: Registry,
}

/// What one filter said of a message.
pub struct Said {
    /// The filter.
    pub engine: Arc<Engine>,
    /// The places of the recipients for whom it was asked.
    pub places: Vec<usize>,
    /// Its answer, or why there is none. `None` when the message is larger than it is shown.
    pub answer: Option<Result<Answer, Failure>>,
}

impl Said {
    /// The verdict by the name that the settings give it; `None` is the null verdict, or no answer.
    pub fn verdict(&self) -> Option<&str> {
        let report = &self.answer.as_ref()?.as_ref().ok()?.report;
        report.verdict.as_ref().map(|own| self.engine.filter.verdict.as_ref().unwrap_or(own).as_str())
    }

    /// The script for its verdict, if the settings have one.
    pub fn script(&self) -> Option<String> {
        self.answer.as_ref()?.as_ref().ok()?;
        let filter = &self.engine.filter;
        let action = match self.verdict() {
            None => filter.null_action.as_ref(),
            Some(verdict) => {
                let fitting = filter.verdicts.iter().find(|(pattern, _)| wildcard::matches(pattern, verdict));
                fitting.map(|(_, action)| action).or(filter.string_action.as_ref())
            }
        };
        action.map(|action| action::script(action, self.verdict().unwrap_or_default()))
    }
}

/// How a filter is, for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its settings.
    pub filter: Filter,
    /// Whether it answered last time.
    pub is_up: bool,
    /// Hosts that are left alone for a moment because they failed.
    pub resting: Vec<String>,
    /// Messages in which it found nothing.
    pub clean: u64,
    /// Messages in which it found something.
    pub found: u64,
    /// Messages about which it gave no answer.
    pub failed: u64,
}

impl Filters {
    /// These filters.
    pub fn new(filters: Vec<Filter>, resolver: Arc<dyn Resolver>, registry: &Registry) -> Filters {
        let inner = Inner { engines: RwLock::default(), resolver, registry: registry.clone() };
        let all = Filters { inner: Arc::new(inner) };
        all.replace(filters);
        all
    }

    /// Takes other settings. A filter whose settings stay keeps its connections and what is known of its hosts; messages
    /// that are being judged are judged to the end by the old ones.
    pub fn replace(&self, filters: Vec<Filter>) {
        let old = self.engines();
        let engine = |filter: Filter| match old.iter().find(|engine| engine.filter == filter) {
            Some(engine) => Arc::clone(engine),
            None => Arc::new(Engine::new(filter, Arc::clone(&self.inner.resolver), &self.inner.registry)),
        };
        let engines = Arc::new(filters.into_iter().map(engine).collect());
        *self.inner.engines.write().unwrap_or_else(PoisonError::into_inner) = engines;
    }

    /// Those that hold now, by number.
    pub fn engines(&self) -> Arc<Vec<Arc<Engine>>> {
        Arc::clone(&self.inner.engines.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.engines().is_empty()
    }

    /// Copies of a message that are held while it is judged: the one that all filters look at, the one that is changed, and
    /// one for each filter that may send it back.
    pub fn copies(&self) -> usize {
        let sends_back = |engine: &&Arc<Engine>| match engine.filter.protocol {
            Protocol::Milter | Protocol::Icap => true,
            Protocol::Spamd => engine.filter.spamd_command == SpamdCommand::Process,
            Protocol::Rspamd | Protocol::Clamd => false,
        };
        2 + self.engines().iter().filter(sends_back).count()
    }

    /// Asks all that are concerned, side by side, and gives their answers in the order of their numbers.
    pub async fn ask(&self, original: &Arc<Original>) -> Vec<Said> {
        let mut tasks = JoinSet::new();
        let mut all: Vec<Said> = Vec::new();
        for engine in self.engines().iter() {
            let places = concern::places(&engine.filter.concern, original);
            if places.is_empty() {
                continue;
            }
            let octets = original.message.len();
            if u64::try_from(octets).unwrap_or(u64::MAX) > engine.filter.message_octets_max {
                engine.signals.oversized(original.trace, octets);
                all.push(Said { engine: Arc::clone(engine), places, answer: None });
                continue;
            }
            let (engine, original) = (Arc::clone(engine), Arc::clone(original));
            tasks.spawn(async move {
                let answer = Some(engine.ask(&original, &places).await);
                Said { engine, places, answer }
            });
        }
        // A task ends by itself within its filter's time; one that breaks is a fault of ours and says nothing.
        while let Some(said) = tasks.join_next().await {
            match said {
                Ok(said) => all.push(said),
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
        all.sort_by_key(|said| said.engine.filter.number);
        all
    }

    /// How all are.
    pub fn status(&self) -> Vec<Status> {
        let of = |engine: &Arc<Engine>| {
            let (clean, found, failed) = engine.signals.counts();
            let resting = engine.hosts().filter(|(_, rests)| *rests).map(|(host, _)| host.to_string()).collect();
            Status { filter: engine.filter.clone(), is_up: engine.signals.is_up(), resting, clean, found, failed }
        };
        self.engines().iter().map(of).collect()
    }
}
