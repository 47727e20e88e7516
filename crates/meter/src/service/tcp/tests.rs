use super::*;
use crate::call::{Call, Operation};
use crate::table::settings::TableSettings;
use crate::wire::client::{self, Event};
use crate::wire::{call, frame};
use net::random::Seeded;
use std::time::Duration;

const SECRET: &str = "one secret of two";

fn serve() -> Connection {
    let (theirs, ours) = Connection::pair(1 << 20);
    let registry = Registry::new();
    let settings = [("t".to_owned(), TableSettings::throttle(3, Duration::from_secs(100_000)))];
    let tables = Arc::new(Tables::new(settings.into_iter().collect(), &registry));
    let service = Service::new(tables, Secret::new(SECRET).unwrap(), Arc::new(Seeded::new(1)), &registry);
    tokio::spawn(Arc::new(service).serve(ours));
    theirs
}

/// Reads until `count` events have come, or the server has closed or offended.
async fn events(connection: &mut Connection, session: &mut client::Session, count: usize) -> Vec<Event> {
    let (mut input, mut found) = (BytesMut::new(), Vec::new());
    while found.len() < count {
        let Ok(Received::Octets(_)) = connection.receive(&mut input, None).await else { break };
        let (mut rest, mut out) = (input.as_ref(), Vec::new());
        while let Ok(Some(event)) = session.receive(&mut rest, &mut out) {
            found.push(event);
        }
        let used = input.len() - rest.len();
        input.advance(used);
        connection.send(&out, None).await.unwrap();
    }
    found
}

#[tokio::test]
async fn calls_that_come_together_are_answered_in_their_order() {
    let mut connection = serve();
    let mut session = client::Session::new(Secret::new(SECRET).unwrap(), [5; 32]);
    assert_eq!(events(&mut connection, &mut session, 1).await, [Event::Ready]);
    let mut out = Vec::new();
    for number in 0..100 {
        call::put(&mut out, number, &Call { table: "t", key: "k", operation: Operation::Throttle { amount: 1 } });
    }
    connection.send(&out, None).await.unwrap();
    let answers = events(&mut connection, &mut session, 100).await;
    for (expected, event) in answers.into_iter().enumerate() {
        let Event::Answer(number, Ok(outcome)) = event else { panic!("{event:?}") };
        assert_eq!(number as usize, expected);
        assert_eq!(outcome.as_callout().is_some(), expected >= 3);
    }
}

#[tokio::test]
async fn without_the_secret_nothing_is_answered() {
    let mut connection = serve();
    let mut out = Vec::new();
    frame::put(&mut out, |out| out.extend_from_slice(&[0; 64]));
    call::put(&mut out, 1, &Call { table: "t", key: "k", operation: Operation::Query });
    connection.send(&out, None).await.unwrap();
    let mut heard = BytesMut::new();
    while let Ok(Received::Octets(_)) = connection.receive(&mut heard, None).await {}
    assert_eq!(&heard[44..], b"\0\0\0\x01\0", "the greeting, the refusal, and the end");
}
