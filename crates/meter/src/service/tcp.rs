//! The meter's own protocol over TCP: what has come is answered in one go, so that a pipelining client costs few system
//! calls. Nothing is locked while somebody is waited for.

use std::sync::Arc;

use bytes::{Buf, BytesMut};
use net::{BoxFuture, Connection, Door, Random, Received, Registry};
use tokio::time::Instant;

use crate::limits::{ANSWER_OCTETS, LOGIN, SEND, SERVER_IDLE};
use crate::secret::Secret;
use crate::signals::ServiceSignals;
use crate::tables::Tables;
use crate::wire::answer;
use crate::wire::offence::Offence;
use crate::wire::server::Session;

/// Serves the tables to those who know the secret.
pub struct Service {
    tables: Arc<Tables>,
    secret: Secret,
    random: Arc<dyn Random>,
    signals: ServiceSignals,
}

impl Service {
    /// Over these tables.
    pub fn new(tables: Arc<Tables>, secret: Secret, random: Arc<dyn Random>, registry: &Registry) -> Service {
        Service { tables, secret, random, signals: ServiceSignals::new(registry) }
    }

    /// Until the client is gone, silent for long, or the program ends. A failed write means that it is gone.
    async fn converse(&self, connection: &mut Connection) -> std::io::Result<()> {
        let (mut input, mut out) = (BytesMut::new(), Vec::new());
        let mut nonce = [0; 32];
        self.random.fill(&mut nonce);
        let mut session = Session::new(self.secret.clone(), nonce, &mut out);
        let login_until = Instant::now() + LOGIN;
        loop {
            connection.send(&out, Some(Instant::now() + SEND)).await?;
            out.clear();
            let until = if session.is_proven() { Instant::now() + SERVER_IDLE } else { login_until };
            match connection.receive_unless_draining(&mut input, Some(until)).await? {
                Received::Octets(_) => {}
                Received::Closed | Received::TimedOut | Received::Draining => return Ok(()),
            }
            if let Err(offence) = self.answer(connection, &mut session, &mut input, &mut out).await? {
                self.signals.offended(connection.trace(), connection.peer(), offence);
                return connection.send(&out, Some(Instant::now() + SEND)).await;
            }
        }
    }

    /// Answers everything that has come whole.
    async fn answer(
        &self,
        connection: &mut Connection,
        session: &mut Session,
        input: &mut BytesMut,
        out: &mut Vec<u8>,
    ) -> std::io::Result<Result<(), Offence>> {
        let now = self.tables.now();
        let mut rest = input.as_ref();
        loop {
            match session.receive(&mut rest, out) {
                Ok(Some((number, call))) => answer::put(out, number, &self.tables.perform_at(&call, now)),
                Ok(None) => break,
                Err(offence) => return Ok(Err(offence)),
            }
            if out.len() >= ANSWER_OCTETS {
                connection.send(out, Some(Instant::now() + SEND)).await?;
                out.clear();
            }
        }
        let used = input.len() - rest.len();
        input.advance(used);
        Ok(Ok(()))
    }
}

impl Door for Service {
    fn serve(self: Arc<Service>, mut connection: Connection) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let _gone = self.converse(&mut connection).await;
            connection.close(Some(Instant::now() + SEND)).await;
        })
    }
}

#[cfg(test)]
mod tests;
