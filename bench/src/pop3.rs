//! POP3: log in, fetch everything, log out.

use crate::client::{Client, Target};
use crate::measure::{Samples, print};
use anyhow::{Result, bail};
use clap::Args;
use std::time::Instant;

/// Where and as whom.
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
    /// How many whole sessions.
    #[arg(long, default_value_t = 1)]
    count: usize,
    /// At most so many messages of each session.
    #[arg(long, default_value_t = 1000)]
    messages: usize,
}

/// Runs the sessions and prints the report; each message fetched counts.
pub async fn run(arguments: Arguments) -> Result<()> {
    let start = Instant::now();
    let mut samples = Samples::default();
    for _ in 0..arguments.count {
        session(&arguments, &mut samples).await?;
    }
    print(&samples.report("pop3 retr".to_owned(), start.elapsed()))
}

async fn session(arguments: &Arguments, samples: &mut Samples) -> Result<()> {
    let mut client = Client::connect(&arguments.target).await?;
    client.line().await?;
    command(&mut client, &format!("USER {}\r\n", arguments.user)).await?;
    command(&mut client, &format!("PASS {}\r\n", arguments.password)).await?;
    let status = command(&mut client, "STAT\r\n").await?;
    let there: usize = status.split(' ').nth(1).and_then(|count| count.parse().ok()).unwrap_or(0);
    for number in 1..=there.min(arguments.messages) {
        let start = Instant::now();
        command(&mut client, &format!("RETR {number}\r\n")).await?;
        while client.line().await? != b"." {}
        samples.done(start);
    }
    command(&mut client, "QUIT\r\n").await?;
    Ok(())
}

async fn command(client: &mut Client, text: &str) -> Result<String> {
    client.send(text.as_bytes()).await?;
    let line = String::from_utf8_lossy(client.line().await?).into_owned();
    if !line.starts_with("+OK") {
        bail!("the server said {line}");
    }
    Ok(line)
}
