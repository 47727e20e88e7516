"""Channels that the operator named: by domain and by source, what the CONVERSIONS table sends by them, and a scanner in between."""

import smtplib
import socket

import pytest

from kit.configured import bring, configured, names, submit, waiting
from kit.mailbox import bodies, wait_for
from kit.nodes import metric
from kit.raw import Raw
from kit.scanner import ADDRESS, Scanner
from kit.sink import Sink
from kit.wait import until

MESSAGE = b"From: someone@far.test\r\nSubject: %s\r\nMessage-ID: <%s@far.test>\r\n\r\nbody\r\n"


def message(name):
    return MESSAGE % (name.encode(), name.encode())


def channel(name, port, **keys):
    lines = "".join(f"{key} = {value}\n" for key, value in keys.items())
    return f'[[named_channels]]\nname = "{name}"\nhosts = ["127.0.0.1:{port}"]\nretry = ["1s"]\n{lines}'


def with_table(folder, settings, table):
    """A server whose mapping file holds a CONVERSIONS table with these entries."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "mappings"
    lines = "".join(f"  {entry}\n" for entry in table)
    file.write_text(f"CONVERSIONS\n\n{lines}\n")
    return configured(folder, f'{settings}\n[policy]\nmappings = "{file}"\n')


def told(server, name):
    return server.command("message", "trace", f"<{name}@far.test>").stdout


@pytest.fixture
def partners(tmp_path):
    """A server whose mail for partner.test and for what comes from inside has channels of its own."""
    with Sink() as usual, Sink() as partner, Sink() as inside:
        text = (
            channel("tcp_inside", inside.port, from_channels='["tcp_intranet"]')
            + channel("TCP_Partner", partner.port, to='["partner.test", ".partner.test"]')
            + f'[[sources]]\nchannel = "tcp_intranet"\naddresses = ["{ADDRESS}"]\nrelay = true\n'
            + names(far_test=usual.port, partner_test=usual.port)
        )
        with configured(tmp_path, text) as server:
            yield server, usual, partner, inside


def test_mail_for_a_domain_leaves_by_its_channel(partners):
    server, usual, partner, _ = partners
    submit(server, ["a@partner.test", "b@sub.partner.test", "c@far.test"], message("domain"))

    def recipients(sink):
        return sorted(one for _, recipients, _ in sink.messages for one in recipients)

    until(lambda: len(recipients(partner)) == 2 and usual.messages, "the messages at both hosts")
    assert recipients(partner) == ["a@partner.test", "b@sub.partner.test"]
    assert recipients(usual) == ["c@far.test"]
    assert "a@partner.test by tcp_partner, attempt 1: relayed" in told(server, "domain")
    assert metric(server, "heliograph_channel_replies_total", channel="tcp_partner", outcome="done") == 2


def test_a_channel_is_counted_and_stopped_alone(partners):
    server, usual, partner, _ = partners
    server.command("queue", "stop", "tcp_partner")
    submit(server, ["a@partner.test", "c@far.test"], message("stopped"))
    until(lambda: usual.messages, "the message by the channel that runs")
    summary = {one["channel"]: one for one in server.json("queue", "summarize")}
    assert (summary["tcp_partner"]["messages"], summary["tcp_partner"]["stopped"]) == (1, True)
    assert (summary["smtp"]["stopped"], summary["tcp_partner"]["unknown"]) == (False, False)
    [listed] = server.json("queue", "list", "--channel", "tcp_partner")
    assert {one["channel"] for one in listed["recipients"] if one["state"] == "due"} == {"tcp_partner"}
    assert partner.messages == []
    server.stop()
    with server:
        assert waiting(server, "tcp_partner") == 1, "it is stopped after a restart, too"
        server.command("queue", "start", "tcp_partner")
        until(lambda: partner.messages, "the message after the channel runs")
        until(lambda: waiting(server, "tcp_partner") == 0, "nothing is left")
    refused = server.command("queue", "stop", "tcp_nobody", check=False)
    assert refused.returncode != 0


def test_the_source_of_mail_chooses_its_channel(partners):
    server, usual, _, inside = partners
    with smtplib.SMTP("127.0.0.1", server.port("smtp"), source_address=(ADDRESS, 0)) as client:
        client.sendmail("printer@example.test", ["friend@far.test"], message("inside"))
    submit(server, ["friend@far.test"], message("outside"))
    until(lambda: inside.messages and usual.messages, "a message at each host")
    assert b"Subject: inside" in inside.messages[0][2] and b"Subject: outside" in usual.messages[0][2]
    assert len(inside.messages) == len(usual.messages) == 1


def test_the_access_tables_see_the_name(tmp_path):
    file = tmp_path / "mappings"
    file.write_text("SEND_ACCESS\n\n  *|*|tcp_partner|blocked@*  $NNot$ there\n\n")
    with Sink() as partner:
        text = channel("tcp_partner", partner.port, to='["partner.test"]')
        with configured(tmp_path, f'{text}\n[policy]\nmappings = "{file}"\n') as server:
            with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
                submit(server, ["blocked@partner.test"], message("blocked"))
            assert refused.value.recipients["blocked@partner.test"][0] == 550
            submit(server, ["a@partner.test"], message("open"))
            until(lambda: partner.messages, "the other message")


def test_mail_of_a_channel_that_is_gone_waits_and_is_seen(tmp_path):
    with Sink() as sink:
        text = channel("tcp_partner", sink.port, to='["partner.test"]')
        server = configured(tmp_path, text)
        with server:
            server.command("queue", "stop", "tcp_partner")
            submit(server, ["a@partner.test"], message("gone"))
            assert waiting(server, "tcp_partner") == 1
        file = server.data / "heliograph.toml"
        whole = file.read_text()
        file.write_text(whole.replace(text, ""))
        with server:
            server.command("queue", "start", "tcp_partner")
            until(lambda: metric(server, "heliograph_channel_unknown_total"), "the channel is missed")
            summary = {one["channel"]: one for one in server.json("queue", "summarize")}["tcp_partner"]
            assert summary["unknown"] and summary["messages"] == 1
            assert "tcp_partner" in server.command("queue", "summarize").stdout
            assert "the channel tcp_partner is not in the settings" in told(server, "gone")
        file.write_text(whole)
        with server:
            server.command("queue", "retry", "--all")
            until(lambda: sink.messages, "the message, once the channel is there again")


def test_the_conversions_table_decides_before_the_settings(tmp_path):
    conversions = tmp_path / "conversions"
    conversions.write_text('in-type=text; tag=inbound; command="echo converted > $OUTPUT_FILE"\n')
    table = [
        "IN-CHAN=tcp_local;OUT-CHAN=ims-ms;CONVERT  Yes,Tag=inbound",
        "IN-CHAN=tcp_submit;OUT-CHAN=ims-ms;CONVERT  No",
        "IN-CHAN=tcp_submit;OUT-CHAN=tcp_partner;CONVERT  Channel=tcp_other",
    ]
    with Sink() as partner, Sink() as other:
        text = (
            channel("tcp_partner", partner.port, to='["partner.test"]')
            + channel("tcp_other", other.port)
            + f'[conversion]\nfile = "{conversions}"\nchannels = ["submission>*,Tag=inbound"]\n'
        )
        with with_table(tmp_path, text, table) as server:
            bring(server, [server.bob.address], message("yes"))
            [got] = wait_for(server, server.bob, 1)
            assert got.endswith(b"\r\n\r\nconverted\r\n"), "Yes converts where the settings do not"
            submit(server, [server.bob.address], message("no"))
            got = wait_for(server, server.bob, 2)[-1]
            assert got.endswith(b"\r\n\r\nbody\r\n"), "No does not, where the settings do"
            submit(server, ["a@partner.test"], message("instead"))
            until(lambda: other.messages, "the message by the channel that the table names")
            assert other.messages[0][2].endswith(b"\r\n\r\nbody\r\n") and partner.messages == []
            assert other.messages[0][1] == ["a@partner.test"]


def test_an_unknown_channel_in_the_table_is_told_at_once(tmp_path):
    server = configured(tmp_path)
    (server.data / "mappings").write_text("CONVERSIONS\n\n  IN-CHAN=*  Channel=tcp_scaner\n\n")
    file = server.data / "heliograph.toml"
    file.write_text(f'{file.read_text()}\n[policy]\nmappings = "mappings"\n{channel("tcp_scanner", 25)}')
    refused = server.command("config", "check", str(file), check=False)
    assert refused.returncode != 0 and "tcp_scaner" in refused.stderr and 'did you mean "tcp_scanner"?' in refused.stderr


DETOUR = [
    "IN-CHAN=tcp_local;OUT-CHAN=ims-ms;CONVERT  Channel=tcp_scanner",
    "IN-CHAN=tcp_submit;OUT-CHAN=*;CONVERT  Channel=tcp_scanner",
]


EVERYTHING = ["IN-CHAN=*;OUT-CHAN=*;CONVERT  Channel=tcp_scanner"]


def detouring(folder, scanner_port, sink_port, table=DETOUR, settings="", **keys):
    """A server that sends mail by way of a scanner."""
    text = channel("tcp_scanner", scanner_port, detour="true", returns_from=f'["{ADDRESS}"]', **keys)
    return with_table(folder, text + settings + names(far_test=sink_port), table)


@pytest.fixture(params=[False, True], ids=["plain", "dsn"])
def scanned(request, tmp_path):
    with Scanner(dsn=request.param) as scanner, Sink(refuse={"nobody@far.test": "550 5.1.1 no such user"}) as sink:
        with detouring(tmp_path, scanner.port, sink.port) as server:
            scanner.back = server.port("smtp")
            yield server, scanner, sink


def is_empty(server):
    return all(one["messages"] == 0 for one in server.json("queue", "summarize"))


def test_mail_goes_to_a_scanner_once_and_comes_home(scanned):
    server, scanner, _ = scanned
    bring(server, [server.bob.address, server.alice.address], message("home"))
    for account in (server.bob, server.alice):
        [got] = wait_for(server, account, 1)
        assert got.startswith(b"Return-Path: <someone@far.test>\r\n") and b"X-Scanned: clean\r\n" in got
        assert b"Heliograph-Detour" not in got and got.endswith(b"\r\n\r\nbody\r\n")
    until(lambda: is_empty(server), "an empty queue")
    assert all(b"Heliograph-Detour: 1." in body for _, _, body in scanner.taken)
    assert sum(len(recipients) for _, recipients, _ in scanner.taken) == 2, "each recipient went there once"
    assert "comes back from tcp_scanner" in told(server, "home")
    assert metric(server, "heliograph_detours_total", outcome="returned") == len(scanner.taken)


def send_with_wishes(server, recipients, text):
    """As alice, with ENVID and RET, and for each recipient its parameters."""
    with smtplib.SMTP_SSL("localhost", server.port("submissions"), context=server.tls()) as client:
        client.login(server.alice.address, server.alice.password)
        assert client.mail(server.alice.address, ["RET=HDRS", "ENVID=QQ314159"])[0] == 250
        for address, wishes in recipients:
            assert client.rcpt(address, wishes)[0] == 250
        assert client.data(text)[0] == 250


def test_the_envelope_survives_a_scanner(scanned):
    server, scanner, sink = scanned
    recipients = [
        ("friend@far.test", ["NOTIFY=NEVER", "ORCPT=rfc822;Old.Friend@far.test"]),
        ("nobody@far.test", ["NOTIFY=FAILURE", "ORCPT=rfc822;Some.Body@elsewhere.test"]),
    ]
    send_with_wishes(server, recipients, message("wishes"))
    [notice] = wait_for(server, server.alice, 1)
    assert b"Original-Recipient: rfc822;Some.Body@elsewhere.test" in notice
    assert b"Final-Recipient: rfc822;nobody@far.test" in notice and b"Action: failed" in notice
    assert b"Original-Envelope-Id: QQ314159" in notice and b"text/rfc822-headers" in notice
    until(lambda: is_empty(server), "an empty queue")
    [(sender, to, body)] = sink.messages
    assert sender.startswith(f"MAIL FROM:<{server.alice.address}>") and to == ["friend@far.test"]
    assert b"Heliograph-Detour" not in body and b"X-Scanned: clean" in body
    assert sum(len(recipients) for _, recipients, _ in scanner.taken) == 2
    assert len(bodies(server, server.alice)) == 1, "nobody tells that it was passed on to the scanner"


def test_success_is_told_once_from_where_it_happens(scanned):
    server, scanner, _ = scanned
    send_with_wishes(server, [(server.bob.address, ["NOTIFY=SUCCESS", "ORCPT=rfc822;Bob@example.test"])], message("success"))
    wait_for(server, server.bob, 1)
    [notice] = wait_for(server, server.alice, 1)
    assert b"Action: delivered" in notice and b"Original-Recipient: rfc822;Bob@example.test" in notice
    until(lambda: is_empty(server), "an empty queue")
    assert len(bodies(server, server.alice)) == 1 and len(scanner.taken) == 1


def test_nothing_loops_though_the_table_sends_everything_there(tmp_path):
    disclaimer = '[[disclaimers]]\nname = "own"\nin = ["submission"]\nout = ["smtp"]\ntext = "Mind this."\n'
    with Scanner() as scanner, Sink() as sink:
        with detouring(tmp_path, scanner.port, sink.port, EVERYTHING, disclaimer) as server:
            scanner.back = server.port("smtp")
            server.command("group", "set", "team@example.test", server.bob.address, "friend@far.test")
            bring(server, ["team@example.test"], message("team"))
            [got] = wait_for(server, server.bob, 1)
            until(lambda: sink.messages, "the member elsewhere")
            submit(server, ["friend@far.test"], message("own"), server.alice.address)
            until(lambda: len(sink.messages) == 2, "the message of our own people")
            until(lambda: is_empty(server), "an empty queue")
            assert [recipients for _, recipients, _ in scanner.taken] == [["<team@example.test>"], ["<friend@far.test>"]]
            [team, own] = [body for _, _, body in sink.messages]
            assert b"Mind this." not in team and own.count(b"Mind this.") == 1, "it is known who brought it"
            assert b"Mind this." not in scanner.taken[1][2], "what is done to its content is done after it came back"
            assert len(bodies(server, server.bob)) == 1


def test_a_scanner_that_loses_the_field_gets_the_mail_once(tmp_path):
    with Scanner(keeps=False) as scanner, Sink() as sink:
        with detouring(tmp_path, scanner.port, sink.port, EVERYTHING) as server:
            scanner.back = server.port("smtp")
            bring(server, [server.bob.address], message("lost"))
            [got] = wait_for(server, server.bob, 1)
            assert b"X-Scanned: clean" in got
            until(lambda: is_empty(server), "an empty queue")
            assert len(scanner.taken) == 1


def test_mail_waits_for_a_scanner_that_is_away(tmp_path):
    with socket.socket() as taken, Sink() as sink:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with detouring(tmp_path, port, sink.port, notices='["1h", "2h"]') as server:
            bring(server, [server.bob.address], message("away"))
            until(lambda: "deferred" in told(server, "away"), "an attempt at the scanner")
            assert waiting(server, "tcp_scanner") == 1 and bodies(server, server.bob) == []
        taken.close()
        with Scanner(port=port) as scanner, server:
            scanner.back = server.port("smtp")
            server.command("queue", "retry", "--all")
            [got] = wait_for(server, server.bob, 1)
            assert b"X-Scanned: clean" in got and len(scanner.taken) == 1


def test_a_slow_scanner_is_waited_for_until_its_time_is_over(tmp_path):
    with Scanner(delay=1) as scanner, Sink() as sink:
        with detouring(tmp_path / "long", scanner.port, sink.port) as server:
            scanner.back = server.port("smtp")
            bring(server, [server.bob.address], message("slow"))
            [got] = wait_for(server, server.bob, 1)
            assert b"Heliograph-Detour" not in got and "with its envelope as it was" in told(server, "slow")
    with Scanner(delay=2.5) as scanner, Sink() as sink:
        with detouring(tmp_path / "short", scanner.port, sink.port, returns_within='"1s"') as server:
            scanner.back = server.port("smtp")
            bring(server, [server.bob.address], message("late"))
            [got] = wait_for(server, server.bob, 1)
            assert b"Heliograph-Detour" not in got, "an expired field is removed, and the mail is a stranger's"
            assert metric(server, "heliograph_detours_total", outcome="expired") == 1
            # Mail for others is not taken back then: the client may not send it.
            submit(server, ["friend@far.test"], message("late-out"))
            until(lambda: len(scanner.replies) == 2, "the scanner gives back")
            assert scanner.replies[-1][-1][0] == 550 and sink.messages == []


def test_forged_fields_are_removed_and_relay_nothing(tmp_path):
    forged = b"Heliograph-Detour: 1.e30.AAAA\r\n"
    with Scanner() as scanner, Sink() as sink:
        text = channel("tcp_scanner", scanner.port, detour="true", returns_from=f'["{ADDRESS}"]')
        with with_table(tmp_path, text + names(far_test=sink.port), []) as server:
            bring(server, [server.bob.address], forged + message("stranger"))
            [got] = wait_for(server, server.bob, 1)
            assert b"Heliograph-Detour" not in got
            assert metric(server, "heliograph_detours_total", outcome="misplaced") == 1
            for body in (forged + message("forged"), message("bare")):
                with Raw(server.port("smtp"), ADDRESS) as client:
                    client.reply()
                    client.ask("EHLO scanner.test")
                    client.ask("MAIL FROM:<someone@far.test>")
                    assert client.ask("RCPT TO:<friend@far.test>").startswith("250"), "it may be what was given away"
                    assert client.data(body).startswith("550 5.7.1"), "it was not"
            assert metric(server, "heliograph_detours_total", outcome="forged") == 1
            assert scanner.taken == [] and sink.messages == []
