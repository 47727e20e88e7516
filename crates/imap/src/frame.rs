//! One whole command out of a stream: lines and the literals between them (RFC 9051 §4.3, RFC 7888, RFC 3516).

use crate::limits::{LINE_OCTETS_MAX, LITERAL_OCTETS_MAX, LITERALS_MAX, LITERALS_OCTETS_MAX, TAG_OCTETS_MAX};

/// What reading has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framed {
    /// Octets are missing.
    NeedMore,
    /// The client waits for `+` before it sends a literal. Say it, then read on.
    Continue,
    /// A command with its literals inside, ended by its last CRLF.
    Command(Vec<u8>),
    /// The command cannot be taken. What of it was announced without waiting is dropped as it comes.
    Refused {
        /// The command's tag, if it could be read.
        tag: Option<String>,
        /// Why.
        why: Refusal,
    },
}

/// Why a command cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A line without end.
    #[error("the command line is too long")]
    LineTooLong,
    /// A literal larger than what it is for.
    #[error("the literal is too large")]
    LiteralTooLarge,
    /// More literals than any command needs.
    #[error("the command has too many literals")]
    TooManyLiterals,
    /// The server has no memory for it now; see [`Framer::give_up`].
    #[error("there is no memory for a message of this size now")]
    NoMemory,
}

impl Refusal {
    /// Whether the stream can be read on: after a line without end it cannot.
    pub fn is_fatal(self) -> bool {
        self == Refusal::LineTooLong
    }

    /// Whether the same command may be taken later.
    pub fn is_temporary(self) -> bool {
        self == Refusal::NoMemory
    }
}

/// Puts commands together.
#[derive(Debug)]
pub struct Framer {
    message_octets_max: usize,
    held: Vec<u8>,
    /// Octets of the current literal that are still to come.
    literal_left: usize,
    /// Where the current line begins in `held`.
    line_start: usize,
    line_octets: usize,
    literals: usize,
    /// Octets of all literals of the command.
    literal_octets: usize,
    /// Octets of a refused literal that the client sends nevertheless, and then the rest of its line.
    skip: usize,
    skip_line: bool,
}

impl Framer {
    /// `message_octets_max` bounds the literals of one APPEND or REPLACE, together.
    pub fn new(message_octets_max: usize) -> Framer {
        Framer {
            message_octets_max,
            held: Vec::new(),
            literal_left: 0,
            line_start: 0,
            line_octets: 0,
            literals: 0,
            literal_octets: 0,
            skip: 0,
            skip_line: false,
        }
    }

    /// Sets the bound anew, such as after a login: nobody else needs to send messages.
    pub fn set_message_octets_max(&mut self, message_octets_max: usize) {
        self.message_octets_max = message_octets_max;
    }

    /// Whether nothing of a command is held, so that the connection is idle.
    pub fn is_idle(&self) -> bool {
        self.held.is_empty() && self.skip == 0 && !self.skip_line
    }

    /// How many octets the command takes with the literal that it has announced, while that literal is not here whole;
    /// otherwise 0.
    pub fn announced_octets(&self) -> u64 {
        if self.literal_left == 0 { 0 } else { self.held.len() as u64 + self.literal_left as u64 }
    }

    /// Refuses the command whose literal is announced, since there is no memory for it. `waits` says that the client
    /// waits to be told to go on, so that nothing more of the command will come.
    pub fn give_up(&mut self, waits: bool) -> Framed {
        let left = self.literal_left;
        let refused = self.refuse(Refusal::NoMemory);
        if !waits {
            self.skip = left;
            self.skip_line = true;
        }
        refused
    }

    /// Takes what it can from the front of `input`.
    pub fn read(&mut self, input: &mut &[u8]) -> Framed {
        loop {
            if self.skip > 0 {
                let most = self.skip.min(input.len());
                *input = input.get(most..).unwrap_or_default();
                self.skip -= most;
                if self.skip > 0 {
                    return Framed::NeedMore;
                }
            }
            if self.literal_left > 0 {
                let (piece, rest) = input.split_at_checked(self.literal_left.min(input.len())).unwrap_or((input, &[]));
                self.held.extend_from_slice(piece);
                self.literal_left -= piece.len();
                *input = rest;
                if self.literal_left > 0 {
                    return Framed::NeedMore;
                }
                self.line_start = self.held.len();
            }
            let Some(end) = memchr::memchr(b'\n', input) else {
                return self.hold_line(input);
            };
            let (line, rest) = input.split_at_checked(end + 1).unwrap_or((input, &[]));
            *input = rest;
            if self.line_octets + line.len() > LINE_OCTETS_MAX {
                return self.refuse(Refusal::LineTooLong);
            }
            self.line_octets += line.len();
            self.held.extend_from_slice(line);
            if let Some(framed) = self.line_ended() {
                return framed;
            }
        }
    }

