//! What is due and when, in memory. It is only ever made from rows, and made again for a message whose rows changed.

use crate::entry::{AHEAD, Channel, Message, Recipient, Route, State};
use crate::fragments::Fragments;
use model::{QueueId, Timestamp};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What an operator released first, then higher priority, then the older message.
type Rank = (Reverse<bool>, Reverse<i8>, QueueId);

/// All messages by what is next for them.
#[derive(Debug, Default)]
pub struct Index {
    messages: HashMap<QueueId, Vec<Job>>,
    /// Not due yet, by moment.
    waiting: BTreeSet<(Timestamp, QueueId, Route)>,
    /// What must be returned when its time is over, by moment, whether or not its destination takes anything now.
    deadlines: BTreeSet<(Timestamp, QueueId, Route)>,
    /// Due, by route.
    ready: BTreeMap<Route, BTreeSet<Rank>>,
    leased: HashSet<(QueueId, Route)>,
    /// How many jobs each channel has.
    channels: BTreeMap<Channel, usize>,
    /// Fragments that wait for others.
    pub fragments: Fragments,
}

#[derive(Clone, Debug)]
struct Job {
    route: Route,
    due: Timestamp,
    priority: i8,
    deadline: Option<Timestamp>,
}

impl Job {
    fn rank(&self, id: QueueId) -> Rank {
        (Reverse(self.due == AHEAD), Reverse(self.priority), id)
    }
}

impl Index {
    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether somebody has it.
    pub fn is_leased(&self, id: QueueId, route: &Route) -> bool {
        self.leased.contains(&(id, route.clone()))
    }

    /// Forgets what was known of a message and takes in what its rows say; `None` when it has gone.
    pub fn set(&mut self, id: QueueId, entry: Option<(&Message, &[Recipient])>) {
        for job in self.messages.remove(&id).unwrap_or_default() {
            self.waiting.remove(&(job.due, id, job.route.clone()));
            if let Some(deadline) = job.deadline {
                self.deadlines.remove(&(deadline, id, job.route.clone()));
            }
            self.unready(&job.route, job.rank(id));
            if let Some(count) = self.channels.get_mut(&job.route.channel) {
                *count = count.saturating_sub(1);
            }
        }
        self.channels.retain(|_, count| *count > 0);
        self.fragments.set(id, entry);
        let Some((message, recipients)) = entry else { return };
        let mut first_due: BTreeMap<&Route, Timestamp> = BTreeMap::new();
        for recipient in recipients {
            if let State::Due(at) = recipient.state {
                let due = first_due.entry(&recipient.route).or_insert(at);
                *due = at.min(*due);
            }
        }
        let (priority, deadline) = (message.priority(), message.returned_at());
        let jobs: Vec<Job> =
            first_due.into_iter().map(|(route, due)| Job { route: route.clone(), due, priority, deadline }).collect();
        for job in &jobs {
            self.waiting.insert((job.due, id, job.route.clone()));
            *self.channels.entry(job.route.channel).or_default() += 1;
            if let Some(deadline) = job.deadline {
                self.deadlines.insert((deadline, id, job.route.clone()));
            }
        }
        self.messages.insert(id, jobs);
    }

    fn unready(&mut self, route: &Route, rank: Rank) {
        if let Some(ranks) = self.ready.get_mut(route) {
            ranks.remove(&rank);
            if ranks.is_empty() {
                self.ready.remove(route);
            }
        }
    }

    /// Moves what has become due.
    pub fn promote(&mut self, now: Timestamp) {
        while let Some((due, id, route)) = self.waiting.pop_first() {
            if due > now {
                self.waiting.insert((due, id, route));
                return;
            }
            let job = self.messages.get(&id).and_then(|jobs| jobs.iter().find(|job| job.route == route));
            let rank = job.map_or((Reverse(false), Reverse(0), id), |job| job.rank(id));
            self.ready.entry(route).or_default().insert(rank);
        }
    }

    /// Leases the best job that is due and whose route `may` take another one.
    pub fn take(&mut self, now: Timestamp, may: &mut dyn FnMut(&Route) -> bool) -> Option<(QueueId, Route)> {
        self.promote(now);
        let leased = &self.leased;
        let heads = self.ready.iter().filter_map(|(route, ranks)| {
            let rank = ranks.iter().find(|(_, _, id)| !leased.contains(&(*id, route.clone())))?;
            may(route).then_some((*rank, route))
        });
        let (rank, route) = heads.min_by_key(|(rank, _)| *rank)?;
        let taken = (rank.2, route.clone());
        self.leased.insert(taken.clone());
        Some(taken)
    }

    /// Leases a job of a channel whose time is over. It is due by then: no attempt is put off beyond its deadline.
    pub fn take_late(&mut self, now: Timestamp, channel: Channel) -> Option<(QueueId, Route)> {
        let late = self.deadlines.iter().take_while(|(deadline, ..)| *deadline <= now);
        let mut free =
            late.filter(|(_, id, route)| route.channel == channel && !self.leased.contains(&(*id, route.clone())));
        let taken = free.next().map(|(_, id, route)| (*id, route.clone()))?;
        self.leased.insert(taken.clone());
        Some(taken)
    }

    /// The channels in which something is to be done, now or later.
    pub fn channels(&self) -> BTreeSet<Channel> {
        self.channels.keys().copied().collect()
    }

    /// Gives a lease back.
    pub fn give_back(&mut self, id: QueueId, route: &Route) {
        self.leased.remove(&(id, route.clone()));
    }

    /// When the next job becomes due, or late, that is not yet.
    pub fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let due = self.waiting.first().map(|(due, ..)| *due);
        let late = self.deadlines.iter().map(|(deadline, ..)| *deadline).find(|deadline| *deadline > now);
        [due, late].into_iter().flatten().min()
    }
}
