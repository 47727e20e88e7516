//! `heliograph authentication`: is a message what it says it is? Needs no server and no data folder.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;
use mta::authentication::check::{self, Inquiry};
use mta::authentication::closed;
use mta::authentication::results::Results;
use net::resolver::system::SystemResolver;
use net::resolver::table::{Table, TableResolver};
use net::{Clock, Registry, Resolver, SystemClock};

use crate::context::Context;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::terminal::print;

/// What can be asked.
#[derive(Debug, Subcommand)]
pub enum AuthenticationVerb {
    /// Check a message as if it came in now: SPF, DKIM, DMARC and ARC.
    Check {
        /// The message; `-` reads it from standard input. Without one only SPF is checked.
        message: Option<PathBuf>,
        /// From where it comes; without it SPF is not checked.
        #[arg(long)]
        ip: Option<IpAddr>,
        /// How the client names itself.
        #[arg(long, default_value = "")]
        helo: String,
        /// The envelope sender; empty for none.
        #[arg(long, default_value = "")]
        from: String,
        /// The name of the server that asks.
        #[arg(long, default_value = "unknown")]
        host: String,
        /// Answer questions from the entries in this file, one a line as in `dns.static`, and from nowhere else.
        #[arg(long, value_name = "FILE")]
        dns: Option<PathBuf>,
    },
}

/// `heliograph authentication`.
///
/// # Errors
/// Why it cannot be told.
pub fn run(verb: AuthenticationVerb, context: &Context) -> Result<(), Failure> {
    let AuthenticationVerb::Check { message, ip, helo, from, host, dns } = verb;
    let message = message.map(|path| read(&path)).transpose()?.unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed("cannot start threads").because(error))?;
    let results = runtime.block_on(async {
        let resolver = resolver(context, dns.as_deref())?;
        let verifier = closed::verifier().map_err(|why| Failure::failed(format!("cannot check signatures: {why}")))?;
        let inquiry = Inquiry {
            address: ip,
            hello: &helo,
            sender: &from,
            message: &crlf(&message),
            receiver: &host,
            now_secs: SystemClock.now().0 / 1000,
        };
        Ok::<Results, Failure>(check::check(&*resolver, &verifier, &check::Workers::default(), inquiry).await)
    })?;
    if context.json {
        let text = serde_json::to_string(&results).map_err(|error| Failure::failed("cannot report").because(error))?;
        return print(&format!("{text}\n"));
    }
    print(&written(&results, &host))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let octets = if path == Path::new("-") {
        use std::io::Read;
        let mut octets = Vec::new();
        std::io::stdin().read_to_end(&mut octets).map(|_| octets)
    } else {
        std::fs::read(path)
    };
    octets.map_err(|error| Failure::failed(format!("cannot read {}", path.display())).because(error))
}

/// A file's lines end as they like; a message's end in CRLF, which is what signatures are over.
fn crlf(message: &[u8]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(message.len() + message.len() / 32);
    let mut before = 0;
    for &octet in message {
        if octet == b'\n' && before != b'\r' {
            octets.push(b'\r');
        }
        octets.push(octet);
        before = octet;
    }
    octets
}

fn resolver(context: &Context, table: Option<&Path>) -> Result<Arc<dyn Resolver>, Failure> {
    let Some(path) = table else {
        let file = context.settings_file();
        let settings = if file.exists() { Settings::load(&file)? } else { Settings::parse(&file, "")? };
        let system = SystemResolver::new(&settings.dns.system, &Registry::new());
        let system = system.map_err(|error| Failure::failed("cannot ask for names").because(error))?;
        return Ok(Arc::new(TableResolver::in_front_of(settings.dns.table, Arc::new(system))));
    };
    let text = String::from_utf8_lossy(&read(path)?).into_owned();
    let table = Table::parse(text.lines());
    let table = table.map_err(|error| Failure::failed(format!("cannot use {}", path.display())).because(error))?;
    Ok(Arc::new(TableResolver::new(table)))
}

fn written(results: &Results, host: &str) -> String {
    let mut text = String::from_utf8_lossy(&results.field(host)).replace("\r\n", "\n");
    let mut line = |name: &str, what: String| {
        let _infallible = writeln!(text, "{name:<8} {what}");
    };
    let said = |why: &Option<String>| why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
    let spf = &results.spf;
    line("spf", format!("{} for {}{}", spf.verdict, spf.domain, said(&spf.explanation)));
    for one in &results.dkim {
        let key = format!("{}._domainkey.{}", one.selector, one.domain);
        line("dkim", format!("{} {} {key}{}", one.verdict, one.algorithm, said(&one.reason)));
    }
    let dmarc = &results.dmarc;
    let aligned = format!("spf {}, dkim {}", word(dmarc.spf_aligned), word(dmarc.dkim_aligned));
    line("dmarc", format!("{} for {} ({aligned}; policy {})", dmarc.verdict, dmarc.domain, none(&dmarc.policy)));
    line("arc", format!("{}, {} sets{}", results.arc.verdict, results.arc.sets, said(&results.arc.reason)));
    text
}

fn word(aligned: bool) -> &'static str {
    if aligned { "aligned" } else { "not aligned" }
}

fn none(text: &str) -> &str {
    if text.is_empty() { "none published" } else { text }
}
