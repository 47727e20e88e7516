//! One message to other hosts, or to another store over LMTP.

use crate::authentication::facts::Failure;
use crate::delivery::hosts::{self, Own};
use crate::delivery::outing::Outing;
use crate::delivery::peer::{Manner, Peer, Place, Trouble};
use crate::delivery::pool::Key;
use crate::delivery::prepare;
use crate::delivery::protection::{Protection, Protections};
use crate::delivery::routing::{Rule, TlsPolicy, Way, rule_of};
use crate::delivery::service::Service;
use bytes::Bytes;
use model::{Address, Domain};
use net::ShutdownToken;
use queue::entry::{Outcome, Recipient, Route, Verdict};
use queue::lease::Lease;
use smtp::client::Kind;
use smtp::envelope::{Envelope, MailFrom};
use smtp::reply::Reply;
use smtp::status::EnhancedStatus;
use std::net::IpAddr;

/// What an attempt came to, whether any host was reached, and the connections that can be used again - but only when the
/// outcomes are durable: else a second message could be lost from sight behind the first.
pub struct Attempt {
    pub outcomes: Vec<(u32, Outcome)>,
    pub reached: Option<bool>,
    pub peers: Vec<(Key, Peer)>,
}

/// Tries a message at the hosts of its destination.
pub async fn attempt(service: &Service, lease: &Lease, shutdown: &ShutdownToken) -> Attempt {
    let mut attempt = Attempt { outcomes: Vec::new(), reached: None, peers: Vec::new() };
    let now = service.parts.queue.now();
    let mut here: Vec<&(u32, Recipient)> = Vec::new();
    let mut rule = None;
    for one in &lease.recipients {
        let domain = &one.1.rcpt.address.domain;
        let (its, route) = way(service, lease, domain);
        if route == lease.route {
            here.push(one);
            rule = Some(its);
        } else {
            // The operator has changed the way meanwhile.
            let verdict = Verdict::Expanded(vec![(one.1.rcpt.address.clone(), route)]);
            attempt.outcomes.push((one.0, own(Reply::new(250, EnhancedStatus::new(2, 0, 0), "another way"), verdict)));
        }
    }
    let Some((rule, first)) = rule.zip(here.first()) else { return attempt };
    if lease.is_too_late(now) {
        let reply = Reply::new(554, EnhancedStatus::new(5, 4, 7), "the time to deliver it is over");
        attempt.outcomes.extend(here.iter().map(|one| (one.0, own(reply.clone(), Verdict::Failed))));
        return attempt;
    }
    let places = match places(service, &rule, &first.1).await {
        Ok(places) => places,
        Err(reply) => {
            attempt
                .outcomes
                .extend(here.iter().map(|one| (one.0, judged(service, lease, reply.clone(), "", Promises::default()))));
            return attempt;
        }
    };
    let body = match lease.body() {
        Ok(body) => body,
        Err(error) => {
            service.signals.queue_failed(lease.message.trace, &error);
            return attempt;
        }
    };
    // The sender's wish counts against policies that are found, not against those of the operator's own hosts (RFC 8689 §3).
    let is_waived = !lease.message.mail_from.require_tls && rule.way == Way::Mx && prepare::waives_tls(&body);
    let domain = &first.1.rcpt.address.domain;
    let asked = match is_waived {
        true => Ok(Protections::default()),
        false => Protections::ask(service, &rule, domain, &places, shutdown).await,
    };
    let protections = match asked {
        Ok(protections) => protections,
        Err(reply) => {
            let outcome = || judged(service, lease, reply.clone(), "", Promises::default());
            attempt.outcomes.extend(here.iter().map(|one| (one.0, outcome())));
            return attempt;
        }
    };
    // A message that must be private may not go where anybody could have sent it (RFC 8689 §4.2.1).
    if lease.message.mail_from.require_tls && rule.way == Way::Mx && !protections.vouch() {
        let text = format!("REQUIRETLS was asked for, and nobody vouches for the hosts that take mail for {domain}");
        let reply = Reply::new(550, EnhancedStatus::new(5, 7, 30), text);
        attempt.outcomes.extend(here.iter().map(|one| (one.0, own(reply.clone(), Verdict::Failed))));
        return attempt;
    }
    let mail_from = mail_from(service, lease).await;
    let outing = Outing::of(service, lease);
    let (rule, body, mail_from, protections) = (&rule, &body, &mail_from, &protections);
    let detour = outing.as_ref();
    let one = Try { service, lease, rule, body, mail_from, protections, is_waived, detour, shutdown };
    one.at_places(here, places, &mut attempt).await;
    attempt
}

