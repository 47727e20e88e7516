//! Messages in multi-line responses: dots at the beginning of lines are doubled, and a line with one dot ends them
//! (RFC 1939 §3).

use memchr::{memchr, memmem};

/// Stuffs a message piece by piece. Every line end counts, bare LF too: there are clients that cut lines there, and for
/// them a lone dot after one would end the message.
#[derive(Debug, Default)]
pub struct Stuffing {
    last: Option<u8>,
    before_last: Option<u8>,
}

impl Stuffing {
    /// Appends the next piece.
    pub fn push(&mut self, piece: &[u8], output: &mut Vec<u8>) {
        output.reserve(piece.len() + 16);
        let mut rest = piece;
        while !rest.is_empty() {
            if self.at_line_start() && rest.first() == Some(&b'.') {
                output.push(b'.');
            }
            let end = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            let (line, after) = rest.split_at(end);
            output.extend_from_slice(line);
            self.before_last = match line {
                [.., before, _] => Some(*before),
                _ => self.last,
            };
            self.last = line.last().copied();
            rest = after;
        }
    }

    /// Appends the end: a line end if the message has none, and the final dot.
    pub fn finish(&mut self, output: &mut Vec<u8>) {
        let is_ended = self.last.is_none() || (self.last == Some(b'\n') && self.before_last == Some(b'\r'));
        output.extend_from_slice(if is_ended { b".\r\n" } else { b"\r\n.\r\n" });
    }

    fn at_line_start(&self) -> bool {
        self.last.is_none_or(|octet| octet == b'\n')
    }
}

/// What `TOP` sends: the header with the empty line, and so many lines of the body (RFC 1939 §7).
pub fn top(message: &[u8], lines: u64) -> &[u8] {
    let mut end = message::header::octets(message);
    for _ in 0..lines {
        match memmem::find(message.get(end..).unwrap_or_default(), b"\n") {
            Some(line) => end += line + 1,
            None => return message,
        }
    }
    message.get(..end).unwrap_or(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stuffed(message: &[u8], piece: usize) -> Vec<u8> {
        let mut stuffing = Stuffing::default();
        let mut output = Vec::new();
        message.chunks(piece.max(1)).for_each(|piece| stuffing.push(piece, &mut output));
        stuffing.finish(&mut output);
        output
    }

    /// What a client does that cuts lines at CRLF.
    fn unstuffed(response: &[u8]) -> Option<Vec<u8>> {
        let body = response.strip_suffix(b".\r\n")?;
        let mut message = Vec::new();
        let mut at_start = true;
        for (index, octet) in body.iter().enumerate() {
            let doubled = at_start && *octet == b'.';
            assert!(!doubled || body.get(index + 1).is_some(), "a lone dot");
            at_start = *octet == b'\n';
            if !doubled {
                message.push(*octet);
            }
        }
        Some(message)
    }

    #[test]
    fn dots_are_doubled_and_the_end_is_clear() {
        assert_eq!(stuffed(b".\r\n..a\r\nb.\r\n", 100), b"..\r\n...a\r\nb.\r\n.\r\n");
        assert_eq!(stuffed(b"no end", 2), b"no end\r\n.\r\n");
        assert_eq!(stuffed(b"bare\n.\n", 3), b"bare\n..\n\r\n.\r\n");
        assert_eq!(stuffed(b"", 1), b".\r\n");
    }

    #[test]
    fn top_counts_lines_of_the_body() {
        let message = b"A: b\r\n\r\n1\r\n2\r\n3";
        assert_eq!(top(message, 0), b"A: b\r\n\r\n");
        assert_eq!(top(message, 2), b"A: b\r\n\r\n1\r\n2\r\n");
        assert_eq!(top(message, 3), message);
        assert_eq!(top(message, u64::MAX), message);
        assert_eq!(top(b"", 5), b"");
    }

    proptest! {
        #[test]
        fn the_client_gets_what_was_stored(
            lines in prop::collection::vec("[.a]{0,4}", 0..20),
            piece in 1usize..9,
        ) {
            let message = lines.iter().flat_map(|line| [line.as_str(), "\r\n"]).collect::<String>();
            prop_assert_eq!(unstuffed(&stuffed(message.as_bytes(), piece)), Some(message.into_bytes()));
        }

        #[test]
        fn pieces_do_not_matter(message in prop::collection::vec(prop::sample::select(b".\r\na".to_vec()), 0..40), piece in 1usize..7) {
            prop_assert_eq!(stuffed(&message, piece), stuffed(&message, 1000));
        }
    }
}
