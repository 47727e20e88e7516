//! Entry points for fuzzing: each takes any octets and panics only if a law of this crate is broken.
