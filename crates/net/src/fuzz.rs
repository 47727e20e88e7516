//! Entry points for fuzzing what the network can send to this crate, and what an operator can write for it.

use crate::proxy;
use crate::resolver::table::Table;
use crate::tls::binding;

/// The PROXY protocol: never panics, and a header's length lies within the octets.
pub fn fuzz_proxy(data: &[u8]) {
    if let Ok(Some((_, length))) = proxy::parse(data) {
        assert!(length <= data.len(), "a header is no longer than what was read");
        let again = proxy::parse(data.get(..length).unwrap_or_default());
        assert_eq!(again, proxy::parse(data), "a header does not depend on what follows it");
    }
}

/// The walk through a certificate: never panics.
pub fn fuzz_certificate(data: &[u8]) {
    let _any = binding::server_end_point(data);
}

/// The table of fixed names: never panics.
pub fn fuzz_name_table(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _any = Table::parse(text.lines());
    }
}
