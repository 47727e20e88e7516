//! Names from a table, as an operator or a test writes it, in front of the name service or instead of it.
//!
//! One entry a line: `NAME KIND VALUE…`, where KIND is `mx PREFERENCE HOST`, `null-mx`, `a ADDRESS[:PORT]` (both
//! families), `txt TEXT`, `ptr HOST` (NAME is the address), `none` (the name does not exist), `empty` (it exists and has
//! no records) or `fail` (temporary failure). `*.DOMAIN` stands for every name below the domain without own entries.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use crate::resolver::{DnsAnswer, DnsError, HostAddress, Mx, Resolver, only_ipv4};

/// What is known of one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Entry {
    mx: Vec<Mx>,
    addresses: Vec<HostAddress>,
    txt: Vec<String>,
    ptr: Vec<String>,
    missing: bool,
    failing: bool,
}

/// The table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    by_name: HashMap<String, Entry>,
}

/// Why a line is no entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{line}` is no entry: {why}")]
pub struct TableError {
    /// Which line, from 0.
    pub index: usize,
    /// The line.
    pub line: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Table {
    /// Reads entries; empty lines and those that begin with `#` are passed over.
    ///
    /// # Errors
    /// [`TableError`] for the first line that is no entry.
    pub fn parse<L: AsRef<str>>(lines: impl IntoIterator<Item = L>) -> Result<Table, TableError> {
        let mut table = Table::default();
        for (index, line) in lines.into_iter().enumerate() {
            let line = line.as_ref().trim();
            if !line.is_empty() && !line.starts_with('#') {
                table.add(line).map_err(|why| TableError { index, line: line.to_owned(), why })?;
            }
        }
        Ok(table)
    }

    fn add(&mut self, line: &str) -> Result<(), &'static str> {
        let (name, rest) = line.split_once(char::is_whitespace).ok_or("write NAME KIND VALUE")?;
        let rest = rest.trim_start();
        let (kind, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let (value, entry) = (value.trim(), self.by_name.entry(plain(name)).or_default());
        match (kind, value.is_empty()) {
            ("mx", false) => entry.mx.push(parse_mx(value)?),
            ("null-mx", true) => entry.mx.push(Mx { preference: 0, host: String::new() }),
            ("a", false) => entry.addresses.push(parse_address(value)?),
            ("txt", false) => entry.txt.push(value.to_owned()),
            ("ptr", false) => entry.ptr.push(plain(value)),
            ("none", true) => entry.missing = true,
            ("empty", true) => {}
            ("fail", true) => entry.failing = true,
            _ => {
                return Err(
                    "after the name comes mx, null-mx, a, txt, ptr, none, empty or fail, and what belongs to it",
                );
            }
        }
        entry.mx.sort();
        Ok(())
    }

    fn find(&self, name: &str) -> Option<&Entry> {
        let name = plain(name);
        if let Some(entry) = self.by_name.get(&name) {
            return Some(entry);
        }
        let mut rest = name.as_str();
        while let Some((_, parent)) = rest.split_once('.') {
            if let Some(entry) = self.by_name.get(&format!("*.{parent}")) {
                return Some(entry);
            }
            rest = parent;
        }
        None
    }
}

/// Names are compared in lower case and without the dot at the end.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn parse_mx(value: &str) -> Result<Mx, &'static str> {
    let (preference, host) = value.split_once(char::is_whitespace).ok_or("an mx has a preference and a host")?;
    let preference = preference.parse().map_err(|_| "an mx preference is a number from 0 to 65535")?;
    Ok(Mx { preference, host: plain(host.trim()) })
}

fn parse_address(value: &str) -> Result<HostAddress, &'static str> {
    if let Ok(ip) = value.parse() {
        return Ok(HostAddress { ip, port: None });
    }
    let socket: SocketAddr = value.parse().map_err(|_| "an address is 192.0.2.1, 192.0.2.1:2525, ::1 or [::1]:2525")?;
    Ok(HostAddress { ip: socket.ip(), port: Some(socket.port()) })
}

