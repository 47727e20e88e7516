"""What a sender can ask for in the envelope: privacy on every hop, a time, a delay, a rank."""

import smtplib
import time

import pytest

from kit.mailbox import wait_for
from kit.server import Server
from kit.sink import Sink
from kit.wait import until

FRIEND = "friend@far.test"
BODY = b"From: alice@example.test\r\nSubject: extended\r\n\r\nThe body of it.\r\n"


def configure(server, **tables):
    """Starts and stops the server once, so that it has settings, and adds to them."""
    with server:
        pass
    settings = server.data / "heliograph.toml"
    settings.write_text(settings.read_text() + "\n" + "\n".join(tables.values()))
    server.command("config", "check", str(settings))


@pytest.fixture
def sink():
    with Sink() as running:
        yield running


@pytest.fixture
def relaying(tmp_path, sink):
    """A server that sends mail for far.test to a host which knows none of these extensions, one message at a time."""
    server = Server(tmp_path / "near")
    configure(
        server,
        routes=f'[[routes]]\ndomain = "far.test"\nhost = "127.0.0.1:{sink.port}"',
        queue='[queue]\nretry = ["1s"]\ndestination_agents = 1',
    )
    with server:
        yield server


@pytest.fixture
def two(tmp_path):
    """Two servers; the first sends mail for far.test to the second, whose certificate it trusts."""
    with Server(tmp_path / "far") as far:
        far.command("domain", "add", "far.test")
        far.command("account", "add", FRIEND, "--password-stdin", stdin="a long password\n")
        near = Server(tmp_path / "near")
        configure(
            near,
            routes=f'[[routes]]\ndomain = "far.test"\nhost = "localhost:{far.port("smtp")}"',
            names='[dns]\nstatic = ["localhost a 127.0.0.1"]',
            trust=f'[tls]\nroots = "{far.certificate}"',
        )
        with near:
            yield near, far


def submit(server, recipients, options, body=BODY):
    with smtplib.SMTP_SSL("localhost", server.port("submissions"), context=server.tls()) as client:
        client.login(server.alice.address, server.alice.password)
        client.sendmail(server.alice.address, recipients, body, mail_options=options)


def test_what_is_offered_where(relaying):
    server = relaying
    with smtplib.SMTP("localhost", server.port("smtp")) as client:
        client.ehlo()
        assert client.has_extn("deliverby") and client.has_extn("mt-priority")
        assert not client.has_extn("requiretls") and not client.has_extn("futurerelease")
        client.starttls(context=server.tls())
        client.ehlo()
        assert client.has_extn("requiretls")
        code, text = client.mail("stranger@elsewhere.test", ["MT-PRIORITY=4"])
        assert (code, text[:6]) == (250, b"2.3.6 "), "strangers do not overtake others"
    with smtplib.SMTP_SSL("localhost", server.port("submissions"), context=server.tls()) as client:
        client.login(server.alice.address, server.alice.password)
        client.ehlo()
        seconds, until_when = client.esmtp_features["futurerelease"].split()
        assert int(seconds) == 30 * 86_400 and until_when.endswith("Z")
        assert client.mail(server.alice.address, [f"HOLDFOR={int(seconds) + 1}"])[0] == 501


def test_a_message_that_requires_tls_goes_only_where_it_is_private(two):
    near, far = two
    friend = type(far.alice)(FRIEND, "a long password")
    submit(near, [FRIEND], ["REQUIRETLS"])
    [message] = wait_for(far, friend, 1)
    assert b"with ESMTPS id" in unfolded(message)


def test_a_message_that_requires_tls_is_returned_where_it_is_not(relaying, sink):
    server = relaying
    submit(server, [FRIEND], ["REQUIRETLS"])
    # The host does not know TLS: the message waits for it to learn, until its time is over.
    submit(server, [FRIEND], ["REQUIRETLS", "BY=2;R"])
    [notice] = wait_for(server, server.alice, 1)
    assert b"Action: failed" in notice
    assert b"Subject: extended" in notice and b"The body of it." not in notice, "only the header comes back"
    assert sink.messages == []


def test_a_message_is_held_back_until_its_moment(relaying):
    server = relaying
    began = time.time()
    submit(server, [server.bob.address], ["HOLDFOR=3"])
    [waiting] = server.json("queue", "list")
    assert waiting["recipients"][0]["state"] == "due"
    server.kill()
    server.start()
    wait_for(server, server.bob, 1)
    assert time.time() - began >= 3


def test_a_message_that_is_late_is_returned(relaying, sink):
    server = relaying
    server.command("queue", "stop", "smtp")
    submit(server, [FRIEND], ["BY=1;R"])
    [entry] = server.json("queue", "list")
    until(lambda: time.time() - began_at(entry) > 1.5, "the time to be over")
    server.command("queue", "start", "smtp")
    [notice] = wait_for(server, server.alice, 1)
    assert b"Action: failed" in notice and b"Status: 5.4.7" in notice
    assert sink.messages == []


def unfolded(message):
    return message.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")


def began_at(entry):
    from datetime import datetime

    return datetime.fromisoformat(entry["arrived"].replace("Z", "+00:00")).timestamp()


def test_a_host_that_keeps_no_time_is_told_to_the_sender(relaying, sink):
    server = relaying
    submit(server, [FRIEND], ["BY=3600;N"])
    [notice] = wait_for(server, server.alice, 1)
    assert b"Action: relayed" in notice
    until(lambda: sink.messages, "the message at the other host")


def test_the_urgent_overtake_the_patient(relaying, sink):
    server = relaying
    server.command("queue", "stop", "smtp")
    for priority in (-4, 0, 6):
        submit(server, [FRIEND], [f"MT-PRIORITY={priority}"], BODY.replace(b"extended", f"rank {priority}".encode()))
    server.command("queue", "start", "smtp")
    until(lambda: len(sink.messages) == 3, "all three at the other host")
    subjects = [body.split(b"Subject: ")[1].split(b"\r\n")[0] for _, _, body in sink.messages]
    assert subjects == [b"rank 6", b"rank 0", b"rank -4"]


def test_the_whole_way_can_be_traced(relaying, sink):
    server = relaying
    submit(server, [FRIEND], [], b"Message-ID: <traced@example.test>\r\n" + BODY)
    until(lambda: sink.messages, "the message at the other host")

    def told():
        text = server.command("message", "trace", "traced@example.test", check=False).stdout
        return text if "left the queue" in text else None

    text = until(told, "the end of the trace")
    for part in ("came from 127.0.0.1", "under TLS", "logged in as alice@example.test", "queued as", "relayed"):
        assert part in text, text
    submit(server, [server.bob.address], [], b"Message-ID: <near@example.test>\r\n" + BODY)
    [message] = wait_for(server, server.bob, 1)
    name = unfolded(message).split(b" id ")[1].split(b";")[0].split()[0].decode()
    text = server.command("message", "trace", name).stdout
    assert "filed for bob@example.test (UID 1); told 250" in text, text
