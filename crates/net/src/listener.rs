//! Accepting connections and handing them to a door, one task each.
//!
//! A listener is bound first and runs later, so that all ports are known to be free before anything starts. When the
//! program ends it closes its socket at once, waits for its connections, and cuts off whoever is left when time is up.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use model::TraceId;
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::admission::{Admission, ConnectionLimits, Refused};
use crate::connection::Connection;
use crate::endpoint::{Endpoint, ListenAddress};
use crate::error::Error;
use crate::limits;
use crate::metrics::Registry;
use crate::proxy::{self, Proxied, ProxyError};
use crate::random::Random;
use crate::shutdown::ShutdownToken;
use crate::signals::Signals;
use crate::socket::{Carrier, Socket};
use crate::tls::ServerTls;
use model::Network;

/// A future behind a pointer.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What speaks a protocol with those who connect.
pub trait Door: Send + Sync + 'static {
    /// Serves one connection to its end. A panic ends this connection only, and is counted.
    fn serve(self: Arc<Self>, connection: Connection) -> BoxFuture<'static, ()>;

    /// What to tell somebody who is refused before the first word, in the protocol's own form; empty says nothing.
    /// Only said in plain text: a refused peer is worth no TLS handshake.
    fn farewell(&self, refused: Refused) -> Bytes {
        let _unsaid = refused;
        Bytes::new()
    }
}

/// How a listener uses TLS.
#[derive(Clone, Debug)]
pub enum TlsUse {
    /// Not at all.
    Never,
    /// From the first octet (RFC 8314 §3).
    Implicit(ServerTls),
    /// When the client asks for it.
    OnRequest(ServerTls),
}

/// How a listener listens.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// The protocol's name, for logs and metrics.
    pub protocol: &'static str,
    /// Where.
    pub address: ListenAddress,
    /// With TLS or not.
    pub tls: TlsUse,
    /// How many at a time.
    pub limits: ConnectionLimits,
    /// Peers that must begin with a PROXY header.
    pub proxies: Vec<Network>,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// The permissions of a Unix socket, such as `0o660`.
    pub unix_mode: u32,
}

impl ListenerSettings {
    /// A listener with default limits.
    pub fn new(protocol: &'static str, address: ListenAddress, tls: TlsUse) -> ListenerSettings {
        ListenerSettings {
            protocol,
            address,
            tls,
            limits: ConnectionLimits::default(),
            proxies: Vec::new(),
            handshake_timeout: limits::HANDSHAKE,
            unix_mode: 0o660,
        }
    }
}

/// A bound listener.
#[derive(Debug)]
pub struct Listener {
    socket: Accepting,
    settings: ListenerSettings,
    admission: Admission,
    bound_to: ListenAddress,
}

#[derive(Debug)]
enum Accepting {
    Tcp(TcpListener),
    Unix { socket: UnixListener, path: PathBuf },
}

impl Listener {
    /// Takes the address. Must be called within tokio.
    ///
    /// # Errors
    /// [`Error::Listen`] when the address is taken or forbidden; [`Error::NotASocket`] when a Unix socket's path holds
    /// something else.
    pub async fn bind(settings: ListenerSettings) -> Result<Listener, Error> {
        let failed = |source| Error::Listen { address: settings.address.clone(), source };
        let (socket, bound_to) = match &settings.address {
            ListenAddress::Ip(address) => {
                let socket = TcpListener::bind(address).await.map_err(failed)?;
                let bound_to = ListenAddress::Ip(socket.local_addr().map_err(failed)?);
                (Accepting::Tcp(socket), bound_to)
            }
            ListenAddress::Unix(path) => {
                make_way(path).await?;
                let socket = UnixListener::bind(path).map_err(failed)?;
                set_mode(path, settings.unix_mode).map_err(failed)?;
                (Accepting::Unix { socket, path: path.clone() }, settings.address.clone())
            }
        };
        let admission = Admission::new(settings.limits);
        Ok(Listener { socket, settings, admission, bound_to })
    }

    /// Where it listens: the port that the system chose where 0 was asked for.
    pub fn address(&self) -> &ListenAddress {
        &self.bound_to
    }

    /// The protocol's name.
    pub fn protocol(&self) -> &'static str {
        self.settings.protocol
    }

    /// Serves until the token says to end, and until the last connection has ended or time is up.
    pub async fn run(self, door: Arc<dyn Door>, random: Arc<dyn Random>, registry: &Registry, token: ShutdownToken) {
        let signals = Signals::new(registry, self.settings.protocol);
        let Listener { socket, settings, admission, .. } = self;
        let shared = Arc::new(Shared { door, settings, admission, signals, token: token.clone() });
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = token.draining() => break,
                Some(ended) = connections.join_next() => {
                    shared.signals.ended(&ended);
                    continue;
                }
                accepted = socket.accept() => accepted,
            };
            match accepted {
                Ok((carrier, peer, local)) => {
                    let trace = TraceId(random.u64());
                    Arc::clone(&shared).welcome(&mut connections, carrier, peer, local, trace);
                }
                Err(error) => {
                    shared.signals.accept_failed(&error);
                    tokio::time::sleep(limits::ACCEPT_PAUSE).await;
                }
            }
        }
        socket.close();
        loop {
            tokio::select! {
                biased;
                ended = connections.join_next() => match ended {
                    Some(ended) => shared.signals.ended(&ended),
                    None => return,
                },
                () = token.stopped() => {
                    shared.signals.cut_off(connections.len());
                    connections.shutdown().await;
                    return;
                }
            }
        }
    }
}

