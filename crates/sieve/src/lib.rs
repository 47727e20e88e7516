//! The Sieve language (RFC 5228 and its extensions): scripts are read and checked by [`compile`], and run by a
//! [`Machine`] that asks what it must know and says in the end what is to be done. Nothing here waits, stores or sends.

mod comparator;
mod compile;
mod describe;
mod effect;
mod extension;
mod fault;
mod fields;
mod flags;
mod glob;
mod lexer;
mod limits;
mod machine;
mod matching;
mod method;
mod moment;
mod program;
mod question;
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
