"""Filters in the MTA: what they find decides, before the reply, what becomes of the message; without them, the settings do."""

import json
import smtplib
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from kit import filters
from kit.configured import waiting
from kit.mailbox import bodies, login, wait_for
from kit.server import Server
from kit.wait import until
from test_fragments import BODY, DEFRAGMENT, fragments

EICAR = b"From: x@far.test\r\nSubject: a present\r\n\r\nEICAR-STANDARD-ANTIVIRUS-TEST-FILE\r\n"
GTUBE = b"From: x@far.test\r\nSubject: buy this\r\n\r\nGTUBE\r\n"
PLAIN = b"From: x@far.test\r\nSubject: hello\r\n\r\nnothing special\r\n"

TIMES = "connect_timeout = '500ms'\nstep_timeout = '1s'\ntotal_timeout = '4s'\n"


class Filtered(Server):
    """A demo server whose settings get `[[filters]]`."""

    def prepare(self, *tables):
        with self:
            pass
        self.settings = self.data / "heliograph.toml"
        self.plain = self.settings.read_text()
        self.write(*tables)
        return self

    def write(self, *tables):
        text = "".join(f"\n[[filters]]\n{TIMES}{table}\n" for table in tables)
        self.settings.write_text(self.plain + text)
        self.command("config", "check", str(self.settings))

    def change(self, *tables):
        self.write(*tables)
        self.command("reload")

    def send(self, message, *recipients):
        """Sends over SMTP as a stranger; the code and text that the end of data was answered with."""
        recipients = recipients or (self.alice.address,)
        with smtplib.SMTP("localhost", self.port("smtp"), timeout=60) as client:
            client.ehlo("far.test")
            client.mail("x@far.test")
            for recipient in recipients:
                code, text = client.rcpt(recipient)
                assert code == 250, text
            return client.data(message)

    def lmtp(self, message, *recipients):
        """The replies to each recipient over LMTP."""
        address = self.listeners["lmtp"]
        host = ("localhost", self.port("lmtp")) if "unix:" not in address else (address.removeprefix("unix:"), 0)
        with smtplib.LMTP(*host) as client:
            client.ehlo("far.test")
            client.mail("x@far.test")
            for recipient in recipients:
                assert client.rcpt(recipient)[0] == 250
            client.putcmd("data")
            assert client.getreply()[0] == 354
            client.send(message + b".\r\n")
            return [client.getreply() for _ in recipients]

    def metric(self, name, **labels):
        from urllib.request import urlopen

        text = urlopen(f"http://localhost:{self.port('admin')}/metrics").read().decode()
        total = 0
        for line in text.splitlines():
            if line.startswith(name) and all(f'{label}="{value}"' in line for label, value in labels.items()):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def logged(self, *words):
        text = (self.folder / "server.log").read_text(errors="replace")
        return any(all(word in line for word in words) for line in text.splitlines())


@pytest.fixture
def filtered(tmp_path):
    server = Filtered(tmp_path)
    yield server
    server.__exit__()


def table(protocol, played, extra=""):
    host = played if isinstance(played, str) else played.host
    return f"protocol = '{protocol}'\nhosts = ['{host}']\n{extra}"


# --- systems.md 10.1: a filter that is away ----------------------------------------------------------------------

def test_without_its_filter_mail_goes_on_is_deferred_or_is_refused_as_the_settings_say(filtered):
    away = filters.nobody()
    filtered.prepare(table("clamd", away, "on_failure = 'accept'"))
    with filtered:
        assert filtered.send(PLAIN)[0] == 250
        wait_for(filtered, filtered.alice, 1)
        assert filtered.metric("heliograph_filter_up", filter="clamd") == 0, "the alarm"
        assert filtered.metric("heliograph_filter_passed_unfiltered_total", filter="clamd") == 1
        assert filtered.logged("WARN", "clamd", "the filter gave no answer")
        filtered.change(table("clamd", away, "on_failure = 'defer'"))
        code, text = filtered.send(PLAIN)
        assert (code, text[:5]) == (451, b"4.7.1")
        filtered.change(table("clamd", away, "on_failure = 'reject'"))
        assert filtered.send(PLAIN)[0] == 554
        assert len(bodies(filtered, filtered.alice)) == 1, "what was not accepted is not there"
        with filters.clamd() as well:
            filtered.change(table("clamd", well, "on_failure = 'defer'"))
            assert filtered.send(PLAIN)[0] == 250
            assert filtered.metric("heliograph_filter_up", filter="clamd") == 1


