//! Look-ups in a template: `$|table;text|`, `${key}`, `$]ldap-url[`, `$#series#` and `$[library,routine,arguments]`.
//!
//! Arguments are taken apart before anything is put into them, so that no sender can add an argument of its own. The
//! libraries of the old product are known by their names, and run what this program has.

use crate::lookup::{Comparison, DirectoryField, Lookup, MeterRoutine};

/// A look-up as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callout {
    /// What kind.
    pub kind: Kind,
    /// Its arguments, each made of pieces.
    pub arguments: Vec<Vec<Piece>>,
}

/// The case of text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Case {
    /// As it comes.
    #[default]
    Kept,
    /// Small.
    Lower,
    /// Capital.
    Upper,
}

/// A piece of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// This text.
    Text(String),
    /// What a wildcard took.
    Wildcard(u8),
    /// The case of what follows.
    Case(Case),
    /// What follows is quoted for a filter of a directory.
    QuoteFilter,
}

/// What kind of look-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Another table, which must set `$Y`.
    Table(String),
    /// The general table.
    General,
    /// An LDAP URL, answered by the directory.
    Ldap,
    /// The next number of a series: base, width, modulus.
    Sequence,
    /// A routine.
    Routine(Routine),
}

/// A routine that can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routine {
    /// Meter: counts, found when over the quota.
    Throttle,
    /// Meter: the oldest form, with its rate in the arguments.
    ThrottleAt {
        /// Whether attempts over the quota count on.
        penalise: bool,
    },
    /// Meter: over the quota, without counting.
    Query,
    /// Meter: a comparison.
    Test,
    /// Meter: a sum.
    Adjust,
    /// Meter: a sum and a comparison.
    AdjustAndTest,
    /// Meter: the value.
    Fetch,
    /// Meter: sets the value.
    Store,
    /// Meter: forgets the value.
    Remove,
    /// Meter: a greylisting table.
    Greylisting,
    /// Whether a triplet must wait: client, recipient, sender, name.
    Greylist,
    /// The same as the old client writes it, with two servers and a port in front.
    Grosscheck,
    /// A DNS list: zone, address or name.
    DnsList,
    /// The directory.
    Directory(DirectoryField),
    /// A command that the settings name.
    Command,
    /// A page.
    HttpGet,
    /// A page, with a body.
    HttpPost,
    /// A line asked of a Unix socket.
    Socket,
}

impl Routine {
    /// The least and the most arguments.
    fn arguments(self) -> (usize, usize) {
        match self {
            Routine::Throttle
            | Routine::ThrottleAt { .. }
            | Routine::Query
            | Routine::Fetch
            | Routine::Remove
            | Routine::Greylisting
            | Routine::DnsList
            | Routine::HttpPost
            | Routine::Socket => (2, 2),
            Routine::Test | Routine::Adjust | Routine::Store => (3, 3),
            Routine::AdjustAndTest => (4, 4),
            Routine::Greylist => (3, 4),
            Routine::Grosscheck => (6, 7),
            Routine::Directory(_) | Routine::HttpGet => (1, 1),
            Routine::Command => (1, 33),
        }
    }
}

/// Reads the look-up that a character behind `$` begins; `None` when it begins none. Gives what stands behind it.
///
/// # Errors
/// What is wrong with it, as a sentence.
pub fn read(opening: char, rest: &str) -> Result<Option<(Callout, &str)>, String> {
    let close = match opening {
        '|' => '|',
        '{' => '}',
        ']' => '[',
        '[' => ']',
        '#' => '#',
        _ => return Ok(None),
    };
    let end = end_of(rest, close).ok_or_else(|| format!("`${opening}` has no `{close}` that ends it"))?;
    let inside = rest.get(..end).unwrap_or_default();
    let after = rest.get(end + 1..).unwrap_or_default();
    let callout = match opening {
        '|' => {
            let (table, text) = inside.split_once(';').ok_or("`$|` needs a table and a text, with ; between them")?;
            Callout { kind: Kind::Table(table.trim().to_owned()), arguments: vec![pieces(text)?] }
        }
        '{' => Callout { kind: Kind::General, arguments: vec![pieces(inside)?] },
        ']' => Callout { kind: Kind::Ldap, arguments: vec![pieces(inside)?] },
        '#' => Callout {
            kind: Kind::Sequence,
            arguments: split(inside, '|').into_iter().map(pieces).collect::<Result<_, _>>()?,
        },
        _ => routine(inside)?,
    };
    Ok(Some((callout, after)))
}

