//! What the client says, and what it makes of the replies.

use super::*;
use crate::envelope::Notify;

fn envelope(recipients: &[&str]) -> Envelope {
    Envelope {
        mail_from: MailFrom { reverse_path: Some("a@b.test".parse().unwrap()), ..MailFrom::default() },
        recipients: recipients
            .iter()
            .map(|text| RcptTo { address: text.parse().unwrap(), notify: None, original: None })
            .collect(),
    }
}

fn ready(kind: Kind, hello: &str) -> Session {
    let mut session = Session::new(kind, "client.test");
    assert_eq!(feed(&mut session, &format!("220 hi\r\n{hello}")), Event::Ready);
    session.take_output();
    session
}

fn feed(session: &mut Session, text: &str) -> Event {
    let mut input = text.as_bytes();
    let event = session.receive(&mut input).unwrap();
    assert!(input.is_empty(), "left: {:?}", String::from_utf8_lossy(input));
    event
}

fn said(session: &mut Session) -> String {
    String::from_utf8(session.take_output()).unwrap()
}

#[test]
fn recipients_have_outcomes_of_their_own() {
    let mut session = ready(Kind::Smtp, "250-mx\r\n250-SIZE 100\r\n250 PIPELINING\r\n");
    session.begin(&envelope(&["x@c.test", "y@c.test"]), 10);
    assert_eq!(
        said(&mut session),
        "MAIL FROM:<a@b.test> SIZE=10\r\nRCPT TO:<x@c.test>\r\nRCPT TO:<y@c.test>\r\nDATA\r\n"
    );
    let event = feed(&mut session, "250 ok\r\n550 5.1.1 no\r\n250 ok\r\n354 go\r\n");
    assert_eq!(event, Event::SendBody { chunk: false });
    session.body_sent();
    let Event::Done(outcomes) = feed(&mut session, "250 2.0.0 queued\r\n") else { panic!("not done") };
    assert_eq!(outcomes.iter().map(|reply| reply.code).collect::<Vec<_>>(), [550, 250]);
    assert_eq!(outcomes[0].status, Some(crate::status::EnhancedStatus::new(5, 1, 1)));
}

#[test]
fn lmtp_has_a_reply_for_each() {
    let mut session = ready(Kind::Lmtp, "250 lmtp\r\n");
    session.begin(&envelope(&["x@c.test", "y@c.test", "z@c.test"]), 10);
    assert_eq!(feed(&mut session, "250 a\r\n250 b\r\n550 c\r\n250 d\r\n354 e\r\n"), Event::SendBody { chunk: false });
    session.body_sent();
    let Event::Done(outcomes) = feed(&mut session, "250 x\r\n452 z\r\n") else { panic!("not done") };
    assert_eq!(outcomes.iter().map(|reply| reply.code).collect::<Vec<_>>(), [250, 550, 452]);
}

#[test]
fn a_refused_sender_refuses_all_and_the_session_lives_on() {
    let mut session = ready(Kind::Smtp, "250-mx\r\n250 PIPELINING\r\n");
    session.begin(&envelope(&["x@c.test"]), 10);
    said(&mut session);
    let event = feed(&mut session, "451 4.7.1 later\r\n503 what\r\n503 what\r\n");
    assert_eq!(event, Event::NeedMore);
    assert_eq!(said(&mut session), "RSET\r\n");
    let Event::Done(outcomes) = feed(&mut session, "250 ok\r\n") else { panic!("not done") };
    assert_eq!(outcomes[0].code, 451);
    assert_eq!(session.stage(), Stage::Idle);
}

#[test]
fn all_refused_but_data_accepted_ends_with_an_empty_message() {
    let mut session = ready(Kind::Smtp, "250-mx\r\n250 PIPELINING\r\n");
    session.begin(&envelope(&["x@c.test"]), 10);
    said(&mut session);
    assert_eq!(feed(&mut session, "250 ok\r\n550 no\r\n354 go\r\n"), Event::NeedMore);
    assert_eq!(said(&mut session), ".\r\n");
    assert!(matches!(feed(&mut session, "554 no recipients\r\n"), Event::Done(outcomes) if outcomes[0].code == 550));
}

#[test]
fn chunks_are_used_when_offered() {
    let mut session = ready(Kind::Smtp, "250-mx\r\n250-BINARYMIME\r\n250-DSN\r\n250 CHUNKING\r\n");
    let mut sent = envelope(&["x@c.test"]);
    sent.mail_from.body = BodyKind::BinaryMime;
    sent.mail_from.envelope_id = Some("a=b".to_owned());
    sent.recipients[0].notify = Some(Notify::default());
    session.begin(&sent, 7);
    assert_eq!(
        said(&mut session),
        "MAIL FROM:<a@b.test> BODY=BINARYMIME ENVID=a+3Db\r\nRCPT TO:<x@c.test> NOTIFY=NEVER\r\n"
    );
    assert_eq!(feed(&mut session, "250 ok\r\n250 ok\r\n"), Event::SendBody { chunk: true });
    assert_eq!(said(&mut session), "BDAT 7 LAST\r\n");
}

#[test]
fn helo_is_the_second_try_and_greetings_can_refuse() {
    let mut session = Session::new(Kind::Smtp, "client.test");
    assert_eq!(feed(&mut session, "220 old\r\n502 what\r\n"), Event::NeedMore);
    assert!(said(&mut session).ends_with("HELO client.test\r\n"));
    assert_eq!(feed(&mut session, "250 hello\r\n"), Event::Ready);
    let mut refused = Session::new(Kind::Smtp, "client.test");
    assert!(matches!(feed(&mut refused, "554 go away\r\n"), Event::Refused(reply) if reply.code == 554));
}

#[test]
fn bad_replies_are_told_apart() {
    let read = |text: &str| Session::new(Kind::Smtp, "c").receive(&mut text.as_bytes());
    assert_eq!(read("hello\r\n"), Err(BadReply::NoCode));
    assert_eq!(read("220-a\r\n221 b\r\n"), Err(BadReply::CodeChanged));
    assert_eq!(read(&"x".repeat(5000)), Err(BadReply::LineTooLong));
    assert_eq!(read(&"220-a\r\n".repeat(500)), Err(BadReply::TooManyLines));
}

#[test]
fn stuffing_carries_the_line_start_over_pieces() {
    let (mut out, mut at_line_start) = (Vec::new(), true);
    for piece in [b".a\r\n".as_slice(), b".", b"b\r\n.c"] {
        stuff(piece, &mut at_line_start, &mut out);
    }
    out.extend_from_slice(end_of_data(at_line_start));
    assert_eq!(out, b"..a\r\n..b\r\n..c\r\n.\r\n");
}
