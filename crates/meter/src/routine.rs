//! The routines of `check_metermaid` by their names, with arguments as mapping tables write them.

use crate::call::Operation;
use crate::table::comparison::Test;

/// An operation from a routine's name and what follows the key.
///
/// # Errors
/// What is wrong with them, in words.
pub fn read<'a>(routine: &str, arguments: &[&'a str]) -> Result<Operation<'a>, String> {
    match (routine, arguments) {
        ("throttle", []) => Ok(Operation::Throttle { amount: 1 }),
        ("query", []) => Ok(Operation::Query),
        ("greylisting", []) => Ok(Operation::Greylist),
        ("fetch", []) => Ok(Operation::Fetch),
        ("remove", []) => Ok(Operation::Remove),
        ("adjust", [by]) => Ok(Operation::Adjust { by: number(by)? }),
        ("test", [text]) => Ok(Operation::Test(test(text)?)),
        ("adjust_and_test", [by, text]) => Ok(Operation::AdjustAndTest { by: number(by)?, test: test(text)? }),
        ("store", [text]) => Ok(Operation::Store(text)),
        (name, _) if takes(name).is_some() => {
            Err(format!("{name} takes {} arguments behind the key", takes(name).unwrap_or_default()))
        }
        (name, _) => {
            let name: String = name.chars().take(40).collect();
            Err(format!("the meter has no routine {name}"))
        }
    }
}

/// Routine, table, key and the rest.
type Parts<'a> = (&'a str, &'a str, &'a str, Vec<&'a str>);

/// Takes `ROUTINE,TABLE,KEY[,ARGUMENT…]` apart. Commas within a key stay there: arguments are counted from the end, but
/// `store` takes everything behind the first comma after its key.
///
/// # Errors
/// What is missing, in words.
pub fn split(text: &str) -> Result<Parts<'_>, String> {
    let missing = || "a callout of the meter is ROUTINE,TABLE,KEY and what the routine takes".to_owned();
    let (routine, rest) = text.split_once(',').ok_or_else(missing)?;
    let (table, mut key) = rest.split_once(',').ok_or_else(missing)?;
    let mut arguments = Vec::new();
    if routine == "store" {
        let (front, value) = key.split_once(',').ok_or_else(missing)?;
        return Ok((routine, table, front, vec![value]));
    }
    for _ in 0..takes(routine).unwrap_or_default() {
        let (front, last) = key.rsplit_once(',').ok_or_else(missing)?;
        key = front;
        arguments.insert(0, last);
    }
    Ok((routine, table, key, arguments))
}

/// How many arguments a routine takes behind the key.
fn takes(routine: &str) -> Option<usize> {
    match routine {
        "throttle" | "query" | "greylisting" | "fetch" | "remove" => Some(0),
        "adjust" | "test" | "store" => Some(1),
        "adjust_and_test" => Some(2),
        _ => None,
    }
}

fn number(text: &str) -> Result<i64, String> {
    let text: &str = text.trim();
    text.parse().map_err(|_| format!("an adjustment is a number such as 1, +1 or -1, not \"{}\"", cut(text)))
}

fn test(text: &str) -> Result<Test<'_>, String> {
    Test::parse(text).ok_or_else(|| format!("a test is =, >, >=, < or <= and a value, not \"{}\"", cut(text)))
}

fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}
