//! Known commands of the standards, each offence once, and nothing that panics.

use super::*;
use crate::command::{Copy, Depth, List, Piece, Qresync, Select, StatusItem, StoreMode};
use crate::fetch::{Item, Section, SectionName, SectionText};
use crate::notify::{Event, Group, Notify};
use crate::search::{Key, Return, Scope, SortKey, ThreadAlgorithm};
use crate::sequence::SequenceSet;
use proptest::prelude::*;

fn parse(text: &str) -> Command {
    let octets = format!("a1 {text}\r\n");
    match command(octets.as_bytes()) {
        Ok(tagged) => {
            assert_eq!(tagged.tag, "a1");
            tagged.command
        }
        Err(bad) => panic!("{text}: {bad:?}"),
    }
}

fn offence(text: &str) -> Offence {
    command(format!("a1 {text}\r\n").as_bytes()).expect_err(text).offence
}

fn set(text: &str) -> SequenceSet {
    SequenceSet::parse(text).unwrap()
}

#[test]
fn commands_before_login() {
    assert_eq!(parse("capability"), Command::Capability);
    let login = Command::Login { name: "smi\"th".to_owned(), password: "se same".to_owned() };
    assert_eq!(parse("LOGIN \"smi\\\"th\" {7}\r\nse same"), login);
    let authenticate = Command::Authenticate { mechanism: "PLAIN".to_owned(), initial: Some("dGVzdA==".to_owned()) };
    assert_eq!(parse("authenticate plain dGVzdA=="), authenticate);
    assert_eq!(parse("ENABLE condstore UTF8=ACCEPT"), Command::Enable(vec!["CONDSTORE".into(), "UTF8=ACCEPT".into()]));
    let id = Command::Id(vec![("name".into(), Some("x".into())), ("version".into(), None)]);
    assert_eq!(parse("ID (\"name\" \"x\" \"version\" NIL)"), id);
    assert_eq!(parse("ID NIL"), Command::Id(Vec::new()));
}

#[test]
fn mailboxes_are_selected_with_what_is_known() {
    let qresync =
        Qresync { uid_validity: 67_890_007, modseq: 20_050_715_194_045_000, known: Some(set("41,43:211,214:541")) };
    let select = Select { mailbox: "INBOX".into(), condstore: false, qresync: Some(qresync) };
    assert_eq!(
        parse("SELECT INBOX (QRESYNC (67890007 20050715194045000 41,43:211,214:541 (1,5 41,50)))"),
        Command::Select(select)
    );
    let plain = Select { mailbox: "a b".into(), condstore: true, qresync: None };
    assert_eq!(parse("EXAMINE \"a b\" (CONDSTORE)"), Command::Examine(plain));
}

#[test]
fn lists_are_read_in_both_forms() {
    let list = List { patterns: vec!["%".into()], ..List::default() };
    assert_eq!(parse("LIST \"\" %"), Command::List(list));
    let list = List {
        patterns: vec!["INBOX".into(), "Sent/%".into()],
        subscribed: true,
        recursive_match: true,
        return_status: Some(vec![StatusItem::Messages, StatusItem::HighestModseq]),
        is_extended: true,
        ..List::default()
    };
    let text =
        "LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (INBOX \"Sent/%\") RETURN (CHILDREN STATUS (MESSAGES HIGHESTMODSEQ))";
    assert_eq!(parse(text), Command::List(list));
    assert!(matches!(offence("LIST (RECURSIVEMATCH) \"\" *"), Offence::Expected { .. }));
}

