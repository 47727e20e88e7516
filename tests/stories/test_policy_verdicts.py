"""Whom a verdict is about: one of a group, one recipient, one command; and what later stages may still make of it."""

import pytest

from kit import filters
from kit.mailbox import bodies, wait_for
from kit.policy import prepare
from kit.raw import Raw

MESSAGE = b"From: a@far.test\r\nSubject: judged\r\n\r\nbody"
BOTH = "both@example.test"


@pytest.fixture
def judged(tmp_path):
    """Starts a server with these tables and settings."""
    running = []

    def start(mappings="", settings=""):
        server = prepare(tmp_path / str(len(running)), mappings, settings)
        running.append(server)
        server.start()
        server.command("group", "set", BOTH, server.alice.address, server.bob.address)
        return server

    yield start
    for server in running:
        server.__exit__()


def hello(server, source=None):
    client = Raw(server.port("smtp"), source)
    client.reply()
    assert client.ask("EHLO client.far.test").startswith("250")
    return client


def send(server, *recipients, sender="a@far.test", message=MESSAGE):
    """The last reply of a delivery."""
    with hello(server) as client:
        for command in (f"MAIL FROM:<{sender}>", *[f"RCPT TO:<{each}>" for each in recipients]):
            reply = client.ask(command)
            if not reply.startswith("250"):
                return reply
        return client.data(message)


def titled(title):
    return f"From: a@far.test\r\nSubject: {title}\r\n\r\nbody".encode()


def metric(server, name):
    from urllib.request import urlopen

    with urlopen(f"http://{server.listeners['admin']}/metrics", timeout=30) as page:
        lines = page.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def test_a_verdict_about_one_member_is_not_for_the_others(judged):
    server = judged(
        "SEND_ACCESS\n\n  *|hold@*|*|alice@*  $H\n  *|drop@*|*|alice@*  $B\n  *|all@*|*|*  $H\n",
        '[[rules]]\nstage = "expanded"\nsender = ["turn@far.test"]\nrecipient = ["alice@*"]\n'
        'action = "redirect"\nto = "alice@example.test"\n',
    )
    # Hold and redirect cannot be done to one member alone: that is counted, and all have the mail.
    for count, sender in enumerate(("hold", "turn"), 1):
        assert send(server, BOTH, sender=f"{sender}@far.test").startswith("250")
        wait_for(server, server.alice, count)
        wait_for(server, server.bob, count)
        assert metric(server, "heliograph_policy_members_not_apart_total") == count
    assert send(server, BOTH, sender="drop@far.test").startswith("250")
    wait_for(server, server.bob, 3)
    assert len(bodies(server, server.alice)) == 2
    # What is true of all members is true of the recipient.
    assert server.json("queue", "list") == []
    assert send(server, BOTH, sender="all@far.test").startswith("250")
    [held] = server.json("queue", "list")
    assert held["recipients"][0]["state"] == "held"


def test_one_reply_waits_once_however_many_members_want_a_delay(judged):
    server = judged("SEND_ACCESS\n\n  *|*|*|*  $D-400\n", 'delay = "4s"\n')
    with hello(server) as client:
        client.ask("MAIL FROM:<a@far.test>")
        reply, seconds = client.timed(f"RCPT TO:<{BOTH}>")
    assert reply.startswith("250") and 4 <= seconds < 8


def test_what_is_said_of_mail_for_a_member_who_is_refused_is_not_said_of_the_mail(judged):
    server = judged("SEND_ACCESS\n\n  *|*|*|alice@*  $A$NX-Alice:$ seen|no\n  *|*|*|bob@*  $AX-Bob:$ seen\n")
    assert send(server, BOTH).startswith("250")
    [filed] = wait_for(server, server.bob, 1)
    assert b"X-Bob: seen" in filed and b"X-Alice" not in filed and bodies(server, server.alice) == []


def test_with_bdat_the_reply_waits_once_for_both_stages(judged):
    server = judged("FROM_ACCESS\n\n  *|*|*  $D300\n", 'delay = "3s"\n')
    with hello(server) as client:
        client.ask("MAIL FROM:<a@far.test>")
        client.ask(f"RCPT TO:<{server.bob.address}>")
        reply, seconds = client.timed(f"BDAT {len(MESSAGE) + 2} LAST\r\n{MESSAGE.decode()}")
    assert reply.startswith("250") and 3 <= seconds < 6


