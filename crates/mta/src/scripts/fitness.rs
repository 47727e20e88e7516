//! What the scripts of the stages before a message may say. What could mean nothing there is a mistake that is told when the
//! script is read, and never passed over when it runs.

use policy::stage::Stage;
use sieve::{Extension, Extensions, Fault, Problem, Script};

/// The folders of these scripts, and when they run.
pub const FOLDERS: [(&str, Stage); 5] = [
    ("connect", Stage::Connect),
    ("hello", Stage::Hello),
    ("sender", Stage::Mail),
    ("recipient", Stage::Recipient),
    ("data", Stage::Data),
];

/// What they may do.
const ACTIONS: [&str; 10] =
    ["keep", "discard", "reject", "ereject", "redirect", "hold", "addheader", "set", "global", "include :global"];

/// The stage whose scripts lie in a folder of this name.
pub fn stage_of(folder: &str) -> Option<Stage> {
    FOLDERS.into_iter().find(|(name, _)| *name == folder).map(|(_, stage)| stage)
}

/// What they may require: everything that needs neither a mailbox nor a message.
fn extensions() -> Extensions {
    let mut extensions = Extensions::default();
    let fit = [
        Extension::ComparatorBasic,
        Extension::ComparatorNumeric,
        Extension::ComparatorUnicode,
        Extension::Date,
        Extension::EditHeader,
        Extension::EncodedCharacter,
        Extension::Envelope,
        Extension::Environment,
        Extension::ExternalLists,
        Extension::ExternalReject,
        Extension::Ihave,
        Extension::Include,
        Extension::Regex,
        Extension::Reject,
        Extension::Relational,
        Extension::Subaddress,
        Extension::System,
        Extension::Variables,
    ];
    fit.into_iter().for_each(|extension| extensions.add(extension));
    extensions
}

/// Compiles a script of such a stage.
///
/// # Errors
/// What is wrong with it, and where.
pub fn compile(text: &[u8]) -> Result<Script, String> {
    let script = sieve::compile(text, extensions()).map_err(|fault| match fault {
        Fault { at, problem: Problem::ExtensionNotAllowed(name) } => {
            format!("{at}: the extension {name:?} means nothing at this stage")
        }
        other => other.to_string(),
    })?;
    match problem(&script) {
        Some(problem) => Err(problem),
        None => Ok(script),
    }
}

/// Why a script cannot be run at such a stage, if it cannot.
pub fn problem(script: &Script) -> Option<String> {
    let allowed = extensions().names();
    if let Some(name) = script.extensions().names().into_iter().find(|name| !allowed.contains(name)) {
        return Some(format!("the extension {name:?} means nothing at this stage"));
    }
    let (at, action) = script.actions().find(|(_, action)| !ACTIONS.contains(action))?;
    Some(format!("{at}: {action} means nothing at this stage"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        compile(text.as_bytes()).map_or_else(|fault| fault, |_| String::new())
    }

    #[test]
    fn what_means_something_is_taken() {
        let text = "require [\"envelope\", \"environment\", \"variables\", \"relational\", \"extlists\", \"reject\", \"ereject\",\n\
                    \"editheader\", \"include\", \"vnd.heliograph.system\", \"comparator-i;ascii-numeric\", \"date\"];\n\
                    if valid_ext_list \"a@b.test\" { reject \"no\"; stop; } elsif true { hold \"wait\"; }\n\
                    set \"a\" \"b\"; addheader \"X\" \"${a}\"; include :global \"x\"; keep; discard; redirect \"a@b.test\";";
        assert_eq!(fault(text), "");
    }

    #[test]
    fn what_could_mean_nothing_is_a_mistake() {
        let cases = [
            ("require \"fileinto\";", "line 1, column 9: the extension \"fileinto\" means nothing at this stage"),
            ("require \"vacation\";", "line 1, column 9: the extension \"vacation\" means nothing at this stage"),
            ("require \"vnd.heliograph.system\";\njunk;", "line 2, column 1: junk means nothing at this stage"),
            (
                "require \"editheader\";\naddheader :last \"A\" \"b\";",
                "line 2, column 1: addheader :last means nothing at this stage",
            ),
            (
                "require \"editheader\"; deleteheader \"A\";",
                "line 1, column 23: deleteheader means nothing at this stage",
            ),
            ("require \"include\"; include \"a\";", "line 1, column 20: include :personal means nothing at this stage"),
            (
                "require \"extlists\"; redirect :list \"a@b.test\";",
                "line 1, column 21: redirect :list means nothing at this stage",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(fault(text), expected, "{text}");
        }
        assert!(fault("kep;").contains("keep comes nearest"));
    }
}
