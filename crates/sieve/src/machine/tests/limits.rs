//! No script takes long, says much or holds much, whatever it is.

use super::*;
use crate::limits::{ACTIONS_MAX, EXPANSION_OCTETS_MAX, STEPS_MAX, VARIABLE_OCTETS_MAX};

const REQUIRE: &str = "require [\"variables\", \"foreverypart\", \"fileinto\", \"regex\", \"editheader\", \"body\",
    \"enotify\", \"enclose\", \"imap4flags\", \"include\", \"mime\"];\n";

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
