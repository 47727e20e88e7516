//! The greylister, in process: memory, lists, exemptions and what the operator chose, joined to one question.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::Timestamp;
use net::{Clock, Registry, Resolver};
use tokio::time::Instant;

use crate::greylist::backlog::{Backlog, Change, Part};
use crate::greylist::check::{Check, Kind};
use crate::greylist::exemption::Exemption;
use crate::greylist::limits::CLOCK_AHEAD;
use crate::greylist::lookups::{Answer, Asked, Lookups, first};
use crate::greylist::memory::{Digest, Entry, Memory, Ring, Sighting, seconds};
use crate::greylist::recent::{Decision, Recent};
use crate::greylist::settings::Settings;
use crate::greylist::signals::Signals;
use crate::greylist::tally::{Action, Said, Tally};
use crate::greylist::triplet::{Query, contact};

/// A verdict on a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What to do.
    pub action: Action,
    /// What to tell the client when it is not let in; empty when it is.
    pub reason: String,
    /// When coming again succeeds, for those who have to.
    pub retry_after: Option<Duration>,
}

/// What is known of a triplet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// When it was seen.
    pub sighting: Sighting,
    /// From when on it is let in.
    pub ripe: Timestamp,
}

/// What was found about a delivery, before anything of it is remembered.
struct Finding {
    decision: Decision,
    /// The triplet, when it is to be remembered.
    kept: Option<Digest>,
    /// Whether somebody is let in who would have to come again if nobody knew them.
    is_known: bool,
    retry_after: Option<Duration>,
}

/// The greylister.
pub struct Greylist {
    settings: Settings,
    triplets: Memory,
    known: Memory,
    lookups: Arc<Lookups>,
    recent: Recent,
    clock: Arc<dyn Clock>,
    signals: Arc<Signals>,
    backlog: Backlog,
    is_dirty: AtomicBool,
    has_peer: AtomicBool,
}

impl Greylist {
    /// A greylister that knows nothing yet.
    pub fn new(
        settings: Settings,
        resolver: Arc<dyn Resolver>,
        clock: Arc<dyn Clock>,
        registry: &Registry,
    ) -> Arc<Greylist> {
        let signals = Arc::new(Signals::new(registry));
        let lookups = Lookups::new(resolver, settings.lookups_max, settings.answers_kept, Arc::clone(&signals));
        // Known senders last long and need no finer grain than a tenth of that.
        let known = Ring::new(settings.known_kept / 10, 10);
        let greylist = Arc::new(Greylist {
            triplets: Memory::new(Ring::new(settings.rotate_interval, settings.number_buffers), settings.entries_max),
            known: Memory::new(known, settings.entries_max),
            lookups,
            recent: Recent::new(settings.decisions_kept),
            clock,
            signals,
            backlog: Backlog::default(),
            is_dirty: AtomicBool::new(false),
            has_peer: AtomicBool::new(false),
            settings,
        });
        greylist.measure(registry);
        greylist
    }

