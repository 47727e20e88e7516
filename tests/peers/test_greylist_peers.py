"""The greylister beside others: Debian's postfix asks it in two protocols, and Debian's grossd gives the same answers."""

import os
import shutil
import smtplib
import socket
import struct
import subprocess
from pathlib import Path

import pytest

from kit.greylist import Greylisting, accepted_after, datagrams, is_grey, policy
from kit.names import Names
from kit.nodes import free_port
from kit.wait import until

SETTINGS = 'grey_delay = "2s"\ndnsbl = ["bl.test;3", "more.test;6"]\nblock_threshold = 9'
LISTED = {"1.2.0.192.bl.test": ["127.0.0.2"], "66.0.0.127.bl.test": ["127.0.0.2"], "77.0.0.127.bl.test": ["127.0.0.2"]}
for _network in ("2.2.0.192", "88.0.0.127"):
    LISTED[f"{_network}.bl.test"] = ["127.0.0.2"]
    LISTED[f"{_network}.more.test"] = ["127.0.0.2"]


def let_others_in(folder):
    """Both programs give up being root, and must still reach their files in the test's folder."""
    for part in [folder, *folder.parents]:
        if part != Path("/") and part.stat().st_uid == os.getuid() and not part.stat().st_mode & 1:
            part.chmod(part.stat().st_mode | 0o011)


class Postfix:
    """Debian's postfix in a folder and on a port of its own; it takes mail for home.test and throws it away."""

    def __init__(self, folder, checks):
        self.folder, self.checks, self.port = Path(folder), checks, free_port()

    def __enter__(self):
        for name in ("config", "queue", "data"):
            (self.folder / name).mkdir(parents=True)
        shutil.chown(self.folder / "data", "postfix")
        let_others_in(self.folder)
        config = self.folder / "config"
        (config / "main.cf").write_text(
            f"""
compatibility_level = 3.6
queue_directory = {self.folder}/queue
data_directory = {self.folder}/data
mail_owner = postfix
myhostname = mx.home.test
mydestination =
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = home.test
virtual_transport = discard:
mynetworks =
inet_protocols = ipv4
inet_interfaces = 127.0.0.1
smtpd_peername_lookup = no
smtpd_delay_reject = yes
maillog_file = {self.folder}/postfix.log
maillog_file_prefixes = {self.folder}
smtpd_relay_restrictions = reject_unauth_destination
{self.checks}
"""
        )
        (config / "master.cf").write_text(
            f"""
127.0.0.1:{self.port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
discard unix - - n - - discard
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
proxymap unix - - n - - proxymap
"""
        )
        subprocess.run(["postfix", "-c", str(config), "start"], check=True, capture_output=True, timeout=60)
        until(self._listens, "postfix on its port", 60)
        return self

    def _listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
            return True
        except OSError:
            return False

    def __exit__(self, *_):
        subprocess.run(["postfix", "-c", str(self.folder / "config"), "stop"], capture_output=True, timeout=60)

    def rcpt(self, source, sender, recipient):
        with smtplib.SMTP("127.0.0.1", self.port, source_address=(source, 0), timeout=60) as client:
            client.ehlo("client.test")
            client.mail(sender)
            code, text = client.rcpt(recipient)
            client.rset()
        return code, text.decode()


pytestmark = pytest.mark.skipif(
    not shutil.which("postfix", path="/usr/sbin:/sbin") or not os.path.exists("/usr/sbin/grossd"),
    reason="needs Debian's postfix and gross, which tests/run installs",
)


@pytest.fixture
def greylister(tmp_path):
    with Names(LISTED) as names, Greylisting(tmp_path / "greylister", SETTINGS, names) as server:
        yield server


def checks_of(protocol, server):
    if protocol == "policy":
        return f"smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:{server.port('policy')}"
    return f"smtpd_milters = inet:127.0.0.1:{server.port('milter')}\nmilter_default_action = tempfail"


@pytest.mark.parametrize("protocol", ["policy", "milter"])
def test_postfix_asks_and_does_as_it_is_told(protocol, greylister, tmp_path):
    with Postfix(tmp_path / "postfix", checks_of(protocol, greylister)) as postfix:
        assert postfix.rcpt("127.0.0.5", "a@far.test", "bob@home.test")[0] == 250
        code, text = postfix.rcpt("127.0.0.66", "a@far.test", "bob@home.test")
        assert code in (450, 451) and "Please try again later." in text, text
        code, text = postfix.rcpt("127.0.0.88", "a@far.test", "bob@home.test")
        assert code in (550, 554) and "Bad reputation" in text, text
        assert postfix.rcpt("127.0.0.66", "", "bob@home.test")[0] == 250
        assert postfix.rcpt("127.0.0.66", "a@far.test", "postmaster@home.test")[0] == 250

        def again():
            code, text = postfix.rcpt("127.0.0.77", "a@far.test", "bob@home.test")
            return (451 if code == 450 else code), text

        assert accepted_after(again)[0][0] == 250
        ways = {decision["way"] for decision in greylister.json("greylist", "list")}
        assert ways == {protocol}


