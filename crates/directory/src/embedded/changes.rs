//! Changes of the directory: each is one transaction, and is done when it is durable.

use crate::embedded::Embedded;
use crate::entry::{Account, ApplicationPassword, Domain, Name, Role, Status, VERSION, canonical};
use crate::error::Error;
use crate::keys;
use crate::limits::{APPLICATION_PASSWORDS_MAX, MEMBERS_MAX};
use crate::password::{Credentials, SecretHash, new_secret};
use model::{Address, Domain as DomainName};
use serde::Serialize;
use std::ops::ControlFlow;
use storage::{Read, Space, Transaction};

/// An account to make.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Its address.
    pub address: Address,
    /// What people call its owner.
    pub name: String,
    /// Its password; without one nobody logs in.
    pub credentials: Option<Credentials>,
    /// What it may do.
    pub roles: Vec<Role>,
    /// Octets that it may keep.
    pub quota_octets: Option<u64>,
    /// Messages that it may keep.
    pub quota_messages: Option<u64>,
    /// The partition that keeps its mail.
    pub partition: String,
}

/// What changes of an account; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    /// What people call its owner.
    pub name: Option<String>,
    /// Whether it can be used.
    pub status: Option<Status>,
    /// What it may do.
    pub roles: Option<Vec<Role>>,
    /// Octets that it may keep; `Some(None)` lifts the limit.
    pub quota_octets: Option<Option<u64>>,
    /// Messages that it may keep; `Some(None)` lifts the limit.
    pub quota_messages: Option<Option<u64>>,
    /// Its password.
    pub credentials: Option<Credentials>,
}

impl Embedded {
    async fn change<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writing<'_, '_>) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        let space = self.space;
        let running = move |transaction: &mut Transaction<'_>| Ok(work(&mut Writing { transaction, space })?);
        Ok(self.partition.write(running).await?.value)
    }

    /// Makes a domain ours.
    pub async fn add_domain(&self, name: &DomainName, catch_all: Option<Address>) -> Result<(), Error> {
        let name = name.to_string();
        self.change(move |writing| {
            if writing.domain(&name)?.is_some() {
                return Err(Error::Taken { kind: "a domain", name });
            }
            let created = writing.transaction.now().0;
            let catch_all = catch_all.map(|address| address.to_string());
            writing.put(keys::domain(writing.space, &name), &Domain { v: VERSION, catch_all, created });
            Ok(())
        })
        .await
    }

    /// Sets where mail for names that do not exist goes; `None` refuses it.
    pub async fn set_catch_all(&self, name: &DomainName, catch_all: Option<Address>) -> Result<(), Error> {
        let name = name.to_string();
        self.change(move |writing| {
            let mut domain = writing.domain(&name)?.ok_or(Error::Missing { kind: "domain", name: name.clone() })?;
            domain.catch_all = catch_all.map(|address| address.to_string());
            writing.put(keys::domain(writing.space, &name), &domain);
            Ok(())
        })
        .await
    }

    /// Gives a domain up; it must have no names left.
    pub async fn remove_domain(&self, name: &DomainName) -> Result<(), Error> {
        let name = name.to_string();
        self.change(move |writing| {
            if writing.domain(&name)?.is_none() {
                return Err(Error::Missing { kind: "domain", name });
            }
            let suffix = format!("@{name}");
            let mut user = None;
            writing.transaction.each(keys::names(writing.space).range(), &mut |key, _| {
                let address = keys::text(key).unwrap_or_default();
                if address.ends_with(&suffix) {
                    user = Some(address);
                    return Ok(ControlFlow::Break(()));
                }
                Ok(ControlFlow::Continue(()))
            })?;
            if let Some(by) = user {
                return Err(Error::InUse { name, by });
            }
            writing.transaction.delete(keys::domain(writing.space, &name));
            Ok(())
        })
        .await
    }

    /// Makes an account.
    pub async fn add_account(&self, new: NewAccount) -> Result<Account, Error> {
        self.change(move |writing| {
            let address = canonical(&new.address);
            writing.check_free(&new.address, &address)?;
            let id = writing.next_account()?;
            let account = Account {
                v: VERSION,
                id,
                address: address.clone(),
                name: new.name,
                status: Status::Active,
                roles: if new.roles.is_empty() { vec![Role::User] } else { new.roles },
                quota_octets: new.quota_octets,
                quota_messages: new.quota_messages,
                partition: new.partition,
                credentials: new.credentials,
                application_passwords: Vec::new(),
                created: writing.transaction.now().0,
            };
            writing.put(keys::account(writing.space, id), &account);
            writing.put(keys::name(writing.space, &address), &Name::Account { id });
            Ok(account)
        })
        .await
    }

    /// Changes an account.
    pub async fn change_account(&self, address: &Address, change: AccountChange) -> Result<Account, Error> {
        let address = canonical(address);
        self.change(move |writing| {
            let mut account = writing.account(&address)?;
            if let Some(name) = change.name {
                account.name = name;
            }
            if let Some(status) = change.status {
                account.status = status;
            }
            if let Some(roles) = change.roles {
                account.roles = roles;
            }
            if let Some(quota) = change.quota_octets {
                account.quota_octets = quota;
            }
            if let Some(quota) = change.quota_messages {
                account.quota_messages = quota;
            }
            if let Some(credentials) = change.credentials {
                account.credentials = Some(credentials);
            }
            writing.put(keys::account(writing.space, account.id), &account);
            Ok(account)
        })
        .await
    }

    /// Deletes an account for the world; its row stays until the grace period has passed, and can be set active again.
    pub async fn delete_account(&self, address: &Address) -> Result<Account, Error> {
        let address = canonical(address);
        self.change(move |writing| {
            let mut account = writing.account(&address)?;
            account.status = Status::Deleted { at: writing.transaction.now().0 };
            writing.put(keys::account(writing.space, account.id), &account);
            Ok(account)
        })
        .await
    }

    /// Forgets a deleted account and frees its address.
    pub async fn forget_account(&self, address: &Address) -> Result<Account, Error> {
        let address = canonical(address);
        self.change(move |writing| {
            let account = writing.account(&address)?;
            if !matches!(account.status, Status::Deleted { .. }) {
                return Err(Error::InUse { name: address, by: "its owner; delete it first".to_owned() });
            }
            writing.transaction.delete(keys::account(writing.space, account.id));
            writing.transaction.delete(keys::name(writing.space, &address));
            Ok(account)
        })
        .await
    }

    /// Makes a password for one program and returns it; it can be shown only now.
    pub async fn add_application_password(&self, address: &Address, name: &str) -> Result<String, Error> {
        let (address, name) = (canonical(address), name.to_owned());
        let secret = new_secret()?;
        let hash = SecretHash::new(&secret)?;
        self.change(move |writing| {
            let mut account = writing.account(&address)?;
            if account.application_passwords.iter().any(|held| held.name == name) {
                return Err(Error::Taken { kind: "an application password", name });
            }
            if account.application_passwords.len() >= APPLICATION_PASSWORDS_MAX {
                return Err(Error::TooMany { what: "application passwords", limit: APPLICATION_PASSWORDS_MAX });
            }
            let created = writing.transaction.now().0;
            account.application_passwords.push(ApplicationPassword { name, hash, created });
            writing.put(keys::account(writing.space, account.id), &account);
            Ok(())
        })
        .await?;
        Ok(secret)
    }

    /// Takes a program's password back.
    pub async fn remove_application_password(&self, address: &Address, name: &str) -> Result<(), Error> {
        let (address, name) = (canonical(address), name.to_owned());
        self.change(move |writing| {
            let mut account = writing.account(&address)?;
            let before = account.application_passwords.len();
            account.application_passwords.retain(|held| held.name != name);
            if account.application_passwords.len() == before {
                return Err(Error::Missing { kind: "application password", name });
            }
            writing.put(keys::account(writing.space, account.id), &account);
            Ok(())
        })
        .await
    }

    /// Makes or replaces an alias or a group.
    pub async fn set_name(&self, address: &Address, name: Name) -> Result<(), Error> {
        let domain = address.domain.to_string();
        let address = canonical(address);
        self.change(move |writing| {
            let members = match &name {
                Name::Account { .. } => return Err(Error::Taken { kind: "an account", name: address }),
                Name::Alias { targets } => targets,
                Name::Group { members, .. } => members,
            };
            if members.len() > MEMBERS_MAX {
                return Err(Error::TooMany { what: "members", limit: MEMBERS_MAX });
            }
            if writing.domain(&domain)?.is_none() {
                return Err(Error::Missing { kind: "domain", name: domain });
            }
            if let Some(held) = writing.name(&address)?
                && std::mem::discriminant(&held) != std::mem::discriminant(&name)
            {
                return Err(Error::Taken { kind: held.kind(), name: address });
            }
            writing.put(keys::name(writing.space, &address), &name);
            Ok(())
        })
        .await
    }

    /// Removes an alias or a group.
    pub async fn remove_name(&self, address: &Address) -> Result<(), Error> {
        let address = canonical(address);
        self.change(move |writing| match writing.name(&address)? {
            None => Err(Error::Missing { kind: "alias or group", name: address }),
            Some(Name::Account { .. }) => Err(Error::Taken { kind: "an account", name: address }),
            Some(_) => {
                writing.transaction.delete(keys::name(writing.space, &address));
                Ok(())
            }
        })
        .await
    }
}

