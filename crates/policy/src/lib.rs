//! The judge: mapping tables, access tables and rules become one decision with all its reasons. Pure: what must be looked
//! up is asked for, step by step.
//!
//! | file | holds |
//! |---|---|
//! | `stage`, `facts` | when something is judged, and what is known by then |
//! | `decision` | what is decided, the order of strength, and why |
//! | `lookup` | what only the outside can tell |
//! | `mapping/` | the language of mapping tables |
//! | `access` | the six access tables: probes, flags, arguments |
//! | `rule/` | the rules of the settings file |
//! | `judge` | one stage judged: tables and rules, stepwise |
//! | `source` | which channel a session belongs to |
//! | `limits` | every bound |
//! | `fuzz` | entry points for the fuzzer |

pub mod access;
pub mod decision;
pub mod facts;
pub mod fuzz;
pub mod judge;
pub mod limits;
pub mod lookup;
pub mod mapping;
pub mod rule;
pub mod source;
pub mod stage;
pub mod wildcard;
