//! Our connection to the peer: it gets everything that we remember, and then each change.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use model::TraceId;
use net::{Connection, Random, Received, ShutdownToken, dial};
use tokio::time::Instant;

use crate::greylist::backlog::{Next, Part};
use crate::greylist::judge::Greylist;
use crate::greylist::limits::{
    FRAME_ENTRIES, GREETING, HEARTBEAT_EVERY, PEER_SILENCE, RECONNECT_MAX, RECONNECT_MIN, SEND,
};
use crate::greylist::replica::seal::{self, Direction, PROOF_OCTETS, SERVER_HELLO_OCTETS, Sealer};
use crate::greylist::replica::wire::{self, Frame};
use crate::secret::{Nonce, Secret};

/// Why the peer does not get our changes.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("{0}")]
    Connect(#[source] net::Error),
    #[error("the connection failed: {0}")]
    Socket(#[source] std::io::Error),
    #[error("{0}")]
    Greeting(#[source] seal::Offence),
    #[error("it sent {0}")]
    Frame(#[source] wire::Offence),
    #[error("it closed the connection")]
    Closed,
    #[error("it was silent for too long")]
    Silent,
}

/// The peer and what we share with it.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where it listens.
    pub address: SocketAddr,
    /// The secret.
    pub secret: Secret,
}

/// Tells the peer everything, until the program ends. Connects again whenever it must, with growing pauses.
pub async fn run(greylist: Arc<Greylist>, peer: Peer, random: Arc<dyn Random>, token: ShutdownToken) {
    greylist.expect_peer();
    let mut pause = RECONNECT_MIN;
    let mut is_told = false;
    loop {
        let mut sender = Sender { greylist: &greylist, peer: &peer, random: &*random, was_connected: false };
        let lost = sender.speak(&token).await;
        greylist.backlog().close();
        let Err(lost) = lost else { return };
        if sender.was_connected {
            (pause, is_told) = (RECONNECT_MIN, false);
        }
        // The same news every few seconds would be of use to nobody.
        if !is_told {
            greylist.signals().peer_lost(peer.address, &lost);
            is_told = true;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = token.draining() => return,
        }
        pause = (pause * 2).min(RECONNECT_MAX);
    }
}

struct Sender<'a> {
    greylist: &'a Greylist,
    peer: &'a Peer,
    random: &'a dyn Random,
    was_connected: bool,
}

impl Sender<'_> {
    /// One connection, from its beginning to its end. `Ok` when the program ends.
    async fn speak(&mut self, token: &ShutdownToken) -> Result<(), Lost> {
        let trace = TraceId(self.random.u64());
        let dialled = dial::tcp(self.peer.address, None, GREETING, trace, token.clone());
        let mut connection = tokio::select! {
            dialled = dialled => dialled.map_err(Lost::Connect)?,
            () = token.draining() => return Ok(()),
        };
        let mut input = BytesMut::new();
        let (server, client) = self.greet(&mut connection, &mut input).await?;
        let sealer = |direction| Sealer::new(&self.peer.secret, &server, &client, direction);
        let (ours, theirs) = (sealer(Direction::FromClient), sealer(Direction::FromServer));
        let mut line = Line { connection, input, ours, theirs, heard: Instant::now() };
        // First collect, then tell everything: what changes meanwhile comes after.
        self.greylist.backlog().open();
        self.tell_everything(&mut line).await?;
        self.was_connected = true;
        self.greylist.signals().peer_connected(self.peer.address);
        let mut heartbeats = tokio::time::interval(HEARTBEAT_EVERY);
        loop {
            tokio::select! {
                next = self.greylist.backlog().next(FRAME_ENTRIES) => match next {
                    Next::Changes(changes) => {
                        line.send(&wire::frames(&changes)).await?;
                        self.greylist.signals().peer_sent(changes.len());
                    }
                    Next::Everything => self.tell_everything(&mut line).await?,
                },
                received = line.connection.receive(&mut line.input, None) => line.take(received)?,
                _ = heartbeats.tick() => {
                    // A long transfer may have kept us from what is here already.
                    line.hear_what_came().await?;
                    if line.heard.elapsed() > PEER_SILENCE {
                        return Err(Lost::Silent);
                    }
                    line.send(&[Frame::Heartbeat]).await?;
                }
                () = token.draining() => {
                    line.connection.close(deadline(SEND)).await;
                    return Ok(());
                }
            }
        }
    }

    /// Both sides prove that they know the secret.
    async fn greet(&self, connection: &mut Connection, input: &mut BytesMut) -> Result<(Nonce, Nonce), Lost> {
        let until = deadline(GREETING);
        let hello = take::<SERVER_HELLO_OCTETS>(connection, input, until).await?;
        let server = seal::read_server_hello(&hello).map_err(Lost::Greeting)?;
        let mut client: Nonce = [0; 32];
        self.random.fill(&mut client);
        let mask = self.greylist.settings().mask;
        let hello = seal::client_hello(&self.peer.secret, &server, &client, mask);
        connection.send(&hello, until).await.map_err(Lost::Socket)?;
        let proof = take::<PROOF_OCTETS>(connection, input, until).await?;
        seal::check_server_proof(&self.peer.secret, &server, &client, &proof).map_err(Lost::Greeting)?;
        Ok((server, client))
    }

    async fn tell_everything(&self, line: &mut Line) -> Result<(), Lost> {
        let now = self.greylist.now();
        let mut count = 0;
        for part in [Part::Triplets, Part::Known] {
            let memory = self.greylist.memory(part);
            for number in 0..memory.parts() {
                let entries = memory.part(number, now);
                count += entries.len();
                for some in entries.chunks(FRAME_ENTRIES) {
                    // Where there is much it takes long: by its answers the peer shows meanwhile that it is there.
                    line.send(&[Frame::Seen(part, some.to_vec()), Frame::Heartbeat]).await?;
                    line.hear_what_came().await?;
                }
            }
        }
        self.greylist.signals().peer_whole_state(count);
        Ok(())
    }
}

