//! Hosts of a domain, from tables.

use super::*;
use net::random::Seeded;
use net::resolver::table::{Table, TableResolver};

const OWN: Own<'static> = Own { host: "me.test", addresses: &[], port: 25 };

async fn ask(lines: &[&str]) -> Result<Vec<String>, (u16, String)> {
    let resolver = TableResolver::new(Table::parse(lines).unwrap());
    let found = of_domain(&resolver, &Seeded::new(1), &"d.test".parse().unwrap(), OWN).await;
    found
        .map(|hosts| hosts.into_iter().map(|host| format!("{} {}", host.name, host.address)).collect())
        .map_err(|reply| (reply.code, reply.status.unwrap().to_string()))
}

#[tokio::test]
async fn better_exchangers_come_first() {
    let lines = ["d.test mx 20 b.test", "d.test mx 10 a.test", "a.test a 192.0.2.1", "b.test a 192.0.2.2:2525"];
    assert_eq!(ask(&lines).await, Ok(vec!["a.test 192.0.2.1:25".to_owned(), "b.test 192.0.2.2:2525".to_owned()]));
}

#[tokio::test]
async fn a_domain_without_exchangers_takes_mail_itself() {
    assert_eq!(ask(&["d.test a 192.0.2.1"]).await, Ok(vec!["d.test 192.0.2.1:25".to_owned()]));
}

#[tokio::test]
async fn absence_is_told_apart_from_silence() {
    let refused = |code, status: &str| Err((code, status.to_owned()));
    assert_eq!(ask(&["d.test null-mx"]).await, refused(556, "5.1.10"));
    assert_eq!(ask(&[]).await, refused(550, "5.1.2"));
    assert_eq!(ask(&["d.test empty"]).await, refused(550, "5.1.2"));
    assert_eq!(ask(&["d.test fail"]).await, refused(451, "4.4.3"));
    assert_eq!(ask(&["d.test mx 1 a.test", "a.test fail"]).await, refused(451, "4.4.3"));
    assert_eq!(ask(&["d.test mx 1 a.test"]).await, refused(550, "5.4.4"));
    assert_eq!(ask(&["d.test mx 1 a.test", "d.test mx 2 b.test", "b.test fail"]).await, refused(451, "4.4.3"));
}

#[tokio::test]
async fn mail_does_not_come_back_to_us() {
    let lines = ["d.test mx 10 a.test", "d.test mx 20 ME.test", "d.test mx 20 c.test", "a.test a 192.0.2.1"];
    assert_eq!(ask(&lines).await, Ok(vec!["a.test 192.0.2.1:25".to_owned()]));
    assert_eq!(ask(&lines[1..]).await, Err((554, "5.4.6".to_owned())));
}
