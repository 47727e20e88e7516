//! The six access tables: when they are asked, with which probe and which flags to test, and what their answers mean.
//!
//! ```text
//! PORT_ACCESS       connect     TCP|server|port|client|port
//! FROM_ACCESS       MAIL FROM   port-access|app|submit-type|source|from|login
//! ORIG_SEND_ACCESS  RCPT TO     source|from|destination|to          before aliases
//! SEND_ACCESS       RCPT TO     the same                            after aliases
//! ORIG_MAIL_ACCESS  RCPT TO     port-access|app|submit-type|  and the probe of ORIG_SEND_ACCESS
//! MAIL_ACCESS       RCPT TO     port-access|app|submit-type|  and the probe of SEND_ACCESS
//! ```

use crate::decision::{Effect, Refusal, Verdict};
use crate::facts::{Facts, Protocol};
use crate::mapping::flags::Flags;
use crate::mapping::machine::Outcome;
use crate::stage::Stage;
use model::Address;
use smtp::status::EnhancedStatus;
use std::time::Duration;

/// One of the access tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessTable {
    /// A connection.
    Port,
    /// A sender.
    From,
    /// A recipient as given, with channels and sender.
    OrigSend,
    /// The same with the connection.
    OrigMail,
    /// A recipient after aliases, with channels and sender.
    Send,
    /// The same with the connection.
    Mail,
}

/// What a table's answer asks for besides its effects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// What it does.
    pub effects: Vec<Effect>,
    /// `$I`: it counts only when this user belongs to this group.
    pub only_for: Option<(String, String)>,
    /// Arguments that cannot be used.
    pub troubles: Vec<String>,
}

/// The flags that take an argument, in the order in which the arguments are read, whatever the order of the flags.
pub const READING_ORDER: &[char] = &['U', 'J', 'K', 'I', '<', '>', 'D', 'T', 'A', 'G', 'S', 'X', ',', 'N', 'F'];

/// All flags that mean something in an access table.
pub const KNOWN_FLAGS: &str = "BHVZYUJKI<>DTAGSX,NF";

impl AccessTable {
    /// All of them.
    pub const ALL: [AccessTable; 6] = [
        AccessTable::Port,
        AccessTable::From,
        AccessTable::OrigSend,
        AccessTable::OrigMail,
        AccessTable::Send,
        AccessTable::Mail,
    ];

