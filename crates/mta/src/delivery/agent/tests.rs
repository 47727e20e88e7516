//! Agents against servers on loopback that do as they are told; time is handed in.

use super::*;
use crate::authentication::service::Authentication;
use crate::channels::brought::Brought;
use crate::channels::named::Piece;
use crate::channels::service::Channels;
use crate::content::service::Content;
use crate::content::settings::Disclaimer;
use crate::delivery::routing::{Credentials, Rule, TlsPolicy, Way};
use crate::delivery::service::Parts;
use crate::delivery::settings::Settings;
use crate::scripts::service::Scripts;
use directory::directory::Directory;
use directory::embedded::Embedded;
use directory::embedded::NewAccount;
use directory::entry::Name;
use events::Bus;
use mail::store::Mail;
use model::Timestamp;
use net::random::Seeded;
use net::resolver::table::{Table, TableResolver};
use net::{ClientTls, Registry, Shutdown};
use queue::entry::{NewEntry, Recipient, Route};
use queue::filter::Filter;
use queue::queue::Queue;
use smtp::envelope::{BodyKind, MailFrom, RcptTo};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use storage::{NewBlob, Partition, Partitions};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What a server does.
#[derive(Clone, Copy, Default)]
struct Manners {
    lmtp: bool,
    offers: &'static str,
    /// Closes instead of replying to the message, which it has taken.
    breaks_off: bool,
    /// Closes when the message is done, without a word.
    closes: bool,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    commands: Vec<String>,
    messages: Vec<String>,
}

struct Sink {
    port: u16,
    seen: Arc<Mutex<Seen>>,
    manners: Arc<Mutex<Manners>>,
}

impl Sink {
    async fn new(manners: Manners) -> Sink {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, manners) = (Arc::<Mutex<Seen>>::default(), Arc::new(Mutex::new(manners)));
        let (all, how) = (Arc::clone(&seen), Arc::clone(&manners));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                all.lock().unwrap().connections += 1;
                let manners = *how.lock().unwrap();
                tokio::spawn(converse(stream, manners, Arc::clone(&all)));
            }
        });
        Sink { port, seen, manners }
    }

    fn messages(&self) -> Vec<String> {
        self.seen.lock().unwrap().messages.clone()
    }

    fn said(&self, text: &str) -> bool {
        self.seen.lock().unwrap().commands.iter().any(|command| command.contains(text))
    }
}

async fn converse(stream: TcpStream, manners: Manners, seen: Arc<Mutex<Seen>>) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    let mut accepted = 0;
    stream.write_all(b"220 sink\r\n").await.unwrap();
    while stream.read_line(&mut line).await.is_ok_and(|octets| octets > 0) {
        let command = std::mem::take(&mut line);
        seen.lock().unwrap().commands.push(command.trim().to_owned());
        let mut replies = match command.get(..4).unwrap_or_default() {
            "EHLO" | "LHLO" => format!("250-sink\r\n{}250 HELP\r\n", manners.offers),
            "MAIL" => {
                accepted = 0;
                "250 ok\r\n".to_owned()
            }
            "RCPT" if command.contains("<bad") => "550 5.1.1 nobody\r\n".to_owned(),
            "RCPT" if command.contains("<later") => "450 4.2.0 not now\r\n".to_owned(),
            "RCPT" => {
                accepted += 1;
                "250 ok\r\n".to_owned()
            }
            "DATA" if accepted == 0 => "554 nobody\r\n".to_owned(),
            "DATA" => "354 go\r\n".to_owned(),
            "AUTH" => "235 welcome\r\n".to_owned(),
            // What follows is no text, so the conversation ends there.
            "STAR" => "220 go\r\n".to_owned(),
            "QUIT" => "221 bye\r\n".to_owned(),
            _ => "250 ok\r\n".to_owned(),
        };
        stream.write_all(replies.as_bytes()).await.unwrap();
        if replies.starts_with("354") {
            let mut message = String::new();
            while !message.ends_with("\r\n.\r\n") && stream.read_line(&mut message).await.is_ok_and(|got| got > 0) {}
            seen.lock().unwrap().messages.push(message);
            if manners.breaks_off {
                return;
            }
            replies = "250 2.0.0 taken\r\n".repeat(if manners.lmtp { accepted } else { 1 });
            stream.write_all(replies.as_bytes()).await.unwrap();
            if manners.closes {
                return;
            }
        }
    }
}

