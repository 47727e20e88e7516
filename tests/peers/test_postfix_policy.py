"""Debian's postfix asks our policy service how often a sender may send."""

import smtplib

from kit.nodes import listener, metric, node
from kit.postfix import Postfix
from kit.wait import until

TABLES = """
[[meter.tables]]
name = "senders"
quota = 3
quota_time = "1d"
options = ["nocase"]
[[meter.rules]]
key = ["sender"]
table = "senders"
answer = "DEFER_IF_PERMIT 4.7.1 too much for now"
"""


def send(postfix, sender):
    """The code and text that postfix gives to one recipient, or to the message."""
    with smtplib.SMTP("127.0.0.1", postfix.port, timeout=60) as client:
        client.mail(sender)
        code, text = client.rcpt("somebody@example.test")
        if code == 250:
            code, text = client.data(b"Subject: x\r\n\r\nx\r\n")
        return code, text.decode()


def test_postfix_defers_who_is_over_the_quota(tmp_path):
    with node(tmp_path / "meter", TABLES + listener("policy") + listener("admin"), roles="meter") as meter:
        service = f"check_policy_service inet:127.0.0.1:{meter.port('policy')}"
        with Postfix(tmp_path / "peer", f"smtpd_recipient_restrictions = {service}, permit_mynetworks, reject") as postfix:
            answers = [send(postfix, sender) for sender in ("A@x.test", "a@x.test", "a@x.test", "a@X.test")]
            assert [code for code, _ in answers] == [250, 250, 250, 450], (answers, postfix.log())
            assert "4.7.1" in answers[3][1] and "too much for now" in answers[3][1]
            assert send(postfix, "b@x.test")[0] == 250, "another sender is unaffected"
            assert metric(meter, "heliograph_meter_policy_requests_total") == 5
            assert metric(meter, "heliograph_meter_policy_offences_total") == 0, "all of it was understood"
            assert meter.json("meter", "show", "senders", "a@x.test")["weight"] == 3
            meter.kill()
            # Postfix itself decides what a policy service that is away means: 451, and the mail comes later.
            until(lambda: send(postfix, "c@x.test")[0] == 451, "postfix tells that the service is away")


def test_postfix_asks_over_a_unix_socket_at_the_end_of_a_message(tmp_path):
    settings = TABLES.replace('key = ["sender"]', 'key = ["client_address"]\nstates = ["END-OF-MESSAGE"]\ncount = "kibibytes"')
    settings = settings.replace("quota = 3", "quota = 100").replace("DEFER_IF_PERMIT", "REJECT")
    path = tmp_path / "sockets" / "policy.sock"
    path.parent.mkdir()
    unix = f'[[listeners]]\nprotocol = "policy"\naddress = "unix:{path}"\nunix_mode = "666"\n'
    with node(tmp_path / "meter", settings + unix + listener("admin"), roles="meter"):
        service = f"check_policy_service unix:{path}"
        with Postfix(tmp_path / "peer", f"smtpd_end_of_data_restrictions = {service}") as postfix:
            def message(kib):
                with smtplib.SMTP("127.0.0.1", postfix.port, timeout=60) as client:
                    client.mail("a@x.test")
                    client.rcpt("somebody@example.test")
                    return client.data(b"Subject: x\r\n\r\n" + (b"x" * 62 + b"\r\n") * 16 * kib)[0]

            assert [message(60), message(60), message(10)] == [250, 554, 250], postfix.log()
