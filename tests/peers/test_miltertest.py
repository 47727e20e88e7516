"""miltertest, the mail server's side of OpenDKIM's milter test tool, drives the greylister's milter listener."""

import subprocess

import pytest

from kit.daemons import program
from kit.greylist import Greylisting

# What every script begins with: a conversation up to the recipient, and replies by their names.
PRELUDE = """
names = { [SMFIR_CONTINUE] = "continue", [SMFIR_REPLYCODE] = "reply", [SMFIR_TEMPFAIL] = "tempfail",
          [SMFIR_REJECT] = "reject", [SMFIR_ACCEPT] = "accept" }

-- miltertest itself keeps to itself why a script failed.
function fail(text)
  mt.echo(text)
  error(text)
end

function must(failure, what)
  if failure ~= nil then fail(what .. ": " .. failure) end
end

function expect(conn, wanted, what)
  local got = names[mt.getreply(conn)] or mt.getreply(conn)
  if got ~= wanted then fail(what .. ": expected " .. wanted .. ", got " .. got) end
end

function open(address)
  local conn = mt.connect("inet:" .. port .. "@127.0.0.1", 50, 0.1)
  if conn == nil then fail("nobody listens") end
  mt.set_timeout(60)
  must(mt.conninfo(conn, "client.test", address), "connect")
  expect(conn, "continue", "connect")
  must(mt.helo(conn, "client.test"), "helo")
  expect(conn, "continue", "helo")
  return conn
end

function mail(conn, sender)
  must(mt.mailfrom(conn, "<" .. sender .. ">"), "mail")
  expect(conn, "continue", "mail")
end

function rcpt(conn, recipient)
  must(mt.rcptto(conn, "<" .. recipient .. ">"), "rcpt")
  return names[mt.getreply(conn)] or mt.getreply(conn)
end

-- The filter wants neither header nor body, and miltertest then insists on sending none.
function whole(conn)
  must(mt.eom(conn), "end of message")
  expect(conn, "continue", "end of message")
end

-- Comes again until it is let in.
function patiently(conn, sender, recipient)
  for _ = 1, 300 do
    mail(conn, sender)
    local reply = rcpt(conn, recipient)
    if reply == "continue" then return end
    if reply ~= "reply" then fail("rcpt: " .. reply) end
    must(mt.abort(conn), "abort")
    mt.sleep(0.1)
  end
  fail("never let in")
end

function same(got, wanted, what)
  if got ~= wanted then fail(what .. ": expected " .. wanted .. ", got " .. got) end
end
"""


@pytest.fixture(scope="module")
def greylister(tmp_path_factory):
    """Without lists, so that everybody has to come again."""
    with Greylisting(tmp_path_factory.mktemp("greylister"), 'enabled = true\ngrey_delay = "1s"', protocols=["milter"]) as server:
        yield server


