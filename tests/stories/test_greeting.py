"""What a client sees before it says anything, and what becomes of those that do not wait."""

import re
import subprocess

import pytest

from kit.raw import Raw
from kit.server import BINARY, Server


@pytest.fixture
def greeting(tmp_path):
    """Starts a server with these settings of [smtp]."""
    server = Server(tmp_path)
    with server:
        pass
    original = (server.data / "heliograph.toml").read_text()

    def start(settings):
        if server.process is not None:
            server.stop()
        (server.data / "heliograph.toml").write_text(f"{original}\n[smtp]\n{settings}")
        return server.start()

    yield start
    server.__exit__()


def first_lines(server):
    with Raw(server.port("smtp")) as client:
        banner = client.reply()
        return banner, client.ask("EHLO client.test")


def test_the_name_is_always_there_and_can_be_another(greeting):
    server = greeting("")
    banner, hello = first_lines(server)
    name = banner.split()[1]
    assert banner == f"220 {name} ESMTP ready" and hello.startswith(f"250-{name} greets")
    server = greeting('host = "mx.example.org"\nbanner = "no version here"\n')
    banner, hello = first_lines(server)
    assert banner == "220 mx.example.org ESMTP no version here"
    assert hello.startswith("250-mx.example.org greets")
    with Raw(server.port("smtp")) as client:
        client.reply()
        client.ask("EHLO client.test")
        client.ask("MAIL FROM:<a@far.test>")
        client.ask(f"RCPT TO:<{server.bob.address}>")
        assert client.data(b"Subject: x\r\n\r\nx").startswith("250")
    uid = server.json("message", "list", server.bob.address)[0]["uid"]
    stored = server.command("message", "show", server.bob.address, "INBOX", str(uid)).stdout
    assert "by mx.example.org with ESMTP" in stored.replace("\n ", " ")
    settings = server.data / "heliograph.toml"
    settings.write_text(settings.read_text().replace('"mx.example.org"', '""'))
    refused = server.command("config", "check", str(settings), check=False)
    assert refused.returncode == 1 and "smtp.host" in refused.stderr


# RFC 5321 §4.1.2 and RFC 1035 §2.3.4: labels of letters, digits and inner hyphens, each of 63 octets, 253 together.
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
DOMAIN = re.compile(rf"(?=.{{1,253}}$){LABEL}(?:\.{LABEL})+")
LONGEST = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61])


def name_in(server):
    banner, hello = first_lines(server)
    name = banner.split()[1]
    assert hello.startswith(f"250-{name} greets")
    return name


@pytest.mark.parametrize("host", [None, "mx.example.org", "x-1.EXAMPLE.org", LONGEST])
def test_the_name_in_the_banner_is_a_valid_domain(greeting, host):
    server = greeting(f'host = "{host}"\n' if host else "")
    name = name_in(server)
    assert DOMAIN.fullmatch(name), name
    assert host is None or name.lower() == host.lower()


@pytest.mark.parametrize(
    "host",
    [
        "", ".", "two words.example", "-mx.example.org", "mx-.example.org", "mx..example.org",
        ".example.org", "mx.example.org\\r\\n250 ok", "mx/example.org", "mx@example.org", "[192.0.2]", "a" * 64 + ".example",
        LONGEST + "d.example", "mx.example.org:25", "*.example.org",
    ],
)
@pytest.mark.parametrize("section", ["smtp", "server"])
def test_a_name_that_is_no_domain_is_refused(greeting, tmp_path, section, host):
    """Two things pass that the grammar of a domain has not: an underscore, because names that people use have it, and the
    literal of an address, which RFC 5321 §4.2 allows in a greeting."""
    text = (tmp_path / "data" / "heliograph.toml").read_text()
    if section == "server":
        line = 'host = "mail.example.test"'
        assert text.count(line) == 1
        text = text.replace(line, f'host = "{host}"')
    else:
        text += f'\n[smtp]\nhost = "{host}"\n'
    broken = tmp_path / "broken.toml"
    broken.write_text(text)
    done = subprocess.run([BINARY, "config", "check", str(broken)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and f"{section}.host" in done.stderr, (host, done.stdout, done.stderr)


def test_a_long_addition_makes_more_lines(greeting):
    server = greeting(f'banner_addition = "{"word " * 20}|second"\n')
    with Raw(server.port("smtp")) as client:
        lines = client.reply().split("\n")
    assert len(lines) >= 4 and all(line.startswith("220-") for line in lines[:-1])
    assert lines[-1] == "220 second" and all(len(line) <= 510 for line in lines)


def test_those_that_do_not_wait_are_refused_or_not_heard(greeting):
    server = greeting('greeting_delay = "1s"\nwatch_loopback = true\n')
    with Raw(server.port("smtp")) as client:
        client.send("EHLO hasty.test")
        assert client.reply() == "554 5.5.0 you spoke before you were greeted"
        assert client.everything() == b""
    server = greeting('greeting_delay = "1s"\nwatch_loopback = true\nearly_talkers = "purge"\n')
    with Raw(server.port("smtp")) as client:
        client.send("EHLO hasty.test\r\nMAIL FROM:<a@far.test>")
        assert client.reply().startswith("220 ")
        assert client.ask("MAIL FROM:<a@far.test>").startswith("503"), "nothing was heard before the greeting"
    log = (server.folder / "server.log").read_text()
    assert log.count("the client spoke before the greeting") == 2
