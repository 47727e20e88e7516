//! No script takes long, says much or holds much, whatever it is.

use super::*;
use crate::limits::{
    ACTIONS_MAX, EXPANSION_OCTETS_MAX, LISTED_OCTETS_MAX, QUESTIONS_MAX, SAID_OCTETS_MAX, STEPS_MAX,
    VARIABLE_OCTETS_MAX, WORK_OCTETS_MAX,
};

const REQUIRE: &str = "require [\"variables\", \"foreverypart\", \"fileinto\", \"regex\", \"editheader\", \"body\",
    \"enotify\", \"enclose\", \"imap4flags\", \"include\", \"mime\", \"extlists\", \"duplicate\"];\n";

fn end(script: &str) -> String {
    run(&format!("{REQUIRE}{script}"))
}

#[test]
fn loops_within_loops_end() {
    let deep = "foreverypart { ".repeat(8) + "set \"a\" \"b\"; " + &"}".repeat(8);
    // The parts within a leaf are none, so eight loops are soon done.
    assert_eq!(end(&deep), "implicit-keep");
    let many = format!("foreverypart {{ {} }}", "if true { set \"a\" \"b\"; }".repeat(5_000));
    assert!(!end(&many).contains("steps"));
    let parts = "x\r\n--b\r\n\r\n".repeat(1_900);
    let message = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n{parts}x\r\n--b--\r\n");
    let long = format!("{REQUIRE}foreverypart {{ {} }}", "if true { set \"a\" \"b\"; }".repeat(200));
    assert!(run_on(&message, &long).contains(&format!("more than {STEPS_MAX} steps")));
}

#[test]
fn variables_do_not_grow_without_end() {
    let doubling = "set \"a\" \"0123456789\";".to_owned() + &"set \"a\" \"${a}${a}\";".repeat(40);
    let told = end(&format!("{doubling} set :length \"n\" \"${{a}}\"; fileinto \"${{n}}\";"));
    assert_eq!(told, format!("into {VARIABLE_OCTETS_MAX}"));
    let wide = format!("{doubling} set \"b\" \"{}\"; discard;", "${a}".repeat(40));
    assert!(end(&wide).contains(&format!("more than {EXPANSION_OCTETS_MAX} octets")), "{}", end(&wide));
    let many: String = (0..600).map(|number| format!("set \"v{number}\" \"x\";")).collect();
    assert!(end(&many).contains("variables hold too much"));
}

#[test]
fn what_is_said_is_bounded() {
    let doubling = "set \"a\" \"0123456789\";".to_owned() + &"set \"a\" \"${a}${a}\";".repeat(14);
    let notices = format!("notify :message \"{}\" \"mailto:a@b.test\";", "${a}".repeat(10)).repeat(100);
    assert!(end(&format!("{doubling}{notices}")).contains("what the script says"));
    let filing: String = (0..200).map(|number| format!("fileinto \"{number}\";")).collect();
    assert!(end(&filing).contains(&format!("more than {ACTIONS_MAX} actions")));
}

#[test]
fn what_is_looked_at_is_bounded() {
    // A pattern that fails late everywhere, on a long text, again and again.
    let body = "a".repeat(2_000_000);
    let message = format!("Subject: x\r\n\r\n{body}\r\n");
    let slow = format!("if body :raw :matches \"*{}?b*\" {{ discard; }}", "a?".repeat(500));
    assert!(run_on(&message, &format!("{REQUIRE}{slow}")).contains("looks at more than"));
    let flags = "addflag \"f\" [\"a b c\"]; ".repeat(100);
    assert_eq!(end(&flags), "implicit-keep");
}

#[test]
fn changes_are_bounded() {
    let edits = "addheader \"X\" \"y\"; deleteheader \"X\";".repeat(300);
    assert!(end(&edits).contains("changes the message too much"));
    let enclosures = "enclose \"see below\";".repeat(30);
    assert!(end(&enclosures).starts_with("implicit-keep*"));
}

#[test]
fn regular_expressions_of_variables_are_bounded() {
    let made = "set \"a\" \"x\";".to_owned() + &"if header :regex \"subject\" \"${a}[0-9]+\" { discard; }".repeat(300);
    assert!(end(&made).contains("regular expressions"));
    assert!(end("set \"a\" \"(\"; if header :regex \"subject\" \"${a}\" { discard; }").contains("cannot be read"));
}

#[test]
fn traces_are_bounded() {
    let long = format!("{REQUIRE}fileinto \"{}\";", "x".repeat(10_000));
    let structure = parse::structure(MESSAGE.as_bytes());
    let outcome = finish(Machine::new(compiled(&long), context(MESSAGE, &structure)), nobody);
    assert!(outcome.trace.iter().all(|step| step.what.len() < 1_000));
}

/// Runs to the end and returns what was said of it, the questions that were asked, and the work that was done.
fn strain(message: &str, script: &str, answer: Answer) -> (String, Vec<Question>, u64) {
    let structure = parse::structure(message.as_bytes());
    let mut machine = Machine::new(compiled(&format!("{REQUIRE}{script}")), context(message, &structure));
    let mut questions = Vec::new();
    loop {
        match machine.resume() {
            Step::Ask(question) => {
                questions.push(question);
                machine.answer(answer.clone());
            }
            Step::Done(outcome) => return (tell(&outcome), questions, machine.work.get()),
        }
    }
}

