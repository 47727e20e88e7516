"""Scripts in the life of mail: sorted, sent on, answered, refused - over SMTP and LMTP, with what the administrator adds."""

import email
import re
import smtplib

import pytest

from kit.client import run
from kit.configured import configured, routed, submit
from kit.mailbox import bodies, login, wait_for
from kit.sink import Sink
from kit.wait import until


@pytest.fixture
def far():
    with Sink() as sink:
        yield sink


@pytest.fixture
def server(tmp_path, far):
    """A demo server that knows its way to far.test."""
    with configured(tmp_path, routed("far.test", far.port)) as server:
        yield server


def activate(server, account, text):
    server.command("sieve", "put", account.address, "main", "-", "--activate", stdin=text)


def bring(server, *to, subject="hello", sender="carol@far.test", header="", listener="smtp"):
    """Delivers one message, by SMTP or LMTP; the refused recipients of the latter, by address."""
    kind = smtplib.LMTP if listener == "lmtp" else smtplib.SMTP
    message = f"From: <carol@far.test>\r\nTo: {', '.join(to)}\r\nSubject: {subject}\r\n{header}\r\nbody\r\n"
    with kind("localhost", server.port(listener), timeout=30) as client:
        client.ehlo_or_helo_if_needed() if listener == "smtp" else client.ehlo("far.test")
        if listener == "smtp":
            return client.sendmail(sender, list(to), message.encode())
        client.mail(sender)
        for address in to:
            client.rcpt(address)
        client.putcmd("data")
        assert client.getreply()[0] == 354
        client.send(message.encode() + b".\r\n")
        return {address: client.getreply() for address in to}


def is_queue_empty(server):
    return all(channel["messages"] == 0 for channel in server.json("queue", "summarize"))


def test_mail_is_filed_with_flags_where_the_script_says(server):
    activate(
        server,
        server.alice,
        'require ["fileinto", "mailbox", "imap4flags", "special-use", "editheader"];\n'
        'if header :contains "subject" "cat" { fileinto :create :flags ["\\\\Seen", "$Cat"] "Animals/Cats"; }\n'
        'elsif header :contains "subject" "junk" { fileinto :specialuse "\\\\Junk" "Rubbish"; }\n'
        'elsif header :contains "subject" "gone" { discard; }\n'
        'elsif header :contains "subject" "mark" { addheader "X-Marked" "yes"; keep :flags "\\\\Flagged"; }\n',
    )
    for subject in ("a cat", "junk", "gone", "mark me", "plain"):
        bring(server, server.alice.address, subject=subject)
    assert len(bodies(server, server.alice, "Animals/Cats")) == 1
    assert len(bodies(server, server.alice, "Junk")) == 1
    inbox = bodies(server, server.alice)
    assert [email.message_from_bytes(one)["Subject"] for one in inbox] == ["mark me", "plain"]
    assert email.message_from_bytes(inbox[0])["X-Marked"] == "yes"
    connection = login(server, server.alice, "Animals/Cats")
    _, answer = connection.uid("FETCH", "1:*", "(FLAGS)")
    assert b"\\Seen" in answer[0] and b"$Cat" in answer[0]
    connection.logout()


def test_swaks_delivers_and_the_message_is_sent_on_once(server, far, tmp_path):
    activate(server, server.alice, 'require "copy"; redirect :copy "friend@far.test"; keep;')
    run(
        ["swaks", "--server", "localhost", "--port", server.port("smtp"), "--from", "carol@far.test", "--to",
         server.alice.address, "--header", "Subject: by swaks"],
        tmp_path / "home",
    )
    wait_for(server, server.alice, 1)
    until(lambda: len(far.messages) == 1 and is_queue_empty(server), "the copy at the other host")
    sender, recipients, body = far.messages[0]
    assert "<carol@far.test>" in sender and recipients == ["friend@far.test"]
    assert email.message_from_bytes(body)["Delivered-To"] == server.alice.address
    assert not body.startswith(b"Return-Path")


def test_two_who_send_on_to_each_other_do_not_do_it_for_ever(server):
    activate(server, server.alice, f'redirect "{server.bob.address}";')
    activate(server, server.bob, f'redirect "{server.alice.address}";')
    bring(server, server.alice.address)
    wait_for(server, server.bob, 0)
    until(lambda: is_queue_empty(server), "an empty queue")
    assert len(bodies(server, server.alice)) + len(bodies(server, server.bob)) == 1


