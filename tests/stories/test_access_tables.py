"""The six access tables: when each refuses, how it delays, and what a refused client sees."""

import json

import pytest

from kit.mailbox import wait_for
from kit.policy import prepare, write
from kit.raw import Raw
from kit.wait import until

MESSAGE = b"From: a@far.test\r\nSubject: judged\r\n\r\nbody"


@pytest.fixture
def judged(tmp_path):
    """Starts a server with these tables."""
    running = []

    def start(mappings, settings=""):
        server = prepare(tmp_path / str(len(running)), mappings, settings)
        running.append(server)
        return server.start()

    yield start
    for server in running:
        server.__exit__()


def session(server, source=None):
    client = Raw(server.port("smtp"), source)
    client.reply()
    assert client.ask("EHLO client.far.test").startswith("250")
    return client


def replies(server, sender="a@far.test", recipient=None, source=None):
    """The first digits of the replies to MAIL and RCPT."""
    with session(server, source) as client:
        mail = client.ask(f"MAIL FROM:<{sender}>")
        rcpt = client.ask(f"RCPT TO:<{recipient or server.bob.address}>") if mail.startswith("250") else ""
        return mail, rcpt


def test_each_table_refuses_at_its_own_command(judged):
    tables = {
        "PORT_ACCESS": "  TCP|*|*|127.0.0.9|*  $N554$ marker$ at$ connect\n",
        "FROM_ACCESS": "  *|marker@*|*  $Nmarker$ at$ MAIL\n",
        "ORIG_SEND_ACCESS": "  *|orig-send@*|*|*  $Nmarker$ at$ RCPT\n",
        "SEND_ACCESS": "  *|send@*|*|*  $Nmarker$ at$ RCPT\n",
        "ORIG_MAIL_ACCESS": "  TCP|*|SMTP/*|MAIL|*|orig-mail@*|*|*  $Nmarker$ at$ RCPT\n",
        "MAIL_ACCESS": "  TCP|*|*|127.0.0.1|*|SMTP/*|MAIL|tcp_local|mail@*|ims-ms|*  $Nmarker$ at$ RCPT\n",
    }
    server = judged("\n".join(f"{name}\n\n{entries}" for name, entries in tables.items()))
    with Raw(server.port("smtp"), "127.0.0.9") as client:
        assert client.everything() == b"554 marker at connect\r\n", "the line and nothing else"
    mail, _ = replies(server, "marker@far.test")
    assert mail == "550 5.7.1 marker at MAIL"
    for sender in ("orig-send", "send", "orig-mail", "mail"):
        mail, rcpt = replies(server, f"{sender}@far.test")
        assert mail.startswith("250") and rcpt == "550 5.7.1 marker at RCPT", sender
    # Whoever is not meant comes through all six.
    with session(server) as client:
        client.ask("MAIL FROM:<a@far.test>")
        client.ask(f"RCPT TO:<{server.bob.address}>")
        assert client.data(MESSAGE).startswith("250")


def test_an_alias_is_blocked_by_its_own_name_or_by_what_is_behind_it(judged):
    server = judged(
        "ORIG_SEND_ACCESS\n\n  *|*|*|sales@example.test  $Nby$ its$ name\n\n"
        "SEND_ACCESS\n\n  *|*|*|alice@example.test  $Nby$ its$ target\n"
    )
    server.command("alias", "set", "sales@example.test", server.bob.address)
    server.command("alias", "set", "office@example.test", server.alice.address)
    assert replies(server, recipient="sales@example.test")[1] == "550 5.7.1 by its name"
    assert replies(server, recipient="office@example.test")[1] == "550 5.7.1 by its target"
    assert replies(server, recipient=server.bob.address)[1].startswith("250")


def test_delays_hold_for_the_transaction_or_for_one_reply(judged):
    # Thirty seconds are asked for; the operator allows two, so that the test can wait for them.
    server = judged(
        "FROM_ACCESS\n\n  *|slow@*|*  $Y$D3000\n  *|once@*|*  $Y$D-3000\n", 'delay = "2s"\n'
    )
    with session(server) as client:
        assert client.timed("MAIL FROM:<slow@far.test>")[1] >= 2
        assert client.timed(f"RCPT TO:<{server.bob.address}>")[1] >= 2
    with session(server) as client:
        _, first = client.timed("MAIL FROM:<once@far.test>")
        _, second = client.timed(f"RCPT TO:<{server.bob.address}>")
        assert first >= 2 and second < first / 2, (first, second)


def test_the_status_makes_a_refusal_temporary(judged):
    server = judged(
        "SEND_ACCESS\n\n  *|later@*|*|*  $X4.4.3|$Nlater\n  *|never@*|*|*  $Nnever\n  *|other@*|*|*  $X5.7.25|$Nno\n"
    )
    assert replies(server, "later@far.test")[1] == "451 4.4.3 later"
    assert replies(server, "never@far.test")[1] == "550 5.7.1 never"
    assert replies(server, "other@far.test")[1] == "550 5.7.25 no"


