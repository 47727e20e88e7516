//! Files in memory that remember what was done to them.

/// A disk in memory.
#[derive(Clone, Debug, Default)]
pub struct SimulatedDisk;
/// A moment at which the power fails.
#[derive(Clone, Debug)]
pub struct Cut;
