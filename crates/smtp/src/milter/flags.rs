//! The two bit sets of the negotiation: what a filter may change, and which steps it wants to hear of.

use std::ops::{BitAnd, BitOr};

macro_rules! bit_set {
    ($(#[$doc:meta])* $name:ident { $($(#[$bit_doc:meta])* $bit:ident = $value:expr;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name(pub u32);

        impl $name {
            $($(#[$bit_doc])* pub const $bit: $name = $name($value);)*

            /// All that this side knows.
            pub const ALL: $name = $name(0 $(| $value)*);

            /// Whether all bits of `other` are set.
            pub fn contains(self, other: $name) -> bool {
                self.0 & other.0 == other.0
            }
        }

        impl BitOr for $name {
            type Output = $name;
            fn bitor(self, other: $name) -> $name {
                $name(self.0 | other.0)
            }
        }

        impl BitAnd for $name {
            type Output = $name;
            fn bitand(self, other: $name) -> $name {
                $name(self.0 & other.0)
            }
        }
    };
}

bit_set! {
    /// What a filter may change.
    Actions {
        /// Add fields, at the end or in a place.
        ADD_HEADERS = 0x1;
        /// Replace the body.
        REPLACE_BODY = 0x2;
        /// Add recipients.
        ADD_RECIPIENTS = 0x4;
        /// Take recipients away.
        DELETE_RECIPIENTS = 0x8;
        /// Change and delete fields.
        CHANGE_HEADERS = 0x10;
        /// Put the message aside.
        QUARANTINE = 0x20;
        /// Replace the sender.
        CHANGE_FROM = 0x40;
        /// Add recipients with ESMTP parameters.
        ADD_RECIPIENTS_WITH_ARGUMENTS = 0x80;
        /// Say which macros it wants.
        CHOOSE_MACROS = 0x100;
    }
}

bit_set! {
    /// Steps that a filter does not want, replies that it does not give, and manners of the protocol.
    Steps {
        /// Does not want the connection.
        NO_CONNECT = 0x1;
        /// Does not want HELO.
        NO_HELO = 0x2;
        /// Does not want MAIL.
        NO_MAIL = 0x4;
        /// Does not want RCPT.
        NO_RCPT = 0x8;
        /// Does not want the body.
        NO_BODY = 0x10;
        /// Does not want the header.
        NO_HEADERS = 0x20;
        /// Does not want the end of the header.
        NO_END_OF_HEADER = 0x40;
        /// Does not answer to fields.
        NO_REPLY_HEADER = 0x80;
        /// Does not want unknown commands.
        NO_UNKNOWN = 0x100;
        /// Does not want DATA.
        NO_DATA = 0x200;
        /// May answer "skip the rest of the body".
        SKIP = 0x400;
        /// Wants recipients, too, that the mail server refuses.
        REJECTED_RECIPIENTS = 0x800;
        /// Does not answer to the connection.
        NO_REPLY_CONNECT = 0x1000;
        /// Does not answer to HELO.
        NO_REPLY_HELO = 0x2000;
        /// Does not answer to MAIL.
        NO_REPLY_MAIL = 0x4000;
        /// Does not answer to RCPT.
        NO_REPLY_RCPT = 0x8000;
        /// Does not answer to DATA.
        NO_REPLY_DATA = 0x1_0000;
        /// Does not answer to unknown commands.
        NO_REPLY_UNKNOWN = 0x2_0000;
        /// Does not answer to the end of the header.
        NO_REPLY_END_OF_HEADER = 0x4_0000;
        /// Does not answer to pieces of the body.
        NO_REPLY_BODY = 0x8_0000;
        /// Values of fields keep the space after the colon.
        LEADING_SPACE = 0x10_0000;
        /// Frames may have 256 KiB.
        FRAMES_OF_256_KIB = 0x1000_0000;
        /// Frames may have 1 MiB.
        FRAMES_OF_1_MIB = 0x2000_0000;
    }
}

impl Steps {
    /// Octets of content that a frame may have under these manners.
    pub fn frame_octets(self) -> usize {
        if self.contains(Steps::FRAMES_OF_1_MIB) {
            (1 << 20) - 1
        } else if self.contains(Steps::FRAMES_OF_256_KIB) {
            (256 << 10) - 1
        } else {
            (64 << 10) - 1
        }
    }
}

/// A step of a transaction before which macros may be sent, by its number in the list of wanted macros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The connection.
    Connect,
    /// HELO or EHLO.
    Helo,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA.
    Data,
    /// The end of the message.
    EndOfMessage,
    /// The end of the header.
    EndOfHeader,
}

impl Stage {
    /// All of them, in the order of their numbers.
    pub const ALL: [Stage; 7] =
        [Stage::Connect, Stage::Helo, Stage::Mail, Stage::Rcpt, Stage::Data, Stage::EndOfMessage, Stage::EndOfHeader];

    /// Its number in lists of wanted macros.
    pub fn number(self) -> u32 {
        match self {
            Stage::Connect => 0,
            Stage::Helo => 1,
            Stage::Mail => 2,
            Stage::Rcpt => 3,
            Stage::Data => 4,
            Stage::EndOfMessage => 5,
            Stage::EndOfHeader => 6,
        }
    }

    /// The stage of a number.
    pub fn from_number(number: u32) -> Option<Stage> {
        Stage::ALL.into_iter().find(|stage| stage.number() == number)
    }

    /// The letter of the command that its macros go before.
    pub fn letter(self) -> u8 {
        match self {
            Stage::Connect => b'C',
            Stage::Helo => b'H',
            Stage::Mail => b'M',
            Stage::Rcpt => b'R',
            Stage::Data => b'T',
            Stage::EndOfMessage => b'E',
            Stage::EndOfHeader => b'N',
        }
    }
}
