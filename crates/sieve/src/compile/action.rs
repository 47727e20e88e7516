//! Actions: their arguments checked and made ready to be taken.

use super::Compiler;
use super::part::MODIFIERS;
use crate::extension::Extension;
use crate::fault::{Fault, Problem};
use crate::fields::is_field_name;
use crate::limits::VACATION_SECONDS_MAX;
use crate::method::{BadMethod, Method};
use crate::program::{Action, ByTime, DeliverBy, FlagChange, Notify, Redirect, Vacation};
use crate::signature::{Arguments, MATCH, STORING, Tag, flag, list, number, text};
use crate::syntax::Command;
use crate::template::{Name, Template};

const SECONDS_PER_DAY: u64 = 86_400;
/// RFC 5230 §4.1 leaves it to the server; a week is what most take.
const VACATION_DAYS: u64 = 7;

const REDIRECT: &[Tag] = &[
    flag("copy", Some(Extension::Copy), ""),
    flag("list", Some(Extension::ExternalLists), ""),
    text("notify", Some(Extension::RedirectDsn), ""),
    text("ret", Some(Extension::RedirectDsn), ""),
    number("bytimerelative", Some(Extension::RedirectDeliverBy), "time"),
    text("bytimeabsolute", Some(Extension::RedirectDeliverBy), "time"),
    text("bymode", Some(Extension::RedirectDeliverBy), ""),
    flag("bytrace", Some(Extension::RedirectDeliverBy), ""),
];

const VACATION: &[Tag] = &[
    number("days", None, "period"),
    number("seconds", Some(Extension::VacationSeconds), "period"),
    text("subject", None, ""),
    text("from", None, ""),
    list("addresses", None, ""),
    flag("mime", None, ""),
    text("handle", None, ""),
    text("fcc", Some(Extension::Fcc), ""),
];

const NOTIFY: &[Tag] = &[
    text("from", None, ""),
    text("importance", None, ""),
    list("options", None, ""),
    text("message", None, ""),
    text("fcc", Some(Extension::Fcc), ""),
];

impl Compiler {
    pub(super) fn action(&self, command: &Command) -> Result<Action, Fault> {
        let sort = |signature| self.sort(&command.name, command.at, &command.arguments, signature);
        match command.name.as_str() {
            "keep" => {
                let arguments = sort(&[&[list("flags", Some(Extension::ImapFlags), "")]])?;
                arguments.expect(0, 0, "nothing")?;
                Ok(Action::Keep { flags: self.list_after(&arguments, "flags")? })
            }
            "discard" | "jettison" | "junk" => {
                sort(&[])?.expect(0, 0, "nothing")?;
                Ok(match command.name.as_str() {
                    "discard" => Action::Discard,
                    "jettison" => Action::Jettison,
                    _ => Action::Junk,
                })
            }
            "fileinto" => {
                let arguments = sort(&[&[flag("copy", Some(Extension::Copy), "")], STORING])?;
                arguments.expect(1, 1, "a mailbox")?;
                let mailbox = self.only(&arguments, "a mailbox")?;
                let storing = self.storing(&arguments)?;
                Ok(Action::FileInto { mailbox, is_copy: arguments.has("copy"), storing })
            }
            "redirect" => self.redirect(&sort(&[REDIRECT])?),
            "reject" | "ereject" => {
                let arguments = sort(&[])?;
                let reason = self.only(&arguments, "a reason")?;
                Ok(Action::Reject { reason, is_extended: command.name == "ereject" })
            }
            "set" => {
                let arguments = sort(&[MODIFIERS])?;
                arguments.expect(2, 2, "a name and a value")?;
                let (name, name_at) = arguments.text(0, "the name of a variable")?;
                let (value, at) = arguments.text(1, "a value")?;
                let name = self.variable(name, name_at)?;
                let value = self.template(value, at)?;
                Ok(Action::Set { name, modifiers: Self::modifiers(&arguments), value })
            }
            "setflag" | "addflag" | "removeflag" => self.flags(&sort(&[])?),
            "addheader" => self.add_header(&sort(&[&[flag("last", None, "")]])?),
            "deleteheader" => self.delete_header(&sort(&[MATCH, INDEX_OF_HEADER])?),
            "vacation" => self.vacation(&sort(&[VACATION, STORING])?),
            "notify" => self.notify(&sort(&[NOTIFY, STORING])?),
            "global" => {
                let arguments = sort(&[])?;
                arguments.expect(1, 1, "names of variables")?;
                self.needs(Extension::Variables, "global", command.at)?;
                let (names, at) = arguments.list(0, "names of variables")?;
                let read = |name: &String| match self.variable(name, at)? {
                    Name { is_global: true, .. } => Err(Fault { at, problem: Problem::BadVariable(name.clone()) }),
                    local => Ok(local),
                };
                Ok(Action::Global(names.iter().map(read).collect::<Result<_, _>>()?))
            }
            "replace" | "enclose" | "extracttext" => self.content(command),
            _ => self.system(command),
        }
    }

