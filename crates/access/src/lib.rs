//! Mailboxes for clients: POP3.

pub mod pop3;
