//! Idle IMAP sessions, and the memory that the server's processes need for them.

use crate::client::{Client, Target};
use crate::measure::print;
use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use std::fs;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// How many sessions, where, and whose memory is read.
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
    /// Sessions.
    #[arg(long, default_value_t = 1000)]
    connections: usize,
    /// The server's processes: every process whose name (15 characters at most) is one of these is counted.
    #[arg(long, value_delimiter = ',', required = true)]
    processes: Vec<String>,
}

#[derive(Serialize)]
struct Report {
    operation: String,
    connections: usize,
    memory_before_kib: u64,
    memory_with_sessions_kib: u64,
    kib_per_session: f64,
}

/// Opens the sessions, each in IDLE on INBOX, and prints the proportional memory before and with them.
pub async fn run(arguments: Arguments) -> Result<()> {
    let before = memory_kib(&arguments.processes)?;
    // The server may limit how many it greets at the same time.
    let gate = Arc::new(Semaphore::new(64));
    let mut tasks = Vec::new();
    for _ in 0..arguments.connections {
        let (arguments, gate) = (arguments.clone(), gate.clone());
        tasks.push(tokio::spawn(async move {
            let _place = gate.acquire().await?;
            open(&arguments).await
        }));
    }
    let mut sessions = Vec::new();
    for task in tasks {
        sessions.push(task.await??);
    }
    let with = memory_kib(&arguments.processes)?;
    let count = sessions.len();
    print(&Report {
        operation: "idle imap".to_owned(),
        connections: count,
        memory_before_kib: before,
        memory_with_sessions_kib: with,
        kib_per_session: with.saturating_sub(before) as f64 / count.max(1) as f64,
    })
}

async fn open(arguments: &Arguments) -> Result<Client> {
    let mut client = Client::connect_with_buffer(&arguments.target, 512).await?;
    client.line().await?;
    client.imap(&format!("LOGIN \"{}\" \"{}\"", arguments.user, arguments.password)).await?;
    client.imap("SELECT INBOX").await?;
    client.send(b"i IDLE\r\n").await?;
    client.line().await?;
    Ok(client)
}

/// Proportional set size of every process of one of these names, in KiB.
fn memory_kib(names: &[String]) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir("/proc").context("reading /proc")?.flatten() {
        let Ok(name) = fs::read_to_string(entry.path().join("comm")) else { continue };
        if !names.iter().any(|wanted| wanted == name.trim()) {
            continue;
        }
        let Ok(rollup) = fs::read_to_string(entry.path().join("smaps_rollup")) else { continue };
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or_default();
        sum += line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0);
    }
    Ok(sum)
}
