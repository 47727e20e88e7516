//! Which entry of the `conversions` file is for a part: the first of which all conditions hold.

use crate::content::conversion::file::{Condition, Conversions, Entry, ParameterCondition};
use crate::content::conversion::leaves::Leaf;
use crate::content::pattern::fits;
use message::parameter::Parameter;
use message::word;

/// The channels between which a message goes.
#[derive(Clone, Copy, Debug)]
pub struct Between<'a> {
    /// The channel that brought it.
    pub source: &'a str,
    /// The channel that it leaves by.
    pub out: &'a str,
    /// The tag that the choice of channels gave; empty for none.
    pub tag: &'a str,
}

/// The entry for a part.
pub fn entry<'a>(conversions: &'a Conversions, leaf: &Leaf<'_>, between: Between<'_>) -> Option<&'a Entry> {
    conversions.entries.iter().find(|entry| entry.conditions.iter().all(|condition| holds(condition, leaf, between)))
}

fn holds(condition: &Condition, leaf: &Leaf<'_>, between: Between<'_>) -> bool {
    let part = leaf.part;
    match condition {
        Condition::InChannel(pattern) => fits(pattern, between.source),
        Condition::OutChannel(pattern) => fits(pattern, between.out),
        Condition::Type(pattern) => fits(pattern, &part.kind),
        Condition::Subtype(pattern) => fits(pattern, &part.subtype),
        Condition::Description(pattern) => {
            fits(pattern, &word::decode(part.description.as_deref().unwrap_or_default()))
        }
        Condition::Disposition(pattern) => {
            fits(pattern, part.disposition.as_ref().map_or("", |disposition| &disposition.kind))
        }
        Condition::Subject(pattern) => fits(pattern, &leaf.subject),
        Condition::PartNumber(pattern) => fits(pattern, &leaf.number),
        Condition::AttachmentNumber(pattern) => fits(pattern, &leaf.attachment.to_string()),
        Condition::Tag(pattern) => fits(pattern, between.tag),
        Condition::Parameter(condition) => {
            let disposed = part.disposition.as_ref().map_or(&[][..], |disposition| &disposition.parameters);
            let parameters = if condition.of_disposition { disposed } else { &part.parameters[..] };
            parameter_holds(condition, parameters)
        }
    }
}

fn parameter_holds(condition: &ParameterCondition, parameters: &[Parameter]) -> bool {
    let mut named = parameters.iter().filter(|parameter| fits(&condition.name, &parameter.name)).peekable();
    if named.peek().is_none() {
        return condition.default.as_deref().is_some_and(|default| fits(&condition.value, default));
    }
    named.any(|parameter| fits(&condition.value, &parameter.decoded()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::conversion::leaves;
    use message::parse;

    fn line_for(conversions: &str, message: &str) -> usize {
        let conversions = Conversions::parse(conversions).unwrap();
        let structure = parse::structure(message.as_bytes());
        let found = leaves::of(message.as_bytes(), &structure);
        let between = Between { source: "smtp", out: "local", tag: "legal" };
        entry(&conversions, &found.leaves[0], between).map_or(0, |entry| entry.line)
    }

    #[test]
    fn the_first_entry_of_which_all_holds_is_taken() {
        let message = "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nContent-Type: application/msword; name=\"a.DOC\"\r\n\
            Content-Disposition: attachment; filename*=utf-8''b.doc\r\nContent-Description: letter\r\n\r\nx";
        for (conditions, holds) in [
            ("in-type=application; in-subtype=ms*", true),
            ("in-type=text", false),
            ("in-chan=smtp; out-chan=loc%l", true),
            ("in-chan=lmtp", false),
            ("in-subject=\"grüße\"", true),
            ("in-description=letter; in-disposition=attachment", true),
            ("in-parameter-name-0=name; in-parameter-value-0=*.doc", true),
            ("in-parameter-name-0=charset; in-parameter-value-0=*", false),
            ("in-parameter-name-0=charset; in-parameter-value-0=us*; in-parameter-default-0=us-ascii", true),
            ("in-dparameter-name-0=filename; in-dparameter-value-0=B.*", true),
            ("part-number=1; attachment-number=1", true),
            ("part-number=1.1", false),
            ("tag=LEGAL", true),
            ("tag=x", false),
        ] {
            assert_eq!(line_for(conditions, message), usize::from(holds), "{conditions}");
        }
        assert_eq!(line_for("in-type=text; delete=1\nin-type=*; delete=1\nin-type=app*; delete=1", message), 2);
    }
}
