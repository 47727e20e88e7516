//! Conversations of a real mailbox, and of made-up items.

use super::*;
use crate::imap::find::tests::Stocked;
use proptest::prelude::*;

async fn threaded(algorithm: ThreadAlgorithm, messages: &[&str]) -> String {
    let mailbox = Stocked::plain(messages).await;
    let found = (0..messages.len()).collect();
    let forest = threads(&mailbox.mail, &mailbox.place, &mailbox.view, algorithm, found).unwrap();
    forest.to_wire(|index| u32::try_from(index + 1).unwrap())
}

#[tokio::test]
async fn ordered_subject_hangs_all_on_the_oldest() {
    let threads = threaded(
        ThreadAlgorithm::OrderedSubject,
        &[
            "Subject: a\r\nDate: Mon, 1 Jan 2024 10:00:00 +0000\r\n\r\n",
            "Subject: b\r\nDate: Mon, 1 Jan 2024 09:00:00 +0000\r\n\r\n",
            "Subject: Re: A\r\nDate: Mon, 1 Jan 2024 12:00:00 +0000\r\n\r\n",
            "Subject: Re: a\r\nDate: Mon, 1 Jan 2024 11:00:00 +0000\r\n\r\n",
            "Subject: Re: b\r\nDate: Mon, 1 Jan 2024 11:00:00 +0000\r\n\r\n",
        ],
    )
    .await;
    assert_eq!(threads, "(2 5)(1 (4)(3))");
}

#[tokio::test]
async fn references_make_trees() {
    let threads = threaded(
        ThreadAlgorithm::References,
        &[
            "Subject: a\r\nMessage-ID: <1@x>\r\n\r\n",
            "Subject: Re: a\r\nMessage-ID: <2@x>\r\nReferences: <1@x>\r\n\r\n",
            "Subject: Re: a\r\nMessage-ID: <3@x>\r\nReferences: <1@x> <2@x>\r\n\r\n",
            "Subject: other\r\nMessage-ID: <4@x>\r\nIn-Reply-To: <1@x>\r\n\r\n",
            "Subject: alone\r\nMessage-ID: <5@x>\r\n\r\n",
        ],
    )
    .await;
    assert_eq!(threads, "(1 (2 3)(4))(5)");
}

#[tokio::test]
async fn missing_messages_hold_their_children_together() {
    let missing = [
        "Subject: x\r\nMessage-ID: <1@x>\r\nReferences: <0@x>\r\n\r\n",
        "Subject: y\r\nMessage-ID: <2@x>\r\nReferences: <0@x>\r\n\r\n",
        "Subject: z\r\nMessage-ID: <3@x>\r\nReferences: <gone@x> <9@x>\r\n\r\n",
    ];
    assert_eq!(threaded(ThreadAlgorithm::References, &missing).await, "((1)(2))(3)");
}

#[tokio::test]
async fn threads_of_one_subject_are_joined() {
    let one = ["Subject: a\r\n\r\n", "Subject: Re: a\r\n\r\n", "Subject: fwd: a\r\n\r\n"];
    assert_eq!(threaded(ThreadAlgorithm::References, &one).await, "(1 (2)(3))");
    let two = ["Subject: Re: a\r\n\r\n", "Subject: Re: a\r\n\r\n", "Subject: Re: a\r\n\r\n"];
    assert_eq!(threaded(ThreadAlgorithm::References, &two).await, "((1)(2)(3))");
    let late = ["Subject: Re: a\r\n\r\n", "Subject: a\r\n\r\n", "Subject: a\r\n\r\n"];
    assert_eq!(threaded(ThreadAlgorithm::References, &late).await, "((1)(2)(3))".replace("(1)(2)", "(2 1)"));
    let none = ["\r\n", "\r\n"];
    assert_eq!(threaded(ThreadAlgorithm::References, &none).await, "(1)(2)", "no subject joins nothing");
}

#[tokio::test]
async fn circles_and_doubles_do_no_harm() {
    let circle = [
        "Subject: a\r\nMessage-ID: <1@x>\r\nReferences: <2@x>\r\n\r\n",
        "Subject: b\r\nMessage-ID: <2@x>\r\nReferences: <1@x>\r\n\r\n",
        "Subject: c\r\nMessage-ID: <1@x>\r\nReferences: <1@x>\r\n\r\n",
    ];
    assert_eq!(threaded(ThreadAlgorithm::References, &circle).await, "(2 1 3)");
}

fn numbers(wire: &str) -> Vec<usize> {
    let digits = wire.split(|character: char| !character.is_ascii_digit());
    let mut found: Vec<usize> = digits.filter_map(|number| number.parse().ok()).collect();
    found.sort_unstable();
    found
}

#[test]
fn a_deep_conversation_needs_no_deep_stack() {
    let item = |at: usize| Item {
        index: at,
        id: Some(format!("{at}")),
        ancestors: at.checked_sub(1).map(|before| before.to_string()).into_iter().collect(),
        subject: "s".to_owned(),
        is_reply_or_forward: at > 0,
        sent: at as u64,
    };
    let items: Vec<Item> = (0..50_000).map(item).collect();
    let wire = by_references(&items).to_wire(|index| u32::try_from(index + 1).unwrap());
    assert_eq!(numbers(&wire).len(), items.len());
    assert!(!wire[1..].contains('('), "one line of descent");
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    let one = (prop::option::of(0u8..8), prop::collection::vec(0u8..10, 0..4), 0usize..4, any::<bool>(), 0u64..5);
    let item = one.prop_map(|(id, ancestors, subject, is_reply_or_forward, sent)| Item {
        index: 0,
        id: id.map(|id| id.to_string()),
        ancestors: ancestors.iter().map(u8::to_string).collect(),
        subject: "x".repeat(subject),
        is_reply_or_forward,
        sent,
    });
    prop::collection::vec(item, 0..14).prop_map(|mut items| {
        items.iter_mut().enumerate().for_each(|(index, item)| item.index = index);
        items
    })
}

proptest! {
    #[test]
    fn every_message_stands_in_its_threads_once(items in items()) {
        for forest in [by_references(&items), by_subject(&items)] {
            let wire = forest.to_wire(|index| u32::try_from(index).unwrap());
            prop_assert_eq!(numbers(&wire), (0..items.len()).collect::<Vec<_>>());
            prop_assert!(!wire.contains("()"), "{}", wire);
            prop_assert_eq!(wire.matches('(').count(), wire.matches(')').count());
        }
    }
}
