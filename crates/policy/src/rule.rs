//! The rules of the settings file: conditions that must all hold, and what happens then.

use crate::decision::Effect;
use crate::facts::Facts;
use crate::stage::Stage;
use crate::wildcard::Wildcards;
use model::Network;

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name, or its number.
    pub name: String,
    /// Where it stands: file and line.
    pub place: String,
    /// When it is judged.
    pub stage: Stage,
    /// What must hold, all of it; the cheap ones first.
    pub conditions: Vec<Condition>,
    /// What happens.
    pub effects: Vec<Effect>,
    /// Whether the rules behind it are not looked at in this stage.
    pub is_final: bool,
}

/// Something that must hold.
#[derive(Clone, Debug)]
pub enum Condition {
    /// The client's address lies in one of these ranges, or in none of the second ones.
    Client(Vec<Network>, Vec<Network>),
    /// The confirmed name of the client's address.
    Host(Wildcards),
    /// How the client named itself.
    Hello(Wildcards),
    /// The envelope sender; `<>` is the empty one.
    Sender(Wildcards),
    /// The recipient.
    Recipient(Wildcards),
    /// Somebody has logged in, or nobody.
    LoggedIn(bool),
    /// Who has logged in.
    Login(Wildcards),
    /// Whether TLS is on.
    Tls(bool),
    /// The channel of the session.
    Source(Wildcards),
    /// The channel that the recipient goes to.
    Destination(Wildcards),
    /// More octets than this, as announced or come.
    LargerThan(u64),
    /// A result of the message's authentication.
    Authentication {
        /// `spf`, `dkim`, `dmarc` or `arc`.
        method: String,
        /// The results.
        results: Vec<String>,
    },
    /// A field of the message's header.
    Header {
        /// Its name.
        name: String,
        /// Its value.
        value: Wildcards,
    },
    /// An earlier stage put one of these words on it.
    Tag(Wildcards),
    /// Earlier stages gave at least so many points.
    ScoreFrom(f64),
    /// The client stands on one of these DNS lists.
    DnsList(Vec<String>),
    /// The meter says that the datum is over its quota.
    Meter {
        /// The meter's table.
        table: String,
        /// The datum.
        key: Key,
    },
    /// The greylister wants the triplet to wait.
    Greylist,
    /// A mapping table says yes with `$Y`.
    Table {
        /// The table.
        table: String,
        /// What it is asked.
        key: Key,
    },
}

/// A text with facts in it: `{client}`, `{sender}` and so on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(Vec<KeyPiece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum KeyPiece {
    Text(String),
    Fact(String),
}

impl Key {
    /// Reads a key.
    ///
    /// # Errors
    /// The name between braces that is no fact.
    pub fn read(text: &str) -> Result<Key, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or_else(|| after.to_owned())?;
            if !Facts::NAMES.contains(&name) {
                return Err(name.to_owned());
            }
            if !before.is_empty() {
                pieces.push(KeyPiece::Text(before.to_owned()));
            }
            pieces.push(KeyPiece::Fact(name.to_owned()));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(KeyPiece::Text(rest.to_owned()));
        }
        Ok(Key(pieces))
    }

    /// The key of these facts.
    pub fn of(&self, facts: &Facts) -> String {
        let piece = |piece: &KeyPiece| match piece {
            KeyPiece::Text(text) => text.clone(),
            KeyPiece::Fact(name) => facts.value(name).unwrap_or_default(),
        };
        self.0.iter().map(piece).collect()
    }

    fn earliest(&self) -> Stage {
        let stages = self.0.iter().map(|piece| match piece {
            KeyPiece::Text(_) => Stage::Connect,
            KeyPiece::Fact(name) => match name.as_str() {
                "hello" => Stage::Hello,
                "login" | "sender" | "sender_domain" => Stage::Mail,
                "recipient" | "recipient_domain" | "destination" => Stage::Recipient,
                _ => Stage::Connect,
            },
        });
        stages.max().unwrap_or(Stage::Connect)
    }
}

