//! Logging in by password and by exchange, and what is refused.

use super::*;
use crate::directory::Away;
use crate::embedded::{AccountChange, Embedded, NewAccount};
use crate::limiter::Fixed;
use crate::password::{Cost, Credentials};
use crate::sasl::client::Login;
use storage::Partition;

const COST: Cost = Cost { memory_kib: 64, passes: 1, rounds: 4096 };

async fn directory() -> Embedded {
    let settings = Settings { password_cost: COST, ..Settings::default() };
    let directory = Embedded::new(Partition::in_memory().unwrap(), settings).unwrap();
    directory.add_domain(&"b.test".parse().unwrap(), None).await.unwrap();
    let new = NewAccount {
        address: "alice@b.test".parse().unwrap(),
        name: String::new(),
        credentials: Some(Credentials::new("secret", COST).unwrap()),
        roles: Vec::new(),
        quota_octets: None,
        quota_messages: None,
        partition: "primary".to_owned(),
    };
    directory.add_account(new).await.unwrap();
    directory
}

fn logins(directory: &Embedded) -> Logins {
    let settings = directory.settings().clone();
    Logins::new(Arc::new(Fixed(0)), Arc::new(directory.clone()), settings, Arc::new(|| Timestamp(1_000_000))).unwrap()
}

#[tokio::test]
async fn passwords_and_application_passwords_fit() {
    let directory = directory().await;
    let logins = logins(&directory);
    let origin = Origin::default();
    for _ in 0..2 {
        assert_eq!(logins.check("Alice@b.test", "secret", &origin).await.unwrap().address, "alice@b.test");
    }
    assert_eq!(logins.check("alice@b.test", "wrong", &origin).await, Err(Denied::WrongCredentials));
    assert_eq!(logins.check("nobody@b.test", "secret", &origin).await, Err(Denied::WrongCredentials));
    let phone = directory.add_application_password(&"alice@b.test".parse().unwrap(), "phone").await.unwrap();
    assert!(logins.check("alice@b.test", &phone, &origin).await.is_ok());
    directory.remove_application_password(&"alice@b.test".parse().unwrap(), "phone").await.unwrap();
    assert_eq!(logins.check("alice@b.test", &phone, &origin).await, Err(Denied::WrongCredentials));
}

#[tokio::test]
async fn a_changed_password_is_not_remembered() {
    let directory = directory().await;
    let logins = logins(&directory);
    assert!(logins.check("alice@b.test", "secret", &Origin::default()).await.is_ok());
    let change =
        AccountChange { credentials: Some(Credentials::new("new", COST).unwrap()), ..AccountChange::default() };
    directory.change_account(&"alice@b.test".parse().unwrap(), change).await.unwrap();
    let old = logins.check("alice@b.test", "secret", &Origin::default()).await;
    assert_eq!(old, Err(Denied::WrongCredentials));
    assert!(logins.check("alice@b.test", "new", &Origin::default()).await.is_ok());
}

#[tokio::test]
async fn suspended_accounts_are_told_only_to_who_knows_the_password() {
    let directory = directory().await;
    let logins = logins(&directory);
    let change = AccountChange { status: Some(Status::Suspended), ..AccountChange::default() };
    directory.change_account(&"alice@b.test".parse().unwrap(), change).await.unwrap();
    assert_eq!(logins.check("alice@b.test", "secret", &Origin::default()).await, Err(Denied::Suspended));
    assert_eq!(logins.check("alice@b.test", "x", &Origin::default()).await, Err(Denied::WrongCredentials));
}

#[tokio::test]
async fn a_directory_that_is_away_is_no_wrong_password() {
    let logins =
        Logins::new(Arc::new(Fixed(0)), Arc::new(Away), Settings::default(), Arc::new(|| Timestamp(0))).unwrap();
    assert_eq!(logins.check("a@b.test", "x", &Origin::default()).await, Err(Denied::Unavailable));
}

