"""A name server of a test's own: answers from a table, and can be slow or silent."""

import socket
import struct
import threading

A, MX, NXDOMAIN = 1, 15, 3


class Names:
    """Answers A questions over UDP from `table` (name -> addresses), and MX questions from `exchangers` (domain -> host).
    `delay` is in seconds; `silent` answers nothing."""

    def __init__(self, table=None, delay=0.0, silent=False, address=("127.0.0.1", 0), exchangers=None):
        self.exchangers = exchangers or {}
        self.table = {name.lower(): addresses for name, addresses in (table or {}).items()}
        self.delay, self.silent = delay, silent
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.address = self.socket.getsockname()
        self.port = self.address[1]
        self.timers = []

    def __enter__(self):
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        for timer in self.timers:
            timer.cancel()
        # Closing alone does not wake a thread that waits.
        self.silent = True
        stop = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        stop.sendto(b"", self.address)
        stop.close()
        self.thread.join(timeout=10)
        self.socket.close()

    def _serve(self):
        while True:
            question, client = self.socket.recvfrom(4096)
            if len(question) < 12:
                return
            name, kind, end = read_question(question)
            self.asked.append(name)
            if self.silent:
                continue
            answer = self._answer(question, name, kind, end)
            if self.delay:
                timer = threading.Timer(self.delay, self._send, (answer, client))
                timer.daemon = True
                self.timers.append(timer)
                timer.start()
            else:
                self._send(answer, client)

    def _send(self, answer, client):
        try:
            self.socket.sendto(answer, client)
        except OSError:
            pass  # the test is over

    def _answer(self, question, name, kind, end):
        if host := self.exchangers.get(name.lower()):
            return self._exchanger(question, host if kind == MX else None, end)
        addresses = self.table.get(name.lower())
        found = addresses if addresses and kind == A else []
        code = NXDOMAIN if addresses is None else 0
        records = b"".join(
            b"\xc0\x0c" + struct.pack(">HHIH", A, 1, 60, 4) + socket.inet_aton(address) for address in found
        )
        flags = 0x8180 | code
        return question[:2] + struct.pack(">HHHHH", flags, 1, len(found), 0, 0) + question[12:end] + records

    def _exchanger(self, question, host, end):
        data = b"\0\x0a" + b"".join(bytes([len(label)]) + label.encode() for label in host.split(".")) + b"\0" if host else b""
        record = b"\xc0\x0c" + struct.pack(">HHIH", MX, 1, 60, len(data)) + data if host else b""
        return question[:2] + struct.pack(">HHHHH", 0x8180, 1, int(bool(host)), 0, 0) + question[12:end] + record


def read_question(packet):
    """The name asked for, its type, and where the question ends."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode("ascii", "replace"))
        at += 1 + packet[at]
    [kind] = struct.unpack(">H", packet[at + 1 : at + 3])
    return ".".join(labels), kind, at + 5
