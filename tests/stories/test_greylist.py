"""Greylisting: only who looks suspicious has to come again, in every protocol and over restarts."""

import json
import smtplib

import pytest

from kit.greylist import Greylisting, accepted_after, datagrams, is_grey, pair, policy, rcpt
from kit.names import Names
from kit.wait import until

BOB = "bob@example.test"
LISTED = {
    "66.0.0.127.bl.test": ["127.0.0.2"],
    "77.0.0.127.bl.test": ["127.0.0.2"],
    "66.0.0.127.more.test": ["127.0.0.4"],
    "88.0.0.127.bl.test": ["127.0.0.2"],
    "88.0.0.127.more.test": ["127.0.0.4"],
    "88.0.0.127.wl.test": ["127.0.0.1"],
    "99.0.0.127.bl.test": ["127.255.255.254"],
    "bad.test.rhs.test": ["127.0.0.2"],
}


def settings(*more, delay="2s", lists='dnsbl = ["bl.test"]'):
    return "\n".join(["enabled = true", f'grey_delay = "{delay}"', lists, *more])


def decisions(server, *arguments):
    return server.json("greylist", "list", *arguments)


def test_a_listed_client_has_to_come_again(tmp_path):
    with Names(LISTED) as names, Greylisting(tmp_path, settings(), names) as server:
        code, text = rcpt(server, "127.0.0.66", "a@far.test", BOB)
        assert code == 451 and text.startswith("4.4.3 "), text
        assert rcpt(server, "127.0.0.66", "a@far.test", BOB)[0] == 451, "at once is too early"
        # A neighbour of the same network takes over.
        (code, _), took = accepted_after(lambda: rcpt(server, "127.0.0.77", "a@far.test", BOB))
        assert code == 250 and took > 1
        [last] = decisions(server, "--limit", "1")
        assert (last["action"], last["weight"], last["lists"]) == ("match", 1, [{"name": "bl.test", "weight": 1}])
        assert rcpt(server, "127.0.0.66", "other@far.test", BOB)[0] == 451, "another sender waits for itself"


def test_others_are_let_in_at_once(tmp_path):
    with Names(LISTED) as names, Greylisting(tmp_path, settings(), names) as server:
        assert rcpt(server, "127.0.0.5", "a@far.test", BOB)[0] == 250
        assert rcpt(server, "127.0.0.99", "a@far.test", BOB)[0] == 250, "a list that refuses to answer lists nobody"
        assert rcpt(server, "127.0.0.66", "a@far.test", "nobody@example.test")[0] == 550, "an unknown user is told first"
        log = (server.folder / "server.log").read_text()
        assert " c=127.0.0.5 s=a@far.test r=bob@example.test h=client.test" in log
        assert "a=trust d=" in log


def test_weights_add_up_to_a_refusal_that_patience_does_not_help(tmp_path):
    lists = 'dnsbl = ["bl.test;3"]\nrhsbl = ["rhs.test;6"]\nblock_threshold = 9\nblock_reason = "Too many lists"'
    with Names(LISTED) as names, Greylisting(tmp_path, settings(lists=lists, delay="1s"), names) as server:
        first = rcpt(server, "127.0.0.66", "a@bad.test", BOB)
        assert first == (550, "5.7.1 Too many lists")
        assert rcpt(server, "127.0.0.66", "a@far.test", BOB)[0] == 451
        assert rcpt(server, "127.0.0.5", "a@bad.test", BOB)[0] == 451
        # A delivery that has come before is refused all the same when its sender gets on a list.
        answer, _ = accepted_after(lambda: rcpt(server, "127.0.0.66", "b@good.test", BOB))
        assert answer[0] == 250
        names.table["good.test.rhs.test"] = ["127.0.0.2"]
        server.stop()
        server.start()
        assert rcpt(server, "127.0.0.66", "b@good.test", BOB)[0] == 550


def test_a_trusting_list_overrules_the_others(tmp_path):
    lists = 'dnsbl = ["bl.test", "more.test"]\ndnswl = ["wl.test"]\nblock_threshold = 2'
    with Names(LISTED) as names, Greylisting(tmp_path, settings(lists=lists), names) as server:
        assert rcpt(server, "127.0.0.88", "a@far.test", BOB)[0] == 250
        assert rcpt(server, "127.0.0.66", "a@far.test", BOB)[0] == 550


def test_silent_lists_hold_nobody_up_for_longer_than_allowed(tmp_path):
    limit = settings('query_timelimit = "1s"', lists='dnsbl = ["bl.test", "more.test"]\ndnswl = ["wl.test"]')
    with Names(silent=True) as names, Greylisting(tmp_path, limit, names) as server:
        assert rcpt(server, "127.0.0.66", "a@far.test", BOB)[0] == 250
        [decision] = decisions(server)
        assert decision["action"] == "trust"
        assert 1_000 <= decision["took_ms"] < 5_000
        assert len(names.asked) >= 3


