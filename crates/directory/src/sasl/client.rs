//! Logging in elsewhere, as to a smart host: the strongest mechanism that both sides know.

use crate::sasl::plain;
use crate::sasl::scram::{self, Failure, Hash};

/// A login under way as the client.
#[derive(Debug)]
pub struct Login {
    mechanism: &'static str,
    state: State,
    name: String,
    password: String,
}

#[derive(Debug)]
enum State {
    Plain,
    LoginName,
    LoginPassword,
    ScramFirst(Box<scram::Client>),
    ScramFinal(Box<scram::Client>),
    Done,
}

impl Login {
    /// Chooses among the mechanisms that the server offers, in capitals. `nonce` is 18 or more random octets in base64.
    /// PLAIN and LOGIN hand the password over, so they are used only where `is_private` says that the connection is.
    pub fn choose(offered: &[String], name: &str, password: &str, nonce: &str, is_private: bool) -> Option<Login> {
        let has = |mechanism: &str| offered.iter().any(|offer| offer == mechanism);
        let (mechanism, state) = if has("SCRAM-SHA-256") {
            let client = scram::Client::new(Hash::Sha256, name, password, nonce);
            ("SCRAM-SHA-256", State::ScramFirst(Box::new(client)))
        } else if has("SCRAM-SHA-1") {
            let client = scram::Client::new(Hash::Sha1, name, password, nonce);
            ("SCRAM-SHA-1", State::ScramFirst(Box::new(client)))
        } else if has("PLAIN") && is_private {
            ("PLAIN", State::Plain)
        } else if has("LOGIN") && is_private {
            ("LOGIN", State::LoginName)
        } else {
            return None;
        };
        Some(Login { mechanism, state, name: name.to_owned(), password: password.to_owned() })
    }

    /// The mechanism's name.
    pub fn mechanism(&self) -> &'static str {
        self.mechanism
    }

    /// The initial response, if the mechanism has one.
    pub fn initial(&self) -> Option<Vec<u8>> {
        match &self.state {
            State::Plain => Some(plain::write(&self.name, &self.password)),
            State::ScramFirst(client) => Some(client.first()),
            _ => None,
        }
    }

    /// Answers a challenge.
    pub fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, Failure> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Plain => Ok(plain::write(&self.name, &self.password)),
            State::LoginName => {
                self.state = State::LoginPassword;
                Ok(self.name.clone().into_bytes())
            }
            State::LoginPassword => Ok(self.password.clone().into_bytes()),
            State::ScramFirst(mut client) => {
                let answer = client.finish(challenge)?;
                self.state = State::ScramFinal(client);
                Ok(answer)
            }
            State::ScramFinal(client) => client.verify(challenge).map(|()| Vec::new()),
            State::Done => Err(Failure::Malformed),
        }
    }
}