def test_whole_messages_go_through_policy_and_milter_together(greylister, tmp_path):
    both = "\n".join(checks_of(protocol, greylister) for protocol in ("policy", "milter"))
    with Postfix(tmp_path / "postfix", both) as postfix:
        with smtplib.SMTP("127.0.0.1", postfix.port, source_address=("127.0.0.77", 0), timeout=60) as client:

            def send(sender):
                client.ehlo("client.test")
                client.mail(sender)
                code, text = client.rcpt("bob@home.test")
                if code != 250:
                    client.rset()
                    return (451 if code == 450 else code), text
                return client.data(b"Subject: through\r\n\r\nhello\r\n")

            assert is_grey(send("a@far.test"))
            assert accepted_after(lambda: send("a@far.test"))[0][0] == 250
            # Further messages of one session: each is judged by its own sender.
            assert is_grey(send("b@far.test"))
            assert send("a@far.test")[0] == 250
        decisions = greylister.json("greylist", "list", "--sender", "a@far.test")
        assert {one["way"] for one in decisions if one["action"] == "match"} == {"policy", "milter"}


def test_postfix_defers_while_the_milter_is_away(greylister, tmp_path):
    greylister.stop()
    greylister.arguments = ["demo", "--data", str(greylister.data)]
    greylister.start()
    with Postfix(tmp_path / "postfix", checks_of("milter", greylister)) as postfix:
        assert postfix.rcpt("127.0.0.5", "a@far.test", "bob@home.test")[0] == 250
        with smtplib.SMTP("127.0.0.1", postfix.port, source_address=("127.0.0.5", 0), timeout=120) as client:
            client.ehlo("client.test")
            client.mail("a@far.test")
            greylister.kill()
            assert client.rcpt("bob@home.test")[0] == 451
        greylister.start()
        until(lambda: postfix.rcpt("127.0.0.5", "a@far.test", "bob@home.test")[0] == 250, "the milter to be asked again", 60)


class Gross:
    """Debian's grossd on a port of its own, in the foreground, asking the same names."""

    def __init__(self, folder):
        self.folder, self.port = Path(folder), free_port()

    def __enter__(self):
        self.folder.mkdir(parents=True)
        let_others_in(self.folder)
        config = self.folder / "grossd.conf"
        config.write_text(
            f"host = 127.0.0.1\nport = {self.port}\nsync_port = {free_port()}\nprotocol = sjsms\nprotocol = postfix\n"
            "grey_delay = 2\nfilter_bits = 20\n"
        )
        self.log = open(self.folder / "grossd.log", "wb")
        self.process = subprocess.Popen(["/usr/sbin/grossd", "-d", "-f", str(config)], stdout=self.log, stderr=self.log)
        try:
            until(self._listens, "grossd on its port", 60)
        except AssertionError:
            self.__exit__()
            raise
        return self

    def _listens(self):
        assert self.process.poll() is None, (self.folder / "grossd.log").read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
            return True
        except OSError:
            return False

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=30)
        self.log.close()


def test_grossd_gives_the_same_answers(tmp_path):
    """Both without lists, which makes both greylist everybody: grossd asks the name servers of the machine only."""
    with Greylisting(tmp_path / "ours", 'grey_delay = "2s"') as ours, Gross(tmp_path / "theirs") as theirs:
        for client, sender in (("192.0.2.1", "a@far.test"), ("192.0.2.200", "b@far.test")):
            one = datagrams(ours.port("gross"), client, sender, "bob@home.test")
            other = datagrams(theirs.port, client, sender, "bob@home.test")
            assert [answer[:13] for answer in one] == [answer[:13] for answer in other] == ["G $X4.4.3|$NP"]
        assert is_grey(policy(ours, "192.0.2.1", "c@far.test", "bob@home.test"))
        assert is_grey(policy(theirs.port, "192.0.2.1", "c@far.test", "bob@home.test"))
        for port in (ours.port("gross"), theirs.port):
            answer, _ = accepted_after(lambda: datagrams(port, "192.0.2.9", "a@far.test", "bob@home.test")[-1])
            assert answer == "M $Y"
        for port in (ours.port("policy"), theirs.port):
            answer, _ = accepted_after(lambda: policy(port, "192.0.2.9", "c@far.test", "bob@home.test"))
            assert answer.lower() == "dunno"


def test_both_leave_rubbish_unanswered(tmp_path):
    with Greylisting(tmp_path / "ours", "") as ours, Gross(tmp_path / "theirs") as theirs:
        for port in (ours.port("gross"), theirs.port):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
                asking.settimeout(0.5)
                asking.connect(("127.0.0.1", port))
                asking.send(struct.pack(">HH", 1, 6) + b"hello\0")
                with pytest.raises(TimeoutError):
                    asking.recv(100)
