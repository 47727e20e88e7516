//! Commands that decide what runs: require, if, stop, include, loops.

use super::vocabulary::check_command;
use super::{Compiler, Loop};
use crate::extension::{EXTENSIONS, Extension};
use crate::fault::{Fault, Position, Problem};
use crate::limits::{LOOPS_MAX, SCRIPT_NAME_CHARS_MAX};
use crate::program::{Action, Include, Operation};
use crate::signature::{flag, text};
use crate::syntax::{Command, Test};

impl Compiler {
    pub(super) fn script(&mut self, commands: &[Command]) -> Result<(), Fault> {
        let requires = commands.iter().take_while(|command| command.name == "require").count();
        let (requires, rest) = commands.split_at(requires);
        for command in requires {
            self.require(command)?;
        }
        self.block(rest)
    }

    fn require(&mut self, command: &Command) -> Result<(), Fault> {
        let arguments = self.sort("require", command.at, &command.arguments, &[])?;
        arguments.expect(1, 1, "the names of extensions")?;
        Self::plain(command)?;
        let (names, at) = arguments.list(0, "the names of extensions")?;
        for name in names {
            let Some(extension) = Extension::named(name) else {
                return Err(Fault { at, problem: Problem::UnknownExtension(name.clone()) });
            };
            if !self.allowed.has(extension) {
                return Err(Fault { at, problem: Problem::ExtensionNotAllowed(name.clone()) });
            }
            self.extensions.add(extension);
        }
        Ok(())
    }

    fn block(&mut self, commands: &[Command]) -> Result<(), Fault> {
        let mut rest = commands.iter().peekable();
        while let Some(command) = rest.next() {
            check_command(&command.name, command.at, self.extensions)?;
            if command.name != "if" {
                self.command(command)?;
                continue;
            }
            let mut branches = vec![command];
            while let Some(next) = rest.next_if(|next| next.name == "elsif") {
                branches.push(next);
            }
            branches.extend(rest.next_if(|next| next.name == "else"));
            self.branches(&branches)?;
        }
        Ok(())
    }

    /// `if`, what `elsif` follow, and an `else`. What an `ihave` decides is decided here and now, since what it guards
    /// may be a language that is not known (RFC 5463 §4).
    fn branches(&mut self, branches: &[&Command]) -> Result<(), Fault> {
        let mut ends = Vec::new();
        for branch in branches {
            let Some(block) = &branch.block else {
                return Err(Fault { at: branch.at, problem: Problem::LacksBlock(branch.name.clone()) });
            };
            let test = Self::test_of(branch)?;
            test.map_or(Ok(()), |test| self.check_ihaves(test))?;
            let known = test.and_then(|test| self.known(test));
            match (test, known) {
                (Some(_), Some(false)) => continue,
                (Some(test), Some(true)) => {
                    self.learn(test);
                    self.block(block)?;
                    break;
                }
                (Some(test), None) => {
                    self.condition(test)?;
                    let past = self.emit(test.at, Operation::JumpUnless(0))?;
                    self.block(block)?;
                    ends.push(self.emit(branch.at, Operation::Jump(0))?);
                    let next = self.here();
                    self.land(past, next);
                }
                (None, _) => self.block(block)?,
            }
        }
        let end = self.here();
        ends.into_iter().for_each(|jump| self.land(jump, end));
        Ok(())
    }

    /// The test of a branch; none for `else`.
    fn test_of(branch: &Command) -> Result<Option<&Test>, Fault> {
        if let Some(argument) = branch.arguments.first() {
            return Err(Fault { at: argument.at, problem: Problem::ExcessArgument { of: branch.name.clone() } });
        }
        let wrong = |wanted| Fault { at: branch.at, problem: Problem::WrongTests { of: branch.name.clone(), wanted } };
        match (branch.name.as_str(), branch.tests.as_slice()) {
            ("else", []) => Ok(None),
            ("else", _) => Err(wrong("no test")),
            (_, [test]) if !branch.is_test_list => Ok(Some(test)),
            _ => Err(wrong("one test")),
        }
    }

