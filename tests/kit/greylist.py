"""Asking a greylister in each of its protocols."""

import contextlib
import smtplib
import socket
import struct
import time

from kit.nodes import free_port
from kit.server import Server
from kit.wait import until


class Greylisting(Server):
    """The demo with a greylister: `settings` are lines of [greylist], `names` is who answers questions for names."""

    def __init__(self, folder, settings, names=None, protocols=("policy", "milter", "gross")):
        super().__init__(folder)
        self.settings, self.names, self.protocols = settings, names, protocols

    def start(self):
        if not (self.data / "heliograph.toml").exists():
            with Server(self.folder):
                pass
            self._configure()
        return super().start()

    def _configure(self):
        listeners = "".join(
            f'\n[[listeners]]\nprotocol = "{protocol}"\naddress = "127.0.0.1:0"\n'
            + ('answers_from = "greylist"\n' if protocol == "policy" else "")
            for protocol in self.protocols
        )
        dns = f'\n[dns]\nservers = ["127.0.0.1:{self.names.port}"]\n' if self.names else ""
        file = self.data / "heliograph.toml"
        file.write_text(f"{file.read_text()}{listeners}{dns}\n[greylist]\nexempt_networks = []\n{self.settings}\n")
        self.command("config", "check", str(file))


@contextlib.contextmanager
def pair(folder, settings):
    """Two servers, each the peer of the other, connected."""
    ports = [free_port(), free_port()]
    nodes = []
    for here, there, name in ((0, 1, "one"), (1, 0, "two")):
        peer = f'{settings}\nsecret = "a secret that both of them know"\npeer = "127.0.0.1:{ports[there]}"'
        node = Greylisting(folder / name, peer, protocols=("policy",))
        with node:
            pass
        file = node.data / "heliograph.toml"
        listener = f'[[listeners]]\nprotocol = "greylist-peer"\naddress = "127.0.0.1:{ports[here]}"\n'
        file.write_text(f"{file.read_text()}\n{listener}")
        # From here on with the ports that stand in the file: each names the other's.
        node.arguments = ["demo", "--data", str(node.data)]
        nodes.append(node)
    with nodes[0], nodes[1]:
        for node in nodes:
            until(lambda: node.json("greylist", "status")["peer_connected"], "a connection between the nodes", 60)
        yield nodes


def rcpt(server, source, sender, recipient):
    """The reply to RCPT over SMTP, from a client with this address of 127.0.0.0/8."""
    with smtplib.SMTP("127.0.0.1", server.port("smtp"), source_address=(source, 0), timeout=60) as client:
        client.ehlo("client.test")
        client.mail(sender)
        code, text = client.rcpt(recipient)
        client.rset()
    return code, text.decode()


def policy(server, client, sender, recipient, **attributes):
    """The action that Postfix would be told."""
    port = server if isinstance(server, int) else server.port("policy")
    lines = {
        "request": "smtpd_access_policy",
        "protocol_state": "RCPT",
        "client_address": client,
        "helo_name": "client.test",
        "sender": sender,
        "recipient": recipient,
        **attributes,
    }
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall("".join(f"{name}={value}\n" for name, value in lines.items()).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n\n"):
            piece = connection.recv(4096)
            assert piece, f"the policy server closed the connection after {answer!r}"
            answer += piece
    assert answer.startswith(b"action="), answer
    return answer[len(b"action=") :].strip().decode()


def datagrams(port, client, sender, recipient, hello="client.test", last=True, seconds=30):
    """The answers to one datagram of Sun's protocol, up to the one that is a verdict."""
    text = f"sender={sender}\nrecipient={recipient}\nclient_address={client}\nhelo_name={hello}\n\n".encode()
    answers = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(seconds)
        asking.connect(("127.0.0.1", port))
        asking.send(struct.pack(">HH", 2, len(text)) + text)
        while not answers or answers[-1] == "P":
            answers.append(asking.recv(4096).decode())
    return answers


def accepted_after(ask, seconds=30):
    """Asks until the answer is no refusal for now; gives that answer and how long it took."""
    began = time.monotonic()
    while True:
        answer = ask()
        if not is_grey(answer):
            return answer, time.monotonic() - began
        assert time.monotonic() - began < seconds, f"still {answer} after {seconds} s"
        time.sleep(0.1)


def is_grey(answer):
    if isinstance(answer, tuple):
        return answer[0] == 451
    return answer.lower().startswith(("defer_if_permit", "g "))
