"""The meter: several servers that count together, what happens when it is away, and what operators see of it."""

import base64
import smtplib
import socket
import ssl
import time

import pytest

from kit.nodes import SECRET, free_port, listener, log_of, metric, node, pause, resume
from kit.wait import until


def greeting(port: int, source: str = "127.0.0.1") -> str:
    """Connects from an address of loopback and returns the first line."""
    with socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(source, 0)) as connection:
        connection.settimeout(60)
        line = connection.makefile("rb").readline().decode()
        connection.sendall(b"QUIT\r\n")
        return line


def meter_settings(port: int = 0, tables: str = "", secret: str = SECRET) -> str:
    return f'[meter]\nsecret = "{secret}"\n{tables}\n{listener("meter", port)}{listener("admin")}'


def mta_settings(meter_port: int, more: str = "", secret: str = SECRET, client: str = "") -> str:
    return (
        f'[smtp]\nconnection_rate = 10\nconnection_time = "1d"\n{more}\n'
        f'[meter]\nsecret = "{secret}"\nservers = ["127.0.0.1:{meter_port}"]\n{client}\n'
        f'{listener("smtp")}{listener("admin")}'
    )


CONNECTIONS = '[[meter.tables]]\nname = "connections"\ndata_type = "ip"\nquota = 10\nquota_time = "1d"\n'


def test_two_nodes_share_one_meter(tmp_path):
    """systems.md section 3, acceptance 1. The quota time is long, so that a slow machine gives nothing back meanwhile."""
    with node(tmp_path / "meter", meter_settings(tables=CONNECTIONS), roles="meter") as meter:
        settings = mta_settings(meter.port("meter"))
        with node(tmp_path / "one", settings) as one, node(tmp_path / "two", settings) as two:
            lines = [greeting(server.port("smtp")) for _ in range(6) for server in (one, two)]
            assert all(line.startswith("220 ") for line in lines[:10]), lines
            assert all(line.startswith("421 4.7.0 ") for line in lines[10:]), lines
            assert "too many connections" in lines[11]
            assert greeting(one.port("smtp"), "127.0.0.2").startswith("220 "), "another address is unaffected"
            assert metric(meter, "heliograph_meter_over_total", table="connections") == 2
            [entry] = [row for row in meter.json("meter", "top", "connections") if row["key"] == "127.0.0.1"]
            assert entry["weight"] == 10 and "over for" in entry["state"]
    assert not (tmp_path / "meter" / "data" / "partitions").exists(), "the meter alone opens no store"


MAPPING = (
    "PORT_ACCESS\n\n  *|*|*|$(127.0.0.0/8)|*  "
    "$C$:A$[IMTA_LIB:check_metermaid.so,throttle,ext_throttle,$3]$N421$ Connection$ declined$ at$ this$ time$E\n"
)


def test_a_mapping_table_asks_a_meter_on_another_server(tmp_path):
    """Two servers whose PORT_ACCESS calls `check_metermaid.so`, and a third that alone has the table and counts for both."""
    (tmp_path / "mappings").write_text(MAPPING)
    tables = '[[meter.tables]]\nname = "ext_throttle"\ndata_type = "ip"\nquota = 3\nquota_time = "1d"\n'
    with node(tmp_path / "meter", meter_settings(tables=tables), roles="meter") as meter:
        settings = (
            f'[policy]\nmappings = "{tmp_path / "mappings"}"\n[meter]\nsecret = "{SECRET}"\n'
            f'servers = ["127.0.0.1:{meter.port("meter")}"]\n{listener("smtp")}{listener("admin")}'
        )
        with node(tmp_path / "one", settings) as one, node(tmp_path / "two", settings) as two:
            lines = [greeting(server.port("smtp"), "127.0.0.9") for _ in range(3) for server in (one, two)]
            assert all(line.startswith("220 ") for line in lines[:3]), lines
            assert lines[3:] == ["421 Connection declined at this time\r\n"] * 3
            assert greeting(two.port("smtp"), "127.0.0.8").startswith("220 "), "another address is unaffected"
            assert metric(meter, "heliograph_meter_over_total", table="ext_throttle") == 3
            weights = {row["key"]: row["weight"] for row in meter.json("meter", "top", "ext_throttle")}
            assert weights == {"127.0.0.9": 3, "127.0.0.8": 1}, "counted there, and there alone"
            for server in (one, two):
                assert metric(server, "heliograph_meter_client_connected") == 1
                assert metric(server, "heliograph_policy_lookups_total", kind="meter", result="failed") == 0
            # A look-up that fails does not match: who was over the quota comes in.
            meter.kill()
            assert greeting(one.port("smtp"), "127.0.0.9").startswith("220 ")
            assert metric(one, "heliograph_policy_lookups_total", kind="meter", result="failed") == 1


