//! Whole sessions over connections in memory, with the real directory and the real mail store.

mod events;
mod mailbox;
mod message;

use crate::imap::service::{Parts, Service};
use crate::imap::settings::Settings;
use ::events::Bus;
use bytes::BytesMut;
use directory::directory::Directory;
use directory::embedded::{Embedded, NewAccount};
use directory::login::Logins;
use directory::password::{Cost, Credentials};
use mail::store::Mail;
use mail::witness::{Happening, Witness};
use model::Timestamp;
use net::{Clock, Connection, Door, Received, Registry, SystemClock};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use storage::{Partition, Partitions};

/// Hashes as cheap as they can be.
const COST: Cost = Cost { memory_kib: 64, passes: 1, rounds: 4096 };

/// Two accounts, `alice@b.test` and `bob@b.test`, both with the password `secret`.
struct House {
    service: Arc<Service>,
    seen: Arc<Seen>,
}

/// Notes what sessions do in mailboxes that have a script.
#[derive(Default)]
struct Seen(Mutex<Vec<Happening>>);

impl Witness for Seen {
    fn witness(&self, happening: Happening) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.0.lock().unwrap().push(happening);
        Box::pin(std::future::ready(()))
    }
}

impl House {
    async fn new() -> House {
        let settings = directory::settings::Settings { password_cost: COST, ..Default::default() };
        let directory = Embedded::new(Partition::in_memory().unwrap(), settings.clone()).unwrap();
        directory.add_domain(&"b.test".parse().unwrap(), None).await.unwrap();
        for name in ["alice@b.test", "bob@b.test"] {
            let new = NewAccount {
                address: name.parse().unwrap(),
                name: String::new(),
                credentials: Some(Credentials::new("secret", COST).unwrap()),
                roles: Vec::new(),
                quota_octets: None,
                quota_messages: None,
                partition: "main".to_owned(),
            };
            directory.add_account(new).await.unwrap();
        }
        let directory: Arc<dyn Directory> = Arc::new(directory);
        let partitions = Partitions::single("main", Partition::in_memory().unwrap()).unwrap();
        let mail = Mail::new(partitions, Bus::new(), mail::settings::Settings::default()).unwrap();
        let logins = Logins::new(
            Arc::new(directory::limiter::Fixed(0)),
            directory.clone(),
            settings,
            Arc::new(|| Timestamp(1_000_000)),
        )
        .unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let seen = Arc::new(Seen::default());
        let parts = Parts { directory, logins, mail, clock, witness: Some(seen.clone()) };
        let sieve_url = Some("sieve://imap.example".to_owned());
        let settings = Settings { plain_login_on_loopback: true, sieve_url, ..Settings::new("imap.example") };
        House { service: Arc::new(Service::new(settings, parts, &Registry::new())), seen }
    }

    /// A connection on which nobody has logged in.
    async fn call(&self) -> Client {
        let (ours, theirs) = Connection::pair(1 << 20);
        let service: Arc<dyn Door> = self.service.clone();
        tokio::spawn(service.serve(ours));
        let mut client = Client { connection: theirs, buffer: BytesMut::new(), count: 0 };
        assert!(client.line().await.starts_with("* OK [CAPABILITY IMAP4rev1 IMAP4rev2"));
        client
    }

    async fn log_in(&self, name: &str) -> Client {
        let mut client = self.call().await;
        client.ok(&format!("LOGIN {name}@b.test secret")).await;
        client
    }

    /// Alice with INBOX selected, holding these messages.
    async fn alice_with(&self, messages: &[&str]) -> Client {
        let mut alice = self.log_in("alice").await;
        for message in messages {
            alice.append("INBOX", message).await;
        }
        alice.ok("SELECT INBOX").await;
        alice
    }
}

struct Client {
    connection: Connection,
    buffer: BytesMut,
    count: u32,
}

impl Client {
    async fn say(&mut self, text: &str) {
        self.connection.send(text.as_bytes(), None).await.unwrap();
    }

    async fn more(&mut self) -> bool {
        let patience = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
        matches!(self.connection.receive(&mut self.buffer, Some(patience)).await, Ok(Received::Octets(_)))
    }

