"""Fragments of messages (message/partial): put together however they come, released in the end, bounded in all ways."""

import base64
import datetime
import email
import email.policy
import random
import smtplib
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from kit import filters
from kit.configured import bring, configured, names, submit, waiting
from kit.mailbox import bodies, wait_for
from kit.server import Account
from kit.wait import until

DEFRAGMENT = "[channels.local]\ndefragment = true\n"
INNER = b"Subject: the whole\r\nMessage-ID: <whole@far.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\nX-Inner: dropped\r\n\r\n"
BODY = b"".join(b"line %04d of the message\r\n" % number for number in range(500))


def fragments(count, name="abc@far.test", inner=INNER + BODY):
    """The message inside, cut into fragments at ends of lines."""
    lines = inner.splitlines(keepends=True)
    size = -(-len(lines) // count)
    return [fragment(name, number + 1, count, b"".join(lines[number * size : (number + 1) * size])) for number in range(count)]


def fragment(name, number, total, content, subject="part"):
    total = f"; total={total}" if total else ""
    head = (
        f"From: alice@example.test\r\nTo: joint@joined.test\r\nSubject: {subject} {number}\r\nMessage-ID: <{number}.{name}>\r\n"
        f'X-Outer: kept\r\nMIME-Version: 1.0\r\nContent-Type: message/partial; id="{name}"; number={number}{total}\r\n\r\n'
    )
    return head.encode() + content


def is_whole(message):
    head, body = message.split(b"\r\n\r\n", 1)
    assert body == BODY
    assert b"Subject: the whole\r\n" in head + b"\r\n" and b"<whole@far.test>" in head and b"X-Outer: kept" in head
    assert b"message/partial" not in head and b"X-Inner" not in head


def with_joint(server):
    server.command("domain", "add", "joined.test")
    server.command("account", "add", "joint@joined.test", "--password-stdin", stdin="a long password\n")


JOINT = Account("joint@joined.test", "a long password")


@pytest.fixture
def first(tmp_path):
    with configured(tmp_path / "first", DEFRAGMENT, with_joint) as server:
        yield server


def summary(server):
    return {one["channel"]: one for one in server.json("queue", "summarize")}["defragment"]


def test_five_fragments_out_of_order_over_two_servers_become_one_message(first, tmp_path):
    with configured(tmp_path / "second", names(joined_test=first.port("smtp"))) as second:
        parts = fragments(5)
        for number in (3, 0):
            bring(first, [JOINT.address], parts[number], sender="alice@example.test")
        for number in (4, 1):
            submit(second, [JOINT.address], parts[number])
        until(lambda: waiting(first, "defragment") == 4, "four fragments that wait")
        listed = first.json("queue", "list", "--channel", "defragment")
        assert len(listed) == 4 and all("/5 local" in one["recipients"][0]["destination"] for one in listed)
        bring(first, [JOINT.address], parts[2], sender="alice@example.test")
        [whole] = wait_for(first, JOINT, 1)
        is_whole(whole)
        assert waiting(first, "defragment") == 0
        assert first.command("store", "check", check=False).returncode in (0, 1)


def test_what_stays_incomplete_is_released_without_a_notice(tmp_path):
    settings = DEFRAGMENT + '[defragment]\nwait = "4s"\n'
    with configured(tmp_path, settings, with_joint) as server:
        for part in fragments(5)[:3]:
            bring(server, [JOINT.address], part, sender=server.alice.address)
        assert waiting(server, "defragment") == 3
        got = wait_for(server, JOINT, 3)
        assert sorted(b"number=%d" % number in one for one in got for number in (1, 2, 3)) == [False] * 6 + [True] * 3
        assert all(b"message/partial" in one for one in got)
        assert waiting(server, "defragment") == 0
        assert bodies(server, server.alice) == [], "nobody was told of a delay or a failure"


def test_half_of_the_time_to_the_first_notice_is_waited(tmp_path):
    settings = '[channels.local]\ndefragment = true\nnotices = ["4h", "2d"]\n'
    with configured(tmp_path, settings, with_joint) as server:
        bring(server, [JOINT.address], fragments(5)[1])
        [one] = server.json("queue", "list", "--channel", "defragment")
        moment = lambda text: datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
        wait = moment(one["recipients"][0]["due"]) - moment(one["arrived"])
        assert wait == datetime.timedelta(hours=2)
        # An operator may release it earlier.
        server.command("queue", "retry", one["id"])
        [got] = wait_for(server, JOINT, 1)
        assert b"message/partial" in got


def alone(server, count):
    """The fragments as they were delivered, each for itself and whole."""
    got = wait_for(server, JOINT, count, seconds=150)
    sent = fragments(5)[:count]
    assert sorted(one.split(b"\r\n\r\n", 1)[1] for one in got) == sorted(one.split(b"\r\n\r\n", 1)[1] for one in sent)
    assert all(b"number=%d" % number in one and b"message/partial" in one for number, one in enumerate(sorted(got, key=number_of), 1))


def number_of(message):
    return message.split(b"number=", 1)[1][:1]


def nobody_was_told(server):
    assert bodies(server, server.alice) == [], "nobody was told of a delay or a failure"
    assert not [one for one in server.json("queue", "list") if one["sender"] == ""], "and no notice is on its way"


# Notices of all channels, how long a fragment waits if not half of the time to the first, and how long that is in seconds.
WAITS = [
    # The shortest notices that can be set.
    ('["1m", "2m"]', "", 30),
    # If the wait were counted against them, the sender would be told of a delay, or have the mail back, before its end.
    ('["1m", "2m"]', '[defragment]\nwait = "63s"\n', 63),
    ('["1m"]', '[defragment]\nwait = "64s"\n', 64),
]


def test_fragments_that_wait_are_counted_and_released_by_themselves_without_a_notice(tmp_path):
    with ExitStack() as stack:
        servers = []
        # All at the same time, because that is what takes long.
        for number, (notices, wait, seconds) in enumerate(WAITS):
            settings = f"{DEFRAGMENT}[queue]\nnotices = {notices}\n{wait}"
            server = stack.enter_context(configured(tmp_path / str(number), settings, with_joint))
            begun = time.monotonic()
            for part in fragments(5)[:3]:
                bring(server, [JOINT.address], part, sender=server.alice.address)
            counts = {one["channel"]: one["messages"] for one in server.json("queue", "summarize")}
            assert counts.pop("defragment") == 3 and not any(counts.values()), "three fragments that wait"
            servers.append((server, begun, seconds))
        for server, begun, seconds in servers:
            until(lambda: summary(server)["messages"] < 3, "the first to be released", 150)
            assert time.monotonic() - begun >= seconds
            alone(server, 3)
            nobody_was_told(server)
            until(lambda: summary(server)["messages"] == 0, "none that waits")


def test_fragments_survive_a_crash(first):
    parts = fragments(3)
    bring(first, [JOINT.address], parts[2])
    bring(first, [JOINT.address], parts[0])
    first.kill()
    first.start()
    assert summary(first)["messages"] == 2
    bring(first, [JOINT.address], parts[1])
    [whole] = wait_for(first, JOINT, 1)
    is_whole(whole)


def test_fragments_that_come_at_once_are_put_together_exactly_once(first):
    parts = [part for number in range(12) for part in fragments(4, f"set{number}@far.test", INNER + b"number %d\r\n" % number + BODY)]
    random.Random(7).shuffle(parts)
    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(lambda part: bring(first, [JOINT.address], part), parts))
    wholes = wait_for(first, JOINT, 12, seconds=60)
    assert sorted(one.split(b"number ")[1].split(b"\r\n")[0] for one in wholes) == sorted(b"%d" % number for number in range(12))
    assert all(b"message/partial" not in one for one in wholes) and summary(first)["messages"] == 0


