use super::*;
use crate::filter::settings::SpamdCommand;
use bytes::Bytes;
use net::Endpoint;
use net::resolver::table::{Table, TableResolver};
use smtp::envelope::MailFrom;
use smtp::milter::flags::{Actions, Steps};
use smtp::milter::response::{Change, Verdict};
use smtp::milter::{command, server};
use smtp::server::Kind;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const MESSAGE: &[u8] = b"Subject: hello\r\nX-A: 1\r\n\r\nbody of it\r\n";

/// What a scripted filter does with a connection.
#[derive(Clone)]
enum Play {
    /// Reads nothing, says nothing.
    Hang,
    /// Closes when something came.
    Close,
    /// Says this again and again, without end.
    Chatter(&'static [u8]),
    /// Says this when it has read so many octets, in pieces, then closes.
    Say { after: usize, what: Vec<u8> },
}

struct Peer {
    host: Host,
    connections: Arc<AtomicUsize>,
}

async fn peer(plays: Vec<Play>) -> Peer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let number = counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(play(socket, plays[number.min(plays.len() - 1)].clone()));
        }
    });
    Peer { host: Host::Tcp { host: "127.0.0.1".to_owned(), port }, connections }
}

async fn play(mut socket: TcpStream, play: Play) {
    match play {
        Play::Hang => std::future::pending().await,
        Play::Close => {
            let _ = socket.read(&mut [0; 16]).await;
        }
        Play::Chatter(what) => while socket.write_all(&what.repeat(1_000)).await.is_ok() {},
        Play::Say { after, what } => {
            let (mut seen, mut room) = (0, [0; 4096]);
            while seen < after {
                match socket.read(&mut room).await {
                    Ok(0) | Err(_) => return,
                    Ok(octets) => seen += octets,
                }
            }
            for piece in what.chunks(7) {
                if socket.write_all(piece).await.is_err() {
                    return;
                }
            }
            // Closed while something is unread, the connection would be reset and the answer with it.
            let _ = socket.shutdown().await;
            while socket.read(&mut room).await.is_ok_and(|octets| octets > 0) {}
        }
    }
}

fn say(what: &str) -> Play {
    Play::Say { after: MESSAGE.len(), what: what.as_bytes().to_vec() }
}

fn engine(protocol: Protocol, hosts: Vec<Host>, change: impl FnOnce(&mut Filter)) -> Engine {
    let mut filter = Filter::new(1, "tested", protocol, hosts);
    filter.step_timeout = Duration::from_millis(300);
    filter.total_timeout = Duration::from_secs(20);
    change(&mut filter);
    let none = Arc::new(TableResolver::new(Table::parse::<&str>([]).unwrap()));
    Engine::new(filter, none, &Registry::new())
}

fn original() -> Original {
    Original {
        trace: TraceId(7),
        kind: Kind::Smtp,
        source: "tcp_local".to_owned(),
        outs: Vec::new(),
        peer: Endpoint::Ip("192.0.2.1:5000".parse().unwrap()),
        hello: "client.test".to_owned(),
        tls: false,
        login: None,
        host: "mx.test".to_owned(),
        mail_from: MailFrom { reverse_path: Some("a@b.test".parse().unwrap()), ..MailFrom::default() },
        recipients: vec![vec!["c@d.test".to_owned()], vec!["e@f.test".to_owned()]],
        message: Bytes::from_static(MESSAGE),
    }
}

async fn ask(engine: &Engine) -> Result<Answer, Failure> {
    engine.ask(&original(), &[0, 1]).await
}

#[tokio::test]
async fn a_filter_that_hangs_is_left_after_a_step() {
    for protocol in [Protocol::Milter, Protocol::Rspamd, Protocol::Spamd, Protocol::Clamd, Protocol::Icap] {
        let peer = peer(vec![Play::Hang]).await;
        let failure = ask(&engine(protocol, vec![peer.host], |_| {})).await.unwrap_err();
        assert!(matches!(failure, Failure::TimedOut { .. }), "{protocol:?} {failure}");
    }
}

#[tokio::test]
async fn a_filter_that_always_has_something_to_say_ends_with_its_time() {
    // A milter says that it is at work.
    let peer = peer(vec![Play::Chatter(b"\0\0\0\x01p")]).await;
    let engine = engine(Protocol::Milter, vec![peer.host], |filter| filter.total_timeout = Duration::from_millis(300));
    let asked = tokio::time::timeout(Duration::from_secs(30), ask(&engine)).await.expect("an end");
    assert!(matches!(asked, Err(Failure::TimedOut { .. })), "{asked:?}");
}

#[test]
fn hosts_share_the_time_for_dialling() {
    let host = Host::Tcp { host: "127.0.0.1".to_owned(), port: 1 };
    let engine = engine(Protocol::Clamd, vec![host], |filter| filter.connect_timeout = Duration::from_secs(3));
    let connect = |secs, hosts| engine.limits(Instant::now() + Duration::from_secs(secs), hosts).connect;
    assert_eq!(connect(60, 2), Duration::from_secs(3), "there is enough for all");
    assert!(connect(4, 4) <= Duration::from_secs(1) && connect(0, 1) == Duration::ZERO);
}