struct Writing<'t, 's> {
    transaction: &'t mut Transaction<'s>,
    space: Space,
}

impl Writing<'_, '_> {
    fn put(&mut self, key: storage::Key, value: &impl Serialize) {
        // Our records are plain data; serialising them cannot fail.
        self.transaction.put(key, serde_json::to_vec(value).unwrap_or_default());
    }

    fn domain(&self, name: &str) -> Result<Option<Domain>, Error> {
        super::get(self.transaction, &keys::domain(self.space, name), "domains")
    }

    fn name(&self, address: &str) -> Result<Option<Name>, Error> {
        super::get(self.transaction, &keys::name(self.space, address), "names")
    }

    fn account(&self, address: &str) -> Result<Account, Error> {
        let missing = || Error::Missing { kind: "account", name: address.to_owned() };
        let Some(Name::Account { id }) = self.name(address)? else { return Err(missing()) };
        super::get(self.transaction, &keys::account(self.space, id), "accounts")?.ok_or_else(missing)
    }

    fn check_free(&self, address: &Address, canonical: &str) -> Result<(), Error> {
        let domain = address.domain.to_string();
        if self.domain(&domain)?.is_none() {
            return Err(Error::Missing { kind: "domain", name: domain });
        }
        match self.name(canonical)? {
            Some(held) => Err(Error::Taken { kind: held.kind(), name: canonical.to_owned() }),
            None => Ok(()),
        }
    }

    fn next_account(&mut self) -> Result<u32, Error> {
        let key = keys::last_account(self.space);
        let last = match self.transaction.get(&key)? {
            None => 0,
            Some(value) => {
                u32::from_le_bytes(value.try_into().map_err(|_| storage::Error::Row("the last account number"))?)
            }
        };
        let next = last.checked_add(1).ok_or(Error::TooMany { what: "accounts", limit: u32::MAX as usize })?;
        self.transaction.put(key, next.to_le_bytes());
        Ok(next)
    }
}
