//! The arguments of one command or test, sorted by what its signature says.

use crate::extension::{Extension, Extensions};
use crate::fault::{Fault, Position, Problem};
use crate::syntax::{Argument, Value};

/// A tagged argument that a command or test can have.
#[derive(Clone, Copy, Debug)]
pub struct Tag {
    /// Its name without the colon.
    pub name: &'static str,
    /// What follows it.
    pub takes: Takes,
    /// What must be required for it.
    pub needs: Option<Extension>,
    /// Tags of one group exclude each other. Empty: it excludes only itself.
    pub group: &'static str,
}

/// What follows a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing.
    Nothing,
    /// A number.
    Number,
    /// A string.
    Text,
    /// A list of strings, or one.
    List,
}

/// A tag that stands alone.
pub const fn flag(name: &'static str, needs: Option<Extension>, group: &'static str) -> Tag {
    Tag { name, takes: Takes::Nothing, needs, group }
}

/// A tag before a string.
pub const fn text(name: &'static str, needs: Option<Extension>, group: &'static str) -> Tag {
    Tag { name, takes: Takes::Text, needs, group }
}

/// A tag before a number.
pub const fn number(name: &'static str, needs: Option<Extension>, group: &'static str) -> Tag {
    Tag { name, takes: Takes::Number, needs, group }
}

/// A tag before a list.
pub const fn list(name: &'static str, needs: Option<Extension>, group: &'static str) -> Tag {
    Tag { name, takes: Takes::List, needs, group }
}

/// `:is` and its like, and `:comparator` (RFC 5228 §2.7).
pub const MATCH: &[Tag] = &[
    flag("is", None, "match type"),
    flag("contains", None, "match type"),
    flag("matches", None, "match type"),
    flag("regex", Some(Extension::Regex), "match type"),
    text("value", Some(Extension::Relational), "match type"),
    text("count", Some(Extension::Relational), "match type"),
    flag("list", Some(Extension::ExternalLists), "match type"),
    text("comparator", None, ""),
];

/// Parts of an address (RFC 5228 §2.7.4, RFC 5233).
pub const ADDRESS_PART: &[Tag] = &[
    flag("all", None, "address part"),
    flag("localpart", None, "address part"),
    flag("domain", None, "address part"),
    flag("user", Some(Extension::Subaddress), "address part"),
    flag("detail", Some(Extension::Subaddress), "address part"),
];

/// Which of several fields (RFC 5260 §6).
pub const INDEX: &[Tag] = &[number("index", Some(Extension::Index), ""), flag("last", Some(Extension::Index), "")];

/// Fields of the part at hand (RFC 5703 §4).
pub const MIME: &[Tag] = &[flag("mime", Some(Extension::Mime), ""), flag("anychild", Some(Extension::Mime), "")];

/// What of a MIME field (RFC 5703 §4.2).
pub const MIME_ASPECT: &[Tag] = &[
    flag("type", Some(Extension::Mime), "aspect"),
    flag("subtype", Some(Extension::Mime), "aspect"),
    flag("contenttype", Some(Extension::Mime), "aspect"),
    list("param", Some(Extension::Mime), "aspect"),
];

/// Where a copy of what is sent goes (RFC 8580), and what `fileinto` knows besides.
pub const STORING: &[Tag] = &[
    list("flags", Some(Extension::ImapFlags), ""),
    flag("create", Some(Extension::Mailbox), ""),
    text("mailboxid", Some(Extension::MailboxId), ""),
    text("specialuse", Some(Extension::SpecialUse), ""),
];

/// Arguments after sorting.
#[derive(Debug)]
pub struct Arguments<'a> {
    /// What they belong to, for errors.
    pub of: &'a str,
    /// Where that stands.
    pub at: Position,
    tagged: Vec<(&'static str, Option<&'a Argument>)>,
    plain: Vec<&'a Argument>,
}

