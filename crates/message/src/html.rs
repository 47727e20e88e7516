//! The text of an HTML document, for previews: tags, scripts and styles dropped, entities decoded. Not a renderer.

/// The visible text, at most about `octets_max` octets of it; blocks are separated by line ends.
pub fn text(html: &str, octets_max: usize) -> String {
    todo!()
}
