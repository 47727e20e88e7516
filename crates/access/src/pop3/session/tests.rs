//! Whole sessions over connections in memory, with a directory and a store that the test holds in its hands.

use super::*;
use crate::pop3::listing::Entry;
use model::{AccountId, UidValidity};
use net::tls::self_signed;
use net::tls::{Certificates, TlsFloor};
use net::{BoxFuture, ClientTls, ServerTls, Shutdown, Trust};
use std::sync::Mutex;
use std::time::Duration;

/// One account, `alice` with the password `secret`; SASL PROOF wants `alice` and then, after `again`, nothing.
#[derive(Default)]
struct World {
    messages: Mutex<Vec<(u32, &'static [u8])>>,
    is_read_only: bool,
}

fn alice() -> Holder {
    Holder { partition: "main".to_owned(), account: AccountId(7), name: "alice@example.test".to_owned() }
}

impl Logins for World {
    fn mechanisms(&self, _origin: Origin<'_>) -> Vec<String> {
        vec!["PROOF".to_owned()]
    }

    fn check<'a>(&'a self, name: &'a str, password: &'a str, _: Origin<'a>) -> BoxFuture<'a, Result<Holder, Denied>> {
        Box::pin(async move {
            match (name, password) {
                ("alice", "secret") => Ok(alice()),
                ("away", _) => Err(Denied::Unavailable),
                _ => Err(Denied::WrongCredentials),
            }
        })
    }

    fn begin(&self, _mechanism: &str, _origin: Origin<'_>) -> Option<Box<dyn Exchange>> {
        Some(Box::new(Proof))
    }
}

struct Proof;

impl Exchange for Proof {
    fn respond(&mut self, response: Vec<u8>) -> BoxFuture<'_, Result<Exchanged, Denied>> {
        Box::pin(async move {
            match response.as_slice() {
                b"alice" => Ok(Exchanged::Done { holder: alice(), additional: Some(b"v=1".to_vec()) }),
                b"more" => Ok(Exchanged::Challenge(b"again".to_vec())),
                _ => Err(Denied::WrongCredentials),
            }
        })
    }
}

struct Shelf(Arc<World>);

impl Maildrops for Arc<World> {
    fn open<'a>(&'a self, _holder: &'a Holder) -> BoxFuture<'a, Result<Box<dyn Maildrop>, Unreadable>> {
        Box::pin(async move { Ok(Box::new(Shelf(Arc::clone(self))) as Box<dyn Maildrop>) })
    }
}

impl Maildrop for Shelf {
    fn validity(&self) -> UidValidity {
        UidValidity(17)
    }

    fn entries(&self) -> Vec<Entry> {
        let messages = self.0.messages.lock().unwrap();
        messages.iter().map(|(uid, octets)| Entry { uid: Uid(*uid), octets: octets.len() as u64 }).collect()
    }

    fn read(&self, uid: Uid) -> BoxFuture<'_, Result<Bytes, Unreadable>> {
        Box::pin(async move {
            let messages = self.0.messages.lock().unwrap();
            let found = messages.iter().find(|(found, _)| *found == uid.0);
            found.map(|(_, octets)| Bytes::from_static(octets)).ok_or(Unreadable::Gone)
        })
    }

    fn delete(&self, uids: Vec<Uid>) -> BoxFuture<'_, Result<(), Unreadable>> {
        Box::pin(async move {
            if self.0.is_read_only {
                return Err(Unreadable::Temporary);
            }
            self.0.messages.lock().unwrap().retain(|(uid, _)| !uids.contains(&Uid(*uid)));
            Ok(())
        })
    }
}

const HELLO: &[u8] = b"Subject: hello\r\n\r\n.dot\r\nsecond line\r\n";

struct House {
    world: Arc<World>,
    service: Arc<Service>,
}

impl House {
    fn new(world: World, change: impl FnOnce(&mut Settings)) -> House {
        *world.messages.lock().unwrap() = vec![(3, HELLO), (9, b"Subject: no end\r\n\r\nend")];
        let world = Arc::new(world);
        let mut settings = Settings { plain_login_on_loopback: true, ..Settings::new("pop.example") };
        change(&mut settings);
        let logins = Arc::clone(&world) as Arc<dyn Logins>;
        let maildrops = Arc::new(Arc::clone(&world)) as Arc<dyn Maildrops>;
        let service = Arc::new(Service::new(settings, logins, maildrops, &Registry::new()));
        House { world, service }
    }

