//! `heliograph mapping`: check the mapping file, and ask a table as the server would. Works on the file, without a server.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Subcommand;
use policy::access::AccessTable;
use policy::lookup::Answer;
use policy::mapping::flags::Flags;
use policy::mapping::machine::{Machine, Step};
use policy::mapping::problem::Problem;
use policy::mapping::table::Mappings;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::settings::sections::policy::load;
use crate::terminal::print;

/// What can be done with mapping tables.
#[derive(Debug, Subcommand)]
pub enum MappingVerb {
    /// Ask a table, and tell the result and each step.
    Test {
        /// The table.
        table: String,
        /// What it is asked.
        probe: String,
        /// The mapping file instead of the one that the settings name.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// The flags that templates can test, such as AT.
        #[arg(long, default_value = "")]
        flags: String,
        /// The answer to the next look-up: no, fail, yes or yes:TEXT; can be given more than once. Look-ups without one
        /// fail.
        #[arg(long, value_name = "ANSWER")]
        answer: Vec<String>,
    },
    /// Tell whether the mapping file would load, and everything that is wrong with it.
    Check {
        /// The mapping file instead of the one that the settings name.
        file: Option<PathBuf>,
    },
}

#[derive(Serialize)]
struct Tested {
    table: String,
    probe: String,
    output: String,
    flags: String,
    matches: bool,
    matched: Vec<String>,
    effects: Vec<String>,
    troubles: Vec<String>,
    steps: Vec<String>,
}

#[derive(Serialize)]
struct Checked {
    file: String,
    tables: usize,
    entries: usize,
    errors: Vec<String>,
    warnings: Vec<String>,
}

/// Does it.
///
/// # Errors
/// What is wrong with the file, or there is no such table.
pub fn run(verb: MappingVerb, context: &Context) -> Result<(), Failure> {
    match verb {
        MappingVerb::Test { table, probe, file, flags, answer } => {
            let mappings = match file {
                Some(file) => Arc::new(load(&file).map_err(|problems| wrong(&problems))?),
                None => Arc::clone(&Settings::load(&context.settings_file())?.policy.mappings),
            };
            let answers = answer.iter().map(|text| read_answer(text)).collect::<Result<_, _>>()?;
            let tested = test(&mappings, &table, &probe, Flags::of(&flags), answers)?;
            tell(context, &tested, write_tested)
        }
        MappingVerb::Check { file } => {
            let file = match file {
                Some(file) => file,
                None => Settings::mapping_file(&context.settings_file())?
                    .ok_or_else(|| Failure::failed("the settings name no mapping file: set policy.mappings"))?,
            };
            check(context, &file)
        }
    }
}

fn tell<T: Serialize>(context: &Context, report: &T, text: impl FnOnce(&T) -> String) -> Result<(), Failure> {
    if context.json {
        let json = serde_json::to_string(report).map_err(|error| Failure::failed("cannot tell").because(error))?;
        return print(&format!("{json}\n"));
    }
    print(&text(report))
}

fn wrong(problems: &[Problem]) -> Failure {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Failure::failed(lines.join("\n"))
}

fn read_answer(text: &str) -> Result<Answer, Failure> {
    match text.split_once(':').unwrap_or((text, "")) {
        ("yes", text) => Ok(Answer::Found(text.to_owned())),
        ("no", "") => Ok(Answer::NotFound),
        ("fail", why) => Ok(Answer::Failed(if why.is_empty() { "as asked" } else { why }.to_owned())),
        _ => Err(Failure::usage(format!("`{text}` is no answer: write no, fail, yes or yes:TEXT"))),
    }
}

fn test(
    mappings: &Arc<Mappings>,
    table: &str,
    probe: &str,
    flags: Flags,
    mut answers: VecDeque<Answer>,
) -> Result<Tested, Failure> {
    let Some(number) = mappings.find(table) else {
        let names: Vec<&str> = mappings.tables().iter().map(|table| table.name.as_str()).collect();
        return Err(Failure::failed(format!("there is no table {table}; there are {}", names.join(", "))));
    };
    let mut machine = Machine::new(Arc::clone(mappings), number, probe, flags).traced();
    let mut step = machine.run();
    let outcome = loop {
        step = match step {
            Step::Lookup(_) => {
                let nobody = || Answer::Failed("nobody was asked; give an --answer".to_owned());
                machine.answer(answers.pop_front().unwrap_or_else(nobody))
            }
            Step::Done(outcome) => break outcome,
        };
    };
    let access = AccessTable::ALL.into_iter().find(|access| access.name().eq_ignore_ascii_case(table));
    let reading = access.map(|access| access.read(&outcome)).unwrap_or_default();
    Ok(Tested {
        table: table.to_owned(),
        probe: probe.to_owned(),
        flags: outcome.flags.to_string(),
        matches: outcome.is_match(),
        matched: outcome.matched.iter().map(|place| mappings.told(*place)).collect(),
        effects: reading.effects.iter().map(ToString::to_string).collect(),
        troubles: outcome.troubles.into_iter().chain(reading.troubles).collect(),
        output: outcome.output,
        steps: machine.take_trace(),
    })
}

fn write_tested(tested: &Tested) -> String {
    let mut text = String::new();
    for step in &tested.steps {
        let _infallible = writeln!(text, "{step}");
    }
    if tested.matches {
        let _infallible = writeln!(text, "output: {}\nflags: {}", tested.output, tested.flags);
    } else {
        let _infallible = writeln!(text, "output: {}\nno entry matches", tested.output);
    }
    for effect in &tested.effects {
        let _infallible = writeln!(text, "means: {effect}");
    }
    for trouble in &tested.troubles {
        let _infallible = writeln!(text, "trouble: {trouble}");
    }
    text
}

fn check(context: &Context, file: &std::path::Path) -> Result<(), Failure> {
    let (mappings, problems) = match load(file) {
        Ok(mappings) => (mappings, Vec::new()),
        Err(problems) => (Mappings::default(), problems),
    };
    let mappings = Arc::new(mappings);
    let policy = policy::judge::Policy::new(Arc::clone(&mappings), Vec::new(), Vec::new(), Vec::new());
    let all: Vec<Problem> = problems.into_iter().chain(policy.warnings()).collect();
    let told = |is_warning: bool| {
        all.iter().filter(|problem| problem.is_warning == is_warning).map(ToString::to_string).collect::<Vec<_>>()
    };
    let checked = Checked {
        file: file.display().to_string(),
        tables: mappings.tables().len(),
        entries: mappings.tables().iter().map(|table| table.entries.len()).sum(),
        errors: told(false),
        warnings: told(true),
    };
    tell(context, &checked, |checked| {
        let mut text: String = checked.warnings.iter().map(|line| format!("{line}\n")).collect();
        if checked.errors.is_empty() {
            let _infallible =
                writeln!(text, "{}: {} tables, {} entries", checked.file, checked.tables, checked.entries);
        }
        text
    })?;
    match checked.errors.as_slice() {
        [] => Ok(()),
        errors => Err(Failure::failed(errors.join("\n"))),
    }
}