# --- 10.2: two filters both find something -------------------------------------------------------------------------

def test_two_filters_both_find_something(filtered):
    header = "string_action = 'require \"editheader\"; addheader \"Spam-Test\" \"$U\";'\nverdict = 'Spam'"
    reject = "string_action = 'require \"reject\"; reject \"It holds $U.\";'"
    with filters.spamd() as spamd, filters.clamd() as clamd:
        filtered.prepare(table("spamd", spamd, header), table("clamd", clamd, reject))
        both = GTUBE + EICAR
        with filtered:
            for order in ((table("spamd", spamd, header), table("clamd", clamd, reject)),
                          (table("clamd", clamd, reject), table("spamd", spamd, header))):
                filtered.change(*order)
                code, text = filtered.send(both)
                assert (code, text) == (550, b"5.7.1 It holds EICAR-STANDARD."), "the refusal is stronger, in either order"
            assert filtered.send(GTUBE)[0] == 250
            [filed] = wait_for(filtered, filtered.alice, 1)
            assert b"Spam-Test: Spam\r\n" in filed
            # A refusal for one and a field for the other: both are done.
            mixed = reject + f"\nrecipients = ['{filtered.bob.address}']"
            filtered.change(table("spamd", spamd, header), table("clamd", clamd, mixed))
            replies = filtered.lmtp(both, filtered.alice.address, filtered.bob.address)
            assert [code for code, _ in replies] == [250, 550]
            assert b"Spam-Test: Spam\r\n" in wait_for(filtered, filtered.alice, 2)[1]
            assert bodies(filtered, filtered.bob) == []


# --- 10.3: opt-in --------------------------------------------------------------------------------------------------

def test_only_the_copies_of_those_who_have_opted_in_differ(filtered):
    action = "string_action = 'require [\"fileinto\", \"mailbox\"]; fileinto :create \"$U\";'\nverdict = 'Spam found'"
    with filters.spamd() as spamd:
        filtered.prepare(table("spamd", spamd, action + "\nrecipients = ['alice@example.test']"))
        with filtered:
            assert filtered.send(GTUBE, filtered.bob.address)[0] == 250
            [untouched] = wait_for(filtered, filtered.bob, 1)
            assert spamd.asked == [], "a filter is not asked about mail for those who have not opted in"
            assert filtered.send(GTUBE, filtered.alice.address, filtered.bob.address)[0] == 250
            [filed] = wait_for(filtered, filtered.alice, 1, '"Spam found"')
            assert bodies(filtered, filtered.alice) == []
            second = wait_for(filtered, filtered.bob, 2)[1]
            assert second.split(b"\r\n\r\n", 1)[1] == filed.split(b"\r\n\r\n", 1)[1] == GTUBE.split(b"\r\n\r\n", 1)[1]
            assert untouched.endswith(GTUBE)
            filtered.change(table("spamd", spamd, action + "\nnot_recipients = ['alice@example.test']"))
            assert filtered.send(GTUBE, filtered.alice.address)[0] == 250
            wait_for(filtered, filtered.alice, 1)


def test_spam_goes_into_junk_unless_the_owner_says_where(filtered):
    action = "string_action = 'require \"vnd.heliograph.system\"; junk;'"
    with filters.spamd() as spamd:
        filtered.prepare(table("spamd", spamd, action))
        with filtered:
            assert filtered.send(GTUBE)[0] == 250
            assert (len(wait_for(filtered, filtered.alice, 1, "Junk")), bodies(filtered, filtered.alice)) == (1, [])
            filtered.command("sieve", "put", filtered.alice.address, "main", "-", "--activate", stdin="keep;")
            assert filtered.send(GTUBE)[0] == 250
            wait_for(filtered, filtered.alice, 1)
            assert len(bodies(filtered, filtered.alice, "Junk")) == 1


