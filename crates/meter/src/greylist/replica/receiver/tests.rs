use super::*;
use crate::greylist::backlog::{Change, Part};
use crate::greylist::replica::sender::{self, Peer};
use crate::greylist::settings::Settings;
use crate::greylist::triplet::{Query, Way};
use model::Timestamp;
use net::clock::SetClock;
use net::random::Seeded;
use net::resolver::table::{Table, TableResolver};
use net::{ListenAddress, Listener, ListenerSettings, Registry, Shutdown, TlsUse};

struct Node {
    greylist: Arc<Greylist>,
    registry: Registry,
}

fn node() -> Node {
    let registry = Registry::new();
    let resolver = Arc::new(TableResolver::new(Table::default()));
    let clock = Arc::new(SetClock::new(Timestamp::from_secs(1_000_000)));
    Node { greylist: Greylist::new(Settings::default(), resolver, clock, &registry), registry }
}

impl Node {
    /// Listens under this secret; gives where.
    async fn listen(&self, secret: &str, shutdown: &Shutdown) -> std::net::SocketAddr {
        let settings = ListenerSettings::new("greylist-peer", "127.0.0.1:0".parse().unwrap(), TlsUse::Never);
        let listener = Listener::bind(settings).await.unwrap();
        let ListenAddress::Ip(address) = listener.address().clone() else { panic!("an address") };
        let random = Arc::new(Seeded::new(7));
        let door = Arc::new(Receiver::new(Arc::clone(&self.greylist), Secret::new(secret).unwrap(), random.clone()));
        let (registry, token) = (self.registry.clone(), shutdown.token());
        tokio::spawn(async move { listener.run(door, random, &registry, token).await });
        address
    }

    fn tell(&self, address: std::net::SocketAddr, secret: &str, shutdown: &Shutdown) {
        let peer = Peer { address, secret: Secret::new(secret).unwrap() };
        tokio::spawn(sender::run(Arc::clone(&self.greylist), peer, Arc::new(Seeded::new(9)), shutdown.token()));
    }

    fn count(&self, metric: &str) -> String {
        let text = self.registry.render();
        let line = text.lines().find(|line| line.starts_with(&format!("{metric} ")));
        line.and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned()
    }
}

fn query(number: u32) -> Query {
    Query::new(Way::Policy, [192, 0, 2, 1].into(), &format!("{number}@far.test"), "b@home.test")
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    });
    assert!(waited.await.is_ok(), "{what}");
}

#[tokio::test]
async fn a_peer_gets_everything_and_then_each_change() {
    let (here, there, shutdown) = (node(), node(), Shutdown::new());
    for number in 0..5_000 {
        here.greylist.judge(&query(number)).await;
    }
    here.greylist.record_contact("b@home.test", "friend@far.test");
    let address = there.listen("a secret of both", &shutdown).await;
    here.tell(address, "a secret of both", &shutdown);
    until("everything", || there.greylist.memory(Part::Triplets).len() == 5_000).await;
    until("the known", || there.greylist.memory(Part::Known).len() == 1).await;
    here.greylist.judge(&query(9_999)).await;
    until("a change", || there.greylist.standing(&query(9_999)).is_some()).await;
    assert!(here.greylist.forget(&query(9_999)));
    until("a forgotten triplet", || there.greylist.standing(&query(9_999)).is_none()).await;
    here.greylist.forget_all();
    until("nothing", || there.greylist.memory(Part::Triplets).is_empty()).await;
    assert_eq!(here.count("heliograph_greylist_peer_connected"), "1");
    assert_eq!(here.count("heliograph_greylist_peer_whole_states_total"), "1");
}

#[tokio::test]
async fn who_does_not_know_the_secret_changes_nothing() {
    let (here, there, shutdown) = (node(), node(), Shutdown::new());
    here.greylist.judge(&query(1)).await;
    let address = there.listen("a secret of both", &shutdown).await;
    here.tell(address, "another secret of two", &shutdown);
    until("a refusal", || there.count("heliograph_greylist_peer_refused_total") != "0").await;
    assert!(there.greylist.memory(Part::Triplets).is_empty());
    assert_eq!(here.count("heliograph_greylist_peer_connected"), "0");
}

