//! What the compiler takes, and how it says no.

use super::*;

fn check(script: &str) -> String {
    match compile(script.as_bytes(), Extensions::for_users()) {
        Ok(script) => format!("{} operations", script.len()),
        Err(fault) => fault.to_string(),
    }
}

#[test]
fn faults_say_where_and_what() {
    let cases = [
        ("kep;", "line 1, column 1: there is no command \"kep\"; keep comes nearest"),
        ("if headr \"a\" \"b\" {}", "line 1, column 4: there is no test \"headr\"; header comes nearest"),
        ("xyzzy;", "line 1, column 1: there is no command \"xyzzy\""),
        ("fileinto \"a\";", "line 1, column 1: fileinto needs require \"fileinto\" at the top of the script"),
        ("keep;\nrequire \"fileinto\";", "line 2, column 1: require must stand before all other commands"),
        ("require \"fileinot\";", "line 1, column 9: the extension \"fileinot\" is not supported"),
        (
            "require \"vnd.heliograph.system\";",
            "line 1, column 9: the extension \"vnd.heliograph.system\" is for the administrator's scripts only",
        ),
        ("else { keep; }", "line 1, column 1: else must follow an if or elsif"),
        ("if true keep;", "line 1, column 1: if needs a block in braces"),
        ("keep", "line 1, column 1: a semicolon or a block is missing here; there is the end of the script"),
        (
            "if true { keep; ",
            "line 1, column 15: the brace that closes the block is missing here; there is the end of the script",
        ),
        ("stop 5;", "line 1, column 6: stop has more arguments than it takes"),
        ("redirect 5;", "line 1, column 10: redirect wants an address as its argument here; there is the number 5"),
        ("redirect;", "line 1, column 1: redirect lacks an argument: an address"),
        ("redirect \"nobody\";", "line 1, column 1: \"nobody\" is no mail address"),
        (
            "if header :is :contains \"a\" \"b\" {}",
            "line 1, column 15: :contains stands beside an argument that excludes it",
        ),
        ("if header \"a\" :is \"b\" {}", "line 1, column 15: header takes :is before its other arguments only"),
        ("if header :foo \"a\" \"b\" {}", "line 1, column 11: header has no argument :foo"),
        (
            "if header :regex \"a\" \"b\" {}",
            "line 1, column 11: :regex needs require \"regex\" at the top of the script",
        ),
        (
            "require \"regex\"; if header :regex \"a\" \"(\" {}",
            "line 1, column 39: the regular expression \"(\" cannot be read",
        ),
        (
            "if header :comparator \"i;x\" \"a\" \"b\" {}",
            "line 1, column 23: the comparator \"i;x\" is not known; there are i;octet, i;ascii-casemap, i;ascii-numeric and i;unicode-casemap",
        ),
        (
            "require [\"comparator-i;ascii-numeric\"]; if header :contains :comparator \"i;ascii-numeric\" \"a\" \"b\" {}",
            "line 1, column 44: the comparator i;ascii-numeric cannot do :contains",
        ),
        // RFC 5228 §2.4.2.2: no header matches a name that is none, and that is no error.
        ("if header \"a b\" \"c\" {}", "3 operations"),
        ("if address \"subject\" \"c\" {}", "line 1, column 12: the field \"subject\" holds no addresses"),
        ("if not {}", "line 1, column 4: not takes one test"),
        ("if allof true {}", "line 1, column 4: allof takes a list of tests in parentheses"),
        ("if size 5 {}", "line 1, column 9: size has more arguments than it takes"),
        ("if size :over \"5\" {}", "line 1, column 15: :over wants a number as its argument here; there is a string"),
        ("require \"variables\"; set \"1a\" \"b\";", "line 1, column 26: \"1a\" cannot be the name of a variable"),
        ("require \"foreverypart\"; break;", "line 1, column 25: break stands outside of foreverypart"),
        ("require [\"date\"]; if currentdate \"yer\" \"1\" {}", "line 1, column 34: \"yer\" is no part of a date"),
        (
            "require \"envelope\"; if envelope \"helo\" \"x\" {}",
            "line 1, column 33: \"helo\" is no part of an envelope",
        ),
        (
            "require \"imap4flags\"; keep :flags 5;",
            "line 1, column 35: :flags wants a list of strings as its argument here; there is the number 5",
        ),
        (
            "require \"vacation\"; vacation :fcc \"Sent\" \"x\";",
            "line 1, column 30: :fcc needs require \"fcc\" at the top of the script",
        ),
        (
            "require [\"vacation\", \"fcc\", \"mailbox\"]; vacation :create \"x\";",
            "line 1, column 41: :create needs :fcc beside it",
        ),
        ("require \"index\"; if header :last \"a\" \"b\" {}", "line 1, column 21: :last needs :index beside it"),
        (
            "require \"variables\"; set \"a\" \"${32}\";",
            "line 1, column 30: ${32} is never set; the last match variable is ${31}",
        ),
        (
            "require [\"variables\", \"include\"]; set \"a\" \"1\"; global \"a\";",
            "line 1, column 48: the variable \"a\" was set in this script before, so it cannot become global here",
        ),
        ("require \"include\"; include \"a\nb\";", "line 1, column 28: \"a\\r\\nb\" cannot be the name of a script"),
        (
            "require \"enotify\"; notify \"mailto:\";",
            "line 1, column 20: the notification method \"mailto:\" names nobody",
        ),
        ("require \"vacation\"; vacation :from \"a b\" \"x\";", "line 1, column 21: \"a b\" is no mail address"),
        ("redirect \"@a,@b:c@d.test\";", "line 1, column 1: \"@a,@b:c@d.test\" is no mail address"),
    ];
    let wrong = cases.iter().filter(|(script, wanted)| check(script) != *wanted);
    let wrong: Vec<String> = wrong.map(|(script, _)| format!("{script}\n  {}", check(script))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn depth_and_length_are_bounded() {
    let deep = "if true {".repeat(100) + &"}".repeat(100);
    assert!(check(&deep).contains("nested deeper than"), "{}", check(&deep));
    let deep = format!("if {} true {{}}", "not ".repeat(100));
    assert!(check(&deep).contains("nested deeper than"), "{}", check(&deep));
    assert!(check(&"keep;".repeat(20_000)).contains("more than"));
    let long = format!("if header \"a\" [{}\"b\"] {{}}", "\"b\",".repeat(5000));
    assert!(check(&long).contains("a list holds more than"));
    assert!(check(&" ".repeat(2 << 20)).contains("larger than"));
    let expressions = "if header :regex \"a\" \"b\" {}\n".repeat(65);
    assert!(check(&format!("require \"regex\"; {expressions}")).contains("regular expressions"));
}

#[test]
fn everything_that_is_supported_is_taken() {
    for (extension, name, _) in crate::extension::EXTENSIONS {
        let script = format!("require \"{name}\";");
        let allowed = Extensions::for_administrators();
        assert!(compile(script.as_bytes(), allowed).unwrap().extensions().has(*extension), "{name}");
    }
}