def test_what_is_to_be_for_one_recipient_is_not_done_to_the_others(filtered):
    action = (
        "string_action = 'require [\"envelope\", \"editheader\"]; "
        "if envelope \"to\" \"alice@example.test\" { addheader \"X-For\" \"alice\"; }'"
    )
    fields = [b"hX-Many\0%d\0" % number for number in range(40)]
    changes = [b"m" + b"\0\0\0\1" + b"Subject\0another\0", b"m" + b"\0\0\0\1" + b"X-Old\0\0", b"bnew body\r\n", b"-<bob@example.test>\0"]
    with filters.spamd() as spamd, filters.milter(lambda said: fields + changes + [b"a"]) as milter:
        filtered.prepare(table("spamd", spamd, action))
        alice, bob = filtered.alice.address, filtered.bob.address
        with filtered:
            assert filtered.send(GTUBE, alice, bob)[0] == 250
            assert b"X-For: alice\r\n" in wait_for(filtered, filtered.alice, 1)[0]
            assert b"X-For" not in wait_for(filtered, filtered.bob, 1)[0]
            filtered.change(table("milter", milter, "recipients = ['alice@example.test']"))
            assert filtered.send(b"X-Old: 1\r\n" + PLAIN, alice, bob)[0] == 250
            hers, his = wait_for(filtered, filtered.alice, 2)[1], wait_for(filtered, filtered.bob, 2)[1]
            assert hers.count(b"X-Many: ") == 40 and b"Subject: another\r\n" in hers and b"X-Old" not in hers
            assert b"X-Many" not in his and b"Subject: hello\r\n" in his and b"X-Old: 1\r\n" in his
            assert hers.endswith(b"nothing special\r\n") and his.endswith(b"nothing special\r\n")
            assert filtered.metric("heliograph_filter_not_changed_total", filter="milter") == 2
            assert filtered.logged("WARN", "milter", "replacing the body", "some of the recipients only")


def test_what_one_filter_rewrites_keeps_the_changes_of_the_others(filtered):
    with filters.milter(lambda said: [b"hX-Added\0yes\0", b"a"]) as milter, filters.spamd() as spamd:
        filtered.prepare(table("milter", milter), table("spamd", spamd, "command = 'process'"))
        with filtered:
            assert filtered.send(PLAIN)[0] == 250
            [filed] = wait_for(filtered, filtered.alice, 1)
            assert b"X-Rewritten: yes\r\n" in filed and b"X-Added: yes\r\n" in filed


def test_a_virus_does_not_leave_by_an_alias_that_is_partly_elsewhere(filtered):
    action = "string_action = 'require \"reject\"; reject \"It holds $U.\";'\nrecipients = ['team@example.test']"
    with filters.clamd() as clamd:
        filtered.prepare(table("clamd", clamd, action))
        with filtered:
            filtered.command("alias", "set", "team@example.test", filtered.alice.address, "somebody@elsewhere.test")
            code, text = filtered.send(EICAR, filtered.bob.address, "team@example.test")
            assert (code, text) == (550, b"5.7.1 It holds EICAR-STANDARD.")
            assert filtered.json("queue", "list") == []


def test_an_action_that_fails_is_as_if_the_filter_gave_no_answer(filtered):
    action = "string_action = 'require \"vnd.heliograph.system\"; spamadjust \"$U\";'\n"
    with filters.clamd() as clamd:
        filtered.prepare(table("clamd", clamd, action + "on_failure = 'defer'"))
        with filtered:
            code, text = filtered.send(EICAR)
            assert (code, text[:5]) == (451, b"4.7.1")
            filtered.change(table("clamd", clamd, action + "on_failure = 'reject'"))
            assert filtered.send(EICAR)[0] == 554
            filtered.change(table("clamd", clamd, action + "on_failure = 'accept'"))
            assert filtered.send(EICAR)[0] == 250
            wait_for(filtered, filtered.alice, 1)
            assert filtered.metric("heliograph_filter_script_failures_total", filter="clamd") == 3
            tried = filtered.folder / "tried.eml"
            tried.write_bytes(EICAR)
            [said] = filtered.json("filter", "test", str(tried), "--to", filtered.alice.address)
            assert "the script fails" in said["then"] and said["then"].endswith("accept")


