//! What scripts ask while they run, answered from the mailboxes and the directory.

use crate::scripts::remembered::duplicate_key;
use crate::scripts::service::{Scripts, Unready};
use crate::scripts::subject::Subject;
use directory::resolve::Resolution;
use mail::record::SpecialUse;
use model::{MailboxId, Timestamp};
use sieve::{Answer, Method, Question};

/// Why there is no answer.
#[derive(Debug)]
pub enum Unanswered {
    /// Who knows it is away; the message must wait.
    Away(String),
    /// There is none; the script fails.
    Never(String),
}

impl From<mail::error::Error> for Unanswered {
    fn from(error: mail::error::Error) -> Unanswered {
        if error.is_temporary() { Unanswered::Away(error.to_string()) } else { Unanswered::Never(error.to_string()) }
    }
}

/// Answers a question.
///
/// # Errors
/// There is no answer, now or at all.
pub async fn answer(
    scripts: &Scripts,
    subject: &Subject<'_>,
    now: Timestamp,
    question: &Question,
) -> Result<Answer, Unanswered> {
    let (mail, owner) = (&scripts.parts.mail, &subject.target.owner);
    Ok(match question {
        Question::MailboxExists(name) => Answer::Is(mail.find(owner, name)?.is_some()),
        Question::MailboxIdExists(id) => Answer::Is(match mailbox_id(id, owner.account.0) {
            Some(id) => mail.mailbox(owner, id)?.is_some(),
            None => false,
        }),
        Question::SpecialUseExists { mailbox, special_use } => {
            let wanted = named_use(special_use);
            let all = mail.mailboxes(owner)?;
            let asked = mailbox.as_ref().map(|name| mail::name::normalise(name).unwrap_or_default());
            Answer::Is(all.iter().any(|held| {
                let is_asked = asked.as_ref().is_none_or(|name| held.row.name == *name);
                is_asked && wanted.is_some() && held.row.special_use == wanted
            }))
        }
        Question::Metadata { mailbox, annotation } => {
            let id = match mailbox {
                None => None,
                Some(name) => match mail.find(owner, name)? {
                    Some(found) => Some(found.id),
                    None => return Ok(Answer::Text(None)),
                },
            };
            let all = mail.annotations(owner, id)?;
            let found = all.into_iter().find(|(entry, _)| entry.eq_ignore_ascii_case(annotation));
            Answer::Text(found.and_then(|(_, value)| String::from_utf8(value).ok()))
        }
        Question::InList { list, value } => Answer::Is(in_list(scripts, list, value).await?),
        Question::ListExists(list) => Answer::Is(list_exists(scripts, list).await?),
        Question::IsDuplicate(key) => {
            let known = mail.remembers(owner, duplicate_key(key), now, subject.target.delivery);
            Answer::Is(known?)
        }
        Question::ValidMethod(uri) => Answer::Is(is_mail(uri)),
        // RFC 5436 §2.2: whether somebody reads mail now is not known.
        Question::MethodCapability { method, capability } => {
            let is_known = is_mail(method) && capability.eq_ignore_ascii_case("online");
            Answer::Text(is_known.then(|| "maybe".to_owned()))
        }
        Question::Script { name, is_global: true } => {
            Answer::Script(scripts.library().global.get(name).map(|named| named.script.clone()))
        }
        Question::Script { name, is_global: false } => match scripts.personal(owner, name) {
            Ok(None) => Answer::Script(None),
            Ok(Some(Ok(script))) => Answer::Script(Some(script)),
            Ok(Some(Err(reason))) | Err(Unready::Unusable { reason, .. }) => {
                return Err(Unanswered::Never(format!("the script {name:?} cannot be included: {reason}")));
            }
            Err(Unready::Store(error)) => return Err(error.into()),
        },
    })
}

/// Whether a notification method is one that tells by mail.
fn is_mail(uri: &str) -> bool {
    matches!(Method::parse(uri), Ok(Method::Mail(_)))
}

/// A list is a group of ours, by its address.
pub(super) async fn in_list(scripts: &Scripts, list: &str, value: &str) -> Result<bool, Unanswered> {
    let groups = scripts.parts.directory.groups_of(value).await.map_err(|error| Unanswered::Away(error.to_string()))?;
    Ok(groups.iter().any(|group| group.eq_ignore_ascii_case(list)))
}

/// Whether there is a group of this address.
pub(super) async fn list_exists(scripts: &Scripts, list: &str) -> Result<bool, Unanswered> {
    let Ok(address) = list.parse() else { return Ok(false) };
    let resolution =
        scripts.parts.directory.resolve(&address).await.map_err(|error| Unanswered::Away(error.to_string()))?;
    Ok(match resolution {
        Resolution::Expanded { local, remote } => {
            local.iter().all(|target| !target.is_direct) && !(local.is_empty() && remote.is_empty())
        }
        _ => false,
    })
}

/// The mailbox of an identifier as IMAP shows it (RFC 8474 §4), if it is one of the account's.
pub fn mailbox_id(text: &str, account: u32) -> Option<MailboxId> {
    let (owner, id) = text.strip_prefix('F')?.split_once('-')?;
    let number = |text: &str| u32::from_str_radix(text, 16).ok();
    (number(owner)? == account).then_some(MailboxId(number(id)?))
}

/// The use of this name (RFC 6154 §2).
pub fn named_use(text: &str) -> Option<SpecialUse> {
    let name = text.strip_prefix('\\')?.to_ascii_lowercase();
    Some(match name.as_str() {
        "archive" => SpecialUse::Archive,
        "drafts" => SpecialUse::Drafts,
        "junk" => SpecialUse::Junk,
        "sent" => SpecialUse::Sent,
        "trash" => SpecialUse::Trash,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_those_of_imap() {
        assert_eq!(mailbox_id("F1f-a", 31), Some(MailboxId(10)));
        assert_eq!(mailbox_id("F1f-a", 32), None);
        assert_eq!(mailbox_id("x", 1), None);
    }
}