    fn command(&mut self, command: &Command) -> Result<(), Fault> {
        match command.name.as_str() {
            "require" => return Err(Fault { at: command.at, problem: Problem::LateRequire }),
            "elsif" => return Err(Fault { at: command.at, problem: Problem::WithoutIf("elsif") }),
            "else" => return Err(Fault { at: command.at, problem: Problem::WithoutIf("else") }),
            "foreverypart" => return self.each_part(command),
            _ => {}
        }
        Self::plain(command)?;
        match command.name.as_str() {
            "stop" => self.bare(command, Operation::Stop),
            "return" => self.bare(command, Operation::Return),
            "break" => self.leave(command),
            "include" => self.include(command),
            "error" => {
                let arguments = self.sort("error", command.at, &command.arguments, &[])?;
                arguments.expect(1, 1, "what to say")?;
                let (reason, at) = arguments.text(0, "what to say")?;
                let reason = self.template(reason, at)?;
                self.emit(command.at, Operation::Error(reason)).map(drop)
            }
            _ => {
                let action = self.action(command)?;
                self.see_variables(&action, command.at)?;
                self.emit(command.at, Operation::Action(action)).map(drop)
            }
        }
    }

    /// RFC 6609 §3.4.1: what a script has set for itself cannot become global afterwards.
    fn see_variables(&mut self, action: &Action, at: Position) -> Result<(), Fault> {
        match action {
            Action::Set { name, .. }
                if !name.is_global && self.extensions.has(Extension::Include) && !self.global.contains(&name.name) =>
            {
                self.own.insert(name.name.clone());
            }
            Action::Global(names) => {
                if let Some(name) = names.iter().find(|name| self.own.contains(&name.name)) {
                    return Err(Fault { at, problem: Problem::SetBeforeGlobal(name.name.clone()) });
                }
                self.global.extend(names.iter().map(|name| name.name.clone()));
            }
            _ => {}
        }
        Ok(())
    }

    /// Neither tests nor a block.
    fn plain(command: &Command) -> Result<(), Fault> {
        let of = || command.name.clone();
        if !command.tests.is_empty() {
            return Err(Fault { at: command.at, problem: Problem::WrongTests { of: of(), wanted: "no test" } });
        }
        if command.block.is_some() {
            return Err(Fault { at: command.at, problem: Problem::ExcessBlock(of()) });
        }
        Ok(())
    }

    fn bare(&mut self, command: &Command, operation: Operation) -> Result<(), Fault> {
        self.sort(&command.name, command.at, &command.arguments, &[])?.expect(0, 0, "nothing")?;
        self.emit(command.at, operation).map(drop)
    }

    /// RFC 5703 §3.
    fn each_part(&mut self, command: &Command) -> Result<(), Fault> {
        let Some(block) = &command.block else {
            return Err(Fault { at: command.at, problem: Problem::LacksBlock(command.name.clone()) });
        };
        let arguments = self.sort(&command.name, command.at, &command.arguments, &[&[text("name", None, "")]])?;
        arguments.expect(0, 0, "nothing")?;
        if self.loops.len() >= LOOPS_MAX {
            return Err(Fault { at: command.at, problem: Problem::LoopsTooDeep { max: LOOPS_MAX } });
        }
        let name = arguments.text_after("name").map(str::to_owned);
        let begin = self.emit(command.at, Operation::EachPart { end: 0 })?;
        self.loops.push(Loop { name, breaks: Vec::new() });
        self.block(block)?;
        self.emit(command.at, Operation::NextPart { start: begin + 1 })?;
        let end = self.here();
        let left = self.loops.pop().map_or_else(Vec::new, |done| done.breaks);
        left.into_iter().chain([begin]).for_each(|jump| self.land(jump, end));
        Ok(())
    }

    fn leave(&mut self, command: &Command) -> Result<(), Fault> {
        let arguments = self.sort("break", command.at, &command.arguments, &[&[text("name", None, "")]])?;
        arguments.expect(0, 0, "nothing")?;
        let name = arguments.text_after("name");
        let wanted = |candidate: &&mut Loop| name.is_none() || candidate.name.as_deref() == name;
        let jump = self.operations.len();
        let loops = match self.loops.iter_mut().rev().enumerate().find(|(_, candidate)| wanted(candidate)) {
            Some((around, found)) => {
                found.breaks.push(jump);
                around + 1
            }
            None => {
                let place = name.map_or("foreverypart".to_owned(), |name| format!("the loop {name:?}"));
                return Err(Fault { at: command.at, problem: Problem::BreakOutside(place) });
            }
        };
        self.emit(command.at, Operation::Break { loops, to: 0 }).map(drop)
    }

