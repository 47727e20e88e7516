"""Rules of the settings file, look-ups of the outside, and the channels that sessions belong to."""

import http.server
import smtplib
import socketserver
import stat
import threading
from pathlib import Path

import pytest

from kit.mailbox import wait_for
from kit.policy import prepare
from kit.raw import Raw
from kit.sink import Sink
from kit.wait import until

MESSAGE = b"From: a@far.test\r\nSubject: judged\r\n\r\nbody"


@pytest.fixture
def judged(tmp_path):
    running = []

    def start(settings, mappings=""):
        server = prepare(tmp_path / str(len(running)), mappings, settings)
        running.append(server)
        return server.start()

    yield start
    for server in running:
        server.__exit__()


def hello(server, source=None, name="client.far.test"):
    client = Raw(server.port("smtp"), source)
    client.reply()
    client.ask(f"EHLO {name}")
    return client


def send(server, sender="a@far.test", to=None, message=MESSAGE, source=None):
    """The last reply of a delivery."""
    with hello(server, source) as client:
        for command in (f"MAIL FROM:<{sender}>", *[f"RCPT TO:<{each}>" for each in to or [server.bob.address]]):
            reply = client.ask(command)
            if not reply.startswith("250"):
                return reply
        return client.data(message)


def metric(server, name):
    from urllib.request import urlopen

    with urlopen(f"http://{server.listeners['admin']}/metrics", timeout=30) as page:
        lines = page.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def test_rules_refuse_where_they_can_first(judged):
    server = judged(
        """
[[rules]]
name = "outsiders"
addresses = ["127.0.0.9"]
action = "reject"
text = "not from there"

[[rules]]
hello = ["localhost", "*.dyn.test"]
action = "defer"
text = "name yourself"

[[rules]]
sender = ["*@spam.test", "!friend@spam.test"]
action = "reject"
status = "5.7.25"
text = "no such sender"

[[rules]]
recipient = ["bob@*"]
sender = ["<>"]
action = "reject"

[[rules]]
header = ["Subject: *lottery*"]
action = "reject"
text = "no lotteries"

[[rules]]
larger_than = "64 KiB"
recipient = ["alice@*"]
action = "reject"
status = "5.3.4"
text = "too much for alice"
"""
    )
    with Raw(server.port("smtp"), "127.0.0.9") as client:
        assert client.everything() == b"554 5.7.1 not from there\r\n"
    with Raw(server.port("smtp")) as client:
        client.reply()
        assert client.ask("EHLO x.dyn.test") == "451 4.7.1 name yourself"
    assert send(server, "x@spam.test") == "550 5.7.25 no such sender"
    assert send(server, "friend@spam.test").startswith("250")
    assert send(server, "") == "550 5.7.1 access denied"
    assert send(server, "", [server.alice.address]).startswith("250")
    lottery = b"From: a@far.test\r\nSubject: The LOTTERY of all\r\n\r\nbody"
    assert send(server, message=lottery) == "550 5.7.1 no lotteries"
    large = MESSAGE + b"\r\n" + b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 1_000
    assert send(server, message=large).startswith("250")
    assert send(server, to=[server.bob.address, server.alice.address], message=large) == "550 5.3.4 too much for alice"


