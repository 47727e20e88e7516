//! `[sieve]`: scripts that sort mail, and those who manage theirs over ManageSieve.

use std::path::PathBuf;
use std::time::Duration;

use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};

/// How scripts behave.
#[derive(Clone, Debug)]
pub struct Sieve {
    /// Where the administrator's scripts lie, if not in the data folder.
    pub folder: Option<PathBuf>,
    /// Scripts that an account may keep.
    pub scripts_max: usize,
    /// Octets of one of them.
    pub script_octets_max: u64,
    /// Messages that the scripts of one recipient may send on.
    pub redirects_max: usize,
    /// The shortest time between two vacation answers.
    pub vacation_min: Duration,
    /// How long a ManageSieve client that has logged in may be silent.
    pub idle_timeout: Duration,
    /// How long a client may take before it has logged in.
    pub login_timeout: Duration,
    /// Failed logins after which a connection ends.
    pub failed_logins_max: u32,
    /// Wrong commands after which a connection ends.
    pub offences_max: u32,
}

/// The keys.
pub const KEYS: &[Key] = &[
    Key {
        path: "sieve.folder",
        kind: Kind::FilePath,
        default: "",
        doc: "The folder of the administrator's scripts; unless given, sieve in the data folder. connect/, hello/, \
              sender/, recipient/ and data/*.sieve run at these stages as part of the policy; message/*.sieve run once \
              for each message before it is answered; before/*.sieve and after/*.sieve run for everybody where mail is \
              filed, before and after people's own scripts; all in the order of their names. domain/DOMAIN.sieve runs \
              for a domain; global/NAME.sieve is there for include :global. Changes are seen within seconds.",
        example: "\"/etc/heliograph/sieve\"",
        effect: Effect::Restart,
    },
    Key {
        path: "sieve.scripts",
        kind: Kind::Number { min: 1, max: 1_000 },
        default: "100",
        doc: "Scripts that an account may keep.",
        example: "20",
        effect: Effect::Restart,
    },
    Key {
        path: "sieve.script_octets",
        kind: Kind::Number { min: 1_024, max: 1_048_576 },
        default: "262144",
        doc: "Octets of one script.",
        example: "65536",
        effect: Effect::Restart,
    },
    Key {
        path: "sieve.redirects",
        kind: Kind::Number { min: 0, max: 100 },
        default: "4",
        doc: "To how many addresses the scripts of one recipient may send a message on.",
        example: "1",
        effect: Effect::Restart,
    },
    Key {
        path: "sieve.vacation_pause",
        kind: Kind::Time { min: Duration::from_secs(0), max: Duration::from_secs(7 * 86_400) },
        default: "\"1h\"",
        doc: "The shortest time between two answers of one person's vacation to the same sender, whatever the script \
              says; a script that wants to answer every message (:seconds 0) does.",
        example: "\"1d\"",
        effect: Effect::Restart,
    },
    Key {
        path: "sieve.idle_timeout",
        kind: Kind::Time { min: Duration::from_secs(1800), max: Duration::from_secs(24 * 3600) },
        default: "\"30m\"",
        doc: "How long a ManageSieve client that has logged in may be silent. The standard wants thirty minutes at least.",
        example: "\"1h\"",
        effect: Effect::Restart,
    },
    Key {
        path: "sieve.login_timeout",
        kind: Kind::Time { min: Duration::from_secs(10), max: Duration::from_secs(600) },
        default: "\"2m\"",
        doc: "How long a ManageSieve client may take between commands before it has logged in.",
        example: "\"1m\"",
        effect: Effect::Restart,
    },
    Key {
        path: "sieve.failed_logins",
        kind: Kind::Number { min: 1, max: 100 },
        default: "3",
        doc: "Failed logins after which a ManageSieve connection ends.",
        example: "5",
        effect: Effect::Restart,
    },
    Key {
        path: "sieve.errors",
        kind: Kind::Number { min: 5, max: 10_000 },
        default: "20",
        doc: "Wrong commands after which a ManageSieve connection ends.",
        example: "50",
        effect: Effect::Restart,
    },
];

/// Makes what the program runs on.
pub fn make(values: &Values) -> Sieve {
    Sieve {
        folder: values.path_if_set("sieve.folder"),
        scripts_max: values.count("sieve.scripts"),
        script_octets_max: values.count("sieve.script_octets"),
        redirects_max: values.count("sieve.redirects"),
        vacation_min: values.time("sieve.vacation_pause"),
        idle_timeout: values.time("sieve.idle_timeout"),
        login_timeout: values.time("sieve.login_timeout"),
        failed_logins_max: values.count("sieve.failed_logins"),
        offences_max: values.count("sieve.errors"),
    }
}
