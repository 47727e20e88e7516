"""A server that sends and one that takes mail; neither runs when a test begins."""

import pytest

from kit.server import Server


@pytest.fixture
def near(tmp_path):
    """A server that sends: its domain has keys. It is not running."""
    server = Server(tmp_path / "near")
    with server:
        server.keys = server.json("domain", "dkim", "create", "example.test")
    path = server.data / "heliograph.toml"
    path.write_text(path.read_text().replace("mail.example.test", "near.example.test"))
    return server


@pytest.fixture
def far(tmp_path):
    """A server that takes mail for far.test. It is not running; its port is known."""
    server = Server(tmp_path / "far")
    with server:
        server.command("domain", "add", "far.test")
        server.command("alias", "set", "friend@far.test", server.bob.address)
    return server
