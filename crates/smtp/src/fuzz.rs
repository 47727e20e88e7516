//! Entry points for the fuzzer: whatever comes from the network, nothing panics and no bound is passed.

use crate::capabilities::Capabilities;
use crate::client::{self, Event};
use crate::command;
use crate::envelope::{Envelope, RcptTo};
use crate::gross::Datagram;
use crate::limits::{COMMAND_OCTETS_MAX, GROSS_DATAGRAM_OCTETS_MAX, MILTER_CHANGES_MAX, POLICY_BLOCK_OCTETS_MAX};
use crate::milter;
use crate::policy_delegation::{RequestReader, ResponseReader};
use crate::reply::Reply;
use crate::server::{AuthAnswer, Config, Decision, Kind, Question, Session, Step};
use crate::status::EnhancedStatus;
use model::Timestamp;

/// One command line.
pub fn fuzz_command(data: &[u8]) {
    let _ = command::parse(data);
}

/// A datagram of a client that asks the greylister.
pub fn fuzz_gross(data: &[u8]) {
    if let Ok(Datagram::Question(question)) = Datagram::parse(data) {
        let again = question.write();
        assert!(again.len() <= GROSS_DATAGRAM_OCTETS_MAX, "a question fits into a datagram");
    }
}

/// A whole server session; the first octet chooses the protocol and how the input is cut.
pub fn fuzz_server(data: &[u8]) {
    let Some((&first, rest)) = data.split_first() else { return };
    let kind = match first % 3 {
        0 => Kind::Smtp,
        1 => Kind::Submission,
        _ => Kind::Lmtp,
    };
    play(kind, usize::from(first / 3) + 1, rest);
}

fn config(kind: Kind) -> Config {
    Config {
        kind,
        host: "mx.test".to_owned(),
        banner: "ready".to_owned(),
        banner_addition: Vec::new(),
        capabilities: Capabilities {
            size_octets_max: 4096,
            starttls: true,
            mechanisms: vec!["PLAIN".to_owned()],
            plaintext_auth: true,
            smtputf8: true,
            chunking: true,
            dsn: true,
            require_tls: true,
            deliver_by: true,
            hold_secs_max: Some(1000),
            priority: true,
            recipients_max: 4,
            transactions_max: 0,
        },
        auth_required: false,
        tls_required: false,
        errors_max: 50,
        idle_commands_max: 50,
    }
}

/// Feeds `data` in pieces of `size` octets and says yes to everything.
fn play(kind: Kind, size: usize, data: &[u8]) {
    let mut session = Session::new(config(kind), false);
    session.greet(None);
    let (mut held, mut spool): (Vec<u8>, Vec<u8>) = (Vec::new(), Vec::new());
    for piece in data.chunks(size) {
        held.extend_from_slice(piece);
        let mut input = held.as_slice();
        loop {
            match session.receive(&mut input, &mut spool, Timestamp(0)) {
                Step::NeedMore => break,
                Step::Close => return,
                Step::StartTls => session.tls_started(),
                Step::Ask(question) => answer(&mut session, &question, &mut spool),
            }
        }
        assert!(input.len() <= COMMAND_OCTETS_MAX, "what is held back is bounded");
        assert!(spool.len() <= 4096, "the spool is bounded");
        held = input.to_vec();
        session.take_output();
    }
}

fn answer(session: &mut Session, question: &Question, spool: &mut Vec<u8>) {
    match question {
        Question::Auth { .. } => session.answer_auth(AuthAnswer::Challenge(b"more".to_vec())),
        Question::AuthResponse(_) => session.answer_auth(AuthAnswer::Success),
        Question::Message => {
            spool.clear();
            let reply = Reply::new(250, EnhancedStatus::new(2, 0, 0), "taken");
            let replies = vec![reply; session.envelope().recipients.len()];
            let one = replies.get(..1).unwrap_or_default();
            let lmtp = session.is_lmtp();
            session.answer_message(if lmtp { &replies } else { one });
        }
        _ => session.decide(Decision::Accept),
    }
}

