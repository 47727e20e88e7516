//! LIST and LSUB (RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154, RFC 8440, RFC 9590).

use crate::imap::mailboxes::SPECIAL_USES;
use crate::imap::place::{Found, OTHERS, quota_of};
use crate::imap::session::{Broken, Done, Outcome, Session};
use account::rights::Rights;
use imap::command::List;
use mail::error::Error;
use mail::record::SpecialUse;
use std::collections::{BTreeMap, BTreeSet};

/// A name that may be listed.
#[derive(Default)]
pub(crate) struct Named {
    /// The mailbox; a name without one only has others below it.
    pub found: Option<Found>,
    pub is_subscribed: bool,
    has_children: bool,
    subscribed_below: bool,
}

impl Session<'_> {
    pub async fn list(&mut self, list: List) -> Done {
        if list.patterns.iter().all(String::is_empty) {
            // The question for the separator (RFC 9051 §6.3.9).
            self.say("* LIST (\\Noselect) \"/\" \"\"\r\n");
            return Ok(Outcome::ok("done"));
        }
        let patterns = match self.patterns(&list.reference, &list.patterns) {
            Ok(patterns) => patterns,
            Err(error) => return Ok(self.failed(&error)),
        };
        let names = match self.names(&patterns).await {
            Ok(names) => names,
            Err(error) => return Ok(self.failed(&error)),
        };
        for (name, named) in &names {
            if !patterns.iter().any(|pattern| fits(pattern, name)) {
                continue;
            }
            if list.special_use && named.found.as_ref().is_none_or(|found| found.mailbox.row.special_use.is_none()) {
                continue;
            }
            let below = list.recursive_match && named.subscribed_below;
            if list.subscribed && !named.is_subscribed && !below {
                continue;
            }
            self.tell_list(name, named, &list)?;
        }
        Ok(Outcome::ok("done"))
    }

    pub async fn lsub(&mut self, reference: &str, pattern: &str) -> Done {
        let patterns = match self.patterns(reference, &[pattern.to_owned()]) {
            Ok(patterns) => patterns,
            Err(error) => return Ok(self.failed(&error)),
        };
        let owner = self.user()?.owner.clone();
        let names = match self.service.mail.subscriptions(&owner) {
            Ok(names) => names,
            Err(error) => return Ok(self.failed(&error)),
        };
        let mut told = BTreeSet::new();
        for name in &names {
            if patterns.iter().any(|pattern| fits(pattern, name)) {
                told.insert((name.clone(), ""));
            } else if let Some(parent) =
                mail::name::parents(name).find(|parent| patterns.iter().any(|pattern| fits(pattern, parent)))
                && !names.iter().any(|held| held == parent)
            {
                // With % a name whose children are subscribed is told, marked (RFC 3501 §6.3.9).
                told.insert((parent.to_owned(), "\\Noselect"));
            }
        }
        for (name, attribute) in told {
            self.say(&format!("* LSUB ({attribute}) \"/\" "));
            self.write_name(&name);
            self.say("\r\n");
        }
        Ok(Outcome::ok("done"))
    }

    fn patterns(&self, reference: &str, patterns: &[String]) -> Result<Vec<String>, Error> {
        patterns
            .iter()
            .map(|pattern| {
                let whole = self.decode_name(&format!("{reference}{pattern}"))?;
                let (first, rest) = whole.split_at(whole.find('/').unwrap_or(whole.len()));
                Ok(if first.eq_ignore_ascii_case("INBOX") { format!("INBOX{rest}") } else { whole })
            })
            .collect()
    }

    /// Every name that could fit, with those above that have no mailbox of their own.
    pub async fn names(&self, patterns: &[String]) -> Result<BTreeMap<String, Named>, Error> {
        let user = self.user.clone().ok_or(Error::NoMailbox)?;
        let mut names: BTreeMap<String, Named> = BTreeMap::new();
        for mailbox in self.service.mail.mailboxes(&user.owner)? {
            let name = mailbox.row.name.clone();
            let found = Found {
                owner: user.owner.clone(),
                address: user.asker.address.clone(),
                mailbox,
                rights: Rights::ALL,
                is_own: true,
                quota: user.quota,
            };
            names.entry(name).or_default().found = Some(found);
        }
        let wants_others = |pattern: &String| {
            pattern.starts_with(['*', '%']) || OTHERS.starts_with(pattern.as_str()) || pattern.starts_with(OTHERS)
        };
        if patterns.iter().any(wants_others) {
            self.others(&mut names).await?;
        }
        for name in self.service.mail.subscriptions(&user.owner)? {
            names.entry(name).or_default().is_subscribed = true;
        }
        let all: Vec<(String, bool, bool)> =
            names.iter().map(|(name, named)| (name.clone(), named.found.is_some(), named.is_subscribed)).collect();
        for (name, exists, is_subscribed) in all {
            for parent in mail::name::parents(&name) {
                let above = names.entry(parent.to_owned()).or_default();
                above.has_children |= exists;
                above.subscribed_below |= is_subscribed;
            }
        }
        Ok(names)
    }

    /// What others have opened to this user.
    async fn others(&self, names: &mut BTreeMap<String, Named>) -> Result<(), Error> {
        let user = self.user.clone().ok_or(Error::NoMailbox)?;
        for shared in self.service.mail.shared_with(&user.asker, user.owner.account)? {
            let account = self.service.directory.account(shared.owner.account).await.map_err(|_| Error::Closed)?;
            let Some(account) = account.filter(directory::entry::Account::is_active) else { continue };
            if !shared.rights.has(Rights::LOOKUP) {
                continue;
            }
            let quota = quota_of(&account);
            let name = format!("{OTHERS}{}/{}", account.address, shared.mailbox.row.name);
            let found = Found {
                owner: shared.owner,
                address: account.address,
                mailbox: shared.mailbox,
                rights: shared.rights,
                is_own: false,
                quota,
            };
            names.entry(name).or_default().found = Some(found);
        }
        Ok(())
    }

    fn tell_list(&mut self, name: &str, named: &Named, list: &List) -> Result<(), Broken> {
        let mut attributes: Vec<&str> = Vec::new();
        match &named.found {
            // A name that only has others below it; one subscribed to that is gone (RFC 5258 §3).
            None => attributes.push(if list.is_extended || self.rev2 { "\\NonExistent" } else { "\\Noselect" }),
            Some(found) => attributes.extend(found.mailbox.row.special_use.map(special_use_name)),
        }
        attributes.push(if named.has_children { "\\HasChildren" } else { "\\HasNoChildren" });
        if named.is_subscribed && (list.return_subscribed || list.subscribed) {
            attributes.push("\\Subscribed");
        }
        self.say(&format!("* LIST ({}) \"/\" ", attributes.join(" ")));
        self.write_name(name);
        if list.recursive_match && list.subscribed && named.subscribed_below {
            self.say(" (\"CHILDINFO\" (\"SUBSCRIBED\"))");
        }
        self.say("\r\n");
        if let Some(found) = &named.found {
            if list.return_my_rights {
                self.say("* MYRIGHTS ");
                self.write_name(name);
                self.say(&format!(" {}\r\n", found.rights.with_virtual_letters()));
            }
            if let Some(items) = &list.return_status
                && found.rights.has(Rights::READ)
            {
                self.tell_status(found, items)?;
            }
            if let Some(query) = &list.return_metadata
                && let Err(error) = self.tell_metadata(found, query)
            {
                // The list goes on; the client sees that this is missing.
                self.failed(&error);
            }
        }
        Ok(())
    }
}

