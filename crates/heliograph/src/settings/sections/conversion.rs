//! `[conversion]`: parts of messages that external commands change.

use std::path::Path;
use std::time::Duration;

use mta::content::conversion::file::Conversions;
use mta::content::settings::{ConversionSettings, OnFailure, Pair};

use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};
use crate::settings::problem::Problem;

const MIB: u64 = 1024 * 1024;

/// The keys.
pub const KEYS: &[Key] = &[
    Key {
        path: "conversion.channels",
        kind: Kind::List(&Kind::Text),
        default: "[]",
        doc: "Between which channels mail is converted: IN>OUT, where IN is smtp, lmtp or submission and OUT is local, smtp, \
              lmtp or one of [[named_channels]]; `*` stands for any characters. IN>OUT,Tag=NAME gives entries a tag to ask for. \
              The first that fits holds, where the CONVERSIONS mapping table says nothing.",
        example: "[\"smtp>local\", \"submission>smtp,Tag=outbound\"]",
        effect: Effect::Restart,
    },
    Key {
        path: "conversion.file",
        kind: Kind::FilePath,
        default: "",
        doc: "The `conversions` file, whose entries say what is done to which parts.",
        example: "\"conversions\"",
        effect: Effect::Restart,
    },
    Key {
        path: "conversion.on_failure",
        kind: Kind::Choice(&["defer", "pass", "hold"]),
        default: "\"defer\"",
        doc: "What happens to a message when a command fails: it is tried again by the times of the channel conversion, the part \
              is passed on as it is, or the message is held.",
        example: "\"pass\"",
        effect: Effect::Restart,
    },
    Key {
        path: "conversion.timeout",
        kind: Kind::Time { min: Duration::from_secs(1), max: Duration::from_secs(3600) },
        default: "\"1m\"",
        doc: "How long a command may run before it is ended with all that it started.",
        example: "\"10s\"",
        effect: Effect::Restart,
    },
    Key {
        path: "conversion.memory",
        kind: Kind::Size { min: 16 * MIB, max: 64 * 1024 * MIB },
        default: "\"1 GiB\"",
        doc: "Memory that a command, and each process that it starts, may have.",
        example: "\"256 MiB\"",
        effect: Effect::Restart,
    },
    Key {
        path: "conversion.output",
        kind: Kind::Size { min: 64 * 1024, max: 500 * MIB },
        default: "\"100 MiB\"",
        doc: "The largest file that a command may write.",
        example: "\"20 MiB\"",
        effect: Effect::Restart,
    },
    Key {
        path: "conversion.commands",
        kind: Kind::Number { min: 1, max: 2000 },
        default: "50",
        doc: "Commands that are run for one message. One with more parts for them is held, or goes back to its sender at once with \
              `defer`, since it would be the same the next time; with `pass` the further parts stay as they are.",
        example: "200",
        effect: Effect::Restart,
    },
];

/// Makes what the program runs on; commands work below the data folder.
pub fn make(values: &Values, data: &Path, problems: &mut Vec<Problem>) -> ConversionSettings {
    ConversionSettings {
        pairs: pairs(values, problems),
        conversions: conversions(values, problems),
        on_failure: match values.text("conversion.on_failure").as_str() {
            "pass" => OnFailure::Pass,
            "hold" => OnFailure::Hold,
            _ => OnFailure::Defer,
        },
        timeout: values.time("conversion.timeout"),
        memory_octets: values.size("conversion.memory"),
        output_octets: values.size("conversion.output"),
        commands_max: values.count("conversion.commands"),
        scratch: data.join("run").join("conversion"),
    }
}

fn pairs(values: &Values, problems: &mut Vec<Problem>) -> Vec<Pair> {
    let path = "conversion.channels";
    let mut pairs = Vec::new();
    for text in values.texts(path) {
        match pair(&text) {
            Some(pair) => pairs.push(pair),
            None => {
                let why = format!("must be IN>OUT or IN>OUT,Tag=NAME, not \"{text}\"");
                problems.push(Problem::with_value(values.position(path), path, why));
            }
        }
    }
    pairs
}

fn pair(text: &str) -> Option<Pair> {
    let (channels, tag) = text.split_once(',').map_or((text, None), |(channels, rest)| (channels, Some(rest)));
    let (source, out) = channels.split_once('>')?;
    let tag = match tag {
        None => "",
        Some(tag) => tag.strip_prefix("Tag=").or(tag.strip_prefix("tag="))?,
    };
    let is_word = |text: &str| text.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_.*%".contains(&octet));
    let fits = [source, out].into_iter().all(|word| !word.is_empty() && is_word(word)) && is_word(tag);
    fits.then(|| Pair { source: source.to_owned(), out: out.to_owned(), tag: tag.to_owned() })
}

fn conversions(values: &Values, problems: &mut Vec<Problem>) -> Conversions {
    let path = "conversion.file";
    let Some(file) = values.path_if_set(path) else { return Conversions::default() };
    let read = std::fs::read_to_string(&file).map_err(|error| error.to_string());
    let parsed = read.and_then(|text| Conversions::parse(&text).map_err(|error| error.to_string()));
    parsed.unwrap_or_else(|why| {
        let why = format!("names {}: {why}", file.display());
        problems.push(Problem::with_value(values.position(path), path, why));
        Conversions::default()
    })
}
