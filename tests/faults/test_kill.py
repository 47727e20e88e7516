"""kill -9 at random moments under load: every acknowledged message and change is there, whole, and at most one message
more for each transaction that was interrupted. KILL_ROUNDS sets the number of rounds (3 in the ordinary run), SEED the
random numbers."""

import imaplib
import os
import random
import re
import smtplib
import threading
import time

from kit.mailbox import login
from kit.server import Server

ROUNDS = int(os.environ.get("KILL_ROUNDS", "3"))
SEED = int(os.environ.get("SEED", str(random.randrange(1 << 32))))
DELIVERERS = 64


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
            if generator.random() < 0.5:
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


def test_nothing_acknowledged_is_lost(tmp_path):
    print(f"SEED={SEED} KILL_ROUNDS={ROUNDS}")
    generator = random.Random(SEED)
    ledger = Ledger()
    server = Server(tmp_path)
    for round_number in range(ROUNDS):
        server.start()
        stop = threading.Event()
        threads = [
            threading.Thread(target=deliver, args=(server, server.port("smtp"), ledger, stop, number, round_number))
            for number in range(DELIVERERS)
        ]
        threads.append(threading.Thread(target=change, args=(server, ledger, stop, round_number)))
        for thread in threads:
            thread.start()
        time.sleep(generator.uniform(0.5, 3))  # the random moment, which is the subject
        server.kill()
        stop.set()
        for thread in threads:
            thread.join()

    server.start()
    found = picture(server)
    lost = [name for name in ledger.accepted if name not in found]
    assert not lost, f"{len(lost)} of {len(ledger.accepted)} acknowledged messages are gone: {lost[:5]}"
    for name, body in ledger.accepted.items():
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
    assert len(ledger.accepted) > ROUNDS * 10, "the load was a load"
    server.command("store", "check")
    server.stop()
    done = server.command("store", "check")
    assert done.returncode == 0
