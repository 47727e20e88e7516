"""This server's greylister beside Debian's gross and postgrey, over Postfix's policy protocol, in one interleaved run.

    cargo build --release --bin heliograph --bin heliograph-bench -p heliograph -p heliograph-bench
    python3 bench/greylist.py --binary target/release/heliograph --load target/release/heliograph-bench

Must run as root: gross asks the name servers of the machine only, so it gets a file of its own in their place. Every line is measured
on all subjects one after the other, order reversed each round; the figure is the median. postgrey asks no lists.
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from kit.names import Names  # noqa: E402

import peers  # noqa: E402

PACKAGES = {"/usr/sbin/grossd": "gross", "/usr/sbin/postgrey": "postgrey"}
# Where the machine's own resolvers listen, the name server of this run does, too.
NAME_SERVER = "127.0.0.77"
LIST = "bl.bench.test"


def install():
    missing = [package for program, package in PACKAGES.items() if not Path(program).exists()]
    if missing:
        peers.install_packages(missing)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def resident(process):
    """KiB in memory, of the process and its children."""
    pids = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    total = 0
    for pid in [str(process.pid), *pids]:
        try:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        except FileNotFoundError:
            continue
        total += next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)
    return total


class Subject:
    """A program under test: started afresh for each measurement, so that none finds what another left."""

    def __init__(self, folder, with_list):
        self.folder, self.with_list, self.port = Path(folder), with_list, free_port()

    def __enter__(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.folder.chmod(0o777)
        log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen(self.command(), stdout=log, stderr=log)
        peers.wait_for_port(self.port)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=60)


class Heliograph(Subject):
    name = "heliograph"
    binary = None

    def command(self):
        lists = f'dnsbl = ["{LIST}"]' if self.with_list else ""
        (self.folder / "heliograph.toml").write_text(
            f"""
[server]
host = "bench.test"
data = "{self.folder}"
roles = ["greylist"]
[[listeners]]
protocol = "policy"
address = "127.0.0.1:{self.port}"
answers_from = "greylist"
connections_per_address = 20000
[dns]
servers = ["{NAME_SERVER}:53"]
[greylist]
{lists}
"""
        )
        return [self.binary, "--config", self.folder / "heliograph.toml", "serve"]


class Gross(Subject):
    name = "gross"

    def command(self):
        check = f"check = dnsbl\ndnsbl = {LIST}\n" if self.with_list else ""
        (self.folder / "grossd.conf").write_text(
            f"host = 127.0.0.1\nport = {self.port}\nsync_port = {free_port()}\nprotocol = postfix\n"
            f"grey_delay = 180\nfilter_bits = 24\npool_maxthreads = 100\n{check}"
        )
        (self.folder / "resolv.conf").write_text(f"nameserver {NAME_SERVER}\n")
        script = 'mount --bind "$1" /etc/resolv.conf && exec /usr/sbin/grossd -d -f "$2"'
        files = [self.folder / "resolv.conf", self.folder / "grossd.conf"]
        return ["unshare", "-m", "sh", "-c", script, "sh", *files]


class Postgrey(Subject):
    name = "postgrey"

    def command(self):
        database = self.folder / "db"
        database.mkdir()
        shutil.chown(database, "postgrey", "postgrey")
        return [
            "/usr/sbin/postgrey", f"--inet=127.0.0.1:{self.port}", f"--dbdir={database}", "--delay=180",
            f"--pidfile={self.folder}/pid",
        ]


def ask(load, subject, **options):
    arguments = [argument for name, value in options.items() for argument in (f"--{name}", str(value))]
    command = [load, "policy", "--address", f"127.0.0.1:{subject.port}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise SystemExit(f"{subject.name}: {done.stderr}")
    return json.loads(done.stdout)


def measure(kinds, work, folder, load, quick):
    """{line: {subject: figure}} of one round."""
    found = {}
    for kind in kinds:
        with kind(folder / kind.name, with_list=False) as subject:
            count = 4_000 if quick else 20_000
            for connections in (1, 16):
                # Each connection count has deliveries of its own: all are new, then all are asked again.
                first = 10_000_000 * connections
                new = ask(load, subject, connections=connections, count=count, **{"from": first})
                again = ask(load, subject, connections=connections, count=count, **{"from": first})
                found.setdefault(f"new deliveries, {connections} connections", {})[kind.name] = new
                found.setdefault(f"known deliveries, {connections} connections", {})[kind.name] = again
            if work == "all":
                ask(load, subject, connections=16, count=100_000, **{"from": 2_000_000_000})
                found.setdefault("memory after 100,000 deliveries", {})[kind.name] = resident(subject.process)
    for kind in [kind for kind in kinds if kind is not Postgrey]:
        for connections in (16, 200):
            with Names(delay=1.0, address=(NAME_SERVER, 53)), kind(folder / kind.name, with_list=True) as subject:
                line = f"lists that take 1 s, {connections} connections"
                count = connections * (2 if quick else 4)
                found.setdefault(line, {})[kind.name] = ask(load, subject, connections=connections, count=count)
    return found


def cell(figures):
    if not figures:
        return "asks no lists"
    if isinstance(figures[0], int):
        return f"{statistics.median(figures) / 1024:.1f} MiB"
    rate = statistics.median(figure["rate"] for figure in figures)
    p50 = statistics.median(figure["p50_ms"] for figure in figures)
    p99 = statistics.median(figure["p99_ms"] for figure in figures)
    return f"{rate:,.0f}/s (p50 {p50:.2f} ms, p99 {p99:.2f} ms)"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--load", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("must run as root: see the beginning of this file")
    install()
    Heliograph.binary = arguments.binary
    kinds, rows = [Heliograph, Gross, Postgrey], {}
    with tempfile.TemporaryDirectory(prefix="greylist-bench-") as folder:
        Path(folder).chmod(0o755)
        for number in range(arguments.rounds):
            order = kinds if number % 2 == 0 else kinds[::-1]
            print(f"== round {number + 1}", file=sys.stderr, flush=True)
            for line, figures in measure(order, "all", Path(folder), arguments.load, arguments.quick).items():
                for name, figure in figures.items():
                    rows.setdefault(line, {}).setdefault(name, []).append(figure)
    print("| policy requests | heliograph | gross | postgrey |\n|---|---|---|---|")
    for line, figures in rows.items():
        print(f"| {line} | {' | '.join(cell(figures.get(kind.name)) for kind in kinds)} |")


if __name__ == "__main__":
    main()
