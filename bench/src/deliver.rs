//! Delivery over SMTP or LMTP at a number of connections: a message counts when the server has taken it over.

use crate::client::{Client, Target};
use crate::mail::Mails;
use crate::measure::{Samples, print};
use anyhow::Result;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// What is delivered, where and how.
#[derive(Args, Clone)]
pub struct Arguments {
    #[command(flatten)]
    target: Target,
    /// The protocol.
    #[arg(long, value_enum, default_value = "smtp")]
    protocol: Protocol,
    /// Connections at the same time.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Messages in all.
    #[arg(long, default_value_t = 1000)]
    messages: usize,
    /// Octets of a message, about.
    #[arg(long, default_value_t = 4096)]
    octets: usize,
    /// The envelope sender.
    #[arg(long, default_value = "sender@elsewhere.test")]
    sender: String,
    /// Recipients, taken in turn.
    #[arg(long, value_delimiter = ',', required = true)]
    recipients: Vec<String>,
    /// A folder of real messages.
    #[arg(long)]
    corpus: Option<PathBuf>,
}

/// SMTP or LMTP.
#[derive(Clone, Copy, ValueEnum, PartialEq, Eq)]
enum Protocol {
    /// RFC 5321
    Smtp,
    /// RFC 2033
    Lmtp,
}

/// Runs the load and prints the report.
pub async fn run(arguments: Arguments) -> Result<()> {
    let mails = Arc::new(Mails::new(arguments.corpus.as_deref(), arguments.octets)?);
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
    let protocol = if arguments.protocol == Protocol::Smtp { "smtp" } else { "lmtp" };
    let operation = format!("deliver {protocol} {} octets, {} connections", arguments.octets, arguments.connections);
    print(&samples.report(operation, start.elapsed()))
}

async fn connection(arguments: Arguments, mails: Arc<Mails>, next: Arc<AtomicUsize>) -> Result<Samples> {
    let mut client = Client::connect(&arguments.target).await?;
    client.smtp_reply(b'2').await?;
    let hello = if arguments.protocol == Protocol::Smtp { "EHLO bench.test\r\n" } else { "LHLO bench.test\r\n" };
    client.smtp(hello, b'2').await?;
    let mut samples = Samples::default();
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        if index >= arguments.messages {
            break;
        }
        let recipient = arguments.recipients.get(index % arguments.recipients.len()).map_or("", String::as_str);
        let start = Instant::now();
        match message(&mut client, &arguments.sender, recipient, &mails.stuffed(index)).await {
            Ok(()) => samples.done(start),
            Err(error) => {
                samples.failed();
                complain(&error);
                client = Client::connect(&arguments.target).await?;
                client.smtp_reply(b'2').await?;
                client.smtp(hello, b'2').await?;
            }
        }
    }
    client.smtp("QUIT\r\n", b'2').await?;
    Ok(samples)
}

/// One transaction, its envelope in one packet.
pub async fn message(client: &mut Client, sender: &str, recipient: &str, stuffed: &[u8]) -> Result<()> {
    client.send(format!("MAIL FROM:<{sender}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n").as_bytes()).await?;
    client.smtp_reply(b'2').await?;
    client.smtp_reply(b'2').await?;
    client.smtp_reply(b'3').await?;
    client.send(stuffed).await?;
    client.smtp_reply(b'2').await
}

#[expect(clippy::print_stderr, reason = "a failed delivery must be visible beside the report")]
fn complain(error: &anyhow::Error) {
    eprintln!("delivery failed: {error:#}");
}
