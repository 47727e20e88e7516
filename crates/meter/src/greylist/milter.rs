//! A milter for other mail servers: each recipient is judged, everything else passes.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use net::{BoxFuture, Connection, Door, Received};
use smtp::milter::command::Peer;
use smtp::milter::flags::{Actions, Stage, Steps};
use smtp::milter::response::Verdict as Reply;
use smtp::milter::server::{Event, Session};
use smtp::status::EnhancedStatus;
use tokio::time::Instant;

use crate::greylist::judge::{Greylist, Verdict};
use crate::greylist::limits::{IDLE, SEND};
use crate::greylist::tally::Action;
use crate::greylist::triplet::{Query, Way};

/// What the filter does without: it judges envelopes only.
const UNWANTED: [Steps; 5] =
    [Steps::NO_BODY, Steps::NO_HEADERS, Steps::NO_END_OF_HEADER, Steps::NO_DATA, Steps::NO_UNKNOWN];

/// The macro in which a mail server names who has logged in.
const LOGIN: &str = "{auth_authen}";

/// What listens for mail servers.
pub struct Milter {
    greylist: Arc<Greylist>,
}

/// What is known of the client at the mail server's other end.
#[derive(Debug, Default)]
struct Client {
    address: Option<IpAddr>,
    hello: String,
    sender: String,
}

impl Milter {
    /// A milter of this greylister.
    pub fn new(greylist: Arc<Greylist>) -> Milter {
        Milter { greylist }
    }

    async fn converse(&self, connection: &mut Connection) -> std::io::Result<()> {
        let unwanted = UNWANTED.into_iter().fold(Steps::default(), |all, step| all | step);
        let mut session = Session::new(Actions::default(), unwanted).wanting_macros(Stage::Mail, &[LOGIN]);
        let (mut input, mut client) = (BytesMut::new(), Client::default());
        loop {
            let mut rest = input.as_ref();
            let event = session.receive(&mut rest);
            let used = input.len() - rest.len();
            input.advance(used);
            match event {
                Ok(Event::NeedMore) => {
                    connection.send(&session.take_output(), deadline(SEND)).await?;
                    match connection.receive_unless_draining(&mut input, deadline(IDLE)).await? {
                        Received::Octets(_) => {}
                        Received::Closed | Received::TimedOut | Received::Draining => return Ok(()),
                    }
                }
                Ok(Event::Closed) => return Ok(()),
                Ok(event) => self.hear(&mut session, &mut client, event).await,
                Err(offence) => {
                    self.greylist.signals().malformed("milter", &connection.peer().to_string(), &offence);
                    return Ok(());
                }
            }
        }
    }

    async fn hear(&self, session: &mut Session, client: &mut Client, event: Event) {
        match event {
            Event::Connect { peer, .. } => {
                let address = match peer {
                    Peer::Ip(address) => Some(address.ip()),
                    Peer::Unknown | Peer::Unix(_) => None,
                };
                *client = Client { address, ..Client::default() };
            }
            Event::Helo(name) => client.hello = name,
            Event::Mail(path) => client.sender = path.address,
            Event::Rcpt(path) => {
                // A client without an address is a program on the mail server's own machine.
                let Some(address) = client.address else { return };
                let mut query = Query::new(Way::Milter, address, &client.sender, &path.address).named(&client.hello);
                query.authenticated = session.macro_value(LOGIN).is_some_and(|name| !name.is_empty());
                session.answer(reply(&self.greylist.judge(&query).await));
            }
            Event::ClientGone => *client = Client::default(),
            // What is not answered passes.
            _ => {}
        }
    }
}

fn reply(verdict: &Verdict) -> Reply {
    let with = |code, class| {
        let status = EnhancedStatus::new(class, 7, 1);
        Reply::Reply(smtp::reply::Reply::new(code, status, &verdict.reason))
    };
    match verdict.action {
        Action::Trust | Action::Match => Reply::Continue,
        Action::Grey => with(451, 4),
        Action::Block => with(550, 5),
    }
}