struct Ground {
    service: Service,
    mail: Mail,
    directory: Embedded,
    now: Arc<AtomicU64>,
}

impl Ground {
    async fn new(names: &[String], rules: Vec<Rule>) -> Ground {
        Ground::with_content(names, rules, crate::content::settings::Settings::default()).await
    }

    async fn with_content(names: &[String], rules: Vec<Rule>, content: crate::content::settings::Settings) -> Ground {
        let system = Partition::in_memory().unwrap();
        let directory = Embedded::new(system.clone(), directory::settings::Settings::default()).unwrap();
        directory.add_domain(&"b.test".parse().unwrap(), None).await.unwrap();
        for address in ["alice@b.test", "bob@b.test"] {
            let account = NewAccount {
                address: address.parse().unwrap(),
                name: String::new(),
                credentials: None,
                roles: Vec::new(),
                quota_octets: None,
                quota_messages: None,
                partition: "primary".to_owned(),
            };
            directory.add_account(account).await.unwrap();
        }
        let partitions = Partitions::single("primary", Partition::in_memory().unwrap()).unwrap();
        let mail = Mail::new(partitions, Bus::new(), mail::settings::Settings::default()).unwrap();
        let now = Arc::new(AtomicU64::new(1_000_000_000));
        let (clock, random) = (Arc::clone(&now), AtomicU64::new(0));
        let queue = Queue::open(
            system.clone(),
            queue::settings::Settings::new("mx.b.test".parse().unwrap()),
            Arc::new(move || Timestamp(clock.load(Ordering::SeqCst))),
            Arc::new(move || random.fetch_add(1, Ordering::SeqCst)),
        )
        .unwrap();
        let folder = std::env::temp_dir().join("heliograph-no-such-folder");
        let of_scripts = crate::scripts::service::Parts {
            mail: mail.clone(),
            directory: Arc::new(directory.clone()),
            clock: Arc::new(net::SystemClock),
            random: Arc::new(Seeded::new(2)),
        };
        let host: model::Domain = "mx.b.test".parse().unwrap();
        let choices = crate::scripts::settings::Settings::new(host, folder);
        let scripts = Scripts::new(choices, of_scripts, &Registry::new()).unwrap();
        let resolver: Arc<dyn net::Resolver> = Arc::new(TableResolver::new(Table::parse(names).unwrap()));
        let authentication = crate::authentication::service::Parts {
            resolver: Arc::clone(&resolver),
            clock: Arc::new(net::SystemClock),
            random: Arc::new(Seeded::new(2)),
            tls: ClientTls::new(None).unwrap(),
            partition: system.clone(),
            data: std::env::temp_dir().join("heliograph-no-such-folder"),
        };
        let chosen = crate::authentication::settings::Settings::new("mx.b.test");
        let authentication = Authentication::open(chosen, authentication, &Registry::new()).unwrap();
        let parts = Parts {
            authentication: Arc::new(authentication),
            queue,
            mail: mail.clone(),
            scripts: Arc::new(scripts),
            directory: Arc::new(directory.clone()),
            resolver,
            tls: ClientTls::new(None).unwrap(),
            channels: Arc::new(Channels::none(&Registry::new())),
            content: Arc::new(Content::new(content, "mx.b.test", Arc::new(Seeded::new(2)), &Registry::new())),
            random: Arc::new(Seeded::new(1)),
        };
        let settings = Settings { rules, ..Settings::new("mx.b.test") };
        Ground { service: Service::new(settings, parts, &Registry::new()), mail, directory, now }
    }

