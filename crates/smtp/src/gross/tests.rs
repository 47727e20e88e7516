use super::*;
use crate::fuzz::fuzz_gross;
use proptest::prelude::*;

fn datagram(kind: u16, text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    [&kind.to_be_bytes(), &length.to_be_bytes(), text.as_bytes()].concat()
}

#[test]
fn a_question_is_read() {
    let text = "sender=a@far.test\nrecipient=b@home.test\nclient_address=192.0.2.7\nhelo_name=far.test\n\n";
    let question = Question {
        client: "192.0.2.7".parse().unwrap(),
        sender: "a@far.test".to_owned(),
        recipient: "b@home.test".to_owned(),
        hello: Some("far.test".to_owned()),
    };
    assert_eq!(Datagram::parse(&datagram(2, text)), Ok(Datagram::Question(question.clone())));
    assert_eq!(question.write(), datagram(2, text));
}

#[test]
fn the_null_sender_and_a_client_without_a_name_are_read() {
    let text = "sender=<>\nrecipient=b@home.test\nclient_address=2001:db8::1\nqueue_id=7\n\nsender=x\n";
    let Ok(Datagram::Question(question)) = Datagram::parse(&datagram(2, text)) else { panic!("a question") };
    assert_eq!((question.sender.as_str(), question.hello), ("<>", None));
}

#[test]
fn each_offence_is_told_apart() {
    assert_eq!(Datagram::parse(b"\0\x02\0"), Err(Offence::Cut));
    assert_eq!(Datagram::parse(b"\0\x02\0\x05abc"), Err(Offence::Cut));
    assert_eq!(Datagram::parse(&datagram(0, "x")), Err(Offence::UnknownKind(0)));
    assert_eq!(Datagram::parse(&datagram(2, "sender=\n\n")), Err(Offence::Missing("recipient")));
    assert_eq!(Datagram::parse(&datagram(2, "sender=\nrecipient=r\nclient_address=me\n\n")), Err(Offence::NoAddress));
    assert_eq!(Datagram::parse(&datagram(2, &"x".repeat(2_000))), Err(Offence::TooLong));
    assert_eq!(Datagram::parse(&datagram(1, "ERROR\0")), Ok(Datagram::Remark("ERROR".to_owned())));
}

#[test]
fn answers_are_mapping_results() {
    assert_eq!(Answer::Trust.write(), b"T $Y");
    assert_eq!(Answer::Match.write(), b"M $Y");
    let grey = Answer::Grey("Please try again later.".to_owned());
    assert_eq!(grey.write(), b"G $X4.4.3|$NPlease$ try$ again$ later.");
    assert_eq!(Answer::Block("costs 5$\r\n".to_owned()).write(), b"B $Ncosts$ 5$$$ $ ");
    assert_eq!(Answer::Pending.write(), b"P");
    assert_eq!(Answer::Fail.write(), b"F");
}

proptest! {
    #[test]
    fn what_is_asked_is_read(client: [u8; 4], sender in "[^\n\0]{0,200}", recipient in "[^\n\0]{0,200}", hello in "[^\n\0]{1,100}") {
        let question = Question { client: client.into(), sender, recipient, hello: Some(hello) };
        if question.write().len() < GROSS_DATAGRAM_OCTETS_MAX {
            prop_assert_eq!(Datagram::parse(&question.write()), Ok(Datagram::Question(question)));
        }
    }

    #[test]
    fn whatever_comes_is_borne(octets in prop::collection::vec(any::<u8>(), 0..1_100)) {
        fuzz_gross(&octets);
    }
}
