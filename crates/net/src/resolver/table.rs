//! Names from a table, as an operator or a test writes it, in front of the name service or instead of it.
//!
//! One entry a line: `NAME KIND VALUE…`, where KIND is `mx PREFERENCE HOST`, `null-mx`, `a ADDRESS[:PORT]` (both
//! families), `txt TEXT` or `txt "TEXT"`, `ptr HOST` (NAME is the address), `tlsa USAGE SELECTOR MATCHING HEX`, `srv PRIORITY WEIGHT PORT
//! HOST`, `none` (the name does not exist), `empty` (it exists and has no records) or `fail` (temporary failure of
//! everything that has no entry). `*.DOMAIN` stands for every name below the domain without own entries;
//! other names with an underscore below a name that is here do not exist.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use crate::resolver::record::{Family, Kind, Srv, Tlsa};
use crate::resolver::{DnsAnswer, DnsError, HostAddress, Mx, Resolver, only_ipv4};

/// What is known of one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Entry {
    mx: Vec<Mx>,
    addresses: Vec<HostAddress>,
    txt: Vec<String>,
    ptr: Vec<String>,
    tlsa: Vec<Tlsa>,
    srv: Vec<Srv>,
    missing: bool,
    failing: bool,
}

/// A name that does not exist.
static NOTHING: Entry = Entry::without_records(false);
/// A name whose servers do not answer.
static FAILING: Entry = Entry::without_records(true);

impl Entry {
    const fn without_records(failing: bool) -> Entry {
        Entry {
            mx: Vec::new(),
            addresses: Vec::new(),
            txt: Vec::new(),
            ptr: Vec::new(),
            tlsa: Vec::new(),
            srv: Vec::new(),
            missing: !failing,
            failing,
        }
    }
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
        let (value, entry) = (value.trim(), self.by_name.entry(plain(&unescaped(name)?)).or_default());
        match (kind, value.is_empty()) {
            ("mx", false) => entry.mx.push(parse_mx(value)?),
            ("null-mx", true) => entry.mx.push(Mx { preference: 0, host: String::new() }),
            ("a", false) => entry.addresses.push(parse_address(value)?),
            ("txt", false) => entry.txt.push(text(value)?),
            ("ptr", false) => entry.ptr.push(plain(value)),
            ("tlsa", false) => {
                entry.tlsa.push(Tlsa::parse(value).ok_or("a tlsa has three numbers and hexadecimal octets")?);
            }
            ("srv", false) => entry.srv.push(parse_srv(value)?),
            ("none", true) => entry.missing = true,
            ("empty", true) => {}
            ("fail", true) => entry.failing = true,
            _ => {
                return Err(
                    "after the name comes mx, null-mx, a, txt, ptr, tlsa, srv, none, empty or fail, and what belongs to it",
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
        // What belongs to a name that is here, such as _dmarc.NAME, is here too, or not at all.
        let labels: Vec<&str> = name.split('.').collect();
        if let Some(last) = labels.iter().rposition(|label| label.starts_with('_')) {
            let owner = labels.get(last + 1..).unwrap_or_default().join(".");
            let is_covered = self.by_name.contains_key(&format!("*.{owner}"));
            if let Some(entry) = self.by_name.get(&owner).filter(|_| !is_covered) {
                return Some(if entry.failing { &FAILING } else { &NOTHING });
            }
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

/// A text as it stands, or in quotes as zone files write it, where white space at its ends and `\DDD` count.
fn text(value: &str) -> Result<String, &'static str> {
    match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => unescaped(quoted),
        None => Ok(value.to_owned()),
    }
}

/// `\DDD` is the octet of that number, and `\` before anything else stands for it alone (RFC 1035 §5.1).
fn unescaped(text: &str) -> Result<String, &'static str> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(&octet) = rest.next() {
        if octet != b'\\' {
            octets.push(octet);
            continue;
        }
        const WRONG: &str = "a \\ is followed by a character or by three digits of an octet";
        let digits = rest.as_slice().get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit));
        match digits {
            Some(digits) => {
                let number = digits.iter().fold(0_u16, |number, digit| number * 10 + u16::from(digit - b'0'));
                octets.push(u8::try_from(number).map_err(|_| WRONG)?);
                rest.nth(2);
            }
            None => octets.push(*rest.next().ok_or(WRONG)?),
        }
    }
    Ok(String::from_utf8_lossy(&octets).into_owned())
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

