//! Bulk import and export: CSV with a header line, or one JSON object a line. Every line that cannot be used is told.

use crate::entry::{Account, Role, Status};
use serde::{Deserialize, Serialize};

/// One account as it stands in a file. Passwords travel in clear when importing, and never when exporting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Its address.
    pub address: String,
    /// What people call its owner.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Roles joined by blanks.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub roles: String,
    /// Octets that it may keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_octets: Option<u64>,
    /// Messages that it may keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_messages: Option<u64>,
    /// The partition that keeps its mail; empty for the default.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub partition: String,
    /// `active`, `suspended` or `deleted`; empty is active.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub state: String,
}

/// A line that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Its number in the file, from 1.
    pub line: u64,
    /// Why.
    pub why: String,
}

/// The lines that could be read, with their numbers, and those that could not.
pub type Read = (Vec<(u64, Line)>, Vec<BadLine>);

/// Reads one JSON object a line.
pub fn read_json_lines(text: &str) -> Read {
    let (mut lines, mut bad) = (Vec::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str(line) {
            Ok(read) => lines.push((number, read)),
            Err(error) => bad.push(BadLine { line: number, why: error.to_string() }),
        }
    }
    (lines, bad)
}

/// Reads CSV with a header line that names the columns.
pub fn read_csv(text: &str) -> Read {
    let (mut lines, mut bad) = (Vec::new(), Vec::new());
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => return (lines, vec![BadLine { line: 1, why: reason(&error) }]),
    };
    let mut last = 1;
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(last + 1, csv::Position::line);
                bad.push(BadLine { line, why: reason(&error) });
                last = line;
                continue;
            }
        };
        last = record.position().map_or(last + 1, csv::Position::line);
        match record.deserialize(Some(&header)) {
            Ok(line) => lines.push((last, line)),
            Err(error) => bad.push(BadLine { line: last, why: reason(&error) }),
        }
    }
    (lines, bad)
}

/// Why, without the place, which is told beside it.
fn reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => err.to_string(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("there are {len} values, the header names {expected_len}")
        }
        _ => error.to_string(),
    }
}

/// Writes one JSON object a line.
pub fn write_json_lines(accounts: &[Account]) -> String {
    accounts.iter().filter_map(|account| serde_json::to_string(&line(account)).ok()).map(|line| line + "\n").collect()
}

/// Writes CSV with a header line.
pub fn write_csv(accounts: &[Account]) -> String {
    let mut out = String::from("address,name,roles,quota_octets,quota_messages,partition,state\n");
    for account in accounts {
        let line = line(account);
        let number = |value: Option<u64>| value.map_or_else(String::new, |value| value.to_string());
        let cells = [
            line.address,
            line.name,
            line.roles,
            number(line.quota_octets),
            number(line.quota_messages),
            line.partition,
            line.state,
        ];
        out.push_str(&cells.map(|cell| quoted(&cell)).join(","));
        out.push('\n');
    }
    out
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

fn line(account: &Account) -> Line {
    Line {
        address: account.address.clone(),
        name: account.name.clone(),
        password: None,
        roles: account.roles.iter().map(|role| role_name(*role)).collect::<Vec<_>>().join(" "),
        quota_octets: account.quota_octets,
        quota_messages: account.quota_messages,
        partition: account.partition.clone(),
        state: match account.status {
            Status::Active => "active",
            Status::Suspended => "suspended",
            Status::Deleted { .. } => "deleted",
        }
        .to_owned(),
    }
}

/// A role's name in files and on the command line.
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::User => "user",
        Role::DomainAdministrator => "domain-administrator",
        Role::Administrator => "administrator",
        Role::Auditor => "auditor",
    }
}

/// The role of a name.
pub fn role_named(name: &str) -> Option<Role> {
    [Role::User, Role::DomainAdministrator, Role::Administrator, Role::Auditor]
        .into_iter()
        .find(|role| role_name(*role) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_bad_lines_are_told_apart() {
        let (lines, bad) = read_csv("address,name,quota_octets\na@b.test,\"A, B\",5\nc@d.test,C,many\n");
        assert_eq!(lines.len(), 1);
        assert_eq!((lines[0].1.name.as_str(), lines[0].1.quota_octets), ("A, B", Some(5)));
        assert_eq!(bad.len(), 1);
        assert_eq!(bad[0].line, 3, "{}", bad[0].why);
        let (_, bad) = read_csv("address,name\na@b.test\n");
        assert_eq!((bad[0].line, bad[0].why.as_str()), (2, "there are 1 values, the header names 2"));
        let (lines, bad) = read_json_lines("{\"address\":\"a@b.test\"}\n\n{\"adress\":1}\n");
        assert_eq!((lines.len(), bad.len(), bad[0].line), (1, 1, 3));
    }

    #[test]
    fn roles_have_names() {
        assert_eq!(role_named("auditor"), Some(Role::Auditor));
        assert_eq!(role_named("king"), None);
    }
}