#[test]
fn fetch_items_and_sections() {
    let section = |part: &[u32], text, peek, partial| Item::Section {
        section: Section { part: part.to_vec(), text },
        peek,
        partial,
        name: SectionName::Body,
    };
    let Command::Fetch { items, modifiers, .. } = parse(
        "UID FETCH 1:* (FLAGS BODY[HEADER.FIELDS (DATE \"From\")] BODY.PEEK[1.2.MIME]<0.100> BODY[] PREVIEW (LAZY) BINARY.SIZE[3]) (CHANGEDSINCE 12345 VANISHED)",
    ) else {
        panic!("not a fetch")
    };
    assert_eq!(
        items,
        [
            Item::Flags,
            section(&[], SectionText::HeaderFields(vec!["DATE".into(), "From".into()]), false, None),
            section(&[1, 2], SectionText::Mime, true, Some((0, 100))),
            section(&[], SectionText::All, false, None),
            Item::Preview,
            Item::BinarySize { part: vec![3] },
        ]
    );
    assert_eq!((modifiers.changed_since, modifiers.vanished), (Some(12345), true));
    assert!(matches!(parse("FETCH 1 ALL"), Command::Fetch { items, .. } if items.len() == 4));
    assert!(matches!(parse("FETCH 1 BODY"), Command::Fetch { items, .. } if items == [Item::Body]));
    for wrong in [
        "FETCH 1 BODY[MIME]",
        "FETCH 1 BODY[]<0.0>",
        "FETCH 1 (FLAGS",
        "FETCH 0 FLAGS",
        "FETCH 1 X",
        "FETCH 1 FLAGS (VANISHED)",
    ] {
        assert!(matches!(offence(wrong), Offence::Expected { .. }), "{wrong}");
    }
}

#[test]
fn searches_nest_and_end() {
    let Command::Search { returns, key, .. } = parse(
        "SEARCH RETURN (MIN COUNT SAVE) CHARSET UTF-8 1:5 OR (SEEN FROM \"x\") NOT SINCE 1-Feb-1994 MODSEQ \"/flags/\\\\draft\" all 620162338",
    ) else {
        panic!("not a search")
    };
    assert_eq!(returns, Some(Return { min: true, count: true, save: true, ..Return::default() }));
    let Key::And(keys) = key else { panic!("not several keys") };
    assert_eq!(keys.len(), 3);
    assert_eq!(keys[2], Key::Modseq(620_162_338));
    assert_eq!(offence("SEARCH CHARSET KOI8-R ALL"), Offence::BadCharset);
    assert_eq!(offence(&format!("SEARCH {}ALL{}", "(".repeat(100), ")".repeat(100))), Offence::TooMuch);
    let sort = Command::Sort {
        numbers: Numbers::Uid,
        returns: None,
        criteria: vec![(SortKey::Date, true), (SortKey::Subject, false)],
        key: Key::All,
    };
    assert_eq!(parse("UID SORT (REVERSE DATE SUBJECT) UTF-8 ALL"), sort);
    let thread = Command::Thread { numbers: Numbers::Sequence, algorithm: ThreadAlgorithm::References, key: Key::All };
    assert_eq!(parse("THREAD REFERENCES UTF-8 ALL"), thread);
}

#[test]
fn messages_are_put_in_changed_and_moved() {
    let Command::Append { mailbox, messages } = parse(
        "APPEND saved (\\Seen $X) \"25-Jul-2026 01:54:56 +0200\" {5}\r\nhello (\\Draft) CATENATE (TEXT {2}\r\nhi URL \"/INBOX;UID=1\") ~{1+}\r\n\0",
    ) else {
        panic!("not an append")
    };
    assert_eq!((mailbox.as_str(), messages.len()), ("saved", 3));
    assert_eq!(messages[0].date, Some(model::Timestamp(1_784_937_296_000)));
    assert_eq!(messages[0].flags, ["\\Seen", "$X"]);
    assert_eq!(messages[1].pieces, [Piece::Octets(b"hi".to_vec()), Piece::Url("/INBOX;UID=1".into())]);
    let store = Command::Store {
        set: set("2:4"),
        numbers: Numbers::Sequence,
        mode: StoreMode::Add,
        silent: true,
        flags: vec!["\\Deleted".into()],
        unchanged_since: Some(5),
    };
    assert_eq!(parse("STORE 2:4 (UNCHANGEDSINCE 5) +FLAGS.SILENT (\\Deleted)"), store);
    let copy = Copy { set: SequenceSet::Saved, numbers: Numbers::Uid, mailbox: "X".into() };
    assert_eq!(parse("UID MOVE $ X"), Command::Move(copy));
    assert_eq!(parse("UID EXPUNGE 3"), Command::Expunge(Some(set("3"))));
}

