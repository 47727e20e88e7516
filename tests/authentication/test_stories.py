"""Mail from one server to another: signed and verified, refused when it is forged, forwarded, and protected on its way."""

import email
import gzip
import hashlib
import http.server
import json
import re
import smtplib
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from kit import filters
from kit.mailbox import bodies, login, wait_for
from kit.pair import configure, published, submit, waiting, way_to
from kit.sink import Sink
from kit.wait import until

dkim = pytest.importorskip("dkim")



def results(message):
    """The Authentication-Results field on one line."""
    return [" ".join(value.split()) for value in email.message_from_bytes(message).get_all("Authentication-Results", [])]


# --- signing and verifying -----------------------------------------------------------------------------------------


def test_another_library_verifies_our_signatures(near):
    names = {f"{key['name']}.".encode(): key["text"].encode() for key in near.keys}
    assert {key["algorithm"] for key in near.keys} == {"rsa", "ed25519"}
    with Sink() as sink:
        configure(near, ["far.test mx 10 mx.far.test", f"mx.far.test a 127.0.0.1:{sink.port}"])
        with near:
            submit(near)
            [(_, _, body)] = until(lambda: sink.messages, "the message at the other host")
    verifier = dkim.DKIM(body)
    lookup = lambda name, timeout=5: names.get(name)
    assert [verifier.verify(idx=at, dnsfunc=lookup) for at in range(2)] == [True, True]
    assert body.lower().count(b"dkim-signature:") == 2
    # Nobody can add a second author or subject (RFC 6376 §8.15).
    forged = body.replace(b"Subject: to others", b"From: other@example.test\r\nSubject: to others", 1)
    assert not dkim.DKIM(forged).verify(dnsfunc=lookup)


def test_what_is_signed_is_found_authentic(near, far):
    configure(far, published(near), 'trusted = []\ndmarc = "enforce"\nspf = "enforce"')
    with far:
        configure(near, way_to(far))
        with near:
            submit(near)
            [message] = wait_for(far, far.bob, 1)
    [found] = results(message)
    assert found.startswith("mail.example.test; spf=pass smtp.mailfrom=alice@example.test; dkim=pass header.d=example.test"), found
    assert found.count("dkim=pass") == 2
    assert "header.a=rsa-sha256" in found and "header.a=ed25519-sha256" in found
    assert "dmarc=pass (p=reject) header.from=example.test" in found


def test_forgeries_are_refused_and_forged_fields_removed(near, far):
    names = [*published(near), "evil.test txt v=spf1 ip4:127.0.0.1 -all", "closed.test txt v=spf1 -all"]
    names += ["_dmarc.junk.test txt v=DMARC1; p=quarantine", "away.test fail"]
    configure(far, names, 'trusted = []\ndmarc = "enforce"\nspf = "enforce"')

    def send(sender, author, fields=""):
        with smtplib.SMTP("localhost", far.port("smtp"), local_hostname="client.evil.test") as client:
            client.sendmail(sender, ["friend@far.test"], f"{fields}From: {author}\r\nSubject: x\r\n\r\nhello\r\n")

    with far:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            send("mallory@evil.test", "alice@example.test")
        assert refused.value.smtp_code == 550 and b"5.7.1 " in refused.value.smtp_error
        with pytest.raises(smtplib.SMTPDataError) as refused:
            send("mallory@closed.test", "mallory@closed.test")
        assert refused.value.smtp_code == 550 and b"5.7.23 " in refused.value.smtp_error
        lie = "Authentication-Results: mail.example.test; dkim=pass header.d=example.test\r\n"
        other = "Authentication-Results: other.test; dkim=fail\r\n"
        send("mallory@evil.test", "mallory@evil.test", lie + other)
        # Silence of the name service refuses nobody.
        send("a@away.test", "a@away.test")
        messages = wait_for(far, far.bob, 2)
        assert [len(results(message)) for message in messages] == [2, 1]
        assert "dkim=pass" not in results(messages[0])[0] and "spf=pass" in results(messages[0])[0]
        assert "spf=temperror" in results(messages[1])[0] and "dmarc=temperror" in results(messages[1])[0]


