"""What operators do all day: people, mailboxes, messages, partitions; with a server and without."""

import json
import smtplib

import pytest

from kit.mailbox import bodies, login, wait_for
from kit.server import Account


def deliver(server, to, subject):
    with smtplib.SMTP("localhost", server.port("smtp")) as client:
        client.sendmail("a@elsewhere.test", [to], f"From: a@elsewhere.test\r\nSubject: {subject}\r\n\r\nhello\r\n")


def test_mailboxes_are_made_shared_renamed_and_deleted(server):
    alice = server.alice.address
    server.command("mailbox", "create", alice, "Work/2026")
    names = [mailbox["name"] for mailbox in server.json("mailbox", "list", alice)]
    assert "Work" in names and "Work/2026" in names and "INBOX" in names
    server.command("mailbox", "grant", alice, "Work", server.bob.address, "lrs")
    assert server.json("mailbox", "rights", alice, "Work") == [["bob@example.test", "lrs"]]
    server.command("mailbox", "rename", alice, "Work", "Jobs")
    page = server.json("mailbox", "list", alice, "--holding", "Jobs", "--limit", "1")
    assert [mailbox["name"] for mailbox in page] == ["Jobs"]
    assert [mailbox["name"] for mailbox in server.json("mailbox", "list", alice, "--holding", "Jobs", "--after", "Jobs")] == ["Jobs/2026"]
    assert server.command("mailbox", "delete", alice, "Jobs/2026", check=False).returncode == 2
    server.command("mailbox", "delete", alice, "Jobs/2026", "--yes")
    missing = server.command("mailbox", "delete", alice, "Jobs/2026", "--yes", check=False)
    assert missing.returncode == 1 and "has no mailbox Jobs/2026" in missing.stderr


def test_expunged_messages_come_back(server):
    alice = server.alice
    for subject in ("one", "two", "three"):
        deliver(server, alice.address, subject)
    before = wait_for(server, alice, 3)
    listed = server.json("message", "list", alice.address)
    assert [message["subject"] for message in listed] == ["one", "two", "three"]
    assert [message["uid"] for message in server.json("message", "list", alice.address, "--holding", "two")] == [2]
    shown = server.command("message", "show", alice.address, "INBOX", "2", "--header").stdout
    assert "Subject: two" in shown and "hello" not in shown
    connection = login(server, alice)
    connection.uid("STORE", "1:2", "+FLAGS", "(\\Deleted keyword)")
    connection.expunge()
    assert server.command("message", "delete", alice.address, "INBOX", "3", "--yes").stdout == "1 expunged\n"
    gone = server.json("message", "undelete", alice.address, "--list")
    assert sorted(message["subject"] for message in gone) == ["one", "three", "two"]
    assert server.command("message", "undelete", alice.address, check=False).returncode == 2
    assert server.command("message", "undelete", alice.address, "--uid", "2", "--uid", "3").stdout == "2 brought back\n"
    assert server.command("message", "undelete", alice.address, "--within", "1h").stdout == "1 brought back\n"
    assert sorted(bodies(server, alice)) == sorted(before)
    assert server.json("message", "undelete", alice.address, "--list") == []


def test_accounts_are_changed_exported_and_imported(server, tmp_path):
    server.command("account", "set", server.bob.address, "--name", "Bob, B.", "--quota", "5 GiB", "--role", "user,auditor")
    shown = server.json("account", "show", server.bob.address)
    assert (shown["name"], shown["quota_octets"], shown["roles"]) == ("Bob, B.", 5 << 30, ["user", "auditor"])
    exported = server.command("account", "export").stdout
    assert '"Bob, B."' in exported and "password" not in exported.splitlines()[0]
    lines = [json.loads(line) for line in server.command("account", "export", "--format", "jsonl").stdout.splitlines()]
    assert [line["address"] for line in lines] == sorted(line["address"] for line in lines)
    file = tmp_path / "people.csv"
    file.write_text(
        "address,name,password,quota_octets,state\n"
        "carol@example.test,Carol,a long password,1000000,\n"
        "dave@example.test,Dave,another password,,suspended\n"
        "bob@example.test,Bob,x,,\n"
        "eve@elsewhere.test,Eve,x,,\n"
        "frank@example.test,Frank,x,many,\n"
    )
    dry = server.command("account", "import", str(file), "--dry-run", check=False)
    assert dry.returncode == 1 and "2 accounts would be made, 3 lines refused" in dry.stdout, dry.stdout
    done = server.command("account", "import", str(file), check=False)
    assert done.returncode == 1
    for line in ("line 4: ", "line 5: ", "line 6: "):
        assert line in done.stdout, done.stdout
    login(server, Account("carol@example.test", "a long password")).logout()
    assert server.json("account", "show", "dave@example.test")["status"] == "suspended"


