//! The policy that holds now, and how a stage is judged with it: the same way for a session and for an explanation.

use crate::judge::lookups::{Effects, Lookups};
use crate::judge::settings::Settings;
use crate::judge::signals::Signals;
use crate::scripts::early::{self, Case};
use crate::scripts::library::Library;
use crate::scripts::service::Scripts;
use model::TraceId;
use net::Registry;
use policy::decision::Decision;
use policy::facts::Facts;
use policy::judge::{Judgement, Policy};
use policy::limits::COMMAND_LOOKUPS_MAX;
use policy::lookup::{Answer, Lookup};
use policy::mapping::flags::Flags;
use policy::mapping::machine::{Machine, Outcome, Step};
use policy::stage::Stage;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::Instant;

/// Who judges.
pub struct Judge {
    rules: RwLock<Arc<InForce>>,
    lookups: Arc<dyn Lookups>,
    scripts: Option<Arc<Scripts>>,
    pub(crate) signals: Signals,
}

/// What holds at a time: a reload replaces it, and who has begun with it ends with it.
#[derive(Debug)]
pub struct InForce {
    /// The tables and rules.
    pub policy: Policy,
    /// How they are carried out.
    pub settings: Settings,
}

/// The time for all look-ups of one command, however many stages and addresses are judged for it.
#[derive(Clone, Copy, Debug)]
pub struct Time {
    until: Instant,
}

impl Time {
    /// It begins now.
    pub fn begin() -> Time {
        Time { until: Instant::now() + COMMAND_LOOKUPS_MAX }
    }

    fn is_over(self) -> bool {
        Instant::now() >= self.until
    }
}

/// What is judged.
#[derive(Clone, Copy, Debug)]
pub struct Matter<'a> {
    /// By what.
    pub rules: &'a InForce,
    /// By which scripts behind them.
    pub scripts: &'a Library,
    /// When.
    pub stage: Stage,
    /// What is known.
    pub facts: &'a Facts,
    /// Whether this is real.
    pub effects: Effects,
    /// The time for looking things up.
    pub time: Time,
}

impl std::fmt::Debug for Judge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Judge").finish_non_exhaustive()
    }
}

impl Judge {
    /// A judge by this policy, who asks `lookups`.
    pub fn new(policy: Policy, settings: Settings, lookups: Arc<dyn Lookups>, registry: &Registry) -> Judge {
        let signals = Signals::new(registry);
        signals.loaded(policy.mappings().tables().len(), policy.rules().len());
        Judge { rules: RwLock::new(Arc::new(InForce { policy, settings })), lookups, scripts: None, signals }
    }

    /// Has the administrator's scripts of the stages before a message judge, too.
    #[must_use]
    pub fn with_scripts(self, scripts: Arc<Scripts>) -> Judge {
        Judge { scripts: Some(scripts), ..self }
    }

    /// Judges by another policy from now on.
    pub fn replace(&self, policy: Policy, settings: Settings) {
        self.signals.loaded(policy.mappings().tables().len(), policy.rules().len());
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(InForce { policy, settings });
    }

    /// What holds now.
    pub fn in_force(&self) -> Arc<InForce> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The administrator's scripts as they are now.
    pub fn scripts(&self) -> Arc<Library> {
        self.scripts.as_ref().map_or_else(Arc::default, |scripts| scripts.library())
    }

    /// Judges a stage. Without effects nothing is changed or logged, and every step is told. What cannot be looked up in
    /// time fails.
    pub async fn judge(&self, trace: TraceId, matter: &Matter<'_>) -> Decision {
        if matter.rules.policy.is_silent(matter.stage) && matter.scripts.of_stage(matter.stage).is_empty() {
            return Decision::default();
        }
        if matter.effects == Effects::Off {
            return self.decide(trace, matter, Effects::Off, true).await;
        }
        let mut decision = self.decide(trace, matter, Effects::On, false).await;
        if decision.debug {
            // The steps are noted only when they are asked for, so they are made again without effect.
            decision.steps = self.decide(trace, matter, Effects::Off, true).await.steps;
        }
        self.signals.decided(trace, matter.stage, &decision);
        decision
    }

    async fn decide(&self, trace: TraceId, matter: &Matter<'_>, effects: Effects, is_traced: bool) -> Decision {
        let mut judgement = Judgement::new(&matter.rules.policy, matter.stage, matter.facts, is_traced);
        while let Some(lookup) = judgement.run() {
            let answer = self.look_up(matter.rules, matter.time, &lookup, effects).await;
            judgement.answer(answer);
        }
        let mut decision = judgement.finish();
        if let Some(scripts) = self.scripts.as_ref().filter(|_| !matter.scripts.of_stage(matter.stage).is_empty()) {
            let case = Case {
                trace,
                stage: matter.stage,
                facts: matter.facts,
                remote_host: self.remote_host(matter, effects, &mut decision).await,
                until: matter.time.until,
                is_real: effects == Effects::On,
                is_traced,
            };
            early::judge(scripts, matter.scripts, &case, &mut decision).await;
        }
        decision
    }

