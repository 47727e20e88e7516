//! mailboxes for clients: IMAP and POP3.
