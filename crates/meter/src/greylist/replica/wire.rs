//! Frames between replicas: a length of four octets, a kind, what belongs to it, and a seal. Pure.

use bytes::{Buf as _, BytesMut};

use crate::greylist::backlog::{Change, Part};
use crate::greylist::limits::FRAME_OCTETS;
use crate::greylist::memory::{Digest, Entry};
use crate::greylist::replica::seal::{SEAL_OCTETS, Sealer};

const TRIPLETS: u8 = 1;
const KNOWN: u8 = 2;
const FORGOTTEN: u8 = 3;
const FORGOTTEN_ALL: u8 = 4;
const HEARTBEAT: u8 = 5;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// These were seen.
    Seen(Part, Vec<Entry>),
    /// These triplets are to be forgotten.
    Forgotten(Vec<Digest>),
    /// All triplets are.
    ForgottenAll,
    /// The sender is there; who gets it answers the same.
    Heartbeat,
}

/// What a peer may not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Offence {
    /// A frame longer than [`FRAME_OCTETS`], or too short for a kind and a seal.
    #[error("a frame of {0} octets")]
    Length(u32),
    /// A seal that is wrong: the secrets differ, or somebody alters what is sent.
    #[error("a frame whose seal is wrong")]
    Seal,
    /// A kind that this version does not know.
    #[error("a frame of the unknown kind {0}")]
    Kind(u8),
    /// Content that is no whole number of entries.
    #[error("a frame that ends within an entry")]
    Content,
}

impl Frame {
    /// How many entries it tells of.
    pub fn len(&self) -> usize {
        match self {
            Frame::Seen(_, entries) => entries.len(),
            Frame::Forgotten(digests) => digests.len(),
            Frame::ForgottenAll | Frame::Heartbeat => 0,
        }
    }

    /// Whether it tells of none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the frame in wire form.
    pub fn write(&self, sealer: &mut Sealer, out: &mut Vec<u8>) {
        let mut content = Vec::new();
        match self {
            Frame::Seen(part, entries) => {
                content.push(if *part == Part::Triplets { TRIPLETS } else { KNOWN });
                entries.iter().for_each(|entry| content.extend_from_slice(&entry.to_octets()));
            }
            Frame::Forgotten(digests) => {
                content.push(FORGOTTEN);
                digests.iter().for_each(|digest| content.extend_from_slice(&digest.0));
            }
            Frame::ForgottenAll => content.push(FORGOTTEN_ALL),
            Frame::Heartbeat => content.push(HEARTBEAT),
        }
        let length = u32::try_from(content.len() + SEAL_OCTETS).unwrap_or(u32::MAX);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&content);
        out.extend_from_slice(&sealer.seal(&content));
    }

    fn parse(content: &[u8]) -> Result<Frame, Offence> {
        let (kind, rest) = content.split_first().ok_or(Offence::Content)?;
        let whole = |is_whole: bool| if is_whole { Ok(()) } else { Err(Offence::Content) };
        Ok(match *kind {
            TRIPLETS | KNOWN => {
                let (entries, odd) = rest.as_chunks::<{ Entry::OCTETS }>();
                whole(odd.is_empty())?;
                let part = if *kind == TRIPLETS { Part::Triplets } else { Part::Known };
                Frame::Seen(part, entries.iter().map(|entry| Entry::from_octets(*entry)).collect())
            }
            FORGOTTEN => {
                let (digests, odd) = rest.as_chunks::<{ Digest::OCTETS }>();
                whole(odd.is_empty())?;
                Frame::Forgotten(digests.iter().map(|digest| Digest(*digest)).collect())
            }
            FORGOTTEN_ALL | HEARTBEAT => {
                whole(rest.is_empty())?;
                if *kind == HEARTBEAT { Frame::Heartbeat } else { Frame::ForgottenAll }
            }
            other => return Err(Offence::Kind(other)),
        })
    }
}

/// Changes as frames, in their order; neighbours of a kind share one.
pub fn frames(changes: &[Change]) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    for change in changes {
        match (*change, frames.last_mut()) {
            (Change::Seen(part, entry), Some(Frame::Seen(of, entries))) if part == *of => entries.push(entry),
            (Change::Seen(part, entry), _) => frames.push(Frame::Seen(part, vec![entry])),
            (Change::Forgotten(digest), Some(Frame::Forgotten(digests))) => digests.push(digest),
            (Change::Forgotten(digest), _) => frames.push(Frame::Forgotten(vec![digest])),
            (Change::ForgottenAll, _) => frames.push(Frame::ForgottenAll),
        }
    }
    frames
}

/// The changes that a frame tells.
pub fn changes(frame: Frame) -> Vec<Change> {
    match frame {
        Frame::Seen(part, entries) => entries.into_iter().map(|entry| Change::Seen(part, entry)).collect(),
        Frame::Forgotten(digests) => digests.into_iter().map(Change::Forgotten).collect(),
        Frame::ForgottenAll => vec![Change::ForgottenAll],
        Frame::Heartbeat => Vec::new(),
    }
}

/// Takes the next whole frame out of what has come; `None` when more is needed.
///
/// # Errors
/// An [`Offence`]: the connection must be closed.
pub fn read(input: &mut BytesMut, sealer: &mut Sealer) -> Result<Option<Frame>, Offence> {
    let Some(length) = input.first_chunk::<4>().map(|length| u32::from_be_bytes(*length)) else { return Ok(None) };
    let octets = length as usize;
    if octets <= SEAL_OCTETS || octets > FRAME_OCTETS {
        return Err(Offence::Length(length));
    }
    if input.len() < 4 + octets {
        return Ok(None);
    }
    input.advance(4);
    let frame = input.split_to(octets);
    let (content, seal) = frame.split_last_chunk::<SEAL_OCTETS>().ok_or(Offence::Length(length))?;
    if !sealer.is_good(content, seal) {
        return Err(Offence::Seal);
    }
    Frame::parse(content).map(Some)
}

#[cfg(test)]
mod tests;
