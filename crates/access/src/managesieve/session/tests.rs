//! Whole sessions over connections in memory, with the real directory and the real mail store.

use super::*;
use bytes::BytesMut;
use directory::embedded::{Embedded, NewAccount};
use directory::password::{Cost, Credentials};
use events::Bus;
use model::{Address, Timestamp};
use net::Received;
use storage::{Partition, Partitions};

/// Hashes as cheap as they can be.
const COST: Cost = Cost { memory_kib: 64, passes: 1, rounds: 4096 };

async fn house() -> (Arc<Service>, Owner) {
    let cheap = directory::settings::Settings { password_cost: COST, ..Default::default() };
    let directory = Embedded::new(Partition::in_memory().unwrap(), cheap.clone()).unwrap();
    directory.add_domain(&"b.test".parse().unwrap(), None).await.unwrap();
    let address: Address = "alice@b.test".parse().unwrap();
    let new = NewAccount {
        address: address.clone(),
        name: String::new(),
        credentials: Some(Credentials::new("secret", COST).unwrap()),
        roles: Vec::new(),
        quota_octets: None,
        quota_messages: None,
        partition: "main".to_owned(),
    };
    let account = directory.add_account(new).await.unwrap();
    let partitions = Partitions::single("main", Partition::in_memory().unwrap()).unwrap();
    let store = mail::settings::Settings { scripts_max: 2, script_octets_max: 1000, ..Default::default() };
    let mail = Mail::new(partitions, Bus::new(), store).unwrap();
    let logins = Logins::new(
        Arc::new(directory::limiter::Fixed(0)),
        Arc::new(directory),
        cheap,
        Arc::new(|| Timestamp(1_000_000)),
    )
    .unwrap();
    let settings = Settings {
        plain_login_on_loopback: true,
        script_octets_max: 1000,
        ..Settings::new("sieve.example", sieve::Extensions::for_users())
    };
    let service = Service::new(settings, logins, mail, &Registry::new());
    (Arc::new(service), Owner::new(account.account_id(), "main"))
}

struct Client {
    connection: Connection,
    buffer: BytesMut,
}

impl Client {
    /// A client that has logged in.
    async fn new(service: &Arc<Service>) -> Client {
        let (ours, theirs) = Connection::pair(1 << 20);
        tokio::spawn(serve(Arc::clone(service), ours));
        let mut client = Client { connection: theirs, buffer: BytesMut::new() };
        assert!(client.answer().await.contains("\"IMPLEMENTATION\" \"Heliograph\""));
        let credentials = message::transfer::base64(b"\0alice@b.test\0secret");
        let said = client.ask(&format!("AUTHENTICATE \"PLAIN\" \"{credentials}\"")).await;
        assert_eq!(said, "OK \"logged in\"\r\n");
        client
    }

    async fn ask(&mut self, command: &str) -> String {
        self.connection.send(format!("{command}\r\n").as_bytes(), None).await.unwrap();
        self.answer().await
    }

    /// Lines up to the one that ends a response.
    async fn answer(&mut self) -> String {
        let mut answer = String::new();
        loop {
            while let Some(end) = memchr::memchr(b'\n', &self.buffer) {
                let line = self.buffer.split_to(end + 1);
                let line = String::from_utf8(line.to_vec()).unwrap();
                answer.push_str(&line);
                if ["OK", "NO", "BYE"].iter().any(|word| line.starts_with(word)) {
                    return answer;
                }
            }
            match self.connection.receive(&mut self.buffer, None).await {
                Ok(Received::Octets(_)) => {}
                _ => return answer,
            }
        }
    }
}

#[tokio::test]
async fn scripts_are_kept_and_one_is_active() {
    let (service, owner) = house().await;
    let mut client = Client::new(&service).await;
    assert_eq!(client.ask("PUTSCRIPT \"a b\" {5+}\r\nkeep;").await, "OK \"done\"\r\n");
    let said = client.ask("PUTSCRIPT \"bad\" \"kep;\"").await;
    assert!(said.starts_with("NO ") && said.contains("line 1"), "{said}");
    assert_eq!(client.ask("SETACTIVE \"a b\"").await, "OK \"done\"\r\n");
    assert!(service.mail.active_script(&owner).unwrap().is_some());
    assert_eq!(client.ask("RENAMESCRIPT \"a b\" \"c\"").await, "OK \"done\"\r\n");
    assert_eq!(client.ask("LISTSCRIPTS").await, "\"c\" ACTIVE\r\nOK \"that is all\"\r\n");
    assert_eq!(client.ask("GETSCRIPT \"c\"").await, "{5}\r\nkeep;\r\nOK \"that is all\"\r\n");
    assert_eq!(client.ask("DELETESCRIPT \"c\"").await, "NO (ACTIVE) \"the script is active\"\r\n");
    assert_eq!(client.ask("SETACTIVE \"\"").await, "OK \"done\"\r\n");
    assert!(service.mail.active_script(&owner).unwrap().is_none());
    assert_eq!(client.ask("DELETESCRIPT \"c\"").await, "OK \"done\"\r\n");
    assert_eq!(client.ask("GETSCRIPT \"c\"").await, "NO (NONEXISTENT) \"there is no such script\"\r\n");
}

#[tokio::test]
async fn quotas_are_kept_and_told() {
    let (service, _) = house().await;
    let mut client = Client::new(&service).await;
    assert!(client.ask("HAVESPACE \"a\" 1000").await.starts_with("OK "));
    assert!(client.ask("HAVESPACE \"a\" 1001").await.starts_with("NO (QUOTA/MAXSIZE)"));
    for name in ["a", "b"] {
        assert_eq!(client.ask(&format!("PUTSCRIPT \"{name}\" \"keep;\"")).await, "OK \"done\"\r\n");
    }
    assert!(client.ask("HAVESPACE \"c\" 1").await.starts_with("NO (QUOTA/MAXSCRIPTS)"));
    assert!(client.ask("PUTSCRIPT \"c\" \"keep;\"").await.starts_with("NO (QUOTA/MAXSCRIPTS)"));
    assert_eq!(client.ask("PUTSCRIPT \"b\" \"discard;\"").await, "OK \"done\"\r\n");
    assert_eq!(client.ask("CHECKSCRIPT \"require \\\"fileinto\\\";\"").await, "OK \"the script can be used\"\r\n");
    assert_eq!(client.ask("RENAMESCRIPT \"a\" \"b\"").await, "NO (ALREADYEXISTS) \"a script of this name exists\"\r\n");
}
