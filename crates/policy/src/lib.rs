//! The judge: mapping tables, access tables and rules become one verdict with all its reasons. Pure: what must be looked up
//! is asked for, step by step.
