//! Scripts from a folder, run at stages whose facts are made up.

use super::*;
use crate::scripts::service::Parts;
use crate::scripts::settings::Settings;
use directory::embedded::{Embedded, NewAccount};
use events::Bus;
use mail::store::Mail;
use net::random::{Random, Seeded, SystemRandom};
use net::{Registry, SystemClock};
use policy::facts::Recipient;
use std::path::PathBuf;
use std::time::Duration;
use storage::{Partition, Partitions};

/// A folder of scripts, gone when the test is over.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Ground {
    scripts: Scripts,
    registry: Registry,
    _folder: Folder,
}

impl Ground {
    /// Scripts by folder and name.
    async fn new(files: &[(&str, &str)]) -> Ground {
        let folder = Folder(std::env::temp_dir().join(format!("heliograph-early-{:016x}", SystemRandom.u64())));
        for (name, text) in files {
            let path = folder.0.join(format!("{name}.sieve"));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let system = Partition::in_memory().unwrap();
        let directory = Embedded::new(system, directory::settings::Settings::default()).unwrap();
        directory.add_domain(&"b.test".parse().unwrap(), None).await.unwrap();
        let bob = NewAccount {
            address: "bob@b.test".parse().unwrap(),
            name: String::new(),
            credentials: None,
            roles: Vec::new(),
            quota_octets: None,
            quota_messages: None,
            partition: "primary".to_owned(),
        };
        directory.add_account(bob).await.unwrap();
        let partitions = Partitions::single("primary", Partition::in_memory().unwrap()).unwrap();
        let parts = Parts {
            mail: Mail::new(partitions, Bus::new(), mail::settings::Settings::default()).unwrap(),
            directory: Arc::new(directory),
            clock: Arc::new(SystemClock),
            random: Arc::new(Seeded::new(1)),
        };
        let registry = Registry::new();
        let settings = Settings::new("mx.b.test".parse().unwrap(), folder.0.clone());
        let scripts = Scripts::new(settings, parts, &registry).unwrap();
        Ground { scripts, registry, _folder: folder }
    }

    async fn judge(&self, stage: Stage, is_traced: bool) -> Decision {
        self.judge_until(Instant::now() + Duration::from_secs(60), stage, is_traced).await
    }

    async fn judge_until(&self, until: Instant, stage: Stage, is_traced: bool) -> Decision {
        let facts = facts(stage);
        let case = Case {
            trace: TraceId(1),
            stage,
            facts: &facts,
            remote_host: Some("client.far.test".to_owned()),
            until,
            is_real: !is_traced,
            is_traced,
        };
        let mut decision = Decision::default();
        judge(&self.scripts, &self.scripts.library(), &case, &mut decision).await;
        decision
    }

    fn counted(&self, name: &'static str) -> u64 {
        self.registry.counter(name, "", &[]).value()
    }
}

fn facts(stage: Stage) -> Facts {
    let recipient = Recipient { address: "bob+news@b.test".to_owned(), ..Recipient::default() };
    Facts {
        client: Some("192.0.2.7:4321".parse().unwrap()),
        hello: "client.far.test".to_owned(),
        tls: true,
        login: Some("bob@b.test".to_owned()),
        source: "tcp_local".to_owned(),
        sender: (stage >= Stage::Mail).then(|| "a@far.test".to_owned()),
        recipient: (stage == Stage::Recipient).then_some(recipient),
        ..Facts::default()
    }
}

/// The verdict of one script at a stage.
async fn verdict(folder: &str, text: &str) -> String {
    let ground = Ground::new(&[(&format!("{folder}/10"), text)]).await;
    assert_eq!(ground.scripts.library().unusable, []);
    ground.judge(fitness::stage_of(folder).unwrap(), false).await.verdict.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn actions_become_verdicts() {
    let system = "require \"vnd.heliograph.system\"; ";
    for (text, expected) in [
        ("keep;", "accept"),
        ("stop;", "accept"),
        ("discard;", "discard"),
        ("require \"reject\"; reject \"go\r\naway\";", "reject with 550 5.7.1 go away"),
        ("require \"ereject\"; ereject \"gr\u{fc}n\";", "reject with 550 5.7.1 access denied"),
        ("redirect \"c@d.test\";", "redirect to c@d.test"),
        (&format!("{system}hold \"look\";"), "hold"),
        ("redirect \"c@d.test\"; keep;", "defer with 451 4.3.5 the policy cannot decide this now; try again later"),
        (
            "redirect \"c@d.test\"; redirect \"e@d.test\";",
            "defer with 451 4.3.5 the policy cannot decide this now; try again later",
        ),
    ] {
        for folder in ["hello", "sender", "recipient", "data"] {
            assert_eq!(verdict(folder, text).await, expected, "{folder} {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_greeting_the_text_is_the_whole_line() {
    let said = verdict("connect", "require \"reject\"; reject \"not from there\";").await;
    assert_eq!(said, "reject with 554 5.7.1 554 5.7.1 not from there");
    let said = verdict("connect", "require [\"ihave\"]; error \"no\";").await;
    assert_eq!(said, "defer with 421 4.3.5 421 4.3.5 the policy cannot decide this now; try again later");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_knows_what_its_stage_knows() {
    let holds = async |folder: &str, test: &str| {
        let text = format!("require [\"envelope\", \"environment\", \"subaddress\"]; if {test} {{ discard; }}");
        verdict(folder, &text).await == "discard"
    };
    let item = |name: &str, value: &str| format!("environment \"{name}\" \"{value}\"");
    let ours = |name: &str, value: &str| item(&format!("vnd.heliograph.{name}"), value);
    assert!(holds("connect", &item("remote-ip", "192.0.2.7")).await);
    assert!(holds("connect", &item("remote-host", "client.far.test")).await);
    assert!(holds("connect", &item("phase", "pre")).await);
    assert!(holds("connect", &item("domain", "b.test")).await);
    assert!(holds("connect", &ours("stage", "connect")).await);
    assert!(holds("connect", &ours("channel", "tcp_local")).await);
    assert!(holds("connect", &ours("listener", "smtp")).await);
    assert!(!holds("connect", "environment :contains \"vnd.heliograph.helo\" \"\"").await);
    assert!(holds("hello", &ours("helo", "client.far.test")).await);
    assert!(!holds("hello", "environment :contains \"vnd.heliograph.tls\" \"\"").await);
    assert!(!holds("hello", "envelope :contains [\"from\", \"to\", \"auth\"] \"\"").await);
    assert!(holds("sender", "envelope \"from\" \"a@far.test\"").await);
    assert!(holds("sender", "envelope \"auth\" \"bob@b.test\"").await);
    assert!(holds("sender", &ours("auth", "bob@b.test")).await);
    assert!(holds("sender", &ours("tls", "yes")).await);
    assert!(!holds("sender", "envelope :contains \"to\" \"\"").await);
    assert!(holds("recipient", "envelope :detail \"to\" \"news\"").await);
    assert!(holds("data", "allof(envelope :domain \"from\" \"far.test\", not envelope :contains \"to\" \"\")").await);
    assert!(holds("data", "not exists \"Subject\"").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_run_in_order_until_one_does_not_keep() {
    let field = |name: &str| format!("require \"editheader\"; addheader \"{name}\" \"seen\"; keep;");
    let (first, second) = (field("X-First"), field("X-Second"));
    let ground = Ground::new(&[
        ("sender/30", "require \"reject\"; reject \"never asked\";"),
        ("sender/10", &first),
        ("sender/20", &format!("{second} discard;")),
        (
            "sender/25",
            "require [\"editheader\", \"vnd.heliograph.system\"]; addheader \"X-Third\" \"seen\"; hold \"why\";",
        ),
    ])
    .await;
    let decision = ground.judge(Stage::Mail, false).await;
    let names: Vec<&str> = decision.headers.iter().map(|(name, _)| name.as_str()).collect();
    // `keep` holds in spite of `discard` (RFC 5228 §4.4).
    assert_eq!(names, ["X-First", "X-Second", "X-Third"]);
    assert_eq!(decision.verdict, Verdict::Hold);
    let reason = decision.reason().unwrap();
    assert_eq!((reason.by.as_str(), reason.place.as_str()), ("script sender/25", "sender/25.sieve"));
    assert_eq!(reason.inputs, "client=192.0.2.7 hello=client.far.test login=bob@b.test sender=a@far.test");
    assert_eq!(ground.counted("heliograph_sieve_runs_total"), 3);
    assert!(ground.judge(Stage::Hello, false).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_is_told_and_counted_when_it_is_real() {
    let ground = Ground::new(&[
        ("data/10", "require \"include\";\ninclude :global \"inner\";"),
        ("global/inner", "require \"fileinto\"; fileinto \"x\";"),
        ("global/wrong", "kep;"),
        ("recipient/10", "\r\nredirect \"a@b.test\"; redirect \"c@b.test\";"),
        ("recipient/wrong", "require \"mailbox\"; keep;"),
    ])
    .await;
    let told = ground.judge(Stage::Data, true).await;
    assert!(told.notes[0].contains("fileinto") && told.steps[0] == "script data/10", "{told:?}");
    assert_eq!(ground.counted("heliograph_sieve_failures_total"), 0);
    assert_eq!(ground.counted("heliograph_sieve_runs_total"), 0);
    let decision = ground.judge(Stage::Recipient, false).await;
    assert_eq!(decision.reason().unwrap().place, "recipient/10.sieve:2");
    assert_eq!(ground.counted("heliograph_sieve_failures_total"), 1);
    assert_eq!(ground.counted("heliograph_sieve_unusable_scripts_total"), 2);
    let library = ground.scripts.library();
    let unusable: Vec<&str> = library.unusable.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(unusable, ["global/wrong", "recipient/wrong"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_answered_in_time_is_a_failure() {
    let text = "require \"extlists\"; if not valid_ext_list \"bob@b.test\" { discard; }";
    let ground = Ground::new(&[("hello/10", text)]).await;
    assert_eq!(ground.judge(Stage::Hello, false).await.verdict, Verdict::Discard { for_all: false }, "bob is no list");
    let decision = ground.judge_until(Instant::now(), Stage::Hello, false).await;
    assert_eq!(decision.verdict.name(), "defer");
    assert!(decision.notes[0].contains("too long"), "{decision:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_are_bounded() {
    let text = format!("require \"editheader\"; addheader \"X\" \"{}\";", "x ".repeat(FIELDS_OCTETS_MAX));
    let said = verdict("sender", &text).await;
    assert!(said.starts_with("defer with 451 4.3.5"), "{said}");
}
