//! A part of a long list: what holds a text, from one on, so many. The same in what is typed and in what is asked.

use clap::Args;
use serde::{Deserialize, Serialize};

/// Which part.
#[derive(Clone, Debug, PartialEq, Eq, Args, Serialize, Deserialize)]
pub struct Page {
    /// Only those that hold this in their name or address.
    #[arg(long)]
    pub holding: Option<String>,
    /// Only those after this one.
    #[arg(long)]
    pub after: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 100)]
    pub limit: usize,
}

impl Page {
    /// The part of `all` that is meant, in the order of their keys. `holds` tells whether one holds a text.
    pub fn of<T>(&self, mut all: Vec<T>, key: impl Fn(&T) -> &str, holds: impl Fn(&T, &str) -> bool) -> Vec<T> {
        all.retain(|one| {
            self.holding.as_ref().is_none_or(|text| holds(one, text))
                && self.after.as_ref().is_none_or(|after| key(one) > after.as_str())
        });
        all.sort_by(|left, right| key(left).cmp(key(right)));
        all.truncate(self.limit);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_begins_behind_what_was_seen() {
        let page = |holding: Option<&str>, after: Option<&str>, limit| {
            let page = Page { holding: holding.map(str::to_owned), after: after.map(str::to_owned), limit };
            page.of(vec!["d", "cb", "ab", "b"], |one| one, |one, text| one.contains(text))
        };
        assert_eq!(page(None, None, 100), ["ab", "b", "cb", "d"]);
        assert_eq!(page(Some("b"), None, 2), ["ab", "b"]);
        assert_eq!(page(Some("b"), Some("b"), 2), ["cb"]);
    }
}