fn routine(inside: &str) -> Result<Callout, String> {
    let mut words = split(inside, ',');
    let library = if words.is_empty() { "" } else { words.remove(0) };
    let library = library.trim().rsplit(['/', ':', '\\']).next().unwrap_or_default();
    let library = library.strip_suffix(".so").unwrap_or(library).to_ascii_lowercase();
    let mut name = || if words.is_empty() { String::new() } else { words.remove(0).trim().to_ascii_lowercase() };
    let routine = match library.as_str() {
        "check_metermaid" | "meter" => of_meter(&name())?,
        "conn_throttle" => match name().as_str() {
            "throttle" => Routine::ThrottleAt { penalise: false },
            "throttle_p" => Routine::ThrottleAt { penalise: true },
            other => return Err(format!("conn_throttle has throttle and throttle_p, not `{other}`")),
        },
        "grosscheck" => match name().as_str() {
            "grosscheck" => Routine::Grosscheck,
            other => return Err(format!("grosscheck has the routine grosscheck, not `{other}`")),
        },
        "greylist" => Routine::Greylist,
        "dnsbl" => Routine::DnsList,
        "directory" => of_directory(&name())?,
        "command" => Routine::Command,
        "http" => match name().as_str() {
            "get" => Routine::HttpGet,
            "post" => Routine::HttpPost,
            other => return Err(format!("http has get and post, not `{other}`")),
        },
        "socket" => Routine::Socket,
        other => {
            return Err(format!(
                "there is no routine `{other}`; there are meter, greylist, dnsbl, directory, command, http, socket, and by \
                 their old names check_metermaid.so, conn_throttle.so and grosscheck.so"
            ));
        }
    };
    let (least, most) = routine.arguments();
    if words.len() < least || words.len() > most {
        return Err(format!("`{library}` takes {} here, not {}", counted(least, most), words.len()));
    }
    let arguments = words.into_iter().map(pieces).collect::<Result<_, _>>()?;
    Ok(Callout { kind: Kind::Routine(routine), arguments })
}

fn counted(least: usize, most: usize) -> String {
    if least == most { format!("{least} arguments") } else { format!("{least} to {most} arguments") }
}

fn of_meter(name: &str) -> Result<Routine, String> {
    Ok(match name {
        "throttle" => Routine::Throttle,
        "query" => Routine::Query,
        "test" => Routine::Test,
        "adjust" => Routine::Adjust,
        "adjust_and_test" => Routine::AdjustAndTest,
        "fetch" => Routine::Fetch,
        "store" => Routine::Store,
        "remove" => Routine::Remove,
        "greylisting" => Routine::Greylisting,
        other => {
            return Err(format!(
                "the meter has throttle, query, test, adjust, adjust_and_test, fetch, store, remove and greylisting, not \
                 `{other}`"
            ));
        }
    })
}

fn of_directory(name: &str) -> Result<Routine, String> {
    Ok(Routine::Directory(match name {
        "address" => DirectoryField::Address,
        "user" => DirectoryField::User,
        "status" => DirectoryField::Status,
        "exists" => DirectoryField::Exists,
        "domain" => DirectoryField::Domain,
        "groups" => DirectoryField::Groups,
        other => {
            return Err(format!("the directory has address, user, status, exists, domain and groups, not `{other}`"));
        }
    }))
}

/// Where a look-up ends: at its closing character, unless a `$` quotes it.
fn end_of(text: &str, close: char) -> Option<usize> {
    let mut is_quoted = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if is_quoted => is_quoted = false,
            '$' => is_quoted = true,
            other if other == close => return Some(at),
            _ => {}
        }
    }
    None
}

