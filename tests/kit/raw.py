"""A client that speaks SMTP line by line, so that a test sees every reply as it comes."""

import socket
import ssl
import time


class Raw:
    def __init__(self, port, source=None, implicit=None, seconds=60):
        address = (source, 0) if source else None
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds, source_address=address)
        if implicit:
            self.socket = implicit.wrap_socket(self.socket, server_hostname="localhost")
        self.reader = self.socket.makefile("rb")

    def reply(self):
        """One reply with all its lines, or an empty text at the end."""
        lines = []
        while line := self.reader.readline():
            lines.append(line.decode("utf-8", "replace").rstrip("\r\n"))
            if len(line) < 4 or line[3:4] != b"-":
                break
        return "\n".join(lines)

    def send(self, line):
        self.socket.sendall(line.encode() + b"\r\n")

    def ask(self, line):
        self.send(line)
        return self.reply()

    def timed(self, line):
        """A reply and how many seconds it took."""
        begun = time.monotonic()
        reply = self.ask(line)
        return reply, time.monotonic() - begun

    def start_tls(self, context: ssl.SSLContext):
        assert self.ask("STARTTLS").startswith("220")
        self.reader.close()
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.reader = self.socket.makefile("rb")

    def everything(self):
        """All that the server sends until it closes."""
        return self.reader.read()

    def data(self, message):
        assert self.ask("DATA").startswith("354")
        self.socket.sendall(message + b"\r\n.\r\n")
        return self.reply()

    def close(self):
        self.reader.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
