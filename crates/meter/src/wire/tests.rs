use super::*;
use crate::call::{Call, Greylisting, Operation, Outcome, Refused, Verdict};
use crate::fuzz::fuzz_meter_protocol;
use crate::limits::FRAME_OCTETS_MAX;
use crate::secret::Secret;
use crate::table::comparison::{Operator, Test};
use client::Event;
use offence::Offence;
use proptest::prelude::*;
use std::time::Duration;

fn secret(text: &str) -> Secret {
    Secret::new(text).expect("it is long enough")
}

/// Lets two sides talk until nothing more comes, or one of them is offended.
fn shake_hands(server_secret: &str, client_secret: &str) -> Result<(server::Session, client::Session), Offence> {
    let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
    let mut serving = server::Session::new(secret(server_secret), [7; 32], &mut to_client);
    let mut asking = client::Session::new(secret(client_secret), [9; 32]);
    assert_eq!(asking.receive(&mut to_client.as_slice(), &mut to_server)?, None);
    to_client.clear();
    let heard = serving.receive(&mut to_server.as_slice(), &mut to_client);
    let told = asking.receive(&mut to_client.as_slice(), &mut Vec::new());
    if let Err(offence) = heard {
        assert_eq!(told, Err(Offence::LoginRefused), "the client is told before it is cut off");
        return Err(offence);
    }
    assert_eq!(told?, Some(Event::Ready));
    assert!(serving.is_proven());
    Ok((serving, asking))
}

#[test]
fn who_knows_the_secret_comes_in_and_nobody_else() {
    assert!(shake_hands("one secret of two", "one secret of two").is_ok());
    let offence = shake_hands("one secret of two", "another secret of two").map(|_| ());
    assert_eq!(offence, Err(Offence::WrongSecret));
    assert_eq!(Secret::new("short"), None);
}

#[test]
fn a_server_that_does_not_know_the_secret_is_not_believed() {
    let mut to_server = Vec::new();
    let mut asking = client::Session::new(secret("one secret of two"), [9; 32]);
    let mut greeting = Vec::new();
    server::Session::new(secret("another secret of two"), [7; 32], &mut greeting);
    frame::put(&mut greeting, |out| {
        out.push(server::WELCOME);
        out.extend_from_slice(&[0; 32]);
    });
    assert_eq!(asking.receive(&mut greeting.as_slice(), &mut to_server), Err(Offence::WrongSecret));
}

#[test]
fn the_secret_is_in_nothing_that_is_sent() {
    let text = "a secret that can be searched for";
    let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
    server::Session::new(secret(text), [7; 32], &mut to_client);
    client::Session::new(secret(text), [9; 32]).receive(&mut to_client.as_slice(), &mut to_server).expect("it goes on");
    let sent = [to_client, to_server].concat();
    assert!(!sent.windows(8).any(|window| text.as_bytes().windows(8).any(|part| part == window)));
    assert_eq!(format!("{:?}", secret(text)), "Secret");
}

#[test]
fn a_call_is_what_the_documentation_shows() {
    let mut wire = Vec::new();
    let call = Call { table: "conn", key: "192.0.2.1", operation: Operation::Throttle { amount: 1 } };
    call::put(&mut wire, 5, &call);
    assert_eq!(wire, b"\x00\x00\x00\x19\x00\x00\x00\x05\x01\x04conn\x00\x09192.0.2.1\x00\x00\x00\x01");
    wire.clear();
    let verdict = Verdict { is_over: true, used: 10, quota: 10, retry_after: Duration::from_secs(6) };
    answer::put(&mut wire, 5, &Ok(Outcome::Verdict(verdict)));
    assert_eq!(
        wire,
        b"\x00\x00\x00\x1e\x00\x00\x00\x05\x01\x01\x00\x00\x00\x00\x00\x00\x00\x0a\x00\x00\x00\x00\x00\x00\x00\x0a\
          \x00\x00\x00\x00\x00\x5b\x8d\x80"
    );
}

#[test]
fn each_offence_is_named() {
    let known = || shake_hands("one secret of two", "one secret of two").expect("they know each other");
    let serve = |octets: &[u8]| {
        let (mut serving, _) = known();
        serving.receive(&mut &octets[..], &mut Vec::new()).map(|_| ())
    };
    let too_long = u32::try_from(FRAME_OCTETS_MAX + 1).expect("it is small").to_be_bytes();
    assert_eq!(serve(&too_long), Err(Offence::FrameTooLong), "told before it has come");
    assert_eq!(serve(b"\0\0\0\x01x"), Err(Offence::BadFrame { what: "it ends too early" }));
    assert_eq!(serve(b"\0\0\0\x08\0\0\0\0\x63\0\0\0"), Err(Offence::BadFrame { what: "no operation has this number" }));
    assert_eq!(
        serve(b"\0\0\0\x09\0\0\0\0\x06\0\0\0\0"),
        Err(Offence::BadFrame { what: "something stands behind its end" })
    );
    assert_eq!(serve(b"\0\0\0\x09\0\0\0\0\x06\x01\xff\0\0"), Err(Offence::BadFrame { what: "a text is not UTF-8" }));
    assert_eq!(serve(b"\0\0\0\x08\0\0\0\0\x06\0\0"), Ok(()), "more is needed");
    let mut http = Vec::new();
    frame::put(&mut http, |out| out.extend_from_slice(b"HTTP/1.1 400 Bad Request"));
    let mut asking = client::Session::new(secret("one secret of two"), [9; 32]);
    assert_eq!(asking.receive(&mut http.as_slice(), &mut Vec::new()), Err(Offence::OtherProtocol));
}

