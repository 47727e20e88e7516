//! Which disclaimers a message gets, and giving it them.

use crate::content::pattern::{fits, fits_address};
use crate::content::service::Content;
use message::addition;
use message::parse;
use model::Address;

/// The places of the disclaimers for mail between two channels, from one address to another.
pub fn of(content: &Content, source: &str, out: &str, from: Option<&Address>, to: &Address) -> Vec<usize> {
    if content.settings.disclaimers.is_empty() {
        return Vec::new();
    }
    let from = from.map(ToString::to_string).unwrap_or_default();
    let to = to.to_string();
    let any = |patterns: &[String], text: &str| patterns.iter().any(|pattern| fits(pattern, text));
    let any_address = |patterns: &[String], address: &str| patterns.iter().any(|one| fits_address(one, address));
    let wanted = content.settings.disclaimers.iter().enumerate().filter(|(_, one)| {
        any(&one.sources, source) && any(&one.outs, out) && any_address(&one.from, &from) && any_address(&one.to, &to)
    });
    wanted.map(|(index, _)| index).collect()
}

/// Gives a message disclaimers; what it is then, if anything changed, and a sentence on each for the trace.
pub fn give(content: &Content, message: &[u8], which: &[usize]) -> (Option<Vec<u8>>, Vec<String>) {
    let mut changed: Option<Vec<u8>> = None;
    let mut told = Vec::new();
    for disclaimer in which.iter().filter_map(|index| content.settings.disclaimers.get(*index)) {
        let octets = changed.as_deref().unwrap_or(message);
        let added = addition::add(octets, &parse::structure(octets), &disclaimer.addition);
        content.signals.disclaimed(&disclaimer.name, &added);
        if added.parts > 0 {
            told.push(format!("disclaimer {} stands in {} parts", disclaimer.name, added.parts));
        }
        for why in &added.skipped {
            told.push(format!("disclaimer {} was left out of a part or the message: {why}", disclaimer.name));
        }
        changed = added.message.or(changed);
    }
    (changed, told)
}