#[test]
fn metadata_and_rights() {
    let get = Command::GetMetadata {
        mailbox: "INBOX".into(),
        entries: vec!["/private/comment".into()],
        max_size: Some(1024),
        depth: Depth::One,
    };
    assert_eq!(parse("GETMETADATA (MAXSIZE 1024 DEPTH 1) INBOX (/private/comment)"), get);
    let set = Command::SetMetadata {
        mailbox: String::new(),
        entries: vec![("/shared/comment".into(), Some(b"hi".to_vec())), ("/private/x".into(), None)],
    };
    assert_eq!(parse("SETMETADATA \"\" (/shared/comment {2}\r\nhi /private/x NIL)"), set);
    let acl = Command::SetAcl { mailbox: "a".into(), identifier: "b".into(), rights: "+lr".into() };
    assert_eq!(parse("SETACL a b +lr"), acl);
}

#[test]
fn options_of_metadata_stand_in_either_place() {
    let query = MetadataQuery { entries: vec!["/shared/a".into()], max_size: Some(9), depth: Depth::Infinity };
    let get = Command::GetMetadata {
        mailbox: "INBOX".into(),
        entries: query.entries.clone(),
        max_size: query.max_size,
        depth: query.depth,
    };
    assert_eq!(parse("GETMETADATA INBOX (MAXSIZE 9 DEPTH infinity) (/shared/a)"), get);
    assert_eq!(parse("GETMETADATA (MAXSIZE 9 DEPTH infinity) INBOX /shared/a"), get);
    let list = List { patterns: vec!["%".into()], return_metadata: Some(query), is_extended: true, ..List::default() };
    assert_eq!(parse("LIST \"\" % RETURN (METADATA (MAXSIZE 9 DEPTH infinity) (/shared/a))"), Command::List(list));
    assert!(matches!(offence("LIST \"\" % RETURN (METADATA ())"), Offence::Expected { .. }));
    assert!(matches!(offence("GETMETADATA INBOX (DEPTH 2) /a"), Offence::Expected { .. }));
}

#[test]
fn searches_over_several_mailboxes() {
    // RFC 7377 §2.1
    let text =
        "ESEARCH IN (mailboxes \"folder1\" subtree \"folder2\" subtree-one (a b) selected) RETURN (COUNT) unseen";
    let search = Command::Esearch {
        scopes: vec![
            Scope::Mailboxes(vec!["folder1".into()]),
            Scope::Subtree(vec!["folder2".into()]),
            Scope::SubtreeOne(vec!["a".into(), "b".into()]),
            Scope::Selected,
        ],
        returns: Return { count: true, ..Return::default() },
        key: Key::NotFlag("\\Seen".into()),
    };
    assert_eq!(parse(text), search);
    let here =
        Command::Esearch { scopes: Vec::new(), returns: Return { all: true, ..Return::default() }, key: Key::All };
    assert_eq!(parse("ESEARCH ALL"), here);
    for wrong in
        ["ESEARCH IN (selected-delayed) ALL", "ESEARCH IN (mailboxes ()) ALL", "ESEARCH IN (all) ALL", "ESEARCH"]
    {
        assert!(matches!(offence(wrong), Offence::Expected { .. }), "{wrong}");
    }
}

#[test]
fn results_are_kept_up_to_date_when_asked() {
    let returns = |text: &str| match parse(&format!("UID SEARCH RETURN ({text}) ALL")) {
        Command::Search { returns, .. } => returns.unwrap(),
        other => panic!("{other:?}"),
    };
    assert_eq!(returns("UPDATE COUNT"), Return { update: true, count: true, ..Return::default() });
    assert_eq!(returns("UPDATE"), Return { update: true, ..Return::default() });
    assert_eq!(returns("CONTEXT"), Return { context: true, all: true, ..Return::default() });
    assert_eq!(returns(""), Return { all: true, ..Return::default() });
    assert_eq!(returns("PARTIAL -1:-100"), Return { partial: Some((-1, -100)), ..Return::default() });
    assert_eq!(parse("CANCELUPDATE \"B02\" \"C01\""), Command::CancelUpdate(vec!["B02".into(), "C01".into()]));
    assert!(matches!(offence("CANCELUPDATE"), Offence::Expected { .. }));
}

