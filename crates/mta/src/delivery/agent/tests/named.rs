//! Mail that leaves by channels that the operator named, and what makes a detour.

use super::*;
use crate::channels::detour::{FIELD, Passage};
use crate::channels::key::Key;
use crate::channels::named::{Detour, NamedChannel};
use queue::entry::State;
use smtp::client::Kind;
use smtp::envelope::{Notify, OriginalRecipient};

fn scanner(port: u16) -> NamedChannel {
    let rule = Rule { way: Way::Host { host: "127.0.0.1".to_owned(), port }, ..Rule::default_way() };
    NamedChannel {
        name: "tcp_scanner".parse().unwrap(),
        kind: Kind::Smtp,
        rule,
        to: Vec::new(),
        from: Vec::new(),
        from_channels: Vec::new(),
        detour: Some(Detour { returns_from: Vec::new(), returns_within: Duration::from_secs(60) }),
    }
}

fn key() -> Key {
    Key::new(vec![9; 32])
}

async fn with(named: Vec<NamedChannel>) -> Ground {
    let mut ground = Ground::new(&[], Vec::new()).await;
    ground.service.parts.channels = Arc::new(Channels::new(named, None, Some(key()), &Registry::new()));
    ground
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_the_settings_do_not_know_keeps_its_mail() {
    let ground = with(Vec::new()).await;
    let route = Route::new("tcp_gone".parse().unwrap(), "somewhere:25");
    ground.submit(Some(route.clone()), &["x@far.test"], "Subject: x\r\n\r\nHello\r\n").await;
    assert_eq!(ground.run(route.channel).await, 1);
    let listing = ground.service.parts.queue.list(&Filter::default(), None, 9).unwrap();
    let [recipient] = &listing.entries[0].recipients[..] else { panic!("one recipient") };
    assert!(matches!(recipient.state, State::Due(at) if at > ground.service.parts.queue.now()));
    assert_eq!(recipient.route, route);
    let heard = recipient.heard.as_ref().unwrap();
    assert_eq!((heard.code, heard.status.as_str()), (451, "4.3.5"));
    assert!(heard.text.contains("tcp_gone"), "{}", heard.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_detour_takes_the_envelope_along_and_tells_nobody() {
    let sink = Sink::new(Manners::default()).await;
    let channel = scanner(sink.port);
    let ground = with(vec![channel.clone()]).await;
    let brought = Brought { channel: "tcp_local".to_owned(), ..Brought::by("smtp") };
    let route = channel.route(&"b.test".parse().unwrap(), &brought.through(channel.name).unwrap());
    let rcpt = RcptTo {
        address: "bob@b.test".parse().unwrap(),
        notify: Some(Notify { success: true, failure: true, delay: false }),
        original: Some(OriginalRecipient { kind: "rfc822".to_owned(), address: "Bob@b.test".to_owned() }),
    };
    let entry = NewEntry {
        mail_from: MailFrom {
            reverse_path: Some("someone@far.test".parse().unwrap()),
            envelope_id: Some("id 7".to_owned()),
            ..MailFrom::default()
        },
        recipients: vec![(rcpt.clone(), route.clone())],
        instructions: [(0, vec!["keep;".to_owned()])].into(),
        ..NewEntry::of(MailFrom::default(), Vec::new(), NewBlob::new("Subject: x\r\n\r\nHello\r\n"), TraceId(5))
    };
    ground.service.parts.queue.submit(entry).await.unwrap();
    assert_eq!(ground.run(route.channel).await, 1);
    assert!(sink.said("MAIL FROM:<someone@far.test>") && sink.said("RCPT TO:<bob@b.test>") && !sink.said("NOTIFY"));
    let [message] = &sink.messages()[..] else { panic!("one message") };
    let field = message::header::find(message.as_bytes(), FIELD).unwrap();
    let passage = Passage::read(field.value, &key(), ground.service.parts.queue.now()).unwrap();
    assert_eq!(passage.recipients, [(rcpt, vec!["keep;".to_owned()])]);
    assert_eq!((passage.mail_from.envelope_id.as_deref(), passage.brought.passed.len()), (Some("id 7"), 1));
    assert_eq!(passage.brought.source(), "tcp_local");
    let left = ground.service.parts.queue.list(&Filter::default(), None, 9).unwrap();
    assert!(left.entries.is_empty(), "no notice says that it was passed on: {:?}", left.entries);
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_stays_in_the_channel_of_a_scanner_that_is_away() {
    let sink = Sink::new(Manners::default()).await;
    let mut channel = scanner(sink.port);
    // Nobody listens on the port of a listener that is gone.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = gone.local_addr().unwrap().port();
    drop(gone);
    channel.rule.way = Way::Host { host: "127.0.0.1".to_owned(), port };
    let ground = with(vec![channel.clone()]).await;
    let brought = Brought::by("smtp").through(channel.name).unwrap();
    let route = channel.route(&"b.test".parse().unwrap(), &brought);
    ground.submit(Some(route.clone()), &["bob@b.test"], "Subject: x\r\n\r\nHello\r\n").await;
    assert_eq!(ground.run(route.channel).await, 1);
    let listing = ground.service.parts.queue.list(&Filter::default(), None, 9).unwrap();
    assert!(matches!(listing.entries[0].recipients[0].state, State::Due(_)));
    assert_eq!(listing.entries[0].recipients[0].route, route);
}