def test_copies_for_filters_count_in_the_memory_of_all_sessions(filtered):
    begun = Event()

    def slow(played, connection):
        begun.set()
        played.release.wait()

    large = PLAIN + b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 210_000
    with filters.Played(slow) as played:
        patient = "step_timeout = '50s'\ntotal_timeout = '50s'\n"
        filtered.prepare()
        filtered.plain = filtered.settings.read_text() + '\n[smtp]\nspool_size = "64 MiB"\n'
        text = f"\n[[filters]]\n{patient}{table('clamd', played)}\n"
        filtered.settings.write_text(filtered.plain + text)
        with filtered, ThreadPoolExecutor(1) as other:
            first = other.submit(filtered.send, large)
            assert begun.wait(60)
            assert filtered.send(large)[0] == 452, "there is room for the message, and not for what is made of it"
            played.release.set()
            assert first.result()[0] == 451


# --- fragments -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("others", [0, 1])
def test_who_is_to_bring_the_last_fragment_again_finds_the_others(filtered, others):
    mood = {"rcpt": b"c"}
    with filters.milter(rcpt=lambda address: mood["rcpt"] if b"alice" in address else b"c") as milter:
        filtered.prepare()
        filtered.plain = filtered.settings.read_text() + f"\n{DEFRAGMENT}"
        filtered.write(table("milter", milter))
        recipients = [filtered.alice.address, filtered.bob.address][: 1 + others]
        with filtered:
            one, other = fragments(2)
            assert [code for code, _ in filtered.lmtp(one, *recipients)] == [250] * len(recipients)
            mood["rcpt"] = b"t"
            assert [code for code, _ in filtered.lmtp(other, *recipients)] == [451] * len(recipients)
            assert waiting(filtered, "defragment") == 1
            mood["rcpt"] = b"c"
            assert [code for code, _ in filtered.lmtp(other, *recipients)] == [250] * len(recipients)
            for account in (filtered.alice, filtered.bob)[: 1 + others]:
                [whole] = wait_for(filtered, account, 1)
                assert whole.endswith(BODY) and b"message/partial" not in whole
            assert waiting(filtered, "defragment") == 0


# --- 10.4: a virus -------------------------------------------------------------------------------------------------

def test_a_virus_is_refused_or_vanishes(filtered):
    reject = "string_action = 'require \"reject\"; reject \"The message holds $U.\";'"
    vanish = "string_action = 'require \"vnd.heliograph.system\"; jettison;'"
    with filters.clamd() as clamd:
        filtered.prepare(table("clamd", clamd, reject))
        with filtered:
            code, text = filtered.send(EICAR)
            assert (code, text) == (550, b"5.7.1 The message holds EICAR-STANDARD.")
            assert filtered.send(PLAIN)[0] == 250
            filtered.change(table("clamd", clamd, vanish))
            code, text = filtered.send(EICAR)
            assert code == 250
            assert filtered.logged("clamd", "EICAR-STANDARD", "jettisoned")
            trace = filtered.json("message", "trace", text.decode().split()[-1])
            told = json.dumps(trace)
            assert "filter clamd: EICAR-STANDARD" in told and "dropped" in told
            assert len(bodies(filtered, filtered.alice)) == 1, "only the plain one"


# --- 10.5: patterns ------------------------------------------------------------------------------------------------