    /// The client's name, where a script may look at it. One that cannot be found out is none.
    async fn remote_host(&self, matter: &Matter<'_>, effects: Effects, decision: &mut Decision) -> Option<String> {
        let client = matter.facts.client?;
        let mut scripts = matter.scripts.of_stage(matter.stage).iter();
        if !scripts.any(|named| named.script.may_look_at_environment("remote-host")) {
            return None;
        }
        let lookup = Lookup::HostName { address: client.ip().to_canonical() };
        match self.look_up(matter.rules, matter.time, &lookup, effects).await {
            Answer::Found(name) => Some(name),
            Answer::NotFound => None,
            Answer::Failed(why) => {
                decision.troubles.push(format!("{lookup}: {why}"));
                None
            }
        }
    }

    /// Whether the mapping file has a table of this name.
    pub(crate) fn has_table(&self, table: &str) -> bool {
        self.in_force().policy.mappings().find(table).is_some()
    }

    /// Asks one mapping table that is no access table; `None` when there is none of this name.
    pub(crate) async fn ask_table(&self, table: &str, probe: &str, effects: Effects) -> Option<Outcome> {
        let (rules, time) = (self.in_force(), Time::begin());
        let number = rules.policy.mappings().find(table)?;
        let mut machine = Machine::new(Arc::clone(rules.policy.mappings()), number, probe, Flags::default());
        let mut step = machine.run();
        loop {
            match step {
                Step::Done(outcome) => return Some(outcome),
                Step::Lookup(lookup) => {
                    let answer = self.look_up(&rules, time, &lookup, effects).await;
                    step = machine.answer(answer);
                }
            }
        }
    }

    async fn look_up(&self, rules: &InForce, time: Time, lookup: &Lookup, effects: Effects) -> Answer {
        let asked = self.lookups.look_up(&rules.settings, lookup, effects);
        let answer = match time.is_over() {
            true => None,
            false => tokio::time::timeout_at(time.until, asked).await.ok(),
        };
        let answer = answer.unwrap_or_else(|| {
            let seconds = COMMAND_LOOKUPS_MAX.as_secs();
            Answer::Failed(format!("the look-ups of this command have taken {seconds} s already"))
        });
        if effects == Effects::On {
            self.signals.looked_up(lookup, &answer);
        }
        answer
    }

    /// Lets a reply wait, with no thread held.
    pub(crate) async fn wait(&self, delay: Duration) {
        if !delay.is_zero() {
            let _counted = self.signals.delay_begins(delay);
            tokio::time::sleep(delay).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use net::BoxFuture;
    use policy::decision::{Effect, Verdict};
    use policy::rule::{Condition, Rule};
    use policy::wildcard::Wildcards;

    /// Has every name, at once.
    struct Named;

    impl Lookups for Named {
        fn look_up<'a>(&'a self, _: &'a Settings, _: &'a Lookup, _: Effects) -> BoxFuture<'a, Answer> {
            Box::pin(async { Answer::Found("host.test".to_owned()) })
        }
    }

    #[tokio::test]
    async fn what_is_asked_after_the_time_of_the_command_fails_and_is_a_trouble() {
        let rule = Rule {
            name: "named".to_owned(),
            place: "heliograph.toml:7".to_owned(),
            stage: Stage::Connect,
            conditions: vec![Condition::Host(Wildcards::new(&["host.test"]))],
            effects: vec![Effect::Verdict(Verdict::Hold)],
            is_final: true,
        };
        let policy = Policy::new(Arc::default(), vec![rule], Vec::new(), Vec::new());
        let judge = Judge::new(policy, Settings::default(), Arc::new(Named), &Registry::default());
        let (rules, facts) =
            (judge.in_force(), Facts { client: Some("192.0.2.1:1".parse().unwrap()), ..Facts::default() });
        for (time, verdict, troubles) in
            [(Time::begin(), Verdict::Hold, 0), (Time { until: Instant::now() }, Verdict::Accept, 1)]
        {
            let scripts = &judge.scripts();
            let matter =
                Matter { rules: &rules, scripts, stage: Stage::Connect, facts: &facts, effects: Effects::On, time };
            let decision = judge.judge(TraceId(1), &matter).await;
            assert_eq!((decision.verdict, decision.troubles.len()), (verdict, troubles));
        }
    }
}
