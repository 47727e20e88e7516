"""The queue in the hands of operators: counts, holding, releasing, returning, cleaning, stopping."""

import pytest

from kit.configured import configured, names, submit, waiting
from kit.mailbox import wait_for
from kit.sink import Sink
from kit.wait import until

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


def test_a_range_is_held_and_what_is_released_goes_first(ground):
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
    arrived = [body.split(b"Subject: ")[1].split(b"\r\n")[0] for _, _, body in sink.messages]
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
