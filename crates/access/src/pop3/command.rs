//! Command lines to commands (RFC 1939 §9, RFC 2449 §5, RFC 5034 §4, RFC 6856 §2).

use crate::pop3::offence::Offence;

/// A command with its arguments, checked as far as that needs no state.
#[derive(Clone, PartialEq, Eq)]
pub enum Command {
    /// `USER name`.
    User(String),
    /// `PASS string`; spaces belong to the password.
    Pass(String),
    /// `AUTH [mechanism [initial-response]]`.
    Auth {
        /// In upper case; `None` asks for a list.
        mechanism: Option<String>,
        /// The initial response in base64, `=` for an empty one.
        initial: Option<String>,
    },
    /// `STLS`.
    Stls,
    /// `UTF8`.
    Utf8,
    /// `CAPA`.
    Capa,
    /// `STAT`.
    Stat,
    /// `LIST [msg]`.
    List(Option<u32>),
    /// `UIDL [msg]`.
    Uidl(Option<u32>),
    /// `RETR msg`.
    Retr(u32),
    /// `TOP msg n`.
    Top {
        /// The message.
        message: u32,
        /// How many lines of its body.
        lines: u64,
    },
    /// `DELE msg`.
    Dele(u32),
    /// `RSET`.
    Rset,
    /// `NOOP`.
    Noop,
    /// `QUIT`.
    Quit,
}

impl Command {
    /// Reads a line without its line end.
    ///
    /// # Errors
    /// [`Offence::BadOctet`], [`Offence::UnknownCommand`] or [`Offence::BadArguments`].
    pub fn parse(line: &[u8]) -> Result<Command, Offence> {
        let text = std::str::from_utf8(line).map_err(|_| Offence::BadOctet)?;
        if text.chars().any(char::is_control) {
            return Err(Offence::BadOctet);
        }
        let (keyword, rest) = text.split_once(' ').unwrap_or((text, ""));
        // Everything but a password may be followed by stray spaces.
        let arguments = rest.trim_matches(' ');
        match keyword.to_ascii_uppercase().as_str() {
            "USER" if !arguments.is_empty() => Ok(Command::User(arguments.to_owned())),
            "USER" => Err(Offence::BadArguments { usage: "USER name" }),
            "PASS" if !rest.is_empty() => Ok(Command::Pass(rest.to_owned())),
            "PASS" => Err(Offence::BadArguments { usage: "PASS password" }),
            "AUTH" => auth(arguments),
            "STLS" => alone(arguments, Command::Stls, "STLS"),
            "UTF8" => alone(arguments, Command::Utf8, "UTF8"),
            "CAPA" => alone(arguments, Command::Capa, "CAPA"),
            "STAT" => alone(arguments, Command::Stat, "STAT"),
            "RSET" => alone(arguments, Command::Rset, "RSET"),
            "NOOP" => alone(arguments, Command::Noop, "NOOP"),
            "QUIT" => alone(arguments, Command::Quit, "QUIT"),
            "LIST" => Ok(Command::List(optional(arguments, "LIST [message]")?)),
            "UIDL" => Ok(Command::Uidl(optional(arguments, "UIDL [message]")?)),
            "RETR" => Ok(Command::Retr(number(arguments, "RETR message")?)),
            "DELE" => Ok(Command::Dele(number(arguments, "DELE message")?)),
            "TOP" => {
                let usage = "TOP message lines";
                let (message, lines) = arguments.split_once(' ').ok_or(Offence::BadArguments { usage })?;
                Ok(Command::Top { message: number(message, usage)?, lines: number(lines.trim_matches(' '), usage)? })
            }
            _ => Err(Offence::UnknownCommand),
        }
    }
}

fn alone(arguments: &str, command: Command, usage: &'static str) -> Result<Command, Offence> {
    if arguments.is_empty() { Ok(command) } else { Err(Offence::BadArguments { usage }) }
}

fn auth(arguments: &str) -> Result<Command, Offence> {
    let mut words = arguments.split(' ').filter(|word| !word.is_empty());
    let mechanism = words.next().map(str::to_ascii_uppercase);
    let initial = words.next().map(str::to_owned);
    match words.next() {
        None => Ok(Command::Auth { mechanism, initial }),
        Some(_) => Err(Offence::BadArguments { usage: "AUTH mechanism [initial-response]" }),
    }
}

fn optional(arguments: &str, usage: &'static str) -> Result<Option<u32>, Offence> {
    if arguments.is_empty() { Ok(None) } else { number(arguments, usage).map(Some) }
}

/// Digits only: no sign, and no more than the type holds.
fn number<T: std::str::FromStr>(text: &str, usage: &'static str) -> Result<T, Offence> {
    let wrong = Offence::BadArguments { usage };
    if text.bytes().all(|octet| octet.is_ascii_digit()) { text.parse().map_err(|_| wrong) } else { Err(wrong) }
}

impl std::fmt::Debug for Command {
    /// Without credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Command::User(_) => f.write_str("USER"),
            Command::Pass(_) => f.write_str("PASS"),
            Command::Auth { mechanism, .. } => write!(f, "AUTH {}", mechanism.as_deref().unwrap_or_default()),
            Command::Stls => f.write_str("STLS"),
            Command::Utf8 => f.write_str("UTF8"),
            Command::Capa => f.write_str("CAPA"),
            Command::Stat => f.write_str("STAT"),
            Command::List(message) => write!(f, "LIST {message:?}"),
            Command::Uidl(message) => write!(f, "UIDL {message:?}"),
            Command::Retr(message) => write!(f, "RETR {message}"),
            Command::Top { message, lines } => write!(f, "TOP {message} {lines}"),
            Command::Dele(message) => write!(f, "DELE {message}"),
            Command::Rset => f.write_str("RSET"),
            Command::Noop => f.write_str("NOOP"),
            Command::Quit => f.write_str("QUIT"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_in_any_case() {
        assert_eq!(Command::parse(b"user  alice "), Ok(Command::User("alice".to_owned())));
        assert_eq!(Command::parse(b"PASS  two  words "), Ok(Command::Pass(" two  words ".to_owned())));
        assert_eq!(Command::parse(b"Top 1 0"), Ok(Command::Top { message: 1, lines: 0 }));
        assert_eq!(Command::parse(b"LIST"), Ok(Command::List(None)));
        assert_eq!(Command::parse(b"LIST 12 "), Ok(Command::List(Some(12))));
        assert_eq!(
            Command::parse(b"auth plain ="),
            Ok(Command::Auth { mechanism: Some("PLAIN".to_owned()), initial: Some("=".to_owned()) })
        );
    }

    #[test]
    fn each_offence() {
        assert_eq!(Command::parse(b"XYZZY"), Err(Offence::UnknownCommand));
        assert_eq!(Command::parse(b""), Err(Offence::UnknownCommand));
        assert_eq!(Command::parse(b"NOOP\0"), Err(Offence::BadOctet));
        assert_eq!(Command::parse(b"USER \xff"), Err(Offence::BadOctet));
        for line in ["USER", "PASS", "RETR", "RETR x", "RETR -1", "RETR +1", "RETR 99999999999", "TOP 1", "QUIT now"] {
            assert!(matches!(Command::parse(line.as_bytes()), Err(Offence::BadArguments { .. })), "{line}");
        }
    }

    #[test]
    fn credentials_are_not_shown() {
        assert_eq!(format!("{:?}", Command::Pass("secret".to_owned())), "PASS");
    }
}
