//! who: domains, accounts, groups, roles, credentials.
