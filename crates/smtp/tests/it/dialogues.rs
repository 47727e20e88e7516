//! Plays the files: what a listener's session would decide, a table from the file does.

use crate::pattern;
use crate::talk::{self, Dialogue, Step as Line};
use model::Timestamp;
use smtp::capabilities::Capabilities;
use smtp::reply::Reply;
use smtp::server::{AuthAnswer, Config, Decision, Kind, Question, Session, Step};
use smtp::status::EnhancedStatus;
use std::collections::BTreeMap;

/// One connection: its engine, what it has sent and not yet been read, and whether it closed.
struct Peer {
    session: Session,
    held: Vec<u8>,
    spool: Vec<u8>,
    sent: Vec<u8>,
    is_closed: bool,
}

/// `QUESTION VALUE CODE STATUS TEXT`: how a question about that value is answered.
#[derive(Clone)]
struct Rule {
    question: String,
    value: String,
    reply: Reply,
}

fn rule(line: &str) -> Rule {
    let words: Vec<&str> = line.splitn(5, ' ').collect();
    let [question, value, code, status, text] = words.as_slice() else { panic!("not a decision: {line}") };
    let digits: Vec<u16> = status.split('.').map(|digit| digit.parse().expect("an enhanced status")).collect();
    let [class, subject, detail] = digits.as_slice() else { panic!("not an enhanced status: {status}") };
    let class = u8::try_from(*class).expect("a class is one digit");
    let status = EnhancedStatus::new(class, *subject, *detail);
    let reply = Reply::new(code.parse().expect("a code"), status, *text);
    Rule { question: (*question).to_owned(), value: (*value).to_owned(), reply }
}

fn config(protocol: &str) -> Config {
    let kind = match protocol {
        "lmtp" => Kind::Lmtp,
        "submission" => Kind::Submission,
        _ => Kind::Smtp,
    };
    Config {
        kind,
        host: "mx.test".to_owned(),
        banner: "ready".to_owned(),
        banner_addition: Vec::new(),
        capabilities: Capabilities {
            size_octets_max: 52_428_800,
            starttls: kind != Kind::Lmtp,
            mechanisms: if kind == Kind::Lmtp { Vec::new() } else { vec!["PLAIN".to_owned(), "LOGIN".to_owned()] },
            plaintext_auth: true,
            smtputf8: true,
            chunking: true,
            dsn: true,
            require_tls: true,
            deliver_by: true,
            hold_secs_max: (kind == Kind::Submission).then_some(86_400),
            priority: true,
            recipients_max: 1000,
            transactions_max: 0,
        },
        auth_required: kind == Kind::Submission,
        tls_required: false,
        errors_max: 20,
        idle_commands_max: 1_000,
    }
}

impl Peer {
    fn new(protocol: &str) -> Peer {
        let mut session = Session::new(config(protocol), false);
        session.greet(None);
        let mut peer = Peer { session, held: Vec::new(), spool: Vec::new(), sent: Vec::new(), is_closed: false };
        peer.sent.extend(peer.session.take_output());
        peer
    }

    fn give(&mut self, octets: &[u8], rules: &[Rule]) {
        self.held.extend_from_slice(octets);
        let held = std::mem::take(&mut self.held);
        let mut rest = held.as_slice();
        loop {
            let step = self.session.receive(&mut rest, &mut self.spool, Timestamp(1_700_000_000_000));
            self.sent.extend(self.session.take_output());
            match step {
                Step::NeedMore => break,
                Step::Close => {
                    self.is_closed = true;
                    break;
                }
                Step::StartTls => self.session.tls_started(),
                Step::Ask(question) => self.answer(&question, rules),
            }
            self.sent.extend(self.session.take_output());
        }
        self.held = rest.to_vec();
    }

