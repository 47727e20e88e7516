"""offlineimap: two-way synchronisation with flags and deletions, ending equal."""

from kit import maildir
from kit.client import run
from kit.mailbox import login

MESSAGE = "From: a@example.test\r\nTo: b@example.test\r\nMessage-ID: <{0}@x.test>\r\nSubject: {0}\r\n\r\nbody of {0}\r\n"


def synchronise(server, home):
    home.mkdir(parents=True, exist_ok=True)
    (home / "offlineimaprc").write_text(
        f"""
[general]
accounts = test
metadata = {home}/metadata
ui = quiet
[Account test]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {home}/mail
[Repository far]
type = IMAP
remotehost = localhost
remoteport = {server.port("imaps")}
remoteuser = {server.alice.address}
remotepass = {server.alice.password}
ssl = yes
sslcacertfile = {server.certificate}
"""
    )
    run(["offlineimap", "-c", home / "offlineimaprc", "-o"], home)


def test_both_ends_are_equal_after_changes_on_both(server, tmp_path):
    home = tmp_path / "home"
    connection = login(server, server.alice)
    for name, flags in (("one", ""), ("two", "(\\Seen)"), ("three", "")):
        connection.append("INBOX", flags or None, None, MESSAGE.format(name).encode())
    synchronise(server, home)
    inbox = home / "mail" / "INBOX"
    assert maildir.content(inbox) == {"one": set(), "two": {"\\Seen"}, "three": set()}

    connection.select("INBOX")
    connection.store("1", "+FLAGS", "(\\Flagged)")
    connection._simple_command("MOVE", "3", "Archive")
    maildir.put(inbox, "1700000000_1.1.host", "S", "four")
    maildir.file_of(inbox, "two").unlink()
    synchronise(server, home)
    synchronise(server, home)

    expected = {"one": {"\\Flagged"}, "four": {"\\Seen"}}
    assert maildir.content(inbox) == expected
    assert maildir.on_server(connection) == expected
    assert maildir.on_server(connection, "Archive") == maildir.content(home / "mail" / "Archive") == {"three": set()}
