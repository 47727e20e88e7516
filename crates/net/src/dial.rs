//! Connecting to others, with a time limit and from a chosen address.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use model::TraceId;
use tokio::net::{TcpSocket, UnixStream};

use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::shutdown::ShutdownToken;
use crate::stream::Stream;

/// Connects over TCP, from `source` if given (it must be of the same family), within `timeout`.
///
/// # Errors
/// [`Error::Connect`] or [`Error::ConnectTimeout`].
pub async fn tcp(
    peer: SocketAddr,
    source: Option<IpAddr>,
    timeout: Duration,
    trace: TraceId,
    shutdown: ShutdownToken,
) -> Result<Connection, Error> {
    let end = Endpoint::Ip(peer);
    let failed = |source| Error::Connect { peer: end, source };
    let socket = if peer.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(failed)?;
    if let Some(source) = source {
        socket.bind(SocketAddr::new(source, 0)).map_err(failed)?;
    }
    let connected = tokio::time::timeout(timeout, socket.connect(peer)).await;
    let stream = connected.map_err(|_| Error::ConnectTimeout { peer: end, after: timeout })?.map_err(failed)?;
    let local = Endpoint::Ip(stream.local_addr().map_err(failed)?);
    Ok(Connection::new(Stream::tcp(stream), end, local, trace, shutdown))
}

/// Connects to a Unix socket.
///
/// # Errors
/// [`Error::Connect`].
pub async fn unix(path: &Path, trace: TraceId, shutdown: ShutdownToken) -> Result<Connection, Error> {
    let stream = UnixStream::connect(path).await.map_err(|source| Error::Connect { peer: Endpoint::Unix, source })?;
    Ok(Connection::new(Stream::unix(stream), Endpoint::Unix, Endpoint::Unix, trace, shutdown))
}
