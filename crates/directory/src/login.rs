//! Logging in: passwords and SASL exchanges, checked against the directory, slowed down where they fail.

use crate::directory::Directory;
use crate::entry::{Account, Status};
use crate::error::Error;
use crate::limiter::{Advice, FailedLogins, Subject};
use crate::limits::{HASHES_AT_ONCE, PASSWORD_OCTETS_MAX, SASL_OCTETS_MAX, VERIFIED_REMEMBERED_MAX};
use crate::password::random;
use crate::sasl::scram::{self, Hash};
use crate::sasl::{ChannelBindings, plain};
use crate::settings::Settings;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use model::Timestamp;
use sha2::Sha256;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Where the time comes from.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// All mechanisms, the strongest first. Those with channel binding need TLS.
pub const MECHANISMS: [&str; 6] =
    ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"];

fn mechanisms(origin: &Origin) -> impl Iterator<Item = &'static str> + use<> {
    let can_bind = !origin.bindings.is_empty();
    MECHANISMS.into_iter().filter(move |name| can_bind || !name.ends_with("-PLUS"))
}

/// From where a login comes.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The client's address; `None` on a local socket.
    pub address: Option<IpAddr>,
    /// What ties the login to its TLS connection; empty without TLS.
    pub bindings: ChannelBindings,
}

impl Origin {
    /// A login that comes over this connection.
    pub fn of(connection: &net::Connection) -> Origin {
        let bindings = connection.tls().map_or_else(ChannelBindings::default, |tls| ChannelBindings {
            exporter: tls.exporter.map(|octets| octets.to_vec()),
            server_end_point: tls.server_end_point.clone(),
        });
        Origin { address: connection.peer().ip(), bindings }
    }
}

/// Why a login is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Name or password is wrong; nobody is told which.
    #[error("name or password is wrong")]
    WrongCredentials,
    /// The account exists, the password is right, and it may not be used now.
    #[error("the account is suspended")]
    Suspended,
    /// The exchange is not what the mechanism says.
    #[error("the exchange does not follow the mechanism")]
    Malformed,
    /// There were too many failures; later tries will be heard again.
    #[error("too many failed logins")]
    TooMany,
    /// The directory cannot be asked now.
    #[error("the directory is not available")]
    Unavailable,
}

/// Where what the server says last goes, which proves that it knows the password, too (RFC 4422 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastWords {
    /// One more challenge, which the client answers with nothing: SMTP, IMAP, POP3.
    AsChallenge,
    /// With the success: ManageSieve.
    WithSuccess,
}

/// One step of an exchange.
#[derive(Clone, Debug)]
pub enum Step {
    /// The server speaks, the client answers.
    Challenge(Vec<u8>),
    /// The client is who it says; with the server's [`LastWords::WithSuccess`], if the mechanism has any.
    Done(Box<Account>, Option<Vec<u8>>),
}

/// Checks who logs in. Cheap to clone.
#[derive(Clone)]
pub struct Logins {
    inner: Arc<Inner>,
}

struct Inner {
    directory: Arc<dyn Directory>,
    settings: Settings,
    now: Now,
    hashing: Semaphore,
    failures: Arc<dyn FailedLogins>,
    verified: Mutex<HashMap<[u8; 32], Timestamp>>,
    secret: [u8; 32],
}

impl Logins {
    /// Over a directory, with failures that somebody else counts; `now` tells the time.
    pub fn new(
        failures: Arc<dyn FailedLogins>,
        directory: Arc<dyn Directory>,
        settings: Settings,
        now: Now,
    ) -> Result<Logins, Error> {
        Ok(Logins {
            inner: Arc::new(Inner {
                directory,
                failures,
                settings,
                now,
                hashing: Semaphore::new(HASHES_AT_ONCE),
                verified: Mutex::new(HashMap::new()),
                secret: random()?,
            }),
        })
    }

    /// The mechanisms for such a connection, the strongest first; nothing when nobody may log in over it: without TLS that
    /// is so unless the connection never leaves this machine and `plain_on_loopback` says that this will do.
    pub fn offered(&self, connection: &net::Connection, plain_on_loopback: bool) -> Option<Vec<&'static str>> {
        let is_private = connection.tls().is_some() || (plain_on_loopback && connection.is_private());
        is_private.then(|| mechanisms(&Origin::of(connection)).collect())
    }

    /// Checks a name and a password: the account's own, or one of its application passwords.
    pub async fn check(&self, name: &str, password: &str, origin: &Origin) -> Result<Account, Denied> {
        Box::pin(self.inner.wait(name, origin)).await?;
        let account = self.inner.find(name).await?;
        let fits = match &account {
            Some(account) => self.inner.fits(account, password).await?,
            // A name that does not exist takes as long as one that does.
            None => {
                self.inner.waste_time(password).await;
                false
            }
        };
        Box::pin(self.inner.conclude(name, origin, account.filter(|_| fits))).await
    }

    /// Begins an exchange; `None` if the mechanism is not known or cannot be used on this connection.
    pub fn begin(&self, mechanism: &str, origin: Origin, last_words: LastWords) -> Option<Exchange> {
        let mechanism = mechanisms(&origin).find(|name| name.eq_ignore_ascii_case(mechanism))?;
        let state = match mechanism {
            "PLAIN" => State::Plain,
            "LOGIN" => State::LoginStart,
            _ => {
                let hash = if mechanism.starts_with("SCRAM-SHA-256") { Hash::Sha256 } else { Hash::Sha1 };
                State::ScramFirst { hash, plus: mechanism.ends_with("-PLUS") }
            }
        };
        Some(Exchange { logins: self.clone(), origin, last_words, state })
    }
}