fn parse_srv(value: &str) -> Result<Srv, &'static str> {
    const WRONG: &str = "an srv has a priority, a weight, a port and a host";
    let mut words = value.split_ascii_whitespace();
    let mut number = || words.next().and_then(|word| word.parse::<u16>().ok()).ok_or(WRONG);
    let (priority, weight, port) = (number()?, number()?, number()?);
    Ok(Srv { priority, weight, port, target: words.next().map(plain).ok_or(WRONG)? })
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
        T: Send + 'a,
        P: FnOnce(&'a Entry) -> Vec<T>,
        B: FnOnce(&'a dyn Resolver) -> DnsAnswer<'a, Vec<T>>,
    {
        let name_owned = || plain(name);
        let answer = match (self.table.find(name), &self.behind) {
            (None, Some(behind)) => return ask(behind.as_ref()),
            (None, None) => Err(DnsError::NoSuchName { name: name_owned() }),
            (Some(entry), _) => match pick(entry) {
                found if !found.is_empty() => Ok(found),
                _ if entry.failing => {
                    Err(DnsError::Temporary { name: name_owned(), why: "the table says so".to_owned() })
                }
                _ if entry.missing => Err(DnsError::NoSuchName { name: name_owned() }),
                _ => Err(DnsError::NoRecords { name: name_owned(), kind }),
            },
        };
        Box::pin(std::future::ready(answer))
    }
}

impl Resolver for TableResolver {
    fn mx<'a>(&'a self, domain: &'a str) -> DnsAnswer<'a, Vec<Mx>> {
        self.answer(domain, "MX", |entry| entry.mx.clone(), |behind| behind.mx(domain))
    }

    fn addresses<'a>(&'a self, host: &'a str) -> DnsAnswer<'a, Vec<HostAddress>> {
        self.answer(host, "A", |entry| entry.addresses.clone(), |behind| behind.addresses(host))
    }

    /// What the table does not know is asked for as IPv4 alone, too.
    fn ipv4<'a>(&'a self, name: &'a str) -> DnsAnswer<'a, Vec<Ipv4Addr>> {
        match self.behind.as_ref().filter(|_| self.table.find(name).is_none()) {
            Some(behind) => behind.ipv4(name),
            None => Box::pin(async move { only_ipv4(name, &self.addresses(name).await?) }),
        }
    }

    fn txt<'a>(&'a self, name: &'a str) -> DnsAnswer<'a, Vec<String>> {
        self.answer(name, "TXT", |entry| entry.txt.clone(), |behind| behind.txt(name))
    }

    fn addresses_of<'a>(&'a self, host: &'a str, family: Family) -> DnsAnswer<'a, Vec<IpAddr>> {
        let pick = |entry: &Entry| {
            let all = entry.addresses.iter().map(|address| address.ip);
            all.filter(|ip| Family::of(*ip) == family).collect()
        };
        self.answer(host, family.record(), pick, |behind| behind.addresses_of(host, family))
    }

    fn tlsa<'a>(&'a self, name: &'a str) -> DnsAnswer<'a, Vec<Tlsa>> {
        self.answer(name, "TLSA", |entry| entry.tlsa.clone(), |behind| behind.tlsa(name))
    }

    fn srv<'a>(&'a self, name: &'a str) -> DnsAnswer<'a, Vec<Srv>> {
        self.answer(name, "SRV", |entry| entry.srv.clone(), |behind| behind.srv(name))
    }

    /// The operator wrote the table.
    fn is_authentic<'a>(&'a self, name: &'a str, kind: Kind) -> DnsAnswer<'a, bool> {
        match (self.table.find(name), &self.behind) {
            (None, Some(behind)) => behind.is_authentic(name, kind),
            (found, _) => Box::pin(std::future::ready(Ok(found.is_some()))),
        }
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
