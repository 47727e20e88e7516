//! Writes what was read as a script again, so that a test can hold reading to writing.

use super::{Argument, Command, Test, Value};

pub(super) fn script(commands: &[Command]) -> String {
    commands.iter().map(command).collect()
}

fn command(command: &Command) -> String {
    let head = words(&command.name, &command.arguments, &command.tests, command.is_test_list);
    match &command.block {
        Some(block) => format!("{head} {{\r\n{}}}\r\n", script(block)),
        None => format!("{head};\r\n"),
    }
}

fn test(test: &Test) -> String {
    words(&test.name, &test.arguments, &test.tests, test.is_test_list)
}

fn words(name: &str, arguments: &[Argument], tests: &[Test], is_test_list: bool) -> String {
    let mut text = name.to_owned();
    for argument in arguments {
        text.push(' ');
        text.push_str(&match &argument.value {
            Value::Tag(tag) => format!(":{tag}"),
            Value::Number(number) => number.to_string(),
            Value::Text(value) => string(value),
            Value::List(list) => format!("[{}]", list.iter().map(|value| string(value)).collect::<Vec<_>>().join(", ")),
        });
    }
    let tests: Vec<String> = tests.iter().map(test).collect();
    match is_test_list {
        true => text.push_str(&format!(" ({})", tests.join(", "))),
        false => text.extend(tests.iter().map(|test| format!(" {test}"))),
    }
    text
}

/// Multi-line where there are whole lines, quoted where not.
fn string(value: &str) -> String {
    if value.ends_with("\r\n") {
        let lines = value.split_terminator("\r\n");
        let stuffed =
            lines.map(|line| if line.starts_with('.') { format!(".{line}\r\n") } else { format!("{line}\r\n") });
        return format!("text:\r\n{}.\r\n", stuffed.collect::<String>());
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}
