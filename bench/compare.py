"""Drives the load generator against this server and its peers in turn, and prints one table with ratios.

Every line of the table is measured on all subjects one after the other, several rounds, order reversed each round; the
figure is the median. Only the ratios mean something on another machine.
"""

import argparse
import json
import os
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import peers

# Postfix acknowledges what is in its queue; this server what is in the mailbox.
DELIVERY = "smtp delivery"
USERS = [f"user{number}@example.test" for number in range(16)]


class Heliograph:
    """This server, on the ready-made loopback configuration with the benchmark's accounts added."""

    name = "heliograph"

    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder

    def __enter__(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        # The first start writes the settings; one address makes all the load, so its limit is lifted.
        self.start()
        self.set("queue.smart_host", f'"{peers.SINK}"')
        self.set("queue.tls", '"never"')
        for number in range(len(self.ports)):
            self.set(f"listeners[{number}].connections_per_address", "20000")
        self.stop()
        self.start()
        for user in USERS:
            subprocess.run(
                [self.binary, "--data", self.folder / "data", "account", "add", user, "--password-stdin"],
                input=peers.PASSWORD + "\n", text=True, check=True, stdout=subprocess.DEVNULL,
            )
        return self

    def set(self, key, value):
        command = [self.binary, "--data", self.folder / "data", "config", "set", key, value]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def start(self):
        self.process = subprocess.Popen(
            [self.binary, "demo", "--data", self.folder / "data", "--any-port"],
            stdout=subprocess.PIPE, stderr=open(self.folder / "log", "ab"), env={**os.environ, "NO_COLOR": "1"},
        )
        self.ports = {}
        deadline, text = time.monotonic() + 60, b""
        while b"\nready\n" not in text:
            readable, _, _ = select.select([self.process.stdout], [], [], max(deadline - time.monotonic(), 0))
            chunk = os.read(self.process.stdout.fileno(), 65536) if readable else b""
            if not chunk:
                raise SystemExit(f"the server did not become ready: see {self.folder}/log")
            text += chunk
        for line in text.decode().splitlines():
            words = line.split()
            if words[:1] == ["listening"] and not words[2].startswith("unix:"):
                self.ports.setdefault(words[1], int(words[2].rsplit(":", 1)[1]))

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=60)

    def __exit__(self, *_):
        self.stop()

    def address(self, protocol):
        return f"127.0.0.1:{self.ports[protocol]}"

    def settle(self):
        """What was acknowledged is where it belongs already."""

    def relaying(self):
        return ["--address", self.address("submission"), "--user", USERS[0], "--password", peers.PASSWORD, "--sender", USERS[0]]

    processes = ["heliograph"]


class Peer:
    """Postfix in front of dovecot."""

    name = "postfix+dovecot"
    ports = {"smtp": peers.SMTP, "lmtp": peers.LMTP, "imap": peers.IMAP, "imaps": peers.IMAPS, "pop3": peers.POP3}
    processes = ["dovecot", "imap-login", "imap", "anvil", "auth", "stats", "config", "log"]

    def __init__(self, folder):
        self.spool = folder / "spool"

    def settle(self):
        """Waits until postfix has handed everything on: it acknowledges what is in its queue, and would go on delivering
        while the next one is measured."""
        deadline = time.monotonic() + 120
        while any(file.is_file() for name in ("maildrop", "incoming", "active", "deferred") for file in (self.spool / name).rglob("*")):
            if time.monotonic() > deadline:
                raise SystemExit("postfix does not empty its queue")
            time.sleep(0.02)

    def relaying(self):
        return ["--address", self.address("smtp")]

    def address(self, protocol):
        return f"127.0.0.1:{self.ports[protocol]}"


def login(subject, *arguments, tls=False):
    protocol = "imaps" if tls else "imap"
    extra = ["--tls", "implicit"] if tls else []
    return ["--address", subject.address(protocol), *extra, "--user", USERS[0], "--password", peers.PASSWORD, *arguments]


