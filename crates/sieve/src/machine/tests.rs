//! Runs of whole scripts.

use std::sync::Arc;

use message::parse;
use model::Timestamp;

use super::*;
use crate::compile::compile;
use crate::extension::Extensions;

const MESSAGE: &str = "\
Return-Path: <carol@sender.test>\r
Received: from a by b; Fri, 13 Feb 2009 15:31:30 -0800\r
From: =?utf-8?q?Carol_M=C3=BCller?= <carol@sender.test>\r
To: Alice <alice+lists@example.test>, bob@example.test\r
Cc: dora@Example.Test\r
Subject: [acme-users] =?utf-8?q?Gr=C3=BC=C3=9Fe?= aus Wien\r
Date: Fri, 13 Feb 2009 15:31:30 -0800\r
Message-ID: <one@sender.test>\r
X-Score: 12\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary=b\r
\r
prologue\r
--b\r
Content-Type: text/plain; charset=iso-8859-1\r
Content-Transfer-Encoding: quoted-printable\r
\r
Sch=F6ne Gr=FC=DFe!\r
--b\r
Content-Type: text/html\r
Content-Disposition: attachment; filename=\"page.html\"\r
\r
<p>Some <b>bold</b> text</p>\r
--b\r
Content-Type: application/octet-stream; name=\"run.exe\"\r
Content-Transfer-Encoding: base64\r
\r
TVqQAAMAAAAEAAAA\r
--b--\r
epilogue\r
";

mod examples;
mod limits;

/// Runs a script on the message and writes down what is to be done, a word for each effect.
fn run(script: &str) -> String {
    run_with(script, |question| match question {
        Question::MailboxExists(name) => Answer::Is(name == "Work"),
        Question::InList { list, value } => Answer::Is(list == "friends" && value == "carol@sender.test"),
        Question::ListExists(list) => Answer::Is(list == "friends"),
        Question::IsDuplicate(key) => Answer::Is(key.id == "seen"),
        Question::Metadata { annotation, .. } => {
            Answer::Text((annotation == "/private/vnd/x").then(|| "on".to_owned()))
        }
        Question::Script { name, .. } if name == "other" => Answer::Script(Some(compiled(
            "require [\"variables\", \"include\", \"fileinto\"]; global \"g\"; set \"g\" \"${g}!\"; set \"l\" \"x\"; if true { return; } discard;",
        ))),
        Question::Script { name, .. } if name == "loop" => {
            Answer::Script(Some(compiled("require \"include\"; include \"loop\";")))
        }
        Question::Script { .. } => Answer::Script(None),
        Question::ValidMethod(method) => Answer::Is(method.starts_with("mailto:")),
        _ => Answer::Unknown("nobody knows".to_owned()),
    })
}

fn compiled(script: &str) -> Arc<Script> {
    Arc::new(compile(script.as_bytes(), Extensions::for_administrators()).unwrap())
}

fn context<'a>(message: &'a str, structure: &'a Structure) -> Context<'a> {
    Context {
        message: message.as_bytes(),
        structure,
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
        redirects_max: 2,
        traces: true,
    }
}

fn finish<'a>(mut machine: Machine<'a>, answer: impl Fn(&Question) -> Answer) -> Outcome<'a> {
    loop {
        match machine.resume() {
            Step::Ask(question) => machine.answer(answer(&question)),
            Step::Done(outcome) => return *outcome,
        }
    }
}

/// Answers nothing.
fn nobody(_: &Question) -> Answer {
    Answer::Unknown("nobody knows".to_owned())
}

/// The same with another message.
fn run_on(message: &str, script: &str) -> String {
    let structure = parse::structure(message.as_bytes());
    tell(&finish(Machine::new(compiled(script), context(message, &structure)), nobody))
}

/// The same with another envelope sender.
fn run_from(sender: Option<&str>, script: &str) -> String {
    let structure = parse::structure(MESSAGE.as_bytes());
    let context = Context { sender: sender.map(str::to_owned), ..context(MESSAGE, &structure) };
    tell(&finish(Machine::new(compiled(script), context), nobody))
}

