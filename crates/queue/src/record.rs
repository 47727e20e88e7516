//! Messages, recipients and trace events as they are stored. Every record begins with its version.

use crate::channel::NAMED_OCTET;
use crate::entry::{Channel, Event, Heard, Message, Recipient, Route, Scores, State};
use crate::limits::INSTRUCTIONS_MAX;
use crate::octets::{Reader, RecordError, Writer};
use model::{BlobHash, Timestamp, TraceId};
use smtp::envelope::{BodyKind, DeliverBy, DeliverByMode, MailFrom, Notify, OriginalRecipient, RcptTo, Returned};

/// Of messages and recipients; 2 added what filters found and asked for, 3 who had logged in and whom an operator released.
const VERSION: u8 = 3;
const EVENT_VERSION: u8 = 1;

/// A message's bytes.
pub fn encode_message(message: &Message) -> Vec<u8> {
    let mut out = Writer::new(VERSION);
    mail_from(&mut out, &message.mail_from);
    out.raw(&message.body.0).u64(message.octets).u64(message.arrived_at.0).u64(message.counts_from.0);
    out.u64(message.trace.0).text(&message.received_from).text(&message.subject);
    let Scores { spam_percent, virus } = message.scores;
    for score in [spam_percent, virus] {
        out.option(score, |out, score| {
            out.u8(score);
        });
    }
    out.option(message.authenticated.as_ref(), |out, name| {
        out.text(name);
    });
    out.finish()
}

/// Reads a message.
pub fn decode_message(octets: &[u8]) -> Result<Message, RecordError> {
    let (mut from, version) = Reader::up_to(octets, VERSION)?;
    let mut message = Message {
        mail_from: read_mail_from(&mut from)?,
        body: BlobHash(from.take()?),
        octets: from.u64()?,
        arrived_at: Timestamp(from.u64()?),
        counts_from: Timestamp(from.u64()?),
        trace: TraceId(from.u64()?),
        received_from: from.text()?,
        subject: from.text()?,
        scores: Scores::default(),
        authenticated: None,
    };
    if version >= 2 {
        message.scores = Scores { spam_percent: from.option(Reader::u8)?, virus: from.option(Reader::u8)? };
    }
    if version >= 3 {
        message.authenticated = from.option(Reader::text)?;
    }
    from.end()?;
    Ok(message)
}

fn mail_from(out: &mut Writer, mail: &MailFrom) {
    out.option(mail.reverse_path.as_ref(), |out, path| {
        out.text(&path.to_string());
    });
    out.option(mail.size_octets, |out, size| {
        out.u64(size);
    });
    out.u8(match mail.body {
        BodyKind::SevenBit => 0,
        BodyKind::EightBitMime => 1,
        BodyKind::BinaryMime => 2,
    });
    out.u8(u8::from(mail.smtputf8));
    out.u8(match mail.returned {
        None => 0,
        Some(Returned::Full) => 1,
        Some(Returned::Headers) => 2,
    });
    out.option(mail.envelope_id.as_ref(), |out, id| {
        out.text(id);
    });
    out.u8(u8::from(mail.require_tls));
    out.option(mail.deliver_by, |out, by| {
        out.raw(&by.secs.to_le_bytes()).u8(u8::from(by.mode == DeliverByMode::Notify)).u8(u8::from(by.trace));
    });
    out.option(mail.priority, |out, priority| {
        out.raw(&priority.to_le_bytes());
    });
}

fn read_mail_from(from: &mut Reader<'_>) -> Result<MailFrom, RecordError> {
    Ok(MailFrom {
        reverse_path: from.option(Reader::parsed)?,
        size_octets: from.option(Reader::u64)?,
        body: match from.u8()? {
            0 => BodyKind::SevenBit,
            1 => BodyKind::EightBitMime,
            2 => BodyKind::BinaryMime,
            _ => return Err(RecordError::Value),
        },
        smtputf8: from.bool()?,
        returned: match from.u8()? {
            0 => None,
            1 => Some(Returned::Full),
            2 => Some(Returned::Headers),
            _ => return Err(RecordError::Value),
        },
        envelope_id: from.option(Reader::text)?,
        require_tls: from.bool()?,
        hold: None,
        deliver_by: from.option(|from| {
            let secs = i64::from_le_bytes(from.take()?);
            let mode = if from.bool()? { DeliverByMode::Notify } else { DeliverByMode::Return };
            Ok(DeliverBy { secs, mode, trace: from.bool()? })
        })?,
        priority: from.option(|from| Ok(i8::from_le_bytes(from.take()?)))?,
        submitter: None,
    })
}

