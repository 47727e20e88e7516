//! The directory in a real partition: making, resolving, loops, and what is refused.

use super::*;
use crate::resolve::Resolution;

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

async fn with_people(names: &[&str]) -> Embedded {
    let directory = Embedded::new(Partition::in_memory().unwrap(), Settings::default()).unwrap();
    directory.add_domain(&"b.test".parse().unwrap(), None).await.unwrap();
    for name in names {
        let new = NewAccount {
            address: address(name),
            name: String::new(),
            credentials: None,
            roles: Vec::new(),
            quota_octets: None,
            quota_messages: None,
            partition: "primary".to_owned(),
        };
        directory.add_account(new).await.unwrap();
    }
    directory
}

/// `local+detail … | remote …`, or the word for why not.
async fn meaning(directory: &Embedded, text: &str) -> String {
    match directory.resolve(&address(text)).await.unwrap() {
        Resolution::Expanded { local, remote } => {
            let local = local.iter().map(|target| match &target.detail {
                Some(detail) => format!("{}+{detail}", target.account.address),
                None => target.account.address.clone(),
            });
            local.chain(remote.iter().map(|address| format!("->{address}"))).collect::<Vec<_>>().join(" ")
        }
        other => format!("{other:?}"),
    }
}

fn group(members: &[&str]) -> Name {
    Name::Group { title: String::new(), members: members.iter().map(|member| (*member).to_owned()).collect() }
}

#[tokio::test]
async fn addresses_lead_to_accounts_aliases_and_groups() {
    let directory = with_people(&["alice@b.test", "bob@b.test"]).await;
    let alias = Name::Alias { targets: vec!["alice@b.test".to_owned()] };
    directory.set_name(&address("sales@b.test"), alias).await.unwrap();
    directory.set_name(&address("all@b.test"), group(&["sales@b.test", "bob@b.test", "x@far.test"])).await.unwrap();
    assert_eq!(meaning(&directory, "Alice@B.test").await, "alice@b.test");
    assert_eq!(meaning(&directory, "alice+Lists@b.test").await, "alice@b.test+Lists");
    assert_eq!(meaning(&directory, "all@b.test").await, "alice@b.test bob@b.test ->x@far.test");
    assert_eq!(meaning(&directory, "none@b.test").await, "Unknown");
    assert_eq!(meaning(&directory, "none@far.test").await, "Foreign");
    assert_eq!(directory.groups_of("bob@b.test").await.unwrap(), ["all@b.test"]);
    assert_eq!(directory.account_named("SALES@b.test").await.unwrap().unwrap().address, "alice@b.test");
    assert_eq!(directory.check().unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn loops_end_and_hide_nobody() {
    let directory = with_people(&["alice@b.test"]).await;
    directory.set_name(&address("one@b.test"), group(&["two@b.test", "alice@b.test"])).await.unwrap();
    directory.set_name(&address("two@b.test"), group(&["one@b.test"])).await.unwrap();
    assert_eq!(meaning(&directory, "two@b.test").await, "alice@b.test");
    directory.set_name(&address("three@b.test"), group(&["three@b.test"])).await.unwrap();
    assert_eq!(meaning(&directory, "three@b.test").await, "Loop");
}

#[tokio::test]
async fn catch_all_and_postmaster_take_what_is_left() {
    let directory = with_people(&["alice@b.test"]).await;
    assert_eq!(meaning(&directory, "postmaster@b.test").await, "Unknown");
    let change = AccountChange { roles: Some(vec![Role::Administrator]), ..AccountChange::default() };
    directory.change_account(&address("alice@b.test"), change).await.unwrap();
    assert_eq!(meaning(&directory, "Postmaster@b.test").await, "alice@b.test");
    directory.set_catch_all(&"b.test".parse().unwrap(), Some(address("alice@b.test"))).await.unwrap();
    assert_eq!(meaning(&directory, "whoever@b.test").await, "alice@b.test");
}

#[tokio::test]
async fn suspended_and_deleted_are_told_apart() {
    let directory = with_people(&["alice@b.test"]).await;
    let suspend = AccountChange { status: Some(crate::entry::Status::Suspended), ..AccountChange::default() };
    directory.change_account(&address("alice@b.test"), suspend).await.unwrap();
    assert_eq!(meaning(&directory, "alice@b.test").await, "Suspended");
    directory.delete_account(&address("alice@b.test")).await.unwrap();
    assert_eq!(meaning(&directory, "alice@b.test").await, "Unknown");
    directory.forget_account(&address("alice@b.test")).await.unwrap();
    assert!(directory.accounts().unwrap().is_empty());
    assert_eq!(directory.names().unwrap(), Vec::new());
}

#[tokio::test]
async fn names_are_one_namespace_and_domains_must_be_ours() {
    let directory = with_people(&["alice@b.test"]).await;
    let taken = directory.set_name(&address("alice@b.test"), group(&[])).await;
    assert!(matches!(taken, Err(Error::Taken { .. })));
    assert!(matches!(directory.set_name(&address("x@c.test"), group(&[])).await, Err(Error::Missing { .. })));
    assert!(matches!(directory.remove_domain(&"b.test".parse().unwrap()).await, Err(Error::InUse { .. })));
    assert!(matches!(directory.add_domain(&"b.test".parse().unwrap(), None).await, Err(Error::Taken { .. })));
}