def test_without_lists_everybody_comes_twice_but_for_those_who_must_not(tmp_path):
    with Greylisting(tmp_path, settings(lists="", delay="1s")) as server:
        assert rcpt(server, "127.0.0.5", "a@far.test", BOB)[0] == 451
        assert rcpt(server, "127.0.0.5", "", BOB)[0] == 250, "a notice has nobody to send it again"
        assert rcpt(server, "127.0.0.5", "a@far.test", "postmaster@example.test")[0] in (250, 550)
        assert policy(server, "127.0.0.5", "a@far.test", "postmaster@example.test") == "DUNNO"
        assert policy(server, "127.0.0.5", "a@far.test", "abuse@example.test") == "DUNNO"
        assert policy(server, "127.0.0.5", "", BOB) == "DUNNO"
        assert policy(server, "127.0.0.5", "a@far.test", "x@example.test", sasl_username="alice") == "DUNNO"
        with smtplib.SMTP_SSL("localhost", server.port("submissions"), context=server.tls()) as client:
            client.login(server.alice.address, server.alice.password)
            client.sendmail(server.alice.address, [BOB], b"Subject: at once\r\n\r\nhello\r\n")
        answer, _ = accepted_after(lambda: rcpt(server, "127.0.0.5", "a@far.test", BOB))
        assert answer[0] == 250


def test_who_gets_mail_from_a_user_may_answer_at_once(tmp_path):
    with Greylisting(tmp_path, settings(lists="")) as server:
        server.command("queue", "stop", "smtp")
        assert rcpt(server, "127.0.0.5", "friend@far.test", server.alice.address)[0] == 451
        with smtplib.SMTP_SSL("localhost", server.port("submissions"), context=server.tls()) as client:
            client.login(server.alice.address, server.alice.password)
            client.sendmail(server.alice.address, ["friend@far.test"], b"Subject: hello\r\n\r\nhello\r\n")
        assert rcpt(server, "127.0.0.5", "friend@far.test", server.alice.address)[0] == 250
        assert rcpt(server, "127.0.0.5", "friend@far.test", BOB)[0] == 451, "of whom Bob knows nothing"
        assert server.json("greylist", "status")["known"] == 1


def test_a_domain_that_has_proven_itself_comes_once_from_its_network(tmp_path):
    static = ["far.test txt v=spf1 ip4:127.0.0.0/8 -all", "_dmarc.far.test txt v=DMARC1; p=none"]
    proving = f"[authentication]\ntrusted = []\n[dns]\nstatic = {json.dumps(static)}"
    with Greylisting(tmp_path, settings(proving, lists="", delay="1s")) as server:
        assert accepted_after(lambda: rcpt(server, "127.0.0.66", "a@far.test", BOB))[0][0] == 250
        assert rcpt(server, "127.0.0.77", "b@far.test", BOB)[0] == 451, "nothing has been taken yet"
        with smtplib.SMTP("127.0.0.1", server.port("smtp"), source_address=("127.0.0.66", 0)) as client:
            client.sendmail("a@far.test", [BOB], b"From: a@far.test\r\nSubject: proven\r\n\r\nhello\r\n")
        assert rcpt(server, "127.0.0.77", "c@far.test", BOB)[0] == 250
        assert rcpt(server, "127.0.0.77", "c@other.test", BOB)[0] == 451


def test_every_protocol_gives_the_same_verdicts(tmp_path):
    lists = 'dnsbl = ["bl.test;3", "more.test;6"]\nblock_threshold = 9'
    with Names(LISTED) as names, Greylisting(tmp_path, settings(lists=lists), names) as server:
        port = server.port("gross")
        assert policy(server, "127.0.0.5", "a@far.test", BOB) == "DUNNO"
        assert datagrams(port, "127.0.0.5", "a@far.test", BOB) == ["T $Y"]
        assert policy(server, "127.0.0.66", "a@far.test", BOB) == "REJECT 5.7.1 Bad reputation"
        assert datagrams(port, "127.0.0.66", "a@far.test", BOB) == ["B $NBad$ reputation"]
        grey = "DEFER_IF_PERMIT 4.4.3 Please try again later."
        assert policy(server, "127.0.0.77", "p@far.test", BOB) == grey
        assert datagrams(port, "127.0.0.77", "g@far.test", BOB) == ["G $X4.4.3|$NPlease$ try$ again$ later."]
        assert accepted_after(lambda: policy(server, "127.0.0.77", "p@far.test", BOB))[0] == "DUNNO"
        assert accepted_after(lambda: datagrams(port, "127.0.0.77", "g@far.test", BOB)[-1])[0] == "M $Y"
        assert datagrams(port, "127.0.0.77", "<>", BOB) == ["T $Y"]
        # What one protocol has seen, the others know.
        assert rcpt(server, "127.0.0.77", "p@far.test", BOB)[0] == 250


def test_a_slow_list_is_told_of_in_datagrams(tmp_path):
    with Names(LISTED, delay=1.6) as names, Greylisting(tmp_path, settings(), names) as server:
        answers = datagrams(server.port("gross"), "127.0.0.66", "a@far.test", BOB)
        assert answers == ["P", "G $X4.4.3|$NPlease$ try$ again$ later."]


