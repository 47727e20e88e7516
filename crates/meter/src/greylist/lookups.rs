//! Asking the lists: every name once at a time, however many deliveries wait for it, with a short memory for the answers.
//!
//! A question goes on when the delivery that asked has no more time: its answer is there for the next one. So a list that is
//! slower than the time limit is of use when the client comes again.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use net::{BoxFuture, DnsError, Resolver};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use crate::greylist::limits::{ANSWERS_MAX, FAILURE_KEPT};
use crate::greylist::signals::Signals;

/// What the name service said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// These addresses.
    Addresses(Arc<[Ipv4Addr]>),
    /// There is nothing of that name.
    Nothing,
    /// It did not say.
    Failed,
}

/// A name that was asked for.
#[derive(Clone, Debug)]
enum Held {
    Known { answer: Answer, until: Instant },
    Asked(watch::Receiver<Option<Answer>>),
}

/// Answers in two halves: when the younger is full it becomes the older, and the older is forgotten.
#[derive(Debug, Default)]
struct Cache {
    young: HashMap<String, Held>,
    old: HashMap<String, Held>,
}

impl Cache {
    fn find(&self, name: &str, now: Instant) -> Option<&Held> {
        let held = self.young.get(name).or_else(|| self.old.get(name))?;
        match held {
            Held::Known { until, .. } if *until <= now => None,
            held => Some(held),
        }
    }

    fn put(&mut self, name: String, held: Held) {
        if self.young.len() >= ANSWERS_MAX / 2 && !self.young.contains_key(&name) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(name, held);
    }
}

/// Who asks the lists.
pub struct Lookups {
    resolver: Arc<dyn Resolver>,
    cache: Mutex<Cache>,
    running: Arc<Semaphore>,
    kept: Duration,
    signals: Arc<Signals>,
}

impl Lookups {
    /// At most `at_once_max` questions are under way at a time; answers are remembered for `kept`.
    pub fn new(resolver: Arc<dyn Resolver>, at_once_max: usize, kept: Duration, signals: Arc<Signals>) -> Arc<Lookups> {
        let running = Arc::new(Semaphore::new(at_once_max.min(Semaphore::MAX_PERMITS)));
        Arc::new(Lookups { resolver, cache: Mutex::default(), running, kept, signals })
    }

    /// The answer about a name, at once when it is remembered. Must be called within tokio.
    pub fn ask(self: &Arc<Self>, name: String) -> Asked {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        match cache.find(&name, Instant::now()) {
            Some(Held::Known { answer, .. }) => return Asked::Now(answer.clone()),
            Some(Held::Asked(told)) => return Asked::Later(Box::pin(heard(told.clone()))),
            None => {}
        }
        let Ok(permit) = Arc::clone(&self.running).try_acquire_owned() else {
            self.signals.lookups_exhausted();
            return Asked::Now(Answer::Failed);
        };
        let (tell, told) = watch::channel(None);
        cache.put(name.clone(), Held::Asked(told.clone()));
        drop(cache);
        let lookups = Arc::clone(self);
        tokio::spawn(async move {
            let answer = lookups.resolve(&name).await;
            lookups.remember(name, answer.clone());
            // Whoever waited may have run out of time.
            let _nobody = tell.send(Some(answer));
            drop(permit);
        });
        Asked::Later(Box::pin(heard(told)))
    }

    async fn resolve(&self, name: &str) -> Answer {
        match self.resolver.ipv4(name).await {
            Ok(addresses) => {
                self.signals.name_found();
                Answer::Addresses(addresses.into())
            }
            Err(DnsError::Temporary { .. }) => {
                self.signals.list_failed(name);
                Answer::Failed
            }
            Err(_) => {
                self.signals.name_absent();
                Answer::Nothing
            }
        }
    }

    fn remember(&self, name: String, answer: Answer) {
        let kept = if answer == Answer::Failed { self.kept.min(FAILURE_KEPT) } else { self.kept };
        let held = Held::Known { answer, until: Instant::now() + kept };
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).put(name, held);
    }

    /// Names that are remembered or being asked for.
    pub fn len(&self) -> usize {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.young.len() + cache.old.len()
    }

    /// Whether no name is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

async fn heard(mut told: watch::Receiver<Option<Answer>>) -> Answer {
    // The sender goes without a word only when the program ends.
    match told.wait_for(Option::is_some).await {
        Ok(answer) => answer.clone().unwrap_or(Answer::Failed),
        Err(_) => Answer::Failed,
    }
}

/// An answer, now or later.
pub enum Asked {
    /// It is known.
    Now(Answer),
    /// It is on its way.
    Later(BoxFuture<'static, Answer>),
}

/// Waits for the first of several answers and takes it out. The list must not be empty.
pub async fn first<T: Copy>(open: &mut Vec<(T, BoxFuture<'static, Answer>)>) -> (T, Answer) {
    std::future::poll_fn(|cx| {
        let ready = open.iter_mut().enumerate().find_map(|(place, (_, answer))| match answer.as_mut().poll(cx) {
            std::task::Poll::Ready(answer) => Some((place, answer)),
            std::task::Poll::Pending => None,
        });
        match ready {
            Some((place, answer)) => std::task::Poll::Ready((open.swap_remove(place).0, answer)),
            None => std::task::Poll::Pending,
        }
    })
    .await
}

#[cfg(test)]
mod tests;
