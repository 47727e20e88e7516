use std::path::PathBuf;

use super::*;
use crate::connection::Connection;
use crate::error::Error;
use crate::tls::distrust::Distrust;
use bytes::BytesMut;

/// A folder of this test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("heliograph-net-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn certificate(&self, name: &str) -> CertificateFiles {
        let made = self_signed::make(&[name.to_owned()]).unwrap();
        let (chain, key) = (self.0.join(format!("{name}.pem")), self.0.join(format!("{name}.key")));
        std::fs::write(&chain, made.certificate_pem).unwrap();
        std::fs::write(&key, made.key_pem).unwrap();
        CertificateFiles { chain, key, names: Vec::new() }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _left_behind = std::fs::remove_dir_all(&self.0);
    }
}

async fn shake(server: &ServerTls, client: &ClientTls, name: &str, trust: Trust) -> Result<(TlsInfo, TlsInfo), Error> {
    let (ours, mut theirs) = Connection::pair(64 * 1024);
    let mut ours = ours.with_server_tls(server.clone());
    let (served, connected) = tokio::join!(ours.start_tls(), theirs.start_tls_as_client(client, name, trust));
    connected?;
    served?;
    ours.send(b"+OK", None).await.unwrap();
    let mut back = BytesMut::new();
    theirs.receive(&mut back, None).await.unwrap();
    assert_eq!(&back[..], b"+OK");
    Ok((ours.tls().unwrap().clone(), theirs.tls().unwrap().clone()))
}

#[tokio::test]
async fn certificates_are_chosen_by_name() {
    let folder = Folder::new("sni");
    let files = [folder.certificate("a.example"), folder.certificate("*.b.example")];
    let server = ServerTls::new(Certificates::load(&files).unwrap(), TlsFloor::Tls12).unwrap();
    assert_eq!(server.names(), ["*.b.example", "a.example"]);
    for (name, file) in [("a.example", 0), ("mail.b.example", 1), ("else.example", 0)] {
        let client = ClientTls::new(Some(&files[file].chain)).unwrap();
        let (_, info) = shake(&server, &client, name, Trust::Opportunistic).await.unwrap();
        let stood = info.trust == Some(TrustVerdict::Verified);
        assert_eq!(stood, name != "else.example", "{name}: {:?}", info.trust);
        let refused = shake(&server, &client, name, Trust::Required).await.err().map(|error| error.distrust());
        assert_eq!(refused, (!stood).then_some(Some(Distrust::WrongName)));
    }
}

#[tokio::test]
async fn both_sides_see_the_same_bindings() {
    let folder = Folder::new("bindings");
    let files = [folder.certificate("a.example")];
    let server = ServerTls::new(Certificates::load(&files).unwrap(), TlsFloor::Tls13).unwrap();
    let client = ClientTls::new(Some(&files[0].chain)).unwrap();
    let (ours, theirs) = shake(&server, &client, "a.example", Trust::Required).await.unwrap();
    assert_eq!(ours.version, "TLSv1.3");
    assert!(ours.cipher.starts_with("TLS_AES_"), "{}", ours.cipher);
    assert_eq!(ours.server_name.as_deref(), Some("a.example"));
    assert!(ours.exporter.is_some() && ours.exporter == theirs.exporter);
    assert!(ours.server_end_point.is_some() && ours.server_end_point == theirs.server_end_point);
    assert_eq!((ours.trust, theirs.trust), (None, Some(TrustVerdict::Verified)));
}

