//! One stage judged: the tables of the stage, then the DNS lists of connections, then the rules, each adding to one
//! decision. The judgement runs until it must know something, and is resumed with the answer.

use crate::access::{AccessTable, KNOWN_FLAGS};
use crate::decision::{Decision, Effect, Refusal};
use crate::facts::Facts;
use crate::lookup::{Answer, DirectoryField, Lookup, MeterRoutine};
use crate::mapping::machine::{Machine, Outcome, Step};
use crate::mapping::problem::Problem;
use crate::mapping::table::Mappings;
use crate::rule::{Condition, Rule};
use crate::source::Source;
use crate::stage::Stage;
use smtp::status::EnhancedStatus;
use std::sync::Arc;

/// Everything that judges.
#[derive(Debug, Default)]
pub struct Policy {
    mappings: Arc<Mappings>,
    access: Vec<(AccessTable, usize)>,
    rules: Vec<Rule>,
    lists: Vec<String>,
    sources: Vec<Source>,
}

impl Policy {
    /// Puts together what judges. `lists` are the DNS lists that refuse connections which PORT_ACCESS says nothing about.
    pub fn new(mappings: Arc<Mappings>, rules: Vec<Rule>, lists: Vec<String>, sources: Vec<Source>) -> Policy {
        let access =
            AccessTable::ALL.into_iter().filter_map(|table| mappings.find(table.name()).map(|number| (table, number)));
        Policy { access: access.collect(), mappings, rules, lists, sources }
    }

    /// The mapping tables.
    pub fn mappings(&self) -> &Arc<Mappings> {
        &self.mappings
    }

    /// The rules.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The channels that sessions can belong to.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Whether nothing judges anything.
    pub fn is_idle(&self) -> bool {
        self.access.is_empty() && self.rules.is_empty() && self.lists.is_empty() && self.sources.is_empty()
    }

    /// Whether nothing judges this stage.
    pub fn is_silent(&self, stage: Stage) -> bool {
        let has_table = self.access.iter().any(|(table, _)| table.stage() == stage);
        let has_lists = stage == Stage::Connect && !self.lists.is_empty();
        !has_table && !has_lists && !self.rules.iter().any(|rule| rule.stage == stage)
    }

    /// Whether a rule about whole messages looks at recipients, so that each is judged by itself.
    pub fn is_message_judged_by_recipient(&self) -> bool {
        let mut rules = self.rules.iter().filter(|rule| rule.stage == Stage::Message);
        rules.any(|rule| rule.conditions.iter().any(Condition::is_about_recipient))
    }

    /// The names of the header fields that rules look at.
    pub fn header_fields(&self) -> Vec<&str> {
        let conditions = self.rules.iter().flat_map(|rule| &rule.conditions);
        let names = conditions.filter_map(|condition| match condition {
            Condition::Header { name, .. } => Some(name.as_str()),
            _ => None,
        });
        names.collect()
    }

    /// What is unusual: the warnings of the mapping file, and flags of access tables that mean nothing.
    pub fn warnings(&self) -> Vec<Problem> {
        let mut warnings = self.mappings.warnings().to_vec();
        for (access, number) in &self.access {
            for entry in self.mappings.table(*number).into_iter().flat_map(|table| &table.entries) {
                let strange: String = entry.template.flags().filter(|flag| !KNOWN_FLAGS.contains(*flag)).collect();
                if !strange.is_empty() {
                    let place = self.mappings.told(entry.place);
                    let (file, line) = place.rsplit_once(':').unwrap_or((&place, "0"));
                    warnings.push(Problem {
                        file: file.to_owned(),
                        line: line.parse().unwrap_or(0),
                        why: format!("{} has no use for the flags {strange}", access.name()),
                        is_warning: true,
                    });
                }
            }
        }
        warnings
    }
}

/// Something to be judged by.
#[derive(Clone, Copy, Debug)]
enum Work {
    Table(AccessTable, usize),
    Lists,
    Rule(usize),
}

/// What is under way.
#[derive(Debug)]
enum State {
    Idle,
    Table { access: AccessTable, probe: String, machine: Box<Machine> },
    Group { access: AccessTable, probe: String, outcome: Outcome, id: String },
    List { number: usize },
    Rule { at: RuleAt, machine: Option<Box<Machine>> },
}

/// How far a rule has come.
#[derive(Clone, Copy, Debug, Default)]
struct RuleAt {
    number: usize,
    condition: usize,
    /// Of a condition about several DNS lists, the one that is asked.
    list: usize,
}

impl RuleAt {
    fn next_condition(self) -> RuleAt {
        RuleAt { condition: self.condition + 1, list: 0, ..self }
    }
}

