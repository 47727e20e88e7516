//! `[[disclaimers]]`: texts for mail that leaves.

use message::addition::Addition;
use mta::content::settings::Disclaimer;

use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};
use crate::settings::problem::Problem;
use crate::settings::value::Value;

/// The keys.
pub const KEYS: &[Key] = &[
    Key {
        path: "disclaimers[].name",
        kind: Kind::Text,
        default: "",
        doc: "Its name in logs and in the traces of messages.",
        example: "\"company\"",
        effect: Effect::Restart,
    },
    Key {
        path: "disclaimers[].in",
        kind: Kind::List(&Kind::Text),
        default: "[\"submission\"]",
        doc: "For mail that came this way: smtp, lmtp, or submission, which is everything from people who logged in. `*` in a \
              name stands for any characters.",
        example: "[\"submission\", \"smtp\"]",
        effect: Effect::Restart,
    },
    Key {
        path: "disclaimers[].out",
        kind: Kind::List(&Kind::Text),
        default: "[\"smtp\"]",
        doc: "For mail that leaves by these channels: local (our own mailboxes), smtp, lmtp or one of [[named_channels]].",
        example: "[\"*\"]",
        effect: Effect::Restart,
    },
    Key {
        path: "disclaimers[].from",
        kind: Kind::List(&Kind::Text),
        default: "[\"*\"]",
        doc: "For senders with these addresses (`boss@example.org`) or domains (`example.org`, `.example.org` for all below).",
        example: "[\"example.org\", \".example.org\"]",
        effect: Effect::Restart,
    },
    Key {
        path: "disclaimers[].to",
        kind: Kind::List(&Kind::Text),
        default: "[\"*\"]",
        doc: "For recipients with these addresses or domains.",
        example: "[\"example.com\"]",
        effect: Effect::Restart,
    },
    Key {
        path: "disclaimers[].text",
        kind: Kind::Text,
        default: "",
        doc: "What is added to plain text.",
        example: "\"This message is confidential.\"",
        effect: Effect::Restart,
    },
    Key {
        path: "disclaimers[].text_from",
        kind: Kind::FilePath,
        default: "",
        doc: "A file, in UTF-8, with what is added to plain text.",
        example: "\"disclaimer.txt\"",
        effect: Effect::Restart,
    },
    Key {
        path: "disclaimers[].html",
        kind: Kind::Text,
        default: "",
        doc: "What is added to HTML: anything that can stand inside a body. Unset means the plain text in a paragraph.",
        example: "\"<p><small>This message is confidential.</small></p>\"",
        effect: Effect::Restart,
    },
    Key {
        path: "disclaimers[].html_from",
        kind: Kind::FilePath,
        default: "",
        doc: "A file, in UTF-8, with what is added to HTML.",
        example: "\"disclaimer.html\"",
        effect: Effect::Restart,
    },
    Key {
        path: "disclaimers[].place",
        kind: Kind::Choice(&["bottom", "top"]),
        default: "\"bottom\"",
        doc: "Whether it stands below or above what was written.",
        example: "\"top\"",
        effect: Effect::Restart,
    },
];

/// Octets of a text.
const TEXT_OCTETS_MAX: usize = 64 * 1024;

/// Makes what the program runs on.
pub fn make(values: &Values, problems: &mut Vec<Problem>) -> Vec<Disclaimer> {
    values.each("disclaimers").iter().filter_map(|at| make_one(values, at, problems)).collect()
}

fn make_one(values: &Values, at: &str, problems: &mut Vec<Problem>) -> Option<Disclaimer> {
    let path = |name: &str| format!("{at}.{name}");
    let texts =
        |name: &str| values.picked(&path(name), |value| if let Value::Text(text) = value { Some(text) } else { None });
    let name = values.text_if_set(&path("name")).unwrap_or_else(|| at.to_owned());
    let text = text_of(values, at, "text", problems)?;
    let html = text_of(values, at, "html", problems)?;
    let Some(text) = text else {
        let path = path("text");
        problems.push(Problem::with_value(values.position(&path), &path, "or text_from must be given"));
        return None;
    };
    let html = html.unwrap_or_else(|| paragraph(&text));
    let at_top = values.text(&path("place")) == "top";
    let addition = Addition { text, html, at_top };
    Some(Disclaimer { name, sources: texts("in"), outs: texts("out"), from: texts("from"), to: texts("to"), addition })
}

/// A text from the settings or from a file; `None` inside when neither is set, outside when there is a problem.
fn text_of(values: &Values, at: &str, name: &str, problems: &mut Vec<Problem>) -> Option<Option<String>> {
    let (own, from) = (format!("{at}.{name}"), format!("{at}.{name}_from"));
    let written = values.text_if_set(&own);
    let file = values.path_if_set(&from);
    let mut refuse = |path: &str, why: String| {
        problems.push(Problem::with_value(values.position(path), path, why));
        None
    };
    let text = match (written, file) {
        (Some(_), Some(_)) => return refuse(&from, format!("cannot be given together with {name}")),
        (Some(text), None) => text,
        (None, None) => return Some(None),
        (None, Some(file)) => match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) => return refuse(&from, format!("names {}: {error}", file.display())),
        },
    };
    if text.trim().is_empty() {
        return refuse(&own, "must not be empty".to_owned());
    }
    if text.len() > TEXT_OCTETS_MAX {
        return refuse(&own, format!("must have at most {TEXT_OCTETS_MAX} octets"));
    }
    Some(Some(text))
}

/// A plain text as a paragraph of HTML.
fn paragraph(text: &str) -> String {
    let escaped = text.trim_end().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<p>{}</p>", escaped.lines().collect::<Vec<_>>().join("<br>\n"))
}