    fn hold_line(&mut self, input: &mut &[u8]) -> Framed {
        if self.line_octets + input.len() > LINE_OCTETS_MAX {
            *input = &[];
            return self.refuse(Refusal::LineTooLong);
        }
        self.line_octets += input.len();
        self.held.extend_from_slice(input);
        *input = &[];
        Framed::NeedMore
    }

    fn line_ended(&mut self) -> Option<Framed> {
        let line = self.held.get(self.line_start..).unwrap_or_default();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let announced = announced(line);
        if std::mem::take(&mut self.skip_line) {
            // The rest of a refused command: literals that the client did not wait for belong to it and are no commands.
            // One that it waits for is not sent, now that the command is answered.
            if let Some(Literal { octets, waits: false }) = announced {
                self.skip = octets;
                self.skip_line = true;
            }
            self.reset();
            return None;
        }
        let Some(literal) = announced else {
            let command = std::mem::take(&mut self.held);
            self.reset();
            return Some(Framed::Command(command));
        };
        self.literals += 1;
        self.literal_octets = self.literal_octets.saturating_add(literal.octets);
        let (most, most_together) = if self.takes_messages() {
            (self.message_octets_max, self.message_octets_max.max(LITERALS_OCTETS_MAX))
        } else {
            (LITERAL_OCTETS_MAX, LITERALS_OCTETS_MAX)
        };
        let why = if literal.octets > most || self.literal_octets > most_together {
            Refusal::LiteralTooLarge
        } else if self.literals > LITERALS_MAX {
            Refusal::TooManyLiterals
        } else {
            self.literal_left = literal.octets;
            self.line_start = self.held.len();
            return literal.waits.then_some(Framed::Continue);
        };
        let refused = self.refuse(why);
        if !literal.waits {
            self.skip = literal.octets;
            self.skip_line = true;
        }
        Some(refused)
    }

    fn refuse(&mut self, why: Refusal) -> Framed {
        let tag = self.tag();
        self.reset();
        Framed::Refused { tag, why }
    }

    fn tag(&self) -> Option<String> {
        let end = self.held.iter().position(|octet| *octet == b' ')?;
        let tag = self.held.get(..end).filter(|tag| (1..=TAG_OCTETS_MAX).contains(&tag.len()))?;
        tag.iter().all(u8::is_ascii_graphic).then(|| String::from_utf8_lossy(tag).into_owned())
    }

    /// Whether the command is one whose literals are messages.
    fn takes_messages(&self) -> bool {
        let mut words = self.held.split(|octet| *octet == b' ').skip(1);
        let mut verb = words.next().unwrap_or_default();
        if verb.eq_ignore_ascii_case(b"UID") {
            verb = words.next().unwrap_or_default();
        }
        verb.eq_ignore_ascii_case(b"APPEND") || verb.eq_ignore_ascii_case(b"REPLACE")
    }

    fn reset(&mut self) {
        // A large message must not leave a large buffer behind.
        self.held = Vec::new();
        self.literal_left = 0;
        self.line_start = 0;
        self.line_octets = 0;
        self.literals = 0;
        self.literal_octets = 0;
    }
}

struct Literal {
    octets: usize,
    waits: bool,
}

