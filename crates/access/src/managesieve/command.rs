//! Frames to commands (RFC 5804 §2).

use crate::managesieve::frame::{Token, tokens};
use crate::managesieve::offence::Offence;

/// A command with its arguments, checked as far as that needs no state.
#[derive(Clone, PartialEq, Eq)]
pub enum Command {
    /// `AUTHENTICATE mechanism [initial-response]`.
    Authenticate {
        /// In upper case.
        mechanism: String,
        /// The initial response in base64.
        initial: Option<String>,
    },
    /// `STARTTLS`.
    StartTls,
    /// `LOGOUT`.
    Logout,
    /// `CAPABILITY`.
    Capability,
    /// `HAVESPACE name octets`.
    HaveSpace {
        /// The script.
        name: String,
        /// Its size.
        octets: u64,
    },
    /// `PUTSCRIPT name script`.
    PutScript {
        /// The script.
        name: String,
        /// What it says.
        text: Vec<u8>,
    },
    /// `LISTSCRIPTS`.
    ListScripts,
    /// `SETACTIVE name`; none for the empty name.
    SetActive(Option<String>),
    /// `GETSCRIPT name`.
    GetScript(String),
    /// `DELETESCRIPT name`.
    DeleteScript(String),
    /// `RENAMESCRIPT from to`.
    RenameScript {
        /// Its name.
        from: String,
        /// Its new name.
        to: String,
    },
    /// `CHECKSCRIPT script`.
    CheckScript(Vec<u8>),
    /// `NOOP [tag]`.
    Noop(Option<Vec<u8>>),
    /// `UNAUTHENTICATE`.
    Unauthenticate,
}

impl Command {
    /// Reads a whole command.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(octets: &[u8]) -> Result<Command, Offence> {
        let mut tokens = tokens(octets)?.into_iter();
        let Some(Token::Word(keyword)) = tokens.next() else { return Err(Offence::UnknownCommand) };
        let arguments: Vec<Token> = tokens.collect();
        match keyword.to_ascii_uppercase().as_str() {
            "AUTHENTICATE" => authenticate(&arguments),
            "STARTTLS" => alone(&arguments, Command::StartTls, "STARTTLS"),
            "LOGOUT" => alone(&arguments, Command::Logout, "LOGOUT"),
            "CAPABILITY" => alone(&arguments, Command::Capability, "CAPABILITY"),
            "LISTSCRIPTS" => alone(&arguments, Command::ListScripts, "LISTSCRIPTS"),
            "UNAUTHENTICATE" => alone(&arguments, Command::Unauthenticate, "UNAUTHENTICATE"),
            "HAVESPACE" => match arguments.as_slice() {
                [Token::Text(name), Token::Number(octets)] => {
                    Ok(Command::HaveSpace { name: text(name)?, octets: *octets })
                }
                _ => Err(Offence::BadArguments { usage: "HAVESPACE \"name\" octets" }),
            },
            "PUTSCRIPT" => match arguments.as_slice() {
                [Token::Text(name), Token::Text(script)] => {
                    Ok(Command::PutScript { name: text(name)?, text: script.clone() })
                }
                _ => Err(Offence::BadArguments { usage: "PUTSCRIPT \"name\" script" }),
            },
            "CHECKSCRIPT" => match arguments.as_slice() {
                [Token::Text(script)] => Ok(Command::CheckScript(script.clone())),
                _ => Err(Offence::BadArguments { usage: "CHECKSCRIPT script" }),
            },
            "SETACTIVE" => name(&arguments, "SETACTIVE \"name\"")
                .map(|name| Command::SetActive(Some(name).filter(|name| !name.is_empty()))),
            "GETSCRIPT" => name(&arguments, "GETSCRIPT \"name\"").map(Command::GetScript),
            "DELETESCRIPT" => name(&arguments, "DELETESCRIPT \"name\"").map(Command::DeleteScript),
            "RENAMESCRIPT" => match arguments.as_slice() {
                [Token::Text(from), Token::Text(to)] => Ok(Command::RenameScript { from: text(from)?, to: text(to)? }),
                _ => Err(Offence::BadArguments { usage: "RENAMESCRIPT \"name\" \"new name\"" }),
            },
            "NOOP" => match arguments.as_slice() {
                [] => Ok(Command::Noop(None)),
                [Token::Text(tag)] => Ok(Command::Noop(Some(tag.clone()))),
                _ => Err(Offence::BadArguments { usage: "NOOP [\"tag\"]" }),
            },
            _ => Err(Offence::UnknownCommand),
        }
    }

    /// A response within a SASL exchange: one string in base64, or nothing for `*` (RFC 5804 §2.1).
    ///
    /// # Errors
    /// It is something else.
    pub fn response(octets: &[u8]) -> Result<Option<String>, Offence> {
        let wrong = Offence::BadArguments { usage: "a response in base64" };
        match tokens(octets)?.as_slice() {
            [Token::Word(star)] if star == "*" => Ok(None),
            [Token::Text(response)] if response == b"*" => Ok(None),
            [Token::Text(response)] => text(response).map(Some).map_err(|_| wrong),
            _ => Err(wrong),
        }
    }
}