def test_the_first_pattern_that_fits_decides_and_the_rest_is_for_all_others(filtered):
    actions = (
        "verdicts = [{ pattern = '*virus*', action = 'require \"reject\"; reject \"virus\";' },"
        " { pattern = 'Phish%', action = 'require \"vnd.heliograph.system\"; hold \"phishing\";' }]\n"
        "string_action = 'require \"vnd.heliograph.system\"; addtag \"[$U]\";'"
    )
    with filters.clamd(b"Win.Virus.Test") as virus, filters.clamd(b"Phish.Bank") as phish, filters.clamd(b"Odd") as odd:
        filtered.prepare(table("clamd", virus, actions))
        with filtered:
            assert filtered.send(EICAR) == (550, b"5.7.1 virus")
            filtered.change(table("clamd", phish, actions))
            assert filtered.send(EICAR)[0] == 250
            held = filtered.json("queue", "list", "--held")
            assert [message["sender"] for message in held] == ["x@far.test"]
            filtered.change(table("clamd", odd, actions))
            assert filtered.send(EICAR)[0] == 250
            [tagged] = wait_for(filtered, filtered.alice, 1)
            assert b"Subject: [Odd] a present\r\n" in tagged


# --- 12.1 and 12.4: early refusal, and a filter that dies in the middle -----------------------------------------------

def test_an_unknown_recipient_is_refused_at_once_though_the_filter_is_away(filtered):
    filtered.prepare(table("clamd", filters.nobody()))
    with filtered:
        with smtplib.SMTP("localhost", filtered.port("smtp")) as client:
            client.ehlo("far.test")
            client.mail("x@far.test")
            assert client.rcpt("nobody@example.test")[0] == 550


class Behind(smtplib.SMTP):
    """A client whose connection comes through a proxy that tells its real address."""

    def _get_socket(self, host, port, timeout):
        connection = super()._get_socket(host, port, timeout)
        connection.sendall(b"PROXY TCP4 192.0.2.77 127.0.0.1 5000 25\r\n")
        return connection


def test_the_filter_hears_the_real_address_behind_a_proxy(filtered):
    with filters.milter() as milter:
        filtered.prepare(table("milter", milter))
        first = 'protocol = "smtp"\n'
        text = filtered.settings.read_text()
        assert text.count(first) == 1
        filtered.settings.write_text(text.replace(first, first + 'proxies = ["127.0.0.0/8"]\n'))
        with filtered:
            with Behind("127.0.0.1", filtered.port("smtp"), timeout=60) as client:
                client.sendmail("x@far.test", [filtered.alice.address], PLAIN)
            assert milter.asked[0]["macros"][b"{client_addr}"] == b"192.0.2.77"
            [filed] = wait_for(filtered, filtered.alice, 1)
            assert b"([192.0.2.77])" in filed


@pytest.mark.parametrize("protocol", ["clamd", "spamd", "rspamd", "icap", "milter"])
@pytest.mark.parametrize("mood", ["hang", "close", "garbage"])
def test_a_filter_that_breaks_in_the_middle_of_a_message_loses_nothing(filtered, protocol, mood):
    answer = lambda message, fields: '{"action": "no action", "score": 0, "required_score": 5}'
    play = {"clamd": filters.clamd, "spamd": filters.spamd, "icap": filters.icap, "milter": filters.milter,
            "rspamd": lambda: filters.rspamd(answer)}[protocol]
    with play() as played:
        filtered.prepare(table(protocol, played, "on_failure = 'defer'"))
        with filtered:
            assert filtered.send(PLAIN)[0] == 250
            played.mood = mood
            took, (code, text) = filters.seconds(lambda: filtered.send(PLAIN))
            assert (code, text[:5]) == (451, b"4.7.1")
            assert took < 15, "the documented time is the total of 4 s"
            kind = {"hang": ["timeout"], "close": ["lost"], "garbage": ["strange", "lost", "timeout"]}[mood]
            assert sum(filtered.metric("heliograph_filter_failures_total", filter=protocol, kind=word) for word in kind) >= 1
            assert filtered.logged("WARN", protocol, "the filter gave no answer")
            played.mood = "well"
            until(lambda: filtered.send(PLAIN)[0] == 250, "the filter to be asked again")
            wait_for(filtered, filtered.alice, 2)
            assert len(bodies(filtered, filtered.alice)) == 2, "what was deferred is not there, what was accepted is"


