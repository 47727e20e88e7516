//! Dialogues with the engine: known answers, order, limits, smuggling, and any chunking of the input.

use super::*;
use proptest::prelude::*;

fn capabilities() -> Capabilities {
    Capabilities {
        size_octets_max: 1000,
        starttls: true,
        mechanisms: vec!["PLAIN".to_owned(), "SCRAM-SHA-256-PLUS".to_owned()],
        plaintext_auth: false,
        smtputf8: true,
        chunking: true,
        dsn: true,
        require_tls: true,
        deliver_by: false,
        hold_secs_max: None,
        priority: true,
        recipients_max: 2,
        transactions_max: 0,
    }
}

fn config(kind: Kind) -> Config {
    Config {
        kind,
        host: "mx.test".to_owned(),
        banner: "ready".to_owned(),
        banner_addition: Vec::new(),
        capabilities: capabilities(),
        auth_required: false,
        tls_required: false,
        errors_max: 5,
        idle_commands_max: 10,
    }
}

/// Plays `input` in pieces of `size` octets; refuses recipients called `nobody`, accepts the rest. Returns what the
/// client sees and the messages taken.
fn talk(session: &mut Session, input: &[u8], size: usize) -> (String, Vec<String>) {
    let (mut held, mut spool, mut out, mut messages) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for piece in input.chunks(size.max(1)) {
        held.extend_from_slice(piece);
        let mut rest = held.as_slice();
        loop {
            let step = session.receive(&mut rest, &mut spool, Timestamp(0));
            out.extend(session.take_output());
            match step {
                Step::NeedMore => break,
                Step::Close => return (String::from_utf8(out).unwrap(), messages),
                Step::StartTls => session.tls_started(),
                Step::Ask(Question::Auth { .. }) => session.answer_auth(AuthAnswer::Challenge(b"go".to_vec())),
                Step::Ask(Question::AuthResponse(Some(_))) => session.answer_auth(AuthAnswer::Success),
                Step::Ask(Question::AuthResponse(None)) => {
                    session.answer_auth(AuthAnswer::Refuse(Reply::new(501, EnhancedStatus::new(5, 7, 0), "given up")))
                }
                Step::Ask(Question::Message) => {
                    messages.push(String::from_utf8(std::mem::take(&mut spool)).unwrap());
                    let count = if session.is_lmtp() { session.envelope().recipients.len() } else { 1 };
                    session.answer_message(&vec![Reply::new(250, EnhancedStatus::new(2, 0, 0), "taken"); count]);
                }
                Step::Ask(Question::Rcpt(rcpt)) if rcpt.address.local.as_str() == "nobody" => {
                    session.decide(Decision::Refuse(Reply::new(550, EnhancedStatus::new(5, 1, 1), "no such user")))
                }
                Step::Ask(_) => session.decide(Decision::Accept),
            }
            out.extend(session.take_output());
        }
        held = rest.to_vec();
    }
    (String::from_utf8(out).unwrap(), messages)
}

/// The codes of the replies, one for each.
fn codes(out: &str) -> Vec<&str> {
    out.lines().filter(|line| line.get(3..4) != Some("-")).map(|line| &line[..3]).collect()
}

fn smtp(input: &str) -> (String, Vec<String>) {
    talk(&mut Session::new(config(Kind::Smtp), false), input.as_bytes(), usize::MAX)
}

#[test]
fn a_pipelined_transaction_is_answered_in_order() {
    let (out, messages) = smtp(
        "EHLO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<nobody@x.test>\r\nRCPT TO:<c@x.test>\r\nDATA\r\nhi\r\n..x\r\n.\r\nQUIT\r\n",
    );
    assert_eq!(codes(&out), ["250", "250", "550", "250", "354", "250", "221"]);
    assert_eq!(messages, ["hi\r\n.x\r\n"]);
}

#[test]
fn the_hello_lists_only_what_works_in_plain_text() {
    let (out, _) = smtp("EHLO c.test\r\n");
    assert!(out.starts_with("250-mx.test greets c.test\r\n"));
    for offered in ["STARTTLS", "SIZE 1000", "CHUNKING", "BINARYMIME", "DSN", "SMTPUTF8", "LIMITS RCPTMAX=2"] {
        assert!(out.contains(offered), "{offered}");
    }
    for hidden in ["AUTH", "REQUIRETLS", "DELIVERBY", "FUTURERELEASE"] {
        assert!(!out.contains(hidden), "{hidden}");
    }
    let mut session = Session::new(config(Kind::Smtp), true);
    let (out, _) = talk(&mut session, b"EHLO c.test\r\n", 9);
    assert!(out.contains("AUTH PLAIN SCRAM-SHA-256-PLUS") && out.contains("REQUIRETLS") && !out.contains("STARTTLS"));
}

#[test]
fn order_is_kept() {
    let (out, _) = smtp("MAIL FROM:<>\r\nEHLO c\r\nRCPT TO:<a@b.test>\r\nDATA\r\nMAIL FROM:<>\r\nMAIL FROM:<>\r\n");
    assert_eq!(codes(&out), ["503", "250", "503", "503", "250", "503"]);
}

#[test]
fn smuggled_line_ends_end_nothing() {
    let (out, messages) = smtp(
        "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nDATA\r\nx\n.\r\nMAIL FROM:<evil@b.test>\r\n.\r\nNOOP\r\n",
    );
    assert_eq!(codes(&out), ["250", "250", "250", "354", "554", "250"]);
    assert!(messages.is_empty());
    let (out, _) = smtp("NOOP\nNOOP\r\n");
    assert_eq!(codes(&out), ["500", "250"]);
}

