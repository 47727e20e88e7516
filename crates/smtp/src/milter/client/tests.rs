use super::*;
use crate::milter::server;
use crate::reply::Reply;
use crate::status::EnhancedStatus;
use proptest::prelude::*;

fn field(name: &str, value: &str) -> Field {
    Field { name: name.to_owned(), value: value.as_bytes().to_vec() }
}

fn message(body: &[u8]) -> Message<'_> {
    Message {
        host: "client.test",
        peer: Peer::Ip("192.0.2.1:4000".parse().unwrap()),
        hello: "hello.test",
        sender: Path::of("a@b.test", vec!["SIZE=10".to_owned()]),
        recipients: vec![
            (Path::of("c@d.test", Vec::new()), vec![("{rcpt_addr}".to_owned(), "c@d.test".to_owned())]),
            (Path::of("e@f.test", Vec::new()), vec![("{rcpt_addr}".to_owned(), "e@f.test".to_owned())]),
        ],
        header: vec![field("Subject", " hello"), field("X-Long", " one\n two")],
        body,
        macros: vec![(Stage::Mail, vec![("i".to_owned(), "17".to_owned())])],
    }
}

/// Plays a message between both sides; `filter` answers events, and all that the filter heard comes back with the result.
fn play(
    message: &Message<'_>,
    mut filter: server::Session,
    chunk: usize,
    mut answer: impl FnMut(&mut server::Session, &server::Event),
) -> (Result<Judgement, Offence>, Vec<server::Event>) {
    let mut session = Session::new(1 << 20);
    let (mut wire, mut arrived, mut to_us) = (Vec::new(), Vec::new(), Vec::new());
    let mut heard = Vec::new();
    for _ in 0..100_000 {
        wire.extend(session.take_output());
        arrived.extend(wire.drain(..chunk.min(wire.len())));
        let mut input = arrived.as_slice();
        loop {
            match filter.receive(&mut input).expect("we say nothing wrong") {
                server::Event::NeedMore => break,
                event => {
                    answer(&mut filter, &event);
                    heard.push(event);
                }
            }
        }
        arrived = input.to_vec();
        to_us.extend(filter.take_output());
        let mut input = to_us.as_slice();
        let event = session.receive(&mut input, message);
        to_us = input.to_vec();
        match event {
            Ok(Event::Done(judgement)) => return (Ok(judgement), heard),
            Ok(_) => {}
            Err(offence) => return (Err(offence), heard),
        }
    }
    panic!("the two never came to an end; heard {heard:?}");
}

fn filter() -> server::Session {
    server::Session::new(Actions::ALL, Steps::default())
}

#[test]
fn every_step_is_told_in_order_with_its_macros() {
    let mut macros = Vec::new();
    let (judgement, heard) = play(&message(b"body"), filter(), usize::MAX, |filter, event| {
        if let server::Event::Rcpt(_) = event {
            macros.push((
                filter.macro_value("{rcpt_addr}").map(str::to_owned),
                filter.macro_value("i").map(str::to_owned),
            ));
        }
    });
    assert_eq!(judgement, Ok(Judgement::default()));
    let told: Vec<String> = heard.iter().map(|event| format!("{event:?}")).collect();
    let begins = |at: usize, word: &str| assert!(told[at].starts_with(word), "{told:#?}");
    let words = ["Connect", "Helo", "Mail", "Rcpt", "Rcpt", "Data", "Header", "Header", "EndOfHeader", "Body"];
    for (at, word) in words.into_iter().enumerate() {
        begins(at, word);
    }
    begins(10, "EndOfMessage");
    assert!(told[6].contains("\"Subject\"") && heard[6] == server::Event::Header(field("Subject", "hello")));
    let all = |name: &str| (Some(name.to_owned()), Some("17".to_owned()));
    assert_eq!(macros, [all("c@d.test"), all("e@f.test")]);
}

#[test]
fn unwanted_steps_are_left_out_and_silent_ones_not_waited_for() {
    let steps = Steps::NO_CONNECT | Steps::NO_HELO | Steps::NO_HEADERS | Steps::NO_REPLY_BODY | Steps::NO_REPLY_MAIL;
    let filter = server::Session::new(Actions::default(), steps | Steps::LEADING_SPACE);
    let body = vec![b'x'; 200_000];
    let (judgement, heard) = play(&message(&body), filter, usize::MAX, |_, _| {});
    assert_eq!(judgement, Ok(Judgement::default()));
    assert!(matches!(heard[0], server::Event::Mail(_)), "{:?}", heard[0]);
    assert!(!heard.iter().any(|event| matches!(event, server::Event::Header(_))));
    let octets: usize =
        heard.iter().map(|event| if let server::Event::Body(octets) = event { octets.len() } else { 0 }).sum();
    assert_eq!(octets, 200_000);
}

