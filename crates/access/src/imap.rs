//! IMAP4rev1 and IMAP4rev2 sessions (RFC 3501, RFC 9051) over the mail store.
//!
//! Laws: message numbers are positions in the view that the session holds, so they change only when the client is told;
//! expunges are told only where the standard allows it; success is said with a storage receipt in hand; an idle session
//! holds no buffers.
//!
//! | file | holds |
//! |---|---|
//! | `service` | what all sessions share |
//! | `state` | what a session holds of its mailbox |
//! | `session` | a connection, its commands, its output |
//! | `capability` | what is offered, and when |
//! | `login` | LOGIN, AUTHENTICATE |
//! | `place` | names on the wire to mailboxes and rights |
//! | `mailboxes`, `list` | CREATE to UNSUBSCRIBE, STATUS; LIST, LSUB, NAMESPACE |
//! | `selected` | the selected mailbox, and telling what changed in it; SELECT |
//! | `fetch`, `section`, `structure` | FETCH; octets of a section; ENVELOPE and BODYSTRUCTURE |
//! | `store`, `copy` | STORE; COPY, MOVE, EXPUNGE |
//! | `append`, `catenate`, `replace` | APPEND; the URLs of CATENATE; REPLACE |
//! | `events` | having the scripts of mailboxes run (RFC 6785) |
//! | `search`, `find` | SEARCH and its answers; which messages fit |
//! | `context`, `multisearch`, `scope` | results kept up to date; searches of many mailboxes; which mailboxes those are |
//! | `notify` | NOTIFY |
//! | `memory` | what messages in flight may take of it |
//! | `progress` | signs of life during long work |
//! | `sort`, `thread` | SORT and THREAD |
//! | `identity`, `page` | EMAILID and THREADID; PARTIAL |
//! | `idle` | IDLE |
//! | `rights`, `quota`, `metadata` | ACL, QUOTA, METADATA |
//! | `refusal` | our errors as response codes |
//! | `settings`, `signals` | what can be set; what is logged and counted |

mod append;
mod capability;
mod catenate;
mod context;
mod copy;
mod events;
mod fetch;
mod find;
mod identity;
mod idle;
mod list;
mod login;
mod mailboxes;
mod memory;
mod metadata;
mod multisearch;
mod notify;
mod page;
mod place;
mod progress;
mod quota;
mod refusal;
mod replace;
mod rights;
mod scope;
mod search;
mod section;
mod selected;
pub mod service;
mod session;
pub mod settings;
mod signals;
mod sort;
mod state;
mod store;
mod structure;
mod thread;

#[cfg(test)]
mod tests;
