//! Dialogues in the manner of RFC 1939 §10, and each refusal in each state.

use super::*;
use crate::pop3::listing::Entry;
use model::UidValidity;

fn offer() -> Offer {
    Offer { can_start_tls: true, can_log_in: true, mechanisms: vec!["SCRAM-SHA-256".to_owned(), "PLAIN".to_owned()] }
}

struct Play {
    engine: Engine,
    input: BytesMut,
}

impl Play {
    fn new(offer: Offer) -> Play {
        let mut output = Vec::new();
        let patience = Patience { failed_logins_max: 2, offences_max: 5 };
        let engine = Engine::new("pop.example", offer, patience, &mut output);
        assert_eq!(output, b"+OK pop.example Heliograph POP3 ready\r\n");
        Play { engine, input: BytesMut::new() }
    }

    fn logged_in() -> Play {
        let mut play = Play::new(offer());
        play.says("USER a\r\nPASS b\r\n");
        play.answers(|engine, output| {
            let entries = [(3, 120), (5, 200)].map(|(uid, octets)| Entry { uid: Uid(uid), octets });
            engine.opened(Listing::new(UidValidity(17), entries.to_vec()), output);
        });
        play
    }

    fn says(&mut self, line: &str) -> (String, Step) {
        self.input.extend_from_slice(line.as_bytes());
        let mut output = Vec::new();
        let step = self.engine.receive(&mut self.input, &mut output);
        (String::from_utf8(output).unwrap(), step)
    }

    fn answers(&mut self, answer: impl FnOnce(&mut Engine, &mut Vec<u8>)) -> String {
        let mut output = Vec::new();
        answer(&mut self.engine, &mut output);
        String::from_utf8(output).unwrap()
    }

    /// A command that needs no question.
    fn replies(&mut self, line: &str) -> String {
        let (reply, step) = self.says(&format!("{line}\r\n"));
        assert_eq!(step, Step::NeedMore, "{line}");
        reply
    }
}

#[test]
fn a_session_as_the_standard_shows_it() {
    let mut play = Play::logged_in();
    assert_eq!(play.replies("STAT"), "+OK 2 320\r\n");
    assert_eq!(play.replies("LIST"), "+OK\r\n1 120\r\n2 200\r\n.\r\n");
    assert_eq!(play.replies("LIST 2"), "+OK 2 200\r\n");
    assert_eq!(play.replies("UIDL"), "+OK\r\n1 17.3\r\n2 17.5\r\n.\r\n");
    assert_eq!(play.says("RETR 1\r\n").1, Step::Send { uid: Uid(3), lines: None });
    play.engine.sent();
    assert_eq!(play.replies("DELE 1"), "+OK marked as deleted\r\n");
    assert_eq!(play.replies("DELE 1"), "-ERR no such message\r\n");
    assert_eq!(play.replies("LIST"), "+OK\r\n2 200\r\n.\r\n");
    assert_eq!(play.replies("RSET"), "+OK 2 messages, 320 octets\r\n");
    assert_eq!(play.replies("DELE 2"), "+OK marked as deleted\r\n");
    assert_eq!(play.says("QUIT\r\n").1, Step::Delete(vec![Uid(5)]));
    assert_eq!(play.answers(|engine, output| engine.deleted(output)), "+OK 1 messages deleted\r\n");
    assert_eq!(play.says("NOOP\r\n"), (String::new(), Step::End(Ending::Quit)));
}

#[test]
fn pipelined_commands_wait_for_the_answer() {
    let mut play = Play::logged_in();
    let (reply, step) = play.says("NOOP\r\nTOP 2 3\r\nSTAT\r\n");
    assert_eq!((reply.as_str(), step), ("+OK\r\n", Step::Send { uid: Uid(5), lines: Some(3) }));
    assert_eq!(play.says(""), (String::new(), Step::NeedMore));
    assert_eq!(play.answers(|engine, output| engine.not_sent("-ERR gone\r\n", output)), "-ERR gone\r\n");
    assert_eq!(play.says("").0, "+OK 2 320\r\n");
}

