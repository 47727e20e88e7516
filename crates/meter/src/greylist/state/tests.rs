use super::*;
use crate::greylist::fuzz::fuzz_greylist_state;
use crate::greylist::memory::{Digest, Sighting};
use crate::greylist::settings::Settings;
use crate::greylist::triplet::{Query, Way};
use model::Timestamp;
use net::Registry;
use net::clock::SetClock;
use net::resolver::table::{Table, TableResolver};
use proptest::prelude::*;

fn entry(text: &str) -> Entry {
    Entry { digest: Digest::of(text), sighting: Sighting { first: Timestamp(1_000_123), last_secs: 1_001 } }
}

#[test]
fn a_file_reads_back() {
    let (triplets, known) = ([entry("a"), entry("b")], [entry("c")]);
    let octets = compose(7, &triplets, &known);
    assert_eq!(octets.len(), 24 + 3 * 20 + 4);
    let found: Vec<(Part, Entry)> = Contents::parse(&octets, 10).unwrap().entries().collect();
    assert_eq!(found, [(Part::Triplets, entry("a")), (Part::Triplets, entry("b")), (Part::Known, entry("c"))]);
}

#[test]
fn each_fault_is_told_apart() {
    let octets = compose(7, &[entry("a"), entry("b")], &[]);
    let parse = |octets: &[u8]| Contents::parse(octets, 2).map(|_| ()).unwrap_err();
    assert!(matches!(parse(b""), Error::Foreign));
    assert!(matches!(parse(b"something else"), Error::Foreign));
    assert!(matches!(parse(&octets[..octets.len() - 1]), Error::Length));
    assert!(matches!(parse(&[&octets[..], b"x"].concat()), Error::Length));
    let mut wrong = octets.clone();
    wrong[30] ^= 1;
    assert!(matches!(parse(&wrong), Error::Checksum));
    assert!(matches!(Contents::parse(&octets, 1), Err(Error::TooLarge { entries: 2, entries_max: 1 })));
}

fn greylist(file: &Path) -> Arc<Greylist> {
    let settings = Settings { state_file: Some(file.to_owned()), ..Settings::default() };
    let resolver = Arc::new(TableResolver::new(Table::default()));
    Greylist::new(settings, resolver, Arc::new(SetClock::new(Timestamp::from_secs(90_000))), &Registry::new())
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("heliograph-greylist-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[tokio::test]
async fn a_memory_outlives_the_program() {
    let folder = folder("outlives");
    let file = folder.join("greylist.state");
    let query = Query::new(Way::Inside, [192, 0, 2, 1].into(), "a@far.test", "b@home.test");
    {
        let greylist = greylist(&file);
        load(&greylist).unwrap();
        greylist.judge(&query).await;
        greylist.record_contact("b@home.test", "friend@far.test");
        assert!(greylist.take_dirty() && !greylist.take_dirty());
        save(&greylist).unwrap();
    }
    let greylist = greylist(&file);
    load(&greylist).unwrap();
    assert_eq!(greylist.standing(&query).unwrap().sighting.first, Timestamp::from_secs(90_000));
    assert_eq!(greylist.memory(Part::Known).len(), 1);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_damaged_file_is_put_aside() {
    let folder = folder("damaged");
    let file = folder.join("greylist.state");
    std::fs::write(&file, b"HGREYST1 and nothing else").unwrap();
    let greylist = greylist(&file);
    load(&greylist).unwrap();
    assert!(!file.exists() && folder.join("greylist.state.damaged").exists());
    save(&greylist).unwrap();
    load(&greylist).unwrap();
    std::fs::remove_dir_all(folder).unwrap();
}

proptest! {
    #[test]
    fn whatever_the_file_holds_is_borne(octets in prop::collection::vec(any::<u8>(), 0..200), is_begun: bool) {
        let octets = if is_begun { [&MAGIC[..], &octets].concat() } else { octets };
        fuzz_greylist_state(&octets);
    }
}
