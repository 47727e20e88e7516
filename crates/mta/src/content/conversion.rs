//! The `conversions` file and what its entries do to the parts of a message.
//!
//! | file | holds |
//! |---|---|
//! | `file` | the file read, with line numbers in its errors |
//! | `leaves` | the parts of a message that can be converted |
//! | `matching` | which entry is for a part |
//! | `command` | an external command, run in a folder of its own under limits |
//! | `directives` | what a command says in OUTPUT_OPTIONS |
//! | `apply` | a message with all its parts converted |

pub mod apply;
pub mod command;
pub mod directives;
pub mod file;
pub mod leaves;
pub mod matching;
