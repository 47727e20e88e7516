//! Tests of what lies outside the message.

use std::ops::ControlFlow;

use message::header;

use super::{Halt, Machine};
use crate::effect::{DuplicateKey, Remember};
use crate::flags;
use crate::program::{Duplicate, DuplicateId, Test, Wanted};
use crate::question::{Answer, Question};

/// How long a `duplicate` is remembered if the script does not say (RFC 7352 §3.2 leaves it to the server).
const DUPLICATE_SECONDS: u64 = 7 * 86_400;

impl Machine<'_> {
    pub(super) fn test_surroundings(&mut self, test: &Test) -> Result<bool, Halt> {
        match test {
            Test::Text { sources, keys, how } => {
                let sources = self.expand_all(sources);
                let is_counting = matches!(how.kind, crate::matching::Kind::Count(_));
                // RFC 5229 §5: empty strings do not count.
                let counted = sources.iter().filter(|source| !is_counting || !source.is_empty());
                self.judged(keys, *how, |_, judge| {
                    counted.into_iter().try_for_each(|source| Self::shown(judge, source))
                })
            }
            Test::HasFlag { variables, keys, how } => {
                let lists = variables.iter().map(|name| flags::split(self.variable(name)));
                let all: Vec<String> =
                    if variables.is_empty() { self.flags.clone() } else { lists.flatten().collect() };
                self.judged(keys, *how, |_, judge| all.iter().try_for_each(|flag| Self::shown(judge, flag)))
            }
            Test::Environment { name, keys, how } => {
                let name = self.expand(name).to_ascii_lowercase();
                let items = &self.context.environment;
                let value = items.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
                self.judged(keys, *how, |_, judge| value.iter().try_for_each(|value| Self::shown(judge, value)))
            }
            Test::There(wanted) => self.is_there(wanted),
            Test::Metadata { mailbox, annotation, keys, how } => {
                let value = self.metadata(self.expand_some(mailbox.as_ref()), self.expand(annotation).into_owned())?;
                self.judged(keys, *how, |_, judge| value.iter().try_for_each(|value| Self::shown(judge, value)))
            }
            Test::Duplicate(duplicate) => self.is_duplicate(duplicate),
            Test::ValidList(lists) => self
                .expand_all(lists)
                .into_iter()
                .try_fold(true, |all, list| Ok(all && self.is(Question::ListExists(list))?)),
            Test::ValidMethod(methods) => {
                let methods = self.expand_all(methods).into_iter();
                methods.into_iter().try_fold(true, |all, method| Ok(all && self.is(Question::ValidMethod(method))?))
            }
            Test::MethodCapability { method, capability, keys, how } => {
                let method = self.expand(method).into_owned();
                let capability = self.expand(capability).into_owned();
                let value = match self.ask(Question::MethodCapability { method, capability })? {
                    Answer::Text(Some(value)) => value.clone(),
                    _ => return Ok(false),
                };
                self.judged(keys, *how, |_, judge| Self::shown(judge, &value))
            }
            Test::Spam { is_percent, keys, how } => {
                let tested = self.context.spam_percent.map(|percent| percent.min(100));
                let value = match tested {
                    None => "0".to_owned(),
                    Some(percent) if *is_percent => percent.to_string(),
                    // RFC 5235 §3.1: 1 is clear of spam, 10 is spam for certain.
                    Some(percent) => (1 + u16::from(percent) * 9 / 100).to_string(),
                };
                self.scored(tested.is_some(), value, keys, *how)
            }
            Test::Virus { keys, how } => {
                let tested = self.context.virus.map(|level| level.clamp(1, 5));
                let value = tested.unwrap_or(0).to_string();
                self.scored(tested.is_some(), value, keys, *how)
            }
            _ => Ok(false),
        }
    }

    /// RFC 5235 §3: what was not tested counts as none.
    fn scored(
        &mut self,
        was_tested: bool,
        value: String,
        keys: &crate::matching::Keys,
        how: crate::matching::Match,
    ) -> Result<bool, Halt> {
        let is_counting = matches!(how.kind, crate::matching::Kind::Count(_));
        self.judged(keys, how, |_, judge| {
            if is_counting && !was_tested {
                return ControlFlow::Continue(());
            }
            Self::shown(judge, &value)
        })
    }

    fn is_there(&mut self, wanted: &Wanted) -> Result<bool, Halt> {
        let questions: Vec<Question> = match wanted {
            Wanted::Mailboxes(names) => self.expand_all(names).into_iter().map(Question::MailboxExists).collect(),
            Wanted::MailboxIds(ids) => self.expand_all(ids).into_iter().map(Question::MailboxIdExists).collect(),
            Wanted::SpecialUses { mailbox, uses } => {
                let mailbox = self.expand_some(mailbox.as_ref());
                let ask = |special_use| Question::SpecialUseExists { mailbox: mailbox.clone(), special_use };
                self.expand_all(uses).into_iter().map(ask).collect()
            }
            Wanted::Metadata { mailbox, annotations } => {
                let mailbox = self.expand_some(mailbox.as_ref());
                for annotation in self.expand_all(annotations) {
                    if self.metadata(mailbox.clone(), annotation)?.is_none() {
                        return Ok(false);
                    }
                }
                return Ok(true);
            }
        };
        for question in questions {
            if !self.is(question)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn metadata(&self, mailbox: Option<String>, annotation: String) -> Result<Option<String>, Halt> {
        match self.ask(Question::Metadata { mailbox, annotation })? {
            Answer::Text(value) => Ok(value.clone()),
            _ => Ok(None),
        }
    }

    /// RFC 7352 §3.
    fn is_duplicate(&mut self, duplicate: &Duplicate) -> Result<bool, Halt> {
        let id = match &duplicate.id {
            DuplicateId::Given(value) => self.expand(value).into_owned(),
            DuplicateId::Header(name) => {
                let name = self.expand(name).into_owned();
                match header::find(self.message.header(), &name) {
                    Some(field) => field.unfolded().into_owned(),
                    None => return Ok(false),
                }
            }
        };
        let key = DuplicateKey { handle: self.expand_some(duplicate.handle.as_ref()).unwrap_or_default(), id };
        let is_known = self.is(Question::IsDuplicate(key.clone()))?;
        // Without `:last` the time runs from the first of them.
        if !is_known || duplicate.is_last {
            let seconds = duplicate.seconds.unwrap_or(DUPLICATE_SECONDS);
            if !self.remember.iter().any(|remember| remember.id == key) {
                self.remember.push(Remember { id: key, seconds });
            }
        }
        Ok(is_known)
    }
}
