//! What the meter knows. The tables of `conn_throttle` are always our own, as they were private to each process of old.

use crate::judge::lookups::{Effects, Lookups};
use crate::judge::settings::Settings;
use meter::call::{Call, Operation};
use meter::greylist::judge::Greylist;
use meter::greylist::tally::Action;
use meter::greylist::triplet::{Query, Way};
use meter::meter::Meter;
use meter::tables::Tables;
use net::BoxFuture;
use policy::lookup::{Answer, Comparison, Lookup, MeterRoutine};
use smtp::gross;
use std::sync::Arc;

/// Asks the meter.
pub struct Counters {
    /// Where tables that the settings name are asked.
    pub meter: Meter,
    /// Our own tables.
    pub own: Arc<Tables>,
    /// Who greylists, when it is set up.
    pub greylist: Option<Arc<Greylist>>,
}

impl Counters {
    async fn meter(&self, routine: &MeterRoutine, table: &str, key: &str, effects: Effects) -> Answer {
        if let MeterRoutine::ThrottleAt { .. } = routine {
            let operation = match effects {
                Effects::On => Operation::Throttle { amount: 1 },
                Effects::Off => Operation::Query,
            };
            return match self.own.perform(&Call { table, key, operation }) {
                Ok(outcome) => found(outcome.as_callout()),
                Err(refused) => Answer::Failed(refused.to_string()),
            };
        }
        if effects == Effects::Off {
            return self.look(routine, table, key).await;
        }
        match routine {
            MeterRoutine::Throttle | MeterRoutine::ThrottleAt { .. } => self.call("throttle", table, key, &[]).await,
            MeterRoutine::Query => self.call("query", table, key, &[]).await,
            MeterRoutine::Fetch => self.call("fetch", table, key, &[]).await,
            MeterRoutine::Remove => self.call("remove", table, key, &[]).await,
            MeterRoutine::Greylisting => self.call("greylisting", table, key, &[]).await,
            MeterRoutine::Store(text) => self.call("store", table, key, &[text]).await,
            MeterRoutine::Adjust(by) => self.call("adjust", table, key, &[&by.to_string()]).await,
            MeterRoutine::Test(how, number) => self.call("test", table, key, &[&compared(*how, *number)]).await,
            MeterRoutine::AdjustAndTest(by, how, number) => {
                self.call("adjust_and_test", table, key, &[&by.to_string(), &compared(*how, *number)]).await
            }
        }
    }

    /// The same without counting anything: what would be found.
    async fn look(&self, routine: &MeterRoutine, table: &str, key: &str) -> Answer {
        match routine {
            MeterRoutine::Throttle
            | MeterRoutine::ThrottleAt { .. }
            | MeterRoutine::Greylisting
            | MeterRoutine::Query => self.call("query", table, key, &[]).await,
            MeterRoutine::Fetch => self.call("fetch", table, key, &[]).await,
            MeterRoutine::Test(how, number) => self.call("test", table, key, &[&compared(*how, *number)]).await,
            MeterRoutine::AdjustAndTest(by, how, number) => match self.call("fetch", table, key, &[]).await {
                Answer::Failed(why) => Answer::Failed(why),
                held => {
                    let held = if let Answer::Found(text) = held { text.parse().unwrap_or(0) } else { 0_i64 };
                    if how.holds(held.saturating_add(*by), *number) {
                        Answer::Found(String::new())
                    } else {
                        Answer::NotFound
                    }
                }
            },
            // These say yes where the table can be asked at all, each kind of which knows one of the two.
            MeterRoutine::Adjust(_) | MeterRoutine::Store(_) | MeterRoutine::Remove => {
                let mut asked = self.call("fetch", table, key, &[]).await;
                if matches!(asked, Answer::Failed(_)) {
                    asked = self.call("query", table, key, &[]).await;
                }
                if matches!(asked, Answer::Failed(_)) { asked } else { Answer::Found(String::new()) }
            }
        }
    }

    async fn call(&self, routine: &str, table: &str, key: &str, arguments: &[&str]) -> Answer {
        match self.meter.call(routine, table, key, arguments).await {
            Ok(text) => found(text),
            Err(unavailable) => Answer::Failed(unavailable.to_string()),
        }
    }
}

/// Found, with what a mapping table goes on with, when the delivery is not let in now.
async fn greylisted(
    greylist: &Greylist,
    client: &str,
    [sender, recipient, hello]: [&str; 3],
    effects: Effects,
) -> Answer {
    let Ok(address) = client.parse() else { return Answer::Failed(format!("`{client}` is no address of a client")) };
    let query = Query::new(Way::Inside, address, sender, recipient).named(hello);
    let verdict = match effects {
        Effects::On => greylist.judge(&query).await,
        Effects::Off => greylist.look(&query).await,
    };
    match verdict.action {
        Action::Trust | Action::Match => Answer::NotFound,
        Action::Grey => Answer::Found(gross::Answer::Grey(verdict.reason).mapping_result()),
        Action::Block => Answer::Found(gross::Answer::Block(verdict.reason).mapping_result()),
    }
}