#[test]
fn a_recipient_is_refused_alone_and_the_rest_goes_on() {
    let reply = Reply::new(550, EnhancedStatus::new(5, 7, 1), "not 100% welcome");
    let said = Verdict::Reply(reply);
    let (judgement, heard) = play(&message(b""), filter(), usize::MAX, |filter, event| {
        if matches!(event, server::Event::Rcpt(path) if path.bare() == "e@f.test") {
            filter.answer(said.clone());
        }
    });
    assert_eq!(judgement.unwrap().refused, [(1, said)]);
    assert!(heard.iter().any(|event| matches!(event, server::Event::EndOfMessage(_))));
}

#[test]
fn a_message_for_nobody_is_not_told_any_further() {
    let (judgement, heard) = play(&message(b""), filter(), usize::MAX, |filter, event| {
        if matches!(event, server::Event::Rcpt(_)) {
            filter.answer(Verdict::TryLater);
        }
    });
    assert_eq!(judgement.unwrap().refused, [(0, Verdict::TryLater), (1, Verdict::TryLater)]);
    assert!(!heard.contains(&server::Event::Data));
}

#[test]
fn changes_come_in_order_and_a_new_body_is_put_together() {
    let changes = [
        Change::AddHeader(field("X-A", "1")),
        Change::InsertHeader { index: 0, field: field("X-B", "2") },
        Change::ChangeHeader { index: 1, field: field("Subject", "") },
        Change::AddRecipient { address: "<x@y.test>".to_owned(), arguments: Vec::new() },
        Change::AddRecipient {
            address: "<z@y.test>".to_owned(),
            arguments: vec!["NOTIFY=NEVER".to_owned(), "ORCPT=rfc822;q".to_owned()],
        },
        Change::DeleteRecipient("<c@d.test>".to_owned()),
        Change::ChangeFrom { address: "<>".to_owned(), arguments: Vec::new() },
        Change::Quarantine("looks odd".to_owned()),
    ];
    let (judgement, _) = play(&message(b"old"), filter(), usize::MAX, |filter, event| {
        if matches!(event, server::Event::EndOfMessage(_)) {
            for change in &changes {
                assert!(filter.change(change.clone()));
            }
            assert!(filter.change(Change::ReplaceBody(b"new ".to_vec())));
            filter.progress();
            assert!(filter.change(Change::ReplaceBody(b"body".to_vec())));
        }
    });
    let judgement = judgement.unwrap();
    assert_eq!(judgement.changes, changes);
    assert_eq!(judgement.body.as_deref(), Some(b"new body".as_slice()));
}

#[test]
fn what_was_not_agreed_is_an_offence() {
    let mut session = Session::new(10);
    let message = message(b"");
    let mut answer = Vec::new();
    Response::Negotiate(Offer { version: 6, actions: Actions(0x8000), steps: Steps::default(), macros: Vec::new() })
        .write(&mut answer);
    assert_eq!(session.receive(&mut answer.as_slice(), &message), Err(Offence::NotOffered));
    let mut session = Session::new(10);
    let mut answer = Vec::new();
    Response::Negotiate(Offer { version: 7, ..Offer::all() }).write(&mut answer);
    assert_eq!(session.receive(&mut answer.as_slice(), &message), Err(Offence::Version { version: 7 }));
    let mut session = Session::new(10);
    let mut answer = Vec::new();
    Response::Change(Change::Quarantine("x".to_owned())).write(&mut answer);
    assert_eq!(session.receive(&mut answer.as_slice(), &message), Err(Offence::OutOfOrder { what: "change" }));
}

#[test]
fn older_filters_are_told_of_no_data_stage() {
    let said = |version: u32| {
        let mut session = Session::new(1 << 20);
        session.take_output();
        let quiet = Steps(Steps::NO_REPLY_MAIL.0 | Steps::NO_REPLY_RCPT.0);
        let unwanted = Steps(Steps::NO_CONNECT.0 | Steps::NO_HELO.0 | Steps::NO_HEADERS.0 | quiet.0);
        let mut answer = Vec::new();
        Response::Negotiate(Offer { version, actions: Actions::default(), steps: unwanted, macros: Vec::new() })
            .write(&mut answer);
        session.receive(&mut answer.as_slice(), &message(b"body")).unwrap();
        let mut data = Vec::new();
        Command::Data.write(&mut data);
        session.take_output().windows(data.len()).any(|window| window == data)
    };
    assert!(!said(2) && !said(3), "these versions do not know it");
    assert!(said(4) && said(6));
}