/// A server that sends anything to our client.
pub fn fuzz_client(data: &[u8]) {
    let mut session = client::Session::new(client::Kind::Lmtp, "client.test");
    let Ok(address) = "a@b.test".parse() else { return };
    let recipient = RcptTo { address, notify: None, original: None };
    let envelope = Envelope { recipients: vec![recipient.clone(), recipient], ..Envelope::default() };
    let mut input = data;
    while let Ok(event) = session.receive(&mut input) {
        match event {
            Event::NeedMore | Event::Closed | Event::Refused(_) => return,
            Event::Ready | Event::Done(_) | Event::NoTls(_) => session.begin(&envelope, 10),
            Event::SendBody { .. } => session.body_sent(),
            Event::Challenge(_) => session.respond(None),
            Event::StartTls => session.tls_started(),
            Event::LoggedIn | Event::LoginRefused(_) => session.quit(),
        }
        session.take_output();
    }
}

/// Both sides of policy delegation; the first octet chooses how the input is cut.
pub fn fuzz_policy_delegation(data: &[u8]) {
    let Some((&first, rest)) = data.split_first() else { return };
    let mut requests = RequestReader::default();
    'requests: for mut piece in rest.chunks(usize::from(first) + 1) {
        loop {
            match requests.read(&mut piece) {
                Ok(Some(request)) => assert!(!request.kind().is_empty(), "a request says what it asks"),
                Ok(None) => break,
                Err(_) => break 'requests,
            }
        }
        assert!(requests.held_octets() <= POLICY_BLOCK_OCTETS_MAX, "what is held back is bounded");
    }
    let (mut responses, mut rest) = (ResponseReader::default(), rest);
    while let Ok(Some(action)) = responses.read(&mut rest) {
        let mut wire = Vec::new();
        action.write(&mut wire);
        let read = ResponseReader::default().read(&mut wire.as_slice());
        assert!(matches!(read, Ok(Some(_))), "what is written can be read");
    }
}

/// A filter that says anything to our milter client.
pub fn fuzz_milter_client(data: &[u8]) {
    let mut session = milter::client::Session::new(4096);
    let path = |address| milter::command::Path::of(address, Vec::new());
    let message = milter::client::Message {
        host: "client.test",
        peer: milter::command::Peer::Unknown,
        hello: "client.test",
        sender: path("a@b.test"),
        recipients: vec![(path("c@d.test"), Vec::new()), (path("e@f.test"), Vec::new())],
        header: vec![milter::command::Field { name: "Subject".to_owned(), value: b" x".to_vec() }],
        body: b"body",
        macros: Vec::new(),
    };
    let mut input = data;
    while let Ok(event) = session.receive(&mut input, &message) {
        match event {
            milter::client::Event::NeedMore => return,
            milter::client::Event::Flush | milter::client::Event::Progress => {}
            milter::client::Event::Done(judgement) => {
                assert!(judgement.changes.len() <= MILTER_CHANGES_MAX, "changes are bounded");
                assert!(judgement.body.is_none_or(|body| body.len() <= 4096), "the new body is bounded");
                if !session.is_reusable() {
                    return session.quit();
                }
                session.next_message();
            }
        }
        session.take_output();
    }
}

/// A mail server that says anything to our milter server.
pub fn fuzz_milter_server(data: &[u8]) {
    use milter::flags::{Actions, Steps};
    let mut session = milter::server::Session::new(Actions::ALL, Steps::NO_BODY | Steps::NO_REPLY_HEADER);
    let mut input = data;
    while let Ok(event) = session.receive(&mut input) {
        match event {
            milter::server::Event::NeedMore | milter::server::Event::Closed => return,
            milter::server::Event::EndOfMessage(_) => {
                let change = milter::response::Change::Quarantine("odd".to_owned());
                let agreed = session.can_change(&change);
                assert_eq!(session.change(change), agreed);
            }
            _ => session.answer(milter::response::Verdict::Continue),
        }
        let _ = session.macro_value("i");
        session.take_output();
    }
}
