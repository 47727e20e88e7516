//! The dialogues of SMTP and LMTP against the engine alone, with the decisions scripted in the files.

#[path = "../../../../tests/dialogues/talk.rs"]
mod talk;

#[path = "../../../../tests/dialogues/pattern.rs"]
mod pattern;

mod dialogues;
