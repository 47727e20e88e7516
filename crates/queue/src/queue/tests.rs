//! The queue on a partition in memory: attempts, notices, leases, operators, reopening.

use super::*;
use crate::entry::{Outcome, Route, Scores, Verdict};
use crate::filter::Filter;
use crate::fragments::Place;
use crate::lease::Lease;
use crate::operate::{Action, Field};
use crate::replace::{Change, Replacement};
use smtp::envelope::{DeliverBy, DeliverByMode, Hold, MailFrom, RcptTo, Returned};
use smtp::reply::Reply;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use storage::NewBlob;

const DAY: Duration = Duration::from_secs(86_400);
const BODY: &[u8] = b"Subject: Hello there\r\n\r\nbody\r\n";

struct Ground {
    partition: Partition,
    now: Arc<AtomicU64>,
    queue: Queue,
}

fn open(partition: &Partition, now: &Arc<AtomicU64>) -> Queue {
    let (clock, random) = (Arc::clone(now), AtomicU64::new(1));
    let clock: Clock = Arc::new(move || Timestamp(clock.load(Ordering::SeqCst)));
    let random: Random = Arc::new(move || random.fetch_add(1, Ordering::SeqCst));
    Queue::open(partition.clone(), Settings::new("mx.test".parse().unwrap()), clock, random).unwrap()
}

impl Ground {
    fn new() -> Ground {
        let partition = Partition::in_memory().unwrap();
        let now = Arc::new(AtomicU64::new(1_000_000_000));
        let queue = open(&partition, &now);
        Ground { partition, now, queue }
    }

    fn pass(&self, duration: Duration) {
        self.now.fetch_add(duration.as_millis() as u64, Ordering::SeqCst);
    }

    fn take(&self, channel: Channel) -> Option<Lease> {
        self.queue.take(channel, self.queue.now(), &mut |_| true).unwrap()
    }

    fn summary(&self, channel: Channel) -> (u64, u64, u64) {
        let all = self.queue.summarize().unwrap();
        let one = all.iter().find(|summary| summary.channel == channel).unwrap();
        (one.ready, one.deferred, one.held)
    }

    /// The text of the only notice that waits, which is then gone.
    async fn notice(&self) -> Option<String> {
        let lease = self.take(Channel::Process)?;
        let text = String::from_utf8(lease.body().unwrap().to_vec()).unwrap();
        assert!(lease.message.mail_from.reverse_path.is_none());
        all(lease, Verdict::Delivered, "250 ok").await;
        assert!(self.take(Channel::Process).is_none(), "more than one notice");
        Some(text)
    }
}

fn entry(from: Option<&str>, to: &[&str]) -> NewEntry {
    let recipients = to.iter().map(|to| {
        let address: model::Address = to.parse().unwrap();
        let route = Route::new(Channel::Smtp, address.domain.as_str());
        (RcptTo { address, notify: None, original: None }, route)
    });
    NewEntry {
        mail_from: MailFrom { reverse_path: from.map(|from| from.parse().unwrap()), ..MailFrom::default() },
        recipients: recipients.collect(),
        body: NewBlob::new(BODY),
        trace: TraceId(77),
        received_from: "client.test".to_owned(),
        authenticated: None,
        scores: Scores::default(),
        instructions: BTreeMap::new(),
    }
}

fn outcome(verdict: Verdict, text: &str) -> Outcome {
    let (code, rest) = text.split_once(' ').unwrap();
    Outcome { reply: Reply::plain(code.parse().unwrap(), rest), host: "mx.far.test".to_owned(), verdict }
}

async fn all(lease: Lease, verdict: Verdict, text: &str) {
    let outcomes = lease.recipients.iter().map(|(number, _)| (*number, outcome(verdict.clone(), text))).collect();
    lease.complete(outcomes).await.unwrap();
}

fn smtputf8_free(text: &str) -> bool {
    text.is_ascii()
}

