//! From a TOML value to a value that fits its key, or the reason why it does not.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use model::Network;
use model::{ByteSize, Domain};
use net::ListenAddress;
use toml_edit::Value as Toml;

use crate::settings::key::{Kind, written};

/// A value that fits its key.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// [`Kind::Text`], [`Kind::Choice`], [`Kind::NameEntry`], [`Kind::Secret`].
    Text(String),
    /// [`Kind::Flag`].
    Flag(bool),
    /// [`Kind::Number`].
    Number(i64),
    /// [`Kind::Size`], in octets.
    Size(u64),
    /// [`Kind::Time`].
    Time(Duration),
    /// [`Kind::FilePath`].
    FilePath(PathBuf),
    /// [`Kind::Domain`].
    Domain(Domain),
    /// [`Kind::Listen`].
    Listen(ListenAddress),
    /// [`Kind::Socket`].
    Socket(SocketAddr),
    /// [`Kind::Ip`].
    Ip(IpAddr),
    /// [`Kind::Network`].
    Network(Network),
    /// [`Kind::Mode`].
    Mode(u32),
    /// [`Kind::List`].
    List(Vec<Value>),
}

/// Reads a TOML value as `kind`.
///
/// # Errors
/// Why it does not fit, as the second half of a sentence about it.
pub fn read(kind: &Kind, toml: &Toml) -> Result<Value, String> {
    match kind {
        Kind::Flag => toml.as_bool().map(Value::Flag).ok_or_else(|| wrong_type("true or false", toml)),
        Kind::Number { min, max } => read_number(*min, *max, toml),
        Kind::Size { min, max } => read_size(*min, *max, toml),
        Kind::Time { min, max } => read_time(*min, *max, toml),
        Kind::List(kind) => {
            let array = toml.as_array().ok_or_else(|| wrong_type("a list in [ ]", toml))?;
            array.iter().map(|each| read(kind, each)).collect::<Result<_, _>>().map(Value::List)
        }
        other => match toml.as_str() {
            Some(text) => read_text(other, text),
            None => Err(wrong_type("text in quotes", toml)),
        },
    }
}

fn wrong_type(wanted: &str, found: &Toml) -> String {
    let found = match found {
        Toml::String(_) => "text",
        Toml::Integer(_) => "a number",
        Toml::Float(_) => "a number with a fraction",
        Toml::Boolean(_) => "true or false",
        Toml::Datetime(_) => "a date",
        Toml::Array(_) => "a list",
        Toml::InlineTable(_) => "a table",
    };
    format!("must be {wanted}, not {found}")
}

fn read_number(min: i64, max: i64, toml: &Toml) -> Result<Value, String> {
    let number = toml.as_integer().ok_or_else(|| wrong_type("a whole number", toml))?;
    if number < min || number > max {
        return Err(format!("must be from {min} to {max}, not {number}"));
    }
    Ok(Value::Number(number))
}

fn read_size(min: u64, max: u64, toml: &Toml) -> Result<Value, String> {
    let size = match (toml.as_integer(), toml.as_str()) {
        (Some(octets), _) => u64::try_from(octets).map_err(|_| "must not be negative".to_owned())?,
        (_, Some(text)) => {
            let size: ByteSize =
                text.parse().map_err(|_| format!("must be a size such as \"50 MiB\", not \"{text}\""))?;
            size.octets()
        }
        _ => return Err(wrong_type("a size such as \"50 MiB\"", toml)),
    };
    if size < min || size > max {
        return Err(format!("must be from {} to {}, not {}", ByteSize(min), ByteSize(max), ByteSize(size)));
    }
    Ok(Value::Size(size))
}

fn read_time(min: Duration, max: Duration, toml: &Toml) -> Result<Value, String> {
    let text = match (toml.as_str(), toml.as_integer()) {
        (Some(text), _) => text,
        (_, Some(number)) => return Err(format!("needs a unit: write \"{number}s\", \"{number}m\" or \"{number}h\"")),
        _ => return Err(wrong_type("a time such as \"30s\"", toml)),
    };
    let time = humantime::parse_duration(text)
        .map_err(|_| format!("must be a time such as \"30s\", \"5m\" or \"3d\", not \"{text}\""))?;
    if time < min || time > max {
        return Err(format!("must be from {} to {}, not {}", written(min), written(max), written(time)));
    }
    Ok(Value::Time(time))
}

fn read_text(kind: &Kind, text: &str) -> Result<Value, String> {
    let refused = |error: &dyn std::fmt::Display| format!("is refused: {error}");
    match kind {
        Kind::Choice(words) if words.contains(&text) => Ok(Value::Text(text.to_owned())),
        Kind::Choice(_) => Err(format!("must be {kind}, not \"{text}\"")),
        Kind::FilePath if text.is_empty() => Err("must not be empty".to_owned()),
        Kind::FilePath => Ok(Value::FilePath(PathBuf::from(text))),
        Kind::Domain => text.parse().map(Value::Domain).map_err(|error| refused(&error)),
        Kind::Listen => text.parse().map(Value::Listen).map_err(|error| refused(&error)),
        Kind::Network => text.parse().map(Value::Network).map_err(|error| refused(&error)),
        Kind::Socket => text.parse().map(Value::Socket).map_err(|_| format!("must be {kind}, not \"{text}\"")),
        Kind::Ip => text.parse().map(Value::Ip).map_err(|_| format!("must be {kind}, not \"{text}\"")),
        Kind::NameEntry => match net::resolver::table::Table::parse([text]) {
            Ok(_) => Ok(Value::Text(text.to_owned())),
            Err(error) => Err(refused(&error)),
        },
        Kind::Mode => match u32::from_str_radix(text, 8) {
            Ok(mode) if mode <= 0o777 => Ok(Value::Mode(mode)),
            _ => Err(format!("must be {kind}, not \"{text}\"")),
        },
        _ => Ok(Value::Text(text.to_owned())),
    }
}
