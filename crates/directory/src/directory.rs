//! The port: what the rest of the program asks of a directory, wherever it is kept.

use crate::entry::Account;
use crate::error::Error;
use crate::resolve::Resolution;
use model::{AccountId, Address};
use std::future::Future;
use std::pin::Pin;

/// An answer that may have to come over a network.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// A directory. When it is away every method answers [`Error::Unavailable`], never "no such user".
pub trait Directory: Send + Sync {
    /// Whether mail for this domain is ours.
    fn is_local_domain<'a>(&'a self, domain: &'a model::Domain) -> Answer<'a, bool>;

    /// What stands behind an address.
    fn resolve<'a>(&'a self, address: &'a Address) -> Answer<'a, Resolution>;

    /// The account of a login name: its address in any case, or an alias of it alone.
    fn account_named<'a>(&'a self, name: &'a str) -> Answer<'a, Option<Account>>;

    /// The account of a number.
    fn account(&self, id: AccountId) -> Answer<'_, Option<Account>>;

    /// The groups that an address belongs to, directly or through other groups.
    fn groups_of<'a>(&'a self, address: &'a str) -> Answer<'a, Vec<String>>;
}

/// A directory that is away: for tests of what the rest does then.
#[derive(Clone, Copy, Debug, Default)]
pub struct Away;

impl Away {
    fn answer<'a, T: Send + 'a>() -> Answer<'a, T> {
        Box::pin(async { Err(Error::unavailable("the directory is away")) })
    }
}

impl Directory for Away {
    fn is_local_domain<'a>(&'a self, _domain: &'a model::Domain) -> Answer<'a, bool> {
        Away::answer()
    }

    fn resolve<'a>(&'a self, _address: &'a Address) -> Answer<'a, Resolution> {
        Away::answer()
    }

    fn account_named<'a>(&'a self, _name: &'a str) -> Answer<'a, Option<Account>> {
        Away::answer()
    }

    fn account(&self, _id: AccountId) -> Answer<'_, Option<Account>> {
        Away::answer()
    }

    fn groups_of<'a>(&'a self, _address: &'a str) -> Answer<'a, Vec<String>> {
        Away::answer()
    }
}
