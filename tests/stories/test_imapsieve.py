"""Scripts of mailboxes: what IMAP commands do there runs them, by METADATA on the mailbox or for the whole account."""

import email
import re
import smtplib

import pytest

from kit.configured import configured, routed
from kit.mailbox import bodies, login
from kit.sink import Sink
from kit.wait import until

ENTRY = "/shared/imapsieve/script"


@pytest.fixture
def far():
    with Sink() as sink:
        yield sink


@pytest.fixture
def server(tmp_path, far):
    """A demo server that knows its way to far.test."""
    with configured(tmp_path, routed("far.test", far.port)) as server:
        yield server


@pytest.fixture
def alice(server):
    connection = login(server, server.alice, None)
    yield connection
    connection.logout()


def store(server, name, text):
    """Stores a script of alice's without activating it: deliveries do not run it."""
    server.command("sieve", "put", server.alice.address, name, "-", stdin=text)


def attach(connection, mailbox, value):
    """Names the mailbox's script; of the account for the empty name."""
    value = "NIL" if value is None else f'"{value}"'
    assert connection.xatom("SETMETADATA", f'"{mailbox}"', f'({ENTRY} {value})')[0] == "OK"


def append(connection, mailbox, subject="hello", flags=None, header=""):
    text = f"From: <carol@far.test>\r\nTo: <alice@b.test>\r\n{header}Subject: {subject}\r\n\r\nbody\r\n"
    status, answer = connection.append(mailbox, flags, None, text.encode())
    assert status == "OK", answer


def flags(connection, mailbox, number=1):
    """The flags of a message as another session sees them."""
    assert connection.select(mailbox, readonly=True)[0] == "OK"
    _, answer = connection.fetch(str(number), "(FLAGS)")
    found = re.search(rb"FLAGS \((.*?)\)", answer[0]).group(1).decode().split()
    connection.close()
    return set(found)


def test_the_capability_names_where_scripts_are_kept(server, alice):
    status, answer = alice.capability()
    assert status == "OK"
    found = re.findall(rb"IMAPSIEVE=(\S+)", answer[0])
    assert len(found) == 1 and found[0].startswith(b"sieve://"), answer


def test_append_runs_the_script_of_the_mailbox_alone(server, alice):
    store(server, "mark", 'require ["imap4flags", "environment", "imapsieve"];\n'
          'if allof (environment "imap.cause" "APPEND", environment "imap.mailbox" "Archive",\n'
          f'  environment "imap.user" "{server.alice.address}", environment "imap.email" "{server.alice.address}",\n'
          '  environment "imap.changedflags" "", environment "location" "MS", environment "phase" "post")\n'
          '{ addflag ["$Marked", "\\\\Flagged"]; }\n')
    append(alice, "Archive")
    attach(alice, "Archive", "mark")
    append(alice, "Archive", flags="(\\Seen)")
    append(alice, "INBOX")
    assert flags(alice, "Archive", 1) == set()
    assert flags(alice, "Archive", 2) == {"\\Seen", "$Marked", "\\Flagged"}
    assert flags(alice, "INBOX") == set()


def test_the_account_s_script_is_for_mailboxes_without_one(server, alice):
    store(server, "all", 'require ["imap4flags", "imapsieve"]; addflag "$All";')
    store(server, "own", 'require ["imap4flags", "imapsieve"]; addflag "$Own";')
    attach(alice, "", "all")
    attach(alice, "Archive", "own")
    attach(alice, "Drafts", "")
    attach(alice, "Sent", "not there")
    for mailbox, expected in (("INBOX", {"$All"}), ("Archive", {"$Own"}), ("Drafts", set()), ("Sent", set())):
        append(alice, mailbox)
        assert flags(alice, mailbox) == expected, mailbox
    attach(alice, "", None)
    append(alice, "INBOX")
    assert flags(alice, "INBOX", 2) == set()


def test_copy_and_move_file_into_another_mailbox(server, alice):
    store(server, "sort", 'require ["fileinto", "mailbox", "environment", "imapsieve", "imap4flags", "editheader"];\n'
          'if environment "imap.cause" "COPY" { addheader "X-Sorted" "yes"; addflag "$Sorted"; fileinto :create "Sorted"; }\n')
    attach(alice, "Archive", "sort")
    for subject in ("one", "two"):
        append(alice, "INBOX", subject, flags="(\\Flagged)")
    alice.select("INBOX")
    assert alice.copy("1", "Archive")[0] == "OK"
    assert alice.uid("MOVE", "2", "Archive")[0] == "OK"
    assert [email.message_from_bytes(one)["Subject"] for one in bodies(server, server.alice)] == ["one"]
    # The message is in the target, as it came, and marked to go; the copy is another message.
    there = [email.message_from_bytes(one) for one in bodies(server, server.alice, "Archive")]
    assert [(one["Subject"], one["X-Sorted"]) for one in there] == [("one", None), ("two", None)]
    copies = [email.message_from_bytes(one) for one in bodies(server, server.alice, "Sorted")]
    assert [(one["Subject"], one["X-Sorted"]) for one in copies] == [("one", "yes"), ("two", "yes")]
    assert flags(alice, "Archive", 1) == {"\\Flagged", "\\Deleted"}
    assert flags(alice, "Sorted", 2) == {"\\Flagged", "$Sorted"}