    fn left(&self) -> Vec<u32> {
        self.world.messages.lock().unwrap().iter().map(|(uid, _)| *uid).collect()
    }

    async fn call(&self) -> Client {
        self.call_with(|connection| connection).await
    }

    async fn call_with(&self, change: impl FnOnce(Connection) -> Connection) -> Client {
        let (ours, theirs) = Connection::pair(1 << 20);
        tokio::spawn(serve(Arc::clone(&self.service), change(ours)));
        let mut client = Client { connection: theirs, buffer: BytesMut::new() };
        assert_eq!(client.line().await, "+OK pop.example Heliograph POP3 ready");
        client
    }
}

struct Client {
    connection: Connection,
    buffer: BytesMut,
}

impl Client {
    async fn say(&mut self, text: &str) {
        self.connection.send(text.as_bytes(), None).await.unwrap();
    }

    /// The next line; empty when the server has closed.
    async fn line(&mut self) -> String {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.buffer) {
                let line = self.buffer.split_to(end + 1);
                return String::from_utf8(line.to_vec()).unwrap().trim_end_matches("\r\n").to_owned();
            }
            match self.connection.receive(&mut self.buffer, None).await {
                Ok(Received::Octets(_)) => {}
                _ => return String::new(),
            }
        }
    }

    async fn ask(&mut self, command: &str) -> String {
        self.say(&format!("{command}\r\n")).await;
        self.line().await
    }

    /// The lines of a multi-line response up to the dot, as they came.
    async fn rest(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            match self.line().await {
                line if line == "." => return lines,
                line => lines.push(line),
            }
        }
    }

    async fn log_in(&mut self) {
        assert_eq!(self.ask("USER alice").await, "+OK");
        assert_eq!(self.ask("PASS secret").await, "+OK 2 messages, 59 octets");
    }
}

#[tokio::test]
async fn messages_are_listed_sent_and_deleted() {
    let house = House::new(World::default(), |_| {});
    let mut client = house.call().await;
    client.log_in().await;
    assert_eq!(client.ask("RETR 1").await, "+OK 37 octets");
    assert_eq!(client.rest().await, ["Subject: hello", "", "..dot", "second line"]);
    assert_eq!(client.ask("TOP 1 1").await, "+OK");
    assert_eq!(client.rest().await, ["Subject: hello", "", "..dot"]);
    assert_eq!(client.ask("RETR 2").await, "+OK 22 octets");
    assert_eq!(client.rest().await, ["Subject: no end", "", "end"]);
    assert_eq!(client.ask("UIDL 2").await, "+OK 2 17.9");
    assert_eq!(client.ask("DELE 1").await, "+OK marked as deleted");
    assert_eq!(house.left(), [3, 9]);
    assert_eq!(client.ask("QUIT").await, "+OK 1 messages deleted");
    assert_eq!(house.left(), [9]);
    assert_eq!(client.line().await, "");
}

#[tokio::test]
async fn nothing_is_deleted_without_quit() {
    let house = House::new(World::default(), |_| {});
    let mut client = house.call().await;
    client.log_in().await;
    assert_eq!(client.ask("DELE 1").await, "+OK marked as deleted");
    drop(client);
    // The lock falls with the session: who can log in again sees that it is over.
    let mut next = house.call().await;
    loop {
        assert_eq!(next.ask("USER alice").await, "+OK");
        match next.ask("PASS secret").await {
            reply if reply.starts_with("-ERR [IN-USE]") => tokio::task::yield_now().await,
            reply => break assert_eq!(reply, "+OK 2 messages, 59 octets"),
        }
    }
    assert_eq!(house.left(), [3, 9]);
}

#[tokio::test]
async fn one_session_at_a_time_has_the_maildrop() {
    let house = House::new(World::default(), |_| {});
    let (mut first, mut second) = (house.call().await, house.call().await);
    first.log_in().await;
    assert_eq!(second.ask("USER alice").await, "+OK");
    assert_eq!(second.ask("PASS secret").await, "-ERR [IN-USE] another session has this maildrop");
    assert_eq!(first.ask("QUIT").await, "+OK");
    second.log_in().await;
}

