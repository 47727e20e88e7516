//! Decoded texts of the parts of the message, kept so that many tests of a body decode it once.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use message::structure::Part;

use crate::limits::CACHED_OCTETS_MAX;

/// The text of a part.
#[derive(Debug)]
pub(super) struct Text {
    /// The text.
    pub plain: String,
    lower: OnceLock<String>,
}

impl Text {
    /// The text in lower case where it is ASCII.
    pub fn lower(&self) -> &str {
        self.lower.get_or_init(|| self.plain.to_ascii_lowercase())
    }
}

/// Which text of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Form {
    /// Nothing decoded.
    Raw,
    /// Transfer encoding and charset decoded.
    Decoded,
    /// The same without the markup of HTML.
    Read,
}

/// The texts that are kept.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    texts: RefCell<HashMap<(u64, u64, Form), Arc<Text>>>,
    octets: Cell<usize>,
}

impl Bodies {
    /// The text, made if it is not kept; whether it was made.
    pub fn text(&self, part: &Part, form: Form, make: impl FnOnce() -> String) -> (Arc<Text>, bool) {
        // Two parts never share their place, unless both are empty.
        let key = (part.body.start, part.body.end, form);
        if let Some(text) = self.texts.borrow().get(&key) {
            return (Arc::clone(text), false);
        }
        let text = Arc::new(Text { plain: make(), lower: OnceLock::new() });
        let octets = self.octets.get() + text.plain.len();
        if octets <= CACHED_OCTETS_MAX {
            self.octets.set(octets);
            self.texts.borrow_mut().insert(key, Arc::clone(&text));
        }
        (text, true)
    }
}
