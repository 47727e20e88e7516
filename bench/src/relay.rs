//! Relaying through the queue: messages go in, and count when they come out at a sink of this program's own.

use crate::client::{Client, Target};
use crate::deliver;
use crate::mail::Mails;
use crate::measure::{Samples, print};
use crate::sink;
use anyhow::{Context, Result};
use base64::Engine;
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// What is relayed, through which server.
#[derive(Args, Clone)]
pub struct Arguments {
    #[command(flatten)]
    target: Target,
    /// As whom to log in; without it the server must relay for this address.
    #[arg(long)]
    user: Option<String>,
    /// The password of a test account.
    #[arg(long, default_value = "")]
    password: String,
    /// The envelope sender.
    #[arg(long, default_value = "sender@elsewhere.test")]
    sender: String,
    /// The recipient; the server must send it to the sink.
    #[arg(long, default_value = "somebody@far.test")]
    recipient: String,
    /// Where the sink listens.
    #[arg(long, default_value = "127.0.0.1:2600")]
    sink: String,
    /// Connections at the same time.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Messages in all.
    #[arg(long, default_value_t = 1000)]
    messages: usize,
    /// Octets of a message, about.
    #[arg(long, default_value_t = 4096)]
    octets: usize,
    /// A folder of real messages.
    #[arg(long)]
    corpus: Option<PathBuf>,
}

/// How long the last message may take to come out.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs the load and prints the report; the time ends when the sink has taken the last message.
pub async fn run(arguments: Arguments) -> Result<()> {
    let listener =
        TcpListener::bind(&arguments.sink).await.with_context(|| format!("listening on {}", arguments.sink))?;
    let mails = Arc::new(Mails::new(arguments.corpus.as_deref(), arguments.octets)?);
    let wanted = arguments.messages;
    let far = tokio::spawn(sink::take(listener, wanted));
    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..arguments.connections {
        tasks.push(tokio::spawn(connection(arguments.clone(), mails.clone(), next.clone())));
    }
    let mut samples = Samples::default();
    for task in tasks {
        samples.merge(task.await??);
    }
    tokio::time::timeout(PATIENCE, far).await.context("the sink has not got every message")???;
    let operation = format!("relay {} octets, {} connections", arguments.octets, arguments.connections);
    print(&samples.report(operation, start.elapsed()))
}

async fn connection(arguments: Arguments, mails: Arc<Mails>, next: Arc<AtomicUsize>) -> Result<Samples> {
    let mut client = Client::connect(&arguments.target).await?;
    client.smtp_reply(b'2').await?;
    client.smtp("EHLO bench.test\r\n", b'2').await?;
    if let Some(user) = &arguments.user {
        let plain = format!("\0{user}\0{}", arguments.password);
        let proof = base64::engine::general_purpose::STANDARD.encode(plain);
        client.smtp(&format!("AUTH PLAIN {proof}\r\n"), b'2').await?;
    }
    let mut samples = Samples::default();
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        if index >= arguments.messages {
            break;
        }
        let start = Instant::now();
        deliver::message(&mut client, &arguments.sender, &arguments.recipient, &mails.stuffed(index)).await?;
        samples.done(start);
    }
    client.smtp("QUIT\r\n", b'2').await?;
    Ok(samples)
}
