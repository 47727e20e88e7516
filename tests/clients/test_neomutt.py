"""neomutt without a terminal: sends through submission, reads and files over IMAP."""

from kit.client import run
from kit.mailbox import login, wait_for


def settings(server, account):
    user = account.address.replace("@", "%40")
    return "\n".join(
        [
            f'set from="{account.address}" use_from=yes use_envelope_from=yes copy=no',
            f'set smtp_url="smtps://{user}@localhost:{server.port("submissions")}/" smtp_pass="{account.password}"',
            f'set folder="imaps://{user}@localhost:{server.port("imaps")}/" imap_pass="{account.password}"',
            'set spoolfile="+INBOX" record="" header_cache="" message_cachedir=""',
            f'set ssl_ca_certificates_file="{server.certificate}" ssl_starttls=yes',
            'set smtp_authenticators="plain" imap_authenticators="plain:login"',
            "set quit=yes move=no delete=yes mark_old=no confirmappend=no wait_key=no",
        ]
    )


def test_neomutt_sends_and_moves(server, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "muttrc").write_text(settings(server, server.alice))
    run(["neomutt", "-n", "-F", home / "muttrc", "-s", "by neomutt", "--", server.bob.address], home, stdin=b"hello from neomutt\n")
    [message] = wait_for(server, server.bob, 1)
    assert b"Subject: by neomutt" in message and b"hello from neomutt" in message

    (home / "muttrc").write_text(settings(server, server.bob))
    keys = "<tag-pattern>~s neomutt<enter><tag-prefix><save-message>=Archive<enter><sync-mailbox><quit>"
    run(
        # Without a terminal neomutt only sends; `script` gives it one that nobody looks at.
        ["script", "-qec", f"neomutt -n -F {home}/muttrc -e \"push '{keys}'\"", "/dev/null"],
        home,
        environment={"TERM": "xterm"},
    )
    connection = login(server, server.bob, "Archive")
    assert connection.search(None, "SUBJECT", "neomutt")[1] == [b"1"]
