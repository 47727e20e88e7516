"""Slow, endless and huge input: each gets its answer or its end, others are served meanwhile, and memory stays bounded."""

import contextlib
import re
import smtplib
import socket
import time
from pathlib import Path

import pytest

from kit.mailbox import login, wait_for

MEMORY_MIB = 400


@contextlib.contextmanager
def connected(server, protocol):
    with socket.create_connection(("127.0.0.1", server.port(protocol)), timeout=30) as connection:
        assert connection.recv(1024)
        yield connection


def pour(connection, octets, total):
    """Sends until `total` octets are gone or the server has had enough."""
    sent = 0
    with contextlib.suppress(OSError):
        while sent < total:
            connection.sendall(octets)
            sent += len(octets)
    return sent


def rest(connection):
    """What the server still says, until it closes or is silent for a moment."""
    said = b""
    connection.settimeout(5)
    with contextlib.suppress(OSError):
        while octets := connection.recv(65536):
            said += octets
    return said


def peak_mib(server):
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def assert_well(server):
    """Others are served, and the memory never went over its bound."""
    with smtplib.SMTP("localhost", server.port("smtp")) as client:
        client.sendmail("a@elsewhere.test", [server.bob.address], "Subject: still here\r\n\r\n")
    login(server, server.bob).logout()
    assert peak_mib(server) < MEMORY_MIB


@pytest.mark.parametrize("protocol", ["smtp", "submission", "lmtp", "imap", "pop3"])
def test_a_line_without_end_ends_the_session(shared_server, protocol):
    with connected(shared_server, protocol) as connection:
        pour(connection, b"x" * 65536, 64 << 20)
        connection.settimeout(30)
        rest(connection)
        with pytest.raises(OSError):
            for _ in range(100):
                connection.sendall(b"x" * 65536)
                time.sleep(0.01)
    assert_well(shared_server)


def test_a_literal_of_a_gibibyte_is_refused_before_it_comes(shared_server):
    with connected(shared_server, "imap") as connection:
        connection.sendall(b"1 LOGIN {1073741824}\r\n")
        assert b"1 BAD [TOOBIG]" in connection.recv(1024)
        connection.sendall(b"2 LOGIN {1073741824+}\r\n")
        pour(connection, b"x" * 65536, 64 << 20)
        assert b"2 BAD [TOOBIG]" in rest(connection)
    assert_well(shared_server)


def test_an_endless_message_is_refused_at_its_end(shared_server):
    with connected(shared_server, "smtp") as connection:
        connection.sendall(
            b"EHLO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<" + shared_server.alice.address.encode() + b">\r\nDATA\r\n"
        )
        line = b"x" * 70 + b"\r\n"
        pour(connection, line * 1000, 80 << 20)
        connection.sendall(b".\r\nQUIT\r\n")
        assert b"552 5.3.4" in rest(connection)
    assert_well(shared_server)


def test_replies_that_nobody_reads_hold_up_nobody_else(shared_server):
    sockets = []
    try:
        for protocol, command in (("smtp", b"NOOP\r\n"), ("imap", b"a NOOP\r\n"), ("pop3", b"CAPA\r\n")) * 3:
            connection = socket.create_connection(("127.0.0.1", shared_server.port(protocol)), timeout=1)
            sockets.append(connection)
            pour(connection, command * 1000, 32 << 20)
        assert_well(shared_server)
    finally:
        for connection in sockets:
            connection.close()


def test_large_bodies_that_nobody_reads_stay_on_the_disk(server):
    octets = b"Subject: large\r\n\r\n" + (b"x" * 998 + b"\r\n") * 40_000
    with smtplib.SMTP("localhost", server.port("smtp")) as client:
        client.sendmail("a@elsewhere.test", [server.alice.address], octets)
    wait_for(server, server.alice, 1)
    sockets = []
    for item in ("BODY.PEEK[]", "BODY.PEEK[TEXT]") * 10:
        connection = socket.create_connection(("127.0.0.1", server.port("imap")), timeout=30)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        credentials = f"{server.alice.address} {server.alice.password}"
        connection.sendall(f"1 LOGIN {credentials}\r\n2 SELECT INBOX\r\n3 FETCH 1 {item}\r\n".encode())
        said = b""
        while b"* 1 FETCH (" not in said:
            said += connection.recv(4096)
        sockets.append(connection)
    assert_well(server)
    client = login(server, server.alice)
    whole = client.uid("FETCH", "1:*", "(BODY.PEEK[])")[1][0][1]
    assert whole.endswith(octets)
    part = client.uid("FETCH", "1:*", "(BODY.PEEK[TEXT]<1000001.900000>)")[1][0][1]
    assert part == octets[len(b"Subject: large\r\n\r\n"):][1000001:1900001]
    for connection in sockets:
        connection.close()


