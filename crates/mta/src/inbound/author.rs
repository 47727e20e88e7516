//! Whom an account may speak for: with its own address and those that lead to it, and with nobody else's.

use crate::authentication::sign;
use crate::inbound::arrival::Arrival;
use crate::inbound::refusal;
use crate::inbound::service::Service;
use directory::resolve::Resolution;
use model::{Address, TraceId};
use smtp::reply::Reply;

/// Whether mail to the address reaches the account, which then may send as it (RFC 6409 §6.1).
///
/// # Errors
/// The reply when the directory cannot be asked.
pub async fn may_send_as(service: &Service, trace: TraceId, account: u32, address: &Address) -> Result<bool, Reply> {
    let resolution = service.parts.directory.resolve(address).await.map_err(|error| {
        service.signals.directory_away(trace, &error);
        refusal::directory_away()
    })?;
    Ok(match resolution {
        Resolution::Expanded { local, .. } => local.iter().any(|target| target.account.id == account),
        _ => false,
    })
}

/// Whether who logged in may speak for all authors of the message: each is an address that leads to it.
/// The envelope's sender was checked before, and tells nothing about them.
///
/// # Errors
/// The reply when the directory cannot be asked: mail that should be signed does not go without.
pub async fn is_author(service: &Service, arrival: &Arrival) -> Result<bool, Reply> {
    let Some(account) = &arrival.origin.account else { return Ok(false) };
    let authors = sign::authors(&arrival.body);
    for author in &authors {
        let Ok(address) = author.parse::<Address>() else { return Ok(false) };
        if !may_send_as(service, arrival.trace, account.id, &address).await? {
            return Ok(false);
        }
    }
    Ok(!authors.is_empty())
}
