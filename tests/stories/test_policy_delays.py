"""Delays that tables ask for: whether they hold for one reply or for all later ones of the transaction."""

from urllib.request import urlopen

import pytest

from kit.policy import prepare
from test_access_flags import session

MESSAGE = b"From: a@far.test\r\nSubject: judged\r\n\r\nbody"


def delayed(server):
    """How many replies were made to wait so far."""
    with urlopen(f"http://{server.listeners['admin']}/metrics", timeout=30) as page:
        lines = page.read().decode().splitlines()
    [count] = [line.rsplit(" ", 1)[1] for line in lines if line.startswith("heliograph_policy_delays_total ")]
    return int(count)


@pytest.fixture
def delaying(tmp_path):
    tables = (
        "FROM_ACCESS\n\n  *|slow@*|*  $Y$D30\n  *|once@*|*  $Y$D-30\n\n"
        "ORIG_SEND_ACCESS\n\n  *|slow-rcpt@*|*|alice@*  $Y$D40\n  *|once-rcpt@*|*|alice@*  $Y$D-40\n"
    )
    with prepare(tmp_path, tables) as server:
        yield server


def transaction(server, sender):
    """Each reply of a transaction to two: how long it took at least, and whether it was made to wait."""
    seen = []
    with session(server) as client:

        def timed(line):
            before = delayed(server)
            reply, seconds = client.timed(line)
            seen.append((seconds, delayed(server) - before))
            return reply

        assert timed(f"MAIL FROM:<{sender}@far.test>").startswith("250")
        for account in (server.alice, server.bob):
            assert timed(f"RCPT TO:<{account.address}>").startswith("250")
        assert timed("DATA").startswith("354")
        assert timed(f"{MESSAGE.decode()}\r\n.").startswith("250")
        # The next transaction waits for nothing.
        assert timed("MAIL FROM:<a@far.test>").startswith("250")
    return seen


@pytest.mark.parametrize(
    "sender, waits",
    [
        ("slow", [0.3, 0.3, 0.3, 0.3, 0.3, 0]),
        ("once", [0.3, 0, 0, 0, 0, 0]),
        ("slow-rcpt", [0, 0.4, 0.4, 0.4, 0.4, 0]),
        ("once-rcpt", [0, 0.4, 0, 0, 0, 0]),
        ("other", [0, 0, 0, 0, 0, 0]),
    ],
)
def test_a_delay_holds_for_all_later_replies_of_the_transaction_or_for_its_own(delaying, sender, waits):
    """In the order MAIL, RCPT, RCPT, DATA, the end of the message, MAIL. Whether a reply waited is counted by the server, so
    that a slow machine is not taken for a delay."""
    seen = transaction(delaying, sender)
    assert [count for _, count in seen] == [int(wait > 0) for wait in waits]
    assert all(seconds >= wait for (seconds, _), wait in zip(seen, waits)), seen
