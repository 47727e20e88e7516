//! What the directory keeps. Every entry is one row: a JSON text with its version in `v`.

use crate::password::{Credentials, SecretHash};
use model::{AccountId, Address};
use serde::{Deserialize, Serialize};

/// The version of all records.
pub const VERSION: u32 = 1;

/// A domain whose mail is ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// The record's version.
    pub v: u32,
    /// Where mail for names that do not exist goes; an address of any domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catch_all: Option<String>,
    /// Milliseconds since 1970.
    pub created: u64,
}

/// What an account may do besides using its own mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Nothing more.
    User,
    /// Manages the entries of its own domain.
    DomainAdministrator,
    /// Manages everything.
    Administrator,
    /// Reads what is kept for auditing.
    Auditor,
}

/// Whether an account can be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Status {
    /// It can.
    #[default]
    Active,
    /// Nobody logs in and mail is refused for now.
    Suspended,
    /// It is gone for the world, and its mail for good after the grace period.
    Deleted {
        /// Milliseconds since 1970.
        at: u64,
    },
}

/// A password for one program, which can be taken back alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationPassword {
    /// What its owner calls it.
    pub name: String,
    /// Its hash.
    pub hash: SecretHash,
    /// Milliseconds since 1970.
    pub created: u64,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The record's version.
    pub v: u32,
    /// Its number, never given out twice.
    pub id: u32,
    /// Its address, which is also its login name.
    pub address: String,
    /// What people call its owner.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Whether it can be used.
    #[serde(flatten)]
    pub status: Status,
    /// What it may do.
    pub roles: Vec<Role>,
    /// Octets that it may keep; none is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_octets: Option<u64>,
    /// Messages that it may keep; none is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_messages: Option<u64>,
    /// The partition that keeps its mail.
    pub partition: String,
    /// Its password, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// Passwords for programs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub application_passwords: Vec<ApplicationPassword>,
    /// Milliseconds since 1970.
    pub created: u64,
}

impl Account {
    /// Its number.
    pub fn account_id(&self) -> AccountId {
        AccountId(self.id)
    }

    /// Whether it has this role.
    pub fn has_role(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether it can be used.
    pub fn is_active(&self) -> bool {
        self.status == Status::Active
    }
}

/// What stands behind an address of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum Name {
    /// The account's own address.
    Account {
        /// Its number.
        id: u32,
    },
    /// Another name for one or more addresses; the sender's address stays on the envelope.
    Alias {
        /// Addresses of any domain.
        targets: Vec<String>,
    },
    /// People who get mail together and can be given rights together.
    Group {
        /// What people call it.
        #[serde(default)]
        title: String,
        /// Addresses of any domain, groups among them.
        members: Vec<String>,
    },
}

impl Name {
    /// What it is, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Name::Account { .. } => "an account",
            Name::Alias { .. } => "an alias",
            Name::Group { .. } => "a group",
        }
    }
}

/// The form in which addresses of ours are kept and compared: local parts in lower case.
pub fn canonical(address: &Address) -> String {
    format!("{}@{}", address.local.as_str().to_lowercase(), address.domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_stored_in_pinned_text() {
        let account = Account {
            v: VERSION,
            id: 7,
            address: "a@b.test".to_owned(),
            name: String::new(),
            status: Status::Deleted { at: 5 },
            roles: vec![Role::User, Role::DomainAdministrator],
            quota_octets: Some(9),
            quota_messages: None,
            partition: "primary".to_owned(),
            credentials: None,
            application_passwords: Vec::new(),
            created: 3,
        };
        let text = r#"{"v":1,"id":7,"address":"a@b.test","state":"deleted","at":5,"roles":["user","domain-administrator"],"quota_octets":9,"partition":"primary","created":3}"#;
        assert_eq!(serde_json::to_string(&account).unwrap(), text);
        assert_eq!(serde_json::from_str::<Account>(text).unwrap(), account);
        let name = Name::Group { title: "T".to_owned(), members: vec!["x@y.test".to_owned()] };
        let text = r#"{"kind":"group","title":"T","members":["x@y.test"]}"#;
        assert_eq!(serde_json::to_string(&name).unwrap(), text);
        assert_eq!(serde_json::from_str::<Name>(text).unwrap(), name);
    }
}