@pytest.fixture
def play(greylister, tmp_path):
    def play(script):
        file = tmp_path / "script.lua"
        file.write_text(PRELUDE + script)
        port = greylister.port("milter")
        done = subprocess.run(
            [program("miltertest"), "-D", f"port={port}", "-s", file], capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return play


def decisions(server, sender):
    """What was decided about a sender, the oldest first."""
    return [one["action"] for one in reversed(server.json("greylist", "list", "--sender", sender))]


def test_a_script_that_expects_something_else_fails(play):
    with pytest.raises(AssertionError, match="expected tempfail, got continue"):
        play('expect(open("192.0.2.1"), "tempfail", "connect")')


def test_what_is_negotiated(play):
    play("""
    local conn = mt.connect("inet:" .. port .. "@127.0.0.1")
    must(mt.negotiate(conn, 6, nil, nil), "negotiation")
    for name, action in pairs({ add = SMFIF_ADDHDRS, change = SMFIF_CHGHDRS, body = SMFIF_CHGBODY, addrcpt = SMFIF_ADDRCPT,
                                delrcpt = SMFIF_DELRCPT, quarantine = SMFIF_QUARANTINE }) do
      if mt.test_action(conn, action) then fail("it changes nothing, and asks for " .. name) end
    end
    for name, step in pairs({ body = SMFIP_NOBODY, header = SMFIP_NOHDRS, eoh = SMFIP_NOEOH, data = SMFIP_NODATA,
                              unknown = SMFIP_NOUNKNOWN }) do
      if not mt.test_option(conn, step) then fail("it has no use for " .. name) end
    end
    for name, step in pairs({ connect = SMFIP_NOCONNECT, helo = SMFIP_NOHELO, mail = SMFIP_NOMAIL, rcpt = SMFIP_NORCPT }) do
      if mt.test_option(conn, step) then fail("it cannot do without " .. name) end
    end
    must(mt.disconnect(conn, true), "quit")
    """)


def test_a_mail_server_of_the_old_kind_sends_what_cannot_be_left_out(play):
    play("""
    local conn = mt.connect("inet:" .. port .. "@127.0.0.1")
    -- Version 2, in which a body can be left out, and a header cannot. (What miltertest calls actions it sends as steps, too.)
    must(mt.negotiate(conn, 2, 0x1f, 0x1f), "negotiation")
    if not mt.test_option(conn, SMFIP_NOBODY) then fail("it has no use for a body") end
    if mt.test_option(conn, SMFIP_NOHDRS) or mt.test_option(conn, SMFIP_NODATA) then fail("that was not offered") end
    must(mt.conninfo(conn, "client.test", "192.0.2.6"), "connect")
    patiently(conn, "old@far.test", "bob@home.test")
    must(mt.header(conn, "Subject", "old"), "header")
    expect(conn, "continue", "header")
    must(mt.eoh(conn), "end of header")
    expect(conn, "continue", "end of header")
    whole(conn)
    must(mt.disconnect(conn, true), "quit")
    """)


def test_a_new_delivery_has_to_come_again_and_a_known_one_goes_on(play, greylister):
    play("""
    local conn = open("192.0.2.1")
    mail(conn, "first@far.test")
    same(rcpt(conn, "bob@home.test"), "reply", "a new delivery")
    must(mt.abort(conn), "abort")
    patiently(conn, "first@far.test", "bob@home.test")
    same(rcpt(conn, "carol@home.test"), "reply", "another recipient of the same message")
    must(mt.abort(conn), "abort")
    mail(conn, "first@far.test")
    same(rcpt(conn, "bob@home.test"), "continue", "a known delivery")
    whole(conn)
    must(mt.disconnect(conn, true), "quit")
    -- A neighbour of the same network, in a session of its own.
    conn = open("192.0.2.99")
    mail(conn, "first@far.test")
    same(rcpt(conn, "bob@home.test"), "continue", "a known delivery")
    must(mt.disconnect(conn, true), "quit")
    """)
    actions = decisions(greylister, "first@far.test")
    assert actions[0] == "greylist" and actions[-4:] == ["match", "greylist", "match", "match"], actions
    assert {one["way"] for one in greylister.json("greylist", "list")} == {"milter"}


def test_a_second_message_in_one_session_is_judged_by_its_own_sender(play, greylister):
    play("""
    local conn = open("192.0.2.2")
    patiently(conn, "one@far.test", "bob@home.test")
    whole(conn)
    mail(conn, "two@far.test")
    same(rcpt(conn, "bob@home.test"), "reply", "another sender")
    must(mt.abort(conn), "abort")
    mail(conn, "one@far.test")
    same(rcpt(conn, "bob@home.test"), "continue", "the first sender again")
    whole(conn)
    must(mt.disconnect(conn, true), "quit")
    """)
    assert decisions(greylister, "two@far.test") == ["greylist"]


def test_macros_tell_who_has_logged_in(play, greylister):
    play("""
    local conn = open("192.0.2.3")
    must(mt.macro(conn, SMFIC_MAIL, "i", "QUEUEID", "{auth_authen}", "alice", "{auth_type}", "PLAIN"), "macros")
    mail(conn, "logged-in@far.test")
    must(mt.macro(conn, SMFIC_RCPT, "{rcpt_addr}", "bob@home.test"), "macros")
    same(rcpt(conn, "bob@home.test"), "continue", "who has logged in")
    must(mt.abort(conn), "abort")
    -- The macros of one message say nothing of the next.
    mail(conn, "logged-in@far.test")
    same(rcpt(conn, "bob@home.test"), "reply", "the next message")
    must(mt.disconnect(conn, true), "quit")
    """)


def test_notices_the_postmaster_and_the_machine_itself_never_wait(play):
    play("""
    local conn = open("192.0.2.4")
    mail(conn, "")
    same(rcpt(conn, "bob@home.test"), "continue", "a notice")
    must(mt.abort(conn), "abort")
    mail(conn, "x@far.test")
    same(rcpt(conn, "postmaster@home.test"), "continue", "the postmaster")
    must(mt.disconnect(conn, true), "quit")
    conn = open("unspec")
    mail(conn, "x@far.test")
    same(rcpt(conn, "bob@home.test"), "continue", "a client without an address")
    must(mt.disconnect(conn, true), "quit")
    """)


def test_connections_that_break_off_leave_the_listener_as_it_was(play):
    play("""
    for _ = 1, 20 do
      local conn = open("192.0.2.5")
      mail(conn, "cut@far.test")
      mt.disconnect(conn, false)
    end
    local conn = open("192.0.2.5")
    must(mt.abort(conn), "an abort without a message")
    mail(conn, "cut@far.test")
    same(rcpt(conn, "bob@home.test"), "reply", "a new delivery")
    must(mt.disconnect(conn, true), "quit")
    """)
