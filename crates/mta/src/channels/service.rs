//! What sessions and agents share about named channels.

use crate::channels::brought::Brought;
use crate::channels::conversions::{self, Answer};
use crate::channels::key::Key;
use crate::channels::named::{NamedChannel, Piece};
use crate::channels::signals::Signals;
use crate::judge::court::Judge;
use crate::judge::lookups::Effects;
use net::{Endpoint, Registry};
use queue::channel::ChannelName;
use queue::entry::{Channel, Route};
use smtp::client::Kind;
use std::sync::Arc;

/// Everything about named channels.
pub struct Channels {
    named: Vec<NamedChannel>,
    /// Whose tables answer.
    judge: Option<Arc<Judge>>,
    /// What signs detour fields; there is one as soon as a channel is a detour.
    key: Option<Key>,
    pub(crate) signals: Signals,
}

impl Channels {
    /// These, in the order in which they are looked at; `judge` is whose CONVERSIONS table answers, `key` signs what makes a
    /// detour.
    pub fn new(named: Vec<NamedChannel>, judge: Option<Arc<Judge>>, key: Option<Key>, registry: &Registry) -> Channels {
        Channels { named, judge, key, signals: Signals::new(registry) }
    }

    /// None at all.
    pub fn none(registry: &Registry) -> Channels {
        Channels::new(Vec::new(), None, None, registry)
    }

    /// The channel of a name.
    pub fn find(&self, name: ChannelName) -> Option<&NamedChannel> {
        self.named.iter().find(|channel| channel.name == name)
    }

    /// The named channel that a route leads through.
    pub fn of(&self, route: &Route) -> Option<&NamedChannel> {
        self.find(route.channel.named()?)
    }

    /// What is spoken at the end of a channel to other hosts.
    pub fn kind(&self, channel: Channel) -> Kind {
        match channel {
            Channel::Lmtp => Kind::Lmtp,
            Channel::Named(name) => self.find(name).map_or(Kind::Smtp, |channel| channel.kind),
            _ => Kind::Smtp,
        }
    }

    /// Whether a route leads to a scanner that gives the mail back.
    pub fn is_detour(&self, route: &Route) -> bool {
        self.of(route).is_some_and(|channel| channel.detour.is_some())
    }

    /// Whether it matters how mail came: by that, channels are chosen.
    pub fn is_used(&self) -> bool {
        !self.named.is_empty() || self.judge.as_ref().is_some_and(|judge| judge.has_table(conversions::TABLE))
    }

    /// The detours from which a client may give mail back.
    pub fn returning(&self, peer: Endpoint) -> impl Iterator<Item = ChannelName> {
        let ip = peer.ip();
        self.named.iter().filter_map(move |channel| {
            let networks = &channel.detour.as_ref()?.returns_from;
            ip.is_some_and(|ip| networks.iter().any(|network| network.contains(ip))).then_some(channel.name)
        })
    }

    /// Whether a client may be a scanner that gives mail back.
    pub fn may_return(&self, peer: Endpoint) -> bool {
        self.returning(peer).next().is_some()
    }

    /// What signs detour fields.
    pub(crate) fn key(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    /// The route of mail for another domain by a named channel, if one takes it. Detours are made later, when the whole
    /// message is there.
    pub fn elsewhere(&self, mail: Piece<'_>) -> Option<Route> {
        let channel = self.named.iter().find(|channel| channel.detour.is_none() && channel.takes(mail))?;
        Some(channel.route(&mail.to.domain, mail.brought))
    }

    /// The route of mail that makes a detour of itself.
    pub(crate) fn detour(&self, mail: Piece<'_>) -> Option<Route> {
        let detours = self.named.iter().filter(|channel| channel.detour.is_some());
        detours.filter(|channel| channel.takes(mail)).find_map(|channel| through(channel, mail))
    }

    /// The route of mail by a channel of this name; `None` when it makes a detour there and has made it before.
    pub(crate) fn route_by(&self, name: ChannelName, mail: Piece<'_>) -> Option<Route> {
        match self.find(name) {
            Some(channel) if channel.detour.is_some() => through(channel, mail),
            Some(channel) => Some(channel.route(&mail.to.domain, mail.brought)),
            // Its mail waits, and is seen, until the operator has written the channel; how it came is not forgotten by then.
            None => {
                let brought = mail.brought.through(name)?;
                Some(Route::new(Channel::Named(name), &format!(" {brought}")))
            }
        }
    }

    /// Asks the CONVERSIONS mapping table, if there is one; `None` when it says nothing.
    pub(crate) async fn ask(&self, brought: &Brought, route: &Route, effects: Effects) -> Option<Answer> {
        let judge = self.judge.as_ref().filter(|judge| judge.has_table(conversions::TABLE))?;
        let out = judge.in_force().settings.destinations.name_behind(route).to_owned();
        let probe = conversions::probe(brought.source(), &out);
        let outcome = judge.ask_table(conversions::TABLE, &probe, effects).await?;
        if !outcome.troubles.is_empty() && effects == Effects::On {
            self.signals.strange_answer(&probe, &outcome.troubles.join("; "));
        }
        if !outcome.is_match() {
            return None;
        }
        let answer = conversions::read(&outcome.output);
        if !answer.strange.is_empty() && effects == Effects::On {
            self.signals.strange_answer(&probe, &answer.strange.join(","));
        }
        Some(answer)
    }
}

fn through(channel: &NamedChannel, mail: Piece<'_>) -> Option<Route> {
    let brought = mail.brought.through(channel.name)?;
    Some(channel.route(&mail.to.domain, &brought))
}