#[test]
fn credentials_need_privacy() {
    let mut play = Play::new(Offer { can_log_in: false, ..offer() });
    for line in ["USER a", "PASS b", "AUTH PLAIN", "AUTH"] {
        assert_eq!(play.replies(line), "-ERR credentials are only taken under TLS, use STLS first\r\n", "{line}");
    }
    let capabilities = play.replies("CAPA");
    assert!(
        capabilities.contains("\r\nSTLS\r\n")
            && !capabilities.contains("USER\r\nSASL")
            && !capabilities.contains("SASL")
    );
    let (reply, step) = play.says("STLS\r\nUSER injected\r\n");
    assert_eq!((reply.as_str(), step), ("+OK begin TLS\r\n", Step::StartTls));
    play.input.clear();
    play.engine.restart(Offer { can_start_tls: false, ..offer() });
    assert!(play.replies("CAPA").contains("\r\nUSER\r\nSASL SCRAM-SHA-256 PLAIN\r\n"));
    assert_eq!(play.replies("PASS x"), "-ERR not now: USER first\r\n");
}

#[test]
fn exchanges_go_back_and_forth() {
    let mut play = Play::new(offer());
    assert_eq!(play.replies("AUTH"), "+OK\r\nSCRAM-SHA-256\r\nPLAIN\r\n.\r\n");
    assert_eq!(play.replies("AUTH GSSAPI"), "-ERR this mechanism is not offered\r\n");
    assert_eq!(play.replies("AUTH PLAIN !"), "-ERR this is not base64\r\n");
    let begin = |mechanism: &str, initial| Step::BeginExchange { mechanism: mechanism.to_owned(), initial };
    assert_eq!(play.says("auth plain =\r\n").1, begin("PLAIN", Some(vec![])));
    assert_eq!(play.answers(|engine, output| engine.challenge(b"", output)), "+ \r\n");
    assert_eq!(play.replies("*"), "-ERR the exchange was cancelled\r\n");
    assert_eq!(play.says("AUTH SCRAM-SHA-256\r\n").1, begin("SCRAM-SHA-256", None));
    assert_eq!(play.answers(|engine, output| engine.challenge(b"abc", output)), "+ YWJj\r\n");
    assert_eq!(play.says("eHl6\r\n").1, Step::Respond(b"xyz".to_vec()));
    let refused = play.answers(|engine, output| engine.login_refused("-ERR [AUTH] no\r\n", true, output));
    assert_eq!(refused, "-ERR [AUTH] no\r\n");
    assert_eq!(play.says("AUTH PLAIN YQ==\r\n").1, begin("PLAIN", Some(b"a".to_vec())));
    play.answers(|engine, output| engine.login_refused("-ERR\r\n", true, output));
    assert_eq!(play.says("").1, Step::End(Ending::FailedLogins));
}

#[test]
fn patience_ends() {
    let mut play = Play::new(offer());
    for line in ["XYZZY", "STAT", "RETR 1", "QUIT now"] {
        assert!(play.replies(line).starts_with("-ERR "), "{line}");
    }
    assert_eq!(play.says("DELE 1\r\n"), ("-ERR not now: log in first\r\n".to_owned(), Step::End(Ending::Offences)));
    let mut play = Play::new(offer());
    let (reply, step) = play.says(&"x".repeat(COMMAND_OCTETS_MAX));
    assert_eq!((reply.as_str(), step), ("-ERR the line is longer than 1024 octets\r\n", Step::End(Ending::Offences)));
}

#[test]
fn states_refuse_what_belongs_elsewhere() {
    let mut play = Play::logged_in();
    for line in ["USER a", "AUTH PLAIN", "STLS"] {
        assert_eq!(play.replies(line), "-ERR not now: you are logged in\r\n", "{line}");
    }
    assert!(!play.replies("CAPA").contains("SASL"));
    assert_eq!(play.replies("RETR 0"), "-ERR no such message\r\n");
    assert_eq!(play.says("QUIT\r\n"), ("+OK\r\n".to_owned(), Step::End(Ending::Quit)));
}

#[test]
fn what_could_not_be_deleted_is_told() {
    let mut play = Play::logged_in();
    assert!(!play.engine.has_marks());
    play.replies("DELE 1");
    assert!(play.engine.has_marks());
    play.says("QUIT\r\n");
    assert_eq!(
        play.answers(|engine, output| engine.not_deleted("-ERR [SYS/TEMP] no\r\n", output)),
        "-ERR [SYS/TEMP] no\r\n"
    );
    assert_eq!(play.says("").1, Step::End(Ending::Quit));
}
