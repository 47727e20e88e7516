//! Tests: their arguments checked and made ready to be looked at.

use super::Compiler;
use super::vocabulary::check_test;
use crate::extension::Extension;
use crate::fault::{Fault, Position, Problem};
use crate::fields::{holds_addresses, is_field_name};
use crate::limits::DUPLICATE_SECONDS_MAX;
use crate::matching::{Keys, Match};
use crate::program::{DatePart, Duplicate, DuplicateId, Operation, Test, Transform, Wanted, Zone};
use crate::signature::{ADDRESS_PART, Arguments, INDEX, MATCH, MIME, MIME_ASPECT, flag, list, number, strings, text};
use crate::syntax;
use crate::template::Template;

const KEYS: &str = "a list of keys";
const FIELDS: &str = "a list of header fields";

impl Compiler {
    /// Emits what leaves the outcome of a test.
    pub(super) fn condition(&mut self, test: &syntax::Test) -> Result<(), Fault> {
        check_test(&test.name, test.at, self.extensions)?;
        let wrong = |wanted| Fault { at: test.at, problem: Problem::WrongTests { of: test.name.clone(), wanted } };
        match test.name.as_str() {
            "not" | "allof" | "anyof" => {
                self.sort(&test.name, test.at, &test.arguments, &[])?.expect(0, 0, "nothing")?;
            }
            _ if !test.tests.is_empty() => return Err(wrong("no tests")),
            _ => {}
        }
        match test.name.as_str() {
            "not" => match test.tests.as_slice() {
                [part] if !test.is_test_list => {
                    self.condition(part)?;
                    self.emit(test.at, Operation::Not).map(drop)
                }
                _ => Err(wrong("one test")),
            },
            "allof" | "anyof" if !test.is_test_list => Err(wrong("a list of tests in parentheses")),
            "allof" => self.sequence(test, true),
            "anyof" => self.sequence(test, false),
            _ => {
                let compiled = self.test(test)?;
                self.emit(test.at, Operation::Test(compiled)).map(drop)
            }
        }
    }

    fn test(&mut self, test: &syntax::Test) -> Result<Test, Fault> {
        let sort = |compiler: &Compiler, signature| {
            Arguments::sort(&test.name, test.at, &test.arguments, signature, compiler.extensions)
        };
        match test.name.as_str() {
            "true" | "false" => {
                sort(self, &[])?.expect(0, 0, "nothing")?;
                Ok(Test::Constant(test.name == "true"))
            }
            "ihave" => self.ihave(test).map(Test::Constant),
            "size" => {
                let tags = [number("over", None, "limit"), number("under", None, "limit")];
                let arguments = sort(self, &[&tags])?;
                arguments.expect(0, 0, "nothing")?;
                let over = arguments.number_after("over");
                let octets = over.or(arguments.number_after("under"));
                let lacking = Problem::LacksArgument { of: "size".to_owned(), wanted: ":over or :under and a number" };
                let octets = octets.ok_or_else(|| arguments.fault(lacking))?;
                Ok(Test::Size { is_over: over.is_some(), octets })
            }
            "exists" => {
                let arguments = sort(self, &[MIME])?;
                arguments.expect(1, 1, FIELDS)?;
                let (list, at) = arguments.list(0, FIELDS)?;
                let names = self.templates(list, at)?;
                Ok(Test::Exists { names, scope: self.scope(&arguments)? })
            }
            "header" => self.header(&sort(self, &[MATCH, INDEX, MIME, MIME_ASPECT])?),
            "address" => self.address(&sort(self, &[MATCH, INDEX, MIME, ADDRESS_PART])?),
            "envelope" => self.envelope(&sort(self, &[MATCH, ADDRESS_PART])?),
            "body" => {
                let what = [flag("raw", None, "what"), flag("text", None, "what"), list("content", None, "what")];
                self.body(&sort(self, &[MATCH, &what])?)
            }
            "date" => {
                let zone = [text("zone", None, "zone"), flag("originalzone", None, "zone")];
                self.date(&sort(self, &[MATCH, INDEX, &zone])?)
            }
            "currentdate" => self.current_date(&sort(self, &[MATCH, &[text("zone", None, "zone")]])?),
            "string" => {
                let arguments = sort(self, &[MATCH])?;
                arguments.expect(2, 2, KEYS)?;
                let (sources, at) = arguments.list(0, "a list of strings")?;
                let (keys, how) = self.keys_at(&arguments, 1)?;
                Ok(Test::Text { sources: self.templates(sources, at)?, keys, how })
            }
            "hasflag" => self.has_flag(&sort(self, &[MATCH])?),
            "spamtest" => {
                let percent = [flag("percent", Some(Extension::SpamTestPlus), "")];
                let arguments = sort(self, &[MATCH, &percent])?;
                arguments.expect(1, 1, "a value")?;
                let (keys, how) = self.keys_at(&arguments, 0)?;
                Ok(Test::Spam { is_percent: arguments.has("percent"), keys, how })
            }
            "virustest" => {
                let arguments = sort(self, &[MATCH])?;
                arguments.expect(1, 1, "a value")?;
                let (keys, how) = self.keys_at(&arguments, 0)?;
                Ok(Test::Virus { keys, how })
            }
            "duplicate" => self.duplicate(test),
            _ => self.surroundings(test),
        }
    }

