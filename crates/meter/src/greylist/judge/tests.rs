use super::*;
use crate::greylist::check::Written;
use crate::greylist::tally::Thresholds;
use crate::greylist::triplet::Way;
use net::clock::SetClock;
use net::resolver::table::{Table, TableResolver};

struct Stage {
    greylist: Arc<Greylist>,
    clock: Arc<SetClock>,
}

const START: u64 = 1_000_000;

impl Stage {
    fn new(names: &[&str], settings: Settings) -> Stage {
        let clock = Arc::new(SetClock::new(Timestamp::from_secs(START)));
        let resolver = Arc::new(TableResolver::new(Table::parse(names).unwrap()));
        let as_clock: Arc<dyn Clock> = clock.clone();
        Stage { greylist: Greylist::new(settings, resolver, as_clock, &Registry::new()), clock }
    }

    async fn ask(&self, after_secs: u64, client: &str, sender: &str) -> Action {
        self.clock.set(Timestamp::from_secs(START + after_secs));
        self.greylist.judge(&query(client, sender)).await.action
    }
}

fn query(client: &str, sender: &str) -> Query {
    Query::new(Way::Policy, client.parse().unwrap(), sender, "bob@home.test")
}

fn settings(checks: &[(Kind, &str)], block: i32) -> Settings {
    Settings {
        checks: checks.iter().map(|(kind, text)| text.parse::<Written>().unwrap().of(*kind)).collect(),
        thresholds: Thresholds { block, grey: 1 },
        ..Settings::default()
    }
}

const LISTED: &[&str] = &[
    "2.0.0.127.bl.test a 127.0.0.2",
    "3.0.0.127.bl.test a 127.255.255.254",
    "2.0.0.127.more.test a 127.0.0.4",
    "2.0.0.127.wl.test a 127.0.0.1",
    "bad.test.rhs.test a 127.0.0.2",
];

#[tokio::test]
async fn a_listed_client_comes_twice() {
    let stage = Stage::new(LISTED, settings(&[(Kind::Dnsbl, "bl.test")], 0));
    assert_eq!(stage.ask(0, "127.0.0.2", "a@far.test").await, Action::Grey);
    assert_eq!(stage.ask(179, "127.0.0.2", "a@far.test").await, Action::Grey);
    assert_eq!(stage.ask(180, "127.0.0.2", "a@far.test").await, Action::Match, "the first time counts, not the last");
    assert_eq!(stage.ask(181, "127.0.0.2", "b@far.test").await, Action::Grey);
    assert_eq!(stage.ask(181, "127.0.0.3", "c@far.test").await, Action::Trust, "a refusal to answer is no listing");
    assert_eq!(stage.ask(181, "198.51.100.1", "a@far.test").await, Action::Trust);
}

#[tokio::test]
async fn a_grey_verdict_says_when_to_come_again() {
    let stage = Stage::new(LISTED, settings(&[(Kind::Dnsbl, "bl.test")], 0));
    let verdict = stage.greylist.judge(&query("127.0.0.2", "a@far.test")).await;
    assert_eq!(verdict.retry_after, Some(Duration::from_secs(180)));
    assert_eq!(verdict.reason, "Please try again later.");
    stage.clock.set(Timestamp::from_secs(START + 100));
    let verdict = stage.greylist.judge(&query("127.0.0.2", "a@far.test")).await;
    assert_eq!(verdict.retry_after, Some(Duration::from_secs(80)));
}

#[tokio::test]
async fn a_look_tells_what_would_be_and_leaves_nothing() {
    let stage = Stage::new(LISTED, settings(&[(Kind::Dnsbl, "bl.test")], 0));
    let asked = query("127.0.0.2", "a@far.test");
    for _ in 0..2 {
        assert_eq!(stage.greylist.look(&asked).await.retry_after, Some(Duration::from_secs(180)));
    }
    assert!(stage.greylist.memory(Part::Triplets).is_empty());
    assert!(stage.greylist.recent().last(1, |_| true).is_empty());
    assert_eq!(stage.ask(0, "127.0.0.2", "a@far.test").await, Action::Grey);
    stage.clock.set(Timestamp::from_secs(START + 180));
    assert_eq!(stage.greylist.look(&asked).await.action, Action::Match);
}

