"""What the server depends on while it takes a message, each with its settings, the documented answer when it is away, and
where operators see that."""

import signal
from pathlib import Path

from kit.apart import Apart
from kit.mailbox import bodies
from kit.nodes import SECRET, free_port, listener, log_of, metric, node, pause, resume
from kit.raw import Raw
from kit.wait import until

# Mail from these addresses to Alice concerns the dependency; mail to Bob never does.
CONCERNED = "judged@far.test"
BYSTANDER = "y@near.test"


class Dependency:
    """One that is a process of the test's own; others say what differs."""

    kind = None
    breaks_at = "data"  # the command in the middle of which it breaks
    answer = "250 "
    patience_max = 100  # seconds that it can be waited for, whatever is asked for here
    bound = 30  # seconds after which the answer is due at the latest, with the short times of these settings

    def __init__(self, folder, patience):
        self.folder, self.patience = Path(folder), min(patience, self.patience_max)
        self.folder.mkdir(parents=True)
        self.port = free_port()
        self.process = Apart(self.kind, self.place(), self.folder / "mood")

    def place(self):
        return self.port

    def __enter__(self):
        self.process.__enter__()
        return self

    def __exit__(self, *_):
        self.process.__exit__()

    def settings(self):
        raise NotImplementedError

    def breaks(self, how):
        """From the next question on it is dead or stands still."""
        self.process.mood(how)

    def broke(self):
        self.process.happened()

    def hangs(self):
        """Whether it stands still with messages in the middle."""
        self.process.happened()
        return True

    def left_behind(self):
        """What it started and nobody has ended."""
        return []

    def mend(self):
        self.process.mend()

    def is_well(self, server):
        """Whether what it says counts again, after a message that it was asked about."""
        raise NotImplementedError

    def is_told(self, server):
        """The metric and the line in the log that name it."""
        raise NotImplementedError


def logged(server, *words):
    return any(all(word in line for word in words) for line in log_of(server).splitlines())


def session(server, source=None):
    client = Raw(server.port("smtp"), source, seconds=150)
    assert client.reply().startswith("220")
    assert client.ask("EHLO far.test").startswith("250")
    return client


def refusal(server, sender):
    """The reply to the first command that is refused, or to RCPT for Alice."""
    with session(server) as client:
        mail = client.ask(f"MAIL FROM:<{sender}>")
        return client.ask(f"RCPT TO:<{server.alice.address}>") if mail.startswith("250") else mail


class Filter(Dependency):
    answer = "451 4.7.1 "
    bound = 4

    def settings(self):
        return f"""
[[filters]]
name = "judge"
protocol = "{self.kind}"
hosts = ["127.0.0.1:{self.port}"]
connect_timeout = "{self.patience}s"
step_timeout = "{self.patience}s"
total_timeout = "{2 * self.patience}s"
on_failure = "defer"
recipients = ["alice@example.test"]
"""

    def is_well(self, server):
        return metric(server, "heliograph_filter_up", filter="judge") == 1

    def is_told(self, server):
        is_down = metric(server, "heliograph_filter_up", filter="judge") == 0
        counted = metric(server, "heliograph_filter_failures_total", filter="judge") >= 1
        return is_down and counted and logged(server, "WARN", "judge", f"127.0.0.1:{self.port}", "the filter gave no answer")


def filter_of(protocol):
    return type(protocol.capitalize(), (Filter,), {"kind": protocol})


class Callout(Dependency):
    """A look-up of a mapping table; it fails open."""

    breaks_at = "rcpt"
    bound = 2
    lookup = None

    def settings(self):
        return f"""
[policy]
mappings = "{self.folder}/mappings"
lookup_timeout = "{self.patience}s"
"""

    def __enter__(self):
        # Who is called `bad` is refused while it answers.
        table = f"SEND_ACCESS\n\n  *|*@far.test|*|alice@*  $[{self.routine()}]$E\n"
        (self.folder / "mappings").write_text(table)
        return super().__enter__()

    def is_well(self, server):
        return refusal(server, "bad@far.test").startswith("550 5.7.1 the ")

    def is_told(self, server):
        counted = metric(server, "heliograph_policy_lookups_total", kind=self.lookup, result="failed") >= 1
        return counted and logged(server, "WARN", "a look-up of the policy failed", self.name())


class Page(Callout):
    kind, lookup = "page", "http"

    def routine(self):
        return f"http,get,http://127.0.0.1:{self.port}/?sender=$1"

    def name(self):
        return f"127.0.0.1:{self.port}"


class Socket(Callout):
    kind, lookup = "lines", "socket"

    def place(self):
        return self.folder / "lines.sock"

    def routine(self):
        return f"socket,{self.place()},$1"

    def name(self):
        return str(self.place())


class Script:
    """A shell script in the place of a process: what it does when it is asked stands in a file."""

    def __init__(self, path, work):
        self.file, self.pids = path.with_suffix(".mood"), path.with_suffix(".pids")
        self.mood("well")
        path.write_text(
            f"#!/bin/sh\ncase $(cat {self.file}) in\n"
            f"kill) echo $$ >> {self.pids}; kill -9 $$;;\n"
            f"hang) sleep 600 & echo $! $$ >> {self.pids}; wait;;\nesac\n{work}\n"
        )
        path.chmod(0o755)

    def mood(self, word):
        self.file.write_text(word)

    def happened(self):
        until(self.pids.exists, "the command to be run", 60)

    def running(self):
        """The processes that it started and that still live."""
        return [pid for pid in self.pids.read_text().split() if is_running(pid)]

    def mend(self):
        self.mood("well")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except OSError:
        return False


