"""kill -9 in the middle of deliveries through a script that sends on and answers: what was acknowledged is in the mailbox
once, was sent on and answered - once each, but for what was on the wire when a program was killed."""

import os
import random
import re
import smtplib
import threading
import time
from collections import Counter

from kit.mailbox import bodies
from kit.server import Server
from kit.sink import Sink
from kit.wait import until

ROUNDS = int(os.environ.get("KILL_ROUNDS", "3"))
SEED = int(os.environ.get("SEED", str(random.randrange(1 << 32))))
DELIVERERS = 16
SETTINGS = """
[[routes]]
domain = "far.test"
host = "127.0.0.1:{port}"

[queue]
retry = ["1s"]
"""
SCRIPT = """require ["copy", "fileinto", "mailbox", "vacation"];
redirect :copy "friend@far.test";
vacation :subject "away" "not there";
fileinto :create "Sorted";
"""


def deliver(server, port, name, accepted, under_way, stop):
    """Sends message after message, each from a sender of its own, until the server goes away."""
    count = 0
    try:
        client = smtplib.SMTP("127.0.0.1", port, timeout=20)
        client.ehlo("far.test")
        while not stop.is_set():
            one = f"{name}n{count}"
            count += 1
            under_way.add(one)
            header = f"Subject: {one}\r\nTo: {server.alice.address}\r\n"
            client.sendmail(f"{one}@far.test", [server.alice.address], f"{header}\r\n{one}\r\n".encode())
            accepted.add(one)
    except (OSError, smtplib.SMTPException):
        pass  # the kill


def test_each_effect_of_a_script_happens_once(tmp_path):
    print(f"SEED={SEED} KILL_ROUNDS={ROUNDS}")
    generator = random.Random(SEED)
    accepted, under_way = set(), set()
    server = Server(tmp_path)
    with Sink() as far:
        with server:
            server.command("sieve", "put", server.alice.address, "main", "-", "--activate", stdin=SCRIPT)
        settings = server.data / "heliograph.toml"
        settings.write_text(settings.read_text() + SETTINGS.format(port=far.port))
        for round_number in range(ROUNDS):
            server.start()
            stop = threading.Event()
            port = server.port("smtp")
            threads = [
                threading.Thread(target=deliver, args=(server, port, f"r{round_number}d{number}", accepted, under_way, stop))
                for number in range(DELIVERERS)
            ]
            for thread in threads:
                thread.start()
            time.sleep(generator.uniform(1, 3))  # the random moment, which is the subject
            server.kill()
            stop.set()
            for thread in threads:
                thread.join()
        server.start()
        until(lambda: all(one["messages"] == 0 for one in server.json("queue", "summarize")), "an empty queue", 180)
        filed = Counter(re.search(rb"Subject: (\S+)", body)[1].decode() for body in bodies(server, server.alice, "Sorted"))
        sent_on, answered = Counter(), Counter()
        for _, recipients, body in far.messages:
            if recipients == ["friend@far.test"]:
                sent_on[re.search(rb"Subject: (\S+)", body)[1].decode()] += 1
            else:
                answered.update(recipient.split("@")[0] for recipient in recipients)
        for what, found in {"filed": filed, "sent on": sent_on, "answered": answered}.items():
            lost = [one for one in accepted if one not in found]
            assert not lost, f"{len(lost)} of {len(accepted)} were not {what}: {lost[:5]}"
            strange = [one for one in found if one not in under_way]
            assert not strange, f"{what}, and never sent: {strange[:5]}"
        assert all(count == 1 for count in filed.values()), filed.most_common(5)
        # A message that another host has and whose reply did not come back is sent once more: at most one for each
        # connection that was open when the program was killed.
        doubled = sum(count - 1 for found in (sent_on, answered) for count in found.values())
        assert doubled <= ROUNDS * 64, f"{doubled} came twice"
        assert all(count <= 1 + ROUNDS for found in (sent_on, answered) for count in found.values())
        assert len(accepted) > ROUNDS * 5, "the load was a load"
        print(f"{len(accepted)} delivered, {sum(sent_on.values())} sent on, {sum(answered.values())} answered, {doubled} twice")
        assert bodies(server, server.alice) == []
        server.command("store", "check")
        server.stop()
