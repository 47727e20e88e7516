//! A mail message: read with offsets, edited without touching the rest, built.
//!
//! Every octet string is some message: reading never fails and never panics. Offsets are exact, so that what is
//! remembered at delivery ([`summary::Summary`]) can cut any IMAP section out of the stored octets later. Pure: no
//! files, sockets, clocks, threads or randomness; times and ids are handed in.
//!
//! | file | holds |
//! |---|---|
//! | `limits` | every bound of this crate |
//! | `lexeme` | quoted strings and comments |
//! | `span` | a range of octets |
//! | `header` | header fields: names, raw ranges, unfolded values (RFC 5322 §2.2) |
//! | `parameter` | `; name=value` lists (RFC 2045 §5.1, RFC 2231) |
//! | `structure`, `parse` | the MIME tree (RFC 2045, RFC 2046) and how it is read |
//! | `address` | mailboxes, groups and lists of them (RFC 5322 §3.4, RFC 6532) |
//! | `envelope` | the IMAP envelope (RFC 9051 §7.5.2) |
//! | `transfer` | base64 and quoted-printable, both ways (RFC 2045 §6) |
//! | `charset` | any charset to UTF-8 |
//! | `word` | encoded words, both ways (RFC 2047) |
//! | `content` | the decoded octets or text of a part |
//! | `fold`, `search` | i;unicode-casemap (RFC 5051) and exact substring search under it |
//! | `terms` | what is searched most, folded at delivery |
//! | `date` | the sent date (RFC 5322 §3.3, §4.3) |
//! | `thread` | message ids and base subject (RFC 5256 §2.1, §2.2) |
//! | `sort` | sort keys (RFC 5256 §3, RFC 5957) |
//! | `html`, `preview` | text out of HTML; the preview (RFC 8970) |
//! | `summary`, `record` | all that is computed once at delivery, and its bytes |
//! | `edit` | fields put on top, hop count (RFC 5321 §4.4, RFC 6409 §8) |
//! | `rewrite` | chosen parts and fields changed, every other octet copied |
//! | `protection` | what is signed or encrypted and must stay as it is (RFC 1847, RFC 8551) |
//! | `addition` | a text added to what people read, such as a disclaimer |
//! | `partial` | fragments of a message: read, joined, made (RFC 2046 §5.2.2) |
//! | `report` | delivery status notifications (RFC 3464, RFC 6522, RFC 6533) |
//! | `downgrade` | 8-bit to 7-bit (RFC 6152 §3) |
//! | `fuzz` | entry points for fuzzing |

pub mod addition;
pub mod address;
pub mod charset;
pub mod content;
pub mod date;
pub mod downgrade;
pub mod edit;
pub mod envelope;
pub mod fold;
pub mod fuzz;
pub mod header;
pub mod html;
mod lexeme;
pub mod limits;
pub mod parameter;
pub mod parse;
pub mod partial;
pub mod preview;
pub mod protection;
pub mod record;
pub mod report;
pub mod rewrite;
pub mod search;
pub mod sort;
pub mod span;
pub mod structure;
pub mod summary;
pub mod terms;
pub mod thread;
pub mod transfer;
pub mod word;