    fn include(&mut self, command: &Command) -> Result<(), Fault> {
        let tags = [
            flag("personal", None, "location"),
            flag("global", None, "location"),
            flag("once", None, ""),
            flag("optional", None, ""),
        ];
        let arguments = self.sort("include", command.at, &command.arguments, &[&tags])?;
        arguments.expect(1, 1, "the name of a script")?;
        let (name, at) = arguments.text(0, "the name of a script")?;
        let name = self.template(name, at)?;
        // RFC 6609 §3.2: the name must be known beforehand.
        if name.literal().is_none() {
            let problem = Problem::BadValue { what: "the name of an included script", wanted: "without variables" };
            return Err(Fault { at, problem });
        }
        // RFC 5804 §1.6: what ManageSieve would not store under that name either.
        let is_bad = |character: char| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
        let literal = name.literal().unwrap_or_default();
        if literal.is_empty() || literal.chars().count() > SCRIPT_NAME_CHARS_MAX || literal.contains(is_bad) {
            return Err(Fault { at, problem: Problem::BadScriptName(literal.to_owned()) });
        }
        let include = Include {
            name,
            is_global: arguments.has("global"),
            is_once: arguments.has("once"),
            is_optional: arguments.has("optional"),
        };
        self.emit(command.at, Operation::Include(include)).map(drop)
    }

    /// What a test is, if an `ihave` in it decides it.
    fn known(&self, test: &Test) -> Option<bool> {
        let mut parts = test.tests.iter().map(|part| self.known(part));
        match test.name.as_str() {
            "ihave" if self.extensions.has(Extension::Ihave) => Some(self.has_all(test)),
            "not" => parts.next().flatten().map(|known| !known),
            "allof" => {
                let all: Vec<_> = parts.collect();
                match () {
                    () if all.contains(&Some(false)) => Some(false),
                    () if all.iter().all(|part| *part == Some(true)) && !all.is_empty() => Some(true),
                    () => None,
                }
            }
            "anyof" => {
                let all: Vec<_> = parts.collect();
                match () {
                    () if all.contains(&Some(true)) => Some(true),
                    () if all.iter().all(|part| *part == Some(false)) && !all.is_empty() => Some(false),
                    () => None,
                }
            }
            _ => None,
        }
    }

    fn has_all(&self, test: &Test) -> bool {
        let mut names = test.arguments.iter().flat_map(crate::signature::strings);
        names.all(|name| {
            Extension::named(name).is_some_and(|extension| {
                let is_late = extension.changes_strings() && !self.extensions.has(extension);
                self.allowed.has(extension) && !is_late
            })
        })
    }

    /// Checks the arguments of each `ihave` in a test. Whatever else is in it may be a language that is not known.
    fn check_ihaves(&self, test: &Test) -> Result<(), Fault> {
        if test.name == "ihave" && self.extensions.has(Extension::Ihave) {
            let wanted = "the names of extensions";
            let arguments = self.sort("ihave", test.at, &test.arguments, &[])?;
            arguments.expect(1, 1, wanted)?;
            let (names, at) = arguments.list(0, wanted)?;
            if self.templates(names, at)?.iter().any(|name| name.literal().is_none()) {
                let problem = Problem::BadValue { what: "the name of an extension", wanted: "without variables" };
                return Err(Fault { at, problem });
            }
        }
        test.tests.iter().try_for_each(|part| self.check_ihaves(part))
    }

    /// What an `ihave` that holds names is required from here on.
    pub(super) fn learn(&mut self, test: &Test) {
        if test.name == "ihave" && self.has_all(test) {
            for name in test.arguments.iter().flat_map(crate::signature::strings) {
                let named = EXTENSIONS.iter().find(|(_, known, _)| known == name);
                named.into_iter().for_each(|(extension, ..)| self.extensions.add(*extension));
            }
        }
        test.tests.iter().for_each(|part| self.learn(part));
    }

    /// A list of tests that are tried until one decides.
    pub(super) fn sequence(&mut self, test: &Test, goes_on_if: bool) -> Result<(), Fault> {
        let mut decided = Vec::new();
        let count = test.tests.len();
        for (number, part) in test.tests.iter().enumerate() {
            self.condition(part)?;
            if number + 1 < count {
                let jump = if goes_on_if { Operation::JumpUnless(0) } else { Operation::JumpIf(0) };
                decided.push(self.emit(part.at, jump)?);
            }
            // What stands behind an extension that is not there cannot be read.
            if goes_on_if && self.known(part) == Some(false) {
                break;
            }
        }
        let end = self.here();
        decided.into_iter().for_each(|jump| self.land(jump, end));
        Ok(())
    }

    /// Whether an `ihave` holds; what it names is required from here on.
    pub(super) fn ihave(&mut self, test: &Test) -> Result<bool, Fault> {
        self.check_ihaves(test)?;
        self.learn(test);
        Ok(self.has_all(test))
    }
}
