//! The text of an HTML document, for previews: tags, scripts and styles dropped, entities decoded. Not a renderer.

/// The visible text, at most about `octets_max` octets of it; blocks are separated by line ends.
pub fn text(html: &str, octets_max: usize) -> String {
    let mut output = String::new();
    let mut rest = html;
    while output.len() < octets_max
        && let Some(at) = rest.find(['<', '&'])
    {
        let (plain, markup) = rest.split_at(at);
        output.push_str(plain);
        rest = if markup.starts_with('&') { entity(markup, &mut output) } else { tag(markup, &mut output) };
    }
    if output.len() < octets_max {
        output.push_str(rest);
    }
    output.truncate(output.floor_char_boundary(octets_max));
    output
}

/// How far a tag may reach for its quotes to be believed.
const TAG_OCTETS_MAX: usize = 4 * 1024;
/// Elements whose content nobody sees.
const HIDDEN: [&str; 5] = ["script", "style", "head", "title", "template"];
/// Elements inside a line of text; any other tag ends the line.
const INLINE: [&str; 18] = [
    "a", "abbr", "b", "big", "code", "em", "font", "i", "label", "mark", "q", "s", "small", "span", "strong", "sub",
    "sup", "u",
];

/// Reads the tag or comment at the start; what follows it.
fn tag<'a>(markup: &'a str, output: &mut String) -> &'a str {
    if let Some(comment) = markup.strip_prefix("<!--") {
        return comment.split_once("-->").map_or("", |(_, after)| after);
    }
    let inner = markup.get(1..).unwrap_or_default();
    let begins_tag = inner.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
    if !begins_tag {
        output.push('<');
        return inner;
    }
    let (inner, after) = inner.split_at(tag_end(inner));
    let after = after.strip_prefix('>').unwrap_or(after);
    let name = inner.trim_start_matches('/');
    let name = name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_ascii_lowercase();
    if HIDDEN.contains(&name.as_str()) && !inner.starts_with('/') && !inner.ends_with('/') {
        return after_element(after, &name);
    }
    if !INLINE.contains(&name.as_str()) {
        output.push('\n');
    }
    after
}

/// Where the `>` stands that ends the tag: quoted attribute values may hold one.
fn tag_end(inner: &str) -> usize {
    let mut quote = None;
    for (at, octet) in inner.bytes().enumerate().take(TAG_OCTETS_MAX) {
        match (quote, octet) {
            (None, b'>') => return at,
            (None, b'"' | b'\'') => quote = Some(octet),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
    }
    // A quote that is never closed hides no text.
    inner.find('>').unwrap_or(inner.len())
}

/// What follows the end tag of a hidden element.
fn after_element<'a>(content: &'a str, name: &str) -> &'a str {
    let mut rest = content;
    while let Some((_, candidate)) = rest.split_once("</") {
        if candidate.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name)) {
            return candidate.split_once('>').map_or("", |(_, after)| after);
        }
        rest = candidate;
    }
    ""
}

const ENTITIES: [(&str, &str); 40] = [
    ("amp", "&"),
    ("lt", "<"),
    ("gt", ">"),
    ("quot", "\""),
    ("apos", "'"),
    ("nbsp", " "),
    ("ensp", " "),
    ("emsp", " "),
    ("thinsp", " "),
    ("zwnj", ""),
    ("zwj", ""),
    ("shy", ""),
    ("copy", "©"),
    ("reg", "®"),
    ("trade", "™"),
    ("hellip", "…"),
    ("mdash", "—"),
    ("ndash", "–"),
    ("lsquo", "‘"),
    ("rsquo", "’"),
    ("ldquo", "“"),
    ("rdquo", "”"),
    ("laquo", "«"),
    ("raquo", "»"),
    ("bull", "•"),
    ("middot", "·"),
    ("euro", "€"),
    ("pound", "£"),
    ("deg", "°"),
    ("auml", "ä"),
    ("ouml", "ö"),
    ("uuml", "ü"),
    ("Auml", "Ä"),
    ("Ouml", "Ö"),
    ("Uuml", "Ü"),
    ("szlig", "ß"),
    ("eacute", "é"),
    ("egrave", "è"),
    ("agrave", "à"),
    ("ccedil", "ç"),
];

/// Reads the entity at the start; what follows it. An `&` that begins none is itself.
fn entity<'a>(markup: &'a str, output: &mut String) -> &'a str {
    let inner = markup.get(1..).unwrap_or_default();
    let length = inner.bytes().take(12).position(|octet| octet == b';');
    if let Some(name) = length.and_then(|length| inner.get(..length))
        && push_entity(name, output)
    {
        return inner.get(name.len() + 1..).unwrap_or_default();
    }
    output.push('&');
    inner
}

fn push_entity(name: &str, output: &mut String) -> bool {
    if let Some(number) = name.strip_prefix('#') {
        let value = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => number.parse().ok(),
        };
        let character = value.and_then(char::from_u32);
        output.extend(character.filter(|character| *character != '\0'));
        return character.is_some();
    }
    let known = ENTITIES.iter().find(|(known, _)| *known == name);
    output.extend(known.map(|(_, text)| *text));
    known.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_seen_remains() {
        let html = "<!DOCTYPE html><html><head><title>no</title><style>p{}</style></head><body><!-- <p>no -->\
            <p class=\"a>b\">One <b>b</b>old &amp; &#8364;&#x41;&unknown; a<2</p><script>if (a</b) no</script>Two</body>";
        let words: Vec<_> = super::text(html, 1000).split_whitespace().map(str::to_owned).collect();
        assert_eq!(words.join(" "), "One bold & €A&unknown; a<2 Two");
    }

    #[test]
    fn broken_documents_are_borne() {
        for html in ["<", "&", "<p", "<!--", "<script>", "a < b", "&#xffffffff;", "<a href=\"never closed>text", "&é;"]
        {
            let _ = text(html, 100);
        }
        assert_eq!(text("a < b & c", 100), "a < b & c");
        assert_eq!(text("<a href=\"x>text", 100), "text");
        assert_eq!(text(&"é".repeat(100), 9), "éééé");
    }
}
