"""Parts of messages changed by external commands: what they write, what they decide, and what happens when they fail."""

import base64

import pytest

from kit.configured import bring, configured, submit, waiting
from kit.mailbox import bodies, wait_for
from kit.server import Account
from kit.wait import until

MESSAGE = (
    b"From: someone@far.test\r\nSubject: to convert\r\nMessage-ID: <%s@far.test>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html; charset=us-ascii\r\n\r\n<p>Hello <b>you</b></p>\r\n--b\r\n"
    b"Content-Type: application/zip; name=%s.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + base64.b64encode(b"PK\x03\x04")
    + b"\r\n--b--\r\n"
)

CONVERSIONS = r"""! HTML becomes plain text.
in-chan=smtp; out-chan=local; in-type=text; in-subtype=html;
  out-type=text; out-subtype=plain; parameter-copy-0=*;
  command="sed -e 's/<[^>]*>//g' < 'INPUT_FILE' > 'OUTPUT_FILE'"

in-type=application; in-parameter-name-0=name; in-parameter-value-0=return*; override-option-file=1;
  command="printf 'OUTPUT_DIAGNOSTIC=no archives please\\nSTATUS=178029946\\n' > $OUTPUT_OPTIONS"

in-type=application; in-parameter-name-0=name; in-parameter-value-0=hold*; override-option-file=1;
  command="printf 'OUTPUT_DIAGNOSTIC=look at this\\nSTATUS=0x0A9C86AA\\n' > $OUTPUT_OPTIONS"

in-type=application; in-parameter-name-0=name; in-parameter-value-0=delete*; override-option-file=1;
  command="echo STATUS=PMDF__FORCEDELETE > $OUTPUT_OPTIONS"

in-type=application; in-parameter-name-0=name; in-parameter-value-0=discard*; override-option-file=1;
  command="echo STATUS=FORCEDISCARD > $OUTPUT_OPTIONS"

in-type=application; in-parameter-name-0=name; in-parameter-value-0=crash*;
  command="echo it broke >&2; kill -SEGV $$"

in-type=application; in-parameter-name-0=name; in-parameter-value-0=slow*;
  command="sleep 600"

in-type=application; in-parameter-name-0=name; in-parameter-value-0=post*; override-option-file=1;
  command="echo STATUS=FORCEPOST > $OUTPUT_OPTIONS"

in-type=application; in-parameter-name-0=name; in-parameter-value-0=env*;
  command="env > $OUTPUT_FILE"
"""


def converting(folder, **settings):
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "conversions"
    file.write_text(CONVERSIONS)
    lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
    text = f'[conversion]\nfile = "{file}"\nchannels = ["smtp>local,Tag=inbound"]\ntimeout = "2s"\n{lines}\n[channels.conversion]\nretry = ["1s"]\n'
    return configured(folder, text)


def message(name):
    return MESSAGE % (name.encode(), name.encode())


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with converting(tmp_path_factory.mktemp("converting")) as running:
        yield running


def trace(server, name):
    return server.command("message", "trace", f"<{name}@far.test>").stdout


def test_a_part_becomes_what_the_command_writes(server):
    bring(server, [server.alice.address], message("plain"))
    [got] = wait_for(server, server.alice, 1)
    assert b"Content-Type: text/plain; charset=us-ascii\r\n\r\nHello you\r\n--b\r\n" in got
    assert got.endswith(b"Content-Transfer-Encoding: base64\r\n\r\nUEsDBA==\r\n--b--\r\n"), "the other part is the same octets"
    told = trace(server, "plain")
    assert "part 1 (text/html), entry on line 2: " in told, told


def test_a_command_returns_a_message_with_its_reason(server):
    submit(server, [server.bob.address], message("none"))
    with_login = wait_for(server, server.bob, 1)
    assert b"text/html" in with_login[0], "mail of our own people does not come by the channel that is converted"
    # A sender of ours, so that the notice can be read here.
    carol = Account("carol@example.test", "a long password")
    server.command("account", "add", carol.address, "--password-stdin", stdin=f"{carol.password}\n")
    bring(server, [server.bob.address], message("return"), sender=carol.address)
    [notice] = wait_for(server, carol, 1)
    assert "goes back to its sender" in trace(server, "return")
    assert b"no archives please" in notice and b"Action: failed" in notice and b"multipart/report" in notice
    assert len(bodies(server, server.bob)) == 1, "the message itself did not come"