def test_an_absent_person_answers_each_sender_once(server, far):
    activate(server, server.alice, 'require "vacation"; vacation :subject "Away" "I am not there.";')
    for _ in range(3):
        bring(server, server.alice.address)
    bring(server, server.alice.address, sender="")
    bring(server, server.alice.address, sender="dave@far.test", header="List-Id: <x>\r\n")
    bring(server, server.alice.address, sender="erin@far.test")
    wait_for(server, server.alice, 6)
    until(lambda: is_queue_empty(server), "an empty queue")
    assert sorted(recipients for _, recipients, _ in far.messages) == [["carol@far.test"], ["erin@far.test"]]
    sender, _, body = far.messages[0]
    answer = email.message_from_bytes(body)
    assert "MAIL FROM:<>" in sender
    assert (answer["Subject"], answer["Auto-Submitted"]) == ("Away", "auto-replied")
    assert answer["From"].endswith(f"<{server.alice.address}>")


def test_a_refusal_is_a_reply_over_smtp(server, far):
    activate(server, server.alice, 'require "reject"; reject "no,\nthanks";')
    with pytest.raises(smtplib.SMTPDataError) as refused:
        bring(server, server.alice.address)
    assert refused.value.smtp_code == 550 and b"5.7.1 no, thanks" in refused.value.smtp_error
    assert is_queue_empty(server) and far.messages == []
    # With somebody else who takes it, the sender is told by a message of its own.
    bring(server, server.alice.address, server.bob.address)
    wait_for(server, server.bob, 1)
    until(lambda: len(far.messages) == 1, "the notice")
    assert b"no," in far.messages[0][2] and far.messages[0][1] == ["carol@far.test"]
    # A null sender is never told.
    with pytest.raises(smtplib.SMTPDataError):
        bring(server, server.alice.address, sender="")
    bring(server, server.alice.address, server.bob.address, sender="")
    wait_for(server, server.bob, 2)
    until(lambda: is_queue_empty(server), "an empty queue")
    assert len(far.messages) == 1 and bodies(server, server.alice) == []


def test_a_refusal_is_told_for_each_recipient_over_lmtp(server):
    activate(server, server.alice, 'require "ereject"; ereject "not me";')
    replies = bring(server, server.alice.address, server.bob.address, listener="lmtp")
    assert replies[server.alice.address][0] == 550 and b"not me" in replies[server.alice.address][1]
    assert replies[server.bob.address][0] == 250
    assert len(bodies(server, server.bob)) == 1 and bodies(server, server.alice) == []


def test_duplicates_are_known_and_a_notification_is_sent(server, far):
    activate(
        server,
        server.alice,
        'require ["duplicate", "enotify"];\n'
        "if duplicate { discard; stop; }\n"
        'notify :message "mail for you" "mailto:pager@far.test?body=look";\n',
    )
    for _ in range(2):
        bring(server, server.alice.address, header="Message-ID: <same@far.test>\r\n")
    wait_for(server, server.alice, 1)
    until(lambda: len(far.messages) == 1 and is_queue_empty(server), "the notification")
    told = email.message_from_bytes(far.messages[0][2])
    assert told["Subject"] == "mail for you" and told["Auto-Submitted"].startswith("auto-notified")
    assert len(bodies(server, server.alice)) == 1


def test_a_script_that_fails_keeps_the_mail_and_says_why(server):
    activate(server, server.alice, 'require ["include", "fileinto"];\nfileinto "Junk";\ninclude "missing";\n')
    bring(server, server.alice.address)
    assert len(bodies(server, server.alice)) == 1 and bodies(server, server.alice, "Junk") == []
    failure = server.json("sieve", "list", server.alice.address)["last_failure"]
    assert failure["script"] == "main" and failure["line"] == 3 and "missing" in failure["reason"]
    assert "last failure" in server.command("sieve", "list", server.alice.address).stdout