fn run_with(script: &str, answer: impl Fn(&Question) -> Answer) -> String {
    let script = match compile(script.as_bytes(), Extensions::for_administrators()) {
        Ok(script) => Arc::new(script),
        Err(fault) => return format!("FAULT {fault}"),
    };
    let structure = parse::structure(MESSAGE.as_bytes());
    tell(&finish(Machine::new(script, context(MESSAGE, &structure)), answer))
}

/// A word for each effect.
fn tell(outcome: &Outcome<'_>) -> String {
    let mut words: Vec<String> = outcome.effects.iter().map(word).collect();
    if outcome.is_implicit_keep && words.last().is_some_and(|last| last.starts_with("keep")) {
        let last = words.pop().unwrap();
        words.push(format!("implicit-{last}"));
    }
    if let Some(failure) = &outcome.failure {
        words.push(format!("line {}: {}", failure.line, failure.reason));
    }
    words.extend(outcome.remember.iter().map(|remember| format!("remember {} {}", remember.id.id, remember.seconds)));
    words.join(", ")
}

fn word(effect: &Effect<'_>) -> String {
    let changed = |message: &Version<'_>| if message.is_original() { "" } else { "*" };
    match effect {
        Effect::Keep { flags, message } => {
            format!("keep{} {}", changed(message), flags.join(" ")).trim_end().to_owned()
        }
        Effect::FileInto { target, message } => {
            format!("into{} {} {}", changed(message), target.mailbox, target.flags.join(" ")).trim_end().to_owned()
        }
        Effect::Redirect { to: crate::effect::Recipients::Address(to), message, .. } => {
            format!("redirect{} {to}", changed(message))
        }
        Effect::Redirect { to: crate::effect::Recipients::List(list), .. } => format!("redirect-list {list}"),
        Effect::Reject { reason, is_extended } => {
            format!("{} {reason}", if *is_extended { "ereject" } else { "reject" })
        }
        Effect::Vacation(vacation) => format!("vacation {} {}", vacation.seconds, vacation.reason),
        Effect::Notify(notify) => format!("notify {}", notify.method),
        other => format!("{other:?}"),
    }
}

/// Whether a test holds.
fn holds(extensions: &str, test: &str) -> bool {
    let script =
        format!("require [\"fileinto\"{extensions}];\nif {test} {{ fileinto \"yes\"; }} else {{ fileinto \"no\"; }}");
    match run(&script).as_str() {
        "into yes" => true,
        "into no" => false,
        other => panic!("{test}: {other}"),
    }
}

