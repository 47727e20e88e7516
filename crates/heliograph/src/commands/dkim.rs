//! `heliograph domain dkim`.

use std::fmt::Write as _;

use clap::{Subcommand, ValueEnum};
use mta::authentication::keys::{Algorithm, State};
use serde_json::Value;

use crate::commands::show::show;
use crate::context::Context;
use crate::control::client;
use crate::control::request::Request;
use crate::failure::Failure;
use crate::terminal::confirm;
use crate::verbs::authentication::{AuthenticationRequest, ShownKey};

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub enum DkimVerb {
    /// Make keys, and print the records to publish. The first ones sign at once.
    Create {
        /// Such as example.org.
        domain: String,
        /// The name of the key; needs --algorithm. Unset makes one from the month.
        #[arg(long)]
        selector: Option<String>,
        /// Which kind. Unset makes both.
        #[arg(long)]
        algorithm: Option<Kind>,
    },
    /// List keys with their records.
    List {
        /// Only those of this domain.
        domain: Option<String>,
    },
    /// The next step of replacing keys: the first time new ones are made and wait; once their records are published, the
    /// second time they begin to sign and the old ones are retired.
    Rotate {
        /// Such as example.org.
        domain: String,
        /// Begin even if the records are not seen.
        #[arg(long)]
        unpublished: bool,
    },
    /// Let a key sign no more. Leave its record published for a week, for mail on its way.
    Retire {
        /// Such as example.org.
        domain: String,
        /// The name of the key.
        selector: String,
        /// Remove the key itself too.
        #[arg(long)]
        remove: bool,
    },
}

/// A kind of key.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Kind {
    /// What everybody can check.
    Rsa,
    /// Short and fast.
    Ed25519,
}

/// `heliograph domain dkim`.
///
/// # Errors
/// Why it was not done.
pub fn run(verb: DkimVerb, context: &Context) -> Result<(), Failure> {
    let request = match verb {
        DkimVerb::Create { domain, selector, algorithm } => {
            let algorithm = algorithm.map(|kind| match kind {
                Kind::Rsa => Algorithm::Rsa,
                Kind::Ed25519 => Algorithm::Ed25519,
            });
            AuthenticationRequest::CreateKeys { domain, selector, algorithm }
        }
        DkimVerb::List { domain } => AuthenticationRequest::ListKeys { domain },
        DkimVerb::Rotate { domain, unpublished } => AuthenticationRequest::RotateKeys { domain, unpublished },
        DkimVerb::Retire { domain, selector, remove } => {
            if remove {
                confirm(context, &format!("Remove the key {selector} of {domain} for good?"))?;
            }
            AuthenticationRequest::RetireKey { domain, selector, remove }
        }
    };
    let report: Value = client::ask(context, Request::Authentication(request))?;
    show(context, report, |keys: Vec<ShownKey>| {
        let mut text = String::new();
        for key in keys {
            let state = match key.state {
                State::Waiting => "waits to be published",
                State::Active => "signs",
                State::Retired => "retired",
            };
            let _infallible =
                writeln!(text, "{} {} {}: {state}, made {}", key.domain, key.selector, key.algorithm, key.created);
            let _infallible = writeln!(text, "  {}. IN TXT {}", key.name, in_strings(&key.text));
        }
        text
    })
}

/// A text as zone files write it: strings of at most 255 octets (RFC 1035 §3.3.14).
pub fn in_strings(text: &str) -> String {
    let pieces = text.as_bytes().chunks(255).map(|piece| format!("\"{}\"", String::from_utf8_lossy(piece)));
    pieces.collect::<Vec<_>>().join(" ")
}
