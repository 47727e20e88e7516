//! Properties: whatever the script and the message, nothing panics and every bound holds.

use proptest::prelude::*;

use super::*;

/// Words of the language, so that chance makes scripts that go far.
const WORDS: &[&str] = &[
    "if",
    "elsif",
    "else",
    "not",
    "allof",
    "anyof",
    "true",
    "false",
    "header",
    "address",
    "exists",
    "size",
    "body",
    "date",
    "string",
    "hasflag",
    "envelope",
    "duplicate",
    "ihave",
    "keep",
    "discard",
    "stop",
    "fileinto",
    "redirect",
    "reject",
    "set",
    "setflag",
    "addflag",
    "addheader",
    "deleteheader",
    "vacation",
    "notify",
    "include",
    "return",
    "global",
    "foreverypart",
    "break",
    "replace",
    "enclose",
    "extracttext",
    "error",
    "hold",
    "capture",
    ":is",
    ":contains",
    ":matches",
    ":regex",
    ":value",
    ":count",
    ":comparator",
    ":over",
    ":under",
    ":index",
    ":last",
    ":mime",
    ":anychild",
    ":param",
    ":copy",
    ":flags",
    ":create",
    ":raw",
    ":content",
    ":zone",
    ":list",
    ":upper",
    ":length",
    "\"subject\"",
    "\"a\"",
    "\"*\"",
    "\"${1}\"",
    "\"${a}\"",
    "\"gt\"",
    "\"i;octet\"",
    "\"x@y.test\"",
    "[\"from\", \"to\"]",
    "1",
    "2K",
    "(",
    ")",
    "{",
    "}",
    ";",
    ",",
    ";",
    "}",
    "text:\nx\n.\n",
    "/* */",
    "# c\n",
];

/// All extensions but those that the words do not use.
const REQUIRE: &str = r#"require ["fileinto", "envelope", "body", "date", "variables", "imap4flags", "duplicate", "ihave",
    "reject", "editheader", "vacation", "enotify", "include", "foreverypart", "mime", "replace", "enclose", "extracttext",
    "regex", "relational", "index", "copy", "mailbox", "extlists", "vnd.heliograph.system"];"#;

/// The message with every script.
fn every_script(message: &[u8]) {
    for which in 0..SCRIPTS.len() {
        fuzz_message(&[&[which as u8], message].concat());
    }
}

/// Whole commands, which are always well formed.
fn command() -> impl Strategy<Value = String> {
    let text = "[a-z*?${}1\\\\\\\\ @.]{0,12}".prop_map(|text| format!("\"{}\"", text.replace('\\', "\\\\")));
    let kind = prop::sample::select(vec![":is", ":contains", ":matches", ":regex", ":value \"gt\"", ":count \"ge\""]);
    let field = prop::sample::select(vec!["subject", "from", "to", "received", "x-score", "x-none", "content-type"]);
    let test = prop_oneof![
        (kind.clone(), field.clone(), text.clone())
            .prop_map(|(kind, field, key)| format!("header {kind} \"{field}\" {key}")),
        (kind.clone(), text.clone()).prop_map(|(kind, key)| format!("address {kind} [\"from\", \"to\"] {key}")),
        (kind.clone(), text.clone()).prop_map(|(kind, key)| format!("body {kind} {key}")),
        (kind.clone(), text.clone()).prop_map(|(kind, key)| format!("body :content \"\" {kind} {key}")),
        (kind.clone(), text.clone(), text.clone()).prop_map(|(kind, one, two)| format!("string {kind} {one} {two}")),
        (kind, text.clone())
            .prop_map(|(kind, key)| format!("header :mime :anychild :param \"name\" {kind} \"content-type\" {key}")),
        Just("duplicate".to_owned()),
        (0u32..2000).prop_map(|size| format!("size :over {size}")),
    ];
    let action = prop_oneof![
        text.clone().prop_map(|name| format!("fileinto {name};")),
        text.clone().prop_map(|value| format!("set :lower \"a\" {value};")),
        text.clone().prop_map(|value| format!("set \"a\" \"${{a}}${{a}}${{0}}${{1}}{}\";", value.trim_matches('"'))),
        text.clone().prop_map(|value| format!("addheader \"X-New\" {value};")),
        (field, text.clone()).prop_map(|(field, key)| format!("deleteheader :matches \"{field}\" {key};")),
        text.clone().prop_map(|text| format!("replace {text};")),
        text.clone().prop_map(|text| format!("enclose :subject {text} {text};")),
        text.clone().prop_map(|flag| format!("addflag {flag};")),
        Just("keep;".to_owned()),
        Just("include \"self\";".to_owned()),
        Just("redirect \"x@y.test\";".to_owned()),
        text.prop_map(|text| format!("vacation {text};")),
    ];
    let leaf = prop_oneof![
        action.clone(),
        (test.clone(), action).prop_map(|(test, action)| format!("if {test} {{ {action} }}"))
    ];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        let block = prop::collection::vec(inner, 0..4).prop_map(|commands| commands.join("\n"));
        prop_oneof![
            (test.clone(), block.clone(), block.clone())
                .prop_map(|(test, one, other)| format!("if not {test} {{ {one} }} else {{ {other} }}")),
            (test.clone(), test.clone(), block.clone())
                .prop_map(|(one, two, block)| format!("if anyof ({one}, allof (true, {two})) {{ {block} }}")),
            block.prop_map(|block| format!("foreverypart {{ {block} extracttext :first 20 \"a\"; }}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn any_octets_are_no_danger(data in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz_script(&data);
        every_script(&data);
        fuzz_method(&data);
    }

    #[test]
    fn any_words_are_no_danger(words in prop::collection::vec(prop::sample::select(WORDS), 0..40)) {
        fuzz_script(format!("{REQUIRE}\n{}", words.join(" ")).as_bytes());
    }

    #[test]
    fn whole_scripts_run_within_their_bounds(commands in prop::collection::vec(command(), 0..8)) {
        fuzz_script(format!("{REQUIRE}\n{}", commands.join("\n")).as_bytes());
    }

    #[test]
    fn whatever_is_a_header_can_be_looked_at(
        lines in prop::collection::vec("(Subject|From|To|Date|Received|Content-Type|X-Any)?:?[ -~äß€]{0,40}", 0..12),
        end in prop::sample::select(vec!["\r\n", "\n", "\r\n ", "\n\n"]),
        body in "[ -~\\r\\n]{0,80}",
    ) {
        every_script(format!("{}{end}{end}{body}", lines.join(end)).as_bytes());
    }

    #[test]
    fn methods_are_read_or_refused(text in "(mailto|xmpp|MAILTO|http):(//)?[a-z@.%0-9,/]{0,20}(\\?[a-z=&;%0-9 ]{0,30})?") {
        fuzz_method(text.as_bytes());
    }
}

#[test]
fn the_scripts_see_the_message_they_were_written_for() {
    every_script(MESSAGE);
    every_script(b"");
}
