//! The server's side of a connection.

use crate::call::Call;
use crate::secret::{Nonce, Secret};
use crate::wire::login::{CLIENT, MAGIC, SERVER};
use crate::wire::octets::Reader;
use crate::wire::offence::Offence;
use crate::wire::{call, frame};

/// What a server says of a login.
pub(crate) const WELCOME: u8 = 1;
/// That the proof is wrong.
pub(crate) const UNKNOWN: u8 = 0;

/// A connection as the server sees it.
#[derive(Debug)]
pub struct Session {
    secret: Secret,
    nonce: Nonce,
    is_proven: bool,
}

impl Session {
    /// A connection on which `greeting` is the server's random octets. Its first words go to `out`.
    pub fn new(secret: Secret, nonce: Nonce, out: &mut Vec<u8>) -> Session {
        frame::put(out, |out| {
            out.extend_from_slice(MAGIC);
            out.extend_from_slice(&nonce);
        });
        Session { secret, nonce, is_proven: false }
    }

    /// Whether the client has proved that it knows the secret.
    pub fn is_proven(&self) -> bool {
        self.is_proven
    }

    /// Takes the next call from `input`; `None` when more is needed. The login is answered on the way, into `out`.
    ///
    /// # Errors
    /// An [`Offence`]: what stands in `out` may still be sent, then the connection must be closed.
    pub fn receive<'a>(&mut self, input: &mut &'a [u8], out: &mut Vec<u8>) -> Result<Option<(u32, Call<'a>)>, Offence> {
        if !self.is_proven {
            let Some(login) = frame::next(input)? else { return Ok(None) };
            self.check(login, out)?;
        }
        frame::next(input)?.map(call::read).transpose()
    }

    fn check(&mut self, login: &[u8], out: &mut Vec<u8>) -> Result<(), Offence> {
        let mut reader = Reader::new(login);
        let (nonce, proof): (Nonce, _) = (reader.octets()?, reader.octets()?);
        reader.end()?;
        if !self.secret.is_proof(CLIENT, &[&self.nonce, &nonce], &proof) {
            frame::put(out, |out| out.push(UNKNOWN));
            return Err(Offence::WrongSecret);
        }
        self.is_proven = true;
        frame::put(out, |out| {
            out.push(WELCOME);
            out.extend_from_slice(&self.secret.proof(SERVER, &[&self.nonce, &nonce]));
        });
        Ok(())
    }
}
