//! Examples of RFC 2231 and what real programs write.

use super::*;

fn parameters(value: &str) -> Vec<(String, String)> {
    parse(value.as_bytes()).1.into_iter().map(|parameter| (parameter.name, parameter.value)).collect()
}

fn one(name: &str, value: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), value.to_owned())]
}

#[test]
fn continuations_are_joined() {
    // RFC 2231 §3 and §4.1.
    assert_eq!(
        parameters(
            "message/external-body; access-type=URL; URL*0=\"ftp://\";\r\n URL*1=\"cs.utk.edu/pub/moore/x.tar\""
        ),
        [
            ("access-type".to_owned(), "URL".to_owned()),
            ("url".to_owned(), "ftp://cs.utk.edu/pub/moore/x.tar".to_owned())
        ]
    );
    assert_eq!(
        parameters(
            "application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\""
        ),
        one("title", "This is even more ***fun*** isn't it!")
    );
}

#[test]
fn charsets_are_decoded() {
    // RFC 2231 §4.
    assert_eq!(
        parameters("application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A"),
        one("title", "This is ***fun***")
    );
    assert_eq!(parameters("x/y; name=plain; name*=iso-8859-1''caf%E9"), one("name", "café"));
    assert_eq!(parameters("x/y; name*1*=%A9; name*0*=utf-8''caf%C3"), one("name", "café"));
}

#[test]
fn sloppy_values_are_understood() {
    assert_eq!(parse(b"TEXT/Plain (a; comment)").0, "TEXT/Plain");
    assert_eq!(parameters("text/plain; charset=us-ascii (Plain; text)"), one("charset", "us-ascii"));
    assert_eq!(parameters("a; filename=my holiday (1).jpg"), one("filename", "my holiday (1).jpg"));
    assert_eq!(parameters("a; filename=holiday(1).jpg; "), one("filename", "holiday(1).jpg"));
    assert_eq!(parameters("a; x=\"quoted \\\" ; semicolon\" junk; nonsense"), one("x", "quoted \" ; semicolon"));
    assert_eq!(parameters("a; name = \"x y\""), one("name", "x y"));
    assert_eq!(parameters("a;;; =x; b="), one("b", ""));
}

#[test]
fn only_ascii_is_written_where_only_ascii_may_stand() {
    let parameter = Parameter { name: "filename".to_owned(), value: "café 1".to_owned() };
    assert_eq!(parameter.ascii(), ("filename*".to_owned(), "utf-8''caf%C3%A9%201".to_owned()));
    let parameter = Parameter { name: "filename".to_owned(), value: "=?utf-8?Q?caf=C3=A9?=".to_owned() };
    assert_eq!(parameter.ascii().1, "=?utf-8?Q?caf=C3=A9?=");
    assert_eq!(parameter.decoded(), "café");
}
