//! Checks a script and makes operations of it.

mod action;
mod condition;
mod control;
mod nearest;
mod part;
mod vocabulary;

use std::cell::Cell;
use std::collections::HashSet;

use crate::extension::{Extension, Extensions};
use crate::fault::{Fault, Position, Problem};
use crate::limits::{CAPTURES_MAX, OPERATIONS_MAX};
use crate::program::{Operation, Script};
use crate::signature::{Arguments, Tag};
use crate::syntax::{self, Argument};
use crate::template::{Name, Template};

/// Reads and checks a script. `allowed` are the extensions that it may require.
pub fn compile(script: &[u8], allowed: Extensions) -> Result<Script, Fault> {
    let commands = syntax::parse(script)?;
    let mut compiler = Compiler {
        allowed,
        extensions: Extensions::default(),
        operations: Vec::new(),
        loops: Vec::new(),
        regexes: Cell::new(0),
        own: HashSet::new(),
        global: HashSet::new(),
    };
    compiler.script(&commands)?;
    Ok(Script { operations: compiler.operations, extensions: compiler.extensions })
}

struct Compiler {
    allowed: Extensions,
    /// What is required so far.
    extensions: Extensions,
    operations: Vec<(Position, Operation)>,
    loops: Vec<Loop>,
    /// Regular expressions so far.
    regexes: Cell<usize>,
    /// Variables that were set so far and are the script's own.
    own: HashSet<String>,
    /// Variables that were declared global so far.
    global: HashSet<String>,
}

/// A loop that is being compiled.
struct Loop {
    name: Option<String>,
    /// Operations that leave it, to be told where to.
    breaks: Vec<usize>,
}

impl Compiler {
    fn emit(&mut self, at: Position, operation: Operation) -> Result<usize, Fault> {
        if self.operations.len() >= OPERATIONS_MAX {
            return Err(Fault { at, problem: Problem::ScriptTooLong { max: OPERATIONS_MAX } });
        }
        self.operations.push((at, operation));
        Ok(self.operations.len() - 1)
    }

    fn here(&self) -> usize {
        self.operations.len()
    }

    /// Tells a jump where to go.
    fn land(&mut self, jump: usize, target: usize) {
        match self.operations.get_mut(jump).map(|(_, operation)| operation) {
            Some(Operation::Jump(to) | Operation::JumpIf(to) | Operation::JumpUnless(to)) => *to = target,
            Some(Operation::EachPart { end: to } | Operation::Break { to, .. }) => *to = target,
            _ => {}
        }
    }

    fn sort<'a>(
        &self,
        of: &'a str,
        at: Position,
        arguments: &'a [Argument],
        signature: &[&[Tag]],
    ) -> Result<Arguments<'a>, Fault> {
        Arguments::sort(of, at, arguments, signature, self.extensions)
    }

    fn needs(&self, extension: Extension, what: &str, at: Position) -> Result<(), Fault> {
        if self.extensions.has(extension) {
            return Ok(());
        }
        let problem = Problem::NotRequired { what: what.to_owned(), extension: extension.name() };
        Err(Fault { at, problem })
    }

    fn template(&self, text: &str, at: Position) -> Result<Template, Fault> {
        Template::read(text, self.extensions).map_err(|name| {
            let is_number = name.bytes().all(|octet| octet.is_ascii_digit());
            let problem = match is_number {
                true => Problem::NoSuchCapture { number: name, max: CAPTURES_MAX - 1 },
                false => Problem::BadVariable(name),
            };
            Fault { at, problem }
        })
    }

    fn templates(&self, texts: &[String], at: Position) -> Result<Vec<Template>, Fault> {
        texts.iter().map(|text| self.template(text, at)).collect()
    }

    /// The string after a tag.
    fn template_after(&self, arguments: &Arguments<'_>, tag: &str) -> Result<Option<Template>, Fault> {
        let Some(argument) = arguments.after(tag) else { return Ok(None) };
        arguments.text_after(tag).map(|text| self.template(text, argument.at)).transpose()
    }

    fn variable(&self, text: &str, at: Position) -> Result<Name, Fault> {
        Name::read(text, self.extensions).ok_or_else(|| Fault { at, problem: Problem::BadVariable(text.to_owned()) })
    }
}

#[cfg(test)]
mod tests;
