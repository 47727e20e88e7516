//! Arguments that many commands and tests share.

use super::Compiler;
use crate::comparator::Comparator;
use crate::extension::Extension;
use crate::fault::{Fault, Position, Problem};
use crate::limits::{REGEXES_MAX, TRACE_CHARS_MAX};
use crate::matching::{Keys, Kind, Match, Needle, Relation};
use crate::program::{AddressPart, Aspect, Index, Modifier, Scope, Storing};
use crate::regular::BadRegex;
use crate::signature::{Arguments, Tag, flag, strings};
use crate::template::Template;

/// Modifiers of `set` and `extracttext`, the highest precedence first (RFC 5229 §4.1, the regex draft, RFC 5435 §6).
pub(super) const MODIFIERS: &[Tag] = &[
    flag("lower", None, "case"),
    flag("upper", None, "case"),
    flag("lowerfirst", None, "first"),
    flag("upperfirst", None, "first"),
    flag("quotewildcard", None, "quoting"),
    flag("quoteregex", Some(Extension::Regex), "quoting"),
    flag("encodeurl", Some(Extension::Notify), ""),
    flag("length", None, ""),
];

impl Compiler {
    /// The match type and comparator.
    pub(super) fn how(&self, arguments: &Arguments<'_>) -> Result<Match, Fault> {
        let relation = |tag: &str| -> Result<Relation, Fault> {
            let name = arguments.text_after(tag).unwrap_or_default();
            let at = arguments.after(tag).map_or(arguments.at, |argument| argument.at);
            Relation::named(name).ok_or_else(|| Fault { at, problem: Problem::UnknownRelation(name.to_owned()) })
        };
        let (kind, name) = match () {
            () if arguments.has("contains") => (Kind::Contains, "contains"),
            () if arguments.has("matches") => (Kind::Matches, "matches"),
            () if arguments.has("regex") => (Kind::Regex, "regex"),
            () if arguments.has("value") => (Kind::Value(relation("value")?), "value"),
            () if arguments.has("count") => (Kind::Count(relation("count")?), "count"),
            () if arguments.has("list") => (Kind::List, "list"),
            () => (Kind::Is, "is"),
        };
        let comparator = match arguments.after("comparator") {
            None => Comparator::default(),
            Some(argument) => {
                let at = argument.at;
                let name = arguments.text_after("comparator").unwrap_or_default();
                let unknown = || Fault { at, problem: Problem::UnknownComparator(name.to_owned()) };
                let comparator = Comparator::named(name).ok_or_else(unknown)?;
                match comparator {
                    Comparator::AsciiNumeric => self.needs(Extension::ComparatorNumeric, name, at)?,
                    Comparator::UnicodeCasemap => self.needs(Extension::ComparatorUnicode, name, at)?,
                    Comparator::Octet | Comparator::AsciiCasemap => {}
                }
                comparator
            }
        };
        // RFC 4790 §9.1.1: numbers have no parts.
        if comparator == Comparator::AsciiNumeric && matches!(kind, Kind::Contains | Kind::Matches | Kind::Regex) {
            let problem = Problem::ComparatorCannot { comparator: comparator.name(), match_type: name };
            return Err(arguments.fault(problem));
        }
        Ok(Match { kind, comparator })
    }

    /// The keys among the arguments.
    pub(super) fn keys(&self, list: (&[String], Position), how: Match) -> Result<Keys, Fault> {
        let (list, at) = list;
        let templates = self.templates(list, at)?;
        let prepared = templates.iter().map(|template| self.prepare(template, at, how)).collect::<Result<_, _>>()?;
        Ok(Keys { templates, prepared, are_words: false })
    }

    /// Keys of which each is a list of words divided by spaces (RFC 5232 §2).
    pub(super) fn word_keys(&self, list: (&[String], Position), how: Match) -> Result<Keys, Fault> {
        let (list, at) = list;
        let mut templates = Vec::new();
        for template in self.templates(list, at)? {
            match template {
                Template::Literal(text) => {
                    templates.extend(text.split_ascii_whitespace().map(|word| Template::Literal(word.to_owned())));
                }
                pieces => templates.push(pieces),
            }
        }
        let prepared = templates.iter().map(|template| self.prepare(template, at, how)).collect::<Result<_, _>>()?;
        Ok(Keys { templates, prepared, are_words: true })
    }

