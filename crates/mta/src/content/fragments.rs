//! Fragments of messages (RFC 2046 §5.2.2): put together when the last one arrives, released when it does not, and made for
//! channels that take small messages only.
//!
//! Laws: the whole is made while the arriving fragment is examined, so that filters and rules judge the whole before anything
//! is promised; the waiting fragments go in the transaction that takes the whole in; everything has a bound; a fragment that
//! cannot be used is refused, so that its sender hears why.

use crate::content::limits::{LOCK_WAIT, MADE_MAX};
use crate::content::service::Content;
use crate::content::settings::DefragmentSettings;
use message::partial::{self, BadFragment, Fragment, Split};
use message::{header, parameter, parse};
use model::{Address, QueueId, TraceId};
use queue::entry::{Channel, Outcome, Route, Verdict};
use queue::fragments::{Place, SetId, Waiting};
use queue::lease::Lease;
use queue::queue::Queue;
use queue::replace::{Change, Replacement};
use smtp::envelope::Envelope;
use smtp::reply::Reply;
use smtp::status::EnhancedStatus;
use std::collections::BTreeMap;
use std::sync::Arc;
use storage::NewBlob;
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::task::block_in_place;

/// Fragments in the queue that end when the message is taken in.
#[derive(Debug)]
pub struct Gathered {
    /// Their numbers in the queue.
    pub fragments: Vec<QueueId>,
    /// Whether the message is the whole that they make, and not a newer copy of one of them.
    pub is_whole: bool,
    /// What their traces tell then.
    pub told: String,
    /// Held until the message is durable or refused, so that the next fragment sees what came of it.
    _guard: OwnedMutexGuard<()>,
    /// The memory of the whole, taken from what all sessions may hold.
    _memory: Option<OwnedSemaphorePermit>,
}

/// What an arriving message is.
#[derive(Debug)]
pub enum Gathering {
    /// None of ours to put together.
    Other,
    /// A fragment that waits for others, here; another copy of it may go.
    Waits(Place, Gathered),
    /// The last fragment: this is the whole.
    Whole(Vec<u8>, Gathered),
}

/// Why a fragment is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It does not say what it must.
    #[error(transparent)]
    Malformed(#[from] BadFragment),
    /// Its message has too many.
    #[error("a message of more than {0} fragments is not put together here")]
    TooMany(u32),
    /// Others say something else.
    #[error("this fragment is one of {this}, and others of its message are of {others}")]
    Disagreement {
        /// What it says, or the number that it has.
        this: u32,
        /// What they say.
        others: u32,
    },
    /// The whole would be larger than what is put together.
    #[error("the message would be larger than {0} octets")]
    TooLarge(u64),
    /// What was put together is a fragment.
    #[error("a message of fragments whose fragments are fragments is not put together here")]
    Nested,
    /// So much waits that no more can: temporary.
    #[error("too many fragments wait; try again later")]
    Full,
    /// So much of this sender waits that no more can: temporary.
    #[error("too many fragments of this sender wait; try again later")]
    SenderFull,
    /// Another fragment of the message is being examined: temporary.
    #[error("another fragment of the message is being examined; try again later")]
    Busy,
    /// All sessions together hold as much as they may: temporary.
    #[error("too much mail at once; try again later")]
    Memory,
    /// The queue does not answer: temporary.
    #[error(transparent)]
    Queue(#[from] queue::error::Error),
}

impl Refused {
    /// Whether the same fragment may be taken later.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Refused::Full | Refused::SenderFull | Refused::Busy | Refused::Memory | Refused::Queue(_))
    }
}

/// Whether the message is a fragment, told without taking it apart.
pub fn is_fragment(message: &[u8]) -> bool {
    let kind = header::find(message, "Content-Type").map(|field| parameter::parse(field.value).0);
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case("message/partial"))
}

/// Whether fragments are put together for any channel.
pub fn are_joined(content: &Content) -> bool {
    !content.settings.defragment.channels.is_empty()
}

/// The channel for which a message is put together: one of those that it leaves by. It is then put together for all of its
/// recipients.
pub fn channel(content: &Content, mut outs: impl Iterator<Item = Channel>) -> Option<Channel> {
    let marked = &content.settings.defragment.channels;
    if marked.is_empty() { None } else { outs.find(|channel| marked.contains(channel)) }
}

/// What an arriving message is looked at with.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// Everything about content.
    pub content: &'a Content,
    /// Where fragments wait.
    pub queue: &'a Queue,
    /// Kibibytes of messages that may be held in memory.
    pub memory: &'a Arc<Semaphore>,
}

