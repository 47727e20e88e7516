use super::*;
use proptest::prelude::*;

const SECOND: u64 = 1_000_000_000;

fn at(seconds: u64) -> Moment {
    Moment(1_000 * SECOND + seconds * SECOND)
}

/// How many single ones are admitted in a row at one moment, of `tries`.
fn admitted(rate: &Rate, level: &mut Level, tries: usize, now: Moment) -> usize {
    (0..tries).filter(|_| !rate.take(level, 1, now).is_over).count()
}

#[test]
fn half_of_the_quota_is_back_after_half_of_the_time() {
    let rate = Rate::new(60, Duration::from_secs(60), 60, false);
    let mut level = Level::default();
    assert_eq!(admitted(&rate, &mut level, 100, at(0)), 60);
    assert_eq!(admitted(&rate, &mut level, 100, at(30)), 30, "not 0 and not 60");
    assert_eq!(admitted(&rate, &mut level, 100, at(31)), 1);
    assert_eq!(admitted(&rate, &mut level, 100, at(91)), 60, "all of it after all of the time");
    assert_eq!(admitted(&rate, &mut level, 100, at(5_000)), 60, "and never more");
}

#[test]
fn the_documented_example_of_1250_an_hour() {
    let rate = Rate::new(1250, Duration::from_secs(3600), 1250, false);
    let mut level = Level::default();
    assert_eq!(admitted(&rate, &mut level, 2000, at(0)), 1250);
    assert_eq!(admitted(&rate, &mut level, 2000, at(1800)), 625);
}

#[test]
fn a_steady_sender_at_the_rate_is_never_over() {
    let rate = Rate::new(60, Duration::from_secs(60), 60, false);
    let mut level = Level::default();
    assert!((0..10_000).all(|second| !rate.take(&mut level, 1, at(second)).is_over));
}

#[test]
fn hammering_does_not_prolong_the_wait_unless_it_is_penalised() {
    let (fair, hard) =
        (Rate::new(10, Duration::from_secs(10), 10, false), Rate::new(10, Duration::from_secs(10), 10, true));
    let [mut fair_hammered, mut hard_hammered, mut hard_stopped] = [Level::default(); 3];
    for (rate, level) in [(fair, &mut fair_hammered), (hard, &mut hard_hammered), (hard, &mut hard_stopped)] {
        assert_eq!(admitted(&rate, level, 10, at(0)), 10);
    }
    for second in 0..5 {
        assert_eq!(admitted(&hard, &mut hard_hammered, 10, at(second)), 0);
        admitted(&fair, &mut fair_hammered, 10, at(second));
    }
    assert!(!hard.look(hard_stopped, 1, at(6)).is_over, "who stops is let in again");
    assert!(hard.look(hard_hammered, 1, at(6)).is_over, "who goes on is not");
    assert!(!fair.look(fair_hammered, 1, at(6)).is_over);
    // The penalty has an end: so long after the last attempt, whatever came before.
    admitted(&hard, &mut hard_hammered, 1_000_000, at(7));
    assert!(hard.look(hard_hammered, 1, at(7 + 100)).is_over);
    assert!(!hard.look(hard_hammered, 1, at(7 + 10 * PENALTY_QUOTA_TIMES + 1)).is_over);
}

#[test]
fn a_token_bucket_lets_its_burst_through_and_then_its_rate() {
    let rate = Rate::new(60, Duration::from_secs(60), 5, false);
    let mut level = Level::default();
    assert_eq!(admitted(&rate, &mut level, 100, at(0)), 5);
    assert_eq!(admitted(&rate, &mut level, 100, at(3)), 3);
    assert_eq!(admitted(&rate, &mut level, 100, at(1_000)), 5);
}

#[test]
fn verdicts_say_how_much_is_used_and_when_to_come_back() {
    let rate = Rate::new(6, Duration::from_secs(60), 6, false);
    let mut level = Level::default();
    let verdict = rate.take(&mut level, 4, at(0));
    assert_eq!(verdict, Verdict { is_over: false, used: 4, quota: 6, retry_after: Duration::ZERO });
    let verdict = rate.take(&mut level, 4, at(0));
    assert_eq!(verdict, Verdict { is_over: true, used: 4, quota: 6, retry_after: Duration::from_secs(20) });
    assert!(!rate.look(level, 4, at(20)).is_over);
    assert_eq!(rate.used(level, at(20)), 2);
}

#[test]
fn adjusting_moves_the_count() {
    let rate = Rate::new(10, Duration::from_secs(10), 10, false);
    let mut level = Level::default();
    rate.adjust(&mut level, 7, at(0));
    assert_eq!(rate.used(level, at(0)), 7);
    rate.adjust(&mut level, -3, at(0));
    assert_eq!(rate.used(level, at(0)), 4);
    rate.adjust(&mut level, i64::MIN, at(0));
    assert!(level.is_empty(at(0)));
    rate.adjust(&mut level, i64::MAX, at(0));
    assert_eq!(rate.used(level, at(0)), 10, "no higher than what an attempt can reach");
}

#[test]
fn a_new_quota_keeps_what_was_counted() {
    let (old, new) =
        (Rate::new(10, Duration::from_secs(60), 10, false), Rate::new(100, Duration::from_secs(60), 100, false));
    let mut level = Level::default();
    admitted(&old, &mut level, 8, at(0));
    let level = new.convert(level, &old, at(0));
    assert_eq!(new.used(level, at(0)), 8);
}

proptest! {
    /// Whatever the pattern of attempts: in any window, no more than the burst and what the rate gives in its time.
    #[test]
    fn no_window_admits_more_than_burst_and_rate(
        quota in 1u64..50, secs in 1u64..100, burst in 1u64..50, penalise in any::<bool>(),
        gaps in proptest::collection::vec(0u64..5_000_000_000, 1..120),
    ) {
        let rate = Rate::new(quota, Duration::from_secs(secs), burst, penalise);
        let (mut level, mut now, mut admitted) = (Level::default(), at(0), Vec::new());
        for gap in gaps {
            now.0 += gap;
            if !rate.take(&mut level, 1, now).is_over {
                admitted.push(now.0);
            }
        }
        for (index, first) in admitted.iter().enumerate() {
            for (count, last) in admitted.iter().skip(index).enumerate() {
                let allowed = burst + (last - first) / rate.step;
                prop_assert!((count as u64) < allowed + u64::from(last != first), "{} in {}", count + 1, last - first);
            }
        }
    }

    #[test]
    fn nothing_overflows(quota: u64, nanos: u64, burst: u64, penalise: bool, amount: u32, by: i64, level: u64, now: u64) {
        let rate = Rate::new(quota, Duration::from_nanos(nanos), burst, penalise);
        let mut level = Level(Moment(level));
        let told = rate.look(level, amount, Moment(now)).is_over;
        prop_assert_eq!(rate.take(&mut level, amount, Moment(now)).is_over, told, "looking and taking agree");
        rate.adjust(&mut level, by, Moment(now));
        rate.convert(level, &Rate::new(1, Duration::from_secs(1), 1, false), Moment(now));
    }
}
