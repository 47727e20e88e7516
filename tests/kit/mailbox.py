"""Short ways to a mailbox over IMAP, for tests whose subject is something else."""

import imaplib

from kit.wait import until


def login(server, account, folder="INBOX"):
    connection = imaplib.IMAP4_SSL("localhost", server.port("imaps"), ssl_context=server.tls())
    connection.login(account.address, account.password)
    if folder is not None:
        status, _ = connection.select(folder)
        assert status == "OK"
    return connection


def bodies(server, account, folder="INBOX"):
    """Every message of the folder, as octets, in the order of its UIDs."""
    connection = login(server, account, folder)
    _, answer = connection.uid("SEARCH", "ALL")
    found = []
    for uid in answer[0].split():
        _, parts = connection.uid("FETCH", uid, "(BODY.PEEK[])")
        found.append(parts[0][1])
    connection.logout()
    return found


def wait_for(server, account, count, folder="INBOX", seconds=30):
    """Waits until the folder holds `count` messages and returns them."""
    def enough():
        connection = login(server, account, None)
        found, answer = connection.status(folder, "(MESSAGES)")
        connection.logout()
        # A mailbox that a delivery makes may not be there yet.
        return found == "OK" and int(answer[0].split()[-1].rstrip(b")")) >= count

    until(enough, f"{count} messages in {folder} of {account.address}", seconds)
    return bodies(server, account, folder)
