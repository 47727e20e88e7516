//! Frames: four octets of length, most significant first, and so many octets.

use crate::limits::FRAME_OCTETS_MAX;
use crate::wire::offence::Offence;

/// Octets of the length.
const LENGTH_OCTETS: usize = 4;

/// Takes the next whole frame from `input`; `None` when more is needed.
///
/// # Errors
/// [`Offence::FrameTooLong`], as soon as the length is known.
pub fn next<'a>(input: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Offence> {
    let Some((length, rest)) = input.split_first_chunk::<LENGTH_OCTETS>() else { return Ok(None) };
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if length > FRAME_OCTETS_MAX {
        return Err(Offence::FrameTooLong);
    }
    let Some((frame, rest)) = rest.split_at_checked(length) else { return Ok(None) };
    *input = rest;
    Ok(Some(frame))
}

/// Appends a frame whose content `write` appends.
pub fn put(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; LENGTH_OCTETS]);
    write(out);
    let length = u32::try_from(out.len() - start - LENGTH_OCTETS).unwrap_or(u32::MAX);
    if let Some(place) = out.get_mut(start..start + LENGTH_OCTETS) {
        place.copy_from_slice(&length.to_be_bytes());
    }
}