impl Accepting {
    async fn accept(&self) -> io::Result<(Carrier, Endpoint, Endpoint)> {
        match self {
            Accepting::Tcp(listener) => {
                let (socket, peer) = listener.accept().await?;
                let local = socket.local_addr()?;
                let _slower = socket.set_nodelay(true);
                Ok((Carrier::Tcp(socket), Endpoint::Ip(peer), Endpoint::Ip(local)))
            }
            Accepting::Unix { socket, .. } => {
                let (socket, _) = socket.accept().await?;
                Ok((Carrier::Unix(socket), Endpoint::Unix, Endpoint::Unix))
            }
        }
    }

    fn close(self) {
        if let Accepting::Unix { socket, path } = self {
            drop(socket);
            // The next start removes a stale socket as well, so a failure here is of no consequence.
            let _stale = std::fs::remove_file(path);
        }
    }
}

/// Removes a socket that nobody listens on any more; leaves one that somebody does, for `bind` to refuse.
async fn make_way(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::FileTypeExt;
    let Ok(found) = std::fs::symlink_metadata(path) else { return Ok(()) };
    if !found.file_type().is_socket() {
        return Err(Error::NotASocket { path: path.to_owned() });
    }
    if tokio::net::UnixStream::connect(path).await.is_err() {
        std::fs::remove_file(path)
            .map_err(|source| Error::Listen { address: ListenAddress::Unix(path.to_owned()), source })?;
    }
    Ok(())
}

fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

/// What all connections of a listener share.
struct Shared {
    door: Arc<dyn Door>,
    settings: ListenerSettings,
    admission: Admission,
    signals: Signals,
    token: ShutdownToken,
}

impl Shared {
    fn welcome(
        self: Arc<Shared>,
        connections: &mut JoinSet<()>,
        carrier: Carrier,
        peer: Endpoint,
        local: Endpoint,
        trace: TraceId,
    ) {
        let trusted_proxy = peer.ip().filter(|ip| self.settings.proxies.iter().any(|network| network.contains(*ip)));
        if trusted_proxy.is_some() {
            // A proxy brings many clients: it counts in the total, its clients each by their own address.
            connections.spawn(async move {
                if let Err(error) = Arc::clone(&self).serve_proxied(carrier, peer, local, trace).await {
                    self.signals.proxy_failed(trace, &error);
                }
            });
            return;
        }
        match self.admission.admit(peer.ip()) {
            Ok(admitted) => {
                let connection = Connection::from_socket(Socket::new(carrier), peer, local, trace, self.token.clone())
                    .holding(Arc::new(admitted));
                connections.spawn(self.serve(connection));
            }
            Err(refused) => {
                self.signals.refused(trace, peer, refused);
                let connection = Connection::from_socket(Socket::new(carrier), peer, local, trace, self.token.clone());
                connections.spawn(self.send_away(connection, refused));
            }
        }
    }

    async fn serve_proxied(
        self: Arc<Shared>,
        carrier: Carrier,
        proxy: Endpoint,
        local: Endpoint,
        trace: TraceId,
    ) -> Result<(), Error> {
        let mut socket = Socket::new(carrier);
        let read = tokio::time::timeout(limits::PROXY_HEADER, read_header(&mut socket)).await;
        let proxied =
            read.unwrap_or(Err(ProxyError::Missing)).map_err(|source| Error::Proxy { peer: proxy, source })?;
        let mut connection = Connection::from_socket(socket, proxy, local, trace, self.token.clone());
        if let (Proxied::For { source, destination }, Endpoint::Ip(proxy)) = (proxied, proxy) {
            connection.set_proxied(proxy, source, destination);
        }
        match self.admission.admit(connection.peer().ip()) {
            Ok(admitted) => self.serve(connection.holding(Arc::new(admitted))).await,
            Err(refused) => {
                self.signals.refused(trace, connection.peer(), refused);
                self.send_away(connection, refused).await;
            }
        }
        Ok(())
    }

    async fn serve(self: Arc<Shared>, connection: Connection) {
        let counted = self.signals.connected(&connection);
        let mut connection = connection.with_handshake_timeout(self.settings.handshake_timeout);
        match &self.settings.tls {
            TlsUse::Never => {}
            TlsUse::OnRequest(tls) => connection = connection.with_server_tls(tls.clone()),
            TlsUse::Implicit(tls) => {
                connection = connection.with_server_tls(tls.clone());
                if let Err(error) = connection.start_tls().await {
                    self.signals.handshake_failed(&connection, &error);
                    return;
                }
            }
        }
        let door = Arc::clone(&self.door);
        drop(self);
        door.serve(connection).await;
        drop(counted);
    }

    async fn send_away(self: Arc<Shared>, mut connection: Connection, refused: Refused) {
        let farewell = self.door.farewell(refused);
        if farewell.is_empty() || matches!(self.settings.tls, TlsUse::Implicit(_)) {
            return;
        }
        let deadline = Some(Instant::now() + limits::REFUSAL);
        if connection.send(&farewell, deadline).await.is_ok() {
            connection.close(deadline).await;
        }
    }
}

/// Reads a PROXY header and gives back what came after it.
async fn read_header(socket: &mut Socket) -> Result<Proxied, ProxyError> {
    use tokio::io::AsyncReadExt;
    let mut octets = BytesMut::with_capacity(256);
    loop {
        // The header's own limits bound the buffer: `parse` fails before it grows past them.
        if socket.read_buf(&mut octets).await.map_err(|_| ProxyError::Missing)? == 0 {
            return Err(ProxyError::Missing);
        }
        if let Some((proxied, length)) = proxy::parse(&octets)? {
            socket.give_back(octets.split_off(length).freeze());
            return Ok(proxied);
        }
    }
}

#[cfg(test)]
mod tests;
