//! The grammar that all commands share (RFC 5228 §8.2): commands, arguments, tests, blocks. What they mean comes later.

use crate::fault::{Fault, Position, Problem};
use crate::lexer::{Token, tokens};
use crate::limits::{LIST_STRINGS_MAX, NESTING_MAX, OPERATIONS_MAX};

/// A command with what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Where it begins.
    pub at: Position,
    /// Its name in lower case.
    pub name: String,
    /// What follows the name.
    pub arguments: Vec<Argument>,
    /// Tests after the arguments.
    pub tests: Vec<Test>,
    /// Whether the tests stood in parentheses.
    pub is_test_list: bool,
    /// The block; `None` where a semicolon stands.
    pub block: Option<Vec<Command>>,
}

/// A test with what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// Where it begins.
    pub at: Position,
    /// Its name in lower case.
    pub name: String,
    /// What follows the name.
    pub arguments: Vec<Argument>,
    /// Tests after the arguments.
    pub tests: Vec<Test>,
    /// Whether the tests stood in parentheses.
    pub is_test_list: bool,
}

/// An argument and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Where.
    pub at: Position,
    /// What.
    pub value: Value,
}

/// What an argument can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `:name`, in lower case.
    Tag(String),
    /// A number.
    Number(u64),
    /// A single string.
    Text(String),
    /// A list in brackets.
    List(Vec<String>),
}

impl Value {
    /// How an error names it.
    pub fn describe(&self) -> String {
        match self {
            Value::Tag(name) => format!("the tag :{name}"),
            Value::Number(number) => format!("the number {number}"),
            Value::Text(_) => "a string".to_owned(),
            Value::List(_) => "a list of strings".to_owned(),
        }
    }
}

/// Reads a script.
pub fn parse(script: &[u8]) -> Result<Vec<Command>, Fault> {
    let tokens = tokens(script)?;
    let end = tokens.last().map_or(Position { line: 1, column: 1 }, |(at, _)| *at);
    let mut parser = Parser { tokens: tokens.into_iter().peekable(), end, seen: 0 };
    let mut commands = Vec::new();
    while parser.tokens.peek().is_some() {
        commands.push(parser.command(0)?);
    }
    Ok(commands)
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<(Position, Token)>>,
    end: Position,
    seen: usize,
}

/// The part that commands and tests share.
struct Arguments {
    values: Vec<Argument>,
    tests: Vec<Test>,
    is_test_list: bool,
}

impl Parser {
    fn at(&mut self) -> Position {
        self.tokens.peek().map_or(self.end, |(at, _)| *at)
    }

    fn is_mark(&mut self, wanted: char) -> bool {
        matches!(self.tokens.peek(), Some((_, Token::Mark(mark))) if *mark == wanted)
    }

    fn take_mark(&mut self, wanted: char) -> bool {
        let is_here = self.is_mark(wanted);
        if is_here {
            self.tokens.next();
        }
        is_here
    }

    fn missing<T>(&mut self, wanted: &'static str) -> Result<T, Fault> {
        let at = self.at();
        let found = self.tokens.peek().map_or("the end of the script".to_owned(), |(_, token)| token.describe());
        Err(Fault { at, problem: Problem::Missing { wanted, found } })
    }

    fn count(&mut self, at: Position, depth: usize) -> Result<(), Fault> {
        self.seen += 1;
        if depth > NESTING_MAX {
            return Err(Fault { at, problem: Problem::TooDeep { max: NESTING_MAX } });
        }
        if self.seen > OPERATIONS_MAX / 4 {
            return Err(Fault { at, problem: Problem::ScriptTooLong { max: OPERATIONS_MAX / 4 } });
        }
        Ok(())
    }

    fn name(&mut self, wanted: &'static str) -> Result<(Position, String), Fault> {
        if !matches!(self.tokens.peek(), Some((_, Token::Identifier(_)))) {
            return self.missing(wanted);
        }
        match self.tokens.next() {
            Some((at, Token::Identifier(name))) => Ok((at, name)),
            _ => self.missing(wanted),
        }
    }