def test_appends_wait_for_memory_and_then_go_on(server):
    server.stop()
    settings = server.data / "heliograph.toml"
    settings.write_text(settings.read_text() + '\n[imap]\nspool_size = "64 MiB"\n')
    server.start()
    octets = b"Subject: x\r\n\r\n" + (b"x" * 998 + b"\r\n") * 40_000
    first, second = login(server, server.alice), login(server, server.bob)

    def announce(client):
        client.send(b"1 APPEND INBOX {%d}\r\n" % len(octets))

    announce(first)
    assert first.readline().startswith(b"+ ")
    announce(second)
    second.sock.settimeout(1)
    with pytest.raises(TimeoutError):
        second.sock.recv(1)
    second.sock.settimeout(30)
    first.send(octets + b"\r\n")
    while not (line := first.readline()).startswith(b"1 "):
        assert line.startswith(b"* ")
    assert line.startswith(b"1 OK")
    assert second.sock.recv(100).startswith(b"+ ")
    second.sock.sendall(octets + b"\r\n")
    said = b""
    while b"1 OK" not in said:
        octets = second.sock.recv(1000)
        assert octets, said
        said += octets


def test_silent_clients_take_no_places_from_others(shared_server):
    silent = [socket.create_connection(("127.0.0.1", shared_server.port("imap"))) for _ in range(60)]
    slow = [socket.create_connection(("127.0.0.1", shared_server.port("smtp"))) for _ in range(60)]
    for connection in slow:
        connection.sendall(b"E")
    assert_well(shared_server)
    for connection in silent + slow:
        connection.close()


def test_a_message_of_strange_depth_and_width_is_kept_and_shown(server):
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(5000))
    wide = b"Content-Type: text/plain" + b"".join(b";\r\n a%d=b" % n for n in range(20000)) + b"\r\n\r\nx\r\n"
    many = b"".join(b"X-%d: y\r\n" % n for n in range(20000)) + b"\r\nx\r\n"
    addresses = b"To: " + b",\r\n ".join(b"a%d@b.test" % n for n in range(20000)) + b"\r\n\r\nx\r\n"
    nested = b"Subject: " + b"(" * 50000 + b"\r\nFrom: " + b"(" * 900 + b"\r\n\r\nx\r\n"
    with smtplib.SMTP("localhost", server.port("smtp")) as client:
        for message in (deep, wide, many, addresses, nested):
            client.sendmail("a@elsewhere.test", [server.alice.address], message)
    wait_for(server, server.alice, 5)
    connection = login(server, server.alice)
    status, _ = connection.uid("FETCH", "1:*", "(ENVELOPE BODYSTRUCTURE PREVIEW)")
    assert status == "OK"
    assert connection.uid("SEARCH", "TEXT", '"nothing like it"')[0] == "OK"
    assert connection.uid("THREAD", "REFERENCES", "UTF-8", "ALL")[0] == "OK"
    assert peak_mib(server) < MEMORY_MIB


def test_many_wrong_commands_end_the_session(shared_server):
    for protocol, command in (("smtp", b"WHAT\r\n"), ("imap", b"a WHAT\r\n"), ("pop3", b"WHAT\r\n")):
        with connected(shared_server, protocol) as connection:
            with contextlib.suppress(OSError):
                connection.sendall(command * 200)
            said = b""
            connection.settimeout(60)
            with contextlib.suppress(OSError):
                while octets := connection.recv(65536):
                    said += octets
            assert said.count(b"\r\n") < 150, "the server has patience, but not for ever"
    assert_well(shared_server)
