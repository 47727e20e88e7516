//! Commands of the operator, run for one question each.
//!
//! What a client said never stands on the command line: each argument of the look-up is one line of standard input. Exit
//! code 0 means yes, with what was printed; 1 means no; everything else is a failure. The time limit kills it with all that
//! it started.

use crate::judge::settings::Settings;
use crate::process_group::ProcessGroup;
use policy::limits::ANSWER_OCTETS_MAX;
use policy::lookup::Answer;
use std::process::Stdio;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// Runs a command.
pub async fn ask(settings: &Settings, name: &str, arguments: &[String]) -> Answer {
    let Some(command) = settings.commands.iter().find(|command| command.name == name) else {
        return Answer::Failed(format!("policy.commands has no `{name}`"));
    };
    match run(command, arguments).await {
        Ok(answer) => answer,
        Err(error) => Answer::Failed(format!("{}: {error}", command.program.display())),
    }
}

async fn run(command: &crate::judge::settings::Command, arguments: &[String]) -> std::io::Result<Answer> {
    let mut child = Command::new(&command.program)
        .args(&command.arguments)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let _group = ProcessGroup::of(&child);
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let mut input = String::new();
    for argument in arguments {
        input.extend(argument.chars().map(|character| if character.is_control() { '?' } else { character }));
        input.push('\n');
    }
    let write = async {
        if let Some(mut stdin) = stdin {
            // A command that does not read what it is given has its reasons.
            let _unread = stdin.write_all(input.as_bytes()).await;
        }
    };
    let read = async {
        let mut output = Vec::new();
        match stdout {
            Some(stdout) => stdout.take(ANSWER_OCTETS_MAX as u64 + 1).read_to_end(&mut output).await.map(|_| output),
            None => Ok(output),
        }
    };
    let ((), output) = tokio::join!(write, read);
    let output = output?;
    if output.len() > ANSWER_OCTETS_MAX {
        return Ok(Answer::Failed(format!("it printed more than {ANSWER_OCTETS_MAX} octets")));
    }
    Ok(match child.wait().await?.code() {
        Some(0) => Answer::Found(String::from_utf8_lossy(&output).trim_end().to_owned()),
        Some(1) => Answer::NotFound,
        Some(code) => Answer::Failed(format!("it ended with {code}")),
        None => Answer::Failed("it was killed".to_owned()),
    })
}