impl Inner {
    /// Waits as long as earlier failures ask for. Callers keep it and [`Inner::conclude`] in boxes: idle sessions carry the room of
    /// what they may wait for, and a login is a moment.
    async fn wait(&self, name: &str, origin: &Origin) -> Result<(), Denied> {
        let by_name = self.failures.count(Subject::Name(&name.to_lowercase())).await;
        let by_name = self.settings.account_policy().advice(by_name);
        let by_address = match origin.address {
            Some(address) => {
                self.settings.address_policy().advice(self.failures.count(Subject::Address(address)).await)
            }
            None => Advice::After(Duration::ZERO),
        };
        match (by_name, by_address) {
            (Advice::After(one), Advice::After(other)) => {
                let wait = one.max(other);
                if !wait.is_zero() {
                    tokio::time::sleep(wait).await;
                }
                Ok(())
            }
            _ => Err(Denied::TooMany),
        }
    }

    async fn find(&self, name: &str) -> Result<Option<Account>, Denied> {
        let account = self.directory.account_named(name).await.map_err(|_| Denied::Unavailable)?;
        Ok(account.filter(|account| !matches!(account.status, Status::Deleted { .. })))
    }

    /// Counts the outcome and says it.
    async fn conclude(&self, name: &str, origin: &Origin, account: Option<Account>) -> Result<Account, Denied> {
        let name = name.to_lowercase();
        let Some(account) = account else {
            self.failures.failed(Subject::Name(&name)).await;
            if let Some(address) = origin.address {
                self.failures.failed(Subject::Address(address)).await;
            }
            return Err(Denied::WrongCredentials);
        };
        self.failures.forgive(Subject::Name(&name)).await;
        if account.is_active() { Ok(account) } else { Err(Denied::Suspended) }
    }

    async fn fits(&self, account: &Account, password: &str) -> Result<bool, Denied> {
        if password.len() > PASSWORD_OCTETS_MAX {
            return Ok(false);
        }
        if account.application_passwords.iter().any(|held| held.hash.verify(password)) {
            return Ok(true);
        }
        let Some(credentials) = account.credentials.clone() else { return Ok(false) };
        let key = self.remembered_as(account.id, &credentials.argon2id.0, password);
        if self.is_remembered(&key) {
            return Ok(true);
        }
        let _place = self.hashing.acquire().await.map_err(|_| Denied::Unavailable)?;
        let password = password.to_owned();
        let checked = tokio::task::spawn_blocking(move || credentials.verify(&password)).await;
        let fits = checked.map_err(|_| Denied::Unavailable)?.map_err(|_| Denied::Unavailable)?;
        if fits {
            self.remember(key);
        }
        Ok(fits)
    }

    async fn waste_time(&self, password: &str) {
        let Ok(_place) = self.hashing.acquire().await else { return };
        let password: String = password.chars().take(64).filter(|letter| !letter.is_control()).chain(['x']).collect();
        let cost = self.settings.password_cost;
        let wasted = tokio::task::spawn_blocking(move || crate::password::Credentials::new(&password, cost));
        drop(wasted.await);
    }

    /// A checked password is remembered only as a keyed hash over the stored hash, so that changing the password
    /// forgets it.
    fn remembered_as(&self, account: u32, stored: &[u8], password: &str) -> [u8; 32] {
        let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.secret) else { return [0; 32] };
        mac.update(&account.to_le_bytes());
        mac.update(stored);
        mac.update(password.as_bytes());
        mac.finalize().into_bytes().into()
    }

    fn is_remembered(&self, key: &[u8; 32]) -> bool {
        let verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        verified.get(key).is_some_and(|until| *until > (self.now)())
    }

    fn remember(&self, key: [u8; 32]) {
        let now = (self.now)();
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if verified.len() >= VERIFIED_REMEMBERED_MAX {
            verified.retain(|_, until| *until > now);
        }
        if verified.len() < VERIFIED_REMEMBERED_MAX {
            verified.insert(key, now.plus(Duration::from_secs(self.settings.verified_secs)));
        }
    }
}

/// A SASL exchange under way (RFC 4422 §3).
pub struct Exchange {
    logins: Logins,
    origin: Origin,
    last_words: LastWords,
    state: State,
}

