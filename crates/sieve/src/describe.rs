//! How a trace names tests and actions.

use crate::limits::TRACE_CHARS_MAX;
use crate::program::{Action, FlagChange, Test};
use crate::template::{Piece, Template};

impl Test {
    /// Its name.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Test::Constant(_) => "a constant",
            Test::Size { .. } => "size",
            Test::Exists { .. } => "exists",
            Test::Header { .. } => "header",
            Test::Address { .. } => "address",
            Test::Envelope { .. } => "envelope",
            Test::Body { .. } => "body",
            Test::Date { header: Some(_), .. } => "date",
            Test::Date { header: None, .. } => "currentdate",
            Test::Text { .. } => "string",
            Test::HasFlag { .. } => "hasflag",
            Test::Environment { .. } => "environment",
            Test::There(_) => "whether it exists",
            Test::Metadata { .. } => "metadata",
            Test::Duplicate(_) => "duplicate",
            Test::ValidList(_) => "valid_ext_list",
            Test::ValidMethod(_) => "valid_notify_method",
            Test::MethodCapability { .. } => "notify_method_capability",
            Test::Spam { .. } => "spamtest",
            Test::Virus { .. } => "virustest",
        }
    }
}

impl Action {
    /// Its name, and the argument that says most. Texts of messages are not among them.
    pub(crate) fn describe(&self) -> String {
        match self {
            Action::Keep { .. } => "keep".to_owned(),
            Action::FileInto { mailbox, .. } => format!("fileinto {}", show(mailbox)),
            Action::Redirect(redirect) => format!("redirect {}", show(&redirect.address)),
            Action::Discard => "discard".to_owned(),
            Action::Reject { is_extended: false, .. } => "reject".to_owned(),
            Action::Reject { is_extended: true, .. } => "ereject".to_owned(),
            Action::Set { name, .. } => format!("set {}", name.name),
            Action::Flags { change, .. } => match change {
                FlagChange::Set => "setflag".to_owned(),
                FlagChange::Add => "addflag".to_owned(),
                FlagChange::Remove => "removeflag".to_owned(),
            },
            Action::AddHeader { name, .. } => format!("addheader {}", show(name)),
            Action::DeleteHeader { name, .. } => format!("deleteheader {}", show(name)),
            Action::Vacation(_) => "vacation".to_owned(),
            Action::Notify(notify) => format!("notify {}", show(&notify.method)),
            Action::Global(_) => "global".to_owned(),
            Action::Replace { .. } => "replace".to_owned(),
            Action::Enclose { .. } => "enclose".to_owned(),
            Action::ExtractText { name, .. } => format!("extracttext {}", name.name),
            Action::Jettison => "jettison".to_owned(),
            Action::Junk => "junk".to_owned(),
            Action::Hold { .. } => "hold".to_owned(),
            Action::Capture { address } => format!("capture {}", show(address)),
            Action::AddTag { tag } => format!("addtag {}", show(tag)),
            Action::SpamAdjust { score } => format!("spamadjust {}", show(score)),
            Action::VirusSet { level } => format!("virusset {}", show(level)),
        }
    }
}

/// A string as the script has it, cut where it is long.
fn show(template: &Template) -> String {
    match template {
        Template::Literal(text) => quote(text),
        Template::Pieces(pieces) => {
            let mut shown = String::new();
            for piece in pieces {
                match piece {
                    Piece::Text(text) => shown.extend(text.chars().take(TRACE_CHARS_MAX)),
                    Piece::Variable(name) if name.is_global => shown.push_str(&format!("${{global.{}}}", name.name)),
                    Piece::Variable(name) => shown.push_str(&format!("${{{}}}", name.name)),
                    Piece::Capture(number) => shown.push_str(&format!("${{{number}}}")),
                }
                if shown.len() > TRACE_CHARS_MAX {
                    break;
                }
            }
            quote(&shown)
        }
    }
}

fn quote(text: &str) -> String {
    match text.char_indices().nth(TRACE_CHARS_MAX) {
        Some((end, _)) => format!("{:?}...", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}
