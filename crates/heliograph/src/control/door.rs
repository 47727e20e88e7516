//! The server's end of the administration socket. Whoever can open the socket may do everything: it lies in a folder
//! that only the owner of the data can enter.

use std::sync::Arc;

use bytes::BytesMut;
use net::{BoxFuture, Connection, Door, Received};
use tokio::sync::mpsc;

use crate::control::request::Request;
use crate::control::wire::{Answer, REQUEST_OCTETS};
use crate::failure::Failure;
use crate::operations::Tell;
use serde_json::Value;

/// Performs a request. May take long and block.
pub type Perform = Arc<dyn Fn(Request, Tell<'_>) -> Result<Value, Failure> + Send + Sync>;

/// The door.
pub struct Control {
    perform: Perform,
}

/// Answers that wait to be sent; a slow reader slows the work down.
const WAITING_ANSWERS: usize = 16;

impl Control {
    /// A door behind which `perform` is done.
    pub fn new(perform: Perform) -> Control {
        Control { perform }
    }

    /// One request and its answers.
    async fn talk(&self, mut connection: Connection) -> std::io::Result<()> {
        let Some(line) = read_line(&mut connection).await? else { return Ok(()) };
        let request: Request = match serde_json::from_slice(&line) {
            Ok(request) => request,
            Err(error) => {
                let failure = Failure::usage("the server does not understand this request").because(error);
                return connection.send(&Answer::from(Err(failure)).line(), None).await;
            }
        };
        let (sender, mut answers) = mpsc::channel(WAITING_ANSWERS);
        let perform = Arc::clone(&self.perform);
        tokio::task::spawn_blocking(move || {
            let mut tell = |progress| {
                // Whoever asked may have gone or be slow: the work goes on, and a later step tells as much. Waiting here could
                // also be waiting inside of the runtime, for a verb that itself waits for the store.
                let _missed = sender.try_send(Answer::Progress(progress));
            };
            let answer = Answer::from(perform(request, &mut tell));
            let _gone = sender.blocking_send(answer);
        });
        while let Some(answer) = answers.recv().await {
            connection.send(&answer.line(), None).await?;
        }
        Ok(())
    }
}

async fn read_line(connection: &mut Connection) -> std::io::Result<Option<BytesMut>> {
    let mut octets = BytesMut::new();
    loop {
        let searched = octets.len();
        match connection.receive_unless_draining(&mut octets, None).await? {
            Received::Octets(_) if octets.len() > REQUEST_OCTETS => return Ok(None),
            Received::Octets(_) => {}
            _ => return Ok(None),
        }
        let fresh = octets.get(searched..).unwrap_or_default();
        if let Some(at) = fresh.iter().position(|octet| *octet == b'\n') {
            return Ok(Some(octets.split_to(searched + at)));
        }
    }
}

impl Door for Control {
    fn serve(self: Arc<Self>, connection: Connection) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            if let Err(error) = self.talk(connection).await {
                tracing::debug!(cause = %error, "an administration command went away");
            }
        })
    }
}