#[test]
fn skip_leaves_out_the_rest_of_the_body() {
    let body = vec![b'x'; 500_000];
    let filter = server::Session::new(Actions::default(), Steps::SKIP);
    let (judgement, heard) = play(&message(&body), filter, usize::MAX, |filter, event| {
        if matches!(event, server::Event::Body(_)) {
            filter.answer(Verdict::Skip);
        }
    });
    assert_eq!(judgement, Ok(Judgement::default()));
    assert_eq!(heard.iter().filter(|event| matches!(event, server::Event::Body(_))).count(), 1);
}

#[test]
fn the_filter_chooses_its_macros() {
    let filter = filter().wanting_macros(Stage::Mail, &["{auth_authen}"]);
    let mut seen = Some(String::new());
    let (judgement, _) = play(&message(b""), filter, usize::MAX, |filter, event| {
        if matches!(event, server::Event::Mail(_)) {
            seen = filter.macro_value("i").map(str::to_owned);
        }
    });
    assert!(judgement.is_ok());
    assert_eq!(seen, None);
}

#[test]
fn a_connection_serves_one_client_after_the_other() {
    let (mut session, mut filter) = (Session::new(10), filter());
    let message = message(b"body");
    for round in 0..3 {
        let mut to_us: Vec<u8> = Vec::new();
        let done = loop {
            let sent = session.take_output();
            let mut input = sent.as_slice();
            while filter.receive(&mut input).unwrap() != server::Event::NeedMore {}
            to_us.extend(filter.take_output());
            let mut input = to_us.as_slice();
            let event = session.receive(&mut input, &message).unwrap();
            to_us = input.to_vec();
            if let Event::Done(judgement) = event {
                break judgement;
            }
        };
        assert_eq!(done, Judgement::default(), "round {round}");
        assert!(session.is_reusable());
        session.next_message();
    }
}

#[test]
fn long_fields_are_cut_and_counted() {
    let mut long = message(b"");
    long.header.push(field("X-Huge", &"y".repeat(100_000)));
    let (judgement, heard) = play(&long, filter(), usize::MAX, |_, _| {});
    assert_eq!(judgement.unwrap().fields_cut, 1);
    let longest =
        heard.iter().map(|event| if let server::Event::Header(field) = event { field.value.len() } else { 0 });
    assert_eq!(longest.max(), Some(65_535 - "X-Huge".len() - 2));
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Continue),
        Just(Verdict::Accept),
        Just(Verdict::Reject),
        Just(Verdict::TryLater),
        Just(Verdict::Discard),
        Just(Verdict::Skip),
        Just(Verdict::ConnectionFailed),
        Just(Verdict::Shutdown),
        (400u16..600, "[a-z%][ a-z%]{0,20}[a-z%]").prop_map(|(code, text)| {
            let class = u8::try_from(code / 100).unwrap();
            Verdict::Reply(Reply::new(code, EnhancedStatus::new(class, 7, 1), text))
        }),
    ]
}

proptest! {
    #[test]
    fn responses_read_back(verdict in verdicts()) {
        let mut octets = Vec::new();
        Response::Verdict(verdict.clone()).write(&mut octets);
        let mut input = octets.as_slice();
        let frame = frame::take(&mut input, MILTER_FRAME_OCTETS_MAX).unwrap().unwrap();
        prop_assert_eq!(Response::read(frame), Ok(Response::Verdict(verdict)));
        prop_assert!(input.is_empty());
    }

    #[test]
    fn any_cut_of_the_wire_gives_the_same_steps(chunk in 1usize..50, body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let whole = play(&message(&body), filter(), usize::MAX, |_, _| {});
        let pieces = play(&message(&body), filter(), chunk, |_, _| {});
        prop_assert_eq!(whole, pieces);
    }

    #[test]
    fn noise_never_panics(data in proptest::collection::vec(any::<u8>(), 0..400)) {
        crate::fuzz::fuzz_milter_client(&data);
        crate::fuzz::fuzz_milter_server(&data);
    }
}
