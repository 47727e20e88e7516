//! People's Sieve scripts: listing, reading, storing, which one runs, and what went wrong.

use mail::scripts::Script;
use mta::scripts::settings::user_extensions;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::operations::{Operations, report};
use crate::verbs::owner::{owner, store_failed};

/// What can be asked about an account's scripts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScriptRequest {
    /// All of them, and the last time that one failed.
    List {
        /// Whose.
        account: String,
    },
    /// What one says.
    Show {
        /// Whose.
        account: String,
        /// Its name; none is the active one.
        name: Option<String>,
    },
    /// Check one and store it.
    Put {
        /// Whose.
        account: String,
        /// Its name.
        name: String,
        /// What it says.
        text: String,
    },
    /// Delete one that is not active.
    Delete {
        /// Whose.
        account: String,
        /// Its name.
        name: String,
    },
    /// Have one run when mail comes, or none.
    Activate {
        /// Whose.
        account: String,
        /// Its name.
        name: Option<String>,
    },
    /// The administrator's scripts as they are run now.
    Administrators,
}

/// A script as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownScript {
    /// Its name.
    pub name: String,
    /// Whether it runs when mail comes.
    pub active: bool,
    /// Octets of its text.
    pub octets: u32,
    /// When it was changed, such as `2026-01-02T03:04:05Z`.
    pub changed: String,
}

/// A run that ended early.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownTrouble {
    /// When.
    pub at: String,
    /// Which script.
    pub script: String,
    /// The line in it; 0 is none.
    pub line: u32,
    /// Why.
    pub reason: String,
}

/// An account's scripts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownScripts {
    /// By name.
    pub scripts: Vec<ShownScript>,
    /// The last time that one failed when mail was filed. The mail was kept.
    pub last_failure: Option<ShownTrouble>,
}

/// One of the administrator's scripts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownAdministrators {
    /// Folder and name, such as `before/10-spam`.
    pub name: String,
    /// Why it is not run.
    pub problem: Option<String>,
}

/// Performs a request.
///
/// # Errors
/// Why it was not done.
pub fn perform(operations: &Operations, request: ScriptRequest) -> Result<Value, Failure> {
    tokio::runtime::Handle::current().block_on(answer(operations, request))
}

async fn answer(operations: &Operations, request: ScriptRequest) -> Result<Value, Failure> {
    let mail = &operations.services.mail;
    match request {
        ScriptRequest::List { account } => {
            let owner = owner(operations, &account).await?;
            let failed = |error| store_failed("list the scripts", error);
            let trouble = mail.script_trouble(&owner).map_err(failed)?;
            report(&ShownScripts {
                scripts: mail.scripts(&owner).map_err(failed)?.iter().map(shown).collect(),
                last_failure: trouble.map(|trouble| ShownTrouble {
                    at: trouble.at.to_string(),
                    script: trouble.script,
                    line: trouble.line,
                    reason: trouble.reason,
                }),
            })
        }
        ScriptRequest::Show { account, name } => {
            let owner = owner(operations, &account).await?;
            let failed = |error| store_failed("read the script", error);
            let found = match &name {
                Some(name) => mail.script(&owner, name).map_err(failed)?,
                None => mail.active_script(&owner).map_err(failed)?,
            };
            let found = found.ok_or_else(|| match name {
                Some(name) => Failure::failed(format!("{account} has no script {name}")),
                None => Failure::failed(format!("{account} has no active script")),
            })?;
            let text = mail.script_text(&owner, &found).map_err(failed)?;
            report(&String::from_utf8_lossy(&text))
        }
        ScriptRequest::Put { account, name, text } => {
            let owner = owner(operations, &account).await?;
            sieve::compile(text.as_bytes(), user_extensions())
                .map_err(|fault| Failure::failed(format!("the script {name} cannot be used: {fault}")))?;
            let putting = mail.put_script(&owner, &name, text.into()).await;
            putting.map_err(|error| store_failed("store the script", error))?;
            Ok(Value::Null)
        }
        ScriptRequest::Delete { account, name } => {
            let owner = owner(operations, &account).await?;
            let deleting = mail.delete_script(&owner, &name).await;
            deleting.map_err(|error| store_failed("delete the script", error))?;
            Ok(Value::Null)
        }
        ScriptRequest::Activate { account, name } => {
            let owner = owner(operations, &account).await?;
            let activating = mail.activate_script(&owner, name.as_deref()).await;
            activating.map_err(|error| store_failed("change which script is active", error))?;
            Ok(Value::Null)
        }
        ScriptRequest::Administrators => {
            let library = operations.services.scripts.library();
            let judging = library.early.values().flatten().chain(&library.message);
            let all = judging.chain(&library.before).chain(library.domains.values()).chain(&library.after);
            let used = all.chain(library.global.values()).map(|named| (named.name.clone(), None));
            let unusable = library.unusable.iter().map(|(name, problem)| (name.clone(), Some(problem.clone())));
            let all = used.chain(unusable).map(|(name, problem)| ShownAdministrators { name, problem });
            report(&all.collect::<Vec<_>>())
        }
    }
}

fn shown(script: &Script) -> ShownScript {
    ShownScript {
        name: script.row.name.clone(),
        active: script.is_active,
        octets: script.row.octets,
        changed: script.row.changed.to_string(),
    }
}
