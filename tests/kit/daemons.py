"""Real filters, each started by the test in a folder of its own on a free port, and ended with it."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from kit.nodes import free_port
from kit.wait import until

EICAR = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"

START_SECONDS = 120


class Daemon:
    """A daemon in the foreground; `host` is where it listens."""

    def __init__(self, folder, port, arguments, environment=None, scratch=None):
        self.folder, self.port, self.arguments = folder, port, [str(argument) for argument in arguments]
        self.environment = environment or {}
        self.scratch = scratch
        self.host = f"127.0.0.1:{port}"
        self.process = None

    def start(self):
        self.log = open(self.folder / "daemon.log", "ab")
        self.process = subprocess.Popen(
            self.arguments, cwd=self.folder, stdout=self.log, stderr=self.log,
            env={**os.environ, **self.environment}, start_new_session=True,
        )
        until(self._answers, f"{self.arguments[0]} to listen", START_SECONDS)
        return self

    def _answers(self):
        if self.process.poll() is not None:
            log = (self.folder / "daemon.log").read_text(errors="replace")[-3000:]
            raise AssertionError(f"{self.arguments[0]} ended with {self.process.returncode}:\n{log}")
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        except OSError:
            return False

    def signal(self, number):
        """To the daemon and all its workers."""
        os.killpg(self.process.pid, number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait(timeout=30)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.kill()
        self.log.close()
        if self.scratch is not None:
            shutil.rmtree(self.scratch, ignore_errors=True)


def program(*names):
    for name in names:
        if found := shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin"):
            return found
    raise AssertionError(f"{names[0]} is not installed; tests/run installs it")


def rspamd(folder):
    """rspamd with its built-in test pattern and no rules, so that it starts quickly and asks nobody."""
    folder.mkdir()
    port = free_port()
    (folder / "rspamd.conf").write_text(f"""
options {{
  filters = "";
  tempdir = "{folder}";
  pidfile = "{folder}/rspamd.pid";
  control_socket = "{folder}/control.sock mode=0600";
  history_file = "{folder}/history";
  cache_file = "{folder}/cache";
  hs_cache_dir = "{folder}/";
  stats_file = "{folder}/stats";
  url_tld = "/usr/share/rspamd/effective_tld_names.dat";
  dns {{ nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; }}
}}
logging {{ type = "console"; level = "notice"; }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
actions {{ reject = 15; add_header = 6; greylist = 4; }}
""")
    return Daemon(folder, port, [program("rspamd"), "-i", "-f", "-c", folder / "rspamd.conf"])


def spamd(folder):
    """spamd with its own test pattern. It refuses to judge mail as root, so as root it runs as nobody, for whom the test's
    folder is closed: what it reads lies in another one."""
    folder.mkdir()
    port = free_port()
    home = Path(tempfile.mkdtemp(prefix="heliograph-spamd-"))
    site = home / "site"
    site.mkdir()
    (site / "check.pre").write_text("loadplugin Mail::SpamAssassin::Plugin::Check\n")
    home.chmod(0o777)
    site.chmod(0o755)
    arguments = [
        program("spamd"), "--listen", f"127.0.0.1:{port}", "--nouser-config", "--local", "--max-children=1",
        "--min-children=1", f"--siteconfigpath={site}", f"--helper-home-dir={home}", f"--pidfile={home}/spamd.pid",
        "--syslog=stderr", "--allow-tell",
    ]
    if os.getuid() == 0:
        arguments.append("--username=nobody")
    return Daemon(folder, port, arguments, {"HOME": str(home)}, scratch=home)


def clamd(folder):
    """clamd with one signature, made here: that of the EICAR test file."""
    folder.mkdir()
    port = free_port()
    database = folder / "database"
    database.mkdir()
    signature = EICAR[:50].encode().hex()
    (database / "test.ndb").write_text(f"Test.virus.Eicar:0:*:{signature}\n")
    (folder / "clamd.conf").write_text(
        f"Foreground yes\nTCPSocket {port}\nTCPAddr 127.0.0.1\nDatabaseDirectory {database}\n"
        f"TemporaryDirectory {folder}\nPidFile {folder}/clamd.pid\nMaxThreads 4\nUser {current_user()}\n"
    )
    return Daemon(folder, port, [program("clamd"), f"--config-file={folder}/clamd.conf"])


def current_user():
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def pymilter(folder, script):
    """A filter on sendmail's own library; `script` is Python for Debian's interpreter, which has the module."""
    folder.mkdir()
    port = free_port()
    return Daemon(folder, port, ["/usr/bin/python3", script, f"inet:{port}@127.0.0.1", folder / "told.json"])

