use super::*;
use crate::decision::Verdict;
use crate::facts::Recipient;
use crate::mapping::file;
use crate::rule::Key;
use crate::wildcard::Wildcards;
use proptest::prelude::*;

const TABLES: &str = "PORT_ACCESS

  TCP|*|*|203.0.113.9|*  $N421$ go$ away
  TCP|*|*|10.*|*  $YINTERNAL

FROM_ACCESS

  *|bad@*|*  $NNo$ bad$ senders

ORIG_SEND_ACCESS

  *|*|*|sales@d.test  $X4.4.3|$NNot$ sales

SEND_ACCESS

  *|*|*|bob@d.test  $D500|$NNot$ bob$ either
  *|*|*|kept@*  $H

MAIL_ACCESS

  *|*|*|*|*|*|*|*|*|*|bob@*  $Tbob
  *|staff@*  $I$0|staff|
";

fn policy(rules: Vec<Rule>, lists: &[&str]) -> Policy {
    let include = &mut |_: &str, _: &str| Err(String::new());
    let mappings = file::read("mappings", TABLES, include).unwrap();
    Policy::new(Arc::new(mappings), rules, lists.iter().map(|list| (*list).to_owned()).collect(), Vec::new())
}

fn facts(client: &str, sender: &str, recipient: &str) -> Facts {
    Facts {
        server: Some("192.0.2.25:25".parse().unwrap()),
        client: Some(format!("{client}:99").parse().unwrap()),
        sender: Some(sender.to_owned()),
        recipient: Some(Recipient {
            address: recipient.to_owned(),
            destination: "ims-ms".to_owned(),
            ..Recipient::default()
        }),
        source: "tcp_local".to_owned(),
        ..Facts::default()
    }
}

fn rule(name: &str, conditions: Vec<Condition>, effects: Vec<Effect>) -> Rule {
    let stage = Rule::earliest(&conditions);
    Rule { name: name.to_owned(), place: "heliograph.toml:7".to_owned(), stage, conditions, effects, is_final: true }
}

fn decide(policy: &Policy, stage: Stage, facts: &Facts, answer: Answer) -> (Decision, Vec<String>) {
    let mut asked = Vec::new();
    let decision = judge_at_once(policy, stage, facts, true, |lookup| {
        asked.push(lookup.to_string());
        answer.clone()
    });
    (decision, asked)
}

#[test]
fn each_table_speaks_at_its_own_stage() {
    let policy = policy(Vec::new(), &[]);
    let facts = facts("203.0.113.9", "bad@x.test", "sales@d.test");
    let refused = |stage| {
        let decision = decide(&policy, stage, &facts, Answer::NotFound).0;
        decision.verdict.refusal().map(|refusal| refusal.to_string())
    };
    assert_eq!(refused(Stage::Connect).unwrap(), "421 4.7.1 421 go away");
    assert_eq!(refused(Stage::Mail).unwrap(), "550 5.7.1 No bad senders");
    assert_eq!(refused(Stage::Recipient).unwrap(), "451 4.4.3 Not sales");
    assert_eq!(refused(Stage::Expanded), None);
    assert!(policy.is_silent(Stage::Data) && policy.is_silent(Stage::Message) && !policy.is_silent(Stage::Connect));
}

#[test]
fn all_tables_are_asked_the_strongest_holds_and_all_reasons_are_kept() {
    let policy = policy(Vec::new(), &[]);
    let facts = facts("192.0.2.1", "a@x.test", "bob@d.test");
    let (decision, _) = decide(&policy, Stage::Expanded, &facts, Answer::NotFound);
    assert_eq!(decision.verdict.name(), "reject");
    assert_eq!(decision.tags, ["bob"]);
    assert_eq!(decision.later_delay.as_millis(), 5_000);
    let reasons: Vec<&str> = decision.reasons.iter().map(|reason| reason.by.as_str()).collect();
    assert_eq!(reasons, ["SEND_ACCESS", "SEND_ACCESS", "MAIL_ACCESS"]);
    assert_eq!(decision.reason().unwrap().place, "mappings:16");
    assert_eq!(decision.reason().unwrap().inputs, "tcp_local|a@x.test|ims-ms|bob@d.test");
    assert!(!decision.steps.is_empty());
}

