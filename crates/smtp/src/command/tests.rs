//! Known commands, and each offence once.

use super::*;
use proptest::prelude::*;

fn mail(text: &str) -> MailFrom {
    match parse(text.as_bytes()) {
        Ok(Command::Mail(mail)) => *mail,
        other => panic!("{text}: {other:?}"),
    }
}

fn offence(text: &str) -> Offence {
    parse(text.as_bytes()).expect_err(text)
}

#[test]
fn every_mail_parameter_is_read() {
    let read = mail(
        "mail from:<a@b.test> SIZE=1000 body=8bitmime SMTPUTF8 RET=HDRS ENVID=QQ+2B1 REQUIRETLS HOLDFOR=60 BY=120;RT MT-PRIORITY=-3 AUTH=e+3Dmc2@example.com",
    );
    assert_eq!(read.reverse_path.unwrap().to_string(), "a@b.test");
    assert_eq!((read.size_octets, read.body), (Some(1000), BodyKind::EightBitMime));
    assert_eq!((read.smtputf8, read.require_tls), (true, true));
    assert_eq!((read.returned, read.envelope_id.as_deref()), (Some(Returned::Headers), Some("QQ+1")));
    assert_eq!(read.hold, Some(Hold::ForSecs(60)));
    assert_eq!(read.deliver_by, Some(DeliverBy { secs: 120, mode: DeliverByMode::Return, trace: true }));
    assert_eq!((read.priority, read.submitter), (Some(-3), Some(Some("e=mc2@example.com".to_owned()))));
}

#[test]
fn null_sender_source_route_and_blank_after_the_colon() {
    assert_eq!(mail("MAIL FROM:<>").reverse_path, None);
    assert_eq!(mail("MAIL FROM: <@hop.test:a@b.test>").reverse_path.unwrap().to_string(), "a@b.test");
    assert_eq!(mail("MAIL FROM:<\"a>b\"@c.test>").reverse_path.unwrap().to_string(), "\"a>b\"@c.test");
}

#[test]
fn hold_until_takes_a_date_with_zone() {
    let read = mail("MAIL FROM:<> HOLDUNTIL=2026-07-25T01:54:56+02:00");
    assert_eq!(read.hold, Some(Hold::Until(model::Timestamp(1_784_937_296_000))));
    assert_eq!(offence("MAIL FROM:<> HOLDUNTIL=2026-02-30T00:00:00Z"), Offence::BadParameter { name: "HOLDUNTIL" });
}

#[test]
fn recipients_carry_notify_and_original() {
    let Ok(Command::Rcpt(rcpt)) = parse(b"RCPT TO:<x@y.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;X+2B1@y.test") else {
        panic!("not a recipient");
    };
    assert_eq!(rcpt.notify, Some(Notify { success: true, failure: false, delay: true }));
    assert_eq!(rcpt.original, Some(OriginalRecipient { kind: "rfc822".to_owned(), address: "X+1@y.test".to_owned() }));
    let Ok(Command::Rcpt(never)) = parse(b"RCPT TO:<x@y.test> NOTIFY=NEVER") else { panic!("not a recipient") };
    assert!(never.notify.unwrap().is_never());
    assert!(
        matches!(parse(b"RCPT TO:<Postmaster>"), Ok(Command::Rcpt(rcpt)) if rcpt.address.local.as_str() == "postmaster")
    );
}

#[test]
fn every_offence_has_its_input() {
    assert_eq!(offence("FROB"), Offence::UnknownCommand);
    assert_eq!(offence("NOOP\u{7}"), Offence::BadOctet);
    assert!(matches!(offence("MAIL TO:<a@b.test>"), Offence::BadArgument { .. }));
    assert!(matches!(offence("MAIL FROM:a@b.test"), Offence::BadAddress { is_sender: true, .. }));
    assert!(matches!(offence("RCPT TO:<>"), Offence::BadAddress { is_sender: false, .. }));
    assert!(matches!(offence("RCPT TO:<a@b.test>X"), Offence::BadAddress { .. }));
    assert_eq!(offence("MAIL FROM:<> FOO=1"), Offence::UnknownParameter { name: "FOO".to_owned() });
    assert_eq!(offence("MAIL FROM:<> SIZE=1 SIZE=1"), Offence::RepeatedParameter { name: "SIZE".to_owned() });
    assert_eq!(offence("MAIL FROM:<> SIZE=x"), Offence::BadParameter { name: "SIZE" });
    assert_eq!(offence("MAIL FROM:<> BY=0;R"), Offence::BadParameter { name: "BY" });
    assert_eq!(offence("RCPT TO:<a@b.test> NOTIFY=NEVER,DELAY"), Offence::BadParameter { name: "NOTIFY" });
    assert!(matches!(offence("EHLO"), Offence::BadArgument { .. }));
    assert!(matches!(offence("BDAT x"), Offence::BadArgument { .. }));
    assert!(matches!(offence("DATA now"), Offence::BadArgument { .. }));
}

#[test]
fn chunks_and_mechanisms() {
    assert_eq!(parse(b"BDAT 86 last"), Ok(Command::Bdat { octets: 86, last: true }));
    assert_eq!(
        parse(b"auth plain ="),
        Ok(Command::Auth { mechanism: "PLAIN".to_owned(), initial: Some("=".to_owned()) })
    );
}

proptest! {
    #[test]
    fn no_line_makes_the_parser_panic(line in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&line);
    }

    #[test]
    fn nearly_right_lines_do_not_either(line in "(MAIL FROM|RCPT TO|BDAT|AUTH):?<?[ -~]{0,80}") {
        let _ = parse(line.as_bytes());
    }
}