#[test]
fn values_for_lists_are_bounded() {
    let long = "x".repeat(LISTED_OCTETS_MAX);
    let message = format!("Subject: {long}\r\nX-Long: {long}x\r\n\r\n{}\r\n", "y".repeat(1_000_000));
    let look =
        "if anyof (header :list \"x-long\" \"l\", body :raw :list \"l\", header :list \"subject\" \"l\") { discard; }";
    let (told, questions, _) = strain(&message, look, Answer::Is(false));
    assert_eq!(told, "implicit-keep");
    assert_eq!(questions, [Question::InList { list: "l".to_owned(), value: long }]);
    // Each answer makes the test look anew at what comes before.
    let many: String = (0..2_000).map(|number| format!("X-Y: {number}\r\n")).collect();
    let message = format!("{many}\r\nbody\r\n");
    let (told, questions, _) = strain(&message, "if header :list \"x-y\" \"l\" { discard; }", Answer::Is(false));
    assert!(told.contains("questions"), "{told:.200}");
    assert_eq!(questions.len(), QUESTIONS_MAX);
    let same = format!("{}\r\nbody\r\n", "X-Y: z\r\n".repeat(4_500));
    let lists = vec!["\"l\""; 4_000].join(",");
    let (told, questions, work) =
        strain(&same, &format!("if header :list \"x-y\" [{lists}] {{}}").repeat(9), Answer::Is(false));
    assert!(told.contains("looks at more than"), "{told:.200}");
    assert_eq!(questions.len(), 1);
    assert!(work < WORK_OCTETS_MAX + (1 << 20));
}

#[test]
fn what_is_asked_is_bounded() {
    let fields: String = (0..100).map(|number| format!("X-{number}: {number}{}\r\n", "y".repeat(250_000))).collect();
    let tests: String = (0..100).map(|number| format!("if duplicate :header \"x-{number}\" {{ stop; }}")).collect();
    let (told, questions, _) = strain(&format!("{fields}\r\n"), &tests, Answer::Is(false));
    assert!(told.contains("what the script says"), "{told:.200}");
    let octets: usize = questions.iter().map(Question::octets).sum();
    assert!(octets as u64 <= SAID_OCTETS_MAX);
}

#[test]
fn regular_expressions_cost_what_their_states_do() {
    let body = "ab".repeat(1_000_000);
    let message = format!("Subject: x\r\n\r\n{body}\r\n");
    let slow = "if body :raw :regex \"[ab]*a[ab]{500}c\" { discard; }";
    assert!(strain(&message, slow, Answer::Is(false)).0.contains("looks at more than"));
    let short = "if body :raw :regex \"ab+[^b]\" { discard; }";
    assert_eq!(strain(&message, short, Answer::Is(false)).0, "");
    // Building costs, too.
    let made = "set \"a\" \"[!-\u{10ffff}]\";".to_owned()
        + &"if header :regex \"subject\" \"${a}${a}${a}\" { discard; }".repeat(99);
    assert!(strain(&message, &made, Answer::Is(false)).0.contains("looks at more than"));
    assert!(
        end("set \"a\" \"(a{999}){999}\"; if header :regex \"subject\" \"${a}\" { discard; }").contains("is too large")
    );
}

#[test]
fn work_ends_within_a_test() {
    let names: String = (0..4_000).map(|number| format!("\"x-{number}\",")).collect();
    let names = format!("[{names} \"x\"]");
    let fields = "X-Field: value that is long enough to be slow\r\n".repeat(4_500);
    let parts = format!("--b\r\n{fields}\r\n\r\n").repeat(20);
    let message = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{parts}--b--\r\n");
    let tests = [
        format!("header :mime :anychild :contains {names} \"nothing\""),
        format!("header :mime :anychild :param {names} :contains \"x-field\" \"nothing\""),
        format!("address :mime :anychild :contains [{}] \"nothing\"", vec!["\"to\""; 4_000].join(",")),
        format!("exists :mime :anychild [{}]", vec!["\"x-field\""; 4_000].join(",")),
    ];
    for test in tests {
        let (told, _, work) = strain(&message, &format!("if {test} {{ discard; }}").repeat(8), Answer::Is(false));
        assert!(told.contains("looks at more than"), "{told:.200}");
        assert!(work < 2 * WORK_OCTETS_MAX, "{work} steps in {test:.60}");
    }
    let (told, _, work) = strain(&message, &format!("if exists {names} {{}}").repeat(20), Answer::Is(false));
    assert_eq!(told, "implicit-keep", "{work}");
    let there = vec!["\"x\""; 4_000].join(",");
    let message = format!("X: y\r\n{fields}\r\nbody\r\n");
    let (told, _, work) = strain(&message, &format!("if exists [{there}] {{}}").repeat(40), Answer::Is(false));
    assert!(told.contains("looks at more than") && work < WORK_OCTETS_MAX + (1 << 20), "{told:.200} {work}");
}

#[test]
fn delimiters_are_found_at_once() {
    let lines: String = (0..200_000).map(|number| format!("=_enclosed_{number}\r\n")).collect();
    let message = format!("Subject: x\r\n\r\n{lines}");
    assert_eq!(strain(&message, "enclose \"see below\";", Answer::Is(false)).0, "implicit-keep*");
}
