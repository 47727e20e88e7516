//! Whole sessions over connections in memory, with the real directory and the real mail store.

use super::*;
use account::owner::Owner;
use bytes::BytesMut;
use directory::directory::{Away, Directory};
use directory::embedded::{Embedded, NewAccount};
use directory::password::{Cost, Credentials};
use directory::sasl;
use events::Bus;
use mail::change::{Expunge, Place};
use mail::deliver::{Append, NewMessage, Quota};
use mail::flags::Flags;
use message::transfer;
use model::{AccountId, Timestamp};
use net::Received;
use net::tls::self_signed;
use net::tls::{Certificates, TlsFloor};
use net::{ClientTls, ServerTls, Shutdown, Trust};
use std::time::Duration;
use storage::{Partition, Partitions};

/// Hashes as cheap as they can be.
const COST: Cost = Cost { memory_kib: 64, passes: 1, rounds: 4096 };

const HELLO: &[u8] = b"Subject: hello\r\n\r\n.dot\r\nsecond line\r\n";
const NO_END: &[u8] = b"Subject: no end\r\n\r\nend";

/// One account, `alice@b.test` with the password `secret`.
struct House {
    mail: Mail,
    partition: Partition,
    alice: Owner,
    service: Arc<Service>,
}

impl House {
    async fn new(change: impl FnOnce(&mut Settings)) -> House {
        House::with(&[HELLO, NO_END], change).await
    }

    async fn with(messages: &[&[u8]], change: impl FnOnce(&mut Settings)) -> House {
        let (directory, alice) = directory().await;
        House::over(Arc::new(directory), alice, messages, change).await
    }

    async fn over(
        directory: Arc<dyn Directory>,
        alice: Owner,
        messages: &[&[u8]],
        change: impl FnOnce(&mut Settings),
    ) -> House {
        let partition = Partition::in_memory().unwrap();
        let partitions = Partitions::single("main", partition.clone()).unwrap();
        let mail = Mail::new(partitions, Bus::new(), mail::settings::Settings::default()).unwrap();
        let cheap = directory::settings::Settings { password_cost: COST, ..Default::default() };
        let logins =
            Logins::new(Arc::new(directory::limiter::Fixed(0)), directory, cheap, Arc::new(|| Timestamp(1_000_000)))
                .unwrap();
        let mut settings = Settings { plain_login_on_loopback: true, ..Settings::new("pop.example") };
        change(&mut settings);
        let service = Arc::new(Service::new(settings, logins, mail.clone(), &Registry::new()));
        let house = House { mail, partition, alice, service };
        house.mail.prepare(&house.alice).await.unwrap();
        for message in messages {
            let append = Append {
                message: NewMessage::new(message.to_vec()).unwrap(),
                flags: Flags::default(),
                internal_date: None,
            };
            let inbox = house.place().mailbox;
            house.mail.append(&house.alice, inbox, vec![append], Quota::default()).await.unwrap();
        }
        house
    }

    fn place(&self) -> Place {
        let inbox = self.mail.find(&self.alice, "INBOX").unwrap().unwrap();
        Place { owner: self.alice.clone(), mailbox: inbox.id }
    }

