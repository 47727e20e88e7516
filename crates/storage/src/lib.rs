//! bytes that survive: the log, group commit, state, blobs, partitions.
