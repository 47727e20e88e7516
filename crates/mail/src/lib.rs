//! mailboxes and messages: UIDs, flags, threads, structure, delivery, undelete.
