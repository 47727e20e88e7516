"""A client that waits for long work is told how far it has come."""

import re

from kit.mailbox import login
from kit.server import Server


def test_a_long_search_says_how_far_it_is(tmp_path):
    server = Server(tmp_path)
    with server:
        pass
    settings = server.data / "heliograph.toml"
    settings.write_text(settings.read_text() + '\n[imap]\nprogress = "0s"\n')
    with server:
        connection = login(server, server.alice)
        for number in range(5):
            connection.append("INBOX", "", None, f"Subject: {number}\r\n\r\nhay\r\n".encode())
        assert "INPROGRESS" in connection.capabilities or b"INPROGRESS" in connection.capability()[1][0]
        tag = connection._new_tag().decode()
        connection.send(f"{tag} SEARCH BODY needle\r\n".encode())
        steps = []
        while not (line := connection.readline()).startswith(tag.encode()):
            if found := re.match(rb'\* OK \[INPROGRESS \("(\w+)" (\d+) (\d+)\)\]', line):
                steps.append((found[1].decode(), int(found[2]), int(found[3])))
        assert line.split()[1] == b"OK", line
        assert steps == [(tag, done, 5) for done in range(5)]
        connection.logout()
