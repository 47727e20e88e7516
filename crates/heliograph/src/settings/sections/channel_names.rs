//! Whether the channels that other sections and the CONVERSIONS mapping table speak of are there: a name that nothing has is a
//! mistake that would send no mail anywhere, silently.

use mta::judge::settings::Destinations;
use policy::mapping::table::Mappings;
use policy::mapping::template::Part;
use policy::source::{Source, USUAL};

use crate::settings::document::Values;
use crate::settings::nearest::nearest;
use crate::settings::problem::Problem;
use crate::settings::sections::named_channels::Named;

/// What else there is besides named channels.
pub struct Others<'a> {
    /// `[[sources]]`.
    pub sources: &'a [Source],
    /// The mapping tables.
    pub mappings: &'a Mappings,
    /// How tables and rules call the channels that every server has.
    pub destinations: &'a Destinations,
}

/// Kinds of sessions.
const KINDS: [&str; 3] = ["smtp", "submission", "lmtp"];
/// The channels by which mail leaves that every server has, as settings about content name them.
const OUTS: [&str; 3] = ["local", "smtp", "lmtp"];

/// Checks all references.
pub fn check(values: &Values, named: &Named, others: &Others<'_>, problems: &mut Vec<Problem>) {
    let sources: Vec<&str> =
        others.sources.iter().map(|source| source.name.as_str()).chain(USUAL).chain(KINDS).collect();
    let outs: Vec<&str> = OUTS.into_iter().chain(named.names()).collect();
    let mut look = |path: &str, names: &[String], known: &[&str]| {
        let is_pattern = |name: &str| name.contains(['*', '%', '?']);
        let is_there = |name: &str| known.iter().any(|known| known.eq_ignore_ascii_case(name));
        for name in names.iter().filter(|name| !is_pattern(name) && !is_there(name)) {
            let why = format!("names the channel \"{name}\", which is not there");
            let problem = Problem::with_value(values.position(path), path, why);
            problems.push(problem.helped(help(name, known)));
        }
    };
    for at in values.each("named_channels") {
        let path = format!("{at}.from_channels");
        look(&path, &values.texts(&path), &sources);
    }
    for at in values.each("disclaimers") {
        let path = format!("{at}.out");
        look(&path, &values.texts(&path), &outs);
    }
    for at in values.each("filters") {
        let path = format!("{at}.channels");
        let all: Vec<&str> = sources.iter().copied().chain(named.names()).collect();
        look(&path, &values.texts(&path), &all);
    }
    let path = "conversion.channels";
    let pairs = values.texts(path);
    let out_of = |pair: &String| {
        pair.split_once(',').map_or(pair.as_str(), |(pair, _)| pair).split_once('>').map(|(_, out)| out.to_owned())
    };
    look(path, &pairs.iter().filter_map(out_of).collect::<Vec<_>>(), &outs);
    let Destinations { local, smtp, lmtp, process, held } = others.destinations;
    let usual: Vec<&str> = [local, smtp, lmtp, process, held].map(String::as_str).to_vec();
    let destinations: Vec<&str> = usual.iter().copied().chain(named.names()).collect();
    let callers: Vec<&str> = others.sources.iter().map(|source| source.name.as_str()).chain(USUAL).collect();
    for at in values.each("rules") {
        for (name, known) in [("source", &callers), ("destination", &destinations)] {
            let path = format!("{at}.{name}");
            look(&path, &values.texts(&path), known);
        }
    }
    for at in values.each("named_channels") {
        let path = format!("{at}.name");
        let name = values.text_if_set(&path).unwrap_or_default();
        if usual.iter().chain(&KINDS).any(|usual| usual.eq_ignore_ascii_case(&name)) && named.has(&name) {
            let why = format!("is what tables and rules call another channel: \"{name}\"");
            problems.push(Problem::with_value(values.position(&path), &path, why));
        }
    }
    check_table(values, named, others.mappings, problems);
}

fn help(name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("there are {}", known.join(", ")),
    }
}

/// `Channel=NAME` in the CONVERSIONS table; what a template puts together only when it is asked cannot be seen here.
fn check_table(values: &Values, named: &Named, mappings: &Mappings, problems: &mut Vec<Problem>) {
    let Some(table) = mappings.find("CONVERSIONS").and_then(|number| mappings.table(number)) else { return };
    for entry in &table.entries {
        let parts = &entry.template.parts;
        for (at, part) in parts.iter().enumerate() {
            let Part::Text(text) = part else { continue };
            let goes_on = parts.get(at + 1).is_some_and(is_text);
            let is_there = |name: &str| named.has(name) || name.eq_ignore_ascii_case("conversion");
            for name in named_in(text, goes_on).into_iter().filter(|name| !is_there(name)) {
                let place = mappings.told(entry.place);
                let why = format!(
                    "names a file whose table CONVERSIONS ({place}) names the channel \"{name}\", which is not there"
                );
                let problem = Problem::with_value(values.position("policy.mappings"), "policy.mappings", why);
                let known: Vec<&str> = named.names().collect();
                problems.push(problem.helped(match known.as_slice() {
                    [] => "write one of [[named_channels]] for it".to_owned(),
                    known => help(name, known),
                }));
            }
        }
    }
}

/// Whether a part puts more text behind the one before it.
fn is_text(part: &Part) -> bool {
    matches!(part, Part::Text(_) | Part::Wildcard(_) | Part::Callout(_))
}

/// The names behind `Channel=` in a text; the last word counts only if nothing follows it.
fn named_in(text: &str, goes_on: bool) -> Vec<&str> {
    let words: Vec<&str> = text.split(',').collect();
    let whole = words.len() - usize::from(goes_on);
    let pairs = words.into_iter().take(whole).filter_map(|word| word.trim().split_once('='));
    pairs.filter(|(key, _)| key.eq_ignore_ascii_case("channel")).map(|(_, name)| name.trim()).collect()
}
