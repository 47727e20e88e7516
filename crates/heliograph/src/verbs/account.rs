//! One account in detail, changes to it, its application passwords; many accounts from and to files.

use directory::embedded::{AccountChange, NewAccount};
use directory::entry::{Account, Status};
use directory::transfer::{self, BadLine, Line};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::operations::{Operations, Progress, Tell, report};
use crate::verbs::owner::{account, owner, store_failed};
use crate::verbs::people::{ShownAccount, credentials, known_partition, parse_address, parse_roles, refused, shown};

/// What can be asked about accounts beyond a list of them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountRequest {
    /// Everything about one.
    Show {
        /// Its address.
        address: String,
    },
    /// Change what is given.
    Set {
        /// Its address.
        address: String,
        /// What people call its owner.
        name: Option<String>,
        /// Its roles.
        roles: Option<Vec<String>>,
        /// Octets that it may keep; inside, `None` is no limit.
        quota_octets: Option<Option<u64>>,
        /// Messages that it may keep; inside, `None` is no limit.
        quota_messages: Option<Option<u64>>,
    },
    /// Forget a deleted one with all its mail, without waiting for its grace period.
    Forget {
        /// Its address.
        address: String,
    },
    /// A new password for a program; the report is the password, which is never shown again.
    AddApplicationPassword {
        /// The account.
        address: String,
        /// What its owner calls it.
        name: String,
    },
    /// Take one away.
    RemoveApplicationPassword {
        /// The account.
        address: String,
        /// What its owner calls it.
        name: String,
    },
    /// Every account, as a file.
    Export {
        /// JSON lines rather than CSV.
        json_lines: bool,
    },
    /// Accounts from a file.
    Import {
        /// The file's text.
        text: String,
        /// JSON lines rather than CSV.
        json_lines: bool,
        /// Only say what would be done.
        dry_run: bool,
    },
}

impl std::fmt::Debug for AccountRequest {
    /// Never shows a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AccountRequest")
    }
}

/// An account in detail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountDetail {
    /// What a list shows of it.
    #[serde(flatten)]
    pub account: ShownAccount,
    /// Its number.
    pub id: u32,
    /// When it was made.
    pub created: String,
    /// When it was deleted.
    pub deleted: Option<String>,
    /// Messages that it may keep.
    pub quota_messages: Option<u64>,
    /// Whether it has a password.
    pub has_password: bool,
    /// Its application passwords: name and when it was made.
    pub application_passwords: Vec<(String, String)>,
}

/// What came of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// Accounts that were made, or would be.
    pub made: u64,
    /// Lines that were not used: number and why.
    pub refused: Vec<(u64, String)>,
}

/// Performs a request.
///
/// # Errors
/// Why it was not done.
pub fn perform(operations: &Operations, request: AccountRequest, tell: Tell<'_>) -> Result<Value, Failure> {
    tokio::runtime::Handle::current().block_on(answer(operations, request, tell))
}

