"""curl: what the demo tells a newcomer to paste."""

from kit.client import run
from kit.mailbox import wait_for

MESSAGE = b"From: alice@example.test\r\nTo: bob@example.test\r\nSubject: by curl\r\n\r\nhello\r\n"


def credentials(account):
    return f"{account.address}:{account.password}"


def send(server, tmp_path):
    run(
        [
            "curl", "-sS", "--ssl-reqd", "--cacert", server.certificate, f"smtp://localhost:{server.port('submission')}",
            "--user", credentials(server.alice), "--mail-from", server.alice.address, "--mail-rcpt", server.bob.address, "-T", "-",
        ],
        tmp_path / "home",
        stdin=MESSAGE,
    )
    wait_for(server, server.bob, 1)


def test_curl_sends_and_reads_over_imap(server, tmp_path):
    send(server, tmp_path)
    done = run(
        [
            "curl", "-sS", "--cacert", server.certificate, "--user", credentials(server.bob),
            f"imaps://localhost:{server.port('imaps')}/INBOX;MAILINDEX=1",
        ],
        tmp_path / "home",
    )
    assert b"Subject: by curl" in done.stdout and done.stdout.endswith(b"\r\n\r\nhello\r\n")


def test_curl_reads_over_pop3(server, tmp_path):
    send(server, tmp_path)
    done = run(
        ["curl", "-sS", "--cacert", server.certificate, "--user", credentials(server.bob), f"pop3s://localhost:{server.port('pop3s')}/1"],
        tmp_path / "home",
    )
    assert b"Subject: by curl" in done.stdout


def test_curl_searches(server, tmp_path):
    send(server, tmp_path)
    done = run(
        [
            "curl", "-sS", "--cacert", server.certificate, "--user", credentials(server.bob),
            f"imaps://localhost:{server.port('imaps')}/INBOX?SUBJECT%20curl",
        ],
        tmp_path / "home",
    )
    assert b"* SEARCH 1" in done.stdout


def test_metrics_and_health_answer_on_the_administration_listener(server, tmp_path):
    base = f"http://localhost:{server.port('admin')}"
    assert run(["curl", "-sSf", f"{base}/health/ready"], tmp_path / "home").stdout
    assert b"# TYPE heliograph_" in run(["curl", "-sSf", f"{base}/metrics"], tmp_path / "home").stdout
