//! `heliograph partition`.

use clap::Subcommand;
use model::ByteSize;

use crate::commands::show::{parse, show};
use crate::context::Context;
use crate::control::client;
use crate::control::request::Request;
use crate::failure::Failure;
use crate::operations::report;
use crate::terminal::print;
use crate::verbs::partition::{PartitionRequest, ShownPartition};

/// What can be done with partitions.
#[derive(Debug, Subcommand)]
pub enum PartitionVerb {
    /// List the partitions and how they fare.
    List,
    /// Show one in detail.
    Show {
        /// Its nickname; system keeps directory and queue.
        name: String,
    },
    /// Make a partition; it is used from the next start of the server on.
    Add {
        /// Its nickname: letters, digits, - and _. To put it on another disk, make DATA/partitions/NAME a symbolic link
        /// or a mount point instead.
        name: String,
    },
}

/// Does it.
///
/// # Errors
/// Why it was not done.
pub fn run(verb: PartitionVerb, context: &Context) -> Result<(), Failure> {
    let ask = |request: PartitionRequest| client::ask(context, Request::Partition(request));
    match verb {
        PartitionVerb::List => {
            show(context, ask(PartitionRequest::List)?, |all: Vec<ShownPartition>| all.iter().map(line).collect())
        }
        PartitionVerb::Show { name } => {
            let all: Vec<ShownPartition> = parse(ask(PartitionRequest::List)?)?;
            let one = all.into_iter().find(|partition| partition.name == name);
            let one = one.ok_or_else(|| Failure::failed(format!("there is no partition {name}")))?;
            show(context, report(&one)?, |partition: ShownPartition| detail(&partition))
        }
        PartitionVerb::Add { name } => {
            let path: String = parse(ask(PartitionRequest::Add { name })?)?;
            print(&format!("{path}\nIt is used from the next start of the server on.\n"))
        }
    }
}

fn condition(partition: &ShownPartition) -> String {
    match (&partition.stopped, partition.is_full) {
        (Some(why), _) => format!("stopped: {why}"),
        (None, true) => "the disk is full".to_owned(),
        (None, false) => "well".to_owned(),
    }
}

fn line(partition: &ShownPartition) -> String {
    format!(
        "{:<16} {:>6} accounts  {:>10} held of {:>10} in {} segments  {}{}\n",
        partition.name,
        partition.accounts,
        ByteSize(partition.live_octets).to_string(),
        ByteSize(partition.log_octets).to_string(),
        partition.segments,
        condition(partition),
        if partition.is_default { "  (default)" } else { "" }
    )
}

fn detail(partition: &ShownPartition) -> String {
    format!(
        "name          {}\nfolder        {}\ncondition     {}\naccounts      {}\nlog           {} in {} segments\n\
         held          {}\nlast group    {}\ntransactions  {} since the start, {} waiting\n",
        partition.name,
        partition.path,
        condition(partition),
        partition.accounts,
        ByteSize(partition.log_octets),
        partition.segments,
        ByteSize(partition.live_octets),
        partition.sequence,
        partition.transactions,
        partition.waiting
    )
}
