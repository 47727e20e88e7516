//! What sessions, agents and operators share about authentication.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use mail_auth::MessageAuthenticator;
use model::TraceId;
use net::{ClientTls, Clock, Random, Registry, Resolver, ShutdownToken};
use storage::Partition;
use tokio::sync::Semaphore;

use crate::authentication::check::{self, Inquiry, Workers};
use crate::authentication::closed::{self, Closed};
use crate::authentication::facts::Collector;
use crate::authentication::forged;
use crate::authentication::keys::{KeyError, KeyRing};
use crate::authentication::policies::Policies;
use crate::authentication::results::{Dkim, Results, Verdict};
use crate::authentication::settings::Settings;
use crate::authentication::sign;
use crate::authentication::signals::Signals;
use crate::authentication::srs::Rewriter;
use crate::authentication::store::Store;
use crate::authentication::sts::Policy;
use crate::authentication::trimmed::Trimmed;

/// Octets of the secret for rewritten senders.
const SECRET_OCTETS: usize = 32;

/// Everything that authentication needs, handed in.
pub struct Parts {
    /// Who knows names.
    pub resolver: Arc<dyn Resolver>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Random numbers, for secrets.
    pub random: Arc<dyn Random>,
    /// Whom to trust when policies are fetched.
    pub tls: ClientTls,
    /// The system partition.
    pub partition: Partition,
    /// The data folder.
    pub data: PathBuf,
}

/// Checks, keys and rewriting.
pub struct Authentication {
    pub(crate) settings: Settings,
    pub(crate) parts: Parts,
    pub(crate) signals: Signals,
    verifier: MessageAuthenticator,
    workers: Workers,
    /// Our keys.
    pub keys: KeyRing,
    rewriter: Option<Rewriter>,
    policies: Policies,
    pub(crate) collector: Collector,
    /// Who has a report to others of which the rest waits; at most some addresses of each report that is due.
    pub(crate) told: Mutex<BTreeSet<(u32, String, String)>>,
    /// Who reads a report of others.
    pub(crate) report_turn: Arc<Semaphore>,
    /// What is kept.
    pub store: Store,
}

/// Why authentication cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// Keys that cannot be read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The library.
    #[error("the library for signatures cannot be used: {0}")]
    Library(String),
    /// The system partition.
    #[error("cannot use the system partition")]
    Store(#[source] storage::Error),
    /// The secret for rewritten senders.
    #[error("cannot keep the secret for rewritten senders in {}", path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Authentication {
    /// Reads keys and secrets. Blocks.
    ///
    /// # Errors
    /// [`SetUpError`].
    pub fn open(settings: Settings, parts: Parts, registry: &Registry) -> Result<Authentication, SetUpError> {
        let verifier = closed::verifier().map_err(SetUpError::Library)?;
        let keys = KeyRing::open(&parts.data.join("dkim"))?;
        let rewriter = match &settings.rewrite {
            Some(domain) => Some(Rewriter::new(domain.as_str(), secret(&parts)?)),
            None => None,
        };
        let store = Store::open(parts.partition.clone()).map_err(SetUpError::Store)?;
        let policies = Policies::new(store.clone(), parts.tls.clone());
        let signals = Signals::new(registry);
        Ok(Authentication {
            settings,
            parts,
            signals,
            verifier,
            workers: Workers::default(),
            keys,
            rewriter,
            policies,
            collector: Collector::default(),
            told: Mutex::default(),
            report_turn: Arc::new(Semaphore::new(1)),
            store,
        })
    }

    /// What was chosen.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Who knows names.
    pub fn resolver(&self) -> &Arc<dyn Resolver> {
        &self.parts.resolver
    }

    /// Seconds of now.
    pub fn now_secs(&self) -> u64 {
        self.parts.clock.now().0 / 1000
    }

    /// Finds out everything about a message. What takes too long counts as a temporary error.
    pub async fn check(&self, trace: TraceId, inquiry: Inquiry<'_>) -> Results {
        let results = check::check(&*self.parts.resolver, &self.verifier, &self.workers, inquiry).await;
        if results.is_slow {
            self.signals.slow(trace);
        }
        results
    }

    /// The MTA-STS policy of another domain that holds now, if such policies are followed.
    pub async fn policy_of(&self, domain: &str, shutdown: &ShutdownToken) -> Option<Policy> {
        if !self.settings.mta_sts {
            return None;
        }
        let (resolver, signals) = (&*self.parts.resolver, &self.signals);
        self.policies.of(resolver, signals, domain, self.now_secs(), shutdown).await
    }

    /// A message of ours that was changed after it was signed - by a disclaimer, say - signed again; `None` when we had not
    /// signed it for its author. That we had is proven by our own signature, since nothing else tells who brought the message.
    pub async fn sign_again(&self, before: &[u8], after: &[u8]) -> Option<Vec<u8>> {
        let kept = self.keys.list(None);
        let ours = |domain: &str, selector: &str| {
            kept.iter().any(|key| key.domain.eq_ignore_ascii_case(domain) && key.selector == selector)
        };
        let author = sign::author_domain(before)?;
        let is_proven = self.workers.run(before.len(), || {
            let trimmed = Trimmed::new(before)?;
            let parsed = trimmed.parse()?;
            let has_ours = parsed.message.dkim_headers.iter().any(|one| ours(&one.header.d, &one.header.s));
            let found = has_ours.then(|| check::verify(&self.verifier, &parsed.message, &Closed::of_ours(&kept)))?;
            let is_for =
                |domain: &str| author.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
            let is_proof =
                |one: &Dkim| one.verdict == Verdict::Pass && ours(&one.domain, &one.selector) && is_for(&one.domain);
            found.iter().any(is_proof).then_some(())
        });
        let Some(is_proven) = is_proven.await else {
            self.signals.sign_failed(TraceId::default(), &author, "there was no time to see whether it was ours");
            return None;
        };
        is_proven?;
        let is_ours = |field: &message::header::Field<'_>| {
            field.is("DKIM-Signature")
                && mail_auth::dkim::Signature::parse(field.value).is_ok_and(|one| ours(&one.d, &one.s))
        };
        let (bare, _) = forged::cut(after, is_ours);
        let domain = sign::author_domain(&bare).filter(|domain| *domain == author)?;
        let keys = self.keys.active(&domain);
        match sign::sign(keys.iter().map(|key| &**key), &bare) {
            Ok(mut fields) => {
                fields.extend_from_slice(&bare);
                Some(fields)
            }
            Err(why) => {
                self.signals.sign_failed(TraceId::default(), &domain, &why);
                None
            }
        }
    }

    /// Who rewrites senders, if anybody does.
    pub fn rewriter(&self) -> Option<&Rewriter> {
        self.rewriter.as_ref()
    }
}

/// The secret of the data folder, made when there is none.
fn secret(parts: &Parts) -> Result<Vec<u8>, SetUpError> {
    let path = parts.data.join("rewriting.key");
    let failed = |source| SetUpError::Secret { path: path.clone(), source };
    match std::fs::read(&path) {
        Ok(secret) if secret.len() >= SECRET_OCTETS => return Ok(secret),
        Ok(_) => return Err(failed(std::io::Error::other("the file is too short; restore or remove it"))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let numbers = (0..SECRET_OCTETS / 8).map(|_| parts.random.u64().to_be_bytes());
    let secret: Vec<u8> = numbers.flatten().collect();
    write_private(&path, &secret).map_err(failed)?;
    Ok(secret)
}

/// Writes a file that only its owner can read.
fn write_private(path: &Path, octets: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(octets)?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
