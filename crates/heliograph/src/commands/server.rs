//! `heliograph status`, `reload` and `stop`.

use std::fmt::Write as _;

use crate::context::Context;
use crate::control::client;
use crate::control::request::Request;
use crate::failure::Failure;
use crate::terminal::print;
use crate::verbs::server::{ListenerStatus, Reloaded, ServerRequest, Status};

/// `heliograph status`.
///
/// # Errors
/// Why it cannot be told.
pub fn show_status(context: &Context) -> Result<(), Failure> {
    let report = client::ask(context, Request::Server(ServerRequest::Status))?;
    if context.json {
        return print(&format!("{report}\n"));
    }
    let status: Status =
        serde_json::from_value(report).map_err(|error| Failure::failed("a strange report").because(error))?;
    print(&write_status(&status))
}

fn write_status(status: &Status) -> String {
    let mut text = match status.uptime_secs {
        Some(secs) => {
            let uptime = humantime::format_duration(std::time::Duration::from_secs(secs));
            format!("heliograph {} has been running for {uptime}\n", status.version)
        }
        None => format!("heliograph {}: no server runs\n", status.version),
    };
    for ListenerStatus { protocol, address } in &status.listeners {
        let _infallible = writeln!(text, "  listening  {protocol:<12} {address}");
    }
    for partition in &status.partitions {
        let log = model::ByteSize(partition.log_octets);
        let _infallible = writeln!(text, "  partition  {:<12} {}, log {log}", partition.name, partition.state);
    }
    text
}

/// `heliograph reload`.
///
/// # Errors
/// Why nothing was reloaded.
pub fn reload(context: &Context) -> Result<(), Failure> {
    let report = client::ask_server(context, Request::Server(ServerRequest::Reload))?;
    if context.json {
        return print(&format!("{report}\n"));
    }
    let reloaded: Reloaded =
        serde_json::from_value(report).map_err(|error| Failure::failed("a strange report").because(error))?;
    let mut text = String::from("reloaded\n");
    for key in &reloaded.applied {
        let _infallible = writeln!(text, "  {key} holds now");
    }
    for key in &reloaded.need_restart {
        let _infallible = writeln!(text, "  {key} needs a restart");
    }
    print(&text)
}

/// `heliograph stop`.
///
/// # Errors
/// That no server runs.
pub fn stop(context: &Context) -> Result<(), Failure> {
    client::ask_server(context, Request::Server(ServerRequest::Stop)).map(|_| ())
}
