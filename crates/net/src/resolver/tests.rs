use super::system::{SystemResolver, SystemSettings};
use super::table::{Table, TableResolver};
use super::*;
use crate::metrics::Registry;
use std::sync::Arc;

fn table(lines: &[&str]) -> Table {
    Table::parse(lines).unwrap()
}

#[tokio::test]
async fn the_table_answers() {
    let resolver = TableResolver::new(table(&[
        "# a comment",
        "Example.org. mx 20 b.example.org",
        "example.org mx 10 a.example.org.",
        "a.example.org a 127.0.0.1:2525",
        "a.example.org a ::1",
        "none.example.org none",
        "slow.example.org fail",
        "void.example.org null-mx",
        "text.example.org txt v=spf1 -all",
        "a\\032b.example.org txt \" \\065\\\"\"",
        "127.0.0.1 ptr localhost.example.org",
        "*.wild.example.org a 127.0.0.9",
        "_25._tcp.a.example.org tlsa 3 1 1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "_imaps._tcp.example.org srv 0 1 993 imap.example.org.",
        "half.example.org txt here",
        "half.example.org fail",
    ]));
    let tlsa = resolver.tlsa("_25._tcp.a.example.org").await.unwrap().remove(0);
    assert!(tlsa.is_usable() && (tlsa.usage, tlsa.selector, tlsa.matching, tlsa.data[31]) == (3, 1, 1, 0x1f));
    let srv = resolver.srv("_imaps._tcp.example.org").await.unwrap().remove(0);
    assert_eq!((srv.port, srv.target.as_str()), (993, "imap.example.org"));
    assert_eq!(resolver.txt("half.example.org").await.unwrap(), ["here"]);
    assert!(resolver.mx("half.example.org").await.unwrap_err().is_temporary());
    assert_eq!(resolver.addresses_of("a.example.org", Family::V6).await.unwrap().len(), 1);
    assert!(resolver.is_authentic("example.org", Kind::Mx).await.unwrap());
    assert!(!resolver.is_authentic("elsewhere.example", Kind::Mx).await.unwrap());
    let hosts: Vec<String> = resolver.mx("EXAMPLE.ORG").await.unwrap().into_iter().map(|mx| mx.host).collect();
    assert_eq!(hosts, ["a.example.org", "b.example.org"]);
    let addresses = resolver.addresses("a.example.org").await.unwrap();
    let sockets: Vec<String> = addresses.iter().map(|address| address.socket(25).to_string()).collect();
    assert_eq!(sockets, ["127.0.0.1:2525", "[::1]:25"]);
    assert!(resolver.mx("void.example.org").await.unwrap().iter().all(Mx::is_null));
    assert_eq!(resolver.txt("text.example.org").await.unwrap(), ["v=spf1 -all"]);
    assert_eq!(resolver.txt("a b.example.org").await.unwrap(), [" A\""]);
    assert_eq!(resolver.ptr("127.0.0.1".parse().unwrap()).await.unwrap(), ["localhost.example.org"]);
    assert_eq!(resolver.addresses("x.y.wild.example.org").await.unwrap().len(), 1);
    let no_such = DnsError::NoSuchName { name: "none.example.org".to_owned() };
    assert_eq!(resolver.mx("none.example.org").await, Err(no_such));
    let none = DnsError::NoRecords { name: "example.org".to_owned(), kind: "A" };
    assert_eq!(resolver.addresses("example.org").await, Err(none));
    assert!(resolver.mx("slow.example.org").await.unwrap_err().is_temporary());
    assert!(!resolver.mx("unknown.example.com").await.unwrap_err().is_temporary());
}

#[tokio::test]
async fn the_table_stands_in_front() {
    let behind = Arc::new(TableResolver::new(table(&["behind.example a 192.0.2.1", "both.example a 192.0.2.2"])));
    let resolver = TableResolver::in_front_of(table(&["both.example a 192.0.2.9"]), behind);
    assert_eq!(resolver.addresses("both.example").await.unwrap()[0].ip.to_string(), "192.0.2.9");
    let hidden = resolver.txt("_dmarc.both.example").await;
    assert!(matches!(hidden, Err(DnsError::NoSuchName { .. })), "what belongs to a name is asked for nowhere else");
    assert_eq!(resolver.addresses("behind.example").await.unwrap()[0].ip.to_string(), "192.0.2.1");
    assert!(matches!(resolver.mx("both.example").await, Err(DnsError::NoRecords { .. })));
}

#[test]
fn broken_lines_are_named() {
    for line in ["example.org", "example.org mx", "example.org mx x y", "example.org a 1.2.3", "a b c", "a none 3"] {
        let error = Table::parse(["ok.example none", line]).unwrap_err();
        assert_eq!((error.index, error.line.as_str()), (1, line));
    }
}

/// A name server of one question: answers with the given code and, for A, with one address.
async fn one_answer_server(code: u8, address: Option<[u8; 4]>) -> SocketAddr {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let here = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut packet = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut packet).await {
            let question_end = packet[12..length].iter().position(|octet| *octet == 0).unwrap() + 12 + 5;
            let wants_a = packet[question_end - 3] == 1;
            let answers = u8::from(address.is_some() && wants_a);
            let mut reply = packet[..2].to_vec();
            reply.extend([0x81, 0x80 | code, 0, 1, 0, answers, 0, 0, 0, 0]);
            reply.extend(&packet[12..question_end]);
            if let (Some(address), true) = (address, wants_a) {
                reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
                reply.extend(address);
            }
            socket.send_to(&reply, from).await.unwrap();
        }
    });
    here
}

fn asking(server: SocketAddr) -> SystemResolver {
    let timeout = std::time::Duration::from_millis(500);
    let settings = SystemSettings { servers: vec![server], timeout, attempts: 1, validate: false };
    SystemResolver::new(&settings, &Registry::new()).unwrap()
}

#[tokio::test]
async fn the_name_service_answers_in_four_ways() {
    let resolver = asking(one_answer_server(0, Some([192, 0, 2, 7])).await);
    assert_eq!(resolver.addresses("host.example").await.unwrap()[0].ip.to_string(), "192.0.2.7");
    let none = DnsError::NoRecords { name: "host.example".to_owned(), kind: "MX" };
    assert_eq!(resolver.mx("host.example").await, Err(none));

    let resolver = asking(one_answer_server(3, None).await);
    let none = DnsError::NoSuchName { name: "host.example".to_owned() };
    assert_eq!(resolver.addresses("host.example").await, Err(none.clone()));
    assert_eq!(resolver.txt("host.example").await, Err(none));

    let resolver = asking(one_answer_server(2, None).await);
    assert!(resolver.addresses("host.example").await.unwrap_err().is_temporary());
    assert!(resolver.ptr("192.0.2.1".parse().unwrap()).await.unwrap_err().is_temporary());

    let long = format!("{}.example", "x".repeat(64));
    assert_eq!(resolver.mx(&long).await, Err(DnsError::NotAName { name: long.clone() }));
}
