//! Orders of a real mailbox.

use super::*;
use crate::imap::find::tests::Stocked;

async fn sorted(criteria: &[(SortKey, bool)]) -> Vec<usize> {
    let mailbox = Stocked::plain(&[
        "Subject: Re: beta\r\nFrom: \"Zed\" <adam@x>\r\nTo: c@x\r\nDate: Wed, 3 Jan 2024 10:00:00 +0000\r\n\r\nlonger than the rest\r\n",
        "Subject: Alpha\r\nFrom: \"Ann\" <zoe@x>\r\nTo: B@x\r\nDate: Wed, 3 Jan 2024 10:30:00 +0100\r\n\r\nx\r\n",
        "Subject: BETA\r\nFrom: mid@x\r\nCc: k@x\r\n\r\nno date, so arrival counts\r\n",
    ])
    .await;
    sort(&mailbox.mail, &mailbox.place, &mailbox.view, criteria, vec![2, 0, 1]).unwrap()
}

#[tokio::test]
async fn each_key() {
    assert_eq!(sorted(&[(SortKey::Arrival, false)]).await, [0, 1, 2]);
    assert_eq!(sorted(&[(SortKey::Arrival, true)]).await, [2, 1, 0]);
    assert_eq!(sorted(&[(SortKey::Size, true)]).await.first(), Some(&0));
    assert_eq!(
        sorted(&[(SortKey::Subject, false)]).await,
        [1, 0, 2],
        "base subjects, the mailbox's order between equals"
    );
    assert_eq!(sorted(&[(SortKey::Subject, true), (SortKey::Date, true)]).await, [2, 0, 1]);
    assert_eq!(sorted(&[(SortKey::Date, false)]).await, [1, 0, 2], "moments, not clocks");
    assert_eq!(sorted(&[(SortKey::From, false)]).await, [0, 2, 1]);
    assert_eq!(sorted(&[(SortKey::DisplayFrom, false)]).await, [1, 2, 0]);
    assert_eq!(sorted(&[(SortKey::To, false)]).await, [2, 1, 0], "no address comes first");
    assert_eq!(sorted(&[(SortKey::Cc, false)]).await, [0, 1, 2]);
}
