//! Entry points for the fuzzer.

use crate::frame::{Framed, Framer};
use crate::limits::{LINE_OCTETS_MAX, LITERALS_OCTETS_MAX};
use crate::mailbox_name;
use crate::parse;

/// One whole command.
pub fn fuzz_imap_command(data: &[u8]) {
    let _ = parse::command(data);
}

/// A stream of commands, cut as the first octet says.
pub fn fuzz_imap_frame(data: &[u8]) {
    let Some((&first, rest)) = data.split_first() else { return };
    let mut framer = Framer::new(4096);
    let mut held = Vec::new();
    for piece in rest.chunks(usize::from(first) + 1) {
        held.extend_from_slice(piece);
        let mut input = held.as_slice();
        loop {
            match framer.read(&mut input) {
                Framed::NeedMore => break,
                Framed::Continue => {}
                Framed::Command(command) => {
                    assert!(command.len() <= LINE_OCTETS_MAX + LITERALS_OCTETS_MAX, "a command is bounded");
                    let _ = parse::command(&command);
                }
                Framed::Refused { why, .. } if why.is_fatal() => return,
                Framed::Refused { .. } => {}
            }
        }
        held = input.to_vec();
    }
}

/// A mailbox name.
pub fn fuzz_mailbox_name(data: &[u8]) {
    if let Ok(name) = std::str::from_utf8(data) {
        let _ = mailbox_name::decode(name);
        assert_eq!(mailbox_name::decode(&mailbox_name::encode(name)).as_deref(), Some(name));
    }
}
