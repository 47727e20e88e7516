//! Entry point for fuzzing.

use crate::pop3::capability::Offer;
use crate::pop3::engine::{Engine, Patience, Step};
use crate::pop3::listing::{Entry, Listing};
use bytes::BytesMut;
use model::{Uid, UidValidity};

/// Any octets are input of a session in which every question is answered; in pieces they give what they give whole.
pub fn fuzz_pop3(data: &[u8]) {
    let whole = play(data, data.len().max(1));
    let piece = usize::from(data.first().copied().unwrap_or(0)) % 7 + 1;
    assert_eq!(whole, play(data, piece), "pieces do not matter");
    assert!(whole.ends_with(b"\r\n"), "responses are whole lines");
}

fn play(data: &[u8], piece: usize) -> Vec<u8> {
    let offer = Offer { can_start_tls: false, can_log_in: true, mechanisms: vec!["PLAIN".to_owned()] };
    let mut output = Vec::new();
    let patience = Patience { failed_logins_max: 3, offences_max: 50 };
    let mut engine = Engine::new("host", offer, patience, &mut output);
    let mut all = std::mem::take(&mut output);
    let mut input = BytesMut::new();
    for piece in data.chunks(piece) {
        input.extend_from_slice(piece);
        loop {
            let step = engine.receive(&mut input, &mut output);
            all.append(&mut output);
            match step {
                Step::NeedMore => break,
                Step::End(_) => return all,
                step => answer(&mut engine, step, &mut output),
            }
        }
    }
    all
}

fn answer(engine: &mut Engine, step: Step, output: &mut Vec<u8>) {
    let entries = vec![Entry { uid: Uid(4), octets: 10 }, Entry { uid: Uid(9), octets: 20 }];
    let listing = Listing::new(UidValidity(7), entries);
    match step {
        Step::CheckPassword { password, .. } if password.len() % 2 == 1 => {
            engine.login_refused("-ERR\r\n", true, output);
        }
        Step::CheckPassword { .. } | Step::BeginExchange { initial: Some(_), .. } => engine.opened(listing, output),
        Step::BeginExchange { .. } => engine.challenge(b"challenge", output),
        Step::Respond(_) => engine.opened(listing, output),
        Step::Send { uid: Uid(4), .. } => engine.not_sent("-ERR\r\n", output),
        Step::Send { .. } => engine.sent(),
        Step::Delete(uids) if uids.len() == 1 => engine.not_deleted("-ERR\r\n", output),
        Step::Delete(_) => engine.deleted(output),
        Step::NeedMore | Step::Flush | Step::StartTls | Step::End(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_law_is_broken(lines in prop::collection::vec(prop::sample::select(vec![
            "USER a\r\n", "PASS bb\r\n", "PASS b\n", "AUTH PLAIN\r\n", "AUTH PLAIN =\r\n", "YQ==\r\n", "*\r\n", "STAT\r\n",
            "LIST\r\n", "LIST 1\r\n", "UIDL\r\n", "UIDL 3\r\n", "RETR 1\r\n", "RETR 2\r\n", "TOP 2 1\r\n", "DELE 1\r\n",
            "DELE 2\r\n", "RSET\r\n", "NOOP\r\n", "CAPA\r\n", "QUIT\r\n", "STLS\r\n", "UTF8\r\n", "\r\n", "\0\r\n", "x",
        ]), 0..30)) {
            fuzz_pop3(lines.concat().as_bytes());
        }

        #[test]
        fn any_octets_are_borne(data in prop::collection::vec(any::<u8>(), 0..200)) {
            fuzz_pop3(&data);
        }
    }
}