#[tokio::test]
async fn pipelined_commands_are_all_answered() {
    let house = House::new(World::default(), |_| {});
    let mut client = house.call().await;
    client.say("USER alice\r\nPASS secret\r\nSTAT\r\nRETR 2\r\nDELE 2\r\nQUIT\r\n").await;
    let mut lines = Vec::new();
    for _ in 0..9 {
        lines.push(client.line().await);
    }
    assert_eq!(lines[2], "+OK 2 59");
    assert_eq!(lines[7..], [".", "+OK marked as deleted"]);
    assert_eq!(client.line().await, "+OK 1 messages deleted");
}

#[tokio::test]
async fn failed_logins_are_told_apart_and_end_the_connection() {
    let house = House::new(World::default(), |settings| settings.failed_logins_max = 2);
    let mut client = house.call().await;
    client.ask("USER away").await;
    assert_eq!(client.ask("PASS x").await, "-ERR [SYS/TEMP] the directory is not available");
    for _ in 0..2 {
        client.ask("USER alice").await;
        assert_eq!(client.ask("PASS wrong").await, "-ERR [AUTH] name or password is wrong");
    }
    assert_eq!(client.line().await, "");
}

#[tokio::test]
async fn sasl_exchanges_end_with_the_servers_last_words() {
    let house = House::new(World::default(), |_| {});
    let mut client = house.call().await;
    assert_eq!(client.ask("AUTH PROOF").await, "+ ");
    assert_eq!(client.ask("bW9yZQ==").await, "+ YWdhaW4=");
    assert_eq!(client.ask("YWxpY2U=").await, "+ dj0x");
    assert_eq!(client.ask("").await, "+OK 2 messages, 59 octets");
    let mut client = house.call().await;
    assert_eq!(client.ask("AUTH PROOF YWxpY2U=").await, "+ dj0x");
    assert_eq!(client.ask("eA==").await, "-ERR [AUTH] the exchange does not follow the mechanism");
    assert_eq!(client.ask("AUTH PROOF eA==").await, "-ERR [AUTH] name or password is wrong");
}

#[tokio::test]
async fn credentials_wait_for_tls_and_injected_commands_are_dropped() {
    let house = House::new(World::default(), |settings| settings.plain_login_on_loopback = false);
    let made = self_signed::make(&["pop.example".to_owned()]).unwrap();
    let certificates = Certificates::from_pem(&made.certificate_pem, &made.key_pem).unwrap();
    let tls = ServerTls::new(certificates, TlsFloor::Tls12).unwrap();
    let mut client = house.call_with(|connection| connection.with_server_tls(tls)).await;
    assert!(client.ask("USER alice").await.starts_with("-ERR credentials"));
    assert_eq!(client.ask("STLS\r\nQUIT").await, "+OK begin TLS");
    let trust = ClientTls::new(None).unwrap();
    client.connection.start_tls_as_client(&trust, "pop.example", Trust::Opportunistic).await.unwrap();
    client.log_in().await;
    assert_eq!(client.ask("STLS").await, "-ERR not now: you are logged in");
}

#[tokio::test]
async fn a_store_that_cannot_delete_is_told() {
    let house = House::new(World { is_read_only: true, ..World::default() }, |_| {});
    let mut client = house.call().await;
    client.log_in().await;
    client.ask("DELE 1").await;
    assert!(client.ask("QUIT").await.starts_with("-ERR [SYS/TEMP] the marked messages were not deleted"));
    assert_eq!(house.left(), [3, 9]);
}

#[tokio::test]
async fn silent_clients_and_shutdowns_end_sessions() {
    let house = House::new(World::default(), |settings| settings.login_timeout = Duration::ZERO);
    assert_eq!(house.call().await.line().await, "");
    let house = House::new(World::default(), |_| {});
    let shutdown = Shutdown::new();
    let token = shutdown.token();
    let mut client = house.call_with(|connection| connection.with_shutdown(token)).await;
    client.log_in().await;
    assert_eq!(client.ask("DELE 2").await, "+OK marked as deleted");
    shutdown.drain();
    assert_eq!(client.ask("QUIT").await, "+OK 1 messages deleted");
    let token = shutdown.token();
    let mut late = house.call_with(|connection| connection.with_shutdown(token)).await;
    assert_eq!(late.line().await, "");
}
