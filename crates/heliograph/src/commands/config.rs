//! `heliograph config`: look at the settings and change them.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use toml_edit::DocumentMut;

use crate::context::Context;
use crate::failure::Failure;
use crate::settings::document::{self, Values, without_numbers};
use crate::settings::key::{Key, Kind};
use crate::settings::value::Value;
use crate::settings::{Settings, edit, explain, problem, sections};
use crate::terminal::print;

/// What can be done with the settings.
#[derive(Debug, Subcommand)]
pub enum ConfigVerb {
    /// Tell whether the settings would load, and everything that is wrong with them.
    Check {
        /// The file to check instead of the usual one.
        file: Option<PathBuf>,
    },
    /// Show every setting with its value, defaults included.
    Show {
        /// Only what the file says.
        #[arg(long)]
        written: bool,
    },
    /// Print the value of one setting.
    Get {
        /// Such as server.host or listeners[0].address.
        key: String,
    },
    /// Change a setting in the file; comments stay, and what would not load is refused.
    Set {
        /// Such as server.host or listeners[0].address.
        key: String,
        /// The value, as TOML; a text needs no quotes.
        value: String,
    },
    /// Take a setting out of the file, so that its default holds.
    Unset {
        /// Such as server.host, or listeners[0] for a whole listener.
        key: String,
    },
    /// Explain a setting or a section; without one, list all.
    Explain {
        /// Such as server.host, or listeners.
        key: Option<String>,
        /// As the chapter of the book.
        #[arg(long, conflicts_with = "key")]
        markdown: bool,
    },
}

/// Does it.
///
/// # Errors
/// Why not.
pub fn run(verb: ConfigVerb, context: &Context) -> Result<(), Failure> {
    match verb {
        ConfigVerb::Check { file } => check(&file.unwrap_or_else(|| context.settings_file())),
        ConfigVerb::Show { written } => show(context, written),
        ConfigVerb::Get { key } => get(context, &key),
        ConfigVerb::Set { key, value } => {
            let file = context.settings_file();
            let changed = edit::set(&file, &text_of(&file)?, &key, &value)?;
            edit::replace(&file, &changed)
        }
        ConfigVerb::Unset { key } => {
            let file = context.settings_file();
            let changed = edit::unset(&file, &text_of(&file)?, &key)?;
            edit::replace(&file, &changed)
        }
        ConfigVerb::Explain { markdown: true, .. } => print(&explain::chapter()),
        ConfigVerb::Explain { key: None, .. } => print(&explain::list()),
        ConfigVerb::Explain { key: Some(key), .. } => print(&explain::explain(&key).map_err(Failure::failed)?),
    }
}

fn check(file: &Path) -> Result<(), Failure> {
    let settings = Settings::load(file)?;
    for certificate in &settings.tls.certificates {
        net::tls::Certificates::load(std::slice::from_ref(certificate))
            .map_err(|error| Failure::failed(error.to_string()))?;
    }
    print(&format!("{}: no fault found\n", file.display()))
}

/// The text of a file; one that does not exist is empty.
fn text_of(file: &Path) -> Result<String, Failure> {
    match std::fs::read_to_string(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Failure::failed(format!("cannot read {}", file.display())).because(error)),
        Ok(text) => Ok(text),
    }
}

fn values_of(file: &Path) -> Result<(String, Values), Failure> {
    let text = text_of(file)?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let values = document::read(&text, folder).map_err(|list| problem::Problems::new(file, &text, list))?;
    Ok((text, values))
}

fn show(context: &Context, only_written: bool) -> Result<(), Failure> {
    let (_, values) = values_of(&context.settings_file())?;
    let mut shown = serde_json::Map::new();
    let mut text = String::new();
    for path in paths(&values) {
        if only_written && !values.is_written(&path) {
            continue;
        }
        let value = shown_value(&values, &path);
        text.push_str(&format!("{path} = {value}\n"));
        shown.insert(path, serde_json::Value::String(value));
    }
    if context.json { print(&format!("{}\n", serde_json::Value::Object(shown))) } else { print(&text) }
}

/// The paths of all keys: those of lists once for each table that is there.
fn paths(values: &Values) -> Vec<String> {
    let mut paths = Vec::new();
    for (section, _, _) in sections::SECTIONS {
        let keys = sections::all().filter(|key| key.path.rsplit_once('.').is_some_and(|(own, _)| own == *section));
        match section.strip_suffix("[]") {
            None => paths.extend(keys.map(|key| key.path.to_owned())),
            Some(list) => {
                let keys: Vec<&Key> = keys.collect();
                for at in values.each(list) {
                    paths.extend(keys.iter().filter_map(|key| Some(format!("{at}.{}", key.path.rsplit_once('.')?.1))));
                }
            }
        }
    }
    paths
}

/// A value as TOML writes it; secrets are not shown.
fn shown_value(values: &Values, path: &str) -> String {
    let secret = sections::find(&without_numbers(path)).is_some_and(|key| matches!(key.kind, Kind::Secret));
    match values.value(path) {
        None => "unset".to_owned(),
        Some(_) if secret => "(secret)".to_owned(),
        Some(value) => written_value(&value),
    }
}

fn written_value(value: &Value) -> String {
    let quoted = |text: String| toml_edit::Value::from(text).to_string();
    match value {
        Value::Text(text) => quoted(text.clone()),
        Value::Flag(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Size(octets) => quoted(model::ByteSize(*octets).to_string()),
        Value::Time(time) => quoted(crate::settings::key::written(*time)),
        Value::FilePath(path) => quoted(path.display().to_string()),
        Value::Domain(domain) => quoted(domain.to_string()),
        Value::Listen(address) => quoted(address.to_string()),
        Value::Socket(address) => quoted(address.to_string()),
        Value::Ip(address) => quoted(address.to_string()),
        Value::Network(network) => quoted(network.to_string()),
        Value::Mode(mode) => quoted(format!("{mode:o}")),
        Value::List(list) => format!("[{}]", list.iter().map(written_value).collect::<Vec<_>>().join(", ")),
    }
}

fn get(context: &Context, path: &str) -> Result<(), Failure> {
    if sections::find(&without_numbers(path)).is_none() {
        return Err(Failure::failed(explain::unknown(path)));
    }
    let (text, values) = values_of(&context.settings_file())?;
    // A text is printed without quotes, so that scripts can use it.
    let plain = text.parse::<DocumentMut>().is_ok() && matches!(values.value(path), Some(Value::Text(_)));
    let shown = match values.value(path) {
        Some(Value::Text(text)) if plain && shown_value(&values, path) != "(secret)" => text,
        _ => shown_value(&values, path).trim_matches('"').to_owned(),
    };
    print(&format!("{shown}\n"))
}
