"""Debian's postfix as a peer: an instance of its own on a loopback port, with queue, log and settings in one folder."""

import shutil
import smtplib
import subprocess
from pathlib import Path

import pytest

from kit.nodes import free_port
from kit.wait import until

PROGRAM = "/usr/sbin/postfix"


class Postfix:
    """Takes mail for `example.test` over SMTP and throws it away; `settings` are lines of main.cf."""

    def __init__(self, folder: Path, settings: str):
        if not Path(PROGRAM).exists():
            pytest.skip("postfix is not installed")
        self.folder, self.settings, self.port = Path(folder), settings, free_port()

    def __enter__(self):
        folder = self.folder / "postfix"
        folder.mkdir(parents=True)
        queue, data = self.folder / "spool", self.folder / "data"
        queue.mkdir()
        data.mkdir()
        shutil.chown(data, "postfix", "postfix")
        # Its daemons run as a user of their own and must reach the folder.
        for parent in [self.folder, *self.folder.parents]:
            if parent == Path("/") or parent.stat().st_mode & 0o001:
                continue
            parent.chmod(parent.stat().st_mode | 0o011)
        (folder / "master.cf").write_text(self._services())
        (folder / "main.cf").write_text(
            f"""
compatibility_level = 3.6
queue_directory = {queue}
data_directory = {data}
myhostname = peer.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = example.test
virtual_transport = discard
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
maillog_file = {self.folder}/postfix.log
maillog_file_prefixes = {self.folder}
{self.settings}
"""
        )
        subprocess.run([PROGRAM, "-c", str(folder), "start"], check=True, capture_output=True)
        until(self._answers, "postfix answers", 60)
        return self

    def __exit__(self, *_):
        subprocess.run([PROGRAM, "-c", str(self.folder / "postfix"), "stop"], check=False, capture_output=True)

    def _services(self) -> str:
        master = Path("/usr/share/postfix/master.cf.dist").read_text()
        lines = []
        for line in master.splitlines():
            words = line.split()
            if len(words) >= 8 and not line.startswith(("#", " ")):
                words[4] = "n"  # no chroot: the queue is in a folder of its own
                if words[:2] == ["smtp", "inet"]:
                    words[0] = f"127.0.0.1:{self.port}"
                line = " ".join(words)
            lines.append(line)
        return "\n".join(lines) + "\n"

    def _answers(self):
        try:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=5) as client:
                return client.noop()[0] == 250
        except OSError:
            return False

    def log(self) -> str:
        return (self.folder / "postfix.log").read_text(errors="replace")
