"""One running server with a folder, ports and logs of its own."""

import json
import os
import select
import signal
import ssl
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

BINARY = os.environ.get("HELIOGRAPH_BINARY", "target/debug/heliograph")
READY_SECONDS = 60


@dataclass
class Account:
    address: str
    password: str
    roles: list = field(default_factory=list)


class Server:
    """Starts `heliograph demo` in `folder` and knows what it printed."""

    def __init__(self, folder: Path, arguments=None, environment=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.arguments = arguments
        self.environment = environment or {}
        self.process = None
        self.listeners = {}

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self):
        """Starts it; a port that it keeps from an earlier start may be in the hands of a passing connection of another
        program, which is waited for."""
        for _ in range(30):
            try:
                return self._start()
            except AssertionError as failure:
                if "Address already in use" not in str(failure).splitlines()[-1]:
                    raise
                time.sleep(1)
        return self._start()

    def _start(self):
        arguments = self.arguments or ["demo", "--data", str(self.data), "--any-port"]
        self.log = open(self.folder / "server.log", "ab")
        self.process = subprocess.Popen(
            [BINARY, *arguments],
            stdout=subprocess.PIPE,
            stderr=self.log,
            env={**os.environ, "NO_COLOR": "1", **self.environment},
        )
        self._wait_until_ready()
        description = self.data / "demo.json"
        if description.exists():
            demo = json.loads(description.read_text())
            self.accounts = [Account(**account) for account in demo["accounts"]]
            self.certificate = demo["certificate"]
        return self

    def _wait_until_ready(self):
        """Reads standard output until the line `ready`; a server that ends or is silent too long is an error."""
        deadline = time.monotonic() + READY_SECONDS
        self.listeners = {}
        buffer = b""
        descriptor = self.process.stdout.fileno()
        while True:
            left = deadline - time.monotonic()
            readable, _, _ = select.select([descriptor], [], [], max(left, 0))
            chunk = os.read(descriptor, 65536) if readable else b""
            if not chunk:
                self.process.kill()
                self.process.wait(timeout=30)
                self._close()
                log = (self.folder / "server.log").read_text(errors="replace")[-4000:]
                raise AssertionError(f"the server did not become ready; printed {buffer!r}; log:\n{log}")
            buffer += chunk
            while b"\n" in buffer:
                line, buffer = buffer.split(b"\n", 1)
                words = line.decode().split()
                if words[:1] == ["listening"]:
                    self.listeners.setdefault(words[1], words[2])
                if words == ["ready"]:
                    return

    def port(self, protocol: str) -> int:
        return int(self.listeners[protocol].rsplit(":", 1)[1])

    def tls(self) -> ssl.SSLContext:
        """A context that trusts this server's certificate and nothing else."""
        context = ssl.create_default_context(cafile=self.certificate)
        return context

    @property
    def alice(self) -> Account:
        return self.accounts[0]

    @property
    def bob(self) -> Account:
        return self.accounts[1]

    def command(self, *arguments, check=True, stdin=None):
        """Runs an operator command against this server's data folder."""
        done = subprocess.run(
            [BINARY, "--data", str(self.data), *arguments],
            capture_output=True,
            text=True,
            input=stdin,
            timeout=60,
            env={**os.environ, "NO_COLOR": "1", **self.environment},
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def json(self, *arguments):
        return json.loads(self.command(*arguments, "--json").stdout)

    def kill(self):
        """No warning, no clean-up: what a crash of the program looks like."""
        self.process.kill()
        self.process.wait(timeout=30)
        self._close()

    def stop(self):
        """Asks politely and insists on a clean end."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=30)
        self._close()
        assert code == 0, f"the server ended with {code}; see {self.folder / 'server.log'}"

    def _close(self):
        self.process.stdout.close()
        self.log.close()
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process is not None:
            if self.process.poll() is None:
                self.process.terminate()
                try:
                    self.process.wait(timeout=30)
                except subprocess.TimeoutExpired:
                    self.process.kill()
                    self.process.wait(timeout=30)
            self._close()
