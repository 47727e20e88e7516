"""Python's imaplib, as a script that reads mail would use it."""

import imaplib

import pytest

from kit.mailbox import login

MESSAGE = b"From: a@example.test\r\nTo: b@example.test\r\nSubject: kept\r\n\r\nBody with needle inside\r\n"


def append(connection, folder="INBOX", flags=None, message=MESSAGE):
    status, answer = connection.append(folder, flags, None, message)
    assert status == "OK", answer
    return answer


def test_append_fetch_store_search_expunge(server):
    connection = login(server, server.alice)
    append(connection, flags="(\\Flagged)")
    append(connection)
    connection.select("INBOX")
    assert connection.search(None, "FLAGGED")[1] == [b"1"]
    assert connection.search(None, "BODY", "NEEDLE")[1] == [b"1 2"]
    _, parts = connection.fetch("2", "(BODY[])")
    assert parts[0][1] == MESSAGE
    connection.store("1", "+FLAGS", "(\\Deleted)")
    assert connection.expunge()[1] == [b"1"]
    assert connection.search(None, "ALL")[1] == [b"1"]
    connection.logout()


def test_folders_are_made_renamed_listed_and_deleted(server):
    connection = login(server, server.alice)
    assert connection.create("Projects/Sun")[0] == "OK"
    assert connection.rename("Projects/Sun", "Projects/Mirror")[0] == "OK"
    listed = b"\n".join(connection.list()[1])
    assert b"Projects/Mirror" in listed and b"Projects/Sun" not in listed
    assert connection.delete("Projects/Mirror")[0] == "OK"
    assert b"Projects/Mirror" not in b"\n".join(connection.list()[1])
    connection.logout()


def test_copy_and_move_keep_flags_and_give_uids(server):
    connection = login(server, server.alice)
    append(connection, flags="(\\Seen)")
    connection.select("INBOX")
    status, answer = connection.copy("1", "Archive")
    assert status == "OK"
    status, _ = connection._simple_command("MOVE", "1", "Trash")
    assert status == "OK"
    for folder in ("Archive", "Trash"):
        connection.select(folder)
        assert connection.search(None, "SEEN")[1] == [b"1"]
    connection.logout()


def test_two_sessions_see_each_other(server):
    watcher, writer = login(server, server.alice), login(server, server.alice)
    append(writer)
    watcher.noop()
    assert watcher.response("EXISTS")[1][-1] == b"1"
    writer.select("INBOX")
    writer.store("1", "+FLAGS", "(\\Answered)")
    watcher.noop()
    assert any(b"\\Answered" in part for part in watcher.response("FETCH")[1])


def test_plain_text_login_needs_tls_or_loopback_demo(server):
    connection = imaplib.IMAP4("localhost", server.port("imap"))
    connection.starttls(ssl_context=server.tls())
    connection.login(server.alice.address, server.alice.password)
    connection.logout()


def test_a_wrong_password_is_refused(server):
    connection = imaplib.IMAP4_SSL("localhost", server.port("imaps"), ssl_context=server.tls())
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        connection.login(server.alice.address, "not the password")
