//! The greylister: what it decided lately, what it knows of a delivery, and forgetting.

use std::net::IpAddr;

use meter::greylist::backlog::Part;
use meter::greylist::judge::Greylist;
use meter::greylist::recent::{Decision, Field};
use meter::greylist::triplet::{Query, Way};
use model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::operations::report;

/// What can be asked about the greylister.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GreylistRequest {
    /// How it is.
    Status,
    /// The last decisions, the latest first.
    List {
        /// Which.
        filter: Filter,
        /// At most so many.
        limit: usize,
    },
    /// The most frequent values of a field among the last decisions.
    Top {
        /// `client`, `sender`, `domain`, `recipient`, `list` or `action`.
        field: String,
        /// Of which.
        filter: Filter,
        /// At most so many.
        limit: usize,
    },
    /// What is known of a delivery.
    Show(Delivery),
    /// Forget a delivery: its next attempt is the first.
    Forget(Delivery),
    /// Forget all deliveries.
    ForgetAll,
}

/// A delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The client's address.
    pub client: String,
    /// The sender; `<>` for none.
    pub sender: String,
    /// The recipient.
    pub recipient: String,
}

/// Which decisions: all that is given must hold. Texts are searched for in any case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// In the client's address.
    pub client: Option<String>,
    /// In the sender.
    pub sender: Option<String>,
    /// In the recipient.
    pub recipient: Option<String>,
    /// The verdict: trust, match, greylist or block.
    pub action: Option<String>,
}

/// A decision as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownDecision {
    /// When.
    pub at: String,
    /// The verdict.
    pub action: String,
    /// Why the client was not looked at, if so.
    pub exempt: Option<String>,
    /// Who asked: inside, policy, milter or gross.
    pub way: String,
    /// Milliseconds that it took.
    pub took_ms: u64,
    /// The sum of the weights.
    pub weight: i32,
    /// The lists that had the delivery.
    pub lists: Vec<ShownList>,
    /// The client's address.
    pub client: String,
    /// The sender; `<>` for none.
    pub sender: String,
    /// The recipient.
    pub recipient: String,
    /// How the client named itself.
    pub hello: String,
}

/// A list that had a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownList {
    /// Its name.
    pub name: String,
    /// What it added.
    pub weight: i32,
}

/// What is known of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownStanding {
    /// Whether it is remembered.
    pub known: bool,
    /// The network under which it is remembered.
    pub network: String,
    /// When it came first.
    pub first_seen: Option<String>,
    /// When it came last.
    pub last_seen: Option<String>,
    /// From when on it is let in.
    pub let_in_from: Option<String>,
    /// Whether it would be let in now, as far as the memory goes.
    pub ripe: bool,
}

/// How the greylister is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Deliveries that are remembered.
    pub triplets: usize,
    /// Known senders that are remembered.
    pub known: usize,
    /// Entries that went before their time because the memory was full.
    pub evicted: u64,
    /// Decisions that can be listed.
    pub decisions_kept: usize,
    /// The lists that are asked, with their weights; trusting ones have none.
    pub lists: Vec<ShownList>,
    /// Whether verdicts are only logged.
    pub dry_run: bool,
    /// The file of the memory.
    pub state_file: Option<String>,
    /// Whether the peer gets our changes; nothing without a peer.
    pub peer_connected: Option<bool>,
}

/// Performs a request.
///
/// # Errors
/// What was asked for makes no sense.
pub fn perform(greylist: &Greylist, request: GreylistRequest) -> Result<Value, Failure> {
    let recent = greylist.recent();
    match request {
        GreylistRequest::Status => report(&status(greylist)),
        GreylistRequest::List { filter, limit } => {
            let found = recent.last(limit, |decision| filter.holds(decision));
            report(&found.iter().map(shown).collect::<Vec<ShownDecision>>())
        }
        GreylistRequest::Top { field, filter, limit } => {
            report(&recent.top(parse_field(&field)?, limit, |decision| filter.holds(decision)))
        }
        GreylistRequest::Show(delivery) => report(&standing(greylist, &query(&delivery)?)),
        GreylistRequest::Forget(delivery) => report(&u64::from(greylist.forget(&query(&delivery)?))),
        GreylistRequest::ForgetAll => report(&greylist.forget_all()),
    }
}