#[tokio::test]
async fn refusing_goes_before_having_come_before() {
    let lists = [(Kind::Dnsbl, "bl.test;3"), (Kind::Rhsbl, "rhs.test;6")];
    let stage = Stage::new(LISTED, settings(&lists, 9));
    assert_eq!(stage.ask(0, "127.0.0.2", "a@far.test").await, Action::Grey);
    assert_eq!(stage.ask(180, "127.0.0.2", "a@far.test").await, Action::Match);
    assert_eq!(stage.ask(0, "127.0.0.2", "a@bad.test").await, Action::Block);
    assert_eq!(stage.ask(400, "127.0.0.2", "a@bad.test").await, Action::Block);
    assert!(stage.greylist.standing(&query("127.0.0.2", "a@bad.test")).is_none(), "a block is not remembered");
}

#[tokio::test]
async fn a_trusting_list_overrules_two_others() {
    let lists = [(Kind::Dnsbl, "bl.test"), (Kind::Dnsbl, "more.test"), (Kind::Dnswl, "wl.test")];
    let stage = Stage::new(LISTED, settings(&lists, 2));
    assert_eq!(stage.ask(0, "127.0.0.2", "a@far.test").await, Action::Trust);
}

#[tokio::test]
async fn without_lists_everybody_comes_twice() {
    let stage = Stage::new(&[], settings(&[], 0));
    assert_eq!(stage.ask(0, "192.0.2.1", "a@far.test").await, Action::Grey);
    assert_eq!(stage.ask(200, "192.0.2.200", "a@far.test").await, Action::Match);
    assert_eq!(stage.ask(200, "192.0.3.1", "a@far.test").await, Action::Grey);
}

#[tokio::test]
async fn failing_lists_let_everybody_in() {
    let stage = Stage::new(&["*.bl.test fail"], settings(&[(Kind::Dnsbl, "bl.test")], 0));
    assert_eq!(stage.ask(0, "127.0.0.2", "a@far.test").await, Action::Trust);
}

#[tokio::test]
async fn notices_the_postmaster_and_users_never_wait() {
    let stage = Stage::new(&[], settings(&[], 0));
    assert_eq!(stage.ask(0, "192.0.2.1", "<>").await, Action::Trust);
    let mut query = query("192.0.2.1", "a@far.test");
    query.recipient = "Postmaster@home.test".to_owned();
    assert_eq!(stage.greylist.judge(&query).await.action, Action::Trust);
    query.recipient = "bob@home.test".to_owned();
    query.authenticated = true;
    assert_eq!(stage.greylist.judge(&query).await.action, Action::Trust);
    assert!(stage.greylist.memory(Part::Triplets).is_empty());
}

#[tokio::test]
async fn contacts_and_proven_domains_come_once() {
    let stage = Stage::new(LISTED, settings(&[(Kind::Dnsbl, "bl.test")], 0));
    stage.greylist.record_contact("Bob@home.test", "friend@far.test");
    assert_eq!(stage.ask(0, "127.0.0.2", "Friend@far.test").await, Action::Match);
    assert_eq!(stage.ask(0, "127.0.0.2", "other@far.test").await, Action::Grey);
    stage.greylist.record_proven("Far.Test", "127.0.0.77".parse().unwrap());
    assert_eq!(stage.ask(1, "127.0.0.2", "third@far.test").await, Action::Match);
    assert_eq!(stage.ask(61 * 86_400, "127.0.0.2", "fourth@far.test").await, Action::Grey, "nothing lasts for ever");
}