fn operation() -> impl Strategy<Value = (u8, i64, usize, String)> {
    (0u8..9, any::<i64>(), 0usize..5, "\\PC{0,30}")
}

fn make<'a>(of: &'a (u8, i64, usize, String)) -> Operation<'a> {
    let (which, by, operator, text) = of;
    let test = Test { operator: Operator::ALL[*operator].0, operand: text };
    match which {
        0 => Operation::Throttle { amount: u32::try_from(by.unsigned_abs() >> 32).unwrap_or(1) },
        1 => Operation::Query,
        2 => Operation::Adjust { by: *by },
        3 => Operation::AdjustAndTest { by: *by, test },
        4 => Operation::Test(test),
        5 => Operation::Fetch,
        6 => Operation::Store(text),
        7 => Operation::Remove,
        _ => Operation::Greylist,
    }
}

fn outcome() -> impl Strategy<Value = Outcome> {
    (0u8..8, any::<bool>(), any::<u64>(), any::<u64>(), 0u64..1 << 50, "\\PC{0,30}").prop_map(
        |(which, is, used, quota, micros, text)| {
            let retry_after = Duration::from_micros(micros);
            match which {
                0 => Outcome::Done,
                1 => Outcome::Verdict(Verdict { is_over: is, used, quota, retry_after }),
                2 => Outcome::Holds(is),
                3 => Outcome::Value(Some(text)),
                4 => Outcome::Value(None),
                5 => Outcome::Greylisting(Greylisting::New { retry_after }),
                6 => Outcome::Greylisting(Greylisting::TooEarly { retry_after }),
                _ => Outcome::Greylisting(if is { Greylisting::Known } else { Greylisting::Proven }),
            }
        },
    )
}

proptest! {
    /// However the octets are cut, the calls arrive as they were made.
    #[test]
    fn calls_arrive_as_they_were_made(
        calls in proptest::collection::vec((any::<u32>(), "[a-z.]{1,20}", "\\PC{1,40}", operation()), 1..6),
        size in 1usize..64,
    ) {
        let (mut serving, _) = shake_hands("one secret of two", "one secret of two").expect("they know each other");
        let mut wire = Vec::new();
        for (number, table, key, of) in &calls {
            call::put(&mut wire, *number, &Call { table, key, operation: make(of) });
        }
        let (mut held, mut arrived) = (Vec::new(), 0);
        for piece in wire.chunks(size) {
            held.extend_from_slice(piece);
            let mut input = held.as_slice();
            while let Some((number, call)) = serving.receive(&mut input, &mut Vec::new()).expect("it was written") {
                let (expected, table, key, of) = &calls[arrived];
                prop_assert_eq!(number, *expected);
                prop_assert_eq!(call, Call { table, key, operation: make(of) });
                arrived += 1;
            }
            held = input.to_vec();
        }
        prop_assert_eq!(arrived, calls.len());
    }

    #[test]
    fn answers_arrive_as_they_were_made(outcomes in proptest::collection::vec((any::<u32>(), outcome()), 1..6)) {
        let (_, mut asking) = shake_hands("one secret of two", "one secret of two").expect("they know each other");
        let mut wire = Vec::new();
        for (number, outcome) in &outcomes {
            answer::put(&mut wire, *number, &Ok(outcome.clone()));
        }
        let refused = Refused::NoSuchTable { table: "t".to_owned() };
        answer::put(&mut wire, 1, &Err(refused.clone()));
        let mut input = wire.as_slice();
        for (number, outcome) in outcomes {
            let event = asking.receive(&mut input, &mut Vec::new()).expect("it was written");
            prop_assert_eq!(event, Some(Event::Answer(number, Ok(outcome))));
        }
        let event = asking.receive(&mut input, &mut Vec::new()).expect("it was written");
        prop_assert_eq!(event, Some(Event::Answer(1, Err(refused.to_string()))));
    }

    #[test]
    fn nothing_panics(data in proptest::collection::vec(any::<u8>(), 0..300)) {
        fuzz_meter_protocol(&data);
    }
}