#[test]
fn the_implicit_keep() {
    assert_eq!(run(""), "implicit-keep");
    assert_eq!(run("discard;"), "");
    assert_eq!(run("keep; keep;"), "keep");
    assert_eq!(run("require \"fileinto\"; fileinto \"a\"; fileinto \"a\"; fileinto \"b\";"), "into a, into b");
    assert_eq!(run("require [\"fileinto\", \"copy\"]; fileinto :copy \"a\";"), "into a, implicit-keep");
    assert_eq!(run("redirect \"x@y.test\"; redirect \"x@y.test\"; keep;"), "redirect x@y.test, keep");
    assert_eq!(run(r#"redirect "\"an eye\"@y.test";"#), r#"redirect "an eye"@y.test"#);
    assert_eq!(run("stop; discard;"), "implicit-keep");
    assert_eq!(run("discard; keep;"), "keep");
}

#[test]
fn the_branches() {
    assert_eq!(run("if false { discard; } elsif true { keep; } else { discard; }"), "keep");
    assert_eq!(run("if anyof (false, not true) { discard; } else { keep; }"), "keep");
    assert_eq!(run("if allof (true, not false, anyof (false, true)) { discard; }"), "");
    assert_eq!(run("if true { if false { keep; } else { discard; } }"), "");
}

#[test]
fn tests_of_headers() {
    assert!(holds("", "header :contains \"subject\" \"grüße\""));
    assert!(!holds("", "header :contains \"subject\" \"GRÜSSE\""));
    assert!(holds(
        ", \"comparator-i;unicode-casemap\"",
        "header :comparator \"i;unicode-casemap\" :contains \"subject\" \"GRÜßE AUS\" "
    ));
    assert!(holds("", "header :matches \"Subject\" \"[*] * aus ????\""));
    assert!(holds("", "header [\"x-none\", \"X-SCORE\"] [\"1\", \"12\"]"));
    assert!(!holds("", "header :comparator \"i;octet\" \"message-id\" \"<ONE@sender.test>\""));
    assert!(holds(
        ", \"relational\", \"comparator-i;ascii-numeric\"",
        "header :value \"gt\" :comparator \"i;ascii-numeric\" \"x-score\" \"9\""
    ));
    assert!(!holds(", \"relational\"", "header :value \"gt\" \"x-score\" \"9\""));
    assert!(holds(
        ", \"relational\", \"comparator-i;ascii-numeric\"",
        "header :count \"eq\" :comparator \"i;ascii-numeric\" [\"to\", \"cc\", \"x\"] \"2\""
    ));
    assert!(holds(", \"regex\"", "header :regex \"subject\" \"^\\\\[[a-z-]+\\\\]\""));
    assert!(holds("", "exists [\"from\", \"date\"]"));
    assert!(!holds("", "exists [\"from\", \"x-none\"]"));
    assert!(holds("", "size :over 500"));
    assert!(holds("", "size :under 1K") != holds("", "size :over 1K"));
    assert!(holds(", \"index\"", "header :index 1 :last :contains [\"received\"] \"from a\""));
}

#[test]
fn tests_of_addresses() {
    assert!(holds("", "address \"from\" \"carol@sender.test\""));
    assert!(holds("", "address :domain [\"to\", \"cc\"] \"EXAMPLE.test\""));
    assert!(holds("", "address :localpart \"to\" \"bob\""));
    assert!(holds(", \"subaddress\"", "address :detail \"to\" \"lists\""));
    assert!(holds(", \"subaddress\"", "address :user \"to\" \"alice\""));
    assert!(!holds(", \"subaddress\"", "address :detail :matches \"cc\" \"*\""));
    assert!(holds(", \"relational\"", "address :count \"eq\" \"to\" \"2\""));
    assert!(holds(", \"envelope\"", "envelope \"from\" \"carol+x@sender.test\""));
    assert!(holds(", \"envelope\", \"subaddress\"", "envelope :detail \"to\" \"lists\""));
    assert!(holds(", \"extlists\"", "address :list \"from\" \"friends\""));
    assert!(!holds(", \"extlists\"", "address :list \"to\" \"friends\""));
    assert!(holds(", \"extlists\"", "valid_ext_list \"friends\""));
}

#[test]
fn tests_of_bodies() {
    assert!(holds(", \"body\"", "body :contains \"schöne grüße\""));
    assert!(holds(", \"body\"", "body :text :contains \"some bold\""));
    assert!(holds(", \"body\"", "body :content \"text/html\" :contains \"<b>bold\""));
    assert!(!holds(", \"body\"", "body :content \"text/plain\" :contains \"bold\""));
    assert!(holds(", \"body\"", "body :raw :contains \"=F6ne\""));
    assert!(holds(", \"body\"", "body :content \"multipart\" :contains \"prologue\""));
    assert!(holds(", \"body\"", "body :content \"multipart\" :contains \"epilogue\""));
    assert!(holds(", \"body\"", "body :content \"application\" :contains \"MZ\""));
}

#[test]
fn tests_of_dates() {
    assert!(holds(", \"date\"", "date :originalzone \"date\" \"hour\" \"15\""));
    assert!(holds(", \"date\"", "date :zone \"+0000\" \"date\" \"iso8601\" \"2009-02-13T23:31:30Z\""));
    assert!(holds(", \"date\"", "date :zone \"+0000\" \"received\" \"time\" \"23:31:30\""));
    assert!(holds(", \"date\"", "date \"date\" \"weekday\" \"6\""));
    assert!(holds(", \"date\", \"relational\"", "currentdate :value \"ge\" \"date\" \"2009-02-14\""));
    assert!(!holds(", \"date\"", "date :matches \"x-score\" \"year\" \"*\""));
}

#[test]
fn variables_and_captures() {
    let script = "require [\"variables\", \"fileinto\"];
        if header :matches \"Subject\" \"[*] *\" { set :upperfirst \"list\" \"${1}\"; fileinto \"lists.${list}.${3}${0x}\"; }";
    assert_eq!(run(script), "into lists.Acme-users.${0x}");
    assert_eq!(
        run(
            "require [\"variables\", \"fileinto\", \"regex\"]; if header :regex \"from\" \"<([a-z]+)@([a-z.]+)>\" { fileinto \"${2}/${1}\"; }"
        ),
        "into sender.test/carol"
    );
    assert!(!holds(", \"variables\"", "string :matches \"a/b\" \"?/${}?\""));
    assert!(holds(", \"variables\", \"relational\"", "string :count \"eq\" [\"a\", \"\", \"b\"] \"2\""));
    assert_eq!(
        run(
            "require [\"variables\", \"include\", \"fileinto\"]; global \"g\"; set \"g\" \"1\"; set \"l\" \"y\"; include \"other\"; include \"other\"; fileinto \"${global.g}${l}\";"
        ),
        "into 1!!y"
    );
}

#[test]
fn included_scripts() {
    let twice = |how: &str| {
        run(&format!(
            "require [\"variables\", \"include\", \"fileinto\"]; global \"g\"; include {how} \"other\"; include {how} \"other\"; fileinto \"x${{g}}\";"
        ))
    };
    assert_eq!(twice(""), "into x!!");
    assert_eq!(twice(":once"), "into x!");
}

#[test]
fn flags_go_with_the_message() {
    assert_eq!(
        run(
            "require \"imap4flags\"; setflag \"\\\\Seen\"; addflag [\"work\", \"$x \\\\flagged\"]; removeflag \"WORK\";"
        ),
        "implicit-keep \\Seen $x \\flagged"
    );
    assert_eq!(
        run("require [\"imap4flags\", \"fileinto\"]; fileinto :flags \"a b\" \"x\"; keep :flags \"c\";"),
        "into x a b, keep c"
    );
    assert!(holds(", \"imap4flags\", \"variables\"", "not hasflag \"x\" \"y\""));
}

#[test]
fn what_excludes_each_other() {
    assert_eq!(run("require \"reject\"; reject \"no\";"), "reject no");
    assert_eq!(
        run("require [\"reject\"];\nkeep;\nreject \"no\";"),
        "implicit-keep, line 3: reject and an action that delivers exclude each other"
    );
    assert!(run("redirect \"a@b.c\"; redirect \"b@b.c\"; redirect \"c@b.c\";").contains("more than 2 addresses"));
    assert!(run("require \"vacation\"; vacation \"a\"; vacation \"b\";").contains("twice"));
    assert_eq!(
        run("require [\"include\"]; include \"loop\";"),
        "implicit-keep, line 1: the script \"loop\" includes itself"
    );
    assert_eq!(
        run("require [\"include\"]; include \"none\";"),
        "implicit-keep, line 1: there is no script \"none\" to include"
    );
    assert_eq!(run("require [\"include\"]; include :optional \"none\";"), "implicit-keep");
}

#[test]
fn extensions_that_may_not_be_there() {
    assert_eq!(run("require \"ihave\"; if ihave \"vnd.nobody.x\" { frobnicate :now \"x\"; } else { discard; }"), "");
    assert_eq!(run("require \"ihave\"; if allof (ihave \"fileinto\", true) { fileinto \"x\"; }"), "into x");
    assert_eq!(
        run("require \"ihave\"; if not ihave \"fileinto\" { error \"no\"; } fileinto \"x\";"),
        "FAULT line 1, column 58: fileinto needs require \"fileinto\" at the top of the script"
    );
    assert_eq!(run("require \"ihave\"; error \"that is it\";"), "implicit-keep, line 1: that is it");
}

#[test]
fn headers_are_edited() {
    assert_eq!(
        run(
            "require [\"editheader\", \"fileinto\"]; fileinto \"a\"; addheader \"X-New\" \"ü\"; if header \"x-new\" \"ü\" { keep; }"
        ),
        "into a, keep*"
    );
    assert_eq!(run("require [\"editheader\"]; deleteheader \"Received\";"), "implicit-keep");
    assert_eq!(
        run(
            "require [\"editheader\"]; deleteheader :matches \"Subject\" \"*wien\"; if exists \"subject\" { discard; }"
        ),
        "implicit-keep*"
    );
    assert_eq!(run("require [\"editheader\"]; deleteheader :index 2 \"to\";"), "implicit-keep");
}

#[test]
fn parts_are_gone_through() {
    let names = "require [\"foreverypart\", \"mime\", \"variables\", \"fileinto\"]; set \"all\" \"\";
        foreverypart { if header :mime :matches :contenttype \"content-type\" \"*\" { set \"all\" \"${all} ${0}\"; } }
        fileinto \"x${all}\";";
    assert_eq!(run(names), "into x multipart/mixed text/plain text/html application/octet-stream");
    assert!(holds(", \"mime\"", "header :mime :anychild :param \"filename\" \"content-disposition\" \"page.html\""));
    assert!(holds(", \"mime\"", "header :mime :anychild :type \"content-type\" \"application\""));
    assert!(!holds(", \"mime\"", "header :mime :type \"content-type\" \"application\""));
    let text = "require [\"foreverypart\", \"mime\", \"extracttext\", \"variables\", \"fileinto\"];
        foreverypart { if header :mime :subtype \"content-type\" \"plain\" { extracttext :upper :first 6 \"t\"; break; } }
        fileinto \"${t}\";";
    assert_eq!(run(text), "into SCHöNE");
}

#[test]
fn parts_are_replaced() {
    let script = "require [\"foreverypart\", \"mime\", \"replace\", \"body\"];
        foreverypart { if header :mime :param \"name\" \"content-type\" \"run.exe\" { replace \"gone\"; } }
        if body :content \"text\" :contains \"gone\" { keep; } else { discard; }";
    assert_eq!(run(script), "keep*");
    assert_eq!(
        run(
            "require [\"enclose\", \"body\"]; redirect \"a@b.test\"; enclose :subject \"Look\" \"see below\"; if allof (header \"subject\" \"look\", body :contains \"see below\", body :content \"message\" :contains \"acme\") { redirect \"c@d.test\"; keep; }"
        ),
        "redirect a@b.test, redirect c@d.test, keep*"
    );
}

#[test]
fn the_rest_of_the_world() {
    assert!(holds(", \"mailbox\"", "mailboxexists \"Work\""));
    assert!(!holds(", \"mailbox\"", "mailboxexists [\"Work\", \"None\"]"));
    assert!(holds(", \"mboxmetadata\"", "metadata \"INBOX\" \"/private/vnd/x\" \"on\""));
    assert!(!holds(", \"mboxmetadata\"", "metadataexists \"INBOX\" [\"/private/vnd/x\", \"/private/none\"]"));
    assert!(holds(", \"environment\"", "environment \"name\" \"heliograph\""));
    assert!(holds(", \"enotify\"", "valid_notify_method \"mailto:a@b.test\""));
    assert!(holds(", \"spamtest\"", "spamtest \"5\""));
    assert!(holds(", \"spamtestplus\"", "spamtest :percent \"50\""));
    assert!(holds(", \"virustest\"", "virustest \"0\""));
    assert!(holds(", \"virustest\", \"relational\"", "virustest :count \"eq\" \"0\""));
    assert!(holds(", \"duplicate\"", "duplicate :uniqueid \"seen\""));
    assert_eq!(
        run("require \"duplicate\"; if duplicate :seconds 60 { discard; }"),
        "implicit-keep, remember <one@sender.test> 60"
    );
    assert_eq!(run("require \"vacation\"; vacation :days 3 \"away\";"), "vacation 259200 away, implicit-keep");
    assert_eq!(
        run("require \"enotify\"; notify \"xmpp:alice@example.test\";"),
        "notify xmpp:alice@example.test, implicit-keep"
    );
    assert!(run("require \"servermetadata\"; if servermetadata \"/x\" \"y\" { keep; }").starts_with("implicit-keep"));
}

#[test]
fn answers_that_cannot_be_had_keep_the_message() {
    let unknown = |_: &Question| Answer::Unknown("the store is away".to_owned());
    let script = "require \"mailbox\"; if mailboxexists \"x\" { discard; }";
    assert_eq!(run_with(script, unknown), "implicit-keep, line 1: the store is away");
}
