"""`heliograph sieve check|run|trace`: scripts tried by hand, without a server."""

import json
import os
import subprocess

BINARY = os.environ["HELIOGRAPH_BINARY"]
MESSAGE = b"From: Carol <carol@example.org>\r\nTo: alice@example.test\r\nSubject: [news] Hello\r\nMessage-ID: <1@x>\r\n\r\nHi\r\n"


def sieve(*arguments, given=b""):
    return subprocess.run([BINARY, "sieve", *map(str, arguments)], input=given, capture_output=True, timeout=60)


def script_and_message(folder, text):
    (folder / "a.sieve").write_text(text)
    (folder / "m.eml").write_bytes(MESSAGE)
    return folder / "a.sieve", folder / "m.eml"


def run(folder, text, *options):
    done = sieve("run", *script_and_message(folder, text), "--json", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def actions(report):
    return [action["action"] for action in report["actions"]]


def test_a_good_script_is_told_to_be_good(tmp_path):
    script, _ = script_and_message(tmp_path, 'require "fileinto";\nfileinto "x";\n')
    done = sieve("check", script)
    assert done.returncode == 0
    assert b"can be run" in done.stdout and b"fileinto" in done.stdout


def test_a_bad_script_is_told_with_its_place(tmp_path):
    script, _ = script_and_message(tmp_path, "keep;\n  kep;\n")
    done = sieve("check", script)
    assert done.returncode == 1
    assert b"a.sieve:2:3: there is no command \"kep\"; keep comes nearest" in done.stderr
    report = json.loads(sieve("check", script, "--json").stdout)
    assert (report["valid"], report["line"], report["column"]) == (False, 2, 3)


def test_a_script_comes_from_standard_input():
    assert sieve("check", "-", given=b"keep;").returncode == 0
    assert sieve("check", "-", given=b"keep").returncode == 1


def test_only_administrators_have_their_extensions():
    script = b'require "vnd.heliograph.system"; jettison;'
    assert b"administrator" in sieve("check", "-", given=script).stderr
    assert sieve("check", "-", "--administrator", given=script).returncode == 0


def test_a_run_tells_what_would_be_done(tmp_path):
    text = 'require ["fileinto", "variables"]; if header :matches "subject" "[*] *" { fileinto "${1}"; }'
    done = sieve("run", *script_and_message(tmp_path, text))
    assert done.stdout.decode() == 'fileinto "news"\n'


def test_a_trace_tells_each_step_and_its_line(tmp_path):
    text = 'require "fileinto";\nif header "subject" "x" {\n  discard;\n} else {\n  fileinto "rest";\n}\n'
    done = sieve("trace", *script_and_message(tmp_path, text))
    assert done.stdout.decode() == 'line 2: header is false\nline 5: fileinto "rest"\n\nfileinto "rest"\n'


def test_a_run_that_fails_keeps_the_message(tmp_path):
    report = run(tmp_path, 'require ["fileinto", "ihave"];\nfileinto "x";\nerror "no further";')
    assert (report["failure"]["line"], report["failure"]["reason"]) == (3, "no further")
    assert actions(report) == ["keep"] and report["actions"][0]["implicit"]


def test_the_envelope_is_taken_from_the_message_unless_given(tmp_path):
    text = 'require "envelope"; if envelope "from" "carol@example.org" { discard; }'
    assert actions(run(tmp_path, text)) == []
    assert actions(run(tmp_path, text, "--envelope-from", "other@example.org")) == ["keep"]


def test_the_world_is_as_it_is_told(tmp_path):
    asked = [
        ('mailbox', 'mailboxexists "Work"', "--mailbox", "Work"),
        ('extlists', 'address :list "from" "friends"', "--list", "friends=carol@example.org"),
        ('duplicate', "duplicate", "--duplicate", "<1@x>"),
        ('mboxmetadata', 'metadata "INBOX" "/private/x" "on"', "--metadata", "INBOX:/private/x=on"),
        ('servermetadata', 'servermetadata "/shared/x" "on"', "--metadata", ":/shared/x=on"),
        ('environment', 'environment "remote-ip" "192.0.2.1"', "--environment", "remote-ip=192.0.2.1"),
        ('spamtest', 'spamtest "10"', "--spam", "100"),
        ('virustest', 'virustest "4"', "--virus", "4"),
        ('date', 'currentdate "date" "2026-11-24"', "--now", "2026-11-24T12:00:00Z"),
    ]
    for extension, test, *options in asked:
        text = f'require "{extension}"; if {test} {{ discard; }}'
        assert actions(run(tmp_path, text)) == ["keep"], test
        assert actions(run(tmp_path, text, *options)) == [], test


def test_scripts_include_each_other(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "inner.sieve").write_text("discard;")
    text = 'require "include"; include "inner";'
    assert actions(run(tmp_path, text, "--scripts", tmp_path / "own")) == []
    assert run(tmp_path, text)["failure"]["reason"] == 'there is no script "inner" to include'


def test_a_changed_message_is_shown(tmp_path):
    report = run(tmp_path, 'require "editheader"; addheader "X-Seen" "yes"; deleteheader "Subject";')
    message = report["actions"][0]["message"]
    assert message.startswith("X-Seen: yes\r\n") and "Subject" not in message and message.endswith("\r\n\r\nHi\r\n")


def test_what_cannot_be_read_is_told(tmp_path):
    done = sieve("run", tmp_path / "none.sieve", tmp_path / "none.eml")
    assert done.returncode == 1 and b"none.sieve" in done.stderr
