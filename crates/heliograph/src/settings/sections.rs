//! All sections, joined. Each file below holds the keys of one and makes what the program runs on from them.

pub mod authentication;
pub mod channel_names;
pub mod channels;
pub mod conversion;
pub mod defragment;
pub mod directory;
pub mod disclaimers;
pub mod dns;
pub mod filters;
pub mod greylist;
pub mod imap;
pub mod listeners;
pub mod log;
pub mod mail;
pub mod meter;
pub mod named_channels;
pub mod policy;
pub mod pop3;
pub mod queue;
pub mod routes;
pub mod rules;
pub mod server;
pub mod sieve;
pub mod smtp;
pub mod sources;
pub mod storage;
pub mod tls;

use crate::settings::key::Key;

/// The sections in the order in which they are shown: name, what it is about, keys.
pub const SECTIONS: &[(&str, &str, &[Key])] = &[
    ("server", "The program itself.", server::KEYS),
    (
        "listeners[]",
        "What is listened on: one [[listeners]] each. None at all means the standard ports.",
        listeners::KEYS,
    ),
    ("smtp", "Those who bring mail over SMTP, submission and LMTP.", smtp::KEYS),
    ("sources[]", "The channels that sessions belong to: one [[sources]] each.", sources::KEYS),
    ("policy", "What judges connections, senders, recipients and messages.", policy::KEYS),
    (
        "rules[]",
        "Conditions that must all hold, and what happens then: one [[rules]] each, judged in their order.",
        rules::KEYS,
    ),
    ("authentication", "Who really sent a message, and how others can tell that we did.", authentication::KEYS),
    ("queue", "Mail on its way.", queue::KEYS),
    (
        "channels",
        "What one channel of the queue does otherwise: process, local, smtp, lmtp or conversion.",
        channels::KEYS,
    ),
    ("disclaimers[]", "Texts for mail that leaves: one [[disclaimers]] each.", disclaimers::KEYS),
    ("conversion", "Parts of messages that external commands change.", conversion::KEYS),
    ("defragment", "Fragments of messages that wait for each other.", defragment::KEYS),
    (
        "named_channels[]",
        "Channels of the operator's own, by which some mail leaves before all routes: one [[named_channels]] each.",
        named_channels::KEYS,
    ),
    ("routes[]", "Domains whose mail leaves by a way of its own: one [[routes]] each.", routes::KEYS),
    (
        "filters[]",
        "Spam and virus filters that are asked about whole messages before they are accepted: one [[filters]] each, up to \
         eight.",
        filters::KEYS,
    ),
    ("greylist", "Suspicious deliveries have to come again.", greylist::KEYS),
    ("imap", "Those who read their mail over IMAP.", imap::KEYS),
    ("pop3", "Those who fetch their mail over POP3.", pop3::KEYS),
    ("sieve", "Scripts that sort mail, and ManageSieve.", sieve::KEYS),
    ("mail", "The mail store.", mail::KEYS),
    ("meter", "How often something may happen: where it is counted.", meter::KEYS),
    ("meter.tables[]", "What is counted: one [[meter.tables]] each.", meter::TABLE_KEYS),
    (
        "meter.rules[]",
        "What is counted for other mail servers over Postfix's policy delegation: one [[meter.rules]] each, the first that \
         is over its quota decides.",
        meter::RULE_KEYS,
    ),
    ("directory", "Accounts and logins.", directory::KEYS),
    ("storage", "The partitions on the disk.", storage::KEYS),
    ("tls", "Certificates and versions.", tls::KEYS),
    ("dns", "How names are asked for.", dns::KEYS),
    ("log", "What is written to the log.", log::KEYS),
];

/// All keys.
pub fn all() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().flat_map(|(_, _, keys)| keys.iter())
}

/// The key of this path (without numbers).
pub fn find(path: &str) -> Option<&'static Key> {
    all().find(|key| key.path == path)
}

/// Whether keys stand below this path (without numbers).
pub fn is_section(path: &str) -> bool {
    all().any(|key| key.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

/// What may stand in a section (without numbers), or at the top.
pub fn names_in(section: &str) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    for key in all() {
        let rest = match section {
            "" => Some(key.path),
            _ => key.path.strip_prefix(section).and_then(|rest| rest.strip_prefix('.')),
        };
        let name = rest.and_then(|rest| rest.split(['.', '[']).next());
        names.extend(name.filter(|name| !names.contains(name)));
    }
    names
}