class Command(Callout):
    lookup = "command"

    def __init__(self, folder, patience):
        self.folder, self.patience = Path(folder), min(patience, self.patience_max)
        self.folder.mkdir(parents=True)
        work = 'read -r sender; case "$sender" in bad*) echo "\\$Nthe command says no"; exit 0;; esac; exit 1'
        self.process = Script(self.folder / "check", work)

    def settings(self):
        return super().settings() + f'[[policy.commands]]\nname = "check"\nprogram = "{self.folder}/check"\n'

    def left_behind(self):
        return self.process.running()

    def routine(self):
        return "command,check,$1"

    def name(self):
        return "check"


class Conversion(Dependency):
    """The command of a conversion: mail for it waits in the queue, where nobody sees it fail but operators."""

    bound = 10

    def __init__(self, folder, patience):
        self.folder, self.patience = Path(folder), min(patience, self.patience_max)
        self.folder.mkdir(parents=True)
        self.process = Script(self.folder / "convert", 'sed "s/half/whole/" < $INPUT_FILE > $OUTPUT_FILE')
        (self.folder / "conversions").write_text(
            f'in-chan=smtp; in-type=text; in-subject=judged*; command="{self.folder}/convert"\n'
        )

    def settings(self):
        return f"""
[conversion]
file = "{self.folder}/conversions"
channels = ["smtp>local"]
timeout = "{self.patience}s"
[channels.conversion]
retry = ["1s"]
"""

    def left_behind(self):
        return self.process.running()

    def is_well(self, server):
        if any(channel["messages"] > 0 for channel in server.json("queue", "summarize")):
            return False
        return all(b"the first whole" in message for message in bodies(server, server.alice))

    def is_told(self, server):
        counted = metric(server, "heliograph_conversions_total", outcome="failed") >= 1
        return counted and logged(server, "WARN", "a conversion failed; the message is kept", "line=1")


class Meter(Dependency):
    """The meter of another node, asked about the whole message; it fails open."""

    patience_max = 60
    bound = 3

    def __init__(self, folder, patience):
        self.folder, self.patience = Path(folder), min(patience, self.patience_max)
        self.port = free_port()
        tables = '[[meter.tables]]\nname = "senders"\nquota = 1000\nquota_time = "1h"\n'
        self.node = node(self.folder / "meter", f'{tables}[meter]\nsecret = "{SECRET}"\n{listener("meter", self.port)}', roles="meter")
        self.how = None

    def __enter__(self):
        self.node.start()
        return self

    def __exit__(self, *_):
        if self.node.process is not None:
            self.node.process.kill()
        self.node.__exit__()

    def settings(self):
        return f"""
[meter]
secret = "{SECRET}"
servers = ["127.0.0.1:{self.port}"]
connect_wait = "1s"
read_wait = "{self.patience}s"
connect_frequency = "1s"
[policy]
lookup_timeout = "{2 * self.patience}s"
[[rules]]
stage = "message"
recipient = ["alice@*"]
sender = ["*@far.test"]
meter = "senders"
meter_key = "{{sender}}"
action = "reject"
"""

    def breaks(self, how):
        self.how = how
        if how == "kill":
            self.node.process.send_signal(signal.SIGKILL)
            self.node.process.wait(timeout=30)
        else:
            pause(self.node)

    def broke(self):
        assert self.how is not None

    def hangs(self):
        return True

    def mend(self):
        if self.how == "kill":
            self.node.__exit__()
            self.node.start()
        else:
            resume(self.node)

    def is_well(self, server):
        return metric(server, "heliograph_meter_client_connected") == 1

    def is_told(self, server):
        names = ["heliograph_meter_client_failures_total", "heliograph_meter_client_unavailable_total"]
        counted = all(metric(server, name) >= 1 for name in names)
        is_away = metric(server, "heliograph_meter_client_connected") == 0
        return counted and is_away and logged(server, "WARN", "the meter cannot be asked", f"127.0.0.1:{self.port}")


class NameService(Dependency):
    """Asked for SPF and DMARC, and for a list of a rule: mail is taken, and it is written down what was not found out."""

    kind = "names"
    patience_max = 20
    bound = 45

    def settings(self):
        return f"""
[dns]
servers = ["127.0.0.1:{self.port}"]
timeout = "{self.patience}s"
attempts = 1
[authentication]
trusted = []
[policy]
lookup_timeout = "{2 * self.patience}s"
[[rules]]
stage = "message"
sender = ["*@far.test"]
dns_lists = ["list.test"]
action = "reject"
"""

    def is_well(self, server):
        last = bodies(server, server.alice)[-1]
        return b"spf=none" in last and b"temperror" not in last

    def is_told(self, server):
        counted = metric(server, "heliograph_dns_questions_total", outcome="failed") >= 1
        return counted and logged(server, "WARN", "the name service gave no answer", f"127.0.0.1:{self.port}")


class Lists(Dependency):
    """The name service as the greylister asks it; lists that are away make nobody suspicious."""

    kind = "names"
    patience_max = 60
    breaks_at = "rcpt"
    bound = 2

    def settings(self):
        return f"""
[dns]
servers = ["127.0.0.1:{self.port}"]
timeout = "{self.patience}s"
attempts = 1
[greylist]
enabled = true
exempt_networks = []
exempt_recipients = ["bob@example.test"]
dnsbl = ["list.test"]
query_timelimit = "{self.patience}s"
"""

    def is_well(self, server):
        return metric(server, "heliograph_greylist_lookups_total", answer="absent") >= 1

    def is_told(self, server):
        failed = metric(server, "heliograph_greylist_lookups_total", answer="failed") >= 1
        return failed and logged(server, "a list gave no answer", "list.test")


FILTERS = [filter_of(protocol) for protocol in ("milter", "clamd", "rspamd", "spamd", "icap")]
ALL = [*FILTERS, Meter, NameService, Lists, Command, Page, Socket, Conversion]