#[test]
fn events_are_asked_for_by_mailbox() {
    // RFC 5465 §8 `event-group`
    let text = "NOTIFY SET STATUS (selected MessageNew (uid body.peek[header.fields (from)]) MessageExpunge) (subtree Lists (MessageNew MessageExpunge))";
    assert!(matches!(offence(text), Offence::Expected { .. }), "events stand in parentheses");
    let text = "NOTIFY SET STATUS (selected (MessageNew (uid flags) MessageExpunge)) (subtree Lists (MailboxName X)) (inboxes NONE)";
    let notify = Notify {
        status: true,
        groups: vec![
            Group {
                scope: Scope::Selected,
                events: vec![Event::MessageNew(vec![Item::Uid, Item::Flags]), Event::MessageExpunge],
            },
            Group {
                scope: Scope::Subtree(vec!["Lists".into()]),
                events: vec![Event::MailboxName, Event::Other("X".into())],
            },
            Group { scope: Scope::Inboxes, events: Vec::new() },
        ],
    };
    assert_eq!(parse(text), Command::Notify(Some(notify)));
    assert_eq!(parse("NOTIFY NONE"), Command::Notify(None));
    for wrong in [
        "NOTIFY",
        "NOTIFY SET",
        "NOTIFY SET (selected (MessageNew))",
        "NOTIFY SET (selected (FlagChange))",
        "NOTIFY SET (subtree-one a (MailboxName))",
    ] {
        assert!(matches!(offence(wrong), Offence::Expected { .. }), "{wrong}");
    }
}

#[test]
fn quotas_are_set() {
    let quota = Command::SetQuota { root: String::new(), limits: vec![("STORAGE".into(), 512), ("MESSAGE".into(), 9)] };
    assert_eq!(parse("SETQUOTA \"\" (STORAGE 512 message 9)"), quota);
    assert_eq!(parse("SETQUOTA x ()"), Command::SetQuota { root: "x".into(), limits: Vec::new() });
    assert!(matches!(offence("SETQUOTA x (STORAGE -1)"), Offence::Expected { .. }));
}

#[test]
fn mail_older_than_1970_may_be_put_in() {
    let date = |text: &str| match parse(&format!("APPEND x \"{text}\" {{0}}\r\n")) {
        Command::Append { messages, .. } => messages[0].date,
        other => panic!("{other:?}"),
    };
    assert_eq!(date(" 1-Jan-1970 00:30:00 +0100"), Some(model::Timestamp(0)));
    assert_eq!(date("17-Jul-1969 02:44:25 -0700"), Some(model::Timestamp(0)));
    for wrong in ["17-Jul-1996 02:44:25 ++100", "31-Feb-1996 02:44:25 +0000", "17-Jul-1969 24:00:00 +0000"] {
        let text = format!("APPEND x \"{wrong}\" {{0}}\r\n");
        assert!(matches!(offence(&text), Offence::Expected { .. }), "{wrong}");
    }
}

#[test]
fn a_tag_is_no_star() {
    for tag in ["*", "a%", "+", "a*b"] {
        assert_eq!(command(format!("{tag} NOOP\r\n").as_bytes()).unwrap_err().offence, Offence::NoTag, "{tag}");
    }
}

#[test]
fn what_is_not_known_is_told_apart() {
    assert_eq!(offence("FROB x"), Offence::UnknownCommand);
    assert_eq!(offence("FROB"), Offence::UnknownCommand);
    assert_eq!(offence("UID NOOP"), Offence::UnknownCommand);
    assert!(matches!(offence("LOGIN"), Offence::Expected { .. }));
    assert!(matches!(offence("NOOP x"), Offence::Expected { .. }));
    assert_eq!(command(b"\r\n").unwrap_err(), BadCommand { tag: None, offence: Offence::NoTag });
    assert_eq!(command(b"a+b NOOP\r\n").unwrap_err().tag, None);
}

proptest! {
    #[test]
    fn nothing_panics(octets in proptest::collection::vec(any::<u8>(), 0..120)) {
        let _ = command(&octets);
    }

    #[test]
    fn nearly_right_commands_do_not_either(text in "a (FETCH|SEARCH|LIST|APPEND|STORE|SELECT|UID SORT|ESEARCH IN|NOTIFY SET|GETMETADATA|SETQUOTA) [ -~]{0,60}\r\n") {
        let _ = command(text.as_bytes());
    }
}
