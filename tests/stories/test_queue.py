"""The queue in the hands of operators: counts, holding, releasing, returning, cleaning, stopping."""

import pytest

from kit.configured import configured, names, submit, waiting
from kit.filters import nobody
from kit.mailbox import wait_for
from kit.sink import Sink
from kit.wait import until
from test_fragments import fragments

# Its owner's mail is sent on as well, so that an agent of the channel files it.
SENDING_ON = 'require "copy"; redirect :copy "also@later.test";'
TO_A_FRIEND = 'redirect "friend@far.test";'
LONG = "a subject that a thousand unwanted messages share"


def message(subject, text="hello"):
    return f"From: alice@example.test\r\nSubject: {subject}\r\n\r\n{text}\r\n".encode()


@pytest.fixture
def ground(tmp_path):
    """A server whose channel to others is stopped, and the host behind it."""
    with Sink() as sink:
        with configured(tmp_path, names(far_test=sink.port)) as server:
            server.command("queue", "stop", "smtp")
            yield server, sink


def put(server, *subjects, to="friend@far.test"):
    for subject in subjects:
        submit(server, [to], message(subject))
    return [one["id"] for one in server.json("queue", "list", "--channel", "smtp")]


def numbers(server, channel="smtp"):
    one = {one["channel"]: one for one in server.json("queue", "summarize")}[channel]
    return one["messages"], one["ready"], one["held"]


def test_counts_are_what_was_left_with_what_is_held_apart(ground):
    server, _ = ground
    ids = put(server, "one", "two", "three", "four")
    server.command("queue", "hold", ids[1])
    assert numbers(server) == (4, 3, 1)
    assert [one["subject"] for one in server.json("queue", "held")] == ["two"]
    assert numbers(server, "local")[0] == 0
    text = server.command("queue", "summarize").stdout
    assert "conversion" in text and "defragment" in text


def counts(server):
    """What waits and what of it is held, for each channel that has anything."""
    summary = server.json("queue", "summarize")
    return {one["channel"]: (one["messages"], one["held"]) for one in summary if one["messages"]}


def test_several_channels_count_exactly_what_was_left_in_each(tmp_path):
    """Our own mailboxes stopped, two hosts that are away, a way and a rule that hold, and fragments that wait, at the same time."""
    away = nobody()
    settings = f"""
[[routes]]
domain = "dead.test"
host = "{away}"

[[routes]]
domain = "store.test"
way = "lmtp"
host = "{away}"

[[routes]]
domain = "later.test"
way = "hold"

[[rules]]
stage = "rcpt"
recipient = ["held@dead.test"]
action = "hold"

[queue]
retry = ["1d"]

[channels.local]
defragment = true
"""
    injected = {
        "bob@example.test": 2,
        "friend@dead.test": 3,
        "box@store.test": 4,
        "one@later.test": 5,
        "held@dead.test": 1,
    }
    with configured(tmp_path, settings) as server:
        # What scripts send on goes by an agent of this channel, which files it, too; what is only filed, is filed at once.
        server.command("queue", "stop", "process")
        server.command("sieve", "put", server.bob.address, "main", "-", "--activate", stdin=SENDING_ON)
        for recipient, count in injected.items():
            for number in range(count):
                submit(server, [recipient], message(f"{recipient} {number}"))
        for part in fragments(5)[:2]:
            submit(server, [server.alice.address], part)
        expected = {"process": (2, 0), "smtp": (3, 0), "lmtp": (4, 0), "held": (6, 6), "defragment": (2, 0)}
        until(lambda: counts(server) == expected, f"{expected}, and there is {counts(server)}")
        listed = server.json("queue", "list")
        assert {to: sum(one["recipients"][0]["address"] == to for one in listed) for to in injected} == injected
        assert len(listed) == sum(injected.values()) + 2
        # Two of one channel are held by hand: they stay where they are and are counted apart.
        for one in server.json("queue", "list", "--channel", "lmtp")[:2]:
            server.command("queue", "hold", one["id"])
        expected["lmtp"] = (4, 2)
        assert counts(server) == expected
        server.kill()
        server.start()
        assert counts(server) == expected, "a crash changes none of it"
        # What was stopped goes on: bob has his mail, and what his script sent on is held as all mail for that domain.
        server.command("queue", "start", "process")
        assert len(wait_for(server, server.bob, 2)) == 2
        del expected["process"]
        expected["held"] = (8, 8)
        until(lambda: counts(server) == expected, f"{expected}, and there is {counts(server)}")


def test_what_a_route_holds_goes_out_when_it_is_released(tmp_path):
    """Whether the route was known at once or only when the queue looked at a script's or a group's address."""
    with Sink() as sink:
        settings = f'{names(far_test=sink.port)}\n[[routes]]\ndomain = "far.test"\nway = "hold"\n'
        with configured(tmp_path, settings) as server:
            server.command("sieve", "put", server.bob.address, "main", "-", "--activate", stdin=TO_A_FRIEND)
            server.command("group", "set", "all@example.test", "member@far.test", server.alice.address)
            for recipient in ("friend@far.test", server.bob.address, "all@example.test"):
                submit(server, [recipient], message(f"to {recipient}"))
            until(lambda: counts(server) == {"held": (3, 3)}, f"three that are held, and there is {counts(server)}")
            assert len(server.json("queue", "held")) == 3 and sink.messages == []
            assert server.command("queue", "release", "--all").stdout == "3 messages\n"
            until(lambda: len(sink.messages) == 3, "all three at the other host")
            assert sorted(to for _, [to], _ in sink.messages) == ["friend@far.test", "friend@far.test", "member@far.test"]
            until(lambda: counts(server) == {}, "an empty queue")


