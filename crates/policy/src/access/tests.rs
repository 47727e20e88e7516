use super::*;
use crate::facts::Recipient;
use crate::mapping::table::Place;

fn facts() -> Facts {
    Facts {
        server: Some("192.0.2.25:25".parse().unwrap()),
        client: Some("198.51.100.7:4321".parse().unwrap()),
        hello: "mx.client.test".to_owned(),
        is_extended: true,
        source: "tcp_local".to_owned(),
        sender: Some("a@b.test".to_owned()),
        recipient: Some(Recipient {
            address: "c@d.test".to_owned(),
            destination: "ims-ms".to_owned(),
            ..Recipient::default()
        }),
        ..Facts::default()
    }
}

fn read(table: AccessTable, flags: &str, output: &str) -> Reading {
    let matched = vec![Place::default()];
    table.read(&Outcome { output: output.to_owned(), flags: Flags::of(flags), matched, troubles: Vec::new() })
}

fn told(flags: &str, output: &str) -> Vec<String> {
    read(AccessTable::Mail, flags, output).effects.iter().map(ToString::to_string).collect()
}

#[test]
fn probes_are_as_documented() {
    let facts = facts();
    let probe = |table: AccessTable| table.probe(&facts).unwrap();
    assert_eq!(probe(AccessTable::Port), "TCP|192.0.2.25|25|198.51.100.7|4321");
    assert_eq!(
        probe(AccessTable::From),
        "TCP|192.0.2.25|25|198.51.100.7|4321|SMTP/mx.client.test|MAIL|tcp_local|a@b.test|"
    );
    assert_eq!(probe(AccessTable::Send), "tcp_local|a@b.test|ims-ms|c@d.test");
    assert_eq!(
        probe(AccessTable::OrigMail),
        "TCP|192.0.2.25|25|198.51.100.7|4321|SMTP/mx.client.test|MAIL|tcp_local|a@b.test|ims-ms|c@d.test"
    );
}

#[test]
fn what_a_client_says_cannot_make_two_fields() {
    let facts = Facts { hello: "x|MAIL|tcp_intranet|boss@d.test|".to_owned(), ..facts() };
    let probe = AccessTable::From.probe(&facts).unwrap();
    assert_eq!(probe.matches('|').count(), 9, "{probe}");
}

#[test]
fn flags_to_test_say_how_the_mail_comes() {
    let mut facts = facts();
    assert_eq!(AccessTable::Port.given(&facts), Flags::of("A"));
    assert_eq!(AccessTable::Mail.given(&facts), Flags::of("E"));
    facts.login = Some("a@b.test".to_owned());
    facts.tls = true;
    facts.protocol = Protocol::Lmtp;
    if let Some(recipient) = &mut facts.recipient {
        recipient.notify_success = true;
        recipient.notify_delay = true;
    }
    assert_eq!(AccessTable::Mail.given(&facts), Flags::of("ATELDS"));
    assert_eq!(AccessTable::From.given(&facts), Flags::of("AT"));
}

#[test]
fn arguments_are_read_in_their_own_order() {
    let wanted = ["delay each command 300 ms", "reject with 550 5.7.1 Relaying not allowed"];
    assert_eq!(told("ND", "30|Relaying not allowed"), wanted);
    assert_eq!(told("DN", "30|Relaying not allowed"), wanted);
    assert_eq!(told("XN", "4.4.3|later"), ["defer with 451 4.4.3 later"]);
    assert_eq!(told("N", "no | never"), ["reject with 550 5.7.1 no | never"]);
    assert_eq!(told("F", ""), ["reject with 550 5.7.1 access denied"]);
    assert_eq!(told("D", "-500"), ["delay 5000 ms"]);
    assert_eq!(
        told("UJ<>DTAS,N", "1|new@x.test|seen|gone|5|tag|X-A: b|10,20,5|2.5|no"),
        [
            "log every step",
            "envelope sender <new@x.test>",
            "log \"seen\"",
            "log \"gone\"",
            "delay each command 50 ms",
            "tag tag",
            "add X-A: b",
            "at most 10240 octets",
            "at most 20 recipients",
            "at most 5 recipients",
            "score +2.5",
            "reject with 550 5.7.1 no"
        ]
    );
    // The second log line is for refusals only.
    assert_eq!(told("<>Y", "seen|gone"), ["log \"seen\"", "accept"]);
}

#[test]
fn other_flags() {
    assert_eq!(told("B", ""), ["discard"]);
    assert_eq!(told("V", ""), ["discard for all recipients"]);
    assert_eq!(told("HY", ""), ["hold", "accept"]);
    assert_eq!(told("", "text"), Vec::<String>::new());
    let reading = read(AccessTable::Send, "IN", "user|staff|no");
    assert_eq!(reading.only_for, Some(("user".to_owned(), "staff".to_owned())));
    assert_eq!(reading.effects.len(), 1);
    assert_eq!(read(AccessTable::Send, "I", "user|staff").only_for, Some(("user".to_owned(), "staff".to_owned())));
    assert_eq!(read(AccessTable::Send, "DN", "soon|no").troubles, ["$D cannot use `soon`"]);
}

#[test]
fn a_sender_that_is_no_address_is_a_trouble_and_not_the_empty_one() {
    assert_eq!(told("J", ""), told("J", "<>"));
    assert_eq!(told("J", "<a@b.test>"), ["envelope sender <a@b.test>"]);
    let reading = read(AccessTable::Send, "J", "not an address");
    assert_eq!((reading.effects.len(), reading.troubles), (0, vec!["$J cannot use `not an address`".to_owned()]));
}

#[test]
fn before_the_greeting_the_text_is_the_whole_line() {
    let effects = read(AccessTable::Port, "N", "421 Connection declined at this time").effects;
    let Some(Effect::Verdict(Verdict::Defer(refusal))) = effects.first() else { panic!("{effects:?}") };
    assert_eq!((refusal.code, refusal.text.as_str()), (421, "421 Connection declined at this time"));
}
