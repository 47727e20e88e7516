//! The durable log on disk: records in segments, groups of records that count together or not at all.

pub mod commit;
pub mod record;
pub mod scan;
pub mod segment;
pub mod walk;
