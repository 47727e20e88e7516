"""What the whole policy costs a delivery: this server with nothing to judge by and with everything but external filters.

    cargo build --release --bin heliograph --bin heliograph-bench -p heliograph -p heliograph-bench
    python3 bench/cost.py --binary target/release/heliograph --load target/release/heliograph-bench

With `--before BINARY` an older build without a policy is measured in the same run. Each line is measured on all of them one after the other, order
reversed each round; the figure is the median, the percentage what is left of the first subject's rate.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import compare

# A table in which every sender is looked up, as sites keep them.
SENDERS = "\n".join(f"  *|*|*|*|spammer{number}@bad{number}.test|*   $Nnot$ from$ you" for number in range(500))
MAPPINGS = f"""
INTERNAL_IP

  $(10.0.0.0/8)    $Y
  127.0.0.2        $Y

PORT_ACCESS

  *|*|*|*|*   $C$|INTERNAL_IP;$3|$YINTERNAL$E
  *|*|*|*|*   $C$[check_metermaid.so,throttle,clients,$3]$N421$ later$E
  *           $YEXTERNAL

FROM_ACCESS

{SENDERS}

ORIG_SEND_ACCESS

  *|*|*|nobody@*   $Nnobody$ is$ here

SEND_ACCESS

  tcp_local|*|ims-ms|secret@*   $Nnot$ from$ outside

ORIG_MAIL_ACCESS

  TCP|*|*|*|*|SMTP/*|MAIL|tcp_local|*@bad.test|*|*   $C$[check_metermaid.so,throttle,clients,$3]$X4.4.3|$Nlater$E

MAIL_ACCESS

  TCP|*|*|*|*|SMTP/evil.test*|*   $X5.7.1|$Nno
"""

SCRIPT = """require ["vnd.heliograph.system", "variables", "relational", "envelope", "body", "reject"];
if header :contains "Subject" ["lottery", "casino", "inheritance"] { spamadjust "3"; }
if allof (header :contains "X-Mailer" "The Bulk", size :over 100K) { spamadjust "2"; }
if anyof (envelope :domain "from" "bad.test", header :matches "List-Id" "*bad*") { reject "no"; }
if header :count "gt" "Received" ["40"] { hold; }
if body :contains "click here to unsubscribe from nothing" { spamadjust "1"; }
"""


def settings(folder):
    """Rules at every stage, tables, rates, checks of the sender, and a script of the administrator."""
    mappings, scripts = folder / "mappings", folder / "sieve/message"
    mappings.write_text(MAPPINGS)
    scripts.mkdir(parents=True)
    (scripts / "bench.sieve").write_text(SCRIPT)
    rules = [
        'host = ["*.dynamic.test"]\naction = "reject"',
        'hello = ["localhost", "*.local"]\nscore = 1',
        'sender = ["*@bad.test", "*@worse.test"]\naction = "reject"',
        'recipient = ["trap@*"]\naction = "discard"',
        'spf = ["fail"]\nscore = 5',
        'dmarc = ["fail"]\nscore = 5',
        'dkim = ["fail"]\nscore = 1',
        'larger_than = "40 MiB"\naction = "reject"',
        'score_from = 10\naction = "reject"',
        'addresses = ["192.0.2.0/24"]\naction = "reject"',
    ]
    text = f'\n[policy]\nmappings = "{mappings}"\n[sieve]\nfolder = "{folder / "sieve"}"\n'
    text += '[[meter.tables]]\nname = "clients"\nquota = 1000000000\nmax_entries = 100000\n'
    text += "".join(f"[[rules]]\n{rule}\n" for rule in rules)
    # Whoever connects is on this machine, and nobody is trusted for that.
    text += '[authentication]\ntrusted = []\n'
    # All other names are known not to be there, so that no name server is asked.
    names = ["test none", "*.test none", "elsewhere.test txt v=spf1 ip4:127.0.0.1 -all", "_dmarc.example.test txt v=DMARC1; p=none", "127.0.0.1 ptr localhost", "localhost a 127.0.0.1", "bench.test txt v=spf1 ip4:127.0.0.1 -all"]
    return text + f"[dns]\nstatic = [{', '.join(f'{chr(34)}{name}{chr(34)}' for name in names)}]\n"


class Server(compare.Heliograph):
    """With these settings beside those of the benchmark."""

    def __init__(self, name, binary, folder, text):
        super().__init__(binary, folder)
        self.name, self.text = name, text

    def __enter__(self):
        super().__enter__()
        self.stop()
        file = self.folder / "data/heliograph.toml"
        text = self.text(self.folder) if callable(self.text) else self.text
        file.write_text(file.read_text() + text)
        self.start()
        return self


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--load", required=True)
    parser.add_argument("--before")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    rates = {}
    with tempfile.TemporaryDirectory(prefix="cost-bench-") as folder:
        folder = Path(folder)
        # Made-up messages: no names are asked for that the settings do not tell.
        made_up = folder / "corpus"
        made_up.mkdir()
        subjects = [
            Server("no policy", arguments.binary, folder / "without", "\n[authentication]\ncheck = false\n"),
            Server("whole policy", arguments.binary, folder / "with", settings),
        ]
        if arguments.before:
            subjects.insert(0, Server("before", arguments.before, folder / "before", ""))
        for subject in subjects:
            subject.__enter__()
        for number in range(arguments.rounds):
            print(f"== round {number + 1}", file=sys.stderr, flush=True)
            for octets, messages in ((4096, 8000), (30720, 4000)):
                for connections in (1, 16):
                    for subject in subjects if number % 2 == 0 else subjects[::-1]:
                        count = messages if connections > 1 else messages // 4
                        command = ["deliver", "--protocol", "smtp", "--address", subject.address("smtp"), "--connections", connections]
                        command += ["--messages", count, "--octets", octets, "--recipients", ",".join(compare.USERS)]
                        report = compare.measure(arguments, command, made_up)
                        line = rates.setdefault(f"smtp delivery, {octets // 1024} KiB, {connections} connections", {})
                        line.setdefault(subject.name, []).append(report["rate"])
        for subject in subjects:
            subject.__exit__(None, None, None)
    names = [subject.name for subject in subjects]
    print(f"| operation | {' | '.join(names)} |\n|---|{'---|' * len(names)}")
    for line, found in rates.items():
        middle = {name: statistics.median(found[name]) for name in names}
        cells = [f"{middle[name]:,.0f}/s ({middle[name] / middle[names[0]]:.0%})" for name in names]
        print(f"| {line} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
