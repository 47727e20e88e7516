//! Sieve: a script of forty rules on messages of many kinds, in this process and on one core. No server is asked.

use crate::measure::{Samples, print};
use ::sieve::{Answer, Context, Extensions, Machine, Question, Script, Step, compile};
use anyhow::{Result, anyhow, ensure};
use clap::Args;
use message::structure::Structure;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

/// How much.
#[derive(Args, Clone)]
pub struct Arguments {
    /// How many messages.
    #[arg(long, default_value_t = 100_000)]
    count: usize,
    /// Only what this script does, instead of the forty rules.
    #[arg(long, value_name = "FILE")]
    script: Option<std::path::PathBuf>,
    /// Accepted for likeness with the program's other commands: the report is JSON in any case.
    #[arg(long)]
    json: bool,
}

/// How many rules there are.
const RULES: usize = 40;
/// Messages of different content that are gone through in turn.
const KINDS: usize = 64;

/// Runs the script on messages and prints two reports: with the parts of the message known, as they are at delivery,
/// and with reading the message each time.
pub async fn run(arguments: Arguments) -> Result<()> {
    let text = match &arguments.script {
        Some(file) => std::fs::read_to_string(file)?,
        None => rules(),
    };
    let script = compile(text.as_bytes(), Extensions::for_users()).map_err(|fault| anyhow!("the script: {fault}"))?;
    let script = Arc::new(script);
    let messages: Vec<Vec<u8>> = (0..KINDS).map(message).collect();
    let structures: Vec<Structure> = messages.iter().map(|octets| message::parse::structure(octets)).collect();
    let mut effects = 0;
    let mut samples = Samples::default();
    let begin = Instant::now();
    for number in 0..arguments.count {
        let (octets, structure) = (&messages[number % KINDS], &structures[number % KINDS]);
        let start = Instant::now();
        effects += filter(&script, octets, structure)?;
        samples.done(start);
    }
    print(&samples.report(format!("sieve run, {RULES} rules"), begin.elapsed()))?;
    ensure!(effects >= arguments.count, "every message goes somewhere");
    let mut samples = Samples::default();
    let begin = Instant::now();
    for number in 0..arguments.count {
        let octets = &messages[number % KINDS];
        let start = Instant::now();
        let structure = message::parse::structure(octets);
        black_box(filter(&script, octets, &structure)?);
        samples.done(start);
    }
    print(&samples.report(format!("sieve read and run, {RULES} rules"), begin.elapsed()))
}

/// How many effects the script has on the message.
fn filter(script: &Arc<Script>, octets: &[u8], structure: &Structure) -> Result<usize> {
    let mut context = Context::new(octets, structure);
    context.sender = Some("news@lists.example".to_owned());
    context.recipient = Some("alice+lists@example.test".to_owned());
    let mut machine = Machine::new(Arc::clone(script), context);
    loop {
        match machine.resume() {
            Step::Ask(Question::MailboxExists(_)) => machine.answer(Answer::Is(true)),
            Step::Ask(_) => machine.answer(Answer::Is(false)),
            Step::Done(outcome) => {
                ensure!(outcome.failure.is_none(), "the run failed: {:?}", outcome.failure);
                return Ok(black_box(outcome.effects.len()));
            }
        }
    }
}

