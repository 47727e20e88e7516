//! Running the program in a folder of its own.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A folder that goes when the test ends well, and stays to be looked at when it does not.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("heliograph-it-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _left_behind = std::fs::remove_dir_all(&self.0);
        }
    }
}

fn command(folder: &Folder) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heliograph"));
    command.arg("--data").arg(folder.path()).env_remove("HELIOGRAPH_CONFIG");
    command
}

/// Runs a command to its end: exit code, what it printed, what it complained about.
pub fn heliograph(folder: &Folder, arguments: &[&str]) -> (i32, String, String) {
    let done = command(folder).args(arguments).output().unwrap();
    let text = |octets| String::from_utf8(octets).unwrap();
    (done.status.code().unwrap(), text(done.stdout), text(done.stderr))
}

/// A running server.
pub struct Program {
    child: Child,
    /// Keeps the pipe open: a server whose reader went away would not print any more.
    _output: BufReader<ChildStdout>,
    pub listeners: Vec<(String, String)>,
}

impl Program {
    /// Starts the demo and waits until it is ready.
    pub fn demo(folder: &Folder, arguments: &[&str]) -> Program {
        let mut command = command(folder);
        command.arg("demo").args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut listeners = Vec::new();
        loop {
            let mut line = String::new();
            if output.read_line(&mut line).unwrap() == 0 {
                let mut log = String::new();
                child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
                panic!("the demo ended before it was ready: {log}");
            }
            match line.split_whitespace().collect::<Vec<_>>().as_slice() {
                ["listening", protocol, address] => listeners.push(((*protocol).to_owned(), (*address).to_owned())),
                ["ready"] => return Program { child, _output: output, listeners },
                _ => {}
            }
        }
    }

    /// Where it listens for a protocol.
    pub fn address(&self, protocol: &str) -> String {
        let found = self.listeners.iter().find(|(listening, _)| listening == protocol);
        found.map(|(_, address)| address.clone()).unwrap()
    }

    /// Asks it to end, and insists on a clean end.
    pub fn end(self) {
        let kill = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status().unwrap();
        assert!(kill.success());
        self.ended();
    }

    /// Waits for its clean end.
    pub fn ended(mut self) {
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