fn special_use_name(special_use: SpecialUse) -> &'static str {
    SPECIAL_USES.iter().find(|(known, _)| *known == special_use).map_or("", |(_, name)| name)
}

/// Whether a name fits a pattern: `*` stands for anything, `%` for anything within a level.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    // Which prefixes of the name fit the pattern so far; one pass for each character of the pattern.
    let mut reached = vec![false; name.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    for wanted in pattern {
        let mut next = vec![false; name.len() + 1];
        let mut carried = false;
        for at in 0..=name.len() {
            let here = reached.get(at).copied().unwrap_or(false);
            let before = at.checked_sub(1);
            let character = before.and_then(|before| name.get(before));
            let fits = match wanted {
                '*' => {
                    carried |= here;
                    carried
                }
                '%' => {
                    carried = here || carried && character != Some(&'/');
                    carried
                }
                literal => {
                    character == Some(&literal)
                        && before.and_then(|before| reached.get(before)).copied().unwrap_or(false)
                }
            };
            if let Some(slot) = next.get_mut(at) {
                *slot = fits;
            }
        }
        reached = next;
    }
    reached.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn stars_cross_levels_and_percents_do_not() {
        assert!(fits("*", "a/b/c") && fits("a*c", "a/b/c") && fits("%", "a") && fits("a/%", "a/b"));
        assert!(!fits("%", "a/b") && !fits("a/%", "a/b/c") && !fits("a", "ab") && !fits("", "a"));
        assert!(fits("%/%", "a/b") && fits("INBOX", "INBOX") && fits("*%", "x/y") && fits("a%", "a"));
    }
}
