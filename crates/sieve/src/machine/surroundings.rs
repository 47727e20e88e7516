//! Tests of what lies outside the message.

use std::ops::ControlFlow;

use super::{Halt, Machine};
use crate::effect::{DuplicateKey, Remember};
use crate::flags;
use crate::method::Method;
use crate::program::{Duplicate, DuplicateId, Test, Wanted};
use crate::question::{Answer, Question};

/// How long a `duplicate` is remembered if the script does not say (RFC 7352 §3.3 leaves it to the server).
const DUPLICATE_SECONDS: u64 = 7 * 86_400;

impl Machine<'_> {
    pub(super) fn test_surroundings(&mut self, test: &Test) -> Result<bool, Halt> {
        match test {
            Test::Text { sources, keys, how } => {
                let sources = self.expand_all(sources);
                let is_counting = matches!(how.kind, crate::matching::Kind::Count(_));
                // RFC 5229 §5: empty strings do not count.
                let counted = sources.iter().filter(|source| !is_counting || !source.is_empty());
                self.judged(keys, *how, |_, judge| counted.into_iter().try_for_each(|source| judge.see(source)))
            }
            Test::HasFlag { variables, keys, how } => {
                let mut all = Vec::new();
                for name in variables {
                    let value = self.variable(name);
                    self.spend_on_flags(value.len());
                    all.extend(flags::split(value));
                }
                if variables.is_empty() {
                    all.clone_from(&self.flags);
                }
                self.judged(keys, *how, |_, judge| all.iter().try_for_each(|flag| judge.see(flag)))
            }
            Test::Environment { name, keys, how } => {
                let value = self.environment(&self.expand(name)).map(str::to_owned);
                self.known(value, keys, *how)
            }
            Test::There(wanted) => self.is_there(wanted),
            Test::Metadata { mailbox, annotation, keys, how } => {
                let value = self.metadata(self.expand_some(mailbox.as_ref()), self.expand(annotation).into_owned())?;
                self.judged(keys, *how, |_, judge| value.iter().try_for_each(|value| judge.see(value)))
            }
            Test::Duplicate(duplicate) => self.is_duplicate(duplicate),
            Test::ValidList(lists) => self
                .expand_all(lists)
                .into_iter()
                .try_fold(true, |all, list| Ok(all && self.is(Question::ListExists(list))?)),
            Test::ValidMethod(methods) => {
                for method in self.expand_all(methods) {
                    // RFC 5435 §4: the same check as for the action.
                    if Method::parse(&method).is_err() || !self.is(Question::ValidMethod(method))? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Test::MethodCapability { method, capability, keys, how } => {
                let method = self.expand(method).into_owned();
                if Method::parse(&method).is_err() {
                    return Ok(false);
                }
                let capability = self.expand(capability).to_ascii_lowercase();
                let value = match self.ask(Question::MethodCapability { method, capability })? {
                    Answer::Text(value) => value.clone(),
                    _ => None,
                };
                self.known(value, keys, *how)
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

    /// A test of something that may not be known: then it fails, even `:count "eq" "0"`. What is empty counts as none
    /// (RFC 5183 §4, RFC 5435 §5).
    fn known(
        &mut self,
        value: Option<String>,
        keys: &crate::matching::Keys,
        how: crate::matching::Match,
    ) -> Result<bool, Halt> {
        let Some(value) = value else { return Ok(false) };
        let is_counting = matches!(how.kind, crate::matching::Kind::Count(_));
        self.judged(keys, how, |_, judge| {
            if is_counting && value.is_empty() {
                return ControlFlow::Continue(());
            }
            judge.see(&value)
        })
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
            judge.see(&value)
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
        // RFC 7352 §3.3: what is forgotten at once was never seen, whatever other tests remember under the same key.
        if duplicate.seconds == Some(0) {
            return Ok(false);
        }
        let id = match &duplicate.id {
            DuplicateId::Given(value) => self.expand(value).into_owned(),
            DuplicateId::Header(name) => {
                let name = self.expand(name).into_owned();
                self.find_fields();
                let header = self.message.header();
                let Some(fields) = &self.fields else { return Ok(false) };
                let Some(field) = fields.named(header, &name).next() else { return Ok(false) };
                let value = field.decoded(header);
                self.spend((fields.len() + value.len()) as u64);
                value.to_owned()
            }
        };
        let key = DuplicateKey { handle: self.expand_some(duplicate.handle.as_ref()).unwrap_or_default(), id };
        let is_known = self.is(Question::IsDuplicate(key.clone()))?;
        // Without `:last` the time runs from the first of them.
        if !is_known || duplicate.is_last {
            let seconds = duplicate.seconds.unwrap_or(DUPLICATE_SECONDS);
            if !self.remember.iter().any(|remember| remember.id == key) {
                self.remember.push(Remember { id: key, seconds, is_known });
            }
        }
        Ok(is_known)
    }
}
