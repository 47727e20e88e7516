//! Making a connection to one server: connecting and logging in, within one time limit.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use model::TraceId;
use net::{Connection, Random, Received, ShutdownToken, Stream, dial};
use tokio::time::Instant;

use crate::secret::Secret;
use crate::wire::client::{Event, Session};

/// A connection that is ready for calls.
#[derive(Debug)]
pub struct Open {
    /// The stream.
    pub stream: Stream,
    /// What reads the answers.
    pub session: Session,
    /// Octets that came behind the login; a server sends none.
    pub input: BytesMut,
}

/// Connects to `server` and logs in, until `deadline`.
///
/// # Errors
/// Why not, in words.
pub async fn open(
    server: SocketAddr,
    secret: Secret,
    random: Arc<dyn Random>,
    deadline: Instant,
) -> Result<Open, String> {
    let left = deadline.saturating_duration_since(Instant::now());
    let trace = TraceId(random.u64());
    let connection = dial::tcp(server, None, left, trace, ShutdownToken::never()).await;
    let mut connection = connection.map_err(|error| match std::error::Error::source(&error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    })?;
    let mut nonce = [0; 32];
    random.fill(&mut nonce);
    let mut session = Session::new(secret, nonce);
    let mut input = BytesMut::new();
    while !log_in(&mut connection, &mut session, &mut input, deadline).await? {}
    Ok(Open { stream: connection.into_stream(), session, input })
}

/// One step of the login; tells whether it is done.
async fn log_in(
    connection: &mut Connection,
    session: &mut Session,
    input: &mut BytesMut,
    deadline: Instant,
) -> Result<bool, String> {
    match connection.receive(input, Some(deadline)).await {
        Ok(Received::Octets(_)) => {}
        Ok(Received::TimedOut | Received::Draining) => return Err("it did not answer in time".to_owned()),
        Ok(Received::Closed) => return Err("it closed the connection during the login".to_owned()),
        Err(error) => return Err(error.to_string()),
    }
    let (mut rest, mut out) = (input.as_ref(), Vec::new());
    let event = session.receive(&mut rest, &mut out).map_err(|offence| offence.to_string())?;
    let used = input.len() - rest.len();
    input.advance(used);
    if !out.is_empty() {
        connection.send(&out, Some(deadline)).await.map_err(|error| error.to_string())?;
    }
    Ok(event == Some(Event::Ready))
}
