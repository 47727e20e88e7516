"""Real filters judge our mail: Debian's rspamd, spamassassin and clamav-daemon, and a milter on sendmail's own library."""

import base64
import json
import signal
import sys
from pathlib import Path

import pytest

from kit import daemons, filters
from kit.configured import waiting
from kit.mailbox import bodies, wait_for
from kit.wait import until

sys.path.insert(0, str(Path(__file__).parent.parent / "stories"))

from test_filters import PLAIN, Filtered, table  # noqa: E402
from test_fragments import DEFRAGMENT, fragment, fragments, is_whole  # noqa: E402

GTUBE = f"From: x@far.test\r\nSubject: buy\r\nMessage-ID: <g@far.test>\r\n\r\n{daemons.GTUBE}\r\n".encode()
EICAR = f"From: x@far.test\r\nSubject: take\r\nMessage-ID: <e@far.test>\r\n\r\n{daemons.EICAR}\r\n".encode()

# They are slower than what the test plays itself.
SLOW = "connect_timeout = '2s'\nstep_timeout = '20s'\ntotal_timeout = '40s'\n"
# For those that are to break.
QUICK = "connect_timeout = '1s'\nstep_timeout = '5s'\ntotal_timeout = '10s'\n"


class Judged(Filtered):
    times = SLOW

    def write(self, *tables):
        text = "".join(f"\n[[filters]]\n{self.times}{table}\n" for table in tables)
        self.settings.write_text(self.plain + text)
        self.command("config", "check", str(self.settings))


@pytest.fixture
def judged(tmp_path):
    server = Judged(tmp_path / "server")
    yield server
    server.__exit__()


def break_and_mend(judged, daemon, protocol):
    """Hangs the daemon, then kills it, each time with a message in the middle; then starts it again."""
    judged.times = QUICK
    judged.change(table(protocol, daemon, "on_failure = 'defer'"))
    before = len(bodies(judged, judged.alice))
    daemon.signal(signal.SIGSTOP)
    took, (code, _) = filters.seconds(lambda: judged.send(PLAIN))
    assert code == 451 and took < 20, "within the documented time"
    daemon.signal(signal.SIGCONT)
    daemon.kill()
    assert judged.send(PLAIN)[0] == 451
    assert judged.logged("WARN", protocol, "the filter gave no answer")
    daemon.start()
    until(lambda: judged.send(PLAIN)[0] == 250, "the filter to be asked again", 60)
    wait_for(judged, judged.alice, before + 1)
    assert len(bodies(judged, judged.alice)) == before + 1


def test_rspamd(judged, tmp_path):
    with daemons.rspamd(tmp_path / "rspamd") as rspamd:
        judged.prepare(table("rspamd", rspamd))
        with judged:
            assert judged.send(PLAIN)[0] == 250
            code, text = judged.send(GTUBE)
            assert (code, text) == (554, b"5.7.1 Gtube pattern"), "its own wish, in its own words"
            filing = "string_action = 'require [\"fileinto\", \"mailbox\"]; fileinto :create \"$U\";'"
            judged.change(table("rspamd", rspamd, filing + "\nrecipients = ['alice@example.test']"))
            assert judged.send(GTUBE, judged.alice.address, judged.bob.address)[0] == 250
            wait_for(judged, judged.alice, 1, "reject")
            assert len(wait_for(judged, judged.bob, 1)) == 1
            judged.change(table("rspamd", rspamd))
            break_and_mend(judged, rspamd, "rspamd")


def test_spamassassin(judged, tmp_path):
    header = "string_action = 'require \"editheader\"; addheader \"Spam-Test\" \"$U\";'"
    with daemons.spamd(tmp_path / "spamd") as spamd:
        judged.prepare(table("spamd", spamd, header))
        with judged:
            assert judged.send(PLAIN)[0] == 250
            assert judged.send(GTUBE)[0] == 250
            plain, spam = wait_for(judged, judged.alice, 2)
            assert b"Spam-Test" not in plain
            assert b"Spam-Test: True ; 1" in spam and b"GTUBE" in spam.split(b"\r\n\r\n")[0]
            judged.change(table("spamd", spamd, "command = 'process'"))
            assert judged.send(PLAIN)[0] == 250
            rewritten = wait_for(judged, judged.alice, 3)[2]
            assert b"X-Spam-Checker-Version: SpamAssassin" in rewritten and rewritten.endswith(b"nothing special\r\n")
            assert rewritten.count(b"Received: from far.test") == 1, "the field for spamd alone does not stay"
            break_and_mend(judged, spamd, "spamd")


def test_clamav(judged, tmp_path):
    reject = (
        "verdicts = [{ pattern = '*virus*', action = 'require \"reject\"; reject \"It holds $U.\";' }]"
    )
    with daemons.clamd(tmp_path / "clamd") as clamd:
        judged.prepare(table("clamd", clamd, reject))
        with judged:
            assert judged.send(PLAIN)[0] == 250
            code, text = judged.send(EICAR)
            assert code == 550 and text.startswith(b"5.7.1 It holds Test.virus.Eicar"), text
            vanish = "string_action = 'require \"vnd.heliograph.system\"; jettison;'"
            judged.change(table("clamd", clamd, vanish))
            assert judged.send(EICAR)[0] == 250
            assert len(bodies(judged, judged.alice)) == 1
            break_and_mend(judged, clamd, "clamd")


