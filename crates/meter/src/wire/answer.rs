//! An answer as a frame: the number of its call, what it is, and what belongs to it.

use std::time::Duration;

use crate::call::{Greylisting, Outcome, Refused, Verdict};
use crate::wire::frame;
use crate::wire::octets::{Reader, put_text};
use crate::wire::offence::Offence;

const DONE: u8 = 0;
const VERDICT: u8 = 1;
const HOLDS: u8 = 2;
const VALUE: u8 = 3;
const NO_VALUE: u8 = 4;
const GREYLISTING: u8 = 5;
const REFUSED: u8 = 255;

/// An answer as it arrives: the outcome, or the words in which the server refused.
pub type Answer = Result<Outcome, String>;

/// Appends an answer to the call of that number.
pub fn put(out: &mut Vec<u8>, number: u32, outcome: &Result<Outcome, Refused>) {
    frame::put(out, |out| {
        out.extend_from_slice(&number.to_be_bytes());
        match outcome {
            Ok(Outcome::Done) => out.push(DONE),
            Ok(Outcome::Verdict(verdict)) => {
                out.extend_from_slice(&[VERDICT, u8::from(verdict.is_over)]);
                out.extend_from_slice(&verdict.used.to_be_bytes());
                out.extend_from_slice(&verdict.quota.to_be_bytes());
                put_time(out, verdict.retry_after);
            }
            Ok(Outcome::Holds(holds)) => out.extend_from_slice(&[HOLDS, u8::from(*holds)]),
            Ok(Outcome::Value(Some(value))) => {
                out.push(VALUE);
                put_text(out, value);
            }
            Ok(Outcome::Value(None)) => out.push(NO_VALUE),
            Ok(Outcome::Greylisting(verdict)) => {
                let (code, time) = match *verdict {
                    Greylisting::New { retry_after } => (0, retry_after),
                    Greylisting::TooEarly { retry_after } => (1, retry_after),
                    Greylisting::Proven => (2, Duration::ZERO),
                    Greylisting::Known => (3, Duration::ZERO),
                };
                out.extend_from_slice(&[GREYLISTING, code]);
                put_time(out, time);
            }
            Err(refused) => {
                out.push(REFUSED);
                put_text(out, &refused.to_string());
            }
        }
    });
}

/// Reads an answer and the number of its call.
///
/// # Errors
/// [`Offence::BadFrame`].
pub fn read(frame: &[u8]) -> Result<(u32, Answer), Offence> {
    let mut reader = Reader::new(frame);
    let number = reader.u32()?;
    let answer = match reader.u8()? {
        DONE => Ok(Outcome::Done),
        VERDICT => Ok(Outcome::Verdict(Verdict {
            is_over: reader.flag()?,
            used: reader.u64()?,
            quota: reader.u64()?,
            retry_after: read_time(&mut reader)?,
        })),
        HOLDS => Ok(Outcome::Holds(reader.flag()?)),
        VALUE => Ok(Outcome::Value(Some(reader.text()?.to_owned()))),
        NO_VALUE => Ok(Outcome::Value(None)),
        GREYLISTING => {
            let (code, retry_after) = (reader.u8()?, read_time(&mut reader)?);
            Ok(Outcome::Greylisting(match code {
                0 => Greylisting::New { retry_after },
                1 => Greylisting::TooEarly { retry_after },
                2 => Greylisting::Proven,
                3 => Greylisting::Known,
                _ => return Err(Offence::BadFrame { what: "no verdict has this number" }),
            }))
        }
        REFUSED => Err(reader.text()?.to_owned()),
        _ => return Err(Offence::BadFrame { what: "no answer has this number" }),
    };
    reader.end()?;
    Ok((number, answer))
}

/// Times in microseconds, so that a client is never told to come back too early: begun ones count whole.
fn put_time(out: &mut Vec<u8>, time: Duration) {
    let micros = time.as_nanos().div_ceil(1000);
    out.extend_from_slice(&u64::try_from(micros).unwrap_or(u64::MAX).to_be_bytes());
}

fn read_time(reader: &mut Reader<'_>) -> Result<Duration, Offence> {
    reader.u64().map(Duration::from_micros)
}
