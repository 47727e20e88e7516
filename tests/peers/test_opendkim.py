"""Debian's opendkim as a filter of ours: it signs what we take in, and judges the signatures of others."""

import email
import subprocess

import pytest

from kit.configured import bring, configured
from kit.daemons import Daemon, program
from kit.mailbox import bodies, wait_for
from kit.nodes import free_port

dkim = pytest.importorskip("dkim")

NAME = "s1._domainkey.far.test"
HEAD = b"From: x@far.test\r\nTo: alice@example.test\r\nSubject: %s\r\nMessage-ID: <%s@far.test>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n"


def message(subject):
    return HEAD % (subject, subject) + b"\r\nA line of text.\r\n.and one that begins with a dot\r\n"


class Keys:
    def __init__(self, folder):
        self.file = folder / "key.pem"
        subprocess.run(["openssl", "genrsa", "-out", self.file, "2048"], check=True, capture_output=True)
        public = subprocess.run(["openssl", "rsa", "-in", self.file, "-pubout"], check=True, capture_output=True).stdout
        self.record = b"v=DKIM1; k=rsa; p=" + b"".join(public.splitlines()[1:-1])

    def verify(self, octets):
        return dkim.verify(octets, dnsfunc=lambda name, timeout=5: self.record if name == NAME.encode() + b"." else None)

    def sign(self, octets):
        return dkim.sign(octets, b"s1", b"far.test", self.file.read_bytes(), canonicalize=(b"relaxed", b"simple")) + octets


@pytest.fixture
def keys(tmp_path):
    return Keys(tmp_path)


def opendkim(folder, settings):
    folder.mkdir()
    port = free_port()
    (folder / "opendkim.conf").write_text(
        f"Socket inet:{port}@127.0.0.1\nSyslog no\nBackground no\nRequireSafeKeys no\nTemporaryDirectory {folder}\n{settings}\n"
    )
    return Daemon(folder, port, [program("opendkim"), "-f", "-x", folder / "opendkim.conf"])


def judged_by(daemon):
    times = "connect_timeout = '5s'\nstep_timeout = '30s'\ntotal_timeout = '60s'"
    return f"[[filters]]\nname = 'opendkim'\nprotocol = 'milter'\nhosts = ['{daemon.host}']\n{times}\n"


def test_what_opendkim_signs_is_filed_as_it_was_signed(keys, tmp_path):
    (tmp_path / "inside").write_text("127.0.0.1\n::1\n")
    settings = f"Mode s\nDomain far.test\nSelector s1\nKeyFile {keys.file}\nInternalHosts {tmp_path}/inside\nCanonicalization simple/simple"
    with opendkim(tmp_path / "opendkim", settings) as daemon:
        with configured(tmp_path / "server", judged_by(daemon)) as server:
            bring(server, [server.alice.address], message(b"to be signed"), sender="x@far.test")
            [filed] = wait_for(server, server.alice, 1)
            assert filed.count(b"DKIM-Signature:") == 1 and b"d=far.test; s=s1" in filed
            assert keys.verify(filed), filed
            assert not keys.verify(filed.replace(b"A line", b"Another line"))


def test_what_opendkim_thinks_of_signatures_decides(keys, tmp_path):
    (tmp_path / "inside").write_text("192.0.2.1\n")
    (tmp_path / "names").write_text(f"{NAME} {keys.record.decode()}\n")
    settings = (
        f"Mode v\nInternalHosts {tmp_path}/inside\nTestDNSData file:{tmp_path}/names\nAuthservID verifier.test\n"
        "AlwaysAddARHeader yes\nOn-BadSignature reject"
    )
    with opendkim(tmp_path / "opendkim", settings) as daemon:
        with configured(tmp_path / "server", judged_by(daemon)) as server:
            signed = keys.sign(message(b"signed"))
            assert keys.verify(signed)
            bring(server, [server.alice.address], signed, sender="x@far.test")
            bring(server, [server.alice.address], message(b"unsigned"), sender="x@far.test")
            found = [results(filed) for filed in wait_for(server, server.alice, 2)]
            assert "dkim=pass" in found[0] and "header.d=far.test" in found[0], found
            assert "dkim=none" in found[1], found
            forged = signed.replace(b"A line", b"Another line")
            with pytest.raises(Exception) as refused:
                bring(server, [server.alice.address], forged, sender="x@far.test")
            assert refused.value.smtp_code == 550, refused.value
            assert len(bodies(server, server.alice)) == 2


def results(filed):
    """What the field of the verifier says, on one line."""
    fields = email.message_from_bytes(filed).get_all("Authentication-Results", [])
    [found] = [" ".join(value.split()) for value in fields if "verifier.test" in value]
    return found