def test_what_is_released_goes_before_all_that_wait(tmp_path):
    """One agent takes one message after the other, so that the order at the other host is that of the queue."""
    with Sink() as sink:
        with configured(tmp_path, names(far_test=sink.port) + "[channels.smtp]\nagents = 1\n") as server:
            server.command("queue", "stop", "smtp")
            ids = put(server, "one", "two", "three", "four", "five", "six")
            server.command("queue", "hold", f"{ids[3]}-{ids[5]}")
            assert numbers(server) == (6, 3, 3)
            server.command("queue", "release", ids[4])
            server.command("queue", "start", "smtp")
            until(lambda: len(sink.messages) == 4, "all that are not held")
            assert subjects(sink) == [b"five", b"one", b"two", b"three"]
            assert [one["subject"] for one in server.json("queue", "held")] == ["four", "six"]
            assert all(one["recipients"][0]["attempts"] == 0 for one in server.json("queue", "held"))
            # Once more, with mail that is younger and mail that is older than what is released.
            server.command("queue", "stop", "smtp")
            put(server, "seven")
            server.command("queue", "release", ids[5])
            server.command("queue", "start", "smtp")
            until(lambda: len(sink.messages) == 6, "what was released, and what came after it")
            assert subjects(sink)[4:] == [b"six", b"seven"]


def subjects(sink):
    return [body.split(b"Subject: ")[1].split(b"\r\n")[0] for _, _, body in sink.messages]


def test_a_range_is_held_and_what_is_released_goes_on(ground):
    server, sink = ground
    ids = put(server, "one", "two", "three", "four")
    assert server.command("queue", "hold", f"{ids[0]}-{ids[2]}").stdout == "3 messages\n"
    server.command("queue", "start", "smtp")
    until(lambda: len(sink.messages) == 1, "the message that is not held")
    assert all(one["recipients"][0]["attempts"] == 0 for one in server.json("queue", "held")), "no attempts while held"
    server.command("queue", "stop", "smtp")
    put(server, "five", "six")
    server.command("queue", "release", ids[2])
    server.command("queue", "start", "smtp")
    until(lambda: len(sink.messages) == 4, "all that are not held")
    arrived = subjects(sink)
    assert arrived[0] == b"four" and sorted(arrived[1:]) == [b"five", b"six", b"three"]
    odd = server.command("queue", "hold", "1-x", check=False)
    assert odd.returncode == 2 and "range" in odd.stderr


def test_a_returned_message_comes_back_with_the_original(ground):
    server, _ = ground
    [only] = put(server, "please come back")
    asked = server.command("queue", "return", only, check=False)
    assert asked.returncode == 2 and "--yes" in asked.stderr
    server.command("queue", "return", only, "--yes")
    [notice] = wait_for(server, server.alice, 1)
    assert b"Content-Type: message/rfc822" in notice and b"Subject: please come back" in notice and b"\r\nhello\r\n" in notice
    assert waiting(server, "smtp") == 0


def test_deleting_all_asks_first(ground):
    server, _ = ground
    put(server, "one", "two")
    asked = server.command("queue", "delete", "--all", check=False)
    assert asked.returncode == 2 and waiting(server, "smtp") == 2
    assert server.command("queue", "delete", "--all", "--yes").stdout == "2 messages\n"
    assert waiting(server, "smtp") == 0


def test_cleaning_takes_long_texts_and_holds_exactly_what_has_them(ground):
    server, _ = ground
    put(server, LONG, f"Re: {LONG.upper()}", "something else")
    submit(server, ["friend@far.test"], message("quiet", "body text that nobody has asked for, ever"))
    short = server.command("queue", "clean", "--subject", "share", check=False)
    assert short.returncode == 2 and "24 octets" in short.stderr and numbers(server)[2] == 0
    assert server.command("queue", "clean", check=False).returncode == 2
    assert server.command("queue", "clean", "--subject", LONG).stdout == "2 messages\n"
    assert sorted(one["subject"] for one in server.json("queue", "held")) == [f"Re: {LONG.upper()}", LONG]
    assert server.command("queue", "clean", "--content", "that nobody has asked for, ever").stdout == "1 messages\n"
    assert server.command("queue", "clean", "--subject", "else", "--min-length", "4").stdout == "1 messages\n"
    assert server.command("queue", "clean", "--from", "<>").stdout == "0 messages\n"
    assert server.command("queue", "clean", "--delete", "--subject", LONG, check=False).returncode == 2
    assert server.command("queue", "clean", "--delete", "--subject", LONG, "--yes").stdout == "2 messages\n"
    assert numbers(server) == (2, 0, 2)


def test_top_tells_what_there_is_most_of(ground):
    server, _ = ground
    put(server, LONG, LONG, "other")
    assert server.json("queue", "top", "subject")[0] == [LONG, 2]
    assert server.json("queue", "top", "sender")[0] == ["alice@example.test", 3]


def test_a_stopped_channel_freezes_alone(ground):
    server, sink = ground
    put(server, "waits")
    submit(server, [server.bob.address, "friend@far.test"], message("both"))
    wait_for(server, server.bob, 1)
    assert sink.messages == [] and waiting(server, "smtp") == 2
    server.command("queue", "start", "smtp")
    until(lambda: len(sink.messages) == 2, "both messages")
