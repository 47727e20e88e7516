//! A call as a frame: number, operation, table, key, and what the operation needs.

use crate::call::{Call, Operation};
use crate::table::comparison::{Operator, Test};
use crate::wire::frame;
use crate::wire::octets::{Reader, put_name, put_text};
use crate::wire::offence::Offence;

const THROTTLE: u8 = 1;
const QUERY: u8 = 2;
const ADJUST: u8 = 3;
const ADJUST_AND_TEST: u8 = 4;
const TEST: u8 = 5;
const FETCH: u8 = 6;
const STORE: u8 = 7;
const REMOVE: u8 = 8;
const GREYLISTING: u8 = 9;

/// Appends a call under a number. Its texts must be within the limits of this crate; longer ones are cut.
pub fn put(out: &mut Vec<u8>, number: u32, call: &Call<'_>) {
    frame::put(out, |out| {
        out.extend_from_slice(&number.to_be_bytes());
        out.push(code(&call.operation));
        put_name(out, call.table);
        put_text(out, call.key);
        match &call.operation {
            Operation::Throttle { amount } => out.extend_from_slice(&amount.to_be_bytes()),
            Operation::Adjust { by } => out.extend_from_slice(&by.to_be_bytes()),
            Operation::AdjustAndTest { by, test } => {
                out.extend_from_slice(&by.to_be_bytes());
                put_test(out, test);
            }
            Operation::Test(test) => put_test(out, test),
            Operation::Store(text) => put_text(out, text),
            Operation::Query | Operation::Fetch | Operation::Remove | Operation::Greylist => {}
        }
    });
}

/// Reads a call and its number.
///
/// # Errors
/// [`Offence::BadFrame`].
pub fn read(frame: &[u8]) -> Result<(u32, Call<'_>), Offence> {
    let mut reader = Reader::new(frame);
    let number = reader.u32()?;
    let code = reader.u8()?;
    let (table, key) = (reader.name()?, reader.text()?);
    let operation = match code {
        THROTTLE => Operation::Throttle { amount: reader.u32()? },
        QUERY => Operation::Query,
        ADJUST => Operation::Adjust { by: reader.i64()? },
        ADJUST_AND_TEST => Operation::AdjustAndTest { by: reader.i64()?, test: read_test(&mut reader)? },
        TEST => Operation::Test(read_test(&mut reader)?),
        FETCH => Operation::Fetch,
        STORE => Operation::Store(reader.text()?),
        REMOVE => Operation::Remove,
        GREYLISTING => Operation::Greylist,
        _ => return Err(Offence::BadFrame { what: "no operation has this number" }),
    };
    reader.end()?;
    Ok((number, Call { table, key, operation }))
}

fn code(operation: &Operation<'_>) -> u8 {
    match operation {
        Operation::Throttle { .. } => THROTTLE,
        Operation::Query => QUERY,
        Operation::Adjust { .. } => ADJUST,
        Operation::AdjustAndTest { .. } => ADJUST_AND_TEST,
        Operation::Test(_) => TEST,
        Operation::Fetch => FETCH,
        Operation::Store(_) => STORE,
        Operation::Remove => REMOVE,
        Operation::Greylist => GREYLISTING,
    }
}

/// The operators by their number.
const OPERATORS: [Operator; 5] =
    [Operator::Equal, Operator::Greater, Operator::AtLeast, Operator::Less, Operator::AtMost];

fn put_test(out: &mut Vec<u8>, test: &Test<'_>) {
    let code = OPERATORS.iter().position(|operator| *operator == test.operator).unwrap_or_default();
    out.push(u8::try_from(code).unwrap_or_default());
    put_text(out, test.operand);
}

fn read_test<'a>(reader: &mut Reader<'a>) -> Result<Test<'a>, Offence> {
    let code = usize::from(reader.u8()?);
    let operator = OPERATORS.get(code).ok_or(Offence::BadFrame { what: "no operator has this number" })?;
    Ok(Test { operator: *operator, operand: reader.text()? })
}

/// Puts another number into a call that [`put`] has written.
pub fn set_number(frame: &mut [u8], number: u32) {
    if let Some(place) = frame.get_mut(4..8) {
        place.copy_from_slice(&number.to_be_bytes());
    }
}