def operations(quick):
    """(title, function from subject to the load generator's arguments)."""
    scale = 1 if quick else 4
    rows = []
    for protocol in ("smtp", "lmtp"):
        for octets, label, base in ((4096, "4 KiB", 500), (30720, "30 KiB", 300), (1 << 20, "1 MiB", 40)):
            for connections in (1, 16, 64):
                count = max(base * scale // (4 if connections == 1 else 1), connections)
                rows.append((
                    f"{protocol} delivery, {label}, {connections} connections",
                    lambda s, p=protocol, o=octets, c=connections, n=count: [
                        "deliver", "--protocol", p, "--address", s.address(p), "--connections", str(c), "--messages", str(n),
                        "--octets", str(o), "--recipients", ",".join(USERS),
                    ],
                ))

    for octets, label, count in ((4096, "4 KiB", 500), (30720, "30 KiB", 200)):
        rows.append((
            f"relay to a sink, {label}, 16 connections",
            lambda s, o=octets, n=count * scale: ["relay", "--octets", str(o), "--messages", str(n), *s.relaying()],
        ))

    def imap(title, operation, count, mailbox="k1", connections=1, corpus=True):
        rows.append((title, lambda s: ["imap", *login(s, "--operation", operation, "--count", str(count), "--mailbox", mailbox, "--connections", str(connections))]))

    imap("imap login", "login", 100 * scale)
    imap("imap fill 1,000 (append 4 KiB)", "fill", 1000)
    imap("imap select, 1,000 messages", "select", 200 * scale)
    imap("imap fetch flags, 1,000 messages", "fetch-flags", 50 * scale)
    imap("imap fetch envelopes, 1,000 messages", "fetch-envelopes", 20 * scale)
    imap("imap fetch bodies, one by one", "fetch-bodies", 500)
    imap("imap store, one by one", "store", 500)
    imap("imap store 1:*, 1,000 messages", "store-all", 10 * scale)
    imap("imap search body, 1,000 messages", "search-body", 5 * scale)
    imap("imap search header, 1,000 messages", "search-header", 10 * scale)
    imap("imap append, 16 connections", "append", 50 * scale, connections=16)
    imap("imap copy, one by one", "copy", 300)
    imap("imap move, one by one", "move", 200)
    imap("imap expunge, one by one", "expunge", 200)
    rows.append(("pop3 retr", lambda s: ["pop3", "--address", s.address("pop3"), "--user", USERS[0], "--password", peers.PASSWORD, "--messages", "300"]))
    return rows


def large(count):
    """A mailbox of 100,000 messages: filled once, then opened and listed."""
    return [
        (f"imap fill {count:,} (append 1 KiB)", lambda s: ["imap", *login(s, "--operation", "fill", "--count", str(count // 8), "--mailbox", "k100", "--octets", "1024", "--connections", "8")]),
        (f"imap select, {count:,} messages", lambda s: ["imap", *login(s, "--operation", "select", "--count", "200", "--mailbox", "k100")]),
        (f"imap fetch flags, {count:,} messages", lambda s: ["imap", *login(s, "--operation", "fetch-flags", "--count", "3", "--mailbox", "k100")]),
    ]


def measure(arguments, command, corpus):
    if command[0] in ("deliver", "imap", "relay"):
        command = [*command, "--corpus", corpus]
    done = subprocess.run([arguments.load, *map(str, command)], capture_output=True, text=True)
    if done.returncode != 0:
        print(f"   failed: {' '.join(map(str, command))}\n{done.stderr}", file=sys.stderr)
        return None
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--load", required=True)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--large", type=int, default=0, help="also a mailbox of so many messages")
    parser.add_argument("--idle", type=int, default=0, help="also so many idle TLS sessions")
    parser.add_argument("--only", help="only lines whose title holds this")
    parser.add_argument("--json", type=Path, help="write every figure here")
    arguments = parser.parse_args()

    folder = Path(tempfile.mkdtemp(prefix="heliograph-bench-"))
    folder.chmod(0o755)
    figures = {}
    with Heliograph(arguments.binary, folder / "heliograph") as ours:
        subjects = [ours]
        context = None
        if arguments.peers:
            peers.install()
            certificate, key = folder / "certificate.pem", folder / "key.pem"
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                 "-subj", "/CN=localhost", "-keyout", key, "-out", certificate], check=True, capture_output=True,
            )
            context = peers.Peers(folder / "peers", USERS, certificate, key)
            context.__enter__()
            subjects.append(Peer(folder / "peers"))
        try:
            rows = operations(arguments.quick) + (large(arguments.large) if arguments.large else [])
            for title, command in rows:
                if arguments.only and arguments.only not in title:
                    continue
                once = "fill" in title
                for number in range(1 if once else arguments.rounds):
                    for subject in subjects if number % 2 == 0 else reversed(subjects):
                        report = measure(arguments, command(subject), arguments.corpus)
                        ended = time.monotonic()
                        subject.settle()
                        if report is not None:
                            figures.setdefault(title, {}).setdefault(subject.name, []).append(report)
                            if title.startswith(DELIVERY):
                                whole = until_filed(report, time.monotonic() - ended)
                                figures.setdefault(filed(title), {}).setdefault(subject.name, []).append(whole)
                line(title, figures.get(title, {}), subjects)
                if title.startswith(DELIVERY):
                    line(filed(title), figures.get(filed(title), {}), subjects)
            if arguments.idle:
                idle(arguments, subjects)
        finally:
            if context is not None:
                context.__exit__()
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))
    shutil.rmtree(folder, ignore_errors=True)


def filed(title):
    return title.replace("delivery", "delivery until all is in the mailboxes", 1)


def until_filed(report, seconds_more):
    """The same run, measured until the queue behind the acknowledgements was empty."""
    seconds = report["seconds"] + seconds_more
    return {**report, "seconds": seconds, "rate": report["count"] / seconds, "p99_ms": None}


def median(reports, field):
    values = [report[field] for report in reports if report[field] is not None]
    return statistics.median(values) if values else None


def line(title, by_subject, subjects):
    rates = [median(by_subject.get(subject.name, []), "rate") for subject in subjects]
    tails = [median(by_subject.get(subject.name, []), "p99_ms") for subject in subjects]
    cells = [cell(rate, tail) for rate, tail in zip(rates, tails)]
    ratio = f"{rates[0] / rates[1]:.2f}" if len(rates) > 1 and rates[0] and rates[1] else "-"
    print(f"| {title} | {' | '.join(cells)} | {ratio} |", flush=True)


def cell(rate, tail):
    if not rate:
        return "failed"
    return f"{rate:,.0f}/s" + (f" (p99 {tail:.1f} ms)" if tail is not None else "")


def idle(arguments, subjects):
    for subject in subjects:
        report = measure(
            arguments,
            ["idle", *login(subject, "--connections", str(arguments.idle), "--processes", ",".join(subject.processes), tls=True)],
            arguments.corpus,
        )
        if report:
            total = report["memory_with_sessions_kib"] / 1024
            print(f"| idle TLS IMAP sessions: {arguments.idle:,} on {subject.name} | {total:.0f} MiB in all | {report['kib_per_session']:.1f} KiB each | |")


if __name__ == "__main__":
    main()
