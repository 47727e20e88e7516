//! The octets between DATA and the last dot, and those of a chunk.

/// What reading a piece of DATA has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// All input is used; the message goes on.
    More,
    /// The message has ended; so many octets of the input were used.
    End {
        /// Octets used.
        used: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    LineStart,
    Middle,
    /// A CR has come and waits for its LF.
    Cr,
    /// A dot at the start of a line, dropped unless it was alone.
    Dot,
    /// A dot at the start of a line and a CR.
    DotCr,
}

/// Removes dot-stuffing and finds the end (RFC 5321 §4.5.2). Only CRLF ends a line, so only CRLF "." CRLF ends a message:
/// a server that took less could be made to see a second message inside the first.
#[derive(Clone, Copy, Debug)]
pub struct DataScanner {
    at: At,
    bare: bool,
}

impl DataScanner {
    /// At the first octet after the 354 reply.
    pub fn new() -> DataScanner {
        DataScanner { at: At::LineStart, bare: false }
    }

    /// Whether a CR or LF stood alone somewhere: such a message is refused as a whole (RFC 5321 §2.3.8).
    pub fn has_bare_line_end(&self) -> bool {
        self.bare
    }

    /// Reads `input` and hands the message's octets to `sink` in pieces as long as possible.
    pub fn scan(&mut self, input: &[u8], sink: &mut dyn FnMut(&[u8])) -> Scanned {
        let mut used = 0;
        while let Some(rest) = input.get(used..).filter(|rest| !rest.is_empty()) {
            let Some(&octet) = rest.first() else { break };
            used += match self.at {
                At::LineStart if octet == b'.' => {
                    self.at = At::Dot;
                    1
                }
                At::LineStart | At::Middle => self.line(rest, sink),
                At::Cr => {
                    if octet == b'\n' {
                        sink(b"\r\n");
                        self.at = At::LineStart;
                        1
                    } else {
                        sink(b"\r");
                        self.bare = true;
                        self.at = At::Middle;
                        0
                    }
                }
                At::Dot if octet == b'\r' => {
                    self.at = At::DotCr;
                    1
                }
                At::Dot => {
                    self.at = At::Middle;
                    0
                }
                At::DotCr if octet == b'\n' => return Scanned::End { used: used + 1 },
                At::DotCr => {
                    sink(b"\r");
                    self.bare = true;
                    self.at = At::Middle;
                    0
                }
            };
        }
        Scanned::More
    }

    /// Takes as much of the current line, and of whole lines after it, as can be handed on in one piece.
    fn line(&mut self, rest: &[u8], sink: &mut dyn FnMut(&[u8])) -> usize {
        let mut end = 0;
        loop {
            let Some(at) = rest.get(end..).and_then(|tail| memchr::memchr2(b'\r', b'\n', tail)).map(|at| at + end)
            else {
                sink(rest.get(..).unwrap_or_default());
                self.at = At::Middle;
                return rest.len();
            };
            if rest.get(at) == Some(&b'\n') {
                self.bare = true;
                end = at + 1;
                continue;
            }
            match (rest.get(at + 1), rest.get(at + 2)) {
                (Some(b'\n'), Some(b'.')) => {
                    sink(rest.get(..at + 2).unwrap_or_default());
                    self.at = At::LineStart;
                    return at + 2;
                }
                (Some(b'\n'), Some(_)) => end = at + 2,
                (Some(b'\n'), None) => {
                    sink(rest);
                    self.at = At::LineStart;
                    return rest.len();
                }
                (Some(_), _) => {
                    self.bare = true;
                    end = at + 1;
                }
                (None, _) => {
                    sink(rest.get(..at).unwrap_or_default());
                    self.at = At::Cr;
                    return rest.len();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The whole result of reading `input` in pieces that end at `cuts`.
    fn read(input: &[u8], cuts: &[usize]) -> (Vec<u8>, Option<usize>, bool) {
        let (mut scanner, mut out, mut start) = (DataScanner::new(), Vec::new(), 0);
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (input.len() + 1)).collect();
        ends.push(input.len());
        ends.sort_unstable();
        for end in ends {
            match scanner.scan(&input[start..end], &mut |piece| out.extend_from_slice(piece)) {
                Scanned::End { used } => return (out, Some(start + used), scanner.has_bare_line_end()),
                Scanned::More => start = end,
            }
        }
        (out, None, scanner.has_bare_line_end())
    }

    #[test]
    fn dots_are_unstuffed_and_the_end_is_found() {
        let input = b"a\r\n..b\r\n.c\r\n\r\n.\r\nQUIT\r\n";
        assert_eq!(read(input, &[]), (b"a\r\n.b\r\nc\r\n\r\n".to_vec(), Some(input.len() - 6), false));
        assert_eq!(read(b".\r\n", &[]), (Vec::new(), Some(3), false));
    }

    #[test]
    fn nothing_but_crlf_dot_crlf_ends_a_message() {
        for input in ["a\n.\nb", "a\r\n.\nb", "a\n.\r\nb", "a\r.\rb", "a\r\n.\rb", "a\r\r\n\n.\r\nb"] {
            let (_, end, bare) = read(input.as_bytes(), &[]);
            assert_eq!((end, bare), (None, true), "{input:?}");
        }
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            input in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'.'), Just(b'a')], 0..60),
            cuts in proptest::collection::vec(any::<usize>(), 0..8),
        ) {
            prop_assert_eq!(read(&input, &cuts), read(&input, &[]));
        }

        #[test]
        fn unstuffing_undoes_stuffing(lines in proptest::collection::vec("[.a]{0,5}", 0..12)) {
            let plain: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            let stuffed: String = lines
                .iter()
                .map(|line| if line.starts_with('.') { format!(".{line}\r\n") } else { format!("{line}\r\n") })
                .collect();
            let (out, end, bare) = read(format!("{stuffed}.\r\n").as_bytes(), &[3, 7]);
            prop_assert_eq!(out, plain.into_bytes());
            prop_assert_eq!((end, bare), (Some(stuffed.len() + 3), false));
        }
    }
}
