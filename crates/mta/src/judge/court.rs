//! The policy that holds now, and how a stage is judged with it: the same way for a session and for an explanation.

use crate::judge::lookups::{Effects, Lookups};
use crate::judge::settings::Settings;
use crate::judge::signals::Signals;
use model::TraceId;
use net::Registry;
use policy::decision::Decision;
use policy::facts::Facts;
use policy::judge::{Judgement, Policy};
use policy::mapping::flags::Flags;
use policy::mapping::machine::{Machine, Outcome, Step};
use policy::stage::Stage;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Who judges.
pub struct Judge {
    rules: RwLock<Arc<InForce>>,
    lookups: Arc<dyn Lookups>,
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
        Judge { rules: RwLock::new(Arc::new(InForce { policy, settings })), lookups, signals }
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

    /// Judges a stage. Without effects nothing is changed or logged, and every step is told.
    pub async fn judge(
        &self,
        rules: &InForce,
        trace: TraceId,
        stage: Stage,
        facts: &Facts,
        effects: Effects,
    ) -> Decision {
        if rules.policy.is_silent(stage) {
            return Decision::default();
        }
        if effects == Effects::Off {
            return self.decide(rules, stage, facts, effects, true).await;
        }
        let mut decision = self.decide(rules, stage, facts, Effects::On, false).await;
        if decision.debug {
            // The steps are noted only when they are asked for, so they are made again without effect.
            decision.steps = self.decide(rules, stage, facts, Effects::Off, true).await.steps;
        }
        self.signals.decided(trace, stage, &decision);
        decision
    }

    async fn decide(
        &self,
        rules: &InForce,
        stage: Stage,
        facts: &Facts,
        effects: Effects,
        is_traced: bool,
    ) -> Decision {
        let mut judgement = Judgement::new(&rules.policy, stage, facts, is_traced);
        while let Some(lookup) = judgement.run() {
            let answer = self.lookups.look_up(&rules.settings, &lookup, effects).await;
            if effects == Effects::On {
                self.signals.looked_up(&lookup, &answer);
            }
            judgement.answer(answer);
        }
        judgement.finish()
    }

    /// Whether the mapping file has a table of this name.
    pub(crate) fn has_table(&self, table: &str) -> bool {
        self.in_force().policy.mappings().find(table).is_some()
    }

    /// Asks one mapping table that is no access table; `None` when there is none of this name.
    pub(crate) async fn ask_table(&self, table: &str, probe: &str, effects: Effects) -> Option<Outcome> {
        let rules = self.in_force();
        let number = rules.policy.mappings().find(table)?;
        let mut machine = Machine::new(Arc::clone(rules.policy.mappings()), number, probe, Flags::default());
        let mut step = machine.run();
        loop {
            match step {
                Step::Done(outcome) => return Some(outcome),
                Step::Lookup(lookup) => {
                    let answer = self.lookups.look_up(&rules.settings, &lookup, effects).await;
                    if effects == Effects::On {
                        self.signals.looked_up(&lookup, &answer);
                    }
                    step = machine.answer(answer);
                }
            }
        }
    }

    /// Lets a reply wait, bounded, with no thread held.
    pub(crate) async fn wait(&self, rules: &InForce, delay: Duration) {
        let delay = delay.min(rules.settings.delay_max);
        if !delay.is_zero() {
            let _counted = self.signals.delay_begins(delay);
            tokio::time::sleep(delay).await;
        }
    }
}