def test_a_killed_meter_holds_nobody_back(tmp_path):
    """Section 3, acceptance 2: everybody is let in, one attempt to reconnect in 15 s at most, bounded waits."""
    meter = node(tmp_path / "meter", meter_settings(tables=CONNECTIONS), roles="meter").start()
    with node(tmp_path / "one", mta_settings(meter.port("meter"))) as one:
        assert greeting(one.port("smtp")).startswith("220 ")
        assert metric(one, "heliograph_meter_client_connected") == 1
        meter.kill()
        begun = time.monotonic()
        before = metric(one, "heliograph_meter_client_connects_total")
        for _ in range(30):
            asked = time.monotonic()
            assert greeting(one.port("smtp")).startswith("220 ")
            assert time.monotonic() - asked < 5 + 10, "no longer than a connection may take"
        attempts = metric(one, "heliograph_meter_client_connects_total") - before
        assert attempts <= 1 + (time.monotonic() - begun) // 15, "one attempt in 15 s"
        assert metric(one, "heliograph_meter_client_unavailable_total") >= 28
        assert metric(one, "heliograph_meter_client_connected") == 0
        assert "the meter cannot be asked" in log_of(one) and str(meter.listeners["meter"]) in log_of(one)


def test_a_meter_that_comes_back_is_asked_again(tmp_path):
    port = free_port()
    settings = mta_settings(port, client='connect_frequency = "1s"')
    with node(tmp_path / "one", settings) as one:
        assert greeting(one.port("smtp")).startswith("220 "), "nobody is there yet"
        with node(tmp_path / "meter", meter_settings(port, CONNECTIONS), roles="meter"):
            lines = []

            def refused():
                lines.append(greeting(one.port("smtp")))
                return lines[-1].startswith("421 ")

            until(refused, "the meter is asked again", 60)
            assert len(lines) >= 11


def test_a_meter_that_hangs_is_waited_for_no_longer_than_said(tmp_path):
    with node(tmp_path / "meter", meter_settings(tables=CONNECTIONS), roles="meter") as meter:
        settings = mta_settings(meter.port("meter"), client='read_wait = "1s"\nconnect_wait = "1s"')
        with node(tmp_path / "one", settings) as one:
            assert greeting(one.port("smtp")).startswith("220 ")
            pause(meter)
            try:
                begun = time.monotonic()
                assert greeting(one.port("smtp")).startswith("220 ")
                waited = time.monotonic() - begun
                assert 0.9 < waited < 20, waited
                asked = [greeting(one.port("smtp")) for _ in range(10)]
                assert all(line.startswith("220 ") for line in asked)
            finally:
                resume(meter)
            assert "did not answer in time" in log_of(one)


def test_a_wrong_secret_is_as_no_meter(tmp_path):
    """Section 3, acceptance 5."""
    with node(tmp_path / "meter", meter_settings(tables=CONNECTIONS), roles="meter") as meter:
        with node(tmp_path / "one", mta_settings(meter.port("meter"), secret="another secret altogether")) as one:
            assert all(greeting(one.port("smtp")).startswith("220 ") for _ in range(15))
            assert metric(meter, "heliograph_meter_logins_failed_total") == 1, "cut off, and left alone for a while"
            assert "the secrets differ" in log_of(one)
            assert SECRET not in log_of(meter) and SECRET not in log_of(one)


def test_time_gives_back_evenly(tmp_path):
    """Section 3, acceptance 3, with a minute made short; the exact figures are unit tests with a clock of their own."""
    tables = '[[meter.tables]]\nname = "t"\nquota = 100\nquota_time = "20s"\n'
    with node(tmp_path / "meter", policy_settings(tables), roles="meter") as meter:
        with Policy(meter) as policy:
            begun = time.monotonic()
            admitted = policy.admitted("k", 130)
            last = time.monotonic()
            assert 100 <= admitted <= 100 + 5 * (last - begun) + 1
            until(lambda: time.monotonic() - last >= 10, "half of the time is over", 30)
            before = time.monotonic()
            again = policy.admitted("k", 130)
            after = time.monotonic()
            # Five a second come back; what is between the questions counts as well.
            assert 5 * (before - last) - 5 <= again <= 5 * (after - begun) - (admitted - 100) + 5, again
            assert 0 < again < 100


