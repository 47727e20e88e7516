"""What `heliograph explain` says is what happens: policies with scripts, and deliveries thrown by dice, each explained and then done."""

import base64
import random
import re

import pytest

from kit.mailbox import bodies
from kit.policy import prepare
from kit.raw import Raw
from kit.wait import until

DELIVERIES = 30
SOURCES = [f"127.0.0.{number}" for number in range(4, 9)]
LISTED = "127.0.0.6"
HELLOS = ["client.far.test", "x.dyn.test"]
SENDERS = ["", "a@far.test", "bad@far.test", "x@spam.test"]
BOTH, TURNED = "both@example.test", "turned@far.test"
SUBJECTS = ["plain", "hold", "drop", "turn", "lottery"]

# Templates of access tables, each with what it needs to have been taken by wildcards left out: they fit every table.
SAYS = [
    "$Nnot$ here", "$X4.4.3|$Nlater", "$Y", "$Tseen", "$AX-Table:$ seen", "$,3", "$,-2", "$D-3", "$D4",
    "$H", "$B", "$V", f"$J{TURNED}", "$J", "$Jno$ address", "$Kclerk@example.test", "$S1,1", "$S100,3,2", "$I$0|staff",
]  # fmt: skip
AT_CONNECTION = ["$N554$ go$ away", "$N421$ later", "$Y", "$D-3", "$S1,1$Y", "$Tknown$Y", "$AX-Port:$ seen$Y", "$H"]
COUNTED = {
    "PORT_ACCESS": ["$C$:A$[meter,throttle,hosts,{source}]$N421$ slower$E", "$[conn_throttle.so,throttle,{source},2]$N421$ slow"],
    "FROM_ACCESS": ["$[meter,throttle,names,$1]$Nslower", "$[meter,adjust_and_test,numbers,$1,+1,>3]$X4.7.1|$Ntoo$ often"],
}
GREY = "TCP|*|*|*|*|*|MAIL|*|*|*|*  $[greylist,$2,$8,$6,client.test]"
CONDITIONS = {
    "addresses": SOURCES,
    "hello": ["*.dyn.test", "!x.dyn.test"],
    "sender": ["<>", "*@spam.test", "bad@*", "!a@*"],
    "recipient": ["alice@*", "bob@*", "both@*", "!bob@*"],
    "destination": ["ims-ms"],
    "tagged": ["seen", "known"],
    "header": ["Subject: hold*", "Subject: drop*", "Subject: turn*", "Subject: lottery*"],
    "spf": ["fail", "none"],
    "dns_lists": ["bl.test"],
}
STAGES = {
    "connect": {"addresses", "dns_lists"},
    "hello": {"hello", "addresses"},
    "mail": {"sender", "addresses", "hello", "tagged"},
    "rcpt": {"recipient", "destination", "sender"},
    "expanded": {"recipient", "destination"},
    "data": {"sender", "addresses"},
    "message": set(CONDITIONS),
}


def settings(dice):
    """Rules, tables of the meter and the greylister."""
    rules = "\n".join(rule(dice, number) for number in range(12))
    tables = "".join(f'[[meter.tables]]\nname = "{name}"\nquota = 2\nquota_time = "1d"\n' for name in ("hosts", "names"))
    return f"""
{rules}
{tables}
[[meter.tables]]
name = "numbers"
type = "simple"
[greylist]
enabled = {"true" if dice.random() < 0.7 else "false"}
exempt_networks = []
dnsbl = ["bl.test"]
[dns]
static = ["6.0.0.127.bl.test a 127.0.0.2", "*.bl.test none", "else.test a 127.0.0.250"]
"""


def rule(dice, number):
    stage = dice.choice(list(STAGES))
    effect = dice.choice(EFFECTS[stage != "connect"])
    is_refusal = "reject" in effect or "defer" in effect
    names = dice.sample(sorted(STAGES[stage]), 2 if is_refusal else dice.choice([1, 1, 2]))
    lines = [f'[[rules]]\nname = "r{number}"\nstage = "{stage}"']
    lines += [f'{name} = ["{dice.choice(CONDITIONS[name])}"]' for name in names]
    if stage == "message" and dice.random() < 0.3:
        lines.append(dice.choice(["score_from = 4", 'larger_than = "2 KiB"']))
    if stage == "mail" and dice.random() < 0.3:
        lines.append('meter = "names"\nmeter_key = "{client} ' + f'{number}"')
    lines.append(effect)
    return "\n".join(lines)


EFFECTS = {
    False: ['action = "reject"', "score = 2", 'add_tags = ["known"]', "delay = \"30ms\"", 'action = "hold"'],
    True: [
        'action = "reject"\ntext = "ruled out"', 'action = "defer"\nstatus = "4.7.5"', 'action = "hold"', 'action = "discard"',
        'action = "redirect"\nto = "alice@example.test"', 'add_headers = ["X-Rule: seen"]', 'add_tags = ["seen"]',
        "score = 3", 'delay = "30ms"', 'add_headers = ["X-Other: told"]\nscore = 1',
    ],
}  # fmt: skip