def test_without_the_setting_fragments_pass(server):
    bring(server, [server.alice.address], fragments(3)[0])
    [got] = wait_for(server, server.alice, 1)
    assert b"message/partial" in got


def refused(server, message, sender="someone@far.test"):
    with pytest.raises(smtplib.SMTPDataError) as refusal:
        bring(server, [JOINT.address], message, sender)
    return refusal.value.smtp_code, refusal.value.smtp_error.decode()


def test_bad_fragments_are_refused_with_a_reason_and_bounded(tmp_path):
    settings = DEFRAGMENT + '[defragment]\nparts = 100\nsender_messages = 3\nmessage_size = "64 KiB"\n'
    with configured(tmp_path, settings, with_joint) as server:
        for bad, reason in [
            (fragment("x", 4, 3, b"x\r\n"), "number 4 of 3"),
            (fragment("x", 0, 3, b"x\r\n"), "does not say which one"),
            (fragment("x", 1, 100_000, b"x\r\n"), "more than 100 fragments"),
            (fragment("x", 99_999, None, b"x\r\n"), "more than 100 fragments"),
            (fragment("", 1, 2, b"x\r\n"), "no id"),
        ]:
            code, text = refused(server, bad)
            assert code == 554 and "5.6.0" in text and reason in text, text
        assert waiting(server, "defragment") == 0
        parts = fragments(4)
        bring(server, [JOINT.address], parts[0])
        bring(server, [JOINT.address], parts[0])
        assert waiting(server, "defragment") == 1, "a second copy takes the place of the first"
        code, text = refused(server, fragment("abc@far.test", 2, 7, b"x\r\n"))
        assert code == 554 and "one of 7, and others of its message are of 4" in text
        code, text = refused(server, fragment("abc@far.test", 2, 4, b"y" * 900 + b"\r\n" + b"z\r\n" * 30_000))
        assert code == 554 and "larger than" in text
        for name in ("second", "third"):
            bring(server, [JOINT.address], fragment(name, 1, 2, b"x\r\n"))
        code, text = refused(server, fragment("fourth", 1, 2, b"x\r\n"))
        assert code == 452 and "of this sender" in text
        bring(server, [JOINT.address], fragment("fourth", 1, 2, b"x\r\n"), sender="other@far.test")
        for part in parts[1:]:
            bring(server, [JOINT.address], part)
        [whole] = wait_for(server, JOINT, 1)
        is_whole(whole)


