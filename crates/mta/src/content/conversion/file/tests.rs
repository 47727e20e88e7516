//! The file is read as it is documented, and what is wrong with it is told by line.

use super::*;

#[test]
fn entries_end_without_a_semicolon_or_at_a_blank_line() {
    let text = "! a comment\n\
        in-chan=tcp_local; out-chan=ims-ms;\n   in-type=application; in-subtype=wordperfect5.1;\n\
        out-type=application; out-subtype=postscript; out-mode=block; \\\n\
        command=\"/bin/convert -in=\\\"x\\\" 'INPUT_FILE' 'OUTPUT_FILE'\"\n\
        in-type=text; in-subtype=html; in-parameter-name-0=charset; in-parameter-value-0=utf-*;\n\n\
        IN-TYPE=audio; in-dparameter-name-1=filename; in-dparameter-value-1=*.vbs; delete=1\n";
    let conversions = Conversions::parse(text).unwrap();
    let [first, second, third] = conversions.entries.try_into().unwrap();
    assert_eq!((first.line, second.line, third.line), (2, 6, 8));
    assert_eq!(first.command.as_deref(), Some("/bin/convert -in=\"x\" 'INPUT_FILE' 'OUTPUT_FILE'"));
    assert_eq!((first.out.subtype.as_deref(), first.out.mode), (Some("postscript"), Some(Mode::Block)));
    assert_eq!(first.conditions.len(), 4);
    let charset = ParameterCondition { name: "charset".into(), value: "utf-*".into(), ..ParameterCondition::default() };
    assert_eq!(second.conditions.last(), Some(&Condition::Parameter(charset)));
    assert!(third.deletes && second.command.is_none());
    assert!(matches!(third.conditions.last(), Some(Condition::Parameter(one)) if one.of_disposition));
}

#[test]
fn what_is_wrong_is_told_by_line() {
    for (text, line, why) in [
        ("in-type", 1, "is no clause"),
        ("in-type=text;\nin-type=audio", 2, "given twice"),
        ("\n\ncommand=\"x", 3, "never closed"),
        ("delete=yes", 1, "must be 0 or 1"),
        ("in-type=text; delete=1;\ncommand=x", 1, "either deletes"),
        ("in-parameter-value-0=x", 1, "without its name"),
        ("out-parameter-name-3=x", 1, "needs both"),
        ("out-encoding=uuencode", 1, "out-encoding must be"),
        ("in-a1-type=x; delete=1", 1, "not known here"),
        ("command=\"x\" y", 1, "stands behind a value"),
        ("out-type=\"a b\"", 1, "must be a word"),
    ] {
        let error = Conversions::parse(text).unwrap_err();
        assert!(error.line == line && error.why.contains(why), "{text:?}: {error}");
    }
    let warned = Conversions::parse("in-type=text; site-command=x; relabel=1; out-subtype=plain").unwrap();
    assert_eq!(warned.warnings, ["line 1: site-command is not known and is passed over"]);
}