#[tokio::test]
async fn a_filter_that_closes_or_talks_nonsense_is_noticed() {
    for protocol in [Protocol::Milter, Protocol::Rspamd, Protocol::Spamd, Protocol::Clamd, Protocol::Icap] {
        let closing = peer(vec![Play::Close]).await;
        let failure = ask(&engine(protocol, vec![closing.host], |_| {})).await.unwrap_err();
        assert!(matches!(failure, Failure::Lost { .. }), "{protocol:?} {failure}");
        let raving = peer(vec![Play::Say { after: 1, what: b"\xff\xff\xff\xffnonsense\r\n\r\n\0".to_vec() }]).await;
        let failure = ask(&engine(protocol, vec![raving.host], |_| {})).await.unwrap_err();
        assert!(matches!(failure, Failure::Strange { .. } | Failure::Lost { .. }), "{protocol:?} {failure}");
    }
}

#[tokio::test]
async fn the_next_host_is_asked_and_the_broken_one_left_alone() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = Host::Tcp { host: "127.0.0.1".to_owned(), port: nobody.local_addr().unwrap().port() };
    drop(nobody);
    let well = peer(vec![say("stream: OK\0")]).await;
    let engine = engine(Protocol::Clamd, vec![gone, well.host], |_| {});
    assert_eq!(ask(&engine).await.unwrap().report.virus, Some(1));
    assert_eq!(engine.hosts().map(|(_, rests)| rests).collect::<Vec<_>>(), [true, false]);
    assert_eq!(ask(&engine).await.unwrap().report.virus, Some(1));
    assert_eq!(well.connections.load(Ordering::SeqCst), 2);
    assert_eq!(engine.signals.counts(), (2, 0, 0));
}

#[tokio::test]
async fn a_host_that_rests_costs_no_time() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = Host::Tcp { host: "127.0.0.1".to_owned(), port: nobody.local_addr().unwrap().port() };
    drop(nobody);
    let engine = engine(Protocol::Clamd, vec![gone], |_| {});
    assert!(matches!(ask(&engine).await, Err(Failure::Connect { .. })));
    assert_eq!(ask(&engine).await, Err(Failure::Resting));
    assert!(!engine.signals.is_up());
}

#[tokio::test]
async fn a_full_filter_is_waited_for_within_its_time() {
    let peer = peer(vec![Play::Hang]).await;
    let engine = Arc::new(engine(Protocol::Clamd, vec![peer.host], |filter| {
        filter.connections_max = 1;
        filter.step_timeout = Duration::from_secs(20);
        filter.total_timeout = Duration::from_millis(500);
    }));
    let (first, second) = tokio::join!(ask(&engine), ask(&engine));
    let failures = [first.unwrap_err(), second.unwrap_err()];
    assert!(failures.iter().any(|failure| matches!(failure, Failure::Busy(_))), "{failures:?}");
}