def eicar_in_two():
    """The test file in base64, cut in the middle of what the signature tells it by, as two message/partial fragments."""
    encoded = base64.b64encode(daemons.EICAR.encode())
    inner = (
        b"Subject: take\r\nMessage-ID: <e@far.test>\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream; name=a.com\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n"
    )
    return [fragment("eicar", 1, 2, inner + encoded[:32] + b"\r\n"), fragment("eicar", 2, 2, encoded[32:] + b"\r\n")]


def test_clamav_catches_what_came_in_two_fragments(judged, tmp_path):
    refuse = "string_action = 'require \"reject\"; reject \"It holds $U.\";'"
    vanish = "string_action = 'require \"vnd.heliograph.system\"; jettison;'"
    with daemons.clamd(tmp_path / "clamd") as clamd:
        judged.prepare()
        judged.plain = judged.settings.read_text() + f"\n{DEFRAGMENT}"
        judged.write(table("clamd", clamd, refuse))
        with judged:
            one, two = eicar_in_two()
            for first, last in ((one, two), (two, one)):
                assert judged.send(first)[0] == 250, "no half tells that it is one"
                assert waiting(judged, "defragment") == 1
                code, text = judged.send(last)
                assert code == 550 and text.startswith(b"5.7.1 It holds Test.virus.Eicar"), text
                assert waiting(judged, "defragment") == 0, "the half that waited is gone with it"
            judged.change(table("clamd", clamd, vanish))
            assert [judged.send(part)[0] for part in (one, two)] == [250, 250]
            assert waiting(judged, "defragment") == 0 and bodies(judged, judged.alice) == []
            assert [judged.send(part)[0] for part in fragments(3)] == [250] * 3
            [whole] = wait_for(judged, judged.alice, 1)
            is_whole(whole)


def gtube_in_two():
    """The test text in base64, cut in its middle, as two message/partial fragments: neither half holds any of the pattern."""
    inner = (
        b"Subject: buy\r\nMessage-ID: <g@far.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n"
    )
    encoded = base64.b64encode(f"{daemons.GTUBE}\r\n".encode())
    return [fragment("gtube", 1, 2, inner + encoded[:48] + b"\r\n"), fragment("gtube", 2, 2, encoded[48:] + b"\r\n")]


@pytest.mark.parametrize(
    "protocol, start, refusal",
    [
        # Its own wish, in its own words.
        ("rspamd", daemons.rspamd, ""),
        # It has no wishes, and gives the pattern a thousand points; some it gives to every fragment without text.
        ("spamd", daemons.spamd, "verdicts = [{ pattern = 'True ; 100*', action = 'require \"reject\"; reject \"Gtube pattern\";' }]"),
    ],
    ids=["rspamd", "spamassassin"],
)
def test_spam_that_came_in_two_fragments_is_caught(judged, tmp_path, protocol, start, refusal):
    with start(tmp_path / protocol) as daemon:
        judged.prepare()
        judged.plain = judged.settings.read_text() + f"\n{DEFRAGMENT}"
        judged.write(table(protocol, daemon, refusal))
        with judged:
            one, two = gtube_in_two()
            for first, last in ((one, two), (two, one)):
                assert judged.send(first)[0] == 250, "no half tells that it is one"
                assert waiting(judged, "defragment") == 1
                code, text = judged.send(last)
                assert code in (550, 554) and text == b"5.7.1 Gtube pattern", text
                assert waiting(judged, "defragment") == 0, "the half that waited is gone with it"
            assert bodies(judged, judged.alice) == []
            assert [judged.send(part)[0] for part in fragments(3)] == [250] * 3
            [whole] = wait_for(judged, judged.alice, 1)
            is_whole(whole)


def test_a_milter_on_sendmails_library(judged, tmp_path):
    script = Path(__file__).parent / "milter_script.py"
    with daemons.pymilter(tmp_path / "milter", script) as milter:
        judged.prepare(table("milter", milter))
        with judged:
            def do(*words, to=()):
                return judged.send(b"X-Do: " + " ".join(words).encode() + b"\r\n" + PLAIN, *to)

            assert do("add", "insert", "change", "delete", "body", "from", "addrcpt")[0] == 250
            for account in (judged.alice, judged.bob):
                [filed] = wait_for(judged, account, 1)
                assert filed.startswith(b"Return-Path: <other@far.test>\r\n")
                head, body = filed.split(b"\r\n\r\n", 1)
                assert b"\r\nX-First: on top\r\nFrom: x@far.test\r\nSubject: changed\r\nX-Added: by the filter" in head
                assert b"X-Do" not in head and body == b"replaced\r\n"
            assert do("delrcpt", "addrcpt")[0] == 250
            wait_for(judged, judged.bob, 2)
            assert len(bodies(judged, judged.alice)) == 1
            assert do("reject") == (554, b"5.7.0 no\n5.7.0 not at all")
            assert do("tempfail")[0] == 451
            assert do("discard")[0] == 250
            assert do("quarantine")[0] == 250
            assert len(judged.json("queue", "list", "--held")) == 1
            assert len(bodies(judged, judged.alice)) == 1
            told = [json.loads(line) for line in (tmp_path / "milter" / "told.json").read_text().splitlines()]
            assert told[0]["hello"] == "far.test" and told[0]["sender"] == "<x@far.test>"
            assert told[0]["connect"][1] in ("127.0.0.1", "::1") and told[0]["macros"]["i"]
            assert told[0]["recipients"] == ["<alice@example.test>"] and told[0]["octets"] == len(b"nothing special\r\n")
            break_and_mend(judged, milter, "milter")
