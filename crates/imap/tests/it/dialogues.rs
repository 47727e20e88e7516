//! The engine here has no answers of its own: it puts commands together and reads them. So a dialogue holds for it when
//! each command is framed with its literals as the server's `+` says, and is understood unless it is answered BAD.

use crate::talk::{self, Dialogue};
use imap::frame::{Framed, Framer};
use imap::parse;
use std::collections::BTreeMap;

/// What became of a command: its tag, and whether it was understood.
struct Seen {
    tag: String,
    is_understood: bool,
}

#[derive(Default)]
struct Peer {
    framer: Option<Framer>,
    seen: Vec<Seen>,
    continuations: usize,
    /// After IDLE, AUTHENTICATE and COMPRESS the lines are no commands.
    is_elsewhere: bool,
}

impl Peer {
    fn give(&mut self, octets: &[u8], place: &str) {
        if self.is_elsewhere {
            self.is_elsewhere = !octets.eq_ignore_ascii_case(b"DONE\r\n");
            return;
        }
        let framer = self.framer.get_or_insert_with(|| Framer::new(50 << 20));
        let mut rest = octets;
        loop {
            match framer.read(&mut rest) {
                Framed::NeedMore => break,
                Framed::Continue => self.continuations += 1,
                Framed::Command(command) => match parse::command(&command) {
                    Ok(tagged) => {
                        let line = String::from_utf8_lossy(&command).to_ascii_uppercase();
                        let verb = line.split_ascii_whitespace().nth(1).unwrap_or_default().to_owned();
                        self.is_elsewhere = matches!(verb.as_str(), "IDLE" | "AUTHENTICATE" | "COMPRESS");
                        self.seen.push(Seen { tag: tagged.tag, is_understood: true });
                    }
                    Err(bad) => self.seen.push(Seen { tag: bad.tag.unwrap_or_default(), is_understood: false }),
                },
                Framed::Refused { tag, why } => {
                    assert!(!why.is_fatal(), "{place}: {why}");
                    self.seen.push(Seen { tag: tag.unwrap_or_default(), is_understood: false });
                }
            }
        }
    }
}

fn play(dialogue: &Dialogue) -> usize {
    let names = talk::names();
    let mut peers: BTreeMap<&str, Peer> = BTreeMap::new();
    let mut judged = 0;
    for step in &dialogue.steps {
        let place = format!("{}:{}", dialogue.path.display(), step.number);
        let peer = peers.entry(&step.connection).or_default();
        match step.kind.as_str() {
            // What a name stands for here does not matter, only that it is a number or a text.
            "C" => peer.give(format!("{}\r\n", stand_in(&talk::fill(&names, &step.text))).as_bytes(), &place),
            "raw" => peer.give(&talk::unescape(&stand_in(&talk::fill(&names, &step.text))), &place),
            "S" if step.text.starts_with("+ ") && peer.continuations > 0 => peer.continuations -= 1,
            "S" => {
                let mut words = step.text.split(' ');
                let (tag, answer) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                if let Some(at) = peer.seen.iter().position(|seen| seen.tag == tag) {
                    let seen = peer.seen.remove(at);
                    let is_right = seen.is_understood || !matches!(answer, "OK" | "NO");
                    assert!(is_right, "{place}: {tag} is answered {answer}, the engine does not understand it");
                    judged += 1;
                }
            }
            _ => {}
        }
    }
    judged
}

/// `{name}`, kept from an earlier answer, as a number.
fn stand_in(text: &str) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        match after.split_once('}') {
            Some((name, behind)) if name.starts_with(|first: char| first.is_ascii_lowercase()) => {
                filled.push('1');
                rest = behind;
            }
            _ => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

#[test]
fn dialogues_are_understood_by_the_engine_alone() {
    let dialogues = talk::of_protocols(&["imap"]);
    assert!(dialogues.len() >= 3, "the dialogues are found");
    for dialogue in &dialogues {
        assert!(play(dialogue) > 0, "{}: no command was judged", dialogue.path.display());
    }
}