/// Looks at an arriving message for the others of it that wait.
pub async fn gather(
    ground: Ground<'_>,
    trace: TraceId,
    channel: Channel,
    envelope: &Envelope,
    message: &[u8],
) -> Result<Gathering, Refused> {
    let Ground { content, queue, memory } = ground;
    if !is_fragment(message) {
        return Ok(Gathering::Other);
    }
    let fragment = partial::read(&block_in_place(|| parse::structure(message)).root)?;
    let settings = &content.settings.defragment;
    if fragment.number.max(fragment.total.unwrap_or(0)) > settings.parts_max {
        return Err(Refused::TooMany(settings.parts_max));
    }
    let set = set_of(&fragment.id, envelope);
    let guard = content.locks.lock(set, LOCK_WAIT).await.ok_or(Refused::Busy)?;
    let waiting = queue.fragments(set)?;
    let total = agreed_total(&fragment, &waiting)?;
    // A copy of the arriving fragment goes when this one is taken.
    let others = waiting.iter().filter(|(number, _)| **number != fragment.number);
    let octets = others.map(|(_, one)| one.octets).sum::<u64>() + message.len() as u64;
    if octets > settings.message_octets_max {
        return Err(Refused::TooLarge(settings.message_octets_max));
    }
    let is_there = |number: &u32| *number == fragment.number || waiting.contains_key(number);
    if let Some(total) = total.filter(|total| (1..=*total).all(|number| is_there(&number))) {
        // The fragments are read and joined, so twice their octets are held for a moment.
        let kib = u32::try_from(octets.div_ceil(512)).map_err(|_| Refused::Memory)?;
        let held = Arc::clone(memory).try_acquire_many_owned(kib).map_err(|_| Refused::Memory)?;
        let whole = block_in_place(|| whole(queue, &fragment, &waiting, total, message))?;
        content.signals.fragments_joined(trace, total, whole.len());
        let told = format!("put together with the other {} fragments of its message as {trace}", total - 1);
        // A copy of the arriving fragment goes with the others.
        let fragments = waiting.values().map(|one| one.id).collect();
        return Ok(Gathering::Whole(
            whole,
            Gathered { fragments, is_whole: true, told, _guard: guard, _memory: Some(held) },
        ));
    }
    let copy = waiting.get(&fragment.number);
    let more = (message.len() as u64).saturating_sub(copy.map_or(0, |one| one.octets));
    check_room(queue, settings, envelope, waiting.is_empty(), more)?;
    content.signals.fragment_waits(trace, fragment.number, fragment.total.unwrap_or(0));
    let place = Place { set, number: fragment.number, total: fragment.total.unwrap_or(0), channel };
    let told = format!("a newer copy of fragment {} took its place", fragment.number);
    let fragments = copy.into_iter().map(|one| one.id).collect();
    Ok(Gathering::Waits(place, Gathered { fragments, is_whole: false, told, _guard: guard, _memory: None }))
}

/// Which fragments belong together: those with one id and one envelope, so that nobody can put something into a message of
/// others.
fn set_of(id: &str, envelope: &Envelope) -> SetId {
    let name = |address: &Address| address.to_string().to_lowercase();
    let mut recipients: Vec<String> = envelope.recipients.iter().map(|rcpt| name(&rcpt.address)).collect();
    recipients.sort_unstable();
    let sender = envelope.mail_from.reverse_path.as_ref().map(name).unwrap_or_default();
    let text = format!("{id}\0{sender}\0{}", recipients.join("\0"));
    let hash = NewBlob::new(text.into_bytes()).hash();
    hash.0.first_chunk::<16>().map_or(0, |octets| SetId::from_be_bytes(*octets))
}

/// How many fragments there are, if anybody says so; all who do must agree.
fn agreed_total(fragment: &Fragment, waiting: &BTreeMap<u32, Waiting>) -> Result<Option<u32>, Refused> {
    let others = waiting.values().map(|one| one.total).find(|total| *total > 0);
    let highest = waiting.keys().next_back().copied().unwrap_or(0);
    match (fragment.total, others) {
        (Some(this), Some(others)) if this != others => Err(Refused::Disagreement { this, others }),
        (Some(this), _) if highest > this => Err(Refused::Disagreement { this, others: highest }),
        (None, Some(others)) if fragment.number > others => {
            Err(Refused::Disagreement { this: fragment.number, others })
        }
        (this, others) => Ok(this.or(others)),
    }
}