    async fn to(sink: &Sink) -> Ground {
        Ground::new(&[format!("far.test a 127.0.0.1:{}", sink.port)], Vec::new()).await
    }

    async fn submit(&self, route: Option<Route>, to: &[&str], body: &str) {
        let recipients = to.iter().map(|to| {
            let address: model::Address = to.parse().unwrap();
            let route = route.clone().unwrap_or_else(|| self.service.route(&address));
            (RcptTo { address, notify: None, original: None }, route)
        });
        let entry = NewEntry {
            mail_from: MailFrom {
                reverse_path: Some("alice@b.test".parse().unwrap()),
                body: BodyKind::EightBitMime,
                ..MailFrom::default()
            },
            recipients: recipients.collect(),
            body: NewBlob::new(body.as_bytes().to_vec()),
            trace: TraceId(1),
            received_from: String::new(),
            authenticated: None,
            scores: queue::entry::Scores::default(),
            instructions: std::collections::BTreeMap::new(),
        };
        self.service.parts.queue.submit(entry).await.unwrap();
    }

    /// Attempts until nothing is due; returns how many there were.
    async fn run(&self, channel: Channel) -> usize {
        let mut count = 0;
        while let Some(lease) = self.service.take(channel).unwrap() {
            attempt(&self.service, lease, &ShutdownToken::never()).await.unwrap();
            count += 1;
        }
        count
    }

    fn pass(&self, secs: u64) {
        self.now.fetch_add(secs * 1000, Ordering::SeqCst);
    }

    fn waiting(&self) -> Vec<Recipient> {
        let listing = self.service.parts.queue.list(&Filter::default(), None, 100).unwrap();
        listing.entries.into_iter().flat_map(|entry| entry.recipients).filter(|one| one.state.is_open()).collect()
    }

    async fn inbox(&self, name: &str) -> u64 {
        let account = self.directory.account_named(name).await.unwrap().unwrap();
        let owner = account::owner::Owner::new(account.account_id(), account.partition.clone());
        self.mail.usage(&owner).unwrap().items
    }
}

const BODY: &str = "Subject: hello\r\n\r\n.dot\r\nbody\r\n";

#[tokio::test]
async fn each_recipient_has_its_own_fate() {
    let sink = Sink::new(Manners { offers: "250-PIPELINING\r\n", ..Manners::default() }).await;
    let ground = Ground::to(&sink).await;
    ground.submit(None, &["ok@far.test", "bad@far.test", "later@far.test"], BODY).await;
    assert_eq!(ground.run(Channel::Smtp).await, 1);
    assert_eq!(sink.messages(), ["Subject: hello\r\n\r\n..dot\r\nbody\r\n.\r\n"]);
    let waiting: Vec<String> = ground.waiting().iter().map(|one| one.rcpt.address.to_string()).collect();
    assert_eq!(waiting, ["later@far.test", "alice@b.test"], "the one to try again, and the notice");
    ground.run(Channel::Process).await;
    assert_eq!(ground.inbox("alice@b.test").await, 1);
    assert_eq!(ground.run(Channel::Smtp).await, 0, "not before its time");
    ground.pass(3600);
    assert_eq!(ground.run(Channel::Smtp).await, 1);
}

#[tokio::test]
async fn a_connection_is_used_again_and_one_that_died_costs_nothing() {
    for (closes, connections) in [(false, 1), (true, 3)] {
        let sink = Sink::new(Manners { closes, ..Manners::default() }).await;
        let ground = Ground::to(&sink).await;
        for _ in 0..3 {
            ground.submit(None, &["ok@far.test"], BODY).await;
        }
        ground.run(Channel::Smtp).await;
        assert_eq!((sink.messages().len(), sink.seen.lock().unwrap().connections), (3, connections));
        assert!(ground.waiting().is_empty());
    }
}