#[test]
fn a_group_decides_whether_an_entry_counts() {
    let policy = policy(Vec::new(), &[]);
    let facts = Facts { sender: Some(String::new()), ..facts("192.0.2.1", "", "staff@d.test") };
    let (decision, asked) = decide(&policy, Stage::Expanded, &facts, Answer::Found("a, STAFF".to_owned()));
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].starts_with("directory groups of"), "{asked:?}");
    assert_eq!(decision.verdict, Verdict::Accept);
}

#[test]
fn dns_lists_are_asked_when_port_access_is_silent() {
    let policy = policy(Vec::new(), &["one.test", "two.test"]);
    let (decision, asked) = decide(&policy, Stage::Connect, &facts("10.0.0.1", "", ""), Answer::Found(String::new()));
    assert!(asked.is_empty() && decision.verdict == Verdict::Accept, "{asked:?}");
    let (decision, asked) = decide(&policy, Stage::Connect, &facts("192.0.2.1", "", ""), Answer::NotFound);
    assert!(asked.len() == 2 && decision.verdict == Verdict::Accept, "{asked:?}");
    let (decision, asked) = decide(&policy, Stage::Connect, &facts("192.0.2.1", "", ""), Answer::Found(String::new()));
    assert_eq!(asked.len(), 1);
    assert_eq!(decision.verdict.refusal().unwrap().text, "554 5.7.1 192.0.2.1 is listed at one.test");
    let (decision, _) = decide(&policy, Stage::Connect, &facts("192.0.2.1", "", ""), Answer::Failed("slow".to_owned()));
    assert_eq!((decision.verdict, decision.troubles.len()), (Verdict::Accept, 2));
}

#[test]
fn what_fails_within_a_table_is_one_trouble() {
    let text = "PORT_ACCESS\n\n  *  $[dnsbl,one.test,192.0.2.1]$Nno\n\nASKS\n\n  *  $[dnsbl,two.test,192.0.2.1]$Y\n";
    let mappings = file::read("mappings", text, &mut |_: &str, _: &str| Err(String::new())).unwrap();
    let asks = Condition::Table { table: "asks".to_owned(), key: Key::read("{client}").unwrap() };
    let mut rule = rule("asking", vec![asks], vec![Effect::Verdict(Verdict::Hold)]);
    rule.stage = Stage::Connect;
    let policy = Policy::new(Arc::new(mappings), vec![rule], Vec::new(), Vec::new());
    let failed = Answer::Failed("slow".to_owned());
    let (decision, asked) = decide(&policy, Stage::Connect, &facts("192.0.2.1", "", ""), failed);
    assert_eq!((decision.verdict, asked.len()), (Verdict::Accept, 2));
    let by: Vec<&str> = decision.troubles.iter().filter_map(|why| why.split(": ").next()).collect();
    assert_eq!(by, ["PORT_ACCESS", "rule asking"], "{:?}", decision.troubles);
}

#[test]
fn rules_ask_only_what_they_need_and_failures_do_not_match() {
    let conditions = vec![
        Condition::Client(vec!["192.0.2.0/24".parse().unwrap()], vec![]),
        Condition::Host(Wildcards::new(&["*.dyn.test"])),
        Condition::DnsList(vec!["one.test".to_owned(), "two.test".to_owned()]),
    ];
    let policy = policy(vec![rule("dynamic", conditions, vec![Effect::Tag("dyn".to_owned())])], &[]);
    let (decision, asked) = decide(&policy, Stage::Connect, &facts("198.51.100.1", "", ""), Answer::NotFound);
    assert!(asked.is_empty() && decision.is_empty());
    let (decision, asked) =
        decide(&policy, Stage::Connect, &facts("192.0.2.1", "", ""), Answer::Found("h.dyn.test".to_owned()));
    assert_eq!((asked.len(), decision.tags), (2, vec!["dyn".to_owned()]));
    let (decision, asked) =
        decide(&policy, Stage::Connect, &facts("192.0.2.1", "", ""), Answer::Failed("away".to_owned()));
    assert_eq!((asked.len(), decision.tags.len()), (1, 0));
}