    fn command(&mut self, depth: usize) -> Result<Command, Fault> {
        let (at, name) = self.name("a command")?;
        self.count(at, depth)?;
        let Arguments { values: arguments, tests, is_test_list } = self.arguments(depth)?;
        let block = if self.take_mark('{') {
            let mut commands = Vec::new();
            while !self.take_mark('}') {
                if self.tokens.peek().is_none() {
                    return self.missing("the brace that closes the block");
                }
                commands.push(self.command(depth + 1)?);
            }
            Some(commands)
        } else if self.take_mark(';') {
            None
        } else {
            return self.missing("a semicolon or a block");
        };
        Ok(Command { at, name, arguments, tests, is_test_list, block })
    }

    fn test(&mut self, depth: usize) -> Result<Test, Fault> {
        let (at, name) = self.name("a test")?;
        self.count(at, depth)?;
        let Arguments { values: arguments, tests, is_test_list } = self.arguments(depth)?;
        Ok(Test { at, name, arguments, tests, is_test_list })
    }

    fn arguments(&mut self, depth: usize) -> Result<Arguments, Fault> {
        let mut values = Vec::new();
        loop {
            let at = self.at();
            let value = match self.tokens.peek() {
                Some((_, Token::Mark('['))) => self.list()?,
                Some((_, Token::Tag(_) | Token::Number(_) | Token::Text(_))) => match self.tokens.next() {
                    Some((_, Token::Tag(name))) => Value::Tag(name),
                    Some((_, Token::Number(number))) => Value::Number(number),
                    Some((_, Token::Text(text))) => Value::Text(text),
                    _ => return self.missing("an argument"),
                },
                _ => break,
            };
            values.push(Argument { at, value });
        }
        let mut tests = Vec::new();
        let mut is_test_list = false;
        if self.take_mark('(') {
            is_test_list = true;
            loop {
                tests.push(self.test(depth + 1)?);
                if self.take_mark(')') {
                    break;
                }
                if !self.take_mark(',') {
                    return self.missing("a comma or a closing parenthesis");
                }
            }
        } else if matches!(self.tokens.peek(), Some((_, Token::Identifier(_)))) {
            tests.push(self.test(depth + 1)?);
        }
        Ok(Arguments { values, tests, is_test_list })
    }

    fn list(&mut self) -> Result<Value, Fault> {
        let at = self.at();
        self.tokens.next();
        let mut strings = Vec::new();
        // An empty list is not in the grammar, yet programs write it and everybody reads it.
        if self.take_mark(']') {
            return Ok(Value::List(strings));
        }
        loop {
            match self.tokens.peek() {
                Some((_, Token::Text(_))) => {}
                _ => return self.missing("a string"),
            }
            if let Some((_, Token::Text(text))) = self.tokens.next() {
                strings.push(text);
            }
            if strings.len() > LIST_STRINGS_MAX {
                return Err(Fault { at, problem: Problem::ListTooLong { max: LIST_STRINGS_MAX } });
            }
            if self.take_mark(']') {
                return Ok(Value::List(strings));
            }
            if !self.take_mark(',') {
                return self.missing("a comma or a closing bracket");
            }
        }
    }
}

