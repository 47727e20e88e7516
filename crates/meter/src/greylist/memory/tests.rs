use super::*;
use proptest::prelude::*;

const HOUR: u64 = 3_600;

fn ring() -> Ring {
    Ring::new(Duration::from_secs(HOUR), 3)
}

fn at(secs: u64) -> Timestamp {
    Timestamp::from_secs(1_000 * HOUR + secs)
}

#[test]
fn what_was_seen_is_found_with_its_first_moment() {
    let memory = Memory::new(ring(), 1_000);
    let digest = Digest::of("192.0.2.0 a@far.test b@home.test");
    assert_eq!(memory.find(digest, at(0)), None);
    memory.see(digest, at(5));
    memory.see(digest, at(7));
    let seen = memory.find(digest, at(8)).unwrap();
    assert_eq!((seen.first, seen.last_secs), (at(5), seconds(at(7))));
    assert!(memory.forget(digest) && !memory.forget(digest));
    assert!(memory.is_empty());
}

#[test]
fn a_digest_is_the_beginning_of_sha_256() {
    assert_eq!(Digest::of("abc").0, [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41]);
}

#[test]
fn a_generation_is_forgotten_when_it_leaves_the_ring() {
    let memory = Memory::new(ring(), 1_000);
    let (early, late) = (Digest::of("early"), Digest::of("late"));
    memory.see(early, at(0));
    memory.see(late, at(HOUR - 1));
    // Both belong to the same generation, the third one after it is the first without them.
    assert!(memory.find(early, at(3 * HOUR - 1)).is_some());
    assert!(memory.find(early, at(3 * HOUR)).is_none());
    assert!(memory.find(late, at(3 * HOUR)).is_none());
    assert_eq!(memory.len(), 2);
    assert_eq!(memory.sweep(at(3 * HOUR)), 2);
    assert!(memory.is_empty());
}

#[test]
fn being_seen_again_keeps_the_first_moment_and_lasts_longer() {
    let memory = Memory::new(ring(), 1_000);
    let digest = Digest::of("x");
    memory.see(digest, at(0));
    memory.see(digest, at(2 * HOUR));
    assert_eq!(memory.find(digest, at(4 * HOUR)).unwrap().first, at(0));
    assert_eq!(memory.see(digest, at(9 * HOUR)).first, at(9 * HOUR), "what was forgotten begins anew");
}

#[test]
fn a_full_memory_gives_up_what_was_seen_longest_ago() {
    let memory = Memory::new(ring(), 64 * 80);
    for number in 0..20_000_u64 {
        memory.see(Digest::of(&number.to_string()), at(number / 100));
    }
    assert!(memory.len() <= 64 * 80, "{}", memory.len());
    assert_eq!(memory.len() as u64 + memory.evicted(), 20_000);
    assert!(memory.find(Digest::of("19999"), at(200)).is_some());
    assert!(memory.find(Digest::of("0"), at(200)).is_none());
}

#[test]
fn a_flood_within_one_second_does_not_empty_the_memory() {
    let memory = Memory::new(ring(), 64 * 80);
    for number in 0..20_000_u64 {
        memory.see(Digest::of(&number.to_string()), at(0));
    }
    assert!(memory.len() > 64 * 60, "{}", memory.len());
}

#[test]
fn two_memories_join_to_the_same() {
    let (here, there) = (Memory::new(ring(), 1_000), Memory::new(ring(), 1_000));
    let digest = Digest::of("x");
    here.see(digest, at(10));
    there.see(digest, at(4));
    there.see(digest, at(20));
    for number in 0..there.parts() {
        for entry in there.part(number, at(30)) {
            here.merge(entry, at(30));
        }
    }
    let joined = here.find(digest, at(30)).unwrap();
    assert_eq!((joined.first, joined.last_secs), (at(4), seconds(at(20))));
    here.merge(Entry { digest: Digest::of("old"), sighting: Sighting { first: at(0), last_secs: 1 } }, at(30));
    assert_eq!(here.len(), 1, "what is over is not taken in");
}

#[test]
fn an_entry_is_small() {
    assert_eq!(size_of::<(Digest, Packed)>(), 20);
}

proptest! {
    #[test]
    fn entries_read_back(octets: [u8; Entry::OCTETS]) {
        prop_assert_eq!(Entry::from_octets(octets).to_octets(), octets);
    }
}
