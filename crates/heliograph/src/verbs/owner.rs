//! Whose things an operator means: an account by its address.

use account::owner::Owner;
use directory::directory::Directory;
use directory::entry::Account;

use crate::failure::Failure;
use crate::operations::Operations;

/// The account of an address, whatever its status.
///
/// # Errors
/// There is none, or the directory cannot be asked.
pub async fn account(operations: &Operations, address: &str) -> Result<Account, Failure> {
    let found = operations.services.directory.account_named(address).await;
    match found {
        Ok(Some(account)) => Ok(account),
        Ok(None) => Err(Failure::failed(format!("there is no account {address}"))),
        Err(error) => Err(Failure::temporary("the directory is not available").because(error)),
    }
}

/// Where its mail is.
///
/// # Errors
/// As [`account`].
pub async fn owner(operations: &Operations, address: &str) -> Result<Owner, Failure> {
    let account = account(operations, address).await?;
    Ok(Owner::new(account.account_id(), account.partition))
}

/// A failure of the mail store.
pub fn store_failed(what: &str, error: mail::error::Error) -> Failure {
    let message = format!("cannot {what}: {error}");
    if error.is_temporary() { Failure::temporary(message) } else { Failure::failed(message) }
}