def test_application_passwords_open_the_door_and_close_again(server):
    password = server.command("account", "app-password", "add", server.alice.address, "phone").stdout.strip()
    login(server, Account(server.alice.address, password)).logout()
    assert server.json("account", "app-password", "list", server.alice.address)[0][0] == "phone"
    server.command("account", "app-password", "remove", server.alice.address, "phone", "--yes")
    with pytest.raises(Exception, match="AUTHENTICATIONFAILED"):
        login(server, Account(server.alice.address, password))


def test_a_deleted_account_comes_back_or_is_forgotten(server):
    bob = server.bob
    deliver(server, bob.address, "kept")
    wait_for(server, bob, 1)
    server.command("account", "delete", bob.address, "--yes")
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        deliver(server, bob.address, "refused")
    refused = server.command("domain", "remove", "example.test", "--yes", check=False)
    assert refused.returncode == 1
    server.command("account", "activate", bob.address)
    assert len(bodies(server, bob)) == 1
    assert server.command("account", "forget", bob.address, "--yes", check=False).returncode == 1
    server.command("account", "delete", bob.address, "--yes")
    server.command("account", "forget", bob.address, "--yes")
    assert server.command("account", "show", bob.address, check=False).returncode == 1
    server.command("store", "check")


def test_groups_and_domains(server):
    server.command("group", "set", "team@example.test", server.alice.address)
    server.command("group", "add-member", "team@example.test", server.bob.address, "far@elsewhere.test")
    server.command("group", "remove-member", "team@example.test", "far@elsewhere.test")
    assert server.json("group", "show", "team@example.test") == [server.alice.address, server.bob.address]
    deliver(server, "team@example.test", "to all")
    wait_for(server, server.alice, 1)
    wait_for(server, server.bob, 1)
    server.command("domain", "catch-all", "example.test", server.bob.address)
    shown = server.json("domain", "show", "example.test")
    assert (shown["catch_all"], shown["groups"]) == (server.bob.address, 1)
    deliver(server, "nobody-at-all@example.test", "caught")
    wait_for(server, server.bob, 2)
    server.command("domain", "catch-all", "example.test")
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        deliver(server, "nobody-at-all@example.test", "refused")


def test_partitions_are_added_and_used(server):
    server.command("partition", "add", "second")
    assert server.command("partition", "add", "second", check=False).returncode == 1
    server.stop()
    server.start()
    names = [partition["name"] for partition in server.json("partition", "list")]
    assert names[0] == "system" and "second" in names
    server.command("account", "add", "zoe@example.test", "--partition", "second", "--password-stdin", stdin="a long password\n")
    deliver(server, "zoe@example.test", "there")
    wait_for(server, Account("zoe@example.test", "a long password"), 1)
    assert server.json("partition", "show", "second")["accounts"] == 1


def test_a_damaged_partition_is_noticed_and_rebuilt(server):
    deliver(server, server.alice.address, "precious")
    [before] = wait_for(server, server.alice, 1)
    refused = server.command("store", "repair", "--partition", "primary", check=False)
    assert refused.returncode == 1 and "a server runs" in refused.stderr
    server.stop()
    folder = server.data / "partitions" / "primary"
    for file in folder.glob("index.sqlite*"):
        file.write_bytes(b"\xff" * 8192)
    repaired = server.command("store", "repair", "--partition", "primary")
    assert "rows are there" in repaired.stdout
    server.command("store", "check")
    server.start()
    assert bodies(server, server.alice) == [before]


def test_damage_that_cannot_be_mended_is_told_and_nothing_is_thrown_away(server):
    for subject in ("first", "second"):
        deliver(server, server.alice.address, subject)
    wait_for(server, server.alice, 2)
    server.stop()
    [segment] = (server.data / "partitions" / "primary" / "log").glob("*.seg")
    octets = bytearray(segment.read_bytes())
    at = octets.index(b"Subject: first")
    octets[at : at + 7] = b"XXXXXXX"
    segment.write_bytes(bytes(octets))
    checked = server.command("store", "check", check=False)
    assert checked.returncode == 1 and "blob" in checked.stdout, checked.stdout
    repaired = server.command("store", "repair", "--partition", "primary", check=False)
    assert repaired.returncode == 1 and "lost: " in repaired.stdout, repaired.stdout
    server.start()
    connection = login(server, server.alice)
    _, parts = connection.uid("FETCH", "2", "(BODY.PEEK[])")
    assert b"Subject: second" in parts[0][1], "what is whole stays readable"


def test_a_renewed_certificate_is_what_a_domain_is_told_to_publish(server):
    def tlsa():
        return [one["value"] for one in server.json("domain", "dns", "example.test") if one["kind"] == "TLSA"]

    before = tlsa()
    for name in ("self-signed.pem", "self-signed.key"):
        (server.data / "tls" / name).unlink()
    server.command("reload")
    assert len(before) == len(tlsa()) == 1 and tlsa() != before