/// A resolver that looks into a table first and then asks another, if there is one. Names in the table are never asked
/// for elsewhere.
pub struct TableResolver {
    table: Table,
    behind: Option<Arc<dyn Resolver>>,
}

impl TableResolver {
    /// The table alone: every other name does not exist.
    pub fn new(table: Table) -> TableResolver {
        TableResolver { table, behind: None }
    }

    /// The table in front of another resolver.
    pub fn in_front_of(table: Table, behind: Arc<dyn Resolver>) -> TableResolver {
        TableResolver { table, behind: Some(behind) }
    }

    fn answer<'a, T, P, B>(&'a self, name: &'a str, kind: &'static str, pick: P, ask: B) -> DnsAnswer<'a, Vec<T>>
    where
        T: Clone + Send + 'a,
        P: FnOnce(&'a Entry) -> &'a Vec<T>,
        B: FnOnce(&'a dyn Resolver) -> DnsAnswer<'a, Vec<T>>,
    {
        let name_owned = || plain(name);
        let answer = match (self.table.find(name), &self.behind) {
            (None, Some(behind)) => return ask(behind.as_ref()),
            (None, None) => Err(DnsError::NoSuchName { name: name_owned() }),
            (Some(entry), _) if entry.failing => {
                Err(DnsError::Temporary { name: name_owned(), why: "the table says so".to_owned() })
            }
            (Some(entry), _) if entry.missing => Err(DnsError::NoSuchName { name: name_owned() }),
            (Some(entry), _) => match pick(entry) {
                found if found.is_empty() => Err(DnsError::NoRecords { name: name_owned(), kind }),
                found => Ok(found.clone()),
            },
        };
        Box::pin(std::future::ready(answer))
    }
}

impl Resolver for TableResolver {
    fn mx<'a>(&'a self, domain: &'a str) -> DnsAnswer<'a, Vec<Mx>> {
        self.answer(domain, "MX", |entry| &entry.mx, |behind| behind.mx(domain))
    }

    fn addresses<'a>(&'a self, host: &'a str) -> DnsAnswer<'a, Vec<HostAddress>> {
        self.answer(host, "A", |entry| &entry.addresses, |behind| behind.addresses(host))
    }

    /// What the table does not know is asked for as IPv4 alone, too.
    fn ipv4<'a>(&'a self, name: &'a str) -> DnsAnswer<'a, Vec<Ipv4Addr>> {
        match self.behind.as_ref().filter(|_| self.table.find(name).is_none()) {
            Some(behind) => behind.ipv4(name),
            None => Box::pin(async move { only_ipv4(name, &self.addresses(name).await?) }),
        }
    }

    fn txt<'a>(&'a self, name: &'a str) -> DnsAnswer<'a, Vec<String>> {
        self.answer(name, "TXT", |entry| &entry.txt, |behind| behind.txt(name))
    }

    /// The operator wrote the table.
    fn is_authentic(&self, name: &str) -> bool {
        self.table.find(name).is_some() || self.behind.as_ref().is_some_and(|behind| behind.is_authentic(name))
    }

    fn ptr(&self, address: IpAddr) -> DnsAnswer<'_, Vec<String>> {
        let text = address.to_canonical().to_string();
        match (self.table.by_name.get(&text), &self.behind) {
            (None, Some(behind)) => behind.ptr(address),
            (Some(entry), _) if entry.failing => {
                let error = DnsError::Temporary { name: text, why: "the table says so".to_owned() };
                Box::pin(std::future::ready(Err(error)))
            }
            (Some(entry), _) if !entry.ptr.is_empty() => Box::pin(std::future::ready(Ok(entry.ptr.clone()))),
            _ => Box::pin(std::future::ready(Err(DnsError::NoSuchName { name: text }))),
        }
    }
}