#[tokio::test]
async fn each_destination_is_taken_by_one_and_the_message_goes_when_all_are_done() {
    let ground = Ground::new();
    let id = ground.queue.submit(entry(Some("a@b.test"), &["x@c.test", "y@c.test", "z@d.test"])).await.unwrap().value;
    let (first, second) = (ground.take(Channel::Smtp).unwrap(), ground.take(Channel::Smtp).unwrap());
    assert_eq!((first.recipients.len(), second.recipients.len()), (2, 1));
    assert!(ground.take(Channel::Smtp).is_none());
    assert_eq!(ground.queue.show(id).unwrap().active, 2);
    all(first, Verdict::Relayed { dsn: true, deliver_by: false }, "250 ok").await;
    drop(second);
    let again = ground.take(Channel::Smtp).unwrap();
    assert_eq!(again.route.destination, "d.test");
    let body = again.message.body;
    all(again, Verdict::Relayed { dsn: true, deliver_by: false }, "250 ok").await;
    assert!(matches!(ground.queue.show(id), Err(Error::NoMessage(_))));
    assert!(ground.partition.blob(&body).is_err(), "the body is kept");
    let texts: Vec<String> = ground.queue.trace(id.0).unwrap().into_iter().map(|event| event.text).collect();
    assert_eq!(texts.len(), 5, "{texts:?}");
}

#[tokio::test]
async fn delays_are_told_at_their_ages_and_the_last_returns_the_message() {
    let ground = Ground::new();
    ground.queue.submit(entry(Some("a@b.test"), &["x@c.test"])).await.unwrap();
    let mut told = Vec::new();
    for day in 0..=12u64 {
        let lease = ground.take(Channel::Smtp).unwrap();
        all(lease, Verdict::Deferred, "451 later").await;
        if let Some(text) = ground.notice().await {
            assert!(smtputf8_free(&text));
            let action = if text.contains("Action: failed") { "failed" } else { "delayed" };
            assert!(text.contains("Diagnostic-Code: smtp; 451 later"), "{text}");
            told.push((day, action));
        }
        ground.pass(DAY);
    }
    assert_eq!(told, [(3, "delayed"), (6, "delayed"), (9, "delayed"), (12, "failed")]);
    assert_eq!(ground.summary(Channel::Smtp), (0, 0, 0));
}

#[tokio::test]
async fn refusals_are_told_once_and_never_to_nobody() {
    let ground = Ground::new();
    let mut full = entry(Some("a@b.test"), &["x@c.test"]);
    full.mail_from.returned = Some(Returned::Full);
    full.mail_from.envelope_id = Some("E7".to_owned());
    ground.queue.submit(full).await.unwrap();
    all(ground.take(Channel::Smtp).unwrap(), Verdict::Failed, "550 5.1.1 nobody").await;
    let text = ground.notice().await.unwrap();
    for part in ["Final-Recipient: rfc822;x@c.test", "Action: failed", "Original-Envelope-Id: E7", "\r\nbody\r\n"] {
        assert!(text.contains(part), "{part} not in {text}");
    }
    ground.queue.submit(entry(None, &["x@c.test"])).await.unwrap();
    all(ground.take(Channel::Smtp).unwrap(), Verdict::Failed, "550 nobody").await;
    assert!(ground.notice().await.is_none());
}

#[tokio::test]
async fn notify_decides() {
    let cases = [
        ((true, false, false), Verdict::Relayed { dsn: false, deliver_by: false }, Some("Action: relayed")),
        ((true, false, false), Verdict::Relayed { dsn: true, deliver_by: false }, None),
        ((true, false, false), Verdict::Delivered, Some("Action: delivered")),
        ((true, false, false), Verdict::Failed, None),
        ((false, false, false), Verdict::Failed, None),
        ((false, true, false), Verdict::Failed, Some("Action: failed")),
    ];
    for ((success, failure, delay), verdict, expected) in cases {
        let ground = Ground::new();
        let mut wanted = entry(Some("a@b.test"), &["x@c.test"]);
        wanted.recipients[0].0.notify = Some(smtp::envelope::Notify { success, failure, delay });
        ground.queue.submit(wanted).await.unwrap();
        all(ground.take(Channel::Smtp).unwrap(), verdict.clone(), "250 whatever").await;
        let text = ground.notice().await;
        assert_eq!(text.is_some(), expected.is_some(), "{verdict:?}");
        assert!(text.is_none_or(|text| text.contains(expected.unwrap())));
    }
}