    fn measure(self: &Arc<Self>, registry: &Registry) {
        let gauge = |name, help, labels: &[(&'static str, &str)], value: fn(&Greylist) -> u64| {
            let greylist = Arc::downgrade(self);
            let asked = move || greylist.upgrade().map_or(0.0, |greylist| value(&greylist) as f64);
            registry.asked(name, help, labels, asked);
        };
        let entries = "Digests that are remembered.";
        gauge("heliograph_greylist_entries", entries, &[("of", "triplets")], |greylist| greylist.triplets.len() as u64);
        gauge("heliograph_greylist_entries", entries, &[("of", "known")], |greylist| greylist.known.len() as u64);
        let evicted = "Digests that went before their time because the memory was full.";
        gauge("heliograph_greylist_evicted", evicted, &[], |greylist| {
            greylist.triplets.evicted() + greylist.known.evicted()
        });
    }

    /// What it runs on.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Its signals.
    pub(crate) fn signals(&self) -> &Signals {
        &self.signals
    }

    /// The last decisions.
    pub fn recent(&self) -> &Recent {
        &self.recent
    }

    /// One of the two memories.
    pub fn memory(&self, part: Part) -> &Memory {
        match part {
            Part::Triplets => &self.triplets,
            Part::Known => &self.known,
        }
    }

    /// Judges a delivery, within the time limit, and remembers it. Never fails: a list that does not answer counts for
    /// nothing.
    pub async fn judge(&self, query: &Query) -> Verdict {
        let Finding { decision, kept, is_known, retry_after } = self.find(query).await;
        if let Some(digest) = kept {
            let sighting = self.triplets.see(digest, decision.at);
            self.changed(Change::Seen(Part::Triplets, Entry { digest, sighting }));
        }
        if is_known {
            self.signals.known_sender();
        }
        self.signals.decided(&decision);
        let verdict = self.verdict(decision.action, retry_after);
        self.recent.note(decision);
        verdict
    }

    /// What [`Greylist::judge`] would say now; the delivery is neither remembered nor counted. The lists are asked.
    pub async fn look(&self, query: &Query) -> Verdict {
        let Finding { decision, retry_after, .. } = self.find(query).await;
        self.verdict(decision.action, retry_after)
    }

    async fn find(&self, query: &Query) -> Finding {
        let began = Instant::now();
        let now = self.clock.now();
        let networks = &self.settings.exempt_networks;
        let mut decision = Decision::about(query, now, Action::Trust);
        decision.exemption = Exemption::of(query, networks, &self.settings.exempt_recipients);
        let (mut kept, mut is_known, mut retry_after) = (None, false, None);
        if decision.exemption.is_none() {
            let digest = self.settings.mask.triplet(query);
            let seen = self.standing_of(digest, now);
            let is_ripe = seen.is_some_and(|standing| standing.ripe <= now);
            is_known = self.weigh(query, is_ripe, began + self.settings.query_timelimit, &mut decision).await;
            let is_kept = self.settings.update_always || matches!(decision.action, Action::Grey | Action::Match);
            kept = is_kept.then_some(digest);
            if decision.action == Action::Grey {
                let ripe = seen.map_or_else(|| now.plus(self.settings.grey_delay), |standing| standing.ripe);
                retry_after = Some(ripe.since(now));
            }
        }
        decision.took = began.elapsed();
        Finding { decision, kept, is_known, retry_after }
    }

    fn verdict(&self, decided: Action, retry_after: Option<Duration>) -> Verdict {
        let action = if self.settings.dry_run { Action::Trust } else { decided };
        let reason = match action {
            Action::Trust | Action::Match => String::new(),
            Action::Grey => self.settings.grey_reason.clone(),
            Action::Block => self.settings.block_reason.clone(),
        };
        Verdict { action, reason, retry_after: retry_after.filter(|_| action == Action::Grey) }
    }

    /// Asks the lists and writes into the decision what came of it; says whether a known sender was let in as one.
    async fn weigh(&self, query: &Query, is_ripe: bool, deadline: Instant, decision: &mut Decision) -> bool {
        let checks = &self.settings.checks;
        if checks.is_empty() || is_ripe && self.settings.match_shortcut {
            let is_known = !is_ripe && self.is_known(query, decision.at);
            decision.action = if is_ripe || is_known { Action::Match } else { Action::Grey };
            return is_known;
        }
        let asked: Vec<(usize, &Check, Option<String>)> =
            checks.iter().enumerate().map(|(place, check)| (place, check, check.question(query))).collect();
        let trusting = asked.iter().filter(|(_, check, name)| check.kind == Kind::Dnswl && name.is_some()).count();
        let mut tally = Tally::new(self.settings.thresholds, trusting);
        let mut open = Vec::new();
        for (place, check, name) in asked {
            match name.map(|name| self.lookups.ask(name)) {
                None => {}
                Some(Asked::Now(answer)) => tally.take(check, said(check, &answer)),
                Some(Asked::Later(answer)) => open.push((place, answer)),
            }
        }
        while !open.is_empty() && !tally.is_decided() {
            let Ok((place, answer)) = tokio::time::timeout_at(deadline, first(&mut open)).await else {
                self.signals.late(open.len());
                break;
            };
            if let Some(check) = checks.get(place) {
                tally.take(check, said(check, &answer));
            }
        }
        decision.action = tally.action(is_ripe);
        let is_known = decision.action == Action::Grey && self.is_known(query, decision.at);
        if is_known {
            decision.action = Action::Match;
        }
        decision.weight = tally.weight();
        decision.matched = tally.into_matched();
        is_known
    }

    /// Whether the recipient has written to the sender, or the sender's domain proved itself from this network before.
    fn is_known(&self, query: &Query, now: Timestamp) -> bool {
        let is_contact = self.known.find(contact(&query.recipient, &query.sender), now).is_some();
        is_contact
            || query
                .sender_domain()
                .is_some_and(|domain| self.known.find(self.settings.mask.proven(&domain, query.client), now).is_some())
    }

    /// Notes that mail of `domain` from this client was proven to be the domain's own (DMARC): its senders need not come
    /// twice from that network.
    pub fn record_proven(&self, domain: &str, client: IpAddr) {
        self.record(self.settings.mask.proven(domain, client));
    }

    /// Notes that `owner`, one of our users, has written to `other`: answers need not come twice.
    pub fn record_contact(&self, owner: &str, other: &str) {
        self.record(contact(owner, other));
    }

    fn record(&self, digest: Digest) {
        let now = self.clock.now();
        // Known senders are noted often, and each time only the day moves: an entry of this hour is fresh enough.
        let held = self.known.find(digest, now);
        if held.is_some_and(|sighting| seconds(now).saturating_sub(sighting.last_secs) < 3_600) {
            return;
        }
        let sighting = self.known.see(digest, now);
        self.changed(Change::Seen(Part::Known, Entry { digest, sighting }));
    }

    /// What is known of a delivery's triplet.
    pub fn standing(&self, query: &Query) -> Option<Standing> {
        self.standing_of(self.settings.mask.triplet(query), self.clock.now())
    }

    fn standing_of(&self, digest: Digest, now: Timestamp) -> Option<Standing> {
        let sighting = self.triplets.find(digest, now)?;
        Some(Standing { sighting, ripe: sighting.first.plus(self.settings.grey_delay) })
    }

    /// Forgets a delivery's triplet, here and at the peer; says whether it was known.
    pub fn forget(&self, query: &Query) -> bool {
        let digest = self.settings.mask.triplet(query);
        self.changed(Change::Forgotten(digest));
        self.triplets.forget(digest)
    }

    /// Forgets all triplets, here and at the peer; gives how many there were.
    pub fn forget_all(&self) -> usize {
        self.changed(Change::ForgottenAll);
        self.triplets.clear()
    }

    /// Takes in what the peer has seen.
    pub fn take_in(&self, change: Change) {
        let now = self.clock.now();
        match change {
            Change::Seen(part, entry) => {
                self.memory(part).merge(bounded(entry, now), now);
            }
            Change::Forgotten(digest) => {
                self.triplets.forget(digest);
            }
            Change::ForgottenAll => {
                self.triplets.clear();
            }
        }
        self.is_dirty.store(true, Ordering::Relaxed);
    }

    /// Whether the peer gets our changes; nothing when there is none.
    pub fn peer_connected(&self) -> Option<bool> {
        self.has_peer.load(Ordering::Relaxed).then(|| self.signals.is_peer_connected())
    }

    /// Says that there is a peer.
    pub(crate) fn expect_peer(&self) {
        self.has_peer.store(true, Ordering::Relaxed);
    }

    /// What waits for the peer.
    pub(crate) fn backlog(&self) -> &Backlog {
        &self.backlog
    }

    fn changed(&self, change: Change) {
        self.is_dirty.store(true, Ordering::Relaxed);
        self.backlog.push(change);
    }

    /// Whether something changed since this was asked last.
    pub fn take_dirty(&self) -> bool {
        self.is_dirty.swap(false, Ordering::Relaxed)
    }

    /// Says that what changed is not safe yet.
    pub(crate) fn set_dirty(&self) {
        self.is_dirty.store(true, Ordering::Relaxed);
    }

    /// Gives up what is no longer remembered.
    pub fn sweep(&self) {
        let now = self.clock.now();
        self.triplets.sweep(now);
        self.known.sweep(now);
    }
}

/// A peer whose clock is ahead must not make an entry immortal, nor keep a delivery waiting longer than ours would.
fn bounded(entry: Entry, now: Timestamp) -> Entry {
    let latest = now.plus(CLOCK_AHEAD);
    let mut sighting = entry.sighting;
    if sighting.first > latest {
        sighting.first = now;
    }
    if sighting.last_secs > seconds(latest) {
        sighting.last_secs = seconds(now);
    }
    Entry { digest: entry.digest, sighting }
}

fn said(check: &Check, answer: &Answer) -> Said {
    match answer {
        Answer::Addresses(addresses) if addresses.iter().any(|address| check.answers.count(*address)) => Said::Listed,
        Answer::Addresses(_) | Answer::Nothing => Said::Absent,
        Answer::Failed => Said::Failed,
    }
}

#[cfg(test)]
mod tests;
