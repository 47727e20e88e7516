"""Debian's postfix and dovecot, set up on loopback ports of their own in a folder of their own, with sync on.

Postfix takes SMTP and hands each message to dovecot over LMTP; dovecot stores it with fsync, as this server does.
Both run as the packages' own users; nothing outside the folder is changed except that the packages are installed.
"""

import os
import shutil
import subprocess
import time
import socket
from pathlib import Path

PACKAGES = {"postfix": "postfix", "dovecot": "dovecot-imapd dovecot-lmtpd dovecot-pop3d"}
SMTP, LMTP, IMAP, IMAPS, POP3 = 25025, 25024, 25143, 25993, 25110
# Where the load generator takes what is relayed.
SINK = "127.0.0.1:2600"
PASSWORD = "bench-password"


def install():
    missing = []
    if not Path("/usr/sbin/postfix").exists():
        missing.append(PACKAGES["postfix"])
    if not all(Path(f"/usr/lib/dovecot/{name}").exists() for name in ("lmtp", "imap", "pop3")):
        missing += PACKAGES["dovecot"].split()
    if missing:
        install_packages(missing)


def install_packages(missing):
    """Installs Debian packages so that their programs do not start on their usual ports."""
    print(f"== installing Debian packages: {' '.join(missing)}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=True)
    policy = Path("/usr/sbin/policy-rc.d")
    made = not policy.exists()
    if made:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing],
            check=True, env=environment, stdout=subprocess.DEVNULL,
        )
    finally:
        if made:
            policy.unlink()


def wait_for_port(port, seconds=30):
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise SystemExit(f"nothing listens on port {port} after {seconds} s")
            time.sleep(0.05)


class Peers:
    """Both programs, from start to stop."""

    def __init__(self, folder: Path, users, certificate, key):
        self.folder, self.users, self.certificate, self.key = folder, users, certificate, key

    def __enter__(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.folder.chmod(0o755)
        self.dovecot()
        self.postfix()
        for port in (SMTP, LMTP, IMAP, IMAPS, POP3):
            wait_for_port(port)
        return self

    def __exit__(self, *_):
        subprocess.run(["doveadm", "-c", str(self.folder / "dovecot.conf"), "stop"], check=False)
        subprocess.run(["postfix", "-c", str(self.folder / "postfix"), "stop"], check=False, stderr=subprocess.DEVNULL)

    def dovecot(self):
        mail = self.folder / "mail"
        mail.mkdir()
        shutil.chown(mail, "mail", "mail")
        (self.folder / "users").write_text("".join(f"{user}:{{PLAIN}}{PASSWORD}\n" for user in self.users))
        number = subprocess.run(["id", "-u", "mail"], capture_output=True, text=True, check=True).stdout.strip()
        group = subprocess.run(["id", "-g", "mail"], capture_output=True, text=True, check=True).stdout.strip()
        (self.folder / "dovecot.conf").write_text(
            f"""
base_dir = {self.folder}/run
state_dir = {self.folder}/state
log_path = {self.folder}/dovecot.log
protocols = imap lmtp pop3
listen = 127.0.0.1
ssl = yes
ssl_cert = <{self.certificate}
ssl_key = <{self.key}
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = mdbox:{mail}/%n
mail_fsync = always
first_valid_uid = 1
mail_max_userip_connections = 20000
default_process_limit = 20000
default_client_limit = 40000
default_vsz_limit = 0
passdb {{
  driver = passwd-file
  args = {self.folder}/users
}}
userdb {{
  driver = static
  args = uid={number} gid={group} home={mail}/%n
}}
service anvil {{
  client_limit = 60000
}}
service auth {{
  client_limit = 60000
}}
service imap-login {{
  inet_listener imap {{
    port = {IMAP}
  }}
  inet_listener imaps {{
    port = {IMAPS}
  }}
  service_count = 0
  process_min_avail = 2
}}
service imap {{
  client_limit = 1000
  service_count = 0
  process_limit = 64
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {POP3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {LMTP}
  }}
  process_min_avail = 4
}}
"""
        )
        subprocess.run(["dovecot", "-c", str(self.folder / "dovecot.conf")], check=True)

    def postfix(self):
        folder = self.folder / "postfix"
        folder.mkdir()
        queue, data = self.folder / "spool", self.folder / "data"
        queue.mkdir()
        data.mkdir()
        shutil.chown(data, "postfix", "postfix")
        master = Path("/usr/share/postfix/master.cf.dist").read_text()
        master = master.replace("smtp      inet  n       -       y       -       -       smtpd", f"127.0.0.1:{SMTP} inet n - n - - smtpd", 1)
        lines = []
        for line in master.splitlines():
            words = line.split()
            if len(words) >= 8 and not line.startswith(("#", " ")):
                words[4] = "n"  # no chroot: the queue is in a folder of its own
                line = " ".join(words)
            lines.append(line)
        (folder / "master.cf").write_text("\n".join(lines) + "\n")
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
virtual_transport = lmtp:inet:127.0.0.1:{LMTP}
relayhost = [127.0.0.1]:2600
smtp_destination_concurrency_limit = 64
queue_run_delay = 5
default_process_limit = 200
lmtp_destination_concurrency_limit = 64
virtual_destination_recipient_limit = 1
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
maillog_file = {self.folder}/postfix.log
maillog_file_prefixes = {self.folder}
message_size_limit = 60000000
"""
        )
        subprocess.run(["postfix", "-c", str(folder), "start"], check=True, stderr=subprocess.DEVNULL)
