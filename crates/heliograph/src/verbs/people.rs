//! Domains, accounts, aliases and groups.

use directory::embedded::{AccountChange, NewAccount};
use directory::entry::{Account, Name, Status};
use directory::password::Credentials;
use directory::transfer::{role_name, role_named};
use model::{Address, Domain};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::operations::{Operations, report};
use crate::verbs::page::Page;

/// What can be asked about people.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeopleRequest {
    /// Make a domain ours.
    AddDomain {
        /// Its name.
        domain: String,
    },
    /// Every domain.
    ListDomains,
    /// One domain with what belongs to it.
    ShowDomain {
        /// Its name.
        domain: String,
    },
    /// Who gets mail for names that the domain does not have; nobody when there is none.
    SetCatchAll {
        /// The domain.
        domain: String,
        /// Its address.
        address: Option<String>,
    },
    /// Give a domain up.
    RemoveDomain {
        /// Its name.
        domain: String,
    },
    /// Make an account.
    AddAccount {
        /// Its address.
        address: String,
        /// What people call its owner.
        name: String,
        /// Its password, if it has one.
        password: Option<String>,
        /// Its roles.
        roles: Vec<String>,
        /// Octets that it may keep.
        quota_octets: Option<u64>,
        /// The partition, if not the default.
        partition: Option<String>,
    },
    /// Accounts whose address or name holds a text, from one on.
    ListAccounts(Page),
    /// Set a password.
    SetPassword {
        /// The account.
        address: String,
        /// The password.
        password: String,
    },
    /// Let an account be used again, or no more.
    SetStatus {
        /// The account.
        address: String,
        /// `active`, `suspended` or `deleted`.
        status: String,
    },
    /// Make or replace an alias or a group.
    SetName {
        /// Its address.
        address: String,
        /// What it is.
        name: Name,
    },
    /// Every alias, or every group.
    ListNames {
        /// Whether groups are meant.
        groups: bool,
    },
    /// Add members to a group or alias, or take them away.
    ChangeMembers {
        /// Its address.
        address: String,
        /// Those to add.
        add: Vec<String>,
        /// Those to take away.
        remove: Vec<String>,
    },
    /// Take an alias or a group away.
    RemoveName {
        /// Its address.
        address: String,
    },
}

impl std::fmt::Debug for PeopleRequest {
    /// Never shows a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PeopleRequest")
    }
}

/// An account as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownAccount {
    /// Its address.
    pub address: String,
    /// What people call its owner.
    pub name: String,
    /// `active`, `suspended` or `deleted`.
    pub status: String,
    /// Its roles.
    pub roles: Vec<String>,
    /// Where its mail is.
    pub partition: String,
    /// Octets that it keeps.
    pub octets: u64,
    /// Octets that it may keep.
    pub quota_octets: Option<u64>,
    /// Messages that it keeps.
    pub messages: u64,
}

/// A domain as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownDomain {
    /// Its name.
    pub name: String,
    /// Who gets mail for names that it does not have.
    pub catch_all: Option<String>,
    /// Its accounts.
    pub accounts: u64,
    /// Its aliases.
    pub aliases: u64,
    /// Its groups.
    pub groups: u64,
}

/// Performs a request.
///
/// # Errors
/// Why it was not done.
pub fn perform(operations: &Operations, request: PeopleRequest) -> Result<Value, Failure> {
    tokio::runtime::Handle::current().block_on(answer(operations, request))
}

async fn answer(operations: &Operations, request: PeopleRequest) -> Result<Value, Failure> {
    let directory = &operations.services.directory;
    match request {
        PeopleRequest::AddDomain { domain } => {
            directory.add_domain(&parse_domain(&domain)?, None).await.map_err(refused)?;
            Ok(Value::Null)
        }
        PeopleRequest::ListDomains => {
            let names: Vec<String> = directory.domains().map_err(refused)?.into_iter().map(|(name, _)| name).collect();
            report(&names)
        }
        PeopleRequest::ShowDomain { domain } => report(&show_domain(operations, &domain)?),
        PeopleRequest::SetCatchAll { domain, address } => {
            let address = address.as_deref().map(parse_address).transpose()?;
            directory.set_catch_all(&parse_domain(&domain)?, address).await.map_err(refused)?;
            Ok(Value::Null)
        }
        PeopleRequest::RemoveDomain { domain } => {
            directory.remove_domain(&parse_domain(&domain)?).await.map_err(refused)?;
            Ok(Value::Null)
        }
        PeopleRequest::AddAccount { address, name, password, roles, quota_octets, partition } => {
            let new = NewAccount {
                address: parse_address(&address)?,
                name,
                credentials: password.map(|password| credentials(operations, &password)).transpose()?,
                roles: parse_roles(&roles)?,
                quota_octets,
                quota_messages: None,
                partition: known_partition(operations, partition)?,
            };
            let account = directory.add_account(new).await.map_err(refused)?;
            report(&shown(operations, &account))
        }
        PeopleRequest::ListAccounts(page) => {
            let holds = |account: &Account, text: &str| account.address.contains(text) || account.name.contains(text);
            let accounts = page.of(directory.accounts().map_err(refused)?, |account| &account.address, holds);
            report(&accounts.iter().map(|account| shown(operations, account)).collect::<Vec<ShownAccount>>())
        }
        PeopleRequest::SetPassword { address, password } => {
            let change =
                AccountChange { credentials: Some(credentials(operations, &password)?), ..AccountChange::default() };
            directory.change_account(&parse_address(&address)?, change).await.map_err(refused)?;
            Ok(Value::Null)
        }
        PeopleRequest::SetStatus { address, status } => {
            set_status(operations, &parse_address(&address)?, &status).await
        }
        PeopleRequest::SetName { address, name } => {
            directory.set_name(&parse_address(&address)?, name).await.map_err(refused)?;
            Ok(Value::Null)
        }
        PeopleRequest::ListNames { groups } => {
            let names = directory.names().map_err(refused)?.into_iter().filter(|(_, name)| match name {
                Name::Group { .. } => groups,
                Name::Alias { .. } => !groups,
                Name::Account { .. } => false,
            });
            report(&names.collect::<Vec<(String, Name)>>())
        }
        PeopleRequest::ChangeMembers { address, add, remove } => {
            let address = parse_address(&address)?;
            let missing = || Failure::failed(format!("there is no alias or group {address}"));
            let mut name = directory.name(&address).map_err(refused)?.ok_or_else(missing)?;
            let (Name::Alias { targets: members } | Name::Group { members, .. }) = &mut name else {
                return Err(missing());
            };
            if let Some(stranger) = remove.iter().find(|member| !members.contains(member)) {
                return Err(Failure::failed(format!("{stranger} is no member of {address}")));
            }
            members.retain(|member| !remove.contains(member));
            let new: Vec<String> = add.into_iter().filter(|member| !members.contains(member)).collect();
            members.extend(new);
            if members.is_empty() {
                return Err(Failure::failed(format!("nobody would be left; remove {address} instead")));
            }
            directory.set_name(&address, name).await.map_err(refused)?;
            Ok(Value::Null)
        }
        PeopleRequest::RemoveName { address } => {
            directory.remove_name(&parse_address(&address)?).await.map_err(refused)?;
            Ok(Value::Null)
        }
    }
}