/// Takes a text apart at a character that no `$` quotes.
fn split(text: &str, at: char) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(end) = end_of(rest, at) {
        words.push(rest.get(..end).unwrap_or_default());
        rest = rest.get(end + at.len_utf8()..).unwrap_or_default();
    }
    words.push(rest);
    words
}

fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let (mut made, mut plain) = (Vec::new(), String::new());
    let mut put = |plain: &mut String, piece: Option<Piece>| {
        if !plain.is_empty() {
            made.push(Piece::Text(std::mem::take(plain)));
        }
        made.extend(piece);
    };
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '$' {
            plain.push(character);
            continue;
        }
        match characters.next() {
            Some(digit @ '0'..='9') => put(&mut plain, Some(Piece::Wildcard(digit as u8 - b'0'))),
            Some('\\') => put(&mut plain, Some(Piece::Case(Case::Lower))),
            Some('^') => put(&mut plain, Some(Piece::Case(Case::Upper))),
            Some('_') => put(&mut plain, Some(Piece::Case(Case::Kept))),
            Some('=') => put(&mut plain, Some(Piece::QuoteFilter)),
            Some(letter) if letter.is_ascii_alphabetic() => {
                return Err(format!("`${letter}` cannot stand inside a look-up; put it to its left"));
            }
            Some(quoted) => plain.push(quoted),
            None => return Err("a $ at the end of a look-up; write $$ for a dollar sign".to_owned()),
        }
    }
    put(&mut plain, None);
    Ok(made)
}

impl Callout {
    /// The rate that a call of `conn_throttle` writes, and whether it penalises; `None` when it is put in only later.
    pub fn rate(&self) -> Option<(u32, bool)> {
        let Kind::Routine(Routine::ThrottleAt { penalise }) = self.kind else { return None };
        match self.arguments.get(1)?.as_slice() {
            [Piece::Text(rate)] => rate.trim().parse().ok().map(|rate| (rate, penalise)),
            _ => None,
        }
    }

    /// The numbers of the wildcards that it uses.
    pub fn wildcards(&self) -> Vec<u8> {
        let pieces = self.arguments.iter().flatten();
        pieces.filter_map(|piece| if let Piece::Wildcard(number) = piece { Some(*number) } else { None }).collect()
    }
}

/// The meter's table of a rate that stands in a mapping table itself.
pub fn rate_table(per_minute: u32, penalise: bool) -> String {
    format!("conn_throttle{}/{per_minute}", if penalise { "_p" } else { "" })
}

/// What a routine asks for, with its arguments filled in.
///
/// # Errors
/// Why it cannot be asked, as a sentence.
pub fn lookup(routine: Routine, arguments: &[String]) -> Result<Lookup, String> {
    let argument = |index: usize| arguments.get(index).cloned().unwrap_or_default();
    let meter = |routine| Lookup::Meter { routine, table: argument(0), key: argument(1) };
    let number = |index: usize| -> Result<i64, String> {
        let text = argument(index);
        text.trim().trim_start_matches('+').parse().map_err(|_| format!("`{text}` is no number"))
    };
    let compared = |index: usize| {
        let text = argument(index);
        Comparison::read(&text).ok_or_else(|| format!("`{text}` is no comparison such as >=5"))
    };
    Ok(match routine {
        Routine::Throttle => meter(MeterRoutine::Throttle),
        Routine::ThrottleAt { penalise } => {
            let text = argument(1);
            let per_minute = text.trim().parse().map_err(|_| format!("`{text}` is no rate a minute"))?;
            let routine = MeterRoutine::ThrottleAt { per_minute, penalise };
            Lookup::Meter { routine, table: rate_table(per_minute, penalise), key: argument(0) }
        }
        Routine::Query => meter(MeterRoutine::Query),
        Routine::Test => compared(2).map(|(how, than)| meter(MeterRoutine::Test(how, than)))?,
        Routine::Adjust => meter(MeterRoutine::Adjust(number(2)?)),
        Routine::AdjustAndTest => {
            let (how, than) = compared(3)?;
            meter(MeterRoutine::AdjustAndTest(number(2)?, how, than))
        }
        Routine::Fetch => meter(MeterRoutine::Fetch),
        Routine::Store => meter(MeterRoutine::Store(argument(2))),
        Routine::Remove => meter(MeterRoutine::Remove),
        Routine::Greylisting => meter(MeterRoutine::Greylisting),
        Routine::Greylist | Routine::Grosscheck => {
            let first = if routine == Routine::Grosscheck { 3 } else { 0 };
            let sender = argument(first + 2);
            Lookup::Greylist {
                client: argument(first),
                recipient: argument(first + 1),
                sender: if sender == "<>" { String::new() } else { sender },
                hello: argument(first + 3),
            }
        }
        Routine::DnsList => Lookup::DnsList { zone: argument(0), subject: argument(1) },
        Routine::Directory(field) => Lookup::Directory { field, key: argument(0) },
        Routine::Command => {
            Lookup::Command { name: argument(0), arguments: arguments.get(1..).unwrap_or_default().to_vec() }
        }
        Routine::HttpGet => Lookup::Http { url: argument(0), body: None },
        Routine::HttpPost => Lookup::Http { url: argument(0), body: Some(argument(1)) },
        Routine::Socket => Lookup::Socket { path: argument(0), line: argument(1) },
    })
}

