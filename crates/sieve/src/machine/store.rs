//! Actions that decide where the message goes, and which of them exclude each other.

use super::{Halt, Machine};
use crate::effect::{Effect, Recipients, RedirectOptions, Target};

/// RFC 5429 §2.2: a message that is refused goes nowhere else.
const REJECT_EXCLUDES: &str = "reject and an action that delivers exclude each other";

impl Machine<'_> {
    fn must_deliver(&self) -> Result<(), Halt> {
        match self.effects.iter().any(|effect| matches!(effect, Effect::Reject { .. })) {
            true => Err(Halt::Fail(REJECT_EXCLUDES.to_owned())),
            false => Ok(()),
        }
    }

    /// Stores in the default mailbox; doing it again only changes the flags (RFC 5228 §2.10.3).
    pub(super) fn keep(&mut self, flags: Vec<String>) -> Result<(), Halt> {
        self.must_deliver()?;
        self.keeps = false;
        let message = self.message.clone();
        for effect in &mut self.effects {
            if let Effect::Keep { flags: earlier, message: text } = effect
                && text.is_same(&message)
            {
                *earlier = flags;
                return Ok(());
            }
        }
        self.emit(Effect::Keep { flags, message })
    }

    pub(super) fn file_into(&mut self, target: Target, is_copy: bool) -> Result<(), Halt> {
        self.must_deliver()?;
        self.keeps &= is_copy;
        let message = self.message.clone();
        for effect in &mut self.effects {
            if let Effect::FileInto { target: earlier, message: text } = effect
                && text.is_same(&message)
                && earlier.mailbox == target.mailbox
                && earlier.mailbox_id == target.mailbox_id
                && earlier.special_use == target.special_use
            {
                earlier.flags = target.flags;
                earlier.creates |= target.creates;
                return Ok(());
            }
        }
        self.emit(Effect::FileInto { target, message })
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
