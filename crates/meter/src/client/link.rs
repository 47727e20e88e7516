//! The task that owns the connection to the meter: it takes questions, writes them, reads answers and hands them out, and
//! knows which server is being left alone.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use net::Random;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::client::opening::{Open, open};
use crate::client::question::{Asked, Unavailable};
use crate::client::settings::ClientSettings;
use crate::limits::{ANSWER_OCTETS, CLIENT_IDLE};
use crate::signals::ClientSignals;
use crate::wire::answer::Answer;
use crate::wire::call;
use crate::wire::client::Event;

/// The owner of the connection.
pub struct Link {
    settings: Arc<ClientSettings>,
    random: Arc<dyn Random>,
    signals: Arc<ClientSignals>,
    asked: mpsc::Receiver<Asked>,
    /// Until when each server is left alone.
    resting: Vec<Option<Instant>>,
    /// Taken from the channel and not yet written.
    waiting: VecDeque<Asked>,
    number: u32,
}

/// A connection that is being made, to a server that is preferred to the present one.
type Better = Pin<Box<dyn Future<Output = Result<Open, String>> + Send>>;

/// How a conversation ended.
enum Ended {
    /// Nobody can ask any more.
    Unneeded,
    /// Nobody asked for long, or the server closed while nothing was under way.
    Rested,
    /// It broke or hung.
    Failed { why: String, told: Unavailable },
    /// A server that is preferred can be reached again.
    Better { server: usize, open: Box<Open> },
}

/// A question that was written.
struct Pending {
    number: u32,
    since: Instant,
    reply: oneshot::Sender<Result<Answer, Unavailable>>,
}

/// A conversation under way.
struct Talk {
    server: usize,
    open: Open,
    out: BytesMut,
    pending: VecDeque<Pending>,
    last_used: Instant,
    /// A connection to a preferred server that is being made.
    better: Option<(usize, Better)>,
    /// That connection, made: it takes over when nothing is under way here.
    successor: Option<(usize, Box<Open>)>,
}

/// What a conversation waits for.
enum Happened {
    Read(io::Result<usize>),
    Written(io::Result<usize>),
    Asked(Option<Asked>),
    Opened(Result<Open, String>),
    Expired,
    MayTry(usize),
}

impl Link {
    /// Not connected.
    pub fn new(
        settings: Arc<ClientSettings>,
        random: Arc<dyn Random>,
        signals: Arc<ClientSignals>,
        asked: mpsc::Receiver<Asked>,
    ) -> Link {
        let resting = vec![None; settings.servers.len()];
        Link { settings, random, signals, asked, resting, waiting: VecDeque::new(), number: 0 }
    }

    /// Runs until nobody can ask any more.
    pub async fn run(mut self) {
        loop {
            if self.waiting.is_empty() {
                let Some(asked) = self.asked.recv().await else { return };
                self.waiting.push_back(asked);
            }
            let mut opened = self.connect().await;
            if opened.is_none() {
                self.turn_away(&Unavailable::NotReached);
            }
            while let Some((server, open)) = opened.take() {
                match self.talk(server, open).await {
                    Ended::Unneeded => return,
                    Ended::Rested => self.signals.rested(&self.name(server)),
                    Ended::Failed { why, told } => {
                        self.fail(server, &why);
                        self.turn_away(&told);
                    }
                    Ended::Better { server, open } => {
                        self.signals.connected(&self.name(server));
                        opened = Some((server, *open));
                    }
                }
            }
        }
    }

    /// The first server that can be reached, of those that are not left alone. One that hangs takes the whole wait; those
    /// behind it are then not tried and not left alone, so that the next question gets them.
    async fn connect(&mut self) -> Option<(usize, Open)> {
        let deadline = Instant::now() + self.settings.connect_wait;
        for server in 0..self.settings.servers.len() {
            if self.is_resting(server) || Instant::now() >= deadline {
                continue;
            }
            match self.opening(server, deadline).await {
                Ok(open) => {
                    self.signals.connected(&self.name(server));
                    return Some((server, open));
                }
                Err(why) => self.fail(server, &why),
            }
        }
        None
    }

    fn opening(&self, server: usize, deadline: Instant) -> Better {
        self.signals.connecting();
        let (address, secret) = (self.settings.servers[server], self.settings.secret.clone());
        let random = Arc::clone(&self.random);
        Box::pin(async move {
            let opening = open(address, secret, random, deadline);
            tokio::time::timeout_at(deadline, opening)
                .await
                .unwrap_or_else(|_| Err("it did not answer in time".to_owned()))
        })
    }

    fn is_resting(&self, server: usize) -> bool {
        self.resting[server].is_some_and(|until| until > Instant::now())
    }

    fn name(&self, server: usize) -> String {
        self.settings.servers[server].to_string()
    }

    fn fail(&mut self, server: usize, why: &str) {
        self.resting[server] = Some(Instant::now() + self.settings.connect_frequency);
        self.signals.failed(&self.name(server), why, self.settings.connect_frequency);
    }

    /// Tells all who wait that nobody answers them.
    fn turn_away(&mut self, why: &Unavailable) {
        while let Ok(asked) = self.asked.try_recv() {
            self.waiting.push_back(asked);
        }
        for asked in self.waiting.drain(..) {
            // Who has given up waiting is not told.
            let _gone = asked.reply.send(Err(why.clone()));
        }
    }

