//! Parameters of `Content-Type:` and `Content-Disposition:` (RFC 2045 §5.1), with the charsets and continuations of
//! RFC 2231.

/// One parameter, continuations joined and charsets decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// In lower case, without the `*` marks of RFC 2231.
    pub name: String,
    /// The value in UTF-8; encoded words, which do not belong here but are found, are kept as they came.
    pub value: String,
}

impl Parameter {
    /// Name and value using only ASCII: a value that needs it is written as `name*` and `utf-8''…` (RFC 2231 §4).
    pub fn ascii(&self) -> (String, String) {
        todo!()
    }

    /// The value with encoded words decoded (what some programs write in file names).
    pub fn decoded(&self) -> String {
        todo!()
    }
}

/// Reads `word *( ";" name "=" value )` from the unfolded or folded value of a field: the word as it came, and the
/// parameters.
pub fn parse(value: &[u8]) -> (String, Vec<Parameter>) {
    todo!()
}