/// A stage being judged.
#[derive(Debug)]
pub struct Judgement<'a> {
    policy: &'a Policy,
    facts: &'a Facts,
    work: Vec<Work>,
    done: usize,
    state: State,
    /// Whether PORT_ACCESS has said anything, which makes the DNS lists silent.
    has_spoken: bool,
    /// Answers that need not be asked for twice in a stage.
    known: Vec<(Lookup, Answer)>,
    asked: Option<Lookup>,
    decision: Decision,
    is_traced: bool,
}

impl<'a> Judgement<'a> {
    /// A stage to be judged; `is_traced` notes every step.
    pub fn new(policy: &'a Policy, stage: Stage, facts: &'a Facts, is_traced: bool) -> Judgement<'a> {
        let tables = policy.access.iter().filter(|(table, _)| table.stage() == stage);
        let mut work: Vec<Work> = tables.map(|(table, number)| Work::Table(*table, *number)).collect();
        if stage == Stage::Connect && !policy.lists.is_empty() {
            work.push(Work::Lists);
        }
        let rules = policy.rules.iter().enumerate().filter(|(_, rule)| rule.stage == stage);
        work.extend(rules.map(|(number, _)| Work::Rule(number)));
        Judgement {
            policy,
            facts,
            work,
            done: 0,
            state: State::Idle,
            has_spoken: false,
            known: Vec::new(),
            asked: None,
            decision: Decision::default(),
            is_traced,
        }
    }

    /// Runs until something must be known, or to the end, which `None` tells.
    pub fn run(&mut self) -> Option<Lookup> {
        loop {
            let wanted = match std::mem::replace(&mut self.state, State::Idle) {
                State::Idle => {
                    let work = self.work.get(self.done).copied()?;
                    self.done += 1;
                    self.begin(work);
                    continue;
                }
                State::Table { access, probe, mut machine } => {
                    let step = machine.run();
                    self.table_step(access, probe, machine, step)
                }
                State::Group { access, probe, outcome, id } => {
                    let user = access.read(&outcome).only_for.map(|(user, _)| user).unwrap_or_default();
                    self.state = State::Group { access, probe, outcome, id };
                    Some(Lookup::Directory { field: DirectoryField::Groups, key: user })
                }
                State::List { number } => self.list_step(number),
                State::Rule { at, machine } => self.rule_step(at, machine),
            };
            let Some(lookup) = wanted else { continue };
            self.asked = Some(lookup.clone());
            match self.known.iter().find(|(known, _)| *known == lookup) {
                Some((_, answer)) => {
                    let answer = answer.clone();
                    self.answer(answer);
                }
                None => return Some(lookup),
            }
        }
    }

    /// Answers what [`Judgement::run`] asked for.
    pub fn answer(&mut self, answer: Answer) {
        let Some(asked) = self.asked.take() else { return };
        if !asked.has_effect()
            && !matches!(asked, Lookup::Chance { .. })
            && !self.known.iter().any(|(known, _)| *known == asked)
        {
            self.known.push((asked.clone(), answer.clone()));
        }
        let state = std::mem::replace(&mut self.state, State::Idle);
        // What a table asked for is among the troubles of its outcome.
        let is_of_table = matches!(&state, State::Table { .. } | State::Rule { machine: Some(_), .. });
        if let Answer::Failed(why) = &answer
            && !is_of_table
        {
            self.decision.troubles.push(format!("{asked}: {why}"));
        }
        match state {
            State::Idle => {}
            State::Table { access, probe, mut machine } => {
                let step = machine.answer(answer);
                // What it wants next it asks for again when the judgement runs on.
                let _wanted = self.table_step(access, probe, machine, step);
            }
            State::Group { access, probe, outcome, id } => {
                let belongs = matches!(&answer, Answer::Found(groups) if groups.split(',').any(|group| group.trim().eq_ignore_ascii_case(&id)));
                self.note(|| {
                    format!(
                        "{} `$I`: {} {id}",
                        access.name(),
                        if belongs { "belongs to" } else { "does not belong to" }
                    )
                });
                if belongs {
                    self.conclude(access, &probe, &outcome);
                }
            }
            State::List { number } => self.list_answered(number, &asked, &answer),
            State::Rule { at, machine } => self.rule_answered(at, machine, &asked, answer),
        }
    }

    /// The decision, when [`Judgement::run`] has come to the end.
    pub fn finish(self) -> Decision {
        self.decision
    }

    fn note(&mut self, text: impl FnOnce() -> String) {
        if self.is_traced {
            self.decision.steps.push(text());
        }
    }

    fn begin(&mut self, work: Work) {
        match work {
            Work::Table(access, number) => {
                let Some(probe) = access.probe(self.facts) else { return };
                let given = access.given(self.facts);
                self.note(|| format!("{} asked \"{probe}\" with {given}", access.name()));
                let machine = self.machine(number, &probe, given);
                self.state = State::Table { access, probe, machine };
            }
            Work::Lists if self.has_spoken => {
                self.note(|| "the DNS lists are not asked: PORT_ACCESS has matched".to_owned())
            }
            Work::Lists => self.state = State::List { number: 0 },
            Work::Rule(number) => {
                if let Some(rule) = self.policy.rules.get(number) {
                    self.note(|| format!("rule {} ({})", rule.name, rule.place));
                }
                self.state = State::Rule { at: RuleAt { number, ..RuleAt::default() }, machine: None };
            }
        }
    }

    fn machine(&self, table: usize, probe: &str, given: crate::mapping::flags::Flags) -> Box<Machine> {
        let machine = Machine::new(Arc::clone(&self.policy.mappings), table, probe, given);
        Box::new(if self.is_traced { machine.traced() } else { machine })
    }

    fn take_steps(&mut self, machine: &mut Machine) {
        if self.is_traced {
            self.decision.steps.extend(machine.take_trace().into_iter().map(|step| format!("  {step}")));
        }
    }

    /// What went wrong within a table, whether or not it has matched.
    fn take_troubles(&mut self, table: &str, outcome: &mut Outcome) {
        let troubles = std::mem::take(&mut outcome.troubles).into_iter();
        self.decision.troubles.extend(troubles.map(|why| format!("{table}: {why}")));
    }

    fn table_step(
        &mut self,
        access: AccessTable,
        probe: String,
        mut machine: Box<Machine>,
        step: Step,
    ) -> Option<Lookup> {
        self.take_steps(&mut machine);
        match step {
            Step::Lookup(lookup) => {
                self.state = State::Table { access, probe, machine };
                Some(lookup)
            }
            Step::Done(mut outcome) => {
                self.take_troubles(access.name(), &mut outcome);
                self.has_spoken |= access == AccessTable::Port && outcome.is_match();
                let reading = access.read(&outcome);
                match reading.only_for {
                    Some((_, id)) => self.state = State::Group { access, probe, outcome, id },
                    None => self.conclude(access, &probe, &outcome),
                }
                None
            }
        }
    }

    fn conclude(&mut self, access: AccessTable, probe: &str, outcome: &Outcome) {
        let reading = access.read(outcome);
        let place = outcome.matched.last().map(|place| self.policy.mappings.told(*place)).unwrap_or_default();
        self.note(|| {
            let effects: Vec<String> = reading.effects.iter().map(ToString::to_string).collect();
            let effects = if effects.is_empty() { "nothing".to_owned() } else { effects.join(", ") };
            format!("{} decides: {effects}", access.name())
        });
        let troubles = reading.troubles.into_iter();
        self.decision.troubles.extend(troubles.map(|why| format!("{} ({place}): {why}", access.name())));
        self.decision.add(access.name(), &place, probe, reading.effects);
    }

    fn list_step(&mut self, number: usize) -> Option<Lookup> {
        let zone = self.policy.lists.get(number)?.clone();
        let client = self.facts.client?;
        self.state = State::List { number };
        Some(Lookup::DnsList { zone, subject: client.ip().to_canonical().to_string() })
    }

    fn list_answered(&mut self, number: usize, asked: &Lookup, answer: &Answer) {
        self.note(|| format!("asked {asked}: {answer}"));
        if let (Answer::Found(_), Lookup::DnsList { zone, subject }) = (answer, asked) {
            // The line is the whole reply before the greeting.
            let text = format!("554 5.7.1 {subject} is listed at {zone}");
            let refusal = Refusal { code: 554, status: EnhancedStatus::new(5, 7, 1), text };
            let effect = Effect::Verdict(crate::decision::Verdict::Reject(refusal));
            return self.decision.add("policy.connect_dns_lists", zone, subject, vec![effect]);
        }
        self.state = State::List { number: number + 1 };
    }

    /// Judges the conditions of a rule from one on; gives what must be known first.
    fn rule_step(&mut self, mut at: RuleAt, machine: Option<Box<Machine>>) -> Option<Lookup> {
        let rule = self.policy.rules.get(at.number)?;
        if let Some(mut machine) = machine {
            let step = machine.run();
            return self.rule_machine_step(at, machine, step);
        }
        while let Some(wanted) = rule.conditions.get(at.condition) {
            match wanted.holds(self.facts) {
                Some(true) => at.condition += 1,
                Some(false) => {
                    self.note(|| format!("  does not hold: {}", told(wanted, self.facts)));
                    return None;
                }
                None => return self.rule_question(at, wanted),
            }
        }
        self.rule_holds(rule);
        None
    }

    fn rule_question(&mut self, at: RuleAt, wanted: &Condition) -> Option<Lookup> {
        let address = self.facts.client.map(|client| client.ip().to_canonical());
        let lookup = match wanted {
            Condition::Host(_) => Lookup::HostName { address: address? },
            Condition::DnsList(zones) => {
                Lookup::DnsList { zone: zones.get(at.list)?.clone(), subject: address?.to_string() }
            }
            Condition::Meter { table, key } => {
                Lookup::Meter { routine: MeterRoutine::Throttle, table: table.clone(), key: key.of(self.facts) }
            }
            Condition::Greylist => Lookup::Greylist {
                client: self.facts.client_address(),
                sender: self.facts.sender.clone().unwrap_or_default(),
                recipient: self.facts.value("recipient").unwrap_or_default(),
                hello: self.facts.hello.clone(),
            },
            Condition::Table { table, key } => {
                let Some(table) = self.policy.mappings.find(table) else {
                    self.note(|| format!("  does not hold: there is no table {table}"));
                    return None;
                };
                let given = AccessTable::Mail.given(self.facts);
                let mut machine = self.machine(table, &key.of(self.facts), given);
                let step = machine.run();
                return self.rule_machine_step(at, machine, step);
            }
            _ => return None,
        };
        self.state = State::Rule { at, machine: None };
        Some(lookup)
    }

    fn rule_machine_step(&mut self, at: RuleAt, mut machine: Box<Machine>, step: Step) -> Option<Lookup> {
        self.take_steps(&mut machine);
        match step {
            Step::Lookup(lookup) => {
                self.state = State::Rule { at, machine: Some(machine) };
                Some(lookup)
            }
            Step::Done(mut outcome) => {
                let rule = self.policy.rules.get(at.number).map_or("", |rule| rule.name.as_str());
                self.take_troubles(&format!("rule {rule}"), &mut outcome);
                if outcome.is_match() && outcome.flags.has('Y') {
                    self.state = State::Rule { at: at.next_condition(), machine: None };
                } else {
                    self.note(|| "  does not hold: the table did not set $Y".to_owned());
                }
                None
            }
        }
    }

    fn rule_answered(&mut self, at: RuleAt, machine: Option<Box<Machine>>, asked: &Lookup, answer: Answer) {
        if let Some(mut machine) = machine {
            let step = machine.answer(answer);
            let _wanted = self.rule_machine_step(at, machine, step);
            return;
        }
        self.note(|| format!("  asked {asked}: {answer}"));
        let rule = self.policy.rules.get(at.number);
        let Some(wanted) = rule.and_then(|rule| rule.conditions.get(at.condition)) else { return };
        let holds = match (wanted, &answer) {
            (Condition::Host(names), Answer::Found(name)) => names.fits(name),
            // No name is the empty name, so that a rule can ask for hosts without one.
            (Condition::Host(names), Answer::NotFound) => names.fits(""),
            (Condition::DnsList(zones), Answer::NotFound | Answer::Failed(_)) if at.list + 1 < zones.len() => {
                self.state = State::Rule { at: RuleAt { list: at.list + 1, ..at }, machine: None };
                return;
            }
            (_, Answer::Found(_)) => true,
            (_, Answer::NotFound | Answer::Failed(_)) => false,
        };
        if holds {
            self.state = State::Rule { at: at.next_condition(), machine: None };
        } else {
            self.note(|| format!("  does not hold: {}", told(wanted, self.facts)));
        }
    }

    fn rule_holds(&mut self, rule: &Rule) {
        let inputs = rule.conditions.iter().filter_map(|condition| condition.inputs(self.facts));
        let mut inputs: Vec<String> = inputs.map(|(name, value)| format!("{name}={value}")).collect();
        inputs.dedup();
        self.note(|| {
            let effects: Vec<String> = rule.effects.iter().map(ToString::to_string).collect();
            format!("  holds: {}", effects.join(", "))
        });
        self.decision.add(&format!("rule {}", rule.name), &rule.place, &inputs.join(" "), rule.effects.clone());
        if rule.is_final {
            self.done = self.work.len();
        }
    }
}

fn told(condition: &Condition, facts: &Facts) -> String {
    condition.inputs(facts).map_or_else(String::new, |(name, value)| format!("{name} is \"{value}\""))
}

/// Judges a stage with answers that come at once: for tests, and for reports that ask nobody.
pub fn judge_at_once(
    policy: &Policy,
    stage: Stage,
    facts: &Facts,
    is_traced: bool,
    mut answer: impl FnMut(&Lookup) -> Answer,
) -> Decision {
    let mut judgement = Judgement::new(policy, stage, facts, is_traced);
    while let Some(lookup) = judgement.run() {
        let given = answer(&lookup);
        judgement.answer(given);
    }
    judgement.finish()
}

#[cfg(test)]
mod tests;
