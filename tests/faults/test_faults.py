"""What fails gives the documented answer, and recovers when the cause is gone."""

import imaplib
import os
import poplib
import smtplib
import socket
import struct
import subprocess
import threading

import pytest

from kit.mailbox import bodies, login, wait_for
from kit.server import BINARY, Server
from kit.sink import Sink
from kit.wait import until

MESSAGE = b"Subject: fault\r\n\r\nbody\r\n"


def deliver(server, message=MESSAGE):
    with smtplib.SMTP("localhost", server.port("smtp")) as client:
        client.sendmail("a@elsewhere.test", [server.alice.address], message)


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system can be mounted only by root")
def test_a_full_disk_is_a_temporary_failure_and_passes(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", disk], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        with Server(disk) as server:
            deliver(server)
            [kept] = wait_for(server, server.alice, 1)
            ballast = disk / "ballast"
            with open(ballast, "wb") as file:
                try:
                    while True:
                        file.write(b"\0" * (1 << 20))
                        file.flush()
                except OSError:
                    pass  # the disk is full now
            with pytest.raises(smtplib.SMTPResponseException) as refused:
                for _ in range(100):
                    deliver(server, b"Subject: big\r\n\r\n" + b"x" * 76 * 10000 + b"\r\n")
            assert refused.value.smtp_code == 452
            assert refused.value.smtp_error.startswith(b"4.3.1 ")
            assert bodies(server, server.alice)[0] == kept, "reading goes on"
            os.unlink(ballast)

            def goes_through():
                try:
                    deliver(server, b"Subject: after\r\n\r\n")
                    return True
                except smtplib.SMTPResponseException:
                    return False

            until(goes_through, "mail is taken again once there is room")
            assert b"Subject: after" in bodies(server, server.alice)[-1]
            server.command("store", "check")
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_taken_port_is_told_with_its_number(server, tmp_path):
    settings = tmp_path / "taken.toml"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings.write_text(
            f'[server]\ndata = "{tmp_path}/other"\nhost = "mx.test"\n[[listeners]]\nprotocol = "smtp"\naddress = "127.0.0.1:{port}"\n'
        )
        done = subprocess.run([BINARY, "serve", "--config", settings], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert str(port) in done.stderr


def test_a_broken_certificate_leaves_the_old_one_in_use(server):
    certificate = server.data / "tls" / "self-signed.pem"
    good = certificate.read_text()
    certificate.write_text("this is no certificate\n")
    refused = server.command("reload", check=False)
    assert refused.returncode == 1 and "self-signed.pem" in refused.stderr
    certificate.write_text(good)
    login(server, server.alice).logout()
    server.command("reload")
    login(server, server.alice).logout()


def test_a_broken_certificate_at_the_start_is_told_by_its_file(tmp_path):
    (tmp_path / "chain.pem").write_text("this is no certificate\n")
    (tmp_path / "key.pem").write_text("nor is this a key\n")
    settings = tmp_path / "heliograph.toml"
    settings.write_text(
        f'[server]\ndata = "{tmp_path}/data"\nhost = "mx.test"\n[[listeners]]\nprotocol = "imaps"\naddress = "127.0.0.1:0"\n'
        '[[tls.certificates]]\nchain = "chain.pem"\nkey = "key.pem"\n'
    )
    done = subprocess.run([BINARY, "serve", "--config", settings], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "chain.pem" in done.stderr, done.stderr


def test_a_directory_that_is_away_is_a_temporary_failure_and_passes(tmp_path):
    server = Server(tmp_path)
    with server:
        server.stop()
    with server:
        # The directory's rows cannot be read while its index is empty.
        index = server.data / "system" / "index.sqlite"
        octets = index.read_bytes()
        with open(index, "r+b") as file:
            file.truncate(0)
        with smtplib.SMTP("localhost", server.port("smtp")) as client:
            client.helo("client.test")
            client.mail("a@elsewhere.test")
            for recipient in (server.alice.address, "nobody@example.test"):
                code, text = client.rcpt(recipient)
                assert (code, text[:6]) == (451, b"4.3.0 "), "never: no such user"
        with smtplib.SMTP_SSL("localhost", server.port("submissions"), context=server.tls()) as client:
            with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
                client.login(server.alice.address, server.alice.password)
            assert refused.value.smtp_code == 454
        with pytest.raises(imaplib.IMAP4.error, match="UNAVAILABLE"):
            login(server, server.alice)
        with pytest.raises(poplib.error_proto, match="SYS/TEMP"):
            mailbox = poplib.POP3_SSL("localhost", server.port("pop3s"), context=server.tls())
            mailbox.user(server.alice.address)
            mailbox.pass_(server.alice.password)
        with open(index, "r+b") as file:
            file.write(octets)
        deliver(server)
        wait_for(server, server.alice, 1)


class Names(threading.Thread):
    """A name server that knows one mail exchanger for everything."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(address)

    def run(self):
        while True:
            try:
                question, client = self.socket.recvfrom(4096)
            except OSError:
                return
            end = question.index(b"\0", 12) + 5
            kind = question[end - 4 : end - 2]
            exchanger = b"\x00\x0a\x02mx\x03far\x07example\x00"
            answer = b"\xc0\x0c" + kind + b"\0\1\0\0\0\1" + struct.pack(">H", len(exchanger)) + exchanger
            is_known = kind == b"\0\x0f"
            head = question[:2] + b"\x81\x80\0\1" + (b"\0\1" if is_known else b"\0\0") + b"\0\0\0\0"
            self.socket.sendto(head + question[12:end] + (answer if is_known else b""), client)


def test_names_that_cannot_be_asked_for_put_mail_off(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken, Sink() as sink:
        taken.bind(("127.0.0.1", 0))
        address = taken.getsockname()
        server = Server(tmp_path)
        with server:
            server.stop()
        settings = server.data / "heliograph.toml"
        settings.write_text(
            settings.read_text()
            + f'\n[dns]\nservers = ["127.0.0.1:{address[1]}"]\ntimeout = "1s"\n'
            + f'static = ["mx.far.example a 127.0.0.1:{sink.port}"]\n[queue]\nretry = ["1s"]\n'
        )
        with server:
            with smtplib.SMTP_SSL("localhost", server.port("submissions"), context=server.tls()) as client:
                client.login(server.alice.address, server.alice.password)
                client.sendmail(server.alice.address, ["friend@far.example"], MESSAGE)

            def deferred():
                waiting = [one for one in server.json("queue", "list") if one["recipients"][0]["attempts"] > 0]
                return waiting and waiting[0]["recipients"][0]

            heard = until(deferred, "an attempt that failed for now")
            assert heard["state"] == "due" and "name service" in heard["heard"], heard
            assert bodies(server, server.alice) == [], "nobody is told that it failed"
            taken.close()
            names = Names(address)
            names.start()
            until(lambda: sink.messages, "the message at the other host", 60)
            names.socket.close()


def test_a_second_server_on_the_same_data_is_refused(server):
    done = subprocess.run(
        [BINARY, "demo", "--data", server.data, "--any-port"], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 75, done.stderr
    assert "in use" in done.stderr
    deliver(server)
    wait_for(server, server.alice, 1)


def test_a_second_start_keeps_accounts_mail_and_ports(tmp_path):
    server = Server(tmp_path)
    with server:
        ports = dict(server.listeners)
        passwords = [account.password for account in server.accounts]
        deliver(server)
        server.stop()
    server.arguments = ["demo", "--data", str(server.data)]
    with server:
        assert server.listeners == ports
        assert [account.password for account in server.accounts] == passwords
        assert len(bodies(server, server.alice)) == 1
        server.stop()