fn text(octets: &[u8]) -> Result<String, Offence> {
    std::str::from_utf8(octets).map(str::to_owned).map_err(|_| Offence::BadOctet)
}

fn alone(arguments: &[Token], command: Command, usage: &'static str) -> Result<Command, Offence> {
    if arguments.is_empty() { Ok(command) } else { Err(Offence::BadArguments { usage }) }
}

fn name(arguments: &[Token], usage: &'static str) -> Result<String, Offence> {
    match arguments {
        [Token::Text(name)] => text(name),
        _ => Err(Offence::BadArguments { usage }),
    }
}

fn authenticate(arguments: &[Token]) -> Result<Command, Offence> {
    let (mechanism, initial) = match arguments {
        [Token::Text(mechanism)] => (mechanism, None),
        [Token::Text(mechanism), Token::Text(initial)] => (mechanism, Some(text(initial)?)),
        _ => return Err(Offence::BadArguments { usage: "AUTHENTICATE \"mechanism\" [initial response]" }),
    };
    Ok(Command::Authenticate { mechanism: text(mechanism)?.to_ascii_uppercase(), initial })
}

impl std::fmt::Debug for Command {
    /// Without credentials and scripts.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Command::Authenticate { .. } => "AUTHENTICATE",
            Command::StartTls => "STARTTLS",
            Command::Logout => "LOGOUT",
            Command::Capability => "CAPABILITY",
            Command::HaveSpace { .. } => "HAVESPACE",
            Command::PutScript { .. } => "PUTSCRIPT",
            Command::ListScripts => "LISTSCRIPTS",
            Command::SetActive(_) => "SETACTIVE",
            Command::GetScript(_) => "GETSCRIPT",
            Command::DeleteScript(_) => "DELETESCRIPT",
            Command::RenameScript { .. } => "RENAMESCRIPT",
            Command::CheckScript(_) => "CHECKSCRIPT",
            Command::Noop(_) => "NOOP",
            Command::Unauthenticate => "UNAUTHENTICATE",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_in_any_case() {
        assert_eq!(Command::parse(b"setactive \"\"\r\n"), Ok(Command::SetActive(None)));
        assert_eq!(
            Command::parse(b"PutScript {1+}\r\na {0+}\r\n\r\n"),
            Ok(Command::PutScript { name: "a".to_owned(), text: Vec::new() })
        );
        assert_eq!(
            Command::parse(b"AUTHENTICATE \"plain\" \"\"\r\n"),
            Ok(Command::Authenticate { mechanism: "PLAIN".to_owned(), initial: Some(String::new()) })
        );
        assert_eq!(Command::response(b"\"YQ==\"\r\n"), Ok(Some("YQ==".to_owned())));
        assert_eq!(Command::response(b"\"*\"\r\n"), Ok(None));
    }

    #[test]
    fn each_offence() {
        assert_eq!(Command::parse(b"\r\n"), Err(Offence::UnknownCommand));
        assert_eq!(Command::parse(b"XYZZY\r\n"), Err(Offence::UnknownCommand));
        assert_eq!(Command::parse(b"GETSCRIPT \"\xff\"\r\n"), Err(Offence::BadOctet));
        for line in ["GETSCRIPT", "HAVESPACE \"a\"", "HAVESPACE 1 1", "PUTSCRIPT \"a\"", "LOGOUT now", "NOOP 1"] {
            let parsed = Command::parse(format!("{line}\r\n").as_bytes());
            assert!(matches!(parsed, Err(Offence::BadArguments { .. })), "{line}");
        }
    }
}
