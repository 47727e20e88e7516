//! What the mail server says to its filter.

use crate::limits::{MILTER_ARGUMENTS_MAX, MILTER_MACROS_MAX};
use crate::milter::VERSION;
use crate::milter::flags::{Actions, Stage, Steps};
use crate::milter::frame::{self, Fields, Frame, before_nul};
use crate::milter::offence::Offence;
use std::net::{IpAddr, SocketAddr};

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// What the mail server offers.
    Negotiate(Offer),
    /// Values of macros for the command with this letter.
    Macros {
        /// The letter.
        before: u8,
        /// Names, with braces where they are longer than a letter, and values.
        values: Vec<(String, String)>,
    },
    /// Somebody connected to the mail server.
    Connect {
        /// The client's name, or its address in brackets.
        host: String,
        /// From where.
        peer: Peer,
    },
    /// The client named itself.
    Helo(String),
    /// The sender.
    Mail(Path),
    /// A recipient.
    Rcpt(Path),
    /// DATA.
    Data,
    /// One field of the header.
    Header(Field),
    /// The header is whole.
    EndOfHeader,
    /// A piece of the body.
    Body(Vec<u8>),
    /// The message is whole; a last piece of the body may come with it.
    EndOfMessage(Vec<u8>),
    /// The message is given up; the connection stays.
    Abort,
    /// Goodbye.
    Quit,
    /// The client is gone; another follows on this connection.
    QuitForNext,
    /// A command that the mail server does not know.
    Unknown(String),
}

/// The two bit sets of the negotiation with the version, and which macros a filter wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The version of the protocol.
    pub version: u32,
    /// What may be changed.
    pub actions: Actions,
    /// Which steps can be left out, or are.
    pub steps: Steps,
    /// The macros that a filter wants at a stage; a stage that is not named gets what the mail server chooses.
    pub macros: Vec<(Stage, Vec<String>)>,
}

impl Offer {
    /// All that this side knows.
    pub fn all() -> Offer {
        Offer { version: VERSION, actions: Actions::ALL, steps: Steps::ALL, macros: Vec::new() }
    }
}

/// From where a client came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Nobody knows.
    Unknown,
    /// A Unix socket.
    Unix(String),
    /// An Internet address and port.
    Ip(SocketAddr),
}

/// An address in brackets with ESMTP parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The address, with its angle brackets.
    pub address: String,
    /// The parameters, such as `SIZE=100`.
    pub arguments: Vec<String>,
}

/// A field of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its value: folded lines are parted by a line feed alone.
    pub value: Vec<u8>,
}

impl Field {
    /// Reads a field.
    pub(crate) fn read(fields: &mut Fields<'_>) -> Result<Field, Offence> {
        Ok(Field { name: fields.text()?, value: fields.octets()?.to_vec() })
    }
}

impl Command {
    /// Reads a frame.
    ///
    /// # Errors
    /// It is no command, or broken.
    pub fn read(frame: Frame<'_>) -> Result<Command, Offence> {
        let mut fields = Fields::new(frame.data, name_of(frame.kind));
        let command = match frame.kind {
            b'O' => Command::Negotiate(Offer::read(&mut fields)?),
            b'D' => read_macros(&mut fields)?,
            b'C' => read_connect(&mut fields)?,
            b'H' => Command::Helo(fields.text()?),
            b'M' => Command::Mail(Path::read(&mut fields)?),
            b'R' => Command::Rcpt(Path::read(&mut fields)?),
            b'T' => Command::Data,
            b'L' => Command::Header(Field::read(&mut fields)?),
            b'N' => Command::EndOfHeader,
            b'B' => return Ok(Command::Body(frame.data.to_vec())),
            b'E' => return Ok(Command::EndOfMessage(frame.data.to_vec())),
            b'A' => Command::Abort,
            b'Q' => Command::Quit,
            b'K' => Command::QuitForNext,
            b'U' => Command::Unknown(fields.text()?),
            kind => return Err(Offence::UnknownFrame { kind }),
        };
        fields.end()?;
        Ok(command)
    }

    /// Appends the frame. What may not stand in front of a NUL ends the text it stands in.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Command::Negotiate(offer) => offer.write(out),
            Command::Macros { before, values } => {
                let mut content = vec![*before];
                for (name, value) in values.iter().take(MILTER_MACROS_MAX) {
                    put(&mut content, name.as_bytes());
                    put(&mut content, value.as_bytes());
                }
                frame::write(b'D', &[&content], out);
            }
            Command::Connect { host, peer } => write_connect(host, peer, out),
            Command::Helo(name) => frame::write(b'H', &[before_nul(name.as_bytes()), b"\0"], out),
            Command::Mail(path) => path.write(b'M', out),
            Command::Rcpt(path) => path.write(b'R', out),
            Command::Data => frame::write(b'T', &[], out),
            Command::Header(Field { name, value }) => {
                frame::write(b'L', &[before_nul(name.as_bytes()), b"\0", before_nul(value), b"\0"], out);
            }
            Command::EndOfHeader => frame::write(b'N', &[], out),
            Command::Body(octets) => frame::write(b'B', &[octets], out),
            Command::EndOfMessage(octets) => frame::write(b'E', &[octets], out),
            Command::Abort => frame::write(b'A', &[], out),
            Command::Quit => frame::write(b'Q', &[], out),
            Command::QuitForNext => frame::write(b'K', &[], out),
            Command::Unknown(line) => frame::write(b'U', &[before_nul(line.as_bytes()), b"\0"], out),
        }
    }
}

