//! Quotas for other mail servers over Postfix's policy delegation: rules say which attribute of a request is the key of
//! which table, and what to answer who is over. Who is not may still be greylisted.

use std::sync::{Arc, PoisonError, RwLock};

use bytes::{Buf, BytesMut};
use net::{BoxFuture, Connection, Door, Received, Registry};
use smtp::policy_delegation::{Action, Request, RequestReader};
use tokio::time::Instant;

use crate::greylist::judge::Greylist;
use crate::greylist::policy as greylisting;
use crate::limits::{SEND, SERVER_IDLE};
use crate::meter::Meter;
use crate::signals::ServiceSignals;

/// What one kind of request counts for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The states of the session in which it holds, such as `RCPT`; empty means all.
    pub states: Vec<String>,
    /// The attributes that make the key, joined by `|`; the rule is passed over when one is not available.
    pub attributes: Vec<String>,
    /// The table.
    pub table: String,
    /// How much a request counts.
    pub amount: Amount,
    /// What to answer who is over.
    pub answer: Action,
}

/// How much a request counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// One.
    One,
    /// Its attribute `recipient_count`, at least one.
    Recipients,
    /// Its attribute `size` in KiB, at least one.
    Kibibytes,
}

impl Rule {
    /// The key of a request, if this rule is about it.
    fn key(&self, request: &Request) -> Option<String> {
        let state = request.attribute("protocol_state").unwrap_or_default();
        if !self.states.is_empty() && !self.states.iter().any(|named| named.eq_ignore_ascii_case(state)) {
            return None;
        }
        let parts: Option<Vec<&str>> = self.attributes.iter().map(|name| request.attribute(name)).collect();
        Some(parts?.join("|"))
    }

    fn amount(&self, request: &Request) -> u32 {
        let number = |name| request.attribute(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        let amount = match self.amount {
            Amount::One => 1,
            Amount::Recipients => number("recipient_count"),
            Amount::Kibibytes => number("size").div_ceil(1024),
        };
        u32::try_from(amount.max(1)).unwrap_or(u32::MAX)
    }
}

/// The rules that hold now; a reload replaces them.
#[derive(Debug, Default)]
pub struct Rules(RwLock<Arc<[Rule]>>);

impl Rules {
    /// These rules.
    pub fn new(rules: Vec<Rule>) -> Rules {
        Rules(RwLock::new(rules.into()))
    }

    /// Other rules from now on.
    pub fn replace(&self, rules: Vec<Rule>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = rules.into();
    }

    fn held(&self) -> Arc<[Rule]> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Answers requests of policy delegation.
pub struct Service {
    meter: Meter,
    rules: Arc<Rules>,
    greylist: Option<Arc<Greylist>>,
    signals: ServiceSignals,
}

impl Service {
    /// With these rules over a meter.
    pub fn new(meter: Meter, rules: Arc<Rules>, registry: &Registry) -> Service {
        Service { meter, rules, greylist: None, signals: ServiceSignals::new(registry) }
    }

    /// The same, which asks the greylister when no rule decides.
    #[must_use]
    pub fn with_greylist(mut self, greylist: Arc<Greylist>) -> Service {
        self.greylist = Some(greylist);
        self
    }

    /// What to answer a request: the first rule that is over decides; what stands behind it is not counted.
    async fn decide(&self, connection: &Connection, request: &Request) -> Action {
        self.signals.policy_asked();
        for rule in self.rules.held().iter() {
            let Some(key) = rule.key(request) else { continue };
            if self.meter.throttle(&rule.table, &key, rule.amount(request)).await.is_over {
                self.signals.policy_restrained(connection.trace(), &rule.table, &rule.answer.to_string());
                return rule.answer.clone();
            }
        }
        match &self.greylist {
            Some(greylist) => greylisting::answer(greylist, request).await,
            None => Action::Dunno,
        }
    }

    async fn converse(&self, connection: &mut Connection) -> std::io::Result<()> {
        let (mut input, mut out) = (BytesMut::new(), Vec::new());
        let mut reader = RequestReader::default();
        loop {
            let until = Some(Instant::now() + SERVER_IDLE);
            match connection.receive_unless_draining(&mut input, until).await? {
                Received::Octets(_) => {}
                Received::Closed | Received::TimedOut | Received::Draining => return Ok(()),
            }
            while !input.is_empty() {
                let mut rest = input.as_ref();
                let read = reader.read(&mut rest);
                let used = input.len() - rest.len();
                input.advance(used);
                match read {
                    Ok(Some(request)) => self.decide(connection, &request).await.write(&mut out),
                    Ok(None) => break,
                    Err(offence) => {
                        self.signals.policy_offended(connection.trace(), connection.peer(), &offence.to_string());
                        return connection.send(&out, Some(Instant::now() + SEND)).await;
                    }
                }
            }
            connection.send(&out, Some(Instant::now() + SEND)).await?;
            out.clear();
        }
    }
}

impl Door for Service {
    fn serve(self: Arc<Service>, mut connection: Connection) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            // A failed read or write means that the client is gone.
            let _gone = self.converse(&mut connection).await;
            connection.close(Some(Instant::now() + SEND)).await;
        })
    }
}

#[cfg(test)]
mod tests;