def test_what_is_put_aside_goes_into_junk_unless_the_owner_says_where(near, far):
    names = [*published(near), "evil.test txt v=spf1 -all", "_dmarc.evil.test txt v=DMARC1; p=quarantine"]
    configure(far, names, 'trusted = []\ndmarc = "enforce"')

    def send():
        with smtplib.SMTP("localhost", far.port("smtp"), local_hostname="client.evil.test") as client:
            client.sendmail("a@evil.test", ["friend@far.test"], "From: a@evil.test\r\nSubject: x\r\n\r\nhello\r\n")

    def activate(script):
        far.command("sieve", "put", far.bob.address, "main", "-", "--activate", stdin=script)

    with far:
        # The use counts, not the name.
        connection = login(far, far.bob, None)
        assert connection.rename("Junk", "Unwanted")[0] == "OK"
        connection.logout()
        send()
        assert len(bodies(far, far.bob, "Unwanted")) == 1
        activate('require "fileinto"; if header "subject" "other" { fileinto "Archive"; }')
        send()
        assert len(bodies(far, far.bob, "Unwanted")) == 2
        activate('require "fileinto"; if header :contains "authentication-results" "dmarc=fail" { fileinto "Archive"; }')
        send()
        activate("keep;")
        send()
        assert [len(bodies(far, far.bob, name)) for name in ("Archive", "INBOX", "Unwanted")] == [1, 1, 2]


def test_nobody_signs_for_others(near):
    with near:
        near.command("domain", "add", "victim.test")
        near.json("domain", "dkim", "create", "victim.test")
        near.command("alias", "set", "sales@victim.test", near.alice.address)
    with Sink() as sink:
        configure(near, ["far.test mx 10 mx.far.test", f"mx.far.test a 127.0.0.1:{sink.port}"])
        with near:
            authors = {"ceo@victim.test": 0, "sales@victim.test": 2, "bob@example.test": 0, "a@else.test": 0}
            for count, author in enumerate(authors, 1):
                submit(near, message=f"From: {author}\r\nTo: friend@far.test\r\nSubject: x\r\n\r\nhello\r\n".encode())
                until(lambda: len(sink.messages) == count, "the message at the other host")
            two = b"From: alice@example.test\r\nFrom: ceo@victim.test\r\nSubject: x\r\n\r\nhello\r\n"
            submit(near, message=two)
            until(lambda: len(sink.messages) == len(authors) + 1, "the message at the other host")
    counts = [body.lower().count(b"dkim-signature:") for _, _, body in sink.messages]
    assert counts == [*authors.values(), 0], "signatures of an account's own addresses alone"


def test_who_wrote_it_must_be_seen(near, far):
    configure(far, [*published(near), "evil.test txt v=spf1 ip4:127.0.0.1 -all"], 'trusted = []\ndmarc = "enforce"')
    rest = "Subject: x\r\n\r\nhello\r\n"
    two = f"From: alice@example.test\r\nFrom: mallory@evil.test\r\n{rest}"
    many = "X: y\r\n" * 5000 + f"Authentication-Results: mail.example.test; dmarc=pass\r\nFrom: mallory@evil.test\r\n{rest}"
    with far:
        for message, status in [(two, b"5.7.1 "), (many, b"5.6.0 ")]:
            with smtplib.SMTP("localhost", far.port("smtp"), local_hostname="client.evil.test") as client:
                with pytest.raises(smtplib.SMTPDataError) as refused:
                    client.sendmail("mallory@evil.test", ["friend@far.test"], message)
                assert status in refused.value.smtp_error


def test_what_a_trusted_host_wrote_in_our_name_stays(far):
    configure(far, [])
    with far:
        with smtplib.SMTP("localhost", far.port("smtp")) as client:
            field = "Authentication-Results: mail.example.test; dmarc=pass header.from=a.test\r\n"
            client.sendmail("a@a.test", ["friend@far.test"], f"{field}From: a@a.test\r\n\r\nhello\r\n")
        [message] = wait_for(far, far.bob, 1)
    assert results(message) == ["mail.example.test; dmarc=pass header.from=a.test"]


