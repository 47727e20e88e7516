"""Real and hostile mail comes back over IMAP and POP3 byte for byte."""

import poplib
import smtplib

from kit.mailbox import login


def wire_form(octets: bytes) -> bytes:
    """What a client may send: every line ends in CRLF, no stray CR or LF, no NUL, and the last line is ended."""
    text = octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\0", b"")
    lines = text.split(b"\n")
    if lines and lines[-1] == b"":
        lines.pop()
    cut = [line[start : start + 990] for line in lines for start in range(0, max(len(line), 1), 990)]
    return b"\r\n".join(cut) + b"\r\n"


def corpus(folder):
    return [wire_form(file.read_bytes()) for file in sorted(folder.rglob("*")) if file.is_file()]


def deliver(server, messages):
    with smtplib.SMTP("localhost", server.port("smtp")) as client:
        client.ehlo("corpus.test")
        for message in messages:
            client.sendmail("sender@elsewhere.test", [server.alice.address], message, mail_options=["BODY=8BITMIME"])


def test_every_message_comes_back_as_it_was_sent(server, corpora):
    messages = corpus(corpora)
    assert len(messages) > 400, "the corpora are there"
    deliver(server, messages)

    connection = login(server, server.alice)
    _, parts = connection.uid("FETCH", "1:*", "(RFC822.SIZE BODY.PEEK[])")
    received = [part[1] for part in parts if isinstance(part, tuple)]
    assert len(received) == len(messages)
    for sent, got in zip(messages, received):
        assert got.endswith(b"\r\n" + sent) or got.endswith(sent), f"changed: {sent[:200]!r}"
        added = got[: len(got) - len(sent)]
        assert added.startswith(b"Return-Path: <sender@elsewhere.test>\r\nReceived: "), added
    # Structure and envelope of every one can be fetched and read.
    status, parts = connection.uid("FETCH", "1:*", "(ENVELOPE BODYSTRUCTURE PREVIEW)")
    assert status == "OK" and len([p for p in parts if p]) >= len(messages)
    connection.logout()

    # Python's client limits a line to 2,048 octets, which no line here reaches.
    client = poplib.POP3_SSL("localhost", server.port("pop3s"), context=server.tls())
    client.user(server.alice.address)
    client.pass_(server.alice.password)
    assert client.stat()[0] == len(messages)
    for number, got in enumerate(received, 1):
        _, lines, _ = client.retr(number)
        assert b"\r\n".join(lines) + b"\r\n" == got
    client.quit()
