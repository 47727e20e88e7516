//! The flags that a template sets for its caller, and those that a caller sets for templates to test.

use std::fmt;

/// A set of flags: letters in upper case, and punctuation.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags(u128);

impl Flags {
    /// These flags.
    pub fn of(flags: &str) -> Flags {
        let mut made = Flags::default();
        for flag in flags.chars() {
            made.set(flag);
        }
        made
    }

    /// Sets one.
    pub fn set(&mut self, flag: char) {
        self.0 |= bit(flag);
    }

    /// Sets those of another set too.
    pub fn join(&mut self, others: Flags) {
        self.0 |= others.0;
    }

    /// Whether it is set.
    pub fn has(self, flag: char) -> bool {
        self.0 & bit(flag) != 0
    }

    /// Whether none is set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// All of them.
    pub fn iter(self) -> impl Iterator<Item = char> {
        (0_u8..128).map(char::from).filter(move |flag| !flag.is_ascii_lowercase() && self.has(*flag))
    }
}

fn bit(flag: char) -> u128 {
    let flag = flag.to_ascii_uppercase();
    if flag.is_ascii() { 1_u128 << (u32::from(flag) & 127) } else { 0 }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for flag in self.iter() {
            write!(f, "${flag}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flags({self})")
    }
}