def test_the_memory_outlives_a_restart(tmp_path):
    with Greylisting(tmp_path, settings('save_every = "1s"', lists="", delay="1s")) as server:
        assert is_grey(policy(server, "192.0.2.1", "a@far.test", BOB))
        assert accepted_after(lambda: policy(server, "192.0.2.1", "a@far.test", BOB))[0] == "DUNNO"
        server.stop()
        server.start()
        assert policy(server, "192.0.2.9", "a@far.test", BOB) == "DUNNO"
        assert is_grey(policy(server, "192.0.2.1", "b@far.test", BOB))
        state = server.data / "greylist.state"
        # The first file that is written from now on may have been begun before; the second has all that was asked.
        for _ in range(2):
            before = state.stat().st_mtime_ns
            policy(server, "192.0.2.1", "c@far.test", BOB)
            until(lambda: state.stat().st_mtime_ns > before, "the memory in its file")
        server.kill()
        server.start()
        assert policy(server, "192.0.2.1", "a@far.test", BOB) == "DUNNO"
        assert server.json("greylist", "show", "192.0.2.1", "b@far.test", BOB)["known"]


def test_a_damaged_memory_is_put_aside(tmp_path):
    with Greylisting(tmp_path, settings(lists="")) as server:
        policy(server, "192.0.2.1", "a@far.test", BOB)
        server.stop()
        (server.data / "greylist.state").write_bytes(b"not a memory")
        server.start()
        assert is_grey(policy(server, "192.0.2.1", "a@far.test", BOB))
        assert (server.data / "greylist.state.damaged").read_bytes() == b"not a memory"
        assert "put aside" in (server.folder / "server.log").read_text()


@pytest.fixture
def two_nodes(tmp_path):
    with pair(tmp_path, settings("", lists="", delay="1s")) as nodes:
        yield nodes


def test_two_nodes_know_the_same(two_nodes):
    one, two = two_nodes
    assert is_grey(policy(one, "192.0.2.1", "a@far.test", BOB))
    until(lambda: two.json("greylist", "show", "192.0.2.1", "a@far.test", BOB)["known"], "the delivery at the other")
    assert accepted_after(lambda: policy(two, "192.0.2.1", "a@far.test", BOB))[0] == "DUNNO"
    # A node that was away catches up.
    two.stop()
    assert is_grey(policy(one, "192.0.2.1", "b@far.test", BOB))
    two.start()
    until(lambda: two.json("greylist", "show", "192.0.2.1", "b@far.test", BOB)["known"], "what it missed", 60)
    # Forgetting reaches the other, too.
    until(lambda: one.json("greylist", "status")["peer_connected"], "a connection again", 60)
    assert one.json("greylist", "forget", "192.0.2.1", "b@far.test", BOB) == 1
    until(lambda: not two.json("greylist", "show", "192.0.2.1", "b@far.test", BOB)["known"], "a forgotten delivery")


def test_operators_see_and_forget(tmp_path):
    with Greylisting(tmp_path, settings(lists="", delay="1h")) as server:
        for sender in ("a@far.test", "a@far.test", "b@other.test"):
            policy(server, "192.0.2.1", sender, BOB)
        assert [one["sender"] for one in decisions(server)] == ["b@other.test", "a@far.test", "a@far.test"]
        assert len(decisions(server, "--sender", "other", "--action", "greylist")) == 1
        assert server.json("greylist", "top", "domain") == [["far.test", 2], ["other.test", 1]]
        shown = server.json("greylist", "show", "192.0.2.77", "a@far.test", BOB)
        assert shown["known"] and not shown["ripe"] and shown["network"] == "192.0.2.0"
        assert "has to wait now" in server.command("greylist", "show", "192.0.2.77", "a@far.test", BOB).stdout
        status = server.json("greylist", "status")
        assert status["triplets"] == 2 and status["lists"] == [] and status["peer_connected"] is None
        assert server.json("greylist", "forget", "192.0.2.1", "a@far.test", BOB) == 1
        refused = server.command("greylist", "forget", "--all", check=False)
        assert refused.returncode == 2 and "--yes" in refused.stderr
        assert server.json("greylist", "forget", "--all", "--yes") == 1
        assert server.json("greylist", "status")["triplets"] == 0


def test_what_is_no_question_is_counted(tmp_path):
    import socket

    with Greylisting(tmp_path, settings(lists="")) as server:
        with socket.create_connection(("127.0.0.1", server.port("policy")), timeout=60) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert connection.recv(4096) == b"", "the connection is closed"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.sendto(b"rubbish", ("127.0.0.1", server.port("gross")))
        with socket.create_connection(("127.0.0.1", server.port("milter")), timeout=60) as connection:
            connection.sendall(b"\xff\xff\xff\xff")
            assert connection.recv(4096) == b""
        assert is_grey(policy(server, "192.0.2.1", "a@far.test", BOB)), "the server is still there"
