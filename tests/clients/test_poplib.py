"""Python's poplib."""

import poplib
import smtplib

import pytest

from kit.mailbox import wait_for

MESSAGE = b"From: a@elsewhere.test\r\nSubject: popped\r\n\r\n.dot\r\n..two\r\nend\r\n"


def deliver(server, count=1):
    with smtplib.SMTP("localhost", server.port("smtp")) as client:
        for _ in range(count):
            client.sendmail("a@elsewhere.test", [server.alice.address], MESSAGE)
    return wait_for(server, server.alice, count)


def connect(server):
    client = poplib.POP3_SSL("localhost", server.port("pop3s"), context=server.tls())
    client.user(server.alice.address)
    client.pass_(server.alice.password)
    return client


def test_retrieved_mail_is_what_imap_shows(server):
    [expected] = deliver(server)
    client = connect(server)
    _, lines, _ = client.retr(1)
    assert b"\r\n".join(lines) + b"\r\n" == expected
    client.quit()


def test_uidl_is_stable_and_deletion_waits_for_quit(server):
    deliver(server, 3)
    client = connect(server)
    before = client.uidl()[1]
    client.dele(2)
    client.close()  # no QUIT: nothing is deleted
    client = connect(server)
    assert client.uidl()[1] == before
    client.dele(2)
    client.quit()
    client = connect(server)
    left = [line.split()[1] for line in client.uidl()[1]]
    assert left == [before[0].split()[1], before[2].split()[1]]
    client.quit()


def test_a_second_session_is_refused_while_one_is_open(server):
    client = connect(server)
    other = poplib.POP3_SSL("localhost", server.port("pop3s"), context=server.tls())
    other.user(server.alice.address)
    with pytest.raises(poplib.error_proto, match=r"\[IN-USE\]"):
        other.pass_(server.alice.password)
    client.quit()


def test_top_and_stls(server):
    deliver(server)
    client = poplib.POP3("localhost", server.port("pop3"))
    client.stls(context=server.tls())
    client.user(server.alice.address)
    client.pass_(server.alice.password)
    _, lines, _ = client.top(1, 1)
    assert lines[-1] == b".dot"
    client.quit()