def test_rules_see_what_was_found_and_not_what_a_sender_writes(near, far):
    """The sender's address stands in the field of results, quoted; and a filter may have changed the message since."""
    rules = "".join(
        f'[[rules]]\n{method} = ["{result}"]\nadd_headers = ["X-Rule: {method} {result}"]\n'
        for method in ("spf", "dmarc")
        for result in ("pass", "none")
    )
    names = ["evil.test txt v=spf1 ip4:127.0.0.1 -all", "_dmarc.evil.test txt v=DMARC1; p=none"]
    with filters.milter(lambda said: [b"hX-Added\0yes\0", b"a"]) as milter:
        table = f"[[filters]]\nprotocol = 'milter'\nhosts = ['{milter.host}']\n"
        configure(far, names, f"trusted = []\n{table}{rules}")
        with far:
            with smtplib.SMTP("localhost", far.port("smtp"), local_hostname="client.other.test") as client:
                client.ehlo()
                for sender, author in (('"x; dmarc=pass; y"@other.test', "a@other.test"), ("a@evil.test", "a@evil.test")):
                    assert client.docmd(f"MAIL FROM:<{sender}>")[0] == 250
                    assert client.rcpt("friend@far.test")[0] == 250
                    assert client.data(f"From: {author}\r\nSubject: x\r\n\r\nhello\r\n")[0] == 250
            messages = [email.message_from_bytes(message) for message in wait_for(far, far.bob, 2)]
    assert messages[0].get_all("X-Rule") == ["spf none", "dmarc none"]
    assert messages[1].get_all("X-Rule") == ["spf pass", "dmarc pass"]
    for message in messages:
        names = message.keys()
        assert "X-Added" in names and names.index("Authentication-Results") < names.index("From")


def test_keys_are_rotated_and_retired(near):
    with near:
        old = {key["selector"] for key in near.json("domain", "dkim", "list", "example.test")}
        fresh = near.json("domain", "dkim", "rotate", "example.test")
        assert all(key["state"] == "waiting" for key in fresh)
        refused = near.command("domain", "dkim", "rotate", "example.test", check=False)
        assert refused.returncode == 1 and "not published" in refused.stderr
        after = near.json("domain", "dkim", "rotate", "example.test", "--unpublished")
        states = {key["selector"]: key["state"] for key in after}
        assert all(states[selector] == "retired" for selector in old)
        assert all(states[key["selector"]] == "active" for key in fresh)
        near.command("domain", "dkim", "retire", "example.test", fresh[0]["selector"])
        shown = near.command("domain", "dkim", "list").stdout
        assert "retired" in shown and "IN TXT \"v=DKIM1; k=" in shown
        missing = near.command("domain", "dkim", "create", "nowhere.test", check=False)
        assert missing.returncode == 1 and "is not ours" in missing.stderr
    for file in (near.data / "dkim/example.test").iterdir():
        assert file.stat().st_mode & 0o077 == 0, "only the owner may read keys"


# --- forwarding ----------------------------------------------------------------------------------------------------


def test_forwarded_mail_has_our_sender_and_seal_and_failures_come_back(far):
    with Sink() as sink:
        mx = ["mx 10 mx.out.test", f"a 127.0.0.1:{sink.port}"]
        names = [f"out.test {mx[0]}", f"elsewhere.test {mx[0]}", f"mx.out.test {mx[1]}"]
        names.append("elsewhere.test txt v=spf1 ip4:127.0.0.1 -all")
        with far:
            [rsa, _] = far.json("domain", "dkim", "create", "far.test")
            far.command("alias", "set", "away@far.test", "carol@out.test")
        configure(far, names, 'trusted = []\nrewrite = "back.far.test"\nseal = "far.test"')
        with far:
            with smtplib.SMTP("localhost", far.port("smtp"), local_hostname="mx.elsewhere.test") as client:
                client.sendmail("dave@elsewhere.test", ["away@far.test"], "From: dave@elsewhere.test\r\nSubject: x\r\n\r\nhello\r\n")
            [(sender, recipients, body)] = until(lambda: sink.messages, "the forwarded message")
            assert recipients == ["carol@out.test"]
            address = re.match(r"MAIL FROM:<(SRS0=\w+=\w\w=elsewhere\.test=dave@back\.far\.test)>", sender)[1]
            lookup = lambda name, timeout=5: rsa["text"].encode() if name == f"{rsa['name']}.".encode() else b""
            assert dkim.arc_verify(body, dnsfunc=lookup)[0] == dkim.CV_Pass
            with smtplib.SMTP("localhost", far.port("smtp")) as client:
                client.sendmail("", [address], "From: postmaster@out.test\r\nSubject: failed\r\n\r\nsorry\r\n")
                for wrong in (address.replace("dave", "eve"), "SRS0=aaaaaaaa=aa=elsewhere.test=dave@back.far.test"):
                    with pytest.raises(smtplib.SMTPRecipientsRefused):
                        client.sendmail("", [wrong], "Subject: failed\r\n\r\nsorry\r\n")
            until(lambda: len(sink.messages) == 2, "the failure at its sender")
            assert sink.messages[1][1] == ["dave@elsewhere.test"]