#[test]
fn the_first_final_rule_ends_the_rules_of_its_stage_and_tables_can_be_conditions() {
    let meter = Condition::Meter { table: "t".to_owned(), key: Key::read("{network}").unwrap() };
    let asks = Condition::Table { table: "port_access".to_owned(), key: Key::read("TCP|x|25|{client}|1").unwrap() };
    let verdict = |text: &str| Effect::Verdict(crate::decision::Refusal::verdict(None, text));
    let rules = vec![
        rule("inside", vec![asks], vec![Effect::Verdict(Verdict::Accept)]),
        rule("metered", vec![meter], vec![verdict("slow down")]),
    ];
    let policy = policy(rules, &[]);
    let (decision, asked) = decide(&policy, Stage::Connect, &facts("10.0.0.1", "", ""), Answer::Found(String::new()));
    assert!(asked.is_empty() && decision.verdict == Verdict::Accept);
    let (decision, asked) = decide(&policy, Stage::Connect, &facts("192.0.2.77", "", ""), Answer::Found(String::new()));
    assert_eq!(asked, ["meter throttle in t of 192.0.2.0/24"]);
    assert_eq!(decision.reason().unwrap().by, "rule metered");
}

#[test]
fn the_order_of_strength_is_total() {
    let all = [
        Verdict::Accept,
        Verdict::Redirect("a@b.test".to_owned()),
        Verdict::Hold,
        Verdict::Discard { for_all: false },
        Verdict::Discard { for_all: true },
        Refusal::verdict(Some(EnhancedStatus::new(4, 4, 3)), ""),
        Refusal::verdict(None, ""),
    ];
    for (number, weaker) in all.iter().enumerate() {
        for stronger in all.iter().skip(number + 1) {
            for order in [[weaker, stronger], [stronger, weaker]] {
                let mut decision = Decision::default();
                for verdict in order {
                    decision.add("x", "", "", vec![Effect::Verdict(verdict.clone())]);
                }
                assert_eq!(&decision.verdict, stronger);
                assert_eq!(decision.reasons.len(), 2);
            }
        }
    }
}

proptest! {
    /// The very same code with and without a trace, whatever the answers: the trace is the only difference.
    #[test]
    fn a_trace_changes_nothing(
        client in prop::sample::select(vec!["10.0.0.1", "192.0.2.1", "203.0.113.9"]),
        sender in prop::sample::select(vec!["bad@x.test", "a@x.test", ""]),
        recipient in prop::sample::select(vec!["sales@d.test", "bob@d.test", "kept@d.test", "staff@d.test"]),
        answers in prop::collection::vec(0_u8..3, 10),
    ) {
        let conditions = vec![Condition::Host(Wildcards::new(&["h*"])), Condition::DnsList(vec!["l.test".to_owned()])];
        let policy = policy(vec![rule("r", conditions, vec![Effect::Score(1.0)])], &["one.test"]);
        let facts = facts(client, sender, recipient);
        for stage in Stage::ALL {
            let run = |is_traced| {
                let mut turn = answers.iter();
                judge_at_once(&policy, stage, &facts, is_traced, |_| match turn.next() {
                    Some(0) => Answer::NotFound,
                    Some(1) => Answer::Found("hash,staff".to_owned()),
                    _ => Answer::Failed("away".to_owned()),
                })
            };
            let (real, mut told) = (run(false), run(true));
            told.steps.clear();
            prop_assert_eq!(real, told);
        }
    }
}