def test_the_administrator_s_scripts_run_before_and_after(server):
    folder = server.data / "sieve"
    for name, text in {
        "before/10-mark": 'require "editheader"; addheader "X-Before" "1";',
        "domain/example.test": 'require "fileinto"; if header :is "subject" "for the domain" { fileinto "Archive"; }',
        "after/90-rest": 'require ["fileinto", "include"]; include :global "sent";',
        "global/sent": 'require "fileinto"; if header :is "subject" "after" { fileinto "Sent"; }',
        "before/20-broken": "kep;",
    }.items():
        path = folder / f"{name}.sieve"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def all_seen():
        return len(server.json("sieve", "administrators")) == 5

    until(all_seen, "the scripts to be read")
    problems = {one["name"]: one["problem"] for one in server.json("sieve", "administrators")}
    assert problems["before/20-broken"] and not problems["after/90-rest"]
    activate(server, server.alice, 'require "fileinto"; if header :is "subject" "own" { fileinto "Drafts"; }')
    for subject in ("for the domain", "own", "after", "plain"):
        bring(server, server.alice.address, subject=subject)
    for mailbox in ("Archive", "Drafts", "Sent", "INBOX"):
        found = bodies(server, server.alice, mailbox)
        assert len(found) == 1, mailbox
        assert email.message_from_bytes(found[0])["X-Before"] == "1"
    # Bob has no script of his own; the administrator's run for him all the same.
    bring(server, server.bob.address, subject="after")
    assert len(bodies(server, server.bob, "Sent")) == 1


def test_the_administrator_s_scripts_judge_whole_messages(server, far):
    folder = server.data / "sieve" / "message"
    folder.mkdir(parents=True)
    (folder / "10.sieve").write_text(
        'require ["reject", "editheader", "vnd.heliograph.system"];\n'
        'if header :is "subject" "bad" { reject "not here"; stop; }\n'
        'if header :is "subject" "drop" { discard; stop; }\n'
        'if header :is "subject" "wait" { hold "look at it"; stop; }\n'
        'if header :is "subject" "eye" { capture "keeper@far.test"; }\n'
        'addtag "[in]"; addheader "X-Seen" "1";\n'
    )
    (folder / "20.sieve").write_text('require "fileinto"; fileinto "Junk";')
    until(lambda: len(server.json("sieve", "administrators")) == 2, "the scripts to be read")
    assert [one["name"] for one in server.json("sieve", "administrators") if one["problem"]] == ["message/20"]
    with pytest.raises(smtplib.SMTPDataError) as refused:
        bring(server, server.alice.address, server.bob.address, subject="bad")
    assert refused.value.smtp_code == 550 and b"not here" in refused.value.smtp_error
    for subject in ("drop", "wait", "plain", "eye"):
        bring(server, server.alice.address, server.bob.address, subject=subject)
    wait_for(server, server.alice, 2)
    wait_for(server, server.bob, 2)
    found = [email.message_from_bytes(one) for one in bodies(server, server.alice)]
    assert sorted(one["Subject"] for one in found) == ["[in] eye", "[in] plain"]
    assert all(one["X-Seen"] == "1" for one in found)
    until(lambda: len(far.messages) == 1, "the copy")
    assert b"message/rfc822" in far.messages[0][2] and b"carol@far.test" in far.messages[0][2]
    held = server.json("queue", "list")
    assert len(held["entries"] if isinstance(held, dict) else held) == 1


def folder_of(server, below, count=1, **scripts):
    """Writes administrators' scripts and waits until the server has read them."""
    folder = server.data / "sieve" / below
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in scripts.items():
        (folder / f"{name}.sieve").write_text(text)
    until(lambda: len(server.json("sieve", "administrators")) == count, "the scripts to be read")
    assert not [one for one in server.json("sieve", "administrators") if one["problem"]]


def test_copies_are_made_once_whoever_gets_the_message(server, far):
    capture = 'capture "\\"an eye\\"@far.test"; capture "keeper@far.test"; capture "keeper@far.test";'
    folder_of(
        server,
        "message",
        eye='require "vnd.heliograph.system";\n'
        f'if header :is "subject" ["group", "divert"] {{ {capture} }}\n'
        'if header :is "subject" "divert" { discard; stop; }\n',
    )
    server.command("group", "set", "both@example.test", server.alice.address, server.bob.address)
    bring(server, "both@example.test", subject="group")
    wait_for(server, server.alice, 1)
    wait_for(server, server.bob, 1)
    until(lambda: len(far.messages) >= 1, "the copy")
    # Nobody gets this one, and under LMTP each recipient hears of it.
    told = bring(server, server.alice.address, server.bob.address, subject="divert", listener="lmtp")
    assert [code for code, _ in told.values()] == [250, 250]
    until(lambda: len(far.messages) >= 2, "the copy of what was dropped")
    assert [sorted(to) for _, to, _ in far.messages] == [['"an eye"@far.test', "keeper@far.test"]] * 2
    assert b"both@example.test" in far.messages[0][2] and b"message/rfc822" in far.messages[1][2]
    assert len(bodies(server, server.alice)) == 1
    until(lambda: all(one["messages"] == 0 for one in server.json("queue", "summarize")), "an empty queue")


