//! For what a server runs: its users, or to be tried.

/// For what the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// For its users: passwords travel under TLS only.
    Service,
    /// To be tried: on loopback one may log in without TLS.
    Demo,
}
