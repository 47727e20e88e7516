//! Postfix's policy delegation: asks a policy server about deliveries, as the mail servers in front of it do.

use crate::measure::{Samples, print};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Whom to ask, and about what.
#[derive(Args, Clone)]
pub struct Arguments {
    /// Address and port.
    #[arg(long)]
    address: String,
    /// Connections at one time, each asking one question after the other.
    #[arg(long, default_value_t = 16)]
    connections: u32,
    /// How many questions in all.
    #[arg(long, default_value_t = 10_000)]
    count: u32,
    /// The number of the first delivery; deliveries of different numbers differ in client network, sender and recipient.
    #[arg(long, default_value_t = 0)]
    from: u32,
    /// Different deliveries among the questions; what is more is asked again.
    #[arg(long, default_value_t = u32::MAX)]
    deliveries: u32,
    /// The name of the operation in the report.
    #[arg(long, default_value = "policy")]
    name: String,
}

/// Asks everything and prints the report.
pub async fn run(arguments: Arguments) -> Result<()> {
    let (next, mut tasks) = (Arc::new(AtomicU32::new(0)), JoinSet::new());
    let start = Instant::now();
    for _ in 0..arguments.connections {
        tasks.spawn(ask(arguments.clone(), Arc::clone(&next)));
    }
    let mut samples = Samples::default();
    while let Some(asked) = tasks.join_next().await {
        samples.merge(asked??);
    }
    print(&samples.report(arguments.name.clone(), start.elapsed()))
}

async fn ask(arguments: Arguments, next: Arc<AtomicU32>) -> Result<Samples> {
    let stream = TcpStream::connect(&arguments.address);
    let stream = stream.await.with_context(|| format!("connecting to {}", arguments.address))?;
    stream.set_nodelay(true)?;
    let (mut stream, mut samples, mut line) = (BufReader::new(stream), Samples::default(), String::new());
    loop {
        let asked = next.fetch_add(1, Ordering::Relaxed);
        if asked >= arguments.count {
            return Ok(samples);
        }
        let start = Instant::now();
        let question = question(arguments.from.wrapping_add(asked % arguments.deliveries));
        stream.get_mut().write_all(question.as_bytes()).await?;
        line.clear();
        stream.read_line(&mut line).await?;
        if !line.starts_with("action=") {
            bail!("the policy server said {line:?}");
        }
        stream.read_line(&mut line).await?;
        samples.done(start);
    }
}

/// What Postfix 3.7 sends at RCPT, shortened by what nobody here looks at. The numbers are spread, so that neighbours are not in one
/// network.
fn question(number: u32) -> String {
    let [a, b, c, _] = number.wrapping_mul(0x9e37_79b1).to_be_bytes();
    let client = format!("10.{a}.{b}.{c}");
    format!(
        "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address={client}\n\
         client_name=unknown\nreverse_client_name=unknown\nhelo_name=mail.far.test\nsender=sender{number}@far.test\n\
         recipient=user{}@home.test\nrecipient_count=0\nqueue_id=\ninstance=bench.{number}\nsize=0\netrn_domain=\n\
         stress=\nsasl_method=\nsasl_username=\nsasl_sender=\nccert_subject=\nccert_issuer=\nccert_fingerprint=\n\
         encryption_protocol=\nencryption_cipher=\nencryption_keysize=0\nclient_port=40000\n\n",
        number % 1_000
    )
}
