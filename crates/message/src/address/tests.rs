//! Examples of RFC 5322 appendix A and what the real world writes.

use super::*;

fn mailbox(name: Option<&str>, local: &str, domain: &str) -> Mailbox {
    Mailbox { name: name.map(str::to_owned), route: None, local: local.to_owned(), domain: domain.to_owned() }
}

fn single(value: &str) -> Mailbox {
    match parse(value.as_bytes()).as_slice() {
        [Entry::Mailbox(mailbox)] => mailbox.clone(),
        other => panic!("{value}: {other:?}"),
    }
}

#[test]
fn examples_of_the_standard() {
    assert_eq!(single("John Doe <jdoe@machine.example>"), mailbox(Some("John Doe"), "jdoe", "machine.example"));
    assert_eq!(single("\"Joe Q. Public\" <john.q.public@example.com>").name.as_deref(), Some("Joe Q. Public"));
    assert_eq!(
        single("\"Giant; \\\"Big\\\" Box\" <sysservices@example.net>").name.as_deref(),
        Some("Giant; \"Big\" Box")
    );
    assert_eq!(
        single("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>"),
        mailbox(Some("Pete"), "pete", "silly.test")
    );
    assert_eq!(single("Joe Q. Public <john.q.public@example.com>").name.as_deref(), Some("Joe Q. Public"));
    let routed = single("Mary Smith <@node.test,@second.test:mary@example.net>");
    assert_eq!((routed.local.as_str(), routed.domain.as_str()), ("mary", "example.net"));
    assert_eq!(routed.route.as_deref(), Some("@node.test,@second.test"));
    assert_eq!(single("jdoe@test   . example"), mailbox(None, "jdoe", "test.example"));
}

#[test]
fn groups_and_lists() {
    // RFC 5322 appendix A.1.3 and A.6.1.
    assert_eq!(
        parse(b"A Group:Ed Jones <c@a.test>,joe@where.test,\r\n John <jdoe@one.test>;, x@y"),
        [
            Entry::Group {
                name: "A Group".to_owned(),
                members: vec![
                    mailbox(Some("Ed Jones"), "c", "a.test"),
                    mailbox(None, "joe", "where.test"),
                    mailbox(Some("John"), "jdoe", "one.test"),
                ]
            },
            Entry::Mailbox(mailbox(None, "x", "y")),
        ]
    );
    assert_eq!(
        parse(b"Undisclosed recipients:;"),
        [Entry::Group { name: "Undisclosed recipients".to_owned(), members: vec![] }]
    );
    let list = parse(b" , joe@where.test,,John <jdoe@one.test>,,");
    assert_eq!(mailboxes(&list).map(Mailbox::address).collect::<Vec<_>>(), ["joe@where.test", "jdoe@one.test"]);
}

#[test]
fn what_the_real_world_writes() {
    assert_eq!(single("user@host.example (Full Name)"), mailbox(Some("Full Name"), "user", "host.example"));
    assert_eq!(single("a@b.example <a@b.example>"), mailbox(Some("a@b.example"), "a", "b.example"));
    assert_eq!(single("Name user@host.example"), mailbox(None, "user", "host.example"));
    assert_eq!(single("root"), mailbox(None, "root", ""));
    assert_eq!(single("<>"), mailbox(None, "", ""));
    assert_eq!(single("Open <a@b.example"), mailbox(Some("Open"), "a", "b.example"));
    assert_eq!(single("\"quoted local\"@b.example"), mailbox(None, "quoted local", "b.example"));
    assert_eq!(single("x@[192.0.2.1]"), mailbox(None, "x", "[192.0.2.1]"));
    assert_eq!(single("x@[IPv6:2001:db8::1]"), mailbox(None, "x", "[IPv6:2001:db8::1]"));
    assert_eq!(single("用户@例え.example"), mailbox(None, "用户", "例え.example"));
    assert_eq!(single("=?utf-8?Q?J=C3=BCrgen?= <j@x>").display(), "Jürgen");
    assert_eq!(single("<j@x>").display(), "j@x");
    assert_eq!(parse(b""), []);
    assert_eq!(parse(b"(only a comment)"), []);
}

#[test]
fn the_number_of_addresses_is_bounded() {
    let list = "a@b,".repeat(ADDRESSES_MAX * 2);
    assert_eq!(parse(list.as_bytes()).len(), ADDRESSES_MAX);
}