/// Appends a text and its NUL.
pub(crate) fn put(content: &mut Vec<u8>, text: &[u8]) {
    content.extend_from_slice(before_nul(text));
    content.push(0);
}

/// A command's name in offences.
fn name_of(kind: u8) -> &'static str {
    match kind {
        b'O' => "negotiation",
        b'D' => "macro",
        b'C' => "connect",
        b'H' => "helo",
        b'M' => "mail",
        b'R' => "rcpt",
        b'L' => "header",
        b'U' => "unknown-command",
        _ => "command",
    }
}

fn read_macros(fields: &mut Fields<'_>) -> Result<Command, Offence> {
    let before = fields.octet()?;
    let mut values = Vec::new();
    while !fields.is_empty() {
        if values.len() >= MILTER_MACROS_MAX {
            return Err(Offence::TooMany { what: "macros in a frame", limit: MILTER_MACROS_MAX });
        }
        values.push((fields.text()?, fields.text()?));
    }
    Ok(Command::Macros { before, values })
}

/// The family, then port and address unless the family is unknown; IPv6 addresses may have a prefix of their own.
fn read_connect(fields: &mut Fields<'_>) -> Result<Command, Offence> {
    let broken = Offence::BrokenFrame { what: "connect" };
    let host = fields.text()?;
    let family = fields.octet()?;
    if family == b'U' {
        // Some mail servers send an empty port and address all the same.
        if !fields.is_empty() {
            fields.short()?;
            fields.text()?;
        }
        return Ok(Command::Connect { host, peer: Peer::Unknown });
    }
    let (port, address) = (fields.short()?, fields.text()?);
    let peer = match family {
        b'L' => Peer::Unix(address),
        b'4' | b'6' => {
            let plain = address.get(..5).filter(|prefix| prefix.eq_ignore_ascii_case("IPv6:"));
            let plain = plain.map_or(address.as_str(), |prefix| address.get(prefix.len()..).unwrap_or_default());
            let ip: IpAddr = plain.parse().map_err(|_| broken)?;
            Peer::Ip(SocketAddr::new(ip, port))
        }
        _ => return Err(broken),
    };
    Ok(Command::Connect { host, peer })
}

fn write_connect(host: &str, peer: &Peer, out: &mut Vec<u8>) {
    let host = before_nul(host.as_bytes());
    match peer {
        Peer::Unknown => frame::write(b'C', &[host, b"\0U"], out),
        Peer::Unix(path) => frame::write(b'C', &[host, b"\0L\0\0", before_nul(path.as_bytes()), b"\0"], out),
        Peer::Ip(address) => {
            let (family, text) = match address.ip() {
                IpAddr::V4(ip) => (b"\x004", ip.to_string()),
                IpAddr::V6(ip) => (b"\x006", format!("IPv6:{ip}")),
            };
            frame::write(b'C', &[host, family, &address.port().to_be_bytes(), text.as_bytes(), b"\0"], out);
        }
    }
}

impl Path {
    /// An address without brackets as a path; nothing is `<>`.
    pub fn of(address: &str, arguments: Vec<String>) -> Path {
        Path { address: format!("<{address}>"), arguments }
    }

    /// The address without its brackets.
    pub fn bare(&self) -> &str {
        let inside = self.address.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
        inside.unwrap_or(&self.address)
    }

    fn read(fields: &mut Fields<'_>) -> Result<Path, Offence> {
        Ok(Path { address: fields.text()?, arguments: fields.texts(MILTER_ARGUMENTS_MAX)? })
    }

    fn write(&self, kind: u8, out: &mut Vec<u8>) {
        let mut content = Vec::new();
        put(&mut content, self.address.as_bytes());
        for argument in self.arguments.iter().take(MILTER_ARGUMENTS_MAX) {
            put(&mut content, argument.as_bytes());
        }
        frame::write(kind, &[&content], out);
    }
}

impl Offer {
    /// Reads an offer, or a filter's answer to one.
    pub(crate) fn read(fields: &mut Fields<'_>) -> Result<Offer, Offence> {
        let (version, actions, steps) = (fields.number()?, Actions(fields.number()?), Steps(fields.number()?));
        let mut macros = Vec::new();
        while !fields.is_empty() {
            let (stage, names) = (fields.number()?, fields.text()?);
            if macros.len() >= MILTER_MACROS_MAX {
                return Err(Offence::TooMany { what: "lists of macros", limit: MILTER_MACROS_MAX });
            }
            // A stage that this side does not have is of no use to anybody.
            if let Some(stage) = Stage::from_number(stage) {
                let names = names.split([' ', ',']).filter(|name| !name.is_empty());
                macros.push((stage, names.take(MILTER_MACROS_MAX).map(str::to_owned).collect()));
            }
        }
        Ok(Offer { version, actions, steps, macros })
    }

    /// Appends an offer, or a filter's answer to one.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut content = Vec::new();
        for number in [self.version, self.actions.0, self.steps.0] {
            content.extend_from_slice(&number.to_be_bytes());
        }
        for (stage, names) in &self.macros {
            content.extend_from_slice(&stage.number().to_be_bytes());
            put(&mut content, names.join(" ").as_bytes());
        }
        frame::write(b'O', &[&content], out);
    }
}
