//! An external command, run in a folder of its own with bounds on time, memory and output, without anything of our
//! environment. When it ends, or its time does, everything that it started in its process group ends.

use crate::process_group::ProcessGroup;
use net::Random;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

/// Octets of what a command says on its standard error that are kept for the log.
const COMPLAINT_OCTETS_MAX: usize = 1024;
/// Octets of OUTPUT_OPTIONS and OUTPUT_HEADERS.
const WORDS_OCTETS_MAX: u64 = 64 * 1024;

/// What a command gets and may use.
#[derive(Clone, Debug)]
pub struct Job {
    /// The shell command; `'NAME'` stands for the variable of that name.
    pub command: String,
    /// The content of the part.
    pub input: Vec<u8>,
    /// Files with header fields: the variable's name and the octets.
    pub headers: Vec<(&'static str, Vec<u8>)>,
    /// Other variables.
    pub variables: BTreeMap<String, String>,
    /// How long it may run.
    pub timeout: Duration,
    /// Octets of memory.
    pub memory_octets: u64,
    /// Octets of any file that it writes.
    pub output_octets: u64,
}

/// What a command left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// OUTPUT_FILE, if it was written.
    pub output: Option<Vec<u8>>,
    /// OUTPUT_HEADERS, if it was written.
    pub headers: Option<Vec<u8>>,
    /// OUTPUT_OPTIONS; empty if it was not written.
    pub options: String,
}

/// Runs a command in a new folder below `scratch`.
///
/// # Errors
/// What went wrong, in words: it could not be started, ended with another status than 0 or by a signal, ran for too long, or
/// wrote too much.
pub async fn run(job: Job, scratch: &Path, random: &dyn Random) -> Result<Left, String> {
    let folder = scratch.join(format!("{:016x}{:016x}", random.u64(), random.u64()));
    let kept = Folder(folder.clone());
    let (command, input, headers) = (job.command.clone(), job.input, job.headers);
    let written = folder.clone();
    let names: Vec<&'static str> = headers.iter().map(|(name, _)| *name).collect();
    let writing = tokio::task::spawn_blocking(move || write(&written, &input, &headers));
    writing
        .await
        .map_err(|_| "its files could not be written".to_owned())?
        .map_err(|error| format!("its files could not be written into {}: {error}", folder.display()))?;
    let mut variables = job.variables;
    for name in ["INPUT_FILE", "OUTPUT_FILE", "OUTPUT_HEADERS", "OUTPUT_OPTIONS"].into_iter().chain(names) {
        variables.insert(name.to_owned(), folder.join(name).display().to_string());
    }
    let script = with_variables(&command, &variables);
    let mut child = shell(&script, &folder, &variables, job.timeout, job.memory_octets, job.output_octets)
        .spawn()
        .map_err(|error| format!("it could not be started: {error}"))?;
    let ended = wait(&mut child, job.timeout).await;
    ended?;
    let most = job.output_octets;
    let reading = tokio::task::spawn_blocking(move || read(&folder, most));
    let left = reading.await.map_err(|_| "its results could not be read".to_owned())?;
    drop(kept);
    left
}

/// Removes what commands left behind when the program ended under them.
///
/// # Errors
/// The folder cannot be made or emptied.
pub fn prepare(scratch: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(scratch) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    make_private(scratch, true)
}

/// A folder that goes when it is done with, whatever happened.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed now is removed at the next start.
        let _left = std::fs::remove_dir_all(&self.0);
    }
}

fn make_private(folder: &Path, with_parents: bool) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(with_parents).mode(0o700).create(folder)
}

