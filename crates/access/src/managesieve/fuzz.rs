//! Entry point for fuzzing.

use crate::managesieve::capability::Offer;
use crate::managesieve::engine::{Engine, Patience, Step};
use bytes::BytesMut;

/// Any octets are input of a session in which every question is answered; in pieces they give what they give whole.
pub fn fuzz_managesieve(data: &[u8]) {
    let whole = play(data, data.len().max(1));
    let piece = usize::from(data.first().copied().unwrap_or(0)) % 7 + 1;
    assert_eq!(whole, play(data, piece), "pieces do not matter");
    assert!(whole.ends_with(b"\r\n"), "responses are whole lines");
}

fn play(data: &[u8], piece: usize) -> Vec<u8> {
    let offer = Offer { can_log_in: true, mechanisms: vec!["PLAIN".to_owned()], ..Offer::default() };
    let mut output = Vec::new();
    let patience = Patience { failed_logins_max: 3, offences_max: 50, script_octets_max: 40 };
    let mut engine = Engine::new("host", offer, patience, &mut output);
    let mut all = std::mem::take(&mut output);
    let mut input = BytesMut::new();
    for piece in data.chunks(piece) {
        input.extend_from_slice(piece);
        loop {
            let step = engine.receive(&mut input, &mut output);
            match step {
                Step::NeedMore => break,
                Step::End(_) => {
                    all.append(&mut output);
                    return all;
                }
                Step::BeginExchange { initial: None, .. } => engine.challenge(b"challenge", &mut output),
                Step::BeginExchange { .. } => engine.logged_in("owner", None, &mut output),
                Step::Respond(response) if response.is_empty() => engine.login_refused(b"NO\r\n", true, &mut output),
                Step::Respond(_) => engine.logged_in("owner", Some(b"last"), &mut output),
                Step::Do(_) => engine.answered(b"OK\r\n", &mut output),
                Step::Flush | Step::StartTls | Step::Forget => {}
            }
            all.append(&mut output);
        }
        all.append(&mut output);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_law_is_broken(lines in prop::collection::vec(prop::sample::select(vec![
            "AUTHENTICATE \"PLAIN\"\r\n", "AUTHENTICATE \"PLAIN\" \"YQ==\"\r\n", "\"YQ==\"\r\n", "\"*\"\r\n", "\"\"\r\n",
            "PUTSCRIPT \"a\" {5+}\r\nkeep;\r\n", "PUTSCRIPT \"a\" {50+}\r\n", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n",
            "LISTSCRIPTS\r\n", "SETACTIVE \"\"\r\n", "NOOP \"x\"\r\n", "UNAUTHENTICATE\r\n", "CAPABILITY\r\n", "LOGOUT\r\n",
            "HAVESPACE \"a\" 1\r\n", "X {3}\r\n", "{1+}\r\n", "\r\n", "\0\r\n", "\"", "STARTTLS\r\n", "GETSCRIPT {1+}\r\na\r\n",
        ]), 0..30)) {
            fuzz_managesieve(lines.concat().as_bytes());
        }

        #[test]
        fn any_octets_are_borne(data in prop::collection::vec(any::<u8>(), 0..200)) {
            fuzz_managesieve(&data);
        }
    }
}
