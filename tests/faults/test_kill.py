"""kill -9 at random moments under load - deliveries, relaying, changes of flags, moves, expunges, rewriting of segments:
every acknowledged message and change is there, whole, in its mailbox, in the queue or at the host it was for, and what
came twice was under way when the program was killed. KILL_ROUNDS sets the number of rounds (3 in the ordinary run), SEED
the random numbers."""

import imaplib
import os
import random
import re
import smtplib
import socketserver
import threading
import time

from kit.mailbox import login
from kit.server import Server
from kit.wait import until

ROUNDS = int(os.environ.get("KILL_ROUNDS", "3"))
SEED = int(os.environ.get("SEED", str(random.randrange(1 << 32))))
DELIVERERS = 64
RELAYERS = 4
SETTINGS = """
[[routes]]
domain = "far.test"
host = "127.0.0.1:{port}"

[queue]
retry = ["1s"]

[storage]
segment_size = "1 MiB"

[mail]
undelete_days = 0
"""


class FarHost:
    """Takes mail, and remembers which message was the last that it took on each connection that broke off."""

    def __init__(self):
        self.lock = threading.Lock()
        self.taken = {}  # name -> how often
        self.bodies = {}
        self.interrupted = {}  # name -> how often it was the last one before a connection broke off
        host = self

        class Handler(socketserver.StreamRequestHandler):
            last = None

            def say(self, text):
                self.wfile.write(text.encode() + b"\r\n")

            def handle(self):
                try:
                    said_goodbye = self.converse()
                except OSError:
                    said_goodbye = False
                if not said_goodbye and self.last:
                    with host.lock:
                        host.interrupted[self.last] = host.interrupted.get(self.last, 0) + 1

            def converse(self):
                self.say("220 far.test ESMTP")
                while line := self.rfile.readline():
                    verb = line[:4].upper()
                    if verb == b"QUIT":
                        self.say("221 bye")
                        return True
                    self.say("354 go on" if verb == b"DATA" else "250 ok")
                    if verb == b"DATA" and not self.message():
                        return False
                return False

            def message(self):
                lines = []
                while (line := self.rfile.readline()) != b".\r\n":
                    if not line:
                        return False
                    lines.append(line[1:] if line.startswith(b".") else line)
                header, _, body = b"".join(lines).partition(b"\r\n\r\n")
                name = re.search(rb"Subject: (\S+)", header)[1].decode()
                # It is taken when the reply goes out: what the other side makes of that is the subject of this test.
                self.last = name
                with host.lock:
                    host.taken[name] = host.taken.get(name, 0) + 1
                    host.bodies[name] = body.decode()
                self.say("250 taken")
                return True

        class Listener(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 128

        self.server = Listener(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Ledger:
    """What the server has acknowledged, and what was under way when it was killed."""

    def __init__(self):
        self.lock = threading.Lock()
        self.accepted = {}  # name -> body text
        self.under_way = set()
        self.flagged = set()
        self.moved = set()
        self.uncertain_flag = set()
        self.uncertain_move = set()
        self.expunged = set()
        self.uncertain_expunge = set()
        self.relayed = {}  # name -> body text of messages for elsewhere that were accepted
        self.relaying = set()
        self.rewrites = 0


def body_of(name, seed):
    line = f"{name} {seed:08x} " + "x" * (seed % 60)
    return "\r\n".join([line] * (1 + seed % 400)) + "\r\n"


def deliver(server, port, ledger, stop, number, round_number):
    """Sends message after message until the server goes away."""
    generator = random.Random(SEED * 1000 + round_number * 100 + number)
    count = 0
    try:
        client = smtplib.SMTP("127.0.0.1", port, timeout=20)
        client.ehlo("kill.test")
        while not stop.is_set():
            name = f"r{round_number}d{number}n{count}"
            count += 1
            body = body_of(name, generator.randrange(1 << 30))
            with ledger.lock:
                ledger.under_way.add(name)
            client.sendmail("a@elsewhere.test", [server.alice.address], f"Subject: {name}\r\n\r\n{body}".encode())
            with ledger.lock:
                ledger.accepted[name] = body
                ledger.under_way.discard(name)
    except (OSError, smtplib.SMTPException):
        pass  # the kill


def relay(server, ledger, stop, number, round_number):
    """Submits mail for somebody elsewhere until the server goes away."""
    generator = random.Random(SEED * 3000 + round_number * 100 + number)
    count = 0
    try:
        client = smtplib.SMTP_SSL("localhost", server.port("submissions"), timeout=20, context=server.tls())
        client.login(server.alice.address, server.alice.password)
        while not stop.is_set():
            name = f"r{round_number}relay{number}n{count}"
            count += 1
            body = body_of(name, generator.randrange(1 << 30))
            with ledger.lock:
                ledger.relaying.add(name)
            client.sendmail(server.alice.address, ["friend@far.test"], f"Subject: {name}\r\n\r\n{body}".encode())
            with ledger.lock:
                ledger.relayed[name] = body
    except (OSError, smtplib.SMTPException):
        pass  # the kill


def rewrite(server, ledger, stop):
    """Has the segments of the log rewritten, again and again."""
    while not stop.is_set():
        if server.command("store", "compact", check=False).returncode == 0:
            ledger.rewrites += 1


def change(server, ledger, stop, round_number):
    """Flags and moves messages, one at a time, noting what the server has confirmed."""
    generator = random.Random(SEED * 77 + round_number)
    try:
        connection = login(server, server.alice)
        while not stop.is_set():
            connection.noop()
            _, answer = connection.uid("SEARCH", "UNFLAGGED")
            uids = answer[0].split()
            if not uids:
                continue
            uid = generator.choice(uids)
            _, parts = connection.uid("FETCH", uid, "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
            name = re.search(rb"Subject: (\S+)", parts[0][1])[1].decode()
            choice = generator.random()
            if choice < 0.3:
                ledger.uncertain_expunge.add(name)
                assert connection.uid("STORE", uid, "+FLAGS.SILENT", "(\\Deleted)")[0] == "OK"
                assert connection.uid("EXPUNGE", uid)[0] == "OK"
                ledger.expunged.add(name)
                ledger.uncertain_expunge.discard(name)
            elif choice < 0.6:
                ledger.uncertain_flag.add(name)
                assert connection.uid("STORE", uid, "+FLAGS", "(\\Flagged)")[0] == "OK"
                ledger.flagged.add(name)
                ledger.uncertain_flag.discard(name)
            else:
                ledger.uncertain_move.add(name)
                assert connection.uid("MOVE", uid, "Archive")[0] == "OK"
                ledger.moved.add(name)
                ledger.uncertain_move.discard(name)
    except (OSError, imaplib.IMAP4.error):
        pass  # the kill


def picture(server):
    """name -> (folder, flagged, body) of everything alice has; a name twice in a list is a duplicate."""
    found = {}
    for folder in ("INBOX", "Archive"):
        connection = login(server, server.alice, folder)
        _, parts = connection.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[])")
        for part in parts:
            if not isinstance(part, tuple):
                continue
            header, _, body = part[1].partition(b"\r\n\r\n")
            name = re.search(rb"Subject: (\S+)", header)[1].decode()
            found.setdefault(name, []).append((folder, b"\\Flagged" in part[0], body.decode()))
        connection.logout()
    return found


def one_round(server, ledger, generator, round_number):
    """Puts all kinds of load on a running server and kills it at a random moment."""
    stop = threading.Event()
    port = server.port("smtp")
    threads = [
        *(threading.Thread(target=deliver, args=(server, port, ledger, stop, number, round_number)) for number in range(DELIVERERS)),
        *(threading.Thread(target=relay, args=(server, ledger, stop, number, round_number)) for number in range(RELAYERS)),
        threading.Thread(target=change, args=(server, ledger, stop, round_number)),
        threading.Thread(target=rewrite, args=(server, ledger, stop)),
    ]
    for thread in threads:
        thread.start()
    time.sleep(generator.uniform(0.5, 3))  # the random moment, which is the subject
    server.process.kill()
    stop.set()
    for thread in threads:
        thread.join()
    server.kill()


def check_mailboxes(server, ledger):
    found = picture(server)
    gone = ledger.expunged | ledger.uncertain_expunge
    lost = [name for name in ledger.accepted if name not in found and name not in gone]
    assert not lost, f"{len(lost)} of {len(ledger.accepted)} acknowledged messages are gone: {lost[:5]}"
    for name in ledger.expunged:
        assert name not in found, f"{name} was expunged and is back"
    for name, body in ledger.accepted.items():
        if name not in found:
            continue
        assert len(found[name]) == 1, f"{name} is there {len(found[name])} times"
        folder, flagged, there = found[name][0]
        assert there == body, f"{name} is damaged"
        if name in ledger.flagged:
            assert flagged, f"the flag of {name} was acknowledged and is gone"
        if name in ledger.moved:
            assert folder == "Archive", f"{name} was moved and is back"
        elif name not in ledger.uncertain_move:
            assert folder == "INBOX", f"{name} was never moved"
        if flagged:
            assert name in ledger.flagged or name in ledger.uncertain_flag, f"{name} was never flagged"
    for name, copies in found.items():
        assert len(copies) == 1 and (name in ledger.accepted or name in ledger.under_way), name


def check_relayed(ledger, far):
    lost = [name for name in ledger.relayed if name not in far.taken]
    assert not lost, f"{len(lost)} of {len(ledger.relayed)} accepted messages never arrived: {lost[:5]}"
    for name, body in ledger.relayed.items():
        assert far.bodies[name] == body, f"{name} arrived damaged"
    for name, times in far.taken.items():
        assert name in ledger.relaying, f"{name} was never sent"
        cuts = far.interrupted.get(name, 0)
        assert times - 1 <= cuts, f"{name} arrived {times} times, {cuts} of them interrupted"


def test_nothing_acknowledged_is_lost(tmp_path):
    print(f"SEED={SEED} KILL_ROUNDS={ROUNDS}")
    generator = random.Random(SEED)
    ledger = Ledger()
    server = Server(tmp_path)
    with FarHost() as far:
        with server:
            pass
        settings = server.data / "heliograph.toml"
        settings.write_text(settings.read_text() + SETTINGS.format(port=far.port))
        for round_number in range(ROUNDS):
            server.start()
            server.command("store", "check")
            one_round(server, ledger, generator, round_number)

        server.start()
        check_mailboxes(server, ledger)
        until(lambda: all(channel["messages"] == 0 for channel in server.json("queue", "summarize")), "an empty queue", 120)
        check_relayed(ledger, far)
        assert len(ledger.accepted) > ROUNDS * 10 and len(ledger.relayed) > ROUNDS, "the load was a load"
        print(
            f"{len(ledger.accepted)} delivered, {len(ledger.relayed)} relayed, {len(ledger.flagged)} flagged, "
            f"{len(ledger.moved)} moved, {len(ledger.expunged)} expunged, {ledger.rewrites} rewrites; "
            f"{sum(times - 1 for times in far.taken.values())} came twice"
        )
        server.command("store", "check")
        server.stop()
        done = server.command("store", "check")
        assert done.returncode == 0
