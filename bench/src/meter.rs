//! The meter: its tables in this process, on one core, and a running meter over TCP; and what an entry costs in memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use meter::call::{Call, Operation};
use meter::secret::Secret;
use meter::service::tcp::Service;
use meter::table::settings::TableSettings;
use meter::tables::Tables;
use meter::wire::client::{Event, Session};
use meter::wire::{answer, call};
use net::{ListenAddress, Listener, ListenerSettings, Random, Registry, ShutdownToken, SystemRandom, TlsUse};
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

use crate::measure::{Samples, print};

/// What is measured.
#[derive(Subcommand)]
pub enum Arguments {
    /// Checks a second in this process, on one thread.
    Here {
        /// Checks.
        #[arg(long, default_value_t = 5_000_000)]
        checks: usize,
        /// Different keys.
        #[arg(long, default_value_t = 100_000)]
        keys: usize,
    },
    /// Memory for so many entries.
    Memory {
        /// Entries.
        #[arg(long, default_value_t = 10_000_000)]
        entries: usize,
    },
    /// Checks over TCP.
    Tcp(TcpArguments),
    /// Serve a table `bench` over TCP until killed, by the very code that the server runs, and say where.
    Serve {
        /// The secret.
        #[arg(long)]
        secret: String,
    },
}

/// A running meter and the load on it.
#[derive(clap::Args, Clone)]
pub struct TcpArguments {
    /// The meter.
    #[arg(long)]
    address: String,
    /// The secret.
    #[arg(long)]
    secret: String,
    /// The table, which must be there.
    #[arg(long, default_value = "bench")]
    table: String,
    /// Checks in all.
    #[arg(long, default_value_t = 2_000_000)]
    checks: usize,
    /// Connections.
    #[arg(long, default_value_t = 2)]
    connections: usize,
    /// Checks under way on each connection.
    #[arg(long, default_value_t = 256)]
    pipelined: usize,
    /// Checks a second in all; 0 as many as possible.
    #[arg(long, default_value_t = 0)]
    rate: usize,
    /// Different keys.
    #[arg(long, default_value_t = 100_000)]
    keys: usize,
}

/// Measures.
pub async fn run(arguments: Arguments) -> Result<()> {
    match arguments {
        Arguments::Here { checks, keys } => tokio::task::block_in_place(|| here(checks, keys)),
        Arguments::Memory { entries } => tokio::task::block_in_place(|| memory(entries)),
        Arguments::Tcp(arguments) => over_tcp(arguments).await,
        Arguments::Serve { secret } => serve(&secret).await,
    }
}

async fn serve(secret: &str) -> Result<()> {
    let address = ListenAddress::Ip("127.0.0.1:0".parse()?);
    let listener = Listener::bind(ListenerSettings::new("meter", address, TlsUse::Never)).await?;
    print(&listener.address().to_string())?;
    let secret = Secret::new(secret).context("the secret is too short")?;
    let (registry, random): (Registry, Arc<dyn Random>) = (Registry::new(), Arc::new(SystemRandom));
    let service = Service::new(Arc::new(tables(1_000_000)), secret, Arc::clone(&random), &registry);
    listener.run(Arc::new(service), random, &registry, ShutdownToken::never()).await;
    Ok(())
}

fn tables(entries: usize) -> Tables {
    // So slow that no entry says nothing again while it runs, and leaves by itself.
    let settings = TableSettings::throttle(1_000, Duration::from_secs(30_000_000)).entries(entries);
    Tables::new([("bench".to_owned(), settings)].into_iter().collect(), &Registry::new())
}

/// Keys as mail servers have them: addresses of senders.
fn key(number: usize) -> String {
    format!("user{number:07}@example.org")
}

/// A repeatable order without patterns that a cache could use.
fn shuffled(step: usize) -> usize {
    let mixed = (step as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 16).unwrap_or(0)
}

fn here(checks: usize, keys: usize) -> Result<()> {
    let (tables, names) = (tables(keys * 2), (0..keys).map(key).collect::<Vec<_>>());
    let ask = |step: usize| {
        let key = names.get(shuffled(step) % keys).map_or("", String::as_str);
        tables.perform(&Call { table: "bench", key, operation: Operation::Throttle { amount: 1 } })
    };
    for step in 0..keys {
        ask(step).context("the table answers")?;
    }
    let start = Instant::now();
    for step in 0..checks {
        std::hint::black_box(ask(step)).context("the table answers")?;
    }
    print(&Samples::default().report_of(format!("meter in process, {keys} keys, one thread"), checks, start.elapsed()))
}

#[derive(Serialize)]
struct Memory {
    operation: String,
    entries: usize,
    octets_by_table: usize,
    octets_by_system: usize,
    octets_each: f64,
}