/// The rule by which mail for a domain goes on this channel now, and its route.
fn way(service: &Service, lease: &Lease, domain: &Domain) -> (Rule, Route) {
    match service.parts.channels.of(&lease.route) {
        Some(named) => (named.rule.clone(), named.route(domain, &named.brought(&lease.route))),
        None => {
            let rule = rule_of(&service.settings.rules, domain);
            let route = rule.route(domain);
            (rule, route)
        }
    }
}

fn own(reply: Reply, verdict: Verdict) -> Outcome {
    Outcome { reply, host: String::new(), verdict }
}

/// What a reply means.
fn judged(service: &Service, lease: &Lease, reply: Reply, host: &str, promises: Promises) -> Outcome {
    let Promises { dsn, deliver_by } = promises;
    let channels = &service.parts.channels;
    let verdict = match (reply.class(), channels.kind(lease.route.channel)) {
        (2, Kind::Lmtp) => Verdict::Delivered,
        // It comes back with all that its sender wants to know.
        (2, Kind::Smtp) if channels.is_detour(&lease.route) => Verdict::Relayed { dsn: true, deliver_by: true },
        (2, Kind::Smtp) => Verdict::Relayed { dsn, deliver_by },
        (5, _) => Verdict::Failed,
        _ => Verdict::Deferred,
    };
    channels.signals.replied(lease.route.channel, &reply);
    service.signals.attempted(lease.message.trace, lease.route.channel, host, &reply);
    Outcome { reply, host: host.to_owned(), verdict }
}

async fn places(service: &Service, rule: &Rule, first: &Recipient) -> Result<Vec<Place>, Reply> {
    let settings = &service.settings;
    let own = Own { host: &settings.host, addresses: &settings.own_addresses, port: settings.port };
    let (resolver, random) = (&*service.parts.resolver, &*service.parts.random);
    let found = match &rule.way {
        Way::Mx => hosts::of_domain(resolver, random, &first.rcpt.address.domain, own).await?,
        Way::Host { host, port } | Way::Lmtp { host, port } => hosts::of_host(resolver, host, *port).await?,
        Way::Hosts(all) => hosts::of_hosts(resolver, all).await?,
        Way::LmtpUnix(path) => return Ok(vec![Place::Unix(path.clone())]),
        Way::Hold => Vec::new(),
    };
    Ok(found.into_iter().map(Place::from).collect())
}

/// What a host promises to tell the sender itself.
#[derive(Clone, Copy, Debug, Default)]
struct Promises {
    /// RFC 3461.
    dsn: bool,
    /// RFC 2852.
    deliver_by: bool,
}

/// What one attempt works with.
#[derive(Clone, Copy)]
struct Try<'a> {
    service: &'a Service,
    lease: &'a Lease,
    rule: &'a Rule,
    body: &'a Bytes,
    mail_from: &'a MailFrom,
    protections: &'a Protections,
    /// Whether the sender values arrival over privacy; then nothing that is published counts.
    is_waived: bool,
    /// What the message takes along to a scanner.
    detour: Option<&'a Outing<'a>>,
    shutdown: &'a ShutdownToken,
}