#[tokio::test]
async fn what_comes_from_the_peer_is_not_sent_back() {
    let (here, shutdown) = (node(), Shutdown::new());
    let there = node();
    let address = there.listen("a secret of both", &shutdown).await;
    here.tell(address, "a secret of both", &shutdown);
    until("a connection", || here.count("heliograph_greylist_peer_connected") == "1").await;
    let entry = crate::greylist::memory::Entry {
        digest: crate::greylist::memory::Digest::of("x"),
        sighting: crate::greylist::memory::Sighting { first: Timestamp::from_secs(999_999), last_secs: 999_999 },
    };
    here.greylist.take_in(Change::Seen(Part::Triplets, entry));
    here.greylist.judge(&query(1)).await;
    until("our own change", || there.greylist.standing(&query(1)).is_some()).await;
    assert_eq!(there.greylist.memory(Part::Triplets).len(), 1);
}

#[tokio::test]
async fn a_slow_transfer_of_everything_is_no_silence() {
    use crate::greylist::limits::BACKLOG_ENTRIES;
    use crate::greylist::memory::{Digest, Entry, Sighting};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    const TAKEN_IN: u32 = 300_000;
    const SLICE_OCTETS: usize = 1 << 20;

    let (here, shutdown) = (node(), Shutdown::new());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    here.tell(listener.local_addr().unwrap(), "a secret of both", &shutdown);
    let (mut stream, _) = listener.accept().await.unwrap();
    let (secret, server) = (Secret::new("a secret of both").unwrap(), [3; 32]);
    stream.write_all(&seal::server_hello(&server)).await.unwrap();
    let mut hello = [0; CLIENT_HELLO_OCTETS];
    stream.read_exact(&mut hello).await.unwrap();
    let client = seal::read_client_hello(&secret, &server, here.greylist.settings().mask, &hello).unwrap();
    stream.write_all(&seal::server_proof(&secret, &server, &client)).await.unwrap();
    until("a connection", || here.count("heliograph_greylist_peer_connected") == "1").await;

    let sighting = Sighting { first: Timestamp::from_secs(999_999), last_secs: 999_999 };
    for number in 0..TAKEN_IN {
        let digest = Digest::of(&number.to_string());
        here.greylist.take_in(Change::Seen(Part::Triplets, Entry { digest, sighting }));
    }
    (0..=BACKLOG_ENTRIES).for_each(|number| here.greylist.record_contact("b@home.test", &format!("{number}@far.test")));
    // From here on waiting takes no time: when nobody can go on, the clock does.
    tokio::time::pause();
    let sealer = |direction| Sealer::new(&secret, &server, &client, direction);
    let (mut theirs, mut ours) = (sealer(Direction::FromClient), sealer(Direction::FromServer));
    let (mut input, mut told) = (BytesMut::new(), 0);
    while told < TAKEN_IN as usize + BACKLOG_ENTRIES + 1 {
        tokio::time::sleep(PEER_SILENCE * 2 / 3).await;
        // While this runs the clock stands still; the pause in it is one of the kernel, which may be behind.
        let (mut taken, mut last) = (0, std::time::Instant::now());
        while taken < SLICE_OCTETS && last.elapsed() < Duration::from_millis(100) {
            match stream.try_read_buf(&mut input) {
                Ok(count) => {
                    assert!(count > 0, "the connection was given up after {told} entries");
                    (taken, last) = (taken + count, std::time::Instant::now());
                }
                Err(error) => {
                    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
                    tokio::task::yield_now().await;
                }
            }
        }
        let mut answer = Vec::new();
        while let Some(frame) = wire::read(&mut input, &mut theirs).unwrap() {
            told += frame.len();
            if frame == Frame::Heartbeat {
                Frame::Heartbeat.write(&mut ours, &mut answer);
            }
        }
        stream.write_all(&answer).await.unwrap();
    }
}
