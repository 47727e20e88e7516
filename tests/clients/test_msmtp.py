"""msmtp: the sendmail of a workstation."""

import pytest

from kit.client import run
from kit.mailbox import wait_for


@pytest.mark.parametrize("mechanism", ["plain", "login", "scram-sha-1", "scram-sha-256"])
def test_msmtp_sends_with_every_mechanism_it_knows(server, tmp_path, mechanism):
    run(
        [
            "msmtp", "--host=localhost", f"--port={server.port('submission')}", "--tls=on", f"--tls-trust-file={server.certificate}",
            f"--auth={mechanism}", f"--user={server.alice.address}", f"--passwordeval=echo '{server.alice.password}'",
            f"--from={server.alice.address}", server.bob.address,
        ],
        tmp_path / "home",
        stdin=f"Subject: by {mechanism}\n\nhello\n".encode(),
    )
    [message] = wait_for(server, server.bob, 1)
    assert f"Subject: by {mechanism}".encode() in message