impl Try<'_> {
    /// Goes from place to place until every recipient has a final answer or there is no place left.
    async fn at_places(&self, mut open: Vec<&(u32, Recipient)>, places: Vec<Place>, attempt: &mut Attempt) {
        let (service, lease) = (self.service, self.lease);
        let mut last = (Reply::new(451, EnhancedStatus::new(4, 4, 1), "no host could be reached"), String::new());
        let mut is_insecure = false;
        for place in places {
            if open.is_empty() || self.shutdown.is_stopped() {
                break;
            }
            let name = place.name();
            let mut waiting = std::mem::take(&mut open);
            while !waiting.is_empty() {
                let most = service.settings.recipients_max.max(1);
                let most = self.detour.map_or(most, |outing| outing.fitting(&waiting).min(most));
                let batch: Vec<&(u32, Recipient)> = waiting.drain(..waiting.len().min(most)).collect();
                match self.at_place(&place, &batch, &mut attempt.peers).await {
                    Ok((replies, promises)) => {
                        attempt.reached = Some(true);
                        let took = replies.len();
                        for (one, reply) in batch.iter().zip(replies) {
                            attempt.outcomes.push((one.0, judged(service, lease, reply, &name, promises)));
                        }
                        // The host takes fewer at once than we would send.
                        waiting.splice(..0, batch.into_iter().skip(took));
                    }
                    Err(trouble) => {
                        is_insecure |= matches!(trouble, Trouble::Insecure(..));
                        let reply = trouble.into_reply();
                        service.signals.attempted(lease.message.trace, lease.route.channel, &name, &reply);
                        last = (reply, name.clone());
                        open.extend(batch);
                        open.append(&mut waiting);
                    }
                }
            }
        }
        // A host that is not private enough for one message may do for the next.
        if !open.is_empty() && attempt.reached.is_none() && !is_insecure {
            attempt.reached = Some(false);
        }
        let (reply, host) = last;
        for one in open {
            attempt.outcomes.push((one.0, judged(service, lease, reply.clone(), &host, Promises::default())));
        }
    }

    /// Counts what a session came to, for the owner of the domain (RFC 8460).
    fn count(&self, place: &Place, outcome: Result<(), (Failure, &str)>) {
        let Try { service, lease, rule, protections, is_waived, .. } = *self;
        let Place::Host { name, address } = place else { return };
        if rule.way != Way::Mx || is_waived {
            return;
        }
        let fact = protections.fact(place, name, address.ip());
        let fact = match outcome {
            Ok(()) => fact,
            Err((failure, reason)) => fact.with_failure(failure, reason),
        };
        service.parts.authentication.count_session(&lease.route.destination, &fact);
    }

    /// One transaction at one place: over a kept connection if there is one that still works, else over a new one.
    async fn at_place(
        &self,
        place: &Place,
        batch: &[&(u32, Recipient)],
        peers: &mut Vec<(Key, Peer)>,
    ) -> Result<(Vec<Reply>, Promises), Trouble> {
        let Try { service, lease, rule, body, mail_from, protections, is_waived, detour, shutdown } = *self;
        let protection = protections.of(place);
        if let Protection::Barred(failure, reply) = protection {
            self.count(place, Err((*failure, &reply.text())));
            return Err(Trouble::Insecure(*failure, reply.clone()));
        }
        let policy = match lease.message.mail_from.require_tls {
            true => TlsPolicy::Verified,
            false if is_waived => rule.tls.min(TlsPolicy::Opportunistic),
            false => protection.raise(rule.tls),
        };
        let pins = protection.pins();
        let login = rule.login.as_ref();
        let domain = if pins.is_empty() { "" } else { &lease.route.destination };
        let domain = idna::domain_to_ascii(domain).unwrap_or_default();
        let key = Key {
            place: place.clone(),
            policy,
            login: login.map(|login| login.name.clone()),
            pins: pins.clone(),
            domain: domain.clone(),
        };
        let ours = peers.iter().position(|(known, _)| *known == key).map(|at| peers.swap_remove(at).1);
        let mut kept = ours.or_else(|| service.pool.take(&key));
        let mut policy = policy;
        loop {
            let was_kept = kept.is_some();
            let mut peer = match kept.take() {
                Some(peer) => peer,
                None => {
                    let mut manner = manner(service, lease, place, policy, login, shutdown);
                    (manner.pins, manner.domain) = (&pins, &domain);
                    match Peer::connect(place, &manner).await {
                        Ok(peer) => {
                            let outcome = outcome_of(&peer, protection);
                            let outcome =
                                outcome.as_ref().map_or(Ok(()), |(failure, why)| Err((*failure, why.as_str())));
                            if policy != TlsPolicy::Never {
                                self.count(place, outcome);
                            }
                            peer
                        }
                        // RFC 7435: without TLS rather than not at all, where it was only wished for.
                        Err(Trouble::Handshake(failure, reply)) if policy == TlsPolicy::Opportunistic => {
                            self.count(place, Err((failure, &reply.text())));
                            policy = TlsPolicy::Never;
                            continue;
                        }
                        Err(trouble) => {
                            if let Trouble::Insecure(failure, reply) = &trouble {
                                self.count(place, Err((*failure, &reply.text())));
                            }
                            return Err(trouble);
                        }
                    }
                }
            };
            let take = peer.recipients_max().unwrap_or(usize::MAX).max(1).min(batch.len());
            let batch = batch.get(..take).unwrap_or(batch);
            let recipients = batch.iter().map(|one| one.1.rcpt.clone()).collect();
            let envelope = Envelope { mail_from: mail_from.clone(), recipients };
            let sent = match detour {
                None => peer.send(envelope, body).await,
                Some(outing) => peer.send(envelope, &outing.body(service, batch, body)?).await,
            };
            match sent {
                Ok(replies) => {
                    let promises = Promises { dsn: peer.offers("DSN"), deliver_by: peer.offers("DELIVERBY") };
                    peers.push((key, peer));
                    return Ok((replies, promises));
                }
                // The host may have closed an idle connection; before the body nothing was lost or doubled.
                Err(Trouble::Away(_)) if was_kept && !peer.body_began() => {}
                Err(trouble) => return Err(trouble),
            }
        }
    }
}