#[tokio::test]
async fn everything_is_there_after_reopening_and_leases_are_not() {
    let ground = Ground::new();
    ground.queue.submit(entry(Some("a@b.test"), &["x@c.test"])).await.unwrap();
    let second = ground.queue.submit(entry(Some("a@b.test"), &["x@d.test"])).await.unwrap().value;
    let lease = ground.take(Channel::Smtp).unwrap();
    ground.queue.stop(Channel::Local, true).await.unwrap();
    let filter = Filter { ids: vec![second.to_string()], ..Filter::default() };
    assert_eq!(ground.queue.change(&filter, Action::Hold).await.unwrap(), 1);
    let reopened = open(&ground.partition, &ground.now);
    assert!(reopened.stopped().contains(&Channel::Local));
    let again = reopened.take(Channel::Smtp, reopened.now(), &mut |_| true).unwrap().unwrap();
    assert_eq!(again.id, lease.id);
    assert!(reopened.take(Channel::Smtp, reopened.now(), &mut |_| true).unwrap().is_none(), "held ones wait");
    let third = reopened.submit(entry(None, &["x@c.test"])).await.unwrap().value;
    assert!(third > second);
}

#[tokio::test]
async fn priority_goes_first_and_holds_wait() {
    let ground = Ground::new();
    ground.queue.submit(entry(None, &["x@c.test"])).await.unwrap();
    let mut urgent = entry(None, &["x@d.test"]);
    urgent.mail_from.priority = Some(5);
    ground.queue.submit(urgent).await.unwrap();
    let mut later = entry(None, &["x@e.test"]);
    later.mail_from.hold = Some(Hold::ForSecs(3600));
    ground.queue.submit(later).await.unwrap();
    let order = [ground.take(Channel::Smtp).unwrap(), ground.take(Channel::Smtp).unwrap()];
    assert_eq!(order.each_ref().map(|lease| lease.route.destination.as_str()), ["d.test", "c.test"]);
    assert!(ground.take(Channel::Smtp).is_none());
    ground.pass(Duration::from_secs(3600));
    assert_eq!(ground.take(Channel::Smtp).unwrap().route.destination, "e.test");
}

#[tokio::test]
async fn a_time_to_deliver_by_is_kept() {
    let ground = Ground::new();
    let mut urgent = entry(Some("a@b.test"), &["x@c.test"]);
    urgent.mail_from.deliver_by = Some(DeliverBy { secs: 30, mode: DeliverByMode::Return, trace: false });
    ground.queue.submit(urgent).await.unwrap();
    all(ground.take(Channel::Smtp).unwrap(), Verdict::Deferred, "451 later").await;
    ground.pass(Duration::from_secs(30));
    let lease = ground.take(Channel::Smtp).expect("due at its deadline");
    assert!(lease.is_too_late(ground.queue.now()));
    all(lease, Verdict::Deferred, "451 later").await;
    assert!(ground.notice().await.unwrap().contains("Status: 5.4.7"));
}