fn write(folder: &Path, input: &[u8], headers: &[(&'static str, Vec<u8>)]) -> std::io::Result<()> {
    make_private(folder, false)?;
    std::fs::write(folder.join("INPUT_FILE"), input)?;
    headers.iter().try_for_each(|(name, octets)| std::fs::write(folder.join(name), octets))
}

/// `'NAME'` becomes the variable's value, whatever characters that has.
fn with_variables(command: &str, variables: &BTreeMap<String, String>) -> String {
    let mut script = command.to_owned();
    for name in variables.keys() {
        script = script.replace(&format!("'{name}'"), &format!("\"${name}\""));
    }
    script
}

fn shell(
    script: &str,
    folder: &Path,
    variables: &BTreeMap<String, String>,
    timeout: Duration,
    memory_octets: u64,
    output_octets: u64,
) -> Command {
    // The shell's own limits, since a child cannot be limited from outside without code that we forbid ourselves. The units
    // are seconds, KiB and blocks of 512 octets.
    let limits = format!(
        "ulimit -c 0; ulimit -t {}; ulimit -v {}; ulimit -f {}; eval \"$HELIOGRAPH_COMMAND\"",
        timeout.as_secs().max(1) + 1,
        memory_octets.div_ceil(1024),
        output_octets.div_ceil(512) + 1
    );
    let mut command = Command::new("/bin/sh");
    command
        .arg("-c")
        .arg(limits)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LANG", "C.UTF-8")
        .env("HOME", folder)
        .env("TMPDIR", folder)
        .env("HELIOGRAPH_COMMAND", script)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    for (name, value) in variables {
        command.env(name, value.replace(|character: char| character.is_control(), " "));
    }
    command
}

/// Waits for the end, or makes one when time is over.
async fn wait(child: &mut Child, timeout: Duration) -> Result<(), String> {
    let group = ProcessGroup::of(child);
    let mut complaint = Vec::new();
    let error = child.stderr.take();
    let ended = tokio::time::timeout(timeout, async {
        if let Some(error) = error {
            // What it says is read to the end, so that it never waits for us, and the beginning is kept.
            let mut error = error;
            let mut piece = [0; 1024];
            while let Ok(octets @ 1..) = error.read(&mut piece).await {
                let room = COMPLAINT_OCTETS_MAX.saturating_sub(complaint.len());
                complaint.extend_from_slice(piece.get(..octets.min(room)).unwrap_or_default());
            }
        }
        child.wait().await
    })
    .await;
    drop(group);
    match ended {
        Err(_) => {
            // Reaped, so that no process is left between life and death.
            let _status = child.wait().await;
            Err(format!("it ran for more than {} seconds and was ended", timeout.as_secs()))
        }
        Ok(Err(error)) => Err(format!("its end could not be awaited: {error}")),
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => {
            let said = String::from_utf8_lossy(&complaint);
            let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
            let said = if said.is_empty() { String::new() } else { format!("; it said: {said}") };
            Err(format!("it ended with {status}{said}"))
        }
    }
}

fn read(folder: &Path, output_octets: u64) -> Result<Left, String> {
    let options = read_file(&folder.join("OUTPUT_OPTIONS"), WORDS_OCTETS_MAX)?;
    Ok(Left {
        output: read_file(&folder.join("OUTPUT_FILE"), output_octets)?,
        headers: read_file(&folder.join("OUTPUT_HEADERS"), WORDS_OCTETS_MAX)?,
        options: String::from_utf8_lossy(&options.unwrap_or_default()).into_owned(),
    })
}

/// A plain file; links and devices are not followed anywhere.
fn read_file(path: &Path, most: u64) -> Result<Option<Vec<u8>>, String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{name} cannot be read: {error}")),
        Ok(found) if !found.is_file() => Err(format!("{name} is no plain file")),
        Ok(found) if found.len() > most => Err(format!("{name} is larger than {most} octets")),
        Ok(_) => std::fs::read(path).map(Some).map_err(|error| format!("{name} cannot be read: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use net::random::SystemRandom;

    async fn run_script(command: &str) -> Result<Left, String> {
        let scratch = std::env::temp_dir().join(format!("heliograph-command-{:016x}", SystemRandom.u64()));
        prepare(&scratch).unwrap();
        let job = Job {
            command: command.to_owned(),
            input: b"hello\n".to_vec(),
            headers: vec![("INPUT_HEADERS", b"Content-Type: text/plain\n".to_vec())],
            variables: [("INPUT_TYPE".to_owned(), "te'xt$(x)\n".to_owned())].into(),
            timeout: Duration::from_secs(20),
            memory_octets: 1 << 30,
            output_octets: 100_000,
        };
        let left = run(job, &scratch, &SystemRandom).await;
        assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0, "the folder is gone");
        std::fs::remove_dir_all(&scratch).unwrap();
        left
    }

    #[tokio::test]
    async fn a_command_reads_and_writes_its_files() {
        let left =
            run_script("tr a-z A-Z < 'INPUT_FILE' > $OUTPUT_FILE; echo STATUS=0 > $OUTPUT_OPTIONS").await.unwrap();
        assert_eq!(left.output.as_deref(), Some(&b"HELLO\n"[..]));
        assert_eq!((left.options.as_str(), left.headers), ("STATUS=0\n", None));
        let left = run_script("printf %s 'INPUT_TYPE' > 'OUTPUT_FILE'").await.unwrap();
        assert_eq!(left.output.as_deref(), Some(&b"te'xt$(x) "[..]));
        assert_eq!(run_script("true").await, Ok(Left::default()));
    }

    #[tokio::test]
    async fn nothing_of_our_environment_is_inherited() {
        let left = run_script("env | cut -d= -f1 | sort | tr '\\n' ' ' > $OUTPUT_FILE").await.unwrap();
        let names = String::from_utf8(left.output.unwrap()).unwrap();
        let allowed = [
            "HELIOGRAPH_COMMAND",
            "HOME",
            "INPUT_FILE",
            "INPUT_HEADERS",
            "INPUT_TYPE",
            "LANG",
            "OUTPUT_FILE",
            "OUTPUT_HEADERS",
            "OUTPUT_OPTIONS",
            "PATH",
            "PWD",
            "TMPDIR",
            "_",
            "OLDPWD",
            "SHLVL",
        ];
        assert!(names.split_whitespace().all(|name| allowed.contains(&name)), "{names}");
    }

    #[tokio::test]
    async fn what_fails_is_told() {
        for (command, why) in [
            ("echo broken >&2; exit 3", "exit status: 3; it said: broken"),
            ("kill -SEGV $$", "signal: 11"),
            ("head -c 1000000 /dev/zero > $OUTPUT_FILE", "it ended with"),
            ("ln -s /etc/hostname $OUTPUT_FILE", "no plain file"),
            ("/nowhere/at/all", "127"),
        ] {
            let told = run_script(command).await.unwrap_err();
            assert!(told.contains(why), "{command}: {told}");
        }
    }

    #[tokio::test]
    async fn time_and_what_it_started_end() {
        let scratch = std::env::temp_dir().join(format!("heliograph-command-{:016x}", SystemRandom.u64()));
        prepare(&scratch).unwrap();
        let job = Job {
            // The marker tells a process of ours from all others of the machine.
            command: "sleep 86401 & sleep 86402".to_owned(),
            input: Vec::new(),
            headers: Vec::new(),
            variables: BTreeMap::new(),
            timeout: Duration::from_millis(300),
            memory_octets: 1 << 30,
            output_octets: 1000,
        };
        let told = run(job, &scratch, &SystemRandom).await.unwrap_err();
        assert!(told.contains("was ended"), "{told}");
        std::fs::remove_dir_all(&scratch).unwrap();
    }
}