#[tokio::test]
async fn a_smart_host_is_logged_in_to() {
    let sink = Sink::new(Manners { offers: "250-AUTH PLAIN\r\n", ..Manners::default() }).await;
    let way = Way::Host { host: "127.0.0.1".to_owned(), port: sink.port };
    let login = Some(Credentials { name: "me".to_owned(), password: "secret".to_owned() });
    let rule = Rule { domain: "*".to_owned(), way, tls: TlsPolicy::Opportunistic, login };
    let ground = Ground::new(&[], vec![rule]).await;
    ground.submit(None, &["x@any.test"], BODY).await;
    ground.run(Channel::Smtp).await;
    assert!(sink.said("AUTH PLAIN AG1lAHNlY3JldA=="));
    assert_eq!(sink.messages().len(), 1);
}

#[tokio::test]
async fn tls_that_fails_is_done_without_only_where_it_was_a_wish() {
    for (tls, messages) in [(TlsPolicy::Opportunistic, 1), (TlsPolicy::Encrypted, 0), (TlsPolicy::Verified, 0)] {
        let sink = Sink::new(Manners { offers: "250-STARTTLS\r\n", ..Manners::default() }).await;
        let way = Way::Host { host: "127.0.0.1".to_owned(), port: sink.port };
        let ground = Ground::new(&[], vec![Rule { domain: "*".to_owned(), way, tls, login: None }]).await;
        ground.submit(None, &["x@any.test"], BODY).await;
        ground.run(Channel::Smtp).await;
        assert!(sink.said("STARTTLS"));
        assert_eq!((sink.messages().len(), ground.waiting().len()), (messages, 1 - messages), "{tls:?}");
    }
}

#[tokio::test]
async fn a_break_after_the_message_gives_one_more_copy_at_most() {
    let sink = Sink::new(Manners { breaks_off: true, ..Manners::default() }).await;
    let ground = Ground::to(&sink).await;
    ground.submit(None, &["ok@far.test"], BODY).await;
    assert_eq!(ground.run(Channel::Smtp).await, 1);
    assert_eq!((sink.messages().len(), ground.waiting().len()), (1, 1));
    sink.manners.lock().unwrap().breaks_off = false;
    ground.pass(3600);
    assert_eq!(ground.run(Channel::Smtp).await, 1);
    assert_eq!((sink.messages().len(), ground.waiting().len()), (2, 0));
}

#[tokio::test]
async fn without_names_mail_waits_and_unknown_domains_come_back() {
    let ground = Ground::new(&["far.test fail".to_owned()], Vec::new()).await;
    ground.submit(None, &["x@far.test"], BODY).await;
    ground.submit(None, &["x@missing.test"], BODY).await;
    assert_eq!(ground.run(Channel::Smtp).await, 2);
    let waiting = ground.waiting();
    assert_eq!(waiting[0].heard.as_ref().unwrap().status, "4.4.3");
    assert_eq!(waiting[1].rcpt.address.to_string(), "alice@b.test");
}

#[tokio::test]
async fn a_destination_that_cannot_be_reached_rests() {
    let sink = Sink::new(Manners::default()).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let names = [format!("far.test a 127.0.0.1:{closed}"), format!("ok.test a 127.0.0.1:{}", sink.port)];
    let ground = Ground::new(&names, Vec::new()).await;
    for to in ["x@far.test", "y@far.test", "z@ok.test"] {
        ground.submit(None, &[to], BODY).await;
    }
    assert_eq!(ground.run(Channel::Smtp).await, 2, "the second message does not even try");
    assert_eq!(sink.messages().len(), 1);
    ground.pass(120);
    assert_eq!(ground.run(Channel::Smtp).await, 1);
}

