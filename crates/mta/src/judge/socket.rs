//! A line asked of a Unix socket and answered with a line: `200 TEXT` means yes, `500` no, everything else a failure.

use policy::limits::ANSWER_OCTETS_MAX;
use policy::lookup::Answer;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

/// Asks a socket.
pub async fn ask(path: &str, line: &str) -> Answer {
    match converse(path, line).await {
        Ok(answer) => read(answer.trim_end()),
        Err(error) => Answer::Failed(format!("{path}: {error}")),
    }
}

async fn converse(path: &str, line: &str) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(path).await?;
    let mut asked: String =
        line.chars().map(|character| if character.is_control() { '?' } else { character }).collect();
    asked.push('\n');
    stream.write_all(asked.as_bytes()).await?;
    let mut answer = Vec::new();
    BufReader::new(stream).take(ANSWER_OCTETS_MAX as u64).read_until(b'\n', &mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn read(answer: &str) -> Answer {
    let (code, text) = answer.split_once(' ').unwrap_or((answer, ""));
    match code {
        "200" => Answer::Found(text.to_owned()),
        "500" => Answer::NotFound,
        _ if answer.is_empty() => Answer::Failed("there was no answer".to_owned()),
        _ => Answer::Failed(format!("the answer was `{answer}`")),
    }
}
