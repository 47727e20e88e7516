//! From an address to the mailboxes and foreign addresses behind it: aliases, groups, subaddresses, catch-all.

use crate::entry::{Account, Domain, Name, Status, canonical};
use crate::error::Error;
use crate::limits::{DEPTH_MAX, EXPANDED_MAX};
use model::{Address, LocalPart};
use std::collections::BTreeSet;

/// One of our accounts that gets the mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalTarget {
    /// The account.
    pub account: Account,
    /// What stood behind the separator: a folder that the sender names (RFC 5233 §1).
    pub detail: Option<String>,
    /// Whether the address came from the envelope itself, not from an alias, a group or a catch-all.
    pub is_direct: bool,
}

/// What an address means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Mail can be taken: for these accounts and these addresses elsewhere, each once.
    Expanded {
        /// Accounts of ours.
        local: Vec<LocalTarget>,
        /// Addresses of other domains.
        remote: Vec<Address>,
    },
    /// The domain is not ours.
    Foreign,
    /// The domain is ours and has no such name.
    Unknown,
    /// The account exists and takes no mail now.
    Suspended,
    /// Aliases or groups lead back to themselves, go too deep, or to too many: nothing could be reached.
    Loop,
}

/// What resolving reads.
pub trait Entries {
    /// A domain's record.
    fn domain(&self, domain: &str) -> Result<Option<Domain>, Error>;
    /// What stands behind a canonical address.
    fn name(&self, address: &str) -> Result<Option<Name>, Error>;
    /// An account by number.
    fn account(&self, id: u32) -> Result<Option<Account>, Error>;
    /// Who gets the mail of a postmaster that nobody has made (RFC 5321 §4.5.1).
    fn postmaster(&self) -> Result<Option<Account>, Error>;
}

/// Resolves an address. `separator` divides a name from its detail.
pub fn resolve(entries: &dyn Entries, address: &Address, separator: char) -> Result<Resolution, Error> {
    if entries.domain(address.domain.as_str())?.is_none() {
        return Ok(Resolution::Foreign);
    }
    let mut walk = Walk {
        entries,
        separator,
        local: Vec::new(),
        remote: Vec::new(),
        seen: BTreeSet::new(),
        suspended: false,
        cut: false,
    };
    let found = walk.visit(address, 0, true)?;
    if !walk.local.is_empty() || !walk.remote.is_empty() {
        return Ok(Resolution::Expanded { local: walk.local, remote: walk.remote });
    }
    Ok(match (walk.suspended, found && walk.cut) {
        (true, _) => Resolution::Suspended,
        (false, true) => Resolution::Loop,
        (false, false) => Resolution::Unknown,
    })
}

struct Walk<'a> {
    entries: &'a dyn Entries,
    separator: char,
    local: Vec<LocalTarget>,
    remote: Vec<Address>,
    seen: BTreeSet<String>,
    suspended: bool,
    cut: bool,
}

impl Walk<'_> {
    /// Follows one address; returns whether anything has its name.
    fn visit(&mut self, address: &Address, depth: usize, is_direct: bool) -> Result<bool, Error> {
        let Some(domain) = self.entries.domain(address.domain.as_str())? else {
            self.add_remote(address);
            return Ok(true);
        };
        let whole = canonical(address);
        if let Some(name) = self.entries.name(&whole)? {
            return self.follow(&whole, name, None, depth, is_direct).map(|()| true);
        }
        if let (user, Some(detail)) = address.local.split_detail(self.separator)
            && let Ok(local) = LocalPart::new(user)
        {
            let base = canonical(&Address::new(local, address.domain.clone()));
            if let Some(name) = self.entries.name(&base)? {
                let detail = Some(detail.to_owned()).filter(|detail| !detail.is_empty());
                return self.follow(&base, name, detail, depth, is_direct).map(|()| true);
            }
        }
        if address.local.as_str().eq_ignore_ascii_case("postmaster")
            && let Some(account) = self.entries.postmaster()?
        {
            self.add_local(account, None, false);
            return Ok(true);
        }
        let catch_all = domain.catch_all.and_then(|target| target.parse::<Address>().ok());
        match catch_all {
            Some(target) if depth < DEPTH_MAX && self.seen.insert(format!("*{}", address.domain)) => {
                self.visit(&target, depth + 1, false)
            }
            _ => Ok(false),
        }
    }

    fn follow(
        &mut self,
        key: &str,
        name: Name,
        detail: Option<String>,
        depth: usize,
        is_direct: bool,
    ) -> Result<(), Error> {
        let targets = match name {
            Name::Account { id } => {
                match self.entries.account(id)? {
                    Some(account) => self.add_local(account, detail, is_direct),
                    None => self.cut = true,
                }
                return Ok(());
            }
            Name::Alias { targets } => targets,
            Name::Group { members, .. } => members,
        };
        if depth >= DEPTH_MAX || !self.seen.insert(key.to_owned()) {
            self.cut = true;
            return Ok(());
        }
        for target in targets {
            if let Ok(address) = target.parse::<Address>() {
                self.visit(&address, depth + 1, false)?;
            }
        }
        Ok(())
    }

    fn add_local(&mut self, account: Account, detail: Option<String>, is_direct: bool) {
        match account.status {
            Status::Suspended => self.suspended = true,
            Status::Deleted { .. } => {}
            Status::Active if self.local.iter().any(|target| target.account.id == account.id) => {}
            Status::Active if self.is_full() => self.cut = true,
            Status::Active => self.local.push(LocalTarget { account, detail, is_direct }),
        }
    }

    fn add_remote(&mut self, address: &Address) {
        if self.is_full() {
            self.cut = true;
        } else if !self.remote.contains(address) {
            self.remote.push(address.clone());
        }
    }

    fn is_full(&self) -> bool {
        self.local.len() + self.remote.len() >= EXPANDED_MAX
    }
}