/// A connection on which both sides know each other.
struct Line {
    connection: Connection,
    input: BytesMut,
    ours: Sealer,
    theirs: Sealer,
    /// When something came last.
    heard: Instant,
}

impl Line {
    async fn send(&mut self, frames: &[Frame]) -> Result<(), Lost> {
        let mut octets = Vec::new();
        frames.iter().for_each(|frame| frame.write(&mut self.ours, &mut octets));
        self.connection.send(&octets, deadline(PEER_SILENCE)).await.map_err(Lost::Socket)
    }

    /// Takes what is here already; waits for nothing.
    async fn hear_what_came(&mut self) -> Result<(), Lost> {
        let received = self.connection.receive(&mut self.input, deadline(Duration::ZERO)).await;
        if matches!(received, Ok(Received::TimedOut)) { Ok(()) } else { self.take(received) }
    }

    fn take(&mut self, received: std::io::Result<Received>) -> Result<(), Lost> {
        match received.map_err(Lost::Socket)? {
            Received::Octets(_) => self.heard = Instant::now(),
            _ => return Err(Lost::Closed),
        }
        // Only heartbeats come back, and that they came is all that counts.
        while wire::read(&mut self.input, &mut self.theirs).map_err(Lost::Frame)?.is_some() {}
        Ok(())
    }
}

fn deadline(timeout: Duration) -> Option<Instant> {
    Some(Instant::now() + timeout)
}

/// Waits for exactly so many octets; what comes after them stays in `input`.
async fn take<const OCTETS: usize>(
    connection: &mut Connection,
    input: &mut BytesMut,
    until: Option<Instant>,
) -> Result<[u8; OCTETS], Lost> {
    loop {
        if let Some(taken) = input.first_chunk::<OCTETS>().copied() {
            let _taken = input.split_to(OCTETS);
            return Ok(taken);
        }
        match connection.receive(input, until).await.map_err(Lost::Socket)? {
            Received::Octets(_) => {}
            Received::TimedOut => return Err(Lost::Silent),
            Received::Closed | Received::Draining => return Err(Lost::Closed),
        }
    }
}