fn status(greylist: &Greylist) -> Status {
    let settings = greylist.settings();
    let (triplets, known) = (greylist.memory(Part::Triplets), greylist.memory(Part::Known));
    Status {
        triplets: triplets.len(),
        known: known.len(),
        evicted: triplets.evicted() + known.evicted(),
        decisions_kept: greylist.recent().len(),
        lists: settings
            .checks
            .iter()
            .map(|check| ShownList { name: check.to_string(), weight: check.shown_weight() })
            .collect(),
        dry_run: settings.dry_run,
        state_file: settings.state_file.as_ref().map(|file| file.display().to_string()),
        peer_connected: greylist.peer_connected(),
    }
}

fn standing(greylist: &Greylist, query: &Query) -> ShownStanding {
    let standing = greylist.standing(query);
    let time = |at: Timestamp| at.to_string();
    ShownStanding {
        known: standing.is_some(),
        network: greylist.settings().mask.network(query.client).to_string(),
        first_seen: standing.map(|standing| time(standing.sighting.first)),
        last_seen: standing.map(|standing| time(Timestamp::from_secs(standing.sighting.last_secs.into()))),
        let_in_from: standing.map(|standing| time(standing.ripe)),
        ripe: standing.is_some_and(|standing| standing.ripe <= greylist.now()),
    }
}

impl Filter {
    fn holds(&self, decision: &Decision) -> bool {
        let has = |wanted: &Option<String>, text: &str| {
            wanted.as_ref().is_none_or(|wanted| {
                let text = if text.is_empty() { "<>".to_owned() } else { text.to_lowercase() };
                text.contains(&wanted.to_lowercase())
            })
        };
        has(&self.client, &decision.client.to_string())
            && has(&self.sender, &decision.sender)
            && has(&self.recipient, &decision.recipient)
            && self.action.as_ref().is_none_or(|action| action.eq_ignore_ascii_case(decision.action.name()))
    }
}

fn shown(decision: &Decision) -> ShownDecision {
    let lists = decision.matched.iter().map(|(name, weight)| ShownList { name: name.clone(), weight: *weight });
    ShownDecision {
        at: decision.at.to_string(),
        action: decision.action.name().to_owned(),
        exempt: decision.exemption.map(|why| why.name().to_owned()),
        way: decision.way.name().to_owned(),
        took_ms: u64::try_from(decision.took.as_millis()).unwrap_or(u64::MAX),
        weight: decision.weight,
        lists: lists.collect(),
        client: decision.client.to_string(),
        sender: if decision.sender.is_empty() { "<>".to_owned() } else { decision.sender.clone() },
        recipient: decision.recipient.clone(),
        hello: decision.hello.clone(),
    }
}

fn query(delivery: &Delivery) -> Result<Query, Failure> {
    let client: IpAddr = delivery
        .client
        .parse()
        .map_err(|_| Failure::usage(format!("{} is no address, such as 192.0.2.1", delivery.client)))?;
    Ok(Query::new(Way::Inside, client, &delivery.sender, &delivery.recipient))
}

fn parse_field(text: &str) -> Result<Field, Failure> {
    Ok(match text {
        "client" => Field::Client,
        "sender" => Field::Sender,
        "domain" => Field::Domain,
        "recipient" => Field::Recipient,
        "list" => Field::List,
        "action" => Field::Action,
        other => {
            let known = "client, sender, domain, recipient, list, action";
            return Err(Failure::usage(format!("{other} is no field: {known}")));
        }
    })
}
