"""What fails gives the documented answer, and recovers when the cause is gone."""

import os
import smtplib
import socket
import subprocess

import pytest

from kit.mailbox import bodies, login, wait_for
from kit.server import BINARY, Server
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