impl Condition {
    /// The first stage at which it can be judged.
    pub fn earliest(&self) -> Stage {
        match self {
            Condition::Client(..)
            | Condition::Host(_)
            | Condition::Source(_)
            | Condition::DnsList(_)
            | Condition::Tag(_)
            | Condition::ScoreFrom(_) => Stage::Connect,
            Condition::Hello(_) => Stage::Hello,
            // A login and TLS come between EHLO and MAIL.
            Condition::LoggedIn(_) | Condition::Login(_) | Condition::Tls(_) | Condition::Sender(_) => Stage::Mail,
            Condition::LargerThan(_) => Stage::Mail,
            Condition::Recipient(_) | Condition::Destination(_) | Condition::Greylist => Stage::Recipient,
            Condition::Authentication { .. } | Condition::Header { .. } => Stage::Message,
            Condition::Meter { key, .. } | Condition::Table { key, .. } => key.earliest(),
        }
    }

    /// The stage at which it is judged unless the rule says another: the size is known for sure, and tags and points are
    /// complete, when the message is there.
    fn usual(&self) -> Stage {
        match self {
            Condition::LargerThan(_) | Condition::Tag(_) | Condition::ScoreFrom(_) => Stage::Message,
            other => other.earliest(),
        }
    }

    /// Whether it is about a recipient.
    pub fn is_about_recipient(&self) -> bool {
        match self {
            Condition::Recipient(_) | Condition::Destination(_) | Condition::Greylist => true,
            Condition::Meter { key, .. } | Condition::Table { key, .. } => key.earliest() == Stage::Recipient,
            _ => false,
        }
    }

    /// What it says of the facts; `None` when somebody else must be asked.
    pub fn holds(&self, facts: &Facts) -> Option<bool> {
        let client = facts.client.map(|client| client.ip());
        let within =
            |networks: &[Network]| client.is_some_and(|client| networks.iter().any(|network| network.contains(client)));
        let recipient = facts.recipient.as_ref();
        Some(match self {
            Condition::Client(wanted, unwanted) => (wanted.is_empty() || within(wanted)) && !within(unwanted),
            Condition::Hello(names) => names.fits(&facts.hello),
            Condition::Sender(names) => {
                facts.sender.as_deref().is_some_and(|sender| names.fits(if sender.is_empty() { "<>" } else { sender }))
            }
            Condition::Recipient(names) => recipient.is_some_and(|recipient| names.fits(&recipient.address)),
            Condition::LoggedIn(wanted) => facts.login.is_some() == *wanted,
            Condition::Login(names) => facts.login.as_deref().is_some_and(|login| names.fits(login)),
            Condition::Tls(wanted) => facts.tls == *wanted,
            Condition::Source(names) => names.fits(&facts.source),
            Condition::Destination(names) => recipient.is_some_and(|recipient| names.fits(&recipient.destination)),
            Condition::LargerThan(octets) => facts.octets > *octets,
            Condition::Authentication { method, results } => {
                let found = facts.authentication.iter().filter(|(name, _)| name == method);
                let mut found = found.map(|(_, result)| result.as_str()).peekable();
                match found.peek() {
                    None => results.iter().any(|result| result == "none"),
                    Some(_) => found.any(|result| results.iter().any(|wanted| wanted == result)),
                }
            }
            Condition::Header { name, value } => {
                let mut fields = facts.header.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
                fields.any(|(_, found)| value.fits(found))
            }
            Condition::Tag(words) => facts.tags.iter().any(|tag| words.fits(tag)),
            Condition::ScoreFrom(least) => facts.score >= *least,
            Condition::Host(_)
            | Condition::DnsList(_)
            | Condition::Meter { .. }
            | Condition::Greylist
            | Condition::Table { .. } => return None,
        })
    }

