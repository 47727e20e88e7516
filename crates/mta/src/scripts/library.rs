//! The administrator's scripts: files of one folder.
//!
//! | file | run |
//! |---|---|
//! | `connect/*.sieve`, `hello/`, `sender/`, `recipient/`, `data/` | at that stage, in the order of their names; see `early` |
//! | `message/*.sieve` | once for each message at its end, in the order of their names; see `stage` |
//! | `before/*.sieve` | for everybody, before all others, in the order of their names |
//! | `domain/DOMAIN.sieve` | for the accounts of the domain, before their own |
//! | `after/*.sieve` | for everybody, after all others |
//! | `global/NAME.sieve` | where `include :global "NAME"` asks for it |

use crate::scripts::fitness;
use crate::scripts::settings::{administrator_extensions, message_extensions};
use policy::stage::Stage;
use sieve::Script;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// Files that are read at most; more are a mistake.
const FILES_MAX: usize = 10_000;
/// What a script's file ends with.
const ENDING: &str = ".sieve";

/// A script and what it is called in logs and notes.
#[derive(Clone, Debug)]
pub struct Named {
    /// Such as `before/10-junk`.
    pub name: String,
    /// What is run.
    pub script: Arc<Script>,
}

/// All of the administrator's scripts.
#[derive(Debug, Default)]
pub struct Library {
    /// Run at the stages before a message, by the stage.
    pub early: BTreeMap<Stage, Vec<Named>>,
    /// Run once for each message.
    pub message: Vec<Named>,
    /// Run before all others.
    pub before: Vec<Named>,
    /// Run after all others.
    pub after: Vec<Named>,
    /// Run for a domain, by its name.
    pub domains: BTreeMap<String, Named>,
    /// To be included, by name.
    pub global: BTreeMap<String, Named>,
    /// Scripts that cannot be used: which, and why.
    pub unusable: Vec<(String, String)>,
}

/// What a folder's files look like from outside: a change of it is a reason to read them again.
pub type Look = Vec<(PathBuf, u64, Option<SystemTime>)>;

/// Looks at the folder. One that is not there has no scripts. Blocks.
///
/// # Errors
/// Those of the file system.
pub fn look(folder: &Path) -> io::Result<Look> {
    let mut found = Look::new();
    let early = fitness::FOLDERS.map(|(folder, _)| folder);
    for below in early.into_iter().chain(["message", "before", "domain", "after", "global"]) {
        let entries = match std::fs::read_dir(folder.join(below)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let metadata = std::fs::metadata(entry.path())?;
            let is_script = metadata.is_file() && entry.file_name().to_string_lossy().ends_with(ENDING);
            if is_script && found.len() < FILES_MAX {
                found.push((entry.path(), metadata.len(), metadata.modified().ok()));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Reads and compiles the files that [`look`] saw. Blocks.
///
/// # Errors
/// Those of the file system. A script with a mistake is no error of the whole: see [`Library::unusable`].
pub fn read(look: &Look) -> io::Result<Library> {
    let mut library = Library::default();
    for (path, octets, _) in look {
        let part = |path: Option<&Path>| {
            path.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
        };
        let (folder, file) = (part(path.parent()), part(Some(path)));
        let stem = file.strip_suffix(ENDING).unwrap_or(&file).to_owned();
        let name = format!("{folder}/{stem}");
        if *octets > sieve::limits::SCRIPT_OCTETS_MAX as u64 {
            library.unusable.push((name, "the file is too large".to_owned()));
            continue;
        }
        let text = std::fs::read(path)?;
        let stage = fitness::stage_of(&folder);
        let compiled = match (stage, folder.as_str()) {
            (Some(_), _) => fitness::compile(&text),
            (None, "message") => sieve::compile(&text, message_extensions()).map_err(|fault| fault.to_string()),
            (None, _) => sieve::compile(&text, administrator_extensions()).map_err(|fault| fault.to_string()),
        };
        let script = match compiled {
            Ok(script) => Arc::new(script),
            Err(problem) => {
                library.unusable.push((name, problem));
                continue;
            }
        };
        let named = Named { name, script };
        if let Some(stage) = stage {
            library.early.entry(stage).or_default().push(named);
            continue;
        }
        match folder.as_str() {
            "message" => library.message.push(named),
            "before" => library.before.push(named),
            "after" => library.after.push(named),
            "domain" => drop(library.domains.insert(stem.to_ascii_lowercase(), named)),
            _ => drop(library.global.insert(stem, named)),
        }
    }
    Ok(library)
}

impl Library {
    /// How many scripts it has.
    pub fn len(&self) -> usize {
        let early: usize = self.early.values().map(Vec::len).sum();
        early + self.message.len() + self.before.len() + self.after.len() + self.domains.len() + self.global.len()
    }

    /// Those of a stage before a message, in their order.
    pub fn of_stage(&self, stage: Stage) -> &[Named] {
        self.early.get(&stage).map_or(&[], Vec::as_slice)
    }

    /// Whether nothing runs where mail is filed.
    pub fn is_idle(&self) -> bool {
        self.before.is_empty() && self.after.is_empty() && self.domains.is_empty()
    }

    /// Whether it has no scripts.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