    async fn talk(&mut self, server: usize, open: Open) -> Ended {
        let now = Instant::now();
        let pending = VecDeque::new();
        let mut talk =
            Talk { server, open, out: BytesMut::new(), pending, last_used: now, better: None, successor: None };
        let ended = loop {
            self.write_waiting(&mut talk);
            if let Some(ended) = self.step(&mut talk).await {
                break ended;
            }
        };
        let told = match &ended {
            Ended::Failed { told, .. } => told.clone(),
            _ => Unavailable::Broken,
        };
        for pending in talk.pending {
            let _gone = pending.reply.send(Err(told.clone()));
        }
        ended
    }

    /// Waits for whatever comes first and deals with it.
    async fn step(&mut self, talk: &mut Talk) -> Option<Ended> {
        if talk.pending.is_empty()
            && let Some((server, open)) = talk.successor.take()
        {
            return Some(Ended::Better { server, open });
        }
        let is_idle = talk.pending.is_empty();
        let happened = self.wait(talk).await;
        match happened {
            Happened::Read(Ok(0)) if is_idle => return Some(Ended::Rested),
            Happened::Read(Ok(0)) => return Some(failed("it closed the connection", Unavailable::Broken)),
            Happened::Read(Ok(_)) => return take_answers(talk),
            Happened::Written(Ok(_)) => {}
            Happened::Read(Err(error)) | Happened::Written(Err(error)) => {
                return Some(failed(&error.to_string(), Unavailable::Broken));
            }
            Happened::Asked(Some(asked)) => self.waiting.push_back(asked),
            Happened::Asked(None) => return Some(Ended::Unneeded),
            Happened::Opened(opened) => {
                let (server, _) = talk.better.take()?;
                match opened {
                    Ok(open) => talk.successor = Some((server, Box::new(open))),
                    Err(why) => self.fail(server, &why),
                }
            }
            Happened::Expired if is_idle => return Some(Ended::Rested),
            Happened::Expired => return Some(failed("it did not answer in time", Unavailable::TimedOut)),
            Happened::MayTry(server) => {
                let opening = self.opening(server, Instant::now() + self.settings.connect_wait);
                talk.better = Some((server, opening));
            }
        }
        None
    }

    async fn wait(&mut self, talk: &mut Talk) -> Happened {
        let deadline = match talk.pending.front() {
            Some(first) => first.since + self.settings.read_wait,
            None => talk.last_used + CLIENT_IDLE,
        };
        let has_room = self.has_room(talk);
        let preferred = self.preferred(talk.server).filter(|_| talk.better.is_none() && talk.successor.is_none());
        let (preferred, may_try) = preferred.unwrap_or((talk.server, None));
        let (has_output, is_opening, has_preferred) =
            (!talk.out.is_empty(), talk.better.is_some(), preferred != talk.server);
        let (mut reader, mut writer) = tokio::io::split(&mut talk.open.stream);
        tokio::select! {
            biased;
            read = reader.read_buf(&mut talk.open.input) => Happened::Read(read),
            written = writer.write_buf(&mut talk.out), if has_output => Happened::Written(written),
            asked = self.asked.recv(), if has_room => Happened::Asked(asked),
            opened = opened(&mut talk.better), if is_opening => Happened::Opened(opened),
            () = sleep_until(deadline) => Happened::Expired,
            () = sleep_until(may_try.unwrap_or_else(Instant::now)), if has_preferred => Happened::MayTry(preferred),
        }
    }

    /// Whether another question may be written: no more than the settings say are under way, and none when another
    /// connection is about to take over.
    fn has_room(&self, talk: &Talk) -> bool {
        let is_free = talk.pending.len() < self.settings.outstanding_max && talk.out.len() < ANSWER_OCTETS;
        is_free && talk.successor.is_none()
    }

    /// A server that is preferred to this one, and when it may be tried.
    fn preferred(&self, than: usize) -> Option<(usize, Option<Instant>)> {
        self.resting.iter().copied().enumerate().take(than).min_by_key(|(_, until)| *until)
    }

    /// Puts what waits into the output.
    fn write_waiting(&mut self, talk: &mut Talk) {
        let now = Instant::now();
        while self.has_room(talk) {
            let Some(mut asked) = self.waiting.pop_front().or_else(|| self.asked.try_recv().ok()) else { return };
            if asked.reply.is_closed() {
                continue;
            }
            self.number = self.number.wrapping_add(1);
            call::set_number(&mut asked.frame, self.number);
            talk.out.extend_from_slice(&asked.frame);
            talk.pending.push_back(Pending { number: self.number, since: now, reply: asked.reply });
            talk.last_used = now;
        }
    }
}

fn failed(why: &str, told: Unavailable) -> Ended {
    Ended::Failed { why: why.to_owned(), told }
}

/// The connection that is being made, if there is one.
async fn opened(better: &mut Option<(usize, Better)>) -> Result<Open, String> {
    match better {
        Some((_, opening)) => opening.as_mut().await,
        None => std::future::pending().await,
    }
}

/// Hands out all answers that have come whole. They come in the order of their calls.
fn take_answers(talk: &mut Talk) -> Option<Ended> {
    let mut rest = talk.open.input.as_ref();
    let mut unsent = Vec::new();
    let offence = loop {
        match talk.open.session.receive(&mut rest, &mut unsent) {
            Ok(Some(Event::Answer(number, answer))) => match talk.pending.pop_front() {
                Some(pending) if pending.number == number => {
                    let _gone = pending.reply.send(Ok(answer));
                }
                _ => break Some("it answered what was not asked".to_owned()),
            },
            Ok(Some(Event::Ready)) => {}
            Ok(None) => break None,
            Err(offence) => break Some(offence.to_string()),
        }
    };
    let used = talk.open.input.len() - rest.len();
    talk.open.input.advance(used);
    offence.map(|why| failed(&why, Unavailable::Broken))
}
