//! Mapping tables asked as fast as one core can: a table of many entries, and probes of sessions as they come.

use anyhow::{Context, Result, anyhow};
use clap::Args;
use policy::mapping::file;
use policy::mapping::flags::Flags;
use policy::mapping::machine::{Machine, Step};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::measure::{Samples, print};

/// What is asked.
#[derive(Args)]
pub struct Arguments {
    /// Entries of the table.
    #[arg(long, default_value_t = 500)]
    entries: usize,
    /// Seconds to ask for.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
}

/// Asks and reports, for each kind of table.
pub fn run(arguments: &Arguments) -> Result<()> {
    for (kind, text) in [
        ("senders", senders(arguments.entries)?),
        ("addresses", addresses(arguments.entries)?),
        ("wildcards", wildcards(arguments.entries)?),
    ] {
        let include = &mut |_: &str, _: &str| Err("nothing is included".to_owned());
        let mappings =
            file::read(kind, &text, include).map_err(|problems| anyhow!("{}: {:?}", kind, problems.first()))?;
        let mappings = Arc::new(mappings);
        let table = mappings.find("T").context("the table is there")?;
        let probes = probes(kind, arguments.entries);
        let begun = Instant::now();
        let until = begun + Duration::from_secs(arguments.seconds);
        let mut samples = Samples::default();
        while Instant::now() < until {
            for probe in &probes {
                let start = Instant::now();
                let mut machine = Machine::new(Arc::clone(&mappings), table, probe, Flags::default());
                match machine.run() {
                    Step::Done(outcome) if outcome.is_match() => samples.done(start),
                    Step::Done(_) | Step::Lookup(_) => samples.failed(),
                }
            }
        }
        print(&samples.report(format!("mapping {kind} {}", arguments.entries), begun.elapsed()))?;
    }
    Ok(())
}

/// Senders by their own names, each in a table as FROM_ACCESS has them.
fn senders(entries: usize) -> Result<String> {
    let mut text = "T\n\n".to_owned();
    for number in 1..entries {
        writeln!(text, "  TCP|*|SMTP/*|MAIL|tcp_local|user{number}@domain{}.example|*  $Nno$ $1", number % 50)?;
    }
    text.push_str("  *  $Y\n");
    Ok(text)
}

/// Ranges of addresses, one after the other.
fn addresses(entries: usize) -> Result<String> {
    let mut text = "T\n\n".to_owned();
    for number in 1..entries {
        writeln!(text, "  $(10.{}.{}.0/24)  $N", number / 250, number % 250)?;
    }
    text.push_str("  *  $Y\n");
    Ok(text)
}

/// Recipients by domains, with texts that all entries share.
fn wildcards(entries: usize) -> Result<String> {
    let mut text = "T\n\n".to_owned();
    for number in 1..entries {
        writeln!(text, "  tcp_local|*@*|*|*@*.part{number}.example  $N$1")?;
    }
    text.push_str("  *  $Y\n");
    Ok(text)
}

/// Probes that match early, late, and only the last entry.
fn probes(kind: &str, entries: usize) -> Vec<String> {
    let numbers = [1, entries / 2, entries.saturating_sub(1), entries + 7];
    let probe = |number: &usize| match kind {
        "senders" => format!(
            "TCP|192.0.2.25|25|198.51.100.7|54321|SMTP/mx{number}.example.net|MAIL|tcp_local|User{number}@domain{}.example|",
            number % 50
        ),
        "addresses" => format!("10.{}.{}.77", number / 250, number % 250),
        _ => format!("tcp_local|a.sender@example.net|ims-ms|somebody@mail.part{number}.example"),
    };
    numbers.iter().map(probe).collect()
}
