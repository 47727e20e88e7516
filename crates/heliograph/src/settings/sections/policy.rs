//! `[policy]`: the mapping file and how the policy is carried out.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use meter::table::settings::{Average, Kind as Kept, TableSettings};
use mta::judge::settings::{Command, Destinations, Settings as Manner};
use policy::mapping::callout::rate_table;
use policy::mapping::file;
use policy::mapping::problem::Problem as MappingProblem;
use policy::mapping::table::Mappings;
use policy::mapping::template::Template;
use policy::rule::Rule;
use policy::source::Source;

use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};
use crate::settings::problem::Problem;

/// What judges, and how it is carried out.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The mapping tables.
    pub mappings: Arc<Mappings>,
    /// The rules.
    pub rules: Vec<Rule>,
    /// DNS lists that refuse connections.
    pub lists: Vec<String>,
    /// Channels that sessions can belong to.
    pub sources: Vec<Source>,
    /// How it is carried out.
    pub manner: Manner,
}

/// Keys that the table of a rate in a mapping table keeps.
const RATE_ENTRIES: usize = 100_000;

impl Policy {
    /// The tables of the meter that mapping tables write themselves, with `conn_throttle`.
    pub fn rate_tables(&self) -> impl Iterator<Item = (String, TableSettings)> {
        self.mappings.rates().into_iter().map(|(per_minute, penalise)| {
            let kind = Kept::Throttle {
                quota: u64::from(per_minute),
                quota_time: Duration::from_secs(60),
                average: Average::Leaky,
                penalise,
            };
            let settings = TableSettings { kind, ..TableSettings::throttle(1, Duration::from_secs(60)) };
            (rate_table(per_minute, penalise), settings.entries(RATE_ENTRIES))
        })
    }

    /// The policy, ready to judge.
    pub fn compiled(&self) -> policy::judge::Policy {
        policy::judge::Policy::new(
            Arc::clone(&self.mappings),
            self.rules.clone(),
            self.lists.clone(),
            self.sources.clone(),
        )
    }
}

/// The keys.
pub const KEYS: &[Key] = &[
    Key {
        path: "policy.mappings",
        kind: Kind::FilePath,
        default: "",
        doc: "The file with the mapping tables; PORT_ACCESS, FROM_ACCESS, ORIG_SEND_ACCESS, SEND_ACCESS, ORIG_MAIL_ACCESS and \
              MAIL_ACCESS among them judge connections, senders and recipients. It is read again at a reload.",
        example: "\"mappings\"",
        effect: Effect::Reload,
    },
    Key {
        path: "policy.general",
        kind: Kind::FilePath,
        default: "",
        doc: "The file with the general table, which mapping tables ask with `${KEY}`: a key, white space and a text on each \
              line.",
        example: "\"general.txt\"",
        effect: Effect::Reload,
    },
    Key {
        path: "policy.connect_dns_lists",
        kind: Kind::List(&Kind::Text),
        default: "[]",
        doc: "DNS lists whose entries are refused as soon as they connect. They are not asked about clients that an entry of \
              PORT_ACCESS matches.",
        example: "[\"zen.example.org\"]",
        effect: Effect::Reload,
    },
    Key {
        path: "policy.delay",
        kind: Kind::Time { min: Duration::ZERO, max: Duration::from_secs(600) },
        default: "\"60s\"",
        doc: "The longest time that one reply waits because a table or a rule says so.",
        example: "\"30s\"",
        effect: Effect::Reload,
    },
    Key {
        path: "policy.lookup_timeout",
        kind: Kind::Time { min: Duration::from_millis(100), max: Duration::from_secs(120) },
        default: "\"5s\"",
        doc: "How long one look-up of the policy may take. What is not answered by then fails, and what depends on it does not \
              match.",
        example: "\"2s\"",
        effect: Effect::Reload,
    },
    Key {
        path: "policy.lookups_at_a_time",
        kind: Kind::Number { min: 1, max: 1_000 },
        default: "32",
        doc: "How many commands, pages and sockets are asked at a time; further ones wait, within their time limit.",
        example: "8",
        effect: Effect::Reload,
    },
    Key {
        path: "policy.destination_local",
        kind: Kind::Text,
        default: "\"ims-ms\"",
        doc: "How tables and rules call the channel into our own mailboxes.",
        example: "\"local\"",
        effect: Effect::Reload,
    },
    Key {
        path: "policy.destination_smtp",
        kind: Kind::Text,
        default: "\"tcp_local\"",
        doc: "How tables and rules call the channel to other hosts.",
        example: "\"smtp\"",
        effect: Effect::Reload,
    },
    Key {
        path: "policy.destination_lmtp",
        kind: Kind::Text,
        default: "\"tcp_lmtp\"",
        doc: "How tables and rules call the channel into another store.",
        example: "\"lmtp\"",
        effect: Effect::Reload,
    },
    Key {
        path: "policy.destination_process",
        kind: Kind::Text,
        default: "\"process\"",
        doc: "How tables and rules call the channel of addresses that are looked up again in the queue, such as groups with \
              members elsewhere.",
        example: "\"reprocess\"",
        effect: Effect::Reload,
    },
    Key {
        path: "policy.destination_held",
        kind: Kind::Text,
        default: "\"hold\"",
        doc: "How tables and rules call the channel of mail that is held.",
        example: "\"held\"",
        effect: Effect::Reload,
    },
    Key {
        path: "policy.commands[].name",
        kind: Kind::Text,
        default: "",
        doc: "The name by which a mapping table runs a command: `$[command,NAME,ARGUMENT]`. One [[policy.commands]] each.",
        example: "\"check-sender\"",
        effect: Effect::Reload,
    },
    Key {
        path: "policy.commands[].program",
        kind: Kind::FilePath,
        default: "",
        doc: "The program. What the table gives it stands on its standard input, one argument a line. Exit code 0 means yes, \
              with what it prints; 1 means no; all else is a failure.",
        example: "\"/usr/local/bin/check-sender\"",
        effect: Effect::Reload,
    },
    Key {
        path: "policy.commands[].arguments",
        kind: Kind::List(&Kind::Text),
        default: "[]",
        doc: "What the program is always given on its command line.",
        example: "[\"--quick\"]",
        effect: Effect::Reload,
    },
];

