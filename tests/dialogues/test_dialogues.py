"""Plays every `.talk` file against this server, or against the peer that SUBJECT names."""

import os
from pathlib import Path

import pytest

from kit import talk
from kit.server import Account

FILES = sorted(Path(__file__).parent.rglob("*.talk"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(Path(__file__).parent)))
def test_dialogue(path, request):
    dialogue = talk.read(path)
    if subject := os.environ.get("SUBJECT"):
        host, port = subject.rsplit(":", 1)
        users = [user.split(":", 1) for user in os.environ["SUBJECT_USERS"].split(",")]
        accounts = {name: Account(*user) for name, user in zip(("alice", "bob"), users)}
        if reason := dialogue.differs.get(os.environ.get("SUBJECT_NAME", "")):
            pytest.skip(reason)
        talk.Player(dialogue, (host, int(port)), accounts).play()
        return
    server = request.getfixturevalue("server")
    accounts = {"alice": server.alice, "bob": server.bob}
    talk.Player(dialogue, ("localhost", server.port(dialogue.protocol)), accounts).play()
