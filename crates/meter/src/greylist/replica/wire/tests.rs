use super::*;
use crate::greylist::fuzz::fuzz_greylist_replica;
use crate::greylist::limits::FRAME_ENTRIES;
use crate::greylist::memory::Sighting;
use crate::greylist::replica::seal::Direction;
use crate::secret::Secret;
use model::Timestamp;
use proptest::prelude::*;

fn sealer() -> Sealer {
    Sealer::new(&Secret::new("a secret of both").unwrap(), &[1; 32], &[2; 32], Direction::FromClient)
}

fn entry(number: u32) -> Entry {
    let sighting = Sighting { first: Timestamp(u64::from(number) * 1_000), last_secs: number };
    Entry { digest: Digest::of(&number.to_string()), sighting }
}

fn write(frames: &[Frame]) -> Vec<u8> {
    let (mut sealer, mut out) = (sealer(), Vec::new());
    frames.iter().for_each(|frame| frame.write(&mut sealer, &mut out));
    out
}

#[test]
fn frames_read_back_however_they_are_cut() {
    let sent = [
        Frame::Seen(Part::Triplets, vec![entry(1), entry(2)]),
        Frame::Heartbeat,
        Frame::Seen(Part::Known, vec![]),
        Frame::Forgotten(vec![Digest::of("x")]),
        Frame::ForgottenAll,
    ];
    let octets = write(&sent);
    for size in [1, 7, octets.len()] {
        let (mut sealer, mut input, mut found) = (sealer(), BytesMut::new(), Vec::new());
        for piece in octets.chunks(size) {
            input.extend_from_slice(piece);
            while let Some(frame) = read(&mut input, &mut sealer).unwrap() {
                found.push(frame);
            }
        }
        assert_eq!(found, sent);
    }
}

#[test]
fn the_largest_frame_is_within_its_bound() {
    let entries = (0..FRAME_ENTRIES).map(|number| entry(u32::try_from(number).unwrap())).collect();
    assert!(write(&[Frame::Seen(Part::Triplets, entries)]).len() <= FRAME_OCTETS);
}

#[test]
fn each_offence_is_told_apart() {
    let offence = |octets: &[u8]| read(&mut BytesMut::from(octets), &mut sealer()).unwrap_err();
    assert_eq!(offence(&[0, 0, 0, 16, 5]), Offence::Length(16));
    assert_eq!(offence(&[1, 0, 0, 0]), Offence::Length(1 << 24));
    let mut altered = write(&[Frame::Heartbeat]);
    altered[4] = FORGOTTEN_ALL;
    assert_eq!(offence(&altered), Offence::Seal);
    let sealed = |content: &[u8]| {
        let length = u32::try_from(content.len() + SEAL_OCTETS).unwrap().to_be_bytes();
        [&length[..], content, &sealer().seal(content)].concat()
    };
    assert_eq!(offence(&sealed(b"\x09")), Offence::Kind(9));
    assert_eq!(offence(&sealed(b"\x01short")), Offence::Content);
    assert_eq!(offence(&sealed(b"\x05more")), Offence::Content);
}

#[test]
fn changes_become_few_frames_in_their_order() {
    let seen = |number| Change::Seen(Part::Triplets, entry(number));
    let all = [seen(1), seen(2), Change::ForgottenAll, seen(3), Change::Seen(Part::Known, entry(4))];
    let made = frames(&all);
    assert_eq!(made.len(), 4);
    let again: Vec<Change> = made.into_iter().flat_map(changes).collect();
    assert_eq!(again, all);
}

proptest! {
    #[test]
    fn whatever_comes_is_borne(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz_greylist_replica(&octets);
    }
}
