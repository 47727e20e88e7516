//! A message that scripts look at: parsed once for all recipients.

use bytes::Bytes;
use mail::deliver::NewMessage;
use message::structure::Structure;
use std::sync::Arc;

/// A message with its structure. Cheap to clone.
#[derive(Clone)]
pub struct Whole {
    octets: Bytes,
    structure: Arc<Structure>,
    new: NewMessage,
}

impl Whole {
    /// Parses and hashes the message. Blocks for large ones.
    ///
    /// # Errors
    /// It is larger than the store takes.
    pub fn new(octets: impl Into<Bytes>) -> Result<Whole, mail::error::Error> {
        let octets = octets.into();
        let structure = Arc::new(message::parse::structure(&octets));
        let new = NewMessage::new(octets.clone())?;
        Ok(Whole { octets, structure, new })
    }

    /// The message.
    pub fn octets(&self) -> &Bytes {
        &self.octets
    }

    /// Its parts.
    pub fn structure(&self) -> &Structure {
        &self.structure
    }

    /// The message, ready to be filed.
    pub fn filed(&self) -> NewMessage {
        self.new.clone()
    }
}
