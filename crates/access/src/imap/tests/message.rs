//! Messages: fetching, flags, copies, appends, searching.

use super::House;

const MULTIPART: &str = "Subject: parts\r\nFrom: Fred <f@x>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n\
    Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\ndHdv\r\n--b--\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn fetching_parts() {
    let house = House::new().await;
    let mut alice = house.alice_with(&[MULTIPART]).await;
    let whole = alice.ok("FETCH 1 BODY.PEEK[]").await;
    assert_eq!(whole, [format!("* 1 FETCH (BODY[] {{{}}}\r\n{MULTIPART})", MULTIPART.len())]);
    assert_eq!(alice.ok("FETCH 1 BODY.PEEK[1]").await, ["* 1 FETCH (BODY[1] {3}\r\none)"]);
    assert_eq!(alice.ok("FETCH 1 BODY.PEEK[2]<1.2>").await, ["* 1 FETCH (BODY[2]<1> {2}\r\nHd)"]);
    assert_eq!(alice.ok("FETCH 1 BINARY.PEEK[2]").await.len(), 1);
    assert_eq!(alice.ok("FETCH 1 BINARY.SIZE[2]").await, ["* 1 FETCH (BINARY.SIZE[2] 3)"]);
    let fields = alice.ok("FETCH 1 (BODY.PEEK[HEADER.FIELDS (SUBJECT)])").await;
    assert_eq!(fields, ["* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {18}\r\nSubject: parts\r\n\r\n)"]);
    let parts =
        "((\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 3 0)(\"TEXT\" \"PLAIN\" NIL NIL NIL \"BASE64\" 4 0) \"MIXED\")";
    assert_eq!(alice.ok("FETCH 1 BODY").await, [format!("* 1 FETCH (BODY {parts})")]);
    let envelope = alice.ok("FETCH 1 (ENVELOPE UID RFC822.SIZE)").await;
    assert!(envelope[0].contains("(NIL \"parts\" ((\"Fred\" NIL \"f\" \"x\"))"), "{envelope:?}");
    assert!(alice.ok("FETCH 1 FLAGS").await[0].ends_with("(FLAGS ())"), "peeking sets nothing");
    let read = alice.ok("FETCH 1 BODY[TEXT]").await;
    assert!(read.iter().any(|line| line.contains("FLAGS (\\Seen)")), "{read:?}");
    assert!(alice.refused("FETCH 2 FLAGS").await.starts_with("BAD"));
    assert!(alice.ok("UID FETCH 2:3 FLAGS").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_and_conditions() {
    let house = House::new().await;
    let mut alice = house.alice_with(&["Subject: 1\r\n\r\n", "Subject: 2\r\n\r\n"]).await;
    let stored = alice.ok("STORE 1:2 FLAGS (\\Answered $new)").await;
    assert!(stored.iter().any(|line| line.contains("* FLAGS (") && line.contains("$new")), "{stored:?}");
    assert_eq!(stored.iter().filter(|line| line.contains("FLAGS (\\Answered $new)")).count(), 2, "{stored:?}");
    assert!(alice.ok("STORE 1 -FLAGS.SILENT ($new)").await.iter().all(|line| !line.contains("FETCH")));
    let modseq =
        alice.ok("FETCH 1 (MODSEQ)").await[0].split("MODSEQ (").nth(1).unwrap().trim_end_matches(')').to_owned();
    alice.ok("STORE 1 +FLAGS (\\Seen)").await;
    let (_, end) = alice.ask(&format!("STORE 1:2 (UNCHANGEDSINCE {modseq}) +FLAGS (\\Draft)")).await;
    assert!(end.starts_with("OK [MODIFIED 1]"), "{end}");
}

#[tokio::test(flavor = "multi_thread")]
async fn copying_moving_and_expunging() {
    let house = House::new().await;
    let mut alice = house.alice_with(&["Subject: 1\r\n\r\n", "Subject: 2\r\n\r\n", "Subject: 3\r\n\r\n"]).await;
    let (_, end) = alice.ask("COPY 1:2 Archive").await;
    assert!(end.starts_with("OK [COPYUID ") && end.contains(" 1:2 1:2]"), "{end}");
    assert!(alice.refused("COPY 1 nowhere").await.starts_with("NO [TRYCREATE]"));
    let (lines, _) = alice.ask("UID MOVE 2 Archive").await;
    assert!(lines.iter().any(|line| line.starts_with("* OK [COPYUID ") && line.contains(" 2 3]")), "{lines:?}");
    assert_eq!(lines.last().map(String::as_str), Some("* 2 EXPUNGE"));
    alice.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)").await;
    assert_eq!(alice.ok("UID EXPUNGE 3").await, ["* 2 EXPUNGE"]);
    alice.ok("CLOSE").await;
    assert_eq!(alice.ok("STATUS INBOX (MESSAGES)").await, ["* STATUS INBOX (MESSAGES 0)"]);
    assert_eq!(alice.ok("STATUS Archive (MESSAGES)").await, ["* STATUS Archive (MESSAGES 3)"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn searching_sorting_threading() {
    let house = House::new().await;
    let mut alice = house
        .alice_with(&[
            "Subject: b\r\nMessage-ID: <1@x>\r\nDate: Mon, 1 Jan 2024 10:00:00 +0000\r\n\r\nhello\r\n",
            "Subject: a\r\nMessage-ID: <2@x>\r\nDate: Tue, 2 Jan 2024 10:00:00 +0000\r\n\r\nworld\r\n",
            "Subject: Re: b\r\nReferences: <1@x>\r\nDate: Wed, 3 Jan 2024 10:00:00 +0000\r\n\r\nHELLO\r\n",
        ])
        .await;
    assert_eq!(alice.ok("SEARCH BODY hello").await, ["* SEARCH 1 3"]);
    assert_eq!(
        alice.ok("UID SEARCH RETURN (MIN MAX COUNT) ALL").await,
        ["* ESEARCH (TAG \"t7\") UID MIN 1 MAX 3 COUNT 3"]
    );
    assert!(alice.ok("SEARCH RETURN (SAVE) SUBJECT b").await.is_empty());
    assert_eq!(alice.ok("FETCH $ UID").await, ["* 1 FETCH (UID 1)", "* 3 FETCH (UID 3)"]);
    assert_eq!(alice.ok("SORT (SUBJECT REVERSE DATE) UTF-8 ALL").await, ["* SORT 2 3 1"]);
    assert_eq!(
        alice.ok("UID SORT RETURN (ALL COUNT) (REVERSE DATE) UTF-8 ALL").await,
        ["* ESEARCH (TAG \"t11\") UID COUNT 3 ALL 3,2,1"]
    );
    assert_eq!(alice.ok("THREAD REFERENCES UTF-8 ALL").await, ["* THREAD (1 3)(2)"]);
    assert_eq!(alice.ok("THREAD ORDEREDSUBJECT UTF-8 UNSEEN").await, ["* THREAD (1 3)(2)"]);
    assert!(alice.refused("SEARCH CHARSET KOI8-R ALL").await.starts_with("NO [BADCHARSET"));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_put_together() {
    let house = House::new().await;
    let mut alice = house.alice_with(&[MULTIPART]).await;
    let command = "APPEND Drafts CATENATE (URL \"/INBOX/;UID=1/;SECTION=HEADER.FIELDS%20(SUBJECT)\" TEXT {3+}\r\nnew URL \";UID=1/;SECTION=1\")";
    let (_, end) = alice.ask(command).await;
    assert!(end.starts_with("OK [APPENDUID "), "{end}");
    assert!(
        alice
            .refused("APPEND Drafts CATENATE (URL \"/INBOX/;UID=9\")")
            .await
            .starts_with("NO [BADURL \"/INBOX/;UID=9\"]")
    );
    alice.ok("SELECT Drafts").await;
    let told = alice.ok("FETCH * BODY.PEEK[]").await;
    assert!(told[0].ends_with("BODY[] {24}\r\nSubject: parts\r\n\r\nnewone)"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_can_be_given_up() {
    let house = House::new().await;
    let mut alice = house.alice_with(&["Subject: 1\r\n\r\n", "Subject: 2\r\n\r\n"]).await;
    assert_eq!(alice.ok("ENABLE UIDONLY").await, ["* ENABLED UIDONLY"]);
    for command in ["FETCH 1 UID", "STORE 1 FLAGS ()", "COPY 1 Sent", "MOVE 1 Sent", "SEARCH ALL", "UID SEARCH NOT 1"] {
        assert!(alice.refused(command).await.starts_with("BAD [UIDREQUIRED]"), "{command}");
    }
    assert_eq!(alice.ok("UID FETCH 2 RFC822.SIZE").await, ["* 2 UIDFETCH (UID 2 RFC822.SIZE 14)"]);
    assert_eq!(alice.ok("UID STORE 1 +FLAGS (\\Deleted)").await, ["* 1 UIDFETCH (UID 1 FLAGS (\\Deleted))"]);
    assert_eq!(alice.ok("EXPUNGE").await, ["* VANISHED 1"]);
    assert_eq!(alice.ok("UID SEARCH ALL").await, ["* SEARCH 2"]);
}