/// Forty rules as people write them. None of them stops, so every message meets all.
fn rules() -> String {
    let mut script = "require [\"fileinto\", \"envelope\", \"subaddress\", \"variables\", \"imap4flags\", \"body\", \"date\",
        \"relational\", \"comparator-i;ascii-numeric\", \"regex\", \"copy\", \"mailbox\", \"index\", \"editheader\"];\n"
        .to_owned();
    let mut add = |rule: String| script.push_str(&format!("{rule}\n"));
    for list in 0..12 {
        add(format!(
            "if header :contains [\"list-id\", \"list-post\"] \"list{list}.example\" {{ fileinto :copy \"lists/{list}\"; }}"
        ));
    }
    for person in 0..8 {
        add(format!(
            "if address :is [\"from\", \"sender\"] \"person{person}@work.example\" {{ addflag \"\\\\Flagged\"; }}"
        ));
    }
    for word in ["invoice", "order", "shipment", "meeting", "holiday", "password"] {
        add(format!("if header :contains \"subject\" [\"{word}\", \"re: {word}\"] {{ addflag \"{word}\"; }}"));
    }
    add("if header :matches \"subject\" \"[*] *\" { set :lower \"list\" \"${1}\"; }".to_owned());
    add("if header :matches \"list-id\" \"*<*.lists.example>*\" { set \"name\" \"${2}\"; }".to_owned());
    add("if allof (address :domain \"from\" \"work.example\", not header :contains \"precedence\" [\"list\", \"bulk\"]) { addflag \"work\"; }".to_owned());
    add("if envelope :detail \"to\" \"lists\" { addflag \"detail\"; }".to_owned());
    add("if header :value \"ge\" :comparator \"i;ascii-numeric\" \"x-spam-score\" \"5\" { fileinto :copy \"Junk\"; }"
        .to_owned());
    add("if header :regex \"subject\" \"(win|won) [0-9,.]+ (dollars|euro)\" { addflag \"$Junk\"; }".to_owned());
    add("if anyof (exists \"x-mailer-bulk\", header :contains \"received\" \"dynamic.example\") { addflag \"odd\"; }"
        .to_owned());
    add("if size :over 1M { addflag \"large\"; }".to_owned());
    add("if date :value \"lt\" \"date\" \"year\" \"2000\" { addflag \"old\"; }".to_owned());
    add("if address :count \"gt\" :comparator \"i;ascii-numeric\" [\"to\", \"cc\"] \"20\" { addflag \"many\"; }"
        .to_owned());
    add("if body :contains [\"unsubscribe\", \"click here\"] { addflag \"bulk\"; }".to_owned());
    add("if header :index 1 :last :contains \"received\" \"localhost\" { addflag \"local\"; }".to_owned());
    add("if not address :contains [\"to\", \"cc\"] \"@example.test\" { addflag \"bcc\"; }".to_owned());
    add("if string :is \"${name}\" \"none\" { discard; } else { fileinto \"all\"; }".to_owned());
    script
}

/// A message of about four KiB: every fourth is a multipart, every third comes over a list.
fn message(number: usize) -> Vec<u8> {
    let mut text = String::new();
    for hop in 0..3 {
        text.push_str(&format!(
            "Received: from mx{hop}.example ([192.0.2.{hop}])\r\n\tby mail.example.test with ESMTPS id {number}x{hop};\r\n\tTue, 24 Nov 2026 08:15:3{hop} +0100\r\n"
        ));
    }
    text.push_str(&format!(
        "From: =?utf-8?q?J=C3=B6rg?= Person <person{}@work.example>\r\nTo: Alice <alice@example.test>, b{number}@example.org\r\n\
         Cc: carol@example.test\r\nSubject: [list{}] =?utf-8?q?Gr=C3=BC=C3=9Fe?= about the order of {number} things\r\n\
         Date: Tue, 24 Nov 2026 08:15:00 +0100\r\nMessage-ID: <{number}.4711@work.example>\r\nX-Spam-Score: {}\r\n\
         DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=work.example; s=x;\r\n\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n\tb={}\r\n\
         MIME-Version: 1.0\r\n",
        number % 20,
        number % 12,
        number % 7,
        "QUJD".repeat(60),
    ));
    if number.is_multiple_of(3) {
        let list = number % 12;
        text.push_str(&format!(
            "List-Id: A list <list{list}.lists.example>\r\nList-Post: <mailto:list{list}@lists.example>\r\nPrecedence: list\r\n"
        ));
    }
    let paragraph = "The quick brown fox jumps over the lazy dog while nobody looks.\r\n".repeat(35);
    if number.is_multiple_of(4) {
        text.push_str("Content-Type: multipart/alternative; boundary=alt\r\n\r\n--alt\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
        text.push_str(&paragraph);
        text.push_str("\r\n--alt\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<html><body><p>Gr=C3=BC=C3=9Fe</p></body></html>\r\n--alt--\r\n");
    } else {
        text.push_str("Content-Type: text/plain; charset=utf-8\r\n\r\n");
        text.push_str(&paragraph);
    }
    text.into_bytes()
}