    fn left(&self) -> Vec<u32> {
        self.mail.view(&self.place()).unwrap().rows().map(|row| row.uid.0).collect()
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

async fn directory() -> (Embedded, Owner) {
    let settings = directory::settings::Settings { password_cost: COST, ..Default::default() };
    let directory = Embedded::new(Partition::in_memory().unwrap(), settings).unwrap();
    directory.add_domain(&"b.test".parse().unwrap(), None).await.unwrap();
    let new = NewAccount {
        address: "alice@b.test".parse().unwrap(),
        name: String::new(),
        credentials: Some(Credentials::new("secret", COST).unwrap()),
        roles: Vec::new(),
        quota_octets: None,
        quota_messages: None,
        partition: "main".to_owned(),
    };
    let account = directory.add_account(new).await.unwrap();
    let owner = Owner::new(account.account_id(), account.partition.as_str());
    (directory, owner)
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
        assert_eq!(self.ask("USER alice@b.test").await, "+OK");
        assert_eq!(self.ask("PASS secret").await, "+OK 2 messages, 59 octets");
    }
}

#[tokio::test]
async fn messages_are_listed_sent_and_deleted() {
    let house = House::new(|_| {}).await;
    let mut client = house.call().await;
    client.log_in().await;
    assert_eq!(client.ask("RETR 1").await, "+OK 37 octets");
    assert_eq!(client.rest().await, ["Subject: hello", "", "..dot", "second line"]);
    assert_eq!(client.ask("TOP 1 1").await, "+OK 37 octets");
    assert_eq!(client.rest().await, ["Subject: hello", "", "..dot"]);
    assert_eq!(client.ask("RETR 2").await, "+OK 22 octets");
    assert_eq!(client.rest().await, ["Subject: no end", "", "end"]);
    let validity = house.mail.view(&house.place()).unwrap().uid_validity;
    assert_eq!(client.ask("UIDL 2").await, format!("+OK 2 {}.2", validity));
    assert_eq!(client.ask("DELE 1").await, "+OK marked as deleted");
    assert_eq!(house.left(), [1, 2]);
    assert_eq!(client.ask("QUIT").await, "+OK 1 messages deleted");
    assert_eq!(house.left(), [2]);
    assert_eq!(client.line().await, "");
}

#[tokio::test]
async fn nothing_is_deleted_without_quit() {
    let house = House::new(|_| {}).await;
    let mut client = house.call().await;
    client.log_in().await;
    assert_eq!(client.ask("DELE 1").await, "+OK marked as deleted");
    drop(client);
    // The lock falls with the session: who can log in again sees that it is over.
    let mut next = house.call().await;
    loop {
        assert_eq!(next.ask("USER alice@b.test").await, "+OK");
        match next.ask("PASS secret").await {
            reply if reply.starts_with("-ERR [IN-USE]") => tokio::task::yield_now().await,
            reply => break assert_eq!(reply, "+OK 2 messages, 59 octets"),
        }
    }
    assert_eq!(house.left(), [1, 2]);
}

#[tokio::test]
async fn one_session_at_a_time_has_the_maildrop() {
    let house = House::new(|_| {}).await;
    let (mut first, mut second) = (house.call().await, house.call().await);
    first.log_in().await;
    assert_eq!(second.ask("USER alice@b.test").await, "+OK");
    assert_eq!(second.ask("PASS secret").await, "-ERR [IN-USE] another session has this maildrop");
    assert_eq!(first.ask("QUIT").await, "+OK");
    second.log_in().await;
}

#[tokio::test]
async fn pipelined_commands_are_all_answered() {
    let house = House::new(|_| {}).await;
    let mut client = house.call().await;
    client.say("USER alice@b.test\r\nPASS secret\r\nSTAT\r\nRETR 2\r\nDELE 2\r\nQUIT\r\n").await;
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
    let house = House::new(|settings| settings.failed_logins_max = 2).await;
    let mut client = house.call().await;
    for _ in 0..2 {
        client.ask("USER alice@b.test").await;
        assert_eq!(client.ask("PASS wrong").await, "-ERR [AUTH] name or password is wrong");
    }
    assert_eq!(client.line().await, "");
}

#[tokio::test]
async fn a_directory_that_is_away_is_no_wrong_password() {
    let nobody = Owner::new(AccountId(1), "main");
    let house = House::over(Arc::new(Away), nobody, &[], |settings| settings.failed_logins_max = 1).await;
    let mut client = house.call().await;
    for _ in 0..2 {
        client.ask("USER alice@b.test").await;
        assert_eq!(client.ask("PASS secret").await, "-ERR [SYS/TEMP] the directory is not available");
    }
}

/// Logs in with an exchange; the server's answer to its last step.
async fn exchange(client: &mut Client, mechanism: &str, password: &str) -> String {
    let offered = [mechanism.to_owned()];
    let mut login = sasl::client::Login::choose(&offered, "alice@b.test", password, "nonce", true).unwrap();
    let initial = login.initial().map(|octets| format!(" {}", transfer::base64(&octets))).unwrap_or_default();
    let mut reply = client.ask(&format!("AUTH {mechanism}{initial}")).await;
    while let Some(challenge) = reply.strip_prefix("+ ") {
        let challenge = transfer::decode(transfer::Encoding::Base64, challenge.as_bytes());
        let response = login.respond(&challenge).unwrap();
        reply = client.ask(&transfer::base64(&response)).await;
    }
    reply
}

#[tokio::test]
async fn every_mechanism_that_is_listed_logs_in() {
    let house = House::new(|settings| settings.failed_logins_max = 10).await;
    let mut client = house.call().await;
    client.ask("AUTH").await;
    let listed = client.rest().await;
    assert_eq!(listed, ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"]);
    for mechanism in listed {
        let mut client = house.call().await;
        assert_eq!(exchange(&mut client, &mechanism, "wrong").await, "-ERR [AUTH] name or password is wrong");
        assert_eq!(exchange(&mut client, &mechanism, "secret").await, "+OK 2 messages, 59 octets", "{mechanism}");
        assert_eq!(client.ask("QUIT").await, "+OK");
    }
}

#[tokio::test]
async fn exchanges_can_be_cancelled_and_begun_again() {
    let house = House::new(|_| {}).await;
    let mut client = house.call().await;
    assert_eq!(client.ask("AUTH PLAIN").await, "+ ");
    assert_eq!(client.ask("*").await, "-ERR the exchange was cancelled");
    assert_eq!(client.ask("AUTH LOGIN").await, "+ VXNlcm5hbWU6");
    assert_eq!(client.ask("not base64").await, "-ERR this is not base64");
    assert_eq!(client.ask("AUTH PLAIN eA==").await, "-ERR [AUTH] the exchange does not follow the mechanism");
    assert_eq!(exchange(&mut client, "PLAIN", "secret").await, "+OK 2 messages, 59 octets");
}

#[tokio::test]
async fn credentials_wait_for_tls_and_injected_commands_are_dropped() {
    let house = House::new(|settings| settings.plain_login_on_loopback = false).await;
    let made = self_signed::make(&["pop.example".to_owned()]).unwrap();
    let certificates = Certificates::from_pem(&made.certificate_pem, &made.key_pem).unwrap();
    let tls = ServerTls::new(certificates, TlsFloor::Tls12).unwrap();
    let mut client = house.call_with(|connection| connection.with_server_tls(tls)).await;
    assert!(client.ask("USER alice@b.test").await.starts_with("-ERR credentials"));
    assert_eq!(client.ask("STLS\r\nQUIT").await, "+OK begin TLS");
    let trust = ClientTls::new(None).unwrap();
    client.connection.start_tls_as_client(&trust, "pop.example", Trust::Opportunistic).await.unwrap();
    assert_eq!(client.ask("CAPA").await, "+OK");
    let capabilities = client.rest().await;
    assert!(capabilities.iter().any(|line| line.starts_with("SASL SCRAM-SHA-256-PLUS ")), "{capabilities:?}");
    assert!(!capabilities.contains(&"STLS".to_owned()));
    client.log_in().await;
    assert_eq!(client.ask("STLS").await, "-ERR not now: you are logged in");
}

#[tokio::test]
async fn a_store_that_is_away_is_told_and_nothing_is_claimed() {
    let house = House::new(|_| {}).await;
    let mut client = house.call().await;
    client.log_in().await;
    client.ask("DELE 1").await;
    house.partition.clone().close();
    assert_eq!(client.ask("RETR 2").await, "-ERR [SYS/TEMP] the maildrop cannot be read now");
    assert_eq!(client.ask("QUIT").await, "-ERR [SYS/TEMP] the marked messages were not all deleted");
    let mut client = house.call().await;
    client.ask("USER alice@b.test").await;
    assert_eq!(client.ask("PASS secret").await, "-ERR [SYS/TEMP] the maildrop cannot be read now");
}

#[tokio::test]
async fn numbers_stay_while_others_delete_and_deliver() {
    let house = House::new(|_| {}).await;
    let mut client = house.call().await;
    client.log_in().await;
    house.mail.expunge(&house.place(), vec![Uid(1)], Expunge::All).await.unwrap();
    assert_eq!(client.ask("STAT").await, "+OK 2 59");
    assert_eq!(client.ask("RETR 2").await, "+OK 22 octets");
    client.rest().await;
    client.ask("DELE 1").await;
    assert_eq!(client.ask("QUIT").await, "+OK 1 messages deleted");
    assert_eq!(house.left(), [2]);
}

#[tokio::test]
async fn large_messages_come_whole_and_their_tops_short() {
    let line = format!(".{}\r\n", "x".repeat(70));
    let large = format!("Subject: large\r\n\r\n{}", line.repeat(10_000));
    let house = House::with(&[large.as_bytes()], |_| {}).await;
    let mut client = house.call().await;
    client.ask("USER alice@b.test").await;
    client.ask("PASS secret").await;
    assert_eq!(client.ask("RETR 1").await, format!("+OK {} octets", large.len()));
    let lines = client.rest().await;
    assert_eq!(lines.len(), 10_002);
    assert!(lines.iter().skip(2).all(|line| line.len() == 72 && line.starts_with("..")));
    for (wanted, sent) in [(0, 2), (3, 5), (9_000, 9_002), (20_000, 10_002)] {
        assert!(client.ask(&format!("TOP 1 {wanted}")).await.starts_with("+OK"));
        assert_eq!(client.rest().await.len(), sent);
    }
}

#[tokio::test]
async fn silent_clients_and_shutdowns_end_sessions() {
    let house = House::new(|settings| settings.login_timeout = Duration::ZERO).await;
    assert_eq!(house.call().await.line().await, "");
    let house = House::new(|_| {}).await;
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

#[tokio::test]
async fn an_idle_session_is_small() {
    let house = House::new(|_| {}).await;
    let (ours, _theirs) = Connection::pair(1024);
    let octets = std::mem::size_of_val(&serve(Arc::clone(&house.service), ours));
    assert!(octets <= 3072, "{octets} octets");
}