def test_who_goes_on_knocking_stays_out(tmp_path):
    """Section 3, acceptance 4."""
    tables = '[[meter.tables]]\nname = "t"\nquota = 5\nquota_time = "5s"\noptions = ["penalize", "nocase"]\n'
    with node(tmp_path / "meter", policy_settings(tables), roles="meter") as meter:
        with Policy(meter) as policy:
            policy.admitted("stops", 6)
            policy.admitted("hammers", 40)
            wait = {row["key"]: int(row["state"].split("over for ")[1].split(" ")[0]) for row in meter.json("meter", "list", "t")}
            assert wait["hammers"] > wait["stops"] + 20, wait
            # Looking does not count, asking does.
            until(lambda: "over" not in meter.command("meter", "show", "t", "stops", check=False).stdout, "it may come", 60)
            assert policy.ask("stops") == "DUNNO", "who stops is let in"
            assert policy.ask("HAMMERS") != "DUNNO", "who does not is still out, under either case"


def policy_settings(tables: str, key: str = "sender", more: str = "") -> str:
    rule = f'[[meter.rules]]\nkey = ["{key}"]\ntable = "t"\nanswer = "DEFER_IF_PERMIT 4.7.1 slow down"\n{more}'
    return f"{tables}\n{rule}\n{listener('policy')}{listener('admin')}"


class Policy:
    """A client of policy delegation."""

    def __init__(self, server):
        self.server = server

    def __enter__(self):
        self.connection = socket.create_connection(("127.0.0.1", self.server.port("policy")), timeout=60)
        self.reader = self.connection.makefile("rb")
        return self

    def __exit__(self, *_):
        self.reader.close()
        self.connection.close()

    def write(self, sender: str, state: str = "RCPT"):
        request = f"request=smtpd_access_policy\nprotocol_state={state}\nsender={sender}\nclient_address=192.0.2.1\n\n"
        self.connection.sendall(request.encode())

    def read(self) -> str:
        line = self.reader.readline().decode()
        assert self.reader.readline() == b"\n"
        assert line.startswith("action=")
        return line.strip().split("=", 1)[1]

    def ask(self, sender: str, state: str = "RCPT") -> str:
        self.write(sender, state)
        return self.read()

    def admitted(self, sender: str, tries: int) -> int:
        for _ in range(tries):
            self.write(sender)
        return sum(self.read() == "DUNNO" for _ in range(tries))


def test_policy_delegation_counts_by_rule(tmp_path):
    tables = '[[meter.tables]]\nname = "t"\nquota = 2\nquota_time = "1d"\noptions = ["nocase"]\n'
    with node(tmp_path / "meter", policy_settings(tables), roles="meter") as meter:
        with Policy(meter) as policy:
            answers = [policy.ask(sender) for sender in ("A@x.test", "a@x.test", "a@X.test", "b@x.test")]
            assert answers == ["DUNNO", "DUNNO", "DEFER_IF_PERMIT 4.7.1 slow down", "DUNNO"], "both cases are one"
            assert policy.ask("a@x.test", "MAIL") == "DUNNO", "the rule is for RCPT"
            assert policy.ask("") == "DUNNO", "without its attribute the rule is passed over"
        assert metric(meter, "heliograph_meter_policy_restrained_total") == 1
        with Policy(meter) as policy:
            policy.connection.sendall(b"EHLO there\r\n\r\n")
            assert policy.reader.readline() == b"", "nonsense ends the connection"


def test_operators_list_page_show_and_reset(tmp_path):
    tables = '[[meter.tables]]\nname = "t"\nquota = 2\nquota_time = "1d"\n'
    with node(tmp_path / "meter", policy_settings(tables), roles="meter") as meter:
        with Policy(meter) as policy:
            for sender in ("c", "a", "b", "a", "a"):
                policy.ask(sender)
            assert policy.ask("a") != "DUNNO"
            assert [row["key"] for row in meter.json("meter", "list", "t", "--limit", "2")] == ["a", "b"]
            assert [row["key"] for row in meter.json("meter", "list", "t", "--after", "b")] == ["c"]
            assert meter.json("meter", "top", "t", "--limit", "1")[0]["weight"] == 2
            assert "2 of 2, over for" in meter.command("meter", "show", "t", "a").stdout
            missing = meter.command("meter", "show", "t", "z", check=False)
            assert missing.returncode == 1 and "t knows nothing of z" in missing.stderr
            assert meter.command("meter", "reset", "t", "a").stdout == "1 forgotten\n"
            assert policy.ask("a") == "DUNNO"
            assert meter.command("meter", "reset", "t", check=False).returncode == 2, "all of it only with --yes"
            assert meter.command("meter", "reset", "t", "--yes").stdout == "3 forgotten\n"
        [table] = [table for table in meter.json("meter", "list")["tables"] if table["name"] == "t"]
        assert (table["name"], table["entries"], table["kind"]) == ("t", 0, "throttle 2 in 1d")
        unknown = meter.command("meter", "list", "none", check=False)
        assert unknown.returncode == 1 and "there is no table none" in unknown.stderr
        status = meter.json("status")
        assert status["running"] and status["partitions"] == []
        assert "only the meter and the greylister run here" in meter.command("queue", "list", check=False).stderr
        meter.command("stop")
        assert meter.process.wait(timeout=30) == 0


