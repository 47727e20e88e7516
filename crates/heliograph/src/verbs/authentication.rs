//! Keys that sign a domain's mail.

use std::sync::Arc;

use model::Domain;
use mta::authentication::keys::{Algorithm, Kept, KeyError, State};
use mta::authentication::records::{self, Here, Record};
use mta::authentication::service::Authentication;
use net::ListenAddress;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::compose::certificates::own_tlsa;
use crate::failure::Failure;
use crate::operations::{Operations, report};

/// What can be asked about authentication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthenticationRequest {
    /// Make keys for a domain.
    CreateKeys {
        /// Whose.
        domain: String,
        /// The name of the key when there is one alone; made from the month when there is none.
        selector: Option<String>,
        /// Which; both when there is none.
        algorithm: Option<Algorithm>,
    },
    /// The keys of a domain, or of all.
    ListKeys {
        /// Whose.
        domain: Option<String>,
    },
    /// The next step of replacing a domain's keys: new ones are made, or those that wait begin to sign.
    RotateKeys {
        /// Whose.
        domain: String,
        /// Whether they begin though their records are not published.
        unpublished: bool,
    },
    /// What a domain publishes.
    Records {
        /// Whose.
        domain: String,
        /// Whether to ask the name service about each.
        check: bool,
    },
    /// Let a key sign no more.
    RetireKey {
        /// Whose.
        domain: String,
        /// Its name.
        selector: String,
        /// Whether its file goes too.
        remove: bool,
    },
}

/// A key as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownKey {
    /// Whose.
    pub domain: String,
    /// Its name.
    pub selector: String,
    /// `rsa` or `ed25519`.
    pub algorithm: String,
    /// `waiting`, `active` or `retired`.
    pub state: State,
    /// When it was made.
    pub created: String,
    /// The name of its TXT record.
    pub name: String,
    /// The text of its TXT record.
    pub text: String,
}

/// Performs a request.
///
/// # Errors
/// Why it was not done.
pub fn perform(operations: &Operations, request: AuthenticationRequest) -> Result<Value, Failure> {
    let authentication = &operations.services.authentication;
    match request {
        AuthenticationRequest::CreateKeys { domain, selector, algorithm } => {
            check_ours(operations, &domain)?;
            report(&create(authentication, &domain, selector.as_deref(), algorithm)?)
        }
        AuthenticationRequest::ListKeys { domain } => report(&shown(&authentication.keys.list(domain.as_deref()))),
        AuthenticationRequest::RotateKeys { domain, unpublished } => {
            check_ours(operations, &domain)?;
            report(&rotate(authentication, &domain, unpublished)?)
        }
        AuthenticationRequest::Records { domain, check } => {
            check_ours(operations, &domain)?;
            report(&records(operations, &domain, check))
        }
        AuthenticationRequest::RetireKey { domain, selector, remove } => {
            let keys = &authentication.keys;
            if remove {
                keys.remove(&domain, &selector).map_err(refused)?;
                return report(&shown(&keys.list(Some(&domain))));
            }
            report(&shown(&[keys.set_state(&domain, &selector, State::Retired).map_err(refused)?]))
        }
    }
}

fn check_ours(operations: &Operations, domain: &str) -> Result<(), Failure> {
    let parsed: Domain = domain.parse().map_err(|_| Failure::usage(format!("{domain} is no domain")))?;
    let directory = &operations.services.directory;
    let asked = directory::directory::Directory::is_local_domain(directory, &parsed);
    match tokio::runtime::Handle::current().block_on(asked) {
        Ok(true) => Ok(()),
        Ok(false) => {
            Err(Failure::failed(format!("{domain} is not ours; `heliograph domain add {domain}` would make it so")))
        }
        Err(error) => Err(Failure::failed("the directory did not answer").because(error)),
    }
}

/// The services that clients look for, by the listeners of the running server or the usual ones (RFC 6186, RFC 8314 §5.1).
fn services(operations: &Operations) -> Vec<(&'static str, u16)> {
    const USUAL: [(&str, &str, u16); 4] = [
        ("submissions", "submissions", 465),
        ("submission", "submission", 587),
        ("imaps", "imaps", 993),
        ("pop3s", "pop3s", 995),
    ];
    let listeners = operations.running.as_ref().map(|running| running.listeners());
    let port = |protocol: &str, usual: u16| match listeners {
        None => Some(usual),
        Some(all) => all.iter().filter(|(name, _)| *name == protocol).find_map(|(_, address)| match address {
            ListenAddress::Ip(socket) => Some(socket.port()),
            ListenAddress::Unix(_) => None,
        }),
    };
    USUAL.iter().filter_map(|(protocol, service, usual)| Some((*service, port(protocol, *usual)?))).collect()
}

