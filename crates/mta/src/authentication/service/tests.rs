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

/// Names from a table, but those of one domain never get an answer.
struct Slow(TableResolver);

impl Slow {
    async fn wait<T>(name: &str, answer: net::resolver::DnsAnswer<'_, T>) -> Result<T, net::DnsError> {
        if name.trim_end_matches('.').ends_with("slow.test") {
            std::future::pending::<()>().await;
        }
        answer.await
    }
}

impl Resolver for Slow {
    fn mx<'a>(&'a self, domain: &'a str) -> net::resolver::DnsAnswer<'a, Vec<net::resolver::Mx>> {
        Box::pin(Slow::wait(domain, self.0.mx(domain)))
    }

    fn addresses<'a>(&'a self, name: &'a str) -> net::resolver::DnsAnswer<'a, Vec<net::resolver::HostAddress>> {
        Box::pin(Slow::wait(name, self.0.addresses(name)))
    }

    fn ipv4<'a>(&'a self, name: &'a str) -> net::resolver::DnsAnswer<'a, Vec<std::net::Ipv4Addr>> {
        Box::pin(Slow::wait(name, self.0.ipv4(name)))
    }

    fn txt<'a>(&'a self, name: &'a str) -> net::resolver::DnsAnswer<'a, Vec<String>> {
        Box::pin(Slow::wait(name, self.0.txt(name)))
    }

    fn ptr(&self, _address: std::net::IpAddr) -> net::resolver::DnsAnswer<'_, Vec<String>> {
        Box::pin(Slow::wait("slow.test", Box::pin(async { Ok(Vec::new()) })))
    }
}

#[tokio::test]
async fn slow_names_of_a_forger_do_not_keep_us_from_the_policy_of_the_forged() {
    let names = ["_dmarc.victim.test txt v=DMARC1; p=reject", "victim.test txt v=spf1 ptr -all"].map(str::to_owned);
    let resolver = Slow(TableResolver::new(Table::parse(&names).unwrap()));
    let signature = "DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=KEY; s=s; h=from;\r\n bh=zS7KNTV0HyeorkDDGwxB1AV6enuRKzO5rthkhdHIRnY=; b=YQ==\r\n";
    let signatures: String = (0..10).map(|at| signature.replace("KEY", &format!("d{at}.slow.test"))).collect();
    let message = format!("{signatures}From: a@victim.test\r\n\r\nhello\r\n");
    let verifier = closed::verifier().unwrap();
    let inquiry = Inquiry {
        address: Some("192.0.2.1".parse().unwrap()),
        hello: "hello.slow.test",
        sender: "a@slow.test",
        ..inquiry(message.as_bytes())
    };
    tokio::time::pause();
    let results = check::check(&resolver, &verifier, &Workers::default(), inquiry).await;
    assert_eq!((results.dmarc.verdict, results.dmarc.policy.as_str()), (Verdict::Fail, "reject"), "{results:?}");
    assert_eq!(results.spf.verdict, Verdict::TempError);
    let forged = Inquiry { sender: "a@victim.test", ..inquiry };
    let results = check::check(&resolver, &verifier, &Workers::default(), forged).await;
    assert_eq!((results.spf.verdict, results.dmarc.verdict), (Verdict::Fail, Verdict::Fail), "{results:?}");
}

#[tokio::test]
async fn without_a_turn_nothing_is_known() {
    let names = ["_dmarc.victim.test txt v=DMARC1; p=reject"].map(str::to_owned);
    let resolver = TableResolver::new(Table::parse(&names).unwrap());
    let workers = Workers::none();
    tokio::time::pause();
    let message = [&b"From: a@victim.test\r\n\r\n"[..], &b"hello\r\n".repeat(10_000)].concat();
    let results = check::check(&resolver, &closed::verifier().unwrap(), &workers, inquiry(&message)).await;
    assert!(results.is_late && results.is_slow);
    assert_eq!((results.dmarc.verdict, results.arc.verdict), (Verdict::TempError, Verdict::TempError));
}

#[tokio::test]
async fn a_signature_that_covers_very_much_takes_no_time() {
    let folder = Folder::new("covers");
    let authentication = with_key(&folder);
    let names: Vec<String> = (0..300_000).map(|at| format!("x{at}")).collect();
    let signature = format!(
        "DKIM-Signature: v=1; a=ed25519-sha256; c=simple/simple; d=ours.test; s=s1; h=from:{};\r\n bh=zS7KNTV0HyeorkDDGwxB1AV6enuRKzO5rthkhdHIRnY=; b=YQ==\r\n",
        names.join(":")
    );
    let message = [signature.as_bytes(), b"From: a@ours.test\r\n\r\nhello\r\n"].concat();
    let results = authentication.check(TraceId(1), inquiry(&message)).await;
    assert_eq!((results.dkim.len(), results.unlooked), (0, 1));
    assert_eq!(authentication.sign_again(&message, &message).await, None);
}

#[tokio::test]
async fn a_signature_of_one_of_ours_does_not_speak_for_another() {
    let folder = Folder::new("tenants");
    let authentication = with_key(&folder);
    authentication.keys.create("victim.test", "s2", Algorithm::Ed25519, State::Active, 7).unwrap();
    let keys = authentication.keys.active("ours.test");
    let foreign = MESSAGE.to_vec();
    let signed = [&sign::sign(keys.iter().map(|key| &**key), &foreign).unwrap(), &foreign[..]].concat();
    let forged = [b"From: ceo@victim.test\r\n", &signed[..]].concat();
    assert_eq!(authentication.sign_again(&forged, &forged).await, None, "two authors are none");
    let other = b"From: ceo@victim.test\r\nSubject: x\r\n\r\nhello\r\n";
    let signed = [&sign::sign(keys.iter().map(|key| &**key), other).unwrap(), &other[..]].concat();
    assert_eq!(authentication.sign_again(&signed, &signed).await, None);
}

#[tokio::test]
async fn a_report_that_comes_again_is_kept_once() {
    let folder = Folder::new("reports");
    let store = open(&folder, &[]).store;
    assert!(store.keep_report(1, &["far.test", "1"], b"a".to_vec()).await.unwrap());
    assert!(!store.keep_report(2, &["far.test", "1"], b"b".to_vec()).await.unwrap());
    assert!(store.keep_report(2, &["far.test", "2"], b"c".to_vec()).await.unwrap());
    assert_eq!(store.reports(10).unwrap(), [b"c".to_vec(), b"a".to_vec()]);
}
