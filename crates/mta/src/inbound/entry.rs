//! All that is decided of a connection, at MAIL FROM and at RCPT TO, in its order: rates, whether an address can send or have
//! mail, what the policy says of it and of the addresses behind it, where it goes instead, and greylisting. Sessions and
//! explanations both go through here; an explanation counts and remembers nothing.

use crate::channels::brought::Brought;
use crate::channels::named::Piece;
use crate::inbound::author;
use crate::inbound::greylisting;
use crate::inbound::recipient::{self, Accepted};
use crate::inbound::refusal;
use crate::inbound::service::Service;
use crate::judge::hearing::{From, Hearing};
use directory::entry::Account;
use model::{Address, TraceId};
use net::Endpoint;
use queue::entry::Channel;
use smtp::envelope::{MailFrom, RcptTo};
use smtp::reply::Reply;
use smtp::server::Kind;

/// What is known when a recipient is judged.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The transaction's name.
    pub trace: TraceId,
    /// Octets that the client announced.
    pub octets: u64,
    /// Who has logged in.
    pub account: Option<&'a Account>,
    /// Recipients that were accepted before.
    pub before: usize,
    /// The client.
    pub peer: Endpoint,
    /// How it names itself.
    pub hello: &'a str,
    /// The sender.
    pub reverse_path: Option<&'a Address>,
}

/// Counts a connection, before anything costlier is asked about it; the greeting of one too many.
pub async fn connection(service: &Service, hearing: &Hearing, peer: Endpoint) -> Option<Reply> {
    let is_counted = service.kind != Kind::Lmtp && !may_return(service, peer);
    let is_over = is_counted && service.parts.rates.too_many_connections(peer, hearing.effects()).await;
    is_over.then(|| refusal::too_many_connections(&service.settings.host))
}

/// Judges a sender: who has logged in sends as itself or as an address of its own (RFC 6409 §6.1), and not too much; then
/// the policy is asked.
///
/// # Errors
/// The refusal.
pub async fn sender(
    service: &Service,
    hearing: &mut Hearing,
    trace: TraceId,
    mail: &MailFrom,
    from: &From<'_>,
) -> Result<(), Reply> {
    if let Some(account) = from.account {
        if let Some(address) = &mail.reverse_path
            && !author::may_send_as(service, trace, account.id, address).await?
        {
            return Err(refusal::sender_denied());
        }
        if service.parts.rates.too_many_messages(Some(&account.address), hearing.effects()).await {
            return Err(refusal::too_much_sent());
        }
    }
    hearing.mail(trace, mail, from).await
}

/// Judges a recipient.
///
/// # Errors
/// The refusal.
pub async fn recipient(
    service: &Service,
    hearing: &mut Hearing,
    rcpt: &RcptTo,
    asked: Asked<'_>,
) -> Result<Accepted, Reply> {
    let accepted = judge(service, hearing, rcpt, asked).await?;
    let account = asked.account.map(|account| account.address.as_str());
    if service.parts.rates.too_many_recipients(account, hearing.effects()).await {
        return Err(refusal::too_much_sent());
    }
    // A delivery by a stranger may look suspicious.
    if let Some(greylist) = &service.parts.greylist
        && service.kind == Kind::Smtp
        && account.is_none()
        && !may_return(service, asked.peer)
    {
        let Asked { peer, hello, reverse_path, .. } = asked;
        let suspected = greylisting::judge(greylist, peer, hello, reverse_path, &rcpt.address, hearing.effects()).await;
        if let Some(reply) = suspected {
            return Err(reply);
        }
    }
    Ok(accepted)
}

/// Whether a client may be a scanner that gives mail back: where that goes is judged when the message is there.
fn may_return(service: &Service, peer: Endpoint) -> bool {
    service.kind == Kind::Smtp && service.parts.channels.may_return(peer)
}

async fn judge(service: &Service, hearing: &mut Hearing, rcpt: &RcptTo, asked: Asked<'_>) -> Result<Accepted, Reply> {
    let has_login = asked.account.is_some();
    let may_relay = has_login || hearing.may_relay() || may_return(service, asked.peer);
    let mut accepted = recipient::judge(service, asked.trace, &rcpt.address, asked.octets, may_relay).await?;
    if accepted.route.as_ref().is_some_and(|route| route.channel != Channel::Process) {
        let brought = Brought::of_session(service.kind, has_login, hearing.source());
        let mail = Piece { brought: &brought, from: asked.reverse_path, to: &accepted.address };
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
