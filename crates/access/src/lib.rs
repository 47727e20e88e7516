//! Mailboxes for clients: IMAP and POP3.

pub mod imap;
pub mod pop3;