def test_what_is_discarded_no_filter_brings_back(judged):
    with filters.milter(lambda said: [b"qput it aside\0", b"a"]) as milter:
        server = judged(
            "SEND_ACCESS\n\n  *|*|*|alice@*  $B\n",
            f"[[filters]]\nprotocol = 'milter'\nhosts = ['{milter.host}']\n",
        )
        assert send(server, server.alice.address, server.bob.address).startswith("250")
        [held] = server.json("queue", "list")
    assert [each["address"] for each in held["recipients"]] == [server.bob.address]


def test_a_client_that_names_itself_again_is_judged_by_its_last_name_alone(judged):
    server = judged(
        "",
        '[[rules]]\nstage = "hello"\nhello = ["client.*"]\nscore = 3\nadd_headers = ["X-Hello: seen"]\n'
        '[[rules]]\nscore_from = 5\naction = "reject"\n',
    )
    with hello(server) as client:
        client.ask("EHLO client.far.test")
        client.ask("MAIL FROM:<a@far.test>")
        client.ask(f"RCPT TO:<{server.bob.address}>")
        assert client.data(MESSAGE).startswith("250")
    [filed] = wait_for(server, server.bob, 1)
    assert filed.count(b"X-Hello: seen") == 1


def test_limits_set_at_the_connection_hold_at_mail(judged):
    server = judged("PORT_ACCESS\n\n  *  $S1,1$Y\n")
    with hello(server) as client:
        assert client.ask("MAIL FROM:<a@far.test> SIZE=5000").startswith("552")
        assert client.ask("MAIL FROM:<a@far.test>").startswith("250")
        assert client.ask(f"RCPT TO:<{server.bob.address}>").startswith("250")
        assert client.ask(f"RCPT TO:<{server.alice.address}>").startswith("452")


def test_bdat_does_not_pass_by_the_stage_of_data(judged):
    server = judged("", '[[rules]]\nstage = "data"\nsender = ["bad@*"]\naction = "reject"\ntext = "no data"\n')
    for sender, expected in (("bad", "550 5.7.1 no data"), ("good", "250")):
        with hello(server) as client:
            client.ask(f"MAIL FROM:<{sender}@far.test>")
            client.ask(f"RCPT TO:<{server.bob.address}>")
            client.socket.sendall(b"BDAT %d LAST\r\n%s" % (len(MESSAGE), MESSAGE))
            assert client.reply().startswith(expected), sender
    assert len(wait_for(server, server.bob, 1)) == 1


def test_a_message_that_is_redirected_stays_held_and_is_not_lost_to_who_is_discarded(judged):
    server = judged(
        "SEND_ACCESS\n\n  *|hold@*|*|bob@*  $H\n  *|drop@*|*|alice@*  $B\n",
        '[[rules]]\nstage = "message"\nheader = ["Subject: turn*"]\nrecipient = ["bob@*"]\naction = "redirect"\n'
        'to = "alice@example.test"\n',
    )
    alice, bob = server.alice.address, server.bob.address
    assert send(server, bob, sender="hold@far.test", message=titled("turn one")).startswith("250")
    [held] = server.json("queue", "list")
    assert held["recipients"][0]["state"] == "held"
    assert send(server, alice, bob, sender="drop@far.test", message=titled("turn two")).startswith("250")
    [filed] = wait_for(server, server.alice, 1)
    assert b"turn two" in filed and bodies(server, server.bob) == []


def test_the_rate_of_connections_comes_before_what_the_policy_must_ask_for(judged):
    server = judged(
        "PORT_ACCESS\n\n  TCP|*|*|127.0.0.9|*  $N554$ go$ away\n",
        '[smtp]\nconnection_rate = 2\nconnection_time = "1d"\n',
    )
    said = []
    for _ in range(3):
        with Raw(server.port("smtp"), "127.0.0.9") as client:
            said.append(client.reply())
    assert said[:2] == ["554 go away"] * 2 and said[2].startswith("421 4.7.0"), said
