use super::*;
use crate::call::Operation;
use crate::secret::Secret;
use crate::service::tcp;
use crate::table::settings::TableSettings;
use crate::tables::Tables;
use net::random::Seeded;
use net::{ListenAddress, Listener, ListenerSettings, Shutdown, TlsUse};
use std::time::Duration;
use tokio::net::TcpListener;

const SECRET: &str = "one secret of two";

/// A meter on a port of its own, with one table `t` of a quota that is never used up by itself.
struct Running {
    address: SocketAddr,
    shutdown: Shutdown,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn start(address: &str) -> Running {
        let address = ListenAddress::Ip(address.parse().unwrap());
        let listener = Listener::bind(ListenerSettings::new("meter", address, TlsUse::Never)).await.unwrap();
        let ListenAddress::Ip(address) = *listener.address() else { panic!("not over TCP") };
        let (registry, shutdown) = (Registry::new(), Shutdown::new());
        let settings = [("t".to_owned(), TableSettings::throttle(2, Duration::from_secs(100_000)))];
        let tables = Arc::new(Tables::new(settings.into_iter().collect(), &registry));
        let service = tcp::Service::new(tables, Secret::new(SECRET).unwrap(), Arc::new(Seeded::new(3)), &registry);
        let token = shutdown.token();
        let task = tokio::spawn(async move {
            listener.run(Arc::new(service), Arc::new(Seeded::new(1)), &registry, token).await;
        });
        Running { address, shutdown, task }
    }

    /// As `kill -9` would: nobody is told anything, the port is free.
    async fn kill(self) {
        self.shutdown.stop();
        self.task.await.unwrap();
    }
}

fn settings(servers: &[SocketAddr]) -> ClientSettings {
    ClientSettings {
        servers: servers.to_vec(),
        secret: Secret::new(SECRET).unwrap(),
        connect_wait: Duration::from_millis(300),
        read_wait: Duration::from_millis(300),
        connect_frequency: Duration::from_secs(3600),
        outstanding_max: 100,
    }
}

fn client(settings: ClientSettings) -> (Client, Registry) {
    let registry = Registry::new();
    (Client::start(settings, Arc::new(Seeded::new(2)), &registry), registry)
}

async fn ask(client: &Client, key: &str) -> Result<bool, Unavailable> {
    let call = Call { table: "t", key, operation: Operation::Throttle { amount: 1 } };
    client.ask(&call).await.map(|outcome| outcome.as_callout().is_some())
}

fn attempts(registry: &Registry) -> u64 {
    registry.counter("heliograph_meter_client_connects_total", "", &[]).value()
}

#[tokio::test]
async fn two_clients_share_one_count() {
    let meter = Running::start("127.0.0.1:0").await;
    let ((one, _), (other, _)) = (client(settings(&[meter.address])), client(settings(&[meter.address])));
    assert_eq!(ask(&one, "k").await, Ok(false));
    assert_eq!(ask(&other, "k").await, Ok(false));
    assert_eq!(ask(&one, "k").await, Ok(true));
    assert_eq!(ask(&other, "k").await, Ok(true));
    assert_eq!(ask(&other, "another").await, Ok(false));
}

#[tokio::test]
async fn many_questions_at_once_are_answered_each_with_its_own() {
    let meter = Running::start("127.0.0.1:0").await;
    let (client, _) = client(ClientSettings { read_wait: Duration::from_secs(60), ..settings(&[meter.address]) });
    let mut asking = tokio::task::JoinSet::new();
    for number in 0..2000 {
        let client = client.clone();
        asking.spawn(async move { (number, ask(&client, &format!("key {}", number % 500)).await) });
    }
    let over = asking.join_all().await.into_iter().filter(|(_, answer)| *answer == Ok(true)).count();
    assert_eq!(over, 1000, "500 keys, two admitted of each, two not");
}

#[tokio::test]
async fn a_dead_meter_holds_nobody_back_and_is_left_alone() {
    let meter = Running::start("127.0.0.1:0").await;
    let (client, registry) = client(settings(&[meter.address]));
    assert_eq!(ask(&client, "k").await, Ok(false));
    meter.kill().await;
    let begun = Instant::now();
    for _ in 0..100 {
        assert!(ask(&client, "k").await.is_err());
    }
    assert!(begun.elapsed() < Duration::from_secs(30), "refusals cost nothing");
    assert!(attempts(&registry) <= 2, "{} attempts in one rest", attempts(&registry));
}

#[tokio::test]
async fn a_meter_that_hangs_is_waited_for_as_long_as_was_said() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (client, registry) = client(settings(&[silent.local_addr().unwrap()]));
    let begun = Instant::now();
    assert_eq!(ask(&client, "k").await, Err(Unavailable::NotReached));
    assert!(begun.elapsed() >= Duration::from_millis(290), "it was waited for");
    assert_eq!(ask(&client, "k").await, Err(Unavailable::NotReached));
    assert_eq!(attempts(&registry), 1);
}

#[tokio::test]
async fn a_meter_that_hangs_leaves_the_next_one_to_the_next_question() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let meter = Running::start("127.0.0.1:0").await;
    let connect_wait = Duration::from_secs(2);
    let servers = [silent.local_addr().unwrap(), meter.address];
    let (client, _) = client(ClientSettings { connect_wait, read_wait: connect_wait * 10, ..settings(&servers) });
    assert_eq!(ask(&client, "k").await, Err(Unavailable::NotReached));
    assert_eq!(ask(&client, "k").await, Ok(false));
}

#[tokio::test]
async fn a_wrong_secret_is_as_no_meter() {
    let meter = Running::start("127.0.0.1:0").await;
    let secret = Secret::new("another secret of two").unwrap();
    let (client, registry) = client(ClientSettings { secret, ..settings(&[meter.address]) });
    assert_eq!(ask(&client, "k").await, Err(Unavailable::NotReached));
    assert_eq!(registry.counter("heliograph_meter_client_failures_total", "", &[]).value(), 1);
}

#[tokio::test]
async fn the_next_server_is_asked_while_the_first_is_away() {
    let (first, second) = (Running::start("127.0.0.1:0").await, Running::start("127.0.0.1:0").await);
    let address = first.address;
    let patience = Duration::from_secs(20);
    let (client, _) = client(ClientSettings {
        connect_frequency: Duration::from_millis(50),
        read_wait: patience,
        connect_wait: patience,
        ..settings(&[address, second.address])
    });
    assert_eq!(ask(&client, "k").await, Ok(false));
    first.kill().await;
    // What is under way when it dies is lost, the next one is not.
    let mut answer = ask(&client, "k").await;
    while answer.is_err() {
        answer = ask(&client, "k").await;
    }
    assert_eq!(answer, Ok(false), "the second counts for itself");
    let again = Running::start(&address.to_string()).await;
    // The second is full after two; the first, which is preferred, has forgotten everything.
    ask(&client, "k").await.unwrap();
    let back = tokio::time::timeout(patience, async { while ask(&client, "k").await != Ok(false) {} });
    back.await.expect("it goes back to the first");
    drop(again);
}

#[tokio::test]
async fn a_table_that_is_not_there_is_told() {
    let meter = Running::start("127.0.0.1:0").await;
    let (client, _) = client(settings(&[meter.address]));
    let call = Call { table: "none", key: "k", operation: Operation::Query };
    assert!(matches!(client.ask(&call).await, Err(Unavailable::Refused(why)) if why.contains("no table none")));
}