    fn prepare(&self, template: &Template, at: Position, how: Match) -> Result<Option<Needle>, Fault> {
        let Some(text) = template.literal() else { return Ok(None) };
        if how.kind == Kind::Regex {
            self.regexes.set(self.regexes.get() + 1);
            if self.regexes.get() > REGEXES_MAX {
                return Err(Fault { at, problem: Problem::TooManyRegexes { max: REGEXES_MAX } });
            }
        }
        let bad = |bad: BadRegex| {
            let regex = text.chars().take(TRACE_CHARS_MAX).collect();
            Fault { at, problem: Problem::BadRegex { regex, reason: bad.reason() } }
        };
        Needle::new(text, how).map(Some).map_err(bad)
    }

    /// `:index` and `:last`.
    pub(super) fn index(arguments: &Arguments<'_>) -> Result<Option<Index>, Fault> {
        match (arguments.number_after("index"), arguments.has("last")) {
            (None, true) => Err(arguments.fault(Problem::NeedsTag { tag: "last", needed: "index" })),
            (None, false) => Ok(None),
            (Some(0), _) => Err(arguments.fault(Problem::BadValue { what: ":index", wanted: "at least 1" })),
            (Some(number), is_from_end) => Ok(Some(Index { number, is_from_end })),
        }
    }

    /// `:mime`, `:anychild` and what of the field is meant.
    pub(super) fn scope(&self, arguments: &Arguments<'_>) -> Result<Scope, Fault> {
        let is_part = arguments.has("mime");
        let needs_mime = |tag| arguments.fault(Problem::NeedsTag { tag, needed: "mime" });
        if arguments.has("anychild") && !is_part {
            return Err(needs_mime("anychild"));
        }
        let aspect = match arguments.after("param") {
            Some(argument) => Some(Aspect::Parameters(self.templates(strings(argument), argument.at)?)),
            None if arguments.has("type") => Some(Aspect::Type),
            None if arguments.has("subtype") => Some(Aspect::Subtype),
            None if arguments.has("contenttype") => Some(Aspect::ContentType),
            None => None,
        };
        if aspect.is_some() && !is_part {
            return Err(needs_mime("type, :subtype, :contenttype and :param"));
        }
        Ok(Scope { is_part, has_children: arguments.has("anychild"), aspect })
    }

    /// Which part of an address.
    pub(super) fn address_part(arguments: &Arguments<'_>) -> AddressPart {
        match () {
            () if arguments.has("localpart") => AddressPart::LocalPart,
            () if arguments.has("domain") => AddressPart::Domain,
            () if arguments.has("user") => AddressPart::User,
            () if arguments.has("detail") => AddressPart::Detail,
            () => AddressPart::All,
        }
    }

    /// Where to store.
    pub(super) fn storing(&self, arguments: &Arguments<'_>) -> Result<Storing, Fault> {
        let mailbox_id = self.template_after(arguments, "mailboxid")?;
        let special_use = self.template_after(arguments, "specialuse")?;
        // RFC 9042 §4.2.
        if mailbox_id.is_some() && special_use.is_some() {
            return Err(arguments.fault(Problem::TagTwice("specialuse".to_owned())));
        }
        let flags = self.list_after(arguments, "flags")?;
        Ok(Storing { flags, creates: arguments.has("create"), mailbox_id, special_use })
    }

    /// The list after a tag.
    pub(super) fn list_after(&self, arguments: &Arguments<'_>, tag: &str) -> Result<Option<Vec<Template>>, Fault> {
        arguments.after(tag).map(|argument| self.templates(strings(argument), argument.at)).transpose()
    }

    /// Where the copy of something sent goes, and how (RFC 8580 §3).
    pub(super) fn copy(&self, arguments: &Arguments<'_>) -> Result<Option<(Template, Storing)>, Fault> {
        let storing = self.storing(arguments)?;
        match self.template_after(arguments, "fcc")? {
            Some(mailbox) => Ok(Some((mailbox, storing))),
            None => match ["flags", "create", "mailboxid", "specialuse"].into_iter().find(|tag| arguments.has(tag)) {
                Some(tag) => Err(arguments.fault(Problem::NeedsTag { tag, needed: "fcc" })),
                None => Ok(None),
            },
        }
    }

    /// Modifiers in the order in which they work.
    pub(super) fn modifiers(arguments: &Arguments<'_>) -> Vec<Modifier> {
        let order = [
            ("lower", Modifier::Lower),
            ("upper", Modifier::Upper),
            ("lowerfirst", Modifier::LowerFirst),
            ("upperfirst", Modifier::UpperFirst),
            ("quotewildcard", Modifier::QuoteWildcard),
            ("quoteregex", Modifier::QuoteRegex),
            ("encodeurl", Modifier::EncodeUrl),
            ("length", Modifier::Length),
        ];
        order.into_iter().filter(|(tag, _)| arguments.has(tag)).map(|(_, modifier)| modifier).collect()
    }
}
