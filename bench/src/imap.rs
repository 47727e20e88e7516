//! One kind of IMAP operation, repeated on one or more connections.

use crate::client::{Client, Target};
use crate::mail::Mails;
use crate::measure::{Samples, print};
use anyhow::Result;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::time::Instant;

/// What is done, where and as whom.
#[derive(Args, Clone)]
pub struct Arguments {
    #[command(flatten)]
    target: Target,
    /// The login name.
    #[arg(long)]
    user: String,
    /// The password of a test account.
    #[arg(long)]
    password: String,
    /// The operation.
    #[arg(long, value_enum)]
    operation: Operation,
    /// The mailbox on which it works; `fill` makes it.
    #[arg(long, default_value = "INBOX")]
    mailbox: String,
    /// Where COPY and MOVE put messages.
    #[arg(long, default_value = "bench-target")]
    target_mailbox: String,
    /// How often.
    #[arg(long, default_value_t = 100)]
    count: usize,
    /// Connections at the same time.
    #[arg(long, default_value_t = 1)]
    connections: usize,
    /// Octets of an appended message.
    #[arg(long, default_value_t = 4096)]
    octets: usize,
    /// A folder of real messages.
    #[arg(long)]
    corpus: Option<PathBuf>,
}

/// The operations.
#[derive(Clone, Copy, ValueEnum, PartialEq, Eq)]
enum Operation {
    /// Connect, log in, log out.
    Login,
    /// SELECT and UNSELECT.
    Select,
    /// Create the mailbox and append `count` messages, many to a command where the server allows it.
    Fill,
    /// APPEND one message.
    Append,
    /// FETCH 1:* (FLAGS).
    FetchFlags,
    /// FETCH 1:* (ENVELOPE).
    FetchEnvelopes,
    /// FETCH one message after the other, whole.
    FetchBodies,
    /// STORE a flag on one message after the other.
    Store,
    /// STORE a flag on all messages.
    StoreAll,
    /// COPY one message after the other.
    Copy,
    /// MOVE the first message.
    Move,
    /// Mark the first message deleted and EXPUNGE.
    Expunge,
    /// SEARCH the bodies for a word that is nowhere.
    SearchBody,
    /// SEARCH by flag and subject.
    SearchHeader,
}

/// Runs the operations and prints the report.
pub async fn run(arguments: Arguments) -> Result<()> {
    let start = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..arguments.connections {
        tasks.push(tokio::spawn(connection(arguments.clone())));
    }
    let mut samples = Samples::default();
    for task in tasks {
        samples.merge(task.await??);
    }
    let name = arguments.operation.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
    print(&samples.report(format!("imap {name}, {} connections", arguments.connections), start.elapsed()))
}

async fn login(arguments: &Arguments) -> Result<Client> {
    let mut client = Client::connect(&arguments.target).await?;
    client.line().await?;
    client.imap(&format!("LOGIN \"{}\" \"{}\"", arguments.user, arguments.password)).await?;
    Ok(client)
}

async fn connection(arguments: Arguments) -> Result<Samples> {
    let mut samples = Samples::default();
    if arguments.operation == Operation::Login {
        for _ in 0..arguments.count {
            let start = Instant::now();
            let mut client = login(&arguments).await?;
            client.imap("LOGOUT").await?;
            samples.done(start);
        }
        return Ok(samples);
    }
    let mut client = login(&arguments).await?;
    let mails = Mails::new(arguments.corpus.as_deref(), arguments.octets)?;
    if arguments.operation == Operation::Fill {
        // It may be there already.
        let _ = client.imap(&format!("CREATE \"{}\"", arguments.mailbox)).await;
    }
    if matches!(arguments.operation, Operation::Copy | Operation::Move) {
        let _ = client.imap(&format!("CREATE \"{}\"", arguments.target_mailbox)).await;
    }
    let needs_selected = !matches!(arguments.operation, Operation::Fill | Operation::Append | Operation::Select);
    if needs_selected {
        client.imap(&format!("SELECT \"{}\"", arguments.mailbox)).await?;
    }
    for index in 0..arguments.count {
        let start = Instant::now();
        once(&arguments, &mut client, &mails, index).await?;
        samples.done(start);
    }
    client.imap("LOGOUT").await?;
    Ok(samples)
}

async fn once(arguments: &Arguments, client: &mut Client, mails: &Mails, index: usize) -> Result<()> {
    let mailbox = &arguments.mailbox;
    let number = index + 1;
    match arguments.operation {
        Operation::Login => {}
        Operation::Select => {
            client.imap(&format!("SELECT \"{mailbox}\"")).await?;
            client.imap("CLOSE").await?;
        }
        Operation::Fill | Operation::Append => {
            client.imap_literal(&format!("APPEND \"{mailbox}\" (\\Seen)"), mails.message(index)).await?;
        }
        Operation::FetchFlags => drop(client.imap("FETCH 1:* (FLAGS)").await?),
        Operation::FetchEnvelopes => drop(client.imap("FETCH 1:* (ENVELOPE)").await?),
        Operation::FetchBodies => drop(client.imap(&format!("FETCH {number} (BODY.PEEK[])")).await?),
        Operation::Store => {
            let sign = if index.is_multiple_of(2) { '+' } else { '-' };
            client.imap(&format!("STORE {number} {sign}FLAGS (\\Flagged)")).await?;
        }
        Operation::StoreAll => {
            let sign = if index.is_multiple_of(2) { '+' } else { '-' };
            client.imap(&format!("STORE 1:* {sign}FLAGS (\\Answered)")).await?;
        }
        Operation::Copy => drop(client.imap(&format!("COPY {number} \"{}\"", arguments.target_mailbox)).await?),
        Operation::Move => drop(client.imap(&format!("MOVE 1 \"{}\"", arguments.target_mailbox)).await?),
        Operation::Expunge => {
            client.imap("STORE 1 +FLAGS.SILENT (\\Deleted)").await?;
            client.imap("EXPUNGE").await?;
        }
        Operation::SearchBody => drop(client.imap("SEARCH BODY \"qqqxyzzyqqq\"").await?),
        Operation::SearchHeader => drop(client.imap("SEARCH SEEN SUBJECT \"qqqxyzzyqqq\"").await?),
    }
    Ok(())
}