    /// The next line without its end; a literal in it is taken along. Empty when the server has closed.
    async fn line(&mut self) -> String {
        let mut taken = 0;
        loop {
            let Some(end) = memchr::memchr(b'\n', &self.buffer[taken..]).map(|end| taken + end + 1) else {
                if !self.more().await {
                    return String::new();
                }
                continue;
            };
            let line = &self.buffer[taken..end];
            let literal = line.strip_suffix(b"}\r\n").and_then(|line| {
                let open = line.iter().rposition(|octet| *octet == b'{')?;
                std::str::from_utf8(&line[open + 1..]).ok()?.parse::<usize>().ok()
            });
            taken = end + literal.unwrap_or(0);
            while self.buffer.len() < taken {
                assert!(self.more().await, "the literal is cut off");
            }
            if literal.is_none() {
                let line = self.buffer.split_to(end);
                return String::from_utf8_lossy(&line).trim_end_matches("\r\n").to_owned();
            }
        }
    }

    /// Sends a command; the untagged lines and the tagged one without its tag.
    async fn ask(&mut self, command: &str) -> (Vec<String>, String) {
        self.count += 1;
        let tag = format!("t{}", self.count);
        self.say(&format!("{tag} {command}\r\n")).await;
        self.rest(&tag).await
    }

    async fn rest(&mut self, tag: &str) -> (Vec<String>, String) {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await;
            match line.strip_prefix(tag).and_then(|rest| rest.strip_prefix(' ')) {
                Some(end) => return (lines, end.to_owned()),
                None if line.is_empty() => panic!("the server closed after {lines:?}"),
                None => lines.push(line),
            }
        }
    }

    /// As [`Client::ask`], and the command must succeed.
    async fn ok(&mut self, command: &str) -> Vec<String> {
        let (lines, end) = self.ask(command).await;
        assert!(end.starts_with("OK"), "{command}: {end}");
        lines
    }

    async fn refused(&mut self, command: &str) -> String {
        let (_, end) = self.ask(command).await;
        assert!(!end.starts_with("OK"), "{command}: {end}");
        end
    }

    async fn append(&mut self, mailbox: &str, message: &str) -> String {
        let (_, end) = self.ask(&format!("APPEND {mailbox} {{{}+}}\r\n{message}", message.len())).await;
        assert!(end.starts_with("OK [APPENDUID "), "{end}");
        end
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_in_and_out() {
    let house = House::new().await;
    let mut client = house.call().await;
    assert!(client.refused("SELECT INBOX").await.starts_with("BAD"));
    assert!(client.refused("LOGIN alice@b.test wrong").await.starts_with("NO [AUTHENTICATIONFAILED]"));
    assert!(client.refused("XYZZY").await.starts_with("BAD"));
    let plain = ::message::transfer::base64(b"\0alice@b.test\0secret");
    client.ok(&format!("AUTHENTICATE PLAIN {plain}")).await;
    assert!(client.refused("LOGIN a b").await.starts_with("BAD"));
    let capabilities = client.ok("CAPABILITY").await;
    assert!(capabilities[0].contains(" SORT ") && capabilities[0].contains("THREAD=REFERENCES"), "{capabilities:?}");
    client.ok("UNAUTHENTICATE").await;
    client.say("x AUTHENTICATE PLAIN\r\n").await;
    assert!(client.line().await.starts_with('+'));
    client.say(&format!("{plain}\r\n")).await;
    assert!(client.rest("x").await.1.starts_with("OK"));
    assert_eq!(client.ok("ID NIL").await, ["* ID (\"name\" \"Heliograph\")"]);
    let bye = client.ok("LOGOUT").await;
    assert!(bye[0].starts_with("* BYE"), "{bye:?}");
    assert_eq!(client.line().await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_makes_too_many_mistakes_hears_goodbye() {
    let house = House::new().await;
    let mut client = house.call().await;
    for _ in 0..house.service.settings.offences_max {
        assert!(client.refused("XYZZY").await.starts_with("BAD"));
    }
    client.say("x XYZZY\r\n").await;
    assert_eq!(client.line().await, "* BYE too many wrong commands");
    assert_eq!(client.line().await, "", "the connection ends");
}

/// Ten thousand idle sessions must fit into 500 MiB, most of which TLS needs.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_session_is_small() {
    let house = House::new().await;
    let (ours, _theirs) = Connection::pair(16);
    let session = crate::imap::session::serve(house.service.clone(), ours);
    let octets = std::mem::size_of_val(&session);
    assert!(octets <= 4096, "{octets} octets");
}