#[tokio::test]
async fn rspamd_is_understood() {
    let json = r#"{"action":"add header","score":7.5,"required_score":15,"milter":{"add_headers":{"X-Spam":"Yes"}}}"#;
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{json}", json.len());
    let peer = peer(vec![say(&answer)]).await;
    let report = ask(&engine(Protocol::Rspamd, vec![peer.host], |_| {})).await.unwrap().report;
    assert_eq!(report.verdict.as_deref(), Some("add header"));
    assert_eq!((report.score.unwrap().percent(), report.changes.len()), (50, 1));
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_is_made_anew() {
    let json = r#"{"action":"no action","score":0,"required_score":15}"#;
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{json}", json.len());
    let peer = peer(vec![say(&answer)]).await;
    let engine = engine(Protocol::Rspamd, vec![peer.host], |_| {});
    for _ in 0..3 {
        assert_eq!(ask(&engine).await.unwrap().report.verdict, None);
    }
    assert_eq!(engine.signals.counts(), (3, 0, 0));
}

#[tokio::test]
async fn spamd_scores_and_rewrites() {
    let peer_one =
        peer(vec![say("SPAMD/1.1 0 EX_OK\r\nContent-length: 9\r\nSpam: True ; 9.0 / 5.0\r\n\r\nGTUBE,FOO")]).await;
    let report = ask(&engine(Protocol::Spamd, vec![peer_one.host], |_| {})).await.unwrap().report;
    assert_eq!(report.verdict.as_deref(), Some("True ; 9.0 / 5.0 GTUBE,FOO"));
    let peer_two =
        peer(vec![say("SPAMD/1.1 0 EX_OK\r\nSpam: False ; 1.0 / 5.0\r\n\r\nX-Spam: No\nSubject: hello\n\nbody\n")])
            .await;
    let process = |filter: &mut Filter| filter.spamd_command = SpamdCommand::Process;
    let answer = ask(&engine(Protocol::Spamd, vec![peer_two.host], process)).await.unwrap();
    assert_eq!(answer.rewritten.as_deref(), Some(&b"X-Spam: No\r\nSubject: hello\r\n\r\nbody\r\n"[..]));
    assert_eq!(answer.report.verdict, None);
}

#[tokio::test]
async fn clamd_names_the_virus_or_says_why_not() {
    let found = peer(vec![say("stream: Eicar-Test FOUND\0")]).await;
    let report = ask(&engine(Protocol::Clamd, vec![found.host], |_| {})).await.unwrap().report;
    assert_eq!((report.verdict.as_deref(), report.virus), (Some("Eicar-Test"), Some(5)));
    let declines = peer(vec![say("INSTREAM size limit exceeded. ERROR\0")]).await;
    let failure = ask(&engine(Protocol::Clamd, vec![declines.host], |_| {})).await.unwrap_err();
    assert!(matches!(failure, Failure::Declined { .. }), "{failure}");
}

/// An ICAP server for one connection: answers OPTIONS, then plays on.
async fn icap(answers: Vec<(&'static str, String)>) -> Host {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut seen = String::new();
        for (until, answer) in answers {
            while !seen.ends_with(until) {
                let mut room = [0; 4096];
                let octets = socket.read(&mut room).await.unwrap();
                assert!(octets > 0, "the client closed after {seen:?}");
                seen.push_str(&String::from_utf8_lossy(&room[..octets]));
            }
            seen.clear();
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    Host::Tcp { host: "127.0.0.1".to_owned(), port }
}

const OPTIONS: &str =
    "ICAP/1.0 200 OK\r\nMethods: RESPMOD\r\nPreview: 4\r\nAllow: 204\r\nEncapsulated: null-body=0\r\n\r\n";

#[tokio::test]
async fn icap_sees_a_preview_then_the_rest() {
    let page = "HTTP/1.1 403 Forbidden\r\n\r\n";
    let blocked = format!(
        "ICAP/1.0 200 OK\r\nX-Infection-Found: Type=0; Resolution=2; Threat=Eicar;\r\nEncapsulated: res-hdr=0, res-body={}\r\n\r\n{page}4\r\npage\r\n0\r\n\r\n",
        page.len()
    );
    let host = icap(vec![
        ("\r\n\r\n", OPTIONS.to_owned()),
        ("4\r\nSubj\r\n0\r\n\r\n", "ICAP/1.0 100 Continue\r\n\r\n".to_owned()),
        ("\r\n0\r\n\r\n", blocked),
        ("4\r\nSubj\r\n0\r\n\r\n", "ICAP/1.0 204 No Content\r\n\r\n".to_owned()),
    ])
    .await;
    let engine = engine(Protocol::Icap, vec![host], |_| {});
    let report = ask(&engine).await.unwrap().report;
    assert_eq!((report.verdict.as_deref(), report.virus), (Some("Eicar"), Some(5)));
    // The same connection, and this time it does not want the rest.
    assert_eq!(ask(&engine).await.unwrap().report.virus, Some(1));
}

/// A milter that speaks our own engine's other side.
async fn milter(
    answer: impl Fn(&mut server::Session, &server::Event) + Send + Sync + 'static,
) -> (Host, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            let mut session = server::Session::new(Actions::ALL, Steps::default());
            let mut held: Vec<u8> = Vec::new();
            'connection: loop {
                let mut room = [0; 4096];
                let octets = socket.read(&mut room).await.unwrap_or(0);
                if octets == 0 {
                    break;
                }
                held.extend_from_slice(&room[..octets]);
                let mut input = held.as_slice();
                loop {
                    match session.receive(&mut input).unwrap() {
                        server::Event::NeedMore => break,
                        server::Event::Closed => break 'connection,
                        event => answer(&mut session, &event),
                    }
                }
                held = input.to_vec();
                socket.write_all(&session.take_output()).await.unwrap();
            }
        }
    });
    (Host::Tcp { host: "127.0.0.1".to_owned(), port }, connections)
}

#[tokio::test]
async fn a_milter_changes_and_refuses() {
    let (host, connections) = milter(|session, event| match event {
        server::Event::Rcpt(path) if path.bare() == "e@f.test" => session.answer(Verdict::Reject),
        server::Event::EndOfMessage(_) => {
            assert_eq!(session.macro_value("i"), Some("0000000000000007"));
            assert_eq!(session.macro_value("{client_addr}"), Some("192.0.2.1"));
            let field = command::Field { name: "X-Milter".to_owned(), value: b"yes".to_vec() };
            assert!(session.change(Change::AddHeader(field)));
        }
        _ => {}
    })
    .await;
    let engine = engine(Protocol::Milter, vec![host], |_| {});
    for _ in 0..3 {
        let report = ask(&engine).await.unwrap().report;
        assert_eq!((report.changes.len(), report.refused.len(), report.refused[0].0), (1, 1, 1));
        assert_eq!(report.refused[0].1.code, 550);
    }
    assert_eq!(connections.load(Ordering::SeqCst), 3, "each message has a connection of its own");
}