fn deadline(timeout: Duration) -> Option<Instant> {
    Some(Instant::now() + timeout)
}

impl Door for Milter {
    fn serve(self: Arc<Self>, mut connection: Connection) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            // A failed read or write means that the mail server is gone.
            let _gone = self.converse(&mut connection).await;
            connection.close(deadline(SEND)).await;
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::greylist::settings::Settings;
    use model::Timestamp;
    use net::Registry;
    use net::clock::SetClock;
    use net::resolver::table::{Table, TableResolver};
    use smtp::milter::command::{Command, Offer, Path};
    use smtp::milter::frame;
    use smtp::milter::response::Response;

    struct MailServer {
        connection: Connection,
        input: BytesMut,
    }

    impl MailServer {
        fn new() -> MailServer {
            let resolver = Arc::new(TableResolver::new(Table::default()));
            let clock = Arc::new(SetClock::new(Timestamp::from_secs(1_000_000)));
            let greylist = Greylist::new(Settings::default(), resolver, clock, &Registry::new());
            let (ours, connection) = Connection::pair(64 * 1024);
            tokio::spawn(Arc::new(Milter::new(greylist)).serve(ours));
            MailServer { connection, input: BytesMut::new() }
        }

        async fn say(&mut self, command: Command) {
            let mut octets = Vec::new();
            command.write(&mut octets);
            self.connection.send(&octets, None).await.unwrap();
        }

        async fn hear(&mut self) -> Response {
            loop {
                let mut rest = self.input.as_ref();
                if let Some(taken) = frame::take(&mut rest, 4096).unwrap() {
                    let response = Response::read(taken).unwrap();
                    let used = self.input.len() - rest.len();
                    self.input.advance(used);
                    return response;
                }
                assert!(matches!(self.connection.receive(&mut self.input, None).await, Ok(Received::Octets(_))));
            }
        }

        async fn ask(&mut self, command: Command) -> String {
            self.say(command).await;
            match self.hear().await {
                Response::Verdict(Reply::Reply(reply)) => format!("{} {}", reply.code, reply.text()),
                Response::Verdict(verdict) => format!("{verdict:?}"),
                other => panic!("{other:?}"),
            }
        }
    }

    fn path(address: &str) -> Path {
        Path { address: address.to_owned(), arguments: Vec::new() }
    }

    #[tokio::test]
    async fn recipients_are_judged_and_the_rest_passes() {
        let mut server = MailServer::new();
        server.say(Command::Negotiate(Offer::all())).await;
        let Response::Negotiate(agreed) = server.hear().await else { panic!("a negotiation") };
        assert!(agreed.steps.contains(Steps::NO_BODY) && !agreed.steps.contains(Steps::NO_RCPT));
        let peer = Peer::Ip("192.0.2.1:1234".parse().unwrap());
        assert_eq!(server.ask(Command::Connect { host: "far.test".to_owned(), peer }).await, "Continue");
        assert_eq!(server.ask(Command::Helo("far.test".to_owned())).await, "Continue");
        assert_eq!(server.ask(Command::Mail(path("<a@far.test>"))).await, "Continue");
        let told = server.ask(Command::Rcpt(path("<b@home.test>"))).await;
        assert!(told.starts_with("451 ") && told.ends_with("Please try again later."), "{told}");
        assert_eq!(server.ask(Command::Rcpt(path("<postmaster@home.test>"))).await, "Continue");
        server.say(Command::Abort).await;
        let values = vec![(LOGIN.to_owned(), "bob".to_owned())];
        server.say(Command::Macros { before: b'M', values }).await;
        assert_eq!(server.ask(Command::Mail(path("<a@far.test>"))).await, "Continue");
        assert_eq!(server.ask(Command::Rcpt(path("<b@home.test>"))).await, "Continue", "who logged in never waits");
        server.say(Command::Quit).await;
    }
}
