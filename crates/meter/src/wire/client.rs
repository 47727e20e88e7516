//! The client's side of a connection.

use crate::secret::{Nonce, Secret};
use crate::wire::answer::{self, Answer};
use crate::wire::frame;
use crate::wire::login::{CLIENT, MAGIC, SERVER};
use crate::wire::octets::Reader;
use crate::wire::offence::Offence;
use crate::wire::server::WELCOME;

/// A connection as the client sees it.
#[derive(Debug)]
pub struct Session {
    secret: Secret,
    nonce: Nonce,
    state: State,
}

#[derive(Debug)]
enum State {
    Greeting,
    Login { server: Nonce },
    Ready,
}

/// What came from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The login is done: calls may be sent.
    Ready,
    /// The answer to the call of this number.
    Answer(u32, Answer),
}

impl Session {
    /// A connection on which `nonce` is the client's random octets. The server speaks first.
    pub fn new(secret: Secret, nonce: Nonce) -> Session {
        Session { secret, nonce, state: State::Greeting }
    }

    /// Takes what came; `None` when more is needed. What must be sent goes to `out`.
    ///
    /// # Errors
    /// An [`Offence`]: the connection must be closed.
    pub fn receive(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<Option<Event>, Offence> {
        while let Some(frame) = frame::next(input)? {
            match &self.state {
                State::Greeting => {
                    let mut reader = Reader::new(frame);
                    let magic: [u8; MAGIC.len()] = reader.octets().map_err(|_| Offence::OtherProtocol)?;
                    if magic != *MAGIC {
                        return Err(Offence::OtherProtocol);
                    }
                    let server: Nonce = reader.octets()?;
                    reader.end()?;
                    let proof = self.secret.proof(CLIENT, &[&server, &self.nonce]);
                    frame::put(out, |out| {
                        out.extend_from_slice(&self.nonce);
                        out.extend_from_slice(&proof);
                    });
                    self.state = State::Login { server };
                }
                State::Login { server } => {
                    let mut reader = Reader::new(frame);
                    if reader.u8()? != WELCOME {
                        return Err(Offence::LoginRefused);
                    }
                    let proof = reader.octets()?;
                    reader.end()?;
                    if !self.secret.is_proof(SERVER, &[server, &self.nonce], &proof) {
                        return Err(Offence::WrongSecret);
                    }
                    self.state = State::Ready;
                    return Ok(Some(Event::Ready));
                }
                State::Ready => {
                    let (number, answer) = answer::read(frame)?;
                    return Ok(Some(Event::Answer(number, answer)));
                }
            }
        }
        Ok(None)
    }
}