impl<'a> Arguments<'a> {
    /// Sorts. `signature` lists the tags that may stand there.
    pub fn sort(
        of: &'a str,
        at: Position,
        arguments: &'a [Argument],
        signature: &[&[Tag]],
        required: Extensions,
    ) -> Result<Arguments<'a>, Fault> {
        let mut sorted = Arguments { of, at, tagged: Vec::new(), plain: Vec::new() };
        let mut groups: Vec<&'static str> = Vec::new();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let Value::Tag(name) = &argument.value else {
                sorted.plain.push(argument);
                continue;
            };
            let fault = |problem| Fault { at: argument.at, problem };
            if !sorted.plain.is_empty() {
                return Err(fault(Problem::LateTag { of: of.to_owned(), tag: name.clone() }));
            }
            let Some(tag) = signature.iter().copied().flatten().find(|tag| tag.name == name) else {
                return Err(fault(Problem::UnknownTag { of: of.to_owned(), tag: name.clone() }));
            };
            if let Some(extension) = tag.needs.filter(|extension| !required.has(*extension)) {
                let what = format!(":{name}");
                return Err(fault(Problem::NotRequired { what, extension: extension.name() }));
            }
            let is_again = sorted.has(tag.name) || (!tag.group.is_empty() && groups.contains(&tag.group));
            if is_again {
                return Err(fault(Problem::TagTwice(name.clone())));
            }
            groups.push(tag.group);
            let value = match tag.takes {
                Takes::Nothing => None,
                takes => Some(follows(takes, name, argument.at, rest.next())?),
            };
            sorted.tagged.push((tag.name, value));
        }
        Ok(sorted)
    }

    /// Whether a tag is there.
    pub fn has(&self, tag: &str) -> bool {
        self.tagged.iter().any(|(name, _)| *name == tag)
    }

    /// What follows a tag.
    pub fn after(&self, tag: &str) -> Option<&'a Argument> {
        self.tagged.iter().find(|(name, _)| *name == tag).and_then(|(_, value)| *value)
    }

    /// The number after a tag.
    pub fn number_after(&self, tag: &str) -> Option<u64> {
        match self.after(tag)?.value {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The string after a tag.
    pub fn text_after(&self, tag: &str) -> Option<&'a str> {
        match &self.after(tag)?.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// How many arguments have no tag.
    pub fn count(&self) -> usize {
        self.plain.len()
    }

    /// The arguments without a tag must be so many.
    pub fn expect(&self, least: usize, most: usize, wanted: &'static str) -> Result<(), Fault> {
        if self.plain.len() < least {
            return Err(self.fault(Problem::LacksArgument { of: self.of.to_owned(), wanted }));
        }
        match self.plain.get(most) {
            Some(excess) => Err(Fault { at: excess.at, problem: Problem::ExcessArgument { of: self.of.to_owned() } }),
            None => Ok(()),
        }
    }

    /// The `index`th argument without a tag: a string.
    pub fn text(&self, index: usize, wanted: &'static str) -> Result<(&'a str, Position), Fault> {
        let argument = self.plain_at(index, wanted)?;
        match &argument.value {
            Value::Text(text) => Ok((text, argument.at)),
            other => Err(self.wrong(argument.at, wanted, other)),
        }
    }

    /// The `index`th argument without a tag: a list, or one string.
    pub fn list(&self, index: usize, wanted: &'static str) -> Result<(&'a [String], Position), Fault> {
        let argument = self.plain_at(index, wanted)?;
        match &argument.value {
            Value::Text(text) => Ok((std::slice::from_ref(text), argument.at)),
            Value::List(list) => Ok((list, argument.at)),
            other => Err(self.wrong(argument.at, wanted, other)),
        }
    }

    /// Something is wrong with the whole.
    pub fn fault(&self, problem: Problem) -> Fault {
        Fault { at: self.at, problem }
    }

    fn plain_at(&self, index: usize, wanted: &'static str) -> Result<&'a Argument, Fault> {
        let missing = || self.fault(Problem::LacksArgument { of: self.of.to_owned(), wanted });
        self.plain.get(index).copied().ok_or_else(missing)
    }

    fn wrong(&self, at: Position, wanted: &'static str, found: &Value) -> Fault {
        Fault { at, problem: Problem::WrongArgument { of: self.of.to_owned(), wanted, found: found.describe() } }
    }
}

/// The strings of an argument, be it one or many.
pub fn strings(argument: &Argument) -> &[String] {
    match &argument.value {
        Value::Text(text) => std::slice::from_ref(text),
        Value::List(list) => list,
        Value::Tag(_) | Value::Number(_) => &[],
    }
}

fn follows<'a>(takes: Takes, tag: &str, at: Position, next: Option<&'a Argument>) -> Result<&'a Argument, Fault> {
    let wanted = match takes {
        Takes::Nothing | Takes::List => "a list of strings",
        Takes::Number => "a number",
        Takes::Text => "a string",
    };
    let of = format!(":{tag}");
    let Some(argument) = next else { return Err(Fault { at, problem: Problem::LacksArgument { of, wanted } }) };
    let fits = match &argument.value {
        Value::Number(_) => takes == Takes::Number,
        Value::Text(_) => matches!(takes, Takes::Text | Takes::List),
        Value::List(_) => takes == Takes::List,
        Value::Tag(_) => false,
    };
    if fits {
        return Ok(argument);
    }
    let found = argument.value.describe();
    Err(Fault { at: argument.at, problem: Problem::WrongArgument { of, wanted, found } })
}
