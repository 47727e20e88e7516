//! Who answers what the policy must know. Everything has a time limit, and what asks programs and services of others
//! also a limit of how many at a time. What cannot be asked fails, and what depends on it then does not match.

use crate::judge::settings::Settings;
use crate::judge::{command, dns_list, http, people, socket};
use directory::directory::Directory;
use net::{BoxFuture, Clock, Random, Resolver};
use policy::limits::ANSWER_OCTETS_MAX;
use policy::lookup::{Answer, Lookup};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Whether asking may change anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effects {
    /// It may: a session is judged.
    On,
    /// It must not: this is an explanation. Counters are looked at; what has an effect of its own is not asked.
    Off,
}

/// Who answers.
pub trait Lookups: Send + Sync {
    /// Answers one look-up within its bounds.
    fn look_up<'a>(&'a self, settings: &'a Settings, lookup: &'a Lookup, effects: Effects) -> BoxFuture<'a, Answer>;
}

/// What the outside is asked with.
pub struct Parts {
    /// The name service.
    pub resolver: Arc<dyn Resolver>,
    /// Who there is.
    pub directory: Arc<dyn Directory>,
    /// Chances.
    pub random: Arc<dyn Random>,
    /// The time, from which series begin.
    pub clock: Arc<dyn Clock>,
    /// Who counts and greylists; without it such look-ups fail.
    pub counters: Option<Arc<dyn Lookups>>,
}

/// Asks the outside.
pub struct Outside {
    parts: Parts,
    running: Arc<Semaphore>,
    series: Mutex<HashMap<String, u64>>,
}

/// Series of numbers that are kept.
const SERIES_MAX: usize = 10_000;

/// The most that the settings can allow at a time.
const RUNNING_MOST: usize = 1_024;

impl Outside {
    /// Asks with these.
    pub fn new(parts: Parts) -> Outside {
        Outside { parts, running: Arc::new(Semaphore::new(RUNNING_MOST)), series: Mutex::default() }
    }

    async fn ask(&self, settings: &Settings, lookup: &Lookup, effects: Effects) -> Answer {
        match lookup {
            Lookup::Meter { .. } | Lookup::Greylist { .. } => match &self.parts.counters {
                Some(counters) => counters.look_up(settings, lookup, effects).await,
                None => Answer::Failed("nothing is configured that counts or greylists".to_owned()),
            },
            _ if effects == Effects::Off && lookup.has_effect() => {
                Answer::Failed("not asked, because asking would have an effect".to_owned())
            }
            Lookup::DnsList { zone, subject } => dns_list::ask(&*self.parts.resolver, zone, subject).await,
            Lookup::HostName { address } => dns_list::host_name(&*self.parts.resolver, *address).await,
            Lookup::Directory { field, key } => people::ask(&*self.parts.directory, *field, key).await,
            Lookup::Command { name, arguments } => command::ask(settings, name, arguments).await,
            Lookup::Http { url, body } => http::ask(&*self.parts.resolver, url, body.as_deref()).await,
            Lookup::Socket { path, line } => socket::ask(path, line).await,
            Lookup::Sequence { name, .. } => self.next_of(name),
            Lookup::Chance { millionths } => {
                let throw = self.parts.random.u64() % 1_000_000;
                if throw < u64::from(*millionths) { Answer::Found(String::new()) } else { Answer::NotFound }
            }
        }
    }

    /// Series begin with the milliseconds since 1970, so that none begins again after a restart.
    fn next_of(&self, name: &str) -> Answer {
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        if series.len() >= SERIES_MAX && !series.contains_key(name) {
            return Answer::Failed(format!("more than {SERIES_MAX} series"));
        }
        let next = series.entry(name.to_owned()).or_insert_with(|| self.parts.clock.now().0);
        *next += 1;
        Answer::Found(next.to_string())
    }
}

impl Lookups for Outside {
    fn look_up<'a>(&'a self, settings: &'a Settings, lookup: &'a Lookup, effects: Effects) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let asked = async {
                let is_outside = matches!(lookup, Lookup::Command { .. } | Lookup::Http { .. } | Lookup::Socket { .. });
                let share = RUNNING_MOST / settings.outside_max.clamp(1, RUNNING_MOST);
                let permits = if is_outside { u32::try_from(share).unwrap_or(1) } else { 0 };
                let _permit = self.running.acquire_many(permits).await;
                self.ask(settings, lookup, effects).await
            };
            match tokio::time::timeout(settings.lookup_timeout, asked).await {
                Ok(Answer::Found(text)) if text.len() > ANSWER_OCTETS_MAX => {
                    Answer::Failed(format!("the answer is over {ANSWER_OCTETS_MAX} octets"))
                }
                Ok(answer) => answer,
                Err(_) => Answer::Failed(format!("no answer within {} ms", settings.lookup_timeout.as_millis())),
            }
        })
    }
}

/// Knows nothing: for judges that have no policy yet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Lookups for Nobody {
    fn look_up<'a>(&'a self, _: &'a Settings, _: &'a Lookup, _: Effects) -> BoxFuture<'a, Answer> {
        Box::pin(async { Answer::Failed("nobody can be asked".to_owned()) })
    }
}