    /// Its name in the mapping file.
    pub fn name(self) -> &'static str {
        match self {
            AccessTable::Port => "PORT_ACCESS",
            AccessTable::From => "FROM_ACCESS",
            AccessTable::OrigSend => "ORIG_SEND_ACCESS",
            AccessTable::OrigMail => "ORIG_MAIL_ACCESS",
            AccessTable::Send => "SEND_ACCESS",
            AccessTable::Mail => "MAIL_ACCESS",
        }
    }

    /// When it is asked.
    pub fn stage(self) -> Stage {
        match self {
            AccessTable::Port => Stage::Connect,
            AccessTable::From => Stage::Mail,
            AccessTable::OrigSend | AccessTable::OrigMail => Stage::Recipient,
            AccessTable::Send | AccessTable::Mail => Stage::Expanded,
        }
    }

    /// What it is asked; `None` when there is nothing to ask about, as PORT_ACCESS on a Unix socket.
    pub fn probe(self, facts: &Facts) -> Option<String> {
        match self {
            AccessTable::Port => facts.client.map(|_| port_access(facts)),
            AccessTable::From => Some(format!(
                "{}|{}|{}|{}",
                transport(facts),
                field(&facts.source),
                field(facts.sender.as_deref().unwrap_or_default()),
                field(facts.login.as_deref().unwrap_or_default())
            )),
            AccessTable::OrigSend | AccessTable::Send => Some(way(facts)),
            AccessTable::OrigMail | AccessTable::Mail => Some(format!("{}|{}", transport(facts), way(facts))),
        }
    }

    /// The flags that its templates can test.
    pub fn given(self, facts: &Facts) -> Flags {
        let mut flags = Flags::default();
        let mut set = |flag, is_set: bool| {
            if is_set {
                flags.set(flag);
            }
        };
        if self == AccessTable::Port {
            // The old dispatcher asked first and the server once more. Here there is one question, and it is the first.
            set('A', true);
            return flags;
        }
        set('A', facts.login.is_some());
        set('T', facts.tls);
        if self != AccessTable::From {
            set('E', facts.is_extended);
            set('L', facts.protocol == Protocol::Lmtp);
            let recipient = facts.recipient.as_ref();
            set('D', recipient.is_some_and(|recipient| recipient.notify_delay));
            set('F', recipient.is_some_and(|recipient| recipient.notify_failure));
            set('S', recipient.is_some_and(|recipient| recipient.notify_success));
        }
        flags
    }

    /// What its answer means. Nothing that matched means nothing.
    pub fn read(self, outcome: &Outcome) -> Reading {
        let mut reading = Reading::default();
        if !outcome.is_match() {
            return reading;
        }
        let flags = outcome.flags;
        let mut arguments = Arguments {
            rest: Some(&outcome.output),
            left: READING_ORDER.iter().filter(|flag| flags.has(**flag)).count(),
        };
        let is_refused = flags.has('N') || flags.has('F');
        let mut status = None;
        for flag in READING_ORDER.iter().copied().filter(|flag| flags.has(*flag)) {
            let text = arguments.next();
            match flag {
                'I' => {
                    let id = arguments.second(text);
                    reading.only_for = Some((id.0.to_owned(), id.1.to_owned()));
                }
                'X' => match text.trim().parse::<EnhancedStatus>() {
                    Ok(read) => status = Some(read),
                    Err(error) => reading.troubles.push(format!("$X with `{text}`: {error}")),
                },
                'N' | 'F' => reading.effects.push(Effect::Verdict(self.refusal(status, text))),
                '>' if !is_refused => {}
                other => reading.argument(other, text),
            }
        }
        if flags.has('B') {
            reading.effects.push(Effect::Verdict(Verdict::Discard { for_all: false }));
        }
        if flags.has('V') || flags.has('Z') {
            reading.effects.push(Effect::Verdict(Verdict::Discard { for_all: true }));
        }
        if flags.has('H') {
            reading.effects.push(Effect::Verdict(Verdict::Hold));
        }
        if flags.has('Y') && !is_refused {
            reading.effects.push(Effect::Verdict(Verdict::Accept));
        }
        reading
    }

    fn refusal(self, status: Option<EnhancedStatus>, text: &str) -> Verdict {
        if self != AccessTable::Port {
            return Refusal::verdict(status, text);
        }
        // Before the greeting the text is the whole reply and brings its own code.
        let text = if text.is_empty() { "554 5.7.1 access denied" } else { text };
        let code = text.get(..3).and_then(|code| code.parse().ok()).filter(|code| (400..600).contains(code));
        let code = code.unwrap_or(554);
        let status = status.unwrap_or(EnhancedStatus::new(if code < 500 { 4 } else { 5 }, 7, 1));
        let refusal = Refusal { code, status, text: text.to_owned() };
        if code < 500 { Verdict::Defer(refusal) } else { Verdict::Reject(refusal) }
    }
}

impl Reading {
    fn argument(&mut self, flag: char, text: &str) {
        let effect = match flag {
            'U' => Some(Effect::Debug),
            'J' => sender(text),
            'K' => Some(Effect::SenderField(text.to_owned())),
            '<' | '>' => Some(Effect::Note(text.to_owned())),
            'D' => delay(text),
            'T' | 'G' => Some(Effect::Tag(text.to_owned())).filter(|_| !text.is_empty()),
            'A' => text
                .split_once(':')
                .map(|(name, value)| Effect::Header(name.trim().to_owned(), value.trim().to_owned())),
            ',' => text.trim().parse().ok().filter(|points: &f64| points.is_finite()).map(Effect::Score),
            'S' => return self.limits(text),
            _ => None,
        };
        match effect {
            Some(effect) => self.effects.push(effect),
            None => self.troubles.push(format!("${flag} cannot use `{text}`")),
        }
    }