def test_a_command_holds_a_message_and_an_operator_releases_it(server):
    before = len(bodies(server, server.alice))
    bring(server, [server.alice.address], message("hold"))
    [held] = until(lambda: server.json("queue", "held"), "a held message")
    assert held["recipients"][0]["channel"] == "conversion" and "look at this" in trace(server, "hold")
    summary = {one["channel"]: one for one in server.json("queue", "summarize")}["conversion"]
    assert (summary["held"], summary["messages"]) == (1, 1)
    server.command("queue", "release", held["id"])
    got = wait_for(server, server.alice, before + 1)[-1]
    assert b"name=hold.zip" in got and b"text/html" in got, "released, it goes on as it was"


def test_a_command_deletes_one_part(server):
    before = len(bodies(server, server.alice))
    bring(server, [server.alice.address], message("delete"))
    got = wait_for(server, server.alice, before + 1)[-1]
    assert b"delete.zip" not in got and got.endswith(b"Hello you\r\n--b--\r\n")


def test_a_command_discards_a_message(server):
    before = len(bodies(server, server.alice))
    bring(server, [server.alice.address], message("discard"))
    until(lambda: "left the queue" in trace(server, "discard"), "the end of the message")
    assert len(bodies(server, server.alice)) == before


def test_a_crash_loses_nothing_and_the_trace_names_part_and_entry(server):
    bring(server, [server.alice.address], message("crash"))
    until(lambda: "attempt 2" in trace(server, "crash"), "a second attempt")
    assert waiting(server, "conversion") == 1
    told = trace(server, "crash")
    assert "part 2 (application/zip), entry on line 18: failed: it ended with signal: 11" in told, told
    [kept] = server.json("queue", "list", "--channel", "conversion")
    server.command("queue", "delete", kept["id"], "--yes")


def test_a_hanging_command_is_ended(server):
    bring(server, [server.alice.address], message("slow"))
    until(lambda: "ran for more than 2 seconds" in trace(server, "slow"), "the end of the command", seconds=60)
    [kept] = server.json("queue", "list", "--channel", "conversion")
    server.command("queue", "delete", kept["id"], "--yes")


def test_no_secret_reaches_a_command(tmp_path):
    server = converting(tmp_path)
    server.environment = {"HELIOGRAPH_TEST_SECRET": "swordfish"}
    with server:
        bring(server, [server.alice.address], message("env"))
        [got] = wait_for(server, server.alice, 1)
        encoded = got.split(b"base64\r\n\r\n", 1)[1].split(b"--b--")[0]
        environment = base64.b64decode(encoded)
        assert b"INPUT_TYPE=application\n" in environment and b"CONVERSION_TAG=inbound\n" in environment
        assert b"swordfish" not in environment


def test_a_crash_passes_the_part_where_that_was_chosen(tmp_path):
    with converting(tmp_path, on_failure='"pass"') as server:
        bring(server, [server.alice.address], message("crash"))
        [got] = wait_for(server, server.alice, 1)
        assert b"name=crash.zip" in got and b"Hello you" in got
        assert "failed: it ended with signal: 11" in trace(server, "crash")


def test_a_crash_of_the_program_in_the_middle_of_a_command_loses_and_doubles_nothing(tmp_path):
    with converting(tmp_path) as server:
        running, go = tmp_path / "running", tmp_path / "go"
        (tmp_path / "conversions").write_text(
            f'in-type=text; in-subtype=html; command="touch {running}; while [ ! -e {go} ]; do sleep 0.05; done; sed s/Hello/Bye/ < $INPUT_FILE > $OUTPUT_FILE"\n'
        )
        server.stop()
        text = (server.data / "heliograph.toml").read_text()
        (server.data / "heliograph.toml").write_text(text.replace('timeout = "2s"', 'timeout = "60s"'))
        server.start()
        bring(server, [server.alice.address], message("crashed"))
        until(running.exists, "the command")
        server.kill()
        go.touch()
        server.start()
        [got] = wait_for(server, server.alice, 1)
        assert b"<p>Bye <b>you</b></p>" in got
        until(lambda: waiting(server, "conversion") == 0, "an empty channel")
        assert len(bodies(server, server.alice)) == 1
        assert list((server.data / "run" / "conversion").iterdir()) == []


def test_the_postmaster_gets_what_a_command_sends_there(tmp_path):
    with converting(tmp_path) as server:
        server.command("alias", "set", "postmaster@example.test", server.bob.address)
        bring(server, [server.alice.address, server.alice.address], message("post"))
        [got] = wait_for(server, server.bob, 1)
        assert b"name=post.zip" in got and bodies(server, server.alice) == []


def test_a_broken_file_is_told_by_line(tmp_path):
    server = converting(tmp_path)
    (tmp_path / "conversions").write_text("in-type=text; delete=1\nin-type=audio; delete=maybe\n")
    checked = server.command("config", "check", str(server.data / "heliograph.toml"), check=False)
    assert checked.returncode != 0 and "line 2: delete must be 0 or 1" in checked.stderr, checked.stderr
