//! What a command says in OUTPUT_OPTIONS: how its result is to be labelled, and what becomes of the part or the message.

/// What becomes of the part, or of the whole message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// The result takes the place of the part.
    #[default]
    Normal,
    /// The message goes back to its sender.
    Return,
    /// The message goes to the postmaster instead.
    Post,
    /// The part stays as it is.
    AsIs,
    /// The part goes.
    Delete,
    /// The message is held.
    Hold,
    /// The message goes to nobody, and nobody hears of it.
    Discard,
}

/// The numbers that scripts write, by the names that the manuals give them. A return with its lowest bit set asks for a
/// sample of the message only, which is what our notices hold of large ones anyway.
const STATUSES: [(&str, u32, Status); 8] = [
    ("FORCERETURN", 0x0A9C_857A, Status::Return),
    ("FORCERETURNSAMPLE", 0x0A9C_857B, Status::Return),
    ("FORCEPOST", 0x0A9C_8612, Status::Post),
    ("FORCEASIS", 0x0A9C_8632, Status::AsIs),
    ("FORCEDELETE", 0x0A9C_8662, Status::Delete),
    ("FORCEHOLD", 0x0A9C_86AA, Status::Hold),
    ("FORCEDISCARD", 0x0A9C_86B3, Status::Discard),
    ("FORCEJETTISON", 0x0A9C_86E3, Status::Discard),
];

/// Octets of a directive's value.
const VALUE_OCTETS_MAX: usize = 4096;

/// Everything that a command said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directives {
    /// What becomes of it.
    pub status: Status,
    /// OUTPUT_DIAGNOSTIC: why, for the sender or the operator.
    pub diagnostic: Option<String>,
    /// OUTPUT_TYPE.
    pub kind: Option<String>,
    /// OUTPUT_SUBTYPE.
    pub subtype: Option<String>,
    /// OUTPUT_DESCRIPTION.
    pub description: Option<String>,
    /// OUTPUT_DISPOSITION.
    pub disposition: Option<String>,
    /// OUTPUT_ENCODING.
    pub encoding: Option<String>,
    /// OUTPUT_MODE, whether the result has lines.
    pub has_lines: Option<bool>,
}

/// Reads the lines `NAME=VALUE`. A status that is not known is told: it must not pass for success.
pub fn read(text: &str) -> Result<Directives, String> {
    let mut directives = Directives::default();
    for line in text.lines().take(1000) {
        let Some((name, value)) = line.split_once('=') else { continue };
        let value = value.trim().trim_matches('"');
        let value: String = value.chars().filter(|character| !character.is_control()).collect();
        let value = value.get(..value.floor_char_boundary(VALUE_OCTETS_MAX)).unwrap_or_default().to_owned();
        let word = || Some(value.to_ascii_lowercase()).filter(|word| is_token(word));
        match name.trim().to_ascii_uppercase().as_str() {
            "STATUS" => directives.status = status(&value).ok_or_else(|| format!("the status {value} is not known"))?,
            "OUTPUT_DIAGNOSTIC" => directives.diagnostic = Some(value).filter(|text| !text.is_empty()),
            "OUTPUT_TYPE" => directives.kind = word(),
            "OUTPUT_SUBTYPE" => directives.subtype = word(),
            "OUTPUT_DESCRIPTION" => directives.description = Some(value),
            "OUTPUT_DISPOSITION" => directives.disposition = word(),
            "OUTPUT_ENCODING" => directives.encoding = word(),
            "OUTPUT_MODE" => directives.has_lines = word().map(|mode| mode != "block"),
            _ => {}
        }
    }
    Ok(directives)
}

fn status(text: &str) -> Option<Status> {
    let text = text.trim();
    if matches!(text, "" | "0" | "1") {
        return Some(Status::Normal);
    }
    // The names of the manuals have a prefix such as PMDF__ or MTA__.
    let name = text.rsplit_once("__").map_or(text, |(_, name)| name);
    let number = match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse::<u32>().ok(),
    };
    let found = STATUSES.iter().find(|(known, value, _)| known.eq_ignore_ascii_case(name) || number == Some(*value));
    found.map(|(.., status)| *status)
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&octet))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_known_by_number_and_by_name() {
        for (text, expected) in [
            ("STATUS=0x0A9C857A", Status::Return),
            ("STATUS=178029946", Status::Return),
            ("status = PMDF__FORCEDELETE", Status::Delete),
            ("STATUS=FORCEHOLD", Status::Hold),
            ("STATUS=178030227", Status::Normal),
        ] {
            let read = read(text);
            if expected == Status::Normal {
                assert!(read.is_err(), "{text}");
            } else {
                assert_eq!(read.unwrap().status, expected, "{text}");
            }
        }
    }

    #[test]
    fn labels_and_diagnostics_are_read() {
        let read = read(
            "OUTPUT_DIAGNOSTIC=\"no viruses please\"\nOUTPUT_TYPE=Text\nOUTPUT_MODE=BLOCK\nOUTPUT_SUBTYPE=a b\nx\n",
        )
        .unwrap();
        assert_eq!(read.diagnostic.as_deref(), Some("no viruses please"));
        assert_eq!((read.kind.as_deref(), read.subtype, read.has_lines), (Some("text"), None, Some(false)));
    }
}
