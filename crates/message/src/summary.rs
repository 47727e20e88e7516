//! All that is computed once, when a message arrives, and stored beside it.
//!
//! The record of a summary, in the notation of [`crate::record`]: version, terms, octets, envelope, part (the root), sent date
//! (0, or 1 and year, month, day, hour, minute, second, minutes east of UTC plus 32768), base subject, 0 or 1 for reply
//! or forward, optional message id, ancestors, preview.

use crate::date;
use crate::envelope::Envelope;
use crate::parse;
use crate::preview;
use crate::record::{Reader, RecordError, Writer};
use crate::structure::Structure;
use crate::terms::Terms;
use crate::thread::{self, BaseSubject};
use model::CivilTime;

/// What is remembered of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// What is searched most.
    pub terms: Terms,
    /// Its length in octets.
    pub octets: u64,
    /// The envelope (RFC 9051 §7.5.2).
    pub envelope: Envelope,
    /// The MIME tree with offsets.
    pub structure: Structure,
    /// `Date:` as the sender's calendar shows it.
    pub sent: Option<CivilTime>,
    /// The subject without `Re:` and the like (RFC 5256 §2.1).
    pub base_subject: BaseSubject,
    /// The message's own id, without angle brackets.
    pub message_id: Option<String>,
    /// The ids of its ancestors, the oldest first, without angle brackets (RFC 5256 §3).
    pub ancestors: Vec<String>,
    /// At most 200 characters of its text (RFC 8970).
    pub preview: String,
}

impl Summary {
    /// Reads a message once.
    pub fn of(message: &[u8]) -> Summary {
        let structure = parse::structure(message);
        let header = structure.root.header.of(message);
        let envelope = Envelope::of(header);
        Summary {
            terms: Terms::of(header),
            octets: message.len() as u64,
            sent: envelope.date.as_deref().and_then(date::parse),
            base_subject: thread::base_subject(envelope.subject.as_deref().unwrap_or_default()),
            message_id: envelope.message_id.as_deref().and_then(|value| thread::message_ids(value).into_iter().next()),
            ancestors: thread::ancestors(header),
            preview: preview::preview(message, &structure),
            envelope,
            structure,
        }
    }

    /// The record to store. Ordinary mail needs some hundred octets; thousands of addresses or parts can make it longer
    /// than a row of the store may be, and the owner must be prepared for that (such a message can be read again at any
    /// time).
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        self.terms.write(&mut writer);
        writer.number(self.octets);
        writer.envelope(&self.envelope);
        writer.part(&self.structure.root);
        match self.sent {
            None => writer.number(0),
            Some(sent) => {
                writer.number(1);
                writer.number(u64::try_from(sent.year).unwrap_or(0));
                for value in [sent.month, sent.day, sent.hour, sent.minute, sent.second] {
                    writer.number(u64::from(value));
                }
                writer.number(u64::try_from(i32::from(sent.offset_minutes) + 32_768).unwrap_or(0));
            }
        }
        writer.text(&self.base_subject.text);
        writer.number(u64::from(self.base_subject.is_reply_or_forward));
        writer.optional(self.message_id.as_deref());
        writer.texts(&self.ancestors);
        writer.text(&self.preview);
        writer.finish()
    }

    /// Reads a stored record.
    pub fn decode(record: &[u8]) -> Result<Summary, RecordError> {
        let mut reader = Reader::new(record)?;
        let summary = Summary {
            terms: Terms::read(&mut reader)?,
            octets: reader.number()?,
            envelope: reader.envelope()?,
            structure: Structure { root: reader.root()? },
            sent: decode_sent(&mut reader)?,
            base_subject: BaseSubject {
                text: reader.text()?,
                is_reply_or_forward: match reader.number()? {
                    0 => false,
                    1 => true,
                    _ => return Err(reader.damaged()),
                },
            },
            message_id: reader.optional()?,
            ancestors: reader.texts()?,
            preview: reader.text()?,
        };
        reader.finish()?;
        Ok(summary)
    }
}

fn decode_sent(reader: &mut Reader<'_>) -> Result<Option<CivilTime>, RecordError> {
    match reader.number()? {
        0 => return Ok(None),
        1 => {}
        _ => return Err(reader.damaged()),
    }
    let year = i32::try_from(reader.number()?).map_err(|_| reader.damaged())?;
    let mut small = || -> Result<u8, RecordError> { u8::try_from(reader.number()?).map_err(|_| reader.damaged()) };
    let (month, day, hour, minute, second) = (small()?, small()?, small()?, small()?, small()?);
    let offset = i32::try_from(reader.number()?).map_err(|_| reader.damaged())? - 32_768;
    let offset_minutes = i16::try_from(offset).map_err(|_| reader.damaged())?;
    Ok(Some(CivilTime { year, month, day, hour, minute, second, offset_minutes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_once() {
        let message = b"Date: Fri, 21 Nov 1997 09:55:06 -0600\r\nSubject: Re: [list] Hello\r\nMessage-ID: <2@x>\r\n\
            References: <0@x>\r\n <1@x>\r\nFrom: Some One <a@x>\r\n\r\nHello   there\r\n";
        let summary = Summary::of(message);
        assert_eq!(summary.octets, message.len() as u64);
        assert_eq!(summary.sent.and_then(CivilTime::timestamp).map(|at| at.secs()), Some(880_127_706));
        assert_eq!((summary.base_subject.text.as_str(), summary.base_subject.is_reply_or_forward), ("Hello", true));
        assert_eq!(summary.message_id.as_deref(), Some("2@x"));
        assert_eq!(summary.ancestors, ["0@x", "1@x"]);
        assert_eq!(summary.preview, "Hello there");
        assert_eq!(Summary::decode(&summary.encode()), Ok(summary));
    }
}
