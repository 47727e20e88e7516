//! Known answers: examples and rules of the standards, each in its section.

use super::*;

fn with(extensions: &str, script: &str) -> String {
    run(&format!("require [{extensions}];\n{script}"))
}

#[test]
fn rfc5228_section_2_7_1() {
    // The strings of its second paragraph.
    let contains = |key: &str| {
        with("\"variables\"", &format!("if string :contains \"frobnitzm\" \"{key}\" {{ keep; }} else {{ discard; }}"))
    };
    assert_eq!([contains("frob"), contains("nit"), contains("fbm"), contains("")], ["keep", "keep", "", "keep"]);
    let is = |value: &str, key: &str| {
        with("\"variables\"", &format!("if string :is \"{value}\" \"{key}\" {{ keep; }} else {{ discard; }}"))
    };
    assert_eq!([is("frobnitzm", "frobnitzm"), is("frobnitzm", ""), is("", "")], ["keep", "", "keep"]);
}

#[test]
fn rfc5228_section_5_4() {
    let null = |test: &str| {
        let script = format!("require [\"envelope\", \"subaddress\", \"relational\"]; if {test} {{ discard; }}");
        run_from(Some(""), &script)
    };
    for part in [":all", ":localpart", ":domain", ":user", ":detail"] {
        assert_eq!(null(&format!("envelope {part} \"from\" \"\"")), "", "{part}");
    }
    // RFC 5231 §4.2.
    assert_eq!(null("envelope :count \"eq\" \"from\" \"0\""), "");
    let route = "require \"envelope\"; if envelope :localpart \"from\" \"carol\" { discard; }";
    assert_eq!(run_from(Some("@a.test,@b.test:carol@sender.test"), route), "");
    assert_eq!(
        run_from(None, "require \"envelope\"; if envelope :contains \"from\" \"\" { discard; }"),
        "implicit-keep"
    );
}

#[test]
fn rfc5229_section_3() {
    let script = "set \"company\" \"ACME\"; if string \"${President, ${Company} Inc.}\" \"${President, ACME Inc.}\" { discard; }";
    // The key is expanded as well: `${President, ACME Inc.}` is no reference and stays.
    assert_eq!(with("\"variables\"", script), "");
    assert_eq!(
        with("\"variables\", \"fileinto\"", "set \"dollar\" \"$\"; fileinto \"regarding ${dollar}{beep}\";"),
        "into regarding ${beep}"
    );
}

#[test]
fn rfc5229_section_3_2() {
    let script = "if header :matches \"from\" \"*@*\" { if header :matches \"x-score\" [\"x\", \"1?\"] { fileinto \"${1}${2}\"; } }";
    assert_eq!(with("\"variables\", \"fileinto\"", script), "into 2");
    let folded =
        "if header :comparator \"i;unicode-casemap\" :matches \"subject\" \"*ü?E*\" { fileinto \"${2}|${3}\"; }";
    assert_eq!(with("\"variables\", \"fileinto\", \"comparator-i;unicode-casemap\"", folded), "into ß| aus Wien");
}

#[test]
fn rfc5173_section_6() {
    let script = "if header :matches \"x-score\" \"1*\" { if body :matches \"*bold*\" { fileinto \"${1}\"; } }";
    assert_eq!(with("\"variables\", \"fileinto\", \"body\"", script), "into 2");
}

#[test]
fn rfc5173_section_4() {
    let headless = "require \"body\"; if body :raw :contains \"\" { discard; }";
    assert_eq!(run_on("Subject: x\r\n", headless), "implicit-keep");
    assert_eq!(run_on("Subject: x\r\n\r\n", headless), "");
}