    fn answer(&mut self, question: &Question, rules: &[Rule]) {
        let refusal = |name: &str, value: &str| {
            let fits = |rule: &&Rule| rule.question == name && (rule.value == "*" || rule.value == value);
            rules.iter().find(fits).map(|rule| rule.reply.clone())
        };
        let decision = |reply: Option<Reply>| reply.map_or(Decision::Accept, Decision::Refuse);
        match question {
            Question::Hello { name } => self.session.decide(decision(refusal("hello", name))),
            Question::Auth { initial: None, .. } => self.session.answer_auth(AuthAnswer::Challenge(Vec::new())),
            Question::Auth { initial: Some(_), .. } | Question::AuthResponse(Some(_)) => {
                let reply = refusal("auth", "*");
                self.session.answer_auth(reply.map_or(AuthAnswer::Success, AuthAnswer::Refuse));
            }
            Question::AuthResponse(None) => {
                let reply = Reply::new(501, EnhancedStatus::new(5, 7, 0), "given up");
                self.session.answer_auth(AuthAnswer::Refuse(reply));
            }
            Question::Mail(mail) => {
                let value = mail.reverse_path.as_ref().map_or(String::new(), ToString::to_string);
                self.session.decide(decision(refusal("mail", &value)));
            }
            Question::Rcpt(rcpt) => {
                self.session.decide(decision(refusal("rcpt", &rcpt.address.to_string())));
            }
            Question::Data => self.session.decide(decision(refusal("data", "*"))),
            Question::Message => self.answer_message(rules),
        }
    }

    fn answer_message(&mut self, rules: &[Rule]) {
        self.spool.clear();
        let taken = Reply::new(250, EnhancedStatus::new(2, 0, 0), "taken");
        let reply = |value: &str| {
            let fits = |rule: &&Rule| rule.question == "message" && (rule.value == "*" || rule.value == value);
            rules.iter().find(fits).map_or(taken.clone(), |rule| rule.reply.clone())
        };
        let recipients = self.session.envelope().recipients;
        let replies: Vec<Reply> = if self.session.is_lmtp() {
            recipients.iter().map(|rcpt| reply(&rcpt.address.to_string())).collect()
        } else {
            vec![reply("*")]
        };
        self.session.answer_message(&replies);
    }

    /// The next line that was sent, without CRLF.
    fn line(&mut self) -> Option<String> {
        let end = self.sent.windows(2).position(|octets| octets == b"\r\n")?;
        let line = String::from_utf8_lossy(&self.sent[..end]).into_owned();
        self.sent.drain(..end + 2);
        Some(line)
    }
}

fn play(dialogue: &Dialogue) {
    let names = &mut talk::names();
    let rules: Vec<Rule> = dialogue.decisions.iter().map(|line| rule(&talk::fill(names, line))).collect();
    let mut peers: BTreeMap<&str, Peer> = BTreeMap::new();
    for step in &dialogue.steps {
        let place = format!("{}:{}", dialogue.path.display(), step.number);
        let peer = peers.entry(&step.connection).or_insert_with(|| Peer::new(&dialogue.protocol));
        perform(peer, step, names, &rules, &place);
    }
}

fn perform(peer: &mut Peer, step: &Line, names: &mut BTreeMap<String, String>, rules: &[Rule], place: &str) {
    let text = talk::fill(names, &step.text);
    match step.kind.as_str() {
        "C" => peer.give(format!("{text}\r\n").as_bytes(), rules),
        "raw" => peer.give(&talk::unescape(&text), rules),
        "S" => {
            let line = peer.line();
            let fits = line.as_ref().is_some_and(|line| pattern::fits(&text, line, names));
            assert!(fits, "{place}: expected {text:?}, the engine said {line:?}");
        }
        "S*" => {
            while let Some(line) = peer.line() {
                if !pattern::fits(&text, &line, names) {
                    let line = format!("{line}\r\n").into_bytes();
                    peer.sent.splice(0..0, line);
                    break;
                }
            }
        }
        "end" => assert!(peer.is_closed && peer.sent.is_empty(), "{place}: the engine did not close"),
        other => panic!("{place}: {other} is for clients that hear of changes"),
    }
}

#[test]
fn dialogues_hold_for_the_engine_alone() {
    let dialogues = talk::of_protocols(&["smtp", "lmtp", "submission"]);
    assert!(dialogues.len() >= 5, "the dialogues are found");
    dialogues.iter().for_each(play);
}