#[tokio::test]
async fn eight_bits_are_encoded_where_they_cannot_go() {
    let body = "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
                Content-Transfer-Encoding: 8bit\r\n\r\nå\r\n";
    let plain = Sink::new(Manners::default()).await;
    let ground = Ground::to(&plain).await;
    ground.submit(None, &["ok@far.test"], body).await;
    ground.run(Channel::Smtp).await;
    assert!(plain.messages()[0].is_ascii() && plain.messages()[0].contains("w6U"), "{:?}", plain.messages());
    let wide = Sink::new(Manners { offers: "250-8BITMIME\r\n", ..Manners::default() }).await;
    let ground = Ground::to(&wide).await;
    ground.submit(None, &["ok@far.test"], body).await;
    ground.run(Channel::Smtp).await;
    assert!(wide.messages()[0].contains('å') && wide.said("BODY=8BITMIME"));
}

#[tokio::test]
async fn required_tls_is_required() {
    let sink = Sink::new(Manners::default()).await;
    let way = Way::Host { host: "127.0.0.1".to_owned(), port: sink.port };
    let rule = Rule { domain: "*".to_owned(), way, tls: TlsPolicy::Encrypted, login: None };
    let ground = Ground::new(&[], vec![rule]).await;
    ground.submit(None, &["x@any.test", "y@other.test"], BODY).await;
    assert_eq!(ground.run(Channel::Smtp).await, 1, "one smart host takes both");
    assert!(sink.messages().is_empty());
    assert_eq!(ground.waiting()[0].heard.as_ref().unwrap().status, "4.7.10");
}

#[tokio::test]
async fn another_store_answers_for_each() {
    let sink = Sink::new(Manners { lmtp: true, offers: "250-PIPELINING\r\n", ..Manners::default() }).await;
    let way = Way::Lmtp { host: "127.0.0.1".to_owned(), port: sink.port };
    let rule = Rule { domain: "far.test".to_owned(), way, ..Rule::default_way() };
    let ground = Ground::new(&[], vec![rule]).await;
    ground.submit(None, &["x@far.test", "y@far.test", "bad@far.test"], BODY).await;
    assert_eq!(ground.run(Channel::Lmtp).await, 1);
    assert!(sink.said("LHLO mx.b.test"));
    assert_eq!((sink.messages().len(), ground.waiting().len()), (1, 1));
}

#[tokio::test]
async fn groups_reach_mailboxes_and_others_exactly_once() {
    let sink = Sink::new(Manners::default()).await;
    let ground = Ground::to(&sink).await;
    let members = ["bob@b.test", "x@far.test"].map(str::to_owned).to_vec();
    let group = Name::Group { title: String::new(), members };
    ground.directory.set_name(&"all@b.test".parse().unwrap(), group).await.unwrap();
    let local = Route::new(Channel::Local, "");
    ground.submit(Some(local), &["all@b.test", "bob@b.test", "nobody@b.test"], BODY).await;
    // The process dies between filing and writing that down: the next attempt files nothing more.
    let lease = ground.service.take(Channel::Local).unwrap().unwrap();
    drop(local::attempt(&ground.service, &lease).await);
    drop(lease);
    assert_eq!(ground.run(Channel::Local).await, 1);
    assert_eq!(ground.inbox("bob@b.test").await, 1);
    assert_eq!(ground.run(Channel::Smtp).await, 1);
    assert_eq!(sink.messages().len(), 1);
    ground.run(Channel::Process).await;
    assert_eq!(ground.inbox("alice@b.test").await, 1, "told of nobody@");
    assert!(ground.waiting().is_empty());
}