# --- protection ----------------------------------------------------------------------------------------------------


def make_certificate(folder, name):
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", key, "-out", certificate, "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
         "-addext", "basicConstraints=critical,CA:FALSE"],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


@pytest.fixture
def policy_server(tmp_path):
    """A web server that hands out an MTA-STS policy for far.test, which names localhost if nothing else is wanted."""
    certificate, key = make_certificate(tmp_path, "mta-sts.far.test")
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.end_headers()
            self.wfile.write(f"version: STSv1\r\nmode: {self.server.mode}\r\nmx: {self.server.host}\r\nmax_age: 86400\r\n".encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.certificate, server.asked, server.mode, server.host = certificate, asked, "enforce", "localhost"
    yield server
    server.shutdown()
    server.server_close()


def trusting(folder, *certificates):
    roots = folder / "roots.pem"
    roots.write_text("".join(open(certificate).read() for certificate in certificates))
    return f'[tls]\nroots = "{roots}"'


def heard(server):
    [message] = waiting(server)
    return message["recipients"][0]["heard"]


def test_a_policy_keeps_mail_from_a_host_that_cannot_prove_itself(tmp_path, near, far, policy_server):
    names = ["_mta-sts.far.test txt v=STSv1; id=1", f"mta-sts.far.test a 127.0.0.1:{policy_server.server_address[1]}"]
    with far:
        # The host's certificate is its own: nobody vouches for it.
        configure(near, [*way_to(far), *names], more=trusting(tmp_path, policy_server.certificate))
        with near:
            submit(near)
            until(lambda: waiting(near) and heard(near), "an attempt")
            assert "4.7.5" in heard(near), heard(near)
        assert policy_server.asked == ["/.well-known/mta-sts.txt"]
        assert bodies(far, far.bob) == []
        # The policy is kept over a restart, also when nobody can be asked about it any more.
        configure(near, [*way_to(far), "mta-sts.far.test none"], more=trusting(tmp_path, policy_server.certificate))
        with near:
            submit(near)
            until(lambda: len([one for one in waiting(near) if one["recipients"][0]["heard"]]) == 2, "another attempt")
        assert bodies(far, far.bob) == []
        # With a certificate that is good the mail goes.
        trusted = trusting(tmp_path, policy_server.certificate, far.certificate)
        configure(near, [*way_to(far), *names], more=trusted)
        with near:
            near.command("queue", "retry", "--all")
            assert len(wait_for(far, far.bob, 2)) == 2


def tls_report(message):
    """What the document of a TLS report says about its only policy."""
    parts = [part for part in email.message_from_bytes(message).walk() if part.get_content_type() == "application/tlsrpt+gzip"]
    [policy] = json.loads(gzip.decompress(parts[0].get_payload(decode=True)))["policies"]
    return policy


@pytest.mark.parametrize(
    ("host", "trusts", "kind"),
    [
        ("localhost", False, "certificate-not-trusted"),
        ("mx.far.test", True, "certificate-host-mismatch"),
        ("plain.far.test", True, "starttls-not-supported"),
    ],
)
def test_an_enforced_policy_holds_mail_and_its_owner_hears_why(tmp_path, near, far, policy_server, host, trusts, kind):
    policy_server.host = host
    names = ["_mta-sts.far.test txt v=STSv1; id=1", f"mta-sts.far.test a 127.0.0.1:{policy_server.server_address[1]}"]
    names += ["_smtp._tls.far.test txt v=TLSRPTv1; rua=mailto:tls@owner.test", "owner.test mx 10 mx.owner.test"]
    with far, Sink() as owner, Sink() as plain:
        names += [f"mx.owner.test a 127.0.0.1:{owner.port}", f"far.test mx 10 {host}"]
        names += [f"{host} a 127.0.0.1:{plain.port if host.startswith('plain') else far.port('smtp')}"]
        trusted = trusting(tmp_path, policy_server.certificate, *([far.certificate] if trusts else []))
        configure(near, names, 'report_from = "postmaster@example.test"', more=trusted)
        with near:
            submit(near)
            until(lambda: waiting(near) and heard(near), "an attempt")
            assert near.json("report", "send") == 1
            [(_, _, message)] = until(lambda: owner.messages, "the report")
            assert len(waiting(near)) == 1 and waiting(near)[0]["recipients"][0]["heard"].startswith("4"), "the message waits"
        assert bodies(far, far.bob) == [] and plain.messages == []
    policy = tls_report(message)
    assert (policy["policy"]["policy-type"], policy["policy"]["policy-domain"]) == ("sts", "far.test")
    assert "mode: enforce" in policy["policy"]["policy-string"] and policy["policy"]["mx-host"] == [host]
    summary = policy["summary"]
    assert summary["total-successful-session-count"] == 0 and summary["total-failure-session-count"] >= 1
    [details] = policy["failure-details"]
    assert (details["result-type"], details["receiving-mx-hostname"]) == (kind, host)
    assert details["failed-session-count"] == summary["total-failure-session-count"]


def test_a_policy_bars_hosts_that_it_does_not_name(tmp_path, near, policy_server):
    with Sink() as sink:
        names = ["_mta-sts.far.test txt v=STSv1; id=1", f"mta-sts.far.test a 127.0.0.1:{policy_server.server_address[1]}"]
        names += ["far.test mx 10 other.far.test", f"other.far.test a 127.0.0.1:{sink.port}"]
        configure(near, names, more=trusting(tmp_path, policy_server.certificate))
        with near:
            submit(near)
            until(lambda: waiting(near) and heard(near), "an attempt")
            assert "does not name other.far.test" in heard(near)
        assert sink.messages == []


def test_a_policy_that_is_tried_out_is_reported_on(tmp_path, near, far, policy_server):
    policy_server.mode = "testing"
    names = ["_mta-sts.far.test txt v=STSv1; id=1", f"mta-sts.far.test a 127.0.0.1:{policy_server.server_address[1]}"]
    with far, Sink() as sink:
        names += ["_smtp._tls.far.test txt v=TLSRPTv1; rua=mailto:tls@owner.test,gopher://far.test/"]
        names += ["owner.test mx 10 mx.owner.test", f"mx.owner.test a 127.0.0.1:{sink.port}"]
        trusted = trusting(tmp_path, policy_server.certificate)
        configure(near, [*way_to(far), *names], 'report_from = "postmaster@example.test"', more=trusted)
        with near:
            submit(near)
            assert len(wait_for(far, far.bob, 1)) == 1, "what is tried out holds up nothing"
            assert near.json("report", "send") == 1, "an address that nobody knows keeps it from nobody else"
            [(_, _, message)] = until(lambda: sink.messages, "the report")
    policy = tls_report(message)
    assert policy["policy"]["policy-type"] == "sts"
    assert policy["failure-details"][0]["result-type"] == "certificate-not-trusted"
    assert policy["summary"] == {"total-successful-session-count": 0, "total-failure-session-count": 1}


def test_our_own_policy_is_handed_out_and_followed(tmp_path, near, far):
    certificate, key = make_certificate(tmp_path, "mta-sts.far.test")
    published = 'publish_mta_sts = "enforce"\nmta_sts_hosts = ["localhost"]\nmta_sts_age = "2d"'
    listener = '[[listeners]]\nprotocol = "https"\naddress = "127.0.0.1:0"'
    with far:
        own = [Path(far.certificate), next(Path(far.certificate).parent.glob("*.key"))]
    pairs = [f'{{ chain = "{chain}", key = "{secret}" }}' for chain, secret in (own, (certificate, key))]
    configure(far, [], published, more=f"{listener}\n[tls]\ncertificates = [{', '.join(pairs)}]")
    with far:
        url = f"https://mta-sts.far.test:{far.port('https')}"
        curl = ["curl", "-sS", "-i", "--cacert", certificate, "--resolve", f"mta-sts.far.test:{far.port('https')}:127.0.0.1"]
        get = lambda *more: subprocess.run([*curl, *more], capture_output=True, check=True, timeout=60).stdout.decode()
        head, document = get(f"{url}/.well-known/mta-sts.txt").split("\r\n\r\n")
        assert head.startswith("HTTP/1.1 200") and "content-type: text/plain" in head.lower(), head
        assert document == "version: STSv1\r\nmode: enforce\r\nmx: localhost\r\nmax_age: 172800\r\n"
        for wrong in ([f"{url}/"], [f"{url}/.well-known/mta-sts.txt", "-H", "Host: mta-sts.other.test"]):
            assert get(*wrong).startswith("HTTP/1.1 404"), wrong
        assert get("-X", "POST", "-d", "x", url).startswith("HTTP/1.1 405")
        records = far.json("domain", "dns", "far.test")
        [record] = [one["value"] for one in records if one["name"] == "_mta-sts.far.test"]
        assert re.fullmatch("v=STSv1; id=[0-9a-f]{32}", record)
        assert ["mta-sts.far.test"] == [one["name"] for one in records if one["kind"] == "CNAME"]
        # A server that follows policies finds ours, and trusts our host by it.
        names = [f"_mta-sts.far.test txt {record}", f"mta-sts.far.test a 127.0.0.1:{far.port('https')}"]
        configure(near, [*way_to(far), *names], more=trusting(tmp_path, certificate))
        with near:
            submit(near)
            until(lambda: waiting(near) and heard(near), "an attempt")
            assert "4.7.5" in heard(near), "nobody vouches for the host's certificate"
        configure(near, [*way_to(far), *names], more=trusting(tmp_path, certificate, far.certificate))
        with near:
            near.command("queue", "retry", "--all")
            assert len(wait_for(far, far.bob, 1)) == 1


def key_hash(certificate):
    command = f"openssl x509 -in {certificate} -noout -pubkey | openssl pkey -pubin -outform der"
    return hashlib.sha256(subprocess.run(command, shell=True, check=True, capture_output=True).stdout).hexdigest()


def test_tlsa_records_decide_who_is_there(near, far):
    good = key_hash(far.certificate if hasattr(far, "certificate") else "")
    wrong = "0" * 64
    with far:
        record = "_25._tcp.localhost tlsa 3 1 1 "
        configure(near, [*way_to(far), record + wrong])
        with near:
            submit(near)
            until(lambda: waiting(near) and heard(near), "an attempt")
            assert "4.7.5" in heard(near), heard(near)
            assert bodies(far, far.bob) == []
            # A sender who would rather have it arrive (RFC 8689) gets it there, and not in plain text.
            submit(near, message=b"TLS-Required: No\r\nFrom: alice@example.test\r\nSubject: any way\r\n\r\nhello\r\n")
            [message] = wait_for(far, far.bob, 1)
            assert b"with ESMTPS" in message
        configure(near, [*way_to(far), record + good])
        with near:
            near.command("queue", "retry", "--all")
            assert len(wait_for(far, far.bob, 2)) == 2


def test_tlsa_records_count_where_the_domain_itself_takes_mail(near, far):
    with far:
        address = f"far.test a 127.0.0.1:{far.port('smtp')}"
        configure(near, [address, "_25._tcp.far.test tlsa 3 1 1 " + "0" * 64])
        with near:
            submit(near)
            until(lambda: waiting(near) and heard(near), "an attempt")
            assert "4.7.5" in heard(near), heard(near)
            assert bodies(far, far.bob) == []