def test_a_reload_changes_quotas_and_keeps_counts(tmp_path):
    tables = '[[meter.tables]]\nname = "t"\nquota = 2\nquota_time = "1d"\n'
    with node(tmp_path / "meter", policy_settings(tables), roles="meter") as meter:
        with Policy(meter) as policy:
            assert policy.admitted("k", 3) == 2
            text = meter.settings_file.read_text().replace("quota = 2", "quota = 5").replace("slow down", "later")
            meter.settings_file.write_text(text)
            applied = meter.json("reload")
            assert applied["need_restart"] == [] and "meter.tables[0].quota" in applied["applied"]
            assert policy.admitted("k", 9) == 3, "two of now five were used"
            assert policy.ask("k") == "DEFER_IF_PERMIT 4.7.1 later"


@pytest.fixture
def submitting(tmp_path):
    """A server whose accounts may send three messages, or to five recipients, in a day."""
    rates = '[smtp]\nsubmission_messages = 3\nsubmission_recipients = 5\nsubmission_time = "1d"\n'
    failures = '[directory]\nfailed_logins = 5\n'
    settings = f"{rates}{failures}{listener('admin')}[[listeners]]\nprotocol = \"submissions\"\naddress = \"127.0.0.1:0\"\n"
    with node(tmp_path / "mx", settings) as server:
        server.command("domain", "add", "example.test")
        for name in ("alice", "bob"):
            server.command("account", "add", f"{name}@example.test", "--password-stdin", stdin="a long password\n")
        yield server


def session(server, name):
    context = ssl.create_default_context(cafile=str(server.data / "tls" / "self-signed.pem"))
    client = smtplib.SMTP_SSL("localhost", server.port("submissions"), context=context, timeout=60)
    client.login(f"{name}@example.test", "a long password")
    return client


def test_an_account_sends_so_much_in_a_time(submitting):
    text = "Subject: x\r\n\r\nx\r\n"
    with session(submitting, "alice") as client:
        for _ in range(3):
            client.sendmail("alice@example.test", ["bob@example.test"], text)
        with pytest.raises(smtplib.SMTPSenderRefused) as refused:
            client.sendmail("alice@example.test", ["bob@example.test"], text)
        assert refused.value.smtp_code == 450 and refused.value.smtp_error.startswith(b"4.7.1 ")
        client.rset()
        with pytest.raises(smtplib.SMTPSenderRefused):
            client.sendmail("", ["bob@example.test"], text)
    with session(submitting, "bob") as client:
        client.mail("bob@example.test")
        codes = [client.rcpt("alice@example.test")[0] for _ in range(7)]
        assert codes == [250] * 5 + [450] * 2, "others have rates of their own; recipients are counted one by one"
    shown = submitting.json("meter", "top", "submission.messages")
    assert [(row["key"], row["weight"]) for row in shown][0] == ("alice@example.test", 3)
    submitting.command("meter", "reset", "submission.messages", "alice@example.test")
    with session(submitting, "alice") as client:
        client.sendmail("alice@example.test", ["bob@example.test"], text)


def test_failed_logins_are_counted_by_the_meter(submitting):
    """Whoever fails too often waits and is then refused unheard; an operator sees it and can let the account in again."""
    context = ssl.create_default_context(cafile=str(submitting.data / "tls" / "self-signed.pem"))

    def attempt(password):
        with smtplib.SMTP_SSL("localhost", submitting.port("submissions"), context=context, timeout=60) as client:
            client.ehlo()
            plain = base64.b64encode(f"\0alice@example.test\0{password}".encode()).decode()
            return client.docmd("AUTH", f"PLAIN {plain}")[0]

    heard = []

    def refused_unheard():
        heard.append(attempt("wrong"))
        return heard[-1] == 421

    until(refused_unheard, "who fails too often is refused unheard", 120)
    assert heard[:5] == [535] * 5, "five are heard"
    assert attempt("a long password") == 421, "the right one is not heard either"
    shown = submitting.json("meter", "show", "logins.accounts", "Alice@example.test")
    assert shown["key"] == "alice@example.test" and shown["weight"] == 5
    assert submitting.json("meter", "show", "logins.addresses", "127.0.0.1")["weight"] >= 4
    submitting.command("meter", "reset", "logins.accounts", "alice@example.test")
    assert attempt("a long password") == 235
    missing = submitting.command("meter", "show", "logins.accounts", "alice@example.test", check=False)
    assert missing.returncode == 1, "who has logged in is forgiven"