#[test]
fn rfc5232_section_4() {
    let script = "setflag \"A B\"; if hasflag :is \"b A\" { keep :flags \"yes\"; }";
    assert_eq!(with("\"imap4flags\"", script), "keep yes");
    let variable = "set \"MyVar\" \"NonJunk Junk gnus-forward $Forwarded NotJunk JunkRecorded $Junk $NotJunk\"; set \"k\" \"label forward\";";
    let holds = |test: &str| {
        with(
            "\"imap4flags\", \"variables\", \"relational\", \"comparator-i;ascii-numeric\"",
            &format!("{variable} if {test} {{ discard; }}"),
        )
    };
    for test in [
        "hasflag :contains \"MyVar\" \"Junk\"",
        "hasflag :contains \"MyVar\" \"forward\"",
        "hasflag :contains \"MyVar\" [\"label\", \"forward\"]",
        "hasflag :contains \"MyVar\" \"junk forward\"",
        "hasflag :contains \"MyVar\" \"${k}\"",
        "hasflag :count \"eq\" :comparator \"i;ascii-numeric\" \"MyVar\" \"8\"",
    ] {
        assert_eq!(holds(test), "", "{test}");
    }
    assert_eq!(holds("hasflag :contains \"MyVar\" \"label\""), "implicit-keep");
    assert_eq!(holds("hasflag :contains \"MyVar\" [\"label1\", \"label2\"]"), "implicit-keep");
}