    /// The only argument, a string.
    fn only(&self, arguments: &Arguments<'_>, wanted: &'static str) -> Result<Template, Fault> {
        arguments.expect(1, 1, wanted)?;
        let (text, at) = arguments.text(0, wanted)?;
        self.template(text, at)
    }

    fn redirect(&self, arguments: &Arguments<'_>) -> Result<Action, Fault> {
        let address = self.only(arguments, "an address")?;
        let is_list = arguments.has("list");
        if let Some(literal) = address.literal().filter(|_| !is_list)
            && crate::effect::read_address(literal).is_none()
        {
            return Err(arguments.fault(Problem::BadAddress(literal.to_owned())));
        }
        let notify = self.template_after(arguments, "notify")?;
        if let Some(literal) = notify.as_ref().and_then(Template::literal)
            && crate::effect::read_notify(literal).is_none()
        {
            let wanted = "NEVER alone, or some of SUCCESS, FAILURE, DELAY";
            return Err(arguments.fault(Problem::BadValue { what: ":notify", wanted }));
        }
        let ret = self.template_after(arguments, "ret")?;
        let is_ret = |text: &str| ["FULL", "HDRS"].iter().any(|known| known.eq_ignore_ascii_case(text));
        if ret.as_ref().and_then(Template::literal).is_some_and(|literal| !is_ret(literal)) {
            return Err(arguments.fault(Problem::BadValue { what: ":ret", wanted: "FULL or HDRS" }));
        }
        let by = self.deliver_by(arguments)?;
        Ok(Action::Redirect(Redirect { address, is_copy: arguments.has("copy"), is_list, notify, ret, by }))
    }

    fn deliver_by(&self, arguments: &Arguments<'_>) -> Result<Option<DeliverBy>, Fault> {
        let time = match arguments.number_after("bytimerelative") {
            Some(seconds) => ByTime::Relative(seconds),
            None => match self.template_after(arguments, "bytimeabsolute")? {
                Some(moment) => ByTime::Absolute(moment),
                None => {
                    let alone = ["bymode", "bytrace"].into_iter().find(|tag| arguments.has(tag));
                    return match alone {
                        Some(tag) => {
                            Err(arguments.fault(Problem::NeedsTag { tag, needed: "bytimerelative or :bytimeabsolute" }))
                        }
                        None => Ok(None),
                    };
                }
            },
        };
        let mode = arguments.text_after("bymode").unwrap_or("notify").to_ascii_lowercase();
        if mode != "notify" && mode != "return" {
            return Err(arguments.fault(Problem::BadValue { what: ":bymode", wanted: "\"notify\" or \"return\"" }));
        }
        Ok(Some(DeliverBy { time, returns: mode == "return", traces: arguments.has("bytrace") }))
    }

    fn flags(&self, arguments: &Arguments<'_>) -> Result<Action, Fault> {
        arguments.expect(1, 2, "a list of flags")?;
        let variable = if arguments.count() == 2 {
            let (name, at) = arguments.text(0, "the name of a variable")?;
            self.needs(Extension::Variables, "a flag variable", at)?;
            Some(self.variable(name, at)?)
        } else {
            None
        };
        let (flags, at) = arguments.list(arguments.count() - 1, "a list of flags")?;
        let change = match arguments.of {
            "setflag" => FlagChange::Set,
            "addflag" => FlagChange::Add,
            _ => FlagChange::Remove,
        };
        Ok(Action::Flags { change, variable, flags: self.templates(flags, at)? })
    }

    fn add_header(&self, arguments: &Arguments<'_>) -> Result<Action, Fault> {
        arguments.expect(2, 2, "a field name and a value")?;
        let (name, name_at) = arguments.text(0, "a field name")?;
        let (value, at) = arguments.text(1, "a value")?;
        let name = self.template(name, name_at)?;
        if let Some(bad) = name.literal().filter(|name| !is_field_name(name)) {
            return Err(Fault { at: name_at, problem: Problem::BadFieldName(bad.to_owned()) });
        }
        Ok(Action::AddHeader { is_last: arguments.has("last"), name, value: self.template(value, at)? })
    }

    fn delete_header(&self, arguments: &Arguments<'_>) -> Result<Action, Fault> {
        arguments.expect(1, 2, "a field name")?;
        let (name, at) = arguments.text(0, "a field name")?;
        let name = self.template(name, at)?;
        if let Some(bad) = name.literal().filter(|name| !is_field_name(name)) {
            return Err(Fault { at, problem: Problem::BadFieldName(bad.to_owned()) });
        }
        let how = self.how(arguments)?;
        let keys =
            if arguments.count() == 2 { Some(self.keys(arguments.list(1, "a list of patterns")?, how)?) } else { None };
        Ok(Action::DeleteHeader { name, index: Self::index(arguments)?, how, keys })
    }

