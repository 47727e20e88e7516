"""Debian's sieve-connect keeps scripts over ManageSieve: under TLS, and refused without."""

import shutil
import socket

import pytest

from kit.client import run

pytestmark = pytest.mark.skipif(shutil.which("sieve-connect") is None, reason="sieve-connect is not installed")

SCRIPT = b'require ["fileinto", "mailbox"];\r\nif header :contains "subject" "cat" {\r\n  fileinto :create "Cats";\r\n}\r\n'


def sieve(server, home, *arguments, password=None, check=True):
    words = [
        "sieve-connect", "--server", "localhost", "--port", server.port("managesieve"), "--user", server.alice.address,
        "--tlscafile", server.certificate, "--passwordfd", "0", *arguments,
    ]
    return run(words, home, check=check, stdin=((password or server.alice.password) + "\n").encode())


def test_scripts_are_put_listed_activated_read_and_deleted(shared_server, tmp_path):
    local = tmp_path / "cats.sieve"
    local.write_bytes(SCRIPT)
    sieve(shared_server, tmp_path, "--localsieve", local, "--remotesieve", "cats", "--upload")
    sieve(shared_server, tmp_path, "--remotesieve", "cats", "--activate")
    listed = sieve(shared_server, tmp_path, "--list").stdout.decode()
    assert '"cats" ACTIVE' in listed or "cats" in listed and "ACTIVE" in listed, listed
    got = tmp_path / "got.sieve"
    sieve(shared_server, tmp_path, "--remotesieve", "cats", "--localsieve", got, "--download")
    assert got.read_bytes().replace(b"\r\n", b"\n") == SCRIPT.replace(b"\r\n", b"\n")
    assert sieve(shared_server, tmp_path, "--remotesieve", "cats", "--delete", check=False).returncode != 0
    sieve(shared_server, tmp_path, "--deactivate")
    sieve(shared_server, tmp_path, "--remotesieve", "cats", "--delete")
    assert "cats" not in sieve(shared_server, tmp_path, "--list").stdout.decode()


def test_a_script_with_a_mistake_is_refused_with_its_place(shared_server, tmp_path):
    local = tmp_path / "bad.sieve"
    local.write_bytes(b'keep;\r\nfileinto "x";\r\n')
    done = sieve(shared_server, tmp_path, "--localsieve", local, "--remotesieve", "bad", "--upload", check=False)
    assert done.returncode != 0
    assert b"line 2" in done.stdout + done.stderr
    assert shared_server.json("sieve", "list", shared_server.alice.address)["scripts"] == []


def test_a_wrong_password_is_refused(shared_server, tmp_path):
    assert sieve(shared_server, tmp_path, "--list", password="wrong", check=False).returncode != 0


def test_credentials_are_not_asked_for_in_clear(shared_server):
    """Only the demo takes them in clear, and only from this machine; TLS is offered, and told of again once it is on."""
    with socket.create_connection(("localhost", shared_server.port("managesieve")), timeout=20) as plain:
        lines = plain.makefile("rb")
        greeting = b""
        while not (line := lines.readline()).startswith(b"OK"):
            greeting += line
        assert b'"STARTTLS"\r\n' in greeting and b'"SIEVE" "' in greeting
        plain.sendall(b"STARTTLS\r\n")
        assert lines.readline().startswith(b"OK")
        with shared_server.tls().wrap_socket(plain, server_hostname="localhost") as secret:
            lines = secret.makefile("rb")
            again = b""
            while not (line := lines.readline()).startswith(b"OK"):
                again += line
            assert b'"STARTTLS"' not in again and b"PLAIN" in again
            secret.sendall(b"LOGOUT\r\n")
            assert lines.readline().startswith(b"OK")
