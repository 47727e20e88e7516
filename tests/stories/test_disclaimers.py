"""Texts added to mail that leaves: once in every text that people read, in its own charset and encoding; never inside what is
signed or encrypted; never for those whom they are not for."""

import base64
import email
import email.policy
import quopri
import re

import pytest

from kit.configured import body_of, configured, names, submit, waiting
from kit.mailbox import wait_for
from kit.sink import Sink
from kit.wait import until

TEXT = "Grüße von Beispiel. Vertraulich!"
SETTINGS = """
[[disclaimers]]
name = "company"
from = ["example.test"]
text = "Grüße von Beispiel.\\nVertraulich!"
html = "<p class='company'>Grüße von Beispiel.<br>Vertraulich!</p>"
"""
PDF = b"%PDF-1.4\n\xff\xfe\x00 octets\r\n%%EOF\n"
UMLAUTS = "Schöne Grüße und ein Gruß.\r\n"


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    with Sink() as sink:
        server = configured(tmp_path_factory.mktemp("server"), SETTINGS + names(far_test=sink.port))
        with server:
            yield server, sink


def through(ground, message: bytes) -> bytes:
    """What the other host gets of a message."""
    server, sink = ground
    before = len(sink.messages)
    submit(server, ["friend@far.test"], message)
    until(lambda: len(sink.messages) > before, "the message at the other host")
    return sink.messages[-1][2]


def shown(message: bytes):
    """Every text that a reader shows: the part and its text, decoded strictly in the charset that it names."""
    for part in email.message_from_bytes(message, policy=email.policy.default).walk():
        if part.get_content_type() in ("text/plain", "text/html") and not part.get_filename():
            charset = part.get_content_charset() or "us-ascii"
            yield part, part.get_payload(decode=True).decode(charset, "strict")


def count(part, text):
    import html

    if part.get_content_type() == "text/html":
        text = html.unescape(re.sub(r"<br>|<[^>]*>", " ", text))
    return " ".join(text.split()).count(TEXT)


def head(*fields):
    return "".join(f"{field}\r\n" for field in ("From: alice@example.test", "Subject: x", "MIME-Version: 1.0", *fields)).encode() + b"\r\n"


def single(kind, charset, encoding, body):
    return head(f"Content-Type: {kind}; charset={charset}", f"Content-Transfer-Encoding: {encoding}") + body


def alternative(boundary="a"):
    return (
        f"Content-Type: multipart/alternative; boundary={boundary}\r\n\r\n--{boundary}\r\n"
        f"Content-Type: text/plain; charset=us-ascii\r\n\r\nplain\r\n--{boundary}\r\n"
        f"Content-Type: text/html; charset=us-ascii\r\n\r\n<html><body><p>rich</p></body></html>\r\n--{boundary}--\r\n"
    ).encode()


