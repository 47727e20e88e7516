//! Questions and answers in UDP datagrams: each question is a task, and a bounded number of them run at a time. What comes
//! beyond is dropped and counted: the client asks again, or does without.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use crate::endpoint::ListenAddress;
use crate::error::Error;
use crate::limits;
use crate::listener::BoxFuture;
use crate::metrics::Registry;
use crate::shutdown::ShutdownToken;
use crate::signals::DatagramSignals;

/// Where the answers to one datagram go.
#[derive(Clone, Debug)]
pub struct Replier {
    socket: Arc<UdpSocket>,
    peer: SocketAddr,
}

impl Replier {
    /// Who asked.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Sends one datagram.
    ///
    /// # Errors
    /// Those of the socket. That it was sent does not mean that it arrives.
    pub async fn send(&self, octets: &[u8]) -> std::io::Result<()> {
        self.socket.send_to(octets, self.peer).await.map(|_| ())
    }
}

/// What answers datagrams.
pub trait DatagramDoor: Send + Sync + 'static {
    /// Answers one. A panic ends this answer only, and is counted.
    fn answer(self: Arc<Self>, datagram: Bytes, replier: Replier) -> BoxFuture<'static, ()>;
}

/// A bound UDP socket.
#[derive(Debug)]
pub struct DatagramListener {
    socket: Arc<UdpSocket>,
    protocol: &'static str,
    at_once_max: usize,
    bound_to: ListenAddress,
}

impl DatagramListener {
    /// Takes the address; at most `at_once_max` datagrams are answered at a time. Must be called within tokio.
    ///
    /// # Errors
    /// [`Error::Listen`] when the address is taken, forbidden or no Internet address.
    pub async fn bind(
        protocol: &'static str,
        address: &ListenAddress,
        at_once_max: usize,
    ) -> Result<DatagramListener, Error> {
        let failed = |source| Error::Listen { address: address.clone(), source };
        let ListenAddress::Ip(socket) = address else {
            return Err(failed(std::io::ErrorKind::Unsupported.into()));
        };
        let socket = UdpSocket::bind(socket).await.map_err(failed)?;
        let bound_to = ListenAddress::Ip(socket.local_addr().map_err(failed)?);
        Ok(DatagramListener { socket: Arc::new(socket), protocol, at_once_max, bound_to })
    }

    /// Where it listens: the port that the system chose where 0 was asked for.
    pub fn address(&self) -> &ListenAddress {
        &self.bound_to
    }

    /// The protocol's name.
    pub fn protocol(&self) -> &'static str {
        self.protocol
    }

    /// Answers until the token says to end; answers under way may finish until time is up.
    pub async fn run(self, door: Arc<dyn DatagramDoor>, registry: &Registry, token: ShutdownToken) {
        let signals = DatagramSignals::new(registry, self.protocol);
        let mut answers = JoinSet::new();
        let mut octets = vec![0; limits::DATAGRAM_OCTETS];
        loop {
            let received = tokio::select! {
                biased;
                () = token.draining() => break,
                Some(ended) = answers.join_next() => {
                    signals.ended(&ended);
                    continue;
                }
                received = self.socket.recv_from(&mut octets) => received,
            };
            match received {
                Ok((_, peer)) if answers.len() >= self.at_once_max => signals.refused(peer),
                Ok((count, peer)) => {
                    signals.received();
                    let datagram = Bytes::copy_from_slice(octets.get(..count).unwrap_or_default());
                    let replier = Replier { socket: Arc::clone(&self.socket), peer };
                    answers.spawn(Arc::clone(&door).answer(datagram, replier));
                }
                // A client that has gone is told of here; the pause keeps a broken socket from spinning.
                Err(error) => {
                    signals.failed(&error);
                    tokio::time::sleep(limits::ACCEPT_PAUSE).await;
                }
            }
        }
        let finished = async {
            while let Some(ended) = answers.join_next().await {
                signals.ended(&ended);
            }
        };
        tokio::select! {
            () = finished => {}
            () = token.stopped() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shutdown::Shutdown;

    /// Says every datagram back, twice.
    struct Echo;

    impl DatagramDoor for Echo {
        fn answer(self: Arc<Self>, datagram: Bytes, replier: Replier) -> BoxFuture<'static, ()> {
            Box::pin(async move {
                replier.send(&datagram).await.unwrap();
                replier.send(&datagram).await.unwrap();
            })
        }
    }

    #[tokio::test]
    async fn a_datagram_is_answered_until_the_end() {
        let address = "127.0.0.1:0".parse().unwrap();
        let listener = DatagramListener::bind("test", &address, 4).await.unwrap();
        let ListenAddress::Ip(server) = listener.address().clone() else { panic!("an address") };
        let shutdown = Shutdown::new();
        let (registry, token) = (Registry::new(), shutdown.token());
        let running = {
            let registry = registry.clone();
            tokio::spawn(async move { listener.run(Arc::new(Echo), &registry, token).await })
        };
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        client.send_to(b"hello", server).await.unwrap();
        let mut octets = [0; 16];
        for _ in 0..2 {
            let (count, _) = client.recv_from(&mut octets).await.unwrap();
            assert_eq!(octets.get(..count), Some(&b"hello"[..]));
        }
        assert!(registry.render().contains("heliograph_datagrams_total{protocol=\"test\"} 1"));
        shutdown.drain();
        running.await.unwrap();
    }

    #[tokio::test]
    async fn a_unix_socket_is_no_place_for_datagrams() {
        let address = ListenAddress::Unix("/nowhere".into());
        assert!(matches!(DatagramListener::bind("test", &address, 4).await, Err(Error::Listen { .. })));
    }
}