fn found(text: Option<String>) -> Answer {
    text.map_or(Answer::NotFound, Answer::Found)
}

fn compared(how: Comparison, number: i64) -> String {
    format!("{}{number}", how.sign())
}

impl Lookups for Counters {
    fn look_up<'a>(&'a self, _: &'a Settings, lookup: &'a Lookup, effects: Effects) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            match lookup {
                Lookup::Meter { routine, table, key } => self.meter(routine, table, key, effects).await,
                Lookup::Greylist { client, sender, recipient, hello } => match &self.greylist {
                    Some(greylist) => greylisted(greylist, client, [sender, recipient, hello], effects).await,
                    None => Answer::Failed("no greylister is configured".to_owned()),
                },
                _ => Answer::Failed("neither the meter nor the greylister knows that".to_owned()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meter::greylist::backlog::Part;
    use meter::table::settings::{Kind, TableSettings};
    use net::Registry;
    use net::SystemClock;
    use net::resolver::table::{Table, TableResolver};
    use std::time::Duration;

    #[tokio::test]
    async fn an_explanation_leaves_nothing_with_the_greylister() {
        let registry = Registry::new();
        let resolver = Arc::new(TableResolver::new(Table::default()));
        let greylist = Greylist::new(Default::default(), resolver, Arc::new(SystemClock), &registry);
        let own = Arc::new(Tables::new(Default::default(), &registry));
        let counters = Counters { meter: Meter::Here(Arc::clone(&own)), own, greylist: Some(Arc::clone(&greylist)) };
        let [client, sender, recipient, hello] =
            ["192.0.2.1", "a@far.test", "b@home.test", "far.test"].map(str::to_owned);
        let lookup = Lookup::Greylist { client, sender, recipient, hello };
        for (effects, remembered) in [(Effects::Off, 0), (Effects::On, 1)] {
            let answer = counters.look_up(&Settings::default(), &lookup, effects).await;
            assert!(matches!(answer, Answer::Found(_)), "{answer:?}");
            assert_eq!(greylist.memory(Part::Triplets).len(), remembered);
        }
    }

    #[tokio::test]
    async fn a_look_tells_what_the_next_question_is_told() {
        let hour = Duration::from_secs(3600);
        let grey = Kind::Greylisting { block: hour, resubmit: hour * 4, inactivity: hour * 100 };
        let of = |kind| TableSettings { kind, ..TableSettings::throttle(2, hour) };
        let settings = [("rate", TableSettings::throttle(2, hour)), ("number", of(Kind::Number)), ("grey", of(grey))];
        let settings = settings.into_iter().map(|(name, settings)| (name.to_owned(), settings)).collect();
        let own = Arc::new(Tables::new(settings, &Registry::new()));
        let counters = Counters { meter: Meter::Here(Arc::clone(&own)), own, greylist: None };
        let more = Comparison::Greater;
        let common = [MeterRoutine::Query, MeterRoutine::Fetch, MeterRoutine::Remove];
        let counting = [MeterRoutine::Adjust(1), MeterRoutine::AdjustAndTest(1, more, 3), MeterRoutine::Test(more, 2)];
        let throttle = [MeterRoutine::Throttle, MeterRoutine::Throttle, MeterRoutine::Throttle];
        let store = [MeterRoutine::Store("3".to_owned())];
        let greylisting = [MeterRoutine::Greylisting, MeterRoutine::Greylisting, MeterRoutine::Remove];
        for (table, routines) in [
            ("rate", [throttle.as_slice(), &counting, &common, &throttle].concat()),
            ("number", [counting.as_slice(), &counting, &store, &counting, &common].concat()),
            ("grey", [greylisting.as_slice(), &greylisting].concat()),
            ("missing", [throttle.as_slice(), &counting, &common, &store, &greylisting].concat()),
        ] {
            for (at, routine) in routines.iter().enumerate() {
                for key in ["k", ""] {
                    let look = counters.meter(routine, table, key, Effects::Off).await;
                    let real = counters.meter(routine, table, key, Effects::On).await;
                    let kind = std::mem::discriminant::<Answer>;
                    assert_eq!(kind(&look), kind(&real), "{table} {at} {routine:?} {key}: {look:?}, then {real:?}");
                }
            }
        }
    }
}