def test_what_a_script_holds_is_filed_once_it_is_released(server):
    folder_of(server, "before", hold='require "vnd.heliograph.system"; hold "look at it";')
    activate(server, server.alice, 'require "fileinto"; fileinto "Archive";')
    bring(server, server.alice.address)

    def held():
        return sum(one["held"] for one in server.json("queue", "summarize"))

    until(lambda: held() == 1, "the hold")
    server.command("queue", "release", "--held")
    until(lambda: len(bodies(server, server.alice, "Archive")) == 1, "the message")
    assert held() == 0


def test_the_queue_knows_who_had_logged_in(server, far):
    activate(
        server,
        server.alice,
        'require ["envelope", "fileinto", "copy"]; redirect :copy "x@far.test";'
        f'if envelope :is "auth" "{server.alice.address}" {{ fileinto "Archive"; }}',
    )
    submit(server, [server.alice.address], "Subject: own\r\n\r\nbody\r\n")
    until(lambda: len(far.messages) == 1, "the message sent on")
    until(lambda: len(bodies(server, server.alice, "Archive")) == 1, "the message")
    bring(server, server.alice.address)
    wait_for(server, server.alice, 1)


def test_scripts_ask_about_mailboxes_and_include_each_other(server):
    connection = login(server, server.alice, None)
    for name in ("Aside", "Old"):
        assert connection.create(name)[0] == "OK"
    _, [status] = connection.status("Aside", "(MAILBOXID)")
    identifier = re.search(rb"MAILBOXID \(([^)]+)\)", status)[1].decode()
    for mailbox, value in (("Aside", "cats"), ("", "all")):
        status, _ = connection.xatom("SETMETADATA", f'"{mailbox}" (/private/comment "{value}")')
        assert status == "OK"
    server.command(
        "sieve", "put", server.alice.address, "questions", "-",
        stdin='require ["mailbox", "mboxmetadata", "servermetadata", "special-use", "mailboxid", "imap4flags"];\n'
        'if allof(mailboxexists ["Aside", "Old"], not mailboxexists "Nowhere",\n'
        '  metadata :is "Aside" "/private/comment" "cats", not metadataexists "Old" "/private/comment",\n'
        '  servermetadata :is "/private/comment" "all", servermetadataexists "/private/comment",\n'
        '  specialuse_exists "\\\\Junk", not specialuse_exists "Aside" "\\\\Junk",\n'
        f'  mailboxidexists "{identifier}", not mailboxidexists "F0-0") {{ addflag "$Answered-All"; }}\n',
    )  # fmt: skip
    activate(
        server,
        server.alice,
        'require ["include", "fileinto", "mailbox", "mailboxid", "imap4flags"]; include :personal "questions";\n'
        f'fileinto :mailboxid "{identifier}" "Named before";\n',
    )
    # The identifier stays when the name does not.
    assert connection.rename("Aside", "Renamed")[0] == "OK"
    bring(server, server.alice.address, subject="renamed")
    assert connection.rename("Renamed", "Aside")[0] == "OK"
    bring(server, server.alice.address, subject="back")
    assert server.json("sieve", "list", server.alice.address).get("last_failure") is None
    assert connection.select("Aside")[0] == "OK"
    _, fetched = connection.fetch("1:*", "(FLAGS)")
    assert [b"$Answered-All" in one for one in fetched] == [False, True]
    connection.logout()


def test_scripts_are_managed_by_verbs_and_survive_a_restart(server):
    activate(server, server.alice, "discard;")
    server.command("sieve", "put", server.alice.address, "other", "-", stdin="keep;")
    assert server.command("sieve", "show", server.alice.address).stdout.strip() == "discard;"
    refused = server.command("sieve", "put", server.alice.address, "bad", "-", stdin="kep;", check=False)
    assert refused.returncode != 0 and "line 1" in refused.stderr
    assert server.command("sieve", "delete", server.alice.address, "main", "--yes", check=False).returncode != 0
    server.stop()
    server.command("store", "check")
    server.start()
    listed = {one["name"]: one["active"] for one in server.json("sieve", "list", server.alice.address)["scripts"]}
    assert listed == {"main": True, "other": False}
    bring(server, server.alice.address)
    assert bodies(server, server.alice) == []
    server.command("sieve", "deactivate", server.alice.address)
    bring(server, server.alice.address)
    assert len(bodies(server, server.alice)) == 1
    server.command("sieve", "delete", server.alice.address, "main", "--yes")
    server.command("store", "check")
