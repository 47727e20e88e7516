use super::*;
use crate::call::Greylisting;
use crate::table::key::DataType;
use std::time::Duration;

fn at(seconds: u64) -> Moment {
    Moment::at(Duration::from_secs(1_000 + seconds))
}

fn throttle(quota: u64, average: Average) -> Table {
    let kind = Kind::Throttle { quota, quota_time: Duration::from_secs(60), average, penalise: false };
    Table::new("t", TableSettings { kind, ..TableSettings::throttle(1, Duration::from_secs(1)) })
}

fn of_kind(kind: Kind) -> Table {
    Table::new("t", TableSettings { kind, ..TableSettings::throttle(1, Duration::from_secs(1)) })
}

fn is_over(table: &Table, key: &str, now: Moment) -> bool {
    match table.perform(key, &Operation::Throttle { amount: 1 }, now) {
        Ok(Outcome::Verdict(verdict)) => verdict.is_over,
        other => panic!("{other:?}"),
    }
}

fn callout(table: &Table, key: &str, operation: Operation<'_>) -> Option<String> {
    table.perform(key, &operation, at(0)).expect("the table takes it").as_callout()
}

fn test(text: &str) -> Test<'_> {
    Test::parse(text).expect("it is a test")
}

#[test]
fn every_average_admits_the_quota_and_no_more() {
    for average in [Average::Leaky, Average::Sliding, Average::TokenBucket { burst: 10 }] {
        let table = throttle(10, average);
        assert_eq!((0..12).filter(|_| is_over(&table, "192.0.2.1", at(0))).count(), 2, "{average:?}");
        assert!(!is_over(&table, "192.0.2.2", at(0)), "another key is unaffected");
        let query = table.perform("192.0.2.1", &Operation::Query, at(0));
        assert!(matches!(query, Ok(Outcome::Verdict(verdict)) if verdict.is_over && verdict.used == 10));
    }
}

#[test]
fn the_averages_differ_in_what_time_gives_back() {
    let back = |average| {
        let table = throttle(60, average);
        (0..60).for_each(|_| assert!(!is_over(&table, "k", at(0))));
        (0..100).filter(|_| !is_over(&table, "k", at(30))).count()
    };
    assert_eq!(back(Average::Leaky), 30);
    assert_eq!(back(Average::TokenBucket { burst: 60 }), 30);
    assert_eq!(back(Average::Sliding), 0);
}

#[test]
fn folded_keys_share_one_counter() {
    let settings = TableSettings::throttle(2, Duration::from_secs(60)).of(DataType::Text { fold_case: true });
    let table = Table::new("t", settings);
    assert!(!is_over(&table, "A@x", at(0)) && !is_over(&table, "a@X", at(0)));
    assert!(is_over(&table, "a@x", at(0)));
}

#[test]
fn counters_can_be_moved_and_tested() {
    for table in [throttle(10, Average::Leaky), throttle(10, Average::Sliding), of_kind(Kind::Number)] {
        let kind = table.settings().kind.name();
        assert_eq!(callout(&table, "k", Operation::Fetch), None, "{kind}: it is not there");
        assert_eq!(callout(&table, "k", Operation::Test(test("=0"))), Some(String::new()), "{kind}: and counts as 0");
        assert_eq!(callout(&table, "k", Operation::Adjust { by: 7 }), Some(String::new()));
        assert_eq!(callout(&table, "k", Operation::Fetch), Some("7".to_owned()), "{kind}");
        assert_eq!(callout(&table, "k", Operation::AdjustAndTest { by: -2, test: test(">5") }), None);
        assert_eq!(callout(&table, "k", Operation::Test(test("<= 5"))), Some(String::new()), "{kind}");
        assert!(table.perform("k", &Operation::AdjustAndTest { by: 1, test: test(">x") }, at(0)).is_err());
        assert_eq!(callout(&table, "k", Operation::Fetch), Some("5".to_owned()), "{kind}: nothing changed");
        assert_eq!(callout(&table, "k", Operation::Remove), Some(String::new()));
        assert_eq!(callout(&table, "k", Operation::Fetch), None);
    }
}

