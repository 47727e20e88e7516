//! Exact substring search in decoded headers and bodies under i;unicode-casemap (RFC 9051 §6.4.4, RFC 5051), without
//! copies of the whole message.

use crate::structure::Structure;

/// What is searched for, folded once and used for many messages.
#[derive(Clone, Debug)]
pub struct Needle {
    folded: String,
}

impl Needle {
    /// A text to look for; the empty text is found everywhere.
    pub fn new(text: &str) -> Needle {
        todo!()
    }

    /// Whether `text` contains it.
    pub fn is_in(&self, text: &str) -> bool {
        todo!()
    }

    /// Whether a field of that name contains it: SEARCH HEADER, SUBJECT and the like. An empty needle asks whether
    /// there is such a field at all. `header` may be a whole message.
    pub fn is_in_field(&self, header: &[u8], name: &str) -> bool {
        todo!()
    }

    /// Whether any field of the header contains it, its name included. `header` may be a whole message.
    pub fn is_in_header(&self, header: &[u8]) -> bool {
        todo!()
    }

    /// SEARCH BODY: whether the decoded text of any part, or the header of any embedded message, contains it.
    pub fn is_in_body(&self, message: &[u8], structure: &Structure) -> bool {
        todo!()
    }

    /// SEARCH TEXT: whether any header, those of parts included, or any body contains it.
    pub fn is_in_message(&self, message: &[u8], structure: &Structure) -> bool {
        todo!()
    }
}