def mappings(dice):
    """Each access table with a few entries."""
    made = []
    for table, probe, subjects in (
        ("PORT_ACCESS", "TCP|*|*|{}|*", SOURCES),
        ("FROM_ACCESS", "*|{}|*", ["bad@*", "*@spam.test", "*"]),
        ("ORIG_SEND_ACCESS", "*|*|*|{}", ["alice@*", "both@*"]),
        ("SEND_ACCESS", "*|a@*|*|{}", ["alice@*", "bob@*", "*"]),
        ("MAIL_ACCESS", "*|*|*|{}", ["bob@*", "*"]),
    ):
        said = AT_CONNECTION if table == "PORT_ACCESS" else SAYS
        templates = dice.sample(said, 3) + COUNTED.get(table, [])
        entries = []
        for template in dice.sample(templates, dice.randint(0, 3)):
            # Who refuses everybody leaves nothing to see.
            is_refusal = "$N" in template and "[" not in template
            subject = dice.choice([each for each in subjects if each != "*"] if is_refusal else subjects)
            entries.append(f"  {probe.format(subject)}  {template.replace('{source}', subject)}")
        if table == "MAIL_ACCESS" and dice.random() < 0.5:
            entries.insert(0, f"  {GREY}")
        if entries:
            made.append("\n".join([table, "", *entries, ""]))
    return "\n".join(made)


# Scripts of the stages: whom one is about, by folder, and what it does.
ABOUT = {
    "connect": [f'environment "remote-ip" "{source}"' for source in SOURCES],
    "hello": ['environment :matches "vnd.heliograph.helo" "*.dyn.test"', 'environment "remote-ip" "127.0.0.5"'],
    "sender": ['envelope :domain "from" "spam.test"', 'envelope "from" ""', 'not environment "vnd.heliograph.auth" ""'],
    "recipient": ['envelope :localpart "to" "alice"', 'envelope :localpart "to" ["both", "bob"]'],
    "data": ['envelope "from" "bad@far.test"', 'environment "vnd.heliograph.tls" "yes"', 'environment "remote-ip" "127.0.0.8"'],
}
DOES = [
    'reject "scripted";', "discard;", 'hold "wait";', 'redirect "alice@example.test";', 'addheader "X-Script" "seen";',
    'addheader "X-Other" "told"; hold "wait";', 'include :global "missing";', "keep;",
]  # fmt: skip
REQUIRES = ["envelope", "environment", "reject", "editheader", "include", "vnd.heliograph.system"]


def scripts(dice):
    """Administrators' scripts for some of the stages, by their names."""
    require = "require [" + ", ".join(f'"{each}"' for each in REQUIRES) + "];"
    made = {}
    for folder, about in ABOUT.items():
        for number in range(dice.choice([0, 1, 2])):
            made[f"{folder}/{number}"] = f"{require} if {dice.choice(about)} {{ {dice.choice(DOES)} }}"
    return made


class Delivery:
    """One delivery: what is brought, and how."""

    def __init__(self, dice, number, people):
        self.source, self.hello, self.sender = dice.choice(SOURCES), dice.choice(HELLOS), dice.choice(SENDERS)
        alice, bob = people
        self.recipients = dice.choice([[bob], [alice], [BOTH], [alice, bob], ["nobody@example.test", bob], [BOTH, "a@else.test"]])
        self.subject = f"{dice.choice(SUBJECTS)} {number}"
        body = "x" * 70 + "\r\n"
        self.message = f"From: a@far.test\r\nSubject: {self.subject}\r\n\r\n{body * dice.choice([1, 1, 40])}"
        self.login = dice.random() < 0.15
        self.sender = alice if self.login and dice.random() < 0.8 else self.sender
        self.is_chunked = dice.random() < 0.3

    def arguments(self, what, file, account):
        session = ["explain", what, *([str(file)] if what == "message" else []), "--client", self.source]
        login = ["--protocol", "submission", "--tls", "--login", account.address] if self.login else []
        if what == "connection":
            return session + login[:2]
        envelope = ["--hello", self.hello, "--from", self.sender or "<>"]
        return session + login + envelope + [word for each in self.recipients for word in ("--to", each)]

    def bring(self, server):
        """The replies that refuse something, by command, as the session goes; and whether the message was accepted."""
        refused = []

        def ask(command, line):
            reply = client.ask(line)
            if reply[:1] not in "23":
                refused.append((command, reply))
            return reply[:1] in "23"

        with Raw(server.port("submission" if self.login else "smtp"), self.source) as client:
            greeting = client.reply()
            if not greeting.startswith("220"):
                return [("connection", greeting)], False
            if not ask("EHLO", f"EHLO {self.hello}"):
                return refused, False
            if self.login:
                self.log_in(client, server)
            if not ask("MAIL FROM", f"MAIL FROM:<{self.sender}> SIZE={len(self.message)}"):
                return refused, False
            if not any([ask(f"RCPT TO:<{each}>", f"RCPT TO:<{each}>") for each in self.recipients]):
                return refused, False
            if self.is_chunked:
                client.socket.sendall(f"BDAT {len(self.message)} LAST\r\n{self.message}".encode())
            elif ask("DATA", "DATA"):
                client.socket.sendall(f"{self.message}.\r\n".encode())
            else:
                return refused, False
            reply = client.reply()
        if not reply.startswith("250"):
            refused.append(("the end of the message", reply))
        return refused, reply.startswith("250")

    def log_in(self, client, server):
        client.start_tls(server.tls())
        assert client.ask(f"EHLO {self.hello}").startswith("250")
        words = f"\0{server.alice.address}\0{server.alice.password}"
        assert client.ask("AUTH PLAIN " + base64.b64encode(words.encode()).decode()).startswith("235")


