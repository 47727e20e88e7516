//! Mailboxes for clients: IMAP and POP3; and ManageSieve for their scripts.

pub mod imap;
mod line;
pub mod managesieve;
pub mod pop3;
mod sasl;
