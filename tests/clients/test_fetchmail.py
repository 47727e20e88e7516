"""fetchmail: takes mail over POP3 and IMAP and hands it to a delivery agent."""

import pytest

from kit.client import run
from kit.mailbox import login, wait_for


@pytest.mark.parametrize("protocol, listener, options", [("POP3", "pop3s", "uidl"), ("IMAP", "imaps", "")])
def test_fetchmail_takes_all_and_empties_the_mailbox(server, tmp_path, protocol, listener, options):
    connection = login(server, server.alice)
    for number in range(3):
        connection.append("INBOX", None, None, f"From: a@x.test\r\nSubject: number {number}\r\n\r\nbody {number}\r\n".encode())
    home = tmp_path / "home"
    home.mkdir()
    (home / "fetchmailrc").write_text(
        f'poll localhost protocol {protocol} service {server.port(listener)} {options}\n'
        f'  user "{server.alice.address}" password "{server.alice.password}" ssl sslcertck sslcertfile {server.certificate}\n'
        f'  fetchall no keep mda "cat >> {home}/taken"\n'
    )
    (home / "fetchmailrc").chmod(0o600)
    run(["fetchmail", "-f", home / "fetchmailrc", "--nosyslog", "--pidfile", home / "pid"], home)
    taken = (home / "taken").read_text()
    assert [f"body {number}" in taken for number in range(3)] == [True] * 3
    connection.select("INBOX")
    assert connection.search(None, "ALL")[1] == [b""]
