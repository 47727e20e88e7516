//! The Sieve language (RFC 5228 and its extensions): scripts are read and checked by [`compile`], and run by a
//! [`Machine`] that asks what it must know and says in the end what is to be done. Nothing here waits, stores or sends.
//!
//! How a script is run: [`compile`] makes a [`Script`] of its text, or says in a [`Fault`] what is wrong, where, and what
//! to do. A script can be kept and shared. [`Machine::new`] begins a run of it with a [`Context`]: the message, its
//! parts, the envelope, the time. [`Machine::resume`] goes on until it ends with [`Step::Done`], or must be told
//! something: each [`Step::Ask`] holds a [`Question`], which says what [`Answer`] it wants. The [`Outcome`] holds the
//! [`Effect`]s in their order, the implicit keep among them, what `duplicate` wants remembered, and why the run failed if
//! it did - then the message is to be kept as it came, and nothing else is done. A [`Version`] is the message as an effect
//! is to use it, with the script's changes.
//!
//! What is left to whoever runs scripts: whether a vacation answer may be sent and was sent lately, whether a redirect
//! would loop, whether a notification may go out, finding mailboxes, and doing it all.
//!
//! ```
//! use std::sync::Arc;
//! use sieve::{Answer, Context, Effect, Extensions, Machine, Step, compile};
//!
//! let text = br#"require "fileinto"; if header :contains "subject" "news" { fileinto "News"; }"#;
//! let script = Arc::new(compile(text, Extensions::for_users())?);
//! let message = b"Subject: Old news\r\n\r\n";
//! let structure = message::parse::structure(message);
//! let mut machine = Machine::new(script, Context::new(message, &structure));
//! let outcome = loop {
//!     match machine.resume() {
//!         Step::Ask(_) => machine.answer(Answer::Unknown("nobody is there to ask".to_owned())),
//!         Step::Done(outcome) => break outcome,
//!     }
//! };
//! assert!(matches!(&outcome.effects[..], [Effect::FileInto { target, .. }] if target.mailbox == "News"));
//! # Ok::<(), sieve::Fault>(())
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `limits` | every bound of this crate |
//! | `extension` | what `require` can name |
//! | `lexer`, `syntax` | characters to words, words to commands (RFC 5228 §8) |
//! | `compile/`, `signature`, `template` | commands checked and made operations; strings with variables |
//! | `program`, `describe`, `inspect` | the operations, how a trace names them, and what they could do |
//! | `machine/` | a run: control, tests, actions, changes of the message |
//! | `matching`, `comparator`, `glob` | values against keys |
//! | `fields`, `flags`, `moment`, `variables` | header fields, IMAP flags, dates, variables |
//! | `method` | notification methods |
//! | `version` | the message with its changes |
//! | `question`, `effect` | what is asked, what is to be done |
//! | `fault` | everything that can be wrong with a script |
//! | `fuzz` | entry points for fuzzing |

mod comparator;
mod compile;
mod describe;
mod effect;
mod extension;
mod fault;
mod fields;
mod flags;
pub mod fuzz;
mod glob;
mod inspect;
mod lexer;
pub mod limits;
mod machine;
mod matching;
mod method;
mod moment;
mod program;
mod question;
mod regular;
mod signature;
mod syntax;
mod template;
mod variables;
mod version;

pub use compile::compile;
pub use effect::{
    DeliverBy, DuplicateKey, Effect, Failure, Notification, Notify, Outcome, Recipients, RedirectOptions, Remember,
    Target, TraceStep, Vacation,
};
pub use extension::{EXTENSIONS, Extension, Extensions};
pub use fault::{Fault, Position, Problem};
pub use machine::{Context, Machine, Step};
pub use method::{BadMethod, ChatMethod, MailMethod, Method};
pub use program::Script;
pub use question::{Answer, Question};
pub use version::Version;