def test_flags_tell_of_login_and_tls(judged):
    server = judged(
        "MAIL_ACCESS\n\n  *|plain@*  $;T$Nno$ TLS\n  *|*|alice@example.test|*|bob@*  $:A$:T$Tseen\n"
        "  *|*|tcp_submit|*|*|*  $N$:Aimpossible\n"
        "\nFROM_ACCESS\n\n  *|SMTP/*|*|tcp_local|tls@*|*  $;T$NTLS$ first\n  *|*|*|tcp_submit|alice@*|  $Nno$ login\n"
    )
    with session(server) as client:
        assert client.ask("MAIL FROM:<tls@far.test>") == "550 5.7.1 TLS first"
        client.start_tls(server.tls())
        client.ask("EHLO client.far.test")
        assert client.ask("MAIL FROM:<tls@far.test>").startswith("250")


def test_held_and_discarded_mail(judged):
    server = judged(
        "SEND_ACCESS\n\n  *|held@*|*|*  $H\n  *|gone@*|*|*  $B\n  *|all@*|*|alice@*  $V\n"
        "  *|mark@*|*|*  $AX-Judged:$ yes\n"
    )
    for sender in ("held", "gone", "mark"):
        with session(server) as client:
            client.ask(f"MAIL FROM:<{sender}@far.test>")
            assert client.ask(f"RCPT TO:<{server.bob.address}>").startswith("250")
            assert client.data(MESSAGE).startswith("250")
    with session(server) as client:
        client.ask("MAIL FROM:<all@far.test>")
        client.ask(f"RCPT TO:<{server.alice.address}>")
        client.ask(f"RCPT TO:<{server.bob.address}>")
        assert client.data(MESSAGE).startswith("250")
    [only] = wait_for(server, server.bob, 1)
    assert b"X-Judged: yes" in only
    [held] = [message for message in server.json("queue", "list") if message["sender"] == "held@far.test"]
    assert held["recipients"][0]["state"] == "held"
    server.command("queue", "release", held["id"])
    wait_for(server, server.bob, 2)


def test_dns_lists_are_asked_only_where_port_access_is_silent(judged):
    zone = '["9.0.0.127.list.test a 127.0.0.2", "8.0.0.127.list.test a 127.0.0.2", "*.list.test none"]'
    server = judged(
        "PORT_ACCESS\n\n  TCP|*|*|127.0.0.8|*  $YINTERNAL\n",
        f'connect_dns_lists = ["list.test"]\n[dns]\nstatic = {zone}\n',
    )
    with Raw(server.port("smtp"), "127.0.0.9") as client:
        assert client.everything() == b"554 5.7.1 127.0.0.9 is listed at list.test\r\n"
    for source in ("127.0.0.8", "127.0.0.7"):
        with Raw(server.port("smtp"), source) as client:
            assert client.reply().startswith("220"), source


def test_a_reload_brings_new_tables_and_a_broken_file_changes_nothing(judged):
    server = judged("FROM_ACCESS\n\n  *|one@*|*  $Nfirst\n")
    assert replies(server, "one@far.test")[0] == "550 5.7.1 first"
    write(server, "FROM_ACCESS\n\n  *|two@*|*  $Nsecond\n")
    server.command("reload")
    assert replies(server, "two@far.test")[0] == "550 5.7.1 second"
    assert replies(server, "one@far.test")[0].startswith("250")
    write(server, "FROM_ACCESS\n\n  *|three@*|*  $[nothing,x]$Nthird\n")
    refused = server.command("reload", check=False)
    assert refused.returncode != 0 and "mappings:3: the template" in refused.stderr
    assert replies(server, "two@far.test")[0] == "550 5.7.1 second"


def test_what_is_explained_is_what_happens(judged):
    server = judged(
        "FROM_ACCESS\n\n  *|bad@*|*  $Nno$ bad\n\nSEND_ACCESS\n\n  *|*|ims-ms|bob@*  $X4.4.3|$Nlater\n"
    )
    for sender in ("bad@far.test", "a@far.test"):
        for recipient in (server.bob.address, server.alice.address, "nobody@example.test"):
            mail, rcpt = replies(server, sender, recipient)
            told = server.json(
                "explain", "envelope", "--client", "127.0.0.1", "--from", sender, "--to", recipient
            )
            refused = [entry["reply"] for entry in told["refused"]]
            assert refused == [reply for reply in (mail, rcpt) if reply and not reply.startswith("250")]
    text = server.command(
        "explain", "envelope", "--client", "127.0.0.1", "--from", "a@far.test", "--to", server.bob.address
    ).stdout
    assert "SEND_ACCESS asked \"tcp_local|a@far.test|ims-ms|bob@example.test\"" in text
    assert "mappings:7" in text and "(decides)" in text
    until(lambda: json.loads(server.command("queue", "list", "--json").stdout) == [], "nothing was queued")
