//! Strings put together from variables and from what wildcards stood for (RFC 5229 §3), and variables set.

use std::borrow::Cow;

use super::{Halt, Machine};
use crate::limits::EXPANSION_OCTETS_MAX;
use crate::template::{Name, Piece, Template};

impl Machine<'_> {
    /// The string that a template makes. Where variables give more than a command may hold, the rest is left out, and
    /// the command fails once it is done (see [`Machine::check_bounds`]): nothing that is cut gets out.
    pub(super) fn expand<'t>(&self, template: &'t Template) -> Cow<'t, str> {
        let pieces = match template {
            Template::Literal(text) => {
                self.put_together(text.len());
                return Cow::Borrowed(text);
            }
            Template::Pieces(pieces) => pieces,
        };
        let mut text = String::new();
        for piece in pieces {
            let value = match piece {
                Piece::Text(plain) => {
                    text.push_str(plain);
                    continue;
                }
                Piece::Variable(name) => self.variable(name),
                Piece::Capture(number) => {
                    let captures = self.frames.last().map_or(&[][..], |frame| &frame.captures);
                    captures.get(*number).map_or("", String::as_str)
                }
            };
            let filled = self.filled.get().saturating_add(value.len());
            self.filled.set(filled);
            if filled <= EXPANSION_OCTETS_MAX {
                text.push_str(value);
            }
        }
        self.put_together(text.len());
        Cow::Owned(text)
    }

    pub(super) fn put_together(&self, octets: usize) {
        self.spend(octets as u64);
        self.expanded.set(self.expanded.get().saturating_add(octets as u64));
    }

    pub(super) fn expand_all(&self, templates: &[Template]) -> Vec<String> {
        templates.iter().map(|template| self.expand(template).into_owned()).collect()
    }

    pub(super) fn expand_some(&self, template: Option<&Template>) -> Option<String> {
        template.map(|template| self.expand(template).into_owned())
    }

    pub(super) fn variable(&self, name: &Name) -> &str {
        let Some(frame) = self.frames.last() else { return "" };
        let is_global = name.is_global || frame.globals.contains(&name.name);
        let variables = if is_global { &self.globals } else { &frame.variables };
        variables.get(&name.name)
    }

    pub(super) fn set_variable(&mut self, name: &Name, value: String) -> Result<(), Halt> {
        let Some(frame) = self.frames.last_mut() else { return Ok(()) };
        let is_global = name.is_global || frame.globals.contains(&name.name);
        let variables = if is_global { &mut self.globals } else { &mut frame.variables };
        variables.set(&name.name, value).map_err(|_| Halt::Fail("the script's variables hold too much".to_owned()))
    }
}
