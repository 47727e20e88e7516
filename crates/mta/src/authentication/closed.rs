//! A cache that knows everything and never asks: the library is handed the public keys that our own name service found,
//! and what is not among them counts as out of reach. So the library's resolver is never used.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use mail_auth::common::parse::TxtRecordParser;
use mail_auth::common::verify::DomainKey;
use mail_auth::hickory_resolver::config::{ResolverConfig, ResolverOpts};
use mail_auth::hickory_resolver::proto::op::ResponseCode;
use mail_auth::{DnsError, Error, MessageAuthenticator, ResolverCache, Txt};
use net::Resolver;

use crate::authentication::keys::Kept;

/// Bits below which an RSA key proves nothing (RFC 8301 §3.2).
const RSA_BITS_MIN: usize = 1024;

/// The keys of one message.
#[derive(Default)]
pub struct Closed {
    keys: HashMap<Box<str>, Txt>,
}

impl ResolverCache<Box<str>, Txt> for Closed {
    fn get<Q>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let known = self.keys.get(name).cloned();
        Some(known.unwrap_or_else(|| Txt::Error(Error::Dns(DnsError::Resolver("not asked for".to_owned())))))
    }

    fn remove<Q>(&self, _name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, _key: Box<str>, _value: Txt, _until: Instant) {}
}

impl Closed {
    /// Asks for each of these names once and all at the same time; what has not come within `patience` is out of reach.
    pub async fn fetch(resolver: &dyn Resolver, names: Vec<String>, patience: Duration) -> Closed {
        let mut wanted: Vec<Box<str>> = names.iter().map(|name| name.to_lowercase().into_boxed_str()).collect();
        wanted.sort();
        wanted.dedup();
        let late = || Txt::Error(Error::Dns(DnsError::Resolver("no answer in time".to_owned())));
        let mut asked: Vec<_> = wanted
            .iter()
            .map(|name| Box::pin(tokio::time::timeout(patience, fetch_key(resolver, name))))
            .map(|question| (question, None))
            .collect();
        std::future::poll_fn(|context| {
            let mut is_done = true;
            for (question, answer) in asked.iter_mut().filter(|(_, answer)| answer.is_none()) {
                match question.as_mut().poll(context) {
                    Poll::Ready(key) => *answer = Some(key.unwrap_or_else(|_| late())),
                    Poll::Pending => is_done = false,
                }
            }
            if is_done { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        let answers: Vec<Txt> = asked.into_iter().map(|(_, answer)| answer.unwrap_or_else(late)).collect();
        Closed { keys: wanted.into_iter().zip(answers).collect() }
    }
}

impl Closed {
    /// Our own keys, which need not be asked for.
    pub fn of_ours(keys: &[Kept]) -> Closed {
        let known = keys.iter().filter_map(|key| {
            let name = format!("{}.", key.record_name()).to_lowercase().into_boxed_str();
            let parsed = DomainKey::parse(key.record_text().as_bytes()).ok()?;
            Some((name, Txt::DomainKey(Arc::new(parsed))))
        });
        Closed { keys: known.collect() }
    }
}

async fn fetch_key(resolver: &dyn Resolver, name: &str) -> Txt {
    let missing = || Txt::Error(Error::Dns(DnsError::RecordNotFound(ResponseCode::NXDomain)));
    let Ok(ascii) = idna::domain_to_ascii(name) else { return missing() };
    let texts = match resolver.txt(if name.is_ascii() { name } else { &ascii }).await {
        Ok(texts) => texts,
        Err(error) if error.is_temporary() => return Txt::Error(Error::Dns(DnsError::Resolver(error.to_string()))),
        Err(_) => return missing(),
    };
    let mut outcome = missing();
    for text in texts {
        outcome = match DomainKey::parse(text.as_bytes()) {
            Ok(key) if key.p.public_key_bits() < RSA_BITS_MIN => {
                Txt::Error(Error::Io("the key is too short to prove anything".to_owned()))
            }
            Ok(key) => return Txt::DomainKey(Arc::new(key)),
            Err(error) => Txt::Error(error),
        };
    }
    outcome
}

/// The library's entry, with a resolver that has nobody to ask.
///
/// # Errors
/// Why the library could not be set up.
pub fn verifier() -> Result<MessageAuthenticator, String> {
    let nobody = ResolverConfig::from_parts(None, Vec::new(), Vec::new());
    MessageAuthenticator::new(nobody, ResolverOpts::default()).map_err(|error| error.to_string())
}
