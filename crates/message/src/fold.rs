//! i;unicode-casemap (RFC 5051): each character to its simple title case, then fully decomposed.

/// Appends the folded form of `text`.
pub fn push(text: &str, output: &mut String) {
    todo!()
}

/// The folded form of `text`: two texts are equal under i;unicode-casemap if these are, and sort as these do.
pub fn fold(text: &str) -> String {
    let mut output = String::with_capacity(text.len());
    push(text, &mut output);
    output
}
