"""swaks: the tool with which administrators try a mail server."""

from kit.client import run
from kit.mailbox import wait_for


def test_swaks_sends_with_tls_and_login(server, tmp_path):
    run(
        [
            "swaks", "--server", f"localhost:{server.port('submission')}", "--tls", "--tls-verify", "--tls-ca-path", server.certificate,
            "--auth", "PLAIN", "--auth-user", server.alice.address, "--auth-password", server.alice.password,
            "--from", server.alice.address, "--to", server.bob.address, "--h-Subject", "by swaks",
        ],
        tmp_path / "home",
    )
    [message] = wait_for(server, server.bob, 1)
    assert b"Subject: by swaks" in message


def test_swaks_speaks_lmtp_with_a_reply_for_each_recipient(server, tmp_path):
    done = run(
        [
            "swaks", "--server", f"localhost:{server.port('lmtp')}", "--protocol", "LMTP",
            "--from", "mta@relay.test", "--to", f"{server.alice.address},{server.bob.address}",
        ],
        tmp_path / "home",
    )
    replies = [line for line in done.stdout.decode().splitlines() if line.startswith("<-  250 2.")]
    assert len(replies) >= 4, "MAIL, RCPT twice, and the last dot answered for each recipient"
    wait_for(server, server.alice, 1)
    wait_for(server, server.bob, 1)


def test_swaks_uses_pipelining(server, tmp_path):
    done = run(
        ["swaks", "--server", f"localhost:{server.port('smtp')}", "--pipeline", "--from", "a@elsewhere.test", "--to", server.alice.address],
        tmp_path / "home",
    )
    assert b"250-PIPELINING" in done.stdout
    wait_for(server, server.alice, 1)