fn whole(
    queue: &Queue,
    fragment: &Fragment,
    waiting: &BTreeMap<u32, Waiting>,
    total: u32,
    message: &[u8],
) -> Result<Vec<u8>, Refused> {
    let mut bodies = Vec::with_capacity(waiting.len());
    for (number, one) in waiting.iter().filter(|(number, _)| **number <= total) {
        if *number != fragment.number {
            bodies.push((*number, queue.body(one.id)?));
        }
    }
    let mut all: Vec<(u32, &[u8])> = bodies.iter().map(|(number, body)| (*number, &body[..])).collect();
    all.push((fragment.number, message));
    all.sort_unstable_by_key(|(number, _)| *number);
    let fragments: Vec<&[u8]> = all.into_iter().map(|(_, body)| body).collect();
    let whole = partial::join(&fragments);
    if is_fragment(&whole) { Err(Refused::Nested) } else { Ok(whole) }
}

/// Whether so many octets more may wait. What is no more than waits already always may: a copy takes the place of another.
fn check_room(
    queue: &Queue,
    settings: &DefragmentSettings,
    envelope: &Envelope,
    is_new: bool,
    octets: u64,
) -> Result<(), Refused> {
    if octets == 0 && !is_new {
        return Ok(());
    }
    let sender =
        envelope.mail_from.reverse_path.as_ref().map_or_else(String::new, |path| path.to_string().to_lowercase());
    let load = queue.fragment_load(&sender)?;
    let new = usize::from(is_new);
    if load.sender_sets + new > settings.sender_messages_max || load.sender_octets + octets > settings.sender_octets_max
    {
        return Err(Refused::SenderFull);
    }
    if load.sets + new > settings.messages_max || load.octets + octets > settings.octets_max {
        return Err(Refused::Full);
    }
    Ok(())
}

/// A fragment that waited in vain: it goes on alone, or back to its sender.
pub fn release(content: &Content, lease: &Lease) -> Vec<(u32, Outcome)> {
    let releases = content.settings.defragment.release;
    let how = if releases { "it goes on alone" } else { "it goes back to its sender" };
    content.signals.fragment_released(lease.message.trace, how);
    let outcomes = lease.recipients.iter().map(|(number, recipient)| {
        let outcome = if releases {
            let reply = Reply::new(250, EnhancedStatus::new(2, 0, 0), "the other fragments did not come");
            let onward = (recipient.rcpt.address.clone(), Route::new(Channel::Process, ""));
            Outcome { reply, host: String::new(), verdict: Verdict::Expanded(vec![onward]) }
        } else {
            let text = "the other fragments of the message did not come in time";
            let reply = Reply::new(554, EnhancedStatus::new(5, 6, 0), text);
            Outcome { reply, host: String::new(), verdict: Verdict::Failed }
        };
        (*number, outcome)
    });
    outcomes.collect()
}

/// The fragments that take the place of a message which is too large for one piece on its channel; `None` if it goes whole.
pub fn split(content: &Content, lease: &Lease) -> Option<Change> {
    let most = content.settings.fragment_octets.get(&lease.route.channel).copied()?;
    if lease.message.octets <= most {
        return None;
    }
    let trace = lease.message.trace;
    let body = lease.body().inspect_err(|error| content.signals.queue_failed(trace, error)).ok()?;
    let id = format!("{:016x}{}", content.random.u64(), lease.id);
    let octets_max = usize::try_from(most).unwrap_or(usize::MAX);
    let how = Split { octets_max, parts_max: MADE_MAX, id: &id, host: &content.host };
    let fragments = match block_in_place(|| partial::split(&body, how)) {
        Ok(fragments) if fragments.len() > 1 => fragments,
        Ok(_) => return None,
        // It has become a fragment already, and is larger only because a line or the header is.
        Err(partial::CannotSplit::Fragment) => return None,
        Err(why) => {
            content.signals.unsplit(trace, &why.to_string());
            return None;
        }
    };
    content.signals.split(trace, fragments.len());
    let recipients: Vec<(u32, Route)> =
        lease.recipients.iter().map(|(number, _)| (*number, lease.route.clone())).collect();
    let told = format!("it goes on as {} fragments of at most {most} octets", fragments.len());
    let make = |octets: Vec<u8>| Replacement { body: NewBlob::new(octets), recipients: recipients.clone() };
    let replacements = block_in_place(|| fragments.into_iter().map(make).collect());
    Some(Change { replacements, told: vec![told], ..Change::default() })
}