def test_messages_are_discarded_held_redirected_and_marked(judged):
    server = judged(
        """
[[rules]]
sender = ["all@far.test"]
add_tags = ["seen"]
add_headers = ["X-Seen: at MAIL"]
score = 3

[[rules]]
tagged = ["seen"]
score = 4
add_headers = ["X-Tagged: yes"]

[[rules]]
stage = "message"
header = ["Subject: redirect*"]
recipient = ["alice@*"]
action = "redirect"
to = "bob@example.test"

[[rules]]
header = ["Subject: hold*"]
action = "hold"

[[rules]]
header = ["Subject: drop*"]
action = "discard"

[[rules]]
header = ["Subject: points*"]
score_from = 3
action = "reject"
text = "too many points"

[[rules]]
sender = ["old@far.test"]
set_sender = "new@example.test"
"""
    )

    def titled(title):
        return b"From: a@far.test\r\nSubject: " + title + b"\r\n\r\nbody"

    assert send(server, "all@far.test").startswith("250")
    [first] = wait_for(server, server.bob, 1)
    assert b"X-Seen: at MAIL\r\n" in first and b"X-Tagged: yes\r\n" in first
    assert send(server, to=[server.alice.address], message=titled(b"redirect me")).startswith("250")
    assert b"redirect me" in wait_for(server, server.bob, 2)[1]
    assert send(server, message=titled(b"hold it")).startswith("250")
    [held] = server.json("queue", "list")
    assert held["recipients"][0]["state"] == "held"
    assert send(server, message=titled(b"drop it")).startswith("250")
    assert send(server, "all@far.test", message=titled(b"points")) == "550 5.7.1 too many points"
    assert send(server, "b@far.test", message=titled(b"points")).startswith("250")
    assert send(server, "old@far.test", message=titled(b"sender")).startswith("250")
    messages = wait_for(server, server.bob, 4)
    assert messages[3].startswith(b"Return-Path: <new@example.test>")
    assert not any(b"drop it" in message for message in messages)


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"$X4.4.3|$Nthe page says later"
        self.send_response(200 if "bad" in self.path else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Lines(socketserver.StreamRequestHandler):
    def handle(self):
        asked = self.rfile.readline().decode().strip()
        self.wfile.write(b"200 $Nthe socket says no\n" if "bad" in asked else b"500 unknown\n")


def test_commands_pages_and_sockets_are_asked_and_fail_open(judged, tmp_path):
    script = tmp_path / "check"
    script.write_text('#!/bin/sh\nread -r sender\ncase "$sender" in bad*) echo "\\$Nthe command says $1";; *) exit 1;; esac\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    page = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    lines = socketserver.ThreadingUnixStreamServer(str(tmp_path / "lines.sock"), Lines)
    for each in (page, lines):
        threading.Thread(target=each.serve_forever, daemon=True).start()
    # Somebody who takes connections and never answers.
    silent = socketserver.ThreadingTCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler, bind_and_activate=True)
    server = judged(
        f"""lookup_timeout = "500ms"
[[policy.commands]]
name = "check"
program = "{script}"
arguments = ["never"]
[[policy.commands]]
name = "broken"
program = "/nowhere/at/all"
[[policy.commands]]
name = "slow"
program = "/bin/sleep"
arguments = ["60"]
""",
        "FROM_ACCESS\n\n"
        "  *|*@command.test|*  $[command,check,$1]\n"
        f"  *|*@page.test|*  $[http,get,http://127.0.0.1:{page.server_address[1]}/?sender=$1]\n"
        f"  *|*@socket.test|*  $[socket,{tmp_path}/lines.sock,$1]\n"
        "  *|*@broken.test|*  $[command,broken,$1]$Nimpossible\n"
        "  *|*@slow.test|*  $[command,slow,$1]$Nimpossible\n"
        f"  *|*@silent.test|*  $[http,get,http://127.0.0.1:{silent.server_address[1]}/]$Nimpossible\n"
        f"  *|*@away.test|*  $[socket,{tmp_path}/nobody.sock,$1]$Nimpossible\n",
    )
    try:
        assert send(server, "bad@command.test") == "550 5.7.1 the command says never"
        assert send(server, "good@command.test").startswith("250")
        assert send(server, "bad@page.test") == "451 4.4.3 the page says later"
        assert send(server, "good@page.test").startswith("250")
        assert send(server, "bad@socket.test") == "550 5.7.1 the socket says no"
        assert send(server, "good@socket.test").startswith("250")
        for domain in ("broken", "slow", "silent", "away"):
            with hello(server) as client:
                reply, seconds = client.timed(f"MAIL FROM:<x@{domain}.test>")
            assert reply.startswith("250") and seconds < 30, domain
        failed = 'heliograph_policy_lookups_total{kind="command",result="failed"}'
        until(lambda: metric(server, failed) == 2, "both failures of commands are counted")
        log = (server.folder / "server.log").read_text()
        assert "a look-up of the policy failed" in log and "/nowhere/at/all" in log
    finally:
        for each in (page, lines):
            each.shutdown()
        for each in (page, lines, silent):
            each.server_close()


def test_dns_lists_and_names_in_rules(judged):
    server = judged(
        """
[[rules]]
stage = "rcpt"
dns_lists = ["one.test", "two.test"]
action = "reject"
text = "listed"

[[rules]]
stage = "rcpt"
host = ["*.dyn.test"]
action = "reject"
text = "dynamic"

[dns]
static = [
  "9.0.0.127.two.test a 127.0.0.4", "8.0.0.127.one.test a 192.0.2.1", "*.one.test none", "*.two.test none",
  "127.0.0.7 ptr h.dyn.test", "h.dyn.test a 127.0.0.7", "127.0.0.6 ptr h.dyn.test", "127.0.0.5 fail"
]
"""
    )
    assert send(server, source="127.0.0.9") == "550 5.7.1 listed"
    assert send(server, source="127.0.0.8").startswith("250"), "an answer outside of 127.0.0.0/8 is no entry"
    assert send(server, source="127.0.0.7") == "550 5.7.1 dynamic"
    assert send(server, source="127.0.0.6").startswith("250"), "the name does not lead back"
    assert send(server, source="127.0.0.5").startswith("250"), "the name service is away"


def test_traffic_is_divided_by_address_and_a_login_switches_the_channel(judged):
    with Sink() as sink:
        server = judged(
            f"""
[[routes]]
domain = "far.test"
host = "127.0.0.1:{sink.port}"

[[sources]]
channel = "tcp_intranet"
addresses = ["127.0.0.9"]
relay = true

[[sources]]
channel = "tcp_private"
addresses = ["127.0.0.8"]
tls = true
recipients = 1

[[sources]]
channel = "tcp_plain"
addresses = ["127.0.0.8"]
require_tls = true
""",
            "ORIG_SEND_ACCESS\n\n  tcp_intranet|*|tcp_local|no@far.test  $Nnot$ from$ inside\n"
            "  tcp_private|*|*|alice@*  $Nnot$ in$ private\n  tcp_submit|*|tcp_local|no@far.test  $Nnot$ by$ you\n",
        )
        friend = ["friend@far.test"]
        assert send(server, to=friend).startswith("550 5.7.1 mail for that domain"), "a stranger relays nothing"
        assert send(server, to=friend, source="127.0.0.9").startswith("250")
        assert send(server, to=["no@far.test"], source="127.0.0.9") == "550 5.7.1 not from inside"
        until(lambda: len(sink.messages) == 1, "the message from inside has left")
        assert send(server, source="127.0.0.8") == "530 5.7.0 say STARTTLS first"
        with hello(server, "127.0.0.8") as client:
            client.start_tls(server.tls())
            client.ask("EHLO client.far.test")
            client.ask("MAIL FROM:<a@far.test>")
            assert client.ask(f"RCPT TO:<{server.alice.address}>") == "550 5.7.1 not in private"
            assert client.ask(f"RCPT TO:<{server.bob.address}>").startswith("250")
            assert client.ask(f"RCPT TO:<{server.bob.address}>").startswith("452 4.5.3")
        with smtplib.SMTP_SSL("localhost", server.port("submissions"), context=server.tls()) as client:
            client.login(server.alice.address, server.alice.password)
            client.sendmail(server.alice.address, friend, MESSAGE)
            with pytest.raises(smtplib.SMTPRecipientsRefused, match="not by you"):
                client.sendmail(server.alice.address, ["no@far.test"], MESSAGE)
        until(lambda: len(sink.messages) == 2, "the message of the one who logged in has left")


def test_auth_is_offered_only_under_tls(judged):
    server = judged("")
    # The demo lets clients on this machine log in without TLS; a server as it is installed does not.
    settings = server.data / "heliograph.toml"
    arguments = ["serve", "--config", str(settings)]
    server.stop()
    server.arguments = arguments
    server.start()
    with hello(server) as client:
        assert "AUTH" not in client.ask("EHLO again")
        assert client.ask("AUTH PLAIN AGEAYg==").startswith("538")
        client.start_tls(server.tls())
        assert "AUTH" in client.ask("EHLO again")


def test_an_unknown_recipient_is_refused_whatever_the_policy_waits_for(judged):
    server = judged("", "ORIG_SEND_ACCESS\n\n  *|*|*|nobody@*  $D3000$Nimpossible\n")
    with hello(server) as client:
        client.ask("MAIL FROM:<a@far.test>")
        reply, seconds = client.timed("RCPT TO:<nobody@example.test>")
    assert reply.startswith("550 5.1.1") and seconds < 20


def test_the_client_behind_a_proxy_is_the_one_that_is_judged(judged):
    server = judged(
        '[[rules]]\nstage = "connect"\naddresses = ["203.0.113.0/24"]\naction = "reject"\ntext = "you"\n'
    )
    settings = server.data / "heliograph.toml"
    server.stop()
    settings.write_text(
        settings.read_text().replace('protocol = "smtp"\n', 'protocol = "smtp"\nproxies = ["127.0.0.0/8"]\n', 1)
    )
    server.start()
    for client_address, expected in (("203.0.113.7", "554 5.7.1 you"), ("198.51.100.7", "220")):
        with Raw(server.port("smtp")) as client:
            client.send(f"PROXY TCP4 {client_address} 192.0.2.25 4321 25")
            assert client.reply().startswith(expected), client_address


def test_members_of_a_group_are_judged_one_by_one(judged):
    server = judged("", "SEND_ACCESS\n\n  *|*|*|alice@*  $Nnot$ alice\n")
    server.command("group", "set", "both@example.test", server.alice.address, server.bob.address)
    assert send(server, to=["both@example.test"]).startswith("250")
    wait_for(server, server.bob, 1)
    assert send(server, to=[server.alice.address]) == "550 5.7.1 not alice"
    log = Path(server.folder / "server.log").read_text()
    assert "passed over by the policy" in log


def test_the_meter_counts_for_tables_and_rules(judged):
    server = judged(
        """
[[rules]]
sender = ["*@ruled.test"]
meter = "senders"
meter_key = "{sender}"
action = "defer"
text = "slower"

[[meter.tables]]
name = "senders"
quota = 2
quota_time = "1h"
options = ["nocase"]

[[meter.tables]]
name = "hosts"
quota = 2
quota_time = "1h"
""",
        "PORT_ACCESS\n\n"
        "  TCP|*|*|127.0.0.9|*  $C$:A$[/opt/lib/check_metermaid.so,throttle,hosts,127.0.0.9]$N421$ slower$E\n"
        "  TCP|*|*|127.0.0.8|*  $[conn_throttle.so,throttle,127.0.0.8,2]$N421$ slower\n"
        "  TCP|*|*|127.0.0.7|*  $[meter,throttle,no_such_table,127.0.0.7]$N421$ impossible\n",
    )
    for source in ("127.0.0.9", "127.0.0.8"):
        told = server.json("explain", "connection", "--client", source)
        assert told["refused"] == [], "an explanation counts nothing"
        greetings = []
        for _ in range(4):
            with Raw(server.port("smtp"), source) as client:
                greetings.append(client.reply())
        assert [greeting[:3] for greeting in greetings] == ["220", "220", "421", "421"], source
        told = server.json("explain", "connection", "--client", source)
        assert [entry["reply"] for entry in told["refused"]] == ["421 slower"]
    with Raw(server.port("smtp"), "127.0.0.7") as client:
        assert client.reply().startswith("220"), "a meter that fails holds nobody back"
    replies = []
    for sender in ("a@ruled.test", "A@ruled.test", "a@Ruled.test", "b@ruled.test"):
        with hello(server) as client:
            replies.append(client.ask(f"MAIL FROM:<{sender}>")[:3])
    assert replies == ["250", "250", "451", "250"]