/// What an LDAP URL asks of our directory: the first attribute that is wanted, and the first value of the filter.
///
/// # Errors
/// Why it cannot be asked, as a sentence.
pub fn of_ldap(url: &str) -> Result<Lookup, String> {
    let rest =
        url.trim().strip_prefix("ldap:///").ok_or("the URL must begin with ldap:/// - the directory is our own")?;
    let mut parts = rest.splitn(4, '?');
    let _base = parts.next();
    let attribute = parts.next().unwrap_or_default().split(',').next().unwrap_or_default().to_ascii_lowercase();
    let filter = parts.nth(1).unwrap_or_default();
    let field = match attribute.as_str() {
        "mail" => DirectoryField::Address,
        "uid" => DirectoryField::User,
        "mailuserstatus" | "inetuserstatus" => DirectoryField::Status,
        "memberof" => DirectoryField::Groups,
        other => {
            return Err(format!(
                "the directory has mail, uid, mailUserStatus, inetUserStatus and memberOf, not `{other}`"
            ));
        }
    };
    let wanted = |name: &str| {
        let name = name.trim_start_matches(['(', '|', '&']).trim().to_ascii_lowercase();
        matches!(name.as_str(), "mail" | "mailalternateaddress" | "mailequivalentaddress" | "uid")
    };
    let value = filter.split('(').filter_map(|piece| piece.split_once('=')).find(|(name, _)| wanted(name));
    let (_, value) = value.ok_or("the filter asks for no mail, mailAlternateAddress or uid")?;
    let key = unquote_filter(value.split(')').next().unwrap_or_default())?;
    Ok(Lookup::Directory { field, key })
}

/// Quotes a text for a filter (RFC 4515 §3).
pub fn quote_filter(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '*' => quoted.push_str("\\2a"),
            '(' => quoted.push_str("\\28"),
            ')' => quoted.push_str("\\29"),
            '\\' => quoted.push_str("\\5c"),
            '\0' => quoted.push_str("\\00"),
            other => quoted.push(other),
        }
    }
    quoted
}

/// Quotes a text for a part of a URL: only letters, digits and `-._~` stay.
pub fn quote_url(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            quoted.push(char::from(octet));
        } else {
            quoted.push_str(&format!("%{octet:02X}"));
        }
    }
    quoted
}

fn unquote_filter(text: &str) -> Result<String, String> {
    let refused = || format!("`{text}` is no value of a filter");
    let mut plain = String::with_capacity(text.len());
    let mut pieces = text.split('\\');
    plain.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let code = piece.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok()).filter(u8::is_ascii);
        plain.push(code.map(char::from).ok_or_else(refused)?);
        plain.push_str(piece.get(2..).unwrap_or_default());
    }
    if plain.contains('*') && !text.contains("\\2a") { Err(refused()) } else { Ok(plain) }
}
