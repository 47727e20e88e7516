//! Entry points for the fuzzer and for property tests: any script, any message, any notification method. Nothing panics,
//! every bound holds, and what comes out can be used.

use std::sync::Arc;

use message::parse;
use model::Timestamp;

use crate::compile::compile;
use crate::effect::{Effect, Outcome};
use crate::extension::Extensions;
use crate::limits::{ACTIONS_MAX, QUESTIONS_MAX, STEPS_MAX, TRACE_STEPS_MAX};
use crate::machine::{Context, Machine, Step};
use crate::method::Method;
use crate::program::Script;
use crate::question::{Answer, Question};

/// A message with everything that a script may look for.
const MESSAGE: &[u8] = b"Return-Path: <carol@sender.test>\r
Received: from a by b; Fri, 13 Feb 2009 15:31:30 -0800\r
From: =?utf-8?q?Carol_M=C3=BCller?= <carol@sender.test>\r
To: Alice <alice+lists@example.test>, bob@example.test\r
Subject: [users] =?utf-8?q?Gr=C3=BC=C3=9Fe?= from Vienna\r
Date: Fri, 13 Feb 2009 15:31:30 -0800\r
Message-ID: <one@sender.test>\r
X-Score: 12\r
Content-Type: multipart/mixed; boundary=b\r
\r
prologue\r
--b\r
Content-Type: text/plain; charset=iso-8859-1\r
Content-Transfer-Encoding: quoted-printable\r
\r
Sch=F6ne Gr=FC=DFe!\r
--b\r
Content-Type: text/html; name=\"page.html\"\r
Content-Disposition: attachment\r
\r
<p>Some <b>bold</b> text</p>\r
--b\r
Content-Type: message/rfc822\r
\r
Subject: within\r
\r
text\r
--b--\r
epilogue\r
";

/// Scripts that look at everything in a message and change all that can be changed.
const SCRIPTS: &[&str] = &[
    r#"require ["fileinto", "envelope", "variables", "relational", "comparator-i;ascii-numeric", "index", "regex",
    "comparator-i;unicode-casemap", "imap4flags", "subaddress", "copy"];
    if header :matches ["subject", "from", "x-any"] ["*?*b*", "*[*]*", "*"] { set "a" "${1}${2}${3}"; }
    if header :regex ["subject", "to"] "([a-z]+).?([^ ]*)" { set :length "b" "${1}"; set :quotewildcard "c" "${2}"; }
    if header :comparator "i;unicode-casemap" :matches "subject" "?*e?*" { set :upperfirst :lower "d" "${2}${0}"; }
    if address :detail :contains ["to", "cc", "from"] "" { addflag "\\Seen"; }
    if address :count "gt" :comparator "i;ascii-numeric" ["to", "cc"] "3" { addflag ["$many", "${a}"]; }
    if header :index 2 :last :value "le" :comparator "i;ascii-numeric" "received" "5" { setflag "x"; }
    if anyof (exists ["x-any", "subject"], envelope :user "from" "${a}", size :over 1K) { fileinto :copy "a.${a}b"; }"#,
    r#"require ["body", "date", "index", "fileinto", "regex", "relational"];
    if anyof (body :raw :contains "\r\n--", body :text :matches "*a*b*c*", body :content "" :regex "a+b",
        body :content ["multipart", "message/rfc822", "text/html", "application"] :is "x") { fileinto "body"; }
    if anyof (date :originalzone "date" "std11" "x", date :index 1 :last :zone "+0530" "received" "iso8601" "x",
        date :value "ge" "date" "julian" "5") { fileinto "date"; }"#,
    r#"require ["foreverypart", "mime", "variables", "extracttext", "replace", "enclose", "editheader", "fileinto",
    "body"];
    foreverypart {
        if header :mime :anychild :param ["name", "filename"] :matches ["content-type", "content-disposition"] "*.*" {
            set "name" "${1}";
        }
        extracttext :first 100 :upper "text";
        if header :mime :type "content-type" "text" { replace :mime "Content-Type: text/plain\r\n\r\ngone ${text}"; }
        foreverypart { if exists :mime "content-disposition" { replace :subject "x" "${name}"; break; } }
    }
    if body :contains "gone" { fileinto "gone"; }
    addheader :last "X-Text" "${text}"; addheader "X-Name" "${name}";
    deleteheader :matches "subject" "*a*"; deleteheader :index 1 :last "received";
    fileinto "edited";
    enclose :subject "${name}" :headers ["X-A: ${text}", "X-B: b"] "${text}";
    if header :mime :anychild :contenttype "content-type" "message/rfc822" { keep; }"#,
    r#"require ["vacation", "enotify", "variables", "duplicate", "extlists", "reject", "fcc", "mailbox", "special-use"];
    if header :matches "subject" "*" { set "s" "${1}"; set :encodeurl "u" "${1}"; }
    if duplicate :header "subject" { stop; }
    if address :list ["from", "to"] ["friends", "${s}"] { keep; }
    notify :message "${s}" "mailto:a@b.test?subject=${u}";
    vacation :mime :fcc "Sent" :specialuse "\\Sent" :create :subject "Re: ${s}" text:
