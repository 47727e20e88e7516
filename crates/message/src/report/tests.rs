//! Reports are read back with this crate's own reader, and one is compared octet by octet.

use super::*;
use crate::parse;
use crate::structure::SectionText;

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn status(recipient: &str) -> RecipientStatus {
    RecipientStatus {
        original: Some(OriginalRecipient { kind: "rfc822".to_owned(), address: "old+tag@example.org".to_owned() }),
        recipient: address(recipient),
        action: Action::Failed,
        status: "5.1.1".to_owned(),
        remote_mta: Some("mx.example.org".to_owned()),
        diagnostic: Some("550 5.1.1 no such user\r\nX-Evil: yes".to_owned()),
        last_attempt: Some(Timestamp::from_secs(880_127_706)),
        will_retry_until: None,
    }
}

fn build(recipients: &[RecipientStatus], original: Original<'_>, utf8: bool) -> Vec<u8> {
    Report {
        from: &address("MAILER-DAEMON@mx.example"),
        to: &address("sender@example.com"),
        subject: "Undelivered mail",
        now: Timestamp::from_secs(880_127_706),
        message_id: "1@mx.example",
        boundary: "=_boundary",
        text: "Your message could not\nbe delivered.\n",
        reporting_mta: &"mx.example".parse().unwrap(),
        envelope_id: Some("QQ314159"),
        arrived_at: Some(Timestamp::from_secs(880_127_000)),
        received_from: None,
        recipients,
        original,
        utf8,
    }
    .build()
}

#[test]
fn a_report_is_written_as_the_standard_shows() {
    let report = build(&[status("user@example.org")], Original::Header(b"Subject: x\r\n\r\nbody\r\n"), false);
    let expected = "From: Mail Delivery System <MAILER-DAEMON@mx.example>\r\n\
        To: <sender@example.com>\r\n\
        Subject: Undelivered mail\r\n\
        Date: Fri, 21 Nov 1997 15:55:06 +0000\r\n\
        Message-ID: <1@mx.example>\r\n\
        Auto-Submitted: auto-replied\r\n\
        MIME-Version: 1.0\r\n\
        Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"=_boundary\"\r\n\
        \r\n--=_boundary\r\n\
        Content-Description: Notification\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\
        \r\n\
        Your message could not\r\nbe delivered.\r\n\
        \r\n--=_boundary\r\n\
        Content-Description: Delivery report\r\n\
        Content-Type: message/delivery-status\r\n\
        \r\n\
        Original-Envelope-Id: QQ314159\r\n\
        Reporting-MTA: dns; mx.example\r\n\
        Arrival-Date: Fri, 21 Nov 1997 15:43:20 +0000\r\n\
        \r\n\
        Original-Recipient: rfc822;old+tag@example.org\r\n\
        Final-Recipient: rfc822;user@example.org\r\n\
        Action: failed\r\n\
        Status: 5.1.1\r\n\
        Remote-MTA: dns; mx.example.org\r\n\
        Diagnostic-Code: smtp; 550 5.1.1 no such user X-Evil: yes\r\n\
        Last-Attempt-Date: Fri, 21 Nov 1997 15:55:06 +0000\r\n\
        \r\n--=_boundary\r\n\
        Content-Description: Header of the message\r\n\
        Content-Type: text/rfc822-headers\r\n\
        \r\n\
        Subject: x\r\n\
        \r\n\
        \r\n--=_boundary--\r\n";
    assert_eq!(String::from_utf8(report).unwrap(), expected);
}

#[test]
fn a_returned_message_is_whole() {
    let original = b"Subject: x\r\n\r\nbody\r\n";
    let report = build(&[status("user@example.org")], Original::Message(original), false);
    let structure = parse::structure(&report);
    assert!(
        structure.root.is("multipart", "report") && structure.root.parameter("report-type") == Some("delivery-status")
    );
    assert!(structure.part(&[2]).unwrap().is("message", "delivery-status"));
    assert!(structure.part(&[3]).unwrap().is("message", "rfc822"));
    assert_eq!(structure.section(&[3], SectionText::Whole).unwrap().of(&report), original);
    let none = build(&[status("user@example.org")], Original::Nothing, false);
    assert!(parse::structure(&none).part(&[3]).is_none());
}

#[test]
fn international_reports_follow_what_the_originator_takes() {
    let original = "Subject: café\r\n\r\nbody\r\n".as_bytes();
    let text = |utf8: bool| build(&[status("用户@example.org")], Original::Message(original), utf8);
    let report = text(true);
    let structure = parse::structure(&report);
    assert!(structure.part(&[2]).unwrap().is("message", "global-delivery-status"));
    assert!(structure.part(&[3]).unwrap().is("message", "global"));
    assert!(String::from_utf8(report).unwrap().contains("Final-Recipient: utf-8;用户@example.org\r\n"));
    let report = text(false);
    assert!(report.is_ascii());
    let structure = parse::structure(&report);
    assert!(structure.part(&[3]).unwrap().is("message", "global-headers"));
    assert!(String::from_utf8(report).unwrap().contains("Final-Recipient: utf-8;\\x{7528}\\x{6237}@example.org\r\n"));
}
