"""Filters played by the test: each behaves as it is told, and remembers what it was asked."""

import socket
import socketserver
import struct
import threading
import time


class Played:
    """A TCP server whose behaviour can change while it runs."""

    def __init__(self, handle):
        self.asked = []
        self.mood = "well"
        self.release = threading.Event()
        played = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                try:
                    handle(played, self.request)
                except (ConnectionError, OSError):
                    pass

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 64

        self.server = None
        self.make = lambda port: Server(("127.0.0.1", port), Handler)
        self.listen(0)

    def listen(self, port):
        """Listens on this port, or on any; until now on another."""
        if self.server is not None:
            self.server.server_close()
        self.server = self.make(port)
        self.host = f"127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()

    def misbehaves(self, connection):
        """Does what the mood says in the middle of a conversation; true when nothing more is to be said."""
        if self.mood == "hang":
            self.release.wait()
            return True
        if self.mood == "close":
            return True
        if self.mood == "garbage":
            connection.sendall(b"\xff\xfe\xfd nothing that a filter would say \r\n\r\n\0")
            return True
        return False


def exactly(connection, octets):
    data = b""
    while len(data) < octets:
        piece = connection.recv(octets - len(data))
        if not piece:
            raise ConnectionError
        data += piece
    return data


def clamd(virus=b"EICAR-STANDARD", sees=bytes):
    """Finds `virus` in whatever holds the EICAR text, as far as it `sees` into a message."""

    def handle(played, connection):
        exactly(connection, len(b"zINSTREAM\0"))
        message = b""
        while length := struct.unpack(">I", exactly(connection, 4))[0]:
            message += exactly(connection, length)
            if played.misbehaves(connection):
                return
        played.asked.append(message)
        found = virus + b" FOUND" if b"EICAR" in sees(message) else b"OK"
        connection.sendall(b"stream: " + found + b"\0")

    return Played(handle)


def spamd():
    """Takes everything with the GTUBE text for spam; what it is to rewrite gets a field more."""

    def handle(played, connection):
        file = connection.makefile("rb")
        verb = file.readline().split()[0]
        length, fields = 0, {}
        while (line := file.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            fields[name.lower().decode()] = value.strip().decode()
        length = int(fields["content-length"])
        message = file.read(length)
        if played.misbehaves(connection):
            return
        played.asked.append((verb.decode(), fields, message))
        if verb == b"TELL":
            connection.sendall(b"SPAMD/1.1 0 EX_OK\r\nDidSet: local\r\nContent-length: 0\r\n\r\n")
            return
        spam = b"GTUBE" in message
        body = b"GTUBE" if spam else b""
        if verb == b"PROCESS":
            body = b"X-Rewritten: yes\r\n" + message
        verdict = b"True ; 1000.0 / 5.0" if spam else b"False ; 0.1 / 5.0"
        connection.sendall(b"SPAMD/1.1 0 EX_OK\r\nContent-length: %d\r\nSpam: %s\r\n\r\n%s" % (len(body), verdict, body))

    return Played(handle)


def rspamd(answer):
    """Answers every message with what `answer(message, fields)` gives: JSON as text."""

    def handle(played, connection):
        file = connection.makefile("rb")
        while True:
            first = file.readline()
            if not first:
                return
            fields = []
            while (line := file.readline().strip()) != b"":
                name, _, value = line.partition(b":")
                fields.append((name.lower().decode(), value.strip().decode()))
            message = file.read(int(dict(fields)["content-length"]))
            if played.misbehaves(connection):
                return
            played.asked.append((first.split()[1].decode(), fields, message))
            json = answer(message, fields).encode()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(json), json))

    return Played(handle)


def icap(threat="Eicar"):
    """An ICAP server that takes previews and finds `threat` in the EICAR text."""

    def head(file):
        lines = []
        while True:
            line = file.readline()
            if not line:
                raise ConnectionError
            if line.strip() == b"":
                return lines
            lines.append(line.strip().decode())

    def chunks(file):
        data = b""
        while True:
            size = file.readline().strip()
            length = int(size.split(b";")[0], 16)
            if length == 0:
                file.readline()
                return data, b"ieof" in size
            data += file.read(length)
            file.readline()

    def handle(played, connection):
        file = connection.makefile("rb")
        while True:
            lines = head(file)
            if lines[0].startswith("OPTIONS"):
                connection.sendall(
                    b"ICAP/1.0 200 OK\r\nMethods: RESPMOD\r\nPreview: 64\r\nAllow: 204\r\nEncapsulated: null-body=0\r\n\r\n"
                )
                continue
            head(file)  # the made-up request
            head(file)  # the response's head
            message, is_whole = chunks(file)
            if played.misbehaves(connection):
                return
            if not is_whole:
                connection.sendall(b"ICAP/1.0 100 Continue\r\n\r\n")
                message += chunks(file)[0]
            played.asked.append(message)
            if b"EICAR" in message:
                page = b"HTTP/1.1 403 Forbidden\r\n\r\n"
                connection.sendall(
                    b"ICAP/1.0 200 OK\r\nX-Infection-Found: Type=0; Resolution=2; Threat=%s;\r\n"
                    b"Encapsulated: res-hdr=0, res-body=%d\r\n\r\n%s4\r\npage\r\n0\r\n\r\n"
                    % (threat.encode(), len(page), page)
                )
            else:
                connection.sendall(b"ICAP/1.0 204 No Content\r\n\r\n")

    return Played(handle)


def milter(at_end=lambda message: [b"c"], rcpt=lambda address: b"c"):
    """A milter: `at_end` gives the frames that answer the end of a message, `rcpt` the one that answers a recipient."""

    def send(connection, content):
        connection.sendall(struct.pack(">I", len(content)) + content)

    def handle(played, connection):
        said = {"header": [], "body": b"", "rcpt": [], "macros": {}}
        while True:
            (length,) = struct.unpack(">I", exactly(connection, 4))
            content = exactly(connection, length)
            kind, data = content[:1], content[1:]
            if kind == b"O":
                send(connection, b"O" + struct.pack(">III", 6, 0x1FF, 0))
                continue
            if kind == b"D":
                words = data[1:].split(b"\0")[:-1]
                said["macros"].update(zip(words[::2], words[1::2]))
                continue
            if kind in b"QAK":
                if kind == b"Q":
                    return
                continue
            if kind == b"M":
                said.update(header=[], body=b"", rcpt=[], sender=data.split(b"\0")[0])
            if kind == b"L":
                said["header"].append(tuple(data.split(b"\0")[:2]))
            if kind == b"B":
                said["body"] += data
                if played.misbehaves(connection):
                    return
            if kind == b"R":
                address = data.split(b"\0")[0]
                said["rcpt"].append(address)
                send(connection, rcpt(address))
                continue
            if kind == b"E":
                played.asked.append(dict(said))
                for frame in at_end(said):
                    send(connection, frame)
                continue
            send(connection, b"c")

    return Played(handle)


def nobody():
    """A host where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def seconds(work):
    """How long something takes, and what it gives."""
    begun = time.monotonic()
    result = work()
    return time.monotonic() - begun, result
