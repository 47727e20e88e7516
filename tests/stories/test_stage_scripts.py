"""The administrator's Sieve scripts at connect, EHLO, MAIL, RCPT and DATA: each refuses where it stands and never later, and is
explained as it happens."""

from urllib.request import urlopen

import pytest

from kit.mailbox import bodies, wait_for
from kit.policy import prepare
from kit.raw import Raw
from kit.wait import until

MESSAGE = b"From: a@far.test\r\nSubject: judged\r\n\r\nbody"
REJECT = 'require ["reject", "environment", "envelope", "variables"];\n'
AWAY = "451 4.3.5 the policy cannot decide this now; try again later"
STAGES = ["connect", "EHLO", "MAIL", "RCPT", "DATA"]

# A script for each stage that refuses one client: whom, and what it is told.
REFUSALS = {
    "connect": ('if environment "remote-ip" "127.0.0.9" { reject "not from there"; }', {"source": "127.0.0.9"}),
    "hello": ('if environment :matches "vnd.heliograph.helo" "*.dyn.test" { reject "not ${1}"; }', {"hello": "pool7.dyn.test"}),
    "sender": ('if envelope :domain "from" "spam.test" { reject "no such sender"; }', {"sender": "x@spam.test"}),
    "recipient": (
        'if allof(envelope "from" "", envelope :localpart "to" "bob") { reject "bob sends nothing"; }',
        {"sender": "", "to": ["bob@example.test"]},
    ),
    "data": ('if envelope "from" "late@far.test" { reject "too late"; }', {"sender": "late@far.test"}),
}
TOLD = {
    "connect": "554 5.7.1 not from there",
    "hello": "550 5.7.1 not pool7",
    "sender": "550 5.7.1 no such sender",
    "recipient": "550 5.7.1 bob sends nothing",
    "data": "550 5.7.1 too late",
}


@pytest.fixture
def scripted(tmp_path):
    """Starts a server with these scripts, by folder and name."""
    running = []

    def start(scripts, mappings="", settings=""):
        server = prepare(tmp_path / str(len(running)), mappings, settings)
        running.append(server)
        write(server, scripts)
        server.start()
        return server

    yield start
    for server in running:
        server.__exit__()


def write(server, scripts):
    for name, text in scripts.items():
        path = server.data / "sieve" / f"{name}.sieve"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def bring(server, source=None, hello="client.far.test", sender="a@far.test", to=("alice@example.test",)):
    """How far a delivery comes: the command that is refused, or the message, and the reply."""
    with Raw(server.port("smtp"), source) as client:
        steps = [("EHLO", f"EHLO {hello}"), ("MAIL", f"MAIL FROM:<{sender}>")]
        steps += [("RCPT", f"RCPT TO:<{each}>") for each in to] + [("DATA", "DATA")]
        reply = client.reply()
        if not reply.startswith("220"):
            assert client.everything() == b""
            return "connect", reply
        for stage, line in steps:
            reply = client.ask(line)
            if reply[0] not in "23":
                return stage, reply
        client.socket.sendall(MESSAGE + b"\r\n.\r\n")
        return "message", client.reply()


def explain(server, source=None, hello="client.far.test", sender="a@far.test", to=("alice@example.test",)):
    recipients = [word for each in to for word in ("--to", each)]
    return server.json(
        "explain", "envelope", "--client", source or "127.0.0.1", "--hello", hello, "--from", sender or "<>", *recipients
    )


def metric(server, name):
    with urlopen(f"http://{server.listeners['admin']}/metrics", timeout=30) as page:
        lines = page.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def test_each_stage_refuses_where_it_stands_and_is_explained_the_same(scripted):
    server = scripted({f"{folder}/10": REJECT + text for folder, (text, _) in REFUSALS.items()})
    for (folder, (_, client)), stage in zip(REFUSALS.items(), STAGES, strict=True):
        told = explain(server, **client)
        runs = metric(server, "heliograph_sieve_runs_total")
        assert explain(server, **client) == told
        assert metric(server, "heliograph_sieve_runs_total") == runs, "an explanation leaves nothing behind"
        assert bring(server, **client) == (stage, TOLD[folder])
        last = told["stages"][-1]
        assert last["verdict"].startswith("reject"), told
        reason = next(reason for reason in last["reasons"] if reason["decides"])
        assert (reason["by"], reason["place"]) == (f"script {folder}/10", f"{folder}/10.sieve")
        assert any("line 2" in step for step in last["steps"]), last
        assert told["refused"][0]["reply"] == TOLD[folder]
    # A client whom none refuses comes through.
    assert bring(server)[1].startswith("250")
    assert explain(server)["refused"] == []


