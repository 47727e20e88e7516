//! How often something happened and whether it was seen before: throttle tables and greylisting, in process and as services
//! that other mail servers can ask, too.

pub mod greylist;