Content-Type: text/plain

away
.
;"#,
];

/// Any octets as a script, run on a message.
pub fn fuzz_script(data: &[u8]) {
    let Ok(script) = compile(data, Extensions::for_administrators()) else { return };
    run(&Arc::new(script), MESSAGE);
}

/// Any octets as a message, with scripts that look at all of it; the first octet says which.
pub fn fuzz_message(data: &[u8]) {
    let Some((which, octets)) = data.split_first() else { return };
    let Some(text) = SCRIPTS.get(usize::from(*which) % SCRIPTS.len()) else { return };
    let script = compile(text.as_bytes(), Extensions::for_users());
    assert!(script.is_ok(), "the script can be run: {script:?}");
    if let Ok(script) = script {
        run(&Arc::new(script), octets);
    }
}

/// Any text as a notification method.
pub fn fuzz_method(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Method::parse(text) {
        Ok(Method::Mail(method)) => {
            let lines = method.subject.iter().chain(method.fields.iter().map(|(_, value)| value));
            assert!(!lines.into_iter().any(|line| line.contains(['\r', '\n'])), "a field is one line");
            assert!(!(method.to.is_empty() && method.cc.is_empty()), "somebody is told");
        }
        Ok(Method::Chat(method)) => assert!(!method.to.is_empty(), "somebody is told"),
        Err(bad) => assert!(!bad.to_string().is_empty(), "what is refused is told why"),
    }
}

/// Runs a script to its end and holds the outcome to what is promised of it.
fn run(script: &Arc<Script>, octets: &[u8]) {
    let structure = parse::structure(octets);
    let context = Context {
        message: octets,
        structure: &structure,
        sender: Some("carol+x@sender.test".to_owned()),
        recipient: Some("alice+lists@example.test".to_owned()),
        authenticated: None,
        now: Timestamp::from_secs(1_234_567_890),
        offset_minutes: 60,
        separator: '+',
        environment: vec![("name".to_owned(), "Heliograph".to_owned())],
        spam_percent: Some(50),
        virus: None,
        flags: Vec::new(),
        redirects_max: 4,
        traces: true,
    };
    let mut machine = Machine::new(Arc::clone(script), context);
    let mut questions = 0;
    let outcome = loop {
        match machine.resume() {
            Step::Ask(question) => {
                questions += 1;
                assert!(questions <= QUESTIONS_MAX, "no more is asked than allowed");
                machine.answer(answer(&question, script, questions));
            }
            Step::Done(outcome) => break outcome,
        }
    };
    check(&outcome);
}

/// Now this, now that.
fn answer(question: &Question, script: &Arc<Script>, number: usize) -> Answer {
    match question {
        Question::Script { .. } => Answer::Script((!number.is_multiple_of(3)).then(|| Arc::clone(script))),
        Question::Metadata { .. } | Question::MethodCapability { .. } => {
            Answer::Text(number.is_multiple_of(2).then(|| "on".to_owned()))
        }
        _ if number.is_multiple_of(13) => Answer::Unknown("nobody knows".to_owned()),
        _ => Answer::Is(number.is_multiple_of(2)),
    }
}

fn check(outcome: &Outcome<'_>) {
    // Each question takes its step again.
    assert!(outcome.steps as usize <= STEPS_MAX as usize + 1, "no more steps than allowed");
    assert!(outcome.effects.len() <= ACTIONS_MAX + 1, "no more actions than allowed");
    assert!(outcome.trace.len() <= TRACE_STEPS_MAX, "no longer a trace than allowed");
    if outcome.failure.is_some() {
        let only_keep = matches!(outcome.effects.as_slice(), [Effect::Keep { message, .. }] if message.is_original());
        assert!(only_keep && outcome.is_implicit_keep && outcome.remember.is_empty(), "a failure keeps, no more");
    }
    for effect in &outcome.effects {
        if let Effect::Keep { message, .. } | Effect::FileInto { message, .. } | Effect::Redirect { message, .. } =
            effect
        {
            assert_eq!(message.octets().len(), message.len(), "the length is known without putting it together");
        }
    }
}

#[cfg(test)]
mod tests;
