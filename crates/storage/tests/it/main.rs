//! Tests of the store as its users see it: against a model, power cuts, damage, rewriting, a full disk.

mod compaction;
mod damage;
mod disk_full;
mod model;
mod power_cut;
mod scratch;
mod script;
