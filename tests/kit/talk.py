"""Reads and plays `.talk` dialogues; the format is told in tests/dialogues/README.md."""

import re
import socket
from dataclasses import dataclass, field
from pathlib import Path

SECONDS = 15


@dataclass
class Step:
    number: int
    connection: str
    kind: str
    text: str


@dataclass
class Dialogue:
    path: Path
    protocol: str = ""
    login: str = ""
    differs: dict = field(default_factory=dict)
    steps: list = field(default_factory=list)


def read(path: Path) -> Dialogue:
    dialogue = Dialogue(path)
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if match := re.match(r"(protocol|login): (\S+)$", line):
            setattr(dialogue, match[1], match[2])
        elif line.startswith("engine: "):
            continue  # what the engine's caller decides when the file runs without a server
        elif match := re.match(r"differs: (\S+) because (.+)$", line):
            dialogue.differs[match[1]] = match[2]
        elif match := re.match(r"(?:(\w+) )?(C|S|S\*|S\?|raw):(?: (.*))?$", line):
            dialogue.steps.append(Step(number, match[1] or "-", match[2], match[3] or ""))
        elif match := re.match(r"(?:(\w+) )?end$", line):
            dialogue.steps.append(Step(number, match[1] or "-", "end", ""))
        else:
            raise AssertionError(f"{path}:{number}: not a line of a dialogue: {line}")
    assert dialogue.protocol, f"{path}: says no protocol"
    return dialogue


class Line:
    """One connection, read by line."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb")
        self.held = []

    def send(self, octets: bytes):
        self.socket.sendall(octets)

    def receive(self):
        """The next line without CRLF, or None at the end."""
        if self.held:
            return self.held.pop(0)
        octets = self.reader.readline(1 << 20)
        if not octets:
            return None
        assert octets.endswith(b"\r\n"), f"a line that does not end in CRLF: {octets!r}"
        return octets[:-2].decode("utf-8", "replace")

    def close(self):
        self.reader.close()
        self.socket.close()


class Player:
    """Plays one dialogue against one server."""

    def __init__(self, dialogue, address, accounts):
        self.dialogue, self.address, self.accounts = dialogue, address, accounts
        self.names = {}
        for name, account in accounts.items():
            self.names[name] = account.address
            self.names[f"{name}.password"] = account.password
        self.connections = {}

    def fill(self, text):
        return re.sub(r"\{([\w.]+)\}", lambda match: self.names.get(match[1], match[0]), text)

    def fits(self, pattern, line):
        """Whether the line fits; names what the pattern keeps."""
        parts = re.split(r"(\{(?:\w+=)?…\})", self.fill(pattern))
        expression, kept = "", []
        for part in parts:
            if match := re.fullmatch(r"\{(?:(\w+)=)?…\}", part):
                expression += "(.*?)"
                kept.append(match[1])
            else:
                expression += re.escape(part)
        match = re.fullmatch(expression, line or "", re.DOTALL)
        if match is None or line is None:
            return False
        self.names.update({name: value for name, value in zip(kept, match.groups()) if name})
        return True

    def connection(self, name):
        if name not in self.connections:
            self.connections[name] = Line(self.address)
            if self.dialogue.login:
                self.log_in(self.connections[name])
        return self.connections[name]

    def log_in(self, line):
        account = self.accounts[self.dialogue.login]
        line.receive()
        if self.dialogue.protocol == "imap":
            line.send(f'login LOGIN "{account.address}" "{account.password}"\r\n'.encode())
            while not (answer := line.receive() or "").startswith("login "):
                assert answer, "the server closed the connection at login"
            assert answer.startswith("login OK"), answer
        else:
            for command in (f"USER {account.address}", f"PASS {account.password}"):
                line.send(f"{command}\r\n".encode())
                answer = line.receive()
                assert answer and answer.startswith("+OK"), answer

    def play(self):
        try:
            steps = list(self.dialogue.steps)
            while steps:
                step = steps.pop(0)
                if step.kind == "S?":
                    group = [step]
                    while steps and steps[0].kind == "S?" and steps[0].connection == step.connection:
                        group.append(steps.pop(0))
                    self.any_order(group)
                else:
                    self.step(step)
        finally:
            for connection in self.connections.values():
                connection.close()

    def step(self, step):
        line = self.connection(step.connection)
        if step.kind == "C":
            line.send(self.fill(step.text).encode() + b"\r\n")
        elif step.kind == "raw":
            line.send(self.fill(step.text).encode().decode("unicode_escape").encode("latin-1"))
        elif step.kind == "S":
            received = line.receive()
            assert self.fits(step.text, received), self.told(step, received)
        elif step.kind == "S*":
            while self.fits(step.text, received := line.receive()):
                pass
            if received is not None:
                line.held.insert(0, received)
        elif step.kind == "end":
            received = line.receive()
            assert received is None, self.told(step, received)

    def any_order(self, group):
        line = self.connection(group[0].connection)
        waiting = list(group)
        while waiting:
            received = line.receive()
            fitting = [step for step in waiting if self.fits(step.text, received)]
            assert fitting, self.told(waiting[0], received)
            waiting.remove(fitting[0])

    def told(self, step, received):
        return f"{self.dialogue.path}:{step.number}: expected {self.fill(step.text)!r}, received {received!r}"
