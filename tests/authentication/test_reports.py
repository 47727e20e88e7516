"""Reports to others and from others, what a domain publishes, and signing again after a disclaimer."""

import email
import gzip
import io
import json
import re
import smtplib
import xml.etree.ElementTree as tree

import pytest

from kit.mailbox import wait_for
from kit.pair import configure, submit, waiting, way_to
from kit.sink import Sink
from kit.wait import until

dkim = pytest.importorskip("dkim")

REPORTING = 'trusted = []\nreport_from = "postmaster@far.test"\norganisation = "Far"'


def attachment(message, kind):
    [part] = [part for part in email.message_from_bytes(message).walk() if part.get_content_type() == kind]
    return gzip.decompress(part.get_payload(decode=True))


def test_owners_hear_what_their_mail_came_to_and_read_what_others_say(near, far):
    with Sink() as sink:
        hosts = ["owner.test mx 10 mx.owner.test", f"mx.owner.test a 127.0.0.1:{sink.port}"]
        names = [*hosts, "owner.test txt v=spf1 ip4:127.0.0.1 -all", "evil.test txt v=spf1 ip4:127.0.0.1 -all"]
        names += ["_dmarc.owner.test txt v=DMARC1; p=none; rua=mailto:dmarc@owner.test,mailto:stranger@else.test"]
        configure(far, names, REPORTING)
        with far:
            for sender in ("a@owner.test", "a@owner.test", "mallory@evil.test"):
                with smtplib.SMTP("localhost", far.port("smtp"), local_hostname="mx.client.test") as client:
                    client.sendmail(sender, ["friend@far.test"], "From: a@owner.test\r\nSubject: x\r\n\r\nhello\r\n")
            assert far.json("report", "send") == 1
            [(sender, recipients, message)] = until(lambda: sink.messages, "the report")
            assert far.json("report", "send") == 0, "what was sent is forgotten"
        assert sender.startswith("MAIL FROM:<postmaster@far.test>")
        assert recipients == ["dmarc@owner.test"], "a stranger must say that it wants reports about others"
        # Namespaces differ between versions of the format.
        report = tree.fromstring(re.sub(rb' xmlns="[^"]*"', b"", attachment(message, "application/gzip")))
        assert report.find("policy_published/domain").text == "owner.test"
        assert report.find("report_metadata/org_name").text == "Far"
        rows = {row.find("row/policy_evaluated/spf").text: row.find("row/count").text for row in report.findall("record")}
        assert rows == {"pass": "2", "fail": "1"}
        assert {row.find("row/source_ip").text for row in report.findall("record")} == {"127.0.0.1"}

        # Who gets such a report reads it.
        configure(near, [], 'report_to = ["alice@example.test"]')
        with near:
            with smtplib.SMTP("localhost", near.port("smtp")) as client:
                client.sendmail("postmaster@far.test", [near.alice.address], message)
                client.sendmail("postmaster@far.test", [near.alice.address], message)
                client.sendmail("postmaster@far.test", [near.alice.address], b"Subject: no report\r\n\r\nhello\r\n")
            assert len(wait_for(near, near.alice, 3)) == 3, "reports are filed like any mail, and what is none too"
            [received] = near.json("report", "list")  # which came twice, and counts once
            assert (received["kind"], received["domain"], received["organisation"]) == ("dmarc", "owner.test", "Far")
            assert (received["passed"], received["failed"]) == (2, 1)
            assert near.json("report", "list", "--kind", "tls") == []
            shown = near.command("report", "show", "owner.test").stdout
            assert re.search(r"127\.0\.0\.1 +1 bad +from owner\.test dkim=fail spf=fail", shown), shown


def test_a_domain_hears_whose_certificate_failed(near, far):
    with Sink() as sink:
        record = "_25._tcp.localhost tlsa 3 1 1 " + "0" * 64
        names = ["_smtp._tls.far.test txt v=TLSRPTv1; rua=mailto:tls@owner.test", record]
        names += ["owner.test mx 10 mx.owner.test", f"mx.owner.test a 127.0.0.1:{sink.port}"]
        with far:
            configure(near, [*way_to(far), *names], 'report_from = "postmaster@example.test"')
            with near:
                submit(near)
                until(lambda: waiting(near) and waiting(near)[0]["recipients"][0]["heard"], "an attempt")
                assert near.json("report", "send") == 1
                message = until(lambda: sink.messages, "the report")[0][2]
    assert b"TLS-Report-Domain: far.test" in message and b"TLS-Required: No" in message
    report = json.load(io.BytesIO(attachment(message, "application/tlsrpt+gzip")))
    [policy] = report["policies"]
    assert policy["policy"]["policy-type"] == "tlsa" and policy["policy"]["policy-domain"] == "far.test"
    assert policy["summary"]["total-failure-session-count"] >= 1
    assert policy["failure-details"][0]["result-type"] == "validation-failure"
    assert policy["failure-details"][0]["receiving-mx-hostname"] == "localhost"


def test_what_a_domain_publishes_is_printed_and_checked(near):
    with near:
        printed = near.command("domain", "dns", "example.test").stdout
        for part in ("example.test. IN MX 10 near.example.test.", '_dmarc.example.test. IN TXT "v=DMARC1;', "._domainkey.",
                     "_25._tcp.near.example.test. IN TLSA 3 1 1 ", "_imaps._tcp.example.test. IN SRV 0 1 ",
                     '_smtp._tls.example.test. IN TXT "v=TLSRPTv1;'):  # fmt: skip
            assert part in printed, part
        assert "mta-sts" not in printed, "no policy is published"
        records = near.json("domain", "dns", "example.test")
    names = []
    for record in records:
        kind = {"MX": "mx", "TXT": "txt", "TLSA": "tlsa", "SRV": "srv"}[record["kind"]]
        names.append(f"{record['name']} {kind} {record['value']}")
    configure(near, [*names, "near.example.test a 192.0.2.1"])
    with near:
        checked = near.json("domain", "dns", "example.test", "--check")
        # The test's server takes other ports at every start.
        assert [record for record in checked if record["found"] != "good" and record["kind"] != "SRV"] == []
    # One is missing, one is another.
    changed = [name for name in names if "_domainkey" not in name and " mx " not in name]
    configure(near, [*changed, "example.test mx 10 mx.other.test", "near.example.test a 192.0.2.1"])
    with near:
        done = near.command("domain", "dns", "example.test", "--check", check=False)
        assert done.returncode == 1
        assert "OTHER: mx.other.test" in done.stdout and "MISSING" in done.stdout
        assert "example.test" in done.stderr and "_domainkey" in done.stderr


def test_a_message_with_a_disclaimer_is_signed_with_it(near):
    names = {f"{key['name']}.".encode(): key["text"].encode() for key in near.keys}
    with Sink() as sink:
        disclaimer = '[[disclaimers]]\nname = "all"\ntext = "Private, as always."'
        hosts = ["far.test mx 10 mx.far.test", f"mx.far.test a 127.0.0.1:{sink.port}"]
        configure(near, hosts, more=disclaimer)
        with near:
            submit(near)
            [(_, _, body)] = until(lambda: sink.messages, "the message")
    assert b"Private, as always." in body
    verifier = dkim.DKIM(body)
    assert body.lower().count(b"dkim-signature:") == 2
    assert [verifier.verify(idx=at, dnsfunc=lambda name, timeout=5: names.get(name)) for at in range(2)] == [True, True]
