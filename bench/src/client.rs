//! One connection to the server under test, read by line.

use crate::tls;
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Where the server is and how it is reached.
#[derive(Args, Clone)]
pub struct Target {
    /// Address and port.
    #[arg(long)]
    pub address: String,
    /// Whether the connection begins with TLS.
    #[arg(long, value_enum, default_value = "none")]
    pub tls: Tls,
}

/// How a connection is protected.
#[derive(Clone, Copy, ValueEnum, PartialEq, Eq)]
pub enum Tls {
    /// Plain text, on loopback.
    None,
    /// TLS from the first octet.
    Implicit,
}

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// A connection.
pub struct Client {
    stream: BufReader<Box<dyn Duplex>>,
    line: Vec<u8>,
    tag: u64,
}

impl Client {
    /// Connects; the greeting is not read yet.
    pub async fn connect(target: &Target) -> Result<Client> {
        Client::connect_with_buffer(target, 64 * 1024).await
    }

    /// Connects with a read buffer of so many octets: small ones for thousands of idle sessions.
    pub async fn connect_with_buffer(target: &Target, octets: usize) -> Result<Client> {
        let tcp =
            TcpStream::connect(&target.address).await.with_context(|| format!("connecting to {}", target.address))?;
        tcp.set_nodelay(true)?;
        let stream: Box<dyn Duplex> = match target.tls {
            Tls::None => Box::new(tcp),
            Tls::Implicit => Box::new(tls::connector()?.connect(ServerName::try_from("localhost")?, tcp).await?),
        };
        Ok(Client { stream: BufReader::with_capacity(octets, stream), line: Vec::new(), tag: 0 })
    }

    /// Sends octets as they are.
    pub async fn send(&mut self, octets: &[u8]) -> Result<()> {
        self.stream.get_mut().write_all(octets).await?;
        Ok(self.stream.get_mut().flush().await?)
    }

    /// The next line without its end; an end of the connection is an error.
    pub async fn line(&mut self) -> Result<&[u8]> {
        self.line.clear();
        if self.stream.read_until(b'\n', &mut self.line).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(self.line.trim_ascii_end())
    }

    /// Sends an SMTP or LMTP command and wants a reply whose code begins with `class`.
    pub async fn smtp(&mut self, command: &str, class: u8) -> Result<()> {
        self.send(command.as_bytes()).await?;
        self.smtp_reply(class).await
    }

    /// Reads one whole SMTP reply.
    pub async fn smtp_reply(&mut self, class: u8) -> Result<()> {
        loop {
            let line = self.line().await?;
            if line.get(3) == Some(&b'-') {
                continue;
            }
            if line.first() != Some(&class) {
                bail!("the server said {}", String::from_utf8_lossy(line));
            }
            return Ok(());
        }
    }

    /// Sends an IMAP command and reads to its tagged OK, literals included; returns the number of octets read.
    pub async fn imap(&mut self, command: &str) -> Result<usize> {
        self.tag += 1;
        let text = format!("a{} {command}\r\n", self.tag);
        self.send(text.as_bytes()).await?;
        self.imap_until_done().await
    }

    /// Sends an IMAP command with one literal, waiting for the continuation.
    pub async fn imap_literal(&mut self, command: &str, literal: &[u8]) -> Result<()> {
        self.tag += 1;
        let text = format!("a{} {command} {{{}}}\r\n", self.tag, literal.len());
        self.send(text.as_bytes()).await?;
        loop {
            let line = self.line().await?;
            if line.first() == Some(&b'+') {
                break;
            }
            if line.first() != Some(&b'*') {
                bail!("the server said {}", String::from_utf8_lossy(line));
            }
        }
        self.send(literal).await?;
        self.send(b"\r\n").await?;
        self.imap_until_done().await.map(|_| ())
    }

    async fn imap_until_done(&mut self) -> Result<usize> {
        let tag = format!("a{} ", self.tag).into_bytes();
        let mut octets = 0;
        loop {
            let line = self.line().await?;
            octets += line.len();
            if let Some(rest) = line.strip_prefix(tag.as_slice()) {
                if !rest.starts_with(b"OK") {
                    bail!("the server said {}", String::from_utf8_lossy(rest));
                }
                return Ok(octets);
            }
            if let Some(length) = literal_length(line) {
                octets += length;
                self.skip(length).await?;
            }
        }
    }

    async fn skip(&mut self, mut length: usize) -> Result<()> {
        let mut buffer = [0; 16 * 1024];
        while length > 0 {
            let most = length.min(buffer.len());
            let part = buffer.get_mut(..most).context("the slice is within the buffer")?;
            let read = self.stream.read(part).await?;
            if read == 0 {
                bail!("the server closed the connection inside a literal");
            }
            length -= read;
        }
        Ok(())
    }
}

/// The length in `... {123}` at the end of a line.
fn literal_length(line: &[u8]) -> Option<usize> {
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|octet| *octet == b'{')?;
    std::str::from_utf8(inner.get(open + 1..)?).ok()?.parse().ok()
}
