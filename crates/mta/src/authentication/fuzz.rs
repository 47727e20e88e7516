//! Entry points for fuzzing what the network can send here.

use crate::authentication::forged;
use crate::authentication::received;
use crate::authentication::spf::{macros, record};
use crate::authentication::srs::Rewriter;
use crate::authentication::sts;
use mail_auth::common::parse::TxtRecordParser;
use mail_auth::common::verify::DomainKey;
use mail_auth::dmarc::Dmarc;
use std::net::{IpAddr, Ipv4Addr};

/// Authentication-Results fields: never panics; what is left names nobody as us, and removing again changes nothing.
pub fn fuzz_authentication_results(data: &[u8]) {
    let (kept, _) = forged::without(data, "mx.test");
    let (again, count) = forged::without(&kept, "mx.test");
    assert!(count == 0 && again == kept, "no field in our name is left");
}

/// MTA-STS policies and their records: never panic, and a policy printed is the same policy.
pub fn fuzz_sts_policy(data: &[u8]) {
    if let Ok(policy) = sts::parse(data) {
        assert_eq!(sts::parse(policy.document().as_bytes()), Ok(policy));
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _any = sts::identifier(&[text.to_owned()]);
    }
}

/// Rewritten addresses: never panic; nothing foreign is taken for ours, and what we make comes back.
pub fn fuzz_rewritten_address(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let rewriter = Rewriter::new("ours.test", b"secret".to_vec());
    assert!(rewriter.reverse(text, 0).is_err(), "nobody guesses the hash");
    if let Some(sent) = rewriter.forward(text, "far.test", 86_400) {
        let local = sent.rsplit_once('@').map_or("", |(local, _)| local);
        assert!(rewriter.reverse(local, 86_400).is_ok(), "{sent}");
    }
}

/// Texts that the name service answers with: SPF records and explanations, DKIM keys, DMARC records. Never panics.
pub fn fuzz_dns_texts(data: &[u8]) {
    let _any = (DomainKey::parse(data).is_ok(), Dmarc::parse(data).is_ok());
    let Ok(text) = std::str::from_utf8(data) else { return };
    if record::is_record(text) {
        let _any = record::parse(text);
    }
    for read in [macros::parse(text), macros::parse_explanation(text)].into_iter().flatten() {
        let values = macros::Values {
            sender: "a@b.test",
            domain: "b.test",
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            validated: "unknown",
            hello: "c.test",
            receiver: "d.test",
            now_secs: 0,
        };
        let _any = read.expand(&values);
    }
}

/// Reports that others send: XML, gzip, zip and JSON in MIME. Never panics, and what is kept of one is bounded.
pub fn fuzz_report(data: &[u8]) {
    if let Ok(report) = received::read(data, 0) {
        assert!(report.rows.len() <= 200, "rows are cut");
    }
    let xml = [b"Content-Type: application/xml\r\n\r\n", data].concat();
    let _any = received::read(&xml, 0);
    let json = [b"Content-Type: application/tlsrpt+json\r\n\r\n", data].concat();
    let _any = received::read(&json, 0);
}

/// A message with signatures and chains, parsed by the library as mail that comes in is. Never panics.
pub fn fuzz_signed_message(data: &[u8]) {
    let _any = mail_auth::AuthenticatedMessage::parse(data);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_panics(data in prop::collection::vec(any::<u8>(), 0..400)) {
            fuzz_authentication_results(&data);
            fuzz_sts_policy(&data);
            fuzz_rewritten_address(&data);
            fuzz_dns_texts(&data);
            fuzz_signed_message(&data);
            fuzz_report(&data);
        }

        #[test]
        fn nearly_right_texts_do_not_panic(
            start in prop::sample::select(vec![
                "v=spf1 ", "v=DMARC1; ", "v=DKIM1; p=", "version: STSv1\r\nmode: enforce\r\n", "SRS0=", "DKIM-Signature: v=1; ",
                "ARC-Seal: i=1; ", "Authentication-Results: ",
            ]),
            rest in "[ -~\r\n]{0,200}",
        ) {
            let data = format!("{start}{rest}");
            fuzz_authentication_results(data.as_bytes());
            fuzz_sts_policy(data.as_bytes());
            fuzz_rewritten_address(data.as_bytes());
            fuzz_dns_texts(data.as_bytes());
            fuzz_signed_message(data.as_bytes());
        }
    }
}
