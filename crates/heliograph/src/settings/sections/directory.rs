//! `[directory]`: accounts and logins.

use directory::password::Cost;

use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};
use crate::settings::problem::Problem;

/// The keys.
pub const KEYS: &[Key] = &[
    Key {
        path: "directory.subaddress_separator",
        kind: Kind::Text,
        default: "\"+\"",
        doc: "The character between a user and a folder in an address, as in user+folder@example.org.",
        example: "\"-\"",
        effect: Effect::Restart,
    },
    Key {
        path: "directory.password_memory",
        kind: Kind::Size { min: 64 * 1024, max: 1024 * 1024 * 1024 },
        default: "\"19 MiB\"",
        doc: "Memory that hashing a new password with Argon2id needs. Passwords that are set keep what they were made with.",
        example: "\"64 MiB\"",
        effect: Effect::Restart,
    },
    Key {
        path: "directory.password_passes",
        kind: Kind::Number { min: 1, max: 100 },
        default: "2",
        doc: "Passes over that memory.",
        example: "3",
        effect: Effect::Restart,
    },
    Key {
        path: "directory.failed_logins",
        kind: Kind::Number { min: 5, max: 10_000 },
        default: "30",
        doc: "Failed logins of one account, or a tenth of those of one address, after which further tries are refused \
              until some are forgotten, one a minute.",
        example: "10",
        effect: Effect::Restart,
    },
    Key {
        path: "directory.deleted_kept",
        kind: Kind::Time { min: std::time::Duration::ZERO, max: std::time::Duration::from_secs(3660 * 86_400) },
        default: "\"30d\"",
        doc: "How long a deleted account can be activated again; then it is forgotten with all its mail.",
        example: "\"90d\"",
        effect: Effect::Restart,
    },
];

/// Makes what the program runs on.
pub fn make(values: &Values, problems: &mut Vec<Problem>) -> directory::settings::Settings {
    let path = "directory.subaddress_separator";
    let text = values.text(path);
    let mut letters = text.chars();
    let separator = match (letters.next(), letters.next()) {
        (Some(letter), None) if letter.is_ascii_punctuation() && !"@.\"\\<>(),;:[]".contains(letter) => letter,
        _ => {
            let why = "must be one character such as \"+\", \"-\" or \"=\"";
            problems.push(Problem::with_value(values.position(path), path, why));
            '+'
        }
    };
    directory::settings::Settings {
        subaddress_separator: separator,
        password_cost: Cost {
            memory_kib: u32::try_from(values.size("directory.password_memory") >> 10).unwrap_or(u32::MAX),
            passes: values.count("directory.password_passes"),
            ..Cost::default()
        },
        failures_max: values.count("directory.failed_logins"),
        deleted_kept_secs: values.time("directory.deleted_kept").as_secs(),
        ..directory::settings::Settings::default()
    }
}
