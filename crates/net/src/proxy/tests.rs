use super::*;
use proptest::prelude::*;

fn speaks_for(source: &str, destination: &str) -> Proxied {
    Proxied::For { source: source.parse().unwrap(), destination: destination.parse().unwrap() }
}

fn v2(version_command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let mut header = V2_SIGNATURE.to_vec();
    header.extend([version_command, family]);
    header.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
    header.extend(body);
    header
}

#[test]
fn version_1_is_read() {
    let line = b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 25\r\nEHLO x\r\n";
    assert_eq!(parse(line), Ok(Some((speaks_for("192.0.2.1:56324", "198.51.100.2:25"), 44))));
    let line = b"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n";
    assert_eq!(parse(line), Ok(Some((speaks_for("[2001:db8::1]:1", "[2001:db8::2]:2"), line.len()))));
    assert_eq!(parse(b"PROXY UNKNOWN\r\n"), Ok(Some((Proxied::Itself, 15))));
    assert_eq!(parse(b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), Ok(Some((Proxied::Itself, 35))));
}

#[test]
fn version_1_offences() {
    for line in [
        "PROXY TCP4 192.0.2.1 198.51.100.2 56324\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 56324 25 9\r\n",
        "PROXY TCP4 ::1 ::1 1 1\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 +1 25\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 01 25\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 70000 25\r\n",
        "PROXY UDP4 192.0.2.1 198.51.100.2 1 25\r\n",
        "PROXY TCP4  192.0.2.1 198.51.100.2 1 25\r\n",
    ] {
        assert_eq!(parse(line.as_bytes()), Err(ProxyError::MalformedLine), "{line}");
    }
    assert_eq!(parse(format!("PROXY UNKNOWN {}", "x".repeat(100)).as_bytes()), Err(ProxyError::LineTooLong));
    assert_eq!(parse(b"EHLO x\r\n"), Err(ProxyError::NoHeader));
}

#[test]
fn version_2_is_read() {
    let body = [192, 0, 2, 1, 198, 51, 100, 2, 0xdc, 0x04, 0, 25];
    let header = v2(0x21, 0x11, &body);
    assert_eq!(parse(&header), Ok(Some((speaks_for("192.0.2.1:56324", "198.51.100.2:25"), 28))));
    let mut with_extension = body.to_vec();
    with_extension.extend([4, 0, 1, 0]);
    let header = v2(0x21, 0x11, &with_extension);
    assert_eq!(parse(&header), Ok(Some((speaks_for("192.0.2.1:56324", "198.51.100.2:25"), 32))));
    assert_eq!(parse(&v2(0x20, 0, &[])), Ok(Some((Proxied::Itself, 16))));
    assert_eq!(parse(&v2(0x21, 0x31, &[0; 216])), Ok(Some((Proxied::Itself, 232))));
    let header = v2(0x21, 0x21, &[1; 36]);
    assert_eq!(
        parse(&header),
        Ok(Some((speaks_for("[101:101:101:101:101:101:101:101]:257", "[101:101:101:101:101:101:101:101]:257"), 52)))
    );
}

#[test]
fn version_2_offences() {
    assert_eq!(parse(&v2(0x21, 0x11, &[0; 11])), Err(ProxyError::ShortAddresses));
    assert_eq!(parse(&v2(0x21, 0x21, &[0; 35])), Err(ProxyError::ShortAddresses));
    assert_eq!(parse(&v2(0x22, 0x11, &[0; 12])), Err(ProxyError::UnknownCommand));
    assert_eq!(parse(&v2(0x11, 0x11, &[0; 12])), Err(ProxyError::UnknownCommand));
    assert_eq!(parse(&v2(0x21, 0x11, &[0; 5000])), Err(ProxyError::TooLong(5000)));
}

proptest! {
    #[test]
    fn any_octets_are_borne(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _any = parse(&octets);
    }

    #[test]
    fn a_prefix_asks_for_more_and_changes_nothing(source: [u8; 4], port: u16, cut in 0usize..60) {
        let source = SocketAddr::new(Ipv4Addr::from(source).into(), port);
        let line = format!("PROXY TCP4 {} 198.51.100.2 {} 25\r\n", source.ip(), source.port());
        let cut = cut.min(line.len() - 1);
        prop_assert_eq!(parse(&line.as_bytes()[..cut]), Ok(None));
        let destination = "198.51.100.2:25".parse().unwrap();
        prop_assert_eq!(parse(line.as_bytes()), Ok(Some((Proxied::For { source, destination }, line.len()))));
    }
}