def test_changed_flags_are_named(server, alice):
    store(server, "watch", 'require ["fileinto", "copy", "environment", "imapsieve", "imap4flags", "mailbox"];\n'
          'if allof (environment "imap.cause" "FLAG", environment :contains "imap.changedflags" "\\\\Flagged", hasflag "\\\\Flagged")\n'
          '{ fileinto :copy :create "Important"; }\n'
          'if allof (environment :contains "imap.changedflags" "\\\\Seen") { addflag "$Read"; }\n')
    append(alice, "INBOX", flags="(\\Answered)")
    attach(alice, "INBOX", "watch")
    alice.select("INBOX")
    assert alice.store("1", "+FLAGS", "(\\Answered)")[0] == "OK"
    assert alice.list('""', "Important")[1] == [None]
    assert alice.store("1", "+FLAGS", "(\\Flagged)")[0] == "OK"
    assert len(bodies(server, server.alice, "Important")) == 1
    assert alice.store("1", "-FLAGS.SILENT", "(\\Flagged)")[0] == "OK"
    assert len(bodies(server, server.alice, "Important")) == 1
    # FETCH sets \Seen, which is a change as well; what the script adds is told.
    assert alice.fetch("1", "(BODY[TEXT])")[0] == "OK"
    _, answer = alice.fetch("1", "(FLAGS)")
    assert b"$Read" in answer[-1] and b"\\Seen" in answer[-1]


def test_what_a_script_changes_is_told_even_after_a_silent_store(server, alice):
    store(server, "more", 'require ["imapsieve", "imap4flags"]; addflag "$More";')
    append(alice, "INBOX")
    attach(alice, "INBOX", "more")
    alice.select("INBOX")
    status, told = alice.store("1", "+FLAGS.SILENT", "(\\Flagged)")
    assert status == "OK" and told[-1] and b"$More" in told[-1], told


def test_scripts_start_no_scripts(server, alice):
    """Two mailboxes that would send a message to and fro, and flags that would turn for ever."""
    for name, other in (("here", "There"), ("there", "Here")):
        store(server, name, 'require ["fileinto", "copy", "imapsieve", "imap4flags"];\n'
              f'if hasflag "$Turn" {{ removeflag "$Turn"; }} else {{ addflag "$Turn"; }} fileinto :copy "{other}";\n')
    for mailbox in ("Here", "There"):
        alice.create(mailbox)
        attach(alice, mailbox, mailbox.lower())
    append(alice, "Here")
    assert len(bodies(server, server.alice, "Here")) == 1
    assert len(bodies(server, server.alice, "There")) == 1
    assert flags(alice, "Here") == {"$Turn"}
    alice.select("Here")
    assert alice.store("1", "+FLAGS", "(\\Flagged)")[0] == "OK"
    assert len(bodies(server, server.alice, "There")) == 2
    assert flags(alice, "Here") == {"\\Flagged"}


@pytest.mark.parametrize("script", [
    'require ["envelope", "imapsieve", "fileinto"]; fileinto "Junk"; if envelope "from" "x" { keep; }',
    'require ["reject", "imapsieve"]; reject "no";',
    'require ["vacation"]; vacation "away";',
    'require ["include", "fileinto"]; fileinto "Junk"; include "gone";',
    'require ["fileinto"]; fileinto "No such mailbox";',
    'require ["ihave"]; discard; error "nothing doing";',
])
def test_a_script_that_fails_changes_nothing(server, alice, script):
    store(server, "bad", script)
    attach(alice, "Archive", "bad")
    append(alice, "Archive")
    assert flags(alice, "Archive") == set()
    assert bodies(server, server.alice, "Junk") == [] and bodies(server, server.alice) == []
    told = server.command("sieve", "list", server.alice.address)
    assert "bad" in str(told)


def test_discard_marks_and_keep_does_not(server, alice):
    store(server, "drop", 'discard;')
    store(server, "both", 'discard; keep;')
    for mailbox, script, expected in (("Archive", "drop", {"\\Deleted"}), ("Drafts", "both", set())):
        attach(alice, mailbox, script)
        append(alice, mailbox)
        assert flags(alice, mailbox) == expected


def test_a_message_is_sent_on_for_its_owner_and_made_whole(server, alice, far):
    store(server, "send", 'require ["copy", "environment", "imapsieve", "enotify"];\n'
          'redirect :copy "friend@far.test"; notify :message "put in" "mailto:other@far.test";')
    attach(alice, "Archive", "send")
    append(alice, "Archive", "to be sent")
    until(lambda: len(far.messages) == 2, "both messages at the other host")
    by_recipient = {recipients[0]: (sender, email.message_from_bytes(body)) for sender, recipients, body in far.messages}
    sender, message = by_recipient["friend@far.test"]
    assert f"<{server.alice.address}>" in sender and message["Subject"] == "to be sent"
    assert message["Date"] and message["Message-ID"]
    assert by_recipient["other@far.test"][1]["Subject"] == "put in"
    assert flags(alice, "Archive") == set()


def test_a_script_with_imapsieve_is_taken_and_sees_nothing_of_imap_at_delivery(server, alice):
    server.command("sieve", "put", server.alice.address, "main", "-", "--activate", stdin=(
        'require ["imapsieve", "environment", "fileinto"];\n'
        'if allof (environment "imap.cause" "", environment "imap.user" "") { fileinto "Archive"; }'))
    with smtplib.SMTP("localhost", server.port("smtp"), timeout=30) as client:
        client.sendmail("carol@far.test", [server.alice.address], b"Subject: x\r\n\r\nbody\r\n")
    until(lambda: len(bodies(server, server.alice, "Archive")) == 1, "the message in Archive")
