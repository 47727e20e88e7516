//! The tables as services: over the meter's own protocol, and over Postfix's policy delegation.

pub mod policy;
pub mod tcp;