enum State {
    Plain,
    LoginStart,
    LoginName,
    LoginPassword {
        name: String,
    },
    ScramFirst {
        hash: Hash,
        plus: bool,
    },
    ScramFinal {
        server: Box<scram::Server>,
        name: String,
        account: Option<Box<Account>>,
    },
    /// The client has still to acknowledge the last words.
    Proven(Box<Account>),
    Done,
}

impl Exchange {
    /// Takes the client's next response; `None` stands for an initial response that was not given.
    pub async fn respond(&mut self, response: Option<&[u8]>) -> Result<Step, Denied> {
        if response.is_some_and(|response| response.len() > SASL_OCTETS_MAX) {
            return Err(Denied::Malformed);
        }
        match (std::mem::replace(&mut self.state, State::Done), response) {
            (State::Plain, Some(response)) => self.plain(response).await,
            (State::LoginStart, None) => {
                self.state = State::LoginName;
                Ok(Step::Challenge(b"Username:".to_vec()))
            }
            (State::LoginStart | State::LoginName, Some(name)) => {
                self.state = State::LoginPassword { name: text(name)? };
                Ok(Step::Challenge(b"Password:".to_vec()))
            }
            (State::LoginPassword { name }, Some(password)) => {
                let account = self.logins.check(&name, &text(password)?, &self.origin).await?;
                Ok(Step::Done(Box::new(account), None))
            }
            (State::ScramFirst { hash, plus }, Some(message)) => self.scram_first(hash, plus, message).await,
            (State::ScramFinal { server, name, account }, Some(message)) => {
                self.scram_final(&server, &name, account, message).await
            }
            (State::Proven(account), Some(b"")) => Ok(Step::Done(account, None)),
            // Mechanisms in which the client speaks first begin with an empty challenge.
            (state @ (State::Plain | State::ScramFirst { .. }), None) => {
                self.state = state;
                Ok(Step::Challenge(Vec::new()))
            }
            _ => Err(Denied::Malformed),
        }
    }

    async fn plain(&mut self, response: &[u8]) -> Result<Step, Denied> {
        let plain = plain::read(response).ok_or(Denied::Malformed)?;
        check_authorization(&plain.authorization, &plain.name)?;
        let account = self.logins.check(&plain.name, &plain.password, &self.origin).await?;
        Ok(Step::Done(Box::new(account), None))
    }

    async fn scram_first(&mut self, hash: Hash, plus: bool, message: &[u8]) -> Result<Step, Denied> {
        let offered = !self.origin.bindings.is_empty();
        let first = scram::client_first(message, plus, offered).map_err(|_| Denied::Malformed)?;
        check_authorization(&first.authorization, &first.name)?;
        let inner = &self.logins.inner;
        Box::pin(inner.wait(&first.name, &self.origin)).await?;
        let account = inner.find(&first.name).await?;
        let stored = account.as_ref().and_then(|account| account.credentials.as_ref());
        let verifier = match stored {
            Some(credentials) => credentials.verifier(hash).clone(),
            None => {
                let rounds = inner.settings.password_cost.rounds;
                scram::Verifier::fake(hash, &inner.secret, &first.name.to_lowercase(), rounds)
            }
        };
        let nonce = STANDARD.encode(random::<18>().map_err(|_| Denied::Unavailable)?);
        let name = first.name.clone();
        let server = scram::Server::new(hash, first, verifier, &nonce);
        let challenge = server.challenge().to_vec();
        self.state = State::ScramFinal { server: Box::new(server), name, account: account.map(Box::new) };
        Ok(Step::Challenge(challenge))
    }

    async fn scram_final(
        &mut self,
        server: &scram::Server,
        name: &str,
        account: Option<Box<Account>>,
        message: &[u8],
    ) -> Result<Step, Denied> {
        let inner = &self.logins.inner;
        match server.finish(message, &self.origin.bindings) {
            Ok(last) => {
                let account = Box::pin(inner.conclude(name, &self.origin, account.map(|account| *account))).await?;
                let account = Box::new(account);
                match self.last_words {
                    LastWords::WithSuccess => Ok(Step::Done(account, Some(last))),
                    LastWords::AsChallenge => {
                        self.state = State::Proven(account);
                        Ok(Step::Challenge(last))
                    }
                }
            }
            Err(scram::Failure::Malformed) => Err(Denied::Malformed),
            Err(_) => {
                let denied = Box::pin(inner.conclude(name, &self.origin, None)).await;
                denied.map(|account| Step::Done(Box::new(account), None))
            }
        }
    }
}

/// Nobody acts for others yet.
fn check_authorization(authorization: &str, name: &str) -> Result<(), Denied> {
    if authorization.is_empty() || authorization.eq_ignore_ascii_case(name) {
        Ok(())
    } else {
        Err(Denied::WrongCredentials)
    }
}

fn text(octets: &[u8]) -> Result<String, Denied> {
    std::str::from_utf8(octets).map(str::to_owned).map_err(|_| Denied::Malformed)
}

#[cfg(test)]
mod tests;