#[tokio::test]
async fn a_known_sender_is_refused_all_the_same() {
    let stage = Stage::new(LISTED, settings(&[(Kind::Dnsbl, "bl.test;5")], 5));
    stage.greylist.record_contact("bob@home.test", "friend@far.test");
    assert_eq!(stage.ask(0, "127.0.0.2", "friend@far.test").await, Action::Block);
}

#[tokio::test]
async fn a_trial_lets_everybody_in_and_tells_what_would_be() {
    let stage = Stage::new(&[], Settings { dry_run: true, ..settings(&[], 0) });
    assert_eq!(stage.ask(0, "192.0.2.1", "a@far.test").await, Action::Trust);
    assert_eq!(stage.greylist.recent().last(1, |_| true).first().map(|one| one.action), Some(Action::Grey));
}

#[tokio::test]
async fn update_always_remembers_the_trusted() {
    let stage = Stage::new(LISTED, Settings { update_always: true, ..settings(&[(Kind::Dnsbl, "bl.test")], 0) });
    assert_eq!(stage.ask(0, "198.51.100.1", "a@far.test").await, Action::Trust);
    assert!(stage.greylist.standing(&query("198.51.100.1", "a@far.test")).is_some());
}

#[tokio::test]
async fn what_is_forgotten_begins_anew() {
    let stage = Stage::new(&[], settings(&[], 0));
    stage.ask(0, "192.0.2.1", "a@far.test").await;
    assert!(stage.greylist.forget(&query("192.0.2.9", "a@far.test")));
    assert_eq!(stage.ask(200, "192.0.2.1", "a@far.test").await, Action::Grey);
    assert_eq!(stage.greylist.forget_all(), 1);
    assert_eq!(stage.ask(400, "192.0.2.1", "a@far.test").await, Action::Grey);
}

#[tokio::test]
async fn a_peer_is_believed_within_bounds() {
    let stage = Stage::new(&[], settings(&[], 0));
    let digest = stage.greylist.settings().mask.triplet(&query("192.0.2.1", "a@far.test"));
    let sighting = Sighting { first: Timestamp::from_secs(START - 500), last_secs: u32::MAX };
    stage.greylist.take_in(Change::Seen(Part::Triplets, Entry { digest, sighting }));
    assert_eq!(stage.ask(0, "192.0.2.1", "a@far.test").await, Action::Match);
    assert_eq!(stage.ask(9 * 3_600, "192.0.2.1", "a@far.test").await, Action::Grey, "it is not remembered for ever");
}

/// A name service that never answers.
struct Silent;

impl Resolver for Silent {
    fn mx<'a>(&'a self, _: &'a str) -> net::resolver::DnsAnswer<'a, Vec<net::Mx>> {
        Box::pin(std::future::pending())
    }
    fn addresses<'a>(&'a self, _: &'a str) -> net::resolver::DnsAnswer<'a, Vec<net::HostAddress>> {
        Box::pin(std::future::pending())
    }
    fn txt<'a>(&'a self, _: &'a str) -> net::resolver::DnsAnswer<'a, Vec<String>> {
        Box::pin(std::future::pending())
    }
    fn ptr(&self, _: IpAddr) -> net::resolver::DnsAnswer<'_, Vec<String>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn silent_lists_are_waited_for_so_long_and_no_longer() {
    let lists = [(Kind::Dnsbl, "bl.test"), (Kind::Rhsbl, "rhs.test"), (Kind::Dnswl, "wl.test")];
    let clock = Arc::new(SetClock::new(Timestamp::from_secs(START)));
    let greylist = Greylist::new(settings(&lists, 0), Arc::new(Silent), clock, &Registry::new());
    let began = Instant::now();
    assert_eq!(greylist.judge(&query("127.0.0.2", "a@far.test")).await.action, Action::Trust);
    assert_eq!(began.elapsed().as_secs(), 5);
}
