use super::*;
use crate::fuzz::fuzz_policy_delegation;
use proptest::prelude::*;

const AT_RCPT: &str = "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=SMTP\nhelo_name=some.domain.test\n\
                       queue_id=\nsender=foo@bar.test\nrecipient=bar@foo.test\nrecipient_count=0\n\
                       client_address=192.0.2.3\nclient_name=another.domain.test\nsasl_username=\nsender=second@bar.test\n\n";

fn read_all(text: &[u8], size: usize) -> Result<Vec<Request>, Offence> {
    let (mut reader, mut found) = (RequestReader::default(), Vec::new());
    for mut piece in text.chunks(size.max(1)) {
        while let Some(request) = reader.read(&mut piece)? {
            found.push(request);
        }
        assert!(piece.is_empty(), "all that cannot be used yet is held");
    }
    Ok(found)
}

#[test]
fn a_request_of_postfix_is_read_however_it_is_cut() {
    for size in [1, 7, 4096] {
        let found = read_all(AT_RCPT.repeat(2).as_bytes(), size).expect("it is a request");
        assert_eq!(found.len(), 2, "requests follow one another on one connection");
        for request in found {
            assert_eq!(request.kind(), "smtpd_access_policy");
            assert_eq!(request.attribute("client_address"), Some("192.0.2.3"));
            assert_eq!(request.attribute("sender"), Some("foo@bar.test"), "the first of several counts");
            assert_eq!(request.attribute("sasl_username"), None, "an empty value is not available");
            assert_eq!(request.attribute("ccert_subject"), None);
            assert_eq!(request.attributes().count(), 12);
        }
    }
}

#[test]
fn a_value_may_hold_equals_signs_and_what_is_not_utf8() {
    let found = read_all(b"request=x\nsender=\"a=b\"@c.test\nhelo_name=\xff\n\n", 3).expect("it is a request");
    assert_eq!(found[0].attribute("sender"), Some("\"a=b\"@c.test"));
    assert_eq!(found[0].attribute("helo_name"), Some("\u{FFFD}"));
}

#[test]
fn each_offence_is_named() {
    assert_eq!(read_all(b"request=x\nnonsense\n\n", 99), Err(Offence::NotAnAttribute));
    assert_eq!(read_all(b"=x\n\n", 99), Err(Offence::NotAnAttribute));
    assert_eq!(read_all(b"sender=a@b.test\n\n", 99), Err(Offence::NoRequest));
    assert_eq!(read_all(b"\n", 99), Err(Offence::NoRequest));
    assert_eq!(read_all("a=b\n".repeat(POLICY_ATTRIBUTES_MAX + 1).as_bytes(), 99), Err(Offence::TooManyAttributes));
    assert_eq!(read_all(&b"a".repeat(POLICY_BLOCK_OCTETS_MAX + 1), 999), Err(Offence::TooLong));
    let mut input: &[u8] = b"reply=OK\n\n";
    assert_eq!(ResponseReader::default().read(&mut input), Err(Offence::NoAction));
}

#[test]
fn actions_are_written_as_postfix_reads_them() {
    for (action, wire) in [
        (Action::Dunno, "action=DUNNO\n\n"),
        (Action::Reject(String::new()), "action=REJECT\n\n"),
        (Action::DeferIfPermit("4.7.1 later".to_owned()), "action=DEFER_IF_PERMIT 4.7.1 later\n\n"),
        (Action::Code(421, "4.7.0 too many".to_owned()), "action=421 4.7.0 too many\n\n"),
        (Action::Prepend("X-Seen: yes".to_owned()), "action=PREPEND X-Seen: yes\n\n"),
    ] {
        let mut out = Vec::new();
        action.write(&mut out);
        assert_eq!(String::from_utf8_lossy(&out), wire);
        let mut input = out.as_slice();
        assert_eq!(ResponseReader::default().read(&mut input), Ok(Some(action)));
    }
}

#[test]
fn nothing_can_add_a_line_of_its_own() {
    let mut out = Vec::new();
    Action::Reject("no\r\n\naction=OK".to_owned()).write(&mut out);
    assert_eq!(String::from_utf8_lossy(&out), "action=REJECT no   action=OK\n\n");
    out.clear();
    Request::new("x").with("a\nb=c", "d\ne").write(&mut out);
    assert_eq!(String::from_utf8_lossy(&out), "request=x\na_b_c=d e\n\n");
}

#[test]
fn actions_are_read_in_any_case_and_unknown_ones_are_kept() {
    for (text, action) in [
        ("dunno", Some(Action::Dunno)),
        ("Reject  no mail", Some(Action::Reject("no mail".to_owned()))),
        ("450 4.7.1 later", Some(Action::Code(450, "4.7.1 later".to_owned()))),
        ("650", Some(Action::Ok)),
        ("permit_mynetworks, reject", Some(Action::Other("permit_mynetworks, reject".to_owned()))),
        ("", None),
    ] {
        assert_eq!(Action::parse(text), action, "{text}");
    }
}

fn action() -> impl Strategy<Value = Action> {
    // Texts are words: blanks at their ends are not kept, and a line cannot hold what ends it.
    let text = "|[!-~é]{1,12}( [!-~é]{1,12}){0,3}";
    (0..10usize, text, 400u16..600).prop_map(|(which, text, code)| match which {
        0 => Action::Dunno,
        1 => Action::Ok,
        2 => Action::Reject(text),
        3 => Action::Defer(text),
        4 => Action::DeferIfPermit(text),
        5 => Action::DeferIfReject(text),
        6 => Action::Code(code, text),
        7 => Action::Discard(text),
        8 => Action::Hold(text),
        _ => Action::Warn(text),
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(actions in proptest::collection::vec(action(), 1..5), size in 1usize..40) {
        let mut wire = Vec::new();
        actions.iter().for_each(|action| action.write(&mut wire));
        let (mut reader, mut found) = (ResponseReader::default(), Vec::new());
        for mut piece in wire.chunks(size) {
            while let Some(action) = reader.read(&mut piece).expect("it was written") {
                found.push(action);
            }
        }
        prop_assert_eq!(found, actions);
    }

    #[test]
    fn requests_are_read_as_they_were_written(
        attributes in proptest::collection::vec(("[a-z_]{1,12}", "[^\\x00\\r\\n]{0,20}"), 0..8),
        size in 1usize..40,
    ) {
        let request = attributes.iter().fold(Request::new("smtpd_access_policy"), |request, (name, value)| request.with(name, value));
        let mut wire = Vec::new();
        request.write(&mut wire);
        prop_assert_eq!(read_all(&wire, size), Ok(vec![request]));
    }

    #[test]
    fn nothing_panics_and_what_is_held_is_bounded(data in proptest::collection::vec(any::<u8>(), 0..400)) {
        fuzz_policy_delegation(&data);
    }
}