fn memory(entries: usize) -> Result<()> {
    // Room for a third more: the shards are not filled alike.
    let (before, tables) = (resident()?, tables(entries + entries / 3));
    for number in 0..entries {
        let key = key(number);
        tables.perform(&Call { table: "bench", key: &key, operation: Operation::Throttle { amount: 1 } })?;
    }
    let kept = tables.overview().pop().context("there is one table")?;
    let by_system = resident()?.saturating_sub(before);
    print(&Memory {
        operation: "memory of the meter".to_owned(),
        entries: kept.entries,
        octets_by_table: kept.octets,
        octets_by_system: by_system,
        octets_each: by_system as f64 / kept.entries.max(1) as f64,
    })
}

/// Octets of this process in memory.
fn resident() -> Result<usize> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages: usize = text.split(' ').nth(1).context("statm has a second number")?.parse()?;
    Ok(pages * 4096)
}

async fn over_tcp(arguments: TcpArguments) -> Result<()> {
    let start = Instant::now();
    let names: Arc<[String]> = (0..arguments.keys).map(key).collect();
    let mut running = tokio::task::JoinSet::new();
    for connection in 0..arguments.connections {
        running.spawn(drive(arguments.clone(), connection, Arc::clone(&names)));
    }
    let mut all = Samples::default();
    while let Some(done) = running.join_next().await {
        all.merge(done??);
    }
    let TcpArguments { connections, pipelined, rate, .. } = arguments;
    let how = if rate > 0 { format!("{rate} a second wanted") } else { format!("{pipelined} pipelined") };
    print(&all.report(format!("meter over TCP, {connections} connections, {how}"), start.elapsed()))
}

/// One connection: this task writes, another reads.
async fn drive(arguments: TcpArguments, connection: usize, names: Arc<[String]>) -> Result<Samples> {
    let stream = TcpStream::connect(&arguments.address).await?;
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = stream.into_split();
    let (session, held) = log_in(&arguments, &mut reader, &mut writer).await?;
    let (sent, waiting) = mpsc::channel(arguments.pipelined);
    let checks = arguments.checks / arguments.connections;
    let reading = tokio::spawn(read(reader, session, held, Expected { checks, waiting }));
    let begun = Instant::now();
    let (mut out, mut step) = (Vec::new(), 0);
    while step < checks {
        let due = match arguments.rate {
            0 => checks,
            rate => (begun.elapsed().as_secs_f64() * rate as f64 / arguments.connections as f64) as usize,
        };
        if due <= step {
            tokio::time::sleep(Duration::from_micros(200)).await;
            continue;
        }
        let place = sent.reserve_many((due - step).min(checks - step).min(arguments.pipelined / 2).max(1)).await?;
        let now = Instant::now();
        for permit in place {
            let at = shuffled(connection.wrapping_mul(checks).wrapping_add(step)) % names.len();
            let key = names.get(at).map_or("", String::as_str);
            let asked = Call { table: &arguments.table, key, operation: Operation::Throttle { amount: 1 } };
            call::put(&mut out, u32::try_from(step).unwrap_or(0), &asked);
            permit.send(now);
            step += 1;
        }
        writer.write_all(&out).await?;
        out.clear();
    }
    drop(sent);
    reading.await?
}

async fn log_in(
    arguments: &TcpArguments,
    reader: &mut OwnedReadHalf,
    writer: &mut OwnedWriteHalf,
) -> Result<(Session, Vec<u8>)> {
    let secret = Secret::new(&arguments.secret).context("the secret is too short")?;
    let mut nonce = [0; 32];
    SystemRandom.fill(&mut nonce);
    let (mut session, mut held) = (Session::new(secret, nonce), Vec::new());
    loop {
        if reader.read_buf(&mut held).await? == 0 {
            bail!("the meter closed the connection during the login");
        }
        let (mut rest, mut out) = (held.as_slice(), Vec::new());
        let event = session.receive(&mut rest, &mut out)?;
        let used = held.len() - rest.len();
        held.drain(..used);
        writer.write_all(&out).await?;
        if event == Some(Event::Ready) {
            return Ok((session, held));
        }
    }
}

/// The answers that are still to come.
struct Expected {
    checks: usize,
    waiting: mpsc::Receiver<Instant>,
}

async fn read(
    mut reader: OwnedReadHalf,
    mut session: Session,
    mut held: Vec<u8>,
    expected: Expected,
) -> Result<Samples> {
    let (mut samples, mut answers) = (Samples::default(), 0);
    let Expected { checks, mut waiting } = expected;
    held.reserve(64 * 1024);
    loop {
        let mut rest = held.as_slice();
        while let Some(event) = session.receive(&mut rest, &mut Vec::new())? {
            let Event::Answer(_, answer) = event else { continue };
            let Ok(asked) = waiting.try_recv() else { bail!("an answer to nothing") };
            count(&mut samples, asked, &answer);
            answers += 1;
        }
        let used = held.len() - rest.len();
        held.drain(..used);
        if answers >= checks {
            return Ok(samples);
        }
        if reader.read_buf(&mut held).await? == 0 {
            bail!("the meter closed the connection");
        }
    }
}

fn count(samples: &mut Samples, asked: Instant, answer: &answer::Answer) {
    match answer {
        Ok(_) => samples.done(asked),
        Err(_) => samples.failed(),
    }
}