#[test]
fn rfc5293_section_7() {
    assert_eq!(with("\"editheader\"", "keep; addheader \"X-Flavor\" \"vanilla\"; keep;"), "keep");
    let hello = "addheader \"X-Hello\" \"3\"; addheader \"X-Hello\" \"2\"; addheader \"X-Hello\" \"1\";
        deleteheader :index 1 \"X-Hello\"; deleteheader :index 2 \"X-Hello\";
        if allof (header \"x-hello\" \"2\", not header \"x-hello\" [\"1\", \"3\"]) { discard; }";
    assert_eq!(with("\"editheader\"", hello), "");
    // Lines cannot be smuggled in.
    let two = "set \"v\" text:\na\nX-Evil: b\n.\n; addheader \"X-New\" \"${v}\"; if exists \"x-evil\" { discard; }";
    assert_eq!(with("\"editheader\", \"variables\"", two), "implicit-keep*");
}

#[test]
fn rfc5230_section_4_2() {
    let handle = |script: &str| {
        let structure = parse::structure(MESSAGE.as_bytes());
        let script = format!("require [\"vacation\", \"variables\"]; {script}");
        let outcome = finish(Machine::new(compiled(&script), context(MESSAGE, &structure)), nobody);
        let [Effect::Vacation(vacation), Effect::Keep { .. }] = outcome.effects.as_slice() else {
            panic!("{:?}", outcome.effects)
        };
        vacation.handle.clone()
    };
    // What variables hold makes no other answer of it; each argument does.
    let one = handle("set \"s\" \"1\"; vacation :subject \"Re: ${s}\" \"away\";");
    assert_eq!(one, handle("set \"s\" \"2\"; vacation :subject \"Re: ${s}\" \"away\";"));
    assert_ne!(one, handle("vacation :subject \"Re: \" \"away\";"));
    assert_ne!(handle("vacation \"a\";"), handle("vacation :mime \"a\";"));
    assert_ne!(handle("vacation :subject \"a\" \"b\";"), handle("vacation \"ab\";"));
    assert_eq!(handle("vacation :handle \"h\" \"b\";"), "h");
}

#[test]
fn rfc5183_section_4() {
    let holds = |test: &str| with("\"environment\", \"relational\"", &format!("if {test} {{ discard; }}"));
    assert_eq!(holds("environment :contains \"name\" \"\""), "");
    assert_eq!(holds("environment :contains \"vnd.none\" \"\""), "implicit-keep");
    assert_eq!(holds("environment :count \"eq\" \"vnd.none\" \"0\""), "implicit-keep");
}

#[test]
fn rfc5435_sections_3_and_4() {
    let notify =
        |method: &str| with("\"enotify\", \"variables\"", &format!("set \"m\" \"{method}\"; notify \"${{m}}\";"));
    assert_eq!(notify("mailto:a@b.test"), "notify mailto:a@b.test, implicit-keep");
    assert!(notify("tel:+14085551212").contains("is no notification method"));
    assert!(notify("mailto:").contains("names nobody"));
    let valid = |method: &str| with("\"enotify\"", &format!("if valid_notify_method {method} {{ discard; }}"));
    assert_eq!(valid("[\"mailto:\", \"http://gw.example.net/notify?test\"]"), "implicit-keep");
    assert_eq!(valid("\"mailto:a@b.test\""), "");
    assert!(with("\"enotify\"", "notify :options \"nothing\" \"mailto:a@b.test\";").contains("no option"));
}

#[test]
fn rfc6609_section_3_5() {
    // An included script takes the part at hand for the message.
    let script = "foreverypart { if header :mime :subtype \"content-type\" \"html\" { include \"part\"; } }";
    let inner = "require [\"fileinto\", \"body\", \"mime\", \"variables\", \"foreverypart\"]; set \"n\" \"\";
        if header :matches \"content-type\" \"*/*\" { set \"n\" \"${2}\"; }
        if exists \"subject\" { set \"n\" \"${n} subject\"; }
        if body :raw :contains \"some bold\" { set \"n\" \"${n} decoded\"; }
        if body :raw :contains \"<b>bold</b>\" { set \"n\" \"${n} body\"; }
        if size :under 200 { set \"n\" \"${n} small\"; }
        foreverypart { set \"n\" \"${n} part\"; }
        fileinto \"${n}\";";
    let answer = |question: &Question| match question {
        Question::Script { .. } => Answer::Script(Some(compiled(inner))),
        _ => Answer::Is(false),
    };
    let told = run_with(&format!("require [\"include\", \"foreverypart\", \"mime\"]; {script}"), answer);
    assert_eq!(told, "into html body small part");
}

#[test]
fn rfc6785_section_4_6() {
    let structure = parse::structure(MESSAGE.as_bytes());
    let script = "require [\"imapsieve\", \"environment\", \"envelope\"];
        if not environment \"imap.cause\" \"COPY\" { discard; stop; } if envelope \"from\" \"x\" { discard; }";
    let mut context = context(MESSAGE, &structure);
    context.environment.push(("imap.cause".to_owned(), "COPY".to_owned()));
    let outcome = finish(Machine::new(compiled(script), context), nobody);
    assert!(outcome.failure.unwrap().reason.contains("envelope"));
}

#[test]
fn rfc6785_section_5_example_2() {
    let structure = parse::structure(MESSAGE.as_bytes());
    let script = "require [\"enotify\", \"imap4flags\", \"variables\", \"environment\", \"imapsieve\"];
        if environment :matches \"imap.mailbox\" \"*\" { set \"mailbox\" \"${1}\"; }
        if allof (hasflag \"\\\\Flagged\", environment :contains \"imap.changedflags\" \"\\\\Flagged\") {
          notify :message \"Important message in ${mailbox}\" \"mailto:tim@example.com\"; }";
    let told = |flags: &[&str], changed: &str| {
        let mut context = context(MESSAGE, &structure);
        context.flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let item = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        context.environment = vec![item("imap.mailbox", "ActionItems"), item("imap.changedflags", changed)];
        let outcome = finish(Machine::new(compiled(script), context), nobody);
        let notice = outcome.effects.iter().find_map(|effect| match effect {
            Effect::Notify(wanted) => wanted.message.clone(),
            _ => None,
        });
        notice.unwrap_or_default()
    };
    assert_eq!(told(&["\\Flagged"], "\\Seen \\Flagged"), "Important message in ActionItems");
    assert_eq!(told(&["\\Flagged"], "\\Seen"), "");
    assert_eq!(told(&[], "\\Flagged"), "");
}

#[test]
fn rfc6785_section_4_2() {
    // At delivery the items are empty, not unknown.
    let test = "if environment \"imap.user\" \"\" { discard; }";
    assert_eq!(with("\"imapsieve\", \"environment\"", test), "");
}

#[test]
fn rfc7352_section_3_1() {
    let told = with("\"duplicate\"", "if duplicate :header \"no such:field\" { discard; }");
    assert_eq!(told, "implicit-keep");
    assert_eq!(with("\"duplicate\"", "if duplicate :seconds 0 :uniqueid \"seen\" { discard; }"), "implicit-keep");
    let told = with("\"duplicate\"", "if duplicate :header \"from\" { discard; }");
    assert_eq!(told, "implicit-keep, remember Carol Müller <carol@sender.test> 604800");
}

#[test]
fn rfc8580_section_3() {
    let structure = parse::structure(MESSAGE.as_bytes());
    let script = "require [\"vacation\", \"fcc\", \"mailbox\", \"imap4flags\", \"special-use\"];
        vacation :fcc \"Sent\" :create :flags \"\\\\Seen\" :specialuse \"\\\\Sent\" \"away\";";
    let outcome = finish(Machine::new(compiled(script), context(MESSAGE, &structure)), nobody);
    let [Effect::Vacation(vacation), ..] = outcome.effects.as_slice() else { panic!("{outcome:?}") };
    let copy = vacation.copy.as_ref().unwrap();
    assert_eq!(
        (copy.mailbox.as_str(), copy.creates, copy.flags.as_slice()),
        ("Sent", true, &["\\Seen".to_owned()][..])
    );
    assert_eq!(copy.special_use.as_deref(), Some("\\Sent"));
}

#[test]
fn rfc6009_sections_3_to_5() {
    let structure = parse::structure(MESSAGE.as_bytes());
    let script = "require [\"redirect-dsn\", \"redirect-deliverby\"];
        redirect :notify \"DELAY,FAILURE\" :ret \"FULL\" :bytimerelative 600 :bymode \"return\" :bytrace \"a@b.test\";
        redirect :bytimeabsolute \"2009-02-13T23:33:30Z\" :notify \"NEVER\" \"c@d.test\";";
    let outcome = finish(Machine::new(compiled(script), context(MESSAGE, &structure)), nobody);
    let options: Vec<_> = outcome
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Redirect { options, .. } => Some(options.clone()),
            _ => None,
        })
        .collect();
    let [first, second] = options.as_slice() else { panic!("{outcome:?}") };
    let by = first.by.unwrap();
    assert_eq!((by.seconds, by.returns, by.traces, first.returns_full), (600, true, true, Some(true)));
    let notify = first.notify.unwrap();
    assert_eq!((notify.success, notify.failure, notify.delay), (false, true, true));
    assert_eq!(second.by.unwrap().seconds, 120);
    assert_eq!(second.notify, Some(crate::effect::Notify::default()));
}

#[test]
fn keeping_is_filing_into_inbox() {
    assert_eq!(
        with("\"fileinto\", \"imap4flags\"", "fileinto :flags \"a\" \"inbox\"; keep :flags \"b\";"),
        "into inbox b"
    );
    assert_eq!(with("\"fileinto\", \"copy\"", "fileinto :copy \"INBOX\";"), "into INBOX");
    assert_eq!(with("\"fileinto\"", "keep; fileinto \"INBOX\";"), "keep");
}

#[test]
fn rfc5228_section_2_4_2_2() {
    for test in ["header \"no such\" \"x\"", "address [\"to\", \"no such\"] \"x\"", "exists \"x:y\""] {
        assert_eq!(with("\"fileinto\"", &format!("if {test} {{ discard; }}")), "implicit-keep", "{test}");
    }
}

#[test]
fn rfc5293_section_5() {
    let told = with("\"editheader\", \"variables\"", "set \"a\" \"x:y\"; deleteheader \"${a}\"; discard;");
    assert!(told.contains("no name of a header field"), "{told}");
}

#[test]
fn rfc5463_section_4() {
    // What changes the meaning of strings is there from the beginning or never.
    let is = |test: &str| run(&format!("require [\"ihave\"]; if {test} {{ discard; }}"));
    assert_eq!(is("ihave \"variables\""), "implicit-keep");
    assert_eq!(is("ihave [\"fileinto\", \"encoded-character\"]"), "implicit-keep");
    assert_eq!(is("not ihave \"variables\""), "");
    assert_eq!(with("\"ihave\", \"variables\"", "if ihave \"variables\" { discard; }"), "");
    assert!(is("ihave").contains("names of extensions"), "{}", is("ihave"));
    assert!(is("anyof (ihave 5, frobnicate)").contains("names of extensions"));
    let told = with("\"ihave\", \"variables\"", "if ihave \"${a}\" { discard; }");
    assert!(told.contains("without variables"), "{told}");
}
