"""A proxy in front of the server: whoever looks at the client sees its real address - log, DNS lists, tables and rules."""

import pytest

from kit.mailbox import wait_for
from kit.names import Names
from kit.policy import prepare
from kit.raw import Raw
from kit.wait import until

REAL, LISTED, BANNED, OTHER = "203.0.113.7", "203.0.113.8", "203.0.113.9", "198.51.100.7"
MESSAGE = b"From: a@far.test\r\nSubject: judged\r\n\r\nbody"

TABLES = f"PORT_ACCESS\n\n  TCP|*|*|$({BANNED}/32)|*  $N554$ the$ table$ knows$ $2\n\nMAIL_ACCESS\n\n  TCP|*|*|$({REAL}/32)|*|table@*|*  $Nseen$ $2\n"
RULES = f"""connect_dns_lists = ["list.test"]

[[rules]]
stage = "mail"
addresses = ["{REAL}"]
sender = ["rule@*"]
action = "reject"
text = "the rule knows you"

[dns]
servers = ["127.0.0.1:%d"]
"""


def reversed_name(address):
    return ".".join(reversed(address.split("."))) + ".list.test"


@pytest.fixture
def zone():
    """A name service that knows one entry of the list. Who is not on it, does not exist there."""
    with Names({reversed_name(LISTED): ["127.0.0.2"]}) as names:
        yield names


@pytest.fixture
def proxied(tmp_path, zone):
    server = prepare(tmp_path, TABLES, RULES % zone.port)
    settings = server.data / "heliograph.toml"
    first = 'protocol = "smtp"\n'
    text = settings.read_text()
    assert text.count(first) == 1
    settings.write_text(text.replace(first, f'{first}proxies = ["127.0.0.0/8"]\n'))
    with server:
        yield server


def line_of_version_1(address):
    return f"PROXY TCP4 {address} 192.0.2.25 4321 25\r\n".encode()


def header_of_version_2(address):
    """The same in binary: a connection over TCP and IPv4."""
    octets = lambda text: bytes(int(part) for part in text.split("."))
    ends = octets(address) + octets("192.0.2.25") + (4321).to_bytes(2, "big") + (25).to_bytes(2, "big")
    return b"\r\n\r\n\0\r\nQUIT\n" + b"\x21\x11" + len(ends).to_bytes(2, "big") + ends


@pytest.fixture(params=[line_of_version_1, header_of_version_2], ids=["version-1", "version-2"])
def behind(request, proxied):
    """Connects as a client with this address, by way of the proxy."""

    def connect(address):
        client = Raw(proxied.port("smtp"))
        client.socket.sendall(request.param(address))
        return client

    return connect


def lines_of(server):
    return (server.folder / "server.log").read_text(errors="replace").splitlines()


def refused(server, address):
    """The lines of the log that tell of a refusal of this client."""
    return [line for line in lines_of(server) if f"peer={address}:4321" in line and "refused" in line]


def test_all_see_the_real_address(proxied, zone, behind):
    with behind(LISTED) as client:
        assert client.everything() == f"554 5.7.1 {LISTED} is listed at list.test\r\n".encode()
    assert set(zone.asked) == {reversed_name(LISTED)}, "the list was asked about the client and about nobody else"
    with behind(BANNED) as client:
        assert client.everything() == f"554 the table knows {BANNED}\r\n".encode()
    with behind(REAL) as client:
        assert client.reply().startswith("220")
        assert reversed_name(REAL) in zone.asked
        client.ask("EHLO client.far.test")
        assert client.ask("MAIL FROM:<rule@far.test>") == "550 5.7.1 the rule knows you"
        assert client.ask("MAIL FROM:<table@far.test>").startswith("250")
        assert client.ask(f"RCPT TO:<{proxied.bob.address}>") == f"550 5.7.1 seen {REAL}"
    with behind(OTHER) as client:
        assert client.reply().startswith("220")
        client.ask("EHLO client.far.test")
        for sender in ("rule", "table"):
            assert client.ask(f"MAIL FROM:<{sender}@far.test>").startswith("250"), "others are not meant"
            assert client.ask(f"RCPT TO:<{proxied.bob.address}>").startswith("250")
            assert client.data(MESSAGE).startswith("250")
    filed = wait_for(proxied, proxied.bob, 2)
    assert all(f"([{OTHER}])".encode() in one for one in filed)
    for address, count in ((LISTED, 1), (BANNED, 1), (REAL, 2)):
        until(lambda: len(refused(proxied, address)) == count, f"{count} lines in the log about {address}")
    assert not any("1.0.0.127" in name for name in zone.asked), "nobody asked about the proxy"
    assert [line for line in lines_of(proxied) if "mta::" in line and "peer=127.0.0.1" in line] == [], "nor took it for a client"
