//! `[server]`: the program itself.

use std::path::PathBuf;
use std::time::Duration;

use model::Domain;

use crate::roles::Role;
use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};

/// What the program runs on.
#[derive(Clone, Debug)]
pub struct Server {
    /// Our host name, as banners and Received fields say it.
    pub host: Domain,
    /// The data folder.
    pub data: PathBuf,
    /// How long connections may take to finish when the program ends.
    pub shutdown_grace: Duration,
    /// Which parts run.
    pub roles: Vec<Role>,
    /// Threads for connections; 0 means one for each processor.
    pub threads: usize,
}

/// The keys.
pub const KEYS: &[Key] = &[
    Key {
        path: "server.host",
        kind: Kind::Domain,
        default: "",
        doc: "The host name by which this server calls itself in banners, greetings and Received fields. Unset means \
              the machine's own name.",
        example: "\"mail.example.org\"",
        effect: Effect::Restart,
    },
    Key {
        path: "server.data",
        kind: Kind::FilePath,
        default: "\"/var/lib/heliograph\"",
        doc: "The data folder: partitions, directory, queue and the administration socket lie in it.",
        example: "\"/srv/mail\"",
        effect: Effect::Restart,
    },
    Key {
        path: "server.shutdown_grace",
        kind: Kind::Time { min: Duration::ZERO, max: Duration::from_secs(3600) },
        default: "\"20s\"",
        doc: "How long connections may take to finish the transaction at hand when the server is told to end. Who is \
              not done by then is cut off.",
        example: "\"1m\"",
        effect: Effect::Reload,
    },
    Key {
        path: "server.roles",
        kind: Kind::List(&Kind::Choice(Role::NAMES)),
        default: "[\"mta\", \"access\", \"meter\", \"greylist\"]",
        doc: "Which parts run here: mta takes and delivers mail (SMTP, submission, LMTP), access serves mailboxes \
              (IMAP, POP3), meter counts for other servers, greylist greylists for them (milter, gross). Listeners of a \
              part that does not run are refused. With meter and greylist alone no store is opened.",
        example: "[\"mta\"]",
        effect: Effect::Restart,
    },
    Key {
        path: "server.threads",
        kind: Kind::Number { min: 0, max: 256 },
        default: "0",
        doc: "Threads that serve connections; 0 means one for each processor.",
        example: "8",
        effect: Effect::Restart,
    },
];

/// Makes what the program runs on.
pub fn make(values: &Values) -> Server {
    let roles = values.texts("server.roles");
    Server {
        host: values.domain_if_set("server.host").unwrap_or_else(machine_name),
        data: values.path("server.data"),
        shutdown_grace: values.time("server.shutdown_grace"),
        roles: roles.iter().filter_map(|name| Role::from_name(name)).collect(),
        threads: values.count("server.threads"),
    }
}

/// The machine's own name.
fn machine_name() -> Domain {
    let read = |path| std::fs::read_to_string(path).ok();
    let name = read("/proc/sys/kernel/hostname").or_else(|| read("/etc/hostname")).unwrap_or_default();
    let parsed = name.trim().parse().ok();
    parsed.unwrap_or_else(|| "localhost".parse().expect("localhost is a domain name"))
}
