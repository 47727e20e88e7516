//! The MTA-STS policies of others, fetched and kept (RFC 8461 §3.3, §5.1): what was fetched holds as long as it says, also
//! when neither name service nor web server answer, and over restarts.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use model::TraceId;
use net::fetch::Fetcher;
use net::{ClientTls, Resolver, ShutdownToken};
use serde::{Deserialize, Serialize};

use crate::authentication::signals::Signals;
use crate::authentication::store::Store;
use crate::authentication::sts::{self, Mode, PATH, Policy, host_of};

/// Seconds after a fetch that failed before the next (RFC 8461 §3.3 asks for five minutes at least).
const PAUSE_SECS: u64 = 300;
/// Domains whose failure is remembered.
const FAILURES_MAX: usize = 10_000;
/// A policy as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    identifier: String,
    fetched_secs: u64,
    policy: Policy,
}

impl Kept {
    /// The second at which a policy is over, as it is kept; what cannot be read is over.
    fn end_of(octets: &[u8]) -> u64 {
        let read = serde_json::from_slice::<Kept>(octets);
        read.map_or(0, |kept| kept.fetched_secs.saturating_add(kept.policy.max_age_secs))
    }

    fn holds(&self, now_secs: u64) -> bool {
        now_secs < self.fetched_secs.saturating_add(self.policy.max_age_secs)
    }
}

/// Policies of others.
pub struct Policies {
    store: Store,
    tls: ClientTls,
    failed: Mutex<HashMap<String, u64>>,
}

impl Policies {
    /// Kept in `store`, fetched with `tls`.
    pub fn new(store: Store, tls: ClientTls) -> Policies {
        Policies { store, tls, failed: Mutex::default() }
    }

    /// The policy that holds for a domain now; `None` when there is none, or none could be had.
    pub async fn of(
        &self,
        resolver: &dyn Resolver,
        signals: &Signals,
        domain: &str,
        now_secs: u64,
        shutdown: &ShutdownToken,
    ) -> Option<Policy> {
        let known = self.kept(domain).filter(|kept| kept.holds(now_secs));
        let in_force = |kept: Kept| Some(kept.policy).filter(|policy| policy.mode != Mode::None);
        let identifier = match resolver.txt(&format!("_mta-sts.{domain}")).await {
            Ok(texts) => sts::identifier(&texts),
            Err(error) if error.is_temporary() => {
                signals.policy_unknown(domain, &error.to_string());
                None
            }
            Err(_) => None,
        };
        let Some(identifier) = identifier else { return known.and_then(in_force) };
        if known.as_ref().is_some_and(|kept| kept.identifier == identifier) || self.rests(domain, now_secs) {
            return known.and_then(in_force);
        }
        let fetcher = Fetcher { resolver, tls: &self.tls, shutdown, trace: TraceId::default() };
        match self.fetch(&fetcher, domain).await {
            Ok(policy) => {
                let fresh = Kept { identifier, fetched_secs: now_secs, policy };
                if let Ok(text) = serde_json::to_vec(&fresh) {
                    match self.store.keep_policy(domain, text, Kept::end_of).await {
                        Ok(true) => signals.policy_dropped(),
                        Ok(false) => {}
                        Err(error) => signals.policy_unknown(domain, &format!("it could not be kept: {error}")),
                    }
                }
                in_force(fresh)
            }
            Err(why) => {
                signals.policy_unknown(domain, &why);
                self.note_failure(domain, now_secs);
                known.and_then(in_force)
            }
        }
    }

    async fn fetch(&self, fetcher: &Fetcher<'_>, domain: &str) -> Result<Policy, String> {
        let host = host_of(domain);
        let fetched = fetcher.get(&host, PATH).await.map_err(|error| {
            let reason = std::error::Error::source(&error).map_or_else(String::new, |why| format!(": {why}"));
            format!("{error}{reason}")
        })?;
        if fetched.status != 200 {
            return Err(format!("{host} answers {}", fetched.status));
        }
        if fetched.media_type != "text/plain" {
            return Err(format!("{host} hands out {} instead of text/plain", fetched.media_type));
        }
        sts::parse(&fetched.body).map_err(|why| format!("what {host} hands out is no policy: {why}"))
    }

    fn kept(&self, domain: &str) -> Option<Kept> {
        let text = self.store.policy(domain).ok().flatten()?;
        serde_json::from_slice(&text).ok()
    }

    fn rests(&self, domain: &str, now_secs: u64) -> bool {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.get(domain).is_some_and(|at| now_secs < at.saturating_add(PAUSE_SECS))
    }

    fn note_failure(&self, domain: &str, now_secs: u64) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.len() >= FAILURES_MAX {
            failed.retain(|_, at| now_secs < at.saturating_add(PAUSE_SECS));
        }
        if failed.len() < FAILURES_MAX {
            failed.insert(domain.to_owned(), now_secs);
        }
    }
}
