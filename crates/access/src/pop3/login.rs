//! What a POP3 session asks of whoever knows who may log in.

use account::owner::Owner;
use net::{BoxFuture, Endpoint, TlsInfo};

/// Whose maildrop it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Holder {
    /// The account and where it lies.
    pub owner: Owner,
    /// Its name, for the logs.
    pub name: String,
}

/// From where a login comes, for limits and channel bindings.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The peer.
    pub peer: Endpoint,
    /// The TLS in use.
    pub tls: Option<&'a TlsInfo>,
}

/// Why a login is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Name or password is wrong; nobody is told which.
    #[error("name or password is wrong")]
    WrongCredentials,
    /// The account exists but may not be used now.
    #[error("the account is suspended")]
    Suspended,
    /// The exchange is not what the mechanism says.
    #[error("the exchange does not follow the mechanism")]
    Malformed,
    /// There were too many failures; later logins will be heard again.
    #[error("too many failed logins")]
    TooMany,
    /// The directory cannot be asked now.
    #[error("the directory is not available")]
    Unavailable,
}

/// One step of a SASL exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exchanged {
    /// The server speaks, the client answers.
    Challenge(Vec<u8>),
    /// The client is who it says. What the server has to say last is sent as a challenge that the client answers with
    /// nothing (RFC 5034 §4).
    Done {
        /// Who it is.
        holder: Holder,
        /// The server's last words.
        additional: Option<Vec<u8>>,
    },
}

/// A SASL exchange under way (RFC 4422 §3).
pub trait Exchange: Send {
    /// Takes the client's next response; at first `None` if the client sent no initial one, to which a mechanism in
    /// which the client speaks first answers with an empty challenge (RFC 5034 §4).
    fn respond(&mut self, response: Option<Vec<u8>>) -> BoxFuture<'_, Result<Exchanged, Denied>>;
}

/// Knows who may log in.
pub trait Logins: Send + Sync {
    /// The mechanisms that can be offered on such a connection, in upper case, the strongest first.
    fn mechanisms(&self, origin: Origin<'_>) -> Vec<String>;

    /// Checks a name and a password.
    fn check<'a>(
        &'a self,
        name: &'a str,
        password: &'a str,
        origin: Origin<'a>,
    ) -> BoxFuture<'a, Result<Holder, Denied>>;

    /// Begins an exchange; `None` if the mechanism is not known.
    fn begin(&self, mechanism: &str, origin: Origin<'_>) -> Option<Box<dyn Exchange>>;
}
