//! What every collection of an account shares: whose it is, the change counter, how much room is used, who may do what.
//!
//! | file | holds |
//! |---|---|
//! | `owner` | [`owner::Owner`]: an account and the partition it lives on |
//! | `row` | [`row::AccountRow`]: counter, usage and the numbers to give out, and its bytes |
//! | `ledger` | [`ledger::Ledger`]: the account's row inside a transaction |
//! | `rights` | [`rights::Rights`], [`rights::Grants`]: access control lists (RFC 4314) |
//! | `octets` | how records are put into bytes and taken out again |
//! | `fuzz` | entry points for the fuzzer |

pub mod fuzz;
pub mod ledger;
pub mod octets;
pub mod owner;
pub mod rights;
pub mod row;
