"""A mail server elsewhere: takes what comes, or refuses what the test says, and remembers it."""

import socketserver
import threading


class Talker(socketserver.StreamRequestHandler):
    """One side of SMTP, line by line; what is said is in `converse`."""

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        try:
            self.converse()
        except OSError:
            pass  # the other side is gone: what was not answered does not count for it


class Sink:
    def __init__(self, refuse=()):
        self.messages = []
        self.refuse = dict(refuse)
        sink = self

        class Handler(Talker):
            def converse(self):
                self.say("220 sink.test ESMTP")
                sender, recipients = None, []
                while line := self.rfile.readline():
                    command = line.decode("utf-8", "replace").strip()
                    verb = command[:4].upper()
                    if verb == "EHLO":
                        self.say("250-sink.test")
                        self.say("250-PIPELINING")
                        self.say("250 8BITMIME")
                    elif verb == "MAIL":
                        sender, recipients = command, []
                        self.say("250 2.1.0 ok")
                    elif verb == "RCPT":
                        address = command.split("<", 1)[1].split(">", 1)[0]
                        if reply := sink.refuse.get(address):
                            self.say(reply)
                        else:
                            recipients.append(address)
                            self.say("250 2.1.5 ok")
                    elif verb == "DATA":
                        if not recipients:
                            self.say("503 5.5.1 no recipients")
                            continue
                        self.say("354 go on")
                        body = b""
                        while (line := self.rfile.readline()) not in (b".\r\n", b""):
                            body += line[1:] if line.startswith(b".") else line
                        if line == b"":
                            return  # cut off within the message
                        sink.messages.append((sender, recipients, body))
                        self.say("250 2.0.0 taken")
                    elif verb == "QUIT":
                        return self.say("221 2.0.0 bye")
                    else:
                        self.say("250 2.0.0 ok")

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