/// What was wrong with a connection that stands, as the owner of the domain wants to hear of it: also what a policy in force
/// would have refused while it is tried out (RFC 8461 §5).
fn outcome_of(peer: &Peer, protection: &Protection) -> Option<(Failure, String)> {
    match protection {
        _ if !peer.is_encrypted() => Some((Failure::StartTlsNotSupported, "the host does not offer TLS".to_owned())),
        Protection::StsTesting(false) => {
            let why = format!("the domain's MTA-STS policy does not name {}", peer.name);
            Some((Failure::CertificateHostMismatch, why))
        }
        Protection::StsTesting(true) => {
            peer.distrust().map(|(distrust, why)| (Failure::of(Some(distrust)), why.to_owned()))
        }
        _ => None,
    }
}

/// Keeps a connection for the next message, or says goodbye.
pub async fn keep(service: &Service, key: Key, peer: Peer) {
    let is_used_up = peer.messages >= service.settings.connection_messages || !peer.is_idle();
    let spare = if is_used_up { Some(peer) } else { service.pool.keep(key, peer) };
    if let Some(peer) = spare {
        peer.quit().await;
    }
}

fn manner<'a>(
    service: &'a Service,
    lease: &Lease,
    place: &Place,
    policy: TlsPolicy,
    login: Option<&'a crate::delivery::routing::Credentials>,
    shutdown: &ShutdownToken,
) -> Manner<'a> {
    let settings = &service.settings;
    let source = match place {
        Place::Host { address, .. } if address.ip().is_loopback() => None,
        Place::Host { address, .. } if address.is_ipv4() => settings.source_v4.map(IpAddr::V4),
        Place::Host { .. } => settings.source_v6.map(IpAddr::V6),
        Place::Unix(_) => None,
    };
    let random = &service.parts.random;
    Manner {
        kind: service.parts.channels.kind(lease.route.channel),
        host: &settings.host,
        tls: &service.parts.tls,
        policy,
        pins: &[],
        domain: "",
        login,
        nonce: format!("{:016x}{:016x}", random.u64(), random.u64()),
        source,
        timeout: settings.connect_timeout,
        trace: lease.message.trace,
        shutdown: shutdown.clone(),
    }
}

/// The sender's half as it goes on: the time that is left for DELIVERBY (RFC 2852 §4.1.4), and a foreign sender in our name,
/// since mail of strangers leaves here only when it is forwarded.
async fn mail_from(service: &Service, lease: &Lease) -> MailFrom {
    let mut mail = lease.message.mail_from.clone();
    if let (Some(by), Some(until)) = (&mut mail.deliver_by, lease.message.deliver_until()) {
        let now = service.parts.queue.now();
        let left = until.since(now).as_secs().max(u64::from(until > now));
        by.secs = i64::try_from(left).unwrap_or(i64::MAX);
    }
    if service.parts.channels.is_detour(&lease.route) {
        // It comes back, with the time that is left then.
        mail.deliver_by = None;
        return mail;
    }
    if service.parts.channels.kind(lease.route.channel) == Kind::Smtp
        && let Some(sender) = rewritten(service, lease).await
    {
        mail.reverse_path = Some(sender);
    }
    mail
}

async fn rewritten(service: &Service, lease: &Lease) -> Option<Address> {
    let authentication = &service.parts.authentication;
    let rewriter = authentication.rewriter()?;
    let sender = lease.message.mail_from.reverse_path.as_ref()?;
    match service.parts.directory.is_local_domain(&sender.domain).await {
        Ok(false) => {}
        Ok(true) => return None,
        Err(error) => {
            service.signals.directory_away(lease.message.trace, &error);
            return None;
        }
    }
    let now_secs = authentication.now_secs();
    let rewritten = rewriter.forward(sender.local.as_str(), sender.domain.as_str(), now_secs);
    let rewritten = rewritten.and_then(|text| text.parse().ok());
    match rewritten {
        Some(_) => authentication.signals.rewritten(lease.message.trace),
        None => authentication.signals.too_long(lease.message.trace),
    }
    rewritten
}
