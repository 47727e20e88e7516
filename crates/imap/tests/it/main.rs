//! The dialogues of IMAP against the language alone: what a client says there is read, or refused, as the file expects.

#[path = "../../../../tests/dialogues/talk.rs"]
mod talk;

mod dialogues;