#[tokio::test]
async fn operators_hold_release_return_delete_and_count() {
    let ground = Ground::new();
    for to in ["x@c.test", "y@c.test", "z@d.test"] {
        ground.queue.submit(entry(Some("a@b.test"), &[to])).await.unwrap();
    }
    let of_c = Filter { domain: Some("C.test".to_owned()), ..Filter::default() };
    assert_eq!(ground.queue.change(&of_c, Action::Hold).await.unwrap(), 2);
    assert_eq!(ground.summary(Channel::Smtp), (1, 0, 2));
    assert_eq!(ground.queue.top(Field::Domain, &Filter::default(), 9).unwrap()[0], ("c.test".to_owned(), 2));
    assert_eq!(ground.take(Channel::Smtp).unwrap().route.destination, "d.test");
    let y = Filter { recipient: Some("y@".to_owned()), ..Filter::default() };
    assert_eq!(ground.queue.change(&y, Action::Release).await.unwrap(), 1);
    assert_eq!(ground.queue.change(&y, Action::Return).await.unwrap(), 1);
    assert!(ground.notice().await.unwrap().contains("y@c.test"));
    assert_eq!(ground.queue.change(&of_c, Action::Delete).await.unwrap(), 1);
    assert!(ground.notice().await.is_none());
    let page = ground.queue.list(&Filter::default(), None, 10).unwrap();
    assert_eq!((page.entries.len(), page.next), (1, None));
    let subject = Filter { subject: Some("hello".to_owned()), sender: Some("A@B".to_owned()), ..Filter::default() };
    assert_eq!(ground.queue.list(&subject, None, 10).unwrap().entries.len(), 1);
    ground.queue.stop(Channel::Smtp, true).await.unwrap();
    assert!(ground.take(Channel::Smtp).is_none());
    ground.queue.stop(Channel::Smtp, false).await.unwrap();
    assert!(ground.take(Channel::Smtp).is_some());
}

