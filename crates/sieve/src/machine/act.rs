//! Actions taken: what is to be done is written down, and flags and variables are set.

use super::{Halt, Machine};
use crate::effect::{self, DeliverBy, Effect, Notification, Recipients, RedirectOptions, Target, Vacation};
use crate::flags;
use crate::limits::FLAGS_MAX;
use crate::method::{self, Method};
use crate::moment;
use crate::program::{self, Action, ByTime, FlagChange, Storing};
use crate::template::{Name, Template};
use crate::variables::modify;

impl Machine<'_> {
    pub(super) fn act(&mut self, action: &Action) -> Result<(), Halt> {
        match action {
            Action::Keep { flags } => {
                let flags = self.storing_flags(flags.as_deref());
                self.keep(flags)
            }
            Action::FileInto { mailbox, is_copy, storing } => {
                let target = self.target(mailbox, storing)?;
                self.file_into(target, *is_copy)
            }
            Action::Redirect(redirect) => self.act_redirect(redirect),
            Action::Discard => {
                self.keeps = false;
                Ok(())
            }
            Action::Reject { reason, is_extended } => {
                let reason = self.expand(reason).into_owned();
                self.reject(reason, *is_extended)
            }
            Action::Set { name, modifiers, value } => {
                let value = modify(self.expand(value).into_owned(), modifiers);
                self.spend(value.len() as u64);
                self.set_variable(name, value)
            }
            Action::Flags { change, variable, flags } => self.change_flags(*change, variable.as_ref(), flags),
            Action::Global(names) => {
                let Some(frame) = self.frames.last_mut() else { return Ok(()) };
                for name in names.iter().map(|name| &name.name) {
                    if !frame.globals.contains(name) {
                        frame.globals.push(name.clone());
                    }
                }
                Ok(())
            }
            Action::Vacation(vacation) => self.act_vacation(vacation),
            Action::Notify(notify) => self.act_notify(notify),
            Action::AddHeader { .. }
            | Action::DeleteHeader { .. }
            | Action::Replace { .. }
            | Action::Enclose { .. }
            | Action::ExtractText { .. } => self.change(action),
            Action::Jettison
            | Action::Junk
            | Action::Hold { .. }
            | Action::Capture { .. }
            | Action::AddTag { .. }
            | Action::SpamAdjust { .. }
            | Action::VirusSet { .. } => self.act_as_system(action),
        }
    }

    fn change_flags(&mut self, change: FlagChange, variable: Option<&Name>, flags: &[Template]) -> Result<(), Halt> {
        let texts = self.expand_all(flags);
        let mut list = match variable {
            Some(name) => flags::split(self.variable(name)),
            None => std::mem::take(&mut self.flags),
        };
        self.spend_on_flags(texts.iter().map(String::len).sum());
        let texts = texts.iter().map(String::as_str);
        match change {
            FlagChange::Set => {
                list.clear();
                flags::add(&mut list, texts);
            }
            FlagChange::Add => flags::add(&mut list, texts),
            FlagChange::Remove => flags::remove(&mut list, texts),
        }
        match variable {
            Some(name) => self.set_variable(name, list.join(" ")),
            None => {
                self.flags = list;
                Ok(())
            }
        }
    }

    /// Each flag of a text is looked for among those that are there.
    pub(super) fn spend_on_flags(&self, octets: usize) {
        self.spend((octets as u64).saturating_mul(FLAGS_MAX as u64 / 8));
    }

    /// What an action says of flags, or what the script has set so far (RFC 5232 §5).
    fn storing_flags(&self, given: Option<&[Template]>) -> Vec<String> {
        let Some(given) = given else { return self.flags.clone() };
        let mut flags = Vec::new();
        let texts = self.expand_all(given);
        self.spend_on_flags(texts.iter().map(String::len).sum());
        flags::add(&mut flags, texts.iter().map(String::as_str));
        flags
    }

    fn target(&self, mailbox: &Template, storing: &Storing) -> Result<Target, Halt> {
        let mailbox = self.expand(mailbox).into_owned();
        if mailbox.is_empty() || mailbox.chars().any(char::is_control) {
            return Err(Halt::Fail(format!("{mailbox:?} cannot be the name of a mailbox")));
        }
        Ok(Target {
            mailbox,
            mailbox_id: self.expand_some(storing.mailbox_id.as_ref()),
            special_use: self.expand_some(storing.special_use.as_ref()),
            creates: storing.creates,
            flags: self.storing_flags(storing.flags.as_deref()),
        })
    }

    fn act_redirect(&mut self, redirect: &program::Redirect) -> Result<(), Halt> {
        let text = self.expand(&redirect.address).into_owned();
        let to = if redirect.is_list {
            Recipients::List(text)
        } else {
            let address = effect::read_address(&text);
            Recipients::Address(address.ok_or_else(|| Halt::Fail(format!("{text:?} is no mail address")))?)
        };
        let notify = match self.expand_some(redirect.notify.as_ref()) {
            None => None,
            Some(text) => {
                let read = effect::read_notify(&text);
                Some(read.ok_or_else(|| Halt::Fail(format!("{text:?} is not what :notify takes")))?)
            }
        };
        let returns_full = match self.expand_some(redirect.ret.as_ref()) {
            None => None,
            Some(text) if text.eq_ignore_ascii_case("FULL") => Some(true),
            Some(text) if text.eq_ignore_ascii_case("HDRS") => Some(false),
            Some(text) => return Err(Halt::Fail(format!("{text:?} is not what :ret takes"))),
        };
        let by = redirect.by.as_ref().map(|by| self.deliver_by(by)).transpose()?;
        self.redirect(to, RedirectOptions { notify, returns_full, by }, redirect.is_copy)
    }

    fn deliver_by(&self, by: &program::DeliverBy) -> Result<DeliverBy, Halt> {
        let seconds = match &by.time {
            ByTime::Relative(seconds) => i64::try_from(*seconds).unwrap_or(i64::MAX),
            ByTime::Absolute(moment) => {
                let text = self.expand(moment);
                let moment = moment::read_rfc3339(&text);
                let moment = moment.ok_or_else(|| Halt::Fail(format!("{text:?} is no date as of RFC 3339")))?;
                let seconds = |moment: model::Timestamp| i64::try_from(moment.secs()).unwrap_or(i64::MAX);
                seconds(moment).saturating_sub(seconds(self.context.now))
            }
        };
        Ok(DeliverBy { seconds, returns: by.returns, traces: by.traces })
    }

    fn copy(&self, copy: Option<&(Template, Storing)>) -> Result<Option<Target>, Halt> {
        copy.map(|(mailbox, storing)| self.target(mailbox, storing)).transpose()
    }

    fn act_vacation(&mut self, vacation: &program::Vacation) -> Result<(), Halt> {
        if self.effects.iter().any(|effect| matches!(effect, Effect::Vacation(_))) {
            return Err(Halt::Fail("vacation stands twice in one run".to_owned()));
        }
        if self.effects.iter().any(|effect| matches!(effect, Effect::Reject { .. })) {
            return Err(Halt::Fail("vacation and reject exclude each other".to_owned()));
        }
        let reason = self.expand(&vacation.reason).into_owned();
        let subject = self.expand_some(vacation.subject.as_ref());
        let from = self.expand_some(vacation.from.as_ref());
        if let Some(from) = from.as_deref().filter(|from| !effect::is_author(from)) {
            return Err(Halt::Fail(format!("{from:?} is no mail address")));
        }
        let handle = self.expand_some(vacation.handle.as_ref()).unwrap_or_else(|| vacation.identity.clone());
        let effect = Vacation {
            seconds: vacation.seconds,
            subject,
            from,
            addresses: self.expand_all(&vacation.addresses),
            is_mime: vacation.is_mime,
            handle,
            copy: self.copy(vacation.fcc.as_ref())?,
            reason,
        };
        self.emit(Effect::Vacation(effect))
    }

    fn act_notify(&mut self, notify: &program::Notify) -> Result<(), Halt> {
        let importance = match self.expand_some(notify.importance.as_ref()).as_deref() {
            Some("1") => 1,
            None | Some("2") => 2,
            Some("3") => 3,
            Some(other) => return Err(Halt::Fail(format!("{other:?} is no importance; there are 1, 2 and 3"))),
        };
        let method = self.expand(&notify.method).into_owned();
        if let Err(fault) = Method::parse(&method) {
            return Err(Halt::Fail(fault.to_string()));
        }
        let options = self.expand_all(&notify.options);
        if let Some(bad) = options.iter().find(|option| !method::is_option(option)) {
            return Err(Halt::Fail(format!("{bad:?} is no option of notify; one is written name=value")));
        }
        let effect = Notification {
            method,
            from: self.expand_some(notify.from.as_ref()),
            importance,
            options,
            message: self.expand_some(notify.message.as_ref()),
            copy: self.copy(notify.fcc.as_ref())?,
        };
        self.emit(Effect::Notify(effect))
    }

    fn act_as_system(&mut self, action: &Action) -> Result<(), Halt> {
        match action {
            Action::Hold { reason } => {
                let reason = self.expand_some(reason.as_ref()).unwrap_or_default();
                self.keeps = false;
                self.emit(Effect::Hold { reason })
            }
            Action::Capture { address } => {
                let text = self.expand(address).into_owned();
                let to = effect::read_address(&text);
                self.emit(Effect::Capture { to: to.ok_or_else(|| Halt::Fail(format!("{text:?} is no mail address")))? })
            }
            Action::AddTag { tag } => {
                let tag = self.expand(tag).into_owned();
                self.emit(Effect::AddTag { tag })
            }
            Action::SpamAdjust { score } => {
                let text = self.expand(score).into_owned();
                let thousandths = read_thousandths(&text);
                let thousandths = thousandths.ok_or_else(|| Halt::Fail(format!("{text:?} is no score")))?;
                self.emit(Effect::SpamAdjust { thousandths })
            }
            Action::VirusSet { level } => {
                let text = self.expand(level).into_owned();
                let level = text.parse().ok().filter(|level| *level <= 5);
                self.emit(Effect::VirusSet {
                    level: level.ok_or_else(|| Halt::Fail(format!("{text:?} is no level; there are 0 to 5")))?,
                })
            }
            Action::Junk => self.emit(Effect::Junk),
            _ => {
                self.keeps = false;
                self.emit(Effect::Jettison)
            }
        }
    }
}

/// A decimal number in thousandths: `5`, `-2.5`, `+0.125`.
fn read_thousandths(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    if !is_number(whole) || !is_number(part) || whole.len() > 9 {
        return None;
    }
    let part: String = part.chars().chain("000".chars()).take(3).collect();
    Some(sign * (whole.parse::<i64>().ok()? * 1000 + part.parse::<i64>().ok()?))
}
