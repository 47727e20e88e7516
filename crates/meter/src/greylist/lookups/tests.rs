use super::*;
use net::Registry;
use net::resolver::{DnsAnswer, HostAddress, Mx};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

/// Answers when it is let go, and counts how often it was asked.
#[derive(Default)]
struct Held {
    asked: AtomicUsize,
    go: Notify,
}

impl Resolver for Held {
    fn mx<'a>(&'a self, _: &'a str) -> DnsAnswer<'a, Vec<Mx>> {
        unreachable!()
    }

    fn addresses<'a>(&'a self, name: &'a str) -> DnsAnswer<'a, Vec<HostAddress>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            self.go.notified().await;
            match name {
                "listed.test" => Ok(vec![HostAddress { ip: IpAddr::from([127, 0, 0, 2]), port: None }]),
                "failing.test" => Err(DnsError::Temporary { name: name.to_owned(), why: "test".to_owned() }),
                _ => Err(DnsError::NoSuchName { name: name.to_owned() }),
            }
        })
    }

    fn txt<'a>(&'a self, _: &'a str) -> DnsAnswer<'a, Vec<String>> {
        unreachable!()
    }

    fn ptr(&self, _: IpAddr) -> DnsAnswer<'_, Vec<String>> {
        unreachable!()
    }
}

fn lookups(at_once_max: usize) -> (Arc<Held>, Arc<Lookups>) {
    let resolver = Arc::new(Held::default());
    let signals = Arc::new(Signals::new(&Registry::new()));
    (Arc::clone(&resolver), Lookups::new(resolver, at_once_max, Duration::from_secs(60), signals))
}

async fn later(asked: Asked) -> Answer {
    match asked {
        Asked::Later(answer) => answer.await,
        Asked::Now(answer) => panic!("{answer:?} was there at once"),
    }
}

fn now(asked: Asked) -> Answer {
    match asked {
        Asked::Now(answer) => answer,
        Asked::Later(_) => panic!("it is not there yet"),
    }
}

#[tokio::test]
async fn a_name_is_asked_for_once_and_remembered() {
    let (resolver, lookups) = lookups(10);
    let (one, two) = (lookups.ask("listed.test".to_owned()), lookups.ask("listed.test".to_owned()));
    resolver.go.notify_one();
    let listed = Answer::Addresses([Ipv4Addr::new(127, 0, 0, 2)].into());
    assert_eq!((later(one).await, later(two).await), (listed.clone(), listed.clone()));
    assert_eq!(now(lookups.ask("listed.test".to_owned())), listed);
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_there_the_next_time() {
    let (resolver, lookups) = lookups(10);
    drop(lookups.ask("absent.test".to_owned()));
    let again = lookups.ask("absent.test".to_owned());
    resolver.go.notify_one();
    assert_eq!(later(again).await, Answer::Nothing);
    assert_eq!(now(lookups.ask("absent.test".to_owned())), Answer::Nothing);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_remembered_for_a_moment_only() {
    let (resolver, lookups) = lookups(10);
    let asked = lookups.ask("failing.test".to_owned());
    resolver.go.notify_one();
    assert_eq!(later(asked).await, Answer::Failed);
    assert_eq!(now(lookups.ask("failing.test".to_owned())), Answer::Failed);
    tokio::time::advance(FAILURE_KEPT).await;
    drop(lookups.ask("failing.test".to_owned()));
    resolver.go.notify_one();
    tokio::task::yield_now().await;
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn too_many_questions_at_once_are_not_asked() {
    let (_, lookups) = lookups(1);
    let _first = lookups.ask("a.test".to_owned());
    assert_eq!(now(lookups.ask("b.test".to_owned())), Answer::Failed);
}

#[tokio::test]
async fn the_memory_is_bounded() {
    let (_, lookups) = lookups(1);
    for number in 0..2 * ANSWERS_MAX {
        lookups.remember(format!("{number}.test"), Answer::Nothing);
    }
    assert!(lookups.len() <= ANSWERS_MAX, "{}", lookups.len());
    assert_eq!(now(lookups.ask(format!("{}.test", 2 * ANSWERS_MAX - 1))), Answer::Nothing);
}
