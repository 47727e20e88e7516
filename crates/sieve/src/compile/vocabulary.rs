//! The names of all commands and tests, and what must be required for each.

use super::nearest::nearest;
use crate::extension::{Extension, Extensions};
use crate::fault::{Fault, Position, Problem};

type Names = &'static [(&'static str, Option<Extension>)];

const COMMANDS: Names = &[
    ("addflag", Some(Extension::ImapFlags)),
    ("addheader", Some(Extension::EditHeader)),
    ("addtag", Some(Extension::System)),
    ("break", Some(Extension::ForEveryPart)),
    ("capture", Some(Extension::System)),
    ("deleteheader", Some(Extension::EditHeader)),
    ("discard", None),
    ("else", None),
    ("elsif", None),
    ("enclose", Some(Extension::Enclose)),
    ("ereject", Some(Extension::ExternalReject)),
    ("error", Some(Extension::Ihave)),
    ("extracttext", Some(Extension::ExtractText)),
    ("fileinto", Some(Extension::FileInto)),
    ("foreverypart", Some(Extension::ForEveryPart)),
    ("global", Some(Extension::Include)),
    ("hold", Some(Extension::System)),
    ("if", None),
    ("include", Some(Extension::Include)),
    ("jettison", Some(Extension::System)),
    ("junk", Some(Extension::System)),
    ("keep", None),
    ("notify", Some(Extension::Notify)),
    ("redirect", None),
    ("reject", Some(Extension::Reject)),
    ("removeflag", Some(Extension::ImapFlags)),
    ("replace", Some(Extension::Replace)),
    ("require", None),
    ("return", Some(Extension::Include)),
    ("set", Some(Extension::Variables)),
    ("setflag", Some(Extension::ImapFlags)),
    ("spamadjust", Some(Extension::System)),
    ("stop", None),
    ("vacation", Some(Extension::Vacation)),
    ("virusset", Some(Extension::System)),
];

const TESTS: Names = &[
    ("address", None),
    ("allof", None),
    ("anyof", None),
    ("body", Some(Extension::Body)),
    ("currentdate", Some(Extension::Date)),
    ("date", Some(Extension::Date)),
    ("duplicate", Some(Extension::Duplicate)),
    ("envelope", Some(Extension::Envelope)),
    ("environment", Some(Extension::Environment)),
    ("exists", None),
    ("false", None),
    ("hasflag", Some(Extension::ImapFlags)),
    ("header", None),
    ("ihave", Some(Extension::Ihave)),
    ("mailboxexists", Some(Extension::Mailbox)),
    ("mailboxidexists", Some(Extension::MailboxId)),
    ("metadata", Some(Extension::MailboxMetadata)),
    ("metadataexists", Some(Extension::MailboxMetadata)),
    ("not", None),
    ("notify_method_capability", Some(Extension::Notify)),
    ("servermetadata", Some(Extension::ServerMetadata)),
    ("servermetadataexists", Some(Extension::ServerMetadata)),
    ("size", None),
    ("spamtest", Some(Extension::SpamTest)),
    ("specialuse_exists", Some(Extension::SpecialUse)),
    ("string", Some(Extension::Variables)),
    ("true", None),
    ("valid_ext_list", Some(Extension::ExternalLists)),
    ("valid_notify_method", Some(Extension::Notify)),
    ("virustest", Some(Extension::VirusTest)),
];

/// Whether there is such a command, and what it needs is required.
pub(super) fn check_command(name: &str, at: Position, required: Extensions) -> Result<(), Fault> {
    let unknown = |name, nearest| Problem::UnknownCommand { name, nearest };
    check(COMMANDS, name, at, required, unknown)
}

/// Whether there is such a test, and what it needs is required.
pub(super) fn check_test(name: &str, at: Position, required: Extensions) -> Result<(), Fault> {
    let unknown = |name, nearest| Problem::UnknownTest { name, nearest };
    check(TESTS, name, at, required, unknown)
}

fn check(
    names: Names,
    name: &str,
    at: Position,
    required: Extensions,
    unknown: impl Fn(String, Option<&'static str>) -> Problem,
) -> Result<(), Fault> {
    let fault = |problem| Err(Fault { at, problem });
    match names.iter().find(|(known, _)| *known == name) {
        None => fault(unknown(name.to_owned(), nearest(name, names.iter().map(|(known, _)| *known)))),
        Some((_, Some(extension))) if !required.has(*extension) => {
            fault(Problem::NotRequired { what: name.to_owned(), extension: extension.name() })
        }
        Some(_) => Ok(()),
    }
}
