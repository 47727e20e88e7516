"""mbsync: two-way synchronisation with flags, moves and deletions, ending equal."""

from kit import maildir
from kit.client import run
from kit.mailbox import login

MESSAGE = "From: a@example.test\r\nTo: b@example.test\r\nMessage-ID: <{0}@x.test>\r\nSubject: {0}\r\n\r\nbody of {0}\r\n"


def synchronise(server, home):
    home.mkdir(parents=True, exist_ok=True)
    (home / "mail").mkdir(exist_ok=True)
    (home / "mbsyncrc").write_text(
        f"""
IMAPAccount server
Host localhost
Port {server.port("imaps")}
User {server.alice.address}
Pass "{server.alice.password}"
SSLType IMAPS
SystemCertificates no
CertificateFile {server.certificate}
PipelineDepth 10

IMAPStore far
Account server

MaildirStore near
Path {home}/mail/
Inbox {home}/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
"""
    )
    run(["mbsync", "-c", home / "mbsyncrc", "-a"], home)


def test_both_ends_are_equal_after_changes_on_both(server, tmp_path):
    home = tmp_path / "home"
    connection = login(server, server.alice)
    for name, flags in (("one", ""), ("two", "(\\Seen)"), ("three", "(\\Flagged)"), ("four", ""), ("five", "")):
        connection.append("INBOX", flags or None, None, MESSAGE.format(name).encode())
    synchronise(server, home)
    inbox = home / "mail" / "INBOX"
    assert maildir.content(inbox) == {"one": set(), "two": {"\\Seen"}, "three": {"\\Flagged"}, "four": set(), "five": set()}

    # On the server: a flag, a deletion, a move. Near: a new message, a flag, a deletion.
    connection.select("INBOX")
    connection.store("1", "+FLAGS", "(\\Answered)")
    connection.store("4", "+FLAGS", "(\\Deleted)")
    connection.expunge()
    connection._simple_command("MOVE", "4", "Archive")
    maildir.put(inbox, "1700000000.new.host", "S", "six")
    two = maildir.file_of(inbox, "two")
    two.rename(two.with_name(two.name.rsplit(":2,", 1)[0] + ":2,FS"))
    maildir.file_of(inbox, "three").unlink()
    synchronise(server, home)
    synchronise(server, home)

    expected = {"one": {"\\Answered"}, "two": {"\\Seen", "\\Flagged"}, "six": {"\\Seen"}}
    assert maildir.content(inbox) == expected
    assert maildir.on_server(connection) == expected
    assert maildir.on_server(connection, "Archive") == maildir.content(home / "mail" / "Archive") == {"five": set()}