async fn answer(operations: &Operations, request: AccountRequest, tell: Tell<'_>) -> Result<Value, Failure> {
    let directory = &operations.services.directory;
    match request {
        AccountRequest::Show { address } => report(&detail(operations, &account(operations, &address).await?)),
        AccountRequest::Set { address, name, roles, quota_octets, quota_messages } => {
            let roles = roles.as_deref().map(parse_roles).transpose()?;
            let change = AccountChange { name, roles, quota_octets, quota_messages, ..AccountChange::default() };
            let changed = directory.change_account(&parse_address(&address)?, change).await.map_err(refused)?;
            report(&detail(operations, &changed))
        }
        AccountRequest::Forget { address } => {
            let found = account(operations, &address).await?;
            if !matches!(found.status, Status::Deleted { .. }) {
                return Err(Failure::failed(format!("{address} is not deleted; delete it first")));
            }
            let owner = owner(operations, &address).await?;
            let removing = operations.services.mail.remove_account(&owner).await;
            removing.map_err(|error| store_failed("remove the account's mail", error))?;
            directory.forget_account(&parse_address(&address)?).await.map_err(refused)?;
            Ok(Value::Null)
        }
        AccountRequest::AddApplicationPassword { address, name } => {
            let added = directory.add_application_password(&parse_address(&address)?, &name).await;
            report(&added.map_err(refused)?)
        }
        AccountRequest::RemoveApplicationPassword { address, name } => {
            directory.remove_application_password(&parse_address(&address)?, &name).await.map_err(refused)?;
            Ok(Value::Null)
        }
        AccountRequest::Export { json_lines } => {
            let mut accounts = directory.accounts().map_err(refused)?;
            accounts.sort_by(|left, right| left.address.cmp(&right.address));
            let write = if json_lines { transfer::write_json_lines } else { transfer::write_csv };
            report(&write(&accounts))
        }
        AccountRequest::Import { text, json_lines, dry_run } => {
            let (lines, bad) = if json_lines { transfer::read_json_lines(&text) } else { transfer::read_csv(&text) };
            report(&import(operations, lines, bad, dry_run, tell).await)
        }
    }
}

async fn import(
    operations: &Operations,
    lines: Vec<(u64, Line)>,
    bad: Vec<BadLine>,
    dry_run: bool,
    tell: Tell<'_>,
) -> Imported {
    let mut imported = Imported::default();
    imported.refused.extend(bad.into_iter().map(|bad| (bad.line, bad.why)));
    let total = lines.len() as u64;
    for (done, (number, line)) in (1u64..).zip(lines) {
        match import_one(operations, line, dry_run).await {
            Ok(()) => imported.made += 1,
            Err(why) => imported.refused.push((number, why.to_string())),
        }
        tell(Progress { what: "importing".to_owned(), done, total: Some(total) });
    }
    imported.refused.sort();
    imported
}

async fn import_one(operations: &Operations, line: Line, dry_run: bool) -> Result<(), Failure> {
    let directory = &operations.services.directory;
    let address = parse_address(&line.address)?;
    let roles: Vec<String> = line.roles.split_whitespace().map(str::to_owned).collect();
    let status = match line.state.as_str() {
        "" | "active" => None,
        "suspended" => Some(Status::Suspended),
        other => return Err(Failure::usage(format!("{other} is no state to import; active or suspended are"))),
    };
    let new = NewAccount {
        address: address.clone(),
        name: line.name,
        credentials: None,
        roles: parse_roles(&roles)?,
        quota_octets: line.quota_octets,
        quota_messages: line.quota_messages,
        partition: known_partition(operations, Some(line.partition).filter(|name| !name.is_empty()))?,
    };
    if dry_run {
        let domain = directory::directory::Directory::is_local_domain(directory, &address.domain).await;
        if !domain.map_err(refused)? {
            return Err(Failure::failed(format!("the domain {} is not ours", address.domain)));
        }
        return match directory.name(&address).map_err(refused)? {
            Some(_) => Err(Failure::failed(format!("{address} is taken"))),
            None => Ok(()),
        };
    }
    let credentials = line.password.map(|password| credentials(operations, &password)).transpose()?;
    directory.add_account(NewAccount { credentials, ..new }).await.map_err(refused)?;
    if status.is_some() {
        let change = AccountChange { status, ..AccountChange::default() };
        directory.change_account(&address, change).await.map_err(refused)?;
    }
    Ok(())
}

fn detail(operations: &Operations, account: &Account) -> AccountDetail {
    let time = |millis: u64| model::Timestamp(millis).to_string();
    AccountDetail {
        account: shown(operations, account),
        id: account.id,
        created: time(account.created),
        deleted: if let Status::Deleted { at } = account.status { Some(time(at)) } else { None },
        quota_messages: account.quota_messages,
        has_password: account.credentials.is_some(),
        application_passwords: account
            .application_passwords
            .iter()
            .map(|held| (held.name.clone(), time(held.created)))
            .collect(),
    }
}