/// Makes what the program runs on.
pub fn make(values: &Values, rules: Vec<Rule>, sources: Vec<Source>, problems: &mut Vec<Problem>) -> Policy {
    let general = values.path_if_set("policy.general").and_then(|path| load_general(values, &path, problems));
    let mappings = values.path_if_set("policy.mappings").map(|path| {
        load(&path).unwrap_or_else(|all| {
            tell(values, "policy.mappings", &all, problems);
            Mappings::default()
        })
    });
    let mappings = Arc::new(mappings.unwrap_or_default().with_general(general.unwrap_or_default()));
    Policy {
        mappings,
        rules,
        lists: values.texts("policy.connect_dns_lists"),
        sources,
        manner: Manner {
            delay_max: values.time("policy.delay"),
            lookup_timeout: values.time("policy.lookup_timeout"),
            outside_max: values.count("policy.lookups_at_a_time"),
            commands: commands(values, problems),
            destinations: Destinations {
                local: values.text("policy.destination_local"),
                smtp: values.text("policy.destination_smtp"),
                lmtp: values.text("policy.destination_lmtp"),
                process: values.text("policy.destination_process"),
                held: values.text("policy.destination_held"),
            },
        },
    }
}

/// Reads a mapping file and what it includes; names of files begin at the file that names them.
///
/// # Errors
/// All that is wrong.
pub fn load(path: &Path) -> Result<Mappings, Vec<MappingProblem>> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(&name, &error))?;
    let include = &mut |wanted: &str, from: &str| {
        let path = Path::new(from).parent().unwrap_or(Path::new("")).join(wanted);
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok((path.display().to_string(), text))
    };
    file::read(&name, &text, include)
}

fn unreadable(name: &str, error: &std::io::Error) -> Vec<MappingProblem> {
    vec![MappingProblem { file: name.to_owned(), line: 0, why: format!("cannot be read: {error}"), is_warning: false }]
}

fn load_general(values: &Values, path: &Path, problems: &mut Vec<Problem>) -> Option<HashMap<String, Template>> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(&name, &error));
    match text.and_then(|text| file::read_general(&name, &text)) {
        Ok(general) => Some(general),
        Err(all) => {
            tell(values, "policy.general", &all, problems);
            None
        }
    }
}

fn tell(values: &Values, key: &str, all: &[MappingProblem], problems: &mut Vec<Problem>) {
    for problem in all.iter().filter(|problem| !problem.is_warning) {
        let why = format!("names a file that cannot be used: {problem}");
        problems
            .push(Problem::with_value(values.position(key), key, why).helped("`heliograph mapping check` tells all"));
    }
}

fn commands(values: &Values, problems: &mut Vec<Problem>) -> Vec<Command> {
    let mut made: Vec<Command> = Vec::new();
    for at in values.each("policy.commands") {
        let path = |name: &str| format!("{at}.{name}");
        let (name, program) = (values.text_if_set(&path("name")), values.path_if_set(&path("program")));
        for (key, missing) in [("name", name.is_none()), ("program", program.is_none())] {
            if missing {
                problems.push(Problem::with_value(values.position(&path(key)), &path(key), "must be given"));
            }
        }
        let arguments = values.texts(&path("arguments"));
        if let (Some(name), Some(program)) = (name, program) {
            if made.iter().any(|command| command.name == name) {
                problems.push(Problem::with_value(values.position(&path("name")), &path("name"), "is given twice"));
            }
            made.push(Command { name, program, arguments });
        }
    }
    made
}
