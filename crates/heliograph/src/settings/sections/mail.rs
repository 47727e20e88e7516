//! `[mail]`: the mail store.

use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};
use crate::settings::sections::sieve::Sieve;

/// The keys.
pub const KEYS: &[Key] = &[Key {
    path: "mail.undelete_days",
    kind: Kind::Number { min: 0, max: 3650 },
    default: "7",
    doc: "Days for which an expunged message can be brought back; 0 gives it up at once.",
    example: "30",
    effect: Effect::Restart,
}];

/// Makes what the program runs on.
pub fn make(values: &Values, sieve: &Sieve) -> mail::settings::Settings {
    mail::settings::Settings {
        undelete_days: values.count("mail.undelete_days"),
        scripts_max: sieve.scripts_max,
        script_octets_max: sieve.script_octets_max,
    }
}
