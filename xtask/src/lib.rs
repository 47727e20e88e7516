//! The house test lives in `tests/house`; this crate has nothing else yet.