# --- milter: changes -------------------------------------------------------------------------------------------------

def test_a_milter_changes_header_body_sender_and_recipients(filtered):
    def at_end(said):
        assert said["macros"][b"{client_addr}"] in (b"127.0.0.1", b"::1")
        return [
            b"hX-Added\0yes\0",
            b"i" + b"\0\0\0\0" + b"X-First\0top\0",
            b"m" + b"\0\0\0\1" + b"Subject\0another\0",
            b"e<new@far.test>\0",
            b"+<bob@example.test>\0",
            b"bnew ",
            b"p",
            b"bbody\r\n",
            b"a",
        ]

    with filters.milter(at_end) as milter:
        filtered.prepare(table("milter", milter))
        with filtered:
            assert filtered.send(PLAIN)[0] == 250
            for account in (filtered.alice, filtered.bob):
                [filed] = wait_for(filtered, account, 1)
                assert filed.startswith(b"Return-Path: <new@far.test>\r\n")
                assert b"\r\nX-First: top\r\nFrom: x@far.test\r\nSubject: another\r\nX-Added: yes\r\n\r\nnew body\r\n" in filed
            assert milter.asked[0]["sender"] == b"<x@far.test>"
            assert milter.asked[0]["body"] == b"nothing special\r\n"


def test_a_milter_refuses_the_message_or_one_recipient(filtered):
    rcpt = lambda address: b"y550 5.7.1 not for bob\0" if b"bob" in address else b"c"
    verdict = [b"c"]
    with filters.milter(lambda said: verdict, rcpt) as milter:
        filtered.prepare(table("milter", milter))
        with filtered:
            alice, bob = filtered.alice.address, filtered.bob.address
            replies = filtered.lmtp(PLAIN, alice, bob, "postmaster@example.test")
            assert [code for code, _ in replies] == [250, 550, 250] and replies[1][1] == b"5.7.1 not for bob"
            assert filtered.send(PLAIN, bob) == (550, b"5.7.1 not for bob")
            verdict[:] = [b"y554 5.6.0 100%% wrong\0"]
            assert filtered.send(PLAIN, alice) == (554, b"5.6.0 100% wrong")
            verdict[:] = [b"t"]
            assert filtered.send(PLAIN, alice)[0] == 451
            verdict[:] = [b"d"]
            before = len(bodies(filtered, filtered.alice))
            assert filtered.send(PLAIN, alice)[0] == 250
            assert len(bodies(filtered, filtered.alice)) == before
            verdict[:] = [b"qlooks odd\0", b"a"]
            assert filtered.send(PLAIN, alice)[0] == 250
            assert len(filtered.json("queue", "list", "--held")) == 1


# --- rspamd and icap ------------------------------------------------------------------------------------------------

def test_rspamd_is_told_of_the_envelope_and_its_fields_are_added(filtered):
    answer = lambda message, fields: json.dumps({
        "action": "add header", "score": 7.0, "required_score": 10.0,
        "milter": {"add_headers": {"X-Spam": "Yes"}, "remove_headers": {"X-Old": 0}},
    })
    with filters.rspamd(answer) as rspamd:
        filtered.prepare(table("rspamd", rspamd))
        with filtered:
            assert filtered.send(b"X-Old: 1\r\nX-Old: 2\r\n" + PLAIN, filtered.alice.address, filtered.bob.address)[0] == 250
            [filed] = wait_for(filtered, filtered.alice, 1)
            assert b"X-Spam: Yes\r\n" in filed and b"X-Old" not in filed
            [(path, fields, message)] = rspamd.asked
            assert path == "/checkv2" and message.endswith(PLAIN)
            assert [value for name, value in fields if name == "rcpt"] == [filtered.alice.address, filtered.bob.address]
            assert ("from", "x@far.test") in fields and ("helo", "far.test") in fields


