//! Entry points for the fuzzer: whatever comes from the network or a file, nothing panics and no bound is passed.

use bytes::BytesMut;

use crate::greylist::check::Written;
use crate::greylist::memory::Entry;
use crate::greylist::replica::seal::{self, Direction, Sealer};
use crate::greylist::replica::wire;
use crate::greylist::state::{Contents, compose};
use crate::greylist::triplet::Mask;
use crate::secret::Secret;

/// The greylister's memory as a file holds it.
pub fn fuzz_greylist_state(data: &[u8]) {
    if let Ok(contents) = Contents::parse(data, 1_000) {
        assert!(contents.entries().count() * Entry::OCTETS < data.len(), "no entry is made up");
    }
    // With a right checksum the rest is looked at, too.
    let (entries, _) = data.as_chunks::<{ Entry::OCTETS }>();
    let entries: Vec<Entry> = entries.iter().map(|entry| Entry::from_octets(*entry)).collect();
    let file = compose(0, &entries, &[]);
    let count = Contents::parse(&file, usize::MAX).map(|contents| contents.entries().count());
    assert_eq!(count.ok(), Some(entries.len()), "what was written reads back");
}

/// What a replica of the greylister sends: its first words, and frames under right and wrong seals.
pub fn fuzz_greylist_replica(data: &[u8]) {
    let Some(secret) = Secret::new("a secret of both sides") else { return };
    let mask = Mask { v4_bits: 24, v6_bits: 64 };
    if let Some(hello) = data.first_chunk() {
        let _any = seal::read_server_hello(hello);
    }
    if let Some(hello) = data.first_chunk() {
        let _any = seal::read_client_hello(&secret, &[0; 32], mask, hello);
    }
    let sealer = Sealer::new(&secret, &[0; 32], &[1; 32], Direction::FromClient);
    let mut input = BytesMut::from(data);
    while let Ok(Some(_)) = wire::read(&mut input, &mut sealer.clone()) {}
    let length = u32::try_from(data.len() + seal::SEAL_OCTETS).unwrap_or(u32::MAX).to_be_bytes();
    let mut input = BytesMut::from([&length[..], data, &sealer.clone().seal(data)].concat().as_slice());
    if let Ok(Some(frame)) = wire::read(&mut input, &mut sealer.clone()) {
        let (mut again, mut writer) = (Vec::new(), sealer.clone());
        frame.write(&mut writer, &mut again);
        assert_eq!(again.get(4..4 + data.len()), Some(data), "a frame is written as it was read");
    }
}

/// A list as an operator writes it, and the names that are asked for.
pub fn fuzz_greylist_check(data: &[u8]) {
    use crate::greylist::check::Kind;
    use crate::greylist::limits::NAME_OCTETS;
    use crate::greylist::triplet::{Query, Way};
    let text = String::from_utf8_lossy(data);
    let (list, sender) = text.split_once('\n').unwrap_or((&text, &text));
    let query = Query::new(Way::Datagram, [192, 0, 2, 1].into(), sender, sender);
    let written = list.parse::<Written>().or_else(|_| "list.test".parse::<Written>());
    if let Ok(written) = written {
        for kind in [Kind::Dnsbl, Kind::Rhsbl, Kind::Dnswl] {
            if let Some(name) = written.clone().of(kind).question(&query) {
                assert!(name.len() <= NAME_OCTETS && name.is_ascii(), "a name that can be asked for");
            }
        }
    }
    let _any = (
        mask().triplet(&query),
        crate::greylist::recent::Decision::about(&query, model::Timestamp(0), crate::greylist::tally::Action::Trust)
            .line(),
    );
}

fn mask() -> Mask {
    Mask { v4_bits: 24, v6_bits: 64 }
}
