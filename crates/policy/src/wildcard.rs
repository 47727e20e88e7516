//! Names with `*` (any text) and `?` (one character), as rules and channels use them.

use crate::mapping::pattern::{Pattern, Scratch};

/// Several names of which one must fit; one that begins with `!` must not.
#[derive(Clone, Debug, Default)]
pub struct Wildcards {
    wanted: Vec<Pattern>,
    unwanted: Vec<Pattern>,
}

impl Wildcards {
    /// Compiles them.
    pub fn new<T: AsRef<str>>(texts: &[T]) -> Wildcards {
        let mut made = Wildcards::default();
        for text in texts {
            match text.as_ref().strip_prefix('!') {
                Some(text) => made.unwanted.push(Pattern::simple(text)),
                None => made.wanted.push(Pattern::simple(text.as_ref())),
            }
        }
        made
    }

    /// Whether nothing was asked for.
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty() && self.unwanted.is_empty()
    }

    /// Whether `text` fits, in any case of its letters.
    pub fn fits(&self, text: &str) -> bool {
        let mut scratch = Scratch::default();
        let mut fits = |pattern: &Pattern| {
            scratch.reset();
            pattern.matches(text, &mut scratch).is_some()
        };
        !self.unwanted.iter().any(&mut fits) && (self.wanted.is_empty() || self.wanted.iter().any(&mut fits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_must_fit_and_none_that_must_not() {
        let names = Wildcards::new(&["*@Example.test", "a?c@*", "!boss@*"]);
        assert!(names.fits("x@example.TEST") && names.fits("abc@x.test"));
        assert!(!names.fits("boss@example.test") && !names.fits("abbc@x.test"));
        assert!(Wildcards::new(&["!a*"]).fits("b") && !Wildcards::new(&["!a*"]).fits("ab"));
        assert!(Wildcards::new(&["$1[*"]).fits("$1[x"));
    }
}