fn show_domain(operations: &Operations, domain: &str) -> Result<ShownDomain, Failure> {
    let directory = &operations.services.directory;
    let name = parse_domain(domain)?.to_string();
    let found = directory.domains().map_err(refused)?.into_iter().find(|(known, _)| *known == name);
    let (name, row) = found.ok_or_else(|| Failure::failed(format!("the domain {name} is not ours")))?;
    let suffix = format!("@{name}");
    let mut shown = ShownDomain { name, catch_all: row.catch_all, accounts: 0, aliases: 0, groups: 0 };
    for (_, entry) in directory.names().map_err(refused)?.iter().filter(|(address, _)| address.ends_with(&suffix)) {
        match entry {
            Name::Account { .. } => shown.accounts += 1,
            Name::Alias { .. } => shown.aliases += 1,
            Name::Group { .. } => shown.groups += 1,
        }
    }
    Ok(shown)
}

async fn set_status(operations: &Operations, address: &Address, status: &str) -> Result<Value, Failure> {
    let directory = &operations.services.directory;
    let account = match status {
        "deleted" => directory.delete_account(address).await,
        "active" | "suspended" => {
            let status = if status == "active" { Status::Active } else { Status::Suspended };
            let change = AccountChange { status: Some(status), ..AccountChange::default() };
            directory.change_account(address, change).await
        }
        other => return Err(Failure::usage(format!("{other} is no status"))),
    };
    report(&shown(operations, &account.map_err(refused)?))
}

pub(crate) fn credentials(operations: &Operations, password: &str) -> Result<Credentials, Failure> {
    Credentials::new(password, operations.services.directory.settings().password_cost).map_err(refused)
}

pub(crate) fn known_partition(operations: &Operations, wanted: Option<String>) -> Result<String, Failure> {
    let partitions = &operations.services.store.partitions;
    let nick = wanted.unwrap_or_else(|| partitions.default_nick().to_owned());
    if partitions.get(&nick).is_none() {
        let there: Vec<&str> = partitions.iter().map(|(nick, _)| nick).collect();
        return Err(Failure::failed(format!("there is no partition {nick}; there are {}", there.join(", "))));
    }
    Ok(nick)
}

pub(crate) fn shown(operations: &Operations, account: &Account) -> ShownAccount {
    let owner = account::owner::Owner::new(account.account_id(), account.partition.clone());
    // A partition that is away does not hide the account.
    let usage = operations.services.mail.usage(&owner).unwrap_or_default();
    ShownAccount {
        address: account.address.clone(),
        name: account.name.clone(),
        status: match account.status {
            Status::Active => "active",
            Status::Suspended => "suspended",
            Status::Deleted { .. } => "deleted",
        }
        .to_owned(),
        roles: account.roles.iter().map(|role| role_name(*role).to_owned()).collect(),
        partition: account.partition.clone(),
        octets: usage.octets,
        quota_octets: account.quota_octets,
        messages: usage.items,
    }
}

pub(crate) fn parse_roles(names: &[String]) -> Result<Vec<directory::entry::Role>, Failure> {
    let unknown = |name: &String| {
        Failure::usage(format!("{name} is no role; there are user, domain-administrator, administrator and auditor"))
    };
    names.iter().map(|name| role_named(name).ok_or_else(|| unknown(name))).collect()
}

fn parse_domain(text: &str) -> Result<Domain, Failure> {
    text.parse().map_err(|error| Failure::usage(format!("{text} is no domain")).because(error))
}

pub(crate) fn parse_address(text: &str) -> Result<Address, Failure> {
    text.parse().map_err(|error| Failure::usage(format!("{text} is no address")).because(error))
}

pub(crate) fn refused(error: directory::error::Error) -> Failure {
    if error.is_temporary() {
        Failure::temporary("the directory is not available").because(error)
    } else {
        Failure::failed(error.to_string())
    }
}