#[tokio::test]
async fn listings_have_pages() {
    let ground = Ground::new();
    for _ in 0..5 {
        ground.queue.submit(entry(None, &["x@c.test"])).await.unwrap();
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = ground.queue.list(&Filter::default(), after, 2).unwrap();
        seen.extend(page.entries.iter().map(|entry| entry.id.0));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_deleted_message_stays_deleted_when_its_agent_ends() {
    let ground = Ground::new();
    let id = ground.queue.submit(entry(Some("a@b.test"), &["x@c.test"])).await.unwrap().value;
    let lease = ground.take(Channel::Smtp).unwrap();
    assert_eq!(ground.queue.change(&Filter::default(), Action::Delete).await.unwrap(), 1);
    all(lease, Verdict::Failed, "550 no").await;
    assert!(ground.queue.show(id).is_err());
    assert!(ground.notice().await.is_none());
}

#[tokio::test]
async fn expansion_replaces_a_recipient_and_keeps_who_it_was() {
    let ground = Ground::new();
    let id = ground.queue.submit(entry(Some("a@b.test"), &["list@c.test"])).await.unwrap().value;
    let into = vec![
        ("m@d.test".parse().unwrap(), Route::new(Channel::Smtp, "d.test")),
        ("n@d.test".parse().unwrap(), Route::new(Channel::Smtp, "d.test")),
    ];
    all(ground.take(Channel::Smtp).unwrap(), Verdict::Expanded(into), "250 ok").await;
    let lease = ground.take(Channel::Smtp).unwrap();
    assert_eq!((lease.id, lease.recipients.len()), (id, 2));
    assert_eq!(lease.recipients[0].1.rcpt.original.as_ref().unwrap().address, "list@c.test");
}

#[tokio::test]
async fn old_traces_are_forgotten() {
    let ground = Ground::new();
    let id = ground.queue.submit(entry(None, &["x@c.test"])).await.unwrap().value;
    all(ground.take(Channel::Smtp).unwrap(), Verdict::Delivered, "250 ok").await;
    ground.pass(DAY * 3);
    ground.queue.sweep().await.unwrap();
    assert!(!ground.queue.trace(id.0).unwrap().is_empty());
    ground.pass(DAY * 6);
    assert!(!ground.queue.sweep().await.unwrap());
    assert!(ground.queue.trace(id.0).unwrap().is_empty());
}

#[tokio::test]
async fn a_check_finds_what_does_not_agree() {
    let ground = Ground::new();
    ground.queue.submit(entry(Some("a@b.test"), &["x@far.test"])).await.unwrap();
    assert_eq!(ground.queue.check().unwrap().findings, [] as [&str; 0]);
    let (keys, id) = (ground.queue.inner.keys, QueueId(1));
    let damaging = ground.partition.write(move |transaction: &mut Transaction<'_>| {
        transaction.delete(keys.recipient(id, 0));
        transaction.put(keys.recipient(QueueId(9), 0), vec![0]);
        transaction.blob(&NewBlob::new(&b"nobody's"[..]));
        Ok(())
    });
    damaging.await.unwrap();
    let found = ground.queue.check().unwrap().findings.join("\n");
    for expected in
        ["message 0000000000000001 waits for nobody", "0000000000000009, which is not there", "held by 0 messages"]
    {
        assert!(found.contains(expected), "{expected}: {found}");
    }
}

#[tokio::test]
async fn what_is_released_goes_on_by_its_way_and_is_known_as_released() {
    let ground = Ground::new();
    let mut one = entry(Some("a@b.test"), &["x@c.test", "y@c.test", "z@c.test"]);
    one.authenticated = Some("a@b.test".to_owned());
    one.recipients[0].1 = Route::new(Channel::Conversion, "smtp#t>smtp c d.test").held();
    one.recipients[1].1 = Route::new(Channel::Held, "");
    one.recipients[2].1 = Route::new(Channel::Process, "submission").held().held();
    let id = ground.queue.submit(one).await.unwrap().value;
    assert!(ground.take(Channel::Conversion).is_none());
    assert_eq!(ground.queue.change(&Filter::default(), Action::Release).await.unwrap(), 1);
    let shown = ground.queue.show(id).unwrap();
    assert_eq!(shown.message.authenticated.as_deref(), Some("a@b.test"));
    let ways = shown.recipients.iter().map(|one| (one.route.channel, one.route.destination.as_str(), one.is_released));
    let expected =
        [(Channel::Conversion, "smtp#t>smtp c d.test"), (Channel::Process, ""), (Channel::Process, "submission")];
    assert_eq!(ways.collect::<Vec<_>>(), expected.map(|(channel, destination)| (channel, destination, true)));
    // Who takes the place of a released recipient is released, too.
    let lease = ground.take(Channel::Process).unwrap();
    let into = vec![("w@c.test".parse().unwrap(), Route::new(Channel::Local, ""))];
    all(lease, Verdict::Expanded(into), "250 ok").await;
    assert!(ground.queue.show(id).unwrap().recipients.last().unwrap().is_released);
}

#[tokio::test]
async fn what_is_released_goes_ahead_of_all_others() {
    let ground = Ground::new();
    for priority in [Some(5), Some(9), None] {
        let mut one = entry(None, &["x@c.test"]);
        one.mail_from.priority = priority;
        ground.queue.submit(one).await.unwrap();
    }
    let last = Filter { ids: vec!["3-9".to_owned()], ..Filter::default() };
    assert_eq!(ground.queue.change(&last, Action::Hold).await.unwrap(), 1);
    assert_eq!(ground.queue.change(&last, Action::Release).await.unwrap(), 1);
    assert_eq!(ground.take(Channel::Smtp).unwrap().id, QueueId(3));
    assert_eq!(
        ground
            .queue
            .list(&Filter { ids: vec!["1-2".into(), "2".into()], ..Filter::default() }, None, 9)
            .unwrap()
            .entries
            .len(),
        2
    );
}

#[tokio::test]
async fn operators_find_messages_by_what_they_say() {
    let ground = Ground::new();
    let mut other = entry(None, &["x@c.test"]);
    other.body = NewBlob::new(&b"Content-Transfer-Encoding: base64\r\n\r\nYSBzZWNyZXQgd29yZA==\r\n"[..]);
    ground.queue.submit(other).await.unwrap();
    ground.queue.submit(entry(None, &["x@c.test"])).await.unwrap();
    let found = |content: &str| {
        let filter = Filter { content: Some(content.to_owned()), ..Filter::default() };
        let listing = ground.queue.list(&filter, None, 9).unwrap();
        listing.entries.iter().map(|entry| entry.id.0).collect::<Vec<_>>()
    };
    assert_eq!((found("SECRET word"), found("body"), found("nothing")), (vec![1], vec![2], vec![]));
}

#[tokio::test]
async fn a_message_takes_the_place_of_another_with_its_times_and_wishes() {
    let ground = Ground::new();
    let mut one = entry(Some("a@b.test"), &["x@c.test", "y@d.test", "z@e.test"]);
    one.recipients.iter_mut().for_each(|(_, route)| *route = Route::new(Channel::Conversion, "w"));
    one.recipients[0].0.notify = Some(smtp::envelope::Notify { success: true, failure: false, delay: false });
    let id = ground.queue.submit(one).await.unwrap().value;
    ground.pass(DAY);
    let lease = ground.take(Channel::Conversion).unwrap();
    let body = NewBlob::new(&b"Subject: other\r\n\r\nnew\r\n"[..]);
    let change = Change {
        replacements: vec![Replacement { body, recipients: vec![(0, Route::new(Channel::Smtp, "c.test"))] }],
        held: vec![(1, Route::new(Channel::Conversion, "asis"), "it says so".to_owned())],
        outcomes: vec![(2, outcome(Verdict::Failed, "550 5.7.1 not this"))],
        told: vec!["part 1 was changed".to_owned()],
    };
    lease.change(change).await.unwrap();
    let lease = ground.take(Channel::Smtp).unwrap();
    assert_eq!(
        (&lease.message.subject[..], &lease.body().unwrap()[..]),
        ("other", &b"Subject: other\r\n\r\nnew\r\n"[..])
    );
    assert_eq!(lease.message.counts_from, ground.queue.now().minus(DAY));
    assert!(lease.recipients[0].1.rcpt.notify.unwrap().success);
    assert_eq!(ground.summary(Channel::Conversion), (0, 0, 1));
    assert!(ground.notice().await.unwrap().contains("5.7.1"));
    assert!(ground.queue.trace(id.0).unwrap().iter().any(|event| event.text == "part 1 was changed"));
    assert_eq!(ground.queue.check().unwrap().findings, [] as [&str; 0]);
}

fn fragment(set: u128, number: u32, total: u32) -> NewEntry {
    let mut one = entry(Some("a@b.test"), &["x@c.test"]);
    let place = Place { set, number, total, channel: Channel::Local };
    one.recipients[0].1 = Route::new(Channel::Defragment, &place.to_string());
    one
}

#[tokio::test]
async fn fragments_wait_half_of_the_time_to_the_first_notice_and_survive() {
    let ground = Ground::new();
    ground.queue.submit(fragment(7, 2, 0)).await.unwrap();
    ground.queue.submit(fragment(7, 1, 3)).await.unwrap();
    ground.queue.submit(fragment(8, 1, 2)).await.unwrap();
    let queue = open(&ground.partition, &ground.now);
    assert_eq!(queue.fragments(7).unwrap().keys().copied().collect::<Vec<_>>(), [1, 2]);
    let load = queue.fragment_load("a@b.test").unwrap();
    assert_eq!((load.sets, load.sender_sets, load.octets), (2, 2, 3 * BODY.len() as u64));
    assert_eq!(load.octets, load.sender_octets);
    assert_eq!(queue.fragment_load("other@b.test").unwrap().sender_sets, 0);
    ground.pass(DAY + DAY / 2 - Duration::from_secs(1));
    assert!(ground.take(Channel::Defragment).is_none());
    ground.pass(Duration::from_secs(1));
    assert!(ground.take(Channel::Defragment).is_some(), "3 days to the first notice");
}

#[tokio::test]
async fn a_whole_takes_the_place_of_its_fragments_or_nothing_happens() {
    let ground = Ground::new();
    let first = ground.queue.submit(fragment(7, 1, 2)).await.unwrap().value;
    let whole = || vec![entry(Some("a@b.test"), &["x@c.test"])];
    let gone = ground.queue.submit_all(whole(), vec![first, QueueId(99)], "joined".into()).await;
    assert!(matches!(gone, Err(Error::Fragment(QueueId(99)))));
    assert_eq!((ground.queue.fragments(7).unwrap().len(), ground.summary(Channel::Smtp)), (1, (0, 0, 0)));
    ground.queue.submit_all(whole(), vec![first], "joined".into()).await.unwrap();
    assert_eq!((ground.queue.fragments(7).unwrap().len(), ground.summary(Channel::Smtp)), (0, (1, 0, 0)));
    let second = ground.queue.submit(fragment(7, 2, 2)).await.unwrap().value;
    assert_eq!(ground.queue.drop_fragments(vec![second, first], "refused".into()).await.unwrap(), 1);
    assert_eq!(ground.queue.fragment_load("a@b.test").unwrap().sets, 0);
    assert_eq!(ground.queue.check().unwrap().findings, [] as [&str; 0]);
}

#[tokio::test]
async fn a_named_channel_is_counted_and_stopped_alone_and_kept_when_it_is_unknown() {
    let ground = Ground::new();
    let scanner: Channel = "tcp_scanner".parse().unwrap();
    let mut one = entry(Some("a@b.test"), &["x@c.test", "y@c.test"]);
    one.recipients[1].1 = Route::new(scanner, "scanner:25");
    let id = ground.queue.submit(one).await.unwrap().value;
    assert_eq!((ground.summary(Channel::Smtp), ground.summary(scanner)), ((1, 0, 0), (1, 0, 0)));
    let unknown = |all: Vec<crate::operate::Summary>| all.iter().filter(|one| one.unknown).count();
    assert_eq!(unknown(ground.queue.summarize().unwrap()), 1);
    assert_eq!(ground.queue.lost_channels().unwrap().into_iter().collect::<Vec<_>>(), [scanner]);
    assert!(ground.queue.has_channel(scanner).unwrap());
    assert!(!ground.queue.has_channel("tcp_other".parse().unwrap()).unwrap());
    ground.queue.stop(scanner, true).await.unwrap();
    assert!(ground.take(scanner).is_none());
    // With it in the settings, after a restart that has not forgotten that it is stopped.
    let (clock, random) = (Arc::clone(&ground.now), AtomicU64::new(1));
    let clock: Clock = Arc::new(move || Timestamp(clock.load(Ordering::SeqCst)));
    let random: Random = Arc::new(move || random.fetch_add(1, Ordering::SeqCst));
    let mut settings = Settings::new("mx.test".parse().unwrap());
    settings.channels.insert(scanner, crate::settings::ChannelSettings::default());
    let again = Queue::open(ground.partition.clone(), settings, clock, random).unwrap();
    assert_eq!(again.stopped().into_iter().collect::<Vec<_>>(), [scanner]);
    assert!(again.lost_channels().unwrap().is_empty() && unknown(again.summarize().unwrap()) == 0);
    assert!(again.take(Channel::Smtp, again.now(), &mut |_| true).unwrap().is_some());
    again.stop(scanner, false).await.unwrap();
    let lease = again.take(scanner, again.now(), &mut |_| true).unwrap().unwrap();
    assert_eq!((lease.id, lease.route.destination.as_str()), (id, "scanner:25"));
}

#[tokio::test]
async fn what_is_noted_durably_is_there_though_others_write_the_notes() {
    let ground = Ground::new();
    ground.queue.note(TraceId(7), None, "soon".to_owned());
    ground.queue.note_durably(TraceId(7), "now".to_owned()).await.unwrap();
    let texts: Vec<String> =
        open(&ground.partition, &ground.now).events(TraceId(7)).unwrap().into_iter().map(|event| event.text).collect();
    assert_eq!(texts, ["now"]);
}
