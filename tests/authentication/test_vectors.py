"""Published vectors: the SPF test suite, messages and chains signed by others, and the examples of the DMARC standard.

Each runs through `heliograph authentication check`, which is the very code that mail coming in goes through.
"""

import ipaddress
import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from kit.server import BINARY

CORPORA = Path(os.environ.get("HELIOGRAPH_CORPORA", Path.home() / ".cache/heliograph-tests/corpora"))


def check(folder, names, message=None, **arguments):
    """What the program finds out, with a name service that knows these entries and nothing else."""
    table = folder / "names"
    table.write_text("\n".join(names) + "\n", encoding="utf-8")
    command = [BINARY, "authentication", "check", "--json", "--dns", str(table)]
    if message is not None:
        (folder / "message").write_bytes(message)
        command.append(str(folder / "message"))
    command += [f"--{name}={value}" for name, value in arguments.items()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# --- SPF -----------------------------------------------------------------------------------------------------------


def spf_suite():
    with open(CORPORA / "spf/rfc7208-tests.yml", "rb") as file:
        for scenario in yaml.safe_load_all(file):
            for name, test in scenario["tests"].items():
                yield pytest.param(scenario["zonedata"], test, id=name)


def entries(zone):
    """The zone of a scenario as entries of `dns.static`. A record `SPF` stands for TXT unless the name has TXT too."""
    zone = {name.lower(): records for name, records in zone.items()}
    for name, records in zone.items():
        records = [same for record in records for same in followed(zone, record, {name})]
        has_texts = any(isinstance(record, dict) and "TXT" in record for record in records)
        address = reverse(name)
        if not records:
            yield f"{name} empty"
        for record in records:
            if record == "TIMEOUT":
                yield f"{name} fail"
                continue
            [(kind, value)] = record.items()
            if value == "NONE":
                yield f"{name} empty"
            elif kind == "TXT" or (kind == "SPF" and not has_texts):
                yield f"{escaped(name)} txt {quoted(value if isinstance(value, str) else ''.join(value))}"
            elif kind == "MX":
                preference, host = value
                yield f"{name} mx {preference} {host}" if host else f"{name} null-mx"
            elif kind in ("A", "AAAA"):
                yield f"{escaped(name)} a {value}"
            elif kind == "PTR":
                yield f"{address} ptr {value}"
            elif kind != "SPF":
                raise AssertionError(f"{name} {record}")


def followed(zone, record, seen):
    """What an alias stands for; a loop is a failure."""
    if not isinstance(record, dict) or "CNAME" not in record:
        return [record]
    target = record["CNAME"].lower().rstrip(".")
    if target in seen:
        return ["TIMEOUT"]
    return [same for other in zone.get(target, []) for same in followed(zone, other, seen | {target})]


def quoted(text):
    return '"' + "".join(c if 32 <= ord(c) < 127 and c not in '"\\' else numbered(c) for c in text) + '"'


def numbered(c):
    return "".join(f"\\{octet:03}" for octet in c.encode())


def escaped(name):
    return name.replace(" ", "\\032")


def reverse(name):
    labels = name.lower().split(".")
    if labels[-2:] == ["in-addr", "arpa"]:
        return ".".join(reversed(labels[:-2]))
    if labels[-2:] == ["ip6", "arpa"]:
        digits = "".join(reversed(labels[:-2]))
        return str(ipaddress.IPv6Address(int(digits, 16)))
    return None


@pytest.mark.parametrize("zone, test", list(spf_suite()))
def test_spf(tmp_path, zone, test):
    found = check(tmp_path, entries(zone), ip=test["host"], helo=test["helo"], **{"from": test["mailfrom"]})
    wanted = test["result"] if isinstance(test["result"], list) else [test["result"]]
    assert found["spf"]["verdict"] in wanted, found["spf"]
    explanation = test.get("explanation")
    if explanation and explanation != "DEFAULT":
        # One of the suite's texts holds an IPv6 address with capital letters; the standard's own examples have small ones.
        assert found["spf"]["explanation"].lower() == explanation.lower()


# --- DKIM ----------------------------------------------------------------------------------------------------------

dkim = pytest.importorskip("dkim")
DATA = CORPORA / "dkim"


def data(name):
    return (DATA / name).read_bytes()


def text(name):
    return " ".join(data(name).decode().split())


# The key of RFC 8463 Appendix A.2.
BRISBANE = "brisbane._domainkey.football.example.com txt v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


def keys():
    return [
        f"test._domainkey.example.com txt {text('test.txt')}",
        f"test._domainkey.football.example.com txt {text('test.txt')}",
        "test._domainkey.example.net txt v=DKIM1; k=ed25519; p=yi50DjK5O9pqbFpNHklsv9lqaS0ArSYu02qp1S0DW1Y=",
        f"sed._domainkey.test.ex txt {text('eximtest.dns')}",
        BRISBANE,
    ]


@pytest.mark.parametrize(
    "message, wanted",
    [
        ("rfc6376.signed.msg", {"brisbane": "pass", "test": "pass"}),
        ("rfc6376.signed.rsa.msg", {"test": "pass"}),
        # Without a time, and by its authors' own word not a signature that verifies: it must not lead astray.
        ("rfc6376.signed.no_t.msg", {"test": "fail"}),
        ("ed25519test2.msg", {"sed": "pass"}),
    ],
)
def test_messages_signed_by_others(tmp_path, message, wanted):
    found = check(tmp_path, keys(), data(message))
    results = {one["selector"]: one["verdict"] for one in found["dkim"]}
    assert {name: results.get(name) for name in wanted} == wanted, found["dkim"]


def published_key(name):
    """A key that the tests of the library carry as text within their source."""
    source = (DATA / "test_arc.py").read_text()
    return source.split(f"'{name}.': \"\"\"", 1)[1].split('"""', 1)[0].replace("\\\n", "")


def test_a_message_with_degenerate_folding(tmp_path):
    """Signed by gmail.com in 2013: its field is folded in the middle of values, which is ugly and legal."""
    name = "20120113._domainkey.gmail.com"
    names = [f"{name} txt {published_key(name)}"]
    [found] = check(tmp_path, names, data("test2.message"))["dkim"]
    assert (found["domain"], found["selector"], found["verdict"]) == ("gmail.com", "20120113", "pass"), found
    other = data("test2.message").replace(b"Hello, DKIM", b"Hello, dkim")
    assert [one["verdict"] for one in check(tmp_path, names, other)["dkim"]] == ["fail"]


def test_a_signature_of_a_domain_that_is_none_proves_nothing(tmp_path):
    """Its d= is `legitimate.com(.attacker.com`, which somebody who takes parentheses for comments reads as another domain.
    The key is published under every name that could be asked, so that only the look at the name itself refuses it."""
    key = text("test.txt")
    names = [f"test._domainkey.{domain} txt {key}" for domain in ("legitimate.com(.attacker.com", "legitimate.com", "attacker.com")]
    [found] = check(tmp_path, names, data("test.message.baddomain"))["dkim"]
    assert (found["verdict"], found["reason"]) == ("permerror", "the domain or the selector is no name"), found


def test_a_real_message_keeps_its_signature_in_every_manner(tmp_path):
    """`message.mbox` was signed by kitterman.com in 2011. Its key is published by nobody any more and is not among the
    vectors, where the message stands for its fields that come several times. So it is signed again, with `Received`."""
    message = data("message.mbox")
    [found] = check(tmp_path, [], message)["dkim"]
    assert (found["domain"], found["selector"], found["verdict"]) == ("kitterman.com", "2007-00", "permerror"), "no key"
    for manner in MANNERS:
        signer = dkim.DKIM(message)
        signer.should_not_sign.remove(b"received")
        signature = signer.sign(
            b"test", b"example.com", data("test.private"), canonicalize=manner, include_headers=signer.all_sign_headers()
        )
        assert signature.lower().count(b"received") >= 5, "every one of them is signed"
        verdicts = lambda octets: {one["domain"]: one["verdict"] for one in check(tmp_path, keys(), octets)["dkim"]}
        assert verdicts(signature + message) == {"example.com": "pass", "kitterman.com": "permerror"}, manner
        changed = message.replace(b"(qmail 84128", b"(qmail 84129", 1)
        assert changed != message and verdicts(signature + changed)["example.com"] == "fail", manner


MANNERS = [(header, body) for header in (b"simple", b"relaxed") for body in (b"simple", b"relaxed")]
SIGNERS = {
    "rsa": (b"test", b"example.com", "test.private", b"rsa-sha256"),
    "ed25519": (b"test", b"example.net", "ed25519test.key", b"ed25519-sha256"),
}


@pytest.mark.parametrize("manner", MANNERS, ids=lambda manner: b"-".join(manner).decode())
@pytest.mark.parametrize("kind", SIGNERS)
def test_every_manner_of_signing(tmp_path, kind, manner):
    selector, domain, key, algorithm = SIGNERS[kind]
    message = data("test.message")
    signed = dkim.sign(message, selector, domain, data(key), canonicalize=manner, signature_algorithm=algorithm) + message
    verdict = lambda octets: [one["verdict"] for one in check(tmp_path, keys(), octets)["dkim"]]
    assert verdict(signed) == ["pass"]
    assert verdict(signed + b"more\r\n") == ["fail"], "the body was changed"
    assert verdict(signed.replace(b"Subject:", b"Subject: changed", 1)) == ["fail"], "a field was changed"
    spaced = signed.replace(b"Subject: ", b"Subject:   ", 1)
    assert verdict(spaced) == ["pass" if manner[0] == b"relaxed" else "fail"]


def test_what_proves_nothing(tmp_path):
    message = data("test.message")
    sign = lambda **more: dkim.sign(message, b"test", b"example.com", data("test.private"), **more) + message
    verdict = lambda names, octets: [one["verdict"] for one in check(tmp_path, names, octets)["dkim"]]
    # A difference to others, on purpose: whoever signs with l= lets anybody add to the body (RFC 6376 §8.2).
    assert verdict(keys(), sign(length=True)) == ["neutral"]
    # RFC 8301 §3.1: rsa-sha1 is no more to be believed.
    assert verdict(keys(), sign(signature_algorithm=b"rsa-sha1")) == ["permerror"]
    assert verdict([], sign()) == ["permerror"], "no key"
    assert verdict(["test._domainkey.example.com fail"], sign()) == ["temperror"]
    for record in ("badversion.txt", "badk.txt"):
        assert verdict([f"test._domainkey.example.com txt {text(record)}"], sign()) == ["permerror"], record
    revoked = ["test._domainkey.example.com txt v=DKIM1; k=rsa; p="]
    assert verdict(revoked, sign()) == ["permerror"]
    # RFC 8301 §3.2: the key of 512 bits that some of the old vectors use.
    short = (
        "test._domainkey.example.com txt k=rsa; p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBANmBe10IgY+u7h3enWTukkqtUD5PR52Tb/mPfjC0QJ"
        "TocVBq6Za/PlzfV+Py92VaCak19F4WrbVTK5Gg5tW220MCAwEAAQ=="
    )
    assert verdict([short], sign()) == ["permerror"]


# --- ARC -----------------------------------------------------------------------------------------------------------


def sealed(message, name=b"lists.example.org", chain=None):
    if chain is not None:
        message = b"Authentication-Results: " + name + b"; arc=" + chain + b"\r\n" + message
    return b"".join(dkim.arc_sign(message, b"test", b"example.com", data("test.private"), name)) + message


def published_chain():
    """The chains that the tests of the library carry: one that is good, one with an h= that must not be there."""
    source = (DATA / "test_arc.py").read_text()
    chains = []
    for line in source.splitlines():
        if line.strip().startswith(("expected_sig = [", "sig_lines = [b'")):
            chains.append(b"".join(eval(line.split("=", 1)[1])))  # noqa: S307: a list of literals
    return chains


def test_published_chains(tmp_path):
    good, with_h = published_chain()
    found = check(tmp_path, keys(), good + data("test.message"))["arc"]
    assert (found["verdict"], found["sets"], found["domain"]) == ("pass", 1, "example.com"), found
    assert check(tmp_path, keys(), with_h + data("test.message"))["arc"]["verdict"] == "fail"


def test_chains_of_several_sets(tmp_path):
    message = sealed(data("test.message"))
    found = check(tmp_path, keys(), message)["arc"]
    assert (found["verdict"], found["sets"]) == ("pass", 1)
    twice = sealed(message, b"second.example.org", b"pass")
    found = check(tmp_path, keys(), twice)["arc"]
    assert (found["verdict"], found["sets"]) == ("pass", 2)
    assert check(tmp_path, keys(), twice.replace(b"cv=none", b"cv=fail", 1))["arc"]["verdict"] == "fail"
    assert check(tmp_path, keys(), message + b"more\r\n")["arc"]["verdict"] == "fail"
    assert check(tmp_path, keys(), message.replace(b"cv=none", b"cv=pass", 1))["arc"]["verdict"] == "fail"
    assert check(tmp_path, keys(), message.replace(b"i=1", b"i=2", 1))["arc"]["verdict"] == "fail"
    without_seal = message.split(b"ARC-Message-Signature", 1)[1]
    assert check(tmp_path, keys(), b"ARC-Message-Signature" + without_seal)["arc"]["verdict"] == "fail"
    assert check(tmp_path, keys(), data("test.message"))["arc"]["verdict"] == "none"
    assert check(tmp_path, ["test._domainkey.example.com fail"], message)["arc"]["verdict"] == "temperror"


# --- DMARC ---------------------------------------------------------------------------------------------------------

RECORD = "_dmarc.example.com txt v=DMARC1; p=reject; rua=mailto:dmarc-feedback@example.com"


def letter(author):
    lines = (f"From: sender@{author}", "Date: Fri, Feb 15 2002 16:54:30 -0800", "To: receiver@example.org", "Subject: here's a sample")
    return "\r\n".join(lines).encode() + b"\r\n\r\ntext\r\n"


@pytest.mark.parametrize(
    "sender, author, record, verdict",
    [
        # RFC 7489 Appendix B.1.1: SPF.
        ("sender@example.com", "example.com", RECORD, "pass"),
        ("sender@child.example.com", "example.com", RECORD, "pass"),
        ("sender@child.example.com", "example.com", RECORD + "; aspf=s", "fail"),
        ("sender@example.net", "child.example.com", RECORD, "fail"),
        # Nothing is published for the author.
        ("sender@example.com", "example.com", "nothing.example none", "none"),
        ("sender@example.com", "example.com", "_dmarc.example.com fail", "temperror"),
    ],
)
def test_alignment_of_spf(tmp_path, sender, author, record, verdict):
    names = [record] + [f"{name} txt v=spf1 ip4:192.0.2.1 -all" for name in ("example.com", "child.example.com", "example.net")]
    found = check(tmp_path, names, letter(author), ip="192.0.2.1", helo="mx.example.net", **{"from": sender})
    assert found["spf"]["verdict"] == "pass"
    assert found["dmarc"]["verdict"] == verdict, found["dmarc"]


@pytest.mark.parametrize(
    "domain, author, record, verdict",
    [
        # RFC 7489 Appendix B.1.2: DKIM.
        ("example.com", "example.com", RECORD + "; adkim=s", "pass"),
        ("example.com", "child.example.com", RECORD, "pass"),
        ("example.com", "child.example.com", RECORD + "; adkim=s", "fail"),
        ("sample.net", "child.example.com", RECORD, "fail"),
    ],
)
def test_alignment_of_dkim(tmp_path, domain, author, record, verdict):
    message = letter(author)
    signed = dkim.sign(message, b"test", domain.encode(), data("test.private")) + message
    names = [record, f"test._domainkey.{domain} txt {text('test.txt')}"]
    found = check(tmp_path, names, signed)
    assert [one["verdict"] for one in found["dkim"]] == ["pass"]
    assert found["dmarc"]["verdict"] == verdict, found["dmarc"]


@pytest.mark.parametrize(
    "record, author, policy",
    [
        # RFC 7489 Appendix B.2.1: only reports; B.2.4: subdomains are told apart.
        ("v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com", "example.com", "none"),
        ("v=DMARC1; p=reject; sp=quarantine", "example.com", "reject"),
        ("v=DMARC1; p=reject; sp=quarantine", "sub.example.com", "quarantine"),
        ("v=DMARC1; p=quarantine", "sub.example.com", "quarantine"),
        # RFC 9989: names that do not exist, and a policy that is only tried out.
        ("v=DMARC1; p=none; np=reject", "nowhere.example.com", "reject"),
        ("v=DMARC1; p=reject; t=y", "example.com", "quarantine"),
    ],
)
def test_the_policy_that_holds(tmp_path, record, author, policy):
    names = [f"_dmarc.example.com txt {record}", "sub.example.com a 192.0.2.7"]
    found = check(tmp_path, names, letter(author))
    assert (found["dmarc"]["verdict"], found["dmarc"]["policy"]) == ("fail", policy), found["dmarc"]


def test_several_authors_are_none(tmp_path):
    message = letter("example.com").replace(b"\r\nDate", b", other@example.net\r\nDate", 1)
    assert check(tmp_path, [RECORD], message)["dmarc"]["verdict"] == "none"
