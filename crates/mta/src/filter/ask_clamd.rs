//! A conversation with clamd: `INSTREAM`, one connection for each message.

use crate::filter::clamd;
use crate::filter::failure::{Failure, Strange};
use crate::filter::limits::{HEAD_OCTETS_MAX, PIECE_OCTETS};
use crate::filter::original::Original;
use crate::filter::report::Report;
use crate::filter::wire::Wire;

/// Asks about the message.
pub async fn ask(wire: &mut Wire, original: &Original) -> Result<Report, Failure> {
    // A daemon that has its limit closes early, and says why: its words matter more than that we could not send on.
    let sent = send(wire, &original.message).await;
    match (answer(wire).await, sent) {
        (Ok(line), _) => match clamd::read(&line).map_err(|strange| wire.strange(&strange))? {
            Ok(report) => Ok(report),
            Err(why) => Err(wire.declined(why)),
        },
        (Err(_), Err(failure)) | (Err(failure), Ok(())) => Err(failure),
    }
}

async fn send(wire: &mut Wire, message: &[u8]) -> Result<(), Failure> {
    wire.send(b"zINSTREAM\0", "sending the message").await?;
    for piece in message.chunks(PIECE_OCTETS) {
        let length = u32::try_from(piece.len()).unwrap_or(u32::MAX).to_be_bytes();
        wire.send(&length, "sending the message").await?;
        wire.send(piece, "sending the message").await?;
    }
    wire.send(&[0; 4], "sending the message").await
}

async fn answer(wire: &mut Wire) -> Result<Vec<u8>, Failure> {
    loop {
        if let Some(end) = wire.input.iter().position(|octet| matches!(octet, 0 | b'\n')) {
            return Ok(wire.input.split_to(end + 1).to_vec());
        }
        if wire.input.len() > HEAD_OCTETS_MAX {
            return Err(wire.strange(&Strange::new("a line that never ends")));
        }
        wire.more("waiting for the verdict").await?;
    }
}
