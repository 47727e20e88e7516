//! All that is decided at RCPT TO, in its order: whether the address can have mail, what the policy says of it and of the
//! addresses behind it, and where it goes instead.

use crate::channels::brought::Brought;
use crate::channels::named::Piece;
use crate::inbound::recipient::{self, Accepted};
use crate::inbound::refusal;
use crate::inbound::service::Service;
use crate::judge::hearing::Hearing;
use model::{Address, TraceId};
use queue::entry::Channel;
use smtp::envelope::RcptTo;
use smtp::reply::Reply;

/// What is known when a recipient is judged.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The transaction's name.
    pub trace: TraceId,
    /// Octets that the client announced.
    pub octets: u64,
    /// Whether somebody has logged in.
    pub has_login: bool,
    /// Recipients that were accepted before.
    pub before: usize,
    /// The envelope sender.
    pub from: Option<&'a Address>,
    /// Whether the client may be a scanner that gives mail back: where that goes is judged when the message is there.
    pub may_return: bool,
}

/// Judges a recipient.
///
/// # Errors
/// The refusal.
pub async fn judge(
    service: &Service,
    hearing: &mut Hearing,
    rcpt: &RcptTo,
    asked: Asked<'_>,
) -> Result<Accepted, Reply> {
    let may_relay = asked.has_login || hearing.may_relay() || asked.may_return;
    let mut accepted = recipient::judge(service, asked.trace, &rcpt.address, asked.octets, may_relay).await?;
    if accepted.route.as_ref().is_some_and(|route| route.channel != Channel::Process) {
        let brought = Brought::of_session(service.kind, asked.has_login, hearing.source());
        let mail = Piece { brought: &brought, from: asked.from, to: &accepted.address };
        accepted.route = service.parts.channels.elsewhere(mail).or(accepted.route);
    }
    let directory = &*service.parts.directory;
    match hearing.recipient(asked.trace, directory, rcpt, &mut accepted, asked.before).await? {
        None => Ok(accepted),
        Some(to) => {
            let to: Address = to.parse().map_err(|_| refusal::no_such_redirect())?;
            recipient::judge(service, asked.trace, &to, asked.octets, true).await
        }
    }
}