    fn vacation(&self, arguments: &Arguments<'_>) -> Result<Action, Fault> {
        let reason = self.only(arguments, "a reason")?;
        let days = arguments.number_after("days").unwrap_or(VACATION_DAYS).max(1);
        let seconds = arguments.number_after("seconds").unwrap_or_else(|| days.saturating_mul(SECONDS_PER_DAY));
        let from = self.template_after(arguments, "from")?;
        if let Some(literal) = from.as_ref().and_then(Template::literal)
            && !crate::effect::is_author(literal)
        {
            return Err(arguments.fault(Problem::BadAddress(literal.to_owned())));
        }
        // RFC 5230 §4.2: which answers are the same is told by the arguments before variables are put in; each with
        // its length, so that no two sets of arguments look alike.
        let said = arguments.text(0, "a reason")?.0;
        let told = ["subject", "from"].map(|tag| arguments.text_after(tag).unwrap_or_default());
        let [subject, author] = told.map(|text| format!("{}:{text}", text.len()));
        let identity = format!("{subject} {author} {} {said}", if arguments.has("mime") { "mime" } else { "text" });
        Ok(Action::Vacation(Vacation {
            identity,
            seconds: seconds.min(VACATION_SECONDS_MAX),
            subject: self.template_after(arguments, "subject")?,
            from,
            addresses: self.list_after(arguments, "addresses")?.unwrap_or_default(),
            is_mime: arguments.has("mime"),
            handle: self.template_after(arguments, "handle")?,
            fcc: self.copy(arguments)?,
            reason,
        }))
    }

    fn notify(&self, arguments: &Arguments<'_>) -> Result<Action, Fault> {
        let method = self.only(arguments, "a notification method")?;
        if let Some(Err(bad)) = method.literal().map(Method::parse)
            && !matches!(bad, BadMethod::Unsupported(_))
        {
            return Err(arguments.fault(Problem::BadMethod(bad)));
        }
        let importance = self.template_after(arguments, "importance")?;
        let literal = importance.as_ref().and_then(Template::literal);
        if literal.is_some_and(|importance| !["1", "2", "3"].contains(&importance)) {
            let wanted = "\"1\", \"2\" or \"3\"";
            return Err(arguments.fault(Problem::BadValue { what: ":importance", wanted }));
        }
        Ok(Action::Notify(Notify {
            from: self.template_after(arguments, "from")?,
            importance,
            options: self.list_after(arguments, "options")?.unwrap_or_default(),
            message: self.template_after(arguments, "message")?,
            fcc: self.copy(arguments)?,
            method,
        }))
    }

    /// What changes the body (RFC 5703).
    fn content(&self, command: &Command) -> Result<Action, Fault> {
        let sort = |signature| self.sort(&command.name, command.at, &command.arguments, signature);
        match command.name.as_str() {
            "replace" => {
                let tags = [flag("mime", None, ""), text("subject", None, ""), text("from", None, "")];
                let arguments = sort(&[&tags])?;
                Ok(Action::Replace {
                    is_mime: arguments.has("mime"),
                    subject: self.template_after(&arguments, "subject")?,
                    from: self.template_after(&arguments, "from")?,
                    text: self.only(&arguments, "a replacement")?,
                })
            }
            "enclose" => {
                let arguments = sort(&[&[text("subject", None, ""), list("headers", None, "")]])?;
                Ok(Action::Enclose {
                    subject: self.template_after(&arguments, "subject")?,
                    headers: self.list_after(&arguments, "headers")?.unwrap_or_default(),
                    text: self.only(&arguments, "a text")?,
                })
            }
            _ => {
                if self.loops.is_empty() {
                    return Err(Fault { at: command.at, problem: Problem::OutsideLoop("extracttext") });
                }
                let arguments = sort(&[MODIFIERS, &[number("first", None, "")]])?;
                arguments.expect(1, 1, "the name of a variable")?;
                self.needs(Extension::Variables, "extracttext", command.at)?;
                let (name, at) = arguments.text(0, "the name of a variable")?;
                let name = self.variable(name, at)?;
                let first = arguments.number_after("first");
                Ok(Action::ExtractText { name, modifiers: Self::modifiers(&arguments), first })
            }
        }
    }

    /// What only the administrator's scripts do.
    fn system(&self, command: &Command) -> Result<Action, Fault> {
        let arguments = self.sort(&command.name, command.at, &command.arguments, &[])?;
        Ok(match command.name.as_str() {
            "hold" if arguments.count() == 0 => Action::Hold { reason: None },
            "hold" => Action::Hold { reason: Some(self.only(&arguments, "a reason")?) },
            "capture" => Action::Capture { address: self.only(&arguments, "an address")? },
            "addtag" => Action::AddTag { tag: self.only(&arguments, "a tag")? },
            "spamadjust" => Action::SpamAdjust { score: self.only(&arguments, "a score")? },
            "virusset" => Action::VirusSet { level: self.only(&arguments, "a level")? },
            other => {
                let problem = Problem::UnknownCommand { name: other.to_owned(), nearest: None };
                return Err(Fault { at: command.at, problem });
            }
        })
    }
}

/// RFC 5293 §5 has its own `:index` and `:last`, which need no further extension.
const INDEX_OF_HEADER: &[Tag] = &[number("index", None, ""), flag("last", None, "")];