#[tokio::test]
async fn required_trust_is_required() {
    let made = self_signed::make(&["a.example".to_owned()]).unwrap();
    let certificates = Certificates::from_pem(&made.certificate_pem, &made.key_pem).unwrap();
    let server = ServerTls::new(certificates, TlsFloor::Tls12).unwrap();
    let client = ClientTls::new(None).unwrap();
    let refused = shake(&server, &client, "a.example", Trust::Required).await.unwrap_err();
    assert_eq!(refused.distrust(), Some(Distrust::NotTrusted), "{refused:?}");
    let (_, info) = shake(&server, &client, "a.example", Trust::Opportunistic).await.unwrap();
    assert!(matches!(info.trust, Some(TrustVerdict::Unverified(..))));
    let (_, info) = shake(&server, &client, "under_score.example.", Trust::Opportunistic).await.unwrap();
    assert!(matches!(info.trust, Some(TrustVerdict::Unverified(..))));
}

#[tokio::test]
async fn a_reload_takes_effect_and_a_broken_one_does_not() {
    let folder = Folder::new("reload");
    let old = [folder.certificate("old.example")];
    let new = [folder.certificate("new.example")];
    let server = ServerTls::new(Certificates::load(&old).unwrap(), TlsFloor::Tls12).unwrap();

    std::fs::write(folder.0.join("broken.pem"), "-----BEGIN CERTIFICATE-----\n????\n").unwrap();
    let broken = CertificateFiles { chain: folder.0.join("broken.pem"), ..old[0].clone() };
    assert!(matches!(Certificates::load(&[broken]), Err(Error::Certificate { what: "certificate", .. })));
    let other_key = CertificateFiles { key: new[0].key.clone(), ..old[0].clone() };
    let Err(Error::Certificate { why, .. }) = Certificates::load(&[other_key]) else {
        panic!("a foreign key was taken")
    };
    assert_eq!(why, "it is not the key of the certificate");
    let missing = CertificateFiles { key: folder.0.join("nowhere"), ..old[0].clone() };
    assert!(matches!(Certificates::load(&[missing]), Err(Error::Certificate { what: "key", .. })));
    assert_eq!(server.names(), ["old.example"]);

    server.clone().replace(Certificates::load(&new).unwrap()).unwrap();
    let client = ClientTls::new(Some(&new[0].chain)).unwrap();
    shake(&server, &client, "new.example", Trust::Required).await.unwrap();
}

#[tokio::test]
async fn tls_starts_once() {
    let (mut plain, _other) = Connection::pair(64);
    assert!(matches!(plain.start_tls().await, Err(Error::TlsNotPossible { .. })));
    assert!(!plain.can_start_tls());
}

#[tokio::test]
async fn tlsa_records_stand_in_for_authorities() {
    let folder = Folder::new("dane");
    let files = [folder.certificate("mx.example")];
    let server = ServerTls::new(Certificates::load(&files).unwrap(), TlsFloor::Tls12).unwrap();
    let pem = std::fs::read(&files[0].chain).unwrap();
    let der = rustls::pki_types::pem::PemObject::from_pem_slice(&pem).unwrap();
    let der: rustls::pki_types::CertificateDer<'_> = der;
    let good = dane::record_of(&der).unwrap();
    let whole = crate::Tlsa { usage: 3, selector: 0, matching: 0, data: der.to_vec() };
    let mut wrong = good.clone();
    wrong.data[0] ^= 1;
    let client = ClientTls::new(None).unwrap();
    // The name of a certificate does not count, only its key.
    for (records, stands) in [
        (vec![good.clone()], true),
        (vec![whole], true),
        (vec![wrong.clone(), good], true),
        (vec![wrong.clone()], false),
        (vec![crate::Tlsa { usage: 1, ..wrong.clone() }], true),
        (vec![crate::Tlsa { usage: 2, ..wrong }], false),
    ] {
        let (ours, mut theirs) = Connection::pair(64 * 1024);
        let mut ours = ours.with_server_tls(server.clone());
        let (_, connected) =
            tokio::join!(ours.start_tls(), theirs.start_tls_pinned(&client, &["else.example"], &records));
        assert_eq!(connected.is_ok(), stands, "{records:?}: {connected:?}");
        let refused = connected.err().map(|error| error.distrust());
        assert_eq!(refused, (!stands).then_some(Some(Distrust::NotDescribed)));
    }
}
