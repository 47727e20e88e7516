"""Mail to others: it waits in the queue, goes to the host that takes mail for the domain, and its sender hears of failures."""

import smtplib

import pytest

from kit.mailbox import wait_for
from kit.server import Server
from kit.sink import Sink
from kit.wait import until

MESSAGE = b"From: alice@example.test\r\nSubject: to others\r\n\r\n.hello\r\n"


@pytest.fixture
def relaying(tmp_path):
    """A demo server that knows the domain far.test, and the host behind it."""
    with Sink(refuse={"nobody@far.test": "550 5.1.1 no such user"}) as sink:
        server = Server(tmp_path)
        # The first start makes the settings; the names are added before the second.
        with server:
            pass
        settings = server.data / "heliograph.toml"
        known = f'["far.test mx 10 mx.far.test", "mx.far.test a 127.0.0.1:{sink.port}"]'
        settings.write_text(f"{settings.read_text()}\n[dns]\nstatic = {known}\n")
        server.command("config", "check", str(settings))
        with server:
            yield server, sink


def submit(server, recipients):
    with smtplib.SMTP_SSL("localhost", server.port("submissions"), context=server.tls()) as client:
        client.login(server.alice.address, server.alice.password)
        client.sendmail(server.alice.address, recipients, MESSAGE)


def test_mail_goes_to_the_other_host_and_here_at_once(relaying):
    server, sink = relaying
    submit(server, ["friend@far.test", server.bob.address])
    until(lambda: sink.messages, "the message at the other host")
    [(sender, recipients, body)] = sink.messages
    assert sender.startswith("MAIL FROM:<alice@example.test>")
    assert recipients == ["friend@far.test"]
    assert body.endswith(b"Subject: to others\r\n\r\n.hello\r\n")
    assert b"Return-Path" not in body, "only the last host writes it"
    [here] = wait_for(server, server.bob, 1)
    assert here.startswith(b"Return-Path: <alice@example.test>\r\n")
    until(lambda: all(channel["messages"] == 0 for channel in server.json("queue", "summarize")), "an empty queue")


def test_a_refusal_comes_back_as_a_notice(relaying):
    server, sink = relaying
    submit(server, ["nobody@far.test"])
    [notice] = wait_for(server, server.alice, 1)
    unfolded = notice.replace(b"\r\n ", b" ")
    assert b"multipart/report" in unfolded and b"550 5.1.1 no such user" in unfolded
    assert b"Action: failed" in unfolded and b"Final-Recipient: rfc822; nobody@far.test" in unfolded
    assert sink.messages == []


def test_mail_that_cannot_leave_waits_and_can_be_deleted(relaying):
    server, _ = relaying
    server.command("queue", "stop", "smtp")
    submit(server, ["friend@far.test"])
    def waiting():
        return [message for message in server.json("queue", "list") if message["sender"] == server.alice.address]

    [message] = until(waiting, "the message in the queue")
    assert message["recipients"][0]["state"] == "due"
    shown = server.command("queue", "show", message["id"]).stdout
    assert "friend@far.test by smtp to far.test" in shown
    refused = server.command("queue", "delete", message["id"], check=False)
    assert refused.returncode == 2 and "--yes" in refused.stderr
    server.command("queue", "delete", message["id"], "--yes")
    assert waiting() == []


def test_a_stopped_channel_keeps_its_mail_over_a_crash(relaying):
    server, sink = relaying
    server.command("queue", "stop", "smtp")
    submit(server, ["friend@far.test"])
    server.kill()
    server.start()
    assert sink.messages == []
    server.command("queue", "start", "smtp")
    until(lambda: len(sink.messages) == 1, "the message at the other host")