def test_who_is_held_by_the_policy_stays_held_when_fragments_are_released(tmp_path):
    rule = '[[rules]]\nrecipient = ["bob@*"]\naction = "hold"\n'
    settings = f'{DEFRAGMENT}[defragment]\nwait = "4s"\n{rule}'
    with configured(tmp_path, settings, with_joint) as server:
        bring(server, [JOINT.address, server.bob.address], fragments(2)[0])
        assert len(server.json("queue", "list", "--held")) == 1
        [released] = wait_for(server, JOINT, 1)
        assert b"message/partial" in released
        assert len(server.json("queue", "list", "--held")) == 1 and bodies(server, server.bob) == []


def test_a_larger_copy_of_a_fragment_counts_as_what_it_is(tmp_path):
    settings = DEFRAGMENT + '[defragment]\nsender_size = "64 KiB"\n'
    with configured(tmp_path, settings, with_joint) as server:
        bring(server, [JOINT.address], fragment("grows", 1, 2, b"x\r\n"))
        code, text = refused(server, fragment("grows", 1, 2, b"z" * 70 + b"\r\n" + (b"z" * 70 + b"\r\n") * 1_000))
        assert code == 452 and "of this sender" in text
        bring(server, [JOINT.address], fragment("grows", 1, 2, b"y\r\n"))
        assert waiting(server, "defragment") == 1


def test_nobody_puts_a_fragment_into_a_message_of_others(first):
    parts = fragments(2)
    bring(first, [JOINT.address], parts[0])
    bring(first, [JOINT.address], parts[1], sender="other@far.test")
    assert summary(first)["messages"] == 2


def test_what_one_end_splits_the_other_puts_together(first, tmp_path):
    settings = '[channels.smtp]\nfragment_size = "2 KiB"\n' + names(joined_test=first.port("smtp"))
    with configured(tmp_path / "second", settings) as second:
        body = "".join(f"Zeile {number} mit Umlauten: äöü\r\n" for number in range(400))
        message = f"From: alice@example.test\r\nSubject: große Post\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{body}"
        message = message.replace("große", "=?utf-8?Q?gro=C3=9Fe?=")
        submit(second, [JOINT.address], message.encode())
        [whole] = wait_for(first, JOINT, 1)
        parsed = email.message_from_bytes(whole, policy=email.policy.default)
        assert parsed["Subject"] == "große Post" and parsed.get_content().replace("\n", "\r\n").replace("\r\r", "\r") == body
        assert summary(first)["messages"] == 0


