use super::*;
use crate::settings::document::default_of;
use proptest::prelude::*;

fn parse(text: &str) -> Result<Settings, Problems> {
    Settings::parse(Path::new("heliograph.toml"), text)
}

/// One table of each list, so that all keys are asked for.
const ONE_OF_EACH: &str = "
[[listeners]]
protocol = 'smtp'
address = '*:25'
[[routes]]
domain = 'example.org'
host = 'mail.example.org:25'
[[named_channels]]
name = 'tcp_partner'
[[filters]]
protocol = 'clamd'
hosts = ['unix:clamd.sock']
verdicts = [{ pattern = '*', action = 'keep;' }]
[[meter.tables]]
name = 't'
[[meter.rules]]
key = ['sender']
table = 't'
[[disclaimers]]
text = 'x'
[[tls.certificates]]
chain = 'chain.pem'
key = 'key.pem'
[[sources]]
channel = 'tcp_intranet'
[[rules]]
action = 'accept'
[[policy.commands]]
name = 'check'
program = '/usr/bin/true'
";

#[test]
fn an_empty_file_works() {
    let settings = parse("").unwrap();
    let protocols: Vec<&str> = settings.listeners.iter().map(|listener| listener.protocol.name()).collect();
    assert_eq!(
        protocols,
        ["smtp", "submission", "submissions", "imap", "imaps", "pop3", "pop3s", "managesieve", "admin"]
    );
}

#[test]
fn every_key_is_used_documented_and_has_a_fitting_default_and_example() {
    let values = document::read(ONE_OF_EACH, Path::new("/etc")).unwrap();
    Settings::make(&values).unwrap();
    let asked = values.asked();
    for key in sections::all() {
        assert!(asked.contains(key.path), "{} is used by nobody", key.path);
        assert!(key.doc.ends_with('.') && key.doc.len() > 10, "{} is not documented", key.path);
        let _fits = default_of(key);
        let example: toml_edit::Value = key.example.parse().unwrap_or_else(|error| panic!("{}: {error}", key.path));
        value::read(&key.kind, &example).unwrap_or_else(|why| panic!("the example of {} {why}", key.path));
    }
}

#[test]
fn every_key_stands_in_its_own_section_once() {
    let mut seen = BTreeSet::new();
    for (section, _, keys) in sections::SECTIONS {
        for key in *keys {
            assert!(key.path.starts_with(section), "{} is not in {section}", key.path);
            assert!(seen.insert(key.path), "{} stands twice", key.path);
        }
    }
}

#[test]
fn broken_files_are_explained() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/settings/broken");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 20);
    let mut told = String::new();
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let problems = Settings::parse(Path::new(name), &std::fs::read_to_string(&file).unwrap()).unwrap_err();
        told.push_str(&format!("{problems}\n"));
    }
    insta::assert_snapshot!("broken_files", told);
}

#[test]
fn keys_are_explained() {
    insta::assert_snapshot!("explain_host", explain::explain("server.host").unwrap());
    insta::assert_snapshot!("explain_address", explain::explain("listeners[0].address").unwrap());
    assert_eq!(explain::explain("dns").unwrap().matches("takes:").count(), 5);
    insta::assert_snapshot!("explain_unknown", explain::explain("server.hots").unwrap_err());
}

#[test]
fn the_chapter_of_the_book_is_the_one_that_is_printed() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/settings.md");
    let chapter = std::fs::read_to_string(file).unwrap();
    assert!(chapter == explain::chapter(), "make it anew: heliograph config explain --markdown > docs/src/settings.md");
}

#[test]
fn secrets_do_not_lead_out_of_their_key() {
    assert_eq!(document::without_numbers("listeners[12].address"), "listeners[].address");
    assert!(parse("[server]\nhost_file = '/etc/passwd'\n").is_err());
}

const WITH_COMMENTS: &str =
    "# ours\n[server]\nhost = \"a.example\" # the old name\n\n[[listeners]]\nprotocol = \"smtp\"\naddress = \"*:25\"\n";

fn set(text: &str, key: &str, value: &str) -> Result<String, String> {
    edit::set(Path::new("heliograph.toml"), text, key, value).map_err(|failure| failure.to_string())
}

#[test]
fn changes_keep_comments() {
    assert_eq!(
        set(WITH_COMMENTS, "server.host", "b.example").unwrap(),
        WITH_COMMENTS.replace("\"a.example\"", "\"b.example\"")
    );
    let changed = set(WITH_COMMENTS, "server.threads", "4").unwrap();
    assert_eq!(changed, WITH_COMMENTS.replace("the old name\n", "the old name\nthreads = 4\n"));
    let changed = set(&changed, "listeners[1].protocol", "imap").unwrap_err();
    assert!(changed.contains("`listeners[1].address` must be given"), "{changed}");
    let back =
        edit::unset(Path::new("x.toml"), &set(WITH_COMMENTS, "log.level", "debug").unwrap(), "log.level").unwrap();
    assert!(back.starts_with(WITH_COMMENTS), "{back}");
    let roles = set("", "server.roles", "mta").unwrap();
    assert_eq!(roles, "[server]\nroles = [\"mta\"]\n");
}

#[test]
fn changes_that_would_not_load_are_refused() {
    let refused = set(WITH_COMMENTS, "server.threads", "many").unwrap_err();
    assert!(refused.contains("nothing was changed") && refused.contains("must be a whole number"), "{refused}");
    let refused = set(WITH_COMMENTS, "server.hots", "x").unwrap_err();
    assert!(refused.contains("did you mean `server.host`"), "{refused}");
    let refused = edit::unset(Path::new("x.toml"), WITH_COMMENTS, "listeners[0].address").unwrap_err().to_string();
    assert!(refused.contains("must be given"), "{refused}");
    assert!(edit::unset(Path::new("x.toml"), WITH_COMMENTS, "log.level").is_err());
    assert!(edit::unset(Path::new("x.toml"), WITH_COMMENTS, "listeners[7]").is_err());
}

#[test]
fn a_reload_knows_what_needs_a_restart() {
    let old = parse("[server]\nshutdown_grace = '1s'\nthreads = 2\n").unwrap();
    let new = parse("[server]\nshutdown_grace = '2s'\nhost = 'a.example'\n").unwrap();
    let changes = old.changes(&new);
    assert_eq!(changes.applied.into_iter().collect::<Vec<_>>(), ["server.shutdown_grace"]);
    assert_eq!(changes.need_restart.into_iter().collect::<Vec<_>>(), ["server.host", "server.threads"]);
}

proptest! {
    #[test]
    fn any_text_is_borne(text in "[\\[\\]a-z.=\"'0-9\n #{},-]{0,200}") {
        if let Err(problems) = parse(&text) {
            prop_assert!(!problems.to_string().is_empty());
        }
    }

    #[test]
    fn any_change_is_borne(key in "[a-z\\[\\]0-9.]{0,30}", value in ".{0,30}") {
        let _either = set(WITH_COMMENTS, &key, &value);
    }
}