    /// Tests of what lies outside the message.
    fn surroundings(&mut self, test: &syntax::Test) -> Result<Test, Fault> {
        let with =
            if matches!(test.name.as_str(), "environment" | "metadata" | "servermetadata" | "notify_method_capability")
            {
                MATCH
            } else {
                &[]
            };
        let arguments = self.sort(&test.name, test.at, &test.arguments, &[with])?;
        let templates = |compiler: &Compiler, index, wanted| -> Result<Vec<Template>, Fault> {
            let (list, at) = arguments.list(index, wanted)?;
            compiler.templates(list, at)
        };
        let template = |compiler: &Compiler, index, wanted| -> Result<Template, Fault> {
            let (text, at) = arguments.text(index, wanted)?;
            compiler.template(text, at)
        };
        let plain = match test.name.as_str() {
            "metadata" | "notify_method_capability" => 3,
            "environment" | "servermetadata" | "metadataexists" => 2,
            "specialuse_exists" => arguments.count().clamp(1, 2),
            _ => 1,
        };
        arguments.expect(plain, plain, "as many as it is defined with")?;
        Ok(match test.name.as_str() {
            "environment" => {
                let (keys, how) = self.keys_at(&arguments, 1)?;
                Test::Environment { name: template(self, 0, "the name of an item")?, keys, how }
            }
            "metadata" => {
                let (keys, how) = self.keys_at(&arguments, 2)?;
                let mailbox = Some(template(self, 0, "a mailbox")?);
                Test::Metadata { mailbox, annotation: template(self, 1, "an annotation")?, keys, how }
            }
            "servermetadata" => {
                let (keys, how) = self.keys_at(&arguments, 1)?;
                Test::Metadata { mailbox: None, annotation: template(self, 0, "an annotation")?, keys, how }
            }
            "metadataexists" => {
                let mailbox = Some(template(self, 0, "a mailbox")?);
                Test::There(Wanted::Metadata { mailbox, annotations: templates(self, 1, "annotations")? })
            }
            "servermetadataexists" => {
                Test::There(Wanted::Metadata { mailbox: None, annotations: templates(self, 0, "annotations")? })
            }
            "mailboxexists" => Test::There(Wanted::Mailboxes(templates(self, 0, "mailboxes")?)),
            "mailboxidexists" => Test::There(Wanted::MailboxIds(templates(self, 0, "identifiers of mailboxes")?)),
            "specialuse_exists" => {
                let mailbox = if plain == 2 { Some(template(self, 0, "a mailbox")?) } else { None };
                Test::There(Wanted::SpecialUses { mailbox, uses: templates(self, plain - 1, "special uses")? })
            }
            "valid_ext_list" => Test::ValidList(templates(self, 0, "names of lists")?),
            "valid_notify_method" => Test::ValidMethod(templates(self, 0, "notification methods")?),
            "notify_method_capability" => {
                let (keys, how) = self.keys_at(&arguments, 2)?;
                let method = template(self, 0, "a notification method")?;
                Test::MethodCapability { method, capability: template(self, 1, "a capability")?, keys, how }
            }
            other => {
                let problem = Problem::UnknownTest { name: other.to_owned(), nearest: None };
                return Err(Fault { at: test.at, problem });
            }
        })
    }

    fn keys_at(&self, arguments: &Arguments<'_>, index: usize) -> Result<(Keys, Match), Fault> {
        let how = self.how(arguments)?;
        Ok((self.keys(arguments.list(index, KEYS)?, how)?, how))
    }

    fn header(&self, arguments: &Arguments<'_>) -> Result<Test, Fault> {
        arguments.expect(2, 2, KEYS)?;
        let (list, at) = arguments.list(0, FIELDS)?;
        let names = self.templates(list, at)?;
        let (keys, how) = self.keys_at(arguments, 1)?;
        Ok(Test::Header { names, keys, how, index: Self::index(arguments)?, scope: self.scope(arguments)? })
    }

    fn address(&self, arguments: &Arguments<'_>) -> Result<Test, Fault> {
        arguments.expect(2, 2, KEYS)?;
        let (list, at) = arguments.list(0, FIELDS)?;
        let names = self.templates(list, at)?;
        // RFC 5228 §2.4.2.2: what cannot be the name of a field is none that a message has, and no error.
        let holds_none = |name: &&str| is_field_name(name) && !holds_addresses(name);
        if let Some(bad) = names.iter().filter_map(Template::literal).find(holds_none) {
            return Err(Fault { at, problem: Problem::NotAnAddressField(bad.to_owned()) });
        }
        let (keys, how) = self.keys_at(arguments, 1)?;
        let (index, scope) = (Self::index(arguments)?, self.scope(arguments)?);
        Ok(Test::Address { names, keys, how, index, scope, part: Self::address_part(arguments) })
    }

