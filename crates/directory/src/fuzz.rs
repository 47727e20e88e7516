//! Entry points for the fuzzer: SASL messages, stored records, import files.

use crate::entry::{Account, Domain, Name};
use crate::sasl::scram::{Client, Hash, Server, Verifier, client_first};
use crate::sasl::{ChannelBindings, plain};
use crate::transfer;

/// Anything in any state of any mechanism.
pub fn fuzz_sasl(data: &[u8]) {
    let _ = plain::read(data);
    for (plus, offered) in [(false, false), (false, true), (true, true)] {
        if let Ok(first) = client_first(data, plus, offered) {
            let verifier = Verifier::fake(Hash::Sha256, b"secret", &first.name, 1);
            let server = Server::new(Hash::Sha256, first, verifier, "nonce");
            let _ = server.finish(data, &ChannelBindings::default());
        }
    }
    let mut client = Client::new(Hash::Sha1, "a", "b", "c");
    // A server may ask for many rounds; only the reading is the subject here.
    if !data.windows(2).any(|pair| pair == b"i=") {
        let _ = client.finish(data);
    }
    let _ = client.verify(data);
}

/// A stored record.
pub fn fuzz_entry(data: &[u8]) {
    if let Ok(account) = serde_json::from_slice::<Account>(data)
        && let Ok(text) = serde_json::to_string(&account)
    {
        assert_eq!(serde_json::from_str::<Account>(&text).ok(), Some(account));
    }
    let _ = (serde_json::from_slice::<Domain>(data), serde_json::from_slice::<Name>(data));
}

/// An import file.
pub fn fuzz_import(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = (transfer::read_json_lines(text), transfer::read_csv(text));
    }
}
