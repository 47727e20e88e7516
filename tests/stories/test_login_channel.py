"""A client that logs in on port 25: the channel of its session is another from then on, and it may relay."""

import pytest

from kit.configured import names
from kit.policy import prepare
from kit.sink import Sink
from kit.wait import until
from test_access_flags import begin, log_in, session

MESSAGE = b"From: alice@example.test\r\nSubject: judged\r\n\r\nbody"


@pytest.mark.parametrize(
    "settings, channel",
    [("", "tcp_auth"), ('[[sources]]\nchannel = "tcp_people"\nprotocols = ["smtp"]\nlogin = true\n', "tcp_people")],
    ids=["as-it-is", "named"],
)
def test_a_login_on_port_25_switches_the_channel_and_may_relay(tmp_path, settings, channel):
    tables = "ORIG_SEND_ACCESS\n\n  *|*|*|bob@*  $Nyou$ are$ $0\n  tcp_local|*|tcp_local|*  $Nimpossible\n"
    with Sink() as sink, prepare(tmp_path, tables, f"{settings}{names(far_test=sink.port)}") as server:
        with session(server, tls=True) as client:
            begin(client, server)
            assert client.ask(f"RCPT TO:<{server.bob.address}>") == "550 5.7.1 you are tcp_local"
            assert client.ask("RCPT TO:<friend@far.test>").startswith("550 5.7.1 mail for that domain")
            assert client.ask("RSET").startswith("250")
            log_in(client, server.alice)
            begin(client, server)
            assert client.ask(f"RCPT TO:<{server.bob.address}>") == f"550 5.7.1 you are {channel}"
            assert client.ask("RCPT TO:<friend@far.test>").startswith("250")
            assert client.data(MESSAGE).startswith("250")
        [(_, recipients, _)] = until(lambda: sink.messages, "the message of the one who logged in")
        assert recipients == ["friend@far.test"]
        with session(server, tls=True) as client:
            begin(client, server)
            assert client.ask("RCPT TO:<friend@far.test>").startswith("550 5.7.1"), "the login was that of its session"
        assert len(sink.messages) == 1
