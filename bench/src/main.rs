//! A load generator that speaks SMTP, LMTP, IMAP and POP3 to any server, so that one run drives this server and its
//! peers alike. Each run prints one JSON object: what was done, how much of it a second, and how long single ones took.

mod client;
mod deliver;
mod idle;
mod imap;
mod mail;
mod mapping;
mod measure;
mod meter;
mod policy;
mod pop3;
mod relay;
mod sieve;
mod sink;
mod tls;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Puts load on a mail server and measures it.
#[derive(Parser)]
#[command(name = "heliograph-bench")]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Deliver messages over SMTP or LMTP; a message counts when the reply to its last octet is positive.
    Deliver(deliver::Arguments),
    /// Drive one kind of IMAP operation.
    Imap(imap::Arguments),
    /// Log in over POP3 and fetch every message.
    Pop3(pop3::Arguments),
    /// Open idle IMAP sessions and report the memory that the server needs for each.
    Idle(idle::Arguments),
    /// Relay messages through the server to a sink of this program; the rate counts what has come out.
    Relay(relay::Arguments),
    /// Ask mapping tables on one core, without a server.
    Mapping(mapping::Arguments),
    /// Run a Sieve script of forty rules on messages, in this process.
    Sieve(sieve::Arguments),
    /// Count in the meter's tables: in this process, in memory, over TCP.
    #[command(subcommand)]
    Meter(meter::Arguments),
    /// Ask a policy server, such as a greylister, about deliveries.
    Policy(policy::Arguments),
    /// Take mail over SMTP and forget it, counting: the far end of a relay.
    Sink(sink::Arguments),
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        match arguments.action {
            Action::Deliver(arguments) => deliver::run(arguments).await,
            Action::Imap(arguments) => imap::run(arguments).await,
            Action::Pop3(arguments) => pop3::run(arguments).await,
            Action::Idle(arguments) => idle::run(arguments).await,
            Action::Relay(arguments) => relay::run(arguments).await,
            Action::Mapping(arguments) => mapping::run(&arguments),
            Action::Sieve(arguments) => sieve::run(arguments).await,
            Action::Meter(arguments) => meter::run(arguments).await,
            Action::Policy(arguments) => policy::run(arguments).await,
            Action::Sink(arguments) => sink::run(arguments).await,
        }
    })
}
