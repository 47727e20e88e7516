//! Every fact about the policy that is logged or counted, one function each.

use model::TraceId;
use net::{Counter, Gauge, Registry};
use policy::decision::{Decision, Verdict};
use policy::lookup::{Answer, Lookup};
use policy::stage::Stage;
use std::time::Duration;
use tracing::{debug, info, warn};

#[derive(Debug)]
pub struct Signals {
    registry: Registry,
    delayed: Gauge,
    delays: Counter,
    troubles: Counter,
    reloads: Counter,
    not_apart: Counter,
    not_carried: Counter,
}

impl Signals {
    pub fn new(registry: &Registry) -> Signals {
        Signals {
            registry: registry.clone(),
            delayed: registry.gauge("heliograph_policy_delayed", "Replies that wait at present.", &[]),
            delays: registry.counter("heliograph_policy_delays_total", "Replies that were made to wait.", &[]),
            troubles: registry.counter(
                "heliograph_policy_troubles_total",
                "Look-ups, arguments and tables that failed and were passed over.",
                &[],
            ),
            reloads: registry.counter("heliograph_policy_loads_total", "How often a policy took effect.", &[]),
            not_apart: registry.counter(
                "heliograph_policy_members_not_apart_total",
                "Verdicts about one of several addresses behind a recipient that could not be carried out for it alone.",
                &[],
            ),
            not_carried: registry.counter(
                "heliograph_policy_not_carried_total",
                "Tags, fields and reasons over what a transaction carries along.",
                &[],
            ),
        }
    }

    pub fn loaded(&self, tables: usize, rules: usize) {
        self.reloads.add(1);
        debug!(tables, rules, "the policy takes effect");
    }

    pub fn looked_up(&self, lookup: &Lookup, answer: &Answer) {
        let result = match answer {
            Answer::Found(_) => "yes",
            Answer::NotFound => "no",
            Answer::Failed(_) => "failed",
        };
        let labels = [("kind", lookup.kind()), ("result", result)];
        self.registry.counter("heliograph_policy_lookups_total", "Look-ups of the policy.", &labels).add(1);
        if let Answer::Failed(why) = answer {
            warn!(kind = lookup.kind(), %lookup, reason = %why, "a look-up of the policy failed; what depends on it does not match");
        }
    }

    pub fn decided(&self, trace: TraceId, stage: Stage, decision: &Decision) {
        if decision.is_empty() {
            return;
        }
        let labels = [("stage", stage.name()), ("verdict", decision.verdict.name())];
        self.registry
            .counter("heliograph_policy_decisions_total", "Stages about which something was decided.", &labels)
            .add(1);
        self.troubles.add(decision.troubles.len() as u64);
        for trouble in &decision.troubles {
            warn!(%trace, %stage, reason = %trouble, "a part of the policy was passed over");
        }
        for note in &decision.notes {
            info!(%trace, %stage, note = %note, "noted by the policy");
        }
        if decision.verdict == Verdict::Accept && !decision.debug {
            return;
        }
        let reason = decision.reason();
        let (by, place) = reason.map_or(("", ""), |reason| (&reason.by, &reason.place));
        info!(%trace, %stage, verdict = %decision.verdict, by, place, reasons = decision.reasons.len(), "decided by the policy");
        if decision.debug {
            for step in &decision.steps {
                info!(%trace, %stage, %step, "a step of the policy");
            }
        }
    }

    pub fn delay_begins(&self, delay: Duration) -> Delayed<'_> {
        self.delays.add(1);
        self.delayed.add(1);
        debug!(milliseconds = delay.as_millis(), "a reply waits");
        Delayed(&self.delayed)
    }

    pub fn member_refused(&self, trace: TraceId, member: &str, by: &str) {
        info!(%trace, member, by, "a member behind the recipient is passed over by the policy");
    }

    pub fn member_not_apart(&self, trace: TraceId, member: &str, verdict: &Verdict) {
        self.not_apart.add(1);
        warn!(%trace, member, %verdict, "the policy's verdict about one of several behind a recipient is passed over: it cannot be carried out for one alone");
    }

    pub fn not_carried(&self, trace: TraceId, count: usize) {
        if count > 0 {
            self.not_carried.add(count as u64);
            warn!(%trace, count, "the policy says more tags, fields and reasons than a transaction carries along; these are dropped");
        }
    }

    pub fn directory_away(&self, trace: TraceId, error: &directory::error::Error) {
        warn!(%trace, reason = %error, "the directory is away; those behind the recipient cannot be judged");
    }
}

/// Counts a reply that waits for as long as it does.
pub struct Delayed<'a>(&'a Gauge);

impl Drop for Delayed<'_> {
    fn drop(&mut self) {
        self.0.add(-1);
    }
}
