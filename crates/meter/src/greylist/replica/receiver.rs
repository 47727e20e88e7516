//! The peer's connection to us: what it has seen is taken in.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use net::{BoxFuture, Connection, Door, Random, Received};
use tokio::time::Instant;

use crate::greylist::judge::Greylist;
use crate::greylist::limits::{FRAME_OCTETS, GREETING, PEER_SILENCE, SEND};
use crate::greylist::replica::seal::{self, CLIENT_HELLO_OCTETS, Direction, Sealer};
use crate::greylist::replica::wire::{self, Frame};
use crate::secret::{Nonce, Secret};

/// What listens for the peer.
pub struct Receiver {
    greylist: Arc<Greylist>,
    secret: Secret,
    random: Arc<dyn Random>,
}

/// How a connection ended that should have gone on.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("{0}")]
    Greeting(#[source] seal::Offence),
    #[error("it sent {0}")]
    Frame(#[source] wire::Offence),
    #[error("it was silent for too long")]
    Silent,
}

impl Receiver {
    /// Takes in what peers say that know the secret.
    pub fn new(greylist: Arc<Greylist>, secret: Secret, random: Arc<dyn Random>) -> Receiver {
        Receiver { greylist, secret, random }
    }

    /// `Ok` when the connection ended as connections do.
    async fn listen(&self, connection: &mut Connection) -> Result<(), Refused> {
        let mut input = BytesMut::new();
        let Some((server, client)) = self.greet(connection, &mut input).await? else { return Ok(()) };
        let sealer = |direction| Sealer::new(&self.secret, &server, &client, direction);
        let (mut theirs, mut ours) = (sealer(Direction::FromClient), sealer(Direction::FromServer));
        loop {
            while let Some(frame) = wire::read(&mut input, &mut theirs).map_err(Refused::Frame)? {
                self.greylist.signals().peer_received(frame.len());
                if frame == Frame::Heartbeat {
                    let mut octets = Vec::new();
                    Frame::Heartbeat.write(&mut ours, &mut octets);
                    if connection.send(&octets, deadline(SEND)).await.is_err() {
                        return Ok(());
                    }
                }
                wire::changes(frame).into_iter().for_each(|change| self.greylist.take_in(change));
            }
            debug_assert!(input.len() < 4 + FRAME_OCTETS, "a frame that is not whole yet is within its bound");
            match connection.receive_unless_draining(&mut input, deadline(PEER_SILENCE)).await {
                Ok(Received::Octets(_)) => {}
                Ok(Received::TimedOut) => return Err(Refused::Silent),
                Ok(Received::Closed | Received::Draining) | Err(_) => return Ok(()),
            }
        }
    }

    /// Both sides prove that they know the secret; `None` when the peer went away.
    async fn greet(
        &self,
        connection: &mut Connection,
        input: &mut BytesMut,
    ) -> Result<Option<(Nonce, Nonce)>, Refused> {
        let until = deadline(GREETING);
        let mut server: Nonce = [0; 32];
        self.random.fill(&mut server);
        if connection.send(&seal::server_hello(&server), until).await.is_err() {
            return Ok(None);
        }
        let hello = loop {
            if let Some(hello) = input.first_chunk::<CLIENT_HELLO_OCTETS>().copied() {
                let _taken = input.split_to(CLIENT_HELLO_OCTETS);
                break hello;
            }
            match connection.receive_unless_draining(input, until).await {
                Ok(Received::Octets(_)) => {}
                Ok(Received::TimedOut) => return Err(Refused::Silent),
                Ok(Received::Closed | Received::Draining) | Err(_) => return Ok(None),
            }
        };
        let mask = self.greylist.settings().mask;
        let client = seal::read_client_hello(&self.secret, &server, mask, &hello).map_err(Refused::Greeting)?;
        let proof = seal::server_proof(&self.secret, &server, &client);
        let is_sent = connection.send(&proof, until).await.is_ok();
        Ok(is_sent.then_some((server, client)))
    }
}

fn deadline(timeout: Duration) -> Option<Instant> {
    Some(Instant::now() + timeout)
}

impl Door for Receiver {
    fn serve(self: Arc<Self>, mut connection: Connection) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            if let Err(refused) = self.listen(&mut connection).await {
                self.greylist.signals().peer_refused(&connection.peer().to_string(), &refused);
            }
            connection.close(deadline(SEND)).await;
        })
    }
}

#[cfg(test)]
mod tests;
