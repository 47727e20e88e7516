//! All that is decided at RCPT TO, in its order: whether the address can have mail, what the policy says of it and of the
//! addresses behind it, and where it goes instead.

use crate::inbound::recipient::{self, Accepted};
use crate::inbound::refusal;
use crate::inbound::service::Service;
use crate::judge::hearing::Hearing;
use model::{Address, TraceId};
use smtp::envelope::RcptTo;
use smtp::reply::Reply;

/// What is known when a recipient is judged.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// The transaction's name.
    pub trace: TraceId,
    /// Octets that the client announced.
    pub octets: u64,
    /// Whether somebody has logged in.
    pub has_login: bool,
    /// Recipients that were accepted before.
    pub before: usize,
}

/// Judges a recipient.
///
/// # Errors
/// The refusal.
pub async fn judge(service: &Service, hearing: &mut Hearing, rcpt: &RcptTo, asked: Asked) -> Result<Accepted, Reply> {
    let may_relay = asked.has_login || hearing.may_relay();
    let mut accepted = recipient::judge(service, asked.trace, &rcpt.address, asked.octets, may_relay).await?;
    let directory = &*service.parts.directory;
    match hearing.recipient(asked.trace, directory, rcpt, &mut accepted, asked.before).await? {
        None => Ok(accepted),
        Some(to) => {
            let to: Address = to.parse().map_err(|_| refusal::no_such_redirect())?;
            recipient::judge(service, asked.trace, &to, asked.octets, true).await
        }
    }
}