#[cfg(test)]
mod print;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AT: Position = Position { line: 0, column: 0 };

    fn test() -> impl Strategy<Value = Test> {
        let leaf = ("[a-z_]{1,6}", arguments()).prop_map(|(name, arguments)| Test {
            at: AT,
            name: format!("t{name}"),
            arguments,
            tests: Vec::new(),
            is_test_list: false,
        });
        leaf.prop_recursive(3, 8, 3, |inner| {
            prop::collection::vec(inner, 1..3).prop_map(|tests| Test {
                at: AT,
                name: "anyof".to_owned(),
                arguments: Vec::new(),
                is_test_list: true,
                tests,
            })
        })
    }

    fn arguments() -> impl Strategy<Value = Vec<Argument>> {
        let text = || "[ -~äß\t]{0,9}(\r\n[.a-z ]{0,4}\r\n)?";
        let value = prop_oneof![
            "[a-z]{1,6}".prop_map(Value::Tag),
            any::<u32>().prop_map(|number| Value::Number(u64::from(number))),
            text().prop_map(Value::Text),
            prop::collection::vec(text(), 0..4).prop_map(Value::List),
        ];
        prop::collection::vec(value.prop_map(|value| Argument { at: AT, value }), 0..4)
    }

    fn command() -> impl Strategy<Value = Command> {
        let leaf =
            ("[a-z]{1,6}", arguments(), prop::collection::vec(test(), 0..2)).prop_map(|(name, arguments, tests)| {
                Command { at: AT, name: format!("c{name}"), arguments, tests, is_test_list: false, block: None }
            });
        leaf.prop_recursive(3, 12, 3, |inner| {
            (test(), prop::collection::vec(inner, 0..3)).prop_map(|(test, block)| Command {
                at: AT,
                name: "if".to_owned(),
                arguments: Vec::new(),
                tests: vec![test],
                is_test_list: false,
                block: Some(block),
            })
        })
    }

    /// Without the places, which are those of the text.
    fn placeless(commands: &mut [Command]) {
        fn tests(all: &mut [Test]) {
            for test in all {
                test.at = AT;
                test.arguments.iter_mut().for_each(|argument| argument.at = AT);
                tests(&mut test.tests);
            }
        }
        for command in commands {
            command.at = AT;
            command.arguments.iter_mut().for_each(|argument| argument.at = AT);
            tests(&mut command.tests);
            command.block.iter_mut().for_each(|block| placeless(block));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(commands in prop::collection::vec(command(), 0..5)) {
            let text = print::script(&commands);
            let mut read = parse(text.as_bytes()).unwrap_or_else(|fault| panic!("{fault}\n{text}"));
            placeless(&mut read);
            prop_assert_eq!(read, commands);
        }
    }

    #[test]
    fn blocks_tests_and_lists() {
        let script = parse(b"if anyof (true, not header \"a\" [\"b\", \"c\"]) { keep; } else { discard; }").unwrap();
        let [first, second] = script.as_slice() else { panic!("{script:?}") };
        assert_eq!((first.name.as_str(), second.name.as_str()), ("if", "else"));
        let any = first.tests.first().unwrap();
        assert!(any.is_test_list && !first.is_test_list);
        assert_eq!(any.tests.len(), 2);
        let header = any.tests.get(1).unwrap().tests.first().unwrap();
        assert_eq!(header.arguments.get(1).unwrap().value, Value::List(vec!["b".into(), "c".into()]));
        assert_eq!(first.block.as_ref().unwrap().first().unwrap().name, "keep");
    }

    #[test]
    fn faults_say_what_is_missing() {
        let problem = |script: &str| parse(script.as_bytes()).unwrap_err().to_string();
        assert_eq!(
            problem("keep"),
            "line 1, column 1: a semicolon or a block is missing here; there is the end of the script"
        );
        assert_eq!(
            problem("if true {"),
            "line 1, column 9: the brace that closes the block is missing here; there is the end of the script"
        );
        assert_eq!(
            problem("fileinto [\"a\" \"b\"];"),
            "line 1, column 15: a comma or a closing bracket is missing here; there is a string"
        );
        assert_eq!(
            problem("if (true) ;x"),
            "line 1, column 12: a semicolon or a block is missing here; there is the end of the script"
        );
    }

    #[test]
    fn nothing_nests_without_end() {
        let deep = format!("{}keep;{}", "if true {".repeat(40), "}".repeat(40));
        assert!(matches!(parse(deep.as_bytes()).unwrap_err().problem, Problem::TooDeep { .. }));
        let tests = format!("if {}true {{}}", "not ".repeat(100));
        assert!(matches!(parse(tests.as_bytes()).unwrap_err().problem, Problem::TooDeep { .. }));
    }
}