#[test]
fn too_large_messages_are_refused_and_not_kept() {
    let body = "x".repeat(2000);
    let start = "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\n";
    let (out, messages) = smtp(&format!("{start}DATA\r\n{body}\r\n.\r\nNOOP\r\n"));
    assert_eq!(codes(&out)[4..], ["552", "250"]);
    assert!(messages.is_empty());
    let (out, _) = smtp(&format!("{start}BDAT 2000 LAST\r\n{body}NOOP\r\n"));
    assert_eq!(codes(&out)[3..], ["552", "250"]);
    let (out, _) = smtp("EHLO c\r\nMAIL FROM:<> SIZE=5000\r\n");
    assert_eq!(codes(&out)[1..], ["552"]);
}

#[test]
fn chunks_make_one_message_and_a_chunk_out_of_order_is_read_and_refused() {
    let (out, messages) = smtp(
        "EHLO c\r\nMAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<a@b.test>\r\nBDAT 3\r\na\nbBDAT 2 LAST\r\nc\rDATA\r\n",
    );
    assert_eq!(codes(&out), ["250", "250", "250", "250", "250", "503"]);
    assert_eq!(messages, ["a\nbc\r"]);
    let (out, messages) = smtp("EHLO c\r\nBDAT 4 LAST\r\nNOOPNOOP\r\n");
    assert_eq!(codes(&out), ["250", "503", "250"]);
    assert!(messages.is_empty());
}

#[test]
fn lmtp_answers_for_each_accepted_recipient() {
    let mut session = Session::new(config(Kind::Lmtp), false);
    let input = b"EHLO c\r\nLHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@x.test>\r\nRCPT TO:<nobody@x.test>\r\nRCPT TO:<b@x.test>\r\nRCPT TO:<c@x.test>\r\nDATA\r\n.\r\n";
    let (out, messages) = talk(&mut session, input, 5);
    assert_eq!(codes(&out), ["500", "250", "250", "250", "550", "250", "452", "354", "250", "250"]);
    assert_eq!(messages, [""]);
}

#[test]
fn auth_needs_tls_and_happens_once() {
    let (out, _) = smtp("EHLO c\r\nAUTH PLAIN AGEAYg==\r\n");
    assert_eq!(codes(&out)[1..], ["538"]);
    let mut session = Session::new(config(Kind::Submission), true);
    let input =
        b"EHLO c\r\nAUTH CRAM-MD5\r\nAUTH PLAIN ???\r\nAUTH PLAIN\r\n*\r\nAUTH PLAIN =\r\nAGEAYg==\r\nAUTH PLAIN\r\n";
    let (out, _) = talk(&mut session, input, usize::MAX);
    assert_eq!(codes(&out), ["250", "504", "501", "334", "501", "334", "235", "503"]);
}

#[test]
fn starttls_forgets_and_refuses_injected_commands() {
    let mut session = Session::new(config(Kind::Smtp), false);
    let (out, _) = talk(&mut session, b"EHLO c\r\nSTARTTLS\r\n", usize::MAX);
    assert_eq!(codes(&out), ["250", "220"]);
    let (out, _) = talk(&mut session, b"MAIL FROM:<>\r\nEHLO c\r\n", usize::MAX);
    assert_eq!(codes(&out), ["503", "250"]);
    let (out, _) = smtp("EHLO c\r\nSTARTTLS\r\nMAIL FROM:<evil@b.test>\r\nNOOP\r\n");
    assert_eq!(codes(&out), ["250", "554"], "and the session is closed");
}

#[test]
fn too_many_errors_and_idle_commands_close_the_session() {
    let (out, _) = smtp("A\r\nB\r\nC\r\nD\r\nE\r\nNOOP\r\n");
    assert_eq!(codes(&out), ["500", "500", "500", "500", "500", "421"]);
    let (out, _) = smtp(&"NOOP\r\n".repeat(30));
    assert_eq!(codes(&out).iter().filter(|code| **code == "250").count(), 10);
    assert!(out.ends_with("closing\r\n"));
}

#[test]
fn an_endless_line_closes_the_session() {
    let (out, _) = talk(&mut Session::new(config(Kind::Smtp), false), &vec![b'x'; COMMAND_OCTETS_MAX * 3], 1000);
    assert_eq!(codes(&out), ["500"]);
}

#[test]
fn addresses_beyond_ascii_need_smtputf8() {
    let (out, _) = smtp("EHLO c\r\nMAIL FROM:<é@b.test>\r\nMAIL FROM:<é@b.test> SMTPUTF8\r\nRCPT TO:<ü@b.test>\r\n");
    assert_eq!(codes(&out), ["250", "553", "250", "250"]);
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_dialogue(
        lines in proptest::collection::vec(prop_oneof![
            Just("EHLO c\r\n"), Just("MAIL FROM:<a@b.test>\r\n"), Just("RCPT TO:<c@x.test>\r\n"), Just("RCPT TO:<nobody@x.test>\r\n"),
            Just("DATA\r\n"), Just("..a\r\n.\r\n"), Just("BDAT 5\r\nab\ncd"), Just("BDAT 2 LAST\r\n.\r"), Just("RSET\r\n"),
            Just("bare\n"), Just("AUTH PLAIN\r\n"), Just("x\r\n\r\n.\r\n"), Just("QUIT\r\n"),
        ], 0..14),
        size in 1usize..12,
    ) {
        let input = lines.concat();
        let whole = talk(&mut Session::new(config(Kind::Smtp), true), input.as_bytes(), usize::MAX);
        let pieces = talk(&mut Session::new(config(Kind::Smtp), true), input.as_bytes(), size);
        prop_assert_eq!(whole, pieces);
    }

    #[test]
    fn nothing_panics(data in proptest::collection::vec(any::<u8>(), 0..400)) {
        crate::fuzz::fuzz_server(&data);
        crate::fuzz::fuzz_client(&data);
    }
}