/// The literal that a line announces at its end: `{12}`, `{12+}`, `~{12}`.
fn announced(line: &[u8]) -> Option<Literal> {
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|octet| *octet == b'{')?;
    let number = inner.get(open + 1..)?;
    let (number, waits) = match number.strip_suffix(b"+") {
        Some(number) => (number, false),
        None => (number, true),
    };
    if number.is_empty() || number.len() > 10 || !number.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let octets =
        number.iter().fold(0usize, |sum, digit| sum.saturating_mul(10).saturating_add(usize::from(digit - b'0')));
    Some(Literal { octets, waits })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames(input: &[u8], size: usize) -> Vec<Framed> {
        let (mut framer, mut out, mut held) = (Framer::new(1000), Vec::new(), Vec::new());
        for piece in input.chunks(size.max(1)) {
            held.extend_from_slice(piece);
            let mut rest = held.as_slice();
            loop {
                match framer.read(&mut rest) {
                    Framed::NeedMore => break,
                    framed => {
                        let fatal = matches!(&framed, Framed::Refused { why, .. } if why.is_fatal());
                        out.push(framed);
                        if fatal {
                            return out;
                        }
                    }
                }
            }
            held = rest.to_vec();
        }
        out
    }

    fn command(text: &str) -> Framed {
        Framed::Command(text.as_bytes().to_vec())
    }

    #[test]
    fn literals_are_part_of_their_command() {
        let input = b"a LOGIN {3}\r\nbob {2+}\r\nhi\r\nb NOOP\r\n";
        let expected = [Framed::Continue, command("a LOGIN {3}\r\nbob {2+}\r\nhi\r\n"), command("b NOOP\r\n")];
        assert_eq!(frames(input, 100), expected);
        assert_eq!(frames(input, 1), expected);
    }

    #[test]
    fn a_command_given_up_is_answered_once_and_its_octets_dropped() {
        let mut framer = Framer::new(1000);
        let mut input: &[u8] = b"a APPEND b {500+}\r\nfour";
        assert_eq!(framer.read(&mut input), Framed::NeedMore);
        assert_eq!(framer.announced_octets(), 519);
        assert_eq!(framer.give_up(false), Framed::Refused { tag: Some("a".to_owned()), why: Refusal::NoMemory });
        let mut rest = vec![b'x'; 496];
        rest.extend_from_slice(b" {3+}\r\nb c\r\nb NOOP\r\n");
        let mut input: &[u8] = &rest;
        assert_eq!(framer.read(&mut input), Framed::Command(b"b NOOP\r\n".to_vec()));

        let mut input: &[u8] = b"c APPEND b {500}\r\n";
        assert_eq!(framer.read(&mut input), Framed::Continue);
        assert_eq!(framer.give_up(true), Framed::Refused { tag: Some("c".to_owned()), why: Refusal::NoMemory });
        let mut input: &[u8] = b"d NOOP\r\n";
        assert_eq!(framer.read(&mut input), Framed::Command(b"d NOOP\r\n".to_vec()));
        assert_eq!(framer.announced_octets(), 0);
    }

    #[test]
    fn large_literals_are_refused_before_or_skipped() {
        let refused = |tag: &str, why| Framed::Refused { tag: Some(tag.to_owned()), why };
        assert_eq!(
            frames(b"a SELECT {99999999}\r\nb NOOP\r\n", 100),
            [refused("a", Refusal::LiteralTooLarge), command("b NOOP\r\n")]
        );
        let mut input = b"a APPEND x {2000+}\r\n".to_vec();
        input.extend(vec![b'x'; 2000]);
        input.extend_from_slice(b" more\r\nb NOOP\r\n");
        assert_eq!(frames(&input, 7), [refused("a", Refusal::LiteralTooLarge), command("b NOOP\r\n")]);
        assert_eq!(frames(b"a APPEND x {900+}\r\n", 100), []);
        let input = b"a APPEND x {2000+}\r\n".iter().copied().chain([b'x'; 2000]);
        let input: Vec<u8> = input.chain(*b" {16+}\r\nq DELETE INBOX\r\n\r\nb NOOP\r\n").collect();
        let expected = [refused("a", Refusal::LiteralTooLarge), command("b NOOP\r\n")];
        assert_eq!(frames(&input, 7), expected, "a later literal is not taken for a command");
        let many = format!("a SELECT {}\r\nb NOOP\r\n", format!("{{60000+}}\r\n{}", "x".repeat(60_000)).repeat(30));
        assert_eq!(frames(many.as_bytes(), 5000), expected, "literals are bounded together");
    }

    #[test]
    fn an_endless_line_is_fatal() {
        let out = frames(&vec![b'x'; LINE_OCTETS_MAX * 2], 1000);
        assert_eq!(out, [Framed::Refused { tag: None, why: Refusal::LineTooLong }]);
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(parts in proptest::collection::vec(prop_oneof![
            Just("a NOOP\r\n"), Just("a X {3}\r\nabc"), Just("{2+}\r\n\r\n"), Just(" b\r\n"), Just("a APPEND {5000+}\r\n"), Just("{"), Just("x"),
        ], 0..12), size in 1usize..9) {
            let input = parts.concat();
            prop_assert_eq!(frames(input.as_bytes(), size), frames(input.as_bytes(), usize::MAX));
        }
    }
}
