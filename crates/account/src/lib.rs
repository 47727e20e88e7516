//! an account's collections and items: change counter, changes since, grants, quota.
