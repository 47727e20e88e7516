//! An SMTP server that takes everything and forgets it: the far end when relaying is measured.

use anyhow::Result;
use clap::Args;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Where it listens and when it ends.
#[derive(Args, Clone)]
pub struct Arguments {
    /// Address and port to listen on.
    #[arg(long, default_value = "127.0.0.1:2600")]
    address: String,
    /// End after so many messages; 0 means never.
    #[arg(long, default_value_t = 0)]
    messages: usize,
}

/// Takes mail until the wanted number has come.
pub async fn run(arguments: Arguments) -> Result<()> {
    take(TcpListener::bind(&arguments.address).await?, arguments.messages).await
}

/// Takes mail on `listener` until `wanted` messages have come; 0 means for ever.
pub async fn take(listener: TcpListener, wanted: usize) -> Result<()> {
    let taken = Arc::new(AtomicUsize::new(0));
    let done = Arc::new(tokio::sync::Notify::new());
    loop {
        tokio::select! {
            () = done.notified() => return Ok(()),
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                let (taken, done) = (taken.clone(), done.clone());
                // A client that goes away in the middle is its own affair.
                tokio::spawn(async move { session(stream, &taken, &done, wanted).await.ok() });
            }
        }
    }
}

async fn session(stream: TcpStream, taken: &AtomicUsize, done: &tokio::sync::Notify, wanted: usize) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    stream.get_mut().write_all(b"220 sink.test ESMTP\r\n").await?;
    let mut line = Vec::new();
    let mut in_data = false;
    loop {
        line.clear();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        let reply: &[u8] = if in_data {
            if line != b".\r\n" {
                continue;
            }
            in_data = false;
            if taken.fetch_add(1, Ordering::Relaxed) + 1 == wanted {
                done.notify_one();
            }
            b"250 2.0.0 forgotten\r\n"
        } else {
            match line.get(..4).map(<[u8]>::to_ascii_uppercase).as_deref() {
                Some(b"EHLO") => b"250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 100000000\r\n",
                Some(b"DATA") => {
                    in_data = true;
                    b"354 go on\r\n"
                }
                Some(b"QUIT") => {
                    stream.get_mut().write_all(b"221 2.0.0 bye\r\n").await?;
                    return Ok(());
                }
                _ => b"250 2.0.0 ok\r\n",
            }
        };
        stream.get_mut().write_all(reply).await?;
    }
}
