"""What the access tables are told of a session: its login, TLS, protocol and the notices that it asks for."""

import base64

import pytest

from kit.policy import prepare
from kit.raw import Raw

AT_MAIL, AT_RCPT = "AT", "ATELDFS"
# The recipients about whom each table is asked.
ASKED = {
    "ORIG_SEND_ACCESS": "one@example.test",
    "ORIG_MAIL_ACCESS": "two@example.test",
    "SEND_ACCESS": "alice@example.test",
    "MAIL_ACCESS": "bob@example.test",
}


def telling(table, pattern, flags):
    """A table that refuses what fits the pattern with each flag and whether it is set, as in `A+T-`: one entry with `$:`
    and one with `$;` for each, of which exactly one is to match."""
    tests = "".join(f"  flags:*  $C$:{flag}flags:$0{flag}+\n  flags:*  $C$;{flag}flags:$0{flag}-\n" for flag in flags)
    return f"{table}\n\n  {pattern}  $Cflags:\n{tests}  flags:*  $Nflags$ $0\n\n"


@pytest.fixture
def telling_server(tmp_path):
    tables = telling("FROM_ACCESS", "*/tell.test|*", AT_MAIL)
    tables += "".join(telling(table, f"*|{address}", AT_RCPT) for table, address in ASKED.items())
    with prepare(tmp_path, tables) as server:
        server.command("account", "add", "carol@example.test", "--password-stdin", stdin="a long password\n")
        for alias in ("one@example.test", "two@example.test"):
            server.command("alias", "set", alias, "carol@example.test")
        yield server


def log_in(client, account):
    """Logs in; the demo allows that from this machine without TLS, so that the two can be told apart."""
    secret = base64.b64encode(f"\0{account.address}\0{account.password}".encode()).decode()
    assert client.ask(f"AUTH PLAIN {secret}").startswith("235")


def session(server, tls=False, login=False, hello="EHLO client.test"):
    client = Raw(server.port("smtp"))
    client.reply()
    client.ask(hello)
    if tls:
        client.start_tls(server.tls())
        client.ask(hello)
    if login:
        log_in(client, server.alice)
    return client


def begin(client, server):
    assert client.ask(f"MAIL FROM:<{server.alice.address}>").startswith("250")


@pytest.mark.parametrize("login", [False, True], ids=["stranger", "login"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_login_and_tls_are_told_at_mail_and_at_each_recipient(telling_server, login, tls):
    server = telling_server
    expected = f"A{'+' if login else '-'}T{'+' if tls else '-'}"
    with session(server, tls, login, "EHLO tell.test") as client:
        assert client.ask(f"MAIL FROM:<{server.alice.address}>") == f"550 5.7.1 flags {expected}"
    with session(server, tls, login) as client:
        begin(client, server)
        for table, address in ASKED.items():
            told = client.ask(f"RCPT TO:<{address}>")
            assert told == f"550 5.7.1 flags {expected}E+L-D-F-S-", table


def test_the_protocol_is_told_at_each_recipient(telling_server):
    server = telling_server
    for hello, expected in (("HELO client.test", "A-T-E-L-D-F-S-"), ("EHLO client.test", "A-T-E+L-D-F-S-")):
        with session(server, hello=hello) as client:
            begin(client, server)
            for address in ASKED.values():
                assert client.ask(f"RCPT TO:<{address}>") == f"550 5.7.1 flags {expected}", hello
    with Raw(server.port("lmtp")) as client:
        client.reply()
        client.ask("LHLO client.test")
        begin(client, server)
        for address in ASKED.values():
            assert client.ask(f"RCPT TO:<{address}>") == "550 5.7.1 flags A-T-E+L+D-F-S-", address


@pytest.mark.parametrize(
    "notify, expected",
    [
        ("DELAY", "D+F-S-"),
        ("FAILURE", "D-F+S-"),
        ("SUCCESS", "D-F-S+"),
        ("SUCCESS,FAILURE,DELAY", "D+F+S+"),
        ("NEVER", "D-F-S-"),
    ],
)
def test_the_notices_that_are_asked_for_are_told_at_each_recipient(telling_server, notify, expected):
    server = telling_server
    with session(server) as client:
        begin(client, server)
        for address in ASKED.values():
            assert client.ask(f"RCPT TO:<{address}> NOTIFY={notify}") == f"550 5.7.1 flags A-T-E+L-{expected}"
