//! Actions that decide where the message goes, and which of them exclude each other.

use super::{Halt, Machine};
use crate::effect::{Effect, Recipients, RedirectOptions, Target};

/// RFC 5429 §2.2: a message that is refused goes nowhere else.
const REJECT_EXCLUDES: &str = "reject and an action that delivers exclude each other";

/// Where a keep stores (RFC 9051 §5.1); in any case of letters.
const DEFAULT_MAILBOX: &str = "INBOX";

fn is_default_name(mailbox: &str) -> bool {
    mailbox.eq_ignore_ascii_case(DEFAULT_MAILBOX)
}

fn is_default(target: &Target) -> bool {
    is_default_name(&target.mailbox) && target.mailbox_id.is_none() && target.special_use.is_none()
}

impl Machine<'_> {
    fn must_deliver(&self) -> Result<(), Halt> {
        match self.effects.iter().any(|effect| matches!(effect, Effect::Reject { .. })) {
            true => Err(Halt::Fail(REJECT_EXCLUDES.to_owned())),
            false => Ok(()),
        }
    }

    /// Stores in the default mailbox; doing it again, or having filed there by its name, only changes the flags
    /// (RFC 5228 §2.10.3, RFC 5232 §3).
    pub(super) fn keep(&mut self, flags: Vec<String>) -> Result<(), Halt> {
        self.must_deliver()?;
        self.keeps = false;
        match self.stored(&Target { mailbox: DEFAULT_MAILBOX.to_owned(), ..Target::default() }) {
            Some((earlier, _)) => {
                *earlier = flags;
                Ok(())
            }
            None => {
                let message = self.message.clone();
                self.emit(Effect::Keep { flags, message })
            }
        }
    }

    pub(super) fn file_into(&mut self, target: Target, is_copy: bool) -> Result<(), Halt> {
        self.must_deliver()?;
        self.keeps &= is_copy;
        match self.stored(&target) {
            Some((earlier, creates)) => {
                *earlier = target.flags;
                if let Some(creates) = creates {
                    *creates |= target.creates;
                }
                Ok(())
            }
            None => {
                let message = self.message.clone();
                self.emit(Effect::FileInto { target, message })
            }
        }
    }

    /// Flags, and whether to make the mailbox, of what stores the message there already.
    fn stored(&mut self, target: &Target) -> Option<(&mut Vec<String>, Option<&mut bool>)> {
        let message = &self.message;
        let is_default = is_default(target);
        self.effects.iter_mut().find_map(|effect| match effect {
            Effect::Keep { flags, message: text } if is_default && text.is_same(message) => Some((flags, None)),
            Effect::FileInto { target: earlier, message: text }
                if text.is_same(message)
                    && (earlier.mailbox == target.mailbox || (is_default && is_default_name(&earlier.mailbox)))
                    && earlier.mailbox_id == target.mailbox_id
                    && earlier.special_use == target.special_use =>
            {
                Some((&mut earlier.flags, Some(&mut earlier.creates)))
            }
            _ => None,
        })
    }

    /// The implicit keep; whether it is one, or the script has filed into the default mailbox all the same.
    pub(super) fn keep_implicitly(&mut self) -> bool {
        let flags = std::mem::take(&mut self.flags);
        let target = Target { mailbox: DEFAULT_MAILBOX.to_owned(), ..Target::default() };
        if let Some((earlier, _)) = self.stored(&target) {
            *earlier = flags;
            return false;
        }
        let message = self.message.clone();
        self.effects.push(Effect::Keep { flags, message });
        true
    }

    pub(super) fn redirect(&mut self, to: Recipients, options: RedirectOptions, is_copy: bool) -> Result<(), Halt> {
        self.must_deliver()?;
        self.keeps &= is_copy;
        let sent = self.effects.iter().filter_map(|effect| match effect {
            Effect::Redirect { to, .. } => Some(to),
            _ => None,
        });
        let (mut count, mut is_again) = (0, false);
        for earlier in sent {
            count += 1;
            is_again |= *earlier == to;
        }
        if is_again {
            return Ok(());
        }
        if count >= self.context.redirects_max {
            let reason = format!("the script redirects to more than {} addresses", self.context.redirects_max);
            return Err(Halt::Fail(reason));
        }
        let message = self.unenclosed.as_ref().unwrap_or(&self.message).clone();
        self.emit(Effect::Redirect { to, options, message })
    }

    pub(super) fn reject(&mut self, reason: String, is_extended: bool) -> Result<(), Halt> {
        let excludes = |effect: &Effect<'_>| {
            matches!(
                effect,
                Effect::Keep { .. } | Effect::FileInto { .. } | Effect::Redirect { .. } | Effect::Vacation(_)
            )
        };
        if self.effects.iter().any(excludes) {
            return Err(Halt::Fail(REJECT_EXCLUDES.to_owned()));
        }
        if self.effects.iter().any(|effect| matches!(effect, Effect::Reject { .. })) {
            return Err(Halt::Fail("reject stands twice in one run".to_owned()));
        }
        self.keeps = false;
        self.emit(Effect::Reject { reason, is_extended })
    }
}
