//! What mailboxes and messages mean. No protocol words: the doors translate.
//!
//! Every change of an account is one transaction of its partition and gets one number (modseq); what a client needs to
//! catch up from any earlier number is read back from the rows. Success is told with the storage `Receipt`.
//!
//! | file | holds |
//! |---|---|
//! | `store` | [`store::Mail`]: the whole of it, opened once |
//! | `deliver` | new messages: filed for several owners in one transaction |
//! | `filing` | the same as scripts want it: several copies, chosen places |
//! | `scripts` | Sieve scripts and what they remember |
//! | `change` | flags, copies, moves, expunging |
//! | `moves` | who is told of moves |
//! | `witness` | who acts on what people do with messages |
//! | `replace` | a message in the place of another |
//! | `mailboxes` | listing, making, renaming, deleting; rights, subscriptions |
//! | `shared` | what others share with somebody |
//! | `annotation` | metadata of mailboxes and of the server (RFC 5464) |
//! | `view` | [`view::View`]: an open mailbox, shared by its sessions |
//! | `cache`, `open` | the open mailboxes, and how one is opened or caught up |
//! | `summaries` | envelope, structure and preview of a message |
//! | `trash` | what was expunged and can still be brought back |
//! | `upkeep` | what time takes away; whole accounts |
//! | `thread` | which conversation a message belongs to |
//! | `book` | an account's rows inside one transaction |
//! | `check`, `repair` | whether rows, counts and blobs agree; making right what can be computed again |
//! | `name` | names of mailboxes |
//! | `flags` | flags and keywords |
//! | `marks`, `uid_set` | flags and changes of many messages in few rows |
//! | `keys`, `record`, `rows` | keys and bytes on disk, and how they are read |
//! | `settings`, `limits` | what can be set, and what cannot |
//! | `signals` | what the operator is told |
//! | `error` | what can go wrong |
//! | `fuzz` | entry points for the fuzzer |

pub mod annotation;
mod book;
mod cache;
pub mod change;
pub mod check;
pub mod deliver;
pub mod error;
pub mod filing;
pub mod flags;
pub mod fuzz;
mod keys;
pub mod limits;
pub mod mailboxes;
pub mod marks;
pub mod moves;
pub mod name;
mod open;
pub mod record;
mod repair;
mod replace;
mod rows;
pub mod scripts;
pub mod settings;
pub mod shared;
mod signals;
pub mod store;
mod summaries;
mod thread;
pub mod trash;
mod uid_set;
pub mod upkeep;
pub mod view;
pub mod witness;
