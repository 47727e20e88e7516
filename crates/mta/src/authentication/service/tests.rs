//! Keys, signatures and seals that check out, with names from a table.

use super::*;
use crate::authentication::keys::{Algorithm, State};
use crate::authentication::results::Results;
use net::SystemClock;
use net::random::Seeded;
use net::resolver::table::{Table, TableResolver};

const MESSAGE: &[u8] = b"From: a@ours.test\r\nTo: b@far.test\r\nSubject: x\r\n\r\nhello\r\n";

/// A folder of this test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        Folder(std::env::temp_dir().join(format!("heliograph-authentication-{}-{name}", std::process::id())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _left_behind = std::fs::remove_dir_all(&self.0);
    }
}

fn open(folder: &Folder, names: &[String]) -> Authentication {
    let parts = Parts {
        resolver: Arc::new(TableResolver::new(Table::parse(names).unwrap())),
        clock: Arc::new(SystemClock),
        random: Arc::new(Seeded::new(1)),
        tls: ClientTls::new(None).unwrap(),
        partition: Partition::in_memory().unwrap(),
        data: folder.0.clone(),
    };
    Authentication::open(Settings::new("mx.ours.test"), parts, &Registry::new()).unwrap()
}

fn inquiry(message: &[u8]) -> Inquiry<'_> {
    Inquiry { address: None, hello: "", sender: "", message, receiver: "mx.ours.test", now_secs: 0 }
}

/// A key, and an authentication that finds its record, with the keys read anew.
fn with_key(folder: &Folder) -> Authentication {
    let key = open(folder, &[]).keys.create("ours.test", "s1", Algorithm::Ed25519, State::Active, 7).unwrap();
    open(folder, &[format!("{} txt {}", key.record_name(), key.record_text())])
}

#[tokio::test]
async fn what_is_signed_verifies_until_it_is_changed() {
    let folder = Folder::new("sign");
    let authentication = with_key(&folder);
    let keys = authentication.keys.active("mail.ours.test");
    let signed = [&sign::sign(keys.iter().map(|key| &**key), MESSAGE).unwrap(), MESSAGE].concat();
    let results = authentication.check(TraceId(1), inquiry(&signed)).await;
    assert_eq!((results.dkim.len(), results.dkim[0].verdict), (1, Verdict::Pass));
    assert_eq!(results.dkim[0].domain, "ours.test");

    let changed = [&signed[..], b"a disclaimer\r\n"].concat();
    assert_eq!(authentication.check(TraceId(1), inquiry(&changed)).await.dkim_verdict(), Verdict::Fail);
    let again = authentication.sign_again(&signed, &changed).await.unwrap();
    let results = authentication.check(TraceId(1), inquiry(&again)).await;
    assert_eq!((results.dkim.len(), results.dkim[0].verdict), (1, Verdict::Pass), "the old signature is gone");
    // What we have not signed we do not sign now, whatever it claims.
    assert_eq!(authentication.sign_again(&changed, &changed).await, None);
    assert_eq!(authentication.sign_again(MESSAGE, &changed).await, None);
}

#[tokio::test]
async fn seals_make_a_chain() {
    let folder = Folder::new("seal");
    let authentication = with_key(&folder);
    let key = authentication.keys.active("ours.test").remove(0);
    let mut message = MESSAGE.to_vec();
    for sets in 1..=3 {
        let results = authentication.check(TraceId(1), inquiry(&message)).await;
        let set = sign::seal(&key, "mx.ours.test", &results, &message, 7).unwrap().unwrap();
        message = [&set[..], &message].concat();
        let arc = authentication.check(TraceId(1), inquiry(&message)).await.arc;
        assert_eq!((arc.verdict, arc.sets, arc.domain.as_str()), (Verdict::Pass, sets, "ours.test"), "{arc:?}");
    }
    message.extend_from_slice(b"more\r\n");
    let results = authentication.check(TraceId(1), inquiry(&message)).await;
    assert_eq!(results.arc.verdict, Verdict::Fail);
    assert_eq!(sign::seal(&key, "mx.ours.test", &results, &message, 7), Ok(None), "a broken chain is not sealed");
}

#[test]
fn keys_are_kept_and_only_good_names_taken() {
    let folder = Folder::new("keys");
    let authentication = with_key(&folder);
    let keys = &authentication.keys;
    for (domain, selector) in [("ours.test", "s1"), ("ours.test", "../x"), ("../x", "s2"), ("ours.test", "")] {
        assert!(keys.create(domain, selector, Algorithm::Ed25519, State::Active, 7).is_err(), "{domain} {selector}");
    }
    assert_eq!(keys.set_state("ours.test", "s1", State::Retired).unwrap().state, State::Retired);
    assert!(keys.active("ours.test").is_empty());
    assert_eq!(open(&folder, &[]).keys.list(None).len(), 1);
    keys.remove("ours.test", "s1").unwrap();
    assert!(open(&folder, &[]).keys.list(None).is_empty());
    assert!(keys.remove("ours.test", "s1").is_err());
}

#[test]
fn the_field_is_what_the_standard_wants() {
    let mut results = Results { checked: true, sender: "a@b.test".to_owned(), ..Results::default() };
    results.spf.domain = "b.test".to_owned();
    results.spf.verdict = Verdict::Pass;
    results.dmarc.domain = "b.test".to_owned();
    results.dmarc.verdict = Verdict::None;
    let field = String::from_utf8(results.field("mx.test")).unwrap().replace("\r\n ", " ");
    let wanted = "Authentication-Results: mx.test; spf=pass smtp.mailfrom=a@b.test; dkim=none; dmarc=none header.from=b.test\r\n";
    assert_eq!(field, wanted);
}