fn records(operations: &Operations, domain: &str, check: bool) -> Vec<Record> {
    let authentication = &operations.services.authentication;
    let settings = authentication.settings();
    let services = services(operations);
    // Certificates are renewed while the server runs.
    let now =
        operations.running.as_ref().map_or_else(|| Arc::clone(&operations.settings), |running| running.settings());
    let tlsa = own_tlsa(&now);
    let here = Here {
        host: &settings.host,
        services: &services,
        tlsa: tlsa.as_ref(),
        policy: settings.publish.as_ref(),
        reports: settings.report_to.first().map(ToString::to_string),
    };
    let domain = domain.to_ascii_lowercase();
    let mut records = records::wanted(&domain, &here, &authentication.keys.list(Some(&domain)));
    if check {
        let (resolver, now_secs) = (&**authentication.resolver(), authentication.now_secs());
        let checking = records::check(resolver, &domain, &here, &mut records, now_secs);
        tokio::runtime::Handle::current().block_on(checking);
    }
    records
}

/// Both kinds unless one is chosen. The first keys of their kind sign at once; later ones wait to be published.
fn create(
    authentication: &Authentication,
    domain: &str,
    selector: Option<&str>,
    algorithm: Option<Algorithm>,
) -> Result<Vec<ShownKey>, Failure> {
    let algorithms = algorithm.map_or_else(|| vec![Algorithm::Rsa, Algorithm::Ed25519], |one| vec![one]);
    if selector.is_some() && algorithms.len() > 1 {
        return Err(Failure::usage("a selector is the name of one key: choose its algorithm too"));
    }
    let known = authentication.keys.list(Some(domain));
    let mut made = Vec::new();
    for algorithm in algorithms {
        let has_one = known.iter().any(|key| key.algorithm == algorithm && key.state == State::Active);
        let state = if has_one { State::Waiting } else { State::Active };
        let name = selector.map_or_else(|| new_selector(authentication, algorithm, &known), str::to_owned);
        let now_secs = authentication.now_secs();
        made.push(authentication.keys.create(domain, &name, algorithm, state, now_secs).map_err(refused)?);
    }
    Ok(shown(&made))
}

/// Such as `202611r`, with a number behind it when that is taken.
fn new_selector(authentication: &Authentication, algorithm: Algorithm, known: &[Kept]) -> String {
    let now = model::Timestamp(authentication.now_secs().saturating_mul(1000)).civil(0);
    let letter = if algorithm == Algorithm::Rsa { 'r' } else { 'e' };
    let base = format!("{:04}{:02}{letter}", now.year, now.month);
    let is_taken = |name: &String| known.iter().any(|key| key.selector == *name);
    let numbered = (2..).map(|number| format!("{base}{number}"));
    std::iter::once(base.clone()).chain(numbered).find(|name| !is_taken(name)).unwrap_or(base)
}

fn rotate(authentication: &Authentication, domain: &str, unpublished: bool) -> Result<Vec<ShownKey>, Failure> {
    let keys = &authentication.keys;
    let all = keys.list(Some(domain));
    let (waiting, active): (Vec<&Kept>, Vec<&Kept>) =
        all.iter().filter(|key| key.state != State::Retired).partition(|key| key.state == State::Waiting);
    if active.is_empty() && waiting.is_empty() {
        return Err(Failure::failed(format!(
            "{domain} has no keys; `heliograph domain dkim create {domain}` makes some"
        )));
    }
    if waiting.is_empty() {
        let mut algorithms: Vec<Algorithm> = active.iter().map(|key| key.algorithm).collect();
        algorithms.sort();
        algorithms.dedup();
        let mut made = Vec::new();
        for algorithm in algorithms {
            let known = keys.list(Some(domain));
            let name = new_selector(authentication, algorithm, &known);
            let now_secs = authentication.now_secs();
            made.push(keys.create(domain, &name, algorithm, State::Waiting, now_secs).map_err(refused)?);
        }
        return Ok(shown(&made));
    }
    for key in &waiting {
        if !unpublished && !is_published(authentication, key) {
            let name = key.record_name();
            return Err(Failure::failed(format!(
                "the record of the new key is not published, or not seen yet: {name}; nothing was changed. Publish it, wait \
                 until it is seen, or insist with --unpublished"
            )));
        }
    }
    for key in &waiting {
        keys.set_state(domain, &key.selector, State::Active).map_err(refused)?;
    }
    for key in active.iter().filter(|key| waiting.iter().any(|new| new.algorithm == key.algorithm)) {
        keys.set_state(domain, &key.selector, State::Retired).map_err(refused)?;
    }
    Ok(shown(&keys.list(Some(domain))))
}

/// Whether the name service knows the record.
fn is_published(authentication: &Authentication, key: &Kept) -> bool {
    let name = key.record_name();
    let asked = authentication.resolver().txt(&name);
    let found = tokio::runtime::Handle::current().block_on(asked).unwrap_or_default();
    found.iter().any(|text| text.split_ascii_whitespace().collect::<String>().contains(&key.public))
}

fn shown(keys: &[Kept]) -> Vec<ShownKey> {
    let show = |key: &Kept| ShownKey {
        domain: key.domain.clone(),
        selector: key.selector.clone(),
        algorithm: key.algorithm.as_str().to_owned(),
        state: key.state,
        created: model::Timestamp(key.created_secs.saturating_mul(1000)).to_string(),
        name: key.record_name(),
        text: key.record_text(),
    };
    keys.iter().map(show).collect()
}

fn refused(error: KeyError) -> Failure {
    Failure::failed("nothing was changed").because(error)
}
