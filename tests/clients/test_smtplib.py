"""Python's smtplib, as a script that sends mail would use it."""

import smtplib

import pytest

from kit.mailbox import wait_for

MESSAGE = b"From: alice@example.test\r\nTo: bob@example.test\r\nSubject: from a script\r\n\r\n.leading dot\r\nlast line\r\n"


def test_mail_from_outside_reaches_the_inbox(server):
    with smtplib.SMTP("localhost", server.port("smtp")) as client:
        client.ehlo("client.test")
        client.sendmail("someone@elsewhere.test", [server.bob.address], MESSAGE)
    [message] = wait_for(server, server.bob, 1)
    assert message.startswith(b"Return-Path: <someone@elsewhere.test>\r\n")
    assert message.endswith(MESSAGE), "the message came back changed"


def test_submission_with_starttls_and_login(server):
    with smtplib.SMTP("localhost", server.port("submission")) as client:
        client.starttls(context=server.tls())
        client.login(server.alice.address, server.alice.password)
        client.sendmail(server.alice.address, [server.bob.address], MESSAGE)
    [message] = wait_for(server, server.bob, 1)
    assert b"\r\nMessage-ID: <" in message, "submission adds what RFC 6409 asks for"
    assert b"\r\nDate: " in message


def test_submissions_is_tls_from_the_first_octet(server):
    with smtplib.SMTP_SSL("localhost", server.port("submissions"), context=server.tls()) as client:
        client.login(server.alice.address, server.alice.password)
        client.sendmail(server.alice.address, [server.bob.address, server.alice.address], MESSAGE)
    wait_for(server, server.bob, 1)
    wait_for(server, server.alice, 1)


def test_unknown_recipients_are_refused_at_rcpt(server):
    with smtplib.SMTP("localhost", server.port("smtp")) as client:
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            client.sendmail("someone@elsewhere.test", ["nobody@example.test"], MESSAGE)
    code, text = refused.value.recipients["nobody@example.test"]
    assert code == 550
    assert text.startswith(b"5.1.1 ")


def test_relaying_is_denied_to_strangers(server):
    with smtplib.SMTP("localhost", server.port("smtp")) as client:
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            client.sendmail("someone@elsewhere.test", ["someone@other.test"], MESSAGE)
    code, text = refused.value.recipients["someone@other.test"]
    assert code == 550
    assert text.startswith(b"5.7.1 ")


def test_a_wrong_password_is_refused(server):
    with smtplib.SMTP("localhost", server.port("submission")) as client:
        client.starttls(context=server.tls())
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            client.login(server.alice.address, "not the password")
    assert refused.value.smtp_code == 535