/// A recipient's bytes.
pub fn encode_recipient(recipient: &Recipient) -> Vec<u8> {
    let mut out = Writer::new(VERSION);
    out.text(&recipient.rcpt.address.to_string());
    // 255 leaves the choice to us; otherwise one bit for each of SUCCESS, FAILURE and DELAY.
    let bits = |notify: Notify| u8::from(notify.success) | u8::from(notify.failure) << 1 | u8::from(notify.delay) << 2;
    out.u8(recipient.rcpt.notify.map_or(255, bits));
    out.option(recipient.rcpt.original.as_ref(), |out, original| {
        out.text(&original.kind).text(&original.address);
    });
    channel(&mut out, recipient.route.channel);
    out.text(&recipient.route.destination);
    match recipient.state {
        State::Due(at) => out.u8(0).u64(at.0),
        State::Held => out.u8(1),
        State::Delivered => out.u8(2),
        State::Relayed => out.u8(3),
        State::Failed => out.u8(4),
        State::Expanded => out.u8(5),
    };
    out.u32(recipient.attempts).u8(recipient.notices);
    out.option(recipient.heard.as_ref(), |out, heard| {
        out.u64(heard.at.0).text(&heard.host).u16(heard.code).text(&heard.status).text(&heard.text);
    });
    out.u32(u32::try_from(recipient.instructions.len()).unwrap_or(u32::MAX));
    for fragment in &recipient.instructions {
        out.text(fragment);
    }
    out.u8(u8::from(recipient.is_released));
    out.finish()
}

/// Reads a recipient.
pub fn decode_recipient(octets: &[u8]) -> Result<Recipient, RecordError> {
    let (mut from, version) = Reader::up_to(octets, VERSION)?;
    let address = from.parsed()?;
    let notify = match from.u8()? {
        255 => None,
        bits if bits < 8 => Some(Notify { success: bits & 1 != 0, failure: bits & 2 != 0, delay: bits & 4 != 0 }),
        _ => return Err(RecordError::Value),
    };
    let original = from.option(|from| Ok(OriginalRecipient { kind: from.text()?, address: from.text()? }))?;
    let channel = read_channel(&mut from)?;
    let mut recipient = Recipient {
        rcpt: RcptTo { address, notify, original },
        route: Route { channel, destination: from.text()? },
        state: match from.u8()? {
            0 => State::Due(Timestamp(from.u64()?)),
            1 => State::Held,
            2 => State::Delivered,
            3 => State::Relayed,
            4 => State::Failed,
            5 => State::Expanded,
            _ => return Err(RecordError::Value),
        },
        attempts: from.u32()?,
        notices: from.u8()?,
        heard: from.option(|from| {
            Ok(Heard {
                at: Timestamp(from.u64()?),
                host: from.text()?,
                code: from.u16()?,
                status: from.text()?,
                text: from.text()?,
            })
        })?,
        instructions: Vec::new(),
        is_released: false,
    };
    if version >= 2 {
        let count = from.u32()?;
        if usize::try_from(count).map_or(true, |count| count > INSTRUCTIONS_MAX) {
            return Err(RecordError::Value);
        }
        recipient.instructions = (0..count).map(|_| from.text()).collect::<Result<_, _>>()?;
    }
    if version >= 3 {
        recipient.is_released = from.bool()?;
    }
    from.end()?;
    Ok(recipient)
}

/// One octet; behind that of named channels the name.
fn channel(out: &mut Writer, channel: Channel) {
    out.u8(channel.octet());
    if let Channel::Named(name) = channel {
        out.text(name.as_str());
    }
}

fn read_channel(from: &mut Reader<'_>) -> Result<Channel, RecordError> {
    match from.u8()? {
        NAMED_OCTET => from.parsed().map(Channel::Named),
        octet => Channel::from_octet(octet).ok_or(RecordError::Value),
    }
}

/// An event's bytes.
pub fn encode_event(event: &Event) -> Vec<u8> {
    let mut out = Writer::new(EVENT_VERSION);
    out.u64(event.at.0).text(&event.text);
    out.finish()
}

/// Reads an event.
pub fn decode_event(octets: &[u8]) -> Result<Event, RecordError> {
    let mut from = Reader::new(octets, EVENT_VERSION)?;
    let event = Event { at: Timestamp(from.u64()?), text: from.text()? };
    from.end()?;
    Ok(event)
}

#[cfg(test)]
mod tests;
