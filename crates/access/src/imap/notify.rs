//! NOTIFY (RFC 5465): what happens is told without being asked for, in mailboxes that are not selected too.

use crate::imap::scope::{Known, may_read};
use crate::imap::session::{Broken, Done, Outcome, Session};
use crate::imap::state::{Seen, Watch};
use imap::command::{Numbers, StatusItem};
use imap::fetch::{Item, Modifiers};
use imap::notify::{Event, Group, Notify};
use imap::search::Scope;
use imap::sequence::SequenceSet;
use imap::write;
use mail::annotation::Annotation;
use mail::store::TOPIC;
use model::{AccountId, MailboxId};
use std::collections::{BTreeMap, BTreeSet};

/// Accounts whose mailboxes one session may watch.
const ACCOUNTS_MAX: usize = 1_000;

const KNOWN_EVENTS: &str =
    "MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange";

type Picture = BTreeMap<(AccountId, MailboxId), Seen>;

impl Session<'_> {
    pub async fn notify(&mut self, wanted: Option<Notify>) -> Done {
        let Some(wanted) = wanted else {
            self.watch = None;
            return Ok(Outcome::ok("nothing is told any more"));
        };
        let events = || wanted.groups.iter().flat_map(|group| &group.events);
        if events().any(|event| matches!(event, Event::AnnotationChange | Event::Other(_))) {
            return Ok(Outcome::No(format!("[BADEVENT ({KNOWN_EVENTS})] an event is not known")));
        }
        let fetches = |group: &Group| {
            let has_items =
                group.events.iter().any(|event| matches!(event, Event::MessageNew(items) if !items.is_empty()));
            has_items && !is_of_selected(&group.scope)
        };
        if wanted.groups.iter().any(fetches) {
            return Ok(Outcome::bad("items are fetched from the selected mailbox only"));
        }
        let known = match self.known().await {
            Ok(known) => known,
            Err(error) => return Ok(self.failed(&error)),
        };
        let own = self.user()?.owner.account;
        let accounts: BTreeSet<AccountId> = known.iter().map(|known| known.found.owner.account).chain([own]).collect();
        if accounts.len() > ACCOUNTS_MAX {
            self.watch = None;
            self.say("* OK [NOTIFICATIONOVERFLOW] there is too much to watch\r\n");
            return Ok(Outcome::ok("nothing is told"));
        }
        let accounts: Vec<AccountId> = accounts.into_iter().collect();
        // First listen, then look: what happens in between is seen.
        let subscription = self.service.mail.bus().subscribe_to(&accounts, Some(TOPIC));
        let mut watch = Watch {
            groups: wanted.groups,
            subscription,
            seen: BTreeMap::new(),
            subscriptions: BTreeSet::new(),
            annotations: Vec::new(),
        };
        let known = match self.known().await {
            Ok(known) => known,
            Err(error) => return Ok(self.failed(&error)),
        };
        if let Err(error) = self.look(&mut watch, &known) {
            return Ok(self.failed(&error));
        }
        if wanted.status {
            for known in known.iter().filter(|known| may_read(known)) {
                let group = self.group_of(&watch.groups, known);
                if group.is_some_and(|group| !is_of_selected(&group.scope) && group.events.iter().any(is_of_messages)) {
                    self.tell_state(known)?;
                }
            }
        }
        self.watch = Some(Box::new(watch));
        self.catch_up(true)?;
        Ok(Outcome::ok("changes are told from now on"))
    }

    /// Notes how everything is now.
    fn look(&self, watch: &mut Watch, known: &[Known]) -> Result<(), mail::error::Error> {
        let owner = self.user.as_ref().map(|user| user.owner.clone()).ok_or(mail::error::Error::NoMailbox)?;
        watch.seen = self.picture(&watch.groups, known)?;
        watch.subscriptions = self.service.mail.subscriptions(&owner)?.into_iter().collect();
        watch.annotations = self.service.mail.annotations(&owner, None)?;
        Ok(())
    }

    fn picture(&self, groups: &[Group], known: &[Known]) -> Result<Picture, mail::error::Error> {
        let mut picture = Picture::new();
        for known in known {
            let row = &known.found.mailbox.row;
            let wants = |group: &Group| group.events.contains(&Event::MailboxMetadataChange);
            let annotations = if self.group_of(groups, known).is_some_and(wants) {
                self.service.mail.annotations(&known.found.owner, Some(known.found.mailbox.id))?
            } else {
                Vec::new()
            };
            let seen = Seen {
                name: known.name.clone(),
                is_own: known.found.is_own,
                messages: row.messages,
                uid_next: row.uid_next.0,
                modseq: row.highest_modseq,
                annotations,
            };
            picture.insert((known.found.owner.account, known.found.mailbox.id), seen);
        }
        Ok(picture)
    }

    /// The group to which a mailbox belongs: the first that fits (RFC 5465 §6).
    fn group_of<'g>(&self, groups: &'g [Group], known: &Known) -> Option<&'g Group> {
        let is_selected = self.is_in(&Scope::Selected, known);
        groups.iter().find(|group| is_of_selected(&group.scope) == is_selected && self.is_in(&group.scope, known))
    }

    /// Tells everything that has happened since the last look.
    pub async fn tell_watched(&mut self) -> Result<(), Broken> {
        let Some(mut watch) = self.watch.take() else { return Ok(()) };
        while watch.subscription.try_next().is_some() {}
        let told = self.tell_differences(&mut watch).await;
        let selected = watch.groups.iter().find(|group| is_of_selected(&group.scope)).cloned();
        self.watch = Some(watch);
        told?;
        match selected.filter(|group| group.events.iter().any(is_of_messages)) {
            Some(group) => self.tell_selected(&group).await,
            None => Ok(()),
        }
    }

    async fn tell_differences(&mut self, watch: &mut Watch) -> Result<(), Broken> {
        // What cannot be read now is told at the next change.
        let Ok(known) = self.known().await else { return Ok(()) };
        let before = Watch {
            groups: Vec::new(),
            seen: std::mem::take(&mut watch.seen),
            subscriptions: std::mem::take(&mut watch.subscriptions),
            annotations: std::mem::take(&mut watch.annotations),
            subscription: self.service.mail.bus().subscribe_to(&[], None),
        };
        if self.look(watch, &known).is_err() {
            (watch.seen, watch.subscriptions, watch.annotations) =
                (before.seen, before.subscriptions, before.annotations);
            return Ok(());
        }
        for known in &known {
            let key = (known.found.owner.account, known.found.mailbox.id);
            let Some(group) = self.group_of(&watch.groups, known).cloned() else { continue };
            let now = watch.seen.get(&key).cloned().unwrap_or_default();
            self.tell_mailbox_changes(known, &group, before.seen.get(&key), &now)?;
            self.flush_some().await?;
        }
        for (_, gone) in before.seen.iter().filter(|(key, _)| !watch.seen.contains_key(key)) {
            let has = |group: &Group| group.events.contains(&Event::MailboxName) && names(self, &group.scope, gone);
            if watch.groups.iter().any(has) {
                self.say("* LIST (\\NonExistent) \"/\" ");
                self.write_name(&gone.name);
                self.say("\r\n");
            }
        }
        let has = |event: &Event| watch.groups.iter().any(|group| group.events.contains(event));
        let tells_subscriptions = has(&Event::SubscriptionChange);
        let tells_server = has(&Event::ServerMetadataChange);
        if tells_subscriptions {
            let changed = before.subscriptions.symmetric_difference(&watch.subscriptions);
            for name in changed.cloned().collect::<Vec<String>>() {
                let attribute = if watch.subscriptions.contains(&name) { "\\Subscribed" } else { "" };
                self.say(&format!("* LIST ({attribute}) \"/\" "));
                self.write_name(&name);
                self.say("\r\n");
            }
        }
        if tells_server {
            self.tell_annotations("", &before.annotations, &watch.annotations);
        }
        Ok(())
    }

    fn tell_mailbox_changes(
        &mut self,
        known: &Known,
        group: &Group,
        before: Option<&Seen>,
        now: &Seen,
    ) -> Result<(), Broken> {
        let has = |event: &Event| group.events.contains(event);
        if has(&Event::MailboxName) && before.is_none_or(|before| before.name != now.name) {
            self.say("* LIST () \"/\" ");
            self.write_name(&now.name);
            if let Some(before) = before {
                self.say(" (\"OLDNAME\" (");
                self.write_name(&before.name);
                self.say("))");
            }
            self.say("\r\n");
        }
        if let Some(before) = before
            && has(&Event::MailboxMetadataChange)
        {
            self.tell_annotations(&now.name, &before.annotations, &now.annotations);
        }
        if is_of_selected(&group.scope) || !may_read(known) {
            return Ok(());
        }
        let empty = Seen::default();
        let before = before.unwrap_or(&empty);
        let comes = group.events.iter().any(|event| matches!(event, Event::MessageNew(_)));
        let is_new = comes && now.uid_next != before.uid_next && now.messages + before.messages > 0;
        // What came and what went is counted; what else moved the modseq were flags.
        let added = now.uid_next.saturating_sub(before.uid_next.max(1));
        let is_gone = has(&Event::MessageExpunge) && before.messages.saturating_add(added) > now.messages;
        let is_flagged = has(&Event::FlagChange) && now.modseq != before.modseq && before.uid_next != 0;
        if is_new || is_gone || is_flagged { self.tell_state(known) } else { Ok(()) }
    }

    fn tell_state(&mut self, known: &Known) -> Result<(), Broken> {
        let mut items = vec![StatusItem::Messages, StatusItem::UidNext, StatusItem::UidValidity, StatusItem::Unseen];
        if self.condstore {
            items.push(StatusItem::HighestModseq);
        }
        self.tell_status(&known.found, &items)
    }

    /// The names of the annotations that differ (RFC 5465 §5.5, RFC 5464 §4.4.2).
    fn tell_annotations(&mut self, mailbox: &str, before: &[Annotation], now: &[Annotation]) {
        let changed =
            before.iter().filter(|one| !now.contains(one)).chain(now.iter().filter(|one| !before.contains(one)));
        let entries: BTreeSet<String> = changed.map(|(entry, _)| entry.clone()).collect();
        if entries.is_empty() {
            return;
        }
        self.say("* METADATA ");
        self.write_name(mailbox);
        for entry in entries {
            self.line.output.push(b' ');
            write::astring(&mut self.line.output, &entry, self.utf8);
        }
        self.say("\r\n");
    }

    /// What happened in the selected mailbox, with what is wanted of new messages.
    async fn tell_selected(&mut self, group: &Group) -> Result<(), Broken> {
        let Some(selected) = self.selected.as_ref() else { return Ok(()) };
        let uid_next = selected.view.uid_next.0;
        self.catch_up(group.scope == Scope::Selected)?;
        let items: Vec<Item> = group
            .events
            .iter()
            .filter_map(|event| if let Event::MessageNew(items) = event { Some(items.clone()) } else { None })
            .flatten()
            .collect();
        let has_new = self.selected.as_ref().is_some_and(|selected| selected.view.uid_next.0 > uid_next);
        if items.is_empty() || !has_new {
            return Ok(());
        }
        let new = SequenceSet::Ranges(vec![(Some(uid_next), Some(u32::MAX))]);
        // A failure here is no command's: the client has been told that there are messages.
        self.fetch(new, Numbers::Uid, items, Modifiers::default()).await.map(drop)
    }
}

/// Whether a mailbox that is gone belonged to a scope, as far as its name tells.
fn names(session: &Session<'_>, scope: &Scope, gone: &Seen) -> bool {
    let decoded =
        |names: &[String]| -> Vec<String> { names.iter().filter_map(|name| session.decode_name(name).ok()).collect() };
    match scope {
        Scope::Selected | Scope::SelectedDelayed | Scope::Inboxes | Scope::Subscribed => false,
        Scope::Personal => gone.is_own,
        Scope::Subtree(above) | Scope::SubtreeOne(above) => {
            decoded(above).iter().any(|above| gone.name == *above || mail::name::is_below(&gone.name, above))
        }
        Scope::Mailboxes(all) => decoded(all).contains(&gone.name),
    }
}

fn is_of_selected(scope: &Scope) -> bool {
    matches!(scope, Scope::Selected | Scope::SelectedDelayed)
}

fn is_of_messages(event: &Event) -> bool {
    matches!(event, Event::MessageNew(_) | Event::MessageExpunge | Event::FlagChange)
}