#[test]
fn simple_tables_keep_numbers_and_texts() {
    let (numbers, texts) = (of_kind(Kind::Number), of_kind(Kind::Text));
    assert_eq!(callout(&numbers, "k", Operation::Store("-12")), Some(String::new()));
    assert_eq!(callout(&numbers, "k", Operation::Query), Some("-12".to_owned()));
    assert!(numbers.perform("k", &Operation::Store("twelve"), at(0)).is_err());
    assert_eq!(callout(&texts, "k", Operation::Store("twelve apostles")), Some(String::new()));
    assert_eq!(callout(&texts, "k", Operation::Fetch), Some("twelve apostles".to_owned()));
    assert_eq!(callout(&texts, "k", Operation::Test(test("=twelve apostles"))), Some(String::new()));
    assert!(texts.perform("k", &Operation::Adjust { by: 1 }, at(0)).is_err());
    assert!(texts.perform("k", &Operation::Store(&"x".repeat(VALUE_OCTETS_MAX + 1)), at(0)).is_err());
    assert!(matches!(
        numbers.perform("k", &Operation::Throttle { amount: 1 }, at(0)),
        Err(Refused::WrongType { operation: "throttle", .. })
    ));
}

#[test]
fn a_greylisting_table_answers_success_while_the_sender_waits() {
    let table = of_kind(Kind::Greylisting {
        block: Duration::from_secs(300),
        resubmit: Duration::from_secs(14_400),
        inactivity: Duration::from_secs(604_800),
    });
    let ask = |now| table.perform("ip/from/to", &Operation::Greylist, now).expect("it is such a table");
    assert_eq!(ask(at(0)).as_callout(), Some(String::new()));
    assert_eq!(ask(at(299)), Outcome::Greylisting(Greylisting::TooEarly { retry_after: Duration::from_secs(1) }));
    assert_eq!(ask(at(300)).as_callout(), None);
    let query = table.perform("ip/from/to", &Operation::Query, at(301));
    assert_eq!(query, Ok(Outcome::Greylisting(Greylisting::Known)));
}

#[test]
fn a_reload_keeps_what_was_counted() {
    let mut table = throttle(10, Average::Leaky);
    (0..10).for_each(|_| assert!(!is_over(&table, "k", at(0))));
    let mut settings = table.settings().clone();
    settings.kind =
        Kind::Throttle { quota: 15, quota_time: Duration::from_secs(3600), average: Average::Leaky, penalise: true };
    settings.entries_max = 5_000_000;
    assert!(table.configure(settings.clone(), at(0)));
    assert_eq!((0..10).filter(|_| !is_over(&table, "k", at(0))).count(), 5, "10 of now 15 were used");
    settings.kind = Kind::Number;
    assert!(!table.configure(settings, at(0)), "of another kind it begins empty");
    assert!(table.is_empty());
}

#[test]
fn entries_are_shown_in_words() {
    let table = throttle(2, Average::Leaky);
    for _ in 0..3 {
        is_over(&table, "a@x.test", at(0));
    }
    let entry = table.entry("a@x.test", at(0)).expect("it is a key");
    let shown = Entry { key: "a@x.test".to_owned(), weight: 2, state: "2 of 2, over for 30 s".to_owned() };
    assert_eq!(entry, Some(shown));
    let mut seen = Vec::new();
    table.for_each(at(31), |key, weight, state| seen.push((table.shown(key), weight, state())));
    assert_eq!(seen, [("a@x.test".to_owned(), 1, "1 of 2".to_owned())]);
    table.for_each(at(60), |_, _, _| panic!("it says nothing any more"));
    assert_eq!(table.clear(), 1);
}

#[test]
fn keys_that_count_otherwise_begin_anew() {
    let of = |v4_bits| {
        let data_type = DataType::Address { v4_bits: Some(v4_bits), v6_bits: None };
        TableSettings::throttle(1, Duration::from_secs(60)).of(data_type)
    };
    let mut table = Table::new("t", of(32));
    assert!(!is_over(&table, "192.0.2.0", at(0)));
    assert!(table.configure(of(32), at(0)) && table.len() == 1);
    assert!(!table.configure(of(24), at(0)) && table.is_empty(), "an address is no network of 24 bits");
    assert!(!is_over(&table, "192.0.2.1", at(0)) && is_over(&table, "192.0.2.2", at(0)));
}