    /// What it looks at, for reports.
    pub fn inputs(&self, facts: &Facts) -> Option<(&'static str, String)> {
        let value = |name: &'static str, key: &str| Some((name, facts.value(key).unwrap_or_default()));
        match self {
            Condition::Client(..) | Condition::Host(_) | Condition::DnsList(_) => value("client", "client"),
            Condition::Hello(_) => value("hello", "hello"),
            Condition::Sender(_) => value("sender", "sender"),
            Condition::Recipient(_) => value("recipient", "recipient"),
            Condition::LoggedIn(_) | Condition::Login(_) => value("login", "login"),
            Condition::Tls(_) => Some(("tls", facts.tls.to_string())),
            Condition::Source(_) => value("source", "source"),
            Condition::Destination(_) => value("destination", "destination"),
            Condition::LargerThan(_) => Some(("octets", facts.octets.to_string())),
            Condition::Authentication { method, .. } => {
                let found: Vec<String> = facts
                    .authentication
                    .iter()
                    .filter(|(name, _)| name == method)
                    .map(|(_, result)| result.clone())
                    .collect();
                Some(("authentication", format!("{method} {}", found.join(","))))
            }
            Condition::Header { name, .. } => Some(("header", name.clone())),
            Condition::Tag(_) => Some(("tags", facts.tags.join(","))),
            Condition::ScoreFrom(_) => Some(("score", facts.score.to_string())),
            Condition::Meter { key, .. } | Condition::Table { key, .. } => Some(("key", key.of(facts))),
            Condition::Greylist => value("recipient", "recipient"),
        }
    }

    /// The order in which conditions are judged: the cheap ones first, and those that count last.
    pub fn cost(&self) -> u8 {
        match self {
            Condition::Header { .. } => 1,
            Condition::Table { .. } => 2,
            Condition::Host(_) => 3,
            Condition::DnsList(_) => 4,
            Condition::Greylist => 5,
            Condition::Meter { .. } => 6,
            _ => 0,
        }
    }
}

impl Rule {
    /// The first stage at which all of these conditions can be judged.
    pub fn earliest(conditions: &[Condition]) -> Stage {
        conditions.iter().map(Condition::earliest).max().unwrap_or(Stage::Connect)
    }

    /// The stage of a rule that says none.
    pub fn usual(conditions: &[Condition]) -> Stage {
        conditions.iter().map(Condition::usual).max().unwrap_or(Stage::Connect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Recipient;

    #[test]
    fn keys_hold_facts_and_unknown_ones_are_named() {
        let facts = Facts {
            client: Some("192.0.2.77:5".parse().unwrap()),
            sender: Some("a@b.test".to_owned()),
            recipient: Some(Recipient { address: "c@d.test".to_owned(), ..Recipient::default() }),
            ..Facts::default()
        };
        assert_eq!(Key::read("{network} to {recipient_domain}").unwrap().of(&facts), "192.0.2.0/24 to d.test");
        let v6 = Facts { client: Some("[2001:db8::1:2:3:4]:5".parse().unwrap()), ..Facts::default() };
        assert_eq!(Key::read("{network}").unwrap().of(&v6), "2001:db8::/64");
        assert_eq!(Key::read("{sende}"), Err("sende".to_owned()));
        assert_eq!(Key::read("{sender}").unwrap().earliest(), Stage::Mail);
    }

    #[test]
    fn a_rule_is_judged_as_early_as_it_can_be() {
        let early = [Condition::Client(vec![], vec![])];
        let late = [
            Condition::Client(vec![], vec![]),
            Condition::Header { name: "x".to_owned(), value: Wildcards::default() },
        ];
        assert_eq!(Rule::earliest(&early), Stage::Connect);
        assert_eq!(Rule::earliest(&late), Stage::Message);
    }

    #[test]
    fn no_result_counts_as_none() {
        let none = |results: &[&str]| Condition::Authentication {
            method: "spf".to_owned(),
            results: results.iter().map(|result| (*result).to_owned()).collect(),
        };
        let facts = Facts { authentication: vec![("dkim".to_owned(), "pass".to_owned())], ..Facts::default() };
        assert_eq!(none(&["none"]).holds(&facts), Some(true));
        assert_eq!(none(&["fail"]).holds(&facts), Some(false));
    }
}
