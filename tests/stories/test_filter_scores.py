"""What filters think of a message reaches the script of whom it is for: by `spamtest` and `virustest` (RFC 5235)."""

import json

import pytest

from kit import filters
from kit.mailbox import bodies, wait_for
from test_filters import EICAR, GTUBE, PLAIN, Filtered, table

# What is tested is told by the folder. A virus first, because what is one may also look like spam.
SORTING = """
require ["fileinto", "mailbox", "spamtestplus", "virustest", "relational", "comparator-i;ascii-numeric"];
if virustest :value "eq" :comparator "i;ascii-numeric" "5" { fileinto :create "Infected"; }
elsif spamtest :percent :value "eq" :comparator "i;ascii-numeric" "100" { fileinto :create "Surely"; }
elsif spamtest :percent :value "ge" :comparator "i;ascii-numeric" "70" { fileinto :create "Likely"; }
elsif spamtest :percent :value "ge" :comparator "i;ascii-numeric" "30" { fileinto :create "Perhaps"; }
elsif virustest :value "eq" :comparator "i;ascii-numeric" "1" { fileinto :create "Clean"; }
"""


@pytest.fixture
def filtered(tmp_path):
    server = Filtered(tmp_path)
    yield server
    server.__exit__()


def sort(server, text=SORTING):
    server.command("sieve", "put", server.alice.address, "sort", "-", "--activate", stdin=text)


def scored(message, fields):
    """Of twenty points, so many as the message says itself."""
    points = message.split(b"X-Points: ")[1].split(b"\r\n")[0] if b"X-Points: " in message else b"0"
    return json.dumps({"action": "no action", "score": float(points), "required_score": 20.0})


def worth(points):
    return b"X-Points: %s\r\n" % points + PLAIN


def test_the_score_of_a_filter_sorts_mail_by_percents_of_its_limit(filtered):
    with filters.rspamd(scored) as rspamd:
        filtered.prepare(table("rspamd", rspamd))
        with filtered:
            sort(filtered)
            for points, folder in ((b"20", "Surely"), (b"19.9", "Likely"), (b"14", "Likely"), (b"13.9", "Perhaps"), (b"6", "Perhaps"), (b"5.9", "INBOX"), (b"-3", "INBOX")):
                before = count(filtered, folder)
                assert filtered.send(worth(points))[0] == 250
                assert b"X-Points: %s\r\n" % points in wait_for(filtered, filtered.alice, before + 1, folder)[-1], folder
            # A reader without such a script has all of it in one place.
            assert filtered.send(worth(b"20"), filtered.bob.address)[0] == 250
            wait_for(filtered, filtered.bob, 1)


def count(server, folder):
    """How many there are; a folder that is not there yet has none."""
    try:
        return len(bodies(server, server.alice, folder))
    except AssertionError:
        return 0


def test_the_verdict_about_a_virus_and_that_there_is_none_reach_the_script(filtered):
    keep = "string_action = 'require \"vnd.heliograph.system\"; addtag \"[virus]\";'"
    with filters.clamd() as clamd:
        filtered.prepare(table("clamd", clamd, keep))
        with filtered:
            sort(filtered)
            assert filtered.send(EICAR)[0] == 250
            [infected] = wait_for(filtered, filtered.alice, 1, "Infected")
            assert b"EICAR" in infected
            assert filtered.send(PLAIN)[0] == 250
            [clean] = wait_for(filtered, filtered.alice, 1, "Clean")
            assert b"nothing special" in clean and bodies(filtered, filtered.alice) == []


def test_the_highest_of_all_filters_is_what_the_script_sees(filtered):
    """Two that give points, and one that looks for viruses: the score is the stronger one, beside the virus's own."""
    with filters.rspamd(scored) as rspamd, filters.spamd() as spamd, filters.clamd() as clamd:
        keep = "string_action = 'keep;'"
        filtered.prepare(table("rspamd", rspamd), table("spamd", spamd, keep), table("clamd", clamd, keep))
        with filtered:
            sort(filtered)
            assert filtered.send(GTUBE)[0] == 250
            assert b"GTUBE" in wait_for(filtered, filtered.alice, 1, "Surely")[0], "spamd is certain, rspamd sees nothing"
            assert filtered.send(worth(b"15"))[0] == 250
            wait_for(filtered, filtered.alice, 1, "Likely")
            assert filtered.send(b"X-Points: 20\r\n" + EICAR)[0] == 250
            wait_for(filtered, filtered.alice, 1, "Infected")
            assert filtered.send(PLAIN)[0] == 250
            wait_for(filtered, filtered.alice, 1, "Clean")


def test_what_nobody_tested_is_told_from_what_is_clean(filtered):
    script = """
    require ["fileinto", "mailbox", "spamtest", "virustest"];
    if allof (spamtest "0", virustest "0") { fileinto :create "Untested"; }
    elsif spamtest "1" { fileinto :create "Tested"; }
    """
    filtered.prepare()
    with filtered:
        sort(filtered, script)
        assert filtered.send(PLAIN)[0] == 250
        wait_for(filtered, filtered.alice, 1, "Untested")
        with filters.rspamd(scored) as rspamd:
            filtered.change(table("rspamd", rspamd))
            assert filtered.send(PLAIN)[0] == 250
            wait_for(filtered, filtered.alice, 1, "Tested")
