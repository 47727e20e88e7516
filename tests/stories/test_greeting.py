"""What a client sees before it says anything, and what becomes of those that do not wait."""

import pytest

from kit.raw import Raw
from kit.server import Server


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