def test_one_of_two_recipients_is_discarded(scripted):
    server = scripted({"recipient/10": 'require "envelope"; if envelope :localpart "to" "bob" { discard; }'})
    both = [server.alice.address, server.bob.address]
    assert [one["fate"] for one in explain(server, to=both)["recipients"]] == [
        "filed for alice@example.test", "discarded"]  # fmt: skip
    stage, reply = bring(server, to=both)
    assert (stage, reply[:3]) == ("message", "250")
    wait_for(server, server.alice, 1)
    assert bodies(server, server.bob) == []


def test_mail_is_held_redirected_and_marked(scripted):
    server = scripted(
        {
            "sender/10": 'require ["envelope", "vnd.heliograph.system"]; if envelope "from" "wait@far.test" { hold "look"; }',
            "data/10": 'require ["envelope", "editheader"]; addheader "X-Stage" "data";\n'
            'if envelope "from" "turn@far.test" { redirect "bob@example.test"; }',
        }
    )
    for sender in ("wait@far.test", "turn@far.test", "plain@far.test"):
        told = explain(server, sender=sender)
        assert bring(server, sender=sender)[1].startswith("250"), told
    wait_for(server, server.alice, 1)
    wait_for(server, server.bob, 1)
    for account in (server.alice, server.bob):
        assert b"\r\nX-Stage: data\r\n" in b"\r\n" + bodies(server, account)[0]
    assert [message["recipients"][0]["state"] for message in server.json("queue", "list")] == ["held"]


def test_rules_and_tables_come_first_and_the_strongest_holds(scripted):
    server = scripted(
        {"sender/10": REJECT + 'if envelope :domain "from" ["far.test", "spam.test"] { reject "by script"; }'},
        "FROM_ACCESS\n\n  *|x@spam.test|*  $Nby$ table\n",
        '[[rules]]\nsender = ["later@far.test"]\naction = "defer"\ntext = "by rule"\n',
    )
    assert bring(server, sender="x@spam.test") == ("MAIL", "550 5.7.1 by table")
    assert bring(server, sender="later@far.test") == ("MAIL", "550 5.7.1 by script")
    reasons = explain(server, sender="later@far.test")["stages"][-1]["reasons"]
    assert [(reason["by"], reason["decides"]) for reason in reasons] == [("rule 1", False), ("script sender/10", True)]


def test_what_means_nothing_at_a_stage_is_told_and_what_fails_is_for_now(scripted):
    server = scripted(
        {
            "connect/10": 'require "fileinto"; fileinto "Junk";',
            "hello/10": 'require "editheader"; deleteheader "X";',
            "data/10": 'require "include"; include :global "nowhere";',
        }
    )
    problems = {one["name"]: one["problem"] for one in server.json("sieve", "administrators")}
    assert "fileinto" in problems["connect/10"] and "deleteheader" in problems["hello/10"]
    assert not problems["data/10"]
    assert metric(server, "heliograph_sieve_unusable_scripts_total") == 2
    told = explain(server)
    assert metric(server, "heliograph_sieve_failures_total") == 0
    assert bring(server) == ("DATA", AWAY)
    assert told["refused"] == [{"command": "DATA", "reply": AWAY}]
    assert metric(server, "heliograph_sieve_failures_total") == 1
    # A change is seen without a restart.
    write(server, {"data/10": "keep;"})
    until(lambda: bring(server)[0] == "message", "the change to be seen")


def test_lists_and_the_names_of_hosts_are_asked(scripted):
    server = scripted(
        {
            "connect/10": REJECT + 'if environment :matches "remote-host" "*.dyn.test" { reject "no ${1}"; }',
            "sender/10": 'require ["reject", "envelope", "extlists"];\n'
            'if envelope :list "from" "banned@example.test" { reject "banned"; }',
        },
        settings='[dns]\nstatic = ["127.0.0.9 ptr pool7.dyn.test", "pool7.dyn.test a 127.0.0.9"]\n',
    )
    server.command("group", "set", "banned@example.test", server.bob.address)
    assert bring(server, source="127.0.0.9") == ("connect", "554 5.7.1 no pool7")
    assert explain(server, source="127.0.0.9")["refused"][0]["reply"] == "554 5.7.1 no pool7"
    assert bring(server, sender=server.bob.address) == ("MAIL", "550 5.7.1 banned")
    assert bring(server)[0] == "message"


def test_a_message_without_data_is_refused_by_the_scripts_of_data(scripted):
    server = scripted({"data/10": 'require "reject"; reject "not now";'})
    with Raw(server.port("smtp")) as client:
        client.reply()
        for command in ("EHLO client.far.test", "MAIL FROM:<a@far.test>", f"RCPT TO:<{server.alice.address}>"):
            assert client.ask(command).startswith("250")
        client.socket.sendall(f"BDAT {len(MESSAGE)} LAST\r\n".encode() + MESSAGE)
        assert client.reply() == "550 5.7.1 not now"