def test_icap_refuses_what_it_blocks(filtered):
    with filters.icap() as icap:
        filtered.prepare(table("icap", icap, "string_action = 'require \"reject\"; reject \"$U\";'"))
        with filtered:
            assert filtered.send(PLAIN)[0] == 250
            assert filtered.send(b"X: y\r\n" + EICAR) == (550, b"5.7.1 Eicar")
            assert len(icap.asked) == 2


# --- training -------------------------------------------------------------------------------------------------------

def test_filters_learn_from_what_people_move_into_and_out_of_junk(filtered):
    answer = lambda message, fields: '{"action": "no action", "score": 0, "required_score": 5}'
    with filters.rspamd(answer) as rspamd, filters.spamd() as spamd:
        filtered.prepare(table("rspamd", rspamd, "learns = true\npassword = 'pw'"), table("spamd", spamd, "learns = true"))
        with filtered:
            assert filtered.send(PLAIN)[0] == 250
            wait_for(filtered, filtered.alice, 1)
            connection = login(filtered, filtered.alice)
            assert connection.uid("MOVE", "1:*", "Junk")[0] == "OK"
            until(lambda: [path for path, _, _ in rspamd.asked if path == "/learnspam"], "rspamd to learn spam")
            until(lambda: [f for verb, f, _ in spamd.asked if verb == "TELL" and f["message-class"] == "spam"], "spamd to learn spam")
            connection.select("Junk")
            assert connection.uid("MOVE", "1:*", "INBOX")[0] == "OK"
            until(lambda: [path for path, _, _ in rspamd.asked if path == "/learnham"], "rspamd to learn ham")
            connection.logout()
            [learned] = [(fields, message) for path, fields, message in rspamd.asked if path == "/learnham"]
            assert ("password", "pw") in learned[0] and learned[1].endswith(PLAIN)
            until(lambda: filtered.metric("heliograph_filter_learned_total", filter="rspamd") == 2, "both to be counted")


# --- operators ------------------------------------------------------------------------------------------------------

def test_operators_list_filters_see_how_they_are_and_try_a_message(filtered, tmp_path):
    with filters.clamd() as clamd:
        filtered.prepare(
            table("clamd", clamd, "name = 'virus'\nstring_action = 'require \"reject\"; reject \"no $U\";'"),
            table("spamd", filters.nobody(), "name = 'spam'\non_failure = 'accept'"),
        )
        with filtered:
            listed = filtered.json("filter", "list")
            assert [(one["number"], one["name"], one["protocol"]) for one in listed] == [(1, "virus", "clamd"), (2, "spam", "spamd")]
            message = tmp_path / "message.eml"
            message.write_bytes(EICAR)
            virus, spam = filtered.json("filter", "test", str(message), "--to", filtered.alice.address)
            assert virus["verdict"] == "EICAR-STANDARD" and virus["then"] == "refused: no EICAR-STANDARD"
            assert spam["verdict"] is None and "no answer" in spam["then"]
            assert bodies(filtered, filtered.alice) == [], "trying does nothing"
            status = filtered.json("filter", "status")
            assert [one["up"] for one in status] == [True, False]
            assert "virus" in filtered.command("filter", "test", str(message)).stdout


def test_wrong_settings_are_explained(filtered):
    filtered.prepare()
    for text, why in (
        ("protocol = 'clamd'\nhosts = []", "at least one host"),
        ("protocol = 'clamav'\nhosts = ['a:1']", "did you mean"),
        ("protocol = 'clamd'\nhosts = ['a:1']\nstring_action = 'rejekt;'", "no proper Sieve script"),
        ("protocol = 'clamd'\nhosts = ['nowhere']", "neither a host with its port"),
        ("protocol = 'clamd'\nhosts = ['a:1']\nrecipients = ['a b']", "neither `*` nor an address"),
    ):
        broken = filtered.folder / "broken.toml"
        broken.write_text(f"[[filters]]\n{text}\n")
        done = filtered.command("config", "check", str(broken), check=False)
        assert done.returncode != 0 and why in done.stderr + done.stdout, (text, done.stderr)