MESSAGES = {
    "plain": (head() + b"Hello.\r\n", 1),
    "html": (single("text/html", "us-ascii", "7bit", b"<html><body><p>Hello.</p></body></html>\r\n"), 1),
    "utf-8 as it is": (single("text/plain", "utf-8", "8bit", UMLAUTS.encode()), 1),
    "utf-8 in base64": (single("text/plain", "utf-8", "base64", base64.b64encode(UMLAUTS.encode()) + b"\r\n"), 1),
    "utf-8 quoted": (single("text/plain", "utf-8", "quoted-printable", quopri.encodestring(UMLAUTS.encode())), 1),
    "html in base64": (single("text/html", "utf-8", "base64", base64.b64encode(b"<p>Hello.</p>") + b"\r\n"), 1),
    "latin": (single("text/plain", "iso-8859-1", "8bit", UMLAUTS.encode("latin-1")), 1),
    "japanese": (single("text/plain", "iso-2022-jp", "7bit", "こんにちは\r\n".encode("iso-2022-jp")), 1),
    "alternative": (head()[:-2] + alternative(), 2),
    "with a pdf": (
        head("Content-Type: multipart/mixed; boundary=m") + b"--m\r\n\r\nHello.\r\n--m\r\nContent-Type: application/pdf; name=a.pdf\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(PDF).replace(b"\n", b"\r\n") + b"--m--\r\n",
        1,
    ),
    "an alternative with an invitation and a text file": (
        head("Content-Type: multipart/mixed; boundary=m") + b"--m\r\n" + alternative() + b"--m\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\n"
        b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n--m\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nfile\r\n--m--\r\n",
        2,
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_every_text_to_read_gets_it_once(ground, name):
    message, texts = MESSAGES[name]
    after = through(ground, message)
    found = list(shown(after))
    assert len(found) == texts
    for part, text in found:
        assert count(part, text) == 1, text
    before = [text.strip() for _, text in shown(message)]
    for (_, text), was in zip(found, before):
        assert re.sub(r"\s+", "", was.split("</body>")[0]) in re.sub(r"\s+", "", text), "what was written is still there"
    others = lambda octets: [
        part.get_payload(decode=True)
        for part in email.message_from_bytes(octets).walk()
        if not part.is_multipart() and (part.get_content_maintype() != "text" or part.get_filename() or part.get_content_subtype() == "calendar")
    ]
    assert others(after) == others(message), "attachments are the same octets"


def test_a_reply_that_quotes_it_does_not_get_it_again(ground):
    first = through(ground, MESSAGES["utf-8 as it is"][0])
    [(_, text)] = shown(first)
    quoted = "Ja!\r\n\r\n" + "".join(f"> {line}\r\n" for line in text.splitlines())
    reply = through(ground, single("text/plain", "utf-8", "8bit", quoted.encode()))
    [(_, text)] = shown(reply)
    assert body_of(reply) == quoted.encode()
    again = through(ground, head() + b"New text.\r\n")
    [(part, text)] = shown(again)
    assert count(part, text) == 1


SIGNED = (
    b'--s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nsigned \xc3\xa4 \r\n--s\r\n'
    b"Content-Type: application/pgp-signature\r\n\r\n-----BEGIN PGP SIGNATURE-----\r\n--s--\r\n"
)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ('multipart/signed; protocol="application/pgp-signature"; micalg=pgp-sha256; boundary=s', SIGNED),
        ('multipart/encrypted; protocol="application/pgp-encrypted"; boundary=s', SIGNED),
        ("application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", b"MIIBeg==\r\n"),
        ("text/plain", b"-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\nHello\r\n-----BEGIN PGP SIGNATURE-----\r\n"),
    ],
)
def test_what_is_signed_or_encrypted_stays_octet_by_octet(ground, kind, body):
    server, _ = ground
    name = f"<{abs(hash(kind))}@example.test>"
    message = head(f"Content-Type: {kind}", f"Message-ID: {name}") + body
    after = through(ground, message)
    assert after.endswith(message), "nothing but fields on top"
    trace = server.command("message", "trace", name).stdout
    assert "disclaimer company was left out" in trace and "protected" in trace, trace


def test_only_those_get_it_whom_it_is_for(ground):
    server, sink = ground
    message = head("Message-ID: <both@example.test>") + b"To all.\r\n"
    before = len(sink.messages)
    submit(server, ["friend@far.test", server.bob.address], message)
    until(lambda: len(sink.messages) > before, "the message at the other host")
    assert TEXT.encode() not in sink.messages[-1][2] and b"Vertraulich!" in sink.messages[-1][2]
    [here] = wait_for(server, server.bob, 1)
    assert here.endswith(message), "mail between our own people is as they wrote it"


def test_what_was_held_gets_the_text_when_it_is_released(tmp_path):
    rules = '[[rules]]\nrecipient = ["slow@*"]\naction = "hold"\n'
    with Sink() as sink:
        server = configured(tmp_path, SETTINGS + rules + names(far_test=sink.port))
        folder = server.data / "sieve" / "message"
        folder.mkdir(parents=True, exist_ok=True)
        script = 'require "vnd.heliograph.system"; if header :is "subject" "wait" { hold "look at it"; }'
        (folder / "hold.sieve").write_text(script)
        with server:
            plain = b"From: alice@example.test\r\nSubject: %b\r\n\r\nbody\r\n"
            submit(server, ["slow@far.test"], plain % b"rule")
            submit(server, ["friend@far.test"], plain % b"wait")
            until(lambda: waiting(server, "held") == 2, "both to be held")
            server.command("queue", "release", "--held")
            until(lambda: len(sink.messages) == 2, "both messages")
            for _, _, message in sink.messages:
                assert [count(part, text) for part, text in shown(message)] == [1]