def split_virus(name):
    """A virus in base64, cut in the middle of what tells it: neither half holds it."""
    head = INNER.replace(b"X-Inner: dropped\r\n", b"Content-Transfer-Encoding: base64\r\n")
    encoded = base64.b64encode(b"EICAR-STANDARD" + b"-ANTIVIRUS-TEST-FILE")
    return [fragment(name, 1, 2, head + encoded[:4] + b"\r\n"), fragment(name, 2, 2, encoded[4:] + b"\r\n")]


def decoded(message):
    """What a scanner sees of a message: its parts with their encodings undone."""
    parts = [part for part in email.message_from_bytes(message).walk() if not part.is_multipart()]
    return b"".join(part.get_payload(decode=True) or b"" for part in parts)


def scanning(clamd, action):
    return (
        f"{DEFRAGMENT}\n[[filters]]\nname = 'virus'\nprotocol = 'clamd'\nhosts = ['{clamd.host}']\n"
        f"string_action = '{action}'\n"
    )


def test_a_virus_in_two_fragments_is_refused_when_the_second_arrives(tmp_path):
    with filters.clamd(sees=decoded) as clamd:
        action = 'require "reject"; reject "The message holds $U.";'
        with configured(tmp_path, scanning(clamd, action), with_joint) as server:
            one, two = split_virus("virus")
            assert b"EICAR" not in decoded(one) + decoded(two)
            bring(server, [JOINT.address], two)
            assert waiting(server, "defragment") == 1
            code, text = refused(server, one)
            assert code == 550 and "5.7.1 The message holds" in text
            assert b"base64" in clamd.asked[-1] and b"message/partial" not in clamd.asked[-1], "the filter saw the whole"
            assert waiting(server, "defragment") == 0 and bodies(server, JOINT) == []
            log = (server.folder / "server.log").read_text()
            assert "fragments were dropped: the message made of them was refused" in log
            for part in fragments(2, "clean"):
                bring(server, [JOINT.address], part)
            [whole] = wait_for(server, JOINT, 1)
            is_whole(whole)


def test_a_virus_in_two_fragments_that_vanishes_leaves_nothing_waiting(tmp_path):
    with filters.clamd(sees=decoded) as clamd:
        action = 'require "vnd.heliograph.system"; jettison;'
        with configured(tmp_path, scanning(clamd, action), with_joint) as server:
            for part in split_virus("virus"):
                bring(server, [JOINT.address], part)
            assert waiting(server, "defragment") == 0 and bodies(server, JOINT) == []


def test_a_message_in_fragments_that_the_policy_discards_leaves_nothing_waiting(tmp_path):
    """Nobody is to get it, so its fragments wait for nothing any more, and the trace of the last one tells why."""
    rule = '[[rules]]\nheader = ["Subject: the whole"]\naction = "discard"\n'
    with configured(tmp_path, DEFRAGMENT + rule, with_joint) as server:
        one, other = fragments(2)
        bring(server, [JOINT.address], one)
        until(lambda: waiting(server, "defragment") == 1, "the fragment that waits")
        with smtplib.SMTP("127.0.0.1", server.port("smtp")) as client:
            client.ehlo("far.test")
            for command in ("MAIL FROM:<someone@far.test>", f"RCPT TO:<{JOINT.address}>"):
                assert client.docmd(command)[0] == 250
            assert client.docmd("DATA")[0] == 354
            client.send(other.replace(b"\r\n.", b"\r\n..") + b"\r\n.\r\n")
            code, said = client.getreply()
        assert code == 250
        trace = said.decode().rsplit(" ", 1)[1]
        assert "dropped for all" in server.command("message", "trace", trace).stdout
        assert waiting(server, "defragment") == 0 and bodies(server, JOINT) == []


def test_a_message_in_fragments_that_the_policy_redirects_ends_its_fragments(tmp_path):
    rule = '[[rules]]\nstage = "message"\nheader = ["Subject: the whole"]\nrecipient = ["joint@*"]\naction = "redirect"\nto = "bob@example.test"\n'
    with configured(tmp_path, DEFRAGMENT + rule, with_joint) as server:
        one, other = fragments(2)
        bring(server, [JOINT.address], one)
        until(lambda: waiting(server, "defragment") == 1, "the fragment that waits")
        bring(server, [JOINT.address], other)
        [whole] = wait_for(server, server.bob, 1)
        is_whole(whole)
        assert waiting(server, "defragment") == 0 and bodies(server, JOINT) == []