#[tokio::test]
async fn agents_work_on_their_own_and_end_when_asked() {
    let sink = Sink::new(Manners::default()).await;
    let ground = Ground::to(&sink).await;
    let queue = ground.service.parts.queue.clone();
    ground.submit(None, &["ok@far.test"], BODY).await;
    let shutdown = Shutdown::new();
    let agents = tokio::spawn(start(Arc::new(ground.service), shutdown.token()));
    loop {
        let mut changed = std::pin::pin!(queue.changed());
        changed.as_mut().enable();
        if queue.list(&Filter::default(), None, 1).unwrap().entries.is_empty() {
            break;
        }
        changed.await;
    }
    shutdown.drain();
    agents.await.unwrap();
    assert_eq!(sink.messages().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_message_goes_as_fragments() {
    let sink = Sink::new(Manners::default()).await;
    let content = crate::content::settings::Settings {
        fragment_octets: [(Channel::Smtp, 2048)].into(),
        ..crate::content::settings::Settings::default()
    };
    let ground = Ground::with_content(&[format!("far.test a 127.0.0.1:{}", sink.port)], Vec::new(), content).await;
    let body = format!("Subject: large\r\n\r\n{}", "a line of text\r\n".repeat(300));
    ground.submit(None, &["friend@far.test"], &body).await;
    assert!(ground.run(Channel::Smtp).await > 3);
    let fragments = sink.messages();
    assert!(fragments.len() > 2 && fragments.iter().all(|one| one.contains("Content-Type: message/partial;")));
    let octets: Vec<&[u8]> = fragments.iter().map(|one| one.strip_suffix(".\r\n").unwrap().as_bytes()).collect();
    let whole = String::from_utf8(message::partial::join(&octets)).unwrap();
    assert_eq!(whole, body);
    assert!(ground.service.parts.queue.list(&Filter::default(), None, 10).unwrap().entries.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn disclaimers_are_for_those_whom_they_are_for() {
    let sink = Sink::new(Manners::default()).await;
    let any = || vec!["*".to_owned()];
    let disclaimer = Disclaimer {
        name: "one".to_owned(),
        sources: vec!["submission".to_owned()],
        outs: any(),
        from: any(),
        to: vec!["friend@far.test".to_owned()],
        addition: message::addition::Addition {
            text: "Mind this.".to_owned(),
            html: "<p>Mind this.".to_owned(),
            at_top: false,
        },
    };
    let settings = crate::content::settings::Settings { disclaimers: vec![disclaimer], ..Default::default() };
    let ground = Ground::with_content(&[format!("far.test a 127.0.0.1:{}", sink.port)], Vec::new(), settings).await;
    let content = &ground.service.parts.content;
    let way = |to: &str| {
        let to = to.parse().unwrap();
        let mail = Piece { brought: &Brought::by("submission"), from: None, to: &to };
        crate::content::selection::route(content, mail, None, ground.service.route(&to))
    };
    assert_eq!(way("other@far.test").channel, Channel::Smtp);
    let through = way("friend@far.test");
    assert_eq!(through, Route::new(Channel::Conversion, "submission>smtp far.test"));
    ground.submit(Some(through), &["friend@far.test", "other@far.test"], "Subject: x\r\n\r\nHello\r\n").await;
    assert_eq!(ground.run(Channel::Conversion).await, 1);
    assert_eq!(ground.run(Channel::Smtp).await, 2);
    let mut bodies = sink.messages();
    bodies.sort();
    assert_eq!(bodies, ["Subject: x\r\n\r\nHello\r\n\r\nMind this.\r\n.\r\n", "Subject: x\r\n\r\nHello\r\n.\r\n"]);
}

#[tokio::test]
async fn a_fragment_that_waited_in_vain_goes_on_alone() {
    let sink = Sink::new(Manners::default()).await;
    let ground = Ground::to(&sink).await;
    let place = queue::fragments::Place { set: 7, number: 2, total: 3, channel: Channel::Smtp };
    let route = Route::new(Channel::Defragment, &place.to_string());
    ground.submit(Some(route), &["friend@far.test"], "Subject: x\r\n\r\nHello\r\n").await;
    assert_eq!(ground.run(Channel::Defragment).await, 0);
    ground.now.fetch_add(36 * 3_600_000, Ordering::SeqCst);
    assert_eq!((ground.run(Channel::Defragment).await, ground.run(Channel::Process).await), (1, 1));
    assert_eq!(ground.run(Channel::Smtp).await, 1);
    assert_eq!(sink.messages().len(), 1);
}

mod named;
mod scripted;