def told_refusals(told):
    return [(entry["command"], entry["reply"]) for entry in told["refused"]]


def same_at_the_end(refused, is_chunked):
    """With BDAT what DATA would have been told is the reply to the message."""
    return [("the end" if is_chunked and command in ("DATA", "the end of the message") else command, reply) for command, reply in refused]


@pytest.mark.parametrize("seed", range(12))
def test_what_is_explained_is_what_happens(tmp_path, seed):
    dice = random.Random(seed)
    server = prepare(tmp_path, mappings(dice), settings(dice))
    for name, text in scripts(random.Random(f"scripts {seed}")).items():
        path = server.data / "sieve" / f"{name}.sieve"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with server:
        assert not [one for one in server.json("sieve", "administrators") if one["problem"]]
        server.command("group", "set", BOTH, server.alice.address, server.bob.address)
        people = (server.alice.address, server.bob.address)
        file = tmp_path / "message.eml"
        expected = {}
        for number in range(DELIVERIES):
            delivery = Delivery(dice, number, people)
            file.write_text(delivery.message, newline="")
            about = f"delivery {number} of seed {seed}: {vars(delivery)}"

            def explain(what):
                return server.json(*delivery.arguments(what, file, server.alice))

            parts, told = [explain(what) for what in ("connection", "envelope")], explain("message")
            assert told == explain("message"), "an explanation leaves nothing behind"
            refused, is_taken = delivery.bring(server)
            is_chunked = delivery.is_chunked
            assert same_at_the_end(told_refusals(told), is_chunked) == same_at_the_end(refused, is_chunked), about
            # Less known tells the same as far as it goes; only a message has a size.
            for part in parts if "552" not in str(told["refused"]) else []:
                assert part["stages"] == told["stages"][: len(part["stages"])], about
                assert told_refusals(part) == told_refusals(told)[: len(part["refused"])], about
            assert bool(told["recipients"]) == is_taken, about
            if is_taken:
                expected[delivery.subject] = told
        until(lambda: found(server).keys() == fates(expected).keys(), f"all mail of seed {seed} is where it was said", 60)
        compare(found(server), fates(expected), expected)


def fates(expected):
    """Who has which message, as it was explained."""
    made = {}
    for subject, told in expected.items():
        for recipient in told["recipients"]:
            fate = recipient["fate"]
            if fate.startswith("filed for "):
                for owner in fate.removeprefix("filed for ").split(", "):
                    made.setdefault((subject, owner), None)
            elif fate.startswith("held"):
                made.setdefault((subject, "held " + recipient["address"]), None)
            elif fate.startswith("queued"):
                made.setdefault((subject, "queued " + recipient["address"]), None)
    return made


def found(server):
    """Who has which message, with its header where it is filed."""
    made = {}
    for account in (server.alice, server.bob):
        for octets in bodies(server, account):
            head = octets.decode().split("\r\n\r\n")[0]
            if (subject := re.search(r"^Subject: (.*)$", head, re.MULTILINE)) is not None:
                made[(subject.group(1).strip(), account.address)] = head
    for message in server.json("queue", "list"):
        for recipient in message["recipients"]:
            if recipient["state"] in ("held", "due"):
                state = "held" if recipient["state"] == "held" else "queued"
                made[(message["subject"], f"{state} {recipient['address']}")] = None
    return made


def compare(real, said, expected):
    assert real.keys() == said.keys()
    for (subject, _), head in real.items():
        if head is None:
            continue
        told = expected[subject]
        assert f"Return-Path: <{told['sender']}>" in head, (subject, told["sender"], head)
        fields = [line for line in head.split("\r\n") if line.startswith(("X-", "Sender:"))]
        assert fields == told["fields"].split("\r\n")[:-1], (subject, head)