    fn envelope(&self, arguments: &Arguments<'_>) -> Result<Test, Fault> {
        arguments.expect(2, 2, KEYS)?;
        let (list, at) = arguments.list(0, "parts of the envelope")?;
        let parts = self.templates(list, at)?;
        let is_none = |name: &&str| !["from", "to", "auth"].iter().any(|known| known.eq_ignore_ascii_case(name));
        if let Some(bad) = parts.iter().filter_map(Template::literal).find(is_none) {
            return Err(Fault { at, problem: Problem::BadEnvelopePart(bad.to_owned()) });
        }
        let (keys, how) = self.keys_at(arguments, 1)?;
        Ok(Test::Envelope { parts, keys, how, part: Self::address_part(arguments) })
    }

    fn body(&self, arguments: &Arguments<'_>) -> Result<Test, Fault> {
        arguments.expect(1, 1, KEYS)?;
        let transform = match arguments.after("content") {
            Some(types) => Transform::Content(self.templates(strings(types), types.at)?),
            None if arguments.has("raw") => Transform::Raw,
            None => Transform::Text,
        };
        let (keys, how) = self.keys_at(arguments, 0)?;
        Ok(Test::Body { transform, keys, how })
    }

    fn date(&self, arguments: &Arguments<'_>) -> Result<Test, Fault> {
        arguments.expect(3, 3, KEYS)?;
        let (name, at) = arguments.text(0, "a header field")?;
        let header = Some(self.template(name, at)?);
        let part = date_part(arguments.text(1, "a part of a date")?)?;
        let (keys, how) = self.keys_at(arguments, 2)?;
        let (zone, index) = (self.zone(arguments)?, Self::index(arguments)?);
        Ok(Test::Date { header, zone, part, keys, how, index })
    }

    fn current_date(&self, arguments: &Arguments<'_>) -> Result<Test, Fault> {
        arguments.expect(2, 2, KEYS)?;
        let part = date_part(arguments.text(0, "a part of a date")?)?;
        let (keys, how) = self.keys_at(arguments, 1)?;
        Ok(Test::Date { header: None, zone: self.zone(arguments)?, part, keys, how, index: None })
    }

    fn zone(&self, arguments: &Arguments<'_>) -> Result<Zone, Fault> {
        let Some(argument) = arguments.after("zone") else {
            return Ok(if arguments.has("originalzone") { Zone::Original } else { Zone::Local });
        };
        let text = arguments.text_after("zone").unwrap_or_default();
        let zone = self.template(text, argument.at)?;
        if zone.literal().is_some_and(|zone| crate::moment::zone_minutes(zone).is_none()) {
            return Err(Fault { at: argument.at, problem: Problem::BadZone(text.to_owned()) });
        }
        Ok(Zone::Fixed(zone))
    }

    fn has_flag(&self, arguments: &Arguments<'_>) -> Result<Test, Fault> {
        arguments.expect(1, 2, "a list of flags")?;
        let variables = if arguments.count() == 2 {
            let (names, at) = arguments.list(0, "names of variables")?;
            self.needs(Extension::Variables, "a flag variable", at)?;
            names.iter().map(|name| self.variable(name, at)).collect::<Result<_, _>>()?
        } else {
            Vec::new()
        };
        let how = self.how(arguments)?;
        let keys = self.word_keys(arguments.list(arguments.count() - 1, "a list of flags")?, how)?;
        Ok(Test::HasFlag { variables, keys, how })
    }

    fn duplicate(&self, test: &syntax::Test) -> Result<Test, Fault> {
        let tags = [
            text("handle", None, ""),
            text("header", None, "identity"),
            text("uniqueid", None, "identity"),
            number("seconds", None, ""),
            flag("last", None, ""),
        ];
        let arguments = self.sort(&test.name, test.at, &test.arguments, &[&tags])?;
        arguments.expect(0, 0, "nothing")?;
        let id = match self.template_after(&arguments, "uniqueid")? {
            Some(value) => DuplicateId::Given(value),
            None => {
                let given = arguments.text_after("header").unwrap_or("Message-ID").to_owned();
                let at = arguments.after("header").map_or(test.at, |argument| argument.at);
                DuplicateId::Header(self.template(&given, at)?)
            }
        };
        let seconds = arguments.number_after("seconds").map(|seconds| seconds.min(DUPLICATE_SECONDS_MAX));
        let handle = self.template_after(&arguments, "handle")?;
        Ok(Test::Duplicate(Duplicate { handle, id, seconds, is_last: arguments.has("last") }))
    }
}

fn date_part((name, at): (&str, Position)) -> Result<DatePart, Fault> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "year" => DatePart::Year,
        "month" => DatePart::Month,
        "day" => DatePart::Day,
        "date" => DatePart::Date,
        "julian" => DatePart::Julian,
        "hour" => DatePart::Hour,
        "minute" => DatePart::Minute,
        "second" => DatePart::Second,
        "time" => DatePart::Time,
        "iso8601" => DatePart::Iso8601,
        "std11" => DatePart::Std11,
        "zone" => DatePart::Zone,
        "weekday" => DatePart::Weekday,
        _ => return Err(Fault { at, problem: Problem::BadDatePart(name.to_owned()) }),
    })
}
