"""A dependency of the test's own in a process of its own: it kills itself or stands still when it is asked, in the middle
of a message, as a real one might.

Run as a program: python -m kit.apart KIND PLACE FILE, where PLACE is a port or the path of a socket and FILE says what is
to happen at the next question: `well`, `kill` or `hang`."""

import http.server
import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
from pathlib import Path

from kit import filters
from kit.names import Names
from kit.wait import until

# What the name service knows: where mail for far.example goes, and which addresses exist.
EXCHANGERS = {"far.example": "mx.far.example"}


class Apart:
    """The process, as the test holds it."""

    def __init__(self, kind, place, file):
        self.kind, self.place, self.file = kind, place, Path(file)
        self.process = None
        self.mood("well")

    def mood(self, word):
        """What happens at the next question."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(word)
        fresh.replace(self.file)

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kit.apart", self.kind, str(self.place), str(self.file)],
            cwd=Path(__file__).parent.parent, stdout=subprocess.PIPE,
        )
        assert self.process.stdout.readline() == b"ready\n", f"{self.kind} did not start"
        return self

    def happened(self):
        """Waits until it has done what it was told: nobody else ended it."""
        if self.file.read_text() == "kill":
            assert self.process.wait(timeout=60) == -signal.SIGKILL
        else:
            until(lambda: self._state() == "T", f"{self.kind} to stand still", 60)

    def _state(self):
        return Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]

    def mend(self):
        """Well again: started anew, or awake."""
        self.mood("well")
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
        else:
            self.process.stdout.close()
            self.start()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(timeout=30)
        self.process.stdout.close()


turn = threading.Lock()


def fate(file):
    """Does to this very process what the file says; once, however many ask."""
    with turn:
        mood = Path(file).read_text()
        if mood == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if mood == "hang":
            os.kill(os.getpid(), signal.SIGSTOP)
        # The signal may take this thread a moment later than another.
        while mood != "well" and Path(file).read_text() != "well":
            time.sleep(0.01)


def played_filter(protocol, port, file):
    nothing = '{"action": "no action", "score": 0, "required_score": 5}'
    played = {
        "clamd": filters.clamd, "spamd": filters.spamd, "icap": filters.icap, "milter": filters.milter,
        "rspamd": lambda: filters.rspamd(lambda message, fields: nothing),
    }[protocol]()

    def misbehaves(connection):
        fate(file)
        return False

    played.misbehaves = misbehaves
    played.listen(port)
    return played.server.serve_forever


def names(port, file):
    class Fated(Names):
        def _answer(self, *question):
            fate(file)
            return super()._answer(*question)

    service = Fated({"known.test": ["127.0.0.1"]}, address=("127.0.0.1", port), exchangers=EXCHANGERS)
    service.__enter__()
    return service.thread.join


def page(port, file):
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            fate(file)
            body = b"$Nthe page says no"
            self.send_response(200 if "bad" in self.path else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return http.server.ThreadingHTTPServer(("127.0.0.1", port), Page).serve_forever


def lines(path, file):
    class Lines(socketserver.StreamRequestHandler):
        def handle(self):
            asked = self.rfile.readline()
            fate(file)
            self.wfile.write(b"200 $Nthe socket says no\n" if b"bad" in asked else b"500 unknown\n")

    # What a killed one has left.
    Path(path).unlink(missing_ok=True)
    return socketserver.ThreadingUnixStreamServer(path, Lines).serve_forever


def main():
    kind, place, file = sys.argv[1:]
    if kind == "lines":
        serve = lines(place, file)
    elif kind == "names":
        serve = names(int(place), file)
    elif kind == "page":
        serve = page(int(place), file)
    else:
        serve = played_filter(kind, int(place), file)
    # Whoever started this is gone when nobody reads any more; nothing of a test outlives it.
    threading.Thread(target=leave_with, args=(os.getppid(),), daemon=True).start()
    print("ready", flush=True)
    serve()


def leave_with(parent):
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


if __name__ == "__main__":
    main()