#[tokio::test]
async fn too_many_failures_are_refused_unheard() {
    let directory = directory().await;
    let settings = directory.settings().clone();
    let failures = Arc::new(Fixed(settings.failures_max));
    let logins = Logins::new(failures, Arc::new(directory), settings, Arc::new(|| Timestamp(0))).unwrap();
    assert_eq!(logins.check("alice@b.test", "secret", &Origin::default()).await, Err(Denied::TooMany));
    assert_eq!(exchange(&logins, "SCRAM-SHA-256", "secret").await, Err(Denied::TooMany));
}

#[tokio::test]
async fn logins_are_offered_where_passwords_may_travel() {
    let logins = logins(&directory().await);
    let (connection, _other) = net::Connection::pair(1024);
    assert_eq!(logins.offered(&connection, false), None);
    let offered = logins.offered(&connection, true);
    assert_eq!(offered, Some(vec!["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"]), "there is nothing to bind to");
}

async fn exchange(logins: &Logins, mechanism: &str, password: &str) -> Result<Account, Denied> {
    let with_success = speak(logins, mechanism, password, LastWords::WithSuccess).await;
    assert_eq!(speak(logins, mechanism, password, LastWords::AsChallenge).await, with_success, "{mechanism}");
    with_success
}

async fn speak(logins: &Logins, mechanism: &str, password: &str, last_words: LastWords) -> Result<Account, Denied> {
    let offered = [mechanism.to_owned()];
    let mut client = Login::choose(&offered, "alice@b.test", password, "nonce", true).unwrap();
    let mut server = logins.begin(mechanism, Origin::default(), last_words).unwrap();
    let mut step = server.respond(client.initial().as_deref()).await?;
    loop {
        match step {
            Step::Challenge(challenge) => {
                let answer = client.respond(&challenge).unwrap();
                step = server.respond(Some(&answer)).await?;
            }
            Step::Done(account, last) => {
                let is_scram = mechanism.starts_with("SCRAM");
                assert_eq!(last.is_some(), is_scram && last_words == LastWords::WithSuccess, "{mechanism}");
                if let Some(last) = last {
                    client.respond(&last).expect("the server proves itself");
                }
                return Ok(*account);
            }
        }
    }
}

#[tokio::test]
async fn last_words_are_acknowledged_with_nothing_else() {
    let logins = logins(&directory().await);
    let offered = ["SCRAM-SHA-256".to_owned()];
    let mut client = Login::choose(&offered, "alice@b.test", "secret", "nonce", true).unwrap();
    let mut server = logins.begin("SCRAM-SHA-256", Origin::default(), LastWords::AsChallenge).unwrap();
    let mut answer = client.initial().unwrap();
    for _ in 0..2 {
        let Ok(Step::Challenge(challenge)) = server.respond(Some(&answer)).await else { panic!("a challenge") };
        answer = client.respond(&challenge).unwrap();
    }
    assert!(answer.is_empty());
    assert_eq!(server.respond(Some(b"x")).await.map(|_| ()), Err(Denied::Malformed));
    assert_eq!(server.respond(Some(b"")).await.map(|_| ()), Err(Denied::Malformed), "there is no second try");
}

#[tokio::test]
async fn every_mechanism_works_and_refuses() {
    let directory = directory().await;
    for mechanism in ["PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-256"] {
        let logins = logins(&directory);
        assert_eq!(exchange(&logins, mechanism, "secret").await.unwrap().address, "alice@b.test", "{mechanism}");
        assert_eq!(exchange(&logins, mechanism, "wrong").await, Err(Denied::WrongCredentials), "{mechanism}");
    }
    let logins = logins(&directory);
    assert!(
        logins.begin("SCRAM-SHA-256-PLUS", Origin::default(), LastWords::AsChallenge).is_none(),
        "there is nothing to bind to"
    );
    assert!(logins.begin("CRAM-MD5", Origin::default(), LastWords::AsChallenge).is_none());
}
