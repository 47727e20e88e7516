//! The command's end of the administration socket; and the way without a server.

use std::io::{BufRead, BufReader, ErrorKind, IsTerminal, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use storage::Layout;

use crate::compose;
use crate::context::Context;
use crate::control::request::{Request, perform};
use crate::control::wire::Answer;
use crate::failure::Failure;
use crate::operations::{Operations, Progress};
use crate::settings::Settings;

/// Has a request performed: by the running server, or here on the store when none runs.
///
/// # Errors
/// Why it was not done.
pub fn ask(context: &Context, request: Request) -> Result<Value, Failure> {
    let settings = settings_of(context)?;
    let mut shown = Shown::default();
    match connect(&settings)? {
        Some(socket) => converse(socket, &request, &mut |progress| shown.show(&progress)),
        None => {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
            let runtime = runtime.map_err(|error| Failure::failed("cannot start threads").because(error))?;
            let entered = runtime.enter();
            let services = compose::compose(&settings)?;
            let operations = Operations { services, running: None, settings: Arc::new(settings) };
            let answer = perform(&operations, request, &mut |progress| shown.show(&progress));
            drop(entered);
            operations.services.store.close();
            answer
        }
    }
}

/// Rebuilds a partition of the data folder, which no server may have open.
///
/// # Errors
/// A server runs, or the partition cannot be rebuilt.
pub fn repair_partition(context: &Context, name: &str) -> Result<storage::RepairReport, Failure> {
    let settings = settings_of(context)?;
    if connect(&settings)?.is_some() {
        return Err(Failure::failed("a server runs on this data folder; stop it first: `heliograph stop`"));
    }
    let mut shown = Shown::default();
    compose::store::repair_partition(&settings, name, &mut |step| {
        let total = (step.total > 0).then_some(step.total);
        shown.show(&Progress { what: format!("{name}: {}", step.stage), done: step.done, total });
    })
}

/// Has a request performed by the running server.
///
/// # Errors
/// That none runs, or why it was not done.
pub fn ask_server(context: &Context, request: Request) -> Result<Value, Failure> {
    let settings = settings_of(context)?;
    let data = settings.server.data.display();
    let socket = connect(&settings)?.ok_or_else(|| Failure::failed(format!("no server runs on {data}")))?;
    converse(socket, &request, &mut |_| {})
}

fn settings_of(context: &Context) -> Result<Settings, Failure> {
    let file = context.settings_file();
    let mut settings = match &context.data {
        // A data folder is enough: a server finds its own settings.
        Some(_) if context.config.is_none() && !file.exists() => Settings::parse(&file, "")?,
        _ => Settings::load(&file)?,
    };
    if let Some(data) = &context.data {
        settings.server.data = std::path::absolute(data).unwrap_or_else(|_| data.clone());
    }
    Ok(settings)
}

fn connect(settings: &Settings) -> Result<Option<UnixStream>, Failure> {
    let path = Layout::new(&settings.server.data).admin_socket();
    match UnixStream::connect(&path) {
        Ok(socket) => Ok(Some(socket)),
        // A socket without a listener was left behind by a crash.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => Ok(None),
        Err(error) => Err(Failure::failed(format!("cannot ask the server at {}", path.display())).because(error)),
    }
}

fn converse(mut socket: UnixStream, request: &Request, tell: &mut dyn FnMut(Progress)) -> Result<Value, Failure> {
    let lost = |error: std::io::Error| Failure::temporary("the server went away").because(error);
    let mut line = serde_json::to_vec(request).map_err(|error| Failure::failed("cannot ask").because(error))?;
    line.push(b'\n');
    socket.write_all(&line).map_err(lost)?;
    for line in BufReader::new(socket).lines() {
        let answer: Answer = serde_json::from_str(&line.map_err(lost)?)
            .map_err(|error| Failure::failed("the server answered strangely: is it of this version?").because(error))?;
        match answer {
            Answer::Progress(progress) => tell(progress),
            Answer::Done(value) => return Ok(value),
            Answer::Failed { message, exit } => return Err(Failure::new(exit, message)),
        }
    }
    Err(Failure::temporary("the server went away before it answered"))
}

/// A bar on the terminal, for what takes longer than a second.
#[derive(Default)]
struct Shown {
    since: Option<Instant>,
    bar: Option<ProgressBar>,
}

/// What is done sooner needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);

impl Shown {
    fn show(&mut self, progress: &Progress) {
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() < PATIENCE || !std::io::stderr().is_terminal() {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {eta}");
            ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        bar.set_length(progress.total.unwrap_or(progress.done));
        bar.set_position(progress.done);
        bar.set_message(progress.what.clone());
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
