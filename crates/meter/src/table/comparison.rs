//! Tests as mapping tables write them: an operator and a value, such as `>=10`.

use crate::limits::VALUE_OCTETS_MAX;

/// An operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equal,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `<`
    Less,
    /// `<=`
    AtMost,
}

impl Operator {
    /// All of them, each with its sign; the longer sign first where one begins the other.
    pub const ALL: [(Operator, &'static str); 5] = [
        (Operator::AtLeast, ">="),
        (Operator::AtMost, "<="),
        (Operator::Equal, "="),
        (Operator::Greater, ">"),
        (Operator::Less, "<"),
    ];
}

/// A test of what is kept for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test<'a> {
    /// The operator.
    pub operator: Operator,
    /// The value on its right.
    pub operand: &'a str,
}

impl<'a> Test<'a> {
    /// Reads `op value`; blanks may stand around both. `None` when no operator begins it or the value is too long.
    pub fn parse(text: &'a str) -> Option<Test<'a>> {
        let text = text.trim();
        let (operator, sign) = Operator::ALL.into_iter().find(|(_, sign)| text.starts_with(sign))?;
        let operand = text.get(sign.len()..)?.trim();
        (operand.len() <= VALUE_OCTETS_MAX).then_some(Test { operator, operand })
    }

    /// Whether it holds for a number; `None` when the operand is no number.
    pub fn of_number(&self, number: i64) -> Option<bool> {
        let operand: i64 = self.operand.parse().ok()?;
        Some(match self.operator {
            Operator::Equal => number == operand,
            Operator::Greater => number > operand,
            Operator::AtLeast => number >= operand,
            Operator::Less => number < operand,
            Operator::AtMost => number <= operand,
        })
    }

    /// Whether it holds for a text; `None` for an operator that orders, which texts are not.
    pub fn of_text(&self, text: &str) -> Option<bool> {
        (self.operator == Operator::Equal).then_some(text == self.operand)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_read_as_they_are_written() {
        for (text, number, holds) in
            [(">=10", 10, true), ("> 10", 10, false), (" < 3 ", 2, true), ("<=-1", -1, true), ("=7", 8, false)]
        {
            assert_eq!(Test::parse(text).and_then(|test| test.of_number(number)), Some(holds), "{text}");
        }
        assert_eq!(Test::parse("10"), None, "an operator begins it");
        assert_eq!(Test::parse(">ten").and_then(|test| test.of_number(1)), None);
        assert_eq!(Test::parse("= a b").and_then(|test| test.of_text("a b")), Some(true));
        assert_eq!(Test::parse(">a").and_then(|test| test.of_text("b")), None, "texts have no order");
    }
}