    /// Blocks of 1024 octets, recipients, and a second number of recipients; what is empty or negative limits nothing.
    fn limits(&mut self, text: &str) {
        let number = |word: &str| word.trim().parse::<i64>().ok().and_then(|number| u64::try_from(number).ok());
        let mut words = text.split(',');
        if let Some(blocks) = words.next().and_then(number) {
            self.effects.push(Effect::OctetsMax(blocks.saturating_mul(1024)));
        }
        for count in words.take(2).filter_map(number) {
            self.effects.push(Effect::RecipientsMax(count));
        }
    }
}

/// Another envelope sender: an address, or nothing for `<>`.
fn sender(text: &str) -> Option<Effect> {
    let bare = text.trim().trim_matches(['<', '>']);
    (bare.is_empty() || bare.parse::<Address>().is_ok()).then(|| Effect::Sender(bare.to_owned()))
}

/// A hundredth of a second each; negative ones hold for this reply alone.
fn delay(text: &str) -> Option<Effect> {
    let hundredths: i64 = text.trim().parse().ok()?;
    let delay = Duration::from_millis(hundredths.unsigned_abs().saturating_mul(10));
    Some(if hundredths < 0 { Effect::Delay(delay) } else { Effect::DelayAll(delay) })
}

struct Arguments<'a> {
    rest: Option<&'a str>,
    left: usize,
}

impl<'a> Arguments<'a> {
    /// The next argument; the last one is all that is left, bars and all.
    fn next(&mut self) -> &'a str {
        self.left = self.left.saturating_sub(1);
        let Some(rest) = self.rest else { return "" };
        match rest.split_once('|') {
            Some((first, more)) if self.left > 0 => {
                self.rest = Some(more);
                first
            }
            _ => {
                self.rest = None;
                rest
            }
        }
    }

    /// The second half of an argument of two.
    fn second(&mut self, first: &'a str) -> (&'a str, &'a str) {
        if let Some(halves) = first.split_once('|') {
            return halves;
        }
        self.left += 1;
        (first, self.next())
    }
}

/// A field of a probe: what a client says cannot make two of it.
fn field(text: &str) -> String {
    let is_plain = !text.contains(|character: char| character == '|' || character.is_control());
    if is_plain {
        return text.to_owned();
    }
    text.replace('|', "%7C").chars().map(|character| if character.is_control() { '?' } else { character }).collect()
}

fn port_access(facts: &Facts) -> String {
    let (Some(server), Some(client)) = (facts.server, facts.client) else { return String::new() };
    let (ours, theirs) = (server.ip().to_canonical(), client.ip().to_canonical());
    format!("TCP|{ours}|{}|{theirs}|{}", server.port(), client.port())
}

/// port-access-info, application and submit-type.
fn transport(facts: &Facts) -> String {
    let protocol = if facts.protocol == Protocol::Lmtp { "LMTP" } else { "SMTP" };
    format!("{}|{protocol}/{}|MAIL", port_access(facts), field(&facts.hello))
}

fn way(facts: &Facts) -> String {
    let recipient = facts.recipient.as_ref();
    format!(
        "{}|{}|{}|{}",
        field(&facts.source),
        field(facts.sender.as_deref().unwrap_or_default()),
        field(recipient.map_or("", |recipient| recipient.destination.as_str())),
        field(recipient.map_or("", |recipient| recipient.address.as_str()))
    )
}

#[cfg(test)]
mod tests;
